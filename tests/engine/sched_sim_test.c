/*
 * sched_sim_test.c - pools, tasks and actors under seeds: hundreds of thousands of random steps, an audit after each, a model beside them.
 *
 * A seed makes a world of eight sessions and runs it; every other one is drained at its end, so that all that was asked must be answered. The same seed
 * again gives the same answers. What fails prints its seed: SLUICE_SCHED_SEED=N runs that one alone, SLUICE_SCHED_LOG=1 prints its steps.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sched_sim.h"

enum { SEEDS = 44, SEEDS_SANITIZED = 12, STEPS = 5000 };

/* Which seed runs, for on_abort: made ahead, since a handler may only write. */
static char where[96];

static void on_abort(int number)
{
    (void)number;
    (void)!write(STDERR_FILENO, where, strlen(where));
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value ? strtoull(value, NULL, 10) : otherwise;
}

static uint64_t run_seed(uint64_t seed, uint64_t steps, uint64_t *total)
{
    struct sim *s = sim_new(seed, getenv("SLUICE_SCHED_LOG") != NULL);
    snprintf(where, sizeof where, "SLUICE_SCHED_SEED=%" PRIu64 " runs it again\n", seed);
    while (s->step < steps)
        sim_move(s);
    if (seed % 2)
        sim_drain(s);
    uint64_t digest = s->digest;
    *total += s->step;
    if (getenv("SLUICE_SCHED_SEED"))
        printf("%" PRIu64 " steps, %" PRIu64 " tasks, %" PRIu64 " attempts, %" PRIu64
               " waits with a slot after, %" PRIu64 " calls, %" PRIu64 " deaths\n",
               s->step, s->tasks_count, s->jobs, s->withheld, s->by_op[OP_CALL], s->by_op[OP_DETACH]);
    sim_free(s);
    return digest;
}

static void seeds_hold_and_repeat(void **state)
{
    (void)state;
    uint64_t one = setting("SLUICE_SCHED_SEED", 0), steps = setting("SLUICE_SCHED_STEPS", STEPS), total = 0;
    uint64_t seeds = setting("SLUICE_SCHED_SEEDS", getenv("SLUICE_SANITIZED") ? SEEDS_SANITIZED : SEEDS);
    for (uint64_t seed = one ? one : 1; seed < (one ? one + 1 : seeds + 1); seed++) {
        uint64_t digest = run_seed(seed, steps, &total);
        if (seed % 10 == 0)
            assert_true(run_seed(seed, steps, &total) == digest);
    }
    assert_true(one || total >= seeds * steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds_hold_and_repeat)};
    signal(SIGABRT, on_abort);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

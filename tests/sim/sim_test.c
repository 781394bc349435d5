/*
 * sim_test.c - the engine under seeds: hundreds of thousands of random steps, an audit after each, a model beside it.
 *
 * A seed makes a world of six actors and runs it; the same seed again must give the same answers to the last byte. Some worlds have little
 * memory and low limits. What fails prints its seed: SLUICE_SIM_SEED=N runs that one alone, SLUICE_SIM_LOG=1 prints its steps.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "moves.h"

enum { SEEDS = 40, SEEDS_SANITIZED = 12, STEPS = 15000 };

/* Which seed runs, for on_abort: made ahead, since a handler may only write. */
static char where[96];

void sim_fail(const char *condition, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    va_start(arguments, format);
    fprintf(stderr, "sim: %s: ", condition);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

static void on_abort(int number)
{
    (void)number;
    (void)!write(STDERR_FILENO, where, strlen(where));
}

static struct engine_options options_of(uint64_t seed)
{
    struct engine_options o = {.seed = seed};
    if (seed % 4 == 1)
        o.limits = (struct limits){
            .sessions_max = 4, .objects_max = 12, .handles_max = 6, .calls_max = 12, .resume_max_ns = 50};
    if (seed % 8 == 2)
        o.limits.memory_max = (UINT64_C(1) << 20) + 4096 + 40000; /* one payload more than what it may use */
    return o;
}

static uint64_t run_seed(uint64_t seed, uint64_t steps, bool report)
{
    struct sim *s = calloc(1, sizeof *s);
    assert_non_null(s);
    struct engine_options options = options_of(seed);
    snprintf(where, sizeof where, "SLUICE_SIM_SEED=%" PRIu64 " runs it again\n", seed);
    s->log = report && getenv("SLUICE_SIM_LOG");
    if (s->log)
        setvbuf(stdout, NULL, _IOLBF, 0);
    s->seed = seed;
    s->rng.state = seed * UINT64_C(0x9e3779b97f4a7c15);
    s->engine = engine_new(&options);
    MUST(s->engine, "no engine");
    while (s->oracle.step < steps)
        sim_move(s);
    if (report && getenv("SLUICE_SIM_SEED"))
        for (int i = 0; i < 64; i++)
            if (s->by_status[i])
                printf("%8" PRIu64 " %s\n", s->by_status[i], status_name((enum status)i));
    uint64_t hash = s->hash;
    engine_free(s->engine);
    oracle_done(&s->oracle);
    holds_done(&s->holds);
    free(s);
    return hash;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_seeds_hold_and_repeat(void **state)
{
    (void)state;
    uint64_t one = setting("SLUICE_SIM_SEED", 0), steps = setting("SLUICE_SIM_STEPS", STEPS);
    uint64_t first = one ? one : 1,
             count =
                 one ? 1 : setting("SLUICE_SIM_SEEDS", getenv("SLUICE_SANITIZED") ? SEEDS_SANITIZED : SEEDS);
    for (uint64_t seed = first; seed < first + count; seed++) {
        uint64_t once = run_seed(seed, steps, true);
        if (seed % 3 == 0 || one)
            assert_int_equal(run_seed(seed, steps, false), once);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_seeds_hold_and_repeat)};
    signal(SIGABRT, on_abort);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

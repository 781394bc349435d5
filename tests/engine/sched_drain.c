/*
 * sched_drain.c - how a random world begins and ends (sched_sim.h).
 *
 * It begins with sessions, actors, channels and a context; pools come and go. To drain it, the observer takes every obstacle away, serves every pool and actor
 * itself, and lets time pass, until nothing is left to do: then everything that was asked must have been answered.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sched_sim.h"

static void free_pool(struct sim *s, int i)
{
    struct op op = {.code = OP_TUNE, .tune.ref = by_name(sim_name('p', i))};
    struct sim_ask about = {.pool = i, .limit = -1};
    op.tune.has_limit = op.tune.has_pause = op.tune.has_burst = true;
    op.tune.limit = -1;
    op.tune.burst = UINT64_MAX;
    sim_ask(s, 0, &op, about);
}

/* A worker of the observer's that does everything; its index. */
static int work_all(struct sim *s, int pool)
{
    static const struct bytes all[] = {{"", 0}, {"g", 1}, {"h", 1}};
    SIM_MUST(s->workers_count < SIM_WORKERS, "too many workers");
    int i = s->workers_count++;
    s->workers[i] = (struct sim_worker){
        .made = s->pools[pool].made, .pool = pool, .functions = 7, .slots = SLOTS_MAX, .left = true};
    struct op op = {.code = OP_WORK, .work = {by_name(sim_name('p', pool)), SLOTS_MAX, all, 3}};
    sim_ask(s, 0, &op, (struct sim_ask){.pool = pool, .worker = i});
    return i;
}

static void end_all(struct sim *s)
{
    for (uint64_t i = 1; i <= s->tasks_count; i++) {
        struct sim_task *t = &s->tasks[i];
        if (!t->live)
            continue;
        struct op op = {.code = OP_END, .end.ref.task = i, .end.token = t->token};
        sim_ask(s, 0, &op, (struct sim_ask){.number = i, .token = t->token});
    }
}

static void pull_all(struct sim *s, int pool, int worker)
{
    for (uint64_t jobs = UINT64_MAX; jobs != s->jobs;) {
        jobs = s->jobs;
        struct op op = {.code = OP_PULL, .no_wait = true};
        op.pull.ref = by_name(sim_name('p', pool));
        op.pull.token = s->workers[worker].token;
        struct sim_ask about = {.pool = pool, .worker = worker, .priority_least = INT32_MIN};
        sim_ask(s, 0, &op, about);
        sim_join_new(s);
    }
}

static void serve_all(struct sim *s, int actor)
{
    struct sim_actor *x = &s->actors[actor];
    const char *name = sim_name('x', actor);
    if (x->owner == SIM_NOBODY) {
        struct op op = begin(0, name);
        sim_ask(s, 0, &op, (struct sim_ask){.pool = SIM_NOBODY, .actor = actor});
    }
    for (;;) {
        char content[24];
        struct sim_ask about = {.pool = SIM_NOBODY, .actor = actor, .token = x->token, .number = x->number};
        struct op op = {.code = OP_SERVE, .no_wait = true, .serve = {by_name(name), x->token}};
        if (x->served) {
            snprintf(content, sizeof content, "%" PRIu64, x->served);
            about.limit = !s->calls[x->served].left;
            op = (struct op){.code = OP_REPLY,
                             .reply = {by_name(name), x->token, x->number, false, text(content)}};
            sim_ask(s, 0, &op, about);
            continue;
        }
        about.number = 0;
        sim_ask(s, 0, &op, about);
        if (!x->served)
            return;
    }
}

static uint64_t unfinished(const struct sim *s)
{
    uint64_t count = 0;
    for (uint64_t i = 1; i <= s->tasks_count; i++)
        count += !s->tasks[i].done;
    return count;
}

static void check_all_answered(struct sim *s)
{
    for (uint64_t i = 1; i <= s->tasks_count; i++)
        SIM_MUST(s->tasks[i].joined, "task %" PRIu64 " is not joined", i);
    for (uint64_t i = 1; i <= s->asks_count; i++) {
        const struct sim_ask *ask = &s->asks[i];
        if (ask->op == OP_GO || ask->op == OP_CALL || ask->op == OP_WAIT)
            SIM_MUST(ask->answered || ask->over, "route %" PRIu64 " is not answered", i);
    }
}

void sim_drain(struct sim *s)
{
    int workers[SIM_POOLS] = {0};
    for (int i = 0; i < SIM_POOLS; i++)
        if (s->pools[i].there) {
            free_pool(s, i);
            workers[i] = work_all(s, i);
        }
    for (int round = 0; round < 1000; round++) {
        for (int i = 0; i < SIM_POOLS; i++)
            if (s->pools[i].there)
                pull_all(s, i, workers[i]);
        sim_join_new(s);
        end_all(s);
        for (int i = 0; i < SIM_ACTORS; i++)
            serve_all(s, i);
        int64_t next = engine_next_deadline(s->engine);
        if (unfinished(s) == 0 && next == NEVER_NS)
            break;
        if (next != NEVER_NS)
            sim_time(s, next);
    }
    SIM_MUST(unfinished(s) == 0, "%" PRIu64 " are unfinished", unfinished(s));
    check_all_answered(s);
}

struct sim *sim_new(uint64_t seed, bool logs)
{
    struct sim *s = calloc(1, sizeof *s);
    struct engine_options options = {.seed = seed};
    assert_non_null(s);
    s->engine = engine_new(&options);
    s->asks_size = 1024;
    s->asks = calloc(s->asks_size, sizeof *s->asks);
    s->calls = calloc(s->asks_size, sizeof *s->calls);
    SIM_MUST(s->engine && s->asks && s->calls, "no memory");
    s->logs = logs;
    prng_seed(&s->prng, seed * 7919);
    for (int i = 0; i < SIM_SESSIONS; i++)
        sim_open(s, i);
    for (int i = 0; i < SIM_ACTORS; i++) {
        struct op op = make_object(0, sim_name('x', i), KIND_ACTOR);
        op.make.actor.fail = s->actors[i].fail = i == 1;
        s->actors[i].owner = SIM_NOBODY;
        sim_ask(s, 0, &op, (struct sim_ask){.pool = SIM_NOBODY});
    }
    for (int i = 0; i < SIM_CHANNELS; i++) {
        struct op op = make_channel(0, sim_name('c', i), 2 * i);
        op.make.channel.ordered = i == 2;
        sim_ask(s, 0, &op, (struct sim_ask){.pool = SIM_NOBODY});
    }
    struct op op = make_context(0, "ctx", NULL);
    sim_ask(s, 0, &op, (struct sim_ask){.pool = SIM_NOBODY});
    return s;
}

/*
 * sched_compare.c - the model of pools, tasks and actors against what the engine shows (sched_sim.h).
 *
 * Views are walked in order of creation, so a task that is new has the next number. Of each task the model knows, the view must say what the model says; where the
 * model does not know (which task waits, which is finished), it learns, and what it learns must follow from what was.
 */
#include <inttypes.h>
#include <stdio.h>

#include "sched_sim.h"

/* ---- What is new in the views ---- */

static void see_new_task(struct sim *s, const struct task_view *v, int pool)
{
    SIM_MUST(v->number == s->tasks_count + 1, "task %" PRIu64, v->number);
    SIM_MUST(v->number < SIM_TASKS, "too many tasks");
    s->tasks[++s->tasks_count] = (struct sim_task){
        .pool = pool,
        .made = s->pools[pool].made,
        .function = v->function.size ? (uint8_t)(*(const char *)v->function.data - 'f') : 0,
        .key = v->key.size ? (uint8_t)(*(const char *)v->key.data - 'k') : 0,
        .priority = v->priority,
        .retries = v->retries,
        .holder = SIM_NOBODY,
        .worker = SIM_NOBODY,
        .expiry_ns = NEVER_NS,
    };
}

static int pool_index(const struct sim *s, const struct object *o)
{
    struct object_view v;
    engine_object_view(s->engine, o, &v);
    return v.name.size == 2 ? ((const char *)v.name.data)[1] - '0' : SIM_NOBODY;
}

void sim_see_new(struct sim *s)
{
    for (const struct object *o = engine_object_next(s->engine, NULL); o;
         o = engine_object_next(s->engine, o)) {
        struct object_view v;
        engine_object_view(s->engine, o, &v);
        if (v.kind == KIND_TASK && v.task.pool && v.task.number > s->tasks_count)
            see_new_task(s, &v.task, pool_index(s, v.task.pool));
    }
}

/* ---- Everything against the views ---- */

static void compare_task(struct sim *s, const struct task_view *v)
{
    struct sim_task *t = &s->tasks[v->number];
    bool begun = v->state == TASK_RUNNING || v->state == TASK_WAITING || v->state == TASK_RUNNABLE;
    SIM_MUST(v->token == t->token && begun == t->live, "task %" PRIu64 ": %" PRIu64 " is %" PRIu64, v->number,
             t->token, v->token);
    SIM_MUST(v->attempts == t->attempts, "task %" PRIu64, v->number);
    SIM_MUST(!t->gone, "task %" PRIu64 " is gone", v->number);
    if (t->done)
        SIM_MUST(v->state == TASK_DEAD && v->ending == t->ending && v->failed == t->failed,
                 "task %" PRIu64 " is finished", v->number);
    if (v->state == TASK_DEAD && !t->done) {
        t->done = true;
        t->ending = v->ending;
        t->failed = v->failed;
        s->pools[t->pool].finished++;
        s->finished++;
    }
    bool waited = t->state == TASK_WAITING || t->state == TASK_RUNNABLE;
    SIM_MUST(!waited || v->state != TASK_RUNNING || t->token != t->last_token || t->answered || s->cut,
             "task %" PRIu64 " goes on without an answer", v->number);
    t->answered = false;
    t->last_token = t->token;
    t->last = t->state;
    t->state = v->state;
    if (t->worker != SIM_NOBODY && v->state == TASK_RUNNING)
        s->workers[t->worker].running++;
}

/* A task that is seen no more was finished, and has been kept long enough, or was removed. */
static void compare_tasks(struct sim *s)
{
    static bool seen[SIM_TASKS];
    memset(seen, 0, s->tasks_count + 1);
    for (const struct object *o = engine_object_next(s->engine, NULL); o;
         o = engine_object_next(s->engine, o)) {
        struct object_view v;
        engine_object_view(s->engine, o, &v);
        if (v.kind != KIND_TASK || !v.task.pool)
            continue;
        seen[v.task.number] = true;
        compare_task(s, &v.task);
    }
    for (uint64_t i = 1; i <= s->tasks_count; i++) {
        if (seen[i] || s->tasks[i].gone)
            continue;
        SIM_MUST(s->tasks[i].done, "task %" PRIu64 " has vanished", i);
        s->tasks[i].gone = true;
    }
}

static void compare_keys(struct sim *s)
{
    uint32_t used[SIM_POOLS] = {0};
    for (uint64_t i = 1; i <= s->tasks_count; i++) {
        const struct sim_task *t = &s->tasks[i];
        if (t->done || !t->key)
            continue;
        SIM_MUST(!(used[t->pool] & 1u << t->key), "task %" PRIu64 " has the key of another", i);
        used[t->pool] |= 1u << t->key;
    }
}

/* What may run: see the head. */
static void compare_workers(struct sim *s, const uint32_t *before)
{
    for (int i = 0; i < s->workers_count; i++) {
        const struct sim_worker *w = &s->workers[i];
        SIM_MUST(w->running <= w->slots || w->running <= before[i] || s->cut, "worker %d runs %u of %u", i,
                 w->running, w->slots);
    }
}

static void compare_pool(struct sim *s, int i, const struct pool_view *v)
{
    struct sim_pool *p = &s->pools[i];
    uint64_t most = v->limit < 0 ? UINT64_MAX : v->limit == 0 ? 1 : (uint64_t)v->limit;
    SIM_MUST(v->running <= most || v->running <= p->running || s->cut, "pool %d runs %" PRIu64 " of %" PRId64,
             i, v->running, v->limit);
    SIM_MUST(v->finished == p->finished, "pool %d finished %" PRIu64 " or %" PRIu64, i, v->finished,
             p->finished);
    SIM_MUST(v->limit == p->limit && v->paused == p->paused && v->closed == p->closed, "pool %d", i);
    p->running = v->running;
}

/* None begins on a worker while a task of it waits to go on, unless so many have gone on, some of them perhaps in this step. */
static void compare_order(struct sim *s)
{
    for (uint64_t i = 1; i <= s->tasks_count; i++) {
        const struct sim_task *t = &s->tasks[i];
        SIM_MUST(!t->live || t->last != TASK_RUNNABLE || t->state != TASK_RUNNABLE ||
                     !s->workers[t->worker].began || s->pools[t->pool].went_on >= GO_ON_MAX - SIM_GO_ON,
                 "another begins before task %" PRIu64 " goes on", i);
    }
}

/* No call outlives the owner that it has to fail with. */
static void compare_calls(struct sim *s)
{
    for (uint64_t i = 1; i <= s->asks_count; i++) {
        const struct sim_call *c = &s->calls[i];
        const struct sim_actor *x = &s->actors[c->actor];
        const struct sim_ask *ask = &s->asks[i];
        if (ask->op == OP_CALL && !ask->same_as && !ask->over && !ask->answered && !ask->task && x->fail &&
            x->left)
            SIM_MUST(c->state == CALL_OVER || c->state == CALL_ANSWERED,
                     "call %" PRIu64 " outlives its actor's owner", i);
    }
    for (int i = 0; i < SIM_ACTORS; i++)
        s->actors[i].left = false;
}

void sim_compare(struct sim *s)
{
    static uint32_t before[SIM_WORKERS];
    for (int i = 0; i < s->workers_count; i++) {
        before[i] = s->workers[i].running;
        s->workers[i].running = 0;
    }
    compare_tasks(s);
    compare_keys(s);
    compare_workers(s, before);
    struct pool_view pools[SIM_POOLS] = {{0}};
    for (const struct object *o = engine_object_next(s->engine, NULL); o;
         o = engine_object_next(s->engine, o)) {
        struct object_view v;
        engine_object_view(s->engine, o, &v);
        if (v.kind == KIND_POOL)
            pools[pool_index(s, o)] =
                v.pool; /* of one that is removed, handles are left: the last one counts */
        if (v.kind != KIND_ACTOR)
            continue;
        const struct sim_actor *x = &s->actors[((const char *)v.name.data)[1] - '0'];
        SIM_MUST(v.actor.hold.token == x->token && v.actor.epoch == x->epoch, "actor");
        SIM_MUST(v.actor.serving == (x->served != 0), "actor");
    }
    for (int i = 0; i < SIM_POOLS; i++)
        if (s->pools[i].there)
            compare_pool(s, i, &pools[i]);
    compare_order(s);
    for (int i = 0; i < SIM_POOLS; i++)
        s->pools[i].went_on = pools[i].went_on;
    compare_calls(s);
    for (int i = 0; i < s->workers_count; i++)
        s->workers[i].began = false;
}

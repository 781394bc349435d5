/*
 * kit_sched.c - requests about actors, pools and tasks, and what they are answered (kit_sched.h).
 *
 * One function an operation, as in kit_ops.c. What a job or a call to be served brings is copied, so that a test may keep it over
 * steps.
 */
#include "kit_sched.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Requests ---- */

struct ref by_task(uint64_t number)
{
    return (struct ref){.task = number};
}

struct op with_seq(struct op op, uint64_t seq)
{
    op.seq = seq;
    return op;
}

struct op with_timeout(struct op op, int64_t timeout_ns)
{
    op.has_timeout = true;
    op.timeout_ns = timeout_ns;
    return op;
}

struct op in_task(struct op op, uint64_t token)
{
    op.task = token;
    return op;
}

struct op at_once(struct op op)
{
    op.no_wait = true;
    return op;
}

struct op make_actor(uint64_t session, const char *name, bool fail)
{
    struct op op = make_object(session, name, KIND_ACTOR);
    op.make.actor.fail = fail;
    return op;
}

struct op call_actor(uint64_t session, const char *name, const char *s)
{
    struct op op = plain(OP_CALL, session);
    op.call.ref = by_name(name);
    op.call.value = text(s);
    return op;
}

struct op serve(uint64_t session, const char *name, uint64_t token)
{
    struct op op = plain(OP_SERVE, session);
    op.serve.ref = by_name(name);
    op.serve.token = token;
    return op;
}

struct op reply_to(uint64_t session, const char *name, uint64_t token, uint64_t number, const char *s)
{
    struct op op = plain(OP_REPLY, session);
    op.reply.ref = by_name(name);
    op.reply.token = token;
    op.reply.number = number;
    op.reply.value = text(s);
    return op;
}

struct op checkpoint(uint64_t session, const char *name, uint64_t token, const char *s)
{
    struct op op = plain(OP_CHECKPOINT, session);
    op.checkpoint.ref = by_name(name);
    op.checkpoint.token = token;
    op.checkpoint.value = text(s);
    return op;
}

struct op make_pool(uint64_t session, const char *name, int64_t limit, int64_t capacity)
{
    struct op op = make_object(session, name, KIND_POOL);
    op.make.pool.limit = limit;
    op.make.pool.capacity = capacity;
    return op;
}

struct op go(uint64_t session, const char *pool, const char *s)
{
    struct op op = plain(OP_GO, session);
    op.go.ref = by_name(pool);
    op.go.spec.value = text(s);
    return op;
}

struct op go_function(uint64_t session, const char *pool, const char *function, const char *s)
{
    struct op op = go(session, pool, s);
    op.go.spec.function = (struct bytes){function, strlen(function)};
    return op;
}

struct op work_for(uint64_t session, const char *pool, uint32_t slots, const struct bytes *functions,
                   uint32_t count)
{
    struct op op = plain(OP_WORK, session);
    op.work.ref = by_name(pool);
    op.work.slots = slots;
    op.work.functions = functions;
    op.work.count = count;
    return op;
}

struct op work(uint64_t session, const char *pool, uint32_t slots)
{
    static const struct bytes commands = {0};
    return work_for(session, pool, slots, &commands, 1);
}

struct op pull(uint64_t session, const char *pool, uint64_t token)
{
    struct op op = plain(OP_PULL, session);
    op.pull.ref = by_name(pool);
    op.pull.token = token;
    return op;
}

struct op watch(uint64_t session, uint64_t number, uint64_t token)
{
    struct op op = plain(OP_WATCH, session);
    op.watch.ref = by_task(number);
    op.watch.token = token;
    return op;
}

struct op kill_task(uint64_t session, uint64_t number, uint32_t signal)
{
    struct op op = plain(OP_KILL, session);
    op.kill.ref = by_task(number);
    op.kill.signal = signal;
    return op;
}

struct op join(uint64_t session, uint64_t number)
{
    struct op op = plain(OP_WAIT, session);
    op.wait.ref = by_task(number);
    return op;
}

struct op end_task(uint64_t session, const struct job *job, const char *s)
{
    struct op op = plain(OP_END, session);
    op.end.ref = by_task(job->number);
    op.end.token = job->token;
    if (s)
        op.end.value = text(s);
    return op;
}

struct op fail_task(uint64_t session, const struct job *job, const char *s)
{
    struct op op = end_task(session, job, s);
    op.end.failed = true;
    return op;
}

struct op remove_task(uint64_t session, uint64_t number)
{
    struct op op = plain(OP_REMOVE, session);
    op.remove.ref = by_task(number);
    return op;
}

static struct op tune(uint64_t session, const char *pool)
{
    struct op op = plain(OP_TUNE, session);
    op.tune.ref = by_name(pool);
    return op;
}

struct op tune_limit(uint64_t session, const char *pool, int64_t limit)
{
    struct op op = tune(session, pool);
    op.tune.has_limit = true;
    op.tune.limit = limit;
    return op;
}

struct op tune_capacity(uint64_t session, const char *pool, uint64_t capacity)
{
    struct op op = tune(session, pool);
    op.tune.has_burst = true;
    op.tune.burst = capacity;
    return op;
}

struct op tune_pause(uint64_t session, const char *pool, bool pause)
{
    struct op op = tune(session, pool);
    op.tune.has_pause = true;
    op.tune.pause = pause;
    return op;
}

/* ---- Answers ---- */

uint64_t token_of(struct kit *k, struct op op)
{
    const struct answer *a = kit_get(k, op, STATUS_OK);
    assert_true(a->reply.grant.token != 0);
    return a->reply.grant.token;
}

uint64_t work_token(struct kit *k, uint64_t session, const char *pool, uint32_t slots)
{
    return token_of(k, work(session, pool, slots));
}

uint64_t number_of(const struct kit *k, uint64_t route)
{
    const struct answer *a = answered(k, route, STATUS_OK);
    assert_int_equal(a->reply.result, RESULT_MADE);
    assert_int_equal(a->reply.made.kind, KIND_TASK);
    return a->reply.made.number;
}

uint64_t task_number(struct kit *k, struct op op)
{
    return number_of(k, kit_ask(k, op));
}

struct job job_of(const struct kit *k, uint64_t route)
{
    const struct answer *a = answered(k, route, STATUS_OK);
    assert_int_equal(a->reply.result, RESULT_JOB);
    struct job job = {
        .number = a->reply.count, .token = a->reply.grant.token, .attempt = a->reply.item.deliveries};
    memcpy(job.text, a->texts[0], sizeof job.text);
    memcpy(job.function, a->function, sizeof job.function);
    return job;
}

struct job pulled(struct kit *k, uint64_t session, const char *pool, uint64_t token)
{
    return job_of(k, kit_ask(k, pull(session, pool, token)));
}

struct served served_of(const struct kit *k, uint64_t route)
{
    const struct answer *a = answered(k, route, STATUS_OK);
    assert_int_equal(a->reply.result, RESULT_JOB);
    struct served served = {.number = a->reply.count,
                            .caller = a->reply.caller,
                            .epoch = a->reply.epoch,
                            .deliveries = a->reply.item.deliveries};
    memcpy(served.text, a->texts[0], sizeof served.text);
    return served;
}

uint64_t own(struct kit *k, uint64_t session, const char *name)
{
    return token_of(k, begin(session, name));
}

const struct answer *outcome(const struct kit *k, uint64_t route, enum status ending, bool failed,
                             const char *text)
{
    const struct answer *a = answered(k, route, STATUS_OK);
    assert_int_equal(a->reply.result, RESULT_OUTCOME);
    if (a->reply.ending != ending)
        fail_msg("ended with %s instead of %s", status_name(a->reply.ending), status_name(ending));
    assert_int_equal(a->reply.truth, failed);
    if (text)
        assert_string_equal(a->texts[0], text);
    else
        assert_int_equal(a->items, 0);
    return a;
}

void joined(struct kit *k, uint64_t session, uint64_t number, enum status ending, bool failed,
            const char *text)
{
    outcome(k, kit_ask(k, join(session, number)), ending, failed, text);
}

/* ---- Views ---- */

struct pool_view pool_seen(const struct kit *k, const char *name)
{
    return kit_view(k, name).pool;
}

struct actor_view actor_seen(const struct kit *k, const char *name)
{
    return kit_view(k, name).actor;
}

static const struct object *task_object(const struct kit *k, uint64_t number)
{
    const struct ref ref = by_task(number);
    const struct session *s = engine_session_next(k->engine, NULL);
    struct session_view v;
    const struct object *o;
    assert_non_null(s);
    engine_session_view(k->engine, s, &v);
    return engine_find(k->engine, v.number, &ref, 0, &o) == STATUS_OK ? o : NULL;
}

bool task_there(const struct kit *k, uint64_t number)
{
    return task_object(k, number) != NULL;
}

struct task_view task_seen(const struct kit *k, uint64_t number)
{
    const struct object *o = task_object(k, number);
    struct object_view v;
    assert_non_null(o);
    engine_object_view(k->engine, o, &v);
    return v.task;
}

static void dump_sched(FILE *out, const struct kit *k, const struct object *o)
{
    struct object_view v;
    engine_object_view(k->engine, o, &v);
    if (v.kind == KIND_ACTOR)
        fprintf(out, "actor %" PRIu64 " epoch %" PRIu64 " calls %" PRIu64 " served %" PRIu64 " serving %d\n",
                v.serial, v.actor.epoch, v.actor.calls, v.actor.served, v.actor.serving);
    if (v.kind == KIND_POOL)
        fprintf(out,
                "pool %" PRIu64 " limit %" PRId64 " capacity %" PRId64 " workers %" PRIu64 " slots %" PRIu64
                " tasks %" PRIu64 " queued %" PRIu64 " running %" PRIu64 " waiting %" PRIu64
                " finished %" PRIu64 "\n",
                v.serial, v.pool.limit, v.pool.capacity, v.pool.workers, v.pool.slots, v.pool.tasks,
                v.pool.queued, v.pool.running, v.pool.waiting, v.pool.finished);
    if (v.kind == KIND_TASK)
        fprintf(out,
                "task %" PRIu64 " state %d attempts %u token %" PRIu64 " ending %d failed %d stopping %d\n",
                v.task.number, (int)v.task.state, v.task.attempts, v.task.token, (int)v.task.ending,
                v.task.failed, v.task.stopping);
}

char *sched_dump(const struct kit *k)
{
    char *plain_dump = kit_dump(k), *buf = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&buf, &size);
    assert_non_null(out);
    fputs(plain_dump, out);
    free(plain_dump);
    for (const struct object *o = engine_object_next(k->engine, NULL); o;
         o = engine_object_next(k->engine, o))
        dump_sched(out, k, o);
    fclose(out);
    return buf;
}

uint64_t without_memory(struct kit *k, struct op op)
{
    kit_step(k, &(struct op){.code = OP_TICK}); /* what was answered before is freed */
    for (uint64_t nth = 1;; nth++) {
        char *before = sched_dump(k);
        uint64_t memory = kit_stats(k).memory;
        engine_fail_allocation(k->engine, nth);
        uint64_t route = kit_ask(k, op);
        engine_fail_allocation(k->engine, 0);
        const struct answer *got = answer(k, route);
        bool failed = got && got->reply.status == STATUS_NO_MEMORY;
        char *now = sched_dump(k);
        if (failed) {
            assert_string_equal(before, now);
            kit_step(k, &(struct op){.code = OP_TICK});
            assert_true(kit_stats(k).memory <= memory + 4096); /* tables may have grown */
        }
        free(before);
        free(now);
        if (!failed)
            return route;
    }
}

void leave(struct kit *k, uint64_t session)
{
    kit_event(k, OP_DETACH, session);
}

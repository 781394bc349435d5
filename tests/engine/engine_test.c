/*
 * engine_test.c - the engine as a whole: the same inputs give the same outputs, and without memory nothing happens.
 *
 * The walk without memory builds the same small world again and again, makes the first, second, third ... allocation of one request
 * fail, and compares all that can be seen before and after a refusal. It covers every operation of ops.def that can be refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kit_sched.h"
#include "prng.h"
#include "sched_walk.h"
#include "state.h"

/* ---- A world in which every request has something to do ---- */

struct world {
    struct kit *kit;
    uint64_t a, b; /* sessions */
    uint64_t handle, lease;
    uint64_t mutex, once, guard, task, flight, reservation, slot; /* tokens that a holds */
    struct sched_things sched;
};

static struct op trigger(uint64_t s, const char *name, const char *channel)
{
    struct op op = make_timer(s, name, 0);
    op.make.kind = KIND_TRIGGER;
    op.make.trigger =
        (struct trigger_spec){.delay_ns = SECOND, .channel = by_name(channel), .value = text("fired")};
    return op;
}

static struct op lock_with(uint64_t s, const char *name, const char *said)
{
    struct op op = lock(s, name, false);
    op.lock.value = text(said);
    return op;
}

static struct op send_fenced(uint64_t s, const char *name, uint64_t fence)
{
    struct op op = send_to(s, name, "x");
    op.send.fence = fence;
    return op;
}

static uint64_t token_in(struct kit *k, struct op op)
{
    const struct reply *reply = &kit_get(k, op, STATUS_OK)->reply;
    return reply->result == RESULT_QUOTA ? reply->quota.token : reply->grant.token;
}

/* What people gather at and are limited by, each with somebody who waits. */
static void world_gather(struct world *w)
{
    struct kit *k = w->kit;
    struct op op = make_object(w->a, "barrier", KIND_BARRIER);
    op.make.barrier.parties = 2;
    kit_get(k, op, STATUS_OK);
    op = make_object(w->a, "tasks", KIND_GROUP);
    op.make.group.limit = 2;
    op.make.group.context = by_name("ctx");
    kit_get(k, op, STATUS_OK);
    op = make_channel(w->a, "fenced", 1);
    op.make.channel.fenced = true;
    kit_get(k, op, STATUS_OK);
    kit_get(k, make_object(w->a, "cond", KIND_COND), STATUS_OK);
    kit_get(k, make_object(w->a, "flight", KIND_FLIGHT), STATUS_OK);
    kit_get(k, make_object(w->a, "guard", KIND_MUTEX), STATUS_OK);
    kit_get(k, make_object(w->a, "free", KIND_MUTEX), STATUS_OK);
    const struct rate rate = {.count = 1, .period_ns = SECOND};
    kit_get(k, make_limiter(w->a, "bucket", (struct limiter_spec){LIMIT_BUCKET, rate, 3}), STATUS_OK);
    kit_get(k, make_limiter(w->a, "window", (struct limiter_spec){LIMIT_WINDOW, rate, 0}), STATUS_OK);
    kit_get(k, make_limiter(w->a, "slots", (struct limiter_spec){.algorithm = LIMIT_CONCURRENCY, .burst = 1}),
            STATUS_OK);
    uint64_t waits = token_in(k, lock(w->b, "guard", false));
    kit_ask(k, cond_wait(w->b, "cond", "guard", waits));
    kit_get(k, make_object(w->a, "cell", KIND_CELL), STATUS_OK);
    kit_get(k, exchange(w->a, "cell", CELL_STORE, text("old")), STATUS_OK);
    w->guard = token_in(k, lock_with(w->a, "guard", "me"));
    w->task = token_in(k, begin(w->a, "tasks"));
    w->flight = token_in(k, begin_key(w->a, "flight", "k"));
    kit_get(k, take(w->a, "bucket", "", 2), STATUS_OK);
    w->reservation = token_in(k, reserve(w->a, "bucket", "", 2));
    kit_get(k, take(w->a, "window", "k", 1), STATUS_OK);
    w->slot = token_in(k, take(w->a, "slots", "k", 1));
    kit_get(k, send_fenced(w->a, "fenced", w->mutex), STATUS_OK);
}

static struct world world_new(void)
{
    struct world w = {.kit = kit_new(NULL)};
    struct kit *k = w.kit;
    struct op op;
    w.a = kit_session(k);
    w.b = kit_session(k);
    w.handle = kit_get(k, make_channel(w.a, "jobs", 3), STATUS_OK)->reply.made.handle;
    op = make_channel(w.a, "handles", 3);
    op.make.channel.type = VALUE_HANDLE;
    kit_get(k, op, STATUS_OK);
    op = send_to(w.a, "handles", "");
    op.send.value = (struct value){.type = VALUE_HANDLE, .ref = by_name("jobs")};
    kit_get(k, op, STATUS_OK);
    kit_get(k, make_channel(w.a, "sync", 0), STATUS_OK);
    kit_get(k, make_context(w.a, "ctx", NULL), STATUS_OK);
    kit_get(k, make_ticker(w.a, "ticker", SECOND), STATUS_OK);
    kit_get(k, trigger(w.a, "trigger", "jobs"), STATUS_OK);
    kit_get(k, send_to(w.a, "jobs", "1"), STATUS_OK);
    kit_get(k, send_to(w.a, "jobs", "2"), STATUS_OK);
    w.lease = kit_get(k, recv_leased(w.b, "jobs", SECOND), STATUS_OK)->leases[0];
    kit_get(k, make_object(w.a, "mutex", KIND_MUTEX), STATUS_OK);
    kit_get(k, make_object(w.a, "group", KIND_WAITGROUP), STATUS_OK);
    kit_get(k, make_object(w.a, "counter", KIND_COUNTER), STATUS_OK);
    kit_get(k, make_object(w.a, "once", KIND_ONCE), STATUS_OK);
    kit_get(k, make_semaphore(w.a, "permits", 5), STATUS_OK);
    w.mutex = kit_get(k, lock(w.a, "mutex", false), STATUS_OK)->reply.grant.token;
    w.once = kit_get(k, begin(w.a, "once"), STATUS_OK)->reply.grant.token;
    kit_get(k, acquire(w.a, "permits", 2), STATUS_OK);
    kit_get(k, add(w.a, "group", 2, true), STATUS_OK);
    world_gather(&w);
    sched_stand(k, w.a, w.b, &w.sched);
    op = recv_from(w.b, "sync");
    op.seq = 100;
    kit_ask(k, op);
    kit_ask(k, recv_from(w.b, "ctx"));
    return w;
}

/* ---- Without memory ---- */

static const struct value three[] = {
    {.type = VALUE_BYTES, .bytes = {"x", 1}},
    {.type = VALUE_BYTES, .bytes = {"y", 1}},
    {.type = VALUE_BYTES, .bytes = {"z", 1}},
};

static void requests_that_wait(const struct world *w, void (*each)(const struct world *, struct op))
{
    struct op op;
    each(w, send_to(w->a, "jobs", "x"));
    each(w, send_to(w->a, "sync", "x"));
    each(w, send_many(w->a, "jobs", three, 3));
    each(w, recv_from(w->a, "jobs"));
    each(w, recv_from(w->b, "handles"));
    each(w, recv_from(w->a, "ticker"));
    each(w, recv_leased(w->a, "jobs", SECOND));
    each(w, recv_leased(w->a, "handles", SECOND));
    each(w, recv_many(w->b, "jobs", 5));
    op = recv_many(w->b, "handles", 5);
    op.recv_many.lease_ns = SECOND;
    each(w, op);
    op = recv_leased(w->a, "sync", SECOND);
    op.has_timeout = op.has_context = true;
    op.timeout_ns = SECOND;
    op.context = by_name("ctx");
    each(w, op);
    struct arm_spec lease = arm_recv("handles");
    lease.lease_ns = SECOND;
    const struct arm_spec arms[] = {
        arm_send("jobs", "x"), lease, arm_recv("sync"), {.verb = ARM_AFTER, .delay_ns = SECOND}};
    each(w, select_of(w->a, arms, 4));
    each(w, select_of(w->a, arms + 2, 2));
    each(w, plain(OP_QUIESCE, w->a));
}

static void requests_that_make(const struct world *w, void (*each)(const struct world *, struct op))
{
    struct op op = {.code = OP_HELLO};
    op.hello.id[0] = 77;
    each(w, op);
    op.hello.id[0] = 0;
    op.hello.id[1] = 1; /* resumes the first */
    each(w, op);
    each(w, make_channel(w->a, "new", 1));
    each(w, make_channel(w->b, "jobs", 3));
    each(w, make_ticker(w->a, NULL, 5));
    each(w, make_timer(w->a, "timer", 5));
    each(w, trigger(w->a, "new", "jobs"));
    op = make_context(w->a, "new", "ctx");
    const struct context_value values[] = {{{"s", 1}, {"t", 1}, {"n", 1}, text("v")},
                                           {{"s", 1}, {"t", 1}, {"m", 1}, {0}}};
    op.make.context.values = values;
    op.make.context.values_count = 2;
    op.make.context.has_timeout = true;
    op.make.context.timeout_ns = SECOND;
    op.make.context.cause = (struct bytes){"late", 4};
    each(w, op);
    op = plain(OP_OPEN, w->b);
    op.open.ref = by_name("jobs");
    each(w, op);
    op = plain(OP_DUP, w->a);
    op.dup.ref = by_handle(w->handle);
    each(w, op);
}

static void requests_that_step(const struct world *w, void (*each)(const struct world *, struct op))
{
    struct op op = plain(OP_CANCEL, w->b);
    op.cancel.seq = 100;
    each(w, op);
    op = plain(OP_DROP, w->a);
    op.drop.handle = w->handle;
    each(w, op);
    each(w, lease_op(OP_ACK, w->b, &w->lease, 1));
    each(w, lease_op(OP_NACK, w->b, &w->lease, 1));
    op = lease_op(OP_EXTEND, w->b, &w->lease, 1);
    op.lease.duration_ns = SECOND;
    each(w, op);
    each(w, plain(OP_PING, w->a));
    each(w, plain(OP_BYE, w->b));
    each(w, of_name(OP_REMOVE, w->a, "jobs"));
    each(w, of_name(OP_CLOSE, w->a, "sync"));
    each(w, of_name(OP_STOP, w->a, "trigger"));
    each(w, reset(w->a, "trigger", 0));
    each(w, reset(w->a, "ticker", 5));
    each(w, cancel_context(w->a, "ctx", "why"));
    op = plain(OP_CONTEXT_VALUE, w->a);
    op.context_value.ref = by_name("ctx");
    op.context_value.name = (struct bytes){"n", 1};
    each(w, op);
}

static void requests_that_hold(const struct world *w, void (*each)(const struct world *, struct op))
{
    each(w, lock(w->b, "mutex", false));
    each(w, unlock(w->b, "mutex", false, w->mutex));
    each(w, acquire(w->b, "permits", 3));
    each(w, acquire(w->b, "permits", 4));
    each(w, release(w->a, "permits", 1, 0));
    each(w, adopt(w->b, w->mutex));
    each(w, wait_for(w->b, "group"));
    each(w, wait_until(w->b, "counter", COMPARE_GE, 5));
    each(w, wait_until(w->b, "counter", COMPARE_EQ, 5));
    each(w, add(w->b, "group", 1, true));
    each(w, add(w->b, "group", -1, false));
    each(w, update(w->b, "counter", COUNT_ADD, 5));
    for (int verb = CELL_LOAD; verb < CELL_VERBS; verb++)
        each(w, exchange(w->b, "cell", (enum cell_verb)verb, text("a newer one")));
    each(w, wait_until(w->b, "cell", COMPARE_NE, 0));
    each(w, wait_until(w->b, "cell", COMPARE_NE, 1));
    each(w, begin(w->b, "once"));
    each(w, end(w->a, "once", w->once, "done"));
    each(w, make_object(w->b, "new", KIND_RWMUTEX));
    each(w, make_semaphore(w->b, "permits", 5));
}

static void requests_that_gather(const struct world *w, void (*each)(const struct world *, struct op))
{
    const struct arm_spec all[] = {arm_of(ARM_LOCK, "free"), arm_of(ARM_ACQUIRE, "permits"),
                                   arm_of(ARM_LOCK, "guard")};
    const struct arm_spec any[] = {arm_of(ARM_BEGIN, "tasks"),
                                   arm_of(ARM_WAIT, "barrier"),
                                   arm_of(ARM_TAKE, "bucket"),
                                   {.verb = ARM_BEGIN, .ref = by_name("flight"), .key = {"k", 1}}};
    const struct arm_spec sleeps[] = {
        arm_recv("sync"),
        {.verb = ARM_COND, .ref = by_name("cond"), .lock = by_name("guard"), .token = w->guard}};
    each(w, acquire_all(w->b, all, 2));
    each(w, acquire_all(w->b, all, 3));
    each(w, select_of(w->b, any, 4));
    each(w, select_of(w->b, any + 1, 3));
    each(w, select_of(w->a, sleeps, 2));
    each(w, cond_wait(w->a, "cond", "guard", w->guard));
    each(w, signal_one(w->a, "cond"));
    struct op op = signal_one(w->a, "cond");
    op.signal.all = true;
    each(w, op);
    each(w, unlock(w->a, "guard", false, w->guard));
    each(w, lock_with(w->b, "free", "me"));
    each(w, lock_with(w->b, "guard", "me"));
    each(w, wait_until(w->b, "guard", COMPARE_NE, 0));
    each(w, wait_until(w->b, "guard", COMPARE_NE, (int64_t)w->guard));
    each(w, wait_for(w->b, "barrier"));
    each(w, wait_for(w->b, "tasks"));
    each(w, begin(w->b, "tasks"));
    op = end(w->a, "tasks", w->task, "");
    op.end.failed = true;
    op.end.value = (struct value){.type = VALUE_STRING, .bytes = {"no", 2}};
    each(w, op);
    each(w, begin_key(w->b, "flight", "k"));
    each(w, begin_key(w->b, "flight", "new"));
    each(w, end(w->a, "flight", w->flight, "done"));
    op = plain(OP_FORGET, w->b);
    op.forget.ref = by_name("flight");
    op.forget.key = (struct bytes){"k", 1};
    each(w, op);
    op = exchange(w->a, "cell", CELL_CAS, text("new"));
    op.exchange.expected = text("old");
    each(w, op);
    each(w, wait_until(w->a, "cell", COMPARE_NE, 1));
    each(w, make_object(w->a, "new", KIND_CELL));
    each(w, send_fenced(w->a, "fenced", w->guard));
    op = of_name(OP_CLOSE, w->a, "fenced");
    op.close.fence = w->guard;
    each(w, op);
}

static void requests_that_limit(const struct world *w, void (*each)(const struct world *, struct op))
{
    static const char *const keys[] = {"", "k", "new"};
    for (int i = 0; i < 3; i++) {
        each(w, take(w->b, "bucket", keys[i], 2));
        each(w, take(w->b, "window", keys[i], 1));
        each(w, take(w->b, "slots", keys[i], 1));
        each(w, reserve(w->b, "bucket", keys[i], 2));
        struct op dry = take(w->b, "window", i == 1 ? "" : keys[i], 1);
        dry.take.dry_run = true;
        each(w, dry);
    }
    each(w, release(w->a, "slots", 1, w->slot));
    struct op op = plain(OP_REFUND, w->a);
    op.refund.token = w->reservation;
    each(w, op);
    op = plain(OP_TUNE, w->a);
    op.tune.ref = by_name("bucket");
    op.tune.has_burst = true;
    op.tune.burst = 9;
    each(w, op);
    op.tune.ref = by_name("slots");
    each(w, op);
    op.tune.ref = by_name("permits");
    each(w, op);
    each(w, make_limiter(w->b, "new", (struct limiter_spec){.algorithm = LIMIT_CONCURRENCY, .burst = 1}));
    each(w, make_object(w->b, "new", KIND_COND));
    each(w, make_object(w->b, "new", KIND_FLIGHT));
    op = make_object(w->b, "new", KIND_GROUP);
    op.make.group.context = by_name("ctx");
    each(w, op);
    op = make_object(w->b, "new", KIND_BARRIER);
    op.make.barrier.parties = 1;
    each(w, op);
}

static void all_requests(const struct world *w, void (*each)(const struct world *, struct op))
{
    requests_that_wait(w, each);
    requests_that_make(w, each);
    requests_that_step(w, each);
    requests_that_hold(w, each);
    requests_that_gather(w, each);
    requests_that_limit(w, each);
}

static bool covered[OP_COUNT];

static void walk_one(const struct world *like, struct op op)
{
    (void)
        like; /* op refers to sessions, handles and leases by numbers, which are the same in every such world */
    covered[op.code] = true;
    for (uint64_t seq = 0; seq < 2; seq++)
        for (uint64_t nth = 1;; nth++) {
            struct world w = world_new();
            char *before = sched_dump(w.kit);
            op.seq = op.code == OP_HELLO ? 0 : seq * 1000;
            engine_fail_allocation(w.kit->engine, nth);
            const struct answer *a = answer(w.kit, kit_ask(w.kit, op));
            bool failed = w.kit->engine->mem.fail_in == 0;
            engine_fail_allocation(w.kit->engine, 0);
            if (a && a->reply.status == STATUS_NO_MEMORY) {
                char *after = sched_dump(w.kit);
                assert_string_equal(after, before);
                free(after);
                /* and once there is memory, it can be done */
                a = answer(w.kit, kit_ask(w.kit, op));
            }
            assert_true(!a || a->reply.status == STATUS_OK);
            free(before);
            kit_free(w.kit);
            if (!failed)
                break;
        }
}

static void walk_one_more(const void *like, struct op op)
{
    walk_one(like, op);
}

static void without_memory_nothing_happens(void **state)
{
    (void)state;
    struct world w = world_new();
    all_requests(&w, walk_one);
    sched_requests(&w.sched, &w, walk_one_more);
    kit_free(w.kit);
    for (int code = 0; code < OP_COUNT; code++)
        if (op_rows[code].class == CLASS_WAIT || op_rows[code].class == CLASS_STEP)
            if (!covered[code])
                fail_msg("the walk does not cover %s", op_rows[code].name);
}

static void no_memory_for_an_engine(void **state)
{
    (void)state;
    for (uint64_t max = 0; max < 8000; max += 40) {
        struct engine_options options = {.limits.memory_max = max};
        engine_free(max ? engine_new(&options) : NULL);
    }
}

/* ---- Determinism ---- */

struct log {
    char *text;
    size_t size;
    FILE *out;
};

static void log_answer(FILE *out, const struct answer *a)
{
    if (!a) {
        fputs("parked\n", out);
        return;
    }
    fprintf(out, "%d %s %u %llu %d %s %llu\n", (int)a->reply.status, a->reply.message ? a->reply.message : "",
            a->reply.index, (unsigned long long)a->reply.count, a->reply.truth, a->items ? a->texts[0] : "",
            (unsigned long long)a->leases[0]);
}

/* One of a few requests on a few names by a few sessions. */
static struct op random_request(struct prng *p, const uint64_t *sessions, uint64_t *lease)
{
    static const char *const names[] = {"jobs", "sync", "handles"};
    static struct arm_spec arms[3];
    uint64_t s = sessions[prng_below(p, 3)];
    const char *name = names[prng_below(p, 2)];
    *lease = prng_below(p, 40);
    switch (prng_below(p, 12)) {
    case 0: return send_to(s, name, "x");
    case 1: return recv_from(s, name);
    case 2: return recv_leased(s, name, (int64_t)prng_below(p, 50) + 1);
    case 3: return send_many(s, name, three, (uint32_t)prng_below(p, 4));
    case 4: return recv_many(s, name, (uint32_t)prng_below(p, 4) + 1);
    case 5: return lease_op(prng_below(p, 2) ? OP_ACK : OP_NACK, s, lease, 1);
    case 6: return make_context(s, NULL, "ctx");
    case 7: return reset(s, prng_below(p, 2) ? "trigger" : "ticker", (int64_t)prng_below(p, 20) + 1);
    case 8: return recv_from(s, "ticker");
    case 9: {
        struct op op = plain(OP_PING, s);
        op.acked_below = prng_below(p, 500);
        return op;
    }
    default:
        arms[0] = arm_send("jobs", "s");
        arms[1] = arm_recv("jobs");
        arms[2] = arm_recv("sync");
        return select_of(s, arms, 3);
    }
}

static void run(uint64_t seed, bool audits, struct log *log)
{
    struct world w = world_new();
    struct prng p;
    struct kit *k = w.kit;
    uint64_t sessions[] = {w.a, w.b, kit_session(k)}, lease;
    prng_seed(&p, seed);
    k->audits = audits;
    log->out = open_memstream(&log->text, &log->size);
    for (uint64_t i = 0; i < 2000; i++) {
        struct op op = random_request(&p, sessions, &lease);
        op.seq = prng_below(&p, 3) ? 200 + i : 0;
        op.has_timeout = prng_below(&p, 2);
        op.timeout_ns = (int64_t)prng_below(&p, 20);
        k->now_ns += (int64_t)prng_below(&p, 5);
        log_answer(log->out, answer(k, kit_ask(k, op)));
    }
    char *dump = kit_dump(k);
    fputs(dump, log->out);
    free(dump);
    fclose(log->out);
    kit_free(k);
}

static void the_same_again(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct log first, second;
        run(seed, true, &first);
        run(seed, false, &second);
        if (strcmp(first.text, second.text) != 0)
            fail_msg("seed %llu does not give the same twice", (unsigned long long)seed);
        free(first.text);
        free(second.text);
    }
}

/* ---- The end ---- */

/* Freed with answers not yet read, items in them, and everything else in the middle of something. */
static void freed_in_the_middle(void **state)
{
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        struct world w = world_new();
        struct op op = recv_from(w.a, "jobs");
        op.route = 1;
        struct effects fx;
        struct reply reply;
        engine_step(w.kit->engine, 0, &op, &fx);
        while (answers && effects_next_reply(&fx, &reply))
            ;
        kit_free(w.kit);
        w = world_new();
        op = recv_from(w.a, "handles");
        engine_step(w.kit->engine, 0, &op, &fx);
        op = plain(OP_BYE, w.a);
        if (answers)
            engine_step(w.kit->engine, 0, &op, &fx);
        kit_free(w.kit);
    }
    engine_free(NULL);
}

/* A channel that holds a handle on itself lives until it is removed. */
static void a_ring(void **state)
{
    (void)state;
    struct world w = world_new();
    struct op op = send_to(w.a, "handles", "");
    op.send.value = (struct value){.type = VALUE_HANDLE, .ref = by_name("handles")};
    kit_get(w.kit, op, STATUS_OK);
    kit_get(w.kit, of_name(OP_REMOVE, w.a, "handles"), STATUS_OK);
    kit_event(w.kit, OP_DETACH, w.a);
    kit_event(w.kit, OP_DETACH, w.b);
    assert_int_equal(kit_stats(w.kit).objects, 39); /* those with names, a key, a context, seven tasks */
    kit_free(w.kit);
}

/* Time does not go back. */
static void an_earlier_now(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    kit_time(k, 10);
    kit_time(k, 5);
    assert_int_equal(engine_now(k->engine), 10);
    kit_time(k, INT64_MIN);
    assert_int_equal(engine_now(k->engine), 10);
    kit_free(k);
}

/* QUIESCE is answered when as many calls of each session are parked as it has tasks. */
static void at_rest(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t tester = kit_session(k);
    struct op hello = {.code = OP_HELLO, .hello.tasks = 2};
    uint64_t s = kit_get(k, hello, STATUS_OK)->reply.opened.number;
    kit_get(k, make_channel(s, "c", 0), STATUS_OK);
    struct op quiesce = plain(OP_QUIESCE, tester);
    quiesce.quiesce.parked_min = 3;
    uint64_t rest = kit_ask(k, quiesce), many;
    for (int i = 0; i < 3; i++) {
        assert_null(answer(k, rest));
        assert_int_equal(engine_quiescent_but(k->engine, &tester, 1), i >= 2);
        kit_ask(k, recv_from(s, "c"));
    }
    answered(k, rest, STATUS_OK);
    quiesce.quiesce.parked_min = 4;
    many = kit_ask(k, quiesce);
    kit_get(k, send_to(tester, "c", "x"), STATUS_OK);
    assert_null(answer(k, many));
    kit_event(k, OP_DETACH, s); /* the dead are at rest, and so are their calls */
    assert_null(answer(k, many));
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_nothing_happens),
        cmocka_unit_test(no_memory_for_an_engine),
        cmocka_unit_test(the_same_again),
        cmocka_unit_test(freed_in_the_middle),
        cmocka_unit_test(a_ring),
        cmocka_unit_test(an_earlier_now),
        cmocka_unit_test(at_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

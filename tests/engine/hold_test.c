/*
 * hold_test.c - locks, permits, groups, counters and onces where the traces do not reach.
 *
 * Memory that fails at each allocation of each operation; what waiting and holding cost, and that nothing leaks; limits; what is seen of
 * holders and waiters; crowds, who die, or hold much while others go about their work.
 */
#include <stdlib.h>

#include "kit.h"

struct stage {
    struct kit *k;
    uint64_t a, b; /* sessions: b wants what a holds */
    uint64_t mutex, rwmutex, semaphore, once, group;
};

/* Six objects, each taken by a. */
static struct stage stage_new(void)
{
    struct stage s = {.k = kit_new(NULL)};
    s.a = kit_session(s.k);
    s.b = kit_session(s.k);
    kit_get(s.k, make_object(s.a, "m", KIND_MUTEX), STATUS_OK);
    kit_get(s.k, make_object(s.a, "rw", KIND_RWMUTEX), STATUS_OK);
    kit_get(s.k, make_object(s.a, "g", KIND_WAITGROUP), STATUS_OK);
    kit_get(s.k, make_object(s.a, "n", KIND_COUNTER), STATUS_OK);
    kit_get(s.k, make_object(s.a, "o", KIND_ONCE), STATUS_OK);
    kit_get(s.k, make_semaphore(s.a, "s", 5), STATUS_OK);
    s.mutex = kit_get(s.k, lock(s.a, "m", false), STATUS_OK)->reply.grant.token;
    s.rwmutex = kit_get(s.k, lock(s.a, "rw", true), STATUS_OK)->reply.grant.token;
    s.semaphore = kit_get(s.k, acquire(s.a, "s", 4), STATUS_OK)->reply.grant.token;
    s.once = kit_get(s.k, begin(s.a, "o"), STATUS_OK)->reply.grant.token;
    s.group = kit_get(s.k, add(s.a, "g", 2, true), STATUS_OK)->reply.grant.token;
    return s;
}

static struct op numbered(struct op op, uint64_t seq)
{
    op.seq = seq;
    return op;
}

static struct op limited(struct op op, int64_t timeout_ns)
{
    op.has_timeout = true;
    op.timeout_ns = timeout_ns;
    return op;
}

/* ---- Memory that fails ---- */

/*
 * Let the first allocation of an operation fail, then the second, and so on until it goes through: each failure is NO_MEMORY and leaves all
 * that can be seen as it was.
 */
static uint64_t walk(struct kit *k, struct op op)
{
    for (uint64_t nth = 1;; nth++) {
        char *before = kit_dump(k);
        uint64_t memory = kit_stats(k).memory;
        engine_fail_allocation(k->engine, nth);
        uint64_t route = kit_ask(k, op);
        engine_fail_allocation(k->engine, 0);
        const struct answer *got = answer(k, route);
        bool failed = got && got->reply.status == STATUS_NO_MEMORY;
        char *after = kit_dump(k);
        if (failed) {
            assert_string_equal(before, after);
            kit_step(k, &(struct op){.code = OP_TICK});        /* what was answered is freed */
            assert_true(kit_stats(k).memory <= memory + 4096); /* tables may have grown */
        }
        free(before);
        free(after);
        if (!failed)
            return route;
    }
}

static void without_memory_nothing_happens(void **state)
{
    (void)state;
    struct stage s = stage_new();
    const struct arm_spec arms[] = {
        {.verb = ARM_LOCK, .ref = by_name("m"), .lease_ns = SECOND},
        {.verb = ARM_WAIT, .ref = by_name("n"), .condition = {COMPARE_GT, 100}},
        {.verb = ARM_WAIT, .ref = by_name("n"), .condition = {COMPARE_LE, -100}},
        {.verb = ARM_ACQUIRE, .ref = by_name("s"), .permits = 5},
        {.verb = ARM_BEGIN, .ref = by_name("o")},
        {.verb = ARM_WAIT, .ref = by_name("g")},
        {.verb = ARM_AFTER, .delay_ns = SECOND},
    };
    uint64_t seq = 0, routes[8];
    routes[0] = walk(s.k, numbered(lock(s.b, "m", false), ++seq));
    routes[1] = walk(s.k, numbered(lock(s.b, "rw", false), ++seq));
    routes[2] = walk(s.k, numbered(limited(acquire(s.b, "s", 2), SECOND), ++seq));
    routes[3] = walk(s.k, numbered(begin(s.b, "o"), ++seq));
    routes[4] = walk(s.k, numbered(wait_for(s.b, "g"), ++seq));
    routes[5] = walk(s.k, numbered(wait_until(s.b, "n", COMPARE_GE, 5), ++seq));
    routes[6] = walk(s.k, numbered(wait_until(s.b, "n", COMPARE_LT, -5), ++seq));
    routes[7] = walk(s.k, numbered(select_of(s.b, arms, 7), ++seq));
    for (int i = 0; i < 8; i++)
        assert_null(answer(s.k, routes[i]));
    answered(s.k, walk(s.k, numbered(unlock(s.a, "m", false, s.mutex), 1)), STATUS_OK);
    answered(s.k, routes[0], STATUS_OK);
    answered(s.k, walk(s.k, numbered(unlock(s.a, "rw", true, s.rwmutex), 2)), STATUS_OK);
    answered(s.k, routes[1], STATUS_OK);
    answered(s.k, walk(s.k, numbered(release(s.a, "s", 1, 0), 3)), STATUS_OK);
    answered(s.k, routes[2], STATUS_OK);
    answered(s.k, walk(s.k, numbered(adopt(s.b, s.group), 9)), STATUS_OK);
    answered(s.k, walk(s.k, numbered(add(s.b, "g", 3, true), 10)), STATUS_OK);
    answered(s.k, walk(s.k, numbered(add(s.b, "g", -5, false), 11)), STATUS_OK);
    answered(s.k, routes[4], STATUS_OK);
    assert_int_equal(answered(s.k, routes[7], STATUS_OK)->reply.index, 5);
    answered(s.k, walk(s.k, numbered(end(s.a, "o", s.once, "done"), 4)), STATUS_OK);
    answered(s.k, routes[3], STATUS_OK);
    answered(s.k, walk(s.k, numbered(update(s.a, "n", COUNT_ADD, 5), 5)), STATUS_OK);
    answered(s.k, routes[5], STATUS_OK);
    answered(s.k, walk(s.k, numbered(make_semaphore(s.a, "new", 1), 6)), STATUS_OK);
    answered(s.k, walk(s.k, numbered(make_object(s.a, "counter", KIND_COUNTER), 7)), STATUS_OK);
    uint64_t lease = kit_get(s.k, lock(s.a, "counter", false), STATUS_WRONG_KIND)->reply.grant.token;
    assert_int_equal(lease, 0);
    kit_free(s.k);
}

/* To give back, to die and to run out of time need no memory. */
static void giving_back_needs_no_memory(void **state)
{
    (void)state;
    struct stage s = stage_new();
    uint64_t m = kit_ask(s.k, lock(s.b, "m", false)), rw = kit_ask(s.k, lock(s.b, "rw", false)),
             p = kit_ask(s.k, acquire(s.b, "s", 5)), o = kit_ask(s.k, begin(s.b, "o")),
             g = kit_ask(s.k, wait_for(s.b, "g"));
    engine_fail_allocation(s.k->engine, 1);
    kit_event(s.k, OP_DETACH, s.a);
    engine_fail_allocation(s.k->engine, 0);
    assert_true(answered(s.k, m, STATUS_OK)->reply.grant.owner_died);
    assert_false(answered(s.k, rw, STATUS_OK)->reply.grant.owner_died);
    answered(s.k, p, STATUS_OK);
    assert_true(answered(s.k, o, STATUS_OK)->reply.grant.owner_died);
    answered(s.k, g, STATUS_OWNER_DIED);
    kit_free(s.k);
}

/* ---- What it costs ---- */

enum { CROWD = 2000 };

/* Bytes that one more parked request of this kind costs. */
static uint64_t cost(struct kit *k, struct op op)
{
    for (int i = 0; i < CROWD; i++) /* tables and heaps grow to their size */
        kit_ask(k, op);
    uint64_t before = kit_stats(k).memory;
    for (int i = 0; i < CROWD; i++)
        kit_ask(k, op);
    return (kit_stats(k).memory - before) / CROWD;
}

static void a_waiter_is_small(void **state)
{
    (void)state;
    struct stage s = stage_new();
    /* a call with one arm; its place in a heap; room for the grant */
    const uint64_t waiter_max = 256, heaped_max = 264, holder_max = 400;
    s.k->keeps = s.k->audits = false;
    assert_in_range(cost(s.k, wait_for(s.b, "g")), 1, waiter_max);
    assert_in_range(cost(s.k, wait_until(s.b, "n", COMPARE_GT, 1)), 1, heaped_max);
    assert_in_range(cost(s.k, lock(s.b, "m", false)), 1, holder_max);
    assert_in_range(cost(s.k, acquire(s.b, "s", 2)), 1, holder_max);
    assert_in_range(cost(s.k, begin(s.b, "o")), 1, holder_max);
    engine_audit(s.k->engine);
    kit_free(s.k);
}

/* Taking and giving back leaves nothing behind. */
static void nothing_leaks(void **state)
{
    (void)state;
    struct stage s = stage_new();
    uint64_t memory = 0;
    kit_get(s.k, unlock(s.a, "m", false, s.mutex), STATUS_OK);
    for (int i = 0; i < 300; i++) {
        uint64_t t = kit_get(s.k, lock(s.a, "m", false), STATUS_OK)->reply.grant.token;
        kit_get(s.k, adopt(s.b, t), STATUS_OK);
        kit_get(s.k, unlock(s.a, "m", false, t), STATUS_OK);
        t = kit_get(s.k, lock(s.b, "rw", true), STATUS_OK)->reply.grant.token;
        kit_get(s.k, unlock(s.a, "rw", true, t), STATUS_OK);
        kit_get(s.k, acquire(s.b, "s", 1), STATUS_OK);
        kit_get(s.k, release(s.b, "s", 1, 0), STATUS_OK);
        kit_get(s.k, acquire(s.b, "s", 0), STATUS_OK);
        kit_get(s.k, add(s.b, "g", 3, true), STATUS_OK);
        kit_get(s.k, add(s.b, "g", -3, false), STATUS_OK);
        kit_get(s.k, limited(wait_until(s.b, "n", COMPARE_EQ, -1), 0), STATUS_DEADLINE_EXCEEDED);
        uint64_t w = kit_ask(s.k, wait_until(s.b, "n", COMPARE_GE, i + 1));
        kit_get(s.k, update(s.a, "n", COUNT_ADD, 1), STATUS_OK);
        answered(s.k, w, STATUS_OK);
        kit_step(s.k, &(struct op){.code = OP_TICK});
        if (i == 100)
            memory = kit_stats(s.k).memory;
        if (i > 100)
            assert_int_equal(kit_stats(s.k).memory, memory);
    }
    kit_free(s.k);
}

/* ---- What is seen ---- */

static void what_a_session_holds_is_counted(void **state)
{
    (void)state;
    struct stage s = stage_new();
    assert_int_equal(kit_session_view(s.k, s.a).leases, 5);
    struct object_view v = kit_view(s.k, "m");
    assert_int_equal(v.hold.holds, 1);
    assert_int_equal(v.hold.token, s.mutex);
    assert_int_equal(v.hold.holder, s.a);
    kit_get(s.k, adopt(s.b, s.mutex), STATUS_OK);
    assert_int_equal(kit_session_view(s.k, s.a).leases, 4);
    assert_int_equal(kit_session_view(s.k, s.b).leases, 1);
    assert_int_equal(kit_view(s.k, "m").hold.holder, s.b);
    assert_true(kit_view(s.k, "m").version > v.version);
    struct stats stats = kit_stats(s.k);
    kit_get(s.k, unlock(s.a, "m", false, 12345), STATUS_STALE_TOKEN);
    assert_int_equal(kit_stats(s.k).failed[OP_UNLOCK], stats.failed[OP_UNLOCK] + 1);
    assert_int_equal(kit_stats(s.k).leases, 0); /* those are of items */
    kit_free(s.k);
}

/* Every waiter is shown once, with its queue and in its order; those of a counter's heaps, too. */
static void all_who_wait_are_shown(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t count;
    } expected[] = {{"rw", 4}, {"s", 4}, {"n", 5}};
    struct stage s = stage_new();
    for (int i = 0; i < 2; i++) {
        kit_ask(s.k, lock(s.b, "rw", false));
        kit_ask(s.k, lock(s.b, "rw", true));
        kit_ask(s.k, acquire(s.b, "s", 6)); /* never */
        kit_ask(s.k, acquire(s.b, "s", 5));
        kit_ask(s.k, wait_until(s.b, "n", COMPARE_GT, 5));
        kit_ask(s.k, wait_until(s.b, "n", COMPARE_LE, -5));
    }
    kit_ask(s.k, wait_until(s.b, "n", COMPARE_EQ, 5));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct object *o = kit_object(s.k, expected[i].name);
        uint32_t count = 0;
        for (const struct arm *a = engine_waiter_next(s.k->engine, o, NULL); a;
             a = engine_waiter_next(s.k->engine, o, a))
            count++;
        assert_int_equal(count, expected[i].count);
        assert_int_equal(kit_view(s.k, expected[i].name).waiting, expected[i].count);
    }
    kit_free(s.k);
}

/* ---- Limits ---- */

static void limits_are_named(void **state)
{
    (void)state;
    struct engine_options options = {.seed = 1, .limits = {.calls_max = 4}};
    struct kit *k = kit_new(&options);
    uint64_t a = kit_session(k), b = kit_session(k);
    kit_get(k, make_object(a, "m", KIND_MUTEX), STATUS_OK);
    uint64_t t = kit_get(k, lock(a, "m", false), STATUS_OK)->reply.grant.token;
    for (int i = 0; i < 4; i++)
        assert_null(answer(k, kit_ask(k, lock(b, "m", false))));
    assert_string_equal(kit_get(k, lock(b, "m", false), STATUS_LIMIT)->reply.limit.name, "calls_max");
    kit_get(k, unlock(a, "m", false, t), STATUS_OK); /* one of them goes on */
    assert_int_equal(kit_session_view(k, b).parked, 3);
    kit_free(k);
    options.limits = (struct limits){.memory_max = (UINT64_C(1) << 20) + 4096 + 100000};
    k = kit_new(&options);
    a = kit_session(k);
    kit_get(k, make_semaphore(a, "s", 1000000), STATUS_OK);
    const struct answer *last;
    k->audits = false;
    do
        last = answer(k, kit_ask(k, acquire(a, "s", 1)));
    while (last->reply.status == STATUS_OK);
    assert_int_equal(last->reply.status, STATUS_LIMIT);
    assert_string_equal(last->reply.limit.name, "memory_max");
    assert_true(kit_stats(k).memory <= kit_stats(k).memory_max);
    engine_audit(k->engine);
    kit_free(k);
}

/* ---- Crowds ---- */

/* Hundreds that hold and wait come and go by each other's deaths; each step is audited. */
static void a_crowd_that_dies(void **state)
{
    (void)state;
    enum { SESSIONS = 200 };
    struct kit *k = kit_new(NULL);
    uint64_t sessions[SESSIONS], first = kit_session(k);
    kit_get(k, make_object(first, "m", KIND_MUTEX), STATUS_OK);
    kit_get(k, make_object(first, "rw", KIND_RWMUTEX), STATUS_OK);
    kit_get(k, make_object(first, "g", KIND_WAITGROUP), STATUS_OK);
    kit_get(k, make_object(first, "o", KIND_ONCE), STATUS_OK);
    kit_get(k, make_semaphore(first, "s", 7), STATUS_OK);
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = kit_session(k);
        kit_ask(k, lock(sessions[i], "m", false));
        kit_ask(k, lock(sessions[i], "rw", i % 3 != 0));
        kit_ask(k, acquire(sessions[i], "s", (uint64_t)i % 9));
        kit_ask(k, begin(sessions[i], "o"));
        kit_get(k, add(sessions[i], "g", 1, true), STATUS_OK);
    }
    uint64_t all = kit_ask(k, wait_for(first, "g"));
    for (int i = 0; i < SESSIONS; i++)
        kit_event(k, OP_DETACH, sessions[(i * 7) % SESSIONS]);
    answered(k, all, STATUS_OWNER_DIED);
    assert_int_equal(kit_view(k, "g").count.lost, SESSIONS);
    assert_int_equal(kit_view(k, "s").hold.free, 7);
    assert_int_equal(kit_view(k, "m").hold.holds, 0);
    assert_int_equal(kit_view(k, "rw").hold.holds, 0);
    assert_false(kit_view(k, "o").hold.done);
    kit_free(k);
}

/* Whoever holds much pays nothing for it in each operation of another. */
static void many_holds_are_cheap(void **state)
{
    (void)state;
    enum { HOLDS = 100000, OPENS = 20000 };
    struct kit *k = kit_new(NULL);
    uint64_t a = kit_session(k), b = kit_session(k);
    k->audits = k->keeps = false;
    kit_ask(k, make_object(a, "rw", KIND_RWMUTEX));
    kit_ask(k, make_semaphore(a, "s", 2 * HOLDS));
    kit_ask(k, make_object(a, "g", KIND_WAITGROUP));
    for (int i = 0; i < HOLDS; i++) {
        kit_ask(k, lock(a, "rw", true));
        kit_ask(k, acquire(a, "s", 1));
        kit_ask(k, add(a, "g", 1, true));
    }
    for (int i = 0; i < OPENS; i++) {
        kit_ask(k, make_object(b, "rw", KIND_RWMUTEX));
        kit_ask(k, unlock(b, "rw", true, 0));
        kit_ask(k, acquire(b, "s", 1));
        kit_ask(k, release(b, "s", 1, 0));
        kit_ask(k, add(b, "g", 1, true));
        kit_ask(k, add(b, "g", -1, false));
    }
    assert_int_equal(kit_view(k, "rw").hold.holds, HOLDS);
    assert_int_equal(kit_view(k, "s").hold.free, HOLDS);
    assert_int_equal(kit_view(k, "g").count.value, HOLDS);
    engine_audit(k->engine);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_memory_nothing_happens),
                                       cmocka_unit_test(giving_back_needs_no_memory),
                                       cmocka_unit_test(a_waiter_is_small),
                                       cmocka_unit_test(nothing_leaks),
                                       cmocka_unit_test(what_a_session_holds_is_counted),
                                       cmocka_unit_test(all_who_wait_are_shown),
                                       cmocka_unit_test(limits_are_named),
                                       cmocka_unit_test(a_crowd_that_dies),
                                       cmocka_unit_test(many_holds_are_cheap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

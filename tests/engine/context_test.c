/*
 * context_test.c - large trees, and the corners of time.
 *
 * The deepest chain that the limit allows is cancelled and freed, from both ends; a tree is cancelled node by node in an order of no
 * kind; children that only a waiter holds go while their parent's cancellation is under way. Deadlines at both ends of the 64-bit
 * nanoseconds are made, told as text with every offset, and passed, without overflow (the sanitized build watches).
 */
#include <stdio.h>
#include <stdlib.h>

#include "kit.h"

/* A child by handle: anonymous, so that only references keep it. */
static uint64_t child_of(struct kit *k, uint64_t s, uint64_t parent)
{
    struct op op = make_context(s, NULL, NULL);
    op.make.context.has_parent = parent != 0;
    op.make.context.parent = by_handle(parent);
    return kit_get(k, op, STATUS_OK)->reply.made.handle;
}

static void drop(struct kit *k, uint64_t s, uint64_t handle)
{
    struct op op = plain(OP_DROP, s);
    op.drop.handle = handle;
    kit_get(k, op, STATUS_OK);
}

/* The deepest chain there may be: it is cancelled from the top, and freed from the bottom, in a loop. */
static void as_deep_as_it_goes(void **state)
{
    (void)state;
    for (int cancels = 0; cancels < 2; cancels++) {
        struct kit *k = kit_new(NULL);
        uint64_t s = kit_session(k);
        k->audits = false;
        kit_get(k, make_context(s, "root", NULL), STATUS_OK);
        uint64_t at = 0;
        for (int depth = 0; depth <= CONTEXT_DEPTH_MAX - 1; depth++) {
            struct op op = make_context(s, NULL, "root");
            if (at)
                op.make.context.parent = by_handle(at);
            uint64_t child = kit_get(k, op, STATUS_OK)->reply.made.handle;
            if (at)
                drop(k, s, at);
            at = child;
        }
        struct op over = make_context(s, NULL, "root");
        over.make.context.parent = by_handle(at);
        const struct answer *a = kit_get(k, over, STATUS_LIMIT);
        assert_string_equal(a->reply.limit.name, "context_depth_max");
        assert_int_equal(kit_stats(k).objects, CONTEXT_DEPTH_MAX + 1);
        struct op done = recv_from(s, NULL);
        done.recv.ref = by_handle(at);
        uint64_t waits = kit_ask(k, done);
        if (cancels) {
            kit_get(k, cancel_context(s, "root", "top"), STATUS_OK);
            assert_string_equal(answered(k, waits, STATUS_CLOSED)->cause, "top");
        }
        engine_audit(k->engine);
        kit_event(k, OP_DETACH, s);
        assert_int_equal(kit_stats(k).objects, 0);
        kit_free(k);
    }
}

/* A hundred nodes, every one cancelled, in an order that is neither from the top nor from the leaves. */
static void a_storm(void **state)
{
    (void)state;
    enum { NODES = 121 };
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), nodes[NODES], waits[NODES];
    for (size_t i = 0; i < NODES; i++) {
        nodes[i] = child_of(k, s, i ? nodes[(i - 1) / 3] : 0);
        struct op done = recv_from(s, NULL);
        done.recv.ref = by_handle(nodes[i]);
        waits[i] = kit_ask(k, done);
    }
    for (size_t i = 0; i < NODES; i++) {
        size_t at = i * 50 % NODES;
        struct op cancel = cancel_context(s, NULL, at % 2 ? "odd" : NULL);
        cancel.context_cancel.ref = by_handle(nodes[at]);
        kit_get(k, cancel, STATUS_OK);
        answered(k, waits[at], STATUS_CLOSED);
    }
    assert_int_equal(kit_stats(k).parked, 0);
    kit_free(k);
}

/* Two children are held by nothing but one call; the parent's end frees both while they are being cancelled. */
static void held_by_the_waiter_alone(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_context(s, "parent", NULL), STATUS_OK);
    struct arm_spec arms[2] = {{.verb = ARM_RECV}, {.verb = ARM_RECV}};
    for (int i = 0; i < 2; i++) {
        uint64_t h = kit_get(k, make_context(s, NULL, "parent"), STATUS_OK)->reply.made.handle;
        arms[i].ref = by_handle(h);
    }
    uint64_t waits = kit_ask(k, select_of(s, arms, 2));
    drop(k, s, arms[0].ref.handle);
    drop(k, s, arms[1].ref.handle);
    assert_int_equal(kit_stats(k).objects, 3);
    kit_get(k, cancel_context(s, "parent", NULL), STATUS_OK);
    assert_int_equal(answered(k, waits, STATUS_CLOSED)->reply.index, 0);
    assert_int_equal(kit_stats(k).objects, 1);
    kit_free(k);
}

static void described(const struct kit *k, const char *name, const char *want)
{
    char buf[300];
    size_t n = engine_context_string(k->engine, kit_object(k, name), 0, buf, sizeof buf);
    assert_int_equal(n, strlen(buf));
    if (!strstr(buf, want))
        fail_msg("%s has no %s", buf, want);
}

/* Deadlines at either end of time are told without overflow. */
static void the_ends_of_time(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    const int64_t offsets[] = {INT64_MIN, -1, 0, INT64_C(1700000000) * SECOND, INT64_MAX};
    const int64_t deadlines[] = {INT64_MIN, INT64_MIN + 1, -1, INT64_MAX - 1, INT64_MAX};
    kit_time(k, 5 * SECOND);
    for (size_t i = 0; i < 5; i++) {
        char name[8], buf[300];
        snprintf(name, sizeof name, "%zu", i);
        struct op op = make_context(s, name, NULL);
        op.make.context.has_deadline = true;
        op.make.context.deadline_ns = deadlines[i];
        kit_get(k, op, STATUS_OK);
        assert_int_equal(kit_view(k, name).context.error, i < 3 ? STATUS_DEADLINE_EXCEEDED : STATUS_OK);
        for (size_t j = 0; j < 5; j++)
            engine_context_string(k->engine, kit_object(k, name), offsets[j], buf, sizeof buf);
    }
    described(k, "0", "[-2562047h47m");
    described(k, "4", ".WithDeadline(2262-04-11");
    struct op late = make_context(s, "late", NULL);
    late.make.context.has_timeout = true;
    late.make.context.timeout_ns = INT64_MAX;
    kit_get(k, late, STATUS_OK);
    kit_time(k, INT64_MAX);
    assert_int_equal(kit_view(k, "late").context.error, STATUS_OK);
    assert_int_equal(kit_view(k, "3").context.error, STATUS_DEADLINE_EXCEEDED);
    kit_free(k);
}

static void a_short_buffer(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    char buf[20] = "untouched";
    kit_get(k, make_context(s, "c", NULL), STATUS_OK);
    const struct object *o = kit_object(k, "c");
    const char whole[] = "context.Background.WithCancel";
    assert_int_equal(engine_context_string(k->engine, o, 0, NULL, 0), strlen(whole));
    assert_int_equal(engine_context_string(k->engine, o, 0, buf, sizeof buf), strlen(whole));
    assert_string_equal(buf, "context.Background.");
    kit_free(k);
}

/* Who holds a handle reads the end for as long as it likes; the name alone keeps it for its while. */
static void lingering(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), other = kit_session(k);
    struct op op = make_context(s, "c", NULL);
    op.make.lifetime = LIFE_DETACHED;
    kit_get(k, op, STATUS_OK);
    struct op open = plain(OP_OPEN, other);
    open.open.ref = by_name("c");
    uint64_t handle = kit_get(k, open, STATUS_OK)->reply.made.handle;
    kit_event(k, OP_DETACH, s);
    assert_int_equal(kit_view(k, "c").context.error, STATUS_OK);
    kit_get(k, cancel_context(other, "c", NULL), STATUS_OK);
    kit_time(k, CONTEXT_LINGER_NS - 1);
    kit_get(k, open, STATUS_OK);
    kit_time(k, CONTEXT_LINGER_NS);
    kit_get(k, open, STATUS_NOT_FOUND);
    open.open.ref = by_handle(handle);
    kit_get(k, open, STATUS_OK);
    kit_event(k, OP_DETACH, other);
    assert_int_equal(kit_stats(k).objects, 0);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_deep_as_it_goes),       cmocka_unit_test(a_storm),
        cmocka_unit_test(held_by_the_waiter_alone), cmocka_unit_test(the_ends_of_time),
        cmocka_unit_test(a_short_buffer),           cmocka_unit_test(lingering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * trigger_test.c - what happens without a caller, and what becomes of it when its surroundings go.
 *
 * A trigger fires once. Its channel may be full, closed or removed before or after that; its session or its context may die first, or
 * both together; its instant may be that of others. In each case the value is sent, waits, or is dropped as the rule says, and
 * nothing of it is left behind.
 */
#include "kit.h"

static struct op trigger(uint64_t s, const char *name, const char *context, int64_t delay_ns,
                         const char *channel)
{
    struct op op = make_timer(s, name, 0);
    op.make.kind = KIND_TRIGGER;
    op.make.trigger = (struct trigger_spec){.context = by_name(context),
                                            .delay_ns = delay_ns,
                                            .channel = by_name(channel),
                                            .value = text("fired")};
    return op;
}

static struct kit *with_channel(uint64_t *ret_session, int64_t cap)
{
    struct kit *k = kit_new(NULL);
    *ret_session = kit_session(k);
    kit_get(k, make_channel(*ret_session, "c", cap), STATUS_OK);
    return k;
}

static uint64_t sent(const struct kit *k)
{
    return kit_view(k, "c").channel.sent;
}

static void once(void **state)
{
    (void)state;
    uint64_t s;
    struct kit *k = with_channel(&s, 5);
    kit_get(k, make_context(s, "ctx", NULL), STATUS_OK);
    kit_get(k, trigger(s, "t", "ctx", 0, "c"), STATUS_OK);
    kit_get(k, trigger(s, "stopped", "ctx", 0, "c"), STATUS_OK);
    assert_true(kit_get(k, of_name(OP_STOP, s, "stopped"), STATUS_OK)->reply.truth);
    assert_false(kit_get(k, of_name(OP_STOP, s, "stopped"), STATUS_OK)->reply.truth);
    kit_get(k, cancel_context(s, "ctx", NULL), STATUS_OK);
    kit_get(k, cancel_context(s, "ctx", NULL), STATUS_OK);
    assert_int_equal(sent(k), 1);
    assert_false(kit_get(k, of_name(OP_STOP, s, "t"), STATUS_OK)->reply.truth);
    kit_get(k, trigger(s, "born", "ctx", 0, "c"), STATUS_OK); /* already done: at once */
    assert_int_equal(sent(k), 2);
    kit_get(k, reset(s, "t", 0), STATUS_WRONG_KIND);
    kit_free(k);
}

/* A slow channel holds up its own sends alone, in order; a Reset does not take them back. */
static void a_full_channel(void **state)
{
    (void)state;
    uint64_t s;
    struct kit *k = with_channel(&s, 0);
    kit_get(k, trigger(s, "t", NULL, 5, "c"), STATUS_OK);
    kit_time(k, 5);
    assert_int_equal(kit_view(k, "c").channel.senders, 1);
    assert_false(kit_get(k, reset(s, "t", 5), STATUS_OK)->reply.truth);
    assert_true(kit_get(k, reset(s, "t", 5), STATUS_OK)->reply.truth);
    kit_time(k, 10);
    assert_int_equal(kit_view(k, "c").channel.senders, 2);
    kit_event(k, OP_ATTACH, s);
    kit_get(k, of_name(OP_REMOVE, s, "t"), STATUS_OK); /* what has begun goes on */
    assert_int_equal(kit_get(k, recv_many(s, "c", 9), STATUS_OK)->items, 2);
    kit_free(k);
}

static void its_channel_goes(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        uint64_t s;
        struct kit *k = with_channel(&s, 0);
        kit_get(k, trigger(s, "t", NULL, 5, "c"), STATUS_OK);
        if (way % 2)
            kit_time(k, 5); /* its send is parked */
        kit_get(k, of_name(way / 2 ? OP_CLOSE : OP_REMOVE, s, "c"), STATUS_OK);
        kit_time(k, 5);
        assert_int_equal(kit_stats(k).parked, 0);
        assert_int_equal(kit_stats(k).items, 1); /* the trigger's own copy */
        kit_free(k);
    }
}

/* Its session's death stops it; a detached one fires all the same, then loses its name. */
static void its_session_goes(void **state)
{
    (void)state;
    for (int detached = 0; detached < 2; detached++) {
        uint64_t s;
        struct kit *k = with_channel(&s, 5);
        struct op op = trigger(s, "t", NULL, 5, "c");
        op.make.lifetime = detached ? LIFE_DETACHED : LIFE_OWNED;
        kit_get(k, op, STATUS_OK);
        kit_event(k, OP_DETACH, s);
        assert_int_equal(kit_stats(k).objects, 1 + detached);
        kit_time(k, 5);
        assert_int_equal(sent(k), detached);
        kit_time(k, 5 + CONTEXT_LINGER_NS);
        assert_int_equal(kit_stats(k).objects, 1);
        kit_free(k);
    }
}

/* Its context ends with the same session: which goes first is settled by the order of the end, and nothing is left over. */
static void both_die_together(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        uint64_t s;
        struct kit *k = with_channel(&s, 5);
        uint64_t mortal = kit_session(k);
        kit_get(k, make_context(first ? s : mortal, "ctx", NULL), STATUS_OK);
        kit_get(k, trigger(first ? mortal : s, "t", "ctx", 0, "c"), STATUS_OK);
        kit_event(k, OP_DETACH, mortal);
        assert_int_equal(sent(k), first ? 0 : 1);
        kit_event(k, OP_DETACH, s);
        assert_int_equal(kit_stats(k).parked, 0);
        kit_free(k);
    }
}

/* A timer's end, a trigger's send and the receiver's deadline fall into one instant: in the order in which they were set. */
static void one_instant(void **state)
{
    (void)state;
    for (int later = 0; later < 2; later++) {
        uint64_t s;
        struct kit *k = with_channel(&s, 0);
        struct op op = recv_from(s, "c");
        op.has_timeout = true;
        op.timeout_ns = 5;
        uint64_t r = later ? kit_ask(k, op) : 0;
        kit_get(k, trigger(s, "t", NULL, 5, "c"), STATUS_OK);
        if (!later)
            r = kit_ask(k, op);
        kit_time(k, 9);
        answered(k, r, later ? STATUS_DEADLINE_EXCEEDED : STATUS_OK);
        kit_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once),
        cmocka_unit_test(a_full_channel),
        cmocka_unit_test(its_channel_goes),
        cmocka_unit_test(its_session_goes),
        cmocka_unit_test(both_die_together),
        cmocka_unit_test(one_instant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

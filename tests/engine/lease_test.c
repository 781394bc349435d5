/*
 * lease_test.c - an item handed out but not gone, however its lease ends.
 *
 * By acknowledgement, by being given back, by time, by the death of its holder, by the end of its channel: each way is walked, with
 * the count of deliveries that goes with it, and the dead letter at the end of too many. The answer that granted a lease outlives it.
 * A batch that runs out of memory takes what it can and leaves the rest.
 */
#include "kit.h"

static const struct answer *borrow(struct kit *k, uint64_t session, const char *channel, int64_t lease_ns)
{
    struct op op = recv_leased(session, channel, lease_ns);
    op.no_wait = true;
    return answer(k, kit_ask(k, op));
}

static void every_way_back(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), other = kit_session(k);
    kit_get(k, make_channel(s, "c", 1), STATUS_OK);
    kit_get(k, send_to(s, "c", "x"), STATUS_OK);
    const struct answer *a = borrow(k, other, "c", SECOND);
    assert_int_equal(a->deliveries, 1);
    kit_get(k, lease_op(OP_NACK, other, a->leases, 1), STATUS_OK);
    a = borrow(k, other, "c", SECOND);
    assert_int_equal(a->deliveries, 2);
    kit_time(k, SECOND); /* its end */
    kit_get(k, lease_op(OP_ACK, other, a->leases, 1), STATUS_NOT_LEASED);
    a = borrow(k, other, "c", SECOND);
    assert_int_equal(a->deliveries, 3);
    kit_event(k, OP_DETACH, other); /* death */
    a = borrow(k, s, "c", SECOND);
    assert_int_equal(a->deliveries, 4);
    kit_get(k, lease_op(OP_ACK, s, a->leases, 1), STATUS_OK);
    assert_int_equal(borrow(k, s, "c", SECOND)->reply.status, STATUS_WOULD_BLOCK);
    assert_int_equal(kit_stats(k).requeued, 3);
    kit_free(k);
}

static void more_time(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_channel(s, "c", 1), STATUS_OK);
    kit_get(k, send_to(s, "c", "x"), STATUS_OK);
    const struct answer *a = borrow(k, s, "c", SECOND);
    struct op extend = lease_op(OP_EXTEND, s, a->leases, 1);
    extend.lease.duration_ns = 5 * SECOND;
    kit_time(k, SECOND / 2);
    kit_get(k, extend, STATUS_OK);
    assert_int_equal(engine_next_deadline(k->engine), SECOND / 2 + 5 * SECOND);
    extend.lease.duration_ns = INT64_MAX;
    kit_get(k, extend, STATUS_OK);
    assert_int_equal(engine_next_deadline(k->engine), NEVER_NS);
    kit_time(k, INT64_MAX);
    assert_int_equal(kit_view(k, "c").channel.leased, 1);
    kit_free(k);
}

/* Of several leases named, those that are there are dealt with, and the count says how many. */
static void some_of_several(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), other = kit_session(k);
    kit_get(k, make_channel(s, "c", 3), STATUS_OK);
    for (int i = 0; i < 3; i++)
        kit_get(k, send_to(s, "c", "x"), STATUS_OK);
    uint64_t leases[4] = {0, 0, 0, 12345};
    for (int i = 0; i < 3; i++)
        leases[i] = borrow(k, i == 1 ? other : s, "c", SECOND)->leases[0];
    assert_int_equal(kit_get(k, lease_op(OP_ACK, s, leases, 4), STATUS_NOT_LEASED)->reply.count, 2);
    const uint64_t twice[] = {leases[1], leases[1]};
    assert_int_equal(kit_get(k, lease_op(OP_NACK, other, twice, 2), STATUS_NOT_LEASED)->reply.count, 1);
    kit_get(k, lease_op(OP_ACK, s, NULL, 0), STATUS_OK);
    assert_int_equal(kit_view(k, "c").channel.len, 1);
    kit_free(k);
}

/* The answer that granted a lease can be had again after the lease has ended and its item gone to another. */
static void the_answer_outlives_the_lease(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), other = kit_session(k);
    kit_get(k, make_channel(s, "c", 1), STATUS_OK);
    kit_get(k, send_to(s, "c", "x"), STATUS_OK);
    struct op op = recv_leased(s, "c", SECOND);
    op.seq = 1;
    uint64_t lease = kit_get(k, op, STATUS_OK)->leases[0];
    kit_time(k, SECOND);
    kit_get(k, recv_from(other, "c"), STATUS_OK);
    kit_event(k, OP_WRITTEN, other);
    const struct answer *again = kit_get(k, op, STATUS_OK);
    assert_string_equal(again->texts[0], "x");
    assert_int_equal(again->leases[0], lease);
    assert_int_equal(again->deliveries, 1);
    kit_get(k, lease_op(OP_ACK, s, &lease, 1), STATUS_NOT_LEASED);
    kit_free(k);
}

/* Past its deliveries an item goes to the dead letter, beyond its capacity, as if new; or back when that is closed. */
static void the_dead_letter(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_channel(s, "dead", 0), STATUS_OK);
    struct op make = make_channel(s, "c", 5);
    make.make.channel.dead_letter = by_name("dead");
    make.make.channel.deliveries_max = 2;
    kit_get(k, make, STATUS_OK);
    for (int i = 0; i < 3; i++)
        kit_get(k, send_to(s, "c", i == 0 ? "0" : i == 1 ? "1" : "2"), STATUS_OK);
    for (int i = 0; i < 4; i++)
        kit_get(k, lease_op(OP_NACK, s, borrow(k, s, "c", SECOND)->leases, 1), STATUS_OK);
    assert_int_equal(kit_view(k, "dead").channel.len, 2);
    assert_int_equal(kit_view(k, "c").channel.len, 1);
    const struct answer *a = borrow(k, s, "dead", SECOND);
    assert_string_equal(a->texts[0], "0");
    assert_int_equal(a->deliveries, 1);
    kit_get(k, of_name(OP_CLOSE, s, "dead"), STATUS_OK);
    for (int i = 0; i < 3; i++)
        kit_get(k, lease_op(OP_NACK, s, borrow(k, s, "c", SECOND)->leases, 1), STATUS_OK);
    assert_int_equal(kit_view(k, "c").channel.len, 1);
    assert_int_equal(kit_stats(k).dead_lettered, 2);
    kit_free(k);
}

/* A removed channel takes nothing back, and is kept no longer than its leases. */
static void a_removed_channel(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    uint64_t handle = kit_get(k, make_channel(s, "c", 1), STATUS_OK)->reply.made.handle;
    kit_get(k, send_to(s, "c", "x"), STATUS_OK);
    const struct answer *a = borrow(k, s, "c", SECOND);
    kit_get(k, of_name(OP_REMOVE, s, "c"), STATUS_OK);
    struct op drop = plain(OP_DROP, s);
    drop.drop.handle = handle;
    kit_get(k, drop, STATUS_OK);
    assert_int_equal(kit_stats(k).objects, 1);
    kit_get(k, lease_op(OP_NACK, s, a->leases, 1), STATUS_OK);
    kit_event(k, OP_TICK, 0);
    assert_int_equal(kit_stats(k).objects, 0);
    assert_int_equal(kit_stats(k).items, 0);
    kit_free(k);
}

/* A batch takes as many leases as there is memory for; the rest stays where it was. */
static void a_batch_without_memory(void **state)
{
    (void)state;
    for (uint64_t nth = 3; nth < 7; nth++) { /* the call and the first lease there must be */
        struct kit *k = kit_new(NULL);
        uint64_t s = kit_session(k);
        kit_get(k, make_channel(s, "c", 5), STATUS_OK);
        for (int i = 0; i < 5; i++)
            kit_get(k, send_to(s, "c", "x"), STATUS_OK);
        struct op op = recv_many(s, "c", 5);
        op.recv_many.lease_ns = SECOND;
        engine_fail_allocation(k->engine, nth);
        uint32_t items = kit_get(k, op, STATUS_OK)->items;
        engine_fail_allocation(k->engine, 0);
        assert_int_equal(items, nth - 2);
        assert_int_equal(kit_view(k, "c").channel.len, 5 - items);
        kit_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_back),         cmocka_unit_test(more_time),
        cmocka_unit_test(some_of_several),        cmocka_unit_test(the_answer_outlives_the_lease),
        cmocka_unit_test(the_dead_letter),        cmocka_unit_test(a_removed_channel),
        cmocka_unit_test(a_batch_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * ordered_test.c - channels whose buffer is received by rank.
 *
 * The least rank first, and equals as they came, whatever brought them into the buffer: a send, a batch, a select, a lease that was given
 * back, a dead letter. What waits outside of the buffer, senders and receivers, stands in order of arrival as in every channel.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kit_sched.h"

static struct op make_ordered(uint64_t s, const char *name, int64_t cap)
{
    struct op op = make_channel(s, name, cap);
    op.make.channel.ordered = true;
    return op;
}

static struct op send_ranked(uint64_t s, const char *name, const char *what, int64_t rank)
{
    struct op op = send_to(s, name, what);
    op.send.rank = rank;
    return op;
}

struct stage {
    struct kit *k;
    uint64_t s;
};

static struct stage stage_new(int64_t cap)
{
    struct stage st = {.k = kit_new(NULL)};
    st.s = kit_session(st.k);
    kit_get(st.k, make_ordered(st.s, "c", cap), STATUS_OK);
    return st;
}

static void put(struct stage st, const char *what, int64_t rank)
{
    kit_get(st.k, send_ranked(st.s, "c", what, rank), STATUS_OK);
}

static void gets(struct stage st, const char *what)
{
    assert_string_equal(kit_get(st.k, recv_from(st.s, "c"), STATUS_OK)->texts[0], what);
}

static void by_rank_then_by_arrival(void **state)
{
    (void)state;
    struct stage st = stage_new(10);
    put(st, "a", 5), put(st, "b", INT64_MAX), put(st, "c", -1), put(st, "d", 5), put(st, "e", 0);
    put(st, "f", INT64_MIN), put(st, "g", 5), put(st, "h", -1);
    const char *const order = "fchea";
    for (const char *p = order; *p; p++)
        gets(st, (const char[]){*p, 0});
    put(st, "z", 4); /* what comes later overtakes */
    gets(st, "z"), gets(st, "d"), gets(st, "g"), gets(st, "b");
    assert_int_equal(kit_view(st.k, "c").channel.len, 0);
    assert_true(kit_view(st.k, "c").channel.ordered);
    kit_free(st.k);
}

static void the_rank_comes_with_the_item(void **state)
{
    (void)state;
    struct stage st = stage_new(3);
    put(st, "a", -7);
    assert_int_equal(kit_get(st.k, recv_from(st.s, "c"), STATUS_OK)->reply.item.rank, -7);
    kit_free(st.k);
}

/* A thousand in a scrambled order, with few ranks: sorted, and stable. */
static void many(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct stage st = stage_new(COUNT);
    st.k->audits = false;
    uint32_t x = 1;
    char name[16];
    for (int i = 0; i < COUNT; i++) {
        x = x * 1103515245 + 12345;
        snprintf(name, sizeof name, "%d", i);
        put(st, name, (x >> 16) % 10);
    }
    engine_audit(st.k->engine);
    int64_t rank = -1;
    int last = -1;
    for (int i = 0; i < COUNT; i++) {
        const struct answer *a = kit_get(st.k, recv_from(st.s, "c"), STATUS_OK);
        int at = atoi(a->texts[0]);
        assert_true(a->reply.item.rank > rank || (a->reply.item.rank == rank && at > last));
        rank = a->reply.item.rank;
        last = at;
    }
    kit_free(st.k);
}

static void batches_have_ranks(void **state)
{
    (void)state;
    struct stage st = stage_new(4);
    const struct value values[] = {text("a"), text("b"), text("c")};
    const int64_t ranks[] = {3, 1, 2};
    struct op op = send_many(st.s, "c", values, 3);
    op.send_many.ranks = ranks;
    assert_int_equal(kit_get(st.k, op, STATUS_OK)->reply.count, 3);
    const struct answer *a = kit_get(st.k, recv_many(st.s, "c", 8), STATUS_OK);
    assert_string_equal(a->texts[0], "b");
    assert_string_equal(a->texts[1], "c");
    assert_string_equal(a->texts[2], "a");
    kit_get(st.k, send_many(st.s, "c", values, 2), STATUS_OK); /* without: all 0 */
    gets(st, "a"), gets(st, "b");
    kit_free(st.k);
}

static void a_select_has_ranks(void **state)
{
    (void)state;
    struct stage st = stage_new(4);
    put(st, "a", 1);
    struct arm_spec arm = arm_send("c", "b");
    arm.rank = -1;
    kit_get(st.k, select_of(st.s, &arm, 1), STATUS_OK);
    gets(st, "b");
    const struct arm_spec receive = arm_recv("c");
    assert_int_equal(kit_get(st.k, select_of(st.s, &receive, 1), STATUS_OK)->reply.item.rank, 1);
    kit_free(st.k);
}

/* Given back by NACK, by the end of the lease, by the death of a session, or because nobody read the reply: it stands where it stood. */
static void given_back_it_keeps_its_place(void **state)
{
    (void)state;
    struct stage st = stage_new(5);
    uint64_t other = kit_session(st.k);
    put(st, "a", 1), put(st, "b", 2), put(st, "c", 2), put(st, "d", 3);
    uint64_t lease = kit_get(st.k, recv_leased(st.s, "c", SECOND), STATUS_OK)->leases[0];
    uint64_t b = kit_get(st.k, recv_leased(st.s, "c", SECOND), STATUS_OK)->leases[0];
    put(st, "e", 2), put(st, "f", 0);
    kit_get(st.k, lease_op(OP_NACK, st.s, &b, 1), STATUS_OK);
    kit_get(st.k, lease_op(OP_NACK, st.s, &lease, 1), STATUS_OK);
    gets(st, "f");
    assert_int_equal(kit_get(st.k, recv_leased(other, "c", SECOND), STATUS_OK)->reply.item.rank, 1);
    kit_get(st.k, recv_leased(other, "c", 5 * SECOND), STATUS_OK);
    kit_time(st.k, 2 * SECOND); /* a comes back by itself */
    leave(st.k, other);         /* b comes back */
    uint64_t reader = kit_session(st.k), route = kit_ask(st.k, recv_from(reader, "c"));
    assert_string_equal(answered(st.k, route, STATUS_OK)->texts[0], "a");
    kit_undelivered(st.k, reader, route);
    leave(st.k, reader);
    gets(st, "a"), gets(st, "b"), gets(st, "c"), gets(st, "e"), gets(st, "d");
    kit_free(st.k);
}

/* Senders who wait for room come in as they came, whatever their rank; then rank counts. */
static void who_waits_for_room_comes_in_as_it_came(void **state)
{
    (void)state;
    struct stage st = stage_new(2);
    put(st, "a", 5), put(st, "b", 6);
    uint64_t late[3] = {kit_ask(st.k, send_ranked(st.s, "c", "x", 9)),
                        kit_ask(st.k, send_ranked(st.s, "c", "y", 1)),
                        kit_ask(st.k, send_ranked(st.s, "c", "z", 0))};
    gets(st, "a");
    answered(st.k, late[0], STATUS_OK);
    assert_null(answer(st.k, late[1]));
    gets(st, "b");
    answered(st.k, late[1], STATUS_OK);
    assert_null(answer(st.k, late[2]));
    gets(st, "y"), gets(st, "z"), gets(st, "x");
    kit_free(st.k);
}

/* A receiver that waits gets what comes first; through no buffer, senders are met as they came. */
static void without_a_buffer_there_is_no_rank(void **state)
{
    (void)state;
    struct stage st = stage_new(0);
    uint64_t sent[2] = {kit_ask(st.k, send_ranked(st.s, "c", "a", 9)),
                        kit_ask(st.k, send_ranked(st.s, "c", "b", 1))};
    gets(st, "a"), gets(st, "b");
    answered(st.k, sent[0], STATUS_OK), answered(st.k, sent[1], STATUS_OK);
    uint64_t receives = kit_ask(st.k, recv_from(st.s, "c"));
    put(st, "c", 100);
    assert_string_equal(answered(st.k, receives, STATUS_OK)->texts[0], "c");
    kit_free(st.k);
}

static void closed_it_drains_by_rank(void **state)
{
    (void)state;
    struct stage st = stage_new(2);
    put(st, "a", 2), put(st, "b", 1);
    uint64_t parked = kit_ask(st.k, send_ranked(st.s, "c", "c", 0));
    kit_get(st.k, of_name(OP_CLOSE, st.s, "c"), STATUS_OK);
    answered(st.k, parked, STATUS_SEND_ON_CLOSED);
    kit_get(st.k, send_ranked(st.s, "c", "d", 0), STATUS_SEND_ON_CLOSED);
    kit_get(st.k, of_name(OP_CLOSE, st.s, "c"), STATUS_CLOSE_OF_CLOSED);
    gets(st, "b"), gets(st, "a");
    kit_get(st.k, recv_from(st.s, "c"), STATUS_CLOSED);
    kit_free(st.k);
}

static void a_plain_channel_takes_no_rank(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    kit_get(st.k, make_channel(st.s, "plain", 4), STATUS_OK);
    const char *const why = "only an ordered channel takes ranks";
    assert_string_equal(kit_get(st.k, send_ranked(st.s, "plain", "x", 1), STATUS_INVALID)->reply.message,
                        why);
    const struct value values[] = {text("a"), text("b")};
    const int64_t ranks[] = {0, -1}, none[] = {0, 0};
    struct op op = send_many(st.s, "plain", values, 2);
    op.send_many.ranks = ranks;
    assert_string_equal(kit_get(st.k, op, STATUS_INVALID)->reply.message, why);
    assert_int_equal(kit_view(st.k, "plain").channel.len, 0);
    op.send_many.ranks = none;
    kit_get(st.k, op, STATUS_OK);
    struct arm_spec arm = arm_send("plain", "b");
    arm.rank = 1;
    assert_string_equal(kit_get(st.k, select_of(st.s, &arm, 1), STATUS_INVALID)->reply.message, why);
    assert_string_equal(kit_get(st.k, make_channel(st.s, "c", 1), STATUS_MISMATCH)->reply.message,
                        "the channel exists ordered");
    assert_string_equal(kit_get(st.k, make_ordered(st.s, "plain", 4), STATUS_MISMATCH)->reply.message,
                        "the channel exists without order");
    kit_free(st.k);
}

/* Dead letters keep their rank where the channel for them is ordered, and lose it where it is not. */
static void dead_letters(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    kit_get(st.k, make_channel(st.s, "flat", 0), STATUS_OK);
    const char *const names[] = {"c", "flat"}, *const from[] = {"in1", "in2"};
    for (int i = 0; i < 2; i++) {
        struct op op = make_ordered(st.s, from[i], 4);
        op.make.channel.deliveries_max = 1;
        op.make.channel.dead_letter = by_name(names[i]);
        kit_get(st.k, op, STATUS_OK);
        kit_get(st.k, send_ranked(st.s, from[i], "late", 8), STATUS_OK);
        kit_get(st.k, send_ranked(st.s, from[i], "soon", 7), STATUS_OK);
        uint64_t first = kit_get(st.k, recv_leased(st.s, from[i], SECOND), STATUS_OK)->leases[0];
        uint64_t second = kit_get(st.k, recv_leased(st.s, from[i], SECOND), STATUS_OK)->leases[0];
        kit_get(st.k, lease_op(OP_NACK, st.s, &second, 1), STATUS_OK);
        kit_get(st.k, lease_op(OP_NACK, st.s, &first, 1), STATUS_OK);
        assert_int_equal(kit_view(st.k, names[i]).channel.len, 2); /* beyond its capacity */
    }
    const struct answer *a = kit_get(st.k, recv_many(st.s, "c", 8), STATUS_OK);
    assert_string_equal(a->texts[0], "soon");
    assert_string_equal(a->texts[1], "late");
    a = kit_get(st.k, recv_from(st.s, "flat"), STATUS_OK);
    assert_string_equal(a->texts[0], "late");
    assert_int_equal(a->reply.item.rank, 0);
    kit_free(st.k);
}

static void removed_with_all_in_it(void **state)
{
    (void)state;
    struct stage st = stage_new(8);
    for (int i = 0; i < 8; i++)
        put(st, "x", i % 3);
    kit_get(st.k, recv_leased(st.s, "c", SECOND), STATUS_OK);
    uint64_t parked = kit_ask(st.k, send_ranked(st.s, "c", "y", 2));
    answered(st.k, parked, STATUS_OK);
    parked = kit_ask(st.k, send_ranked(st.s, "c", "z", 1));
    kit_get(st.k, of_name(OP_REMOVE, st.s, "c"), STATUS_OK);
    answered(st.k, parked, STATUS_REMOVED);
    kit_time(st.k, 2 * SECOND);
    kit_free(st.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_rank_then_by_arrival),
        cmocka_unit_test(the_rank_comes_with_the_item),
        cmocka_unit_test(many),
        cmocka_unit_test(batches_have_ranks),
        cmocka_unit_test(a_select_has_ranks),
        cmocka_unit_test(given_back_it_keeps_its_place),
        cmocka_unit_test(who_waits_for_room_comes_in_as_it_came),
        cmocka_unit_test(without_a_buffer_there_is_no_rank),
        cmocka_unit_test(closed_it_drains_by_rank),
        cmocka_unit_test(a_plain_channel_takes_no_rank),
        cmocka_unit_test(dead_letters),
        cmocka_unit_test(removed_with_all_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

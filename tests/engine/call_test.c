/*
 * call_test.c - exactly once: a request is pending, finished or acknowledged, and its repeat is answered accordingly, never run.
 *
 * Golden traces tell the plain story. Here are its edges: what a refusal leaves (nothing), what an acknowledgement frees and what it
 * costs however numbers leap, a withdrawn request asked for again, and the last answer of a session, which must still say whose it
 * is.
 */
#include "kit.h"

static struct op numbered(struct op op, uint64_t seq)
{
    op.seq = seq;
    return op;
}

static uint64_t length(const struct kit *k, const char *name)
{
    return kit_view(k, name).channel.len;
}

static void a_finished_request_is_answered_again(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_channel(s, "c", 5), STATUS_OK);
    for (int i = 0; i < 3; i++)
        kit_get(k, numbered(send_to(s, "c", "x"), 1), STATUS_OK);
    assert_int_equal(length(k, "c"), 1);
    assert_string_equal(kit_get(k, numbered(recv_from(s, "c"), 2), STATUS_OK)->texts[0], "x");
    assert_string_equal(kit_get(k, numbered(recv_from(s, "c"), 2), STATUS_OK)->texts[0], "x");
    assert_int_equal(kit_stats(k).repeats, 3);
    struct op ack = plain(OP_PING, s);
    ack.acked_below = 3;
    kit_get(k, ack, STATUS_OK);
    assert_int_equal(kit_session_view(k, s).finished, 0);
    assert_string_equal(kit_get(k, numbered(recv_from(s, "c"), 2), STATUS_INVALID)->reply.message,
                        "the request's number is acknowledged already");
    kit_free(k);
}

static void a_pending_request_gets_a_new_route(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_channel(s, "c", 0), STATUS_OK);
    uint64_t old = kit_ask(k, numbered(recv_from(s, "c"), 1));
    uint64_t new = kit_ask(k, numbered(recv_from(s, "c"), 1));
    assert_int_equal(kit_view(k, "c").channel.receivers, 1);
    kit_get(k, send_to(s, "c", "x"), STATUS_OK);
    assert_null(answer(k, old));
    answered(k, new, STATUS_OK);
    kit_free(k);
}

static void a_refusal_leaves_no_trace(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, numbered(send_to(s, "c", "x"), 1), STATUS_NOT_FOUND);
    kit_get(k, make_channel(s, "c", 1), STATUS_OK);
    kit_get(k, numbered(send_to(s, "c", "x"), 1), STATUS_OK);
    assert_int_equal(length(k, "c"), 1);
    kit_free(k);
}

/* While an old request is parked, newer ones are acknowledged singly. */
static void single_acknowledgements(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_channel(s, "c", 0), STATUS_OK);
    uint64_t parked = kit_ask(k, numbered(recv_from(s, "c"), 1));
    for (uint64_t seq = 2; seq < 2000; seq++) {
        uint64_t last = seq - 1;
        struct op ping = numbered(plain(OP_PING, s), seq);
        ping.acked = &last;
        ping.acked_count = 1;
        kit_get(k, ping, STATUS_OK);
        assert_in_range(kit_session_view(k, s).finished, 0, 1);
    }
    kit_get(k, numbered(plain(OP_PING, s), 1000), STATUS_INVALID);
    /* A parked one cannot be acknowledged: its answer is still to come. */
    kit_get(k, send_to(s, "c", "x"), STATUS_OK);
    answered(k, parked, STATUS_OK);
    kit_free(k);
}

/* Numbers may begin anywhere and leap: acknowledging costs no more than what it frees. */
static void leaps_of_acknowledgement_are_cheap(void **state)
{
    (void)state;
    enum { KEPT = 100000 };
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), high = UINT64_C(1) << 60, below = 1;
    k->audits = k->keeps = false;
    for (uint64_t i = 0; i < KEPT; i++)
        kit_ask(k, numbered(plain(OP_PING, s), high + i));
    assert_int_equal(kit_session_view(k, s).finished, KEPT);
    for (uint64_t i = 0; i < KEPT; i++) {
        struct op ping = plain(OP_PING, s);
        ping.acked_below = below += KEPT + i % 32;
        kit_ask(k, ping);
    }
    assert_int_equal(kit_session_view(k, s).finished, KEPT);
    struct op ping = plain(OP_PING, s);
    ping.acked_below = high + KEPT;
    kit_ask(k, ping);
    assert_int_equal(kit_session_view(k, s).finished, 0);
    engine_audit(k->engine);
    kit_free(k);
}

/* What a question acknowledges is acknowledged. */
static void questions_acknowledge_too(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, numbered(plain(OP_PING, s), 1), STATUS_OK);
    struct op look = plain(OP_LIST, s);
    look.acked_below = 2;
    kit_ask(k, look);
    assert_int_equal(kit_session_view(k, s).finished, 0);
    kit_free(k);
}

/* An answer names the session it was asked in, even the last one. */
static void the_answer_to_bye(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    for (uint64_t seq = 0; seq < 2; seq++) {
        uint64_t s = kit_session(k);
        assert_int_equal(kit_get(k, numbered(plain(OP_BYE, s), seq), STATUS_OK)->reply.session, s);
        assert_int_equal(k->last_ended, s);
        kit_get(k, plain(OP_PING, s), STATUS_SESSION_GONE);
    }
    kit_free(k);
}

static void withdrawn_once(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_channel(s, "c", 0), STATUS_OK);
    uint64_t parked = kit_ask(k, numbered(recv_from(s, "c"), 1));
    struct op cancel = plain(OP_CANCEL, s);
    cancel.cancel.seq = 1;
    assert_true(kit_get(k, cancel, STATUS_OK)->reply.truth);
    answered(k, parked, STATUS_CANCELED);
    assert_false(kit_get(k, cancel, STATUS_OK)->reply.truth);
    cancel.seq = cancel.cancel.seq = 9; /* itself: it is not parked */
    assert_false(kit_get(k, cancel, STATUS_OK)->reply.truth);
    kit_get(k, numbered(recv_from(s, "c"), 1), STATUS_CANCELED);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_finished_request_is_answered_again),
                                       cmocka_unit_test(a_pending_request_gets_a_new_route),
                                       cmocka_unit_test(a_refusal_leaves_no_trace),
                                       cmocka_unit_test(single_acknowledgements),
                                       cmocka_unit_test(leaps_of_acknowledgement_are_cheap),
                                       cmocka_unit_test(questions_acknowledge_too),
                                       cmocka_unit_test(the_answer_to_bye),
                                       cmocka_unit_test(withdrawn_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

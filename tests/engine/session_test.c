/*
 * session_test.c - opening, resuming, what becomes of answers nobody got, and the end.
 *
 * An answer is with its client when it was written to the connection. Whether it was, the engine is told; the tests go through the
 * ways in which it can be told, late, twice, on the same route, in the same instant, or not at all, and look where the item is in the
 * end: with the receiver or back at the head, never in both places and never nowhere. Large numbers show that no report is slow.
 */
#include "kit.h"

static struct op hello(uint8_t id, int64_t resume_ns, int64_t lease_ns)
{
    struct op op = {.code = OP_HELLO};
    op.hello.id[0] = id;
    op.hello.resume_ns = resume_ns;
    op.hello.lease_ns = lease_ns;
    return op;
}

static uint64_t opened(struct kit *k, struct op op)
{
    return kit_get(k, op, STATUS_OK)->reply.opened.number;
}

static bool lives(const struct kit *k, uint64_t session)
{
    return engine_session_get(k->engine, session) != NULL;
}

/* The next value in the channel, without waiting; "" when there is none. */
static const char *next(struct kit *k, uint64_t session, const char *channel)
{
    struct op op = recv_from(session, channel);
    op.no_wait = true;
    const struct answer *a = answer(k, kit_ask(k, op));
    return a->reply.status == STATUS_OK ? a->texts[0] : "";
}

static struct op numbered(struct op op, uint64_t seq)
{
    op.seq = seq;
    return op;
}

static void a_lease_lives_on_any_request(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = opened(k, hello(1, 0, 10 * SECOND));
    for (int i = 1; i <= 5; i++) {
        k->now_ns = i * 9 * SECOND;
        kit_ask(k, plain(i % 2 ? OP_LIST : OP_PING, s)); /* a question is a sign of life as well */
        assert_true(lives(k, s));
    }
    kit_time(k, 54 * SECOND);
    assert_true(lives(k, s));
    kit_time(k, 55 * SECOND);
    assert_false(lives(k, s));
    kit_free(k);
}

/* A HELLO repeated on its connection may change the wishes; the old lease is forgotten with them. */
static void wishes_change(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = opened(k, hello(1, 0, 10 * SECOND));
    struct op again = hello(1, 0, 0);
    again.hello.attached = true;
    again.hello.tasks = 5;
    assert_int_equal(opened(k, again), s);
    assert_int_equal(kit_session_view(k, s).connections, 1);
    kit_time(k, 100 * SECOND);
    assert_true(lives(k, s));
    again.hello.lease_ns = 10 * SECOND;
    opened(k, again);
    kit_time(k, 110 * SECOND);
    assert_false(lives(k, s));
    kit_free(k);
}

static void leases_longer_than_time(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = opened(k, hello(1, 0, INT64_MAX)), t = opened(k, hello(2, 0, INT64_MAX - 5));
    kit_time(k, 4);
    kit_ask(k, plain(OP_PING, t));
    kit_time(k, INT64_MAX - 5);
    assert_true(lives(k, t)); /* heard of at 4 */
    kit_time(k, INT64_MAX);
    assert_true(lives(k, s) && engine_now(k->engine) == INT64_MAX - 1);
    kit_free(k);
}

static void a_full_session_can_be_resumed_and_left(void **state)
{
    (void)state;
    struct engine_options options = {.seed = 1, .limits.calls_max = 2};
    struct kit *k = kit_new(&options);
    uint64_t s = opened(k, hello(1, SECOND, 0));
    kit_get(k, make_channel(s, "c", 0), STATUS_OK);
    uint64_t first = kit_ask(k, numbered(recv_from(s, "c"), 1));
    kit_ask(k, numbered(recv_from(s, "c"), 2));
    kit_get(k, recv_from(s, "c"), STATUS_LIMIT);
    kit_event(k, OP_DETACH, s);
    assert_int_equal(opened(k, hello(1, SECOND, 0)), s);
    struct op cancel = plain(OP_CANCEL, s);
    cancel.cancel.seq = 1;
    assert_true(kit_get(k, cancel, STATUS_OK)->reply.truth);
    answered(k, first, STATUS_CANCELED);
    kit_get(k, plain(OP_BYE, s), STATUS_OK);
    kit_free(k);
}

/* Without a number an answer cannot be asked for again: lost with its connection, its item goes back although the session lives. */
static void a_lost_answer_without_a_number(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), other = kit_session(k);
    kit_event(k, OP_ATTACH, s);
    kit_get(k, make_channel(s, "c", 3), STATUS_OK);
    kit_get(k, send_to(s, "c", "1"), STATUS_OK);
    kit_get(k, send_to(s, "c", "2"), STATUS_OK);
    uint64_t lost = kit_ask(k, recv_from(s, "c"));
    kit_get(k, recv_from(s, "c"), STATUS_OK);
    kit_undelivered(k, s, lost);
    kit_event(k, OP_DETACH, s);
    assert_string_equal(next(k, other, "c"), "1");
    kit_event(k, OP_WRITTEN, s);
    kit_event(k, OP_DETACH, s);
    assert_string_equal(next(k, other, "c"), "");
    kit_free(k);
}

/* What is parked without a number vanishes with the last connection: who would get its item? */
static void parked_without_a_number(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = opened(k, hello(1, SECOND, 0)), other = kit_session(k);
    kit_get(k, make_channel(other, "c", 3), STATUS_OK);
    uint64_t loose = kit_ask(k, recv_from(s, "c")), kept = kit_ask(k, numbered(recv_from(s, "c"), 1));
    kit_event(k, OP_DETACH, s);
    assert_int_equal(kit_view(k, "c").channel.receivers, 1);
    kit_get(k, send_to(other, "c", "x"), STATUS_OK);
    assert_null(answer(k, loose));
    answered(k, kept, STATUS_OK);
    kit_free(k);
}

/* An answer that came to be while no connection was there counts as undelivered, whether anybody says so or not. */
static void answered_while_away(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    for (int resumes = 0; resumes < 2; resumes++) {
        uint64_t s = opened(k, hello(9, SECOND, 0)), other = kit_session(k);
        kit_get(k, make_channel(other, "c", 3), STATUS_OK);
        kit_ask(k, numbered(recv_from(s, "c"), 1));
        kit_event(k, OP_DETACH, s);
        kit_get(k, send_to(other, "c", "x"), STATUS_OK);
        if (resumes) {
            opened(k, hello(9, SECOND, 0));
            kit_get(k, numbered(recv_from(s, "c"), 1), STATUS_OK);
            kit_event(k, OP_DETACH, s);
        }
        kit_time(k, k->now_ns + SECOND);
        assert_false(lives(k, s));
        assert_string_equal(next(k, other, "c"), resumes ? "" : "x");
    }
    kit_free(k);
}

/* WRITTEN says nothing of what completes in its own step. */
static void written_in_the_same_instant(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), other = kit_session(k);
    kit_get(k, make_channel(other, "c", 3), STATUS_OK);
    struct op op = make_timer(other, NULL, 0);
    op.make.kind = KIND_TRIGGER;
    op.make.trigger = (struct trigger_spec){.delay_ns = 5, .channel = by_name("c"), .value = text("x")};
    kit_get(k, op, STATUS_OK);
    uint64_t r = kit_ask(k, recv_from(s, "c"));
    k->now_ns = 5;
    kit_event(k, OP_WRITTEN, s);
    answered(k, r, STATUS_OK);
    kit_undelivered(k, s, r);
    kit_event(k, OP_DETACH, s);
    assert_string_equal(next(k, other, "c"), "x");
    kit_free(k);
}

/* Several replies went out on one route, as from a client that numbers its frames badly; the last was not written. */
static void one_route_for_all(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), other = kit_session(k);
    kit_get(k, make_channel(other, "c", 3), STATUS_OK);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        kit_get(k, send_to(other, "c", seq == 1 ? "1" : seq == 2 ? "2" : "3"), STATUS_OK);
        struct op op = numbered(recv_from(s, "c"), seq);
        op.route = 77;
        kit_step(k, &op);
    }
    kit_undelivered(k, s, 77);
    kit_event(k, OP_DETACH, s);
    assert_string_equal(next(k, other, "c"), "3");
    assert_string_equal(next(k, other, "c"), "");
    kit_free(k);
}

/* A repeat revokes the report that was about the old route. */
static void repeated_after_it_was_lost(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = opened(k, hello(1, SECOND, 0)), other = kit_session(k);
    kit_get(k, make_channel(other, "c", 3), STATUS_OK);
    kit_get(k, send_to(other, "c", "x"), STATUS_OK);
    struct op op = numbered(recv_from(s, "c"), 1);
    op.route = 50;
    kit_step(k, &op);
    kit_undelivered(k, s, 50);
    kit_step(k, &op); /* on the very same route */
    kit_get(k, plain(OP_BYE, s), STATUS_OK);
    assert_string_equal(next(k, other, "c"), "");
    kit_free(k);
}

/* Thousands of reports of replies that nobody keeps, beside thousands that are kept. */
static void reports_are_cheap(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    k->audits = k->keeps = false;
    for (uint64_t seq = 1; seq <= MANY; seq++)
        kit_ask(k, numbered(plain(OP_PING, s), seq));
    for (uint64_t i = 0; i < MANY; i++)
        kit_undelivered(k, s, UINT64_C(1) << 40 | i);
    kit_event(k, OP_DETACH, s);
    assert_false(lives(k, s));
    kit_free(k);
}

/* WRITTEN looks at what it forgets, not at what waits for acknowledgement. */
static void written_is_cheap(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    k->audits = k->keeps = false;
    kit_ask(k, make_channel(s, "c", 1));
    for (uint64_t seq = 1; seq <= MANY; seq++)
        kit_ask(k, numbered(plain(OP_PING, s), seq));
    for (uint64_t i = 0; i < MANY; i++) {
        kit_ask(k, send_to(s, "c", "x"));
        kit_ask(k, recv_from(s, "c"));
        kit_event(k, OP_WRITTEN, s);
    }
    assert_int_equal(kit_session_view(k, s).finished, MANY);
    kit_free(k);
}

/* Nothing died with the session that was not its own; all that was its own did. */
static void the_end(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), other = kit_session(k);
    kit_get(k, make_channel(s, "jobs", 5), STATUS_OK);
    kit_get(k, make_context(s, "ctx", NULL), STATUS_OK);
    struct op mine = make_channel(s, "mine", 0);
    mine.make.lifetime = LIFE_EPHEMERAL;
    kit_get(k, mine, STATUS_OK);
    kit_get(k, send_to(s, "jobs", "1"), STATUS_OK);
    kit_get(k, send_to(s, "jobs", "2"), STATUS_OK);
    uint64_t done = kit_ask(k, recv_from(other, "ctx")), closed = kit_ask(k, recv_from(other, "mine"));
    kit_get(k, recv_leased(s, "jobs", SECOND), STATUS_OK);
    uint64_t lost = kit_ask(k, recv_from(s, "jobs")), parked = kit_ask(k, recv_from(s, "mine"));
    kit_undelivered(k, s, lost);
    kit_event(k, OP_DETACH, s);
    assert_null(answer(k, parked));
    answered(k, closed, STATUS_CLOSED);
    assert_string_equal(answered(k, done, STATUS_CLOSED)->cause, "owner died");
    assert_string_equal(next(k, other, "jobs"), "1");
    assert_string_equal(next(k, other, "jobs"), "2");
    assert_int_equal(kit_stats(k).objects, 1);
    kit_get(k, send_to(other, "mine", "x"), STATUS_NOT_FOUND);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_lives_on_any_request),
        cmocka_unit_test(wishes_change),
        cmocka_unit_test(leases_longer_than_time),
        cmocka_unit_test(a_full_session_can_be_resumed_and_left),
        cmocka_unit_test(a_lost_answer_without_a_number),
        cmocka_unit_test(parked_without_a_number),
        cmocka_unit_test(answered_while_away),
        cmocka_unit_test(written_in_the_same_instant),
        cmocka_unit_test(one_route_for_all),
        cmocka_unit_test(repeated_after_it_was_lost),
        cmocka_unit_test(reports_are_cheap),
        cmocka_unit_test(written_is_cheap),
        cmocka_unit_test(the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * session_test.c - which session a request belongs to, and what becomes of sessions and connections.
 *
 * Sessions of one's own, sessions by id, several connections of one session, repeats of Hello and of requests, the end by Bye and by
 * the daemon's leaving.
 */
#include "rig.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char one[16] = "session number 1", two[16] = "session number 2";

static void put_named(int fd, uint32_t id, const char session[static 16], const Request *request)
{
    (void)request;
    Request *r = last_request();
    r->has_session = 1;
    r->session = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)session, .len = 16};
    put_request(fd, id, r);
}

static void first_request_opens_its_own(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int fd = rig_greet(r);
    assert_int_equal(rig_sessions(r), 0);
    put_request(fd, 1, ping());
    put_request(fd, 2, ping());
    rig_turn(r);
    want_status(fd, 1, SLUICE__V1__STATUS__OK);
    want_status(fd, 2, SLUICE__V1__STATUS__OK);
    assert_int_equal(rig_sessions(r), 1);
    put_request(fd, 3, hello(one));
    rig_turn(r);
    Reply *reply = want_reply(fd, 3, SLUICE__V1__STATUS__INVALID);
    assert_true(reply->has_message);
    free_reply(reply);
    close(fd);
    rig_turn(r);
    assert_int_equal(rig_sessions(r), 0);
    rig_close(r);
}

static void hello_opens_and_others_join(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int a = rig_greet(r), b = rig_greet(r), c = rig_greet(r);
    put_request(a, 1, hello(one));
    rig_turn(r);
    Reply *reply = want_reply(a, 1, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_HELLO);
    assert_int_equal(reply->hello->major, WIRE_MAJOR);
    free_reply(reply);
    put_named(b, 1, one, ping());
    put_named(c, 1, two, ping());
    rig_turn(r);
    want_status(b, 1, SLUICE__V1__STATUS__OK);
    want_status(c, 1, SLUICE__V1__STATUS__SESSION_GONE);
    assert_int_equal(rig_sessions(r), 1);
    close(a);
    rig_turn(r);
    assert_int_equal(rig_sessions(r), 1); /* b still serves it */
    close(b);
    rig_turn(r);
    assert_int_equal(rig_sessions(r), 0);
    close(c);
    rig_close(r);
}

static void connection_keeps_to_one(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int a = rig_greet(r), b = rig_greet(r);
    put_request(a, 1, hello(one));
    put_request(b, 1, hello(two));
    rig_turn(r);
    want_status(a, 1, SLUICE__V1__STATUS__OK);
    want_status(b, 1, SLUICE__V1__STATUS__OK);
    put_named(a, 2, one, ping());
    put_named(a, 3, two, ping());
    put_request(a, 4, hello(two));
    rig_turn(r);
    want_status(a, 2, SLUICE__V1__STATUS__OK);
    Reply *reply = want_reply(a, 3, SLUICE__V1__STATUS__INVALID);
    assert_memory_equal(reply->message.data, "this connection belongs to another session",
                        reply->message.len);
    free_reply(reply);
    want_status(a, 4, SLUICE__V1__STATUS__INVALID);
    close(a);
    close(b);
    rig_close(r);
}

/* libnng says its Hello again when it is not answered soon: that is not a second connection. */
static void hello_repeated_counts_once(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int a = rig_greet(r);
    put_request(a, 1, hello(one));
    put_request(a, 1, hello(one));
    put_request(a, 1, hello(one));
    rig_turn(r);
    for (int i = 0; i < 3; i++)
        want_status(a, 1, SLUICE__V1__STATUS__OK);
    close(a);
    rig_turn(r);
    assert_int_equal(rig_sessions(r), 0);
    rig_close(r);
}

static void version_is_said(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int a = rig_greet(r);
    (void)hello(one);
    last_request()->hello->major = WIRE_MAJOR + 1;
    put_request(a, 1, last_request());
    rig_turn(r);
    Reply *reply = want_reply(a, 1, SLUICE__V1__STATUS__BAD_VERSION);
    assert_true(reply->message.len > 0);
    free_reply(reply);
    assert_int_equal(rig_sessions(r), 0);
    close(a);
    rig_close(r);
}

static void bye_is_answered_and_hangs_up(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int a = rig_greet(r), b = rig_greet(r);
    put_request(a, 1, hello(one));
    rig_turn(r);
    put_named(b, 1, one, ping());
    rig_turn(r);
    want_status(a, 1, SLUICE__V1__STATUS__OK);
    want_status(b, 1, SLUICE__V1__STATUS__OK);
    Request bye = SLUICE__V1__REQUEST__INIT;
    Sluice__V1__Bye message = SLUICE__V1__BYE__INIT;
    bye.op_case = SLUICE__V1__REQUEST__OP_BYE;
    bye.bye = &message;
    put_request(a, 2, &bye);
    rig_turn(r);
    assert_true(is_closed(b)); /* there is nothing more for it */
    assert_int_equal(rig_sessions(r), 0);
    assert_int_equal(rig_peers(r), 1);
    want_status(a, 2, SLUICE__V1__STATUS__OK); /* the client closes, or else the daemon after a moment */
    close(a);
    rig_turn(r);
    assert_int_equal(rig_peers(r), 0);
    close(b);
    rig_close(r);
}

/* A parked request whose connection went: the session lives on, the request with it, and a repeat elsewhere gets the reply. */
static void repeat_on_another_connection(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int a = rig_greet(r), b = rig_greet(r), c = rig_greet(r);
    (void)hello(one);
    last_request()->hello->has_resume_window_ns = 1;
    last_request()->hello->resume_window_ns = UINT64_C(60000000000);
    put_request(a, 1, last_request());
    put_request(c, 1, make_channel("c", 0));
    rig_turn(r);
    want_status(a, 1, SLUICE__V1__STATUS__OK);
    want_status(c, 1, SLUICE__V1__STATUS__OK);
    (void)recv_from("c");
    last_request()->has_seq = 1;
    last_request()->seq = 1;
    put_request(a, 2, last_request());
    rig_turn(r);
    close(a);
    rig_turn(r);
    assert_int_equal(rig_sessions(r), 2);
    put_request(c, 2, send_bytes("c", "x", 1)); /* to the parked request, whose reply has nowhere to go */
    rig_turn(r);
    want_status(c, 2, SLUICE__V1__STATUS__OK);
    (void)recv_from("c");
    last_request()->has_seq = 1;
    last_request()->seq = 1;
    put_named(b, 7, one, NULL);
    rig_turn(r);
    Reply *reply = want_reply(b, 7, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->item->value->raw.len, 1);
    free_reply(reply);
    close(b);
    close(c);
    rig_close(r);
}

static void looking_needs_no_session(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int a = rig_greet(r);
    Request request = SLUICE__V1__REQUEST__INIT;
    Sluice__V1__GetStatus status = SLUICE__V1__GET_STATUS__INIT;
    request.op_case = SLUICE__V1__REQUEST__OP_STATUS;
    request.status = &status;
    put_request(a, 1, &request);
    rig_turn(r);
    Reply *reply = want_reply(a, 1, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_DAEMON);
    free_reply(reply);
    assert_int_equal(rig_sessions(r), 0);
    close(a);
    rig_close(r);
}

static const Request *advance(int64_t by_ns)
{
    static Request request;
    static Sluice__V1__Clock message;
    sluice__v1__request__init(&request);
    sluice__v1__clock__init(&message);
    request.op_case = SLUICE__V1__REQUEST__OP_CLOCK;
    request.clock = &message;
    message.has_advance_ns = 1;
    message.advance_ns = by_ns;
    return &request;
}

static void clock_is_for_the_loop(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int a = rig_greet(r);
    put_request(a, 1, advance(5));
    rig_turn(r);
    want_status(a, 1, SLUICE__V1__STATUS__NOT_VIRTUAL);
    r->clock_taken = true;
    put_request(a, 2, advance(5));
    rig_turn(r);
    uint32_t id;
    assert_null(get_reply(a, &id));
    front_answer(&r->front, &r->clock);
    rig_turn(r);
    Reply *reply = want_reply(a, 2, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_CLOCK);
    free_reply(reply);
    close(a);
    rig_close(r);
}

/* Everything is released and answered when the daemon leaves. */
static void drain_answers_the_parked(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int a = rig_greet(r);
    put_request(a, 1, make_channel("c", 0));
    put_request(a, 2, recv_from("c"));
    rig_turn(r);
    want_status(a, 1, SLUICE__V1__STATUS__OK);
    front_step(&r->front, &(struct op){.code = OP_DRAIN});
    ipc_finish_all(r->ipc);
    rig_turn(r);
    want_status(a, 2, SLUICE__V1__STATUS__SHUTTING_DOWN);
    ipc_expire(r->ipc, ipc_next_deadline(r->ipc));
    assert_true(is_closed(a));
    assert_int_equal(rig_peers(r), 0);
    close(a);
    rig_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_request_opens_its_own),
        cmocka_unit_test(hello_opens_and_others_join),
        cmocka_unit_test(connection_keeps_to_one),
        cmocka_unit_test(hello_repeated_counts_once),
        cmocka_unit_test(version_is_said),
        cmocka_unit_test(bye_is_answered_and_hangs_up),
        cmocka_unit_test(repeat_on_another_connection),
        cmocka_unit_test(looking_needs_no_session),
        cmocka_unit_test(clock_is_for_the_loop),
        cmocka_unit_test(drain_answers_the_parked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

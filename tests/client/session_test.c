/*
 * session_test.c - a connection that breaks: what is resumed, what is lost, what goes on as if nothing had been.
 *
 * Breaking is shutting the sockets down from the fake's side; the daemon "restarts" by forgetting the sessions it knew.
 */
#include "case.h"

static void hold(struct fake *f, struct fake_route route, const Request *request)
{
    if (request->op_case != SLUICE__V1__REQUEST__OP_RECV)
        fake_status(f, route, SLUICE_OK);
}

static sluice *open_resumable(const char *path)
{
    struct sluice_options o = options_for(path);
    sluice *s = NULL;
    o.resume_ns = 60 * SLUICE_SECOND;
    assert_status(sluice_open(&o, &s), SLUICE_OK);
    return s;
}

/* A pending request of a resumable session is sent again, with the same number, and gets its reply. */
static void test_resume(void **state)
{
    (void)state;
    const char *path = fake_path("resume");
    struct fake *f = fake_start(path, hold, NULL);
    struct task t;
    f->resume_ns = 60 * SLUICE_SECOND;
    sluice *s = open_resumable(path);
    assert_status(sluice_ping(s), SLUICE_OK);
    task_recv(&t, s, "c", -1);
    fake_await(f, 2);
    for (size_t round = 1; round <= 3; round++) {
        fake_break(f);
        fake_await(f, 2 + round);
        assert_int_equal(f->seen[1 + round].op, SLUICE__V1__REQUEST__OP_RECV);
        assert_int_equal(f->seen[1 + round].seq, f->seen[1].seq);
        assert_int_equal(f->hello_count, 1 + round);
    }
    fake_lock(f);
    fake_item(f, f->seen[4].route, "hi", 2, 0);
    fake_unlock(f);
    assert_status(task_join(&t), SLUICE_OK);
    assert_string_equal(t.item.value.bytes.data, "hi");
    sluice_item_free(&t.item);
    sluice_close(s);
    fake_stop(f);
}

/* The same for futures, whose request is long gone. */
static void test_resume_futures(void **state)
{
    (void)state;
    const char *path = fake_path("futures");
    struct fake *f = fake_start(path, hold, NULL);
    sluice_future *futures[5];
    struct sluice_result r;
    f->resume_ns = 60 * SLUICE_SECOND;
    sluice *s = open_resumable(path);
    for (int i = 0; i < 5; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        assert_status(sluice_recv_start(s, sluice_chan_named(name), 0, NULL, &futures[i]), SLUICE_OK);
    }
    sluice_flush(s);
    fake_await(f, 5);
    fake_break(f);
    fake_await_gone(f, 1);
    fake_lock(f);
    while (f->seen_count < 10) {
        fake_unlock(f);
        sluice_process(s);
        fake_lock(f);
    }
    fake_unlock(f);
    for (int i = 0; i < 5; i++)
        assert_int_equal(f->seen[5 + i].seq, f->seen[i].seq);
    fake_lock(f);
    for (int i = 0; i < 5; i++)
        fake_item(f, f->seen[5 + i].route, "x", 1, 0);
    fake_unlock(f);
    for (int i = 0; i < 5; i++) {
        assert_status(sluice_future_finish(futures[i], &r), SLUICE_OK);
        sluice_item_free(&r.item);
    }
    sluice_close(s);
    fake_stop(f);
}

/* A daemon that has forgotten the session: in flight is gone, handles and leases are stale, names go on. */
static void test_forgotten(void **state)
{
    (void)state;
    const char *path = fake_path("forgotten");
    struct fake *f = fake_start(path, hold, NULL);
    struct task t;
    f->resume_ns = 60 * SLUICE_SECOND;
    sluice *s = open_resumable(path);
    sluice_chan old = {{.handle = 5, .session = 1}};
    struct sluice_session before, after;
    sluice_session_get(s, &before);
    task_recv(&t, s, "c", -1);
    fake_await(f, 1);
    fake_lock(f);
    f->forgetful = true;
    fake_unlock(f);
    fake_break(f);
    assert_status(task_join(&t), SLUICE_SESSION_GONE);
    assert_non_null(strstr(t.message, "lost"));
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_int_equal(f->seen[f->seen_count - 1].seq, 1);
    assert_status(sluice_send(s, old, sluice_int(1), NULL), SLUICE_STALE);
    sluice_lease lease = {3, 1};
    size_t done = 9;
    assert_status(sluice_ack(s, &lease, 1, &done), SLUICE_NOT_LEASED);
    assert_int_equal(done, 0);
    sluice_session_get(s, &after);
    assert_int_equal(after.number, before.number + 1);
    sluice_close(s);
    fake_stop(f);
}

/* Without a resume window the session ends with its connection; the next call opens another. */
static void test_lost(void **state)
{
    (void)state;
    const char *path = fake_path("lost");
    struct fake *f = fake_start(path, hold, NULL);
    struct task t;
    uint8_t id[16];
    sluice *s = open_at(path);
    memcpy(id, f->last_session, 16);
    task_recv(&t, s, "c", 10 * SLUICE_SECOND);
    fake_await(f, 1);
    fake_break(f);
    assert_status(task_join(&t), SLUICE_SESSION_GONE);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_int_equal(f->hello_count, 2);
    assert_memory_not_equal(id, f->last_session, 16);
    sluice_close(s);
    fake_stop(f);
}

/* A connection that broke while it was idle is not noticed by the caller. */
static void test_idle_break(void **state)
{
    (void)state;
    const char *path = fake_path("idle");
    struct fake *f = fake_start(path, NULL, NULL);
    sluice *s = open_at(path);
    for (size_t i = 1; i <= 10; i++) {
        fake_break(f);
        fake_await_gone(f, i);
        assert_status(sluice_send(s, sluice_chan_named("c"), sluice_str("x"), NULL), SLUICE_OK);
        assert_int_equal(f->seen_count, i);
    }
    sluice_close(s);
    fake_stop(f);
}

/* A daemon that is away: calls wait for it until their deadline, then it is UNAVAILABLE; when it is back, they go on. */
static void test_away(void **state)
{
    (void)state;
    const char *path = fake_path("away");
    struct fake *f = fake_start(path, hold, NULL);
    struct sluice_wait brief = SLUICE_WAIT_FOR(30 * SLUICE_MILLISECOND);
    struct sluice_item item;
    struct task t;
    sluice *s = open_at(path);
    fake_stop(f);
    assert_status(sluice_recv(s, sluice_chan_named("c"), &brief, &item), SLUICE_UNAVAILABLE);
    assert_non_null(strstr(sluice_errmsg(), path));
    task_recv(&t, s, "c", 60 * SLUICE_SECOND);
    f = fake_start(path, hold, NULL);
    fake_await(f, 1);
    fake_lock(f);
    fake_status(f, f->seen[0].route, SLUICE_CLOSED);
    fake_unlock(f);
    assert_status(task_join(&t), SLUICE_CLOSED);
    sluice_close(s);
    fake_stop(f);
}

/* Without a deadline of its own a call is as patient as connecting. */
static void test_patience(void **state)
{
    (void)state;
    const char *path = fake_path("patience");
    struct fake *f = fake_start(path, hold, NULL);
    struct sluice_options o = options_for(path);
    sluice_future *future;
    sluice *s;
    o.connect_timeout_ns = 40 * SLUICE_MILLISECOND;
    assert_status(sluice_open(&o, &s), SLUICE_OK);
    fake_stop(f);
    assert_status(sluice_ping(s), SLUICE_UNAVAILABLE);
    assert_status(sluice_ping_start(s, &future), SLUICE_OK);
    assert_status(sluice_wait_any(s, -1), SLUICE_OK);
    assert_status(sluice_future_finish(future, NULL), SLUICE_UNAVAILABLE);
    sluice_close(s);
}

/* A daemon that is connected and does not answer: the guard is two seconds behind the deadline. */
static void test_hung(void **state)
{
    (void)state;
    const char *path = fake_path("hung");
    struct fake *f = fake_start(path, hold, NULL);
    struct sluice_wait brief = SLUICE_WAIT_FOR(1);
    struct sluice_item item;
    sluice *s = open_at(path);
    assert_status(sluice_recv(s, sluice_chan_named("c"), &brief, &item), SLUICE_UNAVAILABLE);
    assert_string_equal(sluice_errmsg(), "sluiced does not answer");
    fake_await(f, 2);
    assert_int_equal(f->seen[1].op, SLUICE__V1__REQUEST__OP_CANCEL);
    assert_int_equal(f->seen[1].cancel_seq, f->seen[0].seq);
    sluice_close(s);
    fake_stop(f);
}

/* Taking a session over from another connection: by its id, with numbers it cannot have used. */
static void test_takeover(void **state)
{
    (void)state;
    const char *path = fake_path("takeover");
    struct fake *f = fake_start(path, NULL, NULL);
    struct sluice_session first, second;
    f->resume_ns = 60 * SLUICE_SECOND;
    sluice *s = open_resumable(path);
    assert_status(sluice_ping(s), SLUICE_OK);
    sluice_session_get(s, &first);
    sluice_detach(s);
    fake_await_gone(f, 1);
    struct sluice_options o = options_for(path);
    o.resume_ns = 60 * SLUICE_SECOND;
    o.session_id = first.id;
    assert_status(sluice_open(&o, &s), SLUICE_OK);
    sluice_session_get(s, &second);
    assert_true(second.resumed);
    assert_memory_equal(first.id, second.id, 16);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_true(f->seen[f->seen_count - 1].seq > 1000000);
    size_t before = f->seen_count;
    sluice_close(s);
    fake_await_gone(f, 2);
    assert_int_equal(f->seen_count, before + 1);
    assert_int_equal(f->seen[before].op, SLUICE__V1__REQUEST__OP_BYE);
    fake_stop(f);
}

/* The daemon ends the session by itself, as it does to a remote one that was silent for too long. */
static void over(struct fake *f, struct fake_route route, const Request *request)
{
    (void)request;
    fake_status(f, route, f->hello_count == 1 && f->seen_count > 1 ? SLUICE_SESSION_GONE : SLUICE_OK);
}

static void test_session_over(void **state)
{
    (void)state;
    const char *path = fake_path("over");
    struct fake *f = fake_start(path, over, NULL);
    sluice_chan old = {{.handle = 5}};
    sluice *s = open_at(path);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_status(sluice_send(s, sluice_chan_named("c"), sluice_int(1), NULL), SLUICE_OK);
    assert_int_equal(f->hello_count, 2);
    assert_int_equal(f->seen_count, 3);
    assert_status(sluice_send(s, old, sluice_int(1), NULL), SLUICE_STALE);
    sluice_close(s);
    fake_stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume),     cmocka_unit_test(test_resume_futures),
        cmocka_unit_test(test_forgotten),  cmocka_unit_test(test_lost),
        cmocka_unit_test(test_idle_break), cmocka_unit_test(test_away),
        cmocka_unit_test(test_patience),   cmocka_unit_test(test_hung),
        cmocka_unit_test(test_takeover),   cmocka_unit_test(test_session_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

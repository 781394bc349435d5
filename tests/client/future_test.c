/*
 * future_test.c - calls without waiting: event loops, cancelling, many in flight.
 *
 * The loops here are the smallest there are: poll on sluice_fd, sluice_process, sluice_next_done.
 */
#include <poll.h>

#include "case.h"

static void hold(struct fake *f, struct fake_route route, const Request *request)
{
    if (request->op_case == SLUICE__V1__REQUEST__OP_CANCEL) {
        for (size_t i = 0; i < f->seen_count; i++)
            if (f->seen[i].seq == request->cancel->seq && f->seen[i].op == SLUICE__V1__REQUEST__OP_RECV)
                fake_status(f, f->seen[i].route, SLUICE_CANCELED);
    } else if (request->op_case != SLUICE__V1__REQUEST__OP_RECV) {
        fake_status(f, route, SLUICE_OK);
    }
}

static bool readable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

/* The next future that is done, by way of the descriptor alone. */
static sluice_future *loop(sluice *s, int fd)
{
    sluice_future *f;
    while ((f = sluice_next_done(s)) == NULL) {
        sluice_flush(s);
        assert_true(readable(fd, 10000));
        sluice_process(s);
    }
    return f;
}

static void test_loop(void **state)
{
    (void)state;
    const char *path = fake_path("loop");
    struct fake *f = fake_start(path, hold, NULL);
    sluice *s = open_at(path);
    sluice_future *pings[3], *recv;
    int fd = sluice_fd(s);
    assert_true(fd >= 0);
    assert_int_equal(sluice_fd(s), fd);
    assert_false(readable(fd, 0));
    assert_null(sluice_next_done(s));
    assert_status(sluice_recv_start(s, sluice_chan_named("c"), 0, NULL, &recv), SLUICE_OK);
    sluice_future_set_data(recv, &fd);
    for (int i = 0; i < 3; i++)
        assert_status(sluice_ping_start(s, &pings[i]), SLUICE_OK);
    for (int i = 0; i < 3; i++) {
        sluice_future *done = loop(s, fd);
        assert_ptr_equal(done, pings[i]);
        assert_null(sluice_future_data(done));
        assert_status(sluice_future_finish(done, NULL), SLUICE_OK);
    }
    assert_false(sluice_future_done(recv));
    sluice_future_cancel(recv);
    assert_ptr_equal(loop(s, fd), recv);
    assert_true(sluice_future_done(recv));
    assert_ptr_equal(sluice_future_data(recv), &fd);
    struct sluice_result r;
    assert_status(sluice_future_finish(recv, &r), SLUICE_CANCELED);
    assert_int_equal(r.status, SLUICE_CANCELED);
    assert_int_equal(r.index, -1);
    sluice_process(s);
    assert_false(readable(fd, 0));
    sluice_close(s);
    fake_stop(f);
}

/* A thread that waits on the connection reads a future's reply: the event loop hears of it. */
static void test_loop_and_reader(void **state)
{
    (void)state;
    const char *path = fake_path("both");
    struct fake *f = fake_start(path, hold, NULL);
    sluice *s = open_at(path);
    struct task t;
    sluice_future *future;
    int fd = sluice_fd(s);
    task_recv(&t, s, "c", -1);
    fake_await(f, 1);
    assert_status(sluice_recv_start(s, sluice_chan_named("d"), 0, NULL, &future), SLUICE_OK);
    sluice_flush(s);
    fake_await(f, 2);
    fake_lock(f);
    fake_item(f, f->seen[1].route, "x", 1, 0);
    fake_unlock(f);
    assert_ptr_equal(loop(s, fd), future);
    assert_status(sluice_future_finish(future, NULL), SLUICE_OK);
    fake_lock(f);
    fake_status(f, f->seen[0].route, SLUICE_CLOSED);
    fake_unlock(f);
    assert_status(task_join(&t), SLUICE_CLOSED);
    sluice_close(s);
    fake_stop(f);
}

/* The descriptor outlives connections; a future started while the daemon is away goes when it is back. */
static void test_loop_reconnects(void **state)
{
    (void)state;
    const char *path = fake_path("back");
    struct fake *f = fake_start(path, NULL, NULL);
    sluice *s = open_at(path);
    int fd = sluice_fd(s);
    for (int round = 0; round < 5; round++) {
        sluice_future *future;
        fake_stop(f);
        assert_true(readable(fd, 10000));
        assert_status(sluice_process(s), SLUICE_UNAVAILABLE);
        assert_status(sluice_ping_start(s, &future), SLUICE_OK);
        assert_status(sluice_process(s), SLUICE_UNAVAILABLE);
        f = fake_start(path, NULL, NULL);
        assert_ptr_equal(loop(s, fd), future);
        assert_status(sluice_future_finish(future, NULL), SLUICE_OK);
    }
    sluice_close(s);
    fake_stop(f);
}

static void test_wait_any(void **state)
{
    (void)state;
    const char *path = fake_path("any");
    struct fake *f = fake_start(path, hold, NULL);
    sluice *s = open_at(path);
    sluice_future *future;
    assert_status(sluice_wait_any(s, -1), SLUICE_INVALID);
    assert_status(sluice_recv_start(s, sluice_chan_named("c"), 0, NULL, &future), SLUICE_OK);
    assert_status(sluice_wait_any(s, SLUICE_MILLISECOND), SLUICE_DEADLINE_EXCEEDED);
    fake_await(f, 1);
    fake_lock(f);
    fake_status(f, f->seen[0].route, SLUICE_CLOSED);
    fake_unlock(f);
    assert_status(sluice_wait_any(s, -1), SLUICE_OK);
    assert_ptr_equal(sluice_next_done(s), future);
    assert_status(sluice_future_finish(future, NULL), SLUICE_CLOSED);
    sluice_close(s);
    fake_stop(f);
}

/* Many in flight, and finished in any order. */
static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    const char *path = fake_path("many");
    struct fake *f = fake_start(path, NULL, NULL);
    sluice *s = open_at(path);
    sluice_future **futures = calloc(COUNT, sizeof(sluice_future *));
    assert_non_null(futures);
    for (int i = 0; i < COUNT; i++)
        assert_status(sluice_send_start(s, sluice_chan_named("c"), sluice_int(i), NULL, &futures[i]),
                      SLUICE_OK);
    for (int i = COUNT - 1; i >= 0; i--)
        assert_status(sluice_future_finish(futures[i], NULL), SLUICE_OK);
    assert_int_equal(f->seen_count, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(f->seen[i].seq, i + 1);
    free(futures);
    sluice_close(s);
    fake_stop(f);
}

/* What is wrong at once leaves no future. */
static void test_wrong_at_once(void **state)
{
    (void)state;
    const char *path = fake_path("wrong");
    struct fake *f = fake_start(path, NULL, NULL);
    sluice *s = open_at(path);
    sluice_future *future = NULL;
    struct sluice_value two[] = {sluice_int(1), sluice_real(2)};
    sluice_chan stale = {{.handle = 1, .session = 999}};
    assert_status(sluice_send_many_start(s, sluice_chan_named("c"), two, 2, NULL, &future), SLUICE_INVALID);
    assert_status(sluice_send_start(s, stale, two[0], NULL, &future), SLUICE_STALE);
    assert_status(sluice_recv_many_start(s, sluice_chan_named("c"), 65537, 0, NULL, &future), SLUICE_INVALID);
    assert_null(future);
    assert_status(sluice_wait_any(s, -1), SLUICE_INVALID);
    sluice_close(s);
    fake_stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_loop_and_reader),
        cmocka_unit_test(test_loop_reconnects),
        cmocka_unit_test(test_wait_any),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_wrong_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

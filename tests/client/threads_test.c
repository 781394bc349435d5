/*
 * threads_test.c - many threads on one connection, forks, and interruption.
 *
 * No thread of the library's own reads: the tests make the reader leave while others wait, in every order that the fake can bring about,
 * and then let real concurrency have its way.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"

static void hold(struct fake *f, struct fake_route route, const Request *request)
{
    if (request->op_case != SLUICE__V1__REQUEST__OP_RECV)
        fake_status(f, route, SLUICE_OK);
}

/* Answered in the order of `order`, whoever reads: each time the reader's own is among them another has to take over. */
static void hand_over(const int *order, int count)
{
    const char *path = fake_path("over");
    struct fake *f = fake_start(path, hold, NULL);
    struct task tasks[8];
    sluice *s = open_at(path);
    for (int i = 0; i < count; i++) {
        task_recv(&tasks[i], s, "c", -1);
        fake_await(f, (size_t)i + 1);
    }
    for (int i = 0; i < count; i++) {
        fake_lock(f);
        fake_item(f, f->seen[order[i]].route, "x", 1, 0);
        fake_unlock(f);
        assert_status(task_join(&tasks[order[i]]), SLUICE_OK);
        sluice_item_free(&tasks[order[i]].item);
    }
    sluice_close(s);
    fake_stop(f);
}

static void test_hand_over(void **state)
{
    (void)state;
    hand_over((const int[]){0, 1, 2, 3, 4, 5, 6, 7}, 8);
    hand_over((const int[]){7, 6, 5, 4, 3, 2, 1, 0}, 8);
    hand_over((const int[]){3, 0, 6, 1, 7, 2, 5, 4}, 8);
}

#define THREADS 16
#define ROUNDS  2000

static void echo(struct fake *f, struct fake_route route, const Request *request)
{
    if (request->op_case == SLUICE__V1__REQUEST__OP_RECV)
        fake_item(f, route, request->recv->ref->name.data, request->recv->ref->name.len, 0);
    else
        fake_status(f, route, SLUICE_OK);
}

static void *storm(void *argument)
{
    sluice *s = argument;
    char name[32];
    for (int i = 0; i < ROUNDS; i++) {
        struct sluice_item item;
        snprintf(name, sizeof name, "%lx/%d", (unsigned long)pthread_self(), i);
        if (sluice_recv(s, sluice_chan_named(name), NULL, &item) != SLUICE_OK ||
            strcmp(item.value.bytes.data, name) != 0)
            return "wrong";
        sluice_item_free(&item);
    }
    return NULL;
}

/* Every thread gets its own replies. */
static void test_storm(void **state)
{
    (void)state;
    const char *path = fake_path("storm");
    struct fake *f = fake_start(path, echo, NULL);
    sluice *s = open_at(path);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, storm, s), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    assert_int_equal(f->seen_count, THREADS * ROUNDS);
    sluice_close(s);
    fake_stop(f);
}

/* A daemon that reads nothing until it has been read from: a writer must not wait for it. */
static void flood(struct fake *f, struct fake_route route, const Request *request)
{
    static char data[100000];
    (void)request;
    fake_item(f, route, data, sizeof data, 0);
}

static void test_both_ways_full(void **state)
{
    (void)state;
    enum { COUNT = 40, SIZE = 100000 };
    static char data[SIZE];
    const char *path = fake_path("full");
    struct fake *f = fake_start(path, flood, NULL);
    sluice *s = open_at(path);
    sluice_future *futures[COUNT];
    for (int i = 0; i < COUNT; i++)
        assert_status(
            sluice_send_start(s, sluice_chan_named("c"), sluice_bytes(data, SIZE), NULL, &futures[i]),
            SLUICE_OK);
    for (int i = 0; i < COUNT; i++)
        assert_status(sluice_future_finish(futures[i], NULL), SLUICE_OK);
    sluice_close(s);
    fake_stop(f);
}

/* ---- fork */

static void test_fork(void **state)
{
    (void)state;
    const char *path = fake_path("fork");
    struct fake *f = fake_start(path, hold, NULL);
    struct task t;
    sluice *s = open_at(path);
    sluice_chan handle = {{.handle = 7}};
    task_recv(&t, s, "c", -1);
    fake_await(f, 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sluice_session info;
        if (sluice_ping(s) != SLUICE_OK ||
            sluice_send(s, sluice_chan_named("c"), sluice_int(1), NULL) != SLUICE_OK)
            _exit(1);
        sluice_session_get(s, &info);
        handle.ref.session = 1;
        if (sluice_send(s, handle, sluice_int(1), NULL) != SLUICE_STALE)
            _exit(2);
        sluice_close(s);
        _exit(info.number == 2 ? 0 : 3);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fake_await_gone(f, 1);
    assert_int_equal(f->hello_count, 2);
    /* The parent's call is as it was. */
    fake_lock(f);
    fake_item(f, f->seen[0].route, "mine", 4, 0);
    fake_unlock(f);
    assert_status(task_join(&t), SLUICE_OK);
    assert_string_equal(t.item.value.bytes.data, "mine");
    sluice_item_free(&t.item);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_int_equal(f->hello_count, 2);
    sluice_close(s);
    fake_stop(f);
}

/* A future of the parent is over in the child, and both may be freed. */
static void test_fork_future(void **state)
{
    (void)state;
    const char *path = fake_path("forked");
    struct fake *f = fake_start(path, hold, NULL);
    sluice_future *future;
    sluice *s = open_at(path);
    assert_true(sluice_fd(s) >= 0);
    assert_status(sluice_recv_start(s, sluice_chan_named("c"), 0, NULL, &future), SLUICE_OK);
    sluice_flush(s);
    fake_await(f, 1);
    pid_t child = fork();
    if (child == 0) {
        bool ok = sluice_future_finish(future, NULL) == SLUICE_SESSION_GONE && sluice_fd(s) >= 0 &&
                  sluice_ping(s) == SLUICE_OK;
        sluice_close(s);
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(sluice_future_done(future));
    sluice_close(s);
    fake_stop(f);
}

/* ---- interruption */

static sluice *interrupted;

static void on_signal(int number)
{
    (void)number;
    sluice_interrupt(interrupted);
}

static void cancel(struct fake *f, struct fake_route route, const Request *request)
{
    if (request->op_case == SLUICE__V1__REQUEST__OP_CANCEL) {
        for (size_t i = 0; i < f->seen_count; i++)
            if (f->seen[i].seq == request->cancel->seq && f->seen[i].op != SLUICE__V1__REQUEST__OP_CANCEL)
                fake_status(f, f->seen[i].route, SLUICE_CANCELED);
        fake_status(f, route, SLUICE_OK);
    } else if (request->op_case != SLUICE__V1__REQUEST__OP_RECV) {
        fake_status(f, route, SLUICE_OK);
    }
}

static sluice *open_interruptible(const char *path)
{
    struct sluice_options o = options_for(path);
    sluice *s = NULL;
    o.interruptible = true;
    assert_status(sluice_open(&o, &s), SLUICE_OK);
    return s;
}

static void test_interrupt(void **state)
{
    (void)state;
    const char *path = fake_path("interrupt");
    struct fake *f = fake_start(path, cancel, NULL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct task tasks[3];
    struct sluice_item item;
    sluice *s = open_interruptible(path);
    interrupted = s;
    sigaction(SIGUSR1, &action, NULL);
    for (int round = 0; round < 3; round++) {
        size_t before = f->seen_count;
        for (int i = 0; i < 3; i++)
            task_recv(&tasks[i], s, "c", -1);
        fake_await(f, before + 3);
        raise(SIGUSR1); /* in this thread, which waits for nothing */
        for (int i = 0; i < 3; i++)
            assert_status(task_join(&tasks[i]), SLUICE_CANCELED);
        /* It stays: what would wait does not, what does not wait works. */
        assert_status(sluice_recv(s, sluice_chan_named("c"), NULL, &item), SLUICE_CANCELED);
        assert_status(sluice_ping(s), SLUICE_OK);
        sluice_interrupt_reset(s);
    }
    sluice_close(s);
    s = open_at(path);
    assert_status(sluice_interrupt(s), SLUICE_INVALID);
    sluice_close(s);
    fake_stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hand_over),      cmocka_unit_test(test_storm),
        cmocka_unit_test(test_both_ways_full), cmocka_unit_test(test_fork),
        cmocka_unit_test(test_fork_future),    cmocka_unit_test(test_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * remote_test.c - the library over tcp, through libnng, against the real daemon.
 *
 * Between the two stands a relay of the test's own, which can break what goes through it: so a session is seen to be resumed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "served.h"

static struct served daemon_;
static sluice *local; /* on the unix socket */
static int daemon_port, relay_port;

static int listen_at(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* ---- The relay: one connection at a time, in a thread; a byte in the control pipe breaks it, the end of the pipe ends all. */

static int relay_listener, relay_control[2];
static pthread_t relay_thread;

static bool copy(int from, int to)
{
    char data[65536];
    ssize_t n = recv(from, data, sizeof data, 0);
    return n > 0 && send(to, data, (size_t)n, MSG_NOSIGNAL) == n;
}

/* False: the test is over. */
static bool relay_one(int near)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)daemon_port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool alive = connect(far, (struct sockaddr *)&address, sizeof address) == 0, more = true;
    while (alive) {
        struct pollfd p[] = {{.fd = near, .events = POLLIN},
                             {.fd = far, .events = POLLIN},
                             {.fd = relay_control[0], .events = POLLIN}};
        char byte;
        poll(p, 3, -1);
        if (p[0].revents != 0)
            alive = copy(near, far);
        if (p[1].revents != 0 && alive)
            alive = copy(far, near);
        if (p[2].revents != 0) {
            alive = false;
            more = read(relay_control[0], &byte, 1) == 1;
        }
    }
    close(far);
    return more;
}

static void *relay(void *unused)
{
    bool more = true;
    while (more) {
        struct pollfd p[] = {{.fd = relay_listener, .events = POLLIN},
                             {.fd = relay_control[0], .events = POLLIN}};
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        char byte;
        poll(p, 2, -1);
        if (p[1].revents != 0)
            more = read(relay_control[0], &byte, 1) == 1;
        if (p[0].revents == 0 || !more)
            continue;
        int near = accept4(relay_listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);
        more = relay_one(near);
        close(near);
    }
    return unused;
}

static void relay_break(void)
{
    assert_int_equal(write(relay_control[1], "x", 1), 1);
}

/* ---- */

static int start(void **state)
{
    static char listen[64];
    static const char *const options[] = {listen, NULL};
    (void)state;
    close(listen_at(&daemon_port));
    snprintf(listen, sizeof listen, "--listen=tcp://127.0.0.1:%d", daemon_port);
    daemon_ = served_start("daemon", options);
    local = served_open(&daemon_);
    relay_listener = listen_at(&relay_port);
    return pipe(relay_control) < 0 || pthread_create(&relay_thread, NULL, relay, NULL) != 0;
}

static int stop(void **state)
{
    (void)state;
    close(relay_control[1]);
    pthread_join(relay_thread, NULL);
    close(relay_control[0]);
    close(relay_listener);
    sluice_close(local);
    served_end(&daemon_, SIGTERM);
    return 0;
}

static sluice *open_far(int port)
{
    char address[64];
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", port);
    return open_at(address);
}

static void test_calls(void **state)
{
    (void)state;
    struct sluice_session info;
    struct sluice_item item;
    sluice *far = open_far(daemon_port);
    sluice_session_get(far, &info);
    assert_true(info.resume_ns > 0);
    assert_true(info.lease_ns > 0);
    static char big[1 << 20];
    memset(big, 'b', sizeof big);
    sluice_chan c;
    assert_status(sluice_chan_make(far, "far", 10, &c), SLUICE_OK);
    assert_status(sluice_send(far, c, sluice_bytes(big, sizeof big), NULL), SLUICE_OK);
    assert_status(sluice_recv(local, sluice_chan_named("far"), NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.bytes.size, sizeof big);
    sluice_item_free(&item);
    sluice_future *futures[100];
    for (int i = 0; i < 100; i++)
        assert_status(sluice_recv_start(far, c, 0, NULL, &futures[i]), SLUICE_OK);
    sluice_flush(far);
    for (int i = 0; i < 100; i++)
        assert_status(sluice_send(local, sluice_chan_named("far"), sluice_str("x"), NULL), SLUICE_OK);
    for (int i = 0; i < 100; i++) {
        struct sluice_result r;
        assert_status(sluice_future_finish(futures[i], &r), SLUICE_OK);
        sluice_item_free(&r.item);
    }
    sluice_close(far);
}

static void test_event_loop(void **state)
{
    (void)state;
    sluice *far = open_far(daemon_port);
    sluice_future *future, *done = NULL;
    struct pollfd p = {.fd = sluice_fd(far), .events = POLLIN};
    assert_true(p.fd >= 0);
    for (int i = 0; i < 20; i++) {
        assert_status(sluice_ping_start(far, &future), SLUICE_OK);
        sluice_flush(far);
        while ((done = sluice_next_done(far)) == NULL) {
            assert_int_equal(poll(&p, 1, 10000), 1);
            assert_status(sluice_process(far), SLUICE_OK);
        }
        assert_ptr_equal(done, future);
        assert_status(sluice_future_finish(done, NULL), SLUICE_OK);
    }
    sluice_close(far);
}

/* The connection breaks under a parked call and under handles: the session is resumed and nothing is lost. */
static void test_resumed(void **state)
{
    (void)state;
    sluice *far = open_far(relay_port);
    sluice_chan c;
    struct task t;
    struct sluice_description *d = NULL;
    assert_status(sluice_chan_make(far, "relayed", 10, &c), SLUICE_OK);
    task_recv(&t, far, "relayed", -1);
    do {
        d = sluice_description_free(d);
        assert_status(sluice_describe(local, sluice_named("relayed"), &d), SLUICE_OK);
    } while (d->waiting == 0);
    d = sluice_description_free(d);
    relay_break();
    assert_status(sluice_send(local, sluice_chan_named("relayed"), sluice_str("kept"), NULL), SLUICE_OK);
    assert_status(task_join(&t), SLUICE_OK);
    assert_string_equal(t.item.value.bytes.data, "kept");
    sluice_item_free(&t.item);
    for (int i = 0; i < 5; i++) {
        relay_break();
        assert_status(sluice_send(far, c, sluice_int(i), NULL), SLUICE_WRONG_TYPE);
        assert_status(sluice_send(far, c, sluice_str("by handle"), NULL), SLUICE_OK);
    }
    uint64_t len;
    assert_status(sluice_chan_len(far, c, &len), SLUICE_OK);
    assert_int_equal(len, 5);
    sluice_close(far);
}

static void test_nobody(void **state)
{
    (void)state;
    struct sluice_options o = options_for("tcp://127.0.0.1:1");
    sluice *far;
    assert_status(sluice_open(&o, &far), SLUICE_UNAVAILABLE);
    o.address = "tcp://";
    assert_status(sluice_open(&o, &far), SLUICE_INVALID);
}

/* libnng does not survive a fork: the child is told so, instead of being aborted. */
static void test_forked(void **state)
{
    (void)state;
    sluice *far = open_far(daemon_port);
    pid_t child = fork();
    if (child == 0)
        _exit(sluice_ping(far) == SLUICE_UNAVAILABLE && strstr(sluice_errmsg(), "fork") != NULL ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_status(sluice_ping(far), SLUICE_OK);
    sluice_close(far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),  cmocka_unit_test(test_event_loop), cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_nobody), cmocka_unit_test(test_forked),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

/*
 * call_test.c - requests and replies on the wire: framing, order, numbers, acknowledgements, system calls.
 *
 * The fake daemon sees what is sent. System calls are counted where the library makes them: this file defines send, recv and poll
 * before libc does.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "case.h"

/* The library is linked statically, so that these stand before libc's: they count for each thread. */
static _Thread_local unsigned sends, receives, others;

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    sends++;
    return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    receives++;
    return syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    others++;
    return (int)syscall(SYS_poll, fds, count, timeout_ms);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    others++;
    return (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}

static void test_open_and_close(void **state)
{
    (void)state;
    const char *path = fake_path("open");
    struct fake *f = fake_start(path, NULL, NULL);
    struct sluice_options o = options_for(path);
    struct sluice_session info;
    sluice *s;
    o.name = "case";
    assert_status(sluice_open(&o, &s), SLUICE_OK);
    sluice_session_get(s, &info);
    assert_string_equal(info.address, path);
    assert_string_equal(info.server, "fake 1");
    assert_int_equal(info.number, 1);
    assert_int_equal(info.payload_size_max, 1 << 20);
    fake_sync(f);
    assert_string_equal(f->last_name, "case");
    assert_memory_equal(info.id, f->last_session, 16);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_null(sluice_close(s));
    fake_await_gone(f, 1);
    assert_null(sluice_close(NULL));
    fake_stop(f);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct sluice_options o = options_for(fake_path("nobody"));
    sluice *s = NULL;
    assert_status(sluice_open(&o, &s), SLUICE_UNAVAILABLE);
    assert_null(s);
    assert_non_null(strstr(sluice_errmsg(), "nobody"));
    o.address = "gopher://x";
    assert_status(sluice_open(&o, &s), SLUICE_INVALID);
    o.size = 3;
    assert_status(sluice_open(&o, &s), SLUICE_INVALID);
}

static void test_refused(void **state)
{
    (void)state;
    const char *path = fake_path("refused");
    struct fake *f = fake_start(path, NULL, NULL);
    struct sluice_options o = options_for(path);
    sluice *s = NULL;
    fake_lock(f);
    f->refuse = SLUICE_BAD_VERSION;
    fake_unlock(f);
    assert_status(sluice_open(&o, &s), SLUICE_BAD_VERSION);
    assert_string_equal(sluice_errmsg(), "protocol versions differ");
    fake_stop(f);
}

static void test_mute_daemon(void **state)
{
    (void)state;
    const char *path = fake_path("mute");
    struct fake *f = fake_start(path, NULL, NULL);
    struct sluice_options o = options_for(path);
    sluice *s = NULL;
    fake_lock(f);
    f->mute = true;
    fake_unlock(f);
    o.connect_timeout_ns = 50 * SLUICE_MILLISECOND;
    assert_status(sluice_open(&o, &s), SLUICE_UNAVAILABLE);
    fake_stop(f);
}

/* Replies come in any order, and each finds its call. */
static void hold(struct fake *f, struct fake_route route, const Request *request)
{
    if (request->op_case != SLUICE__V1__REQUEST__OP_RECV)
        fake_status(f, route, SLUICE_OK);
}

static void test_any_order(void **state)
{
    (void)state;
    const char *path = fake_path("order");
    struct fake *f = fake_start(path, hold, NULL);
    sluice *s = open_at(path);
    sluice_future *futures[10];
    for (int i = 0; i < 10; i++)
        assert_status(sluice_recv_start(s, sluice_chan_named("c"), 0, NULL, &futures[i]), SLUICE_OK);
    assert_status(sluice_flush(s), SLUICE_OK);
    fake_await(f, 10);
    fake_lock(f);
    for (int i = 9; i >= 0; i--) {
        char text = (char)('0' + i);
        fake_item(f, f->seen[i].route, &text, 1, 0);
    }
    fake_unlock(f);
    for (int i = 0; i < 10; i++) {
        struct sluice_result r;
        assert_status(sluice_future_finish(futures[i], &r), SLUICE_OK);
        assert_int_equal(r.item.value.bytes.size, 1);
        assert_int_equal(((const char *)r.item.value.bytes.data)[0], '0' + i);
        assert_int_equal(((const char *)r.item.value.bytes.data)[1], '\0');
        sluice_item_free(&r.item);
    }
    sluice_close(s);
    fake_stop(f);
}

/* Ten requests started together go out in one write. */
static void test_gathering(void **state)
{
    (void)state;
    const char *path = fake_path("gather");
    struct fake *f = fake_start(path, NULL, NULL);
    sluice *s = open_at(path);
    sluice_future *futures[10];
    fake_lock(f);
    size_t before = f->reads;
    fake_unlock(f);
    for (int i = 0; i < 10; i++)
        assert_status(sluice_ping_start(s, &futures[i]), SLUICE_OK);
    for (int i = 0; i < 10; i++)
        assert_status(sluice_future_finish(futures[i], NULL), SLUICE_OK);
    fake_sync(f);
    assert_int_equal(f->reads - before, 1);
    sluice_close(s);
    fake_stop(f);
}

/* A reply of every size around the limits of the small buffer and the input buffer. */
static void big(struct fake *f, struct fake_route route, const Request *request)
{
    static char data[1 << 20];
    size_t size = *(size_t *)f->data;
    memset(data, 'x', sizeof data);
    assert_true(size <= sizeof data);
    if (request->op_case == SLUICE__V1__REQUEST__OP_RECV)
        fake_item(f, route, data, size, 7);
    else
        fake_status(f, route, SLUICE_OK);
}

static void test_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,   1,   100, 140,  148,   149,   150,   151,
                                   152, 153, 160, 4096, 65500, 65536, 70000, 1 << 20};
    const char *path = fake_path("sizes");
    size_t size = 0;
    struct fake *f = fake_start(path, big, &size);
    sluice *s = open_at(path);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct sluice_item item;
        fake_lock(f);
        size = sizes[i];
        fake_unlock(f);
        assert_status(sluice_recv_lease(s, sluice_chan_named("c"), 5, NULL, &item), SLUICE_OK);
        assert_int_equal(item.value.type, SLUICE_TYPE_BYTES);
        assert_int_equal(item.value.bytes.size, size);
        assert_int_equal(strspn(item.value.bytes.data, "x"), size);
        assert_int_equal(item.lease.number, 7);
        assert_int_equal(item.deliveries, 1);
        sluice_item_free(&item);
        sluice_item_free(&item);
    }
    sluice_close(s);
    fake_stop(f);
}

static void test_request_sizes(void **state)
{
    (void)state;
    const char *path = fake_path("large");
    struct fake *f = fake_start(path, NULL, NULL);
    sluice *s = open_at(path);
    char *data = calloc(1, 6 << 20);
    assert_non_null(data);
    assert_status(sluice_send(s, sluice_chan_named("c"), sluice_bytes(data, 4 << 20), NULL), SLUICE_OK);
    assert_status(sluice_send(s, sluice_chan_named("c"), sluice_bytes(data, 6 << 20), NULL),
                  SLUICE_TOO_LARGE);
    assert_status(sluice_ping(s), SLUICE_OK);
    fake_await(f, 2);
    assert_int_equal(f->seen[1].seq, f->seen[0].seq + 1);
    free(data);
    sluice_close(s);
    fake_stop(f);
}

/* What is finished is acknowledged: by acked_below, and singly while an old request is still pending. */
static void test_acknowledgements(void **state)
{
    (void)state;
    const char *path = fake_path("acks");
    struct fake *f = fake_start(path, hold, NULL);
    sluice *s = open_at(path);
    sluice_future *slow;
    size_t single = 0;
    for (int i = 0; i < 3; i++)
        assert_status(sluice_ping(s), SLUICE_OK);
    fake_sync(f);
    assert_int_equal(f->seen[2].acked_below, 3);
    assert_status(sluice_recv_start(s, sluice_chan_named("c"), 0, NULL, &slow), SLUICE_OK);
    for (int i = 0; i < 200; i++)
        assert_status(sluice_ping(s), SLUICE_OK);
    fake_sync(f);
    for (size_t i = 4; i < f->seen_count; i++) {
        assert_int_equal(f->seen[i].acked_below, 4);
        single += f->seen[i].acked_count;
    }
    assert_in_range(single, 128, 200);
    fake_lock(f);
    fake_status(f, f->seen[3].route, SLUICE_CLOSED);
    fake_unlock(f);
    assert_status(sluice_future_finish(slow, NULL), SLUICE_CLOSED);
    assert_status(sluice_ping(s), SLUICE_OK);
    fake_sync(f);
    assert_int_equal(f->seen[f->seen_count - 1].acked_below, f->seen[f->seen_count - 1].seq);
    assert_int_equal(f->seen[f->seen_count - 1].acked_count, 0);
    sluice_close(s);
    fake_stop(f);
}

static void limit(struct fake *f, struct fake_route route, const Request *request)
{
    Reply reply = SLUICE__V1__REPLY__INIT;
    Sluice__V1__LimitHit hit = SLUICE__V1__LIMIT_HIT__INIT;
    (void)request;
    reply.has_status = true;
    reply.status = SLUICE__V1__STATUS__LIMIT;
    hit.has_name = hit.has_value = hit.has_use = true;
    hit.name = (ProtobufCBinaryData){7, (uint8_t *)(uintptr_t) "objects"};
    hit.value = 10;
    hit.use = 11;
    reply.limit = &hit;
    reply.has_cause = true;
    reply.cause = (ProtobufCBinaryData){3, (uint8_t *)(uintptr_t) "why"};
    fake_reply(f, route, &reply);
}

static void test_errors(void **state)
{
    (void)state;
    const char *path = fake_path("errors");
    struct fake *f = fake_start(path, limit, NULL);
    sluice *s = open_at(path);
    sluice_chan c;
    assert_status(sluice_chan_make(s, "c", 0, &c), SLUICE_LIMIT);
    assert_string_equal(sluice_errmsg(), "limit reached: objects is 10, this would make it 11");
    assert_string_equal(sluice_errlimit().name, "objects");
    assert_int_equal(sluice_errlimit().value, 10);
    assert_int_equal(sluice_errlimit().use, 11);
    assert_string_equal(sluice_errcause(), "why");
    sluice_close(s);
    fake_stop(f);
}

/* Bytes that are no SP break the connection, not the program. */
static void garbage(struct fake *f, struct fake_route route, const Request *request)
{
    (void)request;
    fake_raw(f, route, "this is no frame of SP at all", 29);
}

static void test_garbage(void **state)
{
    (void)state;
    const char *path = fake_path("garbage");
    struct fake *f = fake_start(path, garbage, NULL);
    sluice *s = open_at(path);
    assert_status(sluice_ping(s), SLUICE_SESSION_GONE);
    sluice_close(s);
    fake_stop(f);
}

static void late(struct fake *f, struct fake_route route, const Request *request)
{
    /* A reply to somebody else, one to nobody, and twice the right one. */
    fake_status(f, (struct fake_route){route.fd, 0x12345}, SLUICE_INTERNAL);
    fake_status(f, (struct fake_route){route.fd, 0x7ffffffe}, SLUICE_INTERNAL);
    fake_status(f, route, request->op_case == SLUICE__V1__REQUEST__OP_PING ? SLUICE_OK : SLUICE_CLOSED);
    fake_status(f, route, SLUICE_INTERNAL);
}

static void test_strange_replies(void **state)
{
    (void)state;
    const char *path = fake_path("late");
    struct fake *f = fake_start(path, late, NULL);
    sluice *s = open_at(path);
    struct sluice_item item;
    for (int i = 0; i < 600; i++) {
        assert_status(sluice_ping(s), SLUICE_OK);
        assert_status(sluice_recv(s, sluice_chan_named("c"), NULL, &item), SLUICE_CLOSED);
    }
    sluice_close(s);
    fake_stop(f);
}

/* Alone on its connection a call is one send and one recv, and not even a poll. */
static void test_one_write(void **state)
{
    (void)state;
    const char *path = fake_path("one");
    struct fake *f = fake_start(path, NULL, NULL);
    sluice *s = open_at(path);
    struct sluice_wait wait = SLUICE_WAIT_FOR(5 * SLUICE_SECOND);
    assert_status(sluice_send(s, sluice_chan_named("c"), sluice_str("x"), &wait), SLUICE_OK);
    sends = receives = others = 0;
    for (int i = 0; i < 100; i++)
        assert_status(sluice_send(s, sluice_chan_named("c"), sluice_str("x"), NULL), SLUICE_OK);
    for (int i = 0; i < 100; i++)
        assert_status(sluice_send(s, sluice_chan_named("c"), sluice_str("x"), &wait), SLUICE_OK);
    assert_int_equal(sends, 200);
    assert_int_equal(receives, 200);
    assert_int_equal(others, 0);
    sluice_close(s);
    fake_stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_and_close),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_mute_daemon),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_gathering),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_request_sizes),
        cmocka_unit_test(test_acknowledgements),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_strange_replies),
        cmocka_unit_test(test_one_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

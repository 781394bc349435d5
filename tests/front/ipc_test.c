/*
 * ipc_test.c - connections that behave and connections that do not.
 *
 * Cut streams, garbage, truncated and oversized frames, silent peers, peers that do not read, dead ones, too many of them. Each is either served or
 * closed for a reason that is said, and none of them harms another or loses a value.
 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const uint8_t ping_body[] = {0x92, 0x01, 0x00};

static void answers(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int fd = rig_greet(r);
    for (uint32_t id = 1; id <= 100; id++) {
        put_request(fd, id, ping());
        rig_turn(r);
        want_status(fd, id, SLUICE__V1__STATUS__OK);
    }
    close(fd);
    rig_turn(r);
    assert_int_equal(rig_peers(r), 0);
    assert_int_equal(rig_sessions(r), 0);
    rig_close(r);
}

/* Greeting and requests in one write, byte by byte, and all in between. */
static void any_cut_of_the_stream_is_good(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    uint8_t stream[512];
    size_t size = SP_GREETING_SIZE;
    sp_greet(SP_REQ, stream);
    for (uint32_t id = 1; id <= 10; id++)
        size += make_frame(stream + size, id, ping_body, sizeof(ping_body));
    for (size_t piece = 1; piece <= size; piece++) {
        int fd = rig_connect(r);
        for (size_t at = 0; at < size; at += piece) {
            put(fd, stream + at, piece < size - at ? piece : size - at);
            rig_turn(r);
        }
        uint8_t greeting[SP_GREETING_SIZE];
        assert_int_equal(recv(fd, greeting, sizeof(greeting), MSG_DONTWAIT), sizeof(greeting));
        for (uint32_t id = 1; id <= 10; id++)
            want_status(fd, id, SLUICE__V1__STATUS__OK);
        close(fd);
    }
    rig_turn(r);
    assert_int_equal(rig_peers(r), 0);
    rig_close(r);
}

static void send_and_leave_is_done(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int fd = rig_greet(r), other = rig_greet(r);
    put_request(fd, 1, make_channel("c", 4));
    put_request(fd, 2, send_bytes("c", "x", 1));
    close(fd);
    rig_turn(r);
    put_request(other, 1, recv_from("c"));
    rig_turn(r);
    want_status(other, 1, SLUICE__V1__STATUS__OK);
    close(other);
    rig_close(r);
}

static void want_closed_for(const void *bytes, size_t size, bool greeted, const char *why)
{
    struct rig *r = rig_open();
    int fd = greeted ? rig_greet(r) : rig_connect(r);
    put(fd, bytes, size);
    rig_turn(r);
    assert_int_equal(rig_peers(r), 0);
    assert_int_equal(r->closed, 1);
    assert_string_equal(r->reason, why);
    close(fd);
    rig_close(r);
}

static void garbage_is_closed(void **state)
{
    (void)state;
    static const uint8_t rep[] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    static const uint8_t zero_length[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t endless[] = {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    want_closed_for("GET / HTTP/1.1\r\n", 16, false, "it does not speak SP");
    want_closed_for(rep, sizeof(rep), false, "it does not speak the REQ protocol");
    want_closed_for("hello", 5, true, "a frame does not begin with 01");
    want_closed_for(zero_length, sizeof(zero_length), true, "a frame has no request id");
    want_closed_for(endless, sizeof(endless), true, "a frame claims an impossible length");
}

/* A frame around bytes that are no request is answered, and the connection lives. */
static void malformed_body_is_answered(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int fd = rig_greet(r);
    uint8_t frame[64];
    put(fd, frame, make_frame(frame, 9, "\xff\xff\xff", 3));
    put(fd, frame, make_frame(frame, 10, "", 0));
    put_request(fd, 11, ping());
    rig_turn(r);
    want_status(fd, 9, SLUICE__V1__STATUS__MALFORMED);
    free_reply(want_reply(fd, 10, SLUICE__V1__STATUS__UNKNOWN_OP));
    want_status(fd, 11, SLUICE__V1__STATUS__OK);
    close(fd);
    rig_close(r);
}

static void truncated_frame_leaves_nothing(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int fd = rig_greet(r);
    uint8_t frame[64];
    size_t size = make_frame(frame, 9, ping_body, sizeof(ping_body));
    put(fd, frame, size - 1);
    rig_turn(r);
    assert_int_equal(rig_peers(r), 1);
    close(fd);
    rig_turn(r);
    assert_int_equal(rig_peers(r), 0);
    assert_int_equal(rig_sessions(r), 0);
    rig_close(r);
}

/* Too large: refused by name and limit at once, skipped as it comes, and the connection lives. */
static void oversized_is_refused_and_skipped(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    struct ipc_limits limits = r->limits;
    limits.body_size_max = 1000;
    rig_limit(r, limits);
    int fd = rig_greet(r);
    static uint8_t zeros[100000];
    uint8_t header[SP_HEADER_SIZE_MAX];
    sp_put_header(header, NULL, 0, SP_ID_BIT | 5, sizeof(zeros));
    put(fd, header, sp_header_size(0));
    rig_turn(r);
    Reply *reply = want_reply(fd, 5, SLUICE__V1__STATUS__TOO_LARGE);
    assert_non_null(reply->limit);
    assert_int_equal(reply->limit->value, 1000);
    assert_int_equal(reply->limit->use, sizeof(zeros));
    free_reply(reply);
    for (size_t at = 0; at < sizeof(zeros); at += 10000) {
        put(fd, zeros + at, 10000);
        rig_turn(r);
    }
    put_request(fd, 6, ping());
    rig_turn(r);
    want_status(fd, 6, SLUICE__V1__STATUS__OK);
    close(fd);
    rig_close(r);
}

/* A large frame in small pieces, then small ones behind it. */
static void large_frame_grows(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int fd = rig_greet(r);
    put_request(fd, 1, make_channel("c", 4));
    rig_turn(r);
    want_status(fd, 1, SLUICE__V1__STATUS__OK);
    enum { SIZE = 700000 };
    uint8_t *payload = malloc(SIZE), *frame = malloc(SIZE + 1000), *body = malloc(SIZE + 1000);
    for (size_t i = 0; i < SIZE; i++)
        payload[i] = (uint8_t)(i * 7);
    size_t body_size = sluice__v1__request__pack(send_bytes("c", payload, SIZE), body);
    size_t size = make_frame(frame, 2, body, body_size);
    for (size_t at = 0, piece = 1; at < size; at += piece, piece = piece * 2 % 65521 + 1) {
        piece = piece < size - at ? piece : size - at;
        put(fd, frame + at, piece);
        rig_turn(r);
    }
    put_request(fd, 3, recv_from("c"));
    rig_turn(r);
    want_status(fd, 2, SLUICE__V1__STATUS__OK);
    uint8_t *got = malloc(SIZE + 1000);
    size_t have = 0;
    for (ssize_t n; (n = recv(fd, got + have, SIZE + 1000 - have, MSG_DONTWAIT)) > 0; rig_turn(r))
        have += (size_t)n;
    assert_true(have > SIZE);
    Reply *reply = sluice__v1__reply__unpack(NULL, have - sp_header_size(0), got + sp_header_size(0));
    assert_non_null(reply);
    assert_int_equal(reply->item->value->raw.len, SIZE);
    assert_memory_equal(reply->item->value->raw.data, payload, SIZE);
    free_reply(reply);
    free(payload);
    free(frame);
    free(body);
    free(got);
    close(fd);
    rig_close(r);
}

static void devices_are_answered(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int fd = rig_greet(r);
    static const uint8_t words[] = {0, 0, 0, 1, 0, 0, 0, 2};
    uint8_t frame[64], answer[64], want[64];
    sp_put_header(frame, words, 2, SP_ID_BIT | 3, 3);
    memcpy(frame + sp_header_size(2), ping_body, sizeof(ping_body));
    put(fd, frame, sp_header_size(2) + 3);
    rig_turn(r);
    sp_put_header(want, words, 2, SP_ID_BIT | 3, 0);
    assert_int_equal(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), sp_header_size(2));
    assert_memory_equal(answer, want, sp_header_size(2));
    close(fd);
    rig_close(r);
}

static int64_t later(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + INT64_C(10000000000);
}

static void silent_peer_is_closed(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int silent = rig_connect(r), greeted = rig_greet(r);
    assert_int_equal(rig_peers(r), 2);
    assert_true(ipc_next_deadline(r->ipc) < later());
    ipc_expire(r->ipc, ipc_next_deadline(r->ipc) - 1);
    assert_int_equal(rig_peers(r), 2);
    ipc_expire(r->ipc, later());
    assert_int_equal(rig_peers(r), 1);
    assert_string_equal(r->reason, "it did not greet");
    assert_true(ipc_next_deadline(r->ipc) == NEVER_NS);
    close(silent);
    close(greeted);
    rig_close(r);
}

/* Fill the channel so that many replies with large payloads can be asked for. */
static void fill(struct rig *r, int fd, uint32_t count, size_t size)
{
    char *payload = calloc(1, size);
    put_request(fd, 1, make_channel("big", count));
    rig_turn(r);
    want_status(fd, 1, SLUICE__V1__STATUS__OK);
    for (uint32_t i = 0; i < count; i++) {
        put_request(fd, 2, send_bytes("big", payload, size));
        rig_turn(r);
        want_status(fd, 2, SLUICE__V1__STATUS__OK);
    }
    free(payload);
}

static size_t channel_len(const struct rig *r)
{
    struct object_view view;
    engine_object_view(r->engine, engine_object_next(r->engine, NULL), &view);
    return view.channel.len;
}

/* Who does not read is not read from; who reads again gets everything. */
static void slow_reader_is_paused(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    struct ipc_limits limits = r->limits;
    limits.unread_pause = 300000;
    rig_limit(r, limits);
    int fd = rig_greet(r), slow = rig_greet(r);
    fill(r, fd, 50, 100000);
    for (uint32_t id = 1; id <= 50; id++)
        put_request(slow, id, recv_from("big"));
    rig_turn(r);
    size_t left = channel_len(r);
    assert_true(left > 40);
    rig_turn(r);
    assert_int_equal(channel_len(r), left);
    static uint8_t buf[1 << 20];
    size_t total = 0;
    for (ssize_t n; (n = recv(slow, buf, sizeof(buf), MSG_DONTWAIT)) > 0; rig_turn(r))
        total += (size_t)n;
    assert_true(total > 50 * 100000);
    assert_int_equal(channel_len(r), 0);
    assert_int_equal(rig_peers(r), 2);
    close(fd);
    close(slow);
    rig_close(r);
}

static void stalled_reader_is_closed(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int fd = rig_greet(r), slow = rig_greet(r);
    fill(r, fd, 20, 100000);
    for (uint32_t id = 1; id <= 20; id++)
        put_request(slow, id, recv_from("big"));
    rig_turn(r);
    assert_int_equal(channel_len(r), 0);
    ipc_expire(r->ipc, later());
    assert_string_equal(r->reason, "it does not read its replies");
    assert_int_equal(rig_peers(r), 1);
    /* What was never written is there again; what was, is gone with its reader. */
    assert_true(channel_len(r) > 10 && channel_len(r) < 20);
    close(fd);
    close(slow);
    rig_close(r);
}

static void flooded_reader_is_closed(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    struct ipc_limits limits = r->limits;
    limits.unread_max = 1 << 20;
    rig_limit(r, limits);
    int fd = rig_greet(r), slow = rig_greet(r);
    fill(r, fd, 50, 100000);
    for (uint32_t id = 1; id <= 50; id++)
        put_request(slow, id, recv_from("big"));
    rig_turn(r);
    assert_string_equal(r->reason, "too many of its replies are unread");
    assert_int_equal(rig_peers(r), 1);
    assert_true(channel_len(r) > 40);
    close(fd);
    close(slow);
    rig_close(r);
}

static void dead_receiver_loses_nothing(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    int fd = rig_greet(r), dead = rig_greet(r);
    fill(r, fd, 4, 10);
    for (uint32_t id = 1; id <= 4; id++)
        put_request(dead, id, recv_from("big"));
    close(dead);
    rig_turn(r);
    assert_int_equal(rig_peers(r), 1);
    assert_int_equal(channel_len(r), 4);
    close(fd);
    rig_close(r);
}

static void user_has_a_limit(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    struct ipc_limits limits = r->limits;
    limits.peers_uid_max = 2;
    rig_limit(r, limits);
    int a = rig_greet(r), b = rig_greet(r), c = rig_connect(r);
    rig_turn(r);
    assert_int_equal(rig_peers(r), 2);
    assert_int_equal(r->refused, 1);
    assert_true(is_closed(c));
    close(a);
    rig_turn(r);
    int d = rig_greet(r);
    assert_int_equal(rig_peers(r), 2);
    close(b);
    close(c);
    close(d);
    rig_close(r);
}

static void out_of_descriptors_turns_away(void **state)
{
    (void)state;
    struct rig *r = rig_open();
    struct rlimit was, now;
    int client = rig_connect(r);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    int highest = dup(client);
    now = was;
    now.rlim_cur = (rlim_t)highest;
    close(highest);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    rig_turn(r);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_string_equal(r->reason, "no file descriptor is left");
    assert_true(is_closed(client));
    close(client);
    int fd = rig_greet(r);
    close(fd);
    rig_close(r);
}

static void a_thousand_connections(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct rig *r = rig_open();
    static int fds[COUNT];
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    uint8_t greeting[SP_GREETING_SIZE];
    sp_greet(SP_REQ, greeting);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = rig_connect(r);
        put(fds[i], greeting, sizeof(greeting));
        put_request(fds[i], 1, ping());
    }
    rig_turn(r);
    assert_int_equal(rig_peers(r), COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(recv(fds[i], greeting, sizeof(greeting), MSG_DONTWAIT), sizeof(greeting));
        want_status(fds[i], 1, SLUICE__V1__STATUS__OK);
        close(fds[i]);
    }
    rig_turn(r);
    assert_int_equal(rig_peers(r), 0);
    assert_int_equal(rig_sessions(r), 0);
    rig_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(any_cut_of_the_stream_is_good),
        cmocka_unit_test(send_and_leave_is_done),
        cmocka_unit_test(garbage_is_closed),
        cmocka_unit_test(malformed_body_is_answered),
        cmocka_unit_test(truncated_frame_leaves_nothing),
        cmocka_unit_test(oversized_is_refused_and_skipped),
        cmocka_unit_test(large_frame_grows),
        cmocka_unit_test(devices_are_answered),
        cmocka_unit_test(silent_peer_is_closed),
        cmocka_unit_test(slow_reader_is_paused),
        cmocka_unit_test(stalled_reader_is_closed),
        cmocka_unit_test(flooded_reader_is_closed),
        cmocka_unit_test(dead_receiver_loses_nothing),
        cmocka_unit_test(user_has_a_limit),
        cmocka_unit_test(out_of_descriptors_turns_away),
        cmocka_unit_test(a_thousand_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

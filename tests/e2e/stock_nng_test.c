/*
 * stock_nng_test.c - clients that know nothing of libsluice: libnng's own REQ socket and the schema, over every address.
 *
 * This is what a client in any other language is: nng (or pynng, nng-rs, ...) and code made from sluice.proto. The daemon serves a unix socket,
 * which libnng does not know to be no libnng, and tcp, ws and tls through libnng itself. Everything is done on each of them.
 *
 * The certificate is for these tests alone: anybody may have its key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/transport/tls/tls.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice.pb-c.h"

typedef Sluice__V1__Request Request;
typedef Sluice__V1__Reply Reply;

enum { URLS = 4, ANSWER_TIME_MS = 20000 };

static const char cert_pem[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIBfzCCASWgAwIBAgIUC6rjV5FnyGykOvAUpQ8FVm08oocwCgYIKoZIzj0EAwIw\n"
                               "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE3NDAyNloYDzIxMjYxMDMw\n"
                               "MTc0MDI2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
                               "PQMBBwNCAASoHY9husGOrM85tKxkEDdaI7kD06fK0DnN6eSfEpd7phDCpB41Kce9\n"
                               "fyHcTxTU8W3pl1G9x+PrZgl6gzC/JxbXo1MwUTAdBgNVHQ4EFgQUQm2mEnZbCuSn\n"
                               "geJ8bDZYpZ1sJxEwHwYDVR0jBBgwFoAUQm2mEnZbCuSngeJ8bDZYpZ1sJxEwDwYD\n"
                               "VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAuysB3qTrHDri2AIOk4sm\n"
                               "9B9vpUDzXqMD5sK2bbCzIswCICNWmKP0zKiqNyUkfEzXcHh/2ET76Xg1WpGHWvYa\n"
                               "2hkI\n"
                               "-----END CERTIFICATE-----\n";
static const char key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgehhBrHtPeHTeGG9I\n"
                              "sDPaVzW+D/S6s84Hsgf6UYX1WrGhRANCAASoHY9husGOrM85tKxkEDdaI7kD06fK\n"
                              "0DnN6eSfEpd7phDCpB41Kce9fyHcTxTU8W3pl1G9x+PrZgl6gzC/JxbX\n"
                              "-----END PRIVATE KEY-----\n";

static char folder[64], urls[URLS][128];
static pid_t daemon_pid;

/* ---- The daemon. ---- */

static void in_folder(char *buf, size_t size, const char *name)
{
    (void)snprintf(buf, size, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    char path[96];
    in_folder(path, sizeof(path), name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Ports that nobody has: all are taken before any is given back. */
static void find_ports(int *ports, int count)
{
    int fds[URLS];
    for (int i = 0; i < count; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(at);
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(fds[i], (const struct sockaddr *)&at, size), 0);
        assert_int_equal(getsockname(fds[i], (struct sockaddr *)&at, &size), 0);
        ports[i] = ntohs(at.sin_port);
    }
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

static void run_daemon(void)
{
    char socket_path[96], cert[96], key[96];
    in_folder(socket_path, sizeof(socket_path), "s");
    in_folder(cert, sizeof(cert), "cert.pem");
    in_folder(key, sizeof(key), "key.pem");
    const char *program = getenv("SLUICED");
    execl(program ? program : SLUICED_PATH, "sluiced", "--config", "/dev/null", "--audit", "--socket",
          socket_path, "--listen", urls[1], "--listen", urls[2], "--listen", urls[3], "--tls-cert", cert,
          "--tls-key", key, (char *)NULL);
    _exit(127);
}

static int start(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/sluice-stock-XXXXXX");
    assert_non_null(mkdtemp(folder));
    write_file("cert.pem", cert_pem);
    write_file("key.pem", key_pem);
    int ports[3];
    find_ports(ports, 3);
    (void)snprintf(urls[0], sizeof(urls[0]), "ipc://%s/s", folder);
    (void)snprintf(urls[1], sizeof(urls[1]), "tcp://127.0.0.1:%d", ports[0]);
    (void)snprintf(urls[2], sizeof(urls[2]), "ws://127.0.0.1:%d/sluice", ports[1]);
    (void)snprintf(urls[3], sizeof(urls[3]), "tls+tcp://127.0.0.1:%d", ports[2]);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    in_folder(at.sun_path, sizeof(at.sun_path), "n");
    int notified = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(notified, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
    daemon_pid = fork();
    if (daemon_pid == 0)
        run_daemon();
    struct timeval patience = {.tv_sec = 30};
    assert_int_equal(setsockopt(notified, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    char text[512];
    ssize_t n = recv(notified, text, sizeof(text), 0);
    assert_true(n > 8 && memcmp(text, "READY=1\n", 8) == 0);
    close(notified);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    int status = 0;
    assert_int_equal(kill(daemon_pid, SIGTERM), 0);
    assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    static const char *const names[] = {"cert.pem", "key.pem", "n"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[96];
        in_folder(path, sizeof(path), names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

/* ---- A client. ---- */

static nng_socket dial(const char *url)
{
    nng_socket s;
    nng_dialer d;
    assert_int_equal(nng_req0_open(&s), 0);
    assert_int_equal(nng_dialer_create(&d, s, url), 0);
    if (strncmp(url, "tls", 3) == 0) {
        nng_tls_config *tls;
        assert_int_equal(nng_tls_config_alloc(&tls, NNG_TLS_MODE_CLIENT), 0);
        assert_int_equal(nng_tls_config_auth_mode(tls, NNG_TLS_AUTH_MODE_NONE), 0);
        assert_int_equal(nng_dialer_set_ptr(d, NNG_OPT_TLS_CONFIG, tls), 0);
        nng_tls_config_free(tls);
    }
    assert_int_equal(nng_dialer_start(d, 0), 0);
    assert_int_equal(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, ANSWER_TIME_MS), 0);
    assert_int_equal(nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, ANSWER_TIME_MS), 0);
    return s;
}

/* A request under way in a context of its own. */
struct asked {
    nng_ctx ctx;
    nng_aio *aio;
};

static nng_msg *message_of(const Request *request)
{
    nng_msg *msg;
    size_t size = sluice__v1__request__get_packed_size(request);
    assert_int_equal(nng_msg_alloc(&msg, size), 0);
    assert_int_equal(sluice__v1__request__pack(request, nng_msg_body(msg)), size);
    return msg;
}

static struct asked ask(nng_socket s, const Request *request, nng_duration resend_ms)
{
    struct asked a;
    assert_int_equal(nng_ctx_open(&a.ctx, s), 0);
    assert_int_equal(nng_ctx_set_ms(a.ctx, NNG_OPT_REQ_RESENDTIME, resend_ms), 0);
    assert_int_equal(nng_aio_alloc(&a.aio, NULL, NULL), 0);
    nng_aio_set_timeout(a.aio, ANSWER_TIME_MS);
    nng_aio_set_msg(a.aio, message_of(request));
    nng_ctx_send(a.ctx, a.aio);
    nng_aio_wait(a.aio);
    assert_int_equal(nng_aio_result(a.aio), 0);
    nng_ctx_recv(a.ctx, a.aio);
    return a;
}

static Reply *answer(struct asked *a)
{
    nng_aio_wait(a->aio);
    assert_int_equal(nng_aio_result(a->aio), 0);
    nng_msg *msg = nng_aio_get_msg(a->aio);
    Reply *reply = sluice__v1__reply__unpack(NULL, nng_msg_len(msg), nng_msg_body(msg));
    assert_non_null(reply);
    nng_msg_free(msg);
    nng_aio_free(a->aio);
    (void)nng_ctx_close(a->ctx);
    return reply;
}

/* Ask and be answered with this status. The caller frees it. */
static Reply *call(nng_socket s, const Request *request, Sluice__V1__Status status)
{
    struct asked a = ask(s, request, NNG_DURATION_INFINITE);
    Reply *reply = answer(&a);
    assert_int_equal(reply->status, status);
    return reply;
}

static void *close_run(void *socket)
{
    nng_close(*(nng_socket *)socket);
    free(socket);
    return NULL;
}

/*
 * Close a socket of libnng's. Version 1.5.2 has a race in which nng_close never returns, though the connection is closed: so it runs
 * in a thread of its own, which is waited for, but not for ever.
 */
static void close_socket(nng_socket s)
{
    nng_socket *copy = malloc(sizeof(*copy));
    pthread_t thread;
    struct timespec until;
    assert_non_null(copy);
    *copy = s;
    assert_int_equal(pthread_create(&thread, NULL, close_run, copy), 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 3;
    if (pthread_timedjoin_np(thread, NULL, &until) != 0)
        pthread_detach(thread);
}

static void done(Reply *reply)
{
    sluice__v1__reply__free_unpacked(reply, NULL);
}

/* ---- Requests: each valid until the next one is made. ---- */

static Request request;
static Sluice__V1__Ref ref_message;

static void begin(Sluice__V1__Request__OpCase op, const char *name)
{
    sluice__v1__request__init(&request);
    sluice__v1__ref__init(&ref_message);
    request.op_case = op;
    ref_message.has_name = 1;
    ref_message.name = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)name, .len = strlen(name)};
}

static const Request *make(const char *name, int64_t cap)
{
    static Sluice__V1__Make message;
    static Sluice__V1__ChannelSpec spec;
    begin(SLUICE__V1__REQUEST__OP_MAKE, name);
    sluice__v1__make__init(&message);
    sluice__v1__channel_spec__init(&spec);
    message.has_name = 1;
    message.name = ref_message.name;
    message.spec_case = SLUICE__V1__MAKE__SPEC_CHANNEL;
    message.channel = &spec;
    spec.has_cap = 1;
    spec.cap = cap;
    request.make = &message;
    return &request;
}

static const Request *send_text(const char *name, const void *data, size_t size)
{
    static Sluice__V1__Send message;
    static Sluice__V1__Value value;
    begin(SLUICE__V1__REQUEST__OP_SEND, name);
    sluice__v1__send__init(&message);
    sluice__v1__value__init(&value);
    message.ref = &ref_message;
    message.value = &value;
    value.kind_case = SLUICE__V1__VALUE__KIND_RAW;
    value.raw = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)data, .len = size};
    request.send = &message;
    return &request;
}

static const Request *recv_from(const char *name, uint64_t seq)
{
    static Sluice__V1__Recv message;
    begin(SLUICE__V1__REQUEST__OP_RECV, name);
    sluice__v1__recv__init(&message);
    message.ref = &ref_message;
    request.recv = &message;
    request.has_seq = seq != 0;
    request.seq = seq;
    return &request;
}

static const Request *describe(const char *name)
{
    static Sluice__V1__Describe message;
    begin(SLUICE__V1__REQUEST__OP_DESCRIBE, name);
    sluice__v1__describe__init(&message);
    message.ref = &ref_message;
    request.describe = &message;
    return &request;
}

static void want_item(Reply *reply, const void *data, size_t size)
{
    assert_non_null(reply->item);
    assert_int_equal(reply->item->value->raw.len, size);
    assert_memory_equal(reply->item->value->raw.data, data, size);
    done(reply);
}

/* Ask what a channel is until so many receivers wait on it: what has been sent to the daemon may not have arrived. */
static void await_receivers(nng_socket s, const char *name, uint64_t count)
{
    for (;;) {
        Reply *reply = call(s, describe(name), SLUICE__V1__STATUS__OK);
        uint64_t receivers = reply->description->receivers;
        done(reply);
        if (receivers == count)
            return;
    }
}

/* ---- The tests: *state is the URL. ---- */

static void send_and_receive(void **state)
{
    nng_socket s = dial(*state);
    done(call(s, make("a", 2), SLUICE__V1__STATUS__OK));
    for (int i = 0; i < 200; i++) {
        done(call(s, send_text("a", &i, sizeof(i)), SLUICE__V1__STATUS__OK));
        want_item(call(s, recv_from("a", 0), SLUICE__V1__STATUS__OK), &i, sizeof(i));
    }
    close_socket(s);
}

/* Many requests of one socket wait in the daemon at once, and another socket answers them in their order. */
static void waiting_requests(void **state)
{
    enum { COUNT = 64 };
    nng_socket s = dial(*state), other = dial(urls[0]);
    char name[2] = "b";
    struct asked asked[COUNT];
    done(call(other, make(name, 0), SLUICE__V1__STATUS__OK));
    for (uint64_t i = 0; i < COUNT; i++) {
        asked[i] = ask(s, recv_from(name, 0), NNG_DURATION_INFINITE);
        await_receivers(other, name, i + 1);
    }
    for (int i = 0; i < COUNT; i++)
        done(call(other, send_text(name, &i, sizeof(i)), SLUICE__V1__STATUS__OK));
    for (int i = 0; i < COUNT; i++)
        want_item(answer(&asked[i]), &i, sizeof(i));
    close_socket(s);
    close_socket(other);
}

/* REQ asks again and again; the request has a number, so it waits once and takes one item. */
static void repeats_are_harmless(void **state)
{
    nng_socket s = dial(*state), other = dial(urls[0]);
    done(call(other, make("c", 4), SLUICE__V1__STATUS__OK));
    struct asked waiting = ask(s, recv_from("c", 1), 1);
    await_receivers(other, "c", 1);
    for (int i = 0; i < 100; i++)
        await_receivers(other, "c", 1);
    done(call(other, send_text("c", "1", 1), SLUICE__V1__STATUS__OK));
    done(call(other, send_text("c", "2", 1), SLUICE__V1__STATUS__OK));
    want_item(answer(&waiting), "1", 1);
    want_item(call(other, recv_from("c", 0), SLUICE__V1__STATUS__OK), "2", 1);
    close_socket(s);
    close_socket(other);
}

/* The socket closes with a request waiting: the waiter is gone, and the next value goes to who is there. */
static void death_is_seen(void **state)
{
    nng_socket s = dial(*state), other = dial(urls[0]);
    done(call(other, make("d", 0), SLUICE__V1__STATUS__OK));
    struct asked waiting = ask(s, recv_from("d", 0), NNG_DURATION_INFINITE);
    await_receivers(other, "d", 1);
    close_socket(s);
    nng_aio_wait(waiting.aio);
    assert_int_not_equal(nng_aio_result(waiting.aio), 0);
    nng_aio_free(waiting.aio);
    await_receivers(other, "d", 0);
    close_socket(other);
}

static void payload_of_a_mebibyte(void **state)
{
    enum { SIZE = 1 << 20 };
    nng_socket s = dial(*state);
    uint8_t *data = malloc(SIZE + 1);
    assert_non_null(data);
    for (int i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 31);
    done(call(s, make("e", 2), SLUICE__V1__STATUS__OK));
    done(call(s, send_text("e", data, SIZE), SLUICE__V1__STATUS__OK));
    want_item(call(s, recv_from("e", 0), SLUICE__V1__STATUS__OK), data, SIZE);
    Reply *reply = call(s, send_text("e", data, SIZE + 1), SLUICE__V1__STATUS__TOO_LARGE);
    assert_non_null(reply->limit);
    assert_int_equal(reply->limit->value, SIZE);
    assert_int_equal(reply->limit->use, SIZE + 1);
    done(reply);
    free(data);
    close_socket(s);
}

/* A session is opened, its connection lost, and resumed on another: what it waited for is still waited for. */
static void session_resumes(void **state)
{
    uint8_t id[16] = {1, 2, 3};
    static Sluice__V1__Hello message;
    nng_socket s = dial(*state), other = dial(urls[0]);
    char name[16];
    memcpy(id + 8, *state, 3);
    (void)snprintf(name, sizeof(name), "f/%.2s", (const char *)*state);
    done(call(other, make(name, 4), SLUICE__V1__STATUS__OK));
    sluice__v1__hello__init(&message);
    message.has_major = message.has_minor = message.has_session = message.has_resume_window_ns = 1;
    message.major = 1;
    message.session = (ProtobufCBinaryData){.data = id, .len = sizeof(id)};
    message.resume_window_ns = UINT64_C(3600000000000);
    for (int round = 0; round < 2; round++) {
        begin(SLUICE__V1__REQUEST__OP_HELLO, "");
        request.hello = &message;
        Reply *reply = call(s, &request, SLUICE__V1__STATUS__OK);
        assert_int_equal(reply->hello->resumed, round);
        assert_int_equal(reply->hello->lease_ns > 0, *state != urls[0]);
        done(reply);
        struct asked waiting = ask(s, recv_from(name, 1), NNG_DURATION_INFINITE);
        await_receivers(other, name, 1);
        if (round == 0) {
            close_socket(s);
            nng_aio_wait(waiting.aio);
            nng_aio_free(waiting.aio);
            s = dial(*state);
        } else {
            done(call(other, send_text(name, "x", 1), SLUICE__V1__STATUS__OK));
            want_item(answer(&waiting), "x", 1);
        }
    }
    begin(SLUICE__V1__REQUEST__OP_BYE, "");
    static Sluice__V1__Bye bye;
    sluice__v1__bye__init(&bye);
    request.bye = &bye;
    done(call(s, &request, SLUICE__V1__STATUS__OK));
    close_socket(s);
    close_socket(other);
}

/* Bytes that are no request are answered, by the same connection as before. */
static void garbage_is_answered(void **state)
{
    nng_socket s = dial(*state);
    for (size_t size = 0; size < 64; size++) {
        uint8_t *reply_body;
        size_t reply_size;
        uint8_t body[64];
        memset(body, 0xff, sizeof(body));
        assert_int_equal(nng_send(s, body, size, 0), 0);
        assert_int_equal(nng_recv(s, &reply_body, &reply_size, NNG_FLAG_ALLOC), 0);
        Reply *reply = sluice__v1__reply__unpack(NULL, reply_size, reply_body);
        assert_non_null(reply);
        assert_int_equal(reply->status,
                         size ? SLUICE__V1__STATUS__MALFORMED : SLUICE__V1__STATUS__UNKNOWN_OP);
        done(reply);
        nng_free(reply_body, reply_size);
    }
    close_socket(s);
}

static void many_sockets(void **state)
{
    enum { COUNT = 30 };
    nng_socket sockets[COUNT];
    for (int i = 0; i < COUNT; i++)
        sockets[i] = dial(*state);
    done(call(sockets[0], make("g", COUNT), SLUICE__V1__STATUS__OK));
    for (int i = 0; i < COUNT; i++)
        done(call(sockets[i], send_text("g", &i, sizeof(i)), SLUICE__V1__STATUS__OK));
    for (int i = 0; i < COUNT; i++)
        want_item(call(sockets[COUNT - 1 - i], recv_from("g", 0), SLUICE__V1__STATUS__OK), &i, sizeof(i));
    for (int i = 0; i < COUNT; i++)
        close_socket(sockets[i]);
}

int main(void)
{
#define ON_EACH(test)                                                                         \
    {#test " (ipc)", test, NULL, NULL, urls[0]}, {#test " (tcp)", test, NULL, NULL, urls[1]}, \
        {#test " (ws)", test, NULL, NULL, urls[2]},                                           \
    {                                                                                         \
#test " (tls)", test, NULL, NULL, urls[3]                                             \
    }
    const struct CMUnitTest tests[] = {
        ON_EACH(send_and_receive),    ON_EACH(waiting_requests),      ON_EACH(repeats_are_harmless),
        ON_EACH(death_is_seen),       ON_EACH(payload_of_a_mebibyte), ON_EACH(session_resumes),
        ON_EACH(garbage_is_answered), ON_EACH(many_sockets),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

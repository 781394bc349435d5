/*
 * remote_nng.c - the transport on every nng URL that is not a unix socket: tcp, tls+tcp, ws, wss.
 *
 * A module of its own, loaded when such a URL is first used, so that only then libnng and its threads come into the process. It turns the
 * connection's stream of SP frames into nng messages and back. The socket is a raw REQ: a frame's request id is the message's
 * header, so that nng matches nothing, keeps nothing and re-sends nothing; numbers, re-sending and resuming are the session's
 * business, which knows what it is doing.
 *
 * nng's callbacks run on its own threads. They do nothing but move a message from or to a queue under the lock and signal an eventfd, which
 * is the descriptor that the connection waits on. One send and one receive are under way at a time; back-pressure is the peer's, through the
 * one send. A pipe that ends ends the transport: the connection dials again with a new socket, and the session is resumed.
 *
 * Limits: a message of at most 256 MiB is received; half a frame is kept until the rest comes. Cost: each message is copied once each way.
 */
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "transport.h"
#include "util.h"

#define MESSAGE_SIZE_MAX ((size_t)256 << 20)
#define LENGTH_SIZE      9 /* 01 and the length */
#define ID_SIZE          4

struct bytes {
    uint8_t *data;
    size_t head, tail, size;
};

struct remote {
    nng_socket socket;
    nng_aio *send_aio, *recv_aio;
    int event_fd;
    pthread_mutex_t lock;
    bool connected, sending, receiving, closing;
    int error;        /* why it ended; 0: it lives */
    struct bytes out; /* frames not yet given to nng */
    struct bytes in;  /* frames for the connection */
};

static int errno_of(int nng_error)
{
    switch (nng_error) {
    case NNG_ECONNREFUSED: return -ECONNREFUSED;
    case NNG_EADDRINVAL:
    case NNG_EINVAL: return -EINVAL;
    case NNG_ENOMEM: return -ENOMEM;
    case NNG_ETIMEDOUT: return -ETIMEDOUT;
    case NNG_EPERM: return -EPERM;
    case NNG_EUNREACHABLE: return -EHOSTUNREACH;
    case NNG_ENOTSUP: return -EPROTONOSUPPORT;
    case NNG_EPEERAUTH:
    case NNG_ECRYPTO: return -EPROTO;
    default: return -ECONNRESET;
    }
}

/* ---- Queues of bytes. */

static size_t used(const struct bytes *b)
{
    return b->tail - b->head;
}

/* Room for size bytes at the end; NULL: no memory. */
static uint8_t *room(struct bytes *b, size_t size)
{
    if (b->head == b->tail)
        b->head = b->tail = 0;
    if (b->size - b->tail < size) {
        size_t there = used(b), grown = b->size < 4096 ? 4096 : b->size;
        while (grown - there < size)
            grown *= 2;
        uint8_t *data = malloc(grown);
        if (data == NULL)
            return NULL;
        if (there > 0)
            memcpy(data, b->data + b->head, there);
        free(b->data);
        *b = (struct bytes){.data = data, .tail = there, .size = grown};
    }
    return b->data + b->tail;
}

static uint64_t big_endian(const uint8_t *at, size_t size)
{
    uint64_t n = 0;
    for (size_t i = 0; i < size; i++)
        n = n << 8 | at[i];
    return n;
}

/* ---- With the lock. */

static void wake(struct remote *r)
{
    eventfd_write(r->event_fd, 1);
}

static void fail(struct remote *r, int error)
{
    if (r->error == 0)
        r->error = error;
    wake(r);
}

/* Gives nng the next whole frame, if there is one and the one before has gone. */
static void send_next(struct remote *r)
{
    if (r->sending || !r->connected || r->error != 0 || used(&r->out) < LENGTH_SIZE + ID_SIZE)
        return;
    const uint8_t *at = r->out.data + r->out.head;
    uint64_t size = big_endian(at + 1, 8);
    if (used(&r->out) < LENGTH_SIZE + size)
        return;
    nng_msg *message;
    int e = nng_msg_alloc(&message, 0);
    if (e == 0) {
        e = nng_msg_header_append(message, at + LENGTH_SIZE, ID_SIZE);
        if (e == 0)
            e = nng_msg_append(message, at + LENGTH_SIZE + ID_SIZE, (size_t)size - ID_SIZE);
        if (e != 0)
            nng_msg_free(message);
    }
    if (e != 0) {
        fail(r, -ENOMEM);
        return;
    }
    r->out.head += (size_t)(LENGTH_SIZE + size);
    r->sending = true;
    nng_aio_set_msg(r->send_aio, message);
    nng_send_aio(r->socket, r->send_aio);
}

static void receive_next(struct remote *r)
{
    if (r->receiving || r->closing)
        return;
    r->receiving = true;
    nng_recv_aio(r->socket, r->recv_aio);
}

/* A message becomes a frame of the stream. */
static void take(struct remote *r, nng_msg *message)
{
    size_t size = nng_msg_len(message);
    if (nng_msg_header_len(message) != ID_SIZE)
        return; /* no reply to a request */
    uint8_t *at = room(&r->in, LENGTH_SIZE + ID_SIZE + size);
    if (at == NULL) {
        fail(r, -ENOMEM);
        return;
    }
    uint64_t length = size + ID_SIZE;
    at[0] = 1;
    for (int i = 0; i < 8; i++)
        at[1 + i] = (uint8_t)(length >> (56 - 8 * i));
    memcpy(at + LENGTH_SIZE, nng_msg_header(message), ID_SIZE);
    if (size > 0)
        memcpy(at + LENGTH_SIZE + ID_SIZE, nng_msg_body(message), size);
    r->in.tail += LENGTH_SIZE + ID_SIZE + size;
    wake(r);
}

/* ---- nng's callbacks. */

static void on_sent(void *argument)
{
    struct remote *r = argument;
    int e = nng_aio_result(r->send_aio);
    pthread_mutex_lock(&r->lock);
    r->sending = false;
    if (e != 0) {
        nng_msg_free(nng_aio_get_msg(r->send_aio));
        nng_aio_set_msg(r->send_aio, NULL);
        fail(r, errno_of(e));
    }
    send_next(r);
    pthread_mutex_unlock(&r->lock);
}

static void on_received(void *argument)
{
    struct remote *r = argument;
    int e = nng_aio_result(r->recv_aio);
    nng_msg *message = e == 0 ? nng_aio_get_msg(r->recv_aio) : NULL;
    pthread_mutex_lock(&r->lock);
    r->receiving = false;
    if (message != NULL) {
        take(r, message);
        receive_next(r);
    } else {
        fail(r, errno_of(e));
    }
    pthread_mutex_unlock(&r->lock);
    if (message != NULL)
        nng_msg_free(message);
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct remote *r = argument;
    (void)pipe;
    pthread_mutex_lock(&r->lock);
    if (event == NNG_PIPE_EV_ADD_POST) {
        r->connected = true;
        send_next(r);
    } else if (event == NNG_PIPE_EV_REM_POST) {
        fail(r, -ECONNRESET);
    }
    pthread_mutex_unlock(&r->lock);
}

/* ---- The transport. */

static void remote_stop(void *t)
{
    struct remote *r = t;
    pthread_mutex_lock(&r->lock);
    fail(r, -ECONNRESET);
    pthread_mutex_unlock(&r->lock);
}

static void remote_close(void *t)
{
    struct remote *r = t;
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->closing = true;
    pthread_mutex_unlock(&r->lock);
    nng_close(r->socket);
    /* No callback runs after these. */
    nng_aio_stop(r->send_aio);
    nng_aio_stop(r->recv_aio);
    nng_aio_free(r->send_aio);
    nng_aio_free(r->recv_aio);
    close(r->event_fd);
    pthread_mutex_destroy(&r->lock);
    free(r->out.data);
    free(r->in.data);
    free(r);
}

static int set_up(struct remote *r, const char *url)
{
    int e = nng_aio_alloc(&r->send_aio, on_sent, r);
    if (e == 0)
        e = nng_aio_alloc(&r->recv_aio, on_received, r);
    if (e == 0)
        e = nng_socket_set_size(r->socket, NNG_OPT_RECVMAXSZ, MESSAGE_SIZE_MAX);
    if (e == 0)
        e = nng_pipe_notify(r->socket, NNG_PIPE_EV_ADD_POST, on_pipe, r);
    if (e == 0)
        e = nng_pipe_notify(r->socket, NNG_PIPE_EV_REM_POST, on_pipe, r);
    /* The first attempt is awaited: it says whether anybody is there. */
    if (e == 0)
        e = nng_dial(r->socket, url, NULL, 0);
    return e == 0 ? 0 : errno_of(e);
}

/* The first socket starts nng's threads. They take no signals: these are the program's, which may wait for them with a signalfd. */
static int open_socket(nng_socket *ret)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int e = nng_req0_open_raw(ret);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return e;
}

static int remote_open(const char *url, void **ret)
{
    struct remote *r = calloc(1, sizeof *r);
    if (r == NULL)
        return -ENOMEM;
    r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->event_fd < 0) {
        int error = -errno;
        free(r);
        return error;
    }
    int e = open_socket(&r->socket);
    if (e != 0) {
        close(r->event_fd);
        free(r);
        return errno_of(e);
    }
    pthread_mutex_init(&r->lock, NULL);
    int error = set_up(r, url);
    if (error != 0) {
        remote_close(r);
        return error;
    }
    pthread_mutex_lock(&r->lock);
    receive_next(r);
    pthread_mutex_unlock(&r->lock);
    *ret = r;
    return 0;
}

static int remote_fd(void *t)
{
    struct remote *r = t;
    return r->event_fd;
}

static ssize_t remote_send(void *t, const void *data, size_t size)
{
    struct remote *r = t;
    pthread_mutex_lock(&r->lock);
    ssize_t result = r->error != 0 ? r->error : (ssize_t)size;
    uint8_t *at = result < 0 ? NULL : room(&r->out, size);
    if (at != NULL) {
        memcpy(at, data, size);
        r->out.tail += size;
        send_next(r);
    } else if (result >= 0) {
        result = -ENOMEM;
    }
    pthread_mutex_unlock(&r->lock);
    return result;
}

/* What is there; -EAGAIN when nothing is. */
static ssize_t take_in(struct remote *r, void *data, size_t size)
{
    eventfd_t count;
    pthread_mutex_lock(&r->lock);
    size_t n = used(&r->in) < size ? used(&r->in) : size;
    ssize_t result = (ssize_t)n;
    if (n > 0) {
        memcpy(data, r->in.data + r->in.head, n);
        r->in.head += n;
    } else {
        result = r->error != 0 ? r->error : -EAGAIN;
    }
    if (used(&r->in) == 0 && r->error == 0)
        eventfd_read(r->event_fd, &count);
    pthread_mutex_unlock(&r->lock);
    return result;
}

static ssize_t remote_recv(void *t, void *data, size_t size, int64_t timeout_ns)
{
    struct remote *r = t;
    int64_t until = timeout_ns < 0 ? NEVER : timeout_ns == 0 ? 0 : time_add(now_ns(), timeout_ns);
    for (;;) {
        ssize_t n = take_in(r, data, size);
        if (n != -EAGAIN || timeout_ns == 0)
            return n;
        struct pollfd p = {.fd = r->event_fd, .events = POLLIN};
        int ready = poll(&p, 1, poll_ms_until(until));
        if (ready <= 0)
            return ready == 0 ? -EAGAIN : -errno;
    }
}

__attribute__((visibility("default"))) extern const struct transport_ops sluice_transport_nng;
const struct transport_ops sluice_transport_nng = {
    .greets = false,
    .local = false,
    .open = remote_open,
    .stop = remote_stop,
    .close = remote_close,
    .fd = remote_fd,
    .send = remote_send,
    .recv = remote_recv,
};

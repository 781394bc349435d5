/*
 * io.c - reading, writing and handing out, by whoever waits.
 *
 * There is no thread of the library's own. Of the threads that wait on a connection one is the reader: it sits in the read, hands
 * every reply that comes to its call and wakes who waits for it, and leaves when its own is there; then one of the others takes over.
 * A thread that is alone does one write and one read a round trip, and nothing else.
 *
 * Writing is separate. Requests are gathered in `out`; a thread that finds nobody writing takes all of it as `wr` and sends it in
 * one call, without the lock, while others gather the next lot. Sends never wait: a daemon may stop reading us until
 * we read it, so that a thread that waited in a write while nobody reads could wait for ever. What the socket does not take is left to the
 * reader, who then polls for both ways; if the reader sits in a plain read already, the writer polls for itself (io_push).
 *
 * A transport that failed is LOST and closed once neither reader nor writer is in it.
 */
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "future.h"

#define IN_SIZE          65536
#define IN_KEEP_SIZE     (1 << 20)
#define FRAME_SIZE_MAX   (UINT64_C(256) << 20)
#define PUSH_SLICE_NS    (10 * SLUICE_MILLISECOND)
#define HELLO_NS         (5 * SLUICE_SECOND)
#define HEARTBEATS       3 /* a lease */
#define BACKOFF_NS       SLUICE_MILLISECOND
#define BACKOFF_MAX_NS   (200 * SLUICE_MILLISECOND)
#define BACKOFF_START_NS (20 * SLUICE_MILLISECOND) /* the most while a daemon is starting */

uint8_t *buffer_room(struct buffer *b, size_t size)
{
    if (b->size - b->tail >= size)
        return b->data + b->tail;
    size_t used = buffer_used(b);
    if (b->size - used < size) {
        size_t grown = b->size < 4096 ? 4096 : b->size;
        while (grown - used < size)
            grown *= 2;
        uint8_t *data = malloc(grown);
        if (data == NULL)
            return NULL;
        if (used > 0)
            memcpy(data, b->data + b->head, used);
        free(b->data);
        b->data = data;
        b->size = grown;
    } else {
        memmove(b->data, b->data + b->head, used);
    }
    b->head = 0;
    b->tail = used;
    return b->data + used;
}

/* ---- Losing the transport. */

void io_lost(sluice *s, int error)
{
    if (s->state != CONN_UP && s->state != CONN_HELLO)
        return;
    s->state = CONN_LOST;
    s->ops->stop(s->transport); /* for the reader, if it is another thread */
    const char *at = s->address;
    if (error == 0)
        snprintf(s->why, sizeof s->why, "sluiced at %s closed the connection", at);
    else if (error == -EPROTO)
        snprintf(s->why, sizeof s->why, "what answers at %s is not sluiced", at);
    else
        snprintf(s->why, sizeof s->why, "the connection to sluiced at %s broke: %s", at,
                 strerrordesc_np(-error));
}

void io_settle(sluice *s)
{
    if (s->state != CONN_LOST || s->reading || s->writing)
        return;
    future_forget(s);
    s->ops->close(s->transport);
    s->transport = NULL;
    s->blocked = false;
    buffer_clear(&s->in);
    session_lost(s);
    assert(s->state == CONN_DOWN);
    /* The patience of those who follow is another now. */
    for (struct link *l = s->followers.next; l != &s->followers; l = l->next)
        io_wake(container_of(l, struct waiter, link));
}

/* ---- Writing. */

/* Makes what was gathered the writer's. Before the daemon has welcomed us only greeting and Hello go, which stand in wr. */
static bool take_output(sluice *s)
{
    if (buffer_used(&s->wr) > 0)
        return true;
    if (s->state != CONN_UP || buffer_used(&s->out) == 0)
        return false;
    struct buffer empty = s->wr;
    s->wr = s->out;
    s->out = empty;
    buffer_clear(&s->out);
    s->wr_offset = s->out_offset;
    s->out_offset += buffer_used(&s->wr);
    return true;
}

void io_flush(sluice *s)
{
    while (!s->writing && !s->blocked && (s->state == CONN_UP || s->state == CONN_HELLO) && take_output(s)) {
        s->writing = true;
        conn_unlock(s);
        ssize_t n = s->ops->send(s->transport, s->wr.data + s->wr.head, buffer_used(&s->wr));
        conn_lock(s);
        s->writing = false;
        if (n >= 0) {
            s->wr.head += (size_t)n;
            s->wr_offset += (size_t)n;
        } else if (n == -EAGAIN) {
            s->blocked = true;
        } else {
            io_lost(s, (int)n);
        }
    }
    io_settle(s);
}

void io_push(sluice *s, int64_t until_ns)
{
    int64_t slice = time_add(now_ns(), PUSH_SLICE_NS);
    struct pollfd p = {.fd = s->ops->fd(s->transport), .events = POLLOUT};
    s->writing = true;
    conn_unlock(s);
    poll(&p, 1, poll_ms_until(slice < until_ns ? slice : until_ns));
    conn_lock(s);
    s->writing = false;
    s->blocked = false;
    io_flush(s);
}

/* ---- Handing out. */

static uint64_t big_endian(const uint8_t *at, size_t size)
{
    uint64_t n = 0;
    for (size_t i = 0; i < size; i++)
        n = n << 8 | at[i];
    return n;
}

/* The peer's greeting: 0 done or not all there (then greeted is false), or -EPROTO. */
static int hand_greeting(sluice *s)
{
    static const uint8_t expected[SP_GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    size_t there = buffer_used(&s->in);
    size_t size = there < sizeof expected ? there : sizeof expected;
    if (size > 0 && memcmp(s->in.data + s->in.head, expected, size) != 0)
        return -EPROTO;
    if (size == sizeof expected) {
        s->greeted = true;
        s->in.head += size;
    }
    return 0;
}

/* The frame at the head of the input: 1 handed out, 0 not all there, or -errno. */
static int hand_frame(sluice *s)
{
    size_t there = buffer_used(&s->in);
    const uint8_t *at = s->in.data + s->in.head;
    if (there < SP_HEADER_SIZE)
        return 0;
    uint64_t size = big_endian(at + 1, 8);
    if (at[0] != 1 || size < 4 || size > FRAME_SIZE_MAX || (at[9] & 0x80) == 0)
        return -EPROTO;
    if (there < 9 + size)
        return buffer_room(&s->in, (size_t)(9 + size) - there) == NULL ? -ENOMEM : 0;
    uint32_t id = (uint32_t)big_endian(at + 9, 4) & INT32_MAX;
    s->in.head += (size_t)(9 + size);
    if (s->state != CONN_HELLO)
        call_deliver(s, id, at + SP_HEADER_SIZE, (size_t)size - 4);
    else if (id == CALL_ID_HELLO)
        session_welcome(s, at + SP_HEADER_SIZE, (size_t)size - 4);
    return 1;
}

static void hand_out(sluice *s)
{
    int r = s->greeted ? 0 : hand_greeting(s);
    if (r == 0 && s->greeted) {
        do
            r = hand_frame(s);
        while (r == 1 && s->state != CONN_LOST);
    }
    if (r < 0)
        io_lost(s, r);
    if (buffer_used(&s->in) > 0)
        return;
    buffer_clear(&s->in);
    if (s->in.size > IN_KEEP_SIZE) {
        free(s->in.data);
        s->in = (struct buffer){0};
    }
}

/* ---- Interruption: withdraws what waits, once for each interrupt. */

static void heed_interrupt(sluice *s)
{
    if (!s->interrupted || s->interrupt_seen)
        return;
    s->interrupt_seen = true;
    struct link *next;
    for (struct link *l = s->pending.next; l != &s->pending; l = next) {
        struct call *c = container_of(l, struct call, link);
        next = l->next;
        if (!c->waits)
            continue;
        if (s->state == CONN_UP)
            call_withdraw(s, c);
        else
            call_fail(s, c, c->sent ? SLUICE_UNAVAILABLE : SLUICE_CANCELED, "interrupted");
    }
}

/* Waits, without the lock, for the transport's fd (-1: none), for an interrupt, or for the time. What is ready of fd. */
static short wait_fd(sluice *s, int fd, short events, int64_t until_ns)
{
    struct pollfd p[] = {{.fd = fd, .events = events},
                         {.fd = s->interrupt_seen ? -1 : s->interrupt_fd, .events = POLLIN}};
    conn_unlock(s);
    poll(p, 2, poll_ms_until(until_ns));
    conn_lock(s);
    return p[0].revents;
}

/* ---- The reader's step. */

/* How long to wait before the next attempt: doubling, half of it random, so that clients of a daemon that restarts do not come as one. */
void io_back_off(sluice *s)
{
    int64_t most = s->start.lock_fd >= 0 ? BACKOFF_START_NS : BACKOFF_MAX_NS;
    s->backoff_ns = s->backoff_ns == 0 ? BACKOFF_NS : s->backoff_ns * 2;
    if (s->backoff_ns > most)
        s->backoff_ns = most;
    int64_t now = now_ns();
    int64_t half = s->backoff_ns / 2;
    s->attempt_ns = now + half + (now >> 4) % (half + 1);
}

static void fail_all(sluice *s, enum sluice_status status)
{
    while (!list_empty(&s->pending))
        call_fail(s, container_of(s->pending.next, struct call, link), status, NULL);
    buffer_clear(&s->out);
}

static void connect_now(sluice *s)
{
    struct dialed d;
    conn_unlock(s);
    int r = dial(s, &d);
    conn_lock(s);
    s->fatal = r < 0 ? d.fatal : SLUICE_OK;
    if (r < 0) {
        memcpy(s->why, d.why, sizeof s->why);
        io_back_off(s);
        if (s->fatal != SLUICE_OK) {
            dial_done(s);
            fail_all(s, s->fatal);
        }
        return;
    }
    if (s->address == NULL)
        s->address = d.address; /* for good: what was found once is gone back to */
    else
        free(d.address);
    s->searched = d.searched;
    s->ops = d.ops;
    s->transport = d.transport;
    s->state = CONN_HELLO;
    s->was_up = false;
    s->greeted = !s->ops->greets;
    s->heard_by_ns = now_ns() + HELLO_NS;
    if (session_hello(s) < 0)
        io_lost(s, -ENOMEM);
}

static void step_down(sluice *s, int64_t until_ns)
{
    if (now_ns() >= s->attempt_ns)
        connect_now(s);
    else if (until_ns != 0)
        wait_fd(s, -1, 0, s->attempt_ns < until_ns ? s->attempt_ns : until_ns);
}

/* When the reader has to look up at the latest. */
static int64_t read_limit(const sluice *s, int64_t until_ns)
{
    if (s->state == CONN_HELLO && s->heard_by_ns < until_ns)
        until_ns = s->heard_by_ns;
    if (s->state == CONN_UP && s->heartbeat_ns < until_ns)
        until_ns = s->heartbeat_ns;
    return until_ns;
}

static ssize_t read_some(sluice *s, int64_t until_ns)
{
    uint8_t *room = buffer_room(&s->in, s->in.size == 0 ? IN_SIZE : 1);
    if (room == NULL)
        return -ENOMEM;
    size_t size = s->in.size - s->in.tail;
    int64_t limit = read_limit(s, until_ns);
    int64_t timeout_ns = limit == NEVER ? -1 : limit - (limit == 0 ? 0 : now_ns());
    if (timeout_ns < 0 && limit != NEVER)
        timeout_ns = 0;
    if (until_ns != 0 && (s->blocked || (s->interrupt_fd >= 0 && !s->interrupt_seen))) {
        short events = s->blocked ? POLLIN | POLLOUT : POLLIN;
        short ready = wait_fd(s, s->ops->fd(s->transport), events, limit);
        if ((ready & POLLOUT) != 0)
            s->blocked = false;
        if ((ready & ~POLLOUT) == 0)
            return -EAGAIN;
        timeout_ns = 0;
    }
    conn_unlock(s);
    ssize_t n = s->ops->recv(s->transport, room, size, timeout_ns);
    conn_lock(s);
    return n;
}

/* Nothing came for a while: keeps a remote session's lease, and sees when nobody answers any more. */
static void beat(sluice *s)
{
    if (now_ns() < s->heartbeat_ns)
        return;
    s->heartbeat_ns = time_add(now_ns(), s->info.lease_ns / HEARTBEATS);
    if (++s->unanswered > HEARTBEATS)
        io_lost(s, -ETIMEDOUT);
    else
        call_ping(s);
}

static void step_read(sluice *s, int64_t until_ns)
{
    io_flush(s);
    if (s->state == CONN_LOST)
        return;
    ssize_t n = read_some(s, until_ns);
    if (s->state == CONN_LOST)
        return;
    if (n > 0) {
        buffer_commit(&s->in, (size_t)n);
        s->unanswered = 0;
        hand_out(s);
    } else if (n != -EAGAIN && n != -EINTR) {
        io_lost(s, (int)n);
    } else if (s->state == CONN_HELLO && now_ns() >= s->heard_by_ns) {
        io_lost(s, -ETIMEDOUT);
    } else if (s->state == CONN_UP && s->heartbeat_ns != NEVER) {
        beat(s);
    }
    io_flush(s);
}

void io_step(sluice *s, int64_t until_ns)
{
    assert(!s->reading);
    s->reading = true;
    heed_interrupt(s);
    if (s->state == CONN_DOWN) {
        step_down(s, until_ns);
    } else if (s->state == CONN_LOST) {
        conn_unlock(s);
        sched_yield(); /* the writer is on its way out */
        conn_lock(s);
    } else {
        step_read(s, until_ns);
    }
    s->reading = false;
    io_settle(s);
    future_watch(s);
}

/* ---- Those who do not read. */

void io_wake(struct waiter *w)
{
    atomic_store(&w->word, 1);
    futex_wake(&w->word);
}

void io_follow(sluice *s, struct waiter *w, int64_t until_ns)
{
    atomic_store(&w->word, 0);
    list_append(&s->followers, &w->link);
    conn_unlock(s);
    futex_wait(&w->word, 0, until_ns);
    conn_lock(s);
    list_remove(&w->link);
}

void io_leave(sluice *s)
{
    struct link *heirs = !list_empty(&s->followers) ? &s->followers : &s->anyone;
    if (!s->reading && !list_empty(heirs))
        io_wake(container_of(heirs->next, struct waiter, link));
}

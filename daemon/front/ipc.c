/*
 * ipc.c - see ipc.h.
 *
 * Closing. A connection that has to go while the engine's replies are on their way is only marked (doom) and put among the dirty; it is
 * closed by ipc_flush or, when it was found bad while being read, right there. Its number keeps later events of the round off.
 *
 * Half-closed connections are read to their end, since a client may send and leave: EPOLLHUP and EPOLLRDHUP need no care, the end is what
 * recv says. Only one that is not being read has to be told by EPOLLHUP.
 */
#include "ipc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    ACCEPTS_MAX = 256, /* a round */
    LISTENERS_MAX = 16,
};

/* How long a client has to read its last reply and close, before we do: libnng may lose a reply behind which the connection closes. */
#define LINGER_NS INT64_C(250000000)

/* What stands in epoll's data for what is no peer. */
#define LISTENER_BIT (UINT64_C(1) << 32)
#define WATCHED      (UINT64_C(1) << 33)

TAILQ_HEAD(peer_queue, peer);

struct ipc {
    struct front *front;
    struct ipc_limits limits;
    struct outbox_pool pool;
    int epoll_fd;
    int reserve_fd; /* given up for a moment when there are no others */
    int listeners[LISTENERS_MAX];
    uint32_t listeners_count;
    uint32_t count;
    struct peer_queue dirty;
    struct peer_queue waits[PEER_WAITS]; /* each in order of its deadline */
    struct inbox_scratch scratch;
};

static const struct carrier ipc_carrier;
static const char closed[] = "it closed";
static const char no_memory[] = "no memory for a connection";
static const char no_request_memory[] = "no memory for its requests";
static const char left[] = "its session ended";
static const char broken[] = "its connection broke";

static int64_t monotonic_now_ns(void)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- Peers: marks and lists. ---- */

static void peer_dirty(struct ipc *ipc, struct peer *p)
{
    if (!p->dirty)
        TAILQ_INSERT_TAIL(&ipc->dirty, p, dirty_link);
    p->dirty = true;
}

static void peer_stop_waiting(struct ipc *ipc, struct peer *p)
{
    if (p->wait != PEER_NOT_WAITING)
        TAILQ_REMOVE(&ipc->waits[p->wait], p, wait_link);
    p->wait = PEER_NOT_WAITING;
}

static void peer_start_waiting(struct ipc *ipc, struct peer *p, enum peer_wait wait, int64_t time_ns)
{
    peer_stop_waiting(ipc, p);
    p->wait = wait;
    p->wait_until_ns = monotonic_now_ns() + time_ns;
    TAILQ_INSERT_TAIL(&ipc->waits[wait], p, wait_link);
}

/* Tell epoll what to watch the peer for. */
static void peer_watch(struct ipc *ipc, struct peer *p)
{
    uint32_t events =
        (p->paused || p->finishing ? 0u : EPOLLIN) | (outbox_size(&p->outbox) > 0 ? EPOLLOUT : 0u);
    if (events == p->events)
        return;
    p->events = events;
    struct epoll_event event = {.events = events, .data.u64 = p->number};
    int r = epoll_ctl(ipc->epoll_fd, EPOLL_CTL_MOD, p->fd, &event);
    assert(r == 0);
}

static void peer_close(struct ipc *ipc, struct peer *p, enum front_event event, const char *reason)
{
    struct front *f = ipc->front;
    p->doom = reason;
    f->hooks.note(f->hooks.user, event, p, reason);
    if (p->dirty)
        TAILQ_REMOVE(&ipc->dirty, p, dirty_link);
    p->dirty = false;
    peer_stop_waiting(ipc, p);
    struct sp_frame frame;
    for (size_t cursor = 0; outbox_next_unsent(&p->outbox, &cursor, &frame);)
        front_undelivered(f, p, peer_unsent_route(p, &frame));
    outbox_clear(&p->outbox, &ipc->pool);
    (void)close(p->fd);
    ipc->count--;
    (void)front_hang_up(f, p);
}

/* ---- The carrier. ---- */

static void doom(struct peer *p, const char *reason)
{
    if (!p->doom)
        p->doom = reason;
    peer_dirty(p->owner, p);
}

static uint8_t *ipc_reserve(struct peer *p, uint32_t word, size_t size)
{
    struct ipc *ipc = p->owner;
    struct trace *trace = peer_trace(p, word);
    if (p->doom || (!trace && !(word & SP_ID_BIT)))
        return NULL;
    if (outbox_size(&p->outbox) > ipc->limits.unread_max) {
        doom(p, "too many of its replies are unread");
        return NULL;
    }
    uint32_t hops = trace ? trace->hops : 0;
    size_t header_size = sp_header_size(hops);
    uint8_t *room = outbox_reserve(&p->outbox, &ipc->pool, header_size + size);
    if (!room) {
        doom(p, "no memory for its replies");
        return NULL;
    }
    sp_put_header(room, trace ? trace->words : NULL, hops, trace ? trace->id : word, size);
    return room + header_size;
}

static void ipc_commit(struct peer *p, uint32_t word)
{
    struct trace *trace = peer_trace(p, word);
    if (trace)
        trace->answered = true;
    peer_dirty(p->owner, p);
}

static bool ipc_written(const struct peer *p)
{
    return outbox_size(&p->outbox) == 0;
}

static void ipc_finish(struct peer *p)
{
    p->finishing = true;
    p->lingers = outbox_size(&p->outbox) > 0;
    peer_dirty(p->owner, p);
}

static const struct carrier ipc_carrier = {
    .reserve = ipc_reserve,
    .commit = ipc_commit,
    .written = ipc_written,
    .finish = ipc_finish,
};

/* ---- Reading. ---- */

static void refuse_large(struct ipc *ipc, struct peer *p, const struct sp_frame *frame, uint32_t word)
{
    struct wire_refusal refusal = {
        .status = STATUS_TOO_LARGE,
        .message = "request is larger than the limit",
        .limit = {.name = "frame_size_max", .value = ipc->limits.body_size_max, .use = frame->body_size},
    };
    front_refuse(ipc->front, p, word, &refusal);
}

/* One frame: the bytes of data it took, 0 when it is not all there or the peer is doomed. */
static size_t peer_take_frame(struct ipc *ipc, struct peer *p, const uint8_t *data, size_t size)
{
    struct sp_frame frame;
    const char *reason = NULL;
    uint32_t word = 0;
    enum sp_verdict verdict = sp_parse(data, size, ipc->limits.body_size_max, &frame, &reason);
    p->inbox.want = verdict == SP_MORE ? frame.frame_size : 0;
    if (verdict == SP_MORE)
        return 0;
    if (verdict == SP_BAD)
        p->doom = reason;
    else if (peer_word(p, &frame, &word) < 0)
        p->doom = "too many of its requests come over devices";
    if (p->doom)
        return 0;
    if (verdict == SP_LARGE) {
        refuse_large(ipc, p, &frame, word);
        size_t header_size = sp_header_size(frame.hops);
        p->skip = frame.frame_size - header_size;
        return header_size;
    }
    front_request(ipc->front, p, word, frame.body, (size_t)frame.body_size);
    return (size_t)frame.frame_size;
}

static size_t peer_take_greeting(struct ipc *ipc, struct peer *p, const uint8_t *data, size_t size)
{
    if (sp_greeted(SP_REQ, data, size, &p->doom) != SP_DONE)
        return 0;
    p->greeted = true;
    peer_stop_waiting(ipc, p);
    return SP_GREETING_SIZE;
}

static size_t peer_skip(struct peer *p, size_t size)
{
    size_t n = p->skip < size ? (size_t)p->skip : size;
    p->skip -= n;
    return n;
}

/* Do all that has come as a whole, unless too much is unread. The bytes taken. */
static size_t peer_consume(struct ipc *ipc, struct peer *p, const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size && !p->finishing && !p->paused) {
        size_t n = p->skip      ? peer_skip(p, size - at)
                   : p->greeted ? peer_take_frame(ipc, p, data + at, size - at)
                                : peer_take_greeting(ipc, p, data + at, size - at);
        at += n;
        if (n == 0 || p->doom)
            break;
        p->paused = outbox_size(&p->outbox) > ipc->limits.unread_pause;
    }
    return at;
}

/* Keep what the round left; a peer that will not be read from any more needs nothing. */
static void peer_keep(struct peer *p, const uint8_t *data, size_t size)
{
    uint64_t want = p->inbox.want;
    if (!inbox_keep(&p->inbox, data, p->finishing ? 0 : size))
        p->doom = no_request_memory;
    p->inbox.want = want;
}

static void peer_consume_inbox(struct ipc *ipc, struct peer *p)
{
    size_t taken = peer_consume(ipc, p, p->inbox.data, p->inbox.size);
    peer_keep(p, p->inbox.data + taken, p->inbox.size - taken);
}

/* size bytes have come to where inbox_room said. */
static void peer_received(struct ipc *ipc, struct peer *p, size_t size)
{
    if (inbox_is_small(&p->inbox)) {
        size += p->inbox.size;
        size_t taken = peer_consume(ipc, p, ipc->scratch.data, size);
        peer_keep(p, ipc->scratch.data + taken, size - taken);
    } else {
        p->inbox.size += size;
        peer_consume_inbox(ipc, p);
    }
    if (p->doom)
        peer_close(ipc, p, FRONT_CLOSED, p->doom);
    else if (p->paused)
        peer_dirty(ipc, p);
}

static void peer_read(struct ipc *ipc, struct peer *p)
{
    uint8_t *to = NULL;
    size_t room = inbox_room(&p->inbox, &ipc->scratch, &to);
    if (room == 0) {
        peer_close(ipc, p, FRONT_CLOSED, no_request_memory);
        return;
    }
    ssize_t n;
    do
        n = recv(p->fd, to, room, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        peer_received(ipc, p, (size_t)n);
    else if (n == 0 || errno != EAGAIN)
        peer_close(ipc, p, FRONT_GONE, n == 0 ? closed : broken);
}

/* ---- Accepting. ---- */

static const char *admission_refusal(const struct ipc *ipc, uint32_t uid)
{
    if (peers_count(ipc->front->peers) >= ipc->limits.peers_max)
        return "connections-max connections are open";
    if (peers_count_uid(ipc->front->peers, uid) >= ipc->limits.peers_uid_max)
        return "its user has connections-per-user-max connections open";
    return NULL;
}

/* Make a peer of a connection; the fd is taken. */
static void ipc_admit(struct ipc *ipc, int fd)
{
    struct front *f = ipc->front;
    struct ucred who = {.uid = UINT32_MAX, .gid = UINT32_MAX};
    socklen_t size = sizeof(who);
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
    struct peer refused = {.uid = who.uid, .gid = who.gid, .pid = who.pid};
    const char *refusal = admission_refusal(ipc, who.uid);
    struct peer *p = NULL;
    if (refusal || peers_add(f->peers, &ipc_carrier, ipc, who.uid, &p) < 0 || !p) {
        f->hooks.note(f->hooks.user, FRONT_REFUSED, &refused, refusal ? refusal : no_memory);
        (void)close(fd);
        return;
    }
    p->gid = who.gid;
    p->pid = who.pid;
    p->fd = fd;
    p->events = EPOLLIN;
    ipc->count++;
    peer_start_waiting(ipc, p, PEER_GREETING, ipc->limits.greeting_ns);
    struct epoll_event event = {.events = p->events, .data.u64 = p->number};
    uint8_t greeting[SP_GREETING_SIZE];
    sp_greet(SP_REP, greeting);
    if (epoll_ctl(ipc->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        peer_close(ipc, p, FRONT_REFUSED, no_memory);
    else if (send(fd, greeting, sizeof(greeting), MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(greeting))
        peer_close(ipc, p, FRONT_GONE, closed);
}

static int accept_any(int listener)
{
    /* cppcheck-suppress nullPointer ; nobody asks for the address */
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Out of descriptors: take the connection with the spare one and let go of it, so that its client is not left waiting. */
static void ipc_turn_away(struct ipc *ipc, int listener)
{
    struct peer nobody = {.uid = UINT32_MAX};
    (void)close(ipc->reserve_fd);
    int fd = accept_any(listener);
    if (fd >= 0)
        (void)close(fd);
    ipc->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ipc->front->hooks.note(ipc->front->hooks.user, FRONT_REFUSED, &nobody, "no file descriptor is left");
}

static void ipc_accept(struct ipc *ipc, int listener)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept_any(listener);
        if (fd >= 0) {
            ipc_admit(ipc, fd);
        } else if (errno == EMFILE || errno == ENFILE) {
            ipc_turn_away(ipc, listener);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* ---- Rounds. ---- */

static void peer_event(struct ipc *ipc, struct peer *p, uint32_t events)
{
    if (p->doom)
        return;
    if (events & EPOLLOUT)
        peer_dirty(ipc, p);
    bool reads = !p->paused && !p->finishing;
    if (reads && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        peer_read(ipc, p);
    else if (!reads && events & (EPOLLHUP | EPOLLERR))
        peer_close(ipc, p, FRONT_GONE, closed);
}

int ipc_round(struct ipc *ipc, bool sleeps, bool *ret_watched)
{
    struct epoll_event events[EVENTS_MAX];
    *ret_watched = false;
    int count = epoll_wait(ipc->epoll_fd, events, EVENTS_MAX, sleeps ? -1 : 0);
    if (count <= 0)
        return 0;
    front_begin(ipc->front);
    for (int i = 0; i < count; i++) {
        uint64_t data = events[i].data.u64;
        struct peer *p;
        if (data == WATCHED)
            *ret_watched = true;
        else if (data & LISTENER_BIT)
            ipc_accept(ipc, (int)(uint32_t)data);
        else if ((p = peers_get(ipc->front->peers, (uint32_t)data)))
            peer_event(ipc, p, events[i].events);
    }
    return count - *ret_watched;
}

/* All is written. True: it was closed, because there will be nothing more. */
static bool peer_flushed(struct ipc *ipc, struct peer *p)
{
    if (p->wait == PEER_STALLED)
        peer_stop_waiting(ipc, p);
    peer_written(p);
    front_written(ipc->front, p);
    if (!p->finishing)
        return false;
    if (!p->lingers) {
        peer_close(ipc, p, FRONT_GONE, left);
        return true;
    }
    if (p->wait != PEER_LEAVING)
        peer_start_waiting(ipc, p, PEER_LEAVING, LINGER_NS);
    return false;
}

static void peer_flush(struct ipc *ipc, struct peer *p)
{
    if (p->doom) {
        peer_close(ipc, p, FRONT_CLOSED, p->doom);
        return;
    }
    int64_t sent = outbox_size(&p->outbox) > 0 ? outbox_send(&p->outbox, &ipc->pool, p->fd) : 0;
    if (sent < 0) {
        peer_close(ipc, p, FRONT_GONE, broken);
        return;
    }
    if (outbox_size(&p->outbox) == 0) {
        if (peer_flushed(ipc, p))
            return;
    } else if (sent > 0 || p->wait != PEER_STALLED) {
        peer_start_waiting(ipc, p, PEER_STALLED, ipc->limits.stall_ns);
    }
    if (p->paused && outbox_size(&p->outbox) <= ipc->limits.unread_pause / 2) {
        p->paused = false;
        if (p->inbox.size > 0)
            peer_consume_inbox(ipc, p);
        if (p->doom)
            peer_dirty(ipc, p);
    }
    peer_watch(ipc, p);
}

void ipc_flush(struct ipc *ipc)
{
    struct peer *p;
    while ((p = TAILQ_FIRST(&ipc->dirty))) {
        TAILQ_REMOVE(&ipc->dirty, p, dirty_link);
        p->dirty = false;
        peer_flush(ipc, p);
    }
}

bool ipc_dirty(const struct ipc *ipc)
{
    return !TAILQ_EMPTY(&ipc->dirty);
}

uint32_t ipc_count(const struct ipc *ipc)
{
    return ipc->count;
}

/* ---- Times. ---- */

int64_t ipc_next_deadline(const struct ipc *ipc)
{
    int64_t next_ns = NEVER_NS;
    for (int wait = PEER_GREETING; wait < PEER_WAITS; wait++) {
        const struct peer *p = TAILQ_FIRST(&ipc->waits[wait]);
        if (p && p->wait_until_ns < next_ns)
            next_ns = p->wait_until_ns;
    }
    return next_ns;
}

void ipc_expire(struct ipc *ipc, int64_t monotonic_ns)
{
    static const char *const reasons[PEER_WAITS] = {
        [PEER_GREETING] = "it did not greet",
        [PEER_STALLED] = "it does not read its replies",
        [PEER_LEAVING] = left,
    };
    for (int wait = PEER_GREETING; wait < PEER_WAITS; wait++) {
        struct peer *p;
        while ((p = TAILQ_FIRST(&ipc->waits[wait])) && p->wait_until_ns <= monotonic_ns)
            peer_close(ipc, p, wait == PEER_LEAVING ? FRONT_GONE : FRONT_CLOSED, reasons[wait]);
    }
}

/* ---- The whole. ---- */

struct ipc *ipc_new(struct front *f, const struct ipc_limits *limits)
{
    struct ipc *ipc = calloc(1, sizeof(*ipc));
    if (!ipc)
        return NULL;
    ipc->front = f;
    ipc->limits = *limits;
    TAILQ_INIT(&ipc->dirty);
    for (int wait = 0; wait < PEER_WAITS; wait++)
        TAILQ_INIT(&ipc->waits[wait]);
    ipc->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ipc->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return ipc->epoll_fd >= 0 && ipc->reserve_fd >= 0 ? ipc : ipc_free(ipc);
}

struct ipc *ipc_free(struct ipc *ipc)
{
    if (!ipc)
        return NULL;
    ipc_close_listeners(ipc);
    for (struct peer *p = peers_next(ipc->front->peers, NULL), *next; p; p = next) {
        next = peers_next(ipc->front->peers, p);
        if (p->carrier == &ipc_carrier)
            peer_close(ipc, p, FRONT_GONE, "the daemon leaves");
    }
    outbox_pool_clear(&ipc->pool);
    if (ipc->epoll_fd >= 0)
        (void)close(ipc->epoll_fd);
    if (ipc->reserve_fd >= 0)
        (void)close(ipc->reserve_fd);
    free(ipc);
    return NULL;
}

void ipc_set_limits(struct ipc *ipc, const struct ipc_limits *limits)
{
    ipc->limits = *limits;
}

int ipc_watch(struct ipc *ipc, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WATCHED};
    return epoll_ctl(ipc->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int ipc_listen(struct ipc *ipc, int fd)
{
    if (ipc->listeners_count == LISTENERS_MAX)
        return -ENOSPC;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = LISTENER_BIT | (uint32_t)fd};
    if (epoll_ctl(ipc->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return -errno;
    ipc->listeners[ipc->listeners_count++] = fd;
    return 0;
}

void ipc_close_listeners(struct ipc *ipc)
{
    while (ipc->listeners_count > 0)
        (void)close(ipc->listeners[--ipc->listeners_count]);
}

void ipc_finish_all(struct ipc *ipc)
{
    for (struct peer *p = NULL; (p = peers_next(ipc->front->peers, p));) {
        if (p->carrier == &ipc_carrier && !p->finishing)
            ipc_finish(p);
    }
}

/*
 * conn.h - a connection: the one structure behind `sluice`, and who may touch what of it.
 *
 * Everything is under `lock` but two things, which belong to a role that one thread at a time holds: the reader (`reading`) owns the
 * input buffer and may sit in a system call without the lock; the writer (`writing`) owns the output that is being written.
 *
 *   conn.c     birth, death, fork, interrupt        session.c   hello, resume, loss
 *   io.c       reading, writing, handing out        dial.c      addresses, starting a daemon
 *   call.c     one request and its reply            future.c    calls nobody waits for, event loops
 */
#ifndef SLUICE_CONN_H
#define SLUICE_CONN_H

#include <pthread.h>
#include <sluice.h>

#include "start.h"
#include "transport.h"
#include "util.h"

#define WHY_SIZE 512

enum conn_state {
    CONN_DOWN,  /* no transport; the next attempt is due at attempt_ns */
    CONN_HELLO, /* connected; the greeting and Hello are under way */
    CONN_UP,    /* requests flow */
    CONN_LOST,  /* the transport failed; it is closed as soon as reader and writer have left it */
};

struct buffer {
    uint8_t *data;
    size_t head, tail, size; /* bytes stand at data[head..tail) */
};

struct call;
struct sluice_future;

/* Where a request id leads. The generation tells a late reply to an earlier call in the same slot. */
struct slot {
    struct call *call; /* NULL: free */
    uint32_t generation;
    uint32_t next_free; /* index + 1; 0: the last */
};

/* A thread that waits for another to read. */
struct waiter {
    struct link link;
    _Atomic uint32_t word; /* 0: asleep */
};

struct sluice {
    pthread_mutex_t lock;
    struct link registry; /* all connections, for fork */

    /* What was asked for, never changed (address and searched: until the search has found one). */
    char *address; /* NULL: search */
    char *name;
    int64_t connect_timeout_ns; /* NEVER: none */
    int64_t resume_ns;          /* 0: the default of the transport; < 0: none */
    int64_t lease_ns;
    uint32_t tasks;
    uint64_t task;   /* in whose name it asks; 0: nobody's */
    uint64_t within; /* the token of what is held by who started this program; 0: nothing, or unknown */
    bool searched;   /* address was found by search: a daemon may be started there */
    bool connect_timeout_given;
    bool autostart;
    bool interruptible;

    /* The transport. */
    const struct transport_ops *ops;
    void *transport;
    enum conn_state state;
    enum sluice_status fatal; /* why trying again is of no use */
    int64_t down_since_ns;
    int64_t attempt_ns; /* CONN_DOWN: not before */
    int64_t backoff_ns;
    int64_t heard_by_ns; /* CONN_HELLO: the answer must have come */
    struct start start;  /* of a daemon that we are starting */
    char why[WHY_SIZE];  /* what went wrong last, for people */

    /* The session. */
    uint8_t id[16];
    uint64_t next_seq;
    uint64_t *acked; /* finished numbers above the oldest that is pending */
    uint32_t acked_count;
    _Atomic uint32_t epoch; /* the process-wide number of this session, in refs and leases */
    struct sluice_session info;
    char *server;
    int64_t heartbeat_ns; /* a remote lease: something is sent by then; else NEVER */
    uint32_t unanswered;  /* heartbeats since anything came */
    bool greeted;         /* the peer's greeting has come */
    bool was_up;          /* on this transport */
    bool id_given;
    bool live;      /* the daemon knows it */
    bool resumable; /* it outlives its connection */

    /* Roles and their property: `in` is the reader's, `wr` the writer's, `out` is gathered under the lock. */
    bool reading, writing;
    bool blocked; /* the socket takes no more */
    struct buffer in, out, wr;
    uint64_t out_offset; /* of out.data[head], counted over the connection's life */
    uint64_t wr_offset;  /* of wr.data[head] */

    /* Calls. */
    struct link pending;                        /* by seq */
    struct slot *slots;                         /* by index in the request id */
    uint32_t slots_size, slots_used, slot_free; /* slot_free: index + 1 of the first free one; 0: none */
    uint32_t flying;                            /* futures that are not done */
    struct link followers; /* struct waiter: they wait for the reader to leave or for their own */
    struct link anyone;    /* struct waiter: for any future */

    /* Futures. */
    struct link futures; /* all */
    struct link done;    /* done and not handed out */
    struct sluice_future *pool;
    int64_t guard_ns;                /* no future is given up before that */
    int64_t watched_deadline_ns;     /* what the timer is set to */
    int epoll_fd, wake_fd, timer_fd; /* -1 until sluice_fd */
    int watched_fd;                  /* the transport's, in epoll_fd; -1: none */
    int interrupt_fd;                /* -1 unless interruptible */
    bool watched_out;
    bool processing; /* sluice_process is at work: nobody has to be woken for what it finds */
    bool interrupt_seen;
    _Atomic bool interrupted;
};

/* conn.c */
static inline void conn_lock(sluice *s)
{
    pthread_mutex_lock(&s->lock);
}
static inline void conn_unlock(sluice *s)
{
    pthread_mutex_unlock(&s->lock);
}

/* ---- dial.c: without the lock, by the reader. */

/* What an attempt to reach the daemon gave. */
struct dialed {
    const struct transport_ops *ops;
    void *transport;
    char *address;            /* where: the caller's, malloc'd */
    bool searched;            /* it was found by search */
    enum sluice_status fatal; /* of a failure: another attempt is of no use */
    char why[WHY_SIZE];
};
/* Finds the daemon and begins to connect, starting a daemon where that is allowed. 0, or -errno with fatal and why. */
int dial(sluice *s, struct dialed *ret);
/* The daemon has been reached, or we give up: another process may start one. With the lock. */
void dial_done(sluice *s);

/* ---- session.c: with the lock. */

/* A new session, not yet known to the daemon: a new number for handles, requests from 1. */
void session_renew(sluice *s, bool new_id);
/* Puts greeting and Hello before everything else that is to be written. 0 or -ENOMEM. */
int session_hello(sluice *s);
/* The reply to Hello. */
void session_welcome(sluice *s, const uint8_t *reply, size_t size);
/* The transport is gone (and closed): decides what becomes of the session and of pending calls, and when to try again. */
void session_lost(sluice *s);

/* ---- io.c: with the lock. */

/* Writes what is gathered, as far as the socket takes it. Returns at once when another thread is writing. */
void io_flush(sluice *s);
/* As the reader: one step of connecting, or one read and handing out what came. Waits until the instant at the latest (0: not at all); lets the lock
 * go meanwhile. The caller has seen that nobody is reading. */
void io_step(sluice *s, int64_t until_ns);
/* As a writer that the socket holds up while another thread reads: waits until it takes more. */
void io_push(sluice *s, int64_t until_ns);
/* As one of the others: sleeps until woken, or until the instant. */
void io_follow(sluice *s, struct waiter *w, int64_t until_ns);
/* The caller waits no more: if nobody reads, one of the others takes over. */
void io_leave(sluice *s);
/* Wakes a waiter; it looks for itself what has happened. */
void io_wake(struct waiter *w);
/* The transport has failed: it is given up as soon as nobody is in it. error 0: the daemon closed it. */
void io_lost(sluice *s, int error);
/* Sets the time of the next attempt to connect. */
void io_back_off(sluice *s);
/* Gives a lost transport up if nobody is in it. */
void io_settle(sluice *s);
/* Room for size bytes at the end of a buffer, or NULL. buffer_commit makes them part of it. */
uint8_t *buffer_room(struct buffer *b, size_t size);
static inline void buffer_commit(struct buffer *b, size_t size)
{
    b->tail += size;
}
static inline size_t buffer_used(const struct buffer *b)
{
    return b->tail - b->head;
}
static inline void buffer_clear(struct buffer *b)
{
    b->head = b->tail = 0;
}

#endif

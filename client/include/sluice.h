/*
 * sluice.h - Go's concurrency toolbox between processes: the C library.
 *
 * A daemon, sluiced, owns named channels, contexts and timers. A process opens a connection and works on them:
 *
 *     sluice *s;
 *     sluice_chan jobs;
 *     struct sluice_item item;
 *     if (sluice_open(NULL, &s) != SLUICE_OK || sluice_chan_make(s, "jobs", 10, &jobs) != SLUICE_OK)
 *         errx(1, "%s", sluice_errmsg());
 *     sluice_send(s, jobs, sluice_str("hello"), NULL);
 *     while (sluice_recv(s, jobs, NULL, &item) == SLUICE_OK) {
 *         fwrite(item.value.bytes.data, 1, item.value.bytes.size, stdout);
 *         sluice_item_free(&item);
 *     }
 *     sluice_close(s);
 *
 * Results. Every call that talks to the daemon returns an enum sluice_status. SLUICE_OK, SLUICE_CLOSED and SLUICE_WOULD_BLOCK
 * belong to normal work; with every other status nothing was changed, except where SLUICE_SESSION_GONE and SLUICE_UNAVAILABLE say
 * otherwise below. `ret_` arguments are written only when the contract of the call says so: with SLUICE_OK where it says nothing.
 * They may be NULL where the value is not wanted, unless it must be freed. sluice_errmsg() tells the story for people.
 *
 * Threads. All calls on one connection may be made from any number of threads at once. The library starts no threads, but for one while
 * signals are caught (sluice_signal_notify): of those who wait, one reads for all. One connection suffices for a process.
 *
 * Waiting. A call that may block takes a `const struct sluice_wait *`: NULL waits for ever. The daemon keeps the deadline; if the daemon
 * hangs, the call returns SLUICE_UNAVAILABLE two seconds after it at the latest.
 *
 * Sessions. A connection carries a session of the daemon. Handles, leases, locks that are held and everything that is not named belong to it and end
 * with it. Each request is carried out exactly once, also when the connection breaks and the session is resumed. Without a resume
 * window (the default on a unix socket) the session ends with its connection: calls that were in flight return SLUICE_SESSION_GONE
 * (whether they were carried out is unknown), the next call opens a new session, and handles and leases of the old
 * one are SLUICE_STALE and SLUICE_NOT_LEASED. Names work on.
 *
 * fork. The child of a fork gets a connection and a session of its own at its first call; what the parent has stays the parent's, and
 * its handles are SLUICE_STALE in the child. Sockets are close-on-exec.
 *
 * Durations and instants are nanoseconds. Instants are on the daemon's clock (see sluice_clock_read).
 *
 * The ABI: options structures carry their size and grow at the end. Structures that the library returns by pointer grow at the end too.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_API __attribute__((visibility("default")))

#define SLUICE_MICROSECOND INT64_C(1000)
#define SLUICE_MILLISECOND INT64_C(1000000)
#define SLUICE_SECOND      INT64_C(1000000000)

/* ---- Statuses --------------------------------------------------------------------------------------------------- */

enum sluice_status {
    SLUICE_OK = 0,
    SLUICE_CLOSED = 1,            /* receive: closed and drained */
    SLUICE_WOULD_BLOCK = 2,       /* no_wait was set and nothing was ready */
    SLUICE_DEADLINE_EXCEEDED = 3, /* the timeout ran out, or the context's deadline */
    SLUICE_CANCELED = 4,          /* the context was cancelled, or the call withdrawn */
    SLUICE_SEND_ON_CLOSED = 5,
    SLUICE_CLOSE_OF_CLOSED = 6,
    SLUICE_CLOSE_OF_NIL = 7,
    SLUICE_NOT_FOUND = 8,
    SLUICE_REMOVED = 9, /* the object was removed while the call waited */
    SLUICE_STALE = 10,  /* the handle was dropped, its object removed, or its session ended */
    SLUICE_EXISTS = 11,
    SLUICE_MISMATCH = 12, /* make: there is one of another kind or with other parameters */
    SLUICE_WRONG_KIND = 13,
    SLUICE_WRONG_TYPE = 14,
    SLUICE_NO_RIGHT = 15,
    SLUICE_NOT_PERMITTED = 16,
    SLUICE_INVALID = 17,
    SLUICE_BAD_NAME = 18,
    SLUICE_TOO_LARGE = 19,
    SLUICE_LIMIT = 20,     /* sluice_errlimit() says which */
    SLUICE_NO_MEMORY = 21, /* here or in the daemon */
    SLUICE_NOT_LEASED = 22,
    SLUICE_OWNER_DIED = 23,
    SLUICE_SESSION_GONE = 24, /* the session ended while the call was in flight: its fate is unknown */
    SLUICE_SESSION_TAKEN = 25,
    SLUICE_BAD_VERSION = 26,
    SLUICE_UNKNOWN_OP = 27,
    SLUICE_MALFORMED = 28,
    SLUICE_SHUTTING_DOWN = 29,
    SLUICE_NOT_VIRTUAL = 30,
    SLUICE_UNAVAILABLE =
        31, /* the daemon was not reached in time, or does not answer: the call's fate is unknown */
    SLUICE_INTERNAL = 32,
    SLUICE_MISUSE = 33,      /* what would panic in Go: sluice_errmsg() is Go's text */
    SLUICE_STALE_TOKEN = 34, /* the token is not, or no longer, the holder's; or a newer one has been seen */
};

enum sluice_kind {
    SLUICE_KIND_NONE = 0,
    SLUICE_KIND_CHANNEL = 1,
    SLUICE_KIND_CONTEXT = 2,
    SLUICE_KIND_TIMER = 3,
    SLUICE_KIND_TICKER = 4,
    SLUICE_KIND_TRIGGER = 5,
    SLUICE_KIND_MUTEX = 6,
    SLUICE_KIND_RWMUTEX = 7,
    SLUICE_KIND_SEMAPHORE = 8,
    SLUICE_KIND_WAITGROUP = 9,
    SLUICE_KIND_COUNTER = 10,
    SLUICE_KIND_ONCE = 11,
    SLUICE_KIND_COND = 12,
    SLUICE_KIND_BARRIER = 13,
    SLUICE_KIND_GROUP = 14,
    SLUICE_KIND_FLIGHT = 15,
    SLUICE_KIND_LIMITER = 16,
    SLUICE_KIND_CELL = 17,
    SLUICE_KIND_ACTOR = 18,
    SLUICE_KIND_POOL = 19,
    SLUICE_KIND_TASK = 20,
};

enum sluice_verb {
    SLUICE_VERB_NONE = 0,
    SLUICE_VERB_SEND = 1,
    SLUICE_VERB_RECV = 2,
    SLUICE_VERB_AFTER = 3,
    SLUICE_VERB_DEFAULT = 4,
    SLUICE_VERB_LOCK = 5,
    SLUICE_VERB_RLOCK = 6,
    SLUICE_VERB_ACQUIRE = 7,
    SLUICE_VERB_WAIT = 8,
    SLUICE_VERB_BEGIN = 9,
    SLUICE_VERB_COND = 10,
    SLUICE_VERB_TAKE = 11,
    SLUICE_VERB_CALL = 12,
    SLUICE_VERB_SERVE = 13,
    SLUICE_VERB_GO = 14, /* in listings only */
    SLUICE_VERB_PULL = 15,
    SLUICE_VERB_WATCH = 16,
};

enum sluice_type {
    SLUICE_TYPE_NONE = 0,
    SLUICE_TYPE_BYTES = 1,
    SLUICE_TYPE_STRING = 2, /* UTF-8 */
    SLUICE_TYPE_INT64 = 3,
    SLUICE_TYPE_DOUBLE = 4,
    SLUICE_TYPE_JSON = 5,
    SLUICE_TYPE_HANDLE = 6, /* an object */
};

/* Rights of a handle, a set. Go's chan<- is SLUICE_RIGHT_SEND|SLUICE_RIGHT_CLOSE, its <-chan is SLUICE_RIGHT_RECV. */
enum sluice_right {
    SLUICE_RIGHT_SEND =
        1, /* send; reset a timer; cancel a context; unlock, release, add, change, end, signal, forget, tune; go */
    SLUICE_RIGHT_RECV = 2,    /* receive; lock, acquire, wait, load, begin, take, reserve; call; work, pull */
    SLUICE_RIGHT_CLOSE = 4,   /* close, stop, remove, kill */
    SLUICE_RIGHT_OBSERVE = 8, /* describe; look values up; derive contexts */
    SLUICE_RIGHT_ALL = 15,
};

/* What the status means, in English or in Go's words; "unknown status" for a number that is none. Never NULL. */
SLUICE_API const char *sluice_strstatus(enum sluice_status status);
/* The constant's name without its prefix, "CLOSED"; "UNKNOWN" for a number that is none. */
SLUICE_API const char *sluice_status_name(enum sluice_status status);
/* The exit code that the shell command gives for it. */
SLUICE_API int sluice_exit_code(enum sluice_status status);
/* "channel", "send", "bytes"; "none" for 0, "unknown" for a number that is none. */
SLUICE_API const char *sluice_kind_name(enum sluice_kind kind);
SLUICE_API const char *sluice_verb_name(enum sluice_verb verb);
SLUICE_API const char *sluice_type_name(enum sluice_type type);

/* What the last call of this thread that did not return SLUICE_OK has to say: the daemon's text, with a limit's name, value and use,
 * or the status's own text. Valid until the thread's next call that does not return SLUICE_OK. Never NULL. */
SLUICE_API const char *sluice_errmsg(void);
/* The cause of the context that ended that call, or NULL when it had none of its own. Valid as long. */
SLUICE_API const char *sluice_errcause(void);

struct sluice_limit {
    const char *name; /* NULL: that call reached no limit */
    uint64_t value;   /* the limit */
    uint64_t use;     /* what the call would have made of it */
};
/* The limit that call reached. Valid as long. */
SLUICE_API struct sluice_limit sluice_errlimit(void);

/* The library's version, "0.1.0". */
SLUICE_API const char *sluice_version(void);

/* ---- Connections ------------------------------------------------------------------------------------------------ */

typedef struct sluice sluice;

struct sluice_options {
    size_t size;         /* sizeof(struct sluice_options); SLUICE_OPTIONS_INIT sets it */
    const char *address; /* a path, ipc://PATH or another nng URL. NULL: SLUICE_ADDR, else the user's daemon,
                                 * else the system's, else a daemon is started for the user */
    const char *name;    /* of the program, for listings. NULL: its own name */
    int64_t
        connect_timeout_ns; /* how long to try to reach the daemon, also later for calls without a deadline.
                                 * 0: five seconds, but sluice_open does not wait for a daemon that is not there
                                 * and is not started. Negative: for ever */
    int64_t resume_ns;  /* how long the session outlives its connection. 0: not at all on a unix socket, 30 s
                                 * elsewhere. Negative: not at all */
    int64_t lease_ns;   /* remote: silence after which the daemon ends the session. 0: the daemon's default */
    uint32_t tasks;     /* threads of execution this connection speaks for (sluice_quiesce). 0: one */
    bool no_autostart;  /* never start a daemon (as SLUICE_AUTOSTART=0 does) */
    bool interruptible; /* sluice_interrupt() will be used: costs one more system call each wait */
    const void *session_id; /* 16 bytes: resume this session. NULL: a random id */
    uint64_t task; /* the token of the running task this program is (see sluice_task_enter). 0: the number in
                             * SLUICE_TASK of the environment, if there is one */
};
#define SLUICE_OPTIONS_INIT                                                          \
    {                                                                                \
        sizeof(struct sluice_options), NULL, NULL, 0, 0, 0, 0, false, false, NULL, 0 \
    }

/* Connects and opens a session. options may be NULL. Fails with UNAVAILABLE, BAD_VERSION, NOT_PERMITTED, SESSION_TAKEN, INVALID
 * (address), NO_MEMORY, LIMIT. */
SLUICE_API enum sluice_status sluice_open(const struct sluice_options *options, sluice **ret);
/* Ends the session and the connection and frees both. Whether requests that were started and not finished are still carried out is open; their futures
 * are freed. No other thread may be using it. NULL is fine; returns NULL. */
SLUICE_API sluice *sluice_close(sluice *s);
/* As sluice_close, but a session with a resume window lives on for so long: another connection may resume it by its id. */
SLUICE_API sluice *sluice_detach(sluice *s);

struct sluice_session {
    const char *address; /* where the daemon was reached; valid until sluice_close */
    const char
        *server; /* "sluiced 0.1.0"; valid until sluice_close, or until a daemon of another version answers */
    uint32_t major, minor; /* of the daemon's protocol */
    uint64_t number;       /* of the session, in listings */
    uint8_t id[16];
    bool resumed;              /* the session was there before sluice_open */
    uint64_t payload_size_max; /* the largest value */
    uint64_t frame_size_max;   /* the largest request */
    int64_t resume_ns;         /* granted */
    int64_t lease_ns;          /* granted; 0: none */
    int64_t now_ns;            /* the daemon's clock when the session was opened */
    int64_t wall_offset_ns;    /* wall clock = instant + this */
    bool virtual_clock;
};
/* What is known of the session without asking. */
SLUICE_API void sluice_session_get(sluice *s, struct sluice_session *ret);

/* A round trip; renews a remote session's lease. */
SLUICE_API enum sluice_status sluice_ping(sluice *s);

/* Withdraws the calls of this connection that wait, in all threads, and lets later ones that would wait return at once, until
 * sluice_interrupt_reset. They return SLUICE_CANCELED, or the result that had been committed before. Calls that do not wait (close, ack …)
 * work on. Safe in a signal handler. The connection must have been opened with `interruptible`; else only SLUICE_INVALID
 * is returned. */
SLUICE_API enum sluice_status sluice_interrupt(sluice *s);
SLUICE_API void sluice_interrupt_reset(sluice *s);

/* ---- Objects: references and handles ---------------------------------------------------------------------------- */

/*
 * A reference to an object: a handle of this connection's session, or the number of a task, or a name, or nil. Operations by name look the name up each
 * time; a handle is faster, keeps an anonymous object alive and carries its own rights. Nil is Go's nil: to send
 * to it or receive from it waits for ever.
 */
typedef struct sluice_ref {
    const char *name; /* NUL-terminated, borrowed. Counts when handle is 0 */
    uint64_t handle;  /* 0: none */
    uint32_t session; /* the library's number of the session that the handle belongs to */
    uint64_t task;    /* a task's number; 0: none. Counts when handle is 0 */
} sluice_ref;

/* References with a kind, so that the wrong one does not compile. .ref serves the calls that take any kind. */
typedef struct sluice_chan {
    sluice_ref ref;
} sluice_chan;
typedef struct sluice_ctx {
    sluice_ref ref;
} sluice_ctx;
typedef struct sluice_timer {
    sluice_ref ref;
} sluice_timer; /* timers and tickers */
typedef struct sluice_trigger {
    sluice_ref ref;
} sluice_trigger;
typedef struct sluice_mutex {
    sluice_ref ref;
} sluice_mutex;
typedef struct sluice_rwmutex {
    sluice_ref ref;
} sluice_rwmutex;
typedef struct sluice_sem {
    sluice_ref ref;
} sluice_sem;
typedef struct sluice_wg {
    sluice_ref ref;
} sluice_wg;
typedef struct sluice_counter {
    sluice_ref ref;
} sluice_counter;
typedef struct sluice_once {
    sluice_ref ref;
} sluice_once;
typedef struct sluice_cond {
    sluice_ref ref;
} sluice_cond;
typedef struct sluice_barrier {
    sluice_ref ref;
} sluice_barrier;
typedef struct sluice_group {
    sluice_ref ref;
} sluice_group;
typedef struct sluice_flight {
    sluice_ref ref;
} sluice_flight;
typedef struct sluice_limiter {
    sluice_ref ref;
} sluice_limiter;
typedef struct sluice_cell {
    sluice_ref ref;
} sluice_cell;
typedef struct sluice_actor {
    sluice_ref ref;
} sluice_actor;
typedef struct sluice_pool {
    sluice_ref ref;
} sluice_pool;
typedef struct sluice_task {
    sluice_ref ref; /* .task is its number, by which every session may speak of it */
} sluice_task;

/* Initialisers: nil. */
#define SLUICE_NIL_REF \
    {                  \
        NULL, 0, 0, 0  \
    }
#define SLUICE_NIL     \
    {                  \
        SLUICE_NIL_REF \
    }

/* A reference by name, for one-shot use. The name is borrowed. */
static inline sluice_ref sluice_named(const char *name)
{
    sluice_ref r = SLUICE_NIL_REF;
    r.name = name;
    return r;
}
/* Say of what kind a reference is. The daemon checks it: WRONG_KIND. (sluice_recv takes a timer or a context that is called a channel.) */
static inline sluice_chan sluice_chan_of(sluice_ref ref)
{
    sluice_chan c = {ref};
    return c;
}
static inline sluice_ctx sluice_ctx_of(sluice_ref ref)
{
    sluice_ctx c = {ref};
    return c;
}
static inline sluice_timer sluice_timer_of(sluice_ref ref)
{
    sluice_timer t = {ref};
    return t;
}
static inline sluice_trigger sluice_trigger_of(sluice_ref ref)
{
    sluice_trigger t = {ref};
    return t;
}
static inline sluice_mutex sluice_mutex_of(sluice_ref ref)
{
    sluice_mutex m = {ref};
    return m;
}
static inline sluice_rwmutex sluice_rwmutex_of(sluice_ref ref)
{
    sluice_rwmutex m = {ref};
    return m;
}
static inline sluice_sem sluice_sem_of(sluice_ref ref)
{
    sluice_sem m = {ref};
    return m;
}
static inline sluice_wg sluice_wg_of(sluice_ref ref)
{
    sluice_wg g = {ref};
    return g;
}
static inline sluice_counter sluice_counter_of(sluice_ref ref)
{
    sluice_counter c = {ref};
    return c;
}
static inline sluice_once sluice_once_of(sluice_ref ref)
{
    sluice_once o = {ref};
    return o;
}
static inline sluice_cond sluice_cond_of(sluice_ref ref)
{
    sluice_cond c = {ref};
    return c;
}
static inline sluice_barrier sluice_barrier_of(sluice_ref ref)
{
    sluice_barrier b = {ref};
    return b;
}
static inline sluice_group sluice_group_of(sluice_ref ref)
{
    sluice_group g = {ref};
    return g;
}
static inline sluice_flight sluice_flight_of(sluice_ref ref)
{
    sluice_flight f = {ref};
    return f;
}
static inline sluice_limiter sluice_limiter_of(sluice_ref ref)
{
    sluice_limiter l = {ref};
    return l;
}
static inline sluice_cell sluice_cell_of(sluice_ref ref)
{
    sluice_cell c = {ref};
    return c;
}
static inline sluice_actor sluice_actor_of(sluice_ref ref)
{
    sluice_actor a = {ref};
    return a;
}
static inline sluice_pool sluice_pool_of(sluice_ref ref)
{
    sluice_pool p = {ref};
    return p;
}
static inline sluice_task sluice_task_of(sluice_ref ref)
{
    sluice_task t = {ref};
    return t;
}
static inline sluice_chan sluice_chan_named(const char *name)
{
    return sluice_chan_of(sluice_named(name));
}
static inline sluice_ctx sluice_ctx_named(const char *name)
{
    return sluice_ctx_of(sluice_named(name));
}
static inline sluice_timer sluice_timer_named(const char *name)
{
    return sluice_timer_of(sluice_named(name));
}
static inline sluice_trigger sluice_trigger_named(const char *name)
{
    return sluice_trigger_of(sluice_named(name));
}
static inline sluice_mutex sluice_mutex_named(const char *name)
{
    return sluice_mutex_of(sluice_named(name));
}
static inline sluice_rwmutex sluice_rwmutex_named(const char *name)
{
    return sluice_rwmutex_of(sluice_named(name));
}
static inline sluice_sem sluice_sem_named(const char *name)
{
    return sluice_sem_of(sluice_named(name));
}
static inline sluice_wg sluice_wg_named(const char *name)
{
    return sluice_wg_of(sluice_named(name));
}
static inline sluice_counter sluice_counter_named(const char *name)
{
    return sluice_counter_of(sluice_named(name));
}
static inline sluice_once sluice_once_named(const char *name)
{
    return sluice_once_of(sluice_named(name));
}
static inline sluice_cond sluice_cond_named(const char *name)
{
    return sluice_cond_of(sluice_named(name));
}
static inline sluice_barrier sluice_barrier_named(const char *name)
{
    return sluice_barrier_of(sluice_named(name));
}
static inline sluice_group sluice_group_named(const char *name)
{
    return sluice_group_of(sluice_named(name));
}
static inline sluice_flight sluice_flight_named(const char *name)
{
    return sluice_flight_of(sluice_named(name));
}
static inline sluice_limiter sluice_limiter_named(const char *name)
{
    return sluice_limiter_of(sluice_named(name));
}
static inline sluice_cell sluice_cell_named(const char *name)
{
    return sluice_cell_of(sluice_named(name));
}
static inline sluice_actor sluice_actor_named(const char *name)
{
    return sluice_actor_of(sluice_named(name));
}
static inline sluice_pool sluice_pool_named(const char *name)
{
    return sluice_pool_of(sluice_named(name));
}
/* The task of this number. */
static inline sluice_task sluice_task_numbered(uint64_t number)
{
    sluice_ref r = SLUICE_NIL_REF;
    r.task = number;
    return sluice_task_of(r);
}
static inline bool sluice_is_nil(sluice_ref r)
{
    return r.handle == 0 && r.task == 0 && r.name == NULL;
}

enum sluice_lifetime {
    SLUICE_OWNED =
        0, /* contexts, timers, tickers, triggers: with the session. All else with a name: until removed */
    SLUICE_EPHEMERAL = 1, /* ends with the session, or with the process for_pid */
    SLUICE_DETACHED = 2,  /* named objects of any kind: outlives the session */
};

/* How to make an object. NULL where it is taken: anonymous, owned, all rights. */
struct sluice_make {
    size_t size;      /* sizeof(struct sluice_make); SLUICE_MAKE_INIT sets it */
    const char *name; /* NULL: anonymous */
    bool exclusive;   /* EXISTS when there is one already */
    uint32_t rights;  /* of the handle; 0: all */
    enum sluice_lifetime lifetime;
    int32_t for_pid; /* EPHEMERAL: lives as long as this process; 0: as this session */
};
#define SLUICE_MAKE_INIT                                            \
    {                                                               \
        sizeof(struct sluice_make), NULL, false, 0, SLUICE_OWNED, 0 \
    }

/* What make, open and dup gave. */
struct sluice_made {
    bool created;
    enum sluice_kind kind;
    enum sluice_type type; /* channels */
    int64_t cap;           /* channels */
    uint32_t rights;
};

/* A handle on what exists. rights 0: all that there are. kind KIND_NONE: any, else WRONG_KIND when it does not fit.
 * NOT_FOUND, STALE, NOT_PERMITTED, NO_RIGHT. */
SLUICE_API enum sluice_status sluice_open_ref(sluice *s, sluice_ref ref, uint32_t rights,
                                              enum sluice_kind kind, sluice_ref *ret,
                                              struct sluice_made *ret_made);
/* A second handle with the same (rights 0) or fewer rights; more is NO_RIGHT. */
SLUICE_API enum sluice_status sluice_dup(sluice *s, sluice_ref ref, uint32_t rights, sluice_ref *ret);
/* Gives the handle up. An anonymous object that nothing refers to any more is gone. Nil and names are OK and change nothing. */
SLUICE_API enum sluice_status sluice_drop(sluice *s, sluice_ref ref);
/* Removes the object and its name; who waits on it gets REMOVED. */
SLUICE_API enum sluice_status sluice_remove(sluice *s, sluice_ref ref);

/* ---- Values and items ------------------------------------------------------------------------------------------- */

struct sluice_blob {
    const void *data;
    size_t size;
};

/* A value on its way in (all borrowed for the length of the call) or out (owned by its item). */
struct sluice_value {
    enum sluice_type type;
    uint16_t rights; /* TYPE_HANDLE, sent: what the receiver gets; 0: what this handle has */
    uint16_t kind;   /* TYPE_HANDLE, received: enum sluice_kind of the object */
    union {
        struct sluice_blob
            bytes;       /* TYPE_BYTES, TYPE_STRING, TYPE_JSON. Received: a NUL stands behind the last byte */
        int64_t integer; /* TYPE_INT64 */
        double real;     /* TYPE_DOUBLE */
        sluice_ref object; /* TYPE_HANDLE. Received: a handle of the receiver, to be given to sluice_drop */
    };
};

/* Leave out data only with size 0. */
static inline struct sluice_value sluice_bytes_of(enum sluice_type type, const void *data, size_t size)
{
    struct sluice_value v = {type, 0, 0, {{data, size}}};
    return v;
}
static inline struct sluice_value sluice_bytes(const void *data, size_t size)
{
    return sluice_bytes_of(SLUICE_TYPE_BYTES, data, size);
}
static inline struct sluice_value sluice_int(int64_t integer)
{
    struct sluice_value v = {SLUICE_TYPE_INT64, 0, 0, {{NULL, 0}}};
    v.integer = integer;
    return v;
}
static inline struct sluice_value sluice_real(double real)
{
    struct sluice_value v = {SLUICE_TYPE_DOUBLE, 0, 0, {{NULL, 0}}};
    v.real = real;
    return v;
}
static inline struct sluice_value sluice_object(sluice_ref ref, uint32_t rights)
{
    struct sluice_value v = {SLUICE_TYPE_HANDLE, (uint16_t)rights, 0, {{NULL, 0}}};
    v.object = ref;
    return v;
}
/* No value. */
static inline struct sluice_value sluice_none(void)
{
    struct sluice_value v = {SLUICE_TYPE_NONE, 0, 0, {{NULL, 0}}};
    return v;
}
/* The bytes of a C string: as bytes, as UTF-8 text, as a JSON text. */
SLUICE_API struct sluice_value sluice_str(const char *text);
SLUICE_API struct sluice_value sluice_text(const char *text);
SLUICE_API struct sluice_value sluice_json(const char *text);

/* A leased item's number. {0, 0}: not leased. */
typedef struct sluice_lease {
    uint64_t number;
    uint32_t session; /* as in sluice_ref */
} sluice_lease;

/* A received item. It may be copied as a struct; exactly one copy is given to sluice_item_free. */
struct sluice_item {
    struct sluice_value
        value; /* TYPE_NONE: there is none (closed, a context's end, an absent context value) */
    sluice_lease lease;
    uint32_t deliveries; /* how often it was handed out, this time included */
    void *memory;        /* the library's */
    int64_t rank;        /* of an ordered channel */
};
/* Frees what the item owns and makes it empty. An empty item and NULL are fine. It does not drop a received handle. */
SLUICE_API void sluice_item_free(struct sluice_item *item);
/* An item with a copy of the value; an object as it is. OK, or NO_MEMORY. */
SLUICE_API enum sluice_status sluice_item_copy(const struct sluice_value *value, struct sluice_item *ret);

/* Received items, owned together: sluice_batch_free, never sluice_item_free. */
struct sluice_batch {
    struct sluice_item *items;
    size_t count;
    void *memory; /* the library's */
};
SLUICE_API void sluice_batch_free(struct sluice_batch *batch);

/* ---- Waiting ---------------------------------------------------------------------------------------------------- */

struct sluice_wait {
    int64_t
        timeout_ns; /* at most so long, then DEADLINE_EXCEEDED; 0 does what can be done at once. Negative: for ever */
    sluice_ctx ctx; /* ends with this context's status when it is done; nil: none */
    bool no_wait;   /* WOULD_BLOCK instead of waiting */
    uint64_t
        fence; /* sends and receives: a fencing token, of the lock that guards the channel, say; 0: none. See
                  sluice_chan_spec.fenced */
    int64_t rank;         /* sends into an ordered channel; else 0, or INVALID */
    const int64_t *ranks; /* sluice_send_many: one for each value; NULL: rank, for all */
};
/* Initialisers: for ever, at most so many nanoseconds, until the context is done. */
#define SLUICE_WAIT_INIT                  \
    {                                     \
        -1, SLUICE_NIL, false, 0, 0, NULL \
    }
#define SLUICE_WAIT_FOR(ns)                 \
    {                                       \
        (ns), SLUICE_NIL, false, 0, 0, NULL \
    }
#define SLUICE_WAIT_CTX(ctx_)         \
    {                                 \
        -1, (ctx_), false, 0, 0, NULL \
    }
/* Try: WOULD_BLOCK instead of waiting. */
SLUICE_API const struct sluice_wait *sluice_no_wait(void);

/* ---- Channels --------------------------------------------------------------------------------------------------- */

struct sluice_chan_spec {
    size_t size;           /* sizeof(struct sluice_chan_spec); SLUICE_CHAN_SPEC_INIT sets it */
    int64_t cap;           /* 0: unbuffered. Outside 0..2^40: INVALID, "makechan: size out of range" */
    enum sluice_type type; /* TYPE_NONE: bytes */
    uint32_t
        deliveries_max; /* an item given back after so many deliveries goes to dead_letter; 0: no limit */
    sluice_chan dead_letter; /* of the same type; nil: none */
    bool fenced;             /* sends and closes must carry a fencing token (else MISUSE) */
    bool
        ordered; /* what is in it is received by rank (sluice_wait.rank), the least first, equals in the order they
                              * came. Who waits for room comes in as he came */
    const char *
        message; /* of bytes: each value is a protobuf message of this full name, at most 255 bytes; NULL: untold. The daemon does not look */
    struct sluice_blob
        schema; /* a FileDescriptorSet that has it, at most 256 KiB, for those who receive (sluice_describe); empty: none */
};
#define SLUICE_CHAN_SPEC_INIT                                                                    \
    {                                                                                            \
        sizeof(struct sluice_chan_spec), 0, SLUICE_TYPE_NONE, 0, SLUICE_NIL, false, false, NULL, \
        {                                                                                        \
            NULL, 0                                                                              \
        }                                                                                        \
    }

/* A channel, fenced or not, refuses tokens older than the newest it has seen (STALE_TOKEN), also those of sends that wait when a newer one
 * comes. To receive never takes one. */

/* Opens the channel of this name, making it when it is not there; name NULL makes an anonymous one. It carries bytes. MISMATCH when there
 * is one with another capacity or type. */
SLUICE_API enum sluice_status sluice_chan_make(sluice *s, const char *name, int64_t cap, sluice_chan *ret);
/* The same with all that can be said. how and spec may be NULL. */
SLUICE_API enum sluice_status sluice_chan_make_with(sluice *s, const struct sluice_make *how,
                                                    const struct sluice_chan_spec *spec, sluice_chan *ret,
                                                    struct sluice_made *ret_made);
/* The channel of this name, which must exist: NOT_FOUND, WRONG_KIND, NOT_PERMITTED. rights 0: all that there are. */
SLUICE_API enum sluice_status sluice_chan_open(sluice *s, const char *name, uint32_t rights,
                                               sluice_chan *ret);
SLUICE_API enum sluice_status sluice_chan_dup(sluice *s, sluice_chan ch, uint32_t rights, sluice_chan *ret);
/* Closes it: what is in it stays receivable, then CLOSED. CLOSE_OF_CLOSED, CLOSE_OF_NIL. */
SLUICE_API enum sluice_status sluice_chan_close(sluice *s, sluice_chan ch);
/* The same with a fencing token (0: none): STALE_TOKEN when the channel has seen a newer one. */
SLUICE_API enum sluice_status sluice_chan_close_fenced(sluice *s, sluice_chan ch, uint64_t fence);
/* Items that are in it, and its capacity. Nil: 0. */
SLUICE_API enum sluice_status sluice_chan_len(sluice *s, sluice_chan ch, uint64_t *ret);
SLUICE_API enum sluice_status sluice_chan_cap(sluice *s, sluice_chan ch, int64_t *ret);

/* Sends one value. SEND_ON_CLOSED, WRONG_TYPE, TOO_LARGE, NO_RIGHT, STALE_TOKEN (wait->fence), MISUSE (a fenced
 * channel and no fence), and the statuses of waiting. */
SLUICE_API enum sluice_status sluice_send(sluice *s, sluice_chan ch, struct sluice_value value,
                                          const struct sluice_wait *wait);
/* Receives one item: OK, or CLOSED when the channel is closed and drained. Written with OK only. ret must not be NULL. */
SLUICE_API enum sluice_status sluice_recv(sluice *s, sluice_chan ch, const struct sluice_wait *wait,
                                          struct sluice_item *ret);
/* The same; the item stays in the daemon for lease_ns (> 0) at most. sluice_ack finishes it. sluice_nack, the end of the
 * lease and the end of the session put it back at the head. */
SLUICE_API enum sluice_status sluice_recv_lease(sluice *s, sluice_chan ch, int64_t lease_ns,
                                                const struct sluice_wait *wait, struct sluice_item *ret);
/* Sends the values in order, each as capacity and receivers allow; at most 65536 of one type. ret_sent says how many went,
 * whatever the status. */
SLUICE_API enum sluice_status sluice_send_many(sluice *s, sluice_chan ch, const struct sluice_value *values,
                                               size_t count, const struct sluice_wait *wait,
                                               size_t *ret_sent);
/* Waits for one item, then takes what is there, up to max (1..65536; 0: 65536). lease_ns > 0 leases them. CLOSED as in sluice_recv. */
SLUICE_API enum sluice_status sluice_recv_many(sluice *s, sluice_chan ch, size_t max, int64_t lease_ns,
                                               const struct sluice_wait *wait, struct sluice_batch *ret);

/* ---- Leases ----------------------------------------------------------------------------------------------------- */

/* Finish, give back, or prolong (to duration_ns from now) leased items, at most 65536. NOT_LEASED when some of them are not leased to this
 * session (any more); the others are done all the same. ret_done says how many were, with OK and NOT_LEASED. */
SLUICE_API enum sluice_status sluice_ack(sluice *s, const sluice_lease *leases, size_t count,
                                         size_t *ret_done);
SLUICE_API enum sluice_status sluice_nack(sluice *s, const sluice_lease *leases, size_t count,
                                          size_t *ret_done);
SLUICE_API enum sluice_status sluice_extend(sluice *s, const sluice_lease *leases, size_t count,
                                            int64_t duration_ns, size_t *ret_done);

/* ---- Locks, permits, groups, counters, cells, onces, conditions, barriers, flights, limiters -------------------- */

/*
 * Go's sync, atomic and x/sync between processes that may die.
 *
 * What is held (a lock, permits, the right to run a once, a flight or a task, owned units of a wait group) has a token: a number
 * larger than every token before it in the daemon. Whoever shows the token gives the thing back, in any process: a token is only a number,
 * and passing it on is Go's "any goroutine may unlock". The thing belongs to the session that got it, or adopted it. When that session ends,
 * as it does when its process is killed, or when the ttl is over, the thing passes on: the next holder's grant says owner_died, and the
 * old token is stale (STALE_TOKEN). Who writes elsewhere under a lock sends the token along: a store that refuses tokens
 * older than the newest it has seen, as a fenced counter does, is safe from a holder that was taken for dead.
 *
 * ttl_ns > 0: what is granted is lost after so long unless prolonged (sluice_extend_token); 0: there is no limit but the session.
 * Nothing here is reentrant: who locks twice waits for himself. To try is to wait with sluice_no_wait(): WOULD_BLOCK.
 * name NULL makes an anonymous object; a named one is there until sluice_remove. `how` and `spec` may be NULL.
 * Nil is INVALID here; in a select it is never ready.
 * Every call may return NOT_FOUND, STALE, WRONG_KIND, NO_RIGHT, NOT_PERMITTED; those that take a wait also its statuses and REMOVED.
 */
struct sluice_grant {
    uint64_t token;  /* the fencing token; 0: nothing is held */
    bool owner_died; /* the holder before lost it: what it guards may be half done */
};

/* What the token holds is this session's from now on: it will not be lost with the session that had it. STALE_TOKEN: nobody holds it. */
SLUICE_API enum sluice_status sluice_adopt(sluice *s, uint64_t token);
/* The same for another process (pid > 0) of this user on this machine, which need not know the daemon: it is lost when that process dies. NOT_FOUND:
 * there is no such process. */
SLUICE_API enum sluice_status sluice_adopt_for(sluice *s, uint64_t token, int32_t pid);
/* What the token holds is lost duration_ns (> 0) from now, unless prolonged again. STALE_TOKEN: this session does not hold it. */
SLUICE_API enum sluice_status sluice_extend_token(sluice *s, uint64_t token, int64_t duration_ns);

/* sync.Mutex, in strict order of arrival: it is handed to the oldest waiter, and nobody overtakes. */
SLUICE_API enum sluice_status sluice_mutex_make(sluice *s, const char *name, sluice_mutex *ret);
SLUICE_API enum sluice_status sluice_mutex_make_with(sluice *s, const struct sluice_make *how,
                                                     sluice_mutex *ret, struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_mutex_open(sluice *s, const char *name, uint32_t rights,
                                                sluice_mutex *ret);
/* Lock, and with sluice_no_wait() TryLock. */
SLUICE_API enum sluice_status sluice_mutex_lock(sluice *s, sluice_mutex mutex, int64_t ttl_ns,
                                                const struct sluice_wait *wait, struct sluice_grant *ret);
/* Unlock. Not locked: MISUSE, "sync: unlock of unlocked mutex". Locked with another token: STALE_TOKEN. Both change nothing. */
SLUICE_API enum sluice_status sluice_mutex_unlock(sluice *s, sluice_mutex mutex, uint64_t token);

/*
 * Leader election is a mutex: who holds it leads, and the token is the term's number, the fence for all the leader
 * writes. To campaign is to lock, and says who is there (`value`, of any type but a handle, as "host:port"); to
 * resign is to unlock; a leader that dies or whose ttl is over has lost it. sluice_extend_token keeps a leader with a
 * ttl in office.
 */
/* Waits to be elected, in order of arrival. sluice_none(): says nothing. INVALID: value is a handle. TOO_LARGE. */
SLUICE_API enum sluice_status sluice_election_campaign(sluice *s, sluice_mutex election,
                                                       struct sluice_value value, int64_t ttl_ns,
                                                       const struct sluice_wait *wait,
                                                       struct sluice_grant *ret);
/* As sluice_mutex_unlock. */
static inline enum sluice_status sluice_election_resign(sluice *s, sluice_mutex election, uint64_t token)
{
    return sluice_mutex_unlock(s, election, token);
}
struct sluice_leader {
    uint64_t token;          /* 0: nobody leads */
    struct sluice_item item; /* what it said of itself, TYPE_NONE: nothing; to be given to sluice_item_free */
};
/* Waits until the leader's token is another than `after`, and says who leads then. 0 at first: the one that leads, or
 * the first that will; then the token it gave last: the next change. Several changes in between are seen as one: the
 * newest counts. ret must not be NULL. */
SLUICE_API enum sluice_status sluice_election_observe(sluice *s, sluice_mutex election, uint64_t after,
                                                      const struct sluice_wait *wait,
                                                      struct sluice_leader *ret);

/* sync.RWMutex: one writer or many readers. A writer that waits stops new readers; when a writer unlocks, all readers that wait go
 * first; so neither side starves. Each reader has a token of its own. When a writer dies all are told so until a writer has been; a reader that dies is subtracted. */
SLUICE_API enum sluice_status sluice_rwmutex_make(sluice *s, const char *name, sluice_rwmutex *ret);
SLUICE_API enum sluice_status sluice_rwmutex_make_with(sluice *s, const struct sluice_make *how,
                                                       sluice_rwmutex *ret, struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_rwmutex_open(sluice *s, const char *name, uint32_t rights,
                                                  sluice_rwmutex *ret);
/* For writing. MISUSE: "sync: Unlock of unlocked RWMutex", also when it is locked for reading. */
SLUICE_API enum sluice_status sluice_rwmutex_lock(sluice *s, sluice_rwmutex mutex, int64_t ttl_ns,
                                                  const struct sluice_wait *wait, struct sluice_grant *ret);
SLUICE_API enum sluice_status sluice_rwmutex_unlock(sluice *s, sluice_rwmutex mutex, uint64_t token);
/* For reading. MISUSE: "sync: RUnlock of unlocked RWMutex", also when it is locked for writing. */
SLUICE_API enum sluice_status sluice_rwmutex_rlock(sluice *s, sluice_rwmutex mutex, int64_t ttl_ns,
                                                   const struct sluice_wait *wait, struct sluice_grant *ret);
SLUICE_API enum sluice_status sluice_rwmutex_runlock(sluice *s, sluice_rwmutex mutex, uint64_t token);

/* x/sync's semaphore.Weighted: `size` permits (0..2^62, else INVALID), in strict order: while the oldest waiter's do not fit nobody behind
 * it is served. MISMATCH when there is one of another size. */
SLUICE_API enum sluice_status sluice_sem_make(sluice *s, const char *name, uint64_t size, sluice_sem *ret);
SLUICE_API enum sluice_status sluice_sem_make_with(sluice *s, const struct sluice_make *how, uint64_t size,
                                                   sluice_sem *ret, struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_sem_open(sluice *s, const char *name, uint32_t rights, sluice_sem *ret);
/* Takes permits. More than there are at all: waits until something ends the wait, and holds nobody up. None: waits its turn and
 * holds nothing (token 0). */
SLUICE_API enum sluice_status sluice_sem_acquire(sluice *s, sluice_sem sem, uint64_t permits, int64_t ttl_ns,
                                                 const struct sluice_wait *wait, struct sluice_grant *ret);
/* Gives permits back: of those this session holds, the newest first; or of a token's (0: all of them), in any session. More
 * than are held so: MISUSE, "semaphore: released more than held", and nothing changes. The token holds nothing: STALE_TOKEN. */
SLUICE_API enum sluice_status sluice_sem_release(sluice *s, sluice_sem sem, uint64_t permits);
SLUICE_API enum sluice_status sluice_sem_release_token(sluice *s, sluice_sem sem, uint64_t token,
                                                       uint64_t permits);

/* Changes how many permits there are (0..2^62, else INVALID), from now on: more go to those who wait at once; fewer
 * are taken out as they come back, and nothing is taken from who holds them. */
SLUICE_API enum sluice_status sluice_sem_resize(sluice *s, sluice_sem sem, uint64_t size);

/* sync.WaitGroup: a count of unfinished work. */
SLUICE_API enum sluice_status sluice_wg_make(sluice *s, const char *name, sluice_wg *ret);
SLUICE_API enum sluice_status sluice_wg_make_with(sluice *s, const struct sluice_make *how, sluice_wg *ret,
                                                  struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_wg_open(sluice *s, const char *name, uint32_t rights, sluice_wg *ret);
/* Changes the count. Below zero: MISUSE, "sync: negative WaitGroup counter", and nothing changes. What is taken off are this session's
 * own units first, then those that nobody owns, then the oldest others'. */
SLUICE_API enum sluice_status sluice_wg_add(sluice *s, sluice_wg wg, int64_t delta);
/* Adds units (> 0, else INVALID) that this session owns: if it ends before they are done they come off the count, and who waits gets OWNER_DIED. The
 * token is theirs, to be adopted by the process that does the work. */
SLUICE_API enum sluice_status sluice_wg_add_owned(sluice *s, sluice_wg wg, int64_t units,
                                                  uint64_t *ret_token);
static inline enum sluice_status sluice_wg_done(sluice *s, sluice_wg wg)
{
    return sluice_wg_add(s, wg, -1);
}
/* Waits until the count is zero: OK, or OWNER_DIED when units were lost since it last left zero. */
SLUICE_API enum sluice_status sluice_wg_wait(sluice *s, sluice_wg wg, const struct sluice_wait *wait);

/* atomic.Int64: every update is one step, and all of them have one order. */
struct sluice_counter_spec {
    size_t size;           /* sizeof(struct sluice_counter_spec); SLUICE_COUNTER_SPEC_INIT sets it */
    int64_t value;         /* at first; of a counter that exists it is not compared */
    bool has_min, has_max; /* without bounds it wraps as Go's do; a change that would leave them is INVALID */
    int64_t min, max;
    bool
        fenced; /* a change must carry a token (else MISUSE), and none older than the newest it has seen (STALE_TOKEN) */
};
#define SLUICE_COUNTER_SPEC_INIT                                         \
    {                                                                    \
        sizeof(struct sluice_counter_spec), 0, false, false, 0, 0, false \
    }
/* MISMATCH when there is one with other bounds. */
SLUICE_API enum sluice_status sluice_counter_make(sluice *s, const char *name, int64_t value,
                                                  sluice_counter *ret);
SLUICE_API enum sluice_status sluice_counter_make_with(sluice *s, const struct sluice_make *how,
                                                       const struct sluice_counter_spec *spec,
                                                       sluice_counter *ret, struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_counter_open(sluice *s, const char *name, uint32_t rights,
                                                  sluice_counter *ret);

enum sluice_update_verb { /* as Update.Verb of the protocol */
                          SLUICE_UPDATE_LOAD = 0,
                          SLUICE_UPDATE_ADD = 1,
                          SLUICE_UPDATE_STORE = 2,
                          SLUICE_UPDATE_SWAP = 3,
                          SLUICE_UPDATE_CAS = 4,
                          SLUICE_UPDATE_AND = 5,
                          SLUICE_UPDATE_OR = 6,
                          SLUICE_UPDATE_XOR = 7,
                          SLUICE_UPDATE_MAX = 8,
                          SLUICE_UPDATE_MIN = 9,
};
struct sluice_update {
    enum sluice_update_verb verb;
    int64_t operand;  /* ADD: what is added. CAS: the new value */
    int64_t expected; /* CAS */
    uint64_t fence;   /* a token, of the lock that guards the counter; 0: none */
};
/* ret_value: after ADD the new value, else the value before (LOAD: the value). ret_swapped: CAS found the expected one. It may be swapped
 * for itself. Never counted twice, also when the connection breaks and the session is resumed. */
SLUICE_API enum sluice_status sluice_counter_update(sluice *s, sluice_counter counter,
                                                    const struct sluice_update *update, int64_t *ret_value,
                                                    bool *ret_swapped);
static inline enum sluice_status sluice_counter_apply(sluice *s, sluice_counter counter,
                                                      enum sluice_update_verb verb, int64_t operand,
                                                      int64_t *ret_value)
{
    struct sluice_update u = {verb, operand, 0, 0};
    return sluice_counter_update(s, counter, &u, ret_value, NULL);
}
/* Go's Load, Add (returns the new value), Store, Swap (the old one), CompareAndSwap, And and Or (the old one). */
static inline enum sluice_status sluice_counter_load(sluice *s, sluice_counter counter, int64_t *ret)
{
    return sluice_counter_apply(s, counter, SLUICE_UPDATE_LOAD, 0, ret);
}
static inline enum sluice_status sluice_counter_add(sluice *s, sluice_counter counter, int64_t delta,
                                                    int64_t *ret_new)
{
    return sluice_counter_apply(s, counter, SLUICE_UPDATE_ADD, delta, ret_new);
}
static inline enum sluice_status sluice_counter_store(sluice *s, sluice_counter counter, int64_t value)
{
    return sluice_counter_apply(s, counter, SLUICE_UPDATE_STORE, value, NULL);
}
static inline enum sluice_status sluice_counter_swap(sluice *s, sluice_counter counter, int64_t value,
                                                     int64_t *ret_old)
{
    return sluice_counter_apply(s, counter, SLUICE_UPDATE_SWAP, value, ret_old);
}
static inline enum sluice_status sluice_counter_cas(sluice *s, sluice_counter counter, int64_t expected,
                                                    int64_t value, bool *ret_swapped)
{
    struct sluice_update u = {SLUICE_UPDATE_CAS, value, expected, 0};
    return sluice_counter_update(s, counter, &u, NULL, ret_swapped);
}
static inline enum sluice_status sluice_counter_and(sluice *s, sluice_counter counter, int64_t mask,
                                                    int64_t *ret_old)
{
    return sluice_counter_apply(s, counter, SLUICE_UPDATE_AND, mask, ret_old);
}
static inline enum sluice_status sluice_counter_or(sluice *s, sluice_counter counter, int64_t mask,
                                                   int64_t *ret_old)
{
    return sluice_counter_apply(s, counter, SLUICE_UPDATE_OR, mask, ret_old);
}
/* Beyond Go: exclusive or, and the larger or the smaller of the two. They give the old value. */
static inline enum sluice_status sluice_counter_xor(sluice *s, sluice_counter counter, int64_t mask,
                                                    int64_t *ret_old)
{
    return sluice_counter_apply(s, counter, SLUICE_UPDATE_XOR, mask, ret_old);
}
static inline enum sluice_status sluice_counter_max(sluice *s, sluice_counter counter, int64_t value,
                                                    int64_t *ret_old)
{
    return sluice_counter_apply(s, counter, SLUICE_UPDATE_MAX, value, ret_old);
}
static inline enum sluice_status sluice_counter_min(sluice *s, sluice_counter counter, int64_t value,
                                                    int64_t *ret_old)
{
    return sluice_counter_apply(s, counter, SLUICE_UPDATE_MIN, value, ret_old);
}

enum sluice_compare { /* as Condition.Compare of the protocol */
                      SLUICE_COMPARE_NONE = 0,
                      SLUICE_COMPARE_EQ = 1,
                      SLUICE_COMPARE_NE = 2,
                      SLUICE_COMPARE_LT = 3,
                      SLUICE_COMPARE_LE = 4,
                      SLUICE_COMPARE_GT = 5,
                      SLUICE_COMPARE_GE = 6,
};
/* Waits until the value compares so with the operand; ret_value is the value then. No change that makes it hold is missed, however
 * short it was. COMPARE_NONE: INVALID. */
SLUICE_API enum sluice_status sluice_counter_wait(sluice *s, sluice_counter counter,
                                                  enum sluice_compare compare, int64_t operand,
                                                  const struct sluice_wait *wait, int64_t *ret_value);

/*
 * sync/atomic's Value: one value of any type but a handle, changed in one step, and all changes have one order. It is empty at
 * first; the first store fixes its type for ever. Where Go panics there is MISUSE, with Go's text, and nothing changes: to
 * store nothing is "sync/atomic: store of nil value into Value", to store another type "sync/atomic: store of
 * inconsistently typed value into Value" (the same for "swap of" and "compare and swap of"); an expected and a new value
 * of two types are "sync/atomic: compare and swap of inconsistently typed values".
 *
 * Beyond Go, each change gives the cell a revision, one more than the last; 0: it is empty. A compare-and-swap may
 * name the revision that was read in place of the value, so that a value that came back does not pass for one that never left; and who
 * knows a revision waits for another.
 */
struct sluice_cell_spec {
    size_t size; /* sizeof(struct sluice_cell_spec); SLUICE_CELL_SPEC_INIT sets it */
    bool
        fenced; /* a change must carry a token (else MISUSE), and none older than the newest it has seen (STALE_TOKEN) */
};
#define SLUICE_CELL_SPEC_INIT                  \
    {                                          \
        sizeof(struct sluice_cell_spec), false \
    }
/* MISMATCH when there is one with another rule for tokens. */
SLUICE_API enum sluice_status sluice_cell_make(sluice *s, const char *name, sluice_cell *ret);
SLUICE_API enum sluice_status sluice_cell_make_with(sluice *s, const struct sluice_make *how,
                                                    const struct sluice_cell_spec *spec, sluice_cell *ret,
                                                    struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_cell_open(sluice *s, const char *name, uint32_t rights,
                                               sluice_cell *ret);

enum sluice_exchange_verb { /* as Exchange.Verb of the protocol */
                            SLUICE_EXCHANGE_LOAD = 0,
                            SLUICE_EXCHANGE_STORE = 1,
                            SLUICE_EXCHANGE_SWAP = 2,
                            SLUICE_EXCHANGE_CAS = 3,
};
struct sluice_exchange {
    enum sluice_exchange_verb verb;
    struct sluice_value value;    /* STORE, SWAP, CAS: the new one */
    struct sluice_value expected; /* CAS; sluice_none(): that it is empty */
    bool has_revision;            /* CAS: in place of `expected`, that it is of this revision */
    uint64_t revision;
    uint64_t fence; /* a token, of the lock that guards the cell; 0: none */
};
/* What a cell held, and the revision that it has now. */
struct sluice_content {
    uint64_t revision;       /* 0: it is empty */
    struct sluice_item item; /* TYPE_NONE: it was empty; to be given to sluice_item_free */
};
/* LOAD gives the value, STORE and SWAP the one before, CAS the one it found; ret_swapped: CAS found what was expected.
 * The same value may be stored again: that is a change, too. Two values are the same when their types and their bytes are.
 * Never done twice, also when the connection breaks and the session is resumed. INVALID: a handle. TOO_LARGE. ret
 * NULL: the value is not wanted. */
SLUICE_API enum sluice_status sluice_cell_exchange(sluice *s, sluice_cell cell,
                                                   const struct sluice_exchange *exchange,
                                                   struct sluice_content *ret, bool *ret_swapped);
static inline enum sluice_status sluice_cell_apply(sluice *s, sluice_cell cell,
                                                   enum sluice_exchange_verb verb, struct sluice_value value,
                                                   struct sluice_content *ret)
{
    struct sluice_exchange e = {verb, value, {SLUICE_TYPE_NONE, 0, 0, {{NULL, 0}}}, false, 0, 0};
    return sluice_cell_exchange(s, cell, &e, ret, NULL);
}
/* Go's Load: OK also when it is empty (nil). ret must not be NULL. */
static inline enum sluice_status sluice_cell_load(sluice *s, sluice_cell cell, struct sluice_content *ret)
{
    return sluice_cell_apply(s, cell, SLUICE_EXCHANGE_LOAD, sluice_none(), ret);
}
/* Store. */
static inline enum sluice_status sluice_cell_store(sluice *s, sluice_cell cell, struct sluice_value value)
{
    return sluice_cell_apply(s, cell, SLUICE_EXCHANGE_STORE, value, NULL);
}
/* Swap: gives the value before. ret must not be NULL. */
static inline enum sluice_status sluice_cell_swap(sluice *s, sluice_cell cell, struct sluice_value value,
                                                  struct sluice_content *ret)
{
    return sluice_cell_apply(s, cell, SLUICE_EXCHANGE_SWAP, value, ret);
}
/* CompareAndSwap. */
static inline enum sluice_status sluice_cell_compare_and_swap(sluice *s, sluice_cell cell,
                                                              struct sluice_value expected,
                                                              struct sluice_value value, bool *ret_swapped)
{
    struct sluice_exchange e = {SLUICE_EXCHANGE_CAS, value, expected, false, 0, 0};
    return sluice_cell_exchange(s, cell, &e, NULL, ret_swapped);
}
/* Stores value if the cell is still of the revision that was read (0: is still empty). */
static inline enum sluice_status sluice_cell_compare_and_swap_revision(sluice *s, sluice_cell cell,
                                                                       uint64_t revision,
                                                                       struct sluice_value value,
                                                                       bool *ret_swapped)
{
    struct sluice_exchange e = {
        SLUICE_EXCHANGE_CAS, value, {SLUICE_TYPE_NONE, 0, 0, {{NULL, 0}}}, true, revision, 0};
    return sluice_cell_exchange(s, cell, &e, NULL, ret_swapped);
}
/* Waits until its revision is another than `after`, and gives the value of then: with 0 until it has one; then, with the revision of what
 * was given last, until the next change. Several changes in between are seen as one: the newest counts. ret NULL: the value is not
 * wanted. */
SLUICE_API enum sluice_status sluice_cell_wait(sluice *s, sluice_cell cell, uint64_t after,
                                               const struct sluice_wait *wait, struct sluice_content *ret);

/* sync.Once and OnceValue: what runs once for all processes, and its outcome, kept in the daemon. */
struct sluice_once_spec {
    size_t size; /* sizeof(struct sluice_once_spec); SLUICE_ONCE_SPEC_INIT sets it */
    bool poison; /* if the runner dies it has failed for good (OWNER_DIED); else the next caller runs */
};
#define SLUICE_ONCE_SPEC_INIT                  \
    {                                          \
        sizeof(struct sluice_once_spec), false \
    }
struct sluice_outcome {
    bool failed;             /* Go's panic, or error: the value says of what */
    struct sluice_item item; /* the value, TYPE_NONE without one; to be given to sluice_item_free */
    bool shared;             /* of a flight: others have it too */
    uint64_t epoch;          /* of an actor: which of its owners answered */
};
/* MISMATCH when there is one with another rule for a runner that dies. */
SLUICE_API enum sluice_status sluice_once_make(sluice *s, const char *name, sluice_once *ret);
SLUICE_API enum sluice_status sluice_once_make_with(sluice *s, const struct sluice_make *how,
                                                    const struct sluice_once_spec *spec, sluice_once *ret,
                                                    struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_once_open(sluice *s, const char *name, uint32_t rights,
                                               sluice_once *ret);
/* The first caller may run (ret_grant has a token), and ends it with sluice_once_end. The others wait for the outcome, as all later ones
 * get it at once (the token is 0, and ret is written). If the runner dies before, the oldest waiter may run. Both ret_ must not be NULL.
 * OWNER_DIED: it is poisoned. */
SLUICE_API enum sluice_status sluice_once_begin(sluice *s, sluice_once once, int64_t ttl_ns,
                                                const struct sluice_wait *wait,
                                                struct sluice_grant *ret_grant, struct sluice_outcome *ret);
/* The runner's outcome, with a value (no handles) or sluice_none(). STALE_TOKEN: it was taken for dead; the outcome is thrown away. */
SLUICE_API enum sluice_status sluice_once_end(sluice *s, sluice_once once, uint64_t token, bool failed,
                                              struct sluice_value value);
/* Waits for the outcome without offering to run. ret must not be NULL. */
SLUICE_API enum sluice_status sluice_once_wait(sluice *s, sluice_once once, const struct sluice_wait *wait,
                                               struct sluice_outcome *ret);
/* What is to be run once: true, or false when it failed. ret_value (sluice_none() at first) is borrowed until sluice_once_do returns. */
typedef bool sluice_once_fn(void *argument, struct sluice_value *ret_value);
/* Go's Do: runs fn in this process if no other has, or waits for the one that does; then ret is the outcome for all. STALE_TOKEN: fn
 * has run, but its session had ended meanwhile. ret must not be NULL. */
SLUICE_API enum sluice_status sluice_once_do(sluice *s, sluice_once once, sluice_once_fn *fn, void *argument,
                                             const struct sluice_wait *wait, struct sluice_outcome *ret);

/*
 * sync.Cond. The lock is a mutex or a read-write lock (mutex.ref, rwmutex.ref), named with each wait; the condition
 * itself is the caller's: after each wait it is looked at again, under the lock. A waiter that dies between its
 * signal and its lock passes the signal on.
 */
SLUICE_API enum sluice_status sluice_cond_make(sluice *s, const char *name, sluice_cond *ret);
SLUICE_API enum sluice_status sluice_cond_make_with(sluice *s, const struct sluice_make *how,
                                                    sluice_cond *ret, struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_cond_open(sluice *s, const char *name, uint32_t rights,
                                               sluice_cond *ret);
/* Wait: in one step joins those who wait and unlocks what the token holds; after a signal locks again as it was
 * locked (ttl_ns: of the new lock) and gives the new token, with OK. Not locked, or with another token: as the unlock
 * says (MISUSE, STALE_TOKEN), and nothing has changed. Where timeout, context, cancellation or removal end it, before
 * the signal or while it waits for the lock, and where it is not to wait (WOULD_BLOCK), the caller holds nothing. */
SLUICE_API enum sluice_status sluice_cond_wait(sluice *s, sluice_cond cond, sluice_ref lock, uint64_t token,
                                               int64_t ttl_ns, const struct sluice_wait *wait,
                                               struct sluice_grant *ret);
/* Wakes the one that waits longest. Nobody waits: nothing is kept. The lock need not be held. ret_woken: 0 or 1. */
SLUICE_API enum sluice_status sluice_cond_signal(sluice *s, sluice_cond cond, uint64_t *ret_woken);
/* Wakes all that wait now; ret_woken is their number. */
SLUICE_API enum sluice_status sluice_cond_broadcast(sluice *s, sluice_cond cond, uint64_t *ret_woken);

/* A point that `parties` (1..2^30, else INVALID) processes pass together, again and again, as pthread_barrier_t.
 * MISMATCH when there is one for another number. */
SLUICE_API enum sluice_status sluice_barrier_make(sluice *s, const char *name, uint32_t parties,
                                                  sluice_barrier *ret);
SLUICE_API enum sluice_status sluice_barrier_make_with(sluice *s, const struct sluice_make *how,
                                                       uint32_t parties, sluice_barrier *ret,
                                                       struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_barrier_open(sluice *s, const char *name, uint32_t rights,
                                                  sluice_barrier *ret);
/* Waits until as many wait as there are parties; all go on together. Who leaves before (timeout, death) has not
 * arrived. ret_cycle: how often it has been passed, from 1; ret_last: this was the last to arrive (as
 * PTHREAD_BARRIER_SERIAL_THREAD), true for exactly one of them. */
SLUICE_API enum sluice_status sluice_barrier_wait(sluice *s, sluice_barrier barrier,
                                                  const struct sluice_wait *wait, uint64_t *ret_cycle,
                                                  bool *ret_last);

/* x/sync's errgroup.Group: tasks with a limit, their first error, and a context that it cancels. */
struct sluice_group_spec {
    size_t size;    /* sizeof(struct sluice_group_spec); SLUICE_GROUP_SPEC_INIT sets it */
    int64_t limit;  /* tasks at a time; negative: no limit. 0: none may start */
    sluice_ctx ctx; /* one that can be cancelled (INVALID); nil: none */
};
#define SLUICE_GROUP_SPEC_INIT                           \
    {                                                    \
        sizeof(struct sluice_group_spec), -1, SLUICE_NIL \
    }
/* With SLUICE_GROUP_SPEC_INIT the zero Group: no limit, no context. The context is cancelled by the first error, which is its cause,
 * and when a wait is over (cause "context canceled"). MISMATCH when there is one with another limit or context. */
SLUICE_API enum sluice_status sluice_group_make(sluice *s, const char *name, sluice_group *ret);
SLUICE_API enum sluice_status sluice_group_make_with(sluice *s, const struct sluice_make *how,
                                                     const struct sluice_group_spec *spec, sluice_group *ret,
                                                     struct sluice_made *ret_made);
/* errgroup.WithContext: an anonymous group and its context, derived from parent. Both ret_ must not be NULL. */
SLUICE_API enum sluice_status sluice_group_with_ctx(sluice *s, sluice_ctx parent, sluice_group *ret,
                                                    sluice_ctx *ret_ctx);
SLUICE_API enum sluice_status sluice_group_open(sluice *s, const char *name, uint32_t rights,
                                                sluice_group *ret);
/* Go: waits until fewer tasks run than the limit, and says that one more does, also after an error. Its token may be
 * adopted by the process that does the work. A task whose session ends before sluice_group_done has failed with
 * "owner died". ret must not be NULL. */
SLUICE_API enum sluice_status sluice_group_go(sluice *s, sluice_group group, int64_t ttl_ns,
                                              const struct sluice_wait *wait, struct sluice_grant *ret);
/* TryGo: WOULD_BLOCK at the limit. */
static inline enum sluice_status sluice_group_try_go(sluice *s, sluice_group group, int64_t ttl_ns,
                                                     struct sluice_grant *ret)
{
    return sluice_group_go(s, group, ttl_ns, sluice_no_wait(), ret);
}
/* The task has ended. error: UTF-8 text of at most 4096 bytes (INVALID); NULL: well. STALE_TOKEN: the task was taken
 * for dead. */
SLUICE_API enum sluice_status sluice_group_done(sluice *s, sluice_group group, uint64_t token,
                                                const char *error);
/* Wait: until no task runs, then cancels the context. The status is OK whether tasks failed or not; ret->failed and
 * its item (text) are the first error there ever was. ret must not be NULL. */
SLUICE_API enum sluice_status sluice_group_wait(sluice *s, sluice_group group, const struct sluice_wait *wait,
                                                struct sluice_outcome *ret);
/* SetLimit, negative: none. While tasks run: MISUSE, "errgroup: modify limit while 1 goroutines in the group are
 * still active". */
SLUICE_API enum sluice_status sluice_group_set_limit(sluice *s, sluice_group group, int64_t limit);

/* x/sync's singleflight.Group: of those who call with the same key at the same time one runs, and all share its
 * outcome. It is not kept: who comes later runs again. A key is at most 255 bytes (TOO_LARGE); NULL is the empty one. */
struct sluice_flight_spec {
    size_t size; /* sizeof(struct sluice_flight_spec); SLUICE_FLIGHT_SPEC_INIT sets it */
    bool poison; /* if a runner dies its callers fail (OWNER_DIED); else the oldest of them runs */
};
#define SLUICE_FLIGHT_SPEC_INIT                  \
    {                                            \
        sizeof(struct sluice_flight_spec), false \
    }
/* MISMATCH when there is one with another rule for a runner that dies. */
SLUICE_API enum sluice_status sluice_flight_make(sluice *s, const char *name, sluice_flight *ret);
SLUICE_API enum sluice_status sluice_flight_make_with(sluice *s, const struct sluice_make *how,
                                                      const struct sluice_flight_spec *spec,
                                                      sluice_flight *ret, struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_flight_open(sluice *s, const char *name, uint32_t rights,
                                                 sluice_flight *ret);
/* Either runs (ret_grant has a token; owner_died: in place of one that died), and ends it with sluice_flight_end, or
 * waits for who does and gets its outcome (the token is 0, and ret is written, shared). Both ret_ must not be NULL.
 * OWNER_DIED: the runner died, and the flight is one that poisons. */
SLUICE_API enum sluice_status sluice_flight_begin(sluice *s, sluice_flight flight, const char *key,
                                                  int64_t ttl_ns, const struct sluice_wait *wait,
                                                  struct sluice_grant *ret_grant, struct sluice_outcome *ret);
/* The runner's outcome, with a value (no handles) or sluice_none(). ret_shared: others have it too. STALE_TOKEN: it
 * was taken for dead; the outcome is thrown away. */
SLUICE_API enum sluice_status sluice_flight_end(sluice *s, sluice_flight flight, uint64_t token, bool failed,
                                                struct sluice_value value, bool *ret_shared);
/* Forget: who comes from now on starts a new flight; the old one ends for those who have joined it. ret_there: there
 * was one. */
SLUICE_API enum sluice_status sluice_flight_forget(sluice *s, sluice_flight flight, const char *key,
                                                   bool *ret_there);
/* Do: runs fn in this process if no other does, or waits for the one that does; ret is the outcome, and shared says
 * whether others have it, for the runner too. STALE_TOKEN: fn has run, but its session had ended meanwhile. A value
 * that the daemon refuses fails all (INVALID, TOO_LARGE …). ret must not be NULL. */
SLUICE_API enum sluice_status sluice_flight_do(sluice *s, sluice_flight flight, const char *key,
                                               sluice_once_fn *fn, void *argument,
                                               const struct sluice_wait *wait, struct sluice_outcome *ret);

/*
 * Limiters: how much may happen in what time, or at once. BUCKET is x/time/rate's Limiter. Under each key (at most
 * 255 bytes, else TOO_LARGE; NULL: the empty one) a limiter has a state of its own, made when it is first asked and
 * dropped when it is as new.
 */
enum sluice_algorithm { /* as LimiterSpec.Algorithm of the protocol */
                        SLUICE_ALGORITHM_BUCKET =
                            0, /* burst tokens at first, refilled at the rate; a reservation may leave it in debt */
                        SLUICE_ALGORITHM_WINDOW = 1, /* rate.count in each rate.period_ns since it was made */
                        SLUICE_ALGORITHM_SLIDING =
                            2, /* rate.count in a period; the last window counts by what of it is less than a period old */
                        SLUICE_ALGORITHM_METER =
                            3, /* leaky bucket: holds burst, leaks at the rate, refuses */
                        SLUICE_ALGORITHM_QUEUE =
                            4, /* leaky bucket: one passes every 1/rate, burst may wait; more: LIMIT "queue" */
                        SLUICE_ALGORITHM_CONCURRENCY = 5, /* at most burst at once, given back by token */
};
struct sluice_rate {   /* count events in each period, exactly */
    uint64_t count;    /* at most 2^40; 0: never */
    int64_t period_ns; /* 0: a second. Negative: INVALID */
    bool infinite;     /* rate.Inf: all passes. BUCKET only */
};
static inline struct sluice_rate sluice_rate_of(uint64_t count, int64_t period_ns)
{
    struct sluice_rate r = {count, period_ns, false};
    return r;
}
/* rate.Limit(n): n a second. */
static inline struct sluice_rate sluice_rate_per_second(uint64_t count)
{
    return sluice_rate_of(count, SLUICE_SECOND);
}
static inline struct sluice_rate sluice_rate_infinite(void)
{
    struct sluice_rate r = {0, 0, true};
    return r;
}
/* rate.Every: one in each interval; <= 0: infinite. */
static inline struct sluice_rate sluice_rate_every(int64_t interval_ns)
{
    return interval_ns > 0 ? sluice_rate_of(1, interval_ns) : sluice_rate_infinite();
}
struct sluice_limiter_spec {
    size_t size; /* sizeof(struct sluice_limiter_spec); SLUICE_LIMITER_SPEC_INIT sets it */
    enum sluice_algorithm algorithm;
    struct sluice_rate rate; /* all but CONCURRENCY */
    uint64_t burst;          /* BUCKET, METER, QUEUE, CONCURRENCY: at most 2^40 */
};
#define SLUICE_LIMITER_SPEC_INIT                                                      \
    {                                                                                 \
        sizeof(struct sluice_limiter_spec), SLUICE_ALGORITHM_BUCKET, {0, 0, false}, 0 \
    }
/* rate.NewLimiter: a BUCKET. MISMATCH when there is one with another algorithm, rate or burst. INVALID: a rate or burst that the
 * algorithm does not have, or beyond 2^40. */
SLUICE_API enum sluice_status sluice_limiter_make(sluice *s, const char *name, struct sluice_rate rate,
                                                  uint64_t burst, sluice_limiter *ret);
SLUICE_API enum sluice_status sluice_limiter_make_with(sluice *s, const struct sluice_make *how,
                                                       const struct sluice_limiter_spec *spec,
                                                       sluice_limiter *ret, struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_limiter_open(sluice *s, const char *name, uint32_t rights,
                                                  sluice_limiter *ret);
#define SLUICE_FOREVER_NS INT64_MAX /* in a quota: it never comes */
struct sluice_quota {
    bool allowed;
    int64_t remaining;      /* a bucket and the like: what could be taken at once now; negative: debt */
    int64_t retry_after_ns; /* refused: until it would pass if nobody else asks; SLUICE_FOREVER_NS: never */
    int64_t delay_ns;       /* reserved: until its time; SLUICE_FOREVER_NS: it never comes */
    uint64_t token;         /* reserved: for sluice_limiter_refund; 0: nothing could be given back.
                             * CONCURRENCY: what is held, for sluice_limiter_release */
};
/* rate.Limiter's WaitN: takes `permits`, waiting in order of arrival if need be; with sluice_no_wait() AllowN.
 * ttl_ns: CONCURRENCY. ret is written with OK and WOULD_BLOCK. More than could ever pass at once is MISUSE, "rate:
 * Wait(n=4) exceeds limiter's burst 3" (without waiting: WOULD_BLOCK). When a bucket's turn would come after the
 * timeout or the context's deadline: DEADLINE_EXCEEDED at once, "rate: Wait(n=3) would exceed context deadline", and
 * nothing is taken. LIMIT: the queue is full. */
SLUICE_API enum sluice_status sluice_limiter_take(sluice *s, sluice_limiter limiter, const char *key,
                                                  uint64_t permits, int64_t ttl_ns,
                                                  const struct sluice_wait *wait, struct sluice_quota *ret);
/* AllowN: OK or WOULD_BLOCK; ret says then when to come back. */
static inline enum sluice_status sluice_limiter_allow(sluice *s, sluice_limiter limiter, const char *key,
                                                      uint64_t permits, struct sluice_quota *ret)
{
    return sluice_limiter_take(s, limiter, key, permits, 0, sluice_no_wait(), ret);
}
/* The same answer, and nothing is taken. */
SLUICE_API enum sluice_status sluice_limiter_check(sluice *s, sluice_limiter limiter, const char *key,
                                                   uint64_t permits, struct sluice_quota *ret);
/* CONCURRENCY: gives back what the token holds, in any session. STALE_TOKEN: it holds nothing. */
SLUICE_API enum sluice_status sluice_limiter_release(sluice *s, sluice_limiter limiter, uint64_t token);

struct sluice_reserve {
    size_t size;         /* sizeof(struct sluice_reserve); SLUICE_RESERVE_INIT sets it */
    const char *key;     /* NULL: the empty one */
    uint64_t permits;    /* 1 by SLUICE_RESERVE_INIT */
    int64_t max_wait_ns; /* not if it would have to wait longer; negative: however long */
    bool has_at;
    int64_t
        at_ns; /* as if it were then, an instant not to come (INVALID); the limiter's time goes back with it, as Go's does */
};
#define SLUICE_RESERVE_INIT                                  \
    {                                                        \
        sizeof(struct sluice_reserve), NULL, 1, -1, false, 0 \
    }
/* ReserveN of a BUCKET (else INVALID): takes tokens that are still to come. OK: the caller waits ret->delay_ns by itself,
 * or gives them back by ret->token. WOULD_BLOCK, where Go's is not OK: more than the burst, or too long; nothing is
 * taken, and ret->retry_after_ns says when it would do. ret is written with both. The reservation ends with its time,
 * or with the session, which refunds it. how NULL: one token, without a key. */
SLUICE_API enum sluice_status sluice_limiter_reserve(sluice *s, sluice_limiter limiter,
                                                     const struct sluice_reserve *how,
                                                     struct sluice_quota *ret);
/* Reservation.Cancel: gives it back but for what was reserved after it; once. ret_back: something came back. Token 0
 * is OK: nothing comes back. */
SLUICE_API enum sluice_status sluice_limiter_refund(sluice *s, uint64_t token, bool *ret_back);
/* CancelAt: as if it were then. */
SLUICE_API enum sluice_status sluice_limiter_refund_at(sluice *s, uint64_t token, int64_t at_ns,
                                                       bool *ret_back);

struct sluice_tune {
    size_t size; /* sizeof(struct sluice_tune); SLUICE_TUNE_INIT sets it */
    bool has_rate, has_burst, has_at;
    struct sluice_rate rate;
    uint64_t burst; /* of every key */
    int64_t at_ns;  /* BUCKET: as sluice_reserve.at_ns */
};
#define SLUICE_TUNE_INIT                                                     \
    {                                                                        \
        sizeof(struct sluice_tune), false, false, false, {0, 0, false}, 0, 0 \
    }
/* SetLimit, SetBurst and their At: from now on; reservations keep their times. INVALID: what the algorithm does not have. */
SLUICE_API enum sluice_status sluice_limiter_tune(sluice *s, sluice_limiter limiter,
                                                  const struct sluice_tune *tune);
static inline enum sluice_status sluice_limiter_set_rate(sluice *s, sluice_limiter limiter,
                                                         struct sluice_rate rate)
{
    struct sluice_tune t = SLUICE_TUNE_INIT;
    t.has_rate = true;
    t.rate = rate;
    return sluice_limiter_tune(s, limiter, &t);
}
static inline enum sluice_status sluice_limiter_set_burst(sluice *s, sluice_limiter limiter, uint64_t burst)
{
    struct sluice_tune t = SLUICE_TUNE_INIT;
    t.has_burst = true;
    t.burst = burst;
    return sluice_limiter_tune(s, limiter, &t);
}

/* ---- Actors ----------------------------------------------------------------------------------------------------- */

/*
 * A goroutine that owns a state and ranges over a channel of requests, between processes that may die. One session at a time owns an
 * actor. Others call it; it serves the calls one at a time in the order they came, and answers each before it takes the next. So whoever has
 * a reply sees what it wrote in every later one. When the owner's session ends (its process is killed, say), the next that
 * waits to own it does, with the last checkpoint and a new epoch, and serves the calls that are left.
 */
struct sluice_actor_spec {
    size_t size; /* sizeof(struct sluice_actor_spec); SLUICE_ACTOR_SPEC_INIT sets it */
    bool
        fail; /* when the owner goes, the calls that wait or are served fail (OWNER_DIED); else its successor serves them */
};
#define SLUICE_ACTOR_SPEC_INIT                  \
    {                                           \
        sizeof(struct sluice_actor_spec), false \
    }
/* MISMATCH when there is one with another rule for an owner that dies. */
SLUICE_API enum sluice_status sluice_actor_make(sluice *s, const char *name, sluice_actor *ret);
SLUICE_API enum sluice_status sluice_actor_make_with(sluice *s, const struct sluice_make *how,
                                                     const struct sluice_actor_spec *spec, sluice_actor *ret,
                                                     struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_actor_open(sluice *s, const char *name, uint32_t rights,
                                                sluice_actor *ret);

struct sluice_owner {
    uint64_t token;          /* for all an owner does */
    bool owner_died;         /* the owner before lost it: calls since its last checkpoint may be half done */
    uint64_t epoch;          /* from 1: which owner since it was made. In every reply */
    struct sluice_item item; /* the last checkpoint, TYPE_NONE: none; to be given to sluice_item_free */
};
/* Waits until nobody owns it, in order of arrival, and owns it. ttl_ns: as of a lock. ret must not be NULL. */
SLUICE_API enum sluice_status sluice_actor_own(sluice *s, sluice_actor actor, int64_t ttl_ns,
                                               const struct sluice_wait *wait, struct sluice_owner *ret);
/* Gives it up, with a last checkpoint; sluice_none(): the one before stays. A call that is being served is the successor's.
 * STALE_TOKEN: it was lost before. */
SLUICE_API enum sluice_status sluice_actor_resign(sluice *s, sluice_actor actor, uint64_t token,
                                                  struct sluice_value checkpoint);
/* Keeps the state (no handles) for the next owner, in place of the one before; sluice_none(): none. STALE_TOKEN. */
SLUICE_API enum sluice_status sluice_actor_checkpoint(sluice *s, sluice_actor actor, uint64_t token,
                                                      struct sluice_value checkpoint);
/* Asks, with a value (no handles), and waits for the reply: ret->failed, its item and its epoch are the owner's. Who leaves before
 * his call is served withdraws it; later, the reply is dropped. OWNER_DIED: the owner went, and the actor is one that
 * fails. ret must not be NULL. */
SLUICE_API enum sluice_status sluice_actor_call(sluice *s, sluice_actor actor, struct sluice_value value,
                                                const struct sluice_wait *wait, struct sluice_outcome *ret);

/* What is to be done: a call of an actor, or a task of a pool. */
struct sluice_job {
    uint64_t number; /* of the call, for sluice_actor_reply; of the task */
    uint64_t token;  /* a task: of this attempt, for sluice_task_end, sluice_task_watch, sluice_task_enter */
    uint64_t caller; /* a call: its session's number */
    uint64_t epoch;  /* a call: this owner's */
    uint32_t
        deliveries; /* how often it was taken, this time included. A call above 1: an owner before took it too. A task:
                           * which attempt */
    const char *function;    /* a task's; "": a command (see struct sluice_command). A call: "" */
    int64_t run_ns;          /* a task: what the attempt may take; 0: no limit */
    struct sluice_item item; /* what it was called with */
    void *memory;            /* the library's */
};
/* Frees what the job owns and makes it empty. NULL is fine. */
SLUICE_API void sluice_job_free(struct sluice_job *job);

/* The owner takes the oldest call, or waits for one. While it has not answered the one before: MISUSE, "a call is being served".
 * STALE_TOKEN: it was lost, also while it waits. ret must not be NULL. */
SLUICE_API enum sluice_status sluice_actor_serve(sluice *s, sluice_actor actor, uint64_t token,
                                                 const struct sluice_wait *wait, struct sluice_job *ret);
/* Answers the call of this number, which is being served (else INVALID), with a value (no handles) or sluice_none(). ret_taken: its
 * caller has it; false: it had left. STALE_TOKEN. */
SLUICE_API enum sluice_status sluice_actor_reply(sluice *s, sluice_actor actor, uint64_t token,
                                                 uint64_t number, bool failed, struct sluice_value value,
                                                 bool *ret_taken);

/* ---- Pools and tasks -------------------------------------------------------------------------------------------- */

/*
 * Goroutines whose bodies are processes', and their scheduler. Workers serve a pool with a number of slots, for functions by name; tasks are
 * submitted to it (sluice_go), by anyone, and wait until the daemon gives them to a worker: the one of the highest priority first,
 * of equals in fair shares between those who submit, then by age. A task that waits in the daemon (to receive, to
 * lock, for another task) gives its slot to another meanwhile, if its requests are made in its name (sluice_task_enter), so that
 * a pool of two runs ten thousand tasks that wait for each other.
 *
 * A worker's session that ends (it is killed, say) loses its attempts: each task begins again, with a new token, as long as it has
 * retries; else it has failed with OWNER_DIED. Who was taken for dead finishes nothing: its token is stale.
 */
struct sluice_pool_spec {
    size_t size;   /* sizeof(struct sluice_pool_spec); SLUICE_POOL_SPEC_INIT sets it */
    int64_t limit; /* tasks that run at a time; negative: as many as the workers have slots. 0: none begins */
    int64_t capacity; /* tasks that have not begun, beyond which sluice_go waits; negative: no bound */
    sluice_chan
        dead_letter; /* of bytes: gets the value (if it is bytes) of each task that has failed for good; nil: none */
};
#define SLUICE_POOL_SPEC_INIT                               \
    {                                                       \
        sizeof(struct sluice_pool_spec), -1, -1, SLUICE_NIL \
    }
/* As sluice_chan_make. MISMATCH when there is one with another limit, capacity or dead_letter. */
SLUICE_API enum sluice_status sluice_pool_make(sluice *s, const char *name, sluice_pool *ret);
SLUICE_API enum sluice_status sluice_pool_make_with(sluice *s, const struct sluice_make *how,
                                                    const struct sluice_pool_spec *spec, sluice_pool *ret,
                                                    struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_pool_open(sluice *s, const char *name, uint32_t rights,
                                               sluice_pool *ret);

struct sluice_pool_tune {
    size_t size; /* sizeof(struct sluice_pool_tune); SLUICE_POOL_TUNE_INIT sets it */
    bool has_limit, has_capacity, has_pause;
    int64_t limit, capacity; /* as in sluice_pool_spec */
    bool pause;              /* true: no task begins; those that have begun go on. false: they begin again */
};
#define SLUICE_POOL_TUNE_INIT                                             \
    {                                                                     \
        sizeof(struct sluice_pool_tune), false, false, false, 0, 0, false \
    }
/* Changes what is given, from now on. */
SLUICE_API enum sluice_status sluice_pool_tune(sluice *s, sluice_pool pool,
                                               const struct sluice_pool_tune *tune);
static inline enum sluice_status sluice_pool_set_limit(sluice *s, sluice_pool pool, int64_t limit)
{
    struct sluice_pool_tune t = SLUICE_POOL_TUNE_INIT;
    t.has_limit = true;
    t.limit = limit;
    return sluice_pool_tune(s, pool, &t);
}
static inline enum sluice_status sluice_pool_pause(sluice *s, sluice_pool pool, bool pause)
{
    struct sluice_pool_tune t = SLUICE_POOL_TUNE_INIT;
    t.has_pause = true;
    t.pause = pause;
    return sluice_pool_tune(s, pool, &t);
}
/* It takes no more tasks (SEND_ON_CLOSED); its workers get CLOSED when all have finished. CLOSE_OF_CLOSED. */
SLUICE_API enum sluice_status sluice_pool_close(sluice *s, sluice_pool pool);

/* A task to be. */
struct sluice_task_spec {
    size_t size;               /* sizeof(struct sluice_task_spec); SLUICE_TASK_SPEC_INIT sets it */
    const char *function;      /* which of the workers' functions, at most 255 bytes; NULL: a command */
    struct sluice_value value; /* what it is called with; no handle. A command: see sluice_command_encode */
    int32_t priority;          /* -1000..1000 (INVALID), the higher first */
    int64_t delay_ns;          /* not before so long from now */
    int64_t within_ns; /* > 0: told to stop (DEADLINE_EXCEEDED) when it has not finished so long from now */
    int64_t run_ns;    /* > 0: the same for each attempt, from its beginning */
    uint32_t retries;  /* how often it is begun again when it fails or its worker dies */
    int64_t
        backoff_ns; /* before the first retry after a failure; twice as long before each next. A worker's death
                                * is followed by one at once */
    int64_t keep_ns; /* its result, once it has finished; 0: one hour */
    const char
        *key; /* while a task of this key has not finished there is no other: that one is given. At most 255
                                * bytes; NULL: none */
    const char *share; /* whose share of the pool it takes, at most 255 bytes; NULL: this session's */
    const sluice_task *
        after; /* tasks that must have finished well before, at most 64. When one has failed it is not run and
                                * has failed (CANCELED, cause "a task before it failed") */
    size_t after_count;
    sluice_ctx ctx; /* its end cancels the task; nil: none */
    bool
        bare; /* without a handle: ret->ref is its number alone, and nothing is to be dropped; its result is kept for keep_ns */
};
#define SLUICE_TASK_SPEC_INIT                                                                              \
    {                                                                                                      \
        sizeof(struct sluice_task_spec), NULL, {SLUICE_TYPE_NONE, 0, 0, {{NULL, 0}}}, 0, 0, 0, 0, 0, 0, 0, \
            NULL, NULL, NULL, 0, SLUICE_NIL, false                                                         \
    }
/* The go statement: submits a task, as soon as the pool has room. It is the pool's, and goes on without this session. ret has a handle, to be
 * given to sluice_drop, and the number (ret->ref.task). ret_created: false: the task of this key that was there.
 * INVALID: "no worker of the pool serves this function" (a pool that has no workers keeps it for later). SEND_ON_CLOSED:
 * the pool is closed. spec NULL: INVALID. */
SLUICE_API enum sluice_status sluice_go(sluice *s, sluice_pool pool, const struct sluice_task_spec *spec,
                                        const struct sluice_wait *wait, sluice_task *ret, bool *ret_created);
/* A handle on the task of this number: it is known by it as long as the handle. NOT_FOUND: there is none, or it is not kept any more. */
SLUICE_API enum sluice_status sluice_task_open(sluice *s, uint64_t number, sluice_task *ret);

enum sluice_task_state {                          /* as Description.TaskState of the protocol */
                         SLUICE_TASK_BLOCKED = 0, /* after others */
                         SLUICE_TASK_DELAYED = 1, /* before its time; between attempts */
                         SLUICE_TASK_QUEUED = 2,
                         SLUICE_TASK_RUNNING = 3,
                         SLUICE_TASK_WAITING = 4,  /* in the daemon; without a slot */
                         SLUICE_TASK_RUNNABLE = 5, /* its wait is over, and it waits for a slot */
                         SLUICE_TASK_DEAD = 6,     /* finished */
};

/* How a task ended. */
struct sluice_ending {
    bool failed;
    enum sluice_status
        status; /* OK: by itself, well or not. CANCELED, DEADLINE_EXCEEDED: it was told to stop. OWNER_DIED: its
                                * worker died, and it had no retries left */
    bool has_exit;
    int32_t exit;            /* a command's exit code, or minus the signal that ended it */
    const char *cause;       /* why it was told to stop, or was not begun; NULL: nothing was said */
    struct sluice_item item; /* what it gave; TYPE_NONE: nothing */
    void *memory;            /* the library's */
};
/* Frees what the ending owns and makes it empty. NULL is fine. */
SLUICE_API void sluice_ending_free(struct sluice_ending *ending);
/* Waits until it has finished, for good: OK whether it failed or not. Any number may wait, in any session. ret must not be NULL. */
SLUICE_API enum sluice_status sluice_task_wait(sluice *s, sluice_task task, const struct sluice_wait *wait,
                                               struct sluice_ending *ret);
/* errgroup's Wait, of tasks: waits until all of them have finished. When the first one fails ctx (nil: none) is cancelled, so that those which were
 * submitted with it (sluice_task_spec.ctx) stop; the cause is why the task was stopped, or the text it gave, or its exit, "exit status 2". The others
 * are waited for all the same; then ctx is cancelled in any case. ret_first: which failed first; count: none. ret: how it ended, empty when
 * none failed. Neither may be NULL. When something else ends the wait ctx and the tasks are left as they are. */
SLUICE_API enum sluice_status sluice_task_wait_all(sluice *s, const sluice_task *tasks, size_t count,
                                                   sluice_ctx ctx, const struct sluice_wait *wait,
                                                   size_t *ret_first, struct sluice_ending *ret);
/* Passes a signal (1..64, else INVALID) on to a running task; one that has no attempt is cancelled. ret_there: it had not
 * finished. */
SLUICE_API enum sluice_status sluice_task_kill(sluice *s, sluice_task task, int signal, bool *ret_there);
/* Tells it to stop; one that has not begun is finished at once. It is not begun again. cause: at most 4096 bytes; NULL: none. */
SLUICE_API enum sluice_status sluice_task_cancel(sluice *s, sluice_task task, const char *cause,
                                                 bool *ret_there);

/* Workers. This session serves the pool with `slots` (1..2^20) for the functions (1..256, "" for commands), until it ends. ret_token is
 * the worker's. */
SLUICE_API enum sluice_status sluice_pool_work(sluice *s, sluice_pool pool, uint32_t slots,
                                               const char *const *functions, size_t count,
                                               uint64_t *ret_token);
/* Takes the next task, as soon as there is one and a slot for it. CLOSED: the pool is closed, and all have finished. Since a task that waits
 * gives its slot back, there may be more than `slots` that have begun: a worker always has one pull under way.
 * STALE_TOKEN: not this worker's token. ret must not be NULL. */
SLUICE_API enum sluice_status sluice_pool_pull(sluice *s, sluice_pool pool, uint64_t token,
                                               const struct sluice_wait *wait, struct sluice_job *ret);
/* The attempt is over: well, or failed; with a value (no handles) or sluice_none(); exit: a command's code or minus its signal, NULL: it
 * was none. STALE_TOKEN: it was taken for dead, and what it gave is thrown away. */
SLUICE_API enum sluice_status sluice_task_end(sluice *s, sluice_task task, uint64_t token, bool failed,
                                              struct sluice_value value, const int32_t *exit);
/* Waits until the attempt is told something: *ret_signal is a signal (1..64), or 0: it shall stop (it is said once). ret_cause: why,
 * NULL when nothing was said; to be given to sluice_free. STALE_TOKEN: the attempt is over. Both ret_ may be NULL. */
SLUICE_API enum sluice_status sluice_task_watch(sluice *s, sluice_task task, uint64_t token,
                                                const struct sluice_wait *wait, int *ret_signal,
                                                char **ret_cause);

/* What the calling thread asks on this connection, from now on, it asks in the name of the task that runs with this token (sluice_job.token): while
 * a request waits its slot is another's, and the reply comes when the task has a slot again, be its deadline over or
 * not. Replaces the one before. A token that is no longer a running task's makes calls that may wait STALE_TOKEN. A thread is in the name of one task at a
 * time; leave before the connection is closed. A program that a worker runs as a command needs none of this: the
 * environment variable SLUICE_TASK has the token, in decimal, and each connection speaks in its name. */
SLUICE_API void sluice_task_enter(sluice *s, uint64_t token);
/* The calling thread asks again as it did before it first entered: in the name of sluice_options.task, or in nobody's. */
SLUICE_API void sluice_task_leave(sluice *s);

/* A worker ready made: attaches, takes tasks, runs each in a thread of its own, ends them, and hears what they are told. */
typedef struct sluice_run sluice_run;
/* A function: true, or false when it has failed. Its thread has entered the task. */
typedef bool sluice_function_fn(sluice_run *run, void *argument);
struct sluice_function {
    const char *name; /* "" or NULL: commands */
    sluice_function_fn *fn;
    void *argument;
};
/* Until the pool is closed and all has finished: CLOSED. Or until `wait` (a context, a time) or sluice_interrupt stops it: then it
 * takes no more, lets the functions that run finish, and returns that status. When the session is lost it attaches
 * again, if `pool` is a name; the functions that ran are told to stop, and what they give is lost. INVALID: as
 * sluice_pool_work. A value that the daemon refuses fails its task. */
SLUICE_API enum sluice_status sluice_worker_run(sluice *s, sluice_pool pool, uint32_t slots,
                                                const struct sluice_function *functions, size_t count,
                                                const struct sluice_wait *wait);
/* For the function, in any thread until it returns: */

/* What it is called with. */
SLUICE_API const struct sluice_job *sluice_run_job(const sluice_run *run);
/* The worker's connection. */
SLUICE_API sluice *sluice_run_client(const sluice_run *run);
/* What it gives: copied. The last one counts. NO_MEMORY. */
SLUICE_API enum sluice_status sluice_run_return(sluice_run *run, struct sluice_value value);
/* A command's exit code, or minus the signal that ended it. */
SLUICE_API void sluice_run_exit(sluice_run *run, int32_t exit);
/* It shall stop. */
SLUICE_API bool sluice_run_stopping(sluice_run *run);
/* The next signal it was sent, or 0: none now. */
SLUICE_API int sluice_run_signal(sluice_run *run);
/* A descriptor that is readable from then on when it shall stop or was sent a signal; the library's own: never to be closed, and
 * read by sluice_run_signal. -errno when there is none to be had. */
SLUICE_API int sluice_run_fd(sluice_run *run);
/* A context that is cancelled when it shall stop, with the cause. Made at the first call; the run's own. */
SLUICE_API enum sluice_status sluice_run_ctx(sluice_run *run, sluice_ctx *ret);

/* ---- Commands: what a task without a function is called with, and gives ----------------------------------------- */

struct sluice_variable {
    const char *name;
    const char *value; /* NULL: not set */
};
/* The message Command of the protocol. Texts are any bytes but NUL. */
struct sluice_command {
    size_t size;                       /* sizeof(struct sluice_command); SLUICE_COMMAND_INIT sets it */
    const char *const *argv;           /* NULL-terminated, at least one (INVALID) */
    const struct sluice_variable *env; /* over the worker's own */
    size_t env_count;
    const char *cwd;          /* NULL: the worker's */
    struct sluice_blob input; /* its standard input */
    const char *
        out_channel; /* a channel of bytes that its output is also sent to as it comes, by name; NULL: none */
    const char *err_channel;
    int64_t
        grace_ns; /* told to stop: SIGTERM, and after so long SIGKILL; negative: the worker's default. 0: SIGKILL at once */
};
#define SLUICE_COMMAND_INIT                                                                    \
    {                                                                                          \
        sizeof(struct sluice_command), NULL, NULL, 0, NULL, {NULL, 0}, NULL, NULL, INT64_C(-1) \
    }
/* The command as a value (bytes), for sluice_task_spec: ret->value. sluice_item_free. */
SLUICE_API enum sluice_status sluice_command_encode(const struct sluice_command *command,
                                                    struct sluice_item *ret);
/* The command that a value says. INVALID: it is none. */
SLUICE_API enum sluice_status sluice_command_decode(const struct sluice_value *value,
                                                    struct sluice_command **ret);
/* Each of these frees what its call gave; takes NULL, returns NULL. */
SLUICE_API struct sluice_command *sluice_command_free(struct sluice_command *command);

#define SLUICE_OUTPUT_SIZE 32768 /* what is kept of each end of an output */
struct sluice_output {
    struct sluice_blob head; /* its first bytes, at most SLUICE_OUTPUT_SIZE */
    struct sluice_blob tail; /* its last ones, as many at most; none while all fits the head */
    uint64_t dropped;        /* bytes in between */
};
/* The message CommandResult of the protocol: what a command gave. */
struct sluice_command_result {
    size_t size;    /* sizeof(struct sluice_command_result); SLUICE_COMMAND_RESULT_INIT sets it */
    int32_t exit;   /* its exit code */
    int32_t signal; /* > 0: that ended it */
    struct sluice_output out, err;
    const char *
        error; /* why it was not begun ("sh: No such file or directory"), or has failed though it exited with 0; NULL: neither */
};
#define SLUICE_COMMAND_RESULT_INIT                                                                        \
    {                                                                                                     \
        sizeof(struct sluice_command_result), 0, 0, {{NULL, 0}, {NULL, 0}, 0}, {{NULL, 0}, {NULL, 0}, 0}, \
            NULL                                                                                          \
    }
SLUICE_API enum sluice_status sluice_command_result_encode(const struct sluice_command_result *result,
                                                           struct sluice_item *ret);
SLUICE_API enum sluice_status sluice_command_result_decode(const struct sluice_value *value,
                                                           struct sluice_command_result **ret);
SLUICE_API struct sluice_command_result *sluice_command_result_free(struct sluice_command_result *result);

/* Gathers an output piece by piece, and keeps of it what a result holds. NULL: no memory. */
typedef struct sluice_capture sluice_capture;
SLUICE_API sluice_capture *sluice_capture_new(void);
SLUICE_API void sluice_capture_add(sluice_capture *capture, const void *data, size_t size);
/* What there is so far; valid until the next add. */
SLUICE_API struct sluice_output sluice_capture_get(sluice_capture *capture);
/* NULL is fine; returns NULL. */
SLUICE_API sluice_capture *sluice_capture_free(sluice_capture *capture);

/* ---- Select ----------------------------------------------------------------------------------------------------- */

struct sluice_arm {
    enum sluice_verb verb;
    enum sluice_compare compare; /* WAIT on a counter; on a mutex or a cell: COMPARE_NE */
    sluice_ref
        ref; /* what the verb is done to; RECV: a channel, timer, ticker or context. Nil: never ready */
    struct sluice_value value; /* SEND. LOCK of a mutex: what a leader says of itself */
    int64_t delay_ns;          /* AFTER */
    int64_t lease_ns; /* RECV: > 0 leases the item. LOCK, RLOCK, ACQUIRE, BEGIN, COND, TAKE: the ttl */
    uint64_t permits; /* ACQUIRE, TAKE */
    int64_t operand;  /* WAIT on a counter; on a mutex, a cell: the token, the revision that is known */
    struct sluice_grant
        *ret_grant; /* LOCK, RLOCK, ACQUIRE, BEGIN, COND. WAIT on a mutex: the leader's token */
    int64_t *
        ret_number; /* WAIT on a counter: its value then. On a barrier: the cycle. WATCH: the signal, 0: stop */
    bool *
        ret_failed; /* BEGIN, WAIT on a once, flight or group; CALL: its outcome; the value is the received item */
    bool *ret_shared;               /* BEGIN on a flight: others have it too */
    bool *ret_last;                 /* WAIT on a barrier: this was the last to arrive */
    struct sluice_quota *ret_quota; /* TAKE */
    const char *key;                /* BEGIN on a flight, TAKE; NULL: the empty one */
    sluice_ref
        lock; /* COND: the mutex or read-write lock. One COND arm at most: it gives the lock up whichever arm is committed */
    /* COND: by which the lock is held. SEND, RECV: the fence; 0: none. SERVE: the owner's; PULL: the worker's; WATCH: the attempt's */
    uint64_t token;
    int64_t rank;                     /* SEND into an ordered channel */
    uint64_t *ret_epoch;              /* BEGIN of an actor: the owner's; CALL: who answered */
    struct sluice_job *ret_job;       /* SERVE, PULL: all but its item, which is the received one */
    struct sluice_ending *ret_ending; /* WAIT on a task: the same. WATCH: the cause, beside ret_number */
    uint64_t *ret_revision;           /* WAIT on a cell: its revision then; the value is the received item */
};

static inline struct sluice_arm sluice_arm_of(enum sluice_verb verb, sluice_ref ref)
{
    struct sluice_arm a = {SLUICE_VERB_NONE,
                           SLUICE_COMPARE_NONE,
                           SLUICE_NIL_REF,
                           {SLUICE_TYPE_NONE, 0, 0, {{NULL, 0}}},
                           0,
                           0,
                           0,
                           0,
                           NULL,
                           NULL,
                           NULL,
                           NULL,
                           NULL,
                           NULL,
                           NULL,
                           SLUICE_NIL_REF,
                           0,
                           0,
                           NULL,
                           NULL,
                           NULL,
                           NULL};
    a.verb = verb;
    a.ref = ref;
    return a;
}
static inline struct sluice_arm sluice_arm_send(sluice_chan ch, struct sluice_value value)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_SEND, ch.ref);
    a.value = value;
    return a;
}
static inline struct sluice_arm sluice_arm_recv_ref(sluice_ref ref, int64_t lease_ns)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_RECV, ref);
    a.lease_ns = lease_ns;
    return a;
}
static inline struct sluice_arm sluice_arm_recv(sluice_chan ch)
{
    return sluice_arm_recv_ref(ch.ref, 0);
}
static inline struct sluice_arm sluice_arm_done(sluice_ctx ctx)
{
    return sluice_arm_recv_ref(ctx.ref, 0);
}
static inline struct sluice_arm sluice_arm_timer(sluice_timer timer)
{
    return sluice_arm_recv_ref(timer.ref, 0);
}
/* A send or receive arm with a fencing token. */
static inline struct sluice_arm sluice_arm_fenced(struct sluice_arm arm, uint64_t fence)
{
    arm.token = fence;
    return arm;
}
/* A send arm with a rank. */
static inline struct sluice_arm sluice_arm_ranked(struct sluice_arm arm, int64_t rank)
{
    arm.rank = rank;
    return arm;
}
static inline struct sluice_arm sluice_arm_after(int64_t delay_ns)
{
    sluice_ref nil = SLUICE_NIL_REF;
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_AFTER, nil);
    a.delay_ns = delay_ns;
    return a;
}
static inline struct sluice_arm sluice_arm_default(void)
{
    sluice_ref nil = SLUICE_NIL_REF;
    return sluice_arm_of(SLUICE_VERB_DEFAULT, nil);
}
/* The arms below write what they give through their pointers, when they are the one that is committed; what a pointer of NULL would have
 * got is lost (what is held stays with the session). sluice_select_start does not write there: struct sluice_result has it. */
static inline struct sluice_arm sluice_arm_grant(enum sluice_verb verb, sluice_ref ref, int64_t ttl_ns,
                                                 struct sluice_grant *ret_grant)
{
    struct sluice_arm a = sluice_arm_of(verb, ref);
    a.lease_ns = ttl_ns;
    a.ret_grant = ret_grant;
    return a;
}
static inline struct sluice_arm sluice_arm_mutex(sluice_mutex mutex, int64_t ttl_ns,
                                                 struct sluice_grant *ret_grant)
{
    return sluice_arm_grant(SLUICE_VERB_LOCK, mutex.ref, ttl_ns, ret_grant);
}
static inline struct sluice_arm sluice_arm_lock(sluice_rwmutex mutex, int64_t ttl_ns,
                                                struct sluice_grant *ret_grant)
{
    return sluice_arm_grant(SLUICE_VERB_LOCK, mutex.ref, ttl_ns, ret_grant);
}
static inline struct sluice_arm sluice_arm_rlock(sluice_rwmutex mutex, int64_t ttl_ns,
                                                 struct sluice_grant *ret_grant)
{
    return sluice_arm_grant(SLUICE_VERB_RLOCK, mutex.ref, ttl_ns, ret_grant);
}
static inline struct sluice_arm sluice_arm_acquire(sluice_sem sem, uint64_t permits, int64_t ttl_ns,
                                                   struct sluice_grant *ret_grant)
{
    struct sluice_arm a = sluice_arm_grant(SLUICE_VERB_ACQUIRE, sem.ref, ttl_ns, ret_grant);
    a.permits = permits;
    return a;
}
static inline struct sluice_arm sluice_arm_wg(sluice_wg wg)
{
    return sluice_arm_of(SLUICE_VERB_WAIT, wg.ref);
}
static inline struct sluice_arm sluice_arm_counter(sluice_counter counter, enum sluice_compare compare,
                                                   int64_t operand, int64_t *ret_number)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_WAIT, counter.ref);
    a.compare = compare;
    a.operand = operand;
    a.ret_number = ret_number;
    return a;
}
/* Waits for the outcome, or (with the grant's token 0 when there is one already) begins. */
static inline struct sluice_arm sluice_arm_once(sluice_once once, bool *ret_failed)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_WAIT, once.ref);
    a.ret_failed = ret_failed;
    return a;
}
static inline struct sluice_arm sluice_arm_begin(sluice_once once, int64_t ttl_ns,
                                                 struct sluice_grant *ret_grant, bool *ret_failed)
{
    struct sluice_arm a = sluice_arm_grant(SLUICE_VERB_BEGIN, once.ref, ttl_ns, ret_grant);
    a.ret_failed = ret_failed;
    return a;
}

static inline struct sluice_arm sluice_arm_campaign(sluice_mutex election, struct sluice_value value,
                                                    int64_t ttl_ns, struct sluice_grant *ret_grant)
{
    struct sluice_arm a = sluice_arm_mutex(election, ttl_ns, ret_grant);
    a.value = value;
    return a;
}
/* The next leader's token (0: nobody leads), and as the item what it said of itself. */
static inline struct sluice_arm sluice_arm_observe(sluice_mutex election, uint64_t after,
                                                   struct sluice_grant *ret_leader)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_WAIT, election.ref);
    a.compare = SLUICE_COMPARE_NE;
    a.operand = (int64_t)after;
    a.ret_grant = ret_leader;
    return a;
}
/* The cell's next change, as in sluice_cell_wait; its value is the item. */
static inline struct sluice_arm sluice_arm_cell(sluice_cell cell, uint64_t after, uint64_t *ret_revision)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_WAIT, cell.ref);
    a.compare = SLUICE_COMPARE_NE;
    a.operand = (int64_t)after;
    a.ret_revision = ret_revision;
    return a;
}
/* The lock is given up when the select begins to wait, and held again (by the grant) only when this arm is the one. */
static inline struct sluice_arm sluice_arm_cond(sluice_cond cond, sluice_ref lock, uint64_t token,
                                                int64_t ttl_ns, struct sluice_grant *ret_grant)
{
    struct sluice_arm a = sluice_arm_grant(SLUICE_VERB_COND, cond.ref, ttl_ns, ret_grant);
    a.lock = lock;
    a.token = token;
    return a;
}
static inline struct sluice_arm sluice_arm_barrier(sluice_barrier barrier, int64_t *ret_cycle, bool *ret_last)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_WAIT, barrier.ref);
    a.ret_number = ret_cycle;
    a.ret_last = ret_last;
    return a;
}
/* Waits for all tasks; the item is the first error. */
static inline struct sluice_arm sluice_arm_group(sluice_group group, bool *ret_failed)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_WAIT, group.ref);
    a.ret_failed = ret_failed;
    return a;
}
static inline struct sluice_arm sluice_arm_go(sluice_group group, int64_t ttl_ns,
                                              struct sluice_grant *ret_grant)
{
    return sluice_arm_grant(SLUICE_VERB_BEGIN, group.ref, ttl_ns, ret_grant);
}
/* As sluice_arm_begin, under a key. */
static inline struct sluice_arm sluice_arm_flight(sluice_flight flight, const char *key, int64_t ttl_ns,
                                                  struct sluice_grant *ret_grant, bool *ret_failed,
                                                  bool *ret_shared)
{
    struct sluice_arm a = sluice_arm_grant(SLUICE_VERB_BEGIN, flight.ref, ttl_ns, ret_grant);
    a.key = key;
    a.ret_failed = ret_failed;
    a.ret_shared = ret_shared;
    return a;
}
static inline struct sluice_arm sluice_arm_take(sluice_limiter limiter, const char *key, uint64_t permits,
                                                int64_t ttl_ns, struct sluice_quota *ret_quota)
{
    struct sluice_arm a = sluice_arm_grant(SLUICE_VERB_TAKE, limiter.ref, ttl_ns, NULL);
    a.key = key;
    a.permits = permits;
    a.ret_quota = ret_quota;
    return a;
}
/* The item is the last checkpoint. */
static inline struct sluice_arm sluice_arm_own(sluice_actor actor, int64_t ttl_ns,
                                               struct sluice_grant *ret_grant, uint64_t *ret_epoch)
{
    struct sluice_arm a = sluice_arm_grant(SLUICE_VERB_BEGIN, actor.ref, ttl_ns, ret_grant);
    a.ret_epoch = ret_epoch;
    return a;
}
/* The actor's reply. When another arm is committed the call is withdrawn, unless it is being served already. */
static inline struct sluice_arm sluice_arm_call(sluice_actor actor, struct sluice_value value,
                                                bool *ret_failed, uint64_t *ret_epoch)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_CALL, actor.ref);
    a.value = value;
    a.ret_failed = ret_failed;
    a.ret_epoch = ret_epoch;
    return a;
}
static inline struct sluice_arm sluice_arm_serve(sluice_actor actor, uint64_t token,
                                                 struct sluice_job *ret_job)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_SERVE, actor.ref);
    a.token = token;
    a.ret_job = ret_job;
    return a;
}
static inline struct sluice_arm sluice_arm_task(sluice_task task, struct sluice_ending *ret_ending)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_WAIT, task.ref);
    a.ret_ending = ret_ending;
    return a;
}
static inline struct sluice_arm sluice_arm_pull(sluice_pool pool, uint64_t token, struct sluice_job *ret_job)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_PULL, pool.ref);
    a.token = token;
    a.ret_job = ret_job;
    return a;
}
static inline struct sluice_arm sluice_arm_watch(sluice_task task, uint64_t token, int64_t *ret_signal)
{
    struct sluice_arm a = sluice_arm_of(SLUICE_VERB_WATCH, task.ref);
    a.token = token;
    a.ret_number = ret_signal;
    return a;
}

/* Waits for the first of its arms and commits exactly one; of several that are ready, one picked at random. The status is that arm's: CLOSED for
 * a receive from a closed channel or a context's end, SEND_ON_CLOSED. ret_index is always written: the arm, or -1 when none was
 * committed (INVALID, DEADLINE_EXCEEDED …). ret is written with OK (empty unless the arm received, or brought a value); NULL
 * only where no arm does. */
SLUICE_API enum sluice_status sluice_select(sluice *s, const struct sluice_arm *arms, size_t count,
                                            const struct sluice_wait *wait, int *ret_index,
                                            struct sluice_item *ret);

/* Takes several locks and permits in one step, or none: waits until every arm could be granted. The arms are those of
 * sluice_arm_mutex, sluice_arm_campaign, sluice_arm_lock, sluice_arm_rlock and sluice_arm_acquire, 1 to 64 of them,
 * each of another object; what each gets is written through its ret_grant, with OK. In each queue the request keeps
 * its place, and at the head holds up those behind it until the others are free too: none starves, and two such
 * requests never wait for each other. INVALID: another arm, "an object may be named once", a nil, more permits than a
 * semaphore has. Each is given back by itself. */
SLUICE_API enum sluice_status sluice_acquire_all(sluice *s, const struct sluice_arm *arms, size_t count,
                                                 const struct sluice_wait *wait);

/* ---- Contexts --------------------------------------------------------------------------------------------------- */

/* The roots: never done. */
SLUICE_API enum sluice_status sluice_ctx_background(sluice *s, sluice_ctx *ret);
SLUICE_API enum sluice_status sluice_ctx_todo(sluice *s, sluice_ctx *ret);
/* Go's WithCancel, WithTimeoutCause, WithDeadlineCause, WithoutCancel: anonymous contexts. A nil parent is INVALID, "cannot
 * create context from nil parent". cause: of the expiry; NULL: none of its own. deadline_ns is an instant. */
SLUICE_API enum sluice_status sluice_ctx_with_cancel(sluice *s, sluice_ctx parent, sluice_ctx *ret);
SLUICE_API enum sluice_status sluice_ctx_with_timeout(sluice *s, sluice_ctx parent, int64_t timeout_ns,
                                                      const char *cause, sluice_ctx *ret);
SLUICE_API enum sluice_status sluice_ctx_with_deadline(sluice *s, sluice_ctx parent, int64_t deadline_ns,
                                                       const char *cause, sluice_ctx *ret);
SLUICE_API enum sluice_status sluice_ctx_without_cancel(sluice *s, sluice_ctx parent, sluice_ctx *ret);

/* A key is compared by all three parts; NULL is empty. An empty name is INVALID, "nil key". */
struct sluice_ctx_key {
    const char *space, *type, *name;
};
struct sluice_ctx_entry {
    struct sluice_ctx_key key;
    struct sluice_value value; /* TYPE_NONE: nil, which shadows. No handles */
};
SLUICE_API enum sluice_status sluice_ctx_with_value(sluice *s, sluice_ctx parent, struct sluice_ctx_key key,
                                                    struct sluice_value value, sluice_ctx *ret);

struct sluice_ctx_spec {
    size_t size;           /* sizeof(struct sluice_ctx_spec); SLUICE_CTX_SPEC_INIT sets it */
    bool background, todo; /* a root: nothing below applies */
    bool has_parent;       /* false: Background */
    sluice_ctx parent;
    bool without_cancel;
    bool cancelable;
    bool has_timeout, has_deadline;        /* of both, the earlier */
    int64_t timeout_ns;                    /* <= 0: born done */
    int64_t deadline_ns;                   /* an instant */
    const char *cause;                     /* of the expiry */
    const struct sluice_ctx_entry *values; /* at most 64 */
    size_t values_count;
};
#define SLUICE_CTX_SPEC_INIT                                                                               \
    {                                                                                                      \
        sizeof(struct sluice_ctx_spec), false, false, false, SLUICE_NIL, false, false, false, false, 0, 0, \
            NULL, NULL, 0                                                                                  \
    }
/* A context with all that can be said. how NULL: anonymous. spec NULL: derived from Background, cancelable. */
SLUICE_API enum sluice_status sluice_ctx_make_with(sluice *s, const struct sluice_make *how,
                                                   const struct sluice_ctx_spec *spec, sluice_ctx *ret,
                                                   struct sluice_made *ret_made);
/* The context of this name, which must exist. */
SLUICE_API enum sluice_status sluice_ctx_open(sluice *s, const char *name, uint32_t rights, sluice_ctx *ret);

/* Cancels it and all below. The first cancellation wins; later ones are OK and change nothing. cause NULL: none of its own. */
SLUICE_API enum sluice_status sluice_ctx_cancel(sluice *s, sluice_ctx ctx, const char *cause);
/* Waits until it is done: OK. */
SLUICE_API enum sluice_status sluice_ctx_wait(sluice *s, sluice_ctx ctx, const struct sluice_wait *wait);
/* Go's Err: SLUICE_OK while alive, then CANCELED or DEADLINE_EXCEEDED, in ret. */
SLUICE_API enum sluice_status sluice_ctx_err(sluice *s, sluice_ctx ctx, enum sluice_status *ret);
/* Go's Cause and String. Free with sluice_free. The cause is NULL while it is alive; without a cause of its own it is the text of Err. */
SLUICE_API enum sluice_status sluice_ctx_cause(sluice *s, sluice_ctx ctx, char **ret);
SLUICE_API enum sluice_status sluice_ctx_string(sluice *s, sluice_ctx ctx, char **ret);
/* Its effective deadline, an instant. ret_has false: it has none. */
SLUICE_API enum sluice_status sluice_ctx_deadline(sluice *s, sluice_ctx ctx, bool *ret_has, int64_t *ret_ns);
/* Go's Value: the nearest along its ancestors; TYPE_NONE when there is none. Free with sluice_item_free. */
SLUICE_API enum sluice_status sluice_ctx_value(sluice *s, sluice_ctx ctx, struct sluice_ctx_key key,
                                               struct sluice_item *ret);

/* Frees a string the library gave. NULL is fine. */
SLUICE_API void sluice_free(void *memory);

/* ---- Timers, tickers, triggers ---------------------------------------------------------------------------------- */

/* Go's NewTimer and NewTicker (Go 1.23's rules). name NULL: anonymous. how NULL: anonymous, all rights. A delay <= 0 is ready at once;
 * a period <= 0 is INVALID, "non-positive interval for NewTicker". */
SLUICE_API enum sluice_status sluice_timer_make(sluice *s, const char *name, int64_t delay_ns,
                                                sluice_timer *ret);
SLUICE_API enum sluice_status sluice_ticker_make(sluice *s, const char *name, int64_t period_ns,
                                                 sluice_timer *ret);
SLUICE_API enum sluice_status sluice_timer_make_with(sluice *s, const struct sluice_make *how,
                                                     int64_t delay_ns, sluice_timer *ret,
                                                     struct sluice_made *ret_made);
SLUICE_API enum sluice_status sluice_ticker_make_with(sluice *s, const struct sluice_make *how,
                                                      int64_t period_ns, sluice_timer *ret,
                                                      struct sluice_made *ret_made);
/* The timer or ticker of this name, which must exist. */
SLUICE_API enum sluice_status sluice_timer_open(sluice *s, const char *name, uint32_t rights,
                                                sluice_timer *ret);
/* Waits for it. ret_due_ns: the instant it was due. */
SLUICE_API enum sluice_status sluice_timer_recv(sluice *s, sluice_timer timer, const struct sluice_wait *wait,
                                                int64_t *ret_due_ns);
/* Stops it; what was due and not received is revoked. ret_active: it was active, and now nothing will come. */
SLUICE_API enum sluice_status sluice_timer_stop(sluice *s, sluice_timer timer, bool *ret_active);
/* A timer is due duration_ns from now; a ticker ticks with this period. ret_active as in stop. */
SLUICE_API enum sluice_status sluice_timer_reset(sluice *s, sluice_timer timer, int64_t duration_ns,
                                                 bool *ret_active);
/* Waits for a duration on the daemon's clock: OK. */
SLUICE_API enum sluice_status sluice_sleep(sluice *s, int64_t duration_ns, const struct sluice_wait *wait);

/* Go's AfterFunc: when the context is done, or the delay over, send a value to a channel, once, waiting for room if need be. */
struct sluice_trigger_spec {
    size_t size;    /* sizeof(struct sluice_trigger_spec); SLUICE_TRIGGER_SPEC_INIT sets it */
    sluice_ctx ctx; /* nil: after delay_ns */
    int64_t delay_ns;
    sluice_chan channel;
    struct sluice_value value;
};
#define SLUICE_TRIGGER_SPEC_INIT                                       \
    {                                                                  \
        sizeof(struct sluice_trigger_spec), SLUICE_NIL, 0, SLUICE_NIL, \
        {                                                              \
            SLUICE_TYPE_NONE, 0, 0,                                    \
            {                                                          \
                {                                                      \
                    NULL, 0                                            \
                }                                                      \
            }                                                          \
        }                                                              \
    }
SLUICE_API enum sluice_status sluice_trigger_make_with(sluice *s, const struct sluice_make *how,
                                                       const struct sluice_trigger_spec *spec,
                                                       sluice_trigger *ret, struct sluice_made *ret_made);
/* The two usual forms, anonymous. */
SLUICE_API enum sluice_status sluice_ctx_after_func(sluice *s, sluice_ctx ctx, sluice_chan channel,
                                                    struct sluice_value value, sluice_trigger *ret);
SLUICE_API enum sluice_status sluice_after_func(sluice *s, int64_t delay_ns, sluice_chan channel,
                                                struct sluice_value value, sluice_trigger *ret);
/* ret_active: it was prevented. */
SLUICE_API enum sluice_status sluice_trigger_stop(sluice *s, sluice_trigger trigger, bool *ret_active);
/* Timed triggers: due duration_ns from now. */
SLUICE_API enum sluice_status sluice_trigger_reset(sluice *s, sluice_trigger trigger, int64_t duration_ns,
                                                   bool *ret_active);

/* ---- The clock, and coming to rest ------------------------------------------------------------------------------ */

struct sluice_clock {
    int64_t now_ns;
    bool has_next_deadline;
    int64_t next_deadline_ns; /* the first thing that will happen by time */
    bool virtual_clock;
    int64_t wall_offset_ns; /* wall clock = instant + this */
};
SLUICE_API enum sluice_status sluice_clock_read(sluice *s, struct sluice_clock *ret);
/* Moves a virtual clock (else NOT_VIRTUAL) forward by a duration, to an instant, or to the next deadline if there is one. settle: the clients come
 * to rest before each move and once more at the end. ret is optional. */
SLUICE_API enum sluice_status sluice_clock_advance(sluice *s, int64_t duration_ns, bool settle,
                                                   struct sluice_clock *ret);
SLUICE_API enum sluice_status sluice_clock_advance_to(sluice *s, int64_t instant_ns, bool settle,
                                                      struct sluice_clock *ret);
SLUICE_API enum sluice_status sluice_clock_advance_next(sluice *s, bool settle, struct sluice_clock *ret);

/* Waits until every session but those waiting here has as many parked requests as it has tasks, and at least parked_min requests are
 * parked. */
SLUICE_API enum sluice_status sluice_quiesce(sluice *s, uint64_t parked_min, const struct sluice_wait *wait);

/* ---- Signals ---------------------------------------------------------------------------------------------------- */

/*
 * Go's os/signal: signals of this process as values in channels, where this process, or any other, receives them.
 *
 *     sluice_chan ch;
 *     sluice_signals sub;
 *     sluice_chan_make(s, "reload", 1, &ch);
 *     sluice_signal_notify(s, ch, (const int[]){SIGHUP}, 1, &sub);
 *
 * A caught signal is sent to every subscription that wants it, in the order in which they were made, by a send that does not wait: a channel that is full, or
 * unbuffered without a receiver at that moment, loses it, and the subscription counts that. So give the channel a capacity: 1 for a
 * signal that only says "look again", more where each one counts. The value is the signal's name without SIG ("INT", "RTMIN+3") in a channel of bytes
 * or string, the same as a JSON string in one of json, its number in one of int64.
 *
 * A handler (sigaction with SA_RESTART) does no more than to write the number into a pipe, and a thread of the library's, which itself
 * takes no signals, sends it on. No thread of the program needs any signal blocked; a signal that all threads have
 * blocked stays pending, as ever. Signals that come faster than the daemon takes them wait in the process, 65536 of them. What the daemon does not take (it is
 * gone, the channel is closed or removed, sluice_interrupt was called and not reset) counts as dropped.
 *
 * KILL and STOP cannot be caught: INVALID, as for numbers that are no signals. SEGV, BUS, FPE, ILL, TRAP and SYS are caught when
 * another process sends them; what the program's own instructions raise meets the action that was there before.
 *
 * With count 0, `signals` (may be NULL) are all that can be caught. The calls are for the whole process, from any thread, and never for a signal handler. Subscriptions
 * of a connection are stopped before it is closed. The child of a fork has none of them, and there the signals have their earlier actions.
 */
typedef struct sluice_signals {
    uint64_t number; /* of a subscription in this process; 0: none */
} sluice_signals;

struct sluice_signal_counts {
    uint64_t sent;    /* signals that went into the channel. A context: 1 once a signal has cancelled it */
    uint64_t dropped; /* signals that it wanted and that were lost. A context: swallowed */
};

/* Notify: from now on these signals go to the channel, and what was done about them before is not done any more. Several calls with the same
 * connection and the same reference accumulate in one subscription; ret (optional) is the same then. Another reference to the same channel is another
 * subscription. Nil: MISUSE, "os/signal: Notify using nil channel". WRONG_TYPE: the channel carries handles or doubles. NO_RIGHT: it is not
 * for sending. NOT_FOUND, STALE, WRONG_KIND, INVALID; LIMIT at 256 subscriptions. With these nothing is caught that was not before. */
SLUICE_API enum sluice_status sluice_signal_notify(sluice *s, sluice_chan ch, const int *signals,
                                                   size_t count, sluice_signals *ret);
/* Stop: when it returns the channel gets no more of any signal of the subscription, and may be closed. A signal of this moment either has
 * been sent by then, or takes the action that was there before the first notify, which is in force again where nobody else wants the signal;
 * it is never lost. ret (optional): the final counts. Again, or from several threads: OK, and zeros. It waits for what
 * was caught to be sent, as long as the daemon takes. The subscription of a context cancels the context: its status. */
SLUICE_API enum sluice_status sluice_signal_stop(sluice_signals signals, struct sluice_signal_counts *ret);
/* INVALID: it was stopped. */
SLUICE_API enum sluice_status sluice_signal_counts_get(sluice_signals signals,
                                                       struct sluice_signal_counts *ret);
/* Reset, Ignore: no subscription gets these signals any more, and they have their earlier actions again, or are ignored. The subscriptions stay, with the signals
 * that are left. Signals caught before are sent first. INVALID, and then nothing has changed. */
SLUICE_API enum sluice_status sluice_signal_reset(const int *signals, size_t count);
SLUICE_API enum sluice_status sluice_signal_ignore(const int *signals, size_t count);
/* Is it ignored: by sluice_signal_ignore, or since before (nohup)? */
SLUICE_API bool sluice_signal_ignored(int signal);

/* NotifyContext: a context derived from parent that the first of these signals cancels, or its parent, or sluice_signal_stop(*ret). Its error is
 * CANCELED ("context canceled"); its cause after a signal is Go's "interrupt signal received" ("hangup ...", "terminated ..."). Later signals
 * are swallowed until the stop. Both ret are needed: stop the one, drop the other. What sluice_ctx_with_cancel and sluice_signal_notify return. */
SLUICE_API enum sluice_status sluice_signal_notify_context(sluice *s, sluice_ctx parent, const int *signals,
                                                           size_t count, sluice_ctx *ret_ctx,
                                                           sluice_signals *ret);

/* "INT" for SIGINT, "RTMIN+3"; NULL: no signal. */
SLUICE_API const char *sluice_signal_name(int number);
/* The number for "INT", "SIGINT", "sigint", "2", "RTMIN+3", "RTMAX"; 0: no signal. */
SLUICE_API int sluice_signal_number(const char *name);

/* ---- Looking ---------------------------------------------------------------------------------------------------- */

struct sluice_waiter {
    uint64_t session;
    int32_t pid;
    uint32_t uid;
    const char *name; /* the program */
    enum sluice_verb verb;
    const char *op;
    int64_t since_ns; /* instant */
    uint64_t task;    /* the number of the task in whose name it is asked; 0: none */
};

/* Who holds a lock, permits, the right to run; of a pool, a worker. */
struct sluice_holder {
    uint64_t session;
    int32_t pid;
    uint32_t uid;
    const char *name; /* the program */
    uint64_t token, permits;
    bool shared;      /* for reading */
    int64_t since_ns; /* instant */
    bool has_until;   /* it has a ttl */
    int64_t until_ns;
    uint64_t task; /* the number of the task in whose name it was asked for; 0: none */
};

/* A snapshot of one object. Strings are "" where there is nothing. */
struct sluice_description {
    uint64_t serial; /* order of creation */
    enum sluice_kind kind;
    const char *name; /* "": anonymous */
    uint64_t version; /* grows with every change */
    uint64_t references;
    uint64_t owner; /* session number; 0: none */
    int64_t made_ns;
    uint32_t uid;
    uint32_t rights;                     /* of the handle it was asked by */
    int64_t now_ns;                      /* of the snapshot */
    uint64_t waiting;                    /* requests parked on it */
    const struct sluice_waiter *waiters; /* the first 256 of them */
    size_t waiters_count;
    const struct sluice_holder *holders; /* the first 256 of them, the oldest first; sluice_describe only */
    size_t holders_count;
    struct { /* KIND_CHANNEL */
        int64_t cap;
        uint64_t len;
        enum sluice_type type;
        bool closed;
        uint64_t leased, receivers, senders, bytes_held, sent, received, len_max;
        uint32_t deliveries_max;
        const char *dead_letter;
        bool fenced;
        uint64_t fence; /* the newest token it has seen; 0: none */
        bool ordered;
        const char *message;       /* sluice_chan_spec.message; "": untold */
        struct sluice_blob schema; /* sluice_chan_spec.schema; sluice_describe only */
    } channel;
    struct {                      /* KIND_CONTEXT */
        enum sluice_status error; /* OK while alive */
        const char *cause;        /* NULL: none of its own */
        bool never;               /* it is never done */
        bool has_deadline;
        int64_t deadline_ns;
        uint64_t children;
        const char *string;
        const struct sluice_ctx_entry *values; /* its own */
        size_t values_count;
    } context;
    struct { /* KIND_TIMER, KIND_TICKER, KIND_TRIGGER */
        bool armed;
        int64_t due_ns, period_ns;
    } timer;
    struct
    { /* KIND_MUTEX, KIND_RWMUTEX, KIND_SEMAPHORE, KIND_ONCE, KIND_GROUP, KIND_FLIGHT, KIND_ACTOR, KIND_TASK (its
              * attempt) */
        uint64_t holds;  /* locks, acquires or runs that are held now */
        uint64_t token;  /* of the newest; 0: nothing is held */
        uint64_t holder; /* its session's number */
        bool shared;     /* KIND_RWMUTEX: held for reading */
        bool owner_died; /* the next holder will be told so. KIND_ONCE that is done: it failed so */
        bool done;       /* KIND_ONCE */
        uint64_t size,
            free; /* KIND_SEMAPHORE: permits there are, and are left. KIND_GROUP with a limit: it, in size */
        bool has_limit; /* KIND_GROUP: it has one */
        struct sluice_value
            said; /* KIND_MUTEX: what its holder says of itself. KIND_GROUP: its first error. KIND_ACTOR: its checkpoint */
        uint64_t context; /* KIND_GROUP: the serial of its context; 0: none */
    } hold;
    struct {            /* KIND_WAITGROUP, KIND_COUNTER */
        int64_t value;  /* of the counter; units of the wait group that are not done */
        uint64_t lost;  /* KIND_WAITGROUP: units of this cycle that were lost with their session */
        uint64_t fence; /* KIND_COUNTER: the newest token it has seen; 0: none */
    } count;
    struct { /* KIND_BARRIER */
        uint32_t parties, arrived;
        uint64_t cycle; /* the one that gathers, from 1 */
    } barrier;
    struct { /* KIND_LIMITER */
        struct sluice_limiter_spec spec;
        int64_t remaining; /* under the empty key */
        uint64_t keys;     /* that are not as new */
    } limiter;
    const char
        *key; /* of what stands under one key of a limiter or a flight, in place of a name. Of a task */
    struct {  /* KIND_ACTOR */
        uint64_t epoch;  /* of its owner, or of the last one */
        uint64_t calls;  /* that wait to be served */
        uint64_t served; /* since it was made */
        bool serving;    /* one is being served */
        bool fail;       /* sluice_actor_spec.fail */
    } actor;
    struct {                     /* KIND_POOL */
        int64_t limit, capacity; /* negative: none */
        bool paused, closed;
        uint64_t workers, slots;
        uint64_t tasks;  /* that are kept */
        uint64_t queued; /* not begun, or between attempts */
        uint64_t running;
        uint64_t waiting;          /* begun, without a slot */
        uint64_t finished, failed; /* since it was made */
    } pool;
    struct { /* KIND_TASK */
        uint64_t number;
        enum sluice_task_state state;
        int64_t state_since_ns;
        uint64_t pool; /* its serial */
        const char *pool_name, *function;
        int32_t priority;
        uint32_t attempts, retries;
        bool stopping, failed;
        enum sluice_status ending;
        bool has_exit;
        int32_t exit;
        uint64_t after; /* TASK_BLOCKED: the first of those before it that has not finished; else 0 */
        const struct sluice_dump_call *wait; /* the oldest request that waits in its name; NULL: none */
        struct sluice_value
            value; /* what it is called with; TYPE_NONE: nothing, or in a listing more than 1024 bytes */
    } task;
    struct {               /* KIND_CELL */
        uint64_t revision; /* 0: empty */
        struct sluice_value value;
        uint64_t fence; /* the newest token it has seen; 0: none */
    } cell;
};
SLUICE_API enum sluice_status sluice_describe(sluice *s, sluice_ref ref, struct sluice_description **ret);
/* Each of these frees what its call gave; takes NULL, returns NULL. */
SLUICE_API struct sluice_description *sluice_description_free(struct sluice_description *d);

struct sluice_list_options {
    size_t size;           /* sizeof(struct sluice_list_options); SLUICE_LIST_OPTIONS_INIT sets it */
    const char *prefix;    /* of names; NULL: all */
    enum sluice_kind kind; /* KIND_NONE: all */
    bool anonymous;        /* too */
    uint64_t after;        /* objects with a larger serial; 0: from the first */
    uint32_t max;          /* 1..1024; 0: 1024 */
};
#define SLUICE_LIST_OPTIONS_INIT                                                \
    {                                                                           \
        sizeof(struct sluice_list_options), NULL, SLUICE_KIND_NONE, false, 0, 0 \
    }
/* A page of objects in order of creation, without waiters and values. */
struct sluice_listing {
    const struct sluice_description *objects;
    size_t count;
    uint64_t next; /* `after` of the next page; 0: this was the last */
};
SLUICE_API enum sluice_status sluice_list(sluice *s, const struct sluice_list_options *options,
                                          struct sluice_listing **ret);
SLUICE_API struct sluice_listing *sluice_listing_free(struct sluice_listing *l);

struct sluice_dump_arm {
    enum sluice_verb verb;
    uint64_t serial; /* 0: nil, or a duration */
    enum sluice_kind kind;
    const char *name;
    const char *key; /* under one key of a limiter or a flight: it, in place of a name */
    uint64_t task;   /* KIND_TASK: its number */
};
struct sluice_dump_call {
    uint64_t seq;
    uint64_t task; /* the number of the task in whose name it is asked; 0: none */
    const char *op;
    int64_t since_ns;
    bool has_deadline;
    int64_t deadline_ns;
    uint64_t arms_count;
    const struct sluice_dump_arm *arms; /* the first of them */
    size_t arms_shown;
};
struct sluice_dump_session {
    uint64_t number;
    const char *name;
    uint32_t uid;
    int32_t pid;
    uint32_t connections;
    uint64_t parked;
    uint64_t finished; /* replies kept until acknowledged */
    uint64_t leases, handles;
    int64_t since_ns;
    const struct sluice_dump_call *calls; /* the first of those parked */
    size_t calls_count;
};
/* A page of sessions with what each waits for. */
struct sluice_dump_page {
    const struct sluice_dump_session *sessions;
    size_t count;
    uint64_t next; /* `after` of the next page; 0: this was the last */
    int64_t now_ns;
};
/* after: sessions with a larger number. max 0: as many as a page holds. */
SLUICE_API enum sluice_status sluice_dump(sluice *s, uint64_t after, uint32_t max,
                                          struct sluice_dump_page **ret);
SLUICE_API struct sluice_dump_page *sluice_dump_free(struct sluice_dump_page *d);

/* One that waits: a session's request, or a task. */
struct sluice_stall {
    uint64_t session; /* whose request it is; of `within`: who holds; 0: a task that has not begun */
    int32_t pid;
    uint32_t uid;
    const char *name; /* the program */
    uint64_t task;    /* the number of the task that waits; 0: none */
    const char *op;   /* the operation; "": a task that comes after another (arm), or a wait for `within` */
    int64_t since_ns; /* instant; 0: unknown */
    bool has_deadline;
    int64_t deadline_ns;
    struct sluice_dump_arm arm; /* what it waits on */
    uint64_t within; /* it waits for what this session does, which was started within what it holds */
};
/* Each waits for what the next one has, or is, and the last for the first. */
struct sluice_cycle {
    const struct sluice_stall *links; /* the first 32 */
    size_t count;
    uint32_t length; /* of all */
};
struct sluice_deadlock {
    bool
        asleep; /* somebody waits, and nothing the daemon knows of will change anything: Go's "all goroutines are asleep" */
    const struct sluice_cycle *cycles; /* the first 64 */
    size_t cycles_count;
    const struct sluice_stall
        *stalled; /* the first 256 who wait in vain: for what nobody who can act will bring */
    size_t stalled_count;
    uint64_t stalled_all;
    int64_t now_ns;
};
/* Looks for deadlocks among locks, tasks, actors and channels, and for those who wait in vain, as Go's goroutine leak profile does. A program counts as stuck when it has as
 * many requests waiting as threads (sluice_options.tasks). What has a name may always be used by somebody new, so only what has none can be waited for
 * in vain; a circle of locks is one, even if it ends by a timeout. The caller does not count. Costs the daemon time in proportion to all it has. */
SLUICE_API enum sluice_status sluice_deadlock_find(sluice *s, struct sluice_deadlock **ret);
SLUICE_API struct sluice_deadlock *sluice_deadlock_free(struct sluice_deadlock *d);

struct sluice_count {
    const char *name;
    uint64_t value;
};
struct sluice_op_count {
    const char *name;
    uint64_t count, failed;
};
struct sluice_daemon {
    const char *version;
    int32_t pid;
    uint32_t uid;
    const char *const *addresses;
    size_t addresses_count;
    int64_t uptime_ns, now_ns, wall_offset_ns;
    bool virtual_clock;
    const struct sluice_count *counts;
    size_t counts_count;
    const struct sluice_count *limits;
    size_t limits_count;
    const struct sluice_op_count *ops;
    size_t ops_count;
};
/* How the daemon does. */
SLUICE_API enum sluice_status sluice_daemon_status(sluice *s, struct sluice_daemon **ret);
SLUICE_API struct sluice_daemon *sluice_daemon_free(struct sluice_daemon *d);

struct sluice_row {
    const char *name;
    uint32_t number;
    const char *text;
    int exit_code; /* statuses; else 0 */
};
struct sluice_rows {
    const struct sluice_row *rows;
    size_t count;
};
struct sluice_reflection {
    struct sluice_blob descriptor; /* google.protobuf.FileDescriptorSet of sluice.proto */
    struct sluice_rows operations, kinds, statuses, verbs, types;
};
/* The daemon's schema and tables. */
SLUICE_API enum sluice_status sluice_reflect(sluice *s, struct sluice_reflection **ret);
SLUICE_API struct sluice_reflection *sluice_reflection_free(struct sluice_reflection *r);

/* ---- Without blocking: futures and event loops ------------------------------------------------------------------ */

/*
 * A future is a call under way. Starting one never waits; any number may be in flight on a connection. The arguments of a start
 * are those of the call of the same name and are borrowed only until it returns; its status is OK, or what is known to be wrong
 * at once (INVALID, STALE, TOO_LARGE, NO_MEMORY), and then there is no future.
 *
 * Requests are gathered: they are written when some thread waits on this connection or calls sluice_process or sluice_flush, and when
 * 64 KiB have come together. Who starts a call and then waits for something else calls sluice_flush.
 *
 * In an event loop: watch sluice_fd(s) for reading; when it is ready, call sluice_process(s), then take the finished
 * futures with sluice_next_done(s) and finish each; before going back to sleep, call sluice_flush(s). The descriptor stays the same
 * when the library reconnects.
 */
typedef struct sluice_future sluice_future;

SLUICE_API enum sluice_status sluice_send_start(sluice *s, sluice_chan ch, struct sluice_value value,
                                                const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_recv_start(sluice *s, sluice_chan ch, int64_t lease_ns,
                                                const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_send_many_start(sluice *s, sluice_chan ch,
                                                     const struct sluice_value *values, size_t count,
                                                     const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_recv_many_start(sluice *s, sluice_chan ch, size_t max, int64_t lease_ns,
                                                     const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_select_start(sluice *s, const struct sluice_arm *arms, size_t count,
                                                  const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_ack_start(sluice *s, const sluice_lease *leases, size_t count,
                                               sluice_future **ret);
/* NOT_LEASED where sluice_extend_token says STALE_TOKEN. */
SLUICE_API enum sluice_status sluice_extend_token_start(sluice *s, uint64_t token, int64_t duration_ns,
                                                        sluice_future **ret);
SLUICE_API enum sluice_status sluice_mutex_lock_start(sluice *s, sluice_mutex mutex, int64_t ttl_ns,
                                                      const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_election_campaign_start(sluice *s, sluice_mutex election,
                                                             struct sluice_value value, int64_t ttl_ns,
                                                             const struct sluice_wait *wait,
                                                             sluice_future **ret);
SLUICE_API enum sluice_status sluice_election_observe_start(sluice *s, sluice_mutex election, uint64_t after,
                                                            const struct sluice_wait *wait,
                                                            sluice_future **ret);
SLUICE_API enum sluice_status sluice_rwmutex_lock_start(sluice *s, sluice_rwmutex mutex, int64_t ttl_ns,
                                                        const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_rwmutex_rlock_start(sluice *s, sluice_rwmutex mutex, int64_t ttl_ns,
                                                         const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_sem_acquire_start(sluice *s, sluice_sem sem, uint64_t permits,
                                                       int64_t ttl_ns, const struct sluice_wait *wait,
                                                       sluice_future **ret);
SLUICE_API enum sluice_status sluice_wg_wait_start(sluice *s, sluice_wg wg, const struct sluice_wait *wait,
                                                   sluice_future **ret);
SLUICE_API enum sluice_status sluice_counter_wait_start(sluice *s, sluice_counter counter,
                                                        enum sluice_compare compare, int64_t operand,
                                                        const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_once_begin_start(sluice *s, sluice_once once, int64_t ttl_ns,
                                                      const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_once_wait_start(sluice *s, sluice_once once,
                                                     const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_cond_wait_start(sluice *s, sluice_cond cond, sluice_ref lock,
                                                     uint64_t token, int64_t ttl_ns,
                                                     const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_barrier_wait_start(sluice *s, sluice_barrier barrier,
                                                        const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_group_go_start(sluice *s, sluice_group group, int64_t ttl_ns,
                                                    const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_group_wait_start(sluice *s, sluice_group group,
                                                      const struct sluice_wait *wait, sluice_future **ret);
/* singleflight's DoChan. */
SLUICE_API enum sluice_status sluice_flight_begin_start(sluice *s, sluice_flight flight, const char *key,
                                                        int64_t ttl_ns, const struct sluice_wait *wait,
                                                        sluice_future **ret);
SLUICE_API enum sluice_status sluice_limiter_take_start(sluice *s, sluice_limiter limiter, const char *key,
                                                        uint64_t permits, int64_t ttl_ns,
                                                        const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_cell_wait_start(sluice *s, sluice_cell cell, uint64_t after,
                                                     const struct sluice_wait *wait, sluice_future **ret);
/* The arms' ret_grant are not written: struct sluice_result has the grants. */
SLUICE_API enum sluice_status sluice_acquire_all_start(sluice *s, const struct sluice_arm *arms, size_t count,
                                                       const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_actor_own_start(sluice *s, sluice_actor actor, int64_t ttl_ns,
                                                     const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_actor_call_start(sluice *s, sluice_actor actor,
                                                      struct sluice_value value,
                                                      const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_actor_serve_start(sluice *s, sluice_actor actor, uint64_t token,
                                                       const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_actor_checkpoint_start(sluice *s, sluice_actor actor, uint64_t token,
                                                            struct sluice_value checkpoint,
                                                            sluice_future **ret);
/* Whether its caller had left is not told. */
SLUICE_API enum sluice_status sluice_actor_reply_start(sluice *s, sluice_actor actor, uint64_t token,
                                                       uint64_t number, bool failed,
                                                       struct sluice_value value, sluice_future **ret);
SLUICE_API enum sluice_status sluice_go_start(sluice *s, sluice_pool pool,
                                              const struct sluice_task_spec *spec,
                                              const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_task_wait_start(sluice *s, sluice_task task,
                                                     const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_pool_pull_start(sluice *s, sluice_pool pool, uint64_t token,
                                                     const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_task_end_start(sluice *s, sluice_task task, uint64_t token, bool failed,
                                                    struct sluice_value value, const int32_t *exit,
                                                    sluice_future **ret);
SLUICE_API enum sluice_status sluice_task_watch_start(sluice *s, sluice_task task, uint64_t token,
                                                      const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_quiesce_start(sluice *s, uint64_t parked_min,
                                                   const struct sluice_wait *wait, sluice_future **ret);
SLUICE_API enum sluice_status sluice_ping_start(sluice *s, sluice_future **ret);

/* What became of a future. What its call does not give is empty. */
struct sluice_result {
    enum sluice_status status;
    int index;    /* select; -1: no arm */
    size_t count; /* send_many: values that went. ack: leases done */
    struct sluice_item
        item; /* recv, select; the value of an outcome, of a job, of a cell or of an ended task; what a leader says of
                                * itself; an actor's checkpoint */
    struct sluice_batch batch; /* recv_many */
    struct sluice_grant
        grant; /* lock, rlock, acquire, campaign, cond_wait; begin and go: the right to run; own; observe: the
                                  leader's token; select of such an arm */
    int64_t
        number; /* counter_wait; barrier_wait: the cycle; task_watch: the signal, 0: stop; select of such an arm */
    bool failed;                 /* the outcome of a once, a flight, a group, a call or a task */
    bool shared;                 /* a flight's: others have it too */
    bool last;                   /* barrier_wait: the last to arrive */
    struct sluice_quota quota;   /* take (with WOULD_BLOCK, too); select of such an arm */
    struct sluice_grant *grants; /* acquire_all: one for each arm, to be given to sluice_free; else NULL */
    uint64_t revision;           /* cell_wait; select of such an arm */
    uint64_t epoch;              /* own, call; select of such an arm */
    sluice_task task;            /* go */
    bool created;                /* go: it is a new one */
    struct sluice_job
        job; /* serve, pull, select of such an arm; its item is empty: `item` has the value. To be given
                                  * to sluice_job_free */
    struct sluice_ending
        ending; /* task_wait, select of such an arm: the same. task_watch: the cause of a stop. To be
                                  * given to sluice_ending_free */
};

/* Is it done? Does not look at the socket: sluice_process does. */
SLUICE_API bool sluice_future_done(const sluice_future *f);
/* Waits until it is done, frees the future and returns the result's status. With ret NULL the result is thrown away (a lease,
 * a handle or what a token holds stays with the session). Sets sluice_errmsg as the call itself would. */
SLUICE_API enum sluice_status sluice_future_finish(sluice_future *f, struct sluice_result *ret);
/* Asks the daemon to withdraw it. It is done soon, with CANCELED or with what had been committed before; finish it all the same.
 * Does not wait. */
SLUICE_API void sluice_future_cancel(sluice_future *f);
/* A pointer of the caller's own, NULL at first. */
SLUICE_API void sluice_future_set_data(sluice_future *f, void *data);
SLUICE_API void *sluice_future_data(const sluice_future *f);

/* A descriptor that is readable when sluice_process has something to do; the library's own, never to be read or closed. -errno when
 * there is none to be had. */
SLUICE_API int sluice_fd(sluice *s);
/* Writes what is gathered, reads and hands out what has come, reconnects if need be; never waits. OK, or why the connection does not
 * work at the moment (UNAVAILABLE: the library goes on trying while futures are in flight). */
SLUICE_API enum sluice_status sluice_process(sluice *s);
/* Writes what is gathered, as far as the socket takes it without waiting. */
SLUICE_API enum sluice_status sluice_flush(sluice *s);
/* The next future that is done and was not handed out here before, oldest first; NULL: none. It must still be finished. */
SLUICE_API sluice_future *sluice_next_done(sluice *s);
/* Waits until some future is done that sluice_next_done has not handed out (OK), or nothing is in flight (INVALID), or the
 * timeout (negative: none) is over (DEADLINE_EXCEEDED). */
SLUICE_API enum sluice_status sluice_wait_any(sluice *s, int64_t timeout_ns);

#ifdef __cplusplus
}
#endif

#endif

/*
 * op.h - what goes into the engine, as plain data. What comes out is in reply.h.
 *
 * A `struct op` is one request, already decoded and validated for form: sizes within limits.h, names well formed, text that is
 * UTF-8 where UTF-8 is meant, JSON that parses. It borrows all its bytes from the caller for the length of one step; the engine
 * copies what it keeps. An op holds no pointer to the engine's own things: names, handles, numbers and bytes only, so that it can
 * be written down, replayed, sent to another machine.
 *
 * Names of constants come from the tables (*.def): OP_SEND, ARM_RECV, STATUS_CLOSED, KIND_TIMER, VALUE_INT64.
 */
#ifndef ENGINE_OP_H
#define ENGINE_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

enum op_class { CLASS_WAIT, CLASS_STEP, CLASS_QUERY, CLASS_DAEMON, CLASS_EVENT };

enum op_code {
#define OP(NAME, name, tag, class, help) OP_##NAME,
#include "ops.def"
#undef OP
    OP_COUNT
};

enum status {
#define STATUS(NAME, number, exit, text) STATUS_##NAME = (number),
#include "status.def"
#undef STATUS
};

enum kind_code {
    KIND_NONE = 0,
#define KIND(NAME, name, number, help) KIND_##NAME = (number),
#include "kinds.def"
#undef KIND
    KIND_COUNT
};

enum arm_verb {
    ARM_NONE = 0, /* in a request: an arm without a verb */
#define ARM(NAME, name, number, help) ARM_##NAME = (number),
#include "arms.def"
#undef ARM
    ARM_COUNT
};

enum value_type {
    VALUE_NONE = 0, /* no value given */
#define TYPE(NAME, name, number, help) VALUE_##NAME = (number),
#include "types.def"
#undef TYPE
    VALUE_COUNT
};

/* Rights of a handle: a set. A channel end is `chan<-` with RIGHT_SEND|RIGHT_CLOSE, `<-chan` with RIGHT_RECV. */
enum right {
    RIGHT_SEND = 1,    /* send; reset a timer; cancel a context */
    RIGHT_RECV = 2,    /* receive; wait for it */
    RIGHT_CLOSE = 4,   /* close, stop, remove */
    RIGHT_OBSERVE = 8, /* describe, look a context value up, derive */
    RIGHT_ALL = 15,
};

struct bytes {
    const void *data; /* NULL only when size is 0 */
    size_t size;
};

/*
 * A reference to an object: a handle of the session's table, else a name, else nil (handle 0 and no name).
 * Nil is Go's nil: sending to it or receiving from it waits for ever, closing it is CLOSE_OF_NIL.
 */
struct ref {
    uint64_t handle;  /* 0: none */
    uint64_t task;    /* a task by its number; 0: none */
    const char *name; /* not NUL-terminated */
    uint16_t name_size;
};

/* A value on its way in or out. */
struct value {
    enum value_type type;
    uint8_t rights; /* VALUE_HANDLE: rights to hand over; 0 stands for all that the giver's handle has */
    uint8_t kind;   /* VALUE_HANDLE, in a reply: the object's enum kind_code */
    union {
        struct bytes bytes; /* VALUE_BYTES, _STRING, _JSON */
        int64_t int64;
        double real;
        struct ref ref;  /* VALUE_HANDLE, in an op */
        uint64_t handle; /* VALUE_HANDLE, in a reply: the number in the receiver's own table */
    };
};

/*
 * What a WAIT waits for: a counter's value `compare` operand. COMPARE_NE only: a mutex, that the token of its holder (0: nobody)
 * is another than operand; a cell, that its revision is.
 */
enum compare { COMPARE_NONE, COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };
struct condition {
    enum compare compare; /* COMPARE_NONE on every other kind */
    int64_t operand;
};

/* What UPDATE does. ADD answers the new value, LOAD the value, CAS the value found and whether it was swapped, the others the old value. */
enum count_verb {
    COUNT_LOAD,
    COUNT_ADD,
    COUNT_STORE,
    COUNT_SWAP,
    COUNT_CAS,
    COUNT_AND,
    COUNT_OR,
    COUNT_XOR,
    COUNT_MAX,
    COUNT_MIN,
    COUNT_VERBS
};

/* What EXCHANGE does: atomic.Value's methods. */
enum cell_verb { CELL_LOAD, CELL_STORE, CELL_SWAP, CELL_CAS, CELL_VERBS };

/* How a limiter limits; Limiter.Algorithm in sluice.proto. */
enum algorithm {
    LIMIT_BUCKET = 0,  /* rate.Limiter: `burst` tokens, refilled at count per period; may go into debt */
    LIMIT_WINDOW,      /* at most count in each period since the limiter was made */
    LIMIT_SLIDING,     /* at most count in a period, the last window weighted by what is left of it */
    LIMIT_METER,       /* a leaky bucket that refuses: holds burst, leaks count per period */
    LIMIT_QUEUE,       /* a leaky bucket that spaces: one each period / count, at most burst wait */
    LIMIT_CONCURRENCY, /* at most burst at once: permits, given back by token */
    LIMIT_ALGORITHMS
};

/* count per period_ns. */
struct rate {
    uint64_t count;     /* 0: nothing ever comes; at most LIMITER_COUNT_MAX */
    uint64_t period_ns; /* > 0, unless infinite */
    bool infinite;      /* rate.Inf: everything passes, nothing is counted. LIMIT_BUCKET only */
};

/* One arm of a select. */
struct arm_spec {
    enum arm_verb verb;
    int64_t rank;       /* ARM_SEND into an ordered channel */
    struct ref ref;     /* all but ARM_AFTER, ARM_DEFAULT; nil: never ready */
    struct value value; /* ARM_SEND, ARM_CALL; ARM_LOCK on a mutex: what its holder says of itself */
    int64_t delay_ns;   /* ARM_AFTER; <= 0: ready at once */
    int64_t
        lease_ns; /* ARM_RECV: > 0 leases the item for so long. ARM_LOCK, _RLOCK, _ACQUIRE, _BEGIN, _TAKE, _COND: the ttl */
    uint64_t permits;           /* ARM_ACQUIRE, ARM_TAKE */
    struct condition condition; /* ARM_WAIT */
    struct bytes key;           /* ARM_BEGIN on a flight, ARM_TAKE; at most KEY_SIZE_MAX */
    struct ref lock;            /* ARM_COND: the mutex or read-write lock */
    uint64_t token; /* ARM_COND, ARM_SERVE: by which it is held. ARM_SEND, _RECV: the fence, 0: none */
};

/* What to make. Sizes and counts are within limits.h. */
struct channel_spec {
    int64_t cap;          /* outside 0..CHANNEL_CAP_MAX: STATUS_INVALID, Go's text */
    enum value_type type; /* VALUE_NONE stands for VALUE_BYTES */
    uint32_t
        deliveries_max;     /* after so many deliveries an item given back goes to dead_letter; 0: no limit */
    struct ref dead_letter; /* a channel of the same type, or nil */
    bool fenced;            /* sends and closes must carry a token, and none older than the newest seen */
    bool ordered; /* what is in the buffer is received by rank, the least first; equals as they came */
    struct bytes
        message; /* of VALUE_BYTES: the protobuf message that each value is, at most KEY_SIZE_MAX; data NULL: untold */
    struct bytes schema; /* its descriptors, at most SCHEMA_SIZE_MAX; data NULL: none */
};

enum context_root { ROOT_NONE, ROOT_BACKGROUND, ROOT_TODO };

/* A context key is compared by all three parts. */
struct context_value {
    struct bytes space, type, name; /* name empty: "nil key"; type "json": "key is not comparable" */
    struct value value;             /* VALUE_NONE stores nil, which shadows; VALUE_HANDLE is refused */
};

struct context_spec {
    enum context_root
        root; /* ROOT_BACKGROUND or ROOT_TODO: the root itself, never done, and nothing below applies */
    bool has_parent;     /* false: the parent is Background */
    struct ref parent;   /* nil with has_parent: "cannot create context from nil parent" */
    bool without_cancel; /* keeps the parent's values, drops its deadline and its end */
    bool cancelable; /* WithCancel; a deadline implies it. Neither, without values: still a node of its own */
    bool has_timeout;
    int64_t timeout_ns; /* from now; <= 0: born done */
    bool has_deadline;
    int64_t deadline_ns; /* on the daemon's clock */
    struct bytes cause;  /* of the expiry; data NULL: "context deadline exceeded" */
    const struct context_value *values;
    uint32_t values_count;
};

struct timer_spec {
    int64_t delay_ns;  /* KIND_TIMER: <= 0 is ready at once. KIND_TICKER: ignored */
    int64_t period_ns; /* KIND_TICKER: <= 0 is STATUS_INVALID, Go's text */
};

/* AfterFunc: when the context is done, or the delay over, send the value to the channel. */
struct trigger_spec {
    struct ref context; /* nil: timed, by delay_ns */
    int64_t delay_ns;
    struct ref channel;
    struct value value;
};

enum make_lifetime {
    LIFE_OWNED =
        0, /* a named channel: until removed; an anonymous one: while anything refers to it. Every other kind
                     * ends with its session */
    LIFE_EPHEMERAL, /* ends with its owner: the session, or `owner` */
    LIFE_DETACHED,  /* named objects of any kind: outlive the session */
};

struct semaphore_spec {
    uint64_t size; /* 0..SEMAPHORE_SIZE_MAX */
};

struct counter_spec {
    int64_t value;         /* at first; not compared with an existing counter's */
    bool has_min, has_max; /* a change beyond is refused; without them it wraps as Go's atomics do */
    int64_t min, max;
    bool fenced; /* changes must carry a token, and none older than the newest seen */
};

struct once_spec {
    bool poison; /* when who runs it dies: it fails for good (OWNER_DIED), instead of passing to the next */
};

struct barrier_spec {
    uint32_t parties; /* 1..BARRIER_PARTIES_MAX */
};

struct group_spec {
    int64_t limit;      /* of tasks at a time; < 0: none */
    struct ref context; /* cancelled by the first error, and when a wait is over; nil: none */
};

struct flight_spec {
    bool
        poison; /* when the runner of a key dies, all its callers fail (OWNER_DIED), instead of one running it */
};

struct cell_spec {
    bool fenced; /* changes must carry a token, and none older than the newest seen */
};

struct actor_spec {
    bool
        fail; /* when the owner goes, calls that wait or are served fail (OWNER_DIED), instead of passing to its successor */
};

struct pool_spec {
    int64_t
        limit; /* tasks that run at a time; < 0: as many as the workers have slots; 0: none, it is drained */
    int64_t capacity; /* tasks that are neither running nor finished, beyond which GO waits; < 0: no bound */
    struct ref dead_letter; /* a channel of bytes that gets what failed for good; or nil */
};

/* A task to be. */
struct go_spec {
    struct bytes function; /* at most KEY_SIZE_MAX; empty: a command */
    struct value value;    /* what it is called with; no handle */
    int32_t priority;      /* the higher first; within PRIORITY_MAX of 0 */
    int64_t delay_ns;      /* not before so long from now */
    int64_t
        within_ns;  /* > 0: told to stop, with DEADLINE_EXCEEDED, when it has not finished so long from now */
    int64_t run_ns; /* > 0: the same for each attempt, from its start */
    uint32_t retries;   /* how often it is tried again when it fails or its worker dies */
    int64_t backoff_ns; /* before the first retry after a failure; twice as long before each next one */
    int64_t keep_ns;    /* its result, once it has finished; <= 0: TASK_KEEP_NS */
    struct bytes
        key; /* while a task of this key is not finished there is no other; empty: none. At most KEY_SIZE_MAX */
    struct bytes share; /* whose share of the pool it takes; empty: the session's. At most KEY_SIZE_MAX */
    const struct ref *after; /* tasks that must have finished well before; at most AFTER_MAX */
    uint32_t after_count;
    bool bare;          /* without a handle: its number is enough */
    struct ref context; /* its end cancels the task; nil: none */
};

struct limiter_spec {
    enum algorithm algorithm;
    struct rate rate; /* not LIMIT_CONCURRENCY */
    uint64_t burst;   /* not LIMIT_WINDOW, LIMIT_SLIDING; at most LIMITER_COUNT_MAX */
};

struct make_op {
    enum kind_code kind;
    struct ref name; /* handle unused; without a name: anonymous */
    bool exclusive;  /* an existing object is STATUS_EXISTS */
    uint8_t rights;  /* of the handle in the reply; 0: all */
    enum make_lifetime lifetime;
    uint64_t owner; /* LIFE_EPHEMERAL: a session's number that stands for a process; 0: the calling session */
    union {
        struct channel_spec channel;
        struct context_spec context;
        struct timer_spec timer;
        struct trigger_spec trigger;
        struct semaphore_spec semaphore;
        struct counter_spec counter;
        struct once_spec once;
        struct barrier_spec barrier;
        struct group_spec group;
        struct cell_spec cell;
        struct flight_spec flight;
        struct limiter_spec limiter;
        struct actor_spec actor;
        struct pool_spec pool;
    };
};

struct hello_op {
    uint8_t id[SESSION_ID_SIZE]; /* random, chosen by the client; an id that is known resumes that session */
    bool attached;  /* a repeat on the connection that serves the session already: not one more connection */
    bool anonymous; /* the connection's own session, which nobody can resume; id is ignored */
    int64_t resume_ns; /* how long the session outlives its last connection; 0: not at all */
    int64_t lease_ns;  /* > 0 (remote): the session ends when it was silent for so long */
    uint32_t tasks;    /* how many threads of execution it speaks for (QUIESCE); 0 stands for 1 */
    bool observer;     /* it stands for no program (a watched process): QUIESCE does not count it */
    uint64_t
        within; /* the token of a holding whose holder started it and waits for it; 0: none, or unknown */
    struct bytes name; /* the program, for people; at most SESSION_NAME_MAX */
    uint32_t uid, gid; /* SO_PEERCRED; a remote peer: UINT32_MAX */
    int32_t pid;       /* 0: remote or unknown */
};

/*
 * One request.
 *
 * session  the engine's number of the session (reply.session of HELLO); 0 with HELLO, TICK, DRAIN only.
 * seq      the client's number of the request; 0: not exactly once (it can be neither repeated nor withdrawn).
 * route    opaque to the engine: where the reply goes. A repeated request brings a new route, which replaces the old.
 */
struct op {
    enum op_code code;
    uint64_t session;
    uint64_t seq;
    uint64_t acked_below;  /* the client has every reply below this; 0: says nothing */
    const uint64_t *acked; /* and these single ones above it */
    uint32_t acked_count;
    bool has_context, has_timeout;
    bool no_wait; /* CLASS_WAIT: STATUS_WOULD_BLOCK instead of parking */
    uint64_t route;
    struct ref context; /* CLASS_WAIT: its end ends the wait. Nil with has_context is STATUS_INVALID */
    int64_t timeout_ns; /* CLASS_WAIT: >= 0 */
    uint64_t
        task; /* the token of the running task that asks: while it waits, its slot is another's; 0: none */
    union {
        struct hello_op hello;
        struct {
            uint64_t seq;
        } cancel;
        struct make_op make;
        struct {
            struct ref ref;
            uint8_t rights;
            bool has_kind;
            enum kind_code kind;
        } open, dup;
        struct {
            uint64_t handle;
        } drop;
        struct {
            struct ref ref;
        } remove, stop, describe;
        struct {
            struct ref ref;
            uint64_t fence; /* 0: none; so in the four below */
        } close;
        struct {
            struct ref ref;
            struct value value;
            uint64_t fence;
            int64_t rank;
        } send;
        struct {
            struct ref ref;
            int64_t lease_ns;
            uint64_t fence;
        } recv;
        struct {
            struct ref ref;
            const struct value *values;
            const int64_t *ranks; /* one each, or NULL: all 0 */
            uint32_t count;
            uint64_t fence;
        } send_many;
        struct {
            struct ref ref;
            uint32_t max;
            int64_t lease_ns;
            uint64_t fence;
        } recv_many;
        struct {
            const struct arm_spec *arms;
            uint32_t count;
        } select;
        struct {
            const uint64_t *leases;
            uint32_t count;
            int64_t duration_ns; /* extend: > 0 */
        } lease;                 /* ack, nack, extend */
        struct {
            struct ref ref;
            struct bytes cause;
        } context_cancel; /* cause.data NULL: none given */
        struct {
            struct ref ref;
            struct bytes space, type, name;
        } context_value;
        struct {
            struct ref ref;
            int64_t duration_ns;
        } reset;
        struct {
            uint64_t parked_min;
        } quiesce;
        struct {
            struct ref ref;
            bool shared;    /* KIND_RWMUTEX: for reading */
            int64_t ttl_ns; /* > 0: lost after so long, unless EXTENDed */
            struct value
                value; /* KIND_MUTEX: what its holder says of itself; VALUE_NONE: nothing. No handle */
        } lock;
        struct {
            struct ref ref;
            uint64_t token;
            bool shared;
        } unlock;
        struct {
            struct ref ref;
            uint64_t permits;
            int64_t ttl_ns;
        } acquire;
        struct {
            struct ref ref;
            uint64_t permits; /* with a token, 0: all it holds */
            uint64_t token;   /* 0: of what the session holds, the newest first */
        } release;
        struct {
            uint64_t token;
            uint64_t owner; /* a session's number that stands for a process; 0: the calling session */
        } adopt;
        struct {
            struct ref ref;
            struct condition condition;
        } wait;
        struct {
            struct ref ref;
            int64_t delta;
            bool owned; /* delta > 0: the units are this session's, and lost with it */
        } add;
        struct {
            struct ref ref;
            enum count_verb verb;
            int64_t operand;
            int64_t expected; /* COUNT_CAS */
            uint64_t fence;   /* 0: none */
        } update;
        struct {
            struct ref ref;
            int64_t ttl_ns;
            struct bytes key; /* KIND_FLIGHT; empty elsewhere */
        } begin;
        struct {
            const struct arm_spec *arms; /* ARM_LOCK, _RLOCK, _ACQUIRE: ref, permits, the ttl */
            uint32_t count;              /* 1..ACQUIRE_ALL_MAX */
        } acquire_all;
        struct {
            struct ref ref, lock;
            uint64_t token;
            int64_t ttl_ns;
        } cond_wait;
        struct {
            struct ref ref;
            bool all;
        } signal;
        struct {
            struct ref ref;
            struct bytes key;
            uint64_t permits;
            int64_t ttl_ns; /* LIMIT_CONCURRENCY */
            bool dry_run;   /* say what would be, and take nothing: it never waits */
        } take;
        struct {
            struct ref ref;
            struct bytes key;
            uint64_t permits;
            bool has_max;
            int64_t max_wait_ns; /* >= 0: not when it would have to wait longer */
            bool has_at;
            int64_t at_ns; /* as if it were then; not to come */
        } reserve;
        struct {
            uint64_t token;
            bool has_at;
            int64_t at_ns;
        } refund;
        struct {
            struct ref ref;
            bool has_rate, has_burst, has_limit, has_pause;
            struct rate rate; /* KIND_LIMITER */
            uint64_t burst;   /* KIND_LIMITER; KIND_SEMAPHORE: its size */
            int64_t limit;    /* KIND_GROUP, KIND_POOL */
            bool pause;       /* KIND_POOL: no task starts until it is taken back */
            bool has_at;
            int64_t at_ns;
        } tune;
        struct {
            struct ref ref;
            struct bytes key;
        } forget;
        struct {
            struct ref ref;
            enum cell_verb verb;
            struct value value;    /* VALUE_NONE: nil, in Go's words. No handle */
            struct value expected; /* CELL_CAS; VALUE_NONE: that it is empty */
            bool has_revision;     /* CELL_CAS: instead of expected, that it is of this revision */
            uint64_t revision;
            uint64_t fence; /* 0: none */
        } exchange;
        struct {
            struct ref ref;
            struct value value; /* no handle */
        } call;
        struct {
            struct ref ref;
            uint64_t token; /* the owner's */
        } serve;
        struct {
            struct ref ref;
            uint64_t token, number; /* of the call */
            bool failed;
            struct value value; /* VALUE_NONE: none. No handle */
        } reply;
        struct {
            struct ref ref;
            uint64_t token;
            struct value value; /* no handle */
        } checkpoint;
        struct {
            struct ref ref;
            struct go_spec spec;
        } go;
        struct {
            struct ref ref;
            uint32_t slots;                /* 1..SLOTS_MAX */
            const struct bytes *functions; /* an empty one: commands */
            uint32_t count;                /* 1..FUNCTIONS_MAX */
        } work;
        struct {
            struct ref ref;
            uint64_t token; /* of WORK */
        } pull;
        struct {
            struct ref ref;
            uint64_t token; /* of the attempt */
        } watch;
        struct {
            struct ref ref;
            uint32_t signal; /* 1..SIGNAL_MAX; 0: cancel it */
            struct bytes cause;
        } kill;
        struct {
            struct ref ref;
            uint64_t token;
            bool failed;
            struct value value; /* VALUE_NONE: none */
            bool has_exit;
            int32_t exit; /* of a task that was a command: its exit code, or minus the signal */
        } end;
        struct {
            uint64_t route;
        } undelivered;
    };
};

/* The tables as data. */
struct op_row {
    const char *name;
    uint32_t tag;
    enum op_class class;
    const char *help;
};
extern const struct op_row op_rows[OP_COUNT];

/* The text of a status; "unknown status" for a number that is none. Never NULL. */
const char *status_text(enum status s);
/* The constant's name without its prefix, "CLOSED"; "UNKNOWN" for a number that is none. */
const char *status_name(enum status s);
/* Lower-case names from the tables; "unknown" for a number that is none. */
const char *kind_name(enum kind_code k);
const char *arm_name(enum arm_verb v);
const char *type_name(enum value_type t);

#endif

/*
 * engine.h - the one door to the engine.
 *
 * The engine is a deterministic state machine: what it does is a function of its state, the time it is told, and the operation it
 * is given. It has no clock, no I/O, no threads; its randomness is a seeded generator in its state. Two engines with the same
 * options that are stepped with the same (now, op) pairs are the same to the last byte they answer.
 *
 *     engine_step(e, now_ns, &op, &fx);
 *     while (effects_next_reply(&fx, &reply)) ship(&reply);
 *     while (effects_next_ended(&fx, &session)) hang_up(session);
 *     ... wait until engine_next_deadline(e), then step with OP_TICK.
 *
 * A step is atomic. It allocates first and mutates after: when memory or a limit is out, the reply says so and nothing else has
 * happened. A step first lets everything fall due that is due at now_ns, in the order (deadline, arming), then runs the op; so an op sees
 * the world as of now_ns.
 *
 * Cost: every step is O(1) in the number of objects, sessions and waiters, but for what it wakes, O(log n) where it sets or clears
 * a deadline, and O(arms) for a select.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "reply.h"

struct engine;
struct object;
struct session;
struct call;
struct arm;
struct hold;

struct limits {
    uint32_t payload_size_max; /* bytes of one value; at most PAYLOAD_SIZE_CEILING */
    uint64_t memory_max;       /* bytes the engine may hold */
    uint32_t sessions_max;
    uint32_t objects_max;
    uint32_t handles_max;  /* per session */
    uint32_t calls_max;    /* per session: parked, and finished but not acknowledged */
    int64_t resume_max_ns; /* the longest resume window a session gets; a longer wish is cut to it */
};

struct engine_options {
    uint64_t seed;
    uint64_t
        token_base; /* every token is larger: a clock that grows over restarts, so that fences kept elsewhere hold */
    struct limits limits; /* a field of 0 stands for its default in limits.h */
};

/* The effects of one step: valid until the next one. */
struct effects {
    struct engine *engine;
};

/* A new engine, or NULL when there is no memory for it. */
struct engine *engine_new(const struct engine_options *options);
/* Frees it with all it holds. NULL is fine. Returns NULL. */
struct engine *engine_free(struct engine *e);

/*
 * Let time come to now_ns (never back: an earlier now_ns counts as the last one), then do op. Replies to op and to whatever it woke are in
 * *fx in the order they came to be. An op that parks has no reply yet.
 */
void engine_step(struct engine *e, int64_t now_ns, const struct op *op, struct effects *fx);

/* The next reply of the step; false when there are no more. Its bytes are borrowed until the next step. */
bool effects_next_reply(struct effects *fx, struct reply *ret);
/* The next session that ended in the step (BYE, lost lease, closed resume window); false when there are no more. */
bool effects_next_ended(struct effects *fx, uint64_t *ret_session);

/* The next of reply.items: copy items.first, then call until it says false. */
bool engine_item_next(struct item_cursor *at, struct item_view *ret);
/* The next of reply.grants, in the order of the arms. */
bool engine_grant_next(struct grant_cursor *at, struct grant *ret);

/* When the engine next wants OP_TICK; NEVER_NS: not until something else happens. */
int64_t engine_next_deadline(const struct engine *e);
/* The time of the last step. */
int64_t engine_now(const struct engine *e);

/* The number of the session with this id, or 0. */
uint64_t engine_session_find(const struct engine *e, const uint8_t id[SESSION_ID_SIZE]);
/* Whether the session exists and belongs to uid (or uid is 0, root): OK, SESSION_GONE, SESSION_TAKEN. */
enum status engine_session_check(const struct engine *e, uint64_t session, uint32_t uid);
/* No session but those parked in QUIESCE is runnable: each has as many parked calls as tasks. */
bool engine_quiescent(const struct engine *e);
/* The same, not counting these sessions, each named once. */
bool engine_quiescent_but(const struct engine *e, const uint64_t *sessions, size_t count);
/* Nothing is held and nobody served: no object and no session. */
bool engine_idle(const struct engine *e);

/* Walk every structure and assert every invariant. O(everything): for tests. */
void engine_audit(const struct engine *e);
/* Make the nth allocation from now fail (1: the next); 0 switches it off. For tests. */
void engine_fail_allocation(struct engine *e, uint64_t nth);

/* ---- Views: read only, valid until the next step. ---- */

struct channel_view {
    int64_t cap;
    enum value_type type;
    bool closed;
    uint64_t len, leased, receivers, senders;
    uint64_t bytes;          /* of buffered payload */
    uint64_t sent, received; /* since it was made */
    uint64_t len_max;        /* high water */
    uint32_t deliveries_max;
    const struct object *dead_letter; /* or NULL */
    bool fenced, ordered;
    uint64_t fence;               /* the newest token seen */
    struct bytes message, schema; /* as it was made; data NULL: none */
};

struct context_view {
    enum status error;  /* OK while alive, CANCELED, DEADLINE_EXCEEDED */
    struct bytes cause; /* data NULL: the error's own text */
    bool never;         /* Done is nil: a root or below WithoutCancel */
    bool has_deadline;
    int64_t deadline_ns; /* the effective one, which may be an ancestor's */
    uint64_t children, waiters;
};

struct timer_view {
    bool armed;
    int64_t due_ns, period_ns; /* period 0: a one-shot */
    uint64_t receivers;
};

/* Mutexes, read-write locks, semaphores, onces, flights, groups. */
struct hold_view {
    uint64_t holds;      /* how many hold it */
    uint64_t token;      /* of the newest */
    uint64_t holder;     /* its session */
    bool shared;         /* held for reading */
    bool owner_died;     /* to be told to the next holder; a once: poisoned */
    bool done;           /* a once: it has its result */
    uint64_t size, free; /* a semaphore's permits */
    bool has_limit;      /* a group has one: size */
    struct value
        said; /* a mutex: what its holder says of itself; a group: its first error. VALUE_NONE: nothing */
    const struct object *context; /* a group's, or NULL */
};

struct barrier_view {
    uint32_t parties, arrived;
    uint64_t cycle; /* from 1: the one that is gathering */
};

struct cell_view {
    struct value value;   /* VALUE_NONE: empty */
    enum value_type type; /* fixed by the first store; VALUE_NONE: none yet */
    uint64_t revision;
    uint64_t fence;
};

struct actor_view {
    struct hold_view hold; /* the owner; said: the checkpoint */
    uint64_t epoch;        /* from 1; 0: it had no owner yet */
    uint64_t calls;        /* that wait to be served */
    uint64_t served;       /* since it was made */
    bool serving;          /* one is being served */
    bool fail;             /* as it was made: when the owner goes, calls fail */
};

/* Like goroutines in a dump. */
enum task_state {
    TASK_BLOCKED,  /* comes after others */
    TASK_DELAYED,  /* not yet its time */
    TASK_QUEUED,   /* runnable, without a worker */
    TASK_RUNNING,  /* has a slot */
    TASK_WAITING,  /* in an operation of the daemon; its slot is another's */
    TASK_RUNNABLE, /* its operation is done, and it waits for a slot */
    TASK_DEAD      /* finished */
};

struct pool_view {
    int64_t limit, capacity;
    bool paused, closed;
    uint64_t workers, slots;
    uint64_t tasks; /* that are kept */
    uint64_t queued, running,
        waiting;               /* not started or between attempts; with a slot; started, without one */
    uint64_t finished, failed; /* since it was made */
    uint32_t went_on;          /* tasks, since one began */
};

struct task_view {
    enum task_state state;
    uint64_t number;
    const struct object *pool;
    struct bytes function, key;
    int32_t priority;
    uint32_t attempts, retries;
    uint64_t worker;    /* the session that runs it, or 0 */
    uint64_t token;     /* of the attempt, or 0 */
    int64_t since_ns;   /* in this state */
    enum status ending; /* TASK_DEAD */
    bool failed, has_exit, stopping;
    int32_t exit;
    const struct call *wait; /* the oldest request that waits in its name; or NULL */
    uint64_t after;          /* TASK_BLOCKED: the first of those before it that has not finished; else 0 */
    struct value value;      /* what it is called with */
};

struct limiter_view {
    enum algorithm algorithm;
    struct rate rate;
    uint64_t burst;
    int64_t remaining; /* under the empty key, or this key; rounded down */
    uint64_t keys;     /* that something stands under */
};

/* Wait groups and counters. */
struct count_view {
    int64_t value;
    uint64_t lost;  /* a wait group: units of sessions that died in this cycle */
    uint64_t fence; /* a counter: the newest token seen */
};

struct object_view {
    uint64_t serial; /* unique for the daemon's life; ascending by creation */
    enum kind_code kind;
    struct bytes name;   /* size 0: anonymous */
    struct bytes key;    /* one key of a limiter or flight: it, in place of a name */
    uint64_t version;    /* grows with every change of the object */
    uint64_t references; /* handles, items and arms that keep it */
    uint64_t waiting;    /* arms parked on it */
    uint64_t owner;      /* session it ends with, or 0 */
    int64_t made_ns;
    uint32_t uid; /* of the maker */
    union {
        struct channel_view channel;
        struct context_view context;
        struct hold_view hold;
        struct count_view count;
        struct barrier_view barrier;
        struct limiter_view limiter;
        struct cell_view cell;
        struct actor_view actor;
        struct pool_view pool;
        struct task_view task;
        struct timer_view timer; /* KIND_TIMER, KIND_TICKER, timed KIND_TRIGGER */
    };
};

struct session_view {
    uint64_t number;
    struct bytes name;
    uint32_t uid;
    int32_t pid;
    uint32_t connections, tasks;
    uint64_t parked, finished, leases, handles;
    int64_t since_ns;
};

struct call_view {
    uint64_t session, seq;
    enum op_code op;
    int64_t since_ns;
    int64_t deadline_ns; /* NEVER_NS: none */
    uint32_t arms;
    uint64_t task; /* the number of the task in whose name it is asked; 0: none */
};

struct holder_view {
    const struct session *session;
    uint64_t token, permits;
    uint64_t task; /* the number of the task in whose name it holds; 0: none, or over */
    int64_t since_ns;
    int64_t until_ns; /* NEVER_NS: no limit */
    bool shared;      /* for reading */
};

struct arm_view {
    const struct call *call;
    uint32_t index;
    enum arm_verb verb;
    const struct object *object; /* NULL: nil, or ARM_AFTER */
};

/*
 * Find what a ref means to a session, with at least the given rights.
 * NOT_FOUND, STALE, NO_RIGHT, INVALID (nil). *ret only on OK.
 */
enum status engine_find(const struct engine *e, uint64_t session, const struct ref *ref, uint8_t rights,
                        const struct object **ret);
/* The rights that the session's ref gives; 0 when it gives none. */
uint8_t engine_rights(const struct engine *e, uint64_t session, const struct ref *ref);
/* Objects in order of creation: the first for NULL; NULL after the last. */
const struct object *engine_object_next(const struct engine *e, const struct object *prev);
void engine_object_view(const struct engine *e, const struct object *o, struct object_view *ret);
/* Who waits on an object, receivers before senders, each in queue order: the first for NULL; NULL after the last. */
const struct arm *engine_waiter_next(const struct engine *e, const struct object *o, const struct arm *prev);
/* Who holds an object, oldest first: the first for NULL; NULL after the last. */
const struct hold *engine_holder_next(const struct object *o, const struct hold *prev);
void engine_holder_view(const struct engine *e, const struct hold *h, struct holder_view *ret);
/* The values given to this very context, i from 0; false past the last. */
bool engine_context_value_at(const struct object *o, uint32_t i, struct context_value *ret);
/*
 * Go's String of a context ("context.Background.WithCancel"), NUL-terminated, cut to size. wall_offset_ns added to the daemon's clock gives
 * the wall clock, for the time in WithDeadline. Returns the length it would have had.
 */
size_t engine_context_string(const struct engine *e, const struct object *o, int64_t wall_offset_ns,
                             char *buf, size_t size);
/* Sessions in order of creation, and the parked calls of each in order of arrival: the first for NULL; NULL after the last. */
const struct session *engine_session_next(const struct engine *e, const struct session *prev);
void engine_session_view(const struct engine *e, const struct session *s, struct session_view *ret);
const struct call *engine_call_next(const struct engine *e, const struct session *s, const struct call *prev);
void engine_call_view(const struct call *c, struct call_view *ret);
/* Arm i of a parked call, i < call_view.arms. */
void engine_arm_view(const struct call *c, uint32_t i, struct arm_view *ret);
/* The arm that engine_waiter_next returned. */
void engine_waiter_view(const struct arm *a, struct arm_view *ret);
/* The session of a number; NULL for 0 (the engine's own calls) or a stale one. */
const struct session *engine_session_get(const struct engine *e, uint64_t number);

/* One that waits: for whom or what, and in which request. */
struct stall {
    const struct session
        *session; /* whose request it is, or whose command another is; of a task, who runs it, or NULL */
    const struct object *task; /* in whose name, or NULL */
    const struct arm *arm; /* the request's; NULL: a task that comes after `object`, or a wait for `within` */
    const struct object *object;  /* what it waits on; NULL: nil, or `within` */
    const struct session *within; /* what was started within its holding, and must end first; or NULL */
};

struct cycle {
    const struct stall *links; /* each waits for what the next one has, or is; the last for the first */
    uint32_t count;            /* of links that are told, at most CYCLE_LINKS_MAX */
    uint32_t length;           /* of all */
};

enum { CYCLES_MAX = 64, CYCLE_LINKS_MAX = 32, STALLS_MAX = 256 };

struct deadlock {
    bool asleep; /* somebody waits, and nobody and no clock that the daemon knows of would change anything */
    uint32_t cycles_count, stalls_count;
    uint64_t stalled;           /* of all who wait in vain, of whom stalls_count are told */
    const struct cycle *cycles; /* circles of waits; they may still end by a timeout */
    const struct stall *stalls; /* those who wait for what can never come: nobody who can act reaches it */
};
/*
 * Who waits in circles or in vain, not counting the session `asker` (deadlock.c). The answer is in `space`, of engine_deadlock_space bytes, aligned
 * for any type. Cost: O(everything).
 */
size_t engine_deadlock_space(const struct engine *e);
void engine_deadlock(const struct engine *e, uint64_t asker, void *space, struct deadlock *ret);

/* Counts since the engine was made, and gauges. */
struct stats {
    uint64_t ops[OP_COUNT];           /* requests, repeats included */
    uint64_t failed[OP_COUNT];        /* replies whose status is neither OK, CLOSED nor WOULD_BLOCK */
    uint64_t repeats;                 /* requests answered from the exactly-once table or re-attached */
    uint64_t sent, received;          /* values through channels */
    uint64_t requeued, dead_lettered; /* leased items given back; past their deliveries */
    uint64_t returned;                /* items back at the head because their reply was never written */
    uint64_t fired;                   /* deadlines that fell due */
    uint64_t objects, sessions, parked, finished, items, leases, deadlines; /* gauges */
    uint64_t memory, memory_max; /* bytes held now, and the budget */
};
void engine_stats(const struct engine *e, struct stats *ret);
const struct limits *engine_limits(const struct engine *e);

#endif

/*
 * call.h - one request in the engine, and the arms it waits with.
 *
 * A call is made by the step that brings its request and lives until its reply is acknowledged (exactly once: the same request again
 * gets the same reply) or, without a seq, until its reply was handed out. It is one allocation: the call and its arms.
 *
 *     NEW ──► FINISHED                  an answer at once
 *     NEW ──► PARKED ──► FINISHED       a wait
 *
 * Everything that completes goes through call_complete, at once or later: there it joins the ready list and, with a seq, the
 * session's table of finished calls. An operation that fails without having changed anything is refused instead
 * (call_refuse): it leaves no trace, so that a repeat may try afresh.
 *
 * Arms: one for each case, then (hidden from the client) one for the request's deadline, one for its context, and one that only
 * names the task that asks.
 */
#ifndef ENGINE_CALL_H
#define ENGINE_CALL_H

#include "hash.h"
#include "heap.h"
#include "list.h"
#include "reply.h"

struct engine;
struct session;
struct object;
struct item;
struct lease;
struct hold;
struct text;
struct booking;

/* The engine's own verb beside those of arms.def: QUIESCE. */
enum { ARM_QUIET = ARM_COUNT };

enum arm_role { ROLE_CASE, ROLE_DEADLINE, ROLE_CONTEXT, ROLE_TASK };

struct arm {
    union {
        struct {
            struct list_node link; /* in its object's queue while parked */
            union {
                int64_t ttl_ns;  /* of what is granted; <= 0: none */
                uint64_t fence;  /* ARM_SEND, ARM_RECV: the token it carries; 0: none */
                uint64_t caller; /* served: whose call it is */
            };
        };
        struct heap_node
            due; /* ARM_AFTER: in e->deadlines while parked. ARM_WAIT: in its counter's, if equipped */
    };
    struct call *call;
    struct object *object; /* one reference until the call finishes; NULL: nil, or a verb that needs none */
    union {
        struct item *
            items; /* ARM_SEND: a chain by link.next, first to go first; ours until they have gone. ARM_CALL: the one */
        int64_t lease_ns;        /* ARM_RECV: > 0 leases */
        int64_t delay_ns;        /* ARM_AFTER */
        uint64_t parked_min;     /* ARM_QUIET */
        uint64_t permits;        /* ARM_ACQUIRE; ARM_TAKE but of a bucket */
        int64_t operand;         /* ARM_WAIT on a counter or mutex */
        struct item *said;       /* ARM_LOCK on a mutex: one reference, or NULL */
        struct object *lock;     /* ARM_COND: one reference */
        struct task *task;       /* ARM_GO: ours until it is entered */
        struct booking *booking; /* ARM_TAKE of a bucket: ours */
        /*
         * ARM_PULL: of WORK. ARM_WATCH, ROLE_TASK: of the attempt. Granted: the token (ACQUIRE_ALL, PULL). Served: the
         * call's number.
         */
        uint64_t token;
    };
    /* ARM_RECV: at most so many items. ARM_WAIT: enum compare. ARM_COND: the verb to lock with. On a read-write lock: when
     * it came. Granted (ACQUIRE_ALL): whether the last owner died. */
    union {
        uint32_t count;
        uint32_t epoch; /* answered by an actor: its owner's */
    };
    uint8_t verb; /* enum arm_verb, or ARM_QUIET */
    uint8_t role; /* enum arm_role */
    bool parked;
    bool equipped; /* holds a promise in a heap of its counter */
};

enum call_state { CALL_NEW, CALL_PARKED, CALL_FINISHED };

struct call {
    struct hash_node by_seq; /* in e->calls while `known` */
    struct list_node
        link; /* PARKED: session->parked or e->orphans; FINISHED and kept: session->finished or ->loose */
    struct list_node ready; /* e->ready or e->spent */
    struct list taken;      /* what a receive got: item.link, or lease.shown when `leased` */
    struct session *
        session; /* NULL: the engine's own. It may have ended in this step, but is not freed before the call */
    struct object *
        source; /* where `taken` came from; of the engine's own call, the trigger it will fire: one reference */
    struct text *cause;  /* one reference */
    struct lease *spare; /* allocated ahead for a leasing receive */
    struct hold *hold;   /* allocated ahead for what may be granted: a chain by next_spare */
    uint64_t seq, route;
    int64_t since_ns;
    union {
        struct {
            uint64_t handle;
            int64_t cap;
        } made;
        uint64_t count;     /* RESULT_COUNT; RESULT_GRANT: the token */
        int64_t number;     /* RESULT_NUMBER */
        struct item *value; /* RESULT_VALUE, RESULT_OUTCOME: one reference, or NULL */
        struct {
            struct item *value; /* one reference, or NULL */
            uint32_t deliveries;
        } job;
        struct {
            uint64_t token;
            struct item *said; /* one reference, or NULL */
        } leader;
        struct {
            uint64_t revision;
            struct item *value; /* one reference, or NULL */
        } cell;
        struct {
            int64_t remaining, retry_after_ns;
        } quota;
        struct {
            uint64_t token;
            int64_t delay_ns;
        } booked; /* RESULT_QUOTA of a RESERVE that was allowed */
        struct {
            uint64_t number;
            bool resumed;
        } opened;
    };
    uint32_t room;       /* arms there was memory taken for */
    uint32_t arms_count; /* arms in use: cases, then hidden ones; 0 once finished */
    uint32_t cases;
    uint32_t index; /* SELECT: the committed case. ACQUIRE_ALL: arms still to be granted */
    uint32_t taken_count;
    uint8_t state;  /* enum call_state */
    uint8_t op;     /* enum op_code */
    uint8_t status; /* enum status */
    uint8_t result; /* enum result_code */
    uint8_t made_kind, made_type, made_rights;
    bool made_created : 1;
    bool truth : 1;
    bool has_index : 1;
    bool leased : 1;      /* `taken` lists leases */
    bool known : 1;       /* has a seq, by which its session finds it */
    bool kept : 1;        /* in session->finished or ->loose */
    bool undelivered : 1; /* its reply was never written */
    bool promised : 1;    /* holds a promise of one handle slot */
    bool ticked : 1;      /* it received from a timer: count is the instant it was due */
    bool own : 1;         /* the engine's own: nobody asked, nobody is told */
    bool signalled : 1;   /* a signal of `source`, a cond, woke it, and it waits for the lock */
    bool shared : 1;      /* RESULT_OUTCOME of a flight */
    bool woken : 1;       /* it had parked, in a task's name */
    bool withheld : 1;    /* finished, and its task has no slot: `ready` is in the task's replies */
    bool of_actor : 1;    /* the epoch, and of a job its number and caller, stand where the arm was */
    uint32_t time_arms;   /* promises held of e->deadlines */
    struct arm arms[];
};

/*
 * A call for op with room for `cases` arms, of which after_cases are ARM_AFTER, and the hidden arms op asks for.
 * NULL: refused already (LIMIT, NO_MEMORY). s NULL: the caller sets c->session before it completes the call; op has no seq.
 */
struct call *call_new(struct engine *e, struct session *s, const struct op *op, uint32_t cases,
                      uint32_t after_cases);
/* The engine's own call with one arm, and a heap promise for it. NULL without memory. */
struct call *call_new_own(struct engine *e);
/* The task in whose name it is asked, or NULL: there is none, or the attempt that asked is over. */
struct task *call_asking(const struct call *c);
/* A withheld call's reply goes out; it is not in its task's list any more. */
void call_hand_out(struct engine *e, struct call *c);
/* Let go of what one arm, which is not parked, needed to wait. */
void call_release_arm(struct engine *e, struct arm *a);
/* Finish with status: release the arms, queue the reply. The call is NEW, or claimed (wait_claim). */
void call_complete(struct engine *e, struct call *c, enum status status);
/* Answer op without a trace and free c (NULL is fine). */
void call_refuse(struct engine *e, struct call *c, const struct op *op, enum status status,
                 const char *message);
/* The same for a limit. */
void call_refuse_limit(struct engine *e, struct call *c, const struct op *op, const char *name,
                       uint64_t value, uint64_t use);
/* The same for memory: LIMIT memory_max when the budget is out, else NO_MEMORY. */
void call_refuse_memory(struct engine *e, struct call *c, const struct op *op);
/* The call of a session with this seq, or NULL. */
struct call *call_find(const struct engine *e, const struct session *s, uint64_t seq);
/* Forget a finished call of a session: acknowledged, or the session is gone. Its reply, if still to be handed out, will be. */
void call_forget(struct engine *e, struct call *c);
/* Free a call that nothing links to. */
void call_free(struct engine *e, struct call *c);
/* What goes out. */
void call_reply(const struct call *c, struct reply *ret);
/* RESULT_JOB: the token of the attempt, or the number of the call. */
uint64_t call_token(const struct call *c);

#endif

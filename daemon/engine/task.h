/*
 * task.h - a goroutine that is a process's: what a worker runs, again if need be, and its result.
 *
 *     BLOCKED ──► DELAYED ──► QUEUED ──► RUNNING ◄──► WAITING ──► RUNNABLE ──► RUNNING ──► DEAD
 *
 * A task belongs to its pool, not to who submitted it, and has a number. Each attempt is a hold of the worker's session with a new token: an END of an older
 * one is refused, so nothing is finished twice. An attempt that fails, or whose worker dies, is followed by another as long as
 * there are retries; then the task has failed, and what it was called with goes to the pool's dead letters. A result is kept for a time.
 *
 * It is told to stop (WATCH answers 0) when its context ends, its time is over, or somebody says so (KILL 0); one that has not begun is finished at
 * once. A signal is only passed on. What comes after others begins when all of them have finished well, and is finished itself when one
 * has failed.
 *
 * Its requests carry the attempt's token; while one of them waits, the task waits (pool.h).
 */
#ifndef ENGINE_TASK_H
#define ENGINE_TASK_H

#include "pool.h"

struct text;

/* One of the tasks that another comes after. */
struct dependency {
    struct list_node link; /* in before->dependents, until that has finished */
    struct task *before;   /* one reference */
    struct task *task;     /* who comes after */
};

struct task {
    struct object object;
    struct list_node listed;       /* in pool->tasks while kept, which is one reference */
    struct hash_node by_key;       /* in e->task_keys while it has a key and is not finished */
    struct heap_node queued;       /* in its lane while QUEUED. One promise until it is finished */
    struct heap_node due;          /* its next deadline, of whatever kind. One promise */
    struct runq_node runnable;     /* in worker->runnable while RUNNABLE */
    struct list replies;           /* call.ready: withheld until it has slots */
    struct holds holds;            /* the attempt, at most one */
    struct pool *pool;             /* one reference; NULL: it has left it */
    struct worker *worker;         /* of the attempt */
    struct lane *lane;             /* a use; NULL once it has left its pool */
    struct share *share;           /* a use; NULL once finished */
    struct item *value;            /* one reference */
    struct item *outcome;          /* one reference; or NULL */
    struct text *cause;            /* of its stop, or why it never began; or NULL */
    struct text *key;              /* or NULL */
    struct context *leash_context; /* that; one reference */
    struct call *leash;            /* the engine's own, which waits for its context; or NULL */
    struct dependency *after;      /* after_count of them; or NULL */
    struct list dependents;        /* dependency.link */
    struct list joiners;           /* arm.link, ARM_WAIT */
    struct list
        waits; /* arm.link, ROLE_TASK: of the requests that wait in its name, also of attempts that are over */
    struct list ears;                                                 /* arm.link, ARM_WATCH */
    uint64_t number, signals;                                         /* signals: to be told, a bit each */
    int64_t due_delay_ns, due_within_ns, due_attempt_ns, due_keep_ns; /* NEVER_NS: none */
    int64_t run_ns, backoff_ns, keep_ns, since_ns;
    int64_t start_ns; /* on its pool's clock of slot time; what it used before is added when it yields */
    uint32_t after_count, before; /* before: how many of them have not finished */
    uint32_t retries, attempts;
    int32_t priority, exit;
    uint8_t state;         /* enum task_state */
    uint8_t stop;          /* enum status: OK, or why it shall stop */
    uint8_t ending;        /* enum status */
    bool promised, placed; /* it holds its promises, of a deadline and of a place in its lane */
    bool stop_attempt;     /* only this attempt shall */
    bool told;             /* its worker knows */
    bool doomed;           /* one before it has failed */
    bool failed, has_exit;
};

struct task *task_of(const struct object *o);
/* The task of a number, or NULL. */
struct object *task_by_number(const struct engine *e, uint64_t number);
/* A task that is not entered yet, by spec; s is who submits it. *ret on OK. Also NO_MEMORY, LIMIT, and what is wrong with spec. */
enum status task_prepare(struct engine *e, struct session *s, struct pool *p, const struct go_spec *spec,
                         struct task **ret, struct make_error *error);
/* Drop one that was never entered. NULL is fine. */
void task_discard(struct engine *e, struct task *t);
/* What a task holds, whether it was ever entered or not. */
void task_drop(struct engine *e, struct task *t);
uint64_t task_key_hash(const struct engine *e, const struct task *t);
/* It comes after d->before, unless that has finished. */
void task_follow(struct task *t, struct dependency *d);
/* It comes after nobody any more. */
void task_unfollow(struct engine *e, struct task *t);
/* Those before it may all have finished, or one of them failed. */
void task_unblock(struct engine *e, struct task *t);
/* It shall stop, and if it has not begun it is finished. The first reason stays. */
void task_stop(struct engine *e, struct task *t, enum status why, struct text *cause);
/* struct kind, end and lost. */
enum status task_end(struct engine *e, struct hold *h, struct call *c, const struct op *op,
                     struct item *value, const char **ret_message);
void task_lost(struct engine *e, struct holding *h);
/* Its key is another's, who is not finished: that; or NULL. */
struct task *task_twin(const struct engine *e, const struct task *t);
/* It is submitted: from now on it has a number and is its pool's. The reference passes to the pool. */
void task_enter(struct engine *e, struct session *s, struct task *t);
/* The attempt with this token's hold begins on w. */
void task_begin(struct engine *e, struct task *t, struct worker *w);
/* The token of its attempt; 0: there is none. */
uint64_t task_token(const struct task *t);
/* Who was given the attempt with this token never heard of it: it does not count as one. */
void task_unheard(struct task *t, uint64_t token);
/* A call in t's name has parked. */
void task_wait(struct engine *e, struct task *t);
/* c, which had parked in its name, is finished. False: the reply is withheld. */
bool task_wake(struct engine *e, struct task *t, struct call *c);
/* It has slots again: it runs, and its replies go out. */
void task_run(struct engine *e, struct task *t);
/* A call in its name, parked or withheld, has vanished without a reply: if it was the last that is there, the wait is cut short. */
void task_unwait(struct engine *e, struct task *t);
/* It leaves its pool, finished if it was not. */
void task_orphan(struct engine *e, struct task *t);
/* A deadline fell due. */
void task_due(struct engine *e, struct task *t);
/* Its context is done. */
void task_leash_pulled(struct engine *e, struct call *c);
/* The task that a token's holder runs for s: OK, STALE_TOKEN, NOT_PERMITTED. */
enum status task_asking(const struct engine *e, const struct session *s, uint64_t token, struct task **ret);

#endif

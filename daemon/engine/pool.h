/*
 * pool.h - a scheduler: tasks to be run, workers that run them, and who goes first.
 *
 * A worker is a session that serves a pool (WORK) with a number of slots, for some functions. A task takes a slot of its worker and one of the
 * pool's limit (its GOMAXPROCS) while it runs. When it waits in an operation of the daemon, both are another's; when that wait is over the task
 * is runnable, and its reply is withheld until it has slots again. So a pool of two can hold ten thousand tasks that wait for each
 * other, as goroutines do.
 *
 * Who was running goes before who has not begun, but for every GO_ON_MAX-th time. Of those that go on, the one that has had the least time on
 * slots is first: the pool has a clock of slot time, which stands where the last one that went on did; who gets ready after a long wait starts
 * from there, who has used slots since starts as much later (start-time fair queueing, again). So of two pairs that play ping-pong on one slot
 * each gets half of it, however long the strokes of the one are.
 *
 * Tasks stand in lanes, one for each function, in order of (priority, turn, arrival). A turn is what fair shares are made of: each share
 * (a submitter) numbers its tasks of a priority one by one, from where that priority is, so that of two shares each gets every other start,
 * however many tasks the one has put in before (start-time fair queueing).
 *
 * GO waits while as many tasks as `capacity` have not begun. A closed pool takes no new tasks; its workers are told CLOSED when all
 * have finished. With a limit of 0, or paused, none begins; those that have begun go on.
 *
 * Cost: O(log n) a task; a start looks at the workers that wait, and at the lanes each of them serves.
 */
#ifndef ENGINE_POOL_H
#define ENGINE_POOL_H

#include "heap.h"
#include "hold.h"
#include "object.h"
#include "runq.h"

struct task;
struct call;

/* A task's place in its lane: the higher priority first, then the smaller turn. */
#define TURN_BITS 44
#define TURN_MASK (((uint64_t)1 << TURN_BITS) - 1)
static_assert(PRIORITY_MAX * 2 + 1 < 1 << (62 - TURN_BITS), "a place fits 63 bits");

/* Tasks of one function that wait to begin. It exists while a task or a worker refers to it. */
struct lane {
    struct list_node node; /* in pool->lanes */
    struct heap queue;     /* task.queued */
    uint64_t users;
    uint32_t workers; /* of the users */
    uint32_t size;
    char function[]; /* size bytes */
};

/* Whose tasks, of one priority: a submitter's. Or, without a name, where that priority is: its clock. It exists while it is used. */
struct share {
    struct hash_node by_name; /* in e->shares */
    uint64_t pool, turn,
        users;           /* pool: its serial. turn: the last that was given; of a clock: that has begun */
    struct share *clock; /* a use; NULL: it is one */
    int32_t priority;
    uint32_t size;
    char name[]; /* size bytes */
};

struct worker {
    struct list_node node;    /* in pool->workers until it leaves */
    struct list_node wanting; /* in pool->wanting: has runnable tasks and may have a slot */
    struct runq runnable;     /* task.runnable: whose replies wait for a slot */
    uint32_t slots, running;  /* running may pass slots by tasks whose wait was cut short */
    uint32_t tasks;           /* that it has begun and not ended */
    uint32_t lanes_count;
    bool left;            /* it serves no more, and lives for its tasks */
    struct lane *lanes[]; /* a use of each */
};

struct pool {
    struct object object;
    struct holds holds;          /* of WORK */
    struct list workers;         /* worker.node */
    struct list wanting;         /* worker.wanting */
    struct list lanes;           /* lane.node */
    struct list tasks;           /* task.listed: all that are kept, by age */
    struct list submitters;      /* arm.link, ARM_GO */
    struct list pullers;         /* arm.link, ARM_PULL */
    struct channel *dead_letter; /* one reference; or NULL */
    int64_t limit, capacity;
    uint64_t kept, queued, running, waiting; /* tasks; waiting: begun, without a slot */
    uint64_t finished, failed;
    int64_t clock_ns;  /* of slot time: the latest start that was given a slot */
    uint64_t arrivals; /* tasks that got ready */
    uint32_t went_on;  /* since one began */
    bool paused, closed;
    bool bereft; /* a worker has left, and who pulls for it is still to be told */
};

struct pool *pool_of(const struct object *o);
/* The lane of a function, or NULL. */
struct lane *lane_find(const struct pool *p, struct bytes function);
/* The same with one more use, made if need be; NULL without memory. */
struct lane *lane_get(struct engine *e, struct pool *p, struct bytes function);
void lane_put(struct engine *e, struct lane *l);
/* The same for the share of a submitter; name is not empty. */
struct share *share_get(struct engine *e, const struct pool *p, int32_t priority, struct bytes name);
void share_put(struct engine *e, struct share *s);
/* The turn of its next task; that turn has come. */
uint64_t share_turn(struct share *s);
void share_begin(struct share *s, uint64_t turn);
/* The worker of a WORK's token, or NULL. */
struct worker *worker_find(const struct engine *e, const struct pool *p, uint64_t token);
/* A task of its begins (ends): it stays known until its last one has ended. */
void worker_begin(struct worker *w);
void worker_end(struct engine *e, struct worker *w);
/* Whether there are slots for a task of w that has begun already, and nobody who waits for them. */
bool pool_resumes_now(const struct pool *p, const struct worker *w);
/* A task of w takes its slots, gives them back. began: it has not had any before; start_ns: where it starts. */
void pool_occupy(struct pool *p, struct worker *w, bool began, int64_t start_ns);
void pool_yield(struct engine *e, struct pool *p, struct worker *w);
/* t, whose reply is there, waits for slots, from t->start_ns on. */
void pool_want(struct engine *e, struct pool *p, struct task *t);

#endif

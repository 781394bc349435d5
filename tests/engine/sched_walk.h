/*
 * sched_walk.h - actors, pools, tasks and ordered channels for the walk without memory (engine_test.c).
 *
 * sched_stand puts them into a world, each with something for every request to do; sched_requests names the requests. Sessions, tokens and
 * numbers are the same in every world that is built in the same way, so that a request made for one fits the other.
 */
#ifndef TESTS_ENGINE_SCHED_WALK_H
#define TESTS_ENGINE_SCHED_WALK_H

#include "kit.h"

struct sched_things {
    uint64_t a, b; /* sessions: a submits and owns, b works and calls */
    uint64_t busy, idle,
        quiet;                /* tokens of the actors of these names: a call is served, waits, is not there */
    uint64_t call;            /* the number of the one that is served */
    uint64_t worker, thirsty; /* tokens of b's: for the pool, and for one without tasks */
    uint64_t running, waiting,
        runnable; /* tasks that b runs, in these states; running has retries and a signal to tell */
    uint64_t running_token, waiting_token, runnable_token;
    uint64_t queued, dead, deaf; /* tasks: not begun, finished; deaf runs and has nothing to tell */
    uint64_t deaf_token;
};

/* The clock does not move. */
void sched_stand(struct kit *k, uint64_t a, uint64_t b, struct sched_things *ret);
/* Each request once; all are done or wait, given memory. */
void sched_requests(const struct sched_things *t, const void *world,
                    void (*each)(const void *world, struct op op));

#endif

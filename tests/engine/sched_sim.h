/*
 * sched_sim.h - a world of pools, tasks and actors under random requests, and a model of what they may do.
 *
 * The model (sched_sim.c) knows what was asked and what was answered, and from that who runs what, who owns what and which calls wait. After each step
 * it is compared with what the engine shows (sched_compare.c). What the engine may decide (which task, when) it may decide; what it decides must be allowed.
 *
 * The moves (sched_moves.c, sched_drain.c) are the requests. Names, texts and times are small numbers, so that much coincides.
 */
#ifndef TESTS_ENGINE_SCHED_SIM_H
#define TESTS_ENGINE_SCHED_SIM_H

#include <stdio.h>
#include <stdlib.h>

#include "kit.h"
#include "prng.h"

enum {
    SIM_SESSIONS = 8, /* 0 never dies */
    SIM_POOLS = 3,
    SIM_ACTORS = 2,
    SIM_CHANNELS = 3,
    SIM_FUNCTIONS = 3,
    SIM_KEYS = 3,
    SIM_WORKERS = 4096,
    SIM_GO_ON = 16, /* tasks of a pool that may go on in one step */
    SIM_TASKS = 16384,
    SIM_REPLIES = 4096,
    SIM_NOBODY = -1,
};

struct sim_session {
    uint64_t number;
    uint64_t seq, acked; /* numbered requests so far; acknowledged below */
    uint8_t id;
};

struct sim_pool {
    bool there, closed, paused;
    uint32_t made; /* counts removals */
    int64_t limit;
    uint64_t running, finished; /* running: as last seen */
    uint32_t went_on;           /* the same */
};

struct sim_worker {
    uint64_t token;
    uint32_t made; /* of its pool */
    uint32_t slots, running;
    int pool, session;
    uint8_t functions; /* a bit each */
    bool left, began;  /* began: something, in this step */
};

struct sim_task {
    int pool;
    uint32_t made;
    uint8_t function, key; /* key 0: none */
    int32_t priority;
    uint32_t retries, attempts;
    bool live, done, gone, failed, joined;
    bool dropped, answered;     /* removed by a request; a request in its name is answered, in this step */
    uint64_t token, last_token; /* now, and a step ago */
    int holder, worker;
    int64_t expiry_ns;           /* of a live attempt that was given time; NEVER_NS: none */
    enum task_state state, last; /* now, and a step ago */
    enum status ending;
};

enum sim_call_state { CALL_WAITS, CALL_SERVED, CALL_ANSWERED, CALL_OVER };

struct sim_call {
    int actor, session;
    enum sim_call_state state;
    bool left; /* its caller */
    uint32_t taken;
};

struct sim_actor {
    bool fail, died, left; /* left: its owner, in this step */
    uint64_t token, epoch;
    int owner;
    uint64_t served; /* the call being served, by its route; 0: none */
    uint64_t number; /* as SERVE said */
    uint32_t state;  /* the checkpoint; 0: none */
};

/* A request, by its route. */
struct sim_ask {
    enum op_code op;
    int session, pool, worker, actor;
    uint32_t made;
    uint64_t seq, task, token; /* task: the token in whose name; token: what it is about */
    uint64_t number;           /* of the task it is about */
    uint64_t same_as;          /* a repeat: of that route */
    uint64_t latest;           /* the route of its last repeat; 0: none */
    uint64_t digest;           /* of its reply */
    uint64_t step;             /* when */
    int64_t limit;
    int priority_least; /* PULL: what it may not be given less than */
    bool answered, over,
        kept; /* over: it will not be answered, or elsewhere; kept: a repeat finds its reply */
};

/* A reply, copied. */
struct sim_reply {
    struct reply reply;
    char text[24], cause[24];
};

struct sim {
    struct engine *engine;
    struct prng prng;
    uint64_t step;
    int64_t now_ns;
    bool logs, cut; /* cut: this step may have cut waits short */
    struct sim_session sessions[SIM_SESSIONS];
    struct sim_pool pools[SIM_POOLS];
    struct sim_actor actors[SIM_ACTORS];
    struct sim_worker workers[SIM_WORKERS];
    int workers_count;
    struct sim_task tasks[SIM_TASKS]; /* by number */
    uint64_t tasks_count;             /* the largest number seen */
    uint64_t joins;                   /* those that the observer, session 0, has asked to join */
    struct sim_ask *asks;             /* by route */
    struct sim_call *calls;           /* by route */
    uint64_t asks_count, asks_size;
    struct sim_reply replies[SIM_REPLIES];
    uint32_t replies_count;
    uint64_t last_token, digest;
    uint64_t by_op[OP_COUNT], jobs, withheld, finished; /* what happened */
    uint8_t next_id;
};

struct sim *sim_new(uint64_t seed, bool logs);
/* Ends the engine where it is. */
struct sim *sim_free(struct sim *s);
/* One random request, or more where one follows from another. */
void sim_move(struct sim *s);
/* All obstacles go, and all tasks and calls must come to an end. */
void sim_drain(struct sim *s);

/* ---- Between the model and the moves ---- */

struct sim_task *sim_task_at(struct sim *s, uint64_t number);
/* Tasks that are new become known. */
void sim_see_new(struct sim *s);
/* Everything against the views. */
void sim_compare(struct sim *s);
/* The observer joins every task that has come to be. */
void sim_join_new(struct sim *s);

uint64_t sim_below(struct sim *s, uint64_t n);
/* Ask op for session i; the answers are checked. about: what to remember, with op and session filled in here. The route. */
uint64_t sim_ask(struct sim *s, int session, struct op *op, struct sim_ask about);
/* An event, or time. */
void sim_event(struct sim *s, enum op_code code, int session);
void sim_time(struct sim *s, int64_t now_ns);
void sim_open(struct sim *s, int session);
/* The connection of a session goes. */
void sim_kill(struct sim *s, int session);
const char *sim_name(char letter, int i);

/* It must be so; else the step is named, what is said is printed, and that is the end. */
#define SIM_MUST(condition, ...)          \
    do {                                  \
        if (!(condition)) {               \
            sim_fail_at(s, #condition);   \
            fprintf(stderr, __VA_ARGS__); \
            fputc('\n', stderr);          \
            abort();                      \
        }                                 \
    } while (0)
void sim_fail_at(const struct sim *s, const char *condition);

#endif

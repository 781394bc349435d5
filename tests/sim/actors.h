/*
 * actors.h - the sessions of the simulation, their requests, and what the engine answers them.
 *
 * An actor lives, dies and is born again under the same index with a new `life`. A request stays in its slot until it is acknowledged (or,
 * without a seq, written), with the op as it was asked, so that it can be repeated to the letter, and a digest of the answer, which every
 * repeat must bring again.
 */
#ifndef SIM_ACTORS_H
#define SIM_ACTORS_H

#include "holds.h"
#include "oracle.h"

enum {
    ACTORS = 6,
    SLOTS = 40,
    CASES_MAX = 5,
    BATCH_MAX = 8,
    HANDLES_HELD = 4,
    LEASES_HELD = 10,
    SURPLUS_MAX = 64
};

struct case_fact {
    int canal;     /* the channel it is about, or -1: none that is followed */
    int64_t value; /* ARM_SEND: the first of `count` values */
    uint32_t count;
    int64_t lease_ns;
    /* of what can be held or waited for: */
    uint64_t serial; /* 0: none */
    enum arm_verb verb;
    uint64_t permits;
    int64_t ttl_ns;
    struct condition condition;
    int key;              /* ARM_TAKE, ARM_BEGIN on a flight: which of the keys */
    uint64_t flight;      /* which flight it has joined; 0: none */
    uint64_t lock_serial; /* COND_WAIT: of the lock, */
    uint64_t lock_token;  /* by which it was held, */
    bool lock_shared;     /* for reading */
};

struct request {
    bool used, finished, undelivered;
    struct op op;
    uint64_t digest;
    uint64_t asked; /* the step */
    bool signalled; /* COND_WAIT: it waits for its lock now, */
    bool passes;    /* and hands its signal on if it does not get there, */
    uint64_t place; /* with this place in the queue, as request_place has it */
    bool lockless;  /* the lock it is woken for in this step is gone */
    bool left;      /* it stopped waiting in this step, without what it waited for */
    int served;     /* the channel whose value it got in this step, or -1 */
    uint32_t cases;
    struct case_fact facts[CASES_MAX];
    int64_t got[BATCH_MAX]; /* values received for good */
    uint32_t got_count;
    uint64_t fence;    /* a send to the fenced channel: its token */
    struct canal made; /* MAKE: what to enter when it was created */
    /* what op points to */
    struct value values[BATCH_MAX];
    struct arm_spec arms[CASES_MAX];
    struct context_value entry;
    uint64_t leases[BATCH_MAX];
    uint64_t acked[SLOTS];
};

struct actor {
    bool alive;
    bool ending; /* it ended in this step */
    uint32_t life;
    uint64_t number; /* of its session */
    uint64_t seq;
    uint32_t connections;
    uint8_t id[SESSION_ID_SIZE];
    struct request slots[SLOTS];
    uint64_t handles[HANDLES_HELD]; /* 0: none */
    uint64_t surplus[SURPLUS_MAX];  /* handles to give up */
    uint32_t surplus_count;
    uint64_t leases[LEASES_HELD];
};

struct rng {
    uint64_t state;
};

struct sim {
    uint64_t seed;
    struct engine *engine;
    struct rng rng;
    int64_t now_ns;
    uint64_t hash; /* of all that the engine said */
    uint64_t routes, replies;
    uint64_t by_status[64];
    unsigned missing, ended; /* answers of late that named nothing, or something closed */
    bool log;                /* print every step */
    uint32_t lives;
    struct actor actors[ACTORS];
    struct oracle oracle;
    struct holds holds;
};

/* 0 <= r < n */
uint64_t rng_below(struct rng *r, uint64_t n);
bool rng_chance(struct rng *r, unsigned percent);

/* A free slot, emptied; NULL: there is none. */
struct request *actor_slot(struct actor *a);
/* The channel that a ref means to an actor, or -1. */
int sim_canal(const struct sim *s, const struct actor *a, const struct ref *ref);
/* The serial of what a ref means to an actor, or 0. */
uint64_t sim_serial(const struct sim *s, const struct actor *a, const struct ref *ref);
/* Ask: gives the request its route (and its seq when `numbered`), and steps. */
void sim_ask(struct sim *s, struct actor *a, struct request *r, bool numbered);
/* Ask the same again. */
void sim_repeat(struct sim *s, struct actor *a, struct request *r);
/* An event of the world. */
void sim_event(struct sim *s, const struct op *op);
/* Open a session for a dead actor. */
void sim_hello(struct sim *s, struct actor *a);

#endif

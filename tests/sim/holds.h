/*
 * holds.h - what can be held or gathered at must do, told by a model that is nothing like the engine.
 *
 * The model knows of each object what an outsider can: who holds it by which token, until when; the count, the value, the outcome. From
 * every answer it follows what changed, and asserts: a mutex and a writer are alone; permits are conserved; tokens only grow; who waits in
 * one queue is served in the order of asking; whoever gets what another lost is told so, and nobody else is; a wait group lets go at
 * zero, and says when units were lost; a counter's every answer is the one that a plain integer gives; a once is run by one at a
 * time and has one outcome; a reader passes a waiting writer only when another has let go; what is wrong is refused with the right status and changes nothing.
 *
 * holds.c follows grants and waits, hold_steps.c what gives back and changes, groups.c conditions, barriers, groups and flights.
 */
#ifndef SIM_HOLDS_H
#define SIM_HOLDS_H

#include "engine.h"

struct sim;
struct actor;
struct request;
struct case_fact;

enum { KEYS = 3, ERROR_NONE = -1, ERROR_DIED = -2 };

/* An object of the new kinds. */
struct held {
    uint64_t serial;
    enum kind_code kind;
    const char *name; /* NULL: anonymous */
    uint32_t owner;   /* life of the actor it ends with; 0: none */
    bool removed;
    uint64_t removed_step;
    bool died;                           /* to be told to the next holder */
    uint64_t wrote_step;                 /* when a writer last let go */
    uint64_t size;                       /* a semaphore's */
    uint64_t count, lost;                /* a wait group's */
    bool done, failed, poison, poisoned; /* a once's */
    int64_t result;
    int64_t value;        /* a counter's, a cell's */
    uint64_t revision;    /* a cell's */
    enum value_type type; /* of its value; VALUE_NONE: it is empty */
    bool fenced;          /* a cell */
    struct counter_spec spec;
    uint64_t fence;
    int64_t limit;           /* a group's; < 0: none */
    int64_t error;           /* a group's first: the number in its text; ERROR_NONE, ERROR_DIED */
    uint64_t parties, cycle; /* a barrier's */
    uint64_t passed;         /* a barrier: who went on in this step */
    uint64_t last;           /* and how many of them were told to be the last */
    bool counted;            /* a limiter that is a concurrency limit */
    uint64_t current[KEYS];  /* a flight: what is in flight under each key, if it still is */
    uint64_t owed;           /* a condition: signals that go on to the next */
};

/* One flight: all that share one outcome. */
struct flight_fact {
    uint64_t id;
    int held, key;
    bool over, failed, poisoned, died; /* died: to be told to the next runner */
    int64_t result;
};

/* One hold. */
struct grip {
    uint64_t token;
    int held; /* index */
    uint32_t holder;
    bool shared;
    uint64_t permits;
    int key;         /* of a limiter */
    uint64_t flight; /* which one it runs */
    int64_t said;    /* a mutex: what its holder says of itself; 0: nothing */
    int64_t due_ns;  /* NEVER_NS: none */
    uint64_t order;  /* when its holder got it */
};

struct holds {
    struct held *held;
    size_t held_count, held_size;
    struct grip *grips; /* by token */
    size_t grips_count, grips_size;
    struct flight_fact *flights;
    size_t flights_count, flights_size;
    uint64_t token_max, orders;
    uint64_t step; /* the one whose answers are being taken */
};

void holds_done(struct holds *h);
/* The object of this serial, or -1. */
int holds_find(const struct holds *h, uint64_t serial);
/* A MAKE created it. */
void holds_made(struct holds *h, const struct request *r, const struct object_view *v);
/* The first round of a step: time came to now_ns; an actor died; an object was removed. */
void holds_time(struct holds *h, uint64_t step, int64_t now_ns);
void holds_death(struct sim *s, uint32_t life);
void holds_removed(struct sim *s, uint64_t serial);
/* A token is extended; false: this holder has no such. */
bool holds_extend(struct holds *h, uint64_t token, uint32_t holder, int64_t due_ns);
/* What an answer means. */
void holds_settle(struct sim *s, struct actor *a, struct request *r, const struct reply *reply);
/* Compare with what the engine says of all its objects. */
void holds_check(struct sim *s);

/* ---- Between the files of the model ---- */

/* Room for one more element of an array. */
void *holds_room(void *array, size_t count, size_t *size, size_t element);
/* The grip with this token, on this object (or, held < 0, any). NULL: there is none. */
struct grip *grip_of(const struct holds *h, int held, uint64_t token);
/* Holds of an object, or (shared_only) those for reading; their permits in *ret_permits. */
uint64_t grips_on(const struct holds *h, int held, bool shared_only, uint64_t *ret_permits);
/* It is given back. */
void grip_drop(struct holds *h, size_t i);
/* A grant, of what a case asked for. */
void settle_grant(struct sim *s, struct actor *a, struct request *r, const struct case_fact *f,
                  const struct grant *grant);
/* Where a request stands among those that wait: smaller is earlier. */
uint64_t request_place(const struct request *r);
/* What of a case waits in the queue of a lock or the like. False: nothing does (yet). */
bool queued_fact(const struct request *r, uint32_t i, struct case_fact *ret);

/* hold_steps.c: what a request that does not wait has changed. */
void settle_step(struct sim *s, struct actor *a, struct request *r, int held, const struct reply *reply);

/* groups.c */
/* A request stopped waiting in this step, without what it waited for: the signal it had goes on. */
void groups_left(struct sim *s, struct request *r);
/* The first round, after those who left: signals go on, COND_WAIT lets go of its lock, SIGNAL wakes. reply NULL: there is none yet. */
void groups_first(struct sim *s, const struct op *op, struct request *r, const struct reply *reply);
/* The request that was asked in this step waits now. */
void groups_parked(struct sim *s, struct request *r);
/* Whether a request waits, as far as the answers of this step are known. */
bool request_waits(const struct sim *s, int actor, const struct request *r);
/* What is in flight under a key; 0: nothing. */
uint64_t flight_current(const struct sim *s, int held, int key);
/* What a grant presumes of a flight, and does to it. Returns the flight that is run. */
uint64_t flight_grant(struct sim *s, const struct request *r, int held, const struct case_fact *f,
                      const struct grant *grant);
/* Its runner has lost it. */
void flight_lost(struct holds *h, const struct grip *g);
void flight_end(struct sim *s, const struct request *r, const struct grip *g, const struct reply *reply);
void flight_forget(struct sim *s, const struct request *r, int held, const struct reply *reply);
void check_flight_outcome(const struct sim *s, const struct case_fact *f, const struct reply *reply);
/* A WAIT on a barrier, a group or a mutex is over. */
void check_gathered(const struct sim *s, struct held *x, const struct case_fact *f,
                    const struct reply *reply);
/* Nobody waits to send into a fenced channel with a token that is too old. */
void check_fence(const struct sim *s, int canal, const struct channel_view *v);
/* cells.c: an EXCHANGE; a WAIT that is over; what the engine says. */
void cell_exchange(struct sim *s, const struct request *r, int held, const struct reply *reply);
void check_revision(const struct held *x, const struct case_fact *f, const struct reply *reply);
void check_cell(const struct sim *s, const struct held *x, const struct cell_view *v);
/* At the end of a step. */
void groups_check(struct sim *s, int held, const struct object_view *v);

#endif

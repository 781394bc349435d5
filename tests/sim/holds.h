/*
 * holds.h - what locks, permits, groups, counters and onces must do, told by a model that is nothing like the engine.
 *
 * The model knows of each object what an outsider can: who holds it by which token, until when; the count, the value, the outcome. From
 * every answer it follows what changed, and asserts: a mutex and a writer are alone; permits are conserved; tokens only grow; who waits in
 * one queue is served in the order of asking; whoever gets what another lost is told so, and nobody else is; a wait group lets go at
 * zero, and says when units were lost; a counter's every answer is the one that a plain integer gives; a once is run by one at a
 * time and has one outcome; a reader passes a waiting writer only when another has let go; what is wrong is refused with the right status and changes nothing.
 */
#ifndef SIM_HOLDS_H
#define SIM_HOLDS_H

#include "engine.h"

struct sim;
struct actor;
struct request;

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
    int64_t value; /* a counter's */
    struct counter_spec spec;
    uint64_t fence;
};

/* One hold. */
struct grip {
    uint64_t token;
    int held; /* index */
    uint32_t holder;
    bool shared;
    uint64_t permits;
    int64_t due_ns; /* NEVER_NS: none */
    uint64_t order; /* when its holder got it */
};

struct holds {
    struct held *held;
    size_t held_count, held_size;
    struct grip *grips; /* by token */
    size_t grips_count, grips_size;
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
void holds_check(const struct sim *s);

#endif

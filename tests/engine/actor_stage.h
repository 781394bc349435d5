/*
 * actor_stage.h - an actor with an owner, for tests of actors.
 *
 * The actor is "x"; `owner` owns it by `token`, a and b call it. A test whose owner changes sets both, and goes on to serve by the same
 * functions.
 */
#ifndef TESTS_ENGINE_ACTOR_STAGE_H
#define TESTS_ENGINE_ACTOR_STAGE_H

#include "kit_sched.h"

struct actor_stage {
    struct kit *k;
    uint64_t owner, a, b; /* sessions */
    uint64_t token;
};

struct actor_stage actor_stage_new(bool fail);
/* The owner takes the next call, which is there. */
struct served take_call(struct actor_stage st);
/* The owner answers: whether the caller got it. */
bool reached(struct actor_stage st, uint64_t number, const char *s);

#endif

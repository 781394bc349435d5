/*
 * hold_moves.h - what actors do with locks, permits, groups, counters and onces.
 *
 * Each move_ fills one request: they are rows for the table of moves.c. Their objects have names of their own, which moves.c does not use.
 */
#ifndef SIM_HOLD_MOVES_H
#define SIM_HOLD_MOVES_H

#include "actors.h"

void move_lock(struct sim *s, struct actor *a, struct request *r);
void move_unlock(struct sim *s, struct actor *a, struct request *r);
void move_acquire(struct sim *s, struct actor *a, struct request *r);
void move_release(struct sim *s, struct actor *a, struct request *r);
void move_adopt(struct sim *s, struct actor *a, struct request *r);
void move_wait(struct sim *s, struct actor *a, struct request *r);
void move_add(struct sim *s, struct actor *a, struct request *r);
void move_update(struct sim *s, struct actor *a, struct request *r);
void move_begin(struct sim *s, struct actor *a, struct request *r);
void move_end(struct sim *s, struct actor *a, struct request *r);
/* The timeout, the context and the rest of a request that may wait (moves.c). */
void fill_waiting(struct sim *s, struct request *r);
/* MAKE; its lifetime is the caller's. */
void move_holdable(struct sim *s, struct request *r);
/* One of their names. */
struct ref holdable_ref(struct sim *s);
/* An arm that locks, acquires, waits or begins. */
void fill_hold_case(struct sim *s, struct actor *a, struct arm_spec *arm, struct case_fact *f);

#endif

/*
 * hold_moves.h - what actors do with all that can be held or gathered at (hold_moves.c, group_moves.c).
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
void move_exchange(struct sim *s, struct actor *a, struct request *r);
/* A cell's, mostly the one that it has (cells.c). */
struct condition some_revision(struct sim *s, struct actor *a, const struct ref *ref);
void move_take(struct sim *s, struct actor *a, struct request *r);
void move_acquire_all(struct sim *s, struct actor *a, struct request *r);
void move_cond_wait(struct sim *s, struct actor *a, struct request *r);
void move_signal(struct sim *s, struct actor *a, struct request *r);
void move_reserve(struct sim *s, struct actor *a, struct request *r);
void move_refund(struct sim *s, struct actor *a, struct request *r);
void move_tune(struct sim *s, struct actor *a, struct request *r);
void move_forget(struct sim *s, struct actor *a, struct request *r);
/* Everything about the fenced channel: make it, send, receive, close. */
void move_fenced(struct sim *s, struct actor *a, struct request *r);
/* moves.c: the values of a sending case, which the oracle learns of. Those of a wrong type are offered as well: they must never come. */
void fill_values(struct sim *s, struct actor *a, struct case_fact *f, const struct ref *ref,
                 struct value *values, uint32_t count);
/* The timeout, the context and the rest of a request that may wait (moves.c). */
void fill_waiting(struct sim *s, struct request *r);
/* MAKE; its lifetime is the caller's. */
void move_holdable(struct sim *s, struct request *r);
/* One of their names. */
struct ref holdable_ref(struct sim *s);
/* A name of this kind mostly; now and then a handle, or any other. */
struct ref held_ref(struct sim *s, struct actor *a, enum kind_code kind);
/* A grip on something of these kinds, the actor's own if it can be; NULL: there is none. */
const struct grip *some_grip(struct sim *s, const struct actor *a, unsigned kinds);
/* What a grip is on: by name, or by a handle the actor has. */
struct ref grip_ref(const struct sim *s, const struct actor *a, const struct grip *g);
/* An arm that locks, acquires, waits or begins. */
void fill_hold_case(struct sim *s, struct actor *a, struct arm_spec *arm, struct case_fact *f);

#endif

/*
 * wait.h - the one mechanism by which anything waits.
 *
 * (1) A done context of the request ends it before anything else. (2) Every case is polled on the state as it is; of those that are
 * ready the generator picks one, uniformly, and its kind commits it. (3) Else default, no_wait or a timeout of 0 answer. (4) Else every arm is parked,
 * FIFO, on its object; the cases of one select in random order, so that none of several on one channel is always served first.
 *
 * When an object changes, its kind serves its queue from the head: wait_claim takes the call off every queue it stands in, O(arms); then the
 * kind says what came of it and calls call_complete. Nothing else runs inside a mutation: what a completion sets off waits on the ready list.
 */
#ifndef ENGINE_WAIT_H
#define ENGINE_WAIT_H

#include "call.h"
#include "object.h"

/* Make case i of a new call, referring to o (NULL: nil, or a verb that needs none). */
struct arm *wait_case(struct call *c, uint32_t i, unsigned verb, struct object *o);
/* Fill the hidden arms from op and run (1) to (4). dflt: the index of a default case, or UINT32_MAX. */
void wait_start(struct engine *e, struct call *c, const struct op *op, uint32_t dflt);
/* The same for a call of the engine's own, which has one case and nothing else. */
void wait_start_own(struct engine *e, struct call *c);
/* The arm fires: unpark all its siblings and record the index. The caller completes the call. */
struct call *wait_claim(struct engine *e, struct arm *a);
/* Claim a parked arm and let its kind commit it. */
void wait_fire(struct engine *e, struct arm *a);
/*
 * The first of its queue can be granted: fire it. One of an ACQUIRE_ALL fires with all of its siblings, when each can be granted; false: not yet, and
 * it holds up those behind it.
 */
bool wait_offer(struct engine *e, struct arm *a);
/* Whether it would fire now. */
bool wait_ready(const struct engine *e, const struct arm *a);
/*
 * A parked arm has got what it waited for, but its call goes on: with it alone, and its deadline and context, for another verb on
 * o, whose reference passes to it. The other cases are dropped.
 */
void wait_turn(struct engine *e, struct arm *a, unsigned verb, struct object *o);
/* Queue one arm on its object: for a kind that commits by queueing and serving. */
void wait_queue(struct engine *e, struct arm *a);
/* Withdraw a parked call: unpark everything. The caller completes or frees it. */
void wait_withdraw(struct engine *e, struct call *c);
/* Claim every arm of a queue and complete its call with status. */
void wait_fail_all(struct engine *e, struct list *queue, enum status status);
/* A time arm fell due. */
void wait_due(struct engine *e, struct arm *a);
/* Serve QUIESCE if the sessions are at rest. */
void wait_serve_quiet(struct engine *e);
/* Index of an arm in its call. */
uint32_t arm_index(const struct arm *a);
/* Assert what must hold of a parked call. */
void wait_audit(const struct engine *e, const struct call *c);

#endif

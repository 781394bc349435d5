/*
 * cond.h - sync.Cond between processes.
 *
 * To wait is to join the queue and give the lock up in one step: no signal is lost between. SIGNAL wakes the oldest, or all who stand there; nobody
 * there: nothing is kept. Who is woken waits for the lock, in that lock's own order, and its call ends with the lock held again under a new token.
 *
 * A woken one that ends before it has the lock (it died, its deadline passed) passes its signal on to the next, unless all had been
 * woken. A call that ends by its deadline, its context or CANCEL holds nothing.
 *
 * Cost: O(1) to wait and to wake one.
 */
#ifndef ENGINE_COND_H
#define ENGINE_COND_H

#include "op.h"

struct engine;
struct call;
struct arm;

/* Give the lock up that a, an ARM_COND of c, will wait for (token: by which it is held). False: op is refused and nothing has changed. */
bool cond_leave(struct engine *e, struct call *c, const struct op *op, const struct arm *a, uint64_t token);
/* c, woken by a signal, has its lock: the signal is used. Any other call: nothing. */
void cond_kept(struct engine *e, struct call *c);
/* c, woken by a signal, ends without its lock. */
void cond_pass(struct engine *e, struct call *c);

#endif

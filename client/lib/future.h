/*
 * future.h - calls that nobody waits for yet, and the descriptor for event loops.
 *
 * future_new gives a call to be filled in as any other (call_init is done by the file of its noun); future_start enters it, or frees it
 * and returns what is wrong. A future that is done stands in `done` until sluice_next_done hands it out or it is finished.
 */
#ifndef SLUICE_FUTURE_H
#define SLUICE_FUTURE_H

#include "call.h"

struct sluice_future {
    struct call call;
    sluice *s;
    struct link all, done;
    struct sluice_future *next_free;
    struct link *
        inbox; /* set before it starts: the list its `done` goes to, out of sluice_next_done's sight; NULL: the
                         * connection's */
    void *data;
};

/* NULL: no memory, and the error is set. */
struct sluice_future *future_new(sluice *s);
/* status: what building the call gave. */
enum sluice_status future_start(struct sluice_future *f, enum sluice_status status, sluice_future **ret);
/* The next one of the list, which has left it; waits for it. NULL: none will come, since nothing is in flight. */
struct sluice_future *future_next(sluice *s, struct link *inbox);
/* Its call is done. With the lock. */
void future_finished(sluice *s, struct call *c);
/* The event loop's descriptor follows the connection's state. With the lock. */
void future_watch(sluice *s);
/* The transport's descriptor is about to be closed. */
void future_forget(sluice *s);
/* Closes what sluice_fd opened. */
void future_unwatch(sluice *s);
/* Frees all futures. */
void future_free_all(sluice *s);

#endif

/*
 * limiter.h - limiters: a definition, and a state under each key.
 *
 * What a rule (rule.h) says of instants, a limiter makes waiting of. The state without a key is in the definition itself; that under a
 * key is an object of its own (keys.h), made as new when the key is first asked for and dropped when it is as new again. A concurrency
 * limit has no arithmetic: under each key, the empty one too, stands a semaphore.
 *
 * Who must wait stands in one queue in order of arrival, and while the first cannot pass nobody behind it does. Waiting on a bucket is a
 * booking instead, as in Go: its time is fixed when it is asked for, and giving up gives it back.
 *
 * Cost: O(1) what passes at once, O(log n) what waits; TUNE is O(keys).
 */
#ifndef ENGINE_LIMITER_H
#define ENGINE_LIMITER_H

#include "bucket.h"
#include "heap.h"
#include "hold.h"
#include "keys.h"
#include "object.h"

struct limiter {
    struct object object;
    union rule_state state; /* of this key. Not of a concurrency limit */
    struct limiter_spec spec;
    struct keys keys;     /* the definition's */
    struct holds holds;   /* reservations */
    struct list waiters;  /* arm.link */
    struct heap_node due; /* when the first waiter may pass, or a key may be as new. One promise */
    uint64_t waiting;     /* events asked for by waiters */
    bool tuned;           /* since it was served last: some may wait for what can never be */
    bool lingers;         /* a key that is not as new holds a reference to itself */
};

struct limiter *limiter_of(const struct object *o);
/* Whether waiting on it is a booking. */
bool limiter_books(const struct object *o);
/* What n are taken from under a key of the definition o: *ret with one reference. Also NO_MEMORY, LIMIT. */
enum status limiter_at(struct engine *e, struct session *s, struct object *o, struct bytes key,
                       struct object **ret, struct make_error *error);
/* How long until n could pass, behind whoever waits, if nobody else asks; NEVER_NS: never. */
int64_t limiter_retry(const struct engine *e, const struct limiter *l, uint64_t n);
/* Something has been taken, or given back. */
void limiter_changed(struct engine *e, struct limiter *l);
/* The first waiter may pass, or the key may be as new. */
void limiter_due(struct engine *e, struct limiter *l);
/* A booking's time has come. */
void limiter_booking_due(struct engine *e, struct booking *b);

#endif

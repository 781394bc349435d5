/*
 * hold.h - a lock, permits, the right to run: what is held until it is given back or lost.
 *
 * A hold is a holding with a share: the permits it took. Its number is the fencing token. The room for it is allocated with
 * the request (hold_new, into call->hold), so granting cannot fail, at once or later.
 *
 * Whoever shows the token may give the hold back, in whatever session: passing the token is Go's unlock by another. ADOPT moves it
 * to the session that shows it. Lost it is with its session or its ttl; then the kind passes it on, and says OWNER_DIED to the next.
 */
#ifndef ENGINE_HOLD_H
#define ENGINE_HOLD_H

#include "holding.h"

struct arm;
struct booking;
struct call;
struct hold_view;
struct worker;

struct hold {
    struct holding holding;
    struct list_node by_object; /* in the object's holds */
    union {
        struct holds *of;        /* live: those */
        struct hold *next_spare; /* allocated ahead: the next of its call */
    };
    union {
        struct booking *booking; /* a reservation: ours; else NULL */
        struct worker *worker;   /* of a WORK: the pool's, which takes it back before the hold ends */
    };
    uint64_t permits;
    uint64_t task; /* the token of the task in whose name it was asked for; 0: none */
};

/* The holds of one object, oldest first. */
struct holds {
    struct list list; /* hold.by_object */
    uint64_t count;
};

struct hold *hold_of(struct holding *h);
/* hold.task of a holding, which may be a lease: 0. */
uint64_t hold_task(const struct holding *h);
void holds_init(struct holds *holds);
/* Room for one, in c->hold. False without memory. */
bool hold_new(struct engine *e, struct call *c);
/* Room for one more. */
bool hold_new_more(struct engine *e, struct call *c);
/* Give all the room of c back. */
void hold_free_spares(struct engine *e, struct call *c);
void hold_free(struct engine *e, struct hold *h);
/*
 * Use the room: a's object is held by its call's session for a's ttl. The grant is the call's result, or of an ACQUIRE_ALL one of several; completes
 * the call when there is no more to be granted. a is claimed.
 */
void hold_grant(struct engine *e, struct arm *a, struct holds *holds, uint64_t permits, bool owner_died);
/* Use the room without a result: the token. */
uint64_t hold_take_on(struct engine *e, struct call *c, struct object *o, struct holds *holds);
uint64_t hold_take(struct engine *e, struct arm *a, struct holds *holds);
/* The same as hold_grant for a call without an arm, on o and without a ttl. */
void hold_grant_call(struct engine *e, struct call *c, struct object *o, struct holds *holds,
                     uint64_t permits);
/* It is over: unlisted and freed. */
void hold_end(struct engine *e, struct hold *h);
/* Use the room of a RESERVE's call: o's booking is its session's for duration_ns. The token. */
uint64_t hold_book(struct engine *e, struct call *c, struct object *o, struct holds *holds,
                   struct booking *booking, int64_t duration_ns);
/* The live hold with this token on o, or on what stands under one of its keys; or NULL. */
struct hold *hold_find(const struct engine *e, const struct object *o, uint64_t token);
/* End all of an object's. */
void hold_end_all(struct engine *e, struct holds *holds);
/* What there is to see of an object's. O(1). */
void hold_view(const struct holds *holds, struct hold_view *ret);
/* Assert what must hold of o's; the sum of their permits. */
uint64_t hold_audit(const struct engine *e, const struct object *o, const struct holds *holds);
/* struct kind, done, where nothing is left to drop: a hold keeps its object alive. */
void hold_done(struct engine *e, struct object *o);

#endif

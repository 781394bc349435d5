/*
 * bucket.h - a token bucket with reservations: golang.org/x/time/rate in integers.
 *
 * Beside the rule (bucket_rule, for allow) it takes tokens that are still to come: a booking has an act time, and giving it back returns what
 * no later booking was built on.
 */
#ifndef ENGINE_BUCKET_H
#define ENGINE_BUCKET_H

#include "heap.h"
#include "rule.h"

struct engine;
struct arm;

struct booking {
    struct heap_node due; /* of a waiting arm: act_ns */
    struct arm *arm;      /* which; NULL: a reservation's */
    uint64_t n;
    int64_t act_ns;   /* NEVER_NS: never */
    struct rate rate; /* as it was then */
    bool acted;       /* its time has come */
};

/* One for n tokens, not yet taken; NULL without memory. */
struct booking *booking_new(struct engine *e, uint64_t n);
/* NULL is fine. */
void booking_free(struct engine *e, struct booking *b);

/* ReserveN: takes b->n tokens as of at_ns and fills b's act time, unless that is more than max_wait_ns away or n beyond the burst: false, nothing changed. */
bool bucket_book(struct bucket *s, const struct limiter_spec *spec, int64_t at_ns, int64_t max_wait_ns,
                 struct booking *b);
/* Reservation.CancelAt. False: nothing came back. Not twice. */
bool bucket_return(struct bucket *s, const struct limiter_spec *spec, int64_t at_ns, const struct booking *b);

#endif

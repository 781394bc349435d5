/*
 * rule.h - what a limiter's algorithm is: arithmetic on a few integers, and nothing else.
 *
 * A rule has a state, and answers for an instant: how long until n could pass, if nobody else asked; n have passed; how much could
 * pass at once; when the state will be as new. It knows no objects, no waiters, no heap: so a model can be held against it.
 *
 * All is exact. A rate is count events per period_ns; levels are counted in events x period_ns, so that an elapsed nanosecond adds `count` of them
 * and nothing is ever rounded but the answer. Counts and bursts are at most 2^40 and periods below 2^64: products stay within 128 bits.
 */
#ifndef ENGINE_RULE_H
#define ENGINE_RULE_H

#include "op.h"

typedef __int128 level_t;

/* rate.Limiter's state. */
struct bucket {
    level_t level;         /* tokens x period_ns as of last_ns; negative: debt */
    int64_t last_ns;       /* when it was last settled */
    int64_t last_event_ns; /* the latest time a reservation was given */
};

/* Fixed and sliding windows: number `index` since the epoch. */
struct window {
    int64_t epoch_ns;
    uint64_t index, count, before; /* passed in this window, and (sliding) in the one before */
};

/* Both leaky buckets. */
struct leaky {
    level_t level; /* what has passed and not leaked, as of last_ns: events x period_ns */
    int64_t last_ns;
};

union rule_state {
    struct bucket bucket;
    struct window window;
    struct leaky leaky;
};

struct rule {
    void (*init)(union rule_state *s, const struct limiter_spec *spec, int64_t now_ns);
    /* How long until n can pass; 0: now; NEVER_NS: never. */
    int64_t (*wait)(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns, uint64_t n);
    /* n pass now. wait said 0. */
    void (*pass)(union rule_state *s, const struct limiter_spec *spec, int64_t now_ns, uint64_t n);
    /* How many could pass now; negative: debt. */
    int64_t (*remaining)(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns);
    /* When it will be as new; now_ns: it is; NEVER_NS: never. */
    int64_t (*fresh)(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns);
    /* From now on `to` holds in place of `from`. */
    void (*tune)(union rule_state *s, const struct limiter_spec *from, const struct limiter_spec *to,
                 int64_t now_ns);
    bool per_window; /* what can pass at once is bounded by rate.count, not burst */
    bool spaced;     /* burst bounds how many wait; anything may pass */
};

/* Not for LIMIT_CONCURRENCY, which has no arithmetic. */
const struct rule *rule_of(enum algorithm a);
/* The most that can ever pass at once. */
uint64_t rule_most(const struct limiter_spec *spec);

/* level / count in ns, up (or down) to whole ones, saturated to NEVER_NS; level >= 0. A count of 0: NEVER_NS, unless level is 0. */
int64_t rule_span_up(level_t level, uint64_t count);
int64_t rule_span_down(level_t level, uint64_t count);
/* A level in events x from as one in events x to, towards minus infinity. */
level_t rule_rescale(level_t level, uint64_t from, uint64_t to);
/* now + d, saturated to NEVER_NS. */
int64_t rule_after(int64_t now_ns, int64_t d_ns);
/* ns from then to now; 0 when now is earlier. */
uint64_t rule_elapsed(int64_t then_ns, int64_t now_ns);

#endif

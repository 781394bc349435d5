/*
 * limiter_model.h - what a limiter must say, computed from all that has ever passed through it.
 *
 * The model keeps no running level. For each key it keeps the list of what happened, and for each question it goes through that list
 * from the newest entry to the oldest, in whole numbers that are exact: amounts are events x UNITS, and every period that is used divides
 * UNITS. How long something has to wait is not solved for but searched: the least time at which the question "could it pass then?" is
 * answered yes.
 *
 * It knows nothing of queues, of time limits, of sessions: those are the test's.
 */
#ifndef TESTS_ENGINE_LIMITER_MODEL_H
#define TESTS_ENGINE_LIMITER_MODEL_H

#include "op.h"

typedef __int128 amount_t;

/* A period of a rate must divide it: 1 s x 3 x 7. */
#define UNITS (INT64_C(1000000000) * 21)

/* Waits are searched up to here: all that comes at all comes before. */
#define HORIZON_NS (INT64_C(1) << 50)

enum { HISTORY_MAX = 4000 };

/* Something happened: from then on `rate` and `burst` held. */
struct past {
    int64_t at_ns;
    amount_t change; /* of what has passed: more (a take), less (a refund); rounding when a period changed */
    struct rate rate;
    uint64_t burst;
};

/* What stands under one key. */
struct history {
    struct past past[HISTORY_MAX]; /* past[0]: it was made */
    int count;
    int64_t epoch_ns;      /* windows are counted from here */
    int64_t busy_ns;       /* LIMIT_QUEUE: since when one follows the other */
    int64_t last_event_ns; /* LIMIT_BUCKET: the act time of what was booked or passed last */
};

/* A booking of a bucket. */
struct booked {
    uint64_t n;
    int64_t act_ns; /* NEVER_NS: never */
    struct rate rate;
};

struct limiter_model {
    struct limiter_spec spec;
    int64_t epoch_ns;
};

/* A key, as new. */
void history_begin(struct history *h, const struct limiter_model *m, int64_t now_ns);
/* The most that could ever pass at once. */
uint64_t model_most(const struct limiter_model *m);
/* Could n pass at that time, if nothing happened before? */
bool model_passes(const struct limiter_model *m, const struct history *h, int64_t at_ns, uint64_t n);
/* n pass. */
void model_pass(const struct limiter_model *m, struct history *h, int64_t at_ns, uint64_t n);
/* The least time until n could pass; NEVER_NS. */
int64_t model_wait(const struct limiter_model *m, const struct history *h, int64_t at_ns, uint64_t n);
/* The most that could pass then. Of a bucket: its whole tokens, less than none when it is in debt. */
int64_t model_remaining(const struct limiter_model *m, const struct history *h, int64_t at_ns);
/* Is it as it was when it was made? */
bool model_fresh(const struct limiter_model *m, const struct history *h, int64_t at_ns);
/* The key learns that m->spec is to be `to`. The caller sets that afterwards. */
void model_tune(const struct limiter_model *m, struct history *h, const struct limiter_spec *to,
                int64_t at_ns);

/* LIMIT_BUCKET: ReserveN. False: it was refused, and nothing changed. */
bool model_book(const struct limiter_model *m, struct history *h, int64_t at_ns, uint64_t n,
                int64_t max_wait_ns, struct booked *ret);
/* Reservation.CancelAt. False: nothing came back. */
bool model_refund(const struct limiter_model *m, struct history *h, int64_t at_ns, const struct booked *b);

#endif

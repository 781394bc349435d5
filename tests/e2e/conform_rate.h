/*
 * conform_rate.h - short words for token buckets, for the conformance cases of part G: Go's tables of instants, allowances and reservations.
 *
 * A table is run on a bucket made at t0, with d = 100 ms and tK = t0 + K d, as in x/time/rate's tests. A step may lie before the one before it: then
 * the clock stays and the request says as of when it is (at_ns). A table that never goes back is run a second time without saying so, on
 * the clock itself, with AllowN as a take that does not wait.
 */
#ifndef E2E_CONFORM_RATE_H
#define E2E_CONFORM_RATE_H

#include "conform.h"

enum { D = 100000000, TO_BE_KEPT = 8 };

static inline const char *new_bucket(struct sluice_rate rate, uint64_t burst)
{
    sluice_limiter made;
    const char *name = fresh("r");
    is(sluice_limiter_make(me, name, rate, burst, &made), SLUICE_OK);
    return name;
}

/* AllowN now. */
static inline bool allow(const char *name, uint64_t n)
{
    struct sluice_quota q;
    enum sluice_status status = sluice_limiter_allow(me, sluice_limiter_named(name), NULL, n, &q);
    if (status != SLUICE_OK)
        is(status, SLUICE_WOULD_BLOCK);
    assert_int_equal(q.allowed, status == SLUICE_OK);
    return status == SLUICE_OK;
}

/* Tokens now, rounded down. */
static inline int64_t tokens(const char *name)
{
    struct sluice_quota q;
    enum sluice_status status = sluice_limiter_check(me, sluice_limiter_named(name), NULL, 0, &q);
    if (status != SLUICE_OK)
        is(status, SLUICE_WOULD_BLOCK); /* in debt */
    return q.remaining;
}

enum rate_step {
    ALLOW,     /* n at t: yes says whether */
    RESERVE,   /* n at t, to act at act; no: NOT_OK */
    MAX,       /* the same, not if it is later than t + d */
    CANCEL,    /* at t, the reservation that was kept as n; yes: something came back */
    SET_LIMIT, /* n a second, from t */
    SET_BURST, /* n, from t */
};
enum { NO = 0, YES = 1, NOT_OK = -1 };

struct rate_case {
    enum rate_step what;
    int t;
    uint64_t n;
    int act;  /* RESERVE, MAX: in d. ALLOW, CANCEL: YES or NO */
    int keep; /* RESERVE: from 1, kept for a CANCEL; 0: not */
};

/* A table as it is run. */
struct rate_run {
    const char *name;
    int64_t t0_ns, now_ns;
    bool at; /* the requests say as of when they are */
    uint64_t kept[TO_BE_KEPT];
};

static inline void run_allow(const struct rate_run *run, const struct rate_case *c, int64_t at_ns)
{
    struct sluice_quota q;
    struct sluice_reserve how = SLUICE_RESERVE_INIT;
    if (!run->at) {
        assert_int_equal(allow(run->name, c->n), c->act == YES);
        return;
    }
    how.permits = c->n;
    how.max_wait_ns = 0;
    how.has_at = true;
    how.at_ns = at_ns;
    is(sluice_limiter_reserve(me, sluice_limiter_named(run->name), &how, &q),
       c->act == YES ? SLUICE_OK : SLUICE_WOULD_BLOCK);
}

static inline void run_reserve(struct rate_run *run, const struct rate_case *c, int64_t at_ns)
{
    struct sluice_quota q;
    struct sluice_reserve how = SLUICE_RESERVE_INIT;
    how.permits = c->n;
    how.max_wait_ns = c->what == MAX ? D : -1;
    how.has_at = run->at;
    how.at_ns = at_ns;
    is(sluice_limiter_reserve(me, sluice_limiter_named(run->name), &how, &q),
       c->act == NOT_OK ? SLUICE_WOULD_BLOCK : SLUICE_OK);
    assert_int_equal(q.allowed, c->act != NOT_OK);
    if (c->act != NOT_OK)
        assert_int_equal(at_ns + q.delay_ns, run->t0_ns + (int64_t)c->act * D);
    run->kept[c->keep] = c->act == NOT_OK ? 0 : q.token;
}

static inline void run_step(struct rate_run *run, const struct rate_case *c, int64_t at_ns)
{
    struct sluice_tune tune = SLUICE_TUNE_INIT;
    bool back;
    if (c->what == ALLOW) {
        run_allow(run, c, at_ns);
    } else if (c->what == RESERVE || c->what == MAX) {
        run_reserve(run, c, at_ns);
    } else if (c->what == CANCEL) {
        is(run->at ? sluice_limiter_refund_at(me, run->kept[c->n], at_ns, &back)
                   : sluice_limiter_refund(me, run->kept[c->n], &back),
           SLUICE_OK);
        assert_int_equal(back, c->act == YES);
    } else {
        tune.has_rate = c->what == SET_LIMIT;
        tune.rate = sluice_rate_per_second(c->n);
        tune.has_burst = c->what == SET_BURST;
        tune.burst = c->n;
        tune.has_at = run->at;
        tune.at_ns = at_ns;
        is(sluice_limiter_tune(me, sluice_limiter_named(run->name), &tune), SLUICE_OK);
    }
}

static inline void run_table(bool at, uint64_t per_second, uint64_t burst, const struct rate_case *cases,
                             size_t count)
{
    struct rate_run run = {.name = new_bucket(sluice_rate_per_second(per_second), burst), .at = at};
    run.t0_ns = run.now_ns = now_ns();
    for (size_t i = 0; i < count; i++) {
        int64_t at_ns = run.t0_ns + (int64_t)cases[i].t * D;
        if (at_ns > run.now_ns) {
            advance(at_ns - run.now_ns);
            run.now_ns = at_ns;
        }
        run_step(&run, &cases[i], at_ns);
    }
}

static inline void run_tables(uint64_t per_second, uint64_t burst, const struct rate_case *cases,
                              size_t count)
{
    bool back = false;
    for (size_t i = 1; i < count; i++)
        back = back || cases[i].t < cases[i - 1].t;
    run_table(true, per_second, burst, cases, count);
    if (!back)
        run_table(false, per_second, burst, cases, count);
}

/* r, b, then { what, t, n, act, keep } ... */
#define RATE(per_second, burst, ...)                                           \
    run_tables((per_second), (burst), (const struct rate_case[]){__VA_ARGS__}, \
               sizeof((const struct rate_case[]){__VA_ARGS__}) / sizeof(struct rate_case))

#endif

/*
 * decode_limit.c - limiters: what they are made of, and what is taken, reserved, given back and changed.
 *
 * Only form is judged here: an algorithm that is none is refused, and a time or a key that is too long. What a rate and a burst may be, whether an
 * algorithm has them, whether an instant has passed is the engine's to say, as TUNE's numbers mean one thing for a limiter and others for a
 * semaphore, a group or a pool.
 *
 * Permits that are not given are one, and a period that is not given is a second, so that a count alone is a rate for each second.
 */
#include "codec.h"

#define PERIOD_DEFAULT_NS UINT64_C(1000000000)

/* An absent message is a rate of nothing. */
static struct rate rate_of(const Sluice__V1__Rate *m)
{
    struct rate rate = {.period_ns = PERIOD_DEFAULT_NS};
    if (!m)
        return rate;
    rate.count = m->count;
    rate.infinite = m->infinite;
    if (m->has_period_ns)
        rate.period_ns = m->period_ns;
    return rate;
}

bool decode_limiter_spec(struct decode *d, const Sluice__V1__LimiterSpec *m, struct make_op *ret)
{
    if ((int)m->algorithm < LIMIT_BUCKET || (int)m->algorithm >= LIMIT_ALGORITHMS)
        return refuse(d, STATUS_INVALID, "unknown algorithm of a limiter");
    ret->limiter.algorithm = (enum algorithm)m->algorithm;
    ret->limiter.rate = rate_of(m->rate);
    ret->limiter.burst = m->burst;
    return true;
}

bool decode_take(struct decode *d, const Sluice__V1__Take *m, struct wire_request *ret)
{
    ret->op.take.permits = decode_permits(m->has_permits, m->permits);
    ret->op.take.dry_run = m->dry_run;
    return decode_ref(d, m->ref, &ret->op.take.ref) && decode_key(d, &m->key, &ret->op.take.key) &&
           decode_ttl(d, m->has_ttl_ns, m->ttl_ns, &ret->op.take.ttl_ns);
}

bool decode_reserve(struct decode *d, const Sluice__V1__Reserve *m, struct wire_request *ret)
{
    if (m->max_wait_ns > INT64_MAX)
        return refuse(d, STATUS_INVALID, "max wait is out of range");
    ret->op.reserve.permits = decode_permits(m->has_permits, m->permits);
    ret->op.reserve.has_max = m->has_max_wait_ns;
    ret->op.reserve.max_wait_ns = (int64_t)m->max_wait_ns;
    ret->op.reserve.has_at = m->has_at_ns;
    ret->op.reserve.at_ns = m->at_ns;
    return decode_ref(d, m->ref, &ret->op.reserve.ref) && decode_key(d, &m->key, &ret->op.reserve.key);
}

bool decode_refund(struct decode *d, const Sluice__V1__Refund *m, struct wire_request *ret)
{
    (void)d;
    ret->op.refund.token = m->token;
    ret->op.refund.has_at = m->has_at_ns;
    ret->op.refund.at_ns = m->at_ns;
    return true;
}

bool decode_tune(struct decode *d, const Sluice__V1__Tune *m, struct wire_request *ret)
{
    ret->op.tune.has_rate = m->rate != NULL;
    ret->op.tune.rate = rate_of(m->rate);
    ret->op.tune.has_burst = m->has_burst;
    ret->op.tune.burst = m->burst;
    ret->op.tune.has_limit = m->has_limit;
    ret->op.tune.limit = m->limit;
    ret->op.tune.has_pause = m->has_pause;
    ret->op.tune.pause = m->pause;
    ret->op.tune.has_at = m->has_at_ns;
    ret->op.tune.at_ns = m->at_ns;
    return decode_ref(d, m->ref, &ret->op.tune.ref);
}

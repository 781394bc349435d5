/*
 * limiter.c - how much may happen in what time, or at once.
 *
 * All sums are the daemon's: it has the one clock. What it says comes back as a quota, also with a refusal. A limiter of concurrency
 * answers with a grant, of which a quota here shows the token, so that all algorithms are asked by one call.
 */
#include "limiter.h"

#include "error.h"
#include "future.h"
#include "object.h"
#include "sync.h"

static_assert((int)SLUICE_ALGORITHM_BUCKET == (int)SLUICE__V1__LIMITER_SPEC__ALGORITHM__BUCKET &&
                  (int)SLUICE_ALGORITHM_WINDOW == (int)SLUICE__V1__LIMITER_SPEC__ALGORITHM__WINDOW &&
                  (int)SLUICE_ALGORITHM_SLIDING == (int)SLUICE__V1__LIMITER_SPEC__ALGORITHM__SLIDING &&
                  (int)SLUICE_ALGORITHM_METER == (int)SLUICE__V1__LIMITER_SPEC__ALGORITHM__METER &&
                  (int)SLUICE_ALGORITHM_QUEUE == (int)SLUICE__V1__LIMITER_SPEC__ALGORITHM__QUEUE &&
                  (int)SLUICE_ALGORITHM_CONCURRENCY == (int)SLUICE__V1__LIMITER_SPEC__ALGORITHM__CONCURRENCY,
              "the algorithms are the protocol's");

static enum sluice_status rate_out(struct sluice_rate rate, Sluice__V1__Rate *out)
{
    sluice__v1__rate__init(out);
    if (rate.period_ns < 0)
        return error_text(SLUICE_INVALID, "the period of a rate is negative");
    out->has_count = true;
    out->count = rate.count;
    out->has_period_ns = rate.period_ns > 0;
    out->period_ns = (uint64_t)rate.period_ns;
    out->has_infinite = out->infinite = rate.infinite;
    return SLUICE_OK;
}

/* ---- Making. */

enum sluice_status sluice_limiter_make_with(sluice *s, const struct sluice_make *how,
                                            const struct sluice_limiter_spec *spec, sluice_limiter *ret,
                                            struct sluice_made *ret_made)
{
    struct sluice_limiter_spec p = SLUICE_LIMITER_SPEC_INIT;
    Sluice__V1__Rate rate;
    Sluice__V1__LimiterSpec limiter = SLUICE__V1__LIMITER_SPEC__INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status == SLUICE_OK)
        status = rate_out(p.rate, &rate);
    if (status != SLUICE_OK)
        return status;
    limiter.has_algorithm = true;
    limiter.algorithm = (Sluice__V1__LimiterSpec__Algorithm)p.algorithm;
    if (p.algorithm != SLUICE_ALGORITHM_CONCURRENCY)
        limiter.rate = &rate;
    limiter.has_burst = p.burst != 0;
    limiter.burst = p.burst;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_LIMITER, &limiter, REF_OF(ret), ret_made);
}

enum sluice_status sluice_limiter_make(sluice *s, const char *name, struct sluice_rate rate, uint64_t burst,
                                       sluice_limiter *ret)
{
    struct sluice_make how = make_named(name);
    struct sluice_limiter_spec spec = SLUICE_LIMITER_SPEC_INIT;
    spec.rate = rate;
    spec.burst = burst;
    return sluice_limiter_make_with(s, &how, &spec, ret, NULL);
}

enum sluice_status sluice_limiter_open(sluice *s, const char *name, uint32_t rights, sluice_limiter *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_LIMITER, &ret->ref, NULL);
}

/* ---- Taking. */

struct sluice_quota reply_quota(const struct reply *reply)
{
    if (reply->result_tag != SLUICE__V1__REPLY__RESULT_GRANT)
        return reply->quota;
    return (struct sluice_quota){.allowed = true, .token = reply->grant.token};
}

/* A call whose result is a quota, or a grant. */
static enum sluice_status run_quota(sluice *s, struct call *c, struct sluice_quota *ret)
{
    struct reply reply;
    enum sluice_status status = call_run(s, c, &reply);
    if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_QUOTA &&
        reply.result_tag != SLUICE__V1__REPLY__RESULT_GRANT)
        status = unreadable();
    if ((status == SLUICE_OK || status == SLUICE_WOULD_BLOCK) && ret != NULL)
        *ret = reply_quota(&reply);
    call_done(c);
    return status;
}

struct take_parts {
    Sluice__V1__Take take;
    Ref ref;
};

static void build_take(struct call *c, struct take_parts *p, sluice_limiter limiter, const char *key,
                       uint64_t permits, int64_t ttl_ns)
{
    call_init(c, SLUICE__V1__REQUEST__OP_TAKE);
    sluice__v1__take__init(&p->take);
    c->request.take = &p->take;
    p->take.ref = call_ref(c, limiter.ref, &p->ref);
    p->take.has_key = key != NULL;
    p->take.key = key_out(key);
    p->take.has_permits = true;
    p->take.permits = permits;
    p->take.has_ttl_ns = ttl_ns != 0;
    p->take.ttl_ns = ttl_ns;
}

enum sluice_status sluice_limiter_take(sluice *s, sluice_limiter limiter, const char *key, uint64_t permits,
                                       int64_t ttl_ns, const struct sluice_wait *wait,
                                       struct sluice_quota *ret)
{
    struct call c;
    struct take_parts p;
    build_take(&c, &p, limiter, key, permits, ttl_ns);
    call_wait(&c, wait);
    return run_quota(s, &c, ret);
}

enum sluice_status sluice_limiter_take_start(sluice *s, sluice_limiter limiter, const char *key,
                                             uint64_t permits, int64_t ttl_ns, const struct sluice_wait *wait,
                                             sluice_future **ret)
{
    struct take_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_take(&f->call, &p, limiter, key, permits, ttl_ns);
    call_wait(&f->call, wait);
    return future_start(f, SLUICE_OK, ret);
}

enum sluice_status sluice_limiter_check(sluice *s, sluice_limiter limiter, const char *key, uint64_t permits,
                                        struct sluice_quota *ret)
{
    struct call c;
    struct take_parts p;
    build_take(&c, &p, limiter, key, permits, 0);
    p.take.has_dry_run = p.take.dry_run = true;
    return run_quota(s, &c, ret);
}

enum sluice_status sluice_limiter_release(sluice *s, sluice_limiter limiter, uint64_t token)
{
    return token == 0 ? error_status(SLUICE_STALE_TOKEN) : run_release(s, limiter.ref, NULL, &token);
}

/* ---- Reservations. */

enum sluice_status sluice_limiter_reserve(sluice *s, sluice_limiter limiter, const struct sluice_reserve *how,
                                          struct sluice_quota *ret)
{
    struct call c;
    Ref r;
    struct sluice_reserve h = SLUICE_RESERVE_INIT;
    Sluice__V1__Reserve op = SLUICE__V1__RESERVE__INIT;
    enum sluice_status status = options_take(&h, sizeof h, how);
    if (status != SLUICE_OK)
        return status;
    call_init(&c, SLUICE__V1__REQUEST__OP_RESERVE);
    c.request.reserve = &op;
    op.ref = call_ref(&c, limiter.ref, &r);
    op.has_key = h.key != NULL;
    op.key = key_out(h.key);
    op.has_permits = true;
    op.permits = h.permits;
    op.has_max_wait_ns = h.max_wait_ns >= 0;
    op.max_wait_ns = h.max_wait_ns >= 0 ? (uint64_t)h.max_wait_ns : 0;
    op.has_at_ns = h.has_at;
    op.at_ns = h.at_ns;
    return run_quota(s, &c, ret);
}

/* at_ns NULL: now. */
static enum sluice_status refund(sluice *s, uint64_t token, const int64_t *at_ns, bool *ret_back)
{
    struct call c;
    Sluice__V1__Refund op = SLUICE__V1__REFUND__INIT;
    if (token == 0) {
        if (ret_back != NULL)
            *ret_back = false;
        return SLUICE_OK;
    }
    call_init(&c, SLUICE__V1__REQUEST__OP_REFUND);
    c.request.refund = &op;
    op.has_token = true;
    op.token = token;
    op.has_at_ns = at_ns != NULL;
    op.at_ns = at_ns != NULL ? *at_ns : 0;
    return run_truth(s, &c, ret_back);
}

enum sluice_status sluice_limiter_refund(sluice *s, uint64_t token, bool *ret_back)
{
    return refund(s, token, NULL, ret_back);
}

enum sluice_status sluice_limiter_refund_at(sluice *s, uint64_t token, int64_t at_ns, bool *ret_back)
{
    return refund(s, token, &at_ns, ret_back);
}

/* ---- Changing. */

enum sluice_status sluice_limiter_tune(sluice *s, sluice_limiter limiter, const struct sluice_tune *tune)
{
    struct sluice_tune t = SLUICE_TUNE_INIT;
    Sluice__V1__Rate rate;
    Sluice__V1__Tune op = SLUICE__V1__TUNE__INIT;
    enum sluice_status status = options_take(&t, sizeof t, tune);
    if (status == SLUICE_OK && t.has_rate)
        status = rate_out(t.rate, &rate);
    if (status != SLUICE_OK)
        return status;
    if (t.has_rate)
        op.rate = &rate;
    op.has_burst = t.has_burst;
    op.burst = t.burst;
    op.has_at_ns = t.has_at;
    op.at_ns = t.at_ns;
    return run_tune(s, limiter.ref, &op);
}

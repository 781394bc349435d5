/*
 * cond.c - condition variables.
 *
 * To join the waiters, to unlock and, after the signal, to lock again are one request: the daemon owns the lock and the queue, so that no
 * signal can fall between them.
 */
#include "future.h"
#include "object.h"
#include "sync.h"

enum sluice_status sluice_cond_make_with(sluice *s, const struct sluice_make *how, sluice_cond *ret,
                                         struct sluice_made *ret_made)
{
    Sluice__V1__CondSpec spec = SLUICE__V1__COND_SPEC__INIT;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_COND, &spec, REF_OF(ret), ret_made);
}

enum sluice_status sluice_cond_make(sluice *s, const char *name, sluice_cond *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_cond_make_with(s, &how, ret, NULL);
}

enum sluice_status sluice_cond_open(sluice *s, const char *name, uint32_t rights, sluice_cond *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_COND, &ret->ref, NULL);
}

struct cond_wait_parts {
    Sluice__V1__CondWait cond_wait;
    Ref ref, lock;
};

static void build_cond_wait(struct call *c, struct cond_wait_parts *p, sluice_cond cond, sluice_ref lock,
                            uint64_t token, int64_t ttl_ns, const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_COND_WAIT);
    call_wait(c, wait);
    sluice__v1__cond_wait__init(&p->cond_wait);
    c->request.cond_wait = &p->cond_wait;
    p->cond_wait.ref = call_ref(c, cond.ref, &p->ref);
    p->cond_wait.lock = call_ref(c, lock, &p->lock);
    p->cond_wait.has_token = true;
    p->cond_wait.token = token;
    p->cond_wait.has_ttl_ns = ttl_ns != 0;
    p->cond_wait.ttl_ns = ttl_ns;
}

enum sluice_status sluice_cond_wait(sluice *s, sluice_cond cond, sluice_ref lock, uint64_t token,
                                    int64_t ttl_ns, const struct sluice_wait *wait, struct sluice_grant *ret)
{
    struct call c;
    struct cond_wait_parts p;
    build_cond_wait(&c, &p, cond, lock, token, ttl_ns, wait);
    return run_grant(s, &c, ret);
}

enum sluice_status sluice_cond_wait_start(sluice *s, sluice_cond cond, sluice_ref lock, uint64_t token,
                                          int64_t ttl_ns, const struct sluice_wait *wait, sluice_future **ret)
{
    struct cond_wait_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_cond_wait(&f->call, &p, cond, lock, token, ttl_ns, wait);
    return future_start(f, SLUICE_OK, ret);
}

static enum sluice_status wake(sluice *s, sluice_cond cond, bool all, uint64_t *ret_woken)
{
    struct call c;
    Ref r;
    Sluice__V1__Signal op = SLUICE__V1__SIGNAL__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_SIGNAL);
    c.request.signal = &op;
    op.ref = call_ref(&c, cond.ref, &r);
    op.has_all = op.all = all;
    return run_count(s, &c, ret_woken);
}

enum sluice_status sluice_cond_signal(sluice *s, sluice_cond cond, uint64_t *ret_woken)
{
    return wake(s, cond, false, ret_woken);
}

enum sluice_status sluice_cond_broadcast(sluice *s, sluice_cond cond, uint64_t *ret_woken)
{
    return wake(s, cond, true, ret_woken);
}

/*
 * semaphore.c - permits.
 *
 * Each acquire has a token of its own. Permits go back in any split: by number, from what the session holds, as in Go; or by token, which is
 * how another process gives them back.
 */
#include "error.h"
#include "future.h"
#include "object.h"
#include "sync.h"

enum sluice_status sluice_sem_make_with(sluice *s, const struct sluice_make *how, uint64_t size,
                                        sluice_sem *ret, struct sluice_made *ret_made)
{
    Sluice__V1__SemaphoreSpec spec = SLUICE__V1__SEMAPHORE_SPEC__INIT;
    spec.has_size = true;
    spec.size = size;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_SEMAPHORE, &spec, REF_OF(ret), ret_made);
}

enum sluice_status sluice_sem_make(sluice *s, const char *name, uint64_t size, sluice_sem *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_sem_make_with(s, &how, size, ret, NULL);
}

enum sluice_status sluice_sem_open(sluice *s, const char *name, uint32_t rights, sluice_sem *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_SEMAPHORE, &ret->ref, NULL);
}

struct acquire_parts {
    Sluice__V1__Acquire acquire;
    Ref ref;
};

static void build_acquire(struct call *c, struct acquire_parts *p, sluice_sem sem, uint64_t permits,
                          int64_t ttl_ns, const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_ACQUIRE);
    call_wait(c, wait);
    sluice__v1__acquire__init(&p->acquire);
    c->request.acquire = &p->acquire;
    p->acquire.ref = call_ref(c, sem.ref, &p->ref);
    p->acquire.has_permits = true;
    p->acquire.permits = permits;
    p->acquire.has_ttl_ns = ttl_ns != 0;
    p->acquire.ttl_ns = ttl_ns;
}

enum sluice_status sluice_sem_acquire(sluice *s, sluice_sem sem, uint64_t permits, int64_t ttl_ns,
                                      const struct sluice_wait *wait, struct sluice_grant *ret)
{
    struct call c;
    struct acquire_parts p;
    build_acquire(&c, &p, sem, permits, ttl_ns, wait);
    return run_grant(s, &c, ret);
}

enum sluice_status sluice_sem_acquire_start(sluice *s, sluice_sem sem, uint64_t permits, int64_t ttl_ns,
                                            const struct sluice_wait *wait, sluice_future **ret)
{
    struct acquire_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_acquire(&f->call, &p, sem, permits, ttl_ns, wait);
    return future_start(f, SLUICE_OK, ret);
}

enum sluice_status sluice_sem_resize(sluice *s, sluice_sem sem, uint64_t size)
{
    Sluice__V1__Tune tune = SLUICE__V1__TUNE__INIT;
    tune.has_burst = true;
    tune.burst = size;
    return run_tune(s, sem.ref, &tune);
}

enum sluice_status run_release(sluice *s, sluice_ref ref, const uint64_t *permits, const uint64_t *token)
{
    struct call c;
    Ref r;
    Sluice__V1__Release op = SLUICE__V1__RELEASE__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_RELEASE);
    c.request.release = &op;
    op.ref = call_ref(&c, ref, &r);
    op.has_permits = permits != NULL;
    op.permits = permits != NULL ? *permits : 0;
    op.has_token = token != NULL;
    op.token = token != NULL ? *token : 0;
    return run_plain(s, &c);
}

enum sluice_status sluice_sem_release(sluice *s, sluice_sem sem, uint64_t permits)
{
    return run_release(s, sem.ref, &permits, NULL);
}

enum sluice_status sluice_sem_release_token(sluice *s, sluice_sem sem, uint64_t token, uint64_t permits)
{
    if (token == 0)
        return error_status(SLUICE_STALE_TOKEN);
    return run_release(s, sem.ref, permits == 0 ? NULL : &permits, &token);
}

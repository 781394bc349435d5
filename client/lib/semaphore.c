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
    struct call c;
    Sluice__V1__Make make;
    Sluice__V1__SemaphoreSpec spec = SLUICE__V1__SEMAPHORE_SPEC__INIT;
    enum sluice_status status = make_begin(&c, &make, how);
    if (status != SLUICE_OK)
        return status;
    make.spec_case = SLUICE__V1__MAKE__SPEC_SEMAPHORE;
    make.semaphore = &spec;
    spec.has_size = true;
    spec.size = size;
    return make_run(s, &c, ret == NULL ? NULL : &ret->ref, ret_made);
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

/* token NULL: of what the session holds. */
static enum sluice_status release(sluice *s, sluice_sem sem, const uint64_t *permits, const uint64_t *token)
{
    struct call c;
    Ref r;
    Sluice__V1__Release op = SLUICE__V1__RELEASE__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_RELEASE);
    c.request.release = &op;
    op.ref = call_ref(&c, sem.ref, &r);
    op.has_permits = permits != NULL;
    op.permits = permits != NULL ? *permits : 0;
    op.has_token = token != NULL;
    op.token = token != NULL ? *token : 0;
    return run_plain(s, &c);
}

enum sluice_status sluice_sem_release(sluice *s, sluice_sem sem, uint64_t permits)
{
    return release(s, sem, &permits, NULL);
}

enum sluice_status sluice_sem_release_token(sluice *s, sluice_sem sem, uint64_t token, uint64_t permits)
{
    if (token == 0)
        return error_status(SLUICE_STALE_TOKEN);
    return release(s, sem, permits == 0 ? NULL : &permits, &token);
}

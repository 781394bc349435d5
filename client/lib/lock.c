/*
 * lock.c - mutexes and read-write locks.
 *
 * Both are locked and unlocked by the same two requests, which say whether it is for reading. The order of waiters, what may be held
 * together and whose token is good are the daemon's.
 */
#include "error.h"
#include "future.h"
#include "item.h"
#include "object.h"
#include "sync.h"

struct lock_parts {
    Sluice__V1__Lock lock;
    Ref ref;
    struct value_parts value;
};

static enum sluice_status build_lock(struct call *c, struct lock_parts *p, sluice_ref ref, bool shared,
                                     const struct sluice_value *value, int64_t ttl_ns,
                                     const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_LOCK);
    call_wait(c, wait);
    sluice__v1__lock__init(&p->lock);
    c->request.lock = &p->lock;
    p->lock.ref = call_ref(c, ref, &p->ref);
    p->lock.has_shared = p->lock.shared = shared;
    p->lock.has_ttl_ns = ttl_ns != 0;
    p->lock.ttl_ns = ttl_ns;
    return value == NULL ? SLUICE_OK : value_out(c, value, &p->value, &p->lock.value);
}

enum sluice_status run_lock(sluice *s, sluice_ref ref, bool shared, const struct sluice_value *value,
                            int64_t ttl_ns, const struct sluice_wait *wait, struct sluice_grant *ret)
{
    struct call c;
    struct lock_parts p;
    enum sluice_status status = build_lock(&c, &p, ref, shared, value, ttl_ns, wait);
    return status == SLUICE_OK ? run_grant(s, &c, ret) : status;
}

enum sluice_status start_lock(sluice *s, sluice_ref ref, bool shared, const struct sluice_value *value,
                              int64_t ttl_ns, const struct sluice_wait *wait, sluice_future **ret)
{
    struct lock_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    return future_start(f, build_lock(&f->call, &p, ref, shared, value, ttl_ns, wait), ret);
}

static enum sluice_status unlock(sluice *s, sluice_ref ref, bool shared, uint64_t token)
{
    struct call c;
    Ref r;
    Sluice__V1__Unlock op = SLUICE__V1__UNLOCK__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_UNLOCK);
    c.request.unlock = &op;
    op.ref = call_ref(&c, ref, &r);
    op.has_token = true;
    op.token = token;
    op.has_shared = op.shared = shared;
    return run_plain(s, &c);
}

/* ---- Mutexes. */

enum sluice_status sluice_mutex_make_with(sluice *s, const struct sluice_make *how, sluice_mutex *ret,
                                          struct sluice_made *ret_made)
{
    Sluice__V1__MutexSpec spec = SLUICE__V1__MUTEX_SPEC__INIT;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_MUTEX, &spec, REF_OF(ret), ret_made);
}

enum sluice_status sluice_mutex_make(sluice *s, const char *name, sluice_mutex *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_mutex_make_with(s, &how, ret, NULL);
}

enum sluice_status sluice_mutex_open(sluice *s, const char *name, uint32_t rights, sluice_mutex *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_MUTEX, &ret->ref, NULL);
}

enum sluice_status sluice_mutex_lock(sluice *s, sluice_mutex mutex, int64_t ttl_ns,
                                     const struct sluice_wait *wait, struct sluice_grant *ret)
{
    return run_lock(s, mutex.ref, false, NULL, ttl_ns, wait, ret);
}

enum sluice_status sluice_mutex_lock_start(sluice *s, sluice_mutex mutex, int64_t ttl_ns,
                                           const struct sluice_wait *wait, sluice_future **ret)
{
    return start_lock(s, mutex.ref, false, NULL, ttl_ns, wait, ret);
}

enum sluice_status sluice_mutex_unlock(sluice *s, sluice_mutex mutex, uint64_t token)
{
    return unlock(s, mutex.ref, false, token);
}

/* ---- Read-write locks. */

enum sluice_status sluice_rwmutex_make_with(sluice *s, const struct sluice_make *how, sluice_rwmutex *ret,
                                            struct sluice_made *ret_made)
{
    Sluice__V1__RwmutexSpec spec = SLUICE__V1__RWMUTEX_SPEC__INIT;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_RWMUTEX, &spec, REF_OF(ret), ret_made);
}

enum sluice_status sluice_rwmutex_make(sluice *s, const char *name, sluice_rwmutex *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_rwmutex_make_with(s, &how, ret, NULL);
}

enum sluice_status sluice_rwmutex_open(sluice *s, const char *name, uint32_t rights, sluice_rwmutex *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_RWMUTEX, &ret->ref, NULL);
}

enum sluice_status sluice_rwmutex_lock(sluice *s, sluice_rwmutex mutex, int64_t ttl_ns,
                                       const struct sluice_wait *wait, struct sluice_grant *ret)
{
    return run_lock(s, mutex.ref, false, NULL, ttl_ns, wait, ret);
}

enum sluice_status sluice_rwmutex_lock_start(sluice *s, sluice_rwmutex mutex, int64_t ttl_ns,
                                             const struct sluice_wait *wait, sluice_future **ret)
{
    return start_lock(s, mutex.ref, false, NULL, ttl_ns, wait, ret);
}

enum sluice_status sluice_rwmutex_unlock(sluice *s, sluice_rwmutex mutex, uint64_t token)
{
    return unlock(s, mutex.ref, false, token);
}

enum sluice_status sluice_rwmutex_rlock(sluice *s, sluice_rwmutex mutex, int64_t ttl_ns,
                                        const struct sluice_wait *wait, struct sluice_grant *ret)
{
    return run_lock(s, mutex.ref, true, NULL, ttl_ns, wait, ret);
}

enum sluice_status sluice_rwmutex_rlock_start(sluice *s, sluice_rwmutex mutex, int64_t ttl_ns,
                                              const struct sluice_wait *wait, sluice_future **ret)
{
    return start_lock(s, mutex.ref, true, NULL, ttl_ns, wait, ret);
}

enum sluice_status sluice_rwmutex_runlock(sluice *s, sluice_rwmutex mutex, uint64_t token)
{
    return unlock(s, mutex.ref, true, token);
}

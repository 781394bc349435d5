/*
 * pool.c - pools: making, changing and closing them, and taking their tasks.
 *
 * Who goes next, and who may run at all, is the daemon's to say: a worker asks (pull) and gets a task when there is a slot for it.
 */
#include "pool.h"

#include <stdlib.h>

#include "error.h"
#include "future.h"
#include "job.h"
#include "object.h"
#include "sync.h"

enum sluice_status sluice_pool_make_with(sluice *s, const struct sluice_make *how,
                                         const struct sluice_pool_spec *spec, sluice_pool *ret,
                                         struct sluice_made *ret_made)
{
    struct call c;
    struct sluice_pool_spec p = SLUICE_POOL_SPEC_INIT;
    Ref dead_letter;
    Sluice__V1__Make make;
    Sluice__V1__PoolSpec pool = SLUICE__V1__POOL_SPEC__INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status == SLUICE_OK)
        status = make_begin(&c, &make, how);
    if (status != SLUICE_OK)
        return status;
    pool.has_limit = p.limit >= 0;
    pool.limit = p.limit;
    pool.has_capacity = p.capacity >= 0;
    pool.capacity = p.capacity;
    pool.dead_letter = call_ref(&c, p.dead_letter.ref, &dead_letter);
    return make_run(s, &c, SLUICE__V1__MAKE__SPEC_POOL, &pool, REF_OF(ret), ret_made);
}

enum sluice_status sluice_pool_make(sluice *s, const char *name, sluice_pool *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_pool_make_with(s, &how, NULL, ret, NULL);
}

enum sluice_status sluice_pool_open(sluice *s, const char *name, uint32_t rights, sluice_pool *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_POOL, &ret->ref, NULL);
}

enum sluice_status sluice_pool_tune(sluice *s, sluice_pool pool, const struct sluice_pool_tune *tune)
{
    struct sluice_pool_tune t = SLUICE_POOL_TUNE_INIT;
    Sluice__V1__Tune op = SLUICE__V1__TUNE__INIT;
    enum sluice_status status = options_take(&t, sizeof t, tune);
    if (status != SLUICE_OK)
        return status;
    op.has_limit = t.has_limit;
    op.limit = t.limit;
    op.has_burst = t.has_capacity;
    op.burst = t.capacity < 0 ? UINT64_MAX : (uint64_t)t.capacity;
    op.has_pause = t.has_pause;
    op.pause = t.pause;
    return run_tune(s, pool.ref, &op);
}

enum sluice_status sluice_pool_close(sluice *s, sluice_pool pool)
{
    return sluice_chan_close(s, sluice_chan_of(pool.ref));
}

/* ---- Workers. */

enum sluice_status sluice_pool_work(sluice *s, sluice_pool pool, uint32_t slots, const char *const *functions,
                                    size_t count, uint64_t *ret_token)
{
    struct call c;
    Ref r;
    struct sluice_grant grant;
    Sluice__V1__Work op = SLUICE__V1__WORK__INIT;
    ProtobufCBinaryData *names = calloc(count > 0 ? count : 1, sizeof *names);
    if (names == NULL)
        return error_status(SLUICE_NO_MEMORY);
    for (size_t i = 0; i < count; i++)
        names[i] = key_out(functions[i]);
    call_init(&c, SLUICE__V1__REQUEST__OP_WORK);
    c.request.work = &op;
    op.ref = call_ref(&c, pool.ref, &r);
    op.has_slots = true;
    op.slots = slots;
    op.n_functions = count;
    op.functions = names;
    enum sluice_status status = run_grant(s, &c, &grant);
    if (status == SLUICE_OK && ret_token != NULL)
        *ret_token = grant.token;
    free(names);
    return status;
}

struct pull_parts {
    Sluice__V1__Pull pull;
    Ref ref;
};

static void build_pull(struct call *c, struct pull_parts *p, sluice_pool pool, uint64_t token,
                       const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_PULL);
    call_wait(c, wait);
    sluice__v1__pull__init(&p->pull);
    c->request.pull = &p->pull;
    p->pull.ref = call_ref(c, pool.ref, &p->ref);
    p->pull.has_token = true;
    p->pull.token = token;
}

enum sluice_status sluice_pool_pull(sluice *s, sluice_pool pool, uint64_t token,
                                    const struct sluice_wait *wait, struct sluice_job *ret)
{
    struct call c;
    struct pull_parts p;
    build_pull(&c, &p, pool, token, wait);
    return run_job(s, &c, ret);
}

enum sluice_status pool_start_pull(sluice *s, sluice_pool pool, uint64_t token,
                                   const struct sluice_wait *wait, struct link *inbox, sluice_future **ret)
{
    struct pull_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    f->inbox = inbox;
    build_pull(&f->call, &p, pool, token, wait);
    return future_start(f, SLUICE_OK, ret);
}

enum sluice_status sluice_pool_pull_start(sluice *s, sluice_pool pool, uint64_t token,
                                          const struct sluice_wait *wait, sluice_future **ret)
{
    return pool_start_pull(s, pool, token, wait, NULL, ret);
}

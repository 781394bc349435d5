/*
 * group.c - tasks with a limit, their first error and a context.
 *
 * A task is a run that has begun and not ended. Who runs it is the caller's affair: this process, a thread, or a child that adopts
 * the token. The first error, the limit and the context are the daemon's.
 */
#include "begin.h"
#include "object.h"

enum sluice_status sluice_group_make_with(sluice *s, const struct sluice_make *how,
                                          const struct sluice_group_spec *spec, sluice_group *ret,
                                          struct sluice_made *ret_made)
{
    struct call c;
    struct sluice_group_spec p = SLUICE_GROUP_SPEC_INIT;
    Ref context;
    Sluice__V1__Make make;
    Sluice__V1__GroupSpec group = SLUICE__V1__GROUP_SPEC__INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status == SLUICE_OK)
        status = make_begin(&c, &make, how);
    if (status != SLUICE_OK)
        return status;
    group.has_limit = p.limit >= 0;
    group.limit = p.limit;
    group.context = call_ref(&c, p.ctx.ref, &context);
    return make_run(s, &c, SLUICE__V1__MAKE__SPEC_GROUP, &group, REF_OF(ret), ret_made);
}

enum sluice_status sluice_group_make(sluice *s, const char *name, sluice_group *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_group_make_with(s, &how, NULL, ret, NULL);
}

enum sluice_status sluice_group_with_ctx(sluice *s, sluice_ctx parent, sluice_group *ret, sluice_ctx *ret_ctx)
{
    struct sluice_group_spec spec = SLUICE_GROUP_SPEC_INIT;
    enum sluice_status status = sluice_ctx_with_cancel(s, parent, &spec.ctx);
    if (status != SLUICE_OK)
        return status;
    status = sluice_group_make_with(s, NULL, &spec, ret, NULL);
    if (status == SLUICE_OK)
        *ret_ctx = spec.ctx;
    return status;
}

enum sluice_status sluice_group_open(sluice *s, const char *name, uint32_t rights, sluice_group *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_GROUP, &ret->ref, NULL);
}

enum sluice_status sluice_group_go(sluice *s, sluice_group group, int64_t ttl_ns,
                                   const struct sluice_wait *wait, struct sluice_grant *ret)
{
    struct call c;
    struct begin_parts p;
    build_begin(&c, &p, group.ref, NULL, ttl_ns, wait);
    return run_grant(s, &c, ret);
}

enum sluice_status sluice_group_go_start(sluice *s, sluice_group group, int64_t ttl_ns,
                                         const struct sluice_wait *wait, sluice_future **ret)
{
    return start_begin(s, group.ref, NULL, ttl_ns, wait, ret);
}

enum sluice_status sluice_group_done(sluice *s, sluice_group group, uint64_t token, const char *error)
{
    struct sluice_value value = error == NULL ? sluice_none() : sluice_text(error);
    return run_end(s, group.ref, token, error != NULL, &value, NULL);
}

enum sluice_status sluice_group_wait(sluice *s, sluice_group group, const struct sluice_wait *wait,
                                     struct sluice_outcome *ret)
{
    struct call c;
    struct wait_parts p;
    build_wait(&c, &p, group.ref, SLUICE_COMPARE_NONE, 0, wait);
    return run_outcome(s, &c, NULL, ret);
}

enum sluice_status sluice_group_wait_start(sluice *s, sluice_group group, const struct sluice_wait *wait,
                                           sluice_future **ret)
{
    return start_wait(s, group.ref, SLUICE_COMPARE_NONE, 0, wait, ret);
}

enum sluice_status sluice_group_set_limit(sluice *s, sluice_group group, int64_t limit)
{
    Sluice__V1__Tune tune = SLUICE__V1__TUNE__INIT;
    tune.has_limit = true;
    tune.limit = limit;
    return run_tune(s, group.ref, &tune);
}

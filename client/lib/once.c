/*
 * once.c - what is done once for all processes.
 *
 * The daemon decides who runs; the outcome lies there. sluice_once_do runs a function between the two requests and reads the outcome
 * back, so that the runner gets what everyone gets.
 */
#include "begin.h"
#include "object.h"
#include "sync.h"

enum sluice_status sluice_once_make_with(sluice *s, const struct sluice_make *how,
                                         const struct sluice_once_spec *spec, sluice_once *ret,
                                         struct sluice_made *ret_made)
{
    struct sluice_once_spec p = SLUICE_ONCE_SPEC_INIT;
    Sluice__V1__OnceSpec once = SLUICE__V1__ONCE_SPEC__INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status != SLUICE_OK)
        return status;
    once.has_poison = once.poison = p.poison;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_ONCE, &once, REF_OF(ret), ret_made);
}

enum sluice_status sluice_once_make(sluice *s, const char *name, sluice_once *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_once_make_with(s, &how, NULL, ret, NULL);
}

enum sluice_status sluice_once_open(sluice *s, const char *name, uint32_t rights, sluice_once *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_ONCE, &ret->ref, NULL);
}

enum sluice_status sluice_once_begin(sluice *s, sluice_once once, int64_t ttl_ns,
                                     const struct sluice_wait *wait, struct sluice_grant *ret_grant,
                                     struct sluice_outcome *ret)
{
    struct call c;
    struct begin_parts p;
    build_begin(&c, &p, once.ref, NULL, ttl_ns, wait);
    return run_outcome(s, &c, ret_grant, ret);
}

enum sluice_status sluice_once_begin_start(sluice *s, sluice_once once, int64_t ttl_ns,
                                           const struct sluice_wait *wait, sluice_future **ret)
{
    return start_begin(s, once.ref, NULL, ttl_ns, wait, ret);
}

enum sluice_status sluice_once_end(sluice *s, sluice_once once, uint64_t token, bool failed,
                                   struct sluice_value value)
{
    return run_end(s, once.ref, token, failed, &value, NULL);
}

enum sluice_status sluice_once_wait(sluice *s, sluice_once once, const struct sluice_wait *wait,
                                    struct sluice_outcome *ret)
{
    struct call c;
    struct wait_parts p;
    build_wait(&c, &p, once.ref, SLUICE_COMPARE_NONE, 0, wait);
    return run_outcome(s, &c, NULL, ret);
}

enum sluice_status sluice_once_wait_start(sluice *s, sluice_once once, const struct sluice_wait *wait,
                                          sluice_future **ret)
{
    return start_wait(s, once.ref, SLUICE_COMPARE_NONE, 0, wait, ret);
}

enum sluice_status sluice_once_do(sluice *s, sluice_once once, sluice_once_fn *fn, void *argument,
                                  const struct sluice_wait *wait, struct sluice_outcome *ret)
{
    struct sluice_grant grant;
    enum sluice_status status = sluice_once_begin(s, once, 0, wait, &grant, ret);
    if (status != SLUICE_OK || grant.token == 0)
        return status;
    struct run run = {.fn = fn, .argument = argument};
    status = run_function(s, once.ref, grant.token, &run);
    return status == SLUICE_OK ? sluice_once_wait(s, once, NULL, ret) : status;
}

/*
 * flight.c - calls by key that share one run.
 *
 * As a once under each key, except that nothing is kept: who runs has the outcome already, and gets back only whether others share it. So
 * sluice_flight_do copies the function's value, while for the others it comes from the daemon.
 */
#include "begin.h"
#include "error.h"
#include "object.h"

enum sluice_status sluice_flight_make_with(sluice *s, const struct sluice_make *how,
                                           const struct sluice_flight_spec *spec, sluice_flight *ret,
                                           struct sluice_made *ret_made)
{
    struct sluice_flight_spec p = SLUICE_FLIGHT_SPEC_INIT;
    Sluice__V1__FlightSpec flight = SLUICE__V1__FLIGHT_SPEC__INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status != SLUICE_OK)
        return status;
    flight.has_poison = flight.poison = p.poison;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_FLIGHT, &flight, REF_OF(ret), ret_made);
}

enum sluice_status sluice_flight_make(sluice *s, const char *name, sluice_flight *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_flight_make_with(s, &how, NULL, ret, NULL);
}

enum sluice_status sluice_flight_open(sluice *s, const char *name, uint32_t rights, sluice_flight *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_FLIGHT, &ret->ref, NULL);
}

enum sluice_status sluice_flight_begin(sluice *s, sluice_flight flight, const char *key, int64_t ttl_ns,
                                       const struct sluice_wait *wait, struct sluice_grant *ret_grant,
                                       struct sluice_outcome *ret)
{
    struct call c;
    struct begin_parts p;
    build_begin(&c, &p, flight.ref, key, ttl_ns, wait);
    return run_outcome(s, &c, ret_grant, ret);
}

enum sluice_status sluice_flight_begin_start(sluice *s, sluice_flight flight, const char *key, int64_t ttl_ns,
                                             const struct sluice_wait *wait, sluice_future **ret)
{
    return start_begin(s, flight.ref, key, ttl_ns, wait, ret);
}

enum sluice_status sluice_flight_end(sluice *s, sluice_flight flight, uint64_t token, bool failed,
                                     struct sluice_value value, bool *ret_shared)
{
    return run_end(s, flight.ref, token, failed, &value, ret_shared);
}

enum sluice_status sluice_flight_forget(sluice *s, sluice_flight flight, const char *key, bool *ret_there)
{
    struct call c;
    Ref r;
    Sluice__V1__Forget op = SLUICE__V1__FORGET__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_FORGET);
    c.request.forget = &op;
    op.ref = call_ref(&c, flight.ref, &r);
    op.has_key = key != NULL;
    op.key = key_out(key);
    return run_truth(s, &c, ret_there);
}

enum sluice_status sluice_flight_do(sluice *s, sluice_flight flight, const char *key, sluice_once_fn *fn,
                                    void *argument, const struct sluice_wait *wait,
                                    struct sluice_outcome *ret)
{
    struct sluice_grant grant;
    struct sluice_item item;
    enum sluice_status status = sluice_flight_begin(s, flight, key, 0, wait, &grant, ret);
    if (status != SLUICE_OK || grant.token == 0)
        return status;
    struct run run = {.fn = fn, .argument = argument};
    status = run_function(s, flight.ref, grant.token, &run);
    if (status == SLUICE_OK)
        status = sluice_item_copy(&run.value, &item);
    if (status == SLUICE_OK)
        *ret = (struct sluice_outcome){.failed = run.failed, .item = item, .shared = run.shared};
    return status;
}

/*
 * barrier.c - points that several processes pass together.
 *
 * To wait is to arrive. The daemon counts those that wait: one that stops waiting has not arrived.
 */
#include "object.h"
#include "sync.h"

enum sluice_status sluice_barrier_make_with(sluice *s, const struct sluice_make *how, uint32_t parties,
                                            sluice_barrier *ret, struct sluice_made *ret_made)
{
    Sluice__V1__BarrierSpec spec = SLUICE__V1__BARRIER_SPEC__INIT;
    spec.has_parties = true;
    spec.parties = parties;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_BARRIER, &spec, REF_OF(ret), ret_made);
}

enum sluice_status sluice_barrier_make(sluice *s, const char *name, uint32_t parties, sluice_barrier *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_barrier_make_with(s, &how, parties, ret, NULL);
}

enum sluice_status sluice_barrier_open(sluice *s, const char *name, uint32_t rights, sluice_barrier *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_BARRIER, &ret->ref, NULL);
}

enum sluice_status sluice_barrier_wait(sluice *s, sluice_barrier barrier, const struct sluice_wait *wait,
                                       uint64_t *ret_cycle, bool *ret_last)
{
    struct call c;
    struct wait_parts p;
    int64_t cycle;
    build_wait(&c, &p, barrier.ref, SLUICE_COMPARE_NONE, 0, wait);
    enum sluice_status status = run_number(s, &c, &cycle, ret_last);
    if (status == SLUICE_OK && ret_cycle != NULL)
        *ret_cycle = (uint64_t)cycle;
    return status;
}

enum sluice_status sluice_barrier_wait_start(sluice *s, sluice_barrier barrier,
                                             const struct sluice_wait *wait, sluice_future **ret)
{
    return start_wait(s, barrier.ref, SLUICE_COMPARE_NONE, 0, wait, ret);
}

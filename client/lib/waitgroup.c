/*
 * waitgroup.c - counts of unfinished work.
 *
 * An add is carried out exactly once, also over a connection that breaks: it has its number like every request.
 */
#include "error.h"
#include "object.h"
#include "sync.h"

enum sluice_status sluice_wg_make_with(sluice *s, const struct sluice_make *how, sluice_wg *ret,
                                       struct sluice_made *ret_made)
{
    Sluice__V1__WaitgroupSpec spec = SLUICE__V1__WAITGROUP_SPEC__INIT;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_WAITGROUP, &spec, REF_OF(ret), ret_made);
}

enum sluice_status sluice_wg_make(sluice *s, const char *name, sluice_wg *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_wg_make_with(s, &how, ret, NULL);
}

enum sluice_status sluice_wg_open(sluice *s, const char *name, uint32_t rights, sluice_wg *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_WAITGROUP, &ret->ref, NULL);
}

static void build_add(struct call *c, Sluice__V1__Add *add, Ref *r, sluice_wg wg, int64_t delta)
{
    call_init(c, SLUICE__V1__REQUEST__OP_ADD);
    sluice__v1__add__init(add);
    c->request.add = add;
    add->ref = call_ref(c, wg.ref, r);
    add->has_delta = true;
    add->delta = delta;
}

enum sluice_status sluice_wg_add(sluice *s, sluice_wg wg, int64_t delta)
{
    struct call c;
    Ref r;
    Sluice__V1__Add add;
    build_add(&c, &add, &r, wg, delta);
    return run_plain(s, &c);
}

enum sluice_status sluice_wg_add_owned(sluice *s, sluice_wg wg, int64_t units, uint64_t *ret_token)
{
    struct call c;
    Ref r;
    Sluice__V1__Add add;
    struct sluice_grant grant;
    if (units <= 0)
        return error_text(SLUICE_INVALID, "units of a wait group that are owned are at least one");
    build_add(&c, &add, &r, wg, units);
    add.has_owned = add.owned = true;
    enum sluice_status status = run_grant(s, &c, &grant);
    if (status == SLUICE_OK && ret_token != NULL)
        *ret_token = grant.token;
    return status;
}

enum sluice_status sluice_wg_wait(sluice *s, sluice_wg wg, const struct sluice_wait *wait)
{
    struct call c;
    struct wait_parts p;
    build_wait(&c, &p, wg.ref, SLUICE_COMPARE_NONE, 0, wait);
    return run_plain(s, &c);
}

enum sluice_status sluice_wg_wait_start(sluice *s, sluice_wg wg, const struct sluice_wait *wait,
                                        sluice_future **ret)
{
    return start_wait(s, wg.ref, SLUICE_COMPARE_NONE, 0, wait, ret);
}

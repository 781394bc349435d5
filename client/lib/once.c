/*
 * once.c - what is done once for all processes.
 *
 * The daemon decides who runs; the outcome lies there. sluice_once_do runs a function between the two requests and reads the outcome
 * back, so that the runner gets what everyone gets. A value that the daemon refuses would leave everyone waiting for a runner that has
 * nothing more to say; so the run is ended as failed then, with the refusal as its value.
 */
#include "error.h"
#include "future.h"
#include "item.h"
#include "object.h"
#include "sync.h"

enum sluice_status sluice_once_make_with(sluice *s, const struct sluice_make *how,
                                         const struct sluice_once_spec *spec, sluice_once *ret,
                                         struct sluice_made *ret_made)
{
    struct call c;
    struct sluice_once_spec p = SLUICE_ONCE_SPEC_INIT;
    Sluice__V1__Make make;
    Sluice__V1__OnceSpec once = SLUICE__V1__ONCE_SPEC__INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status == SLUICE_OK)
        status = make_begin(&c, &make, how);
    if (status != SLUICE_OK)
        return status;
    make.spec_case = SLUICE__V1__MAKE__SPEC_ONCE;
    make.once = &once;
    once.has_poison = once.poison = p.poison;
    return make_run(s, &c, ret == NULL ? NULL : &ret->ref, ret_made);
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

struct begin_parts {
    Sluice__V1__Begin begin;
    Ref ref;
};

static void build_begin(struct call *c, struct begin_parts *p, sluice_once once, int64_t ttl_ns,
                        const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_BEGIN);
    call_wait(c, wait);
    sluice__v1__begin__init(&p->begin);
    c->request.begin = &p->begin;
    p->begin.ref = call_ref(c, once.ref, &p->ref);
    p->begin.has_ttl_ns = ttl_ns != 0;
    p->begin.ttl_ns = ttl_ns;
}

enum sluice_status sluice_once_begin(sluice *s, sluice_once once, int64_t ttl_ns,
                                     const struct sluice_wait *wait, struct sluice_grant *ret_grant,
                                     struct sluice_outcome *ret)
{
    struct call c;
    struct begin_parts p;
    build_begin(&c, &p, once, ttl_ns, wait);
    return run_outcome(s, &c, ret_grant, ret);
}

enum sluice_status sluice_once_begin_start(sluice *s, sluice_once once, int64_t ttl_ns,
                                           const struct sluice_wait *wait, sluice_future **ret)
{
    struct begin_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_begin(&f->call, &p, once, ttl_ns, wait);
    return future_start(f, SLUICE_OK, ret);
}

enum sluice_status sluice_once_end(sluice *s, sluice_once once, uint64_t token, bool failed,
                                   struct sluice_value value)
{
    struct call c;
    Ref r;
    struct value_parts parts;
    Sluice__V1__End end = SLUICE__V1__END__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_END);
    c.request.end = &end;
    end.ref = call_ref(&c, once.ref, &r);
    end.has_token = true;
    end.token = token;
    end.has_failed = end.failed = failed;
    enum sluice_status status = value_out(&c, &value, &parts, &end.value);
    return status == SLUICE_OK ? run_plain(s, &c) : status;
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

/* The daemon did not take this outcome; we are the runner still. */
static bool refused(enum sluice_status status)
{
    return status == SLUICE_INVALID || status == SLUICE_TOO_LARGE || status == SLUICE_LIMIT ||
           status == SLUICE_NO_MEMORY;
}

enum sluice_status sluice_once_do(sluice *s, sluice_once once, sluice_once_fn *fn, void *argument,
                                  const struct sluice_wait *wait, struct sluice_outcome *ret)
{
    struct sluice_grant grant;
    enum sluice_status status = sluice_once_begin(s, once, 0, wait, &grant, ret);
    if (status != SLUICE_OK || grant.token == 0)
        return status;
    struct sluice_value value = sluice_none();
    bool well = fn(argument, &value);
    status = sluice_once_end(s, once, grant.token, !well, value);
    if (status == SLUICE_OK)
        return sluice_once_wait(s, once, NULL, ret);
    if (refused(status)) {
        struct sluice_value why = sluice_text(sluice_errmsg());
        enum sluice_status ended = sluice_once_end(s, once, grant.token, true, why);
        return ended == SLUICE_OK ? status : ended;
    }
    return status;
}

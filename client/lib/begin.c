/*
 * begin.c - the right to run, and what came of it.
 *
 * Two requests with the caller's work in between. A value that the daemon refuses would leave everyone waiting for a runner that has
 * nothing more to say; so a function's run is ended as failed then, with the refusal as its value.
 */
#include "begin.h"

#include "error.h"
#include "future.h"
#include "item.h"
#include "object.h"

void build_begin(struct call *c, struct begin_parts *p, sluice_ref ref, const char *key, int64_t ttl_ns,
                 const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_BEGIN);
    call_wait(c, wait);
    sluice__v1__begin__init(&p->begin);
    c->request.begin = &p->begin;
    p->begin.ref = call_ref(c, ref, &p->ref);
    p->begin.has_ttl_ns = ttl_ns != 0;
    p->begin.ttl_ns = ttl_ns;
    p->begin.has_key = key != NULL;
    p->begin.key = key_out(key);
}

enum sluice_status start_begin(sluice *s, sluice_ref ref, const char *key, int64_t ttl_ns,
                               const struct sluice_wait *wait, sluice_future **ret)
{
    struct begin_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_begin(&f->call, &p, ref, key, ttl_ns, wait);
    return future_start(f, SLUICE_OK, ret);
}

enum sluice_status run_end(sluice *s, sluice_ref ref, uint64_t token, bool failed,
                           const struct sluice_value *value, bool *ret_shared)
{
    struct call c;
    Ref r;
    struct value_parts parts;
    Sluice__V1__End end = SLUICE__V1__END__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_END);
    c.request.end = &end;
    end.ref = call_ref(&c, ref, &r);
    end.has_token = true;
    end.token = token;
    end.has_failed = end.failed = failed;
    enum sluice_status status = value_out(&c, value, &parts, &end.value);
    return status == SLUICE_OK ? run_truth(s, &c, ret_shared) : status;
}

/* The daemon did not take this outcome; we are the runner still. */
static bool refused(enum sluice_status status)
{
    return status == SLUICE_INVALID || status == SLUICE_TOO_LARGE || status == SLUICE_LIMIT ||
           status == SLUICE_NO_MEMORY;
}

enum sluice_status run_function(sluice *s, sluice_ref ref, uint64_t token, struct run *run)
{
    run->value = sluice_none();
    run->failed = !run->fn(run->argument, &run->value);
    enum sluice_status status = run_end(s, ref, token, run->failed, &run->value, &run->shared);
    if (!refused(status))
        return status;
    struct sluice_value why = sluice_text(sluice_errmsg());
    enum sluice_status ended = run_end(s, ref, token, true, &why, NULL);
    return ended == SLUICE_OK ? status : ended;
}

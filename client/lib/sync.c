/*
 * sync.c - tokens, and what is waited for.
 *
 * A token is the daemon's number and nothing else: it belongs to no connection and needs no bookkeeping here. Whether it still
 * holds something is for the daemon to say, also after our session has ended and another has taken its place. So a lock that was lost with its
 * session is seen when it is unlocked (STALE_TOKEN, or MISUSE when nobody has locked it since), and by everyone who checks the token.
 */
#include "sync.h"

#include <string.h>

#include "error.h"
#include "future.h"
#include "item.h"
#include "object.h"

enum sluice_status unreadable(void)
{
    return error_text(SLUICE_INTERNAL, "the daemon's reply cannot be read");
}

enum sluice_status run_grant(sluice *s, struct call *c, struct sluice_grant *ret)
{
    struct reply reply;
    enum sluice_status status = call_run(s, c, &reply);
    if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_GRANT)
        status = unreadable();
    if (status == SLUICE_OK && ret != NULL)
        *ret = reply.grant;
    call_done(c);
    return status;
}

enum sluice_status run_number(sluice *s, struct call *c, int64_t *ret, bool *ret_swapped)
{
    struct reply reply;
    enum sluice_status status = call_run(s, c, &reply);
    if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_NUMBER)
        status = unreadable();
    if (status == SLUICE_OK && ret != NULL)
        *ret = reply.number;
    if (status == SLUICE_OK && ret_swapped != NULL)
        *ret_swapped = reply.swapped;
    call_done(c);
    return status;
}

enum sluice_status run_outcome(sluice *s, struct call *c, struct sluice_grant *ret_grant,
                               struct sluice_outcome *ret)
{
    struct reply reply;
    enum sluice_status status = call_run(s, c, &reply);
    bool granted = ret_grant != NULL && reply.grant.token != 0;
    if (status == SLUICE_OK && !granted && !reply.has_item)
        status = unreadable();
    if (status == SLUICE_OK && !granted)
        status = item_take(c, &reply, &ret->item);
    if (status == SLUICE_OK && !granted) {
        ret->failed = reply.failed;
        ret->shared = reply.shared;
        ret->epoch = reply.epoch;
    }
    if (status == SLUICE_OK && ret_grant != NULL)
        *ret_grant = reply.grant;
    call_done(c);
    return status;
}

enum sluice_status run_tune(sluice *s, sluice_ref ref, Sluice__V1__Tune *tune)
{
    struct call c;
    Ref r;
    call_init(&c, SLUICE__V1__REQUEST__OP_TUNE);
    c.request.tune = tune;
    tune->ref = call_ref(&c, ref, &r);
    return run_plain(s, &c);
}

ProtobufCBinaryData key_out(const char *key)
{
    return (ProtobufCBinaryData){key == NULL ? 0 : strlen(key), (uint8_t *)key};
}

Sluice__V1__Condition *condition_out(enum sluice_compare compare, int64_t operand, Sluice__V1__Condition *out)
{
    sluice__v1__condition__init(out);
    out->has_compare = true;
    out->compare = (Sluice__V1__Condition__Compare)compare;
    out->has_operand = true;
    out->operand = operand;
    return out;
}

void build_wait(struct call *c, struct wait_parts *p, sluice_ref ref, enum sluice_compare compare,
                int64_t operand, const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_WAIT);
    call_wait(c, wait);
    sluice__v1__wait__init(&p->wait);
    c->request.wait = &p->wait;
    p->wait.ref = call_ref(c, ref, &p->ref);
    if (compare != SLUICE_COMPARE_NONE)
        p->wait.condition = condition_out(compare, operand, &p->condition);
}

enum sluice_status start_wait(sluice *s, sluice_ref ref, enum sluice_compare compare, int64_t operand,
                              const struct sluice_wait *wait, sluice_future **ret)
{
    struct wait_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_wait(&f->call, &p, ref, compare, operand, wait);
    return future_start(f, SLUICE_OK, ret);
}

enum sluice_status sluice_adopt(sluice *s, uint64_t token)
{
    return sluice_adopt_for(s, token, 0);
}

enum sluice_status sluice_adopt_for(sluice *s, uint64_t token, int32_t pid)
{
    struct call c;
    Sluice__V1__Adopt adopt = SLUICE__V1__ADOPT__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_ADOPT);
    c.request.adopt = &adopt;
    adopt.has_token = true;
    adopt.token = token;
    adopt.has_for_pid = pid != 0;
    adopt.for_pid = pid;
    return run_plain(s, &c);
}

static void build_extend(struct call *c, Sluice__V1__Extend *extend, uint64_t *token, int64_t duration_ns)
{
    call_init(c, SLUICE__V1__REQUEST__OP_EXTEND);
    sluice__v1__extend__init(extend);
    c->request.extend = extend;
    extend->n_leases = 1;
    extend->leases = token;
    extend->has_duration_ns = true;
    extend->duration_ns = duration_ns;
}

enum sluice_status sluice_extend_token(sluice *s, uint64_t token, int64_t duration_ns)
{
    struct call c;
    Sluice__V1__Extend extend;
    build_extend(&c, &extend, &token, duration_ns);
    enum sluice_status status = run_plain(s, &c);
    return status == SLUICE_NOT_LEASED ? error_status(SLUICE_STALE_TOKEN) : status;
}

enum sluice_status sluice_extend_token_start(sluice *s, uint64_t token, int64_t duration_ns,
                                             sluice_future **ret)
{
    Sluice__V1__Extend extend;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_extend(&f->call, &extend, &token, duration_ns);
    return future_start(f, SLUICE_OK, ret);
}

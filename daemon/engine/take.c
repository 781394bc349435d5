/*
 * take.c - TAKE, RESERVE and REFUND: asking a limiter.
 *
 * The order of errors is Go's: more than could ever pass comes before a context that is done, and that before a wait that would outlast the
 * deadline. What would outlast it is refused at once and takes nothing; what waits exactly as long as there is time is not.
 *
 * A reservation is a holding of its session until its time: so it comes back when the session dies before, and is given back at most once.
 */
#include <inttypes.h>
#include <stdio.h>

#include "case.h"
#include "context.h"
#include "handlers.h"
#include "limiter.h"
#include "semaphore.h"
#include "session.h"
#include "state.h"
#include "wait.h"

/* What a TAKE that cannot pass now is told. */
static void take_tell(const struct engine *e, struct call *c, const struct arm *a, bool allowed)
{
    c->result = RESULT_QUOTA;
    c->truth = allowed;
    c->quota.retry_after_ns = allowed ? 0 : NEVER_NS;
    if (a->verb == ARM_ACQUIRE) { /* a concurrency limit: it passes when somebody gives back */
        c->quota.remaining = (int64_t)semaphore_free(a->object);
        return;
    }
    const struct limiter *l = limiter_of(a->object);
    const struct rule *rule = rule_of(l->spec.algorithm);
    c->quota.remaining = rule->remaining(&l->state, &l->spec, e->now_ns);
    if (!allowed)
        c->quota.retry_after_ns = limiter_retry(e, l, case_taken(a));
}

/* How long the request may wait: by its timeout, its context. NEVER_NS: for ever, or the context is done or none (which others say). */
static int64_t take_patience(const struct engine *e, const struct session *s, const struct op *op)
{
    int64_t patience_ns = op->has_timeout ? op->timeout_ns : NEVER_NS;
    struct object *o;
    if (!op->has_context || object_expect(e, s, &op->context, KIND_CONTEXT, RIGHT_RECV, &o) != STATUS_OK)
        return patience_ns;
    const struct context *ctx = context_of(o);
    if (ctx->error != STATUS_OK)
        return NEVER_NS;
    if (!ctx->never && ctx->deadline_ns != NEVER_NS && ctx->deadline_ns - e->now_ns < patience_ns)
        patience_ns = ctx->deadline_ns - e->now_ns;
    return patience_ns;
}

static bool take_would_outlast(const struct engine *e, const struct session *s, const struct op *op,
                               const struct arm *a)
{
    if (a->verb != ARM_TAKE || !limiter_books(a->object))
        return false;
    const struct limiter *l = limiter_of(a->object);
    return limiter_retry(e, l, a->booking->n) > take_patience(e, s, op);
}

void op_take(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 1);
    if (!c)
        return;
    const struct take_spec spec = {op->take.key, op->take.permits, op->take.ttl_ns,
                                   op->no_wait || op->take.dry_run};
    struct case_error err = case_take(e, c, 0, &op->take.ref, &spec);
    const struct arm *a = &c->arms[0];
    if (err.status != STATUS_OK) {
        case_refuse(e, c, op, &err);
    } else if (op->take.dry_run) {
        bool allowed = wait_ready(e, a);
        take_tell(e, c, a, allowed);
        call_complete(e, c, allowed ? STATUS_OK : STATUS_WOULD_BLOCK);
    } else if (!op->no_wait && take_would_outlast(e, s, op, a)) {
        snprintf(e->said, sizeof e->said, "rate: Wait(n=%" PRIu64 ") would exceed context deadline",
                 op->take.permits);
        call_refuse(e, c, op, STATUS_DEADLINE_EXCEEDED, e->said);
    } else {
        if (op->no_wait)
            take_tell(e, c, a, false);
        wait_start(e, c, op, UINT32_MAX);
    }
}

/* ---- RESERVE ---- */

/* The bucket a RESERVE means, with one reference; or why there is none. */
static struct case_error reserve_target(struct engine *e, struct session *s, const struct op *op,
                                        struct object **ret)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->reserve.ref, KIND_LIMITER, RIGHT_RECV, &o);
    if (st != STATUS_OK)
        return case_fails(st, NULL);
    if (!limiter_books(o))
        return case_fails(STATUS_INVALID, "only a token bucket takes reservations");
    if (op->reserve.has_at && op->reserve.at_ns > e->now_ns)
        return case_fails(STATUS_INVALID, "the time is still to come");
    if (op->reserve.permits > LIMITER_COUNT_MAX)
        return case_fails(STATUS_INVALID, "at most 2^40 tokens are reserved at once");
    struct make_error error = {0};
    st = limiter_at(e, s, o, op->reserve.key, ret, &error);
    return (struct case_error){.status = st, .message = error.message, .limit = error.limit};
}

/* It was refused: what is there, and when to come again. */
static void reserve_fails(struct engine *e, struct call *c, const struct limiter *l, const struct op *op)
{
    int64_t wait_ns = limiter_retry(e, l, op->reserve.permits), max_ns = op->reserve.max_wait_ns;
    c->quota.remaining = rule_of(LIMIT_BUCKET)->remaining(&l->state, &l->spec, e->now_ns);
    c->quota.retry_after_ns = wait_ns == NEVER_NS ? NEVER_NS : wait_ns > max_ns ? wait_ns - max_ns : 0;
    call_complete(e, c, STATUS_WOULD_BLOCK);
}

/* b has been taken. It is the session's until its time has passed. */
static void reserve_succeeds(struct engine *e, struct call *c, struct limiter *l, struct booking *b,
                             int64_t at_ns)
{
    c->truth = true;
    c->booked.delay_ns = b->act_ns == NEVER_NS ? NEVER_NS : b->act_ns - at_ns;
    c->booked.token = 0;
    if (b->n == 0 || b->rate.infinite) {
        booking_free(e, b);
    } else {
        int64_t last_ns = b->act_ns > e->now_ns ? b->act_ns : e->now_ns;
        int64_t duration_ns = b->act_ns == NEVER_NS ? 0 : rule_after(last_ns - e->now_ns, 1);
        c->booked.token = hold_book(e, c, &l->object, &l->holds, b, duration_ns);
    }
    limiter_changed(e, l);
    call_complete(e, c, STATUS_OK);
}

static void reserve_run(struct engine *e, struct call *c, const struct op *op, struct limiter *l)
{
    struct booking *b = hold_new(e, c) ? booking_new(e, op->reserve.permits) : NULL;
    if (!b) {
        call_refuse_memory(e, c, op);
        return;
    }
    int64_t at_ns = op->reserve.has_at ? op->reserve.at_ns : e->now_ns;
    int64_t max_ns = op->reserve.has_max ? op->reserve.max_wait_ns : NEVER_NS;
    c->result = RESULT_QUOTA;
    if (bucket_book(&l->state.bucket, &l->spec, at_ns, max_ns, b)) {
        reserve_succeeds(e, c, l, b, at_ns);
    } else {
        booking_free(e, b);
        reserve_fails(e, c, l, op);
    }
}

void op_reserve(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o = NULL;
    struct case_error err = reserve_target(e, s, op, &o);
    if (err.status != STATUS_OK || !o) {
        case_refuse(e, NULL, op, &err);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (c)
        reserve_run(e, c, op, limiter_of(o));
    object_unref(e, o);
}

/* ---- REFUND ---- */

void op_refund(struct engine *e, struct session *s, const struct op *op)
{
    struct holding *h = holding_find(e, op->refund.token);
    struct hold *hold = h && h->object->kind == KIND_LIMITER ? hold_of(h) : NULL;
    if (op->refund.has_at && op->refund.at_ns > e->now_ns) {
        call_refuse(e, NULL, op, STATUS_INVALID, "the time is still to come");
        return;
    }
    if (hold && s->uid != h->session->uid && s->uid != 0) {
        call_refuse(e, NULL, op, STATUS_NOT_PERMITTED, NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    c->result = RESULT_TRUTH;
    if (hold) {
        struct limiter *l = limiter_of(h->object);
        int64_t at_ns = op->refund.has_at ? op->refund.at_ns : e->now_ns;
        c->truth = bucket_return(&l->state.bucket, &l->spec, at_ns, hold->booking);
        limiter_changed(e, l);
        hold_end(e, hold);
    }
    call_complete(e, c, STATUS_OK);
}

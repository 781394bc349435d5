/*
 * limiter.c - limiters as objects (limiter.h): waiting, passing, keys that come and go. TAKE, RESERVE and REFUND are in take.c.
 *
 * One deadline a limiter (limiter_settle): when the first in its queue may pass, else when its key may be as new. Whatever is taken or given back asks
 * for the limiter to be served, and serving settles it. Bookings have deadlines of their own.
 */
#include "limiter.h"

#include <string.h>

#include "call.h"
#include "semaphore.h"
#include "state.h"
#include "wait.h"

struct limiter *limiter_of(const struct object *o)
{
    assert(o->kind == KIND_LIMITER);
    return container_of(o, struct limiter, object);
}

bool limiter_books(const struct object *o)
{
    return o->kind == KIND_LIMITER && limiter_of(o)->spec.algorithm == LIMIT_BUCKET;
}

static const struct rule *limiter_rule(const struct limiter *l)
{
    return rule_of(l->spec.algorithm);
}

static int64_t limiter_wait(const struct engine *e, const struct limiter *l, uint64_t n)
{
    return limiter_rule(l)->wait(&l->state, &l->spec, e->now_ns, n);
}

static struct arm *limiter_first(const struct limiter *l)
{
    struct list_node *n = list_first(&l->waiters);
    return n ? container_of(n, struct arm, link) : NULL;
}

int64_t limiter_retry(const struct engine *e, const struct limiter *l, uint64_t n)
{
    const struct arm *first = limiter_first(l);
    int64_t wait_ns = limiter_wait(e, l, n), ahead_ns = 0;
    if (first && !limiter_books(&l->object))
        ahead_ns = limiter_wait(e, l, first->permits);
    return wait_ns > ahead_ns ? wait_ns : ahead_ns;
}

/* ---- Time ---- */

/* A key stays as long as it is not as new. */
static void limiter_linger(struct engine *e, struct limiter *l, bool lingers)
{
    if (l->lingers == lingers)
        return;
    l->lingers = lingers;
    if (lingers)
        object_ref(&l->object);
    else
        object_unref(e, &l->object);
}

/* When it has something to do; NEVER_NS: not by itself. */
static int64_t limiter_next(const struct engine *e, const struct limiter *l)
{
    const struct arm *first = limiter_first(l);
    if (first) /* a booking has a deadline of its own */
        return limiter_books(&l->object) ? NEVER_NS : engine_after(e, limiter_wait(e, l, first->permits));
    return l->lingers ? limiter_rule(l)->fresh(&l->state, &l->spec, e->now_ns) : NEVER_NS;
}

/* Its deadline is not later than when it has something to do; an earlier one only asks again. */
static void limiter_settle(struct engine *e, struct limiter *l)
{
    int64_t next_ns = limiter_next(e, l);
    if (l->lingers && list_empty(&l->waiters) && next_ns <= e->now_ns) {
        heap_remove(&e->deadlines, &l->due);
        limiter_linger(e, l, false);
    } else if (l->due.slot == 0 || l->due.due_ns > next_ns) {
        heap_remove(&e->deadlines, &l->due);
        if (next_ns != NEVER_NS)
            heap_insert(&e->deadlines, &l->due, next_ns, DUE_LIMITER);
    }
}

void limiter_changed(struct engine *e, struct limiter *l)
{
    if (l->object.among)
        limiter_linger(e, l, true);
    object_serve_soon(e, &l->object);
}

/* Who waits for more than can ever pass at once, since the limiter was tuned, would hold up all behind it. */
static void limiter_drop_impossible(struct engine *e, struct limiter *l)
{
    for (struct list_node *n = list_first(&l->waiters), *next; n; n = next) {
        struct arm *a = container_of(n, struct arm, link);
        for (next = list_next(&l->waiters, n); next && container_of(next, struct arm, link)->call == a->call;)
            next = list_next(&l->waiters, next);
        if (a->permits > rule_most(&l->spec))
            call_complete(e, wait_claim(e, a), STATUS_MISUSE);
    }
}

static void limiter_serve(struct engine *e, struct object *o)
{
    struct limiter *l = limiter_of(o);
    if (l->tuned && !limiter_books(o))
        limiter_drop_impossible(e, l);
    l->tuned = false;
    for (struct arm *a; !limiter_books(o) && (a = limiter_first(l)) && limiter_wait(e, l, a->permits) == 0;)
        wait_fire(e, a);
    if (l->spec.algorithm != LIMIT_CONCURRENCY)
        limiter_settle(e, l);
}

void limiter_due(struct engine *e, struct limiter *l)
{
    object_serve_soon(e, &l->object);
}

void limiter_booking_due(struct engine *e, struct booking *b)
{
    b->acted = true;
    wait_fire(e, b->arm);
}

/* ---- Arms ---- */

static uint64_t take_count(const struct arm *a)
{
    return limiter_books(a->object) ? a->booking->n : a->permits;
}

static bool take_poll(const struct engine *e, const struct arm *a)
{
    const struct limiter *l = limiter_of(a->object);
    if (!limiter_books(a->object) && !list_empty(&l->waiters))
        return false;
    return limiter_wait(e, l, take_count(a)) == 0;
}

static void take_park(struct engine *e, struct arm *a)
{
    struct limiter *l = limiter_of(a->object);
    list_push_back(&l->waiters, &a->link);
    if (limiter_books(a->object)) {
        struct booking *b = a->booking;
        b->arm = a;
        if (bucket_book(&l->state.bucket, &l->spec, e->now_ns, NEVER_NS, b))
            heap_insert(&e->deadlines, &b->due, b->act_ns, DUE_BOOKING);
    } else {
        l->waiting += a->permits;
    }
    limiter_changed(e, l);
}

static void take_unpark(struct engine *e, struct arm *a)
{
    struct limiter *l = limiter_of(a->object);
    list_remove(&a->link);
    if (limiter_books(a->object)) {
        heap_remove(&e->deadlines, &a->booking->due);
        if (!a->booking->acted)
            bucket_return(&l->state.bucket, &l->spec, e->now_ns, a->booking);
    } else {
        l->waiting -= a->permits;
    }
    limiter_changed(e, l);
}

/* It passes now, or its time has come. */
static void take_commit(struct engine *e, struct arm *a)
{
    struct limiter *l = limiter_of(a->object);
    const struct rule *rule = limiter_rule(l);
    struct call *c = a->call;
    if (!limiter_books(a->object) || !a->booking->acted)
        rule->pass(&l->state, &l->spec, e->now_ns, take_count(a));
    limiter_changed(e, l);
    c->result = RESULT_QUOTA;
    c->truth = true;
    c->quota.remaining = rule->remaining(&l->state, &l->spec, e->now_ns);
    c->quota.retry_after_ns = 0;
    call_complete(e, c, STATUS_OK);
}

static const struct arm_ops take_ops = {take_poll, take_park, take_unpark, take_commit};

/* ---- The object ---- */

/* Why a limiter cannot be as asked; NULL: it can. */
static const char *limiter_fault(const struct limiter_spec *spec)
{
    bool windowed = spec->algorithm == LIMIT_WINDOW || spec->algorithm == LIMIT_SLIDING;
    if (spec->rate.infinite && spec->algorithm != LIMIT_BUCKET)
        return "only a token bucket can have an infinite rate";
    if (spec->algorithm != LIMIT_CONCURRENCY && !spec->rate.infinite && spec->rate.period_ns == 0)
        return "the period of a rate must be positive";
    if (spec->rate.count > LIMITER_COUNT_MAX || spec->burst > LIMITER_COUNT_MAX)
        return "the count of a rate and a burst are at most 2^40";
    return windowed && spec->burst > 0 ? "a window has no burst: its count is the limit" : NULL;
}

/* The spec as it is kept: a period is never 0. */
static struct limiter_spec limiter_spec(const struct limiter_spec *spec)
{
    struct limiter_spec kept = *spec;
    if (kept.rate.infinite)
        kept.rate = (struct rate){.period_ns = 1, .infinite = true};
    if (kept.rate.period_ns == 0)
        kept.rate.period_ns = 1;
    return kept;
}

static enum status limiter_make(struct engine *e, struct session *s, struct object *o,
                                const struct make_op *op, struct make_error *error)
{
    (void)s;
    struct limiter *l = limiter_of(o);
    if ((error->message = limiter_fault(&op->limiter)))
        return STATUS_INVALID;
    if (!heap_reserve(&e->deadlines, 1))
        return STATUS_NO_MEMORY;
    l->spec = limiter_spec(&op->limiter);
    keys_init(&l->keys, o);
    holds_init(&l->holds);
    list_init(&l->waiters);
    if (l->spec.algorithm != LIMIT_CONCURRENCY)
        limiter_rule(l)->init(&l->state, &l->spec, e->now_ns);
    return STATUS_OK;
}

static bool limiter_same(const struct limiter_spec *a, const struct limiter_spec *b)
{
    return a->algorithm == b->algorithm && a->burst == b->burst && a->rate.count == b->rate.count &&
           a->rate.period_ns == b->rate.period_ns && a->rate.infinite == b->rate.infinite;
}

static enum status limiter_match(struct engine *e, struct session *s, const struct object *o,
                                 const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    struct limiter_spec spec = limiter_spec(&op->limiter);
    if (limiter_same(&limiter_of(o)->spec, &spec))
        return STATUS_OK;
    error->message = "the limiter exists with another algorithm, rate or burst";
    return STATUS_MISMATCH;
}

enum status limiter_at(struct engine *e, struct session *s, struct object *o, struct bytes key,
                       struct object **ret, struct make_error *error)
{
    struct limiter *l = limiter_of(o);
    struct make_op spec = {.kind = KIND_LIMITER, .limiter = l->spec};
    if (l->spec.algorithm == LIMIT_CONCURRENCY) {
        spec = (struct make_op){.kind = KIND_SEMAPHORE, .semaphore = {l->spec.burst}};
    } else if (key.size == 0) {
        object_ref(o);
        *ret = o;
        return STATUS_OK;
    }
    enum status st = keys_get(e, s, &l->keys, key, &spec, ret, error);
    /* the windows of all keys begin when the limiter was made */
    if (st == STATUS_OK && (l->spec.algorithm == LIMIT_WINDOW || l->spec.algorithm == LIMIT_SLIDING))
        limiter_of(*ret)->state.window.epoch_ns = l->state.window.epoch_ns;
    return st;
}

/* From here it holds nothing and nobody, and is as new. */
static void limiter_remove(struct engine *e, struct object *o)
{
    struct limiter *l = limiter_of(o);
    wait_fail_all(e, &l->waiters, STATUS_REMOVED);
    hold_end_all(e, &l->holds);
    keys_remove(e, &l->keys);
    heap_remove(&e->deadlines, &l->due);
    limiter_linger(e, l, false);
}

/* Keys without a definition cannot be found again: what is not as new need not stay. */
static void limiter_done(struct engine *e, struct object *o)
{
    struct limiter *l = limiter_of(o);
    for (struct object *key = NULL, *next = keys_next(&l->keys, NULL); (key = next);) {
        next = keys_next(&l->keys, key);
        if (key->kind == KIND_LIMITER) {
            heap_remove(&e->deadlines, &limiter_of(key)->due);
            limiter_linger(e, limiter_of(key), false);
        }
    }
    keys_done(e, &l->keys);
    heap_remove(&e->deadlines, &l->due);
    heap_release(&e->deadlines, 1);
}

/* A reservation is over: its time has passed, or its session has died and it comes back. */
static void limiter_lost(struct engine *e, struct holding *h)
{
    struct hold *hold = hold_of(h);
    struct limiter *l = limiter_of(h->object);
    bucket_return(&l->state.bucket, &l->spec, e->now_ns, hold->booking);
    limiter_changed(e, l);
    hold_end(e, hold);
}

static const struct holds *limiter_held_by(const struct object *o)
{
    return &limiter_of(o)->holds;
}

static const struct list *limiter_queue(const struct object *o, int i)
{
    return i == 0 ? &limiter_of(o)->waiters : NULL;
}

static void limiter_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    const struct limiter *l = limiter_of(o);
    ret->limiter.algorithm = l->spec.algorithm;
    ret->limiter.rate = l->spec.rate;
    ret->limiter.burst = l->spec.burst;
    ret->limiter.keys = l->keys.count;
    if (l->spec.algorithm != LIMIT_CONCURRENCY) {
        ret->limiter.remaining = limiter_rule(l)->remaining(&l->state, &l->spec, e->now_ns);
        return;
    }
    const struct object *key = keys_find(e, &l->keys, (struct bytes){NULL, 0});
    ret->limiter.remaining = (int64_t)(key ? semaphore_free(key) : l->spec.burst);
}

static void limiter_audit(const struct engine *e, const struct object *o)
{
    const struct limiter *l = limiter_of(o);
    uint64_t keys = 0, waiting = 0;
    hold_audit(e, o, &l->holds);
    for (const struct object *key = NULL; (key = keys_next(&l->keys, key)); keys++)
        assert(key->among == &l->keys);
    assert(keys == l->keys.count && (keys == 0 || !o->among));
    assert(!l->lingers || o->among);
    list_for_each(n, &l->waiters) {
        const struct arm *a = container_of(n, struct arm, link);
        if (limiter_books(o))
            assert(a->booking->arm == a && a->booking->due.slot > 0 && !a->booking->acted);
        else
            waiting += a->permits;
    }
    assert(waiting == l->waiting);
    const struct arm *first = limiter_first(l);
    assert(!first || limiter_books(o) || limiter_wait(e, l, first->permits) > 0);
    int64_t next_ns = l->spec.algorithm == LIMIT_CONCURRENCY ? NEVER_NS : limiter_next(e, l);
    assert(next_ns == NEVER_NS || (l->due.slot > 0 && l->due.due_ns <= next_ns));
}

/* ---- TUNE ---- */

static void limiter_tune_key(struct engine *e, struct object *o, const struct limiter_spec *to, int64_t at_ns)
{
    if (o->kind == KIND_SEMAPHORE) {
        semaphore_resize(e, o, to->burst);
        return;
    }
    struct limiter *l = limiter_of(o);
    if (to->algorithm != LIMIT_CONCURRENCY)
        limiter_rule(l)->tune(&l->state, &l->spec, to, at_ns);
    l->spec = *to;
    l->tuned = true;
    limiter_changed(e, l);
}

static enum status limiter_tune(struct engine *e, struct object *o, const struct op *op,
                                const char **ret_message)
{
    struct limiter *l = limiter_of(o);
    struct limiter_spec to = l->spec;
    if (op->tune.has_rate)
        to.rate = op->tune.rate;
    if (op->tune.has_burst)
        to.burst = op->tune.burst;
    if (op->tune.has_limit)
        *ret_message = "a limiter has a rate and a burst, and no limit";
    else if (op->tune.has_at && op->tune.at_ns > e->now_ns)
        *ret_message = "the time is still to come";
    else if (op->tune.has_rate && to.algorithm == LIMIT_CONCURRENCY)
        *ret_message = "a concurrency limit has no rate";
    else
        *ret_message = limiter_fault(&to);
    if (*ret_message)
        return STATUS_INVALID;
    to = limiter_spec(&to);
    int64_t at_ns = op->tune.has_at && l->spec.algorithm == LIMIT_BUCKET ? op->tune.at_ns : e->now_ns;
    for (struct object *key = NULL; (key = keys_next(&l->keys, key));)
        limiter_tune_key(e, key, &to, at_ns);
    limiter_tune_key(e, o, &to, at_ns);
    return STATUS_OK;
}

const struct kind limiter_kind = {
    .arms = {[ARM_TAKE] = &take_ops},
    .size = sizeof(struct limiter),
    .make = limiter_make,
    .match = limiter_match,
    .serve = limiter_serve,
    .lost = limiter_lost,
    .tune = limiter_tune,
    .remove = limiter_remove,
    .done = limiter_done,
    .queue = limiter_queue,
    .holds = limiter_held_by,
    .view = limiter_view,
    .audit = limiter_audit,
};

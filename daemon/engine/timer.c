/*
 * timer.c - timers and tickers.
 *
 * Both kinds are one struct and one row of functions; a period of 0 is what makes a timer. The heap is touched only where receivers
 * come and go or the instant changes (timer_settle).
 */
#include "timer.h"

#include "handlers.h"

#include "call.h"
#include "session.h"
#include "state.h"
#include "trigger.h"
#include "wait.h"

struct timer *timer_of(const struct object *o)
{
    assert(o->kind == KIND_TIMER || o->kind == KIND_TICKER);
    return container_of(o, struct timer, object);
}

static bool timer_ready(const struct engine *e, const struct timer *t)
{
    return t->armed && t->due_ns <= e->now_ns;
}

/* In the heap exactly while armed and waited for. */
static void timer_settle(struct engine *e, struct timer *t)
{
    heap_remove(&e->deadlines, &t->due);
    if (t->armed && !list_empty(&t->receivers))
        heap_insert(&e->deadlines, &t->due, t->due_ns, DUE_TIMER);
}

/* The value has been received. */
static void timer_advance(const struct engine *e, struct timer *t)
{
    object_touch(&t->object);
    if (t->period_ns == 0) {
        t->armed = false;
        return;
    }
    int64_t periods = 1 + (e->now_ns - t->due_ns) / t->period_ns;
    if (periods > (NEVER_NS - t->due_ns) / t->period_ns)
        t->due_ns = NEVER_NS;
    else
        t->due_ns += periods * t->period_ns;
}

/* Give the value that is there to a claimed call. */
static void timer_give(struct engine *e, struct timer *t, struct call *c)
{
    c->ticked = true;
    c->count = (uint64_t)t->due_ns;
    timer_advance(e, t);
    call_complete(e, c, STATUS_OK);
}

/* Serve who waits, oldest first, as long as a value is there. */
static void timer_serve(struct engine *e, struct timer *t)
{
    struct list_node *n;
    while (timer_ready(e, t) && (n = list_first(&t->receivers)))
        timer_give(e, t, wait_claim(e, container_of(n, struct arm, link)));
    timer_settle(e, t);
}

void timer_due(struct engine *e, struct timer *t)
{
    timer_serve(e, t);
}

/* ---- Arms ---- */

static bool tick_poll(const struct engine *e, const struct arm *a)
{
    return timer_ready(e, timer_of(a->object));
}

static void tick_park(struct engine *e, struct arm *a)
{
    struct timer *t = timer_of(a->object);
    list_push_back(&t->receivers, &a->link);
    t->receivers_count++;
    object_touch(a->object);
    if (t->due.slot == 0)
        timer_settle(e, t);
}

static void tick_unpark(struct engine *e, struct arm *a)
{
    struct timer *t = timer_of(a->object);
    list_remove(&a->link);
    t->receivers_count--;
    object_touch(a->object);
    if (list_empty(&t->receivers))
        timer_settle(e, t);
}

static void tick_commit(struct engine *e, struct arm *a)
{
    timer_give(e, timer_of(a->object), a->call);
}

static const struct arm_ops tick_ops = {tick_poll, tick_park, tick_unpark, tick_commit};

/* ---- The objects ---- */

static enum status timer_make(struct engine *e, struct session *s, struct object *o, const struct make_op *op,
                              struct make_error *error)
{
    (void)s;
    struct timer *t = timer_of(o);
    bool ticker = op->kind == KIND_TICKER;
    if (ticker && op->timer.period_ns <= 0) {
        error->message = "non-positive interval for NewTicker";
        return STATUS_INVALID;
    }
    if (!heap_reserve(&e->deadlines, 1))
        return STATUS_NO_MEMORY;
    list_init(&t->receivers);
    t->period_ns = ticker ? op->timer.period_ns : 0;
    t->delay_ns = ticker ? op->timer.period_ns : op->timer.delay_ns;
    t->due_ns = engine_after(e, t->delay_ns);
    t->armed = true;
    return STATUS_OK;
}

static enum status timer_match(struct engine *e, struct session *s, const struct object *o,
                               const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    const struct timer *t = timer_of(o);
    bool ticker = op->kind == KIND_TICKER;
    if (t->delay_ns == (ticker ? op->timer.period_ns : op->timer.delay_ns))
        return STATUS_OK;
    error->message = ticker ? "the ticker exists with another period" : "the timer exists with another delay";
    return STATUS_MISMATCH;
}

static bool timer_stop(struct engine *e, struct timer *t)
{
    bool was = t->armed;
    t->armed = false;
    object_touch(&t->object);
    timer_settle(e, t);
    return was;
}

static bool timer_reset(struct engine *e, struct timer *t, int64_t d_ns)
{
    bool was = t->armed;
    if (t->period_ns > 0)
        t->period_ns = d_ns;
    t->due_ns = engine_after(e, d_ns);
    t->armed = true;
    object_touch(&t->object);
    timer_serve(e, t);
    return was;
}

static void timer_owner_died(struct engine *e, struct object *o)
{
    timer_stop(e, timer_of(o));
}

static void timer_remove(struct engine *e, struct object *o)
{
    timer_stop(e, timer_of(o));
    wait_fail_all(e, &timer_of(o)->receivers, STATUS_REMOVED);
}

static void timer_done(struct engine *e, struct object *o)
{
    struct timer *t = timer_of(o);
    assert(list_empty(&t->receivers));
    heap_remove(&e->deadlines, &t->due);
    heap_release(&e->deadlines, 1);
}

static const struct list *timer_queue(const struct object *o, int i)
{
    return i == 0 ? &timer_of(o)->receivers : NULL;
}

static void timer_view_fill(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct timer *t = timer_of(o);
    ret->timer = (struct timer_view){t->armed, t->due_ns, t->period_ns, t->receivers_count};
}

static void timer_audit(const struct engine *e, const struct object *o)
{
    const struct timer *t = timer_of(o);
    uint64_t receivers = 0;
    list_for_each(n, &t->receivers)
        receivers++;
    assert(receivers == t->receivers_count);
    assert((t->due.slot > 0) == (t->armed && receivers > 0));
    assert(t->due.slot == 0 || (t->due.due_ns == t->due_ns && t->due_ns >= e->now_ns));
    assert((o->kind == KIND_TICKER) == (t->period_ns > 0));
}

#define TIMER_KIND                                                                                        \
    {                                                                                                     \
        .with_session = true, .arms = {[ARM_RECV] = &tick_ops}, .size = sizeof(struct timer),             \
        .make = timer_make, .match = timer_match, .owner_died = timer_owner_died, .remove = timer_remove, \
        .done = timer_done, .queue = timer_queue, .view = timer_view_fill, .audit = timer_audit,          \
    }

const struct kind timer_kind = TIMER_KIND;
const struct kind ticker_kind = TIMER_KIND;

/* ---- STOP and RESET ---- */

/* The timer, ticker or trigger an op means; false: refused. */
static bool timer_target(struct engine *e, struct session *s, const struct op *op, const struct ref *ref,
                         uint8_t right, const char *nil_text, struct object **ret)
{
    if (!ref->handle && !ref->name_size) {
        call_refuse(e, NULL, op, STATUS_INVALID, nil_text);
        return false;
    }
    enum status st = object_expect(e, s, ref, KIND_NONE, right, ret);
    if (st == STATUS_OK && (*ret)->kind != KIND_TIMER && (*ret)->kind != KIND_TICKER &&
        (*ret)->kind != KIND_TRIGGER)
        st = STATUS_WRONG_KIND;
    if (st != STATUS_OK)
        call_refuse(e, NULL, op, st, NULL);
    return st == STATUS_OK;
}

void op_stop(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    if (!timer_target(e, s, op, &op->stop.ref, RIGHT_CLOSE, "time: Stop called on uninitialized Timer", &o))
        return;
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    c->result = RESULT_TRUTH;
    c->truth = o->kind == KIND_TRIGGER ? trigger_stop(e, trigger_of(o)) : timer_stop(e, timer_of(o));
    call_complete(e, c, STATUS_OK);
}

void op_reset(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    int64_t d_ns = op->reset.duration_ns;
    if (!timer_target(e, s, op, &op->reset.ref, RIGHT_SEND, "time: Reset called on uninitialized Timer", &o))
        return;
    if (o->kind == KIND_TICKER && d_ns <= 0) {
        call_refuse(e, NULL, op, STATUS_INVALID, "non-positive interval for Ticker.Reset");
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    bool was = false;
    enum status st = STATUS_OK;
    if (o->kind == KIND_TRIGGER)
        st = trigger_reset(e, trigger_of(o), d_ns, &was);
    else
        was = timer_reset(e, timer_of(o), d_ns);
    if (st == STATUS_NO_MEMORY) {
        call_refuse_memory(e, c, op);
    } else if (st != STATUS_OK) {
        call_refuse(e, c, op, st, "only a timed trigger can be set again");
    } else {
        c->result = RESULT_TRUTH;
        c->truth = was;
        call_complete(e, c, STATUS_OK);
    }
}

/*
 * once.c - sync.Once and OnceValue between processes.
 *
 * BEGIN gives the first caller the right to run (a token); the others wait. END stores the outcome - a value, or a failure with one -
 * and all go on with it, as every later BEGIN does at once: Once.Do returns only when the one run is over, OnceValue returns its
 * value, a panic is the same for all. A runner that begins the same once again waits for itself, as in Go.
 *
 * When the runner dies, the next waiter becomes the runner, with a new token; or, if the once was made so (`poison`), it fails for
 * good with OWNER_DIED. The END of a runner that was taken for dead carries a stale token and is refused.
 */
#include "call.h"
#include "handlers.h"
#include "hold.h"
#include "item.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "wait.h"

struct once {
    struct object object;
    struct holds holds;  /* the runner, at most one */
    struct list waiters; /* arm.link */
    struct item *value;  /* of the outcome: one reference; or NULL */
    bool done, failed, poison, poisoned;
    bool owner_died; /* to be told to the next runner */
};

static struct once *once_of(const struct object *o)
{
    assert(o->kind == KIND_ONCE);
    return container_of(o, struct once, object);
}

static void once_tell(struct engine *e, struct once *x, struct call *c)
{
    c->result = RESULT_OUTCOME;
    c->value = x->value;
    c->truth = x->failed;
    if (c->value)
        c->value->refs++;
    call_complete(e, c, x->poisoned ? STATUS_OWNER_DIED : STATUS_OK);
}

static void once_run(struct engine *e, struct once *x, struct arm *a)
{
    bool died = x->owner_died;
    x->owner_died = false;
    hold_grant(e, a, &x->holds, 1, died);
}

static bool begin_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct once *x = once_of(a->object);
    return x->done || x->holds.count == 0;
}

static void begin_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&once_of(a->object)->waiters, &a->link);
    object_touch(a->object);
}

static void begin_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

static void begin_commit(struct engine *e, struct arm *a)
{
    struct once *x = once_of(a->object);
    if (x->done)
        once_tell(e, x, a->call);
    else
        once_run(e, x, a);
}

static bool done_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return once_of(a->object)->done;
}

static const struct arm_ops begin_ops = {begin_poll, begin_park, begin_unpark, begin_commit};
/* WAIT: for the outcome, without offering to run. */
static const struct arm_ops done_ops = {done_poll, begin_park, begin_unpark, begin_commit};

static void once_serve(struct engine *e, struct object *o)
{
    struct once *x = once_of(o);
    for (struct list_node *n = list_first(&x->waiters), *next; n; n = next) {
        next = list_next(&x->waiters, n);
        struct arm *a = container_of(n, struct arm, link);
        if (x->done) {
            wait_fire(e, a);
            next = list_first(&x->waiters); /* a select may have stood here twice */
        } else if (a->verb == ARM_BEGIN && x->holds.count == 0) {
            wait_fire(e, a);
            return;
        }
    }
}

static void once_lost(struct engine *e, struct holding *h)
{
    struct once *x = once_of(h->object);
    x->owner_died = !x->poison;
    x->done = x->failed = x->poisoned = x->poison;
    object_serve_soon(e, h->object);
    hold_end(e, hold_of(h));
}

static enum status once_make(struct engine *e, struct session *s, struct object *o, const struct make_op *op,
                             struct make_error *error)
{
    (void)e;
    (void)s;
    (void)error;
    struct once *x = once_of(o);
    holds_init(&x->holds);
    list_init(&x->waiters);
    x->poison = op->once.poison;
    return STATUS_OK;
}

static enum status once_match(struct engine *e, struct session *s, const struct object *o,
                              const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    if (once_of(o)->poison == op->once.poison)
        return STATUS_OK;
    error->message = "the once exists with another rule for a runner that dies";
    return STATUS_MISMATCH;
}

static void once_remove(struct engine *e, struct object *o)
{
    wait_fail_all(e, &once_of(o)->waiters, STATUS_REMOVED);
    hold_end_all(e, &once_of(o)->holds);
}

static void once_done(struct engine *e, struct object *o)
{
    if (once_of(o)->value)
        item_unref(e, once_of(o)->value);
}

static const struct holds *once_held_by(const struct object *o)
{
    return &once_of(o)->holds;
}

static const struct list *once_queue(const struct object *o, int i)
{
    return i == 0 ? &once_of(o)->waiters : NULL;
}

static void once_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct once *x = once_of(o);
    hold_view(&x->holds, &ret->hold);
    ret->hold.done = x->done;
    ret->hold.owner_died = x->poisoned || x->owner_died;
}

static void once_audit(const struct engine *e, const struct object *o)
{
    const struct once *x = once_of(o);
    uint64_t held = hold_audit(e, o, &x->holds);
    assert(held <= 1 && !(x->done && held > 0));
    assert(!x->done || list_empty(&x->waiters));
    list_for_each(n, &x->waiters)
        assert(held == 1 || container_of(n, struct arm, link)->verb == ARM_WAIT);
}

static enum status once_end(struct engine *e, struct hold *h, struct call *c, const struct op *op,
                            struct item *value, const char **ret_message)
{
    (void)ret_message;
    struct once *x = once_of(h->holding.object);
    x->value = value;
    x->failed = op->end.failed;
    x->done = true;
    object_serve_soon(e, &x->object);
    hold_end(e, h);
    call_complete(e, c, STATUS_OK);
    return STATUS_OK;
}

const struct kind once_kind = {
    .arms = {[ARM_BEGIN] = &begin_ops, [ARM_WAIT] = &done_ops},
    .size = sizeof(struct once),
    .make = once_make,
    .match = once_match,
    .serve = once_serve,
    .lost = once_lost,
    .end = once_end,
    .remove = once_remove,
    .done = once_done,
    .queue = once_queue,
    .holds = once_held_by,
    .view = once_view,
    .audit = once_audit,
};

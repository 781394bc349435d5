/*
 * flight.c - flights (flight.h).
 *
 * The definition and what flies under each key are objects of the same kind: the one has keys, the others a runner and waiters. A key's
 * object loses its name, so that the key is free, when its flight is over or forgotten, and is gone when its last waiter has gone.
 */
#include "flight.h"

#include "call.h"
#include "handlers.h"
#include "hold.h"
#include "item.h"
#include "keys.h"
#include "state.h"
#include "wait.h"

struct flight {
    struct object object;
    struct keys keys;    /* the definition's */
    struct holds holds;  /* the runner, at most one */
    struct list waiters; /* arm.link */
    struct item *value;  /* of the outcome: one reference; or NULL */
    bool poison;
    bool done, failed, poisoned;
    bool owner_died; /* to be told to the next runner */
};

static struct flight *flight_of(const struct object *o)
{
    assert(o->kind == KIND_FLIGHT);
    return container_of(o, struct flight, object);
}

static void flight_tell(struct engine *e, struct flight *f, struct call *c)
{
    c->result = RESULT_OUTCOME;
    c->value = f->value;
    c->truth = f->failed;
    c->shared = true;
    if (c->value)
        c->value->refs++;
    call_complete(e, c, f->poisoned ? STATUS_OWNER_DIED : STATUS_OK);
}

static bool board_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return flight_of(a->object)->holds.count == 0;
}

static void board_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&flight_of(a->object)->waiters, &a->link);
    object_touch(a->object);
}

static void board_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

static void board_commit(struct engine *e, struct arm *a)
{
    struct flight *f = flight_of(a->object);
    if (f->done) {
        flight_tell(e, f, a->call);
        return;
    }
    bool died = f->owner_died;
    f->owner_died = false;
    hold_grant(e, a, &f->holds, 1, died);
}

static const struct arm_ops board_ops = {board_poll, board_park, board_unpark, board_commit};

static void flight_serve(struct engine *e, struct object *o)
{
    struct flight *f = flight_of(o);
    for (struct list_node *n; f->holds.count == 0 && (n = list_first(&f->waiters));)
        wait_fire(e, container_of(n, struct arm, link));
}

/* It is over: the key is free for another. */
static void flight_over(struct engine *e, struct flight *f)
{
    f->done = true;
    object_unname(e, &f->object);
    object_serve_soon(e, &f->object);
}

static void flight_lost(struct engine *e, struct holding *h)
{
    struct flight *f = flight_of(h->object);
    object_serve_soon(e, h->object);
    if (f->poison) {
        f->failed = f->poisoned = true;
        flight_over(e, f);
    } else {
        f->owner_died = true;
    }
    hold_end(e, hold_of(h));
}

static enum status flight_end(struct engine *e, struct hold *h, struct call *c, const struct op *op,
                              struct item *value, const char **ret_message)
{
    (void)ret_message;
    struct flight *f = flight_of(h->holding.object);
    f->value = value;
    f->failed = op->end.failed;
    c->result = RESULT_TRUTH;
    c->truth = !list_empty(&f->waiters);
    flight_over(e, f);
    hold_end(e, h);
    call_complete(e, c, STATUS_OK);
    return STATUS_OK;
}

static enum status flight_make(struct engine *e, struct session *s, struct object *o,
                               const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    (void)error;
    struct flight *f = flight_of(o);
    keys_init(&f->keys, o);
    holds_init(&f->holds);
    list_init(&f->waiters);
    f->poison = op->flight.poison;
    return STATUS_OK;
}

static enum status flight_match(struct engine *e, struct session *s, const struct object *o,
                                const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    if (flight_of(o)->poison == op->flight.poison)
        return STATUS_OK;
    error->message = "the flight exists with another rule for a runner that dies";
    return STATUS_MISMATCH;
}

enum status flight_at(struct engine *e, struct session *s, struct object *o, struct bytes key,
                      struct object **ret, struct make_error *error)
{
    struct flight *f = flight_of(o);
    struct make_op spec = {.kind = KIND_FLIGHT, .flight = {f->poison}};
    return keys_get(e, s, &f->keys, key, &spec, ret, error);
}

static void flight_remove(struct engine *e, struct object *o)
{
    struct flight *f = flight_of(o);
    wait_fail_all(e, &f->waiters, STATUS_REMOVED);
    hold_end_all(e, &f->holds);
    keys_remove(e, &f->keys);
}

static void flight_done(struct engine *e, struct object *o)
{
    keys_done(e, &flight_of(o)->keys);
    if (flight_of(o)->value)
        item_unref(e, flight_of(o)->value);
}

static const struct holds *flight_held_by(const struct object *o)
{
    return &flight_of(o)->holds;
}

static const struct list *flight_queue(const struct object *o, int i)
{
    return i == 0 ? &flight_of(o)->waiters : NULL;
}

static void flight_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct flight *f = flight_of(o);
    hold_view(&f->holds, &ret->hold);
    ret->hold.owner_died = f->poisoned || f->owner_died;
    if (!o->among)
        ret->hold.holds = f->keys.count;
}

static void flight_audit(const struct engine *e, const struct object *o)
{
    const struct flight *f = flight_of(o);
    uint64_t held = hold_audit(e, o, &f->holds), keys = 0;
    for (const struct object *key = NULL; (key = keys_next(&f->keys, key));)
        keys++;
    assert(keys == f->keys.count && held <= 1 && !(f->done && held > 0));
    assert(list_empty(&f->waiters) || held == 1);
}

const struct kind flight_kind = {
    .arms = {[ARM_BEGIN] = &board_ops},
    .size = sizeof(struct flight),
    .make = flight_make,
    .match = flight_match,
    .serve = flight_serve,
    .lost = flight_lost,
    .end = flight_end,
    .remove = flight_remove,
    .done = flight_done,
    .queue = flight_queue,
    .holds = flight_held_by,
    .view = flight_view,
    .audit = flight_audit,
};

void op_forget(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->forget.ref, KIND_FLIGHT, RIGHT_SEND, &o);
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    struct object *under_way = keys_find(e, &flight_of(o)->keys, op->forget.key);
    c->result = RESULT_TRUTH;
    c->truth = under_way != NULL;
    if (under_way)
        object_unname(e, under_way);
    call_complete(e, c, STATUS_OK);
}

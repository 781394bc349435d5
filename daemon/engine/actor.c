/*
 * actor.c - a goroutine that owns a state, between processes.
 *
 * One session at a time owns an actor (BEGIN, in order of asking; the token is its right). CALL puts a value into the actor's queue and waits
 * for the reply; the owner takes calls one at a time in the order they came (SERVE), and answers each (REPLY) before the next. So whoever has its reply
 * sees what it wrote in every later one.
 *
 * When the owner dies its state is lost but for the last CHECKPOINT, which the next owner gets with its token. The calls that wait, and the one that was being
 * served, stay for the successor, who sees by `deliveries` that an owner before took it; or, if the actor was made so (`fail`), they fail with OWNER_DIED.
 * `epoch` counts the owners and stands in every reply.
 *
 * A caller that leaves before its call is served withdraws it; later, its reply is dropped and the owner is told.
 *
 *     number > 0  <=>  a call is being served        serving holds at most one arm, and none when its caller has left
 *
 * Cost: O(1).
 */
#include "actor.h"

#include "call.h"
#include "case.h"
#include "handlers.h"
#include "hold.h"
#include "item.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "wait.h"

struct actor {
    struct object object;
    struct holds holds;     /* the owner, at most one */
    struct list candidates; /* arm.link, ARM_BEGIN */
    struct list servers;    /* arm.link, ARM_SERVE: the owner's */
    struct list calls;      /* arm.link, ARM_CALL: to be served */
    struct list serving;    /* the one being served */
    struct item *state;     /* the checkpoint: one reference; or NULL */
    uint32_t epoch;
    uint64_t number; /* of the call being served; 0: none */
    uint64_t numbers, waiting, served;
    bool fail;
    bool left;       /* the owner has gone, and what that means is still to be done */
    bool owner_died; /* to be told to the next owner */
};

static struct actor *actor_of(const struct object *o)
{
    assert(o->kind == KIND_ACTOR);
    return container_of(o, struct actor, object);
}

static void actor_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

/* ---- Owning ---- */

static bool own_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct actor *x = actor_of(a->object);
    return x->holds.count == 0 && !x->left;
}

static void own_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&actor_of(a->object)->candidates, &a->link);
    object_touch(a->object);
}

static void own_commit(struct engine *e, struct arm *a)
{
    struct actor *x = actor_of(a->object);
    struct call *c = a->call;
    c->result = RESULT_LEADER;
    c->truth = x->owner_died;
    c->of_actor = true;
    c->leader.token = hold_take(e, a, &x->holds);
    c->leader.said = x->state;
    if (x->state)
        x->state->refs++;
    a->epoch = ++x->epoch;
    x->owner_died = false;
    call_complete(e, c, STATUS_OK);
}

static const struct arm_ops own_ops = {own_poll, own_park, actor_unpark, own_commit};

/* ---- Calling ---- */

/* A reply comes when it comes. */
static bool call_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    (void)a;
    return false;
}

static void call_park(struct engine *e, struct arm *a)
{
    struct actor *x = actor_of(a->object);
    list_push_back(&x->calls, &a->link);
    x->waiting++;
    object_serve_soon(e, a->object);
}

static void call_unpark(struct engine *e, struct arm *a)
{
    struct actor *x = actor_of(a->object);
    if (list_first(&x->serving) != &a->link)
        x->waiting--;
    actor_unpark(e, a);
}

/* a, claimed, has its answer. */
static void actor_answer(struct engine *e, struct actor *x, struct arm *a, struct item *value, bool failed)
{
    struct call *c = wait_claim(e, a);
    c->result = RESULT_OUTCOME;
    c->truth = failed;
    c->value = value;
    c->of_actor = true;
    a->epoch = x->epoch;
    call_complete(e, c, STATUS_OK);
}

static void call_commit(struct engine *e, struct arm *a)
{
    call_complete(e, a->call, STATUS_INTERNAL); /* poll never says yes */
}

static const struct arm_ops call_ops = {call_poll, call_park, call_unpark, call_commit};

/* ---- Serving ---- */

/* The oldest call that is not this very select's. */
static struct arm *serve_next(const struct actor *x, const struct arm *a)
{
    list_for_each(n, &x->calls) {
        struct arm *asked = container_of(n, struct arm, link);
        if (asked->call != a->call)
            return asked;
    }
    return NULL;
}

static bool serve_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct actor *x = actor_of(a->object);
    return x->number == 0 && serve_next(x, a);
}

static void serve_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&actor_of(a->object)->servers, &a->link);
    object_touch(a->object);
}

/* Its call goes to a's session. */
static void serve_commit(struct engine *e, struct arm *a)
{
    struct actor *x = actor_of(a->object);
    struct call *c = a->call;
    struct arm *asked = serve_next(x, a);
    list_remove(&asked->link);
    list_push_back(&x->serving, &asked->link);
    x->waiting--;
    x->number = ++x->numbers;
    asked->items->deliveries++;
    asked->items->refs++;
    c->result = RESULT_JOB;
    c->job.value = asked->items;
    c->job.deliveries = asked->items->deliveries;
    c->of_actor = true;
    a->epoch = x->epoch;
    a->token = x->number;
    a->caller = asked->call->session->number;
    object_touch(a->object);
    call_complete(e, c, STATUS_OK);
}

static const struct arm_ops serve_ops = {serve_poll, serve_park, actor_unpark, serve_commit};

/* ---- The owner goes ---- */

/* The call being served goes back to the head of the queue. */
static void actor_take_back(struct actor *x)
{
    struct list_node *n = list_pop_front(&x->serving);
    x->number = 0;
    if (!n)
        return;
    list_push_front(&x->calls, n);
    x->waiting++;
}

static void actor_abandon(struct engine *e, struct actor *x)
{
    x->left = false;
    wait_fail_all(e, &x->servers, STATUS_STALE_TOKEN);
    actor_take_back(x);
    if (x->fail)
        wait_fail_all(e, &x->calls, STATUS_OWNER_DIED);
}

static void actor_serve(struct engine *e, struct object *o)
{
    struct actor *x = actor_of(o);
    struct list_node *n;
    if (x->left)
        actor_abandon(e, x);
    if (x->holds.count == 0 && (n = list_first(&x->candidates)))
        wait_fire(e, container_of(n, struct arm, link));
    for (n = list_first(&x->servers); n && x->number == 0; n = list_next(&x->servers, n))
        if (serve_poll(e, container_of(n, struct arm, link))) {
            wait_fire(e, container_of(n, struct arm, link));
            break;
        }
}

static void actor_leave(struct engine *e, struct hold *h)
{
    struct actor *x = actor_of(h->holding.object);
    x->left = true;
    object_serve_soon(e, &x->object);
    hold_end(e, h);
}

static void actor_lost(struct engine *e, struct holding *h)
{
    actor_of(h->object)->owner_died = true;
    actor_leave(e, hold_of(h));
}

static void actor_remember(struct engine *e, struct actor *x, struct item *state)
{
    if (x->state)
        item_unref(e, x->state);
    x->state = state;
    object_touch(&x->object);
}

static enum status actor_end(struct engine *e, struct hold *h, struct call *c, const struct op *op,
                             struct item *value, const char **ret_message)
{
    if (op->end.failed) {
        *ret_message = "an owner ends with a checkpoint or without, and does not fail";
        return STATUS_INVALID;
    }
    if (value)
        actor_remember(e, actor_of(h->holding.object), value);
    actor_leave(e, h);
    call_complete(e, c, STATUS_OK);
    return STATUS_OK;
}

/* ---- The object ---- */

static enum status actor_make(struct engine *e, struct session *s, struct object *o, const struct make_op *op,
                              struct make_error *error)
{
    (void)e;
    (void)s;
    (void)error;
    struct actor *x = actor_of(o);
    holds_init(&x->holds);
    list_init(&x->candidates);
    list_init(&x->servers);
    list_init(&x->calls);
    list_init(&x->serving);
    x->fail = op->actor.fail;
    return STATUS_OK;
}

static enum status actor_match(struct engine *e, struct session *s, const struct object *o,
                               const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    if (actor_of(o)->fail == op->actor.fail)
        return STATUS_OK;
    error->message = "the actor exists with another rule for an owner that dies";
    return STATUS_MISMATCH;
}

static void actor_remove(struct engine *e, struct object *o)
{
    struct actor *x = actor_of(o);
    wait_fail_all(e, &x->candidates, STATUS_REMOVED);
    wait_fail_all(e, &x->servers, STATUS_REMOVED);
    wait_fail_all(e, &x->calls, STATUS_REMOVED);
    wait_fail_all(e, &x->serving, STATUS_REMOVED);
    hold_end_all(e, &x->holds);
    x->number = 0;
    x->left = false;
}

static void actor_done(struct engine *e, struct object *o)
{
    if (actor_of(o)->state)
        item_unref(e, actor_of(o)->state);
}

static const struct holds *actor_held_by(const struct object *o)
{
    return &actor_of(o)->holds;
}

static const struct list *actor_queue(const struct object *o, int i)
{
    const struct actor *x = actor_of(o);
    const struct list *const queues[] = {&x->servers, &x->serving, &x->calls, &x->candidates};
    return i < 4 ? queues[i] : NULL;
}

static void actor_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct actor *x = actor_of(o);
    hold_view(&x->holds, &ret->actor.hold);
    ret->actor.hold.owner_died = x->owner_died;
    if (x->state)
        item_value(x->state, 0, &ret->actor.hold.said);
    ret->actor.epoch = x->epoch;
    ret->actor.calls = x->waiting;
    ret->actor.served = x->served;
    ret->actor.serving = x->number > 0;
    ret->actor.fail = x->fail;
}

static void actor_audit(const struct engine *e, const struct object *o)
{
    const struct actor *x = actor_of(o);
    uint64_t held = hold_audit(e, o, &x->holds), waiting = 0, serving = 0;
    list_for_each(n, &x->calls)
        waiting++;
    list_for_each(n, &x->serving)
        serving++;
    assert(held <= 1 && waiting == x->waiting && serving <= 1);
    assert(held == 1 || (x->number == 0 && list_empty(&x->servers) && list_empty(&x->candidates)));
    assert(serving == 0 || x->number > 0);
    list_for_each(n, &x->servers)
        assert(!serve_poll(e, container_of(n, struct arm, link)));
    assert(!x->left);
}

const struct kind actor_kind = {
    .arms = {[ARM_BEGIN] = &own_ops, [ARM_CALL] = &call_ops, [ARM_SERVE] = &serve_ops},
    .size = sizeof(struct actor),
    .make = actor_make,
    .match = actor_match,
    .serve = actor_serve,
    .lost = actor_lost,
    .end = actor_end,
    .remove = actor_remove,
    .done = actor_done,
    .queue = actor_queue,
    .holds = actor_held_by,
    .view = actor_view,
    .audit = actor_audit,
};

/* ---- REPLY and CHECKPOINT ---- */

/* The actor that the token's holder owns. Also STALE_TOKEN. */
static enum status actor_owned(const struct engine *e, const struct session *s, const struct ref *ref,
                               uint64_t token, struct object **ret)
{
    enum status st = object_expect(e, s, ref, KIND_ACTOR, RIGHT_SEND, ret);
    if (st == STATUS_OK && !hold_find(e, *ret, token))
        st = STATUS_STALE_TOKEN;
    return st;
}

enum status actor_check_server(const struct engine *e, const struct object *o, uint64_t token,
                               const char **ret_message)
{
    if (!hold_find(e, o, token))
        return STATUS_STALE_TOKEN;
    if (actor_of(o)->number == 0)
        return STATUS_OK;
    *ret_message = "a call is being served";
    return STATUS_MISUSE;
}

/* What an owner gives as an item; NULL for none. */
static enum status actor_value(struct engine *e, struct session *s, const struct value *v, struct item **ret,
                               const char **ret_message)
{
    *ret = NULL;
    if (v->type == VALUE_HANDLE) {
        *ret_message = "an actor takes and gives no handles";
        return STATUS_INVALID;
    }
    return v->type == VALUE_NONE ? STATUS_OK : item_new(e, s, v, ret);
}

static void actor_refuse(struct engine *e, const struct op *op, struct item *value, enum status st,
                         const char *message)
{
    if (value)
        item_unref(e, value);
    if (st == STATUS_NO_MEMORY)
        call_refuse_memory(e, NULL, op);
    else if (st != STATUS_OK)
        call_refuse(e, NULL, op, st, message);
}

void op_reply(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    struct item *value = NULL;
    const char *message = NULL;
    enum status st = actor_owned(e, s, &op->reply.ref, op->reply.token, &o);
    if (st == STATUS_OK && (op->reply.number == 0 || op->reply.number != actor_of(o)->number)) {
        st = STATUS_INVALID;
        message = "this call is not being served";
    }
    if (st == STATUS_OK)
        st = actor_value(e, s, &op->reply.value, &value, &message);
    struct call *c = st == STATUS_OK ? call_new(e, s, op, 0, 0) : NULL;
    if (!c) {
        actor_refuse(e, op, value, st, message);
        return;
    }
    struct actor *x = actor_of(o);
    struct list_node *n = list_first(&x->serving);
    c->result = RESULT_TRUTH;
    c->truth = n != NULL;
    x->number = 0;
    x->served++;
    if (n)
        actor_answer(e, x, container_of(n, struct arm, link), value, op->reply.failed);
    else if (value)
        item_unref(e, value);
    object_serve_soon(e, o);
    call_complete(e, c, STATUS_OK);
}

void op_checkpoint(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    struct item *value = NULL;
    const char *message = NULL;
    enum status st = actor_owned(e, s, &op->checkpoint.ref, op->checkpoint.token, &o);
    if (st == STATUS_OK)
        st = actor_value(e, s, &op->checkpoint.value, &value, &message);
    struct call *c = st == STATUS_OK ? call_new(e, s, op, 0, 0) : NULL;
    if (!c) {
        actor_refuse(e, op, value, st, message);
        return;
    }
    actor_remember(e, actor_of(o), value);
    call_complete(e, c, STATUS_OK);
}

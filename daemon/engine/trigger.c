/*
 * trigger.c - the engine's own waits.
 *
 * The own call carries its copy of the value (RESULT_VALUE) from the start, so firing allocates nothing. First its case is the
 * event and `source` the trigger; when that completes, the same call is turned into the send and belongs to nobody.
 */
#include "trigger.h"

#include "call.h"
#include "channel.h"
#include "context.h"
#include "item.h"
#include "session.h"
#include "state.h"
#include "text.h"
#include "wait.h"

struct trigger *trigger_of(const struct object *o)
{
    assert(o->kind == KIND_TRIGGER);
    return container_of(o, struct trigger, object);
}

/* A call that carries a copy of the value and refers to the trigger; NULL without memory. */
static struct call *trigger_call(struct engine *e, struct trigger *t)
{
    struct call *c = call_new_own(e);
    if (!c)
        return NULL;
    struct item *value = item_clone(e, t->value);
    if (!value) {
        call_free(e, c);
        return NULL;
    }
    c->result = RESULT_VALUE;
    c->value = value;
    c->source = &t->object;
    object_ref(c->source);
    return c;
}

static void trigger_start(struct engine *e, struct trigger *t, struct call *c, struct object *context,
                          int64_t delay_ns)
{
    t->call = c;
    heap_remove(&e->deadlines, &t->due);
    struct arm *a = wait_case(c, 0, context ? ARM_RECV : ARM_AFTER, context);
    if (!context)
        a->delay_ns = delay_ns;
    wait_start_own(e, c);
}

/* What the spec names; nothing is changed. */
static enum status trigger_resolve(struct engine *e, struct session *s, const struct trigger_spec *spec,
                                   struct object **ret_context, struct object **ret_channel,
                                   struct make_error *error)
{
    *ret_context = NULL;
    enum status st = STATUS_OK;
    if (spec->context.handle || spec->context.name_size)
        st = object_expect(e, s, &spec->context, KIND_CONTEXT, RIGHT_RECV, ret_context);
    if (st == STATUS_OK)
        st = object_expect(e, s, &spec->channel, KIND_CHANNEL, RIGHT_SEND, ret_channel);
    if (st == STATUS_INVALID)
        error->message = "a trigger needs a channel to send to";
    if (st == STATUS_OK && spec->value.type != (enum value_type)channel_of(*ret_channel)->type)
        st = STATUS_WRONG_TYPE;
    return st;
}

static enum status trigger_make(struct engine *e, struct session *s, struct object *o,
                                const struct make_op *op, struct make_error *error)
{
    struct trigger *t = trigger_of(o);
    struct object *context, *channel;
    enum status st = trigger_resolve(e, s, &op->trigger, &context, &channel, error);
    if (st == STATUS_OK)
        st = item_new(e, s, &op->trigger.value, &t->value);
    if (st != STATUS_OK)
        return st;
    struct call *c = trigger_call(e, t);
    if (!c || !heap_reserve(&e->deadlines, 1)) {
        if (c) {
            object_unref(e, c->source);
            c->source = NULL;
            call_free(e, c);
        }
        item_unref(e, t->value);
        return STATUS_NO_MEMORY;
    }
    t->channel = channel;
    object_ref(channel);
    t->timed = !context;
    t->detached = op->lifetime == LIFE_DETACHED;
    trigger_start(e, t, c, context, op->trigger.delay_ns);
    return STATUS_OK;
}

static enum status trigger_match(struct engine *e, struct session *s, const struct object *o,
                                 const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    (void)o;
    (void)op;
    error->message = "a trigger of this name exists";
    return STATUS_EXISTS;
}

bool trigger_stop(struct engine *e, struct trigger *t)
{
    struct call *c = t->call;
    if (!c || c->state != CALL_PARKED) /* the event came in this very step: it is spent */
        return false;
    t->call = NULL;
    object_touch(&t->object);
    wait_withdraw(e, c);
    call_free(e, c);
    return true;
}

enum status trigger_reset(struct engine *e, struct trigger *t, int64_t d_ns, bool *ret_was)
{
    if (!t->timed)
        return STATUS_WRONG_KIND;
    struct call *c = trigger_call(e, t);
    if (!c)
        return STATUS_NO_MEMORY;
    *ret_was = trigger_stop(e, t);
    trigger_start(e, t, c, NULL, d_ns);
    return STATUS_OK;
}

/* The event has come: the call becomes the send. */
static void trigger_fire(struct engine *e, struct trigger *t, struct call *c)
{
    const struct channel *ch = channel_of(t->channel);
    t->call = NULL;
    object_touch(&t->object);
    if (t->detached && t->object.named)
        heap_insert(&e->deadlines, &t->due, engine_after(e, CONTEXT_LINGER_NS), DUE_TRIGGER);
    if (ch->closed || ch->object.removed) {
        call_free(e, c);
        return;
    }
    c->state = CALL_NEW;
    c->arms_count = c->cases;
    c->arms[0] = (struct arm){0};
    wait_case(c, 0, ARM_SEND, t->channel)->items = c->value;
    c->result = RESULT_NONE;
    c->value = NULL;
    object_unref(e, c->source);
    c->source = NULL;
    wait_start_own(e, c);
}

void trigger_call_finished(struct engine *e, struct call *c)
{
    struct object *o = c->source;
    if (!o) {
        call_free(e, c);
        return;
    }
    object_ref(o);
    trigger_fire(e, trigger_of(o), c);
    object_unref(e, o);
}

void trigger_due(struct engine *e, struct trigger *t)
{
    object_unname(e, &t->object);
}

static void trigger_end(struct engine *e, struct object *o)
{
    trigger_stop(e, trigger_of(o));
    heap_remove(&e->deadlines, &trigger_of(o)->due);
}

static void trigger_done(struct engine *e, struct object *o)
{
    struct trigger *t = trigger_of(o);
    assert(!t->call);
    heap_remove(&e->deadlines, &t->due);
    heap_release(&e->deadlines, 1);
    item_unref(e, t->value);
    object_unref(e, t->channel);
}

static const struct list *trigger_queue(const struct object *o, int i)
{
    (void)o;
    (void)i;
    return NULL;
}

static void trigger_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct trigger *t = trigger_of(o);
    ret->timer.armed = t->call != NULL;
    ret->timer.due_ns = t->call && t->timed ? t->call->arms[0].due.due_ns : 0;
}

static void trigger_audit(const struct engine *e, const struct object *o)
{
    (void)e;
    const struct trigger *t = trigger_of(o);
    assert(!t->call || (t->call->own && t->call->source == o && t->call->state == CALL_PARKED));
    assert(t->value->refs > 0 && t->channel->refs > 0);
}

const struct kind trigger_kind = {
    .with_session = true,
    .size = sizeof(struct trigger),
    .make = trigger_make,
    .match = trigger_match,
    .owner_died = trigger_end,
    .remove = trigger_end,
    .done = trigger_done,
    .queue = trigger_queue,
    .view = trigger_view,
    .audit = trigger_audit,
};

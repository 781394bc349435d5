/*
 * channel.c - one matching rule.
 *
 * channel_serve moves items and completes calls until nothing more can move:
 *
 *     a receiver waits and items are there            it takes them, oldest receiver first
 *     a receiver waits, none are there, senders wait  senders' items move in, oldest sender first, then as above
 *     room is in the buffer and senders wait          their items move in
 *     closed and drained                              receivers are told so
 *
 * Through an unbuffered channel an item thus passes the buffer within the step, never between steps. A sender completes when its
 * last item moved in. Two cases of one select never meet: a receiver counts only with a sender of another call.
 */
#include "channel.h"

#include "item.h"
#include "lease.h"
#include "session.h"
#include "state.h"
#include "text.h"
#include "wait.h"

struct channel *channel_of(const struct object *o)
{
    assert(o->kind == KIND_CHANNEL);
    return container_of(o, struct channel, object);
}

static struct arm *channel_arm(struct list_node *n)
{
    return n ? container_of(n, struct arm, link) : NULL;
}

/* ---- The buffer ---- */

static void channel_buffer_added(struct channel *ch, const struct item *item)
{
    ch->len++;
    ch->bytes += item->size;
}

static void channel_append(struct engine *e, struct channel *ch, struct item *item)
{
    item->seq = ++ch->item_seq;
    if (ch->ordered) {
        pile_push(&ch->returned, item);
    } else {
        item->rank = 0; /* a dead letter may bring one */
        list_push_back(&ch->items, &item->link);
    }
    channel_buffer_added(ch, item);
    ch->sent++;
    e->stats.sent++;
}

static struct item *channel_head(const struct channel *ch)
{
    return ch->returned.first ? ch->returned.first : container_of(list_first(&ch->items), struct item, link);
}

static struct item *channel_shift(struct channel *ch)
{
    assert(ch->len > 0);
    struct item *item = pile_pop(&ch->returned);
    if (!item)
        item = container_of(list_pop_front(&ch->items), struct item, link);
    ch->len--;
    ch->bytes -= item->size;
    return item;
}

void channel_give_back(struct engine *e, struct channel *ch, struct item *item)
{
    if (ch->object.removed) {
        item_unref(e, item);
        return;
    }
    pile_push(&ch->returned, item);
    channel_buffer_added(ch, item);
    object_serve_soon(e, &ch->object);
}

void channel_force(struct engine *e, struct channel *ch, struct item *item)
{
    assert(!ch->closed && !ch->object.removed);
    channel_append(e, ch, item);
    object_serve_soon(e, &ch->object);
}

/* ---- Senders ---- */

static struct arm *channel_sender(const struct channel *ch)
{
    return channel_arm(list_first(&ch->senders));
}

/* Move items of the oldest sender in, until there are `upto`. */
static void channel_pull(struct engine *e, struct channel *ch, uint64_t upto)
{
    struct arm *a = channel_sender(ch);
    while (a->items && ch->len < upto) {
        channel_append(e, ch, item_chain_pop(&a->items));
        if (a->call->op == OP_SEND_MANY)
            a->call->count++;
    }
    if (!a->items)
        call_complete(e, wait_claim(e, a), STATUS_OK);
}

/* ---- Receivers ---- */

/* Who receives next: the oldest, unless all there is to receive is its own sibling's. */
static struct arm *channel_receiver(const struct channel *ch)
{
    struct arm *first = channel_arm(list_first(&ch->receivers));
    if (!first || ch->len > 0)
        return first;
    struct arm *sender = channel_sender(ch);
    if (!sender || sender->call != first->call)
        return sender ? first : NULL;
    /* One select sends and receives here: who else sends or receives meets it, not it itself. */
    const struct call *self = first->call;
    list_for_each(n, &ch->senders)
        if (channel_arm(n)->call != self)
            return first;
    list_for_each(n, &ch->receivers)
        if (channel_arm(n)->call != self)
            return channel_arm(n);
    return NULL;
}

/* What is needed to take one more. It was taken ahead for the first; without memory or a slot a batch ends. */
static bool channel_equip(struct engine *e, const struct channel *ch, struct call *c, int64_t lease_ns)
{
    if (lease_ns > 0 && !c->spare && !(c->spare = lease_new(e)))
        return false;
    if (ch->type == VALUE_HANDLE && !c->promised)
        c->promised = session_promise_handles(e, c->session, 1);
    return ch->type != VALUE_HANDLE || c->promised;
}

/* Hand the head to a claimed call that is equipped. */
static void channel_take(struct engine *e, struct channel *ch, struct call *c, int64_t lease_ns)
{
    struct item *item = channel_shift(ch);
    if (item->type == VALUE_HANDLE) {
        struct item_handle *h = item_handle(item);
        h->handle = session_install(c->session, h->object, item->rights);
        c->promised = false;
    }
    item->deliveries++;
    if (lease_ns > 0) {
        struct lease *l = c->spare;
        c->spare = NULL;
        lease_grant(e, l, c->session, &ch->object, item, lease_ns);
        c->leased = true;
        list_push_back(&c->taken, &l->shown);
    } else {
        list_push_back(&c->taken, &item->link);
    }
    c->taken_count++;
    ch->received++;
    e->stats.received++;
}

/* The value that is received next, in the buffer or still with its sender; NULL: there is none. */
static const struct item *channel_next(const struct channel *ch)
{
    if (ch->len > 0)
        return channel_head(ch);
    const struct arm *a = channel_sender(ch);
    return a ? a->items : NULL;
}

/* The receiver takes what is there and what senders bring. */
static void channel_deliver(struct engine *e, struct channel *ch, struct arm *a)
{
    uint32_t max = a->count, room = e->limits.payload_size_max;
    int64_t lease_ns = a->lease_ns;
    struct call *c = wait_claim(e, a);
    for (const struct item *item; c->taken_count < max && (item = channel_next(ch));) {
        if ((c->taken_count > 0 && item->size > room) || !channel_equip(e, ch, c, lease_ns))
            break;
        room -= item->size < room ? item->size : room;
        if (ch->len == 0)
            channel_pull(e, ch, 1);
        channel_take(e, ch, c, lease_ns);
    }
    assert(c->taken_count > 0);
    if (!c->leased) {
        c->source = &ch->object;
        object_ref(c->source);
    }
    call_complete(e, c, STATUS_OK);
}

/* One move. False: nothing can move. */
static bool channel_move(struct engine *e, struct channel *ch)
{
    struct arm *a = channel_receiver(ch);
    if (a) {
        channel_deliver(e, ch, a);
        return true;
    }
    if (ch->len >= (uint64_t)ch->cap || list_empty(&ch->senders))
        return false;
    channel_pull(e, ch, (uint64_t)ch->cap);
    return true;
}

/* Tell the receivers of a closed channel that nothing will come, if that may have become true of some. */
static void channel_tell_over(struct engine *e, struct channel *ch)
{
    uint64_t debtor = channel_debtor(ch);
    if (debtor == ch->debtor)
        return;
    ch->debtor = debtor;
    for (struct list_node *n = list_first(&ch->receivers), *next; n; n = next) {
        next = list_next(&ch->receivers, n);
        struct arm *a = channel_arm(n);
        if (!channel_over(ch, a))
            continue;
        /* a select may stand in this queue more than once: go on with the next of another call */
        while (next && channel_arm(next)->call == a->call)
            next = list_next(&ch->receivers, next);
        call_complete(e, wait_claim(e, a), STATUS_CLOSED);
    }
}

void channel_serve(struct engine *e, struct channel *ch)
{
    if (ch->outdated)
        channel_drop_outdated(e, ch);
    while (channel_move(e, ch))
        ;
    if (ch->len > ch->len_max)
        ch->len_max = ch->len;
    if (ch->closed && ch->len == 0)
        channel_tell_over(e, ch);
}

static void channel_serve_object(struct engine *e, struct object *o)
{
    channel_serve(e, channel_of(o));
}

/* A lease is over without an ACK: the item goes back. */
static void channel_lost(struct engine *e, struct holding *h)
{
    lease_return(e, lease_of(h));
}

/* ---- Arms ---- */

static void channel_commit(struct engine *e, struct arm *a)
{
    wait_queue(e, a);
    channel_serve(e, channel_of(a->object));
}

static bool send_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct channel *ch = channel_of(a->object);
    if (ch->closed)
        return true;
    return !list_empty(&ch->receivers) || (ch->len < (uint64_t)ch->cap && list_empty(&ch->senders));
}

static void send_park(struct engine *e, struct arm *a)
{
    struct channel *ch = channel_of(a->object);
    list_push_back(&ch->senders, &a->link);
    ch->senders_count++;
    channel_see(e, ch, a->fence);
    object_touch(a->object);
}

static void send_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    channel_of(a->object)->senders_count--;
    object_touch(a->object);
}

static void send_commit(struct engine *e, struct arm *a)
{
    if (channel_of(a->object)->closed)
        call_complete(e, a->call, STATUS_SEND_ON_CLOSED);
    else
        channel_commit(e, a);
}

static bool recv_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct channel *ch = channel_of(a->object);
    return ch->len > 0 || !list_empty(&ch->senders) || channel_over(ch, a);
}

static void recv_park(struct engine *e, struct arm *a)
{
    struct channel *ch = channel_of(a->object);
    list_push_back(&ch->receivers, &a->link);
    ch->receivers_count++;
    channel_see(e, ch, a->fence);
    object_touch(a->object);
}

static void recv_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    channel_of(a->object)->receivers_count--;
    object_touch(a->object);
}

static void recv_commit(struct engine *e, struct arm *a)
{
    if (channel_over(channel_of(a->object), a))
        call_complete(e, a->call, STATUS_CLOSED);
    else
        channel_commit(e, a);
}

static const struct arm_ops send_ops = {send_poll, send_park, send_unpark, send_commit};
static const struct arm_ops recv_ops = {recv_poll, recv_park, recv_unpark, recv_commit};

/* ---- The object ---- */

static enum value_type channel_spec_type(const struct channel_spec *spec)
{
    return spec->type == VALUE_NONE ? VALUE_BYTES : spec->type;
}

/* What its values are. False without memory, and nothing is kept. */
static bool channel_take_message(struct engine *e, struct channel *ch, const struct channel_spec *spec)
{
    ch->message = spec->message.data ? text_new(&e->mem, spec->message) : NULL;
    ch->schema = spec->schema.data ? text_new(&e->mem, spec->schema) : NULL;
    if ((!spec->message.data || ch->message) && (!spec->schema.data || ch->schema))
        return true;
    text_unref(&e->mem, ch->message);
    text_unref(&e->mem, ch->schema);
    return false;
}

static bool is_text(const struct text *t, struct bytes b)
{
    return t && t->size == b.size && memcmp(t->data, b.data, b.size) == 0;
}

static enum status channel_make(struct engine *e, struct session *s, struct object *o,
                                const struct make_op *op, struct make_error *error)
{
    const struct channel_spec *spec = &op->channel;
    if (spec->cap < 0 || spec->cap > CHANNEL_CAP_MAX) {
        error->message = "makechan: size out of range";
        return STATUS_INVALID;
    }
    struct channel *ch = channel_of(o);
    struct object *dead;
    uint8_t rights;
    enum status st = object_resolve(e, s, &spec->dead_letter, &dead, &rights);
    if (st != STATUS_OK)
        return st;
    if (dead && (dead->kind != KIND_CHANNEL || channel_of(dead)->type != channel_spec_type(spec))) {
        error->message = "the dead-letter object is not a channel of the same element type";
        return STATUS_INVALID;
    }
    if (dead && !(rights & RIGHT_SEND))
        return STATUS_NO_RIGHT;
    if ((spec->message.data || spec->schema.data) && channel_spec_type(spec) != VALUE_BYTES) {
        error->message = "protobuf messages are values of type bytes";
        return STATUS_INVALID;
    }
    if (!channel_take_message(e, ch, spec))
        return STATUS_NO_MEMORY;
    list_init(&ch->items);
    list_init(&ch->receivers);
    list_init(&ch->senders);
    list_init(&ch->leases);
    ch->cap = spec->cap;
    ch->type = (uint8_t)channel_spec_type(spec);
    ch->deliveries_max = spec->deliveries_max;
    ch->fence.required = spec->fenced;
    ch->ordered = spec->ordered;
    if (dead) {
        ch->dead_letter = channel_of(dead);
        object_ref(dead);
    }
    return STATUS_OK;
}

static enum status channel_match(struct engine *e, struct session *s, const struct object *o,
                                 const struct make_op *op, struct make_error *error)
{
    const struct channel *ch = channel_of(o);
    struct object *dead;
    uint8_t rights;
    enum status st = object_resolve(e, s, &op->channel.dead_letter, &dead, &rights);
    if (st != STATUS_OK)
        return st;
    if (ch->cap != op->channel.cap)
        error->message = "the channel exists with another capacity";
    else if (ch->type != channel_spec_type(&op->channel))
        error->message = "the channel exists with another element type";
    else if (ch->deliveries_max != op->channel.deliveries_max)
        error->message = "the channel exists with another limit of deliveries";
    else if (ch->ordered != op->channel.ordered)
        error->message = ch->ordered ? "the channel exists ordered" : "the channel exists without order";
    else if (ch->fence.required != op->channel.fenced)
        error->message =
            ch->fence.required ? "the channel exists fenced" : "the channel exists without a fence";
    else if (op->channel.message.data && !is_text(ch->message, op->channel.message))
        error->message = "the channel exists with another message type";
    else if (op->channel.schema.data && !is_text(ch->schema, op->channel.schema))
        error->message = "the channel exists with another schema";
    else if (dead != (ch->dead_letter ? &ch->dead_letter->object : NULL))
        error->message = "the channel exists with another dead-letter channel";
    return error->message ? STATUS_MISMATCH : STATUS_OK;
}

static void channel_shut(struct engine *e, struct channel *ch)
{
    ch->closed = true;
    ch->debtor = DEBTOR_UNASKED;
    object_touch(&ch->object);
    wait_fail_all(e, &ch->senders, STATUS_SEND_ON_CLOSED);
    channel_serve(e, ch);
}

static enum status channel_close(struct engine *e, struct object *o, const struct op *op,
                                 const char **ret_message)
{
    struct channel *ch = channel_of(o);
    enum status st =
        ch->closed ? STATUS_CLOSE_OF_CLOSED : fence_check(&ch->fence, op->close.fence, ret_message);
    if (st != STATUS_OK)
        return st;
    channel_see(e, ch, op->close.fence);
    channel_shut(e, ch);
    return STATUS_OK;
}

static void channel_owner_died(struct engine *e, struct object *o)
{
    if (!channel_of(o)->closed)
        channel_shut(e, channel_of(o));
}

static void channel_remove(struct engine *e, struct object *o)
{
    struct channel *ch = channel_of(o);
    wait_fail_all(e, &ch->receivers, STATUS_REMOVED);
    wait_fail_all(e, &ch->senders, STATUS_REMOVED);
    while (ch->len > 0)
        item_unref(e, channel_shift(ch));
}

static void channel_done(struct engine *e, struct object *o)
{
    struct channel *ch = channel_of(o);
    assert(list_empty(&ch->receivers) && list_empty(&ch->senders) && list_empty(&ch->leases));
    while (ch->len > 0)
        item_unref(e, channel_shift(ch));
    text_unref(&e->mem, ch->message);
    text_unref(&e->mem, ch->schema);
    if (ch->dead_letter)
        object_unref(e, &ch->dead_letter->object);
}

static const struct list *channel_queue(const struct object *o, int i)
{
    const struct channel *ch = channel_of(o);
    return i == 0 ? &ch->receivers : i == 1 ? &ch->senders : NULL;
}

static void channel_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct channel *ch = channel_of(o);
    ret->channel = (struct channel_view){
        .cap = ch->cap,
        .type = ch->type,
        .closed = ch->closed,
        .len = ch->len,
        .leased = ch->leased,
        .receivers = ch->receivers_count,
        .senders = ch->senders_count,
        .bytes = ch->bytes,
        .sent = ch->sent,
        .received = ch->received,
        .len_max = ch->len_max,
        .deliveries_max = ch->deliveries_max,
        .dead_letter = ch->dead_letter ? &ch->dead_letter->object : NULL,
        .fenced = ch->fence.required,
        .ordered = ch->ordered,
        .fence = ch->fence.newest,
        .message = text_bytes(ch->message),
        .schema = text_bytes(ch->schema),
    };
}

/* Whether every waiter of both queues belongs to one and the same select. */
static bool channel_one_select(const struct channel *ch)
{
    const struct call *only = channel_arm(list_first(&ch->receivers))->call;
    list_for_each(n, &ch->senders)
        if (channel_arm(n)->call != only)
            return false;
    list_for_each(n, &ch->receivers)
        if (channel_arm(n)->call != only)
            return false;
    return true;
}

static void channel_audit(const struct engine *e, const struct object *o)
{
    (void)e;
    const struct channel *ch = channel_of(o);
    uint64_t len = 0, bytes = 0, seq = 0;
    const struct list_node *first = list_first(&ch->items);
    pile_audit(&ch->returned, first ? container_of(first, struct item, link)->seq : UINT64_MAX, &len, &bytes);
    list_for_each(n, &ch->items) {
        const struct item *item = container_of(n, struct item, link);
        len++;
        bytes += item->size;
        assert(item->seq > seq && item->refs > 0 && item->type == ch->type);
        seq = item->seq;
    }
    channel_audit_leases(e, ch);
    assert(len == ch->len && bytes == ch->bytes && ch->len <= ch->len_max);
    bool r = !list_empty(&ch->receivers), w = !list_empty(&ch->senders);
    assert(!r || ch->len == 0);
    assert(!w || ch->len >= (uint64_t)ch->cap);
    assert(!(r && w) || channel_one_select(ch));
    assert(!ch->closed || !w);
    assert(!ch->object.removed || (!r && !w && len == 0));
    assert(!ch->outdated);
    list_for_each(n, &ch->senders)
        assert(channel_arm(n)->fence == 0 || channel_arm(n)->fence >= ch->fence.newest);
    list_for_each(n, &ch->receivers)
        assert(!channel_over(ch, channel_arm(n)));
}

const struct kind channel_kind = {
    .arms = {[ARM_SEND] = &send_ops, [ARM_RECV] = &recv_ops},
    .size = sizeof(struct channel),
    .make = channel_make,
    .match = channel_match,
    .owner_died = channel_owner_died,
    .remove = channel_remove,
    .done = channel_done,
    .queue = channel_queue,
    .view = channel_view,
    .audit = channel_audit,
    .serve = channel_serve_object,
    .close = channel_close,
    .lost = channel_lost,
};

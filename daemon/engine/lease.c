/*
 * lease.c - granting, finishing, giving back.
 *
 * ACK, NACK and EXTEND take many leases at once; those that are not the session's are passed over and counted against the status.
 * What a give-back sets off is served when the step settles, so many of them keep their order.
 */
#include "lease.h"

#include "handlers.h"

#include <string.h>

#include "call.h"
#include "channel.h"
#include "item.h"
#include "session.h"
#include "state.h"

static bool lease_equal(const struct hash_node *node, const void *key)
{
    return container_of(node, struct lease, by_number)->number == *(const uint64_t *)key;
}

static struct lease *lease_find(const struct engine *e, const struct session *s, uint64_t number)
{
    struct hash_node *node = hash_find(&e->leases, hash_number(&e->leases, number, 0), lease_equal, &number);
    struct lease *l = node ? container_of(node, struct lease, by_number) : NULL;
    return l && l->session == s ? l : NULL;
}

struct lease *lease_new(struct engine *e)
{
    if (!heap_reserve(&e->deadlines, 1))
        return NULL;
    struct lease *l = mem_alloc(&e->mem, sizeof *l);
    if (!l)
        heap_release(&e->deadlines, 1);
    return l;
}

void lease_free(struct engine *e, struct lease *l)
{
    if (!l)
        return;
    assert(!l->live && !list_linked(&l->shown));
    if (l->item)
        item_unref(e, l->item);
    heap_release(&e->deadlines, 1);
    mem_free(&e->mem, l, sizeof *l);
}

void lease_grant(struct engine *e, struct lease *l, struct session *s, struct object *channel,
                 struct item *item, int64_t duration_ns)
{
    l->live = true;
    l->number = ++e->lease_serial;
    l->session = s;
    l->item = item;
    l->deliveries = item->deliveries;
    l->handle = item->type == VALUE_HANDLE ? item_handle(item)->handle : 0;
    l->channel = channel;
    object_ref(channel);
    list_push_back(&s->leases, &l->by_session);
    s->lease_count++;
    channel_lend(channel_of(channel), l);
    hash_insert(&e->leases, &l->by_number, hash_number(&e->leases, l->number, 0));
    heap_insert(&e->deadlines, &l->due, engine_after(e, duration_ns), DUE_LEASE);
    e->stats.leases++;
}

/* The lease is over; its item is for the caller, who holds a reference of its own to it. */
static struct item *lease_end(struct engine *e, struct lease *l)
{
    assert(l->live);
    struct item *item = l->item;
    item->refs++;
    l->live = false;
    list_remove(&l->by_session);
    l->session->lease_count--;
    channel_unlend(e, channel_of(l->channel), l);
    l->session = NULL;
    hash_remove(&e->leases, &l->by_number);
    heap_remove(&e->deadlines, &l->due);
    e->stats.leases--;
    if (!list_linked(&l->shown))
        lease_free(e, l);
    return item;
}

/* The channel that takes the item after its last delivery, or NULL: there is none, or it cannot. */
static struct channel *lease_dead_letter(const struct channel *ch, const struct item *item)
{
    struct channel *dead = ch->dead_letter;
    bool spent = ch->deliveries_max > 0 && item->deliveries >= ch->deliveries_max;
    return spent && dead && !dead->closed && !dead->object.removed ? dead : NULL;
}

void lease_return(struct engine *e, struct lease *l)
{
    struct object *o = l->channel;
    struct channel *ch = channel_of(o), *dead;
    struct item *item = lease_end(e, l);
    if ((dead = lease_dead_letter(ch, item))) {
        e->stats.dead_lettered++;
        item->deliveries = 0;
        channel_force(e, dead, item);
    } else {
        e->stats.requeued++;
        channel_give_back(e, ch, item);
    }
    object_unref(e, o);
}

static void lease_finish(struct engine *e, struct lease *l)
{
    struct object *o = l->channel;
    item_unref(e, lease_end(e, l));
    object_unref(e, o);
}

void lease_due(struct engine *e, struct lease *l)
{
    lease_return(e, l);
}

static void lease_extend(struct engine *e, struct lease *l, int64_t duration_ns)
{
    assert(duration_ns > 0);
    heap_remove(&e->deadlines, &l->due);
    heap_insert(&e->deadlines, &l->due, engine_after(e, duration_ns), DUE_LEASE);
}

void lease_audit(const struct engine *e, const struct lease *l)
{
    assert(l->live && l->item && l->item->refs > 0 && !list_linked(&l->item->link));
    assert(l->due.slot > 0 && lease_find(e, l->session, l->number) == l);
}

static void lease_apply(struct engine *e, struct lease *l, const struct op *op)
{
    switch (op->code) {
    case OP_ACK: lease_finish(e, l); break;
    case OP_NACK: lease_return(e, l); break;
    case OP_EXTEND: lease_extend(e, l, op->lease.duration_ns); break;
    default: assert(false);
    }
}

/* ACK, NACK, EXTEND: to every lease named. */
static void lease_op(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    uint32_t n = op->lease.count;
    for (uint32_t i = 0; i < n; i++) {
        struct lease *l = lease_find(e, s, op->lease.leases[i]);
        if (!l)
            continue;
        lease_apply(e, l, op);
        c->count++;
    }
    c->result = RESULT_COUNT;
    call_complete(e, c, c->count == n ? STATUS_OK : STATUS_NOT_LEASED);
}

void op_ack(struct engine *e, struct session *s, const struct op *op)
{
    lease_op(e, s, op);
}

void op_nack(struct engine *e, struct session *s, const struct op *op)
{
    lease_op(e, s, op);
}

void op_extend(struct engine *e, struct session *s, const struct op *op)
{
    lease_op(e, s, op);
}

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

struct lease *lease_of(struct holding *h)
{
    return container_of(h, struct lease, holding);
}

/* The live lease of this number, if it is s's. */
static struct lease *lease_find(const struct engine *e, const struct session *s, uint64_t number)
{
    struct holding *h = holding_find(e, number);
    return h && h->session == s && h->object->kind == KIND_CHANNEL ? lease_of(h) : NULL;
}

struct lease *lease_new(struct engine *e)
{
    if (!holding_reserve(e))
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
    assert(!list_linked(&l->shown));
    holding_release(e, &l->holding);
    if (l->item)
        item_unref(e, l->item);
    mem_free(&e->mem, l, sizeof *l);
}

void lease_grant(struct engine *e, struct lease *l, struct session *s, struct object *channel,
                 struct item *item, int64_t duration_ns)
{
    l->item = item;
    l->deliveries = item->deliveries;
    l->handle = item->type == VALUE_HANDLE ? item_handle(item)->handle : 0;
    holding_grant(e, &l->holding, s, channel, duration_ns);
    channel_lend(channel_of(channel), l);
    e->stats.leases++;
}

/* The lease is over; its item and channel are for the caller, with a reference each. */
static struct item *lease_end(struct engine *e, struct lease *l, struct object **ret_channel)
{
    struct item *item = l->item;
    item->refs++;
    channel_unlend(e, channel_of(l->holding.object), l);
    *ret_channel = holding_end(e, &l->holding);
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
    struct object *o;
    struct item *item = lease_end(e, l, &o);
    struct channel *ch = channel_of(o), *dead;
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
    struct object *o;
    item_unref(e, lease_end(e, l, &o));
    object_unref(e, o);
}

void lease_audit(const struct engine *e, const struct lease *l)
{
    holding_audit(e, &l->holding);
    assert(l->item && l->item->refs > 0 && !list_linked(&l->item->link));
    assert(l->holding.due.slot > 0);
}

/* ACK, NACK: to every lease named. */
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
        if (op->code == OP_ACK)
            lease_finish(e, l);
        else
            lease_return(e, l);
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

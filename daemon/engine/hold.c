/*
 * hold.c - holds, and ADOPT and EXTEND, which are the same for every kind.
 *
 * A token is a small number that anyone can guess, so ADOPT is for the holder's own user, and root.
 */
#include "hold.h"

#include "call.h"
#include "handlers.h"
#include "object.h"
#include "session.h"
#include "state.h"

struct hold *hold_of(struct holding *h)
{
    return container_of(h, struct hold, holding);
}

void holds_init(struct holds *holds)
{
    list_init(&holds->list);
    holds->count = 0;
}

bool hold_new(struct engine *e, struct call *c)
{
    if (c->hold)
        return true;
    if (!holding_reserve(e))
        return false;
    c->hold = mem_alloc(&e->mem, sizeof *c->hold);
    if (!c->hold)
        heap_release(&e->deadlines, 1);
    return c->hold != NULL;
}

void hold_free(struct engine *e, struct hold *h)
{
    if (!h)
        return;
    assert(!list_linked(&h->by_object));
    holding_release(e, &h->holding);
    mem_free(&e->mem, h, sizeof *h);
}

/* c's room becomes a live hold, and the result of c. */
static struct hold *hold_use(struct engine *e, struct call *c, struct object *o, struct holds *holds,
                             uint64_t permits, int64_t ttl_ns)
{
    struct hold *h = c->hold;
    c->hold = NULL;
    h->permits = permits;
    h->of = holds;
    holding_grant(e, &h->holding, c->session, o, ttl_ns);
    list_push_back(&holds->list, &h->by_object);
    holds->count++;
    c->result = RESULT_GRANT;
    c->count = h->holding.number;
    object_touch(o);
    return h;
}

void hold_grant(struct engine *e, struct arm *a, struct holds *holds, uint64_t permits, bool owner_died)
{
    struct call *c = a->call;
    hold_use(e, c, a->object, holds, permits, a->ttl_ns)->shared = a->verb == ARM_RLOCK;
    c->truth = owner_died;
    call_complete(e, c, STATUS_OK);
}

void hold_grant_call(struct engine *e, struct call *c, struct object *o, struct holds *holds,
                     uint64_t permits)
{
    hold_use(e, c, o, holds, permits, 0);
    call_complete(e, c, STATUS_OK);
}

void hold_end(struct engine *e, struct hold *h)
{
    list_remove(&h->by_object);
    h->of->count--;
    struct object *o = holding_end(e, &h->holding);
    hold_free(e, h);
    object_unref(e, o);
}

struct hold *hold_find(const struct engine *e, const struct object *o, uint64_t token)
{
    struct holding *h = holding_find(e, token);
    return h && h->object == o && o->kind != KIND_CHANNEL ? hold_of(h) : NULL;
}

void hold_end_all(struct engine *e, struct holds *holds)
{
    for (struct list_node *n; (n = list_first(&holds->list));)
        hold_end(e, container_of(n, struct hold, by_object));
}

void hold_view(const struct holds *holds, struct hold_view *ret)
{
    const struct list_node *n = list_last(&holds->list);
    ret->holds = holds->count;
    if (!n)
        return;
    const struct hold *newest = container_of(n, struct hold, by_object);
    ret->token = newest->holding.number;
    ret->holder = newest->holding.session->number;
    ret->shared = newest->shared;
}

uint64_t hold_audit(const struct engine *e, const struct object *o, const struct holds *holds)
{
    uint64_t permits = 0, count = 0, token = 0;
    list_for_each(n, &holds->list) {
        const struct hold *h = container_of(n, struct hold, by_object);
        holding_audit(e, &h->holding);
        assert(h->holding.object == o && h->of == holds && h->holding.number > token);
        token = h->holding.number;
        permits += h->permits;
        count++;
    }
    assert(count == holds->count);
    return permits;
}

void hold_done(struct engine *e, struct object *o)
{
    (void)e;
    (void)o;
}

void op_adopt(struct engine *e, struct session *s, const struct op *op)
{
    struct holding *h = holding_find(e, op->adopt.token);
    if (!h || h->object->kind == KIND_CHANNEL) {
        call_refuse(e, NULL, op, STATUS_STALE_TOKEN, NULL);
        return;
    }
    if (s->uid != h->session->uid && s->uid != 0) {
        call_refuse(e, NULL, op, STATUS_NOT_PERMITTED, NULL);
        return;
    }
    struct session *to = op->adopt.owner ? session_get(e, op->adopt.owner) : s;
    if (!to) {
        call_refuse(e, NULL, op, STATUS_INVALID, "no such owner");
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    holding_move(h, to);
    object_touch(h->object);
    call_complete(e, c, STATUS_OK);
}

/* Leases and tokens alike. */
void op_extend(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    uint32_t n = op->lease.count;
    for (uint32_t i = 0; i < n; i++) {
        struct holding *h = holding_find(e, op->lease.leases[i]);
        if (!h || h->session != s)
            continue;
        holding_extend(e, h, op->lease.duration_ns);
        c->count++;
    }
    c->result = RESULT_COUNT;
    call_complete(e, c, c->count == n ? STATUS_OK : STATUS_NOT_LEASED);
}

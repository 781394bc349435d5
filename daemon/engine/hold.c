/*
 * hold.c - holds, and END, ADOPT and EXTEND, which are the same for every kind.
 *
 * A token is a small number that anyone can guess, so ADOPT is for the holder's own user, and root.
 */
#include "hold.h"

#include "bucket.h"
#include "call.h"
#include "cond.h"
#include "handlers.h"
#include "item.h"
#include "keys.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "task.h"

uint64_t hold_task(const struct holding *h)
{
    return h->object->kind == KIND_CHANNEL ? 0 : container_of(h, const struct hold, holding)->task;
}

struct hold *hold_of(struct holding *h)
{
    return container_of(h, struct hold, holding);
}

void holds_init(struct holds *holds)
{
    list_init(&holds->list);
    holds->count = 0;
}

bool hold_new_more(struct engine *e, struct call *c)
{
    if (!holding_reserve(e))
        return false;
    struct hold *h = mem_alloc(&e->mem, sizeof *h);
    if (!h) {
        heap_release(&e->deadlines, 1);
        return false;
    }
    h->next_spare = c->hold;
    c->hold = h;
    return true;
}

bool hold_new(struct engine *e, struct call *c)
{
    return c->hold || hold_new_more(e, c);
}

void hold_free_spares(struct engine *e, struct call *c)
{
    for (struct hold *h; (h = c->hold);) {
        c->hold = h->next_spare;
        hold_free(e, h);
    }
}

void hold_free(struct engine *e, struct hold *h)
{
    if (!h)
        return;
    assert(!list_linked(&h->by_object));
    holding_release(e, &h->holding);
    booking_free(e, h->booking);
    mem_free(&e->mem, h, sizeof *h);
}

/* Some of c's room becomes a live hold. */
static struct hold *hold_use(struct engine *e, struct call *c, struct object *o, struct holds *holds,
                             uint64_t permits, int64_t ttl_ns)
{
    struct hold *h = c->hold;
    c->hold = h->next_spare;
    h->permits = permits;
    h->of = holds;
    h->task = call_asking(c) ? task_token(call_asking(c)) : 0;
    holding_grant(e, &h->holding, c->session, o, ttl_ns);
    list_push_back(&holds->list, &h->by_object);
    holds->count++;
    object_touch(o);
    return h;
}

/* One of ACQUIRE_ALL's grants, written where the arm was. */
static void hold_grant_one(struct engine *e, struct arm *a, const struct hold *h, bool owner_died)
{
    struct call *c = a->call;
    a->token = h->holding.number;
    a->count = owner_died;
    a->verb = ARM_NONE; /* nothing of it is left to release but its object */
    if (--c->index > 0)
        return;
    c->result = RESULT_GRANTS;
    call_complete(e, c, STATUS_OK);
}

void hold_grant(struct engine *e, struct arm *a, struct holds *holds, uint64_t permits, bool owner_died)
{
    struct call *c = a->call;
    struct hold *h = hold_use(e, c, a->object, holds, permits, a->ttl_ns);
    h->holding.shared = a->verb == ARM_RLOCK;
    if (c->op == OP_ACQUIRE_ALL) {
        hold_grant_one(e, a, h, owner_died);
        return;
    }
    c->result = RESULT_GRANT;
    c->count = h->holding.number;
    c->truth = owner_died;
    cond_kept(e, c);
    call_complete(e, c, STATUS_OK);
}

uint64_t hold_take_on(struct engine *e, struct call *c, struct object *o, struct holds *holds)
{
    return hold_use(e, c, o, holds, 1, 0)->holding.number;
}

uint64_t hold_take(struct engine *e, struct arm *a, struct holds *holds)
{
    return hold_use(e, a->call, a->object, holds, 1, a->ttl_ns)->holding.number;
}

void hold_grant_call(struct engine *e, struct call *c, struct object *o, struct holds *holds,
                     uint64_t permits)
{
    c->count = hold_use(e, c, o, holds, permits, 0)->holding.number;
    c->result = RESULT_GRANT;
    call_complete(e, c, STATUS_OK);
}

uint64_t hold_book(struct engine *e, struct call *c, struct object *o, struct holds *holds,
                   struct booking *booking, int64_t duration_ns)
{
    struct hold *h = hold_use(e, c, o, holds, booking->n, duration_ns);
    h->booking = booking;
    return h->holding.number;
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
    if (!h || h->object->kind == KIND_CHANNEL)
        return NULL;
    return h->object == o || keys_have(o, h->object) ? hold_of(h) : NULL;
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
    ret->shared = newest->holding.shared;
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

/* The value of an END as an item; NULL: none. */
static enum status end_value(struct engine *e, struct session *s, const struct op *op, struct item **ret)
{
    *ret = NULL;
    return op->end.value.type == VALUE_NONE ? STATUS_OK : item_new(e, s, &op->end.value, ret);
}

/* The hold an END means, or why there is none. */
static enum status end_hold(const struct engine *e, const struct session *s, const struct op *op,
                            struct hold **ret, const char **ret_message)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->end.ref, KIND_NONE, RIGHT_SEND, &o);
    if (st != STATUS_OK)
        return st;
    if (!object_kind(o)->end)
        return STATUS_WRONG_KIND;
    if (op->end.value.type == VALUE_HANDLE) {
        *ret_message = "the outcome cannot be a handle";
        return STATUS_INVALID;
    }
    *ret = hold_find(e, o, op->end.token);
    return *ret ? STATUS_OK : STATUS_STALE_TOKEN;
}

void op_end(struct engine *e, struct session *s, const struct op *op)
{
    const char *message = NULL;
    struct hold *h = NULL;
    struct item *value = NULL;
    enum status st = end_hold(e, s, op, &h, &message);
    if (st == STATUS_OK)
        st = end_value(e, s, op, &value);
    struct call *c = st == STATUS_OK ? call_new(e, s, op, 0, 0) : NULL;
    if (c)
        st = object_kind(h->holding.object)->end(e, h, c, op, value, &message);
    if (c && st == STATUS_OK)
        return;
    if (value)
        item_unref(e, value);
    if (st == STATUS_NO_MEMORY)
        call_refuse_memory(e, c, op);
    else if (st != STATUS_OK)
        call_refuse(e, c, op, st, message);
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
    holding_move(e, h, to);
    hold_of(h)->task = 0; /* whoever asked for it, it is the adopter's now */
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

/*
 * holding.c - granting, finding, losing (holding.h).
 *
 * A holding is in its session's list, in the table of numbers and, with a time limit, in the heap of deadlines: it enters and leaves all
 * of them here, so that none is forgotten. Cost: O(1), and O(log n) for the limit.
 */
#include "holding.h"

#include "object.h"
#include "session.h"
#include "state.h"

static bool holding_equal(const struct hash_node *node, const void *key)
{
    return container_of(node, struct holding, by_number)->number == *(const uint64_t *)key;
}

static uint64_t holding_hash(const struct engine *e, uint64_t number)
{
    return hash_number(&e->holdings, number, 0);
}

struct holding *holding_find(const struct engine *e, uint64_t number)
{
    struct hash_node *node = hash_find(&e->holdings, holding_hash(e, number), holding_equal, &number);
    return node ? container_of(node, struct holding, by_number) : NULL;
}

bool holding_reserve(struct engine *e)
{
    return heap_reserve(&e->deadlines, 1);
}

void holding_release(struct engine *e, struct holding *h)
{
    assert(!h->live);
    heap_release(&e->deadlines, 1);
}

static void holding_enter(const struct engine *e, struct holding *h, struct session *s)
{
    h->since_ns = e->now_ns;
    h->session = s;
    list_push_back(&s->holdings, &h->by_session);
    s->holding_count++;
}

static void holding_leave(struct holding *h)
{
    list_remove(&h->by_session);
    h->session->holding_count--;
    h->session = NULL;
}

void holding_grant(struct engine *e, struct holding *h, struct session *s, struct object *o,
                   int64_t duration_ns)
{
    assert(!h->live);
    h->live = true;
    h->number = ++e->holding_serial;
    h->object = o;
    object_ref(o);
    holding_enter(e, h, s);
    hash_insert(&e->holdings, &h->by_number, holding_hash(e, h->number));
    holding_extend(e, h, duration_ns);
}

struct object *holding_end(struct engine *e, struct holding *h)
{
    assert(h->live);
    struct object *o = h->object;
    h->live = false;
    h->object = NULL;
    holding_leave(h);
    hash_remove(&e->holdings, &h->by_number);
    heap_remove(&e->deadlines, &h->due);
    return o;
}

void holding_move(const struct engine *e, struct holding *h, struct session *s)
{
    holding_leave(h);
    holding_enter(e, h, s);
}

void holding_extend(struct engine *e, struct holding *h, int64_t duration_ns)
{
    heap_remove(&e->deadlines, &h->due);
    if (duration_ns > 0)
        heap_insert(&e->deadlines, &h->due, engine_after(e, duration_ns), DUE_HOLDING);
}

void holding_lost(struct engine *e, struct holding *h)
{
    object_kind(h->object)->lost(e, h);
}

void holding_audit(const struct engine *e, const struct holding *h)
{
    assert(h->live && holding_find(e, h->number) == h && h->object->refs > 0);
    assert(h->due.slot == 0 || h->due.due_ns > e->now_ns);
}

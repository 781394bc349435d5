/*
 * lane.c - the lanes and shares of pools (pool.h).
 *
 * Both come to be with the first that uses them and go with the last, so a pool keeps nothing of functions and submitters it has no
 * tasks of. The lanes of a pool are few, one for each function, and stand in a list; submitters may be many, and stand in a table of the
 * engine's.
 */
#include "pool.h"

#include <string.h>

#include "state.h"

struct lane *lane_find(const struct pool *p, struct bytes function)
{
    list_for_each(n, &p->lanes) {
        struct lane *l = container_of(n, struct lane, node);
        if (l->size == function.size && (l->size == 0 || memcmp(l->function, function.data, l->size) == 0))
            return l;
    }
    return NULL;
}

struct lane *lane_get(struct engine *e, struct pool *p, struct bytes function)
{
    struct lane *l = lane_find(p, function);
    if (l) {
        l->users++;
        return l;
    }
    l = mem_alloc(&e->mem, sizeof *l + function.size);
    if (!l)
        return NULL;
    heap_init(&l->queue, &e->mem);
    l->users = 1;
    l->size = (uint32_t)function.size;
    if (l->size)
        memcpy(l->function, function.data, l->size);
    list_push_back(&p->lanes, &l->node);
    return l;
}

void lane_put(struct engine *e, struct lane *l)
{
    if (--l->users > 0)
        return;
    list_remove(&l->node);
    heap_done(&l->queue);
    mem_free(&e->mem, l, sizeof *l + l->size);
}

/* ---- Shares ---- */

struct share_key {
    uint64_t pool;
    int32_t priority;
    struct bytes name;
};

static bool share_equal(const struct hash_node *node, const void *key)
{
    const struct share *s = container_of(node, struct share, by_name);
    const struct share_key *k = key;
    return s->pool == k->pool && s->priority == k->priority && s->size == k->name.size &&
           (s->size == 0 || memcmp(s->name, k->name.data, s->size) == 0);
}

/* The share of this key, with one more use; a new one has no clock. NULL without memory. */
static struct share *share_find(struct engine *e, const struct share_key *key)
{
    uint64_t hash = hash_bytes(&e->shares, key->name.data, key->name.size) ^
                    hash_number(&e->shares, key->pool, (uint64_t)key->priority);
    struct hash_node *node = hash_find(&e->shares, hash, share_equal, key);
    if (node) {
        struct share *s = container_of(node, struct share, by_name);
        s->users++;
        return s;
    }
    struct share *s = mem_alloc(&e->mem, sizeof *s + key->name.size);
    if (!s)
        return NULL;
    s->pool = key->pool;
    s->priority = key->priority;
    s->users = 1;
    s->size = (uint32_t)key->name.size;
    if (s->size)
        memcpy(s->name, key->name.data, s->size);
    hash_insert(&e->shares, &s->by_name, hash);
    return s;
}

struct share *share_get(struct engine *e, const struct pool *p, int32_t priority, struct bytes name)
{
    struct share_key key = {p->object.serial, priority, name};
    assert(name.size > 0);
    struct share *s = share_find(e, &key);
    if (!s || s->clock)
        return s;
    key.name = (struct bytes){"", 0};
    s->clock = share_find(e, &key);
    if (s->clock)
        return s;
    share_put(e, s);
    return NULL;
}

void share_put(struct engine *e, struct share *s)
{
    if (--s->users > 0)
        return;
    if (s->clock)
        share_put(e, s->clock);
    hash_remove(&e->shares, &s->by_name);
    mem_free(&e->mem, s, sizeof *s + s->size);
}

uint64_t share_turn(struct share *s)
{
    if (s->turn < s->clock->turn)
        s->turn = s->clock->turn;
    return ++s->turn;
}

void share_begin(struct share *s, uint64_t turn)
{
    if (s->clock->turn < turn)
        s->clock->turn = turn;
}

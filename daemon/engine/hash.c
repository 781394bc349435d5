/*
 * hash.c - the table of hash.h.
 *
 * While growing, a node lies in `old` when its old bucket has not been moved yet, else in `buckets`. HASH_MOVE buckets move at each
 * insertion or removal; since the new table holds twice as many, it cannot fill before the move is over.
 */
#include "hash.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { HASH_SIZE_MIN = 64, HASH_MOVE = 4 };

bool hash_init(struct hash *h, struct mem *mem, uint64_t seed)
{
    *h = (struct hash){.mem = mem, .seed = seed, .size = HASH_SIZE_MIN};
    h->buckets = mem_alloc(mem, HASH_SIZE_MIN * sizeof *h->buckets);
    return h->buckets != NULL;
}

void hash_done(struct hash *h)
{
    mem_free(h->mem, h->buckets, h->size * sizeof *h->buckets);
    mem_free(h->mem, h->old, h->old_size * sizeof *h->old);
    *h = (struct hash){0};
}

uint64_t hash_bytes(const struct hash *h, const void *data, size_t size)
{
    return XXH3_64bits_withSeed(data, size, h->seed);
}

static void hash_link(struct hash_node **bucket, struct hash_node *node)
{
    node->next = *bucket;
    *bucket = node;
}

static void hash_move_some(struct hash *h)
{
    for (int i = 0; h->old && i < HASH_MOVE; i++) {
        struct hash_node *node = h->old[h->old_at];
        while (node) {
            struct hash_node *next = node->next;
            hash_link(&h->buckets[node->hash & (h->size - 1)], node);
            node = next;
        }
        h->old[h->old_at++] = NULL;
        if (h->old_at == h->old_size) {
            mem_free(h->mem, h->old, h->old_size * sizeof *h->old);
            h->old = NULL;
            h->old_size = h->old_at = 0;
        }
    }
}

static void hash_maybe_grow(struct hash *h)
{
    if (h->old || h->count < h->size)
        return;
    struct hash_node **larger = mem_alloc(h->mem, 2 * h->size * sizeof *larger);
    if (!larger)
        return;
    h->old = h->buckets;
    h->old_size = h->size;
    h->old_at = 0;
    h->buckets = larger;
    h->size *= 2;
}

/* The bucket that holds, or would hold, nodes with this hash now. */
static struct hash_node **hash_bucket(const struct hash *h, uint64_t hash)
{
    if (h->old && (hash & (h->old_size - 1)) >= h->old_at)
        return &h->old[hash & (h->old_size - 1)];
    return &h->buckets[hash & (h->size - 1)];
}

struct hash_node *hash_find(const struct hash *h, uint64_t hash, hash_equal *equal, const void *key)
{
    for (struct hash_node *node = *hash_bucket(h, hash); node; node = node->next)
        if (node->hash == hash && equal(node, key))
            return node;
    return NULL;
}

void hash_insert(struct hash *h, struct hash_node *node, uint64_t hash)
{
    hash_maybe_grow(h);
    hash_move_some(h);
    node->hash = hash;
    hash_link(hash_bucket(h, hash), node);
    h->count++;
}

void hash_remove(struct hash *h, struct hash_node *node)
{
    hash_move_some(h);
    struct hash_node **at = hash_bucket(h, node->hash);
    while (*at != node) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    assert(h->count > 0);
    h->count--;
}

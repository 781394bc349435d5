/*
 * hash.h - an intrusive hash table that grows a little at a time.
 *
 * Chained buckets; a `struct hash_node` is a member of what is stored, so insertion allocates nothing and cannot fail. When there are
 * more nodes than buckets, a table of twice the size is made and every later call moves a few buckets over: no single call pays for
 * all. When memory for the larger table is out, the old one serves on, denser.
 *
 * Hash values come with the engine's seed, from xxHash (hash_bytes) or a multiplication (hash_number), so that nobody outside can aim at one bucket. Nothing is ever
 * iterated in hash order.
 */
#ifndef ENGINE_HASH_H
#define ENGINE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem.h"

struct hash_node {
    struct hash_node *next;
    uint64_t hash;
};

struct hash {
    struct mem *mem;
    struct hash_node **buckets, **old; /* old: being moved over, or NULL */
    size_t size, old_size, old_at;     /* powers of two; old buckets below old_at are empty */
    size_t count;
    uint64_t seed;
};

/* Whether a node is the one looked for. */
typedef bool hash_equal(const struct hash_node *node, const void *key);

/* False without memory. */
bool hash_init(struct hash *h, struct mem *mem, uint64_t seed);
/* Frees the table, not the nodes. A zeroed struct is fine. */
void hash_done(struct hash *h);
uint64_t hash_bytes(const struct hash *h, const void *data, size_t size);
/*
 * The same for a number that counts up and whose it is: the two halves of a product with the seed. Eight numbers in a row have buckets in a
 * row, which is one line of the cache, and that is as near as an outsider who chooses the numbers can bring them.
 */
static inline uint64_t hash_number(const struct hash *h, uint64_t number, uint64_t owner)
{
    uint64_t factor = h->seed * UINT64_C(0x9e3779b97f4a7c15);
    unsigned __int128 product = (unsigned __int128)((number >> 3) ^ h->seed) * (owner ^ factor);
    return ((uint64_t)(product >> 64) ^ (uint64_t)product) << 3 | (number & 7);
}
/* The node with this hash for which equal says true, or NULL. */
struct hash_node *hash_find(const struct hash *h, uint64_t hash, hash_equal *equal, const void *key);
/* Put node, which is in no table, under this hash. Equal keys are the caller's to prevent. */
void hash_insert(struct hash *h, struct hash_node *node, uint64_t hash);
/* Take node, which is in this table, out. */
void hash_remove(struct hash *h, struct hash_node *node);

#endif

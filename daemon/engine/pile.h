/*
 * pile.h - items given back to a channel, the oldest first; and all items of an ordered channel, the least rank first.
 *
 * Items come back in any order: leases end when they end. The next one to receive is always that of the smallest rank, and among equals of the smallest
 * position (item.seq). A pile is a skew heap over the items' own links: it needs no memory and cannot fail.
 *
 * Cost: O(log n) for each push and pop, averaged over any sequence of them, whatever the order.
 */
#ifndef ENGINE_PILE_H
#define ENGINE_PILE_H

#include <stdint.h>

#include "item.h"

struct pile {
    struct item *first; /* NULL: empty */
};

/* Put an item, which is in no list, into the pile. */
void pile_push(struct pile *p, struct item *item);
/* Take the first out; NULL: empty. */
struct item *pile_pop(struct pile *p);
/* Assert the order, and add up how many items there are and their bytes. Every position is below seq_end. */
void pile_audit(const struct pile *p, uint64_t seq_end, uint64_t *count, uint64_t *bytes);

#endif

/*
 * heap.h - the one heap of deadlines.
 *
 * A heap of nodes that know their own slot, so any node can be taken out in O(log n). The order is total: (due_ns, seq), where seq
 * counts insertions; equal deadlines fall due in the order in which they were set, bookings before all others.
 *
 * Room is reserved before it is needed: heap_reserve may fail, heap_insert after it cannot. A node that is not in the heap has slot 0.
 */
#ifndef ENGINE_HEAP_H
#define ENGINE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"

/* What a node is a member of; engine.c dispatches by it. */
enum due {
    DUE_ARM,
    DUE_TIMER,
    DUE_CONTEXT,
    DUE_HOLDING,
    DUE_SESSION,
    DUE_TRIGGER,
    DUE_LIMITER,
    DUE_TASK,
    DUE_BOOKING, /* before all others of its instant: a wait that is exactly as long as its deadline ends well */
};

struct heap_node {
    int64_t due_ns;
    uint64_t seq;
    uint32_t slot; /* from 1; 0: not in the heap */
    uint8_t what;  /* enum due */
};

/* The deadline stands beside the pointer, so that comparing seldom touches the nodes. */
struct heap_entry {
    int64_t due_ns;
    struct heap_node *node;
};

struct heap {
    struct mem *mem;
    struct heap_entry *entries; /* slot s at s - 1; its children at slots 4 s - 2 to 4 s + 1 */
    uint32_t count, size;       /* size: slots there is room for */
    uint32_t reserved;          /* of them promised */
    uint64_t seq;
};

void heap_init(struct heap *h, struct mem *mem);
void heap_done(struct heap *h);
/* Promise room for n more insertions. False: no memory, nothing promised. */
bool heap_reserve(struct heap *h, uint32_t n);
/* Take back a promise of n. */
void heap_release(struct heap *h, uint32_t n);
/* Insert an idle node, under a promise that its owner holds for as long as the node exists. */
void heap_insert(struct heap *h, struct heap_node *node, int64_t due_ns, enum due what);
/* Take a node out; idle is fine. */
void heap_remove(struct heap *h, struct heap_node *node);
/* The earliest, or NULL. */
struct heap_node *heap_first(const struct heap *h);
/* The next in the order of the array, the first for NULL; NULL after the last. */
struct heap_node *heap_next(const struct heap *h, const struct heap_node *prev);
/* Assert the order and every slot. */
void heap_audit(const struct heap *h);

#endif

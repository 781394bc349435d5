/*
 * heap.c - the heap of heap.h.
 *
 * Four children a node: half the levels of a binary heap, and the four stand side by side. Moving is of a hole, not of the node: one store a
 * level. The array at least doubles when it grows.
 */
#include "heap.h"

#include <assert.h>
#include <stddef.h>

enum { HEAP_SIZE_MIN = 64, HEAP_CHILDREN = 4 };

void heap_init(struct heap *h, struct mem *mem)
{
    *h = (struct heap){.mem = mem};
}

void heap_done(struct heap *h)
{
    mem_free(h->mem, h->entries, h->size * sizeof *h->entries);
    *h = (struct heap){0};
}

bool heap_reserve(struct heap *h, uint32_t n)
{
    assert(n <= UINT32_MAX / 8 - h->reserved);
    uint32_t want = h->reserved + n;
    if (want > h->size) {
        uint32_t size = h->size ? h->size : HEAP_SIZE_MIN;
        while (size < want)
            size *= 2;
        struct heap_entry *entries =
            mem_grow(h->mem, h->entries, h->size * sizeof *entries, size * sizeof *entries);
        if (!entries)
            return false;
        h->entries = entries;
        h->size = size;
    }
    h->reserved = want;
    return true;
}

void heap_release(struct heap *h, uint32_t n)
{
    assert(h->reserved >= n && h->reserved - n >= h->count);
    h->reserved -= n;
}

static bool heap_before(struct heap_entry a, struct heap_entry b)
{
    return a.due_ns != b.due_ns ? a.due_ns < b.due_ns : a.node->seq < b.node->seq;
}

static void heap_place(struct heap *h, uint32_t i, struct heap_entry entry)
{
    h->entries[i] = entry;
    entry.node->slot = i + 1;
}

static void heap_sift_up(struct heap *h, uint32_t i, struct heap_entry entry)
{
    for (uint32_t parent; i > 0; i = parent) {
        parent = (i - 1) / HEAP_CHILDREN;
        if (!heap_before(entry, h->entries[parent]))
            break;
        heap_place(h, i, h->entries[parent]);
    }
    heap_place(h, i, entry);
}

static void heap_sift_down(struct heap *h, uint32_t i, struct heap_entry entry)
{
    for (;;) {
        uint32_t child = HEAP_CHILDREN * i + 1, end = child + HEAP_CHILDREN, least = child;
        if (child >= h->count)
            break;
        while (++child < end && child < h->count)
            if (heap_before(h->entries[child], h->entries[least]))
                least = child;
        if (!heap_before(h->entries[least], entry))
            break;
        heap_place(h, i, h->entries[least]);
        i = least;
    }
    heap_place(h, i, entry);
}

/* In seq: of all but those that come first of their instant. */
#define HEAP_LATER ((uint64_t)1 << 63)

void heap_insert(struct heap *h, struct heap_node *node, int64_t due_ns, enum due what)
{
    assert(node->slot == 0 && h->count < h->reserved);
    node->due_ns = due_ns;
    node->seq = ++h->seq | (what == DUE_BOOKING ? 0 : HEAP_LATER);
    node->what = (uint8_t)what;
    heap_sift_up(h, h->count++, (struct heap_entry){due_ns, node});
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    if (node->slot == 0)
        return;
    uint32_t i = node->slot - 1;
    assert(i < h->count && h->entries[i].node == node);
    node->slot = 0;
    struct heap_entry last = h->entries[--h->count];
    if (last.node == node)
        return;
    if (i > 0 && heap_before(last, h->entries[(i - 1) / HEAP_CHILDREN]))
        heap_sift_up(h, i, last);
    else
        heap_sift_down(h, i, last);
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->count ? h->entries[0].node : NULL;
}

struct heap_node *heap_next(const struct heap *h, const struct heap_node *prev)
{
    uint32_t i = prev ? prev->slot : 0; /* slots count from 1 */
    return i < h->count ? h->entries[i].node : NULL;
}

void heap_audit(const struct heap *h)
{
    assert(h->count <= h->reserved && h->reserved <= h->size);
    for (uint32_t i = 0; i < h->count; i++) {
        const struct heap_entry *entry = &h->entries[i];
        assert(entry->node->slot == i + 1 && entry->node->due_ns == entry->due_ns);
        assert(i == 0 || !heap_before(*entry, h->entries[(i - 1) / HEAP_CHILDREN]));
    }
}

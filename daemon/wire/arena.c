/*
 * arena.c - memory for one request.
 *
 * Blocks grow by doubling, so a request takes O(log n) of them; the bound is on the sum of the blocks, which is at most twice what
 * was asked for plus the first block. A reset leaves exactly one block, as large as the request that just ended would have liked it,
 * up to ARENA_KEPT_MAX.
 */
#include "arena.h"

#include <assert.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *older;
    size_t size; /* of data */
    uint8_t data[];
};

static_assert(sizeof(struct arena_block) % 8 == 0, "the data of a block is aligned");
static_assert(ARENA_KEPT_MIN <= ARENA_KEPT_MAX && ARENA_KEPT_MAX < ARENA_SIZE_MAX,
              "what is kept lies within the bound");

void arena_init(struct arena *a, size_t held_max)
{
    *a = (struct arena){.held_max = held_max};
}

static void free_blocks(struct arena *a)
{
    struct arena_block *older;
    for (struct arena_block *b = a->block; b; b = older) {
        older = b->older;
        free(b);
    }
    a->block = NULL;
    a->at = a->end = NULL;
    a->held = 0;
}

void arena_done(struct arena *a)
{
    free_blocks(a);
}

/* Put a new block of size data bytes in front. */
static bool add_block(struct arena *a, size_t size)
{
    assert(size <= a->held_max - a->held);
    struct arena_block *b = malloc(sizeof(*b) + size);
    if (!b)
        return false;
    b->older = a->block;
    b->size = size;
    a->block = b;
    a->at = b->data;
    a->end = b->data + size;
    a->held += size;
    return true;
}

void *arena_alloc_slow(struct arena *a, size_t size)
{
    size_t left = a->held_max - a->held;
    size_t want = arena_padded(size);
    if (want == 0 || want > left)
        return NULL;
    size_t block = a->held < ARENA_KEPT_MIN ? ARENA_KEPT_MIN : a->held;
    if (block < want)
        block = want;
    if (block > left)
        block = left & ~(size_t)7;
    if (!add_block(a, block))
        return NULL;
    void *p = a->at;
    a->at += want;
    assert(a->at <= a->end);
    return p;
}

void arena_reset(struct arena *a)
{
    if (!a->block)
        return;
    if (a->block->older || a->block->size > ARENA_KEPT_MAX) {
        size_t keep = a->held < ARENA_KEPT_MAX ? a->held : ARENA_KEPT_MAX;
        free_blocks(a);
        add_block(a, keep < a->held_max ? keep : a->held_max);
    } else {
        a->at = a->block->data;
    }
}

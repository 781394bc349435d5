/*
 * arena.h - memory for one request.
 *
 * A bump allocator with a bound. What is taken lives until arena_reset; nothing is given back singly. The first block is kept from
 * one request to the next, so that ordinary requests allocate nothing; what a large one took beyond ARENA_KEPT_MAX goes back to the
 * system with its reset.
 *
 * The bound makes "a message cannot take memory out of proportion" a property of one number instead of every decoder.
 */
#ifndef WIRE_ARENA_H
#define WIRE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most one request may take: a full select whose every arm has all that an arm may have. */
#define ARENA_SIZE_MAX ((size_t)48 << 20)
/* The first block, and how large it may get to fit what requests need. */
#define ARENA_KEPT_MIN ((size_t)16 << 10)
#define ARENA_KEPT_MAX ((size_t)256 << 10)

struct arena_block;

struct arena {
    struct arena_block *block; /* the newest; the others are chained behind it */
    uint8_t *at, *end;         /* what is free of it */
    size_t held;               /* bytes of all blocks */
    size_t held_max;           /* the bound */
};

/* An empty arena. It takes its first block when it is first asked for memory. */
void arena_init(struct arena *a, size_t held_max);
/* Gives everything back. */
void arena_done(struct arena *a);
/* Forget all that was taken. */
void arena_reset(struct arena *a);

/* What a piece of size bytes takes: whole words, at least one. 0: it overflows. */
static inline size_t arena_padded(size_t size)
{
    return ((size ? size : 1) + 7) & ~(size_t)7;
}

/* arena_alloc when the block is full. */
void *arena_alloc_slow(struct arena *a, size_t size);

/* size bytes, aligned for any of our structs, not cleared. NULL when the bound or the machine is out. size 0 gives a unique place too. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
    size_t padded = arena_padded(size);
    if (padded != 0 && padded <= (size_t)(a->end - a->at)) {
        void *p = a->at;
        a->at += padded;
        return p;
    }
    return arena_alloc_slow(a, size);
}

/* count elements of size bytes each, or NULL, also when the product overflows. */
static inline void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(a, bytes);
}

#endif

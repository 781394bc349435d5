/*
 * mem.h - the engine's only source of memory.
 *
 * One budget for everything the engine holds, counted in requested bytes, and a switch that makes the nth allocation fail, so that tests
 * can walk every path on which memory is out. Whoever frees says the size again: the count needs no headers.
 *
 * Values may not take the last of it (`spare`): a consumer must be able to receive from full channels, which takes a little memory before it
 * gives much back.
 *
 * The law of the engine is "allocate first, mutate after": a function that can fail for memory has changed nothing when it does.
 */
#ifndef ENGINE_MEM_H
#define ENGINE_MEM_H

#include <stddef.h>
#include <stdint.h>

enum { MEM_ALIGN = 16, MEM_SMALL_MAX = 512 };

struct mem_block;

struct mem {
    uint64_t used, max;
    uint64_t spare;   /* of max, not for values */
    uint64_t fail_in; /* 1: the next allocation fails; 0: none is made to */
    uint64_t kept;    /* bytes of `blocks` */
    struct mem_block *blocks[MEM_SMALL_MAX / MEM_ALIGN]; /* freed, by size, to be given out again */
};

/* size bytes, size > 0, zeroed, or NULL when the budget or the machine is out. */
void *mem_alloc(struct mem *m, size_t size);
/* The same without zeroing. */
void *mem_alloc_raw(struct mem *m, size_t size);
/* The same for a value. */
void *mem_alloc_value(struct mem *m, size_t size);
/* Move an array of old_size bytes (0: NULL) to new_size bytes; the new part is zeroed. NULL: unchanged. */
void *mem_grow(struct mem *m, void *p, size_t old_size, size_t new_size);
/* Give back what was got with this size. NULL is fine. */
void mem_free(struct mem *m, void *p, size_t size);
/* Let go of the freed blocks that are kept. */
void mem_done(struct mem *m);

#endif

/*
 * slots.h - numbers for pointers: id + generation.
 *
 * A number is (generation << 32) | (index + 1): small for as long as slots are not reused, never 0, and never valid again once its
 * slot was given up. Sessions have one table of these in the engine; handles have one in each session, and carry rights.
 *
 * Room can be promised ahead (slots_reserve), so that a handle that arrives through a channel is installed without fail.
 */
#ifndef ENGINE_SLOTS_H
#define ENGINE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"

struct slot {
    void *pointer; /* NULL: free */
    uint32_t generation;
    uint32_t extra; /* used: the owner's (a handle's rights). Free: the next free slot + 1, or 0 */
};

struct slots {
    struct slot *table;
    uint32_t size, used, reserved; /* used + reserved <= size */
    uint32_t free_first;           /* + 1; 0: none */
};

void slots_done(struct slots *s, struct mem *mem);
/* Promise room for n more. False: no memory. The caller checks its own limit first. */
bool slots_reserve(struct slots *s, struct mem *mem, uint32_t n);
/* Take back a promise of n. */
void slots_release(struct slots *s, uint32_t n);
/* Use one promise: a number for pointer, which is not NULL. */
uint64_t slots_take(struct slots *s, void *pointer, uint32_t extra);
/* The slot of a number, or NULL when it is none or stale. */
struct slot *slots_get(const struct slots *s, uint64_t number);
/* Give a valid number up; all its copies are stale from now on. */
void slots_give(struct slots *s, uint64_t number);
/* The number of slot index i when it is used, else 0. For walking: i from 0 to size - 1. */
uint64_t slots_number(const struct slots *s, uint32_t i);

#endif

/*
 * slots.c - the table of slots.h.
 *
 * Free slots form a stack, so the numbers in use stay few and small. A generation that would wrap retires its slot for good: 2^32
 * reuses of one slot cost 16 bytes.
 */
#include "slots.h"

#include <assert.h>

enum { SLOTS_SIZE_MIN = 4 };

void slots_done(struct slots *s, struct mem *mem)
{
    mem_free(mem, s->table, s->size * sizeof *s->table);
    *s = (struct slots){0};
}

bool slots_reserve(struct slots *s, struct mem *mem, uint32_t n)
{
    assert(n <= UINT32_MAX / 4 - s->used - s->reserved);
    uint32_t want = s->used + s->reserved + n;
    if (want > s->size) {
        uint32_t size = s->size ? s->size : SLOTS_SIZE_MIN;
        while (size < want)
            size *= 2;
        struct slot *table = mem_grow(mem, s->table, s->size * sizeof *table, size * sizeof *table);
        if (!table)
            return false;
        for (uint32_t i = size; i-- > s->size;) {
            table[i].extra = s->free_first;
            s->free_first = i + 1;
        }
        s->table = table;
        s->size = size;
    }
    s->reserved += n;
    return true;
}

void slots_release(struct slots *s, uint32_t n)
{
    assert(s->reserved >= n);
    s->reserved -= n;
}

uint64_t slots_take(struct slots *s, void *pointer, uint32_t extra)
{
    assert(pointer && s->reserved > 0 && s->free_first > 0);
    uint32_t i = s->free_first - 1;
    struct slot *slot = &s->table[i];
    s->free_first = slot->extra;
    slot->pointer = pointer;
    slot->extra = extra;
    s->reserved--;
    s->used++;
    return slots_number(s, i);
}

struct slot *slots_get(const struct slots *s, uint64_t number)
{
    uint64_t i = (number & UINT32_MAX) - 1;
    if ((number & UINT32_MAX) == 0 || i >= s->size)
        return NULL;
    struct slot *slot = &s->table[i];
    return slot->pointer && slot->generation == number >> 32 ? slot : NULL;
}

void slots_give(struct slots *s, uint64_t number)
{
    struct slot *slot = slots_get(s, number);
    assert(slot);
    slot->pointer = NULL;
    slot->extra = s->free_first;
    if (++slot->generation < UINT32_MAX) {
        s->free_first = (uint32_t)number;
        s->used--;
    }
}

uint64_t slots_number(const struct slots *s, uint32_t i)
{
    assert(i < s->size);
    return s->table[i].pointer ? (uint64_t)s->table[i].generation << 32 | (i + 1) : 0;
}

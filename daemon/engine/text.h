/*
 * text.h - counted bytes that several things share: causes of cancellation.
 *
 * A cause is kept by every context it reached and by every reply that carries it until that is acknowledged. NULL stands for "none".
 */
#ifndef ENGINE_TEXT_H
#define ENGINE_TEXT_H

#include <string.h>

#include "mem.h"
#include "op.h"

struct text {
    uint32_t refs, size;
    char data[];
};

/* A copy of b with one reference, or NULL without memory. */
static inline struct text *text_new(struct mem *mem, struct bytes b)
{
    struct text *t = mem_alloc_raw(mem, sizeof *t + b.size);
    if (!t)
        return NULL;
    t->refs = 1;
    t->size = (uint32_t)b.size;
    if (b.size)
        memcpy(t->data, b.data, b.size);
    return t;
}

/* One more reference; NULL is fine. Returns t. */
static inline struct text *text_ref(struct text *t)
{
    if (t)
        t->refs++;
    return t;
}

/* One reference less; NULL is fine. */
static inline void text_unref(struct mem *mem, struct text *t)
{
    if (t && --t->refs == 0)
        mem_free(mem, t, sizeof *t + t->size);
}

/* data NULL for none. */
static inline struct bytes text_bytes(const struct text *t)
{
    return t ? (struct bytes){t->data, t->size} : (struct bytes){0};
}

#endif

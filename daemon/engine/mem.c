/*
 * mem.c - a counted malloc with a few freed blocks at hand.
 *
 * The C library's allocator is good; what the engine adds is the budget and the failing nth call. Requests beyond the budget fail
 * before they reach it. Overflow of the sum cannot happen: sizes are bounded by limits.h and the budget is compared by difference.
 *
 * Nearly all that comes and goes is a few sizes of calls and values, and a thousand at a time when batches run. Small freed blocks are
 * therefore kept, by size, up to MEM_KEPT_MAX in all, and given out again. They do not count as used. Under the address sanitizer none is
 * kept, so that it sees every use after free.
 */
#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MEM_LARGE_MIN = 64 << 10 };

#ifdef __has_feature
#define MEM_COMPILER_HAS(feature) __has_feature(feature)
#else
#define MEM_COMPILER_HAS(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || MEM_COMPILER_HAS(address_sanitizer)
enum { MEM_KEPT_MAX = 0 };
#else
enum { MEM_KEPT_MAX = 512 << 10 };
#endif

struct mem_block {
    struct mem_block *next;
};

static int mem_admit(struct mem *m, size_t size)
{
    if (m->fail_in > 0 && --m->fail_in == 0)
        return 0;
    return size <= m->max - m->used;
}

/* The list of blocks for this size; NULL: too large to be kept. */
static struct mem_block **mem_class(struct mem *m, size_t size)
{
    return size <= MEM_SMALL_MAX ? &m->blocks[(size - 1) / MEM_ALIGN] : NULL;
}

static size_t mem_rounded(size_t size)
{
    return (size + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
}

void *mem_alloc_raw(struct mem *m, size_t size)
{
    assert(size > 0 && m->used <= m->max);
    if (!mem_admit(m, size))
        return NULL;
    struct mem_block **class = mem_class(m, size), *block = class ? *class : NULL;
    if (block) {
        *class = block->next;
        m->kept -= mem_rounded(size);
    } else if (!(block = malloc(class ? mem_rounded(size) : size))) {
        return NULL;
    }
    m->used += size;
    return block;
}

void *mem_alloc_value(struct mem *m, size_t size)
{
    uint64_t left = m->max - m->used;
    return left >= m->spare && size <= left - m->spare ? mem_alloc_raw(m, size) : NULL;
}

/* Large tables come from the machine as zeroes already. */
static void *mem_alloc_large(struct mem *m, size_t size)
{
    void *p = mem_admit(m, size) ? calloc(1, size) : NULL;
    if (p)
        m->used += size;
    return p;
}

void *mem_alloc(struct mem *m, size_t size)
{
    if (size >= MEM_LARGE_MIN)
        return mem_alloc_large(m, size);
    void *p = mem_alloc_raw(m, size);
    if (p)
        memset(p, 0, size);
    return p;
}

void *mem_grow(struct mem *m, void *p, size_t old_size, size_t new_size)
{
    assert(new_size > old_size && (p != NULL) == (old_size > 0));
    if (!p)
        return mem_alloc(m, new_size);
    if (!mem_admit(m, new_size - old_size))
        return NULL;
    char *q = realloc(p, mem_class(m, new_size) ? mem_rounded(new_size) : new_size);
    if (!q)
        return NULL;
    memset(q + old_size, 0, new_size - old_size);
    m->used += new_size - old_size;
    return q;
}

void mem_free(struct mem *m, void *p, size_t size)
{
    if (!p)
        return;
    assert(m->used >= size);
    m->used -= size;
    struct mem_block **class = mem_class(m, size), *block = p;
    if (!class || m->kept + mem_rounded(size) > MEM_KEPT_MAX) {
        free(p);
        return;
    }
    block->next = *class;
    *class = block;
    m->kept += mem_rounded(size);
}

void mem_done(struct mem *m)
{
    for (size_t i = 0; i < sizeof m->blocks / sizeof *m->blocks; i++)
        for (struct mem_block *block; (block = m->blocks[i]);) {
            m->blocks[i] = block->next;
            free(block);
        }
    m->kept = 0;
}

/*
 * arena.c - memory for a structure and all it points to, freed as one.
 *
 * A chain of blocks, each taken from the front; the first holds the arena and the structure. Blocks double, so that a listing of a thousand
 * objects takes some dozen allocations.
 */
#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 1024

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char data[];
};

struct arena {
    struct block *blocks; /* the newest first */
    bool failed;
    alignas(max_align_t) unsigned char root[];
};

static struct block *block_new(size_t size)
{
    struct block *b = malloc(sizeof *b + size);
    if (b != NULL)
        *b = (struct block){.size = size};
    return b;
}

struct arena *arena_new(size_t size, void **ret_root)
{
    struct arena *a = calloc(1, sizeof *a + size);
    if (a == NULL)
        return NULL;
    *ret_root = a->root;
    return a;
}

void *arena_free(void *root)
{
    if (root == NULL)
        return NULL;
    struct arena *a = (struct arena *)((unsigned char *)root - offsetof(struct arena, root));
    while (a->blocks != NULL) {
        struct block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    free(a);
    return NULL;
}

static void *take(struct arena *a, size_t size)
{
    size_t align = alignof(max_align_t);
    size = (size + align - 1) & ~(align - 1);
    struct block *b = a->blocks;
    if (b == NULL || b->size - b->used < size) {
        size_t next = b == NULL ? BLOCK_SIZE : b->size * 2;
        b = block_new(next < size ? size : next);
        if (b == NULL) {
            a->failed = true;
            return NULL;
        }
        b->next = a->blocks;
        a->blocks = b;
    }
    void *taken = b->data + b->used;
    b->used += size;
    return taken;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    if (count == 0)
        return NULL;
    void *array = count > SIZE_MAX / 2 / size ? NULL : take(a, count * size);
    if (array != NULL)
        memset(array, 0, count * size);
    else
        a->failed = true;
    return array;
}

const char *arena_text(struct arena *a, ProtobufCBinaryData bytes)
{
    if (bytes.len == 0)
        return "";
    char *text = take(a, bytes.len + 1);
    if (text == NULL)
        return "";
    memcpy(text, bytes.data, bytes.len);
    text[bytes.len] = '\0';
    return text;
}

bool arena_ok(const struct arena *a)
{
    return !a->failed;
}

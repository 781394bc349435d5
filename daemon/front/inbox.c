/*
 * inbox.c - see inbox.h.
 *
 * Small parts come and go with every read of a client that sends many requests at once: their memory is kept in steps, so that it is
 * asked for once.
 */
#include "inbox.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_SIZE = 1 << 10 };

/* Make it able to hold size bytes. */
static bool inbox_grow(struct inbox *in, size_t size)
{
    if (size <= in->cap)
        return true;
    uint8_t *data = realloc(in->data, size);
    if (!data)
        return false;
    in->data = data;
    in->cap = size;
    return true;
}

size_t inbox_room(struct inbox *in, struct inbox_scratch *scratch, uint8_t **ret)
{
    if (inbox_is_small(in)) {
        if (in->size > 0)
            memcpy(scratch->data, in->data, in->size);
        *ret = scratch->data + in->size;
        return INBOX_READ_SIZE;
    }
    size_t spare = in->cap - in->size;
    uint64_t missing = in->want > in->size ? in->want - in->size : INBOX_READ_SIZE;
    if (spare < missing && spare < INBOX_READ_SIZE) {
        size_t most = in->size > INBOX_READ_SIZE ? in->size : INBOX_READ_SIZE;
        spare = missing < most ? (size_t)missing : most;
        if (!inbox_grow(in, in->size + spare))
            return 0;
    }
    *ret = in->data + in->size;
    return missing < spare ? (size_t)missing : spare;
}

bool inbox_keep(struct inbox *in, const uint8_t *data, size_t size)
{
    if (size == 0) {
        inbox_clear(in);
        return true;
    }
    if (size > in->cap && !inbox_grow(in, (size + STEP_SIZE - 1) / STEP_SIZE * STEP_SIZE))
        return false;
    memmove(in->data, data, size);
    in->size = size;
    return true;
}

void inbox_clear(struct inbox *in)
{
    free(in->data);
    *in = (struct inbox){0};
}

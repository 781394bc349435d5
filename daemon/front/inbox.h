/*
 * inbox.h - the part of a frame that has come so far.
 *
 * A connection at rest has none. A small part is put before what is read next, into the buffer that all connections share; a large one stays and
 * grows, doubling, up to the size of its frame and never beyond: so memory follows what has come, not what was announced.
 */
#ifndef FRONT_INBOX_H
#define FRONT_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    INBOX_READ_SIZE = 64 << 10,  /* a read, at the most, unless a large part grows */
    INBOX_SMALL_SIZE = 16 << 10, /* parts up to this move to the shared buffer */
};

/* All zero is an empty one. */
struct inbox {
    uint8_t *data; /* NULL: none */
    size_t size, cap;
    uint64_t want; /* size of the frame whose part this is; 0: not known */
};

/* The buffer that all connections share. */
struct inbox_scratch {
    uint8_t data[INBOX_SMALL_SIZE + INBOX_READ_SIZE];
};

static inline bool inbox_is_small(const struct inbox *in)
{
    return in->size <= INBOX_SMALL_SIZE;
}

/* Where to read to: behind a large part, or behind a copy of a small one in the shared buffer. How much; 0: no memory. */
size_t inbox_room(struct inbox *in, struct inbox_scratch *scratch, uint8_t **ret);
/* Keep these bytes, which may lie in the inbox itself, and nothing else. Without bytes: give the memory back. False: no memory. */
bool inbox_keep(struct inbox *in, const uint8_t *data, size_t size);
void inbox_clear(struct inbox *in);

#endif

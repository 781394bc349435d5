/*
 * outbox.h - the bytes that a connection has still to be sent.
 *
 * A growing run of whole frames. It needs no list beside it of what is in it: the frames say so themselves, which is how the
 * replies that were never wholly written are found when the connection ends. The first block of every outbox comes from a pool
 * and goes back to it as soon as all is sent, so a connection at rest holds none and a busy one asks no allocator.
 */
#ifndef FRONT_OUTBOX_H
#define FRONT_OUTBOX_H

#include "sp.h"

enum { OUTBOX_BLOCK_SIZE = 4096, OUTBOX_POOL_MAX = 64 };

/* Blocks of OUTBOX_BLOCK_SIZE in wait for use. */
struct outbox_pool {
    uint32_t count;
    uint8_t *blocks[OUTBOX_POOL_MAX];
};

/* All zero is an empty one. */
struct outbox {
    uint8_t *data;
    size_t cap;
    size_t head; /* of the first frame that is not wholly sent */
    size_t sent; /* head <= sent <= tail */
    size_t tail;
};

/* Bytes not yet sent. */
static inline size_t outbox_size(const struct outbox *box)
{
    return box->tail - box->sent;
}

/* Room for size bytes at the end, which the caller fills with one whole frame at once; NULL without memory. */
uint8_t *outbox_reserve(struct outbox *box, struct outbox_pool *pool, size_t size);
/* Send what there is without waiting. The bytes sent now (all or not), or -errno but never -EAGAIN. Empty: gives its memory back. */
int64_t outbox_send(struct outbox *box, struct outbox_pool *pool, int fd);
/*
 * Walk the frames that were not wholly sent, in order: *cursor is 0 at first. False after the last. The frame borrows.
 */
bool outbox_next_unsent(const struct outbox *box, size_t *cursor, struct sp_frame *ret);
/* Give all memory back, whatever is in it. */
void outbox_clear(struct outbox *box, struct outbox_pool *pool);
void outbox_pool_clear(struct outbox_pool *pool);

#endif

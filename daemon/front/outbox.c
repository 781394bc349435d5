/*
 * outbox.c - see outbox.h.
 *
 * Growth doubles; the sent part is dropped when that makes room enough, at most half of the cost of a copy a byte. After a
 * partial send the head is moved over the frames that are wholly gone, one step each, so a frame is looked at once.
 */
#include "outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void block_free(struct outbox_pool *pool, uint8_t *block, size_t cap)
{
    if (block && cap == OUTBOX_BLOCK_SIZE && pool->count < OUTBOX_POOL_MAX)
        pool->blocks[pool->count++] = block;
    else
        free(block);
}

/* Drop what is before head. */
static void outbox_compact(struct outbox *box)
{
    assert(box->data);
    memmove(box->data, box->data + box->head, box->tail - box->head);
    box->sent -= box->head;
    box->tail -= box->head;
    box->head = 0;
}

static bool outbox_grow(struct outbox *box, struct outbox_pool *pool, size_t size)
{
    size_t kept = box->tail - box->head;
    if (!box->data && size <= OUTBOX_BLOCK_SIZE && pool->count > 0) {
        box->data = pool->blocks[--pool->count];
        box->cap = OUTBOX_BLOCK_SIZE;
        return true;
    }
    if (box->head > 0 && kept + size <= box->cap / 2) {
        outbox_compact(box);
        return true;
    }
    size_t cap = box->cap ? box->cap : OUTBOX_BLOCK_SIZE;
    while (cap < kept + size)
        cap *= 2;
    uint8_t *data = malloc(cap);
    if (!data)
        return false;
    if (box->data)
        memcpy(data, box->data + box->head, kept);
    block_free(pool, box->data, box->cap);
    box->data = data;
    box->cap = cap;
    box->sent -= box->head;
    box->tail = kept;
    box->head = 0;
    return true;
}

uint8_t *outbox_reserve(struct outbox *box, struct outbox_pool *pool, size_t size)
{
    assert(box->head <= box->sent && box->sent <= box->tail && box->tail <= box->cap);
    if (box->cap - box->tail < size && !outbox_grow(box, pool, size))
        return NULL;
    uint8_t *room = box->data + box->tail;
    box->tail += size;
    return room;
}

int64_t outbox_send(struct outbox *box, struct outbox_pool *pool, int fd)
{
    size_t size = outbox_size(box);
    ssize_t n;
    do
        n = send(fd, box->data + box->sent, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
    box->sent += (size_t)n;
    if (box->sent == box->tail) {
        outbox_clear(box, pool);
        return n;
    }
    struct sp_frame frame;
    size_t cursor = 0;
    while (outbox_next_unsent(box, &cursor, &frame) && box->head + frame.frame_size <= box->sent) {
        box->head += frame.frame_size;
        cursor = 0;
    }
    return n;
}

bool outbox_next_unsent(const struct outbox *box, size_t *cursor, struct sp_frame *ret)
{
    size_t at = box->head + *cursor;
    if (at == box->tail)
        return false;
    const char *reason = NULL;
    enum sp_verdict verdict = sp_parse(box->data + at, box->tail - at, UINT64_MAX, ret, &reason);
    assert(verdict == SP_DONE);
    *cursor += ret->frame_size;
    return true;
}

void outbox_clear(struct outbox *box, struct outbox_pool *pool)
{
    block_free(pool, box->data, box->cap);
    *box = (struct outbox){0};
}

void outbox_pool_clear(struct outbox_pool *pool)
{
    while (pool->count > 0)
        free(pool->blocks[--pool->count]);
}

/*
 * digest.c - one number for an answer (digest.h).
 *
 * FNV-1a over every field that a client can see, in their order; what an answer does not carry counts as zero.
 */
#include "digest.h"

#include <string.h>

static uint64_t mix(uint64_t h, const void *data, size_t size)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

uint64_t mix_number(uint64_t h, uint64_t n)
{
    return mix(h, &n, sizeof n);
}

static uint64_t mix_item(uint64_t h, const struct item_view *item)
{
    h = mix_number(mix_number(h, item->lease), item->deliveries);
    h = mix_number(h, item->value.type);
    if (item->value.type == VALUE_INT64)
        return mix_number(h, (uint64_t)item->value.int64);
    if (item->value.type == VALUE_HANDLE)
        return mix_number(mix_number(h, item->value.handle), item->value.rights);
    if (item->value.type == VALUE_BYTES || item->value.type == VALUE_STRING)
        return mix(h, item->value.bytes.data, item->value.bytes.size);
    return h;
}

uint64_t digest(const struct reply *r)
{
    uint64_t h = mix_number(UINT64_C(0xcbf29ce484222325), r->seq);
    h = mix_number(h, (uint64_t)r->op << 32 | (uint64_t)r->status << 8 | r->result);
    if (r->message)
        h = mix(h, r->message, strlen(r->message));
    h = mix(h, r->cause.data, r->cause.size);
    h = mix_number(h, r->has_index ? r->index : UINT64_MAX);
    struct item_cursor at = r->items.first;
    struct item_view item;
    h = mix_number(mix_number(h, r->grant.token), (uint64_t)r->number << 1 | r->grant.owner_died);
    h = mix_number(mix_number(h, (uint64_t)r->quota.remaining), (uint64_t)r->quota.retry_after_ns);
    h = mix_number(mix_number(h, (uint64_t)r->quota.delay_ns), r->quota.token << 1 | r->shared);
    struct grant_cursor next = r->grants.first;
    struct grant grant;
    while (r->result == RESULT_GRANTS && engine_grant_next(&next, &grant))
        h = mix_number(h, grant.token << 1 | grant.owner_died);
    if (r->result == RESULT_ITEM || r->result == RESULT_VALUE || r->result == RESULT_OUTCOME ||
        r->result == RESULT_LEADER || r->result == RESULT_CELL)
        h = mix_item(h, &r->item);
    while (r->result == RESULT_ITEMS && engine_item_next(&at, &item))
        h = mix_item(h, &item);
    return mix_number(mix_number(h, r->count), (uint64_t)r->truth << 8 | r->made.created) ^ r->made.handle;
}

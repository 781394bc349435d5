/*
 * pack.c - the replies that run millions of times, written by hand.
 *
 * A status, a truth, a count, one item, a batch of items, a grant, a counter's number, a limiter's quota: each is sized in one walk and written in another, straight
 * to where the front wants it. What is rarer (a text, a cause, a limit, a handle, anything made or described) is encode.c's, which goes through the generated
 * code; both give the same bytes for the same reply, and tests/wire/reply_test.c holds them to it.
 *
 * The field numbers are the schema's. Where the generated header has a name for one, it is used; the others stand in the enum below and
 * are checked against the descriptors by tests/wire/schema_test.c.
 */
#include <string.h>

#include "codec.h"
#include "pack.h"

/* A field's key on the wire. All numbers but RESULT_QUOTA's are below 16, so each is one byte. */
#define VARINT(number)   (uint8_t)((number) << 3)
#define FIXED64(number)  (uint8_t)((number) << 3 | 1)
#define RUN(number)      (uint8_t)((number) << 3 | 2)
#define RUN_LONG(number) ((uint32_t)(number) << 3 | 2)

static inline size_t varint_size(uint64_t v)
{
    return (size_t)((63 - __builtin_clzll(v | 1)) * 9 + 73) / 64;
}

static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (0 - (uint64_t)(v < 0));
}

static inline uint8_t *put_varint(uint8_t *at, uint64_t v)
{
    while (v >= 0x80) {
        *at++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (uint8_t)v;
    return at;
}

static inline uint8_t *put_number(uint8_t *at, uint8_t key, uint64_t v)
{
    *at++ = key;
    return put_varint(at, v);
}

static inline uint8_t *put_double(uint8_t *at, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    for (int i = 0; i < 8; i++)
        *at++ = (uint8_t)(bits >> (8 * i));
    return at;
}

static inline uint8_t *put_bytes(uint8_t *at, uint8_t key, struct bytes b)
{
    at = put_number(at, key, b.size);
    if (b.size)
        memcpy(at, b.data, b.size);
    return at + b.size;
}

static inline size_t bytes_size(size_t size)
{
    return 1 + varint_size(size) + size;
}

/* ---- One value, one item. ---- */

/* Without the key and length of the Value itself. */
static size_t value_size(const struct value *v)
{
    switch (v->type) {
    case VALUE_INT64: return 1 + varint_size(zigzag(v->int64));
    case VALUE_DOUBLE: return 1 + 8;
    default: return bytes_size(v->bytes.size);
    }
}

static uint8_t *put_value(uint8_t *at, const struct value *v)
{
    switch (v->type) {
    case VALUE_INT64: return put_number(at, VARINT(SLUICE__V1__VALUE__KIND_INTEGER), zigzag(v->int64));
    case VALUE_DOUBLE: *at = FIXED64(SLUICE__V1__VALUE__KIND_REAL); return put_double(at + 1, v->real);
    default: return put_bytes(at, RUN(v->type), v->bytes);
    }
}

static size_t item_size(const struct item_view *item)
{
    size_t size = item->value.type == VALUE_NONE ? 0 : bytes_size(value_size(&item->value));
    if (item->lease)
        size += 1 + varint_size(item->lease);
    if (item->deliveries > 1)
        size += 1 + varint_size(item->deliveries);
    return size;
}

static uint8_t *put_item(uint8_t *at, const struct item_view *item)
{
    if (item->value.type != VALUE_NONE) {
        at = put_number(at, RUN(ITEM_VALUE), value_size(&item->value));
        at = put_value(at, &item->value);
    }
    if (item->lease)
        at = put_number(at, VARINT(ITEM_LEASE), item->lease);
    if (item->deliveries > 1)
        at = put_number(at, VARINT(ITEM_DELIVERIES), item->deliveries);
    return at;
}

/* ---- A grant, a number, a quota. ---- */

static size_t grant_size(const struct reply *reply)
{
    return (reply->grant.token ? 1 + varint_size(reply->grant.token) : 0) + (reply->grant.owner_died ? 2 : 0);
}

static uint8_t *put_grant(uint8_t *at, const struct reply *reply)
{
    if (reply->grant.token)
        at = put_number(at, VARINT(GRANT_TOKEN), reply->grant.token);
    return reply->grant.owner_died ? put_number(at, VARINT(GRANT_OWNER_DIED), 1) : at;
}

static size_t number_size(const struct reply *reply)
{
    return 1 + varint_size(zigzag(reply->number)) + (reply->truth ? 2 : 0);
}

static uint8_t *put_counted(uint8_t *at, const struct reply *reply)
{
    at = put_number(at, VARINT(NUMBER_VALUE), zigzag(reply->number));
    return reply->truth ? put_number(at, VARINT(NUMBER_SWAPPED), 1) : at;
}

static size_t duration_size(int64_t ns)
{
    return ns ? 1 + varint_size((uint64_t)ns) : 0;
}

static size_t quota_size(const struct reply *reply)
{
    const struct quota *q = &reply->quota;
    return (reply->truth ? 2 : 0) +
           (quota_says_remaining(reply) ? 1 + varint_size(zigzag(q->remaining)) : 0) +
           duration_size(q->retry_after_ns) + duration_size(q->delay_ns) +
           (q->token ? 1 + varint_size(q->token) : 0);
}

static uint8_t *put_quota(uint8_t *at, const struct reply *reply)
{
    const struct quota *q = &reply->quota;
    if (reply->truth)
        at = put_number(at, VARINT(QUOTA_ALLOWED), 1);
    if (quota_says_remaining(reply))
        at = put_number(at, VARINT(QUOTA_REMAINING), zigzag(q->remaining));
    if (q->retry_after_ns)
        at = put_number(at, VARINT(QUOTA_RETRY), (uint64_t)q->retry_after_ns);
    if (q->delay_ns)
        at = put_number(at, VARINT(QUOTA_DELAY), (uint64_t)q->delay_ns);
    return q->token ? put_number(at, VARINT(QUOTA_TOKEN), q->token) : at;
}

/* ---- A batch: its fields are columns, so it is walked once to size them and once a column to write them. ---- */

struct batch {
    struct item_cursor first;
    uint32_t count;
    enum value_type type;
    bool leased, repeated; /* whether the columns of leases and of deliveries are there */
    size_t integers;       /* bytes of the packed column */
    size_t leases, deliveries;
    size_t size;
};

static size_t column_size(size_t packed)
{
    return packed ? bytes_size(packed) : 0;
}

/* Fill *b from the reply's items. False: a handle is among them. */
static bool measure_batch(const struct reply *reply, struct batch *b)
{
    struct item_view view;
    *b = (struct batch){.first = reply->items.first, .count = reply->items.count};
    struct item_cursor item = b->first;
    size_t blobs = 0;
    for (uint32_t i = 0; i < b->count && engine_item_next(&item, &view); i++) {
        b->type = view.value.type;
        b->leased |= view.lease != 0;
        b->repeated |= view.deliveries > 1;
        b->leases += varint_size(view.lease);
        b->deliveries += varint_size(view.deliveries);
        if (b->type == VALUE_HANDLE)
            return false;
        if (b->type == VALUE_INT64)
            b->integers += varint_size(zigzag(view.value.int64));
        else if (b->type != VALUE_DOUBLE)
            blobs += bytes_size(view.value.bytes.size);
    }
    b->size = blobs + column_size(b->integers) +
              column_size(b->type == VALUE_DOUBLE ? (size_t)b->count * 8 : 0) +
              (b->leased ? column_size(b->leases) : 0) + (b->repeated ? column_size(b->deliveries) : 0) +
              (b->count ? 1 + varint_size(b->type) : 0);
    return true;
}

static uint8_t *put_values(uint8_t *at, const struct batch *b)
{
    struct item_view view;
    struct item_cursor item = b->first;
    if (b->type == VALUE_INT64)
        at = put_number(at, RUN(BATCH_INTEGERS), b->integers);
    else if (b->type == VALUE_DOUBLE)
        at = put_number(at, RUN(BATCH_REALS), (uint64_t)b->count * 8);
    for (uint32_t i = 0; i < b->count && engine_item_next(&item, &view); i++) {
        if (b->type == VALUE_INT64)
            at = put_varint(at, zigzag(view.value.int64));
        else if (b->type == VALUE_DOUBLE)
            at = put_double(at, view.value.real);
        else
            at = put_bytes(at, RUN(BATCH_BLOBS), view.value.bytes);
    }
    return at;
}

static uint8_t *put_columns(uint8_t *at, const struct batch *b)
{
    struct item_view view;
    struct item_cursor item = b->first;
    if (b->leased)
        at = put_number(at, RUN(BATCH_LEASES), b->leases);
    for (uint32_t i = 0; b->leased && i < b->count && engine_item_next(&item, &view); i++) {
        at = put_varint(at, view.lease);
    }
    item = b->first;
    if (b->repeated)
        at = put_number(at, RUN(BATCH_DELIVERIES), b->deliveries);
    for (uint32_t i = 0; b->repeated && i < b->count && engine_item_next(&item, &view); i++) {
        at = put_varint(at, view.deliveries);
    }
    return at;
}

static uint8_t *put_batch(uint8_t *at, const struct batch *b)
{
    if (b->count == 0)
        return at;
    at = put_number(at, VARINT(BATCH_TYPE), b->type);
    at = put_values(at, b);
    return put_columns(at, b);
}

/* ---- The reply around it. ---- */

/* Sizes of the result: its content, and with key and length. False: not one of ours. */
static bool result_size(const struct reply *reply, struct batch *b, size_t *ret_content, size_t *ret_whole)
{
    *ret_content = 0;
    switch (reply->result) {
    case RESULT_NONE: *ret_whole = 0; return true;
    case RESULT_TRUTH: *ret_whole = 2; return true;
    case RESULT_COUNT: *ret_whole = 1 + varint_size(reply->count); return true;
    case RESULT_ITEM:
        if (reply->item.value.type == VALUE_HANDLE)
            return false;
        *ret_content = item_size(&reply->item);
        break;
    case RESULT_ITEMS:
        if (!measure_batch(reply, b))
            return false;
        *ret_content = b->size;
        break;
    case RESULT_GRANT: *ret_content = grant_size(reply); break;
    case RESULT_NUMBER: *ret_content = number_size(reply); break;
    case RESULT_QUOTA:
        *ret_content = quota_size(reply);
        *ret_whole = bytes_size(*ret_content) + varint_size(RUN_LONG(SLUICE__V1__REPLY__RESULT_QUOTA)) - 1;
        return true;
    default: return false;
    }
    *ret_whole = bytes_size(*ret_content);
    return true;
}

static uint8_t *put_result(uint8_t *at, const struct reply *reply, const struct batch *b, size_t content)
{
    switch (reply->result) {
    case RESULT_TRUTH: return put_number(at, VARINT(SLUICE__V1__REPLY__RESULT_TRUTH), reply->truth);
    case RESULT_COUNT: return put_number(at, VARINT(SLUICE__V1__REPLY__RESULT_COUNT), reply->count);
    case RESULT_ITEM:
        return put_item(put_number(at, RUN(SLUICE__V1__REPLY__RESULT_ITEM), content), &reply->item);
    case RESULT_ITEMS: return put_batch(put_number(at, RUN(SLUICE__V1__REPLY__RESULT_BATCH), content), b);
    case RESULT_GRANT: return put_grant(put_number(at, RUN(SLUICE__V1__REPLY__RESULT_GRANT), content), reply);
    case RESULT_NUMBER:
        return put_counted(put_number(at, RUN(SLUICE__V1__REPLY__RESULT_NUMBER), content), reply);
    case RESULT_QUOTA:
        at = put_varint(at, RUN_LONG(SLUICE__V1__REPLY__RESULT_QUOTA));
        return put_quota(put_varint(at, content), reply);
    default: return at;
    }
}

bool pack_reply(const struct reply *reply, struct wire_out *out)
{
    struct batch batch = {0};
    size_t content, size;
    if (reply->message || reply->cause.data || reply->limit.name ||
        !result_size(reply, &batch, &content, &size))
        return false;
    if (reply->status != STATUS_OK)
        size += 1 + varint_size(reply->status);
    if (reply->has_index)
        size += 1 + varint_size(reply->index);
    uint8_t *room = out->reserve(out, size), *at = room;
    if (!room)
        return true;
    if (reply->status != STATUS_OK)
        at = put_number(at, VARINT(REPLY_STATUS), reply->status);
    if (reply->has_index)
        at = put_number(at, VARINT(REPLY_INDEX), reply->index);
    at = put_result(at, reply, &batch, content);
    assert((size_t)(at - room) == size);
    return true;
}

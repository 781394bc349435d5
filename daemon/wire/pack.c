/*
 * pack.c - the replies that run millions of times, written by hand.
 *
 * A status, a truth, a count, one item, a batch of items, a grant, a counter's number, a limiter's quota, and what a task needs from its beginning to its end
 * (what was made, a job, an outcome): each is sized in one walk and written in another, straight to where the front wants it. What is rarer (a text, a cause,
 * a limit, a value that is a handle, anything described) is encode.c's, which goes through the generated code; both give the same bytes for the same
 * reply, and tests/wire/reply_test.c holds them to it.
 *
 * The field numbers are the schema's. Where the generated header has a name for one, it is used; the others stand in the enum below and
 * are checked against the descriptors by tests/wire/schema_test.c.
 */
#include <string.h>

#include "codec.h"
#include "pack.h"

/* A field's key on the wire. All numbers but those of some results are below 16, so each is one byte. */
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

static inline size_t number_size(uint64_t v)
{
    return 1 + varint_size(v);
}

/* A number that is left out when it is 0. */
static inline size_t some_size(uint64_t v)
{
    return v ? number_size(v) : 0;
}

static inline uint8_t *put_some(uint8_t *at, uint8_t key, uint64_t v)
{
    return v ? put_number(at, key, v) : at;
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

/* The value as a field of another message; one that is none is left out. */
static size_t held_size(const struct value *v)
{
    return v->type == VALUE_NONE ? 0 : bytes_size(value_size(v));
}

static uint8_t *put_held(uint8_t *at, uint8_t key, const struct value *v)
{
    return v->type == VALUE_NONE ? at : put_value(put_number(at, key, value_size(v)), v);
}

/* Once is not worth a word. */
static inline uint64_t again(uint32_t deliveries)
{
    return deliveries > 1 ? deliveries : 0;
}

static size_t item_size(const struct item_view *item)
{
    return held_size(&item->value) + some_size(item->lease) + some_size(again(item->deliveries)) +
           some_size(zigzag(item->rank));
}

static uint8_t *put_item(uint8_t *at, const struct item_view *item)
{
    at = put_held(at, RUN(ITEM_VALUE), &item->value);
    at = put_some(at, VARINT(ITEM_LEASE), item->lease);
    at = put_some(at, VARINT(ITEM_DELIVERIES), again(item->deliveries));
    return put_some(at, VARINT(ITEM_RANK), zigzag(item->rank));
}

/* ---- A grant, a number, a quota. ---- */

static size_t grant_size(const struct reply *reply)
{
    return some_size(reply->grant.token) + some_size(reply->grant.owner_died);
}

static uint8_t *put_grant(uint8_t *at, const struct reply *reply)
{
    at = put_some(at, VARINT(GRANT_TOKEN), reply->grant.token);
    return put_some(at, VARINT(GRANT_OWNER_DIED), reply->grant.owner_died);
}

static size_t counted_size(const struct reply *reply)
{
    return number_size(zigzag(reply->number)) + some_size(reply->truth);
}

static uint8_t *put_counted(uint8_t *at, const struct reply *reply)
{
    at = put_number(at, VARINT(NUMBER_VALUE), zigzag(reply->number));
    return put_some(at, VARINT(NUMBER_SWAPPED), reply->truth);
}

static size_t quota_size(const struct reply *reply)
{
    const struct quota *q = &reply->quota;
    return some_size(reply->truth) + (quota_says_remaining(reply) ? number_size(zigzag(q->remaining)) : 0) +
           some_size((uint64_t)q->retry_after_ns) + some_size((uint64_t)q->delay_ns) + some_size(q->token);
}

static uint8_t *put_quota(uint8_t *at, const struct reply *reply)
{
    const struct quota *q = &reply->quota;
    at = put_some(at, VARINT(QUOTA_ALLOWED), reply->truth);
    if (quota_says_remaining(reply))
        at = put_number(at, VARINT(QUOTA_REMAINING), zigzag(q->remaining));
    at = put_some(at, VARINT(QUOTA_RETRY), (uint64_t)q->retry_after_ns);
    at = put_some(at, VARINT(QUOTA_DELAY), (uint64_t)q->delay_ns);
    return put_some(at, VARINT(QUOTA_TOKEN), q->token);
}

/* ---- What is made, a job, an outcome. ---- */

static size_t made_size(const struct reply *reply)
{
    size_t channel = number_size(reply->made.type) + number_size((uint64_t)reply->made.cap);
    return number_size(reply->made.handle) + number_size(reply->made.created) +
           number_size(reply->made.kind) + (reply->made.kind == KIND_CHANNEL ? channel : 0) +
           number_size(reply->made.rights) + some_size(reply->made.number);
}

static uint8_t *put_made(uint8_t *at, const struct reply *reply)
{
    at = put_number(at, VARINT(MADE_HANDLE), reply->made.handle);
    at = put_number(at, VARINT(MADE_CREATED), reply->made.created);
    at = put_number(at, VARINT(MADE_KIND), reply->made.kind);
    if (reply->made.kind == KIND_CHANNEL) {
        at = put_number(at, VARINT(MADE_TYPE), reply->made.type);
        at = put_number(at, VARINT(MADE_CAP), (uint64_t)reply->made.cap);
    }
    at = put_number(at, VARINT(MADE_RIGHTS), reply->made.rights);
    return put_some(at, VARINT(MADE_NUMBER), reply->made.number);
}

static size_t job_size(const struct reply *reply)
{
    return number_size(reply->count) + held_size(&reply->item.value) + some_size(reply->caller) +
           some_size(reply->epoch) + number_size(reply->item.deliveries) + some_size(reply->grant.token) +
           (reply->function.size ? bytes_size(reply->function.size) : 0) + some_size((uint64_t)reply->run_ns);
}

static uint8_t *put_job(uint8_t *at, const struct reply *reply)
{
    at = put_number(at, VARINT(JOB_NUMBER), reply->count);
    at = put_held(at, RUN(JOB_VALUE), &reply->item.value);
    at = put_some(at, VARINT(JOB_CALLER), reply->caller);
    at = put_some(at, VARINT(JOB_EPOCH), reply->epoch);
    at = put_number(at, VARINT(JOB_DELIVERIES), reply->item.deliveries);
    at = put_some(at, VARINT(JOB_TOKEN), reply->grant.token);
    if (reply->function.size)
        at = put_bytes(at, RUN(JOB_FUNCTION), reply->function);
    return put_some(at, VARINT(JOB_RUN), (uint64_t)reply->run_ns);
}

static size_t outcome_size(const struct reply *reply)
{
    return some_size(reply->truth) + held_size(&reply->item.value) + some_size(reply->shared) +
           some_size(reply->epoch) + some_size(reply->ending) +
           (reply->has_exit ? number_size(zigzag(reply->exit)) : 0);
}

static uint8_t *put_outcome(uint8_t *at, const struct reply *reply)
{
    at = put_some(at, VARINT(OUTCOME_FAILED), reply->truth);
    at = put_held(at, RUN(OUTCOME_VALUE), &reply->item.value);
    at = put_some(at, VARINT(OUTCOME_SHARED), reply->shared);
    at = put_some(at, VARINT(OUTCOME_EPOCH), reply->epoch);
    at = put_some(at, VARINT(OUTCOME_ENDING), reply->ending);
    return reply->has_exit ? put_number(at, VARINT(OUTCOME_EXIT), zigzag(reply->exit)) : at;
}

/* ---- A batch: its fields are columns, so it is walked once to size them and once a column to write them. ---- */

struct batch {
    struct item_cursor first;
    uint32_t count;
    enum value_type type;
    bool leased, repeated, ranked; /* whether the columns of leases, deliveries and ranks are there */
    size_t integers;               /* bytes of the packed column */
    size_t leases, deliveries, ranks;
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
        b->ranked |= view.rank != 0;
        b->leases += varint_size(view.lease);
        b->deliveries += varint_size(view.deliveries);
        b->ranks += varint_size(zigzag(view.rank));
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
              (b->ranked ? column_size(b->ranks) : 0) + (b->count ? 1 + varint_size(b->type) : 0);
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
    for (uint32_t i = 0; b->leased && i < b->count && engine_item_next(&item, &view); i++)
        at = put_varint(at, view.lease);
    item = b->first;
    if (b->repeated)
        at = put_number(at, RUN(BATCH_DELIVERIES), b->deliveries);
    for (uint32_t i = 0; b->repeated && i < b->count && engine_item_next(&item, &view); i++)
        at = put_varint(at, view.deliveries);
    item = b->first;
    if (b->ranked)
        at = put_number(at, RUN(BATCH_RANKS), b->ranks);
    for (uint32_t i = 0; b->ranked && i < b->count && engine_item_next(&item, &view); i++)
        at = put_varint(at, zigzag(view.rank));
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

/* The field of a result that is a message of ours; 0: another one. */
static uint32_t result_field(const struct reply *reply)
{
    switch (reply->result) {
    case RESULT_ITEM: return SLUICE__V1__REPLY__RESULT_ITEM;
    case RESULT_ITEMS: return SLUICE__V1__REPLY__RESULT_BATCH;
    case RESULT_GRANT: return SLUICE__V1__REPLY__RESULT_GRANT;
    case RESULT_NUMBER: return SLUICE__V1__REPLY__RESULT_NUMBER;
    case RESULT_QUOTA: return SLUICE__V1__REPLY__RESULT_QUOTA;
    case RESULT_MADE: return SLUICE__V1__REPLY__RESULT_MADE;
    case RESULT_JOB: return SLUICE__V1__REPLY__RESULT_JOB;
    case RESULT_OUTCOME: return SLUICE__V1__REPLY__RESULT_OUTCOME;
    default: return 0;
    }
}

/* The size of that message. False: it has a handle. */
static bool content_size(const struct reply *reply, struct batch *b, size_t *ret)
{
    *ret = 0;
    if (reply->item.value.type == VALUE_HANDLE)
        return false;
    switch (reply->result) {
    case RESULT_ITEM: *ret = item_size(&reply->item); break;
    case RESULT_ITEMS:
        if (!measure_batch(reply, b))
            return false;
        *ret = b->size;
        break;
    case RESULT_GRANT: *ret = grant_size(reply); break;
    case RESULT_NUMBER: *ret = counted_size(reply); break;
    case RESULT_QUOTA: *ret = quota_size(reply); break;
    case RESULT_MADE: *ret = made_size(reply); break;
    case RESULT_JOB: *ret = job_size(reply); break;
    case RESULT_OUTCOME: *ret = outcome_size(reply); break;
    default: break;
    }
    return true;
}

/* Sizes of the result: its content, and with key and length. False: not one of ours. */
static bool result_size(const struct reply *reply, struct batch *b, size_t *ret_content, size_t *ret_whole)
{
    uint32_t field = result_field(reply);
    if (!content_size(reply, b, ret_content))
        return false;
    switch (reply->result) {
    case RESULT_NONE: *ret_whole = 0; return true;
    case RESULT_TRUTH: *ret_whole = 2; return true;
    case RESULT_COUNT: *ret_whole = number_size(reply->count); return true;
    default: *ret_whole = varint_size(RUN_LONG(field)) + varint_size(*ret_content) + *ret_content;
    }
    return field != 0;
}

static uint8_t *put_result(uint8_t *at, const struct reply *reply, const struct batch *b, size_t content)
{
    uint32_t field = result_field(reply);
    if (field)
        at = put_varint(put_varint(at, RUN_LONG(field)), content);
    switch (reply->result) {
    case RESULT_TRUTH: return put_number(at, VARINT(SLUICE__V1__REPLY__RESULT_TRUTH), reply->truth);
    case RESULT_COUNT: return put_number(at, VARINT(SLUICE__V1__REPLY__RESULT_COUNT), reply->count);
    case RESULT_ITEM: return put_item(at, &reply->item);
    case RESULT_ITEMS: return put_batch(at, b);
    case RESULT_GRANT: return put_grant(at, reply);
    case RESULT_NUMBER: return put_counted(at, reply);
    case RESULT_QUOTA: return put_quota(at, reply);
    case RESULT_MADE: return put_made(at, reply);
    case RESULT_JOB: return put_job(at, reply);
    case RESULT_OUTCOME: return put_outcome(at, reply);
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

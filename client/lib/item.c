/*
 * item.c - values on their way out, items on their way in.
 *
 * A received value of more than some dozen bytes stays where the reader put it: the item takes the reply's memory over and points into it.
 * A small one is copied, since its reply lies in the call itself. So a received item costs one allocation, and numbers and
 * empty values none. A batch takes the reply over too and adds one array. Behind every received value stands a NUL, written over
 * bytes of the reply that have been read already.
 */
#include "item.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

/* ---- Out. */

struct sluice_value sluice_str(const char *text)
{
    return sluice_bytes_of(SLUICE_TYPE_BYTES, text, strlen(text));
}

struct sluice_value sluice_text(const char *text)
{
    return sluice_bytes_of(SLUICE_TYPE_STRING, text, strlen(text));
}

struct sluice_value sluice_json(const char *text)
{
    return sluice_bytes_of(SLUICE_TYPE_JSON, text, strlen(text));
}

static void handle_out(struct call *c, const struct sluice_value *value, struct value_parts *parts)
{
    Sluice__V1__HandleValue *h = &parts->handle;
    sluice__v1__handle_value__init(h);
    h->ref = call_ref(c, value->object, &parts->ref);
    h->has_rights = value->rights != 0;
    h->rights = value->rights;
}

enum sluice_status value_out(struct call *c, const struct sluice_value *value, struct value_parts *parts,
                             Value **ret)
{
    Value *v = &parts->value;
    sluice__v1__value__init(v);
    *ret = v;
    ProtobufCBinaryData bytes = {value->bytes.size, (uint8_t *)value->bytes.data};
    switch (value->type) {
    case SLUICE_TYPE_NONE: *ret = NULL; break;
    case SLUICE_TYPE_BYTES:
        v->kind_case = SLUICE__V1__VALUE__KIND_RAW;
        v->raw = bytes;
        break;
    case SLUICE_TYPE_STRING:
        v->kind_case = SLUICE__V1__VALUE__KIND_TEXT;
        v->text = bytes;
        break;
    case SLUICE_TYPE_JSON:
        v->kind_case = SLUICE__V1__VALUE__KIND_JSON;
        v->json = bytes;
        break;
    case SLUICE_TYPE_INT64:
        v->kind_case = SLUICE__V1__VALUE__KIND_INTEGER;
        v->integer = value->integer;
        break;
    case SLUICE_TYPE_DOUBLE:
        v->kind_case = SLUICE__V1__VALUE__KIND_REAL;
        v->real = value->real;
        break;
    case SLUICE_TYPE_HANDLE:
        v->kind_case = SLUICE__V1__VALUE__KIND_HANDLE;
        v->handle = &parts->handle;
        handle_out(c, value, parts);
        break;
    default: return error_text(SLUICE_INVALID, "a value of no known type");
    }
    return SLUICE_OK;
}

size_t ref_bound(sluice_ref ref)
{
    return 16 + (ref.handle == 0 && ref.task == 0 && ref.name != NULL ? strlen(ref.name) + 16 : 0);
}

size_t value_bound(const struct sluice_value *value)
{
    switch (value->type) {
    case SLUICE_TYPE_BYTES:
    case SLUICE_TYPE_STRING:
    case SLUICE_TYPE_JSON: return value->bytes.size + 32;
    case SLUICE_TYPE_HANDLE: return ref_bound(value->object) + 48;
    default: return 32;
    }
}

/* ---- In. */

static bool has_bytes(enum sluice_type type)
{
    return type == SLUICE_TYPE_BYTES || type == SLUICE_TYPE_STRING || type == SLUICE_TYPE_JSON;
}

/* Ends a received value with a NUL: its bytes are in memory that is ours. */
static void terminate(struct sluice_value *v)
{
    *((char *)(uintptr_t)v->bytes.data + v->bytes.size) = '\0';
}

enum sluice_status item_take(struct call *c, const struct reply *reply, struct sluice_item *ret)
{
    struct sluice_item item = {
        .value = reply->item.value,
        .lease = {reply->item.lease, reply->item.lease != 0 ? c->session : 0},
        .deliveries = reply->item.deliveries,
        .rank = reply->item.rank,
    };
    struct sluice_value *v = &item.value;
    if (v->type == SLUICE_TYPE_HANDLE) {
        v->object.session = c->session;
    } else if (has_bytes(v->type) && v->bytes.size == 0) {
        v->bytes.data = "";
    } else if (has_bytes(v->type)) {
        item.memory = call_take(c);
        if (item.memory == NULL) {
            item.memory = malloc(v->bytes.size + 1);
            if (item.memory == NULL)
                return error_text(SLUICE_NO_MEMORY, "out of memory for the item, which was received");
            memcpy(item.memory, v->bytes.data, v->bytes.size);
            v->bytes.data = item.memory;
        }
        terminate(v);
    }
    *ret = item;
    return SLUICE_OK;
}

void sluice_item_free(struct sluice_item *item)
{
    if (item == NULL)
        return;
    free(item->memory);
    *item = (struct sluice_item){.value = {.type = SLUICE_TYPE_NONE}};
}

enum sluice_status sluice_item_copy(const struct sluice_value *value, struct sluice_item *ret)
{
    struct sluice_item item = {.value = *value, .deliveries = 1};
    struct sluice_value *v = &item.value;
    if (has_bytes(v->type)) {
        item.memory = malloc(v->bytes.size + 1);
        if (item.memory == NULL)
            return error_status(SLUICE_NO_MEMORY);
        if (v->bytes.size > 0)
            memcpy(item.memory, v->bytes.data, v->bytes.size);
        v->bytes.data = item.memory;
        terminate(v);
    }
    *ret = item;
    return SLUICE_OK;
}

enum sluice_status batch_take(struct call *c, const struct reply *reply, struct sluice_batch *ret)
{
    struct sluice_blob bytes = reply->result;
    uint8_t *memory = call_take(c);
    if (memory == NULL) {
        memory = malloc(bytes.size + 1);
        if (memory == NULL)
            return error_text(SLUICE_NO_MEMORY, "out of memory for the items, which were received");
        if (bytes.size > 0)
            memcpy(memory, bytes.data, bytes.size);
        bytes.data = memory;
    }
    struct sluice_batch batch = {.memory = memory};
    int r = reply_read_batch(bytes, c->session, &batch.items, &batch.count);
    if (r < 0) {
        free(memory);
        return error_errno(r, "reading the received items");
    }
    for (size_t i = 0; i < batch.count; i++) {
        struct sluice_value *v = &batch.items[i].value;
        if (has_bytes(v->type) && v->bytes.size == 0)
            v->bytes.data = "";
        else if (has_bytes(v->type))
            terminate(v);
    }
    *ret = batch;
    return SLUICE_OK;
}

void sluice_batch_free(struct sluice_batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->items);
    free(batch->memory);
    *batch = (struct sluice_batch){NULL, 0, NULL};
}

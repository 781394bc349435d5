/*
 * decode_value.c - references, values, and the small things that several operations carry.
 *
 * What passes here is well formed for good: a name that is one, text that is UTF-8, JSON that is JSON, a payload within its limit. Bytes are borrowed from the
 * frame; nothing is copied.
 *
 * Where a wrong number could do harm if it were read as "absent" - no rights at all, a lease of less than nothing - it is refused.
 */
#include "codec.h"
#include "json.h"
#include "valid.h"

bool decode_name(struct decode *d, const ProtobufCBinaryData *name, struct ref *ret)
{
    if (name->len > NAME_SIZE_MAX)
        return refuse_limit(d, STATUS_BAD_NAME, "name_size_max", NAME_SIZE_MAX, name->len);
    if (!name_valid(name->data, name->len))
        return refuse(d, STATUS_BAD_NAME, NULL);
    ret->name = (const char *)name->data;
    ret->name_size = (uint16_t)name->len;
    return true;
}

bool decode_ref(struct decode *d, const Sluice__V1__Ref *m, struct ref *ret)
{
    *ret = (struct ref){0};
    if (!m)
        return true;
    ret->handle = m->handle;
    ret->task = m->task;
    return m->handle || m->task || !m->has_name || decode_name(d, &m->name, ret);
}

bool decode_refs(struct decode *d, Sluice__V1__Ref *const *list, size_t count, const struct ref **ret)
{
    struct ref *refs = take_array(d, count, sizeof(*refs));
    if (!refs)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!decode_ref(d, list[i], &refs[i]))
            return false;
    }
    *ret = refs;
    return true;
}

bool decode_rights(struct decode *d, bool has, uint32_t rights, uint8_t *ret)
{
    if (has && (rights == 0 || (rights & ~(uint32_t)RIGHT_ALL)))
        return refuse(d, STATUS_INVALID, "rights are out of range");
    *ret = has ? (uint8_t)rights : 0;
    return true;
}

bool decode_lease(struct decode *d, bool has, int64_t lease_ns, int64_t *ret)
{
    if (has && lease_ns < 0)
        return refuse(d, STATUS_INVALID, "lease is out of range");
    *ret = has ? lease_ns : 0;
    return true;
}

bool decode_cause(struct decode *d, bool has, const ProtobufCBinaryData *cause, struct bytes *ret)
{
    if (has && !check_size(d, cause->len, CONTEXT_TEXT_MAX, "context_text_max"))
        return false;
    *ret = has ? borrow(cause) : (struct bytes){0};
    return true;
}

bool decode_key_part(struct decode *d, const ProtobufCBinaryData *part, struct bytes *ret)
{
    *ret = borrow(part);
    return check_size(d, part->len, CONTEXT_TEXT_MAX, "context_text_max");
}

bool decode_key(struct decode *d, const ProtobufCBinaryData *key, struct bytes *ret)
{
    *ret = borrow(key);
    return check_size(d, key->len, KEY_SIZE_MAX, "key_size_max");
}

bool decode_kind(struct decode *d, Sluice__V1__Kind kind, enum kind_code *ret)
{
    switch ((int)kind) {
#define KIND(NAME, name, number, help) \
    case KIND_##NAME:                  \
        *ret = KIND_##NAME;            \
        return true;
#include "kinds.def"
#undef KIND
    default: return refuse(d, STATUS_INVALID, "unknown kind of object");
    }
}

bool decode_type(struct decode *d, Sluice__V1__Type type, enum value_type *ret)
{
    switch ((int)type) {
#define TYPE(NAME, name, number, help) \
    case VALUE_##NAME:                 \
        *ret = VALUE_##NAME;           \
        return true;
#include "types.def"
#undef TYPE
    default: return refuse(d, STATUS_INVALID, "unknown element type");
    }
}

/* A payload of one of the three types that are bytes. */
static bool decode_payload(struct decode *d, enum value_type type, const ProtobufCBinaryData *payload,
                           struct value *ret)
{
    if (!check_size(d, payload->len, d->w->limits.payload_size_max, "payload_size_max"))
        return false;
    ret->type = type;
    ret->bytes = borrow(payload);
    if (type == VALUE_STRING && !utf8_valid(payload->data, payload->len))
        return refuse(d, STATUS_INVALID, "value is not UTF-8");
    if (type != VALUE_JSON)
        return true;
    switch (json_check(payload->data, payload->len)) {
    case JSON_GOOD: return true;
    case JSON_BAD: return refuse(d, STATUS_INVALID, "value is not JSON");
    case JSON_TOO_BIG: return refuse_limit(d, STATUS_LIMIT, "json_memory_max", JSON_MEMORY_MAX, payload->len);
    case JSON_TOO_DEEP: break;
    }
    return refuse_limit(d, STATUS_LIMIT, "json_depth_max", JSON_DEPTH_MAX, JSON_DEPTH_MAX + 1);
}

static bool decode_handle_value(struct decode *d, const Sluice__V1__HandleValue *m, struct value *ret)
{
    ret->type = VALUE_HANDLE;
    return decode_ref(d, m->ref, &ret->ref) && decode_rights(d, m->has_rights, m->rights, &ret->rights);
}

bool decode_value(struct decode *d, const Sluice__V1__Value *m, struct value *ret)
{
    *ret = (struct value){0};
    if (!m)
        return true;
    switch (m->kind_case) {
    case SLUICE__V1__VALUE__KIND_RAW: return decode_payload(d, VALUE_BYTES, &m->raw, ret);
    case SLUICE__V1__VALUE__KIND_TEXT: return decode_payload(d, VALUE_STRING, &m->text, ret);
    case SLUICE__V1__VALUE__KIND_JSON: return decode_payload(d, VALUE_JSON, &m->json, ret);
    case SLUICE__V1__VALUE__KIND_HANDLE: return decode_handle_value(d, m->handle, ret);
    case SLUICE__V1__VALUE__KIND_INTEGER:
        ret->type = VALUE_INT64;
        ret->int64 = m->integer;
        return true;
    case SLUICE__V1__VALUE__KIND_REAL:
        ret->type = VALUE_DOUBLE;
        ret->real = m->real;
        return true;
    default: return true;
    }
}

bool decode_value_required(struct decode *d, const Sluice__V1__Value *m, struct value *ret)
{
    if (!decode_value(d, m, ret))
        return false;
    return ret->type != VALUE_NONE || refuse(d, STATUS_INVALID, "value is missing");
}

bool decode_plain(struct decode *d, const Sluice__V1__Value *m, const char *fault, struct value *ret)
{
    return decode_value(d, m, ret) && (ret->type != VALUE_HANDLE || refuse(d, STATUS_INVALID, fault));
}

/* ---- Batches ---- */

static size_t batch_count(const Sluice__V1__Batch *m, enum value_type type)
{
    switch (type) {
    case VALUE_INT64: return m->n_integers;
    case VALUE_DOUBLE: return m->n_reals;
    case VALUE_HANDLE: return m->n_handles;
    default: return m->n_blobs;
    }
}

static bool decode_element(struct decode *d, const Sluice__V1__Batch *m, enum value_type type, size_t i,
                           struct value *ret)
{
    switch (type) {
    case VALUE_INT64: *ret = (struct value){.type = VALUE_INT64, .int64 = m->integers[i]}; return true;
    case VALUE_DOUBLE: *ret = (struct value){.type = VALUE_DOUBLE, .real = m->reals[i]}; return true;
    case VALUE_HANDLE: *ret = (struct value){0}; return decode_handle_value(d, m->handles[i], ret);
    default: ret->rights = 0; return decode_payload(d, type, &m->blobs[i], ret);
    }
}

bool decode_batch(struct decode *d, const Sluice__V1__Batch *m, const struct value **ret_values,
                  const int64_t **ret_ranks, uint32_t *ret_count)
{
    enum value_type type = VALUE_BYTES;
    if (!m)
        return refuse(d, STATUS_INVALID, "batch is missing");
    if (m->has_type && !decode_type(d, m->type, &type))
        return false;
    size_t count = batch_count(m, type);
    if (m->n_ranks != 0 && m->n_ranks != count)
        return refuse(d, STATUS_INVALID, "a batch has a rank for each of its values, or none");
    struct value *values = take_array(d, count, sizeof(*values));
    if (!values)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!decode_element(d, m, type, i, &values[i]))
            return false;
    }
    *ret_values = values;
    *ret_ranks = m->n_ranks ? m->ranks : NULL;
    *ret_count = (uint32_t)count;
    return true;
}

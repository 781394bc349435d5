/*
 * unpack.c - protobuf bytes into protobuf-c's generated structs, without copying payloads.
 *
 * A message is a run of fields. Each is read in its raw form (number, wire type, bits or bytes) and then stored as its descriptor
 * says. A repeated field is taken whole when its first element is met: one walk over the rest of the message counts, a second fills,
 * and the elements met later are passed over. So its array is exact, and no pattern of fields makes the work more than linear.
 *
 * It follows the encoding's rules for decoders: packed and unpacked forms are both taken, the last of several equal scalars wins,
 * integers are cut to the width of their field. Groups are refused, as protobuf-c does. An enum that is none of the known numbers is stored as it
 * is: who reads the message judges it.
 */
#include "unpack.h"

#include <assert.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct cursor {
    const uint8_t *at, *end;
};

/* A field as it stands on the wire. */
struct raw {
    uint32_t number, wire;
    uint64_t bits;        /* WIRE_VARINT, WIRE_64, WIRE_32 */
    const uint8_t *bytes; /* WIRE_BYTES */
    size_t size;
};

static bool read_varint_slow(struct cursor *c, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && c->at < c->end; shift += 7) {
        uint8_t byte = *c->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return shift < 63 || byte <= 1;
        }
    }
    return false;
}

static inline bool read_varint(struct cursor *c, uint64_t *ret)
{
    if (c->at < c->end && *c->at < 0x80) {
        *ret = *c->at++;
        return true;
    }
    return read_varint_slow(c, ret);
}

static inline bool read_fixed(struct cursor *c, size_t size, uint64_t *ret)
{
    if ((size_t)(c->end - c->at) < size)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)c->at[i] << (8 * i);
    c->at += size;
    *ret = value;
    return true;
}

/* Read one field; the cursor is not at its end. */
static inline bool read_field(struct cursor *c, struct raw *ret)
{
    uint64_t tag, size;
    const uint8_t *begin = c->at;
    if (!read_varint(c, &tag) || tag < 8 || tag > UINT32_MAX || c->at - begin > 5)
        return false;
    ret->number = (uint32_t)tag >> 3;
    ret->wire = (uint32_t)tag & 7;
    switch (ret->wire) {
    case WIRE_VARINT: return read_varint(c, &ret->bits);
    case WIRE_64: return read_fixed(c, 8, &ret->bits);
    case WIRE_32: return read_fixed(c, 4, &ret->bits);
    case WIRE_BYTES:
        if (!read_varint(c, &size) || size > (size_t)(c->end - c->at))
            return false;
        ret->bytes = c->at;
        ret->size = (size_t)size;
        c->at += size;
        return true;
    default: return false;
    }
}

/* The descriptor of a field number, or NULL. *hint is where the last one was: fields mostly come in order. */
static inline const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *d, uint32_t number,
                                                         unsigned *hint)
{
    for (unsigned i = *hint, tries = 0; i < d->n_fields && tries < 2; i++, tries++) {
        if (d->fields[i].id == number) {
            *hint = i;
            return &d->fields[i];
        }
    }
    for (unsigned r = 0; r < d->n_field_ranges; r++) {
        const ProtobufCIntRange *range = &d->field_ranges[r];
        uint32_t first = (uint32_t)range->start_value, count = range[1].orig_index - range->orig_index;
        if (number >= first && number - first < count) {
            *hint = range->orig_index + (number - first);
            return &d->fields[*hint];
        }
    }
    return NULL;
}

static bool fail(struct unpack *u, enum unpack_error error)
{
    u->error = error;
    return false;
}

/* The wire type that a scalar of this type has when it stands alone; no message, no bytes. */
static uint32_t scalar_wire(ProtobufCType type)
{
    return type == PROTOBUF_C_TYPE_DOUBLE ? WIRE_64 : WIRE_VARINT;
}

static bool is_scalar(ProtobufCType type)
{
    return type != PROTOBUF_C_TYPE_BYTES && type != PROTOBUF_C_TYPE_MESSAGE;
}

/* The bytes one element takes in its array. */
static size_t element_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64: return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_DOUBLE: return sizeof(double);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(ProtobufCMessage *);
    default: return sizeof(uint32_t);
    }
}

/* Store a scalar as its type wants it. The schema has no other types; the schema's test says so. */
static inline void store_scalar(ProtobufCType type, uint64_t bits, void *member)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64: *(uint64_t *)member = bits; break;
    case PROTOBUF_C_TYPE_SINT64: *(uint64_t *)member = (bits >> 1) ^ (0 - (bits & 1)); break;
    case PROTOBUF_C_TYPE_DOUBLE: memcpy(member, &bits, sizeof(double)); break;
    case PROTOBUF_C_TYPE_SINT32:
        *(uint32_t *)member = (uint32_t)bits >> 1 ^ (0 - ((uint32_t)bits & 1));
        break;
    case PROTOBUF_C_TYPE_BOOL: *(protobuf_c_boolean *)member = bits != 0; break;
    default: *(uint32_t *)member = (uint32_t)bits; break;
    }
}

/* Store one element that is no packed run. */
static bool store(struct unpack *u, const ProtobufCFieldDescriptor *f, const struct raw *raw, void *member)
{
    if (is_scalar(f->type)) {
        if (raw->wire != scalar_wire(f->type))
            return fail(u, UNPACK_MALFORMED);
        store_scalar(f->type, raw->bits, member);
        return true;
    }
    if (raw->wire != WIRE_BYTES)
        return fail(u, UNPACK_MALFORMED);
    if (f->type == PROTOBUF_C_TYPE_BYTES) {
        /* The struct has no const; nobody writes through it. */
        *(ProtobufCBinaryData *)member =
            (ProtobufCBinaryData){.len = raw->size, .data = (uint8_t *)raw->bytes};
        return true;
    }
    const ProtobufCMessageDescriptor *d = f->descriptor;
    ProtobufCMessage *child = arena_alloc(u->arena, d->sizeof_message);
    if (!child)
        return fail(u, UNPACK_NO_MEMORY);
    *(ProtobufCMessage **)member = child;
    return unpack_message(u, d, raw->bytes, raw->size, child);
}

static bool store_singular(struct unpack *u, const ProtobufCFieldDescriptor *f, const struct raw *raw,
                           ProtobufCMessage *message)
{
    uint8_t *base = (uint8_t *)message;
    void *member = base + f->offset;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *which = (uint32_t *)(base + f->quantifier_offset);
        if (*which)
            return fail(u, UNPACK_MALFORMED);
        *which = f->id;
    } else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (*(ProtobufCMessage **)member)
            return fail(u, UNPACK_MALFORMED);
    } else {
        *(protobuf_c_boolean *)(base + f->quantifier_offset) = 1;
    }
    return store(u, f, raw, member);
}

/* How many elements a field on the wire carries: one, or those of a packed run. */
static size_t count_elements(const ProtobufCFieldDescriptor *f, const struct raw *raw)
{
    if (!is_scalar(f->type) || raw->wire != WIRE_BYTES)
        return 1;
    if (scalar_wire(f->type) == WIRE_64)
        return raw->size / 8;
    size_t count = 0;
    for (size_t i = 0; i < raw->size; i++)
        count += raw->bytes[i] < 0x80;
    return count;
}

/* Append what one field on the wire carries to the array, whose next free place is *at. */
static bool append(struct unpack *u, const ProtobufCFieldDescriptor *f, const struct raw *raw, uint8_t **at,
                   const uint8_t *end)
{
    size_t size = element_size(f->type);
    if (!is_scalar(f->type) || raw->wire != WIRE_BYTES) {
        assert(*at + size <= end);
        if (!store(u, f, raw, *at))
            return false;
        *at += size;
        return true;
    }
    struct cursor c = {raw->bytes, raw->bytes + raw->size};
    while (c.at < c.end) {
        uint64_t bits;
        if (scalar_wire(f->type) == WIRE_64 ? !read_fixed(&c, 8, &bits) : !read_varint(&c, &bits))
            return fail(u, UNPACK_MALFORMED);
        assert(*at + size <= end);
        store_scalar(f->type, bits, *at);
        *at += size;
    }
    return true;
}

/* How many elements of a field there are in all: those of first, and those in the rest of the message. */
static size_t count_all(const ProtobufCFieldDescriptor *f, const struct raw *first, struct cursor rest)
{
    struct raw raw;
    size_t total = count_elements(f, first);
    while (rest.at < rest.end && read_field(&rest, &raw)) {
        if (raw.number == f->id)
            total += count_elements(f, &raw);
    }
    return total;
}

/*
 * Take a repeated field whole. first is its first element, *rest what follows that in the message; it moves past the elements that
 * follow at once.
 */
static bool store_repeated(struct unpack *u, const ProtobufCFieldDescriptor *f, const struct raw *first,
                           struct cursor *rest, ProtobufCMessage *message)
{
    size_t *count = (size_t *)((uint8_t *)message + f->quantifier_offset);
    void **array = (void **)((uint8_t *)message + f->offset);
    if (*array)
        return true;
    size_t total = count_all(f, first, *rest);
    if (total > UNPACK_REPEATED_MAX) {
        u->field = f;
        u->owner = message->descriptor;
        u->count = total;
        return fail(u, UNPACK_TOO_MANY);
    }
    uint8_t *at = arena_array(u->arena, total, element_size(f->type));
    if (!at)
        return fail(u, UNPACK_NO_MEMORY);
    *array = at;
    const uint8_t *end = at + total * element_size(f->type);
    if (!append(u, f, first, &at, end))
        return false;
    struct cursor c = *rest;
    bool at_once = true;
    for (struct raw raw; c.at < c.end && read_field(&c, &raw);) {
        at_once &= raw.number == f->id;
        if (raw.number == f->id && !append(u, f, &raw, &at, end))
            return false;
        if (at_once)
            *rest = c;
    }
    *count = total;
    return true;
}

bool unpack_message(struct unpack *u, const ProtobufCMessageDescriptor *d, const void *bytes, size_t size,
                    ProtobufCMessage *message)
{
    struct cursor c = {bytes, (const uint8_t *)bytes + size};
    unsigned hint = 0;
    d->message_init(message);
    while (c.at < c.end) {
        struct raw raw;
        if (!read_field(&c, &raw))
            return fail(u, UNPACK_MALFORMED);
        const ProtobufCFieldDescriptor *f = find_field(d, raw.number, &hint);
        if (!f)
            continue;
        if (f->label == PROTOBUF_C_LABEL_REPEATED ? !store_repeated(u, f, &raw, &c, message)
                                                  : !store_singular(u, f, &raw, message))
            return false;
    }
    return true;
}

/*
 * unpack_test.c - our unpacking against protobuf-c's own, and what ours refuses on purpose.
 *
 * Messages are written at random from the schema's descriptors: any fields in any order, packed runs and single elements, unknown fields between them. Both
 * readers must see the same message, compared by packing what each saw. Then the bytes are damaged: what ours still takes, the other must take as the
 * same. What ours refuses and the other takes is listed here, test by test.
 */
#include "client.h"

#include "unpack.h"

/* ---- Writing at random. ---- */

struct buffer {
    uint8_t bytes[1 << 16];
    size_t size;
};

static void put_byte(struct buffer *b, uint8_t byte)
{
    if (b->size < sizeof(b->bytes))
        b->bytes[b->size++] = byte;
}

static void put_varint(struct buffer *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        put_byte(b, (uint8_t)(v | 0x80));
    put_byte(b, (uint8_t)v);
}

static void put_run(struct buffer *b, uint32_t number, const uint8_t *bytes, size_t size)
{
    put_varint(b, (uint64_t)number << 3 | 2);
    put_varint(b, size);
    for (size_t i = 0; i < size; i++)
        put_byte(b, bytes[i]);
}

static uint64_t random_number(uint64_t *seed)
{
    return random_next(seed) >> (random_next(seed) % 64);
}

static void put_scalar(struct buffer *b, ProtobufCType type, uint64_t *seed)
{
    if (type == PROTOBUF_C_TYPE_DOUBLE) {
        uint64_t bits = random_next(seed);
        for (int i = 0; i < 8; i++)
            put_byte(b, (uint8_t)(bits >> (8 * i)));
    } else {
        put_varint(b, random_number(seed));
    }
}

static void put_message(struct buffer *b, const ProtobufCMessageDescriptor *d, uint64_t *seed);

static void put_field(struct buffer *b, const ProtobufCFieldDescriptor *f, uint64_t *seed)
{
    struct buffer *part = malloc(sizeof(*part));
    assert_non_null(part);
    part->size = 0;
    bool scalar = f->type != PROTOBUF_C_TYPE_BYTES && f->type != PROTOBUF_C_TYPE_MESSAGE;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        put_message(part, f->descriptor, seed);
    } else if (!scalar) {
        for (uint64_t n = random_next(seed) % 20; n; n--)
            put_byte(part, (uint8_t)random_next(seed));
    } else if (f->label == PROTOBUF_C_LABEL_REPEATED && random_next(seed) % 2) {
        for (uint64_t n = random_next(seed) % 9; n; n--)
            put_scalar(part, f->type, seed);
    } else {
        put_varint(b, (uint64_t)f->id << 3 | (f->type == PROTOBUF_C_TYPE_DOUBLE ? 1 : 0));
        put_scalar(b, f->type, seed);
        free(part);
        return;
    }
    put_run(b, f->id, part->bytes, part->size);
    free(part);
}

static void put_unknown(struct buffer *b, uint64_t *seed)
{
    uint32_t number = 1000 + (uint32_t)(random_next(seed) % 100000);
    switch (random_next(seed) % 4) {
    case 0: put_varint(b, (uint64_t)number << 3), put_varint(b, random_number(seed)); break;
    case 1: put_varint(b, (uint64_t)number << 3 | 1), put_scalar(b, PROTOBUF_C_TYPE_DOUBLE, seed); break;
    case 2: put_run(b, number, (const uint8_t *)"unknown", random_next(seed) % 8); break;
    default:
        put_varint(b, (uint64_t)number << 3 | 5), put_byte(b, 1), put_byte(b, 2), put_byte(b, 3),
            put_byte(b, 4);
        break;
    }
}

/* More than any of our messages has. */
enum { FIELDS_MAX = 256 };

static void put_message(struct buffer *b, const ProtobufCMessageDescriptor *d, uint64_t *seed)
{
    bool once[FIELDS_MAX] = {false};
    unsigned oneof = 0;
    assert_true(d->n_fields <= FIELDS_MAX);
    for (uint64_t n = random_next(seed) % 12; n && d->n_fields; n--) {
        unsigned i = (unsigned)(random_next(seed) % d->n_fields);
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        bool one = f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
        if (random_next(seed) % 16 == 0)
            put_unknown(b, seed);
        if ((one && oneof++) ||
            (f->label != PROTOBUF_C_LABEL_REPEATED && f->type == PROTOBUF_C_TYPE_MESSAGE && once[i]))
            continue;
        once[i] = true;
        put_field(b, f, seed);
    }
}

/* ---- Reading twice. ---- */

static void *arena_take(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void arena_ignore(void *arena, void *p)
{
    (void)arena, (void)p;
}

/* Take the unknown fields out of what protobuf-c read. */
static void drop_unknown(ProtobufCMessage *m)
{
    m->n_unknown_fields = 0;
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        if (f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        void *member = (uint8_t *)m + f->offset, *quantifier = (uint8_t *)m + f->quantifier_offset;
        if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && *(uint32_t *)quantifier != f->id)
            continue;
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            for (size_t k = 0; k < *(size_t *)quantifier; k++)
                drop_unknown((*(ProtobufCMessage ***)member)[k]);
        } else if (*(ProtobufCMessage **)member) {
            drop_unknown(*(ProtobufCMessage **)member);
        }
    }
}

/* Whether ours took the bytes; if so, the other must have read the same. */
static bool read_both(const ProtobufCMessageDescriptor *d, const uint8_t *bytes, size_t size)
{
    struct arena ours, theirs;
    struct frame f = frame_copy(bytes, size);
    arena_init(&ours, ARENA_SIZE_MAX);
    arena_init(&theirs, (size_t)256 << 20);
    ProtobufCAllocator allocator = {arena_take, arena_ignore, &theirs};
    struct unpack u = {.arena = &ours};
    ProtobufCMessage *mine = arena_alloc(&ours, d->sizeof_message);
    bool taken = unpack_message(&u, d, f.bytes, f.size, mine);
    if (taken) {
        ProtobufCMessage *other = protobuf_c_message_unpack(d, &allocator, f.size, f.bytes);
        assert_non_null(other);
        drop_unknown(other);
        struct frame a = frame_pack(mine), b = frame_pack(other);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.bytes, b.bytes, a.size);
        frame_free(a);
        frame_free(b);
    }
    frame_free(f);
    arena_done(&ours);
    arena_done(&theirs);
    return taken;
}

static const ProtobufCMessageDescriptor *const messages[] = {
    &sluice__v1__request__descriptor, &sluice__v1__make__descriptor,  &sluice__v1__batch__descriptor,
    &sluice__v1__select__descriptor,  &sluice__v1__reply__descriptor, &sluice__v1__context_spec__descriptor,
};

static void both_read_the_same(void **state)
{
    (void)state;
    static struct buffer b;
    uint64_t seed = seed_of("both_read_the_same");
    for (int round = 0; round < 20000; round++) {
        const ProtobufCMessageDescriptor *d =
            messages[random_next(&seed) % (sizeof(messages) / sizeof(messages[0]))];
        b.size = 0;
        put_message(&b, d, &seed);
        assert_true(read_both(d, b.bytes, b.size));
    }
}

static void damaged(void **state)
{
    (void)state;
    static struct buffer b;
    uint64_t seed = seed_of("damaged"), taken = 0;
    for (int round = 0; round < 60000; round++) {
        const ProtobufCMessageDescriptor *d =
            messages[random_next(&seed) % (sizeof(messages) / sizeof(messages[0]))];
        b.size = 0;
        put_message(&b, d, &seed);
        for (uint64_t n = 1 + random_next(&seed) % 3; n && b.size; n--)
            b.bytes[random_next(&seed) % b.size] = (uint8_t)random_next(&seed);
        if (random_next(&seed) % 4 == 0 && b.size)
            b.size = random_next(&seed) % b.size;
        taken += read_both(d, b.bytes, b.size);
    }
    assert_in_range(taken, 1000, 59000);
}

/* ---- What ours refuses. ---- */

/* Unpack a Request; the error, or -1 where it was taken. *ret_held: what the arena took. */
static int unpack_request(const void *bytes, size_t size, size_t *ret_held)
{
    struct arena a;
    struct frame f = frame_copy(bytes, size);
    struct unpack u = {.arena = &a};
    Sluice__V1__Request m;
    arena_init(&a, ARENA_SIZE_MAX);
    bool taken = unpack_message(&u, &sluice__v1__request__descriptor, f.bytes, f.size, &m.base);
    if (ret_held)
        *ret_held = a.held;
    arena_done(&a);
    frame_free(f);
    return taken ? -1 : (int)u.error;
}

#define TRY(bytes, ret) unpack_request(bytes, sizeof(bytes) - 1, ret)

static void malformed(void **state)
{
    (void)state;
    assert_int_equal(TRY("\x00\x01", NULL), UNPACK_MALFORMED);         /* field 0 */
    assert_int_equal(TRY("\x10", NULL), UNPACK_MALFORMED);             /* no value */
    assert_int_equal(TRY("\x10\x80", NULL), UNPACK_MALFORMED);         /* half a varint */
    assert_int_equal(TRY("\x0b", NULL), UNPACK_MALFORMED);             /* a group */
    assert_int_equal(TRY("\x0c", NULL), UNPACK_MALFORMED);             /* its end */
    assert_int_equal(TRY("\x0e", NULL), UNPACK_MALFORMED);             /* no such wire type */
    assert_int_equal(TRY("\x42\x05\x0a", NULL), UNPACK_MALFORMED);     /* longer than there is */
    assert_int_equal(TRY("\x11\x01\x02\x03", NULL), UNPACK_MALFORMED); /* half a fixed64 */
    assert_int_equal(TRY("\x40\x01", NULL), UNPACK_MALFORMED);         /* a message as a number */
    assert_int_equal(TRY("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", NULL), UNPACK_MALFORMED);
    assert_int_equal(TRY("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", NULL), UNPACK_MALFORMED);
    assert_int_equal(TRY("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", NULL), UNPACK_MALFORMED);
    assert_int_equal(TRY("\x90\x80\x80\x80\x80\x00\x01", NULL), UNPACK_MALFORMED); /* a key of six bytes */
    assert_int_equal(TRY("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", NULL), -1);
    assert_int_equal(TRY("", NULL), -1);
}

static void a_message_set_twice(void **state)
{
    (void)state;
    assert_int_equal(TRY("\x22\x02\x08\x01\x22\x02\x08\x02", NULL), UNPACK_MALFORMED); /* context, context */
    assert_int_equal(TRY("\x42\x00\x42\x00", NULL), UNPACK_MALFORMED);                 /* send, send */
    assert_int_equal(TRY("\x42\x00\x4a\x00", NULL), UNPACK_MALFORMED);                 /* send, recv */
    assert_int_equal(TRY("\x10\x01\x10\x02", NULL), -1); /* a number: the last wins */
}

/* count times the bytes. */
static struct frame repeat(const char *bytes, size_t size, size_t count)
{
    struct frame f = {.bytes = malloc(size * count), .size = size * count};
    assert_non_null(f.bytes);
    for (size_t i = 0; i < count; i++)
        memcpy(f.bytes + i * size, bytes, size);
    return f;
}

/* The bytes as the field of a Request. */
static struct frame wrap(uint32_t number, struct frame inner)
{
    struct frame f = {.bytes = malloc(inner.size + 12)};
    assert_non_null(f.bytes);
    uint64_t heads[2] = {(uint64_t)number << 3 | 2, inner.size};
    for (int i = 0; i < 2; i++) {
        for (; heads[i] >= 0x80; heads[i] >>= 7)
            f.bytes[f.size++] = (uint8_t)(heads[i] | 0x80);
        f.bytes[f.size++] = (uint8_t)heads[i];
    }
    memcpy(f.bytes + f.size, inner.bytes, inner.size);
    f.size += inner.size;
    frame_free(inner);
    return f;
}

/* A megabyte and more of the same: refused or taken, and in either case within these bytes of arena. */
static void expect_held(uint32_t number, const char *bytes, size_t size, size_t count, int wanted,
                        size_t held_max)
{
    size_t held;
    struct frame f = wrap(number, repeat(bytes, size, count));
    assert_int_equal(unpack_request(f.bytes, f.size, &held), wanted);
    assert_in_range(held, 0, held_max);
    frame_free(f);
}

static void amplification(void **state)
{
    (void)state;
    size_t little = (size_t)64 << 10;
    expect_held(10, "\x0a\x00", 2, 1 << 20, UNPACK_TOO_MANY, little); /* a million empty arms */
    expect_held(10, "\x0a\x00", 2, 65536, -1, (size_t)24 << 20);      /* as many as may be */
    expect_held(10, "\x0a\x0c\x12\x00\x1a\x04\x32\x02\x0a\x00\x3a\x00\x4a\x00", 14, 65536, -1,
                ARENA_SIZE_MAX);                                      /* with everything in them */
    expect_held(10, "\x7a\x00", 2, 1 << 20, -1, little);              /* unknown fields */
    expect_held(13, "\x0a\x00", 2, 1 << 20, -1, little);              /* a million empty packed runs */
    expect_held(13, "\x08\x01", 2, 1 << 20, UNPACK_TOO_MANY, little); /* single elements */
    expect_held(7, "\x01", 1, 1 << 20, UNPACK_TOO_MANY, little);      /* one long packed run */
    expect_held(7, "\x01", 1, 65536, -1, (size_t)1 << 20);
    expect_held(11, "\x12\x02\x12\x00", 4, 1 << 18, UNPACK_MALFORMED, little); /* a batch again and again */
    expect_held(20, "\x4a\x02\x42\x00", 4, 1 << 18, UNPACK_MALFORMED, little); /* a spec again and again */
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct frame f = wrap(10, repeat("\x0a\x00", 2, 65536));
    struct arena a;
    struct unpack u = {.arena = &a};
    Sluice__V1__Request m;
    arena_init(&a, (size_t)1 << 20);
    assert_false(unpack_message(&u, &sluice__v1__request__descriptor, f.bytes, f.size, &m.base));
    assert_int_equal(u.error, UNPACK_NO_MEMORY);
    assert_true(a.held <= (size_t)1 << 20);
    arena_done(&a);
    frame_free(f);
}

static void payloads_are_borrowed(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x42, 0x07, 0x12, 0x05, 0x0a, 0x03, 'a', 'b', 'c'};
    struct arena a;
    struct unpack u = {.arena = &a};
    Sluice__V1__Request m;
    arena_init(&a, ARENA_SIZE_MAX);
    assert_true(unpack_message(&u, &sluice__v1__request__descriptor, bytes, sizeof(bytes), &m.base));
    assert_ptr_equal(m.send->value->raw.data, &bytes[6]);
    assert_int_equal(m.send->value->raw.len, 3);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_read_the_same),
        cmocka_unit_test(damaged),
        cmocka_unit_test(malformed),
        cmocka_unit_test(a_message_set_twice),
        cmocka_unit_test(amplification),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(payloads_are_borrowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

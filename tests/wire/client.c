/*
 * client.c - the other side of the wire, for tests.
 *
 * Everything is made by protobuf-c's own pack and unpack. Frames are allocated at their exact size, an empty one with a byte it may not touch,
 * so that AddressSanitizer guards both ends of what the codec is given.
 */
#include "client.h"

#include <stdio.h>
#include <time.h>

const struct limits default_limits = {
    .payload_size_max = PAYLOAD_SIZE_DEFAULT,
    .memory_max = MEMORY_DEFAULT,
    .sessions_max = SESSIONS_DEFAULT,
    .objects_max = OBJECTS_DEFAULT,
    .handles_max = HANDLES_DEFAULT,
    .calls_max = CALLS_DEFAULT,
    .resume_max_ns = RESUME_WINDOW_DEFAULT_NS,
};

struct frame frame_pack(const void *message)
{
    struct frame f = {.size = protobuf_c_message_get_packed_size(message)};
    f.bytes = malloc(f.size ? f.size : 1);
    assert_non_null(f.bytes);
    assert_int_equal(protobuf_c_message_pack(message, f.bytes), f.size);
    return f;
}

struct frame frame_copy(const void *bytes, size_t size)
{
    struct frame f = {.bytes = malloc(size ? size : 1), .size = size};
    assert_non_null(f.bytes);
    memcpy(f.bytes, bytes, size);
    return f;
}

struct frame frame_free(struct frame f)
{
    free(f.bytes);
    return (struct frame){0};
}

static bool decode(struct wire *w, const Sluice__V1__Request *m, struct wire_request *ret,
                   struct wire_refusal *ret_refusal)
{
    static struct frame last;
    frame_free(last);
    last = frame_pack(m);
    return wire_decode(w, last.bytes, last.size, ret, ret_refusal);
}

void decode_good(struct wire *w, const Sluice__V1__Request *m, struct wire_request *ret)
{
    struct wire_refusal refusal = {0};
    if (!decode(w, m, ret, &refusal))
        fail_msg("refused with %s: %s", status_name(refusal.status), refusal.message ? refusal.message : "");
}

struct wire_refusal decode_bad(struct wire *w, const Sluice__V1__Request *m, enum status status)
{
    struct wire_refusal refusal = {0};
    struct wire_request request;
    assert_false(decode(w, m, &request, &refusal));
    assert_string_equal(status_name(refusal.status), status_name(status));
    assert_int_equal(request.op.seq, m->seq);
    return refusal;
}

void expect_message(struct wire *w, const Sluice__V1__Request *m, enum status status, const char *message)
{
    struct wire_refusal refusal = decode_bad(w, m, status);
    if (message) {
        assert_non_null(refusal.message);
        assert_string_equal(refusal.message, message);
    } else {
        assert_null(refusal.message);
    }
}

void expect_limit(struct wire *w, const Sluice__V1__Request *m, enum status status, const char *name,
                  uint64_t value, uint64_t use)
{
    struct wire_refusal refusal = decode_bad(w, m, status);
    assert_non_null(refusal.limit.name);
    assert_string_equal(refusal.limit.name, name);
    assert_int_equal(refusal.limit.value, value);
    assert_int_equal(refusal.limit.use, use);
}

static uint8_t *sink_reserve(struct wire_out *out, size_t size)
{
    struct sink *s = (struct sink *)out;
    s->frame = frame_free(s->frame);
    if (s->deaf)
        return NULL;
    s->shipped++;
    s->frame.size = size;
    s->frame.bytes = malloc(size ? size : 1);
    assert_non_null(s->frame.bytes);
    memset(s->frame.bytes, 0xee, size);
    return s->frame.bytes;
}

void sink_init(struct sink *s)
{
    *s = (struct sink){.out.reserve = sink_reserve};
}

void sink_done(struct sink *s)
{
    s->frame = frame_free(s->frame);
}

Sluice__V1__Reply *sink_reply(const struct sink *s)
{
    assert_non_null(s->frame.bytes);
    Sluice__V1__Reply *m = sluice__v1__reply__unpack(NULL, s->frame.size, s->frame.bytes);
    assert_non_null(m);
    assert_int_equal(m->base.n_unknown_fields, 0);
    return m;
}

void reply_free(Sluice__V1__Reply *m)
{
    sluice__v1__reply__free_unpacked(m, NULL);
}

ProtobufCBinaryData data_of(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

void assert_bytes(struct bytes b, const char *text)
{
    assert_int_equal(b.size, strlen(text));
    assert_memory_equal(b.data, text, b.size);
}

void assert_data(ProtobufCBinaryData b, const char *text)
{
    assert_bytes((struct bytes){b.data, b.len}, text);
}

uint64_t seed_of(const char *test)
{
    const char *given = getenv("SLUICE_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed =
        given ? strtoull(given, NULL, 0) : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
    print_message("%s: SLUICE_SEED=%llu\n", test, (unsigned long long)seed);
    return seed;
}

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

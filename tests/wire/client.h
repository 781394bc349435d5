/*
 * client.h - the other side of the wire, for tests: requests packed and replies unpacked by protobuf-c itself.
 *
 * What the codec reads was written by the generated code, and what it writes is read by it, so a test of one direction is a test against an
 * implementation that knows nothing of ours. Buffers are exact to the byte, so that a sanitizer sees a read past the end.
 */
#ifndef TESTS_WIRE_CLIENT_H
#define TESTS_WIRE_CLIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec.h"

/* Bytes on the heap. */
struct frame {
    uint8_t *bytes;
    size_t size;
};

/* A wire_out that keeps the last reply. */
struct sink {
    struct wire_out out;
    struct frame frame;
    unsigned shipped; /* replies */
    bool deaf;        /* reserve gives NULL */
};

/* Default limits. */
extern const struct limits default_limits;

/* The bytes of a message; frame_free them. */
struct frame frame_pack(const void *message);
struct frame frame_copy(const void *bytes, size_t size);
struct frame frame_free(struct frame f);

/* Pack, decode, expect success. The frame must outlive *ret; it is freed with the next call. */
void decode_good(struct wire *w, const Sluice__V1__Request *m, struct wire_request *ret);
/* Pack, decode, expect this status. */
struct wire_refusal decode_bad(struct wire *w, const Sluice__V1__Request *m, enum status status);
/* The same with a message text, or NULL. */
void expect_message(struct wire *w, const Sluice__V1__Request *m, enum status status, const char *message);
/* The same with a limit. */
void expect_limit(struct wire *w, const Sluice__V1__Request *m, enum status status, const char *name,
                  uint64_t value, uint64_t use);

void sink_init(struct sink *s);
void sink_done(struct sink *s);
/* The last reply, as protobuf-c reads it; reply_free it. */
Sluice__V1__Reply *sink_reply(const struct sink *s);
void reply_free(Sluice__V1__Reply *m);

ProtobufCBinaryData data_of(const char *text);
void assert_bytes(struct bytes b, const char *text);
void assert_data(ProtobufCBinaryData b, const char *text);

/* A generator of its own for tests; a failure prints the seed. seed_of takes SLUICE_SEED when it is set. */
uint64_t seed_of(const char *test);
uint64_t random_next(uint64_t *state);

#endif

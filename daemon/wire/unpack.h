/*
 * unpack.h - protobuf bytes into protobuf-c's generated structs, without copying payloads.
 *
 * protobuf-c's own unpack copies every `bytes` field, keeps unknown fields, and merges a repeated singular message in quadratic
 * time. This one reads the same descriptors into the same structs but
 *   - borrows `bytes` from the input, so a payload is not touched at all;
 *   - skips unknown fields and keeps nothing of them;
 *   - refuses a singular message, or a oneof, that is set twice (the protobuf rule would merge them; no encoder writes that);
 *   - bounds the elements of a repeated field before it takes memory for them.
 * The result is read only and must not be freed: all of it lives in the arena and in the input.
 *
 * Cost: O(size) times the number of repeated fields a message has; recursion as deep as the schema, which has no cycles.
 */
#ifndef WIRE_UNPACK_H
#define WIRE_UNPACK_H

#include <protobuf-c/protobuf-c.h>

#include "arena.h"

/* No repeated field of a request may have more elements. */
#define UNPACK_REPEATED_MAX 65536u

enum unpack_error { UNPACK_MALFORMED, UNPACK_TOO_MANY, UNPACK_NO_MEMORY };

struct unpack {
    struct arena *arena;
    enum unpack_error error;                 /* why unpack_message returned false */
    const ProtobufCFieldDescriptor *field;   /* UNPACK_TOO_MANY: which */
    const ProtobufCMessageDescriptor *owner; /* and whose */
    size_t count;                            /* how many there are */
};

/*
 * Fill the message (of d->sizeof_message bytes) from bytes. False: u->error says why, and the message holds what was read until then.
 */
bool unpack_message(struct unpack *u, const ProtobufCMessageDescriptor *d, const void *bytes, size_t size,
                    ProtobufCMessage *message);

#endif

/*
 * wire.h - bytes into operations, answers into bytes.
 *
 * The wire layer knows sluice.proto and the engine's op.h and nothing of sockets. It is total: any bytes give a request or a
 * status. What it lets through is well formed - names, sizes, counts, UTF-8, JSON - so that the engine need not look again.
 *
 * A `struct wire` is a codec with its arenas: what wire_decode returns lives there until the next wire_decode. Payloads are not copied: the
 * op borrows them from the body. Encoding writes once, straight to where the front wants the bytes: the front gives a
 * `struct wire_out`, whose reserve() hands out room for exactly one reply body.
 *
 * Cost: linear in the bytes, whatever they are; no allocation but in the arena, which is kept while it is small, and is bounded
 * (ARENA_SIZE_MAX in arena.h), so that no message can make the daemon take memory out of proportion.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include "engine.h"

#define WIRE_MAJOR 1u
#define WIRE_MINOR 0u

struct wire;

/* What the daemon knows and the engine does not; it goes into replies. Strings are borrowed for the call. */
struct wire_world {
    const char *version; /* "0.1.0" */
    int32_t pid;
    uint32_t uid;
    const char *const *addresses; /* NULL-terminated */
    int64_t started_ns;           /* on the daemon's clock */
    int64_t now_ns;
    int64_t wall_offset_ns;
    bool virtual_clock;
    uint64_t frame_size_max;
    int64_t next_deadline_ns; /* NEVER_NS: none */
};

/* One decoded request: an op for the engine, or a question for the daemon (op.code says which, by its class). */
struct wire_request {
    struct op op; /* route, session, hello.uid/gid/pid, make.owner, adopt.owner are the caller's to fill */
    bool has_session;
    uint8_t session[SESSION_ID_SIZE];
    int32_t for_pid; /* OP_MAKE, LIFE_EPHEMERAL; OP_ADOPT. 0: the session itself */
    uint32_t hello_major, hello_minor;
    union {
        struct {
            struct bytes prefix;
            enum kind_code kind;
            uint64_t after;
            uint32_t max;
            bool anonymous;
        } list;
        struct {
            uint64_t after;
            uint32_t max;
        } dump;
        struct {
            bool moves;
            bool has_advance, has_until, next_deadline, settle;
            int64_t advance_ns, until_ns;
        } clock;
    };
};

/* Why a request was refused. */
struct wire_refusal {
    enum status status;
    const char *message; /* static, or the codec's until its next wire_decode; NULL: the status's own text */
    struct limit_hit limit;
};

/*
 * Where a reply body goes. reserve is called once a reply, and returns room for size bytes, all of which the codec fills before it
 * returns, or NULL: then the reply is dropped (the peer is going away). size may be 0: OK and nothing more is an empty body.
 */
struct wire_out {
    uint8_t *(*reserve)(struct wire_out *out, size_t size);
};

/* A codec, or NULL without memory. limits is copied. */
struct wire *wire_new(const struct limits *limits);
struct wire *wire_free(struct wire *w);

/* The largest frame body that can be good under these limits: what the fronts refuse to read beyond. */
uint64_t wire_frame_size_max(const struct limits *limits);

/*
 * Decode one Request. True: *ret is good and borrows from body and the arena. False: *ret_refusal says why (MALFORMED, UNKNOWN_OP,
 * BAD_NAME, TOO_LARGE, LIMIT, INVALID, BAD_VERSION, NO_MEMORY); ret->op.seq and ret->op.code are set as far as they were seen; a code
 * that was not is OP_COUNT.
 */
bool wire_decode(struct wire *w, const void *body, size_t size, struct wire_request *ret,
                 struct wire_refusal *ret_refusal);

/* Encode an answer of the engine. HELLO's takes its facts from world. */
void wire_reply(struct wire *w, const struct engine *e, const struct reply *reply,
                const struct wire_world *world, struct wire_out *out);
/* Encode a refusal. BAD_VERSION carries the daemon's own version. */
void wire_refuse(struct wire *w, const struct wire_refusal *refusal, struct wire_out *out);

/*
 * Answer the questions (CLASS_QUERY, CLASS_DAEMON): DESCRIBE, LIST, DUMP, DEADLOCK from the engine's views, STATUS from both, REFLECT and CLOCK
 * from the tables and world. req is what wire_decode gave, with its session filled in for DESCRIBE.
 */
void wire_answer(struct wire *w, const struct engine *e, const struct wire_request *req,
                 const struct wire_world *world, struct wire_out *out);

#endif

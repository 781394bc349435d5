/*
 * decode.c - fuzzing the whole way of a request: bytes, op, engine, reply, bytes.
 *
 * An input is a run of frames, so that sequences of requests are explored and not only single ones:
 *
 *     control  1 byte     bits 0-1  which of four sessions speaks
 *                         bits 2-3  how far the clock moves first: not, 1 ns, 1 us, 1 s
 *                         bits 4-6  what the frame is (enum act)
 *     size     2 bytes    little-endian; what is left of the input when that is less
 *     body     size bytes
 *
 * Each input has an engine of its own, with small limits, so a crash needs nothing but its input. After every step the engine audits itself. Every reply
 * is written by hand and through the generated code, which must agree, and read by protobuf-c.
 *
 *     build/fuzz/targets/decode tests/fuzz/corpus/decode
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

enum { SESSIONS = 4 };

/* What a frame does. All numbers that are none of these are requests too, so that most of them are. */
enum act {
    ACT_TICK = 3,      /* time passes */
    ACT_WRITTEN,       /* all replies of the session are written */
    ACT_UNDELIVERED,   /* the body's first byte names the route whose reply was not */
    ACT_RECONNECT,     /* the connection goes and comes again */
    ACT_OUT_OF_MEMORY, /* a request, and the allocation that the body's first byte names fails */
};

static const struct limits fuzz_limits = {
    .payload_size_max = 2048,
    .memory_max = 4 << 20,
    .sessions_max = 8,
    .objects_max = 32,
    .handles_max = 32,
    .calls_max = 64,
    .resume_max_ns = 1000000000,
};

static struct wire *wire;

/* One input at work. */
struct run {
    struct engine *engine;
    int64_t now_ns;
    uint64_t sessions[SESSIONS]; /* their numbers */
    uint64_t route;
    struct wire_world world;
};

/* Room for a reply, exact, so that a sanitizer sees a byte too many. */
struct room {
    struct wire_out out;
    uint8_t *bytes;
    size_t size;
};

static uint8_t *room_reserve(struct wire_out *out, size_t size)
{
    struct room *room = (struct room *)out;
    assert(!room->bytes);
    room->size = size;
    room->bytes = malloc(size ? size : 1);
    return room->bytes;
}

static void room_check(struct room *room)
{
    assert(room->bytes);
    Sluice__V1__Reply *m = sluice__v1__reply__unpack(NULL, room->size, room->bytes);
    assert(m && m->base.n_unknown_fields == 0);
    sluice__v1__reply__free_unpacked(m, NULL);
}

static void ship_reply(struct run *run, const struct reply *reply)
{
    struct room by_hand = {.out.reserve = room_reserve}, generated = by_hand;
    wire_reply(wire, run->engine, reply, &run->world, &by_hand.out);
    encode_reply(wire, run->engine, reply, &run->world, &generated.out);
    assert(by_hand.size == generated.size && memcmp(by_hand.bytes, generated.bytes, generated.size) == 0);
    room_check(&by_hand);
    free(by_hand.bytes);
    free(generated.bytes);
}

static void step(struct run *run, const struct op *op, unsigned who)
{
    struct effects fx;
    struct reply reply;
    uint64_t ended;
    engine_step(run->engine, run->now_ns, op, &fx);
    engine_audit(run->engine);
    while (effects_next_reply(&fx, &reply)) {
        if (reply.result == RESULT_SESSION && reply.status == STATUS_OK)
            run->sessions[who] = reply.opened.number;
        ship_reply(run, &reply);
    }
    while (effects_next_ended(&fx, &ended))
        assert(ended != 0);
}

static void say_hello(struct run *run, unsigned who)
{
    struct op op = {.code = OP_HELLO, .route = ++run->route};
    op.hello.id[0] = (uint8_t)(who + 1);
    op.hello.anonymous = who == 3;
    op.hello.resume_ns = who == 2 ? 1000000 : 0;
    op.hello.lease_ns = who == 1 ? 2000000000 : 0;
    op.hello.uid = 1000;
    op.hello.pid = 1;
    step(run, &op, who);
}

static void do_event(struct run *run, enum op_code code, unsigned who, uint64_t route)
{
    struct op op = {.code = code, .session = code == OP_TICK ? 0 : run->sessions[who]};
    if (code == OP_UNDELIVERED)
        op.undelivered.route = route;
    step(run, &op, who);
}

static void do_request(struct run *run, unsigned who, const uint8_t *bytes, size_t size)
{
    struct wire_request request;
    struct wire_refusal refusal;
    struct room room = {.out.reserve = room_reserve};
    uint8_t *body = malloc(size ? size : 1);
    assert(body);
    memcpy(body, bytes, size);
    run->world.now_ns = run->now_ns;
    if (!wire_decode(wire, body, size, &request, &refusal)) {
        wire_refuse(wire, &refusal, &room.out);
        room_check(&room);
    } else {
        struct op *op = &request.op;
        op->session = op->code == OP_HELLO ? 0 : run->sessions[who];
        op->route = ++run->route;
        step(run, op, who);
        if (op_rows[op->code].class == CLASS_QUERY || op_rows[op->code].class == CLASS_DAEMON) {
            wire_answer(wire, run->engine, &request, &run->world, &room.out);
            room_check(&room);
        }
    }
    free(room.bytes);
    free(body);
}

static void do_frame(struct run *run, uint8_t control, const uint8_t *body, size_t size)
{
    static const int64_t moves_ns[4] = {0, 1, 1000, 1000000000};
    unsigned who = control & 3;
    run->now_ns += moves_ns[control >> 2 & 3];
    switch (control >> 4 & 7) {
    case ACT_TICK: do_event(run, OP_TICK, who, 0); return;
    case ACT_WRITTEN: do_event(run, OP_WRITTEN, who, 0); return;
    case ACT_UNDELIVERED: do_event(run, OP_UNDELIVERED, who, size ? body[0] : 0); return;
    case ACT_RECONNECT:
        do_event(run, OP_DETACH, who, 0);
        say_hello(run, who);
        return;
    case ACT_OUT_OF_MEMORY:
        if (size) {
            engine_fail_allocation(run->engine, body[0]);
            do_request(run, who, body + 1, size - 1);
            engine_fail_allocation(run->engine, 0);
        }
        return;
    default: do_request(run, who, body, size); return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct engine_options options = {.seed = 7, .limits = fuzz_limits};
    struct run run = {.now_ns = 1, .engine = engine_new(&options)};
    run.world = (struct wire_world){.version = "fuzz", .next_deadline_ns = NEVER_NS};
    if (!wire)
        wire = wire_new(&fuzz_limits);
    assert(run.engine && wire);
    for (unsigned who = 0; who < SESSIONS; who++)
        say_hello(&run, who);
    while (size >= 3) {
        size_t body = (size_t)data[1] | (size_t)data[2] << 8;
        body = body < size - 3 ? body : size - 3;
        do_frame(&run, data[0], data + 3, body);
        data += 3 + body;
        size -= 3 + body;
    }
    engine_free(run.engine);
    return 0;
}

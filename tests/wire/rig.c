/*
 * rig.c - a daemon without sockets: codec, engine, codec, for tests that ask and are answered.
 *
 * What the loop of the daemon does between decode and encode is done here in ten lines: the session and the route are filled in, the engine is
 * stepped and audited, and each reply goes to the request it belongs to.
 */
#include "rig.h"

static const char *const addresses[] = {"ipc:///run/test.sock", "tcp://127.0.0.1:1", NULL};

/* Encode a reply both ways; keep it under its route. */
static void keep_reply(struct rig *r, const struct reply *reply)
{
    wire_reply(r->wire, r->engine, reply, &r->world, &r->sink.out);
    encode_reply(r->wire, r->engine, reply, &r->world, &r->other.out);
    assert_int_equal(r->sink.frame.size, r->other.frame.size);
    assert_memory_equal(r->sink.frame.bytes, r->other.frame.bytes, r->sink.frame.size);
    assert_in_range(reply->route, 1, RIG_REPLIES_MAX - 1);
    assert_null(r->replies[reply->route]);
    r->replies[reply->route] = sink_reply(&r->sink);
}

static void step(struct rig *r, const struct op *op)
{
    struct effects fx;
    struct reply reply;
    engine_step(r->engine, r->now_ns, op, &fx);
    while (effects_next_reply(&fx, &reply)) {
        if (reply.op == OP_HELLO)
            r->session = reply.opened.number;
        keep_reply(r, &reply);
    }
    engine_audit(r->engine);
}

/* Decode a request, and have it done. The route of its reply. */
static uint64_t ask(struct rig *r, const Sluice__V1__Request *m)
{
    struct wire_request request;
    decode_good(r->wire, m, &request);
    r->route = r->route % (RIG_REPLIES_MAX - 1) + 1;
    request.op.route = r->route;
    request.op.session = request.op.code == OP_HELLO ? 0 : r->session;
    r->world.now_ns = r->now_ns;
    enum op_class class = op_rows[request.op.code].class;
    if (class == CLASS_QUERY || class == CLASS_DAEMON) {
        wire_answer(r->wire, r->engine, &request, &r->world, &r->sink.out);
        assert_null(r->replies[r->route]);
        r->replies[r->route] = sink_reply(&r->sink);
    } else {
        step(r, &request.op);
    }
    return r->route;
}

Sluice__V1__Reply *rig_take(struct rig *r, uint64_t route)
{
    Sluice__V1__Reply *m = r->replies[route];
    assert_non_null(m);
    r->replies[route] = NULL;
    return m;
}

Sluice__V1__Reply *rig_ask(struct rig *r, const Sluice__V1__Request *m)
{
    return rig_take(r, ask(r, m));
}

uint64_t rig_park(struct rig *r, const Sluice__V1__Request *m)
{
    uint64_t route = ask(r, m);
    assert_null(r->replies[route]);
    return route;
}

void request_init(Sluice__V1__Request *m, Sluice__V1__Request__OpCase op, void *message)
{
    sluice__v1__request__init(m);
    m->op_case = op;
    m->send = message;
}

Sluice__V1__Ref ref_handle(uint64_t handle)
{
    Sluice__V1__Ref ref = SLUICE__V1__REF__INIT;
    ref.has_handle = 1;
    ref.handle = handle;
    return ref;
}

Sluice__V1__Ref ref_name(const char *name)
{
    Sluice__V1__Ref ref = SLUICE__V1__REF__INIT;
    ref.has_name = 1;
    ref.name = data_of(name);
    return ref;
}

Sluice__V1__Reply *rig_expect(struct rig *r, const Sluice__V1__Request *m, Sluice__V1__Status status)
{
    Sluice__V1__Reply *reply = rig_ask(r, m);
    assert_int_equal(reply->status, status);
    return reply;
}

void rig_ok(struct rig *r, const Sluice__V1__Request *m)
{
    reply_free(rig_expect(r, m, SLUICE__V1__STATUS__OK));
}

void rig_make(struct rig *r, const char *name, Sluice__V1__Make__SpecCase kind, void *spec)
{
    Sluice__V1__Request m;
    Sluice__V1__Make make = SLUICE__V1__MAKE__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_MAKE, &make);
    make.has_name = 1;
    make.name = data_of(name);
    make.spec_case = kind;
    make.channel = spec;
    rig_ok(r, &m);
}

Sluice__V1__Reply *rig_describe(struct rig *r, const char *name)
{
    Sluice__V1__Request m;
    Sluice__V1__Describe op = SLUICE__V1__DESCRIBE__INIT;
    Sluice__V1__Ref ref = ref_name(name);
    request_init(&m, SLUICE__V1__REQUEST__OP_DESCRIBE, &op);
    op.ref = &ref;
    return rig_expect(r, &m, SLUICE__V1__STATUS__OK);
}

uint64_t rig_channel(struct rig *r, const char *name, Sluice__V1__Type type, int64_t cap)
{
    Sluice__V1__Request m;
    Sluice__V1__Make make = SLUICE__V1__MAKE__INIT;
    Sluice__V1__ChannelSpec spec = SLUICE__V1__CHANNEL_SPEC__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_MAKE, &make);
    make.has_name = name != NULL;
    if (name)
        make.name = data_of(name);
    make.spec_case = SLUICE__V1__MAKE__SPEC_CHANNEL;
    make.channel = &spec;
    spec.has_type = spec.has_cap = 1;
    spec.type = type;
    spec.cap = cap;
    Sluice__V1__Reply *reply = rig_ask(r, &m);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_MADE);
    uint64_t handle = reply->made->handle;
    reply_free(reply);
    return handle;
}

void rig_start(struct rig *r)
{
    *r = (struct rig){
        .world = {.version = "0.1.0",
                  .pid = 42,
                  .uid = 1000,
                  .addresses = addresses,
                  .started_ns = 400,
                  .wall_offset_ns = 77,
                  .frame_size_max = wire_frame_size_max(&default_limits),
                  .next_deadline_ns = NEVER_NS},
        .now_ns = 1000,
    };
    struct engine_options options = {.seed = 1, .limits = default_limits};
    r->engine = engine_new(&options);
    r->wire = wire_new(&default_limits);
    assert_non_null(r->engine);
    assert_non_null(r->wire);
    sink_init(&r->sink);
    sink_init(&r->other);
}

void rig_init(struct rig *r)
{
    rig_start(r);
    Sluice__V1__Request m;
    Sluice__V1__Hello hello = SLUICE__V1__HELLO__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_HELLO, &hello);
    hello.has_major = hello.has_session = hello.has_name = 1;
    hello.major = WIRE_MAJOR;
    hello.session = data_of("0123456789abcdef");
    hello.name = data_of("tester");
    Sluice__V1__Reply *reply = rig_ask(r, &m);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->hello->session_number, r->session);
    reply_free(reply);
}

void rig_done(struct rig *r)
{
    for (int i = 0; i < RIG_REPLIES_MAX; i++) {
        if (r->replies[i])
            reply_free(r->replies[i]);
    }
    sink_done(&r->sink);
    sink_done(&r->other);
    wire_free(r->wire);
    engine_free(r->engine);
}

/*
 * refuse_test.c - each thing that the codec refuses, with its status, text or limit.
 *
 * A refusal names what is wrong, and the request's number comes with it (decode_bad looks). Then the blunt ones: every prefix of good frames, and
 * good frames with random damage, which must give a request or a refusal and nothing else.
 */
#include "client.h"

typedef Sluice__V1__Request Request;

static struct wire *w;

/* A request with its number, and one of each thing it may point to. */
static Request m;
static Sluice__V1__Ref ref;
static Sluice__V1__Value value;
static Sluice__V1__Send send_op;
static Sluice__V1__Recv recv_op;

#define OPERATION(field, message)                    \
    do {                                             \
        m.op_case = SLUICE__V1__REQUEST__OP_##field; \
        m.send = (void *)(message);                  \
    } while (0)

static int fresh(void **state)
{
    (void)state;
    sluice__v1__request__init(&m);
    sluice__v1__ref__init(&ref);
    sluice__v1__value__init(&value);
    sluice__v1__send__init(&send_op);
    sluice__v1__recv__init(&recv_op);
    m.has_seq = 1;
    m.seq = 4;
    value.kind_case = SLUICE__V1__VALUE__KIND_RAW;
    value.raw = data_of("x");
    send_op.ref = recv_op.ref = &ref;
    send_op.value = &value;
    OPERATION(SEND, &send_op);
    return 0;
}

/* ---- The envelope. ---- */

static void unknown_operation(void **state)
{
    (void)state;
    m.op_case = SLUICE__V1__REQUEST__OP__NOT_SET;
    expect_message(w, &m, STATUS_UNKNOWN_OP, NULL);
    /* A field that is to come, after a number: the number is seen. */
    static const uint8_t later[] = {0x10, 0x04, 0xfa, 0x3f, 0x02, 0x08, 0x01};
    struct wire_request request;
    struct wire_refusal refusal;
    assert_false(wire_decode(w, later, sizeof(later), &request, &refusal));
    assert_int_equal(refusal.status, STATUS_UNKNOWN_OP);
    assert_int_equal(request.op.seq, 4);
    assert_int_equal(request.op.code, OP_COUNT);
    assert_false(wire_decode(w, "", 0, &request, &refusal));
    assert_int_equal(refusal.status, STATUS_UNKNOWN_OP);
}

static void the_envelope(void **state)
{
    (void)state;
    static uint64_t acked[65537];
    m.has_timeout_ns = 1;
    m.timeout_ns = (uint64_t)INT64_MAX + 1;
    expect_message(w, &m, STATUS_INVALID, "timeout is out of range");
    m.has_timeout_ns = m.has_session = 1;
    m.timeout_ns = 1;
    m.session = data_of("short");
    expect_message(w, &m, STATUS_INVALID, "a session's id has 16 bytes");
    m.has_session = 0;
    m.acked = acked;
    m.n_acked = ACKED_EXTRA_MAX + 1;
    expect_limit(w, &m, STATUS_LIMIT, "acked_extra_max", ACKED_EXTRA_MAX, ACKED_EXTRA_MAX + 1);
    m.n_acked = 65537;
    expect_limit(w, &m, STATUS_LIMIT, "acked_extra_max", ACKED_EXTRA_MAX, 65537);
    m.n_acked = 0;
    m.context = &ref;
    ref.has_name = 1;
    ref.name = data_of("a//b");
    expect_message(w, &m, STATUS_BAD_NAME, NULL);
}

/* ---- Names, values, rights, leases. ---- */

static void names(void **state)
{
    (void)state;
    char name[300];
    memset(name, 'n', sizeof(name));
    ref.has_name = 1;
    ref.name = (ProtobufCBinaryData){.len = 256, .data = (uint8_t *)name};
    expect_limit(w, &m, STATUS_BAD_NAME, "name_size_max", NAME_SIZE_MAX, 256);
    ref.name = data_of("");
    expect_message(w, &m, STATUS_BAD_NAME, NULL);
    ref.name = data_of("a/..");
    expect_message(w, &m, STATUS_BAD_NAME, NULL);
    static Sluice__V1__Make make = SLUICE__V1__MAKE__INIT;
    make.has_name = 1;
    make.name = data_of("..");
    OPERATION(MAKE, &make);
    expect_message(w, &m, STATUS_BAD_NAME, NULL);
}

static void values(void **state)
{
    (void)state;
    send_op.value = NULL;
    expect_message(w, &m, STATUS_INVALID, "value is missing");
    send_op.value = &value;
    value.kind_case = SLUICE__V1__VALUE__KIND__NOT_SET;
    expect_message(w, &m, STATUS_INVALID, "value is missing");
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = data_of("\xff");
    expect_message(w, &m, STATUS_INVALID, "value is not UTF-8");
    value.kind_case = SLUICE__V1__VALUE__KIND_JSON;
    value.json = data_of("{");
    expect_message(w, &m, STATUS_INVALID, "value is not JSON");
    static char deep[4000];
    memset(deep, '[', sizeof(deep) - 1);
    value.json = data_of(deep);
    expect_limit(w, &m, STATUS_LIMIT, "json_depth_max", 2048, 2049);
}

static void payloads(void **state)
{
    (void)state;
    uint8_t *large = calloc(1, PAYLOAD_SIZE_DEFAULT + 1);
    assert_non_null(large);
    struct wire_request request;
    value.raw = (ProtobufCBinaryData){.len = PAYLOAD_SIZE_DEFAULT, .data = large};
    decode_good(w, &m, &request);
    value.raw.len++;
    expect_limit(w, &m, STATUS_TOO_LARGE, "payload_size_max", PAYLOAD_SIZE_DEFAULT, PAYLOAD_SIZE_DEFAULT + 1);
    static Sluice__V1__SendMany many = SLUICE__V1__SEND_MANY__INIT;
    static Sluice__V1__Batch batch = SLUICE__V1__BATCH__INIT;
    static ProtobufCBinaryData blobs[2];
    blobs[0] = data_of("small");
    blobs[1] = value.raw;
    many.batch = &batch;
    batch.blobs = blobs;
    batch.n_blobs = 2;
    OPERATION(SEND_MANY, &many);
    expect_limit(w, &m, STATUS_TOO_LARGE, "payload_size_max", PAYLOAD_SIZE_DEFAULT, PAYLOAD_SIZE_DEFAULT + 1);
    free(large);
}

static void rights(void **state)
{
    (void)state;
    static Sluice__V1__Dup dup = SLUICE__V1__DUP__INIT;
    OPERATION(DUP, &dup);
    dup.has_rights = 1;
    expect_message(w, &m, STATUS_INVALID, "rights are out of range");
    dup.rights = RIGHT_ALL + 1;
    expect_message(w, &m, STATUS_INVALID, "rights are out of range");
    static Sluice__V1__HandleValue handle = SLUICE__V1__HANDLE_VALUE__INIT;
    handle.has_rights = 1;
    value.kind_case = SLUICE__V1__VALUE__KIND_HANDLE;
    value.handle = &handle;
    OPERATION(SEND, &send_op);
    expect_message(w, &m, STATUS_INVALID, "rights are out of range");
}

static void leases(void **state)
{
    (void)state;
    OPERATION(RECV, &recv_op);
    recv_op.has_lease_ns = 1;
    recv_op.lease_ns = -1;
    expect_message(w, &m, STATUS_INVALID, "lease is out of range");
    static uint64_t many[65537];
    static Sluice__V1__Ack ack = SLUICE__V1__ACK__INIT;
    ack.leases = many;
    ack.n_leases = 65537;
    OPERATION(ACK, &ack);
    expect_limit(w, &m, STATUS_LIMIT, "batch_items_max", BATCH_ITEMS_MAX, 65537);
    static Sluice__V1__Extend extend = SLUICE__V1__EXTEND__INIT;
    OPERATION(EXTEND, &extend);
    expect_message(w, &m, STATUS_INVALID, "lease is out of range"); /* by nothing */
    extend.has_duration_ns = 1;
    extend.duration_ns = -5;
    expect_message(w, &m, STATUS_INVALID, "lease is out of range");
}

/* ---- Batches and select. ---- */

static void batches(void **state)
{
    (void)state;
    static int64_t many[65537];
    struct wire_request request;
    static Sluice__V1__SendMany op = SLUICE__V1__SEND_MANY__INIT;
    static Sluice__V1__Batch batch = SLUICE__V1__BATCH__INIT;
    OPERATION(SEND_MANY, &op);
    expect_message(w, &m, STATUS_INVALID, "batch is missing");
    op.batch = &batch;
    batch.has_type = 1;
    batch.type = 99;
    expect_message(w, &m, STATUS_INVALID, "unknown element type");
    batch.type = SLUICE__V1__TYPE__INT64;
    batch.integers = many;
    batch.n_integers = 65536;
    decode_good(w, &m, &request);
    batch.n_integers = 65537;
    expect_limit(w, &m, STATUS_LIMIT, "batch_items_max", BATCH_ITEMS_MAX, 65537);
    batch.n_integers = 2;
    batch.ranks = many;
    for (batch.n_ranks = 1; batch.n_ranks <= 3; batch.n_ranks++) {
        if (batch.n_ranks == 2)
            decode_good(w, &m, &request);
        else
            expect_message(w, &m, STATUS_INVALID, "a batch has a rank for each of its values, or none");
    }
    batch.n_ranks = 65537;
    expect_limit(w, &m, STATUS_LIMIT, "batch_items_max", BATCH_ITEMS_MAX, 65537);
    batch.n_integers = batch.n_ranks = 0;
    static ProtobufCBinaryData blobs[2];
    blobs[0] = data_of("\"good\"");
    blobs[1] = data_of("bad");
    batch.blobs = blobs;
    batch.n_blobs = 2;
    batch.type = SLUICE__V1__TYPE__JSON;
    expect_message(w, &m, STATUS_INVALID, "value is not JSON");
    static Sluice__V1__RecvMany recv = SLUICE__V1__RECV_MANY__INIT;
    OPERATION(RECV_MANY, &recv);
    recv.has_max = 1;
    expect_message(w, &m, STATUS_INVALID, "max is out of range");
    recv.max = 65537;
    expect_limit(w, &m, STATUS_LIMIT, "batch_items_max", BATCH_ITEMS_MAX, 65537);
}

static Sluice__V1__Arm arms[2], *arm_list[2] = {&arms[0], &arms[1]};

/* A select of these two verbs, both without anything else. */
static void select_of(Sluice__V1__Select *op, int first, int second)
{
    int verbs[2] = {first, second};
    sluice__v1__select__init(op);
    for (int i = 0; i < 2; i++) {
        sluice__v1__arm__init(&arms[i]);
        arms[i].has_verb = 1;
        arms[i].verb = (Sluice__V1__Verb)verbs[i];
    }
    op->arms = arm_list;
    op->n_arms = 2;
    OPERATION(SELECT, op);
}

static void select_forms(void **state)
{
    (void)state;
    static Sluice__V1__Select op;
    struct wire_request request;
    select_of(&op, ARM_DEFAULT, ARM_DEFAULT);
    expect_message(w, &m, STATUS_INVALID, "reflect.Select: multiple default cases");
    select_of(&op, ARM_DEFAULT, ARM_RECV);
    arms[0].ref = &ref;
    expect_message(w, &m, STATUS_INVALID, "reflect.Select: default case has Chan value");
    arms[0].ref = NULL;
    arms[0].value = &value;
    expect_message(w, &m, STATUS_INVALID, "reflect.Select: default case has Send value");
    select_of(&op, ARM_RECV, ARM_SEND);
    arms[1].ref = &ref;
    expect_message(w, &m, STATUS_INVALID, "reflect.Select: SendDir case missing Send value");
    arms[1].ref = NULL; /* no channel: never ready, and in order */
    decode_good(w, &m, &request);
    select_of(&op, ARM_SEND, ARM_RECV);
    arms[1].value = &value;
    expect_message(w, &m, STATUS_INVALID, "reflect.Select: RecvDir case has Send value");
    select_of(&op, ARM_NONE, ARM_RECV);
    expect_message(w, &m, STATUS_INVALID, "reflect.Select: invalid Dir");
    select_of(&op, ARM_RECV, ARM_COUNT);
    expect_message(w, &m, STATUS_INVALID, "reflect.Select: invalid Dir");
    select_of(&op, ARM_RECV, ARM_AFTER);
    arms[1].ref = &ref;
    expect_message(w, &m, STATUS_INVALID, "an arm that waits for a duration has neither object nor value");
}

static void too_many_arms(void **state)
{
    (void)state;
    static Sluice__V1__Arm *many[65537];
    static Sluice__V1__Select op;
    struct wire_request request;
    select_of(&op, ARM_RECV, ARM_RECV);
    for (size_t i = 0; i < 65537; i++)
        many[i] = &arms[0];
    op.arms = many;
    op.n_arms = 65536;
    decode_good(w, &m, &request);
    assert_int_equal(request.op.select.count, 65536);
    op.n_arms = 65537;
    expect_message(w, &m, STATUS_LIMIT, "reflect.Select: too many cases (max 65536)");
    expect_limit(w, &m, STATUS_LIMIT, "select_arms_max", SELECT_ARMS_MAX, 65537);
}

/* ---- Making, sessions, looking. ---- */

static void making(void **state)
{
    (void)state;
    static Sluice__V1__Make op = SLUICE__V1__MAKE__INIT;
    static Sluice__V1__ChannelSpec channel = SLUICE__V1__CHANNEL_SPEC__INIT;
    OPERATION(MAKE, &op);
    expect_message(w, &m, STATUS_INVALID, "nothing is said of what to make");
    op.spec_case = SLUICE__V1__MAKE__SPEC_CHANNEL;
    op.channel = &channel;
    channel.has_type = 1;
    channel.type = 7;
    expect_message(w, &m, STATUS_INVALID, "unknown element type");
    channel.type = SLUICE__V1__TYPE__TYPE_NONE;
    expect_message(w, &m, STATUS_INVALID, "unknown element type");
    channel.has_type = 0;
    op.has_lifetime = op.has_for_pid = 1;
    op.lifetime = 3;
    expect_message(w, &m, STATUS_INVALID, "unknown lifetime");
    op.lifetime = SLUICE__V1__LIFETIME__OWNED;
    op.for_pid = 12;
    static const char text[] = "a process belongs to an ephemeral object, and has a number above 0";
    expect_message(w, &m, STATUS_INVALID, text);
    op.lifetime = SLUICE__V1__LIFETIME__EPHEMERAL;
    op.for_pid = -12;
    expect_message(w, &m, STATUS_INVALID, text);
    static Sluice__V1__TriggerSpec trigger = SLUICE__V1__TRIGGER_SPEC__INIT;
    op.has_for_pid = 0;
    op.spec_case = SLUICE__V1__MAKE__SPEC_TRIGGER;
    op.trigger = &trigger;
    expect_message(w, &m, STATUS_INVALID, "value is missing");
}

static void contexts(void **state)
{
    (void)state;
    static char text[CONTEXT_TEXT_MAX + 2];
    memset(text, 't', CONTEXT_TEXT_MAX + 1);
    static Sluice__V1__Make op = SLUICE__V1__MAKE__INIT;
    static Sluice__V1__ContextSpec spec = SLUICE__V1__CONTEXT_SPEC__INIT;
    static Sluice__V1__ContextEntry entry = SLUICE__V1__CONTEXT_ENTRY__INIT;
    static Sluice__V1__ContextEntry *entries[65537];
    for (size_t i = 0; i < 65537; i++)
        entries[i] = &entry;
    OPERATION(MAKE, &op);
    op.spec_case = SLUICE__V1__MAKE__SPEC_CONTEXT;
    op.context = &spec;
    spec.values = entries;
    spec.n_values = CONTEXT_VALUES_MAX + 1;
    expect_limit(w, &m, STATUS_LIMIT, "context_values_max", CONTEXT_VALUES_MAX, CONTEXT_VALUES_MAX + 1);
    spec.n_values = 65537;
    expect_limit(w, &m, STATUS_LIMIT, "context_values_max", CONTEXT_VALUES_MAX, 65537);
    spec.n_values = 1;
    entry.has_type = 1;
    entry.type = data_of(text);
    expect_limit(w, &m, STATUS_TOO_LARGE, "context_text_max", CONTEXT_TEXT_MAX, CONTEXT_TEXT_MAX + 1);
    spec.n_values = 0;
    spec.has_root = 1;
    spec.root = 3;
    expect_message(w, &m, STATUS_INVALID, "unknown root of contexts");
    static Sluice__V1__ContextCancel cancel = SLUICE__V1__CONTEXT_CANCEL__INIT;
    cancel.has_cause = 1;
    cancel.cause = data_of(text);
    OPERATION(CONTEXT_CANCEL, &cancel);
    expect_limit(w, &m, STATUS_TOO_LARGE, "context_text_max", CONTEXT_TEXT_MAX, CONTEXT_TEXT_MAX + 1);
}

static void sessions(void **state)
{
    (void)state;
    static Sluice__V1__Hello hello = SLUICE__V1__HELLO__INIT;
    OPERATION(HELLO, &hello);
    expect_message(w, &m, STATUS_BAD_VERSION,
                   "protocol versions differ: the client speaks 0.0, this daemon 1.0");
    hello.has_major = hello.has_minor = 1;
    hello.major = 2;
    hello.minor = 5;
    struct wire_refusal refusal = decode_bad(w, &m, STATUS_BAD_VERSION);
    assert_string_equal(refusal.message, "protocol versions differ: the client speaks 2.5, this daemon 1.0");
    struct sink sink;
    sink_init(&sink);
    wire_refuse(w, &refusal, &sink.out);
    Sluice__V1__Reply *reply = sink_reply(&sink);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__BAD_VERSION);
    assert_int_equal(reply->hello->major, WIRE_MAJOR);
    assert_int_equal(reply->hello->minor, WIRE_MINOR);
    reply_free(reply);
    sink_done(&sink);
    hello.major = 1;
    hello.has_session = 1;
    hello.session = data_of("0123456789abcde");
    expect_message(w, &m, STATUS_INVALID, "a session's id has 16 bytes");
    hello.has_session = 0;
    hello.has_name = 1;
    hello.name = data_of("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefx");
    expect_limit(w, &m, STATUS_TOO_LARGE, "session_name_max", SESSION_NAME_MAX, 65);
}

static void looking(void **state)
{
    (void)state;
    static Sluice__V1__Open open = SLUICE__V1__OPEN__INIT;
    OPERATION(OPEN, &open);
    open.has_kind = 1;
    expect_message(w, &m, STATUS_INVALID, "unknown kind of object");
    static Sluice__V1__List list = SLUICE__V1__LIST__INIT;
    OPERATION(LIST, &list);
    list.has_kind = 1;
    list.kind = 77;
    expect_message(w, &m, STATUS_INVALID, "unknown kind of object");
    static Sluice__V1__Clock clock = SLUICE__V1__CLOCK__INIT;
    OPERATION(CLOCK, &clock);
    clock.has_advance_ns = clock.has_until_ns = 1;
    expect_message(w, &m, STATUS_INVALID,
                   "the clock moves by a duration, to an instant or to the next deadline: give one");
    clock.has_until_ns = 0;
    clock.advance_ns = -1;
    expect_message(w, &m, STATUS_INVALID, "the clock does not go back");
}

static void refusals_on_the_wire(void **state)
{
    (void)state;
    struct sink sink;
    sink_init(&sink);
    struct wire_refusal refusal = {.status = STATUS_TOO_LARGE, .limit = {"payload_size_max", 10, 11}};
    wire_refuse(w, &refusal, &sink.out);
    Sluice__V1__Reply *reply = sink_reply(&sink);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__TOO_LARGE);
    assert_false(reply->has_message);
    assert_data(reply->limit->name, "payload_size_max");
    assert_int_equal(reply->limit->value, 10);
    assert_int_equal(reply->limit->use, 11);
    reply_free(reply);
    refusal = (struct wire_refusal){.status = STATUS_INVALID, .message = "why"};
    wire_refuse(w, &refusal, &sink.out);
    reply = sink_reply(&sink);
    assert_data(reply->message, "why");
    assert_null(reply->limit);
    reply_free(reply);
    sink.deaf = true;
    wire_refuse(w, &refusal, &sink.out);
    assert_int_equal(sink.shipped, 2);
    sink_done(&sink);
}

/* ---- Damage. ---- */

/* A select that sends, receives and waits, under a context, with everything the envelope has. */
static struct frame rich_frame(void)
{
    static uint64_t acked[3] = {100, 200, 70000};
    static Sluice__V1__Select op;
    fresh(NULL);
    select_of(&op, ARM_SEND, ARM_RECV);
    ref.has_name = 1;
    ref.name = data_of("team/jobs");
    arms[0].ref = arms[1].ref = &ref;
    arms[0].value = &value;
    value.kind_case = SLUICE__V1__VALUE__KIND_JSON;
    value.json = data_of("{\"a\":[1,2,{\"b\":null}]}");
    m.has_session = m.has_acked_below = m.has_timeout_ns = 1;
    m.session = data_of("0123456789abcdef");
    m.acked_below = 99;
    m.acked = acked;
    m.n_acked = 3;
    m.timeout_ns = 1000000000;
    m.context = &ref;
    return frame_pack(&m);
}

/* A request or a refusal; when a request, one that op.h allows. */
static bool decode_any(const uint8_t *bytes, size_t size)
{
    struct frame f = frame_copy(bytes, size);
    struct wire_request request;
    struct wire_refusal refusal = {.status = STATUS_OK};
    bool good = wire_decode(w, f.bytes, f.size, &request, &refusal);
    if (good) {
        assert_true(request.op.code < OP_COUNT && op_rows[request.op.code].tag != 0);
        assert_true(!request.op.has_timeout || request.op.timeout_ns >= 0);
    } else {
        assert_int_not_equal(refusal.status, STATUS_OK);
        assert_string_not_equal(status_name(refusal.status), "UNKNOWN");
    }
    frame_free(f);
    return good;
}

static void every_prefix(void **state)
{
    (void)state;
    struct frame f = rich_frame();
    assert_true(decode_any(f.bytes, f.size));
    for (size_t size = 0; size < f.size; size++)
        assert_false(decode_any(f.bytes, size)); /* the operation comes last: without its end there is none */
    frame_free(f);
}

static void random_damage(void **state)
{
    (void)state;
    uint64_t seed = seed_of("random_damage");
    struct frame f = rich_frame();
    for (int round = 0; round < 100000; round++) {
        struct frame damaged = frame_copy(f.bytes, f.size);
        for (uint64_t n = 1 + random_next(&seed) % 4; n; n--)
            damaged.bytes[random_next(&seed) % f.size] ^= (uint8_t)(1u << random_next(&seed) % 8);
        decode_any(damaged.bytes, damaged.size);
        frame_free(damaged);
    }
    frame_free(f);
}

static void random_bytes(void **state)
{
    (void)state;
    uint64_t seed = seed_of("random_bytes");
    for (int round = 0; round < 100000; round++) {
        uint8_t bytes[64];
        size_t size = random_next(&seed) % sizeof(bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)random_next(&seed);
        decode_any(bytes, size);
    }
}

static int make_codec(void **state)
{
    (void)state;
    return (w = wire_new(&default_limits)) ? 0 : -1;
}

static int free_codec(void **state)
{
    (void)state;
    w = wire_free(w);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(unknown_operation),
        CASE(the_envelope),
        CASE(names),
        CASE(values),
        CASE(payloads),
        CASE(rights),
        CASE(leases),
        CASE(batches),
        CASE(select_forms),
        CASE(too_many_arms),
        CASE(making),
        CASE(contexts),
        CASE(sessions),
        CASE(looking),
        CASE(refusals_on_the_wire),
        CASE(every_prefix),
        CASE(random_damage),
        CASE(random_bytes),
    };
    return cmocka_run_group_tests(tests, make_codec, free_codec);
}

/*
 * reply_test.c - answers of the engine as a client reads them.
 *
 * First replies that no engine gave, at random: what pack.c writes by hand and what the generated code writes are the same bytes. Then replies of a real
 * engine, each result once, read by protobuf-c.
 */
#include "rig.h"

static struct rig r;

static int set_up(void **state)
{
    (void)state;
    rig_init(&r);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_done(&r);
    return 0;
}

/* ---- By hand and generated. ---- */

static int64_t random_integer(uint64_t *seed)
{
    return (int64_t)(random_next(seed) >> random_next(seed) % 64) * (random_next(seed) % 2 ? 1 : -1);
}

/* A number, now and then 0. */
static uint64_t random_some(uint64_t *seed)
{
    return random_next(seed) % 3 ? random_next(seed) >> random_next(seed) % 64 : 0;
}

static void random_value(uint64_t *seed, struct value *ret)
{
    static uint8_t payload[300];
    size_t size = random_next(seed) % 3 ? random_next(seed) % 20 : random_next(seed) % sizeof(payload);
    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t)random_next(seed);
    *ret = (struct value){.type = (enum value_type)(random_next(seed) % VALUE_HANDLE)};
    if (ret->type == VALUE_INT64)
        ret->int64 = random_integer(seed);
    else if (ret->type == VALUE_DOUBLE)
        ret->real = (double)random_next(seed) / 7;
    else if (ret->type != VALUE_NONE)
        ret->bytes = (struct bytes){payload, size};
}

static int64_t random_duration(uint64_t *seed)
{
    return random_next(seed) % 3 ? (int64_t)(random_next(seed) >> (1 + random_next(seed) % 63)) : 0;
}

static void random_quota(uint64_t *seed, struct quota *ret)
{
    *ret = (struct quota){
        .token = random_next(seed) % 2 ? random_next(seed) >> random_next(seed) % 64 : 0,
        .remaining = random_integer(seed),
        .retry_after_ns = random_next(seed) % 9 ? random_duration(seed) : NEVER_NS,
        .delay_ns = random_duration(seed),
    };
}

static void random_reply(uint64_t *seed, struct reply *ret)
{
    static const enum result_code results[] = {RESULT_NONE,  RESULT_TRUTH,  RESULT_COUNT, RESULT_ITEM,
                                               RESULT_GRANT, RESULT_NUMBER, RESULT_QUOTA, RESULT_MADE,
                                               RESULT_JOB,   RESULT_OUTCOME};
    static const char function[KEY_SIZE_MAX];
    *ret = (struct reply){
        .op = random_next(seed) % 2 ? OP_TAKE : OP_RESERVE,
        .status =
            random_next(seed) % 2 ? STATUS_OK : (enum status)(random_next(seed) % (STATUS_STALE_TOKEN + 1)),
        .has_index = random_next(seed) % 2,
        .index = (uint32_t)(random_next(seed) % 70000),
        .result = results[random_next(seed) % (sizeof(results) / sizeof(results[0]))],
        .count = random_next(seed) >> random_next(seed) % 64,
        .truth = random_next(seed) % 2,
        .item.lease = random_next(seed) % 2 ? 0 : random_next(seed) >> random_next(seed) % 64,
        .item.deliveries = (uint32_t)(random_next(seed) % 300),
        .item.rank = random_next(seed) % 2 ? random_integer(seed) : 0,
        .grant.token = random_next(seed) % 4 ? random_next(seed) >> random_next(seed) % 64 : 0,
        .grant.owner_died = random_next(seed) % 2,
        .number = random_integer(seed),
        .caller = random_some(seed),
        .epoch = random_some(seed),
        .function = {function, random_next(seed) % 2 ? random_next(seed) % sizeof(function) : 0},
        .run_ns = random_duration(seed),
        .ending = random_next(seed) % 2 ? STATUS_OK : STATUS_OWNER_DIED,
        .has_exit = random_next(seed) % 2,
        .exit = (int32_t)random_integer(seed),
        .shared = random_next(seed) % 2,
        .made = {.handle = random_some(seed),
                 .created = random_next(seed) % 2,
                 .kind = (enum kind_code)(1 + random_next(seed) % (KIND_COUNT - 1)),
                 .type = (enum value_type)(random_next(seed) % VALUE_COUNT),
                 .cap = random_duration(seed),
                 .rights = (uint8_t)(random_next(seed) % 16),
                 .number = random_some(seed)},
    };
    random_value(seed, &ret->item.value);
    random_quota(seed, &ret->quota);
}

static void the_same_bytes(void **state)
{
    (void)state;
    uint64_t seed = seed_of("the_same_bytes");
    for (int round = 0; round < 50000; round++) {
        struct reply reply;
        random_reply(&seed, &reply);
        assert_true(pack_reply(&reply, &r.sink.out));
        encode_reply(r.wire, r.engine, &reply, &r.world, &r.other.out);
        assert_int_equal(r.sink.frame.size, r.other.frame.size);
        assert_memory_equal(r.sink.frame.bytes, r.other.frame.bytes, r.sink.frame.size);
    }
}

static void what_is_not_by_hand(void **state)
{
    (void)state;
    struct reply with_message = {.status = STATUS_INVALID, .message = "why"};
    struct reply with_cause = {.status = STATUS_CANCELED, .cause = {"", 0}};
    struct reply with_limit = {.status = STATUS_LIMIT, .limit = {"objects_max", 1, 2}};
    struct reply with_handle = {.result = RESULT_ITEM, .item.value = {.type = VALUE_HANDLE, .handle = 1}};
    struct reply session = {.result = RESULT_SESSION};
    struct reply leader = {.result = RESULT_LEADER};
    struct reply cell = {.result = RESULT_CELL};
    struct reply grants = {.result = RESULT_GRANTS};
    assert_false(pack_reply(&with_cause, &r.sink.out));
    assert_false(pack_reply(&with_message, &r.sink.out));
    assert_false(pack_reply(&with_limit, &r.sink.out));
    assert_false(pack_reply(&with_handle, &r.sink.out));
    assert_false(pack_reply(&session, &r.sink.out));
    assert_false(pack_reply(&leader, &r.sink.out));
    assert_false(pack_reply(&cell, &r.sink.out));
    assert_false(pack_reply(&grants, &r.sink.out));
}

static void nothing_is_an_empty_body(void **state)
{
    (void)state;
    struct reply reply = {.status = STATUS_OK};
    wire_reply(r.wire, r.engine, &reply, &r.world, &r.sink.out);
    assert_int_equal(r.sink.frame.size, 0);
}

static void a_peer_that_goes_away(void **state)
{
    (void)state;
    struct reply reply = {.status = STATUS_OK, .result = RESULT_COUNT, .count = 3};
    r.sink.deaf = true;
    wire_reply(r.wire, r.engine, &reply, &r.world, &r.sink.out);
    reply.message = "generated";
    wire_reply(r.wire, r.engine, &reply, &r.world, &r.sink.out);
    r.sink.deaf = false;
}

/* ---- By an engine. ---- */

static Sluice__V1__Reply *send_value(uint64_t handle, Sluice__V1__Value *value)
{
    Sluice__V1__Request m;
    Sluice__V1__Send op = SLUICE__V1__SEND__INIT;
    Sluice__V1__Ref ref = ref_handle(handle);
    request_init(&m, SLUICE__V1__REQUEST__OP_SEND, &op);
    op.ref = &ref;
    op.value = value;
    return rig_ask(&r, &m);
}

static Sluice__V1__Reply *recv_item(uint64_t handle, int64_t lease_ns)
{
    Sluice__V1__Request m;
    Sluice__V1__Recv op = SLUICE__V1__RECV__INIT;
    Sluice__V1__Ref ref = ref_handle(handle);
    request_init(&m, SLUICE__V1__REQUEST__OP_RECV, &op);
    op.ref = &ref;
    op.has_lease_ns = 1;
    op.lease_ns = lease_ns;
    return rig_ask(&r, &m);
}

static Sluice__V1__Reply *recv_many(uint64_t handle, uint32_t max, int64_t lease_ns)
{
    Sluice__V1__Request m;
    Sluice__V1__RecvMany op = SLUICE__V1__RECV_MANY__INIT;
    Sluice__V1__Ref ref = ref_handle(handle);
    request_init(&m, SLUICE__V1__REQUEST__OP_RECV_MANY, &op);
    op.ref = &ref;
    op.has_max = op.has_lease_ns = 1;
    op.max = max;
    op.lease_ns = lease_ns;
    return rig_ask(&r, &m);
}

static void ok(Sluice__V1__Reply *reply)
{
    assert_int_equal(reply->status, SLUICE__V1__STATUS__OK);
    reply_free(reply);
}

static void close_channel(uint64_t handle)
{
    Sluice__V1__Request m;
    Sluice__V1__Close op = SLUICE__V1__CLOSE__INIT;
    Sluice__V1__Ref ref = ref_handle(handle);
    request_init(&m, SLUICE__V1__REQUEST__OP_CLOSE, &op);
    op.ref = &ref;
    ok(rig_ask(&r, &m));
}

static void hello(void **state)
{
    (void)state;
    Sluice__V1__Request m;
    Sluice__V1__Hello op = SLUICE__V1__HELLO__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_HELLO, &op);
    op.has_major = op.has_session = 1;
    op.major = WIRE_MAJOR;
    op.session = data_of("fedcba9876543210");
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    const Sluice__V1__HelloResult *h = reply->hello;
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_HELLO);
    assert_int_equal(h->major, WIRE_MAJOR);
    assert_int_equal(h->minor, WIRE_MINOR);
    assert_data(h->server, "sluiced 0.1.0");
    assert_false(h->resumed);
    assert_int_equal(h->payload_size_max, PAYLOAD_SIZE_DEFAULT);
    assert_int_equal(h->frame_size_max, PAYLOAD_SIZE_DEFAULT + FRAME_SLACK);
    assert_int_equal(h->now_ns, 1000);
    assert_int_equal(h->wall_offset_ns, 77);
    reply_free(reply);
}

static void items(void **state)
{
    (void)state;
    uint64_t c = rig_channel(&r, "jobs", SLUICE__V1__TYPE__STRING, 4);
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = data_of("gr\xc3\xbc\xc3\x9f");
    ok(send_value(c, &value));
    Sluice__V1__Reply *reply = recv_item(c, 0);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_ITEM);
    assert_int_equal(reply->item->value->kind_case, SLUICE__V1__VALUE__KIND_TEXT);
    assert_data(reply->item->value->text, "gr\xc3\xbc\xc3\x9f");
    assert_false(reply->item->has_lease || reply->item->has_deliveries);
    reply_free(reply);
    ok(send_value(c, &value));
    reply = recv_item(c, 1000000);
    assert_true(reply->item->has_lease);
    uint64_t lease = reply->item->lease;
    reply_free(reply);
    Sluice__V1__Request m;
    Sluice__V1__Nack nack = SLUICE__V1__NACK__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_NACK, &nack);
    nack.leases = &lease;
    nack.n_leases = 1;
    reply = rig_ask(&r, &m);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_COUNT);
    assert_int_equal(reply->count, 1);
    reply_free(reply);
    reply = recv_item(c, 1000000);
    assert_int_equal(reply->item->deliveries, 2);
    reply_free(reply);
    close_channel(c);
}

static void a_closed_channel(void **state)
{
    (void)state;
    uint64_t c = rig_channel(&r, NULL, SLUICE__V1__TYPE__BYTES, 1);
    close_channel(c);
    Sluice__V1__Reply *reply = recv_item(c, 0);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__CLOSED);
    assert_true(reply->result_case != SLUICE__V1__REPLY__RESULT_ITEM || !reply->item->value);
    reply_free(reply);
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_RAW;
    reply = send_value(c, &value);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__SEND_ON_CLOSED);
    reply_free(reply);
}

/* Send these as a batch; the count. */
static uint64_t send_batch(uint64_t handle, Sluice__V1__Batch *batch)
{
    Sluice__V1__Request m;
    Sluice__V1__SendMany op = SLUICE__V1__SEND_MANY__INIT;
    Sluice__V1__Ref ref = ref_handle(handle);
    request_init(&m, SLUICE__V1__REQUEST__OP_SEND_MANY, &op);
    op.ref = &ref;
    op.batch = batch;
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_COUNT);
    uint64_t count = reply->count;
    reply_free(reply);
    return count;
}

static void batches_of_blobs(void **state)
{
    (void)state;
    uint64_t c = rig_channel(&r, NULL, SLUICE__V1__TYPE__JSON, 10);
    ProtobufCBinaryData blobs[3] = {data_of("1"), data_of("[]"), data_of("\"three\"")};
    Sluice__V1__Batch batch = SLUICE__V1__BATCH__INIT;
    batch.has_type = 1;
    batch.type = SLUICE__V1__TYPE__JSON;
    batch.blobs = blobs;
    batch.n_blobs = 3;
    assert_int_equal(send_batch(c, &batch), 3);
    Sluice__V1__Reply *reply = recv_many(c, 2, 0);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_BATCH);
    assert_int_equal(reply->batch->type, SLUICE__V1__TYPE__JSON);
    assert_int_equal(reply->batch->n_blobs, 2);
    assert_data(reply->batch->blobs[1], "[]");
    assert_int_equal(reply->batch->n_leases, 0);
    assert_int_equal(reply->batch->n_deliveries, 0);
    reply_free(reply);
    reply = recv_many(c, 10, 5000);
    assert_int_equal(reply->batch->n_blobs, 1);
    assert_data(reply->batch->blobs[0], "\"three\"");
    assert_int_equal(reply->batch->n_leases, 1);
    reply_free(reply);
}

static void batches_of_numbers(void **state)
{
    (void)state;
    uint64_t c = rig_channel(&r, NULL, SLUICE__V1__TYPE__INT64, 10),
             d = rig_channel(&r, NULL, SLUICE__V1__TYPE__DOUBLE, 10);
    int64_t integers[4] = {0, -1, INT64_MAX, INT64_MIN};
    double reals[2] = {1.5, -0.0};
    Sluice__V1__Batch batch = SLUICE__V1__BATCH__INIT;
    batch.has_type = 1;
    batch.type = SLUICE__V1__TYPE__INT64;
    batch.integers = integers;
    batch.n_integers = 4;
    assert_int_equal(send_batch(c, &batch), 4);
    Sluice__V1__Reply *reply = recv_many(c, 100, 0);
    assert_int_equal(reply->batch->n_integers, 4);
    assert_memory_equal(reply->batch->integers, integers, sizeof(integers));
    reply_free(reply);
    batch.type = SLUICE__V1__TYPE__DOUBLE;
    batch.reals = reals;
    batch.n_reals = 2;
    assert_int_equal(send_batch(d, &batch), 2);
    reply = recv_many(d, 100, 7);
    assert_int_equal(reply->batch->n_reals, 2);
    assert_memory_equal(reply->batch->reals, reals, sizeof(reals));
    assert_int_equal(reply->batch->n_leases, 2);
    reply_free(reply);
}

static void ranks(void **state)
{
    (void)state;
    Sluice__V1__Request m;
    Sluice__V1__ChannelSpec spec = SLUICE__V1__CHANNEL_SPEC__INIT;
    spec.has_cap = spec.has_type = spec.has_ordered = spec.ordered = 1;
    spec.cap = 9;
    spec.type = SLUICE__V1__TYPE__INT64;
    rig_make(&r, "heap", SLUICE__V1__MAKE__SPEC_CHANNEL, &spec);
    Sluice__V1__SendMany op = SLUICE__V1__SEND_MANY__INIT;
    Sluice__V1__Batch batch = SLUICE__V1__BATCH__INIT;
    Sluice__V1__Ref ref = ref_name("heap");
    int64_t integers[4] = {10, 20, 30, 40}, order[4] = {7, 0, INT64_MIN, 0};
    request_init(&m, SLUICE__V1__REQUEST__OP_SEND_MANY, &op);
    op.ref = &ref;
    op.batch = &batch;
    batch.has_type = 1;
    batch.type = SLUICE__V1__TYPE__INT64;
    batch.integers = integers;
    batch.ranks = order;
    batch.n_integers = batch.n_ranks = 4;
    ok(rig_ask(&r, &m));
    Sluice__V1__Open open = SLUICE__V1__OPEN__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_OPEN, &open);
    open.ref = &ref;
    Sluice__V1__Reply *reply = rig_expect(&r, &m, SLUICE__V1__STATUS__OK);
    uint64_t c = reply->made->handle;
    reply_free(reply);
    reply = recv_item(c, 0);
    assert_int_equal(reply->item->value->integer, 30);
    assert_true(reply->item->has_rank && reply->item->rank == INT64_MIN);
    reply_free(reply);
    reply = recv_many(c, 1, 0);
    assert_int_equal(reply->batch->integers[0], 20);
    assert_int_equal(reply->batch->n_ranks, 0); /* all are 0 */
    reply_free(reply);
    reply = recv_many(c, 9, 0);
    assert_int_equal(reply->batch->n_ranks, 2);
    assert_true(reply->batch->ranks[0] == 0 && reply->batch->ranks[1] == 7);
    reply_free(reply);
    reply = rig_describe(&r, "heap");
    assert_true(reply->description->ordered);
    reply_free(reply);
}

static void handles(void **state)
{
    (void)state;
    uint64_t c = rig_channel(&r, NULL, SLUICE__V1__TYPE__HANDLE, 4),
             d = rig_channel(&r, NULL, SLUICE__V1__TYPE__BYTES, 1);
    Sluice__V1__Ref ref = ref_handle(d);
    Sluice__V1__HandleValue handle = SLUICE__V1__HANDLE_VALUE__INIT;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    handle.ref = &ref;
    handle.has_rights = 1;
    handle.rights = RIGHT_RECV;
    value.kind_case = SLUICE__V1__VALUE__KIND_HANDLE;
    value.handle = &handle;
    ok(send_value(c, &value));
    Sluice__V1__Reply *reply = recv_item(c, 0);
    assert_int_equal(reply->item->value->kind_case, SLUICE__V1__VALUE__KIND_HANDLE);
    const Sluice__V1__HandleValue *got = reply->item->value->handle;
    assert_true(got->has_handle && got->handle != 0 && got->handle != d);
    assert_int_equal(got->rights, RIGHT_RECV);
    assert_int_equal(got->object_kind, SLUICE__V1__KIND__CHANNEL);
    reply_free(reply);
}

static void select_says_which(void **state)
{
    (void)state;
    uint64_t c = rig_channel(&r, NULL, SLUICE__V1__TYPE__INT64, 1),
             d = rig_channel(&r, NULL, SLUICE__V1__TYPE__INT64, 1);
    Sluice__V1__Request m;
    Sluice__V1__Select op = SLUICE__V1__SELECT__INIT;
    Sluice__V1__Arm arms[2], *list[2] = {&arms[0], &arms[1]};
    Sluice__V1__Ref refs[2] = {ref_handle(c), ref_handle(d)};
    for (int i = 0; i < 2; i++) {
        sluice__v1__arm__init(&arms[i]);
        arms[i].has_verb = 1;
        arms[i].verb = SLUICE__V1__VERB__VERB_RECV;
        arms[i].ref = &refs[i];
    }
    request_init(&m, SLUICE__V1__REQUEST__OP_SELECT, &op);
    op.arms = list;
    op.n_arms = 2;
    uint64_t route = rig_park(&r, &m);
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_INTEGER;
    value.integer = -5;
    ok(send_value(d, &value));
    Sluice__V1__Reply *reply = rig_take(&r, route);
    assert_true(reply->has_index);
    assert_int_equal(reply->index, 1);
    assert_int_equal(reply->item->value->integer, -5);
    reply_free(reply);
}

static void a_cause(void **state)
{
    (void)state;
    Sluice__V1__Request m;
    Sluice__V1__Make make = SLUICE__V1__MAKE__INIT;
    Sluice__V1__ContextSpec spec = SLUICE__V1__CONTEXT_SPEC__INIT;
    make.spec_case = SLUICE__V1__MAKE__SPEC_CONTEXT;
    make.context = &spec;
    make.has_name = 1;
    make.name = data_of("ctx");
    spec.has_cancelable = spec.cancelable = 1;
    request_init(&m, SLUICE__V1__REQUEST__OP_MAKE, &make);
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    assert_int_equal(reply->made->kind, SLUICE__V1__KIND__CONTEXT);
    assert_true(reply->made->created);
    assert_false(reply->made->has_cap || reply->made->has_type);
    reply_free(reply);
    Sluice__V1__Recv recv = SLUICE__V1__RECV__INIT;
    Sluice__V1__Ref nil = SLUICE__V1__REF__INIT, ctx = ref_name("ctx");
    request_init(&m, SLUICE__V1__REQUEST__OP_RECV, &recv);
    recv.ref = &nil;
    m.context = &ctx;
    uint64_t route = rig_park(&r, &m);
    Sluice__V1__ContextCancel cancel = SLUICE__V1__CONTEXT_CANCEL__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_CONTEXT_CANCEL, &cancel);
    cancel.ref = &ctx;
    cancel.has_cause = 1;
    cancel.cause = data_of("enough");
    ok(rig_ask(&r, &m));
    reply = rig_take(&r, route);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__CANCELED);
    assert_true(reply->has_cause);
    assert_data(reply->cause, "enough");
    reply_free(reply);
}

static void a_looked_up_value(void **state)
{
    (void)state;
    Sluice__V1__Request m;
    Sluice__V1__Make make = SLUICE__V1__MAKE__INIT;
    Sluice__V1__ContextSpec spec = SLUICE__V1__CONTEXT_SPEC__INIT;
    Sluice__V1__ContextEntry entry = SLUICE__V1__CONTEXT_ENTRY__INIT, *entries[1] = {&entry};
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_REAL;
    value.real = 2.5;
    entry.has_name = entry.has_type = 1;
    entry.name = data_of("rate");
    entry.type = data_of("double");
    entry.value = &value;
    spec.values = entries;
    spec.n_values = 1;
    make.spec_case = SLUICE__V1__MAKE__SPEC_CONTEXT;
    make.context = &spec;
    make.has_name = 1;
    make.name = data_of("ctx");
    request_init(&m, SLUICE__V1__REQUEST__OP_MAKE, &make);
    ok(rig_ask(&r, &m));
    Sluice__V1__ContextValue op = SLUICE__V1__CONTEXT_VALUE__INIT;
    Sluice__V1__Ref ref = ref_name("ctx");
    request_init(&m, SLUICE__V1__REQUEST__OP_CONTEXT_VALUE, &op);
    op.ref = &ref;
    op.has_name = op.has_type = 1;
    op.name = data_of("rate");
    op.type = data_of("double");
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_VALUE);
    assert_true(reply->value->value->real == 2.5);
    reply_free(reply);
    op.type = data_of("other");
    reply = rig_ask(&r, &m);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_VALUE);
    assert_null(reply->value->value);
    reply_free(reply);
}

static void texts_and_limits(void **state)
{
    (void)state;
    Sluice__V1__Request m;
    Sluice__V1__Make make = SLUICE__V1__MAKE__INIT;
    Sluice__V1__ChannelSpec spec = SLUICE__V1__CHANNEL_SPEC__INIT;
    make.spec_case = SLUICE__V1__MAKE__SPEC_CHANNEL;
    make.channel = &spec;
    spec.has_cap = 1;
    spec.cap = -1;
    request_init(&m, SLUICE__V1__REQUEST__OP_MAKE, &make);
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__INVALID);
    assert_data(reply->message, "makechan: size out of range");
    reply_free(reply);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_same_bytes),
        CASE(what_is_not_by_hand),
        CASE(nothing_is_an_empty_body),
        CASE(a_peer_that_goes_away),
        CASE(hello),
        CASE(items),
        CASE(a_closed_channel),
        CASE(batches_of_blobs),
        CASE(batches_of_numbers),
        CASE(ranks),
        CASE(handles),
        CASE(select_says_which),
        CASE(a_cause),
        CASE(a_looked_up_value),
        CASE(texts_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * envelope_test.c - what stands around every operation, and the values that operations carry.
 *
 * The session, the numbers, the acknowledgements, the context and the time to wait; a reference by handle and by name; a value of each
 * type.
 */
#include "client.h"

static struct wire *w;
static Sluice__V1__Request m;
static Sluice__V1__Send send_op;
static Sluice__V1__Ref ref, other;
static Sluice__V1__Value value;
static struct wire_request got;

static int fresh(void **state)
{
    (void)state;
    sluice__v1__request__init(&m);
    sluice__v1__send__init(&send_op);
    sluice__v1__ref__init(&ref);
    sluice__v1__ref__init(&other);
    sluice__v1__value__init(&value);
    ref.has_handle = 1;
    ref.handle = 77;
    other.has_name = 1;
    other.name = data_of("team/other");
    value.kind_case = SLUICE__V1__VALUE__KIND_RAW;
    value.raw = data_of("payload");
    send_op.ref = &ref;
    send_op.value = &value;
    m.op_case = SLUICE__V1__REQUEST__OP_SEND;
    m.send = &send_op;
    return 0;
}

static const struct value *decoded_value(enum value_type type)
{
    decode_good(w, &m, &got);
    assert_int_equal(got.op.code, OP_SEND);
    assert_int_equal(got.op.send.value.type, type);
    return &got.op.send.value;
}

static void every_value(void **state)
{
    (void)state;
    assert_bytes(decoded_value(VALUE_BYTES)->bytes, "payload");
    value.raw = data_of("");
    assert_bytes(decoded_value(VALUE_BYTES)->bytes, "");
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = data_of("gr\xc3\xbc\xc3\x9f");
    assert_bytes(decoded_value(VALUE_STRING)->bytes, "gr\xc3\xbc\xc3\x9f");
    value.kind_case = SLUICE__V1__VALUE__KIND_JSON;
    value.json = data_of("\"scalar\"");
    assert_bytes(decoded_value(VALUE_JSON)->bytes, "\"scalar\"");
    value.kind_case = SLUICE__V1__VALUE__KIND_INTEGER;
    value.integer = INT64_MIN;
    assert_int_equal(decoded_value(VALUE_INT64)->int64, INT64_MIN);
    value.kind_case = SLUICE__V1__VALUE__KIND_REAL;
    value.real = -0.25;
    assert_true(decoded_value(VALUE_DOUBLE)->real == -0.25);
}

static void a_handle_as_a_value(void **state)
{
    (void)state;
    static Sluice__V1__HandleValue handle = SLUICE__V1__HANDLE_VALUE__INIT;
    handle.ref = &other;
    value.kind_case = SLUICE__V1__VALUE__KIND_HANDLE;
    value.handle = &handle;
    const struct value *v = decoded_value(VALUE_HANDLE);
    assert_int_equal(v->rights, 0);
    assert_bytes((struct bytes){v->ref.name, v->ref.name_size}, "team/other");
    handle.has_rights = 1;
    handle.rights = RIGHT_RECV | RIGHT_OBSERVE;
    assert_int_equal(decoded_value(VALUE_HANDLE)->rights, RIGHT_RECV | RIGHT_OBSERVE);
}

static void the_envelope(void **state)
{
    (void)state;
    static uint64_t acked[3] = {10, 12, 400};
    m.has_session = m.has_seq = m.has_acked_below = m.has_timeout_ns = m.has_no_wait = m.has_task = 1;
    m.task = UINT64_MAX;
    m.session = data_of("fedcba9876543210");
    m.seq = UINT64_MAX;
    m.acked_below = 8;
    m.acked = acked;
    m.n_acked = 3;
    m.context = &other;
    m.timeout_ns = INT64_MAX;
    m.no_wait = 1;
    decode_good(w, &m, &got);
    assert_true(got.has_session && got.op.has_context && got.op.has_timeout && got.op.no_wait);
    assert_memory_equal(got.session, "fedcba9876543210", SESSION_ID_SIZE);
    assert_true(got.op.seq == UINT64_MAX && got.op.task == UINT64_MAX);
    assert_int_equal(got.op.acked_below, 8);
    assert_int_equal(got.op.acked_count, 3);
    assert_memory_equal(got.op.acked, acked, sizeof(acked));
    assert_int_equal(got.op.timeout_ns, INT64_MAX);
    assert_bytes((struct bytes){got.op.context.name, got.op.context.name_size}, "team/other");
}

static void what_is_absent(void **state)
{
    (void)state;
    decode_good(w, &m, &got);
    assert_false(got.has_session || got.op.has_context || got.op.has_timeout || got.op.no_wait);
    assert_int_equal(got.op.seq, 0);
    assert_int_equal(got.op.acked_count, 0);
    assert_int_equal(got.op.task, 0);
    m.has_timeout_ns = 1; /* 0 is not absent */
    decode_good(w, &m, &got);
    assert_true(got.op.has_timeout);
    assert_int_equal(got.op.timeout_ns, 0);
}

static void a_task_by_its_number(void **state)
{
    (void)state;
    ref.has_handle = 0;
    ref.handle = 0;
    ref.has_task = ref.has_name = 1;
    ref.task = UINT64_MAX;
    ref.name = data_of("not/../looked/at");
    decode_good(w, &m, &got);
    assert_true(got.op.send.ref.task == UINT64_MAX);
    assert_true(got.op.send.ref.handle == 0 && got.op.send.ref.name_size == 0);
    ref.task = 0; /* no task has this number */
    expect_message(w, &m, STATUS_BAD_NAME, NULL);
}

static void a_handle_comes_before_a_name(void **state)
{
    (void)state;
    ref.has_name = 1;
    ref.name = data_of("not/../looked/at");
    decode_good(w, &m, &got);
    assert_int_equal(got.op.send.ref.handle, 77);
    assert_int_equal(got.op.send.ref.name_size, 0);
    ref.has_handle = ref.has_name = 0; /* an empty reference, and none: nil */
    ref.handle = 0;
    decode_good(w, &m, &got);
    assert_int_equal(got.op.send.ref.handle, 0);
    assert_int_equal(got.op.send.ref.name_size, 0);
    send_op.ref = NULL;
    decode_good(w, &m, &got);
    assert_int_equal(got.op.send.ref.handle, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_value, fresh),
        cmocka_unit_test_setup(a_handle_as_a_value, fresh),
        cmocka_unit_test_setup(the_envelope, fresh),
        cmocka_unit_test_setup(what_is_absent, fresh),
        cmocka_unit_test_setup(a_task_by_its_number, fresh),
        cmocka_unit_test_setup(a_handle_comes_before_a_name, fresh),
    };
    return cmocka_run_group_tests(tests, make_codec, free_codec);
}

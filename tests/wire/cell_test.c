/*
 * cell_test.c - atomic values over the wire: what is refused, what is answered, what is seen of them.
 *
 * Answers come from a real engine, are written by the codec, and are read by protobuf-c. What they mean in full is the engine's
 * tests' to say; here it is whether each field arrives.
 */
#include "rig.h"

static struct rig r;
static Sluice__V1__Request m;
static Sluice__V1__Ref ref;
static Sluice__V1__Exchange op;

#define OPERATION(field, message) request_init(&m, SLUICE__V1__REQUEST__OP_##field, (message))

/* Begin to ask for this. */
static void begin(Sluice__V1__Exchange__Verb verb, Sluice__V1__Value *value)
{
    sluice__v1__exchange__init(&op);
    OPERATION(EXCHANGE, &op);
    op.ref = &ref;
    op.has_verb = 1;
    op.verb = verb;
    op.value = value;
}

static Sluice__V1__Value text_value(const char *text)
{
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = data_of(text);
    return value;
}

static void make_cell(bool fenced)
{
    Sluice__V1__CellSpec spec = SLUICE__V1__CELL_SPEC__INIT;
    spec.has_fenced = fenced;
    spec.fenced = fenced;
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_CELL, &spec);
}

static int set_up(void **state)
{
    (void)state;
    rig_init(&r);
    ref = ref_name("it");
    make_cell(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_done(&r);
    return 0;
}

/* The answer is a cell: its text (NULL: empty), its revision (0: none), and whether it was swapped. */
static void cell_is(Sluice__V1__Reply *reply, const char *text, uint64_t revision, bool swapped)
{
    assert_int_equal(reply->status, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_CELL);
    const Sluice__V1__Cell *cell = reply->cell;
    assert_true((cell->value != NULL) == (text != NULL));
    if (text && cell->value)
        assert_data(cell->value->text, text);
    assert_int_equal(cell->has_revision, revision != 0);
    assert_int_equal(cell->revision, revision);
    assert_int_equal(cell->has_swapped, swapped);
    assert_int_equal(cell->swapped, swapped);
    reply_free(reply);
}

static void expect(const char *text, uint64_t revision, bool swapped)
{
    cell_is(rig_expect(&r, &m, SLUICE__V1__STATUS__OK), text, revision, swapped);
}

static void misuse(const char *text)
{
    Sluice__V1__Reply *reply = rig_expect(&r, &m, SLUICE__V1__STATUS__MISUSE);
    assert_data(reply->message, text);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT__NOT_SET);
    reply_free(reply);
}

/* ---- What is refused. ---- */

static void a_verb_that_is_none(void **state)
{
    (void)state;
    begin((Sluice__V1__Exchange__Verb)CELL_VERBS, NULL);
    expect_message(r.wire, &m, STATUS_INVALID, "unknown change of a cell");
    op.verb = (Sluice__V1__Exchange__Verb)-1;
    expect_message(r.wire, &m, STATUS_INVALID, "unknown change of a cell");
}

/* Values are looked at as everywhere: text is UTF-8, sizes have a limit. */
static void values_that_are_none(void **state)
{
    (void)state;
    Sluice__V1__Value bad = text_value("\xff"), good = text_value("a"), large = SLUICE__V1__VALUE__INIT;
    begin(SLUICE__V1__EXCHANGE__VERB__STORE, &bad);
    decode_bad(r.wire, &m, STATUS_INVALID);
    begin(SLUICE__V1__EXCHANGE__VERB__CAS, &good);
    op.expected = &bad;
    decode_bad(r.wire, &m, STATUS_INVALID);
    size_t size = default_limits.payload_size_max + 1U;
    large.kind_case = SLUICE__V1__VALUE__KIND_RAW;
    large.raw = (ProtobufCBinaryData){size, calloc(1, size)};
    assert_non_null(large.raw.data);
    begin(SLUICE__V1__EXCHANGE__VERB__SWAP, &large);
    decode_bad(r.wire, &m, STATUS_TOO_LARGE);
    free(large.raw.data);
}

static void what_go_panics_with(void **state)
{
    (void)state;
    Sluice__V1__Value text = text_value("a"), number = SLUICE__V1__VALUE__INIT;
    number.kind_case = SLUICE__V1__VALUE__KIND_INTEGER;
    begin(SLUICE__V1__EXCHANGE__VERB__STORE, NULL);
    misuse("sync/atomic: store of nil value into Value");
    begin(SLUICE__V1__EXCHANGE__VERB__SWAP, NULL);
    misuse("sync/atomic: swap of nil value into Value");
    begin(SLUICE__V1__EXCHANGE__VERB__CAS, NULL);
    misuse("sync/atomic: compare and swap of nil value into Value");
    begin(SLUICE__V1__EXCHANGE__VERB__CAS, &text);
    op.expected = &number;
    misuse("sync/atomic: compare and swap of inconsistently typed values");
    begin(SLUICE__V1__EXCHANGE__VERB__STORE, &text);
    expect(NULL, 1, false);
    begin(SLUICE__V1__EXCHANGE__VERB__STORE, &number);
    misuse("sync/atomic: store of inconsistently typed value into Value");
    begin(SLUICE__V1__EXCHANGE__VERB__SWAP, &number);
    misuse("sync/atomic: swap of inconsistently typed value into Value");
    begin(SLUICE__V1__EXCHANGE__VERB__CAS, &number);
    misuse("sync/atomic: compare and swap of inconsistently typed value into Value");
}

static void no_handles(void **state)
{
    (void)state;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    Sluice__V1__HandleValue handle = SLUICE__V1__HANDLE_VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_HANDLE;
    value.handle = &handle;
    handle.ref = &ref;
    begin(SLUICE__V1__EXCHANGE__VERB__STORE, &value);
    Sluice__V1__Reply *reply = rig_expect(&r, &m, SLUICE__V1__STATUS__INVALID);
    assert_data(reply->message, "a cell holds no handles");
    reply_free(reply);
}

/* ---- What is answered. ---- */

static void each_verb(void **state)
{
    (void)state;
    Sluice__V1__Value a = text_value("a"), b = text_value("b");
    begin(SLUICE__V1__EXCHANGE__VERB__LOAD, NULL);
    expect(NULL, 0, false);
    begin(SLUICE__V1__EXCHANGE__VERB__CAS, &a);
    expect(NULL, 1, true);
    begin(SLUICE__V1__EXCHANGE__VERB__STORE, &a);
    expect("a", 2, false);
    begin(SLUICE__V1__EXCHANGE__VERB__SWAP, &b);
    expect("a", 3, false);
    begin(SLUICE__V1__EXCHANGE__VERB__CAS, &a);
    op.expected = &a;
    expect("b", 3, false);
    op.expected = &b;
    expect("b", 4, true);
    begin(SLUICE__V1__EXCHANGE__VERB__CAS, &b);
    op.has_revision = 1;
    op.revision = 3;
    expect("a", 4, false);
    op.revision = 4;
    expect("a", 5, true);
    sluice__v1__exchange__init(&op); /* no verb is LOAD */
    OPERATION(EXCHANGE, &op);
    op.ref = &ref;
    expect("b", 5, false);
}

static void watching(void **state)
{
    (void)state;
    Sluice__V1__Wait wait = SLUICE__V1__WAIT__INIT;
    Sluice__V1__Condition condition = SLUICE__V1__CONDITION__INIT;
    Sluice__V1__Value a = text_value("a");
    wait.ref = &ref;
    wait.condition = &condition;
    condition.has_compare = condition.has_operand = 1;
    condition.compare = SLUICE__V1__CONDITION__COMPARE__NE;
    OPERATION(WAIT, &wait);
    uint64_t route = rig_park(&r, &m);
    Sluice__V1__Reply *reply = rig_describe(&r, "it");
    assert_int_equal(reply->description->waiting, 1);
    assert_true(reply->description->has_revision && reply->description->revision == 0);
    assert_false(reply->description->has_type || reply->description->has_fence);
    assert_null(reply->description->said);
    reply_free(reply);
    begin(SLUICE__V1__EXCHANGE__VERB__STORE, &a);
    expect(NULL, 1, false);
    cell_is(rig_take(&r, route), "a", 1, false);
    condition.operand = 1;
    Sluice__V1__Select select = SLUICE__V1__SELECT__INIT;
    Sluice__V1__Arm arm = SLUICE__V1__ARM__INIT, *arms[1] = {&arm};
    arm.has_verb = 1;
    arm.verb = SLUICE__V1__VERB__VERB_WAIT;
    arm.ref = &ref;
    arm.condition = &condition;
    select.arms = arms;
    select.n_arms = 1;
    OPERATION(SELECT, &select);
    route = rig_park(&r, &m);
    begin(SLUICE__V1__EXCHANGE__VERB__STORE, &a);
    expect("a", 2, false);
    reply = rig_take(&r, route);
    assert_true(reply->has_index && reply->index == 0);
    cell_is(reply, "a", 2, false);
    condition.compare = SLUICE__V1__CONDITION__COMPARE__EQ;
    OPERATION(WAIT, &wait);
    reply = rig_expect(&r, &m, SLUICE__V1__STATUS__INVALID);
    assert_data(reply->message, "a wait on a cell is for another revision: its condition is NE");
    reply_free(reply);
}

static void what_is_seen(void **state)
{
    (void)state;
    Sluice__V1__Remove gone = SLUICE__V1__REMOVE__INIT;
    Sluice__V1__Value a = text_value("a");
    gone.ref = &ref;
    OPERATION(REMOVE, &gone);
    rig_ok(&r, &m);
    make_cell(true);
    begin(SLUICE__V1__EXCHANGE__VERB__STORE, &a);
    misuse("it is fenced: a change needs a token");
    op.has_fence = 1;
    op.fence = 7;
    expect(NULL, 1, false);
    op.fence = 6;
    Sluice__V1__Reply *reply = rig_expect(&r, &m, SLUICE__V1__STATUS__STALE_TOKEN);
    assert_data(reply->message, "a newer token has been seen");
    reply_free(reply);
    reply = rig_describe(&r, "it");
    const Sluice__V1__Description *d = reply->description;
    assert_int_equal(d->kind, SLUICE__V1__KIND__CELL);
    assert_int_equal(d->revision, 1);
    assert_int_equal(d->fence, 7);
    assert_true(d->has_type && d->type == SLUICE__V1__TYPE__STRING);
    assert_data(d->said->text, "a");
    assert_false(d->has_cap || d->has_count || d->has_holds);
    reply_free(reply);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_verb_that_is_none), CASE(values_that_are_none),
        CASE(what_go_panics_with), CASE(no_handles),
        CASE(each_verb),           CASE(watching),
        CASE(what_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

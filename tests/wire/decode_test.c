/*
 * decode_test.c - each operation, from a packed Request to the op.
 *
 * One test a row of ops.def: it fills the message with everything it has, and looks at every field of what comes out; those of
 * locks, groups and counters stand in decode_locks.c, those of limiters in decode_limits.c, those of actors, pools and tasks in decode_tasks.c. The last test
 * fails when a row has none. What is refused stands in refuse_test.c.
 */
#include "built.h"

void test_send(void)
{
    MESSAGE(Sluice__V1__Send, sluice__v1__send__init, SEND);
    m->send = &x;
    x.ref = &b.other;
    x.value = &b.value;
    decoded(m, &got, OP_SEND);
    assert_int_equal(got.op.send.fence, 0);
    assert_int_equal(got.op.send.rank, 0);
    x.has_fence = x.has_rank = 1;
    x.fence = UINT64_MAX;
    x.rank = INT64_MIN;
    decoded(m, &got, OP_SEND);
    assert_true(got.op.send.fence == UINT64_MAX);
    assert_int_equal(got.op.send.rank, INT64_MIN);
    is_other(got.op.send.ref);
    assert_int_equal(got.op.send.value.type, VALUE_BYTES);
    assert_bytes(got.op.send.value.bytes, "payload");
    assert_false(got.has_session || got.op.has_context || got.op.has_timeout || got.op.no_wait);
}

void test_recv(void)
{
    MESSAGE(Sluice__V1__Recv, sluice__v1__recv__init, RECV);
    m->recv = &x;
    x.ref = &b.ref;
    x.has_lease_ns = x.has_fence = 1;
    x.lease_ns = 5000;
    x.fence = 12;
    decoded(m, &got, OP_RECV);
    is_77(got.op.recv.ref);
    assert_int_equal(got.op.recv.lease_ns, 5000);
    assert_int_equal(got.op.recv.fence, 12);
}

void test_select(void)
{
    MESSAGE(Sluice__V1__Select, sluice__v1__select__init, SELECT);
    Sluice__V1__Arm arms[5], *list[5];
    for (int i = 0; i < 5; i++) {
        sluice__v1__arm__init(&arms[i]);
        arms[i].has_verb = 1;
        list[i] = &arms[i];
    }
    arms[0].verb = SLUICE__V1__VERB__VERB_SEND;
    arms[0].ref = &b.ref;
    arms[0].value = &b.value;
    arms[0].has_rank = 1;
    arms[0].rank = -12;
    arms[1].verb = SLUICE__V1__VERB__VERB_RECV;
    arms[1].ref = &b.other;
    arms[1].has_lease_ns = 1;
    arms[1].lease_ns = 3;
    arms[1].has_token = 1;
    arms[1].token = 8;
    arms[2].verb = SLUICE__V1__VERB__VERB_AFTER;
    arms[2].has_delay_ns = 1;
    arms[2].delay_ns = -4;
    arms[3].verb = SLUICE__V1__VERB__VERB_DEFAULT;
    arms[4].verb = SLUICE__V1__VERB__VERB_SEND; /* without a channel: never ready, and complete */
    m->select = &x;
    x.arms = list;
    x.n_arms = 5;
    decoded(m, &got, OP_SELECT);
    const struct arm_spec *a = got.op.select.arms;
    assert_int_equal(got.op.select.count, 5);
    assert_int_equal(a[0].verb, ARM_SEND);
    is_77(a[0].ref);
    assert_bytes(a[0].value.bytes, "payload");
    assert_int_equal(a[0].rank, -12);
    assert_int_equal(a[1].rank, 0);
    assert_int_equal(a[1].verb, ARM_RECV);
    is_other(a[1].ref);
    assert_int_equal(a[1].lease_ns, 3);
    assert_int_equal(a[0].token, 0);
    assert_int_equal(a[1].token, 8);
    assert_int_equal(a[1].value.type, VALUE_NONE);
    assert_int_equal(a[2].verb, ARM_AFTER);
    assert_int_equal(a[2].delay_ns, -4);
    assert_int_equal(a[3].verb, ARM_DEFAULT);
    assert_int_equal(a[4].verb, ARM_SEND);
    assert_int_equal(a[4].value.type, VALUE_NONE);
    x.n_arms = 0;
    decoded(m, &got, OP_SELECT);
    assert_int_equal(got.op.select.count, 0);
}

/* The arms that locks, groups, counters and limiters have. */
static void select_of_locks(void **state)
{
    (void)state;
    MESSAGE(Sluice__V1__Select, sluice__v1__select__init, SELECT);
    Sluice__V1__Condition condition = SLUICE__V1__CONDITION__INIT;
    enum { ARMS = ARM_TAKE - ARM_LOCK + 1 };
    Sluice__V1__Arm arms[ARMS], *list[ARMS];
    for (int i = 0; i < ARMS; i++) {
        sluice__v1__arm__init(&arms[i]);
        arms[i].has_verb = arms[i].has_lease_ns = 1;
        arms[i].verb = (Sluice__V1__Verb)(ARM_LOCK + i);
        arms[i].lease_ns = 100 + i;
        arms[i].ref = &b.ref;
        list[i] = &arms[i];
    }
    arms[0].value = &b.value;
    arms[ARM_BEGIN - ARM_LOCK].has_key = arms[ARM_TAKE - ARM_LOCK].has_key = 1;
    arms[ARM_BEGIN - ARM_LOCK].key = arms[ARM_TAKE - ARM_LOCK].key = data_of("anna");
    arms[ARM_COND - ARM_LOCK].lock = &b.other;
    arms[ARM_COND - ARM_LOCK].has_token = 1;
    arms[ARM_COND - ARM_LOCK].token = 44;
    arms[ARM_ACQUIRE - ARM_LOCK].has_permits = 1;
    arms[ARM_ACQUIRE - ARM_LOCK].permits = 12;
    arms[ARM_WAIT - ARM_LOCK].condition = &condition;
    condition.has_compare = condition.has_operand = 1;
    condition.compare = SLUICE__V1__CONDITION__COMPARE__GT;
    condition.operand = -3;
    m->select = &x;
    x.arms = list;
    x.n_arms = ARMS;
    decoded(m, &got, OP_SELECT);
    assert_bytes(got.op.select.arms[0].value.bytes, "payload");
    is_other(got.op.select.arms[ARM_COND - ARM_LOCK].lock);
    for (int i = 0; i < ARMS; i++) {
        const struct arm_spec *a = &got.op.select.arms[i];
        assert_bytes(a->key, a->verb == ARM_BEGIN || a->verb == ARM_TAKE ? "anna" : "");
        assert_int_equal(a->token, a->verb == ARM_COND ? 44 : 0);
        assert_int_equal(a->verb, ARM_LOCK + i);
        is_77(a->ref);
        assert_int_equal(a->lease_ns, 100 + i);
        assert_int_equal(a->permits, a->verb == ARM_ACQUIRE ? 12 : 1);
        assert_int_equal(a->condition.compare, a->verb == ARM_WAIT ? COMPARE_GT : COMPARE_NONE);
        assert_int_equal(a->condition.operand, a->verb == ARM_WAIT ? -3 : 0);
    }
}

void test_send_many(void)
{
    MESSAGE(Sluice__V1__SendMany, sluice__v1__send_many__init, SEND_MANY);
    Sluice__V1__Batch batch;
    ProtobufCBinaryData blobs[2] = {data_of("one"), data_of("")};
    int64_t integers[3] = {1, -1, INT64_MIN};
    double reals[1] = {0.5};
    Sluice__V1__HandleValue handle, *handles[1] = {&handle};
    sluice__v1__batch__init(&batch);
    sluice__v1__handle_value__init(&handle);
    handle.ref = &b.ref;
    handle.has_rights = 1;
    handle.rights = RIGHT_SEND;
    m->send_many = &x;
    x.ref = &b.ref;
    x.batch = &batch;
    batch.blobs = blobs;
    batch.n_blobs = 2;
    batch.integers = integers;
    batch.n_integers = 3;
    batch.reals = reals;
    batch.n_reals = 1;
    batch.handles = handles;
    batch.n_handles = 1;
    decoded(m, &got, OP_SEND_MANY); /* no type: bytes */
    is_77(got.op.send_many.ref);
    assert_int_equal(got.op.send_many.count, 2);
    assert_int_equal(got.op.send_many.values[0].type, VALUE_BYTES);
    assert_bytes(got.op.send_many.values[0].bytes, "one");
    assert_bytes(got.op.send_many.values[1].bytes, "");
    batch.has_type = 1;
    batch.type = SLUICE__V1__TYPE__STRING;
    decoded(m, &got, OP_SEND_MANY);
    assert_int_equal(got.op.send_many.values[1].type, VALUE_STRING);
    batch.type = SLUICE__V1__TYPE__INT64;
    decoded(m, &got, OP_SEND_MANY);
    assert_int_equal(got.op.send_many.count, 3);
    assert_int_equal(got.op.send_many.values[1].int64, -1);
    assert_int_equal(got.op.send_many.values[2].int64, INT64_MIN);
    batch.type = SLUICE__V1__TYPE__DOUBLE;
    decoded(m, &got, OP_SEND_MANY);
    assert_true(got.op.send_many.values[0].real == 0.5);
    batch.type = SLUICE__V1__TYPE__HANDLE;
    assert_int_equal(got.op.send_many.fence, 0);
    assert_null(got.op.send_many.ranks);
    x.has_fence = 1;
    x.fence = 31;
    batch.ranks = integers + 2;
    batch.n_ranks = 1;
    decoded(m, &got, OP_SEND_MANY);
    assert_int_equal(got.op.send_many.fence, 31);
    assert_int_equal(got.op.send_many.ranks[0], INT64_MIN);
    is_77(got.op.send_many.values[0].ref);
    assert_int_equal(got.op.send_many.values[0].rights, RIGHT_SEND);
}

void test_recv_many(void)
{
    MESSAGE(Sluice__V1__RecvMany, sluice__v1__recv_many__init, RECV_MANY);
    m->recv_many = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_RECV_MANY);
    assert_int_equal(got.op.recv_many.max, BATCH_ITEMS_MAX);
    assert_int_equal(got.op.recv_many.lease_ns, 0);
    assert_int_equal(got.op.recv_many.fence, 0);
    x.has_max = x.has_lease_ns = x.has_fence = 1;
    x.max = 7;
    x.lease_ns = INT64_MAX;
    x.fence = 32;
    decoded(m, &got, OP_RECV_MANY);
    assert_int_equal(got.op.recv_many.fence, 32);
    is_77(got.op.recv_many.ref);
    assert_int_equal(got.op.recv_many.max, 7);
    assert_int_equal(got.op.recv_many.lease_ns, INT64_MAX);
}

static uint64_t leases[3] = {1, UINT64_MAX, 300};

static void are_leases(const struct wire_request *got)
{
    assert_int_equal(got->op.lease.count, 3);
    assert_memory_equal(got->op.lease.leases, leases, sizeof(leases));
}

void test_ack(void)
{
    MESSAGE(Sluice__V1__Ack, sluice__v1__ack__init, ACK);
    m->ack = &x;
    x.leases = leases;
    x.n_leases = 3;
    decoded(m, &got, OP_ACK);
    are_leases(&got);
}

void test_nack(void)
{
    MESSAGE(Sluice__V1__Nack, sluice__v1__nack__init, NACK);
    m->nack = &x;
    x.leases = leases;
    x.n_leases = 3;
    decoded(m, &got, OP_NACK);
    are_leases(&got);
}

void test_extend(void)
{
    MESSAGE(Sluice__V1__Extend, sluice__v1__extend__init, EXTEND);
    m->extend = &x;
    x.leases = leases;
    x.n_leases = 3;
    x.has_duration_ns = 1;
    x.duration_ns = 42;
    decoded(m, &got, OP_EXTEND);
    are_leases(&got);
    assert_int_equal(got.op.lease.duration_ns, 42);
}

void test_hello(void)
{
    MESSAGE(Sluice__V1__Hello, sluice__v1__hello__init, HELLO);
    m->hello = &x;
    x.has_major = x.has_minor = x.has_session = x.has_resume_window_ns = x.has_lease_ns = x.has_name =
        x.has_tasks = 1;
    x.major = WIRE_MAJOR;
    x.minor = 9;
    x.session = data_of("0123456789abcdef");
    x.resume_window_ns = UINT64_MAX;
    x.lease_ns = 30;
    x.name = data_of("worker");
    x.tasks = 4;
    x.has_within = 1;
    x.within = 77;
    decoded(m, &got, OP_HELLO);
    assert_int_equal(got.hello_major, WIRE_MAJOR);
    assert_int_equal(got.hello_minor, 9);
    assert_false(got.op.hello.anonymous);
    assert_memory_equal(got.op.hello.id, "0123456789abcdef", SESSION_ID_SIZE);
    assert_int_equal(got.op.hello.resume_ns, INT64_MAX);
    assert_int_equal(got.op.hello.lease_ns, 30);
    assert_bytes(got.op.hello.name, "worker");
    assert_int_equal(got.op.hello.tasks, 4);
    assert_int_equal(got.op.hello.within, 77);
    x.has_session = 0;
    decoded(m, &got, OP_HELLO);
    assert_true(got.op.hello.anonymous);
}

void test_bye(void)
{
    MESSAGE(Sluice__V1__Bye, sluice__v1__bye__init, BYE);
    m->bye = &x;
    decoded(m, &got, OP_BYE);
}

void test_ping(void)
{
    MESSAGE(Sluice__V1__Ping, sluice__v1__ping__init, PING);
    m->ping = &x;
    decoded(m, &got, OP_PING);
}

void test_cancel(void)
{
    MESSAGE(Sluice__V1__Cancel, sluice__v1__cancel__init, CANCEL);
    m->cancel = &x;
    x.has_seq = 1;
    x.seq = 1234567890123;
    decoded(m, &got, OP_CANCEL);
    assert_int_equal(got.op.cancel.seq, 1234567890123);
}

/* What can be made stands in make_test.c. */
void test_make(void)
{
    MESSAGE(Sluice__V1__Make, sluice__v1__make__init, MAKE);
    Sluice__V1__TimerSpec timer = SLUICE__V1__TIMER_SPEC__INIT;
    m->make = &x;
    x.spec_case = SLUICE__V1__MAKE__SPEC_TIMER;
    x.timer = &timer;
    decoded(m, &got, OP_MAKE);
    assert_int_equal(got.op.make.kind, KIND_TIMER);
    assert_int_equal(got.op.make.rights, 0);
    assert_int_equal(got.op.make.lifetime, LIFE_OWNED);
    assert_int_equal(got.op.make.name.name_size, 0);
    assert_int_equal(got.for_pid, 0);
}

void test_open(void)
{
    MESSAGE(Sluice__V1__Open, sluice__v1__open__init, OPEN);
    m->open = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_OPEN);
    is_other(got.op.open.ref);
    assert_int_equal(got.op.open.rights, 0);
    assert_false(got.op.open.has_kind);
    x.has_rights = x.has_kind = 1;
    x.rights = RIGHT_OBSERVE;
    x.kind = SLUICE__V1__KIND__TICKER;
    decoded(m, &got, OP_OPEN);
    assert_int_equal(got.op.open.rights, RIGHT_OBSERVE);
    assert_true(got.op.open.has_kind);
    assert_int_equal(got.op.open.kind, KIND_TICKER);
}

void test_dup(void)
{
    MESSAGE(Sluice__V1__Dup, sluice__v1__dup__init, DUP);
    m->dup = &x;
    x.ref = &b.ref;
    x.has_rights = 1;
    x.rights = RIGHT_ALL;
    decoded(m, &got, OP_DUP);
    is_77(got.op.dup.ref);
    assert_int_equal(got.op.dup.rights, RIGHT_ALL);
}

void test_drop(void)
{
    MESSAGE(Sluice__V1__Drop, sluice__v1__drop__init, DROP);
    m->drop = &x;
    x.has_handle = 1;
    x.handle = 5;
    decoded(m, &got, OP_DROP);
    assert_int_equal(got.op.drop.handle, 5);
}

void test_remove(void)
{
    MESSAGE(Sluice__V1__Remove, sluice__v1__remove__init, REMOVE);
    m->remove = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_REMOVE);
    is_other(got.op.remove.ref);
}

void test_close(void)
{
    MESSAGE(Sluice__V1__Close, sluice__v1__close__init, CLOSE);
    m->close = &x;
    decoded(m, &got, OP_CLOSE); /* nil */
    assert_int_equal(got.op.close.ref.handle, 0);
    assert_int_equal(got.op.close.ref.name_size, 0);
    assert_int_equal(got.op.close.fence, 0);
    x.ref = &b.ref;
    x.has_fence = 1;
    x.fence = 33;
    decoded(m, &got, OP_CLOSE);
    is_77(got.op.close.ref);
    assert_int_equal(got.op.close.fence, 33);
}

void test_context_cancel(void)
{
    MESSAGE(Sluice__V1__ContextCancel, sluice__v1__context_cancel__init, CONTEXT_CANCEL);
    m->context_cancel = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_CONTEXT_CANCEL);
    assert_null(got.op.context_cancel.cause.data);
    x.has_cause = 1;
    x.cause = data_of("");
    decoded(m, &got, OP_CONTEXT_CANCEL);
    is_77(got.op.context_cancel.ref);
    assert_non_null(got.op.context_cancel.cause.data); /* given, and empty */
    assert_int_equal(got.op.context_cancel.cause.size, 0);
}

void test_context_value(void)
{
    MESSAGE(Sluice__V1__ContextValue, sluice__v1__context_value__init, CONTEXT_VALUE);
    m->context_value = &x;
    x.ref = &b.ref;
    x.has_space = x.has_type = x.has_name = 1;
    x.space = data_of("s");
    x.type = data_of("t");
    x.name = data_of("n");
    decoded(m, &got, OP_CONTEXT_VALUE);
    is_77(got.op.context_value.ref);
    assert_bytes(got.op.context_value.space, "s");
    assert_bytes(got.op.context_value.type, "t");
    assert_bytes(got.op.context_value.name, "n");
}

void test_stop(void)
{
    MESSAGE(Sluice__V1__Stop, sluice__v1__stop__init, STOP);
    m->stop = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_STOP);
    is_77(got.op.stop.ref);
}

void test_reset(void)
{
    MESSAGE(Sluice__V1__Reset, sluice__v1__reset__init, RESET);
    m->reset = &x;
    x.ref = &b.ref;
    x.has_duration_ns = 1;
    x.duration_ns = -8;
    decoded(m, &got, OP_RESET);
    is_77(got.op.reset.ref);
    assert_int_equal(got.op.reset.duration_ns, -8);
}

void test_quiesce(void)
{
    MESSAGE(Sluice__V1__Quiesce, sluice__v1__quiesce__init, QUIESCE);
    m->quiesce = &x;
    x.has_parked_min = 1;
    x.parked_min = 6;
    decoded(m, &got, OP_QUIESCE);
    assert_int_equal(got.op.quiesce.parked_min, 6);
}

void test_describe(void)
{
    MESSAGE(Sluice__V1__Describe, sluice__v1__describe__init, DESCRIBE);
    m->describe = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_DESCRIBE);
    is_other(got.op.describe.ref);
}

void test_list(void)
{
    MESSAGE(Sluice__V1__List, sluice__v1__list__init, LIST);
    m->list = &x;
    decoded(m, &got, OP_LIST);
    assert_int_equal(got.list.max, LIST_PAGE_MAX);
    assert_int_equal(got.list.kind, KIND_NONE);
    assert_int_equal(got.list.prefix.size, 0);
    x.has_prefix = x.has_kind = x.has_after = x.has_max = x.has_anonymous = 1;
    x.prefix = data_of("team/");
    x.kind = SLUICE__V1__KIND__CHANNEL;
    x.after = 12;
    x.max = 3;
    x.anonymous = 1;
    decoded(m, &got, OP_LIST);
    assert_bytes(got.list.prefix, "team/");
    assert_int_equal(got.list.kind, KIND_CHANNEL);
    assert_int_equal(got.list.after, 12);
    assert_int_equal(got.list.max, 3);
    assert_true(got.list.anonymous);
    x.max = LIST_PAGE_MAX + 1; /* a wish, cut */
    decoded(m, &got, OP_LIST);
    assert_int_equal(got.list.max, LIST_PAGE_MAX);
}

void test_dump(void)
{
    MESSAGE(Sluice__V1__Dump, sluice__v1__dump__init, DUMP);
    m->dump = &x;
    x.has_after = 1;
    x.after = 2;
    decoded(m, &got, OP_DUMP);
    assert_int_equal(got.dump.after, 2);
    assert_int_equal(got.dump.max, LIST_PAGE_MAX);
}

void test_deadlock(void)
{
    MESSAGE(Sluice__V1__Deadlock, sluice__v1__deadlock__init, DEADLOCK);
    m->deadlock = &x;
    decoded(m, &got, OP_DEADLOCK);
}

void test_status(void)
{
    MESSAGE(Sluice__V1__GetStatus, sluice__v1__get_status__init, STATUS);
    m->status = &x;
    decoded(m, &got, OP_STATUS);
}

void test_reflect(void)
{
    MESSAGE(Sluice__V1__Reflect, sluice__v1__reflect__init, REFLECT);
    m->reflect = &x;
    decoded(m, &got, OP_REFLECT);
}

void test_clock(void)
{
    MESSAGE(Sluice__V1__Clock, sluice__v1__clock__init, CLOCK);
    m->clock = &x;
    decoded(m, &got, OP_CLOCK);
    assert_false(got.clock.moves);
    x.has_advance_ns = x.has_settle = x.settle = 1;
    x.advance_ns = 7;
    decoded(m, &got, OP_CLOCK);
    assert_true(got.clock.moves && got.clock.has_advance && got.clock.settle);
    assert_false(got.clock.has_until || got.clock.next_deadline);
    assert_int_equal(got.clock.advance_ns, 7);
    x.has_advance_ns = 0;
    x.has_until_ns = 1;
    x.until_ns = 8;
    decoded(m, &got, OP_CLOCK);
    assert_true(got.clock.moves && got.clock.has_until);
    assert_int_equal(got.clock.until_ns, 8);
    x.has_until_ns = 0;
    x.has_next_deadline = x.next_deadline = 1;
    decoded(m, &got, OP_CLOCK);
    assert_true(got.clock.moves && got.clock.next_deadline);
}

/* A row that has no test does not link. */
static void (*const tests_of[OP_COUNT])(void) = {
#define OP_WAIT(NAME, name)   [OP_##NAME] = test_##name,
#define OP_STEP(NAME, name)   OP_WAIT(NAME, name)
#define OP_QUERY(NAME, name)  OP_WAIT(NAME, name)
#define OP_DAEMON(NAME, name) OP_WAIT(NAME, name)
#define OP_EVENT(NAME, name)
#define OP(NAME, name, tag, class, help) OP_##class(NAME, name)
#include "ops.def"
#undef OP
};

static void every_operation(void **state)
{
    (void)state;
    for (int i = 0; i < OP_COUNT; i++) {
        assert_true((op_rows[i].tag != 0) == (tests_of[i] != NULL));
        if (tests_of[i])
            tests_of[i]();
    }
}

static int make_codec(void **state)
{
    (void)state;
    return (built_wire = wire_new(&default_limits)) ? 0 : -1;
}

static int free_codec(void **state)
{
    (void)state;
    built_wire = wire_free(built_wire);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation),
        cmocka_unit_test(select_of_locks),
    };
    return cmocka_run_group_tests(tests, make_codec, free_codec);
}

/*
 * decode_tasks.c - the tests of decoding for actors, pools and tasks: more of decode_test.c.
 *
 * Absence is looked at with every field, since it has a meaning: a command, one slot, no cause, nothing to answer.
 */
#include "built.h"

void test_call(void)
{
    MESSAGE(Sluice__V1__Call, sluice__v1__call__init, CALL);
    m->call = &x;
    x.ref = &b.other;
    x.value = &b.value;
    decoded(m, &got, OP_CALL);
    is_other(got.op.call.ref);
    assert_bytes(got.op.call.value.bytes, "payload");
}

void test_serve(void)
{
    MESSAGE(Sluice__V1__Serve, sluice__v1__serve__init, SERVE);
    m->serve = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_SERVE);
    is_77(got.op.serve.ref);
    assert_int_equal(got.op.serve.token, 0);
    x.has_token = 1;
    x.token = UINT64_MAX;
    decoded(m, &got, OP_SERVE);
    assert_true(got.op.serve.token == UINT64_MAX);
}

void test_reply(void)
{
    MESSAGE(Sluice__V1__Respond, sluice__v1__respond__init, REPLY);
    m->reply = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_REPLY);
    is_other(got.op.reply.ref);
    assert_true(got.op.reply.token == 0 && got.op.reply.number == 0 && !got.op.reply.failed);
    assert_int_equal(got.op.reply.value.type, VALUE_NONE);
    x.has_token = x.has_number = x.has_failed = x.failed = 1;
    x.token = 5;
    x.number = 6;
    x.value = &b.value;
    decoded(m, &got, OP_REPLY);
    assert_true(got.op.reply.token == 5 && got.op.reply.number == 6 && got.op.reply.failed);
    assert_bytes(got.op.reply.value.bytes, "payload");
}

void test_checkpoint(void)
{
    MESSAGE(Sluice__V1__Checkpoint, sluice__v1__checkpoint__init, CHECKPOINT);
    m->checkpoint = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_CHECKPOINT);
    is_77(got.op.checkpoint.ref);
    assert_int_equal(got.op.checkpoint.token, 0);
    assert_int_equal(got.op.checkpoint.value.type, VALUE_NONE);
    x.has_token = 1;
    x.token = 7;
    x.value = &b.value;
    decoded(m, &got, OP_CHECKPOINT);
    assert_int_equal(got.op.checkpoint.token, 7);
    assert_bytes(got.op.checkpoint.value.bytes, "payload");
}

static void go_of_nothing(const struct go_spec *s)
{
    assert_true(s->function.size == 0 && s->key.size == 0 && s->share.size == 0 && s->after_count == 0);
    assert_true(s->priority == 0 && s->delay_ns == 0 && s->within_ns == 0 && s->run_ns == 0);
    assert_true(s->retries == 0 && s->backoff_ns == 0 && s->keep_ns == 0 && !s->bare);
    assert_int_equal(s->value.type, VALUE_NONE);
    assert_true(s->context.handle == 0 && s->context.name_size == 0 && s->context.task == 0);
}

void test_go(void)
{
    MESSAGE(Sluice__V1__Go, sluice__v1__go__init, GO);
    Sluice__V1__Ref task = SLUICE__V1__REF__INIT, *after[AFTER_MAX] = {&task, &b.ref};
    m->go = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_GO);
    is_other(got.op.go.ref);
    go_of_nothing(&got.op.go.spec);
    x.has_function = x.has_key = x.has_share = x.has_priority = x.has_delay_ns = x.has_within_ns = 1;
    x.has_run_ns = x.has_retries = x.has_backoff_ns = x.has_keep_ns = 1;
    x.function = data_of("resize");
    x.key = data_of("image:7");
    x.share = data_of("anna");
    x.value = &b.value;
    x.priority = -1000;
    x.delay_ns = -1;
    x.within_ns = 2;
    x.run_ns = 3;
    x.retries = UINT32_MAX;
    x.backoff_ns = 5;
    x.keep_ns = INT64_MAX;
    x.context = &b.ref;
    x.has_bare = x.bare = 1;
    task.has_task = 1;
    task.task = 12;
    x.after = after;
    x.n_after = 2;
    decoded(m, &got, OP_GO);
    const struct go_spec *s = &got.op.go.spec;
    assert_bytes(s->function, "resize");
    assert_bytes(s->key, "image:7");
    assert_bytes(s->share, "anna");
    assert_bytes(s->value.bytes, "payload");
    assert_int_equal(s->priority, -1000);
    assert_true(s->delay_ns == -1 && s->within_ns == 2 && s->run_ns == 3 && s->backoff_ns == 5);
    assert_true(s->retries == UINT32_MAX && s->keep_ns == INT64_MAX);
    is_77(s->context);
    assert_true(s->bare);
    assert_int_equal(s->after_count, 2);
    assert_int_equal(s->after[0].task, 12);
    is_77(s->after[1]);
    for (int i = 0; i < AFTER_MAX; i++)
        after[i] = &task;
    x.n_after = AFTER_MAX;
    x.priority = INT32_MAX; /* the engine's to refuse */
    decoded(m, &got, OP_GO);
    assert_int_equal(got.op.go.spec.after_count, AFTER_MAX);
    assert_int_equal(got.op.go.spec.after[AFTER_MAX - 1].task, 12);
    assert_int_equal(got.op.go.spec.priority, INT32_MAX);
}

void test_work(void)
{
    MESSAGE(Sluice__V1__Work, sluice__v1__work__init, WORK);
    ProtobufCBinaryData functions[FUNCTIONS_MAX];
    for (int i = 0; i < FUNCTIONS_MAX; i++)
        functions[i] = data_of(i ? "resize" : ""); /* the first are commands */
    m->work = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_WORK); /* none: the engine's to refuse */
    is_77(got.op.work.ref);
    assert_int_equal(got.op.work.slots, 1);
    assert_int_equal(got.op.work.count, 0);
    x.functions = functions;
    x.n_functions = FUNCTIONS_MAX;
    x.has_slots = 1;
    decoded(m, &got, OP_WORK);
    assert_int_equal(got.op.work.slots, 0);
    assert_int_equal(got.op.work.count, FUNCTIONS_MAX);
    assert_bytes(got.op.work.functions[0], "");
    assert_bytes(got.op.work.functions[FUNCTIONS_MAX - 1], "resize");
    x.slots = UINT32_MAX;
    decoded(m, &got, OP_WORK);
    assert_int_equal(got.op.work.slots, UINT32_MAX);
}

void test_pull(void)
{
    MESSAGE(Sluice__V1__Pull, sluice__v1__pull__init, PULL);
    m->pull = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_PULL);
    is_other(got.op.pull.ref);
    assert_int_equal(got.op.pull.token, 0);
    x.has_token = 1;
    x.token = 8;
    decoded(m, &got, OP_PULL);
    assert_int_equal(got.op.pull.token, 8);
}

void test_watch(void)
{
    MESSAGE(Sluice__V1__Watch, sluice__v1__watch__init, WATCH);
    m->watch = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_WATCH);
    is_77(got.op.watch.ref);
    assert_int_equal(got.op.watch.token, 0);
    x.has_token = 1;
    x.token = 9;
    decoded(m, &got, OP_WATCH);
    assert_int_equal(got.op.watch.token, 9);
}

void test_kill(void)
{
    MESSAGE(Sluice__V1__Kill, sluice__v1__kill__init, KILL);
    m->kill = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_KILL);
    is_other(got.op.kill.ref);
    assert_int_equal(got.op.kill.signal, 0);
    assert_null(got.op.kill.cause.data);
    x.has_signal = x.has_cause = 1;
    x.signal = 1000; /* the engine's to refuse */
    x.cause = data_of("");
    decoded(m, &got, OP_KILL);
    assert_int_equal(got.op.kill.signal, 1000);
    assert_non_null(got.op.kill.cause.data); /* given, and empty */
    assert_int_equal(got.op.kill.cause.size, 0);
}

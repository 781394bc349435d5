/*
 * task_test.c - pools and tasks over the wire: what is refused, what is answered, what is seen of them.
 *
 * Answers come from a real engine, are written both ways by the rig, and are read by protobuf-c. Who runs when is the engine's tests' to say;
 * here it is whether each field arrives.
 */
#include "rig.h"

static struct rig r;
static Sluice__V1__Request m;
static Sluice__V1__Ref ref, task;
static Sluice__V1__Value value;
static Sluice__V1__Go go_op;

/* By its number, as anybody can name it. */
static Sluice__V1__Ref ref_task(uint64_t number)
{
    Sluice__V1__Ref by_number = SLUICE__V1__REF__INIT;
    by_number.has_task = 1;
    by_number.task = number;
    return by_number;
}

static int set_up(void **state)
{
    (void)state;
    rig_init(&r);
    ref = ref_name("it");
    sluice__v1__value__init(&value);
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = data_of("photo.jpg");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_done(&r);
    return 0;
}

#define OPERATION(field, message) request_init(&m, SLUICE__V1__REQUEST__OP_##field, (message))

/* ---- Asking. ---- */

static Sluice__V1__Reply *ask(Sluice__V1__Status status)
{
    return rig_expect(&r, &m, status);
}

static void make_pool(void)
{
    Sluice__V1__PoolSpec spec = SLUICE__V1__POOL_SPEC__INIT;
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_POOL, &spec);
}

/* A worker for the function and for commands; the token. */
static uint64_t work(uint32_t slots)
{
    Sluice__V1__Work op = SLUICE__V1__WORK__INIT;
    ProtobufCBinaryData functions[2] = {data_of("resize"), data_of("")};
    OPERATION(WORK, &op);
    op.ref = &ref;
    op.has_slots = 1;
    op.slots = slots;
    op.functions = functions;
    op.n_functions = 2;
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_GRANT);
    uint64_t token = reply->grant->token;
    reply_free(reply);
    return token;
}

/* A request for a task; what go_op says beyond it is the caller's to add. */
static void go(const char *function)
{
    sluice__v1__go__init(&go_op);
    OPERATION(GO, &go_op);
    go_op.ref = &ref;
    go_op.value = &value;
    go_op.has_function = function != NULL;
    go_op.function = data_of(function ? function : "");
}

/* Submit what go() began; the task's number. */
static uint64_t submitted(void)
{
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_MADE);
    assert_int_equal(reply->made->kind, SLUICE__V1__KIND__TASK);
    assert_true(reply->made->handle != 0 && reply->made->number != 0);
    assert_false(reply->made->has_cap || reply->made->has_type);
    uint64_t number = reply->made->number;
    reply_free(reply);
    return number;
}

static Sluice__V1__Pull pull_op;

static void pull(uint64_t token)
{
    sluice__v1__pull__init(&pull_op);
    OPERATION(PULL, &pull_op);
    pull_op.ref = &ref;
    pull_op.has_token = 1;
    pull_op.token = token;
}

/* Pull one; the attempt's token. */
static uint64_t pulled(uint64_t worker)
{
    pull(worker);
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_JOB);
    uint64_t token = reply->job->token;
    reply_free(reply);
    return token;
}

static Sluice__V1__End end_op;

static void end(uint64_t number, uint64_t token)
{
    sluice__v1__end__init(&end_op);
    OPERATION(END, &end_op);
    task = ref_task(number);
    end_op.ref = &task;
    end_op.has_token = 1;
    end_op.token = token;
}

static Sluice__V1__Wait wait_op;

static void join(uint64_t number)
{
    sluice__v1__wait__init(&wait_op);
    OPERATION(WAIT, &wait_op);
    task = ref_task(number);
    wait_op.ref = &task;
}

static Sluice__V1__Kill kill_op;

static void kill_task(uint64_t number, uint32_t signal, const char *cause)
{
    sluice__v1__kill__init(&kill_op);
    OPERATION(KILL, &kill_op);
    task = ref_task(number);
    kill_op.ref = &task;
    kill_op.has_signal = signal != 0;
    kill_op.signal = signal;
    kill_op.has_cause = cause != NULL;
    kill_op.cause = data_of(cause ? cause : "");
}

static Sluice__V1__Watch watch_op;

static void watch(uint64_t number, uint64_t token)
{
    sluice__v1__watch__init(&watch_op);
    OPERATION(WATCH, &watch_op);
    task = ref_task(number);
    watch_op.ref = &task;
    watch_op.has_token = 1;
    watch_op.token = token;
}

static Sluice__V1__Reply *describe_task(uint64_t number)
{
    Sluice__V1__Describe op = SLUICE__V1__DESCRIBE__INIT;
    OPERATION(DESCRIBE, &op);
    task = ref_task(number);
    op.ref = &task;
    return ask(SLUICE__V1__STATUS__OK);
}

/* ---- What is refused. ---- */

static void too_long(void **state)
{
    (void)state;
    char name[KEY_SIZE_MAX + 2] = {0};
    memset(name, 'k', KEY_SIZE_MAX + 1);
    go(name);
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "key_size_max", KEY_SIZE_MAX, KEY_SIZE_MAX + 1);
    go("resize");
    go_op.has_key = 1;
    go_op.key = data_of(name);
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "key_size_max", KEY_SIZE_MAX, KEY_SIZE_MAX + 1);
    go_op.has_key = 0;
    go_op.has_share = 1;
    go_op.share = data_of(name);
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "key_size_max", KEY_SIZE_MAX, KEY_SIZE_MAX + 1);
    Sluice__V1__Work op = SLUICE__V1__WORK__INIT;
    ProtobufCBinaryData function = data_of(name);
    OPERATION(WORK, &op);
    op.functions = &function;
    op.n_functions = 1;
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "key_size_max", KEY_SIZE_MAX, KEY_SIZE_MAX + 1);
    char cause[CONTEXT_TEXT_MAX + 2] = {0};
    memset(cause, 'c', CONTEXT_TEXT_MAX + 1);
    kill_task(1, 0, cause);
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "context_text_max", CONTEXT_TEXT_MAX, CONTEXT_TEXT_MAX + 1);
}

static void too_many(void **state)
{
    (void)state;
    static Sluice__V1__Ref *many[65537];
    static ProtobufCBinaryData functions[65537];
    for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
        many[i] = &ref;
        functions[i] = data_of("f");
    }
    go("resize");
    go_op.after = many;
    go_op.n_after = AFTER_MAX + 1;
    expect_limit(r.wire, &m, STATUS_LIMIT, "after_max", AFTER_MAX, AFTER_MAX + 1);
    go_op.n_after = 65537;
    expect_limit(r.wire, &m, STATUS_LIMIT, "after_max", AFTER_MAX, 65537);
    Sluice__V1__Work op = SLUICE__V1__WORK__INIT;
    OPERATION(WORK, &op);
    op.functions = functions;
    op.n_functions = FUNCTIONS_MAX + 1;
    expect_limit(r.wire, &m, STATUS_LIMIT, "functions_max", FUNCTIONS_MAX, FUNCTIONS_MAX + 1);
    op.n_functions = 65537;
    expect_limit(r.wire, &m, STATUS_LIMIT, "functions_max", FUNCTIONS_MAX, 65537);
}

static void forms(void **state)
{
    (void)state;
    Sluice__V1__HandleValue handle = SLUICE__V1__HANDLE_VALUE__INIT;
    go("resize");
    value.kind_case = SLUICE__V1__VALUE__KIND_HANDLE;
    value.handle = &handle;
    expect_message(r.wire, &m, STATUS_INVALID, "a task is not called with a handle");
    Sluice__V1__Ref bad = ref_name("a//b"), *after[2] = {&ref, &bad};
    go_op.value = NULL;
    go_op.after = after;
    go_op.n_after = 2;
    expect_message(r.wire, &m, STATUS_BAD_NAME, NULL);
    go_op.n_after = 0;
    go_op.context = &bad;
    expect_message(r.wire, &m, STATUS_BAD_NAME, NULL);
}

/* ---- What is answered. ---- */

static void from_go_to_join(void **state)
{
    (void)state;
    make_pool();
    uint64_t worker = work(2);
    go("resize");
    go_op.has_run_ns = 1;
    go_op.run_ns = 5000;
    uint64_t number = submitted();
    join(number);
    uint64_t route = rig_park(&r, &m);
    pull(worker);
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    const Sluice__V1__Job *job = reply->job;
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_JOB);
    assert_int_equal(job->number, number);
    assert_data(job->value->text, "photo.jpg");
    assert_data(job->function, "resize");
    assert_int_equal(job->run_ns, 5000);
    assert_int_equal(job->deliveries, 1);
    assert_false(job->has_caller || job->has_epoch);
    end(number, job->token);
    reply_free(reply);
    value.text = data_of("done");
    end_op.value = &value;
    end_op.has_exit = 1;
    end_op.exit = 0;
    rig_ok(&r, &m);
    reply = rig_take(&r, route);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_OUTCOME);
    const Sluice__V1__Outcome *o = reply->outcome;
    assert_data(o->value->text, "done");
    assert_true(o->has_exit && o->exit == 0);
    assert_false(o->has_failed || o->has_ending || o->has_epoch || o->has_shared);
    reply_free(reply);
}

static void a_command_that_fails(void **state)
{
    (void)state;
    make_pool();
    uint64_t worker = work(1);
    go(NULL);
    uint64_t number = submitted();
    pull(worker);
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_false(reply->job->has_function || reply->job->has_run_ns);
    end(number, reply->job->token);
    reply_free(reply);
    end_op.has_failed = end_op.failed = end_op.has_exit = 1;
    end_op.exit = -9;
    rig_ok(&r, &m);
    reply_free(ask(SLUICE__V1__STATUS__STALE_TOKEN));
    join(number);
    reply = ask(SLUICE__V1__STATUS__OK);
    assert_true(reply->outcome->failed && reply->outcome->exit == -9 && !reply->outcome->value);
    assert_false(reply->outcome->has_ending);
    reply_free(reply);
}

static void one_of_a_key(void **state)
{
    (void)state;
    make_pool();
    go("resize");
    go_op.has_key = 1;
    go_op.key = data_of("image:7");
    uint64_t number = submitted();
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->made->number, number);
    assert_false(reply->made->created);
    reply_free(reply);
}

static void what_a_task_is_told(void **state)
{
    (void)state;
    make_pool();
    uint64_t worker = work(1);
    go("resize");
    uint64_t number = submitted(), token = pulled(worker);
    watch(number, token);
    uint64_t route = rig_park(&r, &m);
    kill_task(number, 15, NULL);
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_TRUTH);
    assert_true(reply->truth);
    reply_free(reply);
    reply = rig_take(&r, route);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_NUMBER);
    assert_int_equal(reply->number->value, 15);
    assert_false(reply->has_cause);
    reply_free(reply);
    watch(number, token);
    route = rig_park(&r, &m);
    kill_task(number, 0, "enough");
    reply_free(ask(SLUICE__V1__STATUS__OK));
    reply = rig_take(&r, route);
    assert_true(reply->number->has_value && reply->number->value == 0);
    assert_data(reply->cause, "enough");
    reply_free(reply);
    end(number, token);
    rig_ok(&r, &m);
    join(number);
    reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->outcome->ending, SLUICE__V1__STATUS__CANCELED);
    assert_true(reply->outcome->failed);
    assert_data(reply->cause, "enough");
    reply_free(reply);
    kill_task(number, 0, NULL);
    reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_TRUTH);
    assert_false(reply->truth);
    reply_free(reply);
    kill_task(number, SIGNAL_MAX + 1, NULL);
    reply_free(ask(SLUICE__V1__STATUS__INVALID));
}

static void a_task_that_waits(void **state)
{
    (void)state;
    make_pool();
    uint64_t worker = work(1);
    go("resize");
    uint64_t first = submitted(), second = submitted();
    uint64_t token = pulled(worker);
    join(second);
    m.has_task = 1;
    m.task = token;
    uint64_t route = rig_park(&r, &m);
    uint64_t other = pulled(worker); /* the slot is free */
    end(second, other);
    rig_ok(&r, &m);
    Sluice__V1__Reply *reply = rig_take(&r, route);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_OUTCOME);
    reply_free(reply);
    end(first, token);
    rig_ok(&r, &m);
    join(second);
    m.has_task = 1;
    m.task = token;
    reply_free(ask(SLUICE__V1__STATUS__STALE_TOKEN));
}

static void a_closed_pool(void **state)
{
    (void)state;
    make_pool();
    uint64_t worker = work(1);
    Sluice__V1__Close op = SLUICE__V1__CLOSE__INIT;
    OPERATION(CLOSE, &op);
    op.ref = &ref;
    rig_ok(&r, &m);
    pull(worker);
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__CLOSED);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT__NOT_SET);
    reply_free(reply);
    go("resize");
    reply_free(ask(SLUICE__V1__STATUS__SEND_ON_CLOSED));
}

/* ---- What is seen. ---- */

static void a_pool_seen(void **state)
{
    (void)state;
    make_pool();
    Sluice__V1__Reply *reply = rig_describe(&r, "it");
    const Sluice__V1__Description *d = reply->description;
    assert_int_equal(d->kind, SLUICE__V1__KIND__POOL);
    assert_true(d->has_limit && d->limit < 0 && d->has_capacity && d->capacity < 0);
    assert_true(d->has_paused && !d->paused && d->has_closed && !d->closed);
    assert_true(d->has_workers && d->workers == 0 && d->has_tasks && d->tasks == 0);
    assert_false(d->has_cap || d->has_number || d->has_holds);
    reply_free(reply);
    uint64_t worker = work(3);
    go("resize");
    submitted();
    submitted();
    uint64_t number = submitted();
    pulled(worker);
    kill_task(number, 0, NULL);
    reply_free(ask(SLUICE__V1__STATUS__OK));
    Sluice__V1__Tune tune = SLUICE__V1__TUNE__INIT;
    OPERATION(TUNE, &tune);
    tune.ref = &ref;
    tune.has_limit = tune.has_burst = tune.has_pause = tune.pause = 1;
    tune.limit = 2;
    tune.burst = 9;
    rig_ok(&r, &m);
    reply = rig_describe(&r, "it");
    d = reply->description;
    assert_true(d->limit == 2 && d->capacity == 9 && d->paused);
    assert_true(d->workers == 1 && d->slots == 3 && d->tasks == 3);
    assert_true(d->queued == 1 && d->running == 1 && d->waiting_tasks == 0);
    assert_true(d->finished == 1 && d->failed_count == 1);
    reply_free(reply);
}

static void a_task_seen(void **state)
{
    (void)state;
    make_pool();
    uint64_t worker = work(1);
    go("resize");
    go_op.has_key = go_op.has_priority = go_op.has_retries = go_op.has_delay_ns = 1;
    go_op.key = data_of("image:7");
    go_op.priority = -3;
    go_op.retries = 2;
    go_op.delay_ns = 100;
    uint64_t number = submitted();
    Sluice__V1__Reply *reply = describe_task(number);
    const Sluice__V1__Description *d = reply->description;
    assert_int_equal(d->kind, SLUICE__V1__KIND__TASK);
    assert_int_equal(d->number, number);
    assert_int_equal(d->state, SLUICE__V1__DESCRIPTION__TASK_STATE__DELAYED);
    assert_data(d->pool_name, "it");
    assert_data(d->function, "resize");
    assert_data(d->key, "image:7");
    assert_true(d->priority == -3 && d->retries == 2 && d->has_attempts && d->attempts == 0);
    assert_int_equal(d->state_since_ns, 1000);
    assert_true(d->has_stopping && !d->stopping && d->has_pool);
    assert_false(d->has_name || d->has_token || d->has_holder || d->has_ending || d->has_failed ||
                 d->has_exit);
    reply_free(reply);
    r.now_ns += 100;
    uint64_t token = pulled(worker);
    reply = describe_task(number);
    d = reply->description;
    assert_int_equal(d->state, SLUICE__V1__DESCRIPTION__TASK_STATE__RUNNING);
    assert_true(d->token == token && d->holder == r.session && d->attempts == 1 && d->state_since_ns == 1100);
    reply_free(reply);
    end(number, token);
    end_op.has_exit = 1;
    end_op.exit = 3;
    rig_ok(&r, &m);
    reply = describe_task(number);
    d = reply->description;
    assert_int_equal(d->state, SLUICE__V1__DESCRIPTION__TASK_STATE__DEAD);
    assert_true(d->has_ending && d->ending == SLUICE__V1__STATUS__OK && d->has_failed && !d->failed);
    assert_true(d->has_exit && d->exit == 3);
    assert_false(d->has_token || d->has_holder);
    reply_free(reply);
}

/* A task has no name: it is listed with what is anonymous. */
static void tasks_listed(void **state)
{
    (void)state;
    make_pool();
    go("resize");
    submitted();
    Sluice__V1__List op = SLUICE__V1__LIST__INIT;
    OPERATION(LIST, &op);
    op.has_kind = op.has_anonymous = 1;
    op.kind = SLUICE__V1__KIND__TASK;
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->listing->n_objects, 0);
    reply_free(reply);
    op.anonymous = 1;
    reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->listing->n_objects, 1);
    assert_data(reply->listing->objects[0]->pool_name, "it");
    assert_false(reply->listing->objects[0]->has_name || reply->listing->objects[0]->has_key);
    reply_free(reply);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(too_long),
        CASE(too_many),
        CASE(forms),
        CASE(from_go_to_join),
        CASE(a_command_that_fails),
        CASE(one_of_a_key),
        CASE(what_a_task_is_told),
        CASE(a_task_that_waits),
        CASE(a_closed_pool),
        CASE(a_pool_seen),
        CASE(a_task_seen),
        CASE(tasks_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

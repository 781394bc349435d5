/*
 * group_test.c - conditions, barriers, groups, flights, elections, several locks at once and fences over the wire: what is refused, what is
 * answered, what is seen of them.
 *
 * Answers come from a real engine, are written both ways by the rig, and are read by protobuf-c. What they mean in full is the engine's tests'
 * to say; here it is whether each field arrives.
 */
#include "rig.h"

static struct rig r;
static Sluice__V1__Request m;
static Sluice__V1__Ref ref, lock_ref;

static int set_up(void **state)
{
    (void)state;
    rig_init(&r);
    ref = ref_name("it");
    lock_ref = ref_name("lock");
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

static void make_mutex(const char *name)
{
    Sluice__V1__MutexSpec spec = SLUICE__V1__MUTEX_SPEC__INIT;
    rig_make(&r, name, SLUICE__V1__MAKE__SPEC_MUTEX, &spec);
}

/* The token of a grant. */
static uint64_t granted(Sluice__V1__Reply *reply)
{
    assert_int_equal(reply->status, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_GRANT);
    uint64_t token = reply->grant->token;
    assert_true(token > 0);
    reply_free(reply);
    return token;
}

/* Lock the mutex; the value is what its holder says, or NULL. */
static uint64_t lock(Sluice__V1__Ref *mutex, Sluice__V1__Value *value)
{
    Sluice__V1__Lock op = SLUICE__V1__LOCK__INIT;
    OPERATION(LOCK, &op);
    op.ref = mutex;
    op.value = value;
    return granted(ask(SLUICE__V1__STATUS__OK));
}

static void unlock(Sluice__V1__Ref *mutex, uint64_t token)
{
    Sluice__V1__Unlock op = SLUICE__V1__UNLOCK__INIT;
    OPERATION(UNLOCK, &op);
    op.ref = mutex;
    op.has_token = 1;
    op.token = token;
    rig_ok(&r, &m);
}

static uint64_t begin(const char *key)
{
    Sluice__V1__Begin op = SLUICE__V1__BEGIN__INIT;
    OPERATION(BEGIN, &op);
    op.ref = &ref;
    op.has_key = key != NULL;
    op.key = data_of(key ? key : "");
    return granted(ask(SLUICE__V1__STATUS__OK));
}

/* End what the token began, with a text or nothing. */
static Sluice__V1__Reply *end(uint64_t token, bool failed, const char *text)
{
    Sluice__V1__End op = SLUICE__V1__END__INIT;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    OPERATION(END, &op);
    op.ref = &ref;
    op.has_token = 1;
    op.token = token;
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = data_of(text ? text : "");
    op.has_failed = op.failed = failed;
    op.value = text ? &value : NULL;
    return ask(SLUICE__V1__STATUS__OK);
}

static Sluice__V1__Wait wait_op;

static void wait_for_it(Sluice__V1__Condition *condition)
{
    sluice__v1__wait__init(&wait_op);
    OPERATION(WAIT, &wait_op);
    wait_op.ref = &ref;
    wait_op.condition = condition;
}

/* ---- What is refused. ---- */

static void keys_too_long(void **state)
{
    (void)state;
    char key[KEY_SIZE_MAX + 2] = {0};
    memset(key, 'k', KEY_SIZE_MAX + 1);
    Sluice__V1__Begin begin_op = SLUICE__V1__BEGIN__INIT;
    OPERATION(BEGIN, &begin_op);
    begin_op.has_key = 1;
    begin_op.key = data_of(key);
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "key_size_max", KEY_SIZE_MAX, KEY_SIZE_MAX + 1);
    Sluice__V1__Forget forget = SLUICE__V1__FORGET__INIT;
    OPERATION(FORGET, &forget);
    forget.has_key = 1;
    forget.key = data_of(key);
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "key_size_max", KEY_SIZE_MAX, KEY_SIZE_MAX + 1);
    Sluice__V1__Select select = SLUICE__V1__SELECT__INIT;
    Sluice__V1__Arm arm = SLUICE__V1__ARM__INIT, *arms[1] = {&arm};
    OPERATION(SELECT, &select);
    select.arms = arms;
    select.n_arms = 1;
    arm.has_verb = arm.has_key = 1;
    arm.verb = SLUICE__V1__VERB__VERB_BEGIN;
    arm.key = data_of(key);
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "key_size_max", KEY_SIZE_MAX, KEY_SIZE_MAX + 1);
}

static void handles_of_holders(void **state)
{
    (void)state;
    Sluice__V1__Lock op = SLUICE__V1__LOCK__INIT;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    Sluice__V1__HandleValue handle = SLUICE__V1__HANDLE_VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_HANDLE;
    value.handle = &handle;
    OPERATION(LOCK, &op);
    op.value = &value;
    expect_message(r.wire, &m, STATUS_INVALID, "what a holder says of itself cannot be a handle");
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = data_of("\xff");
    expect_message(r.wire, &m, STATUS_INVALID, "value is not UTF-8");
    Sluice__V1__CondWait wait = SLUICE__V1__COND_WAIT__INIT;
    OPERATION(COND_WAIT, &wait);
    wait.has_ttl_ns = 1;
    wait.ttl_ns = -1;
    expect_message(r.wire, &m, STATUS_INVALID, "ttl is out of range");
}

static void two_conditions_in_a_select(void **state)
{
    (void)state;
    Sluice__V1__Select op = SLUICE__V1__SELECT__INIT;
    Sluice__V1__Arm arms[2], *list[2] = {&arms[0], &arms[1]};
    for (int i = 0; i < 2; i++) {
        sluice__v1__arm__init(&arms[i]);
        arms[i].has_verb = 1;
        arms[i].verb = SLUICE__V1__VERB__VERB_COND;
    }
    OPERATION(SELECT, &op);
    op.arms = list;
    op.n_arms = 2;
    expect_message(r.wire, &m, STATUS_INVALID, "only one arm of a select waits on a condition");
    arms[1].verb = SLUICE__V1__VERB__VERB_RECV;
    lock_ref.name = data_of("a//b");
    arms[0].lock = &lock_ref;
    expect_message(r.wire, &m, STATUS_BAD_NAME, NULL);
}

static void together_or_not(void **state)
{
    (void)state;
    static Sluice__V1__Arm *many[65537];
    Sluice__V1__AcquireAll op = SLUICE__V1__ACQUIRE_ALL__INIT;
    Sluice__V1__Arm arm = SLUICE__V1__ARM__INIT;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
        many[i] = &arm;
    OPERATION(ACQUIRE_ALL, &op);
    expect_message(r.wire, &m, STATUS_INVALID, "nothing is said of what to acquire");
    op.arms = many;
    op.n_arms = ACQUIRE_ALL_MAX + 1;
    expect_limit(r.wire, &m, STATUS_LIMIT, "acquire_all_max", ACQUIRE_ALL_MAX, ACQUIRE_ALL_MAX + 1);
    op.n_arms = 65537;
    expect_limit(r.wire, &m, STATUS_LIMIT, "acquire_all_max", ACQUIRE_ALL_MAX, 65537);
    op.n_arms = 1;
    arm.has_verb = 1;
    for (int verb = ARM_NONE; verb <= ARM_COUNT; verb++) {
        arm.verb = (Sluice__V1__Verb)verb;
        if (verb != ARM_LOCK && verb != ARM_RLOCK && verb != ARM_ACQUIRE)
            expect_message(r.wire, &m, STATUS_INVALID, "only locks and permits are acquired together");
    }
    arm.verb = SLUICE__V1__VERB__VERB_RLOCK;
    arm.value = &value;
    expect_message(r.wire, &m, STATUS_INVALID, "only an arm that sends, calls or locks has a value");
    arm.value = NULL;
    arm.has_lease_ns = 1;
    arm.lease_ns = -1;
    expect_message(r.wire, &m, STATUS_INVALID, "lease is out of range");
}

/* ---- What is answered. ---- */

static void an_election(void **state)
{
    (void)state;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    Sluice__V1__Condition condition = SLUICE__V1__CONDITION__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = data_of("10.0.0.7:80");
    make_mutex("it");
    condition.has_compare = condition.has_operand = 1;
    condition.compare = SLUICE__V1__CONDITION__COMPARE__NE;
    wait_for_it(&condition);
    uint64_t route = rig_park(&r, &m);
    uint64_t token = lock(&ref, &value);
    Sluice__V1__Reply *reply = rig_take(&r, route);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_LEADER);
    assert_int_equal(reply->leader->token, token);
    assert_data(reply->leader->value->text, "10.0.0.7:80");
    reply_free(reply);
    reply = rig_describe(&r, "it");
    assert_data(reply->description->said->text, "10.0.0.7:80");
    assert_false(reply->description->has_context || reply->description->has_size);
    reply_free(reply);
    condition.operand = (int64_t)token;
    wait_for_it(&condition);
    route = rig_park(&r, &m);
    unlock(&ref, token);
    reply = rig_take(&r, route);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_LEADER);
    assert_false(reply->leader->has_token);
    assert_null(reply->leader->value);
    reply_free(reply);
    token = lock(&ref, NULL);
    condition.operand = 0;
    wait_for_it(&condition);
    reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->leader->token, token);
    assert_null(reply->leader->value);
    reply_free(reply);
    reply = rig_describe(&r, "it");
    assert_null(reply->description->said);
    reply_free(reply);
}

static void several_at_once(void **state)
{
    (void)state;
    Sluice__V1__SemaphoreSpec permits = SLUICE__V1__SEMAPHORE_SPEC__INIT;
    permits.has_size = 1;
    permits.size = 3;
    make_mutex("lock");
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_SEMAPHORE, &permits);
    uint64_t first = lock(&lock_ref, NULL);
    Sluice__V1__AcquireAll op = SLUICE__V1__ACQUIRE_ALL__INIT;
    Sluice__V1__Arm arms[2], *list[2] = {&arms[0], &arms[1]};
    for (int i = 0; i < 2; i++) {
        sluice__v1__arm__init(&arms[i]);
        arms[i].has_verb = 1;
    }
    arms[0].verb = SLUICE__V1__VERB__VERB_ACQUIRE;
    arms[0].ref = &ref;
    arms[0].has_permits = 1;
    arms[0].permits = 2;
    arms[1].verb = SLUICE__V1__VERB__VERB_LOCK;
    arms[1].ref = &lock_ref;
    OPERATION(ACQUIRE_ALL, &op);
    op.arms = list;
    op.n_arms = 2;
    uint64_t route = rig_park(&r, &m);
    unlock(&lock_ref, first);
    Sluice__V1__Reply *reply = rig_take(&r, route);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_GRANTS);
    assert_int_equal(reply->grants->n_grants, 2);
    assert_true(reply->grants->grants[0]->token > first);
    assert_false(reply->grants->grants[1]->owner_died);
    uint64_t token = reply->grants->grants[1]->token;
    assert_int_not_equal(token, reply->grants->grants[0]->token);
    reply_free(reply);
    reply = rig_describe(&r, "it");
    assert_int_equal(reply->description->free, 1);
    reply_free(reply);
    unlock(&lock_ref, token);
}

static void a_condition(void **state)
{
    (void)state;
    Sluice__V1__CondSpec spec = SLUICE__V1__COND_SPEC__INIT;
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_COND, &spec);
    make_mutex("lock");
    uint64_t first = lock(&lock_ref, NULL);
    Sluice__V1__CondWait op = SLUICE__V1__COND_WAIT__INIT;
    OPERATION(COND_WAIT, &op);
    op.ref = &ref;
    op.lock = &lock_ref;
    op.has_token = 1;
    op.token = first;
    uint64_t route = rig_park(&r, &m);
    Sluice__V1__Reply *reply = rig_describe(&r, "it");
    const Sluice__V1__Description *d = reply->description;
    assert_int_equal(d->kind, SLUICE__V1__KIND__COND);
    assert_int_equal(d->waiting, 1);
    assert_data(d->waiters[0]->op, "cond_wait");
    assert_int_equal(d->waiters[0]->verb, SLUICE__V1__VERB__VERB_COND);
    assert_false(d->has_holds || d->has_count || d->has_parties);
    reply_free(reply);
    Sluice__V1__Signal signal = SLUICE__V1__SIGNAL__INIT;
    OPERATION(SIGNAL, &signal);
    signal.ref = &ref;
    signal.has_all = signal.all = 1;
    reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_COUNT);
    assert_int_equal(reply->count, 1);
    reply_free(reply);
    uint64_t second = granted(rig_take(&r, route));
    assert_true(second > first);
    unlock(&lock_ref, second);
}

static void a_barrier(void **state)
{
    (void)state;
    Sluice__V1__BarrierSpec spec = SLUICE__V1__BARRIER_SPEC__INIT;
    spec.has_parties = 1;
    spec.parties = 2;
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_BARRIER, &spec);
    wait_for_it(NULL);
    uint64_t route = rig_park(&r, &m);
    Sluice__V1__Reply *reply = rig_describe(&r, "it");
    const Sluice__V1__Description *d = reply->description;
    assert_int_equal(d->kind, SLUICE__V1__KIND__BARRIER);
    assert_int_equal(d->parties, 2);
    assert_int_equal(d->arrived, 1);
    assert_int_equal(d->cycle, 1);
    reply_free(reply);
    wait_for_it(NULL);
    Sluice__V1__Reply *last = ask(SLUICE__V1__STATUS__OK);
    reply = rig_take(&r, route);
    assert_int_equal(last->result_case, SLUICE__V1__REPLY__RESULT_NUMBER);
    assert_int_equal(last->number->value, 1);
    assert_true(last->number->swapped);
    assert_int_equal(reply->number->value, 1);
    assert_false(reply->number->swapped);
    reply_free(last);
    reply_free(reply);
    reply = rig_describe(&r, "it");
    assert_int_equal(reply->description->arrived, 0);
    assert_int_equal(reply->description->cycle, 2);
    reply_free(reply);
}

static void a_group(void **state)
{
    (void)state;
    Sluice__V1__ContextSpec context = SLUICE__V1__CONTEXT_SPEC__INIT;
    Sluice__V1__GroupSpec spec = SLUICE__V1__GROUP_SPEC__INIT;
    Sluice__V1__Ref context_ref = ref_name("ctx");
    context.has_cancelable = context.cancelable = 1;
    rig_make(&r, "ctx", SLUICE__V1__MAKE__SPEC_CONTEXT, &context);
    spec.has_limit = 1;
    spec.limit = 5;
    spec.context = &context_ref;
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_GROUP, &spec);
    uint64_t one = begin(NULL), two = begin(NULL);
    Sluice__V1__Reply *reply = rig_describe(&r, "ctx");
    uint64_t serial = reply->description->serial;
    reply_free(reply);
    reply = rig_describe(&r, "it");
    assert_int_equal(reply->description->kind, SLUICE__V1__KIND__GROUP);
    assert_int_equal(reply->description->holds, 2);
    assert_int_equal(reply->description->size, 5);
    assert_int_equal(reply->description->context, serial);
    assert_null(reply->description->said);
    reply_free(reply);
    reply_free(end(one, true, "it broke"));
    wait_for_it(NULL);
    uint64_t route = rig_park(&r, &m);
    reply_free(end(two, false, NULL));
    reply = rig_take(&r, route);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_OUTCOME);
    assert_true(reply->outcome->failed);
    assert_false(reply->outcome->has_shared);
    assert_data(reply->outcome->value->text, "it broke");
    reply_free(reply);
    reply = rig_describe(&r, "it");
    assert_data(reply->description->said->text, "it broke");
    reply_free(reply);
    reply = rig_describe(&r, "ctx");
    assert_int_equal(reply->description->error, SLUICE__V1__STATUS__CANCELED);
    assert_data(reply->description->cause, "it broke");
    reply_free(reply);
}

static void a_group_without_limit(void **state)
{
    (void)state;
    Sluice__V1__GroupSpec spec = SLUICE__V1__GROUP_SPEC__INIT;
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_GROUP, &spec);
    Sluice__V1__Reply *reply = rig_describe(&r, "it");
    assert_false(reply->description->has_size || reply->description->has_context);
    reply_free(reply);
    begin(NULL);
    Sluice__V1__Tune tune = SLUICE__V1__TUNE__INIT;
    OPERATION(TUNE, &tune);
    tune.ref = &ref;
    tune.has_limit = 1;
    tune.limit = 2;
    reply = ask(SLUICE__V1__STATUS__MISUSE); /* a text with a number in it */
    assert_data(reply->message, "errgroup: modify limit while 1 goroutines in the group are still active");
    reply_free(reply);
}

static void a_flight(void **state)
{
    (void)state;
    Sluice__V1__FlightSpec spec = SLUICE__V1__FLIGHT_SPEC__INIT;
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_FLIGHT, &spec);
    uint64_t token = begin("user:7");
    Sluice__V1__Begin op = SLUICE__V1__BEGIN__INIT;
    OPERATION(BEGIN, &op);
    op.ref = &ref;
    op.has_key = 1;
    op.key = data_of("user:7");
    uint64_t route = rig_park(&r, &m);
    uint64_t other = begin("user:8");
    Sluice__V1__Reply *reply = end(token, false, "fine");
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_TRUTH);
    assert_true(reply->truth);
    reply_free(reply);
    reply = rig_take(&r, route);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_OUTCOME);
    assert_true(reply->outcome->shared && !reply->outcome->has_failed);
    assert_data(reply->outcome->value->text, "fine");
    reply_free(reply);
    Sluice__V1__Forget forget = SLUICE__V1__FORGET__INIT;
    for (int i = 0; i < 2; i++) { /* there was one, and then there is none */
        OPERATION(FORGET, &forget);
        forget.ref = &ref;
        forget.has_key = 1;
        forget.key = data_of("user:8");
        reply = ask(SLUICE__V1__STATUS__OK);
        assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_TRUTH);
        assert_int_equal(reply->truth, i == 0);
        reply_free(reply);
    }
    reply = end(other, false, NULL);
    assert_false(reply->truth);
    reply_free(reply);
}

static Sluice__V1__Reply *send_fenced(uint64_t fence, Sluice__V1__Status status)
{
    Sluice__V1__Send op = SLUICE__V1__SEND__INIT;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_RAW;
    value.raw = data_of("x");
    OPERATION(SEND, &op);
    op.ref = &ref;
    op.value = &value;
    op.has_fence = fence != 0;
    op.fence = fence;
    return ask(status);
}

static void a_fenced_channel(void **state)
{
    (void)state;
    Sluice__V1__ChannelSpec spec = SLUICE__V1__CHANNEL_SPEC__INIT;
    spec.has_cap = spec.has_fenced = spec.fenced = 1;
    spec.cap = 4;
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_CHANNEL, &spec);
    Sluice__V1__Reply *reply = rig_describe(&r, "it");
    assert_true(reply->description->fenced && !reply->description->has_fence);
    reply_free(reply);
    reply_free(send_fenced(0, SLUICE__V1__STATUS__MISUSE));
    reply_free(send_fenced(9, SLUICE__V1__STATUS__OK));
    reply_free(send_fenced(8, SLUICE__V1__STATUS__STALE_TOKEN));
    reply = rig_describe(&r, "it");
    assert_int_equal(reply->description->fence, 9);
    assert_int_equal(reply->description->len, 1);
    reply_free(reply);
    Sluice__V1__Close close = SLUICE__V1__CLOSE__INIT;
    OPERATION(CLOSE, &close);
    close.ref = &ref;
    close.has_fence = 1;
    close.fence = 8;
    reply_free(ask(SLUICE__V1__STATUS__STALE_TOKEN));
    OPERATION(CLOSE, &close);
    close.fence = 10;
    rig_ok(&r, &m);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(keys_too_long),         CASE(handles_of_holders), CASE(two_conditions_in_a_select),
        CASE(together_or_not),       CASE(an_election),        CASE(several_at_once),
        CASE(a_condition),           CASE(a_barrier),          CASE(a_group),
        CASE(a_group_without_limit), CASE(a_flight),           CASE(a_fenced_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

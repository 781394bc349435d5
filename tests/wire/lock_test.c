/*
 * lock_test.c - locks, permits, groups, counters and onces over the wire: what is refused, what is answered, what is seen of them.
 *
 * Answers come from a real engine, are written both ways by the rig, and are read by protobuf-c. What they mean in full is the engine's tests'
 * to say; here it is whether each field arrives.
 */
#include "rig.h"

static struct rig r;
static Sluice__V1__Request m;
static Sluice__V1__Ref ref;

static int set_up(void **state)
{
    (void)state;
    rig_init(&r);
    ref = ref_name("it");
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

static void ok(void)
{
    rig_ok(&r, &m);
}

/* Make the object `it`. */
static void make(Sluice__V1__Make__SpecCase kind, void *spec)
{
    rig_make(&r, "it", kind, spec);
}

static void make_mutex(void)
{
    Sluice__V1__MutexSpec spec = SLUICE__V1__MUTEX_SPEC__INIT;
    make(SLUICE__V1__MAKE__SPEC_MUTEX, &spec);
}

static void make_once(bool poison)
{
    Sluice__V1__OnceSpec spec = SLUICE__V1__ONCE_SPEC__INIT;
    spec.has_poison = 1;
    spec.poison = poison;
    make(SLUICE__V1__MAKE__SPEC_ONCE, &spec);
}

/* The token of a grant; whether the last owner died must be as said. */
static uint64_t granted(Sluice__V1__Reply *reply, bool owner_died)
{
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_GRANT);
    assert_int_equal(reply->grant->owner_died, owner_died);
    uint64_t token = reply->grant->token;
    reply_free(reply);
    return token;
}

/* Unlock by a token; the answer. */
static Sluice__V1__Reply *unlock(uint64_t token, bool shared, Sluice__V1__Status status)
{
    Sluice__V1__Unlock op = SLUICE__V1__UNLOCK__INIT;
    OPERATION(UNLOCK, &op);
    op.ref = &ref;
    op.has_token = op.has_shared = 1;
    op.token = token;
    op.shared = shared;
    return ask(status);
}

static void end(Sluice__V1__End *op, uint64_t token)
{
    sluice__v1__end__init(op);
    OPERATION(END, op);
    op->ref = &ref;
    op->has_token = 1;
    op->token = token;
}

/* Time passes: what has a ttl may be lost. */
static void sleep_ns(int64_t ns)
{
    Sluice__V1__Ping ping = SLUICE__V1__PING__INIT;
    r.now_ns += ns;
    OPERATION(PING, &ping);
    ok();
}

static Sluice__V1__Reply *describe(void)
{
    return rig_describe(&r, "it");
}

/* ---- What is refused. ---- */

static void times_below_zero(void **state)
{
    (void)state;
    Sluice__V1__Lock lock = SLUICE__V1__LOCK__INIT;
    OPERATION(LOCK, &lock);
    lock.has_ttl_ns = 1;
    lock.ttl_ns = -1;
    expect_message(r.wire, &m, STATUS_INVALID, "ttl is out of range");
    Sluice__V1__Acquire acquire = SLUICE__V1__ACQUIRE__INIT;
    OPERATION(ACQUIRE, &acquire);
    acquire.has_ttl_ns = 1;
    acquire.ttl_ns = INT64_MIN;
    expect_message(r.wire, &m, STATUS_INVALID, "ttl is out of range");
    Sluice__V1__Begin begin = SLUICE__V1__BEGIN__INIT;
    OPERATION(BEGIN, &begin);
    begin.has_ttl_ns = 1;
    begin.ttl_ns = -1;
    expect_message(r.wire, &m, STATUS_INVALID, "ttl is out of range");
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    Sluice__V1__Wait wait = SLUICE__V1__WAIT__INIT;
    Sluice__V1__Condition condition = SLUICE__V1__CONDITION__INIT;
    OPERATION(WAIT, &wait);
    wait.condition = &condition;
    condition.has_compare = 1;
    condition.compare = (Sluice__V1__Condition__Compare)(COMPARE_GE + 1);
    expect_message(r.wire, &m, STATUS_INVALID, "unknown comparison");
    condition.compare = (Sluice__V1__Condition__Compare)-1;
    expect_message(r.wire, &m, STATUS_INVALID, "unknown comparison");
    Sluice__V1__Update update = SLUICE__V1__UPDATE__INIT;
    OPERATION(UPDATE, &update);
    update.has_verb = 1;
    update.verb = (Sluice__V1__Update__Verb)COUNT_VERBS;
    expect_message(r.wire, &m, STATUS_INVALID, "unknown change of a counter");
    update.verb = (Sluice__V1__Update__Verb)-1;
    expect_message(r.wire, &m, STATUS_INVALID, "unknown change of a counter");
    Sluice__V1__Release release = SLUICE__V1__RELEASE__INIT;
    OPERATION(RELEASE, &release);
    release.has_token = release.has_permits = 1;
    release.token = 4;
    expect_message(r.wire, &m, STATUS_INVALID, "a token releases one permit or more");
}

static void results_and_arms(void **state)
{
    (void)state;
    Sluice__V1__End op;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    Sluice__V1__HandleValue handle = SLUICE__V1__HANDLE_VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_HANDLE;
    value.handle = &handle;
    end(&op, 1);
    op.value = &value;
    expect_message(r.wire, &m, STATUS_INVALID, "a result cannot be a handle");
    Sluice__V1__Select select = SLUICE__V1__SELECT__INIT;
    Sluice__V1__Arm arm = SLUICE__V1__ARM__INIT, *arms[1] = {&arm};
    Sluice__V1__Condition condition = SLUICE__V1__CONDITION__INIT;
    OPERATION(SELECT, &select);
    select.arms = arms;
    select.n_arms = 1;
    arm.value = &value;
    arm.has_verb = 1;
    for (int verb = ARM_RLOCK; verb < ARM_COUNT; verb++) {
        arm.verb = (Sluice__V1__Verb)verb;
        if (verb != ARM_CALL && verb != ARM_GO)
            expect_message(r.wire, &m, STATUS_INVALID, "only an arm that sends, calls or locks has a value");
    }
    arm.verb = SLUICE__V1__VERB__VERB_LOCK;
    expect_message(r.wire, &m, STATUS_INVALID, "what a holder says of itself cannot be a handle");
    arm.value = NULL;
    arm.condition = &condition;
    condition.has_compare = 1;
    condition.compare = (Sluice__V1__Condition__Compare)99;
    expect_message(r.wire, &m, STATUS_INVALID, "unknown comparison");
    arm.condition = NULL;
    arm.has_lease_ns = 1;
    arm.lease_ns = -1;
    expect_message(r.wire, &m, STATUS_INVALID, "lease is out of range");
}

/* ---- What is answered. ---- */

static void a_mutex(void **state)
{
    (void)state;
    make_mutex();
    Sluice__V1__Lock op = SLUICE__V1__LOCK__INIT;
    op.ref = &ref;
    OPERATION(LOCK, &op);
    uint64_t first = granted(ask(SLUICE__V1__STATUS__OK), false);
    OPERATION(LOCK, &op);
    uint64_t route = rig_park(&r, &m);
    Sluice__V1__Reply *reply = describe();
    const Sluice__V1__Description *d = reply->description;
    assert_int_equal(d->kind, SLUICE__V1__KIND__MUTEX);
    assert_int_equal(d->holds, 1);
    assert_int_equal(d->token, first);
    assert_int_equal(d->holder, r.session);
    assert_int_equal(d->waiting, 1);
    assert_int_equal(d->n_waiters, 1);
    assert_int_equal(d->waiters[0]->verb, SLUICE__V1__VERB__VERB_LOCK);
    assert_false(d->has_shared || d->has_done || d->has_size || d->has_count || d->owner_died);
    reply_free(reply);
    reply_free(unlock(first, false, SLUICE__V1__STATUS__OK));
    uint64_t second = granted(rig_take(&r, route), false);
    assert_true(second > first);
    reply_free(unlock(first, false, SLUICE__V1__STATUS__STALE_TOKEN));
    reply_free(unlock(second, false, SLUICE__V1__STATUS__OK));
    reply = unlock(second, false, SLUICE__V1__STATUS__MISUSE);
    assert_data(reply->message, "sync: unlock of unlocked mutex");
    reply_free(reply);
}

static void a_lost_lock(void **state)
{
    (void)state;
    make_mutex();
    Sluice__V1__Lock op = SLUICE__V1__LOCK__INIT;
    op.ref = &ref;
    op.has_ttl_ns = 1;
    op.ttl_ns = 50;
    OPERATION(LOCK, &op);
    uint64_t token = granted(ask(SLUICE__V1__STATUS__OK), false);
    Sluice__V1__Extend extend = SLUICE__V1__EXTEND__INIT;
    OPERATION(EXTEND, &extend);
    extend.leases = &token;
    extend.n_leases = 1;
    extend.has_duration_ns = 1;
    extend.duration_ns = 100;
    ok();
    Sluice__V1__Adopt adopt = SLUICE__V1__ADOPT__INIT;
    OPERATION(ADOPT, &adopt);
    adopt.has_token = 1;
    adopt.token = token;
    ok();
    sleep_ns(99);
    OPERATION(ADOPT, &adopt);
    ok();
    sleep_ns(1);
    OPERATION(ADOPT, &adopt);
    reply_free(ask(SLUICE__V1__STATUS__STALE_TOKEN));
    Sluice__V1__Reply *reply = describe();
    assert_true(reply->description->owner_died);
    assert_false(reply->description->has_token || reply->description->has_holder);
    reply_free(reply);
    OPERATION(LOCK, &op);
    granted(ask(SLUICE__V1__STATUS__OK), true);
}

static void readers(void **state)
{
    (void)state;
    Sluice__V1__RwmutexSpec spec = SLUICE__V1__RWMUTEX_SPEC__INIT;
    make(SLUICE__V1__MAKE__SPEC_RWMUTEX, &spec);
    Sluice__V1__Lock op = SLUICE__V1__LOCK__INIT;
    op.ref = &ref;
    op.has_shared = op.shared = 1;
    OPERATION(LOCK, &op);
    uint64_t one = granted(ask(SLUICE__V1__STATUS__OK), false);
    OPERATION(LOCK, &op);
    uint64_t two = granted(ask(SLUICE__V1__STATUS__OK), false);
    Sluice__V1__Reply *reply = describe();
    assert_true(reply->description->shared);
    assert_int_equal(reply->description->holds, 2);
    assert_int_equal(reply->description->token, two);
    reply_free(reply);
    reply = unlock(one, false, SLUICE__V1__STATUS__MISUSE);
    assert_data(reply->message, "sync: Unlock of unlocked RWMutex");
    reply_free(reply);
    reply_free(unlock(one, true, SLUICE__V1__STATUS__OK));
}

static void permits(void **state)
{
    (void)state;
    Sluice__V1__SemaphoreSpec spec = SLUICE__V1__SEMAPHORE_SPEC__INIT;
    spec.has_size = 1;
    spec.size = 5;
    make(SLUICE__V1__MAKE__SPEC_SEMAPHORE, &spec);
    Sluice__V1__Acquire op = SLUICE__V1__ACQUIRE__INIT;
    op.ref = &ref;
    op.has_permits = 1;
    OPERATION(ACQUIRE, &op);
    assert_int_equal(granted(ask(SLUICE__V1__STATUS__OK), false),
                     0); /* none: there is nothing to give back */
    op.permits = 3;
    OPERATION(ACQUIRE, &op);
    uint64_t token = granted(ask(SLUICE__V1__STATUS__OK), false);
    Sluice__V1__Reply *reply = describe();
    assert_int_equal(reply->description->size, 5);
    assert_int_equal(reply->description->free, 2);
    assert_int_equal(reply->description->holds, 1);
    reply_free(reply);
    Sluice__V1__Release release = SLUICE__V1__RELEASE__INIT;
    release.ref = &ref;
    OPERATION(RELEASE, &release);
    ok();
    OPERATION(RELEASE, &release);
    release.has_token = 1;
    release.token = token;
    ok();
    OPERATION(RELEASE, &release);
    reply_free(ask(SLUICE__V1__STATUS__STALE_TOKEN));
    OPERATION(RELEASE, &release);
    release.has_token = 0;
    reply = ask(SLUICE__V1__STATUS__MISUSE);
    assert_data(reply->message, "semaphore: released more than held");
    reply_free(reply);
}

static void a_group(void **state)
{
    (void)state;
    Sluice__V1__WaitgroupSpec spec = SLUICE__V1__WAITGROUP_SPEC__INIT;
    make(SLUICE__V1__MAKE__SPEC_WAITGROUP, &spec);
    Sluice__V1__Add add = SLUICE__V1__ADD__INIT;
    OPERATION(ADD, &add);
    add.ref = &ref;
    ok(); /* by nothing */
    OPERATION(ADD, &add);
    add.has_delta = add.has_owned = add.owned = 1;
    add.delta = 2;
    assert_true(granted(ask(SLUICE__V1__STATUS__OK), false) > 0);
    Sluice__V1__Reply *reply = describe();
    assert_int_equal(reply->description->count, 2);
    assert_true(reply->description->has_lost && !reply->description->has_fence);
    reply_free(reply);
    Sluice__V1__Wait wait = SLUICE__V1__WAIT__INIT;
    OPERATION(WAIT, &wait);
    wait.ref = &ref;
    uint64_t route = rig_park(&r, &m);
    OPERATION(ADD, &add);
    add.delta = -2;
    ok();
    reply = rig_take(&r, route);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT__NOT_SET);
    reply_free(reply);
    OPERATION(ADD, &add);
    reply = ask(SLUICE__V1__STATUS__MISUSE);
    assert_data(reply->message, "sync: negative WaitGroup counter");
    reply_free(reply);
}

static void expect_number(Sluice__V1__Reply *reply, int64_t value, bool swapped)
{
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_NUMBER);
    assert_true(reply->number->has_value);
    assert_int_equal(reply->number->value, value);
    assert_int_equal(reply->number->swapped, swapped);
    reply_free(reply);
}

static void a_counter(void **state)
{
    (void)state;
    Sluice__V1__CounterSpec spec = SLUICE__V1__COUNTER_SPEC__INIT;
    spec.has_value = 1;
    spec.value = -7;
    make(SLUICE__V1__MAKE__SPEC_COUNTER, &spec);
    Sluice__V1__Wait wait = SLUICE__V1__WAIT__INIT;
    Sluice__V1__Condition condition = SLUICE__V1__CONDITION__INIT;
    OPERATION(WAIT, &wait);
    wait.ref = &ref;
    reply_free(ask(SLUICE__V1__STATUS__INVALID)); /* for what? */
    OPERATION(WAIT, &wait);
    wait.condition = &condition;
    condition.has_compare = condition.has_operand = 1;
    condition.compare = SLUICE__V1__CONDITION__COMPARE__GE;
    uint64_t route = rig_park(&r, &m);
    Sluice__V1__Reply *reply = describe();
    assert_int_equal(reply->description->count, -7);
    assert_int_equal(reply->description->waiting, 1);
    reply_free(reply);
    Sluice__V1__Update op = SLUICE__V1__UPDATE__INIT;
    op.ref = &ref;
    op.has_verb = op.has_operand = op.has_expected = op.has_fence = 1;
    op.verb = SLUICE__V1__UPDATE__VERB__CAS;
    op.operand = 1;
    OPERATION(UPDATE, &op);
    expect_number(ask(SLUICE__V1__STATUS__OK), -7, false);
    op.expected = -7;
    op.fence = 6;
    OPERATION(UPDATE, &op);
    expect_number(ask(SLUICE__V1__STATUS__OK), -7, true);
    expect_number(rig_take(&r, route), 1, false);
    op.fence = 5;
    OPERATION(UPDATE, &op);
    reply = ask(SLUICE__V1__STATUS__STALE_TOKEN);
    assert_data(reply->message, "a newer token has been seen");
    reply_free(reply);
    reply = describe();
    assert_int_equal(reply->description->fence, 6);
    assert_false(reply->description->has_lost);
    reply_free(reply);
}

static void a_once(void **state)
{
    (void)state;
    make_once(false);
    Sluice__V1__Begin begin = SLUICE__V1__BEGIN__INIT;
    OPERATION(BEGIN, &begin);
    begin.ref = &ref;
    uint64_t token = granted(ask(SLUICE__V1__STATUS__OK), false);
    Sluice__V1__Wait wait = SLUICE__V1__WAIT__INIT;
    OPERATION(WAIT, &wait);
    wait.ref = &ref;
    uint64_t route = rig_park(&r, &m);
    Sluice__V1__End op;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = data_of("it broke");
    end(&op, token);
    op.has_failed = op.failed = 1;
    op.value = &value;
    ok();
    OPERATION(BEGIN, &begin);
    Sluice__V1__Reply *replies[2] = {rig_take(&r, route), ask(SLUICE__V1__STATUS__OK)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(replies[i]->result_case, SLUICE__V1__REPLY__RESULT_OUTCOME);
        assert_true(replies[i]->outcome->failed);
        assert_data(replies[i]->outcome->value->text, "it broke");
        reply_free(replies[i]);
    }
    Sluice__V1__Reply *reply = describe();
    assert_true(reply->description->done && !reply->description->owner_died);
    reply_free(reply);
}

static void a_poisoned_once(void **state)
{
    (void)state;
    make_once(true);
    Sluice__V1__Begin begin = SLUICE__V1__BEGIN__INIT;
    OPERATION(BEGIN, &begin);
    begin.ref = &ref;
    begin.has_ttl_ns = 1;
    begin.ttl_ns = 10;
    uint64_t token = granted(ask(SLUICE__V1__STATUS__OK), false);
    sleep_ns(10);
    Sluice__V1__End op;
    end(&op, token);
    reply_free(ask(SLUICE__V1__STATUS__STALE_TOKEN));
    OPERATION(BEGIN, &begin);
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OWNER_DIED);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_OUTCOME);
    assert_true(reply->outcome->failed);
    assert_null(reply->outcome->value);
    reply_free(reply);
}

static void a_select_of_both(void **state)
{
    (void)state;
    make_mutex();
    Sluice__V1__Select op = SLUICE__V1__SELECT__INIT;
    Sluice__V1__Arm arms[2] = {SLUICE__V1__ARM__INIT, SLUICE__V1__ARM__INIT}, *list[2] = {&arms[0], &arms[1]};
    arms[0].has_verb = arms[1].has_verb = 1;
    arms[0].verb = SLUICE__V1__VERB__VERB_RECV; /* nil */
    arms[1].verb = SLUICE__V1__VERB__VERB_LOCK;
    arms[1].ref = &ref;
    op.arms = list;
    op.n_arms = 2;
    OPERATION(SELECT, &op);
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->index, 1);
    assert_true(granted(reply, false) > 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(times_below_zero), CASE(numbers_that_are_none),
        CASE(results_and_arms), CASE(a_mutex),
        CASE(a_lost_lock),      CASE(readers),
        CASE(permits),          CASE(a_group),
        CASE(a_counter),        CASE(a_once),
        CASE(a_poisoned_once),  CASE(a_select_of_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

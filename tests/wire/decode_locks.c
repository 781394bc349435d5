/*
 * decode_locks.c - the tests of decoding for locks, permits, conditions, groups, counters, cells, onces and flights: more of decode_test.c.
 *
 * Absence is looked at with every field, since it has a meaning: one permit, all that a token holds, no limit of time.
 */
#include "built.h"

void test_lock(void)
{
    MESSAGE(Sluice__V1__Lock, sluice__v1__lock__init, LOCK);
    m->lock = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_LOCK);
    is_77(got.op.lock.ref);
    assert_false(got.op.lock.shared);
    assert_int_equal(got.op.lock.ttl_ns, 0);
    x.has_shared = x.shared = x.has_ttl_ns = 1;
    x.ttl_ns = INT64_MAX;
    decoded(m, &got, OP_LOCK);
    assert_true(got.op.lock.shared);
    assert_int_equal(got.op.lock.ttl_ns, INT64_MAX);
    assert_int_equal(got.op.lock.value.type, VALUE_NONE);
    x.value = &b.value;
    decoded(m, &got, OP_LOCK);
    assert_bytes(got.op.lock.value.bytes, "payload");
}

void test_unlock(void)
{
    MESSAGE(Sluice__V1__Unlock, sluice__v1__unlock__init, UNLOCK);
    m->unlock = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_UNLOCK);
    is_other(got.op.unlock.ref);
    assert_int_equal(got.op.unlock.token, 0);
    assert_false(got.op.unlock.shared);
    x.has_token = x.has_shared = x.shared = 1;
    x.token = UINT64_MAX;
    decoded(m, &got, OP_UNLOCK);
    assert_true(got.op.unlock.token == UINT64_MAX && got.op.unlock.shared);
}

void test_acquire(void)
{
    MESSAGE(Sluice__V1__Acquire, sluice__v1__acquire__init, ACQUIRE);
    m->acquire = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_ACQUIRE);
    is_77(got.op.acquire.ref);
    assert_int_equal(got.op.acquire.permits, 1);
    assert_int_equal(got.op.acquire.ttl_ns, 0);
    x.has_permits = x.has_ttl_ns = 1;
    x.ttl_ns = 30;
    decoded(m, &got, OP_ACQUIRE);
    assert_int_equal(got.op.acquire.permits, 0);
    assert_int_equal(got.op.acquire.ttl_ns, 30);
    x.permits = UINT64_MAX;
    decoded(m, &got, OP_ACQUIRE);
    assert_true(got.op.acquire.permits == UINT64_MAX);
}

void test_release(void)
{
    MESSAGE(Sluice__V1__Release, sluice__v1__release__init, RELEASE);
    m->release = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_RELEASE); /* neither: one of the session's own */
    is_77(got.op.release.ref);
    assert_int_equal(got.op.release.permits, 1);
    assert_int_equal(got.op.release.token, 0);
    x.has_permits = 1;
    decoded(m, &got, OP_RELEASE); /* none */
    assert_int_equal(got.op.release.permits, 0);
    x.has_permits = 0;
    x.has_token = 1;
    x.token = 12;
    decoded(m, &got, OP_RELEASE); /* all of the token's */
    assert_int_equal(got.op.release.permits, 0);
    assert_int_equal(got.op.release.token, 12);
    x.has_permits = 1;
    x.permits = 3;
    decoded(m, &got, OP_RELEASE);
    assert_int_equal(got.op.release.permits, 3);
}

void test_adopt(void)
{
    MESSAGE(Sluice__V1__Adopt, sluice__v1__adopt__init, ADOPT);
    m->adopt = &x;
    x.has_token = 1;
    x.token = 1234567890123;
    decoded(m, &got, OP_ADOPT);
    assert_int_equal(got.op.adopt.token, 1234567890123);
    assert_int_equal(got.for_pid, 0);
    x.has_for_pid = 1;
    x.for_pid = 4711;
    decoded(m, &got, OP_ADOPT);
    assert_int_equal(got.for_pid, 4711);
}

void test_wait(void)
{
    MESSAGE(Sluice__V1__Wait, sluice__v1__wait__init, WAIT);
    Sluice__V1__Condition condition = SLUICE__V1__CONDITION__INIT;
    m->wait = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_WAIT);
    is_77(got.op.wait.ref);
    assert_int_equal(got.op.wait.condition.compare, COMPARE_NONE);
    x.condition = &condition;
    decoded(m, &got, OP_WAIT);
    assert_int_equal(got.op.wait.condition.compare, COMPARE_NONE);
    condition.has_compare = condition.has_operand = 1;
    condition.operand = INT64_MIN;
    for (int compare = COMPARE_EQ; compare <= COMPARE_GE; compare++) {
        condition.compare = (Sluice__V1__Condition__Compare)compare;
        decoded(m, &got, OP_WAIT);
        assert_int_equal(got.op.wait.condition.compare, compare);
        assert_int_equal(got.op.wait.condition.operand, INT64_MIN);
    }
}

void test_add(void)
{
    MESSAGE(Sluice__V1__Add, sluice__v1__add__init, ADD);
    m->add = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_ADD);
    is_other(got.op.add.ref);
    assert_int_equal(got.op.add.delta, 0);
    assert_false(got.op.add.owned);
    x.has_delta = x.has_owned = x.owned = 1;
    x.delta = INT64_MIN;
    decoded(m, &got, OP_ADD);
    assert_int_equal(got.op.add.delta, INT64_MIN);
    assert_true(got.op.add.owned);
}

void test_update(void)
{
    MESSAGE(Sluice__V1__Update, sluice__v1__update__init, UPDATE);
    m->update = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_UPDATE);
    is_77(got.op.update.ref);
    assert_int_equal(got.op.update.verb, COUNT_LOAD);
    x.has_verb = x.has_operand = x.has_expected = x.has_fence = 1;
    x.operand = -1;
    x.expected = INT64_MAX;
    x.fence = 99;
    for (int verb = COUNT_LOAD; verb < COUNT_VERBS; verb++) {
        x.verb = (Sluice__V1__Update__Verb)verb;
        decoded(m, &got, OP_UPDATE);
        assert_int_equal(got.op.update.verb, verb);
        assert_int_equal(got.op.update.operand, -1);
        assert_int_equal(got.op.update.expected, INT64_MAX);
        assert_int_equal(got.op.update.fence, 99);
    }
}

void test_exchange(void)
{
    MESSAGE(Sluice__V1__Exchange, sluice__v1__exchange__init, EXCHANGE);
    m->exchange = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_EXCHANGE);
    is_77(got.op.exchange.ref);
    assert_int_equal(got.op.exchange.verb, CELL_LOAD);
    assert_int_equal(got.op.exchange.value.type, VALUE_NONE);
    assert_int_equal(got.op.exchange.expected.type, VALUE_NONE);
    assert_false(got.op.exchange.has_revision);
    assert_int_equal(got.op.exchange.fence, 0);
    Sluice__V1__Value old = SLUICE__V1__VALUE__INIT;
    old.kind_case = SLUICE__V1__VALUE__KIND_INTEGER;
    old.integer = INT64_MIN;
    x.has_verb = x.has_fence = 1;
    x.value = &b.value;
    x.expected = &old;
    x.fence = UINT64_MAX;
    for (int verb = CELL_LOAD; verb < CELL_VERBS; verb++) {
        x.verb = (Sluice__V1__Exchange__Verb)verb;
        decoded(m, &got, OP_EXCHANGE);
        assert_int_equal(got.op.exchange.verb, verb);
        assert_bytes(got.op.exchange.value.bytes, "payload");
        assert_int_equal(got.op.exchange.expected.type, VALUE_INT64);
        assert_int_equal(got.op.exchange.expected.int64, INT64_MIN);
        assert_true(got.op.exchange.fence == UINT64_MAX);
    }
    x.has_revision = 1;
    decoded(m, &got, OP_EXCHANGE); /* of revision 0: that it is empty */
    assert_true(got.op.exchange.has_revision && got.op.exchange.revision == 0);
    x.revision = UINT64_MAX;
    decoded(m, &got, OP_EXCHANGE);
    assert_true(got.op.exchange.revision == UINT64_MAX);
}

void test_begin(void)
{
    MESSAGE(Sluice__V1__Begin, sluice__v1__begin__init, BEGIN);
    m->begin = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_BEGIN);
    is_77(got.op.begin.ref);
    assert_int_equal(got.op.begin.ttl_ns, 0);
    x.has_ttl_ns = 1;
    x.ttl_ns = 7;
    decoded(m, &got, OP_BEGIN);
    assert_int_equal(got.op.begin.ttl_ns, 7);
    assert_int_equal(got.op.begin.key.size, 0);
    x.has_key = 1;
    x.key = data_of("user:7");
    decoded(m, &got, OP_BEGIN);
    assert_bytes(got.op.begin.key, "user:7");
}

void test_forget(void)
{
    MESSAGE(Sluice__V1__Forget, sluice__v1__forget__init, FORGET);
    m->forget = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_FORGET);
    is_other(got.op.forget.ref);
    assert_int_equal(got.op.forget.key.size, 0);
    x.has_key = 1;
    x.key = data_of("user:7");
    decoded(m, &got, OP_FORGET);
    assert_bytes(got.op.forget.key, "user:7");
}

void test_acquire_all(void)
{
    MESSAGE(Sluice__V1__AcquireAll, sluice__v1__acquire_all__init, ACQUIRE_ALL);
    Sluice__V1__Arm arms[ACQUIRE_ALL_MAX], *list[ACQUIRE_ALL_MAX];
    for (int i = 0; i < ACQUIRE_ALL_MAX; i++) {
        sluice__v1__arm__init(&arms[i]);
        arms[i].has_verb = 1;
        arms[i].verb = (Sluice__V1__Verb)(ARM_LOCK + i % 3);
        arms[i].ref = i ? &b.other : &b.ref;
        list[i] = &arms[i];
    }
    arms[0].value = &b.value;
    arms[1].has_lease_ns = 1;
    arms[1].lease_ns = 90;
    arms[2].has_permits = 1;
    arms[2].permits = 3;
    m->acquire_all = &x;
    x.arms = list;
    x.n_arms = ACQUIRE_ALL_MAX;
    decoded(m, &got, OP_ACQUIRE_ALL);
    const struct arm_spec *a = got.op.acquire_all.arms;
    assert_int_equal(got.op.acquire_all.count, ACQUIRE_ALL_MAX);
    assert_int_equal(a[0].verb, ARM_LOCK);
    is_77(a[0].ref);
    assert_bytes(a[0].value.bytes, "payload");
    assert_int_equal(a[0].lease_ns, 0);
    assert_int_equal(a[1].verb, ARM_RLOCK);
    is_other(a[1].ref);
    assert_int_equal(a[1].lease_ns, 90);
    assert_int_equal(a[2].verb, ARM_ACQUIRE);
    assert_int_equal(a[2].permits, 3);
    assert_int_equal(a[5].permits, 1);
    assert_int_equal(a[5].value.type, VALUE_NONE);
}

void test_cond_wait(void)
{
    MESSAGE(Sluice__V1__CondWait, sluice__v1__cond_wait__init, COND_WAIT);
    m->cond_wait = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_COND_WAIT);
    is_77(got.op.cond_wait.ref);
    assert_int_equal(got.op.cond_wait.lock.handle, 0);
    assert_int_equal(got.op.cond_wait.lock.name_size, 0);
    assert_int_equal(got.op.cond_wait.token, 0);
    assert_int_equal(got.op.cond_wait.ttl_ns, 0);
    x.lock = &b.other;
    x.has_token = x.has_ttl_ns = 1;
    x.token = 6;
    x.ttl_ns = 70;
    decoded(m, &got, OP_COND_WAIT);
    is_other(got.op.cond_wait.lock);
    assert_int_equal(got.op.cond_wait.token, 6);
    assert_int_equal(got.op.cond_wait.ttl_ns, 70);
}

void test_signal(void)
{
    MESSAGE(Sluice__V1__Signal, sluice__v1__signal__init, SIGNAL);
    m->signal = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_SIGNAL);
    is_77(got.op.signal.ref);
    assert_false(got.op.signal.all);
    x.has_all = x.all = 1;
    decoded(m, &got, OP_SIGNAL);
    assert_true(got.op.signal.all);
}

void test_end(void)
{
    MESSAGE(Sluice__V1__End, sluice__v1__end__init, END);
    m->end = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_END);
    is_77(got.op.end.ref);
    assert_int_equal(got.op.end.token, 0);
    assert_false(got.op.end.failed);
    assert_int_equal(got.op.end.value.type, VALUE_NONE);
    x.has_token = x.has_failed = x.failed = 1;
    x.token = 5;
    x.value = &b.value;
    assert_false(got.op.end.has_exit);
    x.has_exit = 1;
    x.exit = INT32_MIN;
    decoded(m, &got, OP_END);
    assert_true(got.op.end.has_exit && got.op.end.exit == INT32_MIN);
    x.exit = 127;
    decoded(m, &got, OP_END);
    assert_int_equal(got.op.end.exit, 127);
    assert_int_equal(got.op.end.token, 5);
    assert_true(got.op.end.failed);
    assert_bytes(got.op.end.value.bytes, "payload");
}

/*
 * decode_limits.c - the tests of decoding for limiters: more of decode_test.c.
 *
 * Absence is looked at with every field, since it has a meaning: one permit, a second, for ever, now.
 */
#include "built.h"

void test_take(void)
{
    MESSAGE(Sluice__V1__Take, sluice__v1__take__init, TAKE);
    m->take = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_TAKE);
    is_77(got.op.take.ref);
    assert_int_equal(got.op.take.key.size, 0);
    assert_int_equal(got.op.take.permits, 1);
    assert_int_equal(got.op.take.ttl_ns, 0);
    assert_false(got.op.take.dry_run);
    char key[KEY_SIZE_MAX + 1] = {0};
    memset(key, 'k', KEY_SIZE_MAX);
    x.has_key = x.has_permits = x.has_ttl_ns = x.has_dry_run = x.dry_run = 1;
    x.key = data_of(key);
    x.ttl_ns = 8;
    decoded(m, &got, OP_TAKE);
    assert_bytes(got.op.take.key, key);
    assert_int_equal(got.op.take.permits, 0);
    assert_int_equal(got.op.take.ttl_ns, 8);
    assert_true(got.op.take.dry_run);
}

void test_reserve(void)
{
    MESSAGE(Sluice__V1__Reserve, sluice__v1__reserve__init, RESERVE);
    m->reserve = &x;
    x.ref = &b.other;
    decoded(m, &got, OP_RESERVE);
    is_other(got.op.reserve.ref);
    assert_int_equal(got.op.reserve.key.size, 0);
    assert_int_equal(got.op.reserve.permits, 1);
    assert_false(got.op.reserve.has_max || got.op.reserve.has_at);
    x.has_key = x.has_permits = x.has_max_wait_ns = x.has_at_ns = 1;
    x.key = data_of("anna");
    x.permits = 4;
    x.max_wait_ns = INT64_MAX;
    x.at_ns = -5;
    decoded(m, &got, OP_RESERVE);
    assert_bytes(got.op.reserve.key, "anna");
    assert_int_equal(got.op.reserve.permits, 4);
    assert_true(got.op.reserve.has_max && got.op.reserve.has_at);
    assert_int_equal(got.op.reserve.max_wait_ns, INT64_MAX);
    assert_int_equal(got.op.reserve.at_ns, -5);
}

void test_refund(void)
{
    MESSAGE(Sluice__V1__Refund, sluice__v1__refund__init, REFUND);
    m->refund = &x;
    x.has_token = 1;
    x.token = 9;
    decoded(m, &got, OP_REFUND);
    assert_int_equal(got.op.refund.token, 9);
    assert_false(got.op.refund.has_at);
    x.has_at_ns = 1;
    x.at_ns = 77;
    decoded(m, &got, OP_REFUND);
    assert_true(got.op.refund.has_at);
    assert_int_equal(got.op.refund.at_ns, 77);
}

void test_tune(void)
{
    MESSAGE(Sluice__V1__Tune, sluice__v1__tune__init, TUNE);
    Sluice__V1__Rate rate = SLUICE__V1__RATE__INIT;
    m->tune = &x;
    x.ref = &b.ref;
    decoded(m, &got, OP_TUNE);
    is_77(got.op.tune.ref);
    assert_false(got.op.tune.has_rate || got.op.tune.has_burst || got.op.tune.has_limit ||
                 got.op.tune.has_at || got.op.tune.has_pause);
    x.rate = &rate;
    x.has_burst = x.has_limit = x.has_at_ns = x.has_pause = 1;
    x.burst = UINT64_MAX; /* the engine's to refuse */
    x.limit = -1;
    x.at_ns = 3;
    decoded(m, &got, OP_TUNE);
    assert_true(got.op.tune.has_rate && got.op.tune.has_burst && got.op.tune.has_limit && got.op.tune.has_at);
    assert_true(got.op.tune.rate.count == 0 && !got.op.tune.rate.infinite);
    assert_int_equal(got.op.tune.rate.period_ns, 1000000000);
    assert_true(got.op.tune.burst == UINT64_MAX);
    assert_int_equal(got.op.tune.limit, -1);
    assert_int_equal(got.op.tune.at_ns, 3);
    assert_true(got.op.tune.has_pause && !got.op.tune.pause);
    x.pause = 1;
    decoded(m, &got, OP_TUNE);
    assert_true(got.op.tune.has_pause && got.op.tune.pause);
    rate.has_count = rate.has_period_ns = rate.has_infinite = rate.infinite = 1;
    rate.count = 5;
    rate.period_ns = 0; /* this too */
    decoded(m, &got, OP_TUNE);
    assert_int_equal(got.op.tune.rate.count, 5);
    assert_int_equal(got.op.tune.rate.period_ns, 0);
    assert_true(got.op.tune.rate.infinite);
}

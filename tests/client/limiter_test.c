/*
 * limiter_test.c - limiters against the real daemon: what passes when, reservations, keys, and holders that are killed.
 *
 * The daemon's clock is virtual, so that every delay is exact: what comes a nanosecond too early is seen.
 */
#include "stage.h"

static sluice_limiter limiter_of(const char *name, enum sluice_algorithm algorithm, struct sluice_rate rate,
                                 uint64_t burst)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_limiter_spec spec = SLUICE_LIMITER_SPEC_INIT;
    sluice_limiter l;
    how.name = name;
    spec.algorithm = algorithm;
    spec.rate = rate;
    spec.burst = burst;
    assert_status(sluice_limiter_make_with(s, &how, &spec, &l, NULL), SLUICE_OK);
    return l;
}

static sluice_limiter bucket(uint64_t per_second, uint64_t burst)
{
    sluice_limiter l;
    assert_status(sluice_limiter_make(s, NULL, sluice_rate_per_second(per_second), burst, &l), SLUICE_OK);
    return l;
}

static enum sluice_status allow(sluice_limiter l, uint64_t permits)
{
    return sluice_limiter_allow(s, l, NULL, permits, NULL);
}

static int64_t remaining(sluice_limiter l)
{
    struct sluice_quota q;
    enum sluice_status status = sluice_limiter_check(s, l, NULL, 0, &q);
    assert_status(status, q.allowed ? SLUICE_OK : SLUICE_WOULD_BLOCK);
    return q.remaining;
}

static void test_limiter(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_limiter_spec spec = SLUICE_LIMITER_SPEC_INIT;
    struct sluice_made made;
    struct sluice_description *d;
    sluice_limiter l, again, nil = SLUICE_NIL;
    how.name = "l/1";
    spec.rate = sluice_rate_every(2 * SLUICE_SECOND);
    spec.burst = 3;
    assert_status(sluice_limiter_make_with(s, &how, &spec, &l, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_LIMITER);
    spec.algorithm = SLUICE_ALGORITHM_WINDOW;
    spec.burst = 0;
    assert_status(sluice_limiter_make_with(s, &how, &spec, &again, NULL), SLUICE_MISMATCH);
    assert_status(sluice_limiter_make(s, "l/1", sluice_rate_every(2 * SLUICE_SECOND), 4, &again),
                  SLUICE_MISMATCH);
    assert_status(sluice_limiter_make(s, "l/1", sluice_rate_every(2 * SLUICE_SECOND), 3, &again), SLUICE_OK);
    assert_status(sluice_limiter_open(s, "l/1", 0, &again), SLUICE_OK);
    assert_status(allow(l, 1), SLUICE_OK);
    assert_status(sluice_describe(s, l.ref, &d), SLUICE_OK);
    assert_int_equal(d->kind, SLUICE_KIND_LIMITER);
    assert_int_equal(d->limiter.spec.algorithm, SLUICE_ALGORITHM_BUCKET);
    assert_int_equal(d->limiter.spec.rate.count, 1);
    assert_int_equal(d->limiter.spec.rate.period_ns, 2 * SLUICE_SECOND);
    assert_true(d->limiter.spec.burst == 3 && d->limiter.remaining == 2);
    sluice_description_free(d);
    spec.algorithm = (enum sluice_algorithm)6;
    assert_status(sluice_limiter_make_with(s, NULL, &spec, &again, NULL), SLUICE_INVALID);
    assert_status(sluice_limiter_make(s, NULL, sluice_rate_of(1, -1), 1, &again), SLUICE_INVALID);
    assert_status(sluice_limiter_make(s, NULL, sluice_rate_per_second((UINT64_C(1) << 40) + 1), 1, &again),
                  SLUICE_INVALID);
    spec.algorithm = SLUICE_ALGORITHM_WINDOW;
    spec.burst = 1;
    assert_status(sluice_limiter_make_with(s, NULL, &spec, &again, NULL), SLUICE_INVALID);
    assert_status(sluice_limiter_tune(s, nil, NULL), SLUICE_INVALID);
    assert_status(allow(nil, 1), SLUICE_INVALID);
    assert_status(allow(sluice_limiter_named("l/none"), 1), SLUICE_NOT_FOUND);
}

/* rate.Limiter: Allow, Wait, and what they say. */
static void test_bucket(void **state)
{
    (void)state;
    struct sluice_quota q;
    struct sluice_wait second = SLUICE_WAIT_FOR(SLUICE_SECOND);
    sluice_future *f;
    sluice_limiter l = bucket(10, 3);
    assert_status(sluice_limiter_check(s, l, NULL, 3, &q), SLUICE_OK);
    assert_true(q.allowed && q.remaining == 3);
    assert_status(sluice_limiter_allow(s, l, NULL, 2, &q), SLUICE_OK);
    assert_true(q.allowed && q.remaining == 1 && q.retry_after_ns == 0);
    assert_status(sluice_limiter_allow(s, l, NULL, 2, &q), SLUICE_WOULD_BLOCK);
    assert_true(!q.allowed && q.remaining == 1 && q.retry_after_ns == SLUICE_SECOND / 10);
    assert_status(sluice_limiter_check(s, l, NULL, 2, &q), SLUICE_WOULD_BLOCK);
    assert_int_equal(q.retry_after_ns, SLUICE_SECOND / 10);
    assert_status(sluice_limiter_take(s, l, NULL, 4, 0, NULL, &q), SLUICE_MISUSE);
    assert_string_equal(sluice_errmsg(), "rate: Wait(n=4) exceeds limiter's burst 3");
    assert_status(sluice_limiter_allow(s, l, NULL, 4, &q), SLUICE_WOULD_BLOCK);
    assert_int_equal(q.retry_after_ns, SLUICE_FOREVER_NS);
    parked(sluice_limiter_take_start(s, l, NULL, 3, 0, NULL, &f), &f);
    advance(SLUICE_SECOND / 10);
    assert_false(sluice_future_done(f));
    advance(SLUICE_SECOND / 10);
    struct sluice_result r = finished(f);
    assert_true(r.quota.allowed && r.quota.remaining == 0);
    second.timeout_ns = SLUICE_SECOND / 10;
    assert_status(sluice_limiter_take(s, l, NULL, 3, 0, &second, &q), SLUICE_DEADLINE_EXCEEDED);
    assert_string_equal(sluice_errmsg(), "rate: Wait(n=3) would exceed context deadline");
    assert_int_equal(remaining(l), 0);
    assert_status(sluice_limiter_take_start(s, l, NULL, 1, 0, sluice_no_wait(), &f), SLUICE_OK);
    assert_status(sluice_future_finish(f, &r), SLUICE_WOULD_BLOCK);
    assert_int_equal(r.quota.retry_after_ns, SLUICE_SECOND / 10);
}

static void test_keys(void **state)
{
    (void)state;
    static char key[257];
    struct sluice_quota q;
    sluice_limiter l = bucket(1, 1);
    assert_status(sluice_limiter_allow(s, l, "a", 1, &q), SLUICE_OK);
    assert_status(sluice_limiter_allow(s, l, "a", 1, &q), SLUICE_WOULD_BLOCK);
    assert_status(sluice_limiter_allow(s, l, "b", 1, &q), SLUICE_OK);
    assert_status(sluice_limiter_allow(s, l, NULL, 1, &q), SLUICE_OK);
    assert_status(sluice_limiter_allow(s, l, "", 1, &q), SLUICE_WOULD_BLOCK);
    memset(key, 'k', 256);
    assert_status(sluice_limiter_allow(s, l, key, 1, &q), SLUICE_TOO_LARGE);
    advance(SLUICE_SECOND);
    assert_status(sluice_limiter_allow(s, l, "a", 1, &q), SLUICE_OK);
}

static struct sluice_quota reserve(sluice_limiter l, uint64_t permits, int64_t max_wait_ns,
                                   enum sluice_status expected)
{
    struct sluice_quota q = {.delay_ns = -1};
    struct sluice_reserve how = SLUICE_RESERVE_INIT;
    how.permits = permits;
    how.max_wait_ns = max_wait_ns;
    assert_status(sluice_limiter_reserve(s, l, &how, &q), expected);
    return q;
}

static void test_reservations(void **state)
{
    (void)state;
    sluice_limiter l = bucket(10, 10);
    bool back;
    struct sluice_quota first = reserve(l, 10, -1, SLUICE_OK);
    assert_true(first.allowed && first.delay_ns == 0);
    struct sluice_quota second = reserve(l, 10, -1, SLUICE_OK);
    assert_true(second.delay_ns == SLUICE_SECOND && second.token != 0);
    assert_int_equal(remaining(l), -10);
    struct sluice_quota none = reserve(l, 11, -1, SLUICE_WOULD_BLOCK);
    assert_true(!none.allowed && none.retry_after_ns == SLUICE_FOREVER_NS && none.token == 0);
    none = reserve(l, 1, SLUICE_SECOND, SLUICE_WOULD_BLOCK);
    assert_true(!none.allowed && none.retry_after_ns == SLUICE_SECOND / 10 && none.remaining == -10);
    struct sluice_quota third = reserve(l, 1, 2 * SLUICE_SECOND, SLUICE_OK);
    assert_int_equal(third.delay_ns, SLUICE_SECOND + SLUICE_SECOND / 10);
    /* What was reserved after it is not given back with it. */
    assert_status(sluice_limiter_refund(s, second.token, &back), SLUICE_OK);
    assert_true(back);
    assert_int_equal(reserve(l, 1, -1, SLUICE_OK).delay_ns, 3 * SLUICE_SECOND / 10);
    assert_status(sluice_limiter_refund(s, second.token, &back), SLUICE_OK);
    assert_false(back);
    back = true;
    assert_status(sluice_limiter_refund(s, 0, &back), SLUICE_OK);
    assert_false(back);
    struct sluice_quota q;
    assert_status(sluice_limiter_reserve(s, bucket(1, 1), NULL, &q), SLUICE_OK);
    assert_true(q.allowed && q.delay_ns == 0);
    l = limiter_of(NULL, SLUICE_ALGORITHM_WINDOW, sluice_rate_per_second(1), 0);
    assert_status(sluice_limiter_reserve(s, l, NULL, &q), SLUICE_INVALID);
}

/* The forms with an instant. */
static void test_at(void **state)
{
    (void)state;
    struct sluice_quota q;
    struct sluice_reserve how = SLUICE_RESERVE_INIT;
    struct sluice_tune tune = SLUICE_TUNE_INIT;
    bool back;
    sluice_limiter l = bucket(1, 2);
    int64_t start_ns = daemon_now_ns();
    advance(10 * SLUICE_SECOND);
    how.has_at = true;
    how.permits = 2;
    how.at_ns = start_ns + 5 * SLUICE_SECOND;
    assert_status(sluice_limiter_reserve(s, l, &how, &q), SLUICE_OK);
    assert_int_equal(q.delay_ns, 0);
    assert_status(sluice_limiter_reserve(s, l, &how, &q), SLUICE_OK);
    assert_int_equal(q.delay_ns, 2 * SLUICE_SECOND);
    assert_status(sluice_limiter_refund_at(s, q.token, how.at_ns + SLUICE_SECOND, &back), SLUICE_OK);
    tune.has_burst = tune.has_at = true;
    tune.burst = 4;
    tune.at_ns = how.at_ns;
    assert_status(sluice_limiter_tune(s, l, &tune), SLUICE_OK);
    how.at_ns = daemon_now_ns() + SLUICE_SECOND;
    assert_status(sluice_limiter_reserve(s, l, &how, &q), SLUICE_INVALID);
    struct sluice_reserve wrong = SLUICE_RESERVE_INIT;
    wrong.size = 1;
    assert_status(sluice_limiter_reserve(s, l, &wrong, &q), SLUICE_INVALID);
}

static void test_infinite(void **state)
{
    (void)state;
    struct sluice_quota q;
    sluice_limiter l = limiter_of(NULL, SLUICE_ALGORITHM_BUCKET, sluice_rate_infinite(), 0);
    assert_status(sluice_limiter_allow(s, l, NULL, 1000000, &q), SLUICE_OK);
    assert_status(sluice_limiter_set_rate(s, l, sluice_rate_every(SLUICE_SECOND)), SLUICE_OK);
    assert_status(allow(l, 1), SLUICE_WOULD_BLOCK);
    assert_status(sluice_limiter_set_burst(s, l, 2), SLUICE_OK);
    advance(5 * SLUICE_SECOND);
    assert_status(allow(l, 2), SLUICE_OK);
    assert_status(allow(l, 1), SLUICE_WOULD_BLOCK);
    assert_status(sluice_limiter_set_rate(s, l, sluice_rate_of(1, -5)), SLUICE_INVALID);
    assert_true(sluice_rate_every(0).infinite);
}

static void test_windows(void **state)
{
    (void)state;
    struct sluice_quota q;
    struct sluice_rate rate = sluice_rate_of(2, 10 * SLUICE_SECOND);
    sluice_limiter l = limiter_of(NULL, SLUICE_ALGORITHM_WINDOW, rate, 0);
    advance(4 * SLUICE_SECOND);
    assert_status(allow(l, 2), SLUICE_OK);
    assert_status(sluice_limiter_allow(s, l, NULL, 1, &q), SLUICE_WOULD_BLOCK);
    assert_int_equal(q.retry_after_ns, 6 * SLUICE_SECOND);
    sluice_future *f;
    parked(sluice_limiter_take_start(s, l, NULL, 2, 0, NULL, &f), &f);
    advance(6 * SLUICE_SECOND);
    assert_true(finished(f).quota.allowed);
    assert_status(allow(l, 1), SLUICE_WOULD_BLOCK);
    l = limiter_of(NULL, SLUICE_ALGORITHM_SLIDING, rate, 0);
    assert_status(allow(l, 2), SLUICE_OK);
    assert_status(allow(l, 1), SLUICE_WOULD_BLOCK);
    advance(15 * SLUICE_SECOND);
    assert_status(allow(l, 1), SLUICE_OK);
    assert_status(allow(l, 1), SLUICE_WOULD_BLOCK);
}

static void test_leaky_buckets(void **state)
{
    (void)state;
    sluice_future *first, *second;
    sluice_limiter l = limiter_of(NULL, SLUICE_ALGORITHM_METER, sluice_rate_per_second(1), 2);
    assert_status(allow(l, 2), SLUICE_OK);
    assert_status(allow(l, 1), SLUICE_WOULD_BLOCK);
    advance(SLUICE_SECOND);
    assert_status(allow(l, 1), SLUICE_OK);
    l = limiter_of(NULL, SLUICE_ALGORITHM_QUEUE, sluice_rate_per_second(1), 2);
    assert_status(sluice_limiter_take(s, l, NULL, 1, 0, NULL, NULL), SLUICE_OK);
    parked(sluice_limiter_take_start(s, l, NULL, 1, 0, NULL, &first), &first);
    parked(sluice_limiter_take_start(s, l, NULL, 1, 0, NULL, &second), &second);
    assert_status(sluice_limiter_take(s, l, NULL, 1, 0, NULL, NULL), SLUICE_LIMIT);
    assert_string_equal(sluice_errlimit().name, "queue");
    advance(SLUICE_SECOND);
    assert_true(finished(first).quota.allowed);
    assert_false(sluice_future_done(second));
    advance(SLUICE_SECOND);
    assert_true(finished(second).quota.allowed);
}

static void test_concurrency(void **state)
{
    (void)state;
    struct sluice_quota a, b;
    sluice_future *f;
    sluice_limiter l = limiter_of(NULL, SLUICE_ALGORITHM_CONCURRENCY, sluice_rate_of(0, 0), 2);
    assert_status(sluice_limiter_take(s, l, "k", 1, 0, NULL, &a), SLUICE_OK);
    assert_true(a.allowed && a.token != 0);
    assert_status(sluice_limiter_take(s, l, "k", 1, SLUICE_SECOND, NULL, &b), SLUICE_OK);
    assert_status(sluice_limiter_allow(s, l, "k", 1, &b), SLUICE_WOULD_BLOCK);
    assert_true(!b.allowed && b.token == 0);
    parked(sluice_limiter_take_start(s, l, "k", 1, 0, NULL, &f), &f);
    assert_status(sluice_limiter_release(s, l, a.token), SLUICE_OK);
    struct sluice_result r = finished(f);
    assert_true(r.quota.allowed && r.quota.token > a.token && r.quota.token == r.grant.token);
    assert_status(sluice_limiter_release(s, l, a.token), SLUICE_STALE_TOKEN);
    assert_status(sluice_limiter_release(s, l, 0), SLUICE_STALE_TOKEN);
    parked(sluice_limiter_take_start(s, l, "k", 1, 0, NULL, &f), &f);
    advance(SLUICE_SECOND);
    assert_status(sluice_limiter_release(s, l, finished(f).quota.token), SLUICE_OK);
    assert_status(sluice_limiter_check(s, l, "k", 1, &b), SLUICE_OK);
    assert_true(b.allowed && b.token == 0);
}

/* ---- Death. */

static uint64_t take_and_stay(sluice *own)
{
    struct sluice_quota q;
    sluice_limiter l = sluice_limiter_named("l/held");
    return sluice_limiter_take(own, l, NULL, 2, 0, NULL, &q) == SLUICE_OK ? q.token : 0;
}

static uint64_t reserve_and_stay(sluice *own)
{
    struct sluice_quota q;
    struct sluice_reserve how = SLUICE_RESERVE_INIT;
    struct sluice_grant g;
    how.permits = 5;
    if (sluice_mutex_lock(own, sluice_mutex_named("witness"), 0, NULL, &g) != SLUICE_OK)
        return 0;
    return sluice_limiter_reserve(own, sluice_limiter_named("l/reserved"), &how, &q) == SLUICE_OK ? q.token
                                                                                                  : 0;
}

static void test_holder_is_killed(void **state)
{
    (void)state;
    sluice_future *f;
    sluice_limiter l = limiter_of("l/held", SLUICE_ALGORITHM_CONCURRENCY, sluice_rate_of(0, 0), 2);
    struct child c = child_start(&stage, take_and_stay);
    parked(sluice_limiter_take_start(s, l, NULL, 1, 0, NULL, &f), &f);
    child_kill(&c);
    assert_true(finished(f).quota.token != 0);
    assert_status(sluice_limiter_release(s, l, c.number), SLUICE_STALE_TOKEN);
}

/* The reservation of a session that died is refunded. */
static void test_reserver_is_killed(void **state)
{
    (void)state;
    sluice_mutex witness = mutex_of("witness");
    sluice_limiter l = limiter_of("l/reserved", SLUICE_ALGORITHM_BUCKET, sluice_rate_per_second(1), 5);
    assert_status(allow(l, 5), SLUICE_OK);
    struct child c = child_start(&stage, reserve_and_stay);
    assert_int_equal(reserve(l, 1, 0, SLUICE_WOULD_BLOCK).retry_after_ns, 6 * SLUICE_SECOND);
    assert_int_equal(remaining(l), -5);
    child_kill(&c);
    assert_true(locked(witness).owner_died);
    assert_int_equal(remaining(l), 0);
}

static void test_select(void **state)
{
    (void)state;
    struct sluice_quota q = {.allowed = false};
    struct sluice_result r;
    sluice_future *f;
    int index;
    sluice_limiter l = bucket(1, 2);
    const struct sluice_arm arms[] = {sluice_arm_take(l, "k", 2, 0, &q), sluice_arm_default()};
    assert_status(sluice_select(s, arms, 2, NULL, &index, NULL), SLUICE_OK);
    assert_true(index == 0 && q.allowed && q.remaining == 0);
    assert_status(sluice_select(s, arms, 2, NULL, &index, NULL), SLUICE_OK);
    assert_int_equal(index, 1);
    parked(sluice_select_start(s, arms, 1, NULL, &f), &f);
    advance(2 * SLUICE_SECOND);
    r = finished(f);
    assert_true(r.index == 0 && r.quota.allowed);
    l = limiter_of(NULL, SLUICE_ALGORITHM_CONCURRENCY, sluice_rate_of(0, 0), 1);
    const struct sluice_arm held[] = {sluice_arm_take(l, NULL, 1, 0, &q)};
    assert_status(sluice_select(s, held, 1, NULL, &index, NULL), SLUICE_OK);
    assert_true(q.token != 0);
    assert_status(sluice_limiter_release(s, l, q.token), SLUICE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limiter),
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_reservations),
        cmocka_unit_test(test_at),
        cmocka_unit_test(test_infinite),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_leaky_buckets),
        cmocka_unit_test(test_concurrency),
        cmocka_unit_test(test_holder_is_killed),
        cmocka_unit_test(test_reserver_is_killed),
        cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

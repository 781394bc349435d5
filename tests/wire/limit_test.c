/*
 * limit_test.c - limiters over the wire: what is refused, what is answered, what is seen of them.
 *
 * Answers come from a real engine, are written both ways by the rig, and are read by protobuf-c. What a limiter lets pass is the engine's tests'
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

/* A limiter of count each period, 1000 ns long. */
static void make_limiter(Sluice__V1__LimiterSpec__Algorithm algorithm, uint64_t count, uint64_t burst)
{
    Sluice__V1__LimiterSpec spec = SLUICE__V1__LIMITER_SPEC__INIT;
    Sluice__V1__Rate rate = SLUICE__V1__RATE__INIT;
    rate.has_count = rate.has_period_ns = 1;
    rate.count = count;
    rate.period_ns = 1000;
    spec.has_algorithm = 1;
    spec.algorithm = algorithm;
    spec.rate = count ? &rate : NULL;
    spec.has_burst = burst != 0;
    spec.burst = burst;
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_LIMITER, &spec);
}

static Sluice__V1__Take take_op;

static void take(uint64_t permits, const char *key)
{
    sluice__v1__take__init(&take_op);
    OPERATION(TAKE, &take_op);
    take_op.ref = &ref;
    take_op.has_permits = 1;
    take_op.permits = permits;
    take_op.has_key = key != NULL;
    take_op.key = data_of(key ? key : "");
}

static void quota_is(Sluice__V1__Reply *reply, bool allowed, int64_t remaining, int64_t retry_after_ns)
{
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_QUOTA);
    assert_int_equal(reply->quota->allowed, allowed);
    assert_int_equal(reply->quota->remaining, remaining);
    assert_int_equal(reply->quota->retry_after_ns, retry_after_ns);
    reply_free(reply);
}

/* ---- What is refused. ---- */

static void forms(void **state)
{
    (void)state;
    char key[KEY_SIZE_MAX + 2] = {0};
    memset(key, 'k', KEY_SIZE_MAX + 1);
    take(1, key);
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "key_size_max", KEY_SIZE_MAX, KEY_SIZE_MAX + 1);
    take(1, NULL);
    take_op.has_ttl_ns = 1;
    take_op.ttl_ns = -1;
    expect_message(r.wire, &m, STATUS_INVALID, "ttl is out of range");
    Sluice__V1__Reserve reserve = SLUICE__V1__RESERVE__INIT;
    OPERATION(RESERVE, &reserve);
    reserve.has_max_wait_ns = 1;
    reserve.max_wait_ns = (uint64_t)INT64_MAX + 1;
    expect_message(r.wire, &m, STATUS_INVALID, "max wait is out of range");
    reserve.max_wait_ns = 0;
    reserve.has_key = 1;
    reserve.key = data_of(key);
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "key_size_max", KEY_SIZE_MAX, KEY_SIZE_MAX + 1);
    Sluice__V1__Make make = SLUICE__V1__MAKE__INIT;
    Sluice__V1__LimiterSpec spec = SLUICE__V1__LIMITER_SPEC__INIT;
    OPERATION(MAKE, &make);
    make.spec_case = SLUICE__V1__MAKE__SPEC_LIMITER;
    make.limiter = &spec;
    spec.has_algorithm = 1;
    spec.algorithm = (Sluice__V1__LimiterSpec__Algorithm)LIMIT_ALGORITHMS;
    expect_message(r.wire, &m, STATUS_INVALID, "unknown algorithm of a limiter");
    spec.algorithm = (Sluice__V1__LimiterSpec__Algorithm)-1;
    expect_message(r.wire, &m, STATUS_INVALID, "unknown algorithm of a limiter");
}

/* ---- What is answered. ---- */

static void allowed_or_not(void **state)
{
    (void)state;
    make_limiter(SLUICE__V1__LIMITER_SPEC__ALGORITHM__BUCKET, 1, 3);
    take(2, NULL);
    m.has_no_wait = m.no_wait = 1;
    quota_is(ask(SLUICE__V1__STATUS__OK), true, 1, 0);
    take(2, NULL);
    m.has_no_wait = m.no_wait = 1;
    quota_is(ask(SLUICE__V1__STATUS__WOULD_BLOCK), false, 1, 1000);
    take(1, NULL);
    take_op.has_dry_run = take_op.dry_run = 1;
    quota_is(ask(SLUICE__V1__STATUS__OK), true, 1, 0);
    take(4, NULL);
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__MISUSE); /* a text with numbers in it */
    assert_data(reply->message, "rate: Wait(n=4) exceeds limiter's burst 3");
    reply_free(reply);
    take(2, NULL);
    uint64_t route = rig_park(&r, &m);
    Sluice__V1__Ping ping = SLUICE__V1__PING__INIT;
    r.now_ns += 1000;
    OPERATION(PING, &ping);
    rig_ok(&r, &m);
    reply = rig_take(&r, route);
    assert_int_equal(reply->status, SLUICE__V1__STATUS__OK);
    assert_true(reply->quota->allowed);
    reply_free(reply);
}

static void a_reservation(void **state)
{
    (void)state;
    make_limiter(SLUICE__V1__LIMITER_SPEC__ALGORITHM__BUCKET, 1, 3);
    Sluice__V1__Reserve op = SLUICE__V1__RESERVE__INIT;
    op.ref = &ref;
    op.has_permits = 1;
    op.permits = 3;
    OPERATION(RESERVE, &op);
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_true(reply->quota->allowed && !reply->quota->has_delay_ns);
    reply_free(reply);
    op.permits = 2;
    OPERATION(RESERVE, &op);
    reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_QUOTA);
    assert_true(reply->quota->allowed && reply->quota->has_token);
    assert_int_equal(reply->quota->delay_ns, 2000);
    assert_false(reply->quota->has_remaining);
    uint64_t token = reply->quota->token;
    reply_free(reply);
    reply = rig_describe(&r, "it");
    assert_int_equal(reply->description->remaining, -2);
    reply_free(reply);
    op.has_max_wait_ns = 1;
    op.max_wait_ns = 500;
    OPERATION(RESERVE, &op);
    reply = ask(SLUICE__V1__STATUS__WOULD_BLOCK);
    assert_false(reply->quota->allowed || reply->quota->has_token);
    assert_int_equal(reply->quota->remaining, -2);
    reply_free(reply);
    Sluice__V1__Refund refund = SLUICE__V1__REFUND__INIT;
    for (int i = 0; i < 2; i++) { /* once */
        OPERATION(REFUND, &refund);
        refund.has_token = 1;
        refund.token = token;
        reply = rig_ask(&r, &m);
        assert_int_equal(reply->truth, i == 0);
        reply_free(reply);
    }
    reply = rig_describe(&r, "it");
    assert_int_equal(reply->description->remaining, 0);
    reply_free(reply);
}

static void under_keys(void **state)
{
    (void)state;
    make_limiter(SLUICE__V1__LIMITER_SPEC__ALGORITHM__WINDOW, 2, 0);
    take(2, "anna");
    quota_is(ask(SLUICE__V1__STATUS__OK), true, 0, 0);
    take(1, "anna");
    rig_park(&r, &m);
    Sluice__V1__Reply *reply = rig_describe(&r, "it");
    const Sluice__V1__Description *d = reply->description;
    assert_int_equal(d->kind, SLUICE__V1__KIND__LIMITER);
    assert_int_equal(d->limiter->algorithm, SLUICE__V1__LIMITER_SPEC__ALGORITHM__WINDOW);
    assert_int_equal(d->limiter->rate->count, 2);
    assert_int_equal(d->limiter->rate->period_ns, 1000);
    assert_false(d->limiter->rate->has_infinite || d->limiter->has_burst || d->has_key || d->has_holds);
    assert_int_equal(d->remaining, 2);
    assert_int_equal(d->keys, 1);
    assert_int_equal(d->waiting, 0);
    reply_free(reply);
    Sluice__V1__List list = SLUICE__V1__LIST__INIT;
    OPERATION(LIST, &list);
    list.has_anonymous = list.anonymous = list.has_kind = 1;
    list.kind = SLUICE__V1__KIND__LIMITER;
    reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->listing->n_objects, 2);
    d = reply->listing->objects[1];
    assert_data(d->key, "anna");
    assert_int_equal(d->remaining, 0);
    assert_int_equal(d->waiting, 1);
    assert_false(d->has_name || d->has_keys);
    reply_free(reply);
}

static void tuned(void **state)
{
    (void)state;
    make_limiter(SLUICE__V1__LIMITER_SPEC__ALGORITHM__BUCKET, 1, 3);
    Sluice__V1__Tune op = SLUICE__V1__TUNE__INIT;
    Sluice__V1__Rate rate = SLUICE__V1__RATE__INIT;
    OPERATION(TUNE, &op);
    op.ref = &ref;
    op.rate = &rate;
    op.has_burst = 1;
    op.burst = 7;
    rate.has_infinite = rate.infinite = 1;
    rig_ok(&r, &m);
    Sluice__V1__Reply *reply = rig_describe(&r, "it");
    const Sluice__V1__LimiterSpec *l = reply->description->limiter;
    assert_true(l->rate->infinite && !l->rate->has_count && !l->rate->has_period_ns);
    assert_int_equal(l->burst, 7);
    reply_free(reply);
    OPERATION(TUNE, &op);
    rate.has_infinite = 0;
    rate.has_count = rate.has_period_ns = 1;
    rate.count = 3;
    rate.period_ns = 0;
    reply = ask(SLUICE__V1__STATUS__INVALID);
    assert_data(reply->message, "the period of a rate must be positive");
    reply_free(reply);
}

static void so_many_at_once(void **state)
{
    (void)state;
    make_limiter(SLUICE__V1__LIMITER_SPEC__ALGORITHM__CONCURRENCY, 0, 2);
    take(2, NULL);
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_GRANT);
    uint64_t token = reply->grant->token;
    reply_free(reply);
    reply = rig_describe(&r, "it");
    assert_int_equal(reply->description->limiter->burst, 2);
    assert_null(reply->description->limiter->rate);
    assert_int_equal(reply->description->remaining, 0);
    reply_free(reply);
    Sluice__V1__Release release = SLUICE__V1__RELEASE__INIT;
    OPERATION(RELEASE, &release);
    release.ref = &ref;
    release.has_token = 1;
    release.token = token;
    rig_ok(&r, &m);
}

static void in_a_select(void **state)
{
    (void)state;
    make_limiter(SLUICE__V1__LIMITER_SPEC__ALGORITHM__METER, 1, 3);
    Sluice__V1__Select op = SLUICE__V1__SELECT__INIT;
    Sluice__V1__Arm arms[2] = {SLUICE__V1__ARM__INIT, SLUICE__V1__ARM__INIT}, *list[2] = {&arms[0], &arms[1]};
    arms[0].has_verb = arms[1].has_verb = arms[1].has_permits = arms[1].has_key = 1;
    arms[0].verb = SLUICE__V1__VERB__VERB_RECV; /* nil */
    arms[1].verb = SLUICE__V1__VERB__VERB_TAKE;
    arms[1].ref = &ref;
    arms[1].permits = 2;
    arms[1].key = data_of("anna");
    OPERATION(SELECT, &op);
    op.arms = list;
    op.n_arms = 2;
    Sluice__V1__Reply *reply = ask(SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->index, 1);
    quota_is(reply, true, 1, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(forms), CASE(allowed_or_not),  CASE(a_reservation), CASE(under_keys),
        CASE(tuned), CASE(so_many_at_once), CASE(in_a_select),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

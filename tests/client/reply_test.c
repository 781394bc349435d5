/*
 * reply_test.c - what the library makes of replies of locks, limiters and flights, also of those that a daemon should not send.
 *
 * The fake daemon answers every request with the reply that the test has set.
 */
#include "case.h"

static struct fake *f;
static sluice *s;
static Reply answer;

static void answer_all(struct fake *fake, struct fake_route route, const Request *request)
{
    (void)request;
    fake_reply(fake, route, &answer);
}

static int start(void **state)
{
    (void)state;
    const char *path = fake_path("reply");
    f = fake_start(path, answer_all, NULL);
    s = open_at(path);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_lock(f);
    sluice__v1__reply__init(&answer);
    fake_unlock(f);
    sluice_close(s);
    f = fake_stop(f);
    return 0;
}

/* From now on this is the answer; it borrows what the reply points to. */
static void set(const Reply *reply)
{
    fake_lock(f);
    answer = *reply;
    fake_unlock(f);
}

static void test_no_result(void **state)
{
    (void)state;
    const Reply empty = SLUICE__V1__REPLY__INIT;
    sluice_mutex m = sluice_mutex_named("m");
    struct sluice_grant g = {77, false};
    const struct sluice_arm arms[] = {sluice_arm_mutex(m, 0, &g)};
    struct sluice_leader leader = {.token = 77};
    struct sluice_quota q = {.token = 77};
    struct sluice_outcome out = {.shared = true};
    uint64_t cycle = 77;
    sluice_future *future;
    struct sluice_result r;
    set(&empty);
    assert_status(sluice_acquire_all(s, arms, 1, NULL), SLUICE_INTERNAL);
    assert_status(sluice_cond_wait(s, sluice_cond_named("c"), m.ref, 1, 0, NULL, &g), SLUICE_INTERNAL);
    assert_status(sluice_election_observe(s, m, 0, NULL, &leader), SLUICE_INTERNAL);
    assert_status(sluice_limiter_take(s, sluice_limiter_named("l"), NULL, 1, 0, NULL, &q), SLUICE_INTERNAL);
    assert_status(sluice_limiter_reserve(s, sluice_limiter_named("l"), NULL, &q), SLUICE_INTERNAL);
    assert_status(sluice_group_wait(s, sluice_group_named("g"), NULL, &out), SLUICE_INTERNAL);
    assert_status(sluice_barrier_wait(s, sluice_barrier_named("b"), NULL, &cycle, NULL), SLUICE_INTERNAL);
    assert_string_equal(sluice_errmsg(), "the daemon's reply cannot be read");
    assert_true(g.token == 77 && leader.token == 77 && q.token == 77 && cycle == 77 && out.shared);
    assert_status(sluice_acquire_all_start(s, arms, 1, NULL, &future), SLUICE_OK);
    assert_status(sluice_future_finish(future, &r), SLUICE_INTERNAL);
    assert_null(r.grants);
}

static void test_grants(void **state)
{
    (void)state;
    Sluice__V1__Grants grants = SLUICE__V1__GRANTS__INIT;
    Sluice__V1__Grant one = SLUICE__V1__GRANT__INIT, two = SLUICE__V1__GRANT__INIT;
    Sluice__V1__Grant *pointers[] = {&one, &two};
    Reply reply = SLUICE__V1__REPLY__INIT;
    struct sluice_grant g[2] = {{0, false}, {0, false}};
    const struct sluice_arm arms[] = {sluice_arm_mutex(sluice_mutex_named("m"), 0, &g[0]),
                                      sluice_arm_mutex(sluice_mutex_named("n"), 0, &g[1])};
    sluice_future *future;
    struct sluice_result r;
    one.has_token = two.has_token = two.has_owner_died = two.owner_died = true;
    one.token = 5;
    two.token = UINT64_MAX;
    grants.n_grants = 2;
    grants.grants = pointers;
    reply.result_case = SLUICE__V1__REPLY__RESULT_GRANTS;
    reply.grants = &grants;
    set(&reply);
    assert_status(sluice_acquire_all(s, arms, 2, NULL), SLUICE_OK);
    assert_true(g[0].token == 5 && !g[0].owner_died && g[1].token == UINT64_MAX && g[1].owner_died);
    /* As many as there are arms, or none. */
    g[0].token = 0;
    assert_status(sluice_acquire_all(s, arms, 1, NULL), SLUICE_INTERNAL);
    assert_int_equal(g[0].token, 0);
    assert_status(sluice_acquire_all_start(s, arms, 2, NULL, &future), SLUICE_OK);
    assert_status(sluice_future_finish(future, &r), SLUICE_OK);
    assert_true(r.grants[0].token == 5 && r.grants[1].owner_died);
    sluice_free(r.grants);
    grants.n_grants = 0;
    set(&reply);
    assert_status(sluice_acquire_all_start(s, arms, 2, NULL, &future), SLUICE_OK);
    assert_status(sluice_future_finish(future, &r), SLUICE_INTERNAL);
    assert_null(r.grants);
}

static void test_quota(void **state)
{
    (void)state;
    Sluice__V1__Quota quota = SLUICE__V1__QUOTA__INIT;
    Reply reply = SLUICE__V1__REPLY__INIT;
    sluice_limiter l = sluice_limiter_named("l");
    struct sluice_quota q;
    quota.has_remaining = quota.has_retry_after_ns = quota.has_delay_ns = quota.has_token = true;
    quota.remaining = INT64_MIN;
    quota.retry_after_ns = INT64_MAX;
    quota.delay_ns = 3;
    quota.token = UINT64_MAX;
    reply.has_status = true;
    reply.status = SLUICE__V1__STATUS__WOULD_BLOCK;
    reply.result_case = SLUICE__V1__REPLY__RESULT_QUOTA;
    reply.quota = &quota;
    set(&reply);
    assert_status(sluice_limiter_allow(s, l, "k", 1, &q), SLUICE_WOULD_BLOCK);
    assert_true(!q.allowed && q.remaining == INT64_MIN && q.retry_after_ns == SLUICE_FOREVER_NS);
    assert_true(q.delay_ns == 3 && q.token == UINT64_MAX);
    q.token = 1;
    reply.status = SLUICE__V1__STATUS__NOT_FOUND;
    set(&reply);
    assert_status(sluice_limiter_allow(s, l, "k", 1, &q), SLUICE_NOT_FOUND);
    assert_int_equal(q.token, 1);
}

static void test_leader(void **state)
{
    (void)state;
    Sluice__V1__Leader says = SLUICE__V1__LEADER__INIT;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    Reply reply = SLUICE__V1__REPLY__INIT;
    static char text[] =
        "a leader whose text is long enough for a reply that is not kept in the call itself, which has "
        "room for some dozen bytes and not for all of this, that has nothing more to say";
    struct sluice_leader leader;
    says.has_token = true;
    says.token = 9;
    says.value = &value;
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = (ProtobufCBinaryData){sizeof text - 1, (uint8_t *)text};
    reply.result_case = SLUICE__V1__REPLY__RESULT_LEADER;
    reply.leader = &says;
    set(&reply);
    assert_status(sluice_election_observe(s, sluice_mutex_named("e"), 0, NULL, &leader), SLUICE_OK);
    assert_true(leader.token == 9 && leader.item.value.type == SLUICE_TYPE_STRING);
    assert_string_equal(leader.item.value.bytes.data, text);
    sluice_item_free(&leader.item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_result),
        cmocka_unit_test(test_grants),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_leader),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

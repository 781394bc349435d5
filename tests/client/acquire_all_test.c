/*
 * acquire_all_test.c - several locks and permits at once against the real daemon, with holders that are killed.
 *
 * What is tried above all is that nothing is taken where not all is: after each refusal the parts are free.
 */
#include "stage.h"

static sluice_sem sem_of(uint64_t size)
{
    sluice_sem m;
    assert_status(sluice_sem_make(s, NULL, size, &m), SLUICE_OK);
    return m;
}

static enum sluice_status try_lock(sluice_mutex m, struct sluice_grant *ret)
{
    return sluice_mutex_lock(s, m, 0, sluice_no_wait(), ret);
}

static void test_all(void **state)
{
    (void)state;
    sluice_mutex m = mutex_of(NULL);
    sluice_rwmutex rw, read;
    sluice_sem sem = sem_of(3);
    struct sluice_grant g[4] = {{0, true}, {0, true}, {0, true}, {0, true}};
    assert_status(sluice_rwmutex_make(s, NULL, &rw), SLUICE_OK);
    assert_status(sluice_rwmutex_make(s, NULL, &read), SLUICE_OK);
    const struct sluice_arm arms[] = {sluice_arm_mutex(m, 0, &g[0]), sluice_arm_lock(rw, 0, &g[1]),
                                      sluice_arm_rlock(read, 0, &g[2]), sluice_arm_acquire(sem, 2, 0, &g[3])};
    assert_status(sluice_acquire_all(s, arms, 4, NULL), SLUICE_OK);
    for (int i = 0; i < 4; i++)
        assert_true(g[i].token != 0 && !g[i].owner_died);
    assert_status(sluice_acquire_all(s, arms, 4, sluice_no_wait()), SLUICE_WOULD_BLOCK);
    assert_status(sluice_mutex_unlock(s, m, g[0].token), SLUICE_OK);
    assert_status(sluice_rwmutex_unlock(s, rw, g[1].token), SLUICE_OK);
    assert_status(sluice_rwmutex_runlock(s, read, g[2].token), SLUICE_OK);
    /* Permits are still out: nothing is taken of the rest. */
    assert_status(sluice_acquire_all(s, arms, 4, sluice_no_wait()), SLUICE_WOULD_BLOCK);
    assert_status(sluice_rwmutex_lock(s, rw, 0, sluice_no_wait(), &g[1]), SLUICE_OK);
    assert_status(sluice_rwmutex_unlock(s, rw, g[1].token), SLUICE_OK);
    assert_status(sluice_sem_release_token(s, sem, g[3].token, 0), SLUICE_OK);
    assert_status(sluice_acquire_all(s, arms, 4, sluice_no_wait()), SLUICE_OK);
}

static void test_refusals(void **state)
{
    (void)state;
    sluice_mutex m = mutex_of(NULL), nil = SLUICE_NIL;
    sluice_sem sem = sem_of(2);
    struct sluice_arm arms[65];
    const struct sluice_arm twice[] = {sluice_arm_mutex(m, 0, NULL), sluice_arm_mutex(m, 0, NULL)};
    assert_status(sluice_acquire_all(s, twice, 2, NULL), SLUICE_INVALID);
    assert_string_equal(sluice_errmsg(), "an object may be named once");
    assert_status(sluice_acquire_all(s, twice, 0, NULL), SLUICE_INVALID);
    const struct sluice_arm other[] = {sluice_arm_after(1)};
    assert_status(sluice_acquire_all(s, other, 1, NULL), SLUICE_INVALID);
    const struct sluice_arm of_nil[] = {sluice_arm_mutex(m, 0, NULL), sluice_arm_mutex(nil, 0, NULL)};
    assert_status(sluice_acquire_all(s, of_nil, 2, NULL), SLUICE_INVALID);
    const struct sluice_arm many[] = {sluice_arm_acquire(sem, 3, 0, NULL)};
    assert_status(sluice_acquire_all(s, many, 1, NULL), SLUICE_INVALID);
    const struct sluice_arm wrong[] = {sluice_arm_acquire(sluice_sem_of(m.ref), 1, 0, NULL)};
    assert_status(sluice_acquire_all(s, wrong, 1, NULL), SLUICE_WRONG_KIND);
    for (int i = 0; i < 65; i++)
        arms[i] = sluice_arm_mutex(m, 0, NULL);
    assert_status(sluice_acquire_all(s, arms, 65, NULL), SLUICE_LIMIT);
    assert_string_equal(sluice_errlimit().name, "acquire_all_max");
    assert_status(try_lock(m, NULL), SLUICE_OK);
}

static void test_many(void **state)
{
    (void)state;
    struct sluice_arm arms[64];
    struct sluice_grant grants[64];
    for (int i = 0; i < 64; i++)
        arms[i] = sluice_arm_mutex(mutex_of(NULL), 0, &grants[i]);
    assert_status(sluice_acquire_all(s, arms, 64, NULL), SLUICE_OK);
    for (int i = 0; i < 64; i++)
        assert_status(sluice_mutex_unlock(s, sluice_mutex_of(arms[i].ref), grants[i].token), SLUICE_OK);
}

/* Two that take the same locks in another order go on one after the other. */
static void test_waiting(void **state)
{
    (void)state;
    sluice_mutex a = mutex_of(NULL), b = mutex_of(NULL);
    struct sluice_wait at_once = SLUICE_WAIT_FOR(0);
    const struct sluice_arm ab[] = {sluice_arm_mutex(a, 0, NULL), sluice_arm_mutex(b, 0, NULL)};
    const struct sluice_arm ba[] = {sluice_arm_mutex(b, 0, NULL), sluice_arm_mutex(a, 0, NULL)};
    sluice_future *first, *next;
    struct sluice_grant g = locked(b);
    parked(sluice_acquire_all_start(s, ab, 2, NULL, &first), &first);
    parked(sluice_acquire_all_start(s, ba, 2, NULL, &next), &next);
    assert_status(sluice_mutex_unlock(s, b, g.token), SLUICE_OK);
    struct sluice_result r = finished(first);
    assert_non_null(r.grants);
    assert_false(sluice_future_done(next));
    assert_status(sluice_mutex_unlock(s, a, r.grants[0].token), SLUICE_OK);
    assert_status(sluice_mutex_unlock(s, b, r.grants[1].token), SLUICE_OK);
    sluice_free(r.grants);
    r = finished(next);
    assert_status(sluice_acquire_all(s, ab, 2, &at_once), SLUICE_DEADLINE_EXCEEDED);
    assert_status(sluice_mutex_unlock(s, b, r.grants[0].token), SLUICE_OK);
    assert_status(sluice_mutex_unlock(s, a, r.grants[1].token), SLUICE_OK);
    sluice_free(r.grants);
    assert_status(try_lock(a, NULL), SLUICE_OK);
    assert_status(try_lock(b, NULL), SLUICE_OK);
}

static uint64_t hold_and_stay(sluice *own)
{
    struct sluice_grant a, b;
    const struct sluice_arm arms[] = {sluice_arm_mutex(sluice_mutex_named("a"), 0, &a),
                                      sluice_arm_mutex(sluice_mutex_named("b"), 0, &b)};
    return sluice_acquire_all(own, arms, 2, NULL) == SLUICE_OK ? a.token : 0;
}

static void test_holder_is_killed(void **state)
{
    (void)state;
    sluice_mutex a = mutex_of("a"), b = mutex_of("b");
    struct sluice_grant g[2] = {{0, false}, {0, false}};
    const struct sluice_arm arms[] = {sluice_arm_mutex(a, 0, &g[0]), sluice_arm_mutex(b, 0, &g[1])};
    struct child c = child_start(&stage, hold_and_stay);
    assert_status(sluice_acquire_all(s, arms, 2, sluice_no_wait()), SLUICE_WOULD_BLOCK);
    child_kill(&c);
    assert_status(sluice_acquire_all(s, arms, 2, NULL), SLUICE_OK);
    assert_true(g[0].owner_died && g[1].owner_died && g[0].token > c.number);
    assert_status(sluice_mutex_unlock(s, a, g[0].token), SLUICE_OK);
    assert_status(sluice_mutex_unlock(s, b, g[1].token), SLUICE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),     cmocka_unit_test(test_refusals),         cmocka_unit_test(test_many),
        cmocka_unit_test(test_waiting), cmocka_unit_test(test_holder_is_killed),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

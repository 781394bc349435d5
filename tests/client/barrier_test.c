/*
 * barrier_test.c - barriers against the real daemon, with parties that are killed.
 *
 * Those who wait are futures (stage.h); the last to arrive is a call that need not wait.
 */
#include "stage.h"

static sluice_barrier barrier_of(const char *name, uint32_t parties)
{
    sluice_barrier b;
    assert_status(sluice_barrier_make(s, name, parties, &b), SLUICE_OK);
    return b;
}

static sluice_future *arrive_later(sluice_barrier b)
{
    sluice_future *f;
    return parked(sluice_barrier_wait_start(s, b, NULL, &f), &f);
}

static uint32_t arrived(sluice_barrier b)
{
    struct sluice_description *d;
    assert_status(sluice_describe(s, b.ref, &d), SLUICE_OK);
    assert_int_equal(d->kind, SLUICE_KIND_BARRIER);
    uint32_t n = d->barrier.arrived;
    assert_true(n < d->barrier.parties);
    sluice_description_free(d);
    return n;
}

static void test_barrier(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_made made;
    struct sluice_description *d;
    sluice_barrier b, again, nil = SLUICE_NIL;
    how.name = "b/1";
    assert_status(sluice_barrier_make_with(s, &how, 3, &b, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_BARRIER);
    assert_status(sluice_barrier_make(s, "b/1", 4, &again), SLUICE_MISMATCH);
    assert_status(sluice_barrier_make(s, NULL, 0, &again), SLUICE_INVALID);
    assert_status(sluice_barrier_make(s, NULL, (UINT32_C(1) << 30) + 1, &again), SLUICE_INVALID);
    assert_status(sluice_barrier_open(s, "b/1", 0, &again), SLUICE_OK);
    for (uint64_t round = 1; round <= 3; round++) {
        uint64_t cycle = 0;
        bool last = false;
        sluice_future *first = arrive_later(b), *second = arrive_later(again);
        assert_int_equal(arrived(b), 2);
        assert_status(sluice_barrier_wait(s, b, sluice_no_wait(), &cycle, &last), SLUICE_OK);
        assert_true(cycle == round && last);
        struct sluice_result r = finished(first);
        assert_true(r.number == (int64_t)round && !r.last);
        r = finished(second);
        assert_true(r.number == (int64_t)round && !r.last);
    }
    assert_status(sluice_describe(s, b.ref, &d), SLUICE_OK);
    assert_true(d->barrier.parties == 3 && d->barrier.cycle == 4);
    sluice_description_free(d);
    assert_status(sluice_barrier_wait(s, b, sluice_no_wait(), NULL, NULL), SLUICE_WOULD_BLOCK);
    assert_status(sluice_barrier_wait(s, nil, NULL, NULL, NULL), SLUICE_INVALID);
    assert_status(sluice_barrier_wait(s, barrier_of(NULL, 1), NULL, NULL, NULL), SLUICE_OK);
}

static void test_leaving(void **state)
{
    (void)state;
    sluice_barrier b = barrier_of(NULL, 2);
    struct sluice_wait second = SLUICE_WAIT_FOR(SLUICE_SECOND);
    sluice_future *f;
    parked(sluice_barrier_wait_start(s, b, &second, &f), &f);
    advance(SLUICE_SECOND);
    assert_status(sluice_future_finish(f, NULL), SLUICE_DEADLINE_EXCEEDED);
    f = arrive_later(b);
    sluice_future_cancel(f);
    assert_status(sluice_future_finish(f, NULL), SLUICE_CANCELED);
    f = arrive_later(b);
    assert_status(sluice_remove(s, b.ref), SLUICE_OK);
    assert_status(sluice_future_finish(f, NULL), SLUICE_REMOVED);
}

/* Arrives, and says so by a lock that passes on with its death. */
static uint64_t arrive_and_stay(sluice *own)
{
    struct sluice_grant g;
    sluice_future *f;
    if (sluice_mutex_lock(own, sluice_mutex_named("witness"), 0, NULL, &g) != SLUICE_OK)
        return 0;
    if (sluice_barrier_wait_start(own, sluice_barrier_named("b/killed"), NULL, &f) != SLUICE_OK)
        return 0;
    return sluice_ping(own) == SLUICE_OK ? g.token : 0;
}

static void test_party_is_killed(void **state)
{
    (void)state;
    bool last;
    sluice_barrier b = barrier_of("b/killed", 2);
    sluice_mutex witness = mutex_of("witness");
    struct child c = child_start(&stage, arrive_and_stay);
    assert_int_equal(arrived(b), 1);
    child_kill(&c);
    assert_true(locked(witness).owner_died);
    assert_int_equal(arrived(b), 0);
    sluice_future *f = arrive_later(b);
    assert_status(sluice_barrier_wait(s, b, NULL, NULL, &last), SLUICE_OK);
    assert_true(last);
    assert_false(finished(f).last);
}

static void test_select(void **state)
{
    (void)state;
    sluice_barrier b = barrier_of(NULL, 2);
    int64_t cycle = 0;
    bool last = false;
    int index;
    const struct sluice_arm arms[] = {sluice_arm_barrier(b, &cycle, &last), sluice_arm_default()};
    assert_status(sluice_select(s, arms, 2, NULL, &index, NULL), SLUICE_OK);
    assert_int_equal(index, 1);
    sluice_future *f;
    parked(sluice_select_start(s, arms, 1, NULL, &f), &f);
    assert_status(sluice_select(s, arms, 2, NULL, &index, NULL), SLUICE_OK);
    assert_true(index == 0 && cycle == 1 && last);
    struct sluice_result r = finished(f);
    assert_true(r.index == 0 && r.number == 1 && !r.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_barrier),
        cmocka_unit_test(test_leaving),
        cmocka_unit_test(test_party_is_killed),
        cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

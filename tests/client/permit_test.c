/*
 * permit_test.c - semaphores and wait groups against the real daemon, with participants that are killed.
 *
 * Who waits is a future, as in lock_test.c. The last case loses the daemon's answers on the way: what was asked is done once all the
 * same.
 */
#include <signal.h>

#include "case.h"
#include "child.h"
#include "relay.h"
#include "served.h"

static struct served daemon_;
static sluice *s;

static int start(void **state)
{
    static const char *const options[] = {"--virtual-clock", NULL};
    (void)state;
    daemon_ = served_start("permit", options);
    s = served_open(&daemon_);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    sluice_close(s);
    served_end(&daemon_, SIGTERM);
    return 0;
}

/* ---- Semaphores. */

static enum sluice_status try_acquire(sluice_sem m, uint64_t permits)
{
    return sluice_sem_acquire(s, m, permits, 0, sluice_no_wait(), NULL);
}

static sluice_future *acquire_later(sluice_sem m, uint64_t permits)
{
    sluice_future *f;
    assert_status(sluice_sem_acquire_start(s, m, permits, 0, NULL, &f), SLUICE_OK);
    sluice_flush(s);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_false(sluice_future_done(f));
    return f;
}

static sluice_sem anonymous(uint64_t size)
{
    sluice_sem m;
    assert_status(sluice_sem_make(s, NULL, size, &m), SLUICE_OK);
    return m;
}

static uint64_t free_of(sluice_sem m)
{
    struct sluice_description *d;
    assert_status(sluice_describe(s, m.ref, &d), SLUICE_OK);
    assert_int_equal(d->kind, SLUICE_KIND_SEMAPHORE);
    uint64_t n = d->hold.free;
    assert_true(n <= d->hold.size);
    sluice_description_free(d);
    return n;
}

static void test_semaphore(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_made made;
    struct sluice_grant a, b;
    sluice_sem m, again, nil = SLUICE_NIL;
    how.name = "s/1";
    assert_status(sluice_sem_make_with(s, &how, 5, &m, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_SEMAPHORE);
    assert_status(sluice_sem_make(s, "s/1", 5, &again), SLUICE_OK);
    assert_status(sluice_sem_make(s, "s/1", 6, &again), SLUICE_MISMATCH);
    assert_status(sluice_sem_open(s, "s/1", 0, &again), SLUICE_OK);
    assert_status(sluice_sem_make(s, NULL, UINT64_MAX, NULL), SLUICE_INVALID);
    assert_status(sluice_sem_acquire(s, m, 2, 0, NULL, &a), SLUICE_OK);
    assert_status(sluice_sem_acquire(s, m, 3, 0, NULL, &b), SLUICE_OK);
    assert_true(b.token > a.token);
    assert_status(try_acquire(m, 1), SLUICE_WOULD_BLOCK);
    assert_status(try_acquire(nil, 1), SLUICE_INVALID);
    assert_status(try_acquire(m, 0), SLUICE_OK); /* as in Go */
    assert_status(sluice_sem_release(s, m, 6), SLUICE_MISUSE);
    assert_string_equal(sluice_errmsg(), "semaphore: released more than held");
    assert_int_equal(free_of(m), 0);
    assert_status(sluice_sem_release(s, m, 4), SLUICE_OK); /* all of the newest, one of the other */
    assert_int_equal(free_of(m), 4);
    assert_status(sluice_sem_release_token(s, m, b.token, 1), SLUICE_STALE_TOKEN);
    assert_status(sluice_sem_release_token(s, m, a.token, 2), SLUICE_MISUSE);
    assert_status(sluice_sem_release_token(s, m, 0, 1), SLUICE_STALE_TOKEN);
    assert_status(sluice_sem_release_token(s, m, a.token, 1), SLUICE_OK);
    assert_int_equal(free_of(again), 5);
    assert_status(sluice_sem_release(s, m, 1), SLUICE_MISUSE);
}

/* Another process gives them back, in any split. */
static void test_release_by_another(void **state)
{
    (void)state;
    struct sluice_grant g;
    sluice_sem m = sluice_sem_named("shared");
    sluice *other = served_open(&daemon_);
    assert_status(sluice_sem_make(s, "shared", 10, NULL), SLUICE_OK);
    assert_status(sluice_sem_acquire(s, m, 7, 0, NULL, &g), SLUICE_OK);
    assert_status(sluice_sem_release(other, m, 1), SLUICE_MISUSE);
    assert_status(sluice_sem_release_token(other, m, g.token, 3), SLUICE_OK);
    assert_int_equal(free_of(m), 6);
    assert_status(sluice_adopt(other, g.token), SLUICE_OK);
    assert_status(sluice_sem_release(s, m, 1), SLUICE_MISUSE);
    assert_status(sluice_sem_release(other, m, 1), SLUICE_OK);
    assert_status(sluice_sem_release_token(s, m, g.token, 0), SLUICE_OK);
    assert_int_equal(free_of(m), 10);
    sluice_close(other);
}

/* While the oldest does not fit nobody behind it is served; one that can never fit holds nobody up. */
static void test_head_of_line(void **state)
{
    (void)state;
    sluice_sem m = anonymous(3);
    struct sluice_grant g;
    struct sluice_result r;
    assert_status(sluice_sem_acquire(s, m, 2, 0, NULL, &g), SLUICE_OK);
    sluice_future *never = acquire_later(m, 4), *large = acquire_later(m, 3), *small = acquire_later(m, 1);
    assert_status(try_acquire(m, 1), SLUICE_WOULD_BLOCK);
    sluice_future_cancel(large);
    assert_status(sluice_future_finish(large, NULL), SLUICE_CANCELED);
    assert_status(sluice_future_finish(small, &r), SLUICE_OK);
    large = acquire_later(m, 3);
    assert_status(sluice_sem_release_token(s, m, r.grant.token, 0), SLUICE_OK);
    assert_false(sluice_future_done(large));
    assert_status(sluice_sem_release_token(s, m, g.token, 0), SLUICE_OK);
    assert_status(sluice_future_finish(large, &r), SLUICE_OK);
    assert_status(sluice_sem_release(s, m, 3), SLUICE_OK);
    assert_false(sluice_future_done(never));
    assert_status(sluice_remove(s, m.ref), SLUICE_OK);
    assert_status(sluice_future_finish(never, NULL), SLUICE_REMOVED);
}

static uint64_t take_three(sluice *own)
{
    struct sluice_grant one, two;
    sluice_sem m = sluice_sem_named("left");
    if (sluice_sem_acquire(own, m, 1, 0, NULL, &one) != SLUICE_OK ||
        sluice_sem_acquire(own, m, 2, 0, NULL, &two) != SLUICE_OK)
        return 0;
    return two.token;
}

/* Exactly what a dead process held comes back. */
static void test_holder_is_killed(void **state)
{
    (void)state;
    sluice_sem m;
    assert_status(sluice_sem_make(s, "left", 4, &m), SLUICE_OK);
    struct child c = child_start(&daemon_, take_three);
    assert_status(sluice_sem_release_token(s, m, c.number, 1), SLUICE_OK);
    assert_int_equal(free_of(m), 2);
    sluice_future *f = acquire_later(m, 4);
    child_kill(&c);
    assert_status(sluice_future_finish(f, NULL), SLUICE_OK);
    assert_status(sluice_sem_release_token(s, m, c.number, 0), SLUICE_STALE_TOKEN);
    assert_int_equal(free_of(m), 0);
    assert_status(sluice_sem_release(s, m, 4), SLUICE_OK);
}

/* More permits go to who waits; fewer are taken out as they come back. */
static void test_resize(void **state)
{
    (void)state;
    sluice_sem m = anonymous(2), nil = SLUICE_NIL;
    struct sluice_grant g;
    assert_status(sluice_sem_acquire(s, m, 2, 0, NULL, &g), SLUICE_OK);
    sluice_future *f = acquire_later(m, 2);
    assert_status(sluice_sem_resize(s, m, 3), SLUICE_OK);
    assert_false(sluice_future_done(f));
    assert_status(sluice_sem_resize(s, m, 4), SLUICE_OK);
    assert_status(sluice_future_finish(f, NULL), SLUICE_OK);
    assert_status(sluice_sem_resize(s, m, 1), SLUICE_OK);
    assert_status(sluice_sem_release(s, m, 3), SLUICE_OK);
    assert_status(try_acquire(m, 1), SLUICE_WOULD_BLOCK);
    assert_status(sluice_sem_release(s, m, 1), SLUICE_OK);
    assert_status(try_acquire(m, 1), SLUICE_OK);
    assert_status(sluice_sem_resize(s, m, (UINT64_C(1) << 62) + 1), SLUICE_INVALID);
    assert_status(sluice_sem_resize(s, nil, 1), SLUICE_INVALID);
}

/* ---- Wait groups. */

static void test_waitgroup(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_made made;
    struct sluice_description *d;
    sluice_future *one, *two;
    sluice_wg g, again, nil = SLUICE_NIL;
    how.name = "g/1";
    assert_status(sluice_wg_make_with(s, &how, &g, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_WAITGROUP);
    assert_status(sluice_wg_make(s, "g/1", &again), SLUICE_OK);
    assert_status(sluice_wg_open(s, "g/1", SLUICE_RIGHT_RECV, &again), SLUICE_OK);
    assert_status(sluice_wg_add(s, again, 1), SLUICE_NO_RIGHT);
    assert_status(sluice_wg_wait(s, g, NULL), SLUICE_OK);
    assert_status(sluice_wg_wait(s, nil, sluice_no_wait()), SLUICE_INVALID);
    for (int cycle = 0; cycle < 8; cycle++) {
        assert_status(sluice_wg_add(s, g, 3), SLUICE_OK);
        assert_status(sluice_wg_wait_start(s, g, NULL, &one), SLUICE_OK);
        assert_status(sluice_wg_wait_start(s, again, NULL, &two), SLUICE_OK);
        assert_status(sluice_wg_add(s, g, -2), SLUICE_OK);
        assert_status(sluice_wg_wait(s, g, sluice_no_wait()), SLUICE_WOULD_BLOCK);
        assert_status(sluice_describe(s, g.ref, &d), SLUICE_OK);
        assert_int_equal(d->count.value, 1);
        assert_int_equal(d->waiting, 2);
        sluice_description_free(d);
        assert_false(sluice_future_done(one) || sluice_future_done(two));
        assert_status(sluice_wg_done(s, g), SLUICE_OK);
        assert_status(sluice_future_finish(one, NULL), SLUICE_OK);
        assert_status(sluice_future_finish(two, NULL), SLUICE_OK);
    }
    assert_status(sluice_wg_done(s, g), SLUICE_MISUSE);
    assert_string_equal(sluice_errmsg(), "sync: negative WaitGroup counter");
    assert_status(sluice_wg_add(s, g, 1), SLUICE_OK);
    assert_status(sluice_wg_add(s, g, INT64_MIN), SLUICE_MISUSE);
    assert_status(sluice_wg_done(s, g), SLUICE_OK);
    assert_status(sluice_wg_wait(s, g, NULL), SLUICE_OK);
    assert_status(sluice_wg_add_owned(s, g, 0, NULL), SLUICE_INVALID);
}

static uint64_t add_two(sluice *own)
{
    uint64_t token;
    return sluice_wg_add_owned(own, sluice_wg_named("work"), 2, &token) == SLUICE_OK ? token : 0;
}

static void test_participant_is_killed(void **state)
{
    (void)state;
    struct sluice_description *d;
    struct sluice_result r;
    sluice_future *f;
    sluice_wg g;
    assert_status(sluice_wg_make(s, "work", &g), SLUICE_OK);
    assert_status(sluice_wg_add(s, g, 1), SLUICE_OK);
    struct child c = child_start(&daemon_, add_two);
    assert_status(sluice_wg_wait_start(s, g, NULL, &f), SLUICE_OK);
    assert_status(sluice_wg_done(s, g), SLUICE_OK);
    assert_false(sluice_future_done(f));
    child_kill(&c);
    assert_status(sluice_future_finish(f, &r), SLUICE_OWNER_DIED);
    assert_int_equal(r.status, SLUICE_OWNER_DIED);
    assert_status(sluice_wg_wait(s, g, NULL), SLUICE_OWNER_DIED);
    assert_status(sluice_describe(s, g.ref, &d), SLUICE_OK);
    assert_int_equal(d->count.lost, 2);
    sluice_description_free(d);
    assert_status(sluice_wg_add(s, g, 1), SLUICE_OK); /* another cycle */
    assert_status(sluice_wg_done(s, g), SLUICE_OK);
    assert_status(sluice_wg_wait(s, g, NULL), SLUICE_OK);
}

/* Units that were adopted are not lost with the process that added them. */
static void test_adopted_units(void **state)
{
    (void)state;
    sluice_future *f;
    sluice_wg g;
    assert_status(sluice_wg_make(s, "work", &g), SLUICE_OK);
    struct child mine = child_start(&daemon_, add_two), its = child_start(&daemon_, add_two);
    assert_status(sluice_adopt(s, mine.number), SLUICE_OK);
    child_kill(&mine);
    assert_status(sluice_wg_add(s, g, -2), SLUICE_OK);
    assert_status(sluice_adopt(s, mine.number), SLUICE_STALE_TOKEN);
    assert_status(sluice_wg_wait_start(s, g, NULL, &f), SLUICE_OK);
    child_kill(&its);
    assert_status(sluice_future_finish(f, NULL), SLUICE_OWNER_DIED);
}

/* ---- Both. */

static void test_select(void **state)
{
    (void)state;
    sluice_sem m = anonymous(2);
    struct sluice_grant a, b;
    sluice_wg g;
    int index;
    assert_status(sluice_wg_make(s, NULL, &g), SLUICE_OK);
    assert_status(sluice_wg_add(s, g, 1), SLUICE_OK);
    sluice_wg nil = SLUICE_NIL;
    const struct sluice_arm arms[] = {sluice_arm_wg(g), sluice_arm_acquire(m, 2, 0, &a), sluice_arm_wg(nil)};
    assert_status(sluice_select(s, arms, 3, NULL, &index, NULL), SLUICE_OK);
    assert_int_equal(index, 1);
    assert_int_equal(free_of(m), 0);
    assert_status(sluice_select(s, arms, 2, sluice_no_wait(), &index, NULL), SLUICE_WOULD_BLOCK);
    assert_status(sluice_wg_done(s, g), SLUICE_OK);
    assert_status(sluice_select(s, arms, 2, NULL, &index, NULL), SLUICE_OK);
    assert_int_equal(index, 0);
    assert_status(sluice_sem_release_token(s, m, a.token, 1), SLUICE_OK);
    const struct sluice_arm one[] = {sluice_arm_acquire(m, 1, SLUICE_SECOND, &b)};
    assert_status(sluice_select(s, one, 1, NULL, &index, NULL), SLUICE_OK);
    assert_true(b.token > a.token);
    assert_status(sluice_clock_advance(s, SLUICE_SECOND, false, NULL), SLUICE_OK);
    assert_int_equal(free_of(m), 1);
}

/* The answer is lost after the daemon has acted: nothing is done twice, and the answer is had all the same. */
static void test_exactly_once(void **state)
{
    (void)state;
    struct relay *relay = relay_start(daemon_.address);
    struct sluice_options o = options_for(relay_address(relay));
    struct sluice_description *d;
    struct sluice_grant a, b;
    sluice *cut;
    sluice_sem m;
    sluice_wg g;
    o.resume_ns = 60 * SLUICE_SECOND;
    assert_status(sluice_open(&o, &cut), SLUICE_OK);
    assert_status(sluice_wg_make(cut, NULL, &g), SLUICE_OK);
    assert_status(sluice_sem_make(cut, NULL, 3, &m), SLUICE_OK);
    for (int i = 0; i < 20; i++) {
        relay_cut(relay);
        assert_status(sluice_wg_add(cut, g, 5), SLUICE_OK);
        relay_cut(relay);
        assert_status(sluice_wg_add(cut, g, -2), SLUICE_OK);
    }
    relay_cut(relay);
    assert_status(sluice_sem_acquire(cut, m, 1, 0, NULL, &a), SLUICE_OK);
    relay_cut(relay);
    assert_status(sluice_sem_acquire(cut, m, 2, 0, NULL, &b), SLUICE_OK);
    relay_cut(relay);
    assert_status(sluice_sem_release_token(cut, m, a.token, 0), SLUICE_OK);
    assert_int_equal(relay_cuts(relay), 43);
    assert_status(sluice_describe(cut, g.ref, &d), SLUICE_OK);
    assert_int_equal(d->count.value, 60);
    sluice_description_free(d);
    assert_status(sluice_describe(cut, m.ref, &d), SLUICE_OK);
    assert_int_equal(d->hold.free, 1);
    assert_int_equal(d->hold.token, b.token);
    sluice_description_free(d);
    sluice_close(cut);
    relay_stop(relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_semaphore),
        cmocka_unit_test(test_release_by_another),
        cmocka_unit_test(test_head_of_line),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_holder_is_killed),
        cmocka_unit_test(test_waitgroup),
        cmocka_unit_test(test_participant_is_killed),
        cmocka_unit_test(test_adopted_units),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_exactly_once),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

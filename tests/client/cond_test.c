/*
 * cond_test.c - condition variables against the real daemon, with waiters that are killed.
 *
 * Who waits is a future (stage.h) and has given its lock up, so that the test itself can take the lock, signal, and hand it back.
 */
#include "stage.h"

static sluice_cond cond_of(const char *name)
{
    sluice_cond c;
    assert_status(sluice_cond_make(s, name, &c), SLUICE_OK);
    return c;
}

static sluice_future *wait_later(sluice_cond c, sluice_mutex m, uint64_t token)
{
    sluice_future *f;
    return parked(sluice_cond_wait_start(s, c, m.ref, token, 0, NULL, &f), &f);
}

static uint64_t signalled(sluice_cond c)
{
    uint64_t woken = 99;
    assert_status(sluice_cond_signal(s, c, &woken), SLUICE_OK);
    return woken;
}

static enum sluice_status try_lock(sluice_mutex m)
{
    return sluice_mutex_lock(s, m, 0, sluice_no_wait(), NULL);
}

static void test_cond(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_made made;
    sluice_cond c, again, nil = SLUICE_NIL;
    sluice_mutex m = mutex_of(NULL);
    how.name = "c/1";
    assert_status(sluice_cond_make_with(s, &how, &c, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_COND);
    assert_status(sluice_cond_open(s, "c/1", 0, &again), SLUICE_OK);
    assert_status(sluice_cond_open(s, "c/none", 0, &again), SLUICE_NOT_FOUND);
    assert_int_equal(signalled(c), 0);
    struct sluice_grant g = locked(m);
    sluice_future *f = wait_later(c, m, g.token);
    struct sluice_grant other = locked(m);
    assert_int_equal(signalled(sluice_cond_named("c/1")), 1);
    assert_false(sluice_future_done(f));
    assert_status(sluice_mutex_unlock(s, m, other.token), SLUICE_OK);
    g = granted(f);
    assert_true(g.token > other.token && !g.owner_died);
    assert_status(try_lock(m), SLUICE_WOULD_BLOCK);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
    assert_status(sluice_cond_wait(s, nil, m.ref, g.token, 0, NULL, NULL), SLUICE_INVALID);
    assert_status(sluice_cond_signal(s, nil, NULL), SLUICE_INVALID);
}

/* What is wrong with the lock is said as its unlock would, and the lock stays as it was. */
static void test_lock_is_not_held(void **state)
{
    (void)state;
    sluice_cond c = cond_of(NULL);
    sluice_mutex m = mutex_of(NULL), nil = SLUICE_NIL;
    assert_status(sluice_cond_wait(s, c, m.ref, 1, 0, NULL, NULL), SLUICE_MISUSE);
    assert_string_equal(sluice_errmsg(), "sync: unlock of unlocked mutex");
    struct sluice_grant g = locked(m);
    assert_status(sluice_cond_wait(s, c, m.ref, g.token + 1, 0, NULL, NULL), SLUICE_STALE_TOKEN);
    assert_status(sluice_cond_wait(s, c, nil.ref, g.token, 0, NULL, NULL), SLUICE_INVALID);
    assert_status(sluice_cond_wait(s, c, c.ref, g.token, 0, NULL, NULL), SLUICE_WRONG_KIND);
    assert_status(sluice_cond_wait(s, sluice_cond_of(m.ref), m.ref, g.token, 0, NULL, NULL),
                  SLUICE_WRONG_KIND);
    sluice_ctx none = SLUICE_NIL;
    struct sluice_wait wrong = SLUICE_WAIT_CTX(none);
    wrong.ctx.ref.name = "no/such/context";
    assert_status(sluice_cond_wait(s, c, m.ref, g.token, 0, &wrong, NULL), SLUICE_NOT_FOUND);
    assert_status(try_lock(m), SLUICE_WOULD_BLOCK);
    /* To try is to give the lock up and not to wait. */
    assert_status(sluice_cond_wait(s, c, m.ref, g.token, 0, sluice_no_wait(), NULL), SLUICE_WOULD_BLOCK);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_MISUSE);
}

/* Who stops waiting holds nothing, before the signal and after it. */
static void test_timeout(void **state)
{
    (void)state;
    sluice_cond c = cond_of(NULL);
    sluice_mutex m = mutex_of(NULL);
    struct sluice_wait second = SLUICE_WAIT_FOR(SLUICE_SECOND);
    sluice_future *f;
    for (int signals = 0; signals < 2; signals++) {
        struct sluice_grant g = locked(m);
        parked(sluice_cond_wait_start(s, c, m.ref, g.token, 0, &second, &f), &f);
        struct sluice_grant other = locked(m);
        if (signals == 1)
            assert_int_equal(signalled(c), 1);
        advance(SLUICE_SECOND);
        assert_status(sluice_future_finish(f, NULL), SLUICE_DEADLINE_EXCEEDED);
        assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_STALE_TOKEN);
        assert_status(sluice_mutex_unlock(s, m, other.token), SLUICE_OK);
        assert_status(sluice_mutex_unlock(s, m, other.token), SLUICE_MISUSE);
    }
}

static void test_broadcast(void **state)
{
    (void)state;
    sluice_cond c = cond_of(NULL);
    sluice_mutex m = mutex_of(NULL);
    sluice_future *waiting[10];
    uint64_t woken, last = 0;
    for (int i = 0; i < 10; i++)
        waiting[i] = wait_later(c, m, locked(m).token);
    assert_status(sluice_cond_broadcast(s, c, &woken), SLUICE_OK);
    assert_int_equal(woken, 10);
    for (int i = 0; i < 10; i++) {
        struct sluice_grant g = granted(waiting[i]);
        assert_true(g.token > last);
        last = g.token;
        assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
    }
    assert_status(sluice_cond_broadcast(s, c, &woken), SLUICE_OK);
    assert_int_equal(woken, 0);
}

/* Signals wake in order of arrival; the new lock has a ttl if one was asked for. */
static void test_order_and_ttl(void **state)
{
    (void)state;
    sluice_cond c = cond_of(NULL);
    sluice_mutex m = mutex_of(NULL);
    sluice_future *first, *second;
    parked(sluice_cond_wait_start(s, c, m.ref, locked(m).token, SLUICE_SECOND, NULL, &first), &first);
    second = wait_later(c, m, locked(m).token);
    assert_int_equal(signalled(c), 1);
    struct sluice_grant g = granted(first);
    assert_int_equal(signalled(c), 1);
    assert_false(sluice_future_done(second));
    advance(SLUICE_SECOND);
    assert_true(granted(second).owner_died);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_STALE_TOKEN);
}

/* A read-write lock is locked again as it was. */
static void test_rwmutex(void **state)
{
    (void)state;
    sluice_cond c = cond_of(NULL);
    sluice_rwmutex m;
    struct sluice_grant r1, r2;
    sluice_future *f;
    assert_status(sluice_rwmutex_make(s, NULL, &m), SLUICE_OK);
    assert_status(sluice_rwmutex_rlock(s, m, 0, NULL, &r1), SLUICE_OK);
    assert_status(sluice_rwmutex_rlock(s, m, 0, NULL, &r2), SLUICE_OK);
    parked(sluice_cond_wait_start(s, c, m.ref, r1.token, 0, NULL, &f), &f);
    assert_int_equal(signalled(c), 1);
    r1 = granted(f);
    assert_status(sluice_rwmutex_runlock(s, m, r1.token), SLUICE_OK);
    assert_status(sluice_rwmutex_runlock(s, m, r2.token), SLUICE_OK);
    struct sluice_grant w;
    assert_status(sluice_rwmutex_lock(s, m, 0, NULL, &w), SLUICE_OK);
    parked(sluice_cond_wait_start(s, c, m.ref, w.token, 0, NULL, &f), &f);
    assert_int_equal(signalled(c), 1);
    assert_status(sluice_rwmutex_unlock(s, m, granted(f).token), SLUICE_OK);
}

/* ---- Death. */

static uint64_t wait_and_stay(sluice *own)
{
    struct sluice_grant g;
    sluice_future *f;
    sluice_mutex m = sluice_mutex_named("guard");
    if (sluice_mutex_lock(own, sluice_mutex_named("witness"), 0, NULL, NULL) != SLUICE_OK ||
        sluice_mutex_lock(own, m, 0, NULL, &g) != SLUICE_OK)
        return 0;
    if (sluice_cond_wait_start(own, sluice_cond_named("signal"), m.ref, g.token, 0, NULL, &f) != SLUICE_OK)
        return 0;
    return sluice_ping(own) == SLUICE_OK ? g.token : 0;
}

/* The daemon has seen the child die: a lock of its own has passed on. */
static void await_death(sluice_mutex witness)
{
    struct sluice_grant g = locked(witness);
    assert_true(g.owner_died);
    assert_status(sluice_mutex_unlock(s, witness, g.token), SLUICE_OK);
}

/* One that was signalled and dies before it has its lock passes the signal on; one that was not is gone. */
static void test_waiter_is_killed(void **state)
{
    (void)state;
    sluice_cond c = cond_of("signal");
    sluice_mutex m = mutex_of("guard"), witness = mutex_of("witness");
    for (int signals = 0; signals < 2; signals++) {
        struct child dead = child_start(&stage, wait_and_stay);
        sluice_future *f = wait_later(c, m, locked(m).token);
        struct sluice_grant g = locked(m);
        if (signals == 1)
            assert_int_equal(signalled(c), 1);
        child_kill(&dead);
        await_death(witness);
        assert_int_equal(signalled(c), 1 - signals);
        assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
        struct sluice_grant next = granted(f);
        assert_true(next.token > g.token && !next.owner_died);
        assert_status(sluice_mutex_unlock(s, m, next.token), SLUICE_OK);
    }
}

/* Who holds the lock and is killed: the waiter that was signalled is told. */
static uint64_t lock_and_signal(sluice *own)
{
    struct sluice_grant g;
    if (sluice_mutex_lock(own, sluice_mutex_named("guard"), 0, NULL, &g) != SLUICE_OK)
        return 0;
    return sluice_cond_signal(own, sluice_cond_named("signal"), NULL) == SLUICE_OK ? g.token : 0;
}

static void test_holder_is_killed(void **state)
{
    (void)state;
    sluice_cond c = cond_of("signal");
    sluice_mutex m = mutex_of("guard");
    sluice_future *f = wait_later(c, m, locked(m).token);
    struct child dead = child_start(&stage, lock_and_signal);
    child_kill(&dead);
    struct sluice_grant g = granted(f);
    assert_true(g.owner_died && g.token > dead.number);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
}

/* ---- Select. */

static void test_select(void **state)
{
    (void)state;
    sluice_cond c = cond_of(NULL);
    sluice_mutex m = mutex_of(NULL);
    sluice_chan ch;
    struct sluice_grant g = locked(m), relocked = {0, true};
    sluice_future *f;
    int index;
    assert_status(sluice_chan_make(s, NULL, 1, &ch), SLUICE_OK);
    const struct sluice_arm arms[] = {sluice_arm_cond(c, m.ref, g.token, 0, &relocked), sluice_arm_recv(ch)};
    parked(sluice_select_start(s, arms, 2, NULL, &f), &f);
    struct sluice_grant other = locked(m);
    assert_int_equal(signalled(c), 1);
    assert_status(sluice_mutex_unlock(s, m, other.token), SLUICE_OK);
    struct sluice_result r = finished(f);
    assert_true(r.index == 0 && r.grant.token > other.token);
    /* Another arm: the lock is given up all the same. */
    assert_status(sluice_send(s, ch, sluice_int(1), NULL), SLUICE_WRONG_TYPE);
    assert_status(sluice_send(s, ch, sluice_str("x"), NULL), SLUICE_OK);
    const struct sluice_arm either[] = {sluice_arm_cond(c, m.ref, r.grant.token, 0, &relocked),
                                        sluice_arm_recv(ch)};
    struct sluice_item item;
    assert_status(sluice_select(s, either, 2, NULL, &index, &item), SLUICE_OK);
    assert_int_equal(index, 1);
    sluice_item_free(&item);
    assert_status(try_lock(m), SLUICE_OK);
    const struct sluice_arm two[] = {arms[0], arms[0]};
    assert_status(sluice_select(s, two, 2, NULL, &index, NULL), SLUICE_INVALID);
}

static void test_removed(void **state)
{
    (void)state;
    sluice_cond c = cond_of(NULL);
    sluice_mutex m = mutex_of(NULL);
    struct sluice_description *d;
    sluice_future *f = wait_later(c, m, locked(m).token);
    assert_status(sluice_describe(s, c.ref, &d), SLUICE_OK);
    assert_true(d->kind == SLUICE_KIND_COND && d->waiting == 1);
    assert_int_equal(d->waiters[0].verb, SLUICE_VERB_COND);
    sluice_description_free(d);
    assert_status(sluice_remove(s, c.ref), SLUICE_OK);
    assert_status(sluice_future_finish(f, NULL), SLUICE_REMOVED);
    assert_status(try_lock(m), SLUICE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cond),
        cmocka_unit_test(test_lock_is_not_held),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_order_and_ttl),
        cmocka_unit_test(test_rwmutex),
        cmocka_unit_test(test_waiter_is_killed),
        cmocka_unit_test(test_holder_is_killed),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_removed),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

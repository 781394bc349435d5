/*
 * lock_test.c - mutexes, read-write locks and tokens against the real daemon, on a virtual clock, with holders that are killed.
 *
 * A lock that has to wait is a future: requests of one connection are handled in order, so that it is known to wait once a later
 * call has returned.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "child.h"
#include "served.h"

static struct served daemon_;
static sluice *s;

static int start(void **state)
{
    static const char *const options[] = {"--virtual-clock", NULL};
    (void)state;
    daemon_ = served_start("lock", options);
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

static struct sluice_grant lock(sluice_mutex m)
{
    struct sluice_grant g = {0, true};
    assert_status(sluice_mutex_lock(s, m, 0, NULL, &g), SLUICE_OK);
    assert_true(g.token != 0);
    return g;
}

static enum sluice_status try_lock(sluice_mutex m)
{
    return sluice_mutex_lock(s, m, 0, sluice_no_wait(), NULL);
}

static sluice_future *lock_later(sluice_mutex m)
{
    sluice_future *f;
    assert_status(sluice_mutex_lock_start(s, m, 0, NULL, &f), SLUICE_OK);
    sluice_flush(s);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_false(sluice_future_done(f));
    return f;
}

static struct sluice_grant granted(sluice_future *f)
{
    struct sluice_result r;
    assert_status(sluice_future_finish(f, &r), SLUICE_OK);
    assert_true(r.grant.token != 0);
    return r.grant;
}

static sluice_mutex anonymous(void)
{
    sluice_mutex m;
    assert_status(sluice_mutex_make(s, NULL, &m), SLUICE_OK);
    return m;
}

static void advance(int64_t duration_ns)
{
    assert_status(sluice_clock_advance(s, duration_ns, false, NULL), SLUICE_OK);
}

static void test_mutex(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_made made;
    struct sluice_wait at_once = SLUICE_WAIT_FOR(0);
    sluice_mutex m, again, nil = SLUICE_NIL;
    sluice_rwmutex other;
    how.name = "m/1";
    assert_status(sluice_mutex_make_with(s, &how, &m, &made), SLUICE_OK);
    assert_true(made.created);
    assert_int_equal(made.kind, SLUICE_KIND_MUTEX);
    assert_status(sluice_mutex_make(s, "m/1", &again), SLUICE_OK);
    assert_status(sluice_mutex_open(s, "m/1", 0, &again), SLUICE_OK);
    assert_status(sluice_rwmutex_make(s, "m/1", &other), SLUICE_MISMATCH);
    assert_status(sluice_rwmutex_open(s, "m/1", 0, &other), SLUICE_WRONG_KIND);
    struct sluice_grant g = lock(m);
    assert_false(g.owner_died);
    assert_status(try_lock(again), SLUICE_WOULD_BLOCK);
    assert_status(try_lock(sluice_mutex_named("m/1")), SLUICE_WOULD_BLOCK);
    assert_status(sluice_mutex_lock(s, m, 0, &at_once, NULL), SLUICE_DEADLINE_EXCEEDED);
    assert_status(try_lock(nil), SLUICE_INVALID);
    assert_status(sluice_mutex_unlock(s, m, g.token + 1), SLUICE_STALE_TOKEN);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_MISUSE);
    assert_string_equal(sluice_errmsg(), "sync: unlock of unlocked mutex");
    assert_true(lock(m).token > g.token);
    assert_status(sluice_mutex_unlock(s, sluice_mutex_named("no"), 1), SLUICE_NOT_FOUND);
    assert_status(sluice_send(s, sluice_chan_of(m.ref), sluice_int(1), NULL), SLUICE_WRONG_KIND);
    sluice_future *f = lock_later(m);
    assert_status(sluice_remove(s, m.ref), SLUICE_OK);
    assert_status(sluice_future_finish(f, NULL), SLUICE_REMOVED);
    assert_status(try_lock(again), SLUICE_STALE);
}

static void test_order(void **state)
{
    (void)state;
    sluice_mutex m = anonymous();
    sluice_future *waiting[20];
    struct sluice_grant g = lock(m);
    for (int i = 0; i < 20; i++)
        waiting[i] = lock_later(m);
    for (int i = 0; i < 20; i++) {
        assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
        assert_status(try_lock(m), SLUICE_WOULD_BLOCK);
        struct sluice_grant next = granted(waiting[i]);
        assert_true(next.token > g.token && !next.owner_died);
        g = next;
    }
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
    assert_status(try_lock(m), SLUICE_OK);
}

static void test_describe(void **state)
{
    (void)state;
    sluice_mutex m = anonymous();
    struct sluice_description *d;
    struct sluice_session session;
    sluice_session_get(s, &session);
    struct sluice_grant g = lock(m);
    sluice_future *f = lock_later(m);
    assert_status(sluice_describe(s, m.ref, &d), SLUICE_OK);
    assert_int_equal(d->kind, SLUICE_KIND_MUTEX);
    assert_int_equal(d->hold.holds, 1);
    assert_int_equal(d->hold.token, g.token);
    assert_int_equal(d->hold.holder, session.number);
    assert_int_equal(d->waiting, 1);
    assert_int_equal(d->waiters[0].verb, SLUICE_VERB_LOCK);
    assert_string_equal(d->waiters[0].op, "lock");
    sluice_description_free(d);
    sluice_future_cancel(f);
    assert_status(sluice_future_finish(f, NULL), SLUICE_CANCELED);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
    assert_status(sluice_describe(s, m.ref, &d), SLUICE_OK);
    assert_int_equal(d->hold.holds + d->hold.token + d->waiting, 0);
    sluice_description_free(d);
}

/* ---- Tokens. */

/* Passing the token on is Go's unlock by another goroutine. */
static void test_token_passing(void **state)
{
    (void)state;
    sluice_mutex m = sluice_mutex_named("passed");
    sluice *other = served_open(&daemon_);
    assert_status(sluice_mutex_make(s, "passed", NULL), SLUICE_OK);
    struct sluice_grant g = lock(m);
    assert_status(sluice_mutex_unlock(other, m, g.token), SLUICE_OK);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_MISUSE);
    struct sluice_grant next;
    assert_status(sluice_mutex_lock(other, m, 0, NULL, &next), SLUICE_OK);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_STALE_TOKEN);
    sluice_future *f = lock_later(m);
    sluice_close(other);
    assert_true(granted(f).owner_died);
    assert_status(sluice_mutex_unlock(s, m, next.token), SLUICE_STALE_TOKEN);
}

static uint64_t lock_and_stay(sluice *own)
{
    struct sluice_grant g;
    return sluice_mutex_lock(own, sluice_mutex_named("left"), 0, NULL, &g) == SLUICE_OK ? g.token : 0;
}

static void test_holder_is_killed(void **state)
{
    (void)state;
    sluice_mutex m;
    assert_status(sluice_mutex_make(s, "left", &m), SLUICE_OK);
    for (int round = 0; round < 3; round++) {
        struct child c = child_start(&daemon_, lock_and_stay);
        sluice_future *first = lock_later(m), *second = lock_later(m);
        child_kill(&c);
        struct sluice_grant g = granted(first);
        assert_true(g.owner_died && g.token > c.number);
        assert_status(sluice_mutex_unlock(s, m, c.number), SLUICE_STALE_TOKEN);
        assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
        g = granted(second);
        assert_false(g.owner_died);
        assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
    }
}

static void test_adopt(void **state)
{
    (void)state;
    sluice_mutex m;
    assert_status(sluice_mutex_make(s, "left", &m), SLUICE_OK);
    struct child c = child_start(&daemon_, lock_and_stay);
    assert_status(sluice_adopt(s, c.number), SLUICE_OK);
    sluice_future *f = lock_later(m);
    child_kill(&c);
    /* The daemon has seen the death when a lock that was not adopted has passed on. */
    assert_status(sluice_mutex_unlock(s, m, c.number), SLUICE_OK);
    struct sluice_grant g = granted(f);
    assert_false(g.owner_died);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
    assert_status(sluice_adopt(s, g.token), SLUICE_STALE_TOKEN);
    assert_status(sluice_adopt(s, 0), SLUICE_STALE_TOKEN);
}

static uint64_t lock_both(sluice *own)
{
    struct sluice_grant g;
    if (sluice_mutex_lock(own, sluice_mutex_named("witness"), 0, NULL, NULL) != SLUICE_OK)
        return 0;
    return sluice_mutex_lock(own, sluice_mutex_named("left"), 0, NULL, &g) == SLUICE_OK ? g.token : 0;
}

/* What was adopted outlives the process that had it. */
static void test_adopted_outlives(void **state)
{
    (void)state;
    sluice_mutex m, witness;
    assert_status(sluice_mutex_make(s, "left", &m), SLUICE_OK);
    assert_status(sluice_mutex_make(s, "witness", &witness), SLUICE_OK);
    struct child c = child_start(&daemon_, lock_both);
    assert_status(sluice_adopt(s, c.number), SLUICE_OK);
    child_kill(&c);
    assert_true(lock(witness).owner_died);
    assert_status(try_lock(m), SLUICE_WOULD_BLOCK);
    assert_status(sluice_mutex_unlock(s, m, c.number), SLUICE_OK);
    assert_false(lock(m).owner_died);
}

/* For a process that never spoke to the daemon. */
static void test_adopt_for(void **state)
{
    (void)state;
    sluice_mutex m = anonymous();
    struct sluice_grant g = lock(m);
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    assert_status(sluice_adopt_for(s, g.token, -1), SLUICE_INVALID);
    assert_status(sluice_adopt_for(s, g.token, pid), SLUICE_OK);
    assert_status(sluice_extend_token(s, g.token, SLUICE_SECOND), SLUICE_STALE_TOKEN);
    sluice_future *f = lock_later(m);
    kill(pid, SIGKILL);
    struct sluice_grant next = granted(f);
    assert_true(next.owner_died);
    waitpid(pid, NULL, 0);
    assert_status(sluice_adopt_for(s, next.token, pid), SLUICE_NOT_FOUND);
    assert_status(sluice_mutex_unlock(s, m, next.token), SLUICE_OK);
    assert_status(sluice_adopt_for(s, next.token, getpid()), SLUICE_STALE_TOKEN);
}

static void test_extend_start(void **state)
{
    (void)state;
    sluice_mutex m = anonymous();
    sluice_future *f;
    struct sluice_grant g = lock(m);
    assert_status(sluice_extend_token_start(s, g.token, 10 * SLUICE_SECOND, &f), SLUICE_OK);
    assert_status(sluice_future_finish(f, NULL), SLUICE_OK);
    sluice_future *waits = lock_later(m);
    advance(10 * SLUICE_SECOND);
    assert_true(granted(waits).owner_died);
    assert_status(sluice_extend_token_start(s, g.token, SLUICE_SECOND, &f), SLUICE_OK);
    assert_status(sluice_future_finish(f, NULL), SLUICE_NOT_LEASED);
}

static void test_ttl(void **state)
{
    (void)state;
    sluice_mutex m = anonymous();
    struct sluice_grant g;
    assert_status(sluice_mutex_lock(s, m, 10 * SLUICE_SECOND, NULL, &g), SLUICE_OK);
    sluice_future *f = lock_later(m);
    advance(9 * SLUICE_SECOND);
    assert_status(sluice_extend_token(s, g.token, 10 * SLUICE_SECOND), SLUICE_OK);
    advance(9 * SLUICE_SECOND);
    assert_false(sluice_future_done(f));
    assert_status(sluice_adopt(s, g.token), SLUICE_OK);
    advance(SLUICE_SECOND);
    assert_true(granted(f).owner_died);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_STALE_TOKEN);
    assert_status(sluice_extend_token(s, g.token, SLUICE_SECOND), SLUICE_STALE_TOKEN);
    assert_string_equal(sluice_errmsg(), sluice_strstatus(SLUICE_STALE_TOKEN));
    assert_status(sluice_extend_token(s, g.token, 0), SLUICE_INVALID);
}

/* ---- Read-write locks. */

static enum sluice_status try_read(sluice_rwmutex m, struct sluice_grant *ret)
{
    return sluice_rwmutex_rlock(s, m, 0, sluice_no_wait(), ret);
}

static enum sluice_status try_write(sluice_rwmutex m, struct sluice_grant *ret)
{
    return sluice_rwmutex_lock(s, m, 0, sluice_no_wait(), ret);
}

static void test_rwmutex(void **state)
{
    (void)state;
    struct sluice_grant w, r1, r2;
    struct sluice_description *d;
    sluice_rwmutex m;
    assert_status(sluice_rwmutex_make(s, NULL, &m), SLUICE_OK);
    assert_status(sluice_rwmutex_unlock(s, m, 1), SLUICE_MISUSE);
    assert_string_equal(sluice_errmsg(), "sync: Unlock of unlocked RWMutex");
    assert_status(sluice_rwmutex_runlock(s, m, 1), SLUICE_MISUSE);
    assert_string_equal(sluice_errmsg(), "sync: RUnlock of unlocked RWMutex");
    assert_status(try_write(m, &w), SLUICE_OK);
    assert_status(try_write(m, NULL), SLUICE_WOULD_BLOCK);
    assert_status(try_read(m, NULL), SLUICE_WOULD_BLOCK);
    assert_status(sluice_rwmutex_runlock(s, m, w.token), SLUICE_MISUSE);
    assert_status(sluice_rwmutex_unlock(s, m, w.token), SLUICE_OK);
    assert_status(try_read(m, &r1), SLUICE_OK);
    assert_status(try_read(m, &r2), SLUICE_OK);
    assert_true(r1.token != r2.token);
    assert_status(try_write(m, NULL), SLUICE_WOULD_BLOCK);
    assert_status(sluice_describe(s, m.ref, &d), SLUICE_OK);
    assert_int_equal(d->kind, SLUICE_KIND_RWMUTEX);
    assert_int_equal(d->hold.holds, 2);
    assert_true(d->hold.shared);
    sluice_description_free(d);
    assert_status(sluice_rwmutex_unlock(s, m, r1.token), SLUICE_MISUSE);
    assert_status(sluice_rwmutex_runlock(s, m, r1.token), SLUICE_OK);
    assert_status(sluice_rwmutex_runlock(s, m, r1.token), SLUICE_STALE_TOKEN);
    assert_status(sluice_rwmutex_runlock(s, m, r2.token), SLUICE_OK);
    assert_status(sluice_rwmutex_lock(s, m, 0, NULL, &w), SLUICE_OK);
    assert_status(sluice_rwmutex_unlock(s, m, w.token), SLUICE_OK);
    assert_status(sluice_rwmutex_rlock(s, m, 0, NULL, &r1), SLUICE_OK);
}

/* A waiting writer stops new readers; readers that wait go before the next writer. */
static void test_phases(void **state)
{
    (void)state;
    struct sluice_grant r;
    sluice_rwmutex m;
    sluice_future *first, *reader, *second;
    assert_status(sluice_rwmutex_make(s, NULL, &m), SLUICE_OK);
    assert_status(try_read(m, &r), SLUICE_OK);
    assert_status(sluice_rwmutex_lock_start(s, m, 0, NULL, &first), SLUICE_OK);
    assert_status(sluice_rwmutex_lock_start(s, m, 0, NULL, &second), SLUICE_OK);
    assert_status(sluice_rwmutex_rlock_start(s, m, 0, NULL, &reader), SLUICE_OK);
    assert_status(try_read(m, NULL), SLUICE_WOULD_BLOCK);
    assert_status(sluice_rwmutex_runlock(s, m, r.token), SLUICE_OK);
    assert_status(sluice_rwmutex_unlock(s, m, granted(first).token), SLUICE_OK);
    r = granted(reader);
    assert_false(sluice_future_done(second));
    assert_status(sluice_rwmutex_runlock(s, m, r.token), SLUICE_OK);
    assert_status(sluice_rwmutex_unlock(s, m, granted(second).token), SLUICE_OK);
}

static uint64_t read_and_stay(sluice *own)
{
    struct sluice_grant g;
    return sluice_rwmutex_rlock(own, sluice_rwmutex_named("rw"), 0, NULL, &g) == SLUICE_OK ? g.token : 0;
}

static uint64_t write_and_stay(sluice *own)
{
    struct sluice_grant g;
    return sluice_rwmutex_lock(own, sluice_rwmutex_named("rw"), 0, NULL, &g) == SLUICE_OK ? g.token : 0;
}

/* A reader that dies is subtracted, no more; a writer that dies is told to all until a writer has been told. */
static void test_reader_and_writer_are_killed(void **state)
{
    (void)state;
    struct sluice_grant g, r;
    sluice_rwmutex m;
    sluice_future *reader, *writer;
    assert_status(sluice_rwmutex_make(s, "rw", &m), SLUICE_OK);
    assert_status(try_read(m, &r), SLUICE_OK);
    struct child c = child_start(&daemon_, read_and_stay);
    assert_status(sluice_rwmutex_runlock(s, m, r.token), SLUICE_OK);
    assert_status(sluice_rwmutex_lock_start(s, m, 0, NULL, &writer), SLUICE_OK);
    child_kill(&c);
    g = granted(writer);
    assert_false(g.owner_died);
    assert_status(sluice_rwmutex_runlock(s, m, c.number), SLUICE_MISUSE);
    assert_status(sluice_rwmutex_unlock(s, m, g.token), SLUICE_OK);
    c = child_start(&daemon_, write_and_stay);
    assert_status(sluice_rwmutex_rlock_start(s, m, 0, NULL, &reader), SLUICE_OK);
    assert_status(sluice_rwmutex_lock_start(s, m, 0, NULL, &writer), SLUICE_OK);
    child_kill(&c);
    r = granted(reader);
    assert_true(r.owner_died);
    assert_status(sluice_rwmutex_unlock(s, m, c.number), SLUICE_MISUSE);
    assert_status(sluice_rwmutex_runlock(s, m, r.token), SLUICE_OK);
    g = granted(writer);
    assert_true(g.owner_died);
    assert_status(sluice_rwmutex_unlock(s, m, g.token), SLUICE_OK);
    assert_status(try_write(m, &g), SLUICE_OK);
    assert_false(g.owner_died);
}

/* ---- Select. */

static void test_select(void **state)
{
    (void)state;
    struct sluice_grant of_mutex, of_reader, of_writer;
    struct sluice_result r;
    sluice_mutex m = anonymous();
    sluice_rwmutex rw;
    sluice_future *f;
    int index;
    assert_status(sluice_rwmutex_make(s, NULL, &rw), SLUICE_OK);
    const struct sluice_arm arms[] = {sluice_arm_mutex(m, 0, &of_mutex), sluice_arm_default()};
    assert_status(sluice_select(s, arms, 2, NULL, &index, NULL), SLUICE_OK);
    assert_int_equal(index, 0);
    assert_status(sluice_select(s, arms, 2, NULL, &index, NULL), SLUICE_OK);
    assert_int_equal(index, 1);
    assert_status(sluice_select_start(s, arms, 1, NULL, &f), SLUICE_OK);
    assert_status(sluice_mutex_unlock(s, m, of_mutex.token), SLUICE_OK);
    assert_status(sluice_future_finish(f, &r), SLUICE_OK);
    assert_true(r.index == 0 && r.grant.token > of_mutex.token);
    const struct sluice_arm both[] = {sluice_arm_rlock(rw, SLUICE_SECOND, &of_reader),
                                      sluice_arm_mutex(m, 0, NULL)};
    assert_status(sluice_select(s, both, 2, NULL, &index, NULL), SLUICE_OK);
    assert_int_equal(index, 0);
    const struct sluice_arm write[] = {sluice_arm_mutex(m, 0, NULL), sluice_arm_lock(rw, 0, &of_writer)};
    assert_status(sluice_select(s, write, 2, sluice_no_wait(), &index, NULL), SLUICE_WOULD_BLOCK);
    advance(SLUICE_SECOND);
    assert_status(sluice_select(s, write, 2, sluice_no_wait(), &index, NULL), SLUICE_OK);
    assert_int_equal(index, 1);
    assert_true(of_writer.token > of_reader.token && !of_writer.owner_died);
    assert_status(sluice_rwmutex_unlock(s, rw, of_writer.token), SLUICE_OK);
    assert_status(sluice_select(s,
                                (struct sluice_arm[]){sluice_arm_acquire(sluice_sem_of(m.ref), 1, 0, NULL)},
                                1, NULL, &index, NULL),
                  SLUICE_WRONG_KIND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutex),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_token_passing),
        cmocka_unit_test(test_holder_is_killed),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_adopted_outlives),
        cmocka_unit_test(test_adopt_for),
        cmocka_unit_test(test_extend_start),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_rwmutex),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_reader_and_writer_are_killed),
        cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

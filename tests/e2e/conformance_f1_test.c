/*
 * conformance_f1_test.c - part F of the conformance cases, x/sync's weighted semaphore.
 *
 * From golang/sync's semaphore/semaphore_test.go. Permits of Go's semaphore have no owner; here they belong to the session, and what it gives back
 * is of its own.
 */
#include "conform_sync.h"

/* Acquire with ten milliseconds, on a clock that moves when the daemon says that nobody else does. */
static bool acquire_10ms(const char *name, uint64_t permits)
{
    struct task *t = new_acquire(name, permits);
    t->wait.timeout_ns = 10 * MS;
    task_start(t);
    advance(10 * MS);
    enum sluice_status status = join(t);
    if (status != SLUICE_OK)
        is(status, SLUICE_DEADLINE_EXCEEDED);
    task_forget(t);
    return status == SLUICE_OK;
}

static void pattern(bool (*acquire)(const char *name, uint64_t permits))
{
    const char *s = new_sem(2);
    assert_true(try_acquire(s, 1));
    assert_true(acquire(s, 1));
    assert_false(acquire(s, 1));
    assert_int_equal(waiting(s), 0);
    release(s, 2);
    assert_true(acquire(s, 1));
    assert_true(try_acquire(s, 1));
    assert_false(acquire(s, 1));
    assert_int_equal(look(s).hold.free, 0);
}

static void c124_sem_try_pattern(void **state)
{
    (void)state;
    pattern(try_acquire);
    pattern(acquire_10ms);
}

/* TestWeighted: tasks that take and give back, each with another number of permits, and never more of them than there are. */
static void run_hammer(struct task *t)
{
    sluice_sem s = sluice_sem_named(t->a);
    for (int64_t i = 0; t->status == SLUICE_OK && i < t->times; i++) {
        t->status = sluice_sem_acquire(t->s, s, (uint64_t)t->value, 0, NULL, NULL);
        if (t->status != SLUICE_OK)
            break;
        long now = __atomic_add_fetch((long *)t->data, t->value, __ATOMIC_SEQ_CST);
        t->got += now > 4;
        __atomic_sub_fetch((long *)t->data, t->value, __ATOMIC_SEQ_CST);
        t->status = sluice_sem_release(t->s, s, (uint64_t)t->value);
    }
}

static void c124_sem_races(void **state)
{
    (void)state;
    enum { TASKS = 5 };
    const char *s = new_sem(4);
    long now = 0;
    struct task *t[TASKS];
    for (int i = 0; i < TASKS; i++) {
        t[i] = task_new(run_hammer);
        t[i]->a = s;
        t[i]->data = &now;
        t[i]->value = i % 4 + 1;
        t[i]->times = 1000;
        task_start(t[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        is(join(t[i]), SLUICE_OK);
        assert_int_equal(t[i]->got, 0);
    }
    assert_int_equal(look(s).hold.free, 4);
}

/* TestLargeAcquireDoesntStarve, and that what could never fit holds nobody up. */
static void c124_sem_head_of_line(void **state)
{
    (void)state;
    const char *s = new_sem(4);
    for (int i = 0; i < 4; i++)
        assert_true(try_acquire(s, 1));
    struct task *all = task_start(new_acquire(s, 4));
    settle(1);
    release(s, 2);
    assert_false(try_acquire(s, 1)); /* they are free, and there is somebody before */
    assert_false(try_acquire(s, 0));
    struct task *one = task_start(new_acquire(s, 1));
    settle(2);
    withdraw(all);
    (void)granted(one);
    assert_true(try_acquire(s, 1));
    struct task *never = task_start(new_acquire(s, 5));
    settle(1);
    release(s, 4);
    assert_true(try_acquire(s, 4));
    withdraw(never);
}

static void c125_sem_over_release(void **state)
{
    (void)state;
    const char *s = new_sem(1);
    is(sluice_sem_release(me, sluice_sem_named(s), 1), SLUICE_MISUSE);
    says("semaphore: released more than held");
    assert_int_equal(look(s).hold.free, 1);
    assert_true(try_acquire(s, 1));
    is(sluice_sem_release(me, sluice_sem_named(s), 2), SLUICE_MISUSE);
    says("semaphore: released more than held");
    assert_int_equal(look(s).hold.free, 0);
    release(s, 1);
    assert_int_equal(look(s).hold.free, 1);
    assert_true(try_acquire(s, 1));
    assert_false(try_acquire(s, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c124_sem_try_pattern),
        CASE(c124_sem_races),
        CASE(c124_sem_head_of_line),
        CASE(c125_sem_over_release),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

/*
 * conformance_d1_test.c - part D of the conformance cases, timers by the rules of Go 1.23: sleeping, order, stop and reset.
 *
 * From time/sleep_test.go and time/tick_test.go. The clock is virtual, so "at least" and "promptly" become exact. A timer's value is the
 * instant it was due.
 */
#include "conform.h"

#include <errno.h>
#include <signal.h>

/* A timer under a name of its own. */
static const char *timer(int64_t delay_ns)
{
    const char *name = fresh("t");
    sluice_timer made;
    is(sluice_timer_make(me, name, delay_ns, &made), SLUICE_OK);
    return name;
}

static bool stop(const char *name)
{
    bool active;
    is(sluice_timer_stop(me, sluice_timer_named(name), &active), SLUICE_OK);
    return active;
}

static bool reset(const char *name, int64_t ns)
{
    bool active;
    is(sluice_timer_reset(me, sluice_timer_named(name), ns, &active), SLUICE_OK);
    return active;
}

static void nothing(const char *name)
{
    int64_t due_ns;
    is(try_take(name, &due_ns), SLUICE_WOULD_BLOCK);
}

static void fired(const char *name, int64_t expected_ns)
{
    int64_t due_ns;
    is(try_take(name, &due_ns), SLUICE_OK);
    assert_int_equal(due_ns, expected_ns);
    nothing(name);
}

static void on_signal(int number)
{
    (void)number;
}

static void run_sleep(struct task *t)
{
    t->status = sluice_sleep(t->s, t->value, NULL);
}

static void c085_sleep_after(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_signal};
    int64_t start_ns = now_ns();
    sigaction(SIGUSR1, &action, NULL);
    struct task *t = task_new(run_sleep);
    t->value = 100 * MS;
    task_start(t);
    settle(1);
    for (int i = 0; i < 10; i++)
        assert_int_equal(pthread_kill(t->thread, SIGUSR1), 0);
    advance(100 * MS - 1);
    settle(1);
    assert_int_equal(pthread_kill(t->thread, SIGUSR1), 0);
    advance(1);
    is(join(t), SLUICE_OK);
    assert_int_equal(now_ns(), start_ns + 100 * MS);
    is(sluice_sleep(me, 0, NULL), SLUICE_OK);
    is(sluice_sleep(me, -1, NULL), SLUICE_OK);
    const char *after = timer(100 * MS);
    t = go_take(after);
    settle(1);
    advance(100 * MS);
    took(t, start_ns + 200 * MS);
    /* as long as there is never comes, and overflows to nothing short */
    t = task_new(run_sleep);
    t->value = INT64_MAX;
    task_start(t);
    settle(1);
    advance(INT64_MAX / 4);
    settle(1);
}

static void c086_after_order(void **state)
{
    (void)state;
    static const int64_t slots[] = {5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0};
    enum { SLOTS = sizeof slots / sizeof *slots };
    const char *arrived = chan(SLOTS);
    sluice_trigger trigger;
    int64_t last = -1;
    for (int i = 0; i < SLOTS; i++)
        is(sluice_after_func(me, slots[i] * 100 * MS, ch(arrived), sluice_int(slots[i]), &trigger),
           SLUICE_OK);
    advance(900 * MS);
    assert_int_equal(len(arrived), SLOTS);
    for (int i = 0; i < SLOTS; i++) {
        int64_t slot = take(arrived);
        assert_true(slot >= last);
        last = slot;
    }
    /* and as timers with a task each */
    struct task *t[SLOTS];
    int64_t start_ns = now_ns();
    for (int i = 0; i < SLOTS; i++)
        t[i] = go_take(timer(slots[i] * 100 * MS));
    advance(900 * MS);
    for (int i = 0; i < SLOTS; i++)
        took(t[i], start_ns + slots[i] * 100 * MS);
}

static void c087_stop_before_fire(void **state)
{
    (void)state;
    const char *t = timer(100 * MS), *out = chan(1);
    sluice_trigger f;
    bool active;
    is(sluice_after_func(me, 100 * MS, ch(out), sluice_int(1), &f), SLUICE_OK);
    assert_true(stop(t));
    is(sluice_trigger_stop(me, f, &active), SLUICE_OK);
    assert_true(active);
    advance(200 * MS);
    nothing(t);
    nothing(out);
    assert_false(stop(t));
    is(sluice_trigger_stop(me, f, &active), SLUICE_OK);
    assert_false(active);
    /* expired and not received: true, and the value is revoked */
    t = timer(10 * MS);
    advance(20 * MS);
    assert_true(stop(t));
    nothing(t);
    assert_false(stop(t));
    /* received: false */
    int64_t start_ns = now_ns();
    t = timer(10 * MS);
    advance(20 * MS);
    fired(t, start_ns + 10 * MS);
    assert_false(stop(t));
    /* a function that has started: false */
    is(sluice_after_func(me, 10 * MS, ch(out), sluice_int(1), &f), SLUICE_OK);
    advance(10 * MS);
    is(sluice_trigger_stop(me, f, &active), SLUICE_OK);
    assert_false(active);
    assert_int_equal(take(out), 1);
}

static void c088_reset_truth(void **state)
{
    (void)state;
    int64_t start_ns = now_ns();
    const char *t = timer(100 * MS);
    advance(50 * MS);
    assert_true(reset(t, 150 * MS));
    advance(100 * MS); /* its first time has passed */
    nothing(t);
    advance(50 * MS);
    fired(t, start_ns + 200 * MS);
    assert_false(reset(t, 50 * MS));
    advance(50 * MS);
    /* due and not received counts as active, and what was prepared is revoked */
    assert_true(reset(t, 50 * MS));
    nothing(t);
    advance(50 * MS);
    fired(t, start_ns + 300 * MS);
    /* a function's too */
    const char *out = chan(5);
    sluice_trigger f;
    bool active;
    is(sluice_after_func(me, 50 * MS, ch(out), sluice_int(1), &f), SLUICE_OK);
    is(sluice_trigger_reset(me, f, 100 * MS, &active), SLUICE_OK);
    assert_true(active);
    advance(50 * MS);
    nothing(out);
    advance(50 * MS);
    assert_int_equal(take(out), 1);
    is(sluice_trigger_reset(me, f, 10 * MS, &active), SLUICE_OK);
    assert_false(active);
    advance(10 * MS);
    assert_int_equal(take(out), 1);
}

static void c091_timer_len_zero(void **state)
{
    (void)state;
    const char *t = timer(10 * MS);
    uint64_t length = 9;
    int64_t capacity = 9, due_ns;
    advance(20 * MS);
    is(sluice_chan_len(me, ch(t), &length), SLUICE_OK);
    is(sluice_chan_cap(me, ch(t), &capacity), SLUICE_OK);
    assert_int_equal(length, 0);
    assert_int_equal(capacity, 0);
    is(try_take(t, &due_ns), SLUICE_OK);
}

static void c092_parked_receiver_resched(void **state)
{
    (void)state;
    const char *t = timer(10 * MS);
    struct task *waits = go_take(t);
    settle(1);
    assert_true(reset(t, 20000 * SEC));
    advance(100 * MS);
    settle(1);
    assert_true(reset(t, 1));
    int64_t due_ns = now_ns() + 1;
    advance(1);
    took(waits, due_ns);
    advance(30000 * SEC);
    nothing(t);
    /* a ticker that is set again ticks on */
    const char *k = fresh("k");
    sluice_timer ticker;
    is(sluice_ticker_make(me, k, 10 * MS, &ticker), SLUICE_OK);
    waits = go_take(k);
    settle(1);
    reset(k, 20000 * SEC);
    advance(100 * MS);
    settle(1);
    reset(k, 1 * MS);
    due_ns = now_ns();
    advance(1 * MS);
    took(waits, due_ns + 1 * MS);
    advance(1 * MS);
    fired(k, due_ns + 2 * MS);
}

static void c093_two_waiters_one_tick(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        const char *t = timer(10 * MS), *never = chan(0);
        struct task *a = GO_SELECT(arm_take(t), arm_take(never)),
                    *b = GO_SELECT(arm_take(t), arm_take(never));
        settle(2);
        int64_t due_ns = now_ns() + 10 * MS;
        advance(10 * MS);
        assert_int_equal(receivers(never), 1);
        shut(never);
        join(a);
        join(b);
        assert_true((a->status == SLUICE_OK) != (b->status == SLUICE_OK));
        assert_int_equal(a->status == SLUICE_OK ? a->got : b->got, due_ns);
        task_forget(a);
        task_forget(b);
        /* waiters on a stopped timer never wake */
        reset(t, 10 * MS);
        a = go_take(t);
        settle(1);
        assert_true(stop(t));
        advance(1000 * SEC);
        settle(1);
        withdraw(a);
        task_forget(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c085_sleep_after),          CASE(c086_after_order),    CASE(c087_stop_before_fire),
        CASE(c088_reset_truth),          CASE(c091_timer_len_zero), CASE(c092_parked_receiver_resched),
        CASE(c093_two_waiters_one_tick),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

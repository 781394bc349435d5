/*
 * conformance_d2_test.c - part D of the conformance cases, timers and tickers by the rules of Go 1.23: periods, phases, storms.
 *
 * From time/tick_test.go, time/sleep_test.go and testing/synctest. The clock is virtual.
 */
#include "conform.h"

static sluice_timer new_timer(int64_t delay_ns)
{
    sluice_timer t;
    is(sluice_timer_make(me, NULL, delay_ns, &t), SLUICE_OK);
    return t;
}

static sluice_timer new_ticker(int64_t period_ns)
{
    sluice_timer t;
    is(sluice_ticker_make(me, NULL, period_ns, &t), SLUICE_OK);
    return t;
}

static bool stop(sluice_timer t)
{
    bool active;
    is(sluice_timer_stop(me, t, &active), SLUICE_OK);
    return active;
}

static bool reset(sluice_timer t, int64_t ns)
{
    bool active;
    is(sluice_timer_reset(me, t, ns, &active), SLUICE_OK);
    return active;
}

static enum sluice_status try_tick(sluice_timer t, int64_t *ret_due_ns)
{
    return sluice_timer_recv(me, t, sluice_no_wait(), ret_due_ns);
}

static void ticked(sluice_timer t, int64_t expected_ns)
{
    int64_t due_ns;
    is(try_tick(t, &due_ns), SLUICE_OK);
    assert_int_equal(due_ns, expected_ns);
    is(try_tick(t, &due_ns), SLUICE_WOULD_BLOCK);
}

static void nothing(sluice_timer t)
{
    int64_t due_ns;
    is(try_tick(t, &due_ns), SLUICE_WOULD_BLOCK);
}

static void c095_zero_timer_ready(void **state)
{
    (void)state;
    ticked(new_timer(0), now_ns());
    ticked(new_timer(-1 * SEC), now_ns());
    struct sluice_arm arms[] = {sluice_arm_timer(new_timer(0)), sluice_arm_default()};
    int index;
    struct sluice_item item = {0};
    is(sluice_select(me, arms, 2, NULL, &index, &item), SLUICE_OK);
    assert_int_equal(index, 0);
    sluice_item_free(&item);
}

/* The value shows when it was due, however late it is received. */
static void x_late_value_shows_due_time(void **state)
{
    (void)state;
    int64_t start_ns = now_ns();
    sluice_timer t = new_timer(10 * MS);
    advance(5 * SEC);
    ticked(t, start_ns + 10 * MS);
}

static void c097_ticker_reset(void **state)
{
    (void)state;
    const int64_t p = 100 * MS, start_ns = now_ns();
    sluice_timer t = new_ticker(p);
    for (int64_t i = 1; i <= 5; i++) {
        advance(p);
        ticked(t, start_ns + i * p);
    }
    reset(t, 2 * p);
    for (int64_t i = 1; i <= 5; i++) {
        advance(p);
        nothing(t);
        advance(p);
        ticked(t, start_ns + 5 * p + i * 2 * p);
    }
    assert_int_equal(now_ns(), start_ns + 15 * p);
    stop(t);
    advance(2 * p);
    nothing(t);
}

/* At most one tick waits; the phase is kept. */
static void x_slow_receiver(void **state)
{
    (void)state;
    const int64_t p = 100 * MS, start_ns = now_ns();
    sluice_timer t = new_ticker(p);
    advance(5 * p + p / 2);
    ticked(t, start_ns + p);
    advance(p / 2);
    ticked(t, start_ns + 6 * p);
    advance(p);
    ticked(t, start_ns + 7 * p);
    /* set again, the tick that waits is revoked */
    advance(p);
    reset(t, p);
    nothing(t);
    advance(p);
    ticked(t, start_ns + 9 * p);
    /* stopped, too */
    advance(p);
    stop(t);
    nothing(t);
}

static void c099_ticker_stop_no_close(void **state)
{
    (void)state;
    const char *name = fresh("k");
    sluice_timer t;
    is(sluice_ticker_make(me, name, 10 * MS, &t), SLUICE_OK);
    struct task *waits = go_take(name);
    settle(1);
    stop(t);
    advance(1000 * SEC);
    settle(1);
    reset(t, 10 * MS);
    int64_t due_ns = now_ns() + 10 * MS;
    advance(10 * MS);
    took(waits, due_ns);
}

static void c100_ticker_bad_period(void **state)
{
    (void)state;
    sluice_timer t = SLUICE_NIL, good = new_ticker(10 * MS);
    bool active;
    is(sluice_ticker_make(me, NULL, 0, &t), SLUICE_INVALID);
    says("non-positive interval for NewTicker");
    is(sluice_ticker_make(me, NULL, -1, &t), SLUICE_INVALID);
    says("non-positive interval for NewTicker");
    /* Tick(-1) is nil, and so is what nobody made: it waits for ever */
    assert_true(sluice_is_nil(t.ref));
    int64_t due_ns;
    is(try_tick(t, &due_ns), SLUICE_WOULD_BLOCK);
    is(sluice_timer_reset(me, good, 0, &active), SLUICE_INVALID);
    says("non-positive interval for Ticker.Reset");
    is(sluice_timer_reset(me, good, -1, &active), SLUICE_INVALID);
    says("non-positive interval for Ticker.Reset");
    due_ns = now_ns() + 10 * MS;
    advance(10 * MS);
    ticked(good, due_ns);
    is(sluice_timer_stop(me, (sluice_timer)SLUICE_NIL, &active), SLUICE_INVALID);
    says("time: Stop called on uninitialized Timer");
    is(sluice_timer_reset(me, (sluice_timer)SLUICE_NIL, 1, &active), SLUICE_INVALID);
    says("time: Reset called on uninitialized Timer");
}

/* A callback: start the next at +0, then sleep a second. */
static void run_callback(struct task *t)
{
    int64_t n;
    sluice_trigger next;
    if (!take_on(t->s, t->a, &n))
        return;
    t->got = n;
    if (n > 0)
        t->status = sluice_after_func(t->s, 0, ch(t->a), sluice_int(n - 1), &next);
    else
        put_on(t->s, t->b, 1);
    if (t->status == SLUICE_OK)
        t->status = sluice_sleep(t->s, 1 * SEC, NULL);
}

static void c101_afterfunc_concurrent(void **state)
{
    (void)state;
    enum { DEEP = 10 };
    const char *calls = chan(DEEP), *all = chan(1);
    struct task *t[DEEP];
    sluice_trigger first;
    for (int i = 0; i < DEEP; i++) {
        t[i] = task_new(run_callback);
        t[i]->a = calls;
        t[i]->b = all;
        task_start(t[i]);
    }
    int64_t start_ns = now_ns();
    is(sluice_after_func(me, 0, ch(calls), sluice_int(DEEP - 1), &first), SLUICE_OK);
    assert_int_equal(take(all), 1);
    assert_int_equal(now_ns(), start_ns); /* no time at all: none waited for another's sleep */
    settle(DEEP);
    advance(1 * SEC);
    for (int i = 0; i < DEEP; i++)
        is(join(t[i]), SLUICE_OK);
}

static void c102_reset_storm_past(void **state)
{
    (void)state;
    sluice_timer t = new_timer(1000 * SEC);
    for (int i = 0; i < 10; i++) {
        assert_true(stop(t));
        assert_false(reset(t, -1 * SEC));
    }
    ticked(t, now_ns());
    assert_false(stop(t));
}

struct storm_timer {
    sluice_timer timer;
    bool armed;
    int64_t due_ns;
};

static unsigned next_random(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % n;
}

/* One random act on a timer; what it says must be what the book-keeping says. */
static void storm_act(struct storm_timer *t, unsigned *seed)
{
    int64_t delay_ns = next_random(seed, 2) ? next_random(seed, 1000) * SEC : next_random(seed, 20) * MS,
            due_ns;
    switch (next_random(seed, 4)) {
    case 0:
    case 1:
        assert_int_equal(reset(t->timer, delay_ns), t->armed);
        t->armed = true;
        t->due_ns = now_ns() + delay_ns;
        break;
    case 2:
        assert_int_equal(stop(t->timer), t->armed);
        t->armed = false;
        break;
    default:
        is(try_tick(t->timer, &due_ns), t->armed && t->due_ns <= now_ns() ? SLUICE_OK : SLUICE_WOULD_BLOCK);
        if (t->armed && t->due_ns <= now_ns()) {
            assert_int_equal(due_ns, t->due_ns);
            t->armed = false;
        }
        break;
    }
}

static void c102_reset_storm_random(void **state)
{
    (void)state;
    enum { TIMERS = 100 };
    static struct storm_timer t[TIMERS];
    unsigned seed = 102;
    for (int i = 0; i < TIMERS; i++)
        t[i] = (struct storm_timer){new_timer(1000 * SEC), true, now_ns() + 1000 * SEC};
    for (int i = 0; i < 4000; i++) {
        storm_act(&t[next_random(&seed, TIMERS)], &seed);
        if (i % 20 == 0)
            advance(next_random(&seed, 10) * MS);
    }
    advance(1000 * SEC);
    for (int i = 0; i < TIMERS; i++) {
        if (t[i].armed)
            ticked(t[i].timer, t[i].due_ns);
        else
            nothing(t[i].timer);
    }
}

/* A timer that nobody waits for keeps no deadline: the daemon has no reason to wake. */
static void x_idle_timer_costs_nothing(void **state)
{
    (void)state;
    struct sluice_clock clock;
    (void)new_timer(10 * MS);
    (void)new_ticker(10 * MS);
    is(sluice_clock_read(me, &clock), SLUICE_OK);
    assert_false(clock.has_next_deadline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c095_zero_timer_ready),     CASE(x_late_value_shows_due_time),
        CASE(c097_ticker_reset),         CASE(x_slow_receiver),
        CASE(c099_ticker_stop_no_close), CASE(c100_ticker_bad_period),
        CASE(c101_afterfunc_concurrent), CASE(c102_reset_storm_past),
        CASE(c102_reset_storm_random),   CASE(x_idle_timer_costs_nothing),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

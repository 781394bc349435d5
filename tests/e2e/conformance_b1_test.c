/*
 * conformance_b1_test.c - part B of the conformance cases, select: readiness, fairness, atomicity, self-select.
 *
 * From test/chan/select*.go and runtime/chan_test.go. The daemon here has the machine's clock: two of the cases measure that nobody starves.
 */
#include "conform.h"

/* select on this session: the index of the arm; the value if it received. */
static enum sluice_status choose(size_t count, const struct sluice_arm *arms, int *ret_index,
                                 int64_t *ret_value)
{
    struct sluice_item item = {0};
    enum sluice_status status = sluice_select(me, arms, count, NULL, ret_index, &item);
    *ret_value = status == SLUICE_OK && item.value.type == SLUICE_TYPE_INT64 ? item.value.integer : -1;
    if (status == SLUICE_OK)
        sluice_item_free(&item);
    return status;
}
#define CHOOSE(index, value, ...)                                                  \
    choose(sizeof((struct sluice_arm[]){__VA_ARGS__}) / sizeof(struct sluice_arm), \
           (struct sluice_arm[]){__VA_ARGS__}, (index), (value))

static void c031_default_only_when_idle(void **state)
{
    (void)state;
    const char *empty = chan(0), *full = chan(1), *ready = chan(1);
    int index;
    int64_t value;
    put(full, 1);
    put(ready, 5);
    is(CHOOSE(&index, &value, arm_take(empty), sluice_arm_default()), SLUICE_OK);
    assert_int_equal(index, 1);
    is(CHOOSE(&index, &value, sluice_arm_default(), arm_put(full, 2)), SLUICE_OK);
    assert_int_equal(index, 0);
    is(CHOOSE(&index, &value, arm_take(NULL), arm_put(NULL, 1), sluice_arm_default()), SLUICE_OK);
    assert_int_equal(index, 2);
    is(CHOOSE(&index, &value, sluice_arm_default()), SLUICE_OK);
    assert_int_equal(index, 0);
    is(CHOOSE(&index, &value, arm_take(ready), sluice_arm_default()), SLUICE_OK);
    assert_int_equal(index, 0);
    assert_int_equal(value, 5);
    is(CHOOSE(&index, &value, sluice_arm_default(), arm_put(ready, 6)), SLUICE_OK);
    assert_int_equal(index, 1);
}

static void c032_block_for_ever(void **state)
{
    (void)state;
    const char *empty = chan(0), *silent = chan(0), *full = chan(1);
    put(full, 1);
    struct task *all[] = {
        go_select(0, NULL),
        GO_SELECT(arm_take(NULL)),
        GO_SELECT(arm_put(NULL, 1), arm_take(NULL)),
        GO_SELECT(arm_take(empty), arm_put(full, 2)),
        GO_SELECT(arm_put(silent, 1)),
    };
    settle(5);
    for (int i = 0; i < 5; i++)
        withdraw(all[i]);
    assert_int_equal(receivers(empty) + senders(silent) + senders(full), 0);
    assert_int_equal(take(full), 1);
}

static void c033_closed_in_select(void **state)
{
    (void)state;
    const char *c = chan(0);
    int index;
    int64_t value;
    shut(c);
    is(CHOOSE(&index, &value, arm_take(c)), SLUICE_CLOSED);
    assert_int_equal(index, 0);
    is(CHOOSE(&index, &value, arm_put(c, 1)), SLUICE_SEND_ON_CLOSED);
    assert_int_equal(index, 0);
    says("send on closed channel");
    is(CHOOSE(&index, &value, arm_take(NULL), arm_take(c), sluice_arm_default()), SLUICE_CLOSED);
    assert_int_equal(index, 1);
}

/* A send case on a closed channel is ready: with one other ready case about half the runs fail, and default is never taken. */
static void x_send_on_closed_is_ready(void **state)
{
    (void)state;
    const char *closed = chan(0), *ready = chan(0);
    int failed = 0, went = 0, index;
    int64_t value;
    shut(closed);
    shut(ready);
    for (int i = 0; i < 1000; i++) {
        enum sluice_status status =
            CHOOSE(&index, &value, arm_put(closed, 1), arm_take(ready), sluice_arm_default());
        assert_int_not_equal(index, 2);
        failed += status == SLUICE_SEND_ON_CLOSED;
        went += status == SLUICE_CLOSED;
    }
    assert_int_equal(failed + went, 1000);
    assert_in_range(failed, 400, 600);
}

static void c035_fairness(void **state)
{
    (void)state;
    enum { TRIALS = 10000 };
    const char *a = chan(0), *b = chan(0), *never = chan(0), *never2 = chan(0);
    int first = 0, index;
    int64_t value;
    shut(a);
    shut(b);
    for (int i = 0; i < TRIALS; i++) {
        is(CHOOSE(&index, &value, arm_take(never), arm_take(a), arm_take(never2), arm_take(b)),
           SLUICE_CLOSED);
        assert_true(index == 1 || index == 3);
        first += index == 1;
    }
    assert_in_range(first, (int)(TRIALS * (0.5 - 0.0245)), (int)(TRIALS * (0.5 + 0.0245)));
}

/* Among ready cases, not among ready channels: three of one against one of another is 75 to 25. */
static void x_fairness_by_case(void **state)
{
    (void)state;
    const char *a = chan(0), *b = chan(0);
    int thrice = 0, index;
    int64_t value;
    shut(a);
    shut(b);
    for (int i = 0; i < 4000; i++) {
        is(CHOOSE(&index, &value, arm_take(a), arm_take(a), arm_take(b), arm_take(a)), SLUICE_CLOSED);
        thrice += index != 2;
    }
    assert_in_range(thrice, 2850, 3150);
}

static void run_take_all(struct task *t)
{
    int64_t value;
    for (int64_t i = 0; i < t->times && take_on(t->s, t->a, &value); i++)
        task_note(t, value);
}

static void c037_random_send(void **state)
{
    (void)state;
    for (int64_t cap = 0; cap <= 100; cap += 100) {
        const char *c = chan(cap);
        int zeros = 0, index;
        int64_t value;
        struct task *t = task_new(run_take_all);
        t->a = c;
        t->times = 100;
        task_start(t);
        for (int i = 0; i < 100; i++)
            is(CHOOSE(&index, &value, arm_put(c, 1), arm_put(c, 0)), SLUICE_OK);
        join(t);
        for (int i = 0; i < 100; i++)
            zeros += t->list[i] == 0;
        assert_in_range(zeros, 11, 89);
    }
}

/* The same when the select has to wait: of two cases on one channel neither is always the first to be served. */
static void c037_random_send_parked(void **state)
{
    (void)state;
    const char *c = chan(0);
    int zeros = 0;
    for (int i = 0; i < 400; i++) {
        struct task *t = GO_SELECT(arm_put(c, 1), arm_put(c, 0));
        settle(1);
        zeros += take(c) == 0;
        is(join(t), SLUICE_OK);
        task_forget(t);
    }
    assert_in_range(zeros, 130, 270);
}

/* ---- Snapshots: default is judged on all channels at one instant. ---- */

struct race {
    const char *one, *two;
    pthread_barrier_t start, end;
    int rounds, defaults, strange;
};

static void run_racer(struct task *t)
{
    struct race *race = t->data;
    for (int i = 0; i < race->rounds; i++) {
        pthread_barrier_wait(&race->start);
        struct sluice_arm arms[] = {arm_take(race->one), arm_take(race->two), sluice_arm_default()};
        struct sluice_item item = {0};
        int index;
        enum sluice_status status = sluice_select(t->s, arms, 3, NULL, &index, &item);
        race->defaults += index == 2;
        race->strange += status != SLUICE_OK && status != SLUICE_CLOSED;
        sluice_item_free(&item);
        pthread_barrier_wait(&race->end);
    }
}

/* `one` holds a value; the second becomes ready before the first is emptied: B never takes default. */
static void run_snapshot(bool close_instead)
{
    struct race race = {.rounds = 1000};
    pthread_barrier_init(&race.start, NULL, 2);
    pthread_barrier_init(&race.end, NULL, 2);
    struct task *t = task_new(run_racer);
    t->data = &race;
    task_start(t);
    for (int i = 0; i < race.rounds; i++) {
        int64_t value;
        race.one = chan(1);
        race.two = chan(close_instead ? 0 : 1);
        put(race.one, 1);
        pthread_barrier_wait(&race.start);
        if (close_instead)
            shut(race.two);
        else
            put(race.two, 1);
        (void)try_take(race.one, &value);
        pthread_barrier_wait(&race.end);
        is(sluice_remove(me, ref(race.one)), SLUICE_OK);
        is(sluice_remove(me, ref(race.two)), SLUICE_OK);
    }
    join(t);
    pthread_barrier_destroy(&race.start);
    pthread_barrier_destroy(&race.end);
    assert_int_equal(race.defaults, 0);
    assert_int_equal(race.strange, 0);
}

static void c038_snapshot(void **state)
{
    (void)state;
    run_snapshot(false);
}

static void c039_snapshot_2(void **state)
{
    (void)state;
    run_snapshot(true);
}

/* ---- Self-select ---- */

static void run_self_select(struct task *t)
{
    for (int64_t i = 0; i < t->times; i++) {
        struct sluice_arm arms[2];
        struct sluice_item item = {0};
        int send = (int)(t->value % 2), index;
        arms[send] = arm_put(t->a, t->value);
        arms[1 - send] = arm_take(t->a);
        enum sluice_status status = sluice_select(t->s, arms, 2, NULL, &index, &item);
        if (status != SLUICE_OK)
            break;
        if (index == 1 - send && item.value.integer == t->value)
            t->got++;
        sluice_item_free(&item);
        t->list_count++;
    }
    /* the other one may still want a partner */
    (void)sluice_chan_close(t->s, ch(t->a));
}

static void c040_self_select(void **state)
{
    (void)state;
    for (int64_t cap = 0; cap <= 10; cap += 10) {
        const char *c = chan(cap);
        struct task *t[2];
        for (int i = 0; i < 2; i++) {
            t[i] = task_new(run_self_select);
            t[i]->a = c;
            t[i]->value = i;
            t[i]->times = 1000;
            task_start(t[i]);
        }
        join(t[0]);
        join(t[1]);
        assert_int_equal(t[0]->list_count > t[1]->list_count ? t[0]->list_count : t[1]->list_count, 1000);
        if (cap == 0)
            assert_int_equal(t[0]->got + t[1]->got, 0);
    }
}

static void c041_self_select_alone(void **state)
{
    (void)state;
    const char *c = chan(0);
    struct task *t = GO_SELECT(arm_put(c, 1), arm_take(c));
    settle(1);
    assert_int_equal(senders(c), 1);
    assert_int_equal(receivers(c), 1);
    withdraw(t);
    /* with a plain peer behind it, both directions work */
    t = GO_SELECT(arm_put(c, 1), arm_take(c));
    settle(1);
    assert_int_equal(take(c), 1);
    is(join(t), SLUICE_OK);
    assert_int_equal(t->index, 0);
    t = GO_SELECT(arm_put(c, 1), arm_take(c));
    settle(1);
    put(c, 2);
    took(t, 2);
    assert_int_equal(t->index, 1);
}

/* ---- Stress ---- */

enum { STRESS = 400, STRESS_CHANNELS = 4 };

static void run_stress_put(struct task *t)
{
    for (int64_t i = 0; i < STRESS; i++)
        t->got += put_on(t->s, t->a, i);
}

static void run_stress_take(struct task *t)
{
    int64_t value;
    for (int64_t i = 0; i < STRESS; i++)
        t->got += take_on(t->s, t->a, &value);
}

/* STRESS operations on each channel, chosen by select; a channel that has had its share becomes nil. */
static void run_stress_select(struct task *t)
{
    const char *const *names = t->data;
    int left[STRESS_CHANNELS] = {STRESS, STRESS, STRESS, STRESS};
    for (int i = 0; i < STRESS * STRESS_CHANNELS; i++) {
        struct sluice_arm arms[STRESS_CHANNELS];
        struct sluice_item item = {0};
        int index;
        for (int k = 0; k < STRESS_CHANNELS; k++)
            arms[k] = t->value ? arm_put(left[k] ? names[k] : NULL, i) : arm_take(left[k] ? names[k] : NULL);
        if (sluice_select(t->s, arms, STRESS_CHANNELS, NULL, &index, &item) != SLUICE_OK)
            return;
        left[index]--;
        t->got++;
        sluice_item_free(&item);
    }
}

static void c042_stress_accounting(void **state)
{
    (void)state;
    static const int64_t caps[STRESS_CHANNELS] = {0, 0, 2, 3};
    const char *names[STRESS_CHANNELS];
    struct task *all[2 * STRESS_CHANNELS + 2];
    size_t n = 0;
    for (int k = 0; k < STRESS_CHANNELS; k++)
        names[k] = chan(caps[k]);
    for (int k = 0; k < STRESS_CHANNELS; k++) {
        all[n++] = task_new(run_stress_put);
        all[n++] = task_new(run_stress_take);
        all[n - 2]->a = all[n - 1]->a = names[k];
    }
    for (int64_t sends = 0; sends < 2; sends++) {
        all[n] = task_new(run_stress_select);
        all[n]->data = names;
        all[n++]->value = sends;
    }
    for (size_t i = 0; i < n; i++)
        task_start(all[i]);
    for (size_t i = 0; i < n; i++) {
        join(all[i]);
        assert_int_equal(all[i]->got, i < 2 * STRESS_CHANNELS ? STRESS : STRESS * STRESS_CHANNELS);
    }
    for (int k = 0; k < STRESS_CHANNELS; k++)
        assert_int_equal(len(names[k]) + senders(names[k]) + receivers(names[k]), 0);
}

static void run_hammer(struct task *t)
{
    for (int64_t i = 0; put_on(t->s, t->a, i); i++)
        ;
}

static void c051_timer_not_starved(void **state)
{
    (void)state;
    const char *c = chan(0);
    int index = 0;
    int64_t value, began_ns = now_real_ns();
    for (int i = 0; i < 2; i++) {
        struct task *t = task_new(run_hammer);
        t->a = c;
        task_start(t);
    }
    sluice_timer timer;
    is(sluice_timer_make(me, NULL, 20 * MS, &timer), SLUICE_OK);
    while (index == 0)
        is(CHOOSE(&index, &value, arm_take(c), sluice_arm_timer(timer)), SLUICE_OK);
    assert_in_range(now_real_ns() - began_ns, 20 * MS, 2 * SEC);
    shut(c);
}

/* Sleeping and After on the machine's clock: never too early. */
static void c085_sleep_after_real(void **state)
{
    (void)state;
    int64_t began_ns = now_real_ns();
    is(sluice_sleep(me, 50 * MS, NULL), SLUICE_OK);
    assert_in_range(now_real_ns() - began_ns, 50 * MS, 5 * SEC);
    began_ns = now_real_ns();
    struct sluice_arm after = sluice_arm_after(50 * MS);
    int index;
    is(sluice_select(me, &after, 1, NULL, &index, NULL), SLUICE_OK);
    assert_in_range(now_real_ns() - began_ns, 50 * MS, 5 * SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c031_default_only_when_idle),
        CASE(c032_block_for_ever),
        CASE(c033_closed_in_select),
        CASE(x_send_on_closed_is_ready),
        CASE(c035_fairness),
        CASE(x_fairness_by_case),
        CASE(c037_random_send),
        CASE(c037_random_send_parked),
        CASE(c038_snapshot),
        CASE(c039_snapshot_2),
        CASE(c040_self_select),
        CASE(c041_self_select_alone),
        CASE(c042_stress_accounting),
        CASE(c051_timer_not_starved),
        CASE(c085_sleep_after_real),
    };
    return cmocka_run_group_tests(tests, conform_up_real, conform_down);
}

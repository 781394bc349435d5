/*
 * conformance_e3_test.c - part E of the conformance cases, sync: condition variables.
 *
 * From sync/cond_test.go. A wait names the lock and the token by which it is held, and comes back with a new one. That joining those who wait and unlocking
 * are one step shows in that no signal is lost, whoever is first.
 */
#include "conform_sync.h"

enum { ROUNDS = 1000 };

static const char *new_cond(void)
{
    sluice_cond made;
    const char *name = fresh("v");
    is(sluice_cond_make(me, name, &made), SLUICE_OK);
    return name;
}

static enum sluice_status wait_on(sluice *s, const char *cond, const char *mutex, struct sluice_grant *g)
{
    return sluice_cond_wait(s, sluice_cond_named(cond), sluice_named(mutex), g->token, 0, NULL, g);
}

static uint64_t signal(const char *cond)
{
    uint64_t woken;
    is(sluice_cond_signal(me, sluice_cond_named(cond), &woken), SLUICE_OK);
    return woken;
}

static uint64_t broadcast(const char *cond)
{
    uint64_t woken;
    is(sluice_cond_broadcast(me, sluice_cond_named(cond), &woken), SLUICE_OK);
    return woken;
}

/* What the tasks of a case share. */
struct shared {
    const char *cond, *mutex, *running, *awake;
    bool exit;     /* guarded by the mutex */
    int64_t count; /* so too */
};

/* Lock, say so, wait, say so, unlock. value: what it says. */
static void run_wait_once(struct task *t)
{
    const struct shared *sh = t->data;
    struct sluice_grant g;
    t->status = lock_on(t->s, MUTEX, sh->mutex, NULL, &g);
    if (t->status == SLUICE_OK && !put_on(t->s, sh->running, t->value))
        return;
    if (t->status == SLUICE_OK)
        t->status = wait_on(t->s, sh->cond, sh->mutex, &g);
    if (t->status == SLUICE_OK && !put_on(t->s, sh->awake, t->value))
        return;
    if (t->status == SLUICE_OK)
        t->status = unlock_on(t->s, MUTEX, sh->mutex, g.token);
}

static struct task *go_wait(struct shared *sh, int64_t value)
{
    struct task *t = task_new(run_wait_once);
    t->data = sh;
    t->value = value;
    return task_start(t);
}

static void nobody_is_awake(const struct shared *sh)
{
    int64_t value;
    is(try_take(sh->awake, &value), SLUICE_WOULD_BLOCK);
}

static void c115_cond_one_each(void **state)
{
    (void)state;
    enum { WAITERS = 2 };
    struct shared sh = {new_cond(), new_mutex(), chan(WAITERS), chan(WAITERS), false, 0};
    struct task *t[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        t[i] = go_wait(&sh, i);
        assert_int_equal(take(sh.running), i);
        settle((uint64_t)i + 1);
    }
    for (int i = 0; i < WAITERS; i++) {
        nobody_is_awake(&sh);
        uint64_t token = lock(MUTEX, sh.mutex);
        assert_int_equal(signal(sh.cond), 1);
        settle(WAITERS - (uint64_t)i); /* it waits for the lock now */
        nobody_is_awake(&sh);
        unlock(MUTEX, sh.mutex, token);
        assert_int_equal(take(sh.awake), i); /* the one that waits longest */
        is(join(t[i]), SLUICE_OK);
        settle(WAITERS - 1 - (uint64_t)i);
        nobody_is_awake(&sh);
    }
    /* a signal more is lost */
    assert_int_equal(signal(sh.cond), 0);
    struct task *late = go_wait(&sh, 7);
    assert_int_equal(take(sh.running), 7);
    settle(1);
    nobody_is_awake(&sh);
    assert_int_equal(signal(sh.cond), 1); /* the lock need not be held */
    is(join(late), SLUICE_OK);
    assert_true(lockable(MUTEX, sh.mutex));
}

/* TestCondSignalGenerations: each signal wakes the waiter of its generation, while newer ones come. */
static void c115_cond_generations(void **state)
{
    (void)state;
    enum { WAITERS = 100 };
    struct shared sh = {new_cond(), new_mutex(), chan(WAITERS), chan(WAITERS), false, 0};
    struct task *t[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        t[i] = go_wait(&sh, i);
        if (i > 0)
            assert_int_equal(take(sh.awake), i - 1);
        assert_int_equal(take(sh.running), i);
        struct sluice_grant g;
        is(lock_on(me, MUTEX, sh.mutex, NULL, &g), SLUICE_OK);
        assert_int_equal(signal(sh.cond), 1);
        unlock(MUTEX, sh.mutex, g.token);
    }
    for (int i = 0; i < WAITERS; i++)
        is(join(t[i]), SLUICE_OK);
}

/* Two that take turns, a thousand times: a signal lost would leave both waiting. value: whose turn it is, by the count's parity. */
static void run_turns(struct task *t)
{
    struct shared *sh = t->data;
    struct sluice_grant g;
    for (int i = 0; t->status == SLUICE_OK && i < ROUNDS; i++) {
        t->status = lock_on(t->s, MUTEX, sh->mutex, NULL, &g);
        while (t->status == SLUICE_OK && sh->count % 2 != t->value)
            t->status = wait_on(t->s, sh->cond, sh->mutex, &g);
        if (t->status != SLUICE_OK)
            break;
        sh->count++;
        t->status = sluice_cond_signal(t->s, sluice_cond_named(sh->cond), NULL);
        if (t->status == SLUICE_OK)
            t->status = unlock_on(t->s, MUTEX, sh->mutex, g.token);
    }
}

static void c115_cond_races(void **state)
{
    (void)state;
    struct shared sh = {new_cond(), new_mutex(), NULL, NULL, false, 0};
    struct task *t[2];
    for (int i = 0; i < 2; i++) {
        t[i] = task_new(run_turns);
        t[i]->data = &sh;
        t[i]->value = i;
        task_start(t[i]);
    }
    for (int i = 0; i < 2; i++)
        is(join(t[i]), SLUICE_OK);
    assert_int_equal(sh.count, 2 * ROUNDS);
}

static void run_rounds(struct task *t)
{
    struct shared *sh = t->data;
    struct sluice_grant g;
    t->status = lock_on(t->s, MUTEX, sh->mutex, NULL, &g);
    while (t->status == SLUICE_OK && !sh->exit) {
        if (!put_on(t->s, sh->running, t->value))
            return;
        t->status = wait_on(t->s, sh->cond, sh->mutex, &g);
        if (t->status == SLUICE_OK && !put_on(t->s, sh->awake, t->value))
            return;
    }
    if (t->status == SLUICE_OK)
        t->status = unlock_on(t->s, MUTEX, sh->mutex, g.token);
}

static void c117_cond_broadcast(void **state)
{
    (void)state;
    enum { WAITERS = 200 };
    struct shared sh = {new_cond(), new_mutex(), chan(WAITERS), chan(WAITERS), false, 0};
    struct task *t[WAITERS];
    int64_t value;
    for (int i = 0; i < WAITERS; i++) {
        t[i] = task_new(run_rounds);
        t[i]->data = &sh;
        t[i]->value = i;
        task_start(t[i]);
    }
    for (int round = 0; round < WAITERS; round++) {
        bool seen[WAITERS] = {false};
        struct sluice_grant g;
        for (int i = 0; i < WAITERS; i++)
            (void)take(sh.running);
        nobody_is_awake(&sh);
        is(lock_on(me, MUTEX, sh.mutex, NULL, &g), SLUICE_OK); /* the last of them waits, too */
        sh.exit = round == WAITERS - 1;
        assert_int_equal(broadcast(sh.cond), WAITERS);
        unlock(MUTEX, sh.mutex, g.token);
        for (int i = 0; i < WAITERS; i++) {
            value = take(sh.awake);
            assert_in_range(value, 0, WAITERS - 1);
            assert_false(seen[value]);
            seen[value] = true;
        }
    }
    for (int i = 0; i < WAITERS; i++)
        is(join(t[i]), SLUICE_OK);
    is(try_take(sh.running, &value), SLUICE_WOULD_BLOCK);
    assert_int_equal(broadcast(sh.cond), 0);
    assert_true(lockable(MUTEX, sh.mutex));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c115_cond_one_each),
        CASE(c115_cond_generations),
        CASE(c115_cond_races),
        CASE(c117_cond_broadcast),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

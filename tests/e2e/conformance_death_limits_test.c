/*
 * conformance_death_limits_test.c - what becomes of it when a process is killed that was signalled, leads, runs, reserved, or waits with others.
 *
 * The X-PROC lines of conditions, singleflight, errgroup, limiters, elections and barriers. Each case forks a process that takes its part, says so, and
 * waits for ever; then it is killed with SIGKILL. What it had goes on to the next who waits, or comes back, and nobody who waits for
 * it hangs.
 */
#include "conform_ctx.h"
#include "conform_rate.h"
#include "conform_sync.h"

/* What a process is to take part in, and where it says with which token. */
struct part {
    const char *name, *lock, *token;
};

static void park_for_ever(sluice *s)
{
    (void)sluice_select(s, NULL, 0, NULL, NULL, NULL);
}

/* Say the token and stay. */
static void stay(sluice *s, const struct part *part, enum sluice_status status, uint64_t token)
{
    if (status == SLUICE_OK && put_on(s, part->token, (int64_t)token))
        park_for_ever(s);
    _Exit(1);
}

static pid_t taker(void (*run)(sluice *s, void *data), struct part *part, uint64_t *ret_token)
{
    part->token = chan(1);
    pid_t pid = spawn(run, part);
    *ret_token = (uint64_t)take(part->token);
    settle(1);
    return pid;
}

/* ---- Conditions ---- */

static void wait_on_cond(sluice *s, const char *cond, const char *mutex)
{
    struct sluice_grant g;
    if (lock_on(s, MUTEX, mutex, NULL, &g) == SLUICE_OK &&
        sluice_cond_wait(s, sluice_cond_named(cond), sluice_named(mutex), g.token, 0, NULL, &g) == SLUICE_OK)
        (void)unlock_on(s, MUTEX, mutex, g.token);
}

static void child_waits_on_cond(sluice *s, void *data)
{
    const struct part *part = data;
    wait_on_cond(s, part->name, part->lock);
    park_for_ever(s);
}

static void run_waits_on_cond(struct task *t)
{
    wait_on_cond(t->s, t->a, t->b);
}

static struct task *go_wait(const struct part *part)
{
    struct task *t = task_new(run_waits_on_cond);
    t->a = part->name;
    t->b = part->lock;
    return task_start(t);
}

static void death_of_signalled_cond_waiter(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct part part = {fresh("v"), new_mutex(), NULL};
        sluice_cond cond;
        uint64_t woken;
        is(sluice_cond_make(me, part.name, &cond), SLUICE_OK);
        pid_t pid = spawn(child_waits_on_cond, &part);
        settle(1);
        struct task *second = go_wait(&part);
        settle(2);
        struct task *third = go_wait(&part);
        settle(3);
        uint64_t token = lock(MUTEX, part.lock);
        is(sluice_cond_signal(me, cond, &woken), SLUICE_OK);
        assert_int_equal(woken, 1);
        settle(3); /* it waits for the lock, and the signal is its */
        assert_int_equal(waiting(part.lock), 1);
        kill_hard(pid);
        if (i % 2) {
            eventually(waiting(part.name) == 1); /* the daemon knows, and the next has the signal */
            unlock(MUTEX, part.lock, token);
            is(join(second), SLUICE_OK);
            settle(1);
            assert_int_equal(waiting(part.name), 1); /* one signal, one waiter */
            is(sluice_cond_signal(me, cond, &woken), SLUICE_OK);
        } else { /* it may get the lock before the daemon knows, and then its signal is spent */
            unlock(MUTEX, part.lock, token);
            eventually(lockable(MUTEX, part.lock));
            is(sluice_cond_broadcast(me, cond, &woken), SLUICE_OK);
            assert_in_range(woken, 1, 2);
        }
        is(join(second), SLUICE_OK);
        is(join(third), SLUICE_OK);
        task_forget(second);
        task_forget(third);
    }
}

/* It holds the lock again when it dies: the lock goes on, as any lock does, and the signal is spent. */
static void child_holds_after_cond(sluice *s, void *data)
{
    const struct part *part = data;
    struct sluice_grant g;
    enum sluice_status status = lock_on(s, MUTEX, part->lock, NULL, &g);
    if (status == SLUICE_OK)
        status = sluice_cond_wait(s, sluice_cond_named(part->name), sluice_named(part->lock), g.token, 0,
                                  NULL, &g);
    stay(s, part, status, g.token);
}

static void death_of_cond_waiter_with_the_lock(void **state)
{
    (void)state;
    struct part part = {fresh("v"), new_mutex(), chan(1)};
    sluice_cond cond;
    uint64_t woken;
    is(sluice_cond_make(me, part.name, &cond), SLUICE_OK);
    pid_t pid = spawn(child_holds_after_cond, &part);
    settle(1);
    struct task *second = go_wait(&part);
    settle(2);
    is(sluice_cond_signal(me, cond, &woken), SLUICE_OK);
    uint64_t dead = (uint64_t)take(part.token);
    settle(2);
    kill_hard(pid);
    struct sluice_grant g;
    is(lock_on(me, MUTEX, part.lock, NULL, &g), SLUICE_OK);
    assert_true(g.owner_died);
    assert_true(g.token > dead);
    unlock(MUTEX, part.lock, g.token);
    settle(1);
    assert_int_equal(waiting(part.name), 1);
    is(sluice_cond_signal(me, cond, &woken), SLUICE_OK);
    is(join(second), SLUICE_OK);
}

/* ---- singleflight ---- */

static void child_leads_flight(sluice *s, void *data)
{
    const struct part *part = data;
    struct sluice_grant g = {0, false};
    struct sluice_outcome outcome;
    enum sluice_status status =
        sluice_flight_begin(s, sluice_flight_named(part->name), "key", 0, NULL, &g, &outcome);
    stay(s, part, status, g.token);
}

/* Runs if it may, else shares. list: its grant; got: the outcome. */
static void run_flight(struct task *t)
{
    sluice_flight f = sluice_flight_named(t->a);
    struct sluice_grant g = {0, false};
    struct sluice_outcome outcome = {0};
    t->status = sluice_flight_begin(t->s, f, "key", 0, NULL, &g, &outcome);
    if (t->status == SLUICE_OK && g.token != 0) {
        t->list[0] = (int64_t)g.token;
        t->list[1] = g.owner_died;
        t->status = sluice_flight_end(t->s, f, g.token, false, sluice_int(7), NULL);
    } else if (t->status == SLUICE_OK) {
        t->got = outcome.item.value.integer;
        sluice_item_free(&outcome.item);
    }
}

static struct task *go_flight(const char *name)
{
    struct task *t = task_new(run_flight);
    t->a = name;
    return task_start(t);
}

static void death_of_flight_leader(void **state)
{
    (void)state;
    struct part part = {fresh("f"), NULL, NULL};
    sluice_flight f;
    uint64_t dead;
    is(sluice_flight_make(me, part.name, &f), SLUICE_OK);
    pid_t pid = taker(child_leads_flight, &part, &dead);
    struct task *first = go_flight(part.name);
    settle(2);
    struct task *second = go_flight(part.name);
    settle(3);
    kill_hard(pid);
    assert_true(granted_after_death(first) > dead);
    is(join(second), SLUICE_OK);
    assert_int_equal(second->list[0], 0);
    assert_int_equal(second->got, 7);
    is(sluice_flight_end(me, f, dead, false, sluice_int(8), NULL), SLUICE_STALE_TOKEN);
    /* nobody had joined: the key is free */
    pid = taker(child_leads_flight, &part, &dead);
    kill_hard(pid);
    first = go_flight(part.name);
    is(join(first), SLUICE_OK);
    assert_true(first->list[0] > (int64_t)dead);
}

static void death_of_poisoned_flight_leader(void **state)
{
    (void)state;
    struct part part = {fresh("f"), NULL, NULL};
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_flight_spec spec = SLUICE_FLIGHT_SPEC_INIT;
    sluice_flight f;
    uint64_t dead;
    how.name = part.name;
    spec.poison = true;
    is(sluice_flight_make_with(me, &how, &spec, &f, NULL), SLUICE_OK);
    pid_t pid = taker(child_leads_flight, &part, &dead);
    struct task *first = go_flight(part.name);
    settle(2);
    struct task *second = go_flight(part.name);
    settle(3);
    kill_hard(pid);
    is(join(first), SLUICE_OWNER_DIED);
    is(join(second), SLUICE_OWNER_DIED);
    struct task *later = go_flight(part.name); /* results are not kept, nor is this one */
    is(join(later), SLUICE_OK);
    assert_true(later->list[0] > (int64_t)dead);
}

/* ---- errgroup ---- */

static void child_runs_task(sluice *s, void *data)
{
    const struct part *part = data;
    struct sluice_grant g = {0, false};
    enum sluice_status status = sluice_group_go(s, sluice_group_named(part->name), 0, NULL, &g);
    stay(s, part, status, g.token);
}

static void run_go_and_wait(struct task *t)
{
    sluice_group group = sluice_group_named(t->a);
    struct sluice_grant g;
    struct sluice_outcome outcome;
    t->status = sluice_group_go(t->s, group, 0, NULL, &g);
    if (t->status == SLUICE_OK)
        t->status = sluice_group_done(t->s, group, g.token, "later");
    if (t->status == SLUICE_OK)
        t->status = sluice_group_wait(t->s, group, NULL, &outcome);
    if (t->status != SLUICE_OK)
        return;
    t->got = outcome.failed;
    if (outcome.failed)
        strncpy(t->message, outcome.item.value.bytes.data, sizeof t->message - 1);
    sluice_item_free(&outcome.item);
}

static void death_of_group_task(void **state)
{
    (void)state;
    struct part part = {fresh("eg"), NULL, NULL};
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_group_spec spec = SLUICE_GROUP_SPEC_INIT;
    sluice_group g;
    uint64_t dead;
    how.name = part.name;
    spec.limit = 1;
    spec.ctx = with_cancel(background());
    is(sluice_group_make_with(me, &how, &spec, &g, NULL), SLUICE_OK);
    pid_t pid = taker(child_runs_task, &part, &dead);
    struct task *next = task_new(run_go_and_wait);
    next->a = part.name;
    task_start(next); /* at the limit */
    settle(2);
    kill_hard(pid);
    is(join(next), SLUICE_OK); /* its place is free, and its end the first error */
    assert_true(next->got);
    assert_string_equal(next->message, "owner died");
    ended(spec.ctx, SLUICE_CANCELED, "owner died");
    is(sluice_group_done(me, g, dead, NULL), SLUICE_STALE_TOKEN);
}

/* ---- Limiters ---- */

static void child_takes(sluice *s, void *data)
{
    const struct part *part = data;
    struct sluice_quota q = {0};
    enum sluice_status status =
        sluice_limiter_take(s, sluice_limiter_named(part->name), NULL, 2, 0, NULL, &q);
    stay(s, part, status, q.token);
}

static void run_takes(struct task *t)
{
    t->status = sluice_limiter_take(t->s, sluice_limiter_named(t->a), NULL, 3, 0, NULL, NULL);
}

static void death_of_concurrency_holder(void **state)
{
    (void)state;
    struct part part = {fresh("l"), NULL, NULL};
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_limiter_spec spec = SLUICE_LIMITER_SPEC_INIT;
    sluice_limiter l;
    uint64_t dead;
    how.name = part.name;
    spec.algorithm = SLUICE_ALGORITHM_CONCURRENCY;
    spec.burst = 3;
    is(sluice_limiter_make_with(me, &how, &spec, &l, NULL), SLUICE_OK);
    pid_t pid = taker(child_takes, &part, &dead);
    struct task *waits = task_new(run_takes);
    waits->a = part.name;
    task_start(waits);
    settle(2);
    kill_hard(pid);
    is(join(waits), SLUICE_OK);
    is(sluice_limiter_release(me, l, dead), SLUICE_STALE_TOKEN);
    /* that one's session has ended, and gave its three back */
    struct sluice_quota q;
    is(sluice_limiter_take(me, l, NULL, 3, 0, NULL, &q), SLUICE_OK);
    is(sluice_limiter_release(me, l, q.token), SLUICE_OK);
}

static void child_reserves(sluice *s, void *data)
{
    const struct part *part = data;
    struct sluice_reserve how = SLUICE_RESERVE_INIT;
    struct sluice_quota q = {0};
    struct sluice_grant g;
    how.permits = 3;
    enum sluice_status status = lock_on(s, MUTEX, part->lock, NULL, &g);
    if (status == SLUICE_OK)
        status = sluice_limiter_reserve(s, sluice_limiter_named(part->name), &how, &q);
    stay(s, part, status, q.token);
}

static void death_of_reservation_holder(void **state)
{
    (void)state;
    struct part part = {new_bucket(sluice_rate_per_second(10), 3), new_mutex(), NULL};
    struct sluice_grant g;
    uint64_t dead;
    bool back;
    assert_true(allow(part.name, 3));
    pid_t pid = taker(child_reserves, &part, &dead);
    assert_int_equal(tokens(part.name), -3);
    advance(D);
    kill_hard(pid);
    is(lock_on(me, MUTEX, part.lock, NULL, &g), SLUICE_OK); /* the daemon knows */
    assert_int_equal(tokens(part.name), 1);
    is(sluice_limiter_refund(me, dead, &back), SLUICE_OK);
    assert_false(back); /* once at most */
    assert_int_equal(tokens(part.name), 1);
    unlock(MUTEX, part.lock, g.token);
    /* its time had passed: it was used, for all that is known */
    pid = taker(child_reserves, &part, &dead);
    assert_int_equal(tokens(part.name), -2);
    advance(2 * D + 1);
    kill_hard(pid);
    is(lock_on(me, MUTEX, part.lock, NULL, &g), SLUICE_OK);
    assert_int_equal(tokens(part.name), 0);
}

static void child_waits_for_tokens(sluice *s, void *data)
{
    const struct part *part = data;
    (void)sluice_limiter_take(s, sluice_limiter_named(part->name), NULL, 3, 0, NULL, NULL);
}

static void death_of_limiter_waiter(void **state)
{
    (void)state;
    struct part part = {new_bucket(sluice_rate_per_second(10), 3), NULL, NULL};
    assert_true(allow(part.name, 2));
    pid_t pid = spawn(child_waits_for_tokens, &part);
    settle(1);
    assert_int_equal(tokens(part.name), -2);
    kill_hard(pid);
    eventually(tokens(part.name) == 1);
    assert_true(allow(part.name, 1));
}

/* ---- Elections ---- */

static void child_leads(sluice *s, void *data)
{
    const struct part *part = data;
    struct sluice_grant g = {0, false};
    enum sluice_status status =
        sluice_election_campaign(s, sluice_mutex_named(part->name), sluice_str("the dead one"), 0, NULL, &g);
    stay(s, part, status, g.token);
}

static void run_campaign(struct task *t)
{
    struct sluice_grant g;
    enum sluice_status status =
        sluice_election_campaign(t->s, sluice_mutex_named(t->a), sluice_str("the next"), 0, NULL, &g);
    keep_grant(t, status, &g);
    if (status == SLUICE_OK)
        (void)sluice_adopt(me, g.token);
}

/* value: the token that is known. list[0]: the new one; message: what it says. */
static void run_observe(struct task *t)
{
    struct sluice_leader leader;
    t->status = sluice_election_observe(t->s, sluice_mutex_named(t->a), (uint64_t)t->value, NULL, &leader);
    if (t->status != SLUICE_OK)
        return;
    t->list[0] = (int64_t)leader.token;
    if (leader.item.value.type != SLUICE_TYPE_NONE)
        strncpy(t->message, leader.item.value.bytes.data, sizeof t->message - 1);
    sluice_item_free(&leader.item);
}

static struct task *go_on(void (*run)(struct task *t), const char *name, uint64_t known)
{
    struct task *t = task_new(run);
    t->a = name;
    t->value = (int64_t)known;
    return task_start(t);
}

static void death_of_leader(void **state)
{
    (void)state;
    struct part part = {new_mutex(), NULL, NULL};
    uint64_t dead;
    pid_t pid = taker(child_leads, &part, &dead);
    struct task *sees = go_on(run_observe, part.name, 0);
    is(join(sees), SLUICE_OK);
    assert_int_equal(sees->list[0], dead);
    assert_string_equal(sees->message, "the dead one");
    struct task *next = go_on(run_campaign, part.name, 0);
    settle(2);
    struct task *observer = go_on(run_observe, part.name, dead);
    settle(3);
    kill_hard(pid);
    uint64_t token = granted_after_death(next);
    assert_true(token > dead);
    is(join(observer), SLUICE_OK);
    assert_int_equal(observer->list[0], token);
    assert_string_equal(observer->message, "the next");
    is(sluice_election_resign(me, sluice_mutex_named(part.name), dead), SLUICE_STALE_TOKEN);
    is(sluice_election_resign(me, sluice_mutex_named(part.name), token), SLUICE_OK);
    /* nobody campaigns: the observer is told that nobody leads */
    pid = taker(child_leads, &part, &dead);
    observer = go_on(run_observe, part.name, dead);
    settle(2);
    kill_hard(pid);
    is(join(observer), SLUICE_OK);
    assert_int_equal(observer->list[0], 0);
}

/* ---- Barriers ---- */

static void child_arrives(sluice *s, void *data)
{
    const struct part *part = data;
    (void)sluice_barrier_wait(s, sluice_barrier_named(part->name), NULL, NULL, NULL);
    _Exit(1); /* it was never full with this one */
}

static void run_arrive(struct task *t)
{
    uint64_t cycle;
    bool last;
    t->status = sluice_barrier_wait(t->s, sluice_barrier_named(t->a), NULL, &cycle, &last);
    if (t->status == SLUICE_OK) {
        t->list[0] = (int64_t)cycle;
        t->list[1] = last;
    }
}

static void death_of_barrier_party(void **state)
{
    (void)state;
    enum { PARTIES = 3 };
    struct part part = {fresh("b"), NULL, NULL};
    sluice_barrier b;
    struct task *t[PARTIES];
    is(sluice_barrier_make(me, part.name, PARTIES, &b), SLUICE_OK);
    pid_t pid = spawn(child_arrives, &part);
    settle(1);
    t[0] = go_on(run_arrive, part.name, 0);
    settle(2);
    assert_int_equal(look(part.name).barrier.arrived, 2);
    kill_hard(pid);
    eventually(look(part.name).barrier.arrived == 1); /* who is dead has not arrived */
    t[1] = go_on(run_arrive, part.name, 0);
    settle(2);
    t[2] = go_on(run_arrive, part.name, 0);
    for (int i = 0; i < PARTIES; i++) {
        is(join(t[i]), SLUICE_OK);
        assert_int_equal(t[i]->list[0], 1);
        assert_int_equal(t[i]->list[1], i == PARTIES - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(death_of_signalled_cond_waiter),
        CASE(death_of_cond_waiter_with_the_lock),
        CASE(death_of_flight_leader),
        CASE(death_of_poisoned_flight_leader),
        CASE(death_of_group_task),
        CASE(death_of_concurrency_holder),
        CASE(death_of_reservation_holder),
        CASE(death_of_limiter_waiter),
        CASE(death_of_leader),
        CASE(death_of_barrier_party),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

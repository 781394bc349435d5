/*
 * conformance_g2_test.c - part G of the conformance cases, rate.Limiter: waiting, rates of zero and without end, contention.
 *
 * From golang/time's rate/rate_test.go. Who waits is a task, and the clock moves when the daemon says that it waits: so "at once" and "after 2 d"
 * are exact. r = 10, d = 100 ms: one token a d.
 */
#include "conform_ctx.h"
#include "conform_rate.h"

enum { ROUNDS = 1000 };

/* ---- Waiting ---- */

/* a: the limiter; value: how many. */
static void run_take(struct task *t)
{
    t->status =
        sluice_limiter_take(t->s, sluice_limiter_named(t->a), NULL, (uint64_t)t->value, 0, &t->wait, NULL);
    if (t->status != SLUICE_OK)
        strncpy(t->message, sluice_errmsg(), sizeof t->message - 1);
}

static struct task *new_take(const char *name, uint64_t n)
{
    struct task *t = task_new(run_take);
    t->a = name;
    t->value = (int64_t)n;
    return t;
}

/* WaitN returns at once with this. */
static enum sluice_status wait_now(const char *name, uint64_t n, const struct sluice_wait *wait)
{
    int64_t start_ns = now_ns();
    enum sluice_status status = sluice_limiter_take(me, sluice_limiter_named(name), NULL, n, 0, wait, NULL);
    assert_int_equal(now_ns(), start_ns);
    return status;
}

/* It takes that long. */
static void wait_takes(const char *name, uint64_t n, int64_t ns)
{
    struct task *t = task_start(new_take(name, n));
    settle(1);
    advance(ns - 1);
    settle(1);
    advance(1);
    is(join(t), SLUICE_OK);
    task_forget(t);
}

static const char *ten_three(void)
{
    return new_bucket(sluice_rate_per_second(10), 3);
}

static void c146_wait_simple(void **state)
{
    (void)state;
    const char *r = ten_three();
    sluice_ctx ctx = with_cancel(background());
    cancel(ctx, NULL);
    struct sluice_wait done = SLUICE_WAIT_CTX(ctx);
    is(wait_now(r, 1, &done), SLUICE_CANCELED);
    says("context canceled");
    is(wait_now(r, 4, NULL), SLUICE_MISUSE);
    says("rate: Wait(n=4) exceeds limiter's burst 3");
    is(wait_now(r, 4, &done), SLUICE_MISUSE); /* before the context */
    says("rate: Wait(n=4) exceeds limiter's burst 3");
    assert_int_equal(tokens(r), 3);
    is(wait_now(r, 2, NULL), SLUICE_OK);
    wait_takes(r, 3, 2 * D);
    assert_int_equal(tokens(r), 0);
}

static void c146_wait_timeout(void **state)
{
    (void)state;
    const char *r = ten_three();
    struct sluice_wait wait = SLUICE_WAIT_CTX(with_timeout(background(), D, NULL));
    is(wait_now(r, 2, &wait), SLUICE_OK);
    is(wait_now(r, 3, &wait), SLUICE_DEADLINE_EXCEEDED);
    says("rate: Wait(n=3) would exceed context deadline");
    assert_int_equal(tokens(r), 1);
    /* a timeout of the wait's own is no other */
    struct sluice_wait brief = SLUICE_WAIT_FOR(2 * D - 1);
    is(wait_now(r, 3, &brief), SLUICE_DEADLINE_EXCEEDED);
    says("rate: Wait(n=3) would exceed context deadline");
    assert_int_equal(tokens(r), 1);
    /* exactly as long as there is time is accepted */
    struct task *t = new_take(r, 3);
    t->wait.timeout_ns = 2 * D;
    task_start(t);
    settle(1);
    advance(2 * D);
    is(join(t), SLUICE_OK);
}

static void c146_wait_inf(void **state)
{
    (void)state;
    const char *r = new_bucket(sluice_rate_infinite(), 0);
    for (int i = 0; i < 100; i++)
        is(wait_now(r, 3, NULL), SLUICE_OK);
    sluice_ctx ctx = with_cancel(background());
    cancel(ctx, NULL);
    struct sluice_wait done = SLUICE_WAIT_CTX(ctx);
    is(wait_now(r, 3, &done), SLUICE_CANCELED); /* also when all passes */
    says("context canceled");
    assert_true(allow(r, 1000000));
    struct sluice_quota q;
    bool back;
    is(sluice_limiter_reserve(me, sluice_limiter_named(r), NULL, &q), SLUICE_OK);
    assert_int_equal(q.delay_ns, 0);
    is(sluice_limiter_refund(me, q.token, &back), SLUICE_OK);
    assert_false(back);
}

static void c147_wait_cancel_refund(void **state)
{
    (void)state;
    const char *r = ten_three(), *name = named_ctx(false, (sluice_ctx)SLUICE_NIL);
    is(wait_now(r, 2, NULL), SLUICE_OK);
    struct task *t = new_take(r, 3);
    t->wait.ctx = sluice_ctx_named(name);
    task_start(t);
    settle(1);
    advance(D);
    settle(1);
    assert_int_equal(tokens(r), -1);
    cancel(sluice_ctx_named(name), NULL);
    is(join(t), SLUICE_CANCELED);
    assert_string_equal(t->message, "context canceled");
    assert_int_equal(tokens(r), 2); /* all three came back */
    is(wait_now(r, 2, NULL), SLUICE_OK);
}

/* Who waits is served in order of asking, and a smaller request does not overtake. */
static void c147_wait_order(void **state)
{
    (void)state;
    const char *r = ten_three();
    assert_true(allow(r, 3));
    struct task *three = task_start(new_take(r, 3));
    settle(1);
    struct task *one = task_start(new_take(r, 1));
    settle(2);
    advance(2 * D);
    settle(2);
    assert_false(allow(r, 1));
    advance(D);
    is(join(three), SLUICE_OK);
    settle(1);
    advance(D);
    is(join(one), SLUICE_OK);
}

/* ---- Rates that are no rates ---- */

static void c148_zero_limit(void **state)
{
    (void)state;
    const char *r = new_bucket(sluice_rate_per_second(0), 1);
    assert_true(allow(r, 1));
    assert_false(allow(r, 1));
    struct sluice_quota q;
    is(sluice_limiter_reserve(me, sluice_limiter_named(r), NULL, &q), SLUICE_OK);
    assert_true(q.delay_ns == SLUICE_FOREVER_NS); /* and it digs debt */
    bool back;
    is(sluice_limiter_refund(me, q.token, &back), SLUICE_OK);
    /* a wait lasts until something ends it */
    struct task *t = task_start(new_take(r, 1));
    settle(1);
    advance(1000000 * SEC);
    settle(1);
    withdraw(t);
    /* TestSetAfterZeroLimit */
    r = new_bucket(sluice_rate_per_second(0), 1);
    assert_true(allow(r, 1));
    is(sluice_limiter_set_rate(me, sluice_limiter_named(r), sluice_rate_per_second(10)), SLUICE_OK);
    wait_takes(r, 1, D);
    /* TestTinyLimit: the smallest rate there is */
    r = new_bucket(sluice_rate_of(1, INT64_MAX), 1);
    assert_true(allow(r, 1));
    assert_false(allow(r, 1));
    advance(1000000 * SEC);
    assert_false(allow(r, 1));
    /* a burst of none allows nothing, and nothing else than nothing */
    r = new_bucket(sluice_rate_per_second(10), 0);
    assert_false(allow(r, 1));
    assert_true(allow(r, 0));
    is(wait_now(r, 1, NULL), SLUICE_MISUSE);
    says("rate: Wait(n=1) exceeds limiter's burst 0");
}

/* ---- Contention ---- */

struct crowd {
    const char *names[ROUNDS];
};

/* Three requests on each limiter. */
static void run_allow_rounds(struct task *t)
{
    const struct crowd *c = t->data;
    for (int i = 0; i < ROUNDS; i++)
        for (int k = 0; k < 3; k++)
            if (sluice_limiter_allow(t->s, sluice_limiter_named(c->names[i]), NULL, 1, NULL) == SLUICE_OK)
                t->list[i]++;
}

static void c149_simultaneous_requests(void **state)
{
    (void)state;
    enum { TASKS = 5, BURST = 5 };
    static struct crowd crowd;
    struct task *t[TASKS];
    for (int i = 0; i < ROUNDS; i++)
        crowd.names[i] = new_bucket(sluice_rate_per_second(1), BURST);
    for (int i = 0; i < TASKS; i++) {
        t[i] = task_new(run_allow_rounds);
        t[i]->data = &crowd;
        task_start(t[i]);
    }
    for (int i = 0; i < TASKS; i++)
        is(join(t[i]), SLUICE_OK);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t allowed = 0;
        for (int k = 0; k < TASKS; k++)
            allowed += t[k]->list[i];
        assert_int_equal(allowed, BURST);
    }
}

static void c149_long_running_qps(void **state)
{
    (void)state;
    const char *r = new_bucket(sluice_rate_per_second(100), 100);
    int64_t start_ns = now_ns(), allowed = 0;
    while (now_ns() - start_ns < 5 * SEC) {
        allowed += allow(r, 1);
        advance(2 * MS);
    }
    assert_in_range(allowed, 600 * 999 / 1000, 601);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c146_wait_simple),           CASE(c146_wait_timeout),     CASE(c146_wait_inf),
        CASE(c147_wait_cancel_refund),    CASE(c147_wait_order),       CASE(c148_zero_limit),
        CASE(c149_simultaneous_requests), CASE(c149_long_running_qps),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

/*
 * pool_test.c - pools against the real daemon: who goes next, how many at a time, room, pause, close, and workers that are killed.
 *
 * The worker is the test's own session (crew.h), which pulls without waiting to see that there is no task, or a child that is
 * killed while it runs one.
 */
#include <signal.h>

#include "crew.h"

static void test_making(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_pool_spec spec = SLUICE_POOL_SPEC_INIT;
    struct sluice_made made;
    struct sluice_description *d;
    sluice_pool p, again;
    how.name = "p/1";
    spec.limit = 3;
    assert_status(sluice_pool_make_with(s, &how, &spec, &p, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_POOL);
    assert_status(sluice_pool_make(s, "p/1", &again), SLUICE_MISMATCH);
    assert_status(sluice_pool_open(s, "p/1", 0, &again), SLUICE_OK);
    uint64_t token = hired(p, 4);
    gone_text(p, "x");
    assert_status(sluice_describe(s, p.ref, &d), SLUICE_OK);
    assert_true(d->pool.limit == 3 && d->pool.capacity < 0 && !d->pool.paused && !d->pool.closed);
    assert_true(d->pool.workers == 1 && d->pool.slots == 4 && d->pool.tasks == 1 && d->pool.queued == 1);
    sluice_description_free(d);
    struct sluice_job job = pulled(p, token, "x");
    ended(&job, true, NULL);
    assert_status(sluice_describe(s, p.ref, &d), SLUICE_OK);
    assert_true(d->pool.finished == 1 && d->pool.failed == 1 && d->pool.running == 0);
    sluice_description_free(d);
    assert_status(sluice_remove(s, p.ref), SLUICE_OK);
}

static void test_workers(void **state)
{
    (void)state;
    static const char *const functions[] = {"g"};
    struct sluice_task_spec spec = task_spec("x");
    struct sluice_job job;
    uint64_t token;
    sluice_pool p = pool_of(NULL);
    gone(p, &spec); /* nobody serves it yet: it is kept */
    assert_status(sluice_pool_work(s, p, 0, functions, 1, NULL), SLUICE_INVALID);
    assert_status(sluice_pool_work(s, p, 1, functions, 0, NULL), SLUICE_INVALID);
    assert_status(sluice_pool_work(s, p, 1, functions, 1, &token), SLUICE_OK);
    assert_status(sluice_pool_pull(s, p, token, sluice_no_wait(), &job), SLUICE_WOULD_BLOCK);
    assert_status(sluice_pool_pull(s, p, token + 7, sluice_no_wait(), &job), SLUICE_STALE_TOKEN);
    assert_status(sluice_go(s, p, &spec, NULL, NULL, NULL), SLUICE_INVALID);
    assert_string_equal(sluice_errmsg(), "no worker of the pool serves this function");
    spec.function = NULL;
    assert_status(sluice_go(s, p, &spec, NULL, NULL, NULL), SLUICE_INVALID);
    assert_status(sluice_go(s, p, NULL, NULL, NULL, NULL), SLUICE_INVALID);
    hired(p, 1);
    gone(p, &spec);
}

static void test_order(void **state)
{
    (void)state;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 16);
    struct sluice_task_spec spec = task_spec("a1");
    spec.share = "a";
    gone(p, &spec);
    spec.value = sluice_str("a2");
    gone(p, &spec);
    spec.value = sluice_str("a3");
    gone(p, &spec);
    spec.share = "b";
    spec.value = sluice_str("b1");
    gone(p, &spec);
    spec.value = sluice_str("urgent");
    spec.priority = 10;
    gone(p, &spec);
    spec.priority = 1001;
    assert_status(sluice_go(s, p, &spec, NULL, NULL, NULL), SLUICE_INVALID);
    pulled(p, token, "urgent");
    pulled(p, token, "a1");
    pulled(p, token, "b1");
    pulled(p, token, "a2");
    pulled(p, token, "a3");
}

static void test_slots_limit_and_pause(void **state)
{
    (void)state;
    struct sluice_job job, first;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 2);
    for (int i = 0; i < 4; i++)
        gone_text(p, "x");
    first = pulled(p, token, "x");
    job = pulled(p, token, "x");
    assert_status(sluice_pool_pull(s, p, token, sluice_no_wait(), &job), SLUICE_WOULD_BLOCK);
    assert_status(sluice_pool_set_limit(s, p, 1), SLUICE_OK);
    ended(&first, false, NULL);
    assert_status(sluice_pool_pull(s, p, token, sluice_no_wait(), &job), SLUICE_WOULD_BLOCK);
    assert_status(sluice_pool_set_limit(s, p, -1), SLUICE_OK);
    assert_status(sluice_pool_pause(s, p, true), SLUICE_OK);
    assert_status(sluice_pool_pull(s, p, token, sluice_no_wait(), &job), SLUICE_WOULD_BLOCK);
    sluice_future *f;
    parked(sluice_pool_pull_start(s, p, token, NULL, &f), &f);
    assert_status(sluice_pool_pause(s, p, false), SLUICE_OK);
    struct sluice_result r = finished(f);
    assert_string_equal(r.job.function, "f");
    assert_true(r.job.number != 0 && r.job.token != 0 && r.job.deliveries == 1);
    assert_string_equal(text_of(&r.item), "x");
    sluice_job_free(&r.job);
}

static void test_capacity(void **state)
{
    (void)state;
    struct sluice_pool_spec spec = SLUICE_POOL_SPEC_INIT;
    struct sluice_pool_tune tune = SLUICE_POOL_TUNE_INIT;
    struct sluice_task_spec t = task_spec("2");
    sluice_future *f, *g;
    sluice_pool p;
    spec.capacity = 1;
    assert_status(sluice_pool_make_with(s, NULL, &spec, &p, NULL), SLUICE_OK);
    uint64_t token = hired(p, 4);
    gone_text(p, "1");
    assert_status(sluice_go(s, p, &t, sluice_no_wait(), NULL, NULL), SLUICE_WOULD_BLOCK);
    parked(sluice_go_start(s, p, &t, NULL, &f), &f);
    parked(sluice_go_start(s, p, &t, NULL, &g), &g);
    pulled(p, token, "1");
    struct sluice_result r = finished(f);
    assert_true(r.created && r.task.ref.task != 0 && r.task.ref.handle != 0);
    assert_false(sluice_future_done(g));
    assert_int_equal(state_of(r.task), SLUICE_TASK_QUEUED);
    tune.has_capacity = true;
    tune.capacity = -1;
    assert_status(sluice_pool_tune(s, p, &tune), SLUICE_OK);
    finished(g);
    for (int i = 0; i < 10; i++)
        assert_status(sluice_go(s, p, &t, sluice_no_wait(), NULL, NULL), SLUICE_OK);
}

static void test_close(void **state)
{
    (void)state;
    struct sluice_task_spec spec = task_spec("y");
    struct sluice_job job;
    sluice_future *f;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 2);
    gone_text(p, "x");
    assert_status(sluice_pool_close(s, p), SLUICE_OK);
    assert_status(sluice_pool_close(s, p), SLUICE_CLOSE_OF_CLOSED);
    assert_status(sluice_go(s, p, &spec, NULL, NULL, NULL), SLUICE_SEND_ON_CLOSED);
    job = pulled(p, token, "x");
    parked(sluice_pool_pull_start(s, p, token, NULL, &f), &f);
    ended(&job, false, NULL);
    assert_status(sluice_future_finish(f, NULL), SLUICE_CLOSED);
    assert_status(sluice_pool_pull(s, p, token, NULL, &job), SLUICE_CLOSED);
}

static void test_dead_letters(void **state)
{
    (void)state;
    struct sluice_pool_spec spec = SLUICE_POOL_SPEC_INIT;
    struct sluice_task_spec t = task_spec("poor soul");
    struct sluice_item item;
    sluice_pool p;
    assert_status(sluice_chan_make(s, NULL, 0, &spec.dead_letter), SLUICE_OK);
    assert_status(sluice_pool_make_with(s, NULL, &spec, &p, NULL), SLUICE_OK);
    uint64_t token = hired(p, 1);
    t.retries = 1;
    gone(p, &t);
    struct sluice_job job = pulled(p, token, "poor soul");
    ended(&job, true, "once");
    assert_status(sluice_recv(s, spec.dead_letter, sluice_no_wait(), &item), SLUICE_WOULD_BLOCK);
    job = pulled(p, token, "poor soul");
    assert_int_equal(job.deliveries, 2);
    ended(&job, true, "twice");
    assert_status(sluice_recv(s, spec.dead_letter, sluice_no_wait(), &item), SLUICE_OK);
    assert_string_equal(text_of(&item), "poor soul");
}

/* ---- Workers that die. */

static uint64_t work_and_stay(sluice *own_s)
{
    static const char *const functions[] = {"f"};
    struct sluice_job job;
    uint64_t token;
    sluice_pool p = sluice_pool_named("mine");
    if (sluice_pool_work(own_s, p, 1, functions, 1, &token) != SLUICE_OK)
        return 0;
    return sluice_pool_pull(own_s, p, token, NULL, &job) == SLUICE_OK ? job.token : 0;
}

static void test_worker_is_killed(void **state)
{
    (void)state;
    struct sluice_task_spec spec = task_spec("x");
    sluice_pool p = pool_of("mine");
    spec.retries = 1;
    spec.backoff_ns = SLUICE_SECOND; /* for failures, not for deaths */
    sluice_task t = gone(p, &spec);
    struct child c = child_start(&stage, work_and_stay);
    uint64_t token = hired(p, 1);
    sluice_future *f;
    parked(sluice_pool_pull_start(s, p, token, NULL, &f), &f);
    child_kill(&c);
    struct sluice_result r = finished(f);
    assert_true(r.job.number == t.ref.task && r.job.deliveries == 2 && r.job.token > c.number);
    sluice_item_free(&r.item);
    assert_status(sluice_task_end(s, t, c.number, false, sluice_text("ghost"), NULL), SLUICE_STALE_TOKEN);
    ended(&r.job, false, "good");
    sluice_job_free(&r.job);
    struct sluice_ending e = ending_of(t);
    assert_true(!e.failed && e.status == SLUICE_OK && !e.has_exit && e.cause == NULL);
    assert_string_equal(e.item.value.bytes.data, "good");
    sluice_ending_free(&e);
    assert_status(sluice_remove(s, p.ref), SLUICE_OK);
}

static void test_worker_dies_for_good(void **state)
{
    (void)state;
    struct sluice_task_spec spec = task_spec("x");
    struct sluice_ending e;
    sluice_pool p = pool_of("mine");
    sluice_task t = gone(p, &spec);
    struct child c = child_start(&stage, work_and_stay);
    child_kill(&c);
    assert_status(sluice_task_wait(s, t, NULL, &e), SLUICE_OK);
    assert_true(e.failed && e.status == SLUICE_OWNER_DIED && e.item.value.type == SLUICE_TYPE_NONE);
    sluice_ending_free(&e);
    struct sluice_description *d;
    assert_status(sluice_describe(s, p.ref, &d), SLUICE_OK);
    assert_true(d->pool.workers == 0 && d->pool.running == 0 && d->pool.failed == 1);
    sluice_description_free(d);
    assert_status(sluice_remove(s, p.ref), SLUICE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_making),
        cmocka_unit_test(test_workers),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_slots_limit_and_pause),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_dead_letters),
        cmocka_unit_test(test_worker_is_killed),
        cmocka_unit_test(test_worker_dies_for_good),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

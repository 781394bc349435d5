/*
 * task_test.c - tasks against the real daemon: results, retries, time, order, signals, and tasks that wait and give their slot away.
 *
 * Time is the daemon's, on a virtual clock, and is moved by the test. A task that waits is a future of the session that plays its
 * worker, asked in the task's name.
 */
#include <signal.h>
#include <stdio.h>

#include "crew.h"

static void test_results(void **state)
{
    (void)state;
    struct sluice_ending e;
    const int32_t exit = -SIGTERM;
    sluice_future *f;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 1);
    sluice_task t = gone_text(p, "x"), by_number;
    assert_status(sluice_task_wait(s, t, sluice_no_wait(), &e), SLUICE_WOULD_BLOCK);
    assert_status(sluice_task_open(s, t.ref.task, &by_number), SLUICE_OK);
    assert_int_equal(by_number.ref.task, t.ref.task);
    assert_status(sluice_task_open(s, t.ref.task + 1000, &by_number), SLUICE_NOT_FOUND);
    parked(sluice_task_wait_start(s, sluice_task_numbered(t.ref.task), NULL, &f), &f);
    struct sluice_job job = pulled(p, token, "x");
    assert_int_equal(job.number, t.ref.task);
    assert_status(sluice_task_end(s, t, job.token + 1, false, sluice_none(), NULL), SLUICE_STALE_TOKEN);
    assert_status(sluice_task_end(s, t, job.token, true, sluice_bytes("\0r", 2), &exit), SLUICE_OK);
    assert_status(sluice_task_end(s, t, job.token, false, sluice_none(), NULL), SLUICE_STALE_TOKEN);
    struct sluice_result r = finished(f);
    assert_true(r.ending.failed && r.ending.has_exit && r.ending.exit == exit &&
                r.item.value.bytes.size == 2);
    sluice_item_free(&r.item);
    sluice_ending_free(&r.ending);
    int index;
    struct sluice_item item;
    const struct sluice_arm arms[] = {sluice_arm_after(SLUICE_SECOND), sluice_arm_task(t, &e)};
    assert_status(sluice_select(s, arms, 2, NULL, &index, &item), SLUICE_OK);
    assert_true(index == 1 && e.failed && e.has_exit && e.exit == exit && item.value.bytes.size == 2);
    sluice_item_free(&item);
    sluice_ending_free(&e);
    struct sluice_description *d;
    assert_status(sluice_describe(s, t.ref, &d), SLUICE_OK);
    assert_true(d->task.number == t.ref.task && d->task.state == SLUICE_TASK_DEAD && d->task.failed);
    assert_true(d->task.attempts == 1 && d->task.has_exit && d->task.exit == exit && d->hold.token == 0);
    sluice_description_free(d);
    advance(3601 * SLUICE_SECOND);
    assert_status(sluice_task_open(s, t.ref.task, &by_number), SLUICE_NOT_FOUND);
}

static void test_end_later(void **state)
{
    (void)state;
    sluice_future *f;
    const int32_t exit = 0;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 1);
    sluice_task t = gone_text(p, "x");
    struct sluice_job job = pulled(p, token, "x");
    assert_status(sluice_task_end_start(s, t, job.token, false, sluice_int(8), &exit, &f), SLUICE_OK);
    finished(f);
    struct sluice_ending e = ending_of(t);
    assert_true(!e.failed && e.has_exit && e.exit == 0 && e.item.value.integer == 8);
    sluice_ending_free(&e);
}

static void test_keys(void **state)
{
    (void)state;
    struct sluice_task_spec spec = task_spec("x");
    struct sluice_description *d;
    sluice_task twin;
    bool created = true;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 1);
    spec.key = "nightly";
    sluice_task t = gone(p, &spec);
    assert_status(sluice_go(s, p, &spec, NULL, &twin, &created), SLUICE_OK);
    assert_true(!created && twin.ref.task == t.ref.task);
    assert_status(sluice_describe(s, t.ref, &d), SLUICE_OK);
    assert_string_equal(d->key, "nightly");
    assert_string_equal(d->task.function, "f");
    sluice_description_free(d);
    struct sluice_job job = pulled(p, token, "x");
    ended(&job, false, NULL);
    assert_status(sluice_go(s, p, &spec, NULL, &twin, &created), SLUICE_OK);
    assert_true(created && twin.ref.task != t.ref.task);
}

static void test_time(void **state)
{
    (void)state;
    struct sluice_task_spec spec = task_spec("x");
    struct sluice_job job;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 1);
    spec.delay_ns = SLUICE_SECOND;
    spec.retries = 2;
    spec.backoff_ns = SLUICE_SECOND;
    spec.run_ns = 10 * SLUICE_SECOND;
    spec.within_ns = 100 * SLUICE_SECOND;
    sluice_task t = gone(p, &spec);
    assert_int_equal(state_of(t), SLUICE_TASK_DELAYED);
    assert_status(sluice_pool_pull(s, p, token, sluice_no_wait(), &job), SLUICE_WOULD_BLOCK);
    advance(SLUICE_SECOND);
    job = pulled(p, token, "x");
    assert_int_equal(job.run_ns, 10 * SLUICE_SECOND);
    ended(&job, true, NULL);
    advance(SLUICE_SECOND);
    job = pulled(p, token, "x");
    int signal = 9;
    sluice_future *f;
    parked(sluice_task_watch_start(s, t, job.token, NULL, &f), &f);
    advance(10 * SLUICE_SECOND);
    struct sluice_result r = finished(f);
    assert_int_equal(r.number, 0);
    sluice_ending_free(&r.ending);
    ended(&job, true, NULL);
    advance(2 * SLUICE_SECOND);
    job = pulled(p, token, "x");
    assert_int_equal(job.deliveries, 3);
    advance(90 * SLUICE_SECOND);
    assert_status(sluice_task_watch(s, t, job.token, sluice_no_wait(), &signal, NULL), SLUICE_OK);
    assert_int_equal(signal, 0);
    ended(&job, false, "too late");
    struct sluice_ending e = ending_of(t);
    assert_true(e.failed && e.status == SLUICE_DEADLINE_EXCEEDED);
    sluice_ending_free(&e);
}

static void test_after(void **state)
{
    (void)state;
    struct sluice_task_spec spec = task_spec("last");
    struct sluice_job job;
    sluice_task before[2];
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 4);
    before[0] = gone_text(p, "1");
    before[1] = gone_text(p, "2");
    spec.after = before;
    spec.after_count = 2;
    sluice_task t = gone(p, &spec);
    assert_int_equal(state_of(t), SLUICE_TASK_BLOCKED);
    job = pulled(p, token, "1");
    ended(&job, false, NULL);
    job = pulled(p, token, "2");
    assert_int_equal(state_of(t), SLUICE_TASK_BLOCKED);
    ended(&job, false, NULL);
    job = pulled(p, token, "last");
    ended(&job, true, "bad");
    spec.after = &t;
    spec.after_count = 1;
    sluice_task doomed = gone(p, &spec);
    struct sluice_ending e = ending_of(doomed);
    assert_true(e.failed && e.status == SLUICE_CANCELED);
    assert_string_equal(e.cause, "a task before it failed");
    sluice_ending_free(&e);
    spec.after_count = 65;
    assert_status(sluice_go(s, p, &spec, NULL, NULL, NULL), SLUICE_LIMIT);
}

static void test_told(void **state)
{
    (void)state;
    struct sluice_job job;
    sluice_future *f;
    char *cause = NULL;
    int signal = 0;
    bool there = false;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 1);
    sluice_task t = gone_text(p, "x");
    job = pulled(p, token, "x");
    parked(sluice_task_watch_start(s, t, job.token, NULL, &f), &f);
    assert_status(sluice_task_kill(s, t, SIGUSR1, &there), SLUICE_OK);
    assert_true(there);
    struct sluice_result r = finished(f);
    assert_int_equal(r.number, SIGUSR1);
    sluice_ending_free(&r.ending);
    assert_status(sluice_task_kill(s, t, 0, NULL), SLUICE_INVALID);
    assert_status(sluice_task_kill(s, t, 65, NULL), SLUICE_INVALID);
    assert_status(sluice_task_cancel(s, sluice_task_numbered(t.ref.task), "no longer wanted", &there),
                  SLUICE_OK);
    assert_status(sluice_task_watch(s, t, job.token, sluice_no_wait(), &signal, &cause), SLUICE_OK);
    assert_int_equal(signal, 0);
    assert_string_equal(cause, "no longer wanted");
    sluice_free(cause);
    parked(sluice_task_watch_start(s, t, job.token, NULL, &f), &f);
    ended(&job, false, "anyway");
    assert_status(sluice_future_finish(f, NULL), SLUICE_STALE_TOKEN);
    struct sluice_ending e = ending_of(t);
    assert_true(e.failed && e.status == SLUICE_CANCELED);
    assert_string_equal(e.cause, "no longer wanted");
    sluice_ending_free(&e);
    assert_status(sluice_task_cancel(s, t, NULL, &there), SLUICE_OK);
    assert_false(there);
}

static void test_watch_arm_and_context(void **state)
{
    (void)state;
    struct sluice_task_spec spec = task_spec("x");
    struct sluice_item item;
    int64_t signal = 5;
    int index;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 2);
    assert_status(sluice_ctx_make_with(s, NULL, NULL, &spec.ctx, NULL), SLUICE_OK);
    sluice_task t = gone(p, &spec);
    sluice_task waits = gone(p, &spec);
    struct sluice_job job;
    const struct sluice_arm pull[] = {sluice_arm_pull(p, token, &job)};
    assert_status(sluice_select(s, pull, 1, NULL, &index, &item), SLUICE_OK);
    assert_true(job.number == t.ref.task && job.token != 0);
    assert_string_equal(job.function, "f");
    sluice_item_free(&item);
    assert_status(sluice_ctx_cancel(s, spec.ctx, "enough"), SLUICE_OK);
    const struct sluice_arm watch[] = {sluice_arm_watch(t, job.token, &signal)};
    assert_status(sluice_select(s, watch, 1, NULL, &index, &item), SLUICE_OK);
    assert_int_equal(signal, 0);
    ended(&job, true, NULL);
    sluice_job_free(&job);
    struct sluice_ending e = ending_of(waits);
    assert_true(e.failed && e.status == SLUICE_CANCELED);
    assert_string_equal(e.cause, "enough");
    sluice_ending_free(&e);
}

/* ---- Tasks that wait. */

/* While a task waits its slot is another's, and its reply comes when it has one again. */
static void test_waiting_gives_the_slot(void **state)
{
    (void)state;
    struct sluice_job first, second;
    sluice_future *recv, *pull;
    sluice_chan ch;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 1);
    assert_status(sluice_chan_make(s, NULL, 4, &ch), SLUICE_OK);
    sluice_task t = gone_text(p, "1");
    gone_text(p, "2");
    first = pulled(p, token, "1");
    parked(sluice_pool_pull_start(s, p, token, NULL, &pull), &pull);
    sluice_task_enter(s, first.token);
    assert_status(sluice_recv_start(s, ch, 0, NULL, &recv), SLUICE_OK);
    sluice_task_leave(s);
    struct sluice_result r = finished(pull);
    second = r.job;
    assert_string_equal(text_of(&r.item), "2");
    assert_int_equal(state_of(t), SLUICE_TASK_WAITING);
    assert_status(sluice_send(s, ch, sluice_str("wake"), NULL), SLUICE_OK);
    assert_int_equal(state_of(t), SLUICE_TASK_RUNNABLE);
    assert_false(sluice_future_done(recv));
    ended(&second, false, NULL);
    sluice_job_free(&second);
    r = finished(recv);
    assert_string_equal(text_of(&r.item), "wake");
    assert_int_equal(state_of(t), SLUICE_TASK_RUNNING);
    ended(&first, false, NULL);
    struct sluice_item item;
    sluice_task_enter(s, first.token);
    assert_status(sluice_recv(s, ch, NULL, &item), SLUICE_STALE_TOKEN);
    sluice_task_leave(s);
    assert_status(sluice_recv(s, ch, sluice_no_wait(), &item), SLUICE_WOULD_BLOCK);
}

/* A program that is a task says so without a line of code; the option comes first. */
static void test_environment(void **state)
{
    (void)state;
    struct sluice_options o = options_for(stage.address);
    char text[32];
    sluice *own;
    sluice_future *pull;
    sluice_chan ch;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 1);
    assert_status(sluice_chan_make(s, "task/env", 1, &ch), SLUICE_OK);
    sluice_task t = gone_text(p, "1");
    struct sluice_job job = pulled(p, token, "1");
    gone_text(p, "2");
    snprintf(text, sizeof text, "%llu", (unsigned long long)job.token);
    assert_int_equal(setenv("SLUICE_TASK", text, 1), 0);
    assert_status(sluice_open(&o, &own), SLUICE_OK);
    struct task receiver;
    parked(sluice_pool_pull_start(s, p, token, NULL, &pull), &pull);
    task_recv(&receiver, own, "task/env", -1);
    struct sluice_result r = finished(pull);
    sluice_item_free(&r.item);
    assert_int_equal(state_of(t), SLUICE_TASK_WAITING);
    ended(&r.job, false, NULL);
    sluice_job_free(&r.job);
    assert_status(sluice_send(s, ch, sluice_str("x"), NULL), SLUICE_OK);
    assert_status(task_join(&receiver), SLUICE_OK);
    sluice_item_free(&receiver.item);
    sluice_close(own);
    struct sluice_item item;
    o.task = job.token + 1000;
    assert_status(sluice_open(&o, &own), SLUICE_OK);
    assert_status(sluice_recv(own, sluice_chan_named("task/env"), NULL, &item), SLUICE_STALE_TOKEN);
    sluice_close(own);
    assert_int_equal(setenv("SLUICE_TASK", "none of yours", 1), 0);
    o.task = 0;
    assert_status(sluice_open(&o, &own), SLUICE_OK);
    assert_status(sluice_recv(own, sluice_chan_named("task/env"), sluice_no_wait(), &item),
                  SLUICE_WOULD_BLOCK);
    sluice_close(own);
    unsetenv("SLUICE_TASK");
    ended(&job, false, NULL);
}

/* A command and one without a value. */
static void test_no_value(void **state)
{
    (void)state;
    struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
    struct sluice_job job;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 1);
    sluice_task t = gone(p, &spec);
    assert_status(sluice_pool_pull(s, p, token, sluice_no_wait(), &job), SLUICE_OK);
    assert_string_equal(job.function, "");
    assert_int_equal(job.item.value.type, SLUICE_TYPE_NONE);
    ended(&job, true, NULL);
    sluice_job_free(&job);
    struct sluice_ending e = ending_of(t);
    assert_true(e.failed && e.status == SLUICE_OK && e.item.value.type == SLUICE_TYPE_NONE);
    sluice_ending_free(&e);
}

/* Handles of this connection. */
static uint64_t handles(void)
{
    struct sluice_session session;
    struct sluice_dump_page *page;
    uint64_t count = 0;
    sluice_session_get(s, &session);
    assert_status(sluice_dump(s, 0, 0, &page), SLUICE_OK);
    for (size_t i = 0; i < page->count; i++)
        if (page->sessions[i].number == session.number)
            count = page->sessions[i].handles;
    sluice_dump_free(page);
    return count;
}

/* A task of which its number is enough, or not even that. */
static void test_bare(void **state)
{
    (void)state;
    struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
    sluice_pool p = pool_of(NULL);
    sluice_task t;
    bool created = false;
    sluice_future *f;
    spec.bare = true;
    uint64_t before = handles();
    assert_status(sluice_go(s, p, &spec, NULL, &t, &created), SLUICE_OK);
    assert_true(created && t.ref.handle == 0 && t.ref.task != 0);
    assert_int_equal(state_of(t), SLUICE_TASK_QUEUED);
    assert_status(sluice_go_start(s, p, &spec, NULL, &f), SLUICE_OK);
    struct sluice_result r = finished(f);
    assert_true(r.task.ref.handle == 0 && r.task.ref.task > t.ref.task);
    spec.bare = false;
    assert_status(sluice_go(s, p, &spec, NULL, NULL, &created), SLUICE_OK);
    assert_int_equal(handles(), before);
    assert_status(sluice_go(s, p, &spec, NULL, &t, NULL), SLUICE_OK);
    assert_true(t.ref.handle != 0);
    assert_int_equal(handles(), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_end_later),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_after),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_no_value),
        cmocka_unit_test(test_watch_arm_and_context),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_waiting_gives_the_slot),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

/*
 * join_test.c - waiting for many tasks: the first failure, its context, and waits that end early.
 *
 * The session is the worker, too (crew.h), so that a wait for all is a thread's while the test ends one task after the other.
 */
#include "crew.h"

struct joiner {
    pthread_t thread;
    const sluice_task *tasks;
    size_t count, first;
    sluice_ctx ctx;
    struct sluice_wait wait;
    struct sluice_ending ending;
    enum sluice_status status;
    char message[128];
};

static void *joiner_main(void *argument)
{
    struct joiner *j = argument;
    j->status = sluice_task_wait_all(s, j->tasks, j->count, j->ctx, &j->wait, &j->first, &j->ending);
    strncpy(j->message, sluice_errmsg(), sizeof j->message - 1);
    return NULL;
}

static struct joiner *join_start(struct joiner *j, const sluice_task *tasks, size_t count, sluice_ctx ctx)
{
    *j = (struct joiner){.tasks = tasks, .count = count, .ctx = ctx};
    j->wait = (struct sluice_wait)SLUICE_WAIT_INIT;
    assert_int_equal(pthread_create(&j->thread, NULL, joiner_main, j), 0);
    return j;
}

static enum sluice_status joined(struct joiner *j)
{
    assert_int_equal(pthread_join(j->thread, NULL), 0);
    return j->status;
}

static sluice_ctx context(void)
{
    sluice_ctx ctx;
    assert_status(sluice_ctx_make_with(s, NULL, NULL, &ctx, NULL), SLUICE_OK);
    return ctx;
}

static void expect_cause(sluice_ctx ctx, const char *cause)
{
    struct sluice_description *d;
    assert_status(sluice_ctx_wait(s, ctx, NULL), SLUICE_OK);
    assert_status(sluice_describe(s, ctx.ref, &d), SLUICE_OK);
    assert_string_equal(d->context.cause != NULL ? d->context.cause : "context canceled", cause);
    sluice_description_free(d);
}

static void test_all_well(void **state)
{
    (void)state;
    struct sluice_ending e;
    struct joiner j;
    size_t first = 7;
    sluice_task tasks[3];
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 3);
    sluice_ctx ctx = context(), none = {SLUICE_NIL_REF};
    for (int i = 0; i < 3; i++)
        tasks[i] = gone_text(p, "x");
    assert_status(sluice_task_wait_all(s, tasks, 3, ctx, sluice_no_wait(), &first, &e), SLUICE_WOULD_BLOCK);
    assert_int_equal(first, 7);
    join_start(&j, tasks, 3, ctx);
    for (int i = 0; i < 3; i++) {
        struct sluice_job job = pulled(p, token, "x");
        ended(&job, false, "fine");
    }
    assert_status(joined(&j), SLUICE_OK);
    assert_true(j.first == 3 && !j.ending.failed && j.ending.item.value.type == SLUICE_TYPE_NONE);
    expect_cause(ctx, "context canceled");
    assert_status(sluice_task_wait_all(s, tasks, 3, none, NULL, &first, &e), SLUICE_OK);
    assert_int_equal(first, 3);
    assert_status(sluice_task_wait_all(s, NULL, 0, context(), NULL, &first, &e), SLUICE_OK);
    assert_int_equal(first, 0);
}

/* The first error cancels the context while others still run, and those stop; it is what is given in the end. */
static void test_first_error(void **state)
{
    (void)state;
    struct sluice_task_spec spec = task_spec("x");
    struct joiner j;
    struct sluice_job jobs[2];
    sluice_task tasks[4];
    int signal = 9;
    char *cause = NULL;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 2);
    spec.ctx = context();
    for (int i = 0; i < 4; i++)
        tasks[i] = gone(p, &spec);
    jobs[0] = pulled(p, token, "x");
    jobs[1] = pulled(p, token, "x");
    join_start(&j, tasks, 4, spec.ctx);
    ended(&jobs[1], true, "out of paper");
    assert_status(sluice_task_watch(s, tasks[0], jobs[0].token, NULL, &signal, &cause), SLUICE_OK);
    assert_int_equal(signal, 0);
    assert_string_equal(cause, "out of paper");
    sluice_free(cause);
    expect_cause(spec.ctx, "out of paper");
    ended(&jobs[0], true, "stopped");
    assert_status(joined(&j), SLUICE_OK);
    assert_true(j.first == 1 && j.ending.failed && j.ending.status == SLUICE_OK);
    assert_string_equal(text_of(&j.ending.item), "out of paper");
    sluice_ending_free(&j.ending);
    for (int i = 2; i < 4; i++) { /* they had not begun */
        struct sluice_ending e = ending_of(tasks[i]);
        assert_true(e.status == SLUICE_CANCELED);
        assert_string_equal(e.cause, "out of paper");
        sluice_ending_free(&e);
    }
}

static void expect_cause_of(const int32_t *exit, bool cancel, const char *cause)
{
    struct sluice_ending e;
    size_t first;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 1);
    sluice_ctx ctx = context();
    sluice_task t = gone_text(p, "x");
    if (cancel) {
        assert_status(sluice_task_cancel(s, t, NULL, NULL), SLUICE_OK);
    } else {
        struct sluice_job job = pulled(p, token, "x");
        assert_status(sluice_task_end(s, t, job.token, true, sluice_int(1), exit), SLUICE_OK);
    }
    assert_status(sluice_task_wait_all(s, &t, 1, ctx, NULL, &first, &e), SLUICE_OK);
    assert_int_equal(first, 0);
    sluice_ending_free(&e);
    expect_cause(ctx, cause);
}

static void test_causes(void **state)
{
    (void)state;
    const int32_t two = 2, killed = -9, odd = -200;
    expect_cause_of(&two, false, "exit status 2");
    expect_cause_of(&killed, false, "signal: killed");
    expect_cause_of(&odd, false, "signal: 200");
    expect_cause_of(NULL, false, "a task failed");
    expect_cause_of(NULL, true, "context canceled");
}

/* A wait that ends early leaves the context and the tasks alone. */
static void test_waits_that_end_early(void **state)
{
    (void)state;
    struct sluice_ending e;
    struct joiner j;
    size_t first = 7;
    enum sluice_status err;
    sluice_task tasks[3];
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 2);
    sluice_ctx ctx = context(), stop = context();
    for (int i = 0; i < 2; i++)
        tasks[i] = gone_text(p, "x");
    tasks[2] = sluice_task_numbered(tasks[1].ref.task + 1000);
    assert_status(sluice_task_wait_all(s, tasks, 3, ctx, NULL, &first, &e), SLUICE_NOT_FOUND);
    assert_string_equal(sluice_errmsg(), sluice_strstatus(SLUICE_NOT_FOUND));
    tasks[2] = (sluice_task){SLUICE_NIL_REF};
    struct sluice_wait wait = SLUICE_WAIT_FOR(0);
    assert_status(sluice_task_wait_all(s, tasks, 2, ctx, &wait, &first, &e), SLUICE_DEADLINE_EXCEEDED);
    j = (struct joiner){.tasks = tasks, .count = 2, .ctx = ctx, .wait = SLUICE_WAIT_CTX(stop)};
    assert_int_equal(pthread_create(&j.thread, NULL, joiner_main, &j), 0);
    struct sluice_job job = pulled(p, token, "x");
    ended(&job, true, "lost");
    expect_cause(ctx, "lost");
    assert_status(sluice_ctx_cancel(s, stop, "enough"), SLUICE_OK);
    assert_status(joined(&j), SLUICE_CANCELED);
    assert_int_equal(first, 7);
    ctx = context();
    assert_status(sluice_task_wait_all(s, tasks, 2, ctx, sluice_no_wait(), &first, &e), SLUICE_WOULD_BLOCK);
    assert_status(sluice_ctx_err(s, ctx, &err), SLUICE_OK);
    pulled(p, token, "x");
}

/* Many, and other calls and futures of the connection go on meanwhile. */
static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static sluice_task tasks[COUNT];
    struct joiner j;
    sluice_future *f, *mine;
    sluice_chan ch;
    sluice_pool p = pool_of(NULL);
    uint64_t token = hired(p, 4);
    for (int i = 0; i < COUNT; i++)
        tasks[i] = gone_text(p, "x");
    assert_status(sluice_chan_make(s, NULL, 1, &ch), SLUICE_OK);
    parked(sluice_recv_start(s, ch, 0, NULL, &mine), &mine);
    join_start(&j, tasks, COUNT, (sluice_ctx){SLUICE_NIL_REF});
    for (int i = 0; i < COUNT; i++) {
        struct sluice_job job = pulled(p, token, "x");
        ended(&job, false, NULL);
    }
    assert_status(joined(&j), SLUICE_OK);
    assert_int_equal(j.first, COUNT);
    assert_null(sluice_next_done(s));
    assert_status(sluice_send(s, ch, sluice_str("x"), NULL), SLUICE_OK);
    assert_status(sluice_wait_any(s, -1), SLUICE_OK);
    assert_ptr_equal((f = sluice_next_done(s)), mine);
    struct sluice_result r = finished(f);
    sluice_item_free(&r.item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_well), cmocka_unit_test(test_first_error),
        cmocka_unit_test(test_causes),   cmocka_unit_test(test_waits_that_end_early),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

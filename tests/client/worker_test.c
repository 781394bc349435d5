/*
 * worker_test.c - the ready-made worker against the real daemon: functions in threads, tasks that wait for tasks, stops, deaths, lost sessions.
 *
 * Nothing here waits for time: a function says through a channel how far it has come.
 */
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "crew.h"
#include "relay.h"

/* A worker in a thread, on a connection of its own or not. */
struct crew {
    pthread_t thread;
    sluice *s;
    sluice_pool pool;
    uint32_t slots;
    struct sluice_wait wait;
    const struct sluice_function *functions;
    size_t count;
    enum sluice_status status;
};

static void *crew_main(void *argument)
{
    struct crew *c = argument;
    c->status = sluice_worker_run(c->s, c->pool, c->slots, c->functions, c->count, &c->wait);
    return NULL;
}

static void crew_start(struct crew *c, sluice *own, sluice_pool p, uint32_t slots,
                       const struct sluice_function *functions, size_t count)
{
    *c = (struct crew){.s = own, .pool = p, .slots = slots, .functions = functions, .count = count};
    c->wait = (struct sluice_wait)SLUICE_WAIT_INIT;
    assert_int_equal(pthread_create(&c->thread, NULL, crew_main, c), 0);
}

static enum sluice_status crew_join(struct crew *c)
{
    assert_int_equal(pthread_join(c->thread, NULL), 0);
    return c->status;
}

static sluice_task submitted(sluice_pool p, const char *function, struct sluice_value value)
{
    struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
    spec.function = function;
    spec.value = value;
    return gone(p, &spec);
}

static struct sluice_ending awaited(sluice_task t)
{
    struct sluice_ending e;
    assert_status(sluice_task_wait(s, t, NULL, &e), SLUICE_OK);
    return e;
}

static void expect_number(sluice_task t, int64_t number)
{
    struct sluice_ending e = awaited(t);
    if (e.failed && e.item.value.type == SLUICE_TYPE_STRING)
        fail_msg("%s", (const char *)e.item.value.bytes.data);
    assert_true(!e.failed && e.item.value.type == SLUICE_TYPE_INT64);
    assert_int_equal(e.item.value.integer, number);
    sluice_ending_free(&e);
}

/* ---- Functions. */

static bool twice(sluice_run *run, void *argument)
{
    (void)argument;
    const struct sluice_job *job = sluice_run_job(run);
    return sluice_run_return(run, sluice_int(job->item.value.integer * 2)) == SLUICE_OK;
}

static bool fails(sluice_run *run, void *argument)
{
    (void)argument;
    sluice_run_return(run, sluice_text("first"));
    sluice_run_return(run, sluice_text("no luck"));
    sluice_run_exit(run, 3);
    return false;
}

static bool gives_a_handle(sluice_run *run, void *argument)
{
    sluice_chan *ch = argument;
    return sluice_run_return(run, sluice_object(ch->ref, 0)) == SLUICE_OK;
}

/* 1 + what the function gives for one less, which is a task of its own. */
static bool deep(sluice_run *run, void *argument)
{
    sluice_pool p = *(sluice_pool *)argument;
    sluice *client = sluice_run_client(run);
    int64_t depth = sluice_run_job(run)->item.value.integer, below = 0;
    if (depth > 0) {
        struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
        struct sluice_ending e;
        sluice_task t;
        spec.function = "deep";
        spec.value = sluice_int(depth - 1);
        if (sluice_go(client, p, &spec, NULL, &t, NULL) != SLUICE_OK ||
            sluice_task_wait(client, t, NULL, &e) != SLUICE_OK)
            return false;
        below = e.item.value.integer;
        sluice_ending_free(&e);
        sluice_drop(client, t.ref);
    }
    return sluice_run_return(run, sluice_int(below + 1)) == SLUICE_OK;
}

/* Says that it has begun, and waits in the daemon until it is told to stop. */
static bool waits(sluice_run *run, void *argument)
{
    sluice *client = sluice_run_client(run);
    sluice_ctx ctx, same;
    (void)argument;
    if (sluice_run_ctx(run, &ctx) != SLUICE_OK || sluice_run_ctx(run, &same) != SLUICE_OK ||
        ctx.ref.handle != same.ref.handle ||
        sluice_send(client, sluice_chan_named("begun"), sluice_str("waits"), NULL) != SLUICE_OK)
        return false;
    struct sluice_wait wait = SLUICE_WAIT_CTX(ctx);
    struct sluice_item item;
    enum sluice_status status = sluice_recv(client, sluice_chan_named("never"), &wait, &item);
    const char *cause = sluice_errcause();
    sluice_run_return(run, sluice_text(cause != NULL ? cause : "no cause"));
    return status == SLUICE_CANCELED && sluice_run_stopping(run);
}

/* Says that it has begun, and polls for what it is told. */
static bool listens(sluice_run *run, void *argument)
{
    sluice *client = sluice_run_client(run);
    int64_t heard = 0;
    (void)argument;
    int fd = sluice_run_fd(run);
    if (fd < 0 || sluice_send(client, sluice_chan_named("begun"), sluice_str("listens"), NULL) != SLUICE_OK)
        return false;
    while (!sluice_run_stopping(run)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        poll(&p, 1, -1);
        for (int signal; (signal = sluice_run_signal(run)) != 0;) {
            heard = heard * 100 + signal;
            sluice_send(client, sluice_chan_named("begun"), sluice_str("heard"), NULL);
        }
    }
    return sluice_run_return(run, sluice_int(heard)) == SLUICE_OK;
}

static void expect_begun(const char *text)
{
    struct sluice_item item;
    assert_status(sluice_recv(s, sluice_chan_named("begun"), NULL, &item), SLUICE_OK);
    assert_string_equal(text_of(&item), text);
}

/* ---- Tests. */

static void test_runs(void **state)
{
    (void)state;
    struct crew c;
    sluice_chan ch;
    sluice_task tasks[64];
    assert_status(sluice_chan_make(s, NULL, 0, &ch), SLUICE_OK);
    const struct sluice_function functions[] = {
        {"twice", twice, NULL}, {NULL, fails, NULL}, {"handle", gives_a_handle, &ch}};
    sluice_pool p = pool_of(NULL);
    for (int64_t i = 0; i < 64; i++)
        tasks[i] = submitted(p, "twice", sluice_int(i));
    sluice_task failing = submitted(p, NULL, sluice_str("a command"));
    sluice_task refused = submitted(p, "handle", sluice_int(0));
    crew_start(&c, s, p, 4, functions, 3);
    for (int64_t i = 0; i < 64; i++)
        expect_number(tasks[i], 2 * i);
    struct sluice_ending e = awaited(failing);
    assert_true(e.failed && e.status == SLUICE_OK && e.has_exit && e.exit == 3);
    assert_string_equal(e.item.value.bytes.data, "no luck");
    sluice_ending_free(&e);
    e = awaited(refused);
    assert_true(e.failed && e.item.value.type == SLUICE_TYPE_STRING);
    sluice_ending_free(&e);
    assert_status(sluice_pool_close(s, p), SLUICE_OK);
    assert_status(crew_join(&c), SLUICE_CLOSED);
}

/* One slot suffices for a hundred that wait for each other. */
static void test_tasks_that_wait_for_tasks(void **state)
{
    (void)state;
    struct crew c;
    sluice_pool p = pool_of("deep");
    sluice_pool by_name = sluice_pool_named("deep");
    const struct sluice_function functions[] = {{"deep", deep, &by_name}};
    crew_start(&c, s, p, 1, functions, 1);
    expect_number(submitted(p, "deep", sluice_int(99)), 100);
    assert_status(sluice_pool_close(s, p), SLUICE_OK);
    assert_status(crew_join(&c), SLUICE_CLOSED);
    assert_status(sluice_remove(s, p.ref), SLUICE_OK);
}

static void test_told(void **state)
{
    (void)state;
    struct crew c;
    const struct sluice_function functions[] = {{"waits", waits, NULL}, {"listens", listens, NULL}};
    sluice_pool p = pool_of(NULL);
    crew_start(&c, s, p, 2, functions, 2);
    sluice_task t = submitted(p, "waits", sluice_int(0));
    expect_begun("waits");
    assert_status(sluice_task_cancel(s, t, "enough of it", NULL), SLUICE_OK);
    struct sluice_ending e = awaited(t);
    assert_true(e.failed && e.status == SLUICE_CANCELED);
    assert_string_equal(e.item.value.bytes.data, "enough of it");
    sluice_ending_free(&e);
    t = submitted(p, "listens", sluice_int(0));
    expect_begun("listens");
    assert_status(sluice_task_kill(s, t, SIGUSR1, NULL), SLUICE_OK);
    expect_begun("heard");
    assert_status(sluice_task_kill(s, t, SIGUSR2, NULL), SLUICE_OK);
    expect_begun("heard");
    assert_status(sluice_task_cancel(s, t, NULL, NULL), SLUICE_OK);
    e = awaited(t);
    assert_true(e.status == SLUICE_CANCELED && e.item.value.integer == SIGUSR1 * 100 + SIGUSR2);
    sluice_ending_free(&e);
    assert_status(sluice_pool_close(s, p), SLUICE_OK);
    assert_status(crew_join(&c), SLUICE_CLOSED);
}

/* A context, a time: what runs is left to finish. */
static void test_stopped(void **state)
{
    (void)state;
    struct crew c = {.s = s, .slots = 1, .count = 1};
    const struct sluice_function functions[] = {{"listens", listens, NULL}};
    c.functions = functions;
    c.pool = pool_of(NULL);
    c.wait = (struct sluice_wait)SLUICE_WAIT_INIT;
    assert_status(sluice_ctx_make_with(s, NULL, NULL, &c.wait.ctx, NULL), SLUICE_OK);
    assert_int_equal(pthread_create(&c.thread, NULL, crew_main, &c), 0);
    sluice_task t = submitted(c.pool, "listens", sluice_int(0));
    expect_begun("listens");
    assert_status(sluice_ctx_cancel(s, c.wait.ctx, NULL), SLUICE_OK);
    sluice_task next = submitted(c.pool, "listens", sluice_int(0));
    assert_status(sluice_task_cancel(s, t, NULL, NULL), SLUICE_OK);
    assert_status(crew_join(&c), SLUICE_CANCELED);
    assert_int_equal(state_of(next), SLUICE_TASK_QUEUED);
    assert_status(sluice_task_cancel(s, next, NULL, NULL), SLUICE_OK);
    c.wait = (struct sluice_wait)SLUICE_WAIT_FOR(0);
    assert_status(sluice_worker_run(s, c.pool, 1, functions, 1, &c.wait), SLUICE_DEADLINE_EXCEEDED);
    assert_status(sluice_worker_run(s, c.pool, 1, functions, 1, sluice_no_wait()), SLUICE_WOULD_BLOCK);
    assert_status(sluice_worker_run(s, c.pool, 0, functions, 1, NULL), SLUICE_INVALID);
    assert_status(sluice_worker_run(s, sluice_pool_named("none"), 1, functions, 1, NULL), SLUICE_NOT_FOUND);
    assert_string_equal(sluice_errmsg(), sluice_strstatus(SLUICE_NOT_FOUND));
}

/* A pool that is removed takes its tasks along: who runs one is told. */
static void test_pool_is_removed(void **state)
{
    (void)state;
    struct crew c;
    const struct sluice_function functions[] = {{"listens", listens, NULL}};
    sluice_pool p = pool_of("removed");
    crew_start(&c, s, sluice_pool_named("removed"), 1, functions, 1);
    submitted(p, "listens", sluice_int(0));
    expect_begun("listens");
    assert_status(sluice_remove(s, p.ref), SLUICE_OK);
    enum sluice_status status = crew_join(&c);
    assert_true(status == SLUICE_REMOVED || status == SLUICE_NOT_FOUND);
}

/* An interrupt ends what waits in the functions, too. */
static void test_interrupted(void **state)
{
    (void)state;
    struct sluice_options o = options_for(stage.address);
    struct crew c;
    sluice *own;
    const struct sluice_function functions[] = {{"listens", listens, NULL}};
    o.interruptible = true;
    assert_status(sluice_open(&o, &own), SLUICE_OK);
    sluice_pool p = pool_of("interrupted");
    crew_start(&c, own, sluice_pool_named("interrupted"), 2, functions, 1);
    sluice_task t = submitted(p, "listens", sluice_int(0));
    expect_begun("listens");
    assert_status(sluice_interrupt(own), SLUICE_OK);
    assert_status(crew_join(&c), SLUICE_CANCELED);
    expect_number(t, 0);
    sluice_close(own);
    assert_status(sluice_remove(s, p.ref), SLUICE_OK);
}

/* ---- Deaths. */

static sem_t begun;

static bool dies(sluice_run *run, void *argument)
{
    (void)argument;
    sem_post(&begun);
    while (!sluice_run_stopping(run))
        pause();
    return false;
}

static uint64_t work_until_killed(sluice *own)
{
    static const struct sluice_function functions[] = {{"twice", dies, NULL}};
    static struct crew c;
    sem_init(&begun, 0, 0);
    crew_start(&c, own, sluice_pool_named("mortal"), 2, functions, 1);
    sem_wait(&begun);
    sem_wait(&begun);
    return 1;
}

static void test_worker_is_killed(void **state)
{
    (void)state;
    struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
    const struct sluice_function functions[] = {{"twice", twice, NULL}};
    sluice_task tasks[2];
    struct crew c;
    sluice_pool p = pool_of("mortal");
    spec.function = "twice";
    spec.value = sluice_int(21);
    spec.retries = 1;
    tasks[0] = gone(p, &spec);
    tasks[1] = gone(p, &spec);
    struct child child = child_start(&stage, work_until_killed);
    child_kill(&child);
    crew_start(&c, s, p, 1, functions, 1);
    expect_number(tasks[0], 42);
    expect_number(tasks[1], 42);
    assert_status(sluice_pool_close(s, p), SLUICE_OK);
    assert_status(crew_join(&c), SLUICE_CLOSED);
    assert_status(sluice_remove(s, p.ref), SLUICE_OK);
}

/* The first attempt loses its session; the second is another worker's to the daemon, and the same to itself. */
static bool loses_its_session(sluice_run *run, void *argument)
{
    if (sluice_run_job(run)->deliveries > 1)
        return sluice_run_return(run, sluice_int(2)) == SLUICE_OK;
    struct pollfd p = {.fd = sluice_run_fd(run), .events = POLLIN};
    relay_cut(argument);
    sluice_ping(sluice_run_client(run));
    poll(&p, 1, -1);
    return sluice_run_stopping(run);
}

static void test_session_is_lost(void **state)
{
    (void)state;
    struct relay *relay = relay_start(stage.address);
    struct sluice_options o = options_for(relay_address(relay));
    const struct sluice_function functions[] = {{"loses", loses_its_session, relay}};
    struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
    struct crew c;
    sluice *own;
    sluice_pool p = pool_of("lost");
    assert_status(sluice_open(&o, &own), SLUICE_OK);
    spec.function = "loses";
    spec.value = sluice_int(1);
    spec.retries = 1;
    sluice_task t = gone(p, &spec);
    crew_start(&c, own, sluice_pool_named("lost"), 1, functions, 1);
    expect_number(t, 2);
    assert_int_equal(relay_cuts(relay), 1);
    assert_status(sluice_pool_close(s, p), SLUICE_OK);
    assert_status(crew_join(&c), SLUICE_CLOSED);
    sluice_close(own);
    relay_stop(relay);
    assert_status(sluice_remove(s, p.ref), SLUICE_OK);
}

static int start(void **state)
{
    sluice_chan ch;
    stage_start(state);
    assert_status(sluice_chan_make(s, "begun", 16, &ch), SLUICE_OK);
    assert_status(sluice_chan_make(s, "never", 0, &ch), SLUICE_OK);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_is_killed),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_tasks_that_wait_for_tasks),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_pool_is_removed),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_session_is_lost),
    };
    return cmocka_run_group_tests(tests, start, stage_stop);
}

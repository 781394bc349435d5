/*
 * conformance_h_pool_test.c - worker pools: the idiom of a jobs channel and its workers, room, limits that change, draining, and contexts.
 *
 * Workers are threads or processes with sessions of their own. A function that has to keep its slot waits on a semaphore of this process, since waiting
 * in the daemon would give the slot away; one that waits in the daemon says so through a channel.
 */
#include "conform_ctx.h"
#include "conform_pool.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

/* ---- The idiom ---- */

enum { JOBS = 500, CREW = 4 };

struct desk {
    atomic_int done[JOBS], by_worker[CREW];
};

struct place {
    struct desk *desk;
    const char *results;
    int worker;
};

static bool does_a_job(sluice_run *run, void *argument)
{
    struct place *p = argument;
    int64_t job = argument_of(run);
    atomic_fetch_add(&p->desk->done[job], 1);
    atomic_fetch_add(&p->desk->by_worker[p->worker], 1);
    return put_on(sluice_run_client(run), p->results, job) && give(run, job);
}

/* Each job goes to exactly one worker; close drains, then ends all workers; the results are closed after that. */
static void rule_worker_pool_idiom(void **state)
{
    (void)state;
    static struct desk desk;
    struct place places[CREW];
    struct sluice_function functions[CREW];
    struct task *crew[CREW];
    const char *name = new_pool(-1, 16), *results = chan(JOBS);
    for (int i = 0; i < CREW; i++) {
        places[i] = (struct place){&desk, results, i};
        functions[i] = (struct sluice_function){"job", does_a_job, &places[i]};
        crew[i] = hire(name, 2, &functions[i], 1);
    }
    for (int i = 0; i < JOBS; i++)
        is(sluice_drop(me, run_in(name, "job", i).ref), SLUICE_OK);
    dismiss(name, crew, CREW);
    shut(results);
    int64_t sum = 0, value = 0;
    int count = 0;
    for (; try_take(results, &value) == SLUICE_OK; count++)
        sum += value;
    is(try_take(results, &value), SLUICE_CLOSED);
    assert_int_equal(count, JOBS);
    assert_int_equal(sum, (int64_t)JOBS * (JOBS - 1) / 2);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(desk.done[i], 1);
}

/* ---- Room ---- */

static void run_submit(struct task *t)
{
    struct sluice_task_spec spec = spec_of("f", t->value);
    sluice_task task = {SLUICE_NIL_REF};
    t->status = sluice_go(t->s, pool(t->a), &spec, &t->wait, &task, NULL);
    t->got = (int64_t)task.ref.task;
}

static struct task *go_submit(const char *name, int64_t value)
{
    struct task *t = task_new(run_submit);
    t->a = name;
    t->value = value;
    return task_start(t);
}

static bool says_its_number(sluice_run *run, void *argument)
{
    (void)argument;
    return give(run, argument_of(run));
}

/* A full pool blocks who submits; they go on in the order they came, and one that leaves holds nobody up. */
static void rule_full_pool_blocks_in_order(void **state)
{
    (void)state;
    static const struct sluice_function functions[] = {{"f", says_its_number, NULL}};
    const char *name = new_pool(1, 2);
    struct sluice_task_spec spec = spec_of("f", 0);
    struct task *waiting[6];
    run_in(name, "f", 0);
    run_in(name, "f", 1);
    is(sluice_go(me, pool(name), &spec, sluice_no_wait(), NULL, NULL), SLUICE_WOULD_BLOCK);
    for (int i = 0; i < 6; i++) {
        waiting[i] = go_submit(name, 2 + i);
        settle((uint64_t)i + 1);
    }
    withdraw(waiting[2]);
    struct task *worker = hire(name, 1, functions, 1);
    int64_t before = 0;
    for (int i = 0; i < 6; i++) {
        if (i == 2)
            continue;
        is(join(waiting[i]), SLUICE_OK);
        assert_true(waiting[i]->got > before);
        before = waiting[i]->got;
        assert_int_equal(result(sluice_task_numbered((uint64_t)before)), 2 + i);
    }
    dismiss(name, &worker, 1);
}

/* ... and a close wakes all of them. */
static void rule_close_wakes_submitters(void **state)
{
    (void)state;
    const char *name = new_pool(1, 0);
    struct task *waiting[] = {go_submit(name, 1), go_submit(name, 2)};
    settle(2);
    is(sluice_pool_close(me, pool(name)), SLUICE_OK);
    is(join(waiting[0]), SLUICE_SEND_ON_CLOSED);
    is(join(waiting[1]), SLUICE_SEND_ON_CLOSED);
    is(sluice_remove(me, pool(name).ref), SLUICE_OK);
}

/* ---- Limits ---- */

struct bench {
    sem_t begun, go;
    atomic_int running, most;
};

static bool holds_its_slot(sluice_run *run, void *argument)
{
    struct bench *b = argument;
    int now = atomic_fetch_add(&b->running, 1) + 1, most = atomic_load(&b->most);
    while (now > most && !atomic_compare_exchange_weak(&b->most, &most, now))
        continue;
    sem_post(&b->begun);
    while (sem_wait(&b->go) != 0)
        continue;
    atomic_fetch_sub(&b->running, 1);
    return give(run, argument_of(run));
}

static void expect_begun(struct bench *b, int count)
{
    for (int i = 0; i < count; i++)
        while (sem_wait(&b->begun) != 0)
            continue;
    int more;
    sem_getvalue(&b->begun, &more);
    assert_int_equal(more, 0);
}

static void release_one(struct bench *b)
{
    sem_post(&b->go);
}

static struct sluice_description pool_now(const char *name)
{
    return look_at(pool(name).ref);
}

/* The limit is changed while tasks run: more begin at once; fewer means that those which run finish first; 0 and a pause begin none. */
static void rule_limit_and_pause_live(void **state)
{
    (void)state;
    struct bench b = {.running = 0};
    const struct sluice_function functions[] = {{"f", holds_its_slot, &b}};
    const char *name = new_pool(2, -1);
    sluice_task tasks[8];
    sem_init(&b.begun, 0, 0);
    sem_init(&b.go, 0, 0);
    for (int i = 0; i < 8; i++)
        tasks[i] = run_in(name, "f", i);
    struct task *worker = hire(name, 4, functions, 1);
    expect_begun(&b, 2);
    is(sluice_pool_set_limit(me, pool(name), 3), SLUICE_OK);
    expect_begun(&b, 1);
    is(sluice_pool_set_limit(me, pool(name), 1), SLUICE_OK);
    release_one(&b);
    release_one(&b);
    eventually(pool_now(name).pool.finished == 2);
    assert_int_equal(pool_now(name).pool.running, 1);
    is(sluice_pool_pause(me, pool(name), true), SLUICE_OK);
    release_one(&b);
    eventually(pool_now(name).pool.finished == 3);
    assert_int_equal(pool_now(name).pool.running, 0);
    assert_int_equal(pool_now(name).pool.queued, 5);
    is(sluice_pool_pause(me, pool(name), false), SLUICE_OK);
    expect_begun(&b, 1);
    is(sluice_pool_set_limit(me, pool(name), 0), SLUICE_OK);
    release_one(&b);
    eventually(pool_now(name).pool.finished == 4);
    assert_int_equal(pool_now(name).pool.running, 0);
    is(sluice_pool_set_limit(me, pool(name), -1), SLUICE_OK);
    expect_begun(&b, 4);
    for (int i = 4; i < 8; i++)
        release_one(&b);
    for (int i = 0; i < 8; i++)
        assert_int_equal(result(tasks[i]), i);
    assert_int_equal(b.most, 4);
    dismiss(name, &worker, 1);
}

/* ---- Draining ---- */

static void child_works_until_closed(sluice *s, void *data)
{
    static const struct sluice_function functions[] = {{"f", says_its_number, NULL}};
    if (sluice_worker_run(s, pool(data), 3, functions, 1, NULL) != SLUICE_CLOSED)
        _exit(1);
}

/* A closed pool takes no task, finishes those it has, and then tells every worker process. */
static void rule_close_drains_and_ends_processes(void **state)
{
    (void)state;
    const char *name = new_pool(-1, -1);
    struct sluice_task_spec spec = spec_of("f", 0);
    sluice_task tasks[60];
    pid_t crew[3];
    for (int i = 0; i < 60; i++)
        tasks[i] = run_in(name, "f", i);
    is(sluice_pool_close(me, pool(name)), SLUICE_OK);
    is(sluice_go(me, pool(name), &spec, NULL, NULL, NULL), SLUICE_SEND_ON_CLOSED);
    is(sluice_pool_close(me, pool(name)), SLUICE_CLOSE_OF_CLOSED);
    for (int i = 0; i < 3; i++)
        crew[i] = spawn(child_works_until_closed, (void *)(uintptr_t)name);
    for (int i = 0; i < 3; i++)
        collect(crew[i]);
    for (int i = 0; i < 60; i++)
        assert_int_equal(result(tasks[i]), i);
    is(sluice_remove(me, pool(name).ref), SLUICE_OK);
}

/* ---- Contexts ---- */

struct ear {
    const char *begun, *never;
};

static bool waits_for_its_context(sluice_run *run, void *argument)
{
    const struct ear *ear = argument;
    sluice *s = sluice_run_client(run);
    struct sluice_item item;
    struct sluice_clock clock;
    sluice_ctx ctx;
    if (sluice_run_ctx(run, &ctx) != SLUICE_OK || !put_on(s, ear->begun, argument_of(run)))
        return false;
    const struct sluice_wait wait = SLUICE_WAIT_CTX(ctx);
    if (sluice_recv(s, ch(ear->never), &wait, &item) != SLUICE_CANCELED || !sluice_run_stopping(run))
        return false;
    return sluice_clock_read(s, &clock) == SLUICE_OK && give(run, clock.now_ns);
}

/* The end of a context reaches the worker at once, with its cause, and finishes what has not begun. */
static void rule_context_reaches_the_worker(void **state)
{
    (void)state;
    struct ear ear = {chan(0), chan(0)};
    const struct sluice_function functions[] = {{"f", waits_for_its_context, &ear}};
    const char *name = new_pool(1, -1);
    struct sluice_task_spec spec = spec_of("f", 1);
    char cause[160];
    spec.ctx = with_cancel(background());
    sluice_task running = submit(name, &spec);
    struct task *worker = hire(name, 1, functions, 1);
    assert_int_equal(take(ear.begun), 1);
    is(sluice_pool_set_limit(me, pool(name), 0), SLUICE_OK);
    sluice_task queued = submit(name, &spec);
    int64_t then_ns = now_ns();
    cancel(spec.ctx, "no longer wanted");
    struct sluice_ending e = ending_of(running, cause);
    is(e.status, SLUICE_CANCELED);
    assert_string_equal(cause, "no longer wanted");
    assert_int_equal(e.item.value.integer, then_ns);
    is(ending_of(queued, cause).status, SLUICE_CANCELED);
    assert_string_equal(cause, "no longer wanted");
    assert_int_equal(look_at(queued.ref).task.attempts, 0);
    is(sluice_pool_set_limit(me, pool(name), 1), SLUICE_OK);
    sluice_task born_done = submit(name, &spec);
    is(ending_of(born_done, NULL).status, SLUICE_CANCELED);
    assert_int_equal(look_at(born_done.ref).task.attempts, 0);
    dismiss(name, &worker, 1);
}

/* A deadline of the context is one of the task. */
static void rule_context_deadline(void **state)
{
    (void)state;
    struct ear ear = {chan(0), chan(0)};
    const struct sluice_function functions[] = {{"f", waits_for_its_context, &ear}};
    const char *name = new_pool(1, -1);
    struct sluice_task_spec spec = spec_of("f", 1);
    char cause[160];
    spec.ctx = with_timeout(background(), 100 * MS, "too slow");
    int64_t due_ns = now_ns() + 100 * MS;
    sluice_task t = submit(name, &spec);
    struct task *worker = hire(name, 1, functions, 1);
    take(ear.begun);
    is(sluice_clock_advance(me, 100 * MS, false, NULL), SLUICE_OK);
    struct sluice_ending e = ending_of(t, cause);
    is(e.status, SLUICE_DEADLINE_EXCEEDED);
    assert_string_equal(cause, "too slow");
    assert_int_equal(e.item.value.integer, due_ns);
    dismiss(name, &worker, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rule_worker_pool_idiom),
        CASE(rule_full_pool_blocks_in_order),
        CASE(rule_close_wakes_submitters),
        CASE(rule_limit_and_pause_live),
        CASE(rule_close_drains_and_ends_processes),
        CASE(rule_context_reaches_the_worker),
        CASE(rule_context_deadline),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

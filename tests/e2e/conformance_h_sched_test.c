/*
 * conformance_h_sched_test.c - the scheduler: conformance case 162 and the rules of goroutines and worker pools.
 *
 * The case is of src/runtime/proc_test.go; the rules are Go's, with what differs between processes. A rule's test bears its name. What is measured in time
 * (the shares of a hog) runs on the virtual clock: working is moving the clock. Spinning and yielding need real threads and the machine's
 * clock.
 */
#include "conform_ctx.h"
#include "conform_pool.h"
#include "conform_sync.h"

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

/* ---- 162, TestGoroutineParallelism: tasks that spin for each other are all running at once. ---- */

enum { SPINNERS = 4, SPINS = 100 };

static atomic_int spinning;

static bool spins_in_turn(sluice_run *run, void *argument)
{
    (void)argument;
    int place = (int)argument_of(run);
    for (int i = 0; i < SPINS; i++) {
        while (atomic_load(&spinning) != SPINNERS * i + place)
            sched_yield();
        atomic_store(&spinning, SPINNERS * i + place + 1);
    }
    return give(run, place);
}

static void spin_on(size_t workers, uint32_t slots)
{
    static const struct sluice_function functions[] = {{"spin", spins_in_turn, NULL}};
    struct task *crew[SPINNERS];
    sluice_task tasks[SPINNERS];
    const char *name = new_pool(SPINNERS, -1);
    atomic_store(&spinning, 0);
    for (size_t i = 0; i < workers; i++)
        crew[i] = hire(name, slots, functions, 1);
    for (int i = 0; i < SPINNERS; i++)
        tasks[i] = run_in(name, "spin", i);
    for (int i = 0; i < SPINNERS; i++)
        assert_int_equal(result(tasks[i]), i);
    assert_int_equal(atomic_load(&spinning), SPINNERS * SPINS);
    dismiss(name, crew, workers);
}

static void case_162_parallelism(void **state)
{
    (void)state;
    spin_on(1, SPINNERS);
    spin_on(SPINNERS, 1);
}

/* ---- 162, TestYieldProgress: one that yields in a loop lets others run, on one slot. ---- */

static bool yields(sluice_run *run, void *argument)
{
    const char *const *names = argument;
    sluice *s = sluice_run_client(run);
    struct sluice_item item;
    int64_t times = 0;
    while (sluice_recv(s, ch(names[0]), sluice_no_wait(), &item) == SLUICE_WOULD_BLOCK) {
        if (sluice_sleep(s, 1, NULL) != SLUICE_OK)
            return false;
        times++;
    }
    sluice_item_free(&item);
    return put_on(s, names[1], 2) && give(run, times);
}

static bool says_and_hears(sluice_run *run, void *argument)
{
    const char *const *names = argument;
    int64_t heard = 0;
    return put_on(sluice_run_client(run), names[0], 1) && take_on(sluice_run_client(run), names[1], &heard) &&
           give(run, heard);
}

static void case_162_yield_progress(void **state)
{
    (void)state;
    const char *names[] = {chan(0), chan(0)};
    const struct sluice_function functions[] = {{"yield", yields, names}, {"say", says_and_hears, names}};
    const char *name = new_pool(1, -1);
    sluice_task spinner = run_in(name, "yield", 0), other = run_in(name, "say", 0);
    struct task *worker = hire(name, 1, functions, 2);
    assert_int_equal(result(other), 2);
    assert_true(result(spinner) > 0);
    dismiss(name, &worker, 1);
}

/* ---- 162, TestPingPongHog. One session plays the worker: a task's request is a future, and its reply the slot. ---- */

enum { HOG_NS = 1000000, LIGHT_NS = 1000 };

struct player {
    uint64_t token;
    const char *wake;
    int64_t work_ns, worked_ns;
};

static sluice_future *in_name_of(struct player *p)
{
    sluice_future *f = NULL;
    sluice_task_enter(me, p->token);
    is(sluice_recv_start(me, ch(p->wake), 0, NULL, &f), SLUICE_OK);
    sluice_task_leave(me);
    sluice_future_set_data(f, p);
    return f;
}

/* It has been woken and has the slot: works, wakes the other of its pair, waits to be woken. */
static void play(struct player *p)
{
    is(sluice_clock_advance(me, p->work_ns, false, NULL), SLUICE_OK);
    p->worked_ns += p->work_ns;
    put(p->wake, 0);
    in_name_of(p);
}

static sluice_future *next_done(void)
{
    sluice_future *f;
    while (!(f = sluice_next_done(me)))
        is(sluice_wait_any(me, 20 * SEC), SLUICE_OK);
    return f;
}

static void case_162_ping_pong_hog(void **state)
{
    (void)state;
    static const char *const functions[] = {"f"};
    const char *name = new_pool(1, -1), *wake[] = {chan(0), chan(0)};
    struct player players[4];
    uint64_t token;
    is(sluice_pool_work(me, pool(name), 1, functions, 1, &token), SLUICE_OK);
    for (int i = 0; i < 4; i++) {
        struct sluice_job job;
        run_in(name, "f", i);
        is(sluice_pool_pull(me, pool(name), token, NULL, &job), SLUICE_OK);
        players[i] = (struct player){job.token, wake[i / 2], i < 2 ? HOG_NS : LIGHT_NS, 0};
        in_name_of(&players[i]);
        sluice_job_free(&job);
    }
    put(wake[0], 0);
    put(wake[1], 0);
    for (int64_t begun_ns = now_ns(); now_ns() - begun_ns < 12 * HOG_NS;) {
        sluice_future *f = next_done();
        struct player *p = sluice_future_data(f);
        is(sluice_future_finish(f, NULL), SLUICE_OK);
        play(p);
    }
    int64_t hogs = players[0].worked_ns + players[1].worked_ns;
    int64_t lights = players[2].worked_ns + players[3].worked_ns;
    if (hogs > 20 * lights || lights > 20 * hogs)
        fail_msg("the hogs worked %lld ns, the light ones %lld ns", (long long)hogs, (long long)lights);
    is(sluice_remove(me, pool(name).ref), SLUICE_OK);
}

/* ---- Goroutines ---- */

static bool echoes(sluice_run *run, void *argument)
{
    const char *stored = argument;
    int64_t value = 0;
    if (stored &&
        sluice_counter_load(sluice_run_client(run), sluice_counter_named(stored), &value) != SLUICE_OK)
        return false;
    if (stored)
        return give(run, value);
    return sluice_run_return(run, sluice_run_job(run)->item.value) == SLUICE_OK;
}

/* Arguments are evaluated by the caller before the start, and what the caller did before has happened. */
static void rule_arguments_before_start(void **state)
{
    (void)state;
    const char *name = new_pool(-1, -1), *stored = new_counter(0);
    const struct sluice_function functions[] = {{"echo", echoes, NULL},
                                                {"load", echoes, (void *)(uintptr_t)stored}};
    struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
    char text[] = "before";
    spec.function = "echo";
    spec.value = sluice_str(text);
    sluice_task echo = submit(name, &spec);
    memcpy(text, "after!", sizeof text);
    is(sluice_counter_store(me, sluice_counter_named(stored), 7), SLUICE_OK);
    sluice_task load = run_in(name, "load", 0);
    struct task *worker = hire(name, 2, functions, 2);
    struct sluice_ending e;
    is(sluice_task_wait(me, echo, NULL, &e), SLUICE_OK);
    assert_memory_equal(e.item.value.bytes.data, "before", 6);
    sluice_ending_free(&e);
    assert_int_equal(result(load), 7);
    dismiss(name, &worker, 1);
}

struct meeting {
    const char *results, *wg, *group;
};

static bool joins_the_usual_ways(sluice_run *run, void *argument)
{
    const struct meeting *m = argument;
    sluice *s = sluice_run_client(run);
    struct sluice_grant g;
    return sluice_group_go(s, sluice_group_named(m->group), 0, NULL, &g) == SLUICE_OK &&
           put_on(s, m->results, argument_of(run)) &&
           sluice_group_done(s, sluice_group_named(m->group), g.token,
                             argument_of(run) == 2 ? "the second" : NULL) == SLUICE_OK &&
           sluice_wg_done(s, sluice_wg_named(m->wg)) == SLUICE_OK;
}

/* Results come by a channel, the end by a wait group, the first error by a group; besides there is the task itself. */
static void rule_join_by_channel_group_and_task(void **state)
{
    (void)state;
    struct meeting m = {chan(0), new_wg(), fresh("eg")};
    const struct sluice_function functions[] = {{"f", joins_the_usual_ways, &m}};
    const char *name = new_pool(-1, -1);
    struct sluice_outcome out;
    sluice_group group;
    sluice_task tasks[3];
    int64_t sum = 0;
    is(sluice_group_make(me, m.group, &group), SLUICE_OK);
    wg_add(m.wg, 3);
    for (int i = 0; i < 3; i++)
        tasks[i] = run_in(name, "f", i + 1);
    struct task *worker = hire(name, 1, functions, 1);
    for (int i = 0; i < 3; i++)
        sum += take(m.results);
    assert_int_equal(sum, 6);
    is(sluice_wg_wait(me, sluice_wg_named(m.wg), NULL), SLUICE_OK);
    is(sluice_group_wait(me, group, NULL, &out), SLUICE_OK);
    assert_true(out.failed);
    sluice_item_free(&out.item);
    for (int i = 0; i < 3; i++)
        assert_false(ending_of(tasks[i], NULL).failed);
    dismiss(name, &worker, 1);
}

static bool fails_or_not(sluice_run *run, void *argument)
{
    (void)argument;
    return give(run, argument_of(run)) && argument_of(run) != 1;
}

/* A task that fails ends itself alone. */
static void rule_failure_ends_one_task(void **state)
{
    (void)state;
    static const struct sluice_function functions[] = {{"f", fails_or_not, NULL}};
    const char *name = new_pool(-1, -1);
    struct task *worker = hire(name, 2, functions, 1);
    sluice_task bad = run_in(name, "f", 1), good = run_in(name, "f", 2);
    struct sluice_ending e = ending_of(bad, NULL);
    assert_true(e.failed && e.item.value.integer == 1);
    is(e.status, SLUICE_OK);
    assert_int_equal(result(good), 2);
    dismiss(name, &worker, 1);
}

/* Tasks are the pool's: they go on when who submitted them has gone, unless they hang on a context of his. */
static void rule_submitter_gone(void **state)
{
    (void)state;
    static const struct sluice_function functions[] = {{"f", echoes, NULL}};
    const char *name = new_pool(-1, -1);
    sluice *other = conform_open();
    struct sluice_task_spec spec = spec_of("f", 5);
    sluice_task kept, tied, opened[2];
    is(sluice_go(other, pool(name), &spec, NULL, &kept, NULL), SLUICE_OK);
    is(sluice_ctx_make_with(other, NULL, NULL, &spec.ctx, NULL), SLUICE_OK);
    is(sluice_go(other, pool(name), &spec, NULL, &tied, NULL), SLUICE_OK);
    is(sluice_task_open(me, kept.ref.task, &opened[0]), SLUICE_OK);
    is(sluice_task_open(me, tied.ref.task, &opened[1]), SLUICE_OK);
    sluice_close(other);
    char cause[160];
    struct sluice_ending e = ending_of(opened[1], cause);
    is(e.status, SLUICE_CANCELED);
    assert_string_equal(cause, "owner died");
    struct task *worker = hire(name, 1, functions, 1);
    assert_int_equal(result(opened[0]), 5);
    dismiss(name, &worker, 1);
}

/* ---- Progress ---- */

struct rally {
    const char *ball, *over;
};

static bool rallies(sluice_run *run, void *argument)
{
    const struct rally *r = argument;
    sluice *s = sluice_run_client(run);
    const struct sluice_arm arms[] = {arm_take(r->ball), arm_take(r->over)};
    for (int64_t hits = 0;; hits++) {
        struct sluice_item item;
        int index;
        enum sluice_status status = sluice_select(s, arms, 2, NULL, &index, &item);
        if (status == SLUICE_CLOSED)
            return give(run, hits);
        const struct sluice_arm back[] = {arm_put(r->ball, hits), arm_take(r->over)};
        status = sluice_select(s, back, 2, NULL, &index, &item);
        if (status == SLUICE_CLOSED)
            return give(run, hits);
        if (status != SLUICE_OK)
            return false;
    }
}

static bool times_out(sluice_run *run, void *argument)
{
    const struct rally *r = argument;
    sluice *s = sluice_run_client(run);
    const struct sluice_arm arms[] = {arm_take(r->over), sluice_arm_after(20 * MS)};
    struct sluice_item item;
    int index = -1;
    return sluice_select(s, arms, 2, NULL, &index, &item) == SLUICE_OK && index == 1 &&
           sluice_chan_close(s, ch(r->over)) == SLUICE_OK && give(run, index);
}

/* A hot channel loop does not starve a timer's case: all on one slot. */
static void rule_hot_loop_starves_no_timer(void **state)
{
    (void)state;
    struct rally r = {chan(0), chan(0)};
    const struct sluice_function functions[] = {{"rally", rallies, &r}, {"time", times_out, &r}};
    const char *name = new_pool(1, -1);
    sluice_task tasks[] = {run_in(name, "rally", 0), run_in(name, "rally", 0), run_in(name, "time", 0)};
    struct task *worker = hire(name, 1, functions, 2);
    put(r.ball, 0);
    assert_int_equal(result(tasks[2]), 1);
    assert_true(result(tasks[0]) + result(tasks[1]) > 0);
    dismiss(name, &worker, 1);
}

/* ---- Ten thousand tasks on two slots ---- */

enum { MANY = 10000 };

/* What a task is at: what it waits for, what it sends, its end. */
struct body {
    struct sluice_job job;
    enum { WAITS, SENDS, ENDS } at;
    int64_t place, value; /* value: that it sends and gives */
};

struct crowd {
    uint64_t token;
    bool by_channel;
    sluice_chan *channels;        /* MANY + 1 */
    sluice_task *tasks;           /* MANY */
    sluice_future *pull, *caught; /* caught: what comes out of the chain */
    uint64_t ended;
};

static void crowd_pull(struct crowd *c, const char *name)
{
    is(sluice_pool_pull_start(me, pool(name), c->token, NULL, &c->pull), SLUICE_OK);
}

/* Body i receives from channel i + 1, or waits for task i + 1; the last task just begins. */
static void body_begin(struct crowd *c, struct body *b, sluice_future **ret)
{
    int64_t i = b->place;
    b->at = WAITS;
    sluice_task_enter(me, b->job.token);
    if (c->by_channel)
        is(sluice_recv_start(me, c->channels[i + 1], 0, NULL, ret), SLUICE_OK);
    else if (i + 1 < MANY)
        is(sluice_task_wait_start(me, c->tasks[i + 1], NULL, ret), SLUICE_OK);
    else
        is(sluice_ping_start(me, ret), SLUICE_OK);
    sluice_task_leave(me);
}

static void body_end(struct body *b, sluice_future **ret)
{
    b->at = ENDS;
    is(sluice_task_end_start(me, sluice_task_numbered(b->job.number), b->job.token, false,
                             sluice_int(b->value), NULL, ret),
       SLUICE_OK);
}

/* One of its requests is done. */
static void body_go_on(struct crowd *c, struct body *b, const struct sluice_result *r)
{
    sluice_future *f = NULL;
    if (b->at == ENDS) {
        c->ended++;
        free(b);
        return;
    }
    if (b->at == WAITS)
        b->value = 1 + (r->item.value.type == SLUICE_TYPE_INT64 ? r->item.value.integer : 0);
    if (b->at == WAITS && c->by_channel) {
        b->at = SENDS;
        sluice_task_enter(me, b->job.token);
        is(sluice_send_start(me, c->channels[b->place], sluice_int(b->value), NULL, &f), SLUICE_OK);
        sluice_task_leave(me);
    } else {
        body_end(b, &f);
    }
    sluice_future_set_data(f, b);
}

static void crowd_pulled(struct crowd *c, const char *name, struct sluice_result *r)
{
    struct body *b = calloc(1, sizeof *b);
    sluice_future *f = NULL;
    assert_non_null(b);
    b->job.number = r->job.number;
    b->job.token = r->job.token;
    b->place = r->item.value.integer;
    sluice_job_free(&r->job);
    body_begin(c, b, &f);
    sluice_future_set_data(f, b);
    crowd_pull(c, name);
}

static void crowd_run(struct crowd *c, const char *name)
{
    bool thrown = false;
    crowd_pull(c, name);
    while (c->ended < MANY || c->caught) {
        struct sluice_result r;
        sluice_future *f = next_done();
        struct body *b = sluice_future_data(f);
        bool pulled = f == c->pull, caught = f == c->caught;
        is(sluice_future_finish(f, &r), SLUICE_OK);
        if (caught) {
            c->caught = NULL;
            assert_int_equal(r.item.value.integer, MANY);
        }
        if (pulled)
            crowd_pulled(c, name, &r);
        else if (b)
            body_go_on(c, b, &r);
        struct sluice_description d;
        if (c->by_channel && !thrown && pulled && (d = look_at(pool(name).ref)).pool.waiting == MANY) {
            assert_int_equal(d.pool.running, 0); /* ten thousand wait, and no slot is taken */
            is(sluice_send_start(me, c->channels[MANY], sluice_int(0), NULL, &f), SLUICE_OK);
            is(sluice_recv_start(me, c->channels[0], 0, NULL, &c->caught), SLUICE_OK);
            thrown = true;
        }
    }
}

static void many_on_two_slots(bool by_channel)
{
    static const char *const functions[] = {"f"};
    struct crowd c = {.by_channel = by_channel};
    const char *name = new_pool(2, -1);
    c.channels = calloc(MANY + 1, sizeof *c.channels);
    c.tasks = calloc(MANY, sizeof *c.tasks);
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    spec.type = SLUICE_TYPE_INT64;
    for (int i = 0; by_channel && i <= MANY; i++)
        is(sluice_chan_make_with(me, NULL, &spec, &c.channels[i], NULL), SLUICE_OK);
    for (int i = 0; i < MANY; i++)
        c.tasks[i] = run_in(name, "f", i);
    int64_t begun_ns = now_real_ns();
    is(sluice_pool_work(me, pool(name), 2, functions, 1, &c.token), SLUICE_OK);
    crowd_run(&c, name);
    assert_true(now_real_ns() - begun_ns < 40 * SEC);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(result(c.tasks[i]), MANY - i);
    struct sluice_description d = look_at(pool(name).ref);
    assert_int_equal(d.pool.finished, MANY);
    assert_int_equal(d.pool.failed, 0);
    free(c.channels);
    free(c.tasks);
    is(sluice_remove(me, pool(name).ref), SLUICE_OK);
}

/* Blocked tasks take no slot: a pool of two holds ten thousand that wait on each other. */
static void rule_ten_thousand_in_a_chain_of_channels(void **state)
{
    (void)state;
    many_on_two_slots(true);
}

static void rule_ten_thousand_that_join_the_next(void **state)
{
    (void)state;
    many_on_two_slots(false);
}

int main(void)
{
    const struct CMUnitTest real[] = {
        CASE(case_162_parallelism),
        CASE(case_162_yield_progress),
        CASE(rule_hot_loop_starves_no_timer),
    };
    const struct CMUnitTest virtual[] = {
        CASE(case_162_ping_pong_hog),
        CASE(rule_arguments_before_start),
        CASE(rule_join_by_channel_group_and_task),
        CASE(rule_failure_ends_one_task),
        CASE(rule_submitter_gone),
    };
    const struct CMUnitTest large[] = {
        CASE(rule_ten_thousand_in_a_chain_of_channels),
        CASE(rule_ten_thousand_that_join_the_next),
    };
    int failed = cmocka_run_group_tests(real, conform_up_real, conform_down);
    failed += cmocka_run_group_tests(virtual, conform_up, conform_down);
    return failed + cmocka_run_group_tests(large, conform_up_unaudited, conform_down);
}

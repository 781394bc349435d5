/*
 * conformance_death_sched_test.c - workers and owners of actors that are killed: the X-PROC lines of tasks and of stateful goroutines.
 *
 * Under load four worker processes are killed again and again, at random but by a fixed seed, each time some tasks have finished, while
 * two thousand tasks go through them. Every attempt notes its token before its end, and every accepted end is counted, so that the
 * tokens tell the whole story: each task has one outcome, it is that of its newest attempt, and no older attempt can end it.
 */
#include "conform_pool.h"
#include "conform_sync.h"

#include <stdio.h>
#include <unistd.h>

/* ---- kill -9 under load ---- */

enum { LOAD = 2000, CREW = 4, EACH = 25 };

/* A number and a token in one value. */
#define NOTE_BITS 40

static int64_t note(const struct sluice_job *job)
{
    return (int64_t)(job->number << NOTE_BITS | job->token);
}

struct load {
    const char *pool, *attempts, *ends; /* the channels of notes */
    const char *work;                   /* a counter: what the bodies do */
};

static bool work_of(sluice *s, const struct load *l, const struct sluice_job *job)
{
    return put_on(s, l->attempts, note(job)) &&
           sluice_counter_add(s, sluice_counter_named(l->work), 1, NULL) == SLUICE_OK;
}

/* A worker step by step, which counts its accepted ends. */
static void child_pulls(sluice *s, void *data)
{
    static const char *const functions[] = {"f"};
    const struct load *l = data;
    struct sluice_job job;
    uint64_t token;
    if (sluice_pool_work(s, pool(l->pool), 2, functions, 1, &token) != SLUICE_OK)
        _exit(1);
    while (sluice_pool_pull(s, pool(l->pool), token, NULL, &job) == SLUICE_OK) {
        if (!work_of(s, l, &job) ||
            sluice_task_end(s, sluice_task_numbered(job.number), job.token, false,
                            sluice_int((int64_t)job.token), NULL) != SLUICE_OK ||
            !put_on(s, l->ends, note(&job)))
            _exit(1);
        sluice_job_free(&job);
    }
}

static bool does_its_work(sluice_run *run, void *argument)
{
    const struct sluice_job *job = sluice_run_job(run);
    return work_of(sluice_run_client(run), argument, job) && give(run, (int64_t)job->token);
}

/* The library's worker, with four threads. */
static void child_runs(sluice *s, void *data)
{
    const struct load *l = data;
    const struct sluice_function functions[] = {{"f", does_its_work, data}};
    (void)sluice_worker_run(s, pool(l->pool), 4, functions, 1, NULL);
}

static pid_t spawn_worker(struct load *l, int place)
{
    return spawn(place % 2 ? child_runs : child_pulls, l);
}

/* The newest attempt of each task, by its notes; how many notes there are. */
static int read_attempts(const struct load *l, uint64_t first, uint64_t newest[LOAD], int64_t *ret_notes)
{
    int64_t value = 0;
    int count = 0;
    while (try_take(l->attempts, &value) == SLUICE_OK) {
        uint64_t number = (uint64_t)value >> NOTE_BITS,
                 token = (uint64_t)value & ((UINT64_C(1) << NOTE_BITS) - 1);
        assert_true(number >= first && number < first + LOAD);
        if (newest[number - first] < token)
            newest[number - first] = token;
        ret_notes[count++] = value;
    }
    return count;
}

/* An accepted end is a task's only one, and its newest attempt's. */
static void check_ends(const struct load *l, uint64_t first, const uint64_t newest[LOAD])
{
    static bool seen[LOAD];
    int64_t value = 0;
    memset(seen, 0, sizeof seen);
    while (try_take(l->ends, &value) == SLUICE_OK) {
        uint64_t place = ((uint64_t)value >> NOTE_BITS) - first;
        assert_true(place < LOAD && !seen[place]);
        assert_int_equal((uint64_t)value & ((UINT64_C(1) << NOTE_BITS) - 1), newest[place]);
        seen[place] = true;
    }
}

static void death_of_workers_under_load(void **state)
{
    (void)state;
    static sluice_task tasks[LOAD];
    static uint64_t newest[LOAD];
    static int64_t notes[LOAD * 4];
    struct load l = {new_pool(-1, -1), chan(LOAD * 4), chan(LOAD * 4), new_counter(0)};
    struct sluice_task_spec spec = spec_of("f", 0);
    pid_t crew[CREW];
    unsigned seed = 4;
    spec.retries = 1000000;
    for (int i = 0; i < LOAD; i++)
        tasks[i] = submit(l.pool, &spec);
    for (int i = 0; i < CREW; i++)
        crew[i] = spawn_worker(&l, i);
    int kills = 0;
    for (int64_t done = EACH; done < LOAD; done += EACH, kills++) {
        is(sluice_counter_wait(me, sluice_counter_named(l.work), SLUICE_COMPARE_GE, done, NULL, NULL),
           SLUICE_OK);
        int victim = rand_r(&seed) % CREW;
        kill_hard(crew[victim]);
        crew[victim] = spawn_worker(&l, victim);
    }
    uint64_t first = tasks[0].ref.task;
    for (int i = 0; i < LOAD; i++)
        assert_true(tasks[i].ref.task == first + (uint64_t)i);
    int64_t *outcomes = calloc(LOAD, sizeof *outcomes);
    assert_non_null(outcomes);
    for (int i = 0; i < LOAD; i++)
        outcomes[i] = result(tasks[i]);
    struct sluice_description d = look_at(pool(l.pool).ref);
    assert_int_equal(d.pool.finished, LOAD);
    assert_int_equal(d.pool.failed, 0);
    assert_int_equal(d.pool.running + d.pool.waiting + d.pool.queued, 0);
    is(sluice_pool_close(me, pool(l.pool)), SLUICE_OK);
    for (int i = 0; i < CREW; i++)
        collect(crew[i]);
    int attempts = read_attempts(&l, first, newest, notes);
    assert_true(attempts >= LOAD);
    for (int i = 0; i < LOAD; i++)
        assert_int_equal(outcomes[i], newest[i]);
    for (int i = 0; i < attempts; i++) /* whatever its attempt, it is over: no ghost changes the outcome */
        is(sluice_task_end(me, sluice_task_numbered((uint64_t)notes[i] >> NOTE_BITS),
                           (uint64_t)notes[i] & ((UINT64_C(1) << NOTE_BITS) - 1), true, sluice_none(), NULL),
           SLUICE_STALE_TOKEN);
    check_ends(&l, first, newest);
    print_message("%d tasks, %d kills, %d attempts\n", LOAD, kills, attempts);
    free(outcomes);
    is(sluice_remove(me, pool(l.pool).ref), SLUICE_OK);
}

/* ---- One worker ---- */

struct post {
    const char *pool, *token; /* token: a channel, says the attempt's */
};

static void child_stays_at_it(sluice *s, void *data)
{
    static const char *const functions[] = {"f"};
    const struct post *post = data;
    struct sluice_job job;
    uint64_t token;
    if (sluice_pool_work(s, pool(post->pool), 1, functions, 1, &token) == SLUICE_OK &&
        sluice_pool_pull(s, pool(post->pool), token, NULL, &job) == SLUICE_OK &&
        put_on(s, post->token, (int64_t)job.token))
        (void)sluice_select(s, NULL, 0, NULL, NULL, NULL);
    _exit(1);
}

static bool gives_its_attempt(sluice_run *run, void *argument)
{
    (void)argument;
    return give(run, sluice_run_job(run)->deliveries);
}

/* A killed worker takes no slot with it: the task begins again at once on another, in a pool of one; the old attempt's end is stale. */
static void death_of_a_worker_frees_its_slot(void **state)
{
    (void)state;
    static const struct sluice_function functions[] = {{"f", gives_its_attempt, NULL}};
    struct post post = {new_pool(1, -1), chan(1)};
    struct sluice_task_spec spec = spec_of("f", 0);
    spec.retries = 1;
    spec.backoff_ns = 3600 * SEC; /* which is for failures */
    sluice_task t = submit(post.pool, &spec);
    pid_t pid = spawn(child_stays_at_it, &post);
    uint64_t token = (uint64_t)take(post.token);
    struct task *worker = hire(post.pool, 1, functions, 1);
    kill_hard(pid);
    assert_int_equal(result(t), 2);
    is(sluice_task_end(me, sluice_task_numbered(t.ref.task), token, false, sluice_int(9), NULL),
       SLUICE_STALE_TOKEN);
    dismiss(post.pool, &worker, 1);
}

/* Without retries the joiner is told, and what the task was called with goes to the dead letters. The daemon lives. */
static void death_without_retries_is_a_dead_letter(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_pool_spec spec = SLUICE_POOL_SPEC_INIT;
    struct sluice_task_spec task = SLUICE_TASK_SPEC_INIT;
    struct post post = {fresh("p"), chan(1)};
    struct sluice_item item;
    sluice_pool made;
    how.name = post.pool;
    is(sluice_chan_make(me, NULL, 0, &spec.dead_letter), SLUICE_OK);
    is(sluice_pool_make_with(me, &how, &spec, &made, NULL), SLUICE_OK);
    task.function = "f";
    task.value = sluice_str("the last words");
    sluice_task t = submit(post.pool, &task), next = submit(post.pool, &task);
    pid_t pid = spawn(child_stays_at_it, &post);
    take(post.token);
    kill_hard(pid);
    struct sluice_ending e = ending_of(t, NULL);
    assert_true(e.failed);
    is(e.status, SLUICE_OWNER_DIED);
    is(sluice_recv(me, spec.dead_letter, NULL, &item), SLUICE_OK);
    assert_memory_equal(item.value.bytes.data, "the last words", 14);
    sluice_item_free(&item);
    static const struct sluice_function functions[] = {{"f", gives_its_attempt, NULL}};
    struct task *worker = hire(post.pool, 1, functions, 1);
    assert_int_equal(result(next), 1);
    is(sluice_recv(me, spec.dead_letter, sluice_no_wait(), &item), SLUICE_WOULD_BLOCK);
    dismiss(post.pool, &worker, 1);
}

static bool runs_until_told(sluice_run *run, void *argument)
{
    const struct post *post = argument;
    sluice_ctx ctx;
    if (sluice_run_ctx(run, &ctx) != SLUICE_OK || !put_on(sluice_run_client(run), post->token, 0))
        return false;
    return sluice_ctx_wait(sluice_run_client(run), ctx, NULL) == SLUICE_OK;
}

/* A group of tasks: the death of one is its first error, which cancels the context, and so the others. */
static void death_is_the_first_error_of_a_group(void **state)
{
    (void)state;
    struct post mortal = {new_pool(-1, -1), chan(1)}, lives = {new_pool(-1, -1), chan(1)};
    const struct sluice_function functions[] = {{"f", runs_until_told, &lives}};
    struct sluice_task_spec spec = spec_of("f", 0);
    struct sluice_ending e;
    sluice_task tasks[3];
    size_t first = 0;
    is(sluice_ctx_make_with(me, NULL, NULL, &spec.ctx, NULL), SLUICE_OK);
    tasks[0] = submit(lives.pool, &spec);
    tasks[1] = submit(mortal.pool, &spec);
    tasks[2] = submit(mortal.pool, &spec); /* for which there is no slot */
    struct task *worker = hire(lives.pool, 1, functions, 1);
    pid_t pid = spawn(child_stays_at_it, &mortal);
    take(lives.token);
    take(mortal.token);
    kill_hard(pid);
    is(sluice_task_wait_all(me, tasks, 3, spec.ctx, NULL, &first, &e), SLUICE_OK);
    assert_int_equal(first, 1);
    is(e.status, SLUICE_OWNER_DIED);
    sluice_ending_free(&e);
    is(ending_of(tasks[0], NULL).status, SLUICE_CANCELED);
    is(ending_of(tasks[2], NULL).status, SLUICE_CANCELED);
    dismiss(lives.pool, &worker, 1);
}

/* A submitter that is killed while it waits for room leaves no task behind. */
static void child_submits(sluice *s, void *data)
{
    struct sluice_task_spec spec = spec_of("f", 2);
    (void)sluice_go(s, pool(data), &spec, NULL, NULL, NULL);
    _exit(1);
}

static void death_of_a_waiting_submitter(void **state)
{
    (void)state;
    static const struct sluice_function functions[] = {{"f", gives_its_attempt, NULL}};
    const char *name = new_pool(-1, 1);
    sluice_task t = run_in(name, "f", 1);
    pid_t pid = spawn(child_submits, (void *)(uintptr_t)name);
    eventually(look_at(pool(name).ref).waiting == 1);
    kill_hard(pid);
    eventually(look_at(pool(name).ref).waiting == 0);
    struct task *worker = hire(name, 1, functions, 1);
    assert_int_equal(result(t), 1);
    assert_int_equal(look_at(pool(name).ref).pool.tasks, 1);
    dismiss(name, &worker, 1);
}

/* ---- Actors ---- */

static const char *new_actor(bool fail)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_actor_spec spec = SLUICE_ACTOR_SPEC_INIT;
    sluice_actor made;
    how.name = fresh("a");
    spec.fail = fail;
    is(sluice_actor_make_with(me, &how, &spec, &made, NULL), SLUICE_OK);
    return how.name;
}

struct throne {
    const char *actor, *serving; /* serving: a channel, says how many calls were answered */
    int64_t answers;
};

/* Own it, answer so many calls with a running sum and keep that, take one more call and stay. */
static void child_reigns(sluice *s, void *data)
{
    const struct throne *t = data;
    sluice_actor a = sluice_actor_named(t->actor);
    struct sluice_owner o;
    struct sluice_job job;
    int64_t sum = 0;
    if (sluice_actor_own(s, a, 0, NULL, &o) != SLUICE_OK)
        _exit(1);
    for (int64_t i = 0; sluice_actor_serve(s, a, o.token, NULL, &job) == SLUICE_OK; i++) {
        if (i == t->answers && put_on(s, t->serving, i))
            (void)sluice_select(s, NULL, 0, NULL, NULL, NULL);
        sum += job.item.value.integer;
        if (sluice_actor_checkpoint(s, a, o.token, sluice_int(sum)) != SLUICE_OK ||
            sluice_actor_reply(s, a, o.token, job.number, false, sluice_int(sum), NULL) != SLUICE_OK)
            break;
    }
    _exit(1);
}

/* A call in a thread; epoch and reply are in its list. */
static void run_call(struct task *t)
{
    struct sluice_outcome out;
    t->status = sluice_actor_call(t->s, sluice_actor_named(t->a), sluice_int(t->value), &t->wait, &out);
    if (t->status != SLUICE_OK)
        return;
    t->list[0] = (int64_t)out.epoch;
    t->list[1] = out.item.value.integer;
    sluice_item_free(&out.item);
}

static struct task *go_call(const char *actor, int64_t value)
{
    struct task *t = task_new(run_call);
    t->a = actor;
    t->value = value;
    return task_start(t);
}

/* The successor serves what was being served and what was queued, in order, from the checkpoint, with the next epoch. */
static void death_of_an_owner_with_queued_calls(void **state)
{
    (void)state;
    struct throne throne = {new_actor(false), chan(1), 2};
    struct task *calls[5];
    struct sluice_owner o;
    for (int i = 0; i < 5; i++) {
        calls[i] = go_call(throne.actor, 1 << i);
        eventually(look_at(sluice_named(throne.actor)).actor.calls == (uint64_t)i + 1);
    }
    pid_t pid = spawn(child_reigns, &throne);
    assert_int_equal(take(throne.serving), 2);
    for (int i = 0; i < 2; i++) {
        is(join(calls[i]), SLUICE_OK);
        assert_int_equal(calls[i]->list[0], 1);
    }
    kill_hard(pid);
    sluice_actor a = sluice_actor_named(throne.actor);
    is(sluice_actor_own(me, a, 0, NULL, &o), SLUICE_OK);
    assert_true(o.owner_died && o.epoch == 2);
    int64_t sum = o.item.value.integer;
    assert_int_equal(sum, 1 + 2);
    for (int i = 2; i < 5; i++) {
        struct sluice_job job;
        is(sluice_actor_serve(me, a, o.token, NULL, &job), SLUICE_OK);
        assert_int_equal(job.item.value.integer, 1 << i);
        assert_int_equal(job.deliveries, i == 2 ? 2 : 1);
        sum += job.item.value.integer;
        bool taken = false;
        is(sluice_actor_reply(me, a, o.token, job.number, false, sluice_int(sum), &taken), SLUICE_OK);
        assert_true(taken);
        sluice_job_free(&job);
        is(join(calls[i]), SLUICE_OK);
        assert_int_equal(calls[i]->list[0], 2);
        assert_int_equal(calls[i]->list[1], sum);
    }
    sluice_item_free(&o.item);
    assert_int_equal(sum, 31);
}

/* Or all of them fail, and later calls wait for the next owner. */
static void death_of_an_owner_fails_its_calls(void **state)
{
    (void)state;
    struct throne throne = {new_actor(true), chan(1), 1};
    struct task *calls[4];
    struct sluice_owner o;
    struct sluice_job job;
    for (int i = 0; i < 4; i++) {
        calls[i] = go_call(throne.actor, 1 << i);
        eventually(look_at(sluice_named(throne.actor)).actor.calls == (uint64_t)i + 1);
    }
    pid_t pid = spawn(child_reigns, &throne);
    assert_int_equal(take(throne.serving), 1);
    is(join(calls[0]), SLUICE_OK);
    kill_hard(pid);
    for (int i = 1; i < 4; i++)
        is(join(calls[i]), SLUICE_OWNER_DIED);
    struct task *later = go_call(throne.actor, 7);
    sluice_actor a = sluice_actor_named(throne.actor);
    is(sluice_actor_own(me, a, 0, NULL, &o), SLUICE_OK);
    assert_true(o.owner_died && o.epoch == 2);
    sluice_item_free(&o.item);
    is(sluice_actor_serve(me, a, o.token, NULL, &job), SLUICE_OK);
    assert_int_equal(job.item.value.integer, 7);
    is(sluice_actor_reply(me, a, o.token, job.number, false, sluice_int(8), NULL), SLUICE_OK);
    sluice_job_free(&job);
    is(join(later), SLUICE_OK);
    assert_int_equal(later->list[1], 8);
}

static void child_calls(sluice *s, void *data)
{
    struct sluice_outcome out;
    (void)sluice_actor_call(s, sluice_actor_named(data), sluice_int(1), NULL, &out);
    _exit(1);
}

/* A caller that is killed while it waits has asked nothing; one whose call is served is not waited for. */
static void death_of_callers(void **state)
{
    (void)state;
    const char *name = new_actor(false);
    sluice_actor a = sluice_actor_named(name);
    struct sluice_owner o;
    struct sluice_job job;
    pid_t callers[2];
    for (int i = 0; i < 2; i++) {
        callers[i] = spawn(child_calls, (void *)(uintptr_t)name);
        eventually(look_at(sluice_named(name)).actor.calls == (uint64_t)i + 1);
    }
    is(sluice_actor_own(me, a, 0, NULL, &o), SLUICE_OK);
    sluice_item_free(&o.item);
    is(sluice_actor_serve(me, a, o.token, NULL, &job), SLUICE_OK);
    kill_hard(callers[0]);
    kill_hard(callers[1]);
    eventually(look_at(sluice_named(name)).actor.calls == 0);
    bool taken = true;
    is(sluice_actor_reply(me, a, o.token, job.number, false, sluice_int(1), &taken), SLUICE_OK);
    assert_false(taken);
    sluice_job_free(&job);
    is(sluice_actor_serve(me, a, o.token, sluice_no_wait(), &job), SLUICE_WOULD_BLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(death_of_a_worker_frees_its_slot),
        CASE(death_without_retries_is_a_dead_letter),
        CASE(death_is_the_first_error_of_a_group),
        CASE(death_of_a_waiting_submitter),
        CASE(death_of_an_owner_with_queued_calls),
        CASE(death_of_an_owner_fails_its_calls),
        CASE(death_of_callers),
    };
    const struct CMUnitTest loads[] = {
        CASE(death_of_workers_under_load),
    };
    int failed = cmocka_run_group_tests(tests, conform_up_real, conform_down);
    return failed + cmocka_run_group_tests(loads, conform_up_unaudited, conform_down);
}

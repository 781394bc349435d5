/*
 * conformance_death_sync_test.c - what becomes of what a process held or waited for when it is killed: the X-PROC lines of locks, permits, groups, onces.
 *
 * Each case forks a process that takes something, says with which token, and waits for ever; then it is killed with SIGKILL. The daemon learns it from
 * the kernel and passes on what was held: the next holder is told so, the dead one's token is stale, and nobody who waits is forgotten.
 */
#include "conform_sync.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a process is to take, and where it says what it got. */
struct job {
    const char *name, *token;
    int64_t amount; /* permits, units */
    enum way way;
};

static void park_for_ever(sluice *s)
{
    (void)sluice_select(s, NULL, 0, NULL, NULL, NULL);
}

/* Say the token and stay. */
static void hold(sluice *s, const struct job *job, enum sluice_status status, uint64_t token)
{
    if (status == SLUICE_OK && put_on(s, job->token, (int64_t)token))
        park_for_ever(s);
    _exit(1);
}

static void child_lock(sluice *s, void *data)
{
    const struct job *job = data;
    struct sluice_grant g = {0, false};
    enum sluice_status status = lock_on(s, job->way, job->name, NULL, &g);
    hold(s, job, status, g.token);
}

static void child_acquire(sluice *s, void *data)
{
    const struct job *job = data;
    struct sluice_grant g = {0, false};
    enum sluice_status status =
        sluice_sem_acquire(s, sluice_sem_named(job->name), (uint64_t)job->amount, 0, NULL, &g);
    hold(s, job, status, g.token);
}

static void child_begin(sluice *s, void *data)
{
    const struct job *job = data;
    struct sluice_grant g = {0, false};
    struct sluice_outcome outcome;
    enum sluice_status status = sluice_once_begin(s, sluice_once_named(job->name), 0, NULL, &g, &outcome);
    hold(s, job, status, g.token);
}

static void child_add(sluice *s, void *data)
{
    const struct job *job = data;
    uint64_t token = 0;
    enum sluice_status status = sluice_wg_add_owned(s, sluice_wg_named(job->name), job->amount, &token);
    if (status == SLUICE_OK)
        status = sluice_wg_done(s, sluice_wg_named(job->name));
    hold(s, job, status, token);
}

/* Fork the process; it holds what it was to take. */
static pid_t holder(void (*run)(sluice *s, void *data), struct job *job, uint64_t *ret_token)
{
    job->token = chan(1);
    pid_t pid = spawn(run, job);
    *ret_token = (uint64_t)take(job->token);
    assert_true(*ret_token > 0);
    return pid;
}

static void death_of_lock_holder(void **state)
{
    (void)state;
    struct job job = {.name = new_mutex(), .way = MUTEX};
    uint64_t dead, token;
    pid_t pid = holder(child_lock, &job, &dead);
    settle(1);
    struct task *first = go_lock(MUTEX, job.name);
    settle(2);
    struct task *second = go_lock(MUTEX, job.name);
    settle(3);
    kill_hard(pid);
    token = granted_after_death(first);
    assert_true(token > dead);
    is(unlock_on(me, MUTEX, job.name, dead), SLUICE_STALE_TOKEN);
    unlock(MUTEX, job.name, token);
    unlock(MUTEX, job.name, granted(second)); /* only the next one is told */
    /* nobody waits: the next to come is told */
    pid = holder(child_lock, &job, &dead);
    kill_hard(pid);
    struct sluice_grant g;
    is(lock_on(me, MUTEX, job.name, NULL, &g), SLUICE_OK);
    assert_true(g.owner_died);
    assert_true(g.token > dead);
    unlock(MUTEX, job.name, g.token);
    assert_true(lockable(MUTEX, job.name));
}

/* A store that knows tokens is safe from a holder that was taken for dead. */
static void death_of_lock_holder_fences(void **state)
{
    (void)state;
    struct job job = {.name = new_mutex(), .way = MUTEX};
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_counter_spec spec = SLUICE_COUNTER_SPEC_INIT;
    sluice_counter n;
    uint64_t dead;
    spec.fenced = true;
    is(sluice_counter_make_with(me, &how, &spec, &n, NULL), SLUICE_OK);
    pid_t pid = holder(child_lock, &job, &dead);
    struct sluice_update update = {SLUICE_UPDATE_ADD, 1, 0, dead};
    int64_t value;
    is(sluice_counter_update(me, n, &update, &value, NULL), SLUICE_OK);
    kill_hard(pid);
    struct sluice_grant g;
    is(lock_on(me, MUTEX, job.name, NULL, &g), SLUICE_OK);
    update.fence = g.token;
    is(sluice_counter_update(me, n, &update, &value, NULL), SLUICE_OK);
    update.fence = dead;
    is(sluice_counter_update(me, n, &update, &value, NULL), SLUICE_STALE_TOKEN);
    is(sluice_counter_load(me, n, &value), SLUICE_OK);
    assert_int_equal(value, 2);
}

static void death_of_lock_waiter(void **state)
{
    (void)state;
    struct job job = {.name = new_mutex(), .way = MUTEX, .token = chan(1)};
    for (int i = 0; i < 20; i++) {
        uint64_t token = lock(MUTEX, job.name);
        pid_t pid = spawn(child_lock, &job);
        settle(1);
        struct task *next = go_lock(MUTEX, job.name);
        settle(2);
        kill_hard(pid);
        /* whether the daemon has seen the death or hands it the lock first: it comes to the next */
        unlock(MUTEX, job.name, token);
        is(join(next), SLUICE_OK);
        unlock(MUTEX, job.name, (uint64_t)next->list[0]);
        task_forget(next);
    }
}

static void death_of_rw_reader(void **state)
{
    (void)state;
    struct job job = {.name = new_rwmutex(), .way = READ};
    uint64_t dead, mine = lock(READ, job.name);
    pid_t pid = holder(child_lock, &job, &dead);
    settle(1);
    assert_int_equal(holds(job.name), 2);
    struct task *writer = go_lock(WRITE, job.name);
    settle(2);
    kill_hard(pid);
    eventually(holds(job.name) == 1);
    assert_int_equal(waiting(job.name), 1); /* the other read lock stands */
    unlock(READ, job.name, mine);
    uint64_t token = granted(writer); /* a reader leaves nothing half done */
    is(unlock_on(me, READ, job.name, dead), SLUICE_MISUSE);
    unlock(WRITE, job.name, token);
}

static void death_of_rw_writer(void **state)
{
    (void)state;
    struct job job = {.name = new_rwmutex(), .way = WRITE};
    uint64_t dead;
    pid_t pid = holder(child_lock, &job, &dead);
    settle(1);
    struct task *r[2], *w[2];
    for (uint64_t i = 0; i < 2; i++) {
        w[i] = go_lock(WRITE, job.name);
        settle(2 * i + 2);
        r[i] = go_lock(READ, job.name);
        settle(2 * i + 3);
    }
    kill_hard(pid);
    uint64_t first = granted_after_death(r[0]), second = granted_after_death(r[1]);
    assert_true(first > dead && second > dead);
    unlock(READ, job.name, first);
    unlock(READ, job.name, second);
    unlock(WRITE, job.name, granted_after_death(w[0])); /* the first writer is the last to be told */
    unlock(WRITE, job.name, granted(w[1]));
    unlock(READ, job.name, lock(READ, job.name));
}

static void death_of_sem_holder(void **state)
{
    (void)state;
    struct job job = {.name = new_sem(5), .amount = 3};
    uint64_t dead;
    assert_true(try_acquire(job.name, 1));
    pid_t pid = holder(child_acquire, &job, &dead);
    settle(1);
    assert_int_equal(look(job.name).hold.free, 1);
    struct task *waits = task_start(new_acquire(job.name, 4));
    settle(2);
    kill_hard(pid);
    is(join(waits), SLUICE_OK);
    assert_int_equal(look(job.name).hold.free, 0);
    is(sluice_sem_release_token(me, sluice_sem_named(job.name), dead, 0), SLUICE_STALE_TOKEN);
    release(job.name, 5); /* exactly what it held came back */
    assert_int_equal(look(job.name).hold.free, 5);
}

static void death_of_sem_head_waiter(void **state)
{
    (void)state;
    struct job job = {.name = new_sem(2), .amount = 2, .token = chan(1)};
    assert_true(try_acquire(job.name, 1));
    pid_t pid = spawn(child_acquire, &job);
    settle(1);
    struct task *behind = task_start(new_acquire(job.name, 1));
    settle(2);
    kill_hard(pid);
    (void)granted(behind);
    assert_int_equal(look(job.name).hold.free, 0);
    release(job.name, 2);
}

static void run_begin(struct task *t)
{
    struct sluice_grant g = {0, false};
    struct sluice_outcome outcome = {0};
    t->status = sluice_once_begin(t->s, sluice_once_named(t->a), 0, NULL, &g, &outcome);
    if (t->status == SLUICE_OK && g.token != 0) {
        t->list[0] = (int64_t)g.token;
        t->list[1] = g.owner_died;
        t->status = sluice_once_end(t->s, sluice_once_named(t->a), g.token, false, sluice_int(7));
    } else if (t->status == SLUICE_OK) {
        t->got = outcome.item.value.integer;
        sluice_item_free(&outcome.item);
    }
}

static struct task *go_begin(const char *name)
{
    struct task *t = task_new(run_begin);
    t->a = name;
    return task_start(t);
}

static void death_of_once_runner(void **state)
{
    (void)state;
    struct job job = {.name = new_once(false)};
    uint64_t dead;
    pid_t pid = holder(child_begin, &job, &dead);
    settle(1);
    struct task *first = go_begin(job.name);
    settle(2);
    struct task *second = go_begin(job.name);
    settle(3);
    kill_hard(pid);
    assert_true(granted_after_death(first) > dead); /* the oldest runs in its place */
    is(join(second), SLUICE_OK);
    assert_int_equal(second->list[0], 0);
    assert_int_equal(second->got, 7);
    is(sluice_once_end(me, sluice_once_named(job.name), dead, false, sluice_int(8)), SLUICE_STALE_TOKEN);
    struct sluice_outcome outcome;
    is(sluice_once_wait(me, sluice_once_named(job.name), NULL, &outcome), SLUICE_OK);
    assert_int_equal(outcome.item.value.integer, 7);
    sluice_item_free(&outcome.item);
}

static void death_of_poisoned_once_runner(void **state)
{
    (void)state;
    struct job job = {.name = new_once(true)};
    uint64_t dead;
    pid_t pid = holder(child_begin, &job, &dead);
    settle(1);
    struct task *first = go_begin(job.name);
    settle(2);
    struct task *second = go_begin(job.name);
    settle(3);
    kill_hard(pid);
    is(join(first), SLUICE_OWNER_DIED);
    is(join(second), SLUICE_OWNER_DIED);
    struct sluice_outcome outcome;
    is(sluice_once_wait(me, sluice_once_named(job.name), NULL, &outcome), SLUICE_OWNER_DIED);
    is(sluice_once_end(me, sluice_once_named(job.name), dead, false, sluice_none()), SLUICE_STALE_TOKEN);
}

static void death_of_wg_participant(void **state)
{
    (void)state;
    struct job job = {.name = new_wg(), .amount = 3};
    uint64_t dead;
    wg_add(job.name, 1);
    pid_t pid = holder(child_add, &job, &dead);
    settle(1);
    assert_int_equal(count_of(job.name), 3); /* one of its own is done */
    struct task *waits = go_wg_wait(job.name);
    settle(2);
    kill_hard(pid);
    eventually(count_of(job.name) == 1);
    assert_int_equal(look(job.name).count.lost, 2);
    assert_int_equal(waiting(job.name), 1); /* what is not its own is still to be done */
    wg_add(job.name, -1);
    is(join(waits), SLUICE_OWNER_DIED);
}

/* ---- Holders that die anywhere ---- */

/* In memory that all of them share. A holder that dies inside leaves it so. */
struct page {
    _Atomic(int64_t) inside, sections, told, broken;
};

struct crowd {
    const char *mutex;
    struct page *page;
};

static void child_sections(sluice *s, void *data)
{
    const struct crowd *crowd = data;
    struct page *page = crowd->page;
    struct sluice_grant g;
    while (lock_on(s, MUTEX, crowd->mutex, NULL, &g) == SLUICE_OK) {
        /* who finds it half done was told */
        if (atomic_exchange(&page->inside, getpid()) != 0 && !g.owner_died)
            atomic_fetch_add(&page->broken, 1);
        atomic_fetch_add(&page->told, g.owner_died);
        atomic_fetch_add(&page->sections, 1);
        atomic_store(&page->inside, 0);
        if (unlock_on(s, MUTEX, crowd->mutex, g.token) != SLUICE_OK)
            atomic_fetch_add(&page->broken, 1);
    }
}

static void holders_are_killed_and_exclusion_holds(void **state)
{
    (void)state;
    enum { PROCESSES = 4, KILLS = 100, APART = 30 };
    struct page *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    struct crowd crowd = {new_mutex(), page};
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++)
        pids[i] = spawn(child_sections, &crowd);
    for (int i = 0; i < KILLS; i++) {
        int64_t until = atomic_load(&page->sections) + APART;
        eventually(atomic_load(&page->sections) >= until);
        kill_hard(pids[i % PROCESSES]);
        pids[i % PROCESSES] = spawn(child_sections, &crowd);
    }
    for (int i = 0; i < PROCESSES; i++)
        kill_hard(pids[i]);
    struct sluice_grant g;
    is(lock_on(me, MUTEX, crowd.mutex, NULL, &g), SLUICE_OK);
    unlock(MUTEX, crowd.mutex, g.token);
    assert_int_equal(atomic_load(&page->broken), 0);
    assert_true(atomic_load(&page->told) > 0);
    munmap(page, sizeof *page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(death_of_lock_holder),
        CASE(death_of_lock_holder_fences),
        CASE(death_of_lock_waiter),
        CASE(death_of_rw_reader),
        CASE(death_of_rw_writer),
        CASE(death_of_sem_holder),
        CASE(death_of_sem_head_waiter),
        CASE(death_of_once_runner),
        CASE(death_of_poisoned_once_runner),
        CASE(death_of_wg_participant),
        CASE(holders_are_killed_and_exclusion_holds),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

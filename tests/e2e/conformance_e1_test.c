/*
 * conformance_e1_test.c - part E of the conformance cases, sync: wait groups, mutexes, read-write locks.
 *
 * From sync/waitgroup_test.go, mutex_test.go, rwmutex_test.go. A misuse that is a panic or a fatal error in Go is a status with Go's text here,
 * and after it everything is as before. What guards memory of this process is checked with atomics of this process.
 */
#include "conform_sync.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 1000 };

/* ---- Wait groups ---- */

/* a, b: the groups. c: where it says that it is out. */
static void run_barrier(struct task *t)
{
    for (int64_t i = 0; i < t->times; i++) {
        int64_t unused;
        if (t->data && !take_on(t->s, t->data, &unused))
            break;
        t->status = sluice_wg_done(t->s, sluice_wg_named(t->a));
        if (t->status == SLUICE_OK)
            t->status = sluice_wg_wait(t->s, sluice_wg_named(t->b), NULL);
        if (t->status != SLUICE_OK || !put_on(t->s, t->c, i))
            break;
        t->got++;
    }
}

static void c103_wg_barrier(void **state)
{
    (void)state;
    enum { TASKS = 16 };
    const char *one = new_wg(), *two = new_wg(), *out = chan(TASKS);
    is(sluice_wg_wait(me, sluice_wg_named(one), NULL), SLUICE_OK);
    for (int round = 0; round < 8; round++) {
        struct task *t[TASKS];
        wg_add(one, TASKS);
        wg_add(two, TASKS);
        for (int i = 0; i < TASKS; i++) {
            t[i] = task_new(run_barrier);
            t[i]->a = one;
            t[i]->b = two;
            t[i]->c = out;
            t[i]->times = 1;
            task_start(t[i]);
        }
        is(sluice_wg_wait(me, sluice_wg_named(one), NULL), SLUICE_OK);
        settle(TASKS);
        for (int i = 0; i < TASKS; i++) {
            settle(TASKS);
            assert_int_equal(len(out), 0);
            assert_int_equal(waiting(two), TASKS);
            wg_add(two, -1);
        }
        assert_int_equal(waiting(two), 0); /* all of them were released in that step */
        for (int i = 0; i < TASKS; i++) {
            is(join(t[i]), SLUICE_OK);
            (void)take(out);
            task_forget(t[i]);
        }
    }
}

/* The same groups a thousand times, with tasks that come round again as soon as they can. */
static void c103_wg_barrier_races(void **state)
{
    (void)state;
    enum { TASKS = 3 };
    const char *one = new_wg(), *two = new_wg(), *out = chan(TASKS), *in = chan(TASKS);
    struct task *t[TASKS];
    for (int i = 0; i < TASKS; i++) {
        t[i] = task_new(run_barrier);
        t[i]->a = one;
        t[i]->b = two;
        t[i]->c = out;
        t[i]->data = (void *)(uintptr_t)in;
        t[i]->times = ROUNDS;
        task_start(t[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        int64_t early;
        wg_add(one, TASKS);
        wg_add(two, TASKS);
        for (int i = 0; i < TASKS; i++)
            put(in, round);
        is(sluice_wg_wait(me, sluice_wg_named(one), NULL), SLUICE_OK);
        for (int i = 0; i < TASKS; i++) {
            is(try_take(out, &early), SLUICE_WOULD_BLOCK);
            wg_add(two, -1);
        }
        for (int i = 0; i < TASKS; i++)
            assert_int_equal(take(out), round);
    }
    for (int i = 0; i < TASKS; i++) {
        is(join(t[i]), SLUICE_OK);
        assert_int_equal(t[i]->got, ROUNDS);
    }
}

static void c104_wg_negative(void **state)
{
    (void)state;
    const char *g = new_wg();
    wg_add(g, 1);
    wg_add(g, -1);
    is(sluice_wg_done(me, sluice_wg_named(g)), SLUICE_MISUSE);
    says("sync: negative WaitGroup counter");
    assert_int_equal(count_of(g), 0);
    is(sluice_wg_wait(me, sluice_wg_named(g), NULL), SLUICE_OK);
    wg_add(g, 2);
    is(sluice_wg_add(me, sluice_wg_named(g), -3), SLUICE_MISUSE);
    says("sync: negative WaitGroup counter");
    assert_int_equal(count_of(g), 2);
    struct task *t = go_wg_wait(g);
    settle(1);
    wg_add(g, -2);
    is(join(t), SLUICE_OK);
}

/* Tasks that start a round together: each arrives, and none goes on before all have. */
struct gate {
    atomic_int arrived;
    int parties;
};

static void pass(struct gate *g, int round)
{
    atomic_fetch_add(&g->arrived, 1);
    while (atomic_load(&g->arrived) < (round + 1) * g->parties)
        (void)sched_yield();
}

static bool fine_or_misuse(enum sluice_status status)
{
    static const char *const texts[] = {"sync: negative WaitGroup counter",
                                        "sync: WaitGroup misuse: Add called concurrently with Wait",
                                        "sync: WaitGroup is reused before previous Wait has returned"};
    if (status == SLUICE_MISUSE)
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            if (strcmp(sluice_errmsg(), texts[i]) == 0)
                return true;
    return status == SLUICE_OK;
}

/* value 0: waits. value 1: adds from zero, perhaps, and takes it off again. */
static void run_misuse(struct task *t)
{
    sluice_wg g = sluice_wg_named(t->a);
    for (int i = 0; i < ROUNDS; i++) {
        pass(t->data, 2 * i);
        if (t->value == 0) {
            t->got += !fine_or_misuse(sluice_wg_wait(t->s, g, NULL));
        } else {
            enum sluice_status status = sluice_wg_add(t->s, g, 1);
            t->got += !fine_or_misuse(status);
            if (status == SLUICE_OK)
                t->got += !fine_or_misuse(sluice_wg_done(t->s, g));
        }
        pass(t->data, 2 * i + 1);
    }
}

static void c105_wg_misuse(void **state)
{
    (void)state;
    struct gate gate = {0, 3};
    const char *g = new_wg();
    struct task *t[2];
    for (int i = 0; i < 2; i++) {
        t[i] = task_new(run_misuse);
        t[i]->a = g;
        t[i]->value = i;
        t[i]->data = &gate;
        task_start(t[i]);
    }
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(count_of(g), 0);
        wg_add(g, 1);
        pass(&gate, 2 * i);
        wg_add(g, -1);
        pass(&gate, 2 * i + 1);
    }
    for (int i = 0; i < 2; i++) {
        join(t[i]);
        assert_int_equal(t[i]->got, 0);
    }
}

struct crash {
    const char *group, *go;
};

static void child_crashes(sluice *s, void *data)
{
    const struct crash *crash = data;
    uint64_t token;
    int64_t unused;
    if (sluice_wg_add_owned(s, sluice_wg_named(crash->group), 1, &token) == SLUICE_OK)
        (void)take_on(s, crash->go, &unused);
    _exit(2); /* what Go's runtime does when a goroutine panics */
}

static void c106_wg_go_crash(void **state)
{
    (void)state;
    struct crash crash = {new_wg(), chan(0)};
    sluice_wg g = sluice_wg_named(crash.group);
    int status;
    pid_t pid = spawn(child_crashes, &crash);
    settle(1);
    struct task *t = go_wg_wait(crash.group);
    settle(2);
    put(crash.go, 1);
    is(join(t), SLUICE_OWNER_DIED);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 2);
    assert_int_equal(count_of(crash.group), 0);
    is(sluice_wg_wait(me, g, NULL), SLUICE_OWNER_DIED);
    /* the next cycle is a new one */
    wg_add(crash.group, 1);
    wg_add(crash.group, -1);
    is(sluice_wg_wait(me, g, NULL), SLUICE_OK);
}

/* ---- Mutexes ---- */

/* Who holds the lock now, counted in this process: readers by one, a writer by a thousand. */
struct inside {
    atomic_long now;
    long total; /* guarded by the lock under test */
};

/* times sections, with Lock and, if value is set, TryLock every third time. */
static void run_hammer(struct task *t)
{
    struct inside *in = t->data;
    struct sluice_grant g;
    for (int64_t i = 0; i < t->times;) {
        enum sluice_status status =
            lock_on(t->s, MUTEX, t->a, i % 3 == 0 && t->value ? sluice_no_wait() : NULL, &g);
        if (status == SLUICE_WOULD_BLOCK) {
            t->value = 0; /* the next try waits */
            continue;
        }
        t->value = 1;
        t->got += status != SLUICE_OK || atomic_fetch_add(&in->now, 1) != 0;
        in->total++;
        atomic_fetch_sub(&in->now, 1);
        t->got += unlock_on(t->s, MUTEX, t->a, g.token) != SLUICE_OK;
        i++;
    }
}

static void c107_mutex_try(void **state)
{
    (void)state;
    enum { TASKS = 10 };
    const char *m = new_mutex();
    uint64_t token = lock(MUTEX, m);
    assert_false(lockable(MUTEX, m));
    unlock(MUTEX, m, token);
    assert_true(lockable(MUTEX, m));
    struct inside in = {0, 0};
    struct task *t[TASKS];
    for (int i = 0; i < TASKS; i++) {
        t[i] = task_new(run_hammer);
        t[i]->a = m;
        t[i]->data = &in;
        t[i]->value = 1;
        t[i]->times = ROUNDS;
        task_start(t[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        join(t[i]);
        assert_int_equal(t[i]->got, 0);
    }
    assert_int_equal(in.total, TASKS * ROUNDS);
    assert_true(lockable(MUTEX, m));
}

/* Unlock with any token when nobody holds it so: it is refused, and what can be locked is what could be before. */
static void refuses(enum way way, const char *name, uint64_t token)
{
    static const char *const texts[] = {"sync: unlock of unlocked mutex", "sync: Unlock of unlocked RWMutex",
                                        "sync: RUnlock of unlocked RWMutex"};
    enum way other = way == MUTEX ? MUTEX : READ;
    bool write = lockable(way == MUTEX ? MUTEX : WRITE, name), read = lockable(other, name);
    uint64_t held = holds(name);
    is(unlock_on(me, way, name, token), SLUICE_MISUSE);
    says(texts[way]);
    assert_int_equal(holds(name), held);
    assert_int_equal(lockable(way == MUTEX ? MUTEX : WRITE, name), write);
    assert_int_equal(lockable(other, name), read);
}

static void c108_unlock_misuse(void **state)
{
    (void)state;
    static const struct {
        int first; /* the way it was locked before, and -1: not at all */
        bool unlocked;
        enum way then;
    } cases[] = {
        {-1, false, MUTEX},   {MUTEX, true, MUTEX}, {-1, false, WRITE},   {READ, false, WRITE},
        {WRITE, true, WRITE}, {-1, false, READ},    {WRITE, false, READ}, {READ, true, READ},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = cases[i].then == MUTEX ? new_mutex() : new_rwmutex();
        uint64_t token = 1;
        if (cases[i].first >= 0)
            token = lock((enum way)cases[i].first, name);
        if (cases[i].unlocked)
            unlock((enum way)cases[i].first, name, token);
        refuses(cases[i].then, name, token);
        if (cases[i].first >= 0 && !cases[i].unlocked)
            unlock((enum way)cases[i].first, name, token);
        assert_true(lockable(cases[i].then, name));
    }
}

struct hog {
    atomic_bool stop, done;
};

static void run_hog(struct task *t)
{
    struct hog *hog = t->data;
    struct sluice_grant g;
    while (t->status == SLUICE_OK && !atomic_load(&hog->stop)) {
        t->status = lock_on(t->s, MUTEX, t->a, NULL, &g);
        if (t->status == SLUICE_OK)
            t->status = sluice_sleep(t->s, SLUICE_MICROSECOND * 100, NULL);
        if (t->status == SLUICE_OK)
            t->status = unlock_on(t->s, MUTEX, t->a, g.token);
    }
}

static void run_modest(struct task *t)
{
    struct hog *hog = t->data;
    struct sluice_grant g;
    for (int i = 0; t->status == SLUICE_OK && i < 10; i++) {
        t->status = sluice_sleep(t->s, SLUICE_MICROSECOND * 100, NULL);
        if (t->status == SLUICE_OK)
            t->status = lock_on(t->s, MUTEX, t->a, NULL, &g);
        if (t->status == SLUICE_OK)
            t->status = unlock_on(t->s, MUTEX, t->a, g.token);
    }
    atomic_store(&hog->done, true);
}

static void c109_mutex_fairness(void **state)
{
    (void)state;
    struct hog hog = {false, false};
    struct task *hogs = task_new(run_hog), *modest = task_new(run_modest);
    hogs->a = modest->a = new_mutex();
    hogs->data = modest->data = &hog;
    int64_t start_ns = now_ns();
    task_start(hogs);
    task_start(modest);
    settle(2);
    while (!atomic_load(&hog.done)) {
        advance(SLUICE_MICROSECOND * 100);
        /* within 10 s is Go's bound; in order of arrival it takes three turns of the hog at most */
        assert_true(now_ns() - start_ns < 10 * 3 * SLUICE_MICROSECOND * 100 + SLUICE_MICROSECOND * 100);
    }
    is(join(modest), SLUICE_OK);
    atomic_store(&hog.stop, true);
    advance(SLUICE_MICROSECOND * 100);
    is(join(hogs), SLUICE_OK);
}

static void run_lock_and_pass(struct task *t)
{
    struct sluice_grant g;
    int64_t unused;
    t->status = lock_on(t->s, MUTEX, t->a, NULL, &g);
    if (t->status == SLUICE_OK && put_on(t->s, t->b, (int64_t)g.token))
        (void)take_on(t->s, t->c, &unused); /* it lives on and holds nothing */
}

static void run_unlock_for(struct task *t)
{
    int64_t token;
    if (take_on(t->s, t->b, &token))
        t->status = unlock_on(t->s, MUTEX, t->a, (uint64_t)token);
    t->got = token;
}

static void c110_unlock_by_other(void **state)
{
    (void)state;
    const char *m = new_mutex(), *pass_on = chan(1), *end = chan(1);
    struct task *a = task_new(run_lock_and_pass);
    a->a = m;
    a->b = pass_on;
    a->c = end;
    task_start(a);
    settle(1);
    struct task *c = go_lock(MUTEX, m);
    settle(2);
    struct task *b = task_new(run_unlock_for);
    b->a = m;
    b->b = pass_on;
    task_start(b);
    is(join(b), SLUICE_OK);
    uint64_t token = granted(c);
    assert_true(token > (uint64_t)b->got);
    is(unlock_on(me, MUTEX, m, (uint64_t)b->got), SLUICE_STALE_TOKEN);
    assert_false(lockable(MUTEX, m));
    unlock(MUTEX, m, token);
    put(end, 1);
    is(join(a), SLUICE_OK);
    assert_true(lockable(MUTEX, m));
}

/* ---- Read-write locks ---- */

/* value: the way; times sections. Readers add one to `now` and writers a thousand. */
static void run_rw_hammer(struct task *t)
{
    struct inside *in = t->data;
    enum way way = (enum way)t->value;
    struct sluice_grant g;
    for (int64_t i = 0; i < t->times; i++) {
        const struct sluice_wait *wait = i % 7 == 0 ? sluice_no_wait() : NULL;
        enum sluice_status status = lock_on(t->s, way, t->a, wait, &g);
        if (status == SLUICE_WOULD_BLOCK)
            continue;
        long before = atomic_fetch_add(&in->now, way == WRITE ? 1000 : 1);
        t->got += status != SLUICE_OK || (way == WRITE ? before != 0 : before >= 1000);
        if (way == WRITE) {
            in->total++;
            t->list_count++;
        }
        atomic_fetch_sub(&in->now, way == WRITE ? 1000 : 1);
        t->got += unlock_on(t->s, way, t->a, g.token) != SLUICE_OK;
    }
}

static void c111_rw_try_matrix(void **state)
{
    (void)state;
    enum { READERS = 4, WRITERS = 2 };
    const char *rw = new_rwmutex();
    uint64_t token = lock(WRITE, rw);
    assert_false(lockable(WRITE, rw));
    assert_false(lockable(READ, rw));
    unlock(WRITE, rw, token);
    token = lock(READ, rw);
    assert_true(lockable(READ, rw));
    assert_false(lockable(WRITE, rw));
    unlock(READ, rw, token);
    assert_true(lockable(WRITE, rw));
    assert_true(lockable(READ, rw));
    struct inside in = {0, 0};
    struct task *t[READERS + WRITERS];
    long written = 0;
    for (int i = 0; i < READERS + WRITERS; i++) {
        t[i] = task_new(run_rw_hammer);
        t[i]->a = rw;
        t[i]->data = &in;
        t[i]->value = i < WRITERS ? WRITE : READ;
        t[i]->times = ROUNDS;
        task_start(t[i]);
    }
    for (int i = 0; i < READERS + WRITERS; i++) {
        join(t[i]);
        assert_int_equal(t[i]->got, 0);
        written += (long)t[i]->list_count;
    }
    assert_int_equal(in.total, written);
    assert_true(lockable(WRITE, rw));
}

/* Readers and a writer in turn, as sync's TestRWMutex does it with two half-held read locks: a writer that waits stops new readers, and
 * when a writer is done all readers that wait go before the next writer. */
static void c111_rw_phases(void **state)
{
    (void)state;
    const char *rw = new_rwmutex();
    uint64_t first = lock(READ, rw), second = lock(READ, rw);
    struct task *w1 = go_lock(WRITE, rw);
    settle(1);
    assert_false(lockable(READ, rw));
    struct task *w2 = go_lock(WRITE, rw);
    settle(2);
    struct task *r[3];
    for (uint64_t i = 0; i < 3; i++) {
        r[i] = go_lock(READ, rw);
        settle(3 + i);
    }
    unlock(READ, rw, first);
    assert_int_equal(waiting(rw), 5);
    unlock(READ, rw, second);
    uint64_t token = granted(w1);
    assert_int_equal(waiting(rw), 4);
    unlock(WRITE, rw, token);
    for (int i = 0; i < 3; i++) {
        token = granted(r[i]);
        assert_int_equal(waiting(rw), 1);
        if (i < 2)
            unlock(READ, rw, token);
    }
    unlock(READ, rw, token);
    unlock(WRITE, rw, granted(w2));
}

static void run_rlocker(struct task *t)
{
    for (int64_t i = 0; t->status == SLUICE_OK && i < t->times; i++) {
        struct sluice_grant one, two, writer;
        t->status = lock_on(t->s, READ, t->a, NULL, &one);
        if (t->status == SLUICE_OK)
            t->status = lock_on(t->s, READ, t->a, NULL, &two);
        if (t->status != SLUICE_OK || !put_on(t->s, t->b, (int64_t)one.token) ||
            !put_on(t->s, t->b, (int64_t)two.token))
            return;
        t->status = lock_on(t->s, WRITE, t->a, NULL, &writer);
        if (t->status == SLUICE_OK && !put_on(t->s, t->c, (int64_t)writer.token))
            return;
    }
    int64_t unused;
    (void)take_on(t->s, t->data, &unused); /* what it holds lasts as long as it does */
}

static void c114_rlocker(void **state)
{
    (void)state;
    const char *rw = new_rwmutex(), *read = chan(2), *written = chan(1), *end = chan(0);
    struct task *t = task_new(run_rlocker);
    int64_t early;
    t->a = rw;
    t->b = read;
    t->c = written;
    t->data = (void *)(uintptr_t)end;
    t->times = ROUNDS;
    task_start(t);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t one = (uint64_t)take(read), two = (uint64_t)take(read);
        unlock(READ, rw, one);
        if (i < 10)
            settle(1);
        is(try_take(written, &early), SLUICE_WOULD_BLOCK);
        unlock(READ, rw, two);
        uint64_t writer = (uint64_t)take(written);
        if (i < 9)
            settle(1);
        is(try_take(read, &early), SLUICE_WOULD_BLOCK);
        unlock(WRITE, rw, writer);
    }
    put(end, 1);
    is(join(t), SLUICE_OK);
    assert_int_equal(holds(rw), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c103_wg_barrier),    CASE(c103_wg_barrier_races), CASE(c104_wg_negative),
        CASE(c105_wg_misuse),     CASE(c106_wg_go_crash),      CASE(c107_mutex_try),
        CASE(c108_unlock_misuse), CASE(c109_mutex_fairness),   CASE(c110_unlock_by_other),
        CASE(c111_rw_try_matrix), CASE(c111_rw_phases),        CASE(c114_rlocker),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

/*
 * conform.c - the daemon, the tasks and the short words of the conformance tests (conform.h).
 *
 * The daemon is SLUICED (ctest sets it), else the one of this build. It is ended with SIGTERM after the last test of the file and must end
 * well. A file that hangs is ended by SIGALRM, which says in which test.
 */
#include "conform.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

sluice *me;
const char *daemon_path;

static char directory[64], socket_path[80];
static pid_t daemon_pid;
static struct task *tasks[TASKS_MAX];
static size_t tasks_count;
static pthread_mutex_t tasks_lock = PTHREAD_MUTEX_INITIALIZER;

int64_t now_real_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    (void)sched_yield();
    return (int64_t)t.tv_sec * SEC + t.tv_nsec;
}

/* ---- The daemon ---- */

static sluice *open_with(int64_t connect_timeout_ns)
{
    struct sluice_options o = SLUICE_OPTIONS_INIT;
    sluice *s = NULL;
    o.address = socket_path;
    o.no_autostart = true;
    o.interruptible = true;
    o.connect_timeout_ns = connect_timeout_ns;
    if (sluice_open(&o, &s) != SLUICE_OK) {
        fprintf(stderr, "cannot open a session: %s\n", sluice_errmsg());
        abort();
    }
    return s;
}

sluice *conform_open(void)
{
    return open_with(0);
}

static int up(bool virtual_clock, bool audit)
{
    const char *program = getenv("SLUICED");
    if (!program)
        program = SLUICED_PATH;
    strcpy(directory, "/tmp/conform.XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(socket_path, sizeof socket_path, "%s/s", directory);
    daemon_path = socket_path;
    daemon_pid = fork();
    if (daemon_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* it goes when the tests do, however they go */
        char *arguments[10] = {(char *)(uintptr_t)program, "--socket", socket_path, "--seed=7",
                               "--log-level=warning"};
        size_t n = 5;
        if (virtual_clock)
            arguments[n++] = "--virtual-clock";
        if (audit)
            arguments[n++] = "--audit";
        execv(program, arguments);
        fprintf(stderr, "%s: %s\n", program, strerror(errno));
        _exit(127);
    }
    if (daemon_pid < 0)
        return -1;
    alarm(110);
    sluice_close(open_with(20 * SEC));
    return 0;
}

int conform_up_unaudited(void **state)
{
    (void)state;
    return up(true, false);
}

int conform_up(void **state)
{
    (void)state;
    return up(true, true);
}

int conform_up_real(void **state)
{
    (void)state;
    return up(false, true);
}

int conform_down(void **state)
{
    (void)state;
    int status = 0;
    alarm(0);
    kill(daemon_pid, SIGTERM);
    if (waitpid(daemon_pid, &status, 0) != daemon_pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "sluiced ended with status %#x\n", (unsigned)status);
        return -1;
    }
    unlink(socket_path);
    char lock[96];
    snprintf(lock, sizeof lock, "%s.lock", socket_path);
    unlink(lock);
    rmdir(directory);
    return 0;
}

int conform_before(void **state)
{
    (void)state;
    me = conform_open();
    return 0;
}

int conform_after(void **state)
{
    (void)state;
    for (size_t i = 0; i < tasks_count; i++) {
        struct task *t = tasks[i];
        pthread_mutex_lock(&tasks_lock);
        if (t->started && !t->joined && t->s)
            sluice_interrupt(t->s);
        pthread_mutex_unlock(&tasks_lock);
        if (t->started && !t->joined)
            pthread_join(t->thread, NULL);
        else if (!t->started)
            sluice_close(t->s);
        free(t);
    }
    tasks_count = 0;
    me = sluice_close(me);
    return 0;
}

/* ---- Channels ---- */

const char *fresh(const char *prefix)
{
    static char names[8192][24];
    static unsigned count;
    char *name = names[count % 8192];
    snprintf(name, sizeof names[0], "%.8s%u", prefix, count++);
    return name;
}

sluice_chan ch(const char *name)
{
    return name ? sluice_chan_named(name) : (sluice_chan)SLUICE_NIL;
}

sluice_ref ref(const char *name)
{
    return ch(name).ref;
}

const char *chan(int64_t cap)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_chan made;
    how.name = fresh("c");
    how.exclusive = true;
    spec.cap = cap;
    spec.type = SLUICE_TYPE_INT64;
    is(sluice_chan_make_with(me, &how, &spec, &made, NULL), SLUICE_OK);
    is(sluice_drop(me, made.ref), SLUICE_OK);
    return how.name;
}

void put(const char *name, int64_t value)
{
    is(sluice_send(me, ch(name), sluice_int(value), NULL), SLUICE_OK);
}

int64_t take(const char *name)
{
    struct sluice_item item;
    is(sluice_recv(me, ch(name), NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.type, SLUICE_TYPE_INT64);
    int64_t value = item.value.integer;
    sluice_item_free(&item);
    return value;
}

enum sluice_status try_put(const char *name, int64_t value)
{
    return sluice_send(me, ch(name), sluice_int(value), sluice_no_wait());
}

enum sluice_status try_take(const char *name, int64_t *ret)
{
    struct sluice_item item = {0};
    enum sluice_status status = sluice_recv(me, ch(name), sluice_no_wait(), &item);
    *ret = status == SLUICE_OK ? item.value.integer : 0;
    if (status == SLUICE_OK)
        sluice_item_free(&item);
    return status;
}

void shut(const char *name)
{
    is(sluice_chan_close(me, ch(name)), SLUICE_OK);
}

static struct sluice_description describe(const char *name)
{
    struct sluice_description *d, copy;
    is(sluice_describe(me, ref(name), &d), SLUICE_OK);
    copy = *d;
    sluice_description_free(d);
    return copy;
}

uint64_t len(const char *name)
{
    return describe(name).channel.len;
}

uint64_t senders(const char *name)
{
    return describe(name).channel.senders;
}

uint64_t receivers(const char *name)
{
    return describe(name).channel.receivers;
}

bool put_on(sluice *s, const char *name, int64_t value)
{
    return sluice_send(s, ch(name), sluice_int(value), NULL) == SLUICE_OK;
}

bool take_on(sluice *s, const char *name, int64_t *ret)
{
    struct sluice_item item;
    if (sluice_recv(s, ch(name), NULL, &item) != SLUICE_OK)
        return false;
    *ret = item.value.integer;
    sluice_item_free(&item);
    return true;
}

/* ---- Tasks ---- */

struct task *task_new(void (*run)(struct task *t))
{
    struct task *t = calloc(1, sizeof *t);
    assert_non_null(t);
    assert_true(tasks_count < TASKS_MAX);
    t->run = run;
    t->s = conform_open();
    t->wait = (struct sluice_wait)SLUICE_WAIT_INIT;
    t->index = -1;
    tasks[tasks_count++] = t;
    return t;
}

static void *task_main(void *argument)
{
    struct task *t = argument;
    t->run(t);
    pthread_mutex_lock(&tasks_lock);
    sluice *s = t->s;
    t->s = NULL;
    pthread_mutex_unlock(&tasks_lock);
    sluice_close(s);
    return NULL;
}

struct task *task_start(struct task *t)
{
    t->started = true;
    assert_int_equal(pthread_create(&t->thread, NULL, task_main, t), 0);
    return t;
}

/* Keep the outcome of one call. */
static void keep(struct task *t, enum sluice_status status, struct sluice_item *item)
{
    t->status = status;
    t->empty = status != SLUICE_OK || item->value.type == SLUICE_TYPE_NONE;
    if (status == SLUICE_OK) {
        t->got = t->empty ? 0 : item->value.integer;
        sluice_item_free(item);
    } else {
        snprintf(t->message, sizeof t->message, "%s", sluice_errmsg());
    }
}

static void run_put(struct task *t)
{
    struct sluice_item none = {0};
    keep(t, sluice_send(t->s, ch(t->a), sluice_int(t->value), &t->wait), &none);
}

static void run_take(struct task *t)
{
    struct sluice_item item = {0};
    keep(t, sluice_recv(t->s, ch(t->a), &t->wait, &item), &item);
}

static void run_select(struct task *t)
{
    struct sluice_item item = {0};
    keep(t, sluice_select(t->s, t->arms, t->arms_count, &t->wait, &t->index, &item), &item);
}

struct task *go_put(const char *name, int64_t value)
{
    struct task *t = task_new(run_put);
    t->a = name;
    t->value = value;
    return task_start(t);
}

struct task *go_take(const char *name)
{
    struct task *t = task_new(run_take);
    t->a = name;
    return task_start(t);
}

struct task *go_select(size_t count, const struct sluice_arm *arms)
{
    struct task *t = task_new(run_select);
    assert_true(count <= ARMS_MAX);
    if (count)
        memcpy(t->arms, arms, count * sizeof *arms);
    t->arms_count = count;
    return task_start(t);
}

enum sluice_status join(struct task *t)
{
    assert_true(t->started);
    if (!t->joined)
        assert_int_equal(pthread_join(t->thread, NULL), 0);
    t->joined = true;
    return t->status;
}

void task_forget(struct task *t)
{
    assert_true(t->joined);
    size_t i = 0;
    while (tasks[i] != t)
        i++;
    tasks[i] = tasks[--tasks_count];
    free(t);
}

void withdraw(struct task *t)
{
    pthread_mutex_lock(&tasks_lock);
    if (t->s)
        sluice_interrupt(t->s);
    pthread_mutex_unlock(&tasks_lock);
    is(join(t), SLUICE_CANCELED);
}

void task_note(struct task *t, int64_t value)
{
    if (t->list_count < LIST_MAX)
        t->list[t->list_count] = value;
    t->list_count++;
}

void settle(uint64_t parked)
{
    is(sluice_quiesce(me, parked, NULL), SLUICE_OK);
}

void advance(int64_t ns)
{
    is(sluice_clock_advance(me, ns, true, NULL), SLUICE_OK);
}

int64_t now_ns(void)
{
    struct sluice_clock c;
    is(sluice_clock_read(me, &c), SLUICE_OK);
    return c.now_ns;
}

/* ---- Processes ---- */

pid_t spawn(void (*run)(sluice *s, void *data), void *data)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    sluice *s = conform_open();
    run(s, data);
    sluice_close(s);
    _exit(0);
}

void collect(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void kill_hard(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

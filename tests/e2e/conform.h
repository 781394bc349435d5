/*
 * conform.h - what the conformance tests share: a daemon of their own, tasks, and short words for what they do.
 *
 * One daemon a test file, on a socket in a directory of its own, with a virtual clock unless real time is asked for. Every test has a session, `me`,
 * and as many tasks as it wants: a task is a thread with a session of its own that runs one function. Nothing sleeps: settle() waits until the
 * daemon says that every task is parked, advance() moves the clock from deadline to deadline.
 *
 * Assertions are made in the test's own thread alone; a task keeps what it saw in its struct. Channels carry int64 unless said otherwise
 * and have names that no other test uses, so that every session can name them.
 */
#ifndef E2E_CONFORM_H
#define E2E_CONFORM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sluice.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define MS  SLUICE_MILLISECOND
#define SEC SLUICE_SECOND

enum { ARMS_MAX = 8, TASKS_MAX = 256, LIST_MAX = 4096 };

extern sluice *me;              /* the test's session */
extern const char *daemon_path; /* its socket */

/* Group fixtures: a daemon with a virtual clock, or with the machine's. */
int conform_up(void **state);
/* The same for a file that measures cost: the daemon does not walk everything after each step. */
int conform_up_unaudited(void **state);
int conform_up_real(void **state);
int conform_down(void **state);
/* Test fixtures. The second one withdraws what tasks still wait for. */
int conform_before(void **state);
int conform_after(void **state);
#define CASE(function) cmocka_unit_test_setup_teardown(function, conform_before, conform_after)

/* A new session: one task, interruptible. */
sluice *conform_open(void);

/* Statuses by name in failures. */
#define is(call, expected) assert_string_equal(sluice_status_name(call), sluice_status_name(expected))
/* The last failing call of this thread says so. */
#define says(text) assert_string_equal(sluice_errmsg(), (text))

/* Try again until the condition holds: for what the daemon learns from the kernel. Fails after ten seconds. */
#define eventually(condition)                                          \
    for (int64_t until_ns = now_real_ns() + 10 * SEC; !(condition);) { \
        if (now_real_ns() > until_ns)                                  \
            fail_msg("never: %s", #condition);                         \
    }
int64_t now_real_ns(void);

/* ---- Channels, by name. Those without a session are the test's own. ---- */

/* A new channel of int64 under a name of its own, which lives as long as the process. */
const char *chan(int64_t cap);
/* A name that nothing has. */
const char *fresh(const char *prefix);
sluice_chan ch(const char *name);
sluice_ref ref(const char *name);
void put(const char *name, int64_t value);
int64_t take(const char *name);
enum sluice_status try_put(const char *name, int64_t value);
/* *ret is 0 unless OK. */
enum sluice_status try_take(const char *name, int64_t *ret);
void shut(const char *name);
uint64_t len(const char *name);
uint64_t senders(const char *name);
uint64_t receivers(const char *name);

/* The same on a session, for tasks: false unless OK. */
bool put_on(sluice *s, const char *name, int64_t value);
bool take_on(sluice *s, const char *name, int64_t *ret);

static inline struct sluice_arm arm_put(const char *name, int64_t value)
{
    return sluice_arm_send(ch(name), sluice_int(value));
}
static inline struct sluice_arm arm_take(const char *name)
{
    return sluice_arm_recv(ch(name));
}

/* ---- Tasks ---- */

struct task {
    pthread_t thread;
    void (*run)(struct task *t);
    sluice *s; /* its session, closed when run returns */
    bool started, joined;
    /* for run */
    const char *a, *b, *c;
    int64_t value, times;
    void *data;
    struct sluice_arm arms[ARMS_MAX];
    size_t arms_count;
    struct sluice_wait wait;
    /* what it saw */
    enum sluice_status status;
    int index;
    bool empty; /* no value came */
    int64_t got;
    int64_t list[LIST_MAX];
    size_t list_count;
    char message[160];
};

/* A task that has not started; NULL is never returned. */
struct task *task_new(void (*run)(struct task *t));
struct task *task_start(struct task *t);
/* One call, in a task: started. */
struct task *go_put(const char *name, int64_t value);
struct task *go_take(const char *name);
struct task *go_select(size_t count, const struct sluice_arm *arms);
#define GO_SELECT(...)                                                                \
    go_select(sizeof((struct sluice_arm[]){__VA_ARGS__}) / sizeof(struct sluice_arm), \
              (struct sluice_arm[]){__VA_ARGS__})
/* Wait until it is done. Returns its status. */
enum sluice_status join(struct task *t);
/* Joined, it has taken this value. */
#define took(t, expected)                       \
    do {                                        \
        is(join(t), SLUICE_OK);                 \
        assert_false((t)->empty);               \
        assert_int_equal((t)->got, (expected)); \
    } while (0)
/* Free a joined task before the test ends: for tests that make many. */
void task_forget(struct task *t);
/* Withdraw what it waits for: it must have been waiting. */
void withdraw(struct task *t);
/* Note a value in the list; more than LIST_MAX are dropped and counted. */
void task_note(struct task *t, int64_t value);

/* All sessions but this one are at rest, and at least so many requests are parked. */
void settle(uint64_t parked);
/* Move the virtual clock; everybody comes to rest before each stop and at the end. */
void advance(int64_t ns);
int64_t now_ns(void);

/* ---- Processes ---- */

/* A process that opens a session and runs the function with it, then ends. */
pid_t spawn(void (*run)(sluice *s, void *data), void *data);
/* It has ended well. */
void collect(pid_t pid);
/* kill -9 and collect it. */
void kill_hard(pid_t pid);

#endif

/*
 * conformance_h_signal_test.c - signals as Go's os/signal has them: conformance cases 158 to 161.
 *
 * The cases are those of src/os/signal/signal_test.go and signal_linux_test.go, with this process's own signals and channels of the daemon. raise()
 * returns when the handler has run. That nothing was delivered is seen after a later signal, or a stop, which waits for what was caught.
 */
#include "conform_ctx.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SET(...) (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int)

static sluice_signals notify(const char *name, const int *signals, size_t count)
{
    sluice_signals sub = {0};
    is(sluice_signal_notify(me, ch(name), signals, count, &sub), SLUICE_OK);
    return sub;
}

static struct sluice_signal_counts stop(sluice_signals sub)
{
    struct sluice_signal_counts counts = {0};
    is(sluice_signal_stop(sub, &counts), SLUICE_OK);
    return counts;
}

/* 158: a subscriber that does not read loses signals, and nobody else does. */
static void case_158_signal_drop(void **state)
{
    (void)state;
    const char *unread = chan(1), *second = chan(10);
    sluice_signals lazy = notify(unread, SET(SIGHUP)), keen = notify(second, SET(SIGHUP));
    raise(SIGHUP);
    assert_int_equal(take(second), SIGHUP);
    assert_int_equal(len(unread), 1);
    raise(SIGHUP);
    raise(SIGHUP);
    assert_int_equal(take(second), SIGHUP);
    assert_int_equal(take(second), SIGHUP);
    assert_int_equal(len(unread), 1);
    struct sluice_signal_counts counts = stop(lazy);
    assert_int_equal(counts.sent, 1);
    assert_int_equal(counts.dropped, 2);
    counts = stop(keen);
    assert_int_equal(counts.sent, 3);
    assert_int_equal(counts.dropped, 0);
    assert_int_equal(take(unread), SIGHUP);
    assert_int_equal(len(unread), 0);
}

/* 158: an unbuffered channel takes a signal only while somebody receives, and a closed one none. */
static void case_158_signal_unready(void **state)
{
    (void)state;
    const char *rendezvous = chan(0), *closed = chan(4), *witness = chan(4);
    sluice_signals subs[] = {notify(rendezvous, SET(SIGUSR1)), notify(closed, SET(SIGUSR1)),
                             notify(witness, SET(SIGUSR1))};
    shut(closed);
    raise(SIGUSR1);
    assert_int_equal(take(witness), SIGUSR1);
    struct task *receiver = go_take(rendezvous);
    settle(1);
    raise(SIGUSR1);
    took(receiver, SIGUSR1);
    assert_int_equal(take(witness), SIGUSR1);
    struct sluice_signal_counts counts = stop(subs[0]);
    assert_int_equal(counts.sent, 1);
    assert_int_equal(counts.dropped, 1);
    assert_int_equal(stop(subs[1]).dropped, 2);
    assert_int_equal(stop(subs[2]).sent, 2);
}

/* 159 (TestStop): after the stop nothing comes, and the channel may be closed. */
static void case_159_signal_stop(void **state)
{
    (void)state;
    static const int signals[] = {SIGWINCH, SIGHUP, SIGUSR1};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        const char *name = chan(4), *witness = chan(4);
        sluice_signals sub = notify(name, &signals[i], 1), other = notify(witness, &signals[i], 1);
        raise(signals[i]);
        stop(sub);
        assert_int_equal(len(name), 1);
        shut(name);
        raise(signals[i]); /* for the other alone */
        assert_int_equal(take(witness), signals[i]);
        assert_int_equal(take(witness), signals[i]);
        int64_t value = 0;
        assert_int_equal(take(name), signals[i]);
        is(try_take(name, &value), SLUICE_CLOSED);
        assert_int_equal(stop(other).sent, 2);
    }
    struct sigaction now;
    sigaction(SIGHUP, NULL, &now);
    assert_true(now.sa_handler == SIG_DFL);
}

/* The action that a stop puts back, so that a signal which takes it can be counted. */
static volatile sig_atomic_t by_default;

static void default_action(int number)
{
    (void)number;
    by_default++;
}

static void *raiser(void *barrier)
{
    pthread_barrier_wait(barrier);
    raise(SIGUSR1);
    return NULL;
}

/* 159 (TestAtomicStop, TestStress): a signal that races with the stop is delivered or takes its default action. */
static void case_159_atomic_stop(void **state)
{
    (void)state;
    enum { ROUNDS = 1000 };
    struct sigaction action = {.sa_handler = default_action}, old;
    pthread_barrier_t barrier;
    assert_int_equal(sigaction(SIGUSR1, &action, &old), 0);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    const char *name = chan(1);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        int64_t value = 0;
        by_default = 0;
        sluice_signals sub = notify(name, SET(SIGUSR1));
        assert_int_equal(pthread_create(&thread, NULL, raiser, &barrier), 0);
        pthread_barrier_wait(&barrier);
        uint64_t sent = stop(sub).sent;
        bool delivered = try_take(name, &value) == SLUICE_OK; /* already: later nothing may come */
        pthread_join(thread, NULL);
        assert_int_equal(delivered, sent);
        assert_int_equal(delivered + by_default, 1);
        assert_int_equal(len(name), 0);
    }
    pthread_barrier_destroy(&barrier);
    assert_int_equal(sigaction(SIGUSR1, &old, NULL), 0);
}

static void *storm(void *running)
{
    atomic_bool *on = running;
    intptr_t count = 0;
    for (; *on || count == 0; count++)
        raise(SIGUSR2);
    return (void *)count;
}

/* 159 (TestStress): subscriptions come and go while signals arrive; the one that stays gets them all. */
static void case_159_stress(void **state)
{
    (void)state;
    enum { ROUNDS = 200 };
    const char *whole = chan(100000), *passing = chan(100000);
    atomic_bool on = true;
    pthread_t thread;
    uint64_t in_passing = 0;
    void *raised = NULL;
    sluice_signals all = notify(whole, SET(SIGUSR2));
    assert_int_equal(pthread_create(&thread, NULL, storm, &on), 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct sluice_signal_counts counts = stop(notify(passing, SET(SIGUSR2)));
        in_passing += counts.sent;
        assert_int_equal(len(passing), in_passing); /* and no more come */
        if (i == ROUNDS / 2)
            on = false;
    }
    pthread_join(thread, &raised);
    struct sluice_signal_counts counts = stop(all);
    assert_true(counts.sent + counts.dropped > 0);
    assert_true(counts.sent + counts.dropped <= (uint64_t)(intptr_t)raised);
    assert_int_equal(len(whole), counts.sent);
}

/* 160 (TestReset, TestIgnore): both undo every subscription of that signal. */
static void undo_all(bool ignore)
{
    const char *one = chan(4), *two = chan(4), *witness = chan(4);
    struct sigaction now;
    sluice_signals a = notify(one, SET(SIGWINCH, SIGURG)), b = notify(two, SET(SIGWINCH)),
                   c = notify(witness, SET(SIGUSR1));
    raise(SIGWINCH);
    assert_int_equal(take(one), SIGWINCH);
    assert_int_equal(take(two), SIGWINCH);
    if (ignore)
        is(sluice_signal_ignore(SET(SIGWINCH)), SLUICE_OK);
    else
        is(sluice_signal_reset(SET(SIGWINCH)), SLUICE_OK);
    sigaction(SIGWINCH, NULL, &now);
    assert_true(now.sa_handler == (ignore ? SIG_IGN : SIG_DFL));
    raise(SIGWINCH); /* by default nothing as well */
    raise(SIGUSR1);
    assert_int_equal(take(witness), SIGUSR1);
    assert_int_equal(len(one), 0);
    assert_int_equal(len(two), 0);
    raise(SIGURG); /* what is left of that subscription */
    assert_int_equal(take(one), SIGURG);
    assert_int_equal(notify(one, SET(SIGWINCH)).number, a.number);
    raise(SIGWINCH);
    assert_int_equal(take(one), SIGWINCH);
    stop(a);
    stop(b);
    stop(c);
    sigaction(SIGWINCH, NULL, &now);
    assert_true(now.sa_handler == SIG_DFL);
    assert_int_equal(len(two), 0);
}

static void case_160_reset(void **state)
{
    (void)state;
    undo_all(false);
}

static void case_160_ignore(void **state)
{
    (void)state;
    undo_all(true);
}

/* 160 (TestReset with none named): all signals of all channels, and each has its earlier action again. */
static void case_160_reset_all(void **state)
{
    (void)state;
    const char *name = chan(4);
    struct sigaction before[NSIG], now;
    for (int n = 1; n < NSIG; n++)
        sigaction(n, NULL, &before[n]);
    sluice_signals sub = notify(name, NULL, 0);
    is(sluice_signal_reset(NULL, 0), SLUICE_OK);
    raise(SIGWINCH);
    for (int n = 1; n < NSIG; n++)
        if (sigaction(n, NULL, &now) == 0)
            assert_true(now.sa_sigaction == before[n].sa_sigaction);
    assert_int_equal(stop(sub).sent, 0);
    assert_int_equal(len(name), 0);
}

/* 160 (TestIgnored): true only after Ignore; Notify makes it false. */
static void case_160_ignored(void **state)
{
    (void)state;
    const char *name = chan(4);
    assert_false(sluice_signal_ignored(SIGHUP));
    sluice_signals sub = notify(name, SET(SIGHUP));
    assert_false(sluice_signal_ignored(SIGHUP));
    is(sluice_signal_ignore(SET(SIGHUP)), SLUICE_OK);
    assert_true(sluice_signal_ignored(SIGHUP));
    raise(SIGHUP);
    notify(name, SET(SIGHUP));
    assert_false(sluice_signal_ignored(SIGHUP));
    raise(SIGHUP);
    assert_int_equal(take(name), SIGHUP);
    is(sluice_signal_ignore(SET(SIGHUP)), SLUICE_OK);
    is(sluice_signal_reset(SET(SIGHUP)), SLUICE_OK);
    assert_false(sluice_signal_ignored(SIGHUP));
    assert_int_equal(stop(sub).sent, 1);
    assert_false(sluice_signal_ignored(SIGKILL));
    assert_false(sluice_signal_ignored(0));
}

/* 160 (TestNohup): what was ignored before is so again after the stop. */
static void case_160_nohup(void **state)
{
    (void)state;
    const char *name = chan(4);
    assert_true(signal(SIGHUP, SIG_IGN) != SIG_ERR);
    assert_true(sluice_signal_ignored(SIGHUP));
    sluice_signals sub = notify(name, SET(SIGHUP));
    raise(SIGHUP);
    assert_int_equal(take(name), SIGHUP);
    stop(sub);
    assert_true(sluice_signal_ignored(SIGHUP));
    raise(SIGHUP);
    assert_true(signal(SIGHUP, SIG_DFL) != SIG_ERR);
}

/* ---- 161 ---- */

static sluice_signals notify_context(sluice_ctx parent, sluice_ctx *ret, const int *signals, size_t count)
{
    sluice_signals sub = {0};
    is(sluice_signal_notify_context(me, parent, signals, count, ret, &sub), SLUICE_OK);
    return sub;
}

/* Done, within ten seconds. */
static void await(sluice_ctx ctx)
{
    is(sluice_ctx_wait(me, ctx, NULL), SLUICE_OK);
}

/* 161 (TestNotifyContextNotifications): the first signal cancels, and ten of them do not kill. */
static void case_161_by_signal(void **state)
{
    (void)state;
    sluice_ctx ctx;
    struct sluice_signal_counts counts;
    sluice_signals sub = notify_context(background(), &ctx, SET(SIGINT, SIGUSR1));
    alive(ctx);
    raise(SIGINT);
    await(ctx);
    ended(ctx, SLUICE_CANCELED, "interrupt signal received");
    for (int i = 0; i < 9; i++)
        raise(i % 2 == 0 ? SIGINT : SIGUSR1);
    is(sluice_signal_stop(sub, &counts), SLUICE_OK);
    assert_int_equal(counts.sent, 1);
    assert_int_equal(counts.dropped, 9);
    ended(ctx, SLUICE_CANCELED, "interrupt signal received");
    struct sigaction now;
    sigaction(SIGINT, NULL, &now);
    assert_true(now.sa_handler == SIG_DFL);
}

/* 161: the texts are those of Go's Signal.String. */
static void case_161_causes(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *cause;
    } known[] = {{SIGHUP, "hangup signal received"},
                 {SIGQUIT, "quit signal received"},
                 {SIGTRAP, "trace/breakpoint trap signal received"},
                 {SIGABRT, "aborted signal received"},
                 {SIGFPE, "floating point exception signal received"},
                 {SIGUSR1, "user defined signal 1 signal received"},
                 {SIGPIPE, "broken pipe signal received"},
                 {SIGTERM, "terminated signal received"},
                 {SIGWINCH, "signal 28 signal received"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        sluice_ctx ctx;
        sluice_signals sub = notify_context(background(), &ctx, &known[i].number, 1);
        raise(known[i].number);
        await(ctx);
        ended(ctx, SLUICE_CANCELED, known[i].cause);
        stop(sub);
    }
}

/* 161 (TestNotifyContextStop): the stop cancels. */
static void case_161_by_stop(void **state)
{
    (void)state;
    sluice_ctx ctx;
    sluice_signals sub = notify_context(background(), &ctx, SET(SIGHUP));
    alive(ctx);
    stop(sub);
    canceled(ctx);
    struct sigaction now;
    sigaction(SIGHUP, NULL, &now);
    assert_true(now.sa_handler == SIG_DFL);
}

static void *stopper(void *sub)
{
    const sluice_signals *one = sub;
    return sluice_signal_stop(*one, NULL) == SLUICE_OK ? NULL : sub;
}

/* 161 (TestNotifyContextSimultaneousStop): ten at once are fine. */
static void case_161_ten_stops(void **state)
{
    (void)state;
    sluice_ctx ctx;
    pthread_t threads[10];
    sluice_signals sub = notify_context(background(), &ctx, SET(SIGINT));
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, stopper, &sub), 0);
    for (size_t i = 0; i < 10; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    canceled(ctx);
    stop(sub);
}

/* 161 (TestNotifyContextCancelParent): the parent's end is its end; signals are swallowed until the stop all the same. */
static void case_161_by_parent(void **state)
{
    (void)state;
    sluice_ctx parent = with_cancel(background()), ctx;
    sluice_signals sub = notify_context(parent, &ctx, SET(SIGINT));
    alive(ctx);
    cancel(parent, "parent canceled");
    ended(ctx, SLUICE_CANCELED, "parent canceled");
    raise(SIGINT);
    stop(sub);
    ended(ctx, SLUICE_CANCELED, "parent canceled");
}

/* 161 (TestNotifyContextPrematureCancelParent): born done. */
static void case_161_born_done(void **state)
{
    (void)state;
    sluice_ctx parent = with_cancel(background()), ctx;
    cancel(parent, NULL);
    sluice_signals sub = notify_context(parent, &ctx, SET(SIGINT));
    canceled(ctx);
    raise(SIGINT);
    stop(sub);
    canceled(ctx);
}

/* 161: the context may be dropped while the subscription stays, and one signal cancels many. */
static void case_161_many(void **state)
{
    (void)state;
    enum { MANY = 8 };
    sluice_ctx contexts[MANY], dropped;
    sluice_signals subs[MANY], other = notify_context(background(), &dropped, SET(SIGUSR1));
    is(sluice_drop(me, dropped.ref), SLUICE_OK);
    for (int i = 0; i < MANY; i++)
        subs[i] = notify_context(background(), &contexts[i], SET(SIGUSR1));
    raise(SIGUSR1);
    for (int i = 0; i < MANY; i++) {
        await(contexts[i]);
        ended(contexts[i], SLUICE_CANCELED, "user defined signal 1 signal received");
        stop(subs[i]);
    }
    assert_int_equal(stop(other).sent, 1);
}

/* The default action after a stop is the kernel's: the process dies by the signal. */
static void die_after_stop(sluice *s, void *data)
{
    (void)data;
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    sluice_chan name;
    sluice_signals sub;
    if (sluice_chan_make(s, NULL, 1, &name) != SLUICE_OK ||
        sluice_signal_notify(s, name, SET(SIGINT), &sub) != SLUICE_OK)
        return;
    raise(SIGINT);
    if (sluice_signal_stop(sub, NULL) == SLUICE_OK)
        raise(SIGINT);
}

static void case_159_dies_after_stop(void **state)
{
    (void)state;
    int status = 0;
    pid_t pid = spawn(die_after_stop, NULL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(case_158_signal_drop), CASE(case_158_signal_unready), CASE(case_159_signal_stop),
        CASE(case_159_atomic_stop), CASE(case_159_stress),         CASE(case_159_dies_after_stop),
        CASE(case_160_reset),       CASE(case_160_ignore),         CASE(case_160_reset_all),
        CASE(case_160_ignored),     CASE(case_160_nohup),          CASE(case_161_by_signal),
        CASE(case_161_causes),      CASE(case_161_by_stop),        CASE(case_161_ten_stops),
        CASE(case_161_by_parent),   CASE(case_161_born_done),      CASE(case_161_many),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

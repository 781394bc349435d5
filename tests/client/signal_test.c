/*
 * signal_test.c - signals as values: which, in what form, what is lost, and what becomes of the program's own actions.
 *
 * The signals are this process's own. raise() returns after the handler has run, so a signal has been caught by then; receiving it is the
 * event to wait for. That one has not come is seen by another that was sent behind it.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "served.h"

#define SET(...) (const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int)

static struct served daemon_up;
static sluice *s;
static volatile sig_atomic_t seen; /* by the program's own handler */

static void own_handler(int number)
{
    (void)number;
    seen++;
}

static int start(void **state)
{
    (void)state;
    daemon_up = served_start("signals", NULL);
    s = served_open(&daemon_up);
    return 0;
}

static int end(void **state)
{
    (void)state;
    s = sluice_close(s);
    served_end(&daemon_up, SIGTERM);
    return 0;
}

static sluice_chan make(int64_t cap, enum sluice_type type)
{
    sluice_chan ch = SLUICE_NIL;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    spec.cap = cap;
    spec.type = type;
    assert_status(sluice_chan_make_with(s, NULL, &spec, &ch, NULL), SLUICE_OK);
    return ch;
}

static sluice_signals notify(sluice_chan ch, const int *signals, size_t count)
{
    sluice_signals sub = {0};
    if (sluice_signal_notify(s, ch, signals, count, &sub) != SLUICE_OK)
        fail_msg("%s", sluice_errmsg());
    return sub;
}

static struct sluice_signal_counts stop(sluice_signals sub)
{
    struct sluice_signal_counts counts;
    assert_status(sluice_signal_stop(sub, &counts), SLUICE_OK);
    return counts;
}

/* The next in the channel, within ten seconds. */
static struct sluice_item next(sluice_chan ch)
{
    struct sluice_item item;
    struct sluice_wait wait = SLUICE_WAIT_FOR(10 * SLUICE_SECOND);
    if (sluice_recv(s, ch, &wait, &item) != SLUICE_OK)
        fail_msg("%s", sluice_errmsg());
    return item;
}

static void expect(sluice_chan ch, const char *text)
{
    struct sluice_item item = next(ch);
    assert_string_equal(item.value.bytes.data, text);
    sluice_item_free(&item);
}

static int64_t next_number(sluice_chan ch)
{
    struct sluice_item item = next(ch);
    int64_t number = item.value.integer;
    assert_int_equal(item.value.type, SLUICE_TYPE_INT64);
    sluice_item_free(&item);
    return number;
}

static void expect_empty(sluice_chan ch)
{
    uint64_t len = 1;
    assert_status(sluice_chan_len(s, ch, &len), SLUICE_OK);
    assert_int_equal(len, 0);
}

/* How a child ended that ran this function. */
static int child_status(void (*work)(void))
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_values(void **state)
{
    (void)state;
    sluice_chan bytes = make(4, SLUICE_TYPE_BYTES), text = make(4, SLUICE_TYPE_STRING),
                number = make(4, SLUICE_TYPE_INT64), json = make(4, SLUICE_TYPE_JSON);
    sluice_signals subs[] = {notify(bytes, SET(SIGUSR1, SIGRTMIN + 3)), notify(text, SET(SIGUSR1)),
                             notify(number, SET(SIGUSR1)), notify(json, SET(SIGUSR1))};
    raise(SIGUSR1);
    expect(bytes, "USR1");
    expect(text, "USR1");
    assert_int_equal(next_number(number), SIGUSR1);
    expect(json, "\"USR1\"");
    raise(SIGRTMIN + 3);
    expect(bytes, "RTMIN+3");
    for (size_t i = 0; i < 4; i++)
        stop(subs[i]);
}

static void test_refusals(void **state)
{
    (void)state;
    sluice_chan nil = SLUICE_NIL, ch = make(1, SLUICE_TYPE_BYTES), receiver = SLUICE_NIL;
    sluice_ctx ctx;
    assert_status(sluice_signal_notify(s, nil, SET(SIGUSR1), NULL), SLUICE_MISUSE);
    assert_string_equal(sluice_errmsg(), "os/signal: Notify using nil channel");
    assert_status(sluice_signal_notify(s, ch, SET(SIGUSR1, SIGKILL), NULL), SLUICE_INVALID);
    assert_string_equal(sluice_errmsg(), "signal KILL cannot be caught");
    assert_status(sluice_signal_notify(s, ch, SET(SIGSTOP), NULL), SLUICE_INVALID);
    assert_status(sluice_signal_notify(s, ch, SET(0), NULL), SLUICE_INVALID);
    assert_string_equal(sluice_errmsg(), "0 is no signal");
    assert_status(sluice_signal_notify(s, ch, SET(-1), NULL), SLUICE_INVALID);
    assert_status(sluice_signal_notify(s, ch, SET(32), NULL), SLUICE_INVALID);
    assert_status(sluice_signal_notify(s, ch, SET(65), NULL), SLUICE_INVALID);
    assert_status(sluice_signal_ignore(SET(SIGKILL)), SLUICE_INVALID);
    assert_status(sluice_signal_reset(SET(SIGKILL)), SLUICE_INVALID);
    assert_status(sluice_signal_notify(s, sluice_chan_named("none"), SET(SIGUSR1), NULL), SLUICE_NOT_FOUND);
    assert_status(sluice_signal_notify(s, make(1, SLUICE_TYPE_DOUBLE), SET(SIGUSR1), NULL),
                  SLUICE_WRONG_TYPE);
    assert_status(sluice_chan_dup(s, ch, SLUICE_RIGHT_RECV, &receiver), SLUICE_OK);
    assert_status(sluice_signal_notify(s, receiver, SET(SIGUSR1), NULL), SLUICE_NO_RIGHT);
    assert_status(sluice_ctx_background(s, &ctx), SLUICE_OK);
    assert_status(sluice_signal_notify(s, sluice_chan_of(ctx.ref), SET(SIGUSR1), NULL), SLUICE_WRONG_KIND);
    sluice_ctx none = SLUICE_NIL, derived;
    sluice_signals sub = {0};
    assert_status(sluice_signal_notify_context(s, none, SET(SIGUSR1), &derived, &sub), SLUICE_INVALID);
    assert_status(sluice_signal_notify_context(s, ctx, SET(SIGSTOP), &derived, &sub), SLUICE_INVALID);
    struct sigaction now;
    assert_int_equal(sigaction(SIGUSR1, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_DFL);
}

/* Calls on one reference accumulate, and a signal is sent once however often it was named. */
static void test_accumulate(void **state)
{
    (void)state;
    sluice_chan ch = make(8, SLUICE_TYPE_BYTES);
    sluice_signals a = notify(ch, SET(SIGUSR1, SIGUSR1)), b = notify(ch, SET(SIGUSR2, SIGUSR1));
    assert_true(a.number != 0 && a.number == b.number);
    raise(SIGUSR1);
    raise(SIGUSR2);
    expect(ch, "USR1");
    expect(ch, "USR2");
    struct sluice_signal_counts counts = stop(a);
    assert_int_equal(counts.sent, 2);
    assert_int_equal(counts.dropped, 0);
    assert_status(sluice_signal_counts_get(b, &counts), SLUICE_INVALID);
    counts = stop(b);
    assert_int_equal(counts.sent, 0);
}

/* A name is looked up each time: what is made anew under it gets what comes then. */
static void test_names(void **state)
{
    (void)state;
    sluice_chan ch, again;
    char name[] = "by-name";
    assert_status(sluice_chan_make(s, name, 4, &ch), SLUICE_OK);
    sluice_signals sub = notify(sluice_chan_named(name), SET(SIGUSR1));
    memset(name, 'x', sizeof name - 1); /* it was borrowed for the call only */
    raise(SIGUSR1);
    expect(ch, "USR1");
    assert_status(sluice_remove(s, ch.ref), SLUICE_OK);
    raise(SIGUSR1);
    assert_status(sluice_chan_make(s, "by-name", 4, &again), SLUICE_OK);
    raise(SIGUSR1);
    expect(again, "USR1");
    stop(sub);
}

static void test_all(void **state)
{
    (void)state;
    sluice_chan ch = make(200, SLUICE_TYPE_INT64);
    sluice_signals sub = notify(ch, NULL, 0);
    for (int n = 1; n <= SIGRTMAX; n++)
        if (n != SIGKILL && n != SIGSTOP && (n < 32 || n >= SIGRTMIN)) {
            raise(n);
            assert_int_equal(next_number(ch), n);
        }
    stop(sub);
    struct sigaction now;
    assert_int_equal(sigaction(SIGTERM, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_DFL);
}

#define FLOOD 20000

/* Faster than the daemon takes them: none is lost, and all keep their order. */
static void test_flood(void **state)
{
    (void)state;
    sluice_chan ch = make(FLOOD, SLUICE_TYPE_INT64);
    sluice_signals sub = notify(ch, SET(SIGUSR1, SIGUSR2, SIGHUP));
    static const int cycle[] = {SIGUSR2, SIGHUP, SIGUSR1};
    for (int i = 0; i < FLOOD; i++)
        raise(cycle[i % 3]);
    for (int i = 0; i < FLOOD;) {
        struct sluice_batch batch;
        assert_status(sluice_recv_many(s, ch, 0, 0, NULL, &batch), SLUICE_OK);
        for (size_t k = 0; k < batch.count; k++)
            assert_int_equal(batch.items[k].value.integer, cycle[i++ % 3]);
        sluice_batch_free(&batch);
    }
    struct sluice_signal_counts counts = stop(sub);
    assert_int_equal(counts.sent, FLOOD);
    assert_int_equal(counts.dropped, 0);
}

/* More than the process can keep: of each number at least one more comes, and every one that came is counted. */
static void test_spill(void **state)
{
    (void)state;
    enum { BURST = 200000 };
    sluice_chan ch = make(BURST, SLUICE_TYPE_BYTES);
    sluice_signals sub = notify(ch, SET(SIGUSR1, SIGUSR2));
    assert_int_equal(kill(daemon_up.pid, SIGSTOP), 0); /* it takes nothing */
    for (int i = 0; i < BURST; i++)
        raise(SIGUSR1);
    raise(SIGUSR2);
    assert_int_equal(kill(daemon_up.pid, SIGCONT), 0);
    struct sluice_signal_counts counts = stop(sub);
    uint64_t len = 0;
    assert_status(sluice_chan_len(s, ch, &len), SLUICE_OK);
    assert_int_equal(len, counts.sent);
    assert_true(counts.sent >= 4096 && counts.sent + counts.dropped < BURST);
    bool other = false;
    for (uint64_t i = 0; i < len;) {
        struct sluice_batch batch;
        assert_status(sluice_recv_many(s, ch, 0, 0, NULL, &batch), SLUICE_OK);
        for (size_t k = 0; k < batch.count; k++, i++)
            other = other || memcmp(batch.items[k].value.bytes.data, "USR2", 4) == 0;
        sluice_batch_free(&batch);
    }
    assert_true(other);
}

/* The program's own action comes back, unless it has set another meanwhile. */
static void test_own_actions(void **state)
{
    (void)state;
    struct sigaction own = {.sa_handler = own_handler}, other = {.sa_handler = SIG_IGN}, now;
    assert_int_equal(sigaction(SIGUSR1, &own, NULL), 0);
    sluice_chan ch = make(4, SLUICE_TYPE_BYTES);
    sluice_signals sub = notify(ch, SET(SIGUSR1));
    seen = 0;
    raise(SIGUSR1);
    expect(ch, "USR1");
    assert_int_equal(seen, 0);
    stop(sub);
    raise(SIGUSR1);
    assert_int_equal(seen, 1);

    sub = notify(ch, SET(SIGUSR1));
    struct sigaction ours;
    assert_int_equal(sigaction(SIGUSR1, &other, &ours), 0);
    stop(sub);
    assert_int_equal(sigaction(SIGUSR1, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_IGN);

    /* Whoever kept ours and sets it again gets the program's own action. */
    assert_int_equal(sigaction(SIGUSR1, &own, NULL), 0);
    stop(notify(ch, SET(SIGUSR1)));
    assert_int_equal(sigaction(SIGUSR1, &ours, NULL), 0);
    raise(SIGUSR1);
    assert_int_equal(seen, 2);
    raise(SIGUSR1);
    assert_int_equal(seen, 3);
    expect_empty(ch);
    assert_true(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
}

static void raise_in_child(void)
{
    raise(SIGUSR1);
}

static void subscribe_in_child(void)
{
    struct sluice_item item;
    sluice_signals sub;
    sluice *own = NULL;
    struct sluice_options o = options_for(daemon_up.address);
    sluice_chan ch;
    if (sluice_open(&o, &own) != SLUICE_OK || sluice_chan_make(own, NULL, 1, &ch) != SLUICE_OK ||
        sluice_signal_notify(own, ch, SET(SIGUSR1), &sub) != SLUICE_OK)
        _exit(1);
    raise(SIGUSR1);
    if (sluice_recv(own, ch, NULL, &item) != SLUICE_OK || strcmp(item.value.bytes.data, "USR1") != 0)
        _exit(2);
    sluice_item_free(&item);
    if (sluice_signal_stop(sub, NULL) != SLUICE_OK ||
        sluice_signal_notify(own, ch, SET(SIGUSR1), &sub) != SLUICE_OK)
        _exit(3);
    raise(SIGUSR2); /* that is the parent's subscription */
}

static sluice_signals parents;

static void stop_in_child(void)
{
    struct sluice_signal_counts counts;
    if (sluice_signal_counts_get(parents, &counts) != SLUICE_INVALID ||
        sluice_signal_stop(parents, &counts) != SLUICE_OK || counts.sent != 0)
        _exit(1);
}

/* vfork: no handler of fork runs, and the memory is shared. */
static int vfork_status(void)
{
    int status = 0;
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
    if (pid == 0) {
        kill(getpid(), SIGUSR1); /* NOLINT(clang-analyzer-unix.Vfork) */
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* A child's signals are its own, and so is what it subscribes. */
static void test_fork(void **state)
{
    (void)state;
    sluice_chan ch = make(4, SLUICE_TYPE_BYTES);
    parents = notify(ch, SET(SIGUSR1, SIGUSR2));
    int status = child_status(raise_in_child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    status = vfork_status();
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    status = child_status(subscribe_in_child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2);
    assert_int_equal(child_status(stop_in_child), 0);
    raise(SIGUSR2);
    expect(ch, "USR2");
    assert_int_equal(stop(parents).sent, 1);
}

static void fault(void)
{
    void *page = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *(volatile char *)page = 1;
    munmap(page, 1);
}

/* What the program's own instructions raise is no message, but the action that was there. */
static void fault_in_child(void)
{
    sluice *own = NULL;
    struct sluice_options o = options_for(daemon_up.address);
    sluice_chan ch;
    signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own */
    if (sluice_open(&o, &own) == SLUICE_OK && sluice_chan_make(own, NULL, 1, &ch) == SLUICE_OK &&
        sluice_signal_notify(own, ch, NULL, 0, NULL) == SLUICE_OK)
        fault();
}

static void test_fault(void **state)
{
    (void)state;
    int status = child_status(fault_in_child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void ignore_then_exec(void)
{
    const char *script = "kill -HUP $$; kill -USR1 $$; exit 9";
    if (sluice_signal_ignore(SET(SIGHUP)) == SLUICE_OK)
        execl("/bin/sh", "sh", "-c", script, (char *)NULL);
}

/* An executed program has the default for what was caught, and ignores what was ignored. */
static void test_exec(void **state)
{
    (void)state;
    sluice_signals sub = notify(make(1, SLUICE_TYPE_BYTES), SET(SIGUSR1));
    int status = child_status(ignore_then_exec);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    stop(sub);
}

/* The daemon is gone: nobody blocks for ever, and all is counted. */
static void test_daemon_gone(void **state)
{
    (void)state;
    struct served d = served_start("gone", NULL);
    struct sluice_options o = options_for(d.address);
    sluice *own = served_open(&d);
    sluice_close(own);
    o.connect_timeout_ns =
        SLUICE_MILLISECOND; /* so that it is soon known to be gone; it may take several to connect */
    enum sluice_status status;
    do
        status = sluice_open(&o, &own);
    while (status == SLUICE_UNAVAILABLE);
    assert_status(status, SLUICE_OK);
    sluice_chan ch;
    sluice_signals sub;
    struct sluice_signal_counts counts;
    assert_status(sluice_chan_make(own, NULL, 4, &ch), SLUICE_OK);
    assert_status(sluice_signal_notify(own, ch, SET(SIGUSR1), &sub), SLUICE_OK);
    served_end(&d, SIGKILL);
    for (int i = 0; i < 1000; i++)
        raise(SIGUSR1);
    assert_status(sluice_signal_stop(sub, &counts), SLUICE_OK);
    assert_int_equal(counts.sent, 0);
    assert_int_equal(counts.dropped, 1000);
    sluice_close(own);
}

static void test_limit(void **state)
{
    (void)state;
    enum { MAX = 256 };
    sluice_signals subs[MAX];
    sluice_chan ch = make(2 * MAX, SLUICE_TYPE_INT64), more = SLUICE_NIL;
    for (int i = 0; i < MAX; i++) {
        assert_status(sluice_chan_dup(s, ch, 0, &more), SLUICE_OK); /* another reference */
        subs[i] = notify(more, SET(SIGUSR1));
    }
    assert_status(sluice_signal_notify(s, ch, SET(SIGUSR1), NULL), SLUICE_LIMIT);
    raise(SIGUSR1);
    for (int i = 0; i < MAX; i++)
        assert_int_equal(next_number(ch), SIGUSR1);
    for (int i = 0; i < MAX; i++)
        stop(subs[i]);
    expect_empty(ch);
}

static void test_name_table(void **state)
{
    (void)state;
    for (int n = 1; n <= SIGRTMAX; n++) {
        const char *name = sluice_signal_name(n);
        char text[32];
        if (n >= 32 && n < SIGRTMIN) {
            assert_null(name);
            continue;
        }
        assert_int_equal(sluice_signal_number(name), n);
        snprintf(text, sizeof text, "SIG%s", name);
        assert_int_equal(sluice_signal_number(text), n);
        snprintf(text, sizeof text, "%d", n);
        assert_int_equal(sluice_signal_number(text), n);
    }
    assert_null(sluice_signal_name(0));
    assert_null(sluice_signal_name(-2));
    assert_null(sluice_signal_name(65));
    assert_int_equal(sluice_signal_number("sigint"), SIGINT);
    assert_int_equal(sluice_signal_number("RTMAX"), SIGRTMAX);
    static const char *const wrong[] = {"", "SIG", "0", "-1", "2x", "65", "32", "INTR", "RTMIN+31"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(sluice_signal_number(wrong[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_refusals),    cmocka_unit_test(test_accumulate),
        cmocka_unit_test(test_names),  cmocka_unit_test(test_all),         cmocka_unit_test(test_flood),
        cmocka_unit_test(test_spill),  cmocka_unit_test(test_own_actions), cmocka_unit_test(test_fork),
        cmocka_unit_test(test_fault),  cmocka_unit_test(test_exec),        cmocka_unit_test(test_daemon_gone),
        cmocka_unit_test(test_limit),  cmocka_unit_test(test_name_table),
    };
    return cmocka_run_group_tests(tests, start, end);
}

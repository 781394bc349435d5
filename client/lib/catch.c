/*
 * catch.c - signals of this process, from the handler to a thread that may do anything: see catch.h.
 *
 * The handler does one thing that matters: it writes the signal's number into a pipe, which never blocks. A thread that takes
 * no signals itself reads the pipe. So no thread of the program needs its signals blocked, and a handler that interrupts the library
 * in the middle of anything harms nothing. Should the pipe be full, with 65536 signals that the thread has not come to, a
 * flag keeps that there was at least one more of this number, as the kernel does with what is pending. A zero in the pipe only
 * says that there is something to look at.
 *
 * No signal is lost when catching ends (Go's Stop). catch_release puts the old action back first and clears `wanted` second. A handler that has begun
 * by then counts itself in `delivering` before it looks at `wanted`: either it sees that it is wanted, and catch_settle
 * waits for it and for what it wrote; or it does not, and raises the signal again, which then meets the old action. Somebody else, who
 * kept our handler when it was in force, may have set it again since; then it puts the old action back itself.
 *
 * A fork, a vfork, or a clone by hand leaves the handler in a process that has no thread, with the pipe of another. So the handler compares
 * process numbers, and in a stranger puts the old action back and raises the signal again.
 *
 * SEGV, BUS, FPE, ILL, TRAP and SYS that the kernel raises for what the program itself did are no messages: returning from them would repeat them for ever. The
 * old action is put back, and the instruction meets it. (Go panics.)
 */
#include "catch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "util.h"

static_assert(_NSIG <= CATCH_SIGNALS, "every number has its place");
static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_BOOL_LOCK_FREE == 2, "the handler takes no locks");

enum state { AS_IT_WAS, CAUGHT, IGNORED };

static struct {
    /* The handler's: */
    _Atomic pid_t owner;         /* the process that has the thread */
    _Atomic uint32_t delivering; /* handlers at work */
    _Atomic uint32_t caught;     /* numbers that were written */
    _Atomic uint32_t handled;    /* numbers that were delivered; a futex */
    _Atomic bool wanted[CATCH_SIGNALS];
    _Atomic bool spilled[CATCH_SIGNALS]; /* there was no room for one more */
    _Atomic bool ending;
    struct sigaction before[CATCH_SIGNALS];
    int out;

    /* The callers': */
    enum state state[CATCH_SIGNALS];
    bool running;
    pthread_t thread;
    int in; /* the thread's */
    void (*deliver)(const unsigned char *numbers, size_t count);
} catcher = {.in = -1, .out = -1};

bool catch_possible(int number)
{
    if (number < 1 || number > SIGRTMAX || number == SIGKILL || number == SIGSTOP)
        return false;
    return number < 32 || number >= SIGRTMIN;
}

/* ---- The handler. */

static void on_signal(int number, siginfo_t *info, void *context);

static bool is_fault(int number, const siginfo_t *info)
{
    switch (number) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS: return info->si_code > 0;
    default: return false;
    }
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == on_signal;
}

static bool put(unsigned char byte)
{
    if (write(catcher.out, &byte, 1) != 1)
        return false;
    catcher.caught++;
    return true;
}

static void write_down(int number)
{
    if (put((unsigned char)number))
        return;
    catcher.spilled[number] = true;
    put(0); /* if there is room by now the thread may not look again for what was there before */
}

/* Nobody waits for it, so it is for the old action. */
static void give_up(int number)
{
    struct sigaction now;
    if (sigaction(number, NULL, &now) == 0 && is_ours(&now))
        sigaction(number, &catcher.before[number], NULL);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    int error = errno;
    bool again = false; /* blocked until the handler returns */
    if (is_fault(number, info)) {
        give_up(number);
    } else if (getpid() != catcher.owner) {
        give_up(number);
        again = true;
    } else {
        catcher.delivering++;
        again = !catcher.wanted[number];
        if (again)
            give_up(number);
        else
            write_down(number);
        catcher.delivering--;
    }
    if (again)
        raise(number);
    errno = error;
}

/* ---- The thread. */

/* Waits for numbers: how many bytes of the pipe that took, and how many numbers they gave. */
static size_t next(unsigned char numbers[static CATCH_BATCH], size_t *ret_count)
{
    unsigned char bytes[CATCH_BATCH - CATCH_SIGNALS];
    ssize_t got = 0;
    size_t count = 0;
    do
        got = read(catcher.in, bytes, sizeof bytes);
    while (got < 0 && errno == EINTR);
    assert(got > 0);
    for (ssize_t i = 0; i < got; i++)
        if (bytes[i] != 0)
            numbers[count++] = bytes[i];
    for (int n = 1; n < CATCH_SIGNALS; n++)
        if (atomic_exchange(&catcher.spilled[n], false))
            numbers[count++] = (unsigned char)n;
    *ret_count = count;
    return (size_t)got;
}

static void *run(void *nothing)
{
    while (!catcher.ending) {
        unsigned char numbers[CATCH_BATCH];
        size_t count = 0, bytes = next(numbers, &count);
        if (count > 0)
            catcher.deliver(numbers, count);
        catcher.handled += (uint32_t)bytes;
        futex_wake(&catcher.handled);
    }
    return nothing;
}

/* A new thread inherits its maker's mask: it takes no signals. 0, or a positive errno. */
static int start_thread(void)
{
    sigset_t all, mask;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    int error = pthread_create(&catcher.thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (error == 0)
        pthread_setname_np(catcher.thread, "sluice-signals");
    return error;
}

static void close_pipe(void)
{
    if (catcher.in >= 0)
        close(catcher.in);
    if (catcher.out >= 0)
        close(catcher.out);
    catcher.in = catcher.out = -1;
}

int catch_start(void (*deliver)(const unsigned char *numbers, size_t count))
{
    int ends[2];
    assert(!catcher.running);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    catcher.in = ends[0];
    catcher.out = ends[1];
    catcher.deliver = deliver;
    catcher.owner = getpid();
    catcher.caught = catcher.handled = 0;
    int error = start_thread();
    if (error != 0)
        close_pipe();
    catcher.running = error == 0;
    return -error;
}

void catch_stop(void)
{
    assert(catcher.running);
    catcher.ending = true;
    bool told = put(0);
    assert(told); /* nothing else is in it */
    pthread_join(catcher.thread, NULL);
    catcher.running = false;
    catcher.ending = false;
    close_pipe();
}

static void settle_handlers(void)
{
    while (catcher.delivering > 0)
        sched_yield();
}

void catch_settle(void)
{
    assert(catcher.running);
    settle_handlers();
    uint32_t caught = catcher.caught, handled;
    while (handled = catcher.handled, (int32_t)(handled - caught) < 0)
        futex_wait(&catcher.handled, handled, NEVER);
}

/* ---- Actions. */

static bool is_ignore(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == SIG_IGN;
}

/* Whether it was set here: else it is the program's own. */
static bool is_set_here(int number, const struct sigaction *action)
{
    return is_ours(action) || (catcher.state[number] == IGNORED && is_ignore(action));
}

/* Sets an action, and keeps the one that the program had. */
static void change(int number, const struct sigaction *action, enum state state)
{
    struct sigaction old;
    assert(catch_possible(number));
    int r = sigaction(number, NULL, &old);
    if (r == 0 && !is_set_here(number, &old))
        catcher.before[number] = old;
    if (r == 0)
        r = sigaction(number, action, NULL);
    assert(r == 0);
    catcher.state[number] = state;
}

void catch_signal(int number)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK}, now;
    action.sa_sigaction = on_signal;
    sigfillset(&action.sa_mask);
    assert(catcher.running);
    catcher.wanted[number] = true;
    change(number, &action, CAUGHT);
    settle_handlers(); /* one that still gives it up may have come after us */
    if (sigaction(number, NULL, &now) == 0 && !is_ours(&now))
        sigaction(number, &action, NULL);
}

void catch_release(int number)
{
    struct sigaction now;
    if (catcher.state[number] == AS_IT_WAS)
        return;
    if (sigaction(number, NULL, &now) == 0 && is_set_here(number, &now))
        sigaction(number, &catcher.before[number], NULL);
    catcher.wanted[number] = false;
    catcher.state[number] = AS_IT_WAS;
}

void catch_ignore(int number)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    change(number, &action, IGNORED);
    catcher.wanted[number] = false;
}

bool catch_ignored(int number)
{
    struct sigaction now;
    return catch_possible(number) && sigaction(number, NULL, &now) == 0 && is_ignore(&now);
}

/* ---- Forks. */

void catch_forked(void)
{
    for (int n = 1; n < CATCH_SIGNALS; n++) {
        if (catcher.state[n] == CAUGHT)
            catch_release(n);
        catcher.spilled[n] = false;
    }
    close_pipe();
    catcher.running = false;
    catcher.delivering = 0;
}

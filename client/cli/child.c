/*
 * child.c - a command that runs while this process holds something for it: see child.h.
 *
 * One poll waits for everything: signals come through a signalfd, so that none can be missed between a check and a wait.
 *
 * The terminal. When stdin and stdout are one and this process is in its foreground, the command's group becomes the foreground group:
 * Ctrl-C and Ctrl-Z reach the command as if it had been run by itself. When it stops, this process takes the terminal back and stops too,
 * so that the shell notices; when the shell continues this process, it continues the command. In a pipeline the foreground is shared with
 * others, so it is left alone, and what Ctrl-C sends to this process is passed on.
 *
 * Ending. SIGTERM goes to the whole group, SIGKILL after a while. What is left of a group whose command had to be stopped is
 * killed at the end: nothing that worked for it may go on when what it held passes to another.
 *
 * Should this process be killed itself, the kernel sends the command SIGTERM, and no more. Where that is not enough, a guard (guard.h) does
 * the rest.
 */
#include "child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "duration.h"
#include "guard.h"
#include "link.h"

/* What is waited for instead of being obeyed. */
static const int watched[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP};

/* ---- The terminal */

static int open_terminal(void)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return -1;
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (terminal >= 0 && tcgetpgrp(terminal) != getpgrp()) {
        close(terminal);
        return -1;
    }
    return terminal;
}

/* Makes a group the foreground; SIGTTOU, which a background process gets for this, is blocked. */
static void give_terminal(int terminal, pid_t group)
{
    sigset_t only, old;
    sigemptyset(&only);
    sigaddset(&only, SIGTTOU);
    sigprocmask(SIG_BLOCK, &only, &old);
    tcsetpgrp(terminal, group);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void follow_stop(struct child *c)
{
    if (c->terminal >= 0)
        give_terminal(c->terminal, getpgrp());
    raise(SIGSTOP);
    if (c->terminal >= 0 && tcgetpgrp(c->terminal) == getpgrp())
        give_terminal(c->terminal, c->pid);
    child_signal(c, SIGCONT);
}

/* ---- Starting */

/* In the new process: becomes the command, or writes why not. */
__attribute__((noreturn)) static void become(const struct child *c, char **command, int input, int output,
                                             int report, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(128 + SIGTERM);
    setpgid(0, 0);
    if (c->guard > 0)
        guard_tell(getpid());
    if (c->terminal >= 0)
        give_terminal(c->terminal, getpid());
    if (input >= 0)
        dup2(input, STDIN_FILENO);
    if (output >= 0)
        dup2(output, STDOUT_FILENO);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        struct sigaction old;
        if (sigaction(watched[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            signal(watched[i], SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &c->mask, NULL);
    execvp(command[0], command);
    int error = errno;
    if (write(report, &error, sizeof error) < 0)
        _exit(127);
    _exit(error == ENOENT ? 127 : 126);
}

/* 0, or the exit code with a message said, when the command did not begin. */
static int await_exec(struct child *c, const char *name, int report)
{
    int error = 0;
    ssize_t got = 0;
    do
        got = read(report, &error, sizeof error);
    while (got < 0 && errno == EINTR);
    close(report);
    if (got != sizeof error)
        return 0;
    waitpid(c->pid, NULL, 0);
    c->pid = 0;
    child_done(c, false);
    return fail_text(error == ENOENT ? 127 : 126, "%s: %s", name,
                     error == ENOENT ? "command not found" : strerror(error));
}

int child_start(struct child *c, char **command, bool has_input, const void *data, size_t size,
                int64_t kill_after_ns)
{
    const struct child_spec spec = {
        .has_input = has_input, .data = data, .size = size, .output = -1, .kill_after_ns = kill_after_ns};
    return child_start_with(c, command, &spec);
}

/* Blocks the signals that are waited for, and opens what tells of them; c->signals is -1 if that fails. */
static void watch_signals(struct child *c, const sigset_t *more)
{
    sigset_t set;
    sigemptyset(&set);
    if (more != NULL)
        set = *more;
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        sigaddset(&set, watched[i]);
    c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &set, &c->mask);
    signal(SIGCHLD, SIG_DFL);
}

/* The pipes of a piped one, after its guard has been started, which must not have their other ends. False: errno. */
static bool make_pipes(const struct child_spec *spec, int report[2], int input[2], int output[2])
{
    return pipe2(report, O_CLOEXEC) == 0 &&
           (!(spec->has_input || spec->piped) || pipe2(input, O_CLOEXEC) == 0) &&
           (!spec->piped || pipe2(output, O_CLOEXEC) == 0);
}

/* Keeps our ends of them. */
static void keep_pipes(struct child *c, const struct child_spec *spec, const int input[2],
                       const int output[2])
{
    if (!spec->has_input && !spec->piped)
        return;
    close(input[0]);
    fcntl(input[1], F_SETFL, O_NONBLOCK);
    if (spec->has_input) {
        c->input = input[1];
        return;
    }
    close(output[1]);
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    c->to = input[1];
    c->from = output[0];
}

int child_start_with(struct child *c, char **command, const struct child_spec *spec)
{
    int report[2], input[2] = {-1, -1}, output[2] = {-1, -1};
    assert(!(spec->has_input && spec->piped));
    *c = (struct child){.signals = -1,
                        .input = -1,
                        .to = -1,
                        .from = -1,
                        .data = spec->data,
                        .size = spec->size,
                        .kill_after_ns = spec->kill_after_ns,
                        .kill_at_ns = INT64_MAX};
    c->terminal = spec->has_input || spec->piped || spec->in_background ? -1 : open_terminal();
    if (spec->guarded) /* before there are pipes whose end would be waited for */
        c->guard = guard_start(spec->kill_after_ns);
    if (!make_pipes(spec, report, input, output))
        return fail_text(EX_OSERR, "cannot make a pipe: %s", strerror(errno));
    watch_signals(c, spec->signals);
    pid_t parent = getpid();
    c->pid = c->signals < 0 || c->guard < 0 ? -1 : fork();
    if (c->pid == 0)
        become(c, command, input[0], spec->piped ? output[1] : spec->output, report[1], parent);
    int error = errno;
    close(report[1]);
    keep_pipes(c, spec, input, output);
    if (c->pid < 0) {
        close(report[0]);
        c->pid = 0;
        child_done(c, false);
        return fail_text(EX_OSERR, "cannot start a process: %s", strerror(error));
    }
    setpgid(c->pid, c->pid); /* here as well as there: whoever comes first */
    return await_exec(c, command[0], report[0]);
}

/* ---- Waiting */

/* Takes back the blocked SIGPIPE of a write. */
static void forget_pipe_signal(void)
{
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    const struct timespec at_once = {0, 0};
    sigtimedwait(&only, NULL, &at_once);
}

/* Feeds its stdin as far as it takes it. */
static void feed(struct child *c)
{
    while (c->size > 0) {
        ssize_t put = write(c->input, c->data, c->size);
        if (put < 0 && errno == EAGAIN)
            return;
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) { /* it does not want the rest */
            forget_pipe_signal();
            break;
        }
        c->data += put;
        c->size -= (size_t)put;
    }
    close(c->input);
    c->input = -1;
}

/* What became of it: true when it has ended; it is left to child_done to be reaped, so that its group's number stays its own. */
static bool reap(struct child *c)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) != 0 ||
            info.si_pid != c->pid)
            return false;
        if (info.si_code != CLD_STOPPED) {
            c->killed = info.si_code != CLD_EXITED;
            c->code = c->killed ? 128 + info.si_status : info.si_status;
            return true;
        }
        waitid(P_PID, (id_t)c->pid, &info, WSTOPPED | WNOHANG);
        if (info.si_status != SIGSTOP)
            follow_stop(c);
    }
}

/* Takes one signal: true when it is an event for the owner. */
static bool take_signal(struct child *c, enum child_event *ret)
{
    struct signalfd_siginfo info;
    if (read(c->signals, &info, sizeof info) != sizeof info)
        return false;
    c->signal = (int)info.ssi_signo;
    *ret = c->signal == SIGCHLD ? CHILD_ENDED : CHILD_SIGNALED;
    return c->signal == SIGCHLD ? reap(c) : true;
}

/* Milliseconds to an instant, rounded up; -1: never. */
static int until(int64_t at_ns)
{
    if (at_ns == INT64_MAX)
        return -1;
    int64_t left_ms = (at_ns - monotonic_now() + 999999) / 1000000;
    return left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

enum child_event child_next(struct child *c, int fd, int64_t at_ns)
{
    for (;;) {
        enum child_event event = CHILD_ENDED;
        struct pollfd polls[] = {{c->signals, POLLIN, 0}, {c->input, POLLOUT, 0}, {fd, POLLIN, 0}};
        int64_t next_ns = at_ns < c->kill_at_ns ? at_ns : c->kill_at_ns;
        int ready = poll(polls, 3, until(next_ns));
        if (ready < 0 && errno != EINTR)
            abort();
        if (ready > 0 && polls[0].revents != 0 && take_signal(c, &event))
            return event;
        if (ready > 0 && polls[1].revents != 0)
            feed(c);
        if (ready > 0 && polls[2].revents != 0)
            return CHILD_READABLE;
        int64_t now_ns = monotonic_now();
        if (now_ns >= c->kill_at_ns) {
            child_signal(c, SIGKILL);
            c->kill_at_ns = INT64_MAX;
        }
        if (now_ns >= at_ns)
            return CHILD_TIME;
    }
}

ssize_t child_write(const struct child *c, const void *data, size_t size)
{
    ssize_t put = 0;
    do
        put = write(c->to, data, size);
    while (put < 0 && errno == EINTR);
    if (put >= 0 || errno == EAGAIN)
        return put < 0 ? 0 : put;
    forget_pipe_signal();
    return -1;
}

void child_close_stdin(struct child *c)
{
    if (c->to >= 0)
        close(c->to);
    c->to = -1;
}

/* ---- Ending */

void child_signal(const struct child *c, int number)
{
    assert(c->pid > 0);
    kill(-c->pid, number);
}

void child_stop(struct child *c)
{
    if (c->stopping) {
        child_signal(c, SIGKILL);
        return;
    }
    c->stopping = true;
    child_signal(c, SIGTERM);
    child_signal(c, SIGCONT); /* a stopped one could not end */
    int64_t now_ns = monotonic_now();
    c->kill_at_ns = c->kill_after_ns > INT64_MAX - 1 - now_ns ? INT64_MAX - 1 : now_ns + c->kill_after_ns;
}

void child_done(struct child *c, bool kill_rest)
{
    if (c->pid > 0 && kill_rest)
        child_signal(c, SIGKILL);
    if (c->guard > 0)
        guard_end(c->guard);
    if (c->pid > 0)
        waitpid(c->pid, NULL, 0);
    if (c->terminal >= 0) {
        give_terminal(c->terminal, getpgrp());
        close(c->terminal);
    }
    if (c->input >= 0)
        close(c->input);
    child_close_stdin(c);
    if (c->from >= 0)
        close(c->from);
    if (c->signals >= 0)
        close(c->signals);
    sigprocmask(SIG_SETMASK, &c->mask, NULL);
    c->input = c->from = c->signals = c->terminal = -1;
    c->guard = 0;
}

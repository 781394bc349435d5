/*
 * process.c - a command's process: see process.h.
 *
 * All that can go wrong before the fork is found there: the program is looked up, and the environment made. Between fork and exec only calls
 * are made that are safe in the child of a process with threads; what goes wrong there comes back through a pipe, which the exec
 * closes. The new process tells the guard of its group itself, so that there is no moment at which it runs and nobody would
 * end it.
 *
 * The texts are Go's: `exec: "x": executable file not found in $PATH`, `fork/exec /p: no such file or directory`, `chdir /p: ...`.
 */
#include "process.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"

enum { NOT_RUNNABLE = 126, NOT_FOUND = 127 }; /* as shells have it */
enum { PIPE_INPUT, PIPE_OUT, PIPE_ERR, PIPE_REPORT, PIPES };

/* What is to be executed. */
struct plan {
    const struct sluice_command *command;
    char *program; /* its path */
    char **environment;
    int pipes[PIPES][2]; /* -1: none */
};

enum step { STEP_INPUT, STEP_CHDIR, STEP_EXEC };
struct trouble {
    enum step step;
    int error;
};

/* ---- Failing. */

/* A text and what the system says of it, with a small first letter, as Go writes it. */
__attribute__((format(printf, 4, 5))) static int refuse(char **ret_error, int code, int error,
                                                        const char *format, ...)
{
    char *text = NULL, *whole = NULL;
    va_list rest;
    va_start(rest, format);
    if (vasprintf(&text, format, rest) < 0)
        abort();
    va_end(rest);
    if (error == 0) {
        *ret_error = text;
        return code;
    }
    const char *why = strerrordesc_np(error);
    if (why == NULL)
        why = "unknown error";
    if (asprintf(&whole, "%s: %c%s", text, tolower((unsigned char)why[0]), why + 1) < 0)
        abort();
    free(text);
    *ret_error = whole;
    return code;
}

/* ---- Finding the program. */

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
           faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* The first of this name along PATH; NULL: there is none. */
static char *search(const char *path, const char *name)
{
    for (const char *at = path, *end; at != NULL; at = *end == '\0' ? NULL : end + 1) {
        char *file = NULL;
        end = strchrnul(at, ':');
        const char *slash = end == at ? "./" : "/";
        if (asprintf(&file, "%.*s%s%s", (int)(end - at), at, slash, name) < 0)
            abort();
        if (is_program(file))
            return file;
        free(file);
    }
    return NULL;
}

static int find_program(struct plan *p, char **ret_error)
{
    const char *name = p->command->argv[0];
    if (name[0] == '\0')
        return refuse(ret_error, NOT_FOUND, 0, "exec: no command");
    if (strchr(name, '/') != NULL) {
        p->program = strdup(name);
        return p->program != NULL ? 0 : refuse(ret_error, NOT_RUNNABLE, ENOMEM, "exec");
    }
    const char *path = environment_get(p->environment, "PATH");
    p->program = path != NULL ? search(path, name) : NULL;
    if (p->program == NULL)
        return refuse(ret_error, NOT_FOUND, 0, "exec: \"%s\": executable file not found in $PATH", name);
    if (p->program[0] != '/')
        return refuse(ret_error, NOT_FOUND, 0,
                      "exec: \"%s\": cannot run executable found relative to current directory", name);
    return 0;
}

/* ---- The new process. */

__attribute__((noreturn)) static void give_up(const struct plan *p, enum step step)
{
    const struct trouble t = {step, errno};
    ssize_t put = write(p->pipes[PIPE_REPORT][1], &t, sizeof t);
    _exit(put == sizeof t ? NOT_RUNNABLE : NOT_FOUND);
}

__attribute__((noreturn)) static void become(const struct plan *p)
{
    setpgid(0, 0);
    guard_tell(getpid());
    int input =
        p->pipes[PIPE_INPUT][0] >= 0 ? p->pipes[PIPE_INPUT][0] : open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (dup2(input, STDIN_FILENO) < 0)
        give_up(p, STEP_INPUT);
    dup2(p->pipes[PIPE_OUT][1], STDOUT_FILENO);
    dup2(p->pipes[PIPE_ERR][1], STDERR_FILENO);
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    const struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &plain, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (p->command->cwd != NULL && chdir(p->command->cwd) != 0)
        give_up(p, STEP_CHDIR);
    execve(p->program, (char *const *)p->command->argv, p->environment);
    give_up(p, STEP_EXEC);
}

/* ---- Starting. */

static void close_all(struct plan *p)
{
    for (size_t i = 0; i < PIPES; i++)
        for (size_t j = 0; j < 2; j++) {
            if (p->pipes[i][j] >= 0)
                close(p->pipes[i][j]);
            p->pipes[i][j] = -1;
        }
}

static bool open_pipes(struct plan *p)
{
    memset(p->pipes, 0xff, sizeof p->pipes);
    for (size_t i = 0; i < PIPES; i++)
        if ((i != PIPE_INPUT || p->command->input.size > 0) && pipe2(p->pipes[i], O_CLOEXEC) < 0)
            return false;
    return true;
}

/* This process's end of a pipe, taken out of the plan. */
static int take(struct plan *p, size_t pipe, size_t end)
{
    int fd = p->pipes[pipe][end];
    p->pipes[pipe][end] = -1;
    if (fd >= 0)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Waits for the exec. 0, or what went wrong there. */
static int await_exec(const struct plan *p, int report, char **ret_error)
{
    struct trouble t;
    ssize_t got;
    do
        got = read(report, &t, sizeof t);
    while (got < 0 && errno == EINTR);
    if (got != sizeof t)
        return 0;
    int code = t.error == ENOENT && t.step == STEP_EXEC ? NOT_FOUND : NOT_RUNNABLE;
    switch (t.step) {
    case STEP_INPUT: return refuse(ret_error, code, t.error, "open /dev/null");
    case STEP_CHDIR: return refuse(ret_error, code, t.error, "chdir %s", p->command->cwd);
    case STEP_EXEC:
    default: return refuse(ret_error, code, t.error, "fork/exec %s", p->program);
    }
}

static int fork_plan(struct plan *plan, struct process *p, char **ret_error)
{
    if (!open_pipes(plan))
        return refuse(ret_error, NOT_RUNNABLE, errno, "pipe");
    pid_t pid = _Fork();
    if (pid == 0)
        become(plan);
    if (pid < 0)
        return refuse(ret_error, NOT_RUNNABLE, errno, "fork");
    setpgid(pid, pid); /* here as well as there: whoever comes first */
    guard_note(pid);
    p->pid = pid;
    close(plan->pipes[PIPE_REPORT][1]);
    plan->pipes[PIPE_REPORT][1] = -1;
    int code = await_exec(plan, plan->pipes[PIPE_REPORT][0], ret_error);
    p->fd = code == 0 ? pidfd_open(pid, 0) : -1;
    if (code == 0 && p->fd < 0) {
        code = refuse(ret_error, NOT_RUNNABLE, errno, "pidfd_open");
        kill(-pid, SIGKILL);
    }
    if (code != 0)
        return code;
    p->input = take(plan, PIPE_INPUT, 1);
    p->out = take(plan, PIPE_OUT, 0);
    p->err = take(plan, PIPE_ERR, 0);
    return 0;
}

int process_start(struct process *p, const struct sluice_command *command,
                  const struct environment_part *more, char **ret_error)
{
    struct plan plan = {.command = command};
    const struct sluice_variable pwd = {"PWD", command->cwd};
    const struct environment_part parts[] = {
        {&pwd, command->cwd != NULL && command->cwd[0] == '/' ? 1 : 0},
        {command->env, command->env_count},
        *more,
    };
    *p = (struct process){.fd = -1, .input = -1, .out = -1, .err = -1};
    memset(plan.pipes, 0xff, sizeof plan.pipes);
    plan.environment = environment_make(parts, sizeof parts / sizeof *parts);
    int code = plan.environment == NULL ? refuse(ret_error, NOT_RUNNABLE, ENOMEM, "exec") : 0;
    if (code == 0)
        code = find_program(&plan, ret_error);
    if (code == 0)
        code = fork_plan(&plan, p, ret_error);
    close_all(&plan);
    free(plan.program);
    free(plan.environment);
    if (code != 0)
        process_done(p);
    return code;
}

/* ---- Ending. */

void process_signal(const struct process *p, int number)
{
    assert(p->pid > 0);
    kill(-p->pid, number);
}

int process_status(const struct process *p)
{
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT) != 0)
        assert(errno == EINTR);
    return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

void process_done(struct process *p)
{
    int *const fds[] = {&p->fd, &p->input, &p->out, &p->err};
    if (p->pid > 0) {
        guard_forget(p->pid);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
    p->pid = 0;
}

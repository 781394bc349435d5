/*
 * guard.c - who ends a command when the process that runs it is killed: see guard.h.
 *
 * It is forked without the library's handlers, which would close its copy of the connection, and does nothing but system
 * calls. It sits in a session of its own, so that neither a terminal nor a signal to the group reaches it. A pipe tells it the group,
 * and, by its end, that the other is dead: only that process, and the command until it is executed, have the pipe open.
 *
 * Whether anybody of the group is left is read from /proc: a zombie does nothing any more, but there may be nobody to reap it.
 */
#include "guard.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "duration.h"

static int told = -1; /* the pipe's end for writing */

/* ---- Who is left. */

struct entry { /* as getdents64(2) gives them */
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

/* Whether the process of this number is of the group and not a zombie. */
static bool is_of(const char *number, pid_t group)
{
    char path[64], text[512];
    stpcpy(stpcpy(stpcpy(path, "/proc/"), number), "/stat");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return false;
    text[size] = '\0';
    /* PID (NAME) STATE PARENT GROUP, where NAME may have anything in it */
    char *at = strrchr(text, ')'), *end = NULL;
    if (at == NULL || strlen(at) < 4 || at[2] == 'Z' || at[2] == 'X')
        return false;
    (void)strtol(at + 3, &end, 10);
    return strtol(end, NULL, 10) == group;
}

static bool anybody_left(pid_t group)
{
    char buffer[8192] __attribute__((aligned(8)));
    if (kill(-group, 0) != 0 && errno == ESRCH)
        return false;
    int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return true;
    bool found = false;
    long size = 0;
    while (!found && (size = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < size && !found;) {
            const struct entry *e = (const struct entry *)(buffer + at);
            found = isdigit((unsigned char)e->name[0]) && strlen(e->name) < 16 && is_of(e->name, group);
            at += e->size;
        }
    close(fd);
    return found;
}

/* ---- The guard. */

static void end_group(pid_t group, int64_t kill_after_ns)
{
    int64_t now_ns = monotonic_now();
    int64_t kill_at_ns = kill_after_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + kill_after_ns;
    kill(-group, SIGTERM);
    kill(-group, SIGCONT);
    while (anybody_left(group)) {
        if (monotonic_now() >= kill_at_ns)
            kill(-group, SIGKILL);
        const struct timespec step = {0, 2000000};
        nanosleep(&step, NULL);
    }
}

__attribute__((noreturn)) static void guard(int hears, int64_t kill_after_ns)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid();
    prctl(PR_SET_NAME, "sluice-guard");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    pid_t group = 0, word = 0;
    ssize_t got = 0;
    while ((got = read(hears, &word, sizeof word)) > 0)
        if (got == sizeof word)
            group = word;
    if (group > 0)
        end_group(group, kill_after_ns);
    _exit(0);
}

pid_t guard_start(int64_t kill_after_ns)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = _Fork();
    if (pid == 0) {
        close(ends[1]);
        guard(ends[0], kill_after_ns);
    }
    int error = errno;
    close(ends[0]);
    told = ends[1];
    if (pid < 0)
        close(told);
    errno = error;
    return pid;
}

void guard_tell(pid_t group)
{
    if (write(told, &group, sizeof group) != sizeof group)
        _exit(126);
}

void guard_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(told);
}

/*
 * guard.c - who ends a command when the process that runs it is killed: see guard.h.
 *
 * It is forked without the library's handlers, which would close its copy of the connection, and does nothing but system
 * calls. It sits in a session of its own, so that neither a terminal nor a signal to the group reaches it. A socket tells it the groups,
 * and, by its end, that the other is dead: only that process, and a command until it is executed, have that end open. Of all other
 * descriptors it keeps the sockets, among them the connections: a pipe that it had open would never come to its end.
 *
 * A new guard knows what the process knew when it was forked. The list lies in a mapping, since malloc may be used by a thread that the
 * fork left behind.
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "duration.h"

static int told = -1; /* the socket's end for telling */

/* ---- The groups. */

static struct {
    pid_t *groups;
    size_t count, room;
} wards;

static void wards_add(pid_t group)
{
    if (wards.count == wards.room) {
        size_t room = wards.room == 0 ? 1024 : wards.room * 2, size = sizeof *wards.groups;
        void *grown =
            wards.groups == NULL
                ? mmap(NULL, room * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                : mremap(wards.groups, wards.room * size, room * size, MREMAP_MAYMOVE);
        if (grown == MAP_FAILED)
            abort();
        wards.groups = grown;
        wards.room = room;
    }
    wards.groups[wards.count++] = group;
}

static void wards_remove(pid_t group)
{
    for (size_t i = 0; i < wards.count; i++)
        if (wards.groups[i] == group) {
            wards.groups[i] = wards.groups[--wards.count];
            return;
        }
}

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

static void signal_all(int number)
{
    for (size_t i = 0; i < wards.count; i++)
        kill(-wards.groups[i], number);
}

static void end_groups(int64_t kill_after_ns)
{
    int64_t now_ns = monotonic_now();
    int64_t kill_at_ns = kill_after_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + kill_after_ns;
    signal_all(SIGTERM);
    signal_all(SIGCONT);
    for (;;) {
        for (size_t i = wards.count; i-- > 0;)
            if (!anybody_left(wards.groups[i]))
                wards_remove(wards.groups[i]);
        if (wards.count == 0)
            return;
        if (monotonic_now() >= kill_at_ns)
            signal_all(SIGKILL);
        const struct timespec step = {0, 2000000};
        nanosleep(&step, NULL);
    }
}

/* Closes what is no socket, but for the standard descriptors. */
static void keep_sockets(void)
{
    char buffer[4096] __attribute__((aligned(8)));
    struct stat status;
    int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long size = 0;
    while (folder >= 0 && (size = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < size;) {
            const struct entry *e = (const struct entry *)(buffer + at);
            int fd = isdigit((unsigned char)e->name[0]) ? (int)strtol(e->name, NULL, 10) : -1;
            if (fd > STDERR_FILENO && fd != folder && fstat(fd, &status) == 0 && !S_ISSOCK(status.st_mode))
                close(fd);
            at += e->size;
        }
    close(folder);
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
    keep_sockets();
    pid_t word = 0;
    while (read(hears, &word, sizeof word) == sizeof word)
        if (word > 0)
            wards_add(word);
        else
            wards_remove(-word);
    end_groups(kill_after_ns);
    _exit(0);
}

/* Its pid, or -1; *ret_told is the end for telling it. */
static pid_t start(int64_t kill_after_ns, int *ret_told)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    pid_t pid = _Fork();
    if (pid == 0) {
        close(ends[1]);
        if (told >= 0)
            close(told);
        guard(ends[0], kill_after_ns);
    }
    int error = errno;
    close(ends[0]);
    if (pid < 0)
        close(ends[1]);
    else
        *ret_told = ends[1];
    errno = error;
    return pid;
}

pid_t guard_start(int64_t kill_after_ns)
{
    return start(kill_after_ns, &told);
}

pid_t guard_renew(pid_t guard_pid, int64_t kill_after_ns)
{
    int fresh = -1;
    pid_t pid = start(kill_after_ns, &fresh);
    if (pid < 0)
        return -1;
    if (guard_pid > 0)
        guard_end(guard_pid); /* before it can hear that nobody talks to it any more */
    else if (told >= 0)
        close(told);
    told = fresh;
    return pid;
}

static bool tell(pid_t word)
{
    return send(told, &word, sizeof word, MSG_NOSIGNAL) == sizeof word;
}

void guard_tell(pid_t group)
{
    if (!tell(group))
        _exit(126);
}

void guard_note(pid_t group)
{
    wards_add(group);
}

void guard_forget(pid_t group)
{
    wards_remove(group);
    tell(-group);
}

void guard_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(told);
    told = -1;
}

/*
 * start.c - starting a daemon for the user.
 *
 * One starter at a time: an flock on a file beside the socket, held until the daemon answers or the starter gives up; its end, even by
 * a crash, frees the lock. Who does not get the lock just goes on connecting.
 *
 * The daemon is a grandchild in a session of its own, so that it is no child the program has to wait for, hears no signal
 * of its terminal and outlives it. Nothing of the program goes with it: standard streams are /dev/null, all other descriptors are closed on exec,
 * signals have their default actions, and what was said to the program alone (by the service manager, LISTEN_FDS; by a worker, SLUICE_TASK) is
 * not passed on. Between fork and exec only calls are made that are safe there in a program with threads. A pidfd tells us
 * when it leaves before it ever answered.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"

#define IDLE_EXIT "10m"

enum note { NOTE_PID, NOTE_EXEC_FAILED };

struct message {
    enum note note;
    int value;
};

/* The environment without what was meant for this process alone. The array is the caller's. */
static char **clean_environment(void)
{
    static const char *const ours[] = {"LISTEN_FDS=",    "LISTEN_PID=",   "LISTEN_FDNAMES=", "NOTIFY_SOCKET=",
                                       "WATCHDOG_USEC=", "WATCHDOG_PID=", "SLUICE_TASK=",    "SLUICE_TOKEN="};
    size_t count = 0, kept = 0;
    while (environ[count] != NULL)
        count++;
    char **clean = calloc(count + 1, sizeof *clean);
    if (clean == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        bool skip = false;
        for (size_t j = 0; j < sizeof ours / sizeof *ours; j++)
            skip = skip || strncmp(environ[i], ours[j], strlen(ours[j])) == 0;
        if (!skip)
            clean[kept++] = environ[i];
    }
    return clean;
}

static void say(int fd, enum note note, int value)
{
    struct message m = {note, value};
    ssize_t written = write(fd, &m, sizeof m);
    (void)written; /* nobody is left to be told */
}

/* In the grandchild: becomes the daemon. */
static _Noreturn void become(const char *program, char *const *arguments, char *const *environment, int notes)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, &plain, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    syscall(SYS_close_range, 3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
    if (chdir("/") == 0)
        execve(program, arguments, environment);
    say(notes, NOTE_EXEC_FAILED, errno);
    _exit(127);
}

/* Forks twice. The daemon's pid, or -errno. */
static int spawn(const char *program, char *const *arguments, char *const *environment)
{
    int notes[2];
    if (pipe2(notes, O_CLOEXEC) < 0)
        return -errno;
    pid_t child = _Fork();
    if (child == 0) {
        setsid();
        pid_t daemon = _Fork();
        if (daemon == 0)
            become(program, arguments, environment, notes[1]);
        say(notes[1], daemon < 0 ? NOTE_EXEC_FAILED : NOTE_PID, daemon < 0 ? errno : daemon);
        _exit(0);
    }
    int result = child < 0 ? -errno : -EIO;
    close(notes[1]);
    struct message m;
    while (child > 0 && read(notes[0], &m, sizeof m) == (ssize_t)sizeof m) {
        if (m.note == NOTE_EXEC_FAILED)
            result = -m.value;
        else if (result == -EIO)
            result = m.value;
    }
    close(notes[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    return result;
}

static int start_program(const char *socket, char *why, size_t why_size)
{
    char found[PLACE_PATH_SIZE], program[PLACE_PATH_SIZE];
    if (place_daemon(found) != 0 || realpath(found, program) == NULL) {
        snprintf(why, why_size, "no sluiced to be found: set SLUICED, or SLUICE_ADDR to where one runs");
        return -ENOENT;
    }
    char idle_exit[] = "--idle-exit", idle[] = IDLE_EXIT, option[] = "--socket";
    char path[PLACE_PATH_SIZE];
    snprintf(path, sizeof path, "%s", socket);
    char *arguments[] = {program, idle_exit, idle, option, path, NULL};
    char **environment = clean_environment();
    if (environment == NULL)
        return -ENOMEM;
    int pid = spawn(program, arguments, environment);
    free(environment);
    if (pid < 0)
        snprintf(why, why_size, "cannot start %s: %s", program, strerrordesc_np(-pid));
    return pid;
}

/* The folder of the socket, ours alone; and the lock in it. */
static int take_lock(const char *socket, char *why, size_t why_size)
{
    char path[PLACE_PATH_SIZE];
    const char *slash = strrchr(socket, '/');
    if (slash == NULL ||
        snprintf(path, sizeof path, "%.*s", (int)(slash - socket), socket) >= (int)sizeof path)
        return -EINVAL;
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        int r = -errno;
        snprintf(why, why_size, "cannot make %s: %s", path, strerrordesc_np(-r));
        return r;
    }
    if (!place_is_ours(socket)) {
        snprintf(why, why_size, "%s is not a folder of this user alone", path);
        return -EPERM;
    }
    int folder = open(path, O_DIRECTORY | O_CLOEXEC);
    int fd = folder < 0 ? -1 : openat(folder, "start.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = fd < 0 ? -errno : fd;
    if (folder >= 0)
        close(folder);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        r = errno == EWOULDBLOCK ? -EAGAIN : -errno;
        close(fd);
    }
    return r;
}

int start_daemon(struct start *start, const char *socket, char *why, size_t why_size)
{
    if (start->lock_fd < 0) {
        int fd = take_lock(socket, why, why_size);
        if (fd < 0)
            return fd;
        start->lock_fd = fd;
        return -EALREADY;
    }
    if (start->pid_fd >= 0) {
        struct pollfd p = {.fd = start->pid_fd, .events = POLLIN};
        if (poll(&p, 1, 0) == 0)
            return -EAGAIN;
        snprintf(why, why_size, "sluiced was started for %s and left at once: run it by hand to see why",
                 socket);
        return -ECHILD;
    }
    int pid = start_program(socket, why, why_size);
    if (pid < 0)
        return pid;
    start->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (start->pid_fd >= 0)
        return -EAGAIN;
    snprintf(why, why_size, "sluiced was started for %s and left at once: run it by hand to see why", socket);
    return errno == ESRCH ? -ECHILD : -EAGAIN;
}

void start_done(struct start *start)
{
    if (start->pid_fd >= 0)
        close(start->pid_fd);
    if (start->lock_fd >= 0)
        close(start->lock_fd);
    *start = (struct start){-1, -1};
}

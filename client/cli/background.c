/*
 * background.c - a worker for the user, when nobody has started one: see background.h.
 *
 * The worker is this same program, in a session of its own, with standard streams on /dev/null and no other descriptors, so that it hears no signal
 * of the terminal and outlives this process. Two that find a pool without a worker at the same time start one each; the pool's limit keeps what runs
 * at a time in bounds, and the one that has nothing to do leaves.
 */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"

#define IDLE_EXIT "5m"

uint32_t background_slots(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (uint32_t)CPU_COUNT(&set);
    return 1;
}

static bool is_local(const char *address)
{
    return strstr(address, "://") == NULL || strncmp(address, "ipc://", 6) == 0;
}

/* Whether a worker of ours would run what this user has submitted, and nobody else's. */
static bool is_ours(sluice *s, const char *address)
{
    struct sluice_daemon *d = NULL;
    bool ours = is_local(address) && sluice_daemon_status(s, &d) == SLUICE_OK && d->uid == getuid();
    sluice_daemon_free(d);
    return ours;
}

static int spawn_quietly(const char *program, char *const *arguments, char *const *environment)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    pid_t pid;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int error = posix_spawn(&pid, program, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

int background_worker(sluice *s, const char *pool)
{
    struct sluice_session session;
    sluice_session_get(s, &session);
    const char *off = getenv("SLUICE_AUTOSTART");
    if ((off != NULL && strcmp(off, "0") == 0) || !is_ours(s, session.address))
        return -EPERM;

    char program[PATH_MAX], slots[16];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    if (size < 0)
        return -errno;
    program[size] = '\0';
    snprintf(slots, sizeof slots, "%u", background_slots());
    char absolute[PATH_MAX]; /* it starts in another folder */
    const char *address = session.address;
    if (strstr(address, "://") == NULL && realpath(address, absolute) != NULL)
        address = absolute;
    const struct sluice_variable variables[] = {
        {"SLUICE_ADDR", address}, {"SLUICE_CTX", NULL}, {"SLUICE_TOKEN", NULL}, {"SLUICE_OWNER_DIED", NULL}};
    const struct environment_part part = {variables, sizeof variables / sizeof *variables};
    char **environment = environment_make(&part, 1);
    if (environment == NULL)
        return -ENOMEM;
    const char *const arguments[] = {"sluice",  "worker",  "--slots", slots, "--idle-exit",
                                     IDLE_EXIT, "--alone", pool,      NULL};
    int r = spawn_quietly(program, (char *const *)arguments, environment);
    free(environment);
    return r;
}

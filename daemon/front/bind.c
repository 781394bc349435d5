/*
 * bind.c - see bind.h.
 *
 * The lock file goes away with the lock. Whoever opens it and then waits for the lock may find that it holds the lock of a file that is no
 * longer there: so it looks, and tries again.
 */
#include "bind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static int fail(char *why, size_t why_size, int error, const char *what, const char *path)
{
    (void)snprintf(why, why_size, "%s %s: %s", what, path, strerror(error));
    return -error;
}

static void address_of(const char *path, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(ret->sun_path, sizeof(ret->sun_path), "%s", path);
}

/* The folder of the path, as open as the socket is going to be. */
static int make_folder(const struct bind_options *o, char *why, size_t why_size)
{
    char folder[BIND_PATH_MAX + 1];
    (void)snprintf(folder, sizeof(folder), "%s", o->path);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder)
        return 0;
    *slash = 0;
    if (mkdir(folder, o->mode & 077 ? 0755 : 0700) < 0 && errno != EEXIST)
        return fail(why, why_size, errno, "cannot make the folder", folder);
    return 0;
}

static int locked_by_other(const char *path, int lock_fd, char *why, size_t why_size)
{
    char pid[16] = "";
    ssize_t n = pread(lock_fd, pid, sizeof(pid) - 1, 0);
    pid[n > 0 ? strcspn(pid, "\n") : 0] = 0;
    (void)snprintf(why, why_size, "another sluiced (pid %s) serves %s", pid[0] ? pid : "unknown", path);
    return -EADDRINUSE;
}

/* The lock's descriptor, or -errno. */
static int take_lock(const char *path, mode_t mode, char *why, size_t why_size)
{
    char lock_path[BIND_PATH_MAX + sizeof(".lock")];
    (void)snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
    for (;;) {
        int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode & 0666);
        if (fd < 0)
            return fail(why, why_size, errno, "cannot open", lock_path);
        int r = 0;
        struct stat held, named;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
            r = errno == EWOULDBLOCK ? locked_by_other(path, fd, why, why_size)
                                     : fail(why, why_size, errno, "cannot lock", lock_path);
        else if (fstat(fd, &held) < 0)
            r = fail(why, why_size, errno, "cannot look at", lock_path);
        else if (stat(lock_path, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev)
            return ftruncate(fd, 0) == 0 && dprintf(fd, "%d\n", (int)getpid()) > 0
                       ? fd
                       : (close(fd), fail(why, why_size, ENOSPC, "cannot write", lock_path));
        (void)close(fd);
        if (r < 0)
            return r;
    }
}

/* 0 when nobody answers at the path, and what is there, if anything, may be replaced. */
static int check_path(const char *path, char *why, size_t why_size)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : fail(why, why_size, errno, "cannot look at", path);
    if (!S_ISSOCK(st.st_mode))
        return fail(why, why_size, ENOTSOCK, "will not replace", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(why, why_size, errno, "cannot make a socket for", path);
    struct sockaddr_un address;
    address_of(path, &address);
    int r = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    (void)close(fd);
    if (r == -ECONNREFUSED || r == -ENOENT)
        return 0;
    (void)snprintf(why, why_size, "another program serves %s", path);
    return -EADDRINUSE;
}

/* A listening socket at exactly this name. */
static int listen_at(const char *name, const struct bind_options *o, char *why, size_t why_size)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(why, why_size, errno, "cannot make a socket for", o->path);
    struct sockaddr_un address;
    address_of(name, &address);
    (void)unlink(name);
    int error = 0;
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        error = errno;
    else if ((o->gid != (gid_t)-1 && chown(name, (uid_t)-1, o->gid) < 0) || chmod(name, o->mode) < 0 ||
             listen(fd, BACKLOG) < 0) {
        error = errno;
        (void)unlink(name);
    }
    if (error == 0)
        return fd;
    (void)close(fd);
    return fail(why, why_size, error, "cannot listen at", o->path);
}

/* Listen at the path; the lock is held. */
static int open_locked(struct bound *b, const struct bind_options *o, char *why, size_t why_size)
{
    int r = check_path(o->path, why, why_size);
    if (r < 0)
        return r;
    /* A name as long as the path, so that it fits as well as the path does. */
    char name[BIND_PATH_MAX + 1];
    (void)snprintf(name, sizeof(name), "%s", o->path);
    char *last = name + strlen(name) - 1;
    *last = *last == '~' ? '_' : '~';
    int fd = listen_at(name, o, why, why_size);
    if (fd < 0)
        return fd;
    struct stat st;
    if (lstat(name, &st) < 0 || rename(name, o->path) < 0) {
        int error = errno;
        (void)unlink(name);
        (void)close(fd);
        return fail(why, why_size, error, "cannot rename a socket to", o->path);
    }
    b->fd = fd;
    b->dev = st.st_dev;
    b->ino = st.st_ino;
    return 0;
}

int bound_open(struct bound *ret, const struct bind_options *options, char *why, size_t why_size)
{
    size_t size = strlen(options->path);
    if (size == 0 || size > BIND_PATH_MAX) {
        (void)snprintf(why, why_size, "a socket's path has 1 to %d bytes, this one %zu: %s", BIND_PATH_MAX,
                       size, options->path);
        return -ENAMETOOLONG;
    }
    struct bound b = {.fd = -1, .lock_fd = -1};
    memcpy(b.path, options->path, size + 1);
    int r = make_folder(options, why, why_size);
    if (r < 0)
        return r;
    b.lock_fd = take_lock(options->path, options->mode, why, why_size);
    if (b.lock_fd < 0)
        return b.lock_fd;
    r = open_locked(&b, options, why, why_size);
    if (r < 0) {
        (void)close(b.lock_fd);
        return r;
    }
    *ret = b;
    return 0;
}

void bound_close(struct bound *b)
{
    struct stat st;
    if (b->fd >= 0 && lstat(b->path, &st) == 0 && st.st_dev == b->dev && st.st_ino == b->ino)
        (void)unlink(b->path);
    if (b->lock_fd >= 0) {
        char lock_path[BIND_PATH_MAX + sizeof(".lock")];
        (void)snprintf(lock_path, sizeof(lock_path), "%s.lock", b->path);
        (void)unlink(lock_path);
        (void)close(b->lock_fd);
    }
    b->fd = b->lock_fd = -1;
}

/*
 * unix.c - the transport on a unix stream socket.
 *
 * The socket is blocking, so that a lone caller's round trip is one write and one read; sends never wait (MSG_DONTWAIT), since
 * a daemon that waits for us to read must not find us waiting for it to read. A read with a time limit uses SO_RCVTIMEO as a coarse tick
 * that is set once and stays, instead of a poll before each read: limits are a guard against a daemon that hangs, seconds long.
 */
#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"

#define TICK_NS INT64_C(1000000000)

struct unix_stream {
    int fd;
    bool ticking; /* SO_RCVTIMEO is TICK_NS */
};

static int unix_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, size + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* Not blocking, or a full backlog would hold us: then it is EAGAIN. */
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 || fcntl(fd, F_SETFL, 0) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

static int unix_open(const char *path, void **ret)
{
    int fd = unix_connect(path);
    if (fd < 0)
        return fd;
    struct unix_stream *u = malloc(sizeof *u);
    if (u == NULL) {
        close(fd);
        return -ENOMEM;
    }
    *u = (struct unix_stream){.fd = fd};
    *ret = u;
    return 0;
}

static void unix_stop(void *t)
{
    struct unix_stream *u = t;
    shutdown(u->fd, SHUT_RDWR);
}

static void unix_close(void *t)
{
    struct unix_stream *u = t;
    if (u == NULL)
        return;
    close(u->fd);
    free(u);
}

static int unix_fd(void *t)
{
    struct unix_stream *u = t;
    return u->fd;
}

static ssize_t unix_send(void *t, const void *data, size_t size)
{
    struct unix_stream *u = t;
    ssize_t n = send(u->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0)
        return n;
    return errno == EINTR ? -EAGAIN : -errno;
}

static void unix_tick(struct unix_stream *u, bool on)
{
    struct timeval tick = {.tv_sec = on ? TICK_NS / 1000000000 : 0};
    if (setsockopt(u->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick) == 0)
        u->ticking = on;
}

static ssize_t unix_recv(void *t, void *data, size_t size, int64_t timeout_ns)
{
    struct unix_stream *u = t;
    int flags = timeout_ns == 0 ? MSG_DONTWAIT : 0;
    if (timeout_ns >= TICK_NS && !u->ticking)
        unix_tick(u, true);
    if (timeout_ns > 0 && (timeout_ns < TICK_NS || !u->ticking)) {
        struct pollfd p = {.fd = u->fd, .events = POLLIN};
        int ready = poll(&p, 1, poll_ms_until(time_add(now_ns(), timeout_ns)));
        if (ready <= 0)
            return ready == 0 ? -EAGAIN : -errno;
        flags = MSG_DONTWAIT;
    }
    ssize_t n = recv(u->fd, data, size, flags);
    if (n >= 0)
        return n;
    int error = errno;
    if (error == EAGAIN && timeout_ns < 0 && u->ticking)
        unix_tick(u, false);
    return -error;
}

const struct transport_ops transport_unix = {
    .greets = true,
    .local = true,
    .open = unix_open,
    .stop = unix_stop,
    .close = unix_close,
    .fd = unix_fd,
    .send = unix_send,
    .recv = unix_recv,
};

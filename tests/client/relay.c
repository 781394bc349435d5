/*
 * relay.c - a wire that can be cut. See relay.h.
 *
 * One thread, one connection at a time: the library has no more. The thread ends when stop_fd is readable.
 */
#include "relay.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "case.h"

struct relay {
    char address[108], daemon[108];
    int listener, stop_fd;
    atomic_bool cut;  /* asked for */
    atomic_uint cuts; /* done */
    pthread_t thread;
};

static struct sockaddr_un socket_address(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    return a;
}

/* Passes on what has come; false at the end of the stream. With to < 0 it is thrown away. */
static bool pass(int from, int to)
{
    char bytes[65536];
    ssize_t size = read(from, bytes, sizeof bytes);
    for (ssize_t at = 0; to >= 0 && at < size;) {
        ssize_t n = send(to, bytes + at, (size_t)(size - at), MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
    }
    return size > 0;
}

/* Until one side ends it, or it is cut. */
static void serve(struct relay *r, int client, int daemon)
{
    bool cutting = false;
    for (;;) {
        struct pollfd fds[] = {{client, POLLIN, 0}, {daemon, POLLIN, 0}, {r->stop_fd, POLLIN, 0}};
        poll(fds, 3, -1);
        if (fds[2].revents != 0)
            return;
        if (fds[1].revents != 0 && cutting) {
            atomic_fetch_add(&r->cuts, 1);
            return;
        }
        if (fds[1].revents != 0 && !pass(daemon, client))
            return;
        if (fds[0].revents != 0) {
            cutting = cutting || atomic_exchange(&r->cut, false);
            if (!pass(client, daemon))
                return;
        }
    }
}

static void *relay_main(void *argument)
{
    struct relay *r = argument;
    struct sockaddr_un to = socket_address(r->daemon);
    for (;;) {
        struct pollfd fds[] = {{r->listener, POLLIN, 0}, {r->stop_fd, POLLIN, 0}};
        poll(fds, 2, -1);
        if (fds[1].revents != 0)
            return NULL;
        int client = accept(r->listener, NULL, NULL);
        int daemon = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(daemon, (struct sockaddr *)&to, sizeof to) == 0)
            serve(r, client, daemon);
        close(daemon);
        close(client);
    }
}

struct relay *relay_start(const char *daemon)
{
    struct relay *r = calloc(1, sizeof *r);
    assert_non_null(r);
    snprintf(r->address, sizeof r->address, "%s", fake_path("relay"));
    snprintf(r->daemon, sizeof r->daemon, "%s", daemon);
    struct sockaddr_un at = socket_address(r->address);
    unlink(r->address);
    r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    r->stop_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(bind(r->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(r->listener, 8), 0);
    assert_int_equal(pthread_create(&r->thread, NULL, relay_main, r), 0);
    return r;
}

const char *relay_address(const struct relay *r)
{
    return r->address;
}

void relay_cut(struct relay *r)
{
    atomic_store(&r->cut, true);
}

unsigned relay_cuts(const struct relay *r)
{
    return atomic_load(&r->cuts);
}

struct relay *relay_stop(struct relay *r)
{
    eventfd_write(r->stop_fd, 1);
    pthread_join(r->thread, NULL);
    close(r->listener);
    close(r->stop_fd);
    unlink(r->address);
    free(r);
    return NULL;
}

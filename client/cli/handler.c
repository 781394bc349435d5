/*
 * handler.c - a command that is asked in lines, and answers in lines: see handler.h.
 *
 * Nothing here waits: the pipes are non-blocking, and one epoll descriptor tells of all. Its stdin is watched by edges, since it is ready nearly always;
 * whoever sees the descriptor ready calls handler_step, which takes the edges. Memory is bounded by the longest line.
 */
#include "handler.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024, EDGES = 4 };

static void watch(const struct handler *h, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    if (epoll_ctl(h->watch, EPOLL_CTL_ADD, fd, &event) != 0)
        abort();
}

int handler_init(struct handler *h, int fd, size_t line_max)
{
    *h = (struct handler){.line_max = line_max};
    h->watch = epoll_create1(EPOLL_CLOEXEC);
    if (h->watch < 0)
        return -errno;
    if (fd >= 0)
        watch(h, fd, EPOLLIN);
    return 0;
}

void handler_begin(struct handler *h, struct child *child)
{
    h->child = child;
    watch(h, child->to, EPOLLOUT | EPOLLET);
    watch(h, child->from, EPOLLIN);
}

/* ---- Asking */

static void forget_asked(struct handler *h)
{
    free(h->asked);
    h->asked = NULL;
    h->asked_at = h->asked_size = 0;
}

static void write_asked(struct handler *h)
{
    while (h->asked_at < h->asked_size && h->child->to >= 0) {
        ssize_t put = child_write(h->child, h->asked + h->asked_at, h->asked_size - h->asked_at);
        if (put == 0)
            return;
        if (put < 0) {
            h->gone = true;
            break;
        }
        h->asked_at += (size_t)put;
    }
    forget_asked(h);
}

void handler_ask(struct handler *h, char *line, size_t size)
{
    assert(h->child != NULL);
    assert(size > 0 && line[size - 1] == '\n');
    forget_asked(h);
    h->asked = line;
    h->asked_size = size;
    write_asked(h);
}

/* ---- Hearing */

static void make_room(struct handler *h)
{
    if (h->said_at > 0) {
        memmove(h->said, h->said + h->said_at, h->said_size - h->said_at);
        h->said_size -= h->said_at;
        h->said_seen -= h->said_at;
        h->said_at = 0;
    }
    if (h->said_size + READ_SIZE + 1 <= h->said_room)
        return;
    h->said_room = (h->said_size + READ_SIZE + 1) * 2;
    h->said = realloc(h->said, h->said_room);
    if (h->said == NULL)
        abort();
}

/* Reads once. False: there is nothing more at the moment. */
static bool read_some(struct handler *h)
{
    make_room(h);
    ssize_t got = read(h->child->from, h->said + h->said_size, READ_SIZE);
    if (got > 0) {
        h->said_size += (size_t)got;
        return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    epoll_ctl(h->watch, EPOLL_CTL_DEL, h->child->from, NULL); /* it would be ready for ever */
    close(h->child->from);
    h->child->from = -1;
    h->gone = true;
    return false;
}

void handler_step(struct handler *h)
{
    struct epoll_event edges[EDGES];
    epoll_wait(h->watch, edges, EDGES, 0);
    if (h->child == NULL)
        return;
    write_asked(h);
    /* what is longer than a line may be is not read at once: handler_line throws it away first */
    while (h->child->from >= 0 && h->said_size - h->said_at <= h->line_max && read_some(h))
        continue;
}

enum handler_said handler_line(struct handler *h, char **ret, size_t *ret_size)
{
    char *at = h->said_size == h->said_seen
                   ? NULL
                   : memchr(h->said + h->said_seen, '\n', h->said_size - h->said_seen);
    h->said_seen = h->said_size;
    if (at == NULL && h->said_size - h->said_at > h->line_max) {
        h->skipping = true;
        h->said_at = h->said_size;
    }
    if (at == NULL)
        return HANDLER_NOTHING;
    *at = '\0';
    *ret = h->said + h->said_at;
    *ret_size = (size_t)(at - *ret);
    h->said_at = h->said_seen = (size_t)(at - h->said) + 1;
    bool too_long = h->skipping || *ret_size > h->line_max;
    h->skipping = false;
    return too_long ? HANDLER_TOO_LONG : HANDLER_LINE;
}

bool handler_has_more(const struct handler *h)
{
    return h->said_at < h->said_size || h->skipping;
}

void handler_done(struct handler *h)
{
    forget_asked(h);
    free(h->said);
    h->said = NULL;
    if (h->watch >= 0)
        close(h->watch);
    h->watch = -1;
}

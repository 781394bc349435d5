/*
 * stream.c - an output of a command: see stream.h.
 *
 * Who leaves the epoll set leaves it by name: another process may have a copy of the descriptor for a moment, and closing ours would not take
 * it out then.
 *
 * A process that the command left behind may have the pipe open for ever. So a stream can be cut: what lies in the pipe at that moment
 * is the last of it.
 */
#include "stream.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void unwatch(struct stream *st, const struct stream_host *host)
{
    if (st->watched)
        epoll_ctl(host->epoll, EPOLL_CTL_DEL, st->fd, NULL);
    st->watched = false;
}

static void end(struct stream *st, const struct stream_host *host)
{
    if (st->fd < 0)
        return;
    unwatch(st, host);
    close(st->fd);
    st->fd = -1;
}

/* Goes on reading, or ends. 0 or -errno. */
static int watch(struct stream *st, const struct stream_host *host)
{
    struct epoll_event e = {.events = EPOLLIN, .data = {.ptr = st->source}};
    if (st->fd < 0 || st->watched)
        return 0;
    if (st->left != 0 && epoll_ctl(host->epoll, EPOLL_CTL_ADD, st->fd, &e) == 0) {
        st->watched = true;
        return 0;
    }
    int error = st->left != 0 ? -errno : 0;
    end(st, host);
    return error;
}

int stream_open(struct stream *st, const struct stream_host *host, int fd, const char *channel, void *source,
                void *reply)
{
    *st = (struct stream){.fd = fd, .channel = channel, .left = -1, .source = source, .reply = reply};
    st->capture = sluice_capture_new();
    int r = st->capture != NULL ? watch(st, host) : -ENOMEM;
    if (r < 0)
        end(st, host);
    return r;
}

/* Sends a piece on; true: nothing is to be read until it has gone. */
static bool pass_on(struct stream *st, const struct stream_host *host, size_t size)
{
    if (st->channel == NULL)
        return false;
    if (sluice_send_start(host->s, sluice_chan_named(st->channel), sluice_bytes(host->buffer, size), NULL,
                          &st->send) != SLUICE_OK) {
        st->channel = NULL;
        return false;
    }
    sluice_future_set_data(st->send, st->reply);
    unwatch(st, host);
    return true;
}

void stream_read(struct stream *st, const struct stream_host *host)
{
    if (st->fd < 0 || st->send != NULL)
        return;
    size_t size = st->left >= 0 && (uint64_t)st->left < host->chunk ? (size_t)st->left : host->chunk;
    ssize_t got = read(st->fd, host->buffer, size);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        end(st, host);
        return;
    }
    sluice_capture_add(st->capture, host->buffer, (size_t)got);
    st->left = st->left < 0 ? -1 : st->left - got;
    if (!pass_on(st, host, (size_t)got) && st->left == 0)
        end(st, host);
}

enum sluice_status stream_sent(struct stream *st, const struct stream_host *host)
{
    enum sluice_status status = sluice_future_finish(st->send, NULL);
    st->send = NULL;
    if (status != SLUICE_OK)
        st->channel = NULL;
    watch(st, host);
    return status;
}

void stream_cut(struct stream *st, const struct stream_host *host, bool cancel)
{
    int size = 0;
    if (cancel && st->send != NULL)
        sluice_future_cancel(st->send);
    if (st->fd < 0 || st->left >= 0)
        return;
    st->left = ioctl(st->fd, FIONREAD, &size) == 0 && size > 0 ? size : 0;
    if (st->left == 0)
        end(st, host);
}

bool stream_ended(const struct stream *st)
{
    return st->fd < 0 && st->send == NULL;
}

struct sluice_output stream_output(struct stream *st)
{
    return st->capture != NULL ? sluice_capture_get(st->capture)
                               : (struct sluice_output){{"", 0}, {"", 0}, 0};
}

void stream_free(struct stream *st, const struct stream_host *host)
{
    end(st, host);
    st->capture = sluice_capture_free(st->capture);
}

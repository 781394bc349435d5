/*
 * stream.h - an output of a command: what comes out of the pipe is kept at both ends, and sent into a channel if one is named.
 *
 * The pipe is read as it fills. While an item waits for room in the channel nothing is read, so that the command waits in the end,
 * as it would for a slow reader of its pipe.
 */
#ifndef CLI_STREAM_H
#define CLI_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice.h"

/* Where streams are carried. */
struct stream_host {
    sluice *s;
    int epoll;
    size_t chunk; /* of the buffer, and at most of an item */
    char *buffer;
};

struct stream {
    int fd; /* -1: it has ended */
    sluice_capture *capture;
    const char *channel; /* NULL: none; borrowed */
    sluice_future *send; /* an item under way; NULL: none */
    int64_t left;        /* bytes that are still taken; negative: all that come */
    void *source,
        *reply; /* what the host's epoll says when the pipe is readable, and the data of the future */
    bool watched;
};

/* Begins with a pipe, which becomes its own. 0, or -errno: there is nothing then. */
int stream_open(struct stream *st, const struct stream_host *host, int fd, const char *channel, void *source,
                void *reply);
/* The pipe is readable. */
void stream_read(struct stream *st, const struct stream_host *host);
/* The future of its item is done. The status is the item's: unless it is OK, no more is sent. */
enum sluice_status stream_sent(struct stream *st, const struct stream_host *host);
/* Takes what is in the pipe now, and no more. cancel: nor waits for the channel. */
void stream_cut(struct stream *st, const struct stream_host *host, bool cancel);
/* Nothing more comes, and all was sent. */
bool stream_ended(const struct stream *st);
/* What was kept; valid until stream_free. */
struct sluice_output stream_output(struct stream *st);
void stream_free(struct stream *st, const struct stream_host *host);

#endif

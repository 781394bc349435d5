/*
 * probe.c - see probe.h.
 *
 * The request is a Ping: it opens a session for the connection and steps the engine, and leaves nothing behind when the connection closes.
 */
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "op.h"
#include "sp.h"

enum { ANSWER_SIZE_MAX = 256, REQUEST_ID = 1 };

struct probe {
    struct probe_options options;
    sd_event_source *timer, *io;
    int fd; /* -1: none under way */
    uint8_t answer[ANSWER_SIZE_MAX];
    size_t answer_size;
};

static void probe_hang_up(struct probe *p)
{
    p->io = sd_event_source_disable_unref(p->io);
    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = -1;
    p->answer_size = 0;
}

/* The greeting, and a Request whose only field is ping: its tag with wire type 2, and length 0. */
static size_t make_request(uint8_t *to)
{
    uint32_t key = op_rows[OP_PING].tag << 3 | 2;
    uint8_t body[] = {(uint8_t)(key | 0x80), (uint8_t)(key >> 7), 0};
    size_t header_size = sp_header_size(0);
    sp_greet(SP_REQ, to);
    sp_put_header(to + SP_GREETING_SIZE, NULL, 0, SP_ID_BIT | REQUEST_ID, sizeof(body));
    memcpy(to + SP_GREETING_SIZE + header_size, body, sizeof(body));
    return SP_GREETING_SIZE + header_size + sizeof(body);
}

/* Whether a greeting and an answer to our request have come; SP_BAD: something else has. */
static enum sp_verdict probe_verdict(const struct probe *p)
{
    struct sp_frame frame;
    const char *reason;
    enum sp_verdict verdict = sp_greeted(SP_REP, p->answer, p->answer_size, &reason);
    if (verdict != SP_DONE)
        return verdict;
    verdict = sp_parse(p->answer + SP_GREETING_SIZE, p->answer_size - SP_GREETING_SIZE, ANSWER_SIZE_MAX,
                       &frame, &reason);
    if (verdict != SP_DONE)
        return verdict == SP_MORE ? SP_MORE : SP_BAD;
    return frame.id == (SP_ID_BIT | REQUEST_ID) ? SP_DONE : SP_BAD;
}

static int probe_answered(sd_event_source *source, int fd, uint32_t events, void *user)
{
    (void)source;
    (void)events;
    struct probe *p = user;
    ssize_t n = recv(fd, p->answer + p->answer_size, sizeof(p->answer) - p->answer_size, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return 0;
    p->answer_size += n > 0 ? (size_t)n : 0;
    enum sp_verdict verdict = n > 0 ? probe_verdict(p) : SP_BAD;
    if (verdict == SP_MORE)
        return 0;
    probe_hang_up(p);
    if (verdict == SP_DONE)
        p->options.works(p->options.user);
    else
        p->options.fails(p->options.user, "it answered a probe wrongly");
    return 0;
}

static bool probe_begin(struct probe *p)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint8_t request[SP_GREETING_SIZE + SP_HEADER_SIZE_MAX + 8];
    size_t size = make_request(request);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", p->options.path);
    p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return p->fd >= 0 && connect(p->fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
           send(p->fd, request, size, MSG_NOSIGNAL) == (ssize_t)size &&
           sd_event_add_io(sd_event_source_get_event(p->timer), &p->io, p->fd, EPOLLIN, probe_answered, p) >=
               0;
}

static int probe_due(sd_event_source *source, uint64_t now_us, void *user)
{
    (void)now_us;
    struct probe *p = user;
    if (p->fd >= 0)
        p->options.fails(p->options.user, "it did not answer a probe in time");
    probe_hang_up(p);
    if (!probe_begin(p)) {
        probe_hang_up(p);
        p->options.fails(p->options.user, "it could not be probed");
    }
    int r = sd_event_source_set_time_relative(source, p->options.interval_us);
    return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int probe_new(struct probe **ret, sd_event *event, const struct probe_options *options)
{
    struct probe *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->options = *options;
    p->fd = -1;
    int r =
        sd_event_add_time_relative(event, &p->timer, CLOCK_MONOTONIC, options->interval_us, 0, probe_due, p);
    if (r < 0) {
        free(p);
        return r;
    }
    *ret = p;
    return 0;
}

struct probe *probe_free(struct probe *p)
{
    if (!p)
        return NULL;
    probe_hang_up(p);
    (void)sd_event_source_disable_unref(p->timer);
    free(p);
    return NULL;
}

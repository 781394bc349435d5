/*
 * watch.c - see watch.h.
 *
 * The watches of one pid stand in one bucket; of one pid there is one at most, because a watch whose process has died is ended before the
 * number is looked at again, whether or not the loop has heard of the death by then.
 */
#include "watch.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BUCKETS_COUNT = 256 };

struct watch {
    LIST_ENTRY(watch) link; /* in its pid's bucket */
    struct watches *all;
    int32_t pid;
    uint32_t uid;
    int pidfd;
    uint64_t session;
    sd_event_source *source;
};

LIST_HEAD(watch_list, watch);

struct watches {
    sd_event *event;
    struct front *front;
    struct watch_list buckets[BUCKETS_COUNT];
};

static struct watch_list *bucket_of(struct watches *ws, int32_t pid)
{
    return &ws->buckets[(uint32_t)pid % BUCKETS_COUNT];
}

struct watches *watches_new(sd_event *event, struct front *front)
{
    struct watches *ws = calloc(1, sizeof(*ws));
    if (ws) {
        ws->event = event;
        ws->front = front;
    }
    return ws;
}

/* Free one whose session is none or already over. Returns NULL. */
static struct watch *watch_free(struct watch *w)
{
    if (!w)
        return NULL;
    w->source = sd_event_source_disable_unref(w->source);
    if (w->pidfd >= 0)
        (void)close(w->pidfd);
    free(w);
    return NULL;
}

static void watch_end(struct watch *w)
{
    struct front *front = w->all->front;
    struct op detach = {.code = OP_DETACH, .session = w->session};
    LIST_REMOVE(w, link);
    (void)watch_free(w);
    front_begin(front);
    front_step(front, &detach);
}

struct watches *watches_free(struct watches *ws)
{
    if (!ws)
        return NULL;
    for (int i = 0; i < BUCKETS_COUNT; i++) {
        const struct watch_list *bucket = &ws->buckets[i];
        for (struct watch *w; (w = LIST_FIRST(bucket));) {
            watch_end(w);
            assert(LIST_FIRST(bucket) != w);
        }
    }
    free(ws);
    return NULL;
}

static int watch_died(sd_event_source *source, int fd, uint32_t events, void *user)
{
    (void)source;
    (void)fd;
    (void)events;
    watch_end(user);
    return 0;
}

static bool is_dead(int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}

/* The real user of a process, and its name; false: it cannot be told. */
static bool read_process(int32_t pid, uint32_t *ret_uid, uint32_t *ret_gid, char name[static 16])
{
    char path[64], line[256];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    int seen = 0;
    while (seen < 3 && fgets(line, sizeof(line), f)) {
        seen += sscanf(line, "Name: %15s", name) == 1;
        seen += sscanf(line, "Uid: %u", ret_uid) == 1;
        seen += sscanf(line, "Gid: %u", ret_gid) == 1;
    }
    (void)fclose(f);
    return seen == 3;
}

static uint64_t refuse(struct wire_refusal *ret, enum status status, const char *message)
{
    *ret = (struct wire_refusal){.status = status, .message = message};
    return 0;
}

static const char wrong_user[] = "the process belongs to another user";
static const char no_process[] = "no such process";

static bool may_name(const struct peer *asker, uint32_t uid)
{
    return asker->uid == 0 || asker->uid == uid;
}

/* The live watch of a pid; one whose process has died is ended on the way. */
static struct watch *watch_find(struct watches *ws, int32_t pid)
{
    struct watch *w = NULL;
    LIST_FOREACH(w, bucket_of(ws, pid), link)
    {
        if (w->pid != pid)
            continue;
        if (!is_dead(w->pidfd))
            return w;
        watch_end(w);
        return NULL;
    }
    return NULL;
}

/* Open the process and see whose it is, into *w. */
static bool watch_open(struct watch *w, struct hello_op *hello, char *name, const struct peer *asker,
                       struct wire_refusal *ret)
{
    w->pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
    if (w->pidfd < 0) {
        bool full = errno == EMFILE || errno == ENFILE;
        return refuse(ret, full ? STATUS_LIMIT : STATUS_NOT_FOUND,
                      full ? "no file descriptor is left" : no_process);
    }
    if (!read_process(w->pid, &hello->uid, &hello->gid, name) || is_dead(w->pidfd))
        return refuse(ret, STATUS_NOT_FOUND, no_process);
    if (!may_name(asker, hello->uid))
        return refuse(ret, STATUS_NOT_PERMITTED, wrong_user);
    w->uid = hello->uid;
    return true;
}

static uint64_t watch_new(struct watches *ws, const struct peer *asker, int32_t pid, struct wire_refusal *ret)
{
    char name[16] = "";
    struct hello_op hello = {.anonymous = true, .observer = true, .pid = pid};
    struct watch *w = calloc(1, sizeof(*w));
    if (!w)
        return refuse(ret, STATUS_NO_MEMORY, NULL);
    *w = (struct watch){.all = ws, .pid = pid, .pidfd = -1};
    if (watch_open(w, &hello, name, asker, ret)) {
        hello.name = (struct bytes){.data = name, .size = strlen(name)};
        if (sd_event_add_io(ws->event, &w->source, w->pidfd, EPOLLIN, watch_died, w) < 0)
            (void)refuse(ret, STATUS_NO_MEMORY, NULL);
        else
            w->session = front_open(ws->front, &hello, ret);
    }
    if (w->session == 0) {
        (void)watch_free(w);
        return 0;
    }
    LIST_INSERT_HEAD(bucket_of(ws, pid), w, link);
    return w->session;
}

uint64_t watches_session(struct watches *ws, const struct peer *asker, int32_t pid, struct wire_refusal *ret)
{
    if (asker->remote)
        return refuse(ret, STATUS_NOT_PERMITTED, "a process can be named on its own machine only");
    if (pid <= 0)
        return refuse(ret, STATUS_INVALID, "a process number is positive");
    struct watch *w = watch_find(ws, pid);
    if (!w)
        return watch_new(ws, asker, pid, ret);
    return may_name(asker, w->uid) ? w->session : refuse(ret, STATUS_NOT_PERMITTED, wrong_user);
}

/*
 * far.c - see far.h.
 *
 * A peer is found by the number that libnng gave its connection. Events of connections that are not known (any more) are dropped: one that was
 * refused, or one whose end was seen before its last request. What libnng has taken to send counts as on its way until it says that it
 * is sent; a connection on which a send failed is closed, for its session to be told by its end what was not delivered.
 */
#include "far.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS_COUNT = 1024 };

struct far {
    struct front *front;
    const struct remote_module *api;
    struct remote *remote;
    uint32_t peers_max;
    uint32_t count, sending;                 /* peers; replies on their way */
    struct peer_list buckets[BUCKETS_COUNT]; /* peers by pipe */
};

static const char over_limit[] = "connections-max connections are open";
static const char gone[] = "it closed";

const struct remote_module *far_load(const char *file, char *why, size_t why_size)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const struct remote_module *api = handle ? dlsym(handle, "sluice_remote_module") : NULL;
    bool good = api && api->version == REMOTE_VERSION;
    if (!api)
        (void)snprintf(why, why_size, "cannot load %s: %s", file, dlerror());
    else if (!good)
        (void)snprintf(why, why_size, "%s is of another version of sluiced", file);
    if (handle)
        (void)dlclose(handle);
    return good ? api : NULL;
}

/* ---- Peers. ---- */

static struct peer *pipe_peer(const struct far *far, uint32_t pipe)
{
    struct peer *p = NULL;
    LIST_FOREACH(p, &far->buckets[pipe % BUCKETS_COUNT], pipe_link)
    {
        if (p->pipe == pipe)
            break;
    }
    return p;
}

static uint8_t *far_reserve(struct peer *p, uint32_t word, size_t size)
{
    struct far *far = p->owner;
    return far->api->reserve(far->remote, word & ~SP_ID_BIT, size);
}

static void far_commit(struct peer *p, uint32_t word)
{
    struct far *far = p->owner;
    p->sending++;
    far->sending++;
    far->api->commit(far->remote, word & ~SP_ID_BIT);
}

static bool peer_is_written(const struct peer *p)
{
    return p->sending == 0;
}

/* Its session is over: what it waits for will never be answered. But a reply that is on its way is not cut off. */
static void far_finish(struct peer *p)
{
    struct far *far = p->owner;
    if (p->sending == 0)
        far->api->hang_up(far->remote, p->pipe);
}

static const struct carrier far_carrier = {
    .reserve = far_reserve,
    .commit = far_commit,
    .written = peer_is_written,
    .finish = far_finish,
};

static void far_opened(struct far *far, uint32_t pipe)
{
    struct front *f = far->front;
    struct peer refused = {.uid = UINT32_MAX, .remote = true};
    struct peer *p = NULL;
    if (peers_count(f->peers) >= far->peers_max ||
        peers_add(f->peers, &far_carrier, far, UINT32_MAX, &p) < 0) {
        f->hooks.note(f->hooks.user, FRONT_REFUSED, &refused, over_limit);
        far->api->hang_up(far->remote, pipe);
        return;
    }
    p->gid = UINT32_MAX;
    p->remote = true;
    p->pipe = pipe;
    far->count++;
    LIST_INSERT_HEAD(&far->buckets[pipe % BUCKETS_COUNT], p, pipe_link);
}

/* Replies that libnng still has may or may not arrive: what they gave away counts as given. */
static void far_closed(struct far *far, struct peer *p)
{
    struct front *f = far->front;
    f->hooks.note(f->hooks.user, FRONT_GONE, p, gone);
    LIST_REMOVE(p, pipe_link);
    assert(far->count > 0 && far->sending >= p->sending);
    far->count--;
    far->sending -= p->sending;
    (void)front_hang_up(f, p);
}

static void far_sent(struct far *far, struct peer *p, bool sent)
{
    assert(p->sending > 0);
    p->sending--;
    far->sending--;
    if (!sent)
        far->api->hang_up(far->remote, p->pipe);
    else if (p->sending == 0)
        front_written(far->front, p);
}

/* ---- Rounds. ---- */

static void far_event(struct far *far, const struct remote_event *event)
{
    struct peer *p = pipe_peer(far, event->pipe);
    switch (event->code) {
    case REMOTE_OPENED: far_opened(far, event->pipe); break;
    case REMOTE_REQUEST:
        if (p)
            front_request(far->front, p, SP_ID_BIT | event->slot, event->body, event->size);
        break;
    case REMOTE_UNSENT:
        if (p)
            front_undelivered(far->front, p, route_make(p, SP_ID_BIT | event->slot));
        if (p)
            far_sent(far, p, false);
        break;
    case REMOTE_SENT:
        if (p)
            far_sent(far, p, true);
        break;
    case REMOTE_CLOSED:
        if (p)
            far_closed(far, p);
        break;
    case REMOTE_RELISTEN:
        far->front->hooks.note(far->front->hooks.user, FRONT_CLOSED, NULL,
                               "a listener had stopped accepting and was opened anew");
        break;
    }
}

int far_fd(const struct far *far)
{
    return far->api->fd(far->remote);
}

void far_dispatch(struct far *far)
{
    struct remote_event event;
    front_begin(far->front);
    while (far->api->next(far->remote, &event))
        far_event(far, &event);
}

void far_stop(struct far *far)
{
    far->api->stop(far->remote);
}

bool far_written(const struct far *far)
{
    return far->sending == 0;
}

uint32_t far_count(const struct far *far)
{
    return far->count;
}

int far_open(struct far **ret, struct front *f, const struct remote_module *api,
             const struct remote_options *options, uint32_t peers_max, char *why, size_t why_size)
{
    struct far *far = calloc(1, sizeof(*far));
    if (!far) {
        (void)snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    *far = (struct far){.front = f, .api = api, .peers_max = peers_max};
    int r = api->open(&far->remote, options, why, why_size);
    if (r < 0) {
        free(far);
        return r;
    }
    *ret = far;
    return 0;
}

struct far *far_free(struct far *far)
{
    if (!far)
        return NULL;
    for (int i = 0; i < BUCKETS_COUNT; i++) {
        struct peer *p;
        while ((p = LIST_FIRST(&far->buckets[i])))
            far_closed(far, p);
    }
    free(far);
    return NULL;
}

/*
 * fake.c - a daemon of straw. See fake.h.
 *
 * One thread polls the listener, a control pipe and the connections. A test that breaks connections shuts their sockets down, and the
 * thread finds them ended; so only the thread closes. Replies are written at once, in full: tests read what they asked for.
 */
#include "fake.h"

#include <assert.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PEERS_MAX 64

struct fake_peer {
    int fd; /* -1: free */
    bool greeted;
    uint8_t *in;
    size_t used, size;
};

void fake_lock(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
}

void fake_unlock(struct fake *f)
{
    pthread_mutex_unlock(&f->lock);
}

static char folder[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fake_path(const char *name)
{
    static char paths[32][108];
    static unsigned next;
    char *path = paths[next++ % 32];
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "/tmp/sluice-test-XXXXXX");
        if (mkdtemp(folder) == NULL || atexit(remove_folder) != 0)
            abort();
    }
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* ---- Answering. */

void fake_raw(struct fake *f, struct fake_route to, const void *data, size_t size)
{
    (void)f;
    const char *at = data;
    while (size > 0) {
        ssize_t n = send(to.fd, at, size, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
        size -= (size_t)n;
    }
}

void fake_reply(struct fake *f, struct fake_route to, const Reply *reply)
{
    size_t size = sluice__v1__reply__get_packed_size(reply);
    uint8_t *frame = malloc(13 + size);
    assert(frame != NULL);
    frame[0] = 1;
    for (int i = 0; i < 8; i++)
        frame[1 + i] = (uint8_t)((uint64_t)(size + 4) >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        frame[9 + i] = (uint8_t)((to.id | 0x80000000U) >> (24 - 8 * i));
    sluice__v1__reply__pack(reply, frame + 13);
    fake_raw(f, to, frame, 13 + size);
    free(frame);
}

void fake_status(struct fake *f, struct fake_route to, enum sluice_status status)
{
    Reply reply = SLUICE__V1__REPLY__INIT;
    reply.has_status = status != SLUICE_OK;
    reply.status = (Sluice__V1__Status)status;
    fake_reply(f, to, &reply);
}

void fake_item(struct fake *f, struct fake_route to, const void *data, size_t size, uint64_t lease)
{
    Reply reply = SLUICE__V1__REPLY__INIT;
    Sluice__V1__Item item = SLUICE__V1__ITEM__INIT;
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    value.kind_case = SLUICE__V1__VALUE__KIND_RAW;
    value.raw = (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)data};
    item.value = &value;
    item.has_lease = lease != 0;
    item.lease = lease;
    reply.result_case = SLUICE__V1__REPLY__RESULT_ITEM;
    reply.item = &item;
    fake_reply(f, to, &reply);
}

/* ---- Hello. */

static bool knows(struct fake *f, const uint8_t *id)
{
    for (size_t i = 0; i < f->sessions_count; i++)
        if (memcmp(f->sessions[i], id, 16) == 0)
            return true;
    f->sessions = realloc(f->sessions, (f->sessions_count + 1) * sizeof *f->sessions);
    assert(f->sessions != NULL);
    memcpy(f->sessions[f->sessions_count++], id, 16);
    return false;
}

static void hello(struct fake *f, struct fake_route route, const Sluice__V1__Hello *h)
{
    Reply reply = SLUICE__V1__REPLY__INIT;
    Sluice__V1__HelloResult result = SLUICE__V1__HELLO_RESULT__INIT;
    static const char server[] = "fake 1";
    f->hello_count++;
    assert(h->has_session && h->session.len == 16);
    memcpy(f->last_session, h->session.data, 16);
    snprintf(f->last_name, sizeof f->last_name, "%.*s", (int)h->name.len, (const char *)h->name.data);
    result.has_major = result.has_resumed = result.has_session_number = true;
    result.major = 1;
    result.session_number = f->hello_count;
    result.resumed = knows(f, h->session.data) && !f->forgetful;
    result.has_server = true;
    result.server = (ProtobufCBinaryData){sizeof server - 1, (uint8_t *)(uintptr_t)server};
    result.has_resume_window_ns = true;
    result.resume_window_ns = h->has_resume_window_ns ? (uint64_t)f->resume_ns : 0;
    result.has_payload_size_max = result.has_frame_size_max = true;
    result.payload_size_max = 1 << 20;
    result.frame_size_max = 5 << 20;
    result.has_lease_ns = f->lease_ms > 0;
    result.lease_ns = f->lease_ms * UINT64_C(1000000);
    reply.has_status = f->refuse != SLUICE_OK;
    reply.status = (Sluice__V1__Status)f->refuse;
    reply.result_case = SLUICE__V1__REPLY__RESULT_HELLO;
    reply.hello = &result;
    if (!f->mute)
        fake_reply(f, route, &reply);
}

/* ---- Reading. */

static void request(struct fake *f, struct fake_route route, const uint8_t *data, size_t size)
{
    Request *r = sluice__v1__request__unpack(NULL, size, data);
    assert(r != NULL);
    if (r->op_case == SLUICE__V1__REQUEST__OP_HELLO) {
        hello(f, route, r->hello);
    } else {
        assert(f->seen_count < FAKE_SEEN_MAX);
        f->seen[f->seen_count++] = (struct fake_seen){
            .op = r->op_case,
            .seq = r->seq,
            .acked_below = r->acked_below,
            .acked_count = r->n_acked,
            .timeout_ns = r->has_timeout_ns ? r->timeout_ns : UINT64_MAX,
            .cancel_seq = r->op_case == SLUICE__V1__REQUEST__OP_CANCEL ? r->cancel->seq : 0,
            .route = route,
        };
        if (f->handler != NULL)
            f->handler(f, route, r);
        else
            fake_status(f, route, SLUICE_OK);
    }
    sluice__v1__request__free_unpacked(r, NULL);
}

static void frames(struct fake *f, struct fake_peer *p)
{
    static const uint8_t greeting[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0},
                         answer[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    size_t at = 0;
    if (!p->greeted && p->used >= 8) {
        assert(memcmp(p->in, greeting, 8) == 0);
        p->greeted = true;
        at = 8;
        fake_raw(f, (struct fake_route){.fd = p->fd}, answer, 8);
    }
    while (p->greeted && p->used - at >= 13) {
        uint64_t size = 0;
        for (int i = 0; i < 8; i++)
            size = size << 8 | p->in[at + 1 + (size_t)i];
        uint32_t id = 0;
        for (int i = 0; i < 4; i++)
            id = id << 8 | p->in[at + 9 + (size_t)i];
        assert(p->in[at] == 1 && (id >> 31) == 1);
        if (p->used - at < 9 + size)
            break;
        request(f, (struct fake_route){p->fd, id & 0x7fffffff}, p->in + at + 13, size - 4);
        at += 9 + size;
    }
    memmove(p->in, p->in + at, p->used - at);
    p->used -= at;
}

static void peer_end(struct fake *f, struct fake_peer *p)
{
    close(p->fd);
    free(p->in);
    *p = (struct fake_peer){.fd = -1};
    f->gone_count++;
}

static void peer_read(struct fake *f, struct fake_peer *p)
{
    if (p->size - p->used < 65536) {
        p->size += 65536;
        p->in = realloc(p->in, p->size);
        assert(p->in != NULL);
    }
    ssize_t n = recv(p->fd, p->in + p->used, p->size - p->used, 0);
    f->reads++;
    if (n <= 0) {
        peer_end(f, p);
        return;
    }
    p->used += (size_t)n;
    frames(f, p);
}

static void peer_accept(struct fake *f)
{
    struct sockaddr_un from;
    socklen_t size = sizeof from;
    int fd = accept4(f->listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);
    for (int i = 0; i < PEERS_MAX && fd >= 0; i++) {
        if (f->peers[i].fd < 0) {
            f->peers[i] = (struct fake_peer){.fd = fd};
            return;
        }
    }
    assert(fd < 0);
}

static void *serve(void *argument)
{
    struct fake *f = argument;
    for (;;) {
        struct pollfd p[PEERS_MAX + 2] = {{.fd = f->listener, .events = POLLIN},
                                          {.fd = f->control[0], .events = POLLIN}};
        fake_lock(f);
        for (int i = 0; i < PEERS_MAX; i++)
            p[i + 2] = (struct pollfd){.fd = f->peers[i].fd, .events = POLLIN};
        fake_unlock(f);
        poll(p, PEERS_MAX + 2, -1);
        fake_lock(f);
        if (p[1].revents != 0) {
            fake_unlock(f);
            return NULL;
        }
        if (p[0].revents != 0)
            peer_accept(f);
        for (int i = 0; i < PEERS_MAX; i++)
            if (p[i + 2].revents != 0 && f->peers[i].fd == p[i + 2].fd)
                peer_read(f, &f->peers[i]);
        pthread_cond_broadcast(&f->changed);
        fake_unlock(f);
    }
}

/* ---- The test's side. */

struct fake *fake_start(const char *path, fake_handler *handler, void *data)
{
    struct fake *f = calloc(1, sizeof *f);
    assert(f != NULL);
    f->seen = calloc(FAKE_SEEN_MAX, sizeof *f->seen);
    f->peers = calloc(PEERS_MAX, sizeof *f->peers);
    assert(f->seen != NULL && f->peers != NULL);
    for (int i = 0; i < PEERS_MAX; i++)
        f->peers[i].fd = -1;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    f->handler = handler;
    f->data = data;
    snprintf(f->path, sizeof f->path, "%s", path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, f->path, sizeof f->path);
    unlink(path);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = bind(f->listener, (struct sockaddr *)&address, sizeof address);
    assert(r == 0);
    r = listen(f->listener, 64);
    assert(r == 0);
    r = pipe(f->control);
    assert(r == 0);
    r = pthread_create(&f->thread, NULL, serve, f);
    assert(r == 0);
    return f;
}

struct fake *fake_stop(struct fake *f)
{
    close(f->control[1]);
    pthread_join(f->thread, NULL);
    for (int i = 0; i < PEERS_MAX; i++)
        if (f->peers[i].fd >= 0)
            peer_end(f, &f->peers[i]);
    close(f->listener);
    close(f->control[0]);
    unlink(f->path);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->changed);
    free(f->sessions);
    free(f->peers);
    free(f->seen);
    free(f);
    return NULL;
}

static void await(struct fake *f, const size_t *counter, size_t count)
{
    fake_lock(f);
    while (*counter < count)
        pthread_cond_wait(&f->changed, &f->lock);
    fake_unlock(f);
}

void fake_await(struct fake *f, size_t count)
{
    await(f, &f->seen_count, count);
}

void fake_await_hello(struct fake *f, size_t count)
{
    await(f, &f->hello_count, count);
}

void fake_await_gone(struct fake *f, size_t count)
{
    await(f, &f->gone_count, count);
}

void fake_sync(struct fake *f)
{
    fake_lock(f);
    fake_unlock(f);
}

void fake_break(struct fake *f)
{
    fake_lock(f);
    for (int i = 0; i < PEERS_MAX; i++)
        if (f->peers[i].fd >= 0)
            shutdown(f->peers[i].fd, SHUT_RDWR);
    fake_unlock(f);
}

/*
 * remote.c - the libnng module: see remote.h.
 *
 * A REP socket with one context for each request that is being answered, made on demand: a context waits for a request, holds it while
 * the daemon thinks (which may be for days), sends the reply and waits again. RECEIVERS_MIN of them always wait, so that a request
 * never finds all of them busy; beyond RECEIVERS_MAX they are given back. Cooked REP and not raw, because raw drops replies.
 *
 *     RECEIVING ──► HELD ──► SENDING ──► RECEIVING
 *                    └── its connection is gone ──► RECEIVING
 *
 * libnng's threads only put a note into the queue and ring the eventfd. A slot has at most one aio under way, so its note is part of it.
 *
 * A client that repeats a request on the same connection holds two contexts, of which one is never answered: it is given back when the
 * connection ends. libnng's own repeats come every minute at the most.
 *
 * libnng before 1.6 has a fault by which a tcp listener may stop accepting for good. So a fresh connection is made to it now and then;
 * when twice nobody greets, the listener is opened anew. That closes its connections: their clients come back and resume.
 *
 * Nothing is ever torn down but listeners: closing a socket may hang in libnng, so the process ends with it open.
 */
#include "remote.h"

#include <assert.h>
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/transport/tls/tls.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RECEIVERS_MIN = 16,
    RECEIVERS_MAX = 256,
    SEND_TIME_MS = 30000,
    PROBE_TIME_MS = 5000,
    PROBE_FAILURES_MAX = 2,
    PEM_SIZE_MAX = 1 << 20,
};

enum note_code { NOTE_SLOT, NOTE_OPENED, NOTE_CLOSED, NOTE_PROBE };

/* Something that a thread of libnng saw. */
struct note {
    struct note *next;
    enum note_code code;
    uint32_t pipe;
};

enum slot_state { SLOT_FREE, SLOT_RECEIVING, SLOT_HELD, SLOT_SENDING };

struct slot {
    struct note note; /* first, so that it is found again */
    struct remote *remote;
    enum slot_state state;
    uint32_t index, pipe;
    nng_ctx ctx;
    nng_aio *aio;
    nng_msg *reply;
};

struct remote {
    struct remote_options options; /* url is owned, the others are not kept */
    nng_socket socket;
    nng_listener listener;
    nng_tls_config *tls;
    bool stopped;

    int event_fd;
    pthread_mutex_t lock; /* of the queue */
    struct note *first, **last;

    struct slot **slots;
    uint32_t slots_count, slots_cap, receiving;
    uint32_t *free_slots; /* indices in state SLOT_FREE; as many places as slots_cap */
    uint32_t free_count;
    nng_msg *shown; /* the request whose body was handed out last */

    nng_aio *probe_aio;
    struct note probe_note;
    int probe_fd, probe_failures;
};

/* ---- The queue. ---- */

static void remote_note(struct remote *r, struct note *note)
{
    note->next = NULL;
    (void)pthread_mutex_lock(&r->lock);
    bool was_empty = !r->first;
    *r->last = note;
    r->last = &note->next;
    (void)pthread_mutex_unlock(&r->lock);
    uint64_t one = 1;
    if (was_empty && write(r->event_fd, &one, sizeof(one)) < 0)
        return; /* the counter is full: it is readable all the same */
}

static struct note *remote_take(struct remote *r)
{
    (void)pthread_mutex_lock(&r->lock);
    struct note *note = r->first;
    if (note) {
        r->first = note->next;
        if (!r->first)
            r->last = &r->first;
    } else {
        uint64_t count;
        ssize_t n = read(r->event_fd, &count, sizeof(count));
        (void)n;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return note;
}

static void slot_done(void *arg)
{
    struct slot *slot = arg;
    remote_note(slot->remote, &slot->note);
}

static void probe_due(void *arg)
{
    struct remote *r = arg;
    remote_note(r, &r->probe_note);
}

/* Without memory for the note a new connection is refused; that one has gone, its session learns by its lease. */
static void pipe_seen(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct note *note = malloc(sizeof(*note));
    if (note) {
        *note = (struct note){.code = event == NNG_PIPE_EV_ADD_PRE ? NOTE_OPENED : NOTE_CLOSED,
                              .pipe = (uint32_t)nng_pipe_id(pipe)};
        remote_note(arg, note);
    } else if (event == NNG_PIPE_EV_ADD_PRE) {
        (void)nng_pipe_close(pipe);
    }
}

/* ---- Slots. ---- */

static void slot_receive(struct slot *slot)
{
    slot->state = SLOT_RECEIVING;
    slot->remote->receiving++;
    nng_aio_set_timeout(slot->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(slot->ctx, slot->aio);
}

static void slot_retire(struct slot *slot)
{
    struct remote *r = slot->remote;
    (void)nng_ctx_close(slot->ctx);
    slot->state = SLOT_FREE;
    r->free_slots[r->free_count++] = slot->index;
}

/* The request is over: wait for another, or give the context back. */
static void slot_renew(struct slot *slot)
{
    if (slot->remote->receiving < RECEIVERS_MAX)
        slot_receive(slot);
    else
        slot_retire(slot);
}

static bool slots_grow(struct remote *r)
{
    uint32_t cap = r->slots_cap ? r->slots_cap * 2 : RECEIVERS_MIN;
    struct slot **slots = realloc(r->slots, cap * sizeof(struct slot *));
    if (slots)
        r->slots = slots;
    uint32_t *free_slots = realloc(r->free_slots, cap * sizeof(*free_slots));
    if (free_slots)
        r->free_slots = free_slots;
    if (!slots || !free_slots)
        return false;
    r->slots_cap = cap;
    return true;
}

/* A slot in state SLOT_FREE that is in no list; NULL: no memory, or requests_max of them. */
static struct slot *slot_get(struct remote *r)
{
    if (r->free_count > 0)
        return r->slots[r->free_slots[--r->free_count]];
    if (r->slots_count == r->options.requests_max || (r->slots_count == r->slots_cap && !slots_grow(r)))
        return NULL;
    struct slot *slot = calloc(1, sizeof(*slot));
    if (!slot || nng_aio_alloc(&slot->aio, slot_done, slot) != 0) {
        free(slot);
        return NULL;
    }
    slot->remote = r;
    slot->index = r->slots_count;
    r->slots[r->slots_count++] = slot;
    return slot;
}

/* See that enough contexts wait. */
static void remote_fill(struct remote *r)
{
    while (r->receiving < RECEIVERS_MIN) {
        struct slot *slot = slot_get(r);
        if (!slot)
            return;
        if (nng_ctx_open(&slot->ctx, r->socket) != 0) {
            r->free_slots[r->free_count++] = slot->index;
            return;
        }
        slot_receive(slot);
    }
}

static bool slot_received(struct slot *slot, struct remote_event *ret)
{
    struct remote *r = slot->remote;
    r->receiving--;
    int error = nng_aio_result(slot->aio);
    if (error != 0) {
        slot_retire(slot);
        if (error != NNG_ECLOSED)
            remote_fill(r);
        return false;
    }
    nng_msg *msg = nng_aio_get_msg(slot->aio);
    nng_aio_set_msg(slot->aio, NULL);
    nng_msg_free(r->shown);
    r->shown = msg;
    slot->state = SLOT_HELD;
    slot->pipe = (uint32_t)nng_pipe_id(nng_msg_get_pipe(msg));
    remote_fill(r);
    *ret = (struct remote_event){.code = REMOTE_REQUEST,
                                 .pipe = slot->pipe,
                                 .slot = slot->index,
                                 .body = nng_msg_body(msg),
                                 .size = nng_msg_len(msg)};
    return true;
}

static bool slot_sent(struct slot *slot, struct remote_event *ret)
{
    bool sent = nng_aio_result(slot->aio) == 0;
    if (!sent)
        nng_msg_free(nng_aio_get_msg(slot->aio));
    nng_aio_set_msg(slot->aio, NULL);
    *ret = (struct remote_event){
        .code = sent ? REMOTE_SENT : REMOTE_UNSENT, .pipe = slot->pipe, .slot = slot->index};
    slot_renew(slot);
    return true;
}

static void remote_forget_pipe(struct remote *r, uint32_t pipe)
{
    for (uint32_t i = 0; i < r->slots_count; i++) {
        if (r->slots[i]->state == SLOT_HELD && r->slots[i]->pipe == pipe)
            slot_renew(r->slots[i]);
    }
}

static uint8_t *remote_reserve(struct remote *r, uint32_t index, size_t size)
{
    struct slot *slot = index < r->slots_count ? r->slots[index] : NULL;
    if (!slot || slot->state != SLOT_HELD || nng_msg_alloc(&slot->reply, size) != 0)
        return NULL;
    return nng_msg_body(slot->reply);
}

static void remote_commit(struct remote *r, uint32_t index)
{
    struct slot *slot = r->slots[index];
    assert(slot->state == SLOT_HELD && slot->reply);
    slot->state = SLOT_SENDING;
    nng_aio_set_timeout(slot->aio, SEND_TIME_MS);
    nng_aio_set_msg(slot->aio, slot->reply);
    slot->reply = NULL;
    nng_ctx_send(slot->ctx, slot->aio);
}

static void remote_hang_up(struct remote *r, uint32_t pipe)
{
    (void)r;
    (void)nng_pipe_close((nng_pipe){.id = pipe});
}

/* ---- The listener. ---- */

static int fail(char *why, size_t why_size, int error, const char *url, const char *what)
{
    (void)snprintf(why, why_size, "cannot serve %s: %s", url, what);
    return error;
}

static char *read_pem(const char *file)
{
    FILE *f = file ? fopen(file, "re") : NULL;
    if (!f)
        return NULL;
    char *text = malloc(PEM_SIZE_MAX);
    size_t size = text ? fread(text, 1, PEM_SIZE_MAX - 1, f) : 0;
    (void)fclose(f);
    if (text)
        text[size] = 0;
    return text;
}

static int make_tls(struct remote *r, const struct remote_options *o, char *why, size_t why_size)
{
    char *cert = read_pem(o->tls_cert), *key = read_pem(o->tls_key);
    int error = 0;
    if (!cert || !key)
        error = fail(why, why_size, -EINVAL, o->url, "tls-cert and tls-key have to name readable files");
    else if (nng_tls_config_alloc(&r->tls, NNG_TLS_MODE_SERVER) != 0)
        error = fail(why, why_size, -ENOMEM, o->url, "out of memory");
    else if (nng_tls_config_own_cert(r->tls, cert, key, NULL) != 0)
        error =
            fail(why, why_size, -EINVAL, o->url, "tls-cert and tls-key are not a certificate and its key");
    free(cert);
    free(key);
    return error;
}

/* libnng's error number. An option that a transport does not know is no error. */
static int listen_again(struct remote *r)
{
    int error = nng_listener_create(&r->listener, r->socket, r->options.url);
    if (error != 0)
        return error;
    error = nng_listener_set_size(r->listener, NNG_OPT_RECVMAXSZ, r->options.size_max);
    (void)nng_listener_set_bool(r->listener, NNG_OPT_TCP_NODELAY, true);
    (void)nng_listener_set_bool(r->listener, NNG_OPT_TCP_KEEPALIVE, true);
    if (error == 0 && r->tls)
        error = nng_listener_set_ptr(r->listener, NNG_OPT_TLS_CONFIG, r->tls);
    if (error == 0)
        error = nng_listener_start(r->listener, 0);
    if (error != 0)
        (void)nng_listener_close(r->listener);
    return error;
}

/* ---- The probe. ---- */

static bool probe_wanted(const char *url)
{
    int major = 0, minor = 0;
    (void)sscanf(nng_version(), "%d.%d", &major, &minor);
    return (major < 1 || (major == 1 && minor < 6)) && strncmp(url, "tcp:", 4) == 0;
}

/* Connect to our own port and leave it at that: the answer is looked at next time. */
static void probe_begin(struct remote *r)
{
    nng_sockaddr at;
    if (nng_listener_get_addr(r->listener, NNG_OPT_LOCADDR, &at) != 0 || at.s_family != NNG_AF_INET)
        return;
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = at.s_in.sa_port, .sin_addr.s_addr = at.s_in.sa_addr};
    if (to.sin_addr.s_addr == htonl(INADDR_ANY))
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    r->probe_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (r->probe_fd >= 0 && connect(r->probe_fd, (const struct sockaddr *)&to, sizeof(to)) < 0 &&
        errno != EINPROGRESS) {
        (void)close(r->probe_fd);
        r->probe_fd = -1;
    }
}

/* True: the listener is dead. */
static bool probe_end(struct remote *r)
{
    if (r->probe_fd < 0)
        return false;
    char greeting[8];
    bool greeted = recv(r->probe_fd, greeting, sizeof(greeting), MSG_DONTWAIT) == (ssize_t)sizeof(greeting);
    (void)close(r->probe_fd);
    r->probe_fd = -1;
    r->probe_failures = greeted ? 0 : r->probe_failures + 1;
    return r->probe_failures >= PROBE_FAILURES_MAX;
}

/* Five seconds have passed. True: the listener was replaced. */
static bool remote_probe(struct remote *r)
{
    if (r->stopped)
        return false;
    bool dead = probe_end(r), replaced = false;
    if (dead) {
        (void)nng_listener_close(r->listener);
        replaced = listen_again(r) == 0;
        r->probe_failures = replaced ? 0 : r->probe_failures;
    }
    probe_begin(r);
    nng_sleep_aio(PROBE_TIME_MS, r->probe_aio);
    return replaced;
}

/* ---- The table. ---- */

static bool remote_next(struct remote *r, struct remote_event *ret)
{
    for (struct note *note; (note = remote_take(r));) {
        struct slot *slot = (struct slot *)note;
        bool shows = false;
        switch (note->code) {
        case NOTE_SLOT:
            shows = slot->state == SLOT_SENDING ? slot_sent(slot, ret) : slot_received(slot, ret);
            break;
        case NOTE_PROBE:
            *ret = (struct remote_event){.code = REMOTE_RELISTEN};
            shows = remote_probe(r);
            break;
        case NOTE_OPENED:
        case NOTE_CLOSED:
            *ret = (struct remote_event){.code = note->code == NOTE_OPENED ? REMOTE_OPENED : REMOTE_CLOSED,
                                         .pipe = note->pipe};
            if (note->code == NOTE_CLOSED)
                remote_forget_pipe(r, note->pipe);
            free(note);
            shows = true;
            break;
        }
        if (shows)
            return true;
    }
    return false;
}

static int remote_fd(const struct remote *r)
{
    return r->event_fd;
}

static void remote_stop(struct remote *r)
{
    if (!r->stopped)
        (void)nng_listener_close(r->listener);
    r->stopped = true;
}

/* Before anything of libnng runs, all can be given back. */
static struct remote *remote_new(const struct remote_options *o)
{
    struct remote *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->options = (struct remote_options){
        .url = strdup(o->url), .size_max = o->size_max, .requests_max = o->requests_max};
    r->probe_fd = -1;
    r->probe_note.code = NOTE_PROBE;
    r->last = &r->first;
    (void)pthread_mutex_init(&r->lock, NULL);
    r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->event_fd >= 0 && r->options.url)
        return r;
    free((char *)r->options.url);
    free(r);
    return NULL;
}

static int remote_open(struct remote **ret, const struct remote_options *o, char *why, size_t why_size)
{
    struct remote *r = remote_new(o);
    if (!r)
        return fail(why, why_size, -ENOMEM, o->url, "out of memory");
    bool secret = strncmp(o->url, "tls", 3) == 0 || strncmp(o->url, "wss", 3) == 0;
    int error = secret ? make_tls(r, o, why, why_size) : 0;
    if (error < 0)
        return error;
    error = nng_rep0_open(&r->socket);
    if (error == 0)
        error = nng_pipe_notify(r->socket, NNG_PIPE_EV_ADD_PRE, pipe_seen, r);
    if (error == 0)
        error = nng_pipe_notify(r->socket, NNG_PIPE_EV_REM_POST, pipe_seen, r);
    if (error == 0)
        error = nng_aio_alloc(&r->probe_aio, probe_due, r);
    if (error == 0)
        error = listen_again(r);
    if (error != 0)
        return fail(why, why_size, error == NNG_EADDRINUSE ? -EADDRINUSE : -EINVAL, o->url,
                    nng_strerror(error));
    remote_fill(r);
    if (probe_wanted(o->url))
        (void)remote_probe(r);
    *ret = r;
    return 0;
}

extern const struct remote_module sluice_remote_module __attribute__((visibility("default")));
const struct remote_module sluice_remote_module = {
    .version = REMOTE_VERSION,
    .open = remote_open,
    .fd = remote_fd,
    .next = remote_next,
    .reserve = remote_reserve,
    .commit = remote_commit,
    .hang_up = remote_hang_up,
    .stop = remote_stop,
};

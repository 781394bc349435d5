/*
 * session.c - the session behind a connection: opening, resuming, losing it.
 *
 * A session has a random id for the daemon and a number (epoch) for us, which every handle and lease carries: so a handle of an
 * earlier session, of another connection or of the process we were forked from is stale, whatever its value.
 *
 * When the connection breaks, there are two cases. A resumable session waits for us: we connect again, say Hello with the same id, and write
 * every pending request again with its number; the daemon carries out what it has not carried out yet. Without a resume window the session
 * ended with its connection: calls of which a byte was written end with SESSION_GONE, since nobody can say what became of them;
 * calls not yet written go to the next session, which opens with the next attempt. If a daemon does not know the session it is asked to
 * resume (it was restarted, or the window was over), that is the second case, found out later.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "call.h"
#include "error.h"

#define PROTOCOL_MAJOR   1
#define PROTOCOL_MINOR   0
#define REMOTE_RESUME_NS (30 * SLUICE_SECOND)
#define REMOTE_LEASE_NS  (30 * SLUICE_SECOND) /* the protocol's, when none was asked for */

static const char gone[] = "the connection to sluiced was lost, and the session with it";

void session_renew(sluice *s, bool new_id)
{
    static _Atomic uint32_t epochs;
    uint32_t epoch = atomic_fetch_add(&epochs, 1) + 1;
    s->epoch = epoch == 0 ? atomic_fetch_add(&epochs, 1) + 1 : epoch; /* 0 stands for no session */
    if (new_id && getrandom(s->id, sizeof s->id, 0) != (ssize_t)sizeof s->id) {
        int64_t parts[2] = {clock_ns(CLOCK_REALTIME), ((int64_t)getpid() << 32) + s->epoch};
        memcpy(s->id, parts, sizeof s->id);
    }
    /* A session taken over from another process goes on with numbers that it cannot have used. */
    s->next_seq = s->id_given ? (uint64_t)clock_ns(CLOCK_REALTIME) : 1;
    s->id_given = false;
    s->live = false;
    s->acked_count = 0;
}

static int64_t asked_resume(const sluice *s)
{
    if (s->resume_ns != 0)
        return s->resume_ns > 0 ? s->resume_ns : 0;
    return s->ops->local ? 0 : REMOTE_RESUME_NS;
}

static int64_t asked_lease(const sluice *s)
{
    if (s->lease_ns > 0)
        return s->lease_ns;
    return s->ops->local ? 0 : REMOTE_LEASE_NS;
}

int session_hello(sluice *s)
{
    Sluice__V1__Hello hello = SLUICE__V1__HELLO__INIT;
    hello.has_major = hello.has_minor = true;
    hello.major = PROTOCOL_MAJOR;
    hello.minor = PROTOCOL_MINOR;
    hello.has_session = true;
    hello.session = (ProtobufCBinaryData){sizeof s->id, s->id};
    int64_t resume_ns = asked_resume(s);
    hello.has_resume_window_ns = resume_ns > 0;
    hello.resume_window_ns = (uint64_t)resume_ns;
    hello.has_lease_ns = s->lease_ns > 0;
    hello.lease_ns = (uint64_t)s->lease_ns;
    hello.has_name = true;
    hello.name = (ProtobufCBinaryData){strlen(s->name), (uint8_t *)s->name};
    hello.has_tasks = s->tasks > 0;
    hello.tasks = s->tasks;
    hello.has_within = s->within != 0;
    hello.within = s->within;
    Request request = SLUICE__V1__REQUEST__INIT;
    request.op_case = SLUICE__V1__REQUEST__OP_HELLO;
    request.hello = &hello;

    static const uint8_t greeting[SP_GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    buffer_clear(&s->wr);
    if (s->ops->greets) {
        uint8_t *room = buffer_room(&s->wr, sizeof greeting);
        if (room == NULL)
            return -ENOMEM;
        memcpy(room, greeting, sizeof greeting);
        buffer_commit(&s->wr, sizeof greeting);
    }
    int r = call_encode(&s->wr, CALL_ID_HELLO, &request, 0);
    /* These bytes are before all that is counted: no call counts as sent by them. */
    s->wr_offset = s->out_offset - buffer_used(&s->wr);
    return r;
}

/* All that is pending ends: with SESSION_GONE, or by going to the next session if none of it was written. */
static void end_pending(sluice *s)
{
    while (!list_empty(&s->pending)) {
        struct call *c = container_of(s->pending.next, struct call, link);
        if (c->sent || c->is_future) {
            call_fail(s, c, SLUICE_SESSION_GONE, gone);
        } else {
            call_forget(s, c);
            c->state = CALL_RETRY;
            if (c->waiter != NULL)
                io_wake(c->waiter);
        }
    }
    buffer_clear(&s->out);
}

/* Writes all that is pending again. False: no memory. */
static bool write_again(sluice *s)
{
    buffer_clear(&s->out);
    for (struct link *l = s->pending.next; l != &s->pending; l = l->next) {
        struct call *c = container_of(l, struct call, link);
        if (call_write_again(s, c) < 0)
            return false;
        if (c->withdrawn) {
            c->withdrawn = false;
            call_withdraw(s, c);
        }
    }
    return true;
}

static void refused(sluice *s, const struct reply *reply)
{
    error_reply(reply);
    memcpy(s->why, sluice_errmsg(), strnlen(sluice_errmsg(), sizeof s->why - 1) + 1);
    s->state = CONN_LOST;
    if (reply->status == SLUICE_SHUTTING_DOWN)
        return; /* it will be back */
    s->fatal = reply->status;
    dial_done(s);
    while (!list_empty(&s->pending))
        call_fail(s, container_of(s->pending.next, struct call, link), reply->status, NULL);
    buffer_clear(&s->out);
}

static void note_info(sluice *s, const Sluice__V1__HelloResult *h)
{
    const char *given = (const char *)h->server.data;
    if (s->server == NULL || strlen(s->server) != h->server.len ||
        strncmp(s->server, given, h->server.len) != 0) {
        char *server = h->server.len > 0 ? strndup(given, h->server.len) : strdup("");
        if (server != NULL) {
            free(s->server);
            s->server = server;
        }
    }
    s->info = (struct sluice_session){
        .major = h->major,
        .minor = h->minor,
        .number = h->session_number,
        .resumed = h->resumed,
        .payload_size_max = h->payload_size_max,
        .frame_size_max = h->frame_size_max,
        /* A daemon that does not say what it grants grants what was asked. */
        .resume_ns = h->has_resume_window_ns ? (int64_t)h->resume_window_ns : asked_resume(s),
        .lease_ns = h->has_lease_ns ? (int64_t)h->lease_ns : asked_lease(s),
        .now_ns = h->now_ns,
        .wall_offset_ns = h->wall_offset_ns,
        .virtual_clock = h->virtual_clock,
    };
    memcpy(s->info.id, s->id, sizeof s->id);
}

static void welcomed(sluice *s, const Sluice__V1__HelloResult *h)
{
    note_info(s, h);
    s->resumable = s->info.resume_ns > 0;
    s->heartbeat_ns = NEVER;
    if (s->info.lease_ns > 0)
        s->heartbeat_ns = now_ns(); /* the first one soon */
    if (s->live && !h->resumed) {
        end_pending(s);
        session_renew(s, false);
    }
    s->state = CONN_UP;
    s->was_up = true;
    s->backoff_ns = 0;
    s->fatal = SLUICE_OK;
    dial_done(s);
    s->live = true;
    if (!write_again(s))
        io_lost(s, -ENOMEM);
}

void session_welcome(sluice *s, const uint8_t *bytes, size_t size)
{
    struct reply reply;
    if (!reply_read(bytes, size, &reply)) {
        io_lost(s, -EPROTO);
        return;
    }
    if (reply.status != SLUICE_OK) {
        refused(s, &reply);
        return;
    }
    Sluice__V1__HelloResult *h = sluice__v1__hello_result__unpack(NULL, reply.result.size, reply.result.data);
    if (reply.result_tag != SLUICE__V1__REPLY__RESULT_HELLO || h == NULL) {
        io_lost(s, -EPROTO);
    } else if (h->major != PROTOCOL_MAJOR) {
        static const char versions[] = "sluiced speaks another version of the protocol";
        reply.status = SLUICE_BAD_VERSION;
        reply.message = (struct sluice_blob){versions, sizeof versions - 1};
        refused(s, &reply);
    } else {
        welcomed(s, h);
    }
    if (h != NULL)
        sluice__v1__hello_result__free_unpacked(h, NULL);
}

void session_lost(sluice *s)
{
    int64_t now = now_ns();
    s->state = CONN_DOWN;
    s->attempt_ns = now;
    if (!s->was_up) {
        buffer_clear(&s->wr);
        io_back_off(s);
        return;
    }
    s->was_up = false;
    s->down_since_ns = now;
    for (struct link *l = s->pending.next; l != &s->pending; l = l->next) {
        struct call *c = container_of(l, struct call, link);
        c->sent = c->sent || (int64_t)(s->wr_offset - c->offset) > 0;
    }
    buffer_clear(&s->wr);
    if (s->resumable)
        return;
    end_pending(s);
    session_renew(s, true);
}

/*
 * call.c - one request and its reply.
 *
 * Exactly once: a request has the next number of its session and keeps it however often it is written. With each request we tell the daemon
 * what we have: acked_below is the oldest number still pending, and when one long wait holds that back while many later ones
 * finish, those are acknowledged singly, some dozens at a time, so that the daemon need not keep their replies.
 *
 * A reply is matched by the SP request id: the index of a slot and its generation. So replies come in any order, and a late reply to a
 * call that was given up meets a slot of another generation and is dropped.
 *
 * The daemon keeps the deadline. We only guard against one that hangs: a call is given up some time after its deadline, and is
 * withdrawn by Cancel then, should the daemon come round. What a task asks (enter.c) may be answered late and is not given up. While there is no connection the deadline itself counts, and without one
 * the time for connecting.
 */
#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "enter.h"
#include "error.h"
#include "future.h"

#define INDEX_BITS 22
#define SLOTS_MAX \
    ((UINT32_C(1) << INDEX_BITS) - 2) /* below the indexes of CALL_ID_HELLO and CALL_ID_IGNORE */
#define GENERATION_MASK UINT32_C(0x1ff)
#define ACKED_MAX       4096 /* of one request */
#define ACKED_WORTH     64   /* not sent singly until so many have come together */

/* ---- Building. */

void call_init(struct call *c, Sluice__V1__Request__OpCase op)
{
    memset(c, 0, offsetof(struct call, small));
    sluice__v1__request__init(&c->request);
    c->request.op_case = op;
    c->timeout_ns = -1;
    c->deadline_ns = c->guard_ns = NEVER;
}

Ref *call_ref(struct call *c, sluice_ref ref, Ref *out)
{
    sluice__v1__ref__init(out);
    if (ref.handle != 0) {
        out->has_handle = true;
        out->handle = ref.handle;
        c->mixed = c->mixed || ref.session == 0 || (c->epoch != 0 && c->epoch != ref.session);
        c->epoch = ref.session;
        return out;
    }
    if (ref.task != 0) {
        out->has_task = true;
        out->task = ref.task;
        return out;
    }
    if (ref.name == NULL)
        return NULL;
    out->has_name = true;
    out->name = (ProtobufCBinaryData){strlen(ref.name), (uint8_t *)ref.name};
    return out;
}

void call_wait(struct call *c, const struct sluice_wait *wait)
{
    c->waits = true;
    c->patient = wait == NULL || (wait->timeout_ns < 0 && !wait->no_wait);
    if (wait == NULL)
        return;
    if (wait->timeout_ns >= 0) {
        c->timeout_ns = wait->timeout_ns;
        c->request.has_timeout_ns = true;
        c->request.timeout_ns = (uint64_t)wait->timeout_ns;
    }
    c->request.has_no_wait = c->request.no_wait = wait->no_wait;
    c->request.context = call_ref(c, wait->ctx.ref, &c->context);
}

static void put_big_endian(uint8_t *at, uint64_t n, size_t size)
{
    while (size-- > 0) {
        at[size] = (uint8_t)n;
        n >>= 8;
    }
}

int call_encode(struct buffer *b, uint32_t id, const Request *request, size_t bound)
{
    if (bound == 0)
        bound = sluice__v1__request__get_packed_size(request);
    uint8_t *room = buffer_room(b, SP_HEADER_SIZE + bound);
    if (room == NULL)
        return -ENOMEM;
    size_t size = sluice__v1__request__pack(request, room + SP_HEADER_SIZE);
    assert(size <= bound);
    room[0] = 1;
    put_big_endian(room + 1, size + 4, 8);
    put_big_endian(room + 9, id | UINT32_C(0x80000000), 4);
    buffer_commit(b, SP_HEADER_SIZE + size);
    return 0;
}

/* ---- Slots. */

static bool slots_grow(sluice *s)
{
    uint32_t size = s->slots_size == 0 ? 64 : s->slots_size * 2;
    if (size > SLOTS_MAX)
        size = SLOTS_MAX;
    struct slot *slots = size > s->slots_size ? realloc(s->slots, size * sizeof *slots) : NULL;
    if (slots == NULL)
        return false;
    memset(slots + s->slots_size, 0, (size - s->slots_size) * sizeof *slots);
    s->slots = slots;
    s->slots_size = size;
    return true;
}

static bool slot_take(sluice *s, struct call *c)
{
    uint32_t index;
    if (s->slot_free != 0) {
        index = s->slot_free - 1;
        s->slot_free = s->slots[index].next_free;
    } else {
        if (s->slots_used == s->slots_size && !slots_grow(s))
            return false;
        index = s->slots_used++;
    }
    struct slot *slot = &s->slots[index];
    slot->call = c;
    c->id = slot->generation << INDEX_BITS | index;
    return true;
}

static void slot_give(sluice *s, struct call *c)
{
    uint32_t index = c->id & ((UINT32_C(1) << INDEX_BITS) - 1);
    struct slot *slot = &s->slots[index];
    assert(slot->call == c);
    slot->call = NULL;
    slot->generation = (slot->generation + 1) & GENERATION_MASK;
    slot->next_free = s->slot_free;
    s->slot_free = index + 1;
}

/* ---- Acknowledging. */

static uint64_t oldest_pending(const sluice *s)
{
    return list_empty(&s->pending) ? s->next_seq : container_of(s->pending.next, struct call, link)->seq;
}

/* This number is finished; the list of pending calls is without it already. */
static void note_finished(sluice *s, uint64_t seq)
{
    if (seq < oldest_pending(s)) {
        if (list_empty(&s->pending))
            s->acked_count = 0;
        return;
    }
    if (s->acked == NULL)
        s->acked = malloc(ACKED_MAX * sizeof *s->acked);
    /* What finds no room is acknowledged by acked_below, later. */
    if (s->acked != NULL && s->acked_count < ACKED_MAX)
        s->acked[s->acked_count++] = seq;
}

/* What the request says of replies that have come. */
static void acknowledge(sluice *s, Request *request)
{
    uint64_t below = oldest_pending(s);
    request->has_acked_below = below > 1;
    request->acked_below = below;
    request->n_acked = 0;
    request->acked = NULL;
    if (s->acked_count < ACKED_WORTH)
        return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->acked_count; i++)
        if (s->acked[i] >= below)
            s->acked[kept++] = s->acked[i];
    s->acked_count = kept;
    if (kept < ACKED_WORTH)
        return;
    request->n_acked = kept;
    request->acked = s->acked;
}

/* ---- The life of a call. */

/* Its instants on our clock; again when it goes to another session. */
static void set_clock(struct call *c)
{
    if (c->patient)
        return;
    int64_t now = now_ns();
    if (c->start_ns == 0) {
        c->start_ns = now;
        c->deadline_ns = c->timeout_ns >= 0 ? time_add(now, c->timeout_ns) : NEVER;
    } else if (c->timeout_ns >= 0) {
        c->request.timeout_ns = c->deadline_ns > now ? (uint64_t)(c->deadline_ns - now) : 0;
    }
    if (c->request.has_task)
        return; /* the reply may have to wait for a slot, however long */
    c->guard_ns =
        c->deadline_ns != NEVER ? time_add(c->deadline_ns, GUARD_SLACK_NS) : time_add(now, GUARD_STEP_NS);
}

static int write_request(sluice *s, struct call *c)
{
    c->offset = s->out_offset + buffer_used(&s->out);
    c->request.has_seq = true;
    c->request.seq = c->seq;
    acknowledge(s, &c->request);
    size_t bound = c->size_bound == 0 || c->request.n_acked > 0 ? 0 : c->size_bound;
    int r = call_encode(&s->out, c->id, &c->request, bound);
    if (r == 0 && c->request.n_acked > 0)
        s->acked_count = 0;
    return r;
}

/* A future's request is gone when it has to be written again: keeps its bytes. */
static int keep_frame(sluice *s, struct call *c, size_t size)
{
    if (!c->is_future || (s->live && !s->resumable))
        return 0;
    c->frame = malloc(size);
    if (c->frame == NULL)
        return -ENOMEM;
    memcpy(c->frame, s->out.data + s->out.tail - size, size);
    c->frame_size = size;
    return 0;
}

enum sluice_status call_enqueue(sluice *s, struct call *c)
{
    if (c->mixed || (c->epoch != 0 && c->epoch != s->epoch))
        return error_text(SLUICE_STALE,
                          "stale handle: its session has ended, or it belongs to another connection");
    if (c->waits && s->interrupted)
        return error_text(SLUICE_CANCELED, "interrupted");
    if (!slot_take(s, c))
        return error_status(SLUICE_NO_MEMORY);
    if (c->waits) {
        c->request.task = entered_token(s);
        c->request.has_task = c->request.task != 0;
    }
    set_clock(c);
    c->seq = s->next_seq;
    c->session = s->epoch;
    c->sent = false;
    size_t before = buffer_used(&s->out);
    enum sluice_status status = SLUICE_OK;
    if (write_request(s, c) < 0)
        status = error_status(SLUICE_NO_MEMORY);
    size_t size = buffer_used(&s->out) - before;
    if (status == SLUICE_OK && s->info.frame_size_max > 0 && size - SP_HEADER_SIZE > s->info.frame_size_max)
        status = error_text(SLUICE_TOO_LARGE, "request is larger than the daemon's limit for a frame");
    else if (status == SLUICE_OK && keep_frame(s, c, size) < 0)
        status = error_status(SLUICE_NO_MEMORY);
    if (status != SLUICE_OK) {
        s->out.tail = s->out.head + before;
        slot_give(s, c);
        return status;
    }
    if (s->state != CONN_UP)
        s->out.tail = s->out.head + before; /* the welcome writes what is still wanted then */
    s->next_seq++;
    c->state = CALL_PENDING;
    list_append(&s->pending, &c->link);
    return SLUICE_OK;
}

int call_write_again(sluice *s, struct call *c)
{
    if (!c->is_future)
        return write_request(s, c);
    c->offset = s->out_offset + buffer_used(&s->out);
    uint8_t *room = buffer_room(&s->out, c->frame_size);
    if (room == NULL)
        return -ENOMEM;
    memcpy(room, c->frame, c->frame_size);
    buffer_commit(&s->out, c->frame_size);
    return 0;
}

void call_forget(sluice *s, struct call *c)
{
    assert(c->state == CALL_PENDING);
    list_remove(&c->link);
    slot_give(s, c);
    free(c->frame);
    c->frame = NULL;
    c->state = CALL_NEW;
}

static void finish(sluice *s, struct call *c)
{
    call_forget(s, c);
    note_finished(s, c->seq);
    c->state = CALL_DONE;
    if (c->is_future)
        future_finished(s, c);
    if (c->waiter != NULL)
        io_wake(c->waiter);
}

void call_fail(sluice *s, struct call *c, enum sluice_status status, const char *why)
{
    c->status = status;
    c->why = why;
    finish(s, c);
}

void call_deliver(sluice *s, uint32_t id, const uint8_t *reply, size_t size)
{
    uint32_t index = id & ((UINT32_C(1) << INDEX_BITS) - 1);
    if (index >= s->slots_used || s->slots[index].call == NULL || s->slots[index].call->id != id)
        return;
    struct call *c = s->slots[index].call;
    c->bytes = size <= sizeof c->small ? c->small : malloc(size + 1);
    if (c->bytes == NULL) {
        call_fail(s, c, SLUICE_NO_MEMORY, "out of memory for the reply");
        return;
    }
    if (size > 0)
        memcpy(c->bytes, reply, size);
    c->size = size;
    finish(s, c);
}

/* A request whose reply nobody waits for; without a number: what it does may be done twice. */
static void send_aside(sluice *s, Request *request)
{
    /* Without memory it is not sent: these requests are courtesies. */
    (void)call_encode(&s->out, CALL_ID_IGNORE, request, 0);
}

void call_withdraw(sluice *s, struct call *c)
{
    if (c->state != CALL_PENDING || c->withdrawn)
        return;
    c->withdrawn = true;
    Sluice__V1__Cancel cancel = SLUICE__V1__CANCEL__INIT;
    cancel.has_seq = true;
    cancel.seq = c->seq;
    Request request = SLUICE__V1__REQUEST__INIT;
    request.op_case = SLUICE__V1__REQUEST__OP_CANCEL;
    request.cancel = &cancel;
    send_aside(s, &request);
}

void call_ping(sluice *s)
{
    Sluice__V1__Ping ping = SLUICE__V1__PING__INIT;
    Request request = SLUICE__V1__REQUEST__INIT;
    request.op_case = SLUICE__V1__REQUEST__OP_PING;
    request.ping = &ping;
    send_aside(s, &request);
}

/* ---- Waiting for one. */

int64_t call_patience(sluice *s, struct call *c)
{
    if (s->state == CONN_UP)
        return c->guard_ns;
    if (c->deadline_ns != NEVER)
        return c->deadline_ns;
    if (c->start_ns == 0)
        c->start_ns = now_ns();
    return time_add(c->start_ns > s->down_since_ns ? c->start_ns : s->down_since_ns, s->connect_timeout_ns);
}

void call_give_up(sluice *s, struct call *c)
{
    if (s->state == CONN_UP) {
        call_withdraw(s, c);
        io_flush(s);
        if (c->state == CALL_PENDING)
            call_fail(s, c, SLUICE_UNAVAILABLE, "sluiced does not answer");
        return;
    }
    call_fail(s, c, SLUICE_UNAVAILABLE, NULL);
}

void call_await(sluice *s, struct call *c)
{
    struct waiter w = {.word = 0};
    c->waiter = &w;
    io_flush(s);
    while (c->state == CALL_PENDING) {
        int64_t until = call_patience(s, c);
        if (!s->reading)
            io_step(s, until);
        else if (s->blocked && !s->writing)
            io_push(s, until);
        else
            io_follow(s, &w, until);
        if (c->state == CALL_PENDING && until != NEVER && now_ns() >= call_patience(s, c))
            call_give_up(s, c);
    }
    c->waiter = NULL;
    io_leave(s);
}

/* The daemon ended the session (a remote one that was silent too long): the next call opens another. */
static void session_over(sluice *s, uint32_t session)
{
    conn_lock(s);
    if (s->epoch == session) {
        s->resumable = false;
        io_lost(s, 0);
        io_settle(s);
    }
    conn_unlock(s);
}

enum sluice_status call_result(sluice *s, struct call *c, struct reply *reply)
{
    *reply = (struct reply){.status = c->status, .index = -1};
    if (c->status != SLUICE_OK) {
        conn_lock(s);
        error_text(c->status, c->why != NULL ? c->why : s->why);
        conn_unlock(s);
        return c->status;
    }
    if (!reply_read(c->bytes, c->size, reply)) {
        *reply = (struct reply){.status = SLUICE_INTERNAL, .index = -1};
        return error_text(SLUICE_INTERNAL, "the daemon's reply cannot be read");
    }
    if (reply->status == SLUICE_SESSION_GONE)
        session_over(s, c->session);
    return reply->status == SLUICE_OK ? SLUICE_OK : error_reply(reply);
}

/* From the beginning to a reply or a status of our own, across sessions as long as nothing of it was written. */
static enum sluice_status run_once(sluice *s, struct call *c)
{
    enum sluice_status status;
    conn_lock(s);
    do {
        status = call_enqueue(s, c);
        if (status == SLUICE_OK)
            call_await(s, c);
    } while (status == SLUICE_OK && c->state == CALL_RETRY);
    conn_unlock(s);
    return status;
}

enum sluice_status call_run(sluice *s, struct call *c, struct reply *reply)
{
    enum sluice_status status;
    bool again = false;
    do {
        call_done(c);
        status = run_once(s, c);
        if (status != SLUICE_OK) {
            *reply = (struct reply){.status = status, .index = -1};
            return status;
        }
        status = call_result(s, c, reply);
        /* The daemon itself says that the session is over: nothing was done, so another may do it. Once. */
        again = !again && status == SLUICE_SESSION_GONE && c->status == SLUICE_OK;
    } while (again);
    return status;
}

void call_done(struct call *c)
{
    if (c->bytes != c->small)
        free(c->bytes);
    c->bytes = NULL;
}

uint8_t *call_take(struct call *c)
{
    uint8_t *bytes = c->bytes;
    if (bytes == c->small)
        return NULL;
    c->bytes = NULL;
    return bytes;
}

/*
 * front.c - see front.h.
 *
 * Nothing here is called from within a step: what a step brings forth (replies, ended sessions) is shipped when it is over, and what
 * could not be shipped becomes steps of its own, in order, until there is nothing left. Each of these can only make fewer
 * undelivered replies than it takes, but for those it hands to other dead connections, of which there are finitely many.
 */
#include "front.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A reply on its way to a peer. */
struct reply_out {
    struct wire_out out;
    struct peer *peer;
    uint32_t word;
    bool filled;
};

int front_init(struct front *f, struct engine *engine, struct wire *wire, const struct front_hooks *hooks)
{
    *f = (struct front){.engine = engine, .wire = wire, .hooks = *hooks, .peers = peers_new()};
    return f->peers ? 0 : -ENOMEM;
}

void front_done(struct front *f)
{
    f->peers = peers_free(f->peers);
    free(f->lost);
    f->lost = NULL;
}

void front_begin(struct front *f)
{
    f->now_ns = f->hooks.now_ns(f->hooks.user);
}

/* ---- Replies. ---- */

static uint8_t *reply_reserve(struct wire_out *out, size_t size)
{
    struct reply_out *to = (struct reply_out *)out;
    uint8_t *room = to->peer->carrier->reserve(to->peer, to->word, size);
    to->filled = room != NULL;
    return room;
}

static struct reply_out reply_to(struct peer *p, uint32_t word)
{
    return (struct reply_out){.out.reserve = reply_reserve, .peer = p, .word = word};
}

/* Without memory for the note itself an item may stay with a session until that ends. */
static void lost_add(struct front *f, uint64_t session, uint64_t route)
{
    if (f->lost_count == f->lost_cap) {
        uint32_t cap = f->lost_cap ? f->lost_cap * 2 : 16;
        struct front_lost *lost = realloc(f->lost, cap * sizeof(*lost));
        if (!lost)
            return;
        f->lost = lost;
        f->lost_cap = cap;
    }
    f->lost[f->lost_count++] = (struct front_lost){.session = session, .route = route};
}

/* The peer that a reply is for, if it may have it. */
static struct peer *reply_peer(struct front *f, const struct reply *reply)
{
    struct peer *p = peers_get(f->peers, route_peer(reply->route));
    if (!p || p->doom)
        return NULL;
    if (reply->op != OP_HELLO)
        return p->session == reply->session ? p : NULL;
    f->hello_status = reply->status;
    if (reply->status == STATUS_OK && p->session == 0) {
        peers_join(f->peers, p, reply->opened.number);
        p->anonymous = false;
    }
    return p;
}

static void reply_ship(struct front *f, const struct reply *reply)
{
    struct peer *p = reply_peer(f, reply);
    if (p) {
        struct wire_world world = {0};
        if (reply->op == OP_HELLO)
            f->hooks.world(f->hooks.user, &world);
        struct reply_out to = reply_to(p, route_word(reply->route));
        wire_reply(f->wire, f->engine, reply, &world, &to.out);
        if (to.filled) {
            p->carrier->commit(p, to.word);
            p->owes_written |=
                reply->seq == 0 && (reply->result == RESULT_ITEM || reply->result == RESULT_ITEMS);
            return;
        }
    }
    lost_add(f, reply->session, reply->route);
}

/* ---- Steps. ---- */

static void finish_session(struct front *f, uint64_t session)
{
    struct peer *p;
    while ((p = peers_of_session(f->peers, session, NULL))) {
        peers_leave(p);
        p->carrier->finish(p);
    }
}

/* One step. The reply of a HELLO that came from nowhere (route 0) is for the caller. */
static void step_once(struct front *f, const struct op *op, struct reply *ret_own)
{
    struct effects fx;
    struct reply reply;
    uint64_t ended;
    engine_step(f->engine, f->now_ns, op, &fx);
    while (effects_next_reply(&fx, &reply)) {
        if (ret_own && reply.op == OP_HELLO && reply.route == 0)
            *ret_own = reply;
        else
            reply_ship(f, &reply);
    }
    while (effects_next_ended(&fx, &ended))
        finish_session(f, ended);
    if (f->audit)
        engine_audit(f->engine);
}

static void run(struct front *f, const struct op *op, struct reply *ret_own)
{
    step_once(f, op, ret_own);
    while (f->lost_first < f->lost_count) {
        struct front_lost lost = f->lost[f->lost_first++];
        struct op undelivered = {
            .code = OP_UNDELIVERED, .session = lost.session, .undelivered.route = lost.route};
        if (engine_session_get(f->engine, lost.session))
            step_once(f, &undelivered, NULL);
    }
    f->lost_first = f->lost_count = 0;
}

void front_step(struct front *f, const struct op *op)
{
    run(f, op, NULL);
}

static void step_event(struct front *f, enum op_code code, uint64_t session)
{
    run(f, &(struct op){.code = code, .session = session}, NULL);
}

uint64_t front_open(struct front *f, const struct hello_op *hello, struct wire_refusal *ret)
{
    struct op op = {.code = OP_HELLO, .hello = *hello};
    struct reply reply = {.status = STATUS_INTERNAL};
    run(f, &op, &reply);
    if (reply.status == STATUS_OK)
        return reply.opened.number;
    *ret = (struct wire_refusal){.status = reply.status, .message = reply.message, .limit = reply.limit};
    return 0;
}

/* ---- Requests. ---- */

void front_refuse(struct front *f, struct peer *p, uint32_t word, const struct wire_refusal *refusal)
{
    struct reply_out to = reply_to(p, word);
    wire_refuse(f->wire, refusal, &to.out);
    if (to.filled)
        p->carrier->commit(p, word);
}

static bool refuse(struct wire_refusal *ret, enum status status, const char *message)
{
    *ret = (struct wire_refusal){.status = status, .message = message};
    return false;
}

/* Give the connection a session of its own. */
static bool open_own(struct front *f, struct peer *p, struct wire_refusal *ret)
{
    struct hello_op hello = {.anonymous = true, .uid = p->uid, .gid = p->gid, .pid = p->pid};
    uint64_t session = front_open(f, &hello, ret);
    if (session == 0)
        return false;
    peers_join(f->peers, p, session);
    p->anonymous = true;
    return true;
}

static bool names_own(const struct peer *p, const uint8_t id[SESSION_ID_SIZE])
{
    return p->named && memcmp(p->session_id, id, SESSION_ID_SIZE) == 0;
}

/* Let the connection into the session of this id. */
static bool join(struct front *f, struct peer *p, const uint8_t id[SESSION_ID_SIZE], struct wire_refusal *ret)
{
    if (p->session != 0)
        return refuse(ret, STATUS_INVALID, "this connection belongs to another session");
    uint64_t session = engine_session_find(f->engine, id);
    enum status status = session ? engine_session_check(f->engine, session, p->uid) : STATUS_SESSION_GONE;
    if (status != STATUS_OK)
        return refuse(ret, status, NULL);
    peers_join(f->peers, p, session);
    memcpy(p->session_id, id, SESSION_ID_SIZE);
    p->named = true;
    step_event(f, OP_ATTACH, session);
    return true;
}

static bool wants_session(const struct op *op)
{
    switch (op_rows[op->code].class) {
    case CLASS_WAIT:
    case CLASS_STEP: return true;
    case CLASS_QUERY: return op->code == OP_DESCRIBE;
    case CLASS_DAEMON:
    case CLASS_EVENT: break;
    }
    return false;
}

/* Find the session that a request belongs to. */
static bool admit(struct front *f, struct peer *p, struct wire_request *request, struct wire_refusal *ret)
{
    if (request->has_session && !names_own(p, request->session) && !join(f, p, request->session, ret))
        return false;
    if (p->session == 0 && wants_session(&request->op) && !open_own(f, p, ret))
        return false;
    request->op.session = p->session;
    uint64_t *owner = request->op.code == OP_MAKE    ? &request->op.make.owner
                      : request->op.code == OP_ADOPT ? &request->op.adopt.owner
                                                     : NULL;
    if (owner && request->for_pid != 0)
        *owner = f->hooks.process(f->hooks.user, p, request->for_pid, ret);
    return !owner || request->for_pid == 0 || *owner != 0;
}

static bool hello_admit(const struct peer *p, const struct wire_request *request, struct wire_refusal *ret)
{
    if (p->session == 0 || names_own(p, request->op.hello.id))
        return true;
    return refuse(ret, STATUS_INVALID,
                  p->anonymous ? "this connection has a session of its own: say Hello before anything else"
                               : "this connection belongs to another session");
}

static void request_hello(struct front *f, struct peer *p, struct op *op)
{
    op->session = 0;
    op->hello.attached = p->session != 0;
    op->hello.uid = p->uid;
    op->hello.gid = p->gid;
    op->hello.pid = p->pid;
    if (p->remote && op->hello.lease_ns == 0)
        op->hello.lease_ns = FRONT_REMOTE_LEASE_NS;
    uint32_t number = p->number;
    uint8_t id[SESSION_ID_SIZE];
    memcpy(id, op->hello.id, SESSION_ID_SIZE);
    f->hello_status = STATUS_INTERNAL;
    run(f, op, NULL);
    assert(peers_get(f->peers, number) == p);
    if (f->hello_status != STATUS_OK || p->session == 0)
        return;
    memcpy(p->session_id, id, SESSION_ID_SIZE);
    p->named = true;
}

void front_answer(struct front *f, const struct wire_request *request)
{
    struct peer *p = peers_get(f->peers, route_peer(request->op.route));
    if (!p || p->doom || p->session != request->op.session)
        return;
    struct wire_world world = {0};
    f->hooks.world(f->hooks.user, &world);
    struct reply_out to = reply_to(p, route_word(request->op.route));
    wire_answer(f->wire, f->engine, request, &world, &to.out);
    if (to.filled)
        p->carrier->commit(p, to.word);
}

static bool is_question(enum op_code code)
{
    return op_rows[code].class == CLASS_QUERY || op_rows[code].class == CLASS_DAEMON;
}

void front_request(struct front *f, struct peer *p, uint32_t word, const void *body, size_t size)
{
    struct wire_request request;
    struct wire_refusal refusal = {0};
    if (!wire_decode(f->wire, body, size, &request, &refusal)) {
        front_refuse(f, p, word, &refusal);
        return;
    }
    struct op *op = &request.op;
    bool good = op->code == OP_HELLO ? hello_admit(p, &request, &refusal) : admit(f, p, &request, &refusal);
    op->route = route_make(p, word);
    bool moves = good && op->code == OP_CLOCK && request.clock.moves;
    if (moves)
        good = f->hooks.clock(f->hooks.user, &request, &refusal);
    if (!good) {
        front_refuse(f, p, word, &refusal);
        return;
    }
    if (op->code == OP_HELLO)
        request_hello(f, p, op);
    else
        run(f, op, NULL); /* questions are only counted there */
    if (is_question(op->code) && !moves)
        front_answer(f, &request);
}

/* ---- The end of replies and of connections. ---- */

void front_written(struct front *f, struct peer *p)
{
    if (!p->owes_written)
        return;
    uint64_t session = p->session;
    if (session == 0) {
        p->owes_written = false;
        return;
    }
    for (struct peer *q = NULL; (q = peers_of_session(f->peers, session, q));) {
        if (!q->carrier->written(q))
            return;
    }
    for (struct peer *q = NULL; (q = peers_of_session(f->peers, session, q));)
        q->owes_written = false;
    step_event(f, OP_WRITTEN, session);
}

void front_undelivered(struct front *f, struct peer *p, uint64_t route)
{
    if (p->session != 0 && route != 0)
        run(f, &(struct op){.code = OP_UNDELIVERED, .session = p->session, .undelivered.route = route}, NULL);
}

struct peer *front_hang_up(struct front *f, struct peer *p)
{
    uint64_t session = p->session;
    peers_leave(p);
    p = peers_remove(f->peers, p);
    if (session != 0)
        step_event(f, OP_DETACH, session);
    return p;
}

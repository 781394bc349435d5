/*
 * actors.c - asking, answering, living and dying (actors.h).
 *
 * The answers of one step are taken in two rounds. First comes what makes values return or channels close (time, NACK, CLOSE, REMOVE, deaths),
 * since whoever waited for such a value is served in the same step; then every other answer, in its order.
 */
#include "actors.h"

#include "digest.h"
#include "log.h"

#include <inttypes.h>
#include <string.h>

enum { REPLIES_MAX = 512 };

uint64_t rng_below(struct rng *r, uint64_t n)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % n;
}

bool rng_chance(struct rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

/* ---- Slots ---- */

struct request *actor_slot(struct actor *a)
{
    for (int i = 0; i < SLOTS; i++)
        if (!a->slots[i].used) {
            a->slots[i] = (struct request){.used = true, .served = -1};
            return &a->slots[i];
        }
    return NULL;
}

static struct request *request_by_route(struct sim *s, uint64_t route, struct actor **ret)
{
    for (int i = 0; i < ACTORS; i++)
        for (int k = 0; k < SLOTS; k++)
            if (s->actors[i].slots[k].used && s->actors[i].slots[k].op.route == route) {
                *ret = &s->actors[i];
                return &s->actors[i].slots[k];
            }
    return NULL;
}

static struct actor *actor_by_number(struct sim *s, uint64_t number)
{
    for (int i = 0; i < ACTORS; i++)
        if (s->actors[i].alive && s->actors[i].number == number)
            return &s->actors[i];
    return NULL;
}

uint64_t sim_serial(const struct sim *s, const struct actor *a, const struct ref *ref)
{
    const struct object *o;
    struct object_view v;
    if (engine_find(s->engine, a->number, ref, 0, &o) != STATUS_OK)
        return 0;
    engine_object_view(s->engine, o, &v);
    return v.serial;
}

int sim_canal(const struct sim *s, const struct actor *a, const struct ref *ref)
{
    uint64_t serial = sim_serial(s, a, ref);
    return serial ? oracle_find(&s->oracle, serial) : -1;
}

/* ---- What a reply means to the model ---- */

static void hold_lease(struct sim *s, struct actor *a, uint64_t lease)
{
    a->leases[rng_below(&s->rng, LEASES_HELD)] = lease;
}

static void hold_handle(struct sim *s, struct actor *a, uint64_t handle)
{
    uint64_t *held = &a->handles[rng_below(&s->rng, HANDLES_HELD)];
    if (*held && a->surplus_count < SURPLUS_MAX)
        a->surplus[a->surplus_count++] = *held;
    *held = handle;
}

static void take_item(struct sim *s, struct actor *a, struct request *r, const struct case_fact *f,
                      const struct item_view *item)
{
    if (item->lease)
        hold_lease(s, a, item->lease);
    if (item->value.type == VALUE_HANDLE)
        hold_handle(s, a, item->value.handle);
    if (f->canal < 0 || item->value.int64 < 0) {
        MUST(f->canal < 0 || s->oracle.canals[f->canal].foreign, "a value that nobody sent");
        if (item->lease)
            oracle_lend(&s->oracle, -1, item->lease, a->life, s->now_ns + f->lease_ns);
        return;
    }
    r->served = f->canal;
    oracle_deliver(&s->oracle, f->canal, item->value.int64, item->deliveries);
    if (item->lease) {
        MUST(f->lease_ns > 0, "a lease nobody asked for");
        oracle_lend(&s->oracle, item->value.int64, item->lease, a->life, s->now_ns + f->lease_ns);
        if (a->ending)
            oracle_nack(&s->oracle, item->lease, a->life);
    } else {
        MUST(f->lease_ns <= 0 && r->got_count < BATCH_MAX, "an item without its lease");
        r->got[r->got_count++] = item->value.int64;
    }
}

static void take_items(struct sim *s, struct actor *a, struct request *r, const struct case_fact *f,
                       const struct reply *reply)
{
    struct item_cursor at = reply->items.first;
    struct item_view item;
    if (reply->result == RESULT_ITEM && reply->item.value.type == VALUE_NONE)
        return; /* a timer's or context's, or of a session that ended in this step: nobody can read it */
    if (reply->result == RESULT_ITEM) {
        take_item(s, a, r, f, &reply->item);
        return;
    }
    MUST(reply->items.count <= r->op.recv_many.max, "more items than asked for");
    while (engine_item_next(&at, &item))
        take_item(s, a, r, f, &item);
}

/* The values of a sending case: the first `went` of them went. */
static void settle_send(struct sim *s, const struct case_fact *f, uint64_t went)
{
    for (uint32_t i = 0; f->canal >= 0 && i < f->count; i++)
        if (i < went)
            oracle_accept(&s->oracle, f->value + i);
        else
            oracle_withdraw(&s->oracle, f->value + i);
}

/* Nothing was ready, or all was over: the model agrees. */
static void check_nothing(const struct sim *s, const struct request *r, const struct reply *reply)
{
    const struct case_fact *f = &r->facts[reply->has_index ? reply->index : 0];
    if (r->cases == 0 || f->canal < 0 || (r->op.code == OP_SELECT && !reply->has_index))
        return;
    const struct canal *c = &s->oracle.canals[f->canal];
    bool receives = f->count == 0;
    if (reply->status == STATUS_CLOSED)
        MUST(receives && c->closed && oracle_empty(&s->oracle, f->canal), "closed, it says");
    if (reply->status == STATUS_SEND_ON_CLOSED)
        MUST(!receives && c->closed, "send on closed, it says");
    if (reply->status == STATUS_WOULD_BLOCK && receives)
        MUST(c->in == 0 && (!c->closed || f->lease_ns > 0), "would block, it says");
    if (reply->status == STATUS_WOULD_BLOCK && r->op.code == OP_SEND && !c->foreign)
        MUST(!c->closed && c->in + c->doubts + c->batches * BATCH_MAX >= (uint64_t)c->cap,
             "would block, it says");
}

static void settle_wait(struct sim *s, struct actor *a, struct request *r, const struct reply *reply)
{
    for (uint32_t i = 0; i < r->cases; i++) {
        const struct case_fact *f = &r->facts[i];
        bool mine = reply->status == STATUS_OK &&
                    (r->op.code != OP_SELECT || (reply->has_index && reply->index == i));
        uint64_t went = mine ? f->count : 0;
        if (r->op.code == OP_SEND_MANY && reply->result == RESULT_COUNT) {
            MUST(reply->count <= f->count && (!mine || reply->count == f->count),
                 "it says that %" PRIu64 " went", reply->count);
            went = reply->count;
        }
        if (f->count > 0)
            settle_send(s, f, went);
        else if (mine && (reply->result == RESULT_ITEM || reply->result == RESULT_ITEMS))
            take_items(s, a, r, f, reply);
    }
    check_nothing(s, r, reply);
}

/* ACK and EXTEND; NACK was taken in the first round. */
static void settle_leases(struct sim *s, struct actor *a, struct request *r, const struct reply *reply)
{
    uint64_t done = 0;
    if (reply->result != RESULT_COUNT)
        return;
    for (uint32_t i = 0; i < r->op.lease.count; i++)
        if (r->op.code == OP_ACK)
            done += oracle_ack(&s->oracle, r->leases[i], a->life);
        else if (r->op.code == OP_NACK)
            done += oracle_nack(&s->oracle, r->leases[i], a->life);
        else
            done += oracle_extend(&s->oracle, r->leases[i], a->life, s->now_ns + r->op.lease.duration_ns) ||
                    holds_extend(&s->holds, r->leases[i], a->life, s->now_ns + r->op.lease.duration_ns);
    MUST(done == reply->count, "%" PRIu64 " leases done, not %" PRIu64, reply->count, done);
    MUST((done == r->op.lease.count) == (reply->status == STATUS_OK), "status %d", reply->status);
}

static void settle_made(struct sim *s, struct actor *a, struct request *r, const struct reply *reply)
{
    hold_handle(s, a, reply->made.handle);
    if (!reply->made.created)
        return;
    const struct object *o;
    struct object_view v;
    struct ref ref = {.handle = reply->made.handle};
    MUST(engine_find(s->engine, a->number, &ref, 0, &o) == STATUS_OK, "what was made is not there");
    engine_object_view(s->engine, o, &v);
    holds_made(&s->holds, r, &v);
    if (v.kind != KIND_CHANNEL || v.channel.type != VALUE_INT64)
        return;
    r->made.serial = v.serial;
    r->made.cap = v.channel.cap;
    oracle_canal(&s->oracle, &r->made);
}

/* Statuses of requests that left a trace: the others may be asked again as if for the first time. */
static bool leaves_trace(enum status st)
{
    return st <= STATUS_SEND_ON_CLOSED || st == STATUS_REMOVED || st == STATUS_NOT_LEASED ||
           st == STATUS_SHUTTING_DOWN || st == STATUS_OWNER_DIED;
}

static void settle(struct sim *s, struct actor *a, struct request *r, const struct reply *reply)
{
    enum op_code op = r->op.code;
    s->missing += reply->status == STATUS_NOT_FOUND;
    s->ended += reply->status == STATUS_CLOSED || reply->status == STATUS_SEND_ON_CLOSED;
    holds_settle(s, a, r, reply);
    if (op_rows[op].class == CLASS_WAIT)
        settle_wait(s, a, r, reply);
    else if (op == OP_ACK || op == OP_EXTEND)
        settle_leases(s, a, r, reply);
    else if (reply->result == RESULT_MADE)
        settle_made(s, a, r, reply);
    if (op == OP_SEND_MANY && r->facts[0].canal >= 0)
        s->oracle.canals[r->facts[0].canal].batches--;
    r->finished = true;
    r->digest = digest(reply);
    bool parked = r->asked < s->oracle.step;
    bool outlasts = op == OP_TAKE && reply->status == STATUS_DEADLINE_EXCEEDED && reply->message;
    bool kept =
        (parked || (leaves_trace(reply->status) && !outlasts)) && (r->op.seq != 0 || r->got_count > 0);
    r->used = kept && op != OP_BYE;
}

/* ---- One step ---- */

struct answers {
    struct reply replies[REPLIES_MAX];
    size_t replies_count;
    struct actor *ended[ACTORS];
    size_t ended_count;
};

static void collect(struct sim *s, struct effects *fx, struct answers *ret)
{
    uint64_t session;
    struct reply reply;
    ret->replies_count = ret->ended_count = 0;
    while (effects_next_reply(fx, &reply)) {
        MUST(ret->replies_count < REPLIES_MAX, "too many replies");
        ret->replies[ret->replies_count++] = reply;
        s->hash = mix_number(mix_number(s->hash, digest(&reply)), reply.route);
        s->replies++;
        if (s->log)
            log_reply(&reply);
        s->by_status[reply.status]++;
    }
    while (effects_next_ended(fx, &session)) {
        struct actor *a = actor_by_number(s, session);
        MUST(a && ret->ended_count < ACTORS, "a session ended that nobody had");
        ret->ended[ret->ended_count++] = a;
        s->hash = mix_number(s->hash, session);
    }
}

/* All replies were written but those that were reported; without a seq, nobody can ask for them again. */
static void all_written(struct sim *s, struct actor *a)
{
    for (int i = 0; i < SLOTS; i++) {
        struct request *r = &a->slots[i];
        if (!r->used || !r->finished || r->op.seq != 0)
            continue;
        for (uint32_t n = 0; r->undelivered && n < r->got_count; n++)
            oracle_undo_now(&s->oracle, r->got[n], r->op.route);
        r->used = false;
    }
}

/* The reply was never written. Without a seq its values may be back at any time from now. */
static void not_written(struct sim *s, const struct op *op)
{
    struct actor *a;
    struct request *r = request_by_route(s, op->undelivered.route, &a);
    if (!r || r->undelivered)
        return;
    r->undelivered = true;
    for (uint32_t n = 0; r->op.seq == 0 && n < r->got_count; n++)
        oracle_undo_soon(&s->oracle, r->got[n], r->op.route);
}

/* A request that nobody will answer: its offers never went. */
static void abandon(struct sim *s, struct request *r)
{
    for (uint32_t i = 0; i < r->cases; i++)
        for (uint32_t n = 0; n < r->facts[i].count && r->facts[i].canal >= 0; n++)
            if (r->op.code == OP_SEND_MANY)
                oracle_doubt(&s->oracle, r->facts[i].value + n);
            else
                oracle_withdraw(&s->oracle, r->facts[i].value + n);
    if (r->op.code == OP_SEND_MANY && r->facts[0].canal >= 0)
        s->oracle.canals[r->facts[0].canal].batches--;
    r->used = false;
}

/* The last connection has gone; what has no seq goes with it. */
static void disconnected(struct sim *s, struct actor *a)
{
    for (int k = 0; k < SLOTS; k++)
        if (a->slots[k].used && !a->slots[k].finished && a->slots[k].op.seq == 0)
            abandon(s, &a->slots[k]);
}

/* What an actor got and never read, when it ends. */
static void undo_all(struct sim *s, const struct request *r)
{
    for (uint32_t n = 0; n < r->got_count; n++)
        if (r->op.seq == 0)
            oracle_undo_now(&s->oracle, r->got[n], r->op.route);
        else
            oracle_undo(&s->oracle, r->got[n]);
}

static const struct reply *reply_to(const struct answers *got, uint64_t route)
{
    for (size_t i = 0; route && i < got->replies_count; i++)
        if (got->replies[i].route == route)
            return &got->replies[i];
    return NULL;
}

/* A request goes with its actor, unless it has been answered before. */
static void leave_with(struct sim *s, const struct answers *got, struct request *r)
{
    if (r->used && !r->finished && !r->left && op_rows[r->op.code].class == CLASS_WAIT &&
        !reply_to(got, r->op.route))
        groups_left(s, r);
}

/* What returns and what closes, before anybody is served. */
static void first_round(struct sim *s, const struct op *op, const struct answers *got)
{
    oracle_time(&s->oracle, s->now_ns);
    holds_time(&s->holds, s->oracle.step, s->now_ns);
    struct actor *asking = actor_by_number(s, op->session);
    if (op->code == OP_WRITTEN && asking)
        all_written(s, asking);
    if (op->code == OP_UNDELIVERED)
        not_written(s, op);
    for (size_t i = 0; i < got->replies_count; i++) {
        struct actor *a;
        const struct reply *reply = &got->replies[i];
        struct request *r = request_by_route(s, reply->route, &a);
        if (!r || r->finished)
            continue;
        if (op->code == OP_SIGNAL && reply->status == STATUS_REMOVED && !r->signalled)
            r->lockless = true;
        else if (reply->op == OP_COND_WAIT && reply->status != STATUS_OK && r->asked < s->oracle.step)
            groups_left(s, r);
        int canal = r->cases ? r->facts[0].canal : -1;
        if (reply->op == OP_NACK)
            settle_leases(s, a, r, reply);
        else if (reply->op == OP_CLOSE && reply->status == STATUS_OK && canal >= 0)
            s->oracle.canals[canal].closed = true;
        else if (reply->op == OP_REMOVE && reply->status == STATUS_OK && canal >= 0)
            s->oracle.canals[canal].removed = true;
        if (reply->op == OP_REMOVE && reply->status == STATUS_OK)
            holds_removed(s, r->facts[0].serial);
    }
    for (size_t i = 0; i < got->ended_count; i++) {
        struct actor *a = got->ended[i];
        a->ending = true;
        for (int k = 0; k < SLOTS; k++)
            if (a->slots[k].used && a->slots[k].undelivered)
                undo_all(s, &a->slots[k]);
        for (int k = 0; k < SLOTS; k++)
            leave_with(s, got, &a->slots[k]);
        oracle_death(&s->oracle, a->life);
        holds_death(s, a->life);
    }
    for (int k = 0; op->code == OP_DETACH && asking && asking->connections == 0 && k < SLOTS; k++)
        if (asking->slots[k].op.seq == 0)
            leave_with(s, got, &asking->slots[k]);
    struct actor *a;
    groups_first(s, op, request_by_route(s, op->route, &a), reply_to(got, op->route));
}

/* What a dead actor left. */
static void bury(struct sim *s, struct actor *a)
{
    for (int k = 0; k < SLOTS; k++)
        if (a->slots[k].used && !a->slots[k].finished)
            abandon(s, &a->slots[k]);
    oracle_death(&s->oracle, a->life);
    *a = (struct actor){.alive = false};
}

static void check_canals(struct sim *s)
{
    for (const struct object *o = engine_object_next(s->engine, NULL); o;
         o = engine_object_next(s->engine, o)) {
        struct object_view v;
        engine_object_view(s->engine, o, &v);
        int canal = v.kind == KIND_CHANNEL ? oracle_find(&s->oracle, v.serial) : -1;
        if (canal >= 0 && !s->oracle.canals[canal].removed)
            oracle_check(&s->oracle, canal, &v.channel);
        if (canal >= 0)
            check_fence(s, canal, &v.channel);
    }
}

/* Does it wait to receive from the channel, without being a sender to it as well? */
static bool waits_for(const struct request *r, int canal)
{
    bool receives = false;
    for (uint32_t i = 0; i < r->cases; i++) {
        if (r->facts[i].canal != canal)
            continue;
        if (r->facts[i].count > 0)
            return false;
        receives = true;
    }
    return receives && r->used && !r->finished && op_rows[r->op.code].class == CLASS_WAIT;
}

/* Nobody was served while somebody waited who had come before. */
static void check_turns(struct sim *s)
{
    const struct request *served[ACTORS * SLOTS];
    size_t count = 0;
    for (int i = 0; i < ACTORS * SLOTS; i++) {
        struct request *r = &s->actors[i / SLOTS].slots[i % SLOTS];
        if (r->served >= 0)
            served[count++] = r;
    }
    for (int i = 0; count > 0 && i < ACTORS * SLOTS; i++) {
        const struct request *r = &s->actors[i / SLOTS].slots[i % SLOTS];
        for (size_t k = 0; k < count && !s->actors[i / SLOTS].ending; k++)
            MUST(!waits_for(r, served[k]->served) || r->asked > served[k]->asked,
                 "asked in step %" PRIu64 " and served before one of step %" PRIu64, served[k]->asked,
                 r->asked);
    }
    for (int i = 0; i < ACTORS * SLOTS; i++)
        s->actors[i / SLOTS].slots[i % SLOTS].served = -1;
}

static void step(struct sim *s, const struct op *op, struct answers *got)
{
    struct effects fx;
    s->oracle.step++;
    if (s->log)
        log_op(s, op);
    engine_step(s->engine, s->now_ns, op, &fx);
    engine_fail_allocation(s->engine, 0);
    engine_audit(s->engine);
    collect(s, &fx, got);
}

static void answer(struct sim *s, const struct op *op, const struct answers *got)
{
    first_round(s, op, got);
    for (size_t i = 0; i < got->replies_count; i++) {
        struct actor *a;
        const struct reply *reply = &got->replies[i];
        struct request *r = request_by_route(s, reply->route, &a);
        MUST(r, "a reply on a route that nobody has");
        MUST(!r->finished, "a second reply on one route");
        settle(s, a, r, reply);
    }
    struct actor *asking = actor_by_number(s, op->session), *by;
    struct request *waits =
        op_rows[op->code].class == CLASS_WAIT ? request_by_route(s, op->route, &by) : NULL;
    if (waits && waits->used && !waits->finished && !by->ending)
        groups_parked(s, waits);
    if (op->code == OP_DETACH && asking && asking->connections == 0)
        disconnected(s, asking);
    check_turns(s);
    for (size_t i = 0; i < got->ended_count; i++)
        bury(s, got->ended[i]);
    check_canals(s);
    holds_check(s);
}

/* The daemon tells the engine which replies had no connection to go to. */
static void tell_undelivered(struct sim *s, const struct answers *got)
{
    static struct answers none;
    uint64_t routes[REPLIES_MAX];
    size_t count = got->replies_count;
    for (size_t i = 0; i < count; i++)
        routes[i] = got->replies[i].route;
    for (size_t i = 0; i < count; i++) {
        struct actor *a;
        struct request *r = request_by_route(s, routes[i], &a);
        if (!r || !r->finished || a->connections > 0)
            continue;
        struct op op = {.code = OP_UNDELIVERED, .session = a->number, .undelivered.route = routes[i]};
        step(s, &op, &none);
        answer(s, &op, &none);
    }
}

void sim_event(struct sim *s, const struct op *op)
{
    static struct answers got;
    step(s, op, &got);
    answer(s, op, &got);
    tell_undelivered(s, &got);
}

void sim_ask(struct sim *s, struct actor *a, struct request *r, bool numbered)
{
    r->op.session = a->number;
    r->op.seq = numbered ? ++a->seq : 0;
    r->op.route = ++s->routes;
    r->asked = s->oracle.step + 1;
    if (r->op.code == OP_SEND_MANY && r->facts[0].canal >= 0)
        s->oracle.canals[r->facts[0].canal].batches++;
    sim_event(s, &r->op);
}

void sim_repeat(struct sim *s, struct actor *a, struct request *r)
{
    static struct answers got;
    (void)a;
    r->op.route = ++s->routes;
    r->op.acked_count = 0;
    if (!r->finished) {
        sim_event(s, &r->op);
        return;
    }
    r->undelivered = false;
    step(s, &r->op, &got);
    /* time may have passed and others been served: the repeat's own answer is the one on its route */
    bool seen = false;
    for (size_t i = 0; i < got.replies_count;) {
        if (got.replies[i].route != r->op.route) {
            i++;
            continue;
        }
        MUST(!seen && digest(&got.replies[i]) == r->digest, "a repeat was answered otherwise");
        seen = true;
        memmove(&got.replies[i], &got.replies[i + 1], (got.replies_count - i - 1) * sizeof got.replies[0]);
        got.replies_count--;
    }
    MUST(seen, "a repeat was not answered");
    answer(s, &r->op, &got);
    tell_undelivered(s, &got);
}

void sim_hello(struct sim *s, struct actor *a)
{
    static struct answers got;
    struct op op = {.code = OP_HELLO, .route = ++s->routes};
    struct hello_op *h = &op.hello;
    for (int i = 0; i < SESSION_ID_SIZE; i++)
        h->id[i] = (uint8_t)rng_below(&s->rng, 256);
    h->anonymous = rng_chance(&s->rng, 20);
    h->resume_ns = rng_chance(&s->rng, 40) ? (int64_t)rng_below(&s->rng, 200) : 0;
    h->lease_ns = rng_chance(&s->rng, 10) ? 1 + (int64_t)rng_below(&s->rng, 300) : 0;
    h->tasks = (uint32_t)rng_below(&s->rng, 3);
    h->uid = 1000;
    step(s, &op, &got);
    for (size_t i = 0; i < got.replies_count; i++)
        if (got.replies[i].route == op.route) {
            if (got.replies[i].status == STATUS_OK) {
                *a = (struct actor){.alive = true,
                                    .life = ++s->lives,
                                    .number = got.replies[i].opened.number,
                                    .connections = 1};
                memcpy(a->id, h->id, sizeof a->id);
            }
            memmove(&got.replies[i], &got.replies[i + 1],
                    (got.replies_count - i - 1) * sizeof got.replies[0]);
            got.replies_count--;
            break;
        }
    answer(s, &op, &got);
    tell_undelivered(s, &got);
}

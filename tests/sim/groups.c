/*
 * groups.c - the model of conditions, barriers, groups and flights, and of who leads (holds.h).
 *
 * Who waits is known from the requests themselves: those without an answer. From that follow how many have arrived at a barrier, who is signalled
 * next, whether anybody shares a flight. Each is compared with what the engine says at the end of every step.
 */
#include "holds.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors.h"

enum { SAME_STEP_MAX = 1024 };

bool request_waits(const struct sim *s, int actor, const struct request *r)
{
    const struct actor *a = &s->actors[actor];
    bool gone = a->ending || (a->connections == 0 && r->op.seq == 0);
    return r->used && !r->finished && !r->left && !gone && op_rows[r->op.code].class == CLASS_WAIT;
}

static struct request *request_at(struct sim *s, int i)
{
    return &s->actors[i / SLOTS].slots[i % SLOTS];
}

/* How many requests that wait have a case like this. */
static uint64_t waiting_on(const struct sim *s, uint64_t serial, enum arm_verb verb)
{
    uint64_t count = 0;
    for (int i = 0; i < ACTORS * SLOTS; i++) {
        const struct request *r = &s->actors[i / SLOTS].slots[i % SLOTS];
        bool is = false;
        for (uint32_t n = 0; request_waits(s, i / SLOTS, r) && n < r->cases; n++)
            is |= r->facts[n].serial == serial && r->facts[n].verb == verb && !r->signalled;
        count += is;
    }
    return count;
}

/* ---- Conditions ---- */

/* The one that has waited longest for a signal of this condition; NULL: nobody does. */
static struct request *next_to_wake(struct sim *s, uint64_t serial)
{
    struct request *next = NULL;
    for (int i = 0; i < ACTORS * SLOTS; i++) {
        struct request *r = request_at(s, i);
        if (r->op.code == OP_COND_WAIT && r->facts[0].serial == serial && !r->signalled &&
            r->asked < s->holds.step && request_waits(s, i / SLOTS, r) && (!next || r->asked < next->asked))
            next = r;
    }
    return next;
}

static bool wake(struct sim *s, uint64_t serial, bool passes, uint64_t nth)
{
    struct request *r = next_to_wake(s, serial);
    if (!r)
        return false;
    r->signalled = true;
    r->passes = passes;
    r->place = s->holds.step * SAME_STEP_MAX + nth;
    if (r->lockless)
        groups_left(s, r);
    return true;
}

void groups_left(struct sim *s, struct request *r)
{
    r->left = true;
    int held = r->signalled && r->passes ? holds_find(&s->holds, r->facts[0].serial) : -1;
    if (held >= 0)
        s->holds.held[held].owed++;
}

/* Answers of a COND_WAIT that has given its lock up, all the same. */
static bool holds_nothing(const struct reply *reply)
{
    return !reply || reply->status == STATUS_OK || reply->status == STATUS_WOULD_BLOCK ||
           reply->status == STATUS_CANCELED || reply->status == STATUS_DEADLINE_EXCEEDED;
}

static void let_go(struct sim *s, const struct op *op, const struct request *r, const struct reply *reply)
{
    struct holds *h = &s->holds;
    int held = holds_find(h, r->facts[0].lock_serial);
    const struct grip *g = held >= 0 ? grip_of(h, held, op->cond_wait.token) : NULL;
    if (r->asked != h->step)
        return; /* a repeat */
    if (holds_nothing(reply)) {
        MUST(g && g->shared == r->facts[0].lock_shared, "waits without the lock");
        grip_drop(h, (size_t)(g - h->grips));
    } else if (reply->status == STATUS_MISUSE || reply->status == STATUS_STALE_TOKEN) {
        MUST(!g, "it holds the lock");
    }
}

/* Signals that came back go to the next; their places begin at nth. The next free place. */
static uint64_t pass_on(struct sim *s, uint64_t nth)
{
    for (size_t i = 0; i < s->holds.held_count; i++) {
        struct held *x = &s->holds.held[i];
        while (x->owed > 0 && wake(s, x->serial, true, nth)) {
            x->owed--;
            nth++;
        }
        x->owed = 0;
    }
    return nth;
}

void groups_first(struct sim *s, const struct op *op, struct request *r, const struct reply *reply)
{
    uint64_t nth = pass_on(s, 0);
    if (op->code == OP_COND_WAIT && r)
        let_go(s, op, r, reply);
    if (op->code != OP_SIGNAL || !r || r->finished || !reply || reply->status != STATUS_OK)
        return;
    uint64_t count = 0;
    while ((op->signal.all || count == 0) && wake(s, r->facts[0].serial, !op->signal.all, nth + count))
        count++;
    MUST(count == reply->count, "%" PRIu64 " woken, it says %" PRIu64, count, reply->count);
    pass_on(s, nth + count);
}

/* ---- Flights ---- */

static struct flight_fact *flight_of(const struct holds *h, uint64_t id)
{
    return id ? &h->flights[id - 1] : NULL;
}

static bool flight_shared(const struct sim *s, uint64_t id)
{
    for (int i = 0; i < ACTORS * SLOTS; i++) {
        const struct request *r = &s->actors[i / SLOTS].slots[i % SLOTS];
        for (uint32_t n = 0; request_waits(s, i / SLOTS, r) && n < r->cases; n++)
            if (r->facts[n].flight == id)
                return true;
    }
    return false;
}

/* Whether somebody runs it, or waits for it. */
static bool flight_lives(const struct sim *s, uint64_t id)
{
    for (size_t i = 0; i < s->holds.grips_count; i++)
        if (s->holds.grips[i].flight == id)
            return true;
    return flight_shared(s, id);
}

uint64_t flight_current(const struct sim *s, int held, int key)
{
    uint64_t id = s->holds.held[held].current[key];
    return id && !flight_of(&s->holds, id)->over && flight_lives(s, id) ? id : 0;
}

uint64_t flight_grant(struct sim *s, const struct request *r, int held, const struct case_fact *f,
                      const struct grant *grant)
{
    struct holds *h = &s->holds;
    struct flight_fact *x = flight_of(h, f->flight);
    if (!x) {
        MUST(flight_current(s, held, f->key) == 0, "a key run twice");
        MUST(!grant->owner_died, "told of another flight's runner");
        h->flights = holds_room(h->flights, h->flights_count, &h->flights_size, sizeof *h->flights);
        h->flights[h->flights_count] =
            (struct flight_fact){.id = h->flights_count + 1, .held = held, .key = f->key};
        return h->held[held].current[f->key] = ++h->flights_count;
    }
    for (size_t i = 0; i < h->grips_count; i++)
        MUST(h->grips[i].flight != x->id, "a flight run twice");
    MUST(!x->over && grant->owner_died && x->died, "nobody died");
    x->died = false;
    for (int i = 0; i < ACTORS * SLOTS; i++) {
        const struct request *other = request_at(s, i);
        for (uint32_t n = 0; other != r && request_waits(s, i / SLOTS, other) && n < other->cases; n++)
            MUST(other->facts[n].flight != x->id || other->asked > r->asked, "another has waited longer");
    }
    return x->id;
}

void flight_lost(struct holds *h, const struct grip *g)
{
    struct flight_fact *x = flight_of(h, g->flight);
    x->died = true;
    if (h->held[g->held].poison)
        x->over = x->failed = x->poisoned = true;
}

void flight_end(struct sim *s, const struct request *r, const struct grip *g, const struct reply *reply)
{
    struct flight_fact *x = flight_of(&s->holds, g->flight);
    MUST(reply->truth == flight_shared(s, x->id), "shared: %d", reply->truth);
    x->over = true;
    x->failed = r->op.end.failed;
    x->result = r->op.end.value.int64;
}

void flight_forget(struct sim *s, const struct request *r, int held, const struct reply *reply)
{
    int key = r->facts[0].key;
    MUST(reply->truth == (flight_current(s, held, key) != 0), "forgotten: %d", reply->truth);
    s->holds.held[held].current[key] = 0;
}

void check_flight_outcome(const struct sim *s, const struct case_fact *f, const struct reply *reply)
{
    const struct flight_fact *x = flight_of(&s->holds, f->flight);
    MUST(x && x->over && reply->shared, "the outcome of no flight");
    MUST(reply->truth == x->failed && (reply->status == STATUS_OWNER_DIED) == x->poisoned, "another outcome");
    MUST(x->poisoned || (reply->item.value.type == VALUE_INT64 && reply->item.value.int64 == x->result),
         "another value");
}

void groups_parked(struct sim *s, struct request *r)
{
    for (uint32_t n = 0; n < r->cases; n++) {
        struct case_fact *f = &r->facts[n];
        int held = f->verb == ARM_BEGIN ? holds_find(&s->holds, f->serial) : -1;
        if (held < 0 || s->holds.held[held].kind != KIND_FLIGHT || f->flight != 0)
            continue;
        f->flight = s->holds.held[held].current[f->key];
        MUST(f->flight && flight_current(s, held, f->key), "it waits for nothing");
    }
}

/* ---- Gathering ---- */

static void check_group(const struct held *x, const struct reply *reply)
{
    const struct value *v = &reply->item.value;
    MUST(reply->result == RESULT_OUTCOME && reply->truth == x->failed, "failed: %d", reply->truth);
    MUST((v->type == VALUE_NONE) == (x->error == ERROR_NONE), "an error or none");
    if (x->error == ERROR_DIED)
        MUST(v->bytes.size == 10 && memcmp(v->bytes.data, "owner died", 10) == 0, "another error");
    if (x->error >= 0)
        MUST(v->bytes.size == 1 && *(const char *)v->bytes.data == (char)('a' + x->error), "another error");
}

void check_gathered(const struct sim *s, struct held *x, const struct case_fact *f, const struct reply *reply)
{
    int held = holds_find(&s->holds, x->serial);
    switch (x->kind) {
    case KIND_BARRIER:
        MUST((uint64_t)reply->number == x->cycle, "cycle %" PRIu64 ", it says %" PRId64, x->cycle,
             reply->number);
        x->passed++;
        x->last += reply->truth;
        break;
    case KIND_GROUP:
        MUST(grips_on(&s->holds, held, false, NULL) == 0, "tasks still run");
        check_group(x, reply);
        break;
    case KIND_CELL: check_revision(x, f, reply); break;
    default:
        MUST(reply->result == RESULT_LEADER && reply->grant.token != (uint64_t)f->condition.operand,
             "the same leader");
        break;
    }
}

/* ---- The engine's word ---- */

static void check_barrier(const struct sim *s, struct held *x, const struct barrier_view *v)
{
    MUST(x->passed == 0 || (x->passed == x->parties && x->last == 1),
         "%" PRIu64 " of %" PRIu64 " went on, %" PRIu64 " last", x->passed, x->parties, x->last);
    x->cycle += x->passed > 0;
    x->passed = x->last = 0;
    MUST(v->cycle == x->cycle && v->arrived == waiting_on(s, x->serial, ARM_WAIT) && v->arrived < x->parties,
         "%" PRIu32 " arrived in cycle %" PRIu64, v->arrived, v->cycle);
}

/* Who leads, what it says, and that nobody waits for what is there already. */
static void check_leader(const struct sim *s, int held, const struct hold_view *v)
{
    const struct held *x = &s->holds.held[held];
    const struct grip *g = NULL;
    for (size_t i = 0; i < s->holds.grips_count; i++)
        if (s->holds.grips[i].held == held)
            g = &s->holds.grips[i];
    MUST(v->token == (g ? g->token : 0), "another holder");
    MUST((v->said.type == VALUE_INT64 ? v->said.int64 : 0) == (g ? g->said : 0), "it says something else");
    for (int i = 0; i < ACTORS * SLOTS; i++) {
        const struct request *r = &s->actors[i / SLOTS].slots[i % SLOTS];
        for (uint32_t n = 0; request_waits(s, i / SLOTS, r) && n < r->cases; n++)
            MUST(r->facts[n].serial != x->serial || r->facts[n].verb != ARM_WAIT ||
                     (uint64_t)r->facts[n].condition.operand == v->token,
                 "the leader is another already");
    }
}

static void check_limit(const struct sim *s, int held, const struct limiter_view *v)
{
    uint64_t keys = 0;
    for (int key = 0; key < KEYS; key++) {
        bool used = false;
        for (size_t i = 0; i < s->holds.grips_count; i++)
            used |= s->holds.grips[i].held == held && s->holds.grips[i].key == key;
        for (int i = 0; i < ACTORS * SLOTS; i++) {
            const struct request *r = &s->actors[i / SLOTS].slots[i % SLOTS];
            for (uint32_t n = 0; request_waits(s, i / SLOTS, r) && n < r->cases; n++)
                used |= r->facts[n].serial == s->holds.held[held].serial && r->facts[n].key == key;
        }
        keys += used;
    }
    MUST(v->keys == keys, "%" PRIu64 " keys, it says %" PRIu64, keys, v->keys);
}

void check_fence(const struct sim *s, int canal, const struct channel_view *v)
{
    for (int i = 0; v->fenced && i < ACTORS * SLOTS; i++) {
        const struct request *r = &s->actors[i / SLOTS].slots[i % SLOTS];
        bool sends = request_waits(s, i / SLOTS, r) && r->facts[0].canal == canal && r->facts[0].count > 0;
        MUST(!sends || r->op.code == OP_SELECT || r->fence >= v->fence,
             "token %" PRIu64 " waits behind %" PRIu64, r->fence, v->fence);
    }
}

void groups_check(struct sim *s, int held, const struct object_view *v)
{
    struct held *x = &s->holds.held[held];
    uint64_t count = grips_on(&s->holds, held, false, NULL), flights = 0;
    switch (x->kind) {
    case KIND_MUTEX: check_leader(s, held, &v->hold); break;
    case KIND_COND:
        MUST(v->waiting == waiting_on(s, x->serial, ARM_COND), "%" PRIu64 " wait for a signal", v->waiting);
        break;
    case KIND_BARRIER: check_barrier(s, x, &v->barrier); break;
    case KIND_GROUP:
        MUST(v->hold.holds == count && (v->hold.said.type == VALUE_NONE) == (x->error == ERROR_NONE),
             "%" PRIu64 " tasks, not %" PRIu64, v->hold.holds, count);
        break;
    case KIND_FLIGHT:
        for (size_t i = 0; i < s->holds.flights_count; i++) /* the forgotten, too */
            flights += s->holds.flights[i].held == held && !s->holds.flights[i].over &&
                       flight_lives(s, s->holds.flights[i].id);
        MUST(v->hold.holds == flights, "%" PRIu64 " in flight, it says %" PRIu64, flights, v->hold.holds);
        break;
    case KIND_CELL: check_cell(s, x, &v->cell); break;
    case KIND_LIMITER:
        if (x->counted)
            check_limit(s, held, &v->limiter);
        break;
    default: break;
    }
}

/*
 * hold_steps.c - the model of what is held: what gives back, passes on and changes (holds.h).
 *
 * These are answered in the step that brings them: so the model knows the one right status, and what must have changed.
 */
#include "holds.h"

#include <inttypes.h>

#include "actors.h"

static void settle_unlock(struct sim *s, const struct request *r, int held, const struct reply *reply)
{
    struct holds *h = &s->holds;
    bool shared = r->op.unlock.shared;
    const struct grip *g = grip_of(h, held, r->op.unlock.token);
    uint64_t all = grips_on(h, held, false, NULL), readers = grips_on(h, held, true, NULL);
    enum status want = all > 0 && (readers > 0) == shared ? STATUS_STALE_TOKEN : STATUS_MISUSE;
    if (g)
        want = g->shared == shared ? STATUS_OK : STATUS_MISUSE;
    MUST(reply->status == want, "unlock says %d, not %d", reply->status, want);
    if (g && want == STATUS_OK)
        grip_drop(h, (size_t)(g - h->grips));
}

/* The newest (or oldest) grip on an object that a holder has, or NULL. */
static struct grip *grip_by_order(const struct holds *h, int held, uint32_t holder, bool newest)
{
    struct grip *best = NULL;
    for (size_t i = 0; i < h->grips_count; i++) {
        struct grip *g = &h->grips[i];
        if (g->held == held && g->holder == holder && (!best || (g->order > best->order) == newest))
            best = g;
    }
    return best;
}

/* Take up to k off a grip. What is left of k. */
static uint64_t grip_take(struct holds *h, struct grip *g, uint64_t k)
{
    uint64_t part = g->permits < k ? g->permits : k;
    g->permits -= part;
    if (g->permits == 0)
        grip_drop(h, (size_t)(g - h->grips));
    return k - part;
}

static void settle_release(struct sim *s, const struct actor *a, const struct request *r, int held,
                           const struct reply *reply)
{
    struct holds *h = &s->holds;
    uint64_t k = r->op.release.permits, token = r->op.release.token, has = 0;
    struct grip *g = token ? grip_of(h, held, token) : NULL;
    for (size_t i = 0; i < h->grips_count; i++)
        if (h->grips[i].held == held && h->grips[i].holder == a->life)
            has += h->grips[i].permits;
    if (token)
        has = g ? g->permits : 0;
    enum status want = token && !g ? STATUS_STALE_TOKEN : k > has ? STATUS_MISUSE : STATUS_OK;
    MUST(reply->status == want, "release says %d, not %d", reply->status, want);
    if (want != STATUS_OK)
        return;
    if (g)
        grip_take(h, g, k ? k : g->permits);
    while (!token && k > 0)
        k = grip_take(h, grip_by_order(h, held, a->life, true), k);
}

static void settle_adopt(struct sim *s, const struct actor *a, const struct request *r,
                         const struct reply *reply)
{
    struct grip *g = grip_of(&s->holds, -1, r->op.adopt.token);
    MUST((reply->status == STATUS_OK) == (g != NULL), "adopt says %d", reply->status);
    if (!g)
        return;
    g->holder = a->life;
    g->order = ++s->holds.orders;
}

static void settle_add(struct sim *s, struct actor *a, struct request *r, int held, const struct reply *reply)
{
    struct holds *h = &s->holds;
    struct held *x = &h->held[held];
    int64_t d = r->op.add.delta;
    bool below = d < 0 && (uint64_t)-d > x->count;
    MUST((reply->status == STATUS_MISUSE) == below, "add %" PRId64 " to %" PRIu64 " says %d", d, x->count,
         reply->status);
    if (below)
        return;
    if (d > 0) {
        x->lost = x->count == 0 ? 0 : x->lost;
        x->count += (uint64_t)d;
        struct case_fact f = {.serial = x->serial, .permits = (uint64_t)d};
        if (r->op.add.owned)
            settle_grant(s, a, r, &f, &reply->grant);
        return;
    }
    uint64_t k = (uint64_t)-d, owned;
    grips_on(h, held, false, &owned);
    uint64_t unowned = x->count - owned;
    x->count -= k;
    for (struct grip *g; k > 0 && (g = grip_by_order(h, held, a->life, false));)
        k = grip_take(h, g, k);
    k -= k < unowned ? k : unowned;
    for (size_t i = 0; k > 0 && i < h->grips_count;)
        if (h->grips[i].held == held)
            k = grip_take(h, &h->grips[i], k);
        else
            i++;
}

static int64_t updated(const struct held *x, const struct op *op)
{
    int64_t v = x->value, o = op->update.operand;
    switch (op->update.verb) {
    case COUNT_ADD: return (int64_t)((uint64_t)v + (uint64_t)o);
    case COUNT_STORE:
    case COUNT_SWAP: return o;
    case COUNT_CAS: return v == op->update.expected ? o : v;
    case COUNT_AND: return (int64_t)((uint64_t)v & (uint64_t)o);
    case COUNT_OR: return (int64_t)((uint64_t)v | (uint64_t)o);
    case COUNT_XOR: return (int64_t)((uint64_t)v ^ (uint64_t)o);
    case COUNT_MAX: return v > o ? v : o;
    case COUNT_MIN: return v < o ? v : o;
    default: return v;
    }
}

/* The operands here are small, or at the ends where nothing has bounds: so what wraps is out of bounds as well. */
static void settle_update(struct sim *s, const struct request *r, int held, const struct reply *reply)
{
    struct held *x = &s->holds.held[held];
    const struct op *op = &r->op;
    int64_t next = updated(x, op);
    bool load = op->update.verb == COUNT_LOAD;
    enum status want = STATUS_OK;
    if (!load && x->spec.fenced && op->update.fence == 0)
        want = STATUS_MISUSE;
    else if (!load && op->update.fence != 0 && op->update.fence < x->fence)
        want = STATUS_STALE_TOKEN;
    else if ((x->spec.has_min && next < x->spec.min) || (x->spec.has_max && next > x->spec.max))
        want = STATUS_INVALID;
    MUST(reply->status == want, "update says %d, not %d", reply->status, want);
    if (want != STATUS_OK)
        return;
    MUST(reply->number == (op->update.verb == COUNT_ADD ? next : x->value), "it says %" PRId64 " of %" PRId64,
         reply->number, x->value);
    MUST(reply->truth == (op->update.verb == COUNT_CAS && x->value == op->update.expected), "swapped or not");
    x->value = next;
    if (!load && op->update.fence > x->fence)
        x->fence = op->update.fence;
}

/* What of a group's END is no error: none, or one without a failure. */
static bool group_takes(const struct op *op)
{
    return op->end.value.type == VALUE_NONE || (op->end.failed && op->end.value.type == VALUE_STRING);
}

static void settle_end(struct sim *s, const struct request *r, int held, const struct reply *reply)
{
    struct held *x = &s->holds.held[held];
    const struct grip *g = grip_of(&s->holds, held, r->op.end.token);
    enum status want = !g ? STATUS_STALE_TOKEN : STATUS_OK;
    if (g && x->kind == KIND_GROUP && !group_takes(&r->op))
        want = STATUS_INVALID;
    MUST(reply->status == want, "end says %d, not %d", reply->status, want);
    if (want != STATUS_OK)
        return;
    if (x->kind == KIND_FLIGHT)
        flight_end(s, r, g, reply);
    grip_drop(&s->holds, (size_t)(g - s->holds.grips));
    if (x->kind == KIND_ONCE) {
        x->done = true;
        x->failed = r->op.end.failed;
        x->result = r->op.end.value.int64;
    } else if (x->kind == KIND_GROUP && r->op.end.failed && !x->failed) {
        x->failed = true;
        x->error = r->op.end.value.type == VALUE_NONE ? ERROR_NONE : r->facts[0].value;
    }
}

static void settle_tune(struct sim *s, const struct request *r, int held, const struct reply *reply)
{
    struct held *x = &s->holds.held[held];
    if (x->kind == KIND_GROUP) {
        bool runs = grips_on(&s->holds, held, false, NULL) > 0;
        MUST(reply->status == (runs ? STATUS_MISUSE : STATUS_OK), "tune says %d", reply->status);
        x->limit = runs ? x->limit : r->op.tune.limit;
    } else if (reply->status == STATUS_OK && r->op.tune.has_burst) {
        x->size = r->op.tune.burst;
    }
}

/* A reservation is a holding like the others, until its time has passed. */
static void settle_reserve(struct sim *s, const struct actor *a, const struct request *r, int held,
                           const struct reply *reply)
{
    struct holds *h = &s->holds;
    const struct quota *q = &reply->quota;
    if (q->token == 0)
        return;
    MUST(q->token > h->token_max, "token %" PRIu64 " after %" PRIu64, q->token, h->token_max);
    h->token_max = q->token;
    int64_t asked_ns = r->op.reserve.has_at ? r->op.reserve.at_ns : s->now_ns, due_ns = NEVER_NS;
    if (q->delay_ns != NEVER_NS)
        due_ns = 1 + (asked_ns + q->delay_ns > s->now_ns ? asked_ns + q->delay_ns : s->now_ns);
    h->grips = holds_room(h->grips, h->grips_count, &h->grips_size, sizeof *h->grips);
    MUST(h->grips, "no room");
    h->grips[h->grips_count++] = (struct grip){.token = q->token,
                                               .held = held,
                                               .holder = a->life,
                                               .permits = r->op.reserve.permits,
                                               .key = r->facts[0].key,
                                               .due_ns = due_ns,
                                               .order = ++h->orders};
}

static void settle_refund(struct sim *s, const struct request *r, const struct reply *reply)
{
    const struct grip *g = grip_of(&s->holds, -1, r->op.refund.token);
    const struct held *held = s->holds.held;
    MUST(!g || held, "a hold of nothing");
    if (g && held[g->held].kind == KIND_LIMITER && !held[g->held].counted)
        grip_drop(&s->holds, (size_t)(g - s->holds.grips));
    else
        MUST(!reply->truth, "nothing can come back");
}

void settle_step(struct sim *s, struct actor *a, struct request *r, int held, const struct reply *reply)
{
    const struct held *x = held >= 0 ? &s->holds.held[held] : NULL;
    enum kind_code kind = x ? x->kind : KIND_NONE;
    if (r->op.code == OP_ADOPT)
        settle_adopt(s, a, r, reply);
    else if (r->op.code == OP_REFUND && reply->status == STATUS_OK)
        settle_refund(s, r, reply);
    else if (r->op.code == OP_RESERVE && reply->status == STATUS_OK)
        settle_reserve(s, a, r, held, reply);
    else if (r->op.code == OP_UNLOCK && (kind == KIND_MUTEX || kind == KIND_RWMUTEX))
        settle_unlock(s, r, held, reply);
    else if (r->op.code == OP_RELEASE && (kind == KIND_SEMAPHORE || (x && x->counted && r->op.release.token)))
        settle_release(s, a, r, held, reply);
    else if (r->op.code == OP_ADD && kind == KIND_WAITGROUP)
        settle_add(s, a, r, held, reply);
    else if (r->op.code == OP_UPDATE && kind == KIND_COUNTER)
        settle_update(s, r, held, reply);
    else if (r->op.code == OP_END && (kind == KIND_ONCE || kind == KIND_GROUP || kind == KIND_FLIGHT))
        settle_end(s, r, held, reply);
    else if (r->op.code == OP_EXCHANGE && kind == KIND_CELL)
        cell_exchange(s, r, held, reply);
    else if (r->op.code == OP_FORGET && kind == KIND_FLIGHT)
        flight_forget(s, r, held, reply);
    else if (r->op.code == OP_TUNE && (kind == KIND_GROUP || (x && x->counted)))
        settle_tune(s, r, held, reply);
}

/*
 * holds.c - the model of what is held (holds.h).
 *
 * As plain as the model of the channels: arrays and scans. What time, deaths and removals take away is taken in the first round of a
 * step, before its answers; an actor that ends in the very step in which it is granted something has lost it again at once.
 */
#include "holds.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors.h"

static void *more_room(void *array, size_t count, size_t *size, size_t element)
{
    if (count < *size)
        return array;
    *size = *size ? *size * 2 : 64;
    array = realloc(array, *size * element);
    MUST(array, "no memory for the model");
    return array;
}

void holds_done(struct holds *h)
{
    free(h->held);
    free(h->grips);
}

int holds_find(const struct holds *h, uint64_t serial)
{
    for (size_t i = h->held_count; serial && i-- > 0;)
        if (h->held[i].serial == serial)
            return (int)i;
    return -1;
}

void holds_made(struct holds *h, const struct request *r, const struct object_view *v)
{
    if (v->kind < KIND_MUTEX)
        return;
    h->held = more_room(h->held, h->held_count, &h->held_size, sizeof *h->held);
    struct held *x = &h->held[h->held_count++];
    *x = (struct held){.serial = v->serial, .kind = v->kind, .owner = r->made.owner};
    x->name = r->op.make.name.name;
    if (v->kind == KIND_SEMAPHORE)
        x->size = r->op.make.semaphore.size;
    if (v->kind == KIND_ONCE)
        x->poison = r->op.make.once.poison;
    if (v->kind == KIND_COUNTER) {
        x->spec = r->op.make.counter;
        x->value = x->spec.value;
    }
}

/* ---- Grips ---- */

static void grip_drop(struct holds *h, size_t i)
{
    if (!h->grips[i].shared)
        h->held[h->grips[i].held].wrote_step = h->step;
    memmove(&h->grips[i], &h->grips[i + 1], (h->grips_count - i - 1) * sizeof *h->grips);
    h->grips_count--;
}

static void grip_lose(struct holds *h, size_t i)
{
    struct held *x = &h->held[h->grips[i].held];
    uint64_t permits = h->grips[i].permits;
    bool shared = h->grips[i].shared;
    grip_drop(h, i);
    switch (x->kind) {
    case KIND_MUTEX: x->died = true; break;
    case KIND_RWMUTEX: x->died |= !shared; break;
    case KIND_WAITGROUP:
        x->count -= permits;
        x->lost += permits;
        break;
    case KIND_ONCE:
        x->died = !x->poison;
        x->done = x->failed = x->poisoned = x->poison;
        break;
    default: break;
    }
}

static struct grip *grip_of(const struct holds *h, int held, uint64_t token)
{
    for (size_t i = 0; i < h->grips_count; i++)
        if (h->grips[i].token == token && (held < 0 || h->grips[i].held == held))
            return &h->grips[i];
    return NULL;
}

/* Holds of an object, or (shared_only) those for reading; their permits in *ret_permits. */
static uint64_t grips_on(const struct holds *h, int held, bool shared_only, uint64_t *ret_permits)
{
    uint64_t count = 0, permits = 0;
    for (size_t i = 0; i < h->grips_count; i++)
        if (h->grips[i].held == held && (!shared_only || h->grips[i].shared)) {
            count++;
            permits += h->grips[i].permits;
        }
    if (ret_permits)
        *ret_permits = permits;
    return count;
}

void holds_time(struct holds *h, uint64_t step, int64_t now_ns)
{
    h->step = step;
    for (size_t i = 0; i < h->grips_count;)
        if (h->grips[i].due_ns <= now_ns)
            grip_lose(h, i);
        else
            i++;
}

static void held_remove(struct sim *s, int held)
{
    struct holds *h = &s->holds;
    if (h->held[held].removed)
        return;
    h->held[held].removed = true;
    h->held[held].removed_step = s->holds.step;
    for (size_t i = 0; i < h->grips_count;)
        if (h->grips[i].held == held)
            grip_drop(h, i);
        else
            i++;
}

void holds_removed(struct sim *s, uint64_t serial)
{
    int held = holds_find(&s->holds, serial);
    if (held >= 0)
        held_remove(s, held);
}

void holds_death(struct sim *s, uint32_t life)
{
    struct holds *h = &s->holds;
    for (size_t i = 0; i < h->grips_count;)
        if (h->grips[i].holder == life)
            grip_lose(h, i);
        else
            i++;
    for (size_t i = 0; i < h->held_count; i++)
        if (h->held[i].owner == life)
            held_remove(s, (int)i);
}

bool holds_extend(struct holds *h, uint64_t token, uint32_t holder, int64_t due_ns)
{
    struct grip *g = grip_of(h, -1, token);
    if (!g || g->holder != holder)
        return false;
    g->due_ns = due_ns;
    return true;
}

/* ---- Grants ---- */

/* What a request that still waits forbids: that who stands behind it in its queue is served, or goes past it in the wrong phase. */
static void check_waiting(const struct sim *s, const struct request *r, const struct case_fact *f,
                          const struct request *other, const struct case_fact *g)
{
    const struct held *x = &s->holds.held[holds_find(&s->holds, f->serial)];
    bool older = other->asked < r->asked, let_go = x->wrote_step == s->holds.step;
    if (g->serial != f->serial || (g->verb == ARM_ACQUIRE && g->permits > x->size))
        return;
    MUST(!older || g->verb != f->verb, "request %" PRIu64 " served before %" PRIu64, r->asked, other->asked);
    if (f->verb == ARM_RLOCK && g->verb == ARM_LOCK)
        MUST(!older || let_go, "reader %" PRIu64 " before writer %" PRIu64, r->asked, other->asked);
    if (f->verb == ARM_LOCK && g->verb == ARM_RLOCK)
        MUST(!let_go, "writer %" PRIu64 " before reader %" PRIu64, r->asked, other->asked);
}

static void check_order(const struct sim *s, const struct request *r, const struct case_fact *f)
{
    for (int i = 0; i < ACTORS; i++)
        for (int k = 0; k < SLOTS; k++) {
            const struct request *other = &s->actors[i].slots[k];
            bool gone = s->actors[i].ending || (s->actors[i].connections == 0 && other->op.seq == 0);
            if (gone || !other->used || other->finished || other == r)
                continue;
            for (uint32_t n = 0; n < other->cases; n++)
                check_waiting(s, r, f, other, &other->facts[n]);
        }
}

/* What a grant presumes of the object. */
static void check_grant(const struct sim *s, int held, const struct case_fact *f, const struct reply *reply)
{
    const struct holds *h = &s->holds;
    const struct held *x = &h->held[held];
    uint64_t permits, count = grips_on(h, held, false, &permits);
    bool told = x->died;
    switch (x->kind) {
    case KIND_MUTEX: MUST(count == 0 && f->verb == ARM_LOCK, "a mutex held twice"); break;
    case KIND_RWMUTEX:
        MUST(count == (f->verb == ARM_RLOCK ? grips_on(h, held, true, NULL) : 0),
             "readers and writers at once");
        break;
    case KIND_SEMAPHORE:
        MUST(permits + f->permits <= x->size, "%" PRIu64 " permits of %" PRIu64, permits + f->permits,
             x->size);
        told = false;
        break;
    case KIND_ONCE: MUST(count == 0 && !x->done && f->verb == ARM_BEGIN, "a once run twice"); break;
    case KIND_WAITGROUP: told = false; break;
    default: MUST(false, "a %s is not held", kind_name(x->kind));
    }
    MUST(reply->grant.owner_died == told, "told %d that the owner died", reply->grant.owner_died);
}

static void settle_grant(struct sim *s, struct actor *a, struct request *r, const struct case_fact *f,
                         const struct reply *reply)
{
    struct holds *h = &s->holds;
    int held = holds_find(h, f->serial);
    MUST(held >= 0, "a grant of something unknown");
    struct held *x = &h->held[held];
    if (f->permits == 0 && f->verb == ARM_ACQUIRE) {
        MUST(reply->grant.token == 0, "a token for nothing");
        return;
    }
    MUST(reply->grant.token > h->token_max, "token %" PRIu64 " after %" PRIu64, reply->grant.token,
         h->token_max);
    h->token_max = reply->grant.token;
    if (x->removed) {
        MUST(x->removed_step == s->holds.step, "a grant of what is removed");
        return;
    }
    check_grant(s, held, f, reply);
    if (f->verb != ARM_NONE)
        check_order(s, r, f);
    if (f->verb != ARM_RLOCK)
        x->died = false;
    h->grips = more_room(h->grips, h->grips_count, &h->grips_size, sizeof *h->grips);
    h->grips[h->grips_count++] = (struct grip){
        .token = reply->grant.token,
        .held = held,
        .holder = a->life,
        .shared = f->verb == ARM_RLOCK,
        .permits = f->verb == ARM_ACQUIRE || f->verb == ARM_NONE ? f->permits : 1,
        .due_ns = f->ttl_ns > 0 ? s->now_ns + f->ttl_ns : NEVER_NS,
        .order = ++h->orders,
    };
    if (a->ending)
        grip_lose(h, h->grips_count - 1);
    else
        a->leases[rng_below(&s->rng, LEASES_HELD)] =
            reply->grant.token; /* it may be extended, and is no lease */
}

/* ---- Waits ---- */

static bool condition_holds(struct condition c, int64_t v)
{
    const bool by[] = {[COMPARE_NONE] = false,
                       [COMPARE_EQ] = v == c.operand,
                       [COMPARE_NE] = v != c.operand,
                       [COMPARE_LT] = v<c.operand, [COMPARE_LE] = v <= c.operand, [COMPARE_GT] = v> c.operand,
                       [COMPARE_GE] = v >= c.operand};
    return by[c.compare];
}

static void check_outcome(const struct held *x, const struct reply *reply)
{
    MUST(x->done && reply->truth == x->failed, "an outcome before the end, or another");
    MUST((reply->status == STATUS_OWNER_DIED) == x->poisoned, "status %d of an outcome", reply->status);
    MUST(x->poisoned || (reply->item.value.type == VALUE_INT64 && reply->item.value.int64 == x->result),
         "another outcome");
}

/* A wait that is over in the way it should. */
static void check_wait(const struct held *x, const struct case_fact *f, const struct reply *reply)
{
    if (reply->result == RESULT_OUTCOME) {
        check_outcome(x, reply);
    } else if (x->kind == KIND_WAITGROUP && f->verb == ARM_WAIT) {
        MUST(x->count == 0, "%" PRIu64 " are not done", x->count);
        MUST((reply->status == STATUS_OWNER_DIED) == (x->lost > 0), "%" PRIu64 " lost", x->lost);
    } else if (x->kind == KIND_COUNTER && f->verb == ARM_WAIT) {
        MUST(reply->number == x->value && condition_holds(f->condition, x->value),
             "%" PRId64 ", it says %" PRId64, x->value, reply->number);
    }
}

/* It would block: it must. */
static void check_blocked(const struct sim *s, int held, const struct case_fact *f)
{
    const struct held *x = &s->holds.held[held];
    uint64_t permits, count = grips_on(&s->holds, held, false, &permits);
    switch (x->kind) {
    case KIND_MUTEX:
    case KIND_RWMUTEX: MUST(count > 0, "it is free"); break;
    case KIND_SEMAPHORE: MUST(count > 0 || f->permits > x->size, "it is free"); break;
    case KIND_WAITGROUP: MUST(x->count > 0, "it is at zero"); break;
    case KIND_COUNTER: MUST(!condition_holds(f->condition, x->value), "it holds"); break;
    case KIND_ONCE: MUST(!x->done && (count > 0 || f->verb == ARM_WAIT), "it is to be had"); break;
    default: break;
    }
}

static void settle_case(struct sim *s, struct actor *a, struct request *r, const struct reply *reply)
{
    const struct case_fact *f = &r->facts[reply->has_index ? reply->index : 0];
    int held = r->cases ? holds_find(&s->holds, f->serial) : -1;
    if (held < 0 || (r->op.code == OP_SELECT && !reply->has_index))
        return;
    struct held *x = &s->holds.held[held];
    if (reply->result == RESULT_GRANT)
        settle_grant(s, a, r, f, reply);
    else if ((reply->status == STATUS_OK || reply->status == STATUS_OWNER_DIED) && !x->removed)
        check_wait(x, f, reply);
    else if (reply->status == STATUS_WOULD_BLOCK && !x->removed)
        check_blocked(s, held, f);
}

/* ---- Steps ---- */

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
            settle_grant(s, a, r, &f, reply);
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

static void settle_end(struct sim *s, const struct request *r, int held, const struct reply *reply)
{
    struct held *x = &s->holds.held[held];
    const struct grip *g = grip_of(&s->holds, held, r->op.end.token);
    MUST((reply->status == STATUS_OK) == (g != NULL), "end says %d", reply->status);
    if (!g)
        return;
    grip_drop(&s->holds, (size_t)(g - s->holds.grips));
    x->done = true;
    x->failed = r->op.end.failed;
    x->result = r->op.end.value.int64;
}

void holds_settle(struct sim *s, struct actor *a, struct request *r, const struct reply *reply)
{
    enum status st = reply->status;
    if (op_rows[r->op.code].class == CLASS_WAIT) {
        settle_case(s, a, r, reply);
        return;
    }
    bool judged = st == STATUS_OK || st == STATUS_MISUSE || st == STATUS_STALE_TOKEN || st == STATUS_INVALID;
    int held = holds_find(&s->holds, r->facts[0].serial);
    if (!judged || (held >= 0 && s->holds.held[held].removed))
        return;
    enum kind_code kind = held >= 0 ? s->holds.held[held].kind : KIND_NONE;
    if (r->op.code == OP_ADOPT)
        settle_adopt(s, a, r, reply);
    else if (r->op.code == OP_UNLOCK && (kind == KIND_MUTEX || kind == KIND_RWMUTEX))
        settle_unlock(s, r, held, reply);
    else if (r->op.code == OP_RELEASE && kind == KIND_SEMAPHORE)
        settle_release(s, a, r, held, reply);
    else if (r->op.code == OP_ADD && kind == KIND_WAITGROUP)
        settle_add(s, a, r, held, reply);
    else if (r->op.code == OP_UPDATE && kind == KIND_COUNTER)
        settle_update(s, r, held, reply);
    else if (r->op.code == OP_END && kind == KIND_ONCE)
        settle_end(s, r, held, reply);
}

/* ---- The engine's word ---- */

static void check_held(const struct sim *s, int held, const struct object_view *v)
{
    const struct held *x = &s->holds.held[held];
    uint64_t permits, count = grips_on(&s->holds, held, false, &permits);
    switch (x->kind) {
    case KIND_MUTEX:
    case KIND_RWMUTEX:
    case KIND_ONCE:
        MUST(v->hold.holds == count, "%" PRIu64 " holds, not %" PRIu64, v->hold.holds, count);
        MUST(v->hold.owner_died == (x->died || x->poisoned), "the owner died: %d", v->hold.owner_died);
        MUST(v->hold.done == x->done, "done: %d", v->hold.done);
        break;
    case KIND_SEMAPHORE:
        MUST(v->hold.free == x->size - permits, "%" PRIu64 " free of %" PRIu64 ", %" PRIu64 " are held",
             v->hold.free, x->size, permits);
        break;
    case KIND_WAITGROUP:
        MUST(v->count.value == (int64_t)x->count && v->count.lost == x->lost,
             "count %" PRId64 " lost %" PRIu64 ", not %" PRIu64 " and %" PRIu64, v->count.value,
             v->count.lost, x->count, x->lost);
        break;
    case KIND_COUNTER:
        MUST(v->count.value == x->value && v->count.fence == x->fence, "value %" PRId64 ", not %" PRId64,
             v->count.value, x->value);
        break;
    default: break;
    }
}

void holds_check(const struct sim *s)
{
    for (const struct object *o = engine_object_next(s->engine, NULL); o;
         o = engine_object_next(s->engine, o)) {
        struct object_view v;
        engine_object_view(s->engine, o, &v);
        int held = v.kind >= KIND_MUTEX ? holds_find(&s->holds, v.serial) : -1;
        MUST(held >= 0 || v.kind < KIND_MUTEX, "a %s that nobody made", kind_name(v.kind));
        if (held >= 0 && !s->holds.held[held].removed)
            check_held(s, held, &v);
    }
}

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

/* More than can be served in one step. */
enum { SAME_STEP_MAX = 1024 };

void *holds_room(void *array, size_t count, size_t *size, size_t element)
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
    free(h->flights);
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
    h->held = holds_room(h->held, h->held_count, &h->held_size, sizeof *h->held);
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
    if (v->kind == KIND_GROUP)
        x->limit = r->op.make.group.limit;
    if (v->kind == KIND_FLIGHT)
        x->poison = r->op.make.flight.poison;
    if (v->kind == KIND_CELL)
        x->fenced = r->op.make.cell.fenced;
    if (v->kind == KIND_BARRIER)
        x->parties = r->op.make.barrier.parties;
    if (v->kind == KIND_LIMITER) {
        x->counted = r->op.make.limiter.algorithm == LIMIT_CONCURRENCY;
        x->size = r->op.make.limiter.burst;
    }
    x->cycle = 1;
    x->error = ERROR_NONE;
}

/* ---- Grips ---- */

void grip_drop(struct holds *h, size_t i)
{
    if (!h->grips[i].shared)
        h->held[h->grips[i].held].wrote_step = h->step;
    memmove(&h->grips[i], &h->grips[i + 1], (h->grips_count - i - 1) * sizeof *h->grips);
    h->grips_count--;
}

static void grip_lose(struct holds *h, size_t i)
{
    struct held *x = &h->held[h->grips[i].held];
    const struct grip lost = h->grips[i];
    uint64_t permits = lost.permits;
    bool shared = lost.shared;
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
    case KIND_GROUP:
        x->error = x->failed ? x->error : ERROR_DIED;
        x->failed = true;
        break;
    case KIND_FLIGHT: flight_lost(h, &lost); break;
    default: break;
    }
}

struct grip *grip_of(const struct holds *h, int held, uint64_t token)
{
    for (size_t i = 0; i < h->grips_count; i++)
        if (h->grips[i].token == token && (held < 0 || h->grips[i].held == held))
            return &h->grips[i];
    return NULL;
}

uint64_t grips_on(const struct holds *h, int held, bool shared_only, uint64_t *ret_permits)
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

uint64_t request_place(const struct request *r)
{
    return r->signalled ? r->place : r->asked * SAME_STEP_MAX;
}

bool queued_fact(const struct request *r, uint32_t i, struct case_fact *ret)
{
    *ret = r->facts[i];
    if (r->op.code != OP_COND_WAIT)
        return true;
    ret->serial = ret->lock_serial;
    ret->verb = ret->lock_shared ? ARM_RLOCK : ARM_LOCK;
    return r->signalled;
}

/* What a request that still waits forbids: that who stands behind it in its queue is served, or goes past it in the wrong phase. */
static void check_waiting(const struct sim *s, const struct request *r, const struct case_fact *f,
                          const struct request *other, const struct case_fact *g)
{
    const struct held *x = &s->holds.held[holds_find(&s->holds, f->serial)];
    bool older = request_place(other) < request_place(r), let_go = x->wrote_step == s->holds.step;
    if (g->serial != f->serial || g->key != f->key || x->kind == KIND_FLIGHT ||
        ((g->verb == ARM_ACQUIRE || g->verb == ARM_TAKE) && g->permits > x->size))
        return;
    if (x->kind == KIND_RWMUTEX && (r->op.code == OP_ACQUIRE_ALL || other->op.code == OP_ACQUIRE_ALL)) {
        MUST(!older || g->verb != ARM_LOCK || f->verb != ARM_LOCK, "writer %" PRIu64 " before %" PRIu64,
             r->asked, other->asked);
        return; /* readers never hold each other up, and phases end without those who wait for others, too */
    }
    MUST(!older || g->verb != f->verb || f->verb == ARM_RLOCK, "request %" PRIu64 " served before %" PRIu64,
         r->asked, other->asked);
    if (f->verb == ARM_RLOCK && g->verb == ARM_LOCK)
        MUST(!older || let_go, "reader %" PRIu64 " before writer %" PRIu64, r->asked, other->asked);
    bool late = request_place(other) >= s->holds.step * SAME_STEP_MAX; /* it came in this very step */
    if (f->verb == ARM_LOCK && g->verb == ARM_RLOCK)
        MUST(!let_go || late, "writer %" PRIu64 " before reader %" PRIu64, r->asked, other->asked);
}

static void check_order(const struct sim *s, const struct request *r, const struct case_fact *f)
{
    for (int i = 0; i < ACTORS; i++)
        for (int k = 0; k < SLOTS; k++) {
            const struct request *other = &s->actors[i].slots[k];
            struct case_fact g;
            if (other == r || !request_waits(s, i, other))
                continue;
            for (uint32_t n = 0; n < other->cases; n++)
                if (queued_fact(other, n, &g))
                    check_waiting(s, r, f, other, &g);
        }
}

/* Permits held under one key. */
static uint64_t permits_under(const struct holds *h, int held, int key)
{
    uint64_t permits = 0;
    for (size_t i = 0; i < h->grips_count; i++)
        if (h->grips[i].held == held && h->grips[i].key == key)
            permits += h->grips[i].permits;
    return permits;
}

/* What a grant presumes of the object. */
static void check_grant(const struct sim *s, int held, const struct case_fact *f, const struct grant *grant)
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
    case KIND_LIMITER:
        permits = permits_under(h, held, f->key);
        MUST(x->counted && permits + f->permits <= x->size, "%" PRIu64 " at once of %" PRIu64,
             permits + f->permits, x->size);
        told = false;
        break;
    case KIND_ONCE: MUST(count == 0 && !x->done && f->verb == ARM_BEGIN, "a once run twice"); break;
    case KIND_GROUP:
        MUST(f->verb == ARM_BEGIN && (x->limit < 0 || count < (uint64_t)x->limit),
             "%" PRIu64 " tasks of %" PRId64, count + 1, x->limit);
        told = false;
        break;
    case KIND_WAITGROUP: told = false; break;
    case KIND_FLIGHT: return; /* flight_grant has looked */
    default: MUST(false, "a %s is not held", kind_name(x->kind));
    }
    MUST(grant->owner_died == told, "told %d that the owner died", grant->owner_died);
}

static bool has_permits(const struct case_fact *f)
{
    return f->verb == ARM_ACQUIRE || f->verb == ARM_TAKE || f->verb == ARM_NONE;
}

void settle_grant(struct sim *s, struct actor *a, struct request *r, const struct case_fact *f,
                  const struct grant *grant)
{
    struct holds *h = &s->holds;
    int held = holds_find(h, f->serial);
    MUST(held >= 0, "a grant of something unknown");
    struct held *x = &h->held[held];
    if (f->permits == 0 && (f->verb == ARM_ACQUIRE || f->verb == ARM_TAKE)) {
        MUST(grant->token == 0, "a token for nothing");
        return;
    }
    MUST(grant->token > h->token_max, "token %" PRIu64 " after %" PRIu64, grant->token, h->token_max);
    h->token_max = grant->token;
    if (x->removed) {
        MUST(x->removed_step == s->holds.step, "a grant of what is removed");
        return;
    }
    uint64_t flight = x->kind == KIND_FLIGHT ? flight_grant(s, r, held, f, grant) : 0;
    check_grant(s, held, f, grant);
    if (f->verb != ARM_NONE)
        check_order(s, r, f);
    if (f->verb != ARM_RLOCK)
        x->died = false;
    h->grips = holds_room(h->grips, h->grips_count, &h->grips_size, sizeof *h->grips);
    h->grips[h->grips_count++] = (struct grip){
        .token = grant->token,
        .held = held,
        .holder = a->life,
        .shared = f->verb == ARM_RLOCK,
        .permits = has_permits(f) ? f->permits : 1,
        .key = f->key,
        .flight = flight,
        .said = x->kind == KIND_MUTEX && r->op.code != OP_COND_WAIT ? f->value : 0,
        .due_ns = f->ttl_ns > 0 ? s->now_ns + f->ttl_ns : NEVER_NS,
        .order = ++h->orders,
    };
    if (a->ending)
        grip_lose(h, h->grips_count - 1);
    else
        a->leases[rng_below(&s->rng, LEASES_HELD)] = grant->token; /* it may be extended, and is no lease */
}

/* ACQUIRE_ALL: every arm at once. */
static void settle_grants(struct sim *s, struct actor *a, struct request *r, const struct reply *reply)
{
    struct grant_cursor at = reply->grants.first;
    struct grant grant;
    uint32_t n = 0;
    for (; engine_grant_next(&at, &grant); n++)
        settle_grant(s, a, r, &r->facts[n], &grant);
    MUST(n == r->cases, "%" PRIu32 " grants for %" PRIu32 " arms", n, r->cases);
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
static void check_wait(struct sim *s, struct held *x, const struct case_fact *f, const struct reply *reply)
{
    if (x->kind == KIND_FLIGHT) {
        check_flight_outcome(s, f, reply);
    } else if (x->kind == KIND_BARRIER || x->kind == KIND_GROUP || x->kind == KIND_MUTEX ||
               x->kind == KIND_CELL) {
        check_gathered(s, x, f, reply);
    } else if (reply->result == RESULT_OUTCOME) {
        check_outcome(x, reply);
    } else if (x->kind == KIND_WAITGROUP && f->verb == ARM_WAIT) {
        MUST(x->count == 0, "%" PRIu64 " are not done", x->count);
        MUST((reply->status == STATUS_OWNER_DIED) == (x->lost > 0), "%" PRIu64 " lost", x->lost);
    } else if (x->kind == KIND_COUNTER && f->verb == ARM_WAIT) {
        MUST(reply->number == x->value && condition_holds(f->condition, x->value),
             "%" PRId64 ", it says %" PRId64, x->value, reply->number);
    }
}

/* Whether somebody waits in the queue that a case would stand in: one that waits for others as well, say. */
static bool waited_for(const struct sim *s, const struct case_fact *f)
{
    struct case_fact g;
    for (int i = 0; i < ACTORS * SLOTS; i++) {
        const struct request *r = &s->actors[i / SLOTS].slots[i % SLOTS];
        for (uint32_t n = 0; request_waits(s, i / SLOTS, r) && n < r->cases; n++)
            if (queued_fact(r, n, &g) && g.serial == f->serial && g.key == f->key && r->asked < s->holds.step)
                return true;
    }
    return false;
}

/* It would block: it must. */
static void check_blocked(const struct sim *s, int held, const struct case_fact *f)
{
    const struct held *x = &s->holds.held[held];
    uint64_t permits, count = grips_on(&s->holds, held, false, &permits);
    switch (x->kind) {
    case KIND_MUTEX: MUST(f->verb == ARM_WAIT || count > 0 || waited_for(s, f), "it is free"); break;
    case KIND_RWMUTEX: MUST(count > 0 || waited_for(s, f), "it is free"); break;
    case KIND_SEMAPHORE: MUST(count > 0 || f->permits > x->size || waited_for(s, f), "it is free"); break;
    case KIND_GROUP: MUST(count > 0 || (x->limit == 0 && f->verb == ARM_BEGIN), "it has room"); break;
    case KIND_CELL: MUST((uint64_t)f->condition.operand == x->revision, "it is another"); break;
    case KIND_BARRIER: MUST(x->parties > 1, "it is full"); break;
    case KIND_FLIGHT: MUST(x->current[f->key] != 0, "nothing is in flight"); break;
    case KIND_LIMITER:
        MUST(!x->counted || f->permits > x->size || waited_for(s, f) ||
                 permits_under(&s->holds, held, f->key) + f->permits > x->size,
             "it has room");
        break;
    case KIND_WAITGROUP: MUST(x->count > 0, "it is at zero"); break;
    case KIND_COUNTER: MUST(!condition_holds(f->condition, x->value), "it holds"); break;
    case KIND_ONCE: MUST(!x->done && (count > 0 || f->verb == ARM_WAIT), "it is to be had"); break;
    default: break;
    }
}

static void settle_case(struct sim *s, struct actor *a, struct request *r, const struct reply *reply)
{
    struct case_fact f = r->facts[reply->has_index ? reply->index : 0];
    int held = r->cases ? holds_find(&s->holds, f.serial) : -1;
    if (held < 0 || (r->op.code == OP_SELECT && !reply->has_index))
        return;
    struct held *x = &s->holds.held[held];
    if (reply->result == RESULT_GRANTS) {
        settle_grants(s, a, r, reply);
    } else if (reply->result == RESULT_GRANT) {
        MUST(queued_fact(r, reply->has_index ? reply->index : 0, &f), "woken without a signal");
        settle_grant(s, a, r, &f, &reply->grant);
    } else if ((reply->status == STATUS_OK || reply->status == STATUS_OWNER_DIED) && !x->removed) {
        check_wait(s, x, &f, reply);
    } else if (reply->status == STATUS_WOULD_BLOCK && !x->removed && r->op.code != OP_ACQUIRE_ALL &&
               r->op.code != OP_COND_WAIT) {
        check_blocked(s, held, &f);
    }
}

/* ---- Steps ---- */

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
    settle_step(s, a, r, held, reply);
}

/* ---- The engine's word ---- */

static void check_held(struct sim *s, int held, const struct object_view *v)
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
        if (x->kind == KIND_MUTEX)
            groups_check(s, held, v);
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
    default: groups_check(s, held, v); break;
    }
}

void holds_check(struct sim *s)
{
    for (const struct object *o = engine_object_next(s->engine, NULL); o;
         o = engine_object_next(s->engine, o)) {
        struct object_view v;
        engine_object_view(s->engine, o, &v);
        int held = v.kind >= KIND_MUTEX ? holds_find(&s->holds, v.serial) : -1;
        if (v.key.data)
            continue;
        MUST(held >= 0 || v.kind < KIND_MUTEX, "a %s that nobody made", kind_name(v.kind));
        if (held >= 0 && !s->holds.held[held].removed)
            check_held(s, held, &v);
    }
}

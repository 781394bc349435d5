/*
 * waitgroup.c - sync.WaitGroup between processes.
 *
 * A count of unfinished work. ADD changes it, DONE is ADD of -1; WAIT goes on at zero, and all who wait go on together. Below zero
 * is Go's panic as a status, and changes nothing.
 *
 * Units may belong to a session (ADD with owned): these are holds. When it dies they are taken off the count and remembered as lost: every
 * WAIT of this cycle answers OWNER_DIED instead of OK, never silence. A cycle ends when the count leaves zero again. Work that is
 * done comes off the session's own units first, then off those that nobody owns, then off the oldest others'.
 *
 *     count >= sum of holds        count = 0  =>  nobody waits
 *
 * Cost: O(1), plus who goes on; work done looks through what its session holds.
 */
#include "call.h"
#include "handlers.h"
#include "hold.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "wait.h"

struct waitgroup {
    struct object object;
    struct holds holds;  /* owned units */
    struct list waiters; /* arm.link */
    uint64_t count, owned, lost;
};

static struct waitgroup *waitgroup_of(const struct object *o)
{
    assert(o->kind == KIND_WAITGROUP);
    return container_of(o, struct waitgroup, object);
}

/* ---- Arms ---- */

static bool zero_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return waitgroup_of(a->object)->count == 0;
}

static void zero_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&waitgroup_of(a->object)->waiters, &a->link);
    object_touch(a->object);
}

static void zero_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

static enum status waitgroup_verdict(const struct waitgroup *g)
{
    return g->lost > 0 ? STATUS_OWNER_DIED : STATUS_OK;
}

static void zero_commit(struct engine *e, struct arm *a)
{
    call_complete(e, a->call, waitgroup_verdict(waitgroup_of(a->object)));
}

static const struct arm_ops zero_ops = {zero_poll, zero_park, zero_unpark, zero_commit};

static void waitgroup_serve(struct engine *e, struct object *o)
{
    struct waitgroup *g = waitgroup_of(o);
    if (g->count == 0)
        wait_fail_all(e, &g->waiters, waitgroup_verdict(g));
}

/* ---- The object ---- */

static void waitgroup_lost(struct engine *e, struct holding *h)
{
    struct hold *hold = hold_of(h);
    struct waitgroup *g = waitgroup_of(h->object);
    g->count -= hold->permits;
    g->owned -= hold->permits;
    g->lost += hold->permits;
    object_serve_soon(e, h->object);
    hold_end(e, hold);
}

static enum status waitgroup_make(struct engine *e, struct session *s, struct object *o,
                                  const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    (void)op;
    (void)error;
    holds_init(&waitgroup_of(o)->holds);
    list_init(&waitgroup_of(o)->waiters);
    return STATUS_OK;
}

static void waitgroup_remove(struct engine *e, struct object *o)
{
    struct waitgroup *g = waitgroup_of(o);
    wait_fail_all(e, &g->waiters, STATUS_REMOVED);
    hold_end_all(e, &g->holds);
    g->count = g->owned = 0;
}

static const struct holds *waitgroup_held_by(const struct object *o)
{
    return &waitgroup_of(o)->holds;
}

static const struct list *waitgroup_queue(const struct object *o, int i)
{
    return i == 0 ? &waitgroup_of(o)->waiters : NULL;
}

static void waitgroup_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct waitgroup *g = waitgroup_of(o);
    ret->count.value = (int64_t)g->count;
    ret->count.lost = g->lost;
}

static void waitgroup_audit(const struct engine *e, const struct object *o)
{
    const struct waitgroup *g = waitgroup_of(o);
    assert(hold_audit(e, o, &g->holds) == g->owned && g->owned <= g->count);
    assert(g->count > 0 || list_empty(&g->waiters));
}

const struct kind waitgroup_kind = {
    .arms = {[ARM_WAIT] = &zero_ops},
    .size = sizeof(struct waitgroup),
    .make = waitgroup_make,
    .match = object_match_any,
    .serve = waitgroup_serve,
    .lost = waitgroup_lost,
    .remove = waitgroup_remove,
    .done = hold_done,
    .queue = waitgroup_queue,
    .holds = waitgroup_held_by,
    .view = waitgroup_view,
    .audit = waitgroup_audit,
};

/* ---- ADD ---- */

/* Take up to k units off a hold. How many. */
static uint64_t waitgroup_take(struct engine *e, struct waitgroup *g, struct hold *h, uint64_t k)
{
    uint64_t part = h->permits < k ? h->permits : k;
    h->permits -= part;
    g->owned -= part;
    if (h->permits == 0)
        hold_end(e, h);
    return part;
}

/* Take up to k units off s's holds, oldest first. How many. */
static uint64_t waitgroup_take_own(struct engine *e, struct waitgroup *g, const struct session *s, uint64_t k)
{
    uint64_t taken = 0;
    for (struct list_node *n = list_first(&s->holdings), *next; n && taken < k; n = next) {
        next = list_next(&s->holdings, n);
        struct holding *h = container_of(n, struct holding, by_session);
        if (h->object == &g->object)
            taken += waitgroup_take(e, g, hold_of(h), k - taken);
    }
    return taken;
}

static void waitgroup_sub(struct engine *e, struct waitgroup *g, const struct session *s, uint64_t k)
{
    uint64_t unowned = g->count - g->owned;
    g->count -= k;
    k -= waitgroup_take_own(e, g, s, k);
    for (k -= k < unowned ? k : unowned; k > 0;)
        k -= waitgroup_take(e, g, container_of(list_first(&g->holds.list), struct hold, by_object), k);
    object_serve_soon(e, &g->object);
}

static void waitgroup_add(struct engine *e, struct waitgroup *g, struct call *c, uint64_t k, bool owned)
{
    if (g->count == 0)
        g->lost = 0;
    g->count += k;
    object_touch(&g->object);
    if (!owned) {
        call_complete(e, c, STATUS_OK);
        return;
    }
    g->owned += k;
    hold_grant_call(e, c, &g->object, &g->holds, k);
}

void op_add(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->add.ref, KIND_WAITGROUP, RIGHT_SEND, &o);
    int64_t d = op->add.delta;
    struct waitgroup *g = st == STATUS_OK ? waitgroup_of(o) : NULL;
    const char *message = NULL;
    if (g && d < 0 && 0 - (uint64_t)d > g->count) {
        st = STATUS_MISUSE;
        message = "sync: negative WaitGroup counter";
    } else if (g && d > 0 && (uint64_t)d > INT64_MAX - g->count) {
        st = STATUS_INVALID;
        message = "the count of a wait group cannot pass 2^63-1";
    }
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, message);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    if (d > 0 && op->add.owned && !hold_new(e, c)) {
        call_refuse_memory(e, c, op);
    } else if (d > 0) {
        waitgroup_add(e, g, c, (uint64_t)d, op->add.owned);
    } else {
        waitgroup_sub(e, g, s, 0 - (uint64_t)d);
        call_complete(e, c, STATUS_OK);
    }
}

/*
 * rwmutex.c - sync.RWMutex between processes, phase-fair.
 *
 * Held by readers or by one writer. A waiting writer stops new readers; when a writer lets go, all readers waiting at that moment go
 * first, before any writer, even one that came earlier; when the last reader lets go, the oldest writer goes. So neither side starves.
 * Each read hold has a token of its own, so a reader that dies is subtracted. When a writer dies, all are told so until a writer has been: it
 * is the one that can mend things.
 *
 *     a writer holds  =>  it is the only hold          readers wait  =>  a writer holds or waits
 *     nobody holds    =>  nobody waits, but behind one that waits for other locks as well (ACQUIRE_ALL)
 *
 * One of an ACQUIRE_ALL that could have this lock but not yet the others keeps its place: readers behind such a writer wait, and so
 * does a writer behind such a reader. Who came first is told by a number on each arm.
 *
 * Cost: O(1), and O(readers admitted) when a writer lets go.
 */
#include "call.h"
#include "handlers.h"
#include "hold.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "wait.h"

struct rwmutex {
    struct object object;
    struct holds holds;
    struct list readers, writers; /* arm.link, waiting */
    uint32_t arrivals;            /* counts those that had to wait */
    bool writing;                 /* the one hold is a writer's */
    bool after_write;             /* a writer has let go and the waiting readers have not been let in yet */
    bool owner_died;              /* a writer died: told to all, until a writer has been told */
};

static struct rwmutex *rwmutex_of(const struct object *o)
{
    assert(o->kind == KIND_RWMUTEX);
    return container_of(o, struct rwmutex, object);
}

/* ---- Arms ---- */

static const struct arm *rwmutex_first(const struct list *queue)
{
    const struct list_node *n = list_first(queue);
    return n ? container_of(n, struct arm, link) : NULL;
}

/* Whether a, which waits or is new, came after the first of a queue. */
static bool rwmutex_behind(const struct arm *a, const struct arm *first)
{
    return first && (!a->parked || (int32_t)(a->count - first->count) > 0);
}

static bool write_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct rwmutex *m = rwmutex_of(a->object);
    return m->holds.count == 0 && !rwmutex_behind(a, rwmutex_first(&m->writers)) &&
           !rwmutex_behind(a, rwmutex_first(&m->readers));
}

static bool read_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct rwmutex *m = rwmutex_of(a->object);
    return !m->writing && (m->after_write || !rwmutex_behind(a, rwmutex_first(&m->writers)));
}

static void write_park(struct engine *e, struct arm *a)
{
    (void)e;
    a->count = ++rwmutex_of(a->object)->arrivals;
    list_push_back(&rwmutex_of(a->object)->writers, &a->link);
    object_touch(a->object);
}

static void read_park(struct engine *e, struct arm *a)
{
    (void)e;
    a->count = ++rwmutex_of(a->object)->arrivals;
    list_push_back(&rwmutex_of(a->object)->readers, &a->link);
    object_touch(a->object);
}

/* Who gives up may have been what held up those behind it. */
static void arm_leave(struct engine *e, struct arm *a)
{
    list_remove(&a->link);
    object_serve_soon(e, a->object);
}

static void write_commit(struct engine *e, struct arm *a)
{
    struct rwmutex *m = rwmutex_of(a->object);
    bool died = m->owner_died;
    m->writing = true;
    m->owner_died = false;
    hold_grant(e, a, &m->holds, 1, died);
}

static void read_commit(struct engine *e, struct arm *a)
{
    struct rwmutex *m = rwmutex_of(a->object);
    hold_grant(e, a, &m->holds, 1, m->owner_died);
}

static const struct arm_ops write_ops = {write_poll, write_park, arm_leave, write_commit};
static const struct arm_ops read_ops = {read_poll, read_park, arm_leave, read_commit};

/* ---- The object ---- */

static void rwmutex_serve(struct engine *e, struct object *o)
{
    struct rwmutex *m = rwmutex_of(o);
    for (struct list_node *n = list_first(&m->readers), *next; n; n = next) {
        struct arm *a = container_of(n, struct arm, link);
        for (next = list_next(&m->readers, n); next && container_of(next, struct arm, link)->call == a->call;)
            next = list_next(&m->readers, next);
        if (read_poll(e, a))
            wait_offer(e, a);
    }
    m->after_write = false;
    struct list_node *n = list_first(&m->writers);
    if (n && write_poll(e, container_of(n, struct arm, link)))
        wait_offer(e, container_of(n, struct arm, link));
}

/* A hold ends: its phase may be over. */
static void rwmutex_leave(struct engine *e, struct rwmutex *m, struct hold *h)
{
    if (!h->holding.shared) {
        m->writing = false;
        m->after_write = true;
    }
    object_serve_soon(e, &m->object);
    hold_end(e, h);
}

static void rwmutex_lost(struct engine *e, struct holding *h)
{
    struct rwmutex *m = rwmutex_of(h->object);
    m->owner_died |= !h->shared;
    rwmutex_leave(e, m, hold_of(h));
}

static void rwmutex_give(struct engine *e, struct hold *h)
{
    rwmutex_leave(e, rwmutex_of(h->holding.object), h);
}

static enum status rwmutex_make(struct engine *e, struct session *s, struct object *o,
                                const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    (void)op;
    (void)error;
    struct rwmutex *m = rwmutex_of(o);
    holds_init(&m->holds);
    list_init(&m->readers);
    list_init(&m->writers);
    return STATUS_OK;
}

static void rwmutex_remove(struct engine *e, struct object *o)
{
    struct rwmutex *m = rwmutex_of(o);
    wait_fail_all(e, &m->readers, STATUS_REMOVED);
    wait_fail_all(e, &m->writers, STATUS_REMOVED);
    hold_end_all(e, &m->holds);
    m->writing = m->after_write = false;
}

static const struct holds *rwmutex_held_by(const struct object *o)
{
    return &rwmutex_of(o)->holds;
}

static const struct list *rwmutex_queue(const struct object *o, int i)
{
    const struct rwmutex *m = rwmutex_of(o);
    return i == 0 ? &m->readers : i == 1 ? &m->writers : NULL;
}

static void rwmutex_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    hold_view(&rwmutex_of(o)->holds, &ret->hold);
    ret->hold.owner_died = rwmutex_of(o)->owner_died;
}

/* Who could be granted waits for other locks as well. */
static void rwmutex_audit_arm(const struct engine *e, const struct arm *a)
{
    assert(!wait_ready(e, a) || a->call->op == OP_ACQUIRE_ALL);
}

static void rwmutex_audit(const struct engine *e, const struct object *o)
{
    const struct rwmutex *m = rwmutex_of(o);
    uint64_t held = hold_audit(e, o, &m->holds);
    assert(!m->writing || held == 1);
    assert(!m->after_write);
    list_for_each(n, &m->readers)
        rwmutex_audit_arm(e, container_of(n, struct arm, link));
    if (!list_empty(&m->writers))
        rwmutex_audit_arm(e, rwmutex_first(&m->writers));
}

const struct kind rwmutex_kind = {
    .arms = {[ARM_LOCK] = &write_ops, [ARM_RLOCK] = &read_ops},
    .size = sizeof(struct rwmutex),
    .make = rwmutex_make,
    .match = object_match_any,
    .serve = rwmutex_serve,
    .lost = rwmutex_lost,
    .give = rwmutex_give,
    .remove = rwmutex_remove,
    .done = hold_done,
    .queue = rwmutex_queue,
    .holds = rwmutex_held_by,
    .view = rwmutex_view,
    .audit = rwmutex_audit,
};

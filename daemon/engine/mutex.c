/*
 * mutex.c - sync.Mutex between processes.
 *
 * Held by one or by none; waiters stand in strict order of arrival and the lock is handed over: nobody barges. Each grant has a
 * fencing token that only grows; to unlock takes the token, from any session, as in Go any goroutine may unlock. When the holder dies or its
 * ttl ends, the lock passes to the next, who is told that the last owner died.
 *
 *     held  <=>  one hold        not held  =>  no waiter, but behind one that waits for other locks as well (ACQUIRE_ALL)
 *
 * It is also an election: to lock is to campaign, to hold is to lead, to unlock is to resign. The holder may say something of itself; WAIT answers
 * as soon as the holder is another than the one the caller knows, with its token and what it says (etcd's observe).
 *
 * Unlocking what is not locked is Go's text, and changes nothing; so is a token that is not the holder's. Cost: O(1).
 */
#include "call.h"
#include "handlers.h"
#include "hold.h"
#include "item.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "wait.h"

struct mutex {
    struct object object;
    struct holds holds;    /* at most one */
    struct list waiters;   /* arm.link */
    struct list observers; /* arm.link */
    struct item *said;     /* by the holder: one reference; or NULL */
    bool owner_died;       /* to be told to the next holder */
};

static struct mutex *mutex_of(const struct object *o)
{
    assert(o->kind == KIND_MUTEX);
    return container_of(o, struct mutex, object);
}

static bool lock_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct mutex *m = mutex_of(a->object);
    struct list_node *first = list_first(&m->waiters);
    return m->holds.count == 0 && (!first || first == &a->link);
}

static void lock_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&mutex_of(a->object)->waiters, &a->link);
    object_touch(a->object);
}

/* Who leaves may have been the first, who waited for other locks as well and held up those behind it. */
static void lock_unpark(struct engine *e, struct arm *a)
{
    list_remove(&a->link);
    object_serve_soon(e, a->object);
}

static void lock_commit(struct engine *e, struct arm *a)
{
    struct mutex *m = mutex_of(a->object);
    bool died = m->owner_died;
    m->owner_died = false;
    m->said = a->said;
    a->said = NULL;
    if (!list_empty(&m->observers))
        object_serve_soon(e, a->object);
    hold_grant(e, a, &m->holds, 1, died);
}

static const struct arm_ops lock_ops = {lock_poll, lock_park, lock_unpark, lock_commit};

/* ---- Observing ---- */

/* The holder's token; 0: nobody holds it. */
static uint64_t mutex_leader(const struct mutex *m)
{
    const struct list_node *n = list_first(&m->holds.list);
    return n ? container_of(n, struct hold, by_object)->holding.number : 0;
}

static bool leader_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return mutex_leader(mutex_of(a->object)) != (uint64_t)a->operand;
}

static void leader_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&mutex_of(a->object)->observers, &a->link);
    object_touch(a->object);
}

static void leader_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

static void leader_commit(struct engine *e, struct arm *a)
{
    const struct mutex *m = mutex_of(a->object);
    struct call *c = a->call;
    c->result = RESULT_LEADER;
    c->leader.token = mutex_leader(m);
    c->leader.said = m->said;
    if (c->leader.said)
        c->leader.said->refs++;
    call_complete(e, c, STATUS_OK);
}

static const struct arm_ops leader_ops = {leader_poll, leader_park, leader_unpark, leader_commit};

/* ---- The object ---- */

static void mutex_tell(struct engine *e, struct mutex *m)
{
    for (struct list_node *n = list_first(&m->observers), *next; n; n = next) {
        next = list_next(&m->observers, n);
        struct arm *a = container_of(n, struct arm, link);
        if (!leader_poll(e, a))
            continue;
        while (next && container_of(next, struct arm, link)->call == a->call)
            next = list_next(&m->observers, next);
        wait_fire(e, a);
    }
}

static void mutex_serve(struct engine *e, struct object *o)
{
    struct mutex *m = mutex_of(o);
    struct list_node *n = list_first(&m->waiters);
    if (n && m->holds.count == 0)
        wait_offer(e, container_of(n, struct arm, link));
    mutex_tell(e, m);
}

static void mutex_hush(struct engine *e, struct mutex *m)
{
    if (m->said)
        item_unref(e, m->said);
    m->said = NULL;
}

static void mutex_give(struct engine *e, struct hold *h)
{
    object_serve_soon(e, h->holding.object);
    mutex_hush(e, mutex_of(h->holding.object));
    hold_end(e, h);
}

static void mutex_lost(struct engine *e, struct holding *h)
{
    mutex_of(h->object)->owner_died = true;
    mutex_give(e, hold_of(h));
}

static enum status mutex_make(struct engine *e, struct session *s, struct object *o, const struct make_op *op,
                              struct make_error *error)
{
    (void)e;
    (void)s;
    (void)op;
    (void)error;
    holds_init(&mutex_of(o)->holds);
    list_init(&mutex_of(o)->waiters);
    list_init(&mutex_of(o)->observers);
    return STATUS_OK;
}

static void mutex_remove(struct engine *e, struct object *o)
{
    struct mutex *m = mutex_of(o);
    wait_fail_all(e, &m->waiters, STATUS_REMOVED);
    wait_fail_all(e, &m->observers, STATUS_REMOVED);
    mutex_hush(e, m);
    hold_end_all(e, &m->holds);
}

static const struct holds *mutex_held_by(const struct object *o)
{
    return &mutex_of(o)->holds;
}

static const struct list *mutex_queue(const struct object *o, int i)
{
    const struct mutex *m = mutex_of(o);
    return i == 0 ? &m->waiters : i == 1 ? &m->observers : NULL;
}

static void mutex_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    hold_view(&mutex_of(o)->holds, &ret->hold);
    ret->hold.owner_died = mutex_of(o)->owner_died;
    if (mutex_of(o)->said)
        item_value(mutex_of(o)->said, 0, &ret->hold.said);
}

static void mutex_audit(const struct engine *e, const struct object *o)
{
    const struct mutex *m = mutex_of(o);
    uint64_t held = hold_audit(e, o, &m->holds);
    const struct list_node *n = list_first(&m->waiters);
    assert(held <= 1 && (held == 1 || !m->said));
    assert(held == 1 || !n || container_of(n, struct arm, link)->call->op == OP_ACQUIRE_ALL);
    list_for_each(at, &m->observers)
        assert(!leader_poll(e, container_of(at, struct arm, link)));
}

const struct kind mutex_kind = {
    .arms = {[ARM_LOCK] = &lock_ops, [ARM_WAIT] = &leader_ops},
    .size = sizeof(struct mutex),
    .make = mutex_make,
    .match = object_match_any,
    .serve = mutex_serve,
    .lost = mutex_lost,
    .give = mutex_give,
    .remove = mutex_remove,
    .done = hold_done,
    .queue = mutex_queue,
    .holds = mutex_held_by,
    .view = mutex_view,
    .audit = mutex_audit,
};

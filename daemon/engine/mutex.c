/*
 * mutex.c - sync.Mutex between processes.
 *
 * Held by one or by none; waiters stand in strict order of arrival and the lock is handed over: nobody barges. Each grant has a
 * fencing token that only grows; to unlock takes the token, from any session, as in Go any goroutine may unlock. When the holder dies or its
 * ttl ends, the lock passes to the next, who is told that the last owner died.
 *
 *     held  <=>  one hold        not held  =>  no waiter
 *
 * Unlocking what is not locked is Go's text, and changes nothing; so is a token that is not the holder's. Cost: O(1).
 */
#include "call.h"
#include "handlers.h"
#include "hold.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "wait.h"

struct mutex {
    struct object object;
    struct holds holds;  /* at most one */
    struct list waiters; /* arm.link */
    bool owner_died;     /* to be told to the next holder */
};

static struct mutex *mutex_of(const struct object *o)
{
    assert(o->kind == KIND_MUTEX);
    return container_of(o, struct mutex, object);
}

static bool lock_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return mutex_of(a->object)->holds.count == 0;
}

static void lock_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&mutex_of(a->object)->waiters, &a->link);
    object_touch(a->object);
}

static void lock_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

static void lock_commit(struct engine *e, struct arm *a)
{
    struct mutex *m = mutex_of(a->object);
    bool died = m->owner_died;
    m->owner_died = false;
    hold_grant(e, a, &m->holds, 1, died);
}

static const struct arm_ops lock_ops = {lock_poll, lock_park, lock_unpark, lock_commit};

static void mutex_serve(struct engine *e, struct object *o)
{
    struct mutex *m = mutex_of(o);
    struct list_node *n = list_first(&m->waiters);
    if (n && m->holds.count == 0)
        wait_fire(e, container_of(n, struct arm, link));
}

static void mutex_give(struct engine *e, struct hold *h)
{
    object_serve_soon(e, h->holding.object);
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
    return STATUS_OK;
}

static void mutex_remove(struct engine *e, struct object *o)
{
    struct mutex *m = mutex_of(o);
    wait_fail_all(e, &m->waiters, STATUS_REMOVED);
    hold_end_all(e, &m->holds);
}

static const struct list *mutex_queue(const struct object *o, int i)
{
    return i == 0 ? &mutex_of(o)->waiters : NULL;
}

static void mutex_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    hold_view(&mutex_of(o)->holds, &ret->hold);
    ret->hold.owner_died = mutex_of(o)->owner_died;
}

static void mutex_audit(const struct engine *e, const struct object *o)
{
    const struct mutex *m = mutex_of(o);
    uint64_t held = hold_audit(e, o, &m->holds);
    assert(held <= 1 && (held == 1 || list_empty(&m->waiters)));
}

const struct kind mutex_kind = {
    .arms = {[ARM_LOCK] = &lock_ops},
    .size = sizeof(struct mutex),
    .make = mutex_make,
    .match = object_match_any,
    .serve = mutex_serve,
    .lost = mutex_lost,
    .give = mutex_give,
    .remove = mutex_remove,
    .done = hold_done,
    .queue = mutex_queue,
    .view = mutex_view,
    .audit = mutex_audit,
};

/*
 * semaphore.c - x/sync's weighted semaphore between processes.
 *
 * `size` permits; an acquire takes k of them or waits in strict order of arrival. While the oldest does not fit nobody behind it is
 * served, so large requests are not starved. One that asks for more than there are at all is not queued: it waits until its context, its timeout or a
 * removal ends it, and holds nobody up. Permits are holds: a dead holder's come back; more than held cannot be released (Go's text).
 *
 *     free + sum of holds = size        a waiter at the head  =>  its permits > free
 *
 * An acquire of none waits its turn like the others, and holds nothing: its token is 0.
 *
 * Cost: O(1) an acquire or release, plus what a release lets through; a release without a token looks through what its session holds.
 */
#include "call.h"
#include "handlers.h"
#include "hold.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "wait.h"

struct semaphore {
    struct object object;
    struct holds holds;
    struct list waiters; /* arm.link, of those that can ever fit */
    struct list never;   /* arm.link, of those that cannot */
    uint64_t size, free;
};

static struct semaphore *semaphore_of(const struct object *o)
{
    assert(o->kind == KIND_SEMAPHORE);
    return container_of(o, struct semaphore, object);
}

static bool acquire_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct semaphore *m = semaphore_of(a->object);
    return list_empty(&m->waiters) && a->permits <= m->free;
}

static void acquire_park(struct engine *e, struct arm *a)
{
    (void)e;
    struct semaphore *m = semaphore_of(a->object);
    list_push_back(a->permits > m->size ? &m->never : &m->waiters, &a->link);
    object_touch(a->object);
}

/* Who leaves may have been the head that did not fit. */
static void acquire_unpark(struct engine *e, struct arm *a)
{
    list_remove(&a->link);
    object_serve_soon(e, a->object);
}

static void acquire_commit(struct engine *e, struct arm *a)
{
    struct semaphore *m = semaphore_of(a->object);
    if (a->permits > 0) {
        m->free -= a->permits;
        hold_grant(e, a, &m->holds, a->permits, false);
    } else { /* nothing to hold, nor to give back */
        a->call->result = RESULT_GRANT;
        call_complete(e, a->call, STATUS_OK);
    }
}

static const struct arm_ops acquire_ops = {acquire_poll, acquire_park, acquire_unpark, acquire_commit};

static void semaphore_serve(struct engine *e, struct object *o)
{
    struct semaphore *m = semaphore_of(o);
    for (struct list_node *n; (n = list_first(&m->waiters));) {
        struct arm *a = container_of(n, struct arm, link);
        if (a->permits > m->free)
            break;
        wait_fire(e, a);
    }
}

/* k of a hold's permits come back; with none left it is over. */
static void semaphore_take_back(struct engine *e, struct hold *h, uint64_t k)
{
    struct object *o = h->holding.object;
    semaphore_of(o)->free += k;
    h->permits -= k;
    object_serve_soon(e, o);
    if (h->permits == 0)
        hold_end(e, h);
}

static void semaphore_lost(struct engine *e, struct holding *h)
{
    struct hold *hold = hold_of(h);
    struct object *o = h->object;
    semaphore_of(o)->free += hold->permits;
    object_serve_soon(e, o);
    hold_end(e, hold);
}

static enum status semaphore_make(struct engine *e, struct session *s, struct object *o,
                                  const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    struct semaphore *m = semaphore_of(o);
    if (op->semaphore.size > SEMAPHORE_SIZE_MAX) {
        error->message = "semaphore size out of range";
        return STATUS_INVALID;
    }
    holds_init(&m->holds);
    list_init(&m->waiters);
    list_init(&m->never);
    m->size = m->free = op->semaphore.size;
    return STATUS_OK;
}

static enum status semaphore_match(struct engine *e, struct session *s, const struct object *o,
                                   const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    if (semaphore_of(o)->size == op->semaphore.size)
        return STATUS_OK;
    error->message = "the semaphore exists with another size";
    return STATUS_MISMATCH;
}

static void semaphore_remove(struct engine *e, struct object *o)
{
    struct semaphore *m = semaphore_of(o);
    wait_fail_all(e, &m->waiters, STATUS_REMOVED);
    wait_fail_all(e, &m->never, STATUS_REMOVED);
    hold_end_all(e, &m->holds);
    m->free = m->size;
}

static const struct list *semaphore_queue(const struct object *o, int i)
{
    const struct semaphore *m = semaphore_of(o);
    return i == 0 ? &m->waiters : i == 1 ? &m->never : NULL;
}

static void semaphore_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct semaphore *m = semaphore_of(o);
    hold_view(&m->holds, &ret->hold);
    ret->hold.size = m->size;
    ret->hold.free = m->free;
}

static void semaphore_audit(const struct engine *e, const struct object *o)
{
    const struct semaphore *m = semaphore_of(o);
    uint64_t held = hold_audit(e, o, &m->holds);
    const struct list_node *n = list_first(&m->waiters);
    assert(held + m->free == m->size);
    assert(!n || container_of(n, struct arm, link)->permits > m->free);
}

const struct kind semaphore_kind = {
    .arms = {[ARM_ACQUIRE] = &acquire_ops},
    .size = sizeof(struct semaphore),
    .make = semaphore_make,
    .match = semaphore_match,
    .serve = semaphore_serve,
    .lost = semaphore_lost,
    .remove = semaphore_remove,
    .done = hold_done,
    .queue = semaphore_queue,
    .view = semaphore_view,
    .audit = semaphore_audit,
};

/* ---- RELEASE ---- */

/* The newest hold of m's in what a session holds, from n back. */
static struct hold *semaphore_newest(const struct semaphore *m, const struct session *s, struct list_node *n)
{
    for (; n; n = list_prev(&s->holdings, n)) {
        struct holding *h = container_of(n, struct holding, by_session);
        if (h->object == &m->object)
            return hold_of(h);
    }
    return NULL;
}

static struct hold *semaphore_older(const struct semaphore *m, const struct session *s, const struct hold *h)
{
    return semaphore_newest(m, s, list_prev(&s->holdings, &h->holding.by_session));
}

/* Whether the session holds k permits of m's. */
static bool semaphore_holds(const struct semaphore *m, const struct session *s, uint64_t k)
{
    uint64_t held = 0;
    for (const struct hold *h = semaphore_newest(m, s, list_last(&s->holdings)); h && held < k;
         h = semaphore_older(m, s, h))
        held += h->permits;
    return held >= k;
}

/* Take k permits from the session's holds, the newest first. */
static void semaphore_release(struct engine *e, struct semaphore *m, const struct session *s, uint64_t k)
{
    for (struct hold *h = semaphore_newest(m, s, list_last(&s->holdings)), *older; k > 0; h = older) {
        older = semaphore_older(m, s, h);
        uint64_t part = h->permits < k ? h->permits : k;
        semaphore_take_back(e, h, part);
        k -= part;
    }
}

void op_release(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->release.ref, KIND_SEMAPHORE, RIGHT_SEND, &o);
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, NULL);
        return;
    }
    struct semaphore *m = semaphore_of(o);
    uint64_t token = op->release.token, permits = op->release.permits;
    struct hold *h = token ? hold_find(e, o, token) : NULL;
    if (token && !h) {
        call_refuse(e, NULL, op, STATUS_STALE_TOKEN, NULL);
        return;
    }
    if (h ? permits > h->permits : !semaphore_holds(m, s, permits)) {
        call_refuse(e, NULL, op, STATUS_MISUSE, "semaphore: released more than held");
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    if (h)
        semaphore_take_back(e, h, permits ? permits : h->permits);
    else
        semaphore_release(e, m, s, permits);
    call_complete(e, c, STATUS_OK);
}

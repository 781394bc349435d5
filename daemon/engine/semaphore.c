/*
 * semaphore.c - x/sync's weighted semaphore between processes.
 *
 * `size` permits; an acquire takes k of them or waits in strict order of arrival. While the oldest does not fit nobody behind it is
 * served, so large requests are not starved. One that asks for more than there are at all is not queued: it waits until its context, its timeout or a
 * removal ends it, and holds nobody up. Permits are holds: a dead holder's come back; more than held cannot be released (Go's text).
 *
 *     free + sum of holds = size, or free = 0 and size is less (it was made smaller; see TUNE)
 *     a waiter at the head  =>  its permits > free, or it waits for other locks as well (ACQUIRE_ALL)
 *
 * An acquire of none waits its turn like the others, and holds nothing: its token is 0.
 *
 * Cost: O(1) an acquire or release, plus what a release lets through; a release without a token looks through what its session holds.
 */
#include "semaphore.h"

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
    uint64_t size, held;
};

static struct semaphore *semaphore_of(const struct object *o)
{
    assert(o->kind == KIND_SEMAPHORE);
    return container_of(o, struct semaphore, object);
}

uint64_t semaphore_free(const struct object *o)
{
    const struct semaphore *m = semaphore_of(o);
    return m->size > m->held ? m->size - m->held : 0;
}

uint64_t semaphore_size(const struct object *o)
{
    return semaphore_of(o)->size;
}

static bool acquire_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    struct list_node *first = list_first(&semaphore_of(a->object)->waiters);
    return (!first || first == &a->link) && a->permits <= semaphore_free(a->object);
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
        m->held += a->permits;
        hold_grant(e, a, &m->holds, a->permits, false);
    } else { /* nothing to hold, nor to give back */
        a->call->result = RESULT_GRANT;
        a->call->count = 0;
        call_complete(e, a->call, STATUS_OK);
    }
}

static const struct arm_ops acquire_ops = {acquire_poll, acquire_park, acquire_unpark, acquire_commit};

static void semaphore_serve(struct engine *e, struct object *o)
{
    struct semaphore *m = semaphore_of(o);
    for (struct list_node *n; (n = list_first(&m->waiters));) {
        struct arm *a = container_of(n, struct arm, link);
        if (a->permits > semaphore_free(o) || !wait_offer(e, a))
            break;
    }
}

/* Who asks for other locks as well must not wait for what can never be, holding up others there. */
static void semaphore_drop_impossible(struct engine *e, struct semaphore *m)
{
    for (struct list_node *n = list_first(&m->waiters), *next; n; n = next) {
        next = list_next(&m->waiters, n);
        struct arm *a = container_of(n, struct arm, link);
        if (a->permits > m->size && a->call->op == OP_ACQUIRE_ALL)
            call_complete(e, wait_claim(e, a), STATUS_INVALID);
    }
}

/* Who can never fit, and who can, as the size is now. Those that change queues stand behind the others there. */
static void semaphore_sort(struct semaphore *m, struct list *from, struct list *to, bool fits)
{
    for (struct list_node *n = list_first(from), *next; n; n = next) {
        next = list_next(from, n);
        if ((container_of(n, struct arm, link)->permits <= m->size) == fits) {
            list_remove(n);
            list_push_back(to, n);
        }
    }
}

void semaphore_resize(struct engine *e, struct object *o, uint64_t size)
{
    struct semaphore *m = semaphore_of(o);
    m->size = size;
    semaphore_drop_impossible(e, m);
    semaphore_sort(m, &m->never, &m->waiters, true);
    semaphore_sort(m, &m->waiters, &m->never, false);
    object_serve_soon(e, o);
}

static enum status semaphore_tune(struct engine *e, struct object *o, const struct op *op,
                                  const char **ret_message)
{
    if (!op->tune.has_burst || op->tune.has_rate || op->tune.has_limit)
        *ret_message = "of a semaphore the burst is changed, its size";
    else if (op->tune.burst > SEMAPHORE_SIZE_MAX)
        *ret_message = "semaphore size out of range";
    if (*ret_message)
        return STATUS_INVALID;
    semaphore_resize(e, o, op->tune.burst);
    return STATUS_OK;
}

/* k of a hold's permits come back; with none left it is over. */
static void semaphore_take_back(struct engine *e, struct hold *h, uint64_t k)
{
    struct object *o = h->holding.object;
    semaphore_of(o)->held -= k;
    h->permits -= k;
    object_serve_soon(e, o);
    if (h->permits == 0)
        hold_end(e, h);
}

static void semaphore_lost(struct engine *e, struct holding *h)
{
    struct hold *hold = hold_of(h);
    struct object *o = h->object;
    semaphore_of(o)->held -= hold->permits;
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
    m->size = op->semaphore.size;
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
    m->held = 0;
}

static const struct holds *semaphore_held_by(const struct object *o)
{
    return &semaphore_of(o)->holds;
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
    ret->hold.free = semaphore_free(o);
}

static void semaphore_audit(const struct engine *e, const struct object *o)
{
    const struct semaphore *m = semaphore_of(o);
    uint64_t held = hold_audit(e, o, &m->holds);
    const struct list_node *n = list_first(&m->waiters);
    const struct arm *a = n ? container_of(n, struct arm, link) : NULL;
    assert(held == m->held);
    assert(!a || a->permits > semaphore_free(o) || a->call->op == OP_ACQUIRE_ALL);
}

const struct kind semaphore_kind = {
    .arms = {[ARM_ACQUIRE] = &acquire_ops},
    .size = sizeof(struct semaphore),
    .make = semaphore_make,
    .match = semaphore_match,
    .serve = semaphore_serve,
    .lost = semaphore_lost,
    .tune = semaphore_tune,
    .remove = semaphore_remove,
    .done = hold_done,
    .queue = semaphore_queue,
    .holds = semaphore_held_by,
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

/* What a RELEASE means: the semaphore, and with a token its hold, which may be under a key of a concurrency limit. */
static enum status release_hold(const struct engine *e, const struct session *s, const struct op *op,
                                struct object **ret, struct hold **ret_hold, const char **ret_message)
{
    enum status st = object_expect(e, s, &op->release.ref, KIND_NONE, RIGHT_SEND, ret);
    if (st != STATUS_OK)
        return st;
    bool limiter = (*ret)->kind == KIND_LIMITER;
    if (!limiter && (*ret)->kind != KIND_SEMAPHORE)
        return STATUS_WRONG_KIND;
    if (op->release.token == 0) {
        *ret_message = limiter ? "what a limiter gave is given back by its token" : NULL;
        return limiter ? STATUS_INVALID : STATUS_OK;
    }
    *ret_hold = hold_find(e, *ret, op->release.token);
    return *ret_hold && (*ret_hold)->holding.object->kind == KIND_SEMAPHORE ? STATUS_OK : STATUS_STALE_TOKEN;
}

void op_release(struct engine *e, struct session *s, const struct op *op)
{
    uint64_t token = op->release.token, permits = op->release.permits;
    struct object *o;
    struct hold *h = NULL;
    const char *message = NULL;
    enum status st = release_hold(e, s, op, &o, &h, &message);
    if (st == STATUS_OK && (token ? permits > h->permits : !semaphore_holds(semaphore_of(o), s, permits))) {
        st = STATUS_MISUSE;
        message = "semaphore: released more than held";
    }
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, message);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    if (h)
        semaphore_take_back(e, h, permits ? permits : h->permits);
    else
        semaphore_release(e, semaphore_of(o), s, permits);
    call_complete(e, c, STATUS_OK);
}

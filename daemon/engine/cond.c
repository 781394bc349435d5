/*
 * cond.c - condition variables (cond.h).
 *
 * An arm that waits for a signal keeps a reference to its lock; woken, it turns into an arm that waits for that lock (wait_turn), with the
 * call's own deadline and context still in place. A call woken by SIGNAL refers to the cond until it has the lock, so that the signal can be
 * passed on; one woken with all others does not.
 */
#include "cond.h"

#include "case.h"
#include "handlers.h"
#include "hold.h"
#include "lock.h"
#include "object.h"
#include "state.h"
#include "task.h"
#include "wait.h"

struct cond {
    struct object object;
    struct list waiters; /* arm.link */
    uint64_t owed;       /* signals passed on in this step */
};

static struct cond *cond_of(const struct object *o)
{
    assert(o->kind == KIND_COND);
    return container_of(o, struct cond, object);
}

/* A signal is not kept, so there is never one already. */
static bool signal_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    (void)a;
    return false;
}

static void signal_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&cond_of(a->object)->waiters, &a->link);
    object_touch(a->object);
}

static void signal_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

/* The oldest goes on to its lock. all: nobody is left to pass the signal on to. */
static void cond_wake(struct engine *e, struct cond *v, bool all)
{
    struct arm *a = container_of(list_first(&v->waiters), struct arm, link);
    struct call *c = a->call;
    struct object *lock = a->lock;
    a->lock = NULL;
    if (!all) {
        c->signalled = true;
        c->source = &v->object;
        object_ref(c->source);
    }
    wait_turn(e, a, a->count, lock);
}

static void signal_commit(struct engine *e, struct arm *a)
{
    call_complete(e, a->call, STATUS_INTERNAL); /* poll never says yes */
}

static const struct arm_ops signal_ops = {signal_poll, signal_park, signal_unpark, signal_commit};

/* Hand signals on that came back. */
static void cond_serve(struct engine *e, struct object *o)
{
    struct cond *v = cond_of(o);
    for (; v->owed > 0 && !list_empty(&v->waiters); v->owed--)
        cond_wake(e, v, false);
    v->owed = 0;
}

void cond_kept(struct engine *e, struct call *c)
{
    if (!c->signalled)
        return;
    c->signalled = false;
    object_unref(e, c->source);
    c->source = NULL;
}

void cond_pass(struct engine *e, struct call *c)
{
    cond_of(c->source)->owed++;
    object_serve_soon(e, c->source);
    cond_kept(e, c);
}

static enum status cond_make(struct engine *e, struct session *s, struct object *o, const struct make_op *op,
                             struct make_error *error)
{
    (void)e;
    (void)s;
    (void)op;
    (void)error;
    list_init(&cond_of(o)->waiters);
    return STATUS_OK;
}

static void cond_remove(struct engine *e, struct object *o)
{
    wait_fail_all(e, &cond_of(o)->waiters, STATUS_REMOVED);
}

static const struct list *cond_queue(const struct object *o, int i)
{
    return i == 0 ? &cond_of(o)->waiters : NULL;
}

static void cond_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    (void)o;
    (void)ret;
}

static void cond_audit(const struct engine *e, const struct object *o)
{
    (void)e;
    assert(cond_of(o)->owed == 0);
    list_for_each(n, &cond_of(o)->waiters)
        assert(container_of(n, struct arm, link)->lock);
}

const struct kind cond_kind = {
    .arms = {[ARM_COND] = &signal_ops},
    .size = sizeof(struct cond),
    .make = cond_make,
    .match = object_match_any,
    .serve = cond_serve,
    .remove = cond_remove,
    .done = hold_done,
    .queue = cond_queue,
    .view = cond_view,
    .audit = cond_audit,
};

/* ---- COND_WAIT and SIGNAL ---- */

/* A request whose context or task cannot be is refused before the lock is given up. */
static bool cond_context_stands(const struct engine *e, const struct call *c, const struct op *op,
                                enum status *ret)
{
    struct object *o;
    struct task *t;
    *ret = op->has_context ? object_expect(e, c->session, &op->context, KIND_CONTEXT, RIGHT_RECV, &o)
                           : STATUS_OK;
    if (*ret == STATUS_OK && op->task)
        *ret = task_asking(e, c->session, op->task, &t);
    return *ret == STATUS_OK;
}

bool cond_leave(struct engine *e, struct call *c, const struct op *op, const struct arm *a, uint64_t token)
{
    enum status st;
    if (!cond_context_stands(e, c, op, &st)) {
        call_refuse(e, c, op, st, NULL);
        return false;
    }
    if (a->lock)
        object_kind(a->lock)->give(e, hold_find(e, a->lock, token));
    return true;
}

void op_cond_wait(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (!c)
        return;
    const struct arm_spec spec = {.verb = ARM_COND,
                                  .ref = op->cond_wait.ref,
                                  .lock = op->cond_wait.lock,
                                  .token = op->cond_wait.token,
                                  .lease_ns = op->cond_wait.ttl_ns};
    struct case_error err = case_cond(e, c, 0, &spec);
    if (err.status != STATUS_OK)
        case_refuse(e, c, op, &err);
    else if (cond_leave(e, c, op, &c->arms[0], spec.token))
        wait_start(e, c, op, UINT32_MAX);
}

void op_signal(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->signal.ref, KIND_COND, RIGHT_SEND, &o);
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    struct cond *v = cond_of(o);
    c->result = RESULT_COUNT;
    for (; !list_empty(&v->waiters) && (op->signal.all || c->count == 0); c->count++)
        cond_wake(e, v, op->signal.all);
    call_complete(e, c, STATUS_OK);
}

/*
 * task_kind.c - what others do with a task: join it, hear for it, kill it, look at it (task.h).
 *
 * To hear is to hear for one attempt, whose token the arm carries: when that is over it is told so (STALE_TOKEN), even if the next attempt began in
 * the same step. What there is to hear is told once, to the oldest who hears.
 */
#include "call.h"
#include "context.h"
#include "handlers.h"
#include "item.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "task.h"
#include "text.h"
#include "wait.h"

/* ---- Joining ---- */

static bool join_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return task_of(a->object)->state == TASK_DEAD;
}

static void join_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&task_of(a->object)->joiners, &a->link);
    object_touch(a->object);
}

static void task_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

static void join_commit(struct engine *e, struct arm *a)
{
    struct task *t = task_of(a->object);
    struct call *c = a->call;
    c->result = RESULT_OUTCOME;
    c->truth = t->failed;
    c->value = t->outcome;
    if (c->value)
        c->value->refs++;
    c->source = &t->object;
    object_ref(c->source);
    c->cause = text_ref(t->cause);
    call_complete(e, c, STATUS_OK);
}

static const struct arm_ops join_ops = {join_poll, join_park, task_unpark, join_commit};

/* ---- Hearing ---- */

static bool watch_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct task *t = task_of(a->object);
    return a->token != task_token(t) || t->signals != 0 || (t->stop != STATUS_OK && !t->told);
}

static void watch_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&task_of(a->object)->ears, &a->link);
    object_touch(a->object);
}

static void watch_commit(struct engine *e, struct arm *a)
{
    struct task *t = task_of(a->object);
    struct call *c = a->call;
    if (a->token != task_token(t)) { /* its attempt is over */
        call_complete(e, c, STATUS_STALE_TOKEN);
        return;
    }
    c->result = RESULT_NUMBER;
    if (t->signals != 0) {
        c->number = __builtin_ctzll(t->signals) + 1;
        t->signals &= t->signals - 1;
    } else {
        t->told = true;
        c->number = 0;
        c->cause = text_ref(t->cause);
    }
    call_complete(e, c, STATUS_OK);
}

static const struct arm_ops watch_ops = {watch_poll, watch_park, task_unpark, watch_commit};

static void task_serve(struct engine *e, struct object *o)
{
    struct task *t = task_of(o);
    struct list_node *n;
    if (t->state == TASK_BLOCKED)
        task_unblock(e, t);
    while ((n = list_first(&t->ears)) && watch_poll(e, container_of(n, struct arm, link)))
        wait_fire(e, container_of(n, struct arm, link));
    while (t->state == TASK_DEAD && (n = list_first(&t->joiners)))
        wait_fire(e, container_of(n, struct arm, link));
}

/* ---- The object ---- */

static enum status task_make(struct engine *e, struct session *s, struct object *o, const struct make_op *op,
                             struct make_error *error)
{
    (void)e, (void)s, (void)o, (void)op;
    error->message = "a task is submitted to a pool";
    return STATUS_INVALID;
}

static void task_remove(struct engine *e, struct object *o)
{
    struct task *t = task_of(o);
    wait_fail_all(e, &t->joiners, STATUS_REMOVED);
    wait_fail_all(e, &t->ears, STATUS_REMOVED);
    if (t->pool)
        task_orphan(e, t);
}

static void task_done(struct engine *e, struct object *o)
{
    task_drop(e, task_of(o));
}

static const struct holds *task_held_by(const struct object *o)
{
    return &task_of(o)->holds;
}

static const struct list *task_queue_of(const struct object *o, int i)
{
    const struct task *t = task_of(o);
    return i == 0 ? &t->joiners : i == 1 ? &t->ears : NULL;
}

static void task_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct task *t = task_of(o);
    const struct hold *h =
        t->worker ? container_of(list_first(&t->holds.list), struct hold, by_object) : NULL;
    const struct call *wait = NULL;
    list_for_each(n, &t->waits) {
        const struct call *c = container_of(n, struct arm, link)->call;
        if (call_asking(c)) {
            wait = c;
            break;
        }
    }
    ret->task = (struct task_view){
        .state = t->state,
        .number = t->number,
        .pool = t->pool ? &t->pool->object : NULL,
        .function = t->lane ? (struct bytes){t->lane->function, t->lane->size} : (struct bytes){0},
        .key = text_bytes(t->key),
        .priority = t->priority,
        .attempts = t->attempts,
        .retries = t->retries,
        .worker = h ? h->holding.session->number : 0,
        .token = h ? h->holding.number : 0,
        .since_ns = t->since_ns,
        .ending = t->ending,
        .failed = t->failed,
        .has_exit = t->has_exit,
        .stopping = t->stop != STATUS_OK,
        .exit = t->exit,
        .wait = wait,
    };
    for (uint32_t i = 0; t->state == TASK_BLOCKED && i < t->after_count && ret->task.after == 0; i++)
        if (t->after[i].before && t->after[i].before->state != TASK_DEAD)
            ret->task.after = t->after[i].before->number;
    if (t->value)
        item_value(t->value, 0, &ret->task.value);
}

static void task_audit(const struct engine *e, const struct object *o)
{
    const struct task *t = task_of(o);
    uint64_t held = hold_audit(e, o, &t->holds);
    bool begun = t->state >= TASK_RUNNING && t->state <= TASK_RUNNABLE;
    assert((held == 1) == begun && (t->worker != NULL) == begun);
    assert((t->queued.slot > 0) == (t->state == TASK_QUEUED));
    assert((t->lane != NULL) == (t->pool != NULL) && (t->share != NULL) == (t->state != TASK_DEAD));
    assert(t->state == TASK_DEAD || t->pool);
    assert(runq_linked(&t->runnable) == (t->state == TASK_RUNNABLE));
    assert(list_empty(&t->replies) == (t->state != TASK_RUNNABLE));
    assert(t->state != TASK_BLOCKED || t->before > 0);
    assert(t->state == TASK_DEAD ? list_empty(&t->joiners) && list_empty(&t->dependents) : !t->failed);
    assert(begun || list_empty(&t->ears));
    list_for_each(n, &t->ears)
        assert(!watch_poll(e, container_of(n, struct arm, link)));
}

const struct kind task_kind = {
    .arms = {[ARM_WAIT] = &join_ops, [ARM_WATCH] = &watch_ops},
    .size = sizeof(struct task),
    .make = task_make,
    .match = object_match_any,
    .serve = task_serve,
    .lost = task_lost,
    .end = task_end,
    .remove = task_remove,
    .done = task_done,
    .queue = task_queue_of,
    .holds = task_held_by,
    .view = task_view,
    .audit = task_audit,
};

/* ---- KILL ---- */

void op_kill(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->kill.ref, KIND_TASK, RIGHT_CLOSE, &o);
    if (st == STATUS_OK && op->kill.signal > SIGNAL_MAX)
        st = STATUS_INVALID;
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, st == STATUS_INVALID ? "signals are 1 to 64" : NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    struct text *cause = NULL;
    if (op->kill.cause.data && !(cause = text_new(&e->mem, op->kill.cause))) {
        call_refuse_memory(e, c, op);
        return;
    }
    struct task *t = task_of(o);
    c->result = RESULT_TRUTH;
    c->truth = t->state != TASK_DEAD;
    if (op->kill.signal > 0 && t->worker) {
        t->signals |= UINT64_C(1) << (op->kill.signal - 1);
        object_serve_soon(e, o);
    } else {
        task_stop(e, t, STATUS_CANCELED, cause);
    }
    text_unref(&e->mem, cause);
    call_complete(e, c, STATUS_OK);
}

enum status task_asking(const struct engine *e, const struct session *s, uint64_t token, struct task **ret)
{
    struct holding *h = holding_find(e, token);
    if (!h || h->object->kind != KIND_TASK)
        return STATUS_STALE_TOKEN;
    if (s->uid != h->session->uid && s->uid != 0)
        return STATUS_NOT_PERMITTED;
    *ret = task_of(h->object);
    return STATUS_OK;
}

/*
 * group.c - golang.org/x/sync/errgroup between processes: a wait group, the first error, a context, a limit.
 *
 * BEGIN is Go: the right to run a task, in order of asking, as soon as fewer than `limit` run (no_wait: TryGo). END ends the task; the first that
 * failed leaves its error, for ever, and cancels the context with it as the cause. WAIT is over when no task runs: it cancels the context too
 * and answers the first error. A group goes on after a wait, and after an error.
 *
 * Tasks are holds: one whose session dies, or whose ttl passes, has failed with "owner died", and its place is free.
 *
 *     limit >= 0  =>  tasks <= limit        somebody waits to begin  =>  tasks = limit
 *
 * The limit is changed only while no task runs (Go's text), from none to some too. Cost: O(1).
 */
#include <inttypes.h>
#include <stdio.h>

#include "call.h"
#include "context.h"
#include "handlers.h"
#include "hold.h"
#include "item.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "text.h"
#include "wait.h"

struct group {
    struct object object;
    struct holds holds;      /* the tasks */
    struct list beginning;   /* arm.link, ARM_BEGIN */
    struct list waiters;     /* arm.link, ARM_WAIT */
    struct context *context; /* one reference to its object; or NULL */
    struct item *error;      /* the first: one reference; or NULL */
    struct item *died;       /* the error of a task whose session dies, ready to be used: one reference */
    int64_t limit;           /* < 0: none */
    bool failed;
};

static struct group *group_of(const struct object *o)
{
    assert(o->kind == KIND_GROUP);
    return container_of(o, struct group, object);
}

static bool group_has_room(const struct group *g)
{
    return g->limit < 0 || g->holds.count < (uint64_t)g->limit;
}

/* ---- BEGIN ---- */

static bool begin_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct group *g = group_of(a->object);
    return list_empty(&g->beginning) && group_has_room(g);
}

static void begin_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&group_of(a->object)->beginning, &a->link);
    object_touch(a->object);
}

static void group_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

static void begin_commit(struct engine *e, struct arm *a)
{
    hold_grant(e, a, &group_of(a->object)->holds, 1, false);
}

static const struct arm_ops begin_ops = {begin_poll, begin_park, group_unpark, begin_commit};

/* ---- WAIT ---- */

static bool finished_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return group_of(a->object)->holds.count == 0;
}

static void finished_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&group_of(a->object)->waiters, &a->link);
    object_touch(a->object);
}

static void finished_commit(struct engine *e, struct arm *a)
{
    struct group *g = group_of(a->object);
    struct call *c = a->call;
    if (g->context)
        context_cancel(e, g->context, STATUS_CANCELED, NULL);
    c->result = RESULT_OUTCOME;
    c->truth = g->failed;
    c->value = g->error;
    if (c->value)
        c->value->refs++;
    call_complete(e, c, STATUS_OK);
}

static const struct arm_ops finished_ops = {finished_poll, finished_park, group_unpark, finished_commit};

/* Who begins goes before who waits: a wait is for no task at all. */
static void group_serve(struct engine *e, struct object *o)
{
    struct group *g = group_of(o);
    struct list_node *n;
    while (group_has_room(g) && (n = list_first(&g->beginning)))
        wait_fire(e, container_of(n, struct arm, link));
    while (g->holds.count == 0 && (n = list_first(&g->waiters)))
        wait_fire(e, container_of(n, struct arm, link));
}

/* ---- The end of a task ---- */

/* A task has failed. error's reference is taken; cause may be NULL. */
static void group_fail(struct engine *e, struct group *g, struct item *error, struct text *cause)
{
    if (g->failed) {
        if (error)
            item_unref(e, error);
        return;
    }
    g->failed = true;
    g->error = error;
    if (g->context)
        context_cancel(e, g->context, STATUS_CANCELED, cause);
}

static enum status group_end(struct engine *e, struct hold *h, struct call *c, const struct op *op,
                             struct item *value, const char **ret_message)
{
    struct group *g = group_of(h->holding.object);
    struct text *cause = NULL;
    if (value && (!op->end.failed || value->type != VALUE_STRING || value->size > ERROR_TEXT_MAX)) {
        *ret_message =
            "a task of a group ends with nothing, or with an error that is text of at most 4096 bytes";
        return STATUS_INVALID;
    }
    if (value && !(cause = text_new(&e->mem, (struct bytes){value->data, value->size})))
        return STATUS_NO_MEMORY;
    object_serve_soon(e, &g->object);
    hold_end(e, h);
    if (op->end.failed)
        group_fail(e, g, value, cause);
    text_unref(&e->mem, cause);
    call_complete(e, c, STATUS_OK);
    return STATUS_OK;
}

static void group_lost(struct engine *e, struct holding *h)
{
    struct group *g = group_of(h->object);
    object_serve_soon(e, h->object);
    g->died->refs++;
    group_fail(e, g, g->died, e->owner_died);
    hold_end(e, hold_of(h));
}

/* ---- The object ---- */

/* The context a group is made with. OK with *ret NULL: none. */
static enum status group_context(struct engine *e, struct session *s, const struct ref *ref,
                                 struct object **ret, const char **ret_message)
{
    *ret = NULL;
    if (!ref->handle && !ref->name_size)
        return STATUS_OK;
    struct object *o;
    enum status st = object_expect(e, s, ref, KIND_CONTEXT, RIGHT_SEND, &o);
    if (st != STATUS_OK)
        return st;
    if (context_of(o)->never) {
        *ret_message = "the context of a group must be one that can be cancelled";
        return STATUS_INVALID;
    }
    *ret = o;
    return STATUS_OK;
}

static enum status group_make(struct engine *e, struct session *s, struct object *o, const struct make_op *op,
                              struct make_error *error)
{
    static const char died[] = "owner died";
    struct group *g = group_of(o);
    struct object *context;
    enum status st = group_context(e, s, &op->group.context, &context, &error->message);
    if (st != STATUS_OK)
        return st;
    st = item_new(e, s, &(struct value){.type = VALUE_STRING, .bytes = {died, sizeof died - 1}}, &g->died);
    if (st != STATUS_OK)
        return st;
    holds_init(&g->holds);
    list_init(&g->beginning);
    list_init(&g->waiters);
    g->limit = op->group.limit;
    if (context) {
        g->context = context_of(context);
        object_ref(context);
    }
    return STATUS_OK;
}

static enum status group_match(struct engine *e, struct session *s, const struct object *o,
                               const struct make_op *op, struct make_error *error)
{
    const struct group *g = group_of(o);
    struct object *context;
    enum status st = group_context(e, s, &op->group.context, &context, &error->message);
    if (st != STATUS_OK)
        return st;
    if (g->limit != op->group.limit && (g->limit >= 0 || op->group.limit >= 0))
        error->message = "the group exists with another limit";
    else if (context != (g->context ? &g->context->object : NULL))
        error->message = "the group exists with another context";
    return error->message ? STATUS_MISMATCH : STATUS_OK;
}

static enum status group_tune(struct engine *e, struct object *o, const struct op *op,
                              const char **ret_message)
{
    struct group *g = group_of(o);
    if (!op->tune.has_limit || op->tune.has_rate || op->tune.has_burst) {
        *ret_message = "of a group the limit is changed";
        return STATUS_INVALID;
    }
    if (g->holds.count > 0) {
        snprintf(e->said, sizeof e->said,
                 "errgroup: modify limit while %" PRIu64 " goroutines in the group are still active",
                 g->holds.count);
        *ret_message = e->said;
        return STATUS_MISUSE;
    }
    g->limit = op->tune.limit;
    object_serve_soon(e, o);
    return STATUS_OK;
}

static void group_remove(struct engine *e, struct object *o)
{
    struct group *g = group_of(o);
    wait_fail_all(e, &g->beginning, STATUS_REMOVED);
    wait_fail_all(e, &g->waiters, STATUS_REMOVED);
    hold_end_all(e, &g->holds);
}

static void group_done(struct engine *e, struct object *o)
{
    struct group *g = group_of(o);
    item_unref(e, g->died);
    if (g->error)
        item_unref(e, g->error);
    if (g->context)
        object_unref(e, &g->context->object);
}

static const struct holds *group_held_by(const struct object *o)
{
    return &group_of(o)->holds;
}

static const struct list *group_queue(const struct object *o, int i)
{
    const struct group *g = group_of(o);
    return i == 0 ? &g->waiters : i == 1 ? &g->beginning : NULL;
}

static void group_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct group *g = group_of(o);
    hold_view(&g->holds, &ret->hold);
    ret->hold.has_limit = g->limit >= 0;
    ret->hold.size = g->limit >= 0 ? (uint64_t)g->limit : 0;
    ret->hold.context = g->context ? &g->context->object : NULL;
    if (g->error)
        item_value(g->error, 0, &ret->hold.said);
}

static void group_audit(const struct engine *e, const struct object *o)
{
    const struct group *g = group_of(o);
    uint64_t tasks = hold_audit(e, o, &g->holds);
    assert(g->limit < 0 || tasks <= (uint64_t)g->limit);
    assert(list_empty(&g->beginning) || !group_has_room(g));
    assert(tasks > 0 || list_empty(&g->waiters));
    assert(g->failed || !g->error);
}

const struct kind group_kind = {
    .arms = {[ARM_BEGIN] = &begin_ops, [ARM_WAIT] = &finished_ops},
    .size = sizeof(struct group),
    .make = group_make,
    .match = group_match,
    .serve = group_serve,
    .lost = group_lost,
    .end = group_end,
    .tune = group_tune,
    .remove = group_remove,
    .done = group_done,
    .queue = group_queue,
    .holds = group_held_by,
    .view = group_view,
    .audit = group_audit,
};

/*
 * context.c - deriving, ending, looking up.
 *
 * Which rule is whose: propagation, first-wins and causes are cancelCtx.cancel; a deadline that is not before the parent's makes a
 * plain copy and drops its own cause, as WithDeadlineCause does; `owner died` is Sluice's.
 */
#include "context.h"

#include "handlers.h"

#include <string.h>

#include "call.h"
#include "item.h"
#include "session.h"
#include "state.h"
#include "text.h"
#include "wait.h"

struct context *context_of(const struct object *o)
{
    assert(o->kind == KIND_CONTEXT);
    return container_of(o, struct context, object);
}

/* ---- The end ---- */

static void context_leave_parent(struct context *ctx)
{
    if (!list_linked(&ctx->sibling))
        return;
    list_remove(&ctx->sibling);
    ctx->parent->children_count--;
    object_touch(&ctx->parent->object);
}

/* Complete a claimed arm's call with what became of the context. */
static void context_tell(struct engine *e, struct context *ctx, struct call *c, const struct arm *a)
{
    c->cause = text_ref(ctx->cause);
    call_complete(e, c, a->role == ROLE_CONTEXT ? (enum status)ctx->error : STATUS_CLOSED);
}

static void context_finish(struct engine *e, struct context *ctx, enum status error, struct text *cause)
{
    ctx->error = (uint8_t)error;
    ctx->cause = text_ref(cause);
    object_touch(&ctx->object);
    context_leave_parent(ctx);
    heap_remove(&e->deadlines, &ctx->due);
    for (struct list_node *n; (n = list_first(&ctx->waiters));) {
        struct arm *a = container_of(n, struct arm, link);
        context_tell(e, ctx, wait_claim(e, a), a);
    }
    if (ctx->detached)
        heap_insert(&e->deadlines, &ctx->due, engine_after(e, CONTEXT_LINGER_NS), DUE_CONTEXT);
}

void context_cancel(struct engine *e, struct context *ctx, enum status error, struct text *cause)
{
    if (ctx->error != STATUS_OK || ctx->never)
        return;
    struct list worklist;
    list_init(&worklist);
    list_push_back(&worklist, &ctx->cancelling);
    for (struct list_node *n; (n = list_pop_front(&worklist));) {
        struct context *at = container_of(n, struct context, cancelling);
        while ((n = list_first(&at->children))) {
            struct context *child = container_of(n, struct context, sibling);
            context_leave_parent(child);
            list_push_back(&worklist, &child->cancelling);
        }
        context_finish(e, at, error, cause);
    }
}

void context_due(struct engine *e, struct context *ctx)
{
    if (ctx->error == STATUS_OK)
        context_cancel(e, ctx, STATUS_DEADLINE_EXCEEDED, ctx->expiry_cause);
    else
        object_unname(e, &ctx->object);
}

/* ---- Arms: receive from Done ---- */

static bool done_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return context_of(a->object)->error != STATUS_OK;
}

static void done_park(struct engine *e, struct arm *a)
{
    (void)e;
    struct context *ctx = context_of(a->object);
    list_push_back(&ctx->waiters, &a->link);
    ctx->waiters_count++;
    object_touch(a->object);
}

static void done_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    context_of(a->object)->waiters_count--;
    object_touch(a->object);
}

static void done_commit(struct engine *e, struct arm *a)
{
    context_tell(e, context_of(a->object), a->call, a);
}

static const struct arm_ops done_ops = {done_poll, done_park, done_unpark, done_commit};

/* ---- Making ---- */

/* The parent a spec names: *ret NULL is Background. */
static enum status context_parent(struct engine *e, struct session *s, const struct context_spec *spec,
                                  struct context **ret, struct make_error *error)
{
    *ret = NULL;
    if (!spec->has_parent || spec->root != ROOT_NONE)
        return STATUS_OK;
    if (!spec->parent.handle && !spec->parent.name_size) {
        error->message = "cannot create context from nil parent";
        return STATUS_INVALID;
    }
    struct object *o;
    enum status st = object_expect(e, s, &spec->parent, KIND_CONTEXT, RIGHT_OBSERVE, &o);
    if (st == STATUS_OK)
        *ret = context_of(o);
    return st;
}

static bool bytes_are(struct bytes b, const char *text)
{
    return b.size == strlen(text) && memcmp(b.data, text, b.size) == 0;
}

static enum status context_check_entries(const struct context_spec *spec, struct make_error *error)
{
    for (uint32_t i = 0; i < spec->values_count; i++) {
        const struct context_value *v = &spec->values[i];
        if (v->name.size == 0)
            error->message = "nil key";
        else if (bytes_are(v->type, "json"))
            error->message = "key is not comparable";
        else if (v->value.type == VALUE_HANDLE)
            error->message = "a context value cannot be a handle";
        if (error->message)
            return STATUS_INVALID;
    }
    return STATUS_OK;
}

static bool context_copy_entry(struct engine *e, struct session *s, struct context_entry *entry,
                               const struct context_value *v)
{
    entry->space = text_new(&e->mem, v->space);
    entry->type = text_new(&e->mem, v->type);
    entry->name = text_new(&e->mem, v->name);
    if (!entry->space || !entry->type || !entry->name)
        return false;
    return v->value.type == VALUE_NONE || item_new(e, s, &v->value, &entry->value) == STATUS_OK;
}

static void context_free_entries(struct engine *e, struct context *ctx)
{
    for (uint32_t i = 0; i < ctx->entries_count; i++) {
        struct context_entry *entry = &ctx->entries[i];
        text_unref(&e->mem, entry->space);
        text_unref(&e->mem, entry->type);
        text_unref(&e->mem, entry->name);
        if (entry->value)
            item_unref(e, entry->value);
    }
    mem_free(&e->mem, ctx->entries, ctx->entries_count * sizeof *ctx->entries);
    ctx->entries = NULL;
    ctx->entries_count = 0;
}

static bool context_copy_entries(struct engine *e, struct session *s, struct context *ctx,
                                 const struct context_spec *spec)
{
    if (spec->values_count == 0)
        return true;
    ctx->entries = mem_alloc(&e->mem, spec->values_count * sizeof *ctx->entries);
    if (!ctx->entries)
        return false;
    ctx->entries_count = spec->values_count;
    for (uint32_t i = 0; i < spec->values_count; i++)
        if (!context_copy_entry(e, s, &ctx->entries[i], &spec->values[i]))
            return false;
    return true;
}

/* All that needs memory. */
static bool context_alloc(struct engine *e, struct session *s, struct context *ctx, const struct make_op *op)
{
    if (op->context.cause.data && !(ctx->expiry_cause = text_new(&e->mem, op->context.cause)))
        return false;
    if (context_copy_entries(e, s, ctx, &op->context) && heap_reserve(&e->deadlines, 1))
        return true;
    context_free_entries(e, ctx);
    text_unref(&e->mem, ctx->expiry_cause);
    return false;
}

/* Its own deadline from the spec; NEVER_NS: none. */
static int64_t context_spec_deadline(const struct engine *e, const struct context_spec *spec)
{
    int64_t due = NEVER_NS;
    if (spec->has_timeout)
        due = engine_after(e, spec->timeout_ns);
    if (spec->has_deadline && spec->deadline_ns < due)
        due = spec->deadline_ns;
    return due;
}

/* Settle deadline, Done and membership under the parent. */
static void context_derive(struct engine *e, struct context *ctx, const struct context_spec *spec)
{
    struct context *parent = ctx->parent;
    bool cut = spec->without_cancel || !parent;
    int64_t inherited = cut ? NEVER_NS : parent->deadline_ns;
    int64_t own = context_spec_deadline(e, spec);
    bool asks = spec->has_timeout || spec->has_deadline;
    ctx->cancelable = spec->cancelable || asks;
    ctx->without_cancel = spec->without_cancel;
    ctx->never = !ctx->cancelable && (cut || parent->never);
    ctx->has_own_deadline = asks && own <= inherited;
    ctx->deadline_ns = ctx->has_own_deadline ? own : inherited;
    if (ctx->never)
        return;
    if (!cut && parent->error != STATUS_OK) {
        ctx->error = parent->error;
        ctx->cause = text_ref(parent->cause);
    } else if (ctx->has_own_deadline && own <= e->now_ns) {
        ctx->error = STATUS_DEADLINE_EXCEEDED;
        ctx->cause = text_ref(ctx->expiry_cause);
    } else {
        if (ctx->has_own_deadline)
            heap_insert(&e->deadlines, &ctx->due, own, DUE_CONTEXT);
        if (!cut && !parent->never) {
            list_push_back(&parent->children, &ctx->sibling);
            parent->children_count++;
            object_touch(&parent->object);
        }
        return;
    }
    if (ctx->detached)
        heap_insert(&e->deadlines, &ctx->due, engine_after(e, CONTEXT_LINGER_NS), DUE_CONTEXT);
}

static enum status context_make(struct engine *e, struct session *s, struct object *o,
                                const struct make_op *op, struct make_error *error)
{
    struct context *ctx = context_of(o), *parent;
    enum status st = context_parent(e, s, &op->context, &parent, error);
    if (st == STATUS_OK)
        st = context_check_entries(&op->context, error);
    if (st != STATUS_OK)
        return st;
    if (parent && parent->depth == CONTEXT_DEPTH_MAX) {
        error->limit = (struct limit_hit){"context_depth_max", CONTEXT_DEPTH_MAX, CONTEXT_DEPTH_MAX + 1};
        return STATUS_LIMIT;
    }
    if (!context_alloc(e, s, ctx, op))
        return STATUS_NO_MEMORY;
    list_init(&ctx->children);
    list_init(&ctx->waiters);
    ctx->deadline_ns = NEVER_NS;
    ctx->root = (uint8_t)op->context.root;
    ctx->detached = op->lifetime == LIFE_DETACHED;
    if (ctx->root != ROOT_NONE) {
        ctx->never = true;
        return STATUS_OK;
    }
    ctx->parent = parent;
    if (parent) {
        object_ref(&parent->object);
        ctx->depth = parent->depth + 1;
    }
    context_derive(e, ctx, &op->context);
    return STATUS_OK;
}

/* Each context is a thing of its own: an existing one is opened, not made again. */
static enum status context_match(struct engine *e, struct session *s, const struct object *o,
                                 const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    (void)o;
    (void)op;
    error->message = "a context of this name exists";
    return STATUS_EXISTS;
}

static void context_owner_died(struct engine *e, struct object *o)
{
    context_cancel(e, context_of(o), STATUS_CANCELED, e->owner_died);
}

static void context_remove(struct engine *e, struct object *o)
{
    struct context *ctx = context_of(o);
    ctx->detached = false;
    context_cancel(e, ctx, STATUS_CANCELED, NULL);
    heap_remove(&e->deadlines, &ctx->due);
    wait_fail_all(e, &ctx->waiters, STATUS_REMOVED); /* those on a context that is never done */
}

static void context_done(struct engine *e, struct object *o)
{
    struct context *ctx = context_of(o);
    assert(list_empty(&ctx->children) && list_empty(&ctx->waiters));
    context_leave_parent(ctx);
    heap_remove(&e->deadlines, &ctx->due);
    heap_release(&e->deadlines, 1);
    context_free_entries(e, ctx);
    text_unref(&e->mem, ctx->cause);
    text_unref(&e->mem, ctx->expiry_cause);
    if (ctx->parent)
        object_unref(e, &ctx->parent->object);
}

static const struct list *context_queue(const struct object *o, int i)
{
    return i == 0 ? &context_of(o)->waiters : NULL;
}

static void context_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct context *ctx = context_of(o);
    ret->context = (struct context_view){
        .error = ctx->error,
        .cause = text_bytes(ctx->cause),
        .never = ctx->never,
        .has_deadline = ctx->deadline_ns != NEVER_NS,
        .deadline_ns = ctx->deadline_ns,
        .children = ctx->children_count,
        .waiters = ctx->waiters_count,
    };
}

static void context_audit(const struct engine *e, const struct object *o)
{
    const struct context *ctx = context_of(o);
    uint64_t children = 0, waiters = 0;
    list_for_each(n, &ctx->children) {
        const struct context *child = container_of(n, struct context, sibling);
        assert(child->parent == ctx && child->error == STATUS_OK && !child->never);
        children++;
    }
    list_for_each(n, &ctx->waiters)
        waiters++;
    assert(children == ctx->children_count && waiters == ctx->waiters_count);
    assert(!list_linked(&ctx->cancelling));
    assert(!ctx->never || (ctx->error == STATUS_OK && !list_linked(&ctx->sibling)));
    assert(ctx->error == STATUS_OK || (children == 0 && waiters == 0 && !list_linked(&ctx->sibling)));
    assert(ctx->error != STATUS_OK || !ctx->has_own_deadline || ctx->never || ctx->due.slot > 0);
    assert(ctx->due.slot == 0 || ctx->due.due_ns >= e->now_ns);
}

const struct kind context_kind = {
    .with_session = true,
    .arms = {[ARM_RECV] = &done_ops},
    .size = sizeof(struct context),
    .make = context_make,
    .match = context_match,
    .owner_died = context_owner_died,
    .remove = context_remove,
    .done = context_done,
    .queue = context_queue,
    .view = context_view,
    .audit = context_audit,
};

/* ---- Operations ---- */

void op_context_cancel(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->context_cancel.ref, KIND_CONTEXT, RIGHT_SEND, &o);
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    struct text *cause = NULL;
    if (op->context_cancel.cause.data && !(cause = text_new(&e->mem, op->context_cancel.cause))) {
        call_refuse_memory(e, c, op);
        return;
    }
    context_cancel(e, context_of(o), STATUS_CANCELED, cause);
    text_unref(&e->mem, cause);
    call_complete(e, c, STATUS_OK);
}

static bool text_is(const struct text *t, struct bytes b)
{
    return t->size == b.size && (b.size == 0 || memcmp(t->data, b.data, b.size) == 0);
}

/* The nearest entry with this key, from ctx to the root. Of one node's entries the last given wins. */
static const struct context_entry *context_lookup(const struct context *ctx, struct bytes space,
                                                  struct bytes type, struct bytes name)
{
    for (; ctx; ctx = ctx->parent)
        for (uint32_t i = ctx->entries_count; i-- > 0;) {
            const struct context_entry *entry = &ctx->entries[i];
            if (text_is(entry->space, space) && text_is(entry->type, type) && text_is(entry->name, name))
                return entry;
        }
    return NULL;
}

void op_context_value(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->context_value.ref, KIND_CONTEXT, RIGHT_OBSERVE, &o);
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    const struct context_entry *entry = context_lookup(context_of(o), op->context_value.space,
                                                       op->context_value.type, op->context_value.name);
    c->result = RESULT_VALUE;
    c->value = entry ? entry->value : NULL;
    if (c->value)
        c->value->refs++;
    call_complete(e, c, STATUS_OK);
}

bool engine_context_value_at(const struct object *o, uint32_t i, struct context_value *ret)
{
    const struct context *ctx = context_of(o);
    if (i >= ctx->entries_count)
        return false;
    const struct context_entry *entry = &ctx->entries[i];
    *ret = (struct context_value){
        text_bytes(entry->space), text_bytes(entry->type), text_bytes(entry->name), {0}};
    if (entry->value)
        item_value(entry->value, 0, &ret->value);
    return true;
}

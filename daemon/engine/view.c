/*
 * view.c - looking at the engine without moving it.
 *
 * Cursors are the objects, sessions, calls and arms themselves: the next one is a link away, and a view is a copy of a few fields.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "call.h"
#include "context.h"
#include "hold.h"
#include "item.h"
#include "keys.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "task.h"
#include "text.h"
#include "wait.h"

enum status engine_find(const struct engine *e, uint64_t session, const struct ref *ref, uint8_t rights,
                        const struct object **ret)
{
    const struct session *s = session_get(e, session);
    if (!s)
        return STATUS_SESSION_GONE;
    struct object *o;
    enum status st = object_expect(e, s, ref, KIND_NONE, rights, &o);
    if (st == STATUS_OK)
        *ret = o;
    return st;
}

uint8_t engine_rights(const struct engine *e, uint64_t session, const struct ref *ref)
{
    const struct session *s = session_get(e, session);
    struct object *o = NULL;
    uint8_t rights = 0;
    return s && object_resolve(e, s, ref, &o, &rights) == STATUS_OK && o ? rights : 0;
}

const struct object *engine_object_next(const struct engine *e, const struct object *prev)
{
    struct list_node *n = list_next(&e->objects, prev ? &prev->all : NULL);
    return n ? container_of(n, struct object, all) : NULL;
}

void engine_object_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    *ret = (struct object_view){
        .serial = o->serial,
        .kind = o->kind,
        .version = o->version,
        .references = o->refs,
        .waiting = o->waiting,
        .owner = o->owner ? o->owner->number : 0,
        .made_ns = o->made_ns,
        .uid = o->uid,
    };
    if (!keys_keyed(o))
        ret->name = (struct bytes){o->name, o->name_size};
    else if (o->kind != KIND_TASK)
        ret->key = keys_key(o);
    object_kind(o)->view(e, o, ret);
}

const struct arm *engine_waiter_next(const struct engine *e, const struct object *o, const struct arm *prev)
{
    (void)e;
    const struct kind *kind = object_kind(o);
    const struct list *q;
    int i = 0;
    struct list_node *n = NULL;
    if (prev && prev->equipped)
        return kind->heaped(o, prev);
    if (prev) { /* the last of a queue is followed by its ring: that tells which queue it was */
        n = prev->link.next;
        while ((q = kind->queue(o, i)) && n != &q->ring)
            i++;
        n = q ? NULL : n;
        i++;
    }
    for (; !n && (q = kind->queue(o, i)); i++)
        n = list_first(q);
    if (!n && kind->heaped)
        return kind->heaped(o, NULL);
    return n ? container_of(n, struct arm, link) : NULL;
}

void engine_waiter_view(const struct arm *a, struct arm_view *ret)
{
    *ret = (struct arm_view){.call = a->call, .index = arm_index(a), .verb = a->verb, .object = a->object};
}

void engine_arm_view(const struct call *c, uint32_t i, struct arm_view *ret)
{
    assert(i < c->arms_count);
    engine_waiter_view(&c->arms[i], ret);
}

const struct hold *engine_holder_next(const struct object *o, const struct hold *prev)
{
    const struct kind *kind = object_kind(o);
    if (!kind->holds)
        return NULL;
    const struct list_node *n = list_next(&kind->holds(o)->list, prev ? &prev->by_object : NULL);
    return n ? container_of(n, struct hold, by_object) : NULL;
}

void engine_holder_view(const struct engine *e, const struct hold *h, struct holder_view *ret)
{
    const struct holding *attempt = h->task ? holding_find(e, h->task) : NULL;
    *ret = (struct holder_view){
        .session = h->holding.session,
        .token = h->holding.number,
        .permits = h->permits,
        .task = attempt && attempt->object->kind == KIND_TASK ? task_of(attempt->object)->number : 0,
        .since_ns = h->holding.since_ns,
        .until_ns = h->holding.due.slot != 0 ? h->holding.due.due_ns : NEVER_NS,
        .shared = h->holding.shared,
    };
}

const struct session *engine_session_next(const struct engine *e, const struct session *prev)
{
    struct list_node *n = list_next(&e->session_list, prev ? &prev->all : NULL);
    return n ? container_of(n, struct session, all) : NULL;
}

const struct session *engine_session_get(const struct engine *e, uint64_t number)
{
    return session_get(e, number);
}

void engine_session_view(const struct engine *e, const struct session *s, struct session_view *ret)
{
    (void)e;
    *ret = (struct session_view){
        .number = s->number,
        .name = {s->name, s->name_size},
        .uid = s->uid,
        .pid = s->pid,
        .connections = s->connections,
        .tasks = s->tasks,
        .parked = s->parked_count,
        .finished = s->finished_count,
        .leases = s->holding_count,
        .handles = s->handles.used,
        .since_ns = s->since_ns,
    };
}

const struct call *engine_call_next(const struct engine *e, const struct session *s, const struct call *prev)
{
    (void)e;
    struct list_node *n = list_next(&s->parked, prev ? &prev->link : NULL);
    return n ? container_of(n, struct call, link) : NULL;
}

void engine_call_view(const struct call *c, struct call_view *ret)
{
    *ret = (struct call_view){
        .session = c->session ? c->session->number : 0,
        .seq = c->seq,
        .op = c->op,
        .since_ns = c->since_ns,
        .deadline_ns = NEVER_NS,
        .arms = c->cases,
    };
    for (uint32_t i = c->cases; i < c->arms_count; i++)
        if (c->arms[i].role == ROLE_DEADLINE)
            ret->deadline_ns = c->arms[i].due.due_ns;
    const struct task *asking = call_asking(c);
    ret->task = asking ? asking->number : 0;
}

/* ---- Context.String ---- */

/* A string being written, and the length it would have without end. */
struct writer {
    char *buf;
    size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void writer_add(struct writer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = w->len < w->size ? w->size - w->len : 0;
    int n = vsnprintf(room ? w->buf + w->len : NULL, room, format, args);
    va_end(args);
    if (n > 0)
        w->len += (size_t)n;
}

/* A duration as Go prints it, rounded to what fits: 1m30s, 250ms, -3s. */
static void writer_duration(struct writer *w, int64_t ns)
{
    uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    const char *sign = ns < 0 ? "-" : "";
    const uint64_t second = 1000000000;
    if (u < second) {
        if (u == 0)
            writer_add(w, "0s");
        else if (u < 1000)
            writer_add(w, "%s%" PRIu64 "ns", sign, u);
        else if (u < 1000000)
            writer_add(w, "%s%.*g\302\265s", sign, 6, (double)u / 1e3);
        else
            writer_add(w, "%s%.*gms", sign, 9, (double)u / 1e6);
        return;
    }
    writer_add(w, "%s", sign);
    if (u >= 3600 * second)
        writer_add(w, "%" PRIu64 "h", u / (3600 * second));
    if (u >= 60 * second)
        writer_add(w, "%" PRIu64 "m", u / (60 * second) % 60);
    writer_add(w, "%.*gs", 11, (double)(u % (60 * second)) / 1e9);
}

static void writer_time(struct writer *w, int64_t wall_ns)
{
    int64_t s = wall_ns / 1000000000, rest = wall_ns % 1000000000;
    if (rest < 0) {
        rest += 1000000000;
        s--;
    }
    time_t t = (time_t)s;
    struct tm tm;
    if (!gmtime_r(&t, &tm))
        return;
    writer_add(w, "%04d-%02d-%02d %02d:%02d:%02d.%09" PRId64 " +0000 UTC", tm.tm_year + 1900, tm.tm_mon + 1,
               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, rest);
}

static int64_t sum_saturated(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

/* What one node adds to its parent's string. */
static void writer_context(struct writer *w, const struct engine *e, const struct context *ctx,
                           int64_t wall_offset_ns)
{
    if (ctx->root == ROOT_TODO)
        writer_add(w, "context.TODO");
    else if (ctx->root == ROOT_BACKGROUND || !ctx->parent)
        writer_add(w, "context.Background");
    if (ctx->without_cancel)
        writer_add(w, ".WithoutCancel");
    if (ctx->has_own_deadline) {
        writer_add(w, ".WithDeadline(");
        writer_time(w, sum_saturated(ctx->deadline_ns, wall_offset_ns));
        writer_add(w, " [");
        writer_duration(w, sum_saturated(ctx->deadline_ns, -e->now_ns));
        writer_add(w, "])");
    } else if (ctx->cancelable) {
        writer_add(w, ".WithCancel");
    }
    for (uint32_t i = 0; i < ctx->entries_count; i++) {
        const struct context_entry *entry = &ctx->entries[i];
        writer_add(w, ".WithValue(%.*s, ", (int)entry->type->size, entry->type->data);
        if (!entry->value)
            writer_add(w, "<nil>)");
        else if (entry->value->type == VALUE_STRING)
            writer_add(w, "%.*s)", (int)entry->value->size, (const char *)entry->value->data);
        else
            writer_add(w, "%s)", type_name(entry->value->type));
    }
}

size_t engine_context_string(const struct engine *e, const struct object *o, int64_t wall_offset_ns,
                             char *buf, size_t size)
{
    struct writer w = {buf, size, 0};
    uint32_t depth = 0;
    for (const struct context *ctx = context_of(o); ctx; ctx = ctx->parent)
        depth++;
    /* from the root down; a chain longer than any buffer would be quadratic, so only its last nodes are written */
    const uint32_t shown = depth < 256 ? depth : 256;
    if (depth > shown)
        writer_add(&w, "...");
    for (uint32_t k = shown; k-- > 0;) {
        const struct context *ctx = context_of(o);
        for (uint32_t i = 0; i < k; i++)
            ctx = ctx->parent;
        writer_context(&w, e, ctx, wall_offset_ns);
    }
    return w.len;
}

/*
 * show.c - what the engine says, as lines of a trace (show.h).
 *
 * One function for each part of a reply and of a view. What is usual is left out (all rights, the first delivery, the type bytes), so
 * that a line says what is particular.
 */
#include "show.h"

#include <inttypes.h>
#include <string.h>

#include "parse.h"
#include "show_sched.h"
#include "world.h"

static void show_rights(FILE *out, uint8_t rights)
{
    static const char *const names[] = {"send", "recv", "close", "observe"};
    const char *between = "";
    for (unsigned i = 0; i < 4; i++)
        if (rights >> i & 1) {
            fprintf(out, "%s%s", between, names[i]);
            between = "+";
        }
}

static void show_quoted(FILE *out, struct bytes b, char quote)
{
    const unsigned char *p = b.data;
    if (b.size > 60) {
        fprintf(out, "(%zu bytes)", b.size);
        return;
    }
    fputc(quote, out);
    for (size_t i = 0; i < b.size; i++) {
        if (p[i] == (unsigned char)quote || p[i] == '\\')
            fprintf(out, "\\%c", p[i]);
        else if (p[i] < ' ')
            fprintf(out, p[i] == '\n' ? "\\n" : p[i] == '\t' ? "\\t" : "\\0");
        else
            fputc(p[i], out);
    }
    fputc(quote, out);
}

void show_value(FILE *out, const struct value *v)
{
    switch (v->type) {
    case VALUE_NONE: fputs("none", out); break;
    case VALUE_BYTES: show_quoted(out, v->bytes, '"'); break;
    case VALUE_STRING: show_quoted(out, v->bytes, '\''); break;
    case VALUE_INT64: fprintf(out, "%" PRId64, v->int64); break;
    case VALUE_DOUBLE: fprintf(out, "%.17g", v->real); break;
    case VALUE_JSON: fprintf(out, "json:%.*s", (int)v->bytes.size, (const char *)v->bytes.data); break;
    case VALUE_HANDLE:
        fprintf(out, "&%s", kind_name(v->kind));
        if (v->rights != RIGHT_ALL) {
            fputc('/', out);
            show_rights(out, v->rights);
        }
        break;
    case VALUE_COUNT: fputs("?", out); break;
    }
}

static void show_item(FILE *out, const struct item_view *item)
{
    show_value(out, &item->value);
    if (item->lease)
        fputs(" lease", out);
    if (item->rank)
        fprintf(out, " rank=%" PRId64, item->rank);
    if (item->deliveries > 1)
        fprintf(out, " delivery %" PRIu32, item->deliveries);
}

static void show_items(FILE *out, const struct reply *reply)
{
    struct item_cursor at = reply->items.first;
    struct item_view item;
    uint32_t n = 0;
    fprintf(out, "%" PRIu32 ":", reply->items.count);
    while (engine_item_next(&at, &item)) {
        fputs(n++ ? ", " : " ", out);
        show_item(out, &item);
    }
    if (n != reply->items.count)
        fprintf(out, " (but %" PRIu32 " came)", n);
}

static void show_made(FILE *out, const struct reply *reply)
{
    fprintf(out, "%s %s", reply->made.created ? "created" : "opened", kind_name(reply->made.kind));
    if (reply->made.kind == KIND_TASK)
        fprintf(out, " %" PRIu64, reply->made.number);
    if (reply->made.kind == KIND_CHANNEL) {
        fprintf(out, " cap=%" PRId64, reply->made.cap);
        if (reply->made.type != VALUE_BYTES)
            fprintf(out, " type=%s", type_name(reply->made.type));
    }
    if (reply->made.rights != RIGHT_ALL) {
        fputs(" rights=", out);
        show_rights(out, reply->made.rights);
    }
}

static void show_status(FILE *out, const struct reply *reply)
{
    fputs(status_name(reply->status), out);
    if (reply->status > STATUS_WOULD_BLOCK || reply->message)
        fprintf(out, " (%s)", reply->message ? reply->message : status_text(reply->status));
    if (reply->cause.data) {
        fputs(" cause ", out);
        show_quoted(out, reply->cause, '"');
    }
    if (reply->limit.name)
        fprintf(out, " limit %s=%" PRIu64 " use=%" PRIu64, reply->limit.name, reply->limit.value,
                reply->limit.use);
    if (reply->has_index)
        fprintf(out, " arm %" PRIu32, reply->index);
}

/* The number of a token is the trace's own affair (world.c sees that tokens grow). */
static void show_grant(FILE *out, const struct reply *reply)
{
    fputs(reply->grant.token ? "token" : "no token", out);
    if (reply->grant.owner_died)
        fputs(", owner died", out);
}

static void show_outcome(FILE *out, const struct reply *reply)
{
    fputs(reply->truth ? "failed" : "done", out);
    if (reply->item.value.type != VALUE_NONE) {
        fputc(' ', out);
        show_value(out, &reply->item.value);
    }
    if (reply->shared)
        fputs(" shared", out);
    show_ending(out, reply);
}

static void show_grants(FILE *out, const struct reply *reply)
{
    struct grant_cursor at = reply->grants.first;
    struct reply one = {0};
    uint32_t n = 0;
    while (engine_grant_next(&at, &one.grant)) {
        fputs(n++ ? " | " : "", out);
        show_grant(out, &one);
    }
    if (n != reply->grants.count)
        fprintf(out, " (but %" PRIu32 " were to come)", reply->grants.count);
}

static void show_leader(FILE *out, const struct reply *reply)
{
    if (reply->epoch) {
        show_owner(out, reply);
        return;
    }
    fputs(reply->grant.token ? "leader" : "nobody", out);
    if (reply->item.value.type == VALUE_NONE)
        return;
    fputc(' ', out);
    show_value(out, &reply->item.value);
}

/* What it held, its revision now, and whether a CAS found what it expected. */
static void show_content(FILE *out, const struct reply *reply)
{
    show_value(out, &reply->item.value);
    fprintf(out, " revision=%" PRIu64 "%s", reply->count, reply->truth ? " swapped" : "");
}

/* A reservation that was given says when its tokens are there; all else what is left. */
static void show_quota(FILE *out, const struct reply *reply)
{
    const struct quota *q = &reply->quota;
    char duration[32];
    fputs(reply->truth ? "allowed" : "refused", out);
    if (reply->op == OP_RESERVE && reply->truth) {
        fprintf(out, " delay=%s%s", show_duration(q->delay_ns, duration), q->token ? " token" : "");
        return;
    }
    fprintf(out, " remaining=%" PRId64, q->remaining);
    if (q->retry_after_ns)
        fprintf(out, " retry=%s", show_duration(q->retry_after_ns, duration));
}

/* An UPDATE's, a counter's, the cycle of a barrier, or what a task is told. */
static void show_number(FILE *out, const struct reply *reply)
{
    if (reply->op == OP_WATCH) {
        fprintf(out, reply->number ? "signal %" PRId64 : "stop", reply->number);
        return;
    }
    fprintf(out, "%" PRId64, reply->number);
    if (reply->truth)
        fputs(reply->op == OP_UPDATE ? " swapped" : " last", out);
}

void show_reply(FILE *out, const struct reply *reply)
{
    show_status(out, reply);
    if (reply->result == RESULT_NONE ||
        (reply->result == RESULT_ITEM && reply->item.value.type == VALUE_NONE))
        return;
    fputc(' ', out);
    switch (reply->result) {
    case RESULT_NONE: break;
    case RESULT_ITEM: show_item(out, &reply->item); break;
    case RESULT_ITEMS: show_items(out, reply); break;
    case RESULT_COUNT: fprintf(out, "count=%" PRIu64, reply->count); break;
    case RESULT_TRUTH: fputs(reply->truth ? "true" : "false", out); break;
    case RESULT_MADE: show_made(out, reply); break;
    case RESULT_VALUE:
        if (reply->truth)
            show_value(out, &reply->item.value);
        else
            fputs("not found", out);
        break;
    case RESULT_GRANT: show_grant(out, reply); break;
    case RESULT_OUTCOME: show_outcome(out, reply); break;
    case RESULT_NUMBER: show_number(out, reply); break;
    case RESULT_GRANTS: show_grants(out, reply); break;
    case RESULT_LEADER: show_leader(out, reply); break;
    case RESULT_CELL: show_content(out, reply); break;
    case RESULT_QUOTA: show_quota(out, reply); break;
    case RESULT_JOB: show_job(out, reply); break;
    case RESULT_SESSION: fputs(reply->opened.resumed ? "resumed" : "opened", out); break;
    }
}

static void show_channel(FILE *out, const struct channel_view *c)
{
    fprintf(out, "cap=%" PRId64 " len=%" PRIu64 " receivers=%" PRIu64 " senders=%" PRIu64, c->cap, c->len,
            c->receivers, c->senders);
    if (c->type != VALUE_BYTES)
        fprintf(out, " type=%s", type_name(c->type));
    if (c->leased)
        fprintf(out, " leased=%" PRIu64, c->leased);
    if (c->deliveries_max)
        fprintf(out, " deliveries=%" PRIu32, c->deliveries_max);
    if (c->closed)
        fputs(" closed", out);
    if (c->ordered)
        fputs(" ordered", out);
    if (c->fenced)
        fputs(c->fence ? " fenced fence" : " fenced", out);
    else if (c->fence)
        fputs(" fence", out);
}

static void show_context(FILE *out, const struct world *w, const struct object *o,
                         const struct context_view *c)
{
    char text[512], duration[32];
    fputs(c->error ? status_name(c->error) : c->never ? "never" : "alive", out);
    if (c->cause.data) {
        fputs(" cause ", out);
        show_quoted(out, c->cause, '"');
    }
    if (c->has_deadline)
        fprintf(out, " deadline=@%s", show_duration(c->deadline_ns, duration));
    fprintf(out, " children=%" PRIu64 " waiters=%" PRIu64, c->children, c->waiters);
    engine_context_string(w->engine, o, 0, text, sizeof text);
    fprintf(out, " %s", text);
}

static void show_timer(FILE *out, const struct timer_view *t)
{
    char duration[32];
    if (t->armed)
        fprintf(out, "due=@%s", show_duration(t->due_ns, duration));
    else
        fputs("idle", out);
    if (t->period_ns)
        fprintf(out, " period=%s", show_duration(t->period_ns, duration));
    if (t->receivers)
        fprintf(out, " receivers=%" PRIu64, t->receivers);
}

static void show_hold(FILE *out, const struct world *w, enum kind_code kind, const struct hold_view *h)
{
    if (kind == KIND_SEMAPHORE)
        fprintf(out, "%" PRIu64 " of %" PRIu64 " free", h->free, h->size);
    else if (h->done)
        fputs("done", out);
    else if (h->holds == 0)
        fputs("free", out);
    else
        fprintf(out, "held%s by %c", h->shared ? " shared" : "", world_letter(w, h->holder));
    if (h->holds > 1 || (kind == KIND_SEMAPHORE && h->holds > 0))
        fprintf(out, " holds=%" PRIu64, h->holds);
    if (h->owner_died)
        fputs(" owner died", out);
    if (h->said.type != VALUE_NONE) {
        fputs(" says ", out);
        show_value(out, &h->said);
    }
}

static void show_group(FILE *out, const struct hold_view *h)
{
    fprintf(out, "running=%" PRIu64, h->holds);
    if (h->has_limit)
        fprintf(out, " limit=%" PRIu64, h->size);
    if (h->said.type != VALUE_NONE) {
        fputs(" error ", out);
        show_value(out, &h->said);
    }
    if (h->context)
        fputs(" context", out);
}

static void show_limiter(FILE *out, const struct limiter_view *l)
{
    static const char *const names[LIMIT_ALGORITHMS] = {"bucket", "window", "sliding",
                                                        "meter",  "queue",  "concurrency"};
    char duration[32];
    fputs(names[l->algorithm], out);
    if (l->rate.infinite)
        fputs(" rate=inf", out);
    else if (l->algorithm != LIMIT_CONCURRENCY)
        fprintf(out, " rate=%" PRIu64 "/%s", l->rate.count,
                show_duration((int64_t)l->rate.period_ns, duration));
    if (l->algorithm != LIMIT_WINDOW && l->algorithm != LIMIT_SLIDING)
        fprintf(out, " burst=%" PRIu64, l->burst);
    fprintf(out, " remaining=%" PRId64 " keys=%" PRIu64, l->remaining, l->keys);
}

static void show_count(FILE *out, const struct count_view *c)
{
    fprintf(out, "%" PRId64, c->value);
    if (c->lost)
        fprintf(out, " lost=%" PRIu64, c->lost);
    if (c->fence)
        fputs(" fence", out);
}

static void show_cell(FILE *out, const struct cell_view *c)
{
    show_value(out, &c->value);
    fprintf(out, " revision=%" PRIu64 "%s", c->revision, c->fence ? " fence" : "");
}

/* The requests parked on an object, in the order in which they will be served. */
static void show_waiters(FILE *out, const struct world *w, const struct object *o)
{
    const char *between = "  waiting: ";
    for (const struct arm *a = engine_waiter_next(w->engine, o, NULL); a;
         a = engine_waiter_next(w->engine, o, a)) {
        struct arm_view arm;
        struct call_view call;
        engine_waiter_view(a, &arm);
        engine_call_view(arm.call, &call);
        fprintf(out, "%s%s %s", between, call.session ? world_label(w, call.session, call.seq) : "the engine",
                arm_name(arm.verb));
        between = ", ";
    }
    if (strcmp(between, ", ") == 0)
        fputc('\n', out);
}

void show_object(FILE *out, const struct world *w, const struct object *o)
{
    struct object_view v;
    engine_object_view(w->engine, o, &v);
    fprintf(out, "  %s", kind_name(v.kind));
    if (v.name.size)
        fprintf(out, " %.*s", (int)v.name.size, (const char *)v.name.data);
    if (v.key.data) {
        fputc(' ', out);
        show_quoted(out, v.key, '"');
    }
    if (v.kind != KIND_COND)
        fputc(' ', out);
    switch (v.kind) {
    case KIND_CHANNEL: show_channel(out, &v.channel); break;
    case KIND_CONTEXT: show_context(out, w, o, &v.context); break;
    case KIND_TIMER:
    case KIND_TICKER:
    case KIND_TRIGGER: show_timer(out, &v.timer); break;
    case KIND_MUTEX:
    case KIND_RWMUTEX:
    case KIND_SEMAPHORE:
    case KIND_ONCE: show_hold(out, w, v.kind, &v.hold); break;
    case KIND_FLIGHT:
        if (v.key.data)
            show_hold(out, w, v.kind, &v.hold);
        else
            fprintf(out, "%" PRIu64 " in flight", v.hold.holds);
        break;
    case KIND_GROUP: show_group(out, &v.hold); break;
    case KIND_BARRIER:
        fprintf(out, "%" PRIu32 " of %" PRIu32 " cycle=%" PRIu64, v.barrier.arrived, v.barrier.parties,
                v.barrier.cycle);
        break;
    case KIND_LIMITER: show_limiter(out, &v.limiter); break;
    case KIND_WAITGROUP:
    case KIND_COUNTER: show_count(out, &v.count); break;
    case KIND_CELL: show_cell(out, &v.cell); break;
    case KIND_ACTOR: show_actor(out, w, &v.actor); break;
    case KIND_POOL: show_pool(out, &v.pool); break;
    case KIND_TASK: show_task(out, w, &v.task); break;
    case KIND_COND:
    case KIND_NONE:
    case KIND_COUNT: break;
    }
    if (v.owner)
        fprintf(out, " owner=%c", world_letter(w, v.owner));
    fputc('\n', out);
    show_waiters(out, w, o);
}

static void show_call(FILE *out, const struct world *w, const struct call *c)
{
    struct call_view v;
    char duration[32];
    engine_call_view(c, &v);
    fprintf(out, "    %s %s", world_label(w, v.session, v.seq), op_rows[v.op].name);
    for (uint32_t i = 0; i < v.arms; i++) {
        struct arm_view arm;
        struct object_view o;
        engine_arm_view(c, i, &arm);
        fprintf(out, "%s%s", i ? ", " : ": ", arm_name(arm.verb));
        if (arm.object) {
            engine_object_view(w->engine, arm.object, &o);
            fprintf(out, " %.*s", o.name.size ? (int)o.name.size : 1,
                    o.name.size ? (const char *)o.name.data : "-");
        }
    }
    if (v.deadline_ns != NEVER_NS)
        fprintf(out, " until @%s", show_duration(v.deadline_ns, duration));
    fputc('\n', out);
}

void show_sessions(FILE *out, const struct world *w)
{
    for (const struct session *s = engine_session_next(w->engine, NULL); s;
         s = engine_session_next(w->engine, s)) {
        struct session_view v;
        engine_session_view(w->engine, s, &v);
        fprintf(out, "  %c: parked=%" PRIu64 " finished=%" PRIu64 " leases=%" PRIu64 " handles=%" PRIu64 "\n",
                world_letter(w, v.number), v.parked, v.finished, v.leases, v.handles);
        for (const struct call *c = engine_call_next(w->engine, s, NULL); c;
             c = engine_call_next(w->engine, s, c))
            show_call(out, w, c);
    }
}

void show_objects(FILE *out, const struct world *w)
{
    for (const struct object *o = engine_object_next(w->engine, NULL); o;
         o = engine_object_next(w->engine, o))
        show_object(out, w, o);
}

void show_counts(FILE *out, const struct world *w)
{
    struct stats s;
    engine_stats(w->engine, &s);
    fprintf(out,
            "  objects=%" PRIu64 " sessions=%" PRIu64 " parked=%" PRIu64 " items=%" PRIu64 " leases=%" PRIu64
            "\n",
            s.objects, s.sessions, s.parked, s.items, s.leases);
}

/*
 * kit.c - an engine under test (kit.h).
 *
 * Answers are copied as they come, since the engine lends their bytes for one step only, and kept by route until the kit is freed. A dump is
 * what all the views of the engine say, as text, for comparing before with after.
 */
#include "kit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct kit *kit_new(const struct engine_options *options)
{
    struct engine_options standard = {.seed = 1};
    struct kit *k = calloc(1, sizeof *k);
    assert_non_null(k);
    k->engine = engine_new(options ? options : &standard);
    assert_non_null(k->engine);
    k->audits = k->keeps = true;
    return k;
}

struct kit *kit_free(struct kit *k)
{
    engine_free(k->engine);
    for (size_t i = 0; i < k->answers_size; i++)
        free(k->answers[i]);
    free(k->answers);
    free(k);
    return NULL;
}

/* ---- Answers ---- */

static void copy_text(char *to, struct bytes b)
{
    size_t size = b.size < ANSWER_TEXT_MAX - 1 ? b.size : ANSWER_TEXT_MAX - 1;
    if (size)
        memcpy(to, b.data, size);
    to[size] = '\0';
}

static void copy_item(struct answer *a, const struct item_view *item)
{
    uint32_t i = a->items++;
    if (i == 0) {
        a->deliveries = item->deliveries;
        a->int64 = item->value.type == VALUE_INT64 ? item->value.int64 : 0;
    }
    if (i >= ANSWER_ITEMS_MAX)
        return;
    a->leases[i] = item->lease;
    if (item->value.type == VALUE_HANDLE)
        a->handles[i] = item->value.handle;
    else if (item->value.type == VALUE_BYTES)
        copy_text(a->texts[i], item->value.bytes);
}

static struct answer *answer_slot(struct kit *k, uint64_t route)
{
    if (route >= k->answers_size) {
        size_t size = k->answers_size ? k->answers_size : 64;
        while (size <= route)
            size *= 2;
        k->answers = realloc(k->answers, size * sizeof *k->answers);
        assert_non_null(k->answers);
        memset(k->answers + k->answers_size, 0, (size - k->answers_size) * sizeof *k->answers);
        k->answers_size = size;
    }
    free(k->answers[route]);
    k->answers[route] = calloc(1, sizeof(struct answer));
    assert_non_null(k->answers[route]);
    return k->answers[route];
}

static void keep_answer(struct kit *k, const struct reply *reply)
{
    struct answer *a = answer_slot(k, reply->route);
    struct item_cursor at = reply->items.first;
    struct item_view item;
    a->reply = *reply;
    a->order = k->replies;
    if (reply->message) {
        snprintf(a->message, sizeof a->message, "%s", reply->message);
        a->reply.message = a->message;
    }
    copy_text(a->cause, reply->cause);
    copy_text(a->function, reply->function);
    if (reply->result != RESULT_ITEMS && reply->item.value.type != VALUE_NONE)
        copy_item(a, &reply->item);
    while (reply->result == RESULT_ITEMS && engine_item_next(&at, &item))
        copy_item(a, &item);
    if (reply->result == RESULT_ITEMS)
        assert_int_equal(a->items, reply->items.count);
    struct grant_cursor next = reply->grants.first;
    struct grant grant;
    uint32_t grants = 0;
    for (; reply->result == RESULT_GRANTS && engine_grant_next(&next, &grant); grants++)
        if (grants < ANSWER_ITEMS_MAX)
            a->leases[grants] = grant.token;
    if (reply->result == RESULT_GRANTS)
        assert_int_equal(grants, reply->grants.count);
}

const struct answer *answer(const struct kit *k, uint64_t route)
{
    return route < k->answers_size ? k->answers[route] : NULL;
}

const struct answer *answered(const struct kit *k, uint64_t route, enum status status)
{
    const struct answer *a = answer(k, route);
    assert_non_null(a);
    if (a->reply.status != status)
        fail_msg("%s: %s (%s) instead of %s", op_rows[a->reply.op].name, status_name(a->reply.status),
                 a->reply.message ? a->reply.message : "", status_name(status));
    return a;
}

/* ---- Steps ---- */

void kit_step(struct kit *k, const struct op *op)
{
    struct effects fx;
    struct reply reply;
    uint64_t session;
    engine_step(k->engine, k->now_ns, op, &fx);
    while (effects_next_reply(&fx, &reply)) {
        k->replies++;
        if (k->keeps)
            keep_answer(k, &reply);
    }
    while (effects_next_ended(&fx, &session)) {
        k->ended++;
        k->last_ended = session;
    }
    if (k->audits)
        engine_audit(k->engine);
}

uint64_t kit_ask(struct kit *k, struct op op)
{
    op.route = ++k->routes;
    kit_step(k, &op);
    return op.route;
}

const struct answer *kit_get(struct kit *k, struct op op, enum status status)
{
    return answered(k, kit_ask(k, op), status);
}

void kit_time(struct kit *k, int64_t now_ns)
{
    k->now_ns = now_ns;
    kit_step(k, &(struct op){.code = OP_TICK});
}

void kit_event(struct kit *k, enum op_code code, uint64_t session)
{
    kit_step(k, &(struct op){.code = code, .session = session});
}

void kit_undelivered(struct kit *k, uint64_t session, uint64_t route)
{
    kit_step(k, &(struct op){.code = OP_UNDELIVERED, .session = session, .undelivered.route = route});
}

uint64_t kit_session(struct kit *k)
{
    struct op op = {.code = OP_HELLO};
    op.hello.id[1] = ++k->next_id; /* tests give theirs in the first byte */
    return kit_get(k, op, STATUS_OK)->reply.opened.number;
}

/* ---- Views ---- */

const struct object *kit_object(const struct kit *k, const char *name)
{
    for (const struct object *o = engine_object_next(k->engine, NULL); o;
         o = engine_object_next(k->engine, o)) {
        struct object_view v;
        engine_object_view(k->engine, o, &v);
        if (v.name.size == strlen(name) && memcmp(v.name.data, name, v.name.size) == 0)
            return o;
    }
    fail_msg("no object %s", name);
    return NULL;
}

struct object_view kit_view(const struct kit *k, const char *name)
{
    struct object_view v;
    engine_object_view(k->engine, kit_object(k, name), &v);
    return v;
}

struct session_view kit_session_view(const struct kit *k, uint64_t session)
{
    const struct session *s = engine_session_get(k->engine, session);
    struct session_view v;
    assert_non_null(s);
    engine_session_view(k->engine, s, &v);
    return v;
}

struct stats kit_stats(const struct kit *k)
{
    struct stats stats;
    engine_stats(k->engine, &stats);
    return stats;
}

static void dump_object(FILE *out, const struct kit *k, const struct object *o)
{
    struct object_view v;
    char string[256];
    engine_object_view(k->engine, o, &v);
    fprintf(out, "%" PRIu64 " %s %.*s refs %" PRIu64 " version %" PRIu64 " owner %" PRIu64, v.serial,
            kind_name(v.kind), (int)v.name.size, (const char *)v.name.data, v.references, v.version, v.owner);
    if (v.kind == KIND_CHANNEL)
        fprintf(out,
                " len %" PRIu64 " leased %" PRIu64 " receivers %" PRIu64 " senders %" PRIu64 " sent %" PRIu64,
                v.channel.len, v.channel.leased, v.channel.receivers, v.channel.senders, v.channel.sent);
    if (v.kind == KIND_CONTEXT) {
        engine_context_string(k->engine, o, 0, string, sizeof string);
        fprintf(out, " %s children %" PRIu64 " waiters %" PRIu64 " error %d", string, v.context.children,
                v.context.waiters, (int)v.context.error);
    }
    if (v.kind == KIND_BARRIER)
        fprintf(out, " arrived %" PRIu32 " cycle %" PRIu64, v.barrier.arrived, v.barrier.cycle);
    if (v.kind == KIND_LIMITER)
        fprintf(out, " remaining %" PRId64 " keys %" PRIu64 " key %.*s", v.limiter.remaining, v.limiter.keys,
                (int)v.key.size, (const char *)v.key.data);
    if ((v.kind >= KIND_MUTEX && v.kind <= KIND_SEMAPHORE) || v.kind == KIND_ONCE || v.kind == KIND_GROUP ||
        v.kind == KIND_FLIGHT)
        fprintf(out, " holds %" PRIu64 " newest %" PRIu64 " by %" PRIu64 " died %d done %d free %" PRIu64,
                v.hold.holds, v.hold.token, v.hold.holder, v.hold.owner_died, v.hold.done, v.hold.free);
    if (v.kind == KIND_GROUP)
        fprintf(out, " limit %" PRIu64 " error %d", v.hold.has_limit ? v.hold.size : UINT64_MAX,
                (int)v.hold.said.type);
    if (v.kind == KIND_WAITGROUP || v.kind == KIND_COUNTER)
        fprintf(out, " value %" PRId64 " lost %" PRIu64 " fence %" PRIu64, v.count.value, v.count.lost,
                v.count.fence);
    if (v.kind == KIND_CELL)
        fprintf(out, " revision %" PRIu64 " size %zu fence %" PRIu64, v.cell.revision,
                v.cell.value.bytes.size, v.cell.fence);
    if (v.kind == KIND_TIMER || v.kind == KIND_TICKER || v.kind == KIND_TRIGGER)
        fprintf(out, " armed %d due %" PRId64 " receivers %" PRIu64, v.timer.armed, v.timer.due_ns,
                v.timer.receivers);
    for (const struct arm *a = engine_waiter_next(k->engine, o, NULL); a;
         a = engine_waiter_next(k->engine, o, a)) {
        struct arm_view av;
        struct call_view cv;
        engine_waiter_view(a, &av);
        engine_call_view(av.call, &cv);
        fprintf(out, " <- %" PRIu64 ".%" PRIu64 ".%u", cv.session, cv.seq, av.index);
    }
    fputc('\n', out);
}

static void dump_session(FILE *out, const struct kit *k, const struct session *s)
{
    struct session_view v;
    engine_session_view(k->engine, s, &v);
    fprintf(out,
            "session %" PRIu64 " connections %u tasks %u finished %" PRIu64 " leases %" PRIu64
            " handles %" PRIu64,
            v.number, v.connections, v.tasks, v.finished, v.leases, v.handles);
    for (const struct call *c = engine_call_next(k->engine, s, NULL); c;
         c = engine_call_next(k->engine, s, c)) {
        struct call_view cv;
        engine_call_view(c, &cv);
        fprintf(out, " %s.%" PRIu64 "/%u until %" PRId64, op_rows[cv.op].name, cv.seq, cv.arms,
                cv.deadline_ns);
    }
    fputc('\n', out);
}

char *kit_dump(const struct kit *k)
{
    char *buf = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&buf, &size);
    assert_non_null(out);
    struct stats st = kit_stats(k);
    fprintf(out, "now %" PRId64 " next %" PRId64 " restless %d\n", engine_now(k->engine),
            engine_next_deadline(k->engine), !engine_quiescent(k->engine));
    fprintf(out,
            "objects %" PRIu64 " sessions %" PRIu64 " parked %" PRIu64 " finished %" PRIu64 " items %" PRIu64
            " leases %" PRIu64 " deadlines %" PRIu64 " sent %" PRIu64 " received %" PRIu64 "\n",
            st.objects, st.sessions, st.parked, st.finished, st.items, st.leases, st.deadlines, st.sent,
            st.received);
    for (const struct session *s = engine_session_next(k->engine, NULL); s;
         s = engine_session_next(k->engine, s))
        dump_session(out, k, s);
    for (const struct object *o = engine_object_next(k->engine, NULL); o;
         o = engine_object_next(k->engine, o))
        dump_object(out, k, o);
    fclose(out);
    return buf;
}

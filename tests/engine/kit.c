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
    copy_text(a->cause, reply->cause);
    if (reply->result == RESULT_ITEM && reply->item.value.type != VALUE_NONE)
        copy_item(a, &reply->item);
    while (reply->result == RESULT_ITEMS && engine_item_next(&at, &item))
        copy_item(a, &item);
    if (reply->result == RESULT_ITEMS)
        assert_int_equal(a->items, reply->items.count);
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
    if (v.kind == KIND_MUTEX || v.kind == KIND_RWMUTEX || v.kind == KIND_SEMAPHORE || v.kind == KIND_ONCE)
        fprintf(out, " holds %" PRIu64 " newest %" PRIu64 " by %" PRIu64 " died %d done %d free %" PRIu64,
                v.hold.holds, v.hold.token, v.hold.holder, v.hold.owner_died, v.hold.done, v.hold.free);
    if (v.kind == KIND_WAITGROUP || v.kind == KIND_COUNTER)
        fprintf(out, " value %" PRId64 " lost %" PRIu64 " fence %" PRIu64, v.count.value, v.count.lost,
                v.count.fence);
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

/* ---- Requests ---- */

struct ref by_name(const char *name)
{
    return (struct ref){.name = name, .name_size = name ? (uint16_t)strlen(name) : 0};
}

struct ref by_handle(uint64_t handle)
{
    return (struct ref){.handle = handle};
}

struct value text(const char *s)
{
    return (struct value){.type = VALUE_BYTES, .bytes = {s, strlen(s)}};
}

struct op plain(enum op_code code, uint64_t session)
{
    return (struct op){.code = code, .session = session};
}

static struct op make(uint64_t session, const char *name, enum kind_code kind)
{
    struct op op = plain(OP_MAKE, session);
    op.make.kind = kind;
    op.make.name = by_name(name);
    return op;
}

struct op make_object(uint64_t session, const char *name, enum kind_code kind)
{
    return make(session, name, kind);
}

struct op make_semaphore(uint64_t session, const char *name, uint64_t size)
{
    struct op op = make(session, name, KIND_SEMAPHORE);
    op.make.semaphore.size = size;
    return op;
}

struct op make_channel(uint64_t session, const char *name, int64_t cap)
{
    struct op op = make(session, name, KIND_CHANNEL);
    op.make.channel.cap = cap;
    return op;
}

struct op make_context(uint64_t session, const char *name, const char *parent)
{
    struct op op = make(session, name, KIND_CONTEXT);
    op.make.context.cancelable = true;
    op.make.context.has_parent = parent != NULL;
    op.make.context.parent = by_name(parent);
    return op;
}

struct op make_timer(uint64_t session, const char *name, int64_t delay_ns)
{
    struct op op = make(session, name, KIND_TIMER);
    op.make.timer.delay_ns = delay_ns;
    return op;
}

struct op make_ticker(uint64_t session, const char *name, int64_t period_ns)
{
    struct op op = make(session, name, KIND_TICKER);
    op.make.timer.period_ns = period_ns;
    return op;
}

struct op lock(uint64_t session, const char *name, bool shared)
{
    struct op op = plain(OP_LOCK, session);
    op.lock.ref = by_name(name);
    op.lock.shared = shared;
    return op;
}

struct op unlock(uint64_t session, const char *name, bool shared, uint64_t token)
{
    struct op op = plain(OP_UNLOCK, session);
    op.unlock.ref = by_name(name);
    op.unlock.shared = shared;
    op.unlock.token = token;
    return op;
}

struct op acquire(uint64_t session, const char *name, uint64_t permits)
{
    struct op op = plain(OP_ACQUIRE, session);
    op.acquire.ref = by_name(name);
    op.acquire.permits = permits;
    return op;
}

struct op release(uint64_t session, const char *name, uint64_t permits, uint64_t token)
{
    struct op op = plain(OP_RELEASE, session);
    op.release.ref = by_name(name);
    op.release.permits = permits;
    op.release.token = token;
    return op;
}

struct op adopt(uint64_t session, uint64_t token)
{
    struct op op = plain(OP_ADOPT, session);
    op.adopt.token = token;
    return op;
}

struct op add(uint64_t session, const char *name, int64_t delta, bool owned)
{
    struct op op = plain(OP_ADD, session);
    op.add.ref = by_name(name);
    op.add.delta = delta;
    op.add.owned = owned;
    return op;
}

struct op update(uint64_t session, const char *name, enum count_verb verb, int64_t operand)
{
    struct op op = plain(OP_UPDATE, session);
    op.update.ref = by_name(name);
    op.update.verb = verb;
    op.update.operand = operand;
    return op;
}

struct op begin(uint64_t session, const char *name)
{
    struct op op = plain(OP_BEGIN, session);
    op.begin.ref = by_name(name);
    return op;
}

struct op end(uint64_t session, const char *name, uint64_t token, const char *s)
{
    struct op op = plain(OP_END, session);
    op.end.ref = by_name(name);
    op.end.token = token;
    op.end.value = text(s);
    return op;
}

struct op wait_for(uint64_t session, const char *name)
{
    struct op op = plain(OP_WAIT, session);
    op.wait.ref = by_name(name);
    return op;
}

struct op wait_until(uint64_t session, const char *name, enum compare compare, int64_t operand)
{
    struct op op = wait_for(session, name);
    op.wait.condition = (struct condition){compare, operand};
    return op;
}

struct op send_to(uint64_t session, const char *name, const char *s)
{
    struct op op = plain(OP_SEND, session);
    op.send.ref = by_name(name);
    op.send.value = text(s);
    return op;
}

struct op recv_from(uint64_t session, const char *name)
{
    struct op op = plain(OP_RECV, session);
    op.recv.ref = by_name(name);
    return op;
}

struct op recv_leased(uint64_t session, const char *name, int64_t lease_ns)
{
    struct op op = recv_from(session, name);
    op.recv.lease_ns = lease_ns;
    return op;
}

struct op send_many(uint64_t session, const char *name, const struct value *values, uint32_t count)
{
    struct op op = plain(OP_SEND_MANY, session);
    op.send_many.ref = by_name(name);
    op.send_many.values = values;
    op.send_many.count = count;
    return op;
}

struct op recv_many(uint64_t session, const char *name, uint32_t max)
{
    struct op op = plain(OP_RECV_MANY, session);
    op.recv_many.ref = by_name(name);
    op.recv_many.max = max;
    return op;
}

struct op select_of(uint64_t session, const struct arm_spec *arms, uint32_t count)
{
    struct op op = plain(OP_SELECT, session);
    op.select.arms = arms;
    op.select.count = count;
    return op;
}

struct arm_spec arm_send(const char *name, const char *s)
{
    return (struct arm_spec){.verb = ARM_SEND, .ref = by_name(name), .value = text(s)};
}

struct arm_spec arm_recv(const char *name)
{
    return (struct arm_spec){.verb = ARM_RECV, .ref = by_name(name)};
}

struct op lease_op(enum op_code code, uint64_t session, const uint64_t *leases, uint32_t count)
{
    struct op op = plain(code, session);
    op.lease.leases = leases;
    op.lease.count = count;
    return op;
}

struct op of_name(enum op_code code, uint64_t session, const char *name)
{
    struct op op = plain(code, session);
    op.close.ref = by_name(name);
    return op;
}

struct op cancel_context(uint64_t session, const char *name, const char *cause)
{
    struct op op = plain(OP_CONTEXT_CANCEL, session);
    op.context_cancel.ref = by_name(name);
    if (cause)
        op.context_cancel.cause = (struct bytes){cause, strlen(cause)};
    return op;
}

struct op reset(uint64_t session, const char *name, int64_t duration_ns)
{
    struct op op = plain(OP_RESET, session);
    op.reset.ref = by_name(name);
    op.reset.duration_ns = duration_ns;
    return op;
}

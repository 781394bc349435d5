/*
 * encode_dump.c - who is connected, and what each waits for: DUMP.
 *
 * Sessions in order of creation, a page at a time; of each its first parked requests, of each of those its first arms, with the objects they stand on.
 * The full counts stand beside what was cut, so a reader knows that there is more.
 *
 * Numbers of sessions are used again, so they are no order: a page goes on behind the session that the last one ended with. When that one has gone
 * meanwhile, the page begins again with the first session; who reads tells rows apart by their numbers.
 *
 * Cost: what is in the page.
 */
#include "codec.h"

enum { DUMP_CALLS_MAX = 64, DUMP_ARMS_MAX = 16 };

void fill_dump_object(const struct engine *e, const struct object *o, Sluice__V1__DumpArm *m)
{
    struct object_view object;
    sluice__v1__dump_arm__init(m);
    if (!o)
        return;
    engine_object_view(e, o, &object);
    m->has_serial = m->has_kind = 1;
    m->serial = object.serial;
    m->kind = (Sluice__V1__Kind)object.kind;
    m->has_name = object.name.size != 0;
    m->name = lend(object.name);
    m->has_key = object.key.size != 0;
    m->key = lend(object.key);
    m->has_task = object.kind == KIND_TASK;
    m->task = m->has_task ? object.task.number : 0;
}

static void fill_arm(const struct engine *e, const struct call *c, uint32_t i, Sluice__V1__DumpArm *m)
{
    struct arm_view arm;
    engine_arm_view(c, i, &arm);
    fill_dump_object(e, arm.object, m);
    m->has_verb = 1;
    m->verb = (Sluice__V1__Verb)arm.verb;
}

bool fill_dump_call(struct wire *w, const struct engine *e, const struct call *c, Sluice__V1__DumpCall *m)
{
    struct call_view v;
    engine_call_view(c, &v);
    sluice__v1__dump_call__init(m);
    m->has_seq = m->has_op = m->has_since_ns = m->has_arms_count = 1;
    m->seq = v.seq;
    m->op = lend(text_bytes(op_rows[v.op].name));
    m->since_ns = v.since_ns;
    m->has_deadline_ns = v.deadline_ns != NEVER_NS;
    m->deadline_ns = v.deadline_ns;
    m->arms_count = v.arms;
    m->has_task = v.task != 0;
    m->task = v.task;
    size_t count = v.arms < DUMP_ARMS_MAX ? v.arms : DUMP_ARMS_MAX;
    m->arms = arena_array(&w->scratch, count, sizeof(*m->arms));
    Sluice__V1__DumpArm *arms = arena_array(&w->scratch, count, sizeof(*arms));
    if (!m->arms || !arms)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        fill_arm(e, c, i, &arms[i]);
        m->arms[m->n_arms++] = &arms[i];
    }
    return true;
}

static bool fill_calls(struct wire *w, const struct engine *e, const struct session *s,
                       Sluice__V1__DumpSession *m)
{
    m->calls = arena_array(&w->scratch, DUMP_CALLS_MAX, sizeof(*m->calls));
    if (!m->calls)
        return false;
    for (const struct call *c = engine_call_next(e, s, NULL); c && m->n_calls < DUMP_CALLS_MAX;
         c = engine_call_next(e, s, c)) {
        Sluice__V1__DumpCall *call = arena_alloc(&w->scratch, sizeof(*call));
        if (!call || !fill_dump_call(w, e, c, call))
            return false;
        m->calls[m->n_calls++] = call;
    }
    return true;
}

static bool fill_session(struct wire *w, const struct engine *e, const struct session *s,
                         const struct session_view *v, Sluice__V1__DumpSession *m)
{
    sluice__v1__dump_session__init(m);
    m->has_number = m->has_name = m->has_uid = m->has_pid = m->has_connections = m->has_parked = 1;
    m->has_finished = m->has_leases = m->has_handles = m->has_since_ns = 1;
    m->number = v->number;
    m->name = lend(v->name);
    m->uid = v->uid;
    m->pid = v->pid;
    m->connections = v->connections;
    m->parked = v->parked;
    m->finished = v->finished;
    m->leases = v->leases;
    m->handles = v->handles;
    m->since_ns = v->since_ns;
    return fill_calls(w, e, s, m);
}

static bool fill_dump(struct wire *w, const struct engine *e, const struct wire_request *req,
                      Sluice__V1__DumpResult *m)
{
    size_t size = 0;
    m->sessions = arena_array(&w->scratch, req->dump.max, sizeof(*m->sessions));
    if (!m->sessions)
        return false;
    for (const struct session *s = engine_session_next(e, engine_session_get(e, req->dump.after)); s;
         s = engine_session_next(e, s)) {
        struct session_view v;
        engine_session_view(e, s, &v);
        if (m->n_sessions == req->dump.max || size >= PAGE_SIZE_MAX) {
            m->has_next = 1;
            m->next = m->sessions[m->n_sessions - 1]->number;
            break;
        }
        Sluice__V1__DumpSession *row = arena_alloc(&w->scratch, sizeof(*row));
        if (!row || !fill_session(w, e, s, &v, row))
            return false;
        size += sluice__v1__dump_session__get_packed_size(row);
        m->sessions[m->n_sessions++] = row;
    }
    return true;
}

void answer_dump(struct wire *w, const struct engine *e, const struct wire_request *req,
                 const struct wire_world *world, struct wire_out *out)
{
    Sluice__V1__Reply m = SLUICE__V1__REPLY__INIT;
    Sluice__V1__DumpResult dump = SLUICE__V1__DUMP_RESULT__INIT;
    arena_reset(&w->scratch);
    if (!fill_dump(w, e, req, &dump)) {
        ship_status(STATUS_NO_MEMORY, out);
        return;
    }
    dump.has_now_ns = 1;
    dump.now_ns = world->now_ns;
    m.result_case = SLUICE__V1__REPLY__RESULT_DUMP;
    m.dump = &dump;
    ship(&m, out);
}

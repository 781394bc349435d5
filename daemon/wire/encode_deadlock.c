/*
 * encode_deadlock.c - who waits in circles or in vain: DEADLOCK.
 *
 * One reply, bounded by the engine's own bounds: so many circles of so many links, so many who wait in vain, and how many there are of all. The engine's
 * search needs room in proportion to all that waits; it is taken for the one answer.
 *
 * Cost: O(everything): a question for when something stands still, not for a loop.
 */
#include <stdlib.h>

#include "codec.h"

static bool fill_request(struct wire *w, const struct engine *e, const struct stall *s, Sluice__V1__Stall *m)
{
    struct call_view call;
    struct arm_view arm;
    if (s->arm) {
        engine_waiter_view(s->arm, &arm);
        engine_call_view(arm.call, &call);
        m->has_op = m->has_since_ns = 1;
        m->op = lend(text_bytes(op_rows[call.op].name));
        m->since_ns = call.since_ns;
        m->has_deadline_ns = call.deadline_ns != NEVER_NS;
        m->deadline_ns = call.deadline_ns;
    }
    if (!s->arm && !s->object)
        return true;
    m->arm = arena_alloc(&w->scratch, sizeof(*m->arm));
    if (!m->arm)
        return false;
    fill_dump_object(e, s->object, m->arm);
    m->arm->has_verb = s->arm != NULL;
    m->arm->verb = s->arm ? (Sluice__V1__Verb)arm.verb : SLUICE__V1__VERB__VERB_NONE;
    return true;
}

static bool fill_stall(struct wire *w, const struct engine *e, const struct stall *s, Sluice__V1__Stall *m)
{
    struct session_view session;
    struct object_view task;
    sluice__v1__stall__init(m);
    if (s->session) {
        engine_session_view(e, s->session, &session);
        m->has_session = m->has_pid = m->has_uid = m->has_name = 1;
        m->session = session.number;
        m->pid = session.pid;
        m->uid = session.uid;
        m->name = lend(session.name);
    }
    if (s->task) {
        engine_object_view(e, s->task, &task);
        m->has_task = 1;
        m->task = task.task.number;
        m->has_since_ns = 1;
        m->since_ns = task.task.since_ns;
    }
    if (s->within) {
        engine_session_view(e, s->within, &session);
        m->has_within = 1;
        m->within = session.number;
    }
    return fill_request(w, e, s, m);
}

/* An array of them. NULL: the arena is out. */
static Sluice__V1__Stall **fill_stalls(struct wire *w, const struct engine *e, const struct stall *stalls,
                                       uint32_t count)
{
    Sluice__V1__Stall **rows = arena_array(&w->scratch, count, sizeof(*rows));
    Sluice__V1__Stall *messages = arena_array(&w->scratch, count, sizeof(*messages));
    if (!rows || !messages)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = &messages[i];
        if (!fill_stall(w, e, &stalls[i], &messages[i]))
            return NULL;
    }
    return rows;
}

static bool fill_cycles(struct wire *w, const struct engine *e, const struct deadlock *d,
                        Sluice__V1__DeadlockResult *m)
{
    Sluice__V1__Cycle *cycles = arena_array(&w->scratch, d->cycles_count, sizeof(*cycles));
    m->cycles = arena_array(&w->scratch, d->cycles_count, sizeof(*m->cycles));
    if (!cycles || !m->cycles)
        return false;
    for (uint32_t i = 0; i < d->cycles_count; i++) {
        sluice__v1__cycle__init(&cycles[i]);
        cycles[i].has_length = 1;
        cycles[i].length = d->cycles[i].length;
        cycles[i].n_links = d->cycles[i].count;
        cycles[i].links = fill_stalls(w, e, d->cycles[i].links, d->cycles[i].count);
        if (!cycles[i].links)
            return false;
        m->cycles[m->n_cycles++] = &cycles[i];
    }
    return true;
}

static bool fill_deadlock(struct wire *w, const struct engine *e, const struct deadlock *d,
                          Sluice__V1__DeadlockResult *m)
{
    m->has_asleep = m->has_stalled_count = 1;
    m->asleep = d->asleep;
    m->stalled_count = d->stalled;
    m->n_stalled = d->stalls_count;
    m->stalled = fill_stalls(w, e, d->stalls, d->stalls_count);
    return m->stalled && fill_cycles(w, e, d, m);
}

void answer_deadlock(struct wire *w, const struct engine *e, const struct wire_request *req,
                     const struct wire_world *world, struct wire_out *out)
{
    Sluice__V1__Reply m = SLUICE__V1__REPLY__INIT;
    Sluice__V1__DeadlockResult result = SLUICE__V1__DEADLOCK_RESULT__INIT;
    struct deadlock found;
    void *space = malloc(engine_deadlock_space(e));
    arena_reset(&w->scratch);
    if (space)
        engine_deadlock(e, req->op.session, space, &found);
    if (!space || !fill_deadlock(w, e, &found, &result)) {
        free(space);
        ship_status(STATUS_NO_MEMORY, out);
        return;
    }
    result.has_now_ns = 1;
    result.now_ns = world->now_ns;
    m.result_case = SLUICE__V1__REPLY__RESULT_DEADLOCK;
    m.deadlock = &result;
    ship(&m, out);
    free(space);
}

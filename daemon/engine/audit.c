/*
 * audit.c - every invariant, walked.
 *
 * What one noun can say of itself it says in its own audit; here stands what holds between them: references add up, counts
 * agree, whatever waits is linked where it says, and between steps nothing is left to settle. Tests call it after every step.
 */
#include "call.h"
#include "channel.h"
#include "context.h"
#include "item.h"
#include "session.h"
#include "state.h"
#include "trigger.h"
#include "wait.h"

static void audit_settled(const struct engine *e)
{
    assert(list_empty(&e->dirty) && list_empty(&e->doomed) && list_empty(&e->own_finished));
    const struct heap_node *first = heap_first(&e->deadlines);
    assert(!first || first->due_ns > e->now_ns);
    if (e->restless == 0)
        list_for_each(n, &e->quiescing)
            assert(container_of(n, struct arm, link)->parked_min > e->resting_calls);
}

static void audit_sessions(const struct engine *e)
{
    uint64_t sessions = 0, restless = 0, parked = 0, quiescing = 0, finished = 0, holdings = 0;
    list_for_each(n, &e->session_list) {
        const struct session *s = container_of(n, struct session, all);
        session_audit(e, s);
        sessions++;
        restless += s->restless;
        parked += s->parked_count;
        quiescing += s->quiescing;
        finished += s->finished_count;
        holdings += s->holding_count;
    }
    assert(sessions == e->stats.sessions && restless == e->restless && finished == e->stats.finished &&
           holdings == e->holdings.count);
    assert(parked - quiescing == e->resting_calls);
    list_for_each(n, &e->orphans) {
        const struct call *c = container_of(n, struct call, link);
        assert(c->own);
        wait_audit(e, c);
        parked++;
    }
    assert(parked == e->stats.parked);
}

/* Arms parked on it, by its queues. */
static uint64_t audit_waiting(const struct engine *e, const struct object *o)
{
    uint64_t waiting = 0;
    for (const struct arm *a = NULL; (a = engine_waiter_next(e, o, a));)
        waiting++;
    return waiting;
}

static void audit_objects(const struct engine *e)
{
    uint64_t objects = 0, named = 0, serial = 0;
    list_for_each(n, &e->objects) {
        const struct object *o = container_of(n, struct object, all);
        assert(o->refs > 0 && o->serial > serial);
        serial = o->serial;
        objects++;
        named += o->named;
        assert(!o->named || (!o->removed && object_by_name(e, o->name, o->name_size) == o));
        assert((!o->owner && !o->among) || list_linked(&o->owned));
        assert(o->waiting == audit_waiting(e, o));
        object_kind(o)->audit(e, o);
    }
    assert(objects == e->stats.objects && named == e->names.count);
}

void engine_audit(const struct engine *e)
{
    assert(e->mem.used <= e->mem.max);
    heap_audit(&e->deadlines);
    audit_settled(e);
    audit_sessions(e);
    audit_objects(e);
}

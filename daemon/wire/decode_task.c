/*
 * decode_task.c - pools and tasks: what is submitted, by whom it is run, and what it is told.
 *
 * Only form is judged here: names of functions, keys and shares that are too long, lists that are too long, values that are handles. What a
 * priority, a number of slots or a signal may be, which functions a pool has and whether a token is of this attempt is the engine's to say.
 *
 * A function that is not given is a command; a limit or a capacity that is not given is none; slots that are not given are one.
 */
#include "codec.h"

bool decode_pool_spec(struct decode *d, const Sluice__V1__PoolSpec *m, struct make_op *ret)
{
    ret->pool.limit = m->has_limit ? m->limit : -1;
    ret->pool.capacity = m->has_capacity ? m->capacity : -1;
    return decode_ref(d, m->dead_letter, &ret->pool.dead_letter);
}

bool decode_task_spec(struct decode *d, const Sluice__V1__TaskSpec *m, struct make_op *ret)
{
    (void)m, (void)ret;
    return refuse(d, STATUS_INVALID, "a task is submitted to a pool");
}

static bool decode_after(struct decode *d, const Sluice__V1__Go *m, struct go_spec *ret)
{
    if (m->n_after > AFTER_MAX)
        return refuse_limit(d, STATUS_LIMIT, "after_max", AFTER_MAX, m->n_after);
    ret->after_count = (uint32_t)m->n_after;
    return decode_refs(d, m->after, m->n_after, &ret->after);
}

bool decode_go(struct decode *d, const Sluice__V1__Go *m, struct wire_request *ret)
{
    struct go_spec *s = &ret->op.go.spec;
    s->priority = m->priority;
    s->delay_ns = m->delay_ns;
    s->within_ns = m->within_ns;
    s->run_ns = m->run_ns;
    s->retries = m->retries;
    s->backoff_ns = m->backoff_ns;
    s->keep_ns = m->keep_ns;
    s->bare = m->bare;
    return decode_ref(d, m->ref, &ret->op.go.ref) && decode_key(d, &m->function, &s->function) &&
           decode_plain(d, m->value, "a task is not called with a handle", &s->value) &&
           decode_key(d, &m->key, &s->key) && decode_key(d, &m->share, &s->share) && decode_after(d, m, s) &&
           decode_ref(d, m->context, &s->context);
}

bool decode_work(struct decode *d, const Sluice__V1__Work *m, struct wire_request *ret)
{
    if (m->n_functions > FUNCTIONS_MAX)
        return refuse_limit(d, STATUS_LIMIT, "functions_max", FUNCTIONS_MAX, m->n_functions);
    struct bytes *functions = take_array(d, m->n_functions, sizeof(*functions));
    if (!functions)
        return false;
    for (size_t i = 0; i < m->n_functions; i++) {
        if (!decode_key(d, &m->functions[i], &functions[i]))
            return false;
    }
    ret->op.work.slots = m->has_slots ? m->slots : 1;
    ret->op.work.functions = functions;
    ret->op.work.count = (uint32_t)m->n_functions;
    return decode_ref(d, m->ref, &ret->op.work.ref);
}

bool decode_pull(struct decode *d, const Sluice__V1__Pull *m, struct wire_request *ret)
{
    ret->op.pull.token = m->token;
    return decode_ref(d, m->ref, &ret->op.pull.ref);
}

bool decode_watch(struct decode *d, const Sluice__V1__Watch *m, struct wire_request *ret)
{
    ret->op.watch.token = m->token;
    return decode_ref(d, m->ref, &ret->op.watch.ref);
}

bool decode_kill(struct decode *d, const Sluice__V1__Kill *m, struct wire_request *ret)
{
    ret->op.kill.signal = m->signal;
    return decode_ref(d, m->ref, &ret->op.kill.ref) &&
           decode_cause(d, m->has_cause, &m->cause, &ret->op.kill.cause);
}

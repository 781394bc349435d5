/*
 * decode_make.c - what to make: channels, contexts, timers, tickers, triggers, locks, groups, counters, flights. Limiters stand in decode_limit.c,
 * actors in decode_actor.c, pools in decode_task.c.
 *
 * Only form is judged here. Numbers that Go has a text for (a capacity, a ticker's period, a nil parent, a nil key) go through as they
 * are, and the engine answers in Go's words; so do a semaphore's size, a counter's bounds and a barrier's parties, which are the engine's alone.
 */
#include "codec.h"

static bool decode_channel_spec(struct decode *d, const Sluice__V1__ChannelSpec *m, struct make_op *ret)
{
    struct channel_spec *s = &ret->channel;
    s->cap = m->cap;
    s->deliveries_max = m->deliveries_max;
    s->fenced = m->fenced;
    s->ordered = m->ordered;
    if (m->has_message)
        s->message = borrow(&m->message);
    if (m->has_schema)
        s->schema = borrow(&m->schema);
    return check_size(d, m->message.len, KEY_SIZE_MAX, "key_size_max") &&
           check_size(d, m->schema.len, SCHEMA_SIZE_MAX, "schema_size_max") &&
           decode_ref(d, m->dead_letter, &s->dead_letter) &&
           (!m->has_type || decode_type(d, m->type, &s->type));
}

static bool decode_entry(struct decode *d, const Sluice__V1__ContextEntry *m, struct context_value *ret)
{
    return decode_key_part(d, &m->space, &ret->space) && decode_key_part(d, &m->type, &ret->type) &&
           decode_key_part(d, &m->name, &ret->name) && decode_value(d, m->value, &ret->value);
}

static bool decode_entries(struct decode *d, const Sluice__V1__ContextSpec *m, struct context_spec *ret)
{
    if (m->n_values > CONTEXT_VALUES_MAX)
        return refuse_limit(d, STATUS_LIMIT, "context_values_max", CONTEXT_VALUES_MAX, m->n_values);
    struct context_value *values = take_array(d, m->n_values, sizeof(*values));
    if (!values)
        return false;
    for (size_t i = 0; i < m->n_values; i++) {
        if (!decode_entry(d, m->values[i], &values[i]))
            return false;
    }
    ret->values = values;
    ret->values_count = (uint32_t)m->n_values;
    return true;
}

static bool decode_root(struct decode *d, Sluice__V1__ContextSpec__Root root, enum context_root *ret)
{
    if ((int)root < ROOT_NONE || (int)root > ROOT_TODO)
        return refuse(d, STATUS_INVALID, "unknown root of contexts");
    *ret = (enum context_root)root;
    return true;
}

static bool decode_context_spec(struct decode *d, const Sluice__V1__ContextSpec *m, struct make_op *ret)
{
    struct context_spec *s = &ret->context;
    s->has_parent = m->parent != NULL;
    s->without_cancel = m->without_cancel;
    s->cancelable = m->cancelable;
    s->has_timeout = m->has_timeout_ns;
    s->timeout_ns = m->timeout_ns;
    s->has_deadline = m->has_deadline_ns;
    s->deadline_ns = m->deadline_ns;
    return decode_root(d, m->root, &s->root) && decode_ref(d, m->parent, &s->parent) &&
           decode_cause(d, m->has_cause, &m->cause, &s->cause) && decode_entries(d, m, s);
}

static bool decode_timer_spec(struct decode *d, const Sluice__V1__TimerSpec *m, struct make_op *ret)
{
    (void)d;
    ret->timer.delay_ns = m->delay_ns;
    return true;
}

static bool decode_ticker_spec(struct decode *d, const Sluice__V1__TickerSpec *m, struct make_op *ret)
{
    (void)d;
    ret->timer.period_ns = m->period_ns;
    return true;
}

static bool decode_trigger_spec(struct decode *d, const Sluice__V1__TriggerSpec *m, struct make_op *ret)
{
    struct trigger_spec *s = &ret->trigger;
    s->delay_ns = m->delay_ns;
    return decode_ref(d, m->context, &s->context) && decode_ref(d, m->channel, &s->channel) &&
           decode_value_required(d, m->value, &s->value);
}

static bool decode_mutex_spec(struct decode *d, const Sluice__V1__MutexSpec *m, struct make_op *ret)
{
    (void)d, (void)m, (void)ret;
    return true;
}

static bool decode_rwmutex_spec(struct decode *d, const Sluice__V1__RwmutexSpec *m, struct make_op *ret)
{
    (void)d, (void)m, (void)ret;
    return true;
}

static bool decode_semaphore_spec(struct decode *d, const Sluice__V1__SemaphoreSpec *m, struct make_op *ret)
{
    (void)d;
    ret->semaphore.size = m->size;
    return true;
}

static bool decode_waitgroup_spec(struct decode *d, const Sluice__V1__WaitgroupSpec *m, struct make_op *ret)
{
    (void)d, (void)m, (void)ret;
    return true;
}

static bool decode_counter_spec(struct decode *d, const Sluice__V1__CounterSpec *m, struct make_op *ret)
{
    (void)d;
    struct counter_spec *s = &ret->counter;
    s->value = m->value;
    s->has_min = m->has_min;
    s->min = m->min;
    s->has_max = m->has_max;
    s->max = m->max;
    s->fenced = m->fenced;
    return true;
}

static bool decode_cell_spec(struct decode *d, const Sluice__V1__CellSpec *m, struct make_op *ret)
{
    (void)d;
    ret->cell.fenced = m->fenced;
    return true;
}

static bool decode_once_spec(struct decode *d, const Sluice__V1__OnceSpec *m, struct make_op *ret)
{
    (void)d;
    ret->once.poison = m->poison;
    return true;
}

static bool decode_cond_spec(struct decode *d, const Sluice__V1__CondSpec *m, struct make_op *ret)
{
    (void)d, (void)m, (void)ret;
    return true;
}

static bool decode_barrier_spec(struct decode *d, const Sluice__V1__BarrierSpec *m, struct make_op *ret)
{
    (void)d;
    ret->barrier.parties = m->parties;
    return true;
}

/* An absent limit is none. */
static bool decode_group_spec(struct decode *d, const Sluice__V1__GroupSpec *m, struct make_op *ret)
{
    ret->group.limit = m->has_limit ? m->limit : -1;
    return decode_ref(d, m->context, &ret->group.context);
}

static bool decode_flight_spec(struct decode *d, const Sluice__V1__FlightSpec *m, struct make_op *ret)
{
    (void)d;
    ret->flight.poison = m->poison;
    return true;
}

static bool decode_lifetime(struct decode *d, const Sluice__V1__Make *m, struct wire_request *ret)
{
    if ((int)m->lifetime < LIFE_OWNED || (int)m->lifetime > LIFE_DETACHED)
        return refuse(d, STATUS_INVALID, "unknown lifetime");
    ret->op.make.lifetime = (enum make_lifetime)m->lifetime;
    if (!m->has_for_pid || m->for_pid == 0)
        return true;
    if (m->for_pid < 0 || ret->op.make.lifetime != LIFE_EPHEMERAL)
        return refuse(d, STATUS_INVALID,
                      "a process belongs to an ephemeral object, and has a number above 0");
    ret->for_pid = m->for_pid;
    return true;
}

bool decode_make(struct decode *d, const Sluice__V1__Make *m, struct wire_request *ret)
{
    struct make_op *make = &ret->op.make;
    make->exclusive = m->exclusive;
    if (!decode_rights(d, m->has_rights, m->rights, &make->rights) || !decode_lifetime(d, m, ret) ||
        (m->has_name && !decode_name(d, &m->name, &make->name)))
        return false;
    switch ((int)m->spec_case) {
#define KIND(NAME, name, number, help)  \
    case SLUICE__V1__MAKE__SPEC_##NAME: \
        make->kind = KIND_##NAME;       \
        return decode_##name##_spec(d, m->name, make);
#include "kinds.def"
#undef KIND
    default: return refuse(d, STATUS_INVALID, "nothing is said of what to make");
    }
}

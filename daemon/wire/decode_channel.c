/*
 * decode_channel.c - the operations that run millions of times: send, receive, select, batches, leases.
 *
 * A select's arms are checked for form with reflect.Select's own texts, in its order: the first arm that is wrong speaks. What needs
 * the object itself (its direction, its kind, its type) is the engine's to say. As in Go, a case without a channel is never ready, whatever else it says,
 * and is not the same as a case with a nil channel, which must be complete.
 */
#include "codec.h"

bool decode_send(struct decode *d, const Sluice__V1__Send *m, struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.send.ref) &&
           decode_value_required(d, m->value, &ret->op.send.value);
}

bool decode_recv(struct decode *d, const Sluice__V1__Recv *m, struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.recv.ref) &&
           decode_lease(d, m->has_lease_ns, m->lease_ns, &ret->op.recv.lease_ns);
}

bool decode_send_many(struct decode *d, const Sluice__V1__SendMany *m, struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.send_many.ref) &&
           decode_batch(d, m->batch, &ret->op.send_many.values, &ret->op.send_many.count);
}

bool decode_recv_many(struct decode *d, const Sluice__V1__RecvMany *m, struct wire_request *ret)
{
    uint32_t max = m->has_max ? m->max : BATCH_ITEMS_MAX;
    if (max == 0)
        return refuse(d, STATUS_INVALID, "max is out of range");
    if (max > BATCH_ITEMS_MAX)
        return refuse_limit(d, STATUS_LIMIT, "batch_items_max", BATCH_ITEMS_MAX, max);
    ret->op.recv_many.max = max;
    return decode_ref(d, m->ref, &ret->op.recv_many.ref) &&
           decode_lease(d, m->has_lease_ns, m->lease_ns, &ret->op.recv_many.lease_ns);
}

/* ---- Select ---- */

#define SELECT "reflect.Select: "

static const char *default_arm_fault(const Sluice__V1__Arm *m, bool seen)
{
    if (seen)
        return SELECT "multiple default cases";
    if (m->ref)
        return SELECT "default case has Chan value";
    return m->value ? SELECT "default case has Send value" : NULL;
}

/* What is wrong with the form of an arm, or NULL. */
static const char *arm_fault(const Sluice__V1__Arm *m, bool default_seen)
{
    switch ((int)m->verb) {
    case ARM_SEND:
        return m->ref && (!m->value || m->value->kind_case == SLUICE__V1__VALUE__KIND__NOT_SET) ? SELECT
                   "SendDir case missing Send value"
                                                                                                : NULL;
    case ARM_RECV: return m->value ? SELECT "RecvDir case has Send value" : NULL;
    case ARM_DEFAULT: return default_arm_fault(m, default_seen);
    case ARM_AFTER:
        return m->ref || m->value ? "an arm that waits for a duration has neither object nor value" : NULL;
    case ARM_LOCK:
    case ARM_RLOCK:
    case ARM_ACQUIRE:
    case ARM_WAIT:
    case ARM_BEGIN: return m->value ? "only an arm that sends has a value" : NULL;
    default: return SELECT "invalid Dir";
    }
}

static bool decode_arm(struct decode *d, const Sluice__V1__Arm *m, bool *default_seen, struct arm_spec *ret)
{
    const char *fault = arm_fault(m, *default_seen);
    if (fault)
        return refuse(d, STATUS_INVALID, fault);
    *default_seen = *default_seen || (int)m->verb == ARM_DEFAULT;
    ret->verb = (enum arm_verb)m->verb;
    ret->delay_ns = m->delay_ns;
    ret->permits = decode_permits(m->has_permits, m->permits);
    return decode_ref(d, m->ref, &ret->ref) && decode_value(d, m->value, &ret->value) &&
           decode_lease(d, m->has_lease_ns, m->lease_ns, &ret->lease_ns) &&
           decode_condition(d, m->condition, &ret->condition);
}

bool decode_select(struct decode *d, const Sluice__V1__Select *m, struct wire_request *ret)
{
    struct arm_spec *arms = take_array(d, m->n_arms, sizeof(*arms));
    if (!arms)
        return false;
    bool default_seen = false;
    for (size_t i = 0; i < m->n_arms; i++) {
        if (!decode_arm(d, m->arms[i], &default_seen, &arms[i]))
            return false;
    }
    ret->op.select.arms = arms;
    ret->op.select.count = (uint32_t)m->n_arms;
    return true;
}

/* ---- Leases ---- */

bool decode_ack(struct decode *d, const Sluice__V1__Ack *m, struct wire_request *ret)
{
    (void)d;
    ret->op.lease.leases = m->leases;
    ret->op.lease.count = (uint32_t)m->n_leases;
    return true;
}

bool decode_nack(struct decode *d, const Sluice__V1__Nack *m, struct wire_request *ret)
{
    (void)d;
    ret->op.lease.leases = m->leases;
    ret->op.lease.count = (uint32_t)m->n_leases;
    return true;
}

bool decode_extend(struct decode *d, const Sluice__V1__Extend *m, struct wire_request *ret)
{
    ret->op.lease.leases = m->leases;
    ret->op.lease.count = (uint32_t)m->n_leases;
    ret->op.lease.duration_ns = m->duration_ns;
    return m->duration_ns > 0 || refuse(d, STATUS_INVALID, "lease is out of range");
}

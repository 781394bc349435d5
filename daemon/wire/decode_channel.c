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
    ret->op.send.fence = m->fence;
    ret->op.send.rank = m->rank;
    return decode_ref(d, m->ref, &ret->op.send.ref) &&
           decode_value_required(d, m->value, &ret->op.send.value);
}

bool decode_recv(struct decode *d, const Sluice__V1__Recv *m, struct wire_request *ret)
{
    ret->op.recv.fence = m->fence;
    return decode_ref(d, m->ref, &ret->op.recv.ref) &&
           decode_lease(d, m->has_lease_ns, m->lease_ns, &ret->op.recv.lease_ns);
}

bool decode_send_many(struct decode *d, const Sluice__V1__SendMany *m, struct wire_request *ret)
{
    ret->op.send_many.fence = m->fence;
    return decode_ref(d, m->ref, &ret->op.send_many.ref) &&
           decode_batch(d, m->batch, &ret->op.send_many.values, &ret->op.send_many.ranks,
                        &ret->op.send_many.count);
}

bool decode_recv_many(struct decode *d, const Sluice__V1__RecvMany *m, struct wire_request *ret)
{
    uint32_t max = m->has_max ? m->max : BATCH_ITEMS_MAX;
    if (max == 0)
        return refuse(d, STATUS_INVALID, "max is out of range");
    if (max > BATCH_ITEMS_MAX)
        return refuse_limit(d, STATUS_LIMIT, "batch_items_max", BATCH_ITEMS_MAX, max);
    ret->op.recv_many.max = max;
    ret->op.recv_many.fence = m->fence;
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

static const char *value_fault(const Sluice__V1__Arm *m)
{
    return m->value ? "only an arm that sends, calls or locks has a value" : NULL;
}

/* What a select may have once. */
struct seen {
    bool default_arm, cond_arm;
};

/* What is wrong with the form of an arm, or NULL. */
static const char *arm_fault(const Sluice__V1__Arm *m, const struct seen *seen)
{
    switch ((int)m->verb) {
    case ARM_SEND:
        return m->ref && (!m->value || m->value->kind_case == SLUICE__V1__VALUE__KIND__NOT_SET) ? SELECT
                   "SendDir case missing Send value"
                                                                                                : NULL;
    case ARM_RECV: return m->value ? SELECT "RecvDir case has Send value" : NULL;
    case ARM_DEFAULT: return default_arm_fault(m, seen->default_arm);
    case ARM_AFTER:
        return m->ref || m->value ? "an arm that waits for a duration has neither object nor value" : NULL;
    case ARM_COND: return seen->cond_arm ? "only one arm of a select waits on a condition" : value_fault(m);
    case ARM_RLOCK:
    case ARM_ACQUIRE:
    case ARM_WAIT:
    case ARM_BEGIN:
    case ARM_TAKE:
    case ARM_SERVE:
    case ARM_PULL:
    case ARM_WATCH: return value_fault(m);
    case ARM_CALL: return m->value ? NULL : "value is missing";
    case ARM_GO: return "a task is submitted by go, not in a select";
    case ARM_LOCK: return NULL;
    default: return SELECT "invalid Dir";
    }
}

/* The value of an arm: what is sent, called with, or said of a holder. */
static bool decode_arm_value(struct decode *d, const Sluice__V1__Arm *m, struct value *ret)
{
    switch ((int)m->verb) {
    case ARM_LOCK: return decode_said(d, m->value, ret);
    case ARM_CALL: return decode_told(d, m->value, ret);
    default: return decode_value(d, m->value, ret);
    }
}

/* An arm whose form is good. */
static bool decode_arm(struct decode *d, const Sluice__V1__Arm *m, struct arm_spec *ret)
{
    ret->verb = (enum arm_verb)m->verb;
    ret->delay_ns = m->delay_ns;
    ret->token = m->token;
    ret->rank = m->rank;
    ret->permits = decode_permits(m->has_permits, m->permits);
    return decode_ref(d, m->ref, &ret->ref) && decode_arm_value(d, m, &ret->value) &&
           decode_lease(d, m->has_lease_ns, m->lease_ns, &ret->lease_ns) &&
           decode_condition(d, m->condition, &ret->condition) && decode_key(d, &m->key, &ret->key) &&
           decode_ref(d, m->lock, &ret->lock);
}

bool decode_select(struct decode *d, const Sluice__V1__Select *m, struct wire_request *ret)
{
    struct arm_spec *arms = take_array(d, m->n_arms, sizeof(*arms));
    if (!arms)
        return false;
    struct seen seen = {false, false};
    for (size_t i = 0; i < m->n_arms; i++) {
        const char *fault = arm_fault(m->arms[i], &seen);
        if (fault)
            return refuse(d, STATUS_INVALID, fault);
        if (!decode_arm(d, m->arms[i], &arms[i]))
            return false;
        seen.default_arm |= arms[i].verb == ARM_DEFAULT;
        seen.cond_arm |= arms[i].verb == ARM_COND;
    }
    ret->op.select.arms = arms;
    ret->op.select.count = (uint32_t)m->n_arms;
    return true;
}

/* The arms of ACQUIRE_ALL are arms of a select, of few verbs. */
bool decode_acquire_all(struct decode *d, const Sluice__V1__AcquireAll *m, struct wire_request *ret)
{
    if (m->n_arms == 0)
        return refuse(d, STATUS_INVALID, "nothing is said of what to acquire");
    if (m->n_arms > ACQUIRE_ALL_MAX)
        return refuse_limit(d, STATUS_LIMIT, "acquire_all_max", ACQUIRE_ALL_MAX, m->n_arms);
    struct arm_spec *arms = take_array(d, m->n_arms, sizeof(*arms));
    if (!arms)
        return false;
    for (size_t i = 0; i < m->n_arms; i++) {
        int verb = (int)m->arms[i]->verb;
        if (verb != ARM_LOCK && verb != ARM_RLOCK && verb != ARM_ACQUIRE)
            return refuse(d, STATUS_INVALID, "only locks and permits are acquired together");
        if (verb != ARM_LOCK && m->arms[i]->value)
            return refuse(d, STATUS_INVALID, value_fault(m->arms[i]));
        if (!decode_arm(d, m->arms[i], &arms[i]))
            return false;
    }
    ret->op.acquire_all.arms = arms;
    ret->op.acquire_all.count = (uint32_t)m->n_arms;
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

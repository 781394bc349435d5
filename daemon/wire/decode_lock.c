/*
 * decode_lock.c - locks, permits, conditions, groups, counters, onces and flights: what takes, gives back, moves, waits and counts.
 *
 * Only form is judged here. Whether a token is the holder's, a kind takes a condition, or a change stays within its bounds is the engine's to
 * say. A time that is less than nothing is refused, as is a verb or a comparison that is none: read as "absent" it would do harm. So is a
 * RELEASE of no permits by token, since its absence stands for all that the token holds.
 *
 * Permits that are not given are one; an ACQUIRE of none is as good as Go's. ACQUIRE_ALL has a select's arms and stands with it.
 */
#include "codec.h"

bool decode_ttl(struct decode *d, bool has, int64_t ttl_ns, int64_t *ret)
{
    if (has && ttl_ns < 0)
        return refuse(d, STATUS_INVALID, "ttl is out of range");
    *ret = has ? ttl_ns : 0;
    return true;
}

uint64_t decode_permits(bool has, uint64_t permits)
{
    return has ? permits : 1;
}

bool decode_condition(struct decode *d, const Sluice__V1__Condition *m, struct condition *ret)
{
    *ret = (struct condition){0};
    if (!m)
        return true;
    if ((int)m->compare < COMPARE_NONE || (int)m->compare > COMPARE_GE)
        return refuse(d, STATUS_INVALID, "unknown comparison");
    ret->compare = (enum compare)m->compare;
    ret->operand = m->operand;
    return true;
}

bool decode_said(struct decode *d, const Sluice__V1__Value *m, struct value *ret)
{
    return decode_plain(d, m, "what a holder says of itself cannot be a handle", ret);
}

bool decode_lock(struct decode *d, const Sluice__V1__Lock *m, struct wire_request *ret)
{
    ret->op.lock.shared = m->shared;
    return decode_ref(d, m->ref, &ret->op.lock.ref) &&
           decode_ttl(d, m->has_ttl_ns, m->ttl_ns, &ret->op.lock.ttl_ns) &&
           decode_said(d, m->value, &ret->op.lock.value);
}

bool decode_unlock(struct decode *d, const Sluice__V1__Unlock *m, struct wire_request *ret)
{
    ret->op.unlock.token = m->token;
    ret->op.unlock.shared = m->shared;
    return decode_ref(d, m->ref, &ret->op.unlock.ref);
}

bool decode_acquire(struct decode *d, const Sluice__V1__Acquire *m, struct wire_request *ret)
{
    ret->op.acquire.permits = decode_permits(m->has_permits, m->permits);
    return decode_ref(d, m->ref, &ret->op.acquire.ref) &&
           decode_ttl(d, m->has_ttl_ns, m->ttl_ns, &ret->op.acquire.ttl_ns);
}

bool decode_release(struct decode *d, const Sluice__V1__Release *m, struct wire_request *ret)
{
    if (m->token && m->has_permits && m->permits == 0)
        return refuse(d, STATUS_INVALID, "a token releases one permit or more");
    ret->op.release.token = m->token;
    ret->op.release.permits = m->token ? m->permits : decode_permits(m->has_permits, m->permits);
    return decode_ref(d, m->ref, &ret->op.release.ref);
}

bool decode_adopt(struct decode *d, const Sluice__V1__Adopt *m, struct wire_request *ret)
{
    ret->op.adopt.token = m->token;
    ret->for_pid = m->for_pid;
    return m->for_pid >= 0 || refuse(d, STATUS_INVALID, "a process has a number above 0");
}

bool decode_wait(struct decode *d, const Sluice__V1__Wait *m, struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.wait.ref) &&
           decode_condition(d, m->condition, &ret->op.wait.condition);
}

bool decode_add(struct decode *d, const Sluice__V1__Add *m, struct wire_request *ret)
{
    ret->op.add.delta = m->delta;
    ret->op.add.owned = m->owned;
    return decode_ref(d, m->ref, &ret->op.add.ref);
}

bool decode_update(struct decode *d, const Sluice__V1__Update *m, struct wire_request *ret)
{
    if ((int)m->verb < COUNT_LOAD || (int)m->verb >= COUNT_VERBS)
        return refuse(d, STATUS_INVALID, "unknown change of a counter");
    ret->op.update.verb = (enum count_verb)m->verb;
    ret->op.update.operand = m->operand;
    ret->op.update.expected = m->expected;
    ret->op.update.fence = m->fence;
    return decode_ref(d, m->ref, &ret->op.update.ref);
}

bool decode_exchange(struct decode *d, const Sluice__V1__Exchange *m, struct wire_request *ret)
{
    if ((int)m->verb < CELL_LOAD || (int)m->verb >= CELL_VERBS)
        return refuse(d, STATUS_INVALID, "unknown change of a cell");
    ret->op.exchange.verb = (enum cell_verb)m->verb;
    ret->op.exchange.has_revision = m->has_revision;
    ret->op.exchange.revision = m->revision;
    ret->op.exchange.fence = m->fence;
    return decode_ref(d, m->ref, &ret->op.exchange.ref) &&
           decode_value(d, m->value, &ret->op.exchange.value) &&
           decode_value(d, m->expected, &ret->op.exchange.expected);
}

bool decode_begin(struct decode *d, const Sluice__V1__Begin *m, struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.begin.ref) &&
           decode_ttl(d, m->has_ttl_ns, m->ttl_ns, &ret->op.begin.ttl_ns) &&
           decode_key(d, &m->key, &ret->op.begin.key);
}

bool decode_end(struct decode *d, const Sluice__V1__End *m, struct wire_request *ret)
{
    ret->op.end.token = m->token;
    ret->op.end.failed = m->failed;
    ret->op.end.has_exit = m->has_exit;
    ret->op.end.exit = m->exit;
    return decode_ref(d, m->ref, &ret->op.end.ref) &&
           decode_plain(d, m->value, "a result cannot be a handle", &ret->op.end.value);
}

bool decode_forget(struct decode *d, const Sluice__V1__Forget *m, struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.forget.ref) && decode_key(d, &m->key, &ret->op.forget.key);
}

bool decode_cond_wait(struct decode *d, const Sluice__V1__CondWait *m, struct wire_request *ret)
{
    ret->op.cond_wait.token = m->token;
    return decode_ref(d, m->ref, &ret->op.cond_wait.ref) && decode_ref(d, m->lock, &ret->op.cond_wait.lock) &&
           decode_ttl(d, m->has_ttl_ns, m->ttl_ns, &ret->op.cond_wait.ttl_ns);
}

bool decode_signal(struct decode *d, const Sluice__V1__Signal *m, struct wire_request *ret)
{
    ret->op.signal.all = m->all;
    return decode_ref(d, m->ref, &ret->op.signal.ref);
}

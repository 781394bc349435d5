/*
 * kit_ops.c - requests for an engine under test (kit.h).
 *
 * One function an operation, with the fields that nearly every test sets; what is particular to one is set by the test. Names, texts and arms are
 * borrowed: they are the tests' literals.
 */
#include "kit.h"

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

struct op exchange(uint64_t session, const char *name, enum cell_verb verb, struct value value)
{
    struct op op = plain(OP_EXCHANGE, session);
    op.exchange.ref = by_name(name);
    op.exchange.verb = verb;
    op.exchange.value = value;
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

struct op begin_key(uint64_t session, const char *name, const char *key)
{
    struct op op = begin(session, name);
    op.begin.key = (struct bytes){key, strlen(key)};
    return op;
}

struct op make_limiter(uint64_t session, const char *name, struct limiter_spec spec)
{
    struct op op = make(session, name, KIND_LIMITER);
    op.make.limiter = spec;
    return op;
}

struct op take(uint64_t session, const char *name, const char *key, uint64_t permits)
{
    struct op op = plain(OP_TAKE, session);
    op.take.ref = by_name(name);
    op.take.key = (struct bytes){key, strlen(key)};
    op.take.permits = permits;
    return op;
}

struct op reserve(uint64_t session, const char *name, const char *key, uint64_t permits)
{
    struct op op = plain(OP_RESERVE, session);
    op.reserve.ref = by_name(name);
    op.reserve.key = (struct bytes){key, strlen(key)};
    op.reserve.permits = permits;
    return op;
}

struct op cond_wait(uint64_t session, const char *name, const char *mutex, uint64_t token)
{
    struct op op = plain(OP_COND_WAIT, session);
    op.cond_wait.ref = by_name(name);
    op.cond_wait.lock = by_name(mutex);
    op.cond_wait.token = token;
    return op;
}

struct op signal_one(uint64_t session, const char *name)
{
    struct op op = plain(OP_SIGNAL, session);
    op.signal.ref = by_name(name);
    return op;
}

struct op acquire_all(uint64_t session, const struct arm_spec *arms, uint32_t count)
{
    struct op op = plain(OP_ACQUIRE_ALL, session);
    op.acquire_all.arms = arms;
    op.acquire_all.count = count;
    return op;
}

struct arm_spec arm_of(enum arm_verb verb, const char *name)
{
    return (struct arm_spec){.verb = verb, .ref = by_name(name), .permits = 1};
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

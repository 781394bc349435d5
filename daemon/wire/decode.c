/*
 * decode.c - one Request: its envelope, and which operation it is.
 *
 * Total: any bytes give a request or a refusal. Bytes that are no Request are MALFORMED; a Request whose operation is not among ours, or is
 * absent, is UNKNOWN_OP, so that a newer client can tell. Here too are the operations whose message is a line.
 *
 * A refusal leaves *ret with the number of the request, when that was seen, so that the answer finds its way.
 */
#include <stdio.h>
#include <string.h>

#include "codec.h"
#include "unpack.h"

bool refuse(struct decode *d, enum status status, const char *message)
{
    d->refusal = (struct wire_refusal){.status = status, .message = message};
    return false;
}

bool refuse_limit(struct decode *d, enum status status, const char *name, uint64_t value, uint64_t use)
{
    d->refusal = (struct wire_refusal){.status = status, .limit = {name, value, use}};
    return false;
}

bool check_size(struct decode *d, size_t size, uint64_t max, const char *limit)
{
    return size <= max || refuse_limit(d, STATUS_TOO_LARGE, limit, max, size);
}

void *take_array(struct decode *d, size_t count, size_t size)
{
    void *p = arena_array(&d->w->arena, count, size);
    if (!p)
        refuse(d, STATUS_NO_MEMORY, NULL);
    return p;
}

/* ---- Operations that are a line or two. ---- */

static bool decode_bye(struct decode *d, const Sluice__V1__Bye *m, struct wire_request *ret)
{
    (void)d, (void)m, (void)ret;
    return true;
}

static bool decode_ping(struct decode *d, const Sluice__V1__Ping *m, struct wire_request *ret)
{
    (void)d, (void)m, (void)ret;
    return true;
}

static bool decode_status(struct decode *d, const Sluice__V1__GetStatus *m, struct wire_request *ret)
{
    (void)d, (void)m, (void)ret;
    return true;
}

static bool decode_deadlock(struct decode *d, const Sluice__V1__Deadlock *m, struct wire_request *ret)
{
    (void)d, (void)m, (void)ret;
    return true;
}

static bool decode_reflect(struct decode *d, const Sluice__V1__Reflect *m, struct wire_request *ret)
{
    (void)d, (void)m, (void)ret;
    return true;
}

static bool decode_cancel(struct decode *d, const Sluice__V1__Cancel *m, struct wire_request *ret)
{
    (void)d;
    ret->op.cancel.seq = m->seq;
    return true;
}

static bool decode_drop(struct decode *d, const Sluice__V1__Drop *m, struct wire_request *ret)
{
    (void)d;
    ret->op.drop.handle = m->handle;
    return true;
}

static bool decode_quiesce(struct decode *d, const Sluice__V1__Quiesce *m, struct wire_request *ret)
{
    (void)d;
    ret->op.quiesce.parked_min = m->parked_min;
    return true;
}

static bool decode_open(struct decode *d, const Sluice__V1__Open *m, struct wire_request *ret)
{
    ret->op.open.has_kind = m->has_kind;
    return decode_ref(d, m->ref, &ret->op.open.ref) &&
           decode_rights(d, m->has_rights, m->rights, &ret->op.open.rights) &&
           (!m->has_kind || decode_kind(d, m->kind, &ret->op.open.kind));
}

static bool decode_dup(struct decode *d, const Sluice__V1__Dup *m, struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.dup.ref) &&
           decode_rights(d, m->has_rights, m->rights, &ret->op.dup.rights);
}

static bool decode_remove(struct decode *d, const Sluice__V1__Remove *m, struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.remove.ref);
}

static bool decode_close(struct decode *d, const Sluice__V1__Close *m, struct wire_request *ret)
{
    ret->op.close.fence = m->fence;
    return decode_ref(d, m->ref, &ret->op.close.ref);
}

static bool decode_stop(struct decode *d, const Sluice__V1__Stop *m, struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.stop.ref);
}

static bool decode_describe(struct decode *d, const Sluice__V1__Describe *m, struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.describe.ref);
}

static bool decode_reset(struct decode *d, const Sluice__V1__Reset *m, struct wire_request *ret)
{
    ret->op.reset.duration_ns = m->duration_ns;
    return decode_ref(d, m->ref, &ret->op.reset.ref);
}

static bool decode_context_cancel(struct decode *d, const Sluice__V1__ContextCancel *m,
                                  struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.context_cancel.ref) &&
           decode_cause(d, m->has_cause, &m->cause, &ret->op.context_cancel.cause);
}

static bool decode_context_value(struct decode *d, const Sluice__V1__ContextValue *m,
                                 struct wire_request *ret)
{
    return decode_ref(d, m->ref, &ret->op.context_value.ref) &&
           decode_key_part(d, &m->space, &ret->op.context_value.space) &&
           decode_key_part(d, &m->type, &ret->op.context_value.type) &&
           decode_key_part(d, &m->name, &ret->op.context_value.name);
}

/* ---- The envelope. ---- */

static bool decode_op(struct decode *d, const Sluice__V1__Request *m, struct wire_request *ret)
{
#define OP_WAIT(NAME, name)              \
    case SLUICE__V1__REQUEST__OP_##NAME: \
        ret->op.code = OP_##NAME;        \
        return decode_##name(d, m->name, ret);
#define OP_STEP(NAME, name)   OP_WAIT(NAME, name)
#define OP_QUERY(NAME, name)  OP_WAIT(NAME, name)
#define OP_DAEMON(NAME, name) OP_WAIT(NAME, name)
#define OP_EVENT(NAME, name)
#define OP(NAME, name, tag, class, help) OP_##class(NAME, name)
    switch ((int)m->op_case) {
#include "ops.def"
    default: return refuse(d, STATUS_UNKNOWN_OP, NULL);
    }
#undef OP
}

/* What stands around the operation. */
static bool decode_envelope(struct decode *d, const Sluice__V1__Request *m, struct wire_request *ret)
{
    struct op *op = &ret->op;
    op->acked_below = m->acked_below;
    op->acked = m->acked;
    op->acked_count = (uint32_t)m->n_acked;
    op->no_wait = m->no_wait;
    op->task = m->task;
    op->has_timeout = m->has_timeout_ns;
    op->timeout_ns = (int64_t)m->timeout_ns;
    op->has_context = m->context != NULL;
    if (m->timeout_ns > INT64_MAX)
        return refuse(d, STATUS_INVALID, "timeout is out of range");
    if (m->n_acked > ACKED_EXTRA_MAX)
        return refuse_limit(d, STATUS_LIMIT, "acked_extra_max", ACKED_EXTRA_MAX, m->n_acked);
    if (m->has_session) {
        if (m->session.len != SESSION_ID_SIZE)
            return refuse(d, STATUS_INVALID, "a session's id has 16 bytes");
        ret->has_session = true;
        memcpy(ret->session, m->session.data, SESSION_ID_SIZE);
    }
    return decode_ref(d, m->context, &op->context);
}

/* Why the bytes did not become a message. */
static bool refuse_unpack(struct decode *d, const struct unpack *u)
{
    if (u->error == UNPACK_MALFORMED)
        return refuse(d, STATUS_MALFORMED, NULL);
    if (u->error == UNPACK_NO_MEMORY)
        return refuse(d, STATUS_NO_MEMORY, NULL);
    if (u->owner == &sluice__v1__request__descriptor)
        return refuse_limit(d, STATUS_LIMIT, "acked_extra_max", ACKED_EXTRA_MAX, u->count);
    if (u->owner == &sluice__v1__context_spec__descriptor)
        return refuse_limit(d, STATUS_LIMIT, "context_values_max", CONTEXT_VALUES_MAX, u->count);
    if (u->owner == &sluice__v1__acquire_all__descriptor)
        return refuse_limit(d, STATUS_LIMIT, "acquire_all_max", ACQUIRE_ALL_MAX, u->count);
    if (u->owner == &sluice__v1__go__descriptor)
        return refuse_limit(d, STATUS_LIMIT, "after_max", AFTER_MAX, u->count);
    if (u->owner == &sluice__v1__work__descriptor)
        return refuse_limit(d, STATUS_LIMIT, "functions_max", FUNCTIONS_MAX, u->count);
    if (u->owner != &sluice__v1__select__descriptor)
        return refuse_limit(d, STATUS_LIMIT, "batch_items_max", BATCH_ITEMS_MAX, u->count);
    refuse_limit(d, STATUS_LIMIT, "select_arms_max", SELECT_ARMS_MAX, u->count);
    d->refusal.message = "reflect.Select: too many cases (max 65536)";
    return false;
}

static_assert(SELECT_ARMS_MAX == UNPACK_REPEATED_MAX && BATCH_ITEMS_MAX == UNPACK_REPEATED_MAX &&
                  ACKED_EXTRA_MAX < UNPACK_REPEATED_MAX && CONTEXT_VALUES_MAX < UNPACK_REPEATED_MAX &&
                  ACQUIRE_ALL_MAX < UNPACK_REPEATED_MAX && AFTER_MAX < UNPACK_REPEATED_MAX &&
                  FUNCTIONS_MAX < UNPACK_REPEATED_MAX,
              "what unpack lets through is the largest of the counts");

bool wire_decode(struct wire *w, const void *body, size_t size, struct wire_request *ret,
                 struct wire_refusal *ret_refusal)
{
    arena_reset(&w->arena);
    *ret = (struct wire_request){.op.code = OP_COUNT};
    struct decode d = {.w = w};
    struct unpack u = {.arena = &w->arena};
    Sluice__V1__Request m;
    bool whole = unpack_message(&u, &sluice__v1__request__descriptor, body, size, &m.base);
    ret->op.seq = m.seq;
    if (whole ? decode_envelope(&d, &m, ret) && decode_op(&d, &m, ret) : refuse_unpack(&d, &u))
        return true;
    *ret_refusal = d.refusal;
    return false;
}

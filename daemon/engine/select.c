/*
 * select.c - the operations that wait: send, receive, their batches, and select.
 *
 * A plain operation is a select of one case. Every case's object is looked up and every value copied once, in order, before anything is
 * chosen (Go's evaluation rule); the values of losing cases are dropped with the call.
 *
 * What it refuses: an object that is not there, a kind that does not take the verb, a handle without the right (with the texts of
 * package reflect), a value of another type than the channel's.
 */
#include "handlers.h"

#include "channel.h"
#include "counter.h"
#include "hold.h"
#include "item.h"
#include "lease.h"
#include "session.h"
#include "state.h"
#include "wait.h"

/* Why a case cannot be. */
struct case_error {
    enum status status; /* OK: it can */
    const char *message;
    bool handles; /* it is for want of a handle slot */
};

static struct case_error case_fails(enum status status, const char *message)
{
    return (struct case_error){.status = status, .message = message};
}

static void case_refuse(struct engine *e, struct call *c, const struct op *op, const struct case_error *why)
{
    if (why->handles)
        session_refuse_handle(e, c->session, c, op);
    else if (why->status == STATUS_NO_MEMORY)
        call_refuse_memory(e, c, op);
    else
        call_refuse(e, c, op, why->status, why->message);
}

/* The object a case is about: NULL for nil, which only channels and the arms of a select have. */
static struct case_error case_resolve(struct engine *e, struct call *c, const struct ref *ref,
                                      enum arm_verb verb, struct object **ret)
{
    static const char *const plain[] = {
        [ARM_SEND] = "reflect: send on recv-only channel", [ARM_RECV] = "reflect: recv on send-only channel"};
    static const char *const dynamic[] = {[ARM_SEND] = "reflect.Select: SendDir case using recv-only channel",
                                          [ARM_RECV] =
                                              "reflect.Select: RecvDir case using send-only channel"};
    uint8_t rights;
    enum status st = object_resolve(e, c->session, ref, ret, &rights);
    if (st == STATUS_OK && !*ret && verb != ARM_SEND && verb != ARM_RECV && c->op != OP_SELECT)
        st = STATUS_INVALID;
    if (st != STATUS_OK || !*ret)
        return case_fails(st, NULL);
    if (!object_kind(*ret)->arms[verb])
        return case_fails(STATUS_WRONG_KIND, NULL);
    if (rights & (verb == ARM_SEND ? RIGHT_SEND : RIGHT_RECV))
        return case_fails(STATUS_OK, NULL);
    if (verb != ARM_SEND && verb != ARM_RECV)
        return case_fails(STATUS_NO_RIGHT, NULL);
    return case_fails(STATUS_NO_RIGHT, c->op == OP_SELECT ? dynamic[verb] : plain[verb]);
}

static struct case_error case_send(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                                   const struct value *values, uint32_t count)
{
    struct object *o;
    struct case_error err = case_resolve(e, c, ref, ARM_SEND, &o);
    if (err.status != STATUS_OK)
        return err;
    struct arm *a = wait_case(c, i, ARM_SEND, o);
    struct list_node **tail = NULL;
    for (uint32_t k = 0; k < count; k++) {
        struct item *item;
        if (o && values[k].type != (enum value_type)channel_of(o)->type)
            return case_fails(STATUS_WRONG_TYPE, NULL);
        enum status st = item_new(e, c->session, &values[k], &item);
        if (st != STATUS_OK)
            return case_fails(
                st, st == STATUS_NO_RIGHT ? "a handle cannot be sent with more rights than it has" : NULL);
        if (tail)
            *tail = &item->link;
        else
            a->items = item;
        tail = &item->link.next;
    }
    return err;
}

static struct case_error case_recv(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                                   uint32_t max, int64_t lease_ns)
{
    struct object *o;
    struct case_error err = case_resolve(e, c, ref, ARM_RECV, &o);
    if (err.status != STATUS_OK)
        return err;
    struct arm *a = wait_case(c, i, ARM_RECV, o);
    a->count = max;
    if (!o || o->kind != KIND_CHANNEL)
        return err;
    a->lease_ns = lease_ns > 0 ? lease_ns : 0;
    if (a->lease_ns && !c->spare && !(c->spare = lease_new(e)))
        return case_fails(STATUS_NO_MEMORY, NULL);
    if (channel_of(o)->type == VALUE_HANDLE && !c->promised) {
        if (!session_promise_handles(e, c->session, 1))
            return (struct case_error){.status = STATUS_LIMIT, .handles = true};
        c->promised = true;
    }
    return err;
}

/* Start the call when its one case stands. */
static void select_run(struct engine *e, struct call *c, const struct op *op, struct case_error err)
{
    if (err.status == STATUS_OK)
        wait_start(e, c, op, UINT32_MAX);
    else
        case_refuse(e, c, op, &err);
}

void op_send(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (c)
        select_run(e, c, op, case_send(e, c, 0, &op->send.ref, &op->send.value, 1));
}

void op_recv(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (!c)
        return;
    c->result = RESULT_ITEM;
    select_run(e, c, op, case_recv(e, c, 0, &op->recv.ref, 1, op->recv.lease_ns));
}

void op_send_many(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (!c)
        return;
    c->result = RESULT_COUNT;
    struct case_error err = case_send(e, c, 0, &op->send_many.ref, op->send_many.values, op->send_many.count);
    if (err.status == STATUS_OK && op->send_many.count == 0 && c->arms[0].object)
        call_complete(e, c, channel_of(c->arms[0].object)->closed ? STATUS_SEND_ON_CLOSED : STATUS_OK);
    else
        select_run(e, c, op, err);
}

void op_recv_many(struct engine *e, struct session *s, const struct op *op)
{
    assert(op->recv_many.max > 0);
    struct call *c = call_new(e, s, op, 1, 0);
    if (!c)
        return;
    c->result = RESULT_ITEMS;
    select_run(e, c, op, case_recv(e, c, 0, &op->recv_many.ref, op->recv_many.max, op->recv_many.lease_ns));
}

/* A lock, permits, a run: what is granted has its room taken now. */
static struct case_error case_hold(struct engine *e, struct call *c, uint32_t i, enum arm_verb verb,
                                   const struct ref *ref, int64_t ttl_ns, uint64_t permits)
{
    struct object *o;
    struct case_error err = case_resolve(e, c, ref, verb, &o);
    if (err.status != STATUS_OK)
        return err;
    struct arm *a = wait_case(c, i, verb, o);
    a->permits = permits;
    a->ttl_ns = ttl_ns;
    return hold_new(e, c) ? err : case_fails(STATUS_NO_MEMORY, NULL);
}

static struct case_error case_wait(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                                   const struct condition *condition)
{
    struct object *o;
    struct case_error err = case_resolve(e, c, ref, ARM_WAIT, &o);
    if (err.status != STATUS_OK)
        return err;
    struct arm *a = wait_case(c, i, ARM_WAIT, o);
    a->operand = condition->operand;
    a->count = condition->compare;
    if (!o)
        return err;
    if ((o->kind == KIND_COUNTER) != (condition->compare != COMPARE_NONE))
        return case_fails(STATUS_INVALID, o->kind == KIND_COUNTER
                                              ? "a wait on a counter needs a condition"
                                              : "only a counter is waited for with a condition");
    return o->kind != KIND_COUNTER || counter_equip(o, a) ? err : case_fails(STATUS_NO_MEMORY, NULL);
}

void op_lock(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    enum arm_verb verb = op->lock.shared ? ARM_RLOCK : ARM_LOCK;
    if (c)
        select_run(e, c, op, case_hold(e, c, 0, verb, &op->lock.ref, op->lock.ttl_ns, 1));
}

void op_acquire(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (c)
        select_run(
            e, c, op,
            case_hold(e, c, 0, ARM_ACQUIRE, &op->acquire.ref, op->acquire.ttl_ns, op->acquire.permits));
}

void op_begin(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (c)
        select_run(e, c, op, case_hold(e, c, 0, ARM_BEGIN, &op->begin.ref, op->begin.ttl_ns, 1));
}

void op_wait(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (c)
        select_run(e, c, op, case_wait(e, c, 0, &op->wait.ref, &op->wait.condition));
}

static struct case_error select_case(struct engine *e, struct call *c, uint32_t i,
                                     const struct arm_spec *spec, uint32_t *dflt)
{
    switch (spec->verb) {
    case ARM_SEND: return case_send(e, c, i, &spec->ref, &spec->value, 1);
    case ARM_RECV: return case_recv(e, c, i, &spec->ref, 1, spec->lease_ns);
    case ARM_AFTER: wait_case(c, i, ARM_AFTER, NULL)->delay_ns = spec->delay_ns; break;
    case ARM_DEFAULT:
        wait_case(c, i, ARM_DEFAULT, NULL);
        if (*dflt != UINT32_MAX)
            return case_fails(STATUS_INVALID, "reflect.Select: multiple default cases");
        *dflt = i;
        break;
    case ARM_LOCK:
    case ARM_RLOCK:
    case ARM_ACQUIRE:
    case ARM_BEGIN: return case_hold(e, c, i, spec->verb, &spec->ref, spec->lease_ns, spec->permits);
    case ARM_WAIT: return case_wait(e, c, i, &spec->ref, &spec->condition);
    case ARM_NONE:
    case ARM_COUNT: return case_fails(STATUS_INVALID, "reflect.Select: invalid Dir");
    }
    return case_fails(STATUS_OK, NULL);
}

void op_select(struct engine *e, struct session *s, const struct op *op)
{
    uint32_t after = 0, dflt = UINT32_MAX;
    for (uint32_t i = 0; i < op->select.count; i++)
        after += op->select.arms[i].verb == ARM_AFTER;
    struct call *c = call_new(e, s, op, op->select.count, after);
    if (!c)
        return;
    c->result = RESULT_ITEM;
    for (uint32_t i = 0; i < op->select.count; i++) {
        struct case_error err = select_case(e, c, i, &op->select.arms[i], &dflt);
        if (err.status != STATUS_OK) {
            case_refuse(e, c, op, &err);
            return;
        }
    }
    wait_start(e, c, op, dflt);
}

/*
 * select.c - the operations that wait: send, receive, their batches, locks, groups, and select.
 *
 * A plain operation is a select of one case (case.h). ACQUIRE_ALL has many, and waits until all of them are ready.
 */
#include "handlers.h"

#include "case.h"
#include "channel.h"
#include "cond.h"
#include "semaphore.h"
#include "state.h"
#include "wait.h"

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
    const struct send_spec spec = {&op->send.value, &op->send.rank, 1, op->send.fence};
    struct call *c = call_new(e, s, op, 1, 0);
    if (c)
        select_run(e, c, op, case_send(e, c, 0, &op->send.ref, &spec));
}

void op_recv(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (!c)
        return;
    const struct recv_spec spec = {1, op->recv.lease_ns, op->recv.fence};
    c->result = RESULT_ITEM;
    select_run(e, c, op, case_recv(e, c, 0, &op->recv.ref, &spec));
}

void op_send_many(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (!c)
        return;
    c->result = RESULT_COUNT;
    const struct send_spec spec = {op->send_many.values, op->send_many.ranks, op->send_many.count,
                                   op->send_many.fence};
    struct case_error err = case_send(e, c, 0, &op->send_many.ref, &spec);
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
    const struct recv_spec spec = {op->recv_many.max, op->recv_many.lease_ns, op->recv_many.fence};
    c->result = RESULT_ITEMS;
    select_run(e, c, op, case_recv(e, c, 0, &op->recv_many.ref, &spec));
}

/* LOCK, ACQUIRE and BEGIN: one arm, by what it would be in a select. */
static void select_hold(struct engine *e, struct session *s, const struct op *op, const struct arm_spec *spec)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (c)
        select_run(e, c, op, case_hold(e, c, 0, spec));
}

void op_lock(struct engine *e, struct session *s, const struct op *op)
{
    const struct arm_spec spec = {.verb = op->lock.shared ? ARM_RLOCK : ARM_LOCK,
                                  .ref = op->lock.ref,
                                  .lease_ns = op->lock.ttl_ns,
                                  .value = op->lock.value};
    select_hold(e, s, op, &spec);
}

void op_acquire(struct engine *e, struct session *s, const struct op *op)
{
    const struct arm_spec spec = {.verb = ARM_ACQUIRE,
                                  .ref = op->acquire.ref,
                                  .lease_ns = op->acquire.ttl_ns,
                                  .permits = op->acquire.permits};
    select_hold(e, s, op, &spec);
}

void op_begin(struct engine *e, struct session *s, const struct op *op)
{
    const struct arm_spec spec = {
        .verb = ARM_BEGIN, .ref = op->begin.ref, .lease_ns = op->begin.ttl_ns, .key = op->begin.key};
    select_hold(e, s, op, &spec);
}

/* Whether case i names what an earlier one does. */
static bool select_names_twice(const struct call *c, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++)
        if (c->arms[k].object == c->arms[i].object)
            return true;
    return false;
}

/* One of an ACQUIRE_ALL: what could never be granted together with the others is refused. */
static struct case_error select_one_of_all(struct engine *e, struct call *c, uint32_t i,
                                           const struct arm_spec *spec)
{
    if (spec->verb != ARM_LOCK && spec->verb != ARM_RLOCK && spec->verb != ARM_ACQUIRE)
        return case_fails(STATUS_INVALID, "only locks and permits are acquired together");
    struct case_error err = case_hold(e, c, i, spec);
    if (err.status != STATUS_OK)
        return err;
    if (select_names_twice(c, i))
        return case_fails(STATUS_INVALID, "an object may be named once");
    if (spec->verb == ARM_ACQUIRE && spec->permits == 0)
        return case_fails(STATUS_INVALID, "one permit or more is acquired with others");
    if (spec->verb == ARM_ACQUIRE && spec->permits > semaphore_size(c->arms[i].object))
        return case_fails(STATUS_INVALID, "more permits than the semaphore has");
    return err;
}

void op_acquire_all(struct engine *e, struct session *s, const struct op *op)
{
    if (op->acquire_all.count == 0 || op->acquire_all.count > ACQUIRE_ALL_MAX) {
        call_refuse(e, NULL, op, STATUS_INVALID, "1 to 64 locks and permits are acquired together");
        return;
    }
    struct call *c = call_new(e, s, op, op->acquire_all.count, 0);
    if (!c)
        return;
    for (uint32_t i = 0; i < op->acquire_all.count; i++) {
        struct case_error err = select_one_of_all(e, c, i, &op->acquire_all.arms[i]);
        if (err.status != STATUS_OK) {
            case_refuse(e, c, op, &err);
            return;
        }
    }
    wait_start(e, c, op, UINT32_MAX);
}

void op_call(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (c)
        select_run(e, c, op, case_call(e, c, 0, &op->call.ref, &op->call.value));
}

void op_serve(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (c)
        select_run(e, c, op, case_serve(e, c, 0, &op->serve.ref, op->serve.token));
}

void op_pull(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (c)
        select_run(e, c, op, case_pull(e, c, 0, &op->pull.ref, op->pull.token));
}

void op_watch(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 1, 0);
    if (c)
        select_run(e, c, op, case_watch(e, c, 0, &op->watch.ref, op->watch.token));
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
    const struct send_spec send = {&spec->value, &spec->rank, 1, spec->token};
    const struct recv_spec recv = {1, spec->lease_ns, spec->token};
    const struct take_spec take = {spec->key, spec->permits, spec->lease_ns, false};
    switch (spec->verb) {
    case ARM_SEND: return case_send(e, c, i, &spec->ref, &send);
    case ARM_RECV: return case_recv(e, c, i, &spec->ref, &recv);
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
    case ARM_BEGIN: return case_hold(e, c, i, spec);
    case ARM_WAIT: return case_wait(e, c, i, &spec->ref, &spec->condition);
    case ARM_COND: return case_cond(e, c, i, spec);
    case ARM_TAKE: return case_take(e, c, i, &spec->ref, &take);
    case ARM_CALL: return case_call(e, c, i, &spec->ref, &spec->value);
    case ARM_SERVE: return case_serve(e, c, i, &spec->ref, spec->token);
    case ARM_PULL: return case_pull(e, c, i, &spec->ref, spec->token);
    case ARM_WATCH: return case_watch(e, c, i, &spec->ref, spec->token);
    case ARM_GO: return case_fails(STATUS_INVALID, "a task is submitted by go, not in a select");
    case ARM_NONE:
    case ARM_COUNT: return case_fails(STATUS_INVALID, "reflect.Select: invalid Dir");
    }
    return case_fails(STATUS_OK, NULL);
}

void op_select(struct engine *e, struct session *s, const struct op *op)
{
    uint32_t after = 0, dflt = UINT32_MAX, cond = UINT32_MAX;
    for (uint32_t i = 0; i < op->select.count; i++)
        after += op->select.arms[i].verb == ARM_AFTER || op->select.arms[i].verb == ARM_TAKE;
    struct call *c = call_new(e, s, op, op->select.count, after);
    if (!c)
        return;
    c->result = RESULT_ITEM;
    for (uint32_t i = 0; i < op->select.count; i++) {
        struct case_error err = select_case(e, c, i, &op->select.arms[i], &dflt);
        if (err.status == STATUS_OK && op->select.arms[i].verb == ARM_COND) {
            if (cond != UINT32_MAX)
                err = case_fails(STATUS_INVALID, "only one arm of a select may wait for a signal");
            cond = i;
        }
        if (err.status != STATUS_OK) {
            case_refuse(e, c, op, &err);
            return;
        }
    }
    if (cond == UINT32_MAX || cond_leave(e, c, op, &c->arms[cond], op->select.arms[cond].token))
        wait_start(e, c, op, dflt);
}

/*
 * case.c - one arm of each verb (case.h).
 *
 * What it refuses: an object that is not there, a kind that does not take the verb, a handle without the right (with the texts of
 * package reflect), a value of another type than the channel's, a token that is not the newest, more than a limiter could ever allow.
 */
#include "case.h"

#include <inttypes.h>
#include <stdio.h>

#include "actor.h"
#include "channel.h"
#include "counter.h"
#include "fence.h"
#include "flight.h"
#include "hold.h"
#include "item.h"
#include "lease.h"
#include "limiter.h"
#include "lock.h"
#include "pool.h"
#include "session.h"
#include "state.h"
#include "wait.h"

struct case_error case_fails(enum status status, const char *message)
{
    return (struct case_error){.status = status, .message = message};
}

/* More was asked for than can ever be had: in Go's words. */
static void case_refuse_asked(struct engine *e, struct call *c, const struct op *op,
                              const struct case_error *why)
{
    snprintf(e->said, sizeof e->said, "rate: Wait(n=%" PRIu64 ") exceeds limiter's burst %" PRIu64,
             why->asked, why->most);
    call_refuse(e, c, op, why->status, e->said);
}

void case_refuse(struct engine *e, struct call *c, const struct op *op, const struct case_error *why)
{
    if (why->handles)
        session_refuse_handle(e, c->session, c, op);
    else if (why->asked > 0)
        case_refuse_asked(e, c, op, why);
    else if (why->limit.name)
        call_refuse_limit(e, c, op, why->limit.name, why->limit.value, why->limit.use);
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

/* Whether the token a case carries is good enough for the channel; needed: a fenced one takes none without. */
static struct case_error case_fence(const struct object *o, uint64_t token, bool needed)
{
    const char *message = NULL;
    if (!o || o->kind != KIND_CHANNEL)
        return case_fails(token ? STATUS_INVALID : STATUS_OK, token ? "only a channel sees tokens" : NULL);
    if (token == 0 && !needed)
        return case_fails(STATUS_OK, NULL);
    enum status st = fence_check(&channel_of(o)->fence, token, &message);
    return case_fails(st, message);
}

struct case_error case_send(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            const struct send_spec *spec)
{
    struct object *o;
    struct case_error err = case_resolve(e, c, ref, ARM_SEND, &o);
    if (err.status == STATUS_OK && o)
        err = case_fence(o, spec->fence, true);
    if (err.status != STATUS_OK)
        return err;
    struct arm *a = wait_case(c, i, ARM_SEND, o);
    a->fence = spec->fence;
    struct list_node **tail = NULL;
    for (uint32_t k = 0; k < spec->count; k++) {
        const struct value *value = &spec->values[k];
        int64_t rank = spec->ranks ? spec->ranks[k] : 0;
        struct item *item;
        if (o && value->type != (enum value_type)channel_of(o)->type)
            return case_fails(STATUS_WRONG_TYPE, NULL);
        if (o && rank != 0 && !channel_of(o)->ordered)
            return case_fails(STATUS_INVALID, "only an ordered channel takes ranks");
        enum status st = item_new(e, c->session, value, &item);
        if (st != STATUS_OK)
            return case_fails(
                st, st == STATUS_NO_RIGHT ? "a handle cannot be sent with more rights than it has" : NULL);
        item->rank = rank;
        if (tail)
            *tail = &item->link;
        else
            a->items = item;
        tail = &item->link.next;
    }
    return err;
}

struct case_error case_recv(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            const struct recv_spec *spec)
{
    struct object *o;
    struct case_error err = case_resolve(e, c, ref, ARM_RECV, &o);
    if (err.status == STATUS_OK && o)
        err = case_fence(o, spec->fence, false);
    if (err.status != STATUS_OK)
        return err;
    struct arm *a = wait_case(c, i, ARM_RECV, o);
    a->count = spec->max;
    if (!o || o->kind != KIND_CHANNEL)
        return err;
    a->fence = spec->fence;
    a->lease_ns = spec->lease_ns > 0 ? spec->lease_ns : 0;
    if (a->lease_ns && !c->spare && !(c->spare = lease_new(e)))
        return case_fails(STATUS_NO_MEMORY, NULL);
    if (channel_of(o)->type == VALUE_HANDLE && !c->promised) {
        if (!session_promise_handles(e, c->session, 1))
            return (struct case_error){.status = STATUS_LIMIT, .handles = true};
        c->promised = true;
    }
    return err;
}

/* What a BEGIN on a flight is about: the flight of its key. *o is replaced, with one reference that the arm takes over. */
static struct case_error case_flight(struct engine *e, struct call *c, struct bytes key, struct object **o)
{
    struct make_error error = {0};
    enum status st = flight_at(e, c->session, *o, key, o, &error);
    return (struct case_error){.status = st, .message = error.message, .limit = error.limit};
}

/* What the future holder says of itself. */
static struct case_error case_said(struct engine *e, struct call *c, struct arm *a, const struct value *v)
{
    if (v->type == VALUE_NONE)
        return case_fails(STATUS_OK, NULL);
    if (a->verb != ARM_LOCK || (a->object && a->object->kind != KIND_MUTEX))
        return case_fails(STATUS_INVALID, "only the holder of a mutex says something of itself");
    if (v->type == VALUE_HANDLE)
        return case_fails(STATUS_INVALID, "a holder cannot say a handle");
    return case_fails(a->object ? item_new(e, c->session, v, &a->said) : STATUS_OK, NULL);
}

/* A lock, permits, a run: what is granted has its room taken now. */
struct case_error case_hold(struct engine *e, struct call *c, uint32_t i, const struct arm_spec *spec)
{
    struct object *o;
    struct case_error err = case_resolve(e, c, &spec->ref, spec->verb, &o);
    if (err.status != STATUS_OK)
        return err;
    bool flight = o && o->kind == KIND_FLIGHT;
    if (spec->key.size > 0 && !flight)
        return case_fails(STATUS_INVALID, "only a flight has keys");
    if (flight && (err = case_flight(e, c, spec->key, &o)).status != STATUS_OK)
        return err;
    struct arm *a = wait_case(c, i, spec->verb, o);
    if (flight)
        object_unref(e, o); /* the arm has one */
    a->ttl_ns = spec->lease_ns;
    if (spec->verb == ARM_ACQUIRE)
        a->permits = spec->permits;
    err = case_said(e, c, a, &spec->value);
    if (err.status != STATUS_OK)
        return err;
    bool room = c->op == OP_ACQUIRE_ALL ? hold_new_more(e, c) : hold_new(e, c);
    return room ? err : case_fails(STATUS_NO_MEMORY, NULL);
}

/* What of a wait's condition the object takes; NULL: it is as it should be. */
static const char *condition_fault(const struct object *o, const struct condition *condition)
{
    if (o->kind == KIND_COUNTER)
        return condition->compare == COMPARE_NONE ? "a wait on a counter needs a condition" : NULL;
    if (o->kind == KIND_CELL)
        return condition->compare == COMPARE_NE
                   ? NULL
                   : "a wait on a cell is for another revision: its condition is NE";
    if (o->kind == KIND_MUTEX)
        return condition->compare == COMPARE_NE
                   ? NULL
                   : "a wait on a mutex is for another token: its condition is NE";
    return condition->compare == COMPARE_NONE ? NULL : "only a counter is waited for with a condition";
}

struct case_error case_wait(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
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
    const char *fault = condition_fault(o, condition);
    if (fault)
        return case_fails(STATUS_INVALID, fault);
    return o->kind != KIND_COUNTER || counter_equip(o, a) ? err : case_fails(STATUS_NO_MEMORY, NULL);
}

/* ---- TAKE ---- */

uint64_t case_taken(const struct arm *a)
{
    return a->verb == ARM_TAKE && limiter_books(a->object) ? a->booking->n : a->permits;
}

/* The arm for n of what stands under the key, which is a limiter or, of a concurrency limit, a semaphore. */
static struct case_error take_arm(struct engine *e, struct call *c, uint32_t i, struct object *o,
                                  const struct take_spec *spec)
{
    struct arm *a = wait_case(c, i, o->kind == KIND_SEMAPHORE ? ARM_ACQUIRE : ARM_TAKE, o);
    bool room = true;
    if (a->verb == ARM_ACQUIRE) {
        a->permits = spec->permits;
        a->ttl_ns = spec->ttl_ns;
        room = hold_new(e, c);
    } else if (limiter_books(o)) {
        room = (a->booking = booking_new(e, spec->permits));
    } else {
        a->permits = spec->permits;
    }
    return case_fails(room ? STATUS_OK : STATUS_NO_MEMORY, NULL);
}

/* What Go refuses before it looks at anything else, and a queue that is full. */
static struct case_error take_fits(const struct engine *e, const struct arm *a,
                                   const struct limiter_spec *limits, uint64_t n)
{
    uint64_t most = rule_most(limits);
    if (n > most)
        return (struct case_error){.status = STATUS_MISUSE, .most = most, .asked = n};
    if (limits->algorithm != LIMIT_QUEUE || wait_ready(e, a))
        return case_fails(STATUS_OK, NULL);
    uint64_t waiting = limiter_of(a->object)->waiting;
    if (n <= limits->burst && waiting <= limits->burst - n)
        return case_fails(STATUS_OK, NULL);
    return (struct case_error){.status = STATUS_LIMIT, .limit = {"queue", limits->burst, waiting + n}};
}

struct case_error case_take(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            const struct take_spec *spec)
{
    struct object *o, *at;
    struct make_error error = {0};
    struct case_error err = case_resolve(e, c, ref, ARM_TAKE, &o);
    if (err.status != STATUS_OK || !o) {
        wait_case(c, i, ARM_TAKE, NULL);
        return err;
    }
    const struct limiter_spec *limits = &limiter_of(o)->spec;
    if (spec->permits > LIMITER_COUNT_MAX && rule_most(limits) > LIMITER_COUNT_MAX)
        return case_fails(STATUS_INVALID, "at most 2^40 are asked for at once");
    enum status st = limiter_at(e, c->session, o, spec->key, &at, &error);
    if (st != STATUS_OK)
        return (struct case_error){.status = st, .message = error.message, .limit = error.limit};
    err = take_arm(e, c, i, at, spec);
    object_unref(e, at); /* the arm has one */
    if (err.status != STATUS_OK || spec->now)
        return err;
    return take_fits(e, &c->arms[i], limits, spec->permits);
}

/* ---- COND ---- */

struct case_error case_cond(struct engine *e, struct call *c, uint32_t i, const struct arm_spec *spec)
{
    struct object *o, *lock;
    const char *message = NULL;
    struct hold *h;
    struct case_error err = case_resolve(e, c, &spec->ref, ARM_COND, &o);
    if (err.status != STATUS_OK || !o) {
        wait_case(c, i, ARM_COND, NULL);
        return err;
    }
    enum status st = object_expect(e, c->session, &spec->lock, KIND_NONE, RIGHT_SEND | RIGHT_RECV, &lock);
    if (st == STATUS_OK && !object_kind(lock)->give)
        st = STATUS_WRONG_KIND;
    if (st == STATUS_OK)
        st = lock_held(e, lock, spec->token, &h, &message);
    if (st != STATUS_OK)
        return case_fails(st, message);
    struct arm *a = wait_case(c, i, ARM_COND, o);
    a->ttl_ns = spec->lease_ns;
    a->count = h->holding.shared ? ARM_RLOCK : ARM_LOCK;
    a->lock = lock;
    object_ref(lock);
    return case_fails(hold_new(e, c) ? STATUS_OK : STATUS_NO_MEMORY, NULL);
}

/* ---- Actors ---- */

struct case_error case_call(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            const struct value *value)
{
    struct object *o;
    struct case_error err = case_resolve(e, c, ref, ARM_CALL, &o);
    if (err.status != STATUS_OK)
        return err;
    struct arm *a = wait_case(c, i, ARM_CALL, o);
    if (value->type == VALUE_HANDLE)
        return case_fails(STATUS_INVALID, "an actor takes and gives no handles");
    return case_fails(item_new(e, c->session, value, &a->items), NULL);
}

struct case_error case_serve(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                             uint64_t token)
{
    struct object *o;
    const char *message = NULL;
    struct case_error err = case_resolve(e, c, ref, ARM_SERVE, &o);
    enum status st = err.status == STATUS_OK && o ? actor_check_server(e, o, token, &message) : STATUS_OK;
    if (st != STATUS_OK)
        return case_fails(st, message);
    if (err.status == STATUS_OK)
        wait_case(c, i, ARM_SERVE, o);
    return err;
}

/* ---- Workers ---- */

struct case_error case_pull(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            uint64_t token)
{
    struct object *o;
    struct case_error err = case_resolve(e, c, ref, ARM_PULL, &o);
    if (err.status != STATUS_OK)
        return err;
    if (o && !worker_find(e, pool_of(o), token))
        return case_fails(STATUS_STALE_TOKEN, NULL);
    wait_case(c, i, ARM_PULL, o)->token = token;
    return case_fails(hold_new(e, c) ? STATUS_OK : STATUS_NO_MEMORY, NULL);
}

struct case_error case_watch(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                             uint64_t token)
{
    struct object *o;
    struct case_error err = case_resolve(e, c, ref, ARM_WATCH, &o);
    if (err.status != STATUS_OK)
        return err;
    if (o && !hold_find(e, o, token))
        return case_fails(STATUS_STALE_TOKEN, NULL);
    wait_case(c, i, ARM_WATCH, o)->token = token;
    return err;
}

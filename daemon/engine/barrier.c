/*
 * barrier.c - a cyclic barrier.
 *
 * WAIT is to arrive; when as many have arrived as it has parties, all go on together and the next cycle begins. Each is told the number of
 * the cycle it was in, and the last to arrive that it was the last. Who leaves before (a timeout, a context, its death) has not arrived: the others wait for one
 * more, and the barrier is not broken.
 *
 * A select arrives once, in however many of its arms it names the barrier.
 *
 *     arrived < parties, always between steps
 *
 * Cost: O(1) to arrive, O(parties) to let go.
 */
#include "call.h"
#include "handlers.h"
#include "hold.h"
#include "object.h"
#include "state.h"
#include "wait.h"

struct barrier {
    struct object object;
    struct list waiters; /* arm.link */
    uint64_t cycle;      /* from 1 */
    uint32_t parties, arrived;
};

static struct barrier *barrier_of(const struct object *o)
{
    assert(o->kind == KIND_BARRIER);
    return container_of(o, struct barrier, object);
}

/* Whether another arm of the same call waits here. */
static bool arrive_twice(const struct arm *a)
{
    const struct call *c = a->call;
    for (uint32_t i = 0; i < c->cases; i++)
        if (&c->arms[i] != a && c->arms[i].parked && c->arms[i].object == a->object)
            return true;
    return false;
}

static bool arrive_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    const struct barrier *b = barrier_of(a->object);
    return b->arrived + 1 >= b->parties;
}

static void arrive_park(struct engine *e, struct arm *a)
{
    (void)e;
    struct barrier *b = barrier_of(a->object);
    list_push_back(&b->waiters, &a->link);
    b->arrived += !arrive_twice(a);
    object_touch(a->object);
}

static void arrive_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    struct barrier *b = barrier_of(a->object);
    list_remove(&a->link);
    b->arrived -= !arrive_twice(a);
    object_touch(a->object);
}

static void barrier_pass(struct engine *e, const struct barrier *b, struct call *c, bool last)
{
    c->result = RESULT_NUMBER;
    c->number = (int64_t)b->cycle;
    c->truth = last;
    call_complete(e, c, STATUS_OK);
}

/* The last one: all go on. */
static void arrive_commit(struct engine *e, struct arm *a)
{
    struct barrier *b = barrier_of(a->object);
    for (struct list_node *n; (n = list_first(&b->waiters));)
        barrier_pass(e, b, wait_claim(e, container_of(n, struct arm, link)), false);
    barrier_pass(e, b, a->call, true);
    b->cycle++;
    object_touch(&b->object);
}

static const struct arm_ops arrive_ops = {arrive_poll, arrive_park, arrive_unpark, arrive_commit};

static enum status barrier_make(struct engine *e, struct session *s, struct object *o,
                                const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    struct barrier *b = barrier_of(o);
    if (op->barrier.parties == 0 || op->barrier.parties > BARRIER_PARTIES_MAX) {
        error->message = "a barrier has 1 to 2^30 parties";
        return STATUS_INVALID;
    }
    list_init(&b->waiters);
    b->parties = op->barrier.parties;
    b->cycle = 1;
    return STATUS_OK;
}

static enum status barrier_match(struct engine *e, struct session *s, const struct object *o,
                                 const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    if (barrier_of(o)->parties == op->barrier.parties)
        return STATUS_OK;
    error->message = "the barrier exists with another number of parties";
    return STATUS_MISMATCH;
}

static void barrier_remove(struct engine *e, struct object *o)
{
    wait_fail_all(e, &barrier_of(o)->waiters, STATUS_REMOVED);
}

static const struct list *barrier_queue(const struct object *o, int i)
{
    return i == 0 ? &barrier_of(o)->waiters : NULL;
}

static void barrier_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct barrier *b = barrier_of(o);
    ret->barrier = (struct barrier_view){b->parties, b->arrived, b->cycle};
}

static void barrier_audit(const struct engine *e, const struct object *o)
{
    (void)e;
    const struct barrier *b = barrier_of(o);
    uint32_t arms = 0;
    list_for_each(n, &b->waiters)
        arms++;
    assert(b->arrived < b->parties && b->arrived <= arms && (arms > 0) == (b->arrived > 0));
}

const struct kind barrier_kind = {
    .arms = {[ARM_WAIT] = &arrive_ops},
    .size = sizeof(struct barrier),
    .make = barrier_make,
    .match = barrier_match,
    .remove = barrier_remove,
    .done = hold_done,
    .queue = barrier_queue,
    .view = barrier_view,
    .audit = barrier_audit,
};

/*
 * counter.c - sync/atomic's Int64 between processes.
 *
 * One 64-bit integer; every UPDATE is one step of the engine, so all of them have one order (seq-cst). ADD answers the new value and
 * wraps as Go's does; SWAP, AND, OR, XOR, STORE, MAX and MIN answer the old one; CAS says whether it swapped. With bounds, a change
 * that would leave them is refused and changes nothing, and nothing wraps. A repeated request does not count twice: that is the
 * exactly-once table's.
 *
 * WAIT parks until the value compares as asked. Waiters for >= and > stand in a heap by the least value that will do, those for <=
 * and < in another by the greatest: a change looks only at those it frees. Those for == and != are looked at one by one.
 *
 * Fenced: a change must carry a token (that of a lock, say) and none older than the newest it has seen, so that who lost the lock
 * cannot change what it guarded.
 */
#include "counter.h"

#include "call.h"
#include "fence.h"
#include "handlers.h"
#include "heap.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "wait.h"

struct counter {
    struct object object;
    struct heap rising; /* arm.due: waiters for >=, > by the least value that will do */
    struct heap
        falling;       /* arm.due: waiters for <=, < by minus the greatest, less one (two's complement's ~) */
    struct list exact; /* arm.link: waiters for == and != */
    int64_t value, min, max;
    struct fence fence;
    bool has_min, has_max;
};

static struct counter *counter_of(const struct object *o)
{
    assert(o->kind == KIND_COUNTER);
    return container_of(o, struct counter, object);
}

/* ---- Waiting ---- */

static struct condition arm_condition(const struct arm *a)
{
    return (struct condition){(enum compare)a->count, a->operand};
}

static bool condition_holds(struct condition c, int64_t value)
{
    switch (c.compare) {
    case COMPARE_EQ: return value == c.operand;
    case COMPARE_NE: return value != c.operand;
    case COMPARE_LT: return value < c.operand;
    case COMPARE_LE: return value <= c.operand;
    case COMPARE_GT: return value > c.operand;
    case COMPARE_GE: return value >= c.operand;
    case COMPARE_NONE: break;
    }
    return false;
}

/* The heap a condition waits in, with its key; NULL: the list. A condition that nothing fulfils (> MAX) stands in the list, too. */
static struct heap *condition_heap(struct counter *n, struct condition c, int64_t *ret_key)
{
    bool never = (c.compare == COMPARE_GT && c.operand == INT64_MAX) ||
                 (c.compare == COMPARE_LT && c.operand == INT64_MIN);
    if (never)
        return NULL;
    switch (c.compare) {
    case COMPARE_GE: *ret_key = c.operand; return &n->rising;
    case COMPARE_GT: *ret_key = c.operand + 1; return &n->rising;
    case COMPARE_LE: *ret_key = ~c.operand; return &n->falling;
    case COMPARE_LT: *ret_key = ~(c.operand - 1); return &n->falling;
    default: return NULL;
    }
}

bool counter_equip(struct object *o, struct arm *a)
{
    int64_t key;
    struct heap *heap = condition_heap(counter_of(o), arm_condition(a), &key);
    a->equipped = heap && heap_reserve(heap, 1);
    return !heap || a->equipped;
}

void counter_strip(struct object *o, struct arm *a)
{
    int64_t key;
    if (a->equipped)
        heap_release(condition_heap(counter_of(o), arm_condition(a), &key), 1);
    a->equipped = false;
}

static bool value_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return condition_holds(arm_condition(a), counter_of(a->object)->value);
}

static void value_park(struct engine *e, struct arm *a)
{
    (void)e;
    int64_t key;
    struct heap *heap = condition_heap(counter_of(a->object), arm_condition(a), &key);
    if (heap)
        heap_insert(heap, &a->due, key, DUE_ARM);
    else
        list_push_back(&counter_of(a->object)->exact, &a->link);
    object_touch(a->object);
}

static void value_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    int64_t key;
    struct heap *heap = condition_heap(counter_of(a->object), arm_condition(a), &key);
    if (heap)
        heap_remove(heap, &a->due);
    else
        list_remove(&a->link);
    object_touch(a->object);
}

static void value_commit(struct engine *e, struct arm *a)
{
    a->call->result = RESULT_NUMBER;
    a->call->number = counter_of(a->object)->value;
    call_complete(e, a->call, STATUS_OK);
}

static const struct arm_ops value_ops = {value_poll, value_park, value_unpark, value_commit};

static void counter_serve_heap(struct engine *e, struct heap *heap, int64_t key)
{
    for (struct heap_node *node; (node = heap_first(heap)) && node->due_ns <= key;)
        wait_fire(e, container_of(node, struct arm, due));
}

static void counter_serve(struct engine *e, struct object *o)
{
    struct counter *n = counter_of(o);
    counter_serve_heap(e, &n->rising, n->value);
    counter_serve_heap(e, &n->falling, ~n->value);
    for (struct list_node *at = list_first(&n->exact), *next; at; at = next) {
        next = list_next(&n->exact, at);
        struct arm *a = container_of(at, struct arm, link);
        if (!condition_holds(arm_condition(a), n->value))
            continue;
        while (next && container_of(next, struct arm, link)->call == a->call)
            next = list_next(&n->exact, next);
        wait_fire(e, a);
    }
}

/* ---- The object ---- */

static enum status counter_make(struct engine *e, struct session *s, struct object *o,
                                const struct make_op *op, struct make_error *error)
{
    (void)s;
    struct counter *n = counter_of(o);
    const struct counter_spec *spec = &op->counter;
    n->min = spec->has_min ? spec->min : INT64_MIN;
    n->max = spec->has_max ? spec->max : INT64_MAX;
    if (spec->value < n->min || spec->value > n->max) {
        error->message = "the first value lies outside the counter's bounds";
        return STATUS_INVALID;
    }
    heap_init(&n->rising, &e->mem);
    heap_init(&n->falling, &e->mem);
    list_init(&n->exact);
    n->value = spec->value;
    n->has_min = spec->has_min;
    n->has_max = spec->has_max;
    n->fence.required = spec->fenced;
    return STATUS_OK;
}

static enum status counter_match(struct engine *e, struct session *s, const struct object *o,
                                 const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    const struct counter *n = counter_of(o);
    const struct counter_spec *spec = &op->counter;
    if (n->has_min != spec->has_min || n->has_max != spec->has_max || (n->has_min && n->min != spec->min) ||
        (n->has_max && n->max != spec->max))
        error->message = "the counter exists with other bounds";
    else if (n->fence.required != spec->fenced)
        error->message =
            n->fence.required ? "the counter exists fenced" : "the counter exists without a fence";
    return error->message ? STATUS_MISMATCH : STATUS_OK;
}

static void counter_fail_heap(struct engine *e, struct heap *heap)
{
    for (struct heap_node *node; (node = heap_first(heap));)
        call_complete(e, wait_claim(e, container_of(node, struct arm, due)), STATUS_REMOVED);
}

static void counter_remove(struct engine *e, struct object *o)
{
    struct counter *n = counter_of(o);
    counter_fail_heap(e, &n->rising);
    counter_fail_heap(e, &n->falling);
    wait_fail_all(e, &n->exact, STATUS_REMOVED);
}

static void counter_done(struct engine *e, struct object *o)
{
    (void)e;
    heap_done(&counter_of(o)->rising);
    heap_done(&counter_of(o)->falling);
}

static const struct list *counter_queue(const struct object *o, int i)
{
    return i == 0 ? &counter_of(o)->exact : NULL;
}

/* Who stands in the heaps, in the order of their arrays. */
static const struct arm *counter_heaped(const struct object *o, const struct arm *prev)
{
    struct counter *n = counter_of(o);
    int64_t key;
    const struct heap *heap = prev ? condition_heap(n, arm_condition(prev), &key) : &n->rising;
    const struct heap_node *node = heap_next(heap, prev ? &prev->due : NULL);
    if (!node && heap == &n->rising)
        node = heap_next(&n->falling, NULL);
    return node ? container_of(node, struct arm, due) : NULL;
}

static void counter_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    ret->count.value = counter_of(o)->value;
    ret->count.fence = counter_of(o)->fence.newest;
}

static void counter_audit(const struct engine *e, const struct object *o)
{
    (void)e;
    const struct counter *n = counter_of(o);
    assert(n->value >= n->min && n->value <= n->max);
    heap_audit(&n->rising);
    heap_audit(&n->falling);
    assert(!heap_first(&n->rising) || heap_first(&n->rising)->due_ns > n->value);
    assert(!heap_first(&n->falling) || heap_first(&n->falling)->due_ns > ~n->value);
    list_for_each(at, &n->exact)
        assert(!condition_holds(arm_condition(container_of(at, struct arm, link)), n->value));
}

const struct kind counter_kind = {
    .arms = {[ARM_WAIT] = &value_ops},
    .size = sizeof(struct counter),
    .make = counter_make,
    .match = counter_match,
    .serve = counter_serve,
    .remove = counter_remove,
    .done = counter_done,
    .queue = counter_queue,
    .heaped = counter_heaped,
    .view = counter_view,
    .audit = counter_audit,
};

/* ---- UPDATE ---- */

/* What the value becomes; false: it would leave the bounds. */
static bool counter_next(const struct counter *n, const struct op *op, int64_t *ret)
{
    int64_t v = n->value, x = op->update.operand;
    switch (op->update.verb) {
    case COUNT_ADD:
        if (__builtin_add_overflow(v, x, &v) && (n->has_min || n->has_max))
            return false;
        break;
    case COUNT_STORE:
    case COUNT_SWAP: v = x; break;
    case COUNT_CAS: v = v == op->update.expected ? x : v; break;
    case COUNT_AND: v &= x; break;
    case COUNT_OR: v |= x; break;
    case COUNT_XOR: v ^= x; break;
    case COUNT_MAX: v = x > v ? x : v; break;
    case COUNT_MIN: v = x < v ? x : v; break;
    case COUNT_LOAD:
    case COUNT_VERBS: break;
    }
    *ret = v;
    return v >= n->min && v <= n->max;
}

void op_update(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    bool load = op->update.verb == COUNT_LOAD;
    enum status st = object_expect(e, s, &op->update.ref, KIND_COUNTER, load ? RIGHT_RECV : RIGHT_SEND, &o);
    const char *message = NULL;
    struct counter *n = st == STATUS_OK ? counter_of(o) : NULL;
    int64_t next = 0;
    if (n && !load)
        st = fence_check(&n->fence, op->update.fence, &message);
    if (st == STATUS_OK && !counter_next(n, op, &next)) {
        st = STATUS_INVALID;
        message = "the change would leave the counter's bounds";
    }
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, message);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    c->result = RESULT_NUMBER;
    c->number = op->update.verb == COUNT_ADD ? next : n->value;
    c->truth = op->update.verb == COUNT_CAS && n->value == op->update.expected;
    n->value = next;
    if (!load) {
        fence_see(&n->fence, op->update.fence);
        object_serve_soon(e, o);
    }
    call_complete(e, c, STATUS_OK);
}

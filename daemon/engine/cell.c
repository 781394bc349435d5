/*
 * cell.c - sync/atomic's Value between processes.
 *
 * One value, empty at first; every EXCHANGE is one step of the engine, so all of them have one order. The first store fixes the type for ever. STORE and SWAP
 * answer the old value, CAS the one it found and whether it swapped. To store nothing, or another type, is Go's panic as a status, and
 * changes nothing.
 *
 * Each change has a revision, one more than the last: CAS may compare that in place of the value, and WAIT answers as soon as the revision
 * is another than the one the caller knows. Values are compared by type and bytes.
 *
 * Cost: O(size) to store and to compare, O(waiters) a change.
 */
#include <string.h>

#include "call.h"
#include "fence.h"
#include "handlers.h"
#include "hold.h"
#include "item.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "wait.h"

struct cell {
    struct object object;
    struct list watchers; /* arm.link */
    struct item *value;   /* one reference; NULL: empty */
    uint64_t revision;
    struct fence fence;
};

static struct cell *cell_of(const struct object *o)
{
    assert(o->kind == KIND_CELL);
    return container_of(o, struct cell, object);
}

/* c's result: this value, of the present revision. */
static void cell_tell(const struct cell *x, struct call *c, struct item *value)
{
    c->result = RESULT_CELL;
    c->cell.revision = x->revision;
    c->cell.value = value;
    if (value)
        value->refs++;
}

/* ---- Watching ---- */

static bool revision_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return cell_of(a->object)->revision != (uint64_t)a->operand;
}

static void revision_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&cell_of(a->object)->watchers, &a->link);
    object_touch(a->object);
}

static void revision_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

static void revision_commit(struct engine *e, struct arm *a)
{
    const struct cell *x = cell_of(a->object);
    cell_tell(x, a->call, x->value);
    call_complete(e, a->call, STATUS_OK);
}

static const struct arm_ops revision_ops = {revision_poll, revision_park, revision_unpark, revision_commit};

static void cell_serve(struct engine *e, struct object *o)
{
    struct cell *x = cell_of(o);
    for (struct list_node *n = list_first(&x->watchers), *next; n; n = next) {
        next = list_next(&x->watchers, n);
        struct arm *a = container_of(n, struct arm, link);
        if (!revision_poll(e, a))
            continue;
        while (next && container_of(next, struct arm, link)->call == a->call)
            next = list_next(&x->watchers, next);
        wait_fire(e, a);
    }
}

/* ---- The object ---- */

static enum status cell_make(struct engine *e, struct session *s, struct object *o, const struct make_op *op,
                             struct make_error *error)
{
    (void)e;
    (void)s;
    (void)error;
    list_init(&cell_of(o)->watchers);
    cell_of(o)->fence.required = op->cell.fenced;
    return STATUS_OK;
}

static enum status cell_match(struct engine *e, struct session *s, const struct object *o,
                              const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    bool fenced = cell_of(o)->fence.required;
    if (fenced == op->cell.fenced)
        return STATUS_OK;
    error->message = fenced ? "the cell exists fenced" : "the cell exists without a fence";
    return STATUS_MISMATCH;
}

static void cell_remove(struct engine *e, struct object *o)
{
    wait_fail_all(e, &cell_of(o)->watchers, STATUS_REMOVED);
}

static void cell_done(struct engine *e, struct object *o)
{
    if (cell_of(o)->value)
        item_unref(e, cell_of(o)->value);
}

static const struct list *cell_queue(const struct object *o, int i)
{
    return i == 0 ? &cell_of(o)->watchers : NULL;
}

static void cell_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct cell *x = cell_of(o);
    ret->cell.revision = x->revision;
    ret->cell.fence = x->fence.newest;
    if (!x->value)
        return;
    ret->cell.type = x->value->type;
    item_value(x->value, 0, &ret->cell.value);
}

static void cell_audit(const struct engine *e, const struct object *o)
{
    const struct cell *x = cell_of(o);
    assert((x->revision == 0) == (x->value == NULL));
    list_for_each(n, &x->watchers)
        assert(!revision_poll(e, container_of(n, struct arm, link)));
}

const struct kind cell_kind = {
    .arms = {[ARM_WAIT] = &revision_ops},
    .size = sizeof(struct cell),
    .make = cell_make,
    .match = cell_match,
    .serve = cell_serve,
    .remove = cell_remove,
    .done = cell_done,
    .queue = cell_queue,
    .view = cell_view,
    .audit = cell_audit,
};

/* ---- EXCHANGE ---- */

/* What Go would panic with; NULL: nothing. */
static const char *cell_panic(const struct cell *x, const struct op *op)
{
    static const char *const nil[CELL_VERBS] = {
        [CELL_STORE] = "sync/atomic: store of nil value into Value",
        [CELL_SWAP] = "sync/atomic: swap of nil value into Value",
        [CELL_CAS] = "sync/atomic: compare and swap of nil value into Value",
    };
    static const char *const typed[CELL_VERBS] = {
        [CELL_STORE] = "sync/atomic: store of inconsistently typed value into Value",
        [CELL_SWAP] = "sync/atomic: swap of inconsistently typed value into Value",
        [CELL_CAS] = "sync/atomic: compare and swap of inconsistently typed value into Value",
    };
    enum cell_verb verb = op->exchange.verb;
    enum value_type type = op->exchange.value.type, expected = op->exchange.expected.type;
    if (verb == CELL_LOAD)
        return NULL;
    if (type == VALUE_NONE)
        return nil[verb];
    if (verb == CELL_CAS && !op->exchange.has_revision && expected != VALUE_NONE && expected != type)
        return "sync/atomic: compare and swap of inconsistently typed values";
    return x->value && x->value->type != type ? typed[verb] : NULL;
}

static uint64_t bits_of(double real)
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return bits;
}

static bool value_same(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VALUE_INT64: return a->int64 == b->int64;
    case VALUE_DOUBLE: return bits_of(a->real) == bits_of(b->real);
    default:
        return a->bytes.size == b->bytes.size &&
               (a->bytes.size == 0 || memcmp(a->bytes.data, b->bytes.data, a->bytes.size) == 0);
    }
}

/* Whether a CAS finds what it expects. */
static bool cell_as_expected(const struct cell *x, const struct op *op)
{
    if (op->exchange.has_revision)
        return x->revision == op->exchange.revision;
    struct value found = {.type = VALUE_NONE};
    if (x->value)
        item_value(x->value, 0, &found);
    return found.type == VALUE_NONE ? op->exchange.expected.type == VALUE_NONE
                                    : value_same(&found, &op->exchange.expected);
}

/* Why an EXCHANGE cannot be. */
static enum status cell_check(const struct engine *e, const struct session *s, const struct op *op,
                              struct object **ret, const char **ret_message)
{
    bool load = op->exchange.verb == CELL_LOAD;
    enum status st = object_expect(e, s, &op->exchange.ref, KIND_CELL, load ? RIGHT_RECV : RIGHT_SEND, ret);
    if (st != STATUS_OK)
        return st;
    if (op->exchange.value.type == VALUE_HANDLE || op->exchange.expected.type == VALUE_HANDLE) {
        *ret_message = "a cell holds no handles";
        return STATUS_INVALID;
    }
    st = load ? STATUS_OK : fence_check(&cell_of(*ret)->fence, op->exchange.fence, ret_message);
    if (st == STATUS_OK && (*ret_message = cell_panic(cell_of(*ret), op)))
        st = STATUS_MISUSE;
    return st;
}

/* The new value takes the old one's place. */
static void cell_put(struct engine *e, struct cell *x, struct item *value)
{
    if (x->value)
        item_unref(e, x->value);
    x->value = value;
    x->revision++;
    object_serve_soon(e, &x->object);
}

static void cell_run(struct engine *e, struct cell *x, struct call *c, const struct op *op,
                     struct item *value)
{
    struct item *old = x->value;
    if (old)
        old->refs++;
    bool change =
        op->exchange.verb != CELL_LOAD && (op->exchange.verb != CELL_CAS || cell_as_expected(x, op));
    c->truth = op->exchange.verb == CELL_CAS && change;
    if (op->exchange.verb != CELL_LOAD)
        fence_see(&x->fence, op->exchange.fence);
    if (change)
        cell_put(e, x, value);
    else if (value)
        item_unref(e, value);
    cell_tell(x, c, old);
    if (old)
        item_unref(e, old);
    call_complete(e, c, STATUS_OK);
}

void op_exchange(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    struct item *value = NULL;
    const char *message = NULL;
    enum status st = cell_check(e, s, op, &o, &message);
    if (st == STATUS_OK && op->exchange.verb != CELL_LOAD)
        st = item_new(e, s, &op->exchange.value, &value);
    struct call *c = st == STATUS_OK ? call_new(e, s, op, 0, 0) : NULL;
    if (c) {
        cell_run(e, cell_of(o), c, op, value);
        return;
    }
    if (value)
        item_unref(e, value);
    if (st == STATUS_NO_MEMORY)
        call_refuse_memory(e, NULL, op);
    else if (st != STATUS_OK)
        call_refuse(e, NULL, op, st, message);
}

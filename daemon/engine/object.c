/*
 * object.c - names, references, making and removing.
 *
 * MAKE, OPEN and DUP end in the same place (object_made): a handle with its rights, on an object that was there or has just been entered
 * into every index. Leaving is the reverse, by name, by owner or by the last reference, and each index is left exactly once.
 */
#include "object.h"

#include "handlers.h"

#include <string.h>

#include "call.h"
#include "keys.h"
#include "session.h"
#include "state.h"
#include "task.h"

#define KIND(NAME, name, number, help) extern const struct kind name##_kind;
#include "kinds.def"
#undef KIND

static const struct kind *const object_kinds[KIND_COUNT] = {
#define KIND(NAME, name, number, help) [KIND_##NAME] = &name##_kind,
#include "kinds.def"
#undef KIND
};

const struct kind *object_kind(const struct object *o)
{
    return object_kinds[o->kind];
}

enum status object_match_any(struct engine *e, struct session *s, const struct object *o,
                             const struct make_op *op, struct make_error *error)
{
    (void)e;
    (void)s;
    (void)o;
    (void)op;
    (void)error;
    return STATUS_OK;
}

/* ---- Names ---- */

static bool object_equal(const struct hash_node *node, const void *key)
{
    const struct object *o = container_of(node, struct object, by_name);
    const struct bytes *name = key;
    return o->name_size == name->size && memcmp(o->name, name->data, name->size) == 0;
}

struct object *object_by_name(const struct engine *e, const char *name, size_t size)
{
    struct bytes key = {name, size};
    struct hash_node *node = hash_find(&e->names, hash_bytes(&e->names, name, size), object_equal, &key);
    return node ? container_of(node, struct object, by_name) : NULL;
}

static void object_name(struct engine *e, struct object *o)
{
    o->named = true;
    hash_insert(&e->names, &o->by_name, hash_bytes(&e->names, o->name, o->name_size));
    if (!keys_keyed(o))
        object_ref(o);
}

void object_unname(struct engine *e, struct object *o)
{
    if (!o->named)
        return;
    o->named = false;
    hash_remove(&e->names, &o->by_name);
    object_touch(o);
    if (!keys_keyed(o))
        object_unref(e, o);
}

/* ---- Lifetime ---- */

void object_ref(struct object *o)
{
    assert(o->refs > 0 && o->refs < UINT32_MAX);
    o->refs++;
}

static void object_disown(struct object *o)
{
    if (o->owner)
        list_remove(&o->owned);
    o->owner = NULL;
}

void object_unref(struct engine *e, struct object *o)
{
    assert(o->refs > 0);
    if (--o->refs > 0)
        return;
    object_unname(e, o); /* a key's name holds nothing */
    keys_leave(o);
    object_disown(o);
    list_remove(&o->all);
    list_push_back(&e->doomed, &o->all);
    e->stats.objects--;
}

void object_remove(struct engine *e, struct object *o)
{
    if (o->removed)
        return;
    object_ref(o);
    o->removed = true;
    object_disown(o);
    object_kind(o)->remove(e, o);
    object_unname(e, o);
    object_touch(o);
    object_unref(e, o);
}

void object_owner_died(struct engine *e, struct object *o)
{
    object_ref(o);
    object_disown(o);
    if (!object_kind(o)->owner_died)
        object_remove(e, o);
    else if (!o->removed)
        object_kind(o)->owner_died(e, o);
    object_unname(e, o);
    object_unref(e, o);
}

void object_serve_soon(struct engine *e, struct object *o)
{
    object_touch(o);
    if (list_linked(&o->dirty))
        return;
    object_ref(o);
    list_push_back(&e->dirty, &o->dirty);
}

void object_serve_dirty(struct engine *e)
{
    for (struct list_node *n; (n = list_pop_front(&e->dirty));) {
        struct object *o = container_of(n, struct object, dirty);
        object_kind(o)->serve(e, o);
        object_unref(e, o);
    }
}

static void object_free(struct engine *e, struct object *o)
{
    mem_free(&e->mem, o->name, o->name_size);
    mem_free(&e->mem, o, object_kind(o)->size);
}

void object_bury(struct engine *e)
{
    for (struct list_node *n; (n = list_pop_front(&e->doomed));) {
        struct object *o = container_of(n, struct object, all);
        object_kind(o)->done(e, o);
        object_free(e, o);
    }
}

/* ---- Refs ---- */

enum status object_resolve(const struct engine *e, const struct session *s, const struct ref *ref,
                           struct object **ret, uint8_t *ret_rights)
{
    struct object *o = NULL;
    uint8_t rights = RIGHT_ALL;
    if (ref->handle) {
        const struct slot *slot = slots_get(&s->handles, ref->handle);
        if (!slot)
            return STATUS_STALE;
        o = slot->pointer;
        if (o->removed)
            return STATUS_STALE;
        rights = (uint8_t)slot->extra;
    } else if (ref->task) {
        o = task_by_number(e, ref->task);
        if (!o)
            return STATUS_NOT_FOUND;
    } else if (ref->name_size) {
        o = object_by_name(e, ref->name, ref->name_size);
        if (!o)
            return STATUS_NOT_FOUND;
    }
    *ret = o;
    *ret_rights = rights;
    return STATUS_OK;
}

enum status object_expect(const struct engine *e, const struct session *s, const struct ref *ref,
                          enum kind_code kind, uint8_t rights, struct object **ret)
{
    struct object *o;
    uint8_t have;
    enum status st = object_resolve(e, s, ref, &o, &have);
    if (st != STATUS_OK)
        return st;
    if (!o)
        return STATUS_INVALID;
    if (kind != KIND_NONE && o->kind != kind)
        return STATUS_WRONG_KIND;
    if ((rights & have) != rights)
        return STATUS_NO_RIGHT;
    *ret = o;
    return STATUS_OK;
}

/* ---- MAKE ---- */

/* The session a new object ends with, or NULL. *ret_ok false: the wish makes no sense. */
static struct session *object_new_owner(struct engine *e, struct session *s, const struct make_op *op,
                                        bool *ret_ok)
{
    *ret_ok = true;
    switch (op->lifetime) {
    case LIFE_OWNED: return object_kinds[op->kind]->with_session ? s : NULL;
    case LIFE_EPHEMERAL: {
        struct session *owner = op->owner ? session_get(e, op->owner) : s;
        *ret_ok = owner != NULL;
        return owner;
    }
    case LIFE_DETACHED: break;
    }
    *ret_ok = op->name.name_size > 0;
    return NULL;
}

/* Memory for an object and its name, nothing filled but those. NULL without memory. */
static struct object *object_alloc(struct engine *e, const struct make_op *op)
{
    const struct kind *kind = object_kinds[op->kind];
    struct object *o = mem_alloc(&e->mem, kind->size);
    if (!o)
        return NULL;
    o->kind = (uint8_t)op->kind;
    if (op->name.name_size > 0) {
        o->name = mem_alloc_raw(&e->mem, op->name.name_size);
        if (!o->name) {
            mem_free(&e->mem, o, kind->size);
            return NULL;
        }
        memcpy(o->name, op->name.name, op->name.name_size);
        o->name_size = op->name.name_size;
    }
    return o;
}

void object_enter(struct engine *e, struct session *s, struct object *o, struct session *owner)
{
    o->serial = ++e->object_serial;
    o->version = 1;
    o->made_ns = e->now_ns;
    o->uid = s->uid;
    list_push_back(&e->objects, &o->all);
    e->stats.objects++;
    if (o->name_size)
        object_name(e, o);
    if (owner) {
        o->owner = owner;
        list_push_back(&owner->owned, &o->owned);
    }
}

/* Complete with a handle on o, for which a slot is promised. */
static void object_made(struct engine *e, struct call *c, struct object *o, uint8_t rights, bool created)
{
    c->promised = false;
    c->result = RESULT_MADE;
    c->made.handle = session_install(c->session, o, rights);
    c->made_created = created;
    c->made_kind = o->kind;
    c->made_rights = rights;
    if (o->kind == KIND_CHANNEL) {
        struct object_view view;
        object_kind(o)->view(e, o, &view);
        c->made_type = (uint8_t)view.channel.type;
        c->made.cap = view.channel.cap;
    }
    call_complete(e, c, STATUS_OK);
}

/* A new object, filled from op and in no index; one reference. Also NO_MEMORY, and LIMIT with the limit. */
static enum status object_new(struct engine *e, struct session *s, const struct make_op *op,
                              struct object **ret, struct make_error *error)
{
    if (e->stats.objects >= e->limits.objects_max) {
        error->limit = (struct limit_hit){"objects_max", e->limits.objects_max, e->stats.objects + 1};
        return STATUS_LIMIT;
    }
    struct object *o = object_alloc(e, op);
    if (!o)
        return STATUS_NO_MEMORY;
    o->refs = 1;
    enum status st = object_kind(o)->make(e, s, o, op, error);
    if (st == STATUS_OK)
        *ret = o;
    else
        object_free(e, o);
    return st;
}

enum status object_make_key(struct engine *e, struct session *s, const struct make_op *op, struct keys *among,
                            struct object **ret, struct make_error *error)
{
    enum status st = object_new(e, s, op, ret, error);
    if (st != STATUS_OK)
        return st;
    object_enter(e, s, *ret, NULL);
    (*ret)->among = among;
    list_push_back(&among->list, &(*ret)->owned);
    among->count++;
    return STATUS_OK;
}

static void object_make_new(struct engine *e, struct call *c, const struct op *op)
{
    bool ok;
    struct session *owner = object_new_owner(e, c->session, &op->make, &ok);
    if (!ok) {
        call_refuse(e, c, op, STATUS_INVALID,
                    op->make.lifetime == LIFE_DETACHED ? "a detached object needs a name" : "no such owner");
        return;
    }
    struct make_error error = {0};
    struct object *o;
    enum status st = object_new(e, c->session, &op->make, &o, &error);
    if (st != STATUS_OK) {
        if (st == STATUS_NO_MEMORY)
            call_refuse_memory(e, c, op);
        else if (st == STATUS_LIMIT)
            call_refuse_limit(e, c, op, error.limit.name, error.limit.value, error.limit.use);
        else
            call_refuse(e, c, op, st, error.message);
        return;
    }
    object_enter(e, c->session, o, owner);
    object_made(e, c, o, op->make.rights ? op->make.rights : RIGHT_ALL, true);
    object_unref(e, o);
}

static void object_make_open(struct engine *e, struct call *c, const struct op *op, struct object *o)
{
    struct make_error error = {0};
    enum status st = STATUS_OK;
    if (op->make.exclusive)
        st = STATUS_EXISTS;
    else if (o->kind != op->make.kind) {
        st = STATUS_MISMATCH;
        error.message = "the object exists with another kind";
    } else {
        st = object_kind(o)->match(e, c->session, o, &op->make, &error);
    }
    if (st != STATUS_OK)
        call_refuse(e, c, op, st, error.message);
    else
        object_made(e, c, o, op->make.rights ? op->make.rights : RIGHT_ALL, false);
}

/* A new call that holds a promise of one handle; NULL: refused. */
static struct call *object_handle_call(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return NULL;
    if (!session_promise_handles(e, s, 1)) {
        session_refuse_handle(e, s, c, op);
        return NULL;
    }
    c->promised = true;
    return c;
}

void op_make(struct engine *e, struct session *s, const struct op *op)
{
    assert(op->make.kind > KIND_NONE && op->make.kind < KIND_COUNT);
    struct call *c = object_handle_call(e, s, op);
    if (!c)
        return;
    struct object *o =
        op->make.name.name_size ? object_by_name(e, op->make.name.name, op->make.name.name_size) : NULL;
    if (o)
        object_make_open(e, c, op, o);
    else
        object_make_new(e, c, op);
}

/* OPEN and DUP: a handle on what a ref means, with the same or fewer rights. */
static void object_open(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    uint8_t have;
    enum status st = object_resolve(e, s, &op->open.ref, &o, &have);
    if (st == STATUS_OK && !o)
        st = STATUS_INVALID;
    if (st == STATUS_OK && op->open.has_kind && o->kind != op->open.kind)
        st = STATUS_WRONG_KIND;
    if (st == STATUS_OK && (op->open.rights & ~have))
        st = STATUS_NO_RIGHT;
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, NULL);
        return;
    }
    struct call *c = object_handle_call(e, s, op);
    if (c)
        object_made(e, c, o, op->open.rights ? op->open.rights : have, false);
}

void op_open(struct engine *e, struct session *s, const struct op *op)
{
    object_open(e, s, op);
}

void op_dup(struct engine *e, struct session *s, const struct op *op)
{
    object_open(e, s, op);
}

void op_drop(struct engine *e, struct session *s, const struct op *op)
{
    struct slot *slot = slots_get(&s->handles, op->drop.handle);
    if (!slot) {
        call_refuse(e, NULL, op, STATUS_STALE, NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    struct object *o = slot->pointer;
    slots_give(&s->handles, op->drop.handle);
    object_unref(e, o);
    call_complete(e, c, STATUS_OK);
}

void op_tune(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    const char *message = NULL;
    enum status st = object_expect(e, s, &op->tune.ref, KIND_NONE, RIGHT_SEND, &o);
    if (st == STATUS_OK && !object_kind(o)->tune)
        st = STATUS_WRONG_KIND;
    struct call *c = NULL;
    if (st == STATUS_OK && !(c = call_new(e, s, op, 0, 0)))
        return;
    if (c)
        st = object_kind(o)->tune(e, o, op, &message);
    if (st == STATUS_OK)
        call_complete(e, c, STATUS_OK);
    else
        call_refuse(e, c, op, st, message);
}

void op_close(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    uint8_t rights;
    const char *message = NULL;
    enum status st = object_resolve(e, s, &op->close.ref, &o, &rights);
    if (st == STATUS_OK && !o)
        st = STATUS_CLOSE_OF_NIL;
    else if (st == STATUS_OK && !object_kind(o)->close)
        st = STATUS_WRONG_KIND;
    else if (st == STATUS_OK && !(rights & RIGHT_CLOSE)) {
        st = STATUS_NO_RIGHT;
        message = o->kind == KIND_CHANNEL ? "reflect: close of receive-only channel" : NULL;
    }
    struct call *c = NULL;
    if (st == STATUS_OK && !(c = call_new(e, s, op, 0, 0)))
        return;
    if (c)
        st = object_kind(o)->close(e, o, op, &message);
    if (st == STATUS_OK)
        call_complete(e, c, STATUS_OK);
    else
        call_refuse(e, c, op, st, message);
}

void op_remove(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->remove.ref, KIND_NONE, RIGHT_CLOSE, &o);
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    object_remove(e, o);
    call_complete(e, c, STATUS_OK);
}

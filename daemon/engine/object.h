/*
 * object.h - what every object has, and what every kind supplies.
 *
 * An object lives while something refers to it: its name, handles, items on their way, parked arms, children. Removal takes the name away,
 * ends every wait on it with REMOVED and makes its handles stale; the memory goes with the last reference. Freeing is deferred to the end of the step
 * (`doomed`), so that a chain of any length is freed in a loop, not in a recursion, and no function frees under its caller's feet.
 *
 * Objects that refer to each other through items in their own buffers keep each other alive until one is removed: there is no
 * collector. The limit on objects bounds what such a ring can cost.
 *
 * A kind is a row of functions, found by X-macro over kinds.def: name##_kind.
 */
#ifndef ENGINE_OBJECT_H
#define ENGINE_OBJECT_H

#include "hash.h"
#include "list.h"
#include "reply.h"

struct engine;
struct session;
struct arm;
struct call;
struct object_view;
struct holding;
struct hold;
struct holds;
struct item;
struct keys;

struct object {
    struct list_node all;     /* e->objects; e->doomed once refs is 0 */
    struct hash_node by_name; /* in e->names while named and not removed */
    struct list_node dirty;   /* in e->dirty, with a reference, until served */
    struct list_node owned;   /* in owner->owned while it has an owner; in among->list */
    struct session *owner;    /* it ends with this session; or NULL */
    char *name;               /* name_size bytes, or NULL */
    uint64_t serial, version;
    int64_t made_ns;
    uint32_t refs;
    uint32_t waiting; /* arms parked on it */
    uint32_t uid;     /* of the maker */
    uint16_t name_size;
    uint8_t kind; /* enum kind_code */
    bool removed;
    bool named;         /* the name holds one reference, unless it is a key */
    struct keys *among; /* it stands under one of these keys, the name being the key's (keys.h); or NULL */
};

/* One verb of a kind. An arm is parked or not; park and unpark only link and unlink, poll only looks. */
struct arm_ops {
    /* Would it fire now? True also when what it would do is to fail (send on closed). */
    bool (*poll)(const struct engine *e, const struct arm *a);
    /* Queue it at the tail. Cannot fail. */
    void (*park)(struct engine *e, struct arm *a);
    void (*unpark)(struct engine *e, struct arm *a);
    /* poll said yes: do it and complete the arm's call. */
    void (*commit)(struct engine *e, struct arm *a);
};

/* Why a make failed, beyond its status. */
struct make_error {
    const char *message;
    struct limit_hit limit; /* STATUS_LIMIT: which */
};

struct kind {
    const struct arm_ops *arms[ARM_COUNT]; /* NULL: this verb does not apply */
    bool with_session;                     /* one that is OWNED ends with its session, named or not */
    size_t size;                           /* of the struct that begins with struct object */
    /* Fill a zeroed object of `size` bytes from the spec. Fails without a trace. */
    enum status (*make)(struct engine *e, struct session *s, struct object *o, const struct make_op *spec,
                        struct make_error *error);
    /* Does the existing object have the spec's parameters? OK, MISMATCH, EXISTS. */
    enum status (*match)(struct engine *e, struct session *s, const struct object *o,
                         const struct make_op *spec, struct make_error *error);
    /* Its owner is gone: close, cancel or stop it. */
    void (*owner_died)(struct engine *e, struct object *o);
    /* It is removed: complete every wait on it with REMOVED, stop what it does. */
    void (*remove)(struct engine *e, struct object *o);
    /* refs is 0: drop what it holds. The caller frees the struct. */
    void (*done)(struct engine *e, struct object *o);
    /* Something changed that may let waiters go on: let them (object_serve_soon). */
    void (*serve)(struct engine *e, struct object *o);
    /* UNLOCK: the hold's owner gives it back. NULL: it is not unlocked so. */
    void (*give)(struct engine *e, struct hold *h);
    /*
     * END: what h's owner ran is over, with this value (or NULL) and op.end.failed. Completes c and takes the value's reference; or says why
     * not, and nothing has changed. NULL: it is not ended so.
     */
    enum status (*end)(struct engine *e, struct hold *h, struct call *c, const struct op *op,
                       struct item *value, const char **ret_message);
    /* TUNE: what is given changes; or why not. NULL: there is nothing to change. */
    enum status (*tune)(struct engine *e, struct object *o, const struct op *op, const char **ret_message);
    /* CLOSE: nothing comes in any more; or why not, and nothing has changed. NULL: it is not closed. */
    enum status (*close)(struct engine *e, struct object *o, const struct op *op, const char **ret_message);
    /* A holding of it is over without having been given back (struct holding). NULL: it has no holdings. */
    void (*lost)(struct engine *e, struct holding *h);
    /* Its i-th queue of arms, receivers before senders; NULL past the last. */
    const struct list *(*queue)(const struct object *o, int i);
    /* Those that wait in a heap instead (arm.equipped): the first for NULL; NULL after the last. NULL: there are none. */
    const struct arm *(*heaped)(const struct object *o, const struct arm *prev);
    /* Who holds it. NULL: it is not held. */
    const struct holds *(*holds)(const struct object *o);
    /* Fill the kind's part of a view. */
    void (*view)(const struct engine *e, const struct object *o, struct object_view *ret);
    void (*audit)(const struct engine *e, const struct object *o);
};

const struct kind *object_kind(const struct object *o);
/* struct kind, match, of kinds without parameters. */
enum status object_match_any(struct engine *e, struct session *s, const struct object *o,
                             const struct make_op *op, struct make_error *error);

/*
 * A new object of op->kind that stands under the key op->name of `among`; *ret with one reference. Its name holds none: it goes when nothing
 * else refers to it. NO_MEMORY, LIMIT, or what the kind's make says.
 */
enum status object_make_key(struct engine *e, struct session *s, const struct make_op *op, struct keys *among,
                            struct object **ret, struct make_error *error);

/* Enter a new, filled object into every index, for s. One with an owner ends with it. */
void object_enter(struct engine *e, struct session *s, struct object *o, struct session *owner);

/* The object of this name, or NULL. */
struct object *object_by_name(const struct engine *e, const char *name, size_t size);
void object_ref(struct object *o);
void object_unref(struct engine *e, struct object *o);
/* Take its name away, end its waits, make its handles stale. Done twice is fine. */
void object_remove(struct engine *e, struct object *o);
/* Take only its name away: it lives on for those who hold it. */
void object_unname(struct engine *e, struct object *o);
/* Its owner is gone: it ends in the way of its kind and loses its name; who holds it sees it closed, cancelled, stopped. */
void object_owner_died(struct engine *e, struct object *o);
/* Serve its waiters when the step settles: not from within what changes it. */
void object_serve_soon(struct engine *e, struct object *o);
/* Serve all that asked for it. */
void object_serve_dirty(struct engine *e);
/* Free everything doomed, and what that dooms. */
void object_bury(struct engine *e);
/* It has changed. */
static inline void object_touch(struct object *o)
{
    o->version++;
}

/*
 * What a ref means to a session: *ret is the object, NULL for nil, and *ret_rights what the ref allows.
 * OK, NOT_FOUND, STALE.
 */
enum status object_resolve(const struct engine *e, const struct session *s, const struct ref *ref,
                           struct object **ret, uint8_t *ret_rights);
/* The same for a kind and with rights; nil is INVALID. Also WRONG_KIND, NO_RIGHT. kind KIND_NONE: any. */
enum status object_expect(const struct engine *e, const struct session *s, const struct ref *ref,
                          enum kind_code kind, uint8_t rights, struct object **ret);

#endif

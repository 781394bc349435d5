/*
 * item.h - one value at rest.
 *
 * An item is what a send leaves in the engine: a header and the bytes, in one allocation. It lies in exactly one place by its link -
 * a channel's buffer, a parked sender, a reply's taken list - and is counted by references, because a leased item is shown in a reply
 * while its lease holds it. An item that carries a handle keeps the object alive.
 */
#ifndef ENGINE_ITEM_H
#define ENGINE_ITEM_H

#include "list.h"
#include "op.h"

struct engine;
struct object;
struct session;

struct item {
    union {
        struct list_node link;
        struct {
            struct item *left, *right;
        } pile; /* given back: see pile.h */
    };
    uint64_t seq; /* position in its channel; kept when it is given back */
    int64_t rank; /* of an ordered channel: comes before seq; else 0 */
    uint32_t refs;
    uint32_t size;       /* of data */
    uint32_t deliveries; /* times handed out */
    uint8_t type;        /* enum value_type */
    uint8_t rights;      /* VALUE_HANDLE: what the receiver may do */
    _Alignas(8) unsigned char data[];
};

/* What VALUE_HANDLE keeps in data. */
struct item_handle {
    struct object *object; /* one reference */
    uint64_t handle;       /* in the table of the latest receiver */
};

/*
 * Copy a value into *ret with one reference. The session's handles resolve VALUE_HANDLE.
 * NOT_FOUND, STALE, NO_RIGHT (more rights than the giver has), INVALID (a nil handle), NO_MEMORY.
 */
enum status item_new(struct engine *e, struct session *s, const struct value *v, struct item **ret);
/* A copy with one reference, in no list; NULL without memory. */
struct item *item_clone(struct engine *e, const struct item *from);
void item_unref(struct engine *e, struct item *item);
/* A chain links items, in no list, by link.next. Drop a whole one; NULL is fine. */
void item_unref_chain(struct engine *e, struct item *first);
/* Take the first off a chain. */
struct item *item_chain_pop(struct item **first);
/* Bytes the item takes. */
size_t item_footprint(const struct item *item);
struct item_handle *item_handle(const struct item *item);
/* Show it as a value; handle is the receiver's number for VALUE_HANDLE. */
void item_value(const struct item *item, uint64_t handle, struct value *ret);

#endif

/*
 * item.h - values on their way out, items on their way in.
 *
 * Out: value_out fills protobuf structures that borrow everything. In: item_take and batch_take make the public structures from a
 * reply, taking over its bytes where that saves a copy.
 */
#ifndef SLUICE_ITEM_H
#define SLUICE_ITEM_H

#include "call.h"

/* What a value needs on its way out. */
struct value_parts {
    Value value;
    Sluice__V1__HandleValue handle;
    Ref ref;
};

/* Fills parts from value. *ret: what the message points to; NULL for TYPE_NONE. INVALID: no such type (the error is set). */
enum sluice_status value_out(struct call *c, const struct sluice_value *value, struct value_parts *parts,
                             Value **ret);
/* The most bytes that a value or a reference takes in a request. */
size_t value_bound(const struct sluice_value *value);
size_t ref_bound(sluice_ref ref);

/* A reply's item becomes *ret. OK, or NO_MEMORY (the error is set). */
enum sluice_status item_take(struct call *c, const struct reply *reply, struct sluice_item *ret);
/* A reply's batch becomes *ret. */
enum sluice_status batch_take(struct call *c, const struct reply *reply, struct sluice_batch *ret);

#endif

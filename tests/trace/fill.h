/*
 * fill.h - an operation from the words of a command.
 *
 * Words are a reference, a value, or key=value; each operation has one function that takes them in its own order. What the engine must refuse can
 * be said as well: nil references, values of a wrong type, arms without a verb.
 */
#ifndef TRACE_FILL_H
#define TRACE_FILL_H

#include "op.h"
#include "parse.h"

struct world;

/* op->code is set; the rest comes from the words. letter is the party, whose HELLO has its id from it. */
void fill_op(struct world *w, struct op *op, char letter, struct words words);

#endif

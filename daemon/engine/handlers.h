/*
 * handlers.h - the handler of every operation that steps the engine: op_send, op_recv, ...
 *
 * Declared from ops.def; each is defined in the file of its noun. A handler gets the session that asks (NULL for HELLO and DRAIN) and the
 * op, and either completes, parks or refuses exactly one call (none for an EVENT).
 */
#ifndef ENGINE_HANDLERS_H
#define ENGINE_HANDLERS_H

#include "op.h"

struct engine;
struct session;

typedef void op_handler(struct engine *e, struct session *s, const struct op *op);

#define DECLARE_WAIT(name)  op_handler op_##name;
#define DECLARE_STEP(name)  op_handler op_##name;
#define DECLARE_EVENT(name) op_handler op_##name;
#define DECLARE_QUERY(name)
#define DECLARE_DAEMON(name)
#define OP(NAME, name, tag, class, help) DECLARE_##class(name)
#include "ops.def"
#undef OP

#endif

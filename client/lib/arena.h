/*
 * arena.h - memory for a structure and all it points to, freed as one.
 *
 * The structure itself is the first thing in its arena, so that a pointer to it is all that is needed to free everything. Running out of
 * memory is noted once and asked for at the end (arena_ok); until then every pointer that is given is usable.
 */
#ifndef SLUICE_ARENA_H
#define SLUICE_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;

/* A zeroed structure of this size in a new arena: *ret_root. NULL: no memory. */
struct arena *arena_new(size_t size, void **ret_root);
/* Everything that came with the structure. NULL is fine. */
void *arena_free(void *root);
/* A zeroed array; NULL when count is 0 or there is no memory. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* The bytes with a NUL behind them; "" when there is no memory. */
const char *arena_text(struct arena *a, ProtobufCBinaryData bytes);
/* Nothing was refused. */
bool arena_ok(const struct arena *a);

#endif

/*
 * show.h - what the engine says, as lines of a trace.
 *
 * Every status that is not normal work is shown with its text, since the texts are Go's to the letter and part of the specification.
 * Handles and leases are never shown by number: a trace names them with variables.
 */
#ifndef TRACE_SHOW_H
#define TRACE_SHOW_H

#include <stdio.h>

#include "engine.h"

struct world;

/* A reply, without the name of its request and without a newline. */
void show_reply(FILE *out, const struct reply *reply);
void show_value(FILE *out, const struct value *v);

/* The lines of the queries: describe REF, list, dump, count, next. */
void show_object(FILE *out, const struct world *w, const struct object *o);
void show_objects(FILE *out, const struct world *w);
void show_sessions(FILE *out, const struct world *w);
void show_counts(FILE *out, const struct world *w);

#endif

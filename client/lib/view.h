/*
 * view.h - asking the daemon for a structure.
 *
 * Contract: view_run carries the call out, unpacks the result by its descriptor, has it turned into a public structure of
 * root_size bytes in an arena, and frees everything else. *ret is written with OK only.
 */
#ifndef SLUICE_VIEW_H
#define SLUICE_VIEW_H

#include "arena.h"
#include "call.h"

typedef void view_fill(struct arena *a, const void *message, void *root);

/* A parked request as `dump` tells it, in the arena. */
void view_call(struct arena *a, const Sluice__V1__DumpCall *m, struct sluice_dump_call *call);
enum sluice_status view_run(sluice *s, struct call *c, const ProtobufCMessageDescriptor *descriptor,
                            size_t root_size, view_fill *fill, void **ret);

#endif

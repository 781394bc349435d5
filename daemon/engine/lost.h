/*
 * lost.h - routes whose reply was never written.
 *
 * The daemon reports them one by one when a connection ends, thousands at a time. They are only gathered here; the session looks its
 * finished calls up when it matters (session_reckon), so that a report costs O(1) and a reckoning O(n log n), however many
 * calls there are and whether or not a reported reply has one. A client may use one route again and again: each report stands for one
 * reply.
 */
#ifndef ENGINE_LOST_H
#define ENGINE_LOST_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"

struct lost_route {
    uint64_t route, times;
};

struct lost {
    struct lost_route *routes; /* ascending and single once sorted */
    uint32_t count, size;
    bool sorted;
};

void lost_done(struct lost *l, struct mem *mem);
/* One more report; false without memory. */
bool lost_add(struct lost *l, struct mem *mem, uint64_t route);
/* Whether there is a report of this route; it is used up. */
bool lost_take(struct lost *l, uint64_t route);
/* Forget all that is left. */
void lost_clear(struct lost *l);

#endif

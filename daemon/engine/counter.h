/*
 * counter.h - what a wait on a counter needs beyond parking.
 *
 * It stands in one of the counter's heaps. Parking cannot fail, so its room there is taken with the request and given back with the
 * call, whether it ever parked or not (arm.equipped).
 */
#ifndef ENGINE_COUNTER_H
#define ENGINE_COUNTER_H

#include <stdbool.h>

struct object;
struct arm;

/* Take the room that a's condition needs. False without memory. */
bool counter_equip(struct object *o, struct arm *a);
/* Give it back. */
void counter_strip(struct object *o, struct arm *a);

#endif

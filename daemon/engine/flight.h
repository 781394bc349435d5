/*
 * flight.h - golang.org/x/sync/singleflight between processes.
 *
 * Under each key at most one run is in flight. Who begins while none is, runs it (a token); who begins while one is, waits and gets the same
 * outcome. With the outcome the key is free: results are not kept. FORGET frees it before: later ones start a new flight, and the old one
 * ends for those who wait for it.
 *
 * When the runner dies, the oldest that waits becomes the runner with a new token, and is told so; or, if the flight was made so (`poison`), all fail
 * with OWNER_DIED. The END of a runner that was taken for dead is refused. Who waits may leave at any time. Outcomes are delivered through the
 * exactly-once table, which keeps them until each has its own.
 *
 * Cost: O(1), and O(waiters) at the end of a flight.
 */
#ifndef ENGINE_FLIGHT_H
#define ENGINE_FLIGHT_H

#include "object.h"

/* The flight of a key of the definition o, made if none is under way: *ret with one reference. Also NO_MEMORY, LIMIT. */
enum status flight_at(struct engine *e, struct session *s, struct object *o, struct bytes key,
                      struct object **ret, struct make_error *error);

#endif

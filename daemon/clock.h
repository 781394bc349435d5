/*
 * clock.h - the daemon's time: the machine's, or one that stands still.
 *
 * The real clock is CLOCK_BOOTTIME: it runs while the machine sleeps and never jumps. The virtual one begins at 0, which is
 * 2000-01-01T00:00:00Z on its wall, and moves only when a client asks for it. A move goes from deadline to deadline, so that everything falls
 * due at its own time and in its own order, and with `settle` waits at each stop, and once more at the end, until every client is at rest:
 * as many requests parked as it has tasks. Whoever asked for a move counts as at rest. Moves are done one after the other.
 */
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <sys/queue.h>

#include "front.h"

/* Midnight of 2000-01-01, UTC, in nanoseconds since 1970. */
#define CLOCK_VIRTUAL_EPOCH_NS (INT64_C(946684800) * 1000000000)

struct move;
TAILQ_HEAD(move_queue, move);

struct clock {
    bool is_virtual;
    int64_t now_ns; /* of the virtual clock */
    struct front *front;
    struct move_queue moves;
    uint32_t moves_count;
};

/* The front is borrowed; it may be made after the clock, before the first move. */
void clock_init(struct clock *c, bool is_virtual, struct front *front);
void clock_done(struct clock *c);

int64_t clock_now_ns(const struct clock *c);
/* The wall clock is clock_now_ns plus this. */
int64_t clock_wall_offset_ns(const struct clock *c);

/* Take a move from a client: it is answered when it is done. False: NOT_VIRTUAL, NO_MEMORY. */
bool clock_take(struct clock *c, const struct wire_request *request, struct wire_refusal *ret);
/*
 * Go as far as the moves and the clients' rest allow, but not beyond CLOCK_STOPS_MAX stops. True: there is more to do at once. Call it after every
 * batch.
 */
bool clock_run(struct clock *c);

enum { CLOCK_STOPS_MAX = 1024 };

#endif

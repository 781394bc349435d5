/*
 * watch.h - processes as owners.
 *
 * `make --for-pid` gives an object to a process that never spoke to the daemon: a shell, say. Such a process gets an engine session that stands for it,
 * which its objects belong to; a pidfd tells when it dies, and then the session ends with all that it owns. Nobody runs in that
 * session, so whether the clients are at rest does not depend on it.
 *
 * Only a process of the same user can be named (root may name any). Whose it is, is asked after the pidfd is open and before it is seen
 * to be still alive, so a number that passes to another process in between deceives nobody.
 */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include <systemd/sd-event.h>

#include "front.h"

struct watches;

/* NULL without memory. The event loop and the front are borrowed. */
struct watches *watches_new(sd_event *event, struct front *front);
/* End them all. NULL is fine. Returns NULL. */
struct watches *watches_free(struct watches *ws);
/*
 * The session that stands for a process, made when there is none. 0: *ret says why: INVALID, NOT_FOUND (no such process), NOT_PERMITTED, LIMIT,
 * NO_MEMORY, or why the engine refused the session.
 */
uint64_t watches_session(struct watches *ws, const struct peer *asker, int32_t pid, struct wire_refusal *ret);

#endif

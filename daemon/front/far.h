/*
 * far.h - the connections that libnng carries, as peers.
 *
 * It loads the libnng module (remote.h), lets each of its connections be a peer and each of its slots be a route's word. A
 * connection whose session ends is closed, unless a reply is on its way (that of BYE, mostly): then it is its client's to close.
 *
 * A remote peer has no user of this machine: its uid is UINT32_MAX, so a session of a local user cannot be joined from afar, nor the other way
 * round. Its death is seen by libnng (TCP keepalive), and a session that it opened ends by its lease in any case.
 */
#ifndef FRONT_FAR_H
#define FRONT_FAR_H

#include "front.h"
#include "remote.h"

/*
 * The table of the module file; loaded once and for good. NULL: why says why. (Never unloaded: libnng's threads run in it.)
 */
const struct remote_module *far_load(const char *file, char *why, size_t why_size);

struct far;

/* Serve one URL. -errno, and one line in why. peers_max counts all connections of the front. */
int far_open(struct far **ret, struct front *f, const struct remote_module *api,
             const struct remote_options *options, uint32_t peers_max, char *why, size_t why_size);
/* Hang up every peer; the URL itself is served until the process ends. NULL is fine. Returns NULL. */
struct far *far_free(struct far *far);

/* Readable while there is something to do: far_dispatch. */
int far_fd(const struct far *far);
void far_dispatch(struct far *far);
/* Let nobody in any more. */
void far_stop(struct far *far);
/* No reply is on its way to libnng's connections. */
bool far_written(const struct far *far);
uint32_t far_count(const struct far *far);

#endif

/*
 * background.h - a worker for the user, when nobody has started one.
 *
 * So that `sluice go -- CMD` works on a machine where nothing was set up. The worker runs commands as this user; hence only for a daemon that is this
 * user's own, on this machine.
 */
#ifndef CLI_BACKGROUND_H
#define CLI_BACKGROUND_H

#include <stdint.h>

#include "sluice.h"

/* Processors this process may run on. */
uint32_t background_slots(void);
/* Starts a worker of this pool, which leaves when it has been idle for some minutes. 0: it was started; -EPERM: SLUICE_AUTOSTART=0, or the
 * daemon is another user's or on another machine; else another -errno. */
int background_worker(sluice *s, const char *pool);

#endif

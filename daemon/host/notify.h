/*
 * notify.h - what the service manager is told.
 *
 * The manager of a service of Type=notify waits for READY, shows STATUS, and restarts a service whose WATCHDOG it does not hear in time. Without a
 * manager (no NOTIFY_SOCKET) nothing happens. No call here waits or fails.
 */
#ifndef HOST_NOTIFY_H
#define HOST_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* The daemon serves; status is a line for people. */
void notify_ready(const char *status);
void notify_status(const char *status);
/* A reload begins; notify_ready ends it. */
void notify_reloading(void);
void notify_stopping(void);
/* The daemon was seen to work just now; status is a line for people. */
void notify_watchdog(const char *status);
/* How often the manager wants to hear notify_watchdog at the least; 0: never. */
uint64_t notify_watchdog_us(void);
/* Whether there is a manager. */
bool notify_wanted(void);

#endif

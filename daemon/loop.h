/*
 * loop.h - the daemon's life: one thread, one event loop.
 *
 * A round: whatever is ready is read and stepped; then, before the loop sleeps, moves of the clock are taken as far as they go, every
 * connection is written once, and timers are set. At rest there is nothing to wake for: the engine's next deadline is one timer, and
 * those of connections (greeting, unread replies) and of idleness are armed only while they can fall due.
 *
 *   SIGTERM, SIGINT  leave: let nobody in, answer every waiter SHUTTING_DOWN, write what is unwritten (at most drain-time), end with 0.
 *                    A second one ends it at once.
 *   SIGHUP           read the configuration again; what only a start can change is named in the log.
 */
#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H

#include "config.h"

/* Serve until told to leave. argv is read again by a reload. The process's exit code, from sysexits.h. */
int loop_main(const struct config *config, int argc, char **argv);

#endif

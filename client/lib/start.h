/*
 * start.h - starting a daemon for the user.
 *
 * A start takes several attempts to connect: start_daemon is asked again by each until the daemon answers. What it holds in between
 * (the lock that makes one process the starter, the daemon's pidfd) stands in struct start.
 */
#ifndef SLUICE_START_H
#define SLUICE_START_H

#include <stddef.h>

struct start {
    int lock_fd; /* -1: somebody else may be starting one */
    int pid_fd;  /* the daemon we started, -1: none yet */
};

/*
 * Takes the next step to a daemon at this socket. -EAGAIN: connect again, soon; -EALREADY: the same, but we have just become the starter:
 * connect once more at once, since another may have finished. Every other -errno: it cannot be started, and why says so.
 */
int start_daemon(struct start *start, const char *socket, char *why, size_t why_size);
/* The daemon answers, or we give up. */
void start_done(struct start *start);

#endif

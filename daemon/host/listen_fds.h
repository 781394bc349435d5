/*
 * listen_fds.h - the sockets that systemd hands over.
 *
 * Socket activation: the manager binds and listens, starts the service with the first connection, and passes the sockets as descriptors from 3
 * on, saying how many in LISTEN_FDS. They are listening already; the daemon only has to accept.
 */
#ifndef HOST_LISTEN_FDS_H
#define HOST_LISTEN_FDS_H

#include <stddef.h>

enum { LISTEN_FDS_MAX = 16, LISTEN_PATH_MAX = 108 };

struct listen_fd {
    int fd; /* close-on-exec, non-blocking; the caller's */
    char path[LISTEN_PATH_MAX];
};

/*
 * Take what was handed over: how many, 0 when there is nothing. -EPROTOTYPE: one of them is no listening unix stream socket with a path;
 * -E2BIG: more than max; or what the system said.
 */
int listen_fds_take(struct listen_fd *ret, size_t max);

#endif

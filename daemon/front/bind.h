/*
 * bind.h - a unix socket at a path, owned by one daemon at a time.
 *
 * Two things say whose the path is: a lock on `<path>.lock`, which another sluiced respects, and whether anybody answers at the path,
 * which catches a socket that systemd or another program holds. What is neither locked nor answered is left over from a crash
 * and is replaced. The socket is made under a name beside the path, given its mode and group, made to listen, and only then renamed to
 * the path: whoever sees the path can connect.
 */
#ifndef FRONT_BIND_H
#define FRONT_BIND_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

enum { BIND_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

/* All zero with fd and lock_fd -1 is none. */
struct bound {
    int fd; /* listening, non-blocking */
    int lock_fd;
    dev_t dev; /* of the socket's file, to know it again */
    ino_t ino;
    char path[BIND_PATH_MAX + 1];
};

struct bind_options {
    const char *path;
    mode_t mode; /* of the socket; its folder is made, when missing, as open as that */
    gid_t gid;   /* (gid_t)-1: left as it is */
};

/*
 * Make *ret. -errno, and then what went wrong is in why, one line for people: -ENAMETOOLONG, -EADDRINUSE (somebody serves the path), or what
 * the system said.
 */
int bound_open(struct bound *ret, const struct bind_options *options, char *why, size_t why_size);
/* Remove the path if it is still this socket, and let the lock go. The fd is not closed: its user closes it. */
void bound_close(struct bound *b);

#endif

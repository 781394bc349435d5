/*
 * ipc.h - SP REQ/REP over the unix socket: the local carrier.
 *
 * All sockets stand in one epoll set, and that set is what the daemon sleeps on: the loop's other sources are one descriptor in it. (The other way
 * round, this set as a source of theirs, costs a tenth of a round trip.) A round takes what is ready, reads each connection once, does every
 * whole request that came, and then writes each connection once with all replies of the round. A connection at rest holds no buffer; one
 * that sends part of a large frame holds what has come of it, never what was merely announced.
 *
 * Whoever does not behave is closed, with a reason: no greeting in time, no SP, replies that stay unread for too long or grow too
 * many. While many replies are unread nothing more is read from that connection, which is what slows its client down.
 * A frame that is too large is refused by name and limit and skipped; the connection lives.
 */
#ifndef FRONT_IPC_H
#define FRONT_IPC_H

#include "front.h"

struct ipc;

struct ipc_limits {
    uint64_t body_size_max; /* of a request */
    uint32_t peers_max;     /* connections */
    uint32_t peers_uid_max; /* of one user */
    uint64_t unread_pause;  /* bytes of replies unread, above which nothing more is read */
    uint64_t unread_max;    /* and above which the connection is closed */
    int64_t greeting_ns;    /* time to greet */
    int64_t stall_ns;       /* time in which some byte of the unread has to be read */
};

/* NULL without memory or descriptors. limits is copied. */
struct ipc *ipc_new(struct front *f, const struct ipc_limits *limits);
/* Closes all connections and listeners. NULL is fine. Returns NULL. */
struct ipc *ipc_free(struct ipc *ipc);
void ipc_set_limits(struct ipc *ipc, const struct ipc_limits *limits);

/* Watch the loop's descriptor too, once: ipc_round says when it is readable. -errno. */
int ipc_watch(struct ipc *ipc, int fd);
/* Serve a listening unix stream socket, which is the ipc's from now on. -errno; then it is still the caller's. */
int ipc_listen(struct ipc *ipc, int fd);
/* Let nobody in any more: close the listeners. */
void ipc_close_listeners(struct ipc *ipc);
/* Read from nobody any more; what is unwritten is still written. */
void ipc_finish_all(struct ipc *ipc);

/*
 * One round of accepting and reading; sleeps until there is something to do, if asked to. Returns how many sockets were ready, and in *ret_watched
 * whether the watched descriptor was.
 */
int ipc_round(struct ipc *ipc, bool sleeps, bool *ret_watched);
/* Write to every connection that has something new for it, once; end those that are doomed. */
void ipc_flush(struct ipc *ipc);
/* Whether ipc_flush has something to do. */
bool ipc_dirty(const struct ipc *ipc);
/* Connections of this carrier. */
uint32_t ipc_count(const struct ipc *ipc);

/* When ipc_expire wants to be called, on CLOCK_MONOTONIC; NEVER_NS: not. */
int64_t ipc_next_deadline(const struct ipc *ipc);
/* Close those whose time is over. */
void ipc_expire(struct ipc *ipc, int64_t monotonic_ns);

#endif

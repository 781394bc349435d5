/*
 * peer.h - the connections, whatever carries them.
 *
 * A peer has a number, made of a slot and the slot's generation, so that what is addressed to a connection that has gone reaches
 * nobody else. A route is what the engine hands back with a reply: the peer's number above, and a word below that its carrier
 * understands. For SP that word is the request's id, whose top bit is set. A request that came over devices has more words than
 * fit: these are kept in a small table of the peer until the reply is written, and the route's word, top bit clear, is the row.
 *
 * A peer serves at most one session; a session may have many peers. Both ways are found in O(1).
 */
#ifndef FRONT_PEER_H
#define FRONT_PEER_H

#include <sys/queue.h>

#include "engine.h"
#include "inbox.h"
#include "outbox.h"

enum {
    PEER_INDEX_BITS = 20,
    PEER_INDEX_MAX = 1 << PEER_INDEX_BITS,
    PEER_TRACES_MAX = 1024, /* requests over devices that one connection may have in flight */
};

struct peer;
struct peers;

/* What carries a peer: one row for the unix socket, one for libnng. */
struct carrier {
    /* Room for the body of one reply to the request named by word, or NULL: the reply is lost (front_lost is not called for it). */
    uint8_t *(*reserve)(struct peer *p, uint32_t word, size_t size);
    /* The room that reserve gave is filled. */
    void (*commit)(struct peer *p, uint32_t word);
    /* Whether every reply so far has been written. */
    bool (*written)(const struct peer *p);
    /* No request is wanted from it any more: close it once its replies are written. */
    void (*finish)(struct peer *p);
};

/* The words of a request that came over devices. hops 0: the row is free. */
struct trace {
    uint32_t hops, id;
    bool answered; /* its reply stands in the outbox */
    uint8_t words[SP_HOPS_MAX * SP_WORD_SIZE];
};

enum peer_wait { PEER_NOT_WAITING, PEER_GREETING, PEER_STALLED, PEER_LEAVING, PEER_WAITS };

struct peer {
    const struct carrier *carrier;
    void *owner; /* the carrier's own */
    uint32_t number;
    uint32_t uid, gid;
    int32_t pid;      /* 0: remote */
    const char *doom; /* why it has to be closed; NULL: it lives */

    uint64_t session; /* 0: none yet, or ended */
    LIST_ENTRY(peer) session_link;
    uint8_t session_id[SESSION_ID_SIZE];
    bool named;        /* session_id is that of session */
    bool anonymous;    /* the session is the connection's own */
    bool owes_written; /* it has replies of which the engine wants to hear that they are written */
    bool remote;

    /* The unix socket's. */
    bool finishing; /* not read from any more; closed when its replies are written */
    bool lingers;   /* and its client had a moment to close first */
    bool greeted;
    bool paused; /* not read from: too many replies unread */
    bool dirty;
    int fd;
    uint32_t events; /* what epoll watches for */
    enum peer_wait wait;
    int64_t wait_until_ns; /* CLOCK_MONOTONIC */
    TAILQ_ENTRY(peer) wait_link;
    TAILQ_ENTRY(peer) dirty_link;
    struct inbox inbox;
    uint64_t skip; /* bytes of a refused frame still to come */
    struct outbox outbox;
    struct trace *traces;
    uint32_t traces_count;

    /* libnng's. */
    uint32_t pipe;
    LIST_ENTRY(peer) pipe_link;
    uint32_t sending; /* replies not yet known to be sent */
};

LIST_HEAD(peer_list, peer);

/* All peers: NULL without memory. Frees NULL, returns NULL; no peer may be left. */
struct peers *peers_new(void);
struct peers *peers_free(struct peers *ps);

/* A new peer, all zero but its number and what is given. -ENOMEM, -ENFILE (every number is taken). */
int peers_add(struct peers *ps, const struct carrier *carrier, void *owner, uint32_t uid, struct peer **ret);
/* Forget it and free it. It serves no session and is in no list of its carrier. Returns NULL. */
struct peer *peers_remove(struct peers *ps, struct peer *p);
/* The peer of a number; NULL when it has gone. */
struct peer *peers_get(const struct peers *ps, uint32_t number);
/* The first, or the next one after prev, in the order of their slots; NULL after the last. */
struct peer *peers_next(const struct peers *ps, const struct peer *prev);
uint32_t peers_count(const struct peers *ps);
uint32_t peers_count_uid(const struct peers *ps, uint32_t uid);

/* From now on the peer serves this session (not 0; it served none). */
void peers_join(struct peers *ps, struct peer *p, uint64_t session);
/* It serves none. */
void peers_leave(struct peer *p);
/* The first, or the next one after prev, of the peers of a session; NULL after the last. */
struct peer *peers_of_session(const struct peers *ps, uint64_t session, const struct peer *prev);

static inline uint64_t route_make(const struct peer *p, uint32_t word)
{
    return (uint64_t)p->number << 32 | word;
}
static inline uint32_t route_peer(uint64_t route)
{
    return (uint32_t)(route >> 32);
}
static inline uint32_t route_word(uint64_t route)
{
    return (uint32_t)route;
}

/*
 * The word that stands for a frame's header: its id, or the row that keeps a longer header. -ENOMEM, -ENOBUFS (PEER_TRACES_MAX rows in use).
 */
int peer_word(struct peer *p, const struct sp_frame *frame, uint32_t *ret);
/* The kept header of a word; NULL for a word that is an id by itself, or whose row is free. */
struct trace *peer_trace(const struct peer *p, uint32_t word);
/* The route of a reply that stands in the outbox; 0 when there is none. */
uint64_t peer_unsent_route(const struct peer *p, const struct sp_frame *frame);
/* Every reply is written: their rows are free. */
void peer_written(struct peer *p);

#endif

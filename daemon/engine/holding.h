/*
 * holding.h - what a session has and can lose: leased items, locks, permits, the right to run once.
 *
 * Each holding has a number that no other had or will have, larger than all before it: a lease's number, a lock's fencing
 * token. All holdings of a session are in one list, so that its death is one loop; one with a time limit is lost when that
 * passes. Losing is the kind's (struct kind, lost): an item goes back, a lock passes on.
 *
 * struct holding is a member of what the kind keeps of it (struct lease, struct hold).
 */
#ifndef ENGINE_HOLDING_H
#define ENGINE_HOLDING_H

#include "hash.h"
#include "heap.h"
#include "list.h"
#include "op.h"

struct engine;
struct session;
struct object;

struct holding {
    struct list_node by_session; /* live: session->holdings */
    struct hash_node by_number;  /* live: e->holdings */
    struct heap_node due;        /* live and limited: its end. One promise */
    struct session *session;     /* live */
    struct object *object;       /* live: one reference */
    uint64_t number;
    int64_t since_ns; /* live: when it was granted, or moved */
    bool live;
    bool shared; /* live, of a lock: for reading */
};

/* Promise what a holding will need; false without memory. */
bool holding_reserve(struct engine *e);
/* Take the promise back. It is not live. */
void holding_release(struct engine *e, struct holding *h);
/* Make it live: o's thing is s's, for duration_ns from now, or (<= 0) without limit. */
void holding_grant(struct engine *e, struct holding *h, struct session *s, struct object *o,
                   int64_t duration_ns);
/* It is over. The reference to its object passes to the caller. */
struct object *holding_end(struct engine *e, struct holding *h);
/* The live holding of a number, or NULL. */
struct holding *holding_find(const struct engine *e, uint64_t number);
/* It is another session's from now on. */
void holding_move(const struct engine *e, struct holding *h, struct session *s);
/* Its end is duration_ns from now; <= 0: none. */
void holding_extend(struct engine *e, struct holding *h, int64_t duration_ns);
/* Its end has come, or its session's: the kind takes the thing back. */
void holding_lost(struct engine *e, struct holding *h);
void holding_audit(const struct engine *e, const struct holding *h);

#endif

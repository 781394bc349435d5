/*
 * lease.h - an item handed out but not gone.
 *
 * A leasing receive moves the item from its channel's buffer into a lease: (number, item, session, channel, deadline). ACK ends it and frees the item.
 * NACK, the deadline and the death of the session put the item back at the head of the channel, in its old place among those given
 * back. After `deliveries_max` deliveries it goes to the channel's dead letter instead, which takes it beyond its capacity; when that one is closed
 * or removed the item goes back to the head after all: it is never lost.
 *
 * A lease is shown in the reply that granted it until that is acknowledged, so the struct outlives the lease itself (`holding.live`).
 */
#ifndef ENGINE_LEASE_H
#define ENGINE_LEASE_H

#include "holding.h"

struct engine;
struct session;
struct item;
struct object;

struct lease {
    struct holding holding;      /* its object is the channel */
    struct list_node by_channel; /* live: the channel's leases (channel_lend) */
    struct list_node shown;      /* in call->taken */
    struct item *item;           /* one reference */
    uint64_t handle;             /* VALUE_HANDLE's number in the receiver's table */
    uint32_t deliveries;         /* of this delivery */
};

/* Room for a lease, with its promise; NULL without memory. */
struct lease *lease_new(struct engine *e);
/* Free one that is not live. NULL is fine. */
void lease_free(struct engine *e, struct lease *l);
/* Make it live: item (whose reference it takes) is s's for duration_ns from now. */
void lease_grant(struct engine *e, struct lease *l, struct session *s, struct object *channel,
                 struct item *item, int64_t duration_ns);
/* End it and put its item back. */
void lease_return(struct engine *e, struct lease *l);
struct lease *lease_of(struct holding *h);
void lease_audit(const struct engine *e, const struct lease *l);

#endif

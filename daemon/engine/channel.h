/*
 * channel.h - Go's channels, between processes.
 *
 * A typed FIFO of items with a capacity. Invariants, at the end of every step (n items, r receivers, s senders, of different calls):
 *
 *     r > 0  =>  n = 0 and s = 0           closed  =>  s = 0
 *     s > 0  =>  n >= cap                  closed and r > 0  =>  n = 0, and another session's lease is out
 *
 * n may exceed cap only by items that were given back or came as dead letters. Every operation queues its arm and then lets the channel
 * serve (channel_serve) until the invariants hold: one matching rule for send, receive, batch, select, close and give-back. So nobody
 * barges: a waiting peer is always served first, oldest first.
 *
 * The buffer is ordered by position (item.seq): first `returned`, then `items`. A batch ends when the next value would make it larger than
 * one payload may be, so that every reply fits a frame.
 *
 * What it refuses: send on closed, close of closed (Go's texts), a value that is not of its type, a direction the handle lacks.
 * Cost: O(1) an item, O(log n) for one that was given back.
 */
#ifndef ENGINE_CHANNEL_H
#define ENGINE_CHANNEL_H

#include "fence.h"
#include "object.h"
#include "pile.h"

struct lease;
struct text;

struct channel {
    struct object object;
    int64_t cap;
    struct pile returned;  /* given back: before all of `items`. Of an ordered channel: all items */
    struct list items;     /* item.link, next to receive first */
    struct list receivers; /* arm.link */
    struct list senders;   /* arm.link */
    struct list leases;    /* lease.by_channel */
    uint64_t len, receivers_count, senders_count, leased;
    uint64_t bytes, len_max, sent, received, item_seq;
    uint64_t lease_seams;        /* neighbours in `leases` that belong to different sessions */
    uint64_t debtor;             /* closed: what channel_debtor said when receivers were last told */
    struct channel *dead_letter; /* one reference; or NULL */
    struct fence fence;
    struct text *message, *schema; /* as it was made; or NULL */
    uint32_t deliveries_max;
    uint8_t type; /* enum value_type */
    bool closed;
    bool ordered;
    bool outdated; /* a newer token has been seen: who waits with an older one is to be refused */
};

struct channel *channel_of(const struct object *o);
/* Whose leases are out: a session's number, or one of these, which are none. */
#define DEBTOR_NONE    UINT64_C(0)
#define DEBTOR_SEVERAL UINT64_MAX
#define DEBTOR_UNASKED (UINT64_MAX - 1)
uint64_t channel_debtor(const struct channel *ch);
/* Closed and drained, as far as this receiver is concerned: a lease of another session could still come back to one that leases. */
bool channel_over(const struct channel *ch, const struct arm *a);
void channel_audit_leases(const struct engine *e, const struct channel *ch);
/* A lease of it begins, ends; l->session is whose. When the last one ends a closed channel may be over for those who wait. */
void channel_lend(struct channel *ch, struct lease *l);
void channel_unlend(struct engine *e, struct channel *ch, struct lease *l);
/*
 * Put an item (with its reference) back where it was. Who waits is served when the step settles, so that several items given back
 * together keep their order whoever waits.
 */
void channel_give_back(struct engine *e, struct channel *ch, struct item *item);
/* The same for an item (with its reference) at the tail, beyond capacity if need be. The channel is open. */
void channel_force(struct engine *e, struct channel *ch, struct item *item);
/* a, which waits or is committed, carries a token: that has been seen now. */
void channel_see(struct engine *e, struct channel *ch, uint64_t token);
/* Refuse those who wait with an older token than the newest seen. */
void channel_drop_outdated(struct engine *e, struct channel *ch);
/* Move items, wake peers, until the invariants hold. */
void channel_serve(struct engine *e, struct channel *ch);

#endif

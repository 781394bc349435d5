/*
 * channel_lease.c - the items of a channel that are out on lease.
 *
 * A closed channel is over for a receiver when nothing is left that it could still get. Items leased by others may come back, its own are its
 * own to give: so it matters whose leases are out. The leases stand in one list, and the seams between neighbours of
 * different sessions are counted: none means that all belong to one. Cost: O(1).
 */
#include "channel.h"

#include "call.h"
#include "lease.h"
#include "session.h"
#include "state.h"

static const struct session *lessee(const struct list_node *n)
{
    return n ? container_of(n, struct lease, by_channel)->holding.session : NULL;
}

/* Whether two neighbours in the list of leases make a seam. */
static bool lease_seam(const struct list_node *a, const struct list_node *b)
{
    return a && b && lessee(a) != lessee(b);
}

void channel_lend(struct channel *ch, struct lease *l)
{
    ch->leased++;
    list_push_back(&ch->leases, &l->by_channel);
    ch->lease_seams += lease_seam(list_prev(&ch->leases, &l->by_channel), &l->by_channel);
}

void channel_unlend(struct engine *e, struct channel *ch, struct lease *l)
{
    struct list_node *n = &l->by_channel, *prev = list_prev(&ch->leases, n),
                     *next = list_next(&ch->leases, n);
    ch->lease_seams -= lease_seam(prev, n);
    ch->lease_seams -= lease_seam(n, next);
    ch->lease_seams += lease_seam(prev, next);
    list_remove(n);
    ch->leased--;
    object_touch(&ch->object);
    if (ch->closed)
        object_serve_soon(e, &ch->object);
}

uint64_t channel_debtor(const struct channel *ch)
{
    if (list_empty(&ch->leases))
        return DEBTOR_NONE;
    return ch->lease_seams > 0 ? DEBTOR_SEVERAL : lessee(list_first(&ch->leases))->number;
}

bool channel_over(const struct channel *ch, const struct arm *a)
{
    if (!ch->closed || ch->len > 0)
        return false;
    uint64_t debtor = channel_debtor(ch);
    return a->lease_ns == 0 || debtor == DEBTOR_NONE || debtor == a->call->session->number;
}

void channel_audit_leases(const struct engine *e, const struct channel *ch)
{
    uint64_t leases = 0, seams = 0;
    list_for_each(n, &ch->leases) {
        lease_audit(e, container_of(n, struct lease, by_channel));
        leases++;
        seams += lease_seam(list_prev(&ch->leases, n), n);
    }
    assert(leases == ch->leased && seams == ch->lease_seams);
}

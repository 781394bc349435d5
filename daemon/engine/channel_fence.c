/*
 * channel_fence.c - tokens that a channel sees.
 *
 * A channel sees the token of whatever is done with it: what was sent, received, closed, or waits to. When it is newer than all before, those who
 * wait with an older one are refused when the channel is served next, before anything moves: their lock has passed on since they
 * came. Cost: O(waiters) each time a newer token comes, which is once a lock changes hands.
 */
#include "channel.h"

#include "call.h"
#include "state.h"
#include "wait.h"

void channel_see(struct engine *e, struct channel *ch, uint64_t token)
{
    if (!fence_see(&ch->fence, token))
        return;
    ch->outdated = true;
    object_serve_soon(e, &ch->object);
}

static void channel_drop_from(struct engine *e, struct channel *ch, struct list *queue)
{
    for (struct list_node *n = list_first(queue), *next; n; n = next) {
        next = list_next(queue, n);
        struct arm *a = container_of(n, struct arm, link);
        if (a->fence == 0 || a->fence >= ch->fence.newest)
            continue;
        /* a select may stand in this queue more than once: go on with the next of another call */
        while (next && container_of(next, struct arm, link)->call == a->call)
            next = list_next(queue, next);
        call_complete(e, wait_claim(e, a), STATUS_STALE_TOKEN);
    }
}

void channel_drop_outdated(struct engine *e, struct channel *ch)
{
    ch->outdated = false;
    channel_drop_from(e, ch, &ch->senders);
    channel_drop_from(e, ch, &ch->receivers);
}

/*
 * election.c - leaders.
 *
 * A leader is who holds a mutex: the daemon's order of waiters is the order of succession, its tokens are the terms, and a death is a
 * hand-over like any. What is here is only how to say who one is, and how to see who leads.
 */
#include "error.h"
#include "item.h"
#include "object.h"
#include "sync.h"

enum sluice_status sluice_election_campaign(sluice *s, sluice_mutex election, struct sluice_value value,
                                            int64_t ttl_ns, const struct sluice_wait *wait,
                                            struct sluice_grant *ret)
{
    return run_lock(s, election.ref, false, &value, ttl_ns, wait, ret);
}

enum sluice_status sluice_election_campaign_start(sluice *s, sluice_mutex election, struct sluice_value value,
                                                  int64_t ttl_ns, const struct sluice_wait *wait,
                                                  sluice_future **ret)
{
    return start_lock(s, election.ref, false, &value, ttl_ns, wait, ret);
}

enum sluice_status sluice_election_observe(sluice *s, sluice_mutex election, uint64_t after,
                                           const struct sluice_wait *wait, struct sluice_leader *ret)
{
    struct call c;
    struct wait_parts p;
    struct reply reply;
    struct sluice_item item;
    build_wait(&c, &p, election.ref, SLUICE_COMPARE_NE, (int64_t)after, wait);
    enum sluice_status status = call_run(s, &c, &reply);
    if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_LEADER)
        status = unreadable();
    if (status == SLUICE_OK)
        status = item_take(&c, &reply, &item);
    if (status == SLUICE_OK)
        *ret = (struct sluice_leader){.token = reply.grant.token, .item = item};
    call_done(&c);
    return status;
}

enum sluice_status sluice_election_observe_start(sluice *s, sluice_mutex election, uint64_t after,
                                                 const struct sluice_wait *wait, sluice_future **ret)
{
    return start_wait(s, election.ref, SLUICE_COMPARE_NE, (int64_t)after, wait, ret);
}

/*
 * pool.h - taking tasks, hearing for them and waiting for them, as futures that go to a list of their own (future.h).
 *
 * Contract: as the public calls of the same names; only the list is added, so that a worker's loop (worker.c) or who waits for many
 * (join.c) hears of its own futures and of no others.
 */
#ifndef SLUICE_POOL_H
#define SLUICE_POOL_H

#include "call.h"

/* inbox NULL: to the connection's. */
enum sluice_status pool_start_pull(sluice *s, sluice_pool pool, uint64_t token,
                                   const struct sluice_wait *wait, struct link *inbox, sluice_future **ret);
enum sluice_status task_start_watch(sluice *s, sluice_task task, uint64_t token,
                                    const struct sluice_wait *wait, struct link *inbox, sluice_future **ret);
enum sluice_status task_start_wait(sluice *s, sluice_task task, const struct sluice_wait *wait,
                                   struct link *inbox, sluice_future **ret);

#endif

/*
 * runq.h - tasks of a worker that have begun and wait for a slot to go on, the one that has had the least of them first.
 *
 * Each has a start: how far the pool's clock of slot time was when it got ready, or its own, if it has used more than its share (pool.h). The next
 * one is that of the smallest start, and among equals the one that came first. A run queue is a skew heap over its nodes' own links: it needs no
 * memory, cannot fail, and gives any node back.
 *
 * Cost: O(log n) for each push and remove, averaged over any sequence of them.
 */
#ifndef ENGINE_RUNQ_H
#define ENGINE_RUNQ_H

#include <stdbool.h>
#include <stdint.h>

struct runq_node {
    struct runq_node *left, *right, *above; /* all NULL while it is in no queue, or alone */
    int64_t start_ns;
    uint64_t arrival; /* 0: in no queue */
};

struct runq {
    struct runq_node *first; /* NULL: empty */
};

static inline bool runq_linked(const struct runq_node *n)
{
    return n->arrival != 0;
}
/* Whether a goes before b: a total order, since no two arrivals are the same. */
bool runq_before(const struct runq_node *a, const struct runq_node *b);
/* Enter a node that is in no queue. arrival: larger than that of any before it. */
void runq_push(struct runq *q, struct runq_node *n, int64_t start_ns, uint64_t arrival);
void runq_remove(struct runq *q, struct runq_node *n);
/* Assert the order. Returns how many there are. */
uint64_t runq_audit(const struct runq *q);

#endif

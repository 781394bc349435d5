/*
 * acks.h - which request numbers are acknowledged beyond acked_below.
 *
 * A request that stays parked for hours holds acked_below back; everything finished meanwhile is acknowledged singly. Those numbers form few
 * runs - one more than there are parked requests among them - so runs are what is kept, ascending, in pages of ACK_PAGE_RUNS. A repeat of
 * a number in a run is a late duplicate, to be refused, never run again.
 *
 * Cost: O(log runs) to look up; to add or trim, that, a page moved at most, and once in many times the array of pages. No order of
 * numbers makes it slow. Without memory a number is not noted and false is returned; its reply is then kept.
 */
#ifndef ENGINE_ACKS_H
#define ENGINE_ACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"

enum { ACK_PAGE_RUNS = 63 };

struct ack_run {
    uint64_t from, last; /* from..last, both noted */
};

struct ack_page {
    uint32_t count; /* 1..ACK_PAGE_RUNS */
    struct ack_run runs[ACK_PAGE_RUNS];
};

struct acks {
    struct ack_page **pages; /* runs ascend, with gaps between, through all of them */
    uint32_t count, size;
};

void acks_done(struct acks *a, struct mem *mem);
bool acks_has(const struct acks *a, uint64_t n);
/* Note n. True also when it was noted already. */
bool acks_add(struct acks *a, struct mem *mem, uint64_t n);
/* Forget all below. */
void acks_trim(struct acks *a, struct mem *mem, uint64_t below);
/* Assert that runs are sorted, nonempty and apart, and no page is empty. */
void acks_audit(const struct acks *a);

#endif

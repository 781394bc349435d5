/*
 * acks.c - the runs of acks.h.
 *
 * A full page splits in two halves; one that has become thin is joined to a thin neighbour, so that pages stay a quarter full on the
 * whole and the array of pages short.
 */
#include "acks.h"

#include <assert.h>
#include <string.h>

enum { ACKS_SIZE_MIN = 4, ACKS_THIN = ACK_PAGE_RUNS / 2 };

/* Where the run stands that begins at or below n, the last such. page == count: there is none. */
struct ack_place {
    uint32_t page, run;
};

void acks_done(struct acks *a, struct mem *mem)
{
    for (uint32_t i = 0; i < a->count; i++)
        mem_free(mem, a->pages[i], sizeof *a->pages[i]);
    mem_free(mem, a->pages, a->size * sizeof *a->pages);
    *a = (struct acks){0};
}

static struct ack_place acks_find(const struct acks *a, uint64_t n)
{
    uint32_t low = 0, high = a->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (a->pages[middle]->runs[0].from <= n)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return (struct ack_place){a->count, 0};
    const struct ack_page *page = a->pages[low - 1];
    uint32_t first = 1, last = page->count;
    while (first < last) {
        uint32_t middle = first + (last - first) / 2;
        if (page->runs[middle].from <= n)
            first = middle + 1;
        else
            last = middle;
    }
    return (struct ack_place){low - 1, first - 1};
}

static struct ack_run *acks_run(const struct acks *a, struct ack_place at)
{
    return at.page < a->count ? &a->pages[at.page]->runs[at.run] : NULL;
}

bool acks_has(const struct acks *a, uint64_t n)
{
    const struct ack_run *run = acks_run(a, acks_find(a, n));
    return run && n <= run->last;
}

/* ---- Pages ---- */

static void acks_drop_page(struct acks *a, struct mem *mem, uint32_t i)
{
    mem_free(mem, a->pages[i], sizeof *a->pages[i]);
    memmove(a->pages + i, a->pages + i + 1, (a->count - i - 1) * sizeof *a->pages);
    a->count--;
}

/* An empty page at i; NULL without memory. */
static struct ack_page *acks_new_page(struct acks *a, struct mem *mem, uint32_t i)
{
    if (a->count == a->size) {
        uint32_t size = a->size ? 2 * a->size : ACKS_SIZE_MIN;
        struct ack_page **pages = mem_grow(mem, a->pages, a->size * sizeof *pages, size * sizeof *pages);
        if (!pages)
            return NULL;
        a->pages = pages;
        a->size = size;
    }
    struct ack_page *page = mem_alloc_raw(mem, sizeof *page);
    if (!page)
        return NULL;
    page->count = 0;
    memmove(a->pages + i + 1, a->pages + i, (a->count - i) * sizeof *a->pages);
    a->pages[i] = page;
    a->count++;
    return page;
}

/* Move the runs of page i + 1 to the end of page i, if both are thin. */
static void acks_join_pages(struct acks *a, struct mem *mem, uint32_t i)
{
    if (i + 1 >= a->count || a->pages[i]->count + a->pages[i + 1]->count > ACKS_THIN)
        return;
    struct ack_page *to = a->pages[i], *from = a->pages[i + 1];
    memcpy(to->runs + to->count, from->runs, from->count * sizeof *from->runs);
    to->count += from->count;
    acks_drop_page(a, mem, i + 1);
}

static bool acks_split_page(struct acks *a, struct mem *mem, uint32_t i)
{
    struct ack_page *to = acks_new_page(a, mem, i + 1);
    if (!to)
        return false;
    struct ack_page *from = a->pages[i];
    uint32_t keep = from->count / 2;
    to->count = from->count - keep;
    memcpy(to->runs, from->runs + keep, to->count * sizeof *to->runs);
    from->count = keep;
    return true;
}

/* ---- Runs ---- */

static void acks_erase(struct acks *a, struct mem *mem, struct ack_place at)
{
    struct ack_page *page = a->pages[at.page];
    memmove(page->runs + at.run, page->runs + at.run + 1, (page->count - at.run - 1) * sizeof *page->runs);
    if (--page->count == 0) {
        acks_drop_page(a, mem, at.page);
        return;
    }
    acks_join_pages(a, mem, at.page);
    if (at.page > 0)
        acks_join_pages(a, mem, at.page - 1);
}

/* A run of n alone, after the run at `left`, or before all. */
static bool acks_open(struct acks *a, struct mem *mem, struct ack_place left, bool has_left, uint64_t n)
{
    if (a->count == 0 && !acks_new_page(a, mem, 0))
        return false;
    struct ack_place at = has_left ? (struct ack_place){left.page, left.run + 1} : (struct ack_place){0, 0};
    assert(at.page < a->count && a->pages[at.page]);
    if (a->pages[at.page]->count == ACK_PAGE_RUNS) {
        if (!acks_split_page(a, mem, at.page))
            return false;
        uint32_t kept = a->pages[at.page]->count;
        if (at.run > kept)
            at = (struct ack_place){at.page + 1, at.run - kept};
    }
    struct ack_page *page = a->pages[at.page];
    memmove(page->runs + at.run + 1, page->runs + at.run, (page->count - at.run) * sizeof *page->runs);
    page->runs[at.run] = (struct ack_run){n, n};
    page->count++;
    return true;
}

/* The run after `left`, or the first of all; page == count: there is none. */
static struct ack_place acks_next(const struct acks *a, struct ack_place left, bool has_left)
{
    if (!has_left)
        return (struct ack_place){0, 0};
    if (left.run + 1 < a->pages[left.page]->count)
        return (struct ack_place){left.page, left.run + 1};
    return (struct ack_place){left.page + 1, 0};
}

bool acks_add(struct acks *a, struct mem *mem, uint64_t n)
{
    struct ack_place left_at = acks_find(a, n);
    struct ack_run *left = acks_run(a, left_at);
    if (left && n <= left->last)
        return true;
    struct ack_place right_at = acks_next(a, left_at, left != NULL);
    struct ack_run *right = acks_run(a, right_at);
    bool joins_left = left && left->last + 1 == n, joins_right = right && right->from - 1 == n;
    if (joins_left && joins_right) {
        left->last = right->last;
        acks_erase(a, mem, right_at);
    } else if (joins_left) {
        left->last = n;
    } else if (joins_right) {
        right->from = n;
    } else {
        return acks_open(a, mem, left_at, left != NULL, n);
    }
    return true;
}

void acks_trim(struct acks *a, struct mem *mem, uint64_t below)
{
    while (a->count > 0 && a->pages[0]->runs[a->pages[0]->count - 1].last < below)
        acks_drop_page(a, mem, 0);
    if (a->count == 0)
        return;
    struct ack_page *page = a->pages[0];
    uint32_t n = 0;
    while (page->runs[n].last < below)
        n++;
    memmove(page->runs, page->runs + n, (page->count - n) * sizeof *page->runs);
    page->count -= n;
    if (page->runs[0].from < below)
        page->runs[0].from = below;
}

void acks_audit(const struct acks *a)
{
    const struct ack_run *before = NULL;
    assert(a->count <= a->size);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct ack_page *page = a->pages[i];
        assert(page->count > 0 && page->count <= ACK_PAGE_RUNS);
        for (uint32_t k = 0; k < page->count; k++) {
            assert(page->runs[k].from <= page->runs[k].last);
            assert(!before || before->last + 1 < page->runs[k].from);
            before = &page->runs[k];
        }
    }
}

/*
 * util.h - lists, clocks and futexes for the library.
 *
 * Lists are intrusive and circular; an idle link points nowhere (NULL), so that inserting asserts that it was idle and removing
 * twice is seen. The clock is CLOCK_MONOTONIC: the library measures
 * nothing but its own patience. All else is timed by the daemon.
 */
#ifndef SLUICE_UTIL_H
#define SLUICE_UTIL_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NEVER INT64_MAX

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

struct link {
    struct link *prev, *next; /* NULL: in no list */
};

static inline void list_init(struct link *head)
{
    head->prev = head->next = head;
}

static inline bool list_empty(const struct link *head)
{
    return head->next == head;
}

static inline void list_append(struct link *head, struct link *l)
{
    assert(l->next == NULL);
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

/* Removes l if it is in a list. */
static inline void list_remove(struct link *l)
{
    if (l->next == NULL)
        return;
    l->prev->next = l->next;
    l->next->prev = l->prev;
    l->prev = l->next = NULL;
}

static inline int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* a + b for b >= 0, NEVER when that is past the end of time. */
static inline int64_t time_add(int64_t a, int64_t b)
{
    return a > NEVER - b ? NEVER : a + b;
}

/* For poll: milliseconds from now until an instant, rounded up; -1 for NEVER. */
static inline int poll_ms_until(int64_t until_ns)
{
    if (until_ns == NEVER)
        return -1;
    int64_t left_ms = (until_ns - now_ns() + 999999) / 1000000;
    return left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* Sleeps while *word is `expected`, until the instant at the latest. Wakes spuriously. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t until_ns)
{
    struct timespec at = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, until_ns == NEVER ? NULL : &at, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

static inline void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#endif

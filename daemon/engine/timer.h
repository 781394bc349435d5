/*
 * timer.h - timers and tickers, with Go 1.23's rules, as receivable objects.
 *
 * A timer is `armed` with an instant it is due; nothing happens then unless someone waits. Whether a value is there is asked, not
 * stored: armed and due. So a value can be revoked until it is received, Stop and Reset say true until then, len is always 0, a
 * ticker has at most one tick waiting, and a timer nobody waits for costs no wake-up. It stands in the heap only while receivers are parked.
 *
 * The value is the instant it was due. A received tick moves due on by whole periods past now: the phase is kept, what was missed is dropped.
 * Stop never closes: receivers stay parked, and wake when a Reset comes due.
 */
#ifndef ENGINE_TIMER_H
#define ENGINE_TIMER_H

#include "heap.h"
#include "object.h"

struct timer {
    struct object object;
    struct heap_node due;  /* in e->deadlines while armed and receivers wait; one promise */
    struct list receivers; /* arm.link */
    uint64_t receivers_count;
    int64_t due_ns;    /* valid while armed */
    int64_t period_ns; /* 0: a one-shot */
    int64_t delay_ns;  /* as it was made */
    bool armed;
};

struct timer *timer_of(const struct object *o);
/* Its node fell due. */
void timer_due(struct engine *e, struct timer *t);

#endif

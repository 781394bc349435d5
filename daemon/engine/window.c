/*
 * window.c - fixed and sliding windows.
 *
 * Fixed: windows of one period follow each other from the limiter's creation; at most `count` pass in each. Worst case: count at the end of one
 * and count at the beginning of the next, so 2 x count in next to no time.
 *
 * Sliding: two neighbouring windows are counted, and what passed in the one before weighs by the part of it that lies within one period
 * from now: before x (period - elapsed) / period + count. At most `count` in that sum. Worst case: what passed before is taken as
 * spread evenly over its window; when all of it came at the window's end, up to 2 x count less what weighs can pass within one period,
 * but no longer at once: after a full window, a new one opens by one each period / count.
 *
 * Exact: the sum is compared as before x (period - elapsed) + count x period. Cost: O(1).
 */
#include "rule.h"

static uint64_t window_at(const struct window *w, uint64_t period_ns, int64_t now_ns)
{
    return rule_elapsed(w->epoch_ns, now_ns) / period_ns;
}

/* When window `index` begins. */
static int64_t window_start(const struct window *w, uint64_t period_ns, uint64_t index)
{
    level_t start = (level_t)w->epoch_ns + (level_t)index * (level_t)period_ns;
    return start >= NEVER_NS ? NEVER_NS : (int64_t)start;
}

/* From now until window `index` begins. */
static int64_t window_until(const struct window *w, uint64_t period_ns, uint64_t index, int64_t now_ns)
{
    int64_t start_ns = window_start(w, period_ns, index);
    return start_ns == NEVER_NS ? NEVER_NS : start_ns - now_ns;
}

/* The state as of now: windows that are over have been left behind. */
static struct window window_roll(const struct window *w, uint64_t period_ns, int64_t now_ns)
{
    struct window r = *w;
    uint64_t index = window_at(w, period_ns, now_ns);
    if (index <= w->index)
        return r;
    r.before = index == w->index + 1 ? w->count : 0;
    r.count = 0;
    r.index = index;
    return r;
}

static void window_init(union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    (void)spec;
    s->window = (struct window){.epoch_ns = now_ns};
}

static void window_pass(union rule_state *s, const struct limiter_spec *spec, int64_t now_ns, uint64_t n)
{
    s->window = window_roll(&s->window, spec->rate.period_ns, now_ns);
    s->window.count += n;
}

/* With another period, windows begin anew: what has passed in this one counts in the first of them. */
static void window_tune(union rule_state *s, const struct limiter_spec *from, const struct limiter_spec *to,
                        int64_t now_ns)
{
    if (from->rate.period_ns == to->rate.period_ns)
        return;
    struct window w = window_roll(&s->window, from->rate.period_ns, now_ns);
    s->window = (struct window){.epoch_ns = now_ns, .count = w.count};
}

/* ---- Fixed ---- */

static int64_t fixed_wait(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns,
                          uint64_t n)
{
    const struct rate *rate = &spec->rate;
    struct window w = window_roll(&s->window, rate->period_ns, now_ns);
    if (n > rate->count)
        return NEVER_NS;
    if (w.count + n <= rate->count)
        return 0;
    return window_until(&w, rate->period_ns, w.index + 1, now_ns);
}

static int64_t fixed_remaining(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    struct window w = window_roll(&s->window, spec->rate.period_ns, now_ns);
    return w.count < spec->rate.count ? (int64_t)(spec->rate.count - w.count) : 0;
}

static int64_t fixed_fresh(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    struct window w = window_roll(&s->window, spec->rate.period_ns, now_ns);
    return w.count == 0 ? now_ns : window_start(&w, spec->rate.period_ns, w.index + 1);
}

const struct rule window_rule = {
    .init = window_init,
    .wait = fixed_wait,
    .pass = window_pass,
    .remaining = fixed_remaining,
    .fresh = fixed_fresh,
    .tune = window_tune,
    .per_window = true,
};

/* ---- Sliding ---- */

/* How far into its window w is now. */
static uint64_t sliding_into(const struct window *w, uint64_t period_ns, int64_t now_ns)
{
    return rule_elapsed(window_start(w, period_ns, w->index), now_ns);
}

/*
 * How far a window must have gone, so that `before` weighs little enough to leave room for `more` beside it: the least elapsed with
 * before x (period - elapsed) <= (limit - more) x period. more <= limit.
 */
static uint64_t sliding_needed(uint64_t before, uint64_t limit, uint64_t more, uint64_t period_ns)
{
    uint64_t room = limit - more;
    if (before <= room)
        return 0;
    return period_ns - (uint64_t)((unsigned __int128)room * period_ns / before);
}

static int64_t sliding_wait(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns,
                            uint64_t n)
{
    const uint64_t limit = spec->rate.count, period = spec->rate.period_ns;
    struct window w = window_roll(&s->window, period, now_ns);
    if (n > limit)
        return NEVER_NS;
    uint64_t into = sliding_into(&w, period, now_ns);
    if (w.count + n <= limit) {
        uint64_t needed = sliding_needed(w.before, limit, w.count + n, period);
        if (needed <= into)
            return 0;
        return needed - into > (uint64_t)NEVER_NS ? NEVER_NS : (int64_t)(needed - into);
    }
    int64_t next_ns = window_until(&w, period, w.index + 1, now_ns);
    uint64_t needed = sliding_needed(w.count, limit, n, period);
    return needed > (uint64_t)NEVER_NS ? NEVER_NS : rule_after(next_ns, (int64_t)needed);
}

static int64_t sliding_remaining(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    const uint64_t period = spec->rate.period_ns;
    struct window w = window_roll(&s->window, period, now_ns);
    unsigned __int128 left = period - sliding_into(&w, period, now_ns);
    unsigned __int128 weight = w.before * left;
    uint64_t taken = w.count + (uint64_t)((weight + period - 1) / period);
    return taken < spec->rate.count ? (int64_t)(spec->rate.count - taken) : 0;
}

static int64_t sliding_fresh(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    struct window w = window_roll(&s->window, spec->rate.period_ns, now_ns);
    if (w.count > 0)
        return window_start(&w, spec->rate.period_ns, w.index + 2);
    return w.before > 0 ? window_start(&w, spec->rate.period_ns, w.index + 1) : now_ns;
}

const struct rule sliding_rule = {
    .init = window_init,
    .wait = sliding_wait,
    .pass = window_pass,
    .remaining = sliding_remaining,
    .fresh = sliding_fresh,
    .tune = window_tune,
    .per_window = true,
};

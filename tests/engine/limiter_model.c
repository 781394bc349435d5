/*
 * limiter_model.c - limiters from their histories (limiter_model.h).
 *
 * A bucket that is never fuller than its burst holds, at any time, the least of what it would hold had it last been full at each point of
 * its past: burst then, plus what came since, less what was taken since. A meter that is never emptier than empty holds the most of
 * what it would had it last been empty at each point. Both are walks from now to the beginning.
 */
#include "limiter_model.h"

#include <assert.h>

/* What a rate brings in so long. The infinite one: more than anything else can be, at once. */
static amount_t brought(const struct rate *rate, int64_t from_ns, int64_t to_ns)
{
    amount_t elapsed = to_ns > from_ns ? (amount_t)to_ns - from_ns : 0;
    if (rate->infinite)
        return elapsed > 0 ? (amount_t)1 << 100 : 0;
    return elapsed * (amount_t)rate->count * (UNITS / (int64_t)rate->period_ns);
}

static amount_t of_events(uint64_t n)
{
    return (amount_t)n * UNITS;
}

/* What a rate brings in one nanosecond. */
static amount_t grain(const struct limiter_model *m)
{
    return brought(&m->spec.rate, 0, 1);
}

static amount_t round_down(amount_t a, amount_t unit)
{
    amount_t rest = a % unit;
    return rest < 0 ? a - rest - unit : a - rest;
}

static void enter(const struct limiter_spec *spec, struct history *h, int64_t at_ns, amount_t change)
{
    assert(h->count < HISTORY_MAX);
    h->past[h->count++] = (struct past){at_ns, change, spec->rate, spec->burst};
}

void history_begin(struct history *h, const struct limiter_model *m, int64_t now_ns)
{
    h->count = 0;
    h->epoch_ns = m->epoch_ns;
    h->busy_ns = now_ns;
    h->last_event_ns = 0;
    enter(&m->spec, h, now_ns, 0);
}

uint64_t model_most(const struct limiter_model *m)
{
    switch (m->spec.algorithm) {
    case LIMIT_WINDOW:
    case LIMIT_SLIDING: return m->spec.rate.count;
    case LIMIT_QUEUE: return UINT64_MAX;
    default: return m->spec.rate.infinite ? UINT64_MAX : m->spec.burst;
    }
}

/* ---- Buckets ---- */

static amount_t tokens(const struct limiter_model *m, const struct history *h, int64_t at_ns)
{
    const struct past *p = &h->past[h->count - 1];
    amount_t since = brought(&m->spec.rate, p->at_ns, at_ns), least = of_events(m->spec.burst);
    for (;; p--) {
        if (of_events(p->burst) + since < least) /* full just after it */
            least = of_events(p->burst) + since;
        if (p == h->past)
            return least;
        since -= p->change;
        if (of_events(p[-1].burst) + since < least) /* just before it */
            least = of_events(p[-1].burst) + since;
        since += brought(&p[-1].rate, p[-1].at_ns, p->at_ns);
    }
}

static bool bucket_passes(const struct limiter_model *m, const struct history *h, int64_t at_ns, uint64_t n)
{
    if (m->spec.rate.infinite)
        return true;
    amount_t missing = of_events(n) - tokens(m, h, at_ns);
    return n <= m->spec.burst && (missing <= 0 || missing < grain(m)); /* less than 1 ns is none */
}

bool model_book(const struct limiter_model *m, struct history *h, int64_t at_ns, uint64_t n,
                int64_t max_wait_ns, struct booked *ret)
{
    struct booked b = {.n = n, .act_ns = at_ns, .rate = m->spec.rate};
    if (!m->spec.rate.infinite) {
        amount_t missing = of_events(n) - tokens(m, h, at_ns), delay = 0;
        if (missing > 0)
            delay = m->spec.rate.count ? missing / grain(m) : NEVER_NS;
        if (n > m->spec.burst || delay > max_wait_ns)
            return false;
        b.act_ns = delay > NEVER_NS - at_ns ? NEVER_NS : at_ns + (int64_t)delay;
        enter(&m->spec, h, at_ns, of_events(n));
        h->last_event_ns = b.act_ns;
    }
    *ret = b;
    return true;
}

bool model_refund(const struct limiter_model *m, struct history *h, int64_t at_ns, const struct booked *b)
{
    if (m->spec.rate.infinite || b->rate.infinite || b->n == 0 || b->act_ns < at_ns)
        return false;
    amount_t since = brought(&b->rate, b->act_ns, h->last_event_ns);
    amount_t back = round_down(of_events(b->n) - since, UNITS / (int64_t)m->spec.rate.period_ns);
    if (back <= 0)
        return false;
    enter(&m->spec, h, at_ns, -back);
    if (b->act_ns != h->last_event_ns || b->rate.count == 0)
        return true;
    amount_t before = b->act_ns - of_events(b->n) / brought(&b->rate, 0, 1);
    if (before >= at_ns)
        h->last_event_ns = (int64_t)before;
    return true;
}

/* ---- Windows ---- */

static int64_t window_of(const struct limiter_model *m, const struct history *h, int64_t at_ns)
{
    return (at_ns - h->epoch_ns) / (int64_t)m->spec.rate.period_ns;
}

/* What passed in a window, in events. */
static uint64_t in_window(const struct limiter_model *m, const struct history *h, int64_t window)
{
    amount_t sum = 0;
    for (int i = 0; i < h->count; i++)
        if (window_of(m, h, h->past[i].at_ns) == window)
            sum += h->past[i].change;
    return (uint64_t)(sum / UNITS);
}

static bool window_passes(const struct limiter_model *m, const struct history *h, int64_t at_ns, uint64_t n)
{
    return in_window(m, h, window_of(m, h, at_ns)) + n <= m->spec.rate.count;
}

/* The sum is taken times the period, to be whole. */
static bool sliding_passes(const struct limiter_model *m, const struct history *h, int64_t at_ns, uint64_t n)
{
    int64_t window = window_of(m, h, at_ns), period_ns = (int64_t)m->spec.rate.period_ns;
    int64_t within_ns = (window + 1) * period_ns - (at_ns - h->epoch_ns);
    amount_t old = window > 0 ? (amount_t)in_window(m, h, window - 1) * within_ns : 0;
    return old + (amount_t)(in_window(m, h, window) + n) * period_ns <=
           (amount_t)m->spec.rate.count * period_ns;
}

/* ---- Leaky buckets ---- */

static amount_t level(const struct limiter_model *m, const struct history *h, int64_t at_ns)
{
    amount_t since = -brought(&m->spec.rate, h->past[h->count - 1].at_ns, at_ns), most = 0;
    for (int i = h->count - 1; i >= 0; i--) {
        since += h->past[i].change;
        if (since > most)
            most = since;
        if (i > 0)
            since -= brought(&h->past[i - 1].rate, h->past[i - 1].at_ns, h->past[i].at_ns);
    }
    return most;
}

static bool meter_passes(const struct limiter_model *m, const struct history *h, int64_t at_ns, uint64_t n)
{
    return n <= m->spec.burst && level(m, h, at_ns) + of_events(n) <= of_events(m->spec.burst);
}

/* How much of what came since it is busy has not leaked; below zero: it ran empty before. */
static amount_t backlog(const struct limiter_model *m, const struct history *h, int64_t at_ns)
{
    amount_t sum = 0;
    for (int i = 0; i < h->count; i++)
        sum += h->past[i].change;
    return sum - brought(&m->spec.rate, h->busy_ns, at_ns);
}

static bool queue_passes(const struct limiter_model *m, const struct history *h, int64_t at_ns)
{
    return m->spec.rate.count > 0 && backlog(m, h, at_ns) <= 0;
}

/* One that comes a nanosecond or more after it ran empty makes it busy anew. */
static void queue_pass(const struct limiter_model *m, struct history *h, int64_t at_ns, uint64_t n)
{
    if (backlog(m, h, at_ns) <= -grain(m)) {
        h->count = 0;
        h->busy_ns = at_ns;
    }
    enter(&m->spec, h, at_ns, of_events(n));
}

/* ---- All of them ---- */

bool model_passes(const struct limiter_model *m, const struct history *h, int64_t at_ns, uint64_t n)
{
    switch (m->spec.algorithm) {
    case LIMIT_BUCKET: return bucket_passes(m, h, at_ns, n);
    case LIMIT_WINDOW: return window_passes(m, h, at_ns, n);
    case LIMIT_SLIDING: return sliding_passes(m, h, at_ns, n);
    case LIMIT_METER: return meter_passes(m, h, at_ns, n);
    case LIMIT_QUEUE: return queue_passes(m, h, at_ns);
    default: assert(false); return false;
    }
}

void model_pass(const struct limiter_model *m, struct history *h, int64_t at_ns, uint64_t n)
{
    assert(model_passes(m, h, at_ns, n));
    if (m->spec.algorithm == LIMIT_QUEUE) {
        queue_pass(m, h, at_ns, n);
        return;
    }
    if (m->spec.rate.infinite)
        return;
    enter(&m->spec, h, at_ns, of_events(n));
    h->last_event_ns = at_ns;
}

/* The least d with passes(at + d): doubled until it does, then halved down. */
int64_t model_wait(const struct limiter_model *m, const struct history *h, int64_t at_ns, uint64_t n)
{
    int64_t high = 1, low = 0; /* low: not yet; high: perhaps */
    if (model_passes(m, h, at_ns, n))
        return 0;
    while (!model_passes(m, h, at_ns + high, n)) {
        low = high;
        high *= 2;
        if (high > HORIZON_NS)
            return NEVER_NS;
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (model_passes(m, h, at_ns + middle, n))
            high = middle;
        else
            low = middle;
    }
    return high;
}

int64_t model_remaining(const struct limiter_model *m, const struct history *h, int64_t at_ns)
{
    if (m->spec.algorithm == LIMIT_QUEUE)
        return queue_passes(m, h, at_ns);
    if (m->spec.algorithm == LIMIT_BUCKET)
        return (int64_t)(round_down(tokens(m, h, at_ns), UNITS) / UNITS);
    uint64_t n = 0;
    while (n < model_most(m) && model_passes(m, h, at_ns, n + 1))
        n++;
    return (int64_t)n;
}

bool model_fresh(const struct limiter_model *m, const struct history *h, int64_t at_ns)
{
    int64_t window = 0;
    switch (m->spec.algorithm) {
    case LIMIT_BUCKET: return m->spec.rate.infinite || tokens(m, h, at_ns) == of_events(m->spec.burst);
    case LIMIT_WINDOW: return in_window(m, h, window_of(m, h, at_ns)) == 0;
    case LIMIT_SLIDING:
        window = window_of(m, h, at_ns);
        return in_window(m, h, window) == 0 && (window == 0 || in_window(m, h, window - 1) == 0);
    case LIMIT_METER: return level(m, h, at_ns) == 0;
    case LIMIT_QUEUE: return backlog(m, h, at_ns) <= 0;
    default: assert(false); return false;
    }
}

/* What was in the window that is open counts in the first of the new ones. */
static void tune_windows(const struct limiter_model *m, struct history *h, const struct limiter_spec *to,
                         int64_t at_ns)
{
    if (to->rate.period_ns == m->spec.rate.period_ns)
        return;
    uint64_t now = in_window(m, h, window_of(m, h, at_ns));
    h->count = 0;
    h->epoch_ns = at_ns;
    enter(&m->spec, h, at_ns, of_events(now));
}

void model_tune(const struct limiter_model *m, struct history *h, const struct limiter_spec *to,
                int64_t at_ns)
{
    amount_t unit = UNITS / (int64_t)to->rate.period_ns, has;
    switch (m->spec.algorithm) {
    case LIMIT_BUCKET:
        has = tokens(m, h, at_ns);
        enter(to, h, at_ns, has - round_down(has, unit));
        break;
    case LIMIT_WINDOW:
    case LIMIT_SLIDING: tune_windows(m, h, to, at_ns); break;
    case LIMIT_METER:
        has = level(m, h, at_ns);
        enter(to, h, at_ns, round_down(has, unit) - has);
        break;
    case LIMIT_QUEUE:
        has = backlog(m, h, at_ns);
        h->count = 0;
        h->busy_ns = at_ns;
        enter(to, h, at_ns, has > 0 ? round_down(has, unit) : 0);
        break;
    default: assert(false);
    }
}

/*
 * bucket.c - the token bucket.
 *
 * burst tokens at first. An elapsed nanosecond brings count/period of one, up to burst. To pass, n tokens must be there, or miss by less than a
 * nanosecond's worth (as Go's truncated durations have it). A booking takes n tokens that may not be there yet: the level goes below zero, and
 * the time at which it would be back at zero is when the booker may act. Later ones queue behind the debt, so order is the order of asking.
 *
 * Asked as of an earlier time than the last, no time has elapsed; a success moves the last time back, so that interval is earned again.
 *
 * Giving a booking back returns its tokens but those that later bookings were built on: n - rate x (latest act time - its act time), never
 * more than to the burst, and not once its time has passed. When refunds have brought the latest act time before its own, Go's formula gives more than
 * was taken; here n is all that comes back.
 *
 * Worst case: in any interval d at most burst + d x rate pass. A rate of 0 never refills; an infinite one passes all and counts nothing.
 */
#include "bucket.h"

#include "state.h"

/* Debt beyond so many tokens is no longer counted: it takes a rate of nearly nothing to come near. */
#define DEBT_MAX ((level_t)1 << 50)

struct booking *booking_new(struct engine *e, uint64_t n)
{
    struct booking *b = mem_alloc(&e->mem, sizeof *b);
    if (b)
        b->n = n;
    return b;
}

void booking_free(struct engine *e, struct booking *b)
{
    if (!b)
        return;
    assert(b->due.slot == 0);
    mem_free(&e->mem, b, sizeof *b);
}

static level_t bucket_tokens(const struct limiter_spec *spec, uint64_t n)
{
    return (level_t)n * (level_t)spec->rate.period_ns;
}

/* The level as of at_ns. */
static level_t bucket_level(const struct bucket *s, const struct limiter_spec *spec, int64_t at_ns)
{
    level_t full = bucket_tokens(spec, spec->burst);
    uint64_t elapsed = rule_elapsed(s->last_ns, at_ns);
    if (spec->rate.infinite && elapsed > 0)
        return full;
    level_t level = s->level + (level_t)elapsed * (level_t)spec->rate.count;
    return level < full ? level : full;
}

/* How long until n tokens are there, from at_ns. */
static int64_t bucket_delay(const struct bucket *s, const struct limiter_spec *spec, int64_t at_ns,
                            uint64_t n)
{
    level_t missing = bucket_tokens(spec, n) - bucket_level(s, spec, at_ns);
    return missing > 0 ? rule_span_down(missing, spec->rate.count) : 0;
}

static void bucket_take(struct bucket *s, const struct limiter_spec *spec, int64_t at_ns, uint64_t n,
                        int64_t act_ns)
{
    level_t level = bucket_level(s, spec, at_ns) - bucket_tokens(spec, n);
    level_t floor = -DEBT_MAX * (level_t)spec->rate.period_ns;
    s->level = level > floor ? level : floor;
    s->last_ns = at_ns;
    s->last_event_ns = act_ns;
}

bool bucket_book(struct bucket *s, const struct limiter_spec *spec, int64_t at_ns, int64_t max_wait_ns,
                 struct booking *b)
{
    b->rate = spec->rate;
    b->act_ns = at_ns;
    if (spec->rate.infinite)
        return true;
    int64_t delay_ns = bucket_delay(s, spec, at_ns, b->n);
    if (b->n > spec->burst || delay_ns > max_wait_ns)
        return false;
    b->act_ns = rule_after(at_ns, delay_ns);
    bucket_take(s, spec, at_ns, b->n, b->act_ns);
    return true;
}

/* What of a booking no later one was built on, in tokens x the present period. */
static level_t bucket_unused(const struct bucket *s, const struct limiter_spec *spec, const struct booking *b)
{
    level_t later = ((level_t)s->last_event_ns - b->act_ns) * (level_t)b->rate.count;
    if (later < 0)
        later = 0;
    level_t unused = (level_t)b->n * (level_t)b->rate.period_ns - later;
    return unused > 0 ? rule_rescale(unused, b->rate.period_ns, spec->rate.period_ns) : 0;
}

bool bucket_return(struct bucket *s, const struct limiter_spec *spec, int64_t at_ns, const struct booking *b)
{
    if (spec->rate.infinite || b->rate.infinite || b->n == 0 || b->act_ns < at_ns)
        return false;
    level_t unused = bucket_unused(s, spec, b), full = bucket_tokens(spec, spec->burst);
    if (unused <= 0)
        return false;
    level_t level = bucket_level(s, spec, at_ns) + unused;
    s->level = level < full ? level : full;
    s->last_ns = at_ns;
    if (b->act_ns != s->last_event_ns || b->rate.count == 0)
        return true;
    int64_t span_ns = rule_span_down((level_t)b->n * (level_t)b->rate.period_ns, b->rate.count);
    if (span_ns <= b->act_ns && b->act_ns - span_ns >= at_ns)
        s->last_event_ns = b->act_ns - span_ns;
    return true;
}

/* ---- The rule ---- */

static void bucket_init(union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    s->bucket = (struct bucket){.level = bucket_tokens(spec, spec->burst), .last_ns = now_ns};
}

static int64_t bucket_wait(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns,
                           uint64_t n)
{
    if (spec->rate.infinite)
        return 0;
    return n > spec->burst ? NEVER_NS : bucket_delay(&s->bucket, spec, now_ns, n);
}

static void bucket_pass(union rule_state *s, const struct limiter_spec *spec, int64_t now_ns, uint64_t n)
{
    if (!spec->rate.infinite)
        bucket_take(&s->bucket, spec, now_ns, n, now_ns);
}

static int64_t bucket_remaining(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    return (int64_t)rule_rescale(bucket_level(&s->bucket, spec, now_ns), spec->rate.period_ns, 1);
}

static int64_t bucket_fresh(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    level_t missing = bucket_tokens(spec, spec->burst) - bucket_level(&s->bucket, spec, now_ns);
    if (spec->rate.infinite || s->bucket.last_ns > now_ns)
        missing = 0;
    return rule_after(now_ns, rule_span_up(missing, spec->rate.count));
}

static void bucket_tune(union rule_state *s, const struct limiter_spec *from, const struct limiter_spec *to,
                        int64_t now_ns)
{
    level_t level = bucket_level(&s->bucket, from, now_ns);
    s->bucket.level = rule_rescale(level, from->rate.period_ns, to->rate.period_ns);
    s->bucket.last_ns = now_ns;
}

const struct rule bucket_rule = {
    .init = bucket_init,
    .wait = bucket_wait,
    .pass = bucket_pass,
    .remaining = bucket_remaining,
    .fresh = bucket_fresh,
    .tune = bucket_tune,
};

/*
 * leaky.c - the leaky bucket, in both forms.
 *
 * What passes fills the bucket by one, and it leaks at the rate.
 *
 * Meter: n pass if the level leaves room for them: level + n <= burst. Worst case: burst at once, then one each 1/rate; in any interval d at most
 * burst + d x rate.
 *
 * Queue: n pass when what passed before has leaked out, so passages are 1/rate apart (n/rate after n), never closer; those that wait are the
 * limiter's queue. Worst case: none at once but one. A rate of 0 lets nothing pass.
 */
#include "rule.h"

static level_t leaky_units(const struct limiter_spec *spec, uint64_t n)
{
    return (level_t)n * (level_t)spec->rate.period_ns;
}

static level_t leaky_level(const struct leaky *s, const struct limiter_spec *spec, int64_t now_ns)
{
    level_t level = s->level - (level_t)rule_elapsed(s->last_ns, now_ns) * (level_t)spec->rate.count;
    return level > 0 ? level : 0;
}

static void leaky_init(union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    (void)spec;
    s->leaky = (struct leaky){.last_ns = now_ns};
}

static void leaky_pass(union rule_state *s, const struct limiter_spec *spec, int64_t now_ns, uint64_t n)
{
    s->leaky.level = leaky_level(&s->leaky, spec, now_ns) + leaky_units(spec, n);
    s->leaky.last_ns = now_ns;
}

static int64_t leaky_fresh(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    return rule_after(now_ns, rule_span_up(leaky_level(&s->leaky, spec, now_ns), spec->rate.count));
}

static void leaky_tune(union rule_state *s, const struct limiter_spec *from, const struct limiter_spec *to,
                       int64_t now_ns)
{
    level_t level = leaky_level(&s->leaky, from, now_ns);
    s->leaky.level = rule_rescale(level, from->rate.period_ns, to->rate.period_ns);
    s->leaky.last_ns = now_ns;
}

/* ---- Meter ---- */

static int64_t meter_wait(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns,
                          uint64_t n)
{
    if (n > spec->burst)
        return NEVER_NS;
    level_t over =
        leaky_level(&s->leaky, spec, now_ns) + leaky_units(spec, n) - leaky_units(spec, spec->burst);
    return over > 0 ? rule_span_up(over, spec->rate.count) : 0;
}

static int64_t meter_remaining(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    level_t room = leaky_units(spec, spec->burst) - leaky_level(&s->leaky, spec, now_ns);
    return room > 0 ? (int64_t)rule_rescale(room, spec->rate.period_ns, 1) : 0;
}

const struct rule meter_rule = {
    .init = leaky_init,
    .wait = meter_wait,
    .pass = leaky_pass,
    .remaining = meter_remaining,
    .fresh = leaky_fresh,
    .tune = leaky_tune,
};

/* ---- Queue ---- */

static int64_t queue_wait(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns,
                          uint64_t n)
{
    (void)n;
    if (spec->rate.count == 0)
        return NEVER_NS;
    return rule_span_up(leaky_level(&s->leaky, spec, now_ns), spec->rate.count);
}

/* What comes in the nanosecond in which the bucket ran empty is counted from that very instant, so that fractions add up. */
static void queue_pass(union rule_state *s, const struct limiter_spec *spec, int64_t now_ns, uint64_t n)
{
    struct leaky *l = &s->leaky;
    level_t level = l->level - (level_t)rule_elapsed(l->last_ns, now_ns) * (level_t)spec->rate.count;
    if (level <= -(level_t)spec->rate.count)
        level = 0;
    *l = (struct leaky){level + leaky_units(spec, n), now_ns};
}

static int64_t queue_remaining(const union rule_state *s, const struct limiter_spec *spec, int64_t now_ns)
{
    return queue_wait(s, spec, now_ns, 1) == 0;
}

const struct rule queue_rule = {
    .init = leaky_init,
    .wait = queue_wait,
    .pass = queue_pass,
    .remaining = queue_remaining,
    .fresh = leaky_fresh,
    .tune = leaky_tune,
    .spaced = true,
};

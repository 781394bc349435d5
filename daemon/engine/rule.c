/*
 * rule.c - the table of rules, and the arithmetic they share (rule.h).
 *
 * Spans saturate to NEVER_NS and never wrap; a level moves from one period to another by its whole events and the rest apart, so that no
 * product passes 128 bits.
 */
#include "rule.h"

extern const struct rule bucket_rule, window_rule, sliding_rule, meter_rule, queue_rule;

const struct rule *rule_of(enum algorithm a)
{
    static const struct rule *const rules[LIMIT_ALGORITHMS] = {
        [LIMIT_BUCKET] = &bucket_rule, [LIMIT_WINDOW] = &window_rule, [LIMIT_SLIDING] = &sliding_rule,
        [LIMIT_METER] = &meter_rule,   [LIMIT_QUEUE] = &queue_rule,
    };
    assert(a < LIMIT_ALGORITHMS && rules[a]);
    return rules[a];
}

uint64_t rule_most(const struct limiter_spec *spec)
{
    if (spec->algorithm == LIMIT_CONCURRENCY)
        return spec->burst;
    const struct rule *rule = rule_of(spec->algorithm);
    if (spec->rate.infinite || rule->spaced)
        return UINT64_MAX;
    return rule->per_window ? spec->rate.count : spec->burst;
}

static int64_t rule_saturate(level_t ns)
{
    return ns >= NEVER_NS ? NEVER_NS : (int64_t)ns;
}

int64_t rule_span_up(level_t level, uint64_t count)
{
    assert(level >= 0);
    if (level == 0)
        return 0;
    return count == 0 ? NEVER_NS : rule_saturate((level + (level_t)count - 1) / (level_t)count);
}

int64_t rule_span_down(level_t level, uint64_t count)
{
    assert(level >= 0);
    if (level == 0)
        return 0;
    return count == 0 ? NEVER_NS : rule_saturate(level / (level_t)count);
}

level_t rule_rescale(level_t level, uint64_t from, uint64_t to)
{
    assert(from > 0 && to > 0);
    if (from == to)
        return level;
    level_t whole = level / (level_t)from, rest = level % (level_t)from;
    if (rest < 0) {
        rest += (level_t)from;
        whole--;
    }
    return whole * (level_t)to + (level_t)((unsigned __int128)rest * to / from);
}

int64_t rule_after(int64_t now_ns, int64_t d_ns)
{
    int64_t at_ns;
    return d_ns == NEVER_NS || __builtin_add_overflow(now_ns, d_ns, &at_ns) ? NEVER_NS : at_ns;
}

uint64_t rule_elapsed(int64_t then_ns, int64_t now_ns)
{
    return now_ns > then_ns ? (uint64_t)now_ns - (uint64_t)then_ns : 0;
}

/*
 * input.h - an input of the engine target, read byte by byte.
 *
 * Each question takes a byte or two, and 0 once there are no more, so that every input is a whole story. Names, tokens and handles
 * are drawn from what there is; numbers are small mostly, and now and then the ends of their type.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <string.h>

#include "engine.h"

enum { SESSIONS = 4, ARMS_MAX = 4, TOKENS = 16, VALUES_MAX = 3 };

/* One input at work. */
struct run {
    const uint8_t *at, *end;
    struct engine *engine;
    int64_t now_ns;
    uint64_t sessions[SESSIONS]; /* their numbers */
    uint64_t route, seq;
    uint64_t tokens[TOKENS]; /* tokens and leases, newest over oldest */
    uint64_t handles[TOKENS];
    unsigned tokens_at, handles_at;
    struct arm_spec arms[ARMS_MAX];
    struct value values[VALUES_MAX];
    struct context_value entry;
    uint64_t leases[2];
};

/* ---- What an input says ---- */

static inline unsigned next(struct run *run)
{
    return run->at < run->end ? *run->at++ : 0;
}

static inline unsigned below(struct run *run, unsigned n)
{
    return next(run) % n;
}

static inline bool flag(struct run *run)
{
    return next(run) & 1;
}

/* Small mostly, now and then at the ends. */
static inline int64_t number(struct run *run)
{
    static const int64_t ends[] = {INT64_MIN,        INT64_MIN + 1, -1,       1 << 20,
                                   INT64_C(1) << 40, INT64_MAX - 1, INT64_MAX};
    unsigned n = next(run);
    return n < 249 ? (int64_t)n % 16 - 1 : ends[n - 249];
}

static inline int64_t duration(struct run *run)
{
    static const int64_t spans[] = {0, 1, 3, 10, 100, 1000, 1000000, 1000000000};
    unsigned n = next(run);
    return n < 240 ? spans[n % 8] * (1 + n / 8 % 4) : number(run);
}

static inline uint64_t permits(struct run *run)
{
    int64_t n = number(run);
    return n < 0 ? UINT64_MAX : (uint64_t)n;
}

static inline uint64_t token(struct run *run)
{
    unsigned n = next(run);
    return n < 240 ? run->tokens[n % TOKENS] : n - 240;
}

static const char *const names[] = {"ch", "un", "hn", "ctx", "tm", "tk", "tr", "mx", "nx",
                                    "rw", "sm", "wg", "ct",  "on", "cv", "br", "gr", "fl",
                                    "bu", "wi", "sl", "me",  "qu", "co", "fe", "ce", "nobody"};
enum { NAMES = sizeof names / sizeof *names };

static inline struct ref named(const char *name)
{
    return (struct ref){.name = name, .name_size = (uint16_t)strlen(name)};
}

static inline struct ref ref(struct run *run)
{
    unsigned n = next(run);
    if (n < 208)
        return named(names[n % NAMES]);
    if (n < 254)
        return (struct ref){.handle = run->handles[n % TOKENS]};
    return (struct ref){0};
}

static inline struct bytes key(struct run *run)
{
    static const struct bytes keys[] = {{"", 0}, {"", 0}, {"k", 1}, {"j\0", 2}};
    return keys[below(run, 4)];
}

static inline struct value value(struct run *run)
{
    struct value v = {0};
    switch (below(run, 8)) {
    case 0: return v;
    case 1:
        v.type = VALUE_HANDLE;
        v.ref = ref(run);
        v.rights = (uint8_t)below(run, 16);
        return v;
    case 2: return (struct value){.type = VALUE_STRING, .bytes = {"text", 4}};
    case 3: return (struct value){.type = VALUE_INT64, .int64 = number(run)};
    default: return (struct value){.type = VALUE_BYTES, .bytes = {"bytes", 1 + below(run, 5)}};
    }
}

static inline struct rate rate(struct run *run)
{
    static const uint64_t periods[] = {1, 7, 10, 1000, 1000000000, UINT64_MAX, 0, INT64_MAX};
    struct rate r = {.period_ns = periods[below(run, 8)], .count = permits(run)};
    r.infinite = below(run, 16) == 0;
    return r;
}

static inline struct condition condition(struct run *run)
{
    struct condition c = {.compare = (enum compare)below(run, COMPARE_GE + 1)};
    c.operand = flag(run) ? number(run) : (int64_t)token(run);
    return c;
}

#endif

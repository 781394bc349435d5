/*
 * fill_limit.c - the operations on limiters, and TUNE, from the words of a command (filling.h).
 *
 *     make limiter l bucket rate=10/1s burst=3     bucket, window, sliding, meter, queue, concurrency; rate=inf
 *     take l [2] [key="k"] [dry] [ttl=1s] -> t
 *     reserve l [2] [key="k"] [max=5ms] [at=@1s] -> r
 *     refund $r [at=@1s]
 *     tune l [rate=10/1s] [burst=3] [limit=3] [at=@1s]      tune p [limit=3] [capacity=5] [pause | resume]
 */
#include <string.h>

#include "filling.h"
#include "world.h"

void fill_limiter(struct filling *f, char *at)
{
    static const char *const names[LIMIT_ALGORITHMS] = {"bucket", "window", "sliding",
                                                        "meter",  "queue",  "concurrency"};
    struct limiter_spec *l = &f->op->make.limiter;
    char *text;
    if ((text = option(at, "rate"))) {
        l->rate = parse_rate(text);
        return;
    }
    if ((text = option(at, "burst"))) {
        l->burst = parse_number(text);
        return;
    }
    for (int i = 0; i < LIMIT_ALGORITHMS; i++)
        if (strcmp(names[i], at) == 0) {
            l->algorithm = (enum algorithm)i;
            return;
        }
    bad("a limiter has no %s", at);
}

/* The permits, when they come next; else 1. */
static uint64_t permits(struct filling *f)
{
    return number_next(f) ? parse_number(word(f)) : 1;
}

/* "@1s" */
static int64_t instant(const char *text)
{
    return parse_duration(*text == '@' ? text + 1 : text);
}

void fill_take(struct filling *f)
{
    f->op->take.ref = ref(f);
    f->op->take.permits = permits(f);
    while (more(f)) {
        char *at = word(f), *text;
        if ((text = option(at, "key")))
            f->op->take.key = parse_quoted(text);
        else if ((text = option(at, "ttl")))
            f->op->take.ttl_ns = parse_duration(text);
        else if (strcmp(at, "dry") == 0)
            f->op->take.dry_run = true;
        else
            bad("take does not know %s", at);
    }
}

void fill_reserve(struct filling *f)
{
    f->op->reserve.ref = ref(f);
    f->op->reserve.permits = permits(f);
    while (more(f)) {
        char *at = word(f), *text;
        if ((text = option(at, "key"))) {
            f->op->reserve.key = parse_quoted(text);
        } else if ((text = option(at, "max"))) {
            f->op->reserve.has_max = true;
            f->op->reserve.max_wait_ns = parse_duration(text);
        } else if ((text = option(at, "at"))) {
            f->op->reserve.has_at = true;
            f->op->reserve.at_ns = instant(text);
        } else {
            bad("reserve does not know %s", at);
        }
    }
}

void fill_refund(struct filling *f)
{
    f->op->refund.token = parse_token(f->w, word(f));
    char *text = more(f) ? option(peek(f), "at") : NULL;
    if (!text)
        return;
    f->op->refund.has_at = true;
    f->op->refund.at_ns = instant(text);
    f->next++;
}

void fill_tune(struct filling *f)
{
    f->op->tune.ref = ref(f);
    while (more(f)) {
        char *at = word(f), *text;
        if ((text = option(at, "rate"))) {
            f->op->tune.has_rate = true;
            f->op->tune.rate = parse_rate(text);
        } else if ((text = option(at, "burst")) || (text = option(at, "capacity"))) {
            f->op->tune.has_burst = true;
            f->op->tune.burst = parse_number(text);
        } else if ((text = option(at, "limit"))) {
            f->op->tune.has_limit = true;
            f->op->tune.limit = parse_integer(text);
        } else if ((text = option(at, "at"))) {
            f->op->tune.has_at = true;
            f->op->tune.at_ns = instant(text);
        } else if (strcmp(at, "pause") == 0 || strcmp(at, "resume") == 0) {
            f->op->tune.has_pause = true;
            f->op->tune.pause = *at == 'p';
        } else {
            bad("tune does not know %s", at);
        }
    }
}

/*
 * scale.h - the engine with n of something beside the engine with 2n: what an operation costs in both.
 *
 * A world is an engine with one session. Worlds are measured in interleaved repetitions, in processor time; the figure is the median of their
 * ratios, and it is to be below 1.25. What is measured must leave its world as it was. A request that is refused ends the program. There is
 * no daemon, no socket and no codec here.
 */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "prng.h"

enum { REPETITIONS = 31, BLOCK = 2000, NAME_MAX_SIZE = 16 };

struct world {
    struct engine *engine;
    struct prng prng;
    uint64_t session, seq, n;
    int64_t now_ns;
    void *own; /* the program's */
};

static inline int64_t clock_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void must_be_ok(const struct reply *reply)
{
    if (reply->session && reply->status != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", op_rows[reply->op].name, status_name(reply->status));
        exit(1);
    }
}

static inline uint64_t resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Step a numbered request that acknowledges the one before. Returns the reply to it; its session is 0 if it parked. */
static inline struct reply ask(struct world *w, struct op op)
{
    struct effects fx;
    struct reply reply, own = {0};
    uint64_t last = w->seq;
    op.session = w->session;
    op.seq = op.route = ++w->seq;
    op.acked = &last;
    op.acked_count = last > 0;
    engine_step(w->engine, w->now_ns, &op, &fx);
    while (effects_next_reply(&fx, &reply))
        if (reply.seq == op.seq)
            own = reply;
    must_be_ok(&own);
    return own;
}

static inline uint64_t any(struct world *w, uint64_t n)
{
    return prng_below(&w->prng, n);
}

/* Do what serves one that waits; then it waits again, by `again`. Returns what it had got. */
static inline struct reply serve(struct world *w, struct op give)
{
    struct effects fx;
    struct reply reply, served = {0};
    give.session = give.code == OP_TICK ? 0 : w->session;
    engine_step(w->engine, w->now_ns, &give, &fx);
    while (effects_next_reply(&fx, &reply)) {
        must_be_ok(&reply);
        if (reply.seq != 0)
            served = reply;
    }
    if (served.seq == 0) {
        fprintf(stderr, "nobody was served by %s\n", op_rows[give.code].name);
        exit(1);
    }
    return served;
}

static inline void wait_again(struct world *w, const struct reply *served, struct op again)
{
    struct effects fx;
    struct reply reply;
    again.session = w->session;
    again.seq = again.route = ++w->seq;
    again.acked = &served->seq;
    again.acked_count = 1;
    engine_step(w->engine, w->now_ns, &again, &fx);
    while (effects_next_reply(&fx, &reply))
        must_be_ok(&reply);
}

/* An engine with a session, and nothing else. */
static inline void world_open(struct world *w, uint64_t n)
{
    struct engine_options options = {.seed = 1,
                                     .limits = {.memory_max = UINT64_C(1) << 40,
                                                .objects_max = UINT32_MAX,
                                                .calls_max = UINT32_MAX,
                                                .handles_max = UINT32_MAX}};
    struct effects fx;
    struct reply reply;
    struct op hello = {.code = OP_HELLO};
    *w = (struct world){.engine = engine_new(&options), .n = n};
    if (!w->engine)
        exit(1);
    prng_seed(&w->prng, 1);
    engine_step(w->engine, 0, &hello, &fx);
    effects_next_reply(&fx, &reply);
    w->session = reply.opened.number;
}

/* What each of count has cost since there were so many bytes in the engine, and in the process. */
static inline void report(const char *what, struct world *w, uint64_t count, uint64_t memory,
                          uint64_t resident)
{
    struct stats st;
    engine_stats(w->engine, &st);
    printf("%-42s %9" PRIu64 " %12.1f %12.1f\n", what, count, (double)(st.memory - memory) / (double)count,
           ((double)resident_bytes() - (double)resident) / (double)count);
}

/* ---- Measuring ---- */

static inline double block_ns(struct world *w, void (*run)(struct world *w))
{
    int64_t start = clock_now_ns();
    for (int i = 0; i < BLOCK; i++)
        run(w);
    return (double)(clock_now_ns() - start) / BLOCK;
}

static inline int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double median(double *values)
{
    qsort(values, REPETITIONS, sizeof *values, compare);
    return values[REPETITIONS / 2];
}

static inline bool measure(const char *what, void (*run)(struct world *w), struct world *half,
                           struct world *whole)
{
    double at_half[REPETITIONS], at_whole[REPETITIONS], ratios[REPETITIONS];
    block_ns(half, run);
    block_ns(whole, run);
    for (int i = 0; i < REPETITIONS; i++) {
        bool half_first = i % 2;
        if (half_first)
            at_half[i] = block_ns(half, run);
        at_whole[i] = block_ns(whole, run);
        if (!half_first)
            at_half[i] = block_ns(half, run);
        ratios[i] = at_whole[i] / at_half[i];
    }
    double ratio = median(ratios);
    printf("%-42s %9.0f %12.0f %12.2f  %s\n", what, median(at_half), median(at_whole), ratio,
           ratio < 1.25 ? "" : "more than 1.25");
    return ratio < 1.25;
}

/* What is measured: a world is built once for n and once for 2n, then run in turn. */
struct row {
    const char *what;
    void (*build)(struct world *w), (*run)(struct world *w);
};

/* Builds a row's world; what one of its n costs in bytes. own: the benchmark's part of it. */
static inline double row_build(struct world *w, void *own, uint64_t n, const struct row *row)
{
    struct stats before, after;
    world_open(w, n);
    w->own = own;
    engine_stats(w->engine, &before);
    row->build(w);
    engine_stats(w->engine, &after);
    return (double)(after.memory - before.memory) / (double)n;
}

/* The whole benchmark, with the command's n. own_new gives a world of n its own part, own_free takes it back. The exit code. */
static inline int scale_main(int argc, char **argv, const struct row *rows, size_t count,
                             void *(*own_new)(uint64_t n), void (*own_free)(void *own))
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    bool good = true;
    if (n < 1000)
        return 64;
    printf("%-42s %9" PRIu64 " %12" PRIu64 " %12s\n", "ns each, n:", n, 2 * n, "ratio");
    for (size_t i = 0; i < count; i++) {
        struct world half, whole;
        void *own[] = {own_new(n), own_new(2 * n)};
        double bytes = row_build(&half, own[0], n, &rows[i]);
        (void)row_build(&whole, own[1], 2 * n, &rows[i]);
        good = measure(rows[i].what, rows[i].run, &half, &whole) && good;
        printf("%-42s %9.0f\n", "  bytes each", bytes);
        engine_free(half.engine);
        engine_free(whole.engine);
        own_free(own[0]);
        own_free(own[1]);
    }
    return good ? 0 : 1;
}

#endif

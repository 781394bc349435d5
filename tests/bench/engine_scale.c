/*
 * engine_scale.c - the engine alone, with a million waiters, a million timers and a hundred thousand channels.
 *
 *     engine_scale [N]
 *
 * Two engines stand side by side, one with N of everything (a million, unless told), the other with twice as much. First what each thing
 * costs in memory; then what each operation costs in both, in interleaved repetitions, in processor time: the figure is the median of
 * their ratios, and it is to be below 1.25. Which waiter, timer and channel is drawn at random, so most of what an operation touches is
 * in no cache. There is no daemon, no socket and no codec here. It takes 3 GB.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "prng.h"

enum { CHANNELS_PER_MILLE = 100, REPETITIONS = 31, BLOCK = 2000, NAME_MAX_SIZE = 16 };

struct world {
    struct engine *engine;
    struct prng prng;
    uint64_t session, seq, n, channels;
    uint64_t *waiting; /* the seq of each channel's oldest waiter */
    uint64_t *timers;  /* handles */
    uint64_t lease;
};

static int64_t clock_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static uint64_t resident_bytes(void)
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
static struct reply ask(struct world *w, struct op op)
{
    struct effects fx;
    struct reply reply, own = {0};
    uint64_t last = w->seq;
    op.session = w->session;
    op.seq = op.route = ++w->seq;
    op.acked = &last;
    op.acked_count = last > 0;
    engine_step(w->engine, 0, &op, &fx);
    while (effects_next_reply(&fx, &reply))
        if (reply.seq == op.seq)
            own = reply;
    if (own.session && own.status != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", op_rows[op.code].name, status_name(own.status));
        exit(1);
    }
    return own;
}

static struct ref channel_name(char buf[NAME_MAX_SIZE], uint64_t i)
{
    int n = snprintf(buf, NAME_MAX_SIZE, "c%" PRIu64, i);
    return (struct ref){.name = buf, .name_size = (uint16_t)n};
}

static uint64_t any(struct world *w, uint64_t n)
{
    return prng_below(&w->prng, n);
}

/* ---- Building ---- */

static void report(const char *what, struct world *w, uint64_t count, uint64_t memory, uint64_t resident)
{
    struct stats st;
    engine_stats(w->engine, &st);
    printf("%-42s %9" PRIu64 " %12.1f %12.1f\n", what, count, (double)(st.memory - memory) / (double)count,
           ((double)resident_bytes() - (double)resident) / (double)count);
}

static void wait_on(struct world *w, uint64_t channel)
{
    char name[NAME_MAX_SIZE];
    ask(w, (struct op){.code = OP_RECV, .recv.ref = channel_name(name, channel)});
}

static struct op new_timer(void)
{
    struct op op = {.code = OP_MAKE};
    op.make.kind = KIND_TIMER;
    op.make.timer.delay_ns = NEVER_NS / 2;
    return op;
}

static void build_channels(struct world *w)
{
    char name[NAME_MAX_SIZE];
    for (uint64_t i = 0; i < w->channels; i++) {
        struct op op = {.code = OP_MAKE};
        op.make.kind = KIND_CHANNEL;
        op.make.name = channel_name(name, i);
        struct op drop = {.code = OP_DROP, .drop.handle = ask(w, op).made.handle};
        ask(w, drop);
    }
    struct op op = {.code = OP_MAKE};
    op.make.kind = KIND_CHANNEL;
    op.make.name = (struct ref){.name = "buffered", .name_size = 8};
    op.make.channel.cap = 16;
    ask(w, op);
}

static void world_build(struct world *w, uint64_t n, bool tells)
{
    struct engine_options options = {
        .seed = 1,
        .limits = {.memory_max = UINT64_C(1) << 40, .calls_max = UINT32_MAX, .handles_max = UINT32_MAX}};
    struct stats st;
    *w = (struct world){.engine = engine_new(&options), .n = n, .channels = n * CHANNELS_PER_MILLE / 1000};
    w->waiting = calloc(w->channels, sizeof *w->waiting);
    w->timers = calloc(n, sizeof *w->timers);
    if (!w->engine || !w->waiting || !w->timers)
        exit(1);
    prng_seed(&w->prng, 1);
    struct effects fx;
    struct reply reply;
    struct op hello = {.code = OP_HELLO};
    engine_step(w->engine, 0, &hello, &fx);
    effects_next_reply(&fx, &reply);
    w->session = reply.opened.number;

    uint64_t resident = resident_bytes();
    engine_stats(w->engine, &st);
    build_channels(w);
    if (tells)
        report("a named channel", w, w->channels, st.memory, resident);

    resident = resident_bytes();
    engine_stats(w->engine, &st);
    for (uint64_t i = 0, channel = 0; i < n; i++) { /* those of one channel are far apart in memory */
        wait_on(w, channel);
        if (w->waiting[channel] == 0)
            w->waiting[channel] = w->seq;
        channel = channel + 1 < w->channels ? channel + 1 : 0;
    }
    if (tells)
        report("a parked receive", w, n, st.memory, resident);

    resident = resident_bytes();
    engine_stats(w->engine, &st);
    for (uint64_t i = 0; i < n; i++)
        w->timers[i] = ask(w, new_timer()).made.handle;
    if (tells)
        report("a timer, with its handle", w, n, st.memory, resident);

    resident = resident_bytes();
    engine_stats(w->engine, &st);
    for (uint64_t i = 0; i < n; i++)
        ask(w, (struct op){.code = OP_RECV, .recv.ref.handle = w->timers[i]});
    if (tells)
        report("a parked receive from a timer", w, n, st.memory, resident);
}

/* ---- What is measured: each leaves the world as it was ---- */

static const struct ref buffered = {.name = "buffered", .name_size = 8};
static const struct value small = {.type = VALUE_BYTES, .bytes = {"0123456789abcdef0123456789abcdef", 32}};

static void through_a_buffer(struct world *w)
{
    ask(w, (struct op){.code = OP_SEND, .send = {buffered, small}});
    ask(w, (struct op){.code = OP_RECV, .recv.ref = buffered});
}

static void to_a_waiter(struct world *w)
{
    char name[NAME_MAX_SIZE];
    uint64_t i = any(w, w->channels);
    struct effects fx;
    struct reply reply;
    struct op send = {.code = OP_SEND, .session = w->session, .send = {channel_name(name, i), small}};
    engine_step(w->engine, 0, &send, &fx);
    uint64_t served[2] = {0};
    for (int k = 0; effects_next_reply(&fx, &reply); k = 1)
        served[k] = reply.seq;
    struct op again = {.code = OP_RECV, .recv.ref = channel_name(name, i)};
    again.session = w->session;
    again.seq = w->waiting[i] = ++w->seq;
    again.acked = served[0] ? &served[0] : &served[1];
    again.acked_count = 1;
    engine_step(w->engine, 0, &again, &fx);
}

static void withdraw_and_wait(struct world *w)
{
    uint64_t i = any(w, w->channels);
    ask(w, (struct op){.code = OP_CANCEL, .cancel.seq = w->waiting[i]});
    struct op ping = {.code = OP_PING, .session = w->session, .acked = &w->waiting[i], .acked_count = 1};
    struct effects fx;
    engine_step(w->engine, 0, &ping, &fx);
    wait_on(w, i);
    w->waiting[i] = w->seq;
}

static void set_a_timer(struct world *w)
{
    uint64_t handle = w->timers[any(w, w->n)];
    ask(w, (struct op){.code = OP_RESET,
                       .reset = {.ref.handle = handle, .duration_ns = 1 + (int64_t)any(w, NEVER_NS / 2)}});
}

static void a_name(struct world *w)
{
    char name[NAME_MAX_SIZE];
    struct op op = {.code = OP_OPEN, .open.ref = channel_name(name, any(w, w->channels))};
    ask(w, (struct op){.code = OP_DROP, .drop.handle = ask(w, op).made.handle});
}

static void a_select(struct world *w)
{
    char names[4][NAME_MAX_SIZE];
    struct arm_spec arms[4];
    for (int i = 0; i < 4; i++)
        arms[i] = (struct arm_spec){.verb = ARM_RECV, .ref = channel_name(names[i], any(w, w->channels))};
    ask(w,
        (struct op){.code = OP_SELECT, .select = {arms, 4}, .has_timeout = true, .timeout_ns = NEVER_NS / 2});
    uint64_t seq = w->seq;
    ask(w, (struct op){.code = OP_CANCEL, .cancel.seq = seq});
    struct op ping = {.code = OP_PING, .session = w->session, .acked = &seq, .acked_count = 1};
    struct effects fx;
    engine_step(w->engine, 0, &ping, &fx);
}

static void a_lease(struct world *w)
{
    ask(w, (struct op){.code = OP_SEND, .send = {buffered, small}});
    uint64_t lease =
        ask(w, (struct op){.code = OP_RECV, .recv = {.ref = buffered, .lease_ns = NEVER_NS / 2}}).item.lease;
    ask(w, (struct op){.code = OP_ACK, .lease = {.leases = &lease, .count = 1}});
}

static const struct {
    const char *what;
    void (*run)(struct world *w);
} rows[] = {
    {"send and receive through a buffer", through_a_buffer},
    {"send to a waiter, who waits again", to_a_waiter},
    {"withdraw a waiter, who waits again", withdraw_and_wait},
    {"set a timer somebody waits for", set_a_timer},
    {"open a name and drop the handle", a_name},
    {"park a select of four, withdraw it", a_select},
    {"send, lease, acknowledge", a_lease},
};

static double block_ns(struct world *w, void (*run)(struct world *w))
{
    int64_t start = clock_now_ns();
    for (int i = 0; i < BLOCK; i++)
        run(w);
    return (double)(clock_now_ns() - start) / BLOCK;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, REPETITIONS, sizeof *values, compare);
    return values[REPETITIONS / 2];
}

static bool measure(struct world *half, struct world *whole, size_t row)
{
    double at_half[REPETITIONS], at_whole[REPETITIONS], ratios[REPETITIONS];
    block_ns(half, rows[row].run);
    block_ns(whole, rows[row].run);
    for (int i = 0; i < REPETITIONS; i++) {
        bool half_first = i % 2;
        if (half_first)
            at_half[i] = block_ns(half, rows[row].run);
        at_whole[i] = block_ns(whole, rows[row].run);
        if (!half_first)
            at_half[i] = block_ns(half, rows[row].run);
        ratios[i] = at_whole[i] / at_half[i];
    }
    double ratio = median(ratios);
    printf("%-42s %9.0f %12.0f %12.2f  %s\n", rows[row].what, median(at_half), median(at_whole), ratio,
           ratio < 1.25 ? "" : "more than 1.25");
    return ratio < 1.25;
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct world half, whole;
    bool good = true;
    if (n < 1000)
        return 64;
    printf("%-42s %9s %12s %12s\n", "bytes each", "count", "engine", "RSS");
    world_build(&half, n, true);
    world_build(&whole, 2 * n, false);
    printf("\n%-42s %9" PRIu64 " %12" PRIu64 " %12s\n", "ns each, waiters and timers:", n, 2 * n, "ratio");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        good = measure(&half, &whole, i) && good;
    engine_free(half.engine);
    engine_free(whole.engine);
    free(half.waiting);
    free(half.timers);
    free(whole.waiting);
    free(whole.timers);
    return good ? 0 : 1;
}

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
#include "scale.h"

enum { CHANNELS_PER_MILLE = 100 };

/* A world's own. */
struct place {
    uint64_t channels;
    uint64_t *waiting; /* the seq of each channel's oldest waiter */
    uint64_t *timers;  /* handles */
};

static struct place *place(const struct world *w)
{
    return w->own;
}

static struct ref channel_name(char buf[NAME_MAX_SIZE], uint64_t i)
{
    int n = snprintf(buf, NAME_MAX_SIZE, "c%" PRIu64, i);
    return (struct ref){.name = buf, .name_size = (uint16_t)n};
}

/* ---- Building ---- */

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
    for (uint64_t i = 0; i < place(w)->channels; i++) {
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

static void world_build(struct world *w, struct place *p, uint64_t n, bool tells)
{
    struct stats st;
    world_open(w, n);
    w->own = p;
    p->channels = n * CHANNELS_PER_MILLE / 1000;
    p->waiting = calloc(p->channels, sizeof *p->waiting);
    p->timers = calloc(n, sizeof *p->timers);
    if (!p->waiting || !p->timers)
        exit(1);

    uint64_t resident = resident_bytes();
    engine_stats(w->engine, &st);
    build_channels(w);
    if (tells)
        report("a named channel", w, place(w)->channels, st.memory, resident);

    resident = resident_bytes();
    engine_stats(w->engine, &st);
    for (uint64_t i = 0, channel = 0; i < n; i++) { /* those of one channel are far apart in memory */
        wait_on(w, channel);
        if (place(w)->waiting[channel] == 0)
            place(w)->waiting[channel] = w->seq;
        channel = channel + 1 < place(w)->channels ? channel + 1 : 0;
    }
    if (tells)
        report("a parked receive", w, n, st.memory, resident);

    resident = resident_bytes();
    engine_stats(w->engine, &st);
    for (uint64_t i = 0; i < n; i++)
        place(w)->timers[i] = ask(w, new_timer()).made.handle;
    if (tells)
        report("a timer, with its handle", w, n, st.memory, resident);

    resident = resident_bytes();
    engine_stats(w->engine, &st);
    for (uint64_t i = 0; i < n; i++)
        ask(w, (struct op){.code = OP_RECV, .recv.ref.handle = place(w)->timers[i]});
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
    uint64_t i = any(w, place(w)->channels);
    struct effects fx;
    struct reply reply;
    struct op send = {.code = OP_SEND, .session = w->session, .send = {channel_name(name, i), small}};
    engine_step(w->engine, 0, &send, &fx);
    uint64_t served[2] = {0};
    for (int k = 0; effects_next_reply(&fx, &reply); k = 1)
        served[k] = reply.seq;
    struct op again = {.code = OP_RECV, .recv.ref = channel_name(name, i)};
    again.session = w->session;
    again.seq = place(w)->waiting[i] = ++w->seq;
    again.acked = served[0] ? &served[0] : &served[1];
    again.acked_count = 1;
    engine_step(w->engine, 0, &again, &fx);
}

static void withdraw_and_wait(struct world *w)
{
    uint64_t i = any(w, place(w)->channels);
    ask(w, (struct op){.code = OP_CANCEL, .cancel.seq = place(w)->waiting[i]});
    struct op ping = {
        .code = OP_PING, .session = w->session, .acked = &place(w)->waiting[i], .acked_count = 1};
    struct effects fx;
    engine_step(w->engine, 0, &ping, &fx);
    wait_on(w, i);
    place(w)->waiting[i] = w->seq;
}

static void set_a_timer(struct world *w)
{
    uint64_t handle = place(w)->timers[any(w, w->n)];
    ask(w, (struct op){.code = OP_RESET,
                       .reset = {.ref.handle = handle, .duration_ns = 1 + (int64_t)any(w, NEVER_NS / 2)}});
}

static void a_name(struct world *w)
{
    char name[NAME_MAX_SIZE];
    struct op op = {.code = OP_OPEN, .open.ref = channel_name(name, any(w, place(w)->channels))};
    ask(w, (struct op){.code = OP_DROP, .drop.handle = ask(w, op).made.handle});
}

static void a_select(struct world *w)
{
    char names[4][NAME_MAX_SIZE];
    struct arm_spec arms[4];
    for (int i = 0; i < 4; i++)
        arms[i] =
            (struct arm_spec){.verb = ARM_RECV, .ref = channel_name(names[i], any(w, place(w)->channels))};
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

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct world half, whole;
    struct place half_place, whole_place;
    bool good = true;
    if (n < 1000)
        return 64;
    printf("%-42s %9s %12s %12s\n", "bytes each", "count", "engine", "RSS");
    world_build(&half, &half_place, n, true);
    world_build(&whole, &whole_place, 2 * n, false);
    printf("\n%-42s %9" PRIu64 " %12" PRIu64 " %12s\n", "ns each, waiters and timers:", n, 2 * n, "ratio");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        good = measure(rows[i].what, rows[i].run, &half, &whole) && good;
    engine_free(half.engine);
    engine_free(whole.engine);
    free(half_place.waiting);
    free(half_place.timers);
    free(whole_place.waiting);
    free(whole_place.timers);
    return good ? 0 : 1;
}

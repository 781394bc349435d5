/*
 * engine_scale_sched.c - the engine alone, with a million tasks that are queued, wait or are kept, a million calls, a million values by rank.
 *
 *     engine_scale_sched [N]
 *
 * For each row two engines are made, one with N of what the row says (a million, unless told), the other with twice as much, measured as scale.h
 * says, and thrown away. Each operation leaves as many as there were. The memory is that of the engine for each of the N. It takes
 * 3 GB.
 */
#include "scale.h"

enum { CROWD = 10 };

/* A world's own. */
struct things {
    uint64_t worker, owner; /* tokens */
    uint64_t *tokens,
        *attempted; /* of tasks that wait: the token, by channel and age; the oldest of each channel */
};

static struct things *things(const struct world *w)
{
    return w->own;
}

static const struct ref one = {.name = "one", .name_size = 3};
static const struct value small = {.type = VALUE_BYTES, .bytes = {"0123456789abcdef0123456789abcdef", 32}};
static const struct bytes commands;

static struct ref named(char buf[NAME_MAX_SIZE], uint64_t i)
{
    int n = snprintf(buf, NAME_MAX_SIZE, "o%" PRIu64, i);
    return (struct ref){.name = buf, .name_size = (uint16_t)n};
}

static void make(struct world *w, struct op op, enum kind_code kind, struct ref name)
{
    op.code = OP_MAKE;
    op.make.kind = kind;
    op.make.name = name;
    ask(w, (struct op){.code = OP_DROP, .drop.handle = ask(w, op).made.handle});
}

static void make_pool(struct world *w)
{
    make(w, (struct op){.make.pool = {.limit = -1, .capacity = -1}}, KIND_POOL, one);
    struct op work = {.code = OP_WORK};
    work.work.ref = one;
    work.work.slots = SLOTS_MAX;
    work.work.functions = &commands;
    work.work.count = 1;
    things(w)->worker = ask(w, work).grant.token;
}

static struct op plain_task(void)
{
    struct op op = {.code = OP_GO};
    op.go.ref = one;
    op.go.spec.value = small;
    op.go.spec.keep_ns = 1;
    return op;
}

static void submit(struct world *w, struct op op)
{
    ask(w, (struct op){.code = OP_DROP, .drop.handle = ask(w, op).made.handle});
}

static struct op pull(const struct world *w)
{
    return (struct op){.code = OP_PULL, .pull = {one, things(w)->worker}};
}

static void end(struct world *w, const struct reply *job)
{
    w->now_ns += 2; /* results kept for a nanosecond go */
    ask(w, (struct op){.code = OP_END, .end = {.ref.task = job->count, .token = job->grant.token}});
}

/* ---- Tasks ---- */

static struct op random_task(struct world *w)
{
    struct op op = plain_task();
    op.go.spec.priority = (int32_t)any(w, 2 * PRIORITY_MAX) - PRIORITY_MAX;
    return op;
}

static void build_queue(struct world *w)
{
    make_pool(w);
    for (uint64_t i = 0; i < w->n; i++)
        submit(w, random_task(w));
}

static void run_a_task(struct world *w)
{
    submit(w, random_task(w));
    struct reply job = ask(w, pull(w));
    end(w, &job);
}

static void submit_share(struct world *w, uint64_t i)
{
    char name[NAME_MAX_SIZE];
    struct op op = plain_task();
    op.go.spec.share = (struct bytes){name, named(name, i).name_size};
    submit(w, op);
}

static void build_shares(struct world *w)
{
    make_pool(w);
    for (uint64_t i = 0; i < w->n; i++)
        submit_share(w, i);
}

static void run_of_a_share(struct world *w)
{
    submit_share(w, any(w, w->n));
    struct reply job = ask(w, pull(w));
    end(w, &job);
}

static void build_results(struct world *w)
{
    make_pool(w);
    for (uint64_t i = 0; i < w->n; i++) {
        struct op op = plain_task();
        op.go.spec.keep_ns = NEVER_NS / 2 + (int64_t)any(w, NEVER_NS / 4);
        submit(w, op);
        struct reply job = ask(w, pull(w));
        end(w, &job);
    }
}

static void run_alone(struct world *w)
{
    submit(w, plain_task());
    struct reply job = ask(w, pull(w));
    end(w, &job);
}

static void build_pulls(struct world *w)
{
    make_pool(w);
    for (uint64_t i = 0; i < w->n; i++)
        ask(w, pull(w));
}

/* A task comes, goes to the oldest who pulls, is ended, and that one pulls again. */
static void feed_a_worker(struct world *w)
{
    struct effects fx;
    struct reply reply, job = {0}, made = {0};
    struct op op = plain_task();
    op.session = w->session;
    engine_step(w->engine, w->now_ns, &op, &fx);
    while (effects_next_reply(&fx, &reply)) {
        must_be_ok(&reply);
        if (reply.op == OP_PULL)
            job = reply;
        else
            made = reply;
    }
    if (!job.seq)
        exit(1);
    end(w, &job);
    wait_again(w, &job, pull(w));
    ask(w, (struct op){.code = OP_DROP, .drop.handle = made.made.handle});
}

/* ---- Tasks that wait: ten at each channel ---- */

static struct op receive(struct ref channel, uint64_t token)
{
    return (struct op){.code = OP_RECV, .recv.ref = channel, .task = token};
}

static void build_waiting(struct world *w)
{
    char name[NAME_MAX_SIZE];
    uint64_t channels = w->n / CROWD;
    make_pool(w);
    for (uint64_t i = 0; i < channels; i++)
        make(w, (struct op){0}, KIND_CHANNEL, named(name, i));
    for (uint64_t k = 0; k < CROWD; k++)
        for (uint64_t i = 0; i < channels; i++) {
            submit(w, plain_task());
            uint64_t token = ask(w, pull(w)).grant.token;
            things(w)->tokens[i * CROWD + k] = token;
            ask(w, receive(named(name, i), token));
        }
}

static void wake_a_task(struct world *w)
{
    char name[NAME_MAX_SIZE];
    uint64_t i = any(w, w->n / CROWD), k = things(w)->attempted[i]++ % CROWD;
    struct ref channel = named(name, i);
    struct reply got = serve(w, (struct op){.code = OP_SEND, .send = {.ref = channel, .value = small}});
    wait_again(w, &got, receive(channel, things(w)->tokens[i * CROWD + k]));
}

/* ---- Calls ---- */

static struct op call(void)
{
    return (struct op){.code = OP_CALL, .call = {one, small}};
}

static void build_calls(struct world *w)
{
    make(w, (struct op){0}, KIND_ACTOR, one);
    things(w)->owner = ask(w, (struct op){.code = OP_BEGIN, .begin.ref = one}).grant.token;
    for (uint64_t i = 0; i < w->n; i++)
        ask(w, call());
}

static void answer_a_call(struct world *w)
{
    uint64_t owner = things(w)->owner;
    uint64_t number = ask(w, (struct op){.code = OP_SERVE, .serve = {one, owner}}).count;
    struct op reply = {.code = OP_REPLY,
                       .reply = {.ref = one, .token = owner, .number = number, .value = small}};
    struct reply got = serve(w, reply);
    wait_again(w, &got, call());
}

/* ---- Values by rank ---- */

static void send_ranked(struct world *w)
{
    struct op op = {.code = OP_SEND, .send = {.ref = one, .value = small}};
    op.send.rank = (int64_t)any(w, NEVER_NS);
    ask(w, op);
}

static void build_ordered(struct world *w)
{
    make(w, (struct op){.make.channel = {.cap = CHANNEL_CAP_MAX, .ordered = true}}, KIND_CHANNEL, one);
    for (uint64_t i = 0; i < w->n; i++)
        send_ranked(w);
}

static void through_the_order(struct world *w)
{
    send_ranked(w);
    ask(w, (struct op){.code = OP_RECV, .recv.ref = one});
}

static const struct row rows[] = {
    {"go, pull, end, n tasks queued", build_queue, run_a_task},
    {"go, pull, end, n submitters' shares", build_shares, run_of_a_share},
    {"go, pull, end, n results kept", build_results, run_alone},
    {"go to one of n who pull, end", build_pulls, feed_a_worker},
    {"wake a task, which waits again, n wait", build_waiting, wake_a_task},
    {"serve and reply, call again, n calls wait", build_calls, answer_a_call},
    {"send and receive by rank, n in the buffer", build_ordered, through_the_order},
};

static void *things_new(uint64_t n)
{
    struct things *t = calloc(1, sizeof *t);
    if (!t || !(t->tokens = calloc(n, sizeof *t->tokens)) ||
        !(t->attempted = calloc(n, sizeof *t->attempted)))
        exit(1);
    return t;
}

static void things_free(void *own)
{
    free(((struct things *)own)->tokens);
    free(((struct things *)own)->attempted);
    free(own);
}

int main(int argc, char **argv)
{
    return scale_main(argc, argv, rows, sizeof rows / sizeof *rows, things_new, things_free);
}

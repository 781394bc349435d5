/*
 * engine_ops.c - the engine alone, small and warm: what the hot operations cost.
 *
 *     engine_ops [NAME [ROUNDS]]
 *
 * Requests are numbered and acknowledge all before them, as the library's do. With a name and a number of rounds it does that one thing so
 * often, for a profiler:
 *
 *     valgrind --tool=callgrind --toggle-collect='*_rounds' engine_ops buffered 10000
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"

enum { BATCH = 256, REPETITIONS = 15 };

static struct engine *engine;
static uint64_t session, seq;
static uint64_t token, number, handle; /* the newest; number: of a task, of a call to serve */
static uint64_t worker, owner;         /* tokens */
static int64_t now_ns;
static struct value batch[BATCH];

static int64_t clock_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void ask(struct op *op)
{
    struct effects fx;
    struct reply reply;
    uint64_t ended;
    op->session = session;
    op->acked_below = seq;
    op->seq = op->route = ++seq;
    engine_step(engine, now_ns, op, &fx);
    while (effects_next_reply(&fx, &reply)) {
        if (reply.status != STATUS_OK) {
            fprintf(stderr, "%s: %s\n", op_rows[reply.op].name, status_name(reply.status));
            exit(1);
        }
        if (reply.result == RESULT_GRANT || reply.result == RESULT_LEADER || reply.result == RESULT_JOB)
            token = reply.grant.token;
        if (reply.result == RESULT_JOB)
            number = reply.count;
        if (reply.result == RESULT_MADE)
            handle = reply.made.handle;
        struct item_cursor at = reply.items.first;
        struct item_view item;
        while (reply.result == RESULT_ITEMS && engine_item_next(&at, &item))
            ;
    }
    while (effects_next_ended(&fx, &ended))
        ;
}

static struct ref named(const char *name)
{
    return (struct ref){.name = name, .name_size = (uint16_t)strlen(name)};
}

static void make(struct op op, enum kind_code kind, const char *name)
{
    op.code = OP_MAKE;
    op.make.kind = kind;
    op.make.name = named(name);
    ask(&op);
}

__attribute__((noinline)) static void buffered_rounds(uint64_t n)
{
    struct op send = {.code = OP_SEND, .send = {named("buffered"), batch[0]}};
    struct op recv = {.code = OP_RECV, .recv.ref = named("buffered")};
    while (n-- > 0) {
        ask(&send);
        ask(&recv);
    }
}

__attribute__((noinline)) static void rendezvous_rounds(uint64_t n)
{
    struct op send = {.code = OP_SEND, .send = {named("unbuffered"), batch[0]}};
    struct op recv = {.code = OP_RECV, .recv.ref = named("unbuffered")};
    while (n-- > 0) {
        ask(&recv);
        ask(&send);
    }
}

__attribute__((noinline)) static void batch_rounds(uint64_t n)
{
    struct op send = {.code = OP_SEND_MANY,
                      .send_many = {.ref = named("buffered"), .values = batch, .count = BATCH}};
    struct op recv = {.code = OP_RECV_MANY, .recv_many = {.ref = named("buffered"), .max = BATCH}};
    while (n-- > 0) {
        ask(&send);
        ask(&recv);
    }
}

__attribute__((noinline)) static void direct_batch_rounds(uint64_t n)
{
    struct op send = {.code = OP_SEND_MANY,
                      .send_many = {.ref = named("unbuffered"), .values = batch, .count = BATCH}};
    struct op recv = {.code = OP_RECV_MANY, .recv_many = {.ref = named("unbuffered"), .max = BATCH}};
    while (n-- > 0) {
        ask(&recv);
        ask(&send);
    }
}

__attribute__((noinline)) static void lock_rounds(uint64_t n)
{
    struct op lock = {.code = OP_LOCK, .lock.ref = named("mutex")};
    while (n-- > 0) {
        ask(&lock);
        struct op unlock = {.code = OP_UNLOCK, .unlock = {.ref = named("mutex"), .token = token}};
        ask(&unlock);
    }
}

__attribute__((noinline)) static void permit_rounds(uint64_t n)
{
    struct op acquire = {.code = OP_ACQUIRE, .acquire = {.ref = named("semaphore"), .permits = 2}};
    struct op release = {.code = OP_RELEASE, .release = {.ref = named("semaphore"), .permits = 2}};
    while (n-- > 0) {
        ask(&acquire);
        ask(&release);
    }
}

__attribute__((noinline)) static void count_rounds(uint64_t n)
{
    struct op add = {.code = OP_UPDATE, .update = {.ref = named("counter"), .verb = COUNT_ADD, .operand = 1}};
    while (n-- > 0)
        ask(&add);
}

__attribute__((noinline)) static void allow_rounds(uint64_t n)
{
    struct op take = {.code = OP_TAKE, .take = {.ref = named("limiter"), .permits = 1}, .no_wait = true};
    while (n-- > 0)
        ask(&take);
}

__attribute__((noinline)) static void ordered_rounds(uint64_t n)
{
    struct op send = {.code = OP_SEND, .send = {.ref = named("ordered"), .value = batch[0]}};
    struct op recv = {.code = OP_RECV, .recv.ref = named("ordered")};
    while (n-- > 0) {
        send.send.rank = (int64_t)(n * 2654435761u % 1000);
        ask(&send);
        ask(&recv);
    }
}

__attribute__((noinline)) static void call_rounds(uint64_t n)
{
    struct op call = {.code = OP_CALL, .call = {named("actor"), batch[0]}};
    struct op serve = {.code = OP_SERVE, .serve = {named("actor"), owner}};
    while (n-- > 0) {
        ask(&call);
        ask(&serve);
        struct op reply = {
            .code = OP_REPLY,
            .reply = {.ref = named("actor"), .token = owner, .number = number, .value = batch[0]}};
        ask(&reply);
    }
}

/* Its result is thrown away at once, as its handle is. */
__attribute__((noinline)) static void task_rounds(uint64_t n)
{
    struct op go = {.code = OP_GO, .go = {.ref = named("pool"), .spec = {.value = batch[0], .keep_ns = 1}}};
    struct op pull = {.code = OP_PULL, .pull = {named("pool"), worker}};
    while (n-- > 0) {
        now_ns += 2;
        ask(&go);
        struct op drop = {.code = OP_DROP, .drop.handle = handle};
        ask(&drop);
        ask(&pull);
        struct op end = {.code = OP_END, .end = {.ref.task = number, .token = token}};
        ask(&end);
    }
}

__attribute__((noinline)) static void ping_rounds(uint64_t n)
{
    struct op op = {.code = OP_PING};
    while (n-- > 0)
        ask(&op);
}

static const struct {
    const char *name, *what;
    void (*run)(uint64_t n);
    double per; /* what is counted, a round */
} rows[] = {
    {"ping", "a request that does nothing", ping_rounds, 1},
    {"buffered", "a request: send, receive through a buffer", buffered_rounds, 2},
    {"rendezvous", "a request: receive parks, send meets it", rendezvous_rounds, 2},
    {"batch", "a value: batches of 256 through a buffer", batch_rounds, BATCH},
    {"direct-batch", "a value: batches of 256 that meet", direct_batch_rounds, BATCH},
    {"lock", "a request: lock, unlock", lock_rounds, 2},
    {"permit", "a request: acquire, release", permit_rounds, 2},
    {"count", "a request: add to a counter", count_rounds, 1},
    {"allow", "a request: a token bucket allows", allow_rounds, 1},
    {"ordered", "a request: send, receive by rank", ordered_rounds, 2},
    {"call", "a request: call, serve, reply", call_rounds, 3},
    {"task", "a request: go, drop, pull, end", task_rounds, 4},
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(size_t row)
{
    double ns[REPETITIONS];
    uint64_t rounds = rows[row].per > 4 ? 200 : 20000;
    for (int i = 0; i < REPETITIONS; i++) {
        int64_t start = clock_now_ns();
        rows[row].run(rounds);
        ns[i] = (double)(clock_now_ns() - start) / (double)rounds / rows[row].per;
    }
    qsort(ns, REPETITIONS, sizeof *ns, compare);
    printf("%-46s %8.1f ns (%.1f to %.1f)\n", rows[row].what, ns[REPETITIONS / 2], ns[0],
           ns[REPETITIONS - 1]);
}

int main(int argc, char **argv)
{
    struct engine_options options = {.seed = 1};
    struct effects fx;
    struct reply reply;
    struct op hello = {.code = OP_HELLO};
    engine = engine_new(&options);
    if (!engine)
        return 1;
    engine_step(engine, 0, &hello, &fx);
    effects_next_reply(&fx, &reply);
    session = reply.opened.number;
    for (int i = 0; i < BATCH; i++)
        batch[i] = (struct value){.type = VALUE_BYTES, .bytes = {"0123456789abcdef0123456789abcdef", 32}};
    make((struct op){.make.channel.cap = 1024}, KIND_CHANNEL, "buffered");
    make((struct op){0}, KIND_CHANNEL, "unbuffered");
    make((struct op){0}, KIND_MUTEX, "mutex");
    make((struct op){.make.semaphore.size = 4}, KIND_SEMAPHORE, "semaphore");
    make((struct op){0}, KIND_COUNTER, "counter");
    make((struct op){.make.limiter = {LIMIT_BUCKET, {1000000000, 1, false}, 1000000}}, KIND_LIMITER,
         "limiter");
    make((struct op){.make.channel = {.cap = 1024, .ordered = true}}, KIND_CHANNEL, "ordered");
    make((struct op){0}, KIND_ACTOR, "actor");
    make((struct op){.make.pool = {.limit = -1, .capacity = -1}}, KIND_POOL, "pool");
    static const struct bytes commands = {0};
    ask(&(struct op){.code = OP_WORK,
                     .work = {.ref = named("pool"), .slots = 1, .functions = &commands, .count = 1}});
    worker = token;
    ask(&(struct op){.code = OP_BEGIN, .begin.ref = named("actor")});
    owner = token;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (argc < 3 && (argc == 1 || strcmp(argv[1], rows[i].name) == 0))
            measure(i);
        else if (argc == 3 && strcmp(argv[1], rows[i].name) == 0)
            rows[i].run(strtoull(argv[2], NULL, 10));
    engine_free(engine);
    return 0;
}

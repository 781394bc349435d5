/*
 * engine_scale_locks.c - the engine alone, with a million who wait for a lock, for permits, on a counter, a condition or a limiter.
 *
 *     engine_scale_locks [N]
 *
 * For each row two engines are made, one with N of what the row says (a million, unless told), the other with twice as much, measured as scale.h
 * says, and thrown away. In each operation one is served that waited, and waits again at the end. The memory is that of the engine for
 * each of the N. It takes 2 GB.
 */
#include "scale.h"

enum { CROWD = 10, PERIOD_NS = 1000 };

/* A world's own: what is held now, for each of the row's objects. */
struct held {
    uint64_t *tokens;
};

static uint64_t *held(const struct world *w)
{
    return ((struct held *)w->own)->tokens;
}

static struct ref named(char buf[NAME_MAX_SIZE], uint64_t i)
{
    int n = snprintf(buf, NAME_MAX_SIZE, "o%" PRIu64, i);
    return (struct ref){.name = buf, .name_size = (uint16_t)n};
}

static const struct ref one = {.name = "one", .name_size = 3};
static const struct ref lock = {.name = "lock", .name_size = 4};

static void make(struct world *w, struct op op, enum kind_code kind, struct ref name)
{
    op.code = OP_MAKE;
    op.make.kind = kind;
    op.make.name = name;
    ask(w, (struct op){.code = OP_DROP, .drop.handle = ask(w, op).made.handle});
}

/* ---- Locks ---- */

static void build_mutex(struct world *w)
{
    make(w, (struct op){0}, KIND_MUTEX, one);
    held(w)[0] = ask(w, (struct op){.code = OP_LOCK, .lock.ref = one}).grant.token;
    for (uint64_t i = 0; i < w->n; i++)
        ask(w, (struct op){.code = OP_LOCK, .lock.ref = one});
}

static void hand_mutex_on(struct world *w)
{
    struct reply got = serve(w, (struct op){.code = OP_UNLOCK, .unlock = {.ref = one, .token = held(w)[0]}});
    held(w)[0] = got.grant.token;
    wait_again(w, &got, (struct op){.code = OP_LOCK, .lock.ref = one});
}

/* Waiters of one mutex are far apart in memory. */
static void build_mutexes(struct world *w)
{
    char name[NAME_MAX_SIZE];
    for (uint64_t i = 0; i < w->n / CROWD; i++) {
        make(w, (struct op){0}, KIND_MUTEX, named(name, i));
        held(w)[i] = ask(w, (struct op){.code = OP_LOCK, .lock.ref = named(name, i)}).grant.token;
    }
    for (uint64_t k = 0; k < CROWD; k++)
        for (uint64_t i = 0; i < w->n / CROWD; i++)
            ask(w, (struct op){.code = OP_LOCK, .lock.ref = named(name, i)});
}

static void hand_some_mutex_on(struct world *w)
{
    char name[NAME_MAX_SIZE];
    uint64_t i = any(w, w->n / CROWD);
    struct ref ref = named(name, i);
    struct reply got = serve(w, (struct op){.code = OP_UNLOCK, .unlock = {.ref = ref, .token = held(w)[i]}});
    held(w)[i] = got.grant.token;
    wait_again(w, &got, (struct op){.code = OP_LOCK, .lock.ref = ref});
}

static void build_rwmutex(struct world *w)
{
    make(w, (struct op){0}, KIND_RWMUTEX, one);
    held(w)[0] = ask(w, (struct op){.code = OP_LOCK, .lock.ref = one}).grant.token;
    for (uint64_t i = 0; i < w->n; i++)
        ask(w, (struct op){.code = OP_LOCK, .lock.ref = one});
}

/* ---- Permits ---- */

static void build_semaphore(struct world *w)
{
    make(w, (struct op){.make.semaphore.size = 2}, KIND_SEMAPHORE, one);
    struct op acquire = {.code = OP_ACQUIRE, .acquire = {.ref = one, .permits = 2}};
    held(w)[0] = ask(w, acquire).grant.token;
    for (uint64_t i = 0; i < w->n; i++)
        ask(w, acquire);
}

static void hand_permits_on(struct world *w)
{
    struct reply got =
        serve(w, (struct op){.code = OP_RELEASE, .release = {.ref = one, .token = held(w)[0]}});
    held(w)[0] = got.grant.token;
    wait_again(w, &got, (struct op){.code = OP_ACQUIRE, .acquire = {.ref = one, .permits = 2}});
}

/* ---- Counters ---- */

static struct op wait_for_counter(uint64_t value)
{
    return (struct op){.code = OP_WAIT, .wait = {.ref = one, .condition = {COMPARE_GE, (int64_t)value}}};
}

static void build_counter(struct world *w)
{
    make(w, (struct op){0}, KIND_COUNTER, one);
    for (uint64_t i = 0; i < w->n; i++) /* in no order */
        ask(w, wait_for_counter(i * UINT64_C(2654435761) % w->n + 1));
}

static void count_on(struct world *w)
{
    struct reply got =
        serve(w, (struct op){.code = OP_UPDATE, .update = {.ref = one, .verb = COUNT_ADD, .operand = 1}});
    wait_again(w, &got, wait_for_counter(w->n + (uint64_t)got.number));
}

/* ---- Conditions ---- */

static struct op wait_on_cond(uint64_t token)
{
    return (struct op){.code = OP_COND_WAIT, .cond_wait = {.ref = one, .lock = lock, .token = token}};
}

static void build_cond(struct world *w)
{
    make(w, (struct op){0}, KIND_COND, one);
    make(w, (struct op){0}, KIND_MUTEX, lock);
    for (uint64_t i = 0; i < w->n; i++)
        ask(w, wait_on_cond(ask(w, (struct op){.code = OP_LOCK, .lock.ref = lock}).grant.token));
}

static void signal_one(struct world *w)
{
    struct reply got = serve(w, (struct op){.code = OP_SIGNAL, .signal.ref = one});
    wait_again(w, &got, wait_on_cond(got.grant.token));
}

/* ---- Groups ---- */

static void build_group(struct world *w)
{
    make(w, (struct op){.make.group.limit = 1}, KIND_GROUP, one);
    held(w)[0] = ask(w, (struct op){.code = OP_BEGIN, .begin.ref = one}).grant.token;
    for (uint64_t i = 0; i < w->n; i++)
        ask(w, (struct op){.code = OP_BEGIN, .begin.ref = one});
}

static void end_a_task(struct world *w)
{
    struct reply got = serve(w, (struct op){.code = OP_END, .end = {.ref = one, .token = held(w)[0]}});
    held(w)[0] = got.grant.token;
    wait_again(w, &got, (struct op){.code = OP_BEGIN, .begin.ref = one});
}

/* ---- Limiters ---- */

static struct op take(struct bytes key)
{
    return (struct op){.code = OP_TAKE, .take = {.ref = one, .key = key, .permits = 1}};
}

static void make_limiter(struct world *w, enum algorithm algorithm, struct rate rate, uint64_t burst)
{
    make(w, (struct op){.make.limiter = {algorithm, rate, burst}}, KIND_LIMITER, one);
}

/* One passes at once, the others wait for their turns. */
static void fill_limiter(struct world *w)
{
    for (uint64_t i = 0; i <= w->n; i++)
        ask(w, take((struct bytes){0}));
}

static void build_bucket(struct world *w)
{
    make_limiter(w, LIMIT_BUCKET, (struct rate){1, PERIOD_NS, false}, 1);
    fill_limiter(w);
}

static void build_meter(struct world *w)
{
    make_limiter(w, LIMIT_METER, (struct rate){1, PERIOD_NS, false}, 1);
    fill_limiter(w);
}

static void build_window(struct world *w)
{
    make_limiter(w, LIMIT_WINDOW, (struct rate){1, PERIOD_NS, false}, 0);
    fill_limiter(w);
}

static void let_one_pass(struct world *w)
{
    w->now_ns += PERIOD_NS;
    struct reply got = serve(w, (struct op){.code = OP_TICK});
    wait_again(w, &got, take((struct bytes){0}));
}

static struct bytes key(char buf[NAME_MAX_SIZE], uint64_t i)
{
    return (struct bytes){buf, named(buf, i).name_size};
}

/* Keys that are never as new again, so that all of them stay. */
static void build_keys(struct world *w)
{
    char buf[NAME_MAX_SIZE];
    make_limiter(w, LIMIT_BUCKET, (struct rate){1, NEVER_NS / 2, false}, LIMITER_COUNT_MAX);
    for (uint64_t i = 0; i < w->n; i++)
        ask(w, take(key(buf, i)));
}

static void allow_some_key(struct world *w)
{
    char buf[NAME_MAX_SIZE];
    ask(w, take(key(buf, any(w, w->n))));
}

static const struct row rows[] = {
    {"unlock a mutex for which n wait", build_mutex, hand_mutex_on},
    {"unlock one of n/10, for which ten wait", build_mutexes, hand_some_mutex_on},
    {"unlock a read-write lock, n writers wait", build_rwmutex, hand_mutex_on},
    {"release permits for which n wait", build_semaphore, hand_permits_on},
    {"add to a counter, n wait for more", build_counter, count_on},
    {"signal a condition on which n wait", build_cond, signal_one},
    {"end a task, n wait to start one", build_group, end_a_task},
    {"a token comes, n wait for a bucket", build_bucket, let_one_pass},
    {"a drop leaks, n wait for a meter", build_meter, let_one_pass},
    {"a window begins, n wait for one", build_window, let_one_pass},
    {"allow, under one of n keys", build_keys, allow_some_key},
};

static void *held_new(uint64_t n)
{
    struct held *h = calloc(1, sizeof *h);
    if (!h || !(h->tokens = calloc(n, sizeof *h->tokens)))
        exit(1);
    return h;
}

static void held_free(void *own)
{
    free(((struct held *)own)->tokens);
    free(own);
}

int main(int argc, char **argv)
{
    return scale_main(argc, argv, rows, sizeof rows / sizeof *rows, held_new, held_free);
}

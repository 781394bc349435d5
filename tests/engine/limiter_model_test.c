/*
 * limiter_model_test.c - limiters against a model of their history, over random schedules on a virtual clock.
 *
 * A round is one limiter of random algorithm, rate and burst, and a hundred steps: takes that wait, that do not, and dry ones, under three
 * keys; reservations and refunds, also as of earlier times; changes of rate and burst; requests withdrawn; a session that dies; time. After
 * each step the engine must have answered what the model says, no sooner and no later, in the order of asking; what remains
 * and how many keys are not as new must be the same.
 *
 * SLUICE_MODEL_SEED=N runs one round again, SLUICE_MODEL_LOG=1 says what is asked; SLUICE_MODEL_ROUNDS=N runs so many.
 */
#include <signal.h>
#include <unistd.h>

#include "limiter_round.h"

enum { ROUNDS = 6000, ROUNDS_SANITIZED = 1500, STEPS = 100 };

/* Which round runs, for on_abort: made ahead, since a handler may only write. */
static char where[96];
static uint64_t steps;

static void on_abort(int number)
{
    (void)number;
    (void)!write(STDERR_FILENO, where, strlen(where));
}

static const char *const key_names[KEYS] = {"", "a", "b"};

static uint64_t below(struct round *r, uint64_t n)
{
    return prng_below(&r->prng, n);
}

static bool chance(struct round *r, unsigned percent)
{
    return below(r, 100) < percent;
}

/* ---- Steps ---- */

/* What an operation says, for SLUICE_MODEL_LOG. */
static void say(const struct round *r, const struct op *op)
{
    printf("@%" PRId64 " %s", now(r), op_rows[op->code].name);
    if (op->code == OP_TAKE)
        printf(" %" PRIu64 " key=\"%.*s\"%s%s timeout=%" PRId64, op->take.permits, (int)op->take.key.size,
               (const char *)op->take.key.data, op->no_wait ? " nowait" : "", op->take.dry_run ? " dry" : "",
               op->has_timeout ? op->timeout_ns : -1);
    if (op->code == OP_RESERVE)
        printf(" %" PRIu64 " key=\"%.*s\" max=%" PRId64 " at=%" PRId64, op->reserve.permits,
               (int)op->reserve.key.size, (const char *)op->reserve.key.data,
               op->reserve.has_max ? op->reserve.max_wait_ns : -1,
               op->reserve.has_at ? op->reserve.at_ns : now(r));
    if (op->code == OP_REFUND)
        printf(" %" PRIu64 " at=%" PRId64, op->refund.token, op->refund.has_at ? op->refund.at_ns : now(r));
    if (op->code == OP_TUNE)
        printf(" rate=%" PRId64 "/%" PRIu64 " burst=%" PRId64 " at=%" PRId64,
               op->tune.has_rate ? (int64_t)op->tune.rate.count : -1, op->tune.rate.period_ns,
               op->tune.has_burst ? (int64_t)op->tune.burst : -1, op->tune.has_at ? op->tune.at_ns : now(r));
    putchar('\n');
}

static uint64_t ask(struct round *r, const struct op *op)
{
    if (r->log)
        say(r, op);
    return kit_ask(r->kit, *op);
}

static void tick(struct round *r, int64_t at_ns)
{
    kit_time(r->kit, at_ns);
    round_settle(r);
}

/* Time passes: from deadline to deadline, or in one leap. */
static void move_time(struct round *r)
{
    static const int64_t spans[] = {1, 5, 30, 200, 3000, 1000000, 400000000, INT64_C(3000000000)};
    int64_t to_ns = now(r) + 1 + (int64_t)below(r, (uint64_t)spans[below(r, sizeof spans / sizeof *spans)]);
    int64_t due_ns = engine_next_deadline(r->kit->engine);
    if (chance(r, 50) && due_ns < HORIZON_NS)
        to_ns = due_ns;
    while (!chance(r, 10) && engine_next_deadline(r->kit->engine) < to_ns)
        tick(r, engine_next_deadline(r->kit->engine));
    tick(r, to_ns);
}

static uint64_t some_count(struct round *r)
{
    return chance(r, 60) ? 1 : chance(r, 10) ? 0 : below(r, 7);
}

static int some_key(struct round *r)
{
    return (int)below(r, KEYS);
}

/* Without waiting, or dry. */
static void take_now(struct round *r)
{
    int key = some_key(r);
    struct op op = take(r->sessions[0], "l", key_names[key], some_count(r));
    op.take.dry_run = chance(r, 30);
    op.no_wait = !op.take.dry_run || chance(r, 50);
    round_touch(r, key);
    uint64_t n = op.take.permits, route;
    bool queue = algorithm(r) != LIMIT_BUCKET && round_head(r, key);
    bool allowed = !queue && round_passes(r, key, n);
    route = ask(r, &op);
    const struct answer *a = round_answer(r, route, allowed ? STATUS_OK : STATUS_WOULD_BLOCK);
    if (allowed && !op.take.dry_run)
        round_pass(r, key, n, r->sessions[0], &a->reply);
    else if (algorithm(r) != LIMIT_CONCURRENCY)
        round_check_quota(r, key, &a->reply);
    if (a->reply.result == RESULT_QUOTA)
        MUST(a->reply.truth == allowed, "allowed or not");
    if (!allowed && !queue && algorithm(r) != LIMIT_CONCURRENCY) {
        int64_t wait_ns = model_wait(&r->model, &r->keys[key].history, now(r), n);
        MUST(a->reply.quota.retry_after_ns == wait_ns, "again in %" PRId64 ", it says %" PRId64, wait_ns,
             a->reply.quota.retry_after_ns);
    }
    round_settle(r);
}

/* What becomes of a take that may wait; OK: it passes or waits. */
static enum status may_wait(struct round *r, int key, uint64_t n, const struct op *op, struct booked *booked)
{
    int64_t wait_ns = 0;
    if (n > (algorithm(r) == LIMIT_CONCURRENCY ? r->model.spec.burst : model_most(&r->model)))
        return STATUS_MISUSE;
    bool queue = algorithm(r) != LIMIT_BUCKET && round_head(r, key);
    if (!queue && round_passes(r, key, n))
        return STATUS_OK;
    if (algorithm(r) == LIMIT_QUEUE && round_queued(r, key) + n > r->model.spec.burst)
        return STATUS_LIMIT;
    if (op->has_timeout && op->timeout_ns == 0)
        return STATUS_DEADLINE_EXCEEDED;
    if (algorithm(r) != LIMIT_BUCKET)
        return STATUS_OK;
    wait_ns = model_wait(&r->model, &r->keys[key].history, now(r), n);
    if (op->has_timeout && wait_ns > op->timeout_ns)
        return STATUS_DEADLINE_EXCEEDED;
    MUST(model_book(&r->model, &r->keys[key].history, now(r), n, NEVER_NS, booked), "not to be had");
    return STATUS_OK;
}

static void take_or_wait(struct round *r)
{
    int key = some_key(r);
    uint64_t session = r->sessions[chance(r, 20)];
    struct op op = take(session, "l", key_names[key], some_count(r));
    struct booked booked = {0};
    if (r->asked_count == ASKED_MAX || r->given_count > GIVEN_MAX - ASKED_MAX)
        return;
    op.seq = ++r->seq;
    op.has_timeout = chance(r, 30);
    op.timeout_ns = chance(r, 10) ? 0 : (int64_t)below(r, chance(r, 50) ? 100 : 2000000000);
    round_touch(r, key);
    bool at_once =
        round_passes(r, key, op.take.permits) && (algorithm(r) == LIMIT_BUCKET || !round_head(r, key));
    enum status want = may_wait(r, key, op.take.permits, &op, &booked);
    uint64_t route = ask(r, &op);
    const struct answer *a = answer(r->kit, route);
    MUST((a != NULL) == (want != STATUS_OK || at_once), "answered or not");
    if (a)
        MUST(a->reply.status == want, "status %d, not %d", a->reply.status, want);
    if (a && want == STATUS_OK)
        round_pass(r, key, op.take.permits, session, &a->reply);
    if (!a)
        r->asked[r->asked_count++] = (struct asked){route,
                                                    op.seq,
                                                    op.take.permits,
                                                    ++r->orders,
                                                    session,
                                                    key,
                                                    op.has_timeout ? now(r) + op.timeout_ns : NEVER_NS,
                                                    booked};
    round_settle(r);
}

static int64_t some_past(struct round *r, bool *has, int64_t *at_ns)
{
    *has = chance(r, 25);
    *at_ns = now(r) - (int64_t)below(r, 50);
    if (*at_ns < 0)
        *at_ns = 0;
    return *has ? *at_ns : now(r);
}

static void reserve_some(struct round *r)
{
    int key = some_key(r);
    uint64_t session = r->sessions[chance(r, 20)];
    struct op op = reserve(session, "l", key_names[key], some_count(r));
    struct booked booked;
    if (r->given_count == GIVEN_MAX)
        return;
    int64_t at_ns = some_past(r, &op.reserve.has_at, &op.reserve.at_ns);
    op.reserve.has_max = chance(r, 30);
    op.reserve.max_wait_ns = (int64_t)below(r, chance(r, 50) ? 100 : 2000000000);
    round_touch(r, key);
    if (algorithm(r) != LIMIT_BUCKET) {
        uint64_t route = ask(r, &op);
        round_answer(r, route, STATUS_INVALID);
        round_settle(r);
        return;
    }
    bool allowed = model_book(&r->model, &r->keys[key].history, at_ns, op.reserve.permits,
                              op.reserve.has_max ? op.reserve.max_wait_ns : NEVER_NS, &booked);
    const struct answer *a = round_answer(r, ask(r, &op), allowed ? STATUS_OK : STATUS_WOULD_BLOCK);
    if (allowed) {
        int64_t delay_ns = booked.act_ns == NEVER_NS ? NEVER_NS : booked.act_ns - at_ns;
        MUST(a->reply.quota.delay_ns == delay_ns, "delay %" PRId64 ", it says %" PRId64, delay_ns,
             a->reply.quota.delay_ns);
    }
    if (allowed && a->reply.quota.token)
        r->given[r->given_count++] = (struct given){a->reply.quota.token,
                                                    booked.n,
                                                    session,
                                                    key,
                                                    booked.act_ns > now(r) ? booked.act_ns : now(r),
                                                    booked};
    round_settle(r);
}

/* Give something back; now and then something that is not there. */
static void give_back(struct round *r)
{
    struct given *g = r->given_count && !chance(r, 8) ? &r->given[below(r, r->given_count)] : NULL;
    struct op op = plain(algorithm(r) == LIMIT_CONCURRENCY ? OP_RELEASE : OP_REFUND, r->sessions[0]);
    if (algorithm(r) == LIMIT_CONCURRENCY) {
        op.release.ref = by_name("l");
        op.release.token = g ? g->token : r->spent + 1000000;
        op.release.permits = g && chance(r, 30) ? 1 + below(r, g->n) : 0;
        uint64_t n = g && op.release.permits ? op.release.permits : g ? g->n : 0;
        uint64_t route = ask(r, &op);
        round_answer(r, route, g ? STATUS_OK : STATUS_STALE_TOKEN);
        if (g) {
            r->keys[g->key].held -= n;
            g->n -= n;
            if (g->n == 0)
                round_drop_given(r, g);
        }
    } else {
        int64_t at_ns = some_past(r, &op.refund.has_at, &op.refund.at_ns);
        op.refund.token = g ? g->token : r->spent;
        bool back = g && model_refund(&r->model, &r->keys[g->key].history, at_ns, &g->booked);
        const struct answer *a = round_answer(r, ask(r, &op), STATUS_OK);
        MUST(a->reply.truth == back, "something came back: %d, it says %d", back, a->reply.truth);
        if (g)
            round_drop_given(r, g);
    }
    round_settle(r);
}

static void withdraw(struct round *r)
{
    if (r->asked_count == 0)
        return;
    struct asked *a = &r->asked[below(r, r->asked_count)];
    struct op op = plain(OP_CANCEL, a->session);
    struct asked gone = *a;
    op.cancel.seq = a->seq;
    if (algorithm(r) == LIMIT_BUCKET)
        model_refund(&r->model, &r->keys[a->key].history, now(r), &a->booked);
    round_drop_asked(r, a);
    round_answer(r, ask(r, &op), STATUS_OK);
    round_answer(r, gone.route, STATUS_CANCELED);
    round_settle(r);
}

/* The second session dies, and comes again as another. */
static void die(struct round *r)
{
    uint64_t session = r->sessions[1];
    /* in the order in which the engine lets go: what waits, oldest first; then what is held, oldest first */
    for (;;) {
        struct asked *first = NULL;
        for (size_t i = 0; i < r->asked_count; i++)
            if (r->asked[i].session == session && (!first || r->asked[i].order < first->order))
                first = &r->asked[i];
        if (!first)
            break;
        if (algorithm(r) == LIMIT_BUCKET)
            model_refund(&r->model, &r->keys[first->key].history, now(r), &first->booked);
        round_drop_asked(r, first);
    }
    for (;;) {
        struct given *first = NULL;
        for (size_t i = 0; i < r->given_count; i++)
            if (r->given[i].session == session && (!first || r->given[i].token < first->token))
                first = &r->given[i];
        if (!first)
            break;
        if (algorithm(r) == LIMIT_BUCKET)
            model_refund(&r->model, &r->keys[first->key].history, now(r), &first->booked);
        else
            r->keys[first->key].held -= first->n;
        round_drop_given(r, first);
    }
    kit_event(r->kit, OP_DETACH, session);
    r->sessions[1] = kit_session(r->kit);
    round_settle(r);
}

static struct rate some_rate(struct round *r)
{
    static const uint64_t periods[] = {1, 3, 7, 10, 50, 1000, 1000000, 1000000000, UINT64_C(7000000000)};
    static const uint64_t counts[] = {1, 1, 2, 3, 5, 10, 17, 0};
    if (algorithm(r) == LIMIT_BUCKET && chance(r, 5))
        return (struct rate){.period_ns = 1, .infinite = true};
    return (struct rate){counts[below(r, chance(r, 90) ? 7 : 8)],
                         periods[below(r, sizeof periods / sizeof *periods)], false};
}

static bool has_burst(const struct round *r)
{
    return algorithm(r) != LIMIT_WINDOW && algorithm(r) != LIMIT_SLIDING;
}

/* The rate or the burst changes; not below what somebody who waits asked for. */
static void tune(struct round *r)
{
    struct op op = plain(OP_TUNE, r->sessions[0]);
    struct limiter_spec to = r->model.spec;
    int64_t at_ns = now(r);
    op.tune.ref = by_name("l");
    op.tune.has_rate = algorithm(r) != LIMIT_CONCURRENCY && chance(r, 60);
    op.tune.has_burst = has_burst(r) && (!op.tune.has_rate || chance(r, 30));
    op.tune.rate = some_rate(r);
    op.tune.burst = below(r, 8);
    if (algorithm(r) == LIMIT_BUCKET)
        at_ns = some_past(r, &op.tune.has_at, &op.tune.at_ns);
    if (op.tune.has_rate)
        to.rate = op.tune.rate;
    if (op.tune.has_burst)
        to.burst = op.tune.burst;
    struct limiter_model after = {.spec = to};
    uint64_t most = to.algorithm == LIMIT_CONCURRENCY ? to.burst : model_most(&after);
    for (size_t i = 0; i < r->asked_count; i++)
        if (r->asked[i].n > most && to.algorithm != LIMIT_BUCKET)
            return;
    for (int i = 0; i < KEYS && to.algorithm != LIMIT_CONCURRENCY; i++)
        if (r->keys[i].alive)
            model_tune(&r->model, &r->keys[i].history, &to, at_ns);
    if (!has_burst(r) && to.rate.period_ns != r->model.spec.rate.period_ns)
        r->model.epoch_ns = now(r);
    r->model.spec = to;
    round_answer(r, ask(r, &op), STATUS_OK);
    round_settle(r);
}

static void (*const moves[])(struct round *r) = {move_time, move_time,    move_time,    take_now,
                                                 take_now,  take_or_wait, take_or_wait, reserve_some,
                                                 give_back, withdraw};

static void step(struct round *r)
{
    if (chance(r, 4))
        tune(r);
    else if (chance(r, 1))
        die(r);
    else
        moves[below(r, sizeof moves / sizeof *moves)](r);
}

static void run_round(uint64_t seed)
{
    static struct round r;
    snprintf(where, sizeof where, "SLUICE_MODEL_SEED=%" PRIu64 " runs it again\n", seed);
    r = (struct round){.kit = kit_new(NULL)};
    prng_seed(&r.prng, seed);
    r.model.spec.algorithm = (enum algorithm)below(&r, LIMIT_ALGORITHMS);
    if (algorithm(&r) != LIMIT_CONCURRENCY)
        r.model.spec.rate = some_rate(&r);
    if (has_burst(&r))
        r.model.spec.burst = below(&r, 8);
    r.kit->now_ns = (int64_t)below(&r, 1000000000);
    r.sessions[0] = kit_session(r.kit);
    r.sessions[1] = kit_session(r.kit);
    kit_get(r.kit, make_limiter(r.sessions[0], "l", r.model.spec), STATUS_OK);
    r.model.epoch_ns = now(&r);
    round_touch(&r, 0);
    r.log = getenv("SLUICE_MODEL_LOG");
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (r.log)
        printf("algorithm %d rate %" PRIu64 "/%" PRIu64 " burst %" PRIu64 " at %" PRId64 "\n",
               (int)algorithm(&r), r.model.spec.rate.count, r.model.spec.rate.period_ns, r.model.spec.burst,
               now(&r));
    for (int i = 0; i < STEPS; i++, steps++)
        step(&r);
    kit_free(r.kit);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void limiters_do_as_their_histories_say(void **state)
{
    (void)state;
    uint64_t one = setting("SLUICE_MODEL_SEED", 0), first = one ? one : 1;
    uint64_t rounds = setting("SLUICE_MODEL_ROUNDS", getenv("SLUICE_SANITIZED") ? ROUNDS_SANITIZED : ROUNDS);
    for (uint64_t seed = first; seed < first + (one ? 1 : rounds); seed++)
        run_round(seed);
    printf("%" PRIu64 " steps, seeds %" PRIu64 " to %" PRIu64 "\n", steps, first,
           first + (one ? 1 : rounds) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(limiters_do_as_their_histories_say)};
    signal(SIGABRT, on_abort);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

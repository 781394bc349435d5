/*
 * limiter_round.c - following a limiter from answer to answer (limiter_round.h).
 *
 * Answers are taken in the order in which they came. Each must be due: nobody passes before it can, out of turn, or is left behind when it
 * could. Before time moves on, the engine must have a deadline for the next who can.
 */
#include "limiter_round.h"

const struct answer *round_answer(const struct round *r, uint64_t route, enum status status)
{
    const struct answer *a = answer(r->kit, route);
    MUST(a && a->reply.status == status, "%s instead of %s", a ? status_name(a->reply.status) : "no answer",
         status_name(status));
    return a;
}

/* ---- What the model knows, with queues ---- */

bool round_passes(const struct round *r, int key, uint64_t n)
{
    const struct key *k = &r->keys[key];
    if (algorithm(r) == LIMIT_CONCURRENCY)
        return n == 0 || k->held + n <= r->model.spec.burst;
    return model_passes(&r->model, &k->history, now(r), n);
}

struct asked *round_head(struct round *r, int key)
{
    struct asked *first = NULL;
    for (size_t i = 0; i < r->asked_count; i++) {
        struct asked *a = &r->asked[i];
        if (a->key == key && (!first || a->order < first->order))
            first = a;
    }
    return first;
}

uint64_t round_queued(const struct round *r, int key)
{
    uint64_t n = 0;
    for (size_t i = 0; i < r->asked_count; i++)
        n += r->asked[i].key == key ? r->asked[i].n : 0;
    return n;
}

/* A key in use is not as new; one that has come back to what it was is made again when it is next asked for. */
static void refresh(struct round *r)
{
    for (int i = 0; i < KEYS; i++) {
        struct key *k = &r->keys[i];
        bool used = round_head(r, i) != NULL || k->held > 0;
        for (size_t g = 0; g < r->given_count; g++)
            used |= r->given[g].key == i;
        if (!used && k->alive && algorithm(r) != LIMIT_CONCURRENCY)
            used = !model_fresh(&r->model, &k->history, now(r));
        k->alive = used || i == 0;
    }
}

void round_touch(struct round *r, int key)
{
    struct key *k = &r->keys[key];
    if (!k->alive)
        history_begin(&k->history, &r->model, now(r));
    k->alive = true;
}

/* ---- Answers ---- */

void round_drop_asked(struct round *r, struct asked *a)
{
    *a = r->asked[--r->asked_count];
}

void round_drop_given(struct round *r, struct given *g)
{
    r->spent = g->token;
    *g = r->given[--r->given_count];
}

void round_check_quota(const struct round *r, int key, const struct reply *reply)
{
    const struct key *k = &r->keys[key];
    int64_t has = model_remaining(&r->model, &k->history, now(r));
    MUST(reply->result == RESULT_QUOTA, "result %d", reply->result);
    if (!r->model.spec.rate.infinite)
        MUST(reply->quota.remaining == has, "%" PRId64 " remain, it says %" PRId64, has,
             reply->quota.remaining);
}

void round_pass(struct round *r, int key, uint64_t n, uint64_t session, const struct reply *reply)
{
    struct key *k = &r->keys[key];
    MUST(round_passes(r, key, n), "%" PRIu64 " passed that cannot", n);
    if (algorithm(r) != LIMIT_CONCURRENCY) {
        model_pass(&r->model, &k->history, now(r), n);
        round_check_quota(r, key, reply);
        return;
    }
    MUST(reply->result == RESULT_GRANT && (reply->grant.token != 0) == (n > 0), "result %d", reply->result);
    k->held += n;
    MUST(n == 0 || r->given_count < GIVEN_MAX, "too many are given");
    if (n > 0)
        r->given[r->given_count++] = (struct given){reply->grant.token, n, session, key, NEVER_NS, {0}};
}

/* The time of one that waited has come, one way or the other. */
static void settle(struct round *r, struct asked *a, const struct reply *reply)
{
    struct asked gone = *a;
    if (reply->status == STATUS_DEADLINE_EXCEEDED) {
        MUST(gone.until_ns <= now(r) && algorithm(r) != LIMIT_BUCKET, "too early to give up");
        round_drop_asked(r, a);
        return;
    }
    MUST(reply->status == STATUS_OK, "status %d", reply->status);
    if (algorithm(r) == LIMIT_BUCKET) {
        MUST(gone.booked.act_ns <= now(r), "too early by %" PRId64, gone.booked.act_ns - now(r));
        round_drop_asked(r, a);
        round_check_quota(r, gone.key, reply);
        return;
    }
    MUST(a == round_head(r, gone.key), "out of turn");
    round_drop_asked(r, a);
    round_pass(r, gone.key, gone.n, gone.session, reply);
}

/* Take the answers that have come, in the order in which they came. */
static void take_answers(struct round *r)
{
    for (;;) {
        struct asked *next = NULL;
        uint64_t order = UINT64_MAX;
        for (size_t i = 0; i < r->asked_count; i++) {
            const struct answer *a = answer(r->kit, r->asked[i].route);
            if (a && a->order < order) {
                order = a->order;
                next = &r->asked[i];
            }
        }
        if (!next)
            return;
        settle(r, next, &answer(r->kit, next->route)->reply);
    }
}

/* Reservations whose time has passed are over. */
static void end_reservations(struct round *r)
{
    for (size_t i = 0; algorithm(r) == LIMIT_BUCKET && i < r->given_count;)
        if (r->given[i].last_ns < now(r))
            round_drop_given(r, &r->given[i]);
        else
            i++;
}

/* ---- The engine's word ---- */

/* Nobody has been left behind. */
static void check_waiting(struct round *r)
{
    for (size_t i = 0; i < r->asked_count; i++)
        MUST(r->asked[i].until_ns > now(r), "its time is over");
    for (int i = 0; i < KEYS; i++) {
        const struct asked *first = round_head(r, i);
        if (first && algorithm(r) == LIMIT_BUCKET)
            MUST(first->booked.act_ns > now(r), "its time has come");
        else if (first)
            MUST(!round_passes(r, i, first->n), "it could pass");
    }
}

static int key_index(struct bytes key)
{
    return key.size == 0 ? 0 : 1 + *(const char *)key.data - 'a';
}

/* What each key's view says, and which there are. */
static void check_views(const struct round *r)
{
    bool found[KEYS] = {0};
    struct object_view v;
    for (const struct object *o = engine_object_next(r->kit->engine, NULL); o;
         o = engine_object_next(r->kit->engine, o)) {
        engine_object_view(r->kit->engine, o, &v);
        int i = key_index(v.key);
        int64_t has = model_remaining(&r->model, &r->keys[i].history, now(r));
        found[i] = true;
        MUST(r->keys[i].alive, "key \"%.*s\" is as new", (int)v.key.size, (const char *)v.key.data);
        if (!r->model.spec.rate.infinite)
            MUST(v.limiter.remaining == has, "key %d: %" PRId64 " remain, its view says %" PRId64, i, has,
                 v.limiter.remaining);
    }
    for (int i = 0; i < KEYS; i++)
        MUST(found[i] == r->keys[i].alive, "key %d is gone", i);
}

/* The engine must want to be woken when somebody may pass, or nobody would tell. */
static void check_deadline(struct round *r)
{
    int64_t due_ns = engine_next_deadline(r->kit->engine);
    MUST(due_ns > now(r), "a deadline is still due");
    for (size_t i = 0; i < r->asked_count; i++) {
        const struct asked *a = &r->asked[i];
        MUST(due_ns <= a->until_ns, "it forgets a time limit");
        if (algorithm(r) == LIMIT_BUCKET)
            MUST(due_ns <= a->booked.act_ns, "it forgets who waits");
    }
    for (int i = 0; i < KEYS; i++) {
        const struct asked *first = round_head(r, i);
        if (!first || algorithm(r) == LIMIT_BUCKET || algorithm(r) == LIMIT_CONCURRENCY)
            continue;
        int64_t wait_ns = model_wait(&r->model, &r->keys[i].history, now(r), first->n);
        MUST(wait_ns == NEVER_NS || due_ns <= now(r) + wait_ns, "it forgets who is first");
    }
}

void round_settle(struct round *r)
{
    take_answers(r);
    end_reservations(r);
    refresh(r);
    check_waiting(r);
    if (algorithm(r) != LIMIT_CONCURRENCY)
        check_views(r);
    check_deadline(r);
}

/*
 * group_moves.c - what actors do with conditions, barriers, groups, flights, limiters, several locks at once, and a fenced channel
 * (hold_moves.h).
 *
 * What waits in a select's way stands in hold_moves.c with the others of its verb.
 */
#include <string.h>

#include "hold_moves.h"

static uint64_t below(struct sim *s, uint64_t n)
{
    return rng_below(&s->rng, n);
}

static bool chance(struct sim *s, unsigned percent)
{
    return rng_chance(&s->rng, percent);
}

static struct ref named(const char *name)
{
    return (struct ref){.name = name, .name_size = (uint16_t)strlen(name)};
}

static const struct bytes keys[KEYS] = {{"", 0}, {"a", 1}, {"b", 1}};

/* ---- Several at once ---- */

/* Different objects mostly; of what is picked twice the request is refused. */
void move_acquire_all(struct sim *s, struct actor *a, struct request *r)
{
    static const struct {
        const char *name;
        enum arm_verb verb;
    } wishes[] = {{"m0", ARM_LOCK},  {"m1", ARM_LOCK},  {"w0", ARM_LOCK},    {"w0", ARM_RLOCK},
                  {"w1", ARM_RLOCK}, {"w1", ARM_RLOCK}, {"s0", ARM_ACQUIRE}, {"m0", ARM_LOCK}};
    uint64_t at = below(s, 8);
    r->op.code = OP_ACQUIRE_ALL;
    r->cases = 1 + (uint32_t)below(s, CASES_MAX - 1);
    r->op.acquire_all.arms = r->arms;
    r->op.acquire_all.count = r->cases;
    for (uint32_t i = 0; i < r->cases; i++, at = (at + 1 + below(s, 3)) % 8) {
        struct arm_spec *arm = &r->arms[i];
        *arm = (struct arm_spec){.verb = wishes[at].verb, .ref = named(wishes[at].name), .permits = 1};
        if (arm->verb == ARM_ACQUIRE)
            arm->permits = chance(s, 5) ? 9 : 1 + below(s, 3);
        arm->lease_ns = chance(s, 20) ? 1 + (int64_t)below(s, 150) : 0;
        r->facts[i] = (struct case_fact){.canal = -1,
                                         .verb = arm->verb,
                                         .serial = sim_serial(s, a, &arm->ref),
                                         .permits = arm->permits,
                                         .ttl_ns = arm->lease_ns};
    }
    fill_waiting(s, r);
}

/* ---- Conditions ---- */

void move_cond_wait(struct sim *s, struct actor *a, struct request *r)
{
    const struct grip *g = some_grip(s, a, 1u << KIND_MUTEX | 1u << KIND_RWMUTEX);
    struct case_fact *f = &r->facts[0];
    r->op.code = OP_COND_WAIT;
    r->op.cond_wait.ref = held_ref(s, a, KIND_COND);
    r->op.cond_wait.lock = g ? grip_ref(s, a, g) : named("m0");
    r->op.cond_wait.token = g && !chance(s, 4) ? g->token : below(s, s->holds.token_max + 2);
    r->op.cond_wait.ttl_ns = chance(s, 20) ? 1 + (int64_t)below(s, 150) : 0;
    r->cases = 1;
    *f = (struct case_fact){.canal = -1,
                            .verb = ARM_COND,
                            .serial = sim_serial(s, a, &r->op.cond_wait.ref),
                            .lock_serial = sim_serial(s, a, &r->op.cond_wait.lock),
                            .lock_token = r->op.cond_wait.token,
                            .ttl_ns = r->op.cond_wait.ttl_ns};
    for (size_t i = 0; i < s->holds.grips_count; i++)
        if (s->holds.grips[i].token == f->lock_token)
            f->lock_shared = s->holds.grips[i].shared;
    fill_waiting(s, r);
}

void move_signal(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_SIGNAL;
    r->op.signal.ref = held_ref(s, a, KIND_COND);
    r->op.signal.all = chance(s, 25);
    r->facts[0] = (struct case_fact){.canal = -1, .serial = sim_serial(s, a, &r->op.signal.ref)};
}

/* ---- Limiters ---- */

void move_reserve(struct sim *s, struct actor *a, struct request *r)
{
    int key = (int)below(s, KEYS);
    r->op.code = OP_RESERVE;
    r->op.reserve.ref = held_ref(s, a, KIND_LIMITER);
    r->op.reserve.key = keys[key];
    r->op.reserve.permits = below(s, 4);
    r->op.reserve.has_max = chance(s, 30);
    r->op.reserve.max_wait_ns = (int64_t)below(s, 60);
    r->op.reserve.has_at = chance(s, 20);
    r->op.reserve.at_ns = s->now_ns - (int64_t)below(s, 20);
    r->facts[0] = (struct case_fact){.canal = -1, .serial = sim_serial(s, a, &r->op.reserve.ref), .key = key};
}

void move_refund(struct sim *s, struct actor *a, struct request *r)
{
    const struct grip *g = some_grip(s, a, 1u << KIND_LIMITER);
    r->op.code = OP_REFUND;
    r->op.refund.token = g ? g->token : below(s, s->holds.token_max + 2);
    r->op.refund.has_at = chance(s, 20);
    r->op.refund.at_ns = s->now_ns - (int64_t)below(s, 20);
    r->facts[0].canal = -1;
}

void move_tune(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_TUNE;
    r->op.tune.ref = held_ref(s, a, chance(s, 40) ? KIND_GROUP : KIND_LIMITER);
    r->facts[0] = (struct case_fact){.canal = -1, .serial = sim_serial(s, a, &r->op.tune.ref)};
    int held = holds_find(&s->holds, r->facts[0].serial);
    if (held >= 0 && s->holds.held[held].kind == KIND_GROUP) {
        r->op.tune.has_limit = true;
        r->op.tune.limit = (int64_t)below(s, 5) - 1;
        return;
    }
    r->op.tune.has_burst = chance(s, 60);
    r->op.tune.burst = 4 + below(s, 3);
    r->op.tune.has_rate = held < 0 || !s->holds.held[held].counted;
    r->op.tune.rate = (struct rate){1 + below(s, 5), 40, false};
}

void move_forget(struct sim *s, struct actor *a, struct request *r)
{
    int key = (int)below(s, KEYS);
    r->op.code = OP_FORGET;
    r->op.forget.ref = held_ref(s, a, KIND_FLIGHT);
    r->op.forget.key = keys[key];
    r->facts[0] = (struct case_fact){.canal = -1, .serial = sim_serial(s, a, &r->op.forget.ref), .key = key};
}

/* ---- The fenced channel ---- */

static void make_fenced(struct request *r)
{
    r->op.code = OP_MAKE;
    r->op.make.kind = KIND_CHANNEL;
    r->op.make.name = named("q0");
    r->op.make.channel = (struct channel_spec){.cap = 2, .type = VALUE_INT64, .fenced = true};
    r->made.dead = -1;
}

/* The newest tokens mostly. */
static uint64_t some_fence(struct sim *s)
{
    uint64_t max = s->holds.token_max;
    return chance(s, 4) ? 0 : max - below(s, 4) % (max + 1);
}

static void send_fenced(struct sim *s, struct actor *a, struct request *r)
{
    bool many = chance(s, 30);
    const struct ref ref = named("q0");
    r->fence = some_fence(s);
    r->op.code = many ? OP_SEND_MANY : OP_SEND;
    if (many) {
        r->op.send_many.ref = ref;
        r->op.send_many.values = r->values;
        r->op.send_many.count = 1 + (uint32_t)below(s, 4);
        r->op.send_many.fence = r->fence;
    } else {
        r->op.send.ref = ref;
        r->op.send.fence = r->fence;
    }
    r->facts[0].canal = sim_canal(s, a, &ref);
    fill_values(s, a, &r->facts[0], &ref, many ? r->values : &r->op.send.value,
                many ? r->op.send_many.count : 1);
}

static void recv_fenced(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_RECV;
    r->op.recv.ref = named("q0");
    r->op.recv.fence = chance(s, 20) ? some_fence(s) : 0;
    r->facts[0].canal = sim_canal(s, a, &r->op.recv.ref);
}

void move_fenced(struct sim *s, struct actor *a, struct request *r)
{
    const struct ref ref = named("q0");
    if (sim_canal(s, a, &ref) < 0) {
        make_fenced(r);
        return;
    }
    r->cases = 1;
    if (chance(s, 2)) {
        r->op.code = chance(s, 50) ? OP_CLOSE : OP_REMOVE;
        r->op.close.ref = ref;
        r->op.close.fence = r->op.code == OP_CLOSE ? some_fence(s) : 0;
        r->facts[0].canal = sim_canal(s, a, &ref);
        return;
    }
    if (chance(s, 50))
        send_fenced(s, a, r);
    else
        recv_fenced(s, a, r);
    fill_waiting(s, r);
}

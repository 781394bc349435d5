/*
 * hold_moves.c - what actors do with what can be held (hold_moves.h).
 *
 * A few names, so that actors meet; tokens come from the model, mostly one that fits, now and then another's or one that is long over.
 */
#include "hold_moves.h"

#include <string.h>

static const struct holdable {
    const char *name;
    enum kind_code kind;
} holdables[] = {
    {"m0", KIND_MUTEX},     {"m1", KIND_MUTEX},     {"w0", KIND_RWMUTEX}, {"w1", KIND_RWMUTEX},
    {"s0", KIND_SEMAPHORE}, {"wg", KIND_WAITGROUP}, {"n0", KIND_COUNTER}, {"n1", KIND_COUNTER},
    {"o0", KIND_ONCE},      {"o1", KIND_ONCE},      {"v0", KIND_COND},    {"v1", KIND_COND},
    {"b0", KIND_BARRIER},   {"e0", KIND_GROUP},     {"e1", KIND_GROUP},   {"f0", KIND_FLIGHT},
    {"f1", KIND_FLIGHT},    {"a0", KIND_CELL},      {"a1", KIND_CELL},    {"l0", KIND_LIMITER},
    {"l1", KIND_LIMITER},   {"l2", KIND_LIMITER},
};
enum { HOLDABLES = sizeof holdables / sizeof *holdables, SEMAPHORE_SIZE = 4 };

static const struct bytes keys[KEYS] = {{"", 0}, {"a", 1}, {"b", 1}};

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

struct ref holdable_ref(struct sim *s)
{
    return named(holdables[below(s, HOLDABLES)].name);
}

struct ref held_ref(struct sim *s, struct actor *a, enum kind_code kind)
{
    uint64_t handle = a->handles[below(s, HANDLES_HELD)];
    if (handle && chance(s, 10))
        return (struct ref){.handle = handle};
    if (chance(s, 3))
        return holdable_ref(s);
    for (size_t i = below(s, HOLDABLES);; i = (i + 1) % HOLDABLES)
        if (holdables[i].kind == kind)
            return named(holdables[i].name);
}

const struct grip *some_grip(struct sim *s, const struct actor *a, unsigned kinds)
{
    const struct holds *h = &s->holds;
    const struct grip *found = NULL;
    bool own = chance(s, 75);
    uint64_t seen = 0;
    for (size_t i = 0; i < h->grips_count; i++) {
        const struct grip *g = &h->grips[i];
        if (kinds >> h->held[g->held].kind & 1 && (!own || g->holder == a->life) && below(s, ++seen) == 0)
            found = g;
    }
    return found;
}

struct ref grip_ref(const struct sim *s, const struct actor *a, const struct grip *g)
{
    const struct held *x = &s->holds.held[g->held];
    for (int i = 0; i < HANDLES_HELD; i++) {
        struct ref ref = {.handle = a->handles[i]};
        if (ref.handle && sim_serial(s, a, &ref) == x->serial)
            return ref;
    }
    return named(x->name ? x->name : "nobody");
}

/* Choose what to give back: ref, its serial, and a token which is another one now and then. */
static uint64_t some_token(struct sim *s, struct actor *a, struct request *r, unsigned kinds, struct ref *ref)
{
    const struct grip *g = some_grip(s, a, kinds);
    uint64_t token = g ? g->token : 0;
    enum kind_code kind = KIND_MUTEX;
    while (!(kinds >> kind & 1))
        kind++;
    *ref = g ? grip_ref(s, a, g) : held_ref(s, a, kind);
    if (chance(s, 6))
        token = below(s, s->holds.token_max + 2);
    if (chance(s, 3))
        *ref = holdable_ref(s);
    r->facts[0].canal = -1;
    r->facts[0].serial = sim_serial(s, a, ref);
    return token;
}

static int64_t some_ttl(struct sim *s)
{
    return chance(s, 30) ? 1 + (int64_t)below(s, 150) : 0;
}

/* ---- Waiting ---- */

static struct condition some_condition(struct sim *s)
{
    static const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX};
    struct condition c = {.compare = (enum compare)(1 + below(s, COMPARE_GE)),
                          .operand = (int64_t)below(s, 24) - 2};
    if (chance(s, 5))
        c.operand = ends[below(s, 4)];
    return c;
}

/* A leader's token, mostly the one that leads. */
static struct condition some_leader(struct sim *s, struct actor *a, const struct ref *ref)
{
    struct condition c = {.compare = COMPARE_NE};
    int held = holds_find(&s->holds, sim_serial(s, a, ref));
    for (size_t i = 0; i < s->holds.grips_count && !chance(s, 10); i++)
        if (s->holds.grips[i].held == held)
            c.operand = (int64_t)s->holds.grips[i].token;
    return c;
}

/* What the verb and the kind need besides. */
static void fill_details(struct sim *s, struct actor *a, enum kind_code kind, struct arm_spec *arm,
                         struct case_fact *f)
{
    f->key = kind == KIND_FLIGHT || kind == KIND_LIMITER ? (int)below(s, KEYS) : 0;
    arm->key = keys[f->key];
    if (arm->verb == ARM_ACQUIRE)
        arm->permits = below(s, SEMAPHORE_SIZE + 2);
    if (arm->verb == ARM_TAKE)
        arm->permits = chance(s, 3) ? 9 : chance(s, 10) ? below(s, 5) : 1 + below(s, 3);
    if (arm->verb != ARM_WAIT)
        arm->lease_ns = some_ttl(s);
    if (kind == KIND_COUNTER)
        arm->condition = some_condition(s);
    if (kind == KIND_MUTEX && arm->verb == ARM_WAIT)
        arm->condition = some_leader(s, a, &arm->ref);
    if (kind == KIND_CELL)
        arm->condition = some_revision(s, a, &arm->ref);
    if (kind == KIND_MUTEX && arm->verb == ARM_LOCK && chance(s, 30)) {
        f->value = 1 + (int64_t)below(s, 100);
        arm->value = (struct value){.type = VALUE_INT64, .int64 = f->value};
    }
}

void fill_hold_case(struct sim *s, struct actor *a, struct arm_spec *arm, struct case_fact *f)
{
    static const struct {
        enum arm_verb verb;
        enum kind_code kind;
    } wishes[] = {{ARM_LOCK, KIND_MUTEX},        {ARM_LOCK, KIND_RWMUTEX}, {ARM_RLOCK, KIND_RWMUTEX},
                  {ARM_ACQUIRE, KIND_SEMAPHORE}, {ARM_BEGIN, KIND_ONCE},   {ARM_WAIT, KIND_WAITGROUP},
                  {ARM_WAIT, KIND_COUNTER},      {ARM_WAIT, KIND_ONCE},    {ARM_WAIT, KIND_BARRIER},
                  {ARM_WAIT, KIND_GROUP},        {ARM_WAIT, KIND_MUTEX},   {ARM_BEGIN, KIND_GROUP},
                  {ARM_BEGIN, KIND_FLIGHT},      {ARM_TAKE, KIND_LIMITER}, {ARM_WAIT, KIND_CELL}};
    size_t which = below(s, sizeof wishes / sizeof *wishes);
    *f = (struct case_fact){.canal = -1};
    *arm = (struct arm_spec){
        .verb = wishes[which].verb, .ref = held_ref(s, a, wishes[which].kind), .permits = 1};
    fill_details(s, a, wishes[which].kind, arm, f);
    f->verb = arm->verb;
    f->serial = sim_serial(s, a, &arm->ref);
    f->permits = arm->permits;
    f->ttl_ns = arm->lease_ns;
    f->condition = arm->condition;
}

static enum op_code plain_code(enum arm_verb verb)
{
    switch (verb) {
    case ARM_ACQUIRE: return OP_ACQUIRE;
    case ARM_BEGIN: return OP_BEGIN;
    case ARM_WAIT: return OP_WAIT;
    case ARM_TAKE: return OP_TAKE;
    default: return OP_LOCK;
    }
}

/* A plain operation is a select of one case. */
static void fill_plain(struct sim *s, struct actor *a, struct request *r, enum op_code code)
{
    struct arm_spec arm;
    do
        fill_hold_case(s, a, &arm, &r->facts[0]);
    while (plain_code(arm.verb) != code);
    r->op.code = code;
    r->cases = 1;
    if (code == OP_LOCK) {
        r->op.lock.ref = arm.ref;
        r->op.lock.shared = arm.verb == ARM_RLOCK;
        r->op.lock.ttl_ns = arm.lease_ns;
        r->op.lock.value = arm.value;
    } else if (code == OP_ACQUIRE) {
        r->op.acquire.ref = arm.ref;
        r->op.acquire.permits = arm.permits;
        r->op.acquire.ttl_ns = arm.lease_ns;
    } else if (code == OP_BEGIN) {
        r->op.begin.ref = arm.ref;
        r->op.begin.ttl_ns = arm.lease_ns;
        r->op.begin.key = arm.key;
    } else if (code == OP_TAKE) {
        r->op.take.ref = arm.ref;
        r->op.take.key = arm.key;
        r->op.take.permits = arm.permits;
        r->op.take.ttl_ns = arm.lease_ns;
        r->op.take.dry_run = chance(s, 10);
    } else {
        r->op.wait.ref = arm.ref;
        r->op.wait.condition = arm.condition;
    }
    fill_waiting(s, r);
}

void move_lock(struct sim *s, struct actor *a, struct request *r)
{
    fill_plain(s, a, r, OP_LOCK);
}

void move_acquire(struct sim *s, struct actor *a, struct request *r)
{
    fill_plain(s, a, r, OP_ACQUIRE);
}

void move_begin(struct sim *s, struct actor *a, struct request *r)
{
    fill_plain(s, a, r, OP_BEGIN);
}

void move_take(struct sim *s, struct actor *a, struct request *r)
{
    fill_plain(s, a, r, OP_TAKE);
}

void move_wait(struct sim *s, struct actor *a, struct request *r)
{
    fill_plain(s, a, r, OP_WAIT);
}

/* ---- Steps ---- */

void move_unlock(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_UNLOCK;
    r->op.unlock.token = some_token(s, a, r, 1u << KIND_MUTEX | 1u << KIND_RWMUTEX, &r->op.unlock.ref);
    const struct grip *g = NULL;
    for (size_t i = 0; i < s->holds.grips_count; i++)
        if (s->holds.grips[i].token == r->op.unlock.token)
            g = &s->holds.grips[i];
    r->op.unlock.shared = (g && g->shared) != chance(s, 4);
}

void move_release(struct sim *s, struct actor *a, struct request *r)
{
    uint64_t token = some_token(s, a, r, 1u << KIND_SEMAPHORE | 1u << KIND_LIMITER, &r->op.release.ref);
    r->op.code = OP_RELEASE;
    r->op.release.token = chance(s, 50) ? token : 0;
    r->op.release.permits = chance(s, 60) ? 1 : below(s, 4);
}

void move_adopt(struct sim *s, struct actor *a, struct request *r)
{
    struct ref ref;
    r->op.code = OP_ADOPT;
    r->op.adopt.token = some_token(s, a, r, ~0u, &ref);
    r->facts[0].serial = 0;
}

void move_add(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_ADD;
    r->op.add.ref = held_ref(s, a, KIND_WAITGROUP);
    r->op.add.delta = chance(s, 55) ? -1 - (int64_t)below(s, 2) : (int64_t)below(s, 3);
    r->op.add.owned = chance(s, 50);
    r->facts[0] = (struct case_fact){.canal = -1, .serial = sim_serial(s, a, &r->op.add.ref)};
}

void move_update(struct sim *s, struct actor *a, struct request *r)
{
    static const int64_t ends[] = {INT64_MIN, INT64_MAX};
    r->op.code = OP_UPDATE;
    r->op.update.ref = held_ref(s, a, KIND_COUNTER);
    r->op.update.verb = (enum count_verb)below(s, COUNT_VERBS);
    r->op.update.operand = (int64_t)below(s, 26) - 3;
    if (r->op.update.verb == COUNT_ADD)
        r->op.update.operand = (int64_t)below(s, 9) - 4;
    if (chance(s, 4))
        r->op.update.operand = ends[below(s, 2)];
    r->op.update.expected = (int64_t)below(s, 20);
    if (chance(s, 60))
        r->op.update.fence = s->holds.token_max - below(s, 3) % (s->holds.token_max + 1);
    if (chance(s, 2))
        r->op.update.fence = below(s, s->holds.token_max + 1);
    r->facts[0] = (struct case_fact){.canal = -1, .serial = sim_serial(s, a, &r->op.update.ref)};
}

/* A once and a flight end with any value, a group's task with an error that is text. */
void move_end(struct sim *s, struct actor *a, struct request *r)
{
    static const char *const errors[] = {"a", "b", "c"};
    r->op.code = OP_END;
    r->op.end.token =
        some_token(s, a, r, 1u << KIND_ONCE | 1u << KIND_GROUP | 1u << KIND_FLIGHT, &r->op.end.ref);
    r->op.end.failed = chance(s, 30);
    r->op.end.value = (struct value){.type = VALUE_INT64, .int64 = (int64_t)below(s, 1000)};
    int held = holds_find(&s->holds, r->facts[0].serial);
    if (held < 0 || s->holds.held[held].kind != KIND_GROUP || chance(s, 5))
        return;
    r->facts[0].value = (int64_t)below(s, 3);
    r->op.end.value = (struct value){0};
    if (r->op.end.failed && chance(s, 80))
        r->op.end.value = (struct value){.type = VALUE_STRING, .bytes = {errors[r->facts[0].value], 1}};
}

/* What makes the new kinds what they are; which of a kind, its name's second letter says. */
static void fill_group_spec(struct sim *s, struct make_op *m, char which)
{
    static const char *const contexts[] = {"x0", "x1", "x2"};
    if (m->kind == KIND_BARRIER)
        m->barrier.parties = chance(s, 5) ? (uint32_t)below(s, 3) : 3;
    if (m->kind == KIND_GROUP) {
        m->group.limit = which == '1' ? 2 : -1;
        if (chance(s, 20))
            m->group.context = named(contexts[below(s, 3)]);
    }
    if (m->kind == KIND_CELL)
        m->cell.fenced = which == '1';
    if (m->kind == KIND_FLIGHT)
        m->flight.poison = which == '1';
    if (m->kind != KIND_LIMITER)
        return;
    m->limiter.algorithm = which == '0' ? LIMIT_CONCURRENCY : LIMIT_BUCKET;
    if (which == '2')
        m->limiter.algorithm = (enum algorithm)below(s, LIMIT_CONCURRENCY);
    m->limiter.burst = m->limiter.algorithm == LIMIT_WINDOW || m->limiter.algorithm == LIMIT_SLIDING ? 0 : 4;
    if (which != '0')
        m->limiter.rate = (struct rate){1 + below(s, 5), 40, false};
}

void move_holdable(struct sim *s, struct request *r)
{
    struct make_op *m = &r->op.make;
    size_t which = below(s, HOLDABLES);
    r->op.code = OP_MAKE;
    m->kind = holdables[which].kind;
    if (chance(s, 90))
        m->name = named(holdables[which].name);
    fill_group_spec(s, m, holdables[which].name[1]);
    if (m->kind == KIND_SEMAPHORE)
        m->semaphore.size = chance(s, 5) ? below(s, 3) : SEMAPHORE_SIZE;
    if (m->kind == KIND_ONCE)
        m->once.poison = holdables[which].name[1] == '1';
    if (m->kind == KIND_COUNTER && holdables[which].name[1] == '1')
        m->counter = (struct counter_spec){.has_min = true,
                                           .min = -2,
                                           .has_max = true,
                                           .max = 20,
                                           .value = (int64_t)below(s, 10),
                                           .fenced = true};
    if (m->kind == KIND_COUNTER && holdables[which].name[1] == '0')
        m->counter.value = chance(s, 10) ? INT64_MAX : (int64_t)below(s, 10);
}

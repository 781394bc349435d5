/*
 * engine.c - fuzzing the engine by its one door: bytes become operations of every kind on a handful of names.
 *
 * An input is read byte by byte; each operation takes what it needs: who asks, the operation, names from a short list, small numbers, tokens
 * and leases that were given before. What the wire would refuse never comes (text that is not text, names that are none); what the engine must
 * refuse does. So an input of a few bytes is a story of several sessions, and what libFuzzer changes in it stays one.
 *
 * Each input has an engine of its own, with small limits. After every step the engine audits itself. When the input is over all sessions end,
 * everything with a name is removed, and nothing may be left.
 *
 *     build/fuzz/targets/engine tests/fuzz/corpus/engine
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

static const struct limits fuzz_limits = {
    .payload_size_max = 2048,
    .memory_max = 4 << 20,
    .sessions_max = 8,
    .objects_max = 48,
    .handles_max = 32,
    .calls_max = 64,
    .resume_max_ns = 1000000000,
};

/* ---- Making ---- */

static void fill_context(struct run *run, struct context_spec *c)
{
    c->root = below(run, 16) == 0 ? ROOT_BACKGROUND : ROOT_NONE;
    c->has_parent = flag(run);
    c->parent = ref(run);
    c->without_cancel = below(run, 8) == 0;
    c->cancelable = flag(run);
    c->has_timeout = flag(run);
    c->timeout_ns = duration(run);
    if (flag(run)) {
        run->entry = (struct context_value){{"s", 1}, {"t", 1}, {"n", 1}, {.type = VALUE_INT64}};
        c->values = &run->entry;
        c->values_count = 1;
    }
}

static void fill_limiter(struct run *run, struct limiter_spec *l)
{
    l->algorithm = (enum algorithm)below(run, LIMIT_ALGORITHMS);
    if (l->algorithm != LIMIT_CONCURRENCY)
        l->rate = rate(run);
    if (l->algorithm != LIMIT_WINDOW && l->algorithm != LIMIT_SLIDING)
        l->burst = permits(run);
}

static void fill_spec(struct run *run, struct make_op *m)
{
    switch (m->kind) {
    case KIND_CHANNEL:
        m->channel.cap = number(run);
        m->channel.type = (enum value_type)below(run, VALUE_COUNT);
        m->channel.deliveries_max = below(run, 3);
        m->channel.dead_letter = flag(run) ? ref(run) : (struct ref){0};
        m->channel.fenced = below(run, 4) == 0;
        break;
    case KIND_CONTEXT: fill_context(run, &m->context); break;
    case KIND_TIMER:
    case KIND_TICKER:
        m->timer.delay_ns = duration(run);
        m->timer.period_ns = duration(run);
        break;
    case KIND_TRIGGER:
        m->trigger.context = flag(run) ? ref(run) : (struct ref){0};
        m->trigger.delay_ns = duration(run);
        m->trigger.channel = ref(run);
        m->trigger.value = value(run);
        break;
    case KIND_SEMAPHORE: m->semaphore.size = permits(run); break;
    case KIND_COUNTER:
        m->counter.value = number(run);
        m->counter.has_min = flag(run);
        m->counter.has_max = flag(run);
        m->counter.max = 9;
        m->counter.fenced = below(run, 4) == 0;
        break;
    case KIND_CELL: m->cell.fenced = below(run, 4) == 0; break;
    case KIND_ONCE: m->once.poison = flag(run); break;
    case KIND_BARRIER: m->barrier.parties = (uint32_t)below(run, 4); break;
    case KIND_GROUP:
        m->group.limit = number(run);
        m->group.context = flag(run) ? ref(run) : (struct ref){0};
        break;
    case KIND_FLIGHT: m->flight.poison = flag(run); break;
    case KIND_LIMITER: fill_limiter(run, &m->limiter); break;
    default: break;
    }
}

static void fill_make(struct run *run, struct op *op)
{
    struct make_op *m = &op->make;
    m->kind = (enum kind_code)(1 + below(run, KIND_COUNT - 1));
    if (below(run, 8))
        m->name = named(names[below(run, NAMES)]);
    m->lifetime = (enum make_lifetime)below(run, 3);
    m->owner = m->lifetime == LIFE_EPHEMERAL && flag(run) ? run->sessions[below(run, SESSIONS)] : 0;
    m->rights = (uint8_t)(below(run, 4) ? 0 : below(run, 16));
    m->exclusive = below(run, 8) == 0;
    fill_spec(run, m);
}

/* What makes nearly every other operation mean something: one of each kind, by fixed names. */
static const struct standing {
    const char *name;
    struct make_op make;
} standing[] = {
    {"ch", {.kind = KIND_CHANNEL, .channel = {.cap = 2, .type = VALUE_BYTES, .deliveries_max = 2}}},
    {"un", {.kind = KIND_CHANNEL, .channel = {.type = VALUE_INT64}}},
    {"hn", {.kind = KIND_CHANNEL, .channel = {.cap = 2, .type = VALUE_HANDLE}}},
    {"fe", {.kind = KIND_CHANNEL, .channel = {.cap = 1, .type = VALUE_BYTES, .fenced = true}}},
    {"ctx", {.kind = KIND_CONTEXT, .context = {.cancelable = true}}},
    {"tm", {.kind = KIND_TIMER, .timer = {.delay_ns = 10}}},
    {"tk", {.kind = KIND_TICKER, .timer = {.period_ns = 7}}},
    {"mx", {.kind = KIND_MUTEX}},
    {"nx", {.kind = KIND_MUTEX}},
    {"rw", {.kind = KIND_RWMUTEX}},
    {"sm", {.kind = KIND_SEMAPHORE, .semaphore = {3}}},
    {"wg", {.kind = KIND_WAITGROUP}},
    {"ct", {.kind = KIND_COUNTER}},
    {"ce", {.kind = KIND_CELL}},
    {"on", {.kind = KIND_ONCE}},
    {"cv", {.kind = KIND_COND}},
    {"br", {.kind = KIND_BARRIER, .barrier = {2}}},
    {"gr", {.kind = KIND_GROUP, .group = {.limit = 2, .context = {.name = "ctx", .name_size = 3}}}},
    {"fl", {.kind = KIND_FLIGHT}},
    {"bu", {.kind = KIND_LIMITER, .limiter = {LIMIT_BUCKET, {1, 10, false}, 3}}},
    {"wi", {.kind = KIND_LIMITER, .limiter = {LIMIT_WINDOW, {2, 10, false}, 0}}},
    {"sl", {.kind = KIND_LIMITER, .limiter = {LIMIT_SLIDING, {3, 10, false}, 0}}},
    {"me", {.kind = KIND_LIMITER, .limiter = {LIMIT_METER, {1, 7, false}, 2}}},
    {"qu", {.kind = KIND_LIMITER, .limiter = {LIMIT_QUEUE, {3, 10, false}, 2}}},
    {"co", {.kind = KIND_LIMITER, .limiter = {.algorithm = LIMIT_CONCURRENCY, .burst = 2}}},
};

/* ---- Operations ---- */

static uint32_t fill_arms(struct run *run)
{
    uint32_t count = below(run, ARMS_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        struct arm_spec *a = &run->arms[i];
        *a =
            (struct arm_spec){.verb = (enum arm_verb)below(run, ARM_COUNT), .ref = ref(run), .key = key(run)};
        a->permits = 1 + below(run, 3);
        a->lease_ns = flag(run) ? duration(run) : 0;
        a->delay_ns = duration(run);
        if (a->verb == ARM_WAIT)
            a->condition = condition(run);
        if (a->verb == ARM_COND || flag(run))
            a->token = token(run);
        if (a->verb == ARM_COND)
            a->lock = ref(run);
        if (a->verb == ARM_SEND || (a->verb == ARM_LOCK && flag(run)))
            a->value = value(run);
    }
    return count;
}

static uint32_t fill_values(struct run *run)
{
    uint32_t count = below(run, VALUES_MAX + 1);
    for (uint32_t i = 0; i < count; i++)
        run->values[i] = value(run);
    return count;
}

/* Channels, contexts, timers, sessions. */
static bool fill_flow(struct run *run, struct op *op)
{
    switch ((int)op->code) {
    case OP_SEND:
        op->send.ref = ref(run);
        op->send.value = value(run);
        op->send.fence = flag(run) ? token(run) : 0;
        return true;
    case OP_RECV:
        op->recv.ref = ref(run);
        op->recv.lease_ns = flag(run) ? duration(run) : 0;
        op->recv.fence = below(run, 4) ? 0 : token(run);
        return true;
    case OP_SEND_MANY:
        op->send_many.ref = ref(run);
        op->send_many.values = run->values;
        op->send_many.count = fill_values(run);
        op->send_many.fence = flag(run) ? token(run) : 0;
        return true;
    case OP_RECV_MANY:
        op->recv_many.ref = ref(run);
        op->recv_many.max = 1 + below(run, 4);
        op->recv_many.lease_ns = flag(run) ? duration(run) : 0;
        return true;
    case OP_SELECT:
        op->select.count = fill_arms(run);
        op->select.arms = run->arms;
        return true;
    case OP_ACK:
    case OP_NACK:
    case OP_EXTEND:
        run->leases[0] = token(run);
        run->leases[1] = token(run);
        op->lease.leases = run->leases;
        op->lease.count = below(run, 3);
        op->lease.duration_ns = duration(run);
        op->lease.duration_ns = op->lease.duration_ns > 0 ? op->lease.duration_ns : 1;
        return true;
    case OP_CANCEL: op->cancel.seq = run->seq - below(run, 16); return true;
    case OP_OPEN:
    case OP_DUP:
        op->open.ref = ref(run);
        op->open.rights = (uint8_t)below(run, 16);
        return true;
    case OP_DROP: op->drop.handle = run->handles[below(run, TOKENS)]; return true;
    case OP_CLOSE:
        op->close.ref = ref(run);
        op->close.fence = flag(run) ? token(run) : 0;
        return true;
    case OP_REMOVE:
    case OP_STOP: op->stop.ref = ref(run); return true;
    case OP_CONTEXT_CANCEL: op->context_cancel.ref = ref(run); return true;
    case OP_CONTEXT_VALUE:
        op->context_value.ref = ref(run);
        op->context_value.name = (struct bytes){"n", 1};
        return true;
    case OP_RESET:
        op->reset.ref = ref(run);
        op->reset.duration_ns = duration(run);
        return true;
    case OP_QUIESCE: op->quiesce.parked_min = below(run, 4); return true;
    default: return false;
    }
}

/* What is held. */
static bool fill_hold(struct run *run, struct op *op)
{
    switch ((int)op->code) {
    case OP_LOCK:
        op->lock.ref = ref(run);
        op->lock.shared = flag(run);
        op->lock.ttl_ns = flag(run) ? duration(run) : 0;
        op->lock.value = flag(run) ? value(run) : (struct value){0};
        return true;
    case OP_UNLOCK:
        op->unlock.ref = ref(run);
        op->unlock.token = token(run);
        op->unlock.shared = flag(run);
        return true;
    case OP_ACQUIRE:
        op->acquire.ref = ref(run);
        op->acquire.permits = permits(run);
        op->acquire.ttl_ns = flag(run) ? duration(run) : 0;
        return true;
    case OP_RELEASE:
        op->release.ref = ref(run);
        op->release.permits = permits(run);
        op->release.token = flag(run) ? token(run) : 0;
        return true;
    case OP_ADOPT:
        op->adopt.token = token(run);
        op->adopt.owner = flag(run) ? run->sessions[below(run, SESSIONS)] : 0;
        return true;
    case OP_WAIT:
        op->wait.ref = ref(run);
        op->wait.condition = condition(run);
        return true;
    case OP_ADD:
        op->add.ref = ref(run);
        op->add.delta = number(run);
        op->add.owned = flag(run);
        return true;
    case OP_UPDATE:
        op->update.ref = ref(run);
        op->update.verb = (enum count_verb)below(run, COUNT_VERBS);
        op->update.operand = number(run);
        op->update.fence = flag(run) ? token(run) : 0;
        return true;
    case OP_BEGIN:
        op->begin.ref = ref(run);
        op->begin.key = key(run);
        op->begin.ttl_ns = flag(run) ? duration(run) : 0;
        return true;
    case OP_END:
        op->end.ref = ref(run);
        op->end.token = token(run);
        op->end.failed = flag(run);
        op->end.value = value(run);
        return true;
    case OP_ACQUIRE_ALL:
        op->acquire_all.count = fill_arms(run);
        op->acquire_all.arms = run->arms;
        return true;
    default: return false;
    }
}

/* Conditions and limiters. */
static bool fill_limit(struct run *run, struct op *op)
{
    switch ((int)op->code) {
    case OP_COND_WAIT:
        op->cond_wait.ref = ref(run);
        op->cond_wait.lock = ref(run);
        op->cond_wait.token = token(run);
        op->cond_wait.ttl_ns = flag(run) ? duration(run) : 0;
        return true;
    case OP_SIGNAL:
        op->signal.ref = ref(run);
        op->signal.all = flag(run);
        return true;
    case OP_TAKE:
        op->take.ref = ref(run);
        op->take.key = key(run);
        op->take.permits = permits(run);
        op->take.dry_run = below(run, 8) == 0;
        op->take.ttl_ns = flag(run) ? duration(run) : 0;
        return true;
    case OP_RESERVE:
        op->reserve.ref = ref(run);
        op->reserve.key = key(run);
        op->reserve.permits = permits(run);
        op->reserve.has_max = flag(run);
        op->reserve.max_wait_ns = (int64_t)below(run, 64);
        op->reserve.has_at = flag(run);
        op->reserve.at_ns = run->now_ns - (int64_t)below(run, 64);
        return true;
    case OP_REFUND:
        op->refund.token = token(run);
        op->refund.has_at = flag(run);
        op->refund.at_ns = run->now_ns - (int64_t)below(run, 64);
        return true;
    case OP_TUNE:
        op->tune.ref = ref(run);
        op->tune.has_rate = flag(run);
        op->tune.rate = rate(run);
        op->tune.has_burst = flag(run);
        op->tune.burst = permits(run);
        op->tune.has_limit = flag(run);
        op->tune.limit = number(run);
        op->tune.has_at = flag(run);
        op->tune.at_ns = run->now_ns - (int64_t)below(run, 64);
        return true;
    case OP_EXCHANGE:
        op->exchange.ref = ref(run);
        op->exchange.verb = (enum cell_verb)below(run, CELL_VERBS);
        op->exchange.value = value(run);
        op->exchange.expected = value(run);
        op->exchange.has_revision = flag(run);
        op->exchange.revision = permits(run);
        op->exchange.fence = flag(run) ? token(run) : 0;
        return true;
    case OP_FORGET:
        op->forget.ref = ref(run);
        op->forget.key = key(run);
        return true;
    default: return false;
    }
}

/* ---- Steps ---- */

static void keep_token(struct run *run, uint64_t given)
{
    if (given)
        run->tokens[run->tokens_at++ % TOKENS] = given;
}

static void keep_handle(struct run *run, const struct item_view *item)
{
    if (item->value.type == VALUE_HANDLE)
        run->handles[run->handles_at++ % TOKENS] = item->value.handle;
    keep_token(run, item->lease);
}

/* Read all that a reply says. */
static void read_reply(struct run *run, const struct reply *reply)
{
    struct item_cursor at = reply->items.first;
    struct grant_cursor grants = reply->grants.first;
    struct item_view item;
    struct grant grant;
    if (reply->message)
        assert(strlen(reply->message) > 0);
    if (reply->result == RESULT_MADE)
        run->handles[run->handles_at++ % TOKENS] = reply->made.handle;
    if (reply->result == RESULT_GRANT)
        keep_token(run, reply->grant.token);
    if (reply->result == RESULT_QUOTA)
        keep_token(run, reply->quota.token);
    if (reply->result == RESULT_ITEM)
        keep_handle(run, &reply->item);
    while (reply->result == RESULT_ITEMS && engine_item_next(&at, &item))
        keep_handle(run, &item);
    while (reply->result == RESULT_GRANTS && engine_grant_next(&grants, &grant))
        keep_token(run, grant.token);
}

static void step(struct run *run, const struct op *op, unsigned who)
{
    struct effects fx;
    struct reply reply;
    uint64_t ended;
    engine_step(run->engine, run->now_ns, op, &fx);
    engine_fail_allocation(run->engine, 0);
    engine_audit(run->engine);
    while (effects_next_reply(&fx, &reply)) {
        if (reply.result == RESULT_SESSION && reply.status == STATUS_OK)
            run->sessions[who] = reply.opened.number;
        read_reply(run, &reply);
    }
    while (effects_next_ended(&fx, &ended))
        assert(ended != 0);
    assert(engine_next_deadline(run->engine) > engine_now(run->engine));
}

static void say_hello(struct run *run, unsigned who)
{
    struct op op = {.code = OP_HELLO, .route = ++run->route};
    op.hello.id[0] = (uint8_t)(who + 1);
    op.hello.anonymous = who == 3;
    op.hello.resume_ns = who == 2 ? 1000 : 0;
    op.hello.uid = 1000;
    step(run, &op, who);
}

static void ask(struct run *run, unsigned who, enum op_code code)
{
    struct op op = {.code = code, .session = run->sessions[who], .route = ++run->route};
    unsigned how = next(run);
    op.seq = how & 1 ? ++run->seq : 0;
    op.acked_below = how & 2 && run->seq > 8 ? run->seq - 8 : 0;
    if (op_rows[code].class == CLASS_WAIT) {
        op.no_wait = (how & 12) == 12;
        op.has_timeout = (how & 48) == 48;
        op.timeout_ns = op.has_timeout ? (int64_t)below(run, 200) : 0;
        op.has_context = (how & 192) == 192;
        op.context = named("ctx");
    }
    if (code == OP_MAKE)
        fill_make(run, &op);
    else if (!fill_flow(run, &op) && !fill_hold(run, &op) && !fill_limit(run, &op) && code != OP_PING &&
             code != OP_BYE)
        return;
    step(run, &op, who);
}

static void pass_time(struct run *run)
{
    int64_t by_ns = duration(run), due_ns = engine_next_deadline(run->engine);
    if (by_ns < 0 || by_ns > INT64_C(1) << 50)
        by_ns = due_ns == NEVER_NS || due_ns > INT64_C(1) << 60 ? 1 : due_ns - run->now_ns;
    run->now_ns += by_ns;
    step(run, &(struct op){.code = OP_TICK}, 0);
}

/* Numbers past the operations are events. */
static void act(struct run *run)
{
    unsigned code = next(run), who = code >> 6;
    struct op event = {.session = run->sessions[who]};
    code &= 63;
    if (code < OP_COUNT && (op_rows[code].class == CLASS_WAIT || op_rows[code].class == CLASS_STEP)) {
        if (code != OP_HELLO)
            ask(run, who, (enum op_code)code);
        return;
    }
    switch (code & 7) {
    case 0:
        event.code = OP_DETACH;
        step(run, &event, who);
        say_hello(run, who);
        break;
    case 1:
        event.code = OP_WRITTEN;
        step(run, &event, who);
        break;
    case 2:
        event.code = OP_UNDELIVERED;
        event.undelivered.route = run->route - below(run, 16);
        step(run, &event, who);
        break;
    case 3: engine_fail_allocation(run->engine, 1 + below(run, 8)); break;
    default: pass_time(run); break;
    }
}

/* Everything ends: nothing may be left. */
static void leave(struct run *run)
{
    engine_fail_allocation(run->engine, 0);
    say_hello(run, 0); /* it may have gone */
    struct op op = {.code = OP_REMOVE, .session = run->sessions[0]};
    for (size_t i = 0; i < NAMES; i++) {
        op.route = ++run->route;
        op.remove.ref = named(names[i]);
        step(run, &op, 0);
    }
    for (unsigned who = 0; who < SESSIONS; who++) {
        op = (struct op){.code = OP_BYE, .session = run->sessions[who], .route = ++run->route};
        step(run, &op, who);
    }
    struct stats stats;
    engine_stats(run->engine, &stats);
    assert(stats.sessions == 0 && stats.parked == 0 && stats.leases == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct engine_options options = {.seed = 7, .limits = fuzz_limits};
    struct run run = {.at = data, .end = data + size, .now_ns = 1, .engine = engine_new(&options)};
    assert(run.engine);
    for (unsigned who = 0; who < SESSIONS; who++)
        say_hello(&run, who);
    for (size_t i = 0; i < sizeof standing / sizeof *standing; i++) {
        struct op op = {
            .code = OP_MAKE, .session = run.sessions[0], .route = ++run.route, .make = standing[i].make};
        op.make.name = named(standing[i].name);
        op.make.lifetime = i % 2 ? LIFE_DETACHED : LIFE_OWNED;
        step(&run, &op, 0);
    }
    while (run.at < run.end)
        act(&run);
    leave(&run);
    engine_free(run.engine);
    return 0;
}

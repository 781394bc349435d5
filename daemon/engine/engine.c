/*
 * engine.c - the step.
 *
 *     free what the last step handed out
 *     for each deadline that is due, in order: fire it, settle
 *     run the op, settle
 *
 * To settle is to drain what has been set off until nothing is left: channels to be served, triggers that fired, objects without references,
 * and last QUIESCE. Each of these lists is filled by mutations and drained only here, so nothing ever runs inside a mutation.
 */
#include "engine.h"

#include "call.h"
#include "channel.h"
#include "context.h"
#include "handlers.h"
#include "holding.h"
#include "limiter.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "task.h"
#include "text.h"
#include "timer.h"
#include "trigger.h"
#include "wait.h"

/* The handlers by operation: those of handlers.h, and none for what a view answers. */
#define HANDLER_WAIT(name)   op_##name
#define HANDLER_STEP(name)   op_##name
#define HANDLER_EVENT(name)  op_##name
#define HANDLER_QUERY(name)  NULL
#define HANDLER_DAEMON(name) NULL
static op_handler *const handlers[OP_COUNT] = {
#define OP(NAME, name, tag, class, help) [OP_##NAME] = HANDLER_##class(name),
#include "ops.def"
#undef OP
};

/* ---- Life ---- */

static void engine_set_limits(struct limits *l)
{
    if (!l->payload_size_max)
        l->payload_size_max = PAYLOAD_SIZE_DEFAULT;
    if (!l->memory_max)
        l->memory_max = MEMORY_DEFAULT;
    if (!l->sessions_max)
        l->sessions_max = SESSIONS_DEFAULT;
    if (!l->objects_max)
        l->objects_max = OBJECTS_DEFAULT;
    if (!l->handles_max)
        l->handles_max = HANDLES_DEFAULT;
    if (!l->calls_max)
        l->calls_max = CALLS_DEFAULT;
    if (!l->resume_max_ns)
        l->resume_max_ns = RESUME_WINDOW_DEFAULT_NS;
}

static bool engine_init(struct engine *e, uint64_t seed)
{
    struct list *const lists[] = {&e->session_list, &e->objects,      &e->doomed, &e->orphans, &e->dirty,
                                  &e->quiescing,    &e->own_finished, &e->ready,  &e->spent,   &e->ended};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        list_init(lists[i]);
    struct prng
        salts; /* of the tables: apart, so that what select chooses does not depend on how many there are */
    prng_seed(&salts, ~seed);
    prng_seed(&e->prng, seed);
    heap_init(&e->deadlines, &e->mem);
    const char died[] = "owner died", failed[] = "a task before it failed";
    e->owner_died = text_new(&e->mem, (struct bytes){died, sizeof died - 1});
    e->before_failed = text_new(&e->mem, (struct bytes){failed, sizeof failed - 1});
    struct hash *const tables[] = {&e->names,    &e->calls,     &e->session_ids,
                                   &e->holdings, &e->task_keys, &e->shares};
    bool made = e->owner_died && e->before_failed;
    for (size_t i = 0; made && i < sizeof tables / sizeof *tables; i++)
        made = hash_init(tables[i], &e->mem, prng_next(&salts));
    return made;
}

struct engine *engine_new(const struct engine_options *options)
{
    struct mem mem = {.max = options->limits.memory_max ? options->limits.memory_max : MEMORY_DEFAULT};
    struct engine *e = mem_alloc(&mem, sizeof *e);
    if (!e)
        return NULL;
    e->mem = mem;
    e->mem.spare = mem.max / 16 < MEMORY_SPARE_MAX ? mem.max / 16 : MEMORY_SPARE_MAX;
    e->limits = options->limits;
    e->holding_serial = options->token_base;
    engine_set_limits(&e->limits);
    return engine_init(e, options->seed) ? e : engine_free(e);
}

static void engine_free_spent(struct engine *e)
{
    for (struct list_node *n; (n = list_pop_front(&e->spent));)
        call_free(e, container_of(n, struct call, ready));
    for (struct list_node *n; (n = list_pop_front(&e->ended));)
        session_free(e, container_of(n, struct session, all));
    e->ended_at = NULL;
    e->refusal.pending = false;
}

static void engine_drop_ready(struct engine *e)
{
    for (struct list_node *n; (n = list_pop_front(&e->ready));) {
        struct call *c = container_of(n, struct call, ready);
        if (!c->kept)
            list_push_back(&e->spent, n);
    }
}

/* A wait of the engine's own is over: a task's context has ended, or a trigger's event has come. */
static void engine_own_finished(struct engine *e, struct call *c)
{
    if (c->source && c->source->kind == KIND_TASK)
        task_leash_pulled(e, c);
    else
        trigger_call_finished(e, c);
}

static void engine_settle(struct engine *e)
{
    for (;;) {
        struct list_node *n;
        object_serve_dirty(e);
        if ((n = list_pop_front(&e->own_finished)))
            engine_own_finished(e, container_of(n, struct call, ready));
        else if (!list_empty(&e->doomed))
            object_bury(e);
        else
            break;
    }
    wait_serve_quiet(e);
    object_bury(e); /* a QUIESCE may have kept the last reference to its context */
}

static void engine_remove_objects(struct engine *e)
{
    for (struct list_node *n = list_first(&e->objects), *next; n; n = next) {
        struct object *o = container_of(n, struct object, all);
        object_ref(o);
        object_remove(e, o);
        engine_settle(e);
        next = list_next(&e->objects, n);
        object_unref(e, o);
        engine_settle(e);
    }
    assert(list_empty(&e->objects));
}

struct engine *engine_free(struct engine *e)
{
    if (!e)
        return NULL;
    if (e->holdings.buckets) { /* it was whole */
        for (struct list_node *n; (n = list_first(&e->session_list));)
            session_end(e, container_of(n, struct session, all));
        engine_settle(e);
        engine_drop_ready(e); /* what was handed out, or never will be, may hold objects */
        engine_free_spent(e);
        engine_remove_objects(e);
    }
    assert(e->deadlines.reserved == 0);
    text_unref(&e->mem, e->owner_died);
    text_unref(&e->mem, e->before_failed);
    hash_done(&e->task_keys);
    hash_done(&e->shares);
    hash_done(&e->names);
    hash_done(&e->calls);
    hash_done(&e->session_ids);
    hash_done(&e->holdings);
    slots_done(&e->sessions, &e->mem);
    heap_done(&e->deadlines);
    struct mem mem = e->mem;
    mem_free(&mem, e, sizeof *e);
    assert(mem.used == 0);
    mem_done(&mem);
    return NULL;
}

/* ---- The step ---- */

static void engine_fire(struct engine *e, struct heap_node *node)
{
    e->stats.fired++;
    heap_remove(&e->deadlines, node);
    switch ((enum due)node->what) {
    case DUE_ARM: wait_due(e, container_of(node, struct arm, due)); break;
    case DUE_TIMER: timer_due(e, container_of(node, struct timer, due)); break;
    case DUE_CONTEXT: context_due(e, container_of(node, struct context, due)); break;
    case DUE_HOLDING: holding_lost(e, container_of(node, struct holding, due)); break;
    case DUE_SESSION: session_due(e, container_of(node, struct session, due)); break;
    case DUE_TRIGGER: trigger_due(e, container_of(node, struct trigger, due)); break;
    case DUE_LIMITER: limiter_due(e, container_of(node, struct limiter, due)); break;
    case DUE_TASK: task_due(e, container_of(node, struct task, due)); break;
    case DUE_BOOKING: limiter_booking_due(e, container_of(node, struct booking, due)); break;
    }
}

static void engine_advance(struct engine *e, int64_t now_ns)
{
    if (now_ns == NEVER_NS)
        now_ns--; /* never does not come */
    if (now_ns > e->now_ns)
        e->now_ns = now_ns;
    for (struct heap_node *node; (node = heap_first(&e->deadlines)) && node->due_ns <= e->now_ns;) {
        engine_fire(e, node);
        engine_settle(e);
    }
}

/* The same request again. True: it was, and is dealt with. */
static bool engine_repeat(struct engine *e, struct session *s, const struct op *op)
{
    if (op->seq > s->seq_max && op->seq >= s->acked_below) {
        s->seq_max = op->seq;
        return false;
    }
    struct call *c = call_find(e, s, op->seq);
    if (c) {
        e->stats.repeats++;
        session_reckon(e, s); /* of the reply on the old route */
        c->route = op->route;
        c->undelivered = false;
        if (c->state == CALL_FINISHED && !list_linked(&c->ready))
            list_push_back(&e->ready, &c->ready);
        return true;
    }
    if (op->seq >= s->acked_below && !acks_has(&s->acks, op->seq))
        return false;
    e->stats.repeats++;
    call_refuse(e, NULL, op, STATUS_INVALID, "the request's number is acknowledged already");
    return true;
}

static void engine_request(struct engine *e, const struct op *op)
{
    if (op->code == OP_HELLO) {
        op_hello(e, NULL, op);
        return;
    }
    struct session *s = session_get(e, op->session);
    if (!s) {
        call_refuse(e, NULL, op, STATUS_SESSION_GONE, NULL);
        return;
    }
    session_hear(e, s, op);
    if (op->seq == 0 || !engine_repeat(e, s, op))
        handlers[op->code](e, s, op);
}

/* Time has passed: engine_advance has done it all. */
void op_tick(struct engine *e, struct session *s, const struct op *op)
{
    (void)e;
    (void)s;
    (void)op;
}

/* Answered by views, by the daemon; here it is a sign of life, and what it acknowledges is. */
static void engine_question(struct engine *e, const struct op *op)
{
    struct session *s = session_get(e, op->session);
    if (s)
        session_hear(e, s, op);
}

static void engine_event(struct engine *e, const struct op *op)
{
    struct session *s = session_get(e, op->session);
    if (s || op->code == OP_DRAIN)
        handlers[op->code](e, s, op);
}

void engine_step(struct engine *e, int64_t now_ns, const struct op *op, struct effects *fx)
{
    engine_drop_ready(e);
    engine_free_spent(e);
    engine_advance(e, now_ns);
    e->stats.ops[op->code]++;
    switch (op_rows[op->code].class) {
    case CLASS_WAIT:
    case CLASS_STEP: engine_request(e, op); break;
    case CLASS_EVENT: engine_event(e, op); break;
    case CLASS_QUERY:
    case CLASS_DAEMON: engine_question(e, op); break;
    }
    engine_settle(e);
    fx->engine = e;
}

/* ---- Effects ---- */

static void refusal_reply(const struct refusal *r, struct reply *ret)
{
    *ret = (struct reply){
        .route = r->route,
        .session = r->session,
        .seq = r->seq,
        .op = r->op,
        .status = r->status,
        .message = r->message,
        .limit = r->limit,
    };
}

bool effects_next_reply(struct effects *fx, struct reply *ret)
{
    struct engine *e = fx->engine;
    struct list_node *n = list_pop_front(&e->ready);
    if (n) {
        struct call *c = container_of(n, struct call, ready);
        call_reply(c, ret);
        if (!c->kept)
            list_push_back(&e->spent, n);
        return true;
    }
    if (!e->refusal.pending)
        return false;
    refusal_reply(&e->refusal, ret);
    e->refusal.pending = false;
    return true;
}

bool effects_next_ended(struct effects *fx, uint64_t *ret_session)
{
    struct engine *e = fx->engine;
    struct list_node *n = list_next(&e->ended, e->ended_at ? &e->ended_at->all : NULL);
    if (!n)
        return false;
    e->ended_at = container_of(n, struct session, all);
    *ret_session = e->ended_at->number;
    return true;
}

/* ---- Questions ---- */

int64_t engine_next_deadline(const struct engine *e)
{
    const struct heap_node *node = heap_first(&e->deadlines);
    return node ? node->due_ns : NEVER_NS;
}

int64_t engine_now(const struct engine *e)
{
    return e->now_ns;
}

bool engine_quiescent(const struct engine *e)
{
    return e->restless == 0;
}

bool engine_quiescent_but(const struct engine *e, const uint64_t *sessions, size_t count)
{
    uint32_t restless = 0;
    for (size_t i = 0; i < count; i++) {
        const struct session *s = session_get(e, sessions[i]);
        restless += s && s->restless;
    }
    return e->restless == restless;
}

bool engine_idle(const struct engine *e)
{
    return e->stats.sessions == 0 && e->stats.objects == 0;
}

void engine_stats(const struct engine *e, struct stats *ret)
{
    *ret = e->stats;
    ret->deadlines = e->deadlines.count;
    ret->memory = e->mem.used;
    ret->memory_max = e->mem.max;
}

const struct limits *engine_limits(const struct engine *e)
{
    return &e->limits;
}

void engine_fail_allocation(struct engine *e, uint64_t nth)
{
    e->mem.fail_in = nth;
}

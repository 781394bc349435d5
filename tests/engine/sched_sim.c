/*
 * sched_sim.c - the model of pools, tasks and actors, and its comparison with the engine (sched_sim.h).
 *
 * A step is: what the request must do to the model, the step itself, an audit, what is new in the views, the replies, and then everything against
 * the views. The rules that are checked:
 *
 *     an attempt begins only when none of its task's lives, in order, with a larger token, and no more often than may be
 *     a worker runs no more than its slots, a pool no more than its limit, but for waits that were cut short and limits that fell
 *     nothing begins in a paused or drained pool, nor on a worker that has tasks waiting to go on
 *     a task is finished once, stays so, and is answered to who joins it once
 *     no two unfinished tasks of a pool have one key
 *     an actor serves the oldest call, one at a time; its owners follow each other with growing epochs and the last checkpoint
 *     a repeat is answered as the request was
 */
#include "sched_sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void sim_fail_at(const struct sim *s, const char *condition)
{
    fflush(stdout);
    fprintf(stderr, "step %" PRIu64 ": %s: ", s->step, condition);
}

uint64_t sim_below(struct sim *s, uint64_t n)
{
    return prng_below(&s->prng, n);
}

const char *sim_name(char letter, int i)
{
    static char names[8][4];
    static int next;
    char *name = names[next++ % 8];
    name[0] = letter;
    name[1] = (char)('0' + i);
    name[2] = '\0';
    return name;
}

/* ---- What a request does for certain, before the engine is asked ---- */

static void attempt_over(struct sim_task *t)
{
    t->live = false;
    t->token = 0;
    t->worker = t->holder = SIM_NOBODY;
}

/* The owner of x goes: what was being served waits again, unless its caller has left. */
static void owner_over(struct sim *s, struct sim_actor *x, bool died)
{
    if (x->served && s->calls[x->served].state == CALL_SERVED)
        s->calls[x->served].state = CALL_WAITS;
    for (uint64_t i = 1; x->fail && i <= s->asks_count; i++)
        s->calls[i].left |= s->asks[i].op == OP_CALL && &s->actors[s->calls[i].actor] == x;
    x->served = x->number = x->token = 0;
    x->owner = SIM_NOBODY;
    x->left = true;
    x->died |= died;
}

static void pool_over(struct sim *s, int pool)
{
    for (uint64_t i = 1; i <= s->tasks_count; i++) {
        struct sim_task *t = &s->tasks[i];
        if (t->pool != pool || t->made != s->pools[pool].made || t->gone)
            continue;
        t->gone = t->done = t->dropped = true;
        attempt_over(t);
    }
    s->pools[pool] = (struct sim_pool){.made = s->pools[pool].made + 1};
}

static void session_over(struct sim *s, int session)
{
    for (uint64_t i = 1; i <= s->tasks_count; i++)
        if (s->tasks[i].live && s->tasks[i].holder == session)
            attempt_over(&s->tasks[i]);
    for (int i = 0; i < s->workers_count; i++)
        s->workers[i].left |= s->workers[i].session == session;
    for (uint64_t i = 1; i <= s->asks_count; i++) {
        if (s->asks[i].session != session)
            continue;
        s->asks[i].over = true;
        if (s->asks[i].op == OP_CALL)
            s->calls[i].left = true;
    }
    for (int i = 0; i < SIM_ACTORS; i++)
        if (s->actors[i].owner == session)
            owner_over(s, &s->actors[i], true);
    s->cut = true;
}

static void time_passes(struct sim *s, int64_t now_ns)
{
    for (uint64_t i = 1; i <= s->tasks_count; i++)
        if (s->tasks[i].live && s->tasks[i].expiry_ns <= now_ns)
            attempt_over(&s->tasks[i]);
}

struct sim_task *sim_task_at(struct sim *s, uint64_t number)
{
    return number > 0 && number <= s->tasks_count ? &s->tasks[number] : NULL;
}

static void foresee(struct sim *s, const struct op *op, const struct sim_ask *about)
{
    struct sim_task *t = sim_task_at(s, about->number);
    struct sim_actor *x = &s->actors[about->actor];
    if (op->code == OP_END && t && t->live && t->token == about->token)
        attempt_over(t);
    if (op->code == OP_END && !t && about->token && about->token == x->token) {
        owner_over(s, x, false);
        x->state = about->made;
    }
    if (op->code == OP_REMOVE && t && !t->gone) {
        t->gone = t->done = t->dropped = true;
        s->pools[t->pool].finished += t->state != TASK_DEAD;
        attempt_over(t);
    }
    if (op->code == OP_REMOVE && !t && about->pool != SIM_NOBODY)
        pool_over(s, about->pool);
    if (op->code == OP_REPLY && about->token && about->token == x->token && about->number == x->number) {
        struct sim_call *c = &s->calls[x->served];
        c->state = c->left ? CALL_OVER : CALL_ANSWERED;
        x->served = x->number = 0;
    }
}

/* ---- The step ---- */

static uint64_t mix(uint64_t digest, uint64_t x)
{
    digest = (digest ^ x) * UINT64_C(0x9e3779b97f4a7c15);
    return digest ^ digest >> 29;
}

static uint64_t digest_of(const struct sim_reply *r)
{
    uint64_t digest = mix(r->reply.status, r->reply.result);
    digest = mix(digest, r->reply.count ^ r->reply.made.number ^ (uint64_t)r->reply.number);
    digest = mix(digest, r->reply.grant.token ^ r->reply.made.handle);
    digest = mix(digest, r->reply.truth | (uint64_t)r->reply.item.deliveries << 1 | r->reply.epoch << 20);
    for (const char *p = r->text; *p; p++)
        digest = mix(digest, (uint8_t)*p);
    return digest;
}

static void copy_bytes(char to[24], struct bytes b)
{
    size_t size = b.size < 23 ? b.size : 23;
    if (size)
        memcpy(to, b.data, size);
    to[size] = '\0';
}

static void run(struct sim *s, const struct op *op)
{
    struct effects fx;
    struct reply reply;
    uint64_t session;
    s->replies_count = 0;
    s->by_op[op->code]++;
    engine_step(s->engine, s->now_ns, op, &fx);
    while (effects_next_reply(&fx, &reply)) {
        SIM_MUST(s->replies_count < SIM_REPLIES, "too many replies");
        struct sim_reply *r = &s->replies[s->replies_count++];
        r->reply = reply;
        r->text[0] = '\0';
        if (reply.item.value.type == VALUE_BYTES)
            copy_bytes(r->text, reply.item.value.bytes);
        copy_bytes(r->cause, reply.cause);
        s->digest = mix(s->digest, mix(reply.route, digest_of(r)));
    }
    while (effects_next_ended(&fx, &session))
        ;
    engine_audit(s->engine);
}

/* ---- Replies ---- */

static void job_begins(struct sim *s, const struct sim_ask *ask, const struct sim_reply *r)
{
    struct sim_task *t = sim_task_at(s, r->reply.count);
    struct sim_worker *w = &s->workers[ask->worker];
    struct sim_pool *p = &s->pools[ask->pool];
    SIM_MUST(t && t->pool == ask->pool && t->made == w->made, "task %" PRIu64, r->reply.count);
    SIM_MUST(!t->live && !t->done && !w->left, "task %" PRIu64, r->reply.count);
    SIM_MUST(!p->paused && p->limit != 0, "task %" PRIu64 " begins", r->reply.count);
    SIM_MUST(r->reply.item.deliveries == ++t->attempts, "attempt %u", r->reply.item.deliveries);
    SIM_MUST(t->attempts <= t->retries + 1, "attempt %u of %u", t->attempts, t->retries + 1);
    SIM_MUST(r->reply.grant.token > s->last_token, "token %" PRIu64, r->reply.grant.token);
    SIM_MUST(w->functions & 1 << t->function, "function %d", t->function);
    SIM_MUST(ask->step != s->step || t->priority >= ask->priority_least, "priority %d", t->priority);
    s->last_token = t->token = r->reply.grant.token;
    w->began = t->live = true;
    t->holder = ask->session;
    t->worker = ask->worker;
    t->expiry_ns = NEVER_NS;
    s->jobs++;
}

static void owner_begins(struct sim *s, const struct sim_ask *ask, const struct sim_reply *r)
{
    struct sim_actor *x = &s->actors[ask->actor];
    SIM_MUST(x->owner == SIM_NOBODY && r->reply.grant.token > s->last_token, "actor %d", ask->actor);
    SIM_MUST(r->reply.epoch == ++x->epoch, "epoch %" PRIu64, r->reply.epoch);
    SIM_MUST(r->reply.grant.owner_died == x->died, "died %d", x->died);
    SIM_MUST((uint32_t)atoi(r->text) == x->state, "state %s", r->text);
    s->last_token = x->token = r->reply.grant.token;
    x->owner = ask->session;
    x->died = false;
}

/* The call that is oldest of those that wait, by its route; 0: none. */
static uint64_t oldest_call(const struct sim *s, int actor)
{
    for (uint64_t i = 1; i <= s->asks_count; i++) {
        const struct sim_call *c = &s->calls[i];
        if (s->asks[i].op == OP_CALL && !s->asks[i].same_as && c->actor == actor && c->state == CALL_WAITS &&
            !c->left)
            return i;
    }
    return 0;
}

static void call_taken(struct sim *s, const struct sim_ask *ask, const struct sim_reply *r)
{
    struct sim_actor *x = &s->actors[ask->actor];
    uint64_t route = strtoull(r->text, NULL, 10);
    SIM_MUST(ask->token == x->token && !x->served, "actor %d", ask->actor);
    SIM_MUST(route == oldest_call(s, ask->actor), "%" PRIu64 " before %" PRIu64, route,
             oldest_call(s, ask->actor));
    SIM_MUST(r->reply.caller == s->sessions[s->calls[route].session].number, "caller");
    SIM_MUST(r->reply.item.deliveries == ++s->calls[route].taken, "deliveries");
    SIM_MUST(r->reply.epoch == x->epoch && r->reply.count > 0, "epoch");
    s->calls[route].state = CALL_SERVED;
    x->served = route;
    x->number = r->reply.count;
}

static void call_answered(struct sim *s, uint64_t route, const struct sim_reply *r)
{
    struct sim_call *c = &s->calls[route];
    if (r->reply.status == STATUS_OK) {
        SIM_MUST(c->state == CALL_ANSWERED && strtoull(r->text, NULL, 10) == route, "call %" PRIu64, route);
    } else {
        SIM_MUST(c->state == CALL_WAITS || c->state == CALL_SERVED, "call %" PRIu64, route);
        SIM_MUST(r->reply.status != STATUS_OWNER_DIED || s->actors[c->actor].fail, "call %" PRIu64, route);
        c->left = true;
    }
    if (c->state != CALL_SERVED)
        c->state = CALL_OVER;
}

static void task_joined(struct sim *s, const struct sim_ask *ask, const struct sim_reply *r)
{
    struct sim_task *t = sim_task_at(s, ask->number);
    SIM_MUST(t, "task");
    if (r->reply.status == STATUS_OK) {
        SIM_MUST(!t->live, "task %" PRIu64, ask->number);
        SIM_MUST(r->reply.truth || r->reply.ending == STATUS_OK, "ending");
    }
    if (ask->session == 0 && !ask->task) {
        SIM_MUST(!t->joined, "joined twice");
        SIM_MUST(r->reply.status == STATUS_OK || t->dropped, "join of %" PRIu64 ": %s", ask->number,
                 status_name(r->reply.status));
        t->joined = true;
    }
}

static void end_answered(struct sim *s, const struct sim_ask *ask, enum status status)
{
    bool good = ask->limit == 1; /* foreseen */
    if (good)
        SIM_MUST(status == STATUS_OK, "%s", status_name(status));
    else
        SIM_MUST(status == STATUS_STALE_TOKEN || status == STATUS_NOT_FOUND || status == STATUS_INVALID, "%s",
                 status_name(status));
}

/* What went well changes the model. */
static void learn(struct sim *s, const struct sim_ask *ask, const struct sim_reply *r)
{
    struct sim_task *t = sim_task_at(s, ask->number);
    switch ((int)ask->op) {
    case OP_WORK:
        s->workers[ask->worker].token = s->last_token = r->reply.grant.token;
        s->workers[ask->worker].left = false;
        break;
    case OP_GO:
        t = sim_task_at(s, r->reply.made.number);
        SIM_MUST(t && (!r->reply.made.created || t->priority == (int)ask->limit), "task");
        break;
    case OP_PULL: job_begins(s, ask, r); break;
    case OP_BEGIN: owner_begins(s, ask, r); break;
    case OP_SERVE: call_taken(s, ask, r); break;
    case OP_CHECKPOINT: s->actors[ask->actor].state = (uint32_t)ask->limit; break;
    case OP_ADOPT:
        if (t && t->live && t->token == ask->token)
            t->holder = ask->session;
        break;
    case OP_EXTEND:
        if (t && t->live && t->token == ask->token)
            t->expiry_ns = s->now_ns + ask->limit;
        break;
    case OP_REPLY: SIM_MUST(r->reply.truth == (ask->limit != 0), "reply"); break;
    case OP_CLOSE: s->pools[ask->pool].closed = true; break;
    case OP_TUNE:
        s->pools[ask->pool].limit = ask->limit;
        s->pools[ask->pool].paused = ask->made;
        break;
    case OP_MAKE:
        if (ask->pool != SIM_NOBODY) {
            s->pools[ask->pool].there = true;
            s->pools[ask->pool].limit = ask->limit;
        }
        break;
    default: break;
    }
}

/* A request in a task's name that had parked is answered only when the task runs, if it still is the attempt that asked. */
static void check_slot(struct sim *s, const struct sim_ask *ask)
{
    for (uint64_t i = 1; ask->task && ask->step != s->step && i <= s->tasks_count; i++) {
        struct sim_task *t = &s->tasks[i];
        if (!t->live || t->token != ask->task)
            continue;
        t->answered = true;
        const struct session *observer = engine_session_get(s->engine, s->sessions[0].number);
        struct ref ref = {.task = i};
        const struct object *o = NULL;
        struct object_view v;
        SIM_MUST(observer && engine_find(s->engine, s->sessions[0].number, &ref, 0, &o) == STATUS_OK, "task");
        engine_object_view(s->engine, o, &v);
        SIM_MUST(v.task.state == TASK_RUNNING, "task %" PRIu64 " is answered without a slot", i);
        s->withheld++;
    }
}

static void hear(struct sim *s, const struct sim_reply *r)
{
    uint64_t route = r->reply.route, first = route;
    if (route == 0)
        return;
    SIM_MUST(route <= s->asks_count, "route");
    while (s->asks[first].same_as)
        first = s->asks[first].same_as;
    struct sim_ask *ask = &s->asks[first], *asked = &s->asks[route];
    if (s->logs)
        printf("%" PRIu64 "   %" PRIu64 " %s: %s %s %" PRIu64 "/%" PRIu64 "\n", s->step, route,
               op_rows[ask->op].name, status_name(r->reply.status), r->text, r->reply.count,
               r->reply.grant.token);
    SIM_MUST(!asked->answered && !asked->over, "route %" PRIu64 " is answered again", route);
    asked->answered = true;
    if (r->reply.status == STATUS_NO_MEMORY) { /* it has not happened */
        asked->over = true;
        if (ask->op == OP_CALL)
            s->calls[first].state = CALL_OVER;
        return;
    }
    if (ask->digest) {
        SIM_MUST(ask->digest == (digest_of(r) | 1), "%s is answered otherwise", op_rows[ask->op].name);
        return;
    }
    ask->digest = digest_of(r) | 1;
    ask->answered = true;
    if (ask->op == OP_CALL)
        call_answered(s, first, r);
    if (ask->op == OP_WAIT)
        task_joined(s, ask, r);
    if (ask->op == OP_END)
        end_answered(s, ask, r->reply.status);
    if (r->reply.status == STATUS_OK)
        learn(s, ask, r);
    ask->kept = ask->seq && r->reply.status == STATUS_OK;
    check_slot(s, ask);
}

/* ---- Asking ---- */

static void step(struct sim *s, const struct op *op)
{
    run(s, op);
    sim_see_new(s);
    for (uint32_t i = 0; i < s->replies_count; i++)
        hear(s, &s->replies[i]);
    sim_compare(s);
    s->cut = false;
    s->step++;
}

uint64_t sim_ask(struct sim *s, int session, struct op *op, struct sim_ask about)
{
    if (++s->asks_count == s->asks_size) {
        s->asks = realloc(s->asks, 2 * s->asks_size * sizeof *s->asks);
        s->calls = realloc(s->calls, 2 * s->asks_size * sizeof *s->calls);
        assert_non_null(s->asks);
        assert_non_null(s->calls);
        s->asks_size *= 2;
    }
    uint64_t route = op->route = s->asks_count;
    op->session = s->sessions[session].number;
    about.op = op->code;
    about.session = session;
    about.seq = op->seq;
    about.task = op->task;
    about.step = s->step;
    if (op->code == OP_END) {
        const struct sim_task *t = sim_task_at(s, about.number);
        about.limit = t ? t->live && t->token == about.token
                        : about.token && about.token == s->actors[about.actor].token;
    }
    s->asks[route] = about;
    s->calls[route] = (struct sim_call){.actor = about.actor, .session = session};
    if (s->logs)
        printf("%" PRIu64 " %" PRIu64 " %d: %s p%d x%d w%d number %" PRIu64 " token %" PRIu64 " task %" PRIu64
               " seq %" PRIu64 " same as %" PRIu64 "\n",
               s->step, route, session, op_rows[op->code].name, about.pool, about.actor, about.worker,
               about.number, about.token, about.task, about.seq, about.same_as);
    if (!about.same_as)
        foresee(s, op, &about);
    step(s, op);
    return route;
}

void sim_event(struct sim *s, enum op_code code, int session)
{
    if (s->logs)
        printf("%" PRIu64 " %d: %s\n", s->step, session, op_rows[code].name);
    step(s, &(struct op){.code = code, .session = s->sessions[session].number});
}

void sim_kill(struct sim *s, int session)
{
    session_over(s, session);
    sim_event(s, OP_DETACH, session);
}

void sim_time(struct sim *s, int64_t now_ns)
{
    time_passes(s, now_ns);
    s->now_ns = now_ns;
    if (s->logs)
        printf("%" PRIu64 " now %" PRId64 "\n", s->step, now_ns);
    step(s, &(struct op){.code = OP_TICK});
}

void sim_open(struct sim *s, int session)
{
    struct op op = {.code = OP_HELLO};
    op.hello.id[0] = (uint8_t)(session + 1);
    op.hello.id[1] = ++s->next_id;
    op.hello.id[2] = (uint8_t)s->step;
    op.hello.id[3] = (uint8_t)(s->step >> 8);
    run(s, &op);
    SIM_MUST(s->replies_count == 1 && s->replies[0].reply.status == STATUS_OK, "hello");
    s->sessions[session] = (struct sim_session){.number = s->replies[0].reply.opened.number, .acked = 1};
    s->step++;
}

struct sim *sim_free(struct sim *s)
{
    engine_free(s->engine);
    free(s->asks);
    free(s->calls);
    free(s);
    return NULL;
}

/*
 * sched_moves.c - random requests about pools, tasks and actors (sched_sim.h).
 *
 * A move picks who asks what about which; most of it makes sense, some of it is stale or comes again. Memory fails now and then under what
 * may be refused. The drain takes every obstacle away and goes on until nothing is left to do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sched_sim.h"

static bool chance(struct sim *s, uint64_t one_in)
{
    return sim_below(s, one_in) == 0;
}

static int any_session(struct sim *s)
{
    return (int)sim_below(s, SIM_SESSIONS);
}

/* A pool that is there; SIM_NOBODY: there is none, at the first try. */
static int any_pool(struct sim *s)
{
    int i = (int)sim_below(s, SIM_POOLS);
    return s->pools[i].there ? i : SIM_NOBODY;
}

static struct sim_ask about_pool(int pool)
{
    return (struct sim_ask){.pool = pool};
}

/* A live attempt, by its task's number; 0: none, after some tries. */
static uint64_t any_attempt(struct sim *s)
{
    for (int i = 0; i < 64 && s->tasks_count > 0; i++) {
        uint64_t recent = s->tasks_count < 64 ? s->tasks_count : 64;
        uint64_t number = s->tasks_count - sim_below(s, recent);
        if (s->tasks[number].live)
            return number;
    }
    return 0;
}

/* Some recent task, finished or not. */
static uint64_t any_task(struct sim *s)
{
    uint64_t recent = s->tasks_count < 32 ? s->tasks_count : 32;
    return recent ? s->tasks_count - sim_below(s, recent) : 0;
}

/* What may be asked may be numbered, limited in time, or short of memory. */
static void ask_loosely(struct sim *s, int session, struct op *op, struct sim_ask about, bool may_be_late)
{
    if (chance(s, 3))
        op->seq = ++s->sessions[session].seq;
    if (may_be_late && chance(s, 3)) {
        op->has_timeout = true;
        op->timeout_ns = (int64_t)sim_below(s, 12);
    }
    if (chance(s, 16))
        engine_fail_allocation(s->engine, 1 + sim_below(s, 8));
    sim_ask(s, session, op, about);
    engine_fail_allocation(s->engine, 0);
}

/* ---- Pools ---- */

static void move_make(struct sim *s)
{
    int i = (int)sim_below(s, SIM_POOLS);
    if (s->pools[i].there)
        return;
    struct op op = make_object(0, sim_name('p', i), KIND_POOL);
    struct sim_ask about = about_pool(i);
    op.make.pool.limit = about.limit = chance(s, 3) ? -1 : 1 + (int64_t)sim_below(s, 4);
    op.make.pool.capacity = (int64_t)sim_below(s, 9) - 1;
    op.make.pool.dead_letter = by_name(chance(s, 2) ? "c2" : NULL);
    sim_ask(s, 0, &op, about);
}

static void move_tune(struct sim *s)
{
    int i = any_pool(s);
    if (i == SIM_NOBODY)
        return;
    struct op op = {.code = OP_TUNE, .tune.ref = by_name(sim_name('p', i))};
    struct sim_ask about = about_pool(i);
    op.tune.has_limit = op.tune.has_pause = true;
    op.tune.limit = about.limit = (int64_t)sim_below(s, 7) - 1;
    op.tune.pause = chance(s, 8);
    about.made = op.tune.pause;
    op.tune.has_burst = chance(s, 2);
    op.tune.burst = chance(s, 3) ? UINT64_MAX : sim_below(s, 8);
    sim_ask(s, any_session(s), &op, about);
}

static void move_close(struct sim *s)
{
    int i = any_pool(s);
    if (i == SIM_NOBODY || !chance(s, 6))
        return;
    struct op op = {.code = OP_CLOSE, .close.ref = by_name(sim_name('p', i))};
    sim_ask(s, any_session(s), &op, about_pool(i));
}

static void move_remove(struct sim *s)
{
    int i = any_pool(s);
    uint64_t number = any_task(s);
    struct sim_ask about = {.pool = i};
    struct op op = {.code = OP_REMOVE};
    if (number > 0 && !s->tasks[number].gone && chance(s, 2)) {
        about.number = number;
        op.remove.ref.task = number;
    } else if (i != SIM_NOBODY && chance(s, s->pools[i].closed ? 2 : 20)) {
        op.remove.ref = by_name(sim_name('p', i));
    } else {
        return;
    }
    sim_ask(s, any_session(s), &op, about);
}

static void move_work(struct sim *s)
{
    static const struct bytes functions[3][2] = {
        {{"", 0}, {"g", 1}}, {{"g", 1}, {"h", 1}}, {{"", 0}, {"h", 1}}};
    static const uint8_t masks[3] = {1 | 2, 2 | 4, 1 | 4};
    int i = any_pool(s), session = any_session(s), kind = (int)sim_below(s, 3);
    if (i == SIM_NOBODY || session == 0 || s->workers_count == SIM_WORKERS)
        return;
    struct sim_worker *w = &s->workers[s->workers_count];
    *w = (struct sim_worker){
        .made = s->pools[i].made, .pool = i, .session = session, .functions = masks[kind], .left = true};
    struct op op = {.code = OP_WORK, .work.ref = by_name(sim_name('p', i))};
    op.work.slots = w->slots = 1 + (uint32_t)sim_below(s, 3);
    op.work.functions = functions[kind];
    op.work.count = 2;
    struct sim_ask about = {.pool = i, .worker = s->workers_count++};
    ask_loosely(s, session, &op, about, false);
}

/* The least that a worker of these functions may be given now: the most urgent that is queued. */
static int most_urgent(const struct sim *s, const struct sim_worker *w)
{
    int most = INT32_MIN;
    for (uint64_t i = 1; i <= s->tasks_count; i++) {
        const struct sim_task *t = &s->tasks[i];
        if (t->pool == w->pool && t->made == w->made && !t->done && !t->live && t->state == TASK_QUEUED &&
            (w->functions & 1 << t->function) && t->priority > most)
            most = t->priority;
    }
    return most;
}

/* A recent worker, mostly one that still serves; SIM_NOBODY: there is none. */
static int any_worker(struct sim *s)
{
    int recent = s->workers_count < 24 ? s->workers_count : 24;
    for (int i = 0; i < 8 && recent > 0; i++) {
        int at = s->workers_count - 1 - (int)sim_below(s, (uint64_t)recent);
        const struct sim_worker *w = &s->workers[at];
        bool serves = !w->left && s->pools[w->pool].there && s->pools[w->pool].made == w->made;
        if (serves || (s->pools[w->pool].there && chance(s, 20)))
            return at;
    }
    return SIM_NOBODY;
}

static void move_pull(struct sim *s)
{
    int i = any_worker(s);
    if (i == SIM_NOBODY)
        return;
    const struct sim_worker *w = &s->workers[i];
    int session = chance(s, 8) || w->left ? any_session(s) : w->session;
    struct op op = {.code = OP_PULL, .pull.ref = by_name(sim_name('p', w->pool)), .pull.token = w->token};
    op.no_wait = chance(s, 4);
    struct sim_ask about = {.pool = w->pool, .worker = i, .priority_least = most_urgent(s, w)};
    ask_loosely(s, session, &op, about, true);
}

/* ---- Tasks ---- */

static void spec(struct sim *s, struct go_spec *g, struct ref *after)
{
    static const char *const functions[] = {"", "g", "h"}, *const keys[] = {"l", "m", "n"};
    const char *function = functions[sim_below(s, 3)];
    g->function = (struct bytes){function, strlen(function)};
    g->value = text("v");
    g->priority = (int32_t)sim_below(s, 3) - 1;
    g->retries = (uint32_t)sim_below(s, 3);
    g->backoff_ns = (int64_t)sim_below(s, 4);
    g->delay_ns = chance(s, 4) ? (int64_t)sim_below(s, 10) : 0;
    g->within_ns = chance(s, 4) ? 1 + (int64_t)sim_below(s, 40) : 0;
    g->run_ns = chance(s, 4) ? 1 + (int64_t)sim_below(s, 20) : 0;
    g->keep_ns = 1 + (int64_t)sim_below(s, 30);
    if (chance(s, 4))
        g->key = (struct bytes){keys[sim_below(s, 3)], 1};
    if (chance(s, 3))
        g->share = (struct bytes){keys[sim_below(s, 3)], 1};
    if (chance(s, 8))
        g->context = by_name("ctx");
    g->after = after;
    while (g->after_count < 2 && chance(s, 4) && s->tasks_count > 0)
        after[g->after_count++] = (struct ref){.task = any_task(s)};
}

static void move_go(struct sim *s)
{
    int i = any_pool(s);
    if (i == SIM_NOBODY)
        return;
    struct ref after[2];
    struct op op = {.code = OP_GO, .go.ref = by_name(sim_name('p', i))};
    spec(s, &op.go.spec, after);
    uint64_t number = chance(s, 4) ? any_attempt(s) : 0;
    op.task = number ? s->tasks[number].token : 0;
    struct sim_ask about = {.pool = i, .limit = op.go.spec.priority};
    ask_loosely(s, any_session(s), &op, about, true);
}

static void move_end(struct sim *s)
{
    uint64_t number = any_attempt(s);
    if (!number)
        return;
    struct op op = {.code = OP_END, .end.ref.task = number};
    op.end.token = s->tasks[number].token - (chance(s, 8) ? 1 : 0);
    op.end.failed = chance(s, 3);
    if (chance(s, 2))
        op.end.value = text("r");
    sim_ask(s, any_session(s), &op, (struct sim_ask){.number = number, .token = op.end.token});
}

/* Something that waits, in a task's name: to receive, to send, to join, to call, or just for a while. */
static void move_wait(struct sim *s)
{
    uint64_t number = any_attempt(s);
    if (!number)
        return;
    const struct sim_task *t = &s->tasks[number];
    const struct arm_spec pause = {.verb = ARM_AFTER, .delay_ns = 1 + (int64_t)sim_below(s, 6)};
    int session = chance(s, 2) ? t->holder : any_session(s);
    struct sim_ask about = {.pool = SIM_NOBODY};
    struct op op = {0};
    char route[24];
    switch (sim_below(s, 6)) {
    case 0: op = recv_from(0, sim_name('c', (int)sim_below(s, SIM_CHANNELS))); break;
    case 1: op = send_to(0, sim_name('c', (int)sim_below(s, SIM_CHANNELS)), "x"); break;
    case 2:
        op.code = OP_WAIT;
        op.wait.ref.task = about.number = any_task(s);
        break;
    case 3: op = select_of(0, &pause, 1); break;
    case 4: op = recv_from(0, "c0"); break;
    default:
        about.actor = (int)sim_below(s, SIM_ACTORS);
        snprintf(route, sizeof route, "%" PRIu64, s->asks_count + 1);
        op = (struct op){.code = OP_CALL, .call = {by_name(sim_name('x', about.actor)), text(route)}};
    }
    op.task = t->token;
    ask_loosely(s, session, &op, about, op.code != OP_CALL);
}

/* What is done to channels besides. */
static void move_channel(struct sim *s)
{
    const char *name = sim_name('c', (int)sim_below(s, SIM_CHANNELS));
    struct op op = chance(s, 2) ? send_to(0, name, "y") : recv_from(0, name);
    if (op.code == OP_RECV && chance(s, 3))
        op.recv.lease_ns = 5;
    op.no_wait = chance(s, 2);
    ask_loosely(s, any_session(s), &op, (struct sim_ask){.pool = SIM_NOBODY}, true);
}

static void move_watch(struct sim *s)
{
    uint64_t number = any_attempt(s);
    if (!number)
        return;
    struct op op = {.code = OP_WATCH, .watch = {{.task = number}, s->tasks[number].token}};
    ask_loosely(s, any_session(s), &op, (struct sim_ask){.number = number}, true);
}

static void move_kill(struct sim *s)
{
    uint64_t number = any_task(s);
    if (!number)
        return;
    struct op op = {.code = OP_KILL, .kill = {.ref.task = number, .signal = (uint32_t)sim_below(s, 3)}};
    sim_ask(s, any_session(s), &op, (struct sim_ask){.number = number});
}

static void move_cancel_context(struct sim *s)
{
    struct op op = cancel_context(0, "ctx", "c"), gone = of_name(OP_REMOVE, 0, "ctx"),
              new = make_context(0, "ctx", NULL);
    struct sim_ask about = {.pool = SIM_NOBODY, .actor = 0};
    if (!chance(s, 4))
        return;
    sim_ask(s, 0, &op, about);
    sim_ask(s, 0, &gone, about);
    sim_ask(s, 0, &new, (struct sim_ask){.pool = SIM_NOBODY});
}

static void move_adopt(struct sim *s)
{
    uint64_t number = any_attempt(s);
    if (!number)
        return;
    struct sim_ask about = {.number = number, .token = s->tasks[number].token, .pool = SIM_NOBODY};
    int session = chance(s, 2) ? any_session(s) : s->tasks[number].holder;
    struct op op = adopt(0, about.token);
    about.limit = 1 + (int64_t)sim_below(s, 20);
    if (chance(s, 2)) {
        op = lease_op(OP_EXTEND, 0, &about.token, 1);
        op.lease.duration_ns = about.limit;
    }
    sim_ask(s, session, &op, about);
}

/* ---- Actors ---- */

static void move_actor(struct sim *s)
{
    struct sim_ask about = {.pool = SIM_NOBODY, .actor = (int)sim_below(s, SIM_ACTORS)};
    const struct sim_actor *x = &s->actors[about.actor];
    const char *name = sim_name('x', about.actor);
    char content[24];
    int session = x->owner == SIM_NOBODY || chance(s, 6) ? any_session(s) : x->owner;
    struct op op = {0};
    about.token = x->token - (chance(s, 10) ? 1 : 0);
    snprintf(content, sizeof content, "%" PRIu64, s->asks_count + 1);
    switch (sim_below(s, 8)) {
    case 0: op = begin(0, name); break;
    case 1:
    case 2: op = (struct op){.code = OP_SERVE, .serve = {by_name(name), about.token}}; break;
    case 3:
    case 4:
        snprintf(content, sizeof content, "%" PRIu64, x->served);
        about.number = x->number;
        about.limit = x->served && !s->calls[x->served].left;
        op = (struct op){.code = OP_REPLY,
                         .reply = {by_name(name), about.token, x->number, false, text(content)}};
        sim_ask(s, session, &op, about);
        return;
    case 5:
        about.limit = 1 + (int64_t)sim_below(s, 1000);
        snprintf(content, sizeof content, "%" PRId64, about.limit);
        op = (struct op){.code = OP_CHECKPOINT, .checkpoint = {by_name(name), about.token, text(content)}};
        break;
    case 6:
        if (!chance(s, 4))
            return;
        about.made = 1 + (uint32_t)sim_below(s, 1000);
        snprintf(content, sizeof content, "%u", about.made);
        op = end(0, name, about.token, content);
        sim_ask(s, session, &op, about);
        return;
    default:
        op = (struct op){.code = OP_CALL, .call = {by_name(name), text(content)}};
        session = any_session(s);
    }
    ask_loosely(s, session, &op, about, true);
}

/* ---- Sessions ---- */

static void move_death(struct sim *s)
{
    int session = 1 + (int)sim_below(s, SIM_SESSIONS - 1);
    if (!chance(s, 3))
        return;
    sim_kill(s, session);
    sim_open(s, session);
}

/* A request comes again, on a new route: it is pending still, or was answered. */
static void move_repeat(struct sim *s)
{
    for (int i = 0; i < 32 && s->asks_count > 0; i++) {
        uint64_t recent = s->asks_count < 200 ? s->asks_count : 200,
                 first = s->asks_count - sim_below(s, recent);
        struct sim_ask *ask = &s->asks[first];
        const struct sim_session *session = &s->sessions[ask->session];
        if (ask->same_as || !ask->seq || ask->seq < session->acked || (ask->answered && !ask->kept) ||
            (ask->over && !ask->latest))
            continue;
        uint64_t last = ask->latest ? ask->latest : first;
        if (s->asks[last].over)
            continue; /* its session has died */
        s->asks[last].over |= !ask->answered;
        ask->latest = s->asks_count + 1;
        struct op op = {.code = ask->op, .seq = ask->seq};
        struct sim_ask about = *ask;
        about.same_as = first;
        about.digest = about.latest = 0;
        about.answered = about.over = about.kept = false;
        sim_ask(s, ask->session, &op, about);
        return;
    }
}

/* All that has been answered of a session is acknowledged. */
static void move_ack(struct sim *s)
{
    int session = any_session(s);
    struct sim_session *who = &s->sessions[session];
    uint64_t below = who->seq + 1;
    for (uint64_t i = 1; i <= s->asks_count; i++) {
        const struct sim_ask *ask = &s->asks[i];
        if (ask->session == session && ask->seq >= who->acked && !ask->same_as && !ask->answered &&
            !(ask->over && !ask->latest) && ask->seq < below)
            below = ask->seq;
    }
    struct op op = {.code = OP_PING, .acked_below = below};
    who->acked = below;
    sim_ask(s, session, &op, (struct sim_ask){.pool = SIM_NOBODY});
}

/* A pending request is withdrawn. */
static void move_cancel(struct sim *s)
{
    int session = any_session(s);
    struct op op = {.code = OP_CANCEL};
    if (s->sessions[session].seq == 0)
        return;
    uint64_t recent = s->sessions[session].seq < 10 ? s->sessions[session].seq : 10;
    op.cancel.seq = s->sessions[session].seq - sim_below(s, recent);
    for (uint64_t i = 1; i <= s->asks_count;
         i++) /* a call whose withdrawal is withheld waits for nobody's eyes */
        if (s->asks[i].session == session && s->asks[i].seq == op.cancel.seq && s->asks[i].op == OP_CALL &&
            s->asks[i].task)
            return;
    sim_ask(s, session, &op, (struct sim_ask){.pool = SIM_NOBODY});
}

static void move_time(struct sim *s)
{
    int64_t next = engine_next_deadline(s->engine), now = s->now_ns + 1 + (int64_t)sim_below(s, 4);
    sim_time(s, next != NEVER_NS && chance(s, 4) ? next : now);
}

static void move_written(struct sim *s)
{
    sim_event(s, OP_WRITTEN, any_session(s));
}

void sim_join_new(struct sim *s)
{
    while (s->joins < s->tasks_count) {
        struct op op = {.code = OP_WAIT, .wait.ref.task = ++s->joins};
        sim_ask(s, 0, &op, (struct sim_ask){.number = s->joins, .pool = SIM_NOBODY});
    }
}

void sim_move(struct sim *s)
{
    static const struct {
        uint32_t weight;
        void (*move)(struct sim *s);
    } moves[] = {
        {40, move_go},    {8, move_work},    {30, move_pull},
        {16, move_end},   {36, move_wait},   {14, move_channel},
        {4, move_watch},  {3, move_kill},    {1, move_cancel_context},
        {4, move_adopt},  {20, move_actor},  {2, move_death},
        {6, move_repeat}, {2, move_ack},     {4, move_cancel},
        {10, move_time},  {2, move_written}, {3, move_tune},
        {40, move_make},  {1, move_close},   {2, move_remove},
    };
    uint32_t sum = 0;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        sum += moves[i].weight;
    uint32_t at = (uint32_t)sim_below(s, sum);
    size_t i = 0;
    for (; at >= moves[i].weight; i++)
        at -= moves[i].weight;
    moves[i].move(s);
    sim_join_new(s);
}

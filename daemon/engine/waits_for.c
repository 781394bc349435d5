/*
 * waits_for.c - the wait-for graph, and the marking of who is awake (waits_for.h).
 *
 * Waking is a worklist. A party that wakes lets go on whoever waits for what it holds, for its end, for what it has a handle of; an object stands between, so
 * that a semaphore with many holders and many waiters costs their sum and not their product.
 *
 * ACQUIRE_ALL waits for all of its arms: it goes on when the last of its objects may be had.
 */
#include "waits_for.h"

#include <string.h>

#include "context.h"
#include "holding.h"
#include "keys.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "task.h"
#include "timer.h"

/* Of a party: it may act. Of an object: its holders may give it back. */
#define AWAKE 1
/* Of an object: somebody who may act reaches it. Of a session: what it reaches has been followed. */
#define REACHED 2
/* Of an object: somebody holds it. */
#define HELD 4
/* Of a session: it waits for what was started within what it holds. */
#define PARENT 8

/* ---- Space ---- */

static bool is_node(const struct object *o)
{
    return o->waiting > 0 || (o->kind == KIND_TASK && task_of(o)->state != TASK_DEAD);
}

struct sizes {
    uint32_t sessions, objects, grants;
};

static struct sizes sizes_of(const struct engine *e)
{
    struct sizes n = {.sessions = e->sessions.size};
    list_for_each(at, &e->objects)
        n.objects += is_node(container_of(at, struct object, all));
    list_for_each(at, &e->session_list)
        n.grants += container_of(at, struct session, all)->holding_count;
    return n;
}

/* Lay the arrays out from `space` on; how many bytes they are. */
static size_t lay_out(struct waits_for *g, struct sizes n, unsigned char *space)
{
    unsigned char *at = space;
    size_t nodes = (size_t)n.sessions + n.objects;
    g->at = carve(&at, n.objects, sizeof *g->at);
    g->flags = carve(&at, nodes, sizeof *g->flags);
    g->first = carve(&at, nodes, sizeof *g->first);
    g->seen = carve(&at, n.objects, sizeof *g->seen);
    g->grants = carve(&at, n.grants, sizeof *g->grants);
    g->work = carve(&at, 2 * nodes, sizeof *g->work);
    return (size_t)(at - space);
}

size_t waits_for_space(const struct engine *e, size_t *ret_nodes)
{
    struct waits_for g;
    struct sizes n = sizes_of(e);
    static unsigned char nowhere[1];
    *ret_nodes = (size_t)n.sessions + n.objects;
    return lay_out(&g, n, nowhere);
}

/* ---- Nodes ---- */

uint32_t waits_for_nodes(const struct waits_for *g)
{
    return g->sessions + g->objects;
}

static uint32_t node_of_session(const struct session *s)
{
    return (uint32_t)s->number - 1;
}

uint32_t waits_for_node_of(const struct waits_for *g, const struct object *o)
{
    uint32_t low = 0, high = g->objects;
    while (o && low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (g->at[middle]->serial < o->serial)
            low = middle + 1;
        else
            high = middle;
    }
    return o && low < g->objects && g->at[low] == o ? g->sessions + low : NODE_NONE;
}

const struct object *waits_for_object(const struct waits_for *g, uint32_t node)
{
    return node < g->sessions ? NULL : g->at[node - g->sessions];
}

const struct session *waits_for_session(const struct waits_for *g, uint32_t node)
{
    return node < g->sessions ? g->e->sessions.table[node].pointer : NULL;
}

bool waits_for_awake(const struct waits_for *g, uint32_t node)
{
    return g->flags[node] & AWAKE;
}

uint32_t waits_for_party(const struct waits_for *g, const struct call *c)
{
    const struct task *t = call_asking(c);
    if (t)
        return waits_for_node_of(g, &t->object);
    return c->session ? node_of_session(c->session) : NODE_NONE;
}

uint32_t waits_for_parent(const struct waits_for *g, const struct session *s)
{
    const struct holding *h = s->within ? holding_find(g->e, s->within) : NULL;
    return h && h->session != s ? node_of_session(h->session) : NODE_NONE;
}

bool waits_for_is_parent(const struct waits_for *g, const struct session *s)
{
    return g->flags[node_of_session(s)] & PARENT;
}

/* ---- What wakes an arm ---- */

static enum waker waker_of_recv(const struct object *o)
{
    if (o->kind == KIND_CONTEXT) {
        const struct context *ctx = context_of(o);
        return ctx->never ? WAKER_NOBODY : ctx->deadline_ns != NEVER_NS ? WAKER_TIME : WAKER_ANYONE;
    }
    if (o->kind == KIND_TIMER || o->kind == KIND_TICKER)
        return timer_of(o)->armed ? WAKER_TIME : WAKER_ANYONE;
    return WAKER_ANYONE;
}

enum waker waits_for_waker(const struct waits_for *g, const struct arm *a)
{
    if (a->verb == ARM_AFTER)
        return WAKER_TIME;
    if (a->verb == ARM_PULL || a->verb == ARM_WATCH || a->verb == ARM_SERVE || a->verb == ARM_QUIET)
        return WAKER_IDLE;
    if (!a->object)
        return WAKER_NOBODY;
    uint32_t node = waits_for_node_of(g, a->object);
    bool held = node != NODE_NONE && g->flags[node] & HELD;
    switch ((int)a->verb) {
    case ARM_LOCK:
    case ARM_RLOCK:
    case ARM_ACQUIRE:
    case ARM_BEGIN: return WAKER_HOLDER;
    case ARM_CALL: return held ? WAKER_HOLDER : WAKER_ANYONE;
    case ARM_TAKE: return a->object->kind == KIND_SEMAPHORE ? WAKER_HOLDER : WAKER_TIME;
    case ARM_RECV: return waker_of_recv(a->object);
    case ARM_WAIT:
        if (a->object->kind == KIND_TASK)
            return WAKER_TASK;
        return held && a->object->kind != KIND_MUTEX ? WAKER_HOLDER : WAKER_ANYONE;
    default: return WAKER_ANYONE;
    }
}

bool waits_for_is_wait(const struct waits_for *g, const struct call *c)
{
    for (uint32_t i = 0; i < c->cases; i++)
        if (waits_for_waker(g, &c->arms[i]) != WAKER_IDLE)
            return true;
    return false;
}

/* ---- Waking ---- */

static void wake(struct waits_for *g, uint32_t node, uint8_t flag)
{
    if (node == NODE_NONE || g->flags[node] & flag)
        return;
    g->flags[node] |= flag;
    g->work[g->work_count++] = node;
}

static bool all_may_be_had(const struct waits_for *g, const struct call *c)
{
    for (uint32_t i = 0; i < c->cases; i++) {
        uint32_t node = waits_for_node_of(g, c->arms[i].object);
        if (node != NODE_NONE && !waits_for_awake(g, node))
            return false;
    }
    return true;
}

static void wake_call(struct waits_for *g, const struct call *c)
{
    if (c->op != OP_ACQUIRE_ALL || all_may_be_had(g, c))
        wake(g, waits_for_party(g, c), AWAKE);
}

/* Those who wait on an object for this waker. */
static void wake_waiters(struct waits_for *g, const struct object *o, enum waker waker)
{
    for (const struct arm *a = engine_waiter_next(g->e, o, NULL); a; a = engine_waiter_next(g->e, o, a))
        if (waits_for_waker(g, a) == waker)
            wake_call(g, a->call);
}

/* What is reached through a session's handles. */
static void reach(struct waits_for *g, const struct session *s)
{
    uint8_t *flags = &g->flags[node_of_session(s)];
    if (*flags & REACHED)
        return;
    *flags |= REACHED;
    for (uint32_t i = 0; i < s->handles.size; i++)
        if (slots_number(&s->handles, i))
            wake(g, waits_for_node_of(g, s->handles.table[i].pointer), REACHED);
}

static void wake_grants(struct waits_for *g, uint32_t node)
{
    for (uint32_t i = g->first[node]; i != 0; i = g->grants[i - 1].next)
        wake(g, waits_for_node_of(g, g->grants[i - 1].object), AWAKE);
}

static void follow_task(struct waits_for *g, const struct task *t)
{
    list_for_each(n, &t->dependents)
        wake(g, waits_for_node_of(g, &container_of(n, struct dependency, link)->task->object), AWAKE);
    wake_waiters(g, &t->object, WAKER_TASK);
    const struct holding *h = holding_find(g->e, task_token(t));
    if (h)
        reach(g, h->session);
}

/* What follows from a node that was woken. */
static void follow(struct waits_for *g, uint32_t node)
{
    const struct session *s = waits_for_session(g, node);
    const struct object *o = waits_for_object(g, node);
    if (g->flags[node] & AWAKE)
        wake_grants(g, node);
    if (s) {
        wake(g, waits_for_parent(g, s), AWAKE);
        reach(g, s);
        return;
    }
    if (g->flags[node] & AWAKE && o->kind == KIND_TASK)
        follow_task(g, task_of(o));
    else if (g->flags[node] & AWAKE)
        wake_waiters(g, o, WAKER_HOLDER);
    if (g->flags[node] & REACHED)
        wake_waiters(g, o, WAKER_ANYONE);
}

static void follow_all(struct waits_for *g)
{
    while (g->work_count > 0)
        follow(g, g->work[--g->work_count]);
}

/* ---- Building ---- */

static void add_grant(struct waits_for *g, const struct session *s, const struct holding *h)
{
    uint32_t object = waits_for_node_of(g, h->object);
    if (object == NODE_NONE || h->object->kind == KIND_TASK || h->object->kind == KIND_CHANNEL)
        return;
    const struct holding *attempt = hold_task(h) ? holding_find(g->e, hold_task(h)) : NULL;
    uint32_t holder = attempt ? waits_for_node_of(g, attempt->object) : node_of_session(s);
    if (holder == NODE_NONE)
        return;
    g->flags[object] |= HELD;
    g->grants[g->grants_count] =
        (struct waits_grant){.object = h->object, .next = g->first[holder], .timed = h->due.slot != 0};
    g->first[holder] = ++g->grants_count;
}

/* What a session refers to and holds, and whose command it is. */
static void add_session(struct waits_for *g, const struct session *s)
{
    uint32_t parent = waits_for_parent(g, s);
    if (parent != NODE_NONE && s->connections > 0)
        g->flags[parent] |= PARENT;
    for (uint32_t i = 0; i < s->handles.size; i++) {
        uint32_t node =
            slots_number(&s->handles, i) ? waits_for_node_of(g, s->handles.table[i].pointer) : NODE_NONE;
        if (node != NODE_NONE)
            g->seen[node - g->sessions]++;
    }
    list_for_each(n, &s->holdings) {
        const struct holding *h = container_of(n, struct holding, by_session);
        uint32_t node = waits_for_node_of(g, h->object);
        if (node != NODE_NONE)
            g->seen[node - g->sessions]++;
        add_grant(g, s, h);
    }
}

/* References of requests: the arms that wait, and the hidden ones. */
static void see_arms(struct waits_for *g, const struct call *c)
{
    for (uint32_t i = 0; i < c->arms_count; i++) {
        uint32_t node = waits_for_node_of(g, c->arms[i].object);
        if (node != NODE_NONE)
            g->seen[node - g->sessions]++;
    }
}

/* What an arm needs nobody for. */
static void wake_arm(struct waits_for *g, const struct arm *a)
{
    enum waker waker = waits_for_waker(g, a);
    if (waker == WAKER_TIME || waker == WAKER_IDLE)
        wake_call(g, a->call);
}

static void wake_calls(struct waits_for *g, const struct session *s)
{
    list_for_each(n, &s->parked) {
        const struct call *c = container_of(n, struct call, link);
        if (!waits_for_is_wait(g, c) && waits_for_is_parent(g, s))
            continue;
        if (c->cases == 0)
            wake_call(g, c);
        for (uint32_t i = 0; i < c->cases; i++)
            wake_arm(g, &c->arms[i]);
    }
}

static void wake_session(struct waits_for *g, const struct session *s)
{
    bool acts =
        s->observer || s->connections == 0 || (s->parked_count < s->tasks && !waits_for_is_parent(g, s));
    if (acts && s->number != g->asker)
        wake(g, node_of_session(s), AWAKE);
    wake_calls(g, s);
}

static void wake_object(struct waits_for *g, uint32_t node)
{
    const struct object *o = waits_for_object(g, node);
    bool elsewhere = o->refs > g->seen[node - g->sessions]; /* a name, an item on its way, another object */
    if (o->kind == KIND_TASK) {
        const struct task *t = task_of(o);
        if ((t->state != TASK_WAITING && t->state != TASK_BLOCKED) || t->stop != STATUS_OK)
            wake(g, node, AWAKE);
        return;
    }
    if (!(g->flags[node] & HELD))
        wake(g, node, AWAKE);
    if (elsewhere || keys_keyed(o))
        wake(g, node, REACHED);
}

unsigned char *waits_for_build(struct waits_for *g, const struct engine *e, uint64_t asker, void *space)
{
    struct sizes n = sizes_of(e);
    size_t size = lay_out(g, n, space);
    memset(space, 0, size);
    g->e = e;
    g->asker = asker;
    g->sessions = n.sessions;
    g->objects = g->grants_count = g->work_count = 0;
    list_for_each(at, &e->objects) {
        const struct object *o = container_of(at, struct object, all);
        if (is_node(o))
            g->at[g->objects++] = o;
    }
    list_for_each(at, &e->session_list)
        add_session(g, container_of(at, struct session, all));
    list_for_each(at, &e->session_list) {
        const struct session *s = container_of(at, struct session, all);
        list_for_each(c, &s->parked)
            see_arms(g, container_of(c, struct call, link));
    }
    list_for_each(at, &e->orphans)
        see_arms(g, container_of(at, struct call, link));
    for (uint32_t i = 0; i < g->objects; i++)
        wake_object(g, g->sessions + i);
    list_for_each(at, &e->session_list)
        wake_session(g, container_of(at, struct session, all));
    follow_all(g);
    return (unsigned char *)space + size;
}

/* ---- Time ---- */

static void let_time_for_calls(struct waits_for *g, const struct session *s)
{
    list_for_each(n, &s->parked) {
        const struct call *c = container_of(n, struct call, link);
        for (uint32_t i = c->cases; i < c->arms_count; i++)
            if (c->arms[i].role == ROLE_DEADLINE || c->arms[i].role == ROLE_CONTEXT)
                wake(g, waits_for_party(g, c), AWAKE);
    }
}

void waits_for_let_time(struct waits_for *g)
{
    list_for_each(at, &g->e->session_list)
        let_time_for_calls(g, container_of(at, struct session, all));
    for (uint32_t i = 0; i < g->grants_count; i++)
        if (g->grants[i].timed)
            wake(g, waits_for_node_of(g, g->grants[i].object), AWAKE);
    for (uint32_t node = g->sessions; node < waits_for_nodes(g); node++) {
        const struct object *o = waits_for_object(g, node);
        if (o->kind == KIND_TASK &&
            (task_of(o)->due_within_ns != NEVER_NS || task_of(o)->due_attempt_ns != NEVER_NS))
            wake(g, node, AWAKE);
    }
    follow_all(g);
}

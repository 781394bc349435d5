/*
 * deadlock.c - circles of waits, those who wait in vain, and whether all are asleep.
 *
 * All three are read off the wait-for graph (waits_for.h). A circle is a path of the depth-first search among those who are not awake that comes back to itself; each
 * is found once, by the edge that closes it. Then time is let in: who is still not awake waits for what nobody will ever do, as a goroutine that leaks. That both may
 * be wrong about programs with threads or wishes of their own is the reader's to know; that they miss something only happens in doubt.
 *
 * Asleep is Go's "all goroutines are asleep": no session acts, no task can run, nobody waits for a time, and somebody waits. Unlike
 * there a new process may come and wake them.
 */
#include <assert.h>
#include <string.h>

#include "context.h"
#include "holding.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "task.h"
#include "timer.h"
#include "waits_for.h"

/* A node on the path, and where its dependents have been read to. */
struct frame {
    uint32_t node;
    uint32_t grant;                   /* index + 1 of the next one */
    const struct arm *arm;            /* the last waiter that was read; NULL: none */
    const struct list_node *follower; /* the same of the tasks that come after it */
    bool waiters_read, followers_read, parent_read;
};

enum mark { UNSEEN, ON_PATH, DONE };

struct search {
    const struct waits_for *g;
    struct frame *path;
    uint32_t depth;
    uint8_t *marks;
    struct cycle *cycles;
    struct stall *links, *stalls;
    uint32_t cycles_count, links_count;
};

/* ---- Who depends on a node ---- */

static bool next_grant(const struct search *x, struct frame *f, uint32_t *ret)
{
    while (f->grant != 0) {
        const struct waits_grant *grant = &x->g->grants[f->grant - 1];
        f->grant = grant->next;
        *ret = waits_for_node_of(x->g, grant->object);
        if (*ret != NODE_NONE)
            return true;
    }
    return false;
}

static bool next_waiter(const struct search *x, struct frame *f, uint32_t *ret)
{
    const struct object *o = waits_for_object(x->g, f->node);
    enum waker waker = o && o->kind == KIND_TASK ? WAKER_TASK : WAKER_HOLDER;
    while (o && !f->waiters_read) {
        f->arm = engine_waiter_next(x->g->e, o, f->arm);
        f->waiters_read = f->arm == NULL;
        if (f->arm && waits_for_waker(x->g, f->arm) == waker) {
            *ret = waits_for_party(x->g, f->arm->call);
            return *ret != NODE_NONE;
        }
    }
    return false;
}

static bool next_follower(const struct search *x, struct frame *f, uint32_t *ret)
{
    const struct object *o = waits_for_object(x->g, f->node);
    if (!o || o->kind != KIND_TASK || f->followers_read)
        return false;
    const struct list *followers = &task_of(o)->dependents;
    const struct list_node *n = list_next(followers, f->follower);
    f->follower = n;
    f->followers_read = n == NULL;
    if (n)
        *ret = waits_for_node_of(x->g, &container_of(n, struct dependency, link)->task->object);
    return n != NULL;
}

static bool next_parent(const struct search *x, struct frame *f, uint32_t *ret)
{
    const struct session *s = waits_for_session(x->g, f->node);
    if (!s || f->parent_read)
        return false;
    f->parent_read = true;
    *ret = waits_for_parent(x->g, s);
    return *ret != NODE_NONE;
}

/* The next node that waits for f's, and is not awake. */
static bool next_dependent(const struct search *x, struct frame *f, uint32_t *ret)
{
    while (next_grant(x, f, ret) || next_waiter(x, f, ret) || next_follower(x, f, ret) ||
           next_parent(x, f, ret))
        if (*ret != NODE_NONE && !waits_for_awake(x->g, *ret))
            return true;
    return false;
}

/* ---- Circles ---- */

static bool is_party(const struct waits_for *g, uint32_t node)
{
    const struct object *o = waits_for_object(g, node);
    return !o || o->kind == KIND_TASK;
}

/* The request in which a party waits on o, or NULL. */
static const struct arm *arm_on(const struct waits_for *g, uint32_t party, const struct object *o)
{
    for (const struct arm *a = engine_waiter_next(g->e, o, NULL); a; a = engine_waiter_next(g->e, o, a))
        if (waits_for_party(g, a->call) == party && waits_for_waker(g, a) != WAKER_IDLE)
            return a;
    return NULL;
}

static struct stall stall_of(const struct waits_for *g, uint32_t party)
{
    struct stall s = {.session = waits_for_session(g, party), .task = waits_for_object(g, party)};
    const struct holding *attempt = s.task ? holding_find(g->e, task_token(task_of(s.task))) : NULL;
    if (attempt)
        s.session = attempt->session;
    return s;
}

/* A party on the path, which waits for the node before it. */
static struct stall link_of(const struct waits_for *g, uint32_t party, uint32_t before)
{
    struct stall s = stall_of(g, party);
    s.object = waits_for_object(g, before);
    s.within = waits_for_session(g, before);
    s.arm = s.object ? arm_on(g, party, s.object) : NULL;
    if (s.arm)
        s.session = s.arm->call->session;
    return s;
}

/* The path from its node number `from` on closes: told backwards, each waits for the next. */
static void add_cycle(struct search *x, uint32_t from)
{
    if (x->cycles_count == CYCLES_MAX)
        return;
    struct cycle *cycle = &x->cycles[x->cycles_count++];
    *cycle = (struct cycle){.links = &x->links[x->links_count]};
    for (uint32_t n = x->depth - from, k = 0; k < n; k++) { /* the oldest first, then from the end */
        uint32_t i = from + (n - k) % n;
        if (!is_party(x->g, x->path[i].node))
            continue;
        uint32_t before = x->path[i > from ? i - 1 : x->depth - 1].node;
        cycle->length++;
        if (cycle->count == CYCLE_LINKS_MAX)
            continue;
        x->links[x->links_count++] = link_of(x->g, x->path[i].node, before);
        cycle->count++;
    }
}

static void push(struct search *x, uint32_t node)
{
    x->marks[node] = ON_PATH;
    x->path[x->depth++] = (struct frame){.node = node, .grant = x->g->first[node]};
}

static uint32_t path_find(const struct search *x, uint32_t node)
{
    uint32_t i = x->depth;
    while (x->path[--i].node != node)
        assert(i > 0);
    return i;
}

static void search_from(struct search *x, uint32_t node)
{
    push(x, node);
    while (x->depth > 0) {
        struct frame *top = &x->path[x->depth - 1];
        uint32_t next = NODE_NONE;
        if (!next_dependent(x, top, &next)) {
            x->marks[top->node] = DONE;
            x->depth--;
        } else if (x->marks[next] == UNSEEN) {
            push(x, next);
        } else if (x->marks[next] == ON_PATH) {
            add_cycle(x, path_find(x, next));
        }
    }
}

static void find_cycles(struct search *x)
{
    for (uint32_t node = 0; node < waits_for_nodes(x->g); node++)
        if (x->marks[node] == UNSEEN && !waits_for_awake(x->g, node) &&
            (waits_for_object(x->g, node) || waits_for_session(x->g, node)))
            search_from(x, node);
}

/* ---- In vain ---- */

static void add_stall(struct search *x, struct deadlock *ret, const struct stall *stall)
{
    if (ret->stalled++ < STALLS_MAX)
        x->stalls[ret->stalls_count++] = *stall;
}

static void find_stalled_calls(struct search *x, struct deadlock *ret, const struct session *s)
{
    list_for_each(n, &s->parked) {
        const struct call *c = container_of(n, struct call, link);
        uint32_t party = waits_for_party(x->g, c);
        if (s->number == x->g->asker || waits_for_awake(x->g, party) || !waits_for_is_wait(x->g, c))
            continue;
        struct stall stall = stall_of(x->g, party);
        stall.session = s;
        stall.arm = c->cases > 0 ? &c->arms[0] : NULL;
        stall.object = c->cases > 0 ? c->arms[0].object : NULL;
        add_stall(x, ret, &stall);
    }
}

static void find_stalled(struct search *x, struct deadlock *ret)
{
    list_for_each(n, &x->g->e->session_list)
        find_stalled_calls(x, ret, container_of(n, struct session, all));
    for (uint32_t node = x->g->sessions; node < waits_for_nodes(x->g); node++) {
        const struct object *o = waits_for_object(x->g, node);
        if (waits_for_awake(x->g, node) || o->kind != KIND_TASK || task_of(o)->state != TASK_BLOCKED)
            continue;
        struct stall stall = stall_of(x->g, node);
        for (uint32_t i = 0; i < task_of(o)->after_count && !stall.object; i++)
            if (task_of(o)->after[i].before && task_of(o)->after[i].before->state != TASK_DEAD)
                stall.object = &task_of(o)->after[i].before->object;
        add_stall(x, ret, &stall);
    }
}

/* ---- Asleep ---- */

static bool task_moves(const struct task *t)
{
    const struct pool *p = t->pool;
    if (t->state == TASK_QUEUED)
        return p && !list_empty(&p->workers) && p->limit != 0 && !p->paused;
    return t->state == TASK_DELAYED || t->state == TASK_RUNNING || t->state == TASK_RUNNABLE;
}

/* A time will come that ends it. */
static bool call_is_timed(const struct waits_for *g, const struct call *c)
{
    for (uint32_t i = 0; i < c->arms_count; i++) {
        const struct arm *a = &c->arms[i];
        if (a->role == ROLE_DEADLINE || (a->role == ROLE_CASE && waits_for_waker(g, a) == WAKER_TIME))
            return true;
        if (a->role == ROLE_CONTEXT && a->object && context_of(a->object)->deadline_ns != NEVER_NS)
            return true;
    }
    return false;
}

/* Whether a session acts, or what it asked for will. *waits: it waits for more than work. */
static bool session_moves(const struct waits_for *g, const struct session *s, bool *waits)
{
    list_for_each(n, &s->parked) {
        const struct call *c = container_of(n, struct call, link);
        if (call_is_timed(g, c))
            return true;
        *waits = *waits || waits_for_is_wait(g, c);
    }
    return s->observer || s->connections == 0 || (s->parked_count < s->tasks && !waits_for_is_parent(g, s));
}

static bool is_asleep(const struct waits_for *g)
{
    const struct engine *e = g->e;
    bool waits = false;
    list_for_each(n, &e->session_list) {
        const struct session *s = container_of(n, struct session, all);
        if (s->number != g->asker && session_moves(g, s, &waits))
            return false;
    }
    for (uint32_t node = g->sessions; node < waits_for_nodes(g); node++) {
        const struct object *o = waits_for_object(g, node);
        if (o->kind == KIND_TASK && task_moves(task_of(o)))
            return false;
    }
    list_for_each(n, &e->orphans)
        if (call_is_timed(g, container_of(n, struct call, link)))
            return false;
    return waits;
}

/* ---- All of it ---- */

static size_t lay_out(struct search *x, size_t nodes, unsigned char *space)
{
    unsigned char *at = space;
    x->path = carve(&at, nodes, sizeof *x->path);
    x->marks = carve(&at, nodes, sizeof *x->marks);
    x->cycles = carve(&at, CYCLES_MAX, sizeof *x->cycles);
    x->links = carve(&at, (size_t)CYCLES_MAX * CYCLE_LINKS_MAX, sizeof *x->links);
    x->stalls = carve(&at, STALLS_MAX, sizeof *x->stalls);
    return (size_t)(at - space);
}

size_t engine_deadlock_space(const struct engine *e)
{
    struct search x;
    static unsigned char nowhere[1];
    size_t nodes = 0, graph = waits_for_space(e, &nodes);
    return graph + lay_out(&x, nodes, nowhere);
}

void engine_deadlock(const struct engine *e, uint64_t asker, void *space, struct deadlock *ret)
{
    struct waits_for g;
    struct search x = {.g = &g};
    unsigned char *rest = waits_for_build(&g, e, asker, space);
    memset(rest, 0, lay_out(&x, waits_for_nodes(&g), rest));
    *ret = (struct deadlock){.asleep = is_asleep(&g)};
    find_cycles(&x);
    waits_for_let_time(&g);
    find_stalled(&x, ret);
    ret->cycles = x.cycles;
    ret->cycles_count = x.cycles_count;
    ret->stalls = x.stalls;
}

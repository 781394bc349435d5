/*
 * pool.c - starting tasks, resuming them, waiting for room (pool.h).
 *
 * A pool is served when a step settles (pool_serve): those that have begun and may go on do so, then idle workers are given tasks, then who waits to
 * submit finds room. So a slot that falls free goes to who has had one before, as long as it is not the turn of one that has not begun.
 *
 *     w is in `wanting`  <=  it has runnable tasks and a slot for one: then the pool's limit is what they wait for
 */
#include "pool.h"

#include "call.h"
#include "case.h"
#include "channel.h"
#include "handlers.h"
#include "session.h"
#include "state.h"
#include "task.h"
#include "wait.h"

struct pool *pool_of(const struct object *o)
{
    assert(o->kind == KIND_POOL);
    return container_of(o, struct pool, object);
}

/* ---- Workers ---- */

static size_t worker_size(uint32_t lanes)
{
    return sizeof(struct worker) + lanes * sizeof(struct lane *);
}

static void worker_free(struct engine *e, struct worker *w)
{
    assert(!w->runnable.first && w->running == 0);
    if (list_linked(&w->wanting))
        list_remove(&w->wanting);
    for (uint32_t i = 0; i < w->lanes_count; i++)
        lane_put(e, w->lanes[i]);
    mem_free(&e->mem, w, worker_size(w->lanes_count));
}

static struct worker *worker_new(struct engine *e, struct pool *p, const struct op *op)
{
    struct worker *w = mem_alloc(&e->mem, worker_size(op->work.count));
    if (!w)
        return NULL;
    w->slots = op->work.slots;
    for (uint32_t i = 0; i < op->work.count; i++) {
        w->lanes[i] = lane_get(e, p, op->work.functions[i]);
        if (!w->lanes[i]) {
            size_t size = worker_size(op->work.count);
            for (uint32_t k = 0; k < i; k++) {
                w->lanes[k]->workers--;
                lane_put(e, w->lanes[k]);
            }
            mem_free(&e->mem, w, size);
            return NULL;
        }
        w->lanes[i]->workers++;
    }
    w->lanes_count = op->work.count;
    return w;
}

struct worker *worker_find(const struct engine *e, const struct pool *p, uint64_t token)
{
    struct hold *h = hold_find(e, &p->object, token);
    return h && h->of == &p->holds ? h->worker : NULL;
}

void worker_begin(struct worker *w)
{
    w->tasks++;
}

void worker_end(struct engine *e, struct worker *w)
{
    assert(w->tasks > 0);
    if (--w->tasks == 0 && w->left)
        worker_free(e, w);
}

/* It serves no more. Its tasks are lost each by itself, or go on in the session that adopted them. */
static void worker_leave(struct engine *e, struct worker *w)
{
    list_remove(&w->node);
    w->left = true;
    for (uint32_t i = 0; i < w->lanes_count; i++)
        w->lanes[i]->workers--;
    if (w->tasks == 0)
        worker_free(e, w);
}

/* ---- Slots ---- */

/* Whether there are slots for a task of w that has begun already. */
static bool pool_resumes(const struct pool *p, const struct worker *w)
{
    /* who has begun goes on even in a pool that is drained, one at a time */
    uint64_t limit = p->limit < 0 ? UINT64_MAX : p->limit == 0 ? 1 : (uint64_t)p->limit;
    return w->running < w->slots && p->running < limit;
}

/* So many have gone on that one which has not begun, if there is one, goes before the next. */
static bool pool_owes_start(const struct pool *p)
{
    return p->went_on >= GO_ON_MAX && p->queued > 0;
}

bool pool_resumes_now(const struct pool *p, const struct worker *w)
{
    return list_empty(&p->wanting) && !w->runnable.first && !pool_owes_start(p) && pool_resumes(p, w);
}

static bool pool_starts(const struct pool *p)
{
    return !p->paused && (p->limit < 0 || p->running < (uint64_t)p->limit);
}

void pool_occupy(struct pool *p, struct worker *w, bool began, int64_t start_ns)
{
    if (p->clock_ns < start_ns)
        p->clock_ns = start_ns;
    if (began)
        p->went_on = 0;
    else if (p->went_on < GO_ON_MAX)
        p->went_on++;
    p->running++;
    w->running++;
}

static void pool_look_after(struct pool *p, struct worker *w)
{
    if (w->runnable.first && !list_linked(&w->wanting))
        list_push_back(&p->wanting, &w->wanting);
}

void pool_yield(struct engine *e, struct pool *p, struct worker *w)
{
    assert(p->running > 0 && w->running > 0);
    p->running--;
    w->running--;
    pool_look_after(p, w);
    object_serve_soon(e, &p->object);
}

void pool_want(struct engine *e, struct pool *p, struct task *t)
{
    runq_push(&t->worker->runnable, &t->runnable, t->start_ns, ++p->arrivals);
    pool_look_after(p, t->worker);
    object_serve_soon(e, &p->object);
}

/* Whose task goes on next: of the workers that have a slot for one the one whose first started first. NULL: there is none. */
static struct worker *pool_next_wanting(struct pool *p)
{
    struct worker *best = NULL;
    for (struct list_node *n, *next = list_first(&p->wanting); (n = next);) {
        struct worker *w = container_of(n, struct worker, wanting);
        next = list_next(&p->wanting, n);
        if (!w->runnable.first || w->running >= w->slots)
            list_remove(n); /* until one of its tasks yields */
        else if (!best || runq_before(w->runnable.first, best->runnable.first))
            best = w;
    }
    return best;
}

/* Let those go on that have begun. */
static void pool_serve_begun(struct engine *e, struct pool *p)
{
    struct worker *w;
    while ((w = pool_next_wanting(p)) && pool_resumes(p, w)) {
        task_run(e, container_of(w->runnable.first, struct task, runnable));
        pool_look_after(p, w);
    }
}

/* ---- Starting ---- */

static struct task *lane_first(const struct lane *l)
{
    struct heap_node *n = heap_first(&l->queue);
    return n ? container_of(n, struct task, queued) : NULL;
}

/* Which of two goes first: a total order, since arrivals are numbered through all lanes. */
static bool task_before(const struct task *a, const struct task *b)
{
    return a->queued.due_ns != b->queued.due_ns ? a->queued.due_ns < b->queued.due_ns : a->number < b->number;
}

/* The best task that w can run; NULL: none. */
static struct task *worker_next(const struct worker *w)
{
    struct task *best = NULL;
    for (uint32_t i = 0; i < w->lanes_count; i++) {
        struct task *t = lane_first(w->lanes[i]);
        if (t && (!best || task_before(t, best)))
            best = t;
    }
    return best;
}

static struct task *pull_next(const struct arm *a, const struct worker *w)
{
    return w->running < w->slots && pool_starts(pool_of(a->object)) ? worker_next(w) : NULL;
}

/* Whether a task could begin on some worker. */
static bool pool_has_start(const struct pool *p)
{
    if (!pool_starts(p))
        return false;
    list_for_each(n, &p->lanes)
        if (lane_first(container_of(n, struct lane, node)))
            return true;
    return false;
}

/* Nothing will come: it is closed and all has finished. */
static bool pool_over(const struct pool *p)
{
    return p->closed && p->queued == 0 && p->running == 0 && p->waiting == 0;
}

static bool pull_poll(const struct engine *e, const struct arm *a)
{
    const struct pool *p = pool_of(a->object);
    const struct worker *w = worker_find(e, p, a->token);
    return pool_over(p) || !w || pull_next(a, w);
}

static void pull_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&pool_of(a->object)->pullers, &a->link);
    object_touch(a->object);
}

static void pool_unpark(struct engine *e, struct arm *a)
{
    (void)e;
    list_remove(&a->link);
    object_touch(a->object);
}

static void pull_commit(struct engine *e, struct arm *a)
{
    struct pool *p = pool_of(a->object);
    struct call *c = a->call;
    struct worker *w = worker_find(e, p, a->token);
    struct task *t = w ? pull_next(a, w) : NULL;
    if (!t) {
        call_complete(e, c, pool_over(p) ? STATUS_CLOSED : STATUS_STALE_TOKEN);
        return;
    }
    share_begin(t->share, (uint64_t)t->queued.due_ns & TURN_MASK);
    a->token = hold_take_on(e, c, &t->object, &t->holds);
    task_begin(e, t, w);
    c->result = RESULT_JOB;
    c->of_actor = true;
    c->job.value = t->value;
    if (t->value)
        t->value->refs++;
    c->source = &t->object;
    object_ref(c->source);
    a->epoch = t->attempts;
    object_serve_soon(e, a->object); /* there may be room for another submission */
    call_complete(e, c, STATUS_OK);
}

static const struct arm_ops pull_ops = {pull_poll, pull_park, pool_unpark, pull_commit};

/* ---- Submitting ---- */

static bool pool_has_room(const struct pool *p)
{
    return p->capacity < 0 || p->queued < (uint64_t)p->capacity;
}

static bool go_poll(const struct engine *e, const struct arm *a)
{
    const struct pool *p = pool_of(a->object);
    return p->closed || task_twin(e, a->task) || (list_empty(&p->submitters) && pool_has_room(p));
}

static void go_park(struct engine *e, struct arm *a)
{
    (void)e;
    list_push_back(&pool_of(a->object)->submitters, &a->link);
    object_touch(a->object);
}

static void go_commit(struct engine *e, struct arm *a)
{
    struct pool *p = pool_of(a->object);
    struct call *c = a->call;
    if (p->closed) {
        call_complete(e, c, STATUS_SEND_ON_CLOSED);
        return;
    }
    struct task *t = task_twin(e, a->task);
    c->made_created = !t;
    if (!t) {
        t = a->task;
        a->task = NULL;
        task_enter(e, c->session, t);
    }
    c->result = RESULT_MADE;
    c->made_rights = c->promised ? RIGHT_ALL : 0;
    c->made.handle = c->promised ? session_install(c->session, &t->object, RIGHT_ALL) : 0;
    c->promised = false;
    c->made.cap = (int64_t)t->number;
    c->made_kind = KIND_TASK;
    call_complete(e, c, STATUS_OK);
}

static const struct arm_ops go_ops = {go_poll, go_park, pool_unpark, go_commit};

/* Give tasks to workers that wait for one; or only one task. */
static void pool_serve_pullers(struct engine *e, struct pool *p, bool one)
{
    struct list_node *n;
    bool all = p->bereft || pool_over(p);
    if (!one)
        p->bereft = false;
    for (struct list_node *next = list_first(&p->pullers); (n = next) && (all || pool_has_start(p));) {
        next = list_next(&p->pullers, n);
        struct arm *a = container_of(n, struct arm, link);
        if (!pull_poll(e, a))
            continue;
        while (next && container_of(next, struct arm, link)->call == a->call)
            next = list_next(&p->pullers, next);
        wait_fire(e, a);
        if (one)
            return;
    }
}

static void pool_serve(struct engine *e, struct object *o)
{
    struct pool *p = pool_of(o);
    struct list_node *n;
    if (pool_owes_start(p))
        pool_serve_pullers(e, p, true);
    pool_serve_begun(e, p);
    pool_serve_pullers(e, p, false);
    while ((p->closed || pool_has_room(p)) && (n = list_first(&p->submitters)))
        wait_fire(e, container_of(n, struct arm, link));
}

/* ---- The object ---- */

static enum status pool_dead_letter(struct engine *e, struct session *s, const struct ref *ref,
                                    struct channel **ret, const char **ret_message)
{
    struct object *o;
    uint8_t rights;
    *ret = NULL;
    enum status st = object_resolve(e, s, ref, &o, &rights);
    if (st != STATUS_OK || !o)
        return st;
    if (o->kind != KIND_CHANNEL || channel_of(o)->type != VALUE_BYTES) {
        *ret_message = "the dead letters of a pool go to a channel of bytes";
        return STATUS_INVALID;
    }
    *ret = channel_of(o);
    return rights & RIGHT_SEND ? STATUS_OK : STATUS_NO_RIGHT;
}

static enum status pool_make(struct engine *e, struct session *s, struct object *o, const struct make_op *op,
                             struct make_error *error)
{
    struct pool *p = pool_of(o);
    enum status st = pool_dead_letter(e, s, &op->pool.dead_letter, &p->dead_letter, &error->message);
    if (st != STATUS_OK)
        return st;
    struct list *const lists[] = {&p->workers, &p->wanting,    &p->lanes,
                                  &p->tasks,   &p->submitters, &p->pullers};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        list_init(lists[i]);
    holds_init(&p->holds);
    p->limit = op->pool.limit;
    p->capacity = op->pool.capacity;
    if (p->dead_letter)
        object_ref(&p->dead_letter->object);
    return STATUS_OK;
}

static bool pool_same(int64_t a, int64_t b)
{
    return a == b || (a < 0 && b < 0);
}

static enum status pool_match(struct engine *e, struct session *s, const struct object *o,
                              const struct make_op *op, struct make_error *error)
{
    const struct pool *p = pool_of(o);
    struct channel *dead_letter;
    enum status st = pool_dead_letter(e, s, &op->pool.dead_letter, &dead_letter, &error->message);
    if (st != STATUS_OK)
        return st;
    if (!pool_same(p->limit, op->pool.limit))
        error->message = "the pool exists with another limit";
    else if (!pool_same(p->capacity, op->pool.capacity))
        error->message = "the pool exists with another capacity";
    else if (dead_letter != p->dead_letter)
        error->message = "the pool exists with another channel for dead letters";
    return error->message ? STATUS_MISMATCH : STATUS_OK;
}

/* A session serves no more. */
static void pool_lost(struct engine *e, struct holding *h)
{
    struct hold *hold = hold_of(h);
    struct worker *w = hold->worker;
    hold->worker = NULL;
    pool_of(h->object)->bereft = true;
    object_serve_soon(e, h->object);
    hold_end(e, hold);
    worker_leave(e, w);
}

static enum status pool_tune(struct engine *e, struct object *o, const struct op *op,
                             const char **ret_message)
{
    struct pool *p = pool_of(o);
    if (op->tune.has_rate) {
        *ret_message = "of a pool the limit and the capacity are changed";
        return STATUS_INVALID;
    }
    if (op->tune.has_limit)
        p->limit = op->tune.limit;
    if (op->tune.has_burst)
        p->capacity = op->tune.burst > INT64_MAX ? -1 : (int64_t)op->tune.burst;
    if (op->tune.has_pause)
        p->paused = op->tune.pause;
    object_serve_soon(e, o);
    return STATUS_OK;
}

static enum status pool_close(struct engine *e, struct object *o, const struct op *op,
                              const char **ret_message)
{
    struct pool *p = pool_of(o);
    if (op->close.fence != 0) {
        *ret_message = "only a channel sees tokens";
        return STATUS_INVALID;
    }
    if (p->closed) {
        *ret_message = "close of closed pool";
        return STATUS_CLOSE_OF_CLOSED;
    }
    p->closed = true;
    object_serve_soon(e, o);
    return STATUS_OK;
}

static void pool_remove(struct engine *e, struct object *o)
{
    struct pool *p = pool_of(o);
    wait_fail_all(e, &p->submitters, STATUS_REMOVED);
    wait_fail_all(e, &p->pullers, STATUS_REMOVED);
    for (struct list_node *n; (n = list_first(&p->tasks));)
        task_orphan(e, container_of(n, struct task, listed));
    for (struct list_node *n; (n = list_first(&p->holds.list));)
        pool_lost(e, &container_of(n, struct hold, by_object)->holding);
}

static void pool_done(struct engine *e, struct object *o)
{
    assert(list_empty(&pool_of(o)->lanes) && list_empty(&pool_of(o)->wanting));
    if (pool_of(o)->dead_letter)
        object_unref(e, &pool_of(o)->dead_letter->object);
}

static const struct holds *pool_held_by(const struct object *o)
{
    return &pool_of(o)->holds;
}

static const struct list *pool_queue(const struct object *o, int i)
{
    const struct pool *p = pool_of(o);
    return i == 0 ? &p->pullers : i == 1 ? &p->submitters : NULL;
}

static void pool_view(const struct engine *e, const struct object *o, struct object_view *ret)
{
    (void)e;
    const struct pool *p = pool_of(o);
    uint64_t slots = 0;
    list_for_each(n, &p->workers)
        slots += container_of(n, struct worker, node)->slots;
    ret->pool = (struct pool_view){
        .limit = p->limit,
        .capacity = p->capacity,
        .paused = p->paused,
        .closed = p->closed,
        .workers = p->holds.count,
        .slots = slots,
        .tasks = p->kept,
        .queued = p->queued,
        .running = p->running,
        .waiting = p->waiting,
        .finished = p->finished,
        .failed = p->failed,
        .went_on = p->went_on,
    };
}

/* None of its tasks waits for slots that are there. */
static void worker_audit(const struct pool *p, const struct worker *w)
{
    assert(w->running <= w->tasks);
    assert(runq_audit(&w->runnable) <= w->tasks - w->running);
    assert(!w->runnable.first || !pool_resumes(p, w));
    assert(!w->runnable.first || w->running >= w->slots || list_linked(&w->wanting));
}

static void pool_audit(const struct engine *e, const struct object *o)
{
    const struct pool *p = pool_of(o);
    uint64_t kept = 0, queued = 0, running = 0, waiting = 0, workers = 0, slots = 0;
    hold_audit(e, o, &p->holds);
    list_for_each(n, &p->tasks) {
        const struct task *t = container_of(n, struct task, listed);
        assert(t->pool == p);
        kept++;
        queued += t->state < TASK_RUNNING;
        running += t->state == TASK_RUNNING;
        waiting += t->state == TASK_WAITING || t->state == TASK_RUNNABLE;
    }
    assert(kept == p->kept && queued == p->queued && running == p->running && waiting == p->waiting);
    list_for_each(n, &p->workers) {
        const struct worker *w = container_of(n, struct worker, node);
        workers++;
        slots += w->running;
        assert(!w->left);
        worker_audit(p, w);
    }
    assert(workers == p->holds.count && slots <= running);
    list_for_each(n, &p->wanting)
        worker_audit(p, container_of(n, struct worker, wanting));
    list_for_each(n, &p->pullers)
        assert(!pull_poll(e, container_of(n, struct arm, link)));
    assert(list_empty(&p->submitters) || !(p->closed || pool_has_room(p)));
}

const struct kind pool_kind = {
    .arms = {[ARM_GO] = &go_ops, [ARM_PULL] = &pull_ops},
    .size = sizeof(struct pool),
    .make = pool_make,
    .match = pool_match,
    .serve = pool_serve,
    .lost = pool_lost,
    .tune = pool_tune,
    .close = pool_close,
    .remove = pool_remove,
    .done = pool_done,
    .queue = pool_queue,
    .holds = pool_held_by,
    .view = pool_view,
    .audit = pool_audit,
};

/* ---- WORK ---- */

void op_work(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->work.ref, KIND_POOL, RIGHT_RECV, &o);
    if (st == STATUS_OK && (op->work.slots == 0 || op->work.slots > SLOTS_MAX || op->work.count == 0 ||
                            op->work.count > FUNCTIONS_MAX))
        st = STATUS_INVALID;
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st,
                    st == STATUS_INVALID ? "a worker has 1 to 2^20 slots and 1 to 256 functions" : NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    struct pool *p = pool_of(o);
    struct worker *w = hold_new(e, c) ? worker_new(e, p, op) : NULL;
    if (!w) {
        call_refuse_memory(e, c, op);
        return;
    }
    list_push_back(&p->workers, &w->node);
    c->hold->worker = w;
    hold_grant_call(e, c, o, &p->holds, op->work.slots);
}

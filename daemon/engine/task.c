/*
 * task.c - the life of a task (task.h): entering, beginning, waiting, ending, being kept. GO and its spec are in submit.c.
 *
 *     it has a hold  <=>  it has a worker  <=>  RUNNING, WAITING or RUNNABLE          it has replies  <=>  RUNNABLE
 *
 * Slots are counted where they are taken and given back (pool_occupy, pool_yield), the other states in task_state. One node in the heap of deadlines
 * serves all of a task's: task_set_due picks the next.
 */
#include "task.h"

#include <string.h>

#include "call.h"
#include "channel.h"
#include "context.h"
#include "handlers.h"
#include "item.h"
#include "session.h"
#include "state.h"
#include "text.h"
#include "wait.h"

struct task *task_of(const struct object *o)
{
    assert(o->kind == KIND_TASK);
    return container_of(o, struct task, object);
}

static void task_state(const struct engine *e, struct task *t, enum task_state state)
{
    struct pool *p = t->pool;
    uint64_t *const counts[] = {
        [TASK_BLOCKED] = &p->queued,  [TASK_DELAYED] = &p->queued,  [TASK_QUEUED] = &p->queued,
        [TASK_RUNNING] = &p->running, [TASK_WAITING] = &p->waiting, [TASK_RUNNABLE] = &p->waiting,
        [TASK_DEAD] = &p->finished};
    if (t->state != TASK_RUNNING) /* slots are counted where they are taken and given back */
        --*counts[t->state];
    if (state != TASK_RUNNING)
        ++*counts[state];
    t->state = (uint8_t)state;
    t->since_ns = e->now_ns;
    object_touch(&t->object);
}

/* ---- Deadlines ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* It is not finished, nor told to be. */
static bool task_may_stop(const struct task *t)
{
    return t->state != TASK_DEAD && (t->stop == STATUS_OK || t->stop_attempt);
}

/* One node for all of a task's deadlines: the next. */
static void task_set_due(struct engine *e, struct task *t)
{
    int64_t next_ns = t->due_keep_ns;
    if (t->state == TASK_DELAYED)
        next_ns = earlier(next_ns, t->due_delay_ns);
    if (task_may_stop(t))
        next_ns = earlier(next_ns, t->due_within_ns);
    if (task_may_stop(t) && !t->stop_attempt)
        next_ns = earlier(next_ns, t->due_attempt_ns);
    heap_remove(&e->deadlines, &t->due);
    if (next_ns != NEVER_NS)
        heap_insert(&e->deadlines, &t->due, next_ns, DUE_TASK);
}

/* ---- Queueing ---- */

static void task_queue(struct engine *e, struct task *t)
{
    uint64_t turn = share_turn(t->share) & TURN_MASK;
    int64_t place = (int64_t)((uint64_t)(PRIORITY_MAX - t->priority) << TURN_BITS | turn);
    task_state(e, t, TASK_QUEUED);
    heap_insert(&t->lane->queue, &t->queued, place, DUE_TASK);
    object_serve_soon(e, &t->pool->object);
}

/* Nothing holds it back but perhaps the time. */
static void task_ready(struct engine *e, struct task *t)
{
    if (t->due_delay_ns > e->now_ns)
        task_state(e, t, TASK_DELAYED);
    else
        task_queue(e, t);
    task_set_due(e, t);
}

void task_enter(struct engine *e, struct session *s, struct task *t)
{
    struct pool *p = t->pool;
    struct object *o = &t->object;
    t->number = ++e->task_serial;
    memcpy(o->name + o->name_size - sizeof t->number, &t->number, sizeof t->number);
    object_enter(e, s, o, NULL);
    list_push_back(&p->tasks, &t->listed);
    p->kept++;
    p->queued++;
    if (t->key)
        hash_insert(&e->task_keys, &t->by_key, task_key_hash(e, t));
    for (uint32_t i = 0; i < t->after_count; i++)
        task_follow(t, &t->after[i]);
    if (t->leash)
        wait_start_own(e, t->leash);
    object_serve_soon(e, o);
    const struct context *ctx = t->leash_context;
    if (ctx && ctx->error != STATUS_OK) /* before it was submitted */
        task_stop(e, t, ctx->error, ctx->cause);
    else if (t->due_within_ns <= e->now_ns) /* while it waited for room */
        task_stop(e, t, STATUS_DEADLINE_EXCEEDED, NULL);
    else if (t->before == 0 && !t->doomed)
        task_ready(e, t);
    else
        task_set_due(e, t);
}

/* ---- Finishing ---- */

/* From here it is of nobody's but those who want its result. */
static void task_untie(struct engine *e, struct task *t)
{
    if (t->key)
        hash_remove(&e->task_keys, &t->by_key);
    if (t->leash && t->leash->state == CALL_PARKED) {
        wait_withdraw(e, t->leash);
        call_free(e, t->leash);
    }
    t->leash = NULL;
    if (t->queued.slot > 0)
        heap_remove(&t->lane->queue, &t->queued);
    heap_release(&t->lane->queue, 1);
    t->placed = false;
    share_put(e, t->share);
    t->share = NULL;
    task_unfollow(e, t);
}

/* What it was called with goes where failures go. */
static void task_bury(struct engine *e, struct task *t)
{
    struct channel *ch = t->pool->dead_letter;
    if (!ch || ch->closed || ch->object.removed || !t->value || t->value->type != VALUE_BYTES)
        return;
    assert(!list_linked(&t->value->link));
    t->value->refs++;
    channel_force(e, ch, t->value);
}

static void task_finish(struct engine *e, struct task *t, enum status ending, bool failed)
{
    t->ending = (uint8_t)ending;
    t->failed = failed || ending != STATUS_OK;
    task_untie(e, t);
    t->pool->failed += t->failed;
    if (t->failed)
        task_bury(e, t);
    task_state(e, t, TASK_DEAD);
    t->due_keep_ns = engine_after(e, t->keep_ns);
    task_set_due(e, t);
    for (struct list_node *n; (n = list_pop_front(&t->dependents));) {
        struct task *next = container_of(n, struct dependency, link)->task;
        next->before--;
        next->doomed |= t->failed;
        object_serve_soon(e, &next->object);
    }
    object_serve_soon(e, &t->object);
    object_serve_soon(e, &t->pool->object);
}

void task_stop(struct engine *e, struct task *t, enum status why, struct text *cause)
{
    assert(why != STATUS_OK);
    if (!task_may_stop(t))
        return;
    t->stop = (uint8_t)why;
    t->stop_attempt = false;
    if (!t->cause)
        t->cause = text_ref(cause);
    if (t->state < TASK_RUNNING)
        task_finish(e, t, why, true);
    else
        task_set_due(e, t);
    object_serve_soon(e, &t->object);
}

void task_unblock(struct engine *e, struct task *t)
{
    if (t->doomed) {
        t->cause = text_ref(e->before_failed);
        task_finish(e, t, STATUS_CANCELED, true);
    } else if (t->before == 0) {
        task_ready(e, t);
    }
}

/* It waits for slots no more: its replies go out. */
static void task_hand_out(struct engine *e, struct task *t)
{
    runq_remove(&t->worker->runnable, &t->runnable);
    for (struct list_node *n; (n = list_pop_front(&t->replies));)
        call_hand_out(e, container_of(n, struct call, ready));
}

/* Its attempt is over: slots, worker, withheld replies. */
static void task_leave_worker(struct engine *e, struct task *t)
{
    struct worker *w = t->worker;
    object_serve_soon(e, &t->object); /* before the pool: who joins it goes before who has not begun */
    if (t->state == TASK_RUNNING)
        pool_yield(e, t->pool, w);
    else if (t->state == TASK_RUNNABLE)
        task_hand_out(e, t);
    t->worker = NULL;
    t->due_attempt_ns = NEVER_NS;
    t->signals = 0;
    t->told = false;
    hold_end_all(e, &t->holds);
    worker_end(e, w);
}

/* Once more, after a while: twice as long each time. */
static void task_retry(struct engine *e, struct task *t, bool at_once)
{
    uint32_t doublings = t->attempts > 1 ? t->attempts - 1 : 0;
    int64_t pause_ns = at_once ? 0 : t->backoff_ns;
    for (; doublings > 0 && pause_ns > 0 && pause_ns < NEVER_NS / 2; doublings--)
        pause_ns *= 2;
    t->due_delay_ns = engine_after(e, pause_ns);
    t->stop = STATUS_OK;
    t->stop_attempt = false;
    task_ready(e, t);
}

/* An attempt ended so; the task may be tried again. */
static void task_attempt_over(struct engine *e, struct task *t, enum status ending, bool failed)
{
    bool stopped = t->stop != STATUS_OK && !t->stop_attempt;
    task_leave_worker(e, t);
    if (t->stop != STATUS_OK)
        ending = t->stop;
    failed |= ending != STATUS_OK;
    if (failed && !stopped && t->attempts <= t->retries)
        task_retry(e, t, ending == STATUS_OWNER_DIED);
    else
        task_finish(e, t, ending, failed);
}

enum status task_end(struct engine *e, struct hold *h, struct call *c, const struct op *op,
                     struct item *value, const char **ret_message)
{
    (void)ret_message;
    struct task *t = task_of(h->holding.object);
    if (t->outcome)
        item_unref(e, t->outcome);
    t->outcome = value;
    t->has_exit = op->end.has_exit;
    t->exit = op->end.exit;
    task_attempt_over(e, t, STATUS_OK, op->end.failed);
    call_complete(e, c, STATUS_OK);
    return STATUS_OK;
}

void task_lost(struct engine *e, struct holding *h)
{
    struct task *t = task_of(h->object);
    if (t->outcome)
        item_unref(e, t->outcome);
    t->outcome = NULL;
    t->has_exit = false;
    task_attempt_over(e, t, STATUS_OWNER_DIED, true);
}

void task_leash_pulled(struct engine *e, struct call *c)
{
    struct task *t = task_of(c->source);
    object_ref(&t->object);
    struct context *ctx = t->leash_context;
    t->leash = NULL;
    call_free(e, c);
    if (ctx->error != STATUS_OK) /* one that is never done has been removed */
        task_stop(e, t, ctx->error, ctx->cause);
    object_unref(e, &t->object);
}

void task_due(struct engine *e, struct task *t)
{
    object_ref(&t->object);
    if (t->state == TASK_DEAD && t->due_keep_ns <= e->now_ns) {
        object_remove(e, &t->object);
    } else if (task_may_stop(t) && t->due_within_ns <= e->now_ns) {
        task_stop(e, t, STATUS_DEADLINE_EXCEEDED, NULL);
    } else if (t->worker && t->due_attempt_ns <= e->now_ns && t->stop == STATUS_OK) {
        t->stop = STATUS_DEADLINE_EXCEEDED;
        t->stop_attempt = true;
        object_serve_soon(e, &t->object);
        task_set_due(e, t);
    } else if (t->state == TASK_DELAYED && t->due_delay_ns <= e->now_ns) {
        task_ready(e, t);
    } else {
        task_set_due(e, t);
    }
    object_unref(e, &t->object);
}

void task_orphan(struct engine *e, struct task *t)
{
    struct pool *p = t->pool;
    struct object *o = &t->object;
    object_ref(o);
    if (t->worker)
        task_leave_worker(e, t);
    if (t->state != TASK_DEAD)
        task_finish(e, t, STATUS_CANCELED, true);
    heap_remove(&e->deadlines, &t->due);
    t->due_keep_ns = NEVER_NS;
    object_unname(e, o);
    list_remove(&t->listed);
    lane_put(e, t->lane);
    t->lane = NULL;
    p->kept--;
    t->pool = NULL;
    object_unref(e, &p->object);
    object_unref(e, o); /* the pool's */
    object_unref(e, o);
}

/* ---- Running ---- */

void task_begin(struct engine *e, struct task *t, struct worker *w)
{
    heap_remove(&t->lane->queue, &t->queued);
    task_state(e, t, TASK_RUNNING);
    t->attempts++;
    t->worker = w;
    worker_begin(w);
    t->start_ns = t->pool->clock_ns;
    pool_occupy(t->pool, w, true, t->start_ns);
    t->due_attempt_ns = t->run_ns > 0 ? engine_after(e, t->run_ns) : NEVER_NS;
    task_set_due(e, t);
}

uint64_t task_token(const struct task *t)
{
    const struct list_node *n = list_first(&t->holds.list);
    return n ? container_of(n, struct hold, by_object)->holding.number : 0;
}

void task_unheard(struct task *t, uint64_t token)
{
    if (token == 0 || token != task_token(t))
        return;
    assert(t->attempts > 0);
    t->attempts--;
}

void task_wait(struct engine *e, struct task *t)
{
    if (t->state != TASK_RUNNING)
        return;
    t->start_ns += e->now_ns - t->since_ns;
    pool_yield(e, t->pool, t->worker);
    task_state(e, t, TASK_WAITING);
}

void task_run(struct engine *e, struct task *t)
{
    bool runnable = t->state == TASK_RUNNABLE;
    assert(runnable || t->state == TASK_WAITING);
    task_state(e, t, TASK_RUNNING);
    pool_occupy(t->pool, t->worker, false, t->start_ns);
    if (runnable)
        task_hand_out(e, t);
}

bool task_wake(struct engine *e, struct task *t, struct call *c)
{
    if (t->state == TASK_WAITING) {
        t->start_ns = later(t->start_ns, t->pool->clock_ns);
        if (pool_resumes_now(t->pool, t->worker)) {
            task_run(e, t);
        } else {
            task_state(e, t, TASK_RUNNABLE);
            pool_want(e, t->pool, t);
        }
    }
    if (t->state != TASK_RUNNABLE)
        return true;
    list_push_back(&t->replies, &c->ready);
    return false;
}

void task_unwait(struct engine *e, struct task *t)
{
    if (t->state == TASK_WAITING || (t->state == TASK_RUNNABLE && list_empty(&t->replies)))
        task_run(e, t);
}

/*
 * wait.c - parking, claiming, deadlines, withdrawal.
 *
 * Time and rest are arms like the others: ARM_AFTER parks in the heap of deadlines, ARM_QUIET on the list of those who wait for
 * rest. What a request's own deadline and context do when they fire differs from a case only in the status (ROLE_DEADLINE,
 * ROLE_CONTEXT).
 */
#include "wait.h"

#include "handlers.h"

#include "context.h"
#include "session.h"
#include "state.h"
#include "task.h"

/* ---- Time ---- */

static bool after_poll(const struct engine *e, const struct arm *a)
{
    (void)e;
    return a->delay_ns <= 0;
}

static void after_park(struct engine *e, struct arm *a)
{
    heap_insert(&e->deadlines, &a->due, engine_after(e, a->delay_ns), DUE_ARM);
}

static void after_unpark(struct engine *e, struct arm *a)
{
    heap_remove(&e->deadlines, &a->due);
    a->due = (struct heap_node){0};
}

static void after_commit(struct engine *e, struct arm *a)
{
    call_complete(e, a->call, STATUS_OK);
}

static const struct arm_ops after_ops = {after_poll, after_park, after_unpark, after_commit};

void wait_due(struct engine *e, struct arm *a)
{
    enum status st = a->role == ROLE_DEADLINE ? STATUS_DEADLINE_EXCEEDED : STATUS_OK;
    call_complete(e, wait_claim(e, a), st);
}

/* ---- Rest ---- */

static bool quiet_poll(const struct engine *e, const struct arm *a)
{
    return e->restless == (a->call->session->restless ? 1u : 0u) && e->resting_calls >= a->parked_min;
}

static void quiet_park(struct engine *e, struct arm *a)
{
    list_push_back(&e->quiescing, &a->link);
    a->call->session->quiescing++;
    session_settle(e, a->call->session);
}

static void quiet_unpark(struct engine *e, struct arm *a)
{
    list_remove(&a->link);
    a->call->session->quiescing--;
    session_settle(e, a->call->session);
}

static void quiet_commit(struct engine *e, struct arm *a)
{
    call_complete(e, a->call, STATUS_OK);
}

static const struct arm_ops quiet_ops = {quiet_poll, quiet_park, quiet_unpark, quiet_commit};

void wait_serve_quiet(struct engine *e)
{
    if (e->restless > 0)
        return;
    uint64_t resting = e->resting_calls;
    for (struct list_node *n = list_first(&e->quiescing), *next; n; n = next) {
        next = list_next(&e->quiescing, n);
        struct arm *a = container_of(n, struct arm, link);
        if (a->parked_min <= resting)
            call_complete(e, wait_claim(e, a), STATUS_OK);
    }
}

void op_quiesce(struct engine *e, struct session *s, const struct op *op)
{
    if (s->quiescing >= QUIESCE_MAX) {
        call_refuse_limit(e, NULL, op, "quiesce_max", QUIESCE_MAX, s->quiescing + UINT64_C(1));
        return;
    }
    struct call *c = call_new(e, s, op, 1, 0);
    if (!c)
        return;
    wait_case(c, 0, ARM_QUIET, NULL)->parked_min = op->quiesce.parked_min;
    wait_start(e, c, op, UINT32_MAX);
}

/* ---- Arms ---- */

/* NULL: nil, which never fires and queues nowhere. */
static const struct arm_ops *arm_ops_of(const struct arm *a)
{
    if (a->verb == ARM_AFTER)
        return &after_ops;
    if (a->verb == ARM_QUIET)
        return &quiet_ops;
    return a->object ? object_kind(a->object)->arms[a->verb] : NULL;
}

uint32_t arm_index(const struct arm *a)
{
    return (uint32_t)(a - a->call->arms);
}

static struct arm *arm_init(struct call *c, uint32_t i, unsigned verb, struct object *o)
{
    struct arm *a = &c->arms[i];
    a->call = c;
    a->verb = (uint8_t)verb;
    a->object = o;
    a->count = 1;
    if (o)
        object_ref(o);
    return a;
}

struct arm *wait_case(struct call *c, uint32_t i, unsigned verb, struct object *o)
{
    assert(i < c->cases);
    return arm_init(c, i, verb, o);
}

bool wait_ready(const struct engine *e, const struct arm *a)
{
    const struct arm_ops *ops = arm_ops_of(a);
    return ops && ops->poll(e, a);
}

void wait_queue(struct engine *e, struct arm *a)
{
    const struct arm_ops *ops = arm_ops_of(a);
    if (!ops)
        return;
    a->parked = true;
    if (a->object)
        a->object->waiting++;
    ops->park(e, a);
}

static void arm_unpark(struct engine *e, struct arm *a)
{
    if (!a->parked)
        return;
    a->parked = false;
    if (a->object)
        a->object->waiting--;
    arm_ops_of(a)->unpark(e, a);
}

/* ---- The kernel ---- */

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/*
 * Park the cases. A select's go in random order, as Go's do, so that of two on one channel each is as likely to be served first: from a
 * random one on, in random steps that meet every case once.
 */
static void wait_park_cases(struct engine *e, struct call *c)
{
    uint64_t at = 0, step = 1;
    if (c->op == OP_SELECT && c->cases > 1) {
        at = prng_below(&e->prng, c->cases);
        do
            step = 1 + prng_below(&e->prng, c->cases - 1);
        while (common_divisor(c->cases, (uint32_t)step) != 1);
    }
    for (uint32_t i = 0; i < c->cases; i++, at = (at + step) % c->cases)
        wait_queue(e, &c->arms[at]);
}

static void wait_park(struct engine *e, struct call *c)
{
    assert(c->state == CALL_NEW);
    c->state = CALL_PARKED;
    e->stats.parked++;
    list_push_back(c->own ? &e->orphans : &c->session->parked, &c->link);
    if (!c->own) {
        c->session->parked_count++;
        if (c->op != OP_QUIESCE)
            e->resting_calls++;
        session_settle(e, c->session);
    }
    wait_park_cases(e, c);
    for (uint32_t i = c->cases; i < c->arms_count; i++)
        wait_queue(e, &c->arms[i]);
    if (call_asking(c)) {
        list_push_back(&call_asking(c)->waits, &c->arms[c->arms_count - 1].link);
        task_wait(e, call_asking(c));
    }
}

void wait_withdraw(struct engine *e, struct call *c)
{
    assert(c->state == CALL_PARKED);
    for (uint32_t i = 0; i < c->arms_count; i++)
        arm_unpark(e, &c->arms[i]);
    struct arm *last = c->arms_count > 0 ? &c->arms[c->arms_count - 1] : NULL;
    if (last && last->role == ROLE_TASK && list_linked(&last->link))
        list_remove(&last->link);
    c->state = CALL_NEW;
    c->woken = call_asking(c) != NULL;
    e->stats.parked--;
    list_remove(&c->link);
    if (!c->own) {
        c->session->parked_count--;
        if (c->op != OP_QUIESCE)
            e->resting_calls--;
        session_settle(e, c->session);
    }
}

struct call *wait_claim(struct engine *e, struct arm *a)
{
    struct call *c = a->call;
    if (c->state == CALL_PARKED)
        wait_withdraw(e, c);
    else
        arm_unpark(e, a); /* a kind that commits by queueing and serving */
    if (a->role == ROLE_CASE && c->op == OP_SELECT && !c->own) {
        c->has_index = true;
        c->index = arm_index(a);
    }
    return c;
}

void wait_fire(struct engine *e, struct arm *a)
{
    wait_claim(e, a);
    arm_ops_of(a)->commit(e, a);
}

/* ---- All at once ---- */

static bool wait_all_ready(const struct engine *e, const struct call *c)
{
    for (uint32_t i = 0; i < c->cases; i++)
        if (!wait_ready(e, &c->arms[i]))
            return false;
    return true;
}

/* Each kind grants its part; the last one completes the call. */
static void wait_commit_all(struct engine *e, struct call *c)
{
    c->index = c->cases;
    for (uint32_t i = 0, n = c->cases; i < n; i++)
        arm_ops_of(&c->arms[i])->commit(e, &c->arms[i]);
    assert(c->state == CALL_FINISHED);
}

bool wait_offer(struct engine *e, struct arm *a)
{
    struct call *c = a->call;
    if (c->op != OP_ACQUIRE_ALL) {
        wait_fire(e, a);
        return true;
    }
    if (!wait_all_ready(e, c))
        return false;
    wait_withdraw(e, c);
    wait_commit_all(e, c);
    return true;
}

void wait_turn(struct engine *e, struct arm *a, unsigned verb, struct object *o)
{
    struct call *c = a->call;
    assert(c->state == CALL_PARKED && a->role == ROLE_CASE);
    for (uint32_t i = 0; i < c->cases; i++) {
        arm_unpark(e, &c->arms[i]);
        call_release_arm(e, &c->arms[i]);
    }
    a->verb = (uint8_t)verb;
    a->object = o;
    a->said = NULL;
    if (o->removed)
        call_complete(e, wait_claim(e, a), STATUS_REMOVED);
    else if (wait_ready(e, a))
        wait_fire(e, a);
    else
        wait_queue(e, a);
}

void wait_fail_all(struct engine *e, struct list *queue, enum status status)
{
    for (struct list_node *n; (n = list_first(queue));)
        call_complete(e, wait_claim(e, container_of(n, struct arm, link)), status);
}

/* One of the ready cases, each as likely; NULL: none is ready. */
static struct arm *wait_choose(struct engine *e, struct call *c)
{
    struct arm *chosen = NULL;
    uint64_t ready = 0;
    for (uint32_t i = 0; i < c->cases; i++) {
        if (!wait_ready(e, &c->arms[i]))
            continue;
        if (++ready == 1 || prng_below(&e->prng, ready) == 0)
            chosen = &c->arms[i];
    }
    return chosen;
}

/*
 * False: what could be done is done, but the call is not over, and the arm is not ready any more: a batch that did not all fit; a token newer
 * than those of all the peers that waited.
 */
static bool wait_commit(struct engine *e, struct arm *a)
{
    struct call *c = a->call;
    if (c->op == OP_SELECT) {
        c->has_index = true;
        c->index = arm_index(a);
    }
    arm_ops_of(a)->commit(e, a);
    if (c->state == CALL_FINISHED)
        return true;
    assert(a->verb == ARM_SEND || a->verb == ARM_RECV);
    arm_unpark(e, a);
    c->has_index = false;
    return false;
}

static void wait_add_deadline(struct call *c, int64_t timeout_ns)
{
    struct arm *a = arm_init(c, c->arms_count++, ARM_AFTER, NULL);
    a->role = ROLE_DEADLINE;
    a->delay_ns = timeout_ns;
}

/* The request's context as an arm. False: the call is over. */
static bool wait_add_context(struct engine *e, struct call *c, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, c->session, &op->context, KIND_CONTEXT, RIGHT_RECV, &o);
    if (st != STATUS_OK) {
        call_refuse(e, c, op, st, NULL);
        return false;
    }
    struct arm *a = arm_init(c, c->arms_count++, ARM_RECV, o);
    a->role = ROLE_CONTEXT;
    if (!wait_ready(e, a))
        return true;
    arm_ops_of(a)->commit(e, a);
    return false;
}

/* The task that asks, as an arm that is never parked. False: the call is over. */
static bool wait_add_task(struct engine *e, struct call *c, const struct op *op)
{
    struct task *t;
    enum status st = task_asking(e, c->session, op->task, &t);
    if (st != STATUS_OK) {
        call_refuse(e, c, op, st, "the task that asks is not this one's");
        return false;
    }
    struct arm *a = arm_init(c, c->arms_count++, ARM_NONE, &t->object);
    a->role = ROLE_TASK;
    a->token = op->task;
    return true;
}

void wait_start(struct engine *e, struct call *c, const struct op *op, uint32_t dflt)
{
    if (op->has_timeout && op->timeout_ns > 0)
        wait_add_deadline(c, op->timeout_ns);
    if (op->has_context && !wait_add_context(e, c, op))
        return;
    if (op->task && !wait_add_task(e, c, op))
        return;
    bool all = c->op == OP_ACQUIRE_ALL;
    if (all && wait_all_ready(e, c)) {
        wait_commit_all(e, c);
        return;
    }
    for (struct arm *ready; !all && (ready = wait_choose(e, c));)
        if (wait_commit(e, ready))
            return;
    if (dflt != UINT32_MAX) {
        c->has_index = true;
        c->index = dflt;
        call_complete(e, c, STATUS_OK);
    } else if (op->no_wait) {
        call_complete(e, c, STATUS_WOULD_BLOCK);
    } else if (op->has_timeout && op->timeout_ns <= 0) {
        call_complete(e, c, STATUS_DEADLINE_EXCEEDED);
    } else {
        wait_park(e, c);
    }
}

void wait_start_own(struct engine *e, struct call *c)
{
    if (wait_ready(e, &c->arms[0]))
        wait_commit(e, &c->arms[0]);
    else
        wait_park(e, c);
}

void op_cancel(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    struct call *victim = op->cancel.seq ? call_find(e, s, op->cancel.seq) : NULL;
    c->result = RESULT_TRUTH;
    c->truth = victim && victim->state == CALL_PARKED;
    if (c->truth) {
        wait_withdraw(e, victim);
        call_complete(e, victim, STATUS_CANCELED);
    }
    call_complete(e, c, STATUS_OK);
}

void wait_audit(const struct engine *e, const struct call *c)
{
    assert(c->state == CALL_PARKED && c->cases <= c->arms_count && c->arms_count <= c->room);
    assert(!list_linked(&c->ready) && !c->kept && c->taken_count == 0);
    for (uint32_t i = 0; i < c->arms_count; i++) {
        const struct arm *a = &c->arms[i];
        assert(a->call == c && a->parked == (arm_ops_of(a) != NULL));
        assert((a->role == ROLE_CASE) == (i < c->cases));
        if (a->verb == ARM_AFTER)
            assert(a->due.slot > 0 && a->due.due_ns >= e->now_ns);
        else if (a->parked)
            assert(a->equipped ? a->due.slot > 0 : list_linked(&a->link));
    }
}

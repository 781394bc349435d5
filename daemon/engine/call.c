/*
 * call.c - making, finishing, answering and forgetting calls.
 *
 * A call that is refused is freed in the same breath: a refusal is not remembered, for it changed nothing. One that completes lets
 * go of all that waiting needed at once (call_release_arms), so a kept reply costs its header and what it carries.
 */
#include "call.h"

#include "bucket.h"
#include "cond.h"
#include "counter.h"
#include "hold.h"
#include "item.h"
#include "lease.h"
#include "limiter.h"
#include "object.h"
#include "session.h"
#include "state.h"
#include "task.h"
#include "text.h"

struct call_key {
    uint64_t session, seq;
};

static size_t call_size(uint32_t arms)
{
    return sizeof(struct call) + arms * sizeof(struct arm);
}

static uint64_t call_hash(const struct engine *e, struct call_key key)
{
    return hash_number(&e->calls, key.seq, key.session);
}

static bool call_equal(const struct hash_node *node, const void *key)
{
    const struct call *c = container_of(node, struct call, by_seq);
    const struct call_key *k = key;
    return c->seq == k->seq && c->session->number == k->session;
}

struct call *call_find(const struct engine *e, const struct session *s, uint64_t seq)
{
    struct call_key key = {s->number, seq};
    struct hash_node *node = hash_find(&e->calls, call_hash(e, key), call_equal, &key);
    return node ? container_of(node, struct call, by_seq) : NULL;
}

static struct call *call_alloc(struct engine *e, uint32_t room, uint32_t time_arms)
{
    if (!heap_reserve(&e->deadlines, time_arms))
        return NULL;
    struct call *c = mem_alloc(&e->mem, call_size(room));
    if (!c) {
        heap_release(&e->deadlines, time_arms);
        return NULL;
    }
    list_init(&c->taken);
    c->room = room;
    c->time_arms = time_arms;
    return c;
}

struct call *call_new(struct engine *e, struct session *s, const struct op *op, uint32_t cases,
                      uint32_t after_cases)
{
    bool waits = op_rows[op->code].class == CLASS_WAIT;
    uint64_t calls = s ? s->parked_count + UINT64_C(0) + s->finished_count : 0;
    /* What neither waits nor is remembered adds nothing, and must be possible: CANCEL, BYE, a HELLO that resumes. */
    if (calls >= e->limits.calls_max && (waits || op->seq != 0)) {
        call_refuse_limit(e, NULL, op, "calls_max", e->limits.calls_max, calls + 1);
        return NULL;
    }
    uint32_t deadline = waits && op->has_timeout && op->timeout_ns > 0;
    uint32_t hidden = deadline + (waits && op->has_context) + (waits && op->task != 0);
    struct call *c = call_alloc(e, cases + hidden, after_cases + deadline);
    if (!c) {
        call_refuse_memory(e, NULL, op);
        return NULL;
    }
    c->session = s;
    c->op = (uint8_t)op->code;
    c->seq = op->seq;
    c->route = op->route;
    c->since_ns = e->now_ns;
    c->cases = c->arms_count = cases;
    if (c->seq) {
        assert(s);
        c->known = true;
        hash_insert(&e->calls, &c->by_seq, call_hash(e, (struct call_key){s->number, c->seq}));
    }
    return c;
}

struct call *call_new_own(struct engine *e)
{
    struct call *c = call_alloc(e, 1, 1);
    if (!c)
        return NULL;
    c->own = true;
    c->since_ns = e->now_ns;
    c->cases = c->arms_count = 1;
    return c;
}

static void call_unknow(struct engine *e, struct call *c)
{
    if (c->known)
        hash_remove(&e->calls, &c->by_seq);
    c->known = false;
}

void call_release_arm(struct engine *e, struct arm *a)
{
    assert(!a->parked);
    switch ((int)a->verb) {
    case ARM_SEND:
    case ARM_CALL: item_unref_chain(e, a->items); break;
    case ARM_LOCK:
        if (a->object && a->object->kind == KIND_MUTEX && a->said)
            item_unref(e, a->said);
        break;
    case ARM_COND:
        if (a->lock)
            object_unref(e, a->lock);
        break;
    case ARM_TAKE:
        if (a->object && limiter_books(a->object))
            booking_free(e, a->booking);
        break;
    case ARM_GO: task_discard(e, a->task); break;
    case ARM_WAIT:
        if (a->equipped)
            counter_strip(a->object, a);
        break;
    default: break;
    }
    if (a->object)
        object_unref(e, a->object);
    a->object = NULL;
    a->verb = ARM_NONE;
}

/* Let go of what waiting needed: objects, values that did not go, promises. What ACQUIRE_ALL was granted stays written in its arms. */
static void call_release_arms(struct engine *e, struct call *c)
{
    for (uint32_t i = 0; i < c->arms_count; i++)
        call_release_arm(e, &c->arms[i]);
    if (c->signalled)
        cond_pass(e, c);
    c->arms_count = 0;
    heap_release(&e->deadlines, c->time_arms);
    c->time_arms = 0;
    if (c->promised)
        slots_release(&c->session->handles, 1);
    c->promised = false;
    lease_free(e, c->spare);
    c->spare = NULL;
    hold_free_spares(e, c);
}

struct task *call_asking(const struct call *c)
{
    const struct arm *last = c->arms_count > 0 ? &c->arms[c->arms_count - 1] : NULL;
    if (!last || last->role != ROLE_TASK || task_token(task_of(last->object)) != last->token)
        return NULL;
    return task_of(last->object);
}

/*
 * Where a withheld call keeps a reference to the task whose slot it waits for: room for the task's arm was taken last, and nothing else is
 * there once the call is finished.
 */
static struct object **call_stash(struct call *c)
{
    return &c->arms[c->room - 1].object;
}

static struct object *call_unstash(struct call *c)
{
    struct object *o = *call_stash(c);
    assert(c->withheld);
    c->withheld = false;
    *call_stash(c) = NULL;
    return o;
}

/* Whether its session keeps it once it is finished: it may be asked for again, or its items may have to go back. */
static bool call_keeps(const struct call *c)
{
    return c->seq != 0 || (c->taken_count > 0 && !c->leased);
}

static void call_keep(struct engine *e, struct call *c)
{
    list_push_back(c->seq ? &c->session->finished : &c->session->loose, &c->link);
    c->session->finished_count++;
    c->undelivered = c->session->connections == 0;
    e->stats.finished++;
    c->kept = true;
}

static void call_unkeep(struct engine *e, struct call *c)
{
    list_remove(&c->link);
    c->session->finished_count--;
    e->stats.finished--;
    c->kept = false;
}

void call_hand_out(struct engine *e, struct call *c)
{
    object_unref(e, call_unstash(c));
    list_push_back(&e->ready, &c->ready);
    if (!call_keeps(c))
        call_unkeep(e, c);
}

/* A task that waited has its answer: it goes on, or has to wait for a slot, and the reply with it (c->withheld). */
static void call_wake(struct engine *e, struct call *c, struct task *asking, enum status status)
{
    if (status == STATUS_SHUTTING_DOWN) { /* nothing waits for a slot any more */
        task_unwait(e, asking);
        object_unref(e, &asking->object);
        return;
    }
    c->withheld = !task_wake(e, asking, c);
    if (c->withheld)
        *call_stash(c) = &asking->object;
    else
        object_unref(e, &asking->object);
}

void call_complete(struct engine *e, struct call *c, enum status status)
{
    assert(c->state == CALL_NEW && !list_linked(&c->link) && !list_linked(&c->ready));
    struct task *asking = c->woken ? call_asking(c) : NULL;
    if (asking)
        object_ref(&asking->object);
    call_release_arms(e, c);
    if (asking)
        call_wake(e, c, asking, status);
    c->state = CALL_FINISHED;
    c->status = (uint8_t)status;
    if (c->own) {
        list_push_back(&e->own_finished, &c->ready);
        return;
    }
    if (status != STATUS_OK && status != STATUS_CLOSED && status != STATUS_WOULD_BLOCK)
        e->stats.failed[c->op]++;
    if (call_keeps(c) || c->withheld)
        call_keep(e, c);
    if (!c->withheld)
        list_push_back(&e->ready, &c->ready);
}

static void call_drop_taken(struct engine *e, struct call *c)
{
    for (struct list_node *n; (n = list_pop_front(&c->taken));)
        if (c->leased) {
            struct lease *l = container_of(n, struct lease, shown);
            if (!l->holding.live)
                lease_free(e, l);
        } else {
            item_unref(e, container_of(n, struct item, link));
        }
    c->taken_count = 0;
}

void call_free(struct engine *e, struct call *c)
{
    assert(!list_linked(&c->link) && !list_linked(&c->ready) && !c->kept);
    if (c->woken && call_asking(c))
        task_unwait(e, call_asking(c));
    call_release_arms(e, c);
    call_drop_taken(e, c);
    call_unknow(e, c);
    if (c->source)
        object_unref(e, c->source);
    text_unref(&e->mem, c->cause);
    if ((c->result == RESULT_VALUE || c->result == RESULT_OUTCOME) && c->value)
        item_unref(e, c->value);
    if (c->result == RESULT_JOB && c->job.value)
        item_unref(e, c->job.value);
    if (c->result == RESULT_LEADER && c->leader.said)
        item_unref(e, c->leader.said);
    if (c->result == RESULT_CELL && c->cell.value)
        item_unref(e, c->cell.value);
    mem_free(&e->mem, c, call_size(c->room));
}

void call_forget(struct engine *e, struct call *c)
{
    assert(c->state == CALL_FINISHED && c->kept);
    call_unkeep(e, c);
    call_unknow(e, c);
    if (c->withheld) {
        struct object *o = call_unstash(c);
        list_remove(&c->ready);
        task_unwait(e, task_of(o));
        object_unref(e, o);
    }
    if (!list_linked(&c->ready))
        call_free(e, c);
}

static void call_refuse_all(struct engine *e, struct call *c, const struct op *op, const struct refusal *why)
{
    if (c)
        call_free(e, c);
    assert(!e->refusal.pending);
    e->refusal = *why;
    e->refusal.pending = true;
    e->refusal.route = op->route;
    e->refusal.session = op->session;
    e->refusal.seq = op->seq;
    e->refusal.op = op->code;
    e->stats.failed[op->code]++;
}

void call_refuse(struct engine *e, struct call *c, const struct op *op, enum status status,
                 const char *message)
{
    call_refuse_all(e, c, op, &(struct refusal){.status = status, .message = message});
}

void call_refuse_limit(struct engine *e, struct call *c, const struct op *op, const char *name,
                       uint64_t value, uint64_t use)
{
    struct refusal why = {.status = STATUS_LIMIT, .limit = {name, value, use}};
    call_refuse_all(e, c, op, &why);
}

void call_refuse_memory(struct engine *e, struct call *c, const struct op *op)
{
    /* A budget with less than one large payload left counts as spent. */
    if (e->mem.max - e->mem.used < e->limits.payload_size_max + UINT64_C(4096) + e->mem.spare)
        call_refuse_limit(e, c, op, "memory_max", e->mem.max, e->mem.used);
    else
        call_refuse(e, c, op, STATUS_NO_MEMORY, NULL);
}

static void call_item_view(const struct call *c, const struct list_node *n, struct item_view *ret)
{
    const struct lease *l = c->leased ? container_of(n, struct lease, shown) : NULL;
    const struct item *item = l ? l->item : container_of(n, struct item, link);
    uint64_t handle = 0;
    assert(item);
    if (item->type == VALUE_HANDLE)
        handle = l ? l->handle : item_handle(item)->handle;
    item_value(item, handle, &ret->value);
    ret->lease = l ? l->holding.number : 0;
    ret->deliveries = l ? l->deliveries : item->deliveries;
    ret->rank = item->rank;
}

/* What came from a timer: the instant it was due. */
static struct item_view call_tick_view(const struct call *c)
{
    return (struct item_view){.value = {.type = VALUE_INT64, .int64 = (int64_t)c->count}};
}

bool engine_item_next(struct item_cursor *at, struct item_view *ret)
{
    const struct call *c = at->call;
    const struct list_node *n = at->at;
    if (!n)
        return false;
    if (c->ticked)
        *ret = call_tick_view(c);
    else
        call_item_view(c, n, ret);
    at->at = list_next(&c->taken, n);
    return true;
}

bool engine_grant_next(struct grant_cursor *at, struct grant *ret)
{
    const struct call *c = at->call;
    if (at->at >= c->cases)
        return false;
    const struct arm *a = &c->arms[at->at++];
    *ret = (struct grant){a->token, a->count != 0};
    return true;
}

static void call_quota(const struct call *c, struct reply *ret)
{
    ret->truth = c->truth;
    if (c->op == OP_RESERVE && c->truth)
        ret->quota = (struct quota){.token = c->booked.token, .delay_ns = c->booked.delay_ns};
    else
        ret->quota =
            (struct quota){.remaining = c->quota.remaining, .retry_after_ns = c->quota.retry_after_ns};
}

/* The arm that was committed, where its kind may have written. */
static const struct arm *call_written(const struct call *c)
{
    return &c->arms[c->has_index ? c->index : 0];
}

uint64_t call_token(const struct call *c)
{
    return call_written(c)->token;
}

static void call_reply_served(const struct call *c, struct reply *ret)
{
    ret->count = call_written(c)->token;
    ret->caller = call_written(c)->caller;
    ret->item.deliveries = c->job.deliveries;
}

static void call_reply_task(const struct call *c, const struct task *t, struct reply *ret)
{
    ret->count = t->number;
    ret->grant.token = call_written(c)->token;
    ret->item.deliveries = call_written(c)->epoch;
    ret->function = t->lane ? (struct bytes){t->lane->function, t->lane->size} : (struct bytes){0};
    ret->run_ns = t->run_ns;
    ret->epoch = 0;
}

static void call_reply_made(const struct call *c, struct reply *ret)
{
    bool task = c->made_kind == KIND_TASK;
    ret->made.handle = c->made.handle;
    ret->made.cap = task ? 0 : c->made.cap;
    ret->made.number = task ? (uint64_t)c->made.cap : 0;
    ret->made.created = c->made_created;
    ret->made.kind = c->made_kind;
    ret->made.type = c->made_type;
    ret->made.rights = c->made_rights;
}

static void call_reply_outcome(const struct call *c, struct reply *ret)
{
    ret->truth = c->truth;
    ret->shared = c->shared;
    if (c->source && c->source->kind == KIND_TASK) {
        const struct task *t = task_of(c->source);
        ret->ending = t->ending;
        ret->has_exit = t->has_exit;
        ret->exit = t->exit;
    }
    if (c->value)
        item_value(c->value, 0, &ret->item.value);
}

static void call_reply_result(const struct call *c, struct reply *ret)
{
    ret->result = c->result;
    ret->epoch = c->of_actor ? call_written(c)->epoch : 0;
    switch ((enum result_code)c->result) {
    case RESULT_ITEM:
        if (c->ticked)
            ret->item = call_tick_view(c);
        else if (c->taken_count > 0)
            call_item_view(c, list_first(&c->taken), &ret->item);
        break;
    case RESULT_ITEMS:
        /* a timer's one value stands in no list: the list's own ring is its place */
        ret->items.first = (struct item_cursor){c, c->ticked ? &c->taken.ring : list_first(&c->taken)};
        ret->items.count = c->ticked ? 1 : c->taken_count;
        break;
    case RESULT_COUNT: ret->count = c->count; break;
    case RESULT_TRUTH: ret->truth = c->truth; break;
    case RESULT_MADE: call_reply_made(c, ret); break;
    case RESULT_GRANT:
        ret->grant.token = c->count;
        ret->grant.owner_died = c->truth;
        break;
    case RESULT_NUMBER:
        ret->number = c->number;
        ret->truth = c->truth;
        break;
    case RESULT_OUTCOME: call_reply_outcome(c, ret); break;
    case RESULT_VALUE:
        ret->truth = c->value != NULL;
        if (c->value)
            item_value(c->value, 0, &ret->item.value);
        break;
    case RESULT_GRANTS:
        ret->grants.first = (struct grant_cursor){c, 0};
        ret->grants.count = c->cases;
        break;
    case RESULT_LEADER:
        ret->grant = (struct grant){c->leader.token, c->truth};
        if (c->leader.said)
            item_value(c->leader.said, 0, &ret->item.value);
        break;
    case RESULT_QUOTA: call_quota(c, ret); break;
    case RESULT_CELL:
        ret->truth = c->truth;
        ret->count = c->cell.revision;
        if (c->cell.value)
            item_value(c->cell.value, 0, &ret->item.value);
        break;
    case RESULT_JOB:
        if (c->job.value)
            item_value(c->job.value, 0, &ret->item.value);
        if (c->source)
            call_reply_task(c, task_of(c->source), ret);
        else
            call_reply_served(c, ret);
        break;
    case RESULT_SESSION:
        assert(c->session);
        ret->opened.number = c->opened.number;
        ret->opened.resumed = c->opened.resumed;
        ret->opened.resume_ns = c->session->resume_ns;
        ret->opened.lease_ns = c->session->lease_ns;
        break;
    case RESULT_NONE: break;
    }
}

void call_reply(const struct call *c, struct reply *ret)
{
    *ret = (struct reply){
        .route = c->route,
        .session = c->session ? c->session->number : 0,
        .seq = c->seq,
        .op = c->op,
        .status = c->status,
        .cause = text_bytes(c->cause),
        .has_index = c->has_index,
        .index = c->index,
    };
    call_reply_result(c, ret);
}

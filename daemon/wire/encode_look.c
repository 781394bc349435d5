/*
 * encode_look.c - what an object is: DESCRIBE for one, LIST for a page of them.
 *
 * A description is a snapshot of the engine's view at one instant; `version` tells two of them apart. What only some kinds have stands in the
 * fields of those kinds. LIST leaves out who waits and which values a context has: that is DESCRIBE's.
 *
 * Cost: DESCRIBE, the waiters and values it names. LIST walks objects in order of creation and looks at no more than SCAN_MAX of them in one
 * request, so that a prefix that fits nothing cannot hold the daemon up; a short page with `next` says that there is more to look at.
 */
#include <string.h>

#include "codec.h"

/* Objects that one LIST looks at. */
#define SCAN_MAX 65536u

/* What a task is called with, in a listing. */
#define LISTED_VALUE_MAX 1024u

/* Room for Go's String of a context; longer ones are cut. */
#define CONTEXT_STRING_MAX 1024u

/* ---- The parts of a description by kind. ---- */

static void fill_channel(const struct engine *e, const struct object_view *v, Sluice__V1__Description *m)
{
    const struct channel_view *c = &v->channel;
    m->has_cap = m->has_len = m->has_type = m->has_closed = m->has_leased = m->has_receivers =
        m->has_senders = 1;
    m->has_bytes_held = m->has_sent = m->has_received = m->has_len_max = 1;
    m->cap = c->cap;
    m->len = c->len;
    m->type = (Sluice__V1__Type)c->type;
    m->closed = c->closed;
    m->leased = c->leased;
    m->receivers = c->receivers;
    m->senders = c->senders;
    m->bytes_held = c->bytes;
    m->sent = c->sent;
    m->received = c->received;
    m->len_max = c->len_max;
    m->has_deliveries_max = c->deliveries_max != 0;
    m->deliveries_max = c->deliveries_max;
    m->has_fenced = m->fenced = c->fenced;
    m->has_ordered = m->ordered = c->ordered;
    m->has_fence = c->fence != 0;
    m->fence = c->fence;
    m->has_message = c->message.data != NULL;
    m->message = lend(c->message);
    if (c->dead_letter) {
        struct object_view dead;
        engine_object_view(e, c->dead_letter, &dead);
        m->has_dead_letter = 1;
        m->dead_letter = lend(dead.name);
    }
}

static bool fill_context(struct wire *w, const struct engine *e, const struct object *o,
                         const struct object_view *v, const struct wire_world *world,
                         Sluice__V1__Description *m)
{
    const struct context_view *c = &v->context;
    m->has_error = m->has_never = m->has_children = m->has_string = 1;
    m->error = (Sluice__V1__Status)c->error;
    m->has_cause = c->cause.data != NULL;
    m->cause = lend(c->cause);
    m->never = c->never;
    m->has_deadline_ns = c->has_deadline;
    m->deadline_ns = c->deadline_ns;
    m->children = c->children;
    char *string = arena_alloc(&w->scratch, CONTEXT_STRING_MAX);
    if (!string)
        return false;
    size_t size = engine_context_string(e, o, world->wall_offset_ns, string, CONTEXT_STRING_MAX);
    m->string = lend((struct bytes){string, size < CONTEXT_STRING_MAX ? size : CONTEXT_STRING_MAX - 1});
    return true;
}

static void fill_timer(const struct object_view *v, Sluice__V1__Description *m)
{
    const struct timer_view *t = &v->timer;
    m->has_armed = 1;
    m->armed = t->armed;
    m->has_due_ns = t->armed;
    m->due_ns = t->due_ns;
    m->has_period_ns = t->period_ns != 0;
    m->period_ns = t->period_ns;
}

/* What is held, by how many, by whom it was taken last, and what was said of it. False: the arena is out. */
static bool fill_hold(struct arena *a, const struct engine *e, enum kind_code kind, const struct hold_view *h,
                      Sluice__V1__Description *m)
{
    m->has_holds = m->has_owner_died = 1;
    m->holds = h->holds;
    m->owner_died = h->owner_died;
    m->has_token = m->has_holder = h->holds > 0;
    m->token = h->token;
    m->holder = h->holder;
    m->has_shared = kind == KIND_RWMUTEX;
    m->shared = h->shared;
    m->has_done = kind == KIND_ONCE;
    m->done = h->done;
    m->has_free = kind == KIND_SEMAPHORE;
    m->free = h->free;
    m->has_size = kind == KIND_SEMAPHORE || h->has_limit;
    m->size = h->size;
    if (h->context) {
        struct object_view context;
        engine_object_view(e, h->context, &context);
        m->has_context = 1;
        m->context = context.serial;
    }
    if (h->said.type == VALUE_NONE)
        return true;
    m->said = arena_alloc(a, sizeof(*m->said));
    if (m->said)
        fill_value(&h->said, m->said);
    return m->said != NULL;
}

static void fill_count(const struct object_view *v, Sluice__V1__Description *m)
{
    m->has_count = 1;
    m->count = v->count.value;
    m->has_lost = v->kind == KIND_WAITGROUP;
    m->lost = v->count.lost;
    m->has_fence = v->count.fence != 0;
    m->fence = v->count.fence;
}

static void fill_barrier(const struct object_view *v, Sluice__V1__Description *m)
{
    m->has_parties = m->has_arrived = m->has_cycle = 1;
    m->parties = v->barrier.parties;
    m->arrived = v->barrier.arrived;
    m->cycle = v->barrier.cycle;
}

static void fill_rate(const struct rate *rate, Sluice__V1__Rate *m)
{
    sluice__v1__rate__init(m);
    m->has_infinite = m->infinite = rate->infinite;
    m->has_count = m->has_period_ns = !rate->infinite;
    m->count = rate->count;
    m->period_ns = rate->period_ns;
}

/* What it was made of, as MAKE or TUNE would say it, and how it stands. False: the arena is out. */
static bool fill_limiter(struct arena *a, const struct object_view *v, Sluice__V1__Description *m)
{
    const struct limiter_view *l = &v->limiter;
    Sluice__V1__Rate *rate = arena_alloc(a, sizeof(*rate));
    m->limiter = arena_alloc(a, sizeof(*m->limiter));
    if (!rate || !m->limiter)
        return false;
    fill_rate(&l->rate, rate);
    sluice__v1__limiter_spec__init(m->limiter);
    m->limiter->has_algorithm = 1;
    m->limiter->algorithm = (Sluice__V1__LimiterSpec__Algorithm)l->algorithm;
    m->limiter->rate = l->algorithm == LIMIT_CONCURRENCY ? NULL : rate;
    m->limiter->has_burst = l->algorithm != LIMIT_WINDOW && l->algorithm != LIMIT_SLIDING;
    m->limiter->burst = l->burst;
    m->has_remaining = 1;
    m->remaining = l->remaining;
    m->has_keys = v->key.size == 0;
    m->keys = l->keys;
    return true;
}

/* False: the arena is out. */
static bool fill_cell_view(struct arena *a, const struct object_view *v, Sluice__V1__Description *m)
{
    const struct cell_view *x = &v->cell;
    m->has_revision = 1;
    m->revision = x->revision;
    m->has_fence = x->fence != 0;
    m->fence = x->fence;
    if (x->value.type == VALUE_NONE)
        return true;
    m->has_type = 1;
    m->type = (Sluice__V1__Type)x->type;
    m->said = arena_alloc(a, sizeof(*m->said));
    if (m->said)
        fill_value(&x->value, m->said);
    return m->said != NULL;
}

/* Its owner is what holds it, the checkpoint what was said. False: the arena is out. */
static bool fill_actor(struct arena *a, const struct engine *e, const struct object_view *v,
                       Sluice__V1__Description *m)
{
    const struct actor_view *x = &v->actor;
    m->has_epoch = m->has_calls = m->has_served = m->has_serving = 1;
    m->epoch = x->epoch;
    m->calls = x->calls;
    m->served = x->served;
    m->serving = x->serving;
    m->has_fail = m->fail = x->fail;
    return fill_hold(a, e, v->kind, &x->hold, m);
}

static void fill_pool(const struct object_view *v, Sluice__V1__Description *m)
{
    const struct pool_view *p = &v->pool;
    m->has_limit = m->has_capacity = m->has_paused = m->has_closed = m->has_workers = m->has_slots = 1;
    m->has_tasks = m->has_queued = m->has_running = m->has_waiting_tasks = m->has_finished =
        m->has_failed_count = 1;
    m->limit = p->limit;
    m->capacity = p->capacity;
    m->paused = p->paused;
    m->closed = p->closed;
    m->workers = p->workers;
    m->slots = p->slots;
    m->tasks = p->tasks;
    m->queued = p->queued;
    m->running = p->running;
    m->waiting_tasks = p->waiting;
    m->finished = p->finished;
    m->failed_count = p->failed;
}

static bool is_long(const struct value *v)
{
    return (v->type == VALUE_BYTES || v->type == VALUE_STRING || v->type == VALUE_JSON) &&
           v->bytes.size > LISTED_VALUE_MAX;
}

/* What it waits in, and what it is called with. False: the arena is out. */
static bool fill_task_call(struct wire *w, const struct engine *e, const struct task_view *t, bool all,
                           Sluice__V1__Description *m)
{
    if (t->wait) {
        m->wait = arena_alloc(&w->scratch, sizeof(*m->wait));
        if (!m->wait || !fill_dump_call(w, e, t->wait, m->wait))
            return false;
    }
    if (t->value.type == VALUE_NONE || (!all && is_long(&t->value)))
        return true;
    m->said = arena_alloc(&w->scratch, sizeof(*m->said));
    if (m->said)
        fill_value(&t->value, m->said);
    return m->said != NULL;
}

/* How it ended is there once it is dead, who runs it only while an attempt is on. */
static void fill_task(const struct engine *e, const struct object_view *v, Sluice__V1__Description *m)
{
    const struct task_view *t = &v->task;
    m->has_number = m->has_state = m->has_priority = m->has_attempts = m->has_retries =
        m->has_state_since_ns = m->has_stopping = 1;
    m->number = t->number;
    m->state = (Sluice__V1__Description__TaskState)t->state;
    m->priority = t->priority;
    m->attempts = t->attempts;
    m->retries = t->retries;
    m->state_since_ns = t->since_ns;
    m->stopping = t->stopping;
    m->has_after = t->after != 0;
    m->after = t->after;
    m->has_function = t->function.size != 0;
    m->function = lend(t->function);
    m->has_key = t->key.size != 0;
    m->key = lend(t->key);
    m->has_token = t->token != 0;
    m->token = t->token;
    m->has_holder = t->worker != 0;
    m->holder = t->worker;
    m->has_ending = m->has_failed = t->state == TASK_DEAD;
    m->ending = (Sluice__V1__Status)t->ending;
    m->failed = t->failed;
    m->has_exit = t->has_exit;
    m->exit = t->exit;
    if (!t->pool)
        return;
    struct object_view pool;
    engine_object_view(e, t->pool, &pool);
    m->has_pool = 1;
    m->pool = pool.serial;
    m->has_pool_name = pool.name.size != 0;
    m->pool_name = lend(pool.name);
}

/* All but waiters and values. False: the arena is out. */
static bool fill_description(struct wire *w, const struct engine *e, const struct object *o, bool all,
                             const struct object_view *v, const struct wire_world *world,
                             Sluice__V1__Description *m)
{
    sluice__v1__description__init(m);
    m->has_serial = m->has_kind = m->has_version = m->has_references = m->has_made_ns = m->has_uid =
        m->has_waiting = 1;
    m->serial = v->serial;
    m->kind = (Sluice__V1__Kind)v->kind;
    m->has_name = v->name.size != 0;
    m->name = lend(v->name);
    m->has_key = v->key.size != 0;
    m->key = lend(v->key);
    m->version = v->version;
    m->references = v->references;
    m->has_owner = v->owner != 0;
    m->owner = v->owner;
    m->made_ns = v->made_ns;
    m->uid = v->uid;
    m->waiting = v->waiting;
    switch (v->kind) {
    case KIND_CHANNEL: fill_channel(e, v, m); return true;
    case KIND_CONTEXT: return fill_context(w, e, o, v, world, m);
    case KIND_TIMER:
    case KIND_TICKER:
    case KIND_TRIGGER: fill_timer(v, m); return true;
    case KIND_MUTEX:
    case KIND_RWMUTEX:
    case KIND_SEMAPHORE:
    case KIND_ONCE:
    case KIND_GROUP:
    case KIND_FLIGHT: return fill_hold(&w->scratch, e, v->kind, &v->hold, m);
    case KIND_ACTOR: return fill_actor(&w->scratch, e, v, m);
    case KIND_POOL: fill_pool(v, m); return true;
    case KIND_TASK: fill_task(e, v, m); return fill_task_call(w, e, &v->task, all, m);
    case KIND_BARRIER: fill_barrier(v, m); return true;
    case KIND_LIMITER: return fill_limiter(&w->scratch, v, m);
    case KIND_CELL: return fill_cell_view(&w->scratch, v, m);
    case KIND_COND: return true;
    case KIND_WAITGROUP:
    case KIND_COUNTER: fill_count(v, m); return true;
    case KIND_NONE:
    case KIND_COUNT: break;
    }
    assert(false && "an object has a kind");
    return false;
}

/* ---- DESCRIBE ---- */

static void fill_waiter(const struct engine *e, const struct arm *a, Sluice__V1__Waiter *m)
{
    struct arm_view arm;
    struct call_view call;
    engine_waiter_view(a, &arm);
    engine_call_view(arm.call, &call);
    sluice__v1__waiter__init(m);
    m->has_verb = m->has_op = m->has_since_ns = 1;
    m->verb = (Sluice__V1__Verb)arm.verb;
    m->op = lend(text_bytes(op_rows[call.op].name));
    m->since_ns = call.since_ns;
    m->has_task = call.task != 0;
    m->task = call.task;
    const struct session *s = engine_session_get(e, call.session);
    if (!s)
        return;
    struct session_view session;
    engine_session_view(e, s, &session);
    m->has_session = m->has_pid = m->has_uid = m->has_name = 1;
    m->session = session.number;
    m->pid = session.pid;
    m->uid = session.uid;
    m->name = lend(session.name);
}

static bool fill_waiters(struct wire *w, const struct engine *e, const struct object *o,
                         Sluice__V1__Description *m)
{
    m->waiters = arena_array(&w->scratch, DESCRIBE_WAITERS_MAX, sizeof(*m->waiters));
    if (!m->waiters)
        return false;
    for (const struct arm *a = engine_waiter_next(e, o, NULL); a && m->n_waiters < DESCRIBE_WAITERS_MAX;
         a = engine_waiter_next(e, o, a)) {
        Sluice__V1__Waiter *waiter = arena_alloc(&w->scratch, sizeof(*waiter));
        if (!waiter)
            return false;
        fill_waiter(e, a, waiter);
        m->waiters[m->n_waiters++] = waiter;
    }
    return true;
}

static void fill_holder(const struct engine *e, const struct hold *h, Sluice__V1__Holder *m)
{
    struct holder_view holder;
    struct session_view session;
    engine_holder_view(e, h, &holder);
    engine_session_view(e, holder.session, &session);
    sluice__v1__holder__init(m);
    m->has_session = m->has_pid = m->has_uid = m->has_name = m->has_token = m->has_permits = m->has_shared =
        m->has_since_ns = 1;
    m->session = session.number;
    m->pid = session.pid;
    m->uid = session.uid;
    m->name = lend(session.name);
    m->token = holder.token;
    m->permits = holder.permits;
    m->shared = holder.shared;
    m->since_ns = holder.since_ns;
    m->has_until_ns = holder.until_ns != NEVER_NS;
    m->until_ns = holder.until_ns;
    m->has_task = holder.task != 0;
    m->task = holder.task;
}

static bool fill_holders(struct wire *w, const struct engine *e, const struct object *o,
                         Sluice__V1__Description *m)
{
    m->holders = arena_array(&w->scratch, DESCRIBE_WAITERS_MAX, sizeof(*m->holders));
    if (!m->holders)
        return false;
    for (const struct hold *h = engine_holder_next(o, NULL); h && m->n_holders < DESCRIBE_WAITERS_MAX;
         h = engine_holder_next(o, h)) {
        Sluice__V1__Holder *holder = arena_alloc(&w->scratch, sizeof(*holder));
        if (!holder)
            return false;
        fill_holder(e, h, holder);
        m->holders[m->n_holders++] = holder;
    }
    return true;
}

static bool fill_values(struct wire *w, const struct object *o, Sluice__V1__Description *m)
{
    struct context_value v;
    m->values = arena_array(&w->scratch, CONTEXT_VALUES_MAX, sizeof(*m->values));
    if (!m->values)
        return false;
    for (uint32_t i = 0; i < CONTEXT_VALUES_MAX && engine_context_value_at(o, i, &v); i++) {
        Sluice__V1__ContextEntry *entry = arena_alloc(&w->scratch, sizeof(*entry));
        Sluice__V1__Value *value = arena_alloc(&w->scratch, sizeof(*value));
        if (!entry || !value)
            return false;
        sluice__v1__context_entry__init(entry);
        entry->has_space = entry->has_type = entry->has_name = 1;
        entry->space = lend(v.space);
        entry->type = lend(v.type);
        entry->name = lend(v.name);
        fill_value(&v.value, value);
        entry->value = v.value.type == VALUE_NONE ? NULL : value;
        m->values[m->n_values++] = entry;
    }
    return true;
}

void answer_describe(struct wire *w, const struct engine *e, const struct wire_request *req,
                     const struct wire_world *world, struct wire_out *out)
{
    Sluice__V1__Reply m = SLUICE__V1__REPLY__INIT;
    Sluice__V1__Description d;
    const struct object *o;
    struct object_view v;
    arena_reset(&w->scratch);
    enum status status = engine_find(e, req->op.session, &req->op.describe.ref, RIGHT_OBSERVE, &o);
    if (status != STATUS_OK) {
        ship_status(status, out);
        return;
    }
    engine_object_view(e, o, &v);
    if (!fill_description(w, e, o, true, &v, world, &d) || !fill_waiters(w, e, o, &d) ||
        !fill_holders(w, e, o, &d) || (v.kind == KIND_CONTEXT && !fill_values(w, o, &d))) {
        ship_status(STATUS_NO_MEMORY, out);
        return;
    }
    if (v.kind == KIND_CHANNEL) {
        d.has_schema = v.channel.schema.data != NULL;
        d.schema = lend(v.channel.schema);
    }
    d.has_rights = d.has_now_ns = 1;
    d.rights = engine_rights(e, req->op.session, &req->op.describe.ref);
    d.now_ns = world->now_ns;
    m.result_case = SLUICE__V1__REPLY__RESULT_DESCRIPTION;
    m.description = &d;
    ship(&m, out);
}

/* ---- LIST ---- */

static bool is_listed(const struct wire_request *req, const struct object_view *v)
{
    struct bytes prefix = req->list.prefix;
    if (req->list.kind != KIND_NONE && req->list.kind != v->kind)
        return false;
    if (v->name.size == 0)
        return req->list.anonymous && prefix.size == 0;
    return v->name.size >= prefix.size &&
           (prefix.size == 0 || memcmp(v->name.data, prefix.data, prefix.size) == 0);
}

/* A page being filled. */
struct page {
    uint32_t scanned;
    size_t size;    /* of its rows, packed */
    uint64_t after; /* the serial of the last object looked at */
};

static bool page_full(const struct page *p, const struct wire_request *req, const Sluice__V1__Listing *m)
{
    return p->scanned >= SCAN_MAX || p->size >= PAGE_SIZE_MAX || m->n_objects >= req->list.max;
}

/* Append an object's row to the page. False: the arena is out. */
static bool add_object(struct wire *w, const struct engine *e, const struct object *o,
                       const struct object_view *v, const struct wire_world *world, struct page *p,
                       Sluice__V1__Listing *m)
{
    Sluice__V1__Description *row = arena_alloc(&w->scratch, sizeof(*row));
    if (!row || !fill_description(w, e, o, false, v, world, row))
        return false;
    p->size += sluice__v1__description__get_packed_size(row);
    m->objects[m->n_objects++] = row;
    return true;
}

static bool fill_listing(struct wire *w, const struct engine *e, const struct wire_request *req,
                         const struct wire_world *world, Sluice__V1__Listing *m)
{
    struct page page = {0};
    m->objects = arena_array(&w->scratch, req->list.max, sizeof(*m->objects));
    if (!m->objects)
        return false;
    for (const struct object *o = engine_object_next(e, NULL); o; o = engine_object_next(e, o)) {
        struct object_view v;
        engine_object_view(e, o, &v);
        if (v.serial <= req->list.after)
            continue;
        if (page_full(&page, req, m)) {
            m->has_next = 1;
            m->next = page.after;
            break;
        }
        page.scanned++;
        page.after = v.serial;
        if (is_listed(req, &v) && !add_object(w, e, o, &v, world, &page, m))
            return false;
    }
    return true;
}

void answer_list(struct wire *w, const struct engine *e, const struct wire_request *req,
                 const struct wire_world *world, struct wire_out *out)
{
    Sluice__V1__Reply m = SLUICE__V1__REPLY__INIT;
    Sluice__V1__Listing listing = SLUICE__V1__LISTING__INIT;
    arena_reset(&w->scratch);
    if (!fill_listing(w, e, req, world, &listing)) {
        ship_status(STATUS_NO_MEMORY, out);
        return;
    }
    m.result_case = SLUICE__V1__REPLY__RESULT_LISTING;
    m.listing = &listing;
    ship(&m, out);
}

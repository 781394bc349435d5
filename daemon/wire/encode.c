/*
 * encode.c - an answer of the engine, a refusal, and the question's answers around the engine, through the generated code.
 *
 * A reply is built as a struct Sluice__V1__Reply that borrows from the engine, from the arena and from the stack of its builder, and is packed
 * once, by ship. The commonest replies do not come here: pack.c writes them.
 */
#include <stdio.h>
#include <string.h>

#include "codec.h"

void ship(const Sluice__V1__Reply *m, struct wire_out *out)
{
    size_t size = sluice__v1__reply__get_packed_size(m);
    uint8_t *room = out->reserve(out, size);
    if (!room)
        return;
    size_t packed = sluice__v1__reply__pack(m, room);
    assert(packed == size);
}

/* What every reply may carry. limit is the caller's to keep until the message is shipped. */
static void fill_head(Sluice__V1__Reply *m, enum status status, const char *message,
                      const struct limit_hit *hit, Sluice__V1__LimitHit *limit)
{
    m->has_status = status != STATUS_OK;
    m->status = (Sluice__V1__Status)status;
    m->has_message = message != NULL;
    m->message = lend(text_bytes(message));
    if (hit->name) {
        sluice__v1__limit_hit__init(limit);
        limit->has_name = limit->has_value = limit->has_use = 1;
        limit->name = lend(text_bytes(hit->name));
        limit->value = hit->value;
        limit->use = hit->use;
        m->limit = limit;
    }
}

void ship_status(enum status status, struct wire_out *out)
{
    Sluice__V1__Reply m = SLUICE__V1__REPLY__INIT;
    m.has_status = status != STATUS_OK;
    m.status = (Sluice__V1__Status)status;
    ship(&m, out);
}

void wire_refuse(struct wire *w, const struct wire_refusal *refusal, struct wire_out *out)
{
    (void)w;
    Sluice__V1__Reply m = SLUICE__V1__REPLY__INIT;
    Sluice__V1__LimitHit limit;
    Sluice__V1__HelloResult hello = SLUICE__V1__HELLO_RESULT__INIT;
    fill_head(&m, refusal->status, refusal->message, &refusal->limit, &limit);
    if (refusal->status == STATUS_BAD_VERSION) {
        hello.has_major = hello.has_minor = 1;
        hello.major = WIRE_MAJOR;
        hello.minor = WIRE_MINOR;
        m.result_case = SLUICE__V1__REPLY__RESULT_HELLO;
        m.hello = &hello;
    }
    ship(&m, out);
}

/* ---- Values on their way out. ---- */

/* A value with what it may point to. */
struct value_out {
    Sluice__V1__Value value;
    Sluice__V1__HandleValue handle;
};

static void fill_handle(const struct engine *e, uint64_t session, const struct value *v,
                        Sluice__V1__HandleValue *m)
{
    struct ref ref = {.handle = v->handle};
    struct object_view view;
    const struct object *object;
    sluice__v1__handle_value__init(m);
    m->has_handle = 1;
    m->handle = v->handle;
    m->has_rights = v->rights != 0;
    m->rights = v->rights;
    if (engine_find(e, session, &ref, 0, &object) == STATUS_OK) {
        engine_object_view(e, object, &view);
        m->has_object_kind = 1;
        m->object_kind = (Sluice__V1__Kind)view.kind;
    }
}

void fill_value(const struct value *v, Sluice__V1__Value *m)
{
    sluice__v1__value__init(m);
    m->kind_case = (Sluice__V1__Value__KindCase)v->type;
    switch (v->type) {
    case VALUE_BYTES: m->raw = lend(v->bytes); break;
    case VALUE_STRING: m->text = lend(v->bytes); break;
    case VALUE_JSON: m->json = lend(v->bytes); break;
    case VALUE_INT64: m->integer = v->int64; break;
    case VALUE_DOUBLE: m->real = v->real; break;
    default: m->kind_case = SLUICE__V1__VALUE__KIND__NOT_SET; break;
    }
}

/* The value as a message, or NULL where there is none. */
static Sluice__V1__Value *build_value(const struct engine *e, uint64_t session, const struct value *v,
                                      struct value_out *store)
{
    if (v->type == VALUE_NONE)
        return NULL;
    fill_value(v, &store->value);
    if (v->type == VALUE_HANDLE) {
        fill_handle(e, session, v, &store->handle);
        store->value.kind_case = SLUICE__V1__VALUE__KIND_HANDLE;
        store->value.handle = &store->handle;
    }
    return &store->value;
}

/* ---- A batch. ---- */

/* The array of a batch's values. False: the arena is out. */
static bool take_values(struct arena *a, enum value_type type, size_t count, Sluice__V1__Batch *m)
{
    switch (type) {
    case VALUE_INT64: return (m->integers = arena_array(a, count, sizeof(*m->integers))) != NULL;
    case VALUE_DOUBLE: return (m->reals = arena_array(a, count, sizeof(*m->reals))) != NULL;
    case VALUE_HANDLE: return (m->handles = arena_array(a, count, sizeof(*m->handles))) != NULL;
    default: return (m->blobs = arena_array(a, count, sizeof(*m->blobs))) != NULL;
    }
}

/* Append a value to the batch. False: the arena is out. */
static bool add_value(struct arena *a, const struct engine *e, uint64_t session, const struct value *v,
                      Sluice__V1__Batch *m)
{
    Sluice__V1__HandleValue *handle;
    switch (v->type) {
    case VALUE_INT64: m->integers[m->n_integers++] = v->int64; return true;
    case VALUE_DOUBLE: m->reals[m->n_reals++] = v->real; return true;
    case VALUE_HANDLE:
        handle = arena_alloc(a, sizeof(*handle));
        if (!handle)
            return false;
        fill_handle(e, session, v, handle);
        m->handles[m->n_handles++] = handle;
        return true;
    default: m->blobs[m->n_blobs++] = lend(v->bytes); return true;
    }
}

/* The columns of a batch of count items, all of one type, in the arena. False: it is out. */
static bool take_columns(struct arena *a, const struct engine *e, const struct reply *reply, size_t count,
                         Sluice__V1__Batch *m)
{
    struct item_view view;
    m->leases = arena_array(a, count, sizeof(*m->leases));
    m->deliveries = arena_array(a, count, sizeof(*m->deliveries));
    m->ranks = arena_array(a, count, sizeof(*m->ranks));
    if (!m->leases || !m->deliveries || !m->ranks)
        return false;
    struct item_cursor at = reply->items.first;
    for (size_t i = 0; i < count && engine_item_next(&at, &view); i++) {
        if (i == 0) {
            m->type = (Sluice__V1__Type)view.value.type;
            if (!take_values(a, view.value.type, count, m))
                return false;
        }
        assert(view.value.type == (enum value_type)m->type);
        if (!add_value(a, e, reply->session, &view.value, m))
            return false;
        m->leases[i] = view.lease;
        m->deliveries[i] = view.deliveries;
        m->ranks[i] = view.rank;
        m->n_leases = view.lease ? count : m->n_leases;
        m->n_deliveries = view.deliveries > 1 ? count : m->n_deliveries;
        m->n_ranks = view.rank ? count : m->n_ranks;
    }
    return true;
}

/* ---- Replies. ---- */

static void fill_made(const struct reply *reply, Sluice__V1__Made *m)
{
    sluice__v1__made__init(m);
    m->has_handle = m->has_created = m->has_kind = m->has_rights = 1;
    m->handle = reply->made.handle;
    m->created = reply->made.created;
    m->kind = (Sluice__V1__Kind)reply->made.kind;
    m->rights = reply->made.rights;
    m->has_type = m->has_cap = reply->made.kind == KIND_CHANNEL;
    m->type = (Sluice__V1__Type)reply->made.type;
    m->cap = reply->made.cap;
    m->has_number = reply->made.number != 0;
    m->number = reply->made.number;
}

/* All that a reply's message may point to, so that it lives until it is shipped. */
struct parts {
    Sluice__V1__LimitHit limit;
    struct value_out value;
    Sluice__V1__Item item;
    Sluice__V1__Batch batch;
    Sluice__V1__Made made;
    Sluice__V1__ContextValueResult looked_up;
    Sluice__V1__Grant grant;
    Sluice__V1__Number number;
    Sluice__V1__Outcome outcome;
    Sluice__V1__Job job;
    Sluice__V1__Grants grants;
    Sluice__V1__Leader leader;
    Sluice__V1__Quota quota;
    Sluice__V1__Cell cell;
    Sluice__V1__HelloResult hello;
    char server[64];
};

static void fill_item(const struct engine *e, const struct reply *reply, struct parts *p)
{
    sluice__v1__item__init(&p->item);
    p->item.value = build_value(e, reply->session, &reply->item.value, &p->value);
    p->item.has_lease = reply->item.lease != 0;
    p->item.lease = reply->item.lease;
    p->item.has_deliveries = reply->item.deliveries > 1;
    p->item.deliveries = reply->item.deliveries;
    p->item.has_rank = reply->item.rank != 0;
    p->item.rank = reply->item.rank;
}

static void fill_grant(const struct grant *grant, Sluice__V1__Grant *m)
{
    sluice__v1__grant__init(m);
    m->has_token = grant->token != 0;
    m->token = grant->token;
    m->has_owner_died = m->owner_died = grant->owner_died;
}

/* False: the arena is out. */
static bool fill_grants(struct arena *a, const struct reply *reply, Sluice__V1__Grants *m)
{
    struct grant_cursor at = reply->grants.first;
    struct grant grant;
    size_t count = reply->grants.count;
    arena_reset(a);
    sluice__v1__grants__init(m);
    m->grants = arena_array(a, count, sizeof(*m->grants));
    Sluice__V1__Grant *store = arena_array(a, count, sizeof(*store));
    if (!m->grants || !store)
        return false;
    while (m->n_grants < count && engine_grant_next(&at, &grant)) {
        fill_grant(&grant, &store[m->n_grants]);
        m->grants[m->n_grants] = &store[m->n_grants];
        m->n_grants++;
    }
    return true;
}

static void fill_leader(const struct engine *e, const struct reply *reply, struct parts *p)
{
    sluice__v1__leader__init(&p->leader);
    p->leader.has_token = reply->grant.token != 0;
    p->leader.token = reply->grant.token;
    p->leader.has_owner_died = p->leader.owner_died = reply->grant.owner_died;
    p->leader.has_epoch = reply->epoch != 0;
    p->leader.epoch = reply->epoch;
    p->leader.value = build_value(e, reply->session, &reply->item.value, &p->value);
}

static void fill_quota(const struct reply *reply, Sluice__V1__Quota *m)
{
    const struct quota *q = &reply->quota;
    sluice__v1__quota__init(m);
    m->has_allowed = m->allowed = reply->truth;
    m->has_remaining = quota_says_remaining(reply);
    m->remaining = q->remaining;
    m->has_retry_after_ns = q->retry_after_ns != 0;
    m->retry_after_ns = q->retry_after_ns;
    m->has_delay_ns = q->delay_ns != 0;
    m->delay_ns = q->delay_ns;
    m->has_token = q->token != 0;
    m->token = q->token;
}

static void fill_cell(const struct engine *e, const struct reply *reply, struct parts *p)
{
    sluice__v1__cell__init(&p->cell);
    p->cell.value = build_value(e, reply->session, &reply->item.value, &p->value);
    p->cell.has_swapped = p->cell.swapped = reply->truth;
    p->cell.has_revision = reply->count != 0;
    p->cell.revision = reply->count;
}

static void fill_number(const struct reply *reply, Sluice__V1__Number *m)
{
    sluice__v1__number__init(m);
    m->has_value = 1;
    m->value = reply->number;
    m->has_swapped = m->swapped = reply->truth;
}

static void fill_outcome(const struct engine *e, const struct reply *reply, struct parts *p)
{
    sluice__v1__outcome__init(&p->outcome);
    p->outcome.has_failed = p->outcome.failed = reply->truth;
    p->outcome.has_shared = p->outcome.shared = reply->shared;
    p->outcome.value = build_value(e, reply->session, &reply->item.value, &p->value);
    p->outcome.has_epoch = reply->epoch != 0;
    p->outcome.epoch = reply->epoch;
    p->outcome.has_ending = reply->ending != STATUS_OK;
    p->outcome.ending = (Sluice__V1__Status)reply->ending;
    p->outcome.has_exit = reply->has_exit;
    p->outcome.exit = reply->exit;
}

/* An actor's call has a caller and an epoch; a task has a token, a function unless it is a command, and perhaps a limit of time. */
static void fill_job(const struct engine *e, const struct reply *reply, struct parts *p)
{
    Sluice__V1__Job *m = &p->job;
    sluice__v1__job__init(m);
    m->has_number = m->has_deliveries = 1;
    m->number = reply->count;
    m->deliveries = reply->item.deliveries;
    m->value = build_value(e, reply->session, &reply->item.value, &p->value);
    m->has_caller = reply->caller != 0;
    m->caller = reply->caller;
    m->has_epoch = reply->epoch != 0;
    m->epoch = reply->epoch;
    m->has_token = reply->grant.token != 0;
    m->token = reply->grant.token;
    m->has_function = reply->function.size != 0;
    m->function = lend(reply->function);
    m->has_run_ns = reply->run_ns != 0;
    m->run_ns = reply->run_ns;
}

static bool fill_items(struct wire *w, const struct engine *e, const struct reply *reply, struct parts *p)
{
    arena_reset(&w->scratch);
    sluice__v1__batch__init(&p->batch);
    p->batch.has_type = reply->items.count != 0;
    return take_columns(&w->scratch, e, reply, reply->items.count, &p->batch);
}

static void fill_hello(const struct wire *w, const struct reply *reply, const struct wire_world *world,
                       struct parts *p)
{
    Sluice__V1__HelloResult *m = &p->hello;
    snprintf(p->server, sizeof(p->server), "sluiced %s", world->version);
    sluice__v1__hello_result__init(m);
    m->has_major = m->has_minor = m->has_server = m->has_resumed = m->has_session_number = 1;
    m->has_payload_size_max = m->has_frame_size_max = m->has_now_ns = m->has_wall_offset_ns =
        m->has_virtual_clock = m->has_resume_window_ns = m->has_lease_ns = 1;
    m->major = WIRE_MAJOR;
    m->minor = WIRE_MINOR;
    m->server = lend(text_bytes(p->server));
    m->resumed = reply->opened.resumed;
    m->session_number = reply->opened.number;
    m->payload_size_max = w->limits.payload_size_max;
    m->frame_size_max = world->frame_size_max;
    m->resume_window_ns = (uint64_t)reply->opened.resume_ns;
    m->lease_ns = (uint64_t)reply->opened.lease_ns;
    m->now_ns = world->now_ns;
    m->wall_offset_ns = world->wall_offset_ns;
    m->virtual_clock = world->virtual_clock;
}

/* Set the oneof to what a lock, a counter, a once, a limiter, an actor or a pool says. */
static void fill_said(const struct engine *e, const struct reply *reply, struct parts *p,
                      Sluice__V1__Reply *m)
{
    switch (reply->result) {
    case RESULT_GRANT:
        fill_grant(&reply->grant, &p->grant);
        m->result_case = SLUICE__V1__REPLY__RESULT_GRANT;
        m->grant = &p->grant;
        break;
    case RESULT_OUTCOME:
        fill_outcome(e, reply, p);
        m->result_case = SLUICE__V1__REPLY__RESULT_OUTCOME;
        m->outcome = &p->outcome;
        break;
    case RESULT_NUMBER:
        fill_number(reply, &p->number);
        m->result_case = SLUICE__V1__REPLY__RESULT_NUMBER;
        m->number = &p->number;
        break;
    case RESULT_LEADER:
        fill_leader(e, reply, p);
        m->result_case = SLUICE__V1__REPLY__RESULT_LEADER;
        m->leader = &p->leader;
        break;
    case RESULT_QUOTA:
        fill_quota(reply, &p->quota);
        m->result_case = SLUICE__V1__REPLY__RESULT_QUOTA;
        m->quota = &p->quota;
        break;
    case RESULT_CELL:
        fill_cell(e, reply, p);
        m->result_case = SLUICE__V1__REPLY__RESULT_CELL;
        m->cell = &p->cell;
        break;
    case RESULT_JOB:
        fill_job(e, reply, p);
        m->result_case = SLUICE__V1__REPLY__RESULT_JOB;
        m->job = &p->job;
        break;
    default: assert(false && "fill_result knows the others");
    }
}

/* Set the oneof. False: memory is out. */
static bool fill_result(struct wire *w, const struct engine *e, const struct reply *reply,
                        const struct wire_world *world, struct parts *p, Sluice__V1__Reply *m)
{
    switch (reply->result) {
    case RESULT_NONE: break;
    case RESULT_ITEM:
        fill_item(e, reply, p);
        m->result_case = SLUICE__V1__REPLY__RESULT_ITEM;
        m->item = &p->item;
        break;
    case RESULT_ITEMS:
        if (!fill_items(w, e, reply, p))
            return false;
        m->result_case = SLUICE__V1__REPLY__RESULT_BATCH;
        m->batch = &p->batch;
        break;
    case RESULT_COUNT:
        m->result_case = SLUICE__V1__REPLY__RESULT_COUNT;
        m->count = reply->count;
        break;
    case RESULT_TRUTH:
        m->result_case = SLUICE__V1__REPLY__RESULT_TRUTH;
        m->truth = reply->truth;
        break;
    case RESULT_MADE:
        fill_made(reply, &p->made);
        m->result_case = SLUICE__V1__REPLY__RESULT_MADE;
        m->made = &p->made;
        break;
    case RESULT_VALUE:
        sluice__v1__context_value_result__init(&p->looked_up);
        p->looked_up.value =
            reply->truth ? build_value(e, reply->session, &reply->item.value, &p->value) : NULL;
        m->result_case = SLUICE__V1__REPLY__RESULT_VALUE;
        m->value = &p->looked_up;
        break;
    case RESULT_SESSION:
        fill_hello(w, reply, world, p);
        m->result_case = SLUICE__V1__REPLY__RESULT_HELLO;
        m->hello = &p->hello;
        break;
    case RESULT_GRANTS:
        if (!fill_grants(&w->scratch, reply, &p->grants))
            return false;
        m->result_case = SLUICE__V1__REPLY__RESULT_GRANTS;
        m->grants = &p->grants;
        break;
    case RESULT_GRANT:
    case RESULT_OUTCOME:
    case RESULT_NUMBER:
    case RESULT_LEADER:
    case RESULT_QUOTA:
    case RESULT_CELL:
    case RESULT_JOB: fill_said(e, reply, p, m); break;
    }
    return true;
}

void encode_reply(struct wire *w, const struct engine *e, const struct reply *reply,
                  const struct wire_world *world, struct wire_out *out)
{
    Sluice__V1__Reply m = SLUICE__V1__REPLY__INIT;
    struct parts parts;
    fill_head(&m, reply->status, reply->message, &reply->limit, &parts.limit);
    m.has_cause = reply->cause.data != NULL;
    m.cause = lend(reply->cause);
    m.has_index = reply->has_index;
    m.index = reply->index;
    if (fill_result(w, e, reply, world, &parts, &m))
        ship(&m, out);
    else
        ship_status(STATUS_NO_MEMORY, out);
}

void wire_reply(struct wire *w, const struct engine *e, const struct reply *reply,
                const struct wire_world *world, struct wire_out *out)
{
    if (!pack_reply(reply, out))
        encode_reply(w, e, reply, world, out);
}

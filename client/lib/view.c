/*
 * view.c - looking at objects: describe and list.
 *
 * What the daemon answers is unpacked with protobuf-c and copied into public structures in one arena: their texts end with NUL, their
 * arrays are plain, and one call frees all. These calls are for people and tools; they are not on any fast path.
 */
#include "view.h"

#include <string.h>

#include "error.h"
#include "object.h"

enum sluice_status view_run(sluice *s, struct call *c, const ProtobufCMessageDescriptor *descriptor,
                            size_t root_size, view_fill *fill, void **ret)
{
    struct reply reply;
    enum sluice_status status = call_run(s, c, &reply);
    if (status == SLUICE_OK) {
        ProtobufCMessage *m =
            protobuf_c_message_unpack(descriptor, NULL, reply.result.size, reply.result.data);
        void *root = NULL;
        struct arena *a = m == NULL ? NULL : arena_new(root_size, &root);
        if (a != NULL)
            fill(a, m, root);
        if (m == NULL)
            status = error_text(SLUICE_INTERNAL, "the daemon's reply cannot be read");
        else if (a == NULL || !arena_ok(a)) {
            arena_free(root);
            status = error_status(SLUICE_NO_MEMORY);
        } else
            *ret = root;
        if (m != NULL)
            protobuf_c_message_free_unpacked(m, NULL);
    }
    call_done(c);
    return status;
}

static void fill_holders(struct arena *a, const Sluice__V1__Description *m, struct sluice_description *d)
{
    struct sluice_holder *h = arena_array(a, m->n_holders, sizeof *h);
    d->holders = h;
    d->holders_count = h != NULL ? m->n_holders : 0;
    for (size_t i = 0; i < d->holders_count; i++) {
        const Sluice__V1__Holder *from = m->holders[i];
        h[i] = (struct sluice_holder){
            .session = from->session,
            .pid = from->pid,
            .uid = from->uid,
            .name = arena_text(a, from->name),
            .token = from->token,
            .permits = from->permits,
            .shared = from->shared,
            .since_ns = from->since_ns,
            .has_until = from->has_until_ns,
            .until_ns = from->until_ns,
            .task = from->task,
        };
    }
}

static void fill_waiters(struct arena *a, const Sluice__V1__Description *m, struct sluice_description *d)
{
    struct sluice_waiter *w = arena_array(a, m->n_waiters, sizeof *w);
    d->waiters = w;
    d->waiters_count = w != NULL ? m->n_waiters : 0;
    for (size_t i = 0; i < d->waiters_count; i++) {
        const Sluice__V1__Waiter *from = m->waiters[i];
        w[i] = (struct sluice_waiter){
            .session = from->session,
            .pid = from->pid,
            .uid = from->uid,
            .name = arena_text(a, from->name),
            .verb = (enum sluice_verb)from->verb,
            .op = arena_text(a, from->op),
            .since_ns = from->since_ns,
            .task = from->task,
        };
    }
}

static struct sluice_value fill_value(struct arena *a, const Value *v)
{
    struct sluice_value none = {.type = SLUICE_TYPE_NONE};
    if (v == NULL)
        return none;
    switch (v->kind_case) {
    case SLUICE__V1__VALUE__KIND_RAW: return sluice_bytes(arena_text(a, v->raw), v->raw.len);
    case SLUICE__V1__VALUE__KIND_TEXT:
        return sluice_bytes_of(SLUICE_TYPE_STRING, arena_text(a, v->text), v->text.len);
    case SLUICE__V1__VALUE__KIND_JSON:
        return sluice_bytes_of(SLUICE_TYPE_JSON, arena_text(a, v->json), v->json.len);
    case SLUICE__V1__VALUE__KIND_INTEGER: return sluice_int(v->integer);
    case SLUICE__V1__VALUE__KIND_REAL: return sluice_real(v->real);
    default: return none;
    }
}

static void fill_values(struct arena *a, const Sluice__V1__Description *m, struct sluice_description *d)
{
    struct sluice_ctx_entry *e = arena_array(a, m->n_values, sizeof *e);
    d->context.values = e;
    d->context.values_count = e != NULL ? m->n_values : 0;
    for (size_t i = 0; i < d->context.values_count; i++) {
        const Sluice__V1__ContextEntry *from = m->values[i];
        e[i].key.space = arena_text(a, from->space);
        e[i].key.type = arena_text(a, from->type);
        e[i].key.name = arena_text(a, from->name);
        e[i].value = fill_value(a, from->value);
    }
}

static struct sluice_limiter_spec fill_limiter(const Sluice__V1__LimiterSpec *m)
{
    struct sluice_limiter_spec spec = SLUICE_LIMITER_SPEC_INIT;
    if (m == NULL)
        return spec;
    spec.algorithm = (enum sluice_algorithm)m->algorithm;
    spec.burst = m->burst;
    if (m->rate != NULL)
        spec.rate = (struct sluice_rate){
            .count = m->rate->count,
            .period_ns = (int64_t)m->rate->period_ns,
            .infinite = m->rate->infinite,
        };
    return spec;
}

static void fill_pool(const Sluice__V1__Description *m, struct sluice_description *d)
{
    d->pool.limit = m->has_limit ? m->limit : -1;
    d->pool.capacity = m->has_capacity ? m->capacity : -1;
    d->pool.paused = m->paused;
    d->pool.closed = m->closed;
    d->pool.workers = m->workers;
    d->pool.slots = m->slots;
    d->pool.tasks = m->tasks;
    d->pool.queued = m->queued;
    d->pool.running = m->running;
    d->pool.waiting = m->waiting_tasks;
    d->pool.finished = m->finished;
    d->pool.failed = m->failed_count;
}

static void fill_task(struct arena *a, const Sluice__V1__Description *m, struct sluice_description *d)
{
    d->task.number = m->number;
    d->task.state = (enum sluice_task_state)m->state;
    d->task.state_since_ns = m->state_since_ns;
    d->task.pool = m->pool;
    d->task.pool_name = arena_text(a, m->pool_name);
    d->task.function = arena_text(a, m->function);
    d->task.priority = m->priority;
    d->task.attempts = m->attempts;
    d->task.retries = m->retries;
    d->task.stopping = m->stopping;
    d->task.failed = m->failed;
    d->task.ending = (enum sluice_status)m->ending;
    d->task.has_exit = m->has_exit;
    d->task.exit = m->exit;
    d->task.after = m->after;
    d->task.value = fill_value(a, m->kind == SLUICE__V1__KIND__TASK ? m->said : NULL);
    struct sluice_dump_call *wait = m->wait != NULL ? arena_array(a, 1, sizeof *wait) : NULL;
    if (wait != NULL)
        view_call(a, m->wait, wait);
    d->task.wait = wait;
}

static void fill_description(struct arena *a, const void *message, void *root)
{
    const Sluice__V1__Description *m = message;
    struct sluice_description *d = root;
    *d = (struct sluice_description){
        .serial = m->serial,
        .kind = (enum sluice_kind)m->kind,
        .name = arena_text(a, m->name),
        .version = m->version,
        .references = m->references,
        .owner = m->owner,
        .made_ns = m->made_ns,
        .uid = m->uid,
        .rights = m->rights,
        .now_ns = m->now_ns,
        .waiting = m->waiting,
        .channel = {.cap = m->cap,
                    .len = m->len,
                    .type = (enum sluice_type)m->type,
                    .closed = m->closed,
                    .leased = m->leased,
                    .receivers = m->receivers,
                    .senders = m->senders,
                    .bytes_held = m->bytes_held,
                    .sent = m->sent,
                    .received = m->received,
                    .len_max = m->len_max,
                    .deliveries_max = m->deliveries_max,
                    .dead_letter = arena_text(a, m->dead_letter),
                    .fenced = m->fenced,
                    .fence = m->fence,
                    .ordered = m->ordered,
                    .message = arena_text(a, m->message),
                    .schema = {.data = arena_text(a, m->schema), .size = m->schema.len}},
        .context = {.error = (enum sluice_status)m->error,
                    .cause = m->has_cause ? arena_text(a, m->cause) : NULL,
                    .never = m->never,
                    .has_deadline = m->has_deadline_ns,
                    .deadline_ns = m->deadline_ns,
                    .children = m->children,
                    .string = arena_text(a, m->string)},
        .timer = {.armed = m->armed, .due_ns = m->due_ns, .period_ns = m->period_ns},
        .hold = {.holds = m->holds,
                 .token = m->token,
                 .holder = m->holder,
                 .shared = m->shared,
                 .owner_died = m->owner_died,
                 .done = m->done,
                 .size = m->size,
                 .free = m->free,
                 .has_limit = m->has_size,
                 .said = fill_value(a, m->said),
                 .context = m->context},
        .count = {.value = m->count, .lost = m->lost, .fence = m->fence},
        .barrier = {.parties = m->parties, .arrived = m->arrived, .cycle = m->cycle},
        .limiter = {.spec = fill_limiter(m->limiter), .remaining = m->remaining, .keys = m->keys},
        .key = arena_text(a, m->key),
        .cell = {.revision = m->revision, .value = fill_value(a, m->said), .fence = m->fence},
        .actor = {.epoch = m->epoch,
                  .calls = m->calls,
                  .served = m->served,
                  .serving = m->serving,
                  .fail = m->fail},
    };
    fill_pool(m, d);
    fill_task(a, m, d);
    fill_waiters(a, m, d);
    fill_holders(a, m, d);
    fill_values(a, m, d);
}

enum sluice_status sluice_describe(sluice *s, sluice_ref ref, struct sluice_description **ret)
{
    struct call c;
    Ref r;
    void *root = NULL;
    Sluice__V1__Describe op = SLUICE__V1__DESCRIBE__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_DESCRIBE);
    c.request.describe = &op;
    op.ref = call_ref(&c, ref, &r);
    enum sluice_status status = view_run(s, &c, &sluice__v1__description__descriptor,
                                         sizeof(struct sluice_description), fill_description, &root);
    if (status == SLUICE_OK)
        *ret = root;
    return status;
}

struct sluice_description *sluice_description_free(struct sluice_description *d)
{
    return arena_free(d);
}

static void fill_listing(struct arena *a, const void *message, void *root)
{
    const Sluice__V1__Listing *m = message;
    struct sluice_listing *l = root;
    struct sluice_description *d = arena_array(a, m->n_objects, sizeof *d);
    l->objects = d;
    l->count = d != NULL ? m->n_objects : 0;
    l->next = m->next;
    for (size_t i = 0; i < l->count; i++)
        fill_description(a, m->objects[i], &d[i]);
}

enum sluice_status sluice_list(sluice *s, const struct sluice_list_options *options,
                               struct sluice_listing **ret)
{
    struct call c;
    void *root = NULL;
    struct sluice_list_options o = SLUICE_LIST_OPTIONS_INIT;
    Sluice__V1__List op = SLUICE__V1__LIST__INIT;
    enum sluice_status status = options_take(&o, sizeof o, options);
    if (status != SLUICE_OK)
        return status;
    call_init(&c, SLUICE__V1__REQUEST__OP_LIST);
    c.request.list = &op;
    if (o.prefix != NULL) {
        op.has_prefix = true;
        op.prefix = (ProtobufCBinaryData){strlen(o.prefix), (uint8_t *)o.prefix};
    }
    op.has_kind = o.kind != SLUICE_KIND_NONE;
    op.kind = (Sluice__V1__Kind)o.kind;
    op.has_after = o.after != 0;
    op.after = o.after;
    op.has_max = o.max != 0;
    op.max = o.max;
    op.has_anonymous = op.anonymous = o.anonymous;
    status =
        view_run(s, &c, &sluice__v1__listing__descriptor, sizeof(struct sluice_listing), fill_listing, &root);
    if (status == SLUICE_OK)
        *ret = root;
    return status;
}

struct sluice_listing *sluice_listing_free(struct sluice_listing *l)
{
    return arena_free(l);
}

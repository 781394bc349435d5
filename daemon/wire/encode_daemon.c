/*
 * encode_daemon.c - how the daemon does, what it can do, and what time it is: STATUS, REFLECT, CLOCK.
 *
 * STATUS gives the engine's counts and limits by the names of their fields, so that a name in a reply, in the configuration and in a refusal is the same.
 * REFLECT gives the schema as protoc compiled it and the rows of the tables, so that a client needs no files of ours.
 */
#include "codec.h"
#include "sluice_descriptor.h"

/* ---- STATUS ---- */

/* Counters in one block: all or none. */
struct counters {
    Sluice__V1__Counter **rows;
    Sluice__V1__Counter *store;
    size_t count;
};

static void add_counter(struct counters *c, const char *name, uint64_t value)
{
    Sluice__V1__Counter *m = &c->store[c->count];
    sluice__v1__counter__init(m);
    m->has_name = m->has_value = 1;
    m->name = lend(text_bytes(name));
    m->value = value;
    c->rows[c->count++] = m;
}

static void add_counts(struct counters *c, const struct stats *s)
{
    add_counter(c, "repeats", s->repeats);
    add_counter(c, "sent", s->sent);
    add_counter(c, "received", s->received);
    add_counter(c, "requeued", s->requeued);
    add_counter(c, "dead_lettered", s->dead_lettered);
    add_counter(c, "returned", s->returned);
    add_counter(c, "fired", s->fired);
    add_counter(c, "objects", s->objects);
    add_counter(c, "sessions", s->sessions);
    add_counter(c, "parked", s->parked);
    add_counter(c, "finished", s->finished);
    add_counter(c, "items", s->items);
    add_counter(c, "leases", s->leases);
    add_counter(c, "deadlines", s->deadlines);
    add_counter(c, "memory", s->memory);
}

static void add_limits(struct counters *c, const struct limits *l)
{
    add_counter(c, "payload_size_max", l->payload_size_max);
    add_counter(c, "memory_max", l->memory_max);
    add_counter(c, "sessions_max", l->sessions_max);
    add_counter(c, "objects_max", l->objects_max);
    add_counter(c, "handles_max", l->handles_max);
    add_counter(c, "calls_max", l->calls_max);
    add_counter(c, "resume_max_ns", (uint64_t)l->resume_max_ns);
    add_counter(c, "name_size_max", NAME_SIZE_MAX);
    add_counter(c, "select_arms_max", SELECT_ARMS_MAX);
    add_counter(c, "batch_items_max", BATCH_ITEMS_MAX);
    add_counter(c, "acked_extra_max", ACKED_EXTRA_MAX);
    add_counter(c, "context_values_max", CONTEXT_VALUES_MAX);
    add_counter(c, "context_text_max", CONTEXT_TEXT_MAX);
    add_counter(c, "key_size_max", KEY_SIZE_MAX);
    add_counter(c, "acquire_all_max", ACQUIRE_ALL_MAX);
    add_counter(c, "error_text_max", ERROR_TEXT_MAX);
    add_counter(c, "after_max", AFTER_MAX);
    add_counter(c, "functions_max", FUNCTIONS_MAX);
    add_counter(c, "slots_max", SLOTS_MAX);
    add_counter(c, "priority_max", PRIORITY_MAX);
}

/* More than either function adds. */
enum { COUNTERS_MAX = 32 };

static bool take_counters(struct arena *a, struct counters *c)
{
    c->rows = arena_array(a, COUNTERS_MAX, sizeof(*c->rows));
    c->store = arena_array(a, COUNTERS_MAX, sizeof(*c->store));
    c->count = 0;
    return c->rows && c->store;
}

static bool fill_ops(struct arena *a, const struct stats *s, Sluice__V1__StatusResult *m)
{
    Sluice__V1__OpCount *store = arena_array(a, OP_COUNT, sizeof(*store));
    m->ops = arena_array(a, OP_COUNT, sizeof(*m->ops));
    if (!store || !m->ops)
        return false;
    for (int i = 0; i < OP_COUNT; i++) {
        if (op_rows[i].class == CLASS_EVENT || s->ops[i] == 0)
            continue;
        Sluice__V1__OpCount *op = &store[m->n_ops];
        sluice__v1__op_count__init(op);
        op->has_name = op->has_count = op->has_failed = 1;
        op->name = lend(text_bytes(op_rows[i].name));
        op->count = s->ops[i];
        op->failed = s->failed[i];
        m->ops[m->n_ops++] = op;
    }
    return true;
}

static bool fill_addresses(struct arena *a, const char *const *addresses, Sluice__V1__StatusResult *m)
{
    size_t count = 0;
    while (addresses && addresses[count])
        count++;
    m->addresses = arena_array(a, count, sizeof(*m->addresses));
    if (!m->addresses)
        return false;
    for (size_t i = 0; i < count; i++)
        m->addresses[m->n_addresses++] = lend(text_bytes(addresses[i]));
    return true;
}

static void fill_world(const struct wire_world *world, Sluice__V1__StatusResult *m)
{
    m->has_version = m->has_pid = m->has_uptime_ns = m->has_now_ns = 1;
    m->has_wall_offset_ns = m->has_virtual_clock = m->has_uid = 1;
    m->version = lend(text_bytes(world->version));
    m->pid = world->pid;
    m->uptime_ns = world->now_ns - world->started_ns;
    m->now_ns = world->now_ns;
    m->wall_offset_ns = world->wall_offset_ns;
    m->virtual_clock = world->virtual_clock;
    m->uid = world->uid;
}

void answer_status(struct wire *w, const struct engine *e, const struct wire_request *req,
                   const struct wire_world *world, struct wire_out *out)
{
    (void)req;
    Sluice__V1__Reply m = SLUICE__V1__REPLY__INIT;
    Sluice__V1__StatusResult daemon = SLUICE__V1__STATUS_RESULT__INIT;
    struct counters counts, limits;
    struct stats stats;
    arena_reset(&w->scratch);
    engine_stats(e, &stats);
    if (!take_counters(&w->scratch, &counts) || !take_counters(&w->scratch, &limits) ||
        !fill_ops(&w->scratch, &stats, &daemon) || !fill_addresses(&w->scratch, world->addresses, &daemon)) {
        ship_status(STATUS_NO_MEMORY, out);
        return;
    }
    fill_world(world, &daemon);
    add_counts(&counts, &stats);
    add_limits(&limits, engine_limits(e));
    add_counter(&limits, "frame_size_max", world->frame_size_max);
    assert(counts.count <= COUNTERS_MAX && limits.count <= COUNTERS_MAX);
    daemon.n_counts = counts.count;
    daemon.counts = counts.rows;
    daemon.n_limits = limits.count;
    daemon.limits = limits.rows;
    m.result_case = SLUICE__V1__REPLY__RESULT_DAEMON;
    m.daemon = &daemon;
    ship(&m, out);
}

/* ---- REFLECT ---- */

struct row {
    const char *name, *text;
    uint32_t number, exit_code;
};

static const struct row op_table[] = {
#define OP(NAME, name, tag, class, help) {#name, help, tag, 0},
#include "ops.def"
#undef OP
};
static const struct row kind_table[] = {
#define KIND(NAME, name, number, help) {#name, help, number, 0},
#include "kinds.def"
#undef KIND
};
static const struct row status_table[] = {
#define STATUS(NAME, number, exit, text) {#NAME, text, number, exit},
#include "status.def"
#undef STATUS
};
static const struct row verb_table[] = {
#define ARM(NAME, name, number, help) {#name, help, number, 0},
#include "arms.def"
#undef ARM
};
static const struct row type_table[] = {
#define TYPE(NAME, name, number, help) {#name, help, number, 0},
#include "types.def"
#undef TYPE
};

/* Put a table's rows into a repeated field; what has no number is not on the wire, unless it is OK. False: the arena is out. */
static bool fill_rows(struct arena *a, const struct row *rows, size_t count, bool statuses, size_t *ret_count,
                      Sluice__V1__Row ***ret_rows)
{
    Sluice__V1__Row *store = arena_array(a, count, sizeof(*store)),
                    **list = arena_array(a, count, sizeof(*list));
    size_t filled = 0;
    if (!store || !list)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].number == 0 && !statuses)
            continue;
        Sluice__V1__Row *m = &store[filled];
        sluice__v1__row__init(m);
        m->has_name = m->has_number = m->has_text = 1;
        m->has_exit_code = statuses;
        m->name = lend(text_bytes(rows[i].name));
        m->number = rows[i].number;
        m->text = lend(text_bytes(rows[i].text));
        m->exit_code = rows[i].exit_code;
        list[filled++] = m;
    }
    *ret_count = filled;
    *ret_rows = list;
    return true;
}

#define FILL(table, statuses, field) \
    fill_rows(&w->scratch, (table), sizeof(table) / sizeof((table)[0]), (statuses), &r.n_##field, &r.field)

void answer_reflect(struct wire *w, const struct engine *e, const struct wire_request *req,
                    const struct wire_world *world, struct wire_out *out)
{
    (void)e, (void)req, (void)world;
    Sluice__V1__Reply m = SLUICE__V1__REPLY__INIT;
    Sluice__V1__Reflection r = SLUICE__V1__REFLECTION__INIT;
    arena_reset(&w->scratch);
    r.has_descriptor = 1;
    r.descriptor = lend((struct bytes){sluice_descriptor, sluice_descriptor_size});
    if (!FILL(op_table, false, operations) || !FILL(kind_table, false, kinds) ||
        !FILL(status_table, true, statuses) || !FILL(verb_table, false, verbs) ||
        !FILL(type_table, false, types)) {
        ship_status(STATUS_NO_MEMORY, out);
        return;
    }
    m.result_case = SLUICE__V1__REPLY__RESULT_REFLECTION;
    m.reflection = &r;
    ship(&m, out);
}

/* ---- CLOCK ---- */

void answer_clock(struct wire *w, const struct engine *e, const struct wire_request *req,
                  const struct wire_world *world, struct wire_out *out)
{
    (void)w, (void)e, (void)req;
    Sluice__V1__Reply m = SLUICE__V1__REPLY__INIT;
    Sluice__V1__ClockResult clock = SLUICE__V1__CLOCK_RESULT__INIT;
    clock.has_now_ns = clock.has_virtual_clock = clock.has_wall_offset_ns = 1;
    clock.now_ns = world->now_ns;
    clock.virtual_clock = world->virtual_clock;
    clock.wall_offset_ns = world->wall_offset_ns;
    clock.has_next_deadline_ns = world->next_deadline_ns != NEVER_NS;
    clock.next_deadline_ns = world->next_deadline_ns;
    m.result_case = SLUICE__V1__REPLY__RESULT_CLOCK;
    m.clock = &clock;
    ship(&m, out);
}

/*
 * daemon.c - looking at the daemon: who waits for what (dump), how it does (status), what it can do (reflect).
 *
 * As in view.c, answers become plain structures in one arena each. A page of sessions ends where the daemon ends it; `next` asks
 * for the rest.
 */
#include <string.h>

#include "error.h"
#include "view.h"

/* ---- Dump. */

static struct sluice_dump_arm arm_of(struct arena *a, const Sluice__V1__DumpArm *m)
{
    return (struct sluice_dump_arm){
        .verb = (enum sluice_verb)m->verb,
        .serial = m->serial,
        .kind = (enum sluice_kind)m->kind,
        .name = arena_text(a, m->name),
        .key = arena_text(a, m->key),
        .task = m->task,
    };
}

static void fill_arms(struct arena *a, const Sluice__V1__DumpCall *m, struct sluice_dump_call *call)
{
    struct sluice_dump_arm *arms = arena_array(a, m->n_arms, sizeof *arms);
    call->arms = arms;
    call->arms_shown = arms != NULL ? m->n_arms : 0;
    for (size_t i = 0; i < call->arms_shown; i++)
        arms[i] = arm_of(a, m->arms[i]);
}

void view_call(struct arena *a, const Sluice__V1__DumpCall *m, struct sluice_dump_call *call)
{
    *call = (struct sluice_dump_call){
        .seq = m->seq,
        .task = m->task,
        .op = arena_text(a, m->op),
        .since_ns = m->since_ns,
        .has_deadline = m->has_deadline_ns,
        .deadline_ns = m->deadline_ns,
        .arms_count = m->arms_count,
    };
    fill_arms(a, m, call);
}

static void fill_calls(struct arena *a, const Sluice__V1__DumpSession *m, struct sluice_dump_session *session)
{
    struct sluice_dump_call *calls = arena_array(a, m->n_calls, sizeof *calls);
    session->calls = calls;
    session->calls_count = calls != NULL ? m->n_calls : 0;
    for (size_t i = 0; i < session->calls_count; i++)
        view_call(a, m->calls[i], &calls[i]);
}

static void fill_dump(struct arena *a, const void *message, void *root)
{
    const Sluice__V1__DumpResult *m = message;
    struct sluice_dump_page *page = root;
    struct sluice_dump_session *sessions = arena_array(a, m->n_sessions, sizeof *sessions);
    page->sessions = sessions;
    page->count = sessions != NULL ? m->n_sessions : 0;
    page->next = m->next;
    page->now_ns = m->now_ns;
    for (size_t i = 0; i < page->count; i++) {
        const Sluice__V1__DumpSession *from = m->sessions[i];
        sessions[i] = (struct sluice_dump_session){
            .number = from->number,
            .name = arena_text(a, from->name),
            .uid = from->uid,
            .pid = from->pid,
            .connections = from->connections,
            .parked = from->parked,
            .finished = from->finished,
            .leases = from->leases,
            .handles = from->handles,
            .since_ns = from->since_ns,
        };
        fill_calls(a, from, &sessions[i]);
    }
}

enum sluice_status sluice_dump(sluice *s, uint64_t after, uint32_t max, struct sluice_dump_page **ret)
{
    struct call c;
    void *root = NULL;
    Sluice__V1__Dump op = SLUICE__V1__DUMP__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_DUMP);
    c.request.dump = &op;
    op.has_after = after != 0;
    op.after = after;
    op.has_max = max != 0;
    op.max = max;
    enum sluice_status status = view_run(s, &c, &sluice__v1__dump_result__descriptor,
                                         sizeof(struct sluice_dump_page), fill_dump, &root);
    if (status == SLUICE_OK)
        *ret = root;
    return status;
}

struct sluice_dump_page *sluice_dump_free(struct sluice_dump_page *d)
{
    return arena_free(d);
}

/* ---- Deadlock. */

static void fill_stall(struct arena *a, const Sluice__V1__Stall *m, struct sluice_stall *stall)
{
    *stall = (struct sluice_stall){
        .session = m->session,
        .pid = m->pid,
        .uid = m->uid,
        .name = arena_text(a, m->name),
        .task = m->task,
        .op = arena_text(a, m->op),
        .since_ns = m->since_ns,
        .has_deadline = m->has_deadline_ns,
        .deadline_ns = m->deadline_ns,
        .within = m->within,
    };
    if (m->arm != NULL)
        stall->arm = arm_of(a, m->arm);
    else
        stall->arm.name = stall->arm.key = "";
}

static const struct sluice_stall *fill_stalls(struct arena *a, size_t count, Sluice__V1__Stall *const *from,
                                              size_t *ret_count)
{
    struct sluice_stall *stalls = arena_array(a, count, sizeof *stalls);
    *ret_count = stalls != NULL ? count : 0;
    for (size_t i = 0; i < *ret_count; i++)
        fill_stall(a, from[i], &stalls[i]);
    return stalls;
}

static void fill_deadlock(struct arena *a, const void *message, void *root)
{
    const Sluice__V1__DeadlockResult *m = message;
    struct sluice_deadlock *d = root;
    struct sluice_cycle *cycles = arena_array(a, m->n_cycles, sizeof *cycles);
    d->asleep = m->asleep;
    d->stalled_all = m->stalled_count;
    d->now_ns = m->now_ns;
    d->stalled = fill_stalls(a, m->n_stalled, m->stalled, &d->stalled_count);
    d->cycles = cycles;
    d->cycles_count = cycles != NULL ? m->n_cycles : 0;
    for (size_t i = 0; i < d->cycles_count; i++) {
        cycles[i].length = m->cycles[i]->length;
        cycles[i].links = fill_stalls(a, m->cycles[i]->n_links, m->cycles[i]->links, &cycles[i].count);
    }
}

enum sluice_status sluice_deadlock_find(sluice *s, struct sluice_deadlock **ret)
{
    struct call c;
    void *root = NULL;
    Sluice__V1__Deadlock op = SLUICE__V1__DEADLOCK__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_DEADLOCK);
    c.request.deadlock = &op;
    enum sluice_status status = view_run(s, &c, &sluice__v1__deadlock_result__descriptor,
                                         sizeof(struct sluice_deadlock), fill_deadlock, &root);
    if (status == SLUICE_OK)
        *ret = root;
    return status;
}

struct sluice_deadlock *sluice_deadlock_free(struct sluice_deadlock *d)
{
    return arena_free(d);
}

/* ---- Status. */

static const struct sluice_count *fill_counters(struct arena *a, size_t count,
                                                Sluice__V1__Counter *const *from, size_t *ret_count)
{
    struct sluice_count *counters = arena_array(a, count, sizeof *counters);
    *ret_count = counters != NULL ? count : 0;
    for (size_t i = 0; i < *ret_count; i++)
        counters[i] = (struct sluice_count){arena_text(a, from[i]->name), from[i]->value};
    return counters;
}

static void fill_ops(struct arena *a, const Sluice__V1__StatusResult *m, struct sluice_daemon *d)
{
    struct sluice_op_count *ops = arena_array(a, m->n_ops, sizeof *ops);
    d->ops = ops;
    d->ops_count = ops != NULL ? m->n_ops : 0;
    for (size_t i = 0; i < d->ops_count; i++)
        ops[i] =
            (struct sluice_op_count){arena_text(a, m->ops[i]->name), m->ops[i]->count, m->ops[i]->failed};
}

static void fill_status(struct arena *a, const void *message, void *root)
{
    const Sluice__V1__StatusResult *m = message;
    struct sluice_daemon *d = root;
    *d = (struct sluice_daemon){
        .version = arena_text(a, m->version),
        .pid = m->pid,
        .uid = m->uid,
        .uptime_ns = m->uptime_ns,
        .now_ns = m->now_ns,
        .wall_offset_ns = m->wall_offset_ns,
        .virtual_clock = m->virtual_clock,
    };
    const char **addresses = arena_array(a, m->n_addresses, sizeof *addresses);
    d->addresses = addresses;
    d->addresses_count = addresses != NULL ? m->n_addresses : 0;
    for (size_t i = 0; i < d->addresses_count; i++)
        addresses[i] = arena_text(a, m->addresses[i]);
    d->counts = fill_counters(a, m->n_counts, m->counts, &d->counts_count);
    d->limits = fill_counters(a, m->n_limits, m->limits, &d->limits_count);
    fill_ops(a, m, d);
}

enum sluice_status sluice_daemon_status(sluice *s, struct sluice_daemon **ret)
{
    struct call c;
    void *root = NULL;
    Sluice__V1__GetStatus op = SLUICE__V1__GET_STATUS__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_STATUS);
    c.request.status = &op;
    enum sluice_status status = view_run(s, &c, &sluice__v1__status_result__descriptor,
                                         sizeof(struct sluice_daemon), fill_status, &root);
    if (status == SLUICE_OK)
        *ret = root;
    return status;
}

struct sluice_daemon *sluice_daemon_free(struct sluice_daemon *d)
{
    return arena_free(d);
}

/* ---- Reflect. */

static struct sluice_rows fill_rows(struct arena *a, size_t count, Sluice__V1__Row *const *from)
{
    struct sluice_row *rows = arena_array(a, count, sizeof *rows);
    struct sluice_rows filled = {rows, rows != NULL ? count : 0};
    for (size_t i = 0; i < filled.count; i++)
        rows[i] = (struct sluice_row){
            .name = arena_text(a, from[i]->name),
            .number = from[i]->number,
            .text = arena_text(a, from[i]->text),
            .exit_code = (int)from[i]->exit_code,
        };
    return filled;
}

static void fill_reflection(struct arena *a, const void *message, void *root)
{
    const Sluice__V1__Reflection *m = message;
    struct sluice_reflection *r = root;
    r->descriptor = (struct sluice_blob){arena_text(a, m->descriptor), m->descriptor.len};
    r->operations = fill_rows(a, m->n_operations, m->operations);
    r->kinds = fill_rows(a, m->n_kinds, m->kinds);
    r->statuses = fill_rows(a, m->n_statuses, m->statuses);
    r->verbs = fill_rows(a, m->n_verbs, m->verbs);
    r->types = fill_rows(a, m->n_types, m->types);
}

enum sluice_status sluice_reflect(sluice *s, struct sluice_reflection **ret)
{
    struct call c;
    void *root = NULL;
    Sluice__V1__Reflect op = SLUICE__V1__REFLECT__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_REFLECT);
    c.request.reflect = &op;
    enum sluice_status status = view_run(s, &c, &sluice__v1__reflection__descriptor,
                                         sizeof(struct sluice_reflection), fill_reflection, &root);
    if (status == SLUICE_OK)
        *ret = root;
    return status;
}

struct sluice_reflection *sluice_reflection_free(struct sluice_reflection *r)
{
    return arena_free(r);
}

/*
 * describe.c - an object as text and as JSON: see describe.h.
 *
 * One snapshot, three forms: the lines of show, the rows of ls, the members of JSON. The members are named as the fields of the library's
 * struct, with their units; those of another kind are left out. Text shows durations and wall clock times, JSON nanoseconds.
 */
#include "describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "duration.h"
#include "value.h"

/* A word for what it is at. */
static const char *state_of(const struct sluice_description *d)
{
    switch (d->kind) {
    case SLUICE_KIND_CHANNEL: return d->channel.closed ? "closed" : "open";
    case SLUICE_KIND_CONTEXT:
        return d->context.error == SLUICE_OK         ? "alive"
               : d->context.error == SLUICE_CANCELED ? "cancelled"
                                                     : "expired";
    case SLUICE_KIND_MUTEX: return d->hold.holds > 0 ? "locked" : "free";
    case SLUICE_KIND_RWMUTEX: return d->hold.holds == 0 ? "free" : d->hold.shared ? "shared" : "locked";
    case SLUICE_KIND_SEMAPHORE: return d->hold.free > 0 ? "free" : "taken";
    case SLUICE_KIND_ONCE: return d->hold.done ? "done" : d->hold.holds > 0 ? "running" : "new";
    case SLUICE_KIND_WAITGROUP: return d->count.value > 0 ? "busy" : "done";
    case SLUICE_KIND_COUNTER: return "-";
    default: return d->timer.armed ? "armed" : "stopped";
    }
}

/* A context value as text, for listings. */
static void print_entry(const struct sluice_ctx_entry *entry)
{
    const struct sluice_ctx_key *key = &entry->key;
    const char *space = key->space == NULL ? "" : key->space, *type = key->type == NULL ? "" : key->type;
    printf("value       %s%s%s%s%s=", space, *space == '\0' ? "" : ":", type,
           *space == '\0' && *type == '\0' ? "" : ":", key->name);
    out_json_value(NULL, &entry->value);
    putchar('\n');
}

static void print_channel(const struct sluice_description *d)
{
    printf("type        %s\ncapacity    %" PRId64 "\n", sluice_type_name(d->channel.type), d->channel.cap);
    printf("items       %" PRIu64 " (%" PRIu64 " bytes, at most %" PRIu64 " so far)\n", d->channel.len,
           d->channel.bytes_held, d->channel.len_max);
    printf("leased      %" PRIu64 "\n", d->channel.leased);
    printf("state       %s\n", d->channel.closed ? "closed" : "open");
    printf("waiting     %" PRIu64 " to receive, %" PRIu64 " to send\n", d->channel.receivers,
           d->channel.senders);
    printf("passed      %" PRIu64 " sent, %" PRIu64 " received\n", d->channel.sent, d->channel.received);
    if (d->channel.deliveries_max > 0)
        printf("dead letter %s after %" PRIu32 " deliveries\n", d->channel.dead_letter,
               d->channel.deliveries_max);
}

static void print_context(const struct sluice_description *d, int64_t wall_offset_ns)
{
    char text[DURATION_TEXT_SIZE], wall[WALL_TEXT_SIZE];
    bool ended = d->context.error != SLUICE_OK;
    printf("state       %s\n", ended              ? sluice_strstatus(d->context.error)
                               : d->context.never ? "never ends"
                                                  : "alive");
    if (d->context.cause != NULL)
        printf("cause       %s\n", d->context.cause);
    if (d->context.has_deadline)
        printf("deadline    %s, in %s\n", wall_text(d->context.deadline_ns + wall_offset_ns, wall),
               duration_short(d->context.deadline_ns - d->now_ns, text));
    printf("children    %" PRIu64 "\nlineage     %s\n", d->context.children, d->context.string);
    for (size_t i = 0; i < d->context.values_count; i++)
        print_entry(&d->context.values[i]);
}

static void print_timer(const struct sluice_description *d, int64_t wall_offset_ns)
{
    char text[DURATION_TEXT_SIZE], wall[WALL_TEXT_SIZE];
    printf("state       %s\n", d->timer.armed ? "armed" : "stopped or done");
    if (d->timer.armed && d->timer.due_ns != 0)
        printf("due         %s, in %s\n", wall_text(d->timer.due_ns + wall_offset_ns, wall),
               duration_short(d->timer.due_ns - d->now_ns, text));
    if (d->timer.period_ns > 0)
        printf("period      %s\n", duration_text(d->timer.period_ns, text));
}

static void print_hold(const struct sluice_description *d)
{
    bool held = d->hold.holds > 0;
    if (d->kind == SLUICE_KIND_SEMAPHORE)
        printf("permits     %" PRIu64 ", %" PRIu64 " free\n", d->hold.size, d->hold.free);
    printf("state       %s\n", state_of(d));
    if (held)
        printf("held by     session %" PRIu64 ", token %" PRIu64 "%s\n", d->hold.holder, d->hold.token,
               d->hold.holds > 1 ? ", the newest" : "");
    if (d->hold.holds > 1)
        printf("holders     %" PRIu64 "\n", d->hold.holds);
    if (d->hold.owner_died)
        printf("owner died  %s\n", d->hold.done ? "so it has failed" : "the next holder will be told");
}

static void print_count(const struct sluice_description *d)
{
    printf("%s %" PRId64 "\n", d->kind == SLUICE_KIND_COUNTER ? "value      " : "not done   ",
           d->count.value);
    if (d->count.lost > 0)
        printf("lost        %" PRIu64 "\n", d->count.lost);
    if (d->count.fence > 0)
        printf("fence       %" PRIu64 "\n", d->count.fence);
}

static void print_rights(uint32_t rights)
{
    printf("rights     %s%s%s%s\n", rights & SLUICE_RIGHT_SEND ? " send" : "",
           rights & SLUICE_RIGHT_RECV ? " receive" : "", rights & SLUICE_RIGHT_CLOSE ? " close" : "",
           rights & SLUICE_RIGHT_OBSERVE ? " observe" : "");
}

void describe_print(const struct sluice_description *d, int64_t wall_offset_ns)
{
    char text[DURATION_TEXT_SIZE];
    printf("%s%s%s\n", out_bold(), *d->name != '\0' ? d->name : "(anonymous)", out_plain());
    printf("kind        %s\nserial      %" PRIu64 ", version %" PRIu64 "\n", sluice_kind_name(d->kind),
           d->serial, d->version);
    switch (d->kind) {
    case SLUICE_KIND_CHANNEL: print_channel(d); break;
    case SLUICE_KIND_CONTEXT: print_context(d, wall_offset_ns); break;
    case SLUICE_KIND_TIMER:
    case SLUICE_KIND_TICKER:
    case SLUICE_KIND_TRIGGER: print_timer(d, wall_offset_ns); break;
    case SLUICE_KIND_MUTEX:
    case SLUICE_KIND_RWMUTEX:
    case SLUICE_KIND_SEMAPHORE:
    case SLUICE_KIND_ONCE: print_hold(d); break;
    case SLUICE_KIND_WAITGROUP:
    case SLUICE_KIND_COUNTER: print_count(d); break;
    default: break;
    }
    printf("made        %s ago, by uid %" PRIu32, duration_short(d->now_ns - d->made_ns, text), d->uid);
    if (d->owner != 0)
        printf(", ends with session %" PRIu64, d->owner);
    putchar('\n');
    print_rights(d->rights);
    for (size_t i = 0; i < d->waiters_count; i++) {
        const struct sluice_waiter *w = &d->waiters[i];
        printf("waiter      %s, pid %" PRId32 ", uid %" PRIu32 ", session %" PRIu64 ": to %s (%s) for %s\n",
               w->name, w->pid, w->uid, w->session, sluice_verb_name(w->verb), w->op,
               duration_short(d->now_ns - w->since_ns, text));
    }
    if (d->waiting > d->waiters_count)
        printf("            and %" PRIu64 " more\n", d->waiting - d->waiters_count);
}

/* ---- JSON */

/* Numbers of the daemon lie far below 2^63. */
static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *channel_json(const struct sluice_description *d)
{
    return json_pack("{s:s, s:I, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s*}", "type",
                     sluice_type_name(d->channel.type), "cap", (json_int_t)d->channel.cap, "len",
                     number(d->channel.len), "closed", d->channel.closed, "leased", number(d->channel.leased),
                     "receivers", number(d->channel.receivers), "senders", number(d->channel.senders),
                     "bytes_held", number(d->channel.bytes_held), "sent", number(d->channel.sent), "received",
                     number(d->channel.received), "len_max", number(d->channel.len_max), "deliveries_max",
                     (json_int_t)d->channel.deliveries_max, "dead_letter",
                     *d->channel.dead_letter == '\0' ? NULL : d->channel.dead_letter);
}

static json_t *context_json(const struct sluice_description *d)
{
    json_t *json = json_pack("{s:s, s:s?, s:b, s:o, s:s, s:o}", "error", sluice_status_name(d->context.error),
                             "cause", d->context.cause, "never", d->context.never, "children",
                             number(d->context.children), "string", d->context.string, "deadline_ns",
                             d->context.has_deadline ? json_integer(d->context.deadline_ns) : json_null());
    json_t *keys = json_array();
    for (size_t i = 0; i < d->context.values_count; i++) {
        const struct sluice_ctx_key *key = &d->context.values[i].key;
        json_array_append_new(
            keys, json_pack("{s:s, s:s, s:s}", "space", key->space == NULL ? "" : key->space, "type",
                            key->type == NULL ? "" : key->type, "name", key->name == NULL ? "" : key->name));
    }
    json_object_set_new(json, "keys", keys);
    return json;
}

static json_t *hold_json(const struct sluice_description *d)
{
    json_t *json =
        json_pack("{s:o, s:o, s:o, s:b}", "holds", number(d->hold.holds), "token", number(d->hold.token),
                  "holder", number(d->hold.holder), "owner_died", d->hold.owner_died);
    if (d->kind == SLUICE_KIND_RWMUTEX)
        json_object_set_new(json, "shared", json_boolean(d->hold.shared));
    if (d->kind == SLUICE_KIND_ONCE)
        json_object_set_new(json, "done", json_boolean(d->hold.done));
    if (d->kind == SLUICE_KIND_SEMAPHORE) {
        json_object_set_new(json, "size", number(d->hold.size));
        json_object_set_new(json, "free", number(d->hold.free));
    }
    return json;
}

static json_t *count_json(const struct sluice_description *d)
{
    bool group = d->kind == SLUICE_KIND_WAITGROUP;
    return json_pack("{s:I, s:o}", "value", (json_int_t)d->count.value, group ? "lost" : "fence",
                     number(group ? d->count.lost : d->count.fence));
}

/* What objects of this kind have and others have not. */
static json_t *own_json(const struct sluice_description *d)
{
    switch (d->kind) {
    case SLUICE_KIND_CHANNEL: return channel_json(d);
    case SLUICE_KIND_CONTEXT: return context_json(d);
    case SLUICE_KIND_MUTEX:
    case SLUICE_KIND_RWMUTEX:
    case SLUICE_KIND_SEMAPHORE:
    case SLUICE_KIND_ONCE: return hold_json(d);
    case SLUICE_KIND_WAITGROUP:
    case SLUICE_KIND_COUNTER: return count_json(d);
    default:
        return json_pack("{s:b, s:I, s:I}", "armed", d->timer.armed, "due_ns", (json_int_t)d->timer.due_ns,
                         "period_ns", (json_int_t)d->timer.period_ns);
    }
}

json_t *describe_json(const struct sluice_description *d)
{
    json_t *json =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "name", d->name, "kind",
                  sluice_kind_name(d->kind), "serial", number(d->serial), "version", number(d->version),
                  "references", number(d->references), "owner", number(d->owner), "made_ns",
                  (json_int_t)d->made_ns, "uid", (json_int_t)d->uid, "waiting", number(d->waiting));
    if (d->now_ns != 0) /* a list has none */
        json_object_set_new(json, "now_ns", json_integer(d->now_ns));
    json_t *own = own_json(d);
    json_object_update(json, own);
    json_decref(own);
    if (d->waiters_count == 0)
        return json;
    json_t *waiters = json_array();
    for (size_t i = 0; i < d->waiters_count; i++) {
        const struct sluice_waiter *w = &d->waiters[i];
        json_array_append_new(
            waiters, json_pack("{s:o, s:I, s:I, s:s, s:s, s:s, s:I}", "session", number(w->session), "pid",
                               (json_int_t)w->pid, "uid", (json_int_t)w->uid, "name", w->name, "verb",
                               sluice_verb_name(w->verb), "op", w->op, "since_ns", (json_int_t)w->since_ns));
    }
    json_object_set_new(json, "waiters", waiters);
    return json;
}

void json_line(json_t *json)
{
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(json);
}

/* ---- Rows */

void describe_head(struct out_table *table)
{
    static const char *const names[] = {"NAME", "KIND", "STATE", "ITEMS", "CAP", "TYPE", "WAITING", "AGE"};
    table->columns = sizeof names / sizeof *names;
    for (unsigned i = 0; i < table->columns; i++)
        out_cell(table, "%s", names[i]);
}

/* What is in it or held of it, and how much there may be. */
static void row_counts(struct out_table *table, const struct sluice_description *d)
{
    bool counts = d->kind == SLUICE_KIND_WAITGROUP || d->kind == SLUICE_KIND_COUNTER;
    if (counts)
        out_cell(table, "%" PRId64, d->count.value);
    else if (d->kind == SLUICE_KIND_SEMAPHORE)
        out_cell(table, "%" PRIu64, d->hold.size - d->hold.free);
    else
        out_cell(table, "-");
    if (d->kind == SLUICE_KIND_SEMAPHORE)
        out_cell(table, "%" PRIu64, d->hold.size);
    else
        out_cell(table, "-");
}

void describe_row(struct out_table *table, const struct sluice_description *d, int64_t now_ns)
{
    char text[DURATION_TEXT_SIZE];
    if (*d->name != '\0')
        out_cell(table, "%s", d->name);
    else
        out_cell(table, "#%" PRIu64, d->serial);
    out_cell(table, "%s", sluice_kind_name(d->kind));
    out_cell(table, "%s", state_of(d));
    if (d->kind == SLUICE_KIND_CHANNEL) {
        out_cell(table, "%" PRIu64, d->channel.len);
        out_cell(table, "%" PRId64, d->channel.cap);
        out_cell(table, "%s", sluice_type_name(d->channel.type));
    } else {
        row_counts(table, d);
        out_cell(table, "-");
    }
    out_cell(table, "%" PRIu64, d->waiting);
    out_cell(table, "%s", duration_short(now_ns - d->made_ns, text));
}

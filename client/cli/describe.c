/*
 * describe.c - an object as text and as JSON: see describe.h.
 *
 * One snapshot, three forms: the lines of show, the rows of ls, the members of JSON. The members are named as the fields of the library's
 * struct, with their units; those of another kind are left out. Text shows durations and wall clock times, JSON nanoseconds.
 */
#include "describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "limit.h"
#include "parties.h"
#include "rate.h"
#include "value.h"
#include "work.h"

enum { VALUE_SHOWN_MAX = 1024 }; /* bytes of a value; of a longer one only the size */

/* A word for what it is at. */
const char *describe_state(const struct sluice_description *d)
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
    case SLUICE_KIND_BARRIER: return d->barrier.arrived > 0 ? "gathering" : "empty";
    case SLUICE_KIND_GROUP:
        return d->hold.holds > 0 ? "running" : d->hold.said.type != SLUICE_TYPE_NONE ? "failed" : "idle";
    case SLUICE_KIND_FLIGHT: return d->hold.holds > 0 ? "running" : "idle";
    case SLUICE_KIND_COND:
    case SLUICE_KIND_LIMITER:
    case SLUICE_KIND_COUNTER: return "-";
    case SLUICE_KIND_CELL: return d->cell.revision > 0 ? "full" : "empty";
    case SLUICE_KIND_ACTOR:
    case SLUICE_KIND_POOL:
    case SLUICE_KIND_TASK: return work_state(d);
    default: return d->timer.armed ? "armed" : "stopped";
    }
}

static bool is_long(const struct sluice_value *v)
{
    bool number = v->type == SLUICE_TYPE_INT64 || v->type == SLUICE_TYPE_DOUBLE;
    return !number && v->type != SLUICE_TYPE_NONE && v->bytes.size > VALUE_SHOWN_MAX;
}

void describe_value(const char *what, const struct sluice_value *v)
{
    fputs(what, stdout);
    if (v->type == SLUICE_TYPE_NONE)
        fputs("none", stdout);
    else if (is_long(v))
        printf("%zu bytes", v->bytes.size);
    else
        out_json_value(NULL, v);
    putchar('\n');
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
    if (d->channel.ordered)
        puts("ordered     by rank");
    if (*d->channel.message != '\0')
        printf("message     %s%s\n", d->channel.message,
               d->channel.schema.size > 0 ? ", with its schema (show --schema)" : "");
    if (d->channel.fenced)
        puts("fenced      yes");
    if (d->channel.fence > 0)
        printf("fence       %" PRIu64 "\n", d->channel.fence);
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
    if (d->kind == SLUICE_KIND_SEMAPHORE)
        printf("permits     %" PRIu64 ", %" PRIu64 " free\n", d->hold.size, d->hold.free);
    if (d->kind == SLUICE_KIND_GROUP && d->hold.has_limit)
        printf("limit       %" PRIu64 "\n", d->hold.size);
    if (d->kind == SLUICE_KIND_GROUP && d->hold.context != 0)
        printf("context     #%" PRIu64 "\n", d->hold.context);
    printf("state       %s\n", describe_state(d));
    if (d->hold.owner_died)
        printf("owner died  %s\n", d->hold.done ? "so it has failed" : "the next holder will be told");
    if (d->hold.said.type != SLUICE_TYPE_NONE)
        describe_value(d->kind == SLUICE_KIND_GROUP ? "first error " : "says        ", &d->hold.said);
}

static void print_barrier(const struct sluice_description *d)
{
    printf("parties     %" PRIu32 ", %" PRIu32 " have arrived\ncycle       %" PRIu64 "\n", d->barrier.parties,
           d->barrier.arrived, d->barrier.cycle);
}

static void print_limiter(const struct sluice_description *d)
{
    const struct sluice_limiter_spec *spec = &d->limiter.spec;
    char text[RATE_TEXT_SIZE];
    bool windowed = spec->algorithm == SLUICE_ALGORITHM_WINDOW || spec->algorithm == SLUICE_ALGORITHM_SLIDING;
    printf("algorithm   %s\n", limit_algorithm_name(spec->algorithm));
    if (spec->algorithm != SLUICE_ALGORITHM_CONCURRENCY)
        printf("rate        %s\n", rate_text(&spec->rate, text));
    if (!windowed)
        printf("burst       %" PRIu64 "\n", spec->burst);
    printf("remaining   %" PRId64 "\nkeys        %" PRIu64 "\n", d->limiter.remaining, d->limiter.keys);
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

static void print_content(const struct sluice_description *d)
{
    printf("type        %s\nrevision    %" PRIu64 "\n", sluice_type_name(d->cell.value.type),
           d->cell.revision);
    describe_value("value       ", &d->cell.value);
    if (d->cell.fence > 0)
        printf("fence       %" PRIu64 "\n", d->cell.fence);
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
    if (d->kind == SLUICE_KIND_TASK)
        printf("%stask %" PRIu64 "%s\n", out_bold(), d->task.number, out_plain());
    else
        printf("%s%s%s\n", out_bold(), *d->name != '\0' ? d->name : "(anonymous)", out_plain());
    if (*d->key != '\0') {
        fputs("key         ", stdout);
        out_json_string(d->key, strlen(d->key));
        putchar('\n');
    }
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
    case SLUICE_KIND_GROUP:
    case SLUICE_KIND_FLIGHT:
    case SLUICE_KIND_ONCE: print_hold(d); break;
    case SLUICE_KIND_BARRIER: print_barrier(d); break;
    case SLUICE_KIND_LIMITER: print_limiter(d); break;
    case SLUICE_KIND_WAITGROUP:
    case SLUICE_KIND_COUNTER: print_count(d); break;
    case SLUICE_KIND_CELL: print_content(d); break;
    case SLUICE_KIND_ACTOR:
    case SLUICE_KIND_POOL:
    case SLUICE_KIND_TASK: work_print(d); break;
    default: break;
    }
    printf("made        %s ago, by uid %" PRIu32, duration_short(d->now_ns - d->made_ns, text), d->uid);
    if (d->owner != 0)
        printf(", ends with session %" PRIu64, d->owner);
    putchar('\n');
    print_rights(d->rights);
    parties_print(d);
}

/* ---- JSON */

/* Numbers of the daemon lie far below 2^63. */
static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *channel_json(const struct sluice_description *d)
{
    return json_pack(
        "{s:s, s:I, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s*, s:b, s:o, s:b, s:s*}", "type",
        sluice_type_name(d->channel.type), "cap", (json_int_t)d->channel.cap, "len", number(d->channel.len),
        "closed", d->channel.closed, "leased", number(d->channel.leased), "receivers",
        number(d->channel.receivers), "senders", number(d->channel.senders), "bytes_held",
        number(d->channel.bytes_held), "sent", number(d->channel.sent), "received",
        number(d->channel.received), "len_max", number(d->channel.len_max), "deliveries_max",
        (json_int_t)d->channel.deliveries_max, "dead_letter",
        *d->channel.dead_letter == '\0' ? NULL : d->channel.dead_letter, "fenced", d->channel.fenced, "fence",
        number(d->channel.fence), "ordered", d->channel.ordered, "message",
        *d->channel.message == '\0' ? NULL : d->channel.message);
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

json_t *describe_value_json(const struct sluice_value *v)
{
    json_t *json = NULL;
    switch (v->type) {
    case SLUICE_TYPE_INT64: return json_integer(v->integer);
    case SLUICE_TYPE_DOUBLE: json = json_real(v->real); break;
    case SLUICE_TYPE_JSON: json = json_loadb(v->bytes.data, v->bytes.size, JSON_DECODE_ANY, NULL); break;
    case SLUICE_TYPE_BYTES:
    case SLUICE_TYPE_STRING:
        json = json_stringn(v->bytes.size == 0 ? "" : v->bytes.data, v->bytes.size);
        break;
    default: break;
    }
    return json == NULL ? json_null() : json;
}

json_t *describe_hold_json(const struct sluice_description *d)
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
    if (d->kind == SLUICE_KIND_MUTEX)
        json_object_set_new(json, "value", describe_value_json(&d->hold.said));
    if (d->kind == SLUICE_KIND_GROUP) {
        json_object_set_new(json, "limit", d->hold.has_limit ? number(d->hold.size) : json_null());
        json_object_set_new(json, "error", describe_value_json(&d->hold.said));
        json_object_set_new(json, "context", number(d->hold.context));
    }
    return json;
}

static json_t *barrier_json(const struct sluice_description *d)
{
    return json_pack("{s:I, s:I, s:o}", "parties", (json_int_t)d->barrier.parties, "arrived",
                     (json_int_t)d->barrier.arrived, "cycle", number(d->barrier.cycle));
}

static json_t *limiter_json(const struct sluice_description *d)
{
    const struct sluice_limiter_spec *spec = &d->limiter.spec;
    return json_pack("{s:s, s:o, s:I, s:b, s:o, s:I, s:o}", "algorithm",
                     limit_algorithm_name(spec->algorithm), "count", number(spec->rate.count), "period_ns",
                     (json_int_t)spec->rate.period_ns, "infinite", spec->rate.infinite, "burst",
                     number(spec->burst), "remaining", (json_int_t)d->limiter.remaining, "keys",
                     number(d->limiter.keys));
}

static json_t *count_json(const struct sluice_description *d)
{
    bool group = d->kind == SLUICE_KIND_WAITGROUP;
    return json_pack("{s:I, s:o}", "value", (json_int_t)d->count.value, group ? "lost" : "fence",
                     number(group ? d->count.lost : d->count.fence));
}

static json_t *cell_json(const struct sluice_description *d)
{
    return json_pack("{s:s, s:o, s:o}", "type", sluice_type_name(d->cell.value.type), "revision",
                     number(d->cell.revision), "fence", number(d->cell.fence));
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
    case SLUICE_KIND_GROUP:
    case SLUICE_KIND_FLIGHT:
    case SLUICE_KIND_ONCE: return describe_hold_json(d);
    case SLUICE_KIND_BARRIER: return barrier_json(d);
    case SLUICE_KIND_LIMITER: return limiter_json(d);
    case SLUICE_KIND_COND: return json_object();
    case SLUICE_KIND_WAITGROUP:
    case SLUICE_KIND_COUNTER: return count_json(d);
    case SLUICE_KIND_CELL: return cell_json(d);
    case SLUICE_KIND_ACTOR:
    case SLUICE_KIND_POOL:
    case SLUICE_KIND_TASK: return work_json(d);
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
    if (*d->key != '\0')
        json_object_set_new(json, "key", json_string(d->key));
    if (d->now_ns != 0) /* a list has none */
        json_object_set_new(json, "now_ns", json_integer(d->now_ns));
    json_t *own = own_json(d);
    json_object_update(json, own);
    json_decref(own);
    parties_json(d, json);
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

bool describe_items(const struct sluice_description *d, int64_t *ret)
{
    switch (d->kind) {
    case SLUICE_KIND_CHANNEL: *ret = (int64_t)d->channel.len; return true;
    case SLUICE_KIND_WAITGROUP:
    case SLUICE_KIND_COUNTER: *ret = d->count.value; return true;
    case SLUICE_KIND_SEMAPHORE: *ret = (int64_t)(d->hold.size - d->hold.free); return true;
    case SLUICE_KIND_GROUP:
    case SLUICE_KIND_FLIGHT: *ret = (int64_t)d->hold.holds; return true;
    case SLUICE_KIND_BARRIER: *ret = d->barrier.arrived; return true;
    case SLUICE_KIND_LIMITER: *ret = d->limiter.remaining; return true;
    case SLUICE_KIND_ACTOR: *ret = (int64_t)d->actor.calls; return true;
    case SLUICE_KIND_POOL: *ret = (int64_t)d->pool.queued; return true;
    default: return false;
    }
}

bool describe_cap(const struct sluice_description *d, int64_t *ret)
{
    switch (d->kind) {
    case SLUICE_KIND_CHANNEL: *ret = d->channel.cap; return true;
    case SLUICE_KIND_SEMAPHORE: *ret = (int64_t)d->hold.size; return true;
    case SLUICE_KIND_GROUP: *ret = (int64_t)d->hold.size; return d->hold.has_limit;
    case SLUICE_KIND_BARRIER: *ret = d->barrier.parties; return true;
    case SLUICE_KIND_LIMITER:
        *ret = (int64_t)d->limiter.spec.burst;
        return d->limiter.spec.algorithm == SLUICE_ALGORITHM_CONCURRENCY;
    case SLUICE_KIND_POOL: *ret = d->pool.capacity; return d->pool.capacity >= 0;
    default: return false;
    }
}

const char *describe_type(const struct sluice_description *d)
{
    switch (d->kind) {
    case SLUICE_KIND_CHANNEL: return sluice_type_name(d->channel.type);
    case SLUICE_KIND_LIMITER: return limit_algorithm_name(d->limiter.spec.algorithm);
    case SLUICE_KIND_CELL: return d->cell.revision > 0 ? sluice_type_name(d->cell.value.type) : "-";
    case SLUICE_KIND_TASK: return *d->task.function == '\0' ? "command" : "function";
    default: return "-";
    }
}

/* What is in it or held of it, and how much there may be. */
static void row_counts(struct out_table *table, const struct sluice_description *d)
{
    char text[RATE_TEXT_SIZE];
    int64_t items = 0, cap = 0;
    if (describe_items(d, &items))
        out_cell(table, "%" PRId64, items);
    else
        out_cell(table, "-");
    if (describe_cap(d, &cap))
        out_cell(table, "%" PRId64, cap);
    else
        out_cell(table, "%s", d->kind == SLUICE_KIND_LIMITER ? rate_text(&d->limiter.spec.rate, text) : "-");
}

/* A key is anybody's text: it is quoted, so that it stays on its line and moves no cursor. */
static void row_key(struct out_table *table, const struct sluice_description *d)
{
    json_t *string = json_string(d->key); /* NULL: no UTF-8 */
    char *quoted = string == NULL ? NULL : json_dumps(string, JSON_ENCODE_ANY);
    out_cell(table, "#%" PRIu64 " %s", d->serial, quoted == NULL ? "?" : quoted);
    free(quoted);
    json_decref(string);
}

void describe_row(struct out_table *table, const struct sluice_description *d, int64_t now_ns)
{
    char text[DURATION_TEXT_SIZE];
    if (*d->name != '\0')
        out_cell(table, "%s", d->name);
    else if (d->kind == SLUICE_KIND_TASK)
        out_cell(table, "%" PRIu64, d->task.number);
    else if (*d->key != '\0')
        row_key(table, d);
    else
        out_cell(table, "#%" PRIu64, d->serial);
    out_cell(table, "%s", sluice_kind_name(d->kind));
    out_cell(table, "%s", describe_state(d));
    row_counts(table, d);
    out_cell(table, "%s", describe_type(d));
    out_cell(table, "%" PRIu64, d->waiting);
    out_cell(table, "%s", duration_short(now_ns - d->made_ns, text));
}

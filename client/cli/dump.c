/*
 * dump.c - how the daemon does: dump, status.
 *
 * dump lists the sessions with what each of them waits for, for how long: the first question when something stands still. status
 * gives the daemon's own figures. Both have JSON with the same content, times in nanoseconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "duration.h"
#include "link.h"
#include "parties.h"
#include "sort.h"
#include "verb.h"

/* ---- dump */

static void print_arm(const struct sluice_dump_arm *arm, bool first)
{
    char on[ARM_TEXT_SIZE];
    printf("%s %s", first ? "" : " |", sluice_verb_name(arm->verb));
    printf(*arm_text(arm, on) == '\0' ? "%s" : " %s", on);
}

static void print_call(const struct sluice_dump_call *call, int64_t now_ns)
{
    char text[DURATION_TEXT_SIZE];
    printf("    %s for %s", call->op, duration_short(now_ns - call->since_ns, text));
    if (call->has_deadline)
        printf(", %s left", duration_short(call->deadline_ns - now_ns, text));
    if (call->task != 0)
        printf(", in task %" PRIu64, call->task);
    putchar(':');
    for (size_t i = 0; i < call->arms_shown; i++)
        print_arm(&call->arms[i], i == 0);
    if (call->arms_count > call->arms_shown)
        printf(" | %" PRIu64 " more", call->arms_count - call->arms_shown);
    putchar('\n');
}

static void print_session(const struct sluice_dump_session *session, int64_t now_ns)
{
    char text[DURATION_TEXT_SIZE];
    printf("%s%s%s  session %" PRIu64 ", pid %" PRId32 ", uid %" PRIu32 ", for %s: %" PRIu32
           " connected, %" PRIu64 " parked, %" PRIu64 " leases, %" PRIu64 " handles, %" PRIu64
           " replies kept\n",
           out_bold(), session->name, out_plain(), session->number, session->pid, session->uid,
           duration_short(now_ns - session->since_ns, text), session->connections, session->parked,
           session->leases, session->handles, session->finished);
    for (size_t i = 0; i < session->calls_count; i++)
        print_call(&session->calls[i], now_ns);
    if (session->parked > session->calls_count)
        printf("    and %" PRIu64 " more\n", session->parked - session->calls_count);
}

static json_t *call_json(const struct sluice_dump_call *call)
{
    json_t *arms = json_array();
    for (size_t i = 0; i < call->arms_shown; i++)
        json_array_append_new(
            arms, json_pack("{s:s, s:I, s:s, s:s, s:s, s:I}", "verb", sluice_verb_name(call->arms[i].verb),
                            "serial", (json_int_t)call->arms[i].serial, "kind",
                            sluice_kind_name(call->arms[i].kind), "name", call->arms[i].name, "key",
                            call->arms[i].key, "task", (json_int_t)call->arms[i].task));
    return json_pack("{s:I, s:I, s:s, s:I, s:o, s:I, s:o}", "seq", (json_int_t)call->seq, "task",
                     (json_int_t)call->task, "op", call->op, "since_ns", (json_int_t)call->since_ns,
                     "deadline_ns", call->has_deadline ? json_integer(call->deadline_ns) : json_null(),
                     "arms_count", (json_int_t)call->arms_count, "arms", arms);
}

static json_t *session_json(const struct sluice_dump_session *session, int64_t now_ns)
{
    json_t *calls = json_array();
    for (size_t i = 0; i < session->calls_count; i++)
        json_array_append_new(calls, call_json(&session->calls[i]));
    return json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "session",
                     (json_int_t)session->number, "name", session->name, "pid", (json_int_t)session->pid,
                     "uid", (json_int_t)session->uid, "connections", (json_int_t)session->connections,
                     "parked", (json_int_t)session->parked, "finished", (json_int_t)session->finished,
                     "leases", (json_int_t)session->leases, "handles", (json_int_t)session->handles,
                     "since_ns", (json_int_t)session->since_ns, "now_ns", (json_int_t)now_ns, "calls", calls);
}

/* By what clients may be ordered. */
#define DUMP_FIELDS(FIELD) \
    FIELD(name)            \
    FIELD(session) FIELD(pid) FIELD(uid) FIELD(age) FIELD(parked) FIELD(leases) FIELD(handles) FIELD(replies)

static struct sort_key by_name(const void *row)
{
    const struct sluice_dump_session *session = row;
    return (struct sort_key){session->name, 0};
}

static struct sort_key by_session(const void *row)
{
    const struct sluice_dump_session *session = row;
    return (struct sort_key){NULL, (int64_t)session->number};
}

static struct sort_key by_pid(const void *row)
{
    const struct sluice_dump_session *session = row;
    return (struct sort_key){NULL, session->pid};
}

static struct sort_key by_uid(const void *row)
{
    const struct sluice_dump_session *session = row;
    return (struct sort_key){NULL, session->uid};
}

static struct sort_key by_age(const void *row)
{
    const struct sluice_dump_session *session = row;
    return (struct sort_key){NULL, -session->since_ns};
}

static struct sort_key by_parked(const void *row)
{
    const struct sluice_dump_session *session = row;
    return (struct sort_key){NULL, (int64_t)session->parked};
}

static struct sort_key by_leases(const void *row)
{
    const struct sluice_dump_session *session = row;
    return (struct sort_key){NULL, (int64_t)session->leases};
}

static struct sort_key by_handles(const void *row)
{
    const struct sluice_dump_session *session = row;
    return (struct sort_key){NULL, (int64_t)session->handles};
}

static struct sort_key by_replies(const void *row)
{
    const struct sluice_dump_session *session = row;
    return (struct sort_key){NULL, (int64_t)session->finished};
}

static const struct sort_field dump_fields[] = {DUMP_FIELDS(SORT_FIELD){0}};
static struct sort dump_sort;

enum { KEY_SORT = 0x100 };

static bool dump_option(int key, char *arg, struct argp_state *state)
{
    if (key == KEY_SORT)
        sort_parse(&dump_sort, state, arg, dump_fields);
    return key == KEY_SORT;
}

static void print_client(const struct args *args, const struct sluice_dump_session *session, int64_t now_ns)
{
    if (args->json)
        json_line(session_json(session, now_ns));
    else
        print_session(session, now_ns);
}

/* With --sort the pages are kept until the last has come. */
struct kept {
    struct sluice_dump_page **pages;
    size_t count, rows;
};

static void keep_page(struct kept *kept, struct sluice_dump_page *page)
{
    kept->pages = reallocarray(kept->pages, kept->count + 1, sizeof(struct sluice_dump_page *));
    if (kept->pages == NULL)
        abort();
    kept->pages[kept->count++] = page;
    kept->rows += page->count;
}

static void print_sorted(const struct args *args, const struct kept *kept)
{
    const void **rows = calloc(kept->rows + 1, sizeof(const void *));
    size_t count = 0;
    if (rows == NULL)
        abort();
    for (size_t i = 0; i < kept->count; i++)
        for (size_t k = 0; k < kept->pages[i]->count; k++)
            rows[count++] = &kept->pages[i]->sessions[k];
    sort_rows(&dump_sort, rows, count);
    for (size_t i = 0; i < count; i++)
        print_client(args, rows[i], kept->pages[0]->now_ns);
    free(rows);
}

static enum sluice_status dump_all(const struct args *args, sluice *s, struct kept *kept)
{
    uint64_t after = 0;
    do {
        struct sluice_dump_page *page = NULL;
        enum sluice_status status = sluice_dump(s, after, 0, &page);
        if (status != SLUICE_OK)
            return status;
        after = page->next;
        if (dump_sort.count > 0) {
            keep_page(kept, page);
            continue;
        }
        for (size_t i = 0; i < page->count; i++)
            print_client(args, &page->sessions[i], page->now_ns);
        sluice_dump_free(page);
    } while (after != 0);
    return SLUICE_OK;
}

static int dump_run(struct args *args, sluice *s)
{
    struct kept kept = {0};
    enum sluice_status status = dump_all(args, s, &kept);
    if (status == SLUICE_OK && dump_sort.count > 0)
        print_sorted(args, &kept);
    for (size_t i = 0; i < kept.count; i++)
        sluice_dump_free(kept.pages[i]);
    free(kept.pages);
    return fail(status, NULL);
}

static const struct argp_option dump_options[] = {
    {"sort", KEY_SORT, "FIELD", 0, SORT_HELP DUMP_FIELDS(SORT_NAME), 1},
    {0},
};

const struct verb verb_dump = {
    .name = "dump",
    .words = "",
    .help = "List the clients with what they wait for, and how long",
    .text = "With --json each client is a line.\n\n"
            "Example:\n"
            "  sluice dump --sort -parked",
    .takes = TAKES_JSON,
    .options = dump_options,
    .option = dump_option,
    .run = dump_run,
};

/* ---- status */

static json_t *counters_json(const struct sluice_count *counters, size_t count)
{
    json_t *json = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(json, counters[i].name, json_integer((json_int_t)counters[i].value));
    return json;
}

static void status_json(const struct sluice_daemon *d, const char *address)
{
    json_t *addresses = json_array(), *ops = json_object();
    for (size_t i = 0; i < d->addresses_count; i++)
        json_array_append_new(addresses, json_string(d->addresses[i]));
    for (size_t i = 0; i < d->ops_count; i++)
        json_object_set_new(ops, d->ops[i].name,
                            json_pack("{s:I, s:I}", "count", (json_int_t)d->ops[i].count, "failed",
                                      (json_int_t)d->ops[i].failed));
    json_line(json_pack("{s:s, s:I, s:I, s:s, s:o, s:I, s:I, s:I, s:b, s:o, s:o, s:o}", "version", d->version,
                        "pid", (json_int_t)d->pid, "uid", (json_int_t)d->uid, "address", address, "addresses",
                        addresses, "uptime_ns", (json_int_t)d->uptime_ns, "now_ns", (json_int_t)d->now_ns,
                        "wall_offset_ns", (json_int_t)d->wall_offset_ns, "virtual_clock", d->virtual_clock,
                        "counts", counters_json(d->counts, d->counts_count), "limits",
                        counters_json(d->limits, d->limits_count), "ops", ops));
}

static void print_counters(const char *title, const struct sluice_count *counters, size_t count)
{
    struct out_table table = {.columns = 2};
    out_cell(&table, "%s", title);
    out_cell(&table, "value");
    for (size_t i = 0; i < count; i++) {
        out_cell(&table, "  %s", counters[i].name);
        out_cell(&table, "%" PRIu64, counters[i].value);
    }
    out_table_end(&table);
}

static void print_status(const struct sluice_daemon *d)
{
    char text[DURATION_TEXT_SIZE];
    printf("%ssluiced %s%s  pid %" PRId32 ", uid %" PRIu32 ", up %s, %s clock\n", out_bold(), d->version,
           out_plain(), d->pid, d->uid, duration_short(d->uptime_ns, text),
           d->virtual_clock ? "virtual" : "real");
    for (size_t i = 0; i < d->addresses_count; i++)
        printf("  %s\n", d->addresses[i]);
    print_counters("counts", d->counts, d->counts_count);
    print_counters("limits", d->limits, d->limits_count);
    struct out_table table = {.columns = 3};
    out_cell(&table, "operations");
    out_cell(&table, "done");
    out_cell(&table, "failed");
    for (size_t i = 0; i < d->ops_count; i++) {
        out_cell(&table, "  %s", d->ops[i].name);
        out_cell(&table, "%" PRIu64, d->ops[i].count);
        out_cell(&table, "%" PRIu64, d->ops[i].failed);
    }
    out_table_end(&table);
}

static int status_run(struct args *args, sluice *s)
{
    struct sluice_session session;
    sluice_session_get(s, &session);
    struct sluice_daemon *d = NULL;
    enum sluice_status status = sluice_daemon_status(s, &d);
    if (status != SLUICE_OK)
        return fail(status, NULL);
    if (args->json)
        status_json(d, session.address);
    else
        print_status(d);
    sluice_daemon_free(d);
    return 0;
}

const struct verb verb_status = {
    .name = "status",
    .words = "",
    .help = "Say how the daemon does: version, addresses, counts, limits",
    .text = "Example:\n"
            "  sluice status --json | jq .pid",
    .takes = TAKES_JSON,
    .run = status_run,
};

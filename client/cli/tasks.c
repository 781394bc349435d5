/*
 * tasks.c - sluice tasks: the tasks there are, as a dump of goroutines lists those.
 *
 * In the order in which they were submitted, in pages of the daemon: without --sort nothing is kept here. Who is running, who waits without a slot, who has
 * a reply and waits for one, each since when; and which session runs it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "duration.h"
#include "link.h"
#include "sort.h"
#include "task.h"
#include "verb.h"
#include "work.h"

enum { STATES = SLUICE_TASK_DEAD + 1 };

static struct {
    const char *pool;
    bool all, numbers;
    bool by_state;
    bool states[STATES];
    struct sort sort;
} options;

enum { KEY_SORT = 0x100, KEY_STATE };

/* ---- By what they are sorted */

static struct sort_key by_task(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){NULL, (int64_t)d->task.number};
}

static struct sort_key by_state(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){NULL, (int64_t)d->task.state};
}

static struct sort_key by_since(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){NULL, d->task.state_since_ns};
}

static struct sort_key by_pool(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){d->task.pool_name, 0};
}

static struct sort_key by_function(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){d->task.function, 0};
}

static struct sort_key by_priority(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){NULL, d->task.priority};
}

static struct sort_key by_attempts(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){NULL, d->task.attempts};
}

static struct sort_key by_exit(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){NULL, d->task.has_exit ? d->task.exit : INT64_MAX};
}

#define FIELDS(FIELD) \
    FIELD(task)       \
    FIELD(state) FIELD(since) FIELD(pool) FIELD(function) FIELD(priority) FIELD(attempts) FIELD(exit)
static const struct sort_field fields[] = {FIELDS(SORT_FIELD){NULL, NULL}};

/* ---- Options */

static void take_states(struct argp_state *state, char *text)
{
    char *rest = NULL;
    for (char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        int found = 0;
        while (found < STATES && strcmp(work_task_state((enum sluice_task_state)found), one) != 0)
            found++;
        if (found < STATES)
            options.states[found] = options.by_state = true;
        else
            argp_error(state, "--state: '%s' is none of blocked delayed queued running waiting runnable dead",
                       one);
    }
}

static bool tasks_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case 'p': options.pool = arg; return true;
    case 'a': options.all = true; return true;
    case '1': options.numbers = true; return true;
    case KEY_SORT: sort_parse(&options.sort, state, arg, fields); return true;
    case KEY_STATE: take_states(state, arg); return true;
    default: return false;
    }
}

static bool is_wanted(const struct sluice_description *d, uint64_t pool)
{
    if ((pool != 0 && d->task.pool != pool) || d->task.state > SLUICE_TASK_DEAD)
        return false;
    if (options.by_state)
        return options.states[d->task.state];
    return options.all || d->task.state != SLUICE_TASK_DEAD;
}

/* ---- Printing */

static void print_head(struct out_table *table)
{
    static const char *const names[] = {"TASK",     "STATE",    "FOR", "WAITS IN", "POOL",
                                        "PRIORITY", "ATTEMPTS", "BY",  "ENDED",    "RUNS"};
    table->columns = sizeof names / sizeof *names;
    for (unsigned i = 0; i < table->columns; i++)
        out_cell(table, "%s", names[i]);
}

static void print_row(struct out_table *table, const struct sluice_description *d, int64_t now_ns)
{
    char since[DURATION_TEXT_SIZE], end[24], runs[WORK_TEXT_SIZE], wait[WORK_TEXT_SIZE];
    out_cell(table, "%" PRIu64, d->task.number);
    out_cell(table, "%s%s", work_task_state(d->task.state), d->task.stopping ? ", stopping" : "");
    out_cell(table, "%s", duration_short(now_ns - d->task.state_since_ns, since));
    out_cell(table, "%s", *work_wait(d, wait) != '\0' ? wait : "-");
    if (*d->task.pool_name != '\0')
        out_cell(table, "%s", d->task.pool_name);
    else
        out_cell(table, "#%" PRIu64, d->task.pool);
    out_cell(table, "%" PRId32, d->task.priority);
    out_cell(table, "%" PRIu32 "/%" PRIu64, d->task.attempts, (uint64_t)d->task.retries + 1);
    if (d->hold.holder != 0)
        out_cell(table, "session %" PRIu64, d->hold.holder);
    else
        out_cell(table, "-");
    out_cell(table, "%s", d->task.state == SLUICE_TASK_DEAD ? work_task_end(d, end) : "-");
    out_cell(table, "%.60s", work_runs(d, runs));
}

static void print_task(const struct args *args, struct out_table *table, const struct sluice_description *d,
                       int64_t now_ns)
{
    if (args->json)
        json_line(describe_json(d));
    else if (options.numbers)
        printf("%" PRIu64 "\n", d->task.number);
    else
        print_row(table, d, now_ns);
}

/* ---- Listing */

/* What is kept until all is sorted. */
struct kept {
    struct sluice_listing **pages;
    size_t pages_count;
    const void **rows;
    size_t rows_count, rows_room;
};

static void keep_page(struct kept *kept, struct sluice_listing *page)
{
    kept->pages = realloc(kept->pages, (kept->pages_count + 1) * sizeof(struct sluice_listing *));
    if (kept->pages == NULL)
        abort();
    kept->pages[kept->pages_count++] = page;
}

static void keep_row(struct kept *kept, const struct sluice_description *d)
{
    if (kept->rows_count == kept->rows_room) {
        kept->rows_room = kept->rows_room * 2 + 64;
        kept->rows = realloc(kept->rows, kept->rows_room * sizeof(void *));
        if (kept->rows == NULL)
            abort();
    }
    kept->rows[kept->rows_count++] = d;
}

static void kept_done(struct kept *kept)
{
    for (size_t i = 0; i < kept->pages_count; i++)
        sluice_listing_free(kept->pages[i]);
    free(kept->pages);
    free(kept->rows);
}

static enum sluice_status list_tasks(const struct args *args, sluice *s, uint64_t pool, struct kept *kept,
                                     struct out_table *table, int64_t now_ns)
{
    struct sluice_list_options list = SLUICE_LIST_OPTIONS_INIT;
    bool sorted = options.sort.count > 0;
    list.kind = SLUICE_KIND_TASK;
    list.anonymous = true;
    do {
        struct sluice_listing *page = NULL;
        enum sluice_status status = sluice_list(s, &list, &page);
        if (status != SLUICE_OK)
            return status;
        for (size_t i = 0; i < page->count; i++) {
            if (!is_wanted(&page->objects[i], pool))
                continue;
            if (sorted)
                keep_row(kept, &page->objects[i]);
            else
                print_task(args, table, &page->objects[i], now_ns);
        }
        list.after = page->next;
        if (sorted)
            keep_page(kept, page);
        else
            sluice_listing_free(page);
    } while (list.after != 0);
    sort_rows(&options.sort, kept->rows, kept->rows_count);
    for (size_t i = 0; i < kept->rows_count; i++)
        print_task(args, table, kept->rows[i], now_ns);
    return SLUICE_OK;
}

static int tasks_run(struct args *args, sluice *s)
{
    struct sluice_session session;
    struct sluice_description *d = NULL;
    struct out_table table = {0};
    struct kept kept = {0};
    enum sluice_status status = SLUICE_OK;
    sluice_session_get(s, &session);
    if (options.pool != NULL)
        status = task_describe_pool(s, options.pool, &d);
    if (status != SLUICE_OK)
        return task_fail_pool(status, options.pool);
    if (!args->json && !options.numbers)
        print_head(&table);
    status = list_tasks(args, s, d != NULL ? d->serial : 0, &kept, &table, session.now_ns);
    if (table.columns > 0)
        out_table_end(&table);
    kept_done(&kept);
    sluice_description_free(d);
    return fail(status, NULL);
}

static const struct argp_option tasks_options[] = {
    {"pool", 'p', "POOL", 0, "Only those of this pool", 1},
    {"state", KEY_STATE, "STATE", 0,
     "Only those in this state, or in several with commas between: blocked (after others), delayed, queued, running, waiting (in the daemon, without a slot), runnable (its wait is over, and it waits for a slot), dead",
     1},
    {"all", 'a', NULL, 0, "Those that have ended, too, as long as their results are kept", 1},
    {"numbers", '1', NULL, 0, "Print numbers only", 1},
    {"sort", KEY_SORT, "FIELD", 0, SORT_HELP FIELDS(SORT_NAME), 1},
    {0},
};

const struct verb verb_tasks = {
    .name = "tasks",
    .words = "",
    .help = "List tasks with their states, as a dump of goroutines does",
    .text =
        "In the order in which they were submitted. With --json each task is a line; so are times in nanoseconds of the daemon's clock.\n\n"
        "Examples:\n"
        "  sluice tasks --pool build --json\n"
        "  sluice tasks --state running --sort since\n"
        "  sluice tasks --pool build --state queued -1 | xargs -rn1 sluice kill",
    .takes = TAKES_JSON,
    .options = tasks_options,
    .option = tasks_option,
    .run = tasks_run,
};

/*
 * look.c - what there is: ls, show, ctx show.
 *
 * Lists come in pages of the daemon, and JSON is one object a line, so that a million objects take no more memory here than a
 * thousand do. --sort keeps them all until the last has come.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "link.h"
#include "sort.h"
#include "task.h"
#include "verb.h"

/* ---- ls */

static struct {
    enum sluice_kind kind;
    bool all, names;
    struct sort sort;
} options;

enum { KEY_KIND = 0x100, KEY_SORT };

/* By what a list may be ordered: its columns, and the order of creation. */
#define LS_FIELDS(FIELD) \
    FIELD(name)          \
    FIELD(kind) FIELD(state) FIELD(items) FIELD(cap) FIELD(type) FIELD(waiting) FIELD(age) FIELD(serial)

static struct sort_key by_name(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){*d->name != '\0' ? d->name : d->key, 0};
}

static struct sort_key by_kind(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){sluice_kind_name(d->kind), 0};
}

static struct sort_key by_state(const void *row)
{
    return (struct sort_key){describe_state(row), 0};
}

/* What has none comes before what has the least. */
static struct sort_key by_items(const void *row)
{
    int64_t items = 0;
    return (struct sort_key){NULL, describe_items(row, &items) ? items : INT64_MIN};
}

static struct sort_key by_cap(const void *row)
{
    int64_t cap = 0;
    return (struct sort_key){NULL, describe_cap(row, &cap) ? cap : INT64_MIN};
}

static struct sort_key by_type(const void *row)
{
    return (struct sort_key){describe_type(row), 0};
}

static struct sort_key by_waiting(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){NULL, (int64_t)d->waiting};
}

static struct sort_key by_age(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){NULL, -d->made_ns};
}

static struct sort_key by_serial(const void *row)
{
    const struct sluice_description *d = row;
    return (struct sort_key){NULL, (int64_t)d->serial};
}

static const struct sort_field ls_fields[] = {LS_FIELDS(SORT_FIELD){0}};

static enum sluice_kind parse_kind(struct argp_state *state, const char *text)
{
#define KIND(NAME, name, number, help) \
    if (strcmp(text, #name) == 0)      \
        return SLUICE_KIND_##NAME;
#include "kinds.def"
#undef KIND
    argp_error(state, "--kind: '%s' is none of"
#define KIND(NAME, name, number, help) " " #name
#include "kinds.def"
#undef KIND
               ,
               text);
    return SLUICE_KIND_NONE;
}

static bool ls_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_KIND: options.kind = parse_kind(state, arg); return true;
    case 'a': options.all = true; return true;
    case '1': options.names = true; return true;
    case KEY_SORT: sort_parse(&options.sort, state, arg, ls_fields); return true;
    default: return false;
    }
}

static void print_object(const struct args *args, struct out_table *table, const struct sluice_description *d,
                         int64_t now_ns)
{
    if (args->json)
        json_line(describe_json(d));
    else if (!options.names)
        describe_row(table, d, now_ns);
    else if (*d->name != '\0')
        puts(d->name);
}

/* What is listed: page by page, or with --sort all of it at the end. */
struct listed {
    const struct args *args;
    struct out_table table;
    int64_t now_ns;
    struct sluice_listing **pages; /* those that are kept */
    size_t pages_count, rows_count;
};

static void keep_page(struct listed *l, struct sluice_listing *page)
{
    l->pages = reallocarray(l->pages, l->pages_count + 1, sizeof(struct sluice_listing *));
    if (l->pages == NULL)
        abort();
    l->pages[l->pages_count++] = page;
    l->rows_count += page->count;
}

static void take_page(struct listed *l, struct sluice_listing *page)
{
    if (options.sort.count > 0) {
        keep_page(l, page);
        return;
    }
    for (size_t i = 0; i < page->count; i++)
        print_object(l->args, &l->table, &page->objects[i], l->now_ns);
    sluice_listing_free(page);
}

static void print_sorted(struct listed *l)
{
    const void **rows = calloc(l->rows_count + 1, sizeof(const void *));
    size_t count = 0;
    if (rows == NULL)
        abort();
    for (size_t i = 0; i < l->pages_count; i++)
        for (size_t k = 0; k < l->pages[i]->count; k++)
            rows[count++] = &l->pages[i]->objects[k];
    sort_rows(&options.sort, rows, count);
    for (size_t i = 0; i < count; i++)
        print_object(l->args, &l->table, rows[i], l->now_ns);
    free(rows);
}

static enum sluice_status list_all(struct listed *l, sluice *s)
{
    struct sluice_list_options list = SLUICE_LIST_OPTIONS_INIT;
    list.prefix = l->args->words[0];
    list.kind = options.kind;
    list.anonymous = options.all;
    do {
        struct sluice_listing *page = NULL;
        enum sluice_status status = sluice_list(s, &list, &page);
        if (status != SLUICE_OK)
            return status;
        list.after = page->next;
        take_page(l, page);
    } while (list.after != 0);
    return SLUICE_OK;
}

static int ls_run(struct args *args, sluice *s)
{
    struct listed l = {.args = args};
    struct sluice_session session;
    sluice_session_get(s, &session);
    l.now_ns = session.now_ns;
    if (!args->json && !options.names)
        describe_head(&l.table);
    enum sluice_status status = list_all(&l, s);
    if (status == SLUICE_OK && options.sort.count > 0)
        print_sorted(&l);
    if (status == SLUICE_OK && l.table.columns > 0)
        out_table_end(&l.table);
    for (size_t i = 0; i < l.pages_count; i++)
        sluice_listing_free(l.pages[i]);
    free(l.pages);
    return fail(status, NULL);
}

static const struct argp_option ls_options[] = {
    {"kind", KEY_KIND, "KIND", 0, "Only objects of this kind:"
#define KIND(NAME, name, number, help) " " #name
#include "kinds.def"
#undef KIND
     ,
     1},
    {"all", 'a', NULL, 0, "Those without a name too", 1},
    {"names", '1', NULL, 0, "Print names only", 1},
    {"sort", KEY_SORT, "FIELD", 0, SORT_HELP LS_FIELDS(SORT_NAME), 1},
    {0},
};

const struct verb verb_ls = {
    .name = "ls",
    .words = "[PREFIX]",
    .help = "List objects, in the order in which they were made",
    .text = "With --json each object is a line.\n\n"
            "Examples:\n"
            "  sluice ls jobs/\n"
            "  sluice ls --kind channel --sort -items,name\n"
            "  sluice ls --kind context --json | jq -r 'select(.error != \"OK\").name'",
    .takes = TAKES_JSON,
    .words_min = 0,
    .words_max = 1,
    .options = ls_options,
    .option = ls_option,
    .run = ls_run,
};

/* ---- show */

enum { KEY_SCHEMA = 0x200 };

static struct {
    bool schema;
} show_what;

static bool show_option(int key, char *arg, struct argp_state *state)
{
    (void)arg, (void)state;
    show_what.schema = show_what.schema || key == KEY_SCHEMA;
    return key == KEY_SCHEMA;
}

/* The descriptors of a channel's messages, as they are. */
static int show_schema(const struct sluice_description *d, const char *name)
{
    if (d->kind != SLUICE_KIND_CHANNEL || d->channel.schema.size == 0)
        return fail_text(
            sluice_exit_code(SLUICE_NOT_FOUND),
            "%s: no schema (it has one when it is made with: sluice make %s --message TYPE --schema FILE)",
            name, name);
    fwrite(d->channel.schema.data, 1, d->channel.schema.size, stdout);
    return 0;
}

static int show(const struct args *args, sluice *s, sluice_ref ref)
{
    struct sluice_session session;
    sluice_session_get(s, &session);
    struct sluice_description *d = NULL;
    enum sluice_status status = sluice_describe(s, ref, &d);
    if (status != SLUICE_OK)
        return ref.task != 0 ? task_fail(status, ref.task) : fail(status, args->words[0]);
    int code = 0;
    if (show_what.schema)
        code = show_schema(d, args->words[0]);
    else if (args->json)
        json_line(describe_json(d));
    else
        describe_print(d, session.wall_offset_ns);
    sluice_description_free(d);
    return code;
}

/* A number is a task's, unless something has it for a name. */
static int show_run(struct args *args, sluice *s)
{
    const char *word = args->words[0];
    uint64_t number = args_task(word);
    sluice_ref ref = SLUICE_NIL_REF;
    if (number != 0 && sluice_open_ref(s, sluice_named(word), 0, SLUICE_KIND_NONE, &ref, NULL) == SLUICE_OK)
        return show(args, s, ref);
    return show(args, s, number != 0 ? sluice_task_numbered(number).ref : sluice_named(word));
}

static const struct argp_option show_options[] = {
    {"schema", KEY_SCHEMA, NULL, 0,
     "Write the descriptors of a channel's protobuf messages, for protoc --decode", 1},
    {0},
};

const struct verb verb_show = {
    .name = "show",
    .words = "NAME|TASK",
    .help = "Say what an object is, what it holds and who waits on it",
    .text = "A task is named by its number.\n\n"
            "Example:\n"
            "  sluice show jobs --json | jq .len\n"
            "  sluice show orders --schema >orders.pb",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .options = show_options,
    .option = show_option,
    .run = show_run,
};

static int ctx_show_run(struct args *args, sluice *s)
{
    sluice_ref ref = SLUICE_NIL_REF;
    enum sluice_status status = sluice_open_ref(s, sluice_named(args->words[0]), SLUICE_RIGHT_OBSERVE,
                                                SLUICE_KIND_CONTEXT, &ref, NULL);
    return status == SLUICE_OK ? show(args, s, ref) : fail(status, args->words[0]);
}

const struct verb verb_ctx_show = {
    .name = "ctx show",
    .words = "CTX",
    .help = "Say what a context is: alive or why not, its deadline, its values",
    .text = "Example:\n"
            "  sluice ctx show $CTX",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .run = ctx_show_run,
};

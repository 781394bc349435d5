/*
 * look.c - what there is: ls, show, ctx show.
 *
 * Lists come in pages of the daemon, and JSON is one object a line, so that a million objects take no more memory here than a
 * thousand do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "describe.h"
#include "link.h"
#include "verb.h"

/* ---- ls */

static struct {
    enum sluice_kind kind;
    bool all, names;
} options;

enum { KEY_KIND = 0x100 };

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

static int ls_run(struct args *args, sluice *s)
{
    struct sluice_list_options list = SLUICE_LIST_OPTIONS_INIT;
    list.prefix = args->words[0];
    list.kind = options.kind;
    list.anonymous = options.all;
    struct sluice_session session;
    sluice_session_get(s, &session);
    struct out_table table = {0};
    if (!args->json && !options.names)
        describe_head(&table);
    do {
        struct sluice_listing *page = NULL;
        enum sluice_status status = sluice_list(s, &list, &page);
        if (status != SLUICE_OK)
            return fail(status, NULL);
        for (size_t i = 0; i < page->count; i++)
            print_object(args, &table, &page->objects[i], session.now_ns);
        list.after = page->next;
        sluice_listing_free(page);
    } while (list.after != 0);
    if (table.columns > 0)
        out_table_end(&table);
    return 0;
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
    {0},
};

const struct verb verb_ls = {
    .name = "ls",
    .words = "[PREFIX]",
    .help = "List objects, in the order in which they were made",
    .text = "With --json each object is a line.\n\n"
            "Examples:\n"
            "  sluice ls jobs/\n"
            "  sluice ls --kind context --json | jq -r 'select(.error != \"OK\").name'",
    .takes = TAKES_JSON,
    .words_min = 0,
    .words_max = 1,
    .options = ls_options,
    .option = ls_option,
    .run = ls_run,
};

/* ---- show */

static int show(const struct args *args, sluice *s, sluice_ref ref)
{
    struct sluice_session session;
    sluice_session_get(s, &session);
    struct sluice_description *d = NULL;
    enum sluice_status status = sluice_describe(s, ref, &d);
    if (status != SLUICE_OK)
        return fail(status, args->words[0]);
    if (args->json)
        json_line(describe_json(d));
    else
        describe_print(d, session.wall_offset_ns);
    sluice_description_free(d);
    return 0;
}

static int show_run(struct args *args, sluice *s)
{
    return show(args, s, sluice_named(args->words[0]));
}

const struct verb verb_show = {
    .name = "show",
    .words = "NAME",
    .help = "Say what an object is, what it holds and who waits on it",
    .text = "Example:\n"
            "  sluice show jobs --json | jq .len",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
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

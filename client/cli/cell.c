/*
 * cell.c - sluice cell: one value to read, replace and watch, from the shell.
 *
 * Go's atomic.Value, with a revision for each change. Each verb is one step in the daemon. What is typed becomes a value of the type
 * that the cell has; its first value gives it one, bytes unless --type says otherwise. A cell that is not there is made, empty,
 * when it is first changed or watched; only reading one that is not there is an error, since it would hide a wrong name.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "link.h"
#include "out.h"
#include "records.h"
#include "sync.h"
#include "value.h"
#include "verb.h"

static struct {
    enum sluice_type type; /* NONE: the cell's */
    uint64_t fence, revision;
    bool has_revision, follow;
} options;

enum { KEY_FENCE = 0x100, KEY_TYPE, KEY_REVISION, KEY_FOLLOW };

static bool cell_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_FENCE: options.fence = (uint64_t)args_number(state, "--fence", arg, 1, INT64_MAX); return true;
    case KEY_TYPE: options.type = args_type(state, arg); return true;
    case KEY_REVISION:
        options.has_revision = true;
        options.revision = (uint64_t)args_number(state, "--revision", arg, 0, INT64_MAX);
        return true;
    case KEY_FOLLOW: options.follow = true; return true;
    default: return false;
    }
}

#define VALUE_OPTIONS                                                                                     \
    {"type", KEY_TYPE, "TYPE", 0, "The type of a cell's first value: bytes string int64 double json", 1}, \
        {"fence",                                                                                         \
         KEY_FENCE,                                                                                       \
         "TOKEN",                                                                                         \
         0,                                                                                               \
         "The token of the lock that guards it: refused when a newer one has been seen (exit code 75)",   \
         1},                                                                                              \
    {                                                                                                     \
        0                                                                                                 \
    }

static int open_cell(sluice *s, const char *name, bool make, sluice_cell *ret)
{
    const struct sync_spec spec =
        SYNC_SPEC_INIT(SLUICE_KIND_CELL, make ? SLUICE_KIND_CELL : SLUICE_KIND_NONE);
    return fail(sync_open(s, name, &spec, &ret->ref, NULL), name);
}

/* One line of JSON; swapped: NULL where that says nothing. */
static void print_json(sluice *s, const struct sluice_content *content, const bool *swapped)
{
    fputs("{\"value\":", stdout);
    out_json_value(s, &content->item.value);
    printf(",\"type\":\"%s\",\"revision\":%" PRIu64, sluice_type_name(content->item.value.type),
           content->revision);
    if (swapped != NULL)
        printf(",\"swapped\":%s", *swapped ? "true" : "false");
    puts("}");
}

static void print_content(const struct args *args, sluice *s, const struct sluice_content *content,
                          const bool *swapped)
{
    const struct out_format format = {.how = options.follow ? OUT_DELIMITED : OUT_RAW, .delimiter = '\n'};
    if (args->json)
        print_json(s, content, swapped);
    else
        out_item(&format, s, &content->item);
}

/* ---- Reading */

static int get_run(struct args *args, sluice *s)
{
    sluice_cell cell = SLUICE_NIL;
    struct sluice_content content = {0};
    int code = open_cell(s, args->words[0], false, &cell);
    if (code == 0)
        code = fail(sluice_cell_load(s, cell, &content), args->words[0]);
    if (code != 0)
        return code;
    print_content(args, s, &content, NULL);
    sluice_item_free(&content.item);
    return content.revision == 0 ? 1 : 0;
}

const struct verb verb_cell_get = {
    .name = "cell get",
    .words = "NAME",
    .help = "Print the value of a cell",
    .text =
        "Exit code 1: it is empty. 66: there is none of this name. With --json its type and revision, too.\n\n"
        "Example:\n"
        "  sluice cell get config",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .run = get_run,
};

/* ---- Changing */

/* The values of a change, and what they borrow from stdin. */
struct change {
    struct values values;
    struct records input;
};

static void change_done(struct change *c)
{
    values_done(&c->values);
    records_done(&c->input);
}

/* Of which type a value is. 0, or the exit code. */
static int value_type(sluice *s, sluice_cell cell, const char *name, enum sluice_type *ret)
{
    struct sluice_content content = {0};
    *ret = options.type;
    if (options.type != SLUICE_TYPE_NONE)
        return 0;
    int code = fail(sluice_cell_load(s, cell, &content), name);
    *ret = content.revision == 0 ? SLUICE_TYPE_BYTES : content.item.value.type;
    sluice_item_free(&content.item);
    return code;
}

/* All of stdin. 0, or the exit code. */
static int read_input(sluice *s, struct records *input, struct sluice_blob *ret)
{
    struct sluice_session session;
    int code = 0;
    sluice_session_get(s, &session);
    *input = (struct records){.delimiter = -1, .size_max = session.payload_size_max};
    while (records_read(input, &code) == 1)
        ;
    if (code == 0)
        records_next(input, ret);
    return code;
}

/* Adds what a word stands for, stdin if it is "-". 0, or the exit code. */
static int add_word(sluice *s, struct change *c, const char *name, enum sluice_type type, const char *word)
{
    struct sluice_blob text = {word, strlen(word)};
    bool input = strcmp(word, "-") == 0;
    const char *why = NULL;
    int code = input ? read_input(s, &c->input, &text) : 0;
    if (code != 0 || values_add(&c->values, type, false, text.data, text.size, &why))
        return code;
    return fail_text(EX_USAGE, "%s: %s%s%s %s, as its type %s wants", name, input ? "" : "'",
                     input ? "stdin" : word, input ? "" : "'", why, sluice_type_name(type));
}

/* Carries it out. What it gives is to be freed, whatever the exit code is. */
static int exchange(const struct args *args, sluice *s, enum sluice_exchange_verb verb,
                    struct sluice_content *ret, bool *ret_swapped)
{
    const char *name = args->words[0];
    sluice_cell cell = SLUICE_NIL;
    struct change c = {0};
    enum sluice_type type = SLUICE_TYPE_NONE;
    int code = open_cell(s, name, true, &cell);
    if (code == 0)
        code = value_type(s, cell, name, &type);
    for (int i = 1; i < args->words_count && code == 0; i++)
        code = add_word(s, &c, name, type, args->words[i]);
    assert(code != 0 || c.values.values != NULL);
    if (code == 0) {
        struct sluice_exchange e = {.verb = verb,
                                    .value = c.values.values[c.values.count - 1],
                                    .has_revision = options.has_revision,
                                    .revision = options.revision,
                                    .fence = options.fence};
        if (c.values.count > 1)
            e.expected = c.values.values[0];
        code = fail(sluice_cell_exchange(s, cell, &e, ret, ret_swapped), name);
    }
    change_done(&c);
    return code;
}

static int set_run(struct args *args, sluice *s)
{
    struct sluice_content before = {0};
    int code = exchange(args, s, SLUICE_EXCHANGE_STORE, &before, NULL);
    if (code == 0 && args->json)
        printf("{\"revision\":%" PRIu64 "}\n", before.revision);
    sluice_item_free(&before.item);
    return code;
}

static int swap_run(struct args *args, sluice *s)
{
    struct sluice_content before = {0};
    int code = exchange(args, s, SLUICE_EXCHANGE_SWAP, &before, NULL);
    if (code == 0)
        print_content(args, s, &before, NULL);
    sluice_item_free(&before.item);
    return code;
}

static int cas_run(struct args *args, sluice *s)
{
    struct sluice_content found = {0};
    bool swapped = false;
    int code = exchange(args, s, SLUICE_EXCHANGE_CAS, &found, &swapped);
    if (code == 0)
        print_content(args, s, &found, &swapped);
    sluice_item_free(&found.item);
    return code != 0 ? code : swapped ? 0 : 1;
}

static void cas_check(const struct args *args, struct argp_state *state)
{
    int stdins = 0;
    for (int i = 1; i < args->words_count; i++)
        stdins += strcmp(args->words[i], "-") == 0;
    if (options.has_revision && args->words_count > 2)
        argp_error(state, "OLD or --revision: it is one or the other");
    if (!options.has_revision && args->words_count < 3)
        argp_error(state, "missing argument: expected NAME OLD NEW, or --revision N");
    if (stdins > 1)
        argp_error(state, "OLD and NEW cannot both be stdin");
}

static const struct argp_option value_options[] = {VALUE_OPTIONS};

static const struct argp_option cas_options[] = {
    {"revision", KEY_REVISION, "N", 0, "In place of OLD: if it is of this revision; 0: if it is empty", 1},
    VALUE_OPTIONS,
};

#define MADE \
    "The cell is made on first use. A VALUE of - is all of stdin, byte for byte. Another type than the cell's is an error, as in Go: exit code 64.\n\n"

const struct verb verb_cell_set = {
    .name = "cell set",
    .words = "NAME VALUE",
    .help = "Set a cell to a value",
    .text = MADE "Example:\n"
                 "  sluice cell set config - <config.json --type json",
    .takes = TAKES_JSON,
    .words_min = 2,
    .words_max = 2,
    .options = value_options,
    .option = cell_option,
    .run = set_run,
};

const struct verb verb_cell_swap = {
    .name = "cell swap",
    .words = "NAME VALUE",
    .help = "Set a cell to a value, and print the value before",
    .text = MADE "Nothing is printed when it was empty.\n\n"
                 "Example:\n"
                 "  sluice cell swap leader \"$(hostname)\"",
    .takes = TAKES_JSON,
    .words_min = 2,
    .words_max = 2,
    .options = value_options,
    .option = cell_option,
    .run = swap_run,
};

const struct verb verb_cell_cas = {
    .name = "cell cas",
    .words = "NAME OLD NEW",
    .help = "Set a cell to NEW if it is OLD, and print the value before",
    .text =
        "Exit code 0: it was OLD, and is NEW. 1: it was not, and was left as it is. `cell cas NAME --revision N NEW` "
        "looks at the revision that `cell get --json` printed: a value that came back does not pass for one that never left.\n\n" MADE
        "Examples:\n"
        "  sluice cell cas state idle busy\n"
        "  sluice cell cas owner --revision 0 me",
    .takes = TAKES_JSON,
    .words_min = 2,
    .words_max = 3,
    .options = cas_options,
    .option = cell_option,
    .check = cas_check,
    .run = cas_run,
};

/* ---- Watching */

/* The next value, printed; *after is its revision then. */
static int watch_one(const struct args *args, sluice *s, sluice_cell cell, const struct sluice_wait *wait,
                     uint64_t *after)
{
    struct sluice_content content = {0};
    int code = fail(sluice_cell_wait(s, cell, *after, wait, &content), args->words[0]);
    if (code != 0)
        return code;
    *after = content.revision;
    print_content(args, s, &content, NULL);
    sluice_item_free(&content.item);
    code = out_flush();
    return code == 0 && interrupt_signal() != 0 ? 128 + interrupt_signal() : code;
}

static int watch_run(struct args *args, sluice *s)
{
    struct sluice_wait wait = args_wait(args);
    sluice_cell cell = SLUICE_NIL;
    uint64_t after = options.revision;
    int code = open_cell(s, args->words[0], true, &cell);
    if (code == 0 && options.follow)
        code = fail(args_wait_all(args, s, &wait), args->ctx);
    if (code != 0)
        return code;
    do
        code = watch_one(args, s, cell, &wait, &after);
    while (options.follow && code == 0);
    return code;
}

static const struct argp_option watch_options[] = {
    {"revision", KEY_REVISION, "N", 0,
     "Wait until it is of another revision (default: 0, until it has a value)", 1},
    {"follow", KEY_FOLLOW, NULL, 0, "Go on with each change, every value on a line of its own", 1},
    {0},
};

const struct verb verb_cell_watch = {
    .name = "cell watch",
    .words = "NAME",
    .help = "Wait until a cell has a value, or another one, and print it",
    .text =
        "Several changes between two looks are seen as one: the newest counts. `cell get --json` prints the revision to wait from.\n\n"
        "Examples:\n"
        "  sluice cell watch config --follow | while read -r line; do ./reload \"$line\"; done\n"
        "  sluice cell watch config --revision 7 --timeout 1m",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .options = watch_options,
    .option = cell_option,
    .run = watch_run,
};

/*
 * config.c - see config.h.
 *
 * Flags are read first, because one of them names the file, and kept as a list of (row, text); then defaults, file and flags are applied
 * in that order. A reload does the same again with the same argv.
 */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include "limits.h"
#include "number.h"

enum row_kind { ROW_NUMBER, ROW_TEXT, ROW_LIST, ROW_FLAG };
enum row_when { LIVE, START };

struct row {
    const char *name;
    enum row_kind kind;
    size_t offset;
    enum row_when when;
    enum number_form form; /* ROW_NUMBER, and all below */
    int64_t number, min, max;
    const char *text; /* ROW_TEXT: the default */
    const char *argument, *help;
};

static const struct row rows[] = {
#define NUMBER(name_, field, form_, number_, min_, max_, when_, help_) \
    {.name = #name_,                                                   \
     .kind = ROW_NUMBER,                                               \
     .offset = offsetof(struct config, field),                         \
     .when = (when_),                                                  \
     .form = AS_##form_,                                               \
     .number = (number_),                                              \
     .min = (min_),                                                    \
     .max = (max_),                                                    \
     .argument = #form_,                                               \
     .help = (help_)},
#define TEXT(name_, field, argument_, text_, when_, help_) \
    {.name = #name_,                                       \
     .kind = ROW_TEXT,                                     \
     .offset = offsetof(struct config, field),             \
     .when = (when_),                                      \
     .text = (text_),                                      \
     .argument = (argument_),                              \
     .help = (help_)},
#define LIST(name_, field, argument_, help_)   \
    {.name = #name_,                           \
     .kind = ROW_LIST,                         \
     .offset = offsetof(struct config, field), \
     .when = START,                            \
     .argument = (argument_),                  \
     .help = (help_)},
#define FLAG(name_, field, help_)              \
    {.name = #name_,                           \
     .kind = ROW_FLAG,                         \
     .offset = offsetof(struct config, field), \
     .when = START,                            \
     .help = (help_)},
#include "keys.def"
#undef NUMBER
#undef TEXT
#undef LIST
#undef FLAG
};

enum { ROWS_COUNT = sizeof(rows) / sizeof(rows[0]), KEY_FIRST = 256, KEY_CONFIG = 1024, KEY_CHECK };

/* A flag as it was given. */
struct given {
    const struct row *row;
    const char *text;
};

struct flags {
    struct given *given;
    size_t count;
    const char *file;
    bool check_only;
};

/* The file while it is read. */
struct source {
    struct config *config;
    const char *file;
    FILE *stream;
    int line;
    bool failed;
    char *why;
    size_t why_size;
};

static const struct row *row_find(const char *name)
{
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

/* ---- Fields. ---- */

static void *field_at(const struct config *c, const struct row *row)
{
    return (char *)c + row->offset;
}

static void list_clear(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct config_list){0};
}

static const char *list_add(struct config_list *list, const char *text)
{
    char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
    char *copy = strdup(text);
    if (items)
        list->items = items;
    if (!items || !copy) {
        free(copy);
        return "out of memory";
    }
    list->items[list->count++] = copy;
    return NULL;
}

static const char *text_set(char **field, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        return "out of memory";
    free(*field);
    *field = copy;
    return NULL;
}

static const char *number_set(const struct row *row, int64_t *field, const char *text)
{
    static char problem[160];
    static const char *const forms[] = {
        [AS_COUNT] = "a number",
        [AS_SIZE] = "a size such as 64K, 1M or 4G",
        [AS_DURATION] = "a duration such as 500ms, 10s or 1h30m",
        [AS_MODE] = "an octal mode such as 0660",
        [AS_LEVEL] = "err, warning, notice, info or debug",
    };
    int64_t number;
    if (!number_parse(row->form, text, &number)) {
        (void)snprintf(problem, sizeof(problem), "\"%.40s\" is not %s", text, forms[row->form]);
        return problem;
    }
    if (number < row->min || number > row->max) {
        char min[32], max[32];
        (void)snprintf(problem, sizeof(problem), "%.40s is not within %s and %s", text,
                       number_format(row->form, row->min, min, sizeof(min)),
                       number_format(row->form, row->max, max, sizeof(max)));
        return problem;
    }
    *field = number;
    return NULL;
}

static const char *flag_set(bool *field, const char *text)
{
    bool yes = strcmp(text, "yes") == 0, no = strcmp(text, "no") == 0;
    if (!yes && !no)
        return "it is neither yes nor no";
    *field = yes;
    return NULL;
}

/* What is wrong with the text, or NULL when the field is set. */
static const char *field_set(struct config *c, const struct row *row, const char *text)
{
    void *field = field_at(c, row);
    switch (row->kind) {
    case ROW_NUMBER: return number_set(row, field, text);
    case ROW_TEXT: return text_set(field, text);
    case ROW_LIST: return list_add(field, text);
    case ROW_FLAG: return flag_set(field, text);
    }
    return "unknown setting";
}

static bool set_defaults(struct config *c)
{
    *c = (struct config){0};
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        if (rows[i].kind == ROW_NUMBER)
            *(int64_t *)field_at(c, &rows[i]) = rows[i].number;
        else if (rows[i].kind == ROW_TEXT && text_set(field_at(c, &rows[i]), rows[i].text))
            return false;
    }
    return true;
}

void config_done(struct config *c)
{
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        if (rows[i].kind == ROW_TEXT)
            free(*(char **)field_at(c, &rows[i]));
        else if (rows[i].kind == ROW_LIST)
            list_clear(field_at(c, &rows[i]));
    }
    free(c->file);
    *c = (struct config){0};
}

/* ---- The file. ---- */

static int source_fail(struct source *s, const char *key, const char *problem)
{
    if (!s->failed)
        (void)snprintf(s->why, s->why_size, "%s:%d: %s%s%s", s->file, s->line, key, *key ? ": " : "",
                       problem);
    s->failed = true;
    return 0;
}

/* Count the lines as they are read: inih does not tell. */
static char *source_read(char *buf, int size, void *user)
{
    struct source *s = user;
    char *line = fgets(buf, size, s->stream);
    if (line)
        s->line++;
    return line;
}

static int source_key(void *user, const char *section, const char *name, const char *value)
{
    struct source *s = user;
    if (*section)
        return source_fail(s, section, "there are no sections");
    const struct row *row = row_find(name);
    if (!row)
        return source_fail(s, name, "unknown setting");
    const char *problem = field_set(s->config, row, value);
    return problem ? source_fail(s, name, problem) : 1;
}

static int read_file(struct config *c, const char *file, bool required, char *why, size_t why_size)
{
    struct source s = {.config = c, .file = file, .why = why, .why_size = why_size};
    s.stream = fopen(file, "re");
    if (!s.stream) {
        if (errno == ENOENT && !required)
            return 0;
        int error = errno;
        (void)snprintf(why, why_size, "cannot read %s: %s", file, strerror(error));
        return -error;
    }
    int line = ini_parse_stream(source_read, &s, source_key, &s);
    (void)fclose(s.stream);
    if (line > 0 && !s.failed) {
        s.line = line;
        source_fail(&s, "", "it is not of the form: key = value");
    }
    if (s.failed)
        return -EINVAL;
    const char *problem = text_set(&c->file, file);
    return problem ? (snprintf(why, why_size, "%s", problem), -ENOMEM) : 0;
}

/* Where the file is when nobody says so. */
static bool default_file(char *buf, size_t size)
{
    const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
    if (!getenv("XDG_RUNTIME_DIR"))
        return snprintf(buf, size, "%s", SLUICE_CONFIG_FILE) < (int)size;
    if (config && *config)
        return snprintf(buf, size, "%s/sluice/sluiced.conf", config) < (int)size;
    return home && snprintf(buf, size, "%s/.config/sluice/sluiced.conf", home) < (int)size;
}

/* ---- Flags. ---- */

static error_t flag_parse(int key, char *arg, struct argp_state *state)
{
    struct flags *flags = state->input;
    if (key >= KEY_FIRST && key < KEY_FIRST + ROWS_COUNT) {
        const struct row *row = &rows[key - KEY_FIRST];
        struct config scratch = {0};
        const char *text = arg ? arg : "yes";
        const char *problem = field_set(&scratch, row, text);
        if (problem)
            argp_error(state, "--%s: %s", row->name, problem);
        config_done(&scratch);
        flags->given[flags->count++] = (struct given){.row = row, .text = text};
        return 0;
    }
    switch (key) {
    case KEY_CONFIG: flags->file = arg; return 0;
    case KEY_CHECK: flags->check_only = true; return 0;
    case ARGP_KEY_ARG: argp_error(state, "unexpected argument: %s", arg); return EINVAL;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* One option a row, its default in its help. The help texts are kept for the life of the process: argp borrows them. */
static void make_options(struct argp_option *options)
{
    static char help[ROWS_COUNT][256];
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        const struct row *row = &rows[i];
        char number[32];
        bool says = row->kind == ROW_NUMBER;
        (void)snprintf(help[i], sizeof(help[i]), says ? "%s [%s]" : "%s", row->help,
                       says ? number_format(row->form, row->number, number, sizeof(number)) : "");
        options[i] = (struct argp_option){
            .name = row->name, .key = KEY_FIRST + (int)i, .arg = row->argument, .doc = help[i]};
    }
    options[ROWS_COUNT] = (struct argp_option){.name = "config",
                                               .key = KEY_CONFIG,
                                               .arg = "FILE",
                                               .doc = "read the settings from this file",
                                               .group = -1};
    options[ROWS_COUNT + 1] = (struct argp_option){.name = "check-config",
                                                   .key = KEY_CHECK,
                                                   .doc = "print the settings that would be used, and end",
                                                   .group = -1};
    options[ROWS_COUNT + 2] = (struct argp_option){0};
}

static void read_flags(struct flags *flags, int argc, char **argv)
{
    static struct argp_option options[ROWS_COUNT + 3];
    make_options(options);
    argp_program_version = "sluiced " SLUICE_VERSION;
    argp_err_exit_status = EX_USAGE;
    const struct argp argp = {
        .options = options,
        .parser = flag_parse,
        .doc = "Serve channels, select, contexts and timers to the processes of this machine.\v"
               "Every setting can stand in sluiced.conf too, as: key = value. A flag wins over the file.",
    };
    (void)argp_parse(&argp, argc, argv, 0, NULL, flags);
}

static void apply_flags(struct config *c, const struct flags *flags)
{
    const struct row *cleared = NULL;
    for (size_t i = 0; i < flags->count; i++) {
        const struct row *row = flags->given[i].row;
        if (row->kind == ROW_LIST && cleared != row) {
            list_clear(field_at(c, row));
            cleared = row;
        }
        (void)field_set(c, row, flags->given[i].text);
    }
}

int config_load(struct config *ret, int argc, char **argv, char *why, size_t why_size)
{
    struct flags flags = {.given = calloc((size_t)argc, sizeof(*flags.given))};
    struct config c = {0};
    char file[4096];
    int r = -ENOMEM;
    (void)snprintf(why, why_size, "out of memory");
    if (flags.given && set_defaults(&c)) {
        read_flags(&flags, argc, argv);
        r = 0;
        if (flags.file || default_file(file, sizeof(file)))
            r = read_file(&c, flags.file ? flags.file : file, flags.file != NULL, why, why_size);
        apply_flags(&c, &flags);
        c.check_only = flags.check_only;
    }
    free(flags.given);
    if (r < 0)
        config_done(&c);
    else
        *ret = c;
    return r;
}

/* ---- Looking at it. ---- */

void config_print(const struct config *c, FILE *to)
{
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        const struct row *row = &rows[i];
        const void *field = field_at(c, row);
        char number[32];
        if (row->kind == ROW_NUMBER)
            (void)fprintf(to, "%s = %s\n", row->name,
                          number_format(row->form, *(const int64_t *)field, number, sizeof(number)));
        else if (row->kind == ROW_FLAG)
            (void)fprintf(to, "%s = %s\n", row->name, *(const bool *)field ? "yes" : "no");
        else if (row->kind == ROW_TEXT && *(char *const *)field)
            (void)fprintf(to, "%s = %s\n", row->name, *(char *const *)field);
        const struct config_list *list = row->kind == ROW_LIST ? field : NULL;
        for (size_t k = 0; list && k < list->count; k++)
            (void)fprintf(to, "%s = %s\n", row->name, list->items[k]);
    }
}

static bool text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool list_equal(const struct config_list *a, const struct config_list *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = strcmp(a->items[i], b->items[i]) == 0;
    return equal;
}

static bool field_equal(const struct row *row, const void *a, const void *b)
{
    switch (row->kind) {
    case ROW_NUMBER: return *(const int64_t *)a == *(const int64_t *)b;
    case ROW_FLAG: return *(const bool *)a == *(const bool *)b;
    case ROW_TEXT: return text_equal(*(char *const *)a, *(char *const *)b);
    case ROW_LIST: return list_equal(a, b);
    }
    return true;
}

const char *config_next_frozen(const struct config *old, const struct config *new, size_t *cursor)
{
    while (*cursor < ROWS_COUNT) {
        const struct row *row = &rows[(*cursor)++];
        if (row->when == START && !field_equal(row, field_at(old, row), field_at(new, row)))
            return row->name;
    }
    return NULL;
}

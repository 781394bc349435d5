/*
 * verb.c - the table of verbs, and how their arguments are parsed.
 *
 * argp does the parsing. A verb's parser is put together from its own options and the groups that its `takes` names, each a child
 * with a parser of its own; all of them fill one struct args.
 *
 * Two things argp does not know are done before it: what stands behind the first `--` of a verb that runs a command is cut
 * off, so that it is told from words; and arguments such as -5 or -1.5s, which begin with a minus and a digit, are marked,
 * so that they pass for words, unless the digit is an option of the verb.
 */
#include "verb.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERB(noun) extern const struct verb verb_##noun;
#include "verbs.def"
#undef VERB

const struct verb *const verbs[] = {
#define VERB(noun) &verb_##noun,
#include "verbs.def"
#undef VERB
    NULL,
};

/* ---- The groups of options that verbs share */

enum {
    KEY_ADDR = 0x1000,
    KEY_TIMEOUT,
    KEY_CTX,
    KEY_TRY,
    KEY_EPHEMERAL,
    KEY_FOR_PID,
    KEY_EXCLUSIVE,
    KEY_NAME,
    KEY_MAKE,
    KEY_CAP,
    KEY_TYPE,
    KEY_JSON,
    KEY_PROGRESS,
    KEY_PARENT
};

struct group {
    unsigned takes; /* 0: all */
    struct argp_option options[4];
};

static const struct group groups[] = {
    {TAKES_MAKE,
     {{"make", KEY_MAKE, NULL, 0,
       "Make the channel when there is none, with --cap and --type, each of which implies this", 1},
      {0}}},
    {TAKES_CHANNEL,
     {{"cap", KEY_CAP, "N", 0, "The channel's capacity (default: 0, unbuffered)", 1},
      {"type", KEY_TYPE, "TYPE", 0,
       "Its element type, one of "
#define TYPE(NAME, name, number, help) #name " "
#include "types.def"
#undef TYPE
       "(default: bytes)",
       1},
      {0}}},
    {TAKES_CONTEXT,
     {{"parent", KEY_PARENT, "CTX", 0,
       "Derive it from this context (default: $SLUICE_CTX, else the background)", 2},
      {0}}},
    {TAKES_NAME,
     {{"name", KEY_NAME, "NAME", 0, "Its name (default: one that nobody can guess), printed on stdout", 2},
      {0}}},
    {TAKES_LIFE,
     {{"ephemeral", KEY_EPHEMERAL, NULL, 0, "It ends with the process that runs this command", 2},
      {"for-pid", KEY_FOR_PID, "PID", 0, "It ends with this process", 2},
      {"exclusive", KEY_EXCLUSIVE, NULL, 0, "Fail when it is there already", 2},
      {0}}},
    {TAKES_WAIT,
     {{"timeout", KEY_TIMEOUT, "DUR", 0, "Wait at most so long, in all: then exit code 124", 3},
      {"ctx", KEY_CTX, "CTX", 0,
       "Wait until this context is done at most: 125, or 124 by its deadline (default: $SLUICE_CTX; '': none)",
       3},
      {0}}},
    {TAKES_TRY, {{"try", KEY_TRY, NULL, 0, "Do not wait: exit code 4 when it would", 3}, {0}}},
    {TAKES_JSON, {{"json", KEY_JSON, NULL, 0, "Print JSON", 4}, {0}}},
    {TAKES_PROGRESS,
     {{"progress", KEY_PROGRESS, NULL, 0,
       "Report on stderr how far it is (default: when that is a terminal and it takes a while)", 4},
      {0}}},
    {0,
     {{"addr", KEY_ADDR, "ADDR", 0,
       "The daemon: a socket's path or an nng URL (default: $SLUICE_ADDR, else the user's, else the system's)",
       -1},
      {0}}},
};
enum { GROUPS = sizeof groups / sizeof *groups };

static bool group_fits(const struct group *group, const struct verb *verb)
{
    if (group->takes == 0)
        return !(verb->takes & NO_DAEMON);
    return (verb->takes & group->takes) != 0;
}

/* An argument that begins with a minus and a digit, made to look like a word. */
enum { MARK = '\1' };

static char *unmark(char *arg)
{
    return arg != NULL && arg[0] == MARK ? arg + 1 : arg;
}

static error_t parse_life(int key, char *arg, struct argp_state *state, struct args *args)
{
    switch (key) {
    case KEY_NAME: args->name = arg; break;
    case KEY_PARENT: args->parent = *arg == '\0' ? NULL : arg; break;
    case KEY_EXCLUSIVE: args->exclusive = true; break;
    case KEY_EPHEMERAL:
        args->ephemeral = true;
        args->for_pid = (int32_t)getppid();
        break;
    case KEY_FOR_PID:
        args->ephemeral = true;
        args->for_pid = (int32_t)args_number(state, "--for-pid", arg, 1, INT32_MAX);
        break;
    case KEY_MAKE: args->make = true; break;
    case KEY_CAP:
        args->make = args->has_cap = true;
        args->cap = args_number(state, "--cap", arg, 0, INT64_C(1) << 40);
        break;
    case KEY_TYPE:
        args->make = true;
        args->type = args_type(state, arg);
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static error_t parse_group(int key, char *arg, struct argp_state *state)
{
    struct args *args = state->input;
    arg = unmark(arg);
    switch (key) {
    case KEY_ADDR: args->address = arg; break;
    case KEY_TIMEOUT:
        args->has_timeout = true;
        args->timeout_ns = args_duration(state, "--timeout", arg);
        if (args->timeout_ns < 0)
            args->timeout_ns = 0;
        break;
    case KEY_CTX: args->ctx = *arg == '\0' ? NULL : arg; break;
    case KEY_TRY: args->no_wait = true; break;
    case KEY_JSON: args->json = true; break;
    case KEY_PROGRESS: args->progress = true; break;
    default: return parse_life(key, arg, state, args);
    }
    return 0;
}

/* ---- Parsing */

/* The verb that is parsed, and how many groups it has; a process parses one. */
static const struct verb *parsing;
static int parsing_groups;

static void check_words(struct argp_state *state, const struct args *args)
{
    int expected = parsing->words_min;
    if (args->words_count < expected)
        argp_error(state, "missing %s: expected %s",
                   expected - args->words_count == 1 ? "argument" : "arguments", parsing->words);
    if (parsing->words_max >= 0 && args->words_count > parsing->words_max)
        argp_error(state, "unexpected argument '%s'", args->words[parsing->words_max]);
}

static error_t parse_verb(int key, char *arg, struct argp_state *state)
{
    struct args *args = state->input;
    arg = unmark(arg);
    switch (key) {
    case ARGP_KEY_INIT:
        for (int i = 0; i < parsing_groups; i++)
            state->child_inputs[i] = args;
        return 0;
    case ARGP_KEY_ARG:
        if (parsing->takes & IN_ORDER)
            return ARGP_ERR_UNKNOWN; /* ARGP_KEY_ARGS takes the rest */
        args->words[args->words_count++] = arg;
        return 0;
    case ARGP_KEY_ARGS:
        for (; state->next < state->argc; state->next++)
            args->words[args->words_count++] = unmark(state->argv[state->next]);
        return 0;
    case ARGP_KEY_END:
        check_words(state, args);
        if (parsing->check != NULL)
            parsing->check(args, state);
        return 0;
    case ARGP_KEY_NO_ARGS:
    case ARGP_KEY_SUCCESS:
    case ARGP_KEY_ERROR:
    case ARGP_KEY_FINI: return 0;
    default: return parsing->option != NULL && parsing->option(key, arg, state) ? 0 : ARGP_ERR_UNKNOWN;
    }
}

/* For verbs that take words and a command: cuts off what stands behind the first `--`. Returns how many arguments are left. */
static int cut_command(int argc, char **argv, struct args *args)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--") == 0) {
            args->command = argv + i + 1;
            return i;
        }
    return argc;
}

/* Whether a verb has this digit for an option, as in `ls -1`. */
static bool is_digit_option(const struct verb *verb, const char *arg)
{
    for (const struct argp_option *o = verb->options; o != NULL && o->name != NULL; o++)
        if (o->key == arg[1] && arg[2] == '\0')
            return true;
    return false;
}

static bool looks_like_number(const char *arg)
{
    return arg[0] == '-' && (arg[1] == '.' || (arg[1] >= '0' && arg[1] <= '9'));
}

static void mark_numbers(const struct verb *verb, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (looks_like_number(argv[i]) && !is_digit_option(verb, argv[i]) &&
            asprintf(&argv[i], "%c%s", MARK, argv[i]) < 0)
            abort();
}

static void run_argp(const struct verb *verb, int argc, char **argv, struct args *args, unsigned flags)
{
    struct argp parts[GROUPS] = {0};
    struct argp_child children[GROUPS + 1] = {0};
    int count = 0;
    for (int i = 0; i < GROUPS; i++)
        if (group_fits(&groups[i], verb)) {
            parts[count] = (struct argp){.options = groups[i].options, .parser = parse_group};
            children[count] = (struct argp_child){.argp = &parts[count]};
            count++;
        }
    char *doc = NULL;
    if (asprintf(&doc, "%s.\v%s", verb->help, verb->text) < 0)
        abort();
    struct argp argp = {.options = verb->options,
                        .parser = parse_verb,
                        .args_doc = verb->words,
                        .doc = doc,
                        .children = children};
    if (verb->takes & IN_ORDER)
        flags |= ARGP_IN_ORDER;
    parsing = verb;
    parsing_groups = count;
    argp_parse(&argp, argc, argv, flags, NULL, args);
    free(doc);
}

void verb_parse(const struct verb *verb, int argc, char **argv, struct args *args)
{
    args->verb = argv[0];
    args->words = calloc((size_t)argc + 1, sizeof *args->words);
    if (args->words == NULL)
        abort();
    args->ctx = args->parent = getenv("SLUICE_CTX");
    if (args->ctx != NULL && *args->ctx == '\0')
        args->ctx = args->parent = NULL;
    if ((verb->takes & TAKES_COMMAND) && !(verb->takes & IN_ORDER))
        argc = cut_command(argc, argv, args);
    mark_numbers(verb, argc, argv);
    run_argp(verb, argc, argv, args, 0);
}

void verb_help(const struct verb *verb)
{
    struct args args = {0};
    char *name = NULL, *words[1] = {NULL};
    if (asprintf(&name, "sluice %s", verb->name) < 0)
        abort();
    args.words = words;
    char option[] = "--help";
    char *argv[] = {name, option, NULL};
    run_argp(verb, 2, argv, &args, 0);
}

void verb_each_option(const struct verb *verb, void (*visit)(const struct argp_option *option, void *with),
                      void *with)
{
    for (const struct argp_option *o = verb->options; o != NULL && (o->name != NULL || o->key != 0); o++)
        visit(o, with);
    for (int i = 0; i < GROUPS; i++)
        for (const struct argp_option *o = groups[i].options; group_fits(&groups[i], verb) && o->name != NULL;
             o++)
            visit(o, with);
}

/* ---- Finding */

/* Whether these words begin with this verb's name; how many words that took. */
static int words_in_name(const struct verb *verb, int count, char *const *words)
{
    const char *space = strchr(verb->name, ' ');
    if (space == NULL)
        return strcmp(words[0], verb->name) == 0 ? 1 : 0;
    size_t first = (size_t)(space - verb->name);
    if (strlen(words[0]) != first || strncmp(words[0], verb->name, first) != 0)
        return 0;
    return count > 1 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

const struct verb *verb_find(int count, char *const *words, int *ret_count)
{
    for (const struct verb *const *v = verbs; count > 0 && *v != NULL; v++) {
        int taken = words_in_name(*v, count, words);
        if (taken > 0) {
            *ret_count = taken;
            return *v;
        }
    }
    return NULL;
}

bool verb_is_family(const char *word)
{
    size_t size = strlen(word);
    for (const struct verb *const *v = verbs; *v != NULL; v++)
        if (strncmp((*v)->name, word, size) == 0 && (*v)->name[size] == ' ')
            return true;
    return false;
}

/* How many letters must be put in, left out, changed or swapped with their neighbour to turn one word into the other. */
static size_t distance(const char *from, const char *to)
{
    enum { LONG = 24 };
    size_t m = strlen(from), n = strlen(to), rows[LONG + 1][LONG + 1];
    if (m > LONG || n > LONG)
        return LONG;
    for (size_t i = 0; i <= m; i++)
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = i + j;
                continue;
            }
            size_t best = rows[i - 1][j - 1] + (from[i - 1] != to[j - 1]);
            if (rows[i - 1][j] + 1 < best)
                best = rows[i - 1][j] + 1;
            if (rows[i][j - 1] + 1 < best)
                best = rows[i][j - 1] + 1;
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] &&
                rows[i - 2][j - 2] + 1 < best)
                best = rows[i - 2][j - 2] + 1;
            rows[i][j] = best;
        }
    return rows[m][n];
}

const struct verb *verb_nearest(int count, char *const *words)
{
    char typed[64];
    bool two = count > 1 && verb_is_family(words[0]);
    snprintf(typed, sizeof typed, "%s%s%s", words[0], two ? " " : "", two ? words[1] : "");
    const struct verb *nearest = NULL;
    size_t least = strlen(typed) <= 3 ? 2 : 3; /* short words have near neighbours that are not meant */
    for (const struct verb *const *v = verbs; *v != NULL; v++) {
        size_t changes = distance(typed, (*v)->name);
        if (changes < least) {
            least = changes;
            nearest = *v;
        }
    }
    return nearest;
}

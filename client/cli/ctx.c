/*
 * ctx.c - contexts from the shell: ctx make, cancelable, timeout, deadline, cancel, err, value, wait, after.
 *
 * A context the shell makes outlives the command, under a random name that is printed: CTX=$(sluice ctx timeout 30s). It ends by its
 * deadline, by `ctx cancel`, with the process of --for-pid, or with its parent, which is $SLUICE_CTX unless said otherwise.
 * `ctx run` is in ctx_run.c, `ctx show` in look.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "link.h"
#include "out.h"
#include "trigger.h"
#include "verb.h"

/* ---- Making */

enum { VALUES_MAX = 64 };

static struct {
    bool has_timeout, has_deadline, without_cancel;
    int64_t timeout_ns, deadline_wall_ns;
    const char *cause;
    struct sluice_ctx_entry values[VALUES_MAX];
    size_t values_count;
} make;

enum { KEY_WITHIN = 0x100, KEY_DEADLINE, KEY_CAUSE, KEY_VALUE, KEY_WITHOUT_CANCEL };

/* NAME, TYPE:NAME or SPACE:TYPE:NAME, cut in place. */
static struct sluice_ctx_key parse_key(char *text)
{
    struct sluice_ctx_key key = {NULL, NULL, text};
    char *colon = strrchr(text, ':');
    if (colon == NULL)
        return key;
    *colon = '\0';
    key.name = colon + 1;
    key.type = text;
    colon = strchr(text, ':');
    if (colon != NULL) {
        *colon = '\0';
        key.space = text;
        key.type = colon + 1;
    }
    return key;
}

static void add_value(struct argp_state *state, char *arg)
{
    char *equals = strchr(arg, '=');
    if (equals == NULL)
        argp_error(state, "--value: '%s' is not KEY=VALUE", arg);
    if (make.values_count == VALUES_MAX)
        argp_error(state, "--value: a context takes %d values", VALUES_MAX);
    if (equals == NULL || make.values_count == VALUES_MAX)
        return;
    *equals = '\0';
    struct sluice_ctx_entry *entry = &make.values[make.values_count++];
    entry->key = parse_key(arg);
    entry->value = sluice_str(equals + 1);
}

static bool make_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_WITHIN:
        make.has_timeout = true;
        make.timeout_ns = args_duration(state, "--timeout", arg);
        return true;
    case KEY_DEADLINE:
        make.has_deadline = true;
        make.deadline_wall_ns = args_wall(state, "--deadline", arg);
        return true;
    case KEY_CAUSE: make.cause = arg; return true;
    case KEY_VALUE: add_value(state, arg); return true;
    case KEY_WITHOUT_CANCEL: make.without_cancel = true; return true;
    default: return false;
    }
}

static int make_run(struct args *args, sluice *s)
{
    struct sluice_session session;
    sluice_session_get(s, &session);
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    spec.has_parent = args->parent != NULL;
    if (spec.has_parent)
        spec.parent = sluice_ctx_named(args->parent);
    spec.cancelable = true;
    spec.without_cancel = make.without_cancel;
    spec.has_timeout = make.has_timeout;
    spec.timeout_ns = make.timeout_ns;
    spec.has_deadline = make.has_deadline;
    spec.deadline_ns = make.deadline_wall_ns - session.wall_offset_ns;
    spec.cause = make.cause;
    spec.values = make.values;
    spec.values_count = make.values_count;
    char *name = args->name == NULL ? name_generate("ctx") : strdup(args->name);
    struct sluice_make how = args_make(args, name);
    enum sluice_status status = sluice_ctx_make_with(s, &how, &spec, NULL, NULL);
    if (status == SLUICE_OK)
        puts(name);
    int code = fail(status, status == SLUICE_NOT_FOUND ? args->parent : name);
    free(name);
    return code;
}

static void timeout_check(const struct args *args, struct argp_state *state)
{
    make.has_timeout = true;
    make.timeout_ns = args_duration(state, "DUR", args->words[0]);
}

static void deadline_check(const struct args *args, struct argp_state *state)
{
    make.has_deadline = true;
    make.deadline_wall_ns = args_wall(state, "TIME", args->words[0]);
}

/* The short forms know those from the fourth or fifth on. */
static const struct argp_option make_options[] = {
    {"timeout", KEY_WITHIN, "DUR", 0, "It ends so long from now", 1},
    {"deadline", KEY_DEADLINE, "TIME", 0,
     "It ends at this time: RFC 3339, or @SECONDS since the epoch; of both, the earlier", 1},
    {"without-cancel", KEY_WITHOUT_CANCEL, NULL, 0, "It keeps its parent's values, and does not end with it",
     1},
    {"cause", KEY_CAUSE, "TEXT", 0, "What its expiry gives as its cause", 1},
    {"value", KEY_VALUE, "KEY=VALUE", 0,
     "A value it carries; KEY is NAME, TYPE:NAME or SPACE:TYPE:NAME; may be given often", 1},
    {0},
};

enum { TAKES_TO_MAKE = TAKES_CONTEXT | TAKES_NAME | TAKES_LIFE };

const struct verb verb_ctx_make = {
    .name = "ctx make",
    .words = "",
    .help = "Make a context and print its name",
    .text = "Example:\n"
            "  CTX=$(sluice ctx make --timeout 1m --value user=anna --for-pid $$)",
    .takes = TAKES_TO_MAKE,
    .options = make_options,
    .option = make_option,
    .run = make_run,
};

const struct verb verb_ctx_cancelable = {
    .name = "ctx cancelable",
    .words = "",
    .help = "Make a context that ends by `ctx cancel`, and print its name",
    .text = "Example:\n"
            "  CTX=$(sluice ctx cancelable --for-pid $$)",
    .takes = TAKES_TO_MAKE,
    .options = make_options + 4,
    .option = make_option,
    .run = make_run,
};

const struct verb verb_ctx_timeout = {
    .name = "ctx timeout",
    .words = "DUR",
    .help = "Make a context that ends so long from now, and print its name",
    .text = "Example:\n"
            "  CTX=$(sluice ctx timeout 30s); sluice recv jobs --ctx $CTX",
    .takes = TAKES_TO_MAKE,
    .words_min = 1,
    .words_max = 1,
    .options = make_options + 3,
    .option = make_option,
    .check = timeout_check,
    .run = make_run,
};

const struct verb verb_ctx_deadline = {
    .name = "ctx deadline",
    .words = "TIME",
    .help = "Make a context that ends at a time, and print its name",
    .text = "TIME is RFC 3339, or @SECONDS since the epoch.\n\n"
            "Example:\n"
            "  CTX=$(sluice ctx deadline 2030-01-01T00:00:00Z)",
    .takes = TAKES_TO_MAKE,
    .words_min = 1,
    .words_max = 1,
    .options = make_options + 3,
    .option = make_option,
    .check = deadline_check,
    .run = make_run,
};

/* ---- cancel, err, value, wait, after */

static bool cancel_option(int key, char *arg, struct argp_state *state)
{
    (void)state;
    if (key == KEY_CAUSE)
        make.cause = arg;
    return key == KEY_CAUSE;
}

static int cancel_run(struct args *args, sluice *s)
{
    return fail(sluice_ctx_cancel(s, sluice_ctx_named(args->words[0]), make.cause), args->words[0]);
}

static const struct argp_option cancel_options[] = {
    {"cause", KEY_CAUSE, "TEXT", 0, "Why", 1},
    {0},
};

const struct verb verb_ctx_cancel = {
    .name = "ctx cancel",
    .words = "CTX",
    .help = "Cancel a context and all that were derived from it",
    .text = "The first cancellation wins; to cancel what has ended is fine and changes nothing.\n\n"
            "Example:\n"
            "  sluice ctx cancel $CTX --cause operator",
    .words_min = 1,
    .words_max = 1,
    .options = cancel_options,
    .option = cancel_option,
    .run = cancel_run,
};

static int err_run(struct args *args, sluice *s)
{
    sluice_ctx ctx = sluice_ctx_named(args->words[0]);
    enum sluice_status error = SLUICE_OK, status = sluice_ctx_err(s, ctx, &error);
    char *cause = NULL;
    if (status == SLUICE_OK && error != SLUICE_OK)
        status = sluice_ctx_cause(s, ctx, &cause);
    if (status != SLUICE_OK)
        return fail(status, args->words[0]);
    if (error != SLUICE_OK) {
        const char *text = sluice_strstatus(error);
        bool own = cause != NULL && strcmp(cause, text) != 0;
        printf("%s%s%s\n", text, own ? ": " : "", own ? cause : "");
    }
    sluice_free(cause);
    return sluice_exit_code(error);
}

const struct verb verb_ctx_err = {
    .name = "ctx err",
    .words = "CTX",
    .help = "Say whether a context has ended, and why",
    .text = "Exit code 0: it is alive. 125: it was cancelled. 124: its deadline has passed.\n\n"
            "Example:\n"
            "  while sluice ctx err $CTX; do work; done",
    .words_min = 1,
    .words_max = 1,
    .run = err_run,
};

static int value_run(struct args *args, sluice *s)
{
    struct sluice_item item = {0};
    enum sluice_status status =
        sluice_ctx_value(s, sluice_ctx_named(args->words[0]), parse_key(args->words[1]), &item);
    if (status != SLUICE_OK)
        return fail(status, args->words[0]);
    bool found = item.value.type != SLUICE_TYPE_NONE;
    struct out_format format = {.how = args->json ? OUT_JSONL : OUT_RAW};
    if (found)
        out_item(&format, s, &item);
    int code = out_flush();
    sluice_item_free(&item);
    return code != 0 ? code : found ? 0 : 1;
}

const struct verb verb_ctx_value = {
    .name = "ctx value",
    .words = "CTX KEY",
    .help = "Print what a context carries under a key",
    .text = "The nearest of its ancestors counts. Exit code 1: none carries one.\n\n"
            "Example:\n"
            "  sluice ctx value $CTX user",
    .takes = TAKES_JSON,
    .words_min = 2,
    .words_max = 2,
    .run = value_run,
};

static int wait_run(struct args *args, sluice *s)
{
    struct sluice_wait wait = args_wait(args);
    return fail(sluice_ctx_wait(s, sluice_ctx_named(args->words[0]), &wait), args->words[0]);
}

const struct verb verb_ctx_wait = {
    .name = "ctx wait",
    .words = "CTX",
    .help = "Wait until a context has ended",
    .text = "Exit code 0: it has. `ctx err` says why.\n\n"
            "Example:\n"
            "  sluice ctx wait $CTX --timeout 10s",
    .takes = TAKES_WAIT,
    .words_min = 1,
    .words_max = 1,
    .run = wait_run,
};

static const char *after_channel;

enum { KEY_SEND = 0x200 };

static bool after_option(int key, char *arg, struct argp_state *state)
{
    (void)state;
    if (key == KEY_SEND)
        after_channel = arg;
    return key == KEY_SEND;
}

static void after_check(const struct args *args, struct argp_state *state)
{
    (void)args;
    if (after_channel == NULL)
        argp_error(state, "--send CHANNEL is missing");
}

static int after_run(struct args *args, sluice *s)
{
    return trigger_leave(s, args, sluice_ctx_named(args->words[0]), 0, after_channel, args->words[1]);
}

static const struct argp_option after_options[] = {
    {"send", KEY_SEND, "CHANNEL", 0, "The channel", 1},
    {0},
};

const struct verb verb_ctx_after = {
    .name = "ctx after",
    .words = "CTX [VALUE]",
    .help = "Have a value sent to a channel when a context has ended",
    .text = "Go's AfterFunc. `sluice stop` with the name that is printed prevents it.\n\n"
            "Example:\n"
            "  sluice ctx after $CTX --send cleanup 'remove it'",
    .takes = TAKES_NAME | TAKES_LIFE,
    .words_min = 1,
    .words_max = 2,
    .options = after_options,
    .option = after_option,
    .check = after_check,
    .run = after_run,
};

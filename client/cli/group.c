/*
 * group.c - sluice group: tasks with a limit, and their first error.
 *
 * x/sync's errgroup. Each task is a command that runs under the group; the first that fails leaves its error for ever, and with --cancels a context is
 * cancelled by it. Whoever waits is told when none runs.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "hold.h"
#include "link.h"
#include "out.h"
#include "progress.h"
#include "sync.h"
#include "verb.h"

static struct {
    bool has_limit;
    int64_t limit;
    const char *cancels;
} options;

enum { KEY_LIMIT = 0x100, KEY_CANCELS, ERROR_SIZE = 64 };

static bool run_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_LIMIT:
        options.has_limit = true;
        options.limit = args_number(state, "--limit", arg, 0, INT64_MAX);
        return true;
    case KEY_CANCELS: options.cancels = arg; return true;
    default: return hold_option(key, arg, state);
    }
}

static void run_check(const struct args *args, struct argp_state *state)
{
    if (args->command == NULL || args->command[0] == NULL)
        argp_error(state, "expected a command behind --");
}

/* With parameters what is there must have the same; without, it is taken as it is. */
static enum sluice_status open_group(sluice *s, const char *name, sluice_group *ret)
{
    struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_GROUP, SLUICE_KIND_GROUP);
    struct sluice_make how = SLUICE_MAKE_INIT;
    if (options.has_limit)
        spec.group.limit = options.limit;
    if (options.cancels != NULL)
        spec.group.ctx = sluice_ctx_named(options.cancels);
    how.name = name;
    return options.has_limit || options.cancels != NULL ? sync_make(s, &how, &spec, &ret->ref)
                                                        : sync_open(s, name, &spec, &ret->ref, NULL);
}

/* ---- run */

/* What became of the command, in Go's words. NULL: it ended well. */
static const char *error_of(const struct hold_end *end, char text[static ERROR_SIZE])
{
    if (end->code == 0)
        return NULL;
    const char *signal = end->killed && end->code > 128 ? sigdescr_np(end->code - 128) : NULL;
    if (signal != NULL)
        snprintf(text, ERROR_SIZE, "signal: %c%s", tolower((unsigned char)signal[0]), signal + 1);
    else if (!end->started)
        snprintf(text, ERROR_SIZE, "the command could not be run");
    else
        snprintf(text, ERROR_SIZE, "exit status %d", end->code);
    return text;
}

static int run_run(struct args *args, sluice *s)
{
    struct hold h = {.name = args->words[0], .what = "task", .kind = SLUICE_KIND_GROUP};
    sluice_group group = SLUICE_NIL;
    struct sluice_wait wait = args_wait(args);
    char error[ERROR_SIZE];
    enum sluice_status status = open_group(s, h.name, &group);
    h.ref = group.ref;
    if (status == SLUICE_OK)
        status = sluice_group_go(s, group, hold_options.ttl_ns, &wait, &h.grant);
    if (status != SLUICE_OK)
        return fail(status, h.name);
    struct hold_end end = hold_run(s, &h, args->command, -1);
    if (end.lost)
        return end.code;
    status = sluice_group_done(s, group, h.grant.token, error_of(&end, error));
    if (status == SLUICE_OK)
        return end.code;
    remark("%s: the %s was lost while the command ran: %s", h.name, h.what, sluice_errmsg());
    return EX_TEMPFAIL;
}

static const struct argp_option run_options[] = {
    {"limit", KEY_LIMIT, "N", 0,
     "At most N tasks run at a time: it is made so, and another limit is an error (default: as it is, or none)",
     1},
    {"cancels", KEY_CANCELS, "CTX", 0,
     "The context that the first error cancels, with it as the cause, and that `group wait` cancels", 1},
    HOLD_COMMAND_OPTIONS,
    {0},
};

const struct verb verb_group_run = {
    .name = "group run",
    .words = "NAME -- CMD [ARG...]",
    .help = "Run a command as a task of a group, waiting while its limit is reached",
    .text =
        "Its failure (\"exit status 3\", \"signal: killed\") is the group's error if it is the first. If this process is killed the command is stopped, and the task has failed with \"owner died\". The group is made on first use. Exit code: the command's own.\n\n"
        "Example:\n"
        "  for f in *.c; do sluice group run build --limit 4 -- cc -c $f & done\n"
        "  wait; sluice group wait build",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_COMMAND,
    .words_min = 1,
    .words_max = 1,
    .options = run_options,
    .option = run_option,
    .check = run_check,
    .run = run_run,
};

/* ---- wait */

/* Looks at the group from time to time while it waits. */
static enum sluice_status wait_and_show(const struct args *args, sluice *s, sluice_group group,
                                        struct sluice_outcome *ret)
{
    struct sluice_wait wait = args_wait(args);
    struct progress progress;
    sluice_future *done = NULL;
    struct sluice_result result = {0};
    progress_begin(&progress, "", args->progress);
    if (!progress_wanted(&progress))
        return sluice_group_wait(s, group, &wait, ret);
    enum sluice_status status = sluice_group_wait_start(s, group, &wait, &done);
    if (status != SLUICE_OK)
        return status;
    while (sluice_wait_any(s, progress_step_ns(&progress)) == SLUICE_DEADLINE_EXCEEDED) {
        struct sluice_description *d = NULL;
        if (sluice_describe(s, group.ref, &d) == SLUICE_OK)
            progress_left(&progress, d->hold.holds);
        sluice_description_free(d);
    }
    if (progress.shown && progress.terminal)
        fputs("\n", stderr);
    status = sluice_future_finish(done, &result);
    ret->failed = result.failed;
    ret->item = result.item;
    return status;
}

static int wait_run(struct args *args, sluice *s)
{
    sluice_group group = SLUICE_NIL;
    struct sluice_outcome outcome = {0};
    enum sluice_status status = open_group(s, args->words[0], &group);
    if (status == SLUICE_OK)
        status = wait_and_show(args, s, group, &outcome);
    if (status != SLUICE_OK)
        return fail(status, args->words[0]);
    const struct sluice_value *error = &outcome.item.value;
    bool said = error->type == SLUICE_TYPE_STRING;
    if (args->json) {
        printf("{\"failed\":%s,\"error\":", outcome.failed ? "true" : "false");
        if (said)
            out_json_value(s, error);
        else
            printf("null");
        puts("}");
    } else if (outcome.failed) {
        remark("%s: %.*s", args->words[0], said ? (int)error->bytes.size : 8,
               said ? (const char *)error->bytes.data : "a failure");
    }
    int code = outcome.failed ? 1 : 0;
    sluice_item_free(&outcome.item);
    return code;
}

const struct verb verb_group_wait = {
    .name = "group wait",
    .words = "NAME",
    .help = "Wait until no task of a group runs; its first error",
    .text = "Exit code 0: no task has ever failed. 1: one has, and the first error is said; it stays so.\n\n"
            "Example:\n"
            "  sluice group wait build --timeout 1h --progress",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_PROGRESS | TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .run = wait_run,
};

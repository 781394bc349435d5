/*
 * wg.c - sluice wg: a count of unfinished work, from the shell.
 *
 * Go's WaitGroup. Units that the shell adds belong to nobody, since the command that added them is gone; with --for-pid they are a process's, and
 * lost with it, which whoever waits is told.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "describe.h"
#include "hold.h"
#include "link.h"
#include "progress.h"
#include "sync.h"
#include "verb.h"

static struct {
    int64_t units;
    int32_t for_pid; /* 0: none */
} options = {.units = 1};

enum { KEY_FOR = 0x100 };

/* Opens it; make: or makes it. 0, or the exit code. */
static int open_group(sluice *s, const char *name, bool make, sluice_wg *ret)
{
    const struct sync_spec spec =
        SYNC_SPEC_INIT(SLUICE_KIND_WAITGROUP, make ? SLUICE_KIND_WAITGROUP : SLUICE_KIND_NONE);
    return fail(sync_open(s, name, &spec, &ret->ref, NULL), name);
}

static void units_check(const struct args *args, struct argp_state *state)
{
    if (args->words_count > 1)
        options.units = args_number(state, "N", args->words[1], 1, INT64_MAX);
}

/* ---- add, done */

static bool add_option(int key, char *arg, struct argp_state *state)
{
    if (key != KEY_FOR)
        return false;
    options.for_pid = (int32_t)args_number(state, "--for-pid", arg, 1, INT32_MAX);
    return true;
}

static int add_for(sluice *s, const char *name, sluice_wg wg)
{
    uint64_t token = 0;
    enum sluice_status status = sluice_wg_add_owned(s, wg, options.units, &token);
    if (status != SLUICE_OK)
        return fail(status, name);
    status = sluice_adopt_for(s, token, options.for_pid);
    if (status == SLUICE_OK)
        return 0;
    char process[32];
    snprintf(process, sizeof process, "process %" PRId32, options.for_pid);
    int code = fail(status, process);
    sluice_wg_add(s, wg, -options.units); /* our own first */
    return code;
}

static int add_run(struct args *args, sluice *s)
{
    sluice_wg wg = SLUICE_NIL;
    int code = open_group(s, args->words[0], true, &wg);
    if (code != 0)
        return code;
    if (options.for_pid != 0)
        return add_for(s, args->words[0], wg);
    return fail(sluice_wg_add(s, wg, options.units), args->words[0]);
}

static const struct argp_option add_options[] = {
    {"for-pid", KEY_FOR, "PID", 0,
     "The units are this process's: if it dies before they are done, `wg wait` ends with exit code 1", 1},
    {0},
};

const struct verb verb_wg_add = {
    .name = "wg add",
    .words = "NAME [N]",
    .help = "Add N units of work to a wait group (default: 1)",
    .text = "The group is made on first use.\n\n"
            "Example:\n"
            "  sluice wg add batch 3",
    .words_min = 1,
    .words_max = 2,
    .options = add_options,
    .option = add_option,
    .check = units_check,
    .run = add_run,
};

static int done_run(struct args *args, sluice *s)
{
    sluice_wg wg = SLUICE_NIL;
    int code = open_group(s, args->words[0], false, &wg);
    return code != 0 ? code : fail(sluice_wg_add(s, wg, -options.units), args->words[0]);
}

const struct verb verb_wg_done = {
    .name = "wg done",
    .words = "NAME [N]",
    .help = "Say that N units of work are done (default: 1)",
    .text = "More than there are is an error, as in Go, and changes nothing: exit code 64.\n\n"
            "Example:\n"
            "  sluice wg done batch",
    .words_min = 1,
    .words_max = 2,
    .check = units_check,
    .run = done_run,
};

/* ---- wait */

/* Looks at the group from time to time while it waits. */
static enum sluice_status wait_and_show(const struct args *args, sluice *s, sluice_wg wg)
{
    struct sluice_wait wait = args_wait(args);
    struct progress progress;
    sluice_future *done = NULL;
    progress_begin(&progress, "", args->progress);
    if (!progress_wanted(&progress))
        return sluice_wg_wait(s, wg, &wait);
    enum sluice_status status = sluice_wg_wait_start(s, wg, &wait, &done);
    if (status != SLUICE_OK)
        return status;
    while (sluice_wait_any(s, progress_step_ns(&progress)) == SLUICE_DEADLINE_EXCEEDED) {
        struct sluice_description *d = NULL;
        if (sluice_describe(s, wg.ref, &d) == SLUICE_OK)
            progress_left(&progress, (uint64_t)d->count.value);
        sluice_description_free(d);
    }
    if (progress.shown && progress.terminal)
        fputs("\n", stderr);
    return sluice_future_finish(done, NULL);
}

static int wait_run(struct args *args, sluice *s)
{
    sluice_wg wg = SLUICE_NIL;
    int code = open_group(s, args->words[0], true, &wg);
    return code != 0 ? code : fail(wait_and_show(args, s, wg), args->words[0]);
}

const struct verb verb_wg_wait = {
    .name = "wg wait",
    .words = "NAME",
    .help = "Wait until all work of a wait group is done",
    .text = "Exit code 0: it is; also when none was ever added. 1: units were lost with the process they "
            "belonged to.\n\n"
            "Example:\n"
            "  sluice wg add batch 2\n"
            "  (./left; sluice wg done batch) & (./right; sluice wg done batch) &\n"
            "  sluice wg wait batch --timeout 1h --progress",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_PROGRESS,
    .words_min = 1,
    .words_max = 1,
    .run = wait_run,
};

/* ---- show */

static int show_run(struct args *args, sluice *s)
{
    sluice_wg wg = SLUICE_NIL;
    int code = open_group(s, args->words[0], false, &wg);
    struct sluice_description *d = NULL;
    if (code == 0)
        code = fail(sluice_describe(s, wg.ref, &d), args->words[0]);
    if (code != 0)
        return code;
    if (args->json)
        json_line(describe_json(d));
    else
        printf("%" PRId64 "\n", d->count.value);
    sluice_description_free(d);
    return 0;
}

const struct verb verb_wg_show = {
    .name = "wg show",
    .words = "NAME",
    .help = "Print how many units of a wait group are not done",
    .text = "`sluice show` tells all about it.\n\n"
            "Example:\n"
            "  sluice wg show batch",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .run = show_run,
};

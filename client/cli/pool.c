/*
 * pool.c - sluice pool: making, seeing and changing pools of tasks.
 *
 * All but show take effect at once for everybody who uses the pool. Drain is close and then a wait for each task that has not ended; since a closed pool
 * takes no more, those are all there will ever be.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "describe.h"
#include "link.h"
#include "task.h"
#include "verb.h"

static int pool_open(sluice *s, const char *name, sluice_pool *ret)
{
    return task_fail_pool(sluice_pool_open(s, name, 0, ret), name);
}

/* How many: a number, or `none` for no bound. */
static int64_t parse_bound(struct argp_state *state, const char *what, const char *text)
{
    return strcmp(text, "none") == 0 ? -1 : args_number(state, what, text, 0, INT64_C(1) << 40);
}

static int64_t bound_of(const char *text)
{
    return strcmp(text, "none") == 0 ? -1 : strtoimax(text, NULL, 10);
}

/* ---- make */

static struct {
    int64_t capacity;
    sluice_chan dead_letter;
} options = {.capacity = -1};

enum { KEY_CAPACITY = 0x100, KEY_DEAD_LETTER };

static bool make_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_CAPACITY: options.capacity = parse_bound(state, "--capacity", arg); return true;
    case KEY_DEAD_LETTER: options.dead_letter = sluice_chan_named(arg); return true;
    default: return false;
    }
}

static void make_check(const struct args *args, struct argp_state *state)
{
    if (args->words_count > 1)
        (void)parse_bound(state, "limit", args->words[1]);
}

static int make_run(struct args *args, sluice *s)
{
    sluice_pool pool = SLUICE_NIL;
    struct sluice_make how = args_make(args, args->words[0]);
    struct sluice_pool_spec spec = SLUICE_POOL_SPEC_INIT;
    spec.capacity = options.capacity;
    spec.dead_letter = options.dead_letter;
    if (args->words_count > 1)
        spec.limit = bound_of(args->words[1]);
    return fail(sluice_pool_make_with(s, &how, &spec, &pool, NULL), args->words[0]);
}

static const struct argp_option make_options[] = {
    {"capacity", KEY_CAPACITY, "N", 0,
     "At most N tasks that have not begun, or `none` (default); `go` waits for room", 1},
    {"dead-letter", KEY_DEAD_LETTER, "CH", 0,
     "A channel of bytes that gets what each task was called with that has failed for good", 1},
    {0},
};

const struct verb verb_pool_make = {
    .name = "pool make",
    .words = "POOL [LIMIT]",
    .help = "Make a pool of tasks; of one that is there, see that it is so",
    .text =
        "At most LIMIT tasks run at a time; without it, or with `none`, as many as the workers have slots.\n\n"
        "Example:\n"
        "  sluice pool make build 4 --capacity 100",
    .takes = TAKES_LIFE,
    .words_min = 1,
    .words_max = 2,
    .options = make_options,
    .option = make_option,
    .check = make_check,
    .run = make_run,
};

/* ---- show */

static int show_run(struct args *args, sluice *s)
{
    struct sluice_session session;
    struct sluice_description *d = NULL;
    enum sluice_status status = task_describe_pool(s, args->words[0], &d);
    if (status != SLUICE_OK)
        return task_fail_pool(status, args->words[0]);
    sluice_session_get(s, &session);
    if (args->json)
        json_line(describe_json(d));
    else
        describe_print(d, session.wall_offset_ns);
    sluice_description_free(d);
    return 0;
}

const struct verb verb_pool_show = {
    .name = "pool show",
    .words = "POOL",
    .help = "Say how a pool does: its bounds, workers and slots, tasks in each state",
    .text = "Example:\n"
            "  sluice pool show build --json | jq .queued",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .run = show_run,
};

/* ---- limit, capacity, pause, resume */

static int tune(const struct args *args, sluice *s, const struct sluice_pool_tune *change)
{
    sluice_pool pool = SLUICE_NIL;
    int code = pool_open(s, args->words[0], &pool);
    return code != 0 ? code : task_fail_pool(sluice_pool_tune(s, pool, change), args->words[0]);
}

static void bound_check(const struct args *args, struct argp_state *state)
{
    (void)parse_bound(state, "N", args->words[1]);
}

static int limit_run(struct args *args, sluice *s)
{
    struct sluice_pool_tune change = SLUICE_POOL_TUNE_INIT;
    change.has_limit = true;
    change.limit = bound_of(args->words[1]);
    return tune(args, s, &change);
}

const struct verb verb_pool_limit = {
    .name = "pool limit",
    .words = "POOL N",
    .help = "Change how many of a pool's tasks run at a time",
    .text =
        "From now on; `none`: as many as the workers have slots; 0: none begins. Those that run are left alone.\n\n"
        "Example:\n"
        "  sluice pool limit build 2",
    .words_min = 2,
    .words_max = 2,
    .check = bound_check,
    .run = limit_run,
};

static int capacity_run(struct args *args, sluice *s)
{
    struct sluice_pool_tune change = SLUICE_POOL_TUNE_INIT;
    change.has_capacity = true;
    change.capacity = bound_of(args->words[1]);
    return tune(args, s, &change);
}

const struct verb verb_pool_capacity = {
    .name = "pool capacity",
    .words = "POOL N",
    .help = "Change how many tasks that have not begun a pool keeps",
    .text = "When it is full `go` waits for room. `none`: any number.\n\n"
            "Example:\n"
            "  sluice pool capacity build 1000",
    .words_min = 2,
    .words_max = 2,
    .check = bound_check,
    .run = capacity_run,
};

static int set_pause(const struct args *args, sluice *s, bool pause)
{
    struct sluice_pool_tune change = SLUICE_POOL_TUNE_INIT;
    change.has_pause = true;
    change.pause = pause;
    return tune(args, s, &change);
}

static int pause_run(struct args *args, sluice *s)
{
    return set_pause(args, s, true);
}

const struct verb verb_pool_pause = {
    .name = "pool pause",
    .words = "POOL",
    .help = "Let no task of a pool begin; those that run go on",
    .text = "Example:\n"
            "  sluice pool pause build",
    .words_min = 1,
    .words_max = 1,
    .run = pause_run,
};

static int resume_run(struct args *args, sluice *s)
{
    return set_pause(args, s, false);
}

const struct verb verb_pool_resume = {
    .name = "pool resume",
    .words = "POOL",
    .help = "Let the tasks of a paused pool begin again",
    .text = "Example:\n"
            "  sluice pool resume build",
    .words_min = 1,
    .words_max = 1,
    .run = resume_run,
};

/* ---- close, drain */

static int close_run(struct args *args, sluice *s)
{
    sluice_pool pool = SLUICE_NIL;
    int code = pool_open(s, args->words[0], &pool);
    return code != 0 ? code : task_fail_pool(sluice_pool_close(s, pool), args->words[0]);
}

const struct verb verb_pool_close = {
    .name = "pool close",
    .words = "POOL",
    .help = "Let a pool take no more tasks; its workers end when all it has have ended",
    .text = "Example:\n"
            "  sluice pool close build",
    .words_min = 1,
    .words_max = 1,
    .run = close_run,
};

/* Waits for the tasks of a page that are this pool's. */
static enum sluice_status wait_page(sluice *s, const struct sluice_listing *page, uint64_t serial,
                                    const struct sluice_wait *wait)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct sluice_description *d = &page->objects[i];
        if (d->task.pool != serial || d->task.state == SLUICE_TASK_DEAD)
            continue;
        struct sluice_ending ending = {0};
        enum sluice_status status = sluice_task_wait(s, sluice_task_numbered(d->task.number), wait, &ending);
        sluice_ending_free(&ending);
        if (status != SLUICE_OK && status != SLUICE_NOT_FOUND &&
            status != SLUICE_REMOVED) /* it ended, and was not kept */
            return status;
    }
    return SLUICE_OK;
}

static enum sluice_status wait_all(sluice *s, uint64_t serial, const struct sluice_wait *wait)
{
    struct sluice_list_options list = SLUICE_LIST_OPTIONS_INIT;
    enum sluice_status status = SLUICE_OK;
    list.kind = SLUICE_KIND_TASK;
    list.anonymous = true;
    do {
        struct sluice_listing *page = NULL;
        status = sluice_list(s, &list, &page);
        if (status != SLUICE_OK)
            return status;
        status = wait_page(s, page, serial, wait);
        list.after = page->next;
        sluice_listing_free(page);
    } while (status == SLUICE_OK && list.after != 0);
    return status;
}

static int drain_run(struct args *args, sluice *s)
{
    const char *name = args->words[0];
    struct sluice_description *d = NULL;
    struct sluice_wait wait;
    sluice_pool pool = SLUICE_NIL;
    int code = pool_open(s, name, &pool);
    if (code != 0)
        return code;
    enum sluice_status status = args_wait_all(args, s, &wait);
    if (status != SLUICE_OK)
        return fail(status, args->ctx);
    status = sluice_pool_close(s, pool);
    if (status == SLUICE_OK || status == SLUICE_CLOSE_OF_CLOSED)
        status = sluice_describe(s, pool.ref, &d);
    if (status == SLUICE_OK)
        status = wait_all(s, d->serial, &wait);
    sluice_description_free(d);
    d = NULL;
    if (status == SLUICE_OK) /* it may have been removed meanwhile, and its tasks with it */
        status = sluice_describe(s, pool.ref, &d);
    sluice_description_free(d);
    return task_fail_pool(status, name);
}

const struct verb verb_pool_drain = {
    .name = "pool drain",
    .words = "POOL",
    .help = "Close a pool, and wait until all its tasks have ended",
    .text = "Example:\n"
            "  sluice pool drain build --timeout 5m",
    .takes = TAKES_WAIT,
    .words_min = 1,
    .words_max = 1,
    .run = drain_run,
};

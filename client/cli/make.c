/*
 * make.c - the verbs that make, close and remove objects: make, close, rm, stop, reset.
 *
 * What the shell makes outlives the command: channels, timers, locks and the others stay until they are removed, or with --ephemeral and
 * --for-pid until a process ends. `make` of what is there already, with the same parameters, is done: scripts may say it
 * each time they start.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "channel.h"
#include "limit.h"
#include "link.h"
#include "sync.h"
#include "verb.h"

/* ---- make */

enum { SCHEMA_SIZE_MAX = 256 << 10 };

static struct {
    sluice_chan dead_letter;
    int64_t max_deliveries;
    enum sluice_kind kind; /* NONE: a channel */
    int64_t duration_ns;   /* TIMER, TICKER */
    struct sync_spec sync; /* all other kinds */
    bool fenced;           /* a channel, a counter, a cell */
    bool ordered;          /* a channel */
    const char *message;   /* a channel */
    struct sluice_blob schema;
    bool limited; /* --limit, of a group or a pool */
    bool cancels; /* --cancels, of a group */
    struct limit_options limit;
} make = {.sync = SYNC_SPEC_INIT(SLUICE_KIND_NONE, SLUICE_KIND_NONE)};

enum {
    KEY_DEAD_LETTER = 0x100,
    KEY_MAX_DELIVERIES,
    KEY_TIMER,
    KEY_TICKER,
    KEY_MUTEX,
    KEY_RWMUTEX,
    KEY_SEMAPHORE,
    KEY_WAITGROUP,
    KEY_COUNTER,
    KEY_CELL,
    KEY_ONCE,
    KEY_COND,
    KEY_BARRIER,
    KEY_GROUP,
    KEY_FLIGHT,
    KEY_LIMITER,
    KEY_MIN,
    KEY_MAX,
    KEY_FENCED,
    KEY_POISON,
    KEY_LIMIT,
    KEY_CANCELS,
    KEY_ORDERED,
    KEY_MESSAGE,
    KEY_SCHEMA,
    KEY_ACTOR,
    KEY_FAIL,
    KEY_POOL,
    KEY_CAPACITY
};

static void take_kind(struct argp_state *state, enum sluice_kind kind)
{
    if (make.kind != SLUICE_KIND_NONE)
        argp_error(state, "it is --%s or --%s", sluice_kind_name(make.kind), sluice_kind_name(kind));
    make.kind = make.sync.made = kind;
}

/* Kinds with one parameter or none. */
static bool kind_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_MUTEX: take_kind(state, SLUICE_KIND_MUTEX); return true;
    case KEY_RWMUTEX: take_kind(state, SLUICE_KIND_RWMUTEX); return true;
    case KEY_SEMAPHORE:
        take_kind(state, SLUICE_KIND_SEMAPHORE);
        make.sync.size = (uint64_t)args_number(state, "--semaphore", arg, 0, INT64_C(1) << 62);
        return true;
    case KEY_WAITGROUP: take_kind(state, SLUICE_KIND_WAITGROUP); return true;
    case KEY_COUNTER:
        take_kind(state, SLUICE_KIND_COUNTER);
        make.sync.counter.value = args_number(state, "--counter", arg, INT64_MIN, INT64_MAX);
        return true;
    case KEY_CELL: take_kind(state, SLUICE_KIND_CELL); return true;
    case KEY_ONCE: take_kind(state, SLUICE_KIND_ONCE); return true;
    case KEY_COND: take_kind(state, SLUICE_KIND_COND); return true;
    case KEY_BARRIER:
        take_kind(state, SLUICE_KIND_BARRIER);
        make.sync.parties = (uint32_t)args_number(state, "--barrier", arg, 1, 1 << 30);
        return true;
    case KEY_GROUP: take_kind(state, SLUICE_KIND_GROUP); return true;
    case KEY_FLIGHT: take_kind(state, SLUICE_KIND_FLIGHT); return true;
    case KEY_LIMITER: take_kind(state, SLUICE_KIND_LIMITER); return true;
    case KEY_ACTOR: take_kind(state, SLUICE_KIND_ACTOR); return true;
    case KEY_POOL: take_kind(state, SLUICE_KIND_POOL); return true;
    default: return false;
    }
}

/* What else there is to say of some of them. */
static bool sync_option(int key, char *arg, struct argp_state *state)
{
    struct sluice_counter_spec *counter = &make.sync.counter;
    switch (key) {
    case KEY_MIN:
        counter->has_min = true;
        counter->min = args_number(state, "--min", arg, INT64_MIN, INT64_MAX);
        return true;
    case KEY_MAX:
        counter->has_max = true;
        counter->max = args_number(state, "--max", arg, INT64_MIN, INT64_MAX);
        return true;
    case KEY_FENCED: make.fenced = counter->fenced = make.sync.cell.fenced = true; return true;
    case KEY_POISON: make.sync.poison = true; return true;
    case KEY_LIMIT:
        make.limited = true;
        make.sync.group.limit = make.sync.pool.limit = args_number(state, "--limit", arg, 0, INT64_MAX);
        return true;
    case KEY_CAPACITY:
        make.sync.pool.capacity = args_number(state, "--capacity", arg, 1, INT64_C(1) << 40);
        return true;
    case KEY_FAIL: make.sync.fail = true; return true;
    case KEY_CANCELS:
        make.cancels = true;
        make.sync.group.ctx = sluice_ctx_named(arg);
        return true;
    default: return limit_option(key, arg, state, &make.limit);
    }
}

/* The descriptors in a file, kept until the process ends. */
static struct sluice_blob read_schema(struct argp_state *state, const char *path)
{
    static char schema[SCHEMA_SIZE_MAX + 1];
    FILE *file = fopen(path, "re");
    struct sluice_blob blob = {schema, file != NULL ? fread(schema, 1, sizeof schema, file) : 0};
    if (file == NULL || ferror(file))
        argp_failure(state, EX_NOINPUT, errno, "%s", path);
    if (blob.size > SCHEMA_SIZE_MAX)
        argp_error(state, "%s: more than %d bytes of schema", path, SCHEMA_SIZE_MAX);
    if (blob.size == 0)
        argp_error(state, "%s: empty; make it with: protoc --include_imports -o %s FILE.proto", path, path);
    if (file != NULL)
        fclose(file);
    return blob;
}

static bool make_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_ORDERED: make.ordered = true; return true;
    case KEY_MESSAGE: make.message = arg; return true;
    case KEY_SCHEMA: make.schema = read_schema(state, arg); return true;
    case KEY_DEAD_LETTER: make.dead_letter = make.sync.pool.dead_letter = sluice_chan_named(arg); return true;
    case KEY_MAX_DELIVERIES:
        make.max_deliveries = args_number(state, "--max-deliveries", arg, 1, UINT32_MAX);
        return true;
    case KEY_TIMER:
    case KEY_TICKER:
        take_kind(state, key == KEY_TIMER ? SLUICE_KIND_TIMER : SLUICE_KIND_TICKER);
        make.duration_ns = args_duration(state, key == KEY_TIMER ? "--timer" : "--ticker", arg);
        return true;
    default: return kind_option(key, arg, state) || sync_option(key, arg, state);
    }
}

static enum sluice_status make_channel(const struct args *args, sluice *s, struct sluice_make *how)
{
    struct sluice_chan_spec spec = channel_spec(args);
    spec.dead_letter = make.dead_letter;
    spec.deliveries_max = (uint32_t)make.max_deliveries;
    spec.fenced = make.fenced;
    spec.ordered = make.ordered;
    spec.message = make.message;
    spec.schema = make.schema;
    how->lifetime = args->ephemeral ? SLUICE_EPHEMERAL : SLUICE_OWNED;
    return sluice_chan_make_with(s, how, &spec, NULL, NULL);
}

/* What was said of a kind that it is not. */
static void check_kind(struct argp_state *state)
{
    const struct sluice_counter_spec *counter = &make.sync.counter;
    enum sluice_kind kind = make.kind;
    if (kind != SLUICE_KIND_COUNTER && (counter->has_min || counter->has_max))
        argp_error(state, "--min and --max are for a --counter");
    if (kind != SLUICE_KIND_NONE && kind != SLUICE_KIND_COUNTER && kind != SLUICE_KIND_CELL && make.fenced)
        argp_error(state, "--fenced is for a channel, a --counter or a --cell");
    if (kind != SLUICE_KIND_ONCE && kind != SLUICE_KIND_FLIGHT && make.sync.poison)
        argp_error(state, "--poison is for a --once or a --flight");
    if (kind != SLUICE_KIND_GROUP && make.cancels)
        argp_error(state, "--cancels is for a --group");
    if (kind != SLUICE_KIND_GROUP && kind != SLUICE_KIND_POOL && make.limited)
        argp_error(state, "--limit is for a --group or a --pool");
    if (kind != SLUICE_KIND_POOL && make.sync.pool.capacity >= 0)
        argp_error(state, "--capacity is for a --pool; a channel has --cap");
    if (kind != SLUICE_KIND_ACTOR && make.sync.fail)
        argp_error(state, "--fail is for an --actor");
    if (kind != SLUICE_KIND_NONE && make.ordered)
        argp_error(state, "--ordered is for a channel");
    if (kind != SLUICE_KIND_NONE && (make.message != NULL || make.schema.size > 0))
        argp_error(state, "--message and --schema are for a channel");
    if (make.message == NULL && make.schema.size > 0)
        argp_error(state, "--schema goes with --message");
    if (kind != SLUICE_KIND_LIMITER && limit_given(&make.limit))
        argp_error(state, "--rate, --burst and --algorithm are for a --limiter");
}

static void make_check(const struct args *args, struct argp_state *state)
{
    bool dead_letter = !sluice_is_nil(make.dead_letter.ref);
    bool pool = make.kind == SLUICE_KIND_POOL;
    if (pool && (args->make || make.max_deliveries > 0))
        argp_error(state, "a pool has no --cap, --type or --max-deliveries, but --capacity and retries");
    if (make.kind != SLUICE_KIND_NONE && (args->make || make.max_deliveries > 0 || (dead_letter && !pool)))
        argp_error(state, "--%s has no capacity, type or dead letters", sluice_kind_name(make.kind));
    if (!pool && (make.max_deliveries > 0) != dead_letter)
        argp_error(state, "--dead-letter and --max-deliveries go together");
    check_kind(state);
    if (make.kind == SLUICE_KIND_LIMITER) {
        limit_check(&make.limit, state);
        limit_spec(&make.limit, &make.sync.limiter);
    }
}

static int make_run(struct args *args, sluice *s)
{
    const char *name = args->words[0];
    struct sluice_make how = args_make(args, name);
    sluice_ref made = SLUICE_NIL_REF;
    enum sluice_status status = SLUICE_OK;
    switch (make.kind) {
    case SLUICE_KIND_NONE: status = make_channel(args, s, &how); break;
    case SLUICE_KIND_TIMER: status = sluice_timer_make_with(s, &how, make.duration_ns, NULL, NULL); break;
    case SLUICE_KIND_TICKER: status = sluice_ticker_make_with(s, &how, make.duration_ns, NULL, NULL); break;
    default: status = sync_make(s, &how, &make.sync, &made); break;
    }
    return fail(status, name);
}

static const struct argp_option make_options[] = {
    {"max-deliveries", KEY_MAX_DELIVERIES, "N", 0,
     "An item given back after N deliveries goes to the dead letters", 1},
    {"dead-letter", KEY_DEAD_LETTER, "CHANNEL", 0,
     "The channel, of the same type, that takes them; of a pool: one of bytes that takes what failed tasks were called with",
     1},
    {"ordered", KEY_ORDERED, NULL, 0,
     "What is in the channel is received by rank (`send --rank`), the least first; who waits for room in it is let in as he came. So it wants a --cap",
     1},
    {"message", KEY_MESSAGE, "TYPE", 0,
     "Each value is a protobuf message of this full name, for those who look (`show`); nothing checks it", 1},
    {"schema", KEY_SCHEMA, "FILE", 0,
     "A FileDescriptorSet that has it, as protoc -o writes it (`show --schema`)", 1},
    {"timer", KEY_TIMER, "DUR", 0, "Make a timer that is due once, so long from now", 1},
    {"ticker", KEY_TICKER, "DUR", 0, "Make a ticker with this period", 1},
    {"mutex", KEY_MUTEX, NULL, 0, "Make a lock for one at a time", 1},
    {"rwmutex", KEY_RWMUTEX, NULL, 0, "Make a lock for one writer or many readers", 1},
    {"semaphore", KEY_SEMAPHORE, "N", 0, "Make a semaphore of N permits", 1},
    {"waitgroup", KEY_WAITGROUP, NULL, 0, "Make a wait group", 1},
    {"counter", KEY_COUNTER, "N", 0, "Make a counter that begins at N", 1},
    {"min", KEY_MIN, "N", 0, "The counter refuses to fall below N", 1},
    {"max", KEY_MAX, "N", 0, "The counter refuses to rise above N", 1},
    {"fenced", KEY_FENCED, NULL, 0,
     "The channel, counter or cell takes sends or changes with a token only (--fence), and none older than the newest it has seen",
     1},
    {"cell", KEY_CELL, NULL, 0, "Make a cell for one value", 1},
    {"once", KEY_ONCE, NULL, 0, "Make a once", 1},
    {"cond", KEY_COND, NULL, 0, "Make a condition", 1},
    {"barrier", KEY_BARRIER, "N", 0, "Make a barrier for N parties", 1},
    {"flight", KEY_FLIGHT, NULL, 0, "Make a flight: calls that share one run", 1},
    {"poison", KEY_POISON, NULL, 0,
     "If the runner dies the once has failed for good, and who waits for it in a flight fails", 1},
    {"group", KEY_GROUP, NULL, 0, "Make a group of tasks", 1},
    {"limit", KEY_LIMIT, "N", 0, "The group or the pool runs at most N tasks at a time", 1},
    {"cancels", KEY_CANCELS, "CTX", 0, "The context that the group's first error cancels", 1},
    {"limiter", KEY_LIMITER, NULL, 0, "Make a limiter, with --rate, --burst and --algorithm", 1},
    LIMIT_OPTIONS,
    {"actor", KEY_ACTOR, NULL, 0, "Make an actor: a state that one owns (`serve`) and others `call`", 1},
    {"fail", KEY_FAIL, NULL, 0,
     "When the actor's owner goes, the calls that wait fail; else they are its successor's", 1},
    {"pool", KEY_POOL, NULL, 0, "Make a pool of tasks", 1},
    {"capacity", KEY_CAPACITY, "N", 0,
     "The pool keeps at most N tasks that have not begun (default: any number)", 1},
    {0},
};

const struct verb verb_make = {
    .name = "make",
    .words = "NAME",
    .help = "Make a channel, a timer, a lock or another object, unless it is there",
    .text =
        "A name is [SPACE/]NAME of A-Z a-z 0-9 . _ -. What is there already with the same parameters is left as it is; "
        "other parameters are an error that says which.\n\n"
        "Examples:\n"
        "  sluice make jobs --cap 100\n"
        "  sluice make urgent --cap 100 --ordered\n"
        "  sluice make orders --message shop.Order --schema shop.pb\n"
        "  sluice make dead && sluice make jobs --cap 100 --dead-letter dead --max-deliveries 3\n"
        "  sluice make scratch --for-pid $$\n"
        "  sluice make heartbeat --ticker 1s\n"
        "  sluice make config --rwmutex\n"
        "  sluice make seats --counter 12 --min 0\n"
        "  sluice make api --limiter --rate 10/s --burst 20\n"
        "  sluice make build --pool --limit 4 --capacity 100",
    .takes = TAKES_CHANNEL | TAKES_LIFE,
    .words_min = 1,
    .words_max = 1,
    .options = make_options,
    .option = make_option,
    .check = make_check,
    .run = make_run,
};

/* ---- close, rm */

/* Does it to each name; the exit code is that of the first that failed. */
static int for_each(struct args *args, sluice *s, enum sluice_status (*act)(sluice *s, const char *name))
{
    int code = 0;
    for (int i = 0; i < args->words_count; i++) {
        enum sluice_status status = act(s, args->words[i]);
        int failed = fail(status, args->words[i]);
        code = code == 0 ? failed : code;
    }
    return code;
}

static uint64_t close_fence; /* 0: none */

enum { KEY_FENCE = 0x100 };

static bool close_option(int key, char *arg, struct argp_state *state)
{
    if (key != KEY_FENCE)
        return false;
    close_fence = (uint64_t)args_number(state, "--fence", arg, 1, INT64_MAX);
    return true;
}

static enum sluice_status close_one(sluice *s, const char *name)
{
    return sluice_chan_close_fenced(s, sluice_chan_named(name), close_fence);
}

static int close_run(struct args *args, sluice *s)
{
    return for_each(args, s, close_one);
}

static const struct argp_option close_options[] = {
    {"fence", KEY_FENCE, "TOKEN", 0,
     "The token of the lock that guards them: refused when a newer one has been seen (exit code 75)", 1},
    {0},
};

const struct verb verb_close = {
    .name = "close",
    .words = "NAME...",
    .help = "Close channels",
    .text =
        "What is in a channel stays receivable; then receivers are told that it is the end. To close a closed channel is an error, as in Go: exit code 3.\n\n"
        "Example:\n"
        "  sluice close jobs",
    .words_min = 1,
    .words_max = -1,
    .options = close_options,
    .option = close_option,
    .run = close_run,
};

static bool rm_force;

static bool rm_option(int key, char *arg, struct argp_state *state)
{
    (void)arg, (void)state;
    rm_force = rm_force || key == 'f';
    return key == 'f';
}

static enum sluice_status remove_one(sluice *s, const char *name)
{
    enum sluice_status status = sluice_remove(s, sluice_named(name));
    return status == SLUICE_NOT_FOUND && rm_force ? SLUICE_OK : status;
}

static int rm_run(struct args *args, sluice *s)
{
    return for_each(args, s, remove_one);
}

static const struct argp_option rm_options[] = {
    {"force", 'f', NULL, 0, "What is not there is no error", 1},
    {0},
};

const struct verb verb_rm = {
    .name = "rm",
    .words = "NAME...",
    .help = "Remove objects of any kind, with what is in them",
    .text = "Who waits on one of them is told that it was removed: exit code 66 there.\n\n"
            "Example:\n"
            "  sluice rm -f jobs dead",
    .words_min = 1,
    .words_max = -1,
    .options = rm_options,
    .option = rm_option,
    .run = rm_run,
};

/* ---- stop, reset */

static int stop_run(struct args *args, sluice *s)
{
    bool active = false;
    enum sluice_status status = sluice_timer_stop(s, sluice_timer_named(args->words[0]), &active);
    if (status != SLUICE_OK)
        return fail(status, args->words[0]);
    return active ? 0 : 1;
}

const struct verb verb_stop = {
    .name = "stop",
    .words = "NAME",
    .help = "Stop a timer, a ticker or a send left behind by `after`",
    .text =
        "Exit code 0: it was active, and nothing will come of it. 1: it was not: it had been received, done or stopped.\n\n"
        "Example:\n"
        "  sluice stop heartbeat",
    .words_min = 1,
    .words_max = 1,
    .run = stop_run,
};

static int64_t reset_ns;

static void reset_check(const struct args *args, struct argp_state *state)
{
    reset_ns = args_duration(state, "DUR", args->words[1]);
}

static int reset_run(struct args *args, sluice *s)
{
    enum sluice_status status = sluice_timer_reset(s, sluice_timer_named(args->words[0]), reset_ns, NULL);
    return fail(status, args->words[0]);
}

const struct verb verb_reset = {
    .name = "reset",
    .words = "NAME DUR",
    .help = "Set a timer again, DUR from now, or a ticker to the period DUR",
    .text = "What was due and not received is revoked.\n\n"
            "Example:\n"
            "  sluice reset heartbeat 500ms",
    .words_min = 2,
    .words_max = 2,
    .check = reset_check,
    .run = reset_run,
};

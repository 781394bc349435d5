/*
 * limit.c - sluice limit: a command, or a look, when a limiter allows it.
 *
 * x/time/rate's Limiter and its relatives between processes. Whoever waits, waits in the daemon in order of arrival. What is taken is
 * gone when the command starts; only a concurrency limit is held while it runs and given back when it ends, like a lock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "duration.h"
#include "hold.h"
#include "limit.h"
#include "link.h"
#include "out.h"
#include "rate.h"
#include "sync.h"
#include "verb.h"

static struct {
    struct limit_options spec;
    const char *key;
    uint64_t cost;
    bool dry_run;
} options = {.cost = 1};

enum { KEY_KEY = 0x100, KEY_COST, KEY_DRY_RUN, KEY_TRY };

/* ---- What it is */

static const struct {
    const char *name;
    enum sluice_algorithm algorithm;
} algorithms[] = {
    {"bucket", SLUICE_ALGORITHM_BUCKET},   {"window", SLUICE_ALGORITHM_WINDOW},
    {"sliding", SLUICE_ALGORITHM_SLIDING}, {"meter", SLUICE_ALGORITHM_METER},
    {"queue", SLUICE_ALGORITHM_QUEUE},     {"concurrency", SLUICE_ALGORITHM_CONCURRENCY},
};

const char *limit_algorithm_name(enum sluice_algorithm algorithm)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (algorithms[i].algorithm == algorithm)
            return algorithms[i].name;
    return "unknown";
}

static enum sluice_algorithm algorithm_of(struct argp_state *state, const char *text)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (strcmp(algorithms[i].name, text) == 0)
            return algorithms[i].algorithm;
    argp_error(state, "--algorithm: %s is none: bucket, window, sliding, meter, queue or concurrency", text);
    return SLUICE_ALGORITHM_BUCKET;
}

bool limit_option(int key, char *arg, struct argp_state *state, struct limit_options *o)
{
    switch (key) {
    case KEY_LIMIT_RATE:
        o->has_rate = true;
        if (!rate_parse(arg, &o->rate))
            argp_error(state, "--rate: %s is no rate: write 10/s, 0.5/s, 100/m, 3/100ms, inf or 0", arg);
        return true;
    case KEY_LIMIT_BURST:
        o->has_burst = true;
        o->burst = (uint64_t)args_number(state, "--burst", arg, 0, INT64_C(1) << 40);
        return true;
    case KEY_LIMIT_ALGORITHM:
        o->has_algorithm = true;
        o->algorithm = algorithm_of(state, arg);
        return true;
    default: return false;
    }
}

bool limit_given(const struct limit_options *o)
{
    return o->has_rate || o->has_burst || o->has_algorithm;
}

void limit_check(const struct limit_options *o, struct argp_state *state)
{
    bool concurrency = o->has_algorithm && o->algorithm == SLUICE_ALGORITHM_CONCURRENCY;
    if (concurrency ? !o->has_burst : !o->has_rate)
        argp_error(state, concurrency ? "a concurrency limit needs --burst, how many at once"
                                      : "a limiter needs --rate, as in --rate 10/s");
}

void limit_spec(const struct limit_options *o, struct sluice_limiter_spec *ret)
{
    bool windowed = o->algorithm == SLUICE_ALGORITHM_WINDOW || o->algorithm == SLUICE_ALGORITHM_SLIDING;
    ret->algorithm = o->algorithm;
    ret->rate = o->rate;
    ret->burst = o->has_burst || windowed ? o->burst : 1;
}

static enum sluice_status open_limiter(sluice *s, const char *name, sluice_ref *ret)
{
    bool given = limit_given(&options.spec);
    struct sync_spec spec =
        SYNC_SPEC_INIT(SLUICE_KIND_LIMITER, given ? SLUICE_KIND_LIMITER : SLUICE_KIND_NONE);
    struct sluice_make how = SLUICE_MAKE_INIT;
    limit_spec(&options.spec, &spec.limiter);
    how.name = name;
    return given ? sync_make(s, &how, &spec, ret) : sync_open(s, name, &spec, ret, NULL);
}

/* ---- What it said */

/* Whether only somebody who gives a place back can make room: when, nobody knows. */
static bool is_full(sluice *s, sluice_ref ref)
{
    struct sluice_description *d = NULL;
    bool full = sluice_describe(s, ref, &d) == SLUICE_OK &&
                d->limiter.spec.algorithm == SLUICE_ALGORITHM_CONCURRENCY &&
                options.cost <= d->limiter.spec.burst;
    sluice_description_free(d);
    return full;
}

static void print_quota(const struct args *args, sluice *s, sluice_ref ref, const struct sluice_quota *q)
{
    char text[DURATION_TEXT_SIZE];
    bool known = q->retry_after_ns != SLUICE_FOREVER_NS;
    if (args->json) {
        printf("{\"allowed\":%s,\"remaining\":%" PRId64 ",\"retry_after_ns\":", q->allowed ? "true" : "false",
               q->remaining);
        if (known)
            printf("%" PRId64 "}\n", q->retry_after_ns);
        else
            puts("null}");
    } else if (!q->allowed && known) {
        printf("retry after %s\n", duration_text(q->retry_after_ns, text));
    } else if (!q->allowed) {
        puts(is_full(s, ref) ? "retry when one has ended" : "never");
    }
}

/* Becomes the command: the connection is closed by that. Only if it cannot be run this returns. */
static int become(char **command)
{
    if (out_flush() != 0)
        return EX_IOERR;
    if (interrupt_signal() != 0)
        return 128 + interrupt_signal();
    execvp(command[0], command);
    int code = errno == ENOENT ? 127 : 126;
    return fail_text(code, "%s: %s", command[0], code == 127 ? "command not found" : strerror(errno));
}

static int run_allowed(const struct args *args, sluice *s, struct hold *h, const struct sluice_quota *q)
{
    h->grant.token = q->token;
    if (q->token != 0 && (args->command != NULL || hold_options.for_pid != 0))
        return hold_serve(args, s, h);
    if (q->token != 0)
        sluice_limiter_release(s, sluice_limiter_of(h->ref), q->token);
    if (args->command != NULL)
        return become(args->command);
    print_quota(args, s, h->ref, q);
    return 0;
}

static int limit_run(struct args *args, sluice *s)
{
    struct hold h = {.name = args->words[0], .what = "place", .kind = SLUICE_KIND_LIMITER};
    struct sluice_wait wait = args_wait(args);
    struct sluice_quota quota = {0};
    enum sluice_status status = open_limiter(s, h.name, &h.ref);
    if (status == SLUICE_NOT_FOUND)
        return fail_text(EX_NOINPUT, "%s: no such limiter: give it a --rate, and it is made", h.name);
    if (status != SLUICE_OK)
        return fail(status, h.name);
    sluice_limiter limiter = sluice_limiter_of(h.ref);
    status = options.dry_run ? sluice_limiter_check(s, limiter, options.key, options.cost, &quota)
                             : sluice_limiter_take(s, limiter, options.key, options.cost, hold_options.ttl_ns,
                                                   &wait, &quota);
    if (status == SLUICE_WOULD_BLOCK) {
        print_quota(args, s, h.ref, &quota);
        return 1;
    }
    if (status != SLUICE_OK)
        return fail(status, h.name);
    if (!options.dry_run)
        return run_allowed(args, s, &h, &quota);
    print_quota(args, s, h.ref, &quota);
    return 0;
}

static bool option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_KEY: options.key = arg; return true;
    case KEY_COST:
        options.cost = (uint64_t)args_number(state, "--cost", arg, 0, INT64_C(1) << 40);
        return true;
    case KEY_DRY_RUN: options.dry_run = true; return true;
    case KEY_TRY: ((struct args *)state->input)->no_wait = true; return true;
    default: return limit_option(key, arg, state, &options.spec) || hold_option(key, arg, state);
    }
}

static void check(const struct args *args, struct argp_state *state)
{
    if (args->command != NULL && args->command[0] == NULL)
        argp_error(state, "no command behind --");
    if (args->command != NULL && (options.dry_run || hold_options.for_pid != 0))
        argp_error(state, "a command and %s: it is one of them",
                   options.dry_run ? "--dry-run" : "--hold-for-pid");
    if (limit_given(&options.spec))
        limit_check(&options.spec, state);
}

static const struct argp_option limit_options_table[] = {
    LIMIT_OPTIONS,
    {"key", KEY_KEY, "KEY", 0, "Each key has a limit of its own", 1},
    {"cost", KEY_COST, "N", 0, "It counts for N (default: 1)", 1},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "Say what --try would, and take nothing", 1},
    {"try", KEY_TRY, NULL, 0, "Do not wait: exit code 1, and when to come back on stdout", 3},
    HOLD_PID_OPTION,
    HOLD_COMMAND_OPTIONS,
    {0},
};

const struct verb verb_limit = {
    .name = "limit",
    .words = "NAME [-- CMD [ARG...]]",
    .help = "Run a command, or go on, when a rate or concurrency limit allows it",
    .text =
        "Waits until it is allowed, in order of arrival, and then runs the command, or without one ends. With --rate (and --burst, --algorithm) the limiter is made so on first use. What is there must be the same (`tune` changes it); without, it is taken as it is.\n\n"
        "Algorithms: `bucket` (default) is Go's rate.Limiter: --burst tokens (default: 1), refilled at the rate. `window` lets through the rate's count in each of its periods, and so up to twice as much across an edge; `sliding` weighs the last window, too. "
        "`meter` is a leaky bucket that holds --burst. `queue` lets one through each 1/rate and lets --burst wait; more end with exit code 75. `concurrency` lets --burst run at once: each is held while its command runs and given back when that ends, dies or is killed, as `sem` does.\n\n"
        "--try does not wait: exit code 1 when it is not allowed, and stdout has \"retry after 1.5s\", \"retry when one has ended\" or \"never\". Without it a bucket refuses at once a wait that --timeout would cut short: 124, and nothing is taken. A --cost beyond the burst is an error: 64. "
        "--json prints allowed, remaining and retry_after_ns, null where that is not known.\n\n"
        "Exit code: the command's own; 1 with --try or --dry-run when it is not allowed.\n\n"
        "Examples:\n"
        "  sluice limit api --rate 10/s --burst 20 -- curl -s https://example.org/\n"
        "  sluice limit api --key \"$USER\" --try || echo 'too fast'\n"
        "  sluice limit render --algorithm concurrency --burst 4 -- ./render.sh",
    .takes = TAKES_WAIT | TAKES_COMMAND | TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .options = limit_options_table,
    .option = option,
    .check = check,
    .run = limit_run,
};

/* ---- tune */

static struct {
    struct limit_options spec;
    bool has_permits, has_limit;
    uint64_t permits;
    int64_t limit;
} changes;

enum { KEY_PERMITS = 0x100, KEY_LIMIT };

static bool tune_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_PERMITS:
        changes.has_permits = true;
        changes.permits = (uint64_t)args_number(state, "--permits", arg, 0, INT64_C(1) << 62);
        return true;
    case KEY_LIMIT:
        changes.has_limit = true;
        changes.limit = strcmp(arg, "none") == 0 ? -1 : args_number(state, "--limit", arg, 0, INT64_MAX);
        return true;
    default: return limit_option(key, arg, state, &changes.spec);
    }
}

static void tune_check(const struct args *args, struct argp_state *state)
{
    (void)args;
    if (changes.has_permits + changes.has_limit + limit_given(&changes.spec) != 1)
        argp_error(state, "expected what to change: --rate and --burst, or --permits, or --limit");
}

static enum sluice_status tune(sluice *s, sluice_ref ref)
{
    struct sluice_tune tune = SLUICE_TUNE_INIT;
    if (changes.has_permits)
        return sluice_sem_resize(s, sluice_sem_of(ref), changes.permits);
    if (changes.has_limit)
        return sluice_group_set_limit(s, sluice_group_of(ref), changes.limit);
    tune.has_rate = changes.spec.has_rate;
    tune.rate = changes.spec.rate;
    tune.has_burst = changes.spec.has_burst;
    tune.burst = changes.spec.burst;
    return sluice_limiter_tune(s, sluice_limiter_of(ref), &tune);
}

static int tune_run(struct args *args, sluice *s)
{
    sluice_ref ref = SLUICE_NIL_REF;
    enum sluice_kind kind = changes.has_permits ? SLUICE_KIND_SEMAPHORE
                            : changes.has_limit ? SLUICE_KIND_GROUP
                                                : SLUICE_KIND_LIMITER;
    const struct sync_spec spec = SYNC_SPEC_INIT(kind, SLUICE_KIND_NONE);
    enum sluice_status status = sync_open(s, args->words[0], &spec, &ref, NULL);
    return fail(status == SLUICE_OK ? tune(s, ref) : status, args->words[0]);
}

static const struct argp_option tune_options[] = {
    {"rate", KEY_LIMIT_RATE, "RATE", 0, "A limiter's rate, as in `limit`", 1},
    {"burst", KEY_LIMIT_BURST, "N", 0, "A limiter's burst", 1},
    {"permits", KEY_PERMITS, "N", 0, "How many permits a semaphore has", 1},
    {"limit", KEY_LIMIT, "N", 0, "How many tasks of a group run at a time, or `none`; only while none does",
     1},
    {0},
};

const struct verb verb_tune = {
    .name = "tune",
    .words = "NAME",
    .help = "Change the rate or burst of a limiter, the size of a semaphore, the limit of a group",
    .text = "From now on; who holds something keeps it, and who waits on a bucket keeps its time.\n\n"
            "Examples:\n"
            "  sluice tune api --rate 20/s --burst 40\n"
            "  sluice tune build --permits 8",
    .words_min = 1,
    .words_max = 1,
    .options = tune_options,
    .option = tune_option,
    .check = tune_check,
    .run = tune_run,
};

/*
 * worker.c - sluice worker: runs a pool's commands.
 *
 * The fleet is one runner (runner.h), or from --min to --max of them, all in this process and in one loop. One more attaches when all
 * slots of all are taken. One leaves when for a while there has always been one to spare: an idle one, without which there would still be a
 * free slot, so that it is not missed at once. Under a load that goes round among them none is idle for long, so it is the fleet that is looked at,
 * not each of them.
 *
 * Signals. The first INT, TERM or HUP drains: no more tasks are taken, and those that run are awaited. The second one passes on to them,
 * the third kills them.
 *
 * A worker that ends because it is idle (--idle-exit) may leave just when a task comes, which is kept by then and has nobody. So it looks once
 * more when it has left; who submits a task looks for workers after that. One of both sees the other.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "duration.h"
#include "link.h"
#include "out.h"
#include "runner.h"
#include "verb.h"

enum { FLEET_MAX = 1024 };

static struct {
    uint32_t slots; /* 0: as many as there are processors, or one where workers come and go */
    size_t min, max;
    int64_t idle_ns, idle_exit_ns, grace_ns, patience_ns;
    bool verbose, json, dynamic;
    bool alone; /* it ends when the pool has another */
} options = {
    .min = 1,
    .max = 1,
    .idle_ns = 10 * SLUICE_SECOND,
    .idle_exit_ns = INT64_MAX,
    .grace_ns = 5 * SLUICE_SECOND,
    .patience_ns = 30 * SLUICE_SECOND,
};

enum { KEY_SLOTS = 0x100, KEY_MIN, KEY_MAX, KEY_IDLE, KEY_IDLE_EXIT, KEY_ALONE, KEY_GRACE, KEY_PATIENCE };

static int64_t to_come(struct argp_state *state, const char *what, const char *arg, int64_t min_ns)
{
    int64_t ns = args_duration(state, what, arg);
    if (ns < min_ns)
        argp_error(state, "%s: %s is not a time to come", what, arg);
    return ns;
}

static bool worker_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_SLOTS: options.slots = (uint32_t)args_number(state, "--slots", arg, 1, 1 << 20); return true;
    case KEY_MIN:
        options.min = (size_t)args_number(state, "--min", arg, 1, FLEET_MAX);
        options.dynamic = true;
        return true;
    case KEY_MAX:
        options.max = (size_t)args_number(state, "--max", arg, 1, FLEET_MAX);
        options.dynamic = true;
        return true;
    case KEY_IDLE: options.idle_ns = to_come(state, "--idle", arg, 1); return true;
    case KEY_ALONE: options.alone = true; return true;
    case KEY_IDLE_EXIT: options.idle_exit_ns = to_come(state, "--idle-exit", arg, 1); return true;
    case KEY_GRACE: options.grace_ns = to_come(state, "--grace", arg, 0); return true;
    case KEY_PATIENCE: options.patience_ns = to_come(state, "--patience", arg, 1); return true;
    case 'v': options.verbose = true; return true;
    default: return false;
    }
}

static void worker_check(const struct args *args, struct argp_state *state)
{
    options.json = args->json;
    if (options.max < options.min && options.max == 1)
        options.max = options.min;
    if (options.max < options.min)
        argp_error(state, "--max %zu is less than --min %zu", options.max, options.min);
}

/* ---- What happens, for those who want to know. */

static void print_json(const struct runner_event *e, const char *name)
{
    printf("{\"event\":\"%s\"", name);
    if (e->number != 0)
        printf(",\"task\":%" PRIu64 ",\"attempt\":%" PRIu32, e->number, e->attempt);
    if (e->kind == RUNNER_BEGAN) {
        printf(",\"pid\":%d,\"argv\":[", e->process);
        for (size_t i = 0; e->argv[i] != NULL; i++) {
            fputs(i > 0 ? "," : "", stdout);
            out_json_string(e->argv[i], strlen(e->argv[i]));
        }
        fputs("]", stdout);
    }
    if (e->kind == RUNNER_TOLD)
        printf(",\"signal\":%d", e->signal);
    if (e->kind == RUNNER_ENDED)
        printf(",\"failed\":%s,\"exit\":%d", e->failed ? "true" : "false", e->exit);
    if (e->text != NULL) {
        fputs(",\"text\":", stdout);
        out_json_string(e->text, strlen(e->text));
    }
    puts("}");
    fflush(stdout);
}

static void say_end(const struct runner_event *e)
{
    const char *name = e->exit < 0 ? sluice_signal_name(-e->exit) : NULL;
    if (e->text != NULL)
        remark("task %" PRIu64 ": not begun: %s", e->number, e->text);
    else if (name != NULL)
        remark("task %" PRIu64 ": ended by signal %s", e->number, name);
    else
        remark("task %" PRIu64 ": ended with exit code %d", e->number, e->exit);
}

static void say(const struct runner_event *e)
{
    switch (e->kind) {
    case RUNNER_ATTACHED: remark("a worker serves the pool"); break;
    case RUNNER_LOST: remark("the session is lost: what runs is stopped"); break;
    case RUNNER_BEGAN:
        remark("task %" PRIu64 ": attempt %" PRIu32 ", process %d: %s", e->number, e->attempt, e->process,
               e->argv[0]);
        break;
    case RUNNER_TOLD:
        if (e->signal != 0)
            remark("task %" PRIu64 ": is sent signal %d", e->number, e->signal);
        else
            remark("task %" PRIu64 ": is told to stop%s%s", e->number, e->text != NULL ? ": " : "",
                   e->text != NULL ? e->text : "");
        break;
    case RUNNER_ENDED: say_end(e); break;
    case RUNNER_REMARK:
    default: remark("task %" PRIu64 ": %s", e->number, e->text); break;
    }
}

static void report(void *with, const struct runner_event *e)
{
    static const char *const names[] = {"attached", "lost", "began", "told", "ended", "remark"};
    (void)with;
    if (options.json)
        print_json(e, names[e->kind]);
    if (options.verbose || e->kind == RUNNER_REMARK || e->kind == RUNNER_LOST)
        say(e);
}

/* ---- The fleet. */

struct fleet {
    struct runner_spec spec;
    struct runner *runners[FLEET_MAX];
    bool leaving[FLEET_MAX]; /* drained, since it was not needed */
    size_t count, max;
    int signals;
    int code;         /* of the first that failed */
    unsigned told;    /* how many signals to end have come */
    int last;         /* the last one */
    int64_t spare_ns; /* since when one could be spared; INT64_MAX: none can */
    int64_t idle_ns;  /* since when nothing runs; INT64_MAX: something does */
    bool idle_exit;   /* it ends because it was idle */
};

static void add(struct fleet *f)
{
    int code = runner_new(&f->spec, &f->runners[f->count]);
    if (code != 0) {
        if (f->count == 0)
            f->code = code;
        f->max = f->count;
        return;
    }
    f->leaving[f->count++] = false;
}

static void remove_at(struct fleet *f, size_t i)
{
    if (f->code == 0)
        f->code = runner_code(f->runners[i]);
    runner_free(f->runners[i]);
    f->count--;
    f->runners[i] = f->runners[f->count];
    f->leaving[i] = f->leaving[f->count];
}

static void drain(struct fleet *f)
{
    for (size_t i = 0; i < f->count; i++)
        runner_drain(f->runners[i]);
}

static void take_signal(struct fleet *f)
{
    struct signalfd_siginfo info;
    while (read(f->signals, &info, sizeof info) == sizeof info) {
        f->last = (int)info.ssi_signo;
        f->told++;
        if (f->told == 1)
            drain(f);
        else
            for (size_t i = 0; i < f->count; i++)
                runner_stop(f->runners[i], f->told == 2 ? f->last : SIGKILL);
        if (options.verbose)
            remark("signal %s: %s", sluice_signal_name(f->last),
                   f->told == 1 ? "what runs is awaited" : "what runs is stopped");
    }
}

/* What can be seen of all of them. */
struct sight {
    size_t staying, idle, busy;
    size_t open;       /* that have a free slot: none, and all slots are taken */
    size_t idle_place; /* of the last one that is idle */
};

static struct sight look(const struct fleet *f)
{
    struct sight sight = {0};
    for (size_t i = 0; i < f->count; i++) {
        uint32_t busy = runner_busy(f->runners[i]);
        sight.busy += busy;
        if (f->leaving[i])
            continue;
        sight.staying++;
        sight.open += busy < f->spec.slots ? 1 : 0;
        if (busy == 0) {
            sight.idle++;
            sight.idle_place = i;
        }
    }
    return sight;
}

static int64_t since(int64_t before_ns, bool is_so, int64_t now_ns)
{
    return !is_so ? INT64_MAX : before_ns != INT64_MAX ? before_ns : now_ns;
}

static bool is_due(int64_t since_ns, int64_t duration_ns, int64_t now_ns)
{
    return since_ns != INT64_MAX && now_ns - since_ns >= duration_ns;
}

/* One more, or one less, or none. */
static void adapt(struct fleet *f)
{
    int64_t now_ns = monotonic_now();
    if (f->told > 0 || f->idle_exit || f->count == 0)
        return;
    struct sight sight = look(f);
    if (sight.open == 0 && sight.staying < f->max && f->count < FLEET_MAX) {
        add(f);
        sight = look(f);
    }
    bool spare = sight.idle > 0 && sight.open > 1 && sight.staying > options.min;
    f->spare_ns = since(f->spare_ns, spare, now_ns);
    f->idle_ns = since(f->idle_ns, sight.busy == 0, now_ns);
    if (is_due(f->idle_ns, options.idle_exit_ns, now_ns)) {
        f->idle_exit = true;
        drain(f);
    } else if (is_due(f->spare_ns, options.idle_ns, now_ns)) {
        f->leaving[sight.idle_place] = true;
        runner_drain(f->runners[sight.idle_place]);
        spare = sight.idle > 1 && sight.open > 2 && sight.staying - 1 > options.min;
        f->spare_ns = spare ? now_ns : INT64_MAX;
    }
}

/* Milliseconds until adapt has something to do; -1: nothing is in sight. */
static int patience(const struct fleet *f)
{
    int64_t at_ns = INT64_MAX;
    if (f->told > 0 || f->idle_exit)
        return -1;
    if (f->spare_ns != INT64_MAX && options.idle_ns < INT64_MAX - f->spare_ns)
        at_ns = f->spare_ns + options.idle_ns;
    if (f->idle_ns != INT64_MAX && options.idle_exit_ns < INT64_MAX - f->idle_ns &&
        f->idle_ns + options.idle_exit_ns < at_ns)
        at_ns = f->idle_ns + options.idle_exit_ns;
    if (at_ns == INT64_MAX)
        return -1;
    int64_t left_ms = (at_ns - monotonic_now() + 999999) / 1000000;
    return left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

/* Whether another process has served the pool for longer. */
static bool is_served(sluice *s, const char *pool)
{
    struct sluice_description *d;
    if (sluice_describe(s, sluice_named(pool), &d) != SLUICE_OK)
        return false;
    bool served = d->holders_count > 0 && d->holders[0].pid != getpid();
    sluice_description_free(d);
    return served;
}

static void serve(struct fleet *f, sluice *s)
{
    struct pollfd polls[FLEET_MAX + 1];
    while (f->count < options.min && f->code == 0)
        add(f);
    if (options.alone && f->code == 0 && is_served(s, f->spec.pool))
        drain(f);
    while (f->count > 0) {
        adapt(f);
        size_t count = f->count;
        polls[0] = (struct pollfd){f->signals, POLLIN, 0};
        for (size_t i = 0; i < count; i++)
            polls[i + 1] = (struct pollfd){runner_fd(f->runners[i]), POLLIN, 0};
        poll(polls, count + 1, patience(f));
        if (polls[0].revents != 0)
            take_signal(f);
        for (size_t i = count; i-- > 0;)
            if ((polls[i + 1].revents != 0 || f->code != 0) && runner_step(f->runners[i]) != RUNNER_RUNNING)
                remove_at(f, i);
        if (f->code != 0)
            drain(f);
    }
}

/* ---- The verb. */

static uint32_t processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
}

/* The signals that end it are waited for; what reads them, or -1. Those that were ignored stay so. */
static int watch_signals(void)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGTERM};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!sluice_signal_ignored(ends[i]))
            sigaddset(&set, ends[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Whether there are tasks that nobody has begun. */
static bool is_wanted(sluice *s, const char *pool)
{
    struct sluice_description *d;
    if (sluice_describe(s, sluice_named(pool), &d) != SLUICE_OK)
        return false;
    bool wanted = d->pool.queued > 0 && !d->pool.closed;
    sluice_description_free(d);
    return wanted;
}

static int worker_run(struct args *args, sluice *s)
{
    static struct fleet f;
    f.signals = watch_signals();
    if (f.signals < 0)
        return fail_text(EX_OSERR, "cannot watch signals: %s", strerror(errno));
    f.max = options.max;
    f.spec = (struct runner_spec)RUNNER_SPEC_INIT(args->words[0], options.slots > 0 ? options.slots
                                                                  : options.dynamic ? 1
                                                                                    : processors());
    f.spec.address = args->address;
    f.spec.name = args->verb;
    f.spec.grace_ns = options.grace_ns;
    f.spec.patience_ns = options.patience_ns;
    f.spec.report = report;
    do {
        f.idle_exit = false;
        f.idle_ns = f.spare_ns = INT64_MAX;
        serve(&f, s);
    } while (f.idle_exit && f.told == 0 && f.code == 0 && is_wanted(s, args->words[0]));
    close(f.signals);
    return f.told > 1 ? 128 + f.last : f.code;
}

static const struct argp_option worker_options[] = {
    {"slots", KEY_SLOTS, "N", 0,
     "How many commands run at a time (default: one for each processor; with --min or --max: 1 each)", 1},
    {"min", KEY_MIN, "N", 0, "At least so many workers, each with its slots (default: 1)", 1},
    {"max", KEY_MAX, "N", 0, "One more when all slots are taken, up to so many", 1},
    {"idle", KEY_IDLE, "DUR", 0,
     "One that does nothing leaves when the others have had a free slot for so long (default: 10s)", 1},
    {"idle-exit", KEY_IDLE_EXIT, "DUR", 0, "End when nothing has run for so long", 1},
    {"alone", KEY_ALONE, NULL, 0, "End at once when another process serves the pool already", 1},
    {"grace", KEY_GRACE, "DUR", 0,
     "A command that shall end gets SIGTERM, and SIGKILL so much later, unless it says otherwise itself (default: 5s)",
     1},
    {"patience", KEY_PATIENCE, "DUR", 0,
     "How long a daemon that cannot be reached may come back (default: 30s)", 1},
    {"verbose", 'v', NULL, 0, "Say on stderr what is begun and how it ends", 1},
    {0},
};

const struct verb verb_worker = {
    .name = "worker",
    .words = "POOL",
    .help = "Run the commands that are submitted to a pool",
    .text =
        "Takes the pool's tasks that are commands (sluice go) and runs them, so many at a time, without a shell. The pool is made when there is none. "
        "Each command has a process group of its own, the default signals, and the three standard descriptors alone; its environment is this one's, with the task's over it, "
        "SLUICE_TASK, by which its own requests are made in the task's name, SLUICE_TASK_NUMBER, the number that `go` printed, and SLUICE_ATTEMPT, which counts from 1. Of each output the first and the last 32 KiB are kept.\n\n"
        "A task that is told to stop has its group sent SIGTERM, and SIGKILL after the grace. What a command leaves behind may hold its output open for as long. "
        "A task that waits for the daemon gives its slot to another, so that more may have begun than there are slots.\n\n"
        "The first INT, TERM or HUP takes no more tasks and waits for those that run; the second is passed on to them, the third kills them. "
        "When it is killed, its commands are, and the daemon begins their tasks elsewhere if they have retries. When the daemon is started anew, so is the session: what ran is stopped.\n\n"
        "--json prints what happens to stdout, an object a line: event (attached, began, told, ended, lost, remark), task, attempt, pid, argv, exit (a signal's number is negative). "
        "Exit code: 0 when the pool is closed and all has finished, when it was drained, or idle; 128 + n when a second signal n stopped what ran.\n\n"
        "Examples:\n"
        "  sluice worker build --slots 4 &\n"
        "  sluice worker build --min 1 --max 8 --idle 1m -v\n"
        "  T=$(sluice go --pool build -- make -C lib); sluice wait $T --log",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .options = worker_options,
    .option = worker_option,
    .check = worker_check,
    .run = worker_run,
};

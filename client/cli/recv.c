/*
 * recv.c - sluice recv: items to stdout, or to a command.
 *
 * Nothing is lost on the way: an item is leased, written, flushed, and only then acknowledged. Whatever ends the process before that, a
 * full disk, a closed pipe, kill -9, the item is back at the head of its channel as soon as the kernel reports the death. Many items
 * come in batches, and a batch is acknowledged while the next one is asked for, in one round trip.
 *
 * With a command each item is its stdin, and its exit code 0 the acknowledgement. The lease is prolonged while the command runs; should it be
 * lost all the same, the command is stopped, since the item is already on its way to another.
 *
 * Timers, tickers and contexts are received from as channels are, without leases: nothing there can go back.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "channel.h"
#include "child.h"
#include "duration.h"
#include "link.h"
#include "out.h"
#include "progress.h"
#include "verb.h"

enum { BATCH_COUNT = 4096 };

static struct {
    int64_t count; /* -1: until it is closed and drained */
    bool counted, auto_ack, keep_going, ranked;
    int64_t lease_ns, kill_after_ns;
    enum out_how how;
    int delimiter;
    uint64_t fence; /* 0: none */
} options = {.count = 1, .lease_ns = 600 * SLUICE_SECOND, .kill_after_ns = 5 * SLUICE_SECOND};

enum { KEY_AUTO_ACK = 0x100, KEY_LEASE, KEY_JSON, KEY_JSONL, KEY_KILL_AFTER, KEY_FENCE, KEY_RANKED };

static bool recv_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case 'n': options.count = args_number(state, "--count", arg, 1, INT64_MAX); break;
    case 'a': options.count = -1; break;
    case 'l':
    case '0':
    case 'd':
        options.how = OUT_DELIMITED;
        options.delimiter = key == 'l' ? '\n' : key == '0' ? '\0' : args_delimiter(state, arg);
        break;
    case KEY_JSON: options.how = OUT_JSON; break;
    case 'j': options.how = OUT_JSONL; break;
    case KEY_AUTO_ACK: options.auto_ack = true; break;
    case KEY_RANKED: options.ranked = true; break;
    case KEY_LEASE: options.lease_ns = args_duration(state, "--lease", arg); break;
    case KEY_KILL_AFTER: options.kill_after_ns = args_duration(state, "--kill-after", arg); break;
    case 'k': options.keep_going = true; break;
    case KEY_FENCE: options.fence = (uint64_t)args_number(state, "--fence", arg, 1, INT64_MAX); break;
    default: return false;
    }
    if (options.lease_ns <= 0 || options.kill_after_ns < 0)
        argp_error(state, "%s is not a time to come", arg);
    return true;
}

struct receiving {
    sluice *s;
    const char *name;
    sluice_chan from;
    bool leases;
    struct sluice_wait wait;
    struct out_format format;
    struct progress progress;
    sluice_future *acks; /* under way */
    size_t acks_count;
};

/* ---- To stdout */

/* The items were written, but some of them will come again. */
static int fail_acks(const struct receiving *job, enum sluice_status status, uint64_t count)
{
    int code = fail(status, job->name);
    remark("%s: up to %" PRIu64 " items that were written are not acknowledged and will come again",
           job->name, count);
    return code;
}

static int finish_acks(struct receiving *job)
{
    if (job->acks == NULL)
        return 0;
    sluice_future *acks = job->acks;
    job->acks = NULL;
    enum sluice_status status = sluice_future_finish(acks, NULL);
    return status == SLUICE_OK ? 0 : fail_acks(job, status, job->acks_count);
}

/* Starts to acknowledge what was written; the next request takes it along. */
static int start_acks(struct receiving *job, const struct sluice_batch *batch)
{
    assert(batch->count > 0);
    sluice_lease *leases = calloc(batch->count, sizeof *leases);
    if (leases == NULL)
        abort();
    for (size_t i = 0; i < batch->count; i++)
        leases[i] = batch->items[i].lease;
    int code = finish_acks(job);
    enum sluice_status status = sluice_ack_start(job->s, leases, batch->count, &job->acks);
    job->acks_count = batch->count;
    free(leases);
    if (status != SLUICE_OK)
        return fail_acks(job, status, batch->count);
    return code;
}

/* One batch: received, written, its acknowledgement begun. */
static int write_batch(struct receiving *job, size_t max, size_t *ret_count)
{
    struct sluice_batch batch = {0};
    enum sluice_status status =
        sluice_recv_many(job->s, job->from, max, job->leases ? options.lease_ns : 0, &job->wait, &batch);
    if (status != SLUICE_OK) {
        int acked = finish_acks(job);
        int code = fail(status, job->name);
        bool drained = status == SLUICE_CLOSED && options.count < 0;
        return acked != 0 ? acked : drained ? -1 : code;
    }
    for (size_t i = 0; i < batch.count; i++)
        out_item(&job->format, job->s, &batch.items[i]);
    int code = out_flush();
    if (code == 0 && job->leases)
        code = start_acks(job, &batch);
    *ret_count = batch.count;
    progress_add(&job->progress, batch.count);
    sluice_batch_free(&batch);
    return code;
}

static int write_many(struct receiving *job)
{
    int code = 0;
    for (int64_t left = options.count; left != 0 && code == 0;) {
        size_t count = 0;
        code = write_batch(job, left < 0 || left > BATCH_COUNT ? BATCH_COUNT : (size_t)left, &count);
        if (left > 0)
            left -= (int64_t)count;
        if (code == 0 && interrupt_signal() != 0)
            code = 128 + interrupt_signal();
    }
    int acked = finish_acks(job);
    progress_end(&job->progress);
    return code > 0 ? code : acked;
}

static enum sluice_status recv_one(const struct receiving *job, struct sluice_item *item)
{
    return job->leases ? sluice_recv_lease(job->s, job->from, options.lease_ns, &job->wait, item)
                       : sluice_recv(job->s, job->from, &job->wait, item);
}

static int write_one(struct receiving *job)
{
    struct sluice_item item = {0};
    enum sluice_status status = recv_one(job, &item);
    if (status != SLUICE_OK)
        return fail(status, job->name);
    out_item(&job->format, job->s, &item);
    int code = out_flush();
    if (code == 0 && job->leases) {
        status = sluice_ack(job->s, &item.lease, 1, NULL);
        code = status == SLUICE_OK ? 0 : fail_acks(job, status, 1);
    }
    sluice_item_free(&item);
    return code;
}

/* ---- To a command */

/* Runs the command until it ends, prolonging the lease. *ret_lost: why the lease was lost, or OK. */
static int run_child(struct receiving *job, struct child *c, const struct sluice_item *item,
                     enum sluice_status *ret_lost)
{
    int64_t step_ns = options.lease_ns / 3;
    int64_t next_ns = job->leases ? monotonic_now() + step_ns : INT64_MAX;
    enum child_event event;
    while ((event = child_next(c, -1, next_ns)) != CHILD_ENDED) {
        if (event == CHILD_SIGNALED) {
            child_signal(c, c->signal);
            continue;
        }
        *ret_lost = sluice_extend(job->s, &item->lease, 1, options.lease_ns, NULL);
        next_ns = monotonic_now() + step_ns;
        if (*ret_lost != SLUICE_OK) {
            fail(*ret_lost, job->name);
            child_stop(c);
            next_ns = INT64_MAX;
        }
    }
    return c->code;
}

/* One item through one command. 0, or the exit code. */
static int feed_command(struct receiving *job, char **command, const struct sluice_item *item)
{
    size_t size = 0;
    char *text = out_text(&job->format, job->s, item, &size);
    char deliveries[16];
    snprintf(deliveries, sizeof deliveries, "%" PRIu32, item->deliveries);
    setenv("SLUICE_DELIVERIES", deliveries, 1);
    if (job->format.ranked) {
        char rank[24];
        snprintf(rank, sizeof rank, "%" PRId64, item->rank);
        setenv("SLUICE_RANK", rank, 1);
    }
    struct child c;
    enum sluice_status lost = SLUICE_OK, status = SLUICE_OK;
    int code = text == NULL ? fail_text(EX_OSERR, "out of memory")
                            : child_start(&c, command, true, text, size, options.kill_after_ns);
    if (code == 0) {
        code = run_child(job, &c, item, &lost);
        child_done(&c, code != 0 || lost != SLUICE_OK);
    }
    free(text);
    if (lost != SLUICE_OK)
        return sluice_exit_code(lost);
    if (!job->leases)
        return code;
    if (code != 0) {
        sluice_nack(job->s, &item->lease, 1, NULL); /* without it the end of the session gives it back */
        return code;
    }
    status = sluice_ack(job->s, &item->lease, 1, NULL);
    return status == SLUICE_OK ? 0 : fail_acks(job, status, 1);
}

static int run_commands(struct receiving *job, char **command)
{
    int failed = 0;
    for (int64_t left = options.count; left != 0; left -= left > 0) {
        struct sluice_item item = {0};
        enum sluice_status status = recv_one(job, &item);
        if (status == SLUICE_CLOSED && options.count < 0)
            return failed;
        if (status != SLUICE_OK)
            return failed != 0 ? fail(status, job->name), failed : fail(status, job->name);
        int code = feed_command(job, command, &item);
        sluice_item_free(&item);
        failed = code != 0 ? code : failed;
        if (interrupt_signal() != 0 || (code != 0 && (!options.keep_going || code == 126 || code == 127)))
            break;
    }
    return failed;
}

/* ---- The verb */

static void recv_check(const struct args *args, struct argp_state *state)
{
    if (args->command != NULL && args->command[0] == NULL)
        argp_error(state, "no command behind --");
}

/* Whether an ordered channel's ranks are told without being asked for. */
static bool tells_rank(const struct args *args)
{
    return options.how == OUT_JSON || args->command != NULL;
}

static int recv_run(struct args *args, sluice *s)
{
    if (options.ranked && options.how == OUT_RAW) {
        options.how = OUT_DELIMITED;
        options.delimiter = '\n';
    }
    struct receiving job = {.s = s, .name = args->words[0]};
    struct sluice_made made = {0};
    enum sluice_status status = channel_open(s, args, job.name, SLUICE_RIGHT_RECV, &job.from.ref, &made);
    if (status != SLUICE_OK)
        return fail(status, job.name);
    job.leases = made.kind == SLUICE_KIND_CHANNEL && !options.auto_ack;
    job.wait = args_wait(args);
    if (options.count != 1) {
        status = args_wait_all(args, s, &job.wait);
        if (status != SLUICE_OK)
            return fail(status, args->ctx);
    }
    job.wait.fence = options.fence;
    struct sluice_session session;
    sluice_session_get(s, &session);
    job.format = (struct out_format){
        .how = options.how,
        .delimiter = (char)options.delimiter,
        .kind = made.kind,
        .wall_offset_ns = session.wall_offset_ns,
        .ranked = options.ranked || (tells_rank(args) && channel_is_ordered(s, job.name)),
    };
    if (args->command != NULL)
        return run_commands(&job, args->command);
    if (options.count == 1)
        return write_one(&job);
    progress_begin(&job.progress, "received", args->progress);
    return write_many(&job);
}

static const struct argp_option recv_options[] = {
    {"count", 'n', "N", 0, "Receive N items", 1},
    {"all", 'a', NULL, 0, "Receive until the channel is closed and drained: exit code 0 then", 1},
    {"lines", 'l', NULL, 0, "End each item with a newline", 1},
    {"null", '0', NULL, 0, "End each item with NUL", 1},
    {"delimiter", 'd', "C", 0, "End each item with this byte; \\n \\r \\t \\0 \\\\ are known", 1},
    {"jsonl", 'j', NULL, 0, "Print each item as JSON on a line of its own, as `send --jsonl` takes it", 1},
    {"json", KEY_JSON, NULL, 0,
     "The same, as an object with the value, its type, how often it was delivered, and of an ordered channel its rank",
     1},
    {"ranked", KEY_RANKED, NULL, 0,
     "Print each item's rank and a tab in front of it, as `send --ranked` takes it, and end it with a newline unless another end is given",
     1},
    {"lease", KEY_LEASE, "DUR", 0,
     "How long an item stays away should this process hang (default: 10m); a command may take longer", 2},
    {"auto-ack", KEY_AUTO_ACK, NULL, 0, "Take items without a lease: what is not written is lost", 2},
    {"keep-going", 'k', NULL, 0, "With --all or -n: go on when the command fails", 2},
    {"kill-after", KEY_KILL_AFTER, "DUR", 0,
     "A command that must end gets SIGTERM, and SIGKILL so much later (default: 5s)", 2},
    {"fence", KEY_FENCE, "TOKEN", 0,
     "The token of the lock that guards the channel: refused when a newer one has been seen (exit code 75)",
     2},
    {0},
};

const struct verb verb_recv = {
    .name = "recv",
    .words = "NAME [-- CMD [ARG...]]",
    .help = "Receive from a channel, a timer, a ticker, or the end of a context",
    .text =
        "One item is printed as it is, byte for byte (on a terminal its line is ended); numbers in decimal, objects by name, the times of timers in UTC. "
        "An item is leased, written, and then acknowledged: when the process dies in between, the item is back in the channel.\n\n"
        "With a command each item is its stdin, and SLUICE_DELIVERIES says how often it was handed out, SLUICE_RANK which rank it has in an ordered channel. When the command exits with 0 the item is done, else it goes back. "
        "The exit code is the command's; with --all the first failure ends the loop, unless --keep-going.\n\n"
        "Exit code 3: the channel is closed and drained (with --all: 0). 4: --try, and nothing was there.\n\n"
        "Examples:\n"
        "  sluice recv jobs --timeout 50ms\n"
        "  sluice recv jobs --all --lines | sort\n"
        "  sluice recv jobs --all -- convert - out.png\n"
        "  while job=$(sluice recv jobs); do echo \"$job\"; done",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_MAKE | TAKES_CHANNEL | TAKES_PROGRESS | TAKES_COMMAND,
    .words_min = 1,
    .words_max = 1,
    .options = recv_options,
    .option = recv_option,
    .check = recv_check,
    .run = recv_run,
};

/*
 * send.c - sluice send: values from the command line, or stdin whole or in records.
 *
 * Records are sent in batches of what stdin has at hand, so that they go at once when they come slowly and by thousands when they come
 * fast. A batch waits for room in the channel, and stdin is not read meanwhile: back-pressure reaches whoever writes the pipe.
 * When a batch ends early its count says how many went, so the message can say how many of all were sent.
 *
 * An ordered channel gets a rank with each item: one for all, or the number and the tab in front of each record.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "channel.h"
#include "link.h"
#include "progress.h"
#include "records.h"
#include "value.h"
#include "verb.h"

enum {
    BATCH_COUNT = 4096,
    BATCH_BYTES = 256 * 1024,
};

static struct {
    bool records, json;
    int delimiter;
    uint64_t fence; /* 0: none */
    bool has_rank;
    int64_t rank;
    bool ranked; /* each record has its own */
} options = {.delimiter = '\n'};

enum { KEY_JSON = 0x100, KEY_FENCE, KEY_RANK, KEY_RANKED };

static bool send_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case 'l': options.delimiter = '\n'; break;
    case '0': options.delimiter = '\0'; break;
    case 'd': options.delimiter = args_delimiter(state, arg); break;
    case KEY_JSON: options.json = true; return true;
    case KEY_FENCE: options.fence = (uint64_t)args_number(state, "--fence", arg, 1, INT64_MAX); return true;
    case KEY_RANK:
        options.has_rank = true;
        options.rank = args_number(state, "--rank", arg, INT64_MIN, INT64_MAX);
        return true;
    case KEY_RANKED: options.ranked = true; break;
    case 'j':
        options.json = true;
        options.delimiter = '\n';
        break;
    default: return false;
    }
    options.records = true;
    return true;
}

struct sending {
    sluice *s;
    const char *name;
    sluice_chan channel;
    enum sluice_type type;
    bool json;
    struct sluice_wait wait;
    struct values batch;
    int64_t ranks[BATCH_COUNT]; /* --ranked: of the values in the batch */
    struct progress progress;
};

/* Sends what is gathered. 0, or the exit code. */
static int send_batch(struct sending *job)
{
    size_t count = job->batch.count, sent = 0;
    enum sluice_status status = SLUICE_OK;
    if (options.ranked) {
        job->wait.rank = count == 1 ? job->ranks[0] : 0;
        job->wait.ranks = count == 1 ? NULL : job->ranks;
    }
    if (count == 1) {
        status = sluice_send(job->s, job->channel, job->batch.values[0], &job->wait);
        sent = status == SLUICE_OK;
    } else if (count > 1) {
        status = sluice_send_many(job->s, job->channel, job->batch.values, count, &job->wait, &sent);
    }
    values_clear(&job->batch);
    progress_add(&job->progress, sent);
    if (status == SLUICE_OK)
        return 0;
    int code = fail(status, job->name);
    if (job->progress.count > 0)
        remark("%s: %" PRIu64 " sent before that", job->name, job->progress.count);
    return code;
}

static bool is_blank(struct sluice_blob text)
{
    const char *data = text.data;
    return strspn(data, " \t\r") == text.size;
}

/* A record that is no value of the channel's type: what came before it goes, it and what follows does not. */
static int refuse_record(struct sending *job, uint64_t number, const char *why)
{
    int code = send_batch(job);
    if (code != 0)
        return code;
    return fail_text(sluice_exit_code(SLUICE_WRONG_TYPE),
                     "%s: record %" PRIu64 " of stdin %s; %" PRIu64 " sent before it", job->name, number, why,
                     job->progress.count);
}

/* Takes the rank off a record. False: *ret_why says what is wrong with it. */
static bool take_rank(struct sluice_blob *record, int64_t *ret, const char **ret_why)
{
    const char *text = record->data;
    char *end = NULL;
    errno = 0;
    *ret = strtoimax(text, &end, 10); /* a NUL stands behind the record */
    size_t size = (size_t)(end - text);
    *ret_why = errno != 0 ? "has a rank that is not within 64 bits"
                          : "does not begin with a rank, a whole number, and a tab";
    if (errno != 0 || size == 0 || size >= record->size || *end != '\t')
        return false;
    *record = (struct sluice_blob){end + 1, record->size - size - 1};
    return true;
}

/* One record of stdin into the batch. 0, or the exit code. */
static int take_record(struct sending *job, uint64_t number, struct sluice_blob record)
{
    const char *why = NULL;
    int64_t rank = 0;
    if (job->json && options.records && is_blank(record))
        return 0;
    if (options.ranked && !take_rank(&record, &rank, &why))
        return refuse_record(job, number, why);
    if (!values_add(&job->batch, job->type, job->json, record.data, record.size, &why))
        return refuse_record(job, number, why);
    job->ranks[job->batch.count - 1] = rank;
    return job->batch.count == BATCH_COUNT || job->batch.bytes >= BATCH_BYTES ? send_batch(job) : 0;
}

static int send_stdin(struct sending *job)
{
    struct sluice_session session;
    sluice_session_get(job->s, &session);
    struct records records = {.delimiter = options.records ? options.delimiter : -1,
                              .size_max = session.payload_size_max};
    int code = 0;
    for (int more = 1; more == 1 && code == 0;) {
        more = records_read(&records, &code);
        struct sluice_blob record;
        while (code == 0 && records_next(&records, &record))
            code = take_record(job, records.number, record);
        if (code == 0)
            code = send_batch(job);
    }
    records_done(&records);
    return code;
}

static int send_words(struct sending *job, char **words, int count)
{
    for (int i = 0; i < count; i++) {
        const char *why = NULL;
        if (!values_add(&job->batch, job->type, job->json, words[i], strlen(words[i]), &why))
            return fail_text(EX_USAGE, "%s: '%s' %s, as its type %s wants", job->name, words[i], why,
                             sluice_type_name(job->type));
    }
    return send_batch(job);
}

static void send_check(const struct args *args, struct argp_state *state)
{
    if (args->words_count > 1 && options.records)
        argp_error(state, "values on the command line and records on stdin: it is one or the other");
    if (options.ranked && options.has_rank)
        argp_error(state, "--rank is for all, --ranked for each: it is one or the other");
}

static int send_run(struct args *args, sluice *s)
{
    int values = args->words_count - 1;
    struct sending job = {.s = s, .name = args->words[0], .json = options.json};
    struct sluice_made made = {0};
    args->ordered = options.has_rank || options.ranked;
    enum sluice_status status = channel_open(s, args, job.name, SLUICE_RIGHT_SEND, &job.channel.ref, &made);
    if (status != SLUICE_OK)
        return fail(status, job.name);
    job.type = made.type;
    job.wait = args_wait(args);
    if (options.records || values > 1) {
        status = args_wait_all(args, s, &job.wait);
        if (status != SLUICE_OK)
            return fail(status, args->ctx);
    }
    job.wait.fence = options.fence;
    job.wait.rank = options.rank;
    progress_begin(&job.progress, "sent", args->progress);
    int code = values > 0 ? send_words(&job, args->words + 1, values) : send_stdin(&job);
    if (options.records)
        progress_end(&job.progress);
    values_done(&job.batch);
    return code;
}

static const struct argp_option send_options[] = {
    {"lines", 'l', NULL, 0, "Each line of stdin is an item", 1},
    {"null", '0', NULL, 0, "Items on stdin end with NUL", 1},
    {"delimiter", 'd', "C", 0, "Items on stdin end with this byte; \\n \\r \\t \\0 \\\\ are known", 1},
    {"json", KEY_JSON, NULL, 0, "Each VALUE, or stdin, is JSON: what it decodes to is sent", 1},
    {"jsonl", 'j', NULL, 0, "Each line of stdin is an item as JSON, as `recv --jsonl` prints them", 1},
    {"rank", KEY_RANK, "N", 0,
     "Into an ordered channel: the rank of what is sent; the least is received first", 2},
    {"ranked", KEY_RANKED, NULL, 0,
     "Each line of stdin, or record, begins with its rank and a tab, as `recv --ranked` prints them", 1},
    {"fence", KEY_FENCE, "TOKEN", 0,
     "The token of the lock that guards the channel: refused when a newer one has been seen (exit code 75)",
     2},
    {0},
};

const struct verb verb_send = {
    .name = "send",
    .words = "NAME [VALUE...]",
    .help = "Send items into a channel: each VALUE, or stdin",
    .text =
        "Without a VALUE all of stdin is one item, byte for byte; --lines, -0, -d and --jsonl make it many. A channel of int64 or "
        "double takes decimal numbers, one of handles takes names of objects. With JSON a string gives its characters, "
        "{\"base64\":\"...\"} its bytes, a number its value; a channel of JSON takes it as it is.\n\n"
        "An ordered channel is received from by rank: --rank is that of all, --ranked takes each from its record. One that --cap or --make makes then is ordered.\n\n"
        "It waits while the channel is full. Exit code 3: the channel is closed.\n\n"
        "Examples:\n"
        "  sluice send jobs hello\n"
        "  tar c . | sluice send backup\n"
        "  seq 100000 | sluice send jobs --lines --progress\n"
        "  find . -print0 | sluice send files -0 --cap 1000\n"
        "  sluice send urgent --rank -10 'fire'\n"
        "  sluice send numbers -5",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_MAKE | TAKES_CHANNEL | TAKES_PROGRESS,
    .words_min = 1,
    .words_max = -1,
    .options = send_options,
    .option = send_option,
    .check = send_check,
    .run = send_run,
};

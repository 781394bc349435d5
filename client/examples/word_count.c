/*
 * word_count.c - a worker of the word count: takes blocks of words, sends back how often each word stands in each block.
 *
 *     word_count WORDS COUNTS RUN [HALFWAY]
 *
 * WORDS and COUNTS are channels, RUN is a context, all by name. A block is a line "NUMBER<tab>word word ..."; its result is
 * "NUMBER word times word times ...". Any number of workers share the two channels.
 *
 * Nothing is lost and nothing counts twice, whenever a worker dies. It leases blocks, sends their results, and acknowledges the
 * blocks last: a worker that dies earlier has its blocks go back to the channel, to the next worker. One that dies between
 * the two leaves results that will come a second time; they carry the number of their block, by which the merger (word_merge.c)
 * knows them.
 *
 * With HALFWAY, a channel, the worker stops on purpose at the worst moment, halfway through sending the results of what it holds: it
 * says "PID HELD SENT" there and waits to be killed.
 *
 * Exit code: 0 when WORDS is closed and every block is done; 125 or 124 when RUN ended; else that of the status (sluice_exit_code).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "sluice.h"

enum { BATCH_BLOCKS = 8 };
static const int64_t lease_ns = 30 * SLUICE_SECOND;

struct worker {
    sluice *s;
    sluice_chan words, counts;
    sluice_ctx run;
    struct sluice_wait until_done; /* waits no longer than the run lasts */
};

/* Blocks that this worker holds, with their results. */
struct batch {
    size_t count;
    struct sluice_item blocks[BATCH_BLOCKS];
    sluice_lease leases[BATCH_BLOCKS];
    char *texts[BATCH_BLOCKS];
    struct sluice_value results[BATCH_BLOCKS];
};

static int fail(const char *what, enum sluice_status status)
{
    fprintf(stderr, "word_count: %s: %s\n", what, sluice_errmsg());
    return sluice_exit_code(status);
}

/* ---- Counting one block */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words of a text, sorted; the text is cut up. For free(). */
static char **sorted_words(char *text, size_t *ret_count)
{
    size_t count = 0, room = strlen(text) / 2 + 1;
    char **words = calloc(room, sizeof *words), *rest = NULL;
    if (words == NULL)
        abort();
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    qsort(words, count, sizeof *words, by_text);
    *ret_count = count;
    return words;
}

/* The result of a block, for free(). */
static char *count_block(char *block)
{
    char *number = strsep(&block, "\t"), *result = NULL;
    size_t size = 0, count = 0;
    FILE *to = open_memstream(&result, &size);
    char **words = sorted_words(block == NULL ? number + strlen(number) : block, &count);
    if (to == NULL)
        abort();
    fputs(number + strspn(number, " "), to);
    for (size_t from = 0, next; from < count; from = next) {
        for (next = from + 1; next < count && strcmp(words[from], words[next]) == 0;)
            next++;
        fprintf(to, " %s %zu", words[from], next - from);
    }
    free(words);
    if (fclose(to) != 0)
        abort();
    return result;
}

/* ---- Batches */

static void batch_add(struct batch *b, const struct sluice_item *block)
{
    b->blocks[b->count] = *block;
    b->leases[b->count] = block->lease;
    b->count++;
}

static void batch_count(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        char *block = strndup(b->blocks[i].value.bytes.data, b->blocks[i].value.bytes.size);
        if (block == NULL)
            abort();
        b->texts[i] = count_block(block);
        b->results[i] = sluice_str(b->texts[i]);
        free(block);
    }
}

static void batch_done(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        sluice_item_free(&b->blocks[i]);
        free(b->texts[i]);
    }
    *b = (struct batch){0};
}

/* Waits for a block or for the end of the run, then takes the blocks that are there besides. */
static enum sluice_status take(struct worker *w, struct batch *b)
{
    const struct sluice_arm arms[] = {sluice_arm_recv_ref(w->words.ref, lease_ns), sluice_arm_done(w->run)};
    struct sluice_item block = {0};
    int arm = -1;
    enum sluice_status status = sluice_select(w->s, arms, 2, NULL, &arm, &block);
    if (arm == 1)
        return sluice_ctx_err(w->s, w->run, &status) == SLUICE_OK ? status : SLUICE_CANCELED;
    if (status != SLUICE_OK)
        return status;
    batch_add(b, &block);
    for (struct sluice_item more = {0}; b->count < BATCH_BLOCKS; batch_add(b, &more))
        if (sluice_recv_lease(w->s, w->words, lease_ns, sluice_no_wait(), &more) != SLUICE_OK)
            break;
    return SLUICE_OK;
}

/* Sends the results, then finishes the blocks. A lease that ran out is no loss: its block is counted by another. */
static int settle(struct worker *w, struct batch *b)
{
    batch_count(b);
    enum sluice_status status = sluice_send_many(w->s, w->counts, b->results, b->count, &w->until_done, NULL);
    if (status != SLUICE_OK)
        return fail("sending results", status);
    status = sluice_ack(w->s, b->leases, b->count, NULL);
    return status == SLUICE_OK || status == SLUICE_NOT_LEASED ? 0 : fail("finishing blocks", status);
}

static int work(struct worker *w)
{
    struct batch b = {0};
    enum sluice_status status;
    int code = 0;
    while (code == 0 && (status = take(w, &b)) == SLUICE_OK) {
        code = settle(w, &b);
        batch_done(&b);
    }
    if (code != 0 || status == SLUICE_CLOSED)
        return code;
    return status == SLUICE_CANCELED || status == SLUICE_DEADLINE_EXCEEDED ? sluice_exit_code(status)
                                                                           : fail("taking blocks", status);
}

/* Holds a batch, sends half of its results, says so, and goes no further. */
static int stop_halfway(struct worker *w, const char *channel)
{
    struct batch b = {0};
    enum sluice_status status = SLUICE_OK;
    while (b.count < BATCH_BLOCKS && status == SLUICE_OK) {
        struct sluice_item block = {0};
        status = sluice_recv_lease(w->s, w->words, lease_ns, &w->until_done, &block);
        if (status == SLUICE_OK)
            batch_add(&b, &block);
    }
    size_t sent = 0;
    batch_count(&b);
    status = sluice_send_many(w->s, w->counts, b.results, (b.count + 1) / 2, &w->until_done, &sent);
    char text[80];
    snprintf(text, sizeof text, "%d %zu %zu", (int)getpid(), b.count, sent);
    if (status == SLUICE_OK)
        status = sluice_send(w->s, sluice_chan_named(channel), sluice_str(text), &w->until_done);
    if (status == SLUICE_OK)
        status = sluice_ctx_wait(w->s, w->run, NULL);
    batch_done(&b);
    return status == SLUICE_OK ? sluice_exit_code(SLUICE_CANCELED) : fail("stopping halfway", status);
}

int main(int argc, char **argv)
{
    struct worker w = {0};
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "Usage: word_count WORDS COUNTS RUN [HALFWAY]\n");
        return EX_USAGE;
    }
    enum sluice_status status = sluice_open(NULL, &w.s);
    if (status != SLUICE_OK)
        return fail("connecting", status);
    status = sluice_chan_open(w.s, argv[1], SLUICE_RIGHT_RECV, &w.words);
    if (status == SLUICE_OK)
        status = sluice_chan_open(w.s, argv[2], SLUICE_RIGHT_SEND, &w.counts);
    if (status == SLUICE_OK)
        status = sluice_ctx_open(w.s, argv[3], 0, &w.run);
    w.until_done = (struct sluice_wait)SLUICE_WAIT_CTX(w.run);
    int code = status != SLUICE_OK ? fail("opening", status)
               : argc == 5         ? stop_halfway(&w, argv[4])
                                   : work(&w);
    sluice_close(w.s);
    return code;
}

/*
 * word_merge.c - the merger of the word count: adds up what the workers (word_count.c) found.
 *
 *     word_merge [--progress] COUNTS RUN SUMMARY
 *
 * COUNTS is the channel of the workers' results, RUN the context of the whole run. One select waits for a result, for the
 * end of the run, and for a ticker that drives the progress line; without a progress line the ticker is nil, and a nil arm is
 * never ready. When COUNTS is closed and drained it prints "times word" for every word, in the form of `uniq -c`, and sends
 * one line to SUMMARY: "WORDS DIFFERENT BLOCKS REPEATS".
 *
 * A result that came before is left out: a worker that was killed between sending results and finishing its blocks is the cause
 * of that. Results carry the number of their block, and one block's result is one message, so it came whole or not at all.
 *
 * The progress line is on stderr, when that is a terminal or --progress asks for it.
 */
#include <inttypes.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "sluice.h"

struct word {
    uint64_t times;
    char text[];
};

struct merger {
    sluice *s;
    void *words; /* a tree for tsearch of struct word, by text */
    bool *seen;  /* by number of block */
    size_t seen_room;
    uint64_t words_count, different, blocks, repeats;
};

static int fail(const char *what, enum sluice_status status)
{
    fprintf(stderr, "word_merge: %s: %s\n", what, sluice_errmsg());
    return sluice_exit_code(status);
}

/* ---- Adding up */

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct word *)a)->text, ((const struct word *)b)->text);
}

static void add_word(struct merger *m, const char *text, uint64_t times)
{
    size_t size = strlen(text) + 1;
    struct word *word = malloc(sizeof *word + size);
    if (word == NULL)
        abort();
    word->times = 0;
    memcpy(word->text, text, size);
    struct word **found = tsearch(word, &m->words, by_text);
    if (found == NULL)
        abort();
    if (*found == word)
        m->different++;
    else
        free(word);
    (*found)->times += times;
    m->words_count += times;
}

/* Whether this block's result is the first; from now on it is not. */
static bool is_first(struct merger *m, size_t number)
{
    if (number >= m->seen_room) {
        size_t room = number * 2 + 64;
        m->seen = realloc(m->seen, room * sizeof *m->seen);
        if (m->seen == NULL)
            abort();
        memset(m->seen + m->seen_room, 0, (room - m->seen_room) * sizeof *m->seen);
        m->seen_room = room;
    }
    bool first = !m->seen[number];
    m->seen[number] = true;
    return first;
}

static void add_result(struct merger *m, const struct sluice_item *result)
{
    char *text = strndup(result->value.bytes.data, result->value.bytes.size), *rest = NULL;
    if (text == NULL)
        abort();
    const char *number = strtok_r(text, " ", &rest);
    if (number == NULL || !is_first(m, strtoul(number, NULL, 10))) {
        m->repeats++;
    } else {
        const char *word, *times;
        while ((word = strtok_r(NULL, " ", &rest)) != NULL && (times = strtok_r(NULL, " ", &rest)) != NULL)
            add_word(m, word, strtoull(times, NULL, 10));
        m->blocks++;
    }
    free(text);
}

/* ---- Showing */

static void show_progress(const struct merger *m, const char *end)
{
    fprintf(stderr, "%s%" PRIu64 " words in %" PRIu64 " blocks%s", isatty(STDERR_FILENO) ? "\r\033[K" : "",
            m->words_count, m->blocks, end);
}

static void print_word(const void *node, VISIT visit, int depth)
{
    const struct word *const *word = node;
    (void)depth;
    if (visit == postorder || visit == leaf)
        printf("%7" PRIu64 " %s\n", (*word)->times, (*word)->text);
}

static int finish(struct merger *m, const char *summary)
{
    char text[120];
    twalk(m->words, print_word);
    if (fflush(stdout) != 0) {
        perror("word_merge: writing");
        return EX_IOERR;
    }
    snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, m->words_count, m->different,
             m->blocks, m->repeats);
    enum sluice_status status = sluice_send(m->s, sluice_chan_named(summary), sluice_str(text), NULL);
    return status == SLUICE_OK ? 0 : fail("sending the summary", status);
}

/* ---- The loop */

static int merge(struct merger *m, sluice_chan counts, sluice_ctx run, bool progress)
{
    sluice_timer ticker = SLUICE_NIL;
    enum sluice_status status = SLUICE_OK;
    if (progress)
        status = sluice_ticker_make(m->s, NULL, 100 * SLUICE_MILLISECOND, &ticker);
    const struct sluice_arm arms[] = {sluice_arm_recv(counts), sluice_arm_done(run),
                                      sluice_arm_timer(ticker)};
    const char *line_end = isatty(STDERR_FILENO) ? "" : "\n";
    for (int arm = 0; status == SLUICE_OK;) {
        struct sluice_item item = {0};
        status = sluice_select(m->s, arms, 3, NULL, &arm, &item);
        if (arm == 1)
            return sluice_ctx_err(m->s, run, &status) == SLUICE_OK ? sluice_exit_code(status)
                                                                   : EX_UNAVAILABLE;
        if (status == SLUICE_OK && arm == 0)
            add_result(m, &item);
        if (status == SLUICE_OK && arm == 2)
            show_progress(m, line_end);
        sluice_item_free(&item);
    }
    if (status != SLUICE_CLOSED)
        return fail("taking results", status);
    if (progress)
        show_progress(m, "\n");
    return 0;
}

int main(int argc, char **argv)
{
    struct merger m = {0};
    bool asked = argc > 1 && strcmp(argv[1], "--progress") == 0;
    char **names = argv + asked + 1;
    if (argc - asked != 4) {
        fprintf(stderr, "Usage: word_merge [--progress] COUNTS RUN SUMMARY\n");
        return EX_USAGE;
    }
    sluice_chan counts = SLUICE_NIL;
    sluice_ctx run = SLUICE_NIL;
    enum sluice_status status = sluice_open(NULL, &m.s);
    if (status != SLUICE_OK)
        return fail("connecting", status);
    status = sluice_chan_open(m.s, names[0], SLUICE_RIGHT_RECV, &counts);
    if (status == SLUICE_OK)
        status = sluice_ctx_open(m.s, names[1], 0, &run);
    int code = status != SLUICE_OK ? fail("opening", status)
                                   : merge(&m, counts, run, asked || isatty(STDERR_FILENO));
    if (code == 0)
        code = finish(&m, names[2]);
    tdestroy(m.words, free);
    free(m.seen);
    sluice_close(m.s);
    return code;
}

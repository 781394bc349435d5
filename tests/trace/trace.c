/*
 * trace.c - the golden traces: stories of the engine on a virtual clock, compared line by line.
 *
 *     trace FILE...             run each; a difference is shown with its line; exit code 1
 *     trace --update FILE...    write what happens into the files
 *
 * A line that begins with two spaces is what the command above it must bring about; all other lines are commands (command.h), comments
 * or empty. Each trace runs twice: as it is, and starved, where every allocation of every step fails once before it succeeds (world.h). The
 * second run must tell the same story.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "parse.h"
#include "world.h"

enum { DIFFERENCES_MAX = 10 };

struct lines {
    char **at;
    size_t count;
};

static void push(struct lines *l, const char *text, size_t size)
{
    l->at = realloc(l->at, (l->count + 1) * sizeof *l->at);
    if (!l->at)
        bad("out of memory");
    l->at[l->count++] = strndup(text, size);
}

static void lines_done(struct lines *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->at[i]);
    free(l->at);
}

static void push_text(struct lines *l, const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "\n");
        push(l, text, size);
        text += size + (text[size] == '\n');
    }
}

static struct lines read_lines(const char *file)
{
    struct lines l = {0};
    FILE *f = fopen(file, "r");
    if (!f)
        bad("%s", strerror(errno));
    char *text = NULL;
    size_t size = 0;
    ssize_t n;
    while ((n = getline(&text, &size, f)) >= 0)
        push(&l, text, (size_t)n - (n > 0 && text[n - 1] == '\n'));
    free(text);
    fclose(f);
    return l;
}

static bool is_expectation(const char *line)
{
    return line[0] == ' ' && line[1] == ' ';
}

/* Where we are, for on_abort: made ahead, since a handler may only write. */
static char where[512];

static void on_abort(int number)
{
    (void)number;
    (void)!write(STDERR_FILENO, where, strlen(where));
}

static void show_difference(const struct lines *in, size_t from, size_t to, const struct lines *got)
{
    printf("%s:%d: %s\n", place.file, place.line, place.text);
    for (size_t i = 0; i < to - from || i < got->count; i++) {
        const char *want = i < to - from ? in->at[from + i] : NULL,
                   *have = i < got->count ? got->at[i] : NULL;
        if (want && have && strcmp(want, have) == 0) {
            printf("      %s\n", want);
            continue;
        }
        if (want)
            printf("%4zu -%s\n", from + i + 1, want);
        if (have)
            printf("     +%s\n", have);
    }
}

static bool same(const struct lines *in, size_t from, size_t to, const struct lines *got)
{
    if (to - from != got->count)
        return false;
    for (size_t i = 0; i < got->count; i++)
        if (strcmp(in->at[from + i], got->at[i]) != 0)
            return false;
    return true;
}

/* Run the command and say in *got what it brought about. */
static void run_line(struct world *w, const char *line, struct lines *got)
{
    char *text = NULL;
    size_t size = 0;
    w->out = open_memstream(&text, &size);
    if (!w->out)
        bad("out of memory");
    command_run(w, line);
    fclose(w->out);
    push_text(got, text);
    free(text);
}

/* Run a trace. What it should say goes to *out. Returns the number of commands whose outcome differs. */
static int run(const struct lines *in, bool starved, bool quiet, struct lines *out)
{
    struct world w = {.starved = starved, .options = {.seed = 1}};
    int differences = 0;
    for (size_t i = 0; i < in->count;) {
        struct lines got = {0};
        size_t from = i + 1, to;
        place.line = (int)i + 1;
        place.text = in->at[i];
        snprintf(where, sizeof where, "%s:%d: aborted in: %s\n", place.file, place.line, place.text);
        if (is_expectation(in->at[i]))
            bad("an outcome without a command");
        run_line(&w, in->at[i], &got);
        for (to = from; to < in->count && is_expectation(in->at[to]);)
            to++;
        if (!same(in, from, to, &got) && differences++ < DIFFERENCES_MAX && !quiet)
            show_difference(in, from, to, &got);
        push(out, in->at[i], strlen(in->at[i]));
        for (size_t n = 0; n < got.count; n++)
            push(out, got.at[n], strlen(got.at[n]));
        lines_done(&got);
        i = to;
    }
    world_done(&w);
    arena_reset();
    return differences;
}

static void write_lines(const char *file, const struct lines *l)
{
    FILE *f = fopen(file, "w");
    if (!f)
        bad("%s", strerror(errno));
    for (size_t i = 0; i < l->count; i++)
        fprintf(f, "%s\n", l->at[i]);
    if (fclose(f) != 0)
        bad("%s", strerror(errno));
}

static int run_file(const char *file, bool update)
{
    place = (struct place){.file = file};
    struct lines in = read_lines(file), out = {0}, starved = {0};
    int differences = run(&in, false, update, &out);
    if (update) {
        write_lines(file, &out);
        differences = 0;
    }
    if (differences == 0) {
        differences = run(&out, true, false, &starved);
        if (differences)
            printf("%s: %d differences when memory fails first\n", file, differences);
    } else {
        printf("%s: %d differences\n", file, differences);
    }
    lines_done(&in);
    lines_done(&out);
    lines_done(&starved);
    return differences;
}

int main(int argc, char **argv)
{
    bool update = argc > 1 && strcmp(argv[1], "--update") == 0;
    int differences = 0;
    signal(SIGABRT, on_abort);
    if (argc < 2 + update) {
        fprintf(stderr, "usage: trace [--update] FILE...\n");
        return 64;
    }
    for (int i = 1 + update; i < argc; i++)
        differences += run_file(argv[i], update);
    return differences ? 1 : 0;
}

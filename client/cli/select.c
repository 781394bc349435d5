/*
 * select.c - sluice select: the first of several, from the shell.
 *
 * Each argument is an arm: a verb of arms.def and what it works on, or `done CTX`, which is a receive from a context whose end is
 * what was hoped for. Objects are opened first: a channel's element type says what the text behind NAME= stands for, and only items of
 * channels can be leased. What was received is acknowledged after it was written, as by recv.
 *
 * The answer is a line: the arm's index, and the value if there is one. Its exit code is that of what was committed, so a closed
 * channel is 3; the end of a context is 0 when it was asked for as `done`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "duration.h"
#include "link.h"
#include "out.h"
#include "value.h"
#include "verb.h"

/* One arm as it was written. */
struct clause {
    enum sluice_verb verb;
    bool done;
    char *name;            /* its own memory */
    enum sluice_kind kind; /* of the object */
    struct values value;   /* SEND */
};

static struct {
    bool auto_ack;
    int64_t lease_ns;
} options = {.lease_ns = 600 * SLUICE_SECOND};

enum { KEY_AUTO_ACK = 0x100, KEY_LEASE };

static bool select_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_AUTO_ACK: options.auto_ack = true; return true;
    case KEY_LEASE:
        options.lease_ns = args_duration(state, "--lease", arg);
        if (options.lease_ns <= 0)
            argp_error(state, "--lease: %s is not a time to come", arg);
        return true;
    default: return false;
    }
}

/* The verb a word stands for; NONE: none. */
static enum sluice_verb verb_of(const char *word, size_t size)
{
#define ARM(NAME, name, number, help)                                \
    if (size == sizeof #name - 1 && strncmp(word, #name, size) == 0) \
        return SLUICE_VERB_##NAME;
#include "arms.def"
#undef ARM
    return size == 4 && strncmp(word, "done", 4) == 0 ? SLUICE_VERB_RECV : SLUICE_VERB_NONE;
}

/* Opens the object of an arm and, for a send, converts its value. 0, or the exit code. */
static int bind(sluice *s, struct clause *clause, const char *value, struct sluice_arm *arm)
{
    bool send = clause->verb == SLUICE_VERB_SEND;
    struct sluice_made made = {0};
    enum sluice_status status =
        sluice_open_ref(s, sluice_named(clause->name), send ? SLUICE_RIGHT_SEND : SLUICE_RIGHT_RECV,
                        clause->done ? SLUICE_KIND_CONTEXT : SLUICE_KIND_NONE, &arm->ref, &made);
    if (status != SLUICE_OK)
        return fail(status, clause->name);
    clause->kind = made.kind;
    if (made.kind == SLUICE_KIND_CHANNEL && !send && !options.auto_ack)
        arm->lease_ns = options.lease_ns;
    if (!send)
        return 0;
    const char *why = NULL;
    if (!values_add(&clause->value, made.type, false, value, strlen(value), &why))
        return fail_text(EX_USAGE, "%s: '%s' %s, as its type %s wants", clause->name, value, why,
                         sluice_type_name(made.type));
    arm->value = clause->value.values[0];
    return 0;
}

static int wrong(const char *text, const char *expected)
{
    return fail_text(EX_USAGE, "'%s' is no arm: expected %s", text, expected);
}

/* Reads one arm. 0, or the exit code. */
static int parse_arm(sluice *s, const char *text, struct clause *clause, struct sluice_arm *arm)
{
    size_t verb_size = strcspn(text, " ");
    clause->verb = arm->verb = verb_of(text, verb_size);
    clause->done = verb_size == 4 && strncmp(text, "done", 4) == 0;
    const char *rest = text + verb_size + strspn(text + verb_size, " ");
    size_t name_size = strcspn(rest, clause->verb == SLUICE_VERB_SEND ? "=" : "");
    switch (clause->verb) {
    case SLUICE_VERB_SEND:
        if (name_size == 0 || rest[name_size] != '=')
            return wrong(text, "'send NAME=VALUE'");
        break;
    case SLUICE_VERB_RECV:
        if (name_size == 0)
            return wrong(text, clause->done ? "'done CTX'" : "'recv NAME'");
        break;
    case SLUICE_VERB_AFTER: return duration_parse(rest, &arm->delay_ns) ? 0 : wrong(text, "'after DUR'");
    case SLUICE_VERB_DEFAULT: return *rest == '\0' ? 0 : wrong(text, "'default'");
    default: return wrong(text, "'recv NAME', 'send NAME=VALUE', 'done CTX', 'after DUR' or 'default'");
    }
    clause->name = strndup(rest, name_size);
    if (clause->name == NULL)
        abort();
    return bind(s, clause, clause->verb == SLUICE_VERB_SEND ? rest + name_size + 1 : NULL, arm);
}

static void print_answer(const struct args *args, sluice *s, int index, const struct clause *clause,
                         enum sluice_status status, const struct sluice_item *item)
{
    struct sluice_session session;
    sluice_session_get(s, &session);
    struct out_format format = {OUT_RAW, '\n', clause->kind, session.wall_offset_ns};
    if (args->json) {
        printf("{\"index\":%d,\"verb\":\"%s\",\"name\":", index,
               clause->done ? "done" : sluice_verb_name(clause->verb));
        if (clause->name == NULL)
            fputs("null", stdout);
        else
            out_json_string(clause->name, strlen(clause->name));
        printf(",\"status\":\"%s\"", sluice_status_name(status));
        if (item->value.type != SLUICE_TYPE_NONE) {
            putchar(',');
            out_json_members(&format, s, item);
        }
        puts("}");
        return;
    }
    printf("%d", index);
    if (item->value.type != SLUICE_TYPE_NONE) {
        size_t size = 0;
        char *text = out_text(&format, s, item, &size);
        putchar(' ');
        if (text != NULL)
            fwrite(text, 1, size, stdout);
        free(text);
    }
    putchar('\n');
}

static int run_select(const struct args *args, sluice *s, const struct clause *clauses,
                      const struct sluice_arm *arms, size_t count)
{
    struct sluice_wait wait = args_wait(args);
    struct sluice_item item = {0};
    int index = -1;
    enum sluice_status status = sluice_select(s, arms, count, &wait, &index, &item);
    if (index < 0)
        return fail(status, NULL);
    const struct clause *clause = &clauses[index];
    if ((status == SLUICE_OK || status == SLUICE_CLOSED) && interrupt_local_begin())
        print_answer(args, s, index, clause, status, &item);
    interrupt_local_end();
    int code = clause->done && status == SLUICE_CLOSED ? 0 : fail(status, clause->name);
    int flushed = out_flush();
    if (flushed == 0 && item.lease.number != 0) {
        status = sluice_ack(s, &item.lease, 1, NULL);
        flushed = fail(status, clause->name);
    }
    sluice_item_free(&item);
    return flushed != 0 ? flushed : code;
}

static int select_run(struct args *args, sluice *s)
{
    size_t count = (size_t)args->words_count;
    struct clause *clauses = calloc(count, sizeof *clauses);
    struct sluice_arm *arms = calloc(count, sizeof *arms);
    if (clauses == NULL || arms == NULL)
        abort();
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = parse_arm(s, args->words[i], &clauses[i], &arms[i]);
    if (code == 0)
        code = run_select(args, s, clauses, arms, count);
    for (size_t i = 0; i < count; i++) {
        values_done(&clauses[i].value);
        free(clauses[i].name);
    }
    free(clauses);
    free(arms);
    return code;
}

static const struct argp_option select_options[] = {
    {"auto-ack", KEY_AUTO_ACK, NULL, 0, "Take the item without a lease", 1},
    {"lease", KEY_LEASE, "DUR", 0, "How long the item stays away should this process hang (default: 10m)", 1},
    {0},
};

const struct verb verb_select = {
    .name = "select",
    .words = "ARM...",
    .help = "Wait for the first of several, and do exactly one",
    .text =
        "An ARM is one argument: 'recv NAME', 'send NAME=VALUE', 'done CTX' (the context has ended), 'after DUR', or 'default' (nothing else is ready). "
        "Of several that are ready one is picked at random.\n\n"
        "Prints the arm's index, from 0, and a space and the value if there is one. Exit code: 0, or 3 when the arm found its channel closed.\n\n"
        "Example:\n"
        "  sluice select 'recv jobs' 'send out=42' \"done $CTX\" 'after 2s'",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_JSON,
    .words_min = 1,
    .words_max = -1,
    .options = select_options,
    .option = select_option,
    .run = select_run,
};

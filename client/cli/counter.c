/*
 * counter.c - sluice counter: an atomic integer to change and to wait on, from the shell.
 *
 * Go's atomic.Int64. Each verb is one step in the daemon. A counter that is not there begins at 0 when it is first changed or waited
 * on; only reading one that is not there is an error, since it would hide a wrong name.
 */
#include <inttypes.h>
#include <stdio.h>

#include "link.h"
#include "sync.h"
#include "verb.h"

static struct {
    int64_t first, second; /* the numbers behind the name */
    uint64_t fence;
    enum sluice_compare compare;
} options;

enum { KEY_FENCE = 0x100 };

static bool fence_option(int key, char *arg, struct argp_state *state)
{
    if (key != KEY_FENCE)
        return false;
    options.fence = (uint64_t)args_number(state, "--fence", arg, 1, INT64_MAX);
    return true;
}

static void numbers_check(const struct args *args, struct argp_state *state)
{
    if (args->words_count > 1)
        options.first = args_number(state, "N", args->words[1], INT64_MIN, INT64_MAX);
    if (args->words_count > 2)
        options.second = args_number(state, "NEW", args->words[2], INT64_MIN, INT64_MAX);
}

static int open_counter(sluice *s, const char *name, bool make, sluice_counter *ret)
{
    const struct sync_spec spec =
        SYNC_SPEC_INIT(SLUICE_KIND_COUNTER, make ? SLUICE_KIND_COUNTER : SLUICE_KIND_NONE);
    return fail(sync_open(s, name, &spec, &ret->ref, NULL), name);
}

static void print_number(const struct args *args, int64_t value)
{
    printf(args->json ? "{\"value\":%" PRId64 "}\n" : "%" PRId64 "\n", value);
}

/* ---- Reading and changing */

static int update(const struct args *args, sluice *s, enum sluice_update_verb verb, int64_t *ret_value,
                  bool *ret_swapped)
{
    sluice_counter counter = SLUICE_NIL;
    int code = open_counter(s, args->words[0], verb != SLUICE_UPDATE_LOAD, &counter);
    bool cas = verb == SLUICE_UPDATE_CAS;
    const struct sluice_update change = {verb, cas ? options.second : options.first, cas ? options.first : 0,
                                         options.fence};
    return code != 0
               ? code
               : fail(sluice_counter_update(s, counter, &change, ret_value, ret_swapped), args->words[0]);
}

static int update_and_print(const struct args *args, sluice *s, enum sluice_update_verb verb)
{
    int64_t value = 0;
    int code = update(args, s, verb, &value, NULL);
    if (code == 0 && verb != SLUICE_UPDATE_STORE)
        print_number(args, value);
    return code;
}

static const struct argp_option fence_options[] = {
    {"fence", KEY_FENCE, "TOKEN", 0,
     "The token of the lock that guards it: refused when a newer one has been seen (exit code 75)", 1},
    {0},
};

/* A verb with a number. Which value it prints, its help says. */
#define UPDATE(name_, NAME, words_, help_, example_)                                                         \
    static int name_##_run(struct args *args, sluice *s)                                                     \
    {                                                                                                        \
        return update_and_print(args, s, SLUICE_UPDATE_##NAME);                                              \
    }                                                                                                        \
    const struct verb verb_counter_##name_ = {                                                               \
        .name = "counter " #name_,                                                                           \
        .words = (words_),                                                                                   \
        .help = (help_),                                                                                     \
        .text = "The counter is made, at 0, on first use; `sluice make NAME --counter` gives it bounds.\n\n" \
                "Example:\n"                                                                                 \
                "  sluice counter " #name_ " " example_,                                                     \
        .takes = TAKES_JSON,                                                                                 \
        .words_min = 2,                                                                                      \
        .words_max = 2,                                                                                      \
        .options = fence_options,                                                                            \
        .option = fence_option,                                                                              \
        .check = numbers_check,                                                                              \
        .run = name_##_run,                                                                                  \
    };

UPDATE(add, ADD, "NAME N", "Add N to a counter, and print the new value", "hits 1")
UPDATE(store, STORE, "NAME N", "Set a counter to N", "hits 0")
UPDATE(swap, SWAP, "NAME N", "Set a counter to N, and print the value before", "hits 0")
UPDATE(and, AND, "NAME N", "Keep those bits of a counter that N has, and print the value before", "flags 7")
UPDATE(or, OR, "NAME N", "Set those bits of a counter that N has, and print the value before", "flags 4")
UPDATE(xor, XOR, "NAME N", "Flip those bits of a counter that N has, and print the value before", "flags 1")
UPDATE(max, MAX, "NAME N", "Raise a counter to N if it is less, and print the value before", "record 42")
UPDATE(min, MIN, "NAME N", "Lower a counter to N if it is more, and print the value before", "best 42")

static int load_run(struct args *args, sluice *s)
{
    return update_and_print(args, s, SLUICE_UPDATE_LOAD);
}

const struct verb verb_counter_load = {
    .name = "counter load",
    .words = "NAME",
    .help = "Print the value of a counter",
    .text = "Exit code 66: there is none of this name.\n\n"
            "Example:\n"
            "  sluice counter load hits",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .run = load_run,
};

static int cas_run(struct args *args, sluice *s)
{
    int64_t value = 0;
    bool swapped = false;
    int code = update(args, s, SLUICE_UPDATE_CAS, &value, &swapped);
    if (code != 0)
        return code;
    if (args->json)
        printf("{\"value\":%" PRId64 ",\"swapped\":%s}\n", value, swapped ? "true" : "false");
    else
        print_number(args, value);
    return swapped ? 0 : 1;
}

const struct verb verb_counter_cas = {
    .name = "counter cas",
    .words = "NAME OLD NEW",
    .help = "Set a counter to NEW if it is OLD, and print the value before",
    .text = "Exit code 0: it was OLD, and is NEW. 1: it was not, and was left as it is.\n\n"
            "Example:\n"
            "  sluice counter cas version 3 4",
    .takes = TAKES_JSON,
    .words_min = 3,
    .words_max = 3,
    .options = fence_options,
    .option = fence_option,
    .check = numbers_check,
    .run = cas_run,
};

/* ---- Waiting */

static void wait_check(const struct args *args, struct argp_state *state)
{
    if (!condition_parse(args->words[1], &options.compare, &options.first))
        argp_error(state, "'%s' is no condition: write '>=100', with == != < <= > or >=", args->words[1]);
}

static int wait_run(struct args *args, sluice *s)
{
    struct sluice_wait wait = args_wait(args);
    sluice_counter counter = SLUICE_NIL;
    int64_t value = 0;
    int code = open_counter(s, args->words[0], true, &counter);
    if (code == 0)
        code = fail(sluice_counter_wait(s, counter, options.compare, options.first, &wait, &value),
                    args->words[0]);
    if (code == 0)
        print_number(args, value);
    return code;
}

const struct verb verb_counter_wait = {
    .name = "counter wait",
    .words = "NAME CONDITION",
    .help = "Wait until a counter is as it should be, and print its value",
    .text =
        "A CONDITION is one argument, with ==, !=, <, <=, > or >=: quote it. No change that makes it true is "
        "missed, however short it was.\n\n"
        "Example:\n"
        "  sluice counter wait hits '>=100' --timeout 1m",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_JSON,
    .words_min = 2,
    .words_max = 2,
    .check = wait_check,
    .run = wait_run,
};

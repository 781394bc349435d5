/*
 * verb.h - what a verb of the shell command is.
 *
 * Each verb is one constant `struct verb verb_NAME` in the file of its family, and one line in verbs.def, which gives the order in
 * listings. Parsing, `sluice --help`, `sluice help VERB`, the manual page and the shell completion all read these.
 *
 * When you add a verb: the constant, the line in verbs.def, and a test in tests/cli.
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "args.h"

/* What a verb takes besides its own options, a set. */
enum {
    TAKES_WAIT = 1,       /* --timeout, --ctx: it may wait */
    TAKES_TRY = 2,        /* --try */
    TAKES_LIFE = 4,       /* --ephemeral, --for-pid, --exclusive: it makes a named object */
    TAKES_NAME = 8,       /* --name: the object's name is generated unless given */
    TAKES_MAKE = 16,      /* --make: it makes the channel it needs */
    TAKES_CHANNEL = 1024, /* --cap, --type */
    TAKES_JSON = 32,      /* --json */
    TAKES_COMMAND = 64,   /* `-- CMD [ARG...]` */
    TAKES_PROGRESS = 128, /* --progress */
    TAKES_CONTEXT = 256,  /* --parent: it derives a context */
    IN_ORDER = 512,       /* options stand before the first word: the words are a command */
    NO_DAEMON = 2048,     /* it talks to no daemon: run gets NULL */
    MAY_WAIT = 4096,      /* it may wait, but takes no --timeout and --ctx of the common kind */
};

struct verb {
    const char *name;  /* one word, or two of which the first is the family: "ctx cancel" */
    const char *words; /* what stands behind the options, for people: "NAME [VALUE...]" */
    const char *help;  /* one line */
    const char *text;  /* the rest of its help, with an example */
    unsigned takes;
    int words_min, words_max;                                     /* -1: any number */
    const struct argp_option *options;                            /* its own; NULL: none */
    bool (*option)(int key, char *arg, struct argp_state *state); /* takes one of them; false: not mine */
    void (*check)(
        const struct args *args,
        struct argp_state
            *state); /* of all that was given: ends the process if it is wrong; NULL: nothing to check */
    int (*run)(struct args *args, sluice *s); /* the exit code */
};

/* All verbs, in the order of verbs.def; NULL behind the last. */
extern const struct verb *const verbs[];

/* The verb these words begin with; *ret_count says how many of them are its name. NULL: there is none. */
const struct verb *verb_find(int count, char *const *words, int *ret_count);
/* Whether this word is the first of two-word verbs. */
bool verb_is_family(const char *word);
/* The verb whose name looks most like these words, or NULL when none does. */
const struct verb *verb_nearest(int count, char *const *words);

/* Parses the arguments of a verb into args. Does not return on wrong usage: exit code 64. */
void verb_parse(const struct verb *verb, int argc, char **argv, struct args *args);
/* Prints the verb's help and exits with 0. */
void verb_help(const struct verb *verb);
/* Calls visit for each option the verb knows, the common ones included. */
void verb_each_option(const struct verb *verb, void (*visit)(const struct argp_option *option, void *with),
                      void *with);

#endif

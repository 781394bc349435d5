/*
 * args.h - what was asked for on the command line, apart from a verb's own options.
 *
 * The parser of verb.h fills it. Everything is borrowed from argv or the environment. Which of the fields a verb can find
 * filled depends on what its `takes` says.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "sluice.h"

struct args {
    const char *address; /* --addr; NULL: the library looks */
    const char *verb;    /* "sluice recv", for messages and listings */

    bool has_timeout;
    int64_t timeout_ns; /* never negative */
    const char *ctx;    /* --ctx, else SLUICE_CTX; NULL: none */
    bool no_wait;       /* --try */

    const char *name;   /* --name */
    const char *parent; /* --parent, else SLUICE_CTX; NULL: Background */
    bool ephemeral;     /* --ephemeral, --for-pid */
    bool exclusive;
    int32_t for_pid; /* the process an ephemeral object lives with */

    bool make;    /* --make, --cap or --type */
    bool has_cap; /* --cap */
    int64_t cap;
    enum sluice_type type; /* --type; NONE: not said */
    bool ordered;          /* it is made ordered by rank: set by the verb */

    bool json;
    bool progress;

    char **words; /* the positional arguments, NULL behind the last */
    int words_count;
    char **command; /* what stood behind `--`, NULL behind the last; NULL: no `--` */
};

/* Read an option's or a word's text, or end the process with a message that says what was expected: exit code 64. `what` names it. */
int64_t args_duration(struct argp_state *state, const char *what, const char *text);
int64_t args_number(struct argp_state *state, const char *what, const char *text, int64_t min, int64_t max);
enum sluice_type args_type(struct argp_state *state, const char *text);
int args_delimiter(struct argp_state *state, const char *text);
int64_t args_wall(struct argp_state *state, const char *what, const char *text);

/* The number of a task that a word is; 0: it is none. */
uint64_t args_task(const char *word);

/* How a call waits as --timeout, --ctx and --try say. */
struct sluice_wait args_wait(const struct args *args);
/* The same for a verb that makes several calls: the timeout covers them all. A context of the daemon keeps it. */
enum sluice_status args_wait_all(const struct args *args, sluice *s, struct sluice_wait *ret);
/* How a named object is made that outlives the command. */
struct sluice_make args_make(const struct args *args, const char *name);

#endif

/*
 * limit.h - what a limiter is made of, as options of `limit`, `tune` and `make`.
 *
 * LIMIT_OPTIONS are the options, limit_option reads them, limit_check says what is missing.
 */
#ifndef CLI_LIMIT_H
#define CLI_LIMIT_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "sluice.h"

struct limit_options {
    bool has_rate, has_burst, has_algorithm;
    struct sluice_rate rate;
    uint64_t burst;
    enum sluice_algorithm algorithm;
};

enum { KEY_LIMIT_RATE = 0x900, KEY_LIMIT_BURST, KEY_LIMIT_ALGORITHM };
#define LIMIT_OPTIONS                                                                           \
    {"rate", KEY_LIMIT_RATE, "RATE", 0, "How often: 10/s, 0.5/s, 100/m, 3/100ms, inf or 0", 1}, \
        {"burst",                                                                               \
         KEY_LIMIT_BURST,                                                                       \
         "N",                                                                                   \
         0,                                                                                     \
         "How much at once; of a queue, how many wait; of a concurrency limit, how many run",   \
         1},                                                                                    \
    {                                                                                           \
        "algorithm", KEY_LIMIT_ALGORITHM, "NAME", 0,                                            \
            "bucket (default), window, sliding, meter, queue, concurrency", 1                   \
    }

/* Reads one of them; false: it is none. */
bool limit_option(int key, char *arg, struct argp_state *state, struct limit_options *o);
bool limit_given(const struct limit_options *o);
/* Enough was given to make one, or the process ends. */
void limit_check(const struct limit_options *o, struct argp_state *state);
/* As given, with a burst of 1 where none was. */
void limit_spec(const struct limit_options *o, struct sluice_limiter_spec *ret);
const char *limit_algorithm_name(enum sluice_algorithm algorithm);

#endif

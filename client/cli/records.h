/*
 * records.h - stdin as records that end with a delimiter, or as one whole.
 *
 * The owner calls records_next until there is none, then records_read for more, until that says it was the end.
 */
#ifndef CLI_RECORDS_H
#define CLI_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice.h"

struct records {
    int delimiter;   /* -1: all of it is one record */
    size_t size_max; /* of a record */
    uint64_t number; /* of the last record given, from 1 */
    char *data;      /* what was read and not given: [start, end) */
    size_t start, end, room;
    size_t searched; /* no delimiter before this */
    bool ended;      /* stdin is at its end */
};

/* The next record that is in memory, without its delimiter, a NUL behind it. It is borrowed until records_read. */
bool records_next(struct records *r, struct sluice_blob *ret);
/* Waits for more of stdin. 1: there is more; 0: it is at its end, and records_next gives what is left; -1: an error was said, or a
 * signal came: *ret_code is the exit code. */
int records_read(struct records *r, int *ret_code);
void records_done(struct records *r);

#endif

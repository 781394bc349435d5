/*
 * out.h - what goes to stdout: items as they are, records, JSON, tables.
 *
 * The payload of an item is never changed, except where JSON is asked for. out_flush says whether all of it was
 * taken; until it has, a received item is still leased.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sluice.h"

enum out_how {
    OUT_RAW,       /* the bytes; numbers in decimal with a newline; on a terminal every item ends its line */
    OUT_DELIMITED, /* the bytes, then the delimiter */
    OUT_JSONL,     /* the value as JSON, one a line */
    OUT_JSON,      /* an object with the value and what is known of the item, one a line */
};

struct out_format {
    enum out_how how;
    char delimiter;
    enum sluice_kind
        kind; /* of what it was received from: the values of timers and tickers are wall clock times */
    int64_t wall_offset_ns;
    bool
        ranked; /* it came from an ordered channel, and its rank is told: in text, in front, with a tab behind it */
};

/* Prints an item. The connection is asked for the names of received objects. */
void out_item(const struct out_format *format, sluice *s, const struct sluice_item *item);
/* What out_item prints in the forms of text, without a delimiter, in memory for free(); NULL: out of memory. *ret_size is its length. */
char *out_text(const struct out_format *format, sluice *s, const struct sluice_item *item, size_t *ret_size);
/* The members of OUT_JSON, without braces. */
void out_json_members(const struct out_format *format, sluice *s, const struct sluice_item *item);
/* A value as a JSON text without line breaks; the other prints it elsewhere. */
void out_json_value(sluice *s, const struct sluice_value *value);
void out_json_write(FILE *to, sluice *s, const struct sluice_value *value);
void out_json_string(const char *data, size_t size);

/* Writes out what was printed. 0, or the exit code with a message said: a broken pipe ends quietly as SIGPIPE would. */
int out_flush(void);
/* Whether stdout is a terminal. */
bool out_is_terminal(void);
/* Escape sequences for a terminal that wants them, else "". */
const char *out_bold(void);
const char *out_plain(void);

/* A table: cells are given row by row, the first row is the head. Columns are as wide as what is in them. */
struct out_table {
    unsigned columns;
    size_t count, room;
    char **cells;
};
__attribute__((format(printf, 2, 3))) void out_cell(struct out_table *table, const char *format, ...);
/* Prints it and frees what it holds. */
void out_table_end(struct out_table *table);

#endif

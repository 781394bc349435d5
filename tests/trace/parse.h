/*
 * parse.h - the words of a trace: tokens, durations, values, references.
 *
 * A line is cut at spaces; quotes keep spaces together. A word that does not parse ends the run with the file, the line and what is
 * wrong, since a trace that says nothing exact specifies nothing. Memory of one command comes from an arena that the next one frees.
 */
#ifndef TRACE_PARSE_H
#define TRACE_PARSE_H

#include "op.h"

struct world;

/* Where the command being read stands, for messages. */
struct place {
    const char *file;
    const char *text;
    int line;
};
extern struct place place;

/* Say what is wrong at the place and exit with code 2. */
void bad(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Memory that lives until the next arena_reset. Never NULL. */
void *arena_get(size_t size);
void arena_reset(void);

struct words {
    char **at;
    size_t count;
};
/* Cut a line into words, copied into the arena. A word that begins with '#' ends the line. */
struct words words_of(const char *line);

/* The text behind "key=" when the word begins so, else NULL. */
char *option(char *word, const char *key);
int64_t parse_duration(const char *word);
/* A duration, to the largest unit that divides it: "1500ms". buf has 32 bytes. Returns buf. */
const char *show_duration(int64_t ns, char *buf);
uint64_t parse_number(const char *word);
int64_t parse_integer(const char *word);
/* $variable or a number: of a token, a reservation. */
uint64_t parse_token(const struct world *w, const char *word);
/* "10/1s", or "inf". */
struct rate parse_rate(const char *word);
/* "send+close" */
uint8_t parse_rights(const char *word);
/* Undo the quotes and escapes of "..." or '...'. */
struct bytes parse_quoted(const char *word);
/* $variable, %number, nil, task:number or a name. */
struct ref parse_ref(const struct world *w, const char *word);
/*
 * "bytes", 'string', 42, 4.5, json:{...}, &ref or &ref/rights, fill:1000 (so many bytes), none.
 */
struct value parse_value(const struct world *w, const char *word);

#endif

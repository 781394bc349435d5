/*
 * handler.h - a command that is asked in lines on its stdin, and answers each with a line on its stdout.
 *
 * The owner asks one thing at a time, calls handler_step when handler_watch's descriptor is ready, and handler_line until it says what it waits for.
 */
#ifndef CLI_HANDLER_H
#define CLI_HANDLER_H

#include <stdbool.h>
#include <stddef.h>

#include "child.h"

enum handler_said {
    HANDLER_NOTHING,  /* no whole line yet */
    HANDLER_LINE,     /* one */
    HANDLER_TOO_LONG, /* one that is longer than it may be: it is thrown away */
};

struct handler {
    struct child *child; /* NULL: not started */
    int watch;           /* epoll: what it says, that it takes more, and what else was put there */
    size_t line_max;
    char *asked; /* what it is still to be told: [asked_at, asked_size) */
    size_t asked_at, asked_size;
    char *said; /* what it said and nobody took: [said_at, said_size); no newline before said_seen */
    size_t said_at, said_size, said_seen, said_room;
    bool skipping; /* the rest of a line that is too long */
    bool gone;     /* it has closed its stdin or its stdout */
};

/* Nothing is started yet; fd is watched along (-1: none). 0, or -errno. */
int handler_init(struct handler *h, int fd, size_t line_max);
/* It runs. */
void handler_begin(struct handler *h, struct child *child);
/* Tells it a line, which has a newline at its end and is taken over: free() will be called. What was told before must be answered. */
void handler_ask(struct handler *h, char *line, size_t size);
/* Writes and reads what can be. */
void handler_step(struct handler *h);
/* The next line, without its newline, a NUL behind it; borrowed until the next handler_step. */
enum handler_said handler_line(struct handler *h, char **ret, size_t *ret_size);
/* Whether something is there that was not taken. */
bool handler_has_more(const struct handler *h);
void handler_done(struct handler *h);

#endif

/*
 * progress.h - how far long work is, on stderr.
 *
 * Updated by time, never by count. On a terminal it rewrites one line, and appears by itself after a while; elsewhere it is
 * written when asked for, a line each time. The last line has the count and the rate.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *done; /* "sent" */
    bool asked, terminal, shown;
    int64_t began_ns, next_ns;
    uint64_t count;
};

void progress_begin(struct progress *p, const char *done, bool asked);
void progress_add(struct progress *p, uint64_t count);
/* Whether there may be something to show. */
bool progress_wanted(const struct progress *p);
void progress_end(struct progress *p);
/* Something else will be written to stderr: takes the line off a terminal. */
void progress_clear(void);
/* For what is waited for: so much is left. */
void progress_left(struct progress *p, uint64_t left);
/* How long until there may be something to show. */
int64_t progress_step_ns(const struct progress *p);

#endif

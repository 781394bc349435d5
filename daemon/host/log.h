/*
 * log.h - what the daemon tells people.
 *
 * Under systemd, when standard error is the journal, every line is an entry with its facts as fields (SLUICE_PID=4242), for
 * `journalctl SLUICE_PID=4242`. Otherwise it is one line on standard error with the facts behind it.
 */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

/* A fact that goes with a line. */
struct log_fact {
    const char *name; /* lower case; NULL: not to be said */
    const char *text; /* NULL: number is meant */
    uint64_t number;
};

/* Look where standard error goes. */
void log_open(void);
/* Say lines of this level (LOG_ERR .. LOG_DEBUG) and those that matter more. */
void log_set_level(int level);

void log_line(int level, const struct log_fact *facts, size_t facts_count, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A line without facts. */
#define log_say(level, ...) log_line((level), NULL, 0, __VA_ARGS__)

#endif

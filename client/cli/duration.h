/*
 * duration.h - durations and instants as people write them.
 *
 * Durations are Go's: a sign, then numbers with units: ns, us (or µs), ms, s, m, h, as in 250ms or 1h30m. A number alone is seconds, as
 * sleep(1) has it. Instants are RFC 3339 times or @SECONDS since the epoch.
 */
#ifndef CLI_DURATION_H
#define CLI_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DURATION_TEXT_SIZE = 40, /* holds any duration, with its NUL */
    WALL_TEXT_SIZE = 48,     /* holds any wall clock time, with its NUL */
};

/* False: it is none, or does not fit 64 bits of nanoseconds. */
bool duration_parse(const char *text, int64_t *ret_ns);
/* As Go's Duration.String writes it: 1m30s, 250ms, 0s. Returns text. */
char *duration_text(int64_t ns, char text[static DURATION_TEXT_SIZE]);
/* The same, rounded to what people read: three digits behind the point at most. */
char *duration_short(int64_t ns, char text[static DURATION_TEXT_SIZE]);

/* 2006-01-02T15:04:05.999Z, 2006-01-02T15:04:05+02:00, or @1136214245.5; nanoseconds since the epoch. */
bool wall_parse(const char *text, int64_t *ret_ns);
/* RFC 3339 in UTC with milliseconds. Returns text. */
char *wall_text(int64_t ns, char text[static WALL_TEXT_SIZE]);
/* Nanoseconds of this process's monotonic clock. */
int64_t monotonic_now(void);

#endif

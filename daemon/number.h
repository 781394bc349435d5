/*
 * number.h - the forms in which the settings write numbers.
 *
 * A size has one unit and a duration is a sum of parts, each with its own: 1h30m. There are no fractions and no signs. Writing is the inverse of
 * reading, so that what --check-config prints can be given back.
 */
#ifndef DAEMON_NUMBER_H
#define DAEMON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum number_form {
    AS_COUNT,    /* 4096 */
    AS_SIZE,     /* bytes: 4096, 64K, 1M, 4G */
    AS_DURATION, /* nanoseconds: 500ms, 10s, 1h30m; 0 */
    AS_MODE,     /* octal: 0660 */
    AS_LEVEL,    /* of logging: err, warning, notice, info, debug */
};

/* Read a number that is not negative: false when the text is not one of that form, or too large. */
bool number_parse(enum number_form form, const char *text, int64_t *ret);
/* The inverse, as short as it can be said. Returns buf. */
const char *number_format(enum number_form form, int64_t number, char *buf, size_t size);

#endif

/*
 * rate.h - rates as people write them: 10/s, 100/m, 0.5/s, 3/100ms, 1/2h, inf, 0.
 *
 * A count, which may have a decimal point, in a unit of time or a duration. It is read exactly: 0.5/s is one in two seconds.
 */
#ifndef CLI_RATE_H
#define CLI_RATE_H

#include <stdbool.h>

#include "sluice.h"

enum { RATE_TEXT_SIZE = 80 };

/* False: it is none, or does not fit (a count of at most 2^40 in at most 292 years). */
bool rate_parse(const char *text, struct sluice_rate *ret);
/* The same the other way: 10/s, 1/2s, inf. Returns text. */
char *rate_text(const struct sluice_rate *rate, char text[static RATE_TEXT_SIZE]);

#endif

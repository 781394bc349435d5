/*
 * outcome.h - what a command got, kept for others: its exit code and its stdout.
 *
 * It is a value of bytes: the line "exit N", then stdout as it was; "exit N cut" when stdout is longer than the daemon takes, and only its
 * beginning is kept. It has failed when N is not 0. Outcomes of other programs are printed as they are.
 */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include <stdbool.h>

#include "args.h"
#include "hold.h"

/* Stores an outcome under what h holds. */
typedef enum sluice_status outcome_end(sluice *s, const struct hold *h, bool failed,
                                       struct sluice_value value);

/* Prints somebody else's outcome. The exit code. */
int outcome_print(const struct args *args, sluice *s, const struct sluice_item *item, bool failed);
/* Runs the command under h. When it has ended by itself its outcome is stored by end, and printed. The exit code. */
int outcome_run(const struct args *args, sluice *s, const struct hold *h, outcome_end *end);

#endif

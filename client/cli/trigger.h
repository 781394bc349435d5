/*
 * trigger.h - leaving a send behind: Go's AfterFunc for the shell.
 *
 * `sluice after DUR --send CH VALUE` and `sluice ctx after CTX --send CH VALUE` leave it with the daemon under a name, which is
 * printed, and which `sluice stop` takes.
 */
#ifndef CLI_TRIGGER_H
#define CLI_TRIGGER_H

#include "args.h"

/* Leaves it; value NULL: an empty one. Prints its name. The exit code. */
int trigger_leave(sluice *s, const struct args *args, sluice_ctx ctx, int64_t delay_ns, const char *channel,
                  const char *value);

/* A name that nobody can guess: PREFIX- and 16 hexadecimal digits, in memory for free(). */
char *name_generate(const char *prefix);

#endif

/*
 * environment.h - the environment of a command that a worker runs.
 *
 * It is this process's own, without what was said to this process alone (by the service manager, or by the worker that runs it as a task), and with
 * the variables of the command over it. Of one name the last counts.
 */
#ifndef CLI_ENVIRONMENT_H
#define CLI_ENVIRONMENT_H

#include <stddef.h>

#include "sluice.h"

/* Lists of variables, the later over the earlier. An array for execve, with its texts one allocation for free(); NULL: out of memory. */
struct environment_part {
    const struct sluice_variable *variables; /* a value of NULL: the variable is not set */
    size_t count;
};
char **environment_make(const struct environment_part *parts, size_t count);
/* The value of a variable in such an array; NULL: it is not set. */
const char *environment_get(char *const *environment, const char *name);

#endif

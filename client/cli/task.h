/*
 * task.h - what the verbs of tasks share: numbers, pools by name, commands as values, how a task ended.
 *
 * A task is named by its number. A pool is made on first use, as locks are, so that a worker and those who submit may start in any order.
 */
#ifndef CLI_TASK_H
#define CLI_TASK_H

#include <argp.h>
#include <stdint.h>

#include "args.h"

#define TASK_POOL_DEFAULT "default" /* where tasks go that name no pool */

/* A word's text as a task's number, or ends the process: exit code 64. */
uint64_t task_number(struct argp_state *state, const char *text);
/* As fail, of a task or of a pool. */
int task_fail(enum sluice_status status, uint64_t number);
int task_fail_pool(enum sluice_status status, const char *name);
/* Opens the pool, whatever its parameters; when there is none it is made with this limit (negative: none). */
enum sluice_status task_open_pool(sluice *s, const char *name, int64_t limit, sluice_pool *ret);
/* The pool as it is now. *ret is given to sluice_description_free. */
enum sluice_status task_describe_pool(sluice *s, const char *name, struct sluice_description **ret);
/* The command as a value the daemon takes. 0, or the exit code with a message said. *ret is given to sluice_item_free. */
int task_encode(sluice *s, const struct sluice_command *command, struct sluice_item *ret);

/* How a task ended, with what its command gave. */
struct task_end {
    struct sluice_ending ending;
    struct sluice_command_result *result; /* NULL: it was no command, or was never begun */
};
/* Takes the ending over. command: the task was one. */
void task_end_take(struct task_end *end, struct sluice_ending *ending, bool command);
void task_end_done(struct task_end *end);
/* The exit code of who waited for it: the command's, 128 + n when signal n ended it. A command that was told to stop and yet ended well, and a task that
 * never had a command: 125 or 124; else 1. */
int task_end_code(const struct task_end *end);
/* Says on stderr what its exit code does not: why it was not begun, why it was told to stop, that its worker died. `what` is whose
 * end it is: "task 5". Nothing for a command that ended by itself. */
void task_end_explain(const struct task_end *end, const char *what);
/* Prints what the command wrote: stdout on ours, stderr on ours, with a note on stderr where bytes in the middle were not kept. False: some were not. */
bool task_end_print(const struct task_end *end, const char *what);
/* The members of its JSON, without braces. */
void task_end_json(const struct task_end *end, sluice *s);

#endif

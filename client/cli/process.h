/*
 * process.h - a command's process: how it is started, and how it ends.
 *
 * It runs in a process group of its own with the default signals, none of them blocked. It has three descriptors and no more: its standard
 * input is a pipe when it is given one, else /dev/null; its two outputs are pipes to this process.
 */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "environment.h"
#include "sluice.h"

struct process {
    pid_t pid; /* and its group; 0: there is none */
    int fd;    /* a pidfd: readable when it has ended */
    int input; /* what feeds its stdin, -1: nothing; out, err: its outputs. Non-blocking. Each is its taker's to close, who then sets it to -1 */
    int out, err;
};

/* Starts it, known to the guard, which must be there. more: variables over the command's own. 0; else nothing was begun, and the exit code
 * a shell has for that, 127 or 126, with *ret_error, which says why, for free(). */
int process_start(struct process *p, const struct sluice_command *command,
                  const struct environment_part *more, char **ret_error);
/* Sends its group a signal. It must not have been reaped. */
void process_signal(const struct process *p, int number);
/* It has ended: its exit code, or minus the signal that ended it. It is not reaped, so that its group's number stays its own. */
int process_status(const struct process *p);
/* Reaps it and closes what is open. An empty one is fine. */
void process_done(struct process *p);

#endif

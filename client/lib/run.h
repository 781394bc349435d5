/*
 * run.h - a task that a worker of this process runs (worker.c).
 *
 * A run is shared by its thread and by the worker's loop, which hears for it; the last of the two frees it.
 */
#ifndef SLUICE_RUN_H
#define SLUICE_RUN_H

#include <pthread.h>

#include "conn.h"

struct sluice_run {
    sluice *s;
    struct sluice_job job;
    const struct sluice_function *function;
    pthread_mutex_t lock; /* for all below */
    unsigned users;
    struct sluice_item value; /* what it gives */
    char *cause;              /* of its stop; or NULL */
    uint64_t signals;         /* not heard yet, a bit each */
    bool stopping, has_exit, has_ctx;
    int32_t exit;
    int fd; /* eventfd; -1: not asked for */
    sluice_ctx ctx;
};

/* Takes the job over, with OK; two users. NO_MEMORY sets the error. */
enum sluice_status run_new(sluice *s, struct sluice_job *job, const struct sluice_function *function,
                           struct sluice_run **ret);
/* One user less. */
void run_unref(struct sluice_run *run);
/* Calls the function in the task's name, and ends the attempt with what it gave. */
void run_call(struct sluice_run *run);
/* Ends the attempt as failed, with the last error's text: it cannot be run. */
void run_refuse(sluice *s, const struct sluice_job *job);
/* It is told to stop, or a signal. cause is taken over; NULL: none. */
void run_tell_stop(struct sluice_run *run, char *cause);
void run_tell_signal(struct sluice_run *run, int signal);

#endif

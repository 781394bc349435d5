/*
 * run.c - a task that a worker of this process runs: its function, what it gives, what it is told.
 *
 * A function that wants to hear asks, polls a descriptor, or waits with a context. The last two are made when they are first asked for, so that
 * a function that does not care costs nothing more than its thread.
 *
 * A value that the daemon refuses would leave the task without an end; so it fails then, with the refusal as its value, as a once does (begin.c).
 */
#include "run.h"

#include <stdlib.h>
#include <sys/eventfd.h>

#include "error.h"
#include "job.h"

enum sluice_status run_new(sluice *s, struct sluice_job *job, const struct sluice_function *function,
                           struct sluice_run **ret)
{
    struct sluice_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return error_status(SLUICE_NO_MEMORY);
    run->s = s;
    run->job = *job;
    run->function = function;
    run->users = 2;
    run->fd = -1;
    pthread_mutex_init(&run->lock, NULL);
    *job = (struct sluice_job){.function = ""};
    *ret = run;
    return SLUICE_OK;
}

void run_unref(struct sluice_run *run)
{
    pthread_mutex_lock(&run->lock);
    bool last = --run->users == 0;
    pthread_mutex_unlock(&run->lock);
    if (!last)
        return;
    if (run->has_ctx)
        sluice_drop(run->s, run->ctx.ref);
    if (run->fd >= 0)
        close(run->fd);
    sluice_job_free(&run->job);
    sluice_item_free(&run->value);
    free(run->cause);
    pthread_mutex_destroy(&run->lock);
    free(run);
}

/* ---- Its end. */

void run_refuse(sluice *s, const struct sluice_job *job)
{
    sluice_task_end(s, sluice_task_numbered(job->number), job->token, true, sluice_text(sluice_errmsg()),
                    NULL);
}

/* The daemon did not take this value; the attempt is ours still. */
static bool refused(enum sluice_status status)
{
    return status == SLUICE_INVALID || status == SLUICE_TOO_LARGE || status == SLUICE_LIMIT ||
           status == SLUICE_NO_MEMORY;
}

void run_call(struct sluice_run *run)
{
    sluice *s = run->s;
    sluice_task_enter(s, run->job.token);
    bool well = run->function->fn(run, run->function->argument);
    sluice_task_leave(s);
    pthread_mutex_lock(&run->lock);
    struct sluice_item value = run->value;
    run->value = (struct sluice_item){.value = {.type = SLUICE_TYPE_NONE}};
    bool has_exit = run->has_exit;
    int32_t exit = run->exit;
    pthread_mutex_unlock(&run->lock);
    enum sluice_status status = sluice_task_end(s, sluice_task_numbered(run->job.number), run->job.token,
                                                !well, value.value, has_exit ? &exit : NULL);
    if (refused(status))
        run_refuse(s, &run->job);
    sluice_item_free(&value);
}

/* ---- What it is told. */

static void tell(struct sluice_run *run)
{
    if (run->fd >= 0)
        eventfd_write(run->fd, 1);
}

void run_tell_stop(struct sluice_run *run, char *cause)
{
    pthread_mutex_lock(&run->lock);
    bool first = !run->stopping;
    run->stopping = true;
    if (first)
        run->cause = cause;
    bool cancel = first && run->has_ctx;
    tell(run);
    pthread_mutex_unlock(&run->lock);
    if (!first)
        free(cause);
    if (cancel)
        sluice_ctx_cancel(run->s, run->ctx, run->cause);
}

void run_tell_signal(struct sluice_run *run, int signal)
{
    if (signal < 1 || signal > 64)
        return;
    pthread_mutex_lock(&run->lock);
    run->signals |= UINT64_C(1) << (signal - 1);
    tell(run);
    pthread_mutex_unlock(&run->lock);
}

/* ---- For the function. */

const struct sluice_job *sluice_run_job(const sluice_run *run)
{
    return &run->job;
}

sluice *sluice_run_client(const sluice_run *run)
{
    return run->s;
}

enum sluice_status sluice_run_return(sluice_run *run, struct sluice_value value)
{
    struct sluice_item item;
    enum sluice_status status = sluice_item_copy(&value, &item);
    if (status != SLUICE_OK)
        return status;
    pthread_mutex_lock(&run->lock);
    struct sluice_item before = run->value;
    run->value = item;
    pthread_mutex_unlock(&run->lock);
    sluice_item_free(&before);
    return SLUICE_OK;
}

void sluice_run_exit(sluice_run *run, int32_t exit)
{
    pthread_mutex_lock(&run->lock);
    run->has_exit = true;
    run->exit = exit;
    pthread_mutex_unlock(&run->lock);
}

bool sluice_run_stopping(sluice_run *run)
{
    pthread_mutex_lock(&run->lock);
    bool stopping = run->stopping;
    pthread_mutex_unlock(&run->lock);
    return stopping;
}

int sluice_run_signal(sluice_run *run)
{
    int signal = 0;
    eventfd_t count;
    pthread_mutex_lock(&run->lock);
    if (run->signals != 0) {
        signal = __builtin_ctzll(run->signals) + 1;
        run->signals &= run->signals - 1;
    }
    if (run->signals == 0 && !run->stopping && run->fd >= 0)
        eventfd_read(run->fd, &count);
    pthread_mutex_unlock(&run->lock);
    return signal;
}

int sluice_run_fd(sluice_run *run)
{
    pthread_mutex_lock(&run->lock);
    if (run->fd < 0) {
        run->fd = eventfd(run->stopping || run->signals != 0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (run->fd < 0)
            run->fd = -errno;
    }
    int fd = run->fd;
    if (fd < 0)
        run->fd = -1;
    pthread_mutex_unlock(&run->lock);
    return fd;
}

enum sluice_status sluice_run_ctx(sluice_run *run, sluice_ctx *ret)
{
    sluice_ctx ctx = SLUICE_NIL;
    pthread_mutex_lock(&run->lock);
    bool has = run->has_ctx;
    pthread_mutex_unlock(&run->lock);
    if (!has) {
        enum sluice_status status = sluice_ctx_make_with(run->s, NULL, NULL, &ctx, NULL);
        if (status != SLUICE_OK)
            return status;
    }
    pthread_mutex_lock(&run->lock);
    bool surplus = !has && run->has_ctx, cancel = !has && !run->has_ctx && run->stopping;
    if (!run->has_ctx)
        run->ctx = ctx;
    run->has_ctx = true;
    *ret = run->ctx;
    pthread_mutex_unlock(&run->lock);
    if (surplus)
        sluice_drop(run->s, ctx.ref);
    return cancel ? sluice_ctx_cancel(run->s, *ret, run->cause) : SLUICE_OK;
}

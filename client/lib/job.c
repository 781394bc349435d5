/*
 * job.c - what is to be done and how it ended, out of replies.
 *
 * A job's value and an ending's are items as any other and cost what they cost; a function's name and a cause are copied beside them, where there are any.
 */
#include "job.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "item.h"
#include "sync.h"

enum sluice_status text_take(struct sluice_blob text, char **ret)
{
    char *copy = NULL;
    if (text.size > 0) {
        copy = malloc(text.size + 1);
        if (copy == NULL)
            return error_status(SLUICE_NO_MEMORY);
        memcpy(copy, text.data, text.size);
        copy[text.size] = '\0';
    }
    *ret = copy;
    return SLUICE_OK;
}

enum sluice_status job_take(const struct reply *reply, struct sluice_job *ret)
{
    char *function = NULL;
    enum sluice_status status = text_take(reply->job.function, &function);
    if (status != SLUICE_OK)
        return status;
    *ret = (struct sluice_job){
        .number = reply->job.number,
        .token = reply->job.token,
        .caller = reply->job.caller,
        .epoch = reply->epoch,
        .deliveries = reply->item.deliveries,
        .function = function != NULL ? function : "",
        .run_ns = reply->job.run_ns,
        .memory = function,
    };
    return SLUICE_OK;
}

enum sluice_status ending_take(const struct reply *reply, struct sluice_ending *ret)
{
    char *cause = NULL;
    enum sluice_status status = text_take(reply->cause, &cause);
    if (status != SLUICE_OK)
        return status;
    *ret = (struct sluice_ending){
        .failed = reply->failed,
        .status = reply->ending,
        .has_exit = reply->has_exit,
        .exit = reply->exit,
        .cause = cause,
        .memory = cause,
    };
    return SLUICE_OK;
}

void sluice_job_free(struct sluice_job *job)
{
    if (job == NULL)
        return;
    sluice_item_free(&job->item);
    free(job->memory);
    *job = (struct sluice_job){.function = ""};
}

void sluice_ending_free(struct sluice_ending *ending)
{
    if (ending == NULL)
        return;
    sluice_item_free(&ending->item);
    free(ending->memory);
    *ending = (struct sluice_ending){.failed = false};
}

enum sluice_status run_job(sluice *s, struct call *c, struct sluice_job *ret)
{
    struct reply reply;
    struct sluice_job job;
    enum sluice_status status = call_run(s, c, &reply);
    if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_JOB)
        status = unreadable();
    if (status == SLUICE_OK)
        status = job_take(&reply, &job);
    if (status == SLUICE_OK) {
        status = item_take(c, &reply, &job.item);
        if (status == SLUICE_OK)
            *ret = job;
        else
            sluice_job_free(&job);
    }
    call_done(c);
    return status;
}

/*
 * job.h - what is to be done and how it ended, out of replies.
 *
 * Contract: *_take writes its result with OK only, all but the item, and gives it memory of its own. NO_MEMORY sets the error.
 */
#ifndef SLUICE_JOB_H
#define SLUICE_JOB_H

#include "call.h"

/* Of a reply without a job: an empty one. */
enum sluice_status job_take(const struct reply *reply, struct sluice_job *ret);
enum sluice_status ending_take(const struct reply *reply, struct sluice_ending *ret);
/* A call whose result is a job, its item with it. */
enum sluice_status run_job(sluice *s, struct call *c, struct sluice_job *ret);
/* A reply's text with a NUL behind it: malloc'd; NULL in *ret when it is empty. */
enum sluice_status text_take(struct sluice_blob text, char **ret);

#endif

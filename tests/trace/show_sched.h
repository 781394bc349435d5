/*
 * show_sched.h - actors, pools and tasks as lines of a trace, for show.c.
 *
 * Tokens are never shown by number; tasks are, since their numbers count from 1 in every trace.
 */
#ifndef TRACE_SHOW_SCHED_H
#define TRACE_SHOW_SCHED_H

#include <stdio.h>

#include "engine.h"

struct world;

/* RESULT_JOB: a task to run, or a call to serve. */
void show_job(FILE *out, const struct reply *reply);
/* RESULT_LEADER of an actor. */
void show_owner(FILE *out, const struct reply *reply);
/* What RESULT_OUTCOME says of an actor's reply and of a task, behind the value. */
void show_ending(FILE *out, const struct reply *reply);

void show_actor(FILE *out, const struct world *w, const struct actor_view *a);
void show_pool(FILE *out, const struct pool_view *p);
void show_task(FILE *out, const struct world *w, const struct task_view *t);

#endif

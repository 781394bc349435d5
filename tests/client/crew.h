/*
 * crew.h - pools with workers in the test's own session, for the tests of pools and tasks.
 *
 * The session submits, pulls and ends by itself, one step after the other; so a test says exactly what happens in which order.
 * Each function fails the test when its step does.
 */
#ifndef TESTS_CLIENT_CREW_H
#define TESTS_CLIENT_CREW_H

#include "stage.h"

/* A pool without limits; name NULL: anonymous. */
sluice_pool pool_of(const char *name);
/* This session serves it for "f" and commands; the worker's token. */
uint64_t hired(sluice_pool p, uint32_t slots);
/* A task of "f" that is called with a text. */
struct sluice_task_spec task_spec(const char *text);
sluice_task gone(sluice_pool p, const struct sluice_task_spec *spec);
sluice_task gone_text(sluice_pool p, const char *text);
/* The next task, which is called with this text. Its item is freed. */
struct sluice_job pulled(sluice_pool p, uint64_t token, const char *text);
void ended(const struct sluice_job *job, bool failed, const char *text);
/* How it ended, which is known; to be freed. */
struct sluice_ending ending_of(sluice_task t);
enum sluice_task_state state_of(sluice_task t);

#endif

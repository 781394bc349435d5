/*
 * work.h - an actor, a pool or a task as text and as JSON: the part of describe.h that speaks of them.
 *
 * describe.c calls it for objects of these kinds; listings of tasks take the words for their states and ends from here.
 */
#ifndef CLI_WORK_H
#define CLI_WORK_H

#include <jansson.h>

#include "sluice.h"

enum { WORK_TEXT_SIZE = 400 };

/* "queued", "running"; "unknown" for a number that is none. */
const char *work_task_state(enum sluice_task_state state);
/* How a task that is dead ended: "done", "exit 3", "signal 9", "failed", "cancelled", "late", "lost"; else "". It is written into text where
 * it has a number. */
const char *work_task_end(const struct sluice_description *d, char text[static 24]);
/* A word for what it is at. */
const char *work_state(const struct sluice_description *d);
/* What a task runs: a function's name, or a command as it was written, as far as it fits; "(command)" when a listing does not say. */
const char *work_runs(const struct sluice_description *d, char text[static WORK_TEXT_SIZE]);
/* In what a task waits: "recv jobs", "wait task 7", "after task 7" if it has not begun, of several the first; "" when it does not. */
const char *work_wait(const struct sluice_description *d, char text[static WORK_TEXT_SIZE]);
/* Lines of a name and a value. */
void work_print(const struct sluice_description *d);
/* The members that others have not. */
json_t *work_json(const struct sluice_description *d);

#endif

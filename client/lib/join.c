/*
 * join.c - waiting for many tasks: the first failure cancels a context, as in an errgroup.
 *
 * One future a task, all in a list of this call's own. The daemon tells of ends in the order in which they came, so the first failure that is heard is
 * the first there was. The group is the context: tasks that are submitted with it stop when it is cancelled, and those of a submitter that dies
 * stop with the cause `owner died`, without anything being kept here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "future.h"
#include "pool.h"

#define CAUSE_SIZE 4096 /* as the protocol says */

struct join {
    sluice *s;
    sluice_ctx ctx;
    struct link inbox;
    size_t first, flying;
    struct sluice_ending ending; /* of the first that failed */
    enum sluice_status status;   /* why not all are heard of; OK: they are */
    char *message;
};

/* Not all will be heard of. The first reason stays. */
static void give_up(struct join *j, enum sluice_status status)
{
    if (j->status != SLUICE_OK)
        return;
    j->status = status;
    j->message = strdup(sluice_errmsg());
}

/* "signal: killed" */
static void signal_text(int number, char *text, size_t size)
{
    const char *name = sigdescr_np(number);
    if (name == NULL)
        snprintf(text, size, "signal: %d", number);
    else
        snprintf(text, size, "signal: %c%s", name[0] | ' ', name + 1);
}

static const char *cause_of(const struct sluice_ending *e, char text[CAUSE_SIZE + 1])
{
    const struct sluice_value *v = &e->item.value;
    if (e->cause != NULL)
        snprintf(text, CAUSE_SIZE + 1, "%s", e->cause);
    else if (v->type == SLUICE_TYPE_STRING && v->bytes.size > 0)
        snprintf(text, CAUSE_SIZE + 1, "%.*s", (int)v->bytes.size, (const char *)v->bytes.data);
    else if (e->has_exit && e->exit < 0)
        signal_text(-e->exit, text, CAUSE_SIZE + 1);
    else if (e->has_exit)
        snprintf(text, CAUSE_SIZE + 1, "exit status %d", e->exit);
    else
        snprintf(text, CAUSE_SIZE + 1, "%s",
                 e->status != SLUICE_OK ? sluice_strstatus(e->status) : "a task failed");
    return text;
}

static void cancel(const struct join *j, const char *cause)
{
    if (!sluice_is_nil(j->ctx.ref))
        sluice_ctx_cancel(j->s, j->ctx, cause);
}

/* The places of tasks are the data of their futures, from 1 on. */
static void heard(struct join *j, sluice_future *f)
{
    struct sluice_result r;
    size_t place = (size_t)(uintptr_t)sluice_future_data(f) - 1;
    enum sluice_status status = sluice_future_finish(f, &r);
    j->flying--;
    if (status != SLUICE_OK) {
        give_up(j, status);
        return;
    }
    r.ending.item = r.item;
    if (!r.ending.failed || j->ending.failed) {
        sluice_ending_free(&r.ending);
        return;
    }
    char text[CAUSE_SIZE + 1];
    j->first = place;
    j->ending = r.ending;
    cancel(j, cause_of(&j->ending, text));
}

static void start(struct join *j, const sluice_task *tasks, size_t count, const struct sluice_wait *wait,
                  sluice_future **futures)
{
    for (size_t i = 0; i < count && j->status == SLUICE_OK; i++) {
        enum sluice_status status = task_start_wait(j->s, tasks[i], wait, &j->inbox, &futures[i]);
        if (status != SLUICE_OK) {
            futures[i] = NULL;
            give_up(j, status);
            return;
        }
        sluice_future_set_data(futures[i], (void *)(uintptr_t)(i + 1));
        j->flying++;
    }
}

/* Hears of all that fly. When one cannot be waited for the others are withdrawn. */
static void hear(struct join *j, size_t count, sluice_future **futures)
{
    bool withdrawn = false;
    while (j->flying > 0) {
        for (size_t i = 0; i < count && j->status != SLUICE_OK && !withdrawn; i++)
            if (futures[i] != NULL)
                sluice_future_cancel(futures[i]);
        withdrawn = j->status != SLUICE_OK;
        sluice_future *f = future_next(j->s, &j->inbox);
        if (f == NULL)
            continue;
        futures[(size_t)(uintptr_t)sluice_future_data(f) - 1] = NULL;
        heard(j, f);
    }
}

enum sluice_status sluice_task_wait_all(sluice *s, const sluice_task *tasks, size_t count, sluice_ctx ctx,
                                        const struct sluice_wait *wait, size_t *ret_first,
                                        struct sluice_ending *ret)
{
    struct join j = {.s = s, .ctx = ctx, .first = count};
    sluice_future **futures = calloc(count + 1, sizeof(sluice_future *));
    if (futures == NULL)
        return error_status(SLUICE_NO_MEMORY);
    list_init(&j.inbox);
    start(&j, tasks, count, wait, futures);
    hear(&j, count, futures);
    free(futures);
    if (j.status != SLUICE_OK) {
        sluice_ending_free(&j.ending);
        enum sluice_status status = error_text(j.status, j.message);
        free(j.message);
        return status;
    }
    cancel(&j, NULL);
    *ret_first = j.first;
    *ret = j.ending;
    return SLUICE_OK;
}

/*
 * task.c - tasks: submitting them, waiting for their end, ending them, telling them something.
 *
 * A task has no name but a number, which every session may use, so that a reference of this library carries the number beside the handle. The handle keeps the
 * result, however long ago the task has finished.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "future.h"
#include "item.h"
#include "job.h"
#include "object.h"
#include "pool.h"
#include "sync.h"

#define AFTER_MAX 64 /* as the protocol says */

static_assert((int)SLUICE_TASK_BLOCKED == (int)SLUICE__V1__DESCRIPTION__TASK_STATE__BLOCKED &&
                  (int)SLUICE_TASK_DELAYED == (int)SLUICE__V1__DESCRIPTION__TASK_STATE__DELAYED &&
                  (int)SLUICE_TASK_QUEUED == (int)SLUICE__V1__DESCRIPTION__TASK_STATE__QUEUED &&
                  (int)SLUICE_TASK_RUNNING == (int)SLUICE__V1__DESCRIPTION__TASK_STATE__RUNNING &&
                  (int)SLUICE_TASK_WAITING == (int)SLUICE__V1__DESCRIPTION__TASK_STATE__WAITING &&
                  (int)SLUICE_TASK_RUNNABLE == (int)SLUICE__V1__DESCRIPTION__TASK_STATE__RUNNABLE &&
                  (int)SLUICE_TASK_DEAD == (int)SLUICE__V1__DESCRIPTION__TASK_STATE__DEAD,
              "the states are the protocol's");

/* ---- Submitting. */

struct go_parts {
    Sluice__V1__Go go;
    Ref ref, context;
    struct value_parts value;
    Ref after[AFTER_MAX];
    Ref *pointers[AFTER_MAX];
};

static enum sluice_status build_after(struct call *c, struct go_parts *p, const sluice_task *after,
                                      size_t count)
{
    if (count > AFTER_MAX)
        return error_text(SLUICE_LIMIT, "a task comes after at most 64 others");
    for (size_t i = 0; i < count; i++) {
        p->pointers[i] = call_ref(c, after[i].ref, &p->after[i]);
        if (p->pointers[i] == NULL)
            return error_text(SLUICE_INVALID, "a task that another comes after is nil");
    }
    p->go.n_after = count;
    p->go.after = p->pointers;
    return SLUICE_OK;
}

static enum sluice_status build_go(struct call *c, struct go_parts *p, sluice_pool pool,
                                   const struct sluice_task_spec *spec, const struct sluice_wait *wait)
{
    struct sluice_task_spec t = SLUICE_TASK_SPEC_INIT;
    Sluice__V1__Go *go = &p->go;
    if (spec == NULL)
        return error_text(SLUICE_INVALID, "a task needs a specification");
    enum sluice_status status = options_take(&t, sizeof t, spec);
    if (status != SLUICE_OK)
        return status;
    call_init(c, SLUICE__V1__REQUEST__OP_GO);
    call_wait(c, wait);
    sluice__v1__go__init(go);
    c->request.go = go;
    go->ref = call_ref(c, pool.ref, &p->ref);
    go->has_function = t.function != NULL;
    go->function = key_out(t.function);
    go->has_priority = t.priority != 0;
    go->priority = t.priority;
    go->has_delay_ns = t.delay_ns != 0;
    go->delay_ns = t.delay_ns;
    go->has_within_ns = t.within_ns != 0;
    go->within_ns = t.within_ns;
    go->has_run_ns = t.run_ns != 0;
    go->run_ns = t.run_ns;
    go->has_retries = t.retries != 0;
    go->retries = t.retries;
    go->has_backoff_ns = t.backoff_ns != 0;
    go->backoff_ns = t.backoff_ns;
    go->has_keep_ns = t.keep_ns != 0;
    go->keep_ns = t.keep_ns;
    go->has_key = t.key != NULL;
    go->key = key_out(t.key);
    go->has_share = t.share != NULL;
    go->share = key_out(t.share);
    go->context = call_ref(c, t.ctx.ref, &p->context);
    go->has_bare = go->bare = t.bare;
    status = build_after(c, p, t.after, t.after_count);
    return status == SLUICE_OK ? value_out(c, &t.value, &p->value, &go->value) : status;
}

enum sluice_status sluice_go(sluice *s, sluice_pool pool, const struct sluice_task_spec *spec,
                             const struct sluice_wait *wait, sluice_task *ret, bool *ret_created)
{
    struct call c;
    struct go_parts p;
    struct reply reply;
    enum sluice_status status = build_go(&c, &p, pool, spec, wait);
    if (status != SLUICE_OK)
        return status;
    if (ret == NULL) /* nobody could drop it */
        p.go.has_bare = p.go.bare = true;
    status = call_run(s, &c, &reply);
    if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_MADE)
        status = unreadable();
    if (status == SLUICE_OK && ret != NULL)
        ret->ref = (sluice_ref){.handle = reply.made.handle,
                                .session = reply.made.handle != 0 ? c.session : 0,
                                .task = reply.made.number};
    if (status == SLUICE_OK && ret_created != NULL)
        *ret_created = reply.made.created;
    call_done(&c);
    return status;
}

enum sluice_status sluice_go_start(sluice *s, sluice_pool pool, const struct sluice_task_spec *spec,
                                   const struct sluice_wait *wait, sluice_future **ret)
{
    struct go_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    return future_start(f, build_go(&f->call, &p, pool, spec, wait), ret);
}

enum sluice_status sluice_task_open(sluice *s, uint64_t number, sluice_task *ret)
{
    sluice_ref ref;
    enum sluice_status status =
        sluice_open_ref(s, sluice_task_numbered(number).ref, 0, SLUICE_KIND_TASK, &ref, NULL);
    if (status != SLUICE_OK)
        return status;
    ref.task = number;
    *ret = sluice_task_of(ref);
    return SLUICE_OK;
}

/* ---- Its end. */

enum sluice_status sluice_task_wait(sluice *s, sluice_task task, const struct sluice_wait *wait,
                                    struct sluice_ending *ret)
{
    struct call c;
    struct wait_parts p;
    struct reply reply;
    struct sluice_ending ending;
    build_wait(&c, &p, task.ref, SLUICE_COMPARE_NONE, 0, wait);
    enum sluice_status status = call_run(s, &c, &reply);
    if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_OUTCOME)
        status = unreadable();
    if (status == SLUICE_OK)
        status = ending_take(&reply, &ending);
    if (status == SLUICE_OK) {
        status = item_take(&c, &reply, &ending.item);
        if (status == SLUICE_OK)
            *ret = ending;
        else
            sluice_ending_free(&ending);
    }
    call_done(&c);
    return status;
}

enum sluice_status task_start_wait(sluice *s, sluice_task task, const struct sluice_wait *wait,
                                   struct link *inbox, sluice_future **ret)
{
    struct wait_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    f->inbox = inbox;
    build_wait(&f->call, &p, task.ref, SLUICE_COMPARE_NONE, 0, wait);
    return future_start(f, SLUICE_OK, ret);
}

enum sluice_status sluice_task_wait_start(sluice *s, sluice_task task, const struct sluice_wait *wait,
                                          sluice_future **ret)
{
    return task_start_wait(s, task, wait, NULL, ret);
}

struct end_parts {
    Sluice__V1__End end;
    Ref ref;
    struct value_parts value;
};

static enum sluice_status build_end(struct call *c, struct end_parts *p, sluice_task task, uint64_t token,
                                    bool failed, const struct sluice_value *value, const int32_t *exit)
{
    call_init(c, SLUICE__V1__REQUEST__OP_END);
    sluice__v1__end__init(&p->end);
    c->request.end = &p->end;
    p->end.ref = call_ref(c, task.ref, &p->ref);
    p->end.has_token = true;
    p->end.token = token;
    p->end.has_failed = p->end.failed = failed;
    p->end.has_exit = exit != NULL;
    p->end.exit = exit != NULL ? *exit : 0;
    return value_out(c, value, &p->value, &p->end.value);
}

enum sluice_status sluice_task_end(sluice *s, sluice_task task, uint64_t token, bool failed,
                                   struct sluice_value value, const int32_t *exit)
{
    struct call c;
    struct end_parts p;
    enum sluice_status status = build_end(&c, &p, task, token, failed, &value, exit);
    return status == SLUICE_OK ? run_plain(s, &c) : status;
}

enum sluice_status sluice_task_end_start(sluice *s, sluice_task task, uint64_t token, bool failed,
                                         struct sluice_value value, const int32_t *exit, sluice_future **ret)
{
    struct end_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    return future_start(f, build_end(&f->call, &p, task, token, failed, &value, exit), ret);
}

/* ---- Telling it something. */

static enum sluice_status run_kill(sluice *s, sluice_task task, uint32_t signal, const char *cause,
                                   bool *ret_there)
{
    struct call c;
    Ref r;
    Sluice__V1__Kill op = SLUICE__V1__KILL__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_KILL);
    c.request.kill = &op;
    op.ref = call_ref(&c, task.ref, &r);
    op.has_signal = signal != 0;
    op.signal = signal;
    op.has_cause = cause != NULL;
    op.cause = key_out(cause);
    return run_truth(s, &c, ret_there);
}

enum sluice_status sluice_task_kill(sluice *s, sluice_task task, int signal, bool *ret_there)
{
    if (signal <= 0)
        return error_text(SLUICE_INVALID, "signals are 1 to 64");
    return run_kill(s, task, (uint32_t)signal, NULL, ret_there);
}

enum sluice_status sluice_task_cancel(sluice *s, sluice_task task, const char *cause, bool *ret_there)
{
    return run_kill(s, task, 0, cause, ret_there);
}

struct watch_parts {
    Sluice__V1__Watch watch;
    Ref ref;
};

static void build_watch(struct call *c, struct watch_parts *p, sluice_task task, uint64_t token,
                        const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_WATCH);
    call_wait(c, wait);
    sluice__v1__watch__init(&p->watch);
    c->request.watch = &p->watch;
    p->watch.ref = call_ref(c, task.ref, &p->ref);
    p->watch.has_token = true;
    p->watch.token = token;
}

enum sluice_status sluice_task_watch(sluice *s, sluice_task task, uint64_t token,
                                     const struct sluice_wait *wait, int *ret_signal, char **ret_cause)
{
    struct call c;
    struct watch_parts p;
    struct reply reply;
    char *cause = NULL;
    build_watch(&c, &p, task, token, wait);
    enum sluice_status status = call_run(s, &c, &reply);
    if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_NUMBER)
        status = unreadable();
    if (status == SLUICE_OK && ret_cause != NULL)
        status = text_take(reply.cause, &cause);
    if (status == SLUICE_OK && ret_cause != NULL)
        *ret_cause = cause;
    if (status == SLUICE_OK && ret_signal != NULL)
        *ret_signal = (int)reply.number;
    call_done(&c);
    return status;
}

enum sluice_status task_start_watch(sluice *s, sluice_task task, uint64_t token,
                                    const struct sluice_wait *wait, struct link *inbox, sluice_future **ret)
{
    struct watch_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    f->inbox = inbox;
    build_watch(&f->call, &p, task, token, wait);
    return future_start(f, SLUICE_OK, ret);
}

enum sluice_status sluice_task_watch_start(sluice *s, sluice_task task, uint64_t token,
                                           const struct sluice_wait *wait, sluice_future **ret)
{
    return task_start_watch(s, task, token, wait, NULL, ret);
}

/*
 * conform_pool.h - short words for pools and their tasks, for the conformance cases of the scheduler and the deaths of workers.
 *
 * What conform.h calls a task is a thread of this process; what the daemon schedules is a sluice_task here, and its function a C function that a
 * hired worker runs. A worker is the library's own, in a thread or a process; how far a function has come it says through a channel or a semaphore
 * of this process. settle() knows nothing of functions: a worker's session always has a request parked.
 */
#ifndef E2E_CONFORM_POOL_H
#define E2E_CONFORM_POOL_H

#include "conform.h"

/* A new pool of a name of its own; negative: no bound. */
static inline const char *new_pool(int64_t limit, int64_t capacity)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_pool_spec spec = SLUICE_POOL_SPEC_INIT;
    sluice_pool made;
    how.name = fresh("p");
    how.exclusive = true;
    spec.limit = limit;
    spec.capacity = capacity;
    is(sluice_pool_make_with(me, &how, &spec, &made, NULL), SLUICE_OK);
    return how.name;
}

static inline sluice_pool pool(const char *name)
{
    return sluice_pool_named(name);
}

static inline struct sluice_description look_at(sluice_ref ref)
{
    struct sluice_description *d, copy;
    is(sluice_describe(me, ref, &d), SLUICE_OK);
    copy = *d;
    sluice_description_free(d);
    return copy;
}

/* ---- Tasks ---- */

static inline struct sluice_task_spec spec_of(const char *function, int64_t value)
{
    struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
    spec.function = function;
    spec.value = sluice_int(value);
    return spec;
}

static inline sluice_task submit(const char *name, const struct sluice_task_spec *spec)
{
    sluice_task t;
    bool created;
    is(sluice_go(me, pool(name), spec, NULL, &t, &created), SLUICE_OK);
    assert_true(created);
    return t;
}

static inline sluice_task run_in(const char *name, const char *function, int64_t value)
{
    struct sluice_task_spec spec = spec_of(function, value);
    return submit(name, &spec);
}

/* Wait for its end; the text it gave, or the cause, is kept in cause, if there was one. */
static inline struct sluice_ending ending_of(sluice_task t, char cause[160])
{
    struct sluice_ending e;
    is(sluice_task_wait(me, t, NULL, &e), SLUICE_OK);
    if (cause)
        strncpy(cause, e.cause ? e.cause : "", 159)[159] = '\0';
    struct sluice_ending rest = e;
    sluice_ending_free(&e);
    rest.cause = NULL;
    rest.memory = NULL;
    return rest;
}

/* What it gave: it ended well, with a number. */
static inline int64_t result(sluice_task t)
{
    struct sluice_ending e = ending_of(t, NULL);
    is(e.status, SLUICE_OK);
    assert_false(e.failed);
    assert_int_equal(e.item.value.type, SLUICE_TYPE_INT64);
    is(sluice_drop(me, t.ref), SLUICE_OK);
    return e.item.value.integer;
}

/* ---- Functions ---- */

static inline int64_t argument_of(sluice_run *run)
{
    return sluice_run_job(run)->item.value.integer;
}

static inline bool give(sluice_run *run, int64_t value)
{
    return sluice_run_return(run, sluice_int(value)) == SLUICE_OK;
}

/* ---- Workers ---- */

static inline void run_worker(struct task *t)
{
    t->status = sluice_worker_run(t->s, pool(t->a), (uint32_t)t->times, t->data, (size_t)t->value, &t->wait);
}

/* A worker in a thread, with a session of its own, until the pool is closed. */
static inline struct task *hire(const char *name, uint32_t slots, const struct sluice_function *functions,
                                size_t count)
{
    struct task *t = task_new(run_worker);
    t->a = name;
    t->times = slots;
    t->data = (void *)(uintptr_t)functions;
    t->value = (int64_t)count;
    return task_start(t);
}

/* Close the pool; its workers end when all has finished. */
static inline void dismiss(const char *name, struct task *const *workers, size_t count)
{
    is(sluice_pool_close(me, pool(name)), SLUICE_OK);
    for (size_t i = 0; i < count; i++)
        is(join(workers[i]), SLUICE_CLOSED);
    is(sluice_remove(me, pool(name).ref), SLUICE_OK);
}

#endif

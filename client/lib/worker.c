/*
 * worker.c - a worker ready made: takes tasks, runs each in a thread, hears what they are told.
 *
 * The caller's thread is the loop. It has one pull under way at all times, since the daemon may have a slot for another task whenever one that runs
 * waits, and one watch for each task that runs; all are futures of a list of its own (future.h), so that the connection stays
 * usable for everything else. The daemon knows the slots; nothing is counted here. A task's watch ends when its attempt does, by
 * which the loop knows that it is over.
 *
 * Whatever ends the pull ends the worker, but for the end of its session: then it attaches anew, while the functions that still run, which the daemon has
 * given up, are told to stop.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "future.h"
#include "object.h"
#include "pool.h"
#include "run.h"

#define FUNCTIONS_MAX 256 /* as the protocol says */

struct worker {
    sluice *s;
    sluice_pool pool;
    uint32_t slots;
    const struct sluice_function *functions;
    size_t count;
    struct sluice_wait wait; /* of a pull */
    bool timed;              /* its context is our own, with the time */
    uint64_t token;
    struct link inbox;
    sluice_future *pull; /* NULL: it takes no more */
    enum sluice_status status;
    char *message;  /* with a status that is not the daemon's last word: why */
    size_t watches; /* under way */
    pthread_mutex_t lock;
    pthread_cond_t idle;
    size_t threads; /* under lock */
};

static enum sluice_status attach(struct worker *w)
{
    const char *names[FUNCTIONS_MAX];
    if (w->count > FUNCTIONS_MAX)
        return error_text(SLUICE_LIMIT, "a worker has 1 to 256 functions");
    for (size_t i = 0; i < w->count; i++)
        names[i] = w->functions[i].name;
    return sluice_pool_work(w->s, w->pool, w->slots, names, w->count, &w->token);
}

/* A time to stop at is the daemon's: a context, since there are many pulls. */
static enum sluice_status take_wait(struct worker *w, const struct sluice_wait *wait)
{
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    w->wait = wait != NULL ? *wait : (struct sluice_wait)SLUICE_WAIT_INIT;
    if (w->wait.timeout_ns < 0)
        return SLUICE_OK;
    spec.has_parent = !sluice_is_nil(w->wait.ctx.ref);
    spec.parent = w->wait.ctx;
    spec.has_timeout = true;
    spec.timeout_ns = w->wait.timeout_ns;
    w->wait.timeout_ns = -1;
    enum sluice_status status = sluice_ctx_make_with(w->s, NULL, &spec, &w->wait.ctx, NULL);
    w->timed = status == SLUICE_OK;
    return status;
}

/* Takes no more. The calling thread's last error is kept for the caller. */
static void finish(struct worker *w, enum sluice_status status)
{
    w->pull = NULL;
    w->status = status;
    w->message = strdup(sluice_errmsg());
}

static void pull(struct worker *w)
{
    enum sluice_status status = pool_start_pull(w->s, w->pool, w->token, &w->wait, &w->inbox, &w->pull);
    if (status != SLUICE_OK)
        finish(w, status);
}

/* ---- Runs. */

struct thread {
    struct worker *w;
    struct sluice_run *run;
};

static void *thread_main(void *argument)
{
    struct thread t = *(struct thread *)argument;
    free(argument);
    run_call(t.run);
    run_unref(t.run);
    pthread_mutex_lock(&t.w->lock);
    if (--t.w->threads == 0)
        pthread_cond_signal(&t.w->idle);
    pthread_mutex_unlock(&t.w->lock);
    return NULL;
}

static enum sluice_status thread_start(struct worker *w, struct sluice_run *run)
{
    pthread_t id;
    pthread_attr_t attributes;
    struct thread *t = malloc(sizeof *t);
    if (t == NULL)
        return error_status(SLUICE_NO_MEMORY);
    *t = (struct thread){w, run};
    pthread_mutex_lock(&w->lock);
    w->threads++;
    pthread_mutex_unlock(&w->lock);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int r = pthread_create(&id, &attributes, thread_main, t);
    pthread_attr_destroy(&attributes);
    if (r == 0)
        return SLUICE_OK;
    free(t);
    pthread_mutex_lock(&w->lock);
    w->threads--;
    pthread_mutex_unlock(&w->lock);
    return error_errno(-r, "starting a thread for a task");
}

/* Hears for a run. One that cannot be heard for stops: nobody could stop it later. */
static void watch(struct worker *w, struct sluice_run *run)
{
    sluice_future *f;
    if (task_start_watch(w->s, sluice_task_numbered(run->job.number), run->job.token, NULL, &w->inbox, &f) !=
        SLUICE_OK) {
        run_tell_stop(run, NULL);
        run_unref(run);
        return;
    }
    sluice_future_set_data(f, run);
    w->watches++;
}

static const struct sluice_function *find(const struct worker *w, const char *name)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->functions[i].name != NULL ? w->functions[i].name : "", name) == 0)
            return &w->functions[i];
    return NULL;
}

static void begin(struct worker *w, struct sluice_job *job)
{
    struct sluice_run *run = NULL;
    const struct sluice_function *function = find(w, job->function);
    enum sluice_status status = function != NULL
                                    ? run_new(w->s, job, function, &run)
                                    : error_text(SLUICE_INTERNAL, "the worker does not serve this function");
    if (status != SLUICE_OK) {
        run_refuse(w->s, job);
        sluice_job_free(job);
        return;
    }
    assert(run != NULL);
    if (thread_start(w, run) != SLUICE_OK) {
        run_refuse(w->s, &run->job);
        run_unref(run); /* the thread's */
    }
    watch(w, run);
}

/* ---- The loop. */

/* The session ended, and the worker with it. */
static bool lost(const struct worker *w, enum sluice_status status)
{
    return !w->timed &&
           (status == SLUICE_SESSION_GONE || status == SLUICE_STALE_TOKEN || status == SLUICE_STALE);
}

static void pulled(struct worker *w)
{
    struct sluice_result r;
    enum sluice_status status = sluice_future_finish(w->pull, &r);
    w->pull = NULL;
    if (status == SLUICE_OK) {
        r.job.item = r.item;
        begin(w, &r.job);
    } else {
        bool again = lost(w, status);
        if (again)
            status = attach(w);
        if (!again || status != SLUICE_OK) {
            finish(w, status);
            return;
        }
    }
    pull(w);
}

static void heard(struct worker *w, sluice_future *f)
{
    struct sluice_result r;
    struct sluice_run *run = sluice_future_data(f);
    enum sluice_status status = sluice_future_finish(f, &r);
    w->watches--;
    if (status != SLUICE_OK) {
        /* STALE_TOKEN, too: the attempt is over, if not by its function's end then without it */
        run_tell_stop(run, NULL);
        run_unref(run);
        return;
    }
    if (r.number == 0) {
        run_tell_stop(run, r.ending.memory);
        r.ending.memory = NULL;
    } else {
        run_tell_signal(run, (int)r.number);
    }
    sluice_ending_free(&r.ending);
    watch(w, run);
}

static void loop(struct worker *w)
{
    pull(w);
    while (w->pull != NULL || w->watches > 0) {
        sluice_future *f = future_next(w->s, &w->inbox);
        if (f == NULL)
            continue;
        if (f == w->pull)
            pulled(w);
        else
            heard(w, f);
    }
    pthread_mutex_lock(&w->lock);
    while (w->threads > 0)
        pthread_cond_wait(&w->idle, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

enum sluice_status sluice_worker_run(sluice *s, sluice_pool pool, uint32_t slots,
                                     const struct sluice_function *functions, size_t count,
                                     const struct sluice_wait *wait)
{
    struct worker w = {.s = s, .pool = pool, .slots = slots, .functions = functions, .count = count};
    list_init(&w.inbox);
    enum sluice_status status = take_wait(&w, wait);
    if (status == SLUICE_OK)
        status = attach(&w);
    if (status == SLUICE_OK) {
        pthread_mutex_init(&w.lock, NULL);
        pthread_cond_init(&w.idle, NULL);
        loop(&w);
        pthread_cond_destroy(&w.idle);
        pthread_mutex_destroy(&w.lock);
    }
    if (w.timed)
        sluice_drop(s, w.wait.ctx.ref);
    if (status == SLUICE_OK)
        status = error_text(w.status, w.message);
    free(w.message);
    return status;
}

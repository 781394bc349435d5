/*
 * runner.c - a worker of a pool, with commands for hands: see runner.h.
 *
 * The daemon knows the slots and says when a task begins; nothing is counted here. One request is always parked that takes the next task, since a task
 * that waits in the daemon gives its slot to another. Each task is a job (job.h); an epoll set has the session, the jobs' descriptors and a timer for
 * the earliest of their deadlines.
 *
 * When the session is lost the daemon has given up all its attempts. So the jobs are stopped, and only when none is left does the runner attach
 * again, which it learns from a ping that the daemon is there for.
 *
 * A process has one guard for all its runners: it is renewed when a session comes or goes, so that it has those open that are there. Should the
 * process be killed, the daemon takes the tasks back when their commands are gone.
 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "duration.h"
#include "guard.h"
#include "job.h"
#include "link.h"

enum { EVENTS = 64, CHUNK = 65536 };

struct runner {
    struct runner_spec spec;
    struct job_host host;
    sluice *s; /* the same as the host's */
    int timer;
    int64_t timer_ns; /* what it is set to; INT64_MAX: to nothing */
    sluice_pool pool;
    uint64_t token;
    sluice_future *pull; /* NULL: it takes no more, or the session is gone */
    sluice_future *ping; /* by which it learns that the daemon is there again */
    struct job *jobs;
    uint32_t count;
    bool draining; /* it was told to take no more */
    bool closed;   /* the pool is, and all has finished */
    bool lost;     /* the session is gone, and it has not attached again */
    int code;      /* it cannot go on; 0: it can */
    struct source session, clock, pulled, pinged;
};

/* ---- The guard of all runners of this process. */

static pid_t guard;
static unsigned runners;

static int renew_guard(int64_t grace_ns)
{
    pid_t fresh = guard_renew(guard, grace_ns);
    if (fresh < 0)
        return fail_text(EX_OSERR, "cannot start a process: %s", strerror(errno));
    guard = fresh;
    return 0;
}

/* There is one, whatever happened to it. */
static void check_guard(int64_t grace_ns)
{
    if (guard > 0 && waitpid(guard, NULL, WNOHANG) == guard) {
        guard = 0;
        renew_guard(grace_ns);
    }
}

static void leave_guard(int64_t grace_ns)
{
    if (--runners > 0) {
        renew_guard(grace_ns);
    } else if (guard > 0) {
        guard_end(guard);
        guard = 0;
    }
}

/* ---- Attaching. */

static void report(const struct runner *r, enum runner_event_kind kind)
{
    const struct runner_event event = {.kind = kind};
    if (r->spec.report != NULL)
        r->spec.report(r->spec.with, &event);
}

static bool is_lost(enum sluice_status status)
{
    return status == SLUICE_SESSION_GONE || status == SLUICE_STALE_TOKEN || status == SLUICE_STALE;
}

static void pull(struct runner *r);

/* Nobody waits for what runs any more. */
static void forsake(struct runner *r)
{
    r->lost = true;
    for (struct job *j = r->jobs; j != NULL; j = j->next)
        job_forsake(j, &r->host);
}

/* The session is gone. */
static void lose(struct runner *r)
{
    if (r->lost)
        return;
    report(r, RUNNER_LOST);
    forsake(r);
}

/* It ends, when what runs has been stopped. */
static void give_up(struct runner *r, enum sluice_status status)
{
    r->code = fail(status, r->spec.pool);
    forsake(r);
}

static enum sluice_status open_pool(struct runner *r)
{
    enum sluice_status status = sluice_pool_open(r->s, r->spec.pool, 0, &r->pool);
    if (status == SLUICE_NOT_FOUND && r->spec.make) {
        status = sluice_pool_make(r->s, r->spec.pool, &r->pool);
        if (status == SLUICE_MISMATCH) /* somebody made it meanwhile */
            status = sluice_pool_open(r->s, r->spec.pool, 0, &r->pool);
    }
    return status;
}

static void attach(struct runner *r)
{
    static const char *const commands[] = {""};
    enum sluice_status status = open_pool(r);
    if (status == SLUICE_OK)
        status = sluice_pool_work(r->s, r->pool, r->spec.slots, commands, 1, &r->token);
    if (is_lost(status)) {
        lose(r);
        return;
    }
    if (status != SLUICE_OK) {
        give_up(r, status);
        return;
    }
    r->code = renew_guard(r->spec.grace_ns);
    r->lost = false;
    if (r->code == 0) {
        report(r, RUNNER_ATTACHED);
        pull(r);
    }
}

/* ---- Taking tasks. */

static void pull(struct runner *r)
{
    if (r->draining || r->lost || r->code != 0)
        return;
    enum sluice_status status = sluice_pool_pull_start(r->s, r->pool, r->token, NULL, &r->pull);
    if (status == SLUICE_OK)
        sluice_future_set_data(r->pull, &r->pulled);
    else if (is_lost(status))
        lose(r);
    else
        give_up(r, status);
}

static void begin(struct runner *r, struct sluice_job *pulled)
{
    check_guard(r->spec.grace_ns);
    struct job *j = job_begin(&r->host, pulled);
    if (j == NULL) { /* without memory: the session's end has it begun elsewhere */
        sluice_job_free(pulled);
        r->code = fail_text(EX_OSERR, "out of memory");
        forsake(r);
        return;
    }
    j->next = r->jobs;
    r->jobs = j;
    r->count++;
}

static void take(struct runner *r)
{
    struct sluice_result result = {0};
    enum sluice_status status = sluice_future_finish(r->pull, &result);
    r->pull = NULL;
    if (status == SLUICE_OK) {
        result.job.item = result.item;
        begin(r, &result.job);
        pull(r);
    } else if (status == SLUICE_CLOSED) {
        r->closed = true;
    } else if (is_lost(status)) {
        lose(r);
    } else if (status != SLUICE_CANCELED || !r->draining) {
        give_up(r, status);
    }
}

/* ---- Coming back. */

static void await_daemon(struct runner *r)
{
    if (!r->lost || r->draining || r->code != 0 || r->count > 0 || r->pull != NULL || r->ping != NULL)
        return;
    enum sluice_status status = sluice_ping_start(r->s, &r->ping);
    if (status == SLUICE_OK)
        sluice_future_set_data(r->ping, &r->pinged);
    else
        give_up(r, status);
}

static void daemon_answered(struct runner *r)
{
    enum sluice_status status = sluice_future_finish(r->ping, NULL);
    r->ping = NULL;
    if (status == SLUICE_OK)
        attach(r);
    else if (!is_lost(status))
        give_up(r, status);
}

/* ---- The loop's part. */

static void answer(struct runner *r, sluice_future *f)
{
    struct source *source = sluice_future_data(f);
    if (source->kind == SOURCE_PULL)
        take(r);
    else if (source->kind == SOURCE_PING)
        daemon_answered(r);
    else if (!job_answer(source->job, &r->host, source->kind))
        lose(r);
}

static void take_answers(struct runner *r)
{
    sluice_process(r->s);
    for (sluice_future *f = sluice_next_done(r->s); f != NULL; f = sluice_next_done(r->s))
        answer(r, f);
}

static void take_time(struct runner *r)
{
    uint64_t times;
    if (read(r->timer, &times, sizeof times) == sizeof times)
        r->timer_ns = INT64_MAX;
    for (struct job *j = r->jobs; j != NULL; j = j->next)
        job_tick(j, &r->host);
}

static void reap(struct runner *r)
{
    struct job **at = &r->jobs;
    while (*at != NULL) {
        struct job *j = *at;
        if (!job_over(j)) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        r->count--;
        job_free(j, &r->host);
    }
}

/* The timer follows the earliest deadline. */
static void set_timer(struct runner *r)
{
    int64_t at_ns = INT64_MAX;
    for (const struct job *j = r->jobs; j != NULL; j = j->next)
        at_ns = j->deadline_ns < at_ns ? j->deadline_ns : at_ns;
    if (at_ns == r->timer_ns)
        return;
    struct itimerspec when = {0};
    if (at_ns != INT64_MAX)
        when.it_value = (struct timespec){at_ns / SLUICE_SECOND, at_ns % SLUICE_SECOND};
    timerfd_settime(r->timer, TFD_TIMER_ABSTIME, &when, NULL);
    r->timer_ns = at_ns;
}

static enum runner_state state_of(const struct runner *r)
{
    if (r->count > 0 || r->pull != NULL)
        return RUNNER_RUNNING;
    if (r->code != 0)
        return RUNNER_FAILED;
    return r->draining || r->closed ? RUNNER_DRAINED : RUNNER_RUNNING;
}

/* What has changed takes its course. */
static void settle(struct runner *r)
{
    reap(r);
    await_daemon(r);
    sluice_flush(r->s);
    set_timer(r);
}

enum runner_state runner_step(struct runner *r)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(r->host.stream.epoll, events, EVENTS, 0);
    sluice_task_enter(r->s, 0);
    for (int i = 0; i < count; i++) {
        struct source *source = events[i].data.ptr;
        if (source->kind == SOURCE_SESSION)
            take_answers(r);
        else if (source->kind == SOURCE_TIMER)
            take_time(r);
        else
            job_ready(source->job, &r->host, source->kind);
    }
    settle(r);
    sluice_task_leave(r->s);
    return state_of(r);
}

void runner_drain(struct runner *r)
{
    r->draining = true;
    if (r->pull != NULL)
        sluice_future_cancel(r->pull);
}

void runner_stop(struct runner *r, int signal)
{
    runner_drain(r);
    for (struct job *j = r->jobs; j != NULL; j = j->next)
        job_stop(j, &r->host, signal);
    set_timer(r);
}

int runner_fd(const struct runner *r)
{
    return r->host.stream.epoll;
}

uint32_t runner_busy(const struct runner *r)
{
    return r->count;
}

int runner_code(const struct runner *r)
{
    return r->code;
}

/* ---- Birth and death. */

/* The standard descriptors are there, so that no other is taken for one of them. */
static void fill_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static bool watch_own(struct runner *r)
{
    int epoll = r->host.stream.epoll;
    struct epoll_event session = {.events = EPOLLIN, .data = {.ptr = &r->session}};
    struct epoll_event clock = {.events = EPOLLIN, .data = {.ptr = &r->clock}};
    return epoll >= 0 && r->timer >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, sluice_fd(r->s), &session) == 0 &&
           epoll_ctl(epoll, EPOLL_CTL_ADD, r->timer, &clock) == 0;
}

static enum sluice_status open_session(struct runner *r)
{
    struct sluice_options options = SLUICE_OPTIONS_INIT;
    options.address = r->spec.address;
    options.name = r->spec.name;
    options.connect_timeout_ns = r->spec.patience_ns;
    return sluice_open(&options, &r->s);
}

/* 0, or the exit code with a message said. */
static int start(struct runner *r)
{
    enum sluice_status status = open_session(r);
    if (status != SLUICE_OK)
        return fail(status, NULL);
    r->host.stream.s = r->s;
    r->host.stream.buffer = malloc(CHUNK);
    if (r->host.stream.buffer == NULL || !watch_own(r))
        return fail_text(EX_OSERR, "cannot watch what happens: %s", strerror(errno));
    struct sluice_session session;
    sluice_session_get(r->s, &session);
    r->host.stream.chunk = session.payload_size_max < CHUNK ? (size_t)session.payload_size_max : CHUNK;
    sluice_task_enter(r->s, 0);
    attach(r);
    if (r->code == 0 && r->lost)
        r->code = fail(SLUICE_SESSION_GONE, r->spec.pool);
    settle(r);
    sluice_task_leave(r->s);
    return r->code;
}

int runner_new(const struct runner_spec *spec, struct runner **ret)
{
    fill_descriptors();
    struct runner *r = calloc(1, sizeof *r);
    if (r == NULL)
        return fail_text(EX_OSERR, "out of memory");
    r->spec = *spec;
    r->host.spec = &r->spec;
    r->timer_ns = INT64_MAX;
    r->session.kind = SOURCE_SESSION;
    r->clock.kind = SOURCE_TIMER;
    r->pulled.kind = SOURCE_PULL;
    r->pinged.kind = SOURCE_PING;
    r->host.stream.epoll = epoll_create1(EPOLL_CLOEXEC);
    r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would leave no exit codes */
    runners++;
    int code = start(r);
    if (code != 0)
        runner_free(r);
    else
        *ret = r;
    return code;
}

struct runner *runner_free(struct runner *r)
{
    if (r == NULL)
        return NULL;
    for (struct job *next, *j = r->jobs; j != NULL; j = next) {
        next = j->next;
        job_free(j, &r->host);
    }
    sluice_close(r->s);
    if (r->timer >= 0)
        close(r->timer);
    if (r->host.stream.epoll >= 0)
        close(r->host.stream.epoll);
    leave_guard(r->spec.grace_ns);
    free(r->host.stream.buffer);
    free(r);
    return NULL;
}

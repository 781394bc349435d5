/*
 * job.c - one attempt of a task: see job.h.
 *
 * The end of a command has three parts: its process ends, both outputs end, and the daemon is told. A process it left behind may hold an
 * output open: it may do so for the grace, then what lies in the pipe is the last, and a command that ended well has failed all the same, as in Go. Who was told to stop is killed after the grace, and what is
 * left of its group at the end; who ends by itself leaves behind what it likes.
 *
 * The process is reaped when all is over: until then the number of its group cannot be another's, and can be sent signals.
 *
 * An attempt has one request parked, which hears what the task is told. It ends with the attempt.
 */
#include "job.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "duration.h"

/* ---- Saying so. */

static struct runner_event event_of(const struct job *j, enum runner_event_kind kind)
{
    return (struct runner_event){
        .kind = kind,
        .number = j->number,
        .attempt = j->attempt,
        .argv = j->command != NULL ? j->command->argv : NULL,
        .process = j->process.pid,
    };
}

static void report(const struct job_host *host, const struct runner_event *event)
{
    if (host->spec->report != NULL)
        host->spec->report(host->spec->with, event);
}

static void report_remark(const struct job *j, const struct job_host *host, const char *text)
{
    struct runner_event event = event_of(j, RUNNER_REMARK);
    event.text = text;
    report(host, &event);
}

/* ---- The end. */

static sluice_task task_of(const struct job *j)
{
    return sluice_task_numbered(j->number);
}

static void start_end(struct job *j, const struct job_host *host)
{
    struct sluice_command_result result = SLUICE_COMMAND_RESULT_INIT;
    struct sluice_item item = {.value = sluice_none()};
    result.exit = j->code > 0 ? j->code : 0;
    result.signal = j->code < 0 ? -j->code : 0;
    result.out = stream_output(&j->out);
    result.err = stream_output(&j->err);
    result.error = j->error;
    if (!j->bare && sluice_command_result_encode(&result, &item) != SLUICE_OK)
        item.value = sluice_none();
    if (sluice_task_end_start(host->stream.s, task_of(j), j->token, j->code != 0 || j->cut_off, item.value,
                              &j->code, &j->end) == SLUICE_OK)
        sluice_future_set_data(j->end, &j->sources[SOURCE_END]);
    else
        j->ended = true;
    sluice_item_free(&item);
}

/* Kills what a stopped command left behind. Another process may have copies of descriptors for a moment, so that they leave the epoll set by
 * name. */
static void release_process(struct job *j, const struct job_host *host)
{
    if (j->process.pid > 0 && j->stopping)
        process_signal(&j->process, SIGKILL);
    epoll_ctl(host->stream.epoll, EPOLL_CTL_DEL, j->process.fd, NULL);
    epoll_ctl(host->stream.epoll, EPOLL_CTL_DEL, j->process.input, NULL);
    process_done(&j->process);
}

/* All three parts are there, or none was begun. */
static void finish(struct job *j, const struct job_host *host)
{
    struct runner_event event = event_of(j, RUNNER_ENDED);
    event.failed = j->code != 0 || j->cut_off;
    event.exit = j->code;
    event.text = j->error;
    release_process(j, host);
    j->deadline_ns = INT64_MAX;
    report(host, &event);
    if (j->forsaken)
        j->ended = true;
    else
        start_end(j, host);
}

static void check_end(struct job *j, const struct job_host *host)
{
    if (!j->running && j->process.pid > 0 && stream_ended(&j->out) && stream_ended(&j->err))
        finish(j, host);
}

bool job_over(const struct job *j)
{
    return j->ended && j->watch == NULL && j->end == NULL;
}

/* ---- Beginning. */

static void hear(struct job *j, const struct job_host *host)
{
    if (sluice_task_watch_start(host->stream.s, task_of(j), j->token, NULL, &j->watch) == SLUICE_OK)
        sluice_future_set_data(j->watch, &j->sources[SOURCE_WATCH]);
    else
        job_stop(j, host, SIGTERM); /* nobody could stop it later */
}

static bool watch_fd(struct job *j, const struct job_host *host, int fd, uint32_t events,
                     enum source_kind kind)
{
    struct epoll_event e = {.events = events, .data = {.ptr = &j->sources[kind]}};
    return epoll_ctl(host->stream.epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* Everything of the process is watched; false: it cannot be. The outputs are the streams' then. */
static bool watch_process(struct job *j, const struct job_host *host)
{
    struct process *p = &j->process;
    int out = p->out, err = p->err;
    p->out = p->err = -1;
    bool good = stream_open(&j->out, &host->stream, out, j->command->out_channel, &j->sources[SOURCE_OUT],
                            &j->sources[SOURCE_SENT_OUT]) == 0;
    good &= stream_open(&j->err, &host->stream, err, j->command->err_channel, &j->sources[SOURCE_ERR],
                        &j->sources[SOURCE_SENT_ERR]) == 0;
    good = good && watch_fd(j, host, p->fd, EPOLLIN, SOURCE_PROCESS);
    return good && (p->input < 0 || watch_fd(j, host, p->input, EPOLLOUT, SOURCE_INPUT));
}

static void start_command(struct job *j, const struct job_host *host)
{
    char token[24], attempt[16], number[24];
    snprintf(token, sizeof token, "%" PRIu64, j->token);
    snprintf(attempt, sizeof attempt, "%" PRIu32, j->attempt);
    snprintf(number, sizeof number, "%" PRIu64, j->number);
    const struct sluice_variable variables[] = {
        {"SLUICE_TASK", token},
        {"SLUICE_ATTEMPT", attempt},
        {"SLUICE_TASK_NUMBER", number},
        {"SLUICE_ADDR", host->spec->address},
    };
    const struct environment_part more = {variables, host->spec->address != NULL ? 4 : 3};
    j->code = process_start(&j->process, j->command, &more, &j->error);
    if (j->code == 0 && !watch_process(j, host)) {
        j->stopping = true;
        release_process(j, host);
        j->code = 126;
        j->error = strdup("its descriptors cannot be watched");
    }
    j->running = j->code == 0;
}

struct job *job_begin(const struct job_host *host, struct sluice_job *pulled)
{
    struct job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return NULL;
    j->number = pulled->number;
    j->token = pulled->token;
    j->attempt = pulled->deliveries;
    j->deadline_ns = INT64_MAX;
    j->out.fd = j->err.fd = -1;
    j->process = (struct process){.fd = -1, .input = -1, .out = -1, .err = -1};
    for (size_t i = 0; i < SOURCES; i++)
        j->sources[i] = (struct source){(enum source_kind)i, j};
    if (sluice_command_decode(&pulled->item.value, &j->command) == SLUICE_OK) {
        start_command(j, host);
    } else {
        j->code = 126;
        j->error = strdup(sluice_errmsg());
    }
    sluice_job_free(pulled);
    if (j->running) {
        struct runner_event event = event_of(j, RUNNER_BEGAN);
        report(host, &event);
        hear(j, host);
    } else {
        finish(j, host);
    }
    return j;
}

/* ---- Stopping. */

static int64_t grace_of(const struct job *j, const struct job_host *host)
{
    return j->command != NULL && j->command->grace_ns >= 0 ? j->command->grace_ns : host->spec->grace_ns;
}

/* The deadline is so far away at most. */
static void bound(struct job *j, int64_t duration_ns)
{
    int64_t now_ns = monotonic_now();
    int64_t at_ns = duration_ns > INT64_MAX - 1 - now_ns ? INT64_MAX - 1 : now_ns + duration_ns;
    if (at_ns < j->deadline_ns)
        j->deadline_ns = at_ns;
}

void job_stop(struct job *j, const struct job_host *host, int signal)
{
    if (j->process.pid == 0)
        return;
    if (j->stopping || signal == SIGKILL || grace_of(j, host) == 0) {
        process_signal(&j->process, SIGKILL);
        bound(j, 0);
    } else {
        process_signal(&j->process, signal);
        process_signal(&j->process, SIGCONT); /* a stopped one could not end */
        bound(j, grace_of(j, host));
    }
    j->stopping = true;
}

void job_forsake(struct job *j, const struct job_host *host)
{
    if (j->forsaken)
        return;
    j->forsaken = true;
    if (!j->stopping)
        job_stop(j, host, SIGTERM);
}

void job_tick(struct job *j, const struct job_host *host)
{
    if (j->process.pid == 0 || j->deadline_ns > monotonic_now())
        return;
    j->deadline_ns = INT64_MAX;
    if (j->stopping)
        process_signal(&j->process, SIGKILL);
    if (j->running)
        return; /* its end sets the next deadline */
    if (j->code == 0 && !j->stopping && j->error == NULL) {
        j->cut_off = true;
        j->error = strdup(
            "exec: WaitDelay expired before I/O complete: what it left behind holds its output open; redirect that");
    }
    stream_cut(&j->out, &host->stream, j->stopping);
    stream_cut(&j->err, &host->stream, j->stopping);
    check_end(j, host);
}

/* ---- What happens. */

/* Feeds its stdin as far as it takes it. A reader that wants no more is no error. */
static void feed(struct job *j, const struct job_host *host)
{
    struct process *p = &j->process;
    const struct sluice_blob *input = &j->command->input;
    sigset_t only, old;
    const struct timespec at_once = {0, 0};
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    sigprocmask(SIG_BLOCK, &only, &old);
    ssize_t put = write(p->input, (const char *)input->data + j->fed, input->size - j->fed);
    bool over = put < 0 && errno != EAGAIN && errno != EINTR;
    if (put < 0 && errno == EPIPE)
        sigtimedwait(&only, NULL, &at_once);
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (put > 0)
        j->fed += (size_t)put;
    if (!over && j->fed < input->size)
        return;
    epoll_ctl(host->stream.epoll, EPOLL_CTL_DEL, p->input, NULL);
    close(p->input);
    p->input = -1;
}

static void process_ended(struct job *j, const struct job_host *host)
{
    struct process *p = &j->process;
    j->running = false;
    j->code = process_status(p);
    epoll_ctl(host->stream.epoll, EPOLL_CTL_DEL, p->fd, NULL);
    if (!stream_ended(&j->out) || !stream_ended(&j->err))
        bound(j, grace_of(j, host));
}

void job_ready(struct job *j, const struct job_host *host, enum source_kind kind)
{
    if (j->process.pid == 0)
        return;
    if (kind == SOURCE_PROCESS && j->running)
        process_ended(j, host);
    else if (kind == SOURCE_INPUT && j->process.input >= 0)
        feed(j, host);
    else if (kind == SOURCE_OUT)
        stream_read(&j->out, &host->stream);
    else if (kind == SOURCE_ERR)
        stream_read(&j->err, &host->stream);
    check_end(j, host);
}

static bool is_lost(enum sluice_status status)
{
    return status == SLUICE_SESSION_GONE || status == SLUICE_STALE || status == SLUICE_UNAVAILABLE;
}

/* What the task was told. */
static bool heard(struct job *j, const struct job_host *host)
{
    struct sluice_result r = {0};
    enum sluice_status status = sluice_future_finish(j->watch, &r);
    j->watch = NULL;
    if (status == SLUICE_OK) {
        struct runner_event event = event_of(j, RUNNER_TOLD);
        event.signal = (int)r.number;
        event.text = r.ending.cause;
        report(host, &event);
        if (r.number == 0)
            job_stop(j, host, SIGTERM);
        else if (j->process.pid > 0)
            process_signal(&j->process, (int)r.number);
        sluice_ending_free(&r.ending);
        hear(j, host);
    } else if (status == SLUICE_STALE_TOKEN) {
        job_stop(j, host, SIGTERM); /* unless it has ended, another has the task */
    }
    return !is_lost(status);
}

static void sent(struct job *j, const struct job_host *host, struct stream *st, const char *name)
{
    enum sluice_status status = stream_sent(st, &host->stream);
    if (status != SLUICE_OK && !j->stopping) {
        char text[512];
        snprintf(text, sizeof text, "%s: %s; no more output is sent there", name, sluice_errmsg());
        report_remark(j, host, text);
    }
    check_end(j, host);
}

static bool told_end(struct job *j, const struct job_host *host)
{
    enum sluice_status status = sluice_future_finish(j->end, NULL);
    j->end = NULL;
    j->ended = true;
    if (status == SLUICE_OK || status == SLUICE_STALE_TOKEN || is_lost(status))
        return !is_lost(status);
    report_remark(j, host, sluice_errmsg());
    if (!j->bare) {
        j->bare = true;
        j->ended = false;
        start_end(j, host);
    }
    return true;
}

bool job_answer(struct job *j, const struct job_host *host, enum source_kind kind)
{
    switch (kind) {
    case SOURCE_WATCH: return heard(j, host);
    case SOURCE_END: return told_end(j, host);
    case SOURCE_SENT_OUT: sent(j, host, &j->out, j->command->out_channel); return true;
    case SOURCE_SENT_ERR: sent(j, host, &j->err, j->command->err_channel); return true;
    case SOURCE_SESSION:
    case SOURCE_TIMER:
    case SOURCE_PULL:
    case SOURCE_PING:
    case SOURCE_PROCESS:
    case SOURCE_INPUT:
    case SOURCE_OUT:
    case SOURCE_ERR:
    case SOURCES:
    default: assert(!"no answer to a job"); return true;
    }
}

struct job *job_free(struct job *j, const struct job_host *host)
{
    if (j == NULL)
        return NULL;
    j->stopping = true;
    release_process(j, host);
    stream_free(&j->out, &host->stream);
    stream_free(&j->err, &host->stream);
    j->command = sluice_command_free(j->command);
    free(j->error);
    free(j);
    return NULL;
}

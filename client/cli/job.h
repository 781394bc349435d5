/*
 * job.h - one attempt of a task: its command, from the moment it was taken to the moment its end is told.
 *
 * The runner (runner.h) has the jobs and tells each what happens to it: job_ready for a descriptor, job_answer for a future, job_tick
 * when its time has come. A job whose job_over is true has nothing left, and is given to job_free.
 */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "process.h"
#include "runner.h"
#include "stream.h"

/* What happened. A source stands in the epoll set and with the futures; those of a runner itself have no job. */
enum source_kind {
    SOURCE_SESSION,
    SOURCE_TIMER,
    SOURCE_PULL,
    SOURCE_PING,
    SOURCE_PROCESS,
    SOURCE_INPUT,
    SOURCE_OUT,
    SOURCE_ERR,
    SOURCE_SENT_OUT,
    SOURCE_SENT_ERR,
    SOURCE_WATCH,
    SOURCE_END,
    SOURCES
};
struct job;
struct source {
    enum source_kind kind;
    struct job *job;
};

/* What the jobs of a runner share. */
struct job_host {
    struct stream_host stream; /* the session, the epoll set */
    const struct runner_spec *spec;
};

struct job {
    struct job *next;
    uint64_t number, token;
    uint32_t attempt;
    struct sluice_command *command; /* NULL: it was none */
    struct process process;
    bool running;  /* the process has not ended */
    bool stopping; /* it was told to end */
    bool forsaken; /* nobody waits for its end: the session is gone */
    bool ended;    /* its end was told, or will not be */
    bool bare;     /* without a value, which the daemon has refused */
    int code;      /* the exit code, or minus the signal */
    bool cut_off;  /* it ended well, and an output was held open by others beyond the grace */
    char *error;   /* why it was not begun, or was cut off; NULL: neither */
    size_t fed;    /* bytes of its input */
    struct stream out, err;
    int64_t deadline_ns; /* on the monotonic clock: when what shall end is ended by force; INT64_MAX: never */
    sluice_future *watch, *end;
    struct source sources[SOURCES];
};

/* Begins what was pulled, which is emptied. NULL: out of memory. */
struct job *job_begin(const struct job_host *host, struct sluice_job *pulled);
/* One of its descriptors is ready. */
void job_ready(struct job *j, const struct job_host *host, enum source_kind kind);
/* One of its futures is done. False: the session is gone. */
bool job_answer(struct job *j, const struct job_host *host, enum source_kind kind);
/* Now is its deadline, or later. */
void job_tick(struct job *j, const struct job_host *host);
/* Ends its group: by this signal, after the grace by SIGKILL; by that at once when it is told so a second time. */
void job_stop(struct job *j, const struct job_host *host, int signal);
/* The session is gone, and the attempt with it. */
void job_forsake(struct job *j, const struct job_host *host);
bool job_over(const struct job *j);
/* Kills what still runs. Returns NULL. */
struct job *job_free(struct job *j, const struct job_host *host);

#endif

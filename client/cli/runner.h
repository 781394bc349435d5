/*
 * runner.h - a worker of a pool: takes its command tasks and runs them in children of this process.
 *
 * One runner is one session of its own with so many slots. All its descriptors stand behind one, so that any event loop can carry any
 * number of runners: watch runner_fd for reading, and call runner_step when it is readable. Nothing here blocks for longer than a
 * round trip to the daemon, and there are no threads.
 *
 *   struct runner_spec spec = RUNNER_SPEC_INIT("build", 4);
 *   struct runner *r;
 *   int code = runner_new(&spec, &r);
 *   while (code == 0 && runner_step(r) == RUNNER_RUNNING)
 *       poll(&(struct pollfd){runner_fd(r), POLLIN, 0}, 1, -1);
 *   runner_free(r);
 *
 * What the daemon was asked in the name of a task (SLUICE_TASK) is another connection's: a runner's own requests are in nobody's.
 */
#ifndef CLI_RUNNER_H
#define CLI_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice.h"

/* What happened, for those who want to say so. Texts are valid during the call. */
enum runner_event_kind {
    RUNNER_ATTACHED, /* it serves the pool, for the first time or again */
    RUNNER_LOST, /* the session is gone: what ran is stopped, and it attaches again when the daemon is there */
    RUNNER_BEGAN, /* a task's command: number, attempt, argv, process */
    RUNNER_TOLD,  /* a task was told to stop (signal 0, text: why, or NULL) or sent a signal */
    RUNNER_ENDED, /* a task's attempt: number, attempt, failed, exit; text: why the command was not begun, else NULL */
    RUNNER_REMARK, /* something a person should know of a task: text */
};
struct runner_event {
    enum runner_event_kind kind;
    uint64_t number; /* the task's; 0: it is about the worker */
    uint32_t attempt;
    const char *const *argv; /* NULL: it was no command */
    int process;             /* its pid, which is its group's number too */
    bool failed;
    int exit; /* the exit code, or minus the signal that ended it. Not begun: 127 (no such program) or 126 */
    int signal;
    const char *text;
};

struct runner_spec {
    const char *
        address; /* of the daemon, as for sluice_open; also what the commands find in SLUICE_ADDR, unless NULL */
    const char *name; /* of the program, for listings */
    const char *pool; /* its name */
    bool make;        /* the pool is made when there is none, also after the daemon has been started anew */
    uint32_t slots;   /* 1..2^20 */
    int64_t
        grace_ns; /* a command that shall stop gets SIGTERM, and SIGKILL so much later, unless it says otherwise itself.
                                * What it leaves behind may hold its output open for as long, once it has ended */
    int64_t
        patience_ns; /* how long a daemon that cannot be reached may come back; 0: the library's five seconds */
    void (*report)(void *with,
                   const struct runner_event *event); /* NULL: nobody is told. Must not call the runner */
    void *with;
};
#define RUNNER_SPEC_INIT(POOL, SLOTS)                                                 \
    {                                                                                 \
        .pool = (POOL), .make = true, .slots = (SLOTS), .grace_ns = 5 * SLUICE_SECOND \
    }

struct runner;

enum runner_state {
    RUNNER_RUNNING,
    RUNNER_DRAINED, /* it has nothing more to do: the pool is closed and all has finished, or it was told to take no more */
    RUNNER_FAILED, /* it cannot go on, has said why, and nothing runs any more; runner_code has the exit code */
};

/* Connects and attaches. The spec is copied, its texts are borrowed as long as the runner lives. 0; or the exit code, after it has
 * said why on stderr. */
int runner_new(const struct runner_spec *spec, struct runner **ret);
/* Readable: runner_step has something to do. The runner's own. */
int runner_fd(const struct runner *r);
/* Does what there is to do, without waiting. Not RUNNER_RUNNING: it is over, and runner_free is all that is left. */
enum runner_state runner_step(struct runner *r);
/* Commands that run now, those included that have ended and whose output or end is still on its way. */
uint32_t runner_busy(const struct runner *r);
/* Takes no more. What runs goes on; a task that was already on its way is run. May be called again. */
void runner_drain(struct runner *r);
/* Drains, and sends this signal to all that run; SIGKILL follows after the grace. What is stopped so has failed (and is begun again
 * by another, if it has retries). SIGKILL: at once. */
void runner_stop(struct runner *r, int signal);
/* Of RUNNER_FAILED; else 0. */
int runner_code(const struct runner *r);
/* Ends the session. What still runs is killed, and the daemon begins it elsewhere. NULL is fine; returns NULL. */
struct runner *runner_free(struct runner *r);

#endif

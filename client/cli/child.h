/*
 * child.h - a command that runs while this process holds something for it.
 *
 * The command runs in a process group of its own, with the default signals, the standard descriptors and no others. On a terminal it is in the
 * foreground, so that Ctrl-C reaches it. It is told to end when this process dies.
 *
 * The owner calls child_start, then child_next until it says CHILD_ENDED, then child_done.
 */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum child_event {
    CHILD_ENDED,    /* it has; child.code says how */
    CHILD_SIGNALED, /* this process was sent a signal: child.signal */
    CHILD_READABLE, /* the descriptor that was watched is readable */
    CHILD_TIME,     /* the time has come */
};

struct child {
    pid_t pid;        /* and its group */
    int signals;      /* signalfd */
    int input;        /* what feeds its stdin; -1: none, or all was taken */
    const char *data; /* what is still to be fed: borrowed */
    size_t size;
    int to, from;  /* the other ends of a piped one's stdin and stdout, non-blocking; -1: none */
    int terminal;  /* the terminal it was given, or -1 */
    pid_t guard;   /* who ends it should this process be killed; 0: nobody */
    sigset_t mask; /* as it was */
    int64_t kill_after_ns;
    int64_t kill_at_ns; /* on the monotonic clock: when SIGKILL follows; INT64_MAX: not */
    int signal;         /* of CHILD_SIGNALED */
    int code;           /* of CHILD_ENDED: its exit code, 128 + n when signal n ended it */
    bool killed;        /* of CHILD_ENDED: a signal ended it */
    bool stopping;      /* child_stop was called */
};

/* What a command is given. */
struct child_spec {
    bool has_input; /* data is its stdin; borrowed until the command has ended */
    const void *data;
    size_t size;
    int output;            /* its stdout; -1: ours */
    bool piped;            /* its stdin and stdout are pipes: child.to and child.from */
    int64_t kill_after_ns; /* between SIGTERM and SIGKILL */
    bool
        guarded; /* should this process be killed, what is open here stays open until the whole group is gone */
    const sigset_t *signals; /* further ones that are CHILD_SIGNALED; NULL: none */
    bool in_background;      /* the terminal stays ours, with its Ctrl-C */
};

/* Runs the command. With has_input, data of this size is its stdin; it is borrowed until the command has ended. kill_after_ns: between
 * SIGTERM and SIGKILL. 0, or the exit code with a message said: 127 not found, 126 not runnable. */
int child_start(struct child *c, char **command, bool has_input, const void *data, size_t size,
                int64_t kill_after_ns);
/* The same with all that can be said. */
int child_start_with(struct child *c, char **command, const struct child_spec *spec);
/* Waits for the next thing to happen; fd -1: none is watched; at_ns on the monotonic clock, INT64_MAX: never. */
enum child_event child_next(struct child *c, int fd, int64_t at_ns);
/* Writes to the stdin of a piped one: how much it took, which may be nothing now; -1: it takes no more. */
ssize_t child_write(const struct child *c, const void *data, size_t size);
/* The end of that stdin. */
void child_close_stdin(struct child *c);
/* Sends its group a signal. */
void child_signal(const struct child *c, int number);
/* Asks its group to end: SIGTERM now, SIGKILL later. The second time: SIGKILL now. */
void child_stop(struct child *c);
/* Reaps it, and takes the terminal and the signals back. kill_rest: what is left of the group is killed. */
void child_done(struct child *c, bool kill_rest);

#endif

/*
 * hold.h - what a token holds, kept for a command or for another process.
 *
 * A verb gets a grant, and then either runs a command under it (hold_run) and gives it back, or leaves it with a process that lives on
 * (hold_leave). HOLD_OPTIONS are the options this takes; hold_option reads them.
 */
#ifndef CLI_HOLD_H
#define CLI_HOLD_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "args.h"

struct hold {
    const char *name;
    const char *what; /* "lock", for messages */
    enum sluice_kind kind;
    sluice_ref ref;
    bool shared; /* RWMUTEX */
    struct sluice_grant grant;
    const struct hold
        *next; /* what was had along with it, in one step; NULL: no more. At most HOLDS_MAX in all */
};
enum { HOLDS_MAX = 64 };

/* What was asked for. */
struct hold_options {
    int64_t ttl_ns; /* 0: none */
    int64_t kill_after_ns, grace_ns;
    int32_t for_pid; /* 0: none */
};
extern struct hold_options hold_options;

enum { KEY_HOLD_TTL = 0x800, KEY_HOLD_KILL_AFTER, KEY_HOLD_GRACE, KEY_HOLD_FOR_PID };
#define HOLD_COMMAND_OPTIONS                                                                                          \
    {"ttl",                                                                                                           \
     KEY_HOLD_TTL,                                                                                                    \
     "DUR",                                                                                                           \
     0,                                                                                                               \
     "The daemon passes it on after DUR unless it is prolonged, which happens while the command runs",                \
     2},                                                                                                              \
        {"kill-after",                                                                                                \
         KEY_HOLD_KILL_AFTER,                                                                                         \
         "DUR",                                                                                                       \
         0,                                                                                                           \
         "A command that must end gets SIGTERM, and SIGKILL so much later (default: 5s)",                             \
         2},                                                                                                          \
    {                                                                                                                 \
        "grace", KEY_HOLD_GRACE, "DUR", 0,                                                                            \
            "How long a daemon that cannot be reached may come back, where the session can be resumed (default: 2s)", \
            2                                                                                                         \
    }
#define HOLD_PID_OPTION                                                                    \
    {                                                                                      \
        "hold-for-pid", KEY_HOLD_FOR_PID, "PID", 0,                                        \
            "Run nothing: it is held until this process dies, and the token is printed", 2 \
    }
bool hold_option(int key, char *arg, struct argp_state *state);
/* A command or --hold-for-pid, and not both. */
void hold_check(const struct args *args, struct argp_state *state);

/* What became of a command. */
struct hold_end {
    int code;     /* the exit code */
    bool started; /* it was */
    bool killed;  /* a signal ended it, or nobody knows what did */
    bool lost;    /* what was held was lost, and so the command was stopped */
};
/* What this process does with a command that runs under something: it talks to it through its stdin and stdout, say. Each function is given the work
 * itself. */
struct child;
struct hold_work {
    int fd;              /* readable when there is something to do, the session's descriptor included */
    int64_t at_ns;       /* and from then on, on the monotonic clock; INT64_MAX: never */
    bool lost;           /* set here: what was held is */
    struct child *child; /* set here */
    void (*begin)(struct hold_work *work); /* the command, piped, runs */
    void (*step)(struct hold_work *work);  /* after whatever happened, and once when it has ended */
    bool (*signaled)(struct hold_work *work, int number); /* false: the command gets it */
};
/* Runs a command under h, which is then still held unless it was lost. output: its stdout, -1: ours. */
struct hold_end hold_run(sluice *s, const struct hold *h, char **command, int output);
/* The same with work. */
struct hold_end hold_run_work(sluice *s, const struct hold *h, char **command, struct hold_work *work);
/* Runs the command, or leaves h with the process of --hold-for-pid; else gives it back. The exit code. */
int hold_serve(const struct args *args, sluice *s, const struct hold *h);
/* Gives back what the token holds, of h alone. */
enum sluice_status hold_give_back(sluice *s, const struct hold *h);
/* Leaves it, and what was had along with it, with a process. 0, or the exit code with a message said, and all was given back. */
int hold_leave(sluice *s, const struct hold *h, int32_t pid);

#endif

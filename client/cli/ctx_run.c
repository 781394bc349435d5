/*
 * ctx_run.c - sluice ctx run: a command that ends with its context.
 *
 * The context belongs to this process's session, so it is cancelled, with the cause "owner died", when this process dies in any
 * way; the command finds its name in SLUICE_CTX, and every sluice it runs waits no longer than that. The end of the context is
 * watched as one more thing to wait for: it stops the command's whole process group, first by SIGTERM, then by SIGKILL.
 *
 * A signal to this process that --signals names cancels the context; any other is passed on to the group. When the daemon cannot
 * be reached any more the command is stopped as well: nobody would tell it of the end.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "link.h"
#include "trigger.h"
#include "verb.h"

static struct {
    bool has_timeout;
    int64_t timeout_ns, kill_after_ns;
    const char *cause;
    sigset_t signals;
} options = {.kill_after_ns = 5 * SLUICE_SECOND};

enum { KEY_WITHIN = 0x100, KEY_CAUSE, KEY_SIGNALS, KEY_KILL_AFTER };

static const struct {
    const char *name;
    int number;
} signals[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},
               {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};

/* INT,TERM or SIGINT,SIGTERM. */
static void take_signals(struct argp_state *state, char *list)
{
    for (char *word = strsep(&list, ","); word != NULL; word = strsep(&list, ",")) {
        const char *name = strncmp(word, "SIG", 3) == 0 ? word + 3 : word;
        int number = 0;
        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
            if (strcmp(signals[i].name, name) == 0)
                number = signals[i].number;
        if (number == 0)
            argp_error(state, "--signals: '%s' is none of HUP INT QUIT TERM USR1 USR2", word);
        sigaddset(&options.signals, number);
    }
}

static bool run_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_WITHIN:
        options.has_timeout = true;
        options.timeout_ns = args_duration(state, "--timeout", arg);
        return true;
    case KEY_CAUSE: options.cause = arg; return true;
    case KEY_SIGNALS: take_signals(state, arg); return true;
    case KEY_KILL_AFTER:
        options.kill_after_ns = args_duration(state, "--kill-after", arg);
        if (options.kill_after_ns < 0)
            argp_error(state, "--kill-after: %s is not a time to come", arg);
        return true;
    default: return false;
    }
}

/* Makes the command's context, of this session, and tells the command of it. 0, or the exit code. */
static int make_context(const struct args *args, sluice *s, sluice_ctx *ret)
{
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    spec.has_parent = args->parent != NULL;
    if (spec.has_parent)
        spec.parent = sluice_ctx_named(args->parent);
    spec.cancelable = true;
    spec.has_timeout = options.has_timeout;
    spec.timeout_ns = options.timeout_ns;
    spec.cause = options.cause;
    char *name = args->name == NULL ? name_generate("ctx") : strdup(args->name);
    struct sluice_make how = SLUICE_MAKE_INIT;
    how.name = name;
    how.exclusive = true;
    how.lifetime = SLUICE_EPHEMERAL;
    enum sluice_status status = sluice_ctx_make_with(s, &how, &spec, ret, NULL);
    if (status == SLUICE_OK)
        setenv("SLUICE_CTX", name, 1);
    int code = fail(status, status == SLUICE_NOT_FOUND ? args->parent : name);
    free(name);
    return code;
}

struct running {
    sluice *s;
    sluice_ctx ctx;
    struct child child;
    sluice_future *end; /* of the context; NULL: it has come */
    int code;           /* why the command was stopped; 0: it was not */
};

/* The context has ended, or the daemon is gone: the command ends too. */
static void stop(struct running *r, enum sluice_status status)
{
    enum sluice_status error = SLUICE_OK;
    char *cause = NULL;
    if (status == SLUICE_CLOSED)
        status = sluice_ctx_err(r->s, r->ctx, &error);
    if (status == SLUICE_OK)
        status = sluice_ctx_cause(r->s, r->ctx, &cause);
    if (status == SLUICE_OK) {
        const char *text = sluice_strstatus(error);
        bool own = cause != NULL && strcmp(cause, text) != 0;
        remark("%s%s%s", text, own ? ": " : "", own ? cause : "");
        r->code = sluice_exit_code(error);
    } else {
        r->code = fail(status, "the command's context");
    }
    sluice_free(cause);
    child_stop(&r->child);
}

static void on_readable(struct running *r)
{
    sluice_process(r->s);
    if (r->end != NULL && sluice_future_done(r->end)) {
        enum sluice_status status = sluice_future_finish(r->end, NULL);
        r->end = NULL;
        stop(r, status);
    }
}

static void on_signal(struct running *r)
{
    int number = r->child.signal;
    if (!sigismember(&options.signals, number) || r->end == NULL) {
        child_signal(&r->child, number);
        return;
    }
    char cause[64];
    snprintf(cause, sizeof cause, "%s signal received", sigdescr_np(number));
    enum sluice_status status = sluice_ctx_cancel(r->s, r->ctx, cause);
    if (status != SLUICE_OK)
        stop(r, status);
    else
        on_readable(r); /* the reply may have brought the end along */
}

static int run_command(struct running *r)
{
    sluice_task_enter(r->s, 0); /* in nobody's name: the task this may run in does not wait */
    enum sluice_status status = sluice_recv_start(r->s, sluice_chan_of(r->ctx.ref), 0, NULL, &r->end);
    sluice_task_leave(r->s);
    if (status == SLUICE_OK)
        status = sluice_flush(r->s);
    if (status != SLUICE_OK)
        stop(r, status);
    for (;;) {
        int fd = r->end == NULL ? -1 : sluice_fd(r->s);
        switch (child_next(&r->child, fd, INT64_MAX)) {
        case CHILD_READABLE: on_readable(r); break;
        case CHILD_SIGNALED: on_signal(r); break;
        case CHILD_TIME: break;
        case CHILD_ENDED:
            if (r->end != NULL) {
                sluice_future_cancel(r->end);
                sluice_future_finish(r->end, NULL);
            }
            return r->code != 0 ? r->code : r->child.code;
        }
    }
}

static int run_run(struct args *args, sluice *s)
{
    struct running r = {.s = s};
    int code = make_context(args, s, &r.ctx);
    enum sluice_status error = SLUICE_OK;
    if (code == 0)
        code = fail(sluice_ctx_err(s, r.ctx, &error), NULL);
    if (code == 0 && error != SLUICE_OK) /* as Go's Cmd.Start: nothing is started */
        code = fail_text(sluice_exit_code(error), "%s", sluice_strstatus(error));
    if (code == 0)
        code = child_start(&r.child, args->words, false, NULL, 0, options.kill_after_ns);
    if (code != 0)
        return code;
    code = run_command(&r);
    child_done(&r.child, r.code != 0);
    return code;
}

static const struct argp_option run_options[] = {
    {"timeout", KEY_WITHIN, "DUR", 0, "The context ends so long from now", 1},
    {"cause", KEY_CAUSE, "TEXT", 0, "What that end gives as its cause", 1},
    {"signals", KEY_SIGNALS, "SIG,...", 0, "These signals cancel the context: HUP INT QUIT TERM USR1 USR2",
     1},
    {"kill-after", KEY_KILL_AFTER, "DUR", 0, "From SIGTERM to SIGKILL (default: 5s)", 1},
    {0},
};

const struct verb verb_ctx_run = {
    .name = "ctx run",
    .words = "[--] CMD [ARG...]",
    .help = "Run a command that ends with a context of its own",
    .text =
        "The command has a process group of its own and finds the context's name in SLUICE_CTX. When the context ends, by --timeout, `ctx cancel`, its parent or a signal of --signals, "
        "the group gets SIGTERM, and SIGKILL after --kill-after. Other signals are passed on to the group. On a terminal the command is in the foreground, and Ctrl-C reaches it; in a pipeline the terminal is the other commands' as well, so it cannot read it.\n\n"
        "Exit code: the command's own, 128 + n when signal n ended it; 124 or 125 when the context did; 127 not found, 126 not runnable.\n\n"
        "Example:\n"
        "  sluice ctx run --timeout 5s --signals INT,TERM -- make test",
    .takes = TAKES_CONTEXT | TAKES_NAME | IN_ORDER,
    .words_min = 1,
    .words_max = -1,
    .options = run_options,
    .option = run_option,
    .run = run_run,
};

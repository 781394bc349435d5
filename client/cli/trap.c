/*
 * trap.c - sluice trap: signals become items of a channel.
 *
 * Go's signal.Notify for the shell. Whoever signals this process has an item sent, and whoever receives from the channel acts
 * on it, in any process. As in Go a send never waits: a channel that cannot take the item at once loses it, and that is counted. The
 * same holds when more than FLYING_MAX sends have not been answered: a signal never waits for the daemon either.
 *
 * With a command this process stands before it: signals that are named are for the channel, all others for the command (child.h). On a
 * terminal the keys' signals go to the group in the foreground; so when one of those is named, the foreground stays ours.
 *
 * Without a command there is only this process. It prints its pid when the signals are caught, so that nobody has to guess when they may be sent.
 *
 * Signals are blocked and read one by one, from before the command or the pid is there until nothing is left of them: none is lost here.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"
#include "link.h"
#include "out.h"
#include "verb.h"

enum { CAP = 16, FLYING_MAX = 256, TEXT_SIZE = 32 };

static struct {
    bool numbers, verbose, close;
    int32_t for_pid; /* 0: none */
    sigset_t signals;
} options;

enum { KEY_NUMBER = 0x100, KEY_CLOSE, KEY_FOR_PID };

static bool trap_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_NUMBER: options.numbers = true; return true;
    case KEY_CLOSE: options.close = true; return true;
    case KEY_FOR_PID:
        options.for_pid = (int32_t)args_number(state, "--for-pid", arg, 1, INT32_MAX);
        return true;
    case 'v': options.verbose = true; return true;
    default: return false;
    }
}

static void trap_check(const struct args *args, struct argp_state *state)
{
    bool command = args->command != NULL;
    if (command && args->command[0] == NULL)
        argp_error(state, "no command behind --");
    if (command && options.for_pid != 0)
        argp_error(state, "a command and --for-pid: it is one of them");
    sigemptyset(&options.signals);
    for (int i = 1; i < args->words_count; i++) {
        const char *word = args->words[i];
        int number = sluice_signal_number(word);
        if (number == 0)
            argp_error(state, "'%s' is no signal: write INT, USR1, RTMIN+3 or a number", word);
        if (number == SIGKILL || number == SIGSTOP)
            argp_error(state, "%s cannot be caught, by any process", word);
        if (command && number == SIGCHLD)
            argp_error(state, "%s tells of the command's own end", word);
        sigaddset(&options.signals, number);
    }
}

/* ---- Sending */

struct trap {
    sluice *s;
    const char *name;
    sluice_chan channel;
    enum sluice_type type;
    uint64_t sent, dropped;
    uint32_t flying; /* sends that are not answered */
    int failure;     /* the exit code of the last signal's fate, unless it went, or only found no room */
};

/* The channel is there afterwards. 0, or the exit code. */
static int open_channel(struct trap *t)
{
    struct sluice_made made = {0};
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_ref ref = SLUICE_NIL_REF;
    uint32_t rights = SLUICE_RIGHT_SEND | (options.close ? SLUICE_RIGHT_CLOSE : 0);
    how.name = t->name;
    spec.cap = CAP;
    t->channel = sluice_chan_named(t->name);
    enum sluice_status status =
        sluice_open_ref(t->s, t->channel.ref, rights, SLUICE_KIND_CHANNEL, &ref, &made);
    if (status == SLUICE_NOT_FOUND)
        status = sluice_chan_make_with(t->s, &how, &spec, NULL, &made);
    if (status == SLUICE_MISMATCH) /* somebody made it meanwhile */
        status = sluice_open_ref(t->s, t->channel.ref, rights, SLUICE_KIND_CHANNEL, &ref, &made);
    if (status != SLUICE_OK)
        return fail(status, t->name);
    t->type = made.type;
    if (t->type == SLUICE_TYPE_DOUBLE || t->type == SLUICE_TYPE_HANDLE)
        return fail_text(sluice_exit_code(SLUICE_WRONG_TYPE),
                         "%s: signals go into channels of bytes, string, int64 or json, not of %s", t->name,
                         sluice_type_name(t->type));
    sluice_drop(t->s, ref); /* what it is now; a name works also when the daemon has been started anew */
    return 0;
}

/* What became of one. The same trouble is told once. */
static void count(struct trap *t, enum sluice_status status)
{
    int code = status == SLUICE_OK || status == SLUICE_WOULD_BLOCK ? 0 : sluice_exit_code(status);
    if (status == SLUICE_OK)
        t->sent++;
    else
        t->dropped++;
    if (code != 0 && code != t->failure)
        fail(status, t->name);
    t->failure = code;
}

static struct sluice_value value_of(enum sluice_type type, int number, char text[static TEXT_SIZE])
{
    const char *name = sluice_signal_name(number);
    if (type == SLUICE_TYPE_INT64)
        return sluice_int(number);
    if (options.numbers || name == NULL)
        snprintf(text, TEXT_SIZE, "%d", number);
    else
        snprintf(text, TEXT_SIZE, type == SLUICE_TYPE_JSON ? "\"%s\"" : "%s", name);
    return sluice_bytes_of(type, text, strlen(text));
}

static void send_on(struct trap *t, int number)
{
    char text[TEXT_SIZE];
    sluice_future *f = NULL;
    if (t->flying == FLYING_MAX) {
        t->dropped++;
        return;
    }
    enum sluice_status status =
        sluice_send_start(t->s, t->channel, value_of(t->type, number, text), sluice_no_wait(), &f);
    if (status != SLUICE_OK) {
        count(t, status);
        return;
    }
    t->flying++;
    sluice_flush(t->s);
}

static void take_answers(struct trap *t)
{
    sluice_process(t->s);
    for (sluice_future *f = sluice_next_done(t->s); f != NULL; f = sluice_next_done(t->s)) {
        t->flying--;
        count(t, sluice_future_finish(f, NULL));
    }
}

/* To be watched for answers; -1: none are awaited. */
static int answers_fd(const struct trap *t)
{
    return t->flying > 0 ? sluice_fd(t->s) : -1;
}

/* Sends on what is pending, and waits for all answers. */
static void settle(struct trap *t)
{
    const struct timespec at_once = {0, 0};
    for (int n = 0; (n = sigtimedwait(&options.signals, NULL, &at_once)) > 0 || errno == EINTR;)
        if (n > 0)
            send_on(t, n);
    while (t->flying > 0) {
        sluice_wait_any(t->s, -1);
        take_answers(t);
    }
}

/* The end: 0, or the exit code of a channel that could not be closed. */
static int report(struct trap *t, bool json)
{
    enum sluice_status status = options.close ? sluice_chan_close(t->s, t->channel) : SLUICE_OK;
    if (json) {
        fputs("{\"channel\":", stdout);
        out_json_string(t->name, strlen(t->name));
        printf(",\"sent\":%" PRIu64 ",\"dropped\":%" PRIu64 "}\n", t->sent, t->dropped);
    }
    if (options.verbose)
        remark("%s: signals sent: %" PRIu64 ", dropped: %" PRIu64, t->name, t->sent, t->dropped);
    return status == SLUICE_CLOSE_OF_CLOSED ? 0 : fail(status, t->name);
}

/* ---- With a command */

static bool is_of_keys(const sigset_t *set)
{
    return sigismember(set, SIGINT) == 1 || sigismember(set, SIGQUIT) == 1 ||
           sigismember(set, SIGTSTP) == 1 || sigismember(set, SIGWINCH) == 1;
}

static int run_command(struct trap *t, char **command)
{
    struct child child;
    const struct child_spec spec = {
        .output = -1, .signals = &options.signals, .in_background = is_of_keys(&options.signals)};
    int code = child_start_with(&child, command, &spec);
    if (code != 0)
        return code;
    for (enum child_event event = CHILD_TIME; event != CHILD_ENDED;) {
        event = child_next(&child, answers_fd(t), INT64_MAX);
        if (event == CHILD_READABLE)
            take_answers(t);
        else if (event == CHILD_SIGNALED && sigismember(&options.signals, child.signal))
            send_on(t, child.signal);
        else if (event == CHILD_SIGNALED)
            child_signal(&child, child.signal);
    }
    settle(t);
    child_done(&child, false);
    return child.code;
}

/* ---- Without one */

/* Blocks what is named, and what else ends it. What reads them, or -1. */
static int watch_signals(void)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    sigset_t set = options.signals;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!sluice_signal_ignored(ends[i]))
            sigaddset(&set, ends[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The exit code. ret_signal: the one that ended it, or 0. */
static int serve(struct trap *t, int signals, int process, int *ret_signal)
{
    for (;;) {
        struct signalfd_siginfo info;
        struct pollfd polls[] = {{signals, POLLIN, 0}, {answers_fd(t), POLLIN, 0}, {process, POLLIN, 0}};
        poll(polls, 3, -1);
        while (read(signals, &info, sizeof info) == sizeof info) {
            int number = (int)info.ssi_signo;
            if (!sigismember(&options.signals, number)) {
                *ret_signal = number;
                return 128 + number;
            }
            send_on(t, number);
        }
        if (t->flying > 0)
            take_answers(t);
        if (t->failure != 0)
            return t->failure;
        if (polls[2].revents != 0)
            return 0;
    }
}

/* As a shell expects of what a signal ended. */
static void die_by(int number)
{
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, number);
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
}

static int run_alone(struct trap *t, int signals, bool json)
{
    int process = -1, ended_by = 0;
    if (options.for_pid != 0 && (process = pidfd_open(options.for_pid, 0)) < 0)
        return fail_text(sluice_exit_code(SLUICE_NOT_FOUND), "process %" PRId32 ": %s", options.for_pid,
                         strerror(errno));
    printf(json ? "{\"pid\":%d}\n" : "%d\n", (int)getpid());
    int code = out_flush();
    if (code == 0) {
        code = serve(t, signals, process, &ended_by);
        settle(t);
        int ending = report(t, json);
        code = code == 0 ? ending : code;
    }
    if (process >= 0)
        close(process);
    if (ended_by != 0 && out_flush() == 0) {
        link_close(t->s);
        die_by(ended_by);
    }
    return code;
}

static int trap_run(struct args *args, sluice *s)
{
    struct trap t = {.s = s, .name = args->words[0]};
    int signals = -1;
    if (args->command == NULL && (signals = watch_signals()) < 0)
        return fail_text(EX_OSERR, "cannot watch signals: %s", strerror(errno));
    int code = open_channel(&t);
    if (code == 0 && args->command == NULL) {
        code = run_alone(&t, signals, args->json);
    } else if (code == 0) {
        code = run_command(&t, args->command);
        int ending = report(&t, args->json);
        code = code == 0 ? ending : code;
    }
    if (signals >= 0)
        close(signals);
    return code;
}

static const struct argp_option trap_options[] = {
    {"number", KEY_NUMBER, NULL, 0, "Send a signal's number in place of its name", 1},
    {"close", KEY_CLOSE, NULL, 0, "Close the channel at the end, so that who receives learns of it", 1},
    {"for-pid", KEY_FOR_PID, "PID", 0, "Without a command: end with this process", 1},
    {"verbose", 'v', NULL, 0, "Say on stderr at the end how many were sent, and how many dropped", 1},
    {0},
};

const struct verb verb_trap = {
    .name = "trap",
    .words = "NAME SIGNAL... [-- CMD [ARG...]]",
    .help = "Turn signals into items of a channel",
    .text =
        "Each of these signals that this process gets is sent into the channel, as \"INT\" or \"USR1\"; as a number with --number, and in a channel of int64. "
        "The channel is made on first use, with a capacity of 16. The send does not wait: a channel that is full, or unbuffered without a receiver, loses the signal. "
        "SIGNAL is a name with or without SIG, or a number; KILL and STOP cannot be caught.\n\n"
        "With a command it runs until that ends, and its exit code is the command's. The command has a process group of its own; it does not get the signals that are named, all others are passed on to it. "
        "On a terminal it is in the foreground, unless INT, QUIT, TSTP or WINCH is named: then the keys' signals come here, and the command cannot read the terminal.\n\n"
        "Without a command it prints its pid when it is ready, and runs until HUP, INT, QUIT or TERM, if not named, ends it, until the process of --for-pid ends, or until a signal finds the channel closed or removed, or the daemon gone.\n\n"
        "--json prints {\"pid\":N} for the pid, and at the end how many signals were sent and dropped. "
        "Exit code: the command's; else 0 when that process ended, 3 when the channel was closed, 128 + n when signal n ended it.\n\n"
        "Examples:\n"
        "  sluice make reload --cap 1; sluice trap reload HUP --close -- ./server & sluice recv reload --all --lines\n"
        "  read -r pid < <(sluice trap events USR1 USR2 --for-pid $$)\n"
        "  kill -USR1 $pid; sluice recv events",
    .takes = TAKES_COMMAND | TAKES_JSON,
    .words_min = 2,
    .words_max = -1,
    .options = trap_options,
    .option = trap_option,
    .check = trap_check,
    .run = trap_run,
};

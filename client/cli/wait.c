/*
 * wait.c - sluice wait and sluice kill: the end of tasks.
 *
 * Any number may wait for a task, in any process, and as long as its result is kept also after its end. Who stops waiting leaves it alone.
 * Several are waited for in the order they are given, which is all the same: the command ends when all have ended.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "out.h"
#include "task.h"
#include "verb.h"

static struct {
    bool log;
    const char *cause;
} options;

enum { KEY_LOG = 0x100, KEY_CAUSE };

static void check_numbers(const struct args *args, struct argp_state *state)
{
    for (int i = 0; i < args->words_count; i++)
        (void)task_number(state, args->words[i]);
}

static uint64_t number_of(const char *word)
{
    return strtoumax(word, NULL, 10);
}

/* ---- wait */

static bool wait_option(int key, char *arg, struct argp_state *state)
{
    (void)arg, (void)state;
    options.log = options.log || key == KEY_LOG;
    return key == KEY_LOG;
}

static void show_end(const struct args *args, sluice *s, uint64_t number, const struct task_end *end)
{
    char what[32];
    snprintf(what, sizeof what, "task %" PRIu64, number);
    if (args->json) {
        printf("{\"task\":%" PRIu64 ",", number);
        task_end_json(end, s);
        puts("}");
        return;
    }
    if (options.log && end->result != NULL) {
        task_end_print(end, what);
    } else if (end->result == NULL && end->ending.item.value.type != SLUICE_TYPE_NONE) {
        const struct out_format format = {.how = OUT_RAW};
        out_item(&format, s, &end->ending.item);
    }
    task_end_explain(end, what);
}

/* Whether a task is a command; a function may give anything. */
static bool is_command(sluice *s, sluice_task task)
{
    struct sluice_description *d = NULL;
    bool command = sluice_describe(s, task.ref, &d) == SLUICE_OK && *d->task.function == '\0';
    sluice_description_free(d);
    return command;
}

/* The exit code. */
static int wait_one(const struct args *args, sluice *s, uint64_t number, const struct sluice_wait *wait,
                    bool *ret_ended)
{
    sluice_task task = SLUICE_NIL;
    struct sluice_ending ending = {0};
    enum sluice_status status = sluice_task_open(s, number, &task);
    if (status == SLUICE_OK)
        status = sluice_task_wait(s, task, wait, &ending);
    *ret_ended = status == SLUICE_OK;
    if (status == SLUICE_DEADLINE_EXCEEDED)
        remark("task %" PRIu64 " has not ended yet, and goes on", number);
    if (status != SLUICE_OK)
        return task_fail(status, number);
    struct task_end end;
    task_end_take(&end, &ending, is_command(s, task));
    show_end(args, s, number, &end);
    int code = task_end_code(&end);
    task_end_done(&end);
    sluice_drop(s, task.ref);
    return code;
}

static int wait_run(struct args *args, sluice *s)
{
    struct sluice_wait wait;
    int first = 0;
    enum sluice_status status = args_wait_all(args, s, &wait);
    if (status != SLUICE_OK)
        return fail(status, args->ctx);
    for (int i = 0; i < args->words_count; i++) {
        bool ended = false;
        int code = wait_one(args, s, number_of(args->words[i]), &wait, &ended);
        if (!ended)
            return code;
        first = first != 0 ? first : code;
    }
    return first;
}

static const struct argp_option wait_options[] = {
    {"log", KEY_LOG, NULL, 0, "Print what the command wrote: its stdout on ours, its stderr on ours", 1},
    {0},
};

const struct verb verb_wait = {
    .name = "wait",
    .words = "TASK...",
    .help = "Wait until tasks have ended, and exit as they did",
    .text =
        "The exit code is the command's own, 128 + n when signal n ended it, 126 or 127 when it could not be run; of several tasks, the first that is not 0. A task that was told to stop before it began, or ended well after it was told: 125 (124 by its time); one that lost its worker and had no retries: 1.\n\n"
        "Of each output the first and the last 32 KiB are kept; a note on stderr says how much is missing between them. What a function gave is printed in any case. With --json each task is a line.\n\n"
        "To interrupt this command leaves the tasks alone.\n\n"
        "Examples:\n"
        "  sluice wait $T --log\n"
        "  sluice wait $A $B --timeout 10m",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_JSON,
    .words_min = 1,
    .words_max = -1,
    .options = wait_options,
    .option = wait_option,
    .check = check_numbers,
    .run = wait_run,
};

/* ---- kill */

static bool kill_option(int key, char *arg, struct argp_state *state)
{
    (void)state;
    if (key == KEY_CAUSE)
        options.cause = arg;
    return key == KEY_CAUSE;
}

/* 0 for a word that is no signal. */
static int signal_of(const char *word)
{
    return sluice_signal_number(word);
}

/* The last word of several may be a signal's name, which is no number of a task. */
static const char *signal_word(const struct args *args)
{
    const char *last = args->words[args->words_count - 1];
    return args->words_count > 1 ? last : NULL;
}

static void kill_check(const struct args *args, struct argp_state *state)
{
    const char *word = signal_word(args);
    (void)task_number(state, args->words[0]);
    if (word != NULL && signal_of(word) <= 0)
        argp_error(
            state,
            "'%s' is no signal: write TERM, USR1, RTMIN+3 or a number from 1 to 64; none cancels the task",
            word);
    if (word != NULL && options.cause != NULL)
        argp_error(state, "a signal and --cause: a signal has none");
}

static int kill_run(struct args *args, sluice *s)
{
    uint64_t number = number_of(args->words[0]);
    const char *word = signal_word(args);
    sluice_task task = sluice_task_numbered(number);
    bool there = false;
    enum sluice_status status = word == NULL ? sluice_task_cancel(s, task, options.cause, &there)
                                             : sluice_task_kill(s, task, signal_of(word), &there);
    if (status != SLUICE_OK)
        return task_fail(status, number);
    if (args->json)
        printf("{\"task\":%" PRIu64 ",\"there\":%s}\n", number, there ? "true" : "false");
    else if (!there)
        remark("task %" PRIu64 ": it has ended already", number);
    return there ? 0 : 1;
}

static const struct argp_option kill_options[] = {
    {"cause", KEY_CAUSE, "TEXT", 0, "Why it shall stop, for those who wait for it", 1},
    {0},
};

const struct verb verb_kill = {
    .name = "kill",
    .words = "TASK [SIGNAL]",
    .help = "End a task, or send its command a signal",
    .text =
        "Without a signal the task is cancelled: its command gets SIGTERM, then SIGKILL, and is not run again; one that has not begun never does. With one, the signal goes to all processes of the command, as kill(1) sends it, and a command that it ends is run again if it has retries; a task that has not begun is cancelled.\n\n"
        "Exit code: 1 when it has ended already.\n\n"
        "Examples:\n"
        "  sluice kill $T TERM\n"
        "  sluice kill $T --cause 'no longer needed'",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 2,
    .options = kill_options,
    .option = kill_option,
    .check = kill_check,
    .run = kill_run,
};

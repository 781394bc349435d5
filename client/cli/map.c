/*
 * map.c - sluice map: a command for each line of stdin, so many at a time; what they print comes in the lines' order.
 *
 * Each line is a task. Two bounds keep memory small however long stdin is: so many tasks are under way, and so many lines lie between the first whose
 * output is not printed and the last that was read. So one slow line holds up the output of those behind it, and in the end the reading.
 *
 * All tasks are leashed to one context of this session, so that they end with it, even by SIGKILL. Where the slots are our own, a runner of this process
 * serves them beside the map (runner.h): one loop waits for stdin, the daemon, the runner and signals at once. Signals are let in only there.
 *
 * The exit code is xargs's, and as xargs it begins no more when a command ended with 255, by a signal, or could not be run.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "background.h"
#include "link.h"
#include "out.h"
#include "progress.h"
#include "records.h"
#include "runner.h"
#include "task.h"
#include "template.h"
#include "verb.h"

enum {
    UNDERWAY_MIN = 16,
    UNDERWAY_MAX = 1024,
    WINDOW = 8, /* lines for each task under way */
    EXIT_SOME_FAILED = 123,
    EXIT_255 = 124,
    EXIT_SIGNAL = 125,
};

static struct {
    const char *pool;
    uint32_t slots; /* 0: not said */
    uint32_t retries;
    int64_t timeout_ns; /* of each attempt; 0: none */
    bool no_order;
    int delimiter;
} options = {.delimiter = '\n'};

enum { KEY_SLOTS = 0x100, KEY_RETRIES, KEY_TIMEOUT, KEY_NO_ORDER };

enum job_state { JOB_NONE, JOB_GOING, JOB_WAITING, JOB_ENDED };

/* A line, from its reading until its output is printed. */
struct job {
    enum job_state state;
    uint64_t line; /* from 1 */
    char *input;   /* for --json */
    size_t input_size;
    sluice_task task;
    sluice_future *future; /* of GOING, WAITING */
    struct task_end end;   /* of ENDED */
};

struct map {
    const struct args *args;
    sluice *s;
    char own_pool[48];
    const char *pool_name;
    sluice_pool pool;
    sluice_ctx leash;
    struct runner *runner; /* NULL: others serve the pool */
    bool runner_over;
    char *folder;
    struct records records;
    struct progress progress;
    struct job *jobs; /* window of them: line modulo window */
    uint64_t window, underway_max, underway;
    uint64_t next, first; /* the line to be read next; the first whose output is not printed */
    uint64_t failed, first_failed, ended;
    bool hungry;   /* there is no whole line in memory */
    bool read_all; /* stdin is at its end */
    bool stopping; /* no more lines are begun */
    int code;      /* of why it stopped; 0: it did not */
};

/* ---- Beginning a line */

/* No more lines are begun; the first reason's code counts. */
static void stop(struct map *m, int code)
{
    m->stopping = true;
    if (m->code == 0)
        m->code = code;
}

/* The same, and what runs is told to stop. */
static void give_up(struct map *m, int code)
{
    stop(m, code);
    if (sluice_ctx_cancel(m->s, m->leash, "the map was given up") != SLUICE_OK && m->runner != NULL)
        runner_stop(m->runner, SIGTERM);
}

static void begin_job(struct map *m, struct job *job, const struct sluice_item *command)
{
    struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
    struct sluice_wait wait = SLUICE_WAIT_INIT;
    spec.value = command->value;
    spec.run_ns = options.timeout_ns;
    spec.retries = options.retries;
    spec.keep_ns = SLUICE_SECOND; /* the handle keeps it */
    spec.ctx = m->leash;
    enum sluice_status status = sluice_go_start(m->s, m->pool, &spec, &wait, &job->future);
    if (status != SLUICE_OK) {
        give_up(m, fail(status, m->pool_name));
        return;
    }
    sluice_future_set_data(job->future, job);
    job->state = JOB_GOING;
    m->underway++;
    m->next++;
}

static void begin_line(struct map *m, struct sluice_blob text)
{
    struct job *job = &m->jobs[m->next % m->window];
    if (memchr(text.data, '\0', text.size) != NULL) {
        give_up(m, fail_text(EX_USAGE,
                             "line %" PRIu64 " of stdin has a NUL byte, and no argument can: is it --null?",
                             m->next));
        return;
    }
    struct sluice_command command = SLUICE_COMMAND_INIT;
    struct sluice_item item = {0};
    char **argv = template_fill(m->args->command, text.data, text.size);
    command.argv = (const char *const *)argv;
    command.cwd = m->folder;
    *job = (struct job){.line = m->next, .input_size = text.size};
    int code = task_encode(m->s, &command, &item);
    if (code != 0) {
        remark("line %" PRIu64 " of stdin cannot be an argument", m->next);
        give_up(m, code);
    } else {
        if (m->args->json && (job->input = malloc(text.size + 1)) != NULL)
            memcpy(job->input, text.data, text.size);
        begin_job(m, job, &item);
    }
    sluice_item_free(&item);
    template_free(argv);
}

static bool has_room(const struct map *m)
{
    return !m->stopping && m->underway < m->underway_max && m->next - m->first < m->window;
}

/* Begins what is in memory, as far as there is room. */
static void begin_lines(struct map *m)
{
    struct sluice_blob text;
    while (has_room(m) && !m->hungry) {
        if (records_next(&m->records, &text))
            begin_line(m, text);
        else if (m->records.ended)
            m->read_all = m->hungry = true;
        else
            m->hungry = true;
    }
}

static void read_lines(struct map *m)
{
    int code = 0;
    if (records_read(&m->records, &code) < 0)
        give_up(m, code);
    m->hungry = false;
}

/* ---- Ending one */

/* Why no more are begun; a command that could not be run says so itself. */
static void say_stopping(const struct map *m, const struct job *job)
{
    const struct sluice_ending *e = &job->end.ending;
    if (job->end.result != NULL && job->end.result->error != NULL)
        return;
    if (e->exit < 0)
        remark("line %" PRIu64 ": %s was ended by signal %" PRId32 ": no more are begun", job->line,
               m->args->command[0], -e->exit);
    else
        remark("line %" PRIu64 ": %s ended with exit code %" PRId32 ": no more are begun", job->line,
               m->args->command[0], e->exit);
}

/* The tasks that have not begun never do. */
static void cancel_queued(struct map *m)
{
    for (uint64_t line = m->first; line < m->next; line++) {
        struct job *job = &m->jobs[line % m->window];
        struct sluice_description *d = NULL;
        if (job->state == JOB_GOING)
            sluice_future_cancel(job->future);
        if (job->state != JOB_WAITING || sluice_describe(m->s, job->task.ref, &d) != SLUICE_OK)
            continue;
        if (d->task.state <= SLUICE_TASK_QUEUED)
            sluice_task_cancel(m->s, job->task, NULL, NULL);
        sluice_description_free(d);
    }
}

static void count_failure(struct map *m, const struct job *job)
{
    m->failed++;
    if (m->first_failed == 0 || job->line < m->first_failed)
        m->first_failed = job->line;
}

/* When the context we were given is done, so are we. */
static void heed_context(struct map *m)
{
    enum sluice_status error = SLUICE_OK;
    if (m->args->ctx == NULL || m->stopping || sluice_ctx_err(m->s, m->leash, &error) != SLUICE_OK ||
        error == SLUICE_OK)
        return;
    remark("%s: %s", m->args->ctx, sluice_strstatus(error));
    stop(m, sluice_exit_code(error));
}

/* What a failure means for the lines behind it. */
static void judge(struct map *m, const struct job *job)
{
    const struct sluice_ending *e = &job->end.ending;
    if (!e->failed)
        return;
    if (m->stopping && e->status == SLUICE_CANCELED) {
        m->ended--;
        return; /* we did that */
    }
    count_failure(m, job);
    bool by_itself = e->status == SLUICE_OK && e->has_exit;
    int code = !by_itself                         ? 0
               : e->exit < 0                      ? EXIT_SIGNAL
               : e->exit == 255                   ? EXIT_255
               : e->exit == 126 || e->exit == 127 ? e->exit
                                                  : 0;
    if (!by_itself)
        heed_context(m);
    if (code == 0 || m->stopping)
        return;
    say_stopping(m, job);
    stop(m, code);
    cancel_queued(m);
}

static void print_job(struct map *m, struct job *job)
{
    const struct sluice_ending *e = &job->end.ending;
    char what[32];
    snprintf(what, sizeof what, "line %" PRIu64, job->line);
    bool withdrawn = m->stopping && e->status == SLUICE_CANCELED && job->end.result == NULL;
    if (m->args->json && !withdrawn) {
        printf("{\"line\":%" PRIu64 ",\"input\":", job->line);
        const struct sluice_value input = sluice_bytes(job->input, job->input == NULL ? 0 : job->input_size);
        out_json_value(m->s, &input);
        printf(",\"task\":%" PRIu64 ",", job->task.ref.task);
        task_end_json(&job->end, m->s);
        puts("}");
    } else if (!withdrawn) {
        progress_clear();
        if (!task_end_print(&job->end, what) && !e->failed)
            count_failure(m, job);
        task_end_explain(&job->end, what);
    }
    task_end_done(&job->end);
    free(job->input);
    job->state = JOB_NONE;
}

/* Prints what may be printed. */
static void print_jobs(struct map *m)
{
    for (uint64_t line = m->first; line < m->next; line++) {
        struct job *job = &m->jobs[line % m->window];
        if (job->state == JOB_ENDED)
            print_job(m, job);
        else if (job->state != JOB_NONE && !options.no_order)
            break;
    }
    while (m->first < m->next && m->jobs[m->first % m->window].state == JOB_NONE)
        m->first++;
}

/* ---- Futures */

static void job_lost(struct map *m, struct job *job, enum sluice_status status)
{
    m->underway--;
    job->state = JOB_NONE;
    free(job->input);
    job->input = NULL;
    if (!m->stopping)
        give_up(m, task_fail_pool(status, m->pool_name));
}

static void job_submitted(struct map *m, struct job *job, const struct sluice_result *r)
{
    struct sluice_wait wait = SLUICE_WAIT_INIT;
    job->task = r->task;
    if (m->stopping)
        sluice_task_cancel(m->s, job->task, NULL, NULL);
    enum sluice_status status = sluice_task_wait_start(m->s, job->task, &wait, &job->future);
    if (status != SLUICE_OK) {
        job_lost(m, job, status);
        return;
    }
    sluice_future_set_data(job->future, job);
    job->state = JOB_WAITING;
}

static void job_ended(struct map *m, struct job *job, struct sluice_result *r)
{
    m->underway--;
    m->ended++;
    job->state = JOB_ENDED;
    r->ending.item = r->item;
    task_end_take(&job->end, &r->ending, true);
    sluice_drop(m->s, job->task.ref);
    judge(m, job);
    progress_add(&m->progress, 1);
}

static void take_futures(struct map *m)
{
    sluice_future *f;
    while ((f = sluice_next_done(m->s)) != NULL) {
        struct job *job = sluice_future_data(f);
        struct sluice_result r = {0};
        enum sluice_status status = sluice_future_finish(f, &r);
        if (status != SLUICE_OK)
            job_lost(m, job, status);
        else if (job->state == JOB_GOING)
            job_submitted(m, job, &r);
        else
            job_ended(m, job, &r);
    }
}

/* ---- The loop */

static void step_runner(struct map *m)
{
    if (m->runner == NULL || m->runner_over)
        return;
    enum runner_state state = runner_step(m->runner);
    m->runner_over = state != RUNNER_RUNNING;
    if (state == RUNNER_FAILED)
        give_up(m, runner_code(m->runner));
}

/* Waits until there is something to do. False: a signal has come. */
static bool await(struct map *m, const sigset_t *mask)
{
    struct pollfd polls[] = {
        {has_room(m) && m->hungry && !m->read_all ? STDIN_FILENO : -1, POLLIN, 0},
        {sluice_fd(m->s), POLLIN, 0},
        {m->runner != NULL && !m->runner_over ? runner_fd(m->runner) : -1, POLLIN, 0},
    };
    sluice_flush(m->s);
    int code = out_flush();
    if (code != 0)
        give_up(m, code);
    if (ppoll(polls, 3, NULL, mask) < 0)
        return interrupt_signal() == 0;
    if (polls[0].revents != 0)
        read_lines(m);
    if (polls[1].revents != 0)
        sluice_process(m->s);
    return true;
}

/* Until all lines have been dealt with, or there is a reason to go. */
static void work(struct map *m, const sigset_t *mask)
{
    for (;;) {
        step_runner(m);
        take_futures(m);
        print_jobs(m);
        begin_lines(m);
        bool over = m->underway == 0 && (m->stopping || m->read_all);
        if (over || (m->stopping && m->runner_over))
            return;
        if (!await(m, mask)) {
            sluice_interrupt_reset(m->s);
            give_up(m, 128 + interrupt_signal());
            return;
        }
    }
}

/* What runs in our slots ends first: ours, which was told to stop if it is not wanted, and in a pool of others theirs, too, unless we are interrupted. */
static void leave(struct map *m, const sigset_t *mask)
{
    bool told = false;
    if (m->runner == NULL || m->runner_over)
        return;
    runner_drain(m->runner);
    for (;;) {
        if (interrupt_signal() != 0 && !told && options.pool != NULL)
            runner_stop(m->runner, SIGTERM);
        told = interrupt_signal() != 0;
        step_runner(m);
        if (m->runner_over)
            return;
        struct pollfd poll_runner = {runner_fd(m->runner), POLLIN, 0};
        ppoll(&poll_runner, 1, NULL, mask);
    }
}

/* ---- Setting up */

/* A pool of our own, which ends with our session. */
static enum sluice_status make_pool(struct map *m)
{
    uint64_t random = 0;
    struct sluice_make how = SLUICE_MAKE_INIT;
    if (getrandom(&random, sizeof random, 0) < 0)
        random = (uint64_t)getpid();
    snprintf(m->own_pool, sizeof m->own_pool, "map/%d-%016" PRIx64, (int)getpid(), random);
    m->pool_name = how.name = m->own_pool;
    how.lifetime = SLUICE_EPHEMERAL;
    how.exclusive = true;
    return sluice_pool_make_with(m->s, &how, NULL, &m->pool, NULL);
}

/* How many slots there are. Nobody serves the pool: that is said, and that somebody does is waited for. */
static uint64_t count_slots(struct map *m)
{
    struct sluice_description *d = NULL;
    uint64_t slots = 0;
    if (options.slots > 0 || options.pool == NULL)
        slots = options.slots > 0 ? options.slots : background_slots();
    if (options.pool != NULL && sluice_describe(m->s, m->pool.ref, &d) == SLUICE_OK) {
        slots += d->pool.slots;
        if (slots == 0)
            remark("the pool %s has no worker: begins when one is started, with: sluice worker %s",
                   m->pool_name, m->pool_name);
        sluice_description_free(d);
    }
    return slots;
}

static int set_up(struct map *m)
{
    struct sluice_session session;
    struct sluice_ctx_spec leash = SLUICE_CTX_SPEC_INIT;
    sluice_session_get(m->s, &session);
    leash.cancelable = true;
    if (m->args->ctx != NULL) {
        leash.has_parent = true;
        leash.parent = sluice_ctx_named(m->args->ctx);
    }
    enum sluice_status status = sluice_ctx_make_with(m->s, NULL, &leash, &m->leash, NULL);
    if (status != SLUICE_OK)
        return fail(status, m->args->ctx);
    m->pool_name = options.pool;
    status = options.pool == NULL ? make_pool(m) : task_open_pool(m->s, options.pool, -1, &m->pool);
    if (status != SLUICE_OK)
        return task_fail_pool(status, m->pool_name);

    uint64_t slots = count_slots(m);
    m->underway_max = slots * 2;
    if (m->underway_max < UNDERWAY_MIN)
        m->underway_max = UNDERWAY_MIN;
    if (m->underway_max > UNDERWAY_MAX)
        m->underway_max = UNDERWAY_MAX;
    m->window = m->underway_max * WINDOW;
    m->jobs = calloc(m->window, sizeof *m->jobs);
    m->folder = getcwd(NULL, 0);
    m->records = (struct records){.delimiter = options.delimiter, .size_max = session.payload_size_max};
    if (m->jobs == NULL)
        abort();
    if (options.pool != NULL && options.slots == 0)
        return 0;
    struct runner_spec spec =
        RUNNER_SPEC_INIT(m->pool_name, options.slots > 0 ? options.slots : (uint32_t)slots);
    spec.address = m->args->address;
    spec.name = m->args->verb;
    spec.make = false;
    return runner_new(&spec, &m->runner);
}

static void map_done(struct map *m)
{
    m->runner = runner_free(m->runner);
    for (uint64_t line = m->first; line < m->next; line++) {
        struct job *job = &m->jobs[line % m->window];
        if (job->state == JOB_ENDED)
            task_end_done(&job->end);
        if (job->state != JOB_NONE)
            free(job->input);
    }
    free(m->jobs);
    free(m->folder);
    records_done(&m->records);
}

static int map_run(struct args *args, sluice *s)
{
    struct map m = {.args = args, .s = s, .next = 1, .first = 1};
    sigset_t ends, mask;
    int code = set_up(&m);
    if (code == 0) {
        sigemptyset(&ends);
        sigaddset(&ends, SIGINT);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGHUP);
        sigprocmask(SIG_BLOCK, &ends, &mask);
        progress_begin(&m.progress, "done", args->progress);
        work(&m, &mask);
        leave(&m, &mask);
        sigprocmask(SIG_SETMASK, &mask, NULL);
        progress_end(&m.progress);
        if (m.failed > 0 && interrupt_signal() == 0)
            remark("failed: %" PRIu64 " of %" PRIu64 ", the first of them on line %" PRIu64, m.failed,
                   m.ended, m.first_failed);
        code = m.code != 0 ? m.code : m.failed > 0 ? EXIT_SOME_FAILED : 0;
    }
    map_done(&m);
    return code;
}

/* ---- The verb */

static bool map_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case 'p': options.pool = arg; return true;
    case KEY_SLOTS: options.slots = (uint32_t)args_number(state, "--slots", arg, 1, 1 << 20); return true;
    case KEY_RETRIES:
        options.retries = (uint32_t)args_number(state, "--retries", arg, 0, UINT32_MAX);
        return true;
    case KEY_TIMEOUT:
        options.timeout_ns = args_duration(state, "--timeout", arg);
        if (options.timeout_ns <= 0)
            argp_error(state, "--timeout: %s is too short", arg);
        return true;
    case KEY_NO_ORDER: options.no_order = true; return true;
    case '0': options.delimiter = '\0'; return true;
    default: return false;
    }
}

static void map_check(const struct args *args, struct argp_state *state)
{
    if (args->command == NULL)
        argp_error(state, "expected a command behind --");
    else if (args->command[0] == NULL)
        argp_error(state, "no command behind --");
    else if (*args->command[0] == '\0')
        argp_error(state, "the command behind -- is empty");
}

static const struct argp_option map_options[] = {
    {"pool", 'p', "POOL", 0,
     "Let the workers of this pool run them (default: this command does, in a pool of its own that ends with it)",
     1},
    {"slots", KEY_SLOTS, "N", 0,
     "Run N at a time here (default without --pool: the number of processors); with --pool, serve that with them meanwhile",
     1},
    {"retries", KEY_RETRIES, "N", 0, "Run a line again when it fails, up to N times", 1},
    {"timeout", KEY_TIMEOUT, "DUR", 0, "A line whose command takes longer is told to stop, and has failed",
     1},
    {"null", '0', NULL, 0, "Lines end with a NUL byte", 1},
    {"no-order", KEY_NO_ORDER, NULL, 0, "Print what each gave as soon as it has ended", 1},
    {0},
};

const struct verb verb_map = {
    .name = "map",
    .words = "-- CMD [ARG...]",
    .help = "Run a command for each line of stdin, many at a time, with their output in order",
    .text =
        "Each {} in the command is the line; without any, the line is its last argument. No shell looks at it. What the commands print comes line after line in the order of the input, whole, once those before it have ended: of each output the first and the last 32 KiB, and a line of which more was left out has failed.\n\n"
        "stdin is read as it is needed. Interrupted, killed, or when its context ($SLUICE_CTX) is done, it takes its commands with it.\n\n"
        "Exit codes are those of xargs: 123 when a command ended with 1 to 125, was late, or lost its worker; 124 when one ended with 255, 125 by a signal, 126 or 127 when it cannot be run: then no more are begun, and those that run are waited for.\n\n"
        "Examples:\n"
        "  seq 1000 | sluice map --slots 8 -- ./job {}\n"
        "  find . -name '*.png' -print0 | sluice map -0 -- optipng -quiet {}",
    .takes = TAKES_COMMAND | TAKES_JSON | TAKES_PROGRESS | MAY_WAIT,
    .options = map_options,
    .option = map_option,
    .check = map_check,
    .run = map_run,
};

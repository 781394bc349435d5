/*
 * go.c - sluice go: submits a task, and prints its number.
 *
 * Go's statement between processes: what is to be run is evaluated here (arguments, folder, input), then it is the pool's, and goes on without this
 * process. A pool that is full blocks who submits, as a channel does. What a task comes after must be there already, so that there are no cycles.
 *
 * Nobody need have set anything up: a pool that is not there is made, and for the pool `default` a worker is started in the background.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "background.h"
#include "link.h"
#include "records.h"
#include "task.h"
#include "verb.h"

enum { AFTER_MAX = 64 };

static struct {
    const char *pool, *cwd, *input;
    struct sluice_task_spec task;
    struct sluice_command command;
    sluice_task after[AFTER_MAX];
    struct sluice_variable *variables;
    size_t variables_count;
    bool wait;
} options = {.task = SLUICE_TASK_SPEC_INIT, .command = SLUICE_COMMAND_INIT};

enum {
    KEY_AFTER = 0x100,
    KEY_PRIORITY,
    KEY_RETRIES,
    KEY_BACKOFF,
    KEY_TIMEOUT,
    KEY_RUN_TIMEOUT,
    KEY_DELAY,
    KEY_KEY,
    KEY_SHARE,
    KEY_KEEP,
    KEY_CWD,
    KEY_ENV,
    KEY_INPUT,
    KEY_OUT,
    KEY_ERR,
    KEY_GRACE,
    KEY_FUNCTION,
    KEY_CTX,
    KEY_WAIT,
};

/* ---- Options */

static void take_after(struct argp_state *state, char *text)
{
    char *rest = NULL;
    if (text[strspn(text, ", \n")] == '\0')
        argp_error(state, "--after: no task is named; write the number that `go` has printed");
    for (char *one = strtok_r(text, ", \n", &rest); one != NULL; one = strtok_r(NULL, ", \n", &rest)) {
        if (options.task.after_count == AFTER_MAX)
            argp_error(state, "--after: a task comes after at most %d others", AFTER_MAX);
        options.after[options.task.after_count++] = sluice_task_numbered(task_number(state, one));
    }
}

static void take_variable(struct argp_state *state, char *text)
{
    char *equals = strchr(text, '=');
    if (*text == '\0' || equals == text)
        argp_error(state, "--env: '%s' has no name: write NAME=VALUE, or NAME for the value it has here",
                   text);
    struct sluice_variable *more =
        realloc(options.variables, (options.variables_count + 1) * sizeof *options.variables);
    if (more == NULL)
        abort();
    options.variables = more;
    if (equals != NULL)
        *equals = '\0';
    more[options.variables_count++] =
        (struct sluice_variable){text, equals != NULL ? equals + 1 : getenv(text)};
}

static int64_t take_time(struct argp_state *state, const char *what, const char *text, int64_t min)
{
    int64_t ns = args_duration(state, what, text);
    if (ns < min)
        argp_error(state, "%s: %s is too short", what, text);
    return ns;
}

/* When it is run. */
static bool time_option(int key, char *arg, struct argp_state *state)
{
    struct sluice_task_spec *t = &options.task;
    switch (key) {
    case KEY_BACKOFF: t->backoff_ns = take_time(state, "--backoff", arg, 0); return true;
    case KEY_TIMEOUT: t->within_ns = take_time(state, "--timeout", arg, 1); return true;
    case KEY_RUN_TIMEOUT: t->run_ns = take_time(state, "--run-timeout", arg, 1); return true;
    case KEY_DELAY: t->delay_ns = take_time(state, "--delay", arg, 0); return true;
    case KEY_KEEP: t->keep_ns = take_time(state, "--keep", arg, 1); return true;
    case KEY_GRACE: options.command.grace_ns = take_time(state, "--grace", arg, 0); return true;
    default: return false;
    }
}

static bool task_option(int key, char *arg, struct argp_state *state)
{
    struct sluice_task_spec *t = &options.task;
    switch (key) {
    case 'p': options.pool = arg; return true;
    case KEY_AFTER: take_after(state, arg); return true;
    case KEY_PRIORITY: t->priority = (int32_t)args_number(state, "--priority", arg, -1000, 1000); return true;
    case KEY_RETRIES: t->retries = (uint32_t)args_number(state, "--retries", arg, 0, UINT32_MAX); return true;
    case KEY_KEY: t->key = arg; return true;
    case KEY_SHARE: t->share = arg; return true;
    case KEY_FUNCTION: t->function = arg; return true;
    case KEY_CTX: ((struct args *)state->input)->ctx = *arg == '\0' ? NULL : arg; return true;
    case KEY_WAIT: options.wait = true; return true;
    default: return time_option(key, arg, state);
    }
}

static bool go_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_CWD: options.cwd = arg; return true;
    case KEY_ENV: take_variable(state, arg); return true;
    case KEY_INPUT: options.input = arg; return true;
    case KEY_OUT: options.command.out_channel = arg; return true;
    case KEY_ERR: options.command.err_channel = arg; return true;
    default: return task_option(key, arg, state);
    }
}

static bool command_option_given(void)
{
    const struct sluice_command *c = &options.command;
    return options.cwd != NULL || options.variables_count > 0 || c->out_channel != NULL ||
           c->err_channel != NULL || c->grace_ns >= 0;
}

static void go_check(const struct args *args, struct argp_state *state)
{
    bool function = options.task.function != NULL;
    if (!function && args->command == NULL)
        argp_error(state, "expected a command behind --, or --function");
    if (args->command != NULL && args->command[0] == NULL)
        argp_error(state, "no command behind --");
    else if (args->command != NULL && *args->command[0] == '\0')
        argp_error(state, "the command behind -- is empty");
    if (function && args->command != NULL)
        argp_error(state, "a command and --function: it is one of them");
    if (!function && args->words_count > 0)
        argp_error(state, "unexpected argument '%s': the command stands behind --", args->words[0]);
    if (function && command_option_given())
        argp_error(state, "--cwd, --env, --out, --err and --grace are a command's: a function has none");
    if (args->words_count > 0 && options.input != NULL)
        argp_error(state, "a value and --input: it is one of them");
}

/* ---- What it is called with */

/* All of a file or of stdin. 0, or the exit code; *ret is borrowed from r. */
static int read_input(sluice *s, struct records *r, struct sluice_blob *ret)
{
    struct sluice_session session;
    int code = 0;
    if (options.input == NULL)
        return 0;
    if (strcmp(options.input, "-") != 0) {
        int fd = open(options.input, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
            return fail_text(EX_NOINPUT, "%s: %s", options.input, strerror(errno));
        close(fd);
    }
    sluice_session_get(s, &session);
    r->size_max = session.payload_size_max;
    while (!records_next(r, ret))
        if (records_read(r, &code) < 0)
            return code;
    return 0;
}

/* Where the command runs: here, unless --cwd says otherwise ('': where its worker is). In memory for free(); NULL: not said. */
static char *command_folder(void)
{
    char *here =
        options.cwd == NULL || (*options.cwd != '/' && *options.cwd != '\0') ? getcwd(NULL, 0) : NULL;
    char *folder = NULL;
    if (options.cwd == NULL)
        return here;
    if (*options.cwd != '\0' &&
        asprintf(&folder, "%s%s%s", here == NULL ? "" : here, here == NULL ? "" : "/", options.cwd) < 0)
        abort();
    free(here);
    return folder;
}

/* The task's value. 0, or the exit code. */
static int build_value(const struct args *args, sluice *s, struct sluice_blob input, struct sluice_item *ret)
{
    if (options.task.function == NULL) {
        char *folder = command_folder();
        options.command.argv = (const char *const *)args->command;
        options.command.env = options.variables;
        options.command.env_count = options.variables_count;
        options.command.cwd = folder;
        options.command.input = input;
        int code = task_encode(s, &options.command, ret);
        free(folder);
        options.task.value = ret->value;
        return code;
    }
    if (args->words_count > 0)
        options.task.value = sluice_bytes(args->words[0], strlen(args->words[0]));
    else if (options.input != NULL)
        options.task.value = sluice_bytes(input.data, input.size);
    return 0;
}

/* ---- Submitting */

/* What is wrong: the daemon says only that something it was given is not there. */
static int go_fail(const struct args *args, sluice *s, enum sluice_status status, const char *pool)
{
    char why[512];
    snprintf(why, sizeof why, "%s", sluice_errmsg());
    for (size_t i = 0; status == SLUICE_NOT_FOUND && i < options.task.after_count; i++) {
        sluice_task task;
        uint64_t number = options.after[i].ref.task;
        if (sluice_task_open(s, number, &task) == SLUICE_NOT_FOUND)
            return fail_text(EX_NOINPUT,
                             "--after %" PRIu64
                             ": no such task, or its result is not kept any more: a task comes "
                             "after tasks that are there",
                             number);
        sluice_drop(s, task.ref);
    }
    if (status == SLUICE_NOT_FOUND && args->ctx != NULL)
        return fail_text(EX_NOINPUT, "%s: no such context", args->ctx);
    if (status == SLUICE_INVALID && options.task.function != NULL)
        return fail_text(EX_USAGE, "%s: function %s: %s", pool, options.task.function, why);
    return task_fail_pool(status, pool);
}

/* A command in the default pool is run even when nobody has started a worker. */
static void provide_worker(sluice *s, const char *name, sluice_pool pool)
{
    struct sluice_description *d = NULL;
    bool own = options.pool == NULL && options.task.function == NULL;
    if ((!own && !options.wait) || sluice_describe(s, pool.ref, &d) != SLUICE_OK)
        return;
    int r = d->pool.workers > 0 ? 0 : own ? background_worker(s, name) : -EPERM;
    sluice_description_free(d);
    if (r == -EPERM)
        remark("the pool %s has no worker: the task begins when one is started, with: sluice worker %s", name,
               name);
    else if (r < 0)
        remark("the pool %s has no worker, and none can be started: %s", name, strerror(-r));
}

static int wait_here(const struct args *args, sluice *s, sluice_task task)
{
    struct sluice_ending ending = {0};
    struct sluice_wait wait = SLUICE_WAIT_INIT;
    char what[32];
    snprintf(what, sizeof what, "task %" PRIu64, task.ref.task);
    enum sluice_status status = sluice_task_wait(s, task, &wait, &ending);
    if (status != SLUICE_OK && interrupt_signal() != 0)
        remark("%s goes on; see: sluice wait %" PRIu64 " --log, sluice kill %" PRIu64, what, task.ref.task,
               task.ref.task);
    if (status != SLUICE_OK)
        return task_fail(status, task.ref.task);
    struct task_end end;
    const struct sluice_value *value = &ending.item.value;
    if (options.task.function != NULL && value->type == SLUICE_TYPE_BYTES && !args->json)
        fwrite(value->bytes.data, 1, value->bytes.size, stdout);
    task_end_take(&end, &ending, options.task.function == NULL);
    if (args->json) {
        printf("{\"task\":%" PRIu64 ",", task.ref.task);
        task_end_json(&end, s);
        puts("}");
    } else {
        task_end_print(&end, what);
        task_end_explain(&end, what);
    }
    int code = task_end_code(&end);
    task_end_done(&end);
    return code;
}

/* Whether there is such a channel for an output. 0, or the exit code. */
static int check_output(sluice *s, const char *name)
{
    sluice_ref ref = SLUICE_NIL_REF;
    if (name == NULL)
        return 0;
    enum sluice_status status =
        sluice_open_ref(s, sluice_named(name), SLUICE_RIGHT_SEND, SLUICE_KIND_CHANNEL, &ref, NULL);
    if (status == SLUICE_OK)
        sluice_drop(s, ref);
    return fail(status, name);
}

static int submit(const struct args *args, sluice *s, const char *name)
{
    sluice_pool pool = SLUICE_NIL;
    sluice_task task = SLUICE_NIL;
    bool created = false;
    struct sluice_wait wait = args_wait(args);
    int64_t limit = options.pool == NULL ? (int64_t)background_slots() : -1;
    enum sluice_status status = task_open_pool(s, name, limit, &pool);
    if (status != SLUICE_OK)
        return task_fail_pool(status, name);
    options.task.after = options.after;
    options.task.ctx = wait.ctx;
    status = sluice_go(s, pool, &options.task, &wait, &task, &created);
    if (status != SLUICE_OK)
        return go_fail(args, s, status, name);
    provide_worker(s, name, pool);
    if (options.wait)
        return wait_here(args, s, task);
    if (args->json)
        printf("{\"task\":%" PRIu64 ",\"pool\":\"%s\",\"created\":%s}\n", task.ref.task, name,
               created ? "true" : "false");
    else
        printf("%" PRIu64 "\n", task.ref.task);
    return 0;
}

static int go_run(struct args *args, sluice *s)
{
    struct records records = {.delimiter = -1};
    struct sluice_blob input = {NULL, 0};
    struct sluice_item item = {0};
    int code = check_output(s, options.command.out_channel);
    if (code == 0)
        code = check_output(s, options.command.err_channel);
    if (code == 0)
        code = read_input(s, &records, &input);
    if (code == 0)
        code = build_value(args, s, input, &item);
    if (code == 0)
        code = submit(args, s, options.pool != NULL ? options.pool : TASK_POOL_DEFAULT);
    sluice_item_free(&item);
    records_done(&records);
    free(options.variables);
    return code;
}

static const struct argp_option go_options[] = {
    {"pool", 'p', "POOL", 0,
     "Where to; it is made on first use (default: `" TASK_POOL_DEFAULT "`, which is given a worker)", 1},
    {"after", KEY_AFTER, "T", 0,
     "Not before this task has ended well; several times, or several with commas between. If it fails, this one is not run",
     1},
    {"priority", KEY_PRIORITY, "N", 0, "-1000 to 1000, the higher first (default: 0)", 1},
    {"delay", KEY_DELAY, "DUR", 0, "Not before so long from now", 1},
    {"retries", KEY_RETRIES, "N", 0, "Run it again when it fails or its worker dies, up to N times", 1},
    {"backoff", KEY_BACKOFF, "DUR", 0,
     "Between a failure and the first retry; twice as long before each next", 1},
    {"timeout", KEY_TIMEOUT, "DUR", 0, "It is told to stop when it has not ended so long from now", 1},
    {"run-timeout", KEY_RUN_TIMEOUT, "DUR", 0, "The same for each of its attempts, from its beginning", 1},
    {"ctx", KEY_CTX, "CTX", 0,
     "It is told to stop when this context is done (default: $SLUICE_CTX; '': none)", 1},
    {"key", KEY_KEY, "KEY", 0,
     "While a task of this key has not ended there is no second: its number is printed", 1},
    {"share", KEY_SHARE, "NAME", 0, "Whose fair share of the pool it takes (default: this command's own)", 1},
    {"keep", KEY_KEEP, "DUR", 0, "How long its result is kept (default: 1h)", 1},
    {"function", KEY_FUNCTION, "NAME", 0,
     "Call a function that the pool's workers serve, with VALUE or --input", 1},
    {"wait", KEY_WAIT, NULL, 0, "Wait for its end as `wait --log` does, in place of printing its number", 1},
    {"cwd", KEY_CWD, "DIR", 0, "Where the command runs (default: here; '': where its worker does)", 2},
    {"env", KEY_ENV, "NAME[=VALUE]", 0,
     "Set a variable over those of the worker; without VALUE: to what it is here", 2},
    {"input", KEY_INPUT, "FILE", 0, "Its standard input, `-`: ours (default: none)", 2},
    {"out", KEY_OUT, "CH", 0, "Send its stdout into this channel, too, as it comes", 2},
    {"err", KEY_ERR, "CH", 0, "The same for its stderr", 2},
    {"grace", KEY_GRACE, "DUR", 0,
     "Told to stop it gets SIGTERM, and SIGKILL so much later (default: its worker's)", 2},
    {0},
};

const struct verb verb_go = {
    .name = "go",
    .words = "[-- CMD [ARG...]]",
    .help = "Submit a command to a pool of workers, and print the task's number",
    .text =
        "The command runs in this folder, with the environment of its worker, as soon as the pool has a slot for it; stdin is empty unless --input gives one. It goes on without this command: `wait` gets its exit code and output, `kill` ends it, `tasks` lists what there is. "
        "A pool that is full makes this command wait (4 with --try).\n\n"
        "Without --pool it goes to the pool `" TASK_POOL_DEFAULT
        "`, which runs as many at a time as there are processors when it is made. If that has no worker, one is started in the background, where the daemon is this user's own; it leaves after five idle minutes. SLUICE_AUTOSTART=0: none is started.\n\n"
        "Arguments, variables and input together are at most the daemon's payload limit (`sluice status`: payload_size_max).\n\n"
        "Exit codes: 0; 3: the pool is closed; 64: no worker of the pool serves the function; 66: no such task or context. With --wait: as of `wait`.\n\n"
        "Examples:\n"
        "  T=$(sluice go -- make -C lib)\n"
        "  sluice go --pool build --after $T --retries 3 --timeout 10m -- make test",
    .takes = TAKES_TRY | TAKES_COMMAND | TAKES_JSON | MAY_WAIT,
    .words_min = 0,
    .words_max = 1,
    .options = go_options,
    .option = go_option,
    .check = go_check,
    .run = go_run,
};

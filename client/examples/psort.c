/*
 * psort.c - sorts the lines of a file with several processes, as `LC_ALL=C sort` does: by bytes, and to the same bytes.
 *
 *     psort [-j N] [-o FILE] [FILE]
 *
 * A parallel merge sort in two rounds of tasks. The text is cut into chunks of whole lines; a task "sort" for each makes a sorted run of it.
 * The result is cut into as many ranges, by lines sampled from the runs; a task "merge" for each merges what all runs have in it. It is
 * submitted at once, `after` the sorts: the daemon holds it back until they have finished well. Ranges are written in order, as they come.
 *
 * The pool's workers are processes forked from this one; each has a connection of its own and one slot. Through the daemon goes only who
 * does what: a task is called with a number, a merge gives its size. The text goes through memory that all share since the fork: the
 * input as it was mapped or read, the runs, the result. It has no name: there is no temporary file to remove, however anybody dies.
 * It takes about three times the size of the input.
 *
 * A worker may be killed at any moment, with -9 as well. Its task begins again in another (`retries`), and a new worker is forked in
 * its place: SIGCHLD interrupts the wait for a task, see await(). To begin again does no harm, because a task reads only what is
 * finished and writes only what is its own, the same bytes each time. Should this process be killed, its pool, which is ephemeral, goes
 * with it, and that ends the workers. A file that is cut short while it is sorted kills workers (SIGBUS) until the retries are used up.
 */
#include <argp.h>
#include <assert.h>
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "sluice.h"

/* A task is `after` at most 64. A smaller chunk, in bytes, is not worth a task. */
enum { RUNS_MAX = 64, JOBS_MAX = 64, SAMPLES = 32, RETRIES = 3, CHUNK_MIN = 128 << 10 };

/* Whole lines. */
struct span {
    const char *begin, *end;
};

/* What is to be done. Complete before the first worker is forked, and never changed: every process has the same. */
static struct plan {
    struct span text;           /* the last line may have no newline */
    char *runs, *result;        /* cut[count] bytes each, shared; every line has a newline */
    size_t count;               /* of runs, and of ranges */
    size_t cut[RUNS_MAX + 1];   /* run i is from cut[i] to cut[i + 1], as its chunk is in the text */
    long jobs;                  /* workers */
    const char *input, *output; /* NULL: the standard ones */
    const char *halfway;        /* NULL: nobody stops */
} plan;

/* ---- Lines */

struct line {
    uint64_t head; /* its first 8 bytes as a number, the first one the highest: most comparisons end here */
    const char *text;
    size_t size; /* without the newline */
};

static size_t span_size(struct span s)
{
    return (size_t)(s.end - s.begin);
}

/* Takes the first line from the rest; false: there is none. */
static bool take_line(struct span *rest, struct line *ret)
{
    const char *begin = rest->begin, *end = memchr(begin, '\n', span_size(*rest));
    if (begin == rest->end)
        return false;
    rest->begin = end != NULL ? end + 1 : rest->end;
    *ret = (struct line){0, begin, (size_t)((end != NULL ? end : rest->end) - begin)};
    memcpy(&ret->head, begin, MIN(ret->size, sizeof ret->head));
    ret->head = be64toh(ret->head);
    return true;
}

/* The line that the byte at `within`, which is in s, belongs to. */
static struct line line_around(struct span s, const char *within)
{
    const char *before = memrchr(s.begin, '\n', (size_t)(within - s.begin));
    struct span rest = {before != NULL ? before + 1 : s.begin, s.end};
    struct line line = {0};
    take_line(&rest, &line);
    return line;
}

/* For qsort. Heads of lines of less than 8 bytes end in zeros, so equal heads say nothing of where lines end. */
static int compare(const void *one, const void *other)
{
    const struct line *a = one, *b = other;
    if (a->head != b->head)
        return a->head < b->head ? -1 : 1;
    int order = memcmp(a->text, b->text, MIN(a->size, b->size));
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

/* ---- The tasks */

/* For tests: the first attempt at number 0 of each round stops here, says so, and waits to be killed or told to stop. */
static void halfway(sluice_run *run)
{
    const struct sluice_job *job = sluice_run_job(run);
    struct pollfd stop = {.fd = sluice_run_fd(run), .events = POLLIN};
    if (plan.halfway != NULL && job->item.value.integer == 0 && job->deliveries == 1) {
        sluice_send(sluice_run_client(run), sluice_chan_named(plan.halfway), sluice_int(getpid()), NULL);
        poll(&stop, 1, -1);
    }
}

static char *put_line(char *to, const struct line *line)
{
    memcpy(to, line->text, line->size);
    to[line->size] = '\n';
    return to + line->size + 1;
}

/* The lines of a span, for free(). Without the memory for them the worker ends, and fewer are left, which need less. */
static struct line *lines_of(struct span rest, size_t *ret_count)
{
    size_t room = 1, count = 0;
    for (struct span s = rest; (s.begin = memchr(s.begin, '\n', span_size(s))) != NULL; s.begin++)
        room++;
    struct line *lines = malloc(room * sizeof *lines);
    if (lines == NULL)
        err(EX_OSERR, "a worker");
    while (take_line(&rest, &lines[count]))
        count++;
    *ret_count = count;
    return lines;
}

/* The function "sort": makes the run of this number from its chunk. */
static bool sort_chunk(sluice_run *run, void *argument)
{
    const size_t *cut = &plan.cut[sluice_run_job(run)->item.value.integer];
    size_t count, size = span_size(plan.text);
    struct span chunk = {plan.text.begin + cut[0], plan.text.begin + MIN(cut[1], size)};
    struct line *lines = lines_of(chunk, &count);
    char *to = plan.runs + cut[0];
    (void)argument;
    qsort(lines, count, sizeof *lines, compare);
    for (size_t i = 0; i < count; i++) {
        if (i == count / 2)
            halfway(run);
        to = put_line(to, &lines[i]);
    }
    assert(to == plan.runs + cut[1]);
    free(lines);
    return true;
}

static struct span run_numbered(size_t i)
{
    return (struct span){plan.runs + plan.cut[i], plan.runs + plan.cut[i + 1]};
}

/* Lines from all over the runs, sorted; how many. They are the same for every range, so that the ranges meet. */
static size_t sample(struct line samples[RUNS_MAX * SAMPLES])
{
    size_t count = 0;
    for (size_t i = 0; i < plan.count; i++) {
        struct span run = run_numbered(i);
        for (size_t n = 0; n < SAMPLES && run.begin < run.end; n++)
            samples[count++] = line_around(run, run.begin + span_size(run) / SAMPLES * n);
    }
    qsort(samples, count, sizeof *samples, compare);
    return count;
}

/* The first line of a run that is not below the bound, or the run's end. */
static const char *lower_bound(struct span run, const struct line *bound)
{
    while (run.begin < run.end) {
        struct line middle = line_around(run, run.begin + span_size(run) / 2);
        if (compare(&middle, bound) < 0)
            run.begin = middle.text + middle.size + 1;
        else
            run.end = middle.text;
    }
    return run.begin;
}

/* A run that is being merged: its next line, and what is behind that. */
struct source {
    struct line line;
    struct span rest;
};

/* Moves the source at `at` down the heap, whose least line is on top, to its place. */
static void sift_down(struct source **heap, size_t count, size_t at)
{
    struct source *moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare(&heap[child + 1]->line, &heap[child]->line) < 0)
            child++;
        if (compare(&moved->line, &heap[child]->line) <= 0)
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static char *merge(sluice_run *run, const struct span parts[RUNS_MAX], char *to, const char *middle)
{
    struct source sources[RUNS_MAX], *heap[RUNS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < plan.count; i++) {
        sources[i].rest = parts[i];
        if (take_line(&sources[i].rest, &sources[i].line))
            heap[count++] = &sources[i];
    }
    for (size_t at = count / 2; at-- > 0;)
        sift_down(heap, count, at);
    while (count > 0) {
        if (to <= middle && to + heap[0]->line.size + 1 > middle)
            halfway(run);
        to = put_line(to, &heap[0]->line);
        if (!take_line(&heap[0]->rest, &heap[0]->line))
            heap[0] = heap[--count];
        sift_down(heap, count, 0);
    }
    return to;
}

/* The function "merge": makes the range of this number, which begins behind all that is below it in the runs; gives its size. */
static bool merge_range(sluice_run *run, void *argument)
{
    size_t range = (size_t)sluice_run_job(run)->item.value.integer, below = 0, size = 0;
    struct line samples[RUNS_MAX * SAMPLES] = {0};
    struct span parts[RUNS_MAX];
    size_t count = sample(samples);
    (void)argument;
    for (size_t i = 0; i < plan.count; i++) {
        struct span all = parts[i] = run_numbered(i);
        if (range > 0)
            parts[i].begin = lower_bound(all, &samples[count * range / plan.count]);
        if (range + 1 < plan.count)
            parts[i].end = lower_bound(all, &samples[count * (range + 1) / plan.count]);
        below += (size_t)(parts[i].begin - all.begin);
        size += span_size(parts[i]);
    }
    char *to = plan.result + below, *end = merge(run, parts, to, to + size / 2);
    assert(end == to + size);
    return sluice_run_return(run, sluice_int((int64_t)size)) == SLUICE_OK;
}

/* ---- The workers */

static struct crew {
    sluice *s;
    sluice_pool pool;
    char name[40]; /* the pool's */
    pid_t pids[JOBS_MAX];
    long count;
} crew;

static int fail(const char *what, enum sluice_status status)
{
    warnx("%s: %s", what, sluice_errmsg());
    return sluice_exit_code(status);
}

/* A worker's life, until the pool is removed. Its connection is its own; handles are the parent's, names everybody's. */
static int work(void)
{
    const struct sluice_function functions[] = {{"sort", sort_chunk, NULL}, {"merge", merge_range, NULL}};
    sluice_pool pool = sluice_pool_named(crew.name);
    signal(SIGCHLD, SIG_DFL);
    enum sluice_status status = sluice_worker_run(crew.s, pool, 1, functions, 2, NULL);
    return status == SLUICE_REMOVED || status == SLUICE_NOT_FOUND ? 0 : fail("working", status);
}

static pid_t crew_add(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(work());
    if (pid < 0)
        warn("cannot start a worker");
    return pid;
}

/* Buries the workers that have died, starts another for each that was killed; false: none is left. */
static bool crew_tend(void)
{
    bool any = false;
    for (long i = 0; i < crew.count; i++) {
        pid_t pid = crew.pids[i];
        int how;
        if (pid > 0 && waitpid(pid, &how, WNOHANG) > 0) {
            crew.pids[i] = WIFSIGNALED(how) ? crew_add() : 0;
            if (WIFSIGNALED(how))
                warnx("worker %d: %s; another takes its place", (int)pid, strsignal(WTERMSIG(how)));
        }
        any = any || crew.pids[i] > 0;
    }
    return any;
}

/* Connects, makes the pool and starts the workers. */
static enum sluice_status crew_start(long count)
{
    struct sluice_options options = SLUICE_OPTIONS_INIT;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_pool_spec spec = SLUICE_POOL_SPEC_INIT;
    snprintf(crew.name, sizeof crew.name, "example/psort-%d", (int)getpid());
    options.interruptible = true;
    how.name = crew.name;
    how.exclusive = true;
    how.lifetime = SLUICE_EPHEMERAL;
    enum sluice_status status = sluice_open(&options, &crew.s);
    if (status == SLUICE_OK)
        status = sluice_pool_make_with(crew.s, &how, &spec, &crew.pool, NULL);
    for (; status == SLUICE_OK && crew.count < count; crew.count++)
        crew.pids[crew.count] = crew_add();
    return status;
}

/* A worker has died: whatever this process waits for returns CANCELED, now or when it is called. */
static void interrupt(int signal_number)
{
    int saved = errno;
    (void)signal_number;
    sluice_interrupt(crew.s);
    errno = saved;
}

/* Ends the workers, whatever they do, and waits for them. */
static void crew_end(void)
{
    signal(SIGCHLD, SIG_DFL);
    if (crew.count > 0)
        sluice_remove(crew.s, crew.pool.ref);
    for (long i = 0; i < crew.count; i++)
        if (crew.pids[i] > 0)
            waitpid(crew.pids[i], NULL, 0);
    crew.s = sluice_close(crew.s);
}

/* ---- The whole. Each of these gives an exit code, and has said why when it is not 0. */

/* Waits until a task has finished, and tends the workers meanwhile. */
static int await(sluice_task task, size_t *ret_given)
{
    struct sluice_ending ending = {0};
    enum sluice_status status;
    do {
        sluice_interrupt_reset(crew.s); /* first: who dies from here on interrupts again */
        if (!crew_tend()) {
            warnx("no worker is left");
            return EX_UNAVAILABLE;
        }
        status = sluice_task_wait(crew.s, task, NULL, &ending);
    } while (status == SLUICE_CANCELED);
    if (status != SLUICE_OK)
        return fail("waiting for a task", status);
    bool failed = ending.failed;
    if (failed)
        warnx("a task: %s", ending.cause != NULL ? ending.cause : sluice_strstatus(ending.status));
    else
        *ret_given = (size_t)ending.item.value.integer;
    sluice_ending_free(&ending);
    return failed ? EX_SOFTWARE : 0;
}

/* Submits the tasks 0, 1, 2... of a round. */
static int submit(const char *function, const sluice_task *after, size_t after_count, sluice_task *ret)
{
    struct sluice_task_spec spec = SLUICE_TASK_SPEC_INIT;
    enum sluice_status status = SLUICE_OK;
    spec.function = function;
    spec.retries = RETRIES;
    spec.after = after;
    spec.after_count = after_count;
    for (size_t i = 0; i < plan.count && status == SLUICE_OK; i++) {
        spec.value = sluice_int((int64_t)i);
        status = sluice_go(crew.s, crew.pool, &spec, NULL, &ret[i], NULL);
    }
    return status == SLUICE_OK ? 0 : fail("submitting", status);
}

static int complain(const char *what, int code)
{
    warn("%s", what);
    return code;
}

/* Runs both rounds, and writes. Only once all runs are there is the output emptied: it may be the input. */
static int sort(void)
{
    struct sigaction on_death = {.sa_handler = interrupt, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
    sluice_task sorts[RUNS_MAX], merges[RUNS_MAX];
    FILE *to = stdout;
    size_t size = 0, written = 0;
    int code = submit("sort", NULL, 0, sorts);
    if (code == 0)
        code = submit("merge", sorts, plan.count, merges);
    sigaction(SIGCHLD, &on_death, NULL);
    for (size_t i = 0; i < plan.count && code == 0; i++)
        code = await(sorts[i], &size);
    if (code == 0 && plan.output != NULL && (to = fopen(plan.output, "we")) == NULL)
        return complain(plan.output, EX_CANTCREAT);
    for (size_t i = 0; i < plan.count && code == 0; i++, written += size)
        if ((code = await(merges[i], &size)) == 0 && fwrite(plan.result + written, 1, size, to) != size)
            code = complain("writing", EX_IOERR);
    assert(code != 0 || written == plan.cut[plan.count]);
    if (fclose(to) != 0 && code == 0)
        code = complain("writing", EX_IOERR);
    return code;
}

/* ---- The plan */

/* Takes a file from where it stands, mapped; all else is read. False: errno says why. */
static bool take_text(int fd)
{
    struct stat st;
    static char *text; /* kept to the end */
    size_t room = 0, size = 0;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && at >= 0 && at < st.st_size) {
        text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        plan.text = (struct span){text + at, text + st.st_size};
        return text != MAP_FAILED;
    }
    for (ssize_t n = 1; n > 0; size += (size_t)n) {
        char *larger = size < room ? text : realloc(text, room = room * 2 + (1 << 20));
        if (larger == NULL || (n = read(fd, larger + size, room - size)) < 0)
            return false;
        text = larger;
        plan.text = (struct span){text, text + size + n};
    }
    return true;
}

/* Four tasks a worker in each round, so that all are busy to its end. An empty text has none. False: errno says why. */
static bool make_plan(void)
{
    size_t size = span_size(plan.text), most = 4 * (size_t)plan.jobs;
    if (size == 0)
        return true;
    plan.count = MIN(size / CHUNK_MIN + 1, MIN(most, RUNS_MAX));
    for (size_t i = 1; i < plan.count; i++) {
        struct line first = line_around(plan.text, plan.text.begin + size / plan.count * i);
        plan.cut[i] = (size_t)(first.text - plan.text.begin);
    }
    size = plan.cut[plan.count] = size + (plan.text.end[-1] != '\n');
    plan.runs = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    plan.result = plan.runs + size;
    return plan.runs != MAP_FAILED;
}

/* ---- The command line */

static error_t take_option(int key, char *arg, struct argp_state *state)
{
    char *end;
    switch (key) {
    case 'j':
        plan.jobs = strtol(arg, &end, 10);
        if (*end != '\0' || plan.jobs < 1 || plan.jobs > JOBS_MAX)
            argp_error(state, "-j: '%s' is not a number from 1 to %d", arg, JOBS_MAX);
        return 0;
    case 'o': plan.output = arg; return 0;
    case 'H': plan.halfway = arg; return 0;
    case ARGP_KEY_ARG:
        plan.input = strcmp(arg, "-") != 0 ? arg : NULL;
        return state->arg_num == 0 ? 0 : ARGP_ERR_UNKNOWN;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    const struct argp_option options[] = {
        {"jobs", 'j', "N", 0, "processes that sort; the default is the number of processors", 0},
        {"output", 'o', "FILE", 0, "write the result there; it may be the input", 0},
        {"halfway", 'H', "CHANNEL", 0, "for tests: stop halfway, send the pid there, wait for death", 0},
        {0},
    };
    const char *text = "Sort the lines of FILE, or of the standard input, by bytes, in several processes.";
    const struct argp argp = {options, take_option, "[FILE]", text, NULL, NULL, NULL};
    plan.jobs = MIN(MAX(sysconf(_SC_NPROCESSORS_ONLN), 1), JOBS_MAX);
    argp_parse(&argp, argc, argv, 0, NULL, NULL);
    int fd = plan.input != NULL ? open(plan.input, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (fd < 0 || !take_text(fd) || !make_plan())
        err(EX_NOINPUT, "%s", plan.input != NULL ? plan.input : "standard input");
    enum sluice_status status = crew_start(plan.count > 0 ? plan.jobs : 0);
    int code = status == SLUICE_OK ? sort() : fail("starting", status);
    crew_end();
    return code;
}

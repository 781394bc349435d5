/*
 * tasks.c - one contender, one figure, of pools and tasks: what `run` compares.
 *
 *     tasks one sluice COUNT                 tasks a second: one client submits, takes and ends one after the other
 *     tasks one beanstalk SOCKET COUNT       the same: put, reserve and delete
 *     tasks flight sluice COUNT              tasks a second: one process submits, one takes and ends, each 64 in flight
 *     tasks flight beanstalk SOCKET COUNT    the same
 *     tasks alone COUNT                      us from submitting a task to its result, with nobody else in the pool
 *     tasks beside-hog COUNT                 the same beside another submitter, who has put in 100000 tasks and goes on
 *
 * A job has 32 bytes. beanstalkd is spoken to over a raw unix socket, without a write-ahead log, with commands written down beforehand: no
 * client is faster. A task of Sluice's gives a result and has a handle, which the client gives up: that is one more request where tasks are
 * run one by one; in flight the handles are left to the end of the session.
 */
#include <signal.h>
#include <sys/wait.h>

#include "bench.h"

enum { SIZE = 32, IN_FLIGHT = 64, WARM_UP = 100, HOGGED = 100000 };

static const char payload[SIZE + 1] = "0123456789abcdef0123456789abcdef";
static const char hogged_pool[] = "bench-hogged";
static const char *path; /* of beanstalkd's socket */

/* ---- Sluice ---- */

static struct sluice_task_spec spec(void)
{
    struct sluice_task_spec sp = SLUICE_TASK_SPEC_INIT;
    sp.value = sluice_bytes(payload, SIZE);
    sp.keep_ns = 1;
    return sp;
}

static sluice_pool pool(const char *name)
{
    sluice_pool p;
    must(sluice_pool_make(connection(), name, &p), name);
    return p;
}

static uint64_t attach(sluice_pool p, uint32_t slots)
{
    static const char *const commands[] = {""};
    uint64_t token;
    must(sluice_pool_work(connection(), p, slots, commands, 1, &token), "work");
    return token;
}

static void end_job(struct sluice_job *job)
{
    must(sluice_task_end(connection(), sluice_task_numbered(job->number), job->token, false, sluice_none(),
                         NULL),
         "end");
    sluice_job_free(job);
}

static void sluice_one(uint64_t n)
{
    sluice *s = connection();
    static sluice_pool p;
    static uint64_t token;
    struct sluice_task_spec sp = spec();
    if (!token) {
        p = pool("bench-one");
        token = attach(p, 1);
    }
    for (uint64_t i = 0; i < n; i++) {
        struct sluice_job job;
        must(sluice_go(s, p, &sp, NULL, NULL, NULL), "go");
        must(sluice_pool_pull(s, p, token, NULL, &job), "pull");
        end_job(&job);
    }
}

static void submit(sluice_pool p, const struct sluice_task_spec *sp, uint64_t n)
{
    sluice *s = connection();
    uint64_t started = 0, done = 0;
    while (done < n) {
        sluice_future *f;
        for (; started < n && started - done < IN_FLIGHT; started++)
            must(sluice_go_start(s, p, sp, NULL, &f), "go");
        must(sluice_wait_any(s, -1), "wait");
        for (; (f = sluice_next_done(s)); done++)
            must(sluice_future_finish(f, NULL), "finish");
    }
}

static void sluice_submit(uint64_t n)
{
    struct sluice_task_spec sp = spec();
    submit(pool("bench-flight"), &sp, n);
}

/* Pulls that are under way have the pool's address as their data, ends have none. */
static void sluice_work(uint64_t n)
{
    sluice *s = connection();
    static sluice_pool p;
    static uint64_t token;
    uint64_t pulled = 0, done = 0;
    if (!token) {
        p = pool("bench-flight");
        token = attach(p, IN_FLIGHT);
    }
    for (; pulled < n && pulled < IN_FLIGHT; pulled++) {
        sluice_future *f;
        must(sluice_pool_pull_start(s, p, token, NULL, &f), "pull");
        sluice_future_set_data(f, &p);
    }
    while (done < n) {
        must(sluice_wait_any(s, -1), "wait");
        for (sluice_future *f; (f = sluice_next_done(s));) {
            struct sluice_result result;
            bool pull = sluice_future_data(f) != NULL;
            must(sluice_future_finish(f, &result), "finish");
            if (!pull) {
                done++;
                continue;
            }
            must(sluice_task_end_start(s, sluice_task_numbered(result.job.number), result.job.token, false,
                                       sluice_none(), NULL, &f),
                 "end");
            sluice_item_free(&result.item);
            sluice_job_free(&result.job);
            if (pulled++ >= n)
                continue;
            must(sluice_pool_pull_start(s, p, token, NULL, &f), "pull");
            sluice_future_set_data(f, &p);
        }
    }
}

/* ---- beanstalkd ---- */

static int beanstalk(void)
{
    static int fd = -1;
    if (fd < 0)
        fd = redis_connect(path); /* any unix socket */
    return fd;
}

static const char put[] = "put 0 0 60 32\r\n0123456789abcdef0123456789abcdef\r\n";
static const char reserve[] = "reserve\r\n";

struct replies {
    char buf[1 << 14];
    size_t have, at;
};

/* The next reply's line; what follows it is passed over. */
static const char *next_reply(struct replies *r)
{
    static char line[64];
    for (;;) {
        char *end = memchr(r->buf + r->at, '\n', r->have - r->at);
        size_t size = end ? (size_t)(end + 1 - (r->buf + r->at)) : 0;
        size_t whole = size + (end && strncmp(r->buf + r->at, "RESERVED", 8) == 0 ? SIZE + 2 : 0);
        if (end && r->have - r->at >= whole && size < sizeof line) {
            memcpy(line, r->buf + r->at, size);
            line[size] = 0;
            r->at += whole;
            return line;
        }
        memmove(r->buf, r->buf + r->at, r->have -= r->at);
        r->at = 0;
        ssize_t n = read(beanstalk(), r->buf + r->have, sizeof r->buf - r->have);
        if (n <= 0)
            die("beanstalkd");
        r->have += (size_t)n;
    }
}

static uint64_t expect(struct replies *r, const char *word)
{
    const char *line = next_reply(r);
    size_t size = strlen(word);
    if (strncmp(line, word, size) != 0) {
        fprintf(stderr, "bench: beanstalkd: %s", line);
        exit(1);
    }
    return number(line + size);
}

static void delete (uint64_t id, char *buf, size_t *size)
{
    *size += (size_t)sprintf(buf + *size, "delete %llu\r\n", (unsigned long long)id);
}

static void beanstalk_one(uint64_t n)
{
    static struct replies r;
    char buf[64];
    for (uint64_t i = 0; i < n; i++) {
        size_t size = 0;
        write_all(beanstalk(), put, sizeof put - 1);
        expect(&r, "INSERTED ");
        write_all(beanstalk(), reserve, sizeof reserve - 1);
        delete (expect(&r, "RESERVED "), buf, &size);
        write_all(beanstalk(), buf, size);
        expect(&r, "DELETED");
    }
}

/* The same command so many times. */
static size_t repeated(char *buf, const char *command, uint64_t times)
{
    size_t size = 0;
    for (uint64_t i = 0; i < times; i++)
        size += (size_t)sprintf(buf + size, "%s", command);
    return size;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void beanstalk_submit(uint64_t n)
{
    static struct replies r;
    char buf[IN_FLIGHT * sizeof put];
    while (n > 0) {
        uint64_t some = least(n, IN_FLIGHT);
        write_all(beanstalk(), buf, repeated(buf, put, some));
        for (uint64_t i = 0; i < some; i++)
            expect(&r, "INSERTED ");
        n -= some;
    }
}

static void beanstalk_work(uint64_t n)
{
    static struct replies r;
    char buf[IN_FLIGHT * 32];
    while (n > 0) {
        uint64_t some = least(n, IN_FLIGHT);
        size_t size = 0;
        write_all(beanstalk(), buf, repeated(buf, reserve, some));
        for (uint64_t i = 0; i < some; i++)
            delete (expect(&r, "RESERVED "), buf, &size);
        write_all(beanstalk(), buf, size);
        for (uint64_t i = 0; i < some; i++)
            expect(&r, "DELETED");
        n -= some;
    }
}

/* ---- Figures ---- */

static double one_per_second(void (*run)(uint64_t n), uint64_t count)
{
    run(WARM_UP);
    int64_t start = clock_now_ns();
    run(count);
    return (double)count * 1e9 / (double)(clock_now_ns() - start);
}

static void child(void (*run)(uint64_t n), uint64_t n, int ready_fd, int go_fd)
{
    char byte = 0;
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid > 0)
        return;
    run(0); /* connect */
    write_all(ready_fd, &byte, 1);
    read_all(go_fd, &byte, 1);
    run(n);
    _exit(0);
}

/* A submitter and a worker start at once; the time runs until both are done. */
static double flight_per_second(void (*giver)(uint64_t n), void (*taker)(uint64_t n), uint64_t count)
{
    int ready[2], go[2], status, failed = 0;
    char bytes[2] = {0};
    if (pipe(ready) || pipe(go))
        die("pipe");
    child(giver, count, ready[1], go[0]);
    child(taker, count, ready[1], go[0]);
    read_all(ready[0], bytes, 2);
    int64_t start = clock_now_ns();
    write_all(go[1], bytes, 2);
    for (int i = 0; i < 2; i++)
        failed += wait(&status) < 0 || status != 0;
    if (failed)
        exit(1);
    return (double)count * 1e9 / (double)(clock_now_ns() - start);
}

/* Takes and ends whatever there is, one at a time, until it is killed. */
static void work_for_ever(const char *name)
{
    sluice_pool p = pool(name);
    uint64_t token = attach(p, 1);
    for (;;) {
        struct sluice_job job;
        must(sluice_pool_pull(connection(), p, token, NULL, &job), "pull");
        end_job(&job);
    }
}

/* Puts in so many tasks, says so, and goes on with one after the other. */
static void hog(int ready_fd)
{
    sluice *s = connection();
    sluice_pool p = pool(hogged_pool);
    struct sluice_task_spec sp = spec();
    char byte = 0;
    submit(p, &sp, HOGGED);
    write_all(ready_fd, &byte, 1);
    for (;;) {
        sluice_task task;
        must(sluice_go(s, p, &sp, NULL, &task, NULL), "go");
        must(sluice_drop(s, task.ref), "drop");
    }
}

static double latency_us(uint64_t count, bool hogged)
{
    const char *name = hogged ? hogged_pool : "bench-alone";
    int ready[2];
    char byte;
    pid_t pids[2] = {0};
    if (pipe(ready))
        die("pipe");
    if (hogged && (pids[0] = fork()) == 0)
        hog(ready[1]);
    if (hogged)
        read_all(ready[0], &byte, 1);
    if ((pids[1] = fork()) == 0)
        work_for_ever(name);
    sluice *s = connection();
    sluice_pool p = pool(name);
    struct sluice_task_spec sp = spec();
    sp.keep_ns = 0; /* its result is wanted */
    int64_t start = 0;
    for (uint64_t i = 0; i < count + WARM_UP; i++) {
        sluice_task task;
        struct sluice_ending ending;
        if (i == WARM_UP)
            start = clock_now_ns();
        must(sluice_go(s, p, &sp, NULL, &task, NULL), "go");
        must(sluice_task_wait(s, task, NULL, &ending), "wait");
        sluice_ending_free(&ending);
        must(sluice_drop(s, task.ref), "drop");
    }
    double us = (double)(clock_now_ns() - start) / 1e3 / (double)count;
    for (int i = 0; i < 2; i++)
        if (pids[i] > 0) {
            kill(pids[i], SIGKILL);
            waitpid(pids[i], NULL, 0);
        }
    must(sluice_remove(s, p.ref), "remove");
    return us;
}

int main(int argc, char **argv)
{
    bool peer = argc > 4 && strcmp(argv[2], "beanstalk") == 0;
    bool own = argc > 3 && strcmp(argv[2], "sluice") == 0;
    const char *what = argc > 2 ? argv[1] : "";
    uint64_t n = number(argv[argc - 1]);
    double figure;
    errno = 0;
    if (peer)
        path = argv[3];
    if (strcmp(what, "one") == 0 && (own || peer))
        figure = one_per_second(own ? sluice_one : beanstalk_one, n);
    else if (strcmp(what, "flight") == 0 && own)
        figure = flight_per_second(sluice_submit, sluice_work, n);
    else if (strcmp(what, "flight") == 0 && peer)
        figure = flight_per_second(beanstalk_submit, beanstalk_work, n);
    else if (strcmp(what, "alone") == 0)
        figure = latency_us(n, false);
    else if (strcmp(what, "beside-hog") == 0)
        figure = latency_us(n, true);
    else
        return 64;
    printf("%.1f\n", figure);
    return 0;
}

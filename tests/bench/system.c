/*
 * system.c - one contender, one figure: what `run` compares.
 *
 *     system floor ROUNDS                 ns for a ping-pong of 32 bytes over a raw unix socket, two processes
 *     system relay ROUNDS                 the same through a third process, which passes the bytes on both ways
 *     system roundtrip OPS                ns for one operation: send and receive in turn through a buffered channel
 *     system handoff ROUNDS               ns for a value to another process and back, through unbuffered channels
 *     system flight OPS CLIENTS           operations a second, 64 in flight from each client process
 *     system batch VALUES                 values a second, one sender to one receiver, 256 a batch
 *     system park COUNT                   parks so many receives, says so, and waits for the end of its stdin
 *     system spawn TIMES COMMAND...       us to run a command to its end
 *     system redis-roundtrip SOCKET OPS   the same as roundtrip: RPUSH and LPOP in turn
 *     system redis-flight SOCKET OPS      operations a second, RPUSH and LPOP pipelined 64 at a time
 *     system redis-transfer SOCKET VALUES values a second, one process RPUSHes and one LPOPs, each pipelined 64
 *
 * Redis is spoken to over a raw socket with commands written down beforehand: no client is faster.
 */
#include <spawn.h>
#include <sys/wait.h>

#include "bench.h"

enum { SIZE = 32, IN_FLIGHT = 64, BATCH = 256, BATCHES_IN_FLIGHT = 4 };

static const char payload[SIZE + 1] = "0123456789abcdef0123456789abcdef";

/* ---- Several processes: each says that it is ready, all start at once, and the time runs until the last is done. ---- */

static pid_t child(void (*run)(uint64_t n, void *argument), uint64_t n, void *argument, int ready_fd,
                   int go_fd)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    char byte = 0;
    run(0, argument); /* warm up: connect */
    write_all(ready_fd, &byte, 1);
    read_all(go_fd, &byte, 1);
    run(n, argument);
    _exit(0);
}

static int64_t together_ns(void (*const runs[])(uint64_t, void *), size_t count, uint64_t n, void *argument)
{
    int ready[2], go[2], status, failed = 0;
    char bytes[16] = {0};
    if (pipe(ready) || pipe(go) || count > sizeof bytes)
        die("pipe");
    for (size_t i = 0; i < count; i++)
        if (child(runs[i], n, argument, ready[1], go[0]) < 0)
            die("fork");
    read_all(ready[0], bytes, count);
    int64_t start = clock_now_ns();
    write_all(go[1], bytes, count);
    for (size_t i = 0; i < count; i++)
        failed += wait(&status) < 0 || status != 0;
    if (failed)
        exit(1);
    return clock_now_ns() - start;
}

/* ---- The floor ---- */

static void floor_echo(int fd)
{
    char buf[SIZE];
    for (;;) {
        ssize_t n = read(fd, buf, sizeof buf);
        if (n <= 0)
            _exit(0);
        write_all(fd, buf, (size_t)n);
    }
}

/* Pass what comes from either side on to the other, in turn. */
static void relay_pass(int a, int b)
{
    char buf[SIZE];
    for (;;) {
        ssize_t n = read(a, buf, sizeof buf);
        if (n <= 0)
            _exit(0);
        write_all(b, buf, (size_t)n);
        read_all(b, buf, SIZE);
        write_all(a, buf, SIZE);
    }
}

/* A ping-pong with an echo, or with a relay before the echo. */
static double pingpong_ns(uint64_t rounds, bool relayed)
{
    int near[2], far[2];
    char buf[SIZE];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, near) || socketpair(AF_UNIX, SOCK_STREAM, 0, far))
        die("socketpair");
    if (fork() == 0) {
        close(near[0]);
        close(far[0]);
        floor_echo(relayed ? far[1] : near[1]);
    }
    if (relayed && fork() == 0) {
        close(near[0]);
        close(far[1]);
        relay_pass(near[1], far[0]);
    }
    close(near[1]);
    close(far[0]);
    close(far[1]);
    int64_t start = clock_now_ns();
    for (uint64_t i = 0; i < rounds; i++) {
        write_all(near[0], payload, SIZE);
        read_all(near[0], buf, SIZE);
    }
    int64_t taken = clock_now_ns() - start;
    close(near[0]);
    while (wait(NULL) > 0)
        ;
    return (double)taken / (double)rounds;
}

/* ---- Sluice ---- */

static sluice_chan channel(const char *name, int64_t cap)
{
    sluice_chan ch;
    must(sluice_chan_make(connection(), name, cap, &ch), name);
    return ch;
}

static double roundtrip_ns(uint64_t ops)
{
    uint64_t pairs = ops / 2;
    sluice *s = connection();
    sluice_chan ch = channel("bench-roundtrip", 16);
    struct sluice_item item;
    int64_t start = 0;
    for (uint64_t i = 0; i < pairs + 100; i++) {
        if (i == 100)
            start = clock_now_ns();
        must(sluice_send(s, ch, sluice_bytes(payload, SIZE), NULL), "send");
        must(sluice_recv(s, ch, NULL, &item), "receive");
        sluice_item_free(&item);
    }
    return (double)(clock_now_ns() - start) / (double)(2 * pairs);
}

static void handoff_there(uint64_t n, void *unused)
{
    (void)unused;
    sluice *s = connection();
    sluice_chan out = channel("bench-there", 0), back = channel("bench-back", 0);
    struct sluice_item item;
    for (uint64_t i = 0; i < n; i++) {
        must(sluice_send(s, out, sluice_bytes(payload, SIZE), NULL), "send");
        must(sluice_recv(s, back, NULL, &item), "receive");
        sluice_item_free(&item);
    }
}

static void handoff_back(uint64_t n, void *unused)
{
    (void)unused;
    sluice *s = connection();
    sluice_chan in = channel("bench-there", 0), back = channel("bench-back", 0);
    struct sluice_item item;
    for (uint64_t i = 0; i < n; i++) {
        must(sluice_recv(s, in, NULL, &item), "receive");
        must(sluice_send(s, back, item.value, NULL), "send");
        sluice_item_free(&item);
    }
}

static void flight_start(sluice *s, sluice_chan ch, uint64_t i)
{
    sluice_future *f;
    if (i % 2 == 0)
        must(sluice_send_start(s, ch, sluice_bytes(payload, SIZE), NULL, &f), "send");
    else
        must(sluice_recv_start(s, ch, 0, NULL, &f), "receive");
}

static void flight(uint64_t n, void *unused)
{
    (void)unused;
    sluice *s = connection();
    char name[32];
    snprintf(name, sizeof name, "bench-flight-%d", (int)getpid());
    sluice_chan ch = channel(name, 2 * IN_FLIGHT);
    struct sluice_result result;
    uint64_t started = 0, done = 0;
    while (done < n) {
        for (; started < n && started - done < IN_FLIGHT; started++)
            flight_start(s, ch, started);
        must(sluice_wait_any(s, -1), "wait");
        for (sluice_future *f; (f = sluice_next_done(s)); done++) {
            must(sluice_future_finish(f, &result), "finish");
            sluice_item_free(&result.item);
        }
    }
    if (n)
        must(sluice_remove(s, ch.ref), "remove");
}

static void batch_send(uint64_t n, void *unused)
{
    (void)unused;
    sluice *s = connection();
    sluice_chan ch = channel("bench-batch", 4 * BATCH);
    struct sluice_value values[BATCH];
    struct sluice_result result;
    for (size_t i = 0; i < BATCH; i++)
        values[i] = sluice_bytes(payload, SIZE);
    uint64_t started = 0, done = 0;
    while (done < n) {
        sluice_future *f;
        for (; started < n && started - done < BATCHES_IN_FLIGHT * BATCH; started += BATCH)
            must(sluice_send_many_start(s, ch, values, BATCH, NULL, &f), "send");
        must(sluice_wait_any(s, -1), "wait");
        for (; (f = sluice_next_done(s)); done += BATCH)
            must(sluice_future_finish(f, &result), "finish");
    }
}

static void batch_receive(uint64_t n, void *unused)
{
    (void)unused;
    sluice *s = connection();
    sluice_chan ch = channel("bench-batch", 4 * BATCH);
    struct sluice_result result;
    uint64_t done = 0, in_flight = 0;
    while (done < n) {
        sluice_future *f;
        for (; in_flight < 2; in_flight++)
            must(sluice_recv_many_start(s, ch, BATCH, 0, NULL, &f), "receive");
        must(sluice_wait_any(s, -1), "wait");
        for (; (f = sluice_next_done(s)); in_flight--) {
            must(sluice_future_finish(f, &result), "finish");
            done += result.batch.count;
            if (result.batch.items[0].value.bytes.size != SIZE)
                die("a value of another size");
            sluice_batch_free(&result.batch);
        }
    }
}

static void park(uint64_t count)
{
    sluice *s = connection();
    sluice_chan ch = channel("bench-park", 0);
    char byte;
    for (uint64_t i = 0; i < count; i++) {
        sluice_future *f;
        must(sluice_recv_start(s, ch, 0, NULL, &f), "receive");
    }
    must(sluice_ping(s), "ping"); /* answered after all before it were parked */
    puts("parked");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    _exit(0);
}

/* ---- Redis ---- */

static const char redis_push[] =
    "*3\r\n$5\r\nRPUSH\r\n$5\r\nbench\r\n$32\r\n0123456789abcdef0123456789abcdef\r\n";
static const char redis_pop[] = "*2\r\n$4\r\nLPOP\r\n$5\r\nbench\r\n";

/* Read until so many replies are whole; returns how many of them were values. */
static uint64_t redis_replies(int fd, uint64_t count)
{
    static char buf[1 << 16];
    uint64_t values = 0;
    size_t have = 0, at = 0;
    while (count > 0) {
        char *end = memchr(buf + at, '\n', have - at);
        size_t size = end ? (size_t)(end + 1 - (buf + at)) : 0;
        if (end && buf[at] == '$' && buf[at + 1] != '-')
            size += SIZE + 2;
        if (end && have - at >= size) {
            values += buf[at] == '$' && buf[at + 1] != '-';
            if (buf[at] == '-')
                die("Redis refuses");
            at += size;
            count--;
            continue;
        }
        memmove(buf, buf + at, have -= at);
        at = 0;
        ssize_t n = read(fd, buf + have, sizeof buf - have);
        if (n <= 0)
            die("Redis");
        have += (size_t)n;
    }
    return values;
}

static double redis_roundtrip_ns(const char *path, uint64_t ops)
{
    uint64_t pairs = ops / 2;
    int fd = redis_connect(path);
    int64_t start = 0;
    for (uint64_t i = 0; i < pairs + 100; i++) {
        if (i == 100)
            start = clock_now_ns();
        write_all(fd, redis_push, sizeof redis_push - 1);
        redis_replies(fd, 1);
        write_all(fd, redis_pop, sizeof redis_pop - 1);
        redis_replies(fd, 1);
    }
    return (double)(clock_now_ns() - start) / (double)(2 * pairs);
}

/* As many commands in a row, of two kinds in turn. */
static size_t redis_pipeline(char *buf, const char *even, const char *odd)
{
    size_t size = 0;
    for (int i = 0; i < IN_FLIGHT; i++)
        size += (size_t)sprintf(buf + size, "%s", i % 2 ? odd : even);
    return size;
}

static double redis_flight_per_second(const char *path, uint64_t ops)
{
    char buf[IN_FLIGHT * sizeof redis_push];
    int fd = redis_connect(path);
    size_t size = redis_pipeline(buf, redis_push, redis_pop);
    int64_t start = clock_now_ns();
    for (uint64_t i = 0; i < ops; i += IN_FLIGHT) {
        write_all(fd, buf, size);
        redis_replies(fd, IN_FLIGHT);
    }
    return (double)ops * 1e9 / (double)(clock_now_ns() - start);
}

static void redis_sender(uint64_t n, void *path)
{
    static int fd;
    char buf[IN_FLIGHT * sizeof redis_push];
    if (!fd)
        fd = redis_connect(path);
    size_t size = redis_pipeline(buf, redis_push, redis_push);
    for (uint64_t i = 0; i < n; i += IN_FLIGHT) {
        write_all(fd, buf, size);
        redis_replies(fd, IN_FLIGHT);
    }
}

static void redis_receiver(uint64_t n, void *path)
{
    static int fd;
    char buf[IN_FLIGHT * sizeof redis_push];
    if (!fd)
        fd = redis_connect(path);
    size_t size = redis_pipeline(buf, redis_pop, redis_pop);
    for (uint64_t got = 0; got < n;) {
        write_all(fd, buf, size);
        got += redis_replies(fd, IN_FLIGHT);
    }
}

/* ---- Processes ---- */

static double spawn_us(uint64_t times, char **command)
{
    extern char **environ;
    int64_t start = clock_now_ns();
    for (uint64_t i = 0; i < times; i++) {
        pid_t pid;
        int status;
        if ((errno = posix_spawnp(&pid, command[0], NULL, NULL, command, environ)) ||
            waitpid(pid, &status, 0) < 0)
            die(command[0]);
        if (status != 0)
            exit(1);
    }
    return (double)(clock_now_ns() - start) / 1e3 / (double)times;
}

static uint64_t rounded(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

int main(int argc, char **argv)
{
    static void (*const handoff[])(uint64_t, void *) = {handoff_there, handoff_back};
    static void (*const flights[])(uint64_t, void *) = {flight, flight, flight, flight,
                                                        flight, flight, flight, flight};
    static void (*const batches[])(uint64_t, void *) = {batch_send, batch_receive};
    static void (*const transfer[])(uint64_t, void *) = {redis_sender, redis_receiver};
    const char *what = argc > 2 ? argv[1] : "";
    char *second = argv[argc > 3 ? 3 : 2];
    uint64_t n = number(argc > 2 ? argv[2] : NULL), m = number(second);
    double figure = 0;
    errno = 0;
    if (strcmp(what, "floor") == 0)
        figure = pingpong_ns(n, false);
    else if (strcmp(what, "relay") == 0)
        figure = pingpong_ns(n, true);
    else if (strcmp(what, "roundtrip") == 0)
        figure = roundtrip_ns(n);
    else if (strcmp(what, "handoff") == 0)
        figure = (double)together_ns(handoff, 2, n, NULL) / (double)n;
    else if (strcmp(what, "flight") == 0 && argc > 3 && m >= 1 && m <= 8)
        figure = (double)n * (double)m * 1e9 / (double)together_ns(flights, m, n, NULL);
    else if (strcmp(what, "batch") == 0)
        figure = (double)rounded(n, BATCH) * 1e9 / (double)together_ns(batches, 2, rounded(n, BATCH), NULL);
    else if (strcmp(what, "park") == 0)
        park(n);
    else if (strcmp(what, "spawn") == 0 && argc > 3)
        figure = spawn_us(n, argv + 3);
    else if (strcmp(what, "redis-roundtrip") == 0 && argc > 3)
        figure = redis_roundtrip_ns(argv[2], m);
    else if (strcmp(what, "redis-flight") == 0 && argc > 3)
        figure = redis_flight_per_second(argv[2], rounded(m, IN_FLIGHT));
    else if (strcmp(what, "redis-transfer") == 0 && argc > 3)
        figure = (double)rounded(m, IN_FLIGHT) * 1e9 /
                 (double)together_ns(transfer, 2, rounded(m, IN_FLIGHT), argv[2]);
    else
        return 64;
    printf("%.1f\n", figure);
    return 0;
}

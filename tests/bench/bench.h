/*
 * bench.h - what the contenders share: to fail, to tell the time, to read and write all of it, and the two servers' connections.
 *
 * A contender is a process that prints one figure and ends. What goes wrong ends it with a message, so that a figure is never one of something that
 * did not happen. One connection to the daemon is enough for a process, and is opened when it is first needed: after the fork.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <sluice.h>

_Noreturn static inline void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, errno ? strerror(errno) : sluice_errmsg());
    exit(1);
}

static inline void must(enum sluice_status status, const char *what)
{
    if (status != SLUICE_OK) {
        fprintf(stderr, "bench: %s: %s\n", what, sluice_errmsg());
        exit(1);
    }
}

static inline uint64_t number(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0;
}

static inline int64_t clock_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void read_all(int fd, void *buf, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, (char *)buf + got, size - got);
        if (n <= 0)
            die("read");
        got += (size_t)n;
    }
}

static inline void write_all(int fd, const void *buf, size_t size)
{
    for (size_t put = 0; put < size;) {
        ssize_t n = write(fd, (const char *)buf + put, size - put);
        if (n <= 0)
            die("write");
        put += (size_t)n;
    }
}

static inline sluice *connection(void)
{
    static sluice *s;
    if (!s)
        must(sluice_open(NULL, &s), "open");
    return s;
}

static inline int redis_connect(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
        die(path);
    return fd;
}

#endif

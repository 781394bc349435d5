/*
 * served.c - a real sluiced for the length of a test. See served.h.
 *
 * One daemon at a time: its arguments are kept for served_again. It inherits the test's standard error, so that what it has to say is
 * read with the test that made it say so.
 */
#include "served.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"

const char *served_program(void)
{
    const char *program = getenv("SLUICED");
    return program != NULL ? program : SLUICED_PATH;
}

static const char *arguments[16];

void served_again(struct served *d)
{
    int r = posix_spawn(&d->pid, served_program(), NULL, NULL, (char *const *)(uintptr_t)arguments, environ);
    assert_int_equal(r, 0);
}

struct served served_start(const char *name, const char *const *extra)
{
    static char option[] = "--socket";
    struct served d = {.pid = 0};
    snprintf(d.address, sizeof d.address, "%s", fake_path(name));
    size_t n = 0;
    static char address[108];
    memcpy(address, d.address, sizeof address);
    arguments[n++] = served_program();
    arguments[n++] = option;
    arguments[n++] = address;
    arguments[n++] = "--log-level=warning";
    arguments[n++] = "--audit";
    for (; extra != NULL && *extra != NULL; extra++)
        arguments[n++] = *extra;
    arguments[n] = NULL;
    served_again(&d);
    return d;
}

sluice *served_open(const struct served *d)
{
    struct sluice_options o = options_for(d->address);
    sluice *s = NULL;
    o.connect_timeout_ns = 20 * SLUICE_SECOND;
    if (sluice_open(&o, &s) != SLUICE_OK)
        fail_msg("%s", sluice_errmsg());
    return s;
}

void served_end(struct served *d, int signal)
{
    int status;
    assert_int_equal(kill(d->pid, signal), 0);
    assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
    d->pid = 0;
}

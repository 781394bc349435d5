/*
 * link.c - the command's connection to the daemon, how it fails and how it is interrupted: see link.h.
 *
 * A signal handler that calls sluice_interrupt makes the library withdraw the waiting request and return; the verb then ends as it
 * would by any other error, the session is closed in order, and main dies by the same signal, so that a shell's loop ends
 * too. A second signal ends the process at once. Signals that were ignored when the command began stay ignored (nohup).
 *
 * The handler and the code around blocking reads and writes agree by two flags. The reader sets `local` and then looks at
 * `caught`; the handler looks at `local` first. Whichever comes first, the signal is not lost.
 */
#include "link.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

static sluice *volatile connection;
static volatile sig_atomic_t caught, local;

static void die_by(int number)
{
    signal(number, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, number);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
}

static void on_signal(int number)
{
    if (local || caught || connection == NULL)
        die_by(number);
    caught = number;
    sluice_interrupt(connection);
}

static void watch(int number)
{
    struct sigaction action, old;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

bool interrupt_local_begin(void)
{
    local = 1;
    return caught == 0;
}

void interrupt_local_end(void)
{
    local = 0;
}

int interrupt_signal(void)
{
    return caught;
}

void interrupt_die(void)
{
    if (caught != 0)
        die_by(caught);
}

sluice *link_open(const struct args *args, bool waits, int *ret_code)
{
    struct sluice_options options = SLUICE_OPTIONS_INIT;
    options.address = args->address;
    options.name = args->verb;
    options.interruptible = waits;
    sluice *s = NULL;
    enum sluice_status status = sluice_open(&options, &s);
    if (status != SLUICE_OK) {
        *ret_code = fail(status, NULL);
        return NULL;
    }
    if (waits) {
        connection = s;
        watch(SIGINT);
        watch(SIGTERM);
        watch(SIGHUP);
    }
    return s;
}

void link_close(sluice *s)
{
    connection = NULL;
    sluice_close(s);
}

/* ---- Failing */

static void say(const char *object, const char *text, const char *hint, const char *hint_object)
{
    bool colour = isatty(STDERR_FILENO);
    fflush(stdout);
    progress_clear();
    fprintf(stderr, "%ssluice:%s ", colour ? "\033[1;31m" : "", colour ? "\033[m" : "");
    if (object != NULL && strstr(text, object) == NULL)
        fprintf(stderr, "%s: ", object);
    fputs(text, stderr);
    if (hint != NULL) {
        fputs(" (", stderr);
        fprintf(stderr, hint, hint_object);
        fputs(")", stderr);
    }
    fputs("\n", stderr);
}

/* What can be done about it; %s is the object. NULL: nothing that is not plain. */
__attribute__((format_arg(2))) static const char *hint_for(enum sluice_status status, const char *object)
{
    switch (status) {
    case SLUICE_NOT_FOUND: return object == NULL ? NULL : "make it with: sluice make %s";
    case SLUICE_EXISTS:
    case SLUICE_MISMATCH:
    case SLUICE_WRONG_KIND:
    case SLUICE_WRONG_TYPE: return object == NULL ? NULL : "see what it is with: sluice show %s";
    case SLUICE_UNAVAILABLE:
        return "start it with: systemctl --user start sluiced.socket, or sluiced; see also SLUICE_ADDR";
    case SLUICE_BAD_VERSION:
        return "sluice and sluiced are of different releases: install the same, and restart the daemon";
    case SLUICE_LIMIT: return "sluice status shows the limits";
    default: return NULL;
    }
}

int fail(enum sluice_status status, const char *object)
{
    int code = sluice_exit_code(status);
    if (status == SLUICE_OK || status == SLUICE_CLOSED || status == SLUICE_WOULD_BLOCK)
        return code;
    if (status == SLUICE_CANCELED && caught != 0)
        return 128 + caught;
    const char *text = sluice_errmsg(), *cause = sluice_errcause();
    char whole[1024];
    if (cause != NULL && strstr(text, cause) == NULL) {
        snprintf(whole, sizeof whole, "%s: %s", text, cause);
        text = whole;
    }
    const char *hint = hint_for(status, object);
    say(object, text, hint, object);
    return code;
}

int fail_text(int code, const char *format, ...)
{
    char text[1024];
    va_list rest;
    va_start(rest, format);
    vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    say(NULL, text, NULL, NULL);
    return code;
}

void remark(const char *format, ...)
{
    char text[1024];
    va_list rest;
    va_start(rest, format);
    vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    say(NULL, text, NULL, NULL);
}

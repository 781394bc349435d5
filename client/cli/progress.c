/*
 * progress.c - how far long work is: see progress.h.
 *
 * Asked for, it reports twice a second on a terminal and every five seconds elsewhere, so that a log stays readable. Not asked
 * for, it stays silent unless stderr is a terminal, stdout is none (else the two would mix), and two seconds have passed.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "duration.h"
#include "out.h"

static const int64_t terminal_step_ns = 500 * SLUICE_MILLISECOND, log_step_ns = 5 * SLUICE_SECOND,
                     patience_ns = 2 * SLUICE_SECOND;

void progress_begin(struct progress *p, const char *done, bool asked)
{
    *p = (struct progress){.done = done, .asked = asked, .terminal = isatty(STDERR_FILENO)};
    p->began_ns = monotonic_now();
    p->next_ns = p->began_ns + (!asked ? patience_ns : p->terminal ? terminal_step_ns : log_step_ns);
}

bool progress_wanted(const struct progress *p)
{
    return p->asked || (p->terminal && !out_is_terminal());
}

/* There is a line on the terminal that the next one will overwrite. */
static bool line_stands;

void progress_clear(void)
{
    if (line_stands)
        fputs("\r\033[K", stderr);
    line_stands = false;
}

static void show(struct progress *p, int64_t now_ns, const char *end)
{
    double seconds = (double)(now_ns - p->began_ns) / 1e9;
    char passed[DURATION_TEXT_SIZE];
    fprintf(stderr, "%s%" PRIu64 " %s in %s, %.0f a second%s", p->terminal ? "\r\033[K" : "", p->count,
            p->done, duration_short(now_ns - p->began_ns, passed),
            seconds > 0 ? (double)p->count / seconds : 0.0, end);
    p->shown = true;
    line_stands = p->terminal && *end == '\0';
}

void progress_add(struct progress *p, uint64_t count)
{
    p->count += count;
    if (!progress_wanted(p))
        return;
    int64_t now_ns = monotonic_now();
    if (now_ns < p->next_ns)
        return;
    p->next_ns = now_ns + (p->terminal ? terminal_step_ns : log_step_ns);
    show(p, now_ns, p->terminal ? "" : "\n");
}

void progress_end(struct progress *p)
{
    if (p->asked || p->shown)
        show(p, monotonic_now(), "\n");
}

int64_t progress_step_ns(const struct progress *p)
{
    return p->terminal ? terminal_step_ns : log_step_ns;
}

void progress_left(struct progress *p, uint64_t left)
{
    int64_t now_ns = monotonic_now();
    if (!progress_wanted(p) || now_ns < p->next_ns)
        return;
    p->next_ns = now_ns + progress_step_ns(p);
    char passed[DURATION_TEXT_SIZE];
    fprintf(stderr, "%s%" PRIu64 " left after %s%s", p->terminal ? "\r\033[K" : "", left,
            duration_short(now_ns - p->began_ns, passed), p->terminal ? "" : "\n");
    p->shown = true;
}

/*
 * child.c - a process that holds something and is killed. See child.h.
 *
 * No thread of the parent may be running when it forks. The child never returns into the test: it ends by the signal, or by _exit.
 */
#include "child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"

static void live(const struct served *d, child_work *work, int out)
{
    struct sluice_options o = options_for(d->address);
    sluice *s = NULL;
    uint64_t number = sluice_open(&o, &s) == SLUICE_OK ? work(s) : 0;
    if (write(out, &number, sizeof number) != sizeof number)
        _exit(1);
    for (;;)
        pause();
}

struct child child_start(const struct served *d, child_work *work)
{
    struct child c = {.pid = 0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    c.pid = fork();
    assert_true(c.pid >= 0);
    if (c.pid == 0) {
        close(ends[0]);
        live(d, work, ends[1]);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &c.number, sizeof c.number), sizeof c.number);
    close(ends[0]);
    assert_true(c.number != 0);
    return c;
}

void child_kill(const struct child *c)
{
    int status;
    assert_int_equal(kill(c->pid, SIGKILL), 0);
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    assert_true(WIFSIGNALED(status));
}

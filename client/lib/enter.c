/*
 * enter.c - in whose name a thread asks.
 *
 * A request that may wait carries the token of the task that asks, so that the daemon can give the task's slot to another meanwhile. A thread that runs a
 * task enters it; what it has not entered is asked in the name of the connection's own: the program itself may be a task, run as a
 * command, and finds its token in its environment. A text there that is no number is as none, since a program must not fail
 * for what it does not know.
 */
#include "enter.h"

#include <errno.h>
#include <stdlib.h>

#include "conn.h"

static _Thread_local struct {
    const sluice *s; /* NULL: not entered */
    uint64_t token;
} entered;

uint64_t entered_token(const sluice *s)
{
    return entered.s == s ? entered.token : s->task;
}

uint64_t entered_environment(const char *variable)
{
    const char *text = getenv(variable);
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    uint64_t token = strtoull(text, &end, 10);
    return errno == 0 && (*end == '\0' || *end == ' ') ? token : 0;
}

void sluice_task_enter(sluice *s, uint64_t token)
{
    entered.s = s;
    entered.token = token;
}

void sluice_task_leave(sluice *s)
{
    if (entered.s == s)
        entered.s = NULL;
}

/*
 * enter.h - in whose name a thread asks.
 *
 * Contract: what a thread has entered (sluice_task_enter) counts for that thread and connection, else what the connection was
 * opened with. A request that may wait carries it; call.c puts it there.
 */
#ifndef SLUICE_ENTER_H
#define SLUICE_ENTER_H

#include <sluice.h>
#include <stdint.h>

/* The token that a request of the calling thread carries on this connection; 0: none. */
uint64_t entered_token(const sluice *s);
/* The (first) token in a variable of the environment: SLUICE_TASK, SLUICE_TOKEN. 0: there is none. */
uint64_t entered_environment(const char *variable);

#endif

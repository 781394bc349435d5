/*
 * link.h - the command's connection to the daemon, how it fails and how it is interrupted.
 *
 * One process makes one connection. Errors go to stderr as `sluice: OBJECT: what is wrong (what to do)`; the exit code is the
 * status's own. CLOSED and WOULD_BLOCK are answers, not errors: they print nothing.
 */
#ifndef CLI_LINK_H
#define CLI_LINK_H

#include <stdbool.h>

#include "args.h"

/* Connects. waits: the verb may wait, so signals are caught. NULL: it failed and has said so; *ret_code is the exit code. */
sluice *link_open(const struct args *args, bool waits, int *ret_code);
/* Ends the session. */
void link_close(sluice *s);

/* Says what the last call has to say about this object (NULL: about none) and returns the exit code of its status. */
int fail(enum sluice_status status, const char *object);
/* The same for what the command itself found. */
__attribute__((format(printf, 2, 3))) int fail_text(int code, const char *format, ...);
/* A remark on stderr, as errors look. */
__attribute__((format(printf, 1, 2))) void remark(const char *format, ...);

/*
 * SIGINT, SIGTERM and SIGHUP in verbs that may wait; in others they end the process as ever. While the command waits for the daemon they withdraw what it waits for, and the call returns
 * CANCELED. Around its own reading and writing they end the process at once: nothing of it is parked then, and what it has
 * leased goes back with its session.
 */
/* Between these two the signals end the process. False: one has come before. */
bool interrupt_local_begin(void);
void interrupt_local_end(void);
/* The signal that came, or 0. */
int interrupt_signal(void);
/* If one came, dies by it, so that a shell knows. */
void interrupt_die(void);

#endif

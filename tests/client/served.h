/*
 * served.h - a real sluiced for the length of a test.
 *
 * served_start runs the daemon under test (SLUICED, or where it was built) on a socket in a folder of the test's own; it is reached by
 * connecting with patience, so that nothing has to guess when it is ready.
 */
#ifndef TESTS_CLIENT_SERVED_H
#define TESTS_CLIENT_SERVED_H

#include <sluice.h>
#include <sys/types.h>

struct served {
    pid_t pid;
    char address[108];
};

/* extra: NULL-terminated further arguments, or NULL. */
struct served served_start(const char *name, const char *const *extra);
/* The same daemon again, after served_kill. */
void served_again(struct served *d);
/* A connection that waits for the daemon to come up. */
sluice *served_open(const struct served *d);
/* Ends it with this signal and reaps it. */
void served_end(struct served *d, int signal);
/* The daemon's executable. */
const char *served_program(void);

#endif

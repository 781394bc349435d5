/*
 * child.h - a process that holds something and is killed.
 *
 * The child opens a connection of its own, does what it is told, sends one number back (a token), and stays until it dies. The parent
 * goes on when the number has come, so that nothing has to guess how far the child is.
 */
#ifndef TESTS_CLIENT_CHILD_H
#define TESTS_CLIENT_CHILD_H

#include "served.h"

/* What the child does; 0: it failed. */
typedef uint64_t child_work(sluice *s);

struct child {
    pid_t pid;
    uint64_t number; /* what its work gave */
};

/* Forks; returns when the work is done. Fails the test when it gave 0. */
struct child child_start(const struct served *d, child_work *work);
/* SIGKILL, and reaps it. */
void child_kill(const struct child *c);

#endif

/*
 * catch.h - signals of this process, from the handler to a thread that may do anything.
 *
 * There is one catcher a process. Its calls are made by one thread at a time (signal.c sees to it), but for catch_possible and
 * catch_ignored, which any thread may call. Numbers given to the others must be possible.
 */
#ifndef SLUICE_CATCH_H
#define SLUICE_CATCH_H

#include <stdbool.h>
#include <stddef.h>

enum {
    CATCH_SIGNALS = 65, /* numbers are below that */
    CATCH_BATCH = 512,  /* the most that are handed over at once */
};

/* Whether a program can catch it: it is a signal, and none of KILL, STOP and those that libc keeps for itself. */
bool catch_possible(int number);

/* Starts the thread, which calls deliver for all that is caught, in order. 0, or -errno. */
int catch_start(void (*deliver)(const unsigned char *numbers, size_t count));
/* Ends and joins it. Nothing is being caught, and catch_settle was called since. */
void catch_stop(void);

/* Catches a signal, in place of whatever was done about it before. The thread runs. */
void catch_signal(int number);
/* Puts back what was done about it before the first catch_signal or catch_ignore, unless the program has set another action since. Not caught
 * nor ignored: nothing. */
void catch_release(int number);
/* Lets the kernel throw it away. */
void catch_ignore(int number);
/* Whether it is thrown away, whoever asked for that. */
bool catch_ignored(int number);

/* Waits until deliver has returned for everything that was caught before this call. A signal that catch_release overtook was caught, or takes
 * the action put back. The thread runs. */
void catch_settle(void);

/* In the child of a fork: there is no thread, and nothing is caught. What is ignored stays so. */
void catch_forked(void);

#endif

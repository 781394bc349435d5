/*
 * stage.h - what most tests against the real daemon start from: one on a virtual clock, a connection to it, and calls that are known to wait.
 *
 * A call that has to wait is a future: requests of one connection are handled in order, so that it is known to wait once a later call
 * has returned.
 */
#ifndef TESTS_CLIENT_STAGE_H
#define TESTS_CLIENT_STAGE_H

#include "case.h"
#include "child.h"
#include "served.h"

extern struct served stage;
extern sluice *s;

/* Set-up and tear-down of a group of tests. */
int stage_start(void **state);
int stage_stop(void **state);

/* The status of a start whose future is *f, which is known to wait from now on. Returns f. */
sluice_future *parked(enum sluice_status started, sluice_future **f);
/* Finishes it, with OK. */
struct sluice_result finished(sluice_future *f);
/* Finishes it; its grant has a token. */
struct sluice_grant granted(sluice_future *f);
/* Moves the daemon's clock. */
void advance(int64_t duration_ns);
/* The daemon's clock. */
int64_t daemon_now_ns(void);
/* A mutex, and its lock. */
sluice_mutex mutex_of(const char *name);
struct sluice_grant locked(sluice_mutex m);
/* An item's or an outcome's text, which is freed; the result is good until the next call. */
const char *text_of(struct sluice_item *item);

#endif

/*
 * case.h - what the tests of the library share: cmocka, a connection to a fake, threads that make one call.
 *
 * A call that is meant to wait is made in a thread of its own (struct task); the test waits for the fake to have seen it, not for time
 * to pass, and joins the thread for the result.
 */
#ifndef TESTS_CLIENT_CASE_H
#define TESTS_CLIENT_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sluice.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define assert_status(call, expected) assert_int_equal((call), (expected))

static inline struct sluice_options options_for(const char *address)
{
    struct sluice_options o = SLUICE_OPTIONS_INIT;
    o.address = address;
    o.no_autostart = true;
    return o;
}

static inline sluice *open_at(const char *address)
{
    sluice *s = NULL;
    struct sluice_options o = options_for(address);
    assert_status(sluice_open(&o, &s), SLUICE_OK);
    return s;
}

/* One receive in a thread. */
struct task {
    pthread_t thread;
    sluice *s;
    const char *name;
    struct sluice_wait wait;
    enum sluice_status status;
    struct sluice_item item;
    char message[256];
};

static inline void *task_main(void *argument)
{
    struct task *t = argument;
    t->status = sluice_recv(t->s, sluice_chan_named(t->name), &t->wait, &t->item);
    if (t->status != SLUICE_OK)
        strncpy(t->message, sluice_errmsg(), sizeof t->message - 1);
    return NULL;
}

static inline void task_recv(struct task *t, sluice *s, const char *name, int64_t timeout_ns)
{
    struct sluice_wait wait = SLUICE_WAIT_FOR(timeout_ns);
    *t = (struct task){.s = s, .name = name, .wait = wait};
    assert_int_equal(pthread_create(&t->thread, NULL, task_main, t), 0);
}

static inline enum sluice_status task_join(struct task *t)
{
    assert_int_equal(pthread_join(t->thread, NULL), 0);
    return t->status;
}

#endif

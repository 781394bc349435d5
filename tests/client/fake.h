/*
 * fake.h - a daemon of straw, to see what the library does on the wire.
 *
 * It listens on a unix socket in a thread of the test, speaks the SP framing, answers Hello by itself, and gives every other request
 * to the test's handler, which answers it at once, later, twice, or never. Everything it saw is kept in order, and the test
 * can wait until so many requests have come: nothing here sleeps.
 */
#ifndef TESTS_CLIENT_FAKE_H
#define TESTS_CLIENT_FAKE_H

#include <pthread.h>
#include <sluice.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice.pb-c.h"

#define FAKE_SEEN_MAX 65536

typedef Sluice__V1__Request Request;
typedef Sluice__V1__Reply Reply;

struct fake;

/* One request: where its reply goes. */
struct fake_route {
    int fd;
    uint32_t id;
};

/* Called in the fake's thread with its lock held; it answers with the functions below. */
typedef void fake_handler(struct fake *f, struct fake_route route, const Request *request);

/* What is kept of a request. */
struct fake_seen {
    Sluice__V1__Request__OpCase op;
    uint64_t seq, acked_below, timeout_ns;
    size_t acked_count;
    uint64_t cancel_seq;
    struct fake_route route;
};

struct fake {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    fake_handler *handler;
    void *data;                /* the test's */
    int64_t resume_ns;         /* granted to every session that asks */
    bool forgetful;            /* knows no session that is to be resumed */
    enum sluice_status refuse; /* Hello is answered with this */
    bool mute;                 /* Hello is not answered */
    uint32_t lease_ms;         /* granted */

    struct fake_seen *seen; /* all but Hello */
    size_t seen_count;
    size_t hello_count;
    size_t reads;      /* of any socket */
    size_t gone_count; /* connections that ended */
    uint8_t last_session[16];
    char last_name[65];

    /* its own */
    pthread_t thread;
    int listener, control[2];
    struct fake_peer *peers;
    uint8_t (*sessions)[16];
    size_t sessions_count;
    char path[108];
};

/* Listens at path (replacing what is there). handler NULL: every request is OK. */
struct fake *fake_start(const char *path, fake_handler *handler, void *data);
/* Closes everything and joins the thread. Returns NULL. */
struct fake *fake_stop(struct fake *f);
/* A path for a socket, in a folder of this test's own. The last 32 stay valid. */
const char *fake_path(const char *name);

void fake_lock(struct fake *f);
void fake_unlock(struct fake *f);
/* Waits until `count` requests have come since the start. Takes the lock itself. */
void fake_await(struct fake *f, size_t count);
void fake_await_hello(struct fake *f, size_t count);
void fake_await_gone(struct fake *f, size_t count);
/* What the fake did before its last reply is seen after this. */
void fake_sync(struct fake *f);
/* Breaks every connection. Takes the lock itself. */
void fake_break(struct fake *f);

/* Answers; with the lock. */
void fake_reply(struct fake *f, struct fake_route to, const Reply *reply);
void fake_status(struct fake *f, struct fake_route to, enum sluice_status status);
void fake_item(struct fake *f, struct fake_route to, const void *data, size_t size, uint64_t lease);
/* Bytes as they are. */
void fake_raw(struct fake *f, struct fake_route to, const void *data, size_t size);

#endif

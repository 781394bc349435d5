/*
 * remote.h - what the daemon and its libnng module say to each other.
 *
 * libnng serves every URL but the unix socket. It starts a dozen threads as soon as it is used, so it lives in a module of its own
 * (sluiced-remote.so) that is loaded only when a URL asks for it. The module exports one symbol, sluice_remote_module; all else goes
 * through that table. Every function is called on the daemon's one thread; what libnng's threads find out waits in a queue, and the
 * descriptor of `fd` is readable while there is something in it.
 *
 * A request has a slot, a number below 2^31, until it is answered or its connection is gone. One remote is one listening URL.
 */
#ifndef FRONT_REMOTE_H
#define FRONT_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REMOTE_VERSION = 1 };

struct remote;

enum remote_event_code {
    REMOTE_OPENED,  /* pipe: a connection */
    REMOTE_REQUEST, /* pipe, slot, body: borrowed until the next call of next */
    REMOTE_SENT,    /* pipe, slot: its reply is handed to the connection */
    REMOTE_UNSENT,  /* pipe, slot: its reply could not be */
    REMOTE_CLOSED,  /* pipe: gone, and its slots with it */
    REMOTE_RELISTEN, /* the listener had stopped accepting and was replaced; every connection of it was closed */
};

struct remote_event {
    enum remote_event_code code;
    uint32_t pipe, slot;
    const void *body;
    size_t size;
};

struct remote_options {
    const char *url;
    size_t size_max;                /* of a request */
    uint32_t requests_max;          /* at a time */
    const char *tls_cert, *tls_key; /* PEM files, or NULL */
};

struct remote_module {
    uint32_t version; /* REMOTE_VERSION, or the daemon will not use it */
    /* Listen. -errno, and one line in why. */
    int (*open)(struct remote **ret, const struct remote_options *options, char *why, size_t why_size);
    int (*fd)(const struct remote *r);
    /* The next thing that happened; false: there is nothing more. */
    bool (*next)(struct remote *r, struct remote_event *ret);
    /* Room for the reply to a slot's request; NULL: it cannot be answered (any more), or no memory. */
    uint8_t *(*reserve)(struct remote *r, uint32_t slot, size_t size);
    /* Send what reserve gave: REMOTE_SENT or REMOTE_UNSENT follows, unless REMOTE_CLOSED does. */
    void (*commit)(struct remote *r, uint32_t slot);
    /* Close a connection: REMOTE_CLOSED follows. */
    void (*hang_up)(struct remote *r, uint32_t pipe);
    /* Let nobody in any more. Connections stay when libnng lets them. */
    void (*stop)(struct remote *r);
};

#endif

/*
 * probe.h - the daemon as its own client.
 *
 * The service manager's watchdog is fed only after the daemon was seen to work from outside: a fresh connection to its own socket,
 * greeted, and one request answered. It goes through accept, framing, codec and engine like any other, in the same loop and without ever waiting.
 * A probe that is not answered until the next is due is given up, and the manager hears nothing.
 */
#ifndef DAEMON_PROBE_H
#define DAEMON_PROBE_H

#include <stdint.h>
#include <systemd/sd-event.h>

struct probe;

struct probe_options {
    const char *path; /* the socket; borrowed */
    uint64_t interval_us;
    void *user;
    void (*works)(void *user);                     /* a round trip succeeded */
    void (*fails)(void *user, const char *reason); /* one did not */
};

/* -errno. */
int probe_new(struct probe **ret, sd_event *event, const struct probe_options *options);
/* NULL is fine. Returns NULL. */
struct probe *probe_free(struct probe *p);

#endif

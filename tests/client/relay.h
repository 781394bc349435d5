/*
 * relay.h - a wire between the library and the real daemon that can be cut where it hurts most.
 *
 * It passes bytes both ways. relay_cut lets the next request through and waits for the daemon to answer it, so that it has been carried
 * out; the answer is thrown away and the connection broken. The library then connects again, to be passed through as before.
 */
#ifndef TESTS_CLIENT_RELAY_H
#define TESTS_CLIENT_RELAY_H

struct relay;

/* Listens on a path of its own for connections to the daemon at this path. */
struct relay *relay_start(const char *daemon);
/* Where the library connects to. */
const char *relay_address(const struct relay *r);
/* The next request loses its answer. Nothing may be in flight. */
void relay_cut(struct relay *r);
/* How often that has happened. */
unsigned relay_cuts(const struct relay *r);
/* Breaks what there is and frees it. Returns NULL. */
struct relay *relay_stop(struct relay *r);

#endif

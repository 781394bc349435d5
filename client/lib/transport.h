/*
 * transport.h - how SP frames reach the daemon and come back.
 *
 * A transport is a stream of bytes made of SP frames: 01, the length as 64 bits big-endian, the request id as 32 bits big-endian with the
 * top bit set, the message. unix.c speaks it on a unix socket as it is. Every other nng URL goes through the module
 * sluice-nng (remote_nng.c), which turns frames into nng messages and back; it is loaded when such a URL is first used, so that a program
 * that stays on its machine carries neither libnng nor its threads.
 *
 * One thread may send while another receives, and any may stop. close has the transport to itself.
 */
#ifndef SLUICE_TRANSPORT_H
#define SLUICE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SP_HEADER_SIZE   13
#define SP_GREETING_SIZE 8

struct transport_ops {
    bool greets; /* the stream begins with the SP greeting on both sides */
    bool local;  /* the kernel tells the daemon of our death */

    /* Begins to connect; a failure may also show in the first send or recv. 0 or -errno. *ret is written on success only. */
    int (*open)(const char *address, void **ret);
    /* Ends the stream: a recv under way in another thread returns, and so does every later one. */
    void (*stop)(void *t);
    /* NULL is fine. */
    void (*close)(void *t);
    /* Readable when recv has something. It stays the same as long as t lives. */
    int (*fd)(void *t);
    /* Takes bytes, never waits: how many, -EAGAIN, or -errno when the connection is gone. */
    ssize_t (*send)(void *t, const void *data, size_t size);
    /* Gives bytes: how many, 0 at the end of the stream, -EAGAIN when there was nothing until timeout_ns were over (0: at once, negative: waits
     * for ever, but may give -EAGAIN early), -EINTR after a signal, or -errno. */
    ssize_t (*recv)(void *t, void *data, size_t size, int64_t timeout_ns);
};

/* The name of the module's one symbol, a const struct transport_ops. */
#define TRANSPORT_MODULE_SYMBOL "sluice_transport_nng"

extern const struct transport_ops transport_unix;

/* The transport for an address: a path, ipc://PATH, unix://PATH or another URL. *ret_address is the part of address that open takes. NULL when
 * there is none: errno says ENOENT (the module is not installed), ECHILD (it does not survive the fork), EPROTONOSUPPORT (no such scheme). */
const struct transport_ops *transport_for(const char *address, const char **ret_address);

/* In the child of a fork: remote addresses are not served any more if their module was loaded. */
void transport_forked(void);

#endif

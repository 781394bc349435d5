/*
 * rig.h - the front with an engine behind it and raw sockets before it, in one thread, on a clock that the test moves.
 *
 * A test writes bytes, turns the rig until nothing is ready any more, and reads bytes. Nothing sleeps and nothing can hang: a client's
 * read never waits.
 */
#ifndef TESTS_FRONT_RIG_H
#define TESTS_FRONT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bind.h"
#include "ipc.h"
#include "sluice.pb-c.h"

struct rig {
    struct engine *engine;
    struct wire *wire;
    struct front front;
    struct ipc *ipc;
    struct bound bound;
    struct ipc_limits limits;
    int64_t now_ns;
    char folder[64];
    uint32_t closed, refused, gone; /* connections, by how they ended */
    char reason[128];               /* of the last one */
    uint64_t process_session;       /* what the process hook answers */
    bool clock_taken;
    struct wire_request clock;
};

typedef Sluice__V1__Request Request;
typedef Sluice__V1__Reply Reply;

struct rig *rig_open(void);
void rig_close(struct rig *r);
/* Change the limits of connections. */
void rig_limit(struct rig *r, struct ipc_limits limits);
/* Read, step and write until nothing is ready. */
void rig_turn(struct rig *r);
/* A connected socket that has said nothing. */
int rig_connect(struct rig *r);
/* One that has greeted and was greeted. */
int rig_greet(struct rig *r);
/* Connections that the front has. */
uint32_t rig_peers(const struct rig *r);
/* Sessions that the engine has. */
uint64_t rig_sessions(const struct rig *r);

/* Write all bytes. */
void put(int fd, const void *data, size_t size);
/* One frame around these bytes; the size it takes in to. */
size_t make_frame(uint8_t *to, uint32_t id, const void *body, size_t size);
/* Write a request's frame. */
void put_request(int fd, uint32_t id, const Request *request);
/* The next reply, if it has come: the caller frees it. NULL: nothing has come. */
Reply *get_reply(int fd, uint32_t *ret_id);
/* The next reply, which has to be there, with this id and status. */
Reply *want_reply(int fd, uint32_t id, Sluice__V1__Status status);
/* The same, and freed. */
void want_status(int fd, uint32_t id, Sluice__V1__Status status);
void free_reply(Reply *reply);
/* The other end has closed, and nothing more is to be read. */
bool is_closed(int fd);

/* Requests. Those with a name are about the channel of that name. The value is valid until the next call. */
const Request *ping(void);
const Request *hello(const char id[static 16]);
const Request *make_channel(const char *name, int64_t cap);
const Request *send_bytes(const char *name, const void *data, size_t size);
const Request *recv_from(const char *name);
/* The last made request with a session named, or with a number. */
Request *last_request(void);

#endif

/*
 * front.h - the way of a request through the daemon, whatever carried it here.
 *
 *     carrier: bytes -> front_request -> wire_decode -> session -> engine_step -> replies -> carrier: bytes
 *
 * Carriers (ipc.c, module.c) own the connections and their bytes; the front owns which connection serves which session, and sees
 * that every reply either reaches its connection or is reported to the engine as undelivered. The loop owns time and the process.
 *
 * Sessions. HELLO gives a connection its session; a request that names a session joins the connection to it; a first request that
 * does neither gets the connection a session of its own, which nobody can resume. From then on the connection belongs to that
 * session alone. Looking (LIST, DUMP, STATUS, REFLECT, CLOCK) needs none.
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include "peer.h"
#include "wire.h"

/* A remote session that says nothing of its lease ends when it was silent for so long. */
#define FRONT_REMOTE_LEASE_NS (INT64_C(30) * 1000000000)

enum front_event {
    FRONT_REFUSED, /* a connection was not let in; the peer is NULL or not yet known to anybody */
    FRONT_CLOSED,  /* a connection was closed by us, for a reason */
    FRONT_GONE,    /* a connection ended by itself */
};

/* What the loop does for the front. All are required. */
struct front_hooks {
    void *user;
    /* The daemon's time; asked once a batch. */
    int64_t (*now_ns)(void *user);
    /* Fill what replies tell of the daemon. */
    void (*world)(void *user, struct wire_world *ret);
    /* A request that moves the clock. True: it is taken, and front_answer will answer it. False: *ret says why not. */
    bool (*clock)(void *user, const struct wire_request *request, struct wire_refusal *ret);
    /* The session that stands for a process: its number, or 0 and *ret says why not. */
    uint64_t (*process)(void *user, const struct peer *p, int32_t pid, struct wire_refusal *ret);
    /* Something that people may want to read about. */
    void (*note)(void *user, enum front_event event, const struct peer *p, const char *reason);
};

struct front_lost {
    uint64_t session, route;
};

struct front {
    struct engine *engine;
    struct wire *wire;
    struct peers *peers;
    struct front_hooks hooks;
    int64_t now_ns;          /* of this batch */
    struct front_lost *lost; /* replies to be reported as undelivered */
    uint32_t lost_first, lost_count, lost_cap;
    bool audit;               /* check the engine after each step */
    enum status hello_status; /* of the last HELLO's reply */
};

/* All borrowed and must outlive it. -ENOMEM. */
int front_init(struct front *f, struct engine *engine, struct wire *wire, const struct front_hooks *hooks);
/* Every peer has been hung up. */
void front_done(struct front *f);

/* A batch begins: read the clock. */
void front_begin(struct front *f);
/* One request body of a peer; its reply goes to (peer, word). */
void front_request(struct front *f, struct peer *p, uint32_t word, const void *body, size_t size);
/* Refuse a request whose body was never read. */
void front_refuse(struct front *f, struct peer *p, uint32_t word, const struct wire_refusal *refusal);
/* Step the engine and send all replies on their way. */
void front_step(struct front *f, const struct op *op);
/* Open a session that no connection serves: its number, or 0 and *ret says why. End it with OP_DETACH. */
uint64_t front_open(struct front *f, const struct hello_op *hello, struct wire_refusal *ret);
/* Answer a question whose time has come; request->op.route and .session say whose. */
void front_answer(struct front *f, const struct wire_request *request);

/* All that was made for the peer is written. */
void front_written(struct front *f, struct peer *p);
/* A reply to this peer was never written. */
void front_undelivered(struct front *f, struct peer *p, uint64_t route);
/* The connection is gone, its undelivered replies reported: leave the session and forget the peer. Returns NULL. */
struct peer *front_hang_up(struct front *f, struct peer *p);

#endif

/*
 * call.h - one request and what became of it.
 *
 * A call is built by the file of its noun: call_init, then the fields of call.request, references through call_ref. call_run
 * carries it out and waits; future_start carries it out and does not. The reply's bytes are the call's until call_done, unless they are taken.
 *
 * State: NEW -> PENDING (it has a number and stands in the list of pending calls; its bytes are gathered, written or waiting for a
 * connection) -> DONE (a reply, or a status of our own) or RETRY (the session ended before any byte of it was written: it
 * may go to the next session as if nothing had happened).
 */
#ifndef SLUICE_CALL_H
#define SLUICE_CALL_H

#include "conn.h"
#include "reply.h"
#include "sluice.pb-c.h"

typedef Sluice__V1__Request Request;
typedef Sluice__V1__Ref Ref;
typedef Sluice__V1__Value Value;

enum call_state { CALL_NEW, CALL_PENDING, CALL_DONE, CALL_RETRY };

#define REPLY_SMALL_SIZE 160

struct call {
    Request
        request; /* borrows the caller's things until the call is done; a future's only until it has started */
    Ref context;       /* of wait */
    size_t size_bound; /* the request takes no more bytes than this; 0: not known */
    bool waits;        /* a call that may wait (CLASS_WAIT) */
    bool patient;      /* its answer may take any time without being waited for by a deadline */
    uint32_t epoch;    /* the session all its handles and leases belong to; 0: it has none */
    bool mixed;        /* they belong to several */

    enum call_state state;
    bool is_future;
    bool sent;             /* of a broken connection: some of its bytes went */
    bool withdrawn;        /* Cancel was asked for */
    struct link link;      /* pending, by seq */
    struct waiter *waiter; /* who waits for this very call; NULL: nobody */
    uint64_t seq;
    uint64_t offset;     /* where its bytes begin in the output */
    uint32_t id;         /* of the SP request, without the top bit */
    uint32_t session;    /* epoch in which it runs: that of what it receives */
    int64_t timeout_ns;  /* < 0: none */
    int64_t start_ns;    /* 0: not looked at the clock yet */
    int64_t deadline_ns; /* the same on our clock; NEVER: none */
    int64_t guard_ns;    /* when a connected daemon that has not answered is given up */
    uint8_t *frame;      /* future of a resumable session: its bytes, to be sent again */
    size_t frame_size;

    enum sluice_status status; /* our own; with OK the reply decides */
    const char *why;           /* its text; NULL: the connection's */
    uint8_t *bytes;            /* the reply: small, or malloc'd */
    size_t size;
    uint8_t small[REPLY_SMALL_SIZE];
};

/* An empty call of the operation whose field in Request is `op`. */
void call_init(struct call *c, Sluice__V1__Request__OpCase op);
/* Fills out from ref, noting to which session it belongs. Returns out, or NULL for nil. */
Ref *call_ref(struct call *c, sluice_ref ref, Ref *out);
/* Takes the terms of waiting over. */
void call_wait(struct call *c, const struct sluice_wait *wait);

/* Carries it out and waits for its end. The status; reply is filled from the reply's bytes (empty when the status is our own). Sets
 * the thread's last error. The caller ends with call_done. */
enum sluice_status call_run(sluice *s, struct call *c, struct reply *reply);
/* The status of a call that is done, its reply read and the thread's last error set. */
enum sluice_status call_result(sluice *s, struct call *c, struct reply *reply);
/* Frees the reply. */
void call_done(struct call *c);
/* Gives the reply's bytes to the caller, who frees them; what points into them stays good. NULL: they are in the call itself. */
uint8_t *call_take(struct call *c);

/* With the lock: */

/* Numbers it, writes its bytes to the output and enters it among the pending. OK or the status that it fails with. */
enum sluice_status call_enqueue(sluice *s, struct call *c);
/* Writes the bytes of a pending call to the output again. 0 or -ENOMEM. */
int call_write_again(sluice *s, struct call *c);
/* A reply has come for this request id. Numbers that are nobody's are ignored. */
void call_deliver(sluice *s, uint32_t id, const uint8_t *reply, size_t size);
/* Waits until a pending call is no longer pending. */
void call_await(sluice *s, struct call *c);
/* When the patience with it ends, as things stand. */
int64_t call_patience(sluice *s, struct call *c);
/* Ends it with UNAVAILABLE; the daemon, if it is there, is told. */
void call_give_up(sluice *s, struct call *c);
/* Ends it without a reply. */
void call_fail(sluice *s, struct call *c, enum sluice_status status, const char *why);
/* It waits no more for anything: out of all lists. */
void call_forget(sluice *s, struct call *c);
/* Lets the daemon withdraw it. */
void call_withdraw(sluice *s, struct call *c);
/* Renews a remote session's lease. */
void call_ping(sluice *s);
/* Writes an SP frame with a request into the buffer. 0 or -ENOMEM. */
int call_encode(struct buffer *b, uint32_t id, const Request *request, size_t bound);

/* The request id of Hello; ids of calls have a smaller index. */
#define CALL_ID_HELLO UINT32_C(0x7fffffff)
/* Of requests whose reply nobody reads. */
#define CALL_ID_IGNORE UINT32_C(0x7ffffffe)

/* How long a connected daemon may be silent past a deadline; and when nothing has to be waited for. */
#define GUARD_SLACK_NS (2 * SLUICE_SECOND)
#define GUARD_STEP_NS  (30 * SLUICE_SECOND)

#endif

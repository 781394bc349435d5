/*
 * session.h - a participant: whoever can die.
 *
 * A session has an id that its client chose (128 random bits), a number, an owner, and all that dies with it: parked calls, replies
 * not acknowledged, holdings (leases, locks, permits), handles, objects it owns. It lives while it has connections, and `resume_ns` longer. A remote one also
 * ends when it was silent for `lease_ns`.
 *
 * Death is one teardown (session_end), in this order: parked calls vanish without side effects; items of replies that were never
 * written go back to the head of their channels; leased items, locks and permits are lost as their kinds say; objects it owns end (contexts are cancelled with the cause "owner
 * died", the others removed); handles are given up.
 *
 * Exactly once: a seq is pending (parked), finished (its reply is kept) or acknowledged. `acked_below` and `acks` tell the acknowledged
 * ones, so that a late repeat is never run a second time.
 *
 * A reply that was never written (UNDELIVERED), or that came to be while no connection was there, waits for a repeat; if none comes,
 * its items go back when the session ends. Without a seq there is no repeat: the items go back at the next reckoning, and what is parked
 * without a seq vanishes with the last connection. Reckoning compares the reports with the finished calls: when there are as many of
 * the one as of the other, when a connection leaves, at WRITTEN, at a repeat, and at the end.
 *
 * Rest: a session is restless while it is connected and has fewer parked calls than tasks; QUIESCE waits for nobody to be restless.
 */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include "acks.h"
#include "hash.h"
#include "heap.h"
#include "list.h"
#include "lost.h"
#include "op.h"
#include "slots.h"

struct engine;
struct call;
struct object;

struct session {
    struct list_node all;   /* e->session_list; e->ended when it has ended */
    struct hash_node by_id; /* unless anonymous */
    struct heap_node due;   /* end of the resume window or of the lease; one promise */
    uint8_t id[SESSION_ID_SIZE];
    uint64_t number;
    struct slots handles; /* number -> object, extra = rights */
    struct list parked;   /* call.link, by arrival */
    struct list finished; /* call.link, by completion: those with a seq, kept until acknowledged */
    struct list loose;    /* the same for those without, which took items: kept until WRITTEN */
    struct list holdings; /* holding.by_session, by grant */
    struct list owned;    /* object.owned, by creation */
    struct lost lost;     /* what UNDELIVERED reported since the last reckoning */
    uint64_t acked_below;
    uint64_t seq_max; /* the largest that was ever asked or acknowledged */
    struct acks acks;
    uint32_t parked_count, holding_count;
    uint32_t finished_count; /* of both lists */
    uint32_t connections, tasks, quiescing;
    int64_t resume_ns, lease_ns, heard_ns, since_ns;
    uint64_t within; /* the token of the holding in which it was started, which may be over; 0: none */
    uint32_t uid, gid;
    int32_t pid;
    uint8_t name_size;
    bool anonymous, observer, restless;
    char name[SESSION_NAME_MAX];
};

/* The session of a number, or NULL. */
struct session *session_get(const struct engine *e, uint64_t number);
/* Read the acknowledgements of a request and note that the session lives. */
void session_hear(struct engine *e, struct session *s, const struct op *op);
/* Mark those finished calls whose replies were reported as undelivered. */
void session_reckon(struct engine *e, struct session *s);
/* Recompute whether it is restless; call after parked_count, connections or quiescing changed. */
void session_settle(struct engine *e, struct session *s);
/* End it: the one teardown. It is freed with the next step. */
void session_end(struct engine *e, struct session *s);
/* Its deadline fell due. */
void session_due(struct engine *e, struct session *s);
/* Free what session_end left. */
void session_free(struct engine *e, struct session *s);
/* Promise n handle slots: false when the limit or memory is out. */
bool session_promise_handles(struct engine *e, struct session *s, uint32_t n);
/* Use a promise: a handle on o, taking a reference. */
uint64_t session_install(struct session *s, struct object *o, uint8_t rights);
/* Refuse op for the lack of a handle. */
void session_refuse_handle(struct engine *e, struct session *s, struct call *c, const struct op *op);
void session_audit(const struct engine *e, const struct session *s);

#endif

/*
 * waits_for.h - who could let whom go on: the wait-for graph, and who is awake in it.
 *
 * Nodes are parties, which act or wait (sessions, and tasks in place of the sessions that ask in their name), and the objects that somebody
 * waits on. A holder leads to what it holds, an object to those who wait for its holders, a task to those who wait for its end and
 * those who come after it; and a session that was started within a holding (HELLO within: the command under a lock) leads to the holder, who waits for it.
 *
 * Awake is who may act without anyone's help, and whoever they may let go on (a least fixed point, as a garbage collector's mark). In doubt a party is awake:
 * whoever has more threads than parked requests, whoever serves others and is idle (PULL, SERVE), whoever only waits for its session's end (a select of nothing, as in Go's
 * main), whoever waits for something that has a name, which somebody may
 * come and use. So what is found not awake is truly stuck, unless a program lied about its threads, or a user steps in.
 *
 * Time wakes too: deadlines, contexts that have one, holdings with a ttl. It is let in on its own (waits_for_let_time), because a circle of locks is a
 * fault even if it ends by a timeout.
 *
 * Cost: O(everything) in time and space, once; the space is the caller's.
 */
#ifndef ENGINE_WAITS_FOR_H
#define ENGINE_WAITS_FOR_H

#include "call.h"
#include "engine.h"
#include "mem.h"

enum { NODE_NONE = UINT32_MAX };

/* What lets an arm go on. */
enum waker {
    WAKER_NOBODY, /* nil, or what is never done */
    WAKER_ANYONE, /* who reaches the object: by its name or a handle */
    WAKER_HOLDER, /* who holds it */
    WAKER_TASK,   /* the task it is */
    WAKER_TIME,
    WAKER_IDLE /* it waits for work: not stuck, but at rest */
};

/* Something held: of a holder's list. */
struct waits_grant {
    const struct object *object;
    uint32_t next; /* index + 1; 0: the last */
    bool timed;
};

struct waits_for {
    const struct engine *e;
    uint64_t asker; /* a session that does not count */
    uint32_t sessions, objects, grants_count;
    const struct object *
        *at;         /* objects: all that are waited on, and all tasks that have not finished; by serial */
    uint8_t *flags;  /* per node: sessions by slot, then objects */
    uint32_t *first; /* per node: its grants; index + 1 */
    uint32_t *seen;  /* per object: references that are accounted for */
    struct waits_grant *grants;
    uint32_t *work; /* nodes that were woken and have not been followed */
    uint32_t work_count;
};

/* The next array of a space: count elements of size bytes, aligned for any type. */
static inline void *carve(unsigned char **at, size_t count, size_t size)
{
    void *array = *at;
    *at += (count * size + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
    return array;
}
/* Bytes of space that a graph of e takes, and how many nodes it has. */
size_t waits_for_space(const struct engine *e, size_t *ret_nodes);
/* Build it in `space`, aligned for any type, and wake all that is awake without time's help. Returns the first byte it does not take. */
unsigned char *waits_for_build(struct waits_for *g, const struct engine *e, uint64_t asker, void *space);
/* Let time pass for those who wait with a deadline or for a holding with a ttl. */
void waits_for_let_time(struct waits_for *g);

uint32_t waits_for_nodes(const struct waits_for *g);
/* Whether a party may act, an object's holders may give it back. */
bool waits_for_awake(const struct waits_for *g, uint32_t node);
/* The object of a node, or NULL: it is a session. */
const struct object *waits_for_object(const struct waits_for *g, uint32_t node);
/* The session of a node, or NULL. */
const struct session *waits_for_session(const struct waits_for *g, uint32_t node);
uint32_t waits_for_node_of(const struct waits_for *g, const struct object *o);
/* Who waits in c: its task, else its session. NODE_NONE: the engine. */
uint32_t waits_for_party(const struct waits_for *g, const struct call *c);
enum waker waits_for_waker(const struct waits_for *g, const struct arm *a);
/* The node of the session that waits for s, which was started within its holding; or NODE_NONE. */
uint32_t waits_for_parent(const struct waits_for *g, const struct session *s);
/* Whether something was started within what s holds. */
bool waits_for_is_parent(const struct waits_for *g, const struct session *s);
/* A request that does not wait for work, in a task's name or its session's. */
bool waits_for_is_wait(const struct waits_for *g, const struct call *c);

#endif

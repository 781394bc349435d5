/*
 * state.h - struct engine: what the engine's files share.
 *
 * Every index of everything is here; the files of the nouns know how to keep their own. Nothing outside daemon/engine sees it.
 *
 * Life of one step (engine.c): spent calls are freed; deadlines fall due; the op runs; engine_settle() drains what that set off
 * (triggers that fired, objects nobody refers to, QUIESCE) until nothing is left. Completed calls gather on `ready`, in order, and
 * are handed out as replies after the step.
 */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "engine.h"
#include "hash.h"
#include "heap.h"
#include "list.h"
#include "mem.h"
#include "prng.h"
#include "slots.h"

/* An answer that leaves no trace: nothing was changed, so nothing need be remembered. At most one a step. */
struct refusal {
    bool pending;
    uint64_t route, session, seq;
    enum op_code op;
    enum status status;
    const char *message;
    struct limit_hit limit;
};

struct text;

struct engine {
    struct mem mem;
    struct prng prng;
    struct limits limits;
    int64_t now_ns;

    struct heap deadlines;
    struct hash names;       /* object.by_name, of objects that have a name and are not removed */
    struct hash calls;       /* call.by_seq, of calls with a seq */
    struct hash session_ids; /* session.by_id, of sessions that are not anonymous */
    struct hash holdings;    /* holding.by_number, of live ones */
    struct hash task_keys;   /* task.by_key, of tasks that have one and are not finished */
    struct hash shares;      /* share.by_name */
    struct slots sessions;   /* number -> session */

    struct list session_list; /* session.all, in order of creation */
    struct list objects;      /* object.all, in order of creation */
    struct list doomed;       /* object.all, of objects that nothing refers to any more */
    struct list orphans;      /* call.link, of the engine's own parked calls (triggers) */
    struct list dirty;        /* object.dirty: to be served when the step settles; a reference each */
    struct list quiescing;    /* arm.link, of parked QUIESCE */
    struct list own_finished; /* call.ready: the engine's own, completed, to be acted on by engine_settle */
    struct list ready;        /* call.ready: completed, not yet handed out */
    struct list spent;        /* call.ready: handed out, and kept by nothing else */
    struct list ended;        /* session.all: ended in this step, not yet handed out or freed */
    struct session *ended_at; /* the last one handed out */

    struct text *owner_died;    /* the cause of contexts whose owner died */
    struct text *before_failed; /* of a task that comes after one that failed */
    struct refusal refusal;
    char said[160]; /* the text of a refusal that was made for it */
    uint64_t object_serial, holding_serial, task_serial;
    uint32_t restless;      /* sessions that are runnable: see session_settle */
    uint64_t resting_calls; /* parked calls of sessions, without QUIESCE */
    struct stats stats;
};

/* now + d, saturating to NEVER_NS; d < 0 counts as 0. */
static inline int64_t engine_after(const struct engine *e, int64_t d_ns)
{
    if (d_ns < 0)
        d_ns = 0;
    return d_ns > NEVER_NS - e->now_ns ? NEVER_NS : e->now_ns + d_ns;
}

#endif

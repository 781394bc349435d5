/*
 * trigger.h - AfterFunc: what happens without a caller.
 *
 * A trigger is a wait of the engine's own, with one case (the end of a context, or a time to come), whose completion is another
 * operation: a send of its value to its channel, which waits for room if need be, so that a slow channel delays no other trigger. Once the send has
 * begun the trigger is spent: Stop says false. A timed one may be set again (Reset), even while its last send waits.
 *
 * It fires once, and at least once delivery follows from the channel's own rules. When the channel is closed or removed, the value
 * is dropped. A detached trigger that is spent loses its name after CONTEXT_LINGER_NS.
 */
#ifndef ENGINE_TRIGGER_H
#define ENGINE_TRIGGER_H

#include "heap.h"
#include "object.h"

struct item;

struct trigger {
    struct object object;
    struct call *call;      /* pending; NULL: stopped or spent. It holds a reference to the trigger */
    struct object *channel; /* one reference */
    struct item *value;     /* what to send; one reference */
    struct heap_node due;   /* the linger; one promise */
    bool timed, detached;
};

struct trigger *trigger_of(const struct object *o);
/* True: it was pending, and now nothing will be sent. */
bool trigger_stop(struct engine *e, struct trigger *t);
/* Due d_ns from now. OK, WRONG_KIND (not a timed one), NO_MEMORY. *ret_was: it was pending. */
enum status trigger_reset(struct engine *e, struct trigger *t, int64_t d_ns, bool *ret_was);
/* A call of the engine's own has completed: go on with it, or free it. */
void trigger_call_finished(struct engine *e, struct call *c);
/* Its linger is over. */
void trigger_due(struct engine *e, struct trigger *t);

#endif

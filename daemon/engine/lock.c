/*
 * lock.c - LOCK and UNLOCK, for mutexes and read-write locks.
 *
 * Both are asked for the same way; what may be held together is the kind's. An UNLOCK that does not fit is Go's fatal error as a
 * status (MISUSE, in Go's words), or STALE_TOKEN when someone else holds it: in both cases nothing changes.
 */
#include "lock.h"

#include "call.h"
#include "handlers.h"
#include "hold.h"
#include "object.h"
#include "session.h"
#include "state.h"

static const char *unlock_text(const struct object *o, bool shared)
{
    if (o->kind == KIND_MUTEX)
        return "sync: unlock of unlocked mutex";
    return shared ? "sync: RUnlock of unlocked RWMutex" : "sync: Unlock of unlocked RWMutex";
}

/* Why a token does not unlock o. OK: it does. */
static enum status unlock_check(const struct engine *e, const struct object *o, const struct hold *h,
                                bool shared)
{
    if (h)
        return h->holding.shared == shared ? STATUS_OK : STATUS_MISUSE;
    struct object_view view = {0};
    object_kind(o)->view(e, o, &view);
    return view.hold.holds > 0 && view.hold.shared == shared ? STATUS_STALE_TOKEN : STATUS_MISUSE;
}

enum status lock_held(const struct engine *e, const struct object *o, uint64_t token, struct hold **ret,
                      const char **ret_message)
{
    struct hold *h = hold_find(e, o, token);
    enum status st = unlock_check(e, o, h, h && h->holding.shared);
    if (st == STATUS_OK)
        *ret = h;
    else if (st == STATUS_MISUSE)
        *ret_message = unlock_text(o, false);
    return st;
}

void op_unlock(struct engine *e, struct session *s, const struct op *op)
{
    struct object *o;
    enum status st = object_expect(e, s, &op->unlock.ref, KIND_NONE, RIGHT_SEND, &o);
    enum arm_verb verb = op->unlock.shared ? ARM_RLOCK : ARM_LOCK;
    if (st == STATUS_OK && !object_kind(o)->arms[verb])
        st = STATUS_WRONG_KIND;
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, NULL);
        return;
    }
    struct hold *h = hold_find(e, o, op->unlock.token);
    st = unlock_check(e, o, h, op->unlock.shared);
    if (st != STATUS_OK) {
        call_refuse(e, NULL, op, st, st == STATUS_MISUSE ? unlock_text(o, op->unlock.shared) : NULL);
        return;
    }
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    object_kind(o)->give(e, h);
    call_complete(e, c, STATUS_OK);
}

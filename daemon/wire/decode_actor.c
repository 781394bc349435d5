/*
 * decode_actor.c - actors: what is called, served, answered and remembered.
 *
 * Only form is judged here: a call has a value, and nothing that goes through an actor is a handle. Whether a token is the owner's and a number
 * that of the call being served is the engine's to say. A reply may have no value; a checkpoint without one forgets the one before.
 */
#include "codec.h"

bool decode_told(struct decode *d, const Sluice__V1__Value *m, struct value *ret)
{
    return decode_plain(d, m, "an actor takes and gives no handles", ret);
}

bool decode_actor_spec(struct decode *d, const Sluice__V1__ActorSpec *m, struct make_op *ret)
{
    (void)d;
    ret->actor.fail = m->fail;
    return true;
}

bool decode_call(struct decode *d, const Sluice__V1__Call *m, struct wire_request *ret)
{
    if (!decode_ref(d, m->ref, &ret->op.call.ref) || !decode_told(d, m->value, &ret->op.call.value))
        return false;
    return ret->op.call.value.type != VALUE_NONE || refuse(d, STATUS_INVALID, "value is missing");
}

bool decode_serve(struct decode *d, const Sluice__V1__Serve *m, struct wire_request *ret)
{
    ret->op.serve.token = m->token;
    return decode_ref(d, m->ref, &ret->op.serve.ref);
}

bool decode_reply(struct decode *d, const Sluice__V1__Respond *m, struct wire_request *ret)
{
    ret->op.reply.token = m->token;
    ret->op.reply.number = m->number;
    ret->op.reply.failed = m->failed;
    return decode_ref(d, m->ref, &ret->op.reply.ref) && decode_told(d, m->value, &ret->op.reply.value);
}

bool decode_checkpoint(struct decode *d, const Sluice__V1__Checkpoint *m, struct wire_request *ret)
{
    ret->op.checkpoint.token = m->token;
    return decode_ref(d, m->ref, &ret->op.checkpoint.ref) &&
           decode_told(d, m->value, &ret->op.checkpoint.value);
}

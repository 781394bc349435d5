/*
 * fill_actor.c - the operations on actors from the words of a command (filling.h).
 *
 *     make actor a [fail]
 *     begin a -> t                        end a $t ["state"]
 *     call a "question"
 *     serve a $t -> n                     reply a $t $n [failed] ["answer"]
 *     checkpoint a $t "state"
 *
 * $n is the number of the call that is served. The arms of a select are "call a "question"" and "serve a $t".
 */
#include <string.h>

#include "filling.h"
#include "world.h"

void fill_actor(struct filling *f, char *at)
{
    if (strcmp(at, "fail") != 0)
        bad("an actor has no %s", at);
    f->op->make.actor.fail = true;
}

void fill_call(struct filling *f)
{
    f->op->call.ref = ref(f);
    f->op->call.value = parse_value(f->w, word(f));
}

void fill_serve(struct filling *f)
{
    f->op->serve.ref = ref(f);
    f->op->serve.token = parse_token(f->w, word(f));
}

void fill_reply(struct filling *f)
{
    f->op->reply.ref = ref(f);
    f->op->reply.token = parse_token(f->w, word(f));
    f->op->reply.number = parse_token(f->w, word(f));
    if (more(f) && strcmp(peek(f), "failed") == 0) {
        f->op->reply.failed = true;
        f->next++;
    }
    if (more(f))
        f->op->reply.value = parse_value(f->w, word(f));
}

void fill_checkpoint(struct filling *f)
{
    f->op->checkpoint.ref = ref(f);
    f->op->checkpoint.token = parse_token(f->w, word(f));
    f->op->checkpoint.value = parse_value(f->w, word(f));
}

bool fill_actor_arm(struct filling *f, struct arm_spec *a, char *at, int n)
{
    if (a->verb != ARM_CALL && a->verb != ARM_SERVE)
        return false;
    if (n == 0)
        a->ref = parse_ref(f->w, at);
    else if (a->verb == ARM_CALL)
        a->value = parse_value(f->w, at);
    else
        a->token = parse_token(f->w, at);
    return true;
}

/*
 * actor_stage.c - an actor with an owner (actor_stage.h).
 *
 * Sessions are made in the order owner, a, b; the owner makes the actor and owns it from the start, with epoch 1. Nothing of it is checkpointed
 * yet.
 */
#include "actor_stage.h"

struct actor_stage actor_stage_new(bool fail)
{
    struct actor_stage st = {.k = kit_new(NULL)};
    st.owner = kit_session(st.k);
    st.a = kit_session(st.k);
    st.b = kit_session(st.k);
    kit_get(st.k, make_actor(st.owner, "x", fail), STATUS_OK);
    st.token = own(st.k, st.owner, "x");
    return st;
}

struct served take_call(struct actor_stage st)
{
    return served_of(st.k, kit_ask(st.k, serve(st.owner, "x", st.token)));
}

bool reached(struct actor_stage st, uint64_t number, const char *s)
{
    return kit_get(st.k, reply_to(st.owner, "x", st.token, number, s), STATUS_OK)->reply.truth;
}

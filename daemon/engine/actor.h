/*
 * actor.h - what the arms of a select ask of an actor (actor.c).
 *
 * All else goes through its row of functions (struct kind): who owns it holds it, who calls or serves it waits with an arm.
 */
#ifndef ENGINE_ACTOR_H
#define ENGINE_ACTOR_H

#include "object.h"

/* Whether who shows token may serve o now. OK, STALE_TOKEN, MISUSE (a call is being served). */
enum status actor_check_server(const struct engine *e, const struct object *o, uint64_t token,
                               const char **ret_message);

#endif

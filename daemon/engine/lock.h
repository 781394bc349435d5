/*
 * lock.h - what a token says of a lock.
 *
 * UNLOCK and COND_WAIT both give up what a token holds, and refuse in the same words.
 */
#ifndef ENGINE_LOCK_H
#define ENGINE_LOCK_H

#include "op.h"

struct engine;
struct object;
struct hold;

/*
 * The hold by which a mutex or read-write lock is held under a token: *ret. MISUSE with Go's text when it is not locked at all, STALE_TOKEN
 * when by another.
 */
enum status lock_held(const struct engine *e, const struct object *o, uint64_t token, struct hold **ret,
                      const char **ret_message);

#endif

/*
 * fence.h - the newest token an object has seen.
 *
 * A lock's token only grows, so who shows an older one than somebody before has lost the lock, though it may not know. An object with a fence
 * refuses it; a fenced object refuses also who shows none. The daemon thus enforces what is else left to the user (Kleppmann's fencing).
 */
#ifndef ENGINE_FENCE_H
#define ENGINE_FENCE_H

#include "op.h"

struct fence {
    uint64_t newest; /* 0: none yet */
    bool required;
};

/* Whether a token (0: none) is good enough. OK, MISUSE (none, and it is required), STALE_TOKEN. */
static inline enum status fence_check(const struct fence *f, uint64_t token, const char **ret_message)
{
    if (token == 0 && f->required) {
        *ret_message = "it is fenced: a change needs a token";
        return STATUS_MISUSE;
    }
    if (token == 0 || token >= f->newest)
        return STATUS_OK;
    *ret_message = "a newer token has been seen";
    return STATUS_STALE_TOKEN;
}

/* It has been seen. True: it is newer than all before. */
static inline bool fence_see(struct fence *f, uint64_t token)
{
    if (token <= f->newest)
        return false;
    f->newest = token;
    return true;
}

#endif

/*
 * keys.h - one definition, and what stands under each of its keys.
 *
 * A limiter or a flight is a definition with any number of keys. What stands under a key is an object of its own, made when the key is
 * first asked for and gone when nothing refers to it: whoever waits on it or holds it does, and so does a limiter's key to
 * itself until it is as new. It is in the table of names under a name that no client can write (a zero byte, the serial of the definition, the
 * key), and that name holds no reference.
 *
 * Removing the definition removes all of them. When only the last reference to an anonymous one goes, those who still wait or hold go on
 * as they are; nobody new can come.
 *
 * Cost: O(1) to find, make, drop.
 */
#ifndef ENGINE_KEYS_H
#define ENGINE_KEYS_H

#include "list.h"
#include "object.h"

struct keys {
    struct object *of;
    struct list list; /* object.owned */
    uint64_t count;
};

void keys_init(struct keys *k, struct object *of);
/* What stands under this key, or NULL. */
struct object *keys_find(const struct engine *e, const struct keys *k, struct bytes key);
/*
 * The same, made by spec (kind and parameters) if need be. *ret with one reference. NO_MEMORY, LIMIT, or what making says.
 */
enum status keys_get(struct engine *e, struct session *s, struct keys *k, struct bytes key,
                     struct make_op *spec, struct object **ret, struct make_error *error);
/* Whether o stands under a key of the object `of`. */
bool keys_have(const struct object *of, const struct object *o);
/* Whether o was made for a key, and stands under it or did. */
static inline bool keys_keyed(const struct object *o)
{
    return o->name_size > 0 && o->name[0] == 0;
}
/* The key itself. o was made for one. */
struct bytes keys_key(const struct object *o);
/* What stands under the keys, in order of their making: the first for NULL; NULL after the last. */
struct object *keys_next(const struct keys *k, const struct object *prev);
/* Remove all that stands there. */
void keys_remove(struct engine *e, struct keys *k);
/* The definition goes: nothing stands under its keys any more. */
void keys_done(struct engine *e, struct keys *k);
/* An object without references, or one whose definition goes, leaves. */
void keys_leave(struct object *o);

#endif

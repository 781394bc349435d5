/*
 * keys.c - composing names, finding, making, leaving (keys.h).
 *
 * The composed name is the whole index: one look-up in the table of names finds a key of any definition, and no table grows with
 * each definition. The list is only for what concerns all keys at once: removing them, changing them, counting.
 */
#include "keys.h"

#include <string.h>

#include "state.h"

enum { KEY_HEAD_SIZE = 1 + sizeof(uint64_t) };

/* The name of a key: what no client can write, since a name begins with a letter, a digit or one of "._-". */
static size_t keys_name(const struct keys *k, struct bytes key, char *buf)
{
    assert(key.size <= KEY_SIZE_MAX);
    buf[0] = 0;
    memcpy(buf + 1, &k->of->serial, sizeof k->of->serial);
    if (key.size)
        memcpy(buf + KEY_HEAD_SIZE, key.data, key.size);
    return KEY_HEAD_SIZE + key.size;
}

void keys_init(struct keys *k, struct object *of)
{
    k->of = of;
    list_init(&k->list);
    k->count = 0;
}

struct object *keys_find(const struct engine *e, const struct keys *k, struct bytes key)
{
    char name[KEY_HEAD_SIZE + KEY_SIZE_MAX];
    return object_by_name(e, name, keys_name(k, key, name));
}

enum status keys_get(struct engine *e, struct session *s, struct keys *k, struct bytes key,
                     struct make_op *spec, struct object **ret, struct make_error *error)
{
    char name[KEY_HEAD_SIZE + KEY_SIZE_MAX];
    size_t size = keys_name(k, key, name);
    struct object *o = object_by_name(e, name, size);
    if (o) {
        object_ref(o);
        *ret = o;
        return STATUS_OK;
    }
    spec->name = (struct ref){.name = name, .name_size = (uint16_t)size};
    return object_make_key(e, s, spec, k, ret, error);
}

bool keys_have(const struct object *of, const struct object *o)
{
    return o->among && o->among->of == of;
}

struct bytes keys_key(const struct object *o)
{
    assert(o->name_size >= KEY_HEAD_SIZE && o->name[0] == 0);
    return (struct bytes){o->name + KEY_HEAD_SIZE, o->name_size - (size_t)KEY_HEAD_SIZE};
}

struct object *keys_next(const struct keys *k, const struct object *prev)
{
    struct list_node *n = list_next(&k->list, prev ? &prev->owned : NULL);
    return n ? container_of(n, struct object, owned) : NULL;
}

void keys_remove(struct engine *e, struct keys *k)
{
    for (struct list_node *n; (n = list_first(&k->list));) {
        struct object *o = container_of(n, struct object, owned);
        object_ref(o);
        object_remove(e, o);
        keys_leave(o);
        object_unref(e, o);
    }
}

void keys_done(struct engine *e, struct keys *k)
{
    for (struct list_node *n; (n = list_first(&k->list));) {
        struct object *o = container_of(n, struct object, owned);
        object_unname(e, o);
        keys_leave(o);
    }
}

void keys_leave(struct object *o)
{
    if (!o->among)
        return;
    list_remove(&o->owned);
    o->among->count--;
    o->among = NULL;
}

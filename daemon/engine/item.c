/*
 * item.c - values at rest.
 *
 * One allocation holds header and bytes. Where types differ is in three places only: making an item from a value, showing it as one,
 * and letting go of the object that a handle keeps alive.
 */
#include "item.h"

#include <string.h>

#include "object.h"
#include "state.h"

size_t item_footprint(const struct item *item)
{
    return sizeof *item + item->size;
}

struct item_handle *item_handle(const struct item *item)
{
    assert(item->type == VALUE_HANDLE);
    return (struct item_handle *)(void *)(uintptr_t)item->data;
}

static struct item *item_alloc(struct engine *e, enum value_type type, const void *data, size_t size)
{
    assert(size <= UINT32_MAX);
    struct item *item = mem_alloc_value(&e->mem, sizeof *item + size);
    if (!item)
        return NULL;
    *item = (struct item){.refs = 1, .size = (uint32_t)size, .type = (uint8_t)type};
    if (size)
        memcpy(item->data, data, size);
    e->stats.items++;
    return item;
}

static enum status item_new_handle(struct engine *e, struct session *s, const struct value *v,
                                   struct item **ret)
{
    struct object *o;
    uint8_t rights;
    enum status st = object_resolve(e, s, &v->ref, &o, &rights);
    if (st != STATUS_OK)
        return st;
    if (!o)
        return STATUS_INVALID;
    uint8_t wanted = v->rights ? v->rights : rights;
    if (wanted & ~rights)
        return STATUS_NO_RIGHT;
    struct item_handle data = {.object = o};
    struct item *item = item_alloc(e, VALUE_HANDLE, &data, sizeof data);
    if (!item)
        return STATUS_NO_MEMORY;
    item->rights = wanted;
    object_ref(o);
    *ret = item;
    return STATUS_OK;
}

enum status item_new(struct engine *e, struct session *s, const struct value *v, struct item **ret)
{
    struct item *item = NULL;
    switch (v->type) {
    case VALUE_BYTES:
    case VALUE_STRING:
    case VALUE_JSON: item = item_alloc(e, v->type, v->bytes.data, v->bytes.size); break;
    case VALUE_INT64: item = item_alloc(e, v->type, &v->int64, sizeof v->int64); break;
    case VALUE_DOUBLE: item = item_alloc(e, v->type, &v->real, sizeof v->real); break;
    case VALUE_HANDLE: return item_new_handle(e, s, v, ret);
    case VALUE_NONE:
    case VALUE_COUNT: return STATUS_INVALID;
    }
    if (!item)
        return STATUS_NO_MEMORY;
    *ret = item;
    return STATUS_OK;
}

struct item *item_clone(struct engine *e, const struct item *from)
{
    struct item *item = item_alloc(e, from->type, from->data, from->size);
    if (!item)
        return NULL;
    item->rights = from->rights;
    if (item->type == VALUE_HANDLE)
        object_ref(item_handle(item)->object);
    return item;
}

void item_unref(struct engine *e, struct item *item)
{
    assert(item->refs > 0);
    if (--item->refs > 0)
        return;
    assert(!list_linked(&item->link));
    if (item->type == VALUE_HANDLE)
        object_unref(e, item_handle(item)->object);
    e->stats.items--;
    mem_free(&e->mem, item, item_footprint(item));
}

struct item *item_chain_pop(struct item **first)
{
    struct item *item = *first;
    *first = item->link.next ? container_of(item->link.next, struct item, link) : NULL;
    item->link = (struct list_node){0};
    return item;
}

void item_unref_chain(struct engine *e, struct item *first)
{
    while (first)
        item_unref(e, item_chain_pop(&first));
}

void item_value(const struct item *item, uint64_t handle, struct value *ret)
{
    *ret = (struct value){.type = item->type, .rights = item->rights};
    switch (ret->type) {
    case VALUE_INT64: memcpy(&ret->int64, item->data, sizeof ret->int64); break;
    case VALUE_DOUBLE: memcpy(&ret->real, item->data, sizeof ret->real); break;
    case VALUE_HANDLE:
        ret->kind = item_handle(item)->object->kind;
        ret->handle = handle;
        break;
    default: ret->bytes = (struct bytes){item->data, item->size}; break;
    }
}

/*
 * list.h - an intrusive doubly linked ring.
 *
 * A `struct list` is the head; a `struct list_node` is a member of the struct that is listed. A node that is in no list is idle:
 * both links NULL. Insertion asserts idle, removal makes idle, so a node can never be in two lists nor leave one twice. Every
 * operation is O(1). Lists own nothing.
 */
#ifndef ENGINE_LIST_H
#define ENGINE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *next, *prev; /* NULL, NULL: idle */
};

struct list {
    struct list_node ring;
};

/* The struct of which `node` is the member `member`. */
#define container_of(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
    l->ring.next = l->ring.prev = &l->ring;
}

static inline bool list_empty(const struct list *l)
{
    return l->ring.next == &l->ring;
}

static inline bool list_linked(const struct list_node *n)
{
    return n->next != NULL;
}

/* The node after n, or NULL at the end; n NULL: the first. */
static inline struct list_node *list_next(const struct list *l, const struct list_node *n)
{
    struct list_node *next = n ? n->next : l->ring.next;
    return next == &l->ring ? NULL : next;
}

static inline struct list_node *list_first(const struct list *l)
{
    return list_next(l, NULL);
}

static inline struct list_node *list_last(const struct list *l)
{
    return l->ring.prev == &l->ring ? NULL : l->ring.prev;
}

/* The node before n, or NULL at the head. */
static inline struct list_node *list_prev(const struct list *l, const struct list_node *n)
{
    return n->prev == &l->ring ? NULL : n->prev;
}

/* Put n, idle, behind `at`, which is in a list (or is its ring). */
static inline void list_insert_after(struct list_node *at, struct list_node *n)
{
    assert(!list_linked(n) && at->next);
    n->prev = at;
    n->next = at->next;
    at->next->prev = n;
    at->next = n;
}

static inline void list_push_back(struct list *l, struct list_node *n)
{
    list_insert_after(l->ring.prev, n);
}

static inline void list_push_front(struct list *l, struct list_node *n)
{
    list_insert_after(&l->ring, n);
}

static inline void list_remove(struct list_node *n)
{
    assert(list_linked(n));
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->next = n->prev = NULL;
}

/* Remove and return the first node, or NULL. */
static inline struct list_node *list_pop_front(struct list *l)
{
    struct list_node *n = list_first(l);
    if (n)
        list_remove(n);
    return n;
}

/* Move all nodes of `from` to the end of `to`. O(1). */
static inline void list_splice_back(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    struct list_node *first = from->ring.next, *last = from->ring.prev, *tail = to->ring.prev;
    tail->next = first;
    first->prev = tail;
    last->next = &to->ring;
    to->ring.prev = last;
    list_init(from);
}

/* n is declared here, so it cannot stand in parentheses. */
#define list_for_each(n, l) \
    for (struct list_node *n = list_first(l); n; n = list_next(l, n)) /* NOLINT(bugprone-macro-parentheses) */

#endif

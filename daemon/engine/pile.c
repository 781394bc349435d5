/*
 * pile.c - a skew heap: a binary tree in which no item is before its parent.
 *
 * Everything is one merge. It walks down the right sides of two trees, taking the smaller root each time, and swaps the children of what
 * it took; the swapping is what keeps the sides short on average. It is a loop, so depth costs no stack.
 */
#include "pile.h"

#include <assert.h>
#include <stddef.h>

static bool pile_before(const struct item *a, const struct item *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->seq < b->seq;
}

static struct item *pile_merge(struct item *a, struct item *b)
{
    struct item *root = NULL, **at = &root;
    while (a && b) {
        if (pile_before(b, a)) {
            struct item *other = a;
            a = b;
            b = other;
        }
        struct item *right = a->pile.right;
        a->pile.right = a->pile.left;
        *at = a;
        at = &a->pile.left;
        a = right;
    }
    *at = a ? a : b;
    return root;
}

void pile_push(struct pile *p, struct item *item)
{
    assert(!list_linked(&item->link) && !item->link.prev);
    p->first = pile_merge(p->first, item);
}

struct item *pile_pop(struct pile *p)
{
    struct item *item = p->first;
    if (!item)
        return NULL;
    p->first = pile_merge(item->pile.left, item->pile.right);
    item->link = (struct list_node){0};
    return item;
}

static void pile_audit_tree(const struct item *item, uint64_t seq_end, uint64_t *count, uint64_t *bytes)
{
    for (; item; item = item->pile.left) {
        assert(item->seq < seq_end && item->refs > 0);
        assert(!item->pile.left || pile_before(item, item->pile.left));
        assert(!item->pile.right || pile_before(item, item->pile.right));
        ++*count;
        *bytes += item->size;
        pile_audit_tree(item->pile.right, seq_end, count, bytes); /* the short side */
    }
}

void pile_audit(const struct pile *p, uint64_t seq_end, uint64_t *count, uint64_t *bytes)
{
    pile_audit_tree(p->first, seq_end, count, bytes);
}

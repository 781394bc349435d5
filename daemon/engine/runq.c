/*
 * runq.c - a skew heap whose nodes know who is above them.
 *
 * Everything is one merge, as in a pile: it walks down the right sides of two trees, takes the smaller root each time and swaps the children of
 * what it took. A node that leaves is replaced by the merge of its children.
 */
#include "runq.h"

#include <assert.h>
#include <stddef.h>

bool runq_before(const struct runq_node *a, const struct runq_node *b)
{
    return a->start_ns != b->start_ns ? a->start_ns < b->start_ns : a->arrival < b->arrival;
}

static struct runq_node *runq_merge(struct runq_node *a, struct runq_node *b)
{
    struct runq_node *root = NULL, **at = &root, *above = NULL;
    while (a && b) {
        if (runq_before(b, a)) {
            struct runq_node *other = a;
            a = b;
            b = other;
        }
        struct runq_node *right = a->right;
        a->right = a->left;
        a->above = above;
        *at = above = a;
        at = &a->left;
        a = right;
    }
    *at = a ? a : b;
    if (*at)
        (*at)->above = above;
    return root;
}

void runq_push(struct runq *q, struct runq_node *n, int64_t start_ns, uint64_t arrival)
{
    assert(!runq_linked(n) && arrival != 0);
    *n = (struct runq_node){.start_ns = start_ns, .arrival = arrival};
    q->first = runq_merge(q->first, n);
}

void runq_remove(struct runq *q, struct runq_node *n)
{
    assert(runq_linked(n) && (n->above || q->first == n));
    struct runq_node *rest = runq_merge(n->left, n->right), *above = n->above;
    if (!above)
        q->first = rest;
    else if (above->left == n)
        above->left = rest;
    else
        above->right = rest;
    if (rest)
        rest->above = above;
    *n = (struct runq_node){0};
}

static uint64_t runq_audit_tree(const struct runq_node *n)
{
    uint64_t count = 0;
    for (; n; n = n->left) {
        assert(runq_linked(n));
        assert(!n->left || (n->left->above == n && runq_before(n, n->left)));
        assert(!n->right || (n->right->above == n && runq_before(n, n->right)));
        count += 1 + runq_audit_tree(n->right); /* the short side */
    }
    return count;
}

uint64_t runq_audit(const struct runq *q)
{
    assert(!q->first || !q->first->above);
    return runq_audit_tree(q->first);
}

/*
 * context.h - package context as a tree of objects.
 *
 * A node is alive or done; done carries an error (CANCELED or DEADLINE_EXCEEDED) and a cause, set together, once, by the first
 * cancellation that reaches it. Cancelling a node cancels everything below it in the same step, each child with its parent's
 * error and cause. A child of a done parent is born done. Values are looked up towards the root.
 *
 * Two links go up: `parent` (one reference: values, String, the effective deadline) and membership in the parent's `children` (no
 * reference: cancellation), which ends when either is done or gone. WithoutCancel has only the first.
 *
 * A node's Done is nil (`never`) for roots, below WithoutCancel, and for a plain value node below such.
 *
 * A detached context that is done stays readable for CONTEXT_LINGER_NS, then its name goes, so that forgotten ones do not leak.
 *
 * Cost: O(1) to derive, O(nodes below) to cancel, O(depth) to look a value up, and the depth has a limit. Every walk is a loop.
 */
#ifndef ENGINE_CONTEXT_H
#define ENGINE_CONTEXT_H

#include "heap.h"
#include "object.h"

struct text;
struct item;

struct context_entry {
    struct text *space, *type, *name; /* one reference each */
    struct item *value;               /* one reference; NULL: nil */
};

struct context {
    struct object object;
    struct context *parent;      /* one reference to its object; NULL for a root */
    struct list_node sibling;    /* in parent->children while both are alive */
    struct list children;        /* context.sibling */
    struct list waiters;         /* arm.link */
    struct list_node cancelling; /* on the worklist of a cancellation */
    struct heap_node due;        /* its own deadline, then its linger; one promise */
    struct text *cause;          /* of its end; NULL: the error's own text */
    struct text *expiry_cause;   /* what `cause` becomes when its own deadline fires */
    struct context_entry *entries;
    uint64_t children_count, waiters_count;
    int64_t deadline_ns; /* the effective one; NEVER_NS: none */
    uint32_t entries_count;
    uint32_t depth; /* contexts above it; at most CONTEXT_DEPTH_MAX */
    uint8_t error;  /* enum status: OK while alive */
    uint8_t root;   /* enum context_root */
    bool never, without_cancel, cancelable, has_own_deadline, detached;
};

struct context *context_of(const struct object *o);
/* The first cancellation wins; later ones change nothing. cause may be NULL; the context takes references of its own. */
void context_cancel(struct engine *e, struct context *ctx, enum status error, struct text *cause);
/* Its deadline, or its linger, fell due. */
void context_due(struct engine *e, struct context *ctx);

#endif

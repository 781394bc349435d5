/*
 * arms.c - arms on their way out.
 *
 * A select and an acquire of several things carry the same arms. The messages of up to a dozen lie on the stack; more are allocated for
 * the length of the call. What an arm borrows is the caller's.
 */
#include "arms.h"

#include <stdlib.h>

#include "error.h"
#include "sync.h"

void arms_free(struct arms *p)
{
    if (p->pointers != p->few_pointers)
        free(p->pointers);
    if (p->parts != p->few)
        free(p->parts);
}

static enum sluice_status arm_out(struct call *c, const struct sluice_arm *arm, struct arm_parts *p)
{
    Sluice__V1__Arm *a = &p->arm;
    sluice__v1__arm__init(a);
    a->has_verb = true;
    a->verb = (Sluice__V1__Verb)arm->verb;
    a->ref = call_ref(c, arm->ref, &p->ref);
    a->has_delay_ns = arm->delay_ns != 0;
    a->delay_ns = arm->delay_ns;
    a->has_lease_ns = arm->lease_ns != 0;
    a->lease_ns = arm->lease_ns;
    a->has_permits = arm->verb == SLUICE_VERB_ACQUIRE || arm->verb == SLUICE_VERB_TAKE;
    a->permits = arm->permits;
    if (arm->compare != SLUICE_COMPARE_NONE)
        a->condition = condition_out(arm->compare, arm->operand, &p->condition);
    a->has_key = arm->key != NULL;
    a->key = key_out(arm->key);
    a->lock = call_ref(c, arm->lock, &p->lock);
    a->has_token = arm->token != 0;
    a->token = arm->token;
    a->has_rank = arm->rank != 0;
    a->rank = arm->rank;
    return value_out(c, &arm->value, &p->value, &a->value);
}

enum sluice_status arms_out(struct call *c, struct arms *p, const struct sluice_arm *arms, size_t count)
{
    p->pointers = count <= ARMS_FEW ? p->few_pointers : calloc(count, sizeof(Sluice__V1__Arm *));
    p->parts = count <= ARMS_FEW ? p->few : calloc(count, sizeof *p->parts);
    if (p->pointers == NULL || p->parts == NULL)
        return error_status(SLUICE_NO_MEMORY);
    enum sluice_status status = SLUICE_OK;
    for (size_t i = 0; i < count && status == SLUICE_OK; i++) {
        status = arm_out(c, &arms[i], &p->parts[i]);
        p->pointers[i] = &p->parts[i].arm;
    }
    return status;
}

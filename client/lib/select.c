/*
 * select.c - waiting for the first of several things.
 *
 * All arms go to the daemon in one request, which commits exactly one of them; nothing is decided here. The messages of up to a
 * dozen arms lie on the stack.
 */
#include <stdlib.h>

#include "error.h"
#include "future.h"
#include "item.h"
#include "object.h"
#include "sync.h"

#define FEW 12

struct arm_parts {
    Sluice__V1__Arm arm;
    Ref ref;
    Sluice__V1__Condition condition;
    struct value_parts value;
};

struct select_parts {
    Sluice__V1__Select select;
    Sluice__V1__Arm *few_pointers[FEW];
    struct arm_parts few[FEW];
    Sluice__V1__Arm **pointers; /* few_pointers, or malloc'd */
    struct arm_parts *arms;
};

static void parts_free(struct select_parts *p)
{
    if (p->pointers != p->few_pointers)
        free(p->pointers);
    if (p->arms != p->few)
        free(p->arms);
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
    a->has_permits = arm->verb == SLUICE_VERB_ACQUIRE;
    a->permits = arm->permits;
    if (arm->compare != SLUICE_COMPARE_NONE)
        a->condition = condition_out(arm->compare, arm->operand, &p->condition);
    return value_out(c, &arm->value, &p->value, &a->value);
}

/* Whatever it returns, parts_free follows. */
static enum sluice_status build(struct call *c, struct select_parts *p, const struct sluice_arm *arms,
                                size_t count, const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_SELECT);
    call_wait(c, wait);
    sluice__v1__select__init(&p->select);
    c->request.select = &p->select;
    p->pointers = count <= FEW ? p->few_pointers : calloc(count, sizeof(Sluice__V1__Arm *));
    p->arms = count <= FEW ? p->few : calloc(count, sizeof *p->arms);
    if (p->pointers == NULL || p->arms == NULL)
        return error_status(SLUICE_NO_MEMORY);
    enum sluice_status status = SLUICE_OK;
    for (size_t i = 0; i < count && status == SLUICE_OK; i++) {
        status = arm_out(c, &arms[i], &p->arms[i]);
        p->pointers[i] = &p->arms[i].arm;
    }
    p->select.n_arms = count;
    p->select.arms = p->pointers;
    return status;
}

/* What the committed arm gives besides an item. */
static void arm_in(const struct sluice_arm *arm, const struct reply *reply)
{
    if (arm->ret_grant != NULL)
        *arm->ret_grant = reply->grant;
    if (arm->ret_number != NULL)
        *arm->ret_number = reply->number;
    if (arm->ret_failed != NULL)
        *arm->ret_failed = reply->failed;
}

enum sluice_status sluice_select(sluice *s, const struct sluice_arm *arms, size_t count,
                                 const struct sluice_wait *wait, int *ret_index, struct sluice_item *ret)
{
    struct call c;
    struct select_parts p;
    struct reply reply = {.index = -1};
    enum sluice_status status = build(&c, &p, arms, count, wait);
    if (status == SLUICE_OK) {
        status = call_run(s, &c, &reply);
        struct sluice_item item = {.value = {.type = SLUICE_TYPE_NONE}};
        if (status == SLUICE_OK && reply.has_item)
            status = item_take(&c, &reply, &item);
        if (status == SLUICE_OK && reply.index >= 0 && (size_t)reply.index < count)
            arm_in(&arms[reply.index], &reply);
        if (status == SLUICE_OK && ret != NULL)
            *ret = item;
        else
            sluice_item_free(&item);
        call_done(&c);
    }
    if (ret_index != NULL)
        *ret_index = reply.index;
    parts_free(&p);
    return status;
}

enum sluice_status sluice_select_start(sluice *s, const struct sluice_arm *arms, size_t count,
                                       const struct sluice_wait *wait, sluice_future **ret)
{
    struct select_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    enum sluice_status status = build(&f->call, &p, arms, count, wait);
    status = future_start(f, status, ret);
    parts_free(&p);
    return status;
}

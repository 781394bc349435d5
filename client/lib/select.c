/*
 * select.c - waiting for the first of several things.
 *
 * All arms go to the daemon in one request, which commits exactly one of them; nothing is decided here.
 */
#include "arms.h"
#include "error.h"
#include "future.h"
#include "job.h"
#include "limiter.h"
#include "sync.h"

/* Whatever it returns, arms_free follows. */
static enum sluice_status build(struct call *c, Sluice__V1__Select *op, struct arms *p,
                                const struct sluice_arm *arms, size_t count, const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_SELECT);
    call_wait(c, wait);
    sluice__v1__select__init(op);
    c->request.select = op;
    enum sluice_status status = arms_out(c, p, arms, count);
    op->n_arms = count;
    op->arms = p->pointers;
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
    if (arm->ret_shared != NULL)
        *arm->ret_shared = reply->shared;
    if (arm->ret_last != NULL)
        *arm->ret_last = reply->swapped;
    if (arm->ret_quota != NULL)
        *arm->ret_quota = reply_quota(reply);
    if (arm->ret_revision != NULL)
        *arm->ret_revision = reply->revision;
    if (arm->ret_epoch != NULL)
        *arm->ret_epoch = reply->epoch;
}

/* What it gives that takes memory. Nothing is written unless the status is OK. */
static enum sluice_status arm_take(const struct sluice_arm *arm, const struct reply *reply)
{
    enum sluice_status status = SLUICE_OK;
    if (arm->ret_job != NULL)
        status = job_take(reply, arm->ret_job);
    if (status == SLUICE_OK && arm->ret_ending != NULL)
        status = ending_take(reply, arm->ret_ending);
    return status;
}

static enum sluice_status arm_item(struct call *c, const struct sluice_arm *arm, const struct reply *reply,
                                   struct sluice_item *ret)
{
    enum sluice_status status = item_take(c, reply, ret);
    if (status != SLUICE_OK) {
        sluice_job_free(arm->ret_job);
        sluice_ending_free(arm->ret_ending);
    }
    return status;
}

enum sluice_status sluice_select(sluice *s, const struct sluice_arm *arms, size_t count,
                                 const struct sluice_wait *wait, int *ret_index, struct sluice_item *ret)
{
    struct call c;
    struct arms p;
    Sluice__V1__Select op;
    struct reply reply = {.index = -1};
    enum sluice_status status = build(&c, &op, &p, arms, count, wait);
    if (status == SLUICE_OK) {
        status = call_run(s, &c, &reply);
        struct sluice_item item = {.value = {.type = SLUICE_TYPE_NONE}};
        if (status == SLUICE_OK && (reply.index < 0 || (size_t)reply.index >= count))
            status = unreadable();
        if (status == SLUICE_OK)
            status = arm_take(&arms[reply.index], &reply);
        if (status == SLUICE_OK && reply.has_item)
            status = arm_item(&c, &arms[reply.index], &reply, &item);
        if (status == SLUICE_OK)
            arm_in(&arms[reply.index], &reply);
        if (status == SLUICE_OK && ret != NULL)
            *ret = item;
        else
            sluice_item_free(&item);
        call_done(&c);
    }
    if (ret_index != NULL)
        *ret_index = reply.index;
    arms_free(&p);
    return status;
}

enum sluice_status sluice_select_start(sluice *s, const struct sluice_arm *arms, size_t count,
                                       const struct sluice_wait *wait, sluice_future **ret)
{
    struct arms p;
    Sluice__V1__Select op;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    enum sluice_status status = build(&f->call, &op, &p, arms, count, wait);
    status = future_start(f, status, ret);
    arms_free(&p);
    return status;
}

/*
 * acquire_all.c - several locks and permits in one step.
 *
 * The request carries arms as a select does, and the daemon grants all of them or none; so there is no order to keep and nothing to give
 * back half way.
 */
#include "arms.h"
#include "error.h"
#include "future.h"
#include "sync.h"

/* Whatever it returns, arms_free follows. */
static enum sluice_status build(struct call *c, Sluice__V1__AcquireAll *op, struct arms *p,
                                const struct sluice_arm *arms, size_t count, const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_ACQUIRE_ALL);
    call_wait(c, wait);
    sluice__v1__acquire_all__init(op);
    c->request.acquire_all = op;
    enum sluice_status status = arms_out(c, p, arms, count);
    op->n_arms = count;
    op->arms = p->pointers;
    return status;
}

/* Writes through the arms when there is a grant for each. */
static enum sluice_status grants_in(struct sluice_blob grants, const struct sluice_arm *arms, size_t count)
{
    struct sluice_grant grant[ACQUIRE_ALL_MAX];
    if (count > ACQUIRE_ALL_MAX || reply_read_grants(grants, grant, count) != (ptrdiff_t)count)
        return unreadable();
    for (size_t i = 0; i < count; i++)
        if (arms[i].ret_grant != NULL)
            *arms[i].ret_grant = grant[i];
    return SLUICE_OK;
}

enum sluice_status sluice_acquire_all(sluice *s, const struct sluice_arm *arms, size_t count,
                                      const struct sluice_wait *wait)
{
    struct call c;
    struct arms p;
    struct reply reply;
    Sluice__V1__AcquireAll op;
    enum sluice_status status = build(&c, &op, &p, arms, count, wait);
    if (status == SLUICE_OK) {
        status = call_run(s, &c, &reply);
        if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_GRANTS)
            status = unreadable();
        if (status == SLUICE_OK)
            status = grants_in(reply.result, arms, count);
        call_done(&c);
    }
    arms_free(&p);
    return status;
}

enum sluice_status sluice_acquire_all_start(sluice *s, const struct sluice_arm *arms, size_t count,
                                            const struct sluice_wait *wait, sluice_future **ret)
{
    struct arms p;
    Sluice__V1__AcquireAll op;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    enum sluice_status status = build(&f->call, &op, &p, arms, count, wait);
    status = future_start(f, status, ret);
    arms_free(&p);
    return status;
}

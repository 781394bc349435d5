/*
 * lease.c - finishing, giving back and prolonging leased items.
 *
 * A lease is a number of the daemon's and the session that holds it. Leases of a session that has ended went back to their channels
 * with it; they are not sent, since their numbers might mean something else to a daemon that was restarted. The call then
 * does the others and says NOT_LEASED, as the daemon does for those it does not know.
 */
#include <stdlib.h>

#include "error.h"
#include "future.h"
#include "object.h"

#define FEW 16

struct lease_parts {
    union {
        Sluice__V1__Ack ack;
        Sluice__V1__Nack nack;
        Sluice__V1__Extend extend;
    };
    uint64_t few[FEW];
    uint64_t *numbers; /* few, or malloc'd */
    size_t count;
    bool left_out; /* some are of another session */
};

static enum sluice_status parts_fill(sluice *s, struct call *c, struct lease_parts *p,
                                     const sluice_lease *leases, size_t count)
{
    uint32_t epoch = s->epoch;
    p->numbers = count <= FEW ? p->few : malloc(count * sizeof *p->numbers);
    p->count = 0;
    p->left_out = false;
    if (p->numbers == NULL)
        return error_status(SLUICE_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        if (leases[i].session == epoch)
            p->numbers[p->count++] = leases[i].number;
        else
            p->left_out = true;
    }
    c->epoch = p->count > 0 ? epoch : 0;
    return SLUICE_OK;
}

static void parts_free(struct lease_parts *p)
{
    if (p->numbers != p->few)
        free(p->numbers);
}

static enum sluice_status build_ack(sluice *s, struct call *c, struct lease_parts *p,
                                    const sluice_lease *leases, size_t count)
{
    call_init(c, SLUICE__V1__REQUEST__OP_ACK);
    enum sluice_status status = parts_fill(s, c, p, leases, count);
    sluice__v1__ack__init(&p->ack);
    p->ack.n_leases = p->count;
    p->ack.leases = p->numbers;
    c->request.ack = &p->ack;
    return status;
}

/* Carries it out unless nothing is left to be done. Frees parts. */
static enum sluice_status run(sluice *s, struct call *c, struct lease_parts *p, enum sluice_status status,
                              size_t *ret_done)
{
    struct reply reply = {.count = 0};
    if (status == SLUICE_OK && (p->count > 0 || !p->left_out)) {
        status = call_run(s, c, &reply);
        call_done(c);
        if (status == SLUICE_STALE) /* the session ended just now */
            status = error_status(SLUICE_NOT_LEASED);
    }
    if (status == SLUICE_OK && p->left_out)
        status = error_status(SLUICE_NOT_LEASED);
    if (ret_done != NULL && (status == SLUICE_OK || status == SLUICE_NOT_LEASED))
        *ret_done = (size_t)reply.count;
    parts_free(p);
    return status;
}

enum sluice_status sluice_ack(sluice *s, const sluice_lease *leases, size_t count, size_t *ret_done)
{
    struct call c;
    struct lease_parts p;
    enum sluice_status status = build_ack(s, &c, &p, leases, count);
    return run(s, &c, &p, status, ret_done);
}

enum sluice_status sluice_nack(sluice *s, const sluice_lease *leases, size_t count, size_t *ret_done)
{
    struct call c;
    struct lease_parts p;
    call_init(&c, SLUICE__V1__REQUEST__OP_NACK);
    enum sluice_status status = parts_fill(s, &c, &p, leases, count);
    sluice__v1__nack__init(&p.nack);
    p.nack.n_leases = p.count;
    p.nack.leases = p.numbers;
    c.request.nack = &p.nack;
    return run(s, &c, &p, status, ret_done);
}

enum sluice_status sluice_extend(sluice *s, const sluice_lease *leases, size_t count, int64_t duration_ns,
                                 size_t *ret_done)
{
    struct call c;
    struct lease_parts p;
    call_init(&c, SLUICE__V1__REQUEST__OP_EXTEND);
    enum sluice_status status = parts_fill(s, &c, &p, leases, count);
    sluice__v1__extend__init(&p.extend);
    p.extend.n_leases = p.count;
    p.extend.leases = p.numbers;
    p.extend.has_duration_ns = true;
    p.extend.duration_ns = duration_ns;
    c.request.extend = &p.extend;
    return run(s, &c, &p, status, ret_done);
}

enum sluice_status sluice_ack_start(sluice *s, const sluice_lease *leases, size_t count, sluice_future **ret)
{
    struct lease_parts p;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    enum sluice_status status = build_ack(s, &f->call, &p, leases, count);
    if (status == SLUICE_OK && p.left_out)
        status = error_status(SLUICE_NOT_LEASED);
    status = future_start(f, status, ret);
    parts_free(&p);
    return status;
}

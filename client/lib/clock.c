/*
 * clock.c - the daemon's clock, coming to rest, and ping.
 *
 * Reading and moving the clock are one operation. Moving it with `settle` waits for clients to come to rest, which may take any time:
 * such a call is not given up before it answers.
 */
#include "error.h"
#include "future.h"
#include "object.h"

static enum sluice_status run(sluice *s, Sluice__V1__Clock *clock, struct sluice_clock *ret)
{
    struct call c;
    struct reply reply;
    call_init(&c, SLUICE__V1__REQUEST__OP_CLOCK);
    c.request.clock = clock;
    c.patient = clock->settle;
    enum sluice_status status = call_run(s, &c, &reply);
    if (status == SLUICE_OK) {
        Sluice__V1__ClockResult *r =
            sluice__v1__clock_result__unpack(NULL, reply.result.size, reply.result.data);
        if (r == NULL || reply.result_tag != SLUICE__V1__REPLY__RESULT_CLOCK)
            status = error_text(SLUICE_INTERNAL, "the daemon's reply cannot be read");
        else if (ret != NULL)
            *ret = (struct sluice_clock){
                .now_ns = r->now_ns,
                .has_next_deadline = r->has_next_deadline_ns,
                .next_deadline_ns = r->next_deadline_ns,
                .virtual_clock = r->virtual_clock,
                .wall_offset_ns = r->wall_offset_ns,
            };
        if (r != NULL)
            sluice__v1__clock_result__free_unpacked(r, NULL);
    }
    call_done(&c);
    return status;
}

enum sluice_status sluice_clock_read(sluice *s, struct sluice_clock *ret)
{
    Sluice__V1__Clock clock = SLUICE__V1__CLOCK__INIT;
    return run(s, &clock, ret);
}

enum sluice_status sluice_clock_advance(sluice *s, int64_t duration_ns, bool settle, struct sluice_clock *ret)
{
    Sluice__V1__Clock clock = SLUICE__V1__CLOCK__INIT;
    clock.has_advance_ns = true;
    clock.advance_ns = duration_ns;
    clock.has_settle = clock.settle = settle;
    return run(s, &clock, ret);
}

enum sluice_status sluice_clock_advance_to(sluice *s, int64_t instant_ns, bool settle,
                                           struct sluice_clock *ret)
{
    Sluice__V1__Clock clock = SLUICE__V1__CLOCK__INIT;
    clock.has_until_ns = true;
    clock.until_ns = instant_ns;
    clock.has_settle = clock.settle = settle;
    return run(s, &clock, ret);
}

enum sluice_status sluice_clock_advance_next(sluice *s, bool settle, struct sluice_clock *ret)
{
    Sluice__V1__Clock clock = SLUICE__V1__CLOCK__INIT;
    clock.has_next_deadline = clock.next_deadline = true;
    clock.has_settle = clock.settle = settle;
    return run(s, &clock, ret);
}

static void build_quiesce(struct call *c, Sluice__V1__Quiesce *op, uint64_t parked_min,
                          const struct sluice_wait *wait)
{
    call_init(c, SLUICE__V1__REQUEST__OP_QUIESCE);
    call_wait(c, wait);
    sluice__v1__quiesce__init(op);
    op->has_parked_min = true;
    op->parked_min = parked_min;
    c->request.quiesce = op;
}

enum sluice_status sluice_quiesce(sluice *s, uint64_t parked_min, const struct sluice_wait *wait)
{
    struct call c;
    Sluice__V1__Quiesce op;
    build_quiesce(&c, &op, parked_min, wait);
    return run_plain(s, &c);
}

enum sluice_status sluice_quiesce_start(sluice *s, uint64_t parked_min, const struct sluice_wait *wait,
                                        sluice_future **ret)
{
    Sluice__V1__Quiesce op;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_quiesce(&f->call, &op, parked_min, wait);
    return future_start(f, SLUICE_OK, ret);
}

static void build_ping(struct call *c, Sluice__V1__Ping *op)
{
    call_init(c, SLUICE__V1__REQUEST__OP_PING);
    sluice__v1__ping__init(op);
    c->request.ping = op;
}

enum sluice_status sluice_ping(sluice *s)
{
    struct call c;
    Sluice__V1__Ping op;
    build_ping(&c, &op);
    return run_plain(s, &c);
}

enum sluice_status sluice_ping_start(sluice *s, sluice_future **ret)
{
    Sluice__V1__Ping op;
    struct sluice_future *f = future_new(s);
    if (f == NULL)
        return SLUICE_NO_MEMORY;
    build_ping(&f->call, &op);
    return future_start(f, SLUICE_OK, ret);
}

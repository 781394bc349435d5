/*
 * clock.c - see clock.h.
 *
 * A move's target is fixed when its turn comes: "one second on" means from then. A client that is gone takes its moves with it.
 */
#include "clock.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

struct move {
    TAILQ_ENTRY(move) link;
    struct wire_request request; /* its clock part, route and session; nothing borrowed */
    bool begun;
    int64_t target_ns;
};

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    int r = clock_gettime(id, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void clock_init(struct clock *c, bool is_virtual, struct front *front)
{
    *c = (struct clock){.is_virtual = is_virtual, .front = front};
    TAILQ_INIT(&c->moves);
}

static void clock_drop(struct clock *c, struct move *m)
{
    TAILQ_REMOVE(&c->moves, m, link);
    assert(TAILQ_FIRST(&c->moves) != m && c->moves_count > 0);
    c->moves_count--;
    free(m);
}

void clock_done(struct clock *c)
{
    struct move *m;
    while ((m = TAILQ_FIRST(&c->moves)))
        clock_drop(c, m);
}

int64_t clock_now_ns(const struct clock *c)
{
    return c->is_virtual ? c->now_ns : read_ns(CLOCK_BOOTTIME);
}

int64_t clock_wall_offset_ns(const struct clock *c)
{
    return c->is_virtual ? CLOCK_VIRTUAL_EPOCH_NS : read_ns(CLOCK_REALTIME) - read_ns(CLOCK_BOOTTIME);
}

bool clock_take(struct clock *c, const struct wire_request *request, struct wire_refusal *ret)
{
    struct move *m = c->is_virtual ? malloc(sizeof(*m)) : NULL;
    if (!m) {
        *ret = (struct wire_refusal){.status = c->is_virtual ? STATUS_NO_MEMORY : STATUS_NOT_VIRTUAL};
        return false;
    }
    *m = (struct move){
        .request = {.op = {.code = OP_CLOCK, .session = request->op.session, .route = request->op.route},
                    .clock = request->clock}};
    TAILQ_INSERT_TAIL(&c->moves, m, link);
    c->moves_count++;
    return true;
}

/* Every client is at rest but those whose moves wait here. */
static bool clients_rest(const struct clock *c)
{
    const struct engine *e = c->front->engine;
    const struct move *first = TAILQ_FIRST(&c->moves);
    if (c->moves_count == 1)
        return engine_quiescent_but(e, &first->request.op.session, 1);
    uint64_t *sessions = malloc(c->moves_count * sizeof(*sessions));
    if (!sessions)
        return engine_quiescent(e);
    size_t count = 0;
    const struct move *m = NULL;
    TAILQ_FOREACH(m, &c->moves, link)
    {
        size_t i = 0;
        while (i < count && sessions[i] != m->request.op.session)
            i++;
        sessions[i] = m->request.op.session;
        count += i == count;
    }
    bool rest = engine_quiescent_but(e, sessions, count);
    free(sessions);
    return rest;
}

static int64_t move_target(const struct clock *c, const struct move *m)
{
    int64_t target_ns = c->now_ns;
    if (m->request.clock.has_advance && m->request.clock.advance_ns > 0 &&
        __builtin_add_overflow(c->now_ns, m->request.clock.advance_ns, &target_ns))
        target_ns = NEVER_NS - 1;
    if (m->request.clock.has_until && m->request.clock.until_ns > target_ns)
        target_ns = m->request.clock.until_ns;
    int64_t next_ns = engine_next_deadline(c->front->engine);
    if (m->request.clock.next_deadline && next_ns != NEVER_NS && next_ns > target_ns)
        target_ns = next_ns;
    return target_ns < NEVER_NS ? target_ns : NEVER_NS - 1;
}

/* One stop of the first move, or its end. False: it has to wait for the clients. */
static bool clock_stop(struct clock *c, struct move *m)
{
    if (!peers_get(c->front->peers, route_peer(m->request.op.route))) {
        clock_drop(c, m);
        return true;
    }
    if (m->request.clock.settle && !clients_rest(c))
        return false;
    if (!m->begun) {
        m->begun = true;
        m->target_ns = move_target(c, m);
    }
    if (c->now_ns >= m->target_ns) {
        struct wire_request request = m->request;
        clock_drop(c, m);
        front_answer(c->front, &request);
        return true;
    }
    int64_t next_ns = engine_next_deadline(c->front->engine);
    next_ns = next_ns > c->now_ns ? next_ns : c->now_ns;
    c->now_ns = next_ns < m->target_ns ? next_ns : m->target_ns;
    front_begin(c->front);
    front_step(c->front, &(struct op){.code = OP_TICK});
    return true;
}

bool clock_run(struct clock *c)
{
    struct move *m;
    for (int stops = 0; (m = TAILQ_FIRST(&c->moves)); stops++) {
        if (stops == CLOCK_STOPS_MAX)
            return true;
        if (!clock_stop(c, m))
            return false;
    }
    return false;
}

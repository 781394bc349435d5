/*
 * pool_stage.c - a pool with one worker (pool_stage.h).
 *
 * Sessions are made in the order a, b, w, c, the pool and its channels by a. What a task is asked with is set field by field, so that a test
 * says only what matters to it.
 */
#include "pool_stage.h"

static struct stage stage_made(int64_t limit, int64_t capacity, uint32_t slots, const char *dead_letter)
{
    struct stage st = {.k = kit_new(NULL)};
    uint64_t *const sessions[] = {&st.a, &st.b, &st.w, &st.c};
    for (int i = 0; i < 4; i++)
        *sessions[i] = kit_session(st.k);
    kit_get(st.k, make_channel(st.a, "in", 0), STATUS_OK);
    kit_get(st.k, make_channel(st.a, "dead", 0), STATUS_OK);
    struct op op = make_pool(st.a, "p", limit, capacity);
    op.make.pool.dead_letter = by_name(dead_letter);
    kit_get(st.k, op, STATUS_OK);
    st.worker = work_token(st.k, st.w, "p", slots);
    return st;
}

struct stage stage_new(uint32_t slots)
{
    return stage_made(-1, -1, slots, NULL);
}

struct stage stage_with(int64_t limit, int64_t capacity, uint32_t slots)
{
    return stage_made(limit, capacity, slots, NULL);
}

struct stage stage_with_dead_letters(uint32_t slots)
{
    return stage_made(-1, -1, slots, "dead");
}

uint64_t asks(struct stage st)
{
    return kit_ask(st.k, pull(st.w, "p", st.worker));
}

struct job takes(struct stage st)
{
    return job_of(st.k, asks(st));
}

struct job begins(struct stage st, const char *text)
{
    task_number(st.k, tried(go(st.a, "p", text), 1, 0));
    return takes(st);
}

void ends(struct stage st, struct job job)
{
    kit_get(st.k, end_task(st.w, &job, NULL), STATUS_OK);
}

void runs(struct stage st, const char *text)
{
    struct job job = takes(st);
    assert_string_equal(job.text, text);
    ends(st, job);
}

bool nothing_to_do(struct stage st)
{
    return kit_get(st.k, at_once(pull(st.w, "p", st.worker)), STATUS_WOULD_BLOCK) != NULL;
}

enum task_state state_of(struct stage st, uint64_t number)
{
    return task_seen(st.k, number).state;
}

void sends(struct stage st, const char *text)
{
    kit_get(st.k, send_to(st.a, "in", text), STATUS_OK);
}

uint64_t receives(struct stage st, uint64_t session, struct job job)
{
    uint64_t route = kit_ask(st.k, in_task(recv_from(session, "in"), job.token));
    assert_null(answer(st.k, route));
    assert_int_equal(state_of(st, job.number), TASK_WAITING);
    return route;
}

struct held held_by(bool child, uint64_t seq)
{
    struct held h = {.st = stage_new(1)};
    h.first = begins(h.st, "1");
    struct op op = with_seq(recv_from(child ? h.st.c : h.st.w, "in"), seq);
    h.route = kit_ask(h.st.k, in_task(op, h.first.token));
    h.second = begins(h.st, "2");
    task_number(h.st.k, go(h.st.a, "p", "3"));
    sends(h.st, "x");
    assert_null(answer(h.st.k, h.route));
    assert_int_equal(state_of(h.st, h.first.number), TASK_RUNNABLE);
    return h;
}

struct op urgent(struct op op, int32_t priority)
{
    op.go.spec.priority = priority;
    return op;
}

struct op tried(struct op op, uint32_t retries, int64_t backoff_ns)
{
    op.go.spec.retries = retries;
    op.go.spec.backoff_ns = backoff_ns;
    return op;
}

struct op within(struct op op, int64_t within_ns, int64_t run_ns)
{
    op.go.spec.within_ns = within_ns;
    op.go.spec.run_ns = run_ns;
    return op;
}

struct op delayed(struct op op, int64_t delay_ns)
{
    op.go.spec.delay_ns = delay_ns;
    return op;
}

struct op in_context(struct op op, const char *name)
{
    op.go.spec.context = by_name(name);
    return op;
}

struct op keyed(struct op op, const char *key)
{
    op.go.spec.key = (struct bytes){key, strlen(key)};
    return op;
}

struct op after(struct op op, const struct ref *refs, uint32_t count)
{
    op.go.spec.after = refs;
    op.go.spec.after_count = count;
    return op;
}

/*
 * task_test.c - the life of one task: how it ends, how often it is tried, what it is told.
 *
 * A stage has a pool with two slots of one worker, and a channel for dead letters. A task's time, its key and what comes after it are in
 * task_time_test.c; who goes first is in pool_test.c.
 */
#include "pool_stage.h"

static const char *next_dead_letter(struct stage st)
{
    return kit_get(st.k, recv_from(st.a, "dead"), STATUS_OK)->texts[0];
}

/* ---- Ends ---- */

static void it_runs_and_is_joined(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, go(st.a, "p", "in"));
    assert_int_equal(state_of(st, number), TASK_QUEUED);
    uint64_t before = kit_ask(st.k, join(st.b, number));
    struct job job = takes(st);
    assert_int_equal(job.number, number);
    assert_int_equal(job.attempt, 1);
    assert_string_equal(job.text, "in");
    assert_int_equal(state_of(st, number), TASK_RUNNING);
    assert_int_equal(task_seen(st.k, number).token, job.token);
    struct op op = end_task(st.w, &job, "out");
    op.end.has_exit = true;
    op.end.exit = 3;
    kit_get(st.k, op, STATUS_OK);
    const struct answer *a = outcome(st.k, before, STATUS_OK, false, "out");
    assert_true(a->reply.has_exit);
    assert_int_equal(a->reply.exit, 3);
    joined(st.k, st.a, number, STATUS_OK, false, "out");
    assert_int_equal(state_of(st, number), TASK_DEAD);
    kit_get(st.k, op, STATUS_STALE_TOKEN);
    struct task_view v = task_seen(st.k, number);
    assert_int_equal(v.token, 0);
    assert_int_equal(v.worker, 0);
    assert_int_equal(v.attempts, 1);
    assert_true(v.has_exit);
    kit_free(st.k);
}

/* Its number is enough: nothing is left to be dropped, and after its time nothing of it. */
static void it_may_be_without_a_handle(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    struct op op = go(st.a, "p", "in");
    op.go.spec.bare = true;
    op.go.spec.keep_ns = 5;
    uint64_t handles = kit_session_view(st.k, st.a).handles;
    uint64_t route = without_memory(st.k, op);
    assert_int_equal(answered(st.k, route, STATUS_OK)->reply.made.handle, 0);
    uint64_t number = number_of(st.k, route);
    assert_int_equal(kit_session_view(st.k, st.a).handles, handles);
    struct job job = takes(st);
    kit_get(st.k, end_task(st.w, &job, "out"), STATUS_OK);
    joined(st.k, st.a, number, STATUS_OK, false, "out");
    kit_time(st.k, st.k->now_ns + 5);
    assert_false(task_there(st.k, number));
    kit_free(st.k);
}

static void it_may_be_called_with_nothing(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    struct op op = go(st.a, "p", "");
    op.go.spec.value = (struct value){0};
    uint64_t first = task_number(st.k, op), second = task_number(st.k, op);
    uint64_t route = asks(st);
    struct job job = job_of(st.k, route);
    assert_int_equal(answer(st.k, route)->items, 0);
    kit_get(st.k, end_task(st.w, &job, NULL), STATUS_OK);
    joined(st.k, st.a, first, STATUS_OK, false, NULL);
    job = takes(st);
    kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    joined(st.k, st.a, second, STATUS_OK, true, NULL);
    assert_int_equal(kit_view(st.k, "dead").channel.len, 0);
    kit_free(st.k);
}

static void it_fails(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, go(st.a, "p", "in"));
    struct job job = takes(st);
    struct op op = fail_task(st.w, &job, "why");
    op.end.value = (struct value){.type = VALUE_HANDLE, .ref = by_name("p")};
    kit_get(st.k, op, STATUS_INVALID);
    kit_get(st.k, fail_task(st.w, &job, "why"), STATUS_OK);
    joined(st.k, st.b, number, STATUS_OK, true, "why");
    assert_string_equal(next_dead_letter(st), "in");
    assert_true(task_seen(st.k, number).failed);
    assert_int_equal(pool_seen(st.k, "p").failed, 1);
    kit_free(st.k);
}

/* Where dead letters cannot go, they do not go: closed, removed, of another type. */
static void dead_letters_that_cannot_go(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    struct op other = go(st.a, "p", "");
    other.go.spec.value = (struct value){.type = VALUE_INT64, .int64 = 5};
    kit_get(st.k, other, STATUS_OK);
    for (int i = 0; i < 2; i++)
        kit_get(st.k, go(st.a, "p", "in"), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        struct job job = takes(st);
        if (i == 1)
            kit_get(st.k, of_name(OP_CLOSE, st.a, "dead"), STATUS_OK);
        if (i == 2)
            kit_get(st.k, of_name(OP_REMOVE, st.a, "dead"), STATUS_OK);
        kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    }
    assert_int_equal(pool_seen(st.k, "p").failed, 3);
    kit_free(st.k);
}

/* A dead letter that is leased, given back and taken is what the task was called with, as often as it takes. */
static void a_dead_letter_is_an_item(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    kit_get(st.k, go(st.a, "p", "in"), STATUS_OK);
    struct op takes_one = with_seq(pull(st.w, "p", st.worker), 1);
    struct job job = job_of(st.k, kit_ask(st.k, takes_one));
    kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    uint64_t lease = kit_get(st.k, recv_leased(st.b, "dead", SECOND), STATUS_OK)->leases[0];
    kit_get(st.k, lease_op(OP_NACK, st.b, &lease, 1), STATUS_OK);
    assert_string_equal(job_of(st.k, kit_ask(st.k, takes_one)).text, "in"); /* its first reply still has it */
    assert_string_equal(next_dead_letter(st), "in");
    kit_get(st.k, remove_task(st.a, job.number), STATUS_OK);
    kit_free(st.k);
}

/* ---- Attempts ---- */

static void it_is_tried_again_with_growing_pauses(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, tried(go(st.a, "p", "in"), 3, SECOND));
    uint64_t joins = kit_ask(st.k, join(st.b, number)), token = 0;
    int64_t due = 0;
    for (uint32_t i = 1; i <= 4; i++) {
        kit_time(st.k, due - 1);
        assert_true(i == 1 || nothing_to_do(st));
        assert_true(i == 1 || state_of(st, number) == TASK_DELAYED);
        kit_time(st.k, due);
        struct job job = takes(st);
        assert_int_equal(job.attempt, i);
        assert_true(job.token > token);
        token = job.token;
        assert_null(answer(st.k, joins));
        kit_get(st.k, fail_task(st.w, &job, (const char[]){(char)('0' + i), 0}), STATUS_OK);
        due += SECOND << (i - 1);
    }
    outcome(st.k, joins, STATUS_OK, true, "4");
    assert_int_equal(task_seen(st.k, number).attempts, 4);
    assert_int_equal(kit_view(st.k, "dead").channel.len, 1); /* once */
    assert_int_equal(pool_seen(st.k, "p").failed, 1);
    kit_free(st.k);
}

/* Pauses grow to for ever, not beyond. */
static void a_pause_may_last_for_ever(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, tried(go(st.a, "p", "in"), 100, INT64_MAX / 3 + 1));
    for (int i = 0; i < 2; i++) {
        struct job job = takes(st);
        kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
        assert_int_equal(state_of(st, number), TASK_DELAYED);
        int64_t next = engine_next_deadline(st.k->engine);
        assert_int_equal(next, i == 0 ? INT64_MAX / 3 + 1 : NEVER_NS);
        kit_time(st.k, next == NEVER_NS ? NEVER_NS - 1 : next);
    }
    assert_true(nothing_to_do(st));
    kit_get(st.k, kill_task(st.a, number, 0), STATUS_OK);
    joined(st.k, st.b, number, STATUS_CANCELED, true, NULL);
    kit_free(st.k);
}

/* Its worker dies: it is begun again at once, by another, with a new token; nothing of the old attempt is good any more. */
static void its_worker_dies(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t other = kit_session(st.k), token = work_token(st.k, other, "p", 1);
    uint64_t number = task_number(st.k, tried(go(st.a, "p", "in"), 1, 60 * SECOND));
    struct job first = takes(st);
    uint64_t hears = kit_ask(st.k, watch(st.b, number, first.token));
    uint64_t waits = kit_ask(st.k, pull(other, "p", token)), joins = kit_ask(st.k, join(st.b, number));
    leave(st.k, st.w);
    struct job second = job_of(st.k, waits);
    assert_int_equal(second.number, number);
    assert_int_equal(second.attempt, 2);
    assert_true(second.token > first.token);
    answered(st.k, hears, STATUS_STALE_TOKEN); /* and does not hear for the new attempt */
    kit_get(st.k, end_task(other, &first, "old"), STATUS_STALE_TOKEN);
    kit_get(st.k, watch(other, number, first.token), STATUS_STALE_TOKEN);
    kit_get(st.k, in_task(recv_from(other, "dead"), first.token), STATUS_STALE_TOKEN);
    kit_get(st.k, adopt(other, first.token), STATUS_STALE_TOKEN);
    assert_null(answer(st.k, joins));
    kit_get(st.k, end_task(other, &second, "new"), STATUS_OK);
    outcome(st.k, joins, STATUS_OK, false, "new");
    kit_free(st.k);
}

static void its_workers_die_until_retries_are_used_up(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, tried(go(st.a, "p", "in"), 2, SECOND));
    uint64_t joins = kit_ask(st.k, join(st.b, number));
    struct job job = takes(st);
    struct op failed = fail_task(st.w, &job, "a value");
    failed.end.has_exit = true;
    kit_get(st.k, failed, STATUS_OK);
    kit_time(st.k, SECOND);
    for (uint32_t i = 2; i <= 3; i++) {
        job = takes(st);
        assert_int_equal(job.attempt, i);
        assert_null(answer(st.k, joins));
        leave(st.k, st.w);
        st.w = kit_session(st.k);
        st.worker = work_token(st.k, st.w, "p", 1);
    }
    const struct answer *a = outcome(st.k, joins, STATUS_OWNER_DIED, true, NULL);
    assert_false(a->reply.has_exit);
    assert_string_equal(next_dead_letter(st), "in");
    assert_true(nothing_to_do(st));
    kit_free(st.k);
}

/* An attempt is a holding: it can be adopted, and given time. */
static void an_attempt_is_a_holding(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t first = task_number(st.k, go(st.a, "p", "1")),
             second = task_number(st.k, tried(go(st.a, "p", "2"), 1, 0));
    struct job one = takes(st), two = takes(st);
    kit_get(st.k, adopt(st.b, one.token), STATUS_OK);
    struct op extend = lease_op(OP_EXTEND, st.w, &two.token, 1);
    extend.lease.duration_ns = SECOND;
    kit_get(st.k, extend, STATUS_OK);
    kit_time(st.k, SECOND);
    assert_int_equal(state_of(st, second), TASK_QUEUED);
    kit_get(st.k, end_task(st.w, &two, NULL), STATUS_STALE_TOKEN);
    assert_int_equal(takes(st).attempt, 2);
    leave(st.k, st.w);
    joined(st.k, st.a, second, STATUS_OWNER_DIED, true, NULL);
    assert_int_equal(state_of(st, first), TASK_RUNNING);
    assert_int_equal(task_seen(st.k, first).worker, st.b);
    leave(st.k, st.b);
    joined(st.k, st.a, first, STATUS_OWNER_DIED, true, NULL);
    assert_int_equal(pool_seen(st.k, "p").running, 0);
    kit_free(st.k);
}

/* An attempt that ends and is begun again in the same step is another one to those who hear. */
static void who_hears_hears_for_one_attempt(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, tried(go(st.a, "p", "in"), 5, 0));
    struct job first = takes(st);
    uint64_t hears = kit_ask(st.k, watch(st.w, number, first.token)), waits = asks(st);
    kit_get(st.k, fail_task(st.w, &first, NULL), STATUS_OK);
    struct job second = job_of(st.k, waits);
    answered(st.k, hears, STATUS_STALE_TOKEN);
    hears = kit_ask(st.k, watch(st.w, number, second.token));
    kit_get(st.k, kill_task(st.a, number, 9), STATUS_OK);
    assert_int_equal(answered(st.k, hears, STATUS_OK)->reply.number, 9);
    kit_free(st.k);
}

/* ---- Being told ---- */

static void it_hears_signals(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, go(st.a, "p", "in"));
    struct job job = takes(st);
    assert_true(kit_get(st.k, kill_task(st.a, number, 15), STATUS_OK)->reply.truth);
    kit_get(st.k, kill_task(st.a, number, 1), STATUS_OK);
    kit_get(st.k, kill_task(st.a, number, 15), STATUS_OK); /* once is enough, as for processes */
    kit_get(st.k, kill_task(st.a, number, 64), STATUS_OK);
    kit_get(st.k, kill_task(st.a, number, 65), STATUS_INVALID);
    const int64_t expected[] = {1, 15, 64};
    for (int i = 0; i < 3; i++)
        assert_int_equal(kit_get(st.k, watch(st.w, number, job.token), STATUS_OK)->reply.number, expected[i]);
    uint64_t one = kit_ask(st.k, watch(st.w, number, job.token)),
             two = kit_ask(st.k, with_timeout(watch(st.w, number, job.token), SECOND));
    kit_get(st.k, kill_task(st.a, number, 2), STATUS_OK);
    assert_int_equal(answered(st.k, one, STATUS_OK)->reply.number, 2);
    kit_time(st.k, SECOND);
    answered(st.k, two, STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(state_of(st, number), TASK_RUNNING);
    kit_get(st.k, end_task(st.w, &job, NULL), STATUS_OK);
    joined(st.k, st.a, number, STATUS_OK, false, NULL);
    assert_false(kit_get(st.k, kill_task(st.a, number, 9), STATUS_OK)->reply.truth);
    kit_free(st.k);
}

static struct op because(struct op op, const char *cause)
{
    op.kill.cause = (struct bytes){cause, strlen(cause)};
    return op;
}

static void canceled_while_it_runs_it_is_told_to_stop(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, tried(go(st.a, "p", "in"), 5, 0));
    struct job job = takes(st);
    uint64_t one = kit_ask(st.k, watch(st.w, number, job.token)),
             two = kit_ask(st.k, watch(st.w, number, job.token));
    kit_get(st.k, because(kill_task(st.a, number, 0), "enough"), STATUS_OK);
    assert_int_equal(answered(st.k, one, STATUS_OK)->reply.number, 0);
    assert_string_equal(answer(st.k, one)->cause, "enough");
    assert_null(answer(st.k, two)); /* it is said once */
    kit_get(st.k, because(kill_task(st.a, number, 0), "again"), STATUS_OK);
    kit_get(st.k, kill_task(st.a, number, 9), STATUS_OK);
    assert_int_equal(answered(st.k, two, STATUS_OK)->reply.number, 9);
    assert_true(task_seen(st.k, number).stopping);
    kit_get(st.k, end_task(st.w, &job, "partial"), STATUS_OK);
    uint64_t route = kit_ask(st.k, join(st.b, number)); /* not tried again, and not well */
    outcome(st.k, route, STATUS_CANCELED, true, "partial");
    assert_string_equal(answer(st.k, route)->cause, "enough");
    kit_free(st.k);
}

static void canceled_before_it_runs_it_never_does(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t numbers[] = {task_number(st.k, go(st.a, "p", "1")),
                          task_number(st.k, delayed(go(st.a, "p", "2"), SECOND)),
                          task_number(st.k, go(st.a, "p", "3"))};
    kit_get(st.k, because(kill_task(st.b, numbers[0], 0), "enough"), STATUS_OK);
    kit_get(st.k, kill_task(st.b, numbers[1], 0), STATUS_OK);
    kit_get(st.k, kill_task(st.b, numbers[2], 15), STATUS_OK); /* there is nobody to hear it */
    assert_true(nothing_to_do(st));
    for (int i = 0; i < 3; i++)
        joined(st.k, st.a, numbers[i], STATUS_CANCELED, true, NULL);
    assert_int_equal(kit_view(st.k, "dead").channel.len, 3);
    assert_false(kit_get(st.k, kill_task(st.b, numbers[0], 0), STATUS_OK)->reply.truth);
    uint64_t again = task_number(st.k, tried(go(st.a, "p", "4"), 1, SECOND));
    struct job job = takes(st);
    kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    kit_get(st.k, kill_task(st.b, again, 0), STATUS_OK); /* between attempts */
    joined(st.k, st.a, again, STATUS_CANCELED, true, NULL);
    kit_time(st.k, 2 * SECOND);
    assert_true(nothing_to_do(st));
    kit_free(st.k);
}

static void killing_needs_the_right(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, go(st.a, "p", "in"));
    struct op open = plain(OP_OPEN, st.b);
    open.open.ref = by_task(number);
    open.open.rights = RIGHT_RECV;
    struct op op = kill_task(st.b, 0, 0);
    op.kill.ref = by_handle(kit_get(st.k, open, STATUS_OK)->reply.made.handle);
    kit_get(st.k, op, STATUS_NO_RIGHT);
    struct op waits = join(st.b, 0);
    waits.wait.ref = op.kill.ref;
    kit_get(st.k, at_once(waits), STATUS_WOULD_BLOCK);
    kit_get(st.k, kill_task(st.b, number + 1, 0), STATUS_NOT_FOUND);
    op.kill.ref = by_name("p");
    kit_get(st.k, op, STATUS_WRONG_KIND);
    kit_free(st.k);
}

/* ---- Contexts ---- */

static void its_context_cancels_it(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    kit_get(st.k, make_context(st.a, "ctx", NULL), STATUS_OK);
    uint64_t runs = task_number(st.k, in_context(go(st.a, "p", "1"), "ctx"));
    uint64_t queued = task_number(st.k, in_context(go(st.a, "p", "2"), "ctx"));
    uint64_t done = task_number(st.k, in_context(go(st.a, "p", "3"), "ctx"));
    assert_int_equal(kit_view(st.k, "ctx").context.waiters, 3);
    struct job job = takes(st);
    kit_get(st.k, kill_task(st.a, done, 0), STATUS_OK);
    assert_int_equal(kit_view(st.k, "ctx").context.waiters, 2);
    uint64_t hears = kit_ask(st.k, watch(st.w, runs, job.token)), joins = kit_ask(st.k, join(st.b, queued));
    kit_get(st.k, cancel_context(st.a, "ctx", "over"), STATUS_OK);
    assert_int_equal(answered(st.k, hears, STATUS_OK)->reply.number, 0);
    assert_string_equal(answer(st.k, hears)->cause, "over");
    outcome(st.k, joins, STATUS_CANCELED, true, NULL);
    assert_string_equal(answer(st.k, joins)->cause, "over");
    kit_get(st.k, end_task(st.w, &job, NULL), STATUS_OK);
    joined(st.k, st.b, runs, STATUS_CANCELED, true, NULL);
    uint64_t born = task_number(st.k, in_context(go(st.a, "p", "4"), "ctx"));
    joined(st.k, st.b, born, STATUS_CANCELED, true, NULL);
    assert_true(nothing_to_do(st));
    kit_free(st.k);
}

static void its_contexts_deadline_is_one(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    struct op op = make_context(st.a, "ctx", NULL);
    op.make.context.has_timeout = true;
    op.make.context.timeout_ns = SECOND;
    kit_get(st.k, op, STATUS_OK);
    uint64_t queued = task_number(st.k, in_context(go(st.a, "p", "1"), "ctx"));
    kit_time(st.k, SECOND);
    joined(st.k, st.b, queued, STATUS_DEADLINE_EXCEEDED, true, NULL);
    kit_get(st.k, in_context(go(st.a, "p", "2"), "nowhere"), STATUS_NOT_FOUND);
    kit_get(st.k, in_context(go(st.a, "p", "2"), "p"), STATUS_WRONG_KIND);
    kit_free(st.k);
}

/* The death of a context's owner ends it, and so its tasks; that a root which is never done goes away ends nothing. */
static void contexts_that_go_away(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t other = kit_session(st.k);
    kit_get(st.k, make_context(other, "ctx", NULL), STATUS_OK);
    struct op op = make_object(st.a, "root", KIND_CONTEXT);
    op.make.context.root = ROOT_BACKGROUND;
    kit_get(st.k, op, STATUS_OK);
    uint64_t first = task_number(st.k, in_context(go(st.a, "p", "1"), "ctx"));
    uint64_t second = task_number(st.k, in_context(go(st.a, "p", "2"), "root"));
    struct job job = takes(st);
    uint64_t third = task_number(st.k, in_context(go(st.a, "p", "3"), "root"));
    leave(st.k, other);
    kit_get(st.k, of_name(OP_REMOVE, st.a, "root"), STATUS_OK);
    assert_true(task_seen(st.k, first).stopping);
    assert_int_equal(state_of(st, second), TASK_QUEUED);
    assert_int_equal(state_of(st, third), TASK_QUEUED);
    kit_get(st.k, end_task(st.w, &job, NULL), STATUS_OK);
    job = takes(st);
    kit_get(st.k, end_task(st.w, &job, "well"), STATUS_OK);
    joined(st.k, st.b, second, STATUS_OK, false, "well");
    kit_free(st.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_runs_and_is_joined),
        cmocka_unit_test(it_may_be_without_a_handle),
        cmocka_unit_test(it_may_be_called_with_nothing),
        cmocka_unit_test(it_fails),
        cmocka_unit_test(dead_letters_that_cannot_go),
        cmocka_unit_test(a_dead_letter_is_an_item),
        cmocka_unit_test(it_is_tried_again_with_growing_pauses),
        cmocka_unit_test(a_pause_may_last_for_ever),
        cmocka_unit_test(its_worker_dies),
        cmocka_unit_test(its_workers_die_until_retries_are_used_up),
        cmocka_unit_test(an_attempt_is_a_holding),
        cmocka_unit_test(who_hears_hears_for_one_attempt),
        cmocka_unit_test(it_hears_signals),
        cmocka_unit_test(canceled_while_it_runs_it_is_told_to_stop),
        cmocka_unit_test(canceled_before_it_runs_it_never_does),
        cmocka_unit_test(killing_needs_the_right),
        cmocka_unit_test(its_context_cancels_it),
        cmocka_unit_test(its_contexts_deadline_is_one),
        cmocka_unit_test(contexts_that_go_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * task_time_test.c - a task in time: when it begins, when its time is over, how long it is remembered, and what comes after what.
 *
 * Time is virtual: a task is delayed, told to stop, tried again and forgotten at the nanosecond. Keys, which are good until a task has finished, and
 * exactly once are here, too.
 */
#include "pool_stage.h"

/* ---- Time ---- */

static void it_is_delayed(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, delayed(go(st.a, "p", "later"), SECOND)), waits = asks(st);
    assert_int_equal(state_of(st, number), TASK_DELAYED);
    assert_int_equal(pool_seen(st.k, "p").queued, 1);
    kit_time(st.k, SECOND - 1);
    assert_null(answer(st.k, waits));
    kit_time(st.k, SECOND);
    assert_string_equal(job_of(st.k, waits).text, "later");
    kit_free(st.k);
}

static void its_time_is_over(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t runs = task_number(st.k, within(tried(go(st.a, "p", "1"), 3, 0), SECOND, 0));
    uint64_t queued = task_number(st.k, within(go(st.a, "p", "2"), SECOND, 0));
    struct job job = takes(st);
    uint64_t hears = kit_ask(st.k, watch(st.w, runs, job.token));
    kit_time(st.k, SECOND - 1);
    assert_null(answer(st.k, hears));
    kit_time(st.k, SECOND);
    assert_int_equal(answered(st.k, hears, STATUS_OK)->reply.number, 0);
    joined(st.k, st.b, queued, STATUS_DEADLINE_EXCEEDED, true, NULL);
    assert_int_equal(state_of(st, runs), TASK_RUNNING); /* it is only told */
    kit_get(st.k, fail_task(st.w, &job, "cut"), STATUS_OK);
    joined(st.k, st.b, runs, STATUS_DEADLINE_EXCEEDED, true, "cut");
    kit_free(st.k);
}

static void an_attempts_time_is_over(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, within(tried(go(st.a, "p", "1"), 1, 0), 0, SECOND));
    for (uint32_t i = 1; i <= 2; i++) {
        uint64_t route = asks(st);
        struct job job = job_of(st.k, route);
        assert_int_equal(answer(st.k, route)->reply.run_ns, SECOND);
        assert_int_equal(job.attempt, i);
        uint64_t hears = kit_ask(st.k, watch(st.w, number, job.token));
        kit_time(st.k, 10 * i * SECOND);
        assert_int_equal(answered(st.k, hears, STATUS_OK)->reply.number, 0);
        kit_get(st.k, end_task(st.w, &job, "late"), STATUS_OK);
    }
    joined(st.k, st.b, number, STATUS_DEADLINE_EXCEEDED, true, "late");
    kit_free(st.k);
}

/* The task's time runs on while an attempt has been told to stop. */
static void both_times_are_over(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, within(tried(go(st.a, "p", "1"), 5, 0), 3 * SECOND, SECOND));
    struct job job = takes(st);
    kit_time(st.k, SECOND);
    assert_int_equal(kit_get(st.k, watch(st.w, number, job.token), STATUS_OK)->reply.number, 0);
    assert_int_equal(engine_next_deadline(st.k->engine), 3 * SECOND);
    kit_time(st.k, 4 * SECOND);
    kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    joined(st.k, st.b, number, STATUS_DEADLINE_EXCEEDED, true, NULL);
    assert_true(nothing_to_do(st));
    kit_free(st.k);
}

/* An attempt is cut, and the next one has the rest of the task's time. */
static void the_next_attempt_has_the_rest(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t number = task_number(st.k, within(tried(go(st.a, "p", "1"), 5, SECOND), 3 * SECOND, SECOND));
    struct job job = takes(st);
    kit_time(st.k, SECOND + SECOND / 2);
    kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    kit_time(st.k, 2 * SECOND + SECOND / 2);
    job = takes(st);
    assert_false(task_seen(st.k, number).stopping);
    kit_time(st.k, 3 * SECOND);
    assert_true(task_seen(st.k, number).stopping);
    kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    joined(st.k, st.b, number, STATUS_DEADLINE_EXCEEDED, true, NULL);
    kit_free(st.k);
}

/* Waiting for room takes of a task's time, too. */
static void its_time_is_over_before_there_is_room(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    kit_get(st.k, make_pool(st.a, "q", -1, 1), STATUS_OK);
    uint64_t token = work_token(st.k, st.w, "q", 2);
    task_number(st.k, go(st.a, "q", "1"));
    kit_get(st.k, make_context(st.a, "ctx", NULL), STATUS_OK);
    uint64_t parked = kit_ask(st.k, in_context(within(go(st.a, "q", "2"), SECOND, 0), "ctx"));
    uint64_t next = kit_ask(st.k, delayed(go(st.a, "q", "3"), SECOND));
    kit_time(st.k, 2 * SECOND);
    assert_string_equal(pulled(st.k, st.w, "q", token).text, "1");
    joined(st.k, st.b, number_of(st.k, parked), STATUS_DEADLINE_EXCEEDED, true, NULL);
    number_of(st.k, next);
    assert_string_equal(pulled(st.k, st.w, "q", token).text, "3"); /* its delay is over, too */
    kit_free(st.k);
}

static void results_are_kept_for_a_time(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    struct op op = go(st.a, "p", "1");
    op.go.spec.keep_ns = SECOND;
    uint64_t brief = task_number(st.k, op), usual = task_number(st.k, go(st.a, "p", "2"));
    const uint64_t handle = kit_stats(st.k).objects;
    kit_time(st.k, 5 * SECOND); /* it is counted from the end */
    struct job job = takes(st);
    kit_get(st.k, end_task(st.w, &job, "out"), STATUS_OK);
    job = takes(st);
    kit_get(st.k, end_task(st.w, &job, "out"), STATUS_OK);
    kit_time(st.k, 6 * SECOND - 1);
    joined(st.k, st.b, brief, STATUS_OK, false, "out");
    assert_int_equal(pool_seen(st.k, "p").tasks, 2);
    kit_time(st.k, 6 * SECOND);
    kit_get(st.k, join(st.b, brief), STATUS_NOT_FOUND);
    kit_get(st.k, kill_task(st.b, brief, 0), STATUS_NOT_FOUND);
    assert_int_equal(pool_seen(st.k, "p").tasks, 1);
    joined(st.k, st.b, usual, STATUS_OK, false, "out");
    kit_time(st.k, 5 * SECOND + TASK_KEEP_NS);
    kit_get(st.k, join(st.b, usual), STATUS_NOT_FOUND);
    leave(st.k, st.a); /* with its handles the last of them goes */
    assert_int_equal(kit_stats(st.k).objects, handle - 2);
    kit_free(st.k);
}

/* ---- Keys ---- */

static void one_of_a_key(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t first = task_number(st.k, keyed(go(st.a, "p", "1"), "k"));
    const struct answer *a = kit_get(st.k, keyed(go(st.b, "p", "2"), "k"), STATUS_OK);
    assert_false(a->reply.made.created);
    assert_int_equal(a->reply.made.number, first);
    assert_true(kit_get(st.k, keyed(go(st.b, "p", "3"), "other"), STATUS_OK)->reply.made.created);
    kit_get(st.k, make_pool(st.a, "q", -1, -1), STATUS_OK);
    assert_true(kit_get(st.k, keyed(go(st.b, "q", "4"), "k"), STATUS_OK)->reply.made.created);
    struct job job = takes(st);
    assert_false(kit_get(st.k, keyed(go(st.b, "p", "5"), "k"), STATUS_OK)->reply.made.created);
    kit_get(st.k, end_task(st.w, &job, NULL), STATUS_OK);
    a = kit_get(st.k, keyed(go(st.b, "p", "6"), "k"), STATUS_OK); /* the first is still kept, but finished */
    assert_true(a->reply.made.created);
    assert_int_not_equal(a->reply.made.number, first);
    kit_get(st.k, kill_task(st.a, a->reply.made.number, 0), STATUS_OK);
    assert_true(kit_get(st.k, keyed(go(st.b, "p", "7"), "k"), STATUS_OK)->reply.made.created);
    kit_get(st.k, of_name(OP_REMOVE, st.a, "p"), STATUS_OK);
    kit_free(st.k);
}

/* A full pool has room for what it has already; and who waits for room may find that another brought it. */
static void a_key_needs_no_room(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    kit_get(st.k, make_pool(st.a, "q", -1, 1), STATUS_OK);
    uint64_t token = work_token(st.k, st.w, "q", 1);
    uint64_t first = task_number(st.k, keyed(go(st.a, "q", "1"), "k"));
    assert_int_equal(task_number(st.k, at_once(keyed(go(st.a, "q", "2"), "k"))), first);
    uint64_t one = kit_ask(st.k, keyed(go(st.a, "q", "3"), "l")),
             two = kit_ask(st.k, keyed(go(st.b, "q", "4"), "l"));
    struct job job = pulled(st.k, st.w, "q", token);
    uint64_t second = number_of(st.k, one);
    kit_get(st.k, end_task(st.w, &job, NULL), STATUS_OK);
    assert_string_equal(pulled(st.k, st.w, "q", token).text, "3");
    assert_int_equal(number_of(st.k, two), second);
    assert_false(answer(st.k, two)->reply.made.created);
    kit_free(st.k);
}

/* ---- After others ---- */

static uint64_t go_after(struct stage st, const char *text, const uint64_t *numbers, uint32_t count)
{
    struct ref refs[AFTER_MAX];
    for (uint32_t i = 0; i < count; i++)
        refs[i] = by_task(numbers[i]);
    return task_number(st.k, after(go(st.a, "p", text), refs, count));
}

static void it_comes_after_others(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t first[2] = {task_number(st.k, go(st.a, "p", "1")), task_number(st.k, go(st.a, "p", "2"))};
    uint64_t twice[3] = {first[0], first[1], first[0]};
    uint64_t last = go_after(st, "3", twice, 3);
    assert_int_equal(state_of(st, last), TASK_BLOCKED);
    struct job one = takes(st), two = takes(st);
    uint64_t waits = asks(st);
    kit_get(st.k, end_task(st.w, &two, NULL), STATUS_OK);
    assert_null(answer(st.k, waits));
    kit_get(st.k, end_task(st.w, &one, NULL), STATUS_OK);
    struct job job = job_of(st.k, waits);
    assert_int_equal(job.number, last);
    uint64_t late = go_after(st, "4", first, 2); /* those have finished already */
    assert_int_equal(state_of(st, late), TASK_QUEUED);
    assert_int_equal(takes(st).number, late);
    const struct ref ref = by_task(999);
    kit_get(st.k, after(go(st.a, "p", "no"), &ref, 1), STATUS_NOT_FOUND);
    kit_free(st.k);
}

static void one_before_it_fails(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t first = task_number(st.k, tried(go(st.a, "p", "1"), 1, 0)),
             other = task_number(st.k, go(st.a, "p", "2"));
    const uint64_t both[2] = {first, other};
    uint64_t second = go_after(st, "3", both, 2), third = go_after(st, "4", &second, 1);
    uint64_t joins = kit_ask(st.k, join(st.b, third));
    struct job job = takes(st);
    kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    assert_int_equal(state_of(st, second), TASK_BLOCKED); /* it is tried again */
    struct job between = takes(st);
    assert_int_equal(between.number, other);
    job = takes(st);
    kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    outcome(st.k, joins, STATUS_CANCELED, true, NULL);
    assert_string_equal(answer(st.k, joins)->cause, "a task before it failed");
    joined(st.k, st.b, second, STATUS_CANCELED, true, NULL);
    uint64_t late = go_after(st, "5", both, 2);
    uint64_t route = kit_ask(st.k, join(st.b, late));
    outcome(st.k, route, STATUS_CANCELED, true, NULL);
    assert_string_equal(answer(st.k, route)->cause, "a task before it failed");
    assert_int_equal(kit_view(st.k, "dead").channel.len, 4);
    kit_free(st.k);
}

/* Removed while it has not finished, it has failed; removed or forgotten after that, it was what it was. */
static void those_before_are_removed(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    struct op brief = go(st.a, "p", "1");
    brief.go.spec.keep_ns = SECOND;
    uint64_t first = task_number(st.k, brief), second = task_number(st.k, go(st.a, "p", "2"));
    const uint64_t both[2] = {first, second};
    uint64_t last = go_after(st, "3", both, 2);
    struct job job = takes(st);
    kit_get(st.k, end_task(st.w, &job, NULL), STATUS_OK);
    kit_time(st.k, SECOND);
    assert_false(task_there(st.k, first));
    assert_int_equal(state_of(st, last), TASK_BLOCKED);
    job = takes(st);
    uint64_t hears = kit_ask(st.k, watch(st.w, second, job.token)), joins = kit_ask(st.k, join(st.b, second));
    kit_get(st.k, remove_task(st.a, second), STATUS_OK);
    answered(st.k, hears, STATUS_REMOVED), answered(st.k, joins, STATUS_REMOVED);
    kit_get(st.k, end_task(st.w, &job, NULL), STATUS_NOT_FOUND);
    joined(st.k, st.b, last, STATUS_CANCELED, true, NULL);
    assert_int_equal(pool_seen(st.k, "p").running, 0);
    kit_free(st.k);
}

/* Those before it may finish while it waits for room. */
static void those_before_finish_while_it_waits_for_room(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    kit_get(st.k, make_pool(st.a, "q", -1, 1), STATUS_OK);
    uint64_t token = work_token(st.k, st.w, "q", 4);
    uint64_t good = task_number(st.k, go(st.a, "p", "1")), bad = task_number(st.k, go(st.a, "p", "2"));
    task_number(st.k, go(st.a, "q", "x"));
    uint64_t routes[2];
    const struct ref refs[2] = {by_task(good), by_task(bad)};
    for (int i = 0; i < 2; i++) {
        routes[i] = kit_ask(st.k, after(go(st.a, "q", "of another pool"), &refs[i], 1));
        assert_null(answer(st.k, routes[i]));
    }
    struct job one = takes(st), two = takes(st);
    kit_get(st.k, end_task(st.w, &one, NULL), STATUS_OK);
    kit_get(st.k, fail_task(st.w, &two, NULL), STATUS_OK);
    assert_string_equal(pulled(st.k, st.w, "q", token).text, "x");
    uint64_t next = number_of(st.k, routes[0]);
    assert_null(answer(st.k, routes[1]));
    assert_int_equal(pulled(st.k, st.w, "q", token).number, next);
    joined(st.k, st.b, number_of(st.k, routes[1]), STATUS_CANCELED, true, NULL);
    kit_free(st.k);
}

/* A chain of thousands falls in a loop, not in a recursion. */
static void a_long_chain_falls(void **state)
{
    (void)state;
    enum { LENGTH = 20000 };
    struct stage st = stage_with_dead_letters(2);
    st.k->audits = false;
    uint64_t first = task_number(st.k, go(st.a, "p", "0")), last = first;
    for (int i = 0; i < LENGTH; i++)
        last = go_after(st, "x", &last, 1);
    struct job job = takes(st);
    kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    engine_audit(st.k->engine);
    joined(st.k, st.b, last, STATUS_CANCELED, true, NULL);
    assert_int_equal(pool_seen(st.k, "p").finished, LENGTH + 1);
    kit_free(st.k);
}

/* ---- Exactly once ---- */

static void repeats_are_answered_not_run(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    struct op op = with_seq(go(st.a, "p", "in"), 1);
    uint64_t number = task_number(st.k, op);
    assert_int_equal(task_number(st.k, op), number);
    assert_int_equal(pool_seen(st.k, "p").tasks, 1);
    struct op takes_one = with_seq(pull(st.w, "p", st.worker), 1);
    struct job job = job_of(st.k, kit_ask(st.k, takes_one)), again = job_of(st.k, kit_ask(st.k, takes_one));
    assert_memory_equal(&job, &again, sizeof job);
    struct op ends = with_seq(end_task(st.w, &job, "out"), 2);
    kit_get(st.k, ends, STATUS_OK);
    kit_get(st.k, ends, STATUS_OK);
    struct op joins = with_seq(join(st.b, number), 1);
    outcome(st.k, kit_ask(st.k, joins), STATUS_OK, false, "out");
    kit_get(st.k, remove_task(st.b, number), STATUS_OK);
    outcome(st.k, kit_ask(st.k, joins), STATUS_OK, false, "out");
    kit_free(st.k);
}

/* Its function is known as long as it is, so a repeat says what was said. */
static void a_repeat_says_what_was_said(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    static const struct bytes f = {"f", 1};
    kit_get(st.k, make_pool(st.a, "q", -1, -1), STATUS_OK);
    uint64_t token = token_of(st.k, work_for(st.w, "q", 1, &f, 1));
    uint64_t number = task_number(st.k, go_function(st.a, "q", "f", "in"));
    struct op takes_one = with_seq(pull(st.w, "q", token), 1);
    struct job job = job_of(st.k, kit_ask(st.k, takes_one));
    kit_get(st.k, end_task(st.w, &job, "out"), STATUS_OK);
    struct job again = job_of(st.k, kit_ask(st.k, takes_one));
    assert_memory_equal(&job, &again, sizeof job);
    assert_int_equal(task_seen(st.k, number).function.size, 1);
    kit_free(st.k);
}

/* Who submitted may go: the task is its pool's. */
static void it_outlives_who_submitted_it(void **state)
{
    (void)state;
    struct stage st = stage_with_dead_letters(2);
    uint64_t other = kit_session(st.k), number = task_number(st.k, go(other, "p", "in"));
    struct op parked = with_seq(go(other, "p", "parked"), 5);
    kit_get(st.k, make_pool(other, "q", -1, 0), STATUS_OK);
    parked.go.ref = by_name("q");
    kit_ask(st.k, parked);
    leave(st.k, other);
    assert_int_equal(pool_seen(st.k, "q").tasks, 0); /* what had not come in is gone */
    struct job job = takes(st);
    kit_get(st.k, end_task(st.w, &job, "out"), STATUS_OK);
    joined(st.k, st.b, number, STATUS_OK, false, "out");
    kit_free(st.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_delayed),
        cmocka_unit_test(its_time_is_over),
        cmocka_unit_test(an_attempts_time_is_over),
        cmocka_unit_test(both_times_are_over),
        cmocka_unit_test(the_next_attempt_has_the_rest),
        cmocka_unit_test(its_time_is_over_before_there_is_room),
        cmocka_unit_test(results_are_kept_for_a_time),
        cmocka_unit_test(one_of_a_key),
        cmocka_unit_test(a_key_needs_no_room),
        cmocka_unit_test(it_comes_after_others),
        cmocka_unit_test(one_before_it_fails),
        cmocka_unit_test(those_before_are_removed),
        cmocka_unit_test(those_before_finish_while_it_waits_for_room),
        cmocka_unit_test(a_long_chain_falls),
        cmocka_unit_test(repeats_are_answered_not_run),
        cmocka_unit_test(a_repeat_says_what_was_said),
        cmocka_unit_test(it_outlives_who_submitted_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

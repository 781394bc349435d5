/*
 * pool_test.c - who goes first, who waits for room, and which worker takes what.
 *
 * Priorities and fair shares, lanes of functions, workers with slots that come and go, the capacity. Limit, pause and close, and the pool as an object, are in
 * pool_limits_test.c; what becomes of a single task is in task_test.c.
 */
#include "pool_stage.h"

/* ---- Order ---- */

static void the_higher_priority_goes_first(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    kit_get(st.k, urgent(go(st.a, "p", "d"), -1000), STATUS_OK);
    kit_get(st.k, go(st.a, "p", "b"), STATUS_OK);
    kit_get(st.k, urgent(go(st.a, "p", "a"), 1000), STATUS_OK);
    kit_get(st.k, go(st.a, "p", "c"), STATUS_OK);
    kit_get(st.k, urgent(go(st.b, "p", "x"), 1), STATUS_OK);
    runs(st, "a"), runs(st, "x"), runs(st, "b"), runs(st, "c"), runs(st, "d");
    kit_get(st.k, urgent(go(st.a, "p", "no"), 1001), STATUS_INVALID);
    kit_get(st.k, urgent(go(st.a, "p", "no"), -1001), STATUS_INVALID);
    kit_free(st.k);
}

static void equals_go_by_age(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    for (int i = 0; i < 26; i++)
        kit_get(st.k, go(st.a, "p", (const char[]){(char)('a' + i), 0}), STATUS_OK);
    for (int i = 0; i < 26; i++)
        runs(st, (const char[]){(char)('a' + i), 0});
    kit_free(st.k);
}

/* A hundred of one submitter are there before the other comes; from then on each gets every other start. */
static void a_flood_starves_nobody(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    for (int i = 0; i < 100; i++)
        kit_get(st.k, go(st.a, "p", "flood"), STATUS_OK);
    for (int i = 0; i < 10; i++)
        runs(st, "flood");
    for (int i = 0; i < 10; i++)
        kit_get(st.k, go(st.b, "p", "drop"), STATUS_OK);
    int flood = 0, drops = 0;
    while (drops < 10) {
        struct job job = takes(st);
        int *count = job.text[0] == 'f' ? &flood : &drops;
        ++*count;
        ends(st, job);
        assert_in_range(flood - drops + 1, 0, 2);
    }
    for (; flood < 90; flood++)
        runs(st, "flood");
    assert_true(nothing_to_do(st));
    kit_free(st.k);
}

/* What a submitter has put in of another priority costs it nothing here. */
static void shares_are_of_one_priority(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    for (int i = 0; i < 100; i++)
        kit_get(st.k, go(st.a, "p", "low"), STATUS_OK);
    for (int i = 0; i < 20; i++)
        kit_get(st.k, urgent(go(st.b, "p", "b"), 1), STATUS_OK);
    runs(st, "b");
    kit_get(st.k, urgent(go(st.a, "p", "a"), 1), STATUS_OK);
    struct job job = takes(st);
    ends(st, job);
    if (job.text[0] == 'b')
        runs(st, "a");
    for (int i = 0; i < 18; i++)
        runs(st, "b");
    kit_get(st.k, go(st.b, "p", "late"), STATUS_OK); /* nor is its turn later for what was more urgent */
    job = takes(st);
    ends(st, job);
    if (job.text[1] == 'o')
        runs(st, "late");
    kit_free(st.k);
}

/* Shares are named, and then it does not matter who submits. Three shares get a third each; one that was idle does not catch up. */
static void shares_have_names(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    int counts[3] = {0};
    for (int i = 0; i < 90; i++) {
        struct op op = go(i % 2 ? st.a : st.b, "p", (const char[]){(char)('0' + i / 30), 0});
        op.go.spec.share = (struct bytes){&"xyz"[i / 30], 1};
        kit_get(st.k, op, STATUS_OK);
    }
    for (int i = 0; i < 60; i++) {
        struct job job = takes(st);
        counts[job.text[0] - '0']++;
        ends(st, job);
    }
    assert_int_equal(counts[0], 20), assert_int_equal(counts[1], 20), assert_int_equal(counts[2], 20);
    kit_get(st.k, go(st.a, "p", "new"), STATUS_OK);
    int before = 0;
    for (struct job job; (job = takes(st)).text[0] != 'n'; before++)
        ends(st, job);
    assert_in_range(before, 0, 3);
    kit_free(st.k);
}

/* ---- Workers, slots and lanes ---- */

static void each_task_goes_to_one_worker(void **state)
{
    (void)state;
    struct stage st = stage_new(2);
    uint64_t other = kit_session(st.k), token = work_token(st.k, other, "p", 1), routes[4];
    for (int i = 0; i < 2; i++)
        routes[i] = asks(st);
    routes[2] = kit_ask(st.k, pull(other, "p", token));
    routes[3] = kit_ask(st.k, pull(other, "p", token)); /* more than it has slots */
    assert_int_equal(pool_seen(st.k, "p").slots, 3);
    assert_int_equal(pool_seen(st.k, "p").workers, 2);
    for (int i = 0; i < 4; i++)
        kit_get(st.k, go(st.a, "p", (const char[]){(char)('a' + i), 0}), STATUS_OK);
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
        jobs[i] = job_of(st.k, routes[i]);
        assert_int_equal(jobs[i].text[0], 'a' + i);
        assert_int_equal(task_seen(st.k, jobs[i].number).state, TASK_RUNNING);
        assert_int_equal(task_seen(st.k, jobs[i].number).worker, i < 2 ? st.w : other);
    }
    assert_null(answer(st.k, routes[3]));
    assert_int_equal(pool_seen(st.k, "p").running, 3);
    assert_int_equal(pool_seen(st.k, "p").queued, 1);
    ends(st, jobs[0]); /* a slot of the first, for whom nobody pulls */
    assert_null(answer(st.k, routes[3]));
    kit_get(st.k, end_task(other, &jobs[2], NULL), STATUS_OK);
    assert_string_equal(job_of(st.k, routes[3]).text, "d");
    kit_free(st.k);
}

static const struct bytes ab[] = {{"a", 1}, {"b", 1}}, bc[] = {{"b", 1}, {"c", 1}}, only_c[] = {{"c", 1}};

static void lanes_are_functions(void **state)
{
    (void)state;
    struct stage st = stage_new(8);
    uint64_t s[2] = {kit_session(st.k), kit_session(st.k)};
    uint64_t w[2] = {token_of(st.k, work_for(s[0], "p", 8, ab, 2)),
                     token_of(st.k, work_for(s[1], "p", 8, bc, 2))};
    const char *const functions[] = {"c", "b", "a", "b", "c"};
    for (int i = 0; i < 5; i++)
        kit_get(st.k, go_function(st.a, "p", functions[i], (const char[]){(char)('0' + i), 0}), STATUS_OK);
    kit_get(st.k, go(st.a, "p", "command"), STATUS_OK);
    struct job job = pulled(st.k, s[0], "p", w[0]);
    assert_string_equal(job.text, "1");
    assert_string_equal(job.function, "b");
    job = pulled(st.k, s[1], "p", w[1]);
    assert_string_equal(job.text, "0");
    assert_string_equal(job.function, "c");
    assert_string_equal(pulled(st.k, s[0], "p", w[0]).text, "2");
    assert_string_equal(pulled(st.k, s[0], "p", w[0]).text, "3");
    kit_get(st.k, at_once(pull(s[0], "p", w[0])), STATUS_WOULD_BLOCK);
    job = takes(st);
    assert_string_equal(job.text, "command");
    assert_string_equal(job.function, "");
    assert_string_equal(pulled(st.k, s[1], "p", w[1]).text, "4");
    kit_free(st.k);
}

static void a_function_that_nobody_serves_is_refused(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    kit_get(st.k, make_pool(st.a, "empty", -1, -1), STATUS_OK);
    kit_get(st.k, go_function(st.a, "empty", "c", "kept for later"), STATUS_OK);
    assert_string_equal(kit_get(st.k, go_function(st.a, "p", "c", "x"), STATUS_INVALID)->reply.message,
                        "no worker of the pool serves this function");
    uint64_t s = kit_session(st.k), other = kit_session(st.k);
    uint64_t w = token_of(st.k, work_for(s, "empty", 1, only_c, 1));
    token_of(st.k, work_for(other, "empty", 1, ab, 2));
    assert_string_equal(kit_get(st.k, go(st.a, "empty", "x"), STATUS_INVALID)->reply.message,
                        "no worker of the pool runs commands");
    struct job job = pulled(st.k, s, "empty", w);
    assert_string_equal(job.text, "kept for later");
    /* a worker that has gone serves no function, whoever goes on with what it began */
    kit_get(st.k, adopt(other, job.token), STATUS_OK);
    leave(st.k, s);
    kit_get(st.k, go_function(st.a, "empty", "c", "x"), STATUS_INVALID);
    kit_get(st.k, end_task(other, &job, NULL), STATUS_OK);
    kit_get(st.k, go_function(st.a, "empty", "c", "x"), STATUS_INVALID);
    leave(st.k, other);
    kit_get(st.k, go_function(st.a, "empty", "c", "x"), STATUS_OK);
    kit_free(st.k);
}

static void what_a_worker_may_not_ask(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    kit_get(st.k, work(st.w, "p", 0), STATUS_INVALID);
    kit_get(st.k, work(st.w, "p", SLOTS_MAX + 1), STATUS_INVALID);
    kit_get(st.k, work_for(st.w, "p", 1, NULL, 0), STATUS_INVALID);
    kit_get(st.k, pull(st.w, "p", st.worker + 100), STATUS_STALE_TOKEN);
    kit_get(st.k, pull(st.w, "p", 0), STATUS_STALE_TOKEN);
    kit_get(st.k, make_pool(st.a, "q", -1, -1), STATUS_OK);
    kit_get(st.k, pull(st.w, "q", st.worker), STATUS_STALE_TOKEN);
    kit_get(st.k, go(st.a, "p", "x"), STATUS_OK);
    struct job job = takes(st);
    kit_get(st.k, pull(st.w, "p", job.token), STATUS_STALE_TOKEN);
    kit_get(st.k, end(st.w, "p", st.worker, "x"), STATUS_WRONG_KIND);
    kit_get(st.k, make_object(st.a, "t", KIND_TASK), STATUS_INVALID);
    struct op op = go(st.a, "p", "x");
    op.go.spec.value = (struct value){.type = VALUE_HANDLE, .ref = by_name("p")};
    kit_get(st.k, op, STATUS_INVALID);
    kit_get(st.k, go(st.a, "nowhere", "x"), STATUS_NOT_FOUND);
    const struct arm_spec arm = {.verb = ARM_GO, .ref = by_name("p")};
    kit_get(st.k, select_of(st.a, &arm, 1), STATUS_INVALID);
    kit_free(st.k);
}

/* Who pulls by the token of a worker that leaves is told. */
static void a_worker_leaves_those_who_pull_for_it(void **state)
{
    (void)state;
    struct stage st = stage_new(4);
    uint64_t other = kit_session(st.k), waits = kit_ask(st.k, pull(other, "p", st.worker));
    kit_get(st.k, go(st.a, "p", "x"), STATUS_OK);
    struct job job = job_of(st.k, waits);
    assert_int_equal(task_seen(st.k, job.number).worker, other); /* the attempt is who pulled's */
    waits = kit_ask(st.k, pull(other, "p", st.worker));
    leave(st.k, st.w);
    answered(st.k, waits, STATUS_STALE_TOKEN);
    kit_get(st.k, end_task(other, &job, "done"), STATUS_OK);
    joined(st.k, st.a, job.number, STATUS_OK, false, "done");
    assert_int_equal(pool_seen(st.k, "p").workers, 0);
    kit_free(st.k);
}

/* A worker's right is a holding like others: it can be given time, and passes to who adopts it. */
static void a_workers_right_runs_out(void **state)
{
    (void)state;
    struct stage st = stage_new(2);
    kit_get(st.k, go(st.a, "p", "x"), STATUS_OK);
    struct job job = takes(st);
    struct op extend = lease_op(OP_EXTEND, st.w, &st.worker, 1);
    extend.lease.duration_ns = SECOND;
    kit_get(st.k, extend, STATUS_OK);
    uint64_t waits = asks(st), other = kit_session(st.k);
    kit_time(st.k, SECOND);
    answered(st.k, waits, STATUS_STALE_TOKEN);
    kit_get(st.k, go(st.a, "p", "y"), STATUS_OK);
    kit_get(st.k, pull(st.w, "p", st.worker), STATUS_STALE_TOKEN);
    assert_int_equal(pool_seen(st.k, "p").running, 1);
    ends(st, job); /* what it had begun, it may end */
    st.worker = work_token(st.k, st.w, "p", 1);
    kit_get(st.k, adopt(other, st.worker), STATUS_OK);
    leave(st.k, st.w);
    st.w = other;
    runs(st, "y");
    kit_free(st.k);
}

static void a_select_pulls_or_receives(void **state)
{
    (void)state;
    struct stage st = stage_new(2);
    kit_get(st.k, make_pool(st.a, "q", -1, -1), STATUS_OK);
    uint64_t second = work_token(st.k, st.w, "q", 1);
    kit_get(st.k, make_channel(st.a, "c", 0), STATUS_OK);
    const struct arm_spec arms[] = {arm_recv("c"),
                                    {.verb = ARM_PULL, .ref = by_name("p"), .token = st.worker},
                                    {.verb = ARM_PULL, .ref = by_name("p"), .token = st.worker},
                                    {.verb = ARM_PULL, .ref = by_name("q"), .token = second},
                                    {.verb = ARM_PULL, .token = 1}};
    uint64_t first = kit_ask(st.k, select_of(st.w, arms, 5)), next = kit_ask(st.k, select_of(st.w, arms, 5)),
             last = kit_ask(st.k, select_of(st.w, arms, 5));
    kit_get(st.k, go(st.a, "p", "x"), STATUS_OK);
    struct job job = job_of(st.k, first);
    assert_string_equal(job.text, "x");
    assert_in_range(answer(st.k, first)->reply.index, 1, 2);
    kit_get(st.k, go(st.a, "q", "y"), STATUS_OK);
    assert_string_equal(job_of(st.k, next).text, "y");
    assert_int_equal(answer(st.k, next)->reply.index, 3);
    kit_get(st.k, send_to(st.a, "c", "z"), STATUS_OK);
    assert_int_equal(answered(st.k, last, STATUS_OK)->reply.index, 0);
    ends(st, job);
    assert_int_equal(kit_view(st.k, "p").waiting + kit_view(st.k, "q").waiting, 0);
    kit_free(st.k);
}

/* ---- Capacity ---- */

static void capacity_makes_go_wait(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, 2, 4);
    kit_get(st.k, go(st.a, "p", "1"), STATUS_OK);
    kit_get(st.k, go(st.a, "p", "2"), STATUS_OK);
    kit_get(st.k, at_once(go(st.a, "p", "no")), STATUS_WOULD_BLOCK);
    uint64_t late = kit_ask(st.k, with_timeout(go(st.a, "p", "late"), SECOND));
    uint64_t third = kit_ask(st.k, go(st.a, "p", "3")), fourth = kit_ask(st.k, go(st.b, "p", "4"));
    kit_time(st.k, SECOND);
    answered(st.k, late, STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(pool_seen(st.k, "p").queued, 2);
    struct job job = takes(st);
    assert_string_equal(job.text, "1");
    number_of(st.k, third);
    assert_null(answer(st.k, fourth));
    ends(st, job); /* an end makes no room: a start does */
    assert_null(answer(st.k, fourth));
    runs(st, "2");
    number_of(st.k, fourth);
    runs(st, "3"), runs(st, "4");
    assert_int_equal(pool_seen(st.k, "p").finished, 4);
    kit_free(st.k);
}

/* Those who wait are not overtaken by who comes when there is room. */
static void who_waits_is_not_overtaken(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, 1, 1);
    kit_get(st.k, go(st.a, "p", "1"), STATUS_OK);
    uint64_t second = kit_ask(st.k, go(st.a, "p", "2")), third = kit_ask(st.k, go(st.a, "p", "3"));
    kit_get(st.k, at_once(urgent(go(st.a, "p", "no"), 1000)), STATUS_WOULD_BLOCK);
    struct job job = takes(st);
    number_of(st.k, second);
    assert_null(answer(st.k, third));
    kit_get(st.k, at_once(go(st.b, "p", "no")), STATUS_WOULD_BLOCK);
    ends(st, job);
    leave(st.k, st.a);
    kit_get(st.k, at_once(go(st.b, "p", "no")), STATUS_WOULD_BLOCK); /* 2 is there */
    runs(st, "2");
    kit_get(st.k, at_once(go(st.b, "p", "yes")), STATUS_OK);
    kit_free(st.k);
}

static void capacity_is_changed_live(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, 1, 1);
    uint64_t routes[6];
    for (int i = 0; i < 6; i++)
        routes[i] = kit_ask(st.k, go(st.a, "p", "x"));
    assert_null(answer(st.k, routes[1]));
    kit_get(st.k, tune_capacity(st.a, "p", 3), STATUS_OK);
    number_of(st.k, routes[2]);
    assert_null(answer(st.k, routes[3]));
    kit_get(st.k, tune_capacity(st.a, "p", 0), STATUS_OK); /* what is in stays in */
    assert_int_equal(pool_seen(st.k, "p").queued, 3);
    runs(st, "x"), runs(st, "x"), runs(st, "x");
    assert_true(nothing_to_do(st));
    assert_null(answer(st.k, routes[3]));
    kit_get(st.k, tune_capacity(st.a, "p", UINT64_MAX), STATUS_OK);
    for (int i = 3; i < 6; i++)
        number_of(st.k, routes[i]);
    assert_int_equal(pool_seen(st.k, "p").capacity, -1);
    kit_free(st.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_higher_priority_goes_first),
        cmocka_unit_test(equals_go_by_age),
        cmocka_unit_test(a_flood_starves_nobody),
        cmocka_unit_test(shares_are_of_one_priority),
        cmocka_unit_test(shares_have_names),
        cmocka_unit_test(each_task_goes_to_one_worker),
        cmocka_unit_test(lanes_are_functions),
        cmocka_unit_test(a_function_that_nobody_serves_is_refused),
        cmocka_unit_test(what_a_worker_may_not_ask),
        cmocka_unit_test(a_worker_leaves_those_who_pull_for_it),
        cmocka_unit_test(a_workers_right_runs_out),
        cmocka_unit_test(a_select_pulls_or_receives),
        cmocka_unit_test(capacity_makes_go_wait),
        cmocka_unit_test(who_waits_is_not_overtaken),
        cmocka_unit_test(capacity_is_changed_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * pool_limits_test.c - how many run, when nothing begins, when all is over; and the pool as an object.
 *
 * The limit, pause and close, changed while tasks run; what it is to make a pool again, to remove it, to be without memory, to be freed with everything in
 * flight. Order, workers and capacity are in pool_test.c.
 */
#include "pool_stage.h"

static const struct bytes ab[] = {{"a", 1}, {"b", 1}}, only_c[] = {{"c", 1}};

/* ---- Limit, pause, close ---- */

static void the_limit_holds_over_all_workers(void **state)
{
    (void)state;
    struct stage st = stage_with(2, -1, 2);
    uint64_t other = kit_session(st.k), token = work_token(st.k, other, "p", 2);
    for (int i = 0; i < 8; i++)
        kit_get(st.k, go(st.a, "p", "x"), STATUS_OK);
    struct job first = takes(st), second = pulled(st.k, other, "p", token);
    uint64_t third = asks(st), fourth = kit_ask(st.k, pull(other, "p", token));
    assert_null(answer(st.k, third));
    assert_null(answer(st.k, fourth));
    ends(st, first);
    job_of(st.k, third);
    assert_null(answer(st.k, fourth));
    kit_get(st.k, tune_limit(st.a, "p", 3), STATUS_OK);
    job_of(st.k, fourth);
    kit_get(st.k, tune_limit(st.a, "p", 1), STATUS_OK); /* what runs goes on */
    assert_int_equal(pool_seen(st.k, "p").running, 3);
    kit_get(st.k, end_task(other, &second, NULL), STATUS_OK);
    assert_true(nothing_to_do(st));
    ends(st, job_of(st.k, third));
    assert_true(nothing_to_do(st));
    struct job job = job_of(st.k, fourth);
    kit_get(st.k, end_task(other, &job, NULL), STATUS_OK);
    runs(st, "x");
    kit_get(st.k, tune_limit(st.a, "p", -5), STATUS_OK);
    takes(st), takes(st), pulled(st.k, other, "p", token);
    assert_int_equal(pool_seen(st.k, "p").running, 3);
    struct op rate = tune_limit(st.a, "p", 1);
    rate.tune.has_rate = true;
    kit_get(st.k, rate, STATUS_INVALID);
    assert_int_equal(pool_seen(st.k, "p").limit, -5);
    kit_free(st.k);
}

static void a_limit_of_0_drains(void **state)
{
    (void)state;
    struct stage st = stage_with(0, -1, 2);
    kit_get(st.k, go(st.a, "p", "x"), STATUS_OK);
    uint64_t waits = asks(st);
    assert_null(answer(st.k, waits));
    kit_get(st.k, tune_limit(st.a, "p", 1), STATUS_OK);
    struct job job = job_of(st.k, waits);
    kit_get(st.k, tune_limit(st.a, "p", 0), STATUS_OK);
    kit_get(st.k, go(st.a, "p", "y"), STATUS_OK);
    ends(st, job);
    assert_true(nothing_to_do(st));
    joined(st.k, st.a, job.number, STATUS_OK, false, NULL);
    kit_free(st.k);
}

static void paused_nothing_begins(void **state)
{
    (void)state;
    struct stage st = stage_new(2);
    kit_get(st.k, go(st.a, "p", "1"), STATUS_OK);
    struct job job = takes(st);
    kit_get(st.k, tune_pause(st.a, "p", true), STATUS_OK);
    assert_true(pool_seen(st.k, "p").paused);
    kit_get(st.k, go(st.a, "p", "2"), STATUS_OK); /* it is taken, and waits */
    uint64_t waits = asks(st);
    assert_null(answer(st.k, waits));
    ends(st, job);
    assert_null(answer(st.k, waits));
    kit_get(st.k, tune_limit(st.a, "p", 5), STATUS_OK);
    assert_null(answer(st.k, waits));
    kit_get(st.k, tune_pause(st.a, "p", false), STATUS_OK);
    assert_string_equal(job_of(st.k, waits).text, "2");
    kit_free(st.k);
}

/* A closed pool takes nothing, runs what it has, and then says so to those who pull. */
static void closed_it_drains(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, 2, 1);
    kit_get(st.k, go(st.a, "p", "1"), STATUS_OK);
    kit_get(st.k, go(st.a, "p", "2"), STATUS_OK);
    uint64_t parked = kit_ask(st.k, go(st.a, "p", "3"));
    struct op fenced = of_name(OP_CLOSE, st.a, "p");
    fenced.close.fence = 1;
    kit_get(st.k, fenced, STATUS_INVALID);
    struct op dup = plain(OP_DUP, st.a);
    dup.dup.ref = by_name("p");
    dup.dup.rights = RIGHT_SEND;
    struct op close = plain(OP_CLOSE, st.a);
    close.close.ref = by_handle(kit_get(st.k, dup, STATUS_OK)->reply.made.handle);
    kit_get(st.k, close, STATUS_NO_RIGHT);
    assert_false(pool_seen(st.k, "p").closed);
    kit_get(st.k, of_name(OP_CLOSE, st.a, "p"), STATUS_OK);
    answered(st.k, parked, STATUS_SEND_ON_CLOSED);
    kit_get(st.k, go(st.a, "p", "no"), STATUS_SEND_ON_CLOSED);
    kit_get(st.k, go_function(st.a, "p", "unknown", "no"), STATUS_SEND_ON_CLOSED);
    kit_get(st.k, of_name(OP_CLOSE, st.a, "p"), STATUS_CLOSE_OF_CLOSED);
    assert_true(pool_seen(st.k, "p").closed);
    struct job job = takes(st);
    uint64_t other = kit_session(st.k), token = work_token(st.k, other, "p", 1),
             waits = kit_ask(st.k, pull(other, "p", token));
    struct job last = job_of(st.k, waits);
    waits = kit_ask(st.k, pull(st.w, "p", st.worker));
    ends(st, job);
    assert_null(answer(st.k, waits)); /* one still runs, and may be begun again */
    kit_get(st.k, end_task(other, &last, NULL), STATUS_OK);
    answered(st.k, waits, STATUS_CLOSED);
    kit_get(st.k, pull(other, "p", token), STATUS_CLOSED);
    joined(st.k, st.a, job.number, STATUS_OK, false, NULL);
    kit_get(st.k, make_pool(st.a, "q", -1, -1), STATUS_OK);
    uint64_t w = work_token(st.k, st.w, "q", 1);
    waits = kit_ask(st.k, pull(st.w, "q", w));
    kit_get(st.k, of_name(OP_CLOSE, st.a, "q"), STATUS_OK);
    answered(st.k, waits, STATUS_CLOSED);
    kit_free(st.k);
}

/* What is retried is run though the pool is closed, and what comes after others too. */
static void closed_it_still_retries(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    const struct ref first = by_task(task_number(st.k, tried(go(st.a, "p", "1"), 1, SECOND)));
    uint64_t next = task_number(st.k, after(go(st.a, "p", "2"), &first, 1));
    kit_get(st.k, of_name(OP_CLOSE, st.a, "p"), STATUS_OK);
    struct job job = takes(st);
    kit_get(st.k, fail_task(st.w, &job, NULL), STATUS_OK);
    uint64_t waits = asks(st);
    assert_null(answer(st.k, waits));
    kit_time(st.k, SECOND);
    job = job_of(st.k, waits);
    assert_int_equal(job.attempt, 2);
    waits = asks(st);
    ends(st, job);
    job = job_of(st.k, waits);
    assert_int_equal(job.number, next);
    waits = asks(st);
    ends(st, job);
    answered(st.k, waits, STATUS_CLOSED);
    kit_free(st.k);
}

/* ---- The object ---- */

static void made_again_it_must_be_the_same(void **state)
{
    (void)state;
    struct stage st = stage_with(2, 3, 1);
    kit_get(st.k, make_pool(st.b, "p", 2, 3), STATUS_OK);
    assert_string_equal(kit_get(st.k, make_pool(st.b, "p", 3, 3), STATUS_MISMATCH)->reply.message,
                        "the pool exists with another limit");
    assert_string_equal(kit_get(st.k, make_pool(st.b, "p", 2, -1), STATUS_MISMATCH)->reply.message,
                        "the pool exists with another capacity");
    struct op op = make_pool(st.b, "p", 2, 3);
    op.make.pool.dead_letter = by_name("dead");
    assert_string_equal(kit_get(st.k, op, STATUS_MISMATCH)->reply.message,
                        "the pool exists with another channel for dead letters");
    op = make_pool(st.b, "q", 2, 3);
    op.make.pool.dead_letter = by_name("p");
    assert_string_equal(kit_get(st.k, op, STATUS_INVALID)->reply.message,
                        "the dead letters of a pool go to a channel of bytes");
    op.make.pool.dead_letter = by_name("dead");
    kit_get(st.k, op, STATUS_OK);
    kit_get(st.k, op, STATUS_OK);
    kit_get(st.k, make_pool(st.b, "r", -1, -2), STATUS_OK);
    kit_get(st.k, make_pool(st.b, "r", -7, -1), STATUS_OK); /* no bound is no bound */
    kit_free(st.k);
}

static void removed_it_takes_all_along(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, 3, 2);
    uint64_t numbers[3], joins[3];
    for (int i = 0; i < 3; i++) {
        numbers[i] = task_number(st.k, go(st.a, "p", "x"));
        joins[i] = kit_ask(st.k, join(st.b, numbers[i]));
    }
    struct job job = takes(st);
    uint64_t hears = kit_ask(st.k, watch(st.w, job.number, job.token));
    kit_get(st.k, go(st.a, "p", "y"), STATUS_OK);
    uint64_t parked = kit_ask(st.k, go(st.a, "p", "z")), other = kit_session(st.k);
    uint64_t token = token_of(st.k, work_for(other, "p", 1, only_c, 1));
    uint64_t waits = kit_ask(st.k, pull(other, "p", token));
    kit_get(st.k, of_name(OP_REMOVE, st.a, "p"), STATUS_OK);
    answered(st.k, parked, STATUS_REMOVED), answered(st.k, waits, STATUS_REMOVED);
    answered(st.k, hears, STATUS_STALE_TOKEN);
    for (int i = 0; i < 3; i++)
        outcome(st.k, joins[i], STATUS_CANCELED, true, NULL);
    kit_get(st.k, end_task(st.w, &job, NULL), STATUS_NOT_FOUND);
    kit_get(st.k, join(st.b, numbers[0]), STATUS_NOT_FOUND);
    kit_get(st.k, pull(st.w, "p", st.worker), STATUS_NOT_FOUND);
    kit_get(st.k, make_pool(st.a, "p", -1, -1), STATUS_OK);
    kit_get(st.k, pull(st.w, "p", st.worker), STATUS_STALE_TOKEN);
    kit_free(st.k);
}

/* A pool that ends with a session ends so. */
static void a_pool_ends_with_its_owner(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    struct op op = make_pool(st.b, "q", -1, -1);
    op.make.lifetime = LIFE_EPHEMERAL;
    kit_get(st.k, op, STATUS_OK);
    uint64_t token = work_token(st.k, st.w, "q", 1), number = task_number(st.k, go(st.a, "q", "x"));
    pulled(st.k, st.w, "q", token);
    uint64_t joins = kit_ask(st.k, join(st.a, number));
    leave(st.k, st.b);
    outcome(st.k, joins, STATUS_CANCELED, true, NULL);
    kit_free(st.k);
}

static void limits_are_limits(void **state)
{
    (void)state;
    struct engine_options options = {.seed = 1, .limits = {.objects_max = 3, .handles_max = 4}};
    struct kit *k = kit_new(&options);
    uint64_t s = kit_session(k);
    kit_get(k, make_pool(s, "p", -1, -1), STATUS_OK);
    uint64_t first = task_number(k, go(s, "p", "1"));
    task_number(k, go(s, "p", "2"));
    assert_string_equal(kit_get(k, go(s, "p", "3"), STATUS_LIMIT)->reply.limit.name, "objects_max");
    kit_get(k, remove_task(s, first), STATUS_OK);
    struct op drop = plain(OP_DROP, s);
    drop.drop.handle = kit_get(k, make_pool(s, "p", -1, -1), STATUS_OK)->reply.made.handle;
    kit_get(k, go(s, "p", "3"), STATUS_LIMIT);
    kit_get(k, drop, STATUS_OK);
    assert_string_equal(kit_get(k, go(s, "p", "3"), STATUS_LIMIT)->reply.limit.name, "objects_max");
    kit_free(k);
}

/* ---- Memory ---- */

/* A task with all that one can have. */
static struct op richest(struct op op, const struct ref *before, uint32_t count)
{
    op.go.spec.share = (struct bytes){"share", 5};
    return after(in_context(within(keyed(op, "key"), SECOND, 0), "ctx"), before, count);
}

static void without_memory_nothing_happens(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    struct kit *k = st.k;
    uint64_t seq = 0;
    kit_get(k, of_name(OP_REMOVE, st.a, "p"), STATUS_OK);
    kit_get(k, make_context(st.a, "ctx", NULL), STATUS_OK);
    answered(k, without_memory(k, with_seq(make_pool(st.a, "p", -1, 3), ++seq)), STATUS_OK);
    st.worker = answered(k, without_memory(k, with_seq(work_for(st.w, "p", 3, ab, 2), 1)), STATUS_OK)
                    ->reply.grant.token;
    uint64_t waits = without_memory(k, with_seq(pull(st.w, "p", st.worker), 2));
    uint64_t first = number_of(k, without_memory(k, with_seq(go_function(st.a, "p", "a", "1"), ++seq)));
    struct job job = job_of(k, waits);
    const struct ref before[] = {by_task(first), by_task(first)};
    number_of(k, without_memory(k, with_seq(richest(go_function(st.a, "p", "b", "2"), before, 2), ++seq)));
    number_of(k, without_memory(k, with_seq(go_function(st.a, "p", "b", "3"), ++seq)));
    number_of(k, without_memory(k, with_seq(go_function(st.a, "p", "b", "4"), ++seq)));
    uint64_t parked =
        without_memory(k, with_seq(with_timeout(go_function(st.a, "p", "b", "5"), SECOND), ++seq));
    uint64_t joins = without_memory(k, with_seq(join(st.a, first), ++seq));
    uint64_t hears = without_memory(k, with_seq(watch(st.w, first, job.token), 3));
    answered(k, without_memory(k, with_seq(kill_task(st.a, first, 9), ++seq)), STATUS_OK);
    assert_int_equal(answered(k, hears, STATUS_OK)->reply.number, 9);
    struct op kill = kill_task(st.a, first, 0);
    kill.kill.cause = (struct bytes){"enough", 6};
    answered(k, without_memory(k, with_seq(kill, ++seq)), STATUS_OK);
    answered(k, without_memory(k, with_seq(end_task(st.w, &job, "done"), 4)), STATUS_OK);
    outcome(k, joins, STATUS_CANCELED, true, "done");
    job = job_of(k, without_memory(k, with_seq(pull(st.w, "p", st.worker), 5)));
    number_of(k, parked);
    answered(k, without_memory(k, with_seq(fail_task(st.w, &job, "no"), 6)), STATUS_OK);
    answered(k, without_memory(k, with_seq(tune_limit(st.a, "p", 1), ++seq)), STATUS_OK);
    answered(k, without_memory(k, with_seq(of_name(OP_CLOSE, st.a, "p"), ++seq)), STATUS_OK);
    kit_free(k);
}

/* To die, to end, to fall due and to begin again need none. */
static void going_on_needs_no_memory(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, 2, 2);
    kit_get(st.k, make_context(st.a, "ctx", NULL), STATUS_OK);
    uint64_t number = task_number(st.k, in_context(tried(go(st.a, "p", "1"), 3, 0), "ctx"));
    kit_get(st.k, delayed(go(st.a, "p", "2"), SECOND), STATUS_OK);
    struct job job = takes(st);
    kit_get(st.k, go(st.a, "p", "3"), STATUS_OK);
    uint64_t parked = kit_ask(st.k, go(st.a, "p", "4")), other = kit_session(st.k);
    uint64_t token = work_token(st.k, other, "p", 4), waits[4];
    for (int i = 0; i < 4; i++)
        waits[i] = kit_ask(st.k, pull(other, "p", token));
    assert_string_equal(job_of(st.k, waits[0]).text, "3");
    number_of(st.k, parked);
    assert_string_equal(job_of(st.k, waits[1]).text, "4");
    engine_fail_allocation(st.k->engine, 1);
    leave(st.k, st.w);
    struct job again = job_of(st.k, waits[2]);
    assert_int_equal(again.number, number);
    assert_int_equal(again.attempt, 2);
    assert_true(again.token > job.token);
    kit_time(st.k, SECOND);
    assert_string_equal(job_of(st.k, waits[3]).text, "2");
    kit_get(st.k, cancel_context(st.a, "ctx", NULL), STATUS_NO_MEMORY); /* that is a request */
    engine_fail_allocation(st.k->engine, 0);
    kit_get(st.k, cancel_context(st.a, "ctx", NULL), STATUS_OK);
    assert_true(task_seen(st.k, number).stopping);
    kit_free(st.k);
}

/* ---- All in flight ---- */

static void freed_in_the_middle(void **state)
{
    (void)state;
    for (int removed = 0; removed < 2; removed++) {
        struct stage st = stage_with(3, 6, 2);
        kit_get(st.k, make_context(st.a, "ctx", NULL), STATUS_OK);
        uint64_t first = task_number(st.k, go(st.a, "p", "1"));
        const struct ref before = by_task(first);
        number_of(st.k, kit_ask(st.k, richest(go(st.a, "p", "2"), &before, 1)));
        kit_get(st.k, delayed(go(st.a, "p", "3"), SECOND), STATUS_OK);
        for (int i = 0; i < 6; i++)
            kit_ask(st.k, go(st.b, "p", "4"));
        struct job job = takes(st), second = takes(st);
        asks(st);
        kit_ask(st.k, join(st.b, first));
        kit_ask(st.k, watch(st.w, job.number, job.token));
        kit_ask(st.k, in_task(recv_from(st.w, "dead"), second.token));
        kit_ask(st.k, with_seq(in_task(recv_from(st.w, "dead"), job.token), 1));
        kit_get(st.k, kill_task(st.a, second.number, 0), STATUS_OK);
        if (removed)
            kit_get(st.k, of_name(OP_REMOVE, st.a, "p"), STATUS_OK);
        kit_free(st.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_holds_over_all_workers),
        cmocka_unit_test(a_limit_of_0_drains),
        cmocka_unit_test(paused_nothing_begins),
        cmocka_unit_test(closed_it_drains),
        cmocka_unit_test(closed_it_still_retries),
        cmocka_unit_test(made_again_it_must_be_the_same),
        cmocka_unit_test(removed_it_takes_all_along),
        cmocka_unit_test(a_pool_ends_with_its_owner),
        cmocka_unit_test(limits_are_limits),
        cmocka_unit_test(without_memory_nothing_happens),
        cmocka_unit_test(going_on_needs_no_memory),
        cmocka_unit_test(freed_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * waiting_tasks_test.c - tasks that wait in the daemon give their slots to others, and get them back before they go on.
 *
 * A withheld reply is one that is there but does not go out: its task has no slot. Here is who goes on when, and that ten thousand tasks which wait for each
 * other need no more than two slots. Repeats, deaths and removals meanwhile are in withheld_test.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pool_stage.h"

/* ---- Slots ---- */

static void who_waits_gives_its_slot_to_another(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    struct job first = begins(st, "1");
    task_number(st.k, go(st.a, "p", "2"));
    uint64_t waits = asks(st);
    assert_null(answer(st.k, waits));
    uint64_t route = receives(st, st.c, first);
    struct job second = job_of(st.k, waits);
    assert_int_equal(pool_seen(st.k, "p").running, 1);
    assert_int_equal(pool_seen(st.k, "p").waiting, 1);
    sends(st, "x"); /* its reply is there, and waits for the slot */
    assert_null(answer(st.k, route));
    assert_int_equal(state_of(st, first.number), TASK_RUNNABLE);
    ends(st, second);
    assert_string_equal(answered(st.k, route, STATUS_OK)->texts[0], "x");
    assert_int_equal(state_of(st, first.number), TASK_RUNNING);
    ends(st, first);
    assert_int_equal(pool_seen(st.k, "p").running + pool_seen(st.k, "p").waiting, 0);
    kit_free(st.k);
}

static void with_a_slot_left_the_reply_goes_out_at_once(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 2);
    struct job first = begins(st, "1");
    uint64_t route = receives(st, st.c, first);
    begins(st, "2");
    sends(st, "x");
    answered(st.k, route, STATUS_OK);
    assert_int_equal(state_of(st, first.number), TASK_RUNNING);
    assert_int_equal(pool_seen(st.k, "p").running, 2);
    kit_get(st.k, make_channel(st.a, "full", 3), STATUS_OK);
    kit_get(st.k, in_task(send_to(st.c, "full", "y"), first.token), STATUS_OK); /* nothing waits */
    kit_get(st.k, at_once(in_task(recv_from(st.c, "in"), first.token)), STATUS_WOULD_BLOCK);
    kit_get(st.k, with_timeout(in_task(recv_from(st.c, "in"), first.token), 0), STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(state_of(st, first.number), TASK_RUNNING);
    kit_free(st.k);
}

static void who_has_begun_goes_before_who_has_not(void **state)
{
    (void)state;
    struct held h = held_by(true, 0);
    uint64_t waits = asks(h.st);
    struct op urgent = go(h.st.a, "p", "urgent");
    urgent.go.spec.priority = 1000;
    task_number(h.st.k, urgent);
    ends(h.st, h.second);
    answered(h.st.k, h.route, STATUS_OK);
    assert_null(answer(h.st.k, waits));
    ends(h.st, h.first);
    assert_string_equal(job_of(h.st.k, waits).text, "urgent");
    kit_free(h.st.k);
}

/* An end that frees the slot and wakes a joiner in one gives the slot to the joiner. */
static void who_joins_goes_before_who_has_not_begun(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    struct job first = begins(st, "1");
    uint64_t number = task_number(st.k, go(st.a, "p", "2"));
    uint64_t joins = kit_ask(st.k, in_task(join(st.c, number), first.token));
    struct job second = takes(st);
    task_number(st.k, go(st.a, "p", "3"));
    uint64_t waits = asks(st);
    ends(st, second);
    outcome(st.k, joins, STATUS_OK, false, NULL);
    assert_null(answer(st.k, waits));
    ends(st, first);
    job_of(st.k, waits);
    kit_free(st.k);
}

/* Of those who have begun, the one whose reply came first goes first, even if the limit is what it waits for and its worker another. */
static void a_limit_is_shared_in_order(void **state)
{
    (void)state;
    struct stage st = stage_with(1, -1, 2);
    uint64_t other = kit_session(st.k), token = work_token(st.k, other, "p", 2);
    task_number(st.k, go(st.a, "p", "0"));
    struct job far = pulled(st.k, other, "p", token);
    uint64_t route = receives(st, st.c, far);
    struct job first = begins(st, "1");
    uint64_t number = task_number(st.k, go(st.a, "p", "2"));
    uint64_t joins = kit_ask(st.k, in_task(join(st.c, number), first.token));
    struct job second = takes(st);
    sends(st, "x");
    ends(st, second);
    answered(st.k, route, STATUS_OK);
    assert_null(answer(st.k, joins));
    kit_get(st.k, end_task(other, &far, NULL), STATUS_OK);
    outcome(st.k, joins, STATUS_OK, false, NULL);
    kit_free(st.k);
}

/* They get slots back in the order in which their replies came. */
static void in_the_order_of_their_replies(void **state)
{
    (void)state;
    enum { COUNT = 5 };
    struct stage st = stage_with(-1, -1, 1);
    struct job jobs[COUNT];
    uint64_t routes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        char name[] = {(char)('a' + i), 0};
        kit_get(st.k, make_channel(st.a, name, 0), STATUS_OK);
        jobs[i] = begins(st, name);
        routes[i] = kit_ask(st.k, in_task(recv_from(st.c, name), jobs[i].token));
    }
    struct job last = begins(st, "last");
    static const int order[COUNT] = {3, 0, 4, 1, 2};
    for (int i = 0; i < COUNT; i++)
        kit_get(st.k, send_to(st.a, (const char[]){(char)('a' + order[i]), 0}, "x"), STATUS_OK);
    ends(st, last);
    for (int i = 0; i < COUNT; i++) {
        answered(st.k, routes[order[i]], STATUS_OK);
        for (int j = i + 1; j < COUNT; j++)
            assert_null(answer(st.k, routes[order[j]]));
        ends(st, jobs[order[i]]);
    }
    kit_free(st.k);
}

/* A limit of the pool is as good as slots: over two workers, lowered and raised while tasks wait. */
static void a_limit_withholds_too(void **state)
{
    (void)state;
    struct stage st = stage_with(1, -1, 2);
    uint64_t other = kit_session(st.k), token = work_token(st.k, other, "p", 2), routes[3];
    struct job jobs[3];
    for (int i = 0; i < 3; i++) {
        task_number(st.k, go(st.a, "p", "x"));
        jobs[i] = i % 2 ? pulled(st.k, other, "p", token) : job_of(st.k, asks(st));
        routes[i] = receives(st, st.c, jobs[i]);
    }
    struct job runs = begins(st, "runs");
    for (int i = 0; i < 3; i++)
        sends(st, "y");
    assert_int_equal(pool_seen(st.k, "p").running, 1);
    kit_get(st.k, tune_limit(st.a, "p", 2), STATUS_OK);
    answered(st.k, routes[0], STATUS_OK);
    assert_null(answer(st.k, routes[1]));
    kit_get(st.k, tune_limit(st.a, "p", 0), STATUS_OK);
    ends(st, runs);
    assert_null(answer(st.k, routes[1]));
    ends(st, jobs[0]); /* drained, those that have begun go on, one at a time */
    answered(st.k, routes[1], STATUS_OK);
    assert_null(answer(st.k, routes[2]));
    kit_get(st.k, tune_pause(st.a, "p", true), STATUS_OK);
    kit_get(st.k, end_task(other, &jobs[1], NULL), STATUS_OK);
    answered(st.k, routes[2], STATUS_OK);
    ends(st, jobs[2]);
    kit_free(st.k);
}

/* Whatever ends a wait, its reply waits for the slot: a deadline, a context, a cancel, a removal. */
static void however_the_wait_ends(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    kit_get(st.k, make_context(st.a, "ctx", NULL), STATUS_OK);
    kit_get(st.k, make_channel(st.a, "gone", 0), STATUS_OK);
    kit_get(st.k, make_object(st.a, "m", KIND_MUTEX), STATUS_OK);
    uint64_t held = token_of(st.k, lock(st.a, "m", false));
    const struct arm_spec arms[] = {arm_recv("in"), {.verb = ARM_AFTER, .delay_ns = SECOND}};
    struct op ops[] = {with_timeout(recv_from(st.c, "in"), SECOND),
                       recv_from(st.c, "in"),
                       with_seq(recv_from(st.c, "in"), 3),
                       recv_from(st.c, "gone"),
                       lock(st.c, "m", false),
                       select_of(st.c, arms, 2)};
    enum { COUNT = sizeof ops / sizeof *ops };
    const enum status expected[COUNT] = {STATUS_DEADLINE_EXCEEDED, STATUS_CANCELED, STATUS_CANCELED,
                                         STATUS_REMOVED,           STATUS_OK,       STATUS_OK};
    ops[1].has_context = true;
    ops[1].context = by_name("ctx");
    struct job jobs[COUNT];
    uint64_t routes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        jobs[i] = begins(st, "x");
        routes[i] = kit_ask(st.k, in_task(ops[i], jobs[i].token));
        assert_int_equal(state_of(st, jobs[i].number), TASK_WAITING);
    }
    struct job runs = begins(st, "runs");
    kit_time(st.k, SECOND);
    kit_get(st.k, cancel_context(st.a, "ctx", NULL), STATUS_OK);
    struct op cancel = plain(OP_CANCEL, st.c);
    cancel.cancel.seq = 3;
    assert_true(kit_get(st.k, cancel, STATUS_OK)->reply.truth);
    assert_false(kit_get(st.k, cancel, STATUS_OK)->reply.truth); /* it is finished, though withheld */
    kit_get(st.k, of_name(OP_REMOVE, st.a, "gone"), STATUS_OK);
    kit_get(st.k, unlock(st.a, "m", false, held), STATUS_OK);
    for (int i = 0; i < COUNT; i++)
        assert_null(answer(st.k, routes[i]));
    ends(st, runs);
    for (int done = 0; done < COUNT; done++)
        for (int i = 0; i < COUNT; i++)
            if (answer(st.k, routes[i]) && state_of(st, jobs[i].number) == TASK_RUNNING) {
                answered(st.k, routes[i], expected[i]);
                ends(st, jobs[i]);
            }
    assert_int_equal(pool_seen(st.k, "p").finished, COUNT + 1);
    kit_free(st.k);
}

/* A task that submits to its own pool and waits for room there holds nobody up. */
static void it_waits_for_room_in_its_own_pool(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    kit_get(st.k, tune_capacity(st.a, "p", 1), STATUS_OK);
    struct job first = begins(st, "1");
    task_number(st.k, in_task(go(st.c, "p", "2"), first.token));
    uint64_t parked = kit_ask(st.k, in_task(go(st.c, "p", "3"), first.token));
    assert_int_equal(state_of(st, first.number), TASK_WAITING);
    struct job second = job_of(st.k, asks(st));
    assert_null(answer(st.k, parked)); /* there is room, but no slot */
    assert_int_equal(pool_seen(st.k, "p").queued, 1);
    ends(st, second);
    uint64_t joins = kit_ask(st.k, in_task(join(st.c, number_of(st.k, parked)), first.token));
    struct job third = job_of(st.k, asks(st));
    ends(st, third);
    outcome(st.k, joins, STATUS_OK, false, NULL);
    kit_free(st.k);
}

/* ---- Chains ---- */

enum { CHAIN = 10000 };

/* Ten thousand tasks on two slots, each of which joins the next: the last one ends them all. */
static void ten_thousand_join_the_next(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 2);
    struct kit *k = st.k;
    struct job *jobs = calloc(CHAIN, sizeof *jobs);
    uint64_t *routes = calloc(CHAIN, sizeof *routes);
    k->audits = false;
    uint64_t first = task_number(k, go(st.a, "p", "0"));
    for (int i = 1; i < CHAIN; i++)
        assert_int_equal(task_number(k, go(st.a, "p", "x")), first + (uint64_t)i);
    for (int i = 0; i < CHAIN; i++) {
        jobs[i] = job_of(k, asks(st));
        assert_int_equal(jobs[i].number, first + (uint64_t)i);
        if (i < CHAIN - 1)
            routes[i] = kit_ask(k, in_task(join(st.c, first + (uint64_t)i + 1), jobs[i].token));
    }
    engine_audit(k->engine);
    assert_int_equal(pool_seen(k, "p").waiting, CHAIN - 1);
    for (int i = CHAIN - 1; i > 0; i--) {
        ends(st, jobs[i]);
        answered(k, routes[i - 1], STATUS_OK);
        assert_int_equal(pool_seen(k, "p").running, 1);
    }
    ends(st, jobs[0]);
    engine_audit(k->engine);
    assert_int_equal(pool_seen(k, "p").finished, CHAIN);
    free(jobs);
    free(routes);
    kit_free(k);
}

static struct op with_number(struct op op, int64_t number)
{
    op.send.value = (struct value){.type = VALUE_INT64, .int64 = number};
    return op;
}

/* Go's chain: each receives from the next and sends one more to the one before. Two slots; a sum of ten thousand. */
static void ten_thousand_receive_from_the_next(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 2);
    struct kit *k = st.k;
    char(*names)[16] = calloc(CHAIN + 1, sizeof *names);
    struct job *jobs = calloc(CHAIN, sizeof *jobs);
    uint64_t *routes = calloc(CHAIN, sizeof *routes);
    k->audits = false;
    for (int i = 0; i <= CHAIN; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        struct op op = make_channel(st.a, names[i], 0);
        op.make.channel.type = VALUE_INT64;
        kit_get(k, op, STATUS_OK);
    }
    for (int i = 0; i < CHAIN; i++)
        task_number(k, go(st.a, "p", "x"));
    for (int i = 0; i < CHAIN; i++) {
        jobs[i] = job_of(k, asks(st));
        routes[i] = kit_ask(k, in_task(recv_from(st.c, names[i + 1]), jobs[i].token));
    }
    struct job extra[2];
    for (int i = 0; i < 2; i++)
        extra[i] = begins(st, "in the way"); /* both slots are taken */
    uint64_t result = kit_ask(k, recv_from(st.a, names[0]));
    kit_get(k, with_number(send_to(st.a, names[CHAIN], ""), 1), STATUS_OK);
    assert_null(answer(k, routes[CHAIN - 1]));
    ends(st, extra[0]);
    for (int i = CHAIN - 1; i >= 0; i--) {
        const struct answer *a = answered(k, routes[i], STATUS_OK);
        kit_get(k, in_task(with_number(send_to(st.c, names[i], ""), a->int64 + 1), jobs[i].token), STATUS_OK);
        assert_true(i == 0 || !answer(k, routes[i - 1])); /* it has its value, and no slot */
        ends(st, jobs[i]);
    }
    assert_int_equal(answered(k, result, STATUS_OK)->int64, CHAIN + 1);
    ends(st, extra[1]);
    engine_audit(k->engine);
    free(names);
    free(jobs);
    free(routes);
    kit_free(k);
}

/* All of them have their replies at once, and one slot: each goes on in turn, and it costs each the same. */
static void ten_thousand_wake_at_once(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    struct kit *k = st.k;
    struct job *jobs = calloc(CHAIN, sizeof *jobs);
    uint64_t *routes = calloc(CHAIN, sizeof *routes);
    k->audits = false;
    for (int i = 0; i < CHAIN; i++) {
        jobs[i] = begins(st, "x");
        routes[i] = kit_ask(k, in_task(recv_from(st.c, "in"), jobs[i].token));
    }
    struct job runs = begins(st, "runs");
    kit_get(k, of_name(OP_CLOSE, st.a, "in"), STATUS_OK);
    engine_audit(k->engine);
    ends(st, runs);
    for (int i = 0; i < CHAIN; i++) {
        answered(k, routes[i], STATUS_CLOSED);
        assert_true(i == CHAIN - 1 || !answer(k, routes[i + 1]));
        ends(st, jobs[i]);
    }
    free(jobs);
    free(routes);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_gives_its_slot_to_another),
        cmocka_unit_test(with_a_slot_left_the_reply_goes_out_at_once),
        cmocka_unit_test(who_has_begun_goes_before_who_has_not),
        cmocka_unit_test(who_joins_goes_before_who_has_not_begun),
        cmocka_unit_test(a_limit_is_shared_in_order),
        cmocka_unit_test(in_the_order_of_their_replies),
        cmocka_unit_test(a_limit_withholds_too),
        cmocka_unit_test(however_the_wait_ends),
        cmocka_unit_test(it_waits_for_room_in_its_own_pool),
        cmocka_unit_test(ten_thousand_join_the_next),
        cmocka_unit_test(ten_thousand_receive_from_the_next),
        cmocka_unit_test(ten_thousand_wake_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * withheld_test.c - replies that are withheld, while all else goes on: repeats, several at once, deaths, removals, shutdown.
 *
 * A task's reply is withheld while the task has no slot (waiting_tasks_test.c). Whoever dies meanwhile, no slot is lost, no item, and no reply reaches anybody
 * but who asked.
 */
#include "pool_stage.h"

/* ---- Several requests of one task ---- */

static void two_replies_go_out_together(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    kit_get(st.k, make_channel(st.a, "too", 0), STATUS_OK);
    struct job first = begins(st, "1");
    uint64_t one = receives(st, st.c, first),
             two = kit_ask(st.k, in_task(recv_from(st.c, "too"), first.token));
    struct job second = begins(st, "2");
    uint64_t other = receives(st, st.c, second);
    struct job runs = begins(st, "3");
    sends(st, "x"), sends(st, "y");
    kit_get(st.k, send_to(st.a, "too", "z"), STATUS_OK);
    assert_null(answer(st.k, one)), assert_null(answer(st.k, two));
    ends(st, runs);
    answered(st.k, one, STATUS_OK), answered(st.k, two, STATUS_OK);
    assert_null(answer(st.k, other));
    ends(st, first);
    answered(st.k, other, STATUS_OK);
    kit_free(st.k);
}

/* While one of its requests has a reply, the task runs, whatever else waits in its name. */
static void one_of_two_is_enough_to_run(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    kit_get(st.k, make_channel(st.a, "too", 0), STATUS_OK);
    struct job first = begins(st, "1");
    uint64_t one = receives(st, st.c, first),
             two = kit_ask(st.k, in_task(recv_from(st.c, "too"), first.token));
    sends(st, "x");
    answered(st.k, one, STATUS_OK);
    assert_int_equal(state_of(st, first.number), TASK_RUNNING);
    kit_get(st.k, send_to(st.a, "too", "y"), STATUS_OK);
    answered(st.k, two, STATUS_OK);
    two = kit_ask(st.k, in_task(recv_from(st.c, "too"), first.token));
    one = receives(st, st.c, first);
    kit_get(st.k, send_to(st.a, "too", "y"), STATUS_OK);
    answered(st.k, two, STATUS_OK);
    ends(st, first); /* and it may end while it waits */
    assert_null(answer(st.k, one));
    sends(st, "z");
    answered(st.k, one, STATUS_OK);
    kit_free(st.k);
}

/* An end frees the slot of who ends; replies of its that were withheld need none. */
static void an_end_hands_out_what_was_withheld(void **state)
{
    (void)state;
    struct held h = held_by(true, 0);
    ends(h.st, h.first);
    answered(h.st.k, h.route, STATUS_OK);
    assert_int_equal(pool_seen(h.st.k, "p").running, 1);
    ends(h.st, h.second);
    ends(h.st, job_of(h.st.k, asks(h.st)));
    kit_free(h.st.k);
}

/* ---- Exactly once ---- */

static void a_withheld_request_is_repeated(void **state)
{
    (void)state;
    struct held h = held_by(true, 1);
    struct op op = in_task(with_seq(recv_from(h.st.c, "in"), 1), h.first.token);
    uint64_t again = kit_ask(h.st.k, op);
    assert_null(answer(h.st.k, again));
    ends(h.st, h.second);
    assert_null(answer(h.st.k, h.route));
    assert_string_equal(answered(h.st.k, again, STATUS_OK)->texts[0], "x");
    assert_string_equal(kit_get(h.st.k, op, STATUS_OK)->texts[0], "x"); /* even though the task is over */
    ends(h.st, h.first);
    assert_string_equal(kit_get(h.st.k, op, STATUS_OK)->texts[0], "x");
    kit_free(h.st.k);
}

/* A client that acknowledges what it cannot have gets nothing, and its task does not wait for it. */
static void a_withheld_request_is_acknowledged(void **state)
{
    (void)state;
    struct held h = held_by(true, 1);
    struct op ack = plain(OP_PING, h.st.c);
    ack.acked_below = 2;
    kit_get(h.st.k, ack, STATUS_OK);
    assert_int_equal(state_of(h.st, h.first.number), TASK_RUNNING);
    assert_int_equal(pool_seen(h.st.k, "p").running, 2);
    ends(h.st, h.second);
    assert_null(answer(h.st.k, h.route));
    ends(h.st, h.first);
    kit_free(h.st.k);
}

/* Without a number a withheld reply is forgotten when it has gone out; what it brought goes back when it was never written. */
static void a_reply_is_never_written(void **state)
{
    (void)state;
    for (uint64_t seq = 0; seq < 2; seq++) {
        struct held h = held_by(true, seq);
        ends(h.st, h.second);
        answered(h.st.k, h.route, STATUS_OK);
        kit_undelivered(h.st.k, h.st.c, h.route);
        leave(h.st.k, h.st.c);
        uint64_t again = kit_session(h.st.k);
        assert_string_equal(kit_get(h.st.k, recv_from(again, "in"), STATUS_OK)->texts[0], "x");
        kit_free(h.st.k);
    }
    struct stage st = stage_with(-1, -1, 1);
    kit_get(st.k, make_object(st.a, "g", KIND_WAITGROUP), STATUS_OK);
    kit_get(st.k, add(st.a, "g", 1, false), STATUS_OK);
    struct job first = begins(st, "1");
    uint64_t route = kit_ask(st.k, in_task(wait_for(st.c, "g"), first.token));
    struct job second = begins(st, "2");
    kit_get(st.k, add(st.a, "g", -1, false), STATUS_OK);
    assert_int_equal(kit_session_view(st.k, st.c).finished, 1);
    ends(st, second);
    answered(st.k, route, STATUS_OK);
    assert_int_equal(kit_session_view(st.k, st.c).finished, 0);
    kit_event(st.k, OP_WRITTEN, st.c);
    kit_free(st.k);
}

/* ---- Death ---- */

/* The child dies: its task does not wait any more; what the reply would have brought goes back. */
static void who_asked_dies_while_its_reply_is_withheld(void **state)
{
    (void)state;
    for (uint64_t seq = 0; seq < 2; seq++) {
        struct held h = held_by(true, seq);
        leave(h.st.k, h.st.c);
        assert_int_equal(state_of(h.st, h.first.number),
                         TASK_RUNNING); /* beyond the slots, for its wait was cut short */
        assert_int_equal(pool_seen(h.st.k, "p").running, 2);
        assert_string_equal(kit_get(h.st.k, recv_from(h.st.a, "in"), STATUS_OK)->texts[0], "x");
        ends(h.st, h.second);
        uint64_t waits = asks(h.st);
        assert_null(answer(h.st.k, waits));
        ends(h.st, h.first);
        job_of(h.st.k, waits);
        kit_free(h.st.k);
    }
}

static void who_asked_dies_while_it_waits(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    struct job first = begins(st, "1");
    receives(st, st.c, first);
    struct job second = begins(st, "2");
    leave(st.k, st.c);
    assert_int_equal(state_of(st, first.number), TASK_RUNNING);
    assert_int_equal(pool_seen(st.k, "p").running, 2);
    st.c = kit_session(st.k);
    uint64_t route = receives(st, st.c, first); /* and may wait again */
    sends(st, "x");
    ends(st, second);
    answered(st.k, route, STATUS_OK);
    ends(st, first);
    kit_free(st.k);
}

/* The worker dies, its child asks no more or goes on: the attempt is over, and what was withheld goes out. */
static void the_worker_dies_while_replies_are_withheld(void **state)
{
    (void)state;
    for (int child = 0; child < 2; child++) {
        struct held h = held_by(child, 0);
        struct stage st = h.st;
        uint64_t other = kit_session(st.k), token = work_token(st.k, other, "p", 3);
        pulled(st.k, other, "p", token);
        uint64_t waits[2] = {kit_ask(st.k, pull(other, "p", token)), kit_ask(st.k, pull(other, "p", token))};
        leave(st.k, st.w);
        if (child)
            answered(st.k, h.route, STATUS_OK);
        else
            assert_null(answer(st.k, h.route));
        struct job again[2] = {job_of(st.k, waits[0]), job_of(st.k, waits[1])};
        assert_int_equal(again[0].attempt, 2);
        assert_int_equal(again[1].attempt, 2);
        assert_int_equal(pool_seen(st.k, "p").running, 3);
        assert_int_equal(pool_seen(st.k, "p").workers, 1);
        kit_free(st.k);
    }
}

/* What an older attempt asked says nothing about the one that runs now. */
static void an_old_attempts_reply_wakes_nobody(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    kit_get(st.k, make_channel(st.a, "old", 0), STATUS_OK);
    kit_get(st.k, make_channel(st.a, "older", 0), STATUS_OK);
    struct job first = begins(st, "1");
    uint64_t child = kit_session(st.k);
    uint64_t old = kit_ask(st.k, in_task(recv_from(st.c, "old"), first.token));
    kit_ask(st.k, in_task(recv_from(child, "older"), first.token));
    leave(st.k, st.w);
    st.w = kit_session(st.k);
    st.worker = work_token(st.k, st.w, "p", 1);
    struct job second = job_of(st.k, asks(st));
    assert_int_equal(second.number, first.number);
    uint64_t new = receives(st, st.c, second);
    struct job runs = begins(st, "runs");
    kit_get(st.k, send_to(st.a, "old", "x"), STATUS_OK);
    answered(st.k, old, STATUS_OK); /* it needs no slot */
    assert_int_equal(state_of(st, second.number), TASK_WAITING);
    leave(st.k, child);
    assert_int_equal(state_of(st, second.number), TASK_WAITING);
    assert_int_equal(pool_seen(st.k, "p").running, 1);
    sends(st, "y");
    assert_null(answer(st.k, new));
    ends(st, runs);
    answered(st.k, new, STATUS_OK);
    kit_free(st.k);
}

/* An attempt that was adopted outlives its worker, and goes on to wait and run in what slots that had. */
static void it_outlives_its_worker(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    struct job first = begins(st, "1");
    uint64_t one = receives(st, st.c, first);
    struct job second = begins(st, "2");
    kit_get(st.k, adopt(st.c, first.token), STATUS_OK);
    kit_get(st.k, adopt(st.c, second.token), STATUS_OK);
    leave(st.k, st.w);
    sends(st, "x");
    assert_null(answer(st.k, one));
    uint64_t two = receives(st, st.c, second);
    answered(st.k, one, STATUS_OK);
    sends(st, "y");
    assert_null(answer(st.k, two));
    kit_get(st.k, end_task(st.c, &first, NULL), STATUS_OK);
    answered(st.k, two, STATUS_OK);
    kit_get(st.k, end_task(st.c, &second, NULL), STATUS_OK);
    assert_int_equal(pool_seen(st.k, "p").finished, 2);
    assert_int_equal(pool_seen(st.k, "p").workers, 0);
    kit_free(st.k);
}

/* ---- Removal, shutdown ---- */

static void it_is_removed_while_it_waits(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    struct job first = begins(st, "1");
    uint64_t route = receives(st, st.c, first);
    kit_get(st.k, remove_task(st.a, first.number), STATUS_OK);
    assert_null(answer(st.k, route));
    sends(st, "x"); /* who asked is still there */
    answered(st.k, route, STATUS_OK);
    struct job second = begins(st, "2");
    route = receives(st, st.c, second);
    begins(st, "3");
    sends(st, "y");
    assert_null(answer(st.k, route));
    kit_get(st.k, remove_task(st.a, second.number), STATUS_OK);
    answered(st.k, route, STATUS_OK);
    kit_free(st.k);
}

static void the_pool_is_removed_with_all_in_flight(void **state)
{
    (void)state;
    struct held h = held_by(true, 1);
    struct stage st = h.st;
    uint64_t waits = asks(st), parked = receives(st, st.c, h.second),
             joins = kit_ask(st.k, join(st.a, h.second.number));
    answered(st.k, h.route, STATUS_OK);
    uint64_t own_join = kit_ask(st.k, in_task(join(st.c, h.second.number), h.first.token));
    kit_get(st.k, tune_capacity(st.a, "p", 0), STATUS_OK);
    struct job third = job_of(st.k, waits);
    uint64_t room = kit_ask(st.k, in_task(go(st.c, "p", "no room"), third.token));
    kit_get(st.k, of_name(OP_REMOVE, st.a, "p"), STATUS_OK);
    answered(st.k, room, STATUS_REMOVED);
    outcome(st.k, joins, STATUS_CANCELED, true, NULL);
    outcome(st.k, own_join, STATUS_CANCELED, true, NULL);
    assert_null(answer(st.k, parked));
    sends(st, "y");
    answered(st.k, parked, STATUS_OK);
    kit_free(st.k);
}

/* A daemon that leaves releases every waiter, slot or none. */
static void a_drain_waits_for_no_slots(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    struct job first = begins(st, "1");
    uint64_t route = receives(st, st.c, first);
    begins(st, "2");
    kit_step(st.k, &(struct op){.code = OP_DRAIN});
    answered(st.k, route, STATUS_SHUTTING_DOWN);
    kit_free(st.k);
}

/* ---- Who may ask ---- */

static uint64_t session_of(struct kit *k, uint32_t uid)
{
    struct op op = plain(OP_HELLO, 0);
    op.hello.id[0] = (uint8_t)(uid + 1);
    op.hello.uid = uid;
    return kit_get(k, op, STATUS_OK)->reply.opened.number;
}

static void only_its_own_user_asks_in_its_name(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 2);
    uint64_t stranger = session_of(st.k, 7);
    struct job job = begins(st, "1");
    kit_get(st.k, in_task(recv_from(stranger, "in"), job.token), STATUS_NOT_PERMITTED);
    kit_get(st.k, in_task(recv_from(st.c, "in"), job.token + 1000), STATUS_STALE_TOKEN);
    kit_get(st.k, in_task(recv_from(st.c, "in"), st.worker), STATUS_STALE_TOKEN);
    assert_int_equal(kit_view(st.k, "in").channel.receivers, 0);
    assert_int_equal(state_of(st, job.number), TASK_RUNNING);
    kit_get(st.k, adopt(stranger, job.token), STATUS_NOT_PERMITTED);
    kit_get(st.k, make_object(st.c, "m", KIND_MUTEX), STATUS_OK);
    kit_get(st.k, make_object(st.c, "v", KIND_COND), STATUS_OK);
    uint64_t held = token_of(st.k, lock(st.c, "m", false));
    kit_get(st.k, in_task(cond_wait(st.c, "v", "m", held), job.token + 1000), STATUS_STALE_TOKEN);
    kit_get(st.k, unlock(st.c, "m", false, held), STATUS_OK); /* it was not given up */
    kit_free(st.k);
}

/* A wait on a condition goes on for the lock: all of it is one wait. */
static void a_condition_is_one_wait(void **state)
{
    (void)state;
    struct stage st = stage_with(-1, -1, 1);
    kit_get(st.k, make_object(st.a, "m", KIND_MUTEX), STATUS_OK);
    kit_get(st.k, make_object(st.a, "v", KIND_COND), STATUS_OK);
    uint64_t held = token_of(st.k, lock(st.c, "m", false));
    struct job job = begins(st, "1");
    uint64_t route = kit_ask(st.k, in_task(cond_wait(st.c, "v", "m", held), job.token));
    assert_int_equal(state_of(st, job.number), TASK_WAITING);
    held = token_of(st.k, lock(st.a, "m", false));
    struct job runs = begins(st, "2");
    kit_get(st.k, signal_one(st.a, "v"), STATUS_OK);
    assert_int_equal(state_of(st, job.number), TASK_WAITING);
    kit_get(st.k, unlock(st.a, "m", false, held), STATUS_OK);
    assert_int_equal(state_of(st, job.number), TASK_RUNNABLE);
    ends(st, runs);
    assert_true(answered(st.k, route, STATUS_OK)->reply.grant.token > held);
    kit_free(st.k);
}

/* ---- Memory ---- */

static void without_memory_nothing_happens(void **state)
{
    (void)state;
    struct stage st = stage_new(1);
    struct job first = begins(st, "1");
    struct op op = with_timeout(in_task(with_seq(recv_from(st.c, "in"), 1), first.token), SECOND);
    uint64_t route = without_memory(st.k, op);
    assert_int_equal(state_of(st, first.number), TASK_WAITING);
    struct job second = begins(st, "2");
    engine_fail_allocation(st.k->engine, 1); /* to be withheld, and handed out, needs none */
    kit_time(st.k, SECOND);
    assert_null(answer(st.k, route));
    leave(st.k, st.w);
    engine_fail_allocation(st.k->engine, 0);
    answered(st.k, route, STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(state_of(st, second.number), TASK_QUEUED);
    kit_free(st.k);
}

static void freed_in_the_middle(void **state)
{
    (void)state;
    for (uint64_t seq = 0; seq < 4; seq++) {
        struct held h = held_by(seq / 2, seq % 2);
        asks(h.st);
        kit_free(h.st.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_replies_go_out_together),
        cmocka_unit_test(one_of_two_is_enough_to_run),
        cmocka_unit_test(an_end_hands_out_what_was_withheld),
        cmocka_unit_test(a_withheld_request_is_repeated),
        cmocka_unit_test(a_withheld_request_is_acknowledged),
        cmocka_unit_test(a_reply_is_never_written),
        cmocka_unit_test(who_asked_dies_while_its_reply_is_withheld),
        cmocka_unit_test(who_asked_dies_while_it_waits),
        cmocka_unit_test(the_worker_dies_while_replies_are_withheld),
        cmocka_unit_test(an_old_attempts_reply_wakes_nobody),
        cmocka_unit_test(it_outlives_its_worker),
        cmocka_unit_test(it_is_removed_while_it_waits),
        cmocka_unit_test(the_pool_is_removed_with_all_in_flight),
        cmocka_unit_test(a_drain_waits_for_no_slots),
        cmocka_unit_test(only_its_own_user_asks_in_its_name),
        cmocka_unit_test(a_condition_is_one_wait),
        cmocka_unit_test(without_memory_nothing_happens),
        cmocka_unit_test(freed_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

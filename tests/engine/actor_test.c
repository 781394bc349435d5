/*
 * actor_test.c - one owner, one call at a time, in the order they came; and what becomes of calls when owners and callers go.
 *
 * Owners die with and without the rule that lets calls fail; tokens of those who own no more are refused by everything that takes one. Select,
 * repeats and memory are in actor_select_test.c.
 */
#include <stdlib.h>

#include "actor_stage.h"

/* ---- Serving ---- */

static void calls_are_served_one_at_a_time_in_order(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    uint64_t routes[6];
    for (int i = 0; i < 6; i++)
        routes[i] = kit_ask(st.k, call_actor(i % 2 ? st.a : st.b, "x", (const char[]){(char)('a' + i), 0}));
    assert_int_equal(actor_seen(st.k, "x").calls, 6);
    uint64_t last = 0;
    for (int i = 0; i < 6; i++) {
        struct served c = take_call(st);
        assert_int_equal(c.text[0], 'a' + i);
        assert_int_equal(c.caller, i % 2 ? st.a : st.b);
        assert_int_equal(c.deliveries, 1);
        assert_int_equal(c.epoch, 1);
        assert_true(c.number > last);
        last = c.number;
        assert_string_equal(kit_get(st.k, serve(st.owner, "x", st.token), STATUS_MISUSE)->reply.message,
                            "a call is being served");
        for (int j = i; j < 6; j++)
            assert_null(answer(st.k, routes[j]));
        assert_true(actor_seen(st.k, "x").serving);
        assert_true(reached(st, c.number, "done"));
        const struct answer *a = answered(st.k, routes[i], STATUS_OK);
        assert_int_equal(a->reply.result, RESULT_OUTCOME);
        assert_string_equal(a->texts[0], "done");
        assert_int_equal(a->reply.epoch, 1);
        assert_false(a->reply.truth);
    }
    assert_int_equal(actor_seen(st.k, "x").served, 6);
    assert_false(actor_seen(st.k, "x").serving);
    kit_free(st.k);
}

/* Who has its reply sees what it wrote in every later one: a counter that two callers raise. */
static void they_read_what_they_wrote(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    int count = 0, seen[2] = {0};
    uint64_t callers[2] = {st.a, st.b}, routes[2] = {0};
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 2; i++)
            routes[i] = kit_ask(st.k, call_actor(callers[i], "x", "add"));
        for (int i = 0; i < 2; i++) {
            char now[16] = {(char)('0' + ++count / 100), (char)('0' + count / 10 % 10),
                            (char)('0' + count % 10)};
            struct served c = take_call(st);
            reached(st, c.number, now);
        }
        for (int i = 0; i < 2; i++) {
            int value = atoi(answered(st.k, routes[i], STATUS_OK)->texts[0]);
            assert_true(value > seen[i]);
            seen[i] = value;
        }
    }
    assert_int_equal(count, 100);
    kit_free(st.k);
}

static void an_owner_waits_for_calls(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    uint64_t first = kit_ask(st.k, serve(st.owner, "x", st.token));
    uint64_t second = kit_ask(st.k, serve(st.owner, "x", st.token));
    uint64_t routes[2] = {kit_ask(st.k, call_actor(st.a, "x", "1")),
                          kit_ask(st.k, call_actor(st.b, "x", "2"))};
    struct served c = served_of(st.k, first);
    assert_null(answer(st.k, second));
    reached(st, c.number, "r1");
    struct served d = served_of(st.k, second);
    assert_string_equal(d.text, "2");
    kit_get(st.k, reply_to(st.owner, "x", st.token, c.number, "again"), STATUS_INVALID);
    reached(st, d.number, "r2");
    assert_string_equal(answered(st.k, routes[0], STATUS_OK)->texts[0], "r1");
    assert_string_equal(answered(st.k, routes[1], STATUS_OK)->texts[0], "r2");
    assert_string_equal(
        kit_get(st.k, reply_to(st.owner, "x", st.token, d.number, "again"), STATUS_INVALID)->reply.message,
        "this call is not being served");
    kit_get(st.k, reply_to(st.owner, "x", st.token, 0, "none"), STATUS_INVALID);
    kit_free(st.k);
}

static void a_reply_may_be_a_failure_or_nothing(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    uint64_t failed = kit_ask(st.k, call_actor(st.a, "x", "1")),
             empty = kit_ask(st.k, call_actor(st.a, "x", "2"));
    struct op op = reply_to(st.owner, "x", st.token, take_call(st).number, "no");
    op.reply.failed = true;
    kit_get(st.k, op, STATUS_OK);
    assert_true(answered(st.k, failed, STATUS_OK)->reply.truth);
    assert_string_equal(answer(st.k, failed)->texts[0], "no");
    op = reply_to(st.owner, "x", st.token, take_call(st).number, "");
    op.reply.value = (struct value){0};
    kit_get(st.k, op, STATUS_OK);
    assert_int_equal(answered(st.k, empty, STATUS_OK)->items, 0);
    assert_int_equal(answer(st.k, empty)->reply.ending, STATUS_OK);
    kit_free(st.k);
}

/* ---- Callers that leave ---- */

static void a_caller_leaves_before_its_call_is_taken(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    uint64_t late = kit_ask(st.k, with_timeout(call_actor(st.a, "x", "1"), SECOND));
    kit_ask(st.k, call_actor(st.b, "x", "2"));
    struct op withdrawn = with_seq(call_actor(st.a, "x", "3"), 7);
    uint64_t gone = kit_ask(st.k, withdrawn);
    uint64_t stays = kit_ask(st.k, call_actor(st.a, "x", "4"));
    kit_time(st.k, SECOND);
    answered(st.k, late, STATUS_DEADLINE_EXCEEDED);
    leave(st.k, st.b);
    struct op cancel = plain(OP_CANCEL, st.a);
    cancel.cancel.seq = 7;
    assert_true(kit_get(st.k, cancel, STATUS_OK)->reply.truth);
    answered(st.k, gone, STATUS_CANCELED);
    assert_int_equal(actor_seen(st.k, "x").calls, 1);
    struct served c = take_call(st);
    assert_string_equal(c.text, "4");
    assert_true(reached(st, c.number, "ok"));
    answered(st.k, stays, STATUS_OK);
    kit_get(st.k, at_once(call_actor(st.a, "x", "5")), STATUS_WOULD_BLOCK);
    kit_get(st.k, with_timeout(call_actor(st.a, "x", "6"), 0), STATUS_DEADLINE_EXCEEDED);
    kit_free(st.k);
}

static void a_caller_leaves_after_its_call_is_taken(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    kit_get(st.k, make_context(st.b, "ctx", NULL), STATUS_OK);
    struct op canceled = call_actor(st.b, "x", "2");
    canceled.has_context = true;
    canceled.context = by_name("ctx");
    kit_ask(st.k, call_actor(st.a, "x", "1"));
    uint64_t second = kit_ask(st.k, canceled), third = kit_ask(st.k, call_actor(st.b, "x", "3"));
    struct served c = take_call(st);
    leave(st.k, st.a);
    assert_true(actor_seen(st.k, "x").serving); /* the owner is still at it */
    kit_get(st.k, serve(st.owner, "x", st.token), STATUS_MISUSE);
    assert_false(reached(st, c.number, "too late"));
    c = take_call(st);
    kit_get(st.k, cancel_context(st.b, "ctx", NULL), STATUS_OK);
    answered(st.k, second, STATUS_CANCELED);
    assert_false(reached(st, c.number, "too late"));
    c = take_call(st);
    assert_string_equal(c.text, "3");
    assert_true(reached(st, c.number, "in time"));
    answered(st.k, third, STATUS_OK);
    assert_int_equal(actor_seen(st.k, "x").served, 3);
    kit_free(st.k);
}

/* ---- Owners ---- */

static void owners_follow_in_the_order_of_asking(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    uint64_t a = kit_ask(st.k, begin(st.a, "x")), b = kit_ask(st.k, begin(st.b, "x"));
    assert_null(answer(st.k, a));
    struct op end = plain(OP_END, st.owner);
    end.end.ref = by_name("x");
    end.end.token = st.token;
    end.end.value = text("saved");
    kit_get(st.k, end, STATUS_OK);
    const struct answer *got = answered(st.k, a, STATUS_OK);
    assert_int_equal(got->reply.result, RESULT_LEADER);
    assert_true(got->reply.grant.token > st.token);
    assert_false(got->reply.grant.owner_died);
    assert_int_equal(got->reply.epoch, 2);
    assert_string_equal(got->texts[0], "saved");
    kit_get(st.k, end, STATUS_STALE_TOKEN);
    end.end.token = got->reply.grant.token;
    end.end.failed = true;
    kit_get(st.k, end, STATUS_INVALID);
    end.end.failed = false;
    end.end.value = (struct value){0};
    kit_get(st.k, end, STATUS_OK); /* without one the checkpoint stays */
    got = answered(st.k, b, STATUS_OK);
    assert_int_equal(got->reply.epoch, 3);
    assert_string_equal(got->texts[0], "saved");
    kit_free(st.k);
}

/* The successor gets the checkpoint and the call that was being served, and everything says the new epoch. */
static void an_owner_dies_and_its_successor_goes_on(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    kit_get(st.k, checkpoint(st.owner, "x", st.token, "one"), STATUS_OK);
    kit_get(st.k, checkpoint(st.owner, "x", st.token, "two"), STATUS_OK);
    uint64_t routes[3];
    for (int i = 0; i < 3; i++)
        routes[i] = kit_ask(st.k, call_actor(st.a, "x", (const char[]){(char)('a' + i), 0}));
    take_call(st);
    uint64_t next = kit_ask(st.k, begin(st.b, "x"));
    leave(st.k, st.owner);
    const struct answer *got = answered(st.k, next, STATUS_OK);
    assert_string_equal(got->texts[0], "two");
    assert_true(got->reply.grant.owner_died);
    assert_int_equal(got->reply.epoch, 2);
    st.owner = st.b;
    st.token = got->reply.grant.token;
    for (int i = 0; i < 3; i++) {
        struct served c = take_call(st);
        assert_int_equal(c.text[0], 'a' + i);
        assert_int_equal(c.deliveries, i == 0 ? 2 : 1);
        assert_int_equal(c.epoch, 2);
        assert_true(reached(st, c.number, "ok"));
        assert_int_equal(answered(st.k, routes[i], STATUS_OK)->reply.epoch, 2);
    }
    assert_int_equal(actor_seen(st.k, "x").epoch, 2);
    kit_free(st.k);
}

/* Nobody waits to own it: calls wait for whoever comes, who is told. */
static void calls_wait_for_an_owner_to_come(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    uint64_t waits = kit_ask(st.k, call_actor(st.a, "x", "1"));
    take_call(st);
    leave(st.k, st.owner);
    uint64_t later = kit_ask(st.k, call_actor(st.a, "x", "2"));
    assert_true(actor_seen(st.k, "x").hold.owner_died);
    assert_int_equal(actor_seen(st.k, "x").calls, 2);
    const struct answer *got = kit_get(st.k, begin(st.b, "x"), STATUS_OK);
    assert_true(got->reply.grant.owner_died);
    assert_int_equal(got->items, 0); /* no checkpoint was made */
    st.owner = st.b;
    st.token = got->reply.grant.token;
    reached(st, take_call(st).number, "r");
    reached(st, take_call(st).number, "r");
    answered(st.k, waits, STATUS_OK), answered(st.k, later, STATUS_OK);
    kit_free(st.k);
}

static void calls_fail_with_their_owner(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(true);
    assert_string_equal(kit_get(st.k, make_actor(st.a, "x", false), STATUS_MISMATCH)->reply.message,
                        "the actor exists with another rule for an owner that dies");
    uint64_t served = kit_ask(st.k, call_actor(st.a, "x", "1")),
             waits = kit_ask(st.k, call_actor(st.a, "x", "2")), next = kit_ask(st.k, begin(st.b, "x"));
    take_call(st);
    leave(st.k, st.owner);
    answered(st.k, served, STATUS_OWNER_DIED), answered(st.k, waits, STATUS_OWNER_DIED);
    st.owner = st.b;
    st.token = answered(st.k, next, STATUS_OK)->reply.grant.token;
    kit_get(st.k, at_once(serve(st.owner, "x", st.token)), STATUS_WOULD_BLOCK);
    uint64_t new = kit_ask(st.k, call_actor(st.a, "x", "3"));
    reached(st, take_call(st).number, "ok");
    answered(st.k, new, STATUS_OK);
    kit_free(st.k);
}

/* Time limits of what owns are those of any hold; who adopts it owns it. */
static void ownership_runs_out_and_passes_on(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    kit_get(st.k, adopt(st.a, st.token), STATUS_OK);
    leave(st.k, st.owner);
    st.owner = st.a;
    uint64_t waits = kit_ask(st.k, call_actor(st.b, "x", "1"));
    assert_true(reached(st, take_call(st).number, "ok"));
    answered(st.k, waits, STATUS_OK);
    struct op limited = begin(st.b, "x");
    limited.begin.ttl_ns = SECOND;
    uint64_t next = kit_ask(st.k, limited);
    leave(st.k, st.a);
    uint64_t token = answered(st.k, next, STATUS_OK)->reply.grant.token;
    uint64_t serves = kit_ask(st.k, serve(st.b, "x", token));
    kit_time(st.k, SECOND);
    answered(st.k, serves, STATUS_STALE_TOKEN);
    assert_int_equal(actor_seen(st.k, "x").hold.holds, 0);
    kit_free(st.k);
}

static void a_stale_token_is_refused(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    uint64_t waits = kit_ask(st.k, call_actor(st.b, "x", "1"));
    struct served c = take_call(st);
    kit_get(st.k, end(st.owner, "x", st.token, "state"), STATUS_OK);
    kit_get(st.k, reply_to(st.owner, "x", st.token, c.number, "late"), STATUS_STALE_TOKEN);
    kit_get(st.k, serve(st.owner, "x", st.token), STATUS_STALE_TOKEN);
    kit_get(st.k, checkpoint(st.owner, "x", st.token, "late"), STATUS_STALE_TOKEN);
    kit_get(st.k, end(st.owner, "x", st.token, "late"), STATUS_STALE_TOKEN);
    uint64_t token = own(st.k, st.a, "x");
    kit_get(st.k, reply_to(st.owner, "x", st.token, c.number, "late"), STATUS_STALE_TOKEN);
    kit_get(st.k, reply_to(st.a, "x", token, c.number, "not taken yet"), STATUS_INVALID);
    st.owner = st.a;
    st.token = token;
    struct served again = take_call(st);
    assert_int_equal(again.deliveries, 2);
    assert_true(again.number > c.number);
    kit_get(st.k, reply_to(st.a, "x", token, c.number, "of the last owner"), STATUS_INVALID);
    reached(st, again.number, "ok");
    assert_string_equal(answered(st.k, waits, STATUS_OK)->texts[0], "ok");
    kit_get(st.k, serve(st.a, "x", 0), STATUS_STALE_TOKEN);
    kit_get(st.k, make_actor(st.a, "y", false), STATUS_OK);
    uint64_t other = own(st.k, st.a, "y"); /* a token is good for its own actor only */
    kit_get(st.k, serve(st.a, "x", other), STATUS_STALE_TOKEN);
    kit_free(st.k);
}

static void removed_it_answers_everybody(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    uint64_t handle = kit_get(st.k, make_actor(st.owner, "x", false), STATUS_OK)->reply.made.handle;
    uint64_t routes[4];
    routes[0] = kit_ask(st.k, call_actor(st.a, "x", "1"));
    take_call(st);
    routes[1] = kit_ask(st.k, call_actor(st.a, "x", "2"));
    routes[2] = kit_ask(st.k, begin(st.b, "x"));
    kit_get(st.k, checkpoint(st.owner, "x", st.token, "kept"), STATUS_OK);
    kit_get(st.k, of_name(OP_REMOVE, st.a, "x"), STATUS_OK);
    for (int i = 0; i < 3; i++)
        answered(st.k, routes[i], STATUS_REMOVED);
    kit_get(st.k, serve(st.owner, "x", st.token), STATUS_NOT_FOUND);
    struct op op = serve(st.owner, "x", st.token);
    op.serve.ref = by_handle(handle);
    kit_get(st.k, op, STATUS_STALE);
    kit_get(st.k, make_actor(st.a, "x", true), STATUS_OK);
    uint64_t waits = kit_ask(st.k, serve(st.a, "x", own(st.k, st.a, "x")));
    kit_get(st.k, of_name(OP_REMOVE, st.b, "x"), STATUS_OK);
    answered(st.k, waits, STATUS_REMOVED);
    kit_free(st.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_served_one_at_a_time_in_order),
        cmocka_unit_test(they_read_what_they_wrote),
        cmocka_unit_test(an_owner_waits_for_calls),
        cmocka_unit_test(a_reply_may_be_a_failure_or_nothing),
        cmocka_unit_test(a_caller_leaves_before_its_call_is_taken),
        cmocka_unit_test(a_caller_leaves_after_its_call_is_taken),
        cmocka_unit_test(owners_follow_in_the_order_of_asking),
        cmocka_unit_test(an_owner_dies_and_its_successor_goes_on),
        cmocka_unit_test(calls_wait_for_an_owner_to_come),
        cmocka_unit_test(calls_fail_with_their_owner),
        cmocka_unit_test(ownership_runs_out_and_passes_on),
        cmocka_unit_test(a_stale_token_is_refused),
        cmocka_unit_test(removed_it_answers_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

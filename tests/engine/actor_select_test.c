/*
 * actor_select_test.c - actors in a select, requests that make no sense, requests that come again, and no memory.
 *
 * A select may call and serve, and never serves itself; a repeat is answered and says what was said, whatever has happened since; without memory nothing
 * happens.
 */
#include "actor_stage.h"

/* ---- Select ---- */

static struct arm_spec arm_call(const char *name, const char *s)
{
    return (struct arm_spec){.verb = ARM_CALL, .ref = by_name(name), .value = text(s)};
}

static struct arm_spec arm_serve(const char *name, uint64_t token)
{
    return (struct arm_spec){.verb = ARM_SERVE, .ref = by_name(name), .token = token};
}

static void a_select_serves_or_receives(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    kit_get(st.k, make_channel(st.a, "c", 1), STATUS_OK);
    const struct arm_spec arms[] = {arm_recv("c"), arm_serve("x", st.token)};
    uint64_t select = kit_ask(st.k, select_of(st.owner, arms, 2));
    uint64_t waits = kit_ask(st.k, call_actor(st.a, "x", "1"));
    struct served c = served_of(st.k, select);
    assert_int_equal(answer(st.k, select)->reply.index, 1);
    assert_int_equal(c.epoch, 1);
    assert_int_equal(c.caller, st.a);
    reached(st, c.number, "ok");
    answered(st.k, waits, STATUS_OK);
    select = kit_ask(st.k, select_of(st.owner, arms, 2));
    kit_get(st.k, send_to(st.a, "c", "v"), STATUS_OK);
    assert_int_equal(answered(st.k, select, STATUS_OK)->reply.index, 0);
    assert_int_equal(kit_view(st.k, "x").waiting, 0);
    kit_free(st.k);
}

/* The first of two actors to reply is the one that is heard; the other's caller has left. */
static void a_select_calls_two(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    kit_get(st.k, make_actor(st.b, "y", false), STATUS_OK);
    uint64_t other = own(st.k, st.b, "y");
    const struct arm_spec arms[] = {
        arm_call("x", "1"), arm_call("y", "2"), {.verb = ARM_AFTER, .delay_ns = SECOND}};
    uint64_t select = kit_ask(st.k, select_of(st.a, arms, 3));
    struct served c = take_call(st), d = served_of(st.k, kit_ask(st.k, serve(st.b, "y", other)));
    kit_get(st.k, reply_to(st.b, "y", other, d.number, "y's"), STATUS_OK);
    const struct answer *a = answered(st.k, select, STATUS_OK);
    assert_int_equal(a->reply.index, 1);
    assert_string_equal(a->texts[0], "y's");
    assert_int_equal(a->reply.epoch, 1);
    assert_false(reached(st, c.number, "x's"));
    select = kit_ask(st.k, select_of(st.a, arms, 3));
    kit_time(st.k, SECOND);
    assert_int_equal(answered(st.k, select, STATUS_OK)->reply.index, 2);
    assert_int_equal(actor_seen(st.k, "x").calls + actor_seen(st.k, "y").calls, 0);
    kit_free(st.k);
}

/* A select that calls and serves one actor never serves itself. */
static void a_select_does_not_serve_itself(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    for (int i = 0; i < 8; i++) {
        const struct arm_spec arms[] = {arm_call("x", "mine"), arm_serve("x", st.token),
                                        arm_call("x", "mine too")};
        uint64_t select = kit_ask(st.k, select_of(st.owner, arms, 3));
        assert_null(answer(st.k, select));
        uint64_t waits = kit_ask(st.k, call_actor(st.a, "x", "another's"));
        struct served c = served_of(st.k, select);
        assert_string_equal(c.text, "another's");
        assert_int_equal(answer(st.k, select)->reply.index, 1);
        assert_true(reached(st, c.number, "ok"));
        answered(st.k, waits, STATUS_OK);
        select = kit_ask(st.k, select_of(st.owner, arms, 3));
        c = take_call(st); /* another request of the same session serves it */
        assert_true(reached(st, c.number, "ok"));
        assert_string_equal(answered(st.k, select, STATUS_OK)->texts[0], "ok");
        assert_int_equal(actor_seen(st.k, "x").calls, 0);
    }
    kit_free(st.k);
}

static void a_select_of_nil_arms_waits(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    const struct arm_spec arms[] = {{.verb = ARM_CALL, .value = text("1")},
                                    {.verb = ARM_SERVE, .token = 1},
                                    {.verb = ARM_AFTER, .delay_ns = SECOND}};
    uint64_t select = kit_ask(st.k, select_of(st.a, arms, 3));
    kit_time(st.k, SECOND);
    assert_int_equal(answered(st.k, select, STATUS_OK)->reply.index, 2);
    kit_free(st.k);
}

/* ---- Limits of the request ---- */

static void what_is_refused(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    struct op op = call_actor(st.a, "x", "1");
    op.call.value = (struct value){.type = VALUE_HANDLE, .ref = by_name("x")};
    kit_get(st.k, op, STATUS_INVALID);
    op = reply_to(st.owner, "x", st.token, 1, "1");
    kit_get(st.k, op, STATUS_INVALID);
    uint64_t waits = kit_ask(st.k, call_actor(st.a, "x", "1"));
    op.reply.number = take_call(st).number;
    op.reply.value = (struct value){.type = VALUE_HANDLE, .ref = by_name("x")};
    assert_string_equal(kit_get(st.k, op, STATUS_INVALID)->reply.message,
                        "an actor takes and gives no handles");
    assert_null(answer(st.k, waits));
    assert_true(actor_seen(st.k, "x").serving);
    op = checkpoint(st.owner, "x", st.token, "1");
    op.checkpoint.value = (struct value){.type = VALUE_HANDLE, .ref = by_name("x")};
    kit_get(st.k, op, STATUS_INVALID);
    kit_get(st.k, call_actor(st.a, "nobody", "1"), STATUS_NOT_FOUND);
    kit_get(st.k, make_channel(st.a, "c", 1), STATUS_OK);
    kit_get(st.k, call_actor(st.a, "c", "1"), STATUS_WRONG_KIND);
    kit_get(st.k, serve(st.a, "c", 1), STATUS_WRONG_KIND);
    kit_get(st.k, reply_to(st.a, "c", 1, 1, "1"), STATUS_WRONG_KIND);
    kit_get(st.k, checkpoint(st.a, "c", 1, "1"), STATUS_WRONG_KIND);
    kit_get(st.k, call_actor(st.a, NULL, "1"), STATUS_INVALID);
    kit_get(st.k, of_name(OP_CLOSE, st.a, "x"), STATUS_WRONG_KIND);
    kit_free(st.k);
}

/* A checkpoint of nothing takes the last one away. */
static void a_checkpoint_can_be_taken_away(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    kit_get(st.k, checkpoint(st.owner, "x", st.token, "one"), STATUS_OK);
    struct op none = checkpoint(st.owner, "x", st.token, "");
    none.checkpoint.value = (struct value){0};
    kit_get(st.k, none, STATUS_OK);
    leave(st.k, st.owner);
    assert_int_equal(kit_get(st.k, begin(st.a, "x"), STATUS_OK)->items, 0);
    kit_free(st.k);
}

/* ---- Exactly once ---- */

static void repeats_are_answered_not_run(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    struct op call = with_seq(call_actor(st.a, "x", "1"), 1);
    uint64_t old = kit_ask(st.k, call), new = kit_ask(st.k, call);
    assert_int_equal(actor_seen(st.k, "x").calls, 1);
    struct op takes = with_seq(serve(st.owner, "x", st.token), 1);
    struct served c = served_of(st.k, kit_ask(st.k, takes));
    struct served again = served_of(st.k, kit_ask(st.k, takes));
    assert_memory_equal(&c, &again, sizeof c);
    struct op reply = with_seq(reply_to(st.owner, "x", st.token, c.number, "ok"), 2);
    assert_true(kit_get(st.k, reply, STATUS_OK)->reply.truth);
    assert_true(kit_get(st.k, reply, STATUS_OK)->reply.truth);
    assert_null(answer(st.k, old));
    assert_string_equal(answered(st.k, new, STATUS_OK)->texts[0], "ok");
    assert_string_equal(kit_get(st.k, call, STATUS_OK)->texts[0], "ok");
    assert_int_equal(actor_seen(st.k, "x").served, 1);
    kit_free(st.k);
}

/* What was said stays said: a repeat does not see that the call was taken again, nor by whom. */
static void a_repeat_says_what_was_said(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    kit_ask(st.k, call_actor(st.a, "x", "1"));
    struct op takes = with_seq(serve(st.owner, "x", st.token), 1);
    struct served c = served_of(st.k, kit_ask(st.k, takes));
    kit_get(st.k, end(st.owner, "x", st.token, "state"), STATUS_OK);
    uint64_t token = own(st.k, st.b, "x");
    assert_int_equal(served_of(st.k, kit_ask(st.k, serve(st.b, "x", token))).deliveries, 2);
    struct served again = served_of(st.k, kit_ask(st.k, takes));
    assert_memory_equal(&c, &again, sizeof c);
    kit_free(st.k);
}

/* A session that may resume keeps its actor over a lost connection, and the caller's repeat finds its reply. */
static void a_connection_is_not_an_owner(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    struct op hello = plain(OP_HELLO, 0);
    hello.hello.id[0] = 1;
    hello.hello.resume_ns = SECOND;
    uint64_t s = kit_get(st.k, hello, STATUS_OK)->reply.opened.number;
    kit_get(st.k, end(st.owner, "x", st.token, "state"), STATUS_OK);
    uint64_t token = own(st.k, s, "x");
    struct op takes = with_seq(serve(s, "x", token), 1);
    kit_ask(st.k, takes);
    leave(st.k, s);
    uint64_t waits = kit_ask(st.k, call_actor(st.a, "x", "1")); /* taken, though nobody reads it */
    assert_true(actor_seen(st.k, "x").serving);
    kit_get(st.k, hello, STATUS_OK);
    struct served c = served_of(st.k, kit_ask(st.k, takes));
    kit_get(st.k, reply_to(s, "x", token, c.number, "ok"), STATUS_OK);
    answered(st.k, waits, STATUS_OK);
    kit_free(st.k);
}

/* ---- Memory ---- */

static void without_memory_nothing_happens(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    const struct arm_spec arms[] = {arm_call("x", "3"), {.verb = ARM_AFTER, .delay_ns = SECOND}};
    uint64_t waits = without_memory(st.k, with_seq(with_timeout(call_actor(st.a, "x", "1"), SECOND), 1));
    uint64_t next = without_memory(st.k, with_seq(begin(st.b, "x"), 1));
    struct served c = served_of(st.k, without_memory(st.k, with_seq(serve(st.owner, "x", st.token), 1)));
    answered(st.k, without_memory(st.k, with_seq(checkpoint(st.owner, "x", st.token, "state"), 2)),
             STATUS_OK);
    answered(st.k, without_memory(st.k, with_seq(reply_to(st.owner, "x", st.token, c.number, "ok"), 3)),
             STATUS_OK);
    answered(st.k, waits, STATUS_OK);
    uint64_t parked = without_memory(st.k, with_seq(serve(st.owner, "x", st.token), 4));
    uint64_t select = without_memory(st.k, with_seq(select_of(st.a, arms, 2), 2));
    assert_string_equal(served_of(st.k, parked).text, "3");
    answered(st.k, without_memory(st.k, with_seq(end(st.owner, "x", st.token, "last"), 5)), STATUS_OK);
    assert_string_equal(answered(st.k, next, STATUS_OK)->texts[0], "last");
    assert_null(answer(st.k, select));
    answered(st.k, without_memory(st.k, with_seq(make_actor(st.a, "y", true), 3)), STATUS_OK);
    kit_free(st.k);
}

/* That an owner dies needs none. */
static void dying_needs_no_memory(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    kit_get(st.k, checkpoint(st.owner, "x", st.token, "state"), STATUS_OK);
    kit_ask(st.k, call_actor(st.a, "x", "1"));
    take_call(st);
    uint64_t next = kit_ask(st.k, begin(st.b, "x"));
    engine_fail_allocation(st.k->engine, 1);
    leave(st.k, st.owner);
    engine_fail_allocation(st.k->engine, 0);
    assert_string_equal(answered(st.k, next, STATUS_OK)->texts[0], "state");
    kit_free(st.k);
}

static void freed_in_the_middle(void **state)
{
    (void)state;
    struct actor_stage st = actor_stage_new(false);
    for (int i = 0; i < 5; i++)
        kit_ask(st.k, with_timeout(call_actor(st.a, "x", "1"), SECOND));
    kit_get(st.k, checkpoint(st.owner, "x", st.token, "state"), STATUS_OK);
    kit_ask(st.k, with_seq(serve(st.owner, "x", st.token), 1));
    kit_ask(st.k, begin(st.b, "x"));
    kit_free(st.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_select_serves_or_receives),
        cmocka_unit_test(a_select_calls_two),
        cmocka_unit_test(a_select_does_not_serve_itself),
        cmocka_unit_test(a_select_of_nil_arms_waits),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_checkpoint_can_be_taken_away),
        cmocka_unit_test(repeats_are_answered_not_run),
        cmocka_unit_test(a_repeat_says_what_was_said),
        cmocka_unit_test(a_connection_is_not_an_owner),
        cmocka_unit_test(without_memory_nothing_happens),
        cmocka_unit_test(dying_needs_no_memory),
        cmocka_unit_test(freed_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * select_test.c - fair, atomic, and never with itself.
 *
 * The bound of fairness is that of Go's own test: over 10 000 trials the share of one of two may differ from a half by 4.891676 standard
 * deviations, which is 0.0245. The seed is fixed, so it passes always or never.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit.h"

enum { TRIALS = 10000 };

/* The share of trials in which the first case is chosen. */
static double share(struct kit *k, uint64_t s, const struct arm_spec *arms, uint32_t count, const char *first)
{
    int hits = 0;
    k->audits = false;
    for (int i = 0; i < TRIALS; i++) {
        const struct answer *a = kit_get(k, select_of(s, arms, count), STATUS_OK);
        assert_true(a->reply.has_index);
        const char *name = arms[a->reply.index].ref.name;
        hits += strcmp(name, first) == 0;
        kit_get(k, send_to(s, name, "x"), STATUS_OK); /* as it was */
    }
    k->audits = true;
    return (double)hits / TRIALS;
}

static void two_ready_of_four(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    const char *const names[] = {"a", "b", "never", "full"};
    for (int i = 0; i < 4; i++)
        kit_get(k, make_channel(s, names[i], 1), STATUS_OK);
    for (int i = 0; i < 4; i++)
        if (i != 2)
            kit_get(k, send_to(s, names[i], "x"), STATUS_OK);
    const struct arm_spec arms[] = {arm_recv("never"), arm_recv("a"), arm_send("full", "y"), arm_recv("b")};
    assert_true(fabs(share(k, s, arms, 4, "a") - 0.5) <= 0.0245);
    kit_free(k);
}

/* Cases are chosen, not channels. */
static void three_cases_to_one(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_channel(s, "a", 1), STATUS_OK);
    kit_get(k, make_channel(s, "b", 1), STATUS_OK);
    kit_get(k, send_to(s, "a", "x"), STATUS_OK);
    kit_get(k, send_to(s, "b", "x"), STATUS_OK);
    const struct arm_spec arms[] = {arm_recv("a"), arm_recv("a"), arm_recv("b"), arm_recv("a")};
    assert_true(fabs(share(k, s, arms, 4, "a") - 0.75) <= 0.0245);
    kit_free(k);
}

/* A closed channel to send to is as likely as a ready one, and only if it is chosen does it fail. */
static void a_send_on_closed_is_a_case(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    int failed = 0;
    kit_get(k, make_channel(s, "closed", 1), STATUS_OK);
    kit_get(k, of_name(OP_CLOSE, s, "closed"), STATUS_OK);
    kit_get(k, make_channel(s, "open", 2 * TRIALS), STATUS_OK);
    const struct arm_spec arms[] = {arm_send("closed", "x"), {.verb = ARM_DEFAULT}, arm_send("open", "x")};
    k->audits = false;
    for (int i = 0; i < TRIALS; i++) {
        const struct answer *a = answer(k, kit_ask(k, select_of(s, arms, 3)));
        assert_int_not_equal(a->reply.index, 1);
        assert_int_equal(a->reply.status, a->reply.index == 0 ? STATUS_SEND_ON_CLOSED : STATUS_OK);
        failed += a->reply.index == 0;
    }
    assert_true(fabs((double)failed / TRIALS - 0.5) <= 0.0245);
    assert_int_equal(kit_view(k, "open").channel.len, TRIALS - failed);
    kit_free(k);
}

/* One select on both sides of a channel, many times over: everybody else meets it, it never meets itself. */
static void both_sides_of_one_channel(void **state)
{
    (void)state;
    enum { HALF = 30000 };
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    struct arm_spec *arms = calloc(2 * HALF, sizeof *arms);
    assert_non_null(arms);
    for (int i = 0; i < 2 * HALF; i++)
        arms[i] = i % 2 ? arm_send("c", "mine") : arm_recv("c");
    kit_get(k, make_channel(s, "c", 0), STATUS_OK);
    k->audits = false;
    for (int round = 0; round < 6; round++) {
        uint64_t self = kit_ask(k, select_of(s, arms, 2 * HALF));
        assert_null(answer(k, self));
        if (round == 0)
            engine_audit(k->engine);
        if (round % 3 == 0) {
            assert_string_equal(kit_get(k, recv_from(s, "c"), STATUS_OK)->texts[0], "mine");
            assert_int_equal(answered(k, self, STATUS_OK)->reply.index % 2, 1);
        } else if (round % 3 == 1) {
            kit_get(k, send_to(s, "c", "yours"), STATUS_OK);
            assert_string_equal(answered(k, self, STATUS_OK)->texts[0], "yours");
        } else { /* two of a kind meet */
            uint64_t twin = kit_ask(k, select_of(s, arms, 2 * HALF));
            const struct answer *a = answered(k, self, STATUS_OK), *b = answered(k, twin, STATUS_OK);
            assert_int_not_equal(a->reply.index % 2, b->reply.index % 2);
        }
        assert_int_equal(kit_view(k, "c").channel.receivers + kit_view(k, "c").channel.senders, 0);
        engine_audit(k->engine);
    }
    free(arms);
    kit_free(k);
}

/* All entries of the winner are gone, and the wake-up of one who came later is not swallowed. */
static void the_same_channel_several_times(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_channel(s, "c", 0), STATUS_OK);
    kit_get(k, make_channel(s, "d", 0), STATUS_OK);
    const struct arm_spec arms[] = {arm_recv("c"), arm_recv("c"), arm_recv("d"), arm_recv("c")};
    uint64_t first = kit_ask(k, select_of(s, arms, 4)), later = kit_ask(k, recv_from(s, "c"));
    uint64_t last = kit_ask(k, select_of(s, arms, 4));
    kit_get(k, send_to(s, "c", "1"), STATUS_OK);
    answered(k, first, STATUS_OK);
    assert_null(answer(k, later));
    kit_get(k, send_to(s, "c", "2"), STATUS_OK);
    answered(k, later, STATUS_OK);
    kit_get(k, of_name(OP_CLOSE, s, "c"), STATUS_OK);
    answered(k, last, STATUS_CLOSED);
    struct op try = send_to(s, "d", "x");
    try.no_wait = true;
    kit_get(k, try, STATUS_WOULD_BLOCK);
    kit_free(k);
}

/* n selects on a shared channel and one of their own, each woken by its own: twice the n, twice the work. */
static void leaving_a_shared_queue_is_cheap(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    static char names[MANY][16];
    kit_get(k, make_channel(s, "shared", 0), STATUS_OK);
    k->audits = k->keeps = false;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        kit_ask(k, make_channel(s, names[i], 0));
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            const struct arm_spec arms[] = {arm_recv("shared"), arm_recv(names[i])};
            kit_ask(k, select_of(s, arms, 2));
        }
        for (int i = MANY; i-- > 0;)
            kit_ask(k, send_to(s, names[i * 7919 % MANY], "x"));
    }
    assert_int_equal(kit_stats(k).parked, 0);
    engine_audit(k->engine);
    kit_free(k);
}

static void as_many_cases_as_there_may_be(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    struct arm_spec *arms = calloc(SELECT_ARMS_MAX, sizeof *arms);
    assert_non_null(arms);
    kit_get(k, make_channel(s, "c", 0), STATUS_OK);
    kit_get(k, of_name(OP_CLOSE, s, "c"), STATUS_OK);
    for (int i = 0; i < SELECT_ARMS_MAX; i++)
        arms[i] = arm_recv("c");
    kit_get(k, select_of(s, arms, SELECT_ARMS_MAX), STATUS_CLOSED);
    free(arms);
    kit_free(k);
}

/* The values of cases that lose are dropped, once, in whatever way the select ends. */
static void losing_values(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_channel(s, "a", 0), STATUS_OK);
    kit_get(k, make_channel(s, "b", 1), STATUS_OK);
    const struct arm_spec arms[] = {arm_send("a", "1"), arm_send("b", "2"), arm_send(NULL, "3")};
    assert_int_equal(kit_get(k, select_of(s, arms, 3), STATUS_OK)->reply.index, 1);
    assert_int_equal(kit_stats(k).items, 1);
    uint64_t parked = kit_ask(k, select_of(s, arms, 3));
    assert_int_equal(kit_stats(k).items, 4);
    assert_string_equal(kit_get(k, recv_from(s, "a"), STATUS_OK)->texts[0], "1");
    assert_int_equal(answered(k, parked, STATUS_OK)->reply.index, 0);
    kit_event(k, OP_WRITTEN, s);
    kit_event(k, OP_TICK, 0);
    assert_int_equal(kit_stats(k).items, 1);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_ready_of_four),
        cmocka_unit_test(three_cases_to_one),
        cmocka_unit_test(a_send_on_closed_is_a_case),
        cmocka_unit_test(both_sides_of_one_channel),
        cmocka_unit_test(the_same_channel_several_times),
        cmocka_unit_test(leaving_a_shared_queue_is_cheap),
        cmocka_unit_test(as_many_cases_as_there_may_be),
        cmocka_unit_test(losing_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

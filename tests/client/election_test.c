/*
 * election_test.c - leaders against the real daemon: who is elected, who is seen to lead, and leaders that are killed.
 *
 * Candidates and observers that wait are futures of one connection (stage.h): the daemon does not care who asks.
 */
#include "stage.h"

static uint64_t campaign(sluice_mutex e, const char *who)
{
    struct sluice_grant g;
    assert_status(sluice_election_campaign(s, e, sluice_str(who), 0, NULL, &g), SLUICE_OK);
    assert_true(g.token != 0);
    return g.token;
}

static uint64_t observed(sluice_mutex e, uint64_t after, const char *who)
{
    struct sluice_leader leader;
    assert_status(sluice_election_observe(s, e, after, NULL, &leader), SLUICE_OK);
    assert_int_equal(leader.item.value.type, who[0] == '\0' ? SLUICE_TYPE_NONE : SLUICE_TYPE_BYTES);
    assert_string_equal(text_of(&leader.item), who);
    return leader.token;
}

static void test_election(void **state)
{
    (void)state;
    sluice_mutex e = mutex_of("e/1"), nil = SLUICE_NIL;
    struct sluice_leader leader;
    struct sluice_description *d;
    sluice_future *next, *seen, *gone;
    assert_status(sluice_election_observe(s, e, 0, sluice_no_wait(), &leader), SLUICE_WOULD_BLOCK);
    parked(sluice_election_observe_start(s, e, 0, NULL, &seen), &seen);
    uint64_t a = campaign(e, "a:1");
    struct sluice_result r = finished(seen);
    assert_int_equal(r.grant.token, a);
    assert_string_equal(text_of(&r.item), "a:1");
    assert_int_equal(observed(e, 0, "a:1"), a);
    assert_status(sluice_describe(s, e.ref, &d), SLUICE_OK);
    assert_string_equal(d->hold.said.bytes.data, "a:1");
    sluice_description_free(d);
    parked(sluice_election_campaign_start(s, e, sluice_str("b:2"), 0, NULL, &next), &next);
    parked(sluice_election_observe_start(s, e, a, NULL, &seen), &seen);
    assert_status(sluice_election_resign(s, e, a), SLUICE_OK);
    uint64_t b = granted(next).token;
    assert_true(b > a);
    r = finished(seen);
    assert_int_equal(r.grant.token, b);
    assert_string_equal(text_of(&r.item), "b:2");
    assert_status(sluice_election_resign(s, e, a), SLUICE_STALE_TOKEN);
    /* Nobody leads: that is a change, too. */
    parked(sluice_election_observe_start(s, e, b, NULL, &gone), &gone);
    assert_status(sluice_election_resign(s, e, b), SLUICE_OK);
    r = finished(gone);
    assert_true(r.grant.token == 0 && r.item.value.type == SLUICE_TYPE_NONE);
    assert_int_equal(observed(e, a, ""), 0);
    assert_status(sluice_election_observe(s, nil, 0, NULL, &leader), SLUICE_INVALID);
    assert_status(sluice_election_observe(s, sluice_mutex_named("e/none"), 0, NULL, &leader),
                  SLUICE_NOT_FOUND);
}

/* What a leader says may be of any type but an object, or nothing. */
static void test_values(void **state)
{
    (void)state;
    sluice_mutex e = mutex_of(NULL);
    struct sluice_leader leader;
    struct sluice_grant g;
    assert_status(sluice_election_campaign(s, e, sluice_object(e.ref, 0), 0, NULL, &g), SLUICE_INVALID);
    assert_status(sluice_election_campaign(s, e, sluice_int(-7), 0, NULL, &g), SLUICE_OK);
    assert_status(sluice_election_observe(s, e, 0, NULL, &leader), SLUICE_OK);
    assert_true(leader.token == g.token && leader.item.value.integer == -7);
    sluice_item_free(&leader.item);
    assert_status(sluice_election_resign(s, e, g.token), SLUICE_OK);
    assert_status(sluice_election_campaign(s, e, sluice_none(), 0, NULL, &g), SLUICE_OK);
    assert_int_equal(observed(e, 0, ""), g.token);
    assert_status(sluice_election_resign(s, e, g.token), SLUICE_OK);
    struct sluice_grant mute = locked(e);
    assert_int_equal(observed(e, g.token, ""), mute.token);
}

/* A term with an end is kept by prolonging it. */
static void test_term(void **state)
{
    (void)state;
    sluice_mutex e = mutex_of(NULL);
    struct sluice_grant g;
    sluice_future *next;
    assert_status(sluice_election_campaign(s, e, sluice_str("a"), SLUICE_SECOND, NULL, &g), SLUICE_OK);
    parked(sluice_election_campaign_start(s, e, sluice_str("b"), 0, NULL, &next), &next);
    for (int i = 0; i < 5; i++) {
        advance(SLUICE_SECOND / 2);
        assert_status(sluice_extend_token(s, g.token, SLUICE_SECOND), SLUICE_OK);
    }
    assert_int_equal(observed(e, 0, "a"), g.token);
    advance(SLUICE_SECOND);
    struct sluice_grant b = granted(next);
    assert_true(b.owner_died);
    assert_int_equal(observed(e, g.token, "b"), b.token);
    assert_status(sluice_election_resign(s, e, g.token), SLUICE_STALE_TOKEN);
}

static uint64_t lead_and_stay(sluice *own)
{
    struct sluice_grant g;
    sluice_mutex e = sluice_mutex_named("e/killed");
    return sluice_election_campaign(own, e, sluice_str("child"), 0, NULL, &g) == SLUICE_OK ? g.token : 0;
}

static void test_leader_is_killed(void **state)
{
    (void)state;
    sluice_mutex e = mutex_of("e/killed");
    sluice_future *next, *seen;
    struct child c = child_start(&stage, lead_and_stay);
    assert_int_equal(observed(e, 0, "child"), c.number);
    parked(sluice_election_campaign_start(s, e, sluice_str("heir"), 0, NULL, &next), &next);
    parked(sluice_election_observe_start(s, e, c.number, NULL, &seen), &seen);
    child_kill(&c);
    struct sluice_grant g = granted(next);
    assert_true(g.owner_died && g.token > c.number);
    struct sluice_result r = finished(seen);
    assert_int_equal(r.grant.token, g.token);
    assert_string_equal(text_of(&r.item), "heir");
    assert_status(sluice_election_resign(s, e, g.token), SLUICE_OK);
    c = child_start(&stage, lead_and_stay);
    parked(sluice_election_observe_start(s, e, c.number, NULL, &seen), &seen);
    child_kill(&c);
    assert_int_equal(finished(seen).grant.token, 0);
}

static void test_select(void **state)
{
    (void)state;
    sluice_mutex e = mutex_of(NULL);
    struct sluice_grant g = {0, true}, leader = {0, true};
    struct sluice_item item;
    int index;
    const struct sluice_arm lead[] = {sluice_arm_campaign(e, sluice_str("me"), 0, &g), sluice_arm_default()};
    const struct sluice_arm look[] = {sluice_arm_observe(e, 0, &leader), sluice_arm_default()};
    assert_status(sluice_select(s, look, 2, NULL, &index, &item), SLUICE_OK);
    assert_int_equal(index, 1);
    assert_status(sluice_select(s, lead, 2, NULL, &index, NULL), SLUICE_OK);
    assert_true(index == 0 && g.token != 0);
    assert_status(sluice_select(s, lead, 2, NULL, &index, NULL), SLUICE_OK);
    assert_int_equal(index, 1);
    assert_status(sluice_select(s, look, 2, NULL, &index, &item), SLUICE_OK);
    assert_true(index == 0 && leader.token == g.token);
    assert_string_equal(text_of(&item), "me");
    struct sluice_arm wrong = sluice_arm_observe(e, 0, NULL);
    wrong.compare = SLUICE_COMPARE_EQ;
    assert_status(sluice_select(s, &wrong, 1, NULL, &index, NULL), SLUICE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_election),         cmocka_unit_test(test_values), cmocka_unit_test(test_term),
        cmocka_unit_test(test_leader_is_killed), cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

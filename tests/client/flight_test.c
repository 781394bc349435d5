/*
 * flight_test.c - singleflight against the real daemon: who runs, who shares, what is forgotten, and runners that are killed.
 *
 * Who waits is a future (stage.h); only sluice_flight_do, which is made of several requests, is tried with threads.
 */
#include <stdatomic.h>

#include "stage.h"

static sluice_flight flight_of(const char *name, bool poison)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_flight_spec spec = SLUICE_FLIGHT_SPEC_INIT;
    sluice_flight f;
    how.name = name;
    spec.poison = poison;
    assert_status(sluice_flight_make_with(s, &how, &spec, &f, NULL), SLUICE_OK);
    return f;
}

static struct sluice_grant begin(sluice_flight f, const char *key)
{
    struct sluice_grant g = {0, true};
    struct sluice_outcome out;
    assert_status(sluice_flight_begin(s, f, key, 0, sluice_no_wait(), &g, &out), SLUICE_OK);
    assert_true(g.token != 0);
    return g;
}

static sluice_future *begin_later(sluice_flight f, const char *key)
{
    sluice_future *later;
    return parked(sluice_flight_begin_start(s, f, key, 0, NULL, &later), &later);
}

static void expect_shared(sluice_future *f, bool failed, const char *text)
{
    struct sluice_result r = finished(f);
    assert_true(r.grant.token == 0 && r.shared && r.failed == failed);
    assert_string_equal(text_of(&r.item), text);
}

static void test_flight(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_made made;
    struct sluice_outcome out;
    struct sluice_grant grant;
    struct sluice_flight_spec spec = SLUICE_FLIGHT_SPEC_INIT;
    sluice_flight f, again, nil = SLUICE_NIL;
    bool shared = true;
    how.name = "f/1";
    assert_status(sluice_flight_make_with(s, &how, NULL, &f, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_FLIGHT);
    assert_status(sluice_flight_make(s, "f/1", &again), SLUICE_OK);
    spec.poison = true;
    assert_status(sluice_flight_make_with(s, &how, &spec, &again, NULL), SLUICE_MISMATCH);
    assert_status(sluice_flight_open(s, "f/1", 0, &again), SLUICE_OK);
    uint64_t token = begin(f, "k").token;
    assert_status(sluice_flight_begin(s, f, "k", 0, sluice_no_wait(), &grant, &out), SLUICE_WOULD_BLOCK);
    uint64_t other = begin(f, "k2").token, none = begin(f, NULL).token;
    sluice_future *a = begin_later(again, "k"), *b = begin_later(f, "k");
    assert_status(sluice_flight_end(s, f, token + 100, false, sluice_none(), NULL), SLUICE_STALE_TOKEN);
    assert_status(sluice_flight_end(s, f, token, false, sluice_str("v"), &shared), SLUICE_OK);
    assert_true(shared);
    expect_shared(a, false, "v");
    expect_shared(b, false, "v");
    assert_status(sluice_flight_end(s, f, token, false, sluice_none(), NULL), SLUICE_STALE_TOKEN);
    assert_status(sluice_flight_end(s, f, other, true, sluice_str("no"), &shared), SLUICE_OK);
    assert_false(shared);
    assert_status(sluice_flight_end(s, f, none, false, sluice_none(), &shared), SLUICE_OK);
    /* Nothing is kept: the next call runs again. */
    token = begin(f, "k").token;
    a = begin_later(f, "k");
    assert_status(sluice_flight_end(s, f, token, true, sluice_str("why"), NULL), SLUICE_OK);
    expect_shared(a, true, "why");
    assert_status(sluice_flight_begin(s, nil, "k", 0, NULL, &grant, &out), SLUICE_INVALID);
}

static void test_keys(void **state)
{
    (void)state;
    static char key[257];
    struct sluice_grant g;
    struct sluice_outcome out;
    sluice_flight f = flight_of(NULL, false);
    memset(key, 'k', 256);
    assert_status(sluice_flight_begin(s, f, key, 0, NULL, &g, &out), SLUICE_TOO_LARGE);
    assert_string_equal(sluice_errlimit().name, "key_size_max");
    key[255] = '\0';
    uint64_t token = begin(f, key).token;
    assert_status(sluice_flight_begin(s, f, key, 0, sluice_no_wait(), &g, &out), SLUICE_WOULD_BLOCK);
    assert_status(sluice_flight_end(s, f, token, false, sluice_none(), NULL), SLUICE_OK);
}

/* A forgotten flight ends for those who joined it; it is not in the way of the next. */
static void test_forget(void **state)
{
    (void)state;
    sluice_flight f = flight_of(NULL, false);
    bool there = true;
    assert_status(sluice_flight_forget(s, f, "k", &there), SLUICE_OK);
    assert_false(there);
    uint64_t old = begin(f, "k").token;
    sluice_future *a = begin_later(f, "k");
    assert_status(sluice_flight_forget(s, f, "k", &there), SLUICE_OK);
    assert_true(there);
    uint64_t new = begin(f, "k").token;
    sluice_future *b = begin_later(f, "k");
    assert_status(sluice_flight_end(s, f, old, false, sluice_str("old"), NULL), SLUICE_OK);
    expect_shared(a, false, "old");
    assert_false(sluice_future_done(b));
    assert_status(sluice_flight_end(s, f, new, false, sluice_str("new"), NULL), SLUICE_OK);
    expect_shared(b, false, "new");
}

/* ---- Death. */

static uint64_t run_and_stay(sluice *own)
{
    struct sluice_grant g;
    struct sluice_outcome out;
    if (sluice_flight_begin(own, sluice_flight_named("f/killed"), "k", 0, NULL, &g, &out) != SLUICE_OK)
        return 0;
    return g.token;
}

static uint64_t run_poison_and_stay(sluice *own)
{
    struct sluice_grant g;
    struct sluice_outcome out;
    if (sluice_flight_begin(own, sluice_flight_named("f/poison"), "k", 0, NULL, &g, &out) != SLUICE_OK)
        return 0;
    return g.token;
}

static void test_runner_is_killed(void **state)
{
    (void)state;
    sluice_flight f = flight_of("f/killed", false);
    bool shared;
    struct child c = child_start(&stage, run_and_stay);
    sluice_future *first = begin_later(f, "k"), *second = begin_later(f, "k");
    child_kill(&c);
    struct sluice_grant g = granted(first);
    assert_true(g.owner_died && g.token > c.number);
    assert_status(sluice_flight_end(s, f, c.number, false, sluice_str("late"), NULL), SLUICE_STALE_TOKEN);
    assert_false(sluice_future_done(second));
    assert_status(sluice_flight_end(s, f, g.token, false, sluice_str("v"), &shared), SLUICE_OK);
    assert_true(shared);
    expect_shared(second, false, "v");
}

static void test_poison(void **state)
{
    (void)state;
    sluice_flight f = flight_of("f/poison", true);
    struct child c = child_start(&stage, run_poison_and_stay);
    sluice_future *first = begin_later(f, "k"), *second = begin_later(f, "k");
    child_kill(&c);
    assert_status(sluice_future_finish(first, NULL), SLUICE_OWNER_DIED);
    assert_status(sluice_future_finish(second, NULL), SLUICE_OWNER_DIED);
    assert_status(sluice_flight_end(s, f, begin(f, "k").token, false, sluice_none(), NULL), SLUICE_OK);
}

/* ---- Do. */

static atomic_int runs;

static bool give_text(void *argument, struct sluice_value *ret_value)
{
    atomic_fetch_add(&runs, 1);
    *ret_value = sluice_str(argument);
    return true;
}

static bool give_number_and_fail(void *argument, struct sluice_value *ret_value)
{
    (void)argument;
    *ret_value = sluice_int(-5);
    return false;
}

static bool give_handle(void *argument, struct sluice_value *ret_value)
{
    *ret_value = sluice_object(*(sluice_ref *)argument, 0);
    return true;
}

static void test_do(void **state)
{
    (void)state;
    static char text[] = "made here";
    struct sluice_outcome out;
    sluice_flight f = flight_of(NULL, false);
    for (int i = 1; i <= 3; i++) {
        assert_status(sluice_flight_do(s, f, "k", give_text, text, NULL, &out), SLUICE_OK);
        assert_true(!out.failed && !out.shared && atomic_load(&runs) == i);
        assert_ptr_not_equal(out.item.value.bytes.data, text);
        assert_string_equal(text_of(&out.item), "made here");
    }
    assert_status(sluice_flight_do(s, f, "k", give_number_and_fail, NULL, NULL, &out), SLUICE_OK);
    assert_true(out.failed && out.item.value.integer == -5);
    sluice_item_free(&out.item);
    assert_status(sluice_flight_do(s, f, "k", give_handle, &f.ref, NULL, &out), SLUICE_INVALID);
    assert_status(sluice_flight_end(s, f, begin(f, "k").token, false, sluice_none(), NULL), SLUICE_OK);
}

struct caller {
    pthread_t thread;
    sluice_flight flight;
    struct sluice_outcome out;
    enum sluice_status status;
};

/* Runs until the others have joined: they are as many as wait at the flight. */
static bool wait_for_joiners(void *argument, struct sluice_value *ret_value)
{
    static char text[] = "one for all";
    struct sluice_wait none = SLUICE_WAIT_INIT;
    atomic_fetch_add(&runs, 1);
    *ret_value = sluice_str(text);
    return sluice_quiesce(argument, 9, &none) == SLUICE_OK;
}

static void *call_do(void *argument)
{
    struct caller *c = argument;
    c->status = sluice_flight_do(s, c->flight, "k", wait_for_joiners, s, NULL, &c->out);
    return NULL;
}

static void test_do_shares(void **state)
{
    (void)state;
    struct caller callers[10];
    sluice_flight f = flight_of(NULL, false);
    atomic_store(&runs, 0);
    for (int i = 0; i < 10; i++) {
        callers[i] = (struct caller){.flight = f};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_do, &callers[i]), 0);
    }
    for (int i = 0; i < 10; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        assert_status(callers[i].status, SLUICE_OK);
        assert_true(callers[i].out.shared && !callers[i].out.failed);
        assert_string_equal(text_of(&callers[i].out.item), "one for all");
    }
    assert_int_equal(atomic_load(&runs), 1);
}

static void test_select(void **state)
{
    (void)state;
    sluice_flight f = flight_of(NULL, false);
    struct sluice_grant grant = {0, true};
    bool failed = true, shared = false;
    struct sluice_item item;
    sluice_future *later;
    int index;
    const struct sluice_arm arms[] = {sluice_arm_flight(f, "k", 0, &grant, &failed, &shared)};
    assert_status(sluice_select(s, arms, 1, NULL, &index, NULL), SLUICE_OK);
    assert_true(index == 0 && grant.token != 0);
    assert_status(sluice_select(s, arms, 1, sluice_no_wait(), &index, &item), SLUICE_WOULD_BLOCK);
    parked(sluice_select_start(s, arms, 1, NULL, &later), &later);
    assert_status(sluice_flight_end(s, f, grant.token, true, sluice_str("v"), NULL), SLUICE_OK);
    struct sluice_result r = finished(later);
    assert_true(r.index == 0 && r.failed && r.shared && r.grant.token == 0);
    assert_string_equal(text_of(&r.item), "v");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flight),           cmocka_unit_test(test_keys),   cmocka_unit_test(test_forget),
        cmocka_unit_test(test_runner_is_killed), cmocka_unit_test(test_poison), cmocka_unit_test(test_do),
        cmocka_unit_test(test_do_shares),        cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

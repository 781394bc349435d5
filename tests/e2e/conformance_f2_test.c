/*
 * conformance_f2_test.c - part F of the conformance cases, x/sync's errgroup and singleflight.
 *
 * From golang/sync's errgroup/errgroup_test.go and singleflight/singleflight_test.go. A task of a group is what has begun and not ended, wherever
 * it runs: the tests begin and end tasks themselves. A function that panics is a run that fails; one that vanishes is a session that ends.
 */
#include "conform_ctx.h"
#include "conform_sync.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { ROUNDS = 1000 };

/* ---- errgroup ---- */

static const char *new_group(int64_t limit, sluice_ctx ctx)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_group_spec spec = SLUICE_GROUP_SPEC_INIT;
    sluice_group made;
    how.name = fresh("eg");
    spec.limit = limit;
    spec.ctx = ctx;
    is(sluice_group_make_with(me, &how, &spec, &made, NULL), SLUICE_OK);
    return how.name;
}

/* A task begins, or false at the limit. */
static bool try_go(const char *group, uint64_t *ret_token)
{
    struct sluice_grant g = {0, false};
    enum sluice_status status = sluice_group_try_go(me, sluice_group_named(group), 0, &g);
    if (status != SLUICE_OK)
        is(status, SLUICE_WOULD_BLOCK);
    *ret_token = g.token;
    return status == SLUICE_OK;
}

static uint64_t go_task(const char *group)
{
    uint64_t token;
    assert_true(try_go(group, &token));
    return token;
}

static void end_task(const char *group, uint64_t token, const char *error)
{
    is(sluice_group_done(me, sluice_group_named(group), token, error), SLUICE_OK);
}

/* The outcome of a Wait: the first error, or NULL. */
static void outcome_is(struct sluice_outcome *outcome, const char *error)
{
    assert_int_equal(outcome->failed, error != NULL);
    if (error)
        assert_string_equal(outcome->item.value.bytes.data, error);
    sluice_item_free(&outcome->item);
}

static void wait_is(const char *group, const char *error)
{
    struct sluice_outcome outcome;
    is(sluice_group_wait(me, sluice_group_named(group), NULL, &outcome), SLUICE_OK);
    outcome_is(&outcome, error);
}

static void c130_eg_sticky_error(void **state)
{
    (void)state;
    static const char *const e1 = "errgroup_test: 1", *const e2 = "errgroup_test: 2";
    const char *const lists[][3] = {{NULL, NULL, NULL}, {e1, NULL, NULL}, {e1, NULL, e2}, {NULL, e2, e1}};
    wait_is(new_group(-1, (sluice_ctx)SLUICE_NIL), NULL);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const char *g = new_group(-1, (sluice_ctx)SLUICE_NIL), *first = NULL;
        for (int k = 0; k < 3; k++) {
            end_task(g, go_task(g), lists[i][k]);
            first = first ? first : lists[i][k];
            wait_is(g, first);
            wait_is(g, first);
        }
    }
}

static void c131_eg_context(void **state)
{
    (void)state;
    sluice_group g;
    sluice_ctx c;
    struct sluice_grant a, b;
    struct sluice_outcome outcome;
    /* success: done after Wait */
    is(sluice_group_with_ctx(me, background(), &g, &c), SLUICE_OK);
    is(sluice_group_go(me, g, 0, NULL, &a), SLUICE_OK);
    is(sluice_group_done(me, g, a.token, NULL), SLUICE_OK);
    alive(c);
    is(sluice_group_wait(me, g, NULL, &outcome), SLUICE_OK);
    outcome_is(&outcome, NULL);
    canceled(c);
    /* nothing to wait for */
    is(sluice_group_with_ctx(me, background(), &g, &c), SLUICE_OK);
    is(sluice_group_wait(me, g, NULL, &outcome), SLUICE_OK);
    outcome_is(&outcome, NULL);
    canceled(c);
    /* failure: done before the other tasks end, and the later error changes nothing */
    is(sluice_group_with_ctx(me, background(), &g, &c), SLUICE_OK);
    is(sluice_group_go(me, g, 0, NULL, &a), SLUICE_OK);
    is(sluice_group_go(me, g, 0, NULL, &b), SLUICE_OK);
    is(sluice_group_done(me, g, a.token, "errgroup_test: 1"), SLUICE_OK);
    ended(c, SLUICE_CANCELED, "errgroup_test: 1");
    is(sluice_group_wait(me, g, sluice_no_wait(), &outcome), SLUICE_WOULD_BLOCK);
    is(sluice_group_done(me, g, b.token, "errgroup_test: 2"), SLUICE_OK);
    is(sluice_group_wait(me, g, NULL, &outcome), SLUICE_OK);
    outcome_is(&outcome, "errgroup_test: 1");
    ended(c, SLUICE_CANCELED, "errgroup_test: 1");
    /* the parent ends it, too */
    sluice_ctx parent = with_cancel(background());
    is(sluice_group_with_ctx(me, parent, &g, &c), SLUICE_OK);
    cancel(parent, "the parent's");
    ended(c, SLUICE_CANCELED, "the parent's");
    is(sluice_group_go(me, g, 0, NULL, &a), SLUICE_OK); /* tasks start after it all the same */
    is(sluice_group_done(me, g, a.token, NULL), SLUICE_OK);
}

static void run_group_wait(struct task *t)
{
    struct sluice_outcome outcome;
    t->status = sluice_group_wait(t->s, sluice_group_named(t->a), NULL, &outcome);
    if (t->status == SLUICE_OK) {
        t->got = outcome.failed;
        sluice_item_free(&outcome.item);
    }
}

static struct task *go_group_wait(const char *group)
{
    struct task *t = task_new(run_group_wait);
    t->a = group;
    return task_start(t);
}

/* times tasks, one after the other; data: how many are active, value: how many may be. */
static void run_tasks(struct task *t)
{
    sluice_group g = sluice_group_named(t->a);
    struct sluice_grant grant;
    for (int64_t i = 0; t->status == SLUICE_OK && i < t->times; i++) {
        t->status = sluice_group_go(t->s, g, 0, NULL, &grant);
        if (t->status != SLUICE_OK)
            break;
        t->got += atomic_fetch_add((atomic_int *)t->data, 1) >= t->value;
        atomic_fetch_sub((atomic_int *)t->data, 1);
        t->status = sluice_group_done(t->s, g, grant.token, NULL);
    }
}

static void never_more_active(int64_t limit, int callers)
{
    const char *g = new_group(limit, (sluice_ctx)SLUICE_NIL);
    struct task *t[16];
    atomic_int active = 0;
    for (int i = 0; i < callers; i++) {
        t[i] = task_new(run_tasks);
        t[i]->a = g;
        t[i]->data = &active;
        t[i]->value = limit;
        t[i]->times = ROUNDS / callers + 1;
        task_start(t[i]);
    }
    for (int i = 0; i < callers; i++) {
        is(join(t[i]), SLUICE_OK);
        assert_int_equal(t[i]->got, 0);
        task_forget(t[i]);
    }
    wait_is(g, NULL);
}

static void limit_is(const char *group, int64_t limit)
{
    is(sluice_group_set_limit(me, sluice_group_named(group), limit), SLUICE_OK);
}

static void c132_eg_limits(void **state)
{
    (void)state;
    enum { LIMIT = 42 };
    const char *g = new_group(LIMIT, (sluice_ctx)SLUICE_NIL);
    uint64_t tokens[LIMIT], none;
    for (int i = 0; i < LIMIT; i++)
        tokens[i] = go_task(g);
    assert_false(try_go(g, &none));
    struct task *waits = go_group_wait(g);
    for (int i = 0; i < LIMIT; i++) {
        settle(1);
        end_task(g, tokens[i], NULL);
    }
    is(join(waits), SLUICE_OK);
    end_task(g, go_task(g), NULL);
    wait_is(g, NULL);
    limit_is(g, 1);
    tokens[0] = go_task(g);
    assert_false(try_go(g, &none));
    is(sluice_group_set_limit(me, sluice_group_named(g), 2), SLUICE_MISUSE);
    says("errgroup: modify limit while 1 goroutines in the group are still active");
    assert_false(try_go(g, &none)); /* it changed nothing */
    end_task(g, tokens[0], NULL);
    wait_is(g, NULL);
    limit_is(g, 0);
    for (int i = 0; i < ROUNDS; i++)
        assert_false(try_go(g, &none));
    wait_is(g, NULL);
    limit_is(g, -1);
    tokens[0] = go_task(g);
    tokens[1] = go_task(g);
    is(sluice_group_set_limit(me, sluice_group_named(g), 1), SLUICE_MISUSE); /* Go hangs here */
    says("errgroup: modify limit while 2 goroutines in the group are still active");
    end_task(g, tokens[1], NULL);
    end_task(g, tokens[0], NULL);
    never_more_active(10, 16);
    never_more_active(1, 4);
}

/* ---- singleflight ---- */

static const char *new_flight(bool poison)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_flight_spec spec = SLUICE_FLIGHT_SPEC_INIT;
    sluice_flight made;
    how.name = fresh("f");
    spec.poison = poison;
    is(sluice_flight_make_with(me, &how, &spec, &made, NULL), SLUICE_OK);
    return how.name;
}

/* What the function under test does, and how often it has. */
struct work {
    sluice *s;
    const char *hold; /* a channel it waits on, or NULL */
    const char *text;
    bool fails;
    atomic_int *runs;
};

static bool work(void *argument, struct sluice_value *ret_value)
{
    struct work *w = argument;
    int64_t unused;
    atomic_fetch_add(w->runs, 1);
    if (w->hold)
        (void)take_on(w->s, w->hold, &unused);
    *ret_value = sluice_str(w->text);
    return !w->fails;
}

/* a: the flight; data: the work. message: what came of it; list: failed, shared. */
static void run_do(struct task *t)
{
    struct work w = *(struct work *)t->data;
    struct sluice_outcome outcome;
    w.s = t->s;
    t->status = sluice_flight_do(t->s, sluice_flight_named(t->a), "key", work, &w, NULL, &outcome);
    if (t->status != SLUICE_OK)
        return;
    t->list[0] = outcome.failed;
    t->list[1] = outcome.shared;
    snprintf(t->message, sizeof t->message, "%s", (const char *)outcome.item.value.bytes.data);
    sluice_item_free(&outcome.item);
}

static struct task *go_do(const char *flight, struct work *w)
{
    struct task *t = task_new(run_do);
    t->a = flight;
    t->data = w;
    return task_start(t);
}

static void did(struct task *t, const char *text, bool failed, bool shared)
{
    is(join(t), SLUICE_OK);
    assert_string_equal(t->message, text);
    assert_int_equal(t->list[0], failed);
    assert_int_equal(t->list[1], shared);
}

static void run_do_rounds(struct task *t)
{
    for (int i = 0; t->status == SLUICE_OK && i < ROUNDS; i++) {
        run_do(t);
        t->got += t->list[1];
    }
}

static void c133_sf_basic(void **state)
{
    (void)state;
    enum { TASKS = 10 };
    atomic_int runs = 0;
    const char *f = new_flight(false);
    struct work alone = {me, NULL, "bar", false, &runs}, fails = {me, NULL, "Some error", true, &runs};
    did(go_do(f, &alone), "bar", false, false);
    did(go_do(f, &fails), "Some error", true, false);
    assert_int_equal(atomic_load(&runs), 2); /* nothing was kept */
    /* ten at a time share one run */
    struct work held = {me, chan(0), "shared", false, &runs};
    struct task *t[TASKS];
    for (int i = 0; i < TASKS; i++)
        t[i] = go_do(f, &held);
    settle(TASKS);
    assert_int_equal(atomic_load(&runs), 3);
    put(held.hold, 1);
    for (int i = 0; i < TASKS; i++)
        did(t[i], "shared", false, true);
    assert_int_equal(atomic_load(&runs), 3);
    did(go_do(f, &alone), "bar", false, false);
    assert_int_equal(atomic_load(&runs), 4);
    /* a thousand times as it comes: who shares has not run, and every call has an outcome */
    atomic_store(&runs, 0);
    for (int i = 0; i < 4; i++) {
        t[i] = task_new(run_do_rounds);
        t[i]->a = f;
        t[i]->data = &alone;
        task_start(t[i]);
    }
    int64_t shared = 0;
    for (int i = 0; i < 4; i++) {
        is(join(t[i]), SLUICE_OK);
        shared += t[i]->got;
    }
    assert_in_range(atomic_load(&runs), 1, 4 * ROUNDS);
    assert_true(4 * ROUNDS - atomic_load(&runs) <= shared);
}

static void c133_sf_dochan_and_forget(void **state)
{
    (void)state;
    const char *f = new_flight(false);
    sluice_flight flight = sluice_flight_named(f);
    struct sluice_grant old, new;
    struct sluice_outcome outcome;
    struct sluice_result result;
    sluice_future *joined, *later;
    bool there, shared;
    is(sluice_flight_begin(me, flight, "key", 0, NULL, &old, &outcome), SLUICE_OK);
    is(sluice_flight_begin_start(me, flight, "key", 0, NULL, &joined), SLUICE_OK);
    is(sluice_flight_forget(me, flight, "key", &there), SLUICE_OK);
    assert_true(there);
    is(sluice_flight_forget(me, flight, "key", &there), SLUICE_OK);
    assert_false(there);
    is(sluice_flight_begin(me, flight, "key", 0, NULL, &new, &outcome), SLUICE_OK);
    assert_true(new.token > old.token);
    is(sluice_flight_begin_start(me, flight, "key", 0, NULL, &later), SLUICE_OK);
    /* the old flight ends for who had joined it, and not the newer one */
    is(sluice_flight_end(me, flight, old.token, false, sluice_int(1), &shared), SLUICE_OK);
    assert_true(shared);
    is(sluice_future_finish(joined, &result), SLUICE_OK);
    assert_int_equal(result.item.value.integer, 1);
    assert_true(result.shared);
    sluice_item_free(&result.item);
    is(sluice_flight_begin(me, flight, "key", 0, sluice_no_wait(), &old, &outcome), SLUICE_WOULD_BLOCK);
    is(sluice_flight_end(me, flight, new.token, false, sluice_int(2), &shared), SLUICE_OK);
    assert_true(shared);
    is(sluice_future_finish(later, &result), SLUICE_OK);
    assert_int_equal(result.item.value.integer, 2);
    sluice_item_free(&result.item);
}

/* The runner goes without a word, as by Goexit. */
static void child_vanishes(sluice *s, void *data)
{
    const struct work *w = data;
    struct sluice_grant g;
    struct sluice_outcome outcome;
    int64_t unused;
    if (sluice_flight_begin(s, sluice_flight_named(w->text), "key", 0, NULL, &g, &outcome) == SLUICE_OK)
        (void)take_on(s, w->hold, &unused);
}

static void runner_vanishes(bool poison)
{
    enum { CALLERS = 5 };
    atomic_int runs = 0;
    const char *f = new_flight(poison);
    struct work vanish = {me, chan(0), f, false, &runs}, w = {me, NULL, "mine", false, &runs};
    pid_t pid = spawn(child_vanishes, &vanish);
    settle(1);
    struct task *t[CALLERS];
    for (uint64_t i = 0; i < CALLERS; i++) {
        t[i] = go_do(f, &w);
        settle(2 + i);
    }
    put(vanish.hold, 1);
    collect(pid);
    for (int i = 0; i < CALLERS; i++)
        if (poison)
            is(join(t[i]), SLUICE_OWNER_DIED);
        else
            did(t[i], "mine", false, true);
    assert_int_equal(atomic_load(&runs), !poison);
    /* the key is free again */
    did(go_do(f, &w), "mine", false, false);
}

static void c136_sf_failure(void **state)
{
    (void)state;
    enum { CALLERS = 5 };
    atomic_int runs = 0;
    const char *f = new_flight(false);
    struct work panics = {me, chan(0), "invalid memory address or nil pointer dereference", true, &runs},
                well = {me, NULL, "well", false, &runs};
    struct task *t[CALLERS];
    for (int i = 0; i < CALLERS; i++)
        t[i] = go_do(f, &panics);
    settle(CALLERS);
    put(panics.hold, 1);
    for (int i = 0; i < CALLERS; i++)
        did(t[i], panics.text, true, true);
    assert_int_equal(atomic_load(&runs), 1);
    did(go_do(f, &well), "well", false, false);
    runner_vanishes(false);
    runner_vanishes(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c130_eg_sticky_error), CASE(c131_eg_context),           CASE(c132_eg_limits),
        CASE(c133_sf_basic),        CASE(c133_sf_dochan_and_forget), CASE(c136_sf_failure),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

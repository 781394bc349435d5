/*
 * actor_test.c - actors against the real daemon: owners, calls, checkpoints, and owners that are killed.
 *
 * One session plays all parts but that of the owner who dies. Who waits is a future, which is known to wait once a later call has
 * returned.
 */
#include <signal.h>

#include "stage.h"

static sluice_actor actor_of(const char *name, bool fail)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_actor_spec spec = SLUICE_ACTOR_SPEC_INIT;
    sluice_actor a;
    how.name = name;
    spec.fail = fail;
    assert_status(sluice_actor_make_with(s, &how, &spec, &a, NULL), SLUICE_OK);
    return a;
}

static uint64_t own(sluice_actor a)
{
    struct sluice_owner o;
    assert_status(sluice_actor_own(s, a, 0, NULL, &o), SLUICE_OK);
    sluice_item_free(&o.item);
    assert_true(o.token != 0);
    return o.token;
}

static sluice_future *call_later(sluice_actor a, const char *text)
{
    sluice_future *f;
    return parked(sluice_actor_call_start(s, a, sluice_text(text), NULL, &f), &f);
}

static struct sluice_job serve(sluice_actor a, uint64_t token, const char *text)
{
    struct sluice_job job;
    assert_status(sluice_actor_serve(s, a, token, NULL, &job), SLUICE_OK);
    assert_string_equal(job.item.value.bytes.data, text);
    struct sluice_job numbers = job;
    sluice_job_free(&job);
    numbers.item = job.item;
    numbers.memory = NULL;
    return numbers;
}

static void answer(sluice_actor a, uint64_t token, uint64_t number, const char *text)
{
    bool taken = false;
    assert_status(sluice_actor_reply(s, a, token, number, false, sluice_text(text), &taken), SLUICE_OK);
    assert_true(taken);
}

static void expect_answer(sluice_future *f, const char *text, uint64_t epoch)
{
    struct sluice_result r = finished(f);
    assert_true(!r.failed && r.epoch == epoch);
    assert_string_equal(text_of(&r.item), text);
}

static void test_making(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_actor_spec spec = SLUICE_ACTOR_SPEC_INIT;
    struct sluice_made made;
    sluice_actor a, again;
    how.name = "a/1";
    assert_status(sluice_actor_open(s, "a/1", 0, &a), SLUICE_NOT_FOUND);
    assert_status(sluice_actor_make_with(s, &how, &spec, &a, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_ACTOR);
    assert_status(sluice_actor_make(s, "a/1", &again), SLUICE_OK);
    assert_status(sluice_actor_open(s, "a/1", 0, &again), SLUICE_OK);
    spec.fail = true;
    assert_status(sluice_actor_make_with(s, &how, &spec, &again, NULL), SLUICE_MISMATCH);
    assert_status(sluice_mutex_open(s, "a/1", 0, &(sluice_mutex){again.ref}), SLUICE_WRONG_KIND);
    spec.size = 3;
    assert_status(sluice_actor_make_with(s, &how, &spec, &again, NULL), SLUICE_INVALID);
}

static void test_calls_in_order(void **state)
{
    (void)state;
    struct sluice_description *d;
    struct sluice_outcome out;
    struct sluice_job job;
    sluice_actor a = actor_of(NULL, false);
    sluice_future *first = call_later(a, "1"), *second = call_later(a, "2");
    uint64_t token = own(a);
    assert_status(sluice_describe(s, a.ref, &d), SLUICE_OK);
    assert_true(d->kind == SLUICE_KIND_ACTOR && d->hold.holds == 1 && d->hold.token == token);
    assert_true(d->actor.epoch == 1 && d->actor.calls == 2 && d->actor.served == 0 && !d->actor.serving);
    sluice_description_free(d);
    job = serve(a, token, "1");
    assert_true(job.deliveries == 1 && job.epoch == 1 && job.caller != 0 && job.token == 0);
    assert_string_equal(job.function, "");
    struct sluice_job other;
    assert_status(sluice_actor_serve(s, a, token, NULL, &other), SLUICE_MISUSE);
    assert_status(sluice_actor_reply(s, a, token, job.number + 1, false, sluice_none(), NULL),
                  SLUICE_INVALID);
    answer(a, token, job.number, "one");
    expect_answer(first, "one", 1);
    job = serve(a, token, "2");
    bool taken = false;
    assert_status(sluice_actor_reply(s, a, token, job.number, true, sluice_int(5), &taken), SLUICE_OK);
    assert_true(taken);
    struct sluice_result r = finished(second);
    assert_true(r.failed && r.item.value.integer == 5);
    assert_status(sluice_actor_serve(s, a, token, sluice_no_wait(), &other), SLUICE_WOULD_BLOCK);
    assert_status(sluice_actor_call(s, a, sluice_text("3"), sluice_no_wait(), &out), SLUICE_WOULD_BLOCK);
    assert_status(sluice_actor_call(s, a, sluice_none(), NULL, &out), SLUICE_INVALID);
    assert_status(sluice_actor_call(s, a, sluice_object(a.ref, 0), NULL, &out), SLUICE_INVALID);
    assert_status(sluice_actor_serve(s, a, token + 100, NULL, &other), SLUICE_STALE_TOKEN);
}

/* A caller that leaves while it is served is told to nobody but the owner. */
static void test_caller_leaves(void **state)
{
    (void)state;
    sluice_actor a = actor_of(NULL, false);
    uint64_t token = own(a);
    sluice_future *f = call_later(a, "x"), *g = call_later(a, "y");
    struct sluice_job job = serve(a, token, "x");
    sluice_future_cancel(f);
    sluice_future_cancel(g);
    assert_status(sluice_future_finish(f, NULL), SLUICE_CANCELED);
    assert_status(sluice_future_finish(g, NULL), SLUICE_CANCELED);
    bool taken = true;
    assert_status(sluice_actor_reply(s, a, token, job.number, false, sluice_text("no"), &taken), SLUICE_OK);
    assert_false(taken);
    assert_status(sluice_actor_serve(s, a, token, sluice_no_wait(), &job), SLUICE_WOULD_BLOCK);
}

static void test_checkpoints(void **state)
{
    (void)state;
    struct sluice_owner o;
    sluice_future *f;
    sluice_actor a = actor_of(NULL, false);
    uint64_t token = own(a);
    assert_status(sluice_actor_checkpoint(s, a, token, sluice_json("{\"n\":1}")), SLUICE_OK);
    parked(sluice_actor_own_start(s, a, 0, NULL, &f), &f);
    assert_status(sluice_actor_resign(s, a, token, sluice_none()), SLUICE_OK);
    struct sluice_result r = finished(f);
    assert_true(r.grant.token > token && !r.grant.owner_died && r.epoch == 2);
    assert_int_equal(r.item.value.type, SLUICE_TYPE_JSON);
    assert_string_equal(text_of(&r.item), "{\"n\":1}");
    assert_status(sluice_actor_checkpoint(s, a, token, sluice_text("late")), SLUICE_STALE_TOKEN);
    assert_status(sluice_actor_resign(s, a, r.grant.token, sluice_text("last")), SLUICE_OK);
    assert_status(sluice_actor_own(s, a, 0, NULL, &o), SLUICE_OK);
    assert_true(o.epoch == 3 && !o.owner_died);
    assert_string_equal(text_of(&o.item), "last");
    assert_status(sluice_actor_own(s, a, 0, sluice_no_wait(), &o), SLUICE_WOULD_BLOCK);
    struct sluice_description *d;
    assert_status(sluice_describe(s, a.ref, &d), SLUICE_OK);
    assert_string_equal(d->hold.said.bytes.data, "last");
    sluice_description_free(d);
}

/* An owner that does not stop to wait: the checkpoint and the reply, one behind the other. */
static void test_owner_does_not_wait(void **state)
{
    (void)state;
    sluice_future *kept, *told, *again;
    struct sluice_description *d;
    sluice_actor a = actor_of(NULL, false);
    uint64_t token = own(a);
    sluice_future *c = call_later(a, "q");
    struct sluice_job job = serve(a, token, "q");
    assert_status(sluice_actor_checkpoint_start(s, a, token, sluice_text("at q"), &kept), SLUICE_OK);
    assert_status(sluice_actor_reply_start(s, a, token, job.number, true, sluice_text("no"), &told),
                  SLUICE_OK);
    assert_status(sluice_actor_reply_start(s, a, token, job.number, true, sluice_text("no"), &again),
                  SLUICE_OK);
    finished(kept);
    finished(told);
    assert_status(sluice_future_finish(again, NULL), SLUICE_INVALID);
    struct sluice_result r = finished(c);
    assert_true(r.failed && r.epoch == 1);
    assert_string_equal(text_of(&r.item), "no");
    assert_status(sluice_describe(s, a.ref, &d), SLUICE_OK);
    assert_string_equal(d->hold.said.bytes.data, "at q");
    assert_false(d->actor.fail);
    sluice_description_free(d);
}

static void test_arms(void **state)
{
    (void)state;
    struct sluice_grant g = {0, true};
    struct sluice_item item;
    struct sluice_job job;
    sluice_future *f;
    uint64_t epoch = 0;
    int index;
    bool failed = true;
    sluice_actor a = actor_of(NULL, false);
    const struct sluice_arm own_arm[] = {sluice_arm_own(a, 0, &g, &epoch)};
    assert_status(sluice_select(s, own_arm, 1, NULL, &index, &item), SLUICE_OK);
    assert_true(g.token != 0 && !g.owner_died && epoch == 1);
    const struct sluice_arm call_arm[] = {sluice_arm_call(a, sluice_text("q"), &failed, &epoch),
                                          sluice_arm_after(SLUICE_SECOND)};
    parked(sluice_select_start(s, call_arm, 2, NULL, &f), &f);
    const struct sluice_arm serve_arm[] = {sluice_arm_serve(a, g.token, &job), sluice_arm_default()};
    assert_status(sluice_select(s, serve_arm, 2, NULL, &index, &item), SLUICE_OK);
    assert_true(index == 0 && job.number != 0 && job.deliveries == 1);
    assert_string_equal(text_of(&item), "q");
    answer(a, g.token, job.number, "r");
    sluice_job_free(&job);
    struct sluice_result r = finished(f);
    assert_true(r.index == 0 && r.epoch == 1 && !r.failed);
    assert_string_equal(text_of(&r.item), "r");
    assert_status(sluice_actor_serve_start(s, a, g.token, NULL, &f), SLUICE_OK);
    sluice_future *c = call_later(a, "z");
    r = finished(f);
    assert_true(r.job.number != 0 && r.job.caller != 0);
    assert_string_equal(text_of(&r.item), "z");
    answer(a, g.token, r.job.number, "y");
    sluice_job_free(&r.job);
    expect_answer(c, "y", 1);
}

/* ---- Owners that die. */

static uint64_t own_serve_and_stay(sluice *own_s)
{
    struct sluice_owner o;
    struct sluice_job job;
    sluice_actor a = sluice_actor_named("bank");
    if (sluice_actor_own(own_s, a, 0, NULL, &o) != SLUICE_OK ||
        sluice_actor_checkpoint(own_s, a, o.token, sluice_int(41)) != SLUICE_OK)
        return 0;
    return sluice_actor_serve(own_s, a, o.token, NULL, &job) == SLUICE_OK ? o.token : 0;
}

static void test_owner_is_killed(void **state)
{
    (void)state;
    struct sluice_owner o;
    struct sluice_job job;
    sluice_actor a = actor_of("bank", false);
    sluice_future *first = call_later(a, "half done"), *second = call_later(a, "next");
    struct child c = child_start(&stage, own_serve_and_stay);
    child_kill(&c);
    assert_status(sluice_actor_own(s, a, 0, NULL, &o), SLUICE_OK);
    assert_true(o.token > c.number && o.owner_died && o.epoch == 2);
    assert_int_equal(o.item.value.integer, 41);
    job = serve(a, o.token, "half done");
    assert_int_equal(job.deliveries, 2);
    assert_status(sluice_actor_reply(s, a, c.number, job.number, false, sluice_text("ghost"), NULL),
                  SLUICE_STALE_TOKEN);
    answer(a, o.token, job.number, "done");
    expect_answer(first, "done", 2);
    job = serve(a, o.token, "next");
    assert_int_equal(job.deliveries, 1);
    answer(a, o.token, job.number, "done too");
    expect_answer(second, "done too", 2);
    assert_status(sluice_remove(s, a.ref), SLUICE_OK);
}

static void test_calls_fail_with_their_owner(void **state)
{
    (void)state;
    sluice_actor a = actor_of("bank", true);
    sluice_future *first = call_later(a, "x"), *second = call_later(a, "y");
    struct child c = child_start(&stage, own_serve_and_stay);
    child_kill(&c);
    assert_status(sluice_future_finish(first, NULL), SLUICE_OWNER_DIED);
    assert_status(sluice_future_finish(second, NULL), SLUICE_OWNER_DIED);
    assert_status(sluice_remove(s, a.ref), SLUICE_OK);
}

static void test_ttl_and_removal(void **state)
{
    (void)state;
    struct sluice_owner o;
    sluice_future *f;
    sluice_actor a = actor_of(NULL, false);
    assert_status(sluice_actor_own(s, a, SLUICE_SECOND, NULL, &o), SLUICE_OK);
    parked(sluice_actor_serve_start(s, a, o.token, NULL, &f), &f);
    advance(SLUICE_SECOND);
    assert_status(sluice_future_finish(f, NULL), SLUICE_STALE_TOKEN);
    assert_status(sluice_actor_own(s, a, 0, NULL, &o), SLUICE_OK);
    assert_true(o.owner_died && o.epoch == 2);
    f = call_later(a, "x");
    assert_status(sluice_remove(s, a.ref), SLUICE_OK);
    assert_status(sluice_future_finish(f, NULL), SLUICE_REMOVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_making),
        cmocka_unit_test(test_calls_in_order),
        cmocka_unit_test(test_caller_leaves),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_owner_does_not_wait),
        cmocka_unit_test(test_arms),
        cmocka_unit_test(test_owner_is_killed),
        cmocka_unit_test(test_ttl_and_removal),
        cmocka_unit_test(test_calls_fail_with_their_owner),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

/*
 * once_test.c - onces against the real daemon: who runs, what the others get, and runners that are killed.
 *
 * Who waits is a future, as in lock_test.c; only sluice_once_do, which is made of several requests, is tried with threads.
 */
#include <signal.h>
#include <stdatomic.h>

#include "case.h"
#include "child.h"
#include "served.h"

static struct served daemon_;
static sluice *s;

static int start(void **state)
{
    static const char *const options[] = {"--virtual-clock", NULL};
    (void)state;
    daemon_ = served_start("once", options);
    s = served_open(&daemon_);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    sluice_close(s);
    served_end(&daemon_, SIGTERM);
    return 0;
}

static sluice_once anonymous(void)
{
    sluice_once o;
    assert_status(sluice_once_make(s, NULL, &o), SLUICE_OK);
    return o;
}

static struct sluice_grant begin(sluice_once o)
{
    struct sluice_grant g;
    struct sluice_outcome out;
    assert_status(sluice_once_begin(s, o, 0, NULL, &g, &out), SLUICE_OK);
    assert_true(g.token != 0);
    return g;
}

/* Its outcome, had by beginning. */
static void expect_outcome(sluice_once o, bool failed, const char *text)
{
    struct sluice_grant g = {1, true};
    struct sluice_outcome out;
    assert_status(sluice_once_begin(s, o, 0, NULL, &g, &out), SLUICE_OK);
    assert_true(g.token == 0 && !g.owner_died);
    assert_int_equal(out.failed, failed);
    assert_string_equal(out.item.value.bytes.data, text);
    sluice_item_free(&out.item);
    assert_status(sluice_once_wait(s, o, sluice_no_wait(), &out), SLUICE_OK);
    assert_int_equal(out.failed, failed);
    assert_string_equal(out.item.value.bytes.data, text);
    sluice_item_free(&out.item);
}

static sluice_future *begin_later(sluice_once o)
{
    sluice_future *f;
    assert_status(sluice_once_begin_start(s, o, 0, NULL, &f), SLUICE_OK);
    sluice_flush(s);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_false(sluice_future_done(f));
    return f;
}

static void test_once(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_once_spec spec = SLUICE_ONCE_SPEC_INIT;
    struct sluice_made made;
    struct sluice_description *d;
    struct sluice_outcome out;
    struct sluice_result r;
    sluice_future *wait;
    sluice_once o, again;
    how.name = "o/1";
    assert_status(sluice_once_make_with(s, &how, &spec, &o, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_ONCE);
    assert_status(sluice_once_make(s, "o/1", &again), SLUICE_OK);
    spec.poison = true;
    assert_status(sluice_once_make_with(s, &how, &spec, &again, NULL), SLUICE_MISMATCH);
    assert_status(sluice_once_open(s, "o/1", 0, &again), SLUICE_OK);
    assert_status(sluice_once_wait(s, o, sluice_no_wait(), &out), SLUICE_WOULD_BLOCK);
    struct sluice_grant g = begin(o);
    assert_false(g.owner_died);
    sluice_future *f = begin_later(again);
    assert_status(sluice_once_wait_start(s, o, NULL, &wait), SLUICE_OK);
    assert_status(sluice_once_end(s, o, g.token + 1, false, sluice_none()), SLUICE_STALE_TOKEN);
    assert_status(sluice_once_end(s, o, g.token, false, sluice_str("the value")), SLUICE_OK);
    assert_status(sluice_once_end(s, o, g.token, true, sluice_none()), SLUICE_STALE_TOKEN);
    assert_status(sluice_future_finish(f, &r), SLUICE_OK);
    assert_true(r.grant.token == 0 && !r.failed);
    assert_string_equal(r.item.value.bytes.data, "the value");
    sluice_item_free(&r.item);
    assert_status(sluice_future_finish(wait, &r), SLUICE_OK);
    assert_string_equal(r.item.value.bytes.data, "the value");
    sluice_item_free(&r.item);
    expect_outcome(o, false, "the value");
    assert_status(sluice_describe(s, o.ref, &d), SLUICE_OK);
    assert_true(d->kind == SLUICE_KIND_ONCE && d->hold.done && d->hold.holds == 0 && !d->hold.owner_died);
    sluice_description_free(d);
}

static void test_values(void **state)
{
    (void)state;
    struct sluice_outcome out;
    sluice_once o = anonymous();
    assert_status(sluice_once_end(s, o, begin(o).token, true, sluice_json("{\"why\":1}")), SLUICE_OK);
    expect_outcome(o, true, "{\"why\":1}");
    o = anonymous();
    assert_status(sluice_once_end(s, o, begin(o).token, false, sluice_int(-7)), SLUICE_OK);
    assert_status(sluice_once_wait(s, o, NULL, &out), SLUICE_OK);
    assert_true(out.item.value.type == SLUICE_TYPE_INT64 && out.item.value.integer == -7);
    o = anonymous();
    assert_status(sluice_once_end(s, o, begin(o).token, false, sluice_none()), SLUICE_OK);
    assert_status(sluice_once_wait(s, o, NULL, &out), SLUICE_OK);
    assert_true(out.item.value.type == SLUICE_TYPE_NONE && !out.failed);
    char large[5000];
    memset(large, 'x', sizeof large);
    o = anonymous();
    assert_status(sluice_once_end(s, o, begin(o).token, false, sluice_bytes(large, sizeof large)), SLUICE_OK);
    assert_status(sluice_once_wait(s, o, NULL, &out), SLUICE_OK);
    assert_int_equal(out.item.value.bytes.size, sizeof large);
    assert_memory_equal(out.item.value.bytes.data, large, sizeof large);
    sluice_item_free(&out.item);
}

/* ---- Do. */

struct job {
    sluice_once once;
    atomic_int runs;
    bool well;
    struct sluice_value value;
};

static bool run_job(void *argument, struct sluice_value *ret_value)
{
    struct job *j = argument;
    atomic_fetch_add(&j->runs, 1);
    *ret_value = j->value;
    return j->well;
}

static void *do_job(void *argument)
{
    struct job *j = argument;
    struct sluice_outcome out;
    assert_status(sluice_once_do(s, j->once, run_job, j, NULL, &out), SLUICE_OK);
    assert_string_equal(out.item.value.bytes.data, "x");
    assert_int_equal(out.failed, !j->well);
    sluice_item_free(&out.item);
    return NULL;
}

static void test_do(void **state)
{
    (void)state;
    for (int well = 0; well < 2; well++) {
        struct job j = {.once = anonymous(), .well = well, .value = sluice_str("x")};
        pthread_t threads[8];
        for (int i = 0; i < 8; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, do_job, &j), 0);
        for (int i = 0; i < 8; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(atomic_load(&j.runs), 1);
    }
}

/* A value that the daemon does not take fails it for all: nobody waits for ever. */
static void test_do_refused(void **state)
{
    (void)state;
    struct sluice_outcome out;
    struct job j = {.once = anonymous(), .well = true};
    j.value = sluice_object(j.once.ref, 0);
    assert_status(sluice_once_do(s, j.once, run_job, &j, NULL, &out), SLUICE_INVALID);
    char why[256];
    strncpy(why, sluice_errmsg(), sizeof why - 1);
    why[sizeof why - 1] = '\0';
    expect_outcome(j.once, true, why);
    struct sluice_session session;
    sluice_session_get(s, &session);
    char *large = calloc(1, session.payload_size_max + 1);
    assert_non_null(large);
    j.once = anonymous();
    j.value = sluice_bytes(large, session.payload_size_max + 1);
    assert_status(sluice_once_do(s, j.once, run_job, &j, NULL, &out), SLUICE_TOO_LARGE);
    assert_status(sluice_once_wait(s, j.once, sluice_no_wait(), &out), SLUICE_OK);
    assert_true(out.failed);
    sluice_item_free(&out.item);
    free(large);
}

/* ---- Runners that die. */

static uint64_t begin_and_stay(sluice *own)
{
    struct sluice_grant g;
    struct sluice_outcome out;
    return sluice_once_begin(own, sluice_once_named("setup"), 0, NULL, &g, &out) == SLUICE_OK ? g.token : 0;
}

static void test_runner_is_killed(void **state)
{
    (void)state;
    struct sluice_result r;
    sluice_once o;
    assert_status(sluice_once_make(s, "setup", &o), SLUICE_OK);
    struct child c = child_start(&daemon_, begin_and_stay);
    sluice_future *next = begin_later(o), *last = begin_later(o);
    child_kill(&c);
    assert_status(sluice_future_finish(next, &r), SLUICE_OK);
    assert_true(r.grant.token > c.number && r.grant.owner_died);
    assert_status(sluice_once_end(s, o, c.number, false, sluice_str("late")), SLUICE_STALE_TOKEN);
    assert_false(sluice_future_done(last));
    assert_status(sluice_once_end(s, o, r.grant.token, false, sluice_str("good")), SLUICE_OK);
    assert_status(sluice_future_finish(last, &r), SLUICE_OK);
    assert_string_equal(r.item.value.bytes.data, "good");
    sluice_item_free(&r.item);
    assert_status(sluice_remove(s, o.ref), SLUICE_OK);
}

static void test_poison(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_once_spec spec = SLUICE_ONCE_SPEC_INIT;
    struct sluice_description *d;
    struct sluice_outcome out;
    struct sluice_grant g;
    sluice_once o;
    how.name = "setup";
    spec.poison = true;
    assert_status(sluice_once_make_with(s, &how, &spec, &o, NULL), SLUICE_OK);
    struct child c = child_start(&daemon_, begin_and_stay);
    sluice_future *f = begin_later(o);
    child_kill(&c);
    assert_status(sluice_future_finish(f, NULL), SLUICE_OWNER_DIED);
    assert_status(sluice_once_begin(s, o, 0, NULL, &g, &out), SLUICE_OWNER_DIED);
    assert_status(sluice_once_wait(s, o, NULL, &out), SLUICE_OWNER_DIED);
    assert_status(sluice_describe(s, o.ref, &d), SLUICE_OK);
    assert_true(d->hold.done && d->hold.owner_died);
    sluice_description_free(d);
    assert_status(sluice_remove(s, o.ref), SLUICE_OK);
}

static void test_ttl_and_select(void **state)
{
    (void)state;
    struct sluice_grant g, next;
    struct sluice_item item;
    bool failed = false;
    int index;
    sluice_once o = anonymous();
    const struct sluice_arm arms[] = {sluice_arm_once(o, &failed),
                                      sluice_arm_begin(o, SLUICE_SECOND, &g, &failed)};
    assert_status(sluice_select(s, arms, 2, NULL, &index, &item), SLUICE_OK);
    assert_true(index == 1 && g.token != 0 && !g.owner_died);
    sluice_future *f = begin_later(o);
    struct sluice_result r;
    assert_status(sluice_clock_advance(s, SLUICE_SECOND, false, NULL), SLUICE_OK);
    assert_status(sluice_future_finish(f, &r), SLUICE_OK);
    next = r.grant;
    assert_true(next.owner_died && next.token > g.token);
    assert_status(sluice_once_end(s, o, g.token, false, sluice_none()), SLUICE_STALE_TOKEN);
    assert_status(sluice_once_end(s, o, next.token, true, sluice_str("no")), SLUICE_OK);
    for (unsigned seen = 0; seen != 3;) {
        failed = false;
        g.token = 1;
        assert_status(sluice_select(s, arms, 2, NULL, &index, &item), SLUICE_OK);
        assert_true(failed && (index == 0 || g.token == 0));
        assert_string_equal(item.value.bytes.data, "no");
        sluice_item_free(&item);
        seen |= 1U << index;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_do),
        cmocka_unit_test(test_do_refused),
        cmocka_unit_test(test_runner_is_killed),
        cmocka_unit_test(test_poison),
        cmocka_unit_test(test_ttl_and_select),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

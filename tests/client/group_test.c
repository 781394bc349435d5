/*
 * group_test.c - errgroups against the real daemon: limits, the first error, the context, and tasks that are killed.
 *
 * The cases of x/sync's own tests are told by their names: the zero group, the sticky error, Go and TryGo at the limit.
 */
#include "stage.h"

static sluice_group group_of(int64_t limit)
{
    sluice_group g;
    struct sluice_group_spec spec = SLUICE_GROUP_SPEC_INIT;
    spec.limit = limit;
    assert_status(sluice_group_make_with(s, NULL, &spec, &g, NULL), SLUICE_OK);
    return g;
}

static uint64_t go(sluice_group g)
{
    struct sluice_grant grant = {0, false};
    assert_status(sluice_group_go(s, g, 0, NULL, &grant), SLUICE_OK);
    assert_true(grant.token != 0);
    return grant.token;
}

static void expect(sluice_group g, const char *error)
{
    struct sluice_outcome out;
    assert_status(sluice_group_wait(s, g, NULL, &out), SLUICE_OK);
    assert_int_equal(out.failed, error != NULL);
    assert_int_equal(out.item.value.type, error != NULL ? SLUICE_TYPE_STRING : SLUICE_TYPE_NONE);
    assert_string_equal(text_of(&out.item), error != NULL ? error : "");
}

static void test_group(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_made made;
    struct sluice_outcome out;
    sluice_group g, again, nil = SLUICE_NIL;
    sluice_future *f;
    how.name = "g/1";
    assert_status(sluice_group_make_with(s, &how, NULL, &g, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_GROUP);
    assert_status(sluice_group_make(s, "g/1", &again), SLUICE_OK);
    struct sluice_group_spec limited = SLUICE_GROUP_SPEC_INIT;
    limited.limit = 3;
    assert_status(sluice_group_make_with(s, &how, &limited, &again, NULL), SLUICE_MISMATCH);
    assert_status(sluice_group_open(s, "g/1", 0, &again), SLUICE_OK);
    expect(g, NULL);
    uint64_t a = go(g), b = go(again);
    assert_status(sluice_group_wait(s, g, sluice_no_wait(), &out), SLUICE_WOULD_BLOCK);
    parked(sluice_group_wait_start(s, g, NULL, &f), &f);
    assert_status(sluice_group_done(s, g, a, NULL), SLUICE_OK);
    assert_status(sluice_group_done(s, g, a, NULL), SLUICE_STALE_TOKEN);
    assert_status(sluice_group_done(s, g, b, NULL), SLUICE_OK);
    assert_false(finished(f).failed);
    assert_status(sluice_group_go(s, nil, 0, NULL, NULL), SLUICE_INVALID);
    assert_status(sluice_group_wait(s, sluice_group_named("g/none"), NULL, &out), SLUICE_NOT_FOUND);
}

/* The first error is for ever. */
static void test_sticky_error(void **state)
{
    (void)state;
    sluice_group g = group_of(-1);
    sluice_future *f;
    assert_status(sluice_group_done(s, g, go(g), "e1"), SLUICE_OK);
    expect(g, "e1");
    assert_status(sluice_group_done(s, g, go(g), NULL), SLUICE_OK);
    expect(g, "e1");
    assert_status(sluice_group_done(s, g, go(g), "e2"), SLUICE_OK);
    expect(g, "e1");
    assert_status(sluice_group_wait_start(s, g, NULL, &f), SLUICE_OK);
    struct sluice_result r = finished(f);
    assert_true(r.failed);
    assert_string_equal(text_of(&r.item), "e1");
    struct sluice_description *d;
    assert_status(sluice_describe(s, g.ref, &d), SLUICE_OK);
    assert_true(d->kind == SLUICE_KIND_GROUP && !d->hold.has_limit);
    assert_string_equal(d->hold.said.bytes.data, "e1");
    sluice_description_free(d);
}

static void test_error_text(void **state)
{
    (void)state;
    static char long_text[5000];
    sluice_group g = group_of(-1);
    uint64_t token = go(g);
    memset(long_text, 'x', sizeof long_text - 1);
    assert_status(sluice_group_done(s, g, token, "\xff"), SLUICE_INVALID);
    assert_int_not_equal(sluice_group_done(s, g, token, long_text), SLUICE_OK);
    assert_status(sluice_group_done(s, g, token, ""), SLUICE_OK);
    expect(g, "");
}

static void test_limit(void **state)
{
    (void)state;
    sluice_group g = group_of(2);
    struct sluice_grant grant;
    sluice_future *f;
    uint64_t a = go(g), b = go(g);
    assert_status(sluice_group_try_go(s, g, 0, &grant), SLUICE_WOULD_BLOCK);
    assert_status(sluice_group_set_limit(s, g, 5), SLUICE_MISUSE);
    assert_string_equal(sluice_errmsg(),
                        "errgroup: modify limit while 2 goroutines in the group are still active");
    parked(sluice_group_go_start(s, g, 0, NULL, &f), &f);
    assert_status(sluice_group_done(s, g, a, NULL), SLUICE_OK);
    a = granted(f).token;
    assert_status(sluice_group_try_go(s, g, 0, &grant), SLUICE_WOULD_BLOCK);
    assert_status(sluice_group_done(s, g, a, NULL), SLUICE_OK);
    assert_status(sluice_group_done(s, g, b, NULL), SLUICE_OK);
    assert_status(sluice_group_set_limit(s, g, 0), SLUICE_OK);
    assert_status(sluice_group_try_go(s, g, 0, &grant), SLUICE_WOULD_BLOCK);
    assert_status(sluice_group_set_limit(s, g, 1), SLUICE_OK);
    assert_status(sluice_group_try_go(s, g, SLUICE_SECOND, &grant), SLUICE_OK);
    assert_status(sluice_group_try_go(s, g, 0, &grant), SLUICE_WOULD_BLOCK);
    struct sluice_description *d;
    assert_status(sluice_describe(s, g.ref, &d), SLUICE_OK);
    assert_true(d->hold.has_limit && d->hold.size == 1 && d->hold.holds == 1);
    sluice_description_free(d);
    advance(SLUICE_SECOND);
    expect(g, "owner died");
    assert_status(sluice_group_set_limit(s, g, -1), SLUICE_OK);
    for (int i = 0; i < 50; i++)
        assert_status(sluice_group_done(s, g, go(g), NULL), SLUICE_OK);
}

static void expect_cause(sluice_ctx ctx, const char *text)
{
    char *cause;
    assert_status(sluice_ctx_cause(s, ctx, &cause), SLUICE_OK);
    if (text == NULL) {
        assert_null(cause);
    } else {
        assert_non_null(cause);
        assert_string_equal(cause, text);
    }
    sluice_free(cause);
}

/* errgroup.WithContext: the first error cancels, and so does the end of a wait. */
static void test_context(void **state)
{
    (void)state;
    sluice_group g;
    sluice_ctx background, ctx;
    assert_status(sluice_ctx_background(s, &background), SLUICE_OK);
    assert_status(sluice_group_with_ctx(s, background, &g, &ctx), SLUICE_OK);
    uint64_t a = go(g), b = go(g);
    expect_cause(ctx, NULL);
    assert_status(sluice_group_done(s, g, a, "it broke"), SLUICE_OK);
    expect_cause(ctx, "it broke");
    assert_status(sluice_group_done(s, g, b, "this too"), SLUICE_OK);
    expect(g, "it broke");
    struct sluice_description *d, *of_ctx;
    assert_status(sluice_describe(s, g.ref, &d), SLUICE_OK);
    assert_status(sluice_describe(s, ctx.ref, &of_ctx), SLUICE_OK);
    assert_int_equal(d->hold.context, of_ctx->serial);
    sluice_description_free(d);
    sluice_description_free(of_ctx);
    assert_status(sluice_group_with_ctx(s, background, &g, &ctx), SLUICE_OK);
    assert_status(sluice_group_done(s, g, go(g), NULL), SLUICE_OK);
    expect_cause(ctx, NULL);
    expect(g, NULL);
    expect_cause(ctx, "context canceled");
    struct sluice_group_spec spec = SLUICE_GROUP_SPEC_INIT;
    spec.ctx = background;
    assert_status(sluice_group_make_with(s, NULL, &spec, &g, NULL), SLUICE_INVALID);
    sluice_ctx nil = SLUICE_NIL;
    assert_status(sluice_group_with_ctx(s, nil, &g, &ctx), SLUICE_INVALID);
}

static uint64_t run_and_stay(sluice *own)
{
    struct sluice_grant g;
    return sluice_group_go(own, sluice_group_named("g/killed"), 0, NULL, &g) == SLUICE_OK ? g.token : 0;
}

static void test_task_is_killed(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_group_spec spec = SLUICE_GROUP_SPEC_INIT;
    sluice_ctx background;
    sluice_group g;
    sluice_future *f, *next;
    how.name = "g/killed";
    spec.limit = 1;
    assert_status(sluice_ctx_background(s, &background), SLUICE_OK);
    assert_status(sluice_ctx_with_cancel(s, background, &spec.ctx), SLUICE_OK);
    assert_status(sluice_group_make_with(s, &how, &spec, &g, NULL), SLUICE_OK);
    struct child c = child_start(&stage, run_and_stay);
    parked(sluice_group_go_start(s, g, 0, NULL, &next), &next);
    parked(sluice_group_wait_start(s, g, NULL, &f), &f);
    child_kill(&c);
    assert_status(sluice_group_done(s, g, granted(next).token, "later"), SLUICE_OK);
    struct sluice_result r = finished(f);
    assert_true(r.failed);
    assert_string_equal(text_of(&r.item), "owner died");
    expect_cause(spec.ctx, "owner died");
    assert_status(sluice_group_done(s, g, c.number, NULL), SLUICE_STALE_TOKEN);
    /* A task that was adopted is the adopter's. */
    c = child_start(&stage, run_and_stay);
    assert_status(sluice_adopt(s, c.number), SLUICE_OK);
    child_kill(&c);
    assert_status(sluice_group_done(s, g, c.number, NULL), SLUICE_OK);
}

static void test_select(void **state)
{
    (void)state;
    sluice_group g = group_of(1);
    struct sluice_grant grant = {0, true};
    struct sluice_item item;
    bool failed = false;
    int index;
    const struct sluice_arm arms[] = {sluice_arm_go(g, 0, &grant), sluice_arm_default()};
    assert_status(sluice_select(s, arms, 2, NULL, &index, NULL), SLUICE_OK);
    assert_true(index == 0 && grant.token != 0);
    assert_status(sluice_select(s, arms, 2, NULL, &index, NULL), SLUICE_OK);
    assert_int_equal(index, 1);
    const struct sluice_arm wait[] = {sluice_arm_group(g, &failed), sluice_arm_default()};
    assert_status(sluice_select(s, wait, 2, NULL, &index, &item), SLUICE_OK);
    assert_int_equal(index, 1);
    assert_status(sluice_group_done(s, g, grant.token, "bad"), SLUICE_OK);
    assert_status(sluice_select(s, wait, 2, NULL, &index, &item), SLUICE_OK);
    assert_true(index == 0 && failed);
    assert_string_equal(text_of(&item), "bad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group),      cmocka_unit_test(test_sticky_error),
        cmocka_unit_test(test_error_text), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_context),    cmocka_unit_test(test_task_is_killed),
        cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

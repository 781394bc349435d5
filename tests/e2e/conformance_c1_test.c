/*
 * conformance_c1_test.c - part C of the conformance cases, contexts: trees, deadlines, values, causes.
 *
 * From context/x_test.go and context/context_test.go, on a virtual clock: what must not have happened yet is looked for at the instant
 * before.
 */
#include "conform_ctx.h"

static void named_so(sluice_ctx c, const char *expected)
{
    char *text;
    is(sluice_ctx_string(me, c, &text), SLUICE_OK);
    assert_string_equal(text, expected);
    sluice_free(text);
}

static void c056_roots(void **state)
{
    (void)state;
    sluice_ctx roots[2];
    roots[0] = background();
    is(sluice_ctx_todo(me, &roots[1]), SLUICE_OK);
    named_so(roots[0], "context.Background");
    named_so(roots[1], "context.TODO");
    for (int i = 0; i < 2; i++) {
        bool has;
        int64_t deadline_ns;
        alive(roots[i]);
        is(sluice_ctx_deadline(me, roots[i], &has, &deadline_ns), SLUICE_OK);
        assert_false(has);
        assert_int_equal(value_of(roots[i], "t", "n"), -1);
        cancel(roots[i], "no use");
        alive(roots[i]);
    }
    advance(1000000 * SEC);
    alive(roots[0]);
}

static void c057_cancel_synchronous(void **state)
{
    (void)state;
    sluice_ctx c1 = with_cancel(background()), wrapper = with_value(c1, "t", "n", 1),
               c2 = with_cancel(wrapper);
    named_so(c1, "context.Background.WithCancel");
    alive(c1);
    alive(wrapper);
    alive(c2);
    cancel(c1, NULL);
    canceled(c1);
    canceled(wrapper);
    canceled(c2);
}

static void c058_parent_finishes_children(void **state)
{
    (void)state;
    sluice_ctx parent = with_cancel(background()), child = with_cancel(parent);
    sluice_ctx value = with_value(parent, "t", "n", 1), timer = with_timeout(value, 1000 * SEC, NULL);
    assert_in_range(children(parent), 2, 3);
    cancel(parent, NULL);
    canceled(parent);
    canceled(child);
    canceled(value);
    canceled(timer);
    assert_int_equal(children(parent), 0);
    canceled(with_value(parent, "t", "n", 2));
    assert_int_equal(children(parent), 0);
}

static void c059_child_first(void **state)
{
    (void)state;
    sluice_ctx parent = with_cancel(background()), child = with_cancel(parent);
    assert_int_equal(children(parent), 1);
    cancel(child, NULL);
    canceled(child);
    alive(parent);
    assert_int_equal(children(parent), 0);
}

static void c060_deadline_basics(void **state)
{
    (void)state;
    int64_t start_ns = now_ns();
    sluice_ctx soon = with_timeout(background(), 1 * MS, NULL), c;
    alive(soon);
    advance(1 * MS - 1);
    alive(soon);
    advance(1);
    expired(soon);
    is(sluice_ctx_with_deadline(me, background(), start_ns, NULL, &c), SLUICE_OK);
    expired(c);
    is(sluice_ctx_with_deadline(me, background(), now_ns(), NULL, &c), SLUICE_OK);
    expired(c);
    expired(with_timeout(background(), 0, NULL));
    expired(with_timeout(background(), -1 * SEC, NULL));
    is(sluice_ctx_with_deadline(me, background(), now_ns() + 1, NULL, &c), SLUICE_OK);
    alive(c);
    advance(1);
    expired(c);
    cancel(c, "late");
    expired(c);
}

static void c061_nested_longer_timeout(void **state)
{
    (void)state;
    int64_t start_ns = now_ns(), deadline_ns;
    bool has;
    sluice_ctx parent = with_timeout(background(), 10 * MS, NULL);
    sluice_ctx child = with_timeout(parent, 1000 * SEC, "never mine");
    is(sluice_ctx_deadline(me, child, &has, &deadline_ns), SLUICE_OK);
    assert_true(has);
    assert_int_equal(deadline_ns, start_ns + 10 * MS);
    advance(10 * MS - 1);
    alive(child);
    advance(1);
    expired(parent);
    expired(child);
}

static void c062_cancelled_timeout(void **state)
{
    (void)state;
    sluice_ctx c = with_timeout(background(), 10 * MS, "too slow");
    cancel(c, NULL);
    canceled(c);
    advance(1 * SEC);
    canceled(c);
}

static void refused(const struct sluice_ctx_spec *spec, const char *text)
{
    sluice_ctx c;
    is(sluice_ctx_make_with(me, NULL, spec, &c, NULL), SLUICE_INVALID);
    says(text);
}

static void c063_values(void **state)
{
    (void)state;
    sluice_ctx c1 = with_value(background(), "key1", "1", 11), c2 = with_value(c1, "key2", "1", 21);
    sluice_ctx c3 = with_value(c2, "key1", "3", 13), c4 = with_value(c3, "key1", "1", 0);
    assert_int_equal(value_of(background(), "key1", "1"), -1);
    assert_int_equal(value_of(c1, "key1", "1"), 11);
    assert_int_equal(value_of(c1, "key2", "1"), -1);
    assert_int_equal(value_of(c2, "key1", "1"), 11);
    assert_int_equal(value_of(c2, "key2", "1"), 21);
    assert_int_equal(value_of(c3, "key1", "3"), 13);
    assert_int_equal(value_of(c4, "key1", "1"), 0);
    assert_int_equal(value_of(c4, "key2", "1"), 21);
    assert_int_equal(value_of(with_cancel(c4), "key1", "3"), 13);
    /* storing nil shadows */
    sluice_ctx c5;
    struct sluice_value nil = {0};
    is(sluice_ctx_with_value(me, c4, key("key2", "1"), nil, &c5), SLUICE_OK);
    assert_int_equal(value_of(c5, "key2", "1"), -1);
    /* misuse */
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    struct sluice_ctx_entry entry = {{"conform", "t", ""}, sluice_int(1)};
    spec.values = &entry;
    spec.values_count = 1;
    refused(&spec, "nil key");
    entry.key.name = "n";
    entry.key.type = "json";
    refused(&spec, "key is not comparable");
    entry.key.type = "t";
    spec.has_parent = true;
    refused(&spec, "cannot create context from nil parent");
    is(sluice_ctx_with_cancel(me, (sluice_ctx)SLUICE_NIL, &c5), SLUICE_INVALID);
    says("cannot create context from nil parent");
    is(sluice_ctx_with_timeout(me, (sluice_ctx)SLUICE_NIL, 5, NULL, &c5), SLUICE_INVALID);
    is(sluice_ctx_without_cancel(me, (sluice_ctx)SLUICE_NIL, &c5), SLUICE_INVALID);
    is(sluice_ctx_with_value(me, (sluice_ctx)SLUICE_NIL, key("t", "n"), sluice_int(1), &c5), SLUICE_INVALID);
    says("cannot create context from nil parent");
}

static void c065_cause_basic(void **state)
{
    (void)state;
    sluice_ctx with = with_cancel(background()), none = with_cancel(background());
    cancel(with, "e");
    ended(with, SLUICE_CANCELED, "e");
    cancel(with, "later");
    ended(with, SLUICE_CANCELED, "e");
    cancel(none, NULL);
    canceled(none);
    /* what a request under it says */
    struct sluice_wait wait = SLUICE_WAIT_CTX(with);
    struct sluice_item item;
    const char *c = chan(1);
    put(c, 1);
    is(sluice_recv(me, ch(c), &wait, &item), SLUICE_CANCELED);
    assert_string_equal(sluice_errcause(), "e");
    wait.ctx = none;
    is(sluice_recv(me, ch(c), &wait, &item), SLUICE_CANCELED);
    says("context canceled");
    assert_null(sluice_errcause());
    assert_int_equal(len(c), 1);
}

static void c066_cause_parent_before_child(void **state)
{
    (void)state;
    sluice_ctx parent = with_cancel(background()), child = with_cancel(parent);
    cancel(parent, "e1");
    cancel(child, "e2");
    ended(parent, SLUICE_CANCELED, "e1");
    ended(child, SLUICE_CANCELED, "e1");
}

static void c067_cause_child_before_parent(void **state)
{
    (void)state;
    sluice_ctx parent = with_cancel(background()), child = with_cancel(parent);
    cancel(child, "e2");
    cancel(parent, "e1");
    ended(parent, SLUICE_CANCELED, "e1");
    ended(child, SLUICE_CANCELED, "e2");
}

static void c069_timeout_cause_expired(void **state)
{
    (void)state;
    sluice_ctx c = with_timeout(background(), 0, "too slow");
    cancel(c, NULL);
    ended(c, SLUICE_DEADLINE_EXCEEDED, "too slow");
    /* cancelled early, the cause of the expiry does not apply */
    c = with_timeout(background(), 10 * MS, "too slow");
    cancel(c, NULL);
    advance(10 * MS);
    canceled(c);
    /* one that comes by itself */
    c = with_timeout(background(), 10 * MS, "too slow");
    advance(10 * MS);
    ended(c, SLUICE_DEADLINE_EXCEEDED, "too slow");
}

static void c071_timeout_cause_stacked(void **state)
{
    (void)state;
    sluice_ctx parent = with_cancel(background()), child = with_timeout(parent, 1000 * SEC, "too slow");
    cancel(parent, "f");
    ended(child, SLUICE_CANCELED, "f");
    parent = with_cancel(background());
    child = with_timeout(parent, 0, "too slow");
    cancel(parent, "f");
    ended(child, SLUICE_DEADLINE_EXCEEDED, "too slow");
    ended(parent, SLUICE_CANCELED, "f");
}

static void c073_without_cancel(void **state)
{
    (void)state;
    sluice_ctx parents[2];
    parents[0] = with_cancel(with_value(background(), "t", "n", 7));
    parents[1] = with_timeout(with_value(background(), "t", "n", 7), 1 * MS, "too slow");
    cancel(parents[0], "e");
    advance(1 * MS);
    for (int i = 0; i < 2; i++) {
        bool has;
        int64_t deadline_ns;
        assert_true(done(parents[i]));
        sluice_ctx c = without_cancel(parents[i]);
        alive(c);
        is(sluice_ctx_deadline(me, c, &has, &deadline_ns), SLUICE_OK);
        assert_false(has);
        assert_int_equal(value_of(c, "t", "n"), 7);
    }
}

static void c074_derive_from_without_cancel(void **state)
{
    (void)state;
    sluice_ctx parent = with_cancel(background());
    cancel(parent, "parent's");
    sluice_ctx c = with_cancel(without_cancel(parent));
    alive(c);
    cancel(c, "own");
    ended(c, SLUICE_CANCELED, "own");
    sluice_ctx live = with_cancel(background()), below = with_cancel(without_cancel(live));
    cancel(live, "parent's");
    alive(below);
    sluice_ctx timed = with_timeout(without_cancel(live), 5 * MS, NULL);
    advance(5 * MS);
    expired(timed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c056_roots),
        CASE(c057_cancel_synchronous),
        CASE(c058_parent_finishes_children),
        CASE(c059_child_first),
        CASE(c060_deadline_basics),
        CASE(c061_nested_longer_timeout),
        CASE(c062_cancelled_timeout),
        CASE(c063_values),
        CASE(c065_cause_basic),
        CASE(c066_cause_parent_before_child),
        CASE(c067_cause_child_before_parent),
        CASE(c069_timeout_cause_expired),
        CASE(c071_timeout_cause_stacked),
        CASE(c073_without_cancel),
        CASE(c074_derive_from_without_cancel),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

/*
 * cell_test.c - atomic values against the real daemon: Go's calls and its texts, revisions, fences, watching.
 *
 * What a cell does is the engine's tests' to say; here it is whether each call asks for the right thing and gives what came back: the
 * value with its type, the revision, whether it was swapped, and nothing that has to be freed where nobody wants it.
 */
#include "stage.h"

static sluice_cell cell_of(const char *name)
{
    sluice_cell cell;
    assert_status(sluice_cell_make(s, name, &cell), SLUICE_OK);
    return cell;
}

/* What it holds, as text; "": nothing. */
static const char *held(sluice_cell cell, uint64_t revision)
{
    struct sluice_content got;
    assert_status(sluice_cell_load(s, cell, &got), SLUICE_OK);
    assert_int_equal(got.revision, revision);
    assert_true((got.item.value.type == SLUICE_TYPE_NONE) == (revision == 0));
    return text_of(&got.item);
}

static bool swapped(sluice_cell cell, struct sluice_value expected, struct sluice_value value)
{
    bool did;
    assert_status(sluice_cell_compare_and_swap(s, cell, expected, value, &did), SLUICE_OK);
    return did;
}

static bool swapped_at(sluice_cell cell, uint64_t revision, struct sluice_value value)
{
    bool did;
    assert_status(sluice_cell_compare_and_swap_revision(s, cell, revision, value, &did), SLUICE_OK);
    return did;
}

static void refused(enum sluice_status status, const char *text)
{
    assert_status(status, SLUICE_MISUSE);
    assert_string_equal(sluice_errmsg(), text);
}

static void test_calls(void **state)
{
    (void)state;
    sluice_cell cell = cell_of("cell/calls");
    struct sluice_content got;
    assert_string_equal(held(cell, 0), "");
    assert_status(sluice_cell_store(s, cell, sluice_str("a")), SLUICE_OK);
    assert_string_equal(held(cell, 1), "a");
    assert_status(sluice_cell_swap(s, cell, sluice_str("b"), &got), SLUICE_OK);
    assert_int_equal(got.revision, 2);
    assert_string_equal(text_of(&got.item), "a");
    assert_true(swapped(cell, sluice_str("b"), sluice_str("c")));
    assert_false(swapped(cell, sluice_str("b"), sluice_str("d")));
    assert_false(swapped(cell, sluice_none(), sluice_str("d")));
    assert_string_equal(held(cell, 3), "c");
    /* The same again is a change. */
    assert_true(swapped(cell, sluice_str("c"), sluice_str("c")));
    assert_status(sluice_cell_store(s, cell, sluice_str("c")), SLUICE_OK);
    assert_string_equal(held(cell, 5), "c");
    /* An empty value is one. */
    assert_status(sluice_cell_store(s, cell, sluice_bytes(NULL, 0)), SLUICE_OK);
    assert_status(sluice_cell_load(s, cell, &got), SLUICE_OK);
    assert_true(got.item.value.type == SLUICE_TYPE_BYTES && got.item.value.bytes.size == 0);
    sluice_item_free(&got.item);
    struct sluice_exchange cas = {.verb = SLUICE_EXCHANGE_CAS, .value = sluice_str("x")};
    bool did = true;
    assert_status(sluice_cell_exchange(s, cell, &cas, &got, &did), SLUICE_OK);
    assert_true(!did && got.revision == 6 && got.item.value.type == SLUICE_TYPE_BYTES);
    sluice_item_free(&got.item);
    assert_status(sluice_cell_exchange(s, cell, &cas, NULL, NULL), SLUICE_OK);
}

static void test_revisions(void **state)
{
    (void)state;
    sluice_cell cell = cell_of(NULL);
    assert_true(swapped_at(cell, 0, sluice_str("a")));
    assert_false(swapped_at(cell, 0, sluice_str("b")));
    assert_status(sluice_cell_store(s, cell, sluice_str("b")), SLUICE_OK);
    assert_status(sluice_cell_store(s, cell, sluice_str("a")), SLUICE_OK);
    assert_false(swapped_at(cell, 1, sluice_str("c"))); /* it was away */
    assert_true(swapped_at(cell, 3, sluice_str("c")));
    assert_string_equal(held(cell, 4), "c");
}

/* Values of every type, large ones too. */
static void test_types(void **state)
{
    (void)state;
    const struct sluice_value values[] = {sluice_str("raw"), sluice_text("text"), sluice_json("{\"a\":1}"),
                                          sluice_int(INT64_MIN), sluice_real(-0.5)};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        sluice_cell cell = cell_of(NULL);
        struct sluice_content got;
        assert_true(swapped(cell, sluice_none(), values[i]));
        assert_true(swapped(cell, values[i], values[i]));
        assert_status(sluice_cell_load(s, cell, &got), SLUICE_OK);
        assert_int_equal(got.item.value.type, values[i].type);
        sluice_item_free(&got.item);
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            if (k != i)
                refused(sluice_cell_store(s, cell, values[k]),
                        "sync/atomic: store of inconsistently typed value into Value");
        assert_status(sluice_drop(s, cell.ref), SLUICE_OK);
    }
    enum { LARGE = 100000 };
    char *large = malloc(LARGE);
    assert_non_null(large);
    memset(large, 'x', LARGE);
    sluice_cell cell = cell_of(NULL);
    struct sluice_content got;
    assert_status(sluice_cell_store(s, cell, sluice_bytes(large, LARGE)), SLUICE_OK);
    assert_true(swapped(cell, sluice_bytes(large, LARGE), sluice_str("small")));
    assert_true(swapped(cell, sluice_str("small"), sluice_bytes(large, LARGE)));
    assert_status(sluice_cell_swap(s, cell, sluice_str("small"), &got), SLUICE_OK);
    assert_true(got.item.value.bytes.size == LARGE && memcmp(got.item.value.bytes.data, large, LARGE) == 0);
    sluice_item_free(&got.item);
    free(large);
}

static void test_misuse(void **state)
{
    (void)state;
    sluice_cell cell = cell_of(NULL), nil = SLUICE_NIL;
    struct sluice_content got;
    bool did;
    refused(sluice_cell_store(s, cell, sluice_none()), "sync/atomic: store of nil value into Value");
    refused(sluice_cell_swap(s, cell, sluice_none(), &got), "sync/atomic: swap of nil value into Value");
    refused(sluice_cell_compare_and_swap(s, cell, sluice_none(), sluice_none(), &did),
            "sync/atomic: compare and swap of nil value into Value");
    refused(sluice_cell_compare_and_swap(s, cell, sluice_int(1), sluice_str("a"), &did),
            "sync/atomic: compare and swap of inconsistently typed values");
    assert_string_equal(held(cell, 0), "");
    assert_status(sluice_cell_store(s, cell, sluice_str("a")), SLUICE_OK);
    refused(sluice_cell_swap(s, cell, sluice_int(1), &got),
            "sync/atomic: swap of inconsistently typed value into Value");
    refused(sluice_cell_compare_and_swap(s, cell, sluice_int(1), sluice_int(2), &did),
            "sync/atomic: compare and swap of inconsistently typed value into Value");
    refused(sluice_cell_compare_and_swap_revision(s, cell, 1, sluice_int(2), &did),
            "sync/atomic: compare and swap of inconsistently typed value into Value");
    assert_string_equal(held(cell, 1), "a");
    assert_status(sluice_cell_store(s, cell, sluice_object(cell.ref, 0)), SLUICE_INVALID);
    assert_status(sluice_cell_store(s, nil, sluice_str("a")), SLUICE_INVALID);
    assert_status(sluice_cell_load(s, sluice_cell_named("cell/none"), &got), SLUICE_NOT_FOUND);
    assert_status(sluice_cell_load(s, sluice_cell_of(mutex_of(NULL).ref), &got), SLUICE_WRONG_KIND);
    struct sluice_exchange odd = {.verb = (enum sluice_exchange_verb)4};
    assert_status(sluice_cell_exchange(s, cell, &odd, NULL, NULL), SLUICE_INVALID);
    struct sluice_exchange strange = {.value = {.type = (enum sluice_type)99}};
    assert_status(sluice_cell_exchange(s, cell, &strange, NULL, NULL), SLUICE_INVALID);
}

static void test_rights(void **state)
{
    (void)state;
    sluice_cell cell = cell_of("cell/rights"), look, change;
    struct sluice_content got;
    assert_status(sluice_cell_store(s, cell, sluice_int(5)), SLUICE_OK);
    assert_status(sluice_cell_open(s, "cell/rights", SLUICE_RIGHT_RECV, &look), SLUICE_OK);
    assert_status(sluice_cell_open(s, "cell/rights", SLUICE_RIGHT_SEND, &change), SLUICE_OK);
    assert_status(sluice_cell_store(s, look, sluice_int(6)), SLUICE_NO_RIGHT);
    assert_status(sluice_cell_store(s, change, sluice_int(6)), SLUICE_OK);
    assert_status(sluice_cell_load(s, change, &got), SLUICE_NO_RIGHT);
    assert_status(sluice_cell_load(s, look, &got), SLUICE_OK);
    assert_int_equal(got.item.value.integer, 6);
    assert_status(sluice_cell_open(s, "cell/none", 0, &look), SLUICE_NOT_FOUND);
}

static enum sluice_status store_fenced(sluice_cell cell, const char *text, uint64_t fence)
{
    const struct sluice_exchange e = {
        SLUICE_EXCHANGE_STORE, sluice_str(text), sluice_none(), false, 0, fence};
    return sluice_cell_exchange(s, cell, &e, NULL, NULL);
}

static void test_fence(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_cell_spec spec = SLUICE_CELL_SPEC_INIT;
    struct sluice_description *d;
    struct sluice_made made;
    sluice_cell cell, other;
    how.name = "cell/fenced";
    spec.fenced = true;
    assert_status(sluice_cell_make_with(s, &how, &spec, &cell, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_CELL);
    assert_status(sluice_cell_make(s, "cell/fenced", &other), SLUICE_MISMATCH);
    sluice_mutex m = mutex_of(NULL);
    uint64_t old = locked(m).token;
    assert_status(sluice_mutex_unlock(s, m, old), SLUICE_OK);
    uint64_t fresh = locked(m).token;
    assert_status(sluice_cell_store(s, cell, sluice_str("a")), SLUICE_MISUSE);
    assert_status(store_fenced(cell, "old", old), SLUICE_OK);
    assert_status(store_fenced(cell, "new", fresh), SLUICE_OK);
    assert_status(store_fenced(cell, "too late", old), SLUICE_STALE_TOKEN);
    assert_string_equal(held(cell, 2), "new");
    assert_status(sluice_describe(s, cell.ref, &d), SLUICE_OK);
    assert_true(d->kind == SLUICE_KIND_CELL && d->cell.revision == 2 && d->cell.fence == fresh);
    assert_int_equal(d->cell.value.type, SLUICE_TYPE_BYTES);
    assert_string_equal(d->cell.value.bytes.data, "new");
    sluice_description_free(d);
}

static void test_wait(void **state)
{
    (void)state;
    sluice_cell cell = cell_of("cell/wait");
    struct sluice_content got;
    struct sluice_wait brief = SLUICE_WAIT_FOR(0), until = SLUICE_WAIT_INIT;
    sluice_ctx background;
    sluice_future *first, *next, *ended, *removed;
    assert_status(sluice_cell_wait(s, cell, 0, sluice_no_wait(), &got), SLUICE_WOULD_BLOCK);
    assert_status(sluice_cell_wait(s, cell, 0, &brief, &got), SLUICE_DEADLINE_EXCEEDED);
    parked(sluice_cell_wait_start(s, cell, 0, NULL, &first), &first);
    assert_status(sluice_cell_store(s, cell, sluice_str("a")), SLUICE_OK);
    struct sluice_result r = finished(first);
    assert_int_equal(r.revision, 1);
    assert_string_equal(text_of(&r.item), "a");
    assert_status(sluice_cell_wait(s, cell, 0, NULL, &got), SLUICE_OK);
    assert_true(got.revision == 1);
    assert_string_equal(text_of(&got.item), "a");
    assert_status(sluice_cell_wait(s, cell, 0, NULL, NULL), SLUICE_OK);
    /* Several changes between two looks are seen as one. */
    parked(sluice_cell_wait_start(s, cell, 1, NULL, &next), &next);
    assert_false(swapped(cell, sluice_str("x"), sluice_str("y"))); /* which is none */
    assert_false(sluice_future_done(next));
    assert_status(sluice_cell_store(s, cell, sluice_str("b")), SLUICE_OK);
    assert_status(sluice_cell_store(s, cell, sluice_str("c")), SLUICE_OK);
    r = finished(next);
    assert_int_equal(r.revision, 2);
    assert_string_equal(text_of(&r.item), "b");
    assert_status(sluice_cell_wait(s, cell, r.revision, NULL, &got), SLUICE_OK);
    assert_int_equal(got.revision, 3);
    assert_string_equal(text_of(&got.item), "c");
    assert_status(sluice_ctx_background(s, &background), SLUICE_OK);
    assert_status(sluice_ctx_with_cancel(s, background, &until.ctx), SLUICE_OK);
    parked(sluice_cell_wait_start(s, cell, 3, &until, &ended), &ended);
    assert_status(sluice_ctx_cancel(s, until.ctx, "enough"), SLUICE_OK);
    assert_status(sluice_future_finish(ended, NULL), SLUICE_CANCELED);
    assert_string_equal(sluice_errcause(), "enough");
    parked(sluice_cell_wait_start(s, cell, 3, NULL, &removed), &removed);
    assert_status(sluice_remove(s, cell.ref), SLUICE_OK);
    assert_status(sluice_future_finish(removed, NULL), SLUICE_REMOVED);
}

static void test_select(void **state)
{
    (void)state;
    sluice_cell cell = cell_of(NULL), other = cell_of(NULL);
    uint64_t revision = 99;
    int index;
    struct sluice_item item;
    struct sluice_arm arms[] = {sluice_arm_cell(cell, 0, &revision), sluice_arm_cell(other, 0, NULL),
                                sluice_arm_default()};
    assert_status(sluice_select(s, arms, 3, NULL, &index, &item), SLUICE_OK);
    assert_true(index == 2 && revision == 99);
    assert_status(sluice_cell_store(s, cell, sluice_int(7)), SLUICE_OK);
    assert_status(sluice_select(s, arms, 3, NULL, &index, &item), SLUICE_OK);
    assert_true(index == 0 && revision == 1);
    assert_int_equal(item.value.integer, 7);
    sluice_item_free(&item);
    sluice_future *f;
    arms[0] = sluice_arm_cell(cell, revision, &revision);
    parked(sluice_select_start(s, arms, 2, NULL, &f), &f);
    assert_status(sluice_cell_store(s, other, sluice_text("here")), SLUICE_OK);
    struct sluice_result r = finished(f);
    assert_true(r.index == 1 && r.revision == 1);
    assert_string_equal(text_of(&r.item), "here");
    arms[0].compare = SLUICE_COMPARE_EQ;
    assert_status(sluice_select(s, arms, 1, NULL, &index, NULL), SLUICE_INVALID);
}

/* Who stored may die: what it stored stays. */
static uint64_t store_and_stay(sluice *own)
{
    struct sluice_content got;
    sluice_cell cell = sluice_cell_named("cell/killed");
    if (sluice_cell_store(own, cell, sluice_str("child")) != SLUICE_OK ||
        sluice_cell_load(own, cell, &got) != SLUICE_OK)
        return 0;
    sluice_item_free(&got.item);
    return got.revision;
}

static void test_writer_is_killed(void **state)
{
    (void)state;
    sluice_cell cell = cell_of("cell/killed");
    struct child c = child_start(&stage, store_and_stay);
    assert_int_equal(c.number, 1);
    child_kill(&c);
    assert_string_equal(held(cell, 1), "child");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_revisions),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_fence),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_writer_is_killed),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

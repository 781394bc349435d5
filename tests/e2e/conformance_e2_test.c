/*
 * conformance_e2_test.c - part E of the conformance cases, sync and atomic: Once, OnceValue, Int64, Value.
 *
 * From sync/once_test.go, oncefunc_test.go, atomic/atomic_test.go and value_test.go. A function that panics is one that reports failure, with what it
 * panicked with. Where a Value of Go panics there is a status, with Go's text.
 */
#include "conform_sync.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { ROUNDS = 1000 };

/* ---- Once ---- */

/* What the function under test does, and what it has done. */
struct work {
    sluice *s;        /* whose caller it runs for */
    const char *hold; /* a channel it waits on, or NULL */
    const char *text; /* its value, or NULL */
    bool fails;
    atomic_int *runs, *finished;
};

static bool work(void *argument, struct sluice_value *ret_value)
{
    struct work *w = argument;
    int64_t unused;
    atomic_fetch_add(w->runs, 1);
    if (w->hold)
        (void)take_on(w->s, w->hold, &unused);
    if (w->text)
        *ret_value = sluice_str(w->text);
    atomic_fetch_add(w->finished, 1);
    return !w->fails;
}

/* The same work by another name: another f. */
static bool other_work(void *argument, struct sluice_value *ret_value)
{
    return work(argument, ret_value);
}

/* data: a struct work. got: how often it had finished on return; list[0]: it failed; message: the value. */
static void run_do(struct task *t)
{
    struct work w = *(struct work *)t->data;
    struct sluice_outcome outcome;
    w.s = t->s;
    t->status =
        sluice_once_do(t->s, sluice_once_named(t->a), t->value % 2 ? other_work : work, &w, NULL, &outcome);
    t->got = atomic_load(w.finished);
    if (t->status != SLUICE_OK)
        return;
    t->list[0] = outcome.failed;
    if (outcome.item.value.type != SLUICE_TYPE_NONE)
        snprintf(t->message, sizeof t->message, "%s", (const char *)outcome.item.value.bytes.data);
    sluice_item_free(&outcome.item);
}

static void all_did(struct task *const *t, size_t count, bool failed, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        is(join(t[i]), SLUICE_OK);
        assert_int_equal(t[i]->got, 1); /* f had finished */
        assert_int_equal(t[i]->list[0], failed);
        assert_string_equal(t[i]->message, text);
    }
}

static void ten_callers(bool fails, const char *text)
{
    enum { TASKS = 10 };
    atomic_int runs = 0, finished = 0;
    struct work w = {me, chan(0), text, fails, &runs, &finished};
    const char *o = new_once(false);
    struct task *t[TASKS];
    for (int i = 0; i < TASKS; i++) {
        t[i] = task_new(run_do);
        t[i]->a = o;
        t[i]->data = &w;
        t[i]->value = i;
        task_start(t[i]);
    }
    settle(TASKS); /* one is in f, the others wait for it */
    assert_int_equal(atomic_load(&runs), 1);
    assert_int_equal(waiting(o), TASKS - 1);
    put(w.hold, 1);
    all_did(t, TASKS, fails, text ? text : "");
    for (int i = 0; i < TASKS; i++)
        task_forget(t[i]);
    /* and later ones, whatever their f */
    struct sluice_outcome outcome;
    is(sluice_once_do(me, sluice_once_named(o), other_work, &w, NULL, &outcome), SLUICE_OK);
    assert_int_equal(outcome.failed, fails);
    sluice_item_free(&outcome.item);
    assert_int_equal(atomic_load(&runs), 1);
}

/* a..: the names of ROUNDS onces stand in data. */
struct round {
    const char *names[ROUNDS];
    atomic_int runs[ROUNDS], finished[ROUNDS];
};

static void run_do_rounds(struct task *t)
{
    struct round *r = t->data;
    for (int i = 0; t->status == SLUICE_OK && i < ROUNDS; i++) {
        struct work w = {t->s, NULL, NULL, false, &r->runs[i], &r->finished[i]};
        struct sluice_outcome outcome;
        t->status = sluice_once_do(t->s, sluice_once_named(r->names[i]), work, &w, NULL, &outcome);
        t->got += atomic_load(&r->finished[i]) != 1;
        if (t->status == SLUICE_OK)
            sluice_item_free(&outcome.item);
    }
}

static void c119_once(void **state)
{
    (void)state;
    enum { TASKS = 5 };
    ten_callers(false, NULL);
    ten_callers(true, NULL); /* TestOncePanic: it counts as done */
    static struct round r;
    struct task *t[TASKS];
    for (int i = 0; i < ROUNDS; i++)
        r.names[i] = new_once(false);
    for (int i = 0; i < TASKS; i++) {
        t[i] = task_new(run_do_rounds);
        t[i]->data = &r;
        task_start(t[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        is(join(t[i]), SLUICE_OK);
        assert_int_equal(t[i]->got, 0);
    }
    for (int i = 0; i < ROUNDS; i++)
        assert_int_equal(atomic_load(&r.runs[i]), 1);
}

static void c121_oncevalue_panic(void **state)
{
    (void)state;
    ten_callers(true, "x");
    ten_callers(false, "kept");
    atomic_int runs = 0, finished = 0;
    for (int fails = 0; fails < 2; fails++) {
        struct work w = {me, NULL, "x", fails, &runs, &finished};
        sluice_once o = sluice_once_named(new_once(false));
        for (int i = 0; i < 2; i++) {
            struct sluice_outcome outcome;
            is(sluice_once_do(me, o, work, &w, NULL, &outcome), SLUICE_OK);
            assert_int_equal(outcome.failed, fails);
            assert_int_equal(outcome.item.value.bytes.size, 1);
            assert_string_equal(outcome.item.value.bytes.data, "x");
            sluice_item_free(&outcome.item);
        }
        assert_int_equal(atomic_load(&runs), fails + 1);
    }
}

/* ---- atomic ---- */

static int64_t load(const char *name)
{
    int64_t value;
    is(sluice_counter_load(me, sluice_counter_named(name), &value), SLUICE_OK);
    return value;
}

static int64_t applied(const char *name, enum sluice_update_verb verb, int64_t operand)
{
    int64_t value;
    is(sluice_counter_apply(me, sluice_counter_named(name), verb, operand, &value), SLUICE_OK);
    return value;
}

static bool cas(const char *name, int64_t expected, int64_t value)
{
    bool swapped;
    is(sluice_counter_cas(me, sluice_counter_named(name), expected, value, &swapped), SLUICE_OK);
    return swapped;
}

/* Go's test tables: a value that moves through all the bits. */
static void bits(const char *n)
{
    for (int shift = 0; shift < 63; shift++) {
        int64_t bit = INT64_C(1) << shift;
        is(sluice_counter_store(me, sluice_counter_named(n), bit), SLUICE_OK);
        assert_int_equal(load(n), bit);
        assert_int_equal(applied(n, SLUICE_UPDATE_ADD, bit / 2), bit + bit / 2);
        assert_int_equal(applied(n, SLUICE_UPDATE_SWAP, -1), bit + bit / 2);
        assert_int_equal(applied(n, SLUICE_UPDATE_AND, ~bit), -1);
        assert_int_equal(applied(n, SLUICE_UPDATE_OR, bit), ~bit);
        assert_int_equal(load(n), -1);
        assert_true(cas(n, -1, bit));
        assert_true(cas(n, bit, bit + 1));
        assert_false(cas(n, bit, bit + 2));
        assert_true(cas(n, bit + 1, bit + 1));
        assert_int_equal(load(n), bit + 1);
    }
}

/* Two tasks store to their own counter, then load the other's (TestStoreLoadSeqCst). */
struct sides {
    const char *x[2];
    atomic_llong ack[2][3];
};

static void run_side(struct task *t)
{
    struct sides *sides = t->data;
    int64_t mine = t->value, his = 1 - mine;
    for (int64_t i = 1; t->got == 0 && i < ROUNDS; i++) {
        int64_t seen = 0, other;
        t->got += sluice_counter_store(t->s, sluice_counter_named(sides->x[mine]), i) != SLUICE_OK ||
                  sluice_counter_load(t->s, sluice_counter_named(sides->x[his]), &seen) != SLUICE_OK;
        atomic_store(&sides->ack[mine][i % 3], seen);
        while ((other = atomic_load(&sides->ack[his][i % 3])) == -1)
            (void)sched_yield();
        t->got += (seen != i && seen != i - 1) || (other != i && other != i - 1);
        t->got += seen != i && other != i;
        atomic_store(&sides->ack[mine][(i - 1) % 3], -1);
    }
}

static void run_increments(struct task *t)
{
    sluice_counter n = sluice_counter_named(t->a);
    for (int i = 0; t->status == SLUICE_OK && i < ROUNDS; i++) {
        bool swapped = false;
        while (t->status == SLUICE_OK && !swapped) {
            int64_t v = 0;
            t->status = sluice_counter_load(t->s, n, &v);
            if (t->status == SLUICE_OK)
                t->status = sluice_counter_cas(t->s, n, v, v + 1, &swapped);
        }
    }
}

static void c122_atomics(void **state)
{
    (void)state;
    const char *n = new_counter(0);
    bits(n);
    is(sluice_counter_store(me, sluice_counter_named(n), INT64_MAX), SLUICE_OK);
    assert_int_equal(applied(n, SLUICE_UPDATE_ADD, 1), INT64_MIN);
    assert_int_equal(applied(n, SLUICE_UPDATE_ADD, -1), INT64_MAX);
    static struct sides sides = {{NULL, NULL}, {{-1, -1, -1}, {-1, -1, -1}}};
    struct task *t[4];
    for (int i = 0; i < 2; i++)
        sides.x[i] = new_counter(0);
    for (int i = 0; i < 2; i++) {
        t[i] = task_new(run_side);
        t[i]->data = &sides;
        t[i]->value = i;
        task_start(t[i]);
    }
    for (int i = 0; i < 2; i++) {
        join(t[i]);
        assert_int_equal(t[i]->got, 0);
    }
    n = new_counter(0);
    for (int i = 0; i < 4; i++) {
        t[i] = task_new(run_increments);
        t[i]->a = n;
        task_start(t[i]);
    }
    for (int i = 0; i < 4; i++)
        is(join(t[i]), SLUICE_OK);
    assert_int_equal(load(n), 4 * ROUNDS);
}

/* ---- atomic.Value ---- */

static const char *new_cell(void)
{
    sluice_cell made;
    const char *name = fresh("v");
    is(sluice_cell_make(me, name, &made), SLUICE_OK);
    return name;
}

/* What it holds; a text's bytes are gone. */
static struct sluice_value held(const char *name)
{
    struct sluice_content got;
    is(sluice_cell_load(me, sluice_cell_named(name), &got), SLUICE_OK);
    assert_int_equal(got.item.value.type == SLUICE_TYPE_NONE, got.revision == 0);
    struct sluice_value value = got.item.value;
    sluice_item_free(&got.item);
    return value;
}

/* Go's panic. */
static void panics(enum sluice_status status, const char *text)
{
    is(status, SLUICE_MISUSE);
    says(text);
}

/* TestValue, TestValuePanic, TestValueLarge. */
static void value_store(void)
{
    const char *const nil = "sync/atomic: store of nil value into Value";
    const char *const bad = "sync/atomic: store of inconsistently typed value into Value";
    struct sluice_content got;
    sluice_cell v = sluice_cell_named(new_cell());
    is(sluice_cell_load(me, v, &got), SLUICE_OK); /* Load before Store: nil, and no error */
    assert_true(got.item.value.type == SLUICE_TYPE_NONE && got.revision == 0);
    panics(sluice_cell_store(me, v, sluice_none()), nil);
    for (int64_t value = 42; value <= 84; value += 42) {
        is(sluice_cell_store(me, v, sluice_int(value)), SLUICE_OK);
        for (int i = 0; i < 2; i++) {
            is(sluice_cell_load(me, v, &got), SLUICE_OK);
            assert_true(got.item.value.type == SLUICE_TYPE_INT64 && got.item.value.integer == value);
        }
    }
    panics(sluice_cell_store(me, v, sluice_text("foo")), bad);
    panics(sluice_cell_store(me, v, sluice_str("foo")), bad);
    panics(sluice_cell_store(me, v, sluice_none()), nil);
    is(sluice_cell_load(me, v, &got), SLUICE_OK);
    assert_true(got.item.value.integer == 84 && got.revision == 2);
    v = sluice_cell_named(new_cell());
    const char *const texts[] = {"foo", "barbaz"};
    for (int i = 0; i < 2; i++) {
        is(sluice_cell_store(me, v, sluice_text(texts[i])), SLUICE_OK);
        is(sluice_cell_load(me, v, &got), SLUICE_OK);
        assert_string_equal(got.item.value.bytes.data, texts[i]);
        sluice_item_free(&got.item);
    }
}

/* A row of TestValue_Swap or TestValue_CompareAndSwap; types 0: nil, 1: "", 2 and more: that number less 2. */
struct row {
    int init, old, new, want;
    const char *panic;
};

static struct sluice_value row_value(int code)
{
    return code == 0 ? sluice_none() : code == 1 ? sluice_text("") : sluice_int(code - 2);
}

static sluice_cell row_cell(const struct row *r)
{
    sluice_cell v = sluice_cell_named(new_cell());
    if (r->init)
        is(sluice_cell_store(me, v, row_value(r->init)), SLUICE_OK);
    return v;
}

static bool row_same(struct sluice_value found, int code)
{
    struct sluice_value want = row_value(code);
    return found.type == want.type && (found.type != SLUICE_TYPE_INT64 || found.integer == want.integer);
}

static void value_swap(void)
{
    static const struct row rows[] = {
        {0, 0, 0, 0, "sync/atomic: swap of nil value into Value"},
        {0, 0, 3, 0, NULL},
        {3, 0, 1, 3, "sync/atomic: swap of inconsistently typed value into Value"},
        {3, 0, 2, 3, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        struct sluice_content old = {0};
        sluice_cell v = row_cell(r);
        enum sluice_status status = sluice_cell_swap(me, v, row_value(r->new), &old);
        if (r->panic) {
            panics(status, r->panic);
        } else {
            is(status, SLUICE_OK);
            assert_true(row_same(old.item.value, r->want));
        }
        assert_true(row_same(held(v.ref.name), r->panic ? r->init : r->new));
    }
}

static void value_compare_and_swap(void)
{
    const char *const nil = "sync/atomic: compare and swap of nil value into Value";
    const char *const bad = "sync/atomic: compare and swap of inconsistently typed value into Value";
    const char *const two = "sync/atomic: compare and swap of inconsistently typed values";
    const struct row rows[] = {
        {0, 0, 0, 0, nil},  {0, 1, 3, 0, two},  {0, 3, 3, 0, NULL}, {0, 0, 3, 1, NULL}, {3, 0, 1, 0, bad},
        {3, 2, 3, 0, NULL}, {3, 3, 3, 1, NULL}, {3, 3, 2, 1, NULL}, {3, 0, 2, 0, NULL}, {3, 3, 0, 0, nil},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        bool swapped = false;
        sluice_cell v = row_cell(r);
        enum sluice_status status =
            sluice_cell_compare_and_swap(me, v, row_value(r->old), row_value(r->new), &swapped);
        if (r->panic)
            panics(status, r->panic);
        else
            is(status, SLUICE_OK);
        assert_int_equal(swapped, r->want);
        assert_true(row_same(held(v.ref.name), r->want ? r->new : r->init));
    }
}

/* TestValueConcurrent: what is loaded is one of what was stored, whole. */
static void run_stores(struct task *t)
{
    static char texts[3][200];
    memset(texts[t->value], (int)('a' + t->value), sizeof texts[0] - 1);
    sluice_cell v = sluice_cell_named(t->a);
    for (int i = 0; t->status == SLUICE_OK && i < ROUNDS; i++) {
        struct sluice_content got = {0};
        t->status = sluice_cell_store(t->s, v, sluice_text(texts[t->value]));
        if (t->status == SLUICE_OK)
            t->status = sluice_cell_load(t->s, v, &got);
        const char *text = got.item.value.bytes.data;
        for (size_t k = 0; t->status == SLUICE_OK && k < got.item.value.bytes.size; k++)
            t->got += text[k] != text[0];
        t->got += got.item.value.bytes.size != sizeof texts[0] - 1;
        sluice_item_free(&got.item);
    }
}

/* TestValueSwapConcurrent: every value that went in comes out once. */
static void run_swaps(struct task *t)
{
    sluice_cell v = sluice_cell_named(t->a);
    for (int i = 0; t->status == SLUICE_OK && i < ROUNDS; i++) {
        struct sluice_content old = {0};
        t->status = sluice_cell_swap(t->s, v, sluice_int(t->value * ROUNDS + i), &old);
        t->got += old.item.value.type == SLUICE_TYPE_INT64 ? old.item.value.integer : 0;
    }
}

/* TestValueCompareAndSwapConcurrent: t->times tasks in turn, each from its number on. */
static void run_turns(struct task *t)
{
    sluice_cell v = sluice_cell_named(t->a);
    uint64_t seen = 0;
    for (int64_t j = t->value; t->status == SLUICE_OK && j < t->times * 100;) {
        bool swapped = false;
        struct sluice_content now = {0};
        t->status = sluice_cell_compare_and_swap(t->s, v, sluice_int(j), sluice_int(j + 1), &swapped);
        if (swapped)
            j += t->times;
        else if (t->status == SLUICE_OK)
            t->status = sluice_cell_wait(t->s, v, seen, NULL, &now);
        seen = now.revision;
    }
}

/* Joined, all saw nothing wrong; the sum of what they got. */
static int64_t together(void (*run)(struct task *t), const char *name, int count)
{
    struct task *t[4];
    int64_t sum = 0;
    for (int i = 0; i < count; i++) {
        t[i] = task_new(run);
        t[i]->a = name;
        t[i]->value = i;
        t[i]->times = count;
        task_start(t[i]);
    }
    for (int i = 0; i < count; i++) {
        is(join(t[i]), SLUICE_OK);
        sum += t[i]->got;
    }
    return sum;
}

static void c123_atomic_value(void **state)
{
    (void)state;
    value_store();
    value_swap();
    value_compare_and_swap();
    assert_int_equal(together(run_stores, new_cell(), 3), 0);
    const char *v = new_cell();
    int64_t n = INT64_C(4) * ROUNDS, sum = together(run_swaps, v, 4);
    assert_int_equal(sum + held(v).integer, n * (n - 1) / 2);
    v = new_cell();
    is(sluice_cell_store(me, sluice_cell_named(v), sluice_int(0)), SLUICE_OK);
    (void)together(run_turns, v, 4);
    assert_int_equal(held(v).integer, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c119_once),
        CASE(c121_oncevalue_panic),
        CASE(c122_atomics),
        CASE(c123_atomic_value),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

/*
 * counter_test.c - counters against the real daemon: Go's atomics, waiting, fences, and adding once over a broken connection.
 *
 * A wait that has to wait is a future: requests of one connection are handled in order, so that it is known to wait once a later
 * call has returned.
 */
#include <signal.h>

#include "case.h"
#include "relay.h"
#include "served.h"

static struct served daemon_;
static sluice *s;

static int start(void **state)
{
    (void)state;
    daemon_ = served_start("counter", NULL);
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

static sluice_counter anonymous(int64_t value)
{
    sluice_counter c;
    assert_status(sluice_counter_make(s, NULL, value, &c), SLUICE_OK);
    return c;
}

static int64_t load(sluice_counter c)
{
    int64_t value;
    assert_status(sluice_counter_load(s, c, &value), SLUICE_OK);
    return value;
}

static void test_atomics(void **state)
{
    (void)state;
    sluice_counter c = anonymous(40);
    int64_t v;
    bool swapped;
    assert_status(sluice_counter_add(s, c, 2, &v), SLUICE_OK);
    assert_int_equal(v, 42);
    assert_status(sluice_counter_add(s, c, -50, NULL), SLUICE_OK);
    assert_int_equal(load(c), -8);
    assert_status(sluice_counter_store(s, c, 12), SLUICE_OK);
    assert_status(sluice_counter_swap(s, c, 10, &v), SLUICE_OK);
    assert_int_equal(v, 12);
    assert_status(sluice_counter_cas(s, c, 10, 11, &swapped), SLUICE_OK);
    assert_true(swapped);
    assert_status(sluice_counter_cas(s, c, 10, 12, &swapped), SLUICE_OK);
    assert_false(swapped);
    assert_status(sluice_counter_cas(s, c, 11, 11, &swapped), SLUICE_OK);
    assert_true(swapped);
    struct sluice_update found = {.verb = SLUICE_UPDATE_CAS, .operand = 1, .expected = 2};
    assert_status(sluice_counter_update(s, c, &found, &v, &swapped), SLUICE_OK);
    assert_true(!swapped && v == 11);
    assert_status(sluice_counter_and(s, c, 9, &v), SLUICE_OK);
    assert_true(v == 11 && load(c) == 9);
    assert_status(sluice_counter_or(s, c, 6, &v), SLUICE_OK);
    assert_true(v == 9 && load(c) == 15);
    assert_status(sluice_counter_xor(s, c, 5, &v), SLUICE_OK);
    assert_true(v == 15 && load(c) == 10);
    assert_status(sluice_counter_max(s, c, 20, &v), SLUICE_OK);
    assert_true(v == 10 && load(c) == 20);
    assert_status(sluice_counter_max(s, c, 3, &v), SLUICE_OK);
    assert_true(v == 20 && load(c) == 20);
    assert_status(sluice_counter_min(s, c, -3, &v), SLUICE_OK);
    assert_true(v == 20 && load(c) == -3);
    assert_status(sluice_counter_store(s, c, INT64_MAX), SLUICE_OK);
    assert_status(sluice_counter_add(s, c, 1, &v), SLUICE_OK);
    assert_true(v == INT64_MIN);
}

static void test_make(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_counter_spec spec = SLUICE_COUNTER_SPEC_INIT;
    struct sluice_made made;
    sluice_counter c, again;
    how.name = "n/1";
    spec.value = 3;
    spec.has_min = spec.has_max = true;
    spec.min = -1;
    spec.max = 5;
    assert_status(sluice_counter_make_with(s, &how, &spec, &c, &made), SLUICE_OK);
    assert_true(made.created && made.kind == SLUICE_KIND_COUNTER);
    spec.value = 4;
    assert_status(sluice_counter_make_with(s, &how, &spec, &again, &made), SLUICE_OK);
    assert_false(made.created);
    assert_int_equal(load(again), 3);
    assert_status(sluice_counter_make(s, "n/1", 0, &again), SLUICE_MISMATCH);
    assert_status(sluice_counter_add(s, c, 3, NULL), SLUICE_INVALID);
    assert_status(sluice_counter_store(s, c, -2), SLUICE_INVALID);
    assert_status(sluice_counter_add(s, c, INT64_MAX, NULL), SLUICE_INVALID);
    assert_int_equal(load(c), 3);
    assert_status(sluice_counter_add(s, c, 2, NULL), SLUICE_OK);
    assert_status(sluice_counter_open(s, "n/1", SLUICE_RIGHT_RECV, &again), SLUICE_OK);
    assert_int_equal(load(again), 5);
    assert_status(sluice_counter_store(s, again, 1), SLUICE_NO_RIGHT);
    spec.value = 9;
    assert_status(sluice_counter_make_with(s, NULL, &spec, &again, NULL), SLUICE_INVALID);
    spec.size = 3;
    assert_status(sluice_counter_make_with(s, NULL, &spec, &again, NULL), SLUICE_INVALID);
    assert_status(sluice_counter_load(s, sluice_counter_named("no"), NULL), SLUICE_NOT_FOUND);
}

/* ---- Waiting. */

static sluice_future *wait_later(sluice_counter c, enum sluice_compare compare, int64_t operand)
{
    sluice_future *f;
    assert_status(sluice_counter_wait_start(s, c, compare, operand, NULL, &f), SLUICE_OK);
    sluice_flush(s);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_false(sluice_future_done(f));
    return f;
}

static int64_t waited(sluice_future *f)
{
    struct sluice_result r;
    assert_status(sluice_future_finish(f, &r), SLUICE_OK);
    return r.number;
}

static void test_wait(void **state)
{
    (void)state;
    sluice_counter c = anonymous(0), nil = SLUICE_NIL;
    int64_t v;
    assert_status(sluice_counter_wait(s, c, SLUICE_COMPARE_EQ, 0, NULL, &v), SLUICE_OK);
    assert_int_equal(v, 0);
    assert_status(sluice_counter_wait(s, c, SLUICE_COMPARE_NE, 1, NULL, NULL), SLUICE_OK);
    assert_status(sluice_counter_wait(s, c, SLUICE_COMPARE_LT, 0, sluice_no_wait(), &v), SLUICE_WOULD_BLOCK);
    assert_status(sluice_counter_wait(s, nil, SLUICE_COMPARE_EQ, 0, sluice_no_wait(), &v), SLUICE_INVALID);
    assert_status(sluice_counter_wait(s, c, SLUICE_COMPARE_NONE, 0, NULL, &v), SLUICE_INVALID);
    sluice_future *eq = wait_later(c, SLUICE_COMPARE_EQ, 5), *ne = wait_later(c, SLUICE_COMPARE_NE, 0),
                  *lt = wait_later(c, SLUICE_COMPARE_LT, -1), *le = wait_later(c, SLUICE_COMPARE_LE, -3),
                  *gt = wait_later(c, SLUICE_COMPARE_GT, 5), *ge = wait_later(c, SLUICE_COMPARE_GE, 5);
    assert_status(sluice_counter_store(s, c, 5), SLUICE_OK);
    assert_status(sluice_counter_store(s, c, -2), SLUICE_OK);
    assert_int_equal(waited(eq), 5);
    assert_int_equal(waited(ne), 5);
    assert_int_equal(waited(ge), 5);
    assert_int_equal(waited(lt), -2);
    assert_false(sluice_future_done(le) || sluice_future_done(gt));
    assert_status(sluice_counter_store(s, c, INT64_MIN), SLUICE_OK);
    assert_true(waited(le) == INT64_MIN);
    assert_status(sluice_counter_store(s, c, INT64_MAX), SLUICE_OK);
    assert_true(waited(gt) == INT64_MAX);
    eq = wait_later(c, SLUICE_COMPARE_EQ, 5);
    assert_status(sluice_remove(s, c.ref), SLUICE_OK);
    assert_status(sluice_future_finish(eq, NULL), SLUICE_REMOVED);
}

static void test_select(void **state)
{
    (void)state;
    sluice_counter c = anonymous(0);
    int64_t low = 0, high = 0;
    int index;
    const struct sluice_arm arms[] = {sluice_arm_counter(c, SLUICE_COMPARE_LT, 0, &low),
                                      sluice_arm_counter(c, SLUICE_COMPARE_GE, 10, &high)};
    assert_status(sluice_select(s, arms, 2, sluice_no_wait(), &index, NULL), SLUICE_WOULD_BLOCK);
    assert_status(sluice_counter_store(s, c, 12), SLUICE_OK);
    assert_status(sluice_select(s, arms, 2, NULL, &index, NULL), SLUICE_OK);
    assert_true(index == 1 && high == 12 && low == 0);
    const struct sluice_arm bare[] = {sluice_arm_of(SLUICE_VERB_WAIT, c.ref)};
    assert_status(sluice_select(s, bare, 1, NULL, &index, NULL), SLUICE_INVALID);
}

/* ---- Fences. */

static enum sluice_status put(sluice_counter c, int64_t value, uint64_t fence)
{
    struct sluice_update u = {.verb = SLUICE_UPDATE_STORE, .operand = value, .fence = fence};
    return sluice_counter_update(s, c, &u, NULL, NULL);
}

/* Who lost the lock cannot change what it guarded. */
static void test_fence(void **state)
{
    (void)state;
    struct sluice_counter_spec spec = SLUICE_COUNTER_SPEC_INIT;
    struct sluice_grant old, new;
    struct sluice_description *d;
    sluice_counter c, free_one = anonymous(0);
    sluice_mutex m;
    spec.fenced = true;
    assert_status(sluice_counter_make_with(s, NULL, &spec, &c, NULL), SLUICE_OK);
    assert_status(sluice_mutex_make(s, NULL, &m), SLUICE_OK);
    assert_status(sluice_mutex_lock(s, m, 0, NULL, &old), SLUICE_OK);
    assert_status(put(c, 1, 0), SLUICE_MISUSE);
    assert_status(sluice_counter_add(s, c, 1, NULL), SLUICE_MISUSE);
    assert_status(put(c, 1, old.token), SLUICE_OK);
    assert_status(sluice_mutex_unlock(s, m, old.token), SLUICE_OK);
    assert_status(sluice_mutex_lock(s, m, 0, NULL, &new), SLUICE_OK);
    assert_status(put(c, 2, old.token), SLUICE_OK); /* the newer one has not been seen yet */
    assert_status(put(c, 3, new.token), SLUICE_OK);
    assert_status(put(c, 4, old.token), SLUICE_STALE_TOKEN);
    assert_status(put(c, 5, new.token), SLUICE_OK);
    assert_int_equal(load(c), 5);
    assert_status(sluice_describe(s, c.ref, &d), SLUICE_OK);
    assert_int_equal(d->count.value, 5);
    assert_int_equal(d->count.fence, new.token);
    sluice_description_free(d);
    assert_status(put(free_one, 1, new.token), SLUICE_OK);
    assert_status(put(free_one, 2, old.token), SLUICE_STALE_TOKEN);
    assert_status(put(free_one, 3, 0), SLUICE_OK);
}

/* ---- Exactly once. */

static void test_exactly_once(void **state)
{
    (void)state;
    struct relay *relay = relay_start(daemon_.address);
    struct sluice_options o = options_for(relay_address(relay));
    sluice_counter c;
    sluice *cut;
    bool swapped;
    o.resume_ns = 60 * SLUICE_SECOND;
    assert_status(sluice_open(&o, &cut), SLUICE_OK);
    assert_status(sluice_counter_make(cut, "bill", 0, &c), SLUICE_OK);
    for (int64_t i = 1; i <= 50; i++) {
        int64_t v;
        relay_cut(relay);
        assert_status(sluice_counter_add(cut, c, 1, &v), SLUICE_OK);
        assert_int_equal(v, i);
    }
    relay_cut(relay);
    assert_status(sluice_counter_cas(cut, c, 50, 51, &swapped), SLUICE_OK);
    assert_true(swapped);
    assert_int_equal(relay_cuts(relay), 51);
    assert_int_equal(load(sluice_counter_named("bill")), 51);
    sluice_close(cut);
    relay_stop(relay);
}

enum { THREADS = 4, ADDS = 250 };

static void *add_many(void *argument)
{
    const sluice_counter *c = argument;
    for (int i = 0; i < ADDS; i++) {
        int64_t v;
        bool swapped = false;
        assert_status(sluice_counter_add(s, *c, 1, NULL), SLUICE_OK);
        while (!swapped) {
            assert_status(sluice_counter_load(s, *c, &v), SLUICE_OK);
            assert_status(sluice_counter_cas(s, *c, v, v + 1, &swapped), SLUICE_OK);
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    sluice_counter c = anonymous(0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &c), 0);
    assert_status(sluice_counter_wait(s, c, SLUICE_COMPARE_EQ, 2 * THREADS * ADDS, NULL, NULL), SLUICE_OK);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(load(c), 2 * THREADS * ADDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_atomics), cmocka_unit_test(test_make),  cmocka_unit_test(test_wait),
        cmocka_unit_test(test_select),  cmocka_unit_test(test_fence), cmocka_unit_test(test_exactly_once),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

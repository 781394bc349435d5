/*
 * runq_test.c - run queues: the smallest start first, equals as they came, and any node may leave.
 *
 * A random sequence of pushes and removals is compared with an array that is searched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "prng.h"
#include "runq.h"

static void test_order(void **state)
{
    (void)state;
    struct runq q = {NULL};
    struct runq_node nodes[4] = {0};
    assert_false(runq_linked(&nodes[0]));
    runq_push(&q, &nodes[0], 5, 1);
    runq_push(&q, &nodes[1], 3, 2);
    runq_push(&q, &nodes[2], 5, 3);
    runq_push(&q, &nodes[3], -1, 4);
    static const int order[] = {3, 1, 0, 2};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(runq_audit(&q), 4 - i);
        assert_ptr_equal(q.first, &nodes[order[i]]);
        runq_remove(&q, q.first);
        assert_false(runq_linked(&nodes[order[i]]));
    }
    assert_null(q.first);
}

enum { NODES = 500, STEPS = 20000 };

static const struct runq_node *least(const struct runq_node *nodes)
{
    const struct runq_node *best = NULL;
    for (int i = 0; i < NODES; i++)
        if (runq_linked(&nodes[i]) && (!best || runq_before(&nodes[i], best)))
            best = &nodes[i];
    return best;
}

static void test_any_node_may_leave(void **state)
{
    (void)state;
    static struct runq_node nodes[NODES];
    struct runq q = {NULL};
    struct prng prng;
    uint64_t count = 0;
    prng_seed(&prng, 11);
    for (uint64_t step = 1; step <= STEPS; step++) {
        struct runq_node *n = &nodes[prng_below(&prng, NODES)];
        if (runq_linked(n))
            runq_remove(&q, n);
        else
            runq_push(&q, n, (int64_t)prng_below(&prng, 50), step);
        count = runq_linked(n) ? count + 1 : count - 1;
        assert_int_equal(runq_audit(&q), count);
        assert_ptr_equal(q.first, least(nodes));
    }
}

/* In order of arrival, a hundred thousand and more: the sides stay short. */
static void test_many(void **state)
{
    (void)state;
    static struct runq_node nodes[200000];
    struct runq q = {NULL};
    for (uint64_t i = 0; i < 200000; i++)
        runq_push(&q, &nodes[i], 0, i + 1);
    for (uint64_t i = 0; i < 200000; i++) {
        assert_ptr_equal(q.first, &nodes[i]);
        runq_remove(&q, q.first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_any_node_may_leave),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

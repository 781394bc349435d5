/*
 * heap_test.c - deadlines in total order, and any of them removable.
 *
 * The model is the plainest: look at all nodes and take the least by (deadline, arming). Random insertions and removals from anywhere
 * are compared with it step by step. Promises are tested for what they are for: after one was given an insertion cannot fail, and
 * where there is no memory none is given and nothing has changed.
 */
#include "heap.h"
#include "kit.h"
#include "prng.h"

enum { NODES = 500 };

static struct mem mem = {.max = 1 << 20};

static void equal_deadlines_in_order_of_arming(void **state)
{
    (void)state;
    struct heap h;
    struct heap_node nodes[NODES] = {0};
    heap_init(&h, &mem);
    assert_null(heap_first(&h));
    assert_true(heap_reserve(&h, NODES));
    for (int i = 0; i < NODES; i++)
        heap_insert(&h, &nodes[i], i % 3, DUE_ARM);
    heap_audit(&h);
    for (int due = 0; due < 3; due++)
        for (int i = due; i < NODES; i += 3) {
            assert_ptr_equal(heap_first(&h), &nodes[i]);
            heap_remove(&h, &nodes[i]);
        }
    assert_null(heap_first(&h));
    heap_release(&h, NODES);
    heap_done(&h);
    assert_int_equal(mem.used, 0);
}

/* Random insertions and removals against the plainest model: look at all. */
static void any_node_can_go(void **state)
{
    (void)state;
    struct heap h;
    struct prng prng;
    struct heap_node nodes[NODES] = {0};
    heap_init(&h, &mem);
    prng_seed(&prng, 7);
    assert_true(heap_reserve(&h, NODES));
    for (int step = 0; step < 20000; step++) {
        struct heap_node *node = &nodes[prng_below(&prng, NODES)];
        if (node->slot)
            heap_remove(&h, node);
        else
            heap_insert(&h, node, (int64_t)prng_below(&prng, 50), DUE_ARM);
        const struct heap_node *least = NULL;
        for (int i = 0; i < NODES; i++)
            if (nodes[i].slot && (!least || nodes[i].due_ns < least->due_ns ||
                                  (nodes[i].due_ns == least->due_ns && nodes[i].seq < least->seq)))
                least = &nodes[i];
        assert_ptr_equal(heap_first(&h), least);
        if (step % 100 == 0)
            heap_audit(&h);
    }
    for (int i = 0; i < NODES; i++)
        heap_remove(&h, &nodes[i]); /* idle ones too */
    heap_release(&h, NODES);
    heap_done(&h);
}

static void a_promise_without_memory(void **state)
{
    (void)state;
    struct heap h;
    struct mem small = {.max = 3000};
    heap_init(&h, &small);
    assert_true(heap_reserve(&h, 60));
    assert_false(heap_reserve(&h, 1000));
    assert_int_equal(h.reserved, 60);
    assert_true(heap_reserve(&h, 4));
    heap_release(&h, 64);
    heap_done(&h);
    assert_int_equal(small.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_deadlines_in_order_of_arming),
                                       cmocka_unit_test(any_node_can_go),
                                       cmocka_unit_test(a_promise_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * arena_test.c - memory for one request: aligned, apart, bounded, and given back.
 *
 * The bound is what protects the daemon, so it is tested from both sides: what fits is given, one byte more is not, and a reset after a large
 * request leaves no more than the arena may keep.
 */
#include "client.h"

static void places_are_apart(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_SIZE_MAX);
    uint8_t *last = NULL;
    for (size_t size = 0; size < 3000; size += 7) {
        uint8_t *p = arena_alloc(&a, size);
        assert_non_null(p);
        assert_ptr_not_equal(p, size ? last : NULL);
        assert_int_equal((uintptr_t)p % 8, 0);
        memset(p, 0xab, size);
        last = p;
    }
    arena_done(&a);
}

static void the_bound_holds(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 100000);
    size_t taken = 0;
    while (arena_alloc(&a, 1000))
        taken += 1000;
    assert_in_range(taken, 80000, 100000);
    assert_true(a.held <= 100000);
    assert_null(arena_alloc(&a, 200000));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 50000));
    arena_done(&a);
}

static void sizes_that_overflow(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_SIZE_MAX);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 6));
    assert_null(arena_array(&a, SIZE_MAX / 2, 16));
    assert_null(arena_array(&a, ARENA_SIZE_MAX, 2));
    assert_non_null(arena_array(&a, 0, 16));
    arena_done(&a);
}

static void a_reset_keeps_what_is_usual(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_SIZE_MAX);
    assert_int_equal(a.held, 0);
    arena_alloc(&a, 100);
    struct arena_block *first = a.block;
    for (int i = 0; i < 100; i++) {
        arena_reset(&a);
        arena_alloc(&a, 1000);
        assert_ptr_equal(a.block, first);
    }
    assert_int_equal(a.held, ARENA_KEPT_MIN);
    arena_done(&a);
}

static void a_reset_trims(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_SIZE_MAX);
    assert_non_null(arena_alloc(&a, (size_t)20 << 20));
    arena_reset(&a);
    assert_int_equal(a.held, ARENA_KEPT_MAX);
    for (int i = 0; i < 40; i++)
        assert_non_null(arena_alloc(&a, 100000));
    arena_reset(&a);
    assert_int_equal(a.held, ARENA_KEPT_MAX);
    arena_done(&a);
    assert_int_equal(a.held, 0);
    arena_reset(&a);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_apart),    cmocka_unit_test(the_bound_holds),
        cmocka_unit_test(sizes_that_overflow), cmocka_unit_test(a_reset_keeps_what_is_usual),
        cmocka_unit_test(a_reset_trims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

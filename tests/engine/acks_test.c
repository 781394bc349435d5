/*
 * acks_test.c - runs of acknowledged numbers against a bitmap.
 *
 * The structure must say of every number what a plain array of flags says, through joins, splits and trims of runs and of the pages
 * they stand in. And it must do so in any order of numbers: a client chooses them, so a slow order would be a way to hold the daemon
 * up. That is shown by size: a quadratic structure would not come to the end of the last test.
 */
#include "acks.h"
#include "kit.h"
#include "prng.h"

enum { NUMBERS = 4000 };

static bool noted[NUMBERS];

static void compare(const struct acks *a)
{
    acks_audit(a);
    for (uint64_t n = 0; n < NUMBERS; n++)
        assert_int_equal(acks_has(a, n), noted[n]);
}

/* Random numbers noted, from sparse to full, and the low ones trimmed now and then. */
static void like_a_bitmap(void **state)
{
    (void)state;
    struct mem mem = {.max = 1 << 24};
    struct prng prng;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct acks a = {0};
        uint64_t below = 0;
        prng_seed(&prng, seed);
        memset(noted, 0, sizeof noted);
        for (int step = 0; step < 30000; step++) {
            uint64_t n = prng_below(&prng, NUMBERS);
            if (seed % 2)
                n = n / 2 * 2 + (step > 15000); /* even numbers first: the most runs there can be */
            if (n < below)
                continue;
            assert_true(acks_add(&a, &mem, n));
            noted[n] = true;
            if (step % 5000 == 4999) {
                compare(&a);
                below += prng_below(&prng, NUMBERS / 8);
                acks_trim(&a, &mem, below);
                memset(noted, 0, below * sizeof *noted);
                compare(&a);
            }
        }
        acks_trim(&a, &mem, NUMBERS);
        assert_int_equal(a.count, 0);
        acks_done(&a, &mem);
        assert_int_equal(mem.used, 0);
    }
}

static void the_ends_of_the_numbers(void **state)
{
    (void)state;
    struct mem mem = {.max = 1 << 20};
    struct acks a = {0};
    assert_true(acks_add(&a, &mem, UINT64_MAX));
    assert_true(acks_add(&a, &mem, UINT64_MAX - 1));
    assert_true(acks_add(&a, &mem, 0));
    acks_audit(&a);
    assert_true(acks_has(&a, UINT64_MAX));
    assert_false(acks_has(&a, UINT64_MAX - 2));
    acks_trim(&a, &mem, UINT64_MAX);
    assert_true(acks_has(&a, UINT64_MAX));
    acks_done(&a, &mem);
}

static void without_memory_a_number_is_not_noted(void **state)
{
    (void)state;
    struct mem mem = {.max = 1 << 20};
    struct acks a = {0};
    for (uint64_t nth = 1; nth <= 2; nth++) {
        mem.fail_in = nth;
        assert_false(acks_add(&a, &mem, 5));
        assert_false(acks_has(&a, 5));
    }
    for (uint64_t n = 0; n < ACK_PAGE_RUNS; n++)
        assert_true(acks_add(&a, &mem, 2 * n));
    mem.fail_in = 1;
    assert_false(acks_add(&a, &mem, 31 * 4 + 100)); /* the page is full and cannot split */
    acks_audit(&a);
    assert_true(acks_add(&a, &mem, 1)); /* what joins runs needs none */
    acks_done(&a, &mem);
    assert_int_equal(mem.used, 0);
}

/* A million runs opened in the worst order, then trimmed one by one. */
static void no_order_is_slow(void **state)
{
    (void)state;
    struct mem mem = {.max = 1 << 28};
    struct acks a = {0};
    const uint64_t runs = 1000000;
    for (uint64_t n = runs; n-- > 0;)
        assert_true(acks_add(&a, &mem, 2 * n));
    for (uint64_t n = 0; n < runs; n++)
        acks_trim(&a, &mem, 2 * n + 1);
    assert_int_equal(a.count, 0);
    acks_done(&a, &mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_a_bitmap), cmocka_unit_test(the_ends_of_the_numbers),
        cmocka_unit_test(without_memory_a_number_is_not_noted), cmocka_unit_test(no_order_is_slow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

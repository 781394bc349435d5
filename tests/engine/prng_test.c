/*
 * prng_test.c - xoshiro256**: the same numbers for the same seed, within bounds, evenly.
 *
 * The first outputs are those of its authors' code. Bounds are tried where rounding to a range would go wrong: one, a number that does
 * not divide the range, more than half of it. Evenness is a chi-squared test with a fixed seed, so it passes always or never.
 * Fairness of select, which rests on it, is in select_test.c.
 */
#include "kit.h"
#include "prng.h"

static void the_same_seed(void **state)
{
    (void)state;
    struct prng a, b, c;
    prng_seed(&a, 5);
    prng_seed(&b, 5);
    prng_seed(&c, 6);
    unsigned equal = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t x = prng_next(&a);
        assert_true(x == prng_next(&b));
        equal += x == prng_next(&c);
    }
    assert_int_equal(equal, 0);
}

/* The first outputs of the authors' code for the state {1, 2, 3, 4}. */
static void known_numbers(void **state)
{
    (void)state;
    struct prng p = {{1, 2, 3, 4}};
    assert_true(prng_next(&p) == 11520);
    assert_true(prng_next(&p) == 0);
    assert_true(prng_next(&p) == 1509978240);
    assert_true(prng_next(&p) == UINT64_C(1215971899390074240));
}

static void bounds(void **state)
{
    (void)state;
    struct prng p;
    prng_seed(&p, 1);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(prng_below(&p, 1), 0);
        assert_in_range(prng_below(&p, 3), 0, 2);
        assert_true(prng_below(&p, UINT64_MAX) < UINT64_MAX);
        assert_true(prng_below(&p, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

/* Chi squared over ten faces: 27.9 is passed by chance once in a thousand times, and the seed is fixed. */
static void evenly(void **state)
{
    (void)state;
    struct prng p;
    double chi = 0;
    uint64_t seen[10] = {0};
    prng_seed(&p, 2);
    for (int i = 0; i < 100000; i++)
        seen[prng_below(&p, 10)]++;
    for (int i = 0; i < 10; i++)
        chi += ((double)seen[i] - 10000) * ((double)seen[i] - 10000) / 10000;
    assert_true(chi < 27.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_seed), cmocka_unit_test(known_numbers),
                                       cmocka_unit_test(bounds), cmocka_unit_test(evenly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

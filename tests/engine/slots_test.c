/*
 * slots_test.c - numbers that are never valid twice.
 *
 * A number is an index and a generation: small while slots are fresh, of another generation when a slot is used again, and stale ones
 * find nothing. Promises of slots are kept without memory; a slot whose generations are used up is never given out again, which is
 * tried by setting its generation near the end.
 */
#include "kit.h"
#include "slots.h"

static struct mem mem = {.max = 1 << 20};
static int things[8];

static uint64_t claim(struct slots *s, int *thing, uint32_t extra)
{
    assert_true(slots_reserve(s, &mem, 1));
    return slots_take(s, thing, extra);
}

static void small_numbers_and_stale_ones(void **state)
{
    (void)state;
    struct slots s = {0};
    uint64_t a = claim(&s, &things[0], 7), b = claim(&s, &things[1], 8);
    assert_int_equal(a, 1);
    assert_int_equal(b, 2);
    assert_ptr_equal(slots_get(&s, a)->pointer, &things[0]);
    assert_int_equal(slots_get(&s, b)->extra, 8);
    slots_give(&s, a);
    assert_null(slots_get(&s, a));
    uint64_t c = claim(&s, &things[2], 9);
    assert_int_equal(c & UINT32_MAX, 1); /* the same slot, of another generation */
    assert_int_not_equal(c, a);
    assert_null(slots_get(&s, a));
    assert_ptr_equal(slots_get(&s, c)->pointer, &things[2]);
    assert_null(slots_get(&s, 0));
    assert_null(slots_get(&s, 100));
    assert_null(slots_get(&s, UINT64_MAX));
    slots_done(&s, &mem);
    assert_int_equal(mem.used, 0);
}

static void promises(void **state)
{
    (void)state;
    struct slots s = {0};
    assert_true(slots_reserve(&s, &mem, 5));
    uint64_t first = slots_take(&s, &things[0], 0);
    for (int i = 1; i < 5; i++)
        slots_take(&s, &things[i], 0);
    assert_int_equal(s.reserved, 0);
    assert_int_equal(s.used, 5);
    assert_true(slots_reserve(&s, &mem, 3));
    slots_release(&s, 3);
    slots_give(&s, first);
    assert_int_equal(s.used, 4);
    struct mem none = {.max = 0};
    struct slots empty = {0};
    assert_false(slots_reserve(&empty, &none, 1));
    assert_int_equal(empty.reserved, 0);
    slots_done(&s, &mem);
}

static void a_worn_out_slot_retires(void **state)
{
    (void)state;
    struct slots s = {0};
    uint64_t a = claim(&s, &things[0], 0);
    s.table[0].generation = UINT32_MAX - 1;
    a |= (uint64_t)(UINT32_MAX - 1) << 32;
    slots_give(&s, a);
    uint64_t b = claim(&s, &things[1], 0);
    assert_int_not_equal(b & UINT32_MAX, 1);
    assert_null(slots_get(&s, a));
    slots_done(&s, &mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_numbers_and_stale_ones),
                                       cmocka_unit_test(promises), cmocka_unit_test(a_worn_out_slot_retires)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

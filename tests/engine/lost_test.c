/*
 * lost_test.c - each report of a lost reply is used up once.
 *
 * Reports come in any order and any number for one route. A route that was reported twice is lost twice, then no more; reports that
 * come after the first question are found as well. Without memory a report is refused and nothing else is forgotten.
 *
 * What a session makes of it is told in session_test.c.
 */
#include "kit.h"
#include "lost.h"

static void each_report_once(void **state)
{
    (void)state;
    struct mem mem = {.max = 1 << 20};
    struct lost l = {0};
    assert_false(lost_take(&l, 1));
    for (uint64_t route = 100; route > 0; route--)
        assert_true(lost_add(&l, &mem, route));
    assert_true(lost_add(&l, &mem, 50));
    assert_true(lost_take(&l, 50));
    assert_true(lost_take(&l, 50));
    assert_false(lost_take(&l, 50));
    assert_false(lost_take(&l, 101));
    assert_true(lost_add(&l, &mem, 50)); /* after it was sorted */
    assert_true(lost_take(&l, 50));
    assert_true(lost_take(&l, 100));
    lost_clear(&l);
    assert_false(lost_take(&l, 1));
    lost_done(&l, &mem);
    assert_int_equal(mem.used, 0);
}

static void without_memory(void **state)
{
    (void)state;
    struct mem mem = {.max = 1 << 20, .fail_in = 1};
    struct lost l = {0};
    assert_false(lost_add(&l, &mem, 1));
    assert_true(lost_add(&l, &mem, 2));
    assert_false(lost_take(&l, 1));
    lost_done(&l, &mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_report_once), cmocka_unit_test(without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

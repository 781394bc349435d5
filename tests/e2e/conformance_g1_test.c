/*
 * conformance_g1_test.c - part G of the conformance cases, rate.Limiter: allowing, reserving, giving back, tuning.
 *
 * From golang/time's rate/rate_test.go. The tables are Go's own, in Go's order, with the numbers of conform_rate.h; what an instant is to Go's
 * methods that end in At is at_ns here.
 */
#include "conform_rate.h"

/* ALLOW t, n, whether. RESERVE t, n, when it may act, as what it is kept. */
#define A(t, n, yes)              \
    {                             \
        ALLOW, (t), (n), (yes), 0 \
    }
#define R(t, n, act)                \
    {                               \
        RESERVE, (t), (n), (act), 0 \
    }
#define K(t, n, act, keep)               \
    {                                    \
        RESERVE, (t), (n), (act), (keep) \
    }
#define X(t, kept, yes)               \
    {                                 \
        CANCEL, (t), (kept), (yes), 0 \
    }
/* clang-format off */

static void c137_burst1(void **state)
{
    (void)state;
    RATE(10, 1,
         A(0, 1, YES), A(0, 1, NO), A(0, 1, NO),
         A(1, 1, YES), A(1, 1, NO), A(1, 1, NO),
         A(2, 2, NO), A(2, 1, YES), A(2, 1, NO));
}

static void c138_burst3(void **state)
{
    (void)state;
    RATE(10, 3,
         A(0, 2, YES), A(0, 2, NO), A(0, 1, YES), A(0, 1, NO),
         A(1, 4, NO), A(2, 1, YES), A(3, 1, YES),
         A(4, 1, YES), A(4, 1, YES), A(4, 1, NO), A(4, 1, NO),
         A(9, 3, YES), A(9, 0, YES));
    /* TestLimiterJumpBackwards */
    RATE(10, 3,
         A(1, 1, YES), A(0, 1, YES), A(0, 1, YES), A(0, 1, NO), A(0, 1, NO),
         A(1, 1, YES), A(1, 1, NO), A(1, 1, NO),
         A(2, 1, YES), A(2, 1, NO), A(2, 1, NO));
}

static void c140_reserve_simple(void **state)
{
    (void)state;
    RATE(10, 2, R(0, 2, 0), R(0, 2, 2), R(3, 2, 4));
    RATE(10, 2, R(0, 2, 0), {MAX, 0, 1, 1, 0}, {MAX, 0, 1, NOT_OK, 0}); /* TestReserveMax */
}

static void c140_reserve_mix(void **state)
{
    (void)state;
    RATE(10, 2,
         R(0, 3, NOT_OK), R(0, 2, 0), A(1, 2, NO), R(1, 2, 2), A(1, 1, NO), A(3, 1, YES));
}

static void c141_cancel_last(void **state)
{
    (void)state;
    RATE(10, 2, R(0, 2, 0), K(0, 2, 2, 1), X(1, 1, YES), R(1, 2, 2));
    /* only once */
    RATE(10, 2, R(0, 2, 0), K(0, 2, 2, 1), X(1, 1, YES), X(1, 1, NO), R(1, 2, 2));
}

static void c141_cancel_too_late(void **state)
{
    (void)state;
    RATE(10, 2, R(0, 2, 0), K(0, 2, 2, 1), X(3, 1, NO), R(3, 2, 4));
}

static void c141_cancel_invalid(void **state)
{
    (void)state;
    RATE(10, 2, R(0, 2, 0), K(0, 3, NOT_OK, 1), X(0, 1, NO), R(0, 2, 2));
}

/* TestCancel0Tokens, TestCancel1Token, TestCancelMulti: what later reservations were built on does not come back. */
static void c141_cancel_among_others(void **state)
{
    (void)state;
    RATE(10, 2, R(0, 2, 0), K(0, 1, 1, 1), R(0, 1, 2), X(0, 1, NO), R(0, 1, 3));
    RATE(10, 2, R(0, 2, 0), K(0, 2, 2, 1), R(0, 1, 3), X(2, 1, YES), R(2, 2, 4));
    RATE(10, 4,
         R(0, 4, 0), K(0, 3, 3, 1), R(0, 1, 4), K(0, 1, 5, 2), X(1, 2, YES), X(1, 1, YES), R(1, 3, 5));
}

static void c144_jump_back(void **state)
{
    (void)state;
    RATE(10, 2,
         R(1, 2, 1), R(0, 1, 1), R(2, 2, 3), R(0, 3, NOT_OK), R(2, 1, 4), {MAX, 0, 2, NOT_OK, 0}, R(2, 1, 5));
}

static void c144_jump_back_cancel(void **state)
{
    (void)state;
    RATE(10, 2, R(1, 2, 1), K(1, 2, 3, 1), R(1, 1, 4), X(0, 1, YES), R(1, 2, 4));
}

static void c145_retune(void **state)
{
    (void)state;
    RATE(5, 2, R(0, 2, 0), R(0, 2, 4), {SET_LIMIT, 2, 10, 0, 0}, R(2, 1, 4));
    RATE(5, 2, R(0, 2, 0), R(0, 2, 4), {SET_BURST, 3, 4, 0, 0}, R(0, 4, 9));
    RATE(5, 2, R(0, 2, 0), K(0, 2, 4, 1), {SET_LIMIT, 2, 10, 0, 0}, X(2, 1, YES), R(2, 2, 3));
}
/* clang-format on */

/* What Tokens says in between, in the cases that ask. */
static void c138_c140_tokens(void **state)
{
    (void)state;
    const char *r = new_bucket(sluice_rate_per_second(10), 3);
    assert_int_equal(tokens(r), 3);
    assert_true(allow(r, 3));
    assert_int_equal(tokens(r), 0);
    assert_false(allow(r, 4));
    advance(2 * D);
    assert_int_equal(tokens(r), 2);
    assert_true(allow(r, 1));
    advance(5 * D);
    assert_int_equal(tokens(r), 3);
    /* in debt: nothing is allowed, not even nothing */
    struct sluice_reserve how = SLUICE_RESERVE_INIT;
    struct sluice_quota q;
    how.permits = 2;
    for (int i = 0; i < 2; i++)
        is(sluice_limiter_reserve(me, sluice_limiter_named(r), &how, &q), SLUICE_OK);
    assert_int_equal(q.delay_ns, D);
    assert_int_equal(tokens(r), -1);
    assert_false(allow(r, 1));
    assert_false(allow(r, 0));
    advance(D);
    assert_true(allow(r, 0));
    assert_false(allow(r, 1));
    advance(D);
    assert_true(allow(r, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c137_burst1),          CASE(c138_burst3),           CASE(c138_c140_tokens),
        CASE(c140_reserve_simple),  CASE(c140_reserve_mix),      CASE(c141_cancel_last),
        CASE(c141_cancel_too_late), CASE(c141_cancel_invalid),   CASE(c141_cancel_among_others),
        CASE(c144_jump_back),       CASE(c144_jump_back_cancel), CASE(c145_retune),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

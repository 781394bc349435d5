/*
 * timer_test.c - phases, ends of time, and who gets the one value.
 *
 * A ticker is read at random instants and must tell whole periods; a timer is reset, stopped and received at random beside a model of
 * three lines. Periods and delays at the end of the 64-bit nanoseconds neither overflow nor fire. A timer that nobody waits for is not
 * in the heap: it wakes nobody.
 */
#include <stdlib.h>

#include "kit.h"
#include "prng.h"

static struct op try_recv(uint64_t s, const char *name)
{
    struct op op = recv_from(s, name);
    op.no_wait = true;
    return op;
}

/* A ticker read at random instants: each value is a whole number of periods, the last that was due. */
static void the_phase_is_kept(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct kit *k = kit_new(NULL);
        struct prng prng;
        prng_seed(&prng, seed);
        int64_t period = 1 + (int64_t)prng_below(&prng, 100), next = period;
        uint64_t s = kit_session(k);
        kit_get(k, make_ticker(s, "t", period), STATUS_OK);
        for (int i = 0; i < 300; i++) {
            k->now_ns += (int64_t)prng_below(&prng, (uint64_t)(3 * period));
            const struct answer *a = answer(k, kit_ask(k, try_recv(s, "t")));
            assert_int_equal(a->reply.status, k->now_ns >= next ? STATUS_OK : STATUS_WOULD_BLOCK);
            if (a->reply.status != STATUS_OK)
                continue;
            assert_int_equal(a->int64, next);
            next += period * (1 + (k->now_ns - next) / period);
        }
        kit_free(k);
    }
}

static void ticks_to_the_end_of_time(void **state)
{
    (void)state;
    const int64_t periods[] = {1, 3, INT64_MAX / 2, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        struct kit *k = kit_new(NULL);
        uint64_t s = kit_session(k);
        kit_get(k, make_ticker(s, "t", periods[i]), STATUS_OK);
        kit_get(k, make_timer(s, "huge", INT64_MAX), STATUS_OK);
        kit_time(k, INT64_MAX);
        const struct answer *a = answer(k, kit_ask(k, try_recv(s, "t")));
        assert_int_equal(a->reply.status, i < 4 ? STATUS_OK : STATUS_WOULD_BLOCK);
        kit_get(k, try_recv(s, "t"), STATUS_WOULD_BLOCK);
        kit_get(k, try_recv(s, "huge"), STATUS_WOULD_BLOCK);
        uint64_t waits = kit_ask(k, recv_from(s, "t"));
        kit_time(k, INT64_MAX);
        assert_null(answer(k, waits));
        kit_free(k);
    }
}

static void one_value_for_several(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), waits[3];
    kit_get(k, make_timer(s, "t", SECOND), STATUS_OK);
    for (int i = 0; i < 3; i++)
        waits[i] = kit_ask(k, recv_from(s, "t"));
    kit_time(k, 2 * SECOND);
    assert_int_equal(answered(k, waits[0], STATUS_OK)->int64, SECOND);
    assert_null(answer(k, waits[1]));
    assert_false(kit_get(k, reset(s, "t", 0), STATUS_OK)->reply.truth);
    assert_int_equal(answered(k, waits[1], STATUS_OK)->int64, 2 * SECOND);
    assert_null(answer(k, waits[2]));
    kit_get(k, of_name(OP_STOP, s, "t"), STATUS_OK);
    kit_get(k, of_name(OP_REMOVE, s, "t"), STATUS_OK);
    answered(k, waits[2], STATUS_REMOVED);
    kit_free(k);
}

/* Nobody waits, nothing wakes: a timer stands in the heap only while someone does. */
static void no_wake_up_for_nobody(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_ticker(s, "t", SECOND), STATUS_OK);
    assert_int_equal(engine_next_deadline(k->engine), NEVER_NS);
    struct op op = recv_from(s, "t");
    op.has_timeout = true;
    op.timeout_ns = SECOND / 2;
    uint64_t waits = kit_ask(k, op);
    assert_int_equal(engine_next_deadline(k->engine), SECOND / 2);
    kit_time(k, SECOND / 2);
    answered(k, waits, STATUS_DEADLINE_EXCEEDED);
    assert_int_equal(engine_next_deadline(k->engine), NEVER_NS);
    kit_free(k);
}

/* A timer's value is a batch of one. */
static void in_a_batch(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_timer(s, "t", 0), STATUS_OK);
    const struct answer *a = kit_get(k, recv_many(s, "t", 5), STATUS_OK);
    assert_int_equal(a->items, 1);
    assert_int_equal(a->int64, 0);
    kit_free(k);
}

/* Random resets, stops and receives beside the plainest model of a timer. */
static void like_the_model(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    struct prng prng;
    uint64_t s = kit_session(k);
    bool armed = true;
    int64_t due = 10;
    prng_seed(&prng, 5);
    kit_get(k, make_timer(s, "t", 10), STATUS_OK);
    for (int i = 0; i < 3000; i++) {
        k->now_ns += (int64_t)prng_below(&prng, 10);
        int64_t delay = (int64_t)prng_below(&prng, 30) - 5;
        switch (prng_below(&prng, 3)) {
        case 0:
            assert_int_equal(kit_get(k, reset(s, "t", delay), STATUS_OK)->reply.truth, armed);
            armed = true;
            due = k->now_ns + (delay > 0 ? delay : 0);
            break;
        case 1:
            assert_int_equal(kit_get(k, of_name(OP_STOP, s, "t"), STATUS_OK)->reply.truth, armed);
            armed = false;
            break;
        default: {
            const struct answer *a = answer(k, kit_ask(k, try_recv(s, "t")));
            bool ready = armed && due <= k->now_ns;
            assert_int_equal(a->reply.status, ready ? STATUS_OK : STATUS_WOULD_BLOCK);
            if (ready)
                assert_int_equal(a->int64, due);
            armed = armed && !ready;
        }
        }
    }
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_phase_is_kept),
        cmocka_unit_test(ticks_to_the_end_of_time),
        cmocka_unit_test(one_value_for_several),
        cmocka_unit_test(no_wake_up_for_nobody),
        cmocka_unit_test(in_a_batch),
        cmocka_unit_test(like_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

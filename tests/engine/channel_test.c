/*
 * channel_test.c - what golden traces cannot show of channels: random orders, large numbers, and the edges of batches.
 *
 * Order is checked against the order of sends, at every small capacity, through single receives and batches, and when leased items
 * come back at random. Batches end where slots for handles or the size of a frame end, and then the rest must still be with its
 * senders. Tests with large numbers show costs: with a quadratic one they would not end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kit_sched.h"
#include "prng.h"

static const char *next(struct kit *k, uint64_t session, const char *channel)
{
    struct op op = recv_from(session, channel);
    op.no_wait = true;
    const struct answer *a = answer(k, kit_ask(k, op));
    return a->reply.status == STATUS_OK ? a->texts[0] : "";
}

/* cap and the number of values sent, parked senders included: in order through every kind of receiver. */
static void in_order_at_every_capacity(void **state)
{
    (void)state;
    for (int64_t cap = 0; cap < 12; cap++) {
        struct kit *k = kit_new(NULL);
        uint64_t s = kit_session(k);
        char names[24][16];
        uint64_t sent[24];
        kit_get(k, make_channel(s, "c", cap), STATUS_OK);
        for (int i = 0; i < 24; i++) {
            snprintf(names[i], sizeof names[i], "%d", i);
            sent[i] = kit_ask(k, send_to(s, "c", names[i]));
            assert_int_equal(answer(k, sent[i]) != NULL, i < cap);
        }
        assert_int_equal(kit_view(k, "c").channel.len, cap);
        for (int i = 0; i < 12; i++) {
            assert_string_equal(next(k, s, "c"), names[i]);
            assert_int_equal(answer(k, sent[i + (cap ? (int)cap : 0)]) != NULL, 1);
            if (i + (int)cap + 1 < 24)
                assert_null(answer(k, sent[i + cap + 1]));
        }
        const struct answer *rest = kit_get(k, recv_many(s, "c", 100), STATUS_OK);
        assert_int_equal(rest->items, 12);
        assert_string_equal(rest->texts[0], "12");
        for (int i = 0; i < 24; i++)
            answered(k, sent[i], STATUS_OK);
        kit_free(k);
    }
}

/* The buffer of an unbuffered channel is never seen. */
static void the_high_water_of_nothing(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    kit_get(k, make_channel(s, "c", 0), STATUS_OK);
    kit_ask(k, recv_from(s, "c"));
    kit_get(k, send_to(s, "c", "x"), STATUS_OK);
    assert_int_equal(kit_view(k, "c").channel.len_max, 0);
    assert_int_equal(kit_view(k, "c").channel.sent, 1);
    kit_free(k);
}

/* Leased items given back in a random order come again in the order of their sends, before what was sent since. */
static void given_back_in_any_order(void **state)
{
    (void)state;
    enum { MANY = 200 };
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct kit *k = kit_new(NULL);
        struct prng prng;
        uint64_t s = kit_session(k), leases[MANY];
        char name[16];
        prng_seed(&prng, seed);
        kit_get(k, make_channel(s, "c", 2 * MANY), STATUS_OK);
        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "%03d", i);
            kit_get(k, send_to(s, "c", name), STATUS_OK);
            leases[i] = kit_get(k, recv_leased(s, "c", SECOND), STATUS_OK)->leases[0];
        }
        kit_get(k, send_to(s, "c", "new"), STATUS_OK);
        for (uint64_t i = MANY; i > 1; i--) {
            uint64_t j = prng_below(&prng, i), swap = leases[i - 1];
            leases[i - 1] = leases[j];
            leases[j] = swap;
        }
        for (int i = 0; i < MANY; i++)
            kit_get(k, lease_op(OP_NACK, s, &leases[i], 1), STATUS_OK);
        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "%03d", i);
            assert_string_equal(next(k, s, "c"), name);
        }
        assert_string_equal(next(k, s, "c"), "new");
        kit_free(k);
    }
}

/* The same order is no trap: the last given back first, then all others from the first. */
static void no_order_of_giving_back_is_slow(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), *leases = calloc(MANY, sizeof *leases);
    assert_non_null(leases);
    kit_get(k, make_channel(s, "c", MANY), STATUS_OK);
    k->audits = k->keeps = false;
    for (int i = 0; i < MANY; i++)
        kit_ask(k, send_to(s, "c", "x"));
    for (int i = 0; i < MANY; i++) {
        k->keeps = i == 0;
        uint64_t r = kit_ask(k, recv_leased(s, "c", SECOND));
        leases[i] = i == 0 ? answer(k, r)->leases[0] : leases[0] + (uint64_t)i; /* they count up */
    }
    kit_ask(k, lease_op(OP_NACK, s, &leases[MANY - 1], 1));
    for (int i = 0; i < MANY - 1; i++)
        kit_ask(k, lease_op(OP_NACK, s, &leases[i], 1));
    assert_int_equal(kit_view(k, "c").channel.len, MANY);
    engine_audit(k->engine);
    free(leases);
    kit_free(k);
}

/* A batch of handles takes from senders only what it has slots for: the others have not sent. */
static void a_batch_ends_where_handles_do(void **state)
{
    (void)state;
    struct engine_options options = {.seed = 1, .limits.handles_max = 3};
    struct kit *k = kit_new(&options);
    uint64_t s = kit_session(k), other = kit_session(k), sent[4];
    struct op make = make_channel(s, "h", 0);
    make.make.channel.type = VALUE_HANDLE;
    kit_get(k, make, STATUS_OK);
    for (int i = 0; i < 4; i++) {
        struct op op = send_to(other, "h", "");
        op.send.value = (struct value){.type = VALUE_HANDLE, .ref = by_name("h")};
        sent[i] = kit_ask(k, op);
    }
    assert_int_equal(kit_get(k, recv_many(s, "h", 10), STATUS_OK)->items, 2);
    answered(k, sent[1], STATUS_OK);
    assert_null(answer(k, sent[2]));
    assert_int_equal(kit_view(k, "h").channel.len, 0);
    assert_int_equal(kit_view(k, "h").channel.senders, 2);
    kit_get(k, recv_many(s, "h", 10), STATUS_LIMIT);
    kit_free(k);
}

/* No batch is larger than the largest payload, but for its first value. */
static void a_batch_fits_a_frame(void **state)
{
    (void)state;
    struct engine_options options = {.seed = 1, .limits.payload_size_max = 100};
    struct kit *k = kit_new(&options);
    uint64_t s = kit_session(k);
    char bytes[100];
    memset(bytes, 'x', sizeof bytes);
    for (int64_t cap = 0; cap <= 20; cap += 20) {
        const char *name = cap ? "buffered" : "direct";
        kit_get(k, make_channel(s, name, cap), STATUS_OK);
        for (size_t i = 0; i < 10; i++) {
            struct op op = send_to(s, name, "");
            op.send.value.bytes = (struct bytes){bytes, i % 5 == 4 ? 100 : 30};
            kit_ask(k, op);
        }
        const uint32_t wanted[] = {3, 1, 1, 3, 1, 1};
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(kit_get(k, recv_many(s, name, 20), STATUS_OK)->items, wanted[i]);
        assert_string_equal(next(k, s, name), "");
    }
    kit_free(k);
}

/* Closed and drained: who leases waits for what others may give back, but not for what it has itself. */
static void closed_with_leases_out(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t a = kit_session(k), b = kit_session(k), c = kit_session(k);
    kit_get(k, make_channel(a, "c", 5), STATUS_OK);
    kit_get(k, send_to(a, "c", "1"), STATUS_OK);
    kit_get(k, send_to(a, "c", "2"), STATUS_OK);
    uint64_t first = kit_get(k, recv_leased(a, "c", SECOND), STATUS_OK)->leases[0];
    uint64_t second = kit_get(k, recv_leased(b, "c", SECOND), STATUS_OK)->leases[0];
    uint64_t waits[3] = {kit_ask(k, recv_leased(a, "c", SECOND)), kit_ask(k, recv_leased(b, "c", SECOND)),
                         kit_ask(k, recv_leased(c, "c", SECOND))};
    uint64_t takes = kit_ask(k, recv_from(c, "c"));
    kit_get(k, of_name(OP_CLOSE, a, "c"), STATUS_OK);
    answered(k, takes, STATUS_CLOSED);
    kit_get(k, recv_from(c, "c"), STATUS_CLOSED);
    for (int i = 0; i < 3; i++)
        assert_null(answer(k, waits[i]));
    kit_get(k, lease_op(OP_ACK, a, &first, 1), STATUS_OK); /* b has the only one left */
    answered(k, waits[1], STATUS_CLOSED);
    assert_null(answer(k, waits[0]));
    kit_get(k, lease_op(OP_NACK, b, &second, 1), STATUS_OK);
    assert_string_equal(answered(k, waits[0], STATUS_OK)->texts[0], "2");
    kit_get(k, recv_leased(a, "c", SECOND), STATUS_CLOSED);
    uint64_t late = kit_ask(k, recv_leased(b, "c", SECOND));
    second = answer(k, waits[0])->leases[0];
    kit_get(k, lease_op(OP_ACK, a, &second, 1), STATUS_OK);
    answered(k, late, STATUS_CLOSED);
    answered(k, waits[2], STATUS_CLOSED);
    kit_free(k);
}

/* Thousands wait on a closed channel for thousands of leases: each acknowledgement is cheap. */
static void acknowledging_is_cheap_when_many_wait(void **state)
{
    (void)state;
    enum { MANY = 60000 };
    struct kit *k = kit_new(NULL);
    uint64_t a = kit_session(k), b = kit_session(k), first = 0;
    kit_get(k, make_channel(a, "c", 2 * MANY), STATUS_OK);
    for (int i = 0; i < MANY; i++) {
        k->audits = k->keeps = i == 0;
        kit_ask(k, send_to(a, "c", "x"));
        uint64_t r = kit_ask(k, recv_leased(a, "c", SECOND));
        if (i == 0)
            first = answer(k, r)->leases[0];
    }
    kit_ask(k, of_name(OP_CLOSE, a, "c"));
    for (int i = 0; i < MANY; i++)
        kit_ask(k, recv_leased(b, "c", SECOND));
    assert_int_equal(kit_view(k, "c").channel.receivers, MANY);
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t lease = first + i;
        kit_ask(k, lease_op(OP_ACK, a, &lease, 1));
    }
    assert_int_equal(kit_view(k, "c").channel.receivers, 0);
    kit_free(k);
}

/* Values are sent by random hands and received by random hands; every one comes once, each sender's in order. */
static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    enum { SENDERS = 4, EACH = 500 };
    for (int64_t cap = 0; cap < 4; cap++) {
        struct kit *k = kit_new(NULL);
        struct prng prng;
        uint64_t s = kit_session(k);
        int sent[SENDERS] = {0}, got[SENDERS] = {0}, received = 0;
        uint64_t asked[2 * SENDERS * EACH];
        size_t asks = 0, seen = 0;
        char name[16];
        prng_seed(&prng, (uint64_t)cap);
        kit_get(k, make_channel(s, "c", cap), STATUS_OK);
        k->audits = false;
        while (received < SENDERS * EACH) {
            size_t i = prng_below(&prng, SENDERS);
            if (prng_below(&prng, 2) && sent[i] < EACH) {
                snprintf(name, sizeof name, "%zu %d", i, sent[i]++);
                kit_ask(k, send_to(s, "c", name));
            } else if (asks < SENDERS * EACH) {
                asked[asks++] = kit_ask(k, recv_from(s, "c"));
            }
            for (const struct answer *a; seen < asks && (a = answer(k, asked[seen])); seen++, received++) {
                int from, number;
                assert_int_equal(sscanf(a->texts[0], "%d %d", &from, &number), 2);
                assert_int_equal(number, got[from]++);
            }
        }
        engine_audit(k->engine);
        kit_free(k);
    }
}

/* A channel says what its values are. Who opens it need not; who does must say the same. */
static void what_its_messages_are(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k);
    struct op make = make_channel(s, "orders", 1);
    make.make.channel.message = (struct bytes){"shop.Order", 10};
    make.make.channel.schema = (struct bytes){"descriptors", 11};
    without_memory(k, make);
    struct channel_view v = kit_view(k, "orders").channel;
    assert_int_equal(v.message.size, 10);
    assert_memory_equal(v.message.data, "shop.Order", 10);
    assert_memory_equal(v.schema.data, "descriptors", 11);
    kit_get(k, make, STATUS_OK);
    kit_get(k, make_channel(s, "orders", 1), STATUS_OK);
    make.make.channel.message = (struct bytes){"shop.order", 10};
    kit_get(k, make, STATUS_MISMATCH);
    make.make.channel.message = (struct bytes){0};
    make.make.channel.schema = (struct bytes){"", 0};
    kit_get(k, make, STATUS_MISMATCH);
    kit_get(k, make_channel(s, "plain", 1), STATUS_OK);
    make = make_channel(s, "plain", 1);
    make.make.channel.message = (struct bytes){"shop.Order", 10};
    kit_get(k, make, STATUS_MISMATCH);
    make = make_channel(s, "numbers", 1);
    make.make.channel.type = VALUE_INT64;
    make.make.channel.message = (struct bytes){"shop.Order", 10};
    kit_get(k, make, STATUS_INVALID);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_at_every_capacity),
        cmocka_unit_test(the_high_water_of_nothing),
        cmocka_unit_test(given_back_in_any_order),
        cmocka_unit_test(no_order_of_giving_back_is_slow),
        cmocka_unit_test(a_batch_ends_where_handles_do),
        cmocka_unit_test(a_batch_fits_a_frame),
        cmocka_unit_test(closed_with_leases_out),
        cmocka_unit_test(acknowledging_is_cheap_when_many_wait),
        cmocka_unit_test(nothing_is_lost_or_doubled),
        cmocka_unit_test(what_its_messages_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

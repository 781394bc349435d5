/*
 * ordered_test.c - channels that are received by rank.
 *
 * The least rank comes first and equals in the order they came, whichever way they were sent: one by one, in batches, as futures,
 * by an arm of a select, or given back by a lease.
 */
#include <signal.h>

#include "stage.h"

static sluice_chan ordered(int64_t cap)
{
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_chan ch;
    spec.cap = cap;
    spec.ordered = true;
    spec.type = SLUICE_TYPE_STRING;
    assert_status(sluice_chan_make_with(s, NULL, &spec, &ch, NULL), SLUICE_OK);
    return ch;
}

static void put(sluice_chan ch, const char *text, int64_t rank)
{
    struct sluice_wait wait = SLUICE_WAIT_INIT;
    wait.rank = rank;
    assert_status(sluice_send(s, ch, sluice_text(text), &wait), SLUICE_OK);
}

static void expect(sluice_chan ch, const char *text, int64_t rank)
{
    struct sluice_item item;
    assert_status(sluice_recv(s, ch, sluice_no_wait(), &item), SLUICE_OK);
    assert_int_equal(item.rank, rank);
    assert_string_equal(text_of(&item), text);
}

static void test_least_rank_first(void **state)
{
    (void)state;
    struct sluice_description *d;
    sluice_chan ch = ordered(8);
    put(ch, "late", 9);
    put(ch, "first", INT64_MIN);
    put(ch, "plain", 0);
    put(ch, "second", -3);
    put(ch, "late too", 9);
    assert_status(sluice_describe(s, ch.ref, &d), SLUICE_OK);
    assert_true(d->channel.ordered);
    sluice_description_free(d);
    expect(ch, "first", INT64_MIN);
    expect(ch, "second", -3);
    expect(ch, "plain", 0);
    expect(ch, "late", 9);
    expect(ch, "late too", 9);
}

static void test_plain_channels_have_no_rank(void **state)
{
    (void)state;
    struct sluice_wait wait = SLUICE_WAIT_INIT;
    sluice_chan ch;
    wait.rank = 1;
    assert_status(sluice_chan_make(s, NULL, 1, &ch), SLUICE_OK);
    assert_status(sluice_send(s, ch, sluice_str("x"), &wait), SLUICE_INVALID);
}

static void test_batches(void **state)
{
    (void)state;
    const int64_t ranks[] = {5, -1, 5, 0};
    const struct sluice_value values[] = {sluice_text("c"), sluice_text("a"), sluice_text("d"),
                                          sluice_text("b")};
    static const char *const texts[] = {"a", "b", "c", "d", "e", "e", "e", "e"};
    static const int64_t sorted[] = {-1, 0, 5, 5, 7, 7, 7, 7};
    struct sluice_wait wait = SLUICE_WAIT_INIT;
    struct sluice_batch batch;
    size_t sent;
    sluice_chan ch = ordered(8);
    struct sluice_value same[4];
    for (size_t i = 0; i < 4; i++)
        same[i] = sluice_text("e");
    wait.rank = 7;
    assert_status(sluice_send_many(s, ch, same, 4, &wait, &sent), SLUICE_OK);
    wait.ranks = ranks;
    assert_status(sluice_send_many(s, ch, values, 4, &wait, &sent), SLUICE_OK);
    assert_int_equal(sent, 4);
    assert_status(sluice_recv_many(s, ch, 0, 0, NULL, &batch), SLUICE_OK);
    assert_int_equal(batch.count, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(batch.items[i].value.bytes.data, texts[i]);
        assert_int_equal(batch.items[i].rank, sorted[i]);
    }
    sluice_batch_free(&batch);
}

static void test_select_and_futures(void **state)
{
    (void)state;
    struct sluice_wait wait = SLUICE_WAIT_INIT;
    struct sluice_item item;
    sluice_future *f;
    int index;
    sluice_chan ch = ordered(4);
    const struct sluice_arm arms[] = {sluice_arm_ranked(sluice_arm_send(ch, sluice_text("b")), 4)};
    assert_status(sluice_select(s, arms, 1, NULL, &index, &item), SLUICE_OK);
    wait.rank = 2;
    assert_status(sluice_send_start(s, ch, sluice_text("a"), &wait, &f), SLUICE_OK);
    finished(f);
    assert_status(sluice_recv_start(s, ch, 0, NULL, &f), SLUICE_OK);
    struct sluice_result r = finished(f);
    assert_int_equal(r.item.rank, 2);
    assert_string_equal(text_of(&r.item), "a");
    expect(ch, "b", 4);
}

/* What a lease gives back keeps its rank. */
static void test_lease(void **state)
{
    (void)state;
    struct sluice_item item;
    sluice_chan ch = ordered(4);
    put(ch, "a", 1);
    put(ch, "b", 2);
    assert_status(sluice_recv_lease(s, ch, SLUICE_SECOND, NULL, &item), SLUICE_OK);
    assert_int_equal(item.rank, 1);
    put(ch, "urgent", 0);
    assert_status(sluice_nack(s, &item.lease, 1, NULL), SLUICE_OK);
    sluice_item_free(&item);
    expect(ch, "urgent", 0);
    expect(ch, "a", 1);
    expect(ch, "b", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_rank_first),
        cmocka_unit_test(test_plain_channels_have_no_rank),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_select_and_futures),
        cmocka_unit_test(test_lease),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

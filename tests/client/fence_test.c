/*
 * fence_test.c - channels that refuse old tokens, against the real daemon.
 *
 * Tokens are those of a mutex that was locked twice: the older one is what a holder has that was taken for dead.
 */
#include "stage.h"

static sluice_chan channel_of(bool fenced)
{
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_chan ch;
    spec.cap = 4;
    spec.type = SLUICE_TYPE_INT64;
    spec.fenced = fenced;
    assert_status(sluice_chan_make_with(s, NULL, &spec, &ch, NULL), SLUICE_OK);
    return ch;
}

static struct sluice_wait fence(uint64_t token)
{
    struct sluice_wait w = SLUICE_WAIT_INIT;
    w.fence = token;
    return w;
}

static enum sluice_status send_by(sluice_chan ch, uint64_t token)
{
    struct sluice_wait w = fence(token);
    return sluice_send(s, ch, sluice_int(1), &w);
}

static enum sluice_status recv_by(sluice_chan ch, uint64_t token)
{
    struct sluice_wait w = fence(token);
    struct sluice_item item;
    return sluice_recv(s, ch, &w, &item);
}

static uint64_t term(sluice_mutex m)
{
    struct sluice_grant g = locked(m);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
    return g.token;
}

static void test_fenced(void **state)
{
    (void)state;
    sluice_mutex m = mutex_of(NULL);
    uint64_t old = term(m), new = term(m);
    sluice_chan ch = channel_of(true);
    struct sluice_description *d;
    assert_status(send_by(ch, 0), SLUICE_MISUSE);
    assert_status(sluice_send(s, ch, sluice_int(1), NULL), SLUICE_MISUSE);
    assert_status(send_by(ch, old), SLUICE_OK);
    assert_status(send_by(ch, new), SLUICE_OK);
    assert_status(send_by(ch, old), SLUICE_STALE_TOKEN);
    assert_status(recv_by(ch, old), SLUICE_STALE_TOKEN);
    assert_status(recv_by(ch, 0), SLUICE_OK);
    assert_status(recv_by(ch, new), SLUICE_OK);
    assert_status(sluice_describe(s, ch.ref, &d), SLUICE_OK);
    assert_true(d->channel.fenced && d->channel.fence == new);
    sluice_description_free(d);
    assert_status(sluice_chan_close(s, ch), SLUICE_MISUSE);
    assert_status(sluice_chan_close_fenced(s, ch, old), SLUICE_STALE_TOKEN);
    assert_status(sluice_chan_close_fenced(s, ch, new), SLUICE_OK);
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    how.name = "fenced";
    spec.fenced = true;
    assert_status(sluice_chan_make_with(s, &how, &spec, &ch, NULL), SLUICE_OK);
    assert_status(sluice_chan_make(s, "fenced", 0, &ch), SLUICE_MISMATCH);
}

/* Without being fenced a channel still remembers what it has seen. */
static void test_unfenced(void **state)
{
    (void)state;
    sluice_mutex m = mutex_of(NULL);
    uint64_t old = term(m), new = term(m);
    sluice_chan ch = channel_of(false);
    assert_status(send_by(ch, new), SLUICE_OK);
    assert_status(send_by(ch, 0), SLUICE_OK);
    assert_status(send_by(ch, old), SLUICE_STALE_TOKEN);
    assert_status(sluice_chan_close_fenced(s, ch, old), SLUICE_STALE_TOKEN);
    assert_status(sluice_chan_close(s, ch), SLUICE_OK);
}

static void test_batches(void **state)
{
    (void)state;
    sluice_mutex m = mutex_of(NULL);
    uint64_t old = term(m), new = term(m);
    sluice_chan ch = channel_of(true);
    const struct sluice_value values[] = {sluice_int(1), sluice_int(2)};
    struct sluice_wait by_new = fence(new), by_old = fence(old);
    struct sluice_batch batch;
    size_t sent = 9;
    assert_status(sluice_send_many(s, ch, values, 2, NULL, &sent), SLUICE_MISUSE);
    assert_status(sluice_send_many(s, ch, values, 2, &by_new, &sent), SLUICE_OK);
    assert_int_equal(sent, 2);
    assert_status(sluice_send_many(s, ch, values, 2, &by_old, &sent), SLUICE_STALE_TOKEN);
    assert_int_equal(sent, 0);
    assert_status(sluice_recv_many(s, ch, 2, 0, &by_old, &batch), SLUICE_STALE_TOKEN);
    assert_status(sluice_recv_many(s, ch, 2, 0, &by_new, &batch), SLUICE_OK);
    assert_int_equal(batch.count, 2);
    sluice_batch_free(&batch);
}

/* A send that waits is refused when a newer token comes. */
static void test_waiting_send(void **state)
{
    (void)state;
    sluice_mutex m = mutex_of(NULL);
    uint64_t old = term(m), new = term(m);
    sluice_chan ch = channel_of(true);
    struct sluice_wait by_old = fence(old);
    struct sluice_item item;
    sluice_future *f;
    for (int i = 0; i < 4; i++)
        assert_status(send_by(ch, old), SLUICE_OK);
    parked(sluice_send_start(s, ch, sluice_int(5), &by_old, &f), &f);
    struct sluice_wait by_new = fence(new);
    assert_status(sluice_recv(s, ch, &by_new, &item), SLUICE_OK);
    assert_status(sluice_future_finish(f, NULL), SLUICE_STALE_TOKEN);
    assert_status(send_by(ch, old), SLUICE_STALE_TOKEN);
}

static void test_select(void **state)
{
    (void)state;
    sluice_mutex m = mutex_of(NULL);
    uint64_t old = term(m), new = term(m);
    sluice_chan ch = channel_of(true);
    struct sluice_item item;
    int index;
    const struct sluice_arm by_new[] = {sluice_arm_fenced(sluice_arm_send(ch, sluice_int(1)), new)};
    const struct sluice_arm by_old[] = {sluice_arm_fenced(sluice_arm_send(ch, sluice_int(2)), old)};
    const struct sluice_arm by_none[] = {sluice_arm_send(ch, sluice_int(3))};
    const struct sluice_arm recv[] = {sluice_arm_fenced(sluice_arm_recv(ch), old)};
    assert_status(sluice_select(s, by_new, 1, NULL, &index, NULL), SLUICE_OK);
    assert_status(sluice_select(s, by_old, 1, NULL, &index, NULL), SLUICE_STALE_TOKEN);
    assert_status(sluice_select(s, by_none, 1, NULL, &index, NULL), SLUICE_MISUSE);
    assert_status(sluice_select(s, recv, 1, NULL, &index, &item), SLUICE_STALE_TOKEN);
}

static uint64_t lock_and_send(sluice *own)
{
    struct sluice_grant g;
    if (sluice_mutex_lock(own, sluice_mutex_named("writer"), 0, NULL, &g) != SLUICE_OK)
        return 0;
    struct sluice_wait w = fence(g.token);
    return sluice_send(own, sluice_chan_named("log"), sluice_int(1), &w) == SLUICE_OK ? g.token : 0;
}

/* The writer that was killed left its token behind: what it still had on the way is refused once its heir has written. */
static void test_writer_is_killed(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_mutex m = mutex_of("writer");
    sluice_chan ch;
    how.name = "log";
    spec.cap = 9;
    spec.type = SLUICE_TYPE_INT64;
    spec.fenced = true;
    assert_status(sluice_chan_make_with(s, &how, &spec, &ch, NULL), SLUICE_OK);
    struct child c = child_start(&stage, lock_and_send);
    child_kill(&c);
    struct sluice_grant g = locked(m);
    assert_true(g.owner_died);
    assert_status(send_by(ch, g.token), SLUICE_OK);
    assert_status(send_by(ch, c.number), SLUICE_STALE_TOKEN);
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fenced),  cmocka_unit_test(test_unfenced),
        cmocka_unit_test(test_batches), cmocka_unit_test(test_waiting_send),
        cmocka_unit_test(test_select),  cmocka_unit_test(test_writer_is_killed),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

/*
 * daemon_test.c - every call of the library against the real daemon, on a virtual clock.
 *
 * What the rules of channels, contexts and timers are is tested elsewhere, in the engine; here it is that each call reaches its
 * operation with all its arguments and brings everything back.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "case.h"
#include "served.h"

static struct served daemon_;
static sluice *s;

static int start(void **state)
{
    static const char *const options[] = {"--virtual-clock", NULL};
    (void)state;
    daemon_ = served_start("daemon", options);
    s = served_open(&daemon_);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    sluice_close(s);
    served_end(&daemon_, SIGTERM);
    return 0;
}

static void test_channel(void **state)
{
    (void)state;
    sluice_chan c, again, reader;
    struct sluice_made made;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    struct sluice_item item;
    uint64_t len;
    int64_t cap;
    how.name = "c/1";
    spec.cap = 2;
    assert_status(sluice_chan_make_with(s, &how, &spec, &c, &made), SLUICE_OK);
    assert_true(made.created);
    assert_int_equal(made.kind, SLUICE_KIND_CHANNEL);
    assert_int_equal(made.type, SLUICE_TYPE_BYTES);
    assert_int_equal(made.cap, 2);
    assert_int_equal(made.rights, SLUICE_RIGHT_ALL);
    assert_status(sluice_chan_make(s, "c/1", 2, &again), SLUICE_OK);
    assert_status(sluice_chan_make(s, "c/1", 3, &again), SLUICE_MISMATCH);
    how.exclusive = true;
    assert_status(sluice_chan_make_with(s, &how, &spec, &again, NULL), SLUICE_EXISTS);
    assert_status(sluice_chan_make(s, "bad//name", 0, &again), SLUICE_BAD_NAME);
    assert_status(sluice_chan_make(s, "x", -1, &again), SLUICE_INVALID);
    assert_string_equal(sluice_errmsg(), "makechan: size out of range");
    assert_status(sluice_send(s, c, sluice_str("one"), NULL), SLUICE_OK);
    assert_status(sluice_send(s, sluice_chan_named("c/1"), sluice_bytes("t\0o", 3), NULL), SLUICE_OK);
    assert_status(sluice_send(s, c, sluice_str("three"), sluice_no_wait()), SLUICE_WOULD_BLOCK);
    assert_status(sluice_chan_len(s, c, &len), SLUICE_OK);
    assert_int_equal(len, 2);
    assert_status(sluice_chan_cap(s, c, &cap), SLUICE_OK);
    assert_int_equal(cap, 2);
    assert_status(sluice_chan_open(s, "c/1", SLUICE_RIGHT_RECV, &reader), SLUICE_OK);
    assert_status(sluice_send(s, reader, sluice_str("no"), NULL), SLUICE_NO_RIGHT);
    assert_status(sluice_chan_dup(s, reader, SLUICE_RIGHT_SEND, &again), SLUICE_NO_RIGHT);
    assert_status(sluice_recv(s, reader, NULL, &item), SLUICE_OK);
    assert_string_equal(item.value.bytes.data, "one");
    sluice_item_free(&item);
    assert_status(sluice_chan_close(s, c), SLUICE_OK);
    assert_status(sluice_chan_close(s, c), SLUICE_CLOSE_OF_CLOSED);
    assert_string_equal(sluice_errmsg(), "close of closed channel");
    assert_status(sluice_send(s, c, sluice_str("x"), NULL), SLUICE_SEND_ON_CLOSED);
    assert_string_equal(sluice_errmsg(), "send on closed channel");
    assert_status(sluice_recv(s, c, NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.bytes.size, 3);
    assert_memory_equal(item.value.bytes.data, "t\0o", 4);
    sluice_item_free(&item);
    assert_status(sluice_recv(s, c, NULL, &item), SLUICE_CLOSED);
    assert_status(sluice_remove(s, c.ref), SLUICE_OK);
    assert_status(sluice_recv(s, c, NULL, &item), SLUICE_STALE);
    assert_status(sluice_chan_open(s, "c/1", 0, &c), SLUICE_NOT_FOUND);
}

static void test_nil(void **state)
{
    (void)state;
    sluice_chan nil = SLUICE_NIL;
    struct sluice_item item;
    uint64_t len;
    assert_true(sluice_is_nil(nil.ref));
    assert_status(sluice_recv(s, nil, sluice_no_wait(), &item), SLUICE_WOULD_BLOCK);
    assert_status(sluice_send(s, nil, sluice_int(1), sluice_no_wait()), SLUICE_WOULD_BLOCK);
    assert_status(sluice_chan_close(s, nil), SLUICE_CLOSE_OF_NIL);
    assert_status(sluice_chan_len(s, nil, &len), SLUICE_OK);
    assert_int_equal(len, 0);
    assert_status(sluice_drop(s, nil.ref), SLUICE_OK);
}

static sluice_chan typed(enum sluice_type type)
{
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_chan c;
    spec.cap = 100;
    spec.type = type;
    assert_status(sluice_chan_make_with(s, NULL, &spec, &c, NULL), SLUICE_OK);
    return c;
}

static void test_types(void **state)
{
    (void)state;
    struct sluice_item item;
    sluice_chan c = typed(SLUICE_TYPE_INT64);
    assert_status(sluice_send(s, c, sluice_int(INT64_MIN), NULL), SLUICE_OK);
    assert_status(sluice_send(s, c, sluice_str("x"), NULL), SLUICE_WRONG_TYPE);
    assert_status(sluice_recv(s, c, NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.type, SLUICE_TYPE_INT64);
    assert_true(item.value.integer == INT64_MIN);
    assert_status(sluice_drop(s, c.ref), SLUICE_OK);
    assert_status(sluice_send(s, c, sluice_int(1), NULL), SLUICE_STALE);
    c = typed(SLUICE_TYPE_DOUBLE);
    assert_status(sluice_send(s, c, sluice_real(-0.5), NULL), SLUICE_OK);
    assert_status(sluice_recv(s, c, NULL, &item), SLUICE_OK);
    assert_true(item.value.real == -0.5);
    c = typed(SLUICE_TYPE_STRING);
    assert_status(sluice_send(s, c, sluice_text("h\xc3\xa9"), NULL), SLUICE_OK);
    assert_status(sluice_recv(s, c, NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.type, SLUICE_TYPE_STRING);
    assert_string_equal(item.value.bytes.data, "h\xc3\xa9");
    sluice_item_free(&item);
    c = typed(SLUICE_TYPE_JSON);
    assert_status(sluice_send(s, c, sluice_json("{\"a\":[1,2]}"), NULL), SLUICE_OK);
    assert_status(sluice_send(s, c, sluice_json("{"), NULL), SLUICE_INVALID);
    assert_status(sluice_recv(s, c, NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.type, SLUICE_TYPE_JSON);
    sluice_item_free(&item);
}

/* A channel through a channel, with fewer rights. */
static void test_objects(void **state)
{
    (void)state;
    struct sluice_item item;
    sluice_chan inner = typed(SLUICE_TYPE_INT64), outer = typed(SLUICE_TYPE_HANDLE);
    assert_status(sluice_send(s, outer, sluice_object(inner.ref, SLUICE_RIGHT_SEND), NULL), SLUICE_OK);
    struct sluice_value two[] = {sluice_object(inner.ref, 0), sluice_object(outer.ref, 0)};
    assert_status(sluice_send_many(s, outer, two, 2, NULL, NULL), SLUICE_OK);
    assert_status(sluice_recv(s, outer, NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.type, SLUICE_TYPE_HANDLE);
    assert_int_equal(item.value.kind, SLUICE_KIND_CHANNEL);
    assert_int_equal(item.value.rights, SLUICE_RIGHT_SEND);
    sluice_chan got = sluice_chan_of(item.value.object);
    assert_status(sluice_send(s, got, sluice_int(42), NULL), SLUICE_OK);
    assert_status(sluice_recv(s, got, NULL, &item), SLUICE_NO_RIGHT);
    assert_status(sluice_recv(s, inner, NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.integer, 42);
    assert_status(sluice_drop(s, got.ref), SLUICE_OK);
    struct sluice_batch batch;
    assert_status(sluice_recv_many(s, outer, 0, 0, NULL, &batch), SLUICE_OK);
    assert_int_equal(batch.count, 2);
    assert_status(sluice_send(s, sluice_chan_of(batch.items[0].value.object), sluice_int(7), NULL),
                  SLUICE_OK);
    sluice_batch_free(&batch);
}

static void test_batches(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct sluice_value values[COUNT];
    struct sluice_batch batch;
    char texts[COUNT][12];
    size_t sent = 0;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_chan c;
    spec.cap = COUNT;
    assert_status(sluice_chan_make_with(s, NULL, &spec, &c, NULL), SLUICE_OK);
    for (int i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        values[i] = sluice_str(i % 7 == 0 ? "" : texts[i]);
    }
    assert_status(sluice_send_many(s, c, values, COUNT, NULL, &sent), SLUICE_OK);
    assert_int_equal(sent, COUNT);
    assert_status(sluice_send_many(s, c, values, 1, sluice_no_wait(), &sent), SLUICE_WOULD_BLOCK);
    assert_int_equal(sent, 0);
    assert_status(sluice_recv_many(s, c, 10, 0, NULL, &batch), SLUICE_OK);
    assert_int_equal(batch.count, 10);
    sluice_batch_free(&batch);
    assert_status(sluice_recv_many(s, c, 0, 0, NULL, &batch), SLUICE_OK);
    assert_int_equal(batch.count, COUNT - 10);
    for (size_t i = 0; i < batch.count; i++) {
        assert_string_equal(batch.items[i].value.bytes.data, (i + 10) % 7 == 0 ? "" : texts[i + 10]);
        assert_int_equal(batch.items[i].value.bytes.size, strlen(batch.items[i].value.bytes.data));
    }
    sluice_batch_free(&batch);
    sluice_batch_free(&batch);
    assert_status(sluice_chan_close(s, c), SLUICE_OK);
    assert_status(sluice_recv_many(s, c, 0, 0, NULL, &batch), SLUICE_CLOSED);
    c = typed(SLUICE_TYPE_INT64);
    for (int i = 0; i < 100; i++)
        values[i] = sluice_int(i * INT64_C(-10000000000));
    assert_status(sluice_send_many(s, c, values, 100, NULL, &sent), SLUICE_OK);
    assert_status(sluice_recv_many(s, c, 0, 0, NULL, &batch), SLUICE_OK);
    assert_int_equal(batch.count, 100);
    for (int i = 0; i < 100; i++)
        assert_true(batch.items[i].value.integer == i * INT64_C(-10000000000));
    sluice_batch_free(&batch);
}

static void test_leases(void **state)
{
    (void)state;
    sluice_chan c, dead = typed(SLUICE_TYPE_BYTES);
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    struct sluice_item item;
    struct sluice_batch batch;
    size_t done;
    spec.cap = 10;
    spec.deliveries_max = 3;
    spec.dead_letter = dead;
    assert_status(sluice_chan_make_with(s, NULL, &spec, &c, NULL), SLUICE_OK);
    assert_status(sluice_send(s, c, sluice_str("a"), NULL), SLUICE_OK);
    assert_status(sluice_recv_lease(s, c, SLUICE_SECOND, NULL, &item), SLUICE_OK);
    assert_int_equal(item.deliveries, 1);
    assert_status(sluice_nack(s, &item.lease, 1, &done), SLUICE_OK);
    assert_int_equal(done, 1);
    assert_status(sluice_nack(s, &item.lease, 1, &done), SLUICE_NOT_LEASED);
    assert_int_equal(done, 0);
    sluice_item_free(&item);
    assert_status(sluice_recv_lease(s, c, SLUICE_SECOND, NULL, &item), SLUICE_OK);
    assert_int_equal(item.deliveries, 2);
    sluice_item_free(&item);
    assert_status(sluice_clock_advance(s, SLUICE_SECOND, false, NULL), SLUICE_OK);
    assert_status(sluice_recv_many(s, c, 0, SLUICE_SECOND, NULL, &batch), SLUICE_OK);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.items[0].deliveries, 3);
    assert_status(sluice_extend(s, &batch.items[0].lease, 1, 10 * SLUICE_SECOND, &done), SLUICE_OK);
    assert_int_equal(done, 1);
    assert_status(sluice_clock_advance(s, 9 * SLUICE_SECOND, false, NULL), SLUICE_OK);
    assert_status(sluice_recv(s, c, sluice_no_wait(), &item), SLUICE_WOULD_BLOCK);
    assert_status(sluice_clock_advance(s, SLUICE_SECOND, false, NULL), SLUICE_OK);
    sluice_batch_free(&batch);
    assert_status(sluice_recv(s, dead, sluice_no_wait(), &item), SLUICE_OK);
    assert_string_equal(item.value.bytes.data, "a");
    sluice_item_free(&item);
    sluice_lease leases[30];
    for (int i = 0; i < 30; i++)
        leases[i] = (sluice_lease){0, 0};
    for (int i = 0; i < 5; i++) {
        assert_status(sluice_send(s, c, sluice_str("b"), NULL), SLUICE_OK);
        assert_status(sluice_recv_lease(s, c, SLUICE_SECOND, NULL, &item), SLUICE_OK);
        leases[i * 2] = item.lease;
        sluice_item_free(&item);
    }
    sluice_future *future;
    struct sluice_result r;
    assert_status(sluice_ack_start(s, leases, 1, &future), SLUICE_OK);
    assert_status(sluice_future_finish(future, &r), SLUICE_OK);
    assert_int_equal(r.count, 1);
    assert_status(sluice_ack(s, leases, 30, &done), SLUICE_NOT_LEASED);
    assert_int_equal(done, 4);
    assert_status(sluice_ack(s, NULL, 0, &done), SLUICE_OK);
}

static void test_select(void **state)
{
    (void)state;
    sluice_chan a = typed(SLUICE_TYPE_INT64), b = typed(SLUICE_TYPE_INT64), nil = SLUICE_NIL;
    struct sluice_item item;
    int index;
    struct sluice_arm arms[] = {sluice_arm_recv(a), sluice_arm_recv(nil), sluice_arm_after(SLUICE_SECOND),
                                sluice_arm_default()};
    assert_status(sluice_select(s, arms, 4, NULL, &index, &item), SLUICE_OK);
    assert_int_equal(index, 3);
    assert_int_equal(item.value.type, SLUICE_TYPE_NONE);
    assert_status(sluice_select(s, arms, 3, sluice_no_wait(), &index, &item), SLUICE_WOULD_BLOCK);
    assert_int_equal(index, -1);
    assert_status(sluice_send(s, a, sluice_int(5), NULL), SLUICE_OK);
    assert_status(sluice_select(s, arms, 4, NULL, &index, &item), SLUICE_OK);
    assert_int_equal(index, 0);
    assert_int_equal(item.value.integer, 5);
    struct sluice_arm send = sluice_arm_send(b, sluice_int(6));
    assert_status(sluice_select(s, &send, 1, NULL, &index, NULL), SLUICE_OK);
    assert_int_equal(index, 0);
    arms[0] = sluice_arm_recv_ref(b.ref, SLUICE_SECOND);
    assert_status(sluice_select(s, arms, 1, NULL, NULL, &item), SLUICE_OK);
    assert_true(item.lease.number != 0);
    assert_status(sluice_ack(s, &item.lease, 1, NULL), SLUICE_OK);
    assert_status(sluice_chan_close(s, a), SLUICE_OK);
    arms[0] = sluice_arm_recv(a);
    assert_status(sluice_select(s, arms, 2, NULL, &index, &item), SLUICE_CLOSED);
    assert_int_equal(index, 0);
    arms[0] = sluice_arm_send(a, sluice_int(1));
    assert_status(sluice_select(s, arms, 1, NULL, &index, NULL), SLUICE_SEND_ON_CLOSED);
    assert_int_equal(index, 0);
    sluice_future *future;
    struct sluice_result r;
    assert_status(sluice_select_start(s, arms + 2, 1, NULL, &future), SLUICE_OK);
    sluice_flush(s);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_status(sluice_clock_advance(s, SLUICE_SECOND, false, NULL), SLUICE_OK);
    assert_status(sluice_future_finish(future, &r), SLUICE_OK);
    assert_int_equal(r.index, 0);
    struct sluice_arm *many = calloc(65537, sizeof *many);
    assert_non_null(many);
    for (int i = 0; i < 65537; i++)
        many[i] = sluice_arm_recv(a);
    assert_status(sluice_select(s, many, 65536, NULL, &index, NULL), SLUICE_CLOSED);
    assert_status(sluice_select(s, many, 65537, NULL, &index, NULL), SLUICE_LIMIT);
    assert_string_equal(sluice_errmsg(), "reflect.Select: too many cases (max 65536)");
    assert_int_equal(index, -1);
    free(many);
}

static void test_contexts(void **state)
{
    (void)state;
    sluice_ctx root, todo, a, b, c, d, nil = SLUICE_NIL;
    enum sluice_status err;
    char *text;
    bool has;
    int64_t at;
    struct sluice_clock clock;
    assert_status(sluice_ctx_background(s, &root), SLUICE_OK);
    assert_status(sluice_ctx_todo(s, &todo), SLUICE_OK);
    assert_status(sluice_ctx_string(s, todo, &text), SLUICE_OK);
    assert_string_equal(text, "context.TODO");
    sluice_free(text);
    assert_status(sluice_ctx_with_cancel(s, nil, &a), SLUICE_INVALID);
    assert_string_equal(sluice_errmsg(), "cannot create context from nil parent");
    assert_status(sluice_ctx_with_cancel(s, root, &a), SLUICE_OK);
    struct sluice_ctx_key key = {"app", "str", "user"};
    assert_status(sluice_ctx_with_value(s, a, key, sluice_str("ann"), &b), SLUICE_OK);
    assert_status(sluice_ctx_with_timeout(s, b, SLUICE_SECOND, "slow", &c), SLUICE_OK);
    assert_status(sluice_ctx_without_cancel(s, c, &d), SLUICE_OK);
    struct sluice_item item;
    assert_status(sluice_ctx_value(s, d, key, &item), SLUICE_OK);
    assert_string_equal(item.value.bytes.data, "ann");
    sluice_item_free(&item);
    key.type = "int";
    assert_status(sluice_ctx_value(s, d, key, &item), SLUICE_OK);
    assert_int_equal(item.value.type, SLUICE_TYPE_NONE);
    assert_status(sluice_ctx_err(s, c, &err), SLUICE_OK);
    assert_int_equal(err, SLUICE_OK);
    assert_status(sluice_ctx_cause(s, c, &text), SLUICE_OK);
    assert_null(text);
    assert_status(sluice_clock_read(s, &clock), SLUICE_OK);
    assert_true(clock.virtual_clock);
    assert_status(sluice_ctx_deadline(s, c, &has, &at), SLUICE_OK);
    assert_true(has);
    assert_true(at == clock.now_ns + SLUICE_SECOND);
    assert_status(sluice_ctx_deadline(s, d, &has, &at), SLUICE_OK);
    assert_false(has);
    struct sluice_wait by = SLUICE_WAIT_CTX(c);
    sluice_future *future;
    assert_status(sluice_recv_start(s, sluice_chan_of(nil.ref), 0, &by, &future), SLUICE_OK);
    sluice_flush(s);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_status(sluice_clock_advance_next(s, false, &clock), SLUICE_OK);
    assert_status(sluice_future_finish(future, NULL), SLUICE_DEADLINE_EXCEEDED);
    assert_string_equal(sluice_errcause(), "slow");
    assert_status(sluice_ctx_wait(s, c, NULL), SLUICE_OK);
    assert_status(sluice_ctx_wait(s, a, sluice_no_wait()), SLUICE_WOULD_BLOCK);
    assert_status(sluice_ctx_err(s, c, &err), SLUICE_OK);
    assert_int_equal(err, SLUICE_DEADLINE_EXCEEDED);
    assert_status(sluice_ctx_cause(s, c, &text), SLUICE_OK);
    assert_string_equal(text, "slow");
    sluice_free(text);
}

static void test_cancelling(void **state)
{
    (void)state;
    sluice_ctx root, a, b, c;
    char *text;
    struct sluice_clock clock;
    assert_status(sluice_clock_read(s, &clock), SLUICE_OK);
    assert_status(sluice_ctx_background(s, &root), SLUICE_OK);
    assert_status(sluice_ctx_with_cancel(s, root, &a), SLUICE_OK);
    assert_status(sluice_ctx_with_cancel(s, a, &b), SLUICE_OK);
    assert_status(sluice_ctx_cancel(s, a, NULL), SLUICE_OK);
    assert_status(sluice_ctx_cancel(s, a, "late"), SLUICE_OK);
    assert_status(sluice_ctx_cause(s, b, &text), SLUICE_OK);
    assert_string_equal(text, "context canceled");
    sluice_free(text);
    struct sluice_make how = SLUICE_MAKE_INIT;
    how.name = "ctx";
    how.lifetime = SLUICE_EPHEMERAL;
    assert_status(sluice_ctx_make_with(s, &how, NULL, &a, NULL), SLUICE_OK);
    assert_status(sluice_ctx_with_deadline(s, sluice_ctx_named("ctx"), clock.now_ns + 5, NULL, &b),
                  SLUICE_OK);
    assert_status(sluice_ctx_open(s, "ctx", 0, &c), SLUICE_OK);
    assert_status(sluice_ctx_cancel(s, c, "enough"), SLUICE_OK);
    assert_status(sluice_ctx_cause(s, b, &text), SLUICE_OK);
    assert_string_equal(text, "enough");
    sluice_free(text);
    assert_status(sluice_chan_open(s, "ctx", 0, &(sluice_chan)SLUICE_NIL), SLUICE_WRONG_KIND);
}

static void test_timers(void **state)
{
    (void)state;
    sluice_timer timer, ticker, named;
    struct sluice_clock clock;
    int64_t due;
    bool active;
    assert_status(sluice_clock_read(s, &clock), SLUICE_OK);
    assert_status(sluice_timer_make(s, "t/1", 5 * SLUICE_SECOND, &timer), SLUICE_OK);
    assert_status(sluice_timer_recv(s, timer, sluice_no_wait(), &due), SLUICE_WOULD_BLOCK);
    assert_status(sluice_clock_advance_to(s, clock.now_ns + 7 * SLUICE_SECOND, false, NULL), SLUICE_OK);
    assert_status(sluice_timer_open(s, "t/1", 0, &named), SLUICE_OK);
    assert_status(sluice_timer_recv(s, named, NULL, &due), SLUICE_OK);
    assert_true(due == clock.now_ns + 5 * SLUICE_SECOND);
    assert_status(sluice_timer_stop(s, timer, &active), SLUICE_OK);
    assert_false(active);
    assert_status(sluice_timer_reset(s, timer, SLUICE_SECOND, &active), SLUICE_OK);
    assert_false(active);
    assert_status(sluice_timer_stop(s, timer, &active), SLUICE_OK);
    assert_true(active);
    assert_status(sluice_ticker_make(s, NULL, 0, &ticker), SLUICE_INVALID);
    assert_string_equal(sluice_errmsg(), "non-positive interval for NewTicker");
    assert_status(sluice_ticker_make(s, NULL, SLUICE_SECOND, &ticker), SLUICE_OK);
    for (int i = 0; i < 3; i++) {
        assert_status(sluice_clock_advance(s, SLUICE_SECOND, false, NULL), SLUICE_OK);
        assert_status(sluice_timer_recv(s, ticker, NULL, &due), SLUICE_OK);
    }
    assert_status(sluice_timer_reset(s, ticker, 2 * SLUICE_SECOND, &active), SLUICE_OK);
    assert_true(active);
    assert_status(sluice_timer_stop(s, ticker, NULL), SLUICE_OK);
    sluice_chan c = typed(SLUICE_TYPE_BYTES);
    assert_status(sluice_timer_open(s, "nothing", 0, &named), SLUICE_NOT_FOUND);
    sluice_trigger trigger;
    struct sluice_item item;
    assert_status(sluice_after_func(s, SLUICE_SECOND, c, sluice_str("now"), &trigger), SLUICE_OK);
    assert_status(sluice_trigger_reset(s, trigger, 2 * SLUICE_SECOND, &active), SLUICE_OK);
    assert_true(active);
    assert_status(sluice_clock_advance(s, SLUICE_SECOND, false, NULL), SLUICE_OK);
    assert_status(sluice_recv(s, c, sluice_no_wait(), &item), SLUICE_WOULD_BLOCK);
    assert_status(sluice_clock_advance(s, SLUICE_SECOND, false, NULL), SLUICE_OK);
    assert_status(sluice_recv(s, c, NULL, &item), SLUICE_OK);
    assert_string_equal(item.value.bytes.data, "now");
    sluice_item_free(&item);
    assert_status(sluice_trigger_stop(s, trigger, &active), SLUICE_OK);
    assert_false(active);
    sluice_ctx root, ctx;
    assert_status(sluice_ctx_background(s, &root), SLUICE_OK);
    assert_status(sluice_ctx_with_cancel(s, root, &ctx), SLUICE_OK);
    assert_status(sluice_ctx_after_func(s, ctx, c, sluice_str("end"), &trigger), SLUICE_OK);
    assert_status(sluice_ctx_cancel(s, ctx, NULL), SLUICE_OK);
    assert_status(sluice_recv(s, c, NULL, &item), SLUICE_OK);
    assert_string_equal(item.value.bytes.data, "end");
    sluice_item_free(&item);
    assert_status(sluice_ctx_after_func(s, (sluice_ctx)SLUICE_NIL, c, sluice_str("x"), &trigger),
                  SLUICE_INVALID);
    assert_status(sluice_sleep(s, 0, NULL), SLUICE_OK);
}

static void test_views(void **state)
{
    (void)state;
    sluice_chan c;
    struct sluice_description *d;
    struct sluice_listing *l;
    struct sluice_dump_page *dump;
    struct sluice_daemon *daemon;
    struct sluice_reflection *reflection;
    struct sluice_list_options o = SLUICE_LIST_OPTIONS_INIT;
    sluice_future *future;
    struct sluice_session session;
    sluice_session_get(s, &session);
    assert_status(sluice_chan_make(s, "view/c", 0, &c), SLUICE_OK);
    assert_status(sluice_recv_start(s, c, 0, NULL, &future), SLUICE_OK);
    assert_status(sluice_describe(s, c.ref, &d), SLUICE_OK);
    assert_string_equal(d->name, "view/c");
    assert_int_equal(d->kind, SLUICE_KIND_CHANNEL);
    assert_int_equal(d->channel.receivers, 1);
    assert_int_equal(d->waiting, 1);
    assert_int_equal(d->waiters_count, 1);
    assert_int_equal(d->waiters[0].session, session.number);
    assert_int_equal(d->waiters[0].pid, getpid());
    assert_int_equal(d->waiters[0].verb, SLUICE_VERB_RECV);
    assert_string_equal(d->waiters[0].op, "recv");
    assert_int_equal(d->uid, getuid());
    assert_null(sluice_description_free(d));
    o.prefix = "view/";
    assert_status(sluice_list(s, &o, &l), SLUICE_OK);
    assert_int_equal(l->count, 1);
    assert_string_equal(l->objects[0].name, "view/c");
    assert_int_equal(l->next, 0);
    assert_null(sluice_listing_free(l));
    o.prefix = NULL;
    o.anonymous = true;
    o.max = 1;
    assert_status(sluice_list(s, &o, &l), SLUICE_OK);
    assert_int_equal(l->count, 1);
    assert_true(l->next != 0);
    sluice_listing_free(l);
    assert_status(sluice_dump(s, 0, 0, &dump), SLUICE_OK);
    assert_int_equal(dump->count, 1);
    assert_int_equal(dump->sessions[0].pid, getpid());
    assert_int_equal(dump->sessions[0].calls_count, 1);
    assert_string_equal(dump->sessions[0].calls[0].op, "recv");
    assert_string_equal(dump->sessions[0].calls[0].arms[0].name, "view/c");
    assert_null(sluice_dump_free(dump));
    assert_status(sluice_daemon_status(s, &daemon), SLUICE_OK);
    assert_int_equal(daemon->pid, daemon_.pid);
    assert_true(daemon->virtual_clock);
    assert_true(daemon->addresses_count >= 1);
    assert_true(daemon->limits_count > 0 && daemon->counts_count > 0 && daemon->ops_count > 0);
    assert_null(sluice_daemon_free(daemon));
    assert_status(sluice_reflect(s, &reflection), SLUICE_OK);
    assert_true(reflection->descriptor.size > 1000);
    assert_true(reflection->statuses.count > 30);
    for (size_t i = 0; i < reflection->statuses.count; i++) {
        enum sluice_status status = (enum sluice_status)reflection->statuses.rows[i].number;
        assert_int_equal(reflection->statuses.rows[i].exit_code, sluice_exit_code(status));
    }
    assert_null(sluice_reflection_free(reflection));
    sluice_future_cancel(future);
    assert_status(sluice_future_finish(future, NULL), SLUICE_CANCELED);
    assert_status(sluice_describe(s, sluice_named("nothing"), &d), SLUICE_NOT_FOUND);
}

static void test_quiesce(void **state)
{
    (void)state;
    sluice *other = served_open(&daemon_);
    sluice_future *parked, *quiet;
    struct sluice_wait brief = SLUICE_WAIT_FOR(0);
    assert_status(sluice_quiesce(s, 1, &brief), SLUICE_DEADLINE_EXCEEDED);
    assert_status(sluice_quiesce_start(s, 1, NULL, &quiet), SLUICE_OK);
    sluice_flush(s);
    assert_status(sluice_recv_start(other, (sluice_chan)SLUICE_NIL, 0, NULL, &parked), SLUICE_OK);
    sluice_flush(other);
    assert_status(sluice_future_finish(quiet, NULL), SLUICE_OK);
    sluice_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel), cmocka_unit_test(test_nil),      cmocka_unit_test(test_types),
        cmocka_unit_test(test_objects), cmocka_unit_test(test_batches),  cmocka_unit_test(test_leases),
        cmocka_unit_test(test_select),  cmocka_unit_test(test_contexts), cmocka_unit_test(test_cancelling),
        cmocka_unit_test(test_timers),  cmocka_unit_test(test_views),    cmocka_unit_test(test_quiesce),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

/*
 * conformance_actor_test.c - stateful goroutines as actors, and channels that are received in order of rank.
 *
 * The pattern of section 17: one task owns the state, requests are applied one at a time in the order they came, and who has a reply reads what he
 * wrote. An owner is a thread here that keeps a map in its own memory, or the test itself. Ordered channels keep every rule of channels: only
 * which of the buffered values comes next is another's choice.
 */
#include "conform.h"

/* ---- Actors ---- */

static const char *new_actor(void)
{
    sluice_actor made;
    const char *name = fresh("a");
    is(sluice_actor_make(me, name, &made), SLUICE_OK);
    return name;
}

static sluice_actor actor(const char *name)
{
    return sluice_actor_named(name);
}

enum { CELLS = 16, WRITERS = 8, ROUNDS = 200 };

/* Requests: the cell in the low byte, and from 256 on what to store there plus one; 0: read. The reply is what the cell has then. -1: stop. */
static int64_t request(int64_t cell, int64_t store)
{
    return cell | (store + 1) << 8;
}

static void run_owner(struct task *t)
{
    int64_t cells[CELLS] = {0};
    struct sluice_owner o;
    struct sluice_job job;
    sluice_actor a = actor(t->a);
    t->status = sluice_actor_own(t->s, a, 0, NULL, &o);
    while (t->status == SLUICE_OK &&
           (t->status = sluice_actor_serve(t->s, a, o.token, NULL, &job)) == SLUICE_OK) {
        int64_t ask = job.item.value.integer;
        bool stop = ask < 0;
        int64_t *cell = &cells[ask & (CELLS - 1)];
        if (!stop && ask >> 8)
            *cell = (ask >> 8) - 1;
        t->times++;
        t->status = sluice_actor_reply(t->s, a, o.token, job.number, false,
                                       sluice_int(stop ? t->times : *cell), NULL);
        sluice_job_free(&job);
        if (stop)
            break;
    }
    if (t->status == SLUICE_OK)
        t->status = sluice_actor_resign(t->s, a, o.token, sluice_none());
}

static bool ask_on(sluice *s, const char *name, int64_t ask, int64_t *ret)
{
    struct sluice_outcome out;
    if (sluice_actor_call(s, actor(name), sluice_int(ask), NULL, &out) != SLUICE_OK)
        return false;
    *ret = out.item.value.integer;
    sluice_item_free(&out.item);
    return true;
}

/* Writes its own cell and reads it back, again and again. */
static void run_writer(struct task *t)
{
    for (int64_t i = 0; i < ROUNDS; i++) {
        int64_t wrote = -1, read = -1;
        if (ask_on(t->s, t->a, request(t->value, i), &wrote) &&
            ask_on(t->s, t->a, request(t->value, -1), &read) && wrote == i && read == i)
            t->times++;
    }
}

/* Who has a reply reads what he wrote, however many others write; nothing is lost and nothing applied twice. */
static void rule_17_read_your_write(void **state)
{
    (void)state;
    const char *name = new_actor();
    struct task *owner = task_new(run_owner), *writers[WRITERS];
    owner->a = name;
    task_start(owner);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = task_new(run_writer);
        writers[i]->a = name;
        writers[i]->value = i;
        task_start(writers[i]);
    }
    for (int i = 0; i < WRITERS; i++) {
        join(writers[i]);
        assert_int_equal(writers[i]->times, ROUNDS);
    }
    int64_t served = 0;
    assert_true(ask_on(me, name, -1, &served));
    assert_int_equal(served, WRITERS * ROUNDS * 2 + 1);
    is(join(owner), SLUICE_OK);
}

static void run_ask(struct task *t)
{
    struct sluice_outcome out;
    t->status = sluice_actor_call(t->s, actor(t->a), sluice_int(t->value), &t->wait, &out);
    if (t->status == SLUICE_OK) {
        t->got = out.item.value.integer;
        sluice_item_free(&out.item);
    }
}

static struct task *go_ask(const char *name, int64_t value)
{
    struct task *t = task_new(run_ask);
    t->a = name;
    t->value = value;
    return task_start(t);
}

static uint64_t own(const char *name)
{
    struct sluice_owner o;
    is(sluice_actor_own(me, actor(name), 0, NULL, &o), SLUICE_OK);
    sluice_item_free(&o.item);
    return o.token;
}

/* Requests are applied one at a time, in the order they came, by whichever owner: those of before there was one, too. */
static void rule_17_one_at_a_time_in_order(void **state)
{
    (void)state;
    const char *name = new_actor();
    struct task *asks[6];
    for (int i = 0; i < 6; i++) {
        asks[i] = go_ask(name, i);
        settle((uint64_t)i + 1);
    }
    uint64_t token = own(name);
    for (int i = 0; i < 6; i++) {
        struct sluice_job job, other;
        is(sluice_actor_serve(me, actor(name), token, NULL, &job), SLUICE_OK);
        assert_int_equal(job.item.value.integer, i);
        is(sluice_actor_serve(me, actor(name), token, sluice_no_wait(), &other), SLUICE_MISUSE);
        is(sluice_actor_reply(me, actor(name), token, job.number, false, sluice_int(10 + i), NULL),
           SLUICE_OK);
        sluice_job_free(&job);
        is(join(asks[i]), SLUICE_OK);
        assert_int_equal(asks[i]->got, 10 + i);
    }
}

/* The owner never blocks on a reply, though who asked has left; who leaves earlier has asked nothing. */
static void rule_17_asker_that_left(void **state)
{
    (void)state;
    const char *name = new_actor();
    uint64_t token = own(name);
    struct task *served = go_ask(name, 1);
    settle(1);
    struct task *queued = go_ask(name, 2);
    settle(2);
    struct sluice_job job;
    is(sluice_actor_serve(me, actor(name), token, NULL, &job), SLUICE_OK);
    withdraw(served);
    withdraw(queued);
    bool taken = true;
    is(sluice_actor_reply(me, actor(name), token, job.number, false, sluice_int(1), &taken), SLUICE_OK);
    assert_false(taken);
    sluice_job_free(&job);
    is(sluice_actor_serve(me, actor(name), token, sluice_no_wait(), &job), SLUICE_WOULD_BLOCK);
}

/* An owner that gives up hands on the state and the queue: the next has the next epoch, and replies carry it. */
static void rule_17_epochs(void **state)
{
    (void)state;
    const char *name = new_actor();
    struct sluice_outcome out;
    sluice_future *f;
    for (uint64_t epoch = 1; epoch <= 3; epoch++) {
        struct sluice_owner o;
        struct sluice_job job;
        struct sluice_result r;
        is(sluice_actor_own(me, actor(name), 0, NULL, &o), SLUICE_OK);
        assert_int_equal(o.epoch, epoch);
        assert_false(o.owner_died);
        assert_int_equal(o.item.value.type == SLUICE_TYPE_INT64 ? o.item.value.integer : 0, epoch - 1);
        sluice_item_free(&o.item);
        is(sluice_actor_call_start(me, actor(name), sluice_int(0), NULL, &f), SLUICE_OK);
        is(sluice_actor_serve(me, actor(name), o.token, NULL, &job), SLUICE_OK);
        assert_int_equal(job.epoch, epoch);
        is(sluice_actor_reply(me, actor(name), o.token, job.number, false, sluice_none(), NULL), SLUICE_OK);
        sluice_job_free(&job);
        is(sluice_future_finish(f, &r), SLUICE_OK);
        assert_int_equal(r.epoch, epoch);
        is(sluice_actor_resign(me, actor(name), o.token, sluice_int((int64_t)epoch)), SLUICE_OK);
        is(sluice_actor_serve(me, actor(name), o.token, NULL, &job), SLUICE_STALE_TOKEN);
    }
    is(sluice_actor_call(me, actor(name), sluice_int(0), sluice_no_wait(), &out), SLUICE_WOULD_BLOCK);
}

/* ---- Ordered channels ---- */

static const char *ordered(int64_t cap)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_chan made;
    how.name = fresh("o");
    spec.cap = cap;
    spec.type = SLUICE_TYPE_INT64;
    spec.ordered = true;
    is(sluice_chan_make_with(me, &how, &spec, &made, NULL), SLUICE_OK);
    is(sluice_drop(me, made.ref), SLUICE_OK);
    return how.name;
}

static enum sluice_status rank_put(const char *name, int64_t rank, int64_t value)
{
    struct sluice_wait wait = *sluice_no_wait();
    wait.rank = rank;
    return sluice_send(me, ch(name), sluice_int(value), &wait);
}

/* The value is the rank, too. */
static struct task *go_rank_put(const char *name, int64_t rank)
{
    const struct sluice_arm arms[] = {sluice_arm_ranked(arm_put(name, rank), rank)};
    return go_select(1, arms);
}

/* The least rank first, equals as they came, negative ones too; len, cap and a full buffer are a channel's. */
static void rule_ordered_least_first(void **state)
{
    (void)state;
    static const int64_t ranks[] = {5, -2, 5, 0, INT64_MAX, 5, INT64_MIN};
    static const int64_t sorted[] = {6, 1, 3, 0, 2, 5, 4};
    const char *name = ordered(7);
    int64_t value;
    for (int64_t i = 0; i < 7; i++)
        is(rank_put(name, ranks[i], i), SLUICE_OK);
    is(rank_put(name, -9, 9), SLUICE_WOULD_BLOCK);
    assert_int_equal(len(name), 7);
    for (int i = 0; i < 7; i++) {
        is(try_take(name, &value), SLUICE_OK);
        assert_int_equal(value, sorted[i]);
    }
    is(try_take(name, &value), SLUICE_WOULD_BLOCK);
}

/* Who waits to send is no part of the buffer: places fall to senders in the order they came, whatever their ranks. */
static void rule_ordered_senders_are_fifo(void **state)
{
    (void)state;
    const char *name = ordered(2);
    is(rank_put(name, 5, 5), SLUICE_OK);
    is(rank_put(name, 6, 6), SLUICE_OK);
    struct task *first = go_rank_put(name, 4);
    settle(1);
    struct task *second = go_rank_put(name, 1);
    settle(2);
    assert_int_equal(take(name), 5);
    is(join(first), SLUICE_OK);
    assert_int_equal(senders(name), 1);
    assert_int_equal(take(name), 4);
    is(join(second), SLUICE_OK);
    assert_int_equal(take(name), 1);
    assert_int_equal(take(name), 6);
}

/* A waiting receiver is served at once, and an unbuffered channel hands over from the oldest sender. */
static void rule_ordered_rendezvous(void **state)
{
    (void)state;
    const char *name = ordered(0);
    struct task *receiver = go_take(name);
    settle(1);
    is(rank_put(name, 9, 9), SLUICE_OK);
    took(receiver, 9);
    struct task *first = go_rank_put(name, 3);
    settle(1);
    struct task *second = go_rank_put(name, 2);
    settle(2);
    assert_int_equal(take(name), 3);
    is(join(first), SLUICE_OK);
    assert_int_equal(take(name), 2);
    is(join(second), SLUICE_OK);
}

/* A close fails who waits to send; what is buffered comes in order, and then CLOSED. */
static void rule_ordered_close(void **state)
{
    (void)state;
    const char *name = ordered(2);
    int64_t value;
    is(rank_put(name, 2, 2), SLUICE_OK);
    is(rank_put(name, 1, 1), SLUICE_OK);
    struct task *late = go_rank_put(name, 0);
    settle(1);
    shut(name);
    is(join(late), SLUICE_SEND_ON_CLOSED);
    is(rank_put(name, 0, 0), SLUICE_SEND_ON_CLOSED);
    assert_int_equal(take(name), 1);
    assert_int_equal(take(name), 2);
    is(try_take(name, &value), SLUICE_CLOSED);
}

/* Only an ordered channel knows ranks. */
static void rule_ordered_only(void **state)
{
    (void)state;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    struct sluice_make how = SLUICE_MAKE_INIT;
    sluice_chan made;
    const char *plain = chan(1), *name = ordered(1);
    is(rank_put(plain, 1, 1), SLUICE_INVALID);
    how.name = name;
    spec.cap = 1;
    spec.type = SLUICE_TYPE_INT64;
    is(sluice_chan_make_with(me, &how, &spec, &made, NULL), SLUICE_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rule_17_read_your_write),  CASE(rule_17_one_at_a_time_in_order),
        CASE(rule_17_asker_that_left),  CASE(rule_17_epochs),
        CASE(rule_ordered_least_first), CASE(rule_ordered_senders_are_fifo),
        CASE(rule_ordered_rendezvous),  CASE(rule_ordered_close),
        CASE(rule_ordered_only),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

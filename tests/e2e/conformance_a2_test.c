/*
 * conformance_a2_test.c - part A of the conformance cases, channels: rendezvous, windows, ranges, directions, handles.
 *
 * Where Go's text says goroutine this says task. "Does not complete before" is checked where it can be seen: the daemon has every task at
 * rest and the one in question still waits.
 */
#include "conform.h"

static void c021_try_rendezvous(void **state)
{
    (void)state;
    const char *c = chan(0), *one = chan(1);
    int64_t value;
    for (int i = 0; i < 100; i++) {
        is(try_put(c, 1), SLUICE_WOULD_BLOCK);
        struct task *t = go_take(c);
        settle(1);
        is(try_put(c, i), SLUICE_OK);
        took(t, i);
        task_forget(t);
        is(try_take(c, &value), SLUICE_WOULD_BLOCK);
        t = go_put(c, i);
        settle(1);
        is(try_take(c, &value), SLUICE_OK);
        assert_int_equal(value, i);
        is(join(t), SLUICE_OK);
        task_forget(t);
    }
    is(try_put(one, 1), SLUICE_OK);
    is(try_put(one, 2), SLUICE_WOULD_BLOCK);
    is(try_take(one, &value), SLUICE_OK);
    is(try_take(one, &value), SLUICE_WOULD_BLOCK);
}

static void run_send_then_flag(struct task *t)
{
    if (put_on(t->s, t->a, t->value))
        put_on(t->s, t->b, 1);
}

static void c022_unbuffered_ack(void **state)
{
    (void)state;
    const char *c = chan(0), *flag = chan(1000);
    for (int i = 0; i < 1000; i++) {
        struct task *t = task_new(run_send_then_flag);
        t->a = c;
        t->b = flag;
        t->value = i;
        task_start(t);
        if (i % 10 == 0) { /* nobody has received: it waits, and has set nothing */
            settle(1);
            assert_int_equal(senders(c), 1);
            assert_int_equal(len(flag), 0);
        }
        assert_int_equal(take(c), i);
        assert_int_equal(take(flag), 1);
        join(t);
        task_forget(t);
    }
}

static void run_send_marking(struct task *t)
{
    for (int64_t i = 0; i < t->times && put_on(t->s, t->a, i); i++)
        put_on(t->s, t->b, i);
}

static void c023_cap_window(void **state)
{
    (void)state;
    const char *c = chan(3), *done = chan(100);
    struct task *t = task_new(run_send_marking);
    t->a = c;
    t->b = done;
    t->times = 20;
    task_start(t);
    settle(1);
    for (int64_t k = 0; k < 17; k++) {
        /* k received: sends up to k+3 are complete, the next is not */
        assert_int_equal(len(done), (uint64_t)k + 3);
        assert_int_equal(take(c), k);
        if (k < 16)
            settle(1);
    }
    join(t);
    assert_int_equal(len(done), 20);
}

static void run_worker(struct task *t)
{
    int64_t value;
    while (take_on(t->s, t->a, &value)) {
        put_on(t->s, t->b, value * 2);
        t->times++;
    }
}

static void run_feeder(struct task *t)
{
    for (int64_t i = 0; i < t->times; i++)
        put_on(t->s, t->a, t->value + i);
    t->status = sluice_chan_close(t->s, ch(t->a));
}

static void c024_range_end(void **state)
{
    (void)state;
    enum { WORKERS = 23, ITEMS = 2000 };
    const char *jobs = chan(3 * WORKERS), *results = chan(3 * WORKERS);
    struct task *workers[WORKERS], *feeder = task_new(run_feeder);
    int64_t sum = 0, count = 0, worked = 0, value;
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = task_new(run_worker);
        workers[i]->a = jobs;
        workers[i]->b = results;
        task_start(workers[i]);
    }
    feeder->a = jobs;
    feeder->times = ITEMS;
    task_start(feeder);
    for (; count < ITEMS; count++)
        sum += take(results);
    is(join(feeder), SLUICE_OK);
    for (int i = 0; i < WORKERS; i++) {
        join(workers[i]);
        worked += workers[i]->times;
    }
    shut(results);
    is(try_take(results, &value), SLUICE_CLOSED);
    assert_int_equal(worked, ITEMS);
    assert_int_equal(sum, (int64_t)ITEMS * (ITEMS - 1));
}

enum { MUX = 4, MUX_ITEMS = 5000 };

static void run_mux_sender(struct task *t)
{
    const char **names = t->data;
    for (int64_t i = 0; i < MUX_ITEMS; i++) {
        struct sluice_arm arms[MUX];
        for (int k = 0; k < MUX; k++)
            arms[k] = arm_put(names[k], i);
        if (sluice_select(t->s, arms, MUX, NULL, &t->index, NULL) == SLUICE_OK)
            t->got++;
    }
    for (int k = 0; k < MUX; k++)
        (void)sluice_chan_close(t->s, ch(names[k]));
}

static void run_forward(struct task *t)
{
    int64_t value;
    while (take_on(t->s, t->a, &value))
        put_on(t->s, t->b, value);
}

static void c025_mux_no_duplicates(void **state)
{
    (void)state;
    const char *names[MUX], *out = chan(0);
    struct task *forwarders[MUX], *sender = task_new(run_mux_sender);
    static unsigned char seen[MUX_ITEMS];
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < MUX; i++) {
        names[i] = chan(0);
        forwarders[i] = task_new(run_forward);
        forwarders[i]->a = names[i];
        forwarders[i]->b = out;
        task_start(forwarders[i]);
    }
    sender->data = names;
    task_start(sender);
    for (int i = 0; i < MUX_ITEMS; i++) {
        int64_t value = take(out);
        assert_in_range(value, 0, MUX_ITEMS - 1);
        assert_int_equal(seen[value]++, 0);
    }
    join(sender);
    assert_int_equal(sender->got, MUX_ITEMS);
    for (int i = 0; i < MUX; i++)
        join(forwarders[i]);
}

static void c026_directions(void **state)
{
    (void)state;
    const char *c = chan(1);
    sluice_chan r, s, x;
    struct sluice_item item;
    is(sluice_chan_open(me, c, SLUICE_RIGHT_RECV, &r), SLUICE_OK);
    is(sluice_chan_open(me, c, SLUICE_RIGHT_SEND | SLUICE_RIGHT_CLOSE, &s), SLUICE_OK);
    is(sluice_send(me, r, sluice_int(1), NULL), SLUICE_NO_RIGHT);
    says("reflect: send on recv-only channel");
    is(sluice_chan_close(me, r), SLUICE_NO_RIGHT);
    says("reflect: close of receive-only channel");
    is(sluice_recv(me, s, NULL, &item), SLUICE_NO_RIGHT);
    says("reflect: recv on send-only channel");
    is(sluice_chan_dup(me, r, SLUICE_RIGHT_SEND, &x), SLUICE_NO_RIGHT);
    is(sluice_chan_dup(me, s, SLUICE_RIGHT_RECV, &x), SLUICE_NO_RIGHT);
    is(sluice_chan_dup(me, r, SLUICE_RIGHT_ALL, &x), SLUICE_NO_RIGHT);
    is(sluice_chan_dup(me, s, SLUICE_RIGHT_ALL, &x), SLUICE_NO_RIGHT);
    is(sluice_chan_dup(me, s, 0, &x), SLUICE_OK);
    is(sluice_send(me, x, sluice_int(1), NULL), SLUICE_OK);
    is(sluice_recv(me, r, NULL, &item), SLUICE_OK);
    sluice_item_free(&item);
    is(sluice_chan_close(me, s), SLUICE_OK);
    is(sluice_recv(me, r, NULL, &item), SLUICE_CLOSED);
}

/* A channel of channels, under a name. */
static const char *chan_of_chans(int64_t cap)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_chan made;
    how.name = fresh("h");
    spec.cap = cap;
    spec.type = SLUICE_TYPE_HANDLE;
    is(sluice_chan_make_with(me, &how, &spec, &made, NULL), SLUICE_OK);
    return how.name;
}

/* Receive a channel, send `value` into it. */
static void run_use_received(struct task *t)
{
    struct sluice_item item;
    t->status = sluice_recv(t->s, ch(t->a), NULL, &item);
    if (t->status != SLUICE_OK)
        return;
    sluice_chan c = sluice_chan_of(item.value.object);
    t->got = item.value.kind;
    t->status = sluice_send(t->s, c, sluice_int(t->value), NULL);
    struct sluice_item none;
    if (t->status == SLUICE_OK && item.value.rights == SLUICE_RIGHT_SEND)
        t->status = sluice_recv(t->s, c, NULL, &none) == SLUICE_NO_RIGHT ? SLUICE_OK : SLUICE_INTERNAL;
    sluice_item_free(&item);
}

static void c027_channel_of_channels(void **state)
{
    (void)state;
    const char *post = chan_of_chans(0);
    for (uint32_t rights = 0; rights <= SLUICE_RIGHT_SEND; rights++) {
        struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
        struct task *t = task_new(run_use_received);
        sluice_chan box;
        struct sluice_item item;
        spec.cap = 1;
        spec.type = SLUICE_TYPE_INT64;
        is(sluice_chan_make_with(me, NULL, &spec, &box, NULL), SLUICE_OK);
        t->a = post;
        t->value = 42;
        task_start(t);
        is(sluice_send(me, ch(post), sluice_object(box.ref, rights), NULL), SLUICE_OK);
        is(sluice_recv(me, box, NULL, &item), SLUICE_OK);
        assert_int_equal(item.value.integer, 42);
        sluice_item_free(&item);
        is(join(t), SLUICE_OK);
        assert_int_equal(t->got, SLUICE_KIND_CHANNEL);
        is(sluice_drop(me, box.ref), SLUICE_OK);
    }
}

static void run_send_nothing(struct task *t)
{
    t->status = sluice_send(t->s, ch(t->a), sluice_bytes(NULL, 0), NULL);
}

static void c028_empty_payload(void **state)
{
    (void)state;
    const char *name = fresh("e");
    sluice_chan c;
    is(sluice_chan_make(me, name, 2, &c), SLUICE_OK);
    is(sluice_send(me, c, sluice_bytes(NULL, 0), NULL), SLUICE_OK);
    is(sluice_send(me, c, sluice_bytes("", 0), NULL), SLUICE_OK);
    is(sluice_send(me, c, sluice_bytes(NULL, 0), sluice_no_wait()), SLUICE_WOULD_BLOCK);
    struct task *third = task_new(run_send_nothing);
    third->a = name;
    task_start(third);
    settle(1);
    for (int i = 0; i < 3; i++) {
        struct sluice_item item;
        is(sluice_recv(me, c, NULL, &item), SLUICE_OK);
        assert_int_equal(item.value.type, SLUICE_TYPE_BYTES);
        assert_int_equal(item.value.bytes.size, 0);
        sluice_item_free(&item);
    }
    is(join(third), SLUICE_OK);
    struct sluice_item item;
    is(sluice_recv(me, c, sluice_no_wait(), &item), SLUICE_WOULD_BLOCK);
}

enum { CHAIN = 10000 };

static void c029_chain_10k(void **state)
{
    (void)state;
    /* link i receives from chain[i + 1] and sends one more to chain[i] */
    static sluice_chan chain[CHAIN + 1];
    sluice_future *f;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    spec.type = SLUICE_TYPE_INT64;
    for (int i = 0; i <= CHAIN; i++)
        is(sluice_chan_make_with(me, NULL, &spec, &chain[i], NULL), SLUICE_OK);
    for (intptr_t i = 0; i < CHAIN; i++) {
        is(sluice_recv_start(me, chain[i + 1], 0, NULL, &f), SLUICE_OK);
        sluice_future_set_data(f, (void *)(i + 1));
    }
    is(sluice_send_start(me, chain[CHAIN], sluice_int(0), NULL, &f), SLUICE_OK);
    sluice_future_set_data(f, NULL);
    int links = 0;
    while (links < CHAIN) {
        struct sluice_result r;
        sluice_future *sent;
        is(sluice_wait_any(me, -1), SLUICE_OK);
        while ((f = sluice_next_done(me))) {
            intptr_t i = (intptr_t)sluice_future_data(f);
            is(sluice_future_finish(f, &r), SLUICE_OK);
            if (i == 0)
                continue;
            is(sluice_send_start(me, chain[i - 1], sluice_int(r.item.value.integer + 1), NULL, &sent),
               SLUICE_OK);
            sluice_item_free(&r.item);
            links++;
        }
    }
    struct sluice_item item;
    is(sluice_recv(me, chain[0], NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.integer, CHAIN);
    sluice_item_free(&item);
}

static void run_generate(struct task *t)
{
    for (int64_t i = 2; put_on(t->s, t->a, i); i++)
        ;
}

static void run_filter(struct task *t)
{
    int64_t value;
    while (take_on(t->s, t->a, &value))
        if (value % t->value != 0 && !put_on(t->s, t->b, value))
            break;
}

static void c030_sieve(void **state)
{
    (void)state;
    static const int64_t primes[] = {2,  3,  5,  7,  11, 13, 17, 19, 23, 29,
                                     31, 37, 41, 43, 47, 53, 59, 61, 67, 71};
    struct task *t = task_new(run_generate);
    t->a = chan(0);
    const char *from = t->a;
    task_start(t);
    for (size_t i = 0; i < sizeof primes / sizeof *primes; i++) {
        assert_int_equal(take(from), primes[i]);
        t = task_new(run_filter);
        t->a = from;
        t->b = from = chan(0);
        t->value = primes[i];
        task_start(t);
    }
}

static uint64_t version(const char *name)
{
    struct sluice_description *d;
    is(sluice_describe(me, ref(name), &d), SLUICE_OK);
    uint64_t n = d->version;
    sluice_description_free(d);
    return n;
}

/* What one is told of an object is a snapshot, and its version says whether anything has happened since. */
static void x_version_grows(void **state)
{
    (void)state;
    const char *c = chan(1);
    uint64_t before = version(c);
    int64_t value;
    assert_int_equal(version(c), before);
    is(try_take(c, &value), SLUICE_WOULD_BLOCK);
    assert_int_equal(version(c), before);
    for (int i = 0; i < 3; i++) {
        if (i == 0)
            put(c, 1);
        else if (i == 1)
            take(c);
        else
            shut(c);
        assert_true(version(c) > before);
        before = version(c);
    }
}

/* A name that was removed and made again is another channel; a handle on the old one says so. */
static void x_remade_name_is_another(void **state)
{
    (void)state;
    const char *name = fresh("again");
    sluice_chan old, now;
    is(sluice_chan_make(me, name, 1, &old), SLUICE_OK);
    is(sluice_send(me, old, sluice_str("old"), NULL), SLUICE_OK);
    is(sluice_remove(me, old.ref), SLUICE_OK);
    is(sluice_chan_make(me, name, 1, &now), SLUICE_OK);
    struct sluice_item item;
    is(sluice_recv(me, now, sluice_no_wait(), &item), SLUICE_WOULD_BLOCK);
    is(sluice_recv(me, old, sluice_no_wait(), &item), SLUICE_STALE);
    is(sluice_send(me, old, sluice_str("x"), NULL), SLUICE_STALE);
    is(sluice_remove(me, now.ref), SLUICE_OK);
}

/* The chain of case 29 again, of processes. */
static void run_link(sluice *s, void *data)
{
    const char **names = data;
    int64_t value;
    if (take_on(s, names[1], &value))
        put_on(s, names[0], value + 1);
}

static void x_chain_of_processes(void **state)
{
    (void)state;
    enum { LINKS = 40 };
    const char *names[LINKS + 1];
    pid_t pids[LINKS];
    for (int i = 0; i <= LINKS; i++)
        names[i] = chan(0);
    for (int i = 0; i < LINKS; i++)
        pids[i] = spawn(run_link, &names[i]);
    put(names[LINKS], 0);
    assert_int_equal(take(names[0]), LINKS);
    for (int i = 0; i < LINKS; i++)
        collect(pids[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c021_try_rendezvous),      CASE(c022_unbuffered_ack),
        CASE(c023_cap_window),          CASE(c024_range_end),
        CASE(c025_mux_no_duplicates),   CASE(c026_directions),
        CASE(c027_channel_of_channels), CASE(c028_empty_payload),
        CASE(c029_chain_10k),           CASE(c030_sieve),
        CASE(x_version_grows),          CASE(x_remade_name_is_another),
        CASE(x_chain_of_processes),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

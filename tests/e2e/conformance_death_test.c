/*
 * conformance_death_test.c - what becomes of what a process held when it is killed: the X-PROC lines of channels, select, contexts, timers.
 *
 * Each case forks a process, waits until the daemon has it parked where it should be, and kills it with SIGKILL. The kernel closes its
 * socket, and that is all the daemon learns. "Handed off, but the reply was never written" needs a process that does not read: it is stopped, and the
 * value is larger than what a socket holds.
 */
#include "conform_ctx.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BIG = 1 << 20 };

/* ---- Processes that park ---- */

static void child_put(sluice *s, void *name)
{
    put_on(s, name, 666);
}

static void child_take(sluice *s, void *name)
{
    int64_t value;
    take_on(s, name, &value);
}

static void child_take_bytes(sluice *s, void *name)
{
    struct sluice_item item;
    if (sluice_recv(s, ch(name), NULL, &item) == SLUICE_OK)
        sluice_item_free(&item);
}

static void park_for_ever(sluice *s)
{
    (void)sluice_select(s, NULL, 0, NULL, NULL, NULL);
}

static void death_of_parked_sender(void **state)
{
    (void)state;
    const char *c = chan(0), *full = chan(1);
    int64_t value;
    put(full, 1);
    pid_t one = spawn(child_put, (void *)(uintptr_t)c);
    settle(1);
    pid_t two = spawn(child_put, (void *)(uintptr_t)full);
    settle(2);
    kill_hard(one);
    kill_hard(two);
    eventually(senders(c) + senders(full) == 0);
    is(try_take(c, &value), SLUICE_WOULD_BLOCK);
    assert_int_equal(take(full), 1);
    is(try_take(full, &value), SLUICE_WOULD_BLOCK);
}

static void death_of_parked_receiver(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        const char *c = chan(0);
        pid_t first = spawn(child_take, (void *)(uintptr_t)c);
        settle(1);
        struct task *second = go_take(c);
        settle(2);
        kill_hard(first);
        /* whether the daemon has seen the death or hands the value to the dead one first: it comes to the next */
        put(c, i);
        took(second, i);
        task_forget(second);
    }
}

/* A process is parked in run(); stop it so that it reads no more. */
static pid_t spawn_stopped(void (*run)(sluice *s, void *data), const void *data)
{
    pid_t pid = spawn(run, (void *)(uintptr_t)data);
    settle(1);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    return pid;
}

static const char *chan_of_bytes(int64_t cap)
{
    const char *name = fresh("b");
    sluice_chan c;
    is(sluice_chan_make(me, name, cap, &c), SLUICE_OK);
    return name;
}

static void put_big(const char *name, char fill)
{
    char *data = malloc(BIG);
    assert_non_null(data);
    memset(data, fill, BIG);
    is(sluice_send(me, ch(name), sluice_bytes(data, BIG), NULL), SLUICE_OK);
    free(data);
}

static void take_big(const char *name, char fill, uint32_t deliveries)
{
    struct sluice_item item;
    is(sluice_recv(me, ch(name), NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.bytes.size, BIG);
    assert_int_equal(((const char *)item.value.bytes.data)[BIG - 1], fill);
    assert_int_equal(item.deliveries, deliveries);
    sluice_item_free(&item);
}

static void death_after_hand_off(void **state)
{
    (void)state;
    for (int64_t cap = 0; cap < 3; cap++) {
        const char *c = chan_of_bytes(cap);
        pid_t pid = spawn_stopped(child_take_bytes, c);
        put_big(c, 'x'); /* the send is done: it was handed off */
        assert_int_equal(receivers(c), 0);
        assert_int_equal(len(c), 0);
        for (int64_t i = 0; i < cap; i++)
            put_big(c, 'y');
        kill_hard(pid);
        eventually(len(c) == (uint64_t)cap + 1);
        take_big(c, 'x', 1); /* at the head, and as if it had never been taken */
        for (int64_t i = 0; i < cap; i++)
            take_big(c, 'y', 1);
        assert_int_equal(len(c), 0);
    }
}

struct two {
    const char *one, *other;
};

static void child_select(sluice *s, void *data)
{
    const struct two *two = data;
    struct sluice_arm arms[] = {arm_take(two->one), arm_take(two->other)};
    struct sluice_item item = {0};
    int index;
    if (sluice_select(s, arms, 2, NULL, &index, &item) == SLUICE_OK)
        sluice_item_free(&item);
}

static void death_of_select_winner(void **state)
{
    (void)state;
    struct two two = {chan_of_bytes(2), chan_of_bytes(2)};
    pid_t pid = spawn_stopped(child_select, &two);
    put_big(two.one, 'w');
    assert_int_equal(receivers(two.other), 0);
    put_big(two.one, 'z');
    kill_hard(pid);
    eventually(len(two.one) == 2);
    take_big(two.one, 'w', 1);
    take_big(two.one, 'z', 1);
    assert_int_equal(len(two.one) + len(two.other), 0);
}

/* A sender that dies after its value went: the value stays. */
static void child_put_then_park(sluice *s, void *name)
{
    put_on(s, name, 5);
    park_for_ever(s);
}

static void death_of_sender_after_send(void **state)
{
    (void)state;
    const char *c = chan(1);
    pid_t pid = spawn(child_put_then_park, (void *)(uintptr_t)c);
    settle(1);
    kill_hard(pid);
    assert_int_equal(take(c), 5);
}

static void child_put_many(sluice *s, void *name)
{
    struct sluice_value values[5];
    for (int i = 0; i < 5; i++)
        values[i] = sluice_int(i);
    (void)sluice_send_many(s, ch(name), values, 5, NULL, NULL);
}

static void death_of_batch_sender(void **state)
{
    (void)state;
    const char *c = chan(2);
    int64_t value;
    pid_t pid = spawn(child_put_many, (void *)(uintptr_t)c);
    settle(1);
    kill_hard(pid);
    eventually(senders(c) == 0);
    assert_int_equal(take(c), 0);
    assert_int_equal(take(c), 1);
    is(try_take(c, &value), SLUICE_WOULD_BLOCK);
}

/* ---- Leases ---- */

static void child_lease(sluice *s, void *name)
{
    struct sluice_item item;
    if (sluice_recv_lease(s, ch(name), 1000000 * SEC, NULL, &item) == SLUICE_OK)
        park_for_ever(s);
}

static void death_of_leased_receiver(void **state)
{
    (void)state;
    const char *c = chan(3);
    struct sluice_item item;
    put(c, 1);
    put(c, 2);
    pid_t pid = spawn(child_lease, (void *)(uintptr_t)c);
    settle(1);
    assert_int_equal(len(c), 1);
    struct task *waits = NULL;
    kill_hard(pid);
    eventually(len(c) == 2);
    is(sluice_recv(me, ch(c), NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.integer, 1);
    assert_int_equal(item.deliveries, 2);
    sluice_item_free(&item);
    /* and to who waits for it */
    pid = spawn(child_lease, (void *)(uintptr_t)c);
    settle(1);
    waits = go_take(c);
    settle(2);
    kill_hard(pid);
    took(waits, 2);
}

/* Workers lease, write what they got into a pipe, then acknowledge; they are killed all the time. Nothing is lost. */
struct shop {
    const char *jobs;
    int fd;
};

static void child_worker(sluice *s, void *data)
{
    const struct shop *shop = data;
    struct sluice_item item;
    while (sluice_recv_lease(s, ch(shop->jobs), 1000 * SEC, NULL, &item) == SLUICE_OK) {
        if (write(shop->fd, &item.value.integer, sizeof item.value.integer) != sizeof item.value.integer)
            _exit(1);
        (void)sluice_ack(s, &item.lease, 1, NULL);
        sluice_item_free(&item);
    }
}

static void workers_are_killed_and_nothing_is_lost(void **state)
{
    (void)state;
    enum { JOBS = 300, WORKERS = 3 };
    int ends[2], seen[JOBS] = {0};
    assert_int_equal(pipe(ends), 0);
    struct shop shop = {chan(JOBS), ends[1]};
    pid_t workers[WORKERS];
    for (int64_t i = 0; i < JOBS; i++)
        put(shop.jobs, i);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = spawn(child_worker, &shop);
    for (int distinct = 0, n = 0; distinct < JOBS; n++) {
        int64_t value;
        assert_int_equal(read(ends[0], &value, sizeof value), sizeof value);
        assert_in_range(value, 0, JOBS - 1);
        distinct += seen[value]++ == 0;
        if (n % 20 == 0) {
            kill_hard(workers[n / 20 % WORKERS]);
            workers[n / 20 % WORKERS] = spawn(child_worker, &shop);
        }
    }
    shut(shop.jobs);
    for (int i = 0; i < WORKERS; i++)
        collect(workers[i]);
    assert_int_equal(len(shop.jobs), 0);
    close(ends[0]);
    close(ends[1]);
}

/* ---- Owners ---- */

static void child_owns_ctx(sluice *s, void *data)
{
    const struct two *two = data;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    sluice_ctx c;
    spec.cancelable = true;
    how.name = two->one;
    (void)sluice_ctx_make_with(s, &how, &spec, &c, NULL);
    how.name = two->other;
    how.lifetime = SLUICE_DETACHED;
    (void)sluice_ctx_make_with(s, &how, &spec, &c, NULL);
    park_for_ever(s);
}

static void run_take_under(struct task *t)
{
    struct sluice_wait wait = SLUICE_WAIT_CTX(sluice_ctx_named(t->b));
    struct sluice_item item;
    t->status = sluice_recv(t->s, ch(t->a), &wait, &item);
    if (t->status != SLUICE_OK && sluice_errcause())
        strncpy(t->message, sluice_errcause(), sizeof t->message - 1);
}

static void death_of_ctx_owner(void **state)
{
    (void)state;
    struct two two = {fresh("x"), fresh("x")};
    const char *c = chan(0);
    pid_t pid = spawn(child_owns_ctx, &two);
    settle(1);
    sluice_ctx below = with_cancel(sluice_ctx_named(two.one)), opened;
    is(sluice_ctx_open(me, two.one, 0, &opened), SLUICE_OK);
    struct task *waits = task_new(run_take_under);
    waits->a = c;
    waits->b = two.one;
    task_start(waits);
    settle(2);
    kill_hard(pid);
    is(join(waits), SLUICE_CANCELED);
    assert_string_equal(waits->message, "owner died");
    ended(below, SLUICE_CANCELED, "owner died");
    ended(opened, SLUICE_CANCELED, "owner died");
    assert_int_equal(receivers(c), 0);
    alive(sluice_ctx_named(two.other));
    cancel(sluice_ctx_named(two.other), "by me");
    ended(sluice_ctx_named(two.other), SLUICE_CANCELED, "by me");
}

static void child_owns_timers(sluice *s, void *data)
{
    const struct two *two = data;
    sluice_timer t;
    sluice_trigger f;
    (void)sluice_ticker_make(s, two->one, 10 * MS, &t);
    (void)sluice_after_func(s, 10 * MS, ch(two->other), sluice_int(1), &f);
    park_for_ever(s);
}

static void death_of_timer_owner(void **state)
{
    (void)state;
    struct two two = {fresh("k"), chan(5)};
    sluice_timer t;
    int64_t value;
    pid_t pid = spawn(child_owns_timers, &two);
    settle(1);
    struct task *waits = go_take(two.one);
    settle(2);
    kill_hard(pid);
    eventually(sluice_timer_open(me, two.one, 0, &t) == SLUICE_NOT_FOUND);
    advance(1000 * SEC);
    settle(1); /* it waits as on a stopped ticker; nothing was sent */
    is(try_take(two.other, &value), SLUICE_WOULD_BLOCK);
    withdraw(waits);
}

static void child_owns_chan(sluice *s, void *name)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_chan c;
    how.name = name;
    how.lifetime = SLUICE_EPHEMERAL;
    spec.cap = 2;
    spec.type = SLUICE_TYPE_INT64;
    (void)sluice_chan_make_with(s, &how, &spec, &c, NULL);
    put_on(s, name, 1);
    park_for_ever(s);
}

static void death_of_ephemeral_owner(void **state)
{
    (void)state;
    const char *name = fresh("e");
    struct sluice_item item;
    sluice_chan c, again;
    pid_t pid = spawn(child_owns_chan, (void *)(uintptr_t)name);
    settle(1);
    is(sluice_chan_open(me, name, 0, &c), SLUICE_OK);
    kill_hard(pid);
    eventually(sluice_chan_open(me, name, 0, &again) == SLUICE_NOT_FOUND);
    is(sluice_recv(me, c, NULL, &item), SLUICE_OK);
    assert_int_equal(item.value.integer, 1);
    sluice_item_free(&item);
    is(sluice_recv(me, c, NULL, &item), SLUICE_CLOSED);
    is(sluice_send(me, c, sluice_int(1), NULL), SLUICE_SEND_ON_CLOSED);
}

static void child_does_nothing(sluice *s, void *data)
{
    (void)data;
    park_for_ever(s);
}

/* Owned by a process that is not the maker. */
static void death_of_for_pid(void **state)
{
    (void)state;
    pid_t pid = spawn(child_does_nothing, NULL);
    settle(1);
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_ctx_spec spec = SLUICE_CTX_SPEC_INIT;
    sluice_ctx c;
    how.name = fresh("x");
    how.lifetime = SLUICE_EPHEMERAL;
    how.for_pid = pid;
    spec.cancelable = true;
    is(sluice_ctx_make_with(me, &how, &spec, &c, NULL), SLUICE_OK);
    alive(c);
    kill_hard(pid);
    is(sluice_ctx_wait(me, c, NULL), SLUICE_OK);
    ended(c, SLUICE_CANCELED, "owner died");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(death_of_parked_sender),     CASE(death_of_parked_receiver),
        CASE(death_after_hand_off),       CASE(death_of_select_winner),
        CASE(death_of_sender_after_send), CASE(death_of_batch_sender),
        CASE(death_of_leased_receiver),   CASE(workers_are_killed_and_nothing_is_lost),
        CASE(death_of_ctx_owner),         CASE(death_of_timer_owner),
        CASE(death_of_ephemeral_owner),   CASE(death_of_for_pid),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

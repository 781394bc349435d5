/*
 * deadlock_test.c - deadlocks, holders and messages, as the library tells them.
 *
 * A second and a third connection of this process take part, with requests that are known to wait; the first one asks. SLUICE_TOKEN says
 * of a connection what it was started within.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "stage.h"

/* A request of another connection, which waits. */
struct waiting {
    sluice *s;
    sluice_future *f;
};

static struct waiting wait_for_lock(sluice *on, sluice_mutex m)
{
    struct waiting w = {.s = on};
    struct sluice_clock clock;
    assert_status(sluice_mutex_lock_start(on, m, 0, NULL, &w.f), SLUICE_OK);
    assert_status(sluice_clock_read(on, &clock), SLUICE_OK); /* answered behind it */
    return w;
}

static void waiting_end(struct waiting *w)
{
    sluice_future_cancel(w->f);
    sluice_future_finish(w->f, NULL);
    sluice_close(w->s);
}

static uint64_t number_of(sluice *of)
{
    struct sluice_session session;
    sluice_session_get(of, &session);
    return session.number;
}

static struct sluice_deadlock *find(void)
{
    struct sluice_deadlock *d = NULL;
    assert_status(sluice_deadlock_find(s, &d), SLUICE_OK);
    return d;
}

static void test_none(void **state)
{
    (void)state;
    struct sluice_deadlock *d = find();
    assert_true(!d->asleep && d->cycles_count == 0 && d->stalled_count == 0 && d->stalled_all == 0);
    assert_int_equal(d->now_ns, daemon_now_ns());
    assert_null(sluice_deadlock_free(d));
    assert_null(sluice_deadlock_free(NULL));
}

static void test_crosswise(void **state)
{
    (void)state;
    sluice_mutex a = mutex_of("cross/a"), b = mutex_of("cross/b");
    sluice *one = served_open(&stage), *two = served_open(&stage);
    struct sluice_grant g;
    assert_status(sluice_mutex_lock(one, sluice_mutex_named("cross/a"), 0, NULL, &g), SLUICE_OK);
    assert_status(sluice_mutex_lock(two, sluice_mutex_named("cross/b"), 0, NULL, &g), SLUICE_OK);
    struct waiting first = wait_for_lock(one, sluice_mutex_named("cross/b"));
    struct waiting second = wait_for_lock(two, sluice_mutex_named("cross/a"));
    struct sluice_deadlock *d = find();
    assert_true(d->asleep);
    assert_int_equal(d->cycles_count, 1);
    assert_int_equal(d->cycles[0].length, 2);
    assert_int_equal(d->cycles[0].count, 2);
    const struct sluice_stall *link = d->cycles[0].links;
    assert_int_equal(link[0].session, number_of(one));
    assert_int_equal(link[0].pid, getpid());
    assert_string_equal(link[0].op, "lock");
    assert_string_equal(link[0].arm.name, "cross/b");
    assert_int_equal(link[0].arm.kind, SLUICE_KIND_MUTEX);
    assert_int_equal(link[0].arm.verb, SLUICE_VERB_LOCK);
    assert_true(link[0].task == 0 && link[0].within == 0 && !link[0].has_deadline);
    assert_string_equal(link[1].arm.name, "cross/a");
    assert_int_equal(d->stalled_count, 2);
    assert_int_equal(d->stalled_all, 2);
    sluice_deadlock_free(d);
    waiting_end(&first);
    waiting_end(&second);
    sluice_drop(s, a.ref);
    sluice_drop(s, b.ref);
}

/* What `sluice lock` exports to its command. */
static void test_within(void **state)
{
    (void)state;
    sluice_mutex m = mutex_of("within/m");
    struct sluice_grant g = locked(m);
    sluice *holder = served_open(&stage);
    char token[32];
    assert_status(sluice_mutex_unlock(s, m, g.token), SLUICE_OK);
    assert_status(sluice_mutex_lock(holder, sluice_mutex_named("within/m"), 0, NULL, &g), SLUICE_OK);
    snprintf(token, sizeof token, "%" PRIu64 " 17", g.token);
    setenv("SLUICE_TOKEN", token, 1);
    sluice *command = served_open(&stage);
    unsetenv("SLUICE_TOKEN");
    struct waiting w = wait_for_lock(command, sluice_mutex_named("within/m"));
    struct sluice_deadlock *d = find();
    assert_int_equal(d->cycles_count, 1);
    assert_int_equal(d->cycles[0].count, 2);
    const struct sluice_stall *links = d->cycles[0].links,
                              *link = links[0].within != 0 ? &links[0] : &links[1];
    assert_int_equal(link->session, number_of(holder));
    assert_int_equal(link->within, number_of(command));
    assert_string_equal(link->op, "");
    sluice_deadlock_free(d);
    waiting_end(&w);
    sluice_close(holder);
    sluice_drop(s, m.ref);
}

static void test_holders(void **state)
{
    (void)state;
    sluice_sem sem;
    struct sluice_grant g[2];
    struct sluice_description *d;
    assert_status(sluice_sem_make(s, NULL, 5, &sem), SLUICE_OK);
    assert_status(sluice_sem_acquire(s, sem, 2, 0, NULL, &g[0]), SLUICE_OK);
    advance(10);
    assert_status(sluice_sem_acquire(s, sem, 1, 500, NULL, &g[1]), SLUICE_OK);
    assert_status(sluice_describe(s, sem.ref, &d), SLUICE_OK);
    assert_int_equal(d->holders_count, 2);
    assert_int_equal(d->holders[0].session, number_of(s));
    assert_int_equal(d->holders[0].pid, getpid());
    assert_int_equal(d->holders[0].uid, getuid());
    assert_int_equal(d->holders[0].token, g[0].token);
    assert_int_equal(d->holders[0].permits, 2);
    assert_true(!d->holders[0].has_until && d->holders[0].task == 0);
    assert_int_equal(d->holders[1].since_ns, d->holders[0].since_ns + 10);
    assert_true(d->holders[1].has_until);
    assert_int_equal(d->holders[1].until_ns, d->holders[1].since_ns + 500);
    sluice_description_free(d);
}

static void test_messages(void **state)
{
    (void)state;
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    struct sluice_description *d;
    sluice_chan ch, again;
    how.name = "orders";
    spec.cap = 1;
    spec.message = "shop.Order";
    spec.schema = (struct sluice_blob){"\0\1\2", 3};
    assert_status(sluice_chan_make_with(s, &how, &spec, &ch, NULL), SLUICE_OK);
    assert_status(sluice_describe(s, ch.ref, &d), SLUICE_OK);
    assert_string_equal(d->channel.message, "shop.Order");
    assert_int_equal(d->channel.schema.size, 3);
    assert_memory_equal(d->channel.schema.data, "\0\1\2", 3);
    sluice_description_free(d);
    assert_status(sluice_chan_make(s, "orders", 1, &again), SLUICE_OK);
    spec.message = "shop.Offer";
    assert_status(sluice_chan_make_with(s, &how, &spec, &again, NULL), SLUICE_MISMATCH);
    assert_string_equal(sluice_errmsg(), "the channel exists with another message type");
    spec.type = SLUICE_TYPE_STRING;
    how.name = "texts";
    assert_status(sluice_chan_make_with(s, &how, &spec, &again, NULL), SLUICE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),    cmocka_unit_test(test_crosswise), cmocka_unit_test(test_within),
        cmocka_unit_test(test_holders), cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, stage_start, stage_stop);
}

/*
 * conformance_c2_test.c - part C of the conformance cases, contexts: births, races, storms, layers, leaks, AfterFunc.
 *
 * From context/x_test.go. Tasks that wait on a context or cancel it are sessions of their own, so the contexts they share have names.
 */
#include "conform_ctx.h"

#include <stdio.h>

static void c075_born_cancelled(void **state)
{
    (void)state;
    sluice_ctx parent = with_cancel(background());
    cancel(parent, "e");
    ended(with_cancel(parent), SLUICE_CANCELED, "e");
    ended(with_timeout(parent, 1000 * SEC, "mine"), SLUICE_CANCELED, "e");
    ended(with_timeout(parent, 0, "mine"), SLUICE_CANCELED, "e");
    ended(with_value(parent, "t", "n", 1), SLUICE_CANCELED, "e");
    assert_int_equal(children(parent), 0);
}

/* Cancel a context by name, when the barrier says so. */
struct storm {
    pthread_barrier_t start;
};

static void run_cancel(struct task *t)
{
    struct storm *storm = t->data;
    if (storm)
        pthread_barrier_wait(&storm->start);
    t->status = sluice_ctx_cancel(t->s, sluice_ctx_named(t->a), t->b);
}

static void c076_derive_cancel_race(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        const char *parent = named_ctx(false, (sluice_ctx)SLUICE_NIL);
        struct storm storm;
        pthread_barrier_init(&storm.start, NULL, 2);
        struct task *t = task_new(run_cancel);
        t->a = parent;
        t->b = "e";
        t->data = &storm;
        task_start(t);
        pthread_barrier_wait(&storm.start);
        sluice_ctx child = with_cancel(sluice_ctx_named(parent));
        is(sluice_ctx_wait(me, child, NULL), SLUICE_OK);
        ended(child, SLUICE_CANCELED, "e");
        is(join(t), SLUICE_OK);
        task_forget(t);
        pthread_barrier_destroy(&storm.start);
    }
}

static void c078_tree_storm(void **state)
{
    (void)state;
    enum { NODES = 85 }; /* 4-ary, depth 3 */
    const char *names[NODES];
    struct task *t[NODES];
    struct storm storm;
    for (int round = 0; round < 5; round++) {
        pthread_barrier_init(&storm.start, NULL, NODES);
        for (int i = 0; i < NODES; i++) {
            names[i] = i ? named_ctx(true, sluice_ctx_named(names[(i - 1) / 4]))
                         : named_ctx(false, (sluice_ctx)SLUICE_NIL);
            t[i] = task_new(run_cancel);
            t[i]->a = names[i];
            t[i]->data = &storm;
        }
        for (int i = 0; i < NODES; i++)
            task_start(t[i]);
        for (int i = 0; i < NODES; i++) {
            is(join(t[i]), SLUICE_OK);
            task_forget(t[i]);
        }
        for (int i = 0; i < NODES; i++) {
            is(err_of(sluice_ctx_named(names[i])), SLUICE_CANCELED);
            assert_int_equal(children(sluice_ctx_named(names[i])), 0);
        }
        pthread_barrier_destroy(&storm.start);
    }
}

/* Woken by the parent's end, cancel the child. */
static void run_interlocked(struct task *t)
{
    t->status = sluice_ctx_wait(t->s, sluice_ctx_named(t->a), NULL);
    if (t->status == SLUICE_OK)
        t->status = sluice_ctx_cancel(t->s, sluice_ctx_named(t->b), "from below");
}

static void c079_interlocked(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        const char *parent = named_ctx(false, (sluice_ctx)SLUICE_NIL);
        const char *child = named_ctx(true, sluice_ctx_named(parent));
        struct task *t = task_new(run_interlocked);
        t->a = parent;
        t->b = child;
        task_start(t);
        settle(1);
        cancel(sluice_ctx_named(parent), "from above");
        ended(sluice_ctx_named(child), SLUICE_CANCELED, "from above");
        is(join(t), SLUICE_OK);
        ended(sluice_ctx_named(child), SLUICE_CANCELED, "from above");
        task_forget(t);
    }
}

static unsigned next_random(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % n;
}

static void check_layers(unsigned seed, bool by_timer)
{
    enum { LAYERS = 32 };
    sluice_ctx at = background(), cancelable[LAYERS];
    int64_t values[LAYERS];
    unsigned count = 0;
    for (int i = 0; i < LAYERS; i++) {
        char name[16];
        unsigned kind = next_random(&seed, 3);
        values[i] = -1;
        snprintf(name, sizeof name, "%d", i);
        if (kind == 0) {
            at = with_value(at, "layer", name, i * 7);
            values[i] = i * 7;
        } else {
            at = kind == 1 ? with_cancel(at) : with_timeout(at, by_timer ? 10 * MS : 1000 * SEC, NULL);
            cancelable[count++] = at;
        }
    }
    at = with_timeout(at, by_timer ? 10 * MS : 1000 * SEC, NULL);
    cancelable[count++] = at;
    alive(at);
    if (by_timer) {
        advance(10 * MS);
        expired(at);
    } else {
        cancel(cancelable[next_random(&seed, count)], NULL);
        canceled(at);
    }
    for (int i = 0; i < LAYERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(value_of(at, "layer", name), values[i]);
    }
}

static void c080_layers(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 10; seed++) {
        check_layers(seed, false);
        check_layers(seed, true);
    }
}

static void c081_no_leak(void **state)
{
    (void)state;
    sluice_ctx parent = with_cancel(background());
    struct sluice_clock clock;
    sluice_ctx child = with_cancel(parent);
    assert_int_equal(children(parent), 1);
    cancel(child, NULL);
    assert_int_equal(children(parent), 0);
    sluice_ctx timed = with_timeout(parent, 1000 * SEC, NULL);
    assert_int_equal(children(parent), 1);
    is(sluice_clock_read(me, &clock), SLUICE_OK);
    assert_true(clock.has_next_deadline);
    cancel(timed, NULL);
    assert_int_equal(children(parent), 0);
    is(sluice_clock_read(me, &clock), SLUICE_OK);
    assert_false(clock.has_next_deadline);
    /* a thousand children that were dropped and forgotten leave nothing behind once cancelled */
    for (int i = 0; i < 1000; i++) {
        sluice_ctx c = with_cancel(parent);
        cancel(c, NULL);
        is(sluice_drop(me, c.ref), SLUICE_OK);
    }
    assert_int_equal(children(parent), 0);
    /* nor do those that were never cancelled, once nothing refers to them */
    for (int i = 0; i < 100; i++) {
        sluice_ctx c = i % 2 ? with_cancel(parent) : with_timeout(parent, 1000 * SEC, NULL);
        is(sluice_drop(me, c.ref), SLUICE_OK);
    }
    assert_int_equal(children(parent), 0);
    is(sluice_clock_read(me, &clock), SLUICE_OK);
    assert_false(clock.has_next_deadline);
}

static void expect_fired(const char *out, int64_t expected)
{
    int64_t value;
    is(try_take(out, &value), SLUICE_OK);
    assert_int_equal(value, expected);
    is(try_take(out, &value), SLUICE_WOULD_BLOCK);
}

static void not_fired(const char *out)
{
    int64_t value;
    is(try_take(out, &value), SLUICE_WOULD_BLOCK);
}

static bool stop(sluice_trigger trigger)
{
    bool prevented;
    is(sluice_trigger_stop(me, trigger, &prevented), SLUICE_OK);
    return prevented;
}

static sluice_trigger after_func(sluice_ctx c, const char *out, int64_t value)
{
    sluice_trigger trigger;
    is(sluice_ctx_after_func(me, c, ch(out), sluice_int(value), &trigger), SLUICE_OK);
    return trigger;
}

static void c082_afterfunc_once(void **state)
{
    (void)state;
    const char *out = chan(10);
    /* after a cancel */
    sluice_ctx c = with_cancel(background());
    sluice_trigger f = after_func(c, out, 1);
    not_fired(out);
    cancel(c, NULL);
    expect_fired(out, 1);
    cancel(c, NULL);
    not_fired(out);
    assert_false(stop(f));
    /* after a timeout */
    c = with_timeout(background(), 10 * MS, NULL);
    f = after_func(c, out, 2);
    advance(10 * MS - 1);
    not_fired(out);
    advance(1);
    expect_fired(out, 2);
    assert_false(stop(f));
    /* at once */
    f = after_func(c, out, 3);
    expect_fired(out, 3);
    assert_false(stop(f));
    /* stopped before: true once, and it never comes */
    c = with_cancel(background());
    f = after_func(c, out, 4);
    assert_true(stop(f));
    assert_false(stop(f));
    cancel(c, NULL);
    not_fired(out);
    /* on one that is never done: true once, then false */
    f = after_func(background(), out, 5);
    assert_true(stop(f));
    assert_false(stop(f));
}

/* Several registrations are independent; cancel does not wait for them. */
static void x_afterfunc_independent(void **state)
{
    (void)state;
    const char *out = chan(0); /* nobody receives yet: their sends wait */
    sluice_ctx parent = with_cancel(background()), c = with_cancel(parent);
    sluice_trigger f[3];
    int64_t sum = 0;
    for (int i = 0; i < 3; i++)
        f[i] = after_func(c, out, i + 1);
    assert_true(stop(f[1]));
    cancel(parent, NULL);
    assert_int_equal(senders(out), 2);
    assert_false(stop(f[0]));
    sum += take(out);
    sum += take(out);
    assert_int_equal(sum, 4);
}

/* A parked request in another session ends with its context, and leaves its queue. */
static void x_context_ends_requests(void **state)
{
    (void)state;
    const char *name = named_ctx(false, (sluice_ctx)SLUICE_NIL), *c = chan(0);
    struct task *t = go_take(c);
    settle(1);
    withdraw(t);
    sluice_ctx ctx = sluice_ctx_named(name);
    struct sluice_wait wait = SLUICE_WAIT_CTX(ctx);
    sluice_future *f;
    is(sluice_recv_start(me, ch(c), 0, &wait, &f), SLUICE_OK);
    is(sluice_flush(me), SLUICE_OK);
    eventually(receivers(c) == 1);
    cancel(ctx, "enough");
    is(sluice_future_finish(f, NULL), SLUICE_CANCELED);
    assert_string_equal(sluice_errcause(), "enough");
    assert_int_equal(receivers(c), 0);
    /* done already: that is the answer, even when the operation could proceed */
    const char *full = chan(1);
    struct sluice_item item;
    put(full, 1);
    is(sluice_recv(me, ch(full), &wait, &item), SLUICE_CANCELED);
    assert_int_equal(len(full), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c075_born_cancelled),
        CASE(c076_derive_cancel_race),
        CASE(c078_tree_storm),
        CASE(c079_interlocked),
        CASE(c080_layers),
        CASE(c081_no_leak),
        CASE(c082_afterfunc_once),
        CASE(x_afterfunc_independent),
        CASE(x_context_ends_requests),
    };
    return cmocka_run_group_tests(tests, conform_up, conform_down);
}

/*
 * conformance_b2_test.c - part B of the conformance cases, select: queues, pairings, cost, the dynamic form.
 *
 * Go's reflect.Select maps onto select with an array of arms: an absent channel is nil, `invalid` is an item without a value. What reflection
 * checks of a case's form, the daemon checks of an arm.
 */
#include "conform.h"

static void c046_mixed_fifo(void **state)
{
    (void)state;
    const char *q = chan(0), *other = chan(0);
    struct task *t[4];
    for (int i = 0; i < 4; i++) {
        t[i] = i % 2 ? GO_SELECT(arm_take(other), arm_take(q)) : go_take(q);
        settle((uint64_t)i + 1);
    }
    for (int64_t i = 0; i < 4; i++)
        put(q, i);
    for (int i = 0; i < 4; i++)
        took(t[i], i);
    assert_int_equal(receivers(other), 0);
}

struct evaluation {
    int evaluated, shift;
};

static int64_t evaluate(struct evaluation *e)
{
    e->evaluated++;
    return INT64_C(1) << e->shift;
}

/* Go's test/chan/select.go: Send(a, b). */
static int send_both(struct evaluation *e, const char *a, const char *b)
{
    int sent = 0;
    for (;; e->shift++) {
        struct sluice_arm arms[3];
        int index;
        arms[0] = arm_put(a, evaluate(e));
        arms[1] = arm_put(b, evaluate(e));
        arms[2] = sluice_arm_default();
        is(sluice_select(me, arms, 3, NULL, &index, NULL), SLUICE_OK);
        if (index == 2)
            return sent;
        sent++;
        if (index == 0)
            a = NULL;
        else
            b = NULL;
    }
}

static void c047_operand_evaluation(void **state)
{
    (void)state;
    const char *a = chan(1), *b = chan(1);
    struct evaluation e = {0, 0};
    assert_int_equal(send_both(&e, a, b), 2);
    assert_int_equal(take(a) | take(b), 3);
    assert_int_equal(send_both(&e, a, NULL), 1);
    assert_int_equal(e.evaluated, 10);
    assert_int_equal(len(a), 1);
    assert_int_equal(len(b), 0);
}

/* How a side of a pairing waits: plain, alone in a select, with a case that never comes. */
static struct task *pairing(int form, bool sends, const char *c, const char *never)
{
    if (form == 0)
        return sends ? go_put(c, 42) : go_take(c);
    struct sluice_arm arms[] = {sends ? arm_put(c, 42) : arm_take(c), arm_take(never)};
    return go_select((size_t)form, arms);
}

static void c048_pairings(void **state)
{
    (void)state;
    const char *never = chan(0);
    for (int receive = 0; receive < 3; receive++)
        for (int send = 0; send < 3; send++)
            for (int receiver_first = 0; receiver_first < 2; receiver_first++) {
                const char *c = chan(0);
                struct task *first = pairing(receiver_first ? receive : send, !receiver_first, c, never);
                settle(1);
                struct task *second = pairing(receiver_first ? send : receive, receiver_first, c, never);
                is(join(second), SLUICE_OK);
                took(receiver_first ? first : second, 42);
                is(join(first), SLUICE_OK);
                assert_int_equal(receivers(never), 0);
            }
}

/* Time for n selects on {global, own} to be woken ten times each through their own. */
static int64_t linear_dequeue_ns(size_t n)
{
    static sluice_chan own[4000];
    static sluice_future *waiting[4000];
    sluice_chan global;
    is(sluice_chan_make(me, NULL, 0, &global), SLUICE_OK);
    for (size_t i = 0; i < n; i++)
        is(sluice_chan_make(me, NULL, 0, &own[i]), SLUICE_OK);
    int64_t began_ns = now_real_ns();
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < n; i++) {
            struct sluice_arm arms[] = {sluice_arm_recv(global), sluice_arm_recv(own[i])};
            is(sluice_select_start(me, arms, 2, NULL, &waiting[i]), SLUICE_OK);
        }
        for (size_t i = 0; i < n; i++) {
            sluice_future *sent;
            struct sluice_result r;
            is(sluice_send_start(me, own[i], sluice_bytes(NULL, 0), NULL, &sent), SLUICE_OK);
            is(sluice_future_finish(waiting[i], &r), SLUICE_OK);
            assert_int_equal(r.index, 1);
            sluice_item_free(&r.item);
            is(sluice_future_finish(sent, NULL), SLUICE_OK);
        }
    }
    int64_t took_ns = now_real_ns() - began_ns;
    for (size_t i = 0; i < n; i++)
        is(sluice_drop(me, own[i].ref), SLUICE_OK);
    is(sluice_drop(me, global.ref), SLUICE_OK);
    return took_ns;
}

static void c050_linear_dequeue(void **state)
{
    (void)state;
    /* n against 2n; a busy machine gets three tries */
    bool linear = false;
    for (int i = 0; i < 3 && !linear; i++) {
        int64_t n_ns = linear_dequeue_ns(1000), two_ns = linear_dequeue_ns(2000);
        linear = two_ns < 3 * n_ns;
    }
    assert_true(linear);
}

/* ---- The dynamic form ---- */

enum case_kind { CASE_READY, CASE_BLOCKING, CASE_NIL, CASE_CLOSED, CASE_KINDS };

struct dynamic {
    struct sluice_arm arms[10];
    enum case_kind kinds[10];
    bool sends[10];
    const char *names[10];
    size_t count;
    bool can_proceed, has_default;
};

static unsigned next_random(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % n;
}

static void dynamic_case(struct dynamic *d, enum case_kind kind, bool sends)
{
    size_t i = d->count++;
    const char *name = kind == CASE_NIL ? NULL : chan(1);
    if (kind == CASE_CLOSED)
        shut(name);
    else if (kind != CASE_NIL && sends != (kind == CASE_READY))
        put(name, (int64_t)i); /* full for a sender, filled for a receiver */
    d->arms[i] = sends ? arm_put(name, (int64_t)i) : arm_take(name);
    d->kinds[i] = kind;
    d->sends[i] = sends;
    d->names[i] = name;
    d->can_proceed |= kind == CASE_READY || kind == CASE_CLOSED;
}

static void check_dynamic(const struct dynamic *d, enum sluice_status status, int index,
                          const struct sluice_item *item)
{
    if (!d->can_proceed) {
        assert_true(d->has_default);
        assert_int_equal(index, d->count);
        is(status, SLUICE_OK);
        return;
    }
    assert_in_range(index, 0, d->count - 1);
    assert_true(d->kinds[index] == CASE_READY || d->kinds[index] == CASE_CLOSED);
    if (d->kinds[index] == CASE_CLOSED) {
        is(status, d->sends[index] ? SLUICE_SEND_ON_CLOSED : SLUICE_CLOSED);
    } else {
        is(status, SLUICE_OK);
        assert_int_equal(item->value.type, d->sends[index] ? SLUICE_TYPE_NONE : SLUICE_TYPE_INT64);
        if (!d->sends[index])
            assert_int_equal(item->value.integer, index);
    }
    for (size_t i = 0; i < d->count; i++)
        if (d->kinds[i] == CASE_READY) /* only the chosen one changed its channel */
            assert_int_equal(len(d->names[i]), d->sends[i] == ((int)i == index));
}

static void c052_dynamic_select_matrix(void **state)
{
    (void)state;
    unsigned seed = 52;
    for (int round = 0; round < 300; round++) {
        struct dynamic d = {.has_default = next_random(&seed, 2)};
        size_t count = next_random(&seed, 9);
        while (d.count < count)
            dynamic_case(&d, (enum case_kind)next_random(&seed, CASE_KINDS), next_random(&seed, 2));
        if (!d.can_proceed)
            d.has_default = true;
        if (d.has_default)
            d.arms[d.count] = sluice_arm_default();
        int index;
        struct sluice_item item = {0};
        enum sluice_status status = sluice_select(me, d.arms, d.count + d.has_default, NULL, &index, &item);
        check_dynamic(&d, status, index, &item);
        sluice_item_free(&item);
        for (size_t i = 0; i < d.count; i++)
            if (d.names[i])
                is(sluice_remove(me, ref(d.names[i])), SLUICE_OK);
    }
}

static void c053_dynamic_select_limits(void **state)
{
    (void)state;
    enum { MANY = 65536 };
    static struct sluice_arm arms[MANY + 1];
    const char *c = chan(0);
    int index;
    struct sluice_item item = {0};
    shut(c);
    for (int i = 0; i <= MANY; i++)
        arms[i] = arm_take(c);
    is(sluice_select(me, arms, MANY, NULL, &index, &item), SLUICE_CLOSED);
    assert_in_range(index, 0, MANY - 1);
    is(sluice_select(me, arms, MANY + 1, NULL, &index, &item), SLUICE_LIMIT);
    assert_non_null(strstr(sluice_errmsg(), "reflect.Select: too many cases (max 65536)"));
    assert_int_equal(index, -1);
    arms[0] = sluice_arm_default();
    is(sluice_select(me, arms, 1, NULL, &index, &item), SLUICE_OK);
    assert_int_equal(index, 0);
}

static void refused(size_t count, const struct sluice_arm *arms, enum sluice_status expected,
                    const char *text)
{
    int index = 5;
    struct sluice_item item = {0};
    is(sluice_select(me, arms, count, NULL, &index, &item), expected);
    says(text);
    assert_int_equal(index, -1);
}
#define REFUSED(status, text, ...)                                                  \
    refused(sizeof((struct sluice_arm[]){__VA_ARGS__}) / sizeof(struct sluice_arm), \
            (struct sluice_arm[]){__VA_ARGS__}, (status), (text))

static void c054_dynamic_select_validation(void **state)
{
    (void)state;
    const char *c = chan(1);
    sluice_chan r, s;
    is(sluice_chan_open(me, c, SLUICE_RIGHT_RECV, &r), SLUICE_OK);
    is(sluice_chan_open(me, c, SLUICE_RIGHT_SEND, &s), SLUICE_OK);
    struct sluice_arm default_with_chan = sluice_arm_default(), default_with_value = sluice_arm_default();
    struct sluice_arm send_without_value = arm_put(c, 1), recv_with_value = arm_take(c),
                      no_verb = arm_take(c);
    default_with_chan.ref = ref(c);
    default_with_value.value = sluice_int(1);
    send_without_value.value.type = SLUICE_TYPE_NONE;
    recv_with_value.value = sluice_int(1);
    no_verb.verb = SLUICE_VERB_NONE;
    REFUSED(SLUICE_INVALID, "reflect.Select: multiple default cases", sluice_arm_default(), arm_take(c),
            sluice_arm_default());
    REFUSED(SLUICE_INVALID, "reflect.Select: default case has Chan value", default_with_chan);
    REFUSED(SLUICE_INVALID, "reflect.Select: default case has Send value", default_with_value);
    REFUSED(SLUICE_INVALID, "reflect.Select: SendDir case missing Send value", send_without_value);
    REFUSED(SLUICE_INVALID, "reflect.Select: RecvDir case has Send value", recv_with_value);
    REFUSED(SLUICE_INVALID, "reflect.Select: invalid Dir", no_verb);
    REFUSED(SLUICE_NO_RIGHT, "reflect.Select: SendDir case using recv-only channel",
            sluice_arm_send(r, sluice_int(1)));
    REFUSED(SLUICE_NO_RIGHT, "reflect.Select: RecvDir case using send-only channel", sluice_arm_recv(s));
    assert_int_equal(len(c), 0);
}

static void c055_reflect_try(void **state)
{
    (void)state;
    const char *c = chan(1), *unbuffered = chan(0);
    struct sluice_item item = {0};
    is(sluice_recv(me, ch(c), sluice_no_wait(), &item), SLUICE_WOULD_BLOCK);
    assert_int_equal(item.value.type, SLUICE_TYPE_NONE);
    is(try_put(c, 5), SLUICE_OK);
    is(try_put(c, 6), SLUICE_WOULD_BLOCK);
    is(try_put(unbuffered, 6), SLUICE_WOULD_BLOCK);
    is(sluice_recv(me, ch(c), sluice_no_wait(), &item), SLUICE_OK);
    assert_int_equal(item.value.integer, 5);
    sluice_item_free(&item);
    shut(c);
    is(sluice_recv(me, ch(c), sluice_no_wait(), &item), SLUICE_CLOSED);
}

/* The first peer decides; every other registration is gone in the same instant. */
static void x_losers_vanish(void **state)
{
    (void)state;
    const char *a = chan(0), *b = chan(0), *c = chan(0);
    for (int i = 0; i < 300; i++) {
        struct task *t = GO_SELECT(arm_take(a), arm_put(b, 1), arm_take(c), sluice_arm_after(1000 * SEC));
        int64_t value;
        settle(1);
        put(i % 2 ? a : c, i);
        is(try_put(i % 2 ? c : a, 9), SLUICE_WOULD_BLOCK);
        is(try_take(b, &value), SLUICE_WOULD_BLOCK);
        took(t, i);
        assert_int_equal(t->index, i % 2 ? 0 : 2);
        task_forget(t);
    }
    struct sluice_clock clock;
    is(sluice_clock_read(me, &clock), SLUICE_OK);
    assert_false(clock.has_next_deadline);
}

static void x_after_and_timeout_in_select(void **state)
{
    (void)state;
    const char *c = chan(0);
    struct task *t = GO_SELECT(arm_take(c), sluice_arm_after(20 * MS), sluice_arm_after(10 * MS));
    settle(1);
    advance(9 * MS);
    settle(1);
    advance(1 * MS);
    is(join(t), SLUICE_OK);
    assert_int_equal(t->index, 2);
    struct sluice_arm arms[] = {arm_take(c), arm_take(NULL)};
    t = go_select(2, arms);
    settle(1);
    withdraw(t);
    assert_int_equal(t->index, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(c046_mixed_fifo),
        CASE(c047_operand_evaluation),
        CASE(c048_pairings),
        CASE(c050_linear_dequeue),
        CASE(c052_dynamic_select_matrix),
        CASE(c053_dynamic_select_limits),
        CASE(c054_dynamic_select_validation),
        CASE(c055_reflect_try),
        CASE(x_losers_vanish),
        CASE(x_after_and_timeout_in_select),
    };
    return cmocka_run_group_tests(tests, conform_up_unaudited, conform_down);
}

/*
 * deadlock_test.c - DEADLOCK on the wire, who holds an object, and what a channel says of its messages.
 *
 * What the engine finds is tests/engine/deadlock_test.c's; here, that all of it is told.
 */
#include "rig.h"

#include <inttypes.h>
#include <stdio.h>

static struct rig r;
static uint64_t first, second; /* sessions */

static uint64_t another_session(const char *id, const char *name, uint64_t within)
{
    Sluice__V1__Request m;
    Sluice__V1__Hello hello = SLUICE__V1__HELLO__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_HELLO, &hello);
    hello.has_major = hello.has_session = hello.has_name = 1;
    hello.major = WIRE_MAJOR;
    hello.session = data_of(id);
    hello.name = data_of(name);
    hello.has_within = within != 0;
    hello.within = within;
    uint64_t asker = r.session;
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    uint64_t number = reply->hello->session_number;
    r.session = asker;
    reply_free(reply);
    return number;
}

static int set_up(void **state)
{
    (void)state;
    rig_init(&r);
    first = another_session("................", "one", 0);
    second = another_session("----------------", "two", 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_done(&r);
    return 0;
}

static void lock_request(Sluice__V1__Request *m, Sluice__V1__Lock *op, Sluice__V1__Ref *ref, const char *name)
{
    sluice__v1__lock__init(op);
    *ref = ref_name(name);
    op->ref = ref;
    request_init(m, SLUICE__V1__REQUEST__OP_LOCK, op);
}

static uint64_t locked(uint64_t session, const char *name)
{
    Sluice__V1__Request m;
    Sluice__V1__Lock op;
    Sluice__V1__Ref ref;
    uint64_t asker = r.session;
    lock_request(&m, &op, &ref, name);
    r.session = session;
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    r.session = asker;
    uint64_t token = reply->grant->token;
    reply_free(reply);
    return token;
}

static void parked_lock(uint64_t session, const char *name, int64_t timeout_ns)
{
    Sluice__V1__Request m;
    Sluice__V1__Lock op;
    Sluice__V1__Ref ref;
    uint64_t asker = r.session;
    lock_request(&m, &op, &ref, name);
    m.has_timeout_ns = timeout_ns != 0;
    m.timeout_ns = (uint64_t)timeout_ns;
    r.session = session;
    rig_park(&r, &m);
    r.session = asker;
}

static Sluice__V1__Reply *find(void)
{
    Sluice__V1__Request m;
    Sluice__V1__Deadlock op = SLUICE__V1__DEADLOCK__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_DEADLOCK, &op);
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_DEADLOCK);
    return reply;
}

static void make_mutex(const char *name)
{
    Sluice__V1__MutexSpec spec = SLUICE__V1__MUTEX_SPEC__INIT;
    rig_make(&r, name, SLUICE__V1__MAKE__SPEC_MUTEX, &spec);
}

static void none(void **state)
{
    (void)state;
    Sluice__V1__Reply *reply = find();
    assert_true(reply->deadlock->has_asleep && !reply->deadlock->asleep);
    assert_int_equal(reply->deadlock->n_cycles + reply->deadlock->n_stalled, 0);
    assert_true(reply->deadlock->has_stalled_count && reply->deadlock->stalled_count == 0);
    reply_free(reply);
}

static void a_circle(void **state)
{
    (void)state;
    make_mutex("x");
    make_mutex("y");
    locked(first, "x");
    locked(second, "y");
    r.now_ns = 1500;
    parked_lock(first, "y", 9000);
    parked_lock(second, "x", 0);
    Sluice__V1__Reply *reply = find();
    const Sluice__V1__DeadlockResult *d = reply->deadlock;
    assert_int_equal(d->n_cycles, 1);
    assert_int_equal(d->cycles[0]->length, 2);
    assert_int_equal(d->cycles[0]->n_links, 2);
    const Sluice__V1__Stall *link = d->cycles[0]->links[0];
    assert_int_equal(link->session, first);
    assert_data(link->name, "one");
    assert_data(link->op, "lock");
    assert_int_equal(link->since_ns, 1500);
    assert_int_equal(link->deadline_ns, 10500);
    assert_int_equal(link->arm->verb, SLUICE__V1__VERB__VERB_LOCK);
    assert_int_equal(link->arm->kind, SLUICE__V1__KIND__MUTEX);
    assert_data(link->arm->name, "y");
    assert_false(link->has_within || link->has_task);
    assert_data(d->cycles[0]->links[1]->arm->name, "x");
    assert_int_equal(d->n_stalled, 0); /* a timeout ends it */
    assert_true(d->has_now_ns);
    reply_free(reply);
}

static void within_a_lock(void **state)
{
    (void)state;
    make_mutex("x");
    uint64_t child = another_session("++++++++++++++++", "child", locked(first, "x"));
    parked_lock(child, "x", 0);
    Sluice__V1__Reply *reply = find();
    assert_int_equal(reply->deadlock->n_cycles, 1);
    const Sluice__V1__Stall *holder = reply->deadlock->cycles[0]->links[0];
    assert_int_equal(holder->session, first);
    assert_int_equal(holder->within, child);
    assert_false(holder->has_op || holder->arm);
    assert_int_equal(reply->deadlock->n_stalled, 1);
    assert_int_equal(reply->deadlock->stalled_count, 1);
    assert_int_equal(reply->deadlock->stalled[0]->session, child);
    reply_free(reply);
}

static void who_holds_it(void **state)
{
    (void)state;
    Sluice__V1__SemaphoreSpec spec = SLUICE__V1__SEMAPHORE_SPEC__INIT;
    spec.has_size = 1;
    spec.size = 9;
    rig_make(&r, "sem", SLUICE__V1__MAKE__SPEC_SEMAPHORE, &spec);
    Sluice__V1__Request m;
    Sluice__V1__Acquire op = SLUICE__V1__ACQUIRE__INIT;
    Sluice__V1__Ref ref = ref_name("sem");
    request_init(&m, SLUICE__V1__REQUEST__OP_ACQUIRE, &op);
    op.ref = &ref;
    op.has_permits = op.has_ttl_ns = 1;
    uint64_t asker = r.session, tokens[2];
    for (int i = 0; i < 2; i++) {
        r.now_ns = 2000 + i;
        r.session = i == 0 ? first : second;
        op.permits = (uint64_t)i + 3;
        op.ttl_ns = i == 0 ? 0 : 1000;
        Sluice__V1__Reply *grant = rig_ask(&r, &m);
        tokens[i] = grant->grant->token;
        reply_free(grant);
    }
    r.session = asker;
    Sluice__V1__Reply *reply = rig_describe(&r, "sem");
    assert_int_equal(reply->description->n_holders, 2);
    const Sluice__V1__Holder *old = reply->description->holders[0], *new = reply->description->holders[1];
    assert_data(old->name, "one");
    assert_int_equal(old->session, first);
    assert_int_equal(old->token, tokens[0]);
    assert_int_equal(old->permits, 3);
    assert_int_equal(old->since_ns, 2000);
    assert_true(old->has_pid && old->has_uid && old->has_shared && !old->shared && !old->has_until_ns &&
                !old->has_task);
    assert_data(new->name, "two");
    assert_int_equal(new->token, tokens[1]);
    assert_int_equal(new->permits, 4);
    assert_int_equal(new->until_ns, 3001);
    reply_free(reply);
}

/* ---- What a channel says of its messages ---- */

static void messages_of_a_channel(void **state)
{
    (void)state;
    Sluice__V1__ChannelSpec spec = SLUICE__V1__CHANNEL_SPEC__INIT;
    spec.has_message = spec.has_schema = 1;
    spec.message = data_of("shop.Order");
    spec.schema = data_of("descriptors");
    rig_make(&r, "orders", SLUICE__V1__MAKE__SPEC_CHANNEL, &spec);
    Sluice__V1__Reply *reply = rig_describe(&r, "orders");
    assert_data(reply->description->message, "shop.Order");
    assert_data(reply->description->schema, "descriptors");
    reply_free(reply);
    Sluice__V1__Request m;
    Sluice__V1__List list = SLUICE__V1__LIST__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_LIST, &list);
    reply = rig_ask(&r, &m);
    assert_int_equal(reply->listing->n_objects, 1);
    assert_data(reply->listing->objects[0]->message, "shop.Order");
    assert_false(reply->listing->objects[0]->has_schema);
    reply_free(reply);
}

static void too_much_of_it(void **state)
{
    (void)state;
    static uint8_t much[SCHEMA_SIZE_MAX + 1];
    Sluice__V1__Request m;
    Sluice__V1__Make make = SLUICE__V1__MAKE__INIT;
    Sluice__V1__ChannelSpec spec = SLUICE__V1__CHANNEL_SPEC__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_MAKE, &make);
    make.spec_case = SLUICE__V1__MAKE__SPEC_CHANNEL;
    make.channel = &spec;
    spec.has_schema = 1;
    spec.schema = (ProtobufCBinaryData){sizeof much, much};
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "schema_size_max", SCHEMA_SIZE_MAX, SCHEMA_SIZE_MAX + 1);
    spec.has_schema = 0;
    spec.has_message = 1;
    spec.message = (ProtobufCBinaryData){KEY_SIZE_MAX + 1, much};
    expect_limit(r.wire, &m, STATUS_TOO_LARGE, "key_size_max", KEY_SIZE_MAX, KEY_SIZE_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_circle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(within_a_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_holds_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_of_a_channel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_much_of_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * make_test.c - what can be made, from a packed Make to the op: every field of every spec.
 *
 * Numbers that the engine refuses in Go's words (a negative capacity, a period below zero) come through as they are. What the codec itself
 * refuses stands in refuse_test.c.
 */
#include "client.h"

static struct wire *w;
static Sluice__V1__Request m;
static Sluice__V1__Make make;
static Sluice__V1__Ref ref, other;
static Sluice__V1__Value value;
static struct wire_request got;

static int fresh(void **state)
{
    (void)state;
    sluice__v1__request__init(&m);
    sluice__v1__make__init(&make);
    sluice__v1__ref__init(&ref);
    sluice__v1__ref__init(&other);
    sluice__v1__value__init(&value);
    ref.has_handle = 1;
    ref.handle = 77;
    other.has_name = 1;
    other.name = data_of("team/other");
    value.kind_case = SLUICE__V1__VALUE__KIND_RAW;
    value.raw = data_of("payload");
    m.op_case = SLUICE__V1__REQUEST__OP_MAKE;
    m.make = &make;
    return 0;
}

static void decode_make_request(void)
{
    decode_good(w, &m, &got);
    assert_int_equal(got.op.code, OP_MAKE);
}

static void is_77(struct ref r)
{
    assert_int_equal(r.handle, 77);
    assert_int_equal(r.name_size, 0);
}

static void is_other(struct ref r)
{
    assert_int_equal(r.handle, 0);
    assert_bytes((struct bytes){r.name, r.name_size}, "team/other");
}

static void a_channel(void **state)
{
    (void)state;
    Sluice__V1__ChannelSpec spec;
    sluice__v1__channel_spec__init(&spec);
    spec.has_cap = spec.has_type = spec.has_deliveries_max = spec.has_fenced = spec.fenced = 1;
    spec.has_ordered = spec.ordered = 1;
    spec.has_message = spec.has_schema = 1;
    spec.message = data_of("shop.Order");
    spec.schema = data_of("descriptors");
    spec.cap = -5; /* the engine's to refuse, in Go's words */
    spec.type = SLUICE__V1__TYPE__JSON;
    spec.deliveries_max = 3;
    spec.dead_letter = &other;
    make.spec_case = SLUICE__V1__MAKE__SPEC_CHANNEL;
    make.channel = &spec;
    make.has_name = make.has_exclusive = make.has_rights = make.has_lifetime = make.has_for_pid = 1;
    make.name = data_of("team/jobs");
    make.exclusive = 1;
    make.rights = RIGHT_SEND | RIGHT_RECV;
    make.lifetime = SLUICE__V1__LIFETIME__EPHEMERAL;
    make.for_pid = 4711;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_CHANNEL);
    assert_bytes((struct bytes){got.op.make.name.name, got.op.make.name.name_size}, "team/jobs");
    assert_true(got.op.make.exclusive);
    assert_int_equal(got.op.make.rights, RIGHT_SEND | RIGHT_RECV);
    assert_int_equal(got.op.make.lifetime, LIFE_EPHEMERAL);
    assert_int_equal(got.for_pid, 4711);
    assert_int_equal(got.op.make.channel.cap, -5);
    assert_int_equal(got.op.make.channel.type, VALUE_JSON);
    assert_int_equal(got.op.make.channel.deliveries_max, 3);
    is_other(got.op.make.channel.dead_letter);
    assert_true(got.op.make.channel.fenced && got.op.make.channel.ordered);
    assert_bytes(got.op.make.channel.message, "shop.Order");
    assert_bytes(got.op.make.channel.schema, "descriptors");
    spec.ordered = spec.fenced = spec.has_message = spec.has_schema = 0;
    decode_make_request();
    assert_false(got.op.make.channel.fenced || got.op.make.channel.ordered);
    assert_true(!got.op.make.channel.message.data && !got.op.make.channel.schema.data);
}

static void a_context(void **state)
{
    (void)state;
    Sluice__V1__ContextSpec spec;
    Sluice__V1__ContextEntry entries[2], *list[2] = {&entries[0], &entries[1]};
    sluice__v1__context_spec__init(&spec);
    for (int i = 0; i < 2; i++) {
        sluice__v1__context_entry__init(&entries[i]);
        entries[i].has_space = entries[i].has_type = entries[i].has_name = 1;
        entries[i].space = data_of("space");
        entries[i].type = data_of("type");
        entries[i].name = data_of(i ? "second" : "first");
    }
    entries[0].value = &value;
    spec.has_root = spec.has_without_cancel = spec.has_cancelable = spec.has_timeout_ns =
        spec.has_deadline_ns = 1;
    spec.root = SLUICE__V1__CONTEXT_SPEC__ROOT__TODO;
    spec.parent = &ref;
    spec.without_cancel = spec.cancelable = 1;
    spec.timeout_ns = -1;
    spec.deadline_ns = 99;
    spec.has_cause = 1;
    spec.cause = data_of("too slow");
    spec.values = list;
    spec.n_values = 2;
    make.spec_case = SLUICE__V1__MAKE__SPEC_CONTEXT;
    make.context = &spec;
    decode_make_request();
    const struct context_spec *c = &got.op.make.context;
    assert_int_equal(got.op.make.kind, KIND_CONTEXT);
    assert_int_equal(c->root, ROOT_TODO);
    assert_true(c->has_parent && c->without_cancel && c->cancelable && c->has_timeout && c->has_deadline);
    is_77(c->parent);
    assert_int_equal(c->timeout_ns, -1);
    assert_int_equal(c->deadline_ns, 99);
    assert_bytes(c->cause, "too slow");
    assert_int_equal(c->values_count, 2);
    assert_bytes(c->values[0].space, "space");
    assert_bytes(c->values[0].type, "type");
    assert_bytes(c->values[0].name, "first");
    assert_bytes(c->values[0].value.bytes, "payload");
    assert_bytes(c->values[1].name, "second");
    assert_int_equal(c->values[1].value.type, VALUE_NONE);
    sluice__v1__context_spec__init(&spec);
    decode_make_request();
    assert_false(got.op.make.context.has_parent);
    assert_null(got.op.make.context.cause.data);
}

static void timers_tickers_triggers(void **state)
{
    (void)state;
    Sluice__V1__TimerSpec timer;
    Sluice__V1__TickerSpec ticker;
    Sluice__V1__TriggerSpec trigger;
    sluice__v1__timer_spec__init(&timer);
    timer.has_delay_ns = 1;
    timer.delay_ns = 10;
    make.spec_case = SLUICE__V1__MAKE__SPEC_TIMER;
    make.timer = &timer;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_TIMER);
    assert_int_equal(got.op.make.timer.delay_ns, 10);
    sluice__v1__ticker_spec__init(&ticker);
    ticker.has_period_ns = 1;
    ticker.period_ns = -20;
    make.spec_case = SLUICE__V1__MAKE__SPEC_TICKER;
    make.ticker = &ticker;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_TICKER);
    assert_int_equal(got.op.make.timer.period_ns, -20);
    sluice__v1__trigger_spec__init(&trigger);
    trigger.context = &ref;
    trigger.channel = &other;
    trigger.value = &value;
    trigger.has_delay_ns = 1;
    trigger.delay_ns = 30;
    make.spec_case = SLUICE__V1__MAKE__SPEC_TRIGGER;
    make.trigger = &trigger;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_TRIGGER);
    is_77(got.op.make.trigger.context);
    is_other(got.op.make.trigger.channel);
    assert_int_equal(got.op.make.trigger.delay_ns, 30);
    assert_bytes(got.op.make.trigger.value.bytes, "payload");
}

static void locks(void **state)
{
    (void)state;
    Sluice__V1__MutexSpec mutex = SLUICE__V1__MUTEX_SPEC__INIT;
    Sluice__V1__RwmutexSpec rwmutex = SLUICE__V1__RWMUTEX_SPEC__INIT;
    Sluice__V1__SemaphoreSpec semaphore = SLUICE__V1__SEMAPHORE_SPEC__INIT;
    make.spec_case = SLUICE__V1__MAKE__SPEC_MUTEX;
    make.mutex = &mutex;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_MUTEX);
    make.spec_case = SLUICE__V1__MAKE__SPEC_RWMUTEX;
    make.rwmutex = &rwmutex;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_RWMUTEX);
    make.spec_case = SLUICE__V1__MAKE__SPEC_SEMAPHORE;
    make.semaphore = &semaphore;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_SEMAPHORE);
    assert_int_equal(got.op.make.semaphore.size, 0);
    semaphore.has_size = 1;
    semaphore.size = UINT64_MAX; /* the engine's to refuse */
    decode_make_request();
    assert_true(got.op.make.semaphore.size == UINT64_MAX);
}

static void groups_and_counters(void **state)
{
    (void)state;
    Sluice__V1__WaitgroupSpec waitgroup = SLUICE__V1__WAITGROUP_SPEC__INIT;
    Sluice__V1__CounterSpec counter = SLUICE__V1__COUNTER_SPEC__INIT;
    const struct counter_spec *c = &got.op.make.counter;
    make.spec_case = SLUICE__V1__MAKE__SPEC_WAITGROUP;
    make.waitgroup = &waitgroup;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_WAITGROUP);
    make.spec_case = SLUICE__V1__MAKE__SPEC_COUNTER;
    make.counter = &counter;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_COUNTER);
    assert_true(c->value == 0 && !c->has_min && !c->has_max && !c->fenced);
    counter.has_value = counter.has_min = counter.has_max = counter.has_fenced = counter.fenced = 1;
    counter.value = -5;
    counter.min = 10; /* above max: the engine's to refuse */
    counter.max = -10;
    decode_make_request();
    assert_true(c->has_min && c->has_max && c->fenced);
    assert_int_equal(c->value, -5);
    assert_int_equal(c->min, 10);
    assert_int_equal(c->max, -10);
}

static void a_once(void **state)
{
    (void)state;
    Sluice__V1__OnceSpec once = SLUICE__V1__ONCE_SPEC__INIT;
    make.spec_case = SLUICE__V1__MAKE__SPEC_ONCE;
    make.once = &once;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_ONCE);
    assert_false(got.op.make.once.poison);
    once.has_poison = once.poison = 1;
    decode_make_request();
    assert_true(got.op.make.once.poison);
}

static void a_cell(void **state)
{
    (void)state;
    Sluice__V1__CellSpec cell = SLUICE__V1__CELL_SPEC__INIT;
    make.spec_case = SLUICE__V1__MAKE__SPEC_CELL;
    make.cell = &cell;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_CELL);
    assert_false(got.op.make.cell.fenced);
    cell.has_fenced = cell.fenced = 1;
    decode_make_request();
    assert_true(got.op.make.cell.fenced);
}

static void conditions_barriers_flights(void **state)
{
    (void)state;
    Sluice__V1__CondSpec cond = SLUICE__V1__COND_SPEC__INIT;
    Sluice__V1__BarrierSpec barrier = SLUICE__V1__BARRIER_SPEC__INIT;
    Sluice__V1__FlightSpec flight = SLUICE__V1__FLIGHT_SPEC__INIT;
    make.spec_case = SLUICE__V1__MAKE__SPEC_COND;
    make.cond = &cond;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_COND);
    make.spec_case = SLUICE__V1__MAKE__SPEC_BARRIER;
    make.barrier = &barrier;
    decode_make_request(); /* no parties: the engine's to refuse */
    assert_int_equal(got.op.make.kind, KIND_BARRIER);
    assert_int_equal(got.op.make.barrier.parties, 0);
    barrier.has_parties = 1;
    barrier.parties = UINT32_MAX;
    decode_make_request();
    assert_int_equal(got.op.make.barrier.parties, UINT32_MAX);
    make.spec_case = SLUICE__V1__MAKE__SPEC_FLIGHT;
    make.flight = &flight;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_FLIGHT);
    assert_false(got.op.make.flight.poison);
    flight.has_poison = flight.poison = 1;
    decode_make_request();
    assert_true(got.op.make.flight.poison);
}

static void a_group(void **state)
{
    (void)state;
    Sluice__V1__GroupSpec group = SLUICE__V1__GROUP_SPEC__INIT;
    make.spec_case = SLUICE__V1__MAKE__SPEC_GROUP;
    make.group = &group;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_GROUP);
    assert_true(got.op.make.group.limit < 0);
    assert_int_equal(got.op.make.group.context.handle, 0);
    assert_int_equal(got.op.make.group.context.name_size, 0);
    group.has_limit = 1; /* of none at all */
    group.context = &other;
    decode_make_request();
    assert_int_equal(got.op.make.group.limit, 0);
    is_other(got.op.make.group.context);
    group.limit = INT64_MIN;
    decode_make_request();
    assert_true(got.op.make.group.limit == INT64_MIN);
}

static void a_limiter(void **state)
{
    (void)state;
    Sluice__V1__LimiterSpec limiter = SLUICE__V1__LIMITER_SPEC__INIT;
    Sluice__V1__Rate rate = SLUICE__V1__RATE__INIT;
    const struct limiter_spec *l = &got.op.make.limiter;
    make.spec_case = SLUICE__V1__MAKE__SPEC_LIMITER;
    make.limiter = &limiter;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_LIMITER);
    assert_int_equal(l->algorithm, LIMIT_BUCKET);
    assert_true(l->rate.count == 0 && l->rate.period_ns == 1000000000 && !l->rate.infinite && l->burst == 0);
    limiter.rate = &rate;
    rate.has_count = 1;
    rate.count = 10;
    decode_make_request();
    assert_true(l->rate.count == 10 && l->rate.period_ns == 1000000000);
    rate.has_period_ns = rate.has_infinite = rate.infinite = 1;
    rate.period_ns = 7;
    limiter.has_burst = limiter.has_algorithm = 1;
    limiter.burst = UINT64_MAX; /* the engine's to refuse */
    for (int algorithm = LIMIT_BUCKET; algorithm < LIMIT_ALGORITHMS; algorithm++) {
        limiter.algorithm = (Sluice__V1__LimiterSpec__Algorithm)algorithm;
        decode_make_request();
        assert_int_equal(l->algorithm, algorithm);
        assert_true(l->rate.period_ns == 7 && l->rate.infinite && l->burst == UINT64_MAX);
    }
}

static void an_actor(void **state)
{
    (void)state;
    Sluice__V1__ActorSpec actor = SLUICE__V1__ACTOR_SPEC__INIT;
    make.spec_case = SLUICE__V1__MAKE__SPEC_ACTOR;
    make.actor = &actor;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_ACTOR);
    assert_false(got.op.make.actor.fail);
    actor.has_fail = actor.fail = 1;
    decode_make_request();
    assert_true(got.op.make.actor.fail);
}

static void a_pool(void **state)
{
    (void)state;
    Sluice__V1__PoolSpec pool = SLUICE__V1__POOL_SPEC__INIT;
    make.spec_case = SLUICE__V1__MAKE__SPEC_POOL;
    make.pool = &pool;
    decode_make_request();
    assert_int_equal(got.op.make.kind, KIND_POOL);
    assert_true(got.op.make.pool.limit < 0 && got.op.make.pool.capacity < 0);
    assert_int_equal(got.op.make.pool.dead_letter.name_size, 0);
    pool.has_limit = pool.has_capacity = 1; /* none runs, none waits */
    pool.dead_letter = &other;
    decode_make_request();
    assert_int_equal(got.op.make.pool.limit, 0);
    assert_int_equal(got.op.make.pool.capacity, 0);
    is_other(got.op.make.pool.dead_letter);
    pool.limit = INT64_MAX;
    pool.capacity = INT64_MIN;
    decode_make_request();
    assert_int_equal(got.op.make.pool.limit, INT64_MAX);
    assert_true(got.op.make.pool.capacity == INT64_MIN);
}

/* It is not made, but submitted. */
static void a_task(void **state)
{
    (void)state;
    Sluice__V1__TaskSpec task = SLUICE__V1__TASK_SPEC__INIT;
    make.spec_case = SLUICE__V1__MAKE__SPEC_TASK;
    make.task = &task;
    expect_message(w, &m, STATUS_INVALID, "a task is submitted to a pool");
}

static int make_codec(void **state)
{
    (void)state;
    return (w = wire_new(&default_limits)) ? 0 : -1;
}

static int free_codec(void **state)
{
    (void)state;
    w = wire_free(w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_channel, fresh),
        cmocka_unit_test_setup(a_context, fresh),
        cmocka_unit_test_setup(timers_tickers_triggers, fresh),
        cmocka_unit_test_setup(locks, fresh),
        cmocka_unit_test_setup(groups_and_counters, fresh),
        cmocka_unit_test_setup(a_once, fresh),
        cmocka_unit_test_setup(conditions_barriers_flights, fresh),
        cmocka_unit_test_setup(a_group, fresh),
        cmocka_unit_test_setup(a_limiter, fresh),
        cmocka_unit_test_setup(a_cell, fresh),
        cmocka_unit_test_setup(an_actor, fresh),
        cmocka_unit_test_setup(a_pool, fresh),
        cmocka_unit_test_setup(a_task, fresh),
    };
    return cmocka_run_group_tests(tests, make_codec, free_codec);
}

/*
 * answer_test.c - the questions: DESCRIBE, LIST, DUMP, STATUS, REFLECT, CLOCK.
 *
 * Each against a real engine that holds something worth asking about, read by protobuf-c. Pages are followed to their end.
 */
#include "rig.h"

#include <stdio.h>

static struct rig r;

static int set_up(void **state)
{
    (void)state;
    rig_init(&r);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_done(&r);
    return 0;
}

static Sluice__V1__Reply *describe(Sluice__V1__Ref ref)
{
    Sluice__V1__Request m;
    Sluice__V1__Describe op = SLUICE__V1__DESCRIBE__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_DESCRIBE, &op);
    op.ref = &ref;
    return rig_ask(&r, &m);
}

static uint64_t park_recv(Sluice__V1__Ref ref)
{
    Sluice__V1__Request m;
    Sluice__V1__Recv op = SLUICE__V1__RECV__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_RECV, &op);
    op.ref = &ref;
    m.has_seq = m.has_timeout_ns = 1;
    m.seq = 55;
    m.timeout_ns = 9000;
    return rig_park(&r, &m);
}

static void a_channel(void **state)
{
    (void)state;
    rig_channel(&r, "team/jobs", SLUICE__V1__TYPE__STRING, 0);
    park_recv(ref_name("team/jobs"));
    Sluice__V1__Reply *reply = describe(ref_name("team/jobs"));
    const Sluice__V1__Description *d = reply->description;
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_DESCRIPTION);
    assert_int_equal(d->kind, SLUICE__V1__KIND__CHANNEL);
    assert_data(d->name, "team/jobs");
    assert_int_equal(d->type, SLUICE__V1__TYPE__STRING);
    assert_true(d->has_cap && d->has_len && d->has_closed && !d->closed && !d->has_armed && !d->has_error);
    assert_int_equal(d->receivers, 1);
    assert_int_equal(d->waiting, 1);
    assert_int_equal(d->rights, RIGHT_ALL);
    assert_int_equal(d->now_ns, 1000);
    assert_int_equal(d->n_waiters, 1);
    assert_data(d->waiters[0]->name, "tester");
    assert_data(d->waiters[0]->op, "recv");
    assert_int_equal(d->waiters[0]->verb, SLUICE__V1__VERB__VERB_RECV);
    assert_int_equal(d->waiters[0]->session, r.session);
    assert_int_equal(d->waiters[0]->since_ns, 1000);
    reply_free(reply);
}

static void no_such_object(void **state)
{
    (void)state;
    Sluice__V1__Reply *reply = describe(ref_name("nowhere"));
    assert_int_equal(reply->status, SLUICE__V1__STATUS__NOT_FOUND);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT__NOT_SET);
    reply_free(reply);
}

static void a_context(void **state)
{
    (void)state;
    Sluice__V1__Request m;
    Sluice__V1__Make make = SLUICE__V1__MAKE__INIT;
    Sluice__V1__ContextSpec spec = SLUICE__V1__CONTEXT_SPEC__INIT;
    Sluice__V1__ContextEntry entries[2], *list[2] = {&entries[0], &entries[1]};
    Sluice__V1__Value value = SLUICE__V1__VALUE__INIT;
    for (int i = 0; i < 2; i++) {
        sluice__v1__context_entry__init(&entries[i]);
        entries[i].has_name = 1;
        entries[i].name = data_of(i ? "nothing" : "user");
    }
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    value.text = data_of("anna");
    entries[0].value = &value;
    spec.values = list;
    spec.n_values = 2;
    spec.has_timeout_ns = 1;
    spec.timeout_ns = 500;
    make.spec_case = SLUICE__V1__MAKE__SPEC_CONTEXT;
    make.context = &spec;
    make.has_name = 1;
    make.name = data_of("ctx");
    request_init(&m, SLUICE__V1__REQUEST__OP_MAKE, &make);
    reply_free(rig_ask(&r, &m));
    Sluice__V1__Reply *reply = describe(ref_name("ctx"));
    const Sluice__V1__Description *d = reply->description;
    assert_int_equal(d->kind, SLUICE__V1__KIND__CONTEXT);
    assert_int_equal(d->error, SLUICE__V1__STATUS__OK);
    assert_int_equal(d->deadline_ns, 1500);
    assert_int_equal(d->n_values, 2);
    assert_data(d->values[0]->name, "user");
    assert_data(d->values[0]->value->text, "anna");
    assert_data(d->values[1]->name, "nothing");
    assert_null(d->values[1]->value);
    assert_memory_equal(d->string.data, "context.Background.WithDeadline(", 32);
    assert_false(d->has_cap || d->has_cause);
    reply_free(reply);
}

static void a_timer(void **state)
{
    (void)state;
    Sluice__V1__Request m;
    Sluice__V1__Make make = SLUICE__V1__MAKE__INIT;
    Sluice__V1__TickerSpec spec = SLUICE__V1__TICKER_SPEC__INIT;
    spec.has_period_ns = 1;
    spec.period_ns = 250;
    make.spec_case = SLUICE__V1__MAKE__SPEC_TICKER;
    make.ticker = &spec;
    request_init(&m, SLUICE__V1__REQUEST__OP_MAKE, &make);
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    uint64_t handle = reply->made->handle;
    reply_free(reply);
    reply = describe(ref_handle(handle));
    assert_int_equal(reply->description->kind, SLUICE__V1__KIND__TICKER);
    assert_true(reply->description->armed);
    assert_int_equal(reply->description->due_ns, 1250);
    assert_int_equal(reply->description->period_ns, 250);
    assert_false(reply->description->has_name);
    reply_free(reply);
}

static Sluice__V1__Reply *list_page(const char *prefix, uint64_t after, uint32_t max, bool anonymous)
{
    Sluice__V1__Request m;
    Sluice__V1__List op = SLUICE__V1__LIST__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_LIST, &op);
    op.has_prefix = op.has_after = op.has_max = op.has_anonymous = 1;
    op.prefix = data_of(prefix);
    op.after = after;
    op.max = max;
    op.anonymous = anonymous;
    return rig_ask(&r, &m);
}

static void pages_of_objects(void **state)
{
    (void)state;
    char name[32];
    for (int i = 0; i < 25; i++) {
        snprintf(name, sizeof(name), "%s/%d", i % 5 == 0 ? "odd" : "jobs", i);
        rig_channel(&r, name, SLUICE__V1__TYPE__BYTES, i);
    }
    rig_channel(&r, NULL, SLUICE__V1__TYPE__BYTES, 99);
    unsigned rows = 0, pages = 0;
    uint64_t after = 0;
    for (bool more = true; more; pages++) {
        Sluice__V1__Reply *reply = list_page("jobs/", after, 6, true);
        const Sluice__V1__Listing *l = reply->listing;
        for (size_t i = 0; i < l->n_objects; i++, rows++) {
            assert_true(l->objects[i]->serial > after);
            after = l->objects[i]->serial;
            assert_memory_equal(l->objects[i]->name.data, "jobs/", 5);
            assert_int_equal(l->objects[i]->n_waiters, 0);
        }
        more = l->has_next;
        assert_true(!more || l->next >= after);
        after = more ? l->next : after;
        reply_free(reply);
    }
    assert_int_equal(rows, 20);
    assert_int_equal(pages, 4);
    Sluice__V1__Reply *reply = list_page("", 0, 0, true);
    assert_int_equal(reply->listing->n_objects, 26);
    assert_false(reply->listing->has_next);
    reply_free(reply);
    reply = list_page("", 0, 0, false);
    assert_int_equal(reply->listing->n_objects, 25);
    reply_free(reply);
}

static void who_waits_for_what(void **state)
{
    (void)state;
    rig_channel(&r, "jobs", SLUICE__V1__TYPE__BYTES, 0);
    park_recv(ref_name("jobs"));
    Sluice__V1__Request m;
    Sluice__V1__Dump op = SLUICE__V1__DUMP__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_DUMP, &op);
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_DUMP);
    assert_int_equal(reply->dump->n_sessions, 1);
    assert_false(reply->dump->has_next);
    const Sluice__V1__DumpSession *s = reply->dump->sessions[0];
    assert_int_equal(s->number, r.session);
    assert_data(s->name, "tester");
    assert_int_equal(s->parked, 1);
    assert_int_equal(s->n_calls, 1);
    assert_int_equal(s->calls[0]->seq, 55);
    assert_data(s->calls[0]->op, "recv");
    assert_int_equal(s->calls[0]->deadline_ns, 10000);
    assert_int_equal(s->calls[0]->arms_count, 1);
    assert_int_equal(s->calls[0]->n_arms, 1);
    assert_int_equal(s->calls[0]->arms[0]->verb, SLUICE__V1__VERB__VERB_RECV);
    assert_data(s->calls[0]->arms[0]->name, "jobs");
    assert_int_equal(s->calls[0]->arms[0]->kind, SLUICE__V1__KIND__CHANNEL);
    reply_free(reply);
}

static void pages_of_sessions(void **state)
{
    (void)state;
    Sluice__V1__Request m;
    Sluice__V1__Hello hello = SLUICE__V1__HELLO__INIT;
    char id[SESSION_ID_SIZE + 1] = "................";
    for (int i = 0; i < 9; i++) {
        id[0] = (char)('a' + i);
        request_init(&m, SLUICE__V1__REQUEST__OP_HELLO, &hello);
        hello.has_major = hello.has_session = hello.has_resume_window_ns = 1;
        hello.major = WIRE_MAJOR;
        hello.session = data_of(id);
        hello.resume_window_ns = 1000000;
        reply_free(rig_ask(&r, &m));
    }
    unsigned rows = 0;
    Sluice__V1__Dump op = SLUICE__V1__DUMP__INIT;
    op.has_max = op.has_after = 1;
    op.max = 4;
    for (bool more = true; more;) {
        request_init(&m, SLUICE__V1__REQUEST__OP_DUMP, &op);
        Sluice__V1__Reply *reply = rig_ask(&r, &m);
        rows += (unsigned)reply->dump->n_sessions;
        more = reply->dump->has_next;
        op.after = reply->dump->next;
        reply_free(reply);
    }
    assert_int_equal(rows, 10);
}

static uint64_t counter(size_t count, Sluice__V1__Counter **rows, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i]->name.len == strlen(name) && memcmp(rows[i]->name.data, name, strlen(name)) == 0)
            return rows[i]->value;
    }
    fail_msg("no counter %s", name);
    return 0;
}

static void how_the_daemon_does(void **state)
{
    (void)state;
    rig_channel(&r, "jobs", SLUICE__V1__TYPE__BYTES, 0);
    Sluice__V1__Request m;
    Sluice__V1__GetStatus op = SLUICE__V1__GET_STATUS__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_STATUS, &op);
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    const Sluice__V1__StatusResult *d = reply->daemon;
    assert_data(d->version, "0.1.0");
    assert_int_equal(d->pid, 42);
    assert_int_equal(d->uid, 1000);
    assert_int_equal(d->n_addresses, 2);
    assert_data(d->addresses[1], "tcp://127.0.0.1:1");
    assert_int_equal(d->uptime_ns, 600);
    assert_int_equal(counter(d->n_counts, d->counts, "objects"), 1);
    assert_int_equal(counter(d->n_counts, d->counts, "sessions"), 1);
    assert_int_equal(counter(d->n_limits, d->limits, "payload_size_max"), PAYLOAD_SIZE_DEFAULT);
    assert_int_equal(counter(d->n_limits, d->limits, "select_arms_max"), SELECT_ARMS_MAX);
    bool made = false;
    for (size_t i = 0; i < d->n_ops; i++) {
        made |=
            d->ops[i]->name.len == 4 && memcmp(d->ops[i]->name.data, "make", 4) == 0 && d->ops[i]->count == 1;
        assert_true(d->ops[i]->count > 0);
    }
    assert_true(made);
    reply_free(reply);
}

static void the_schema(void **state)
{
    (void)state;
    unsigned statuses = 0, operations = 0;
#define STATUS(NAME, number, exit, text) statuses++;
#include "status.def"
#undef STATUS
#define OP(NAME, name, tag, class, help) operations += (tag) != 0;
#include "ops.def"
#undef OP
    Sluice__V1__Request m;
    Sluice__V1__Reflect op = SLUICE__V1__REFLECT__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_REFLECT, &op);
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    const Sluice__V1__Reflection *f = reply->reflection;
    assert_non_null(memmem(f->descriptor.data, f->descriptor.len, "acked_below", 11));
    assert_int_equal(f->n_operations, operations);
    assert_int_equal(f->n_statuses, statuses);
    assert_int_equal(f->n_kinds, KIND_COUNT - 1);
    assert_int_equal(f->n_verbs, ARM_COUNT - 1);
    assert_int_equal(f->n_types, VALUE_COUNT - 1);
    assert_data(f->operations[0]->name, "send");
    assert_int_equal(f->operations[0]->number, 8);
    assert_data(f->statuses[0]->name, "OK");
    assert_data(f->statuses[1]->text, "channel closed");
    assert_int_equal(f->statuses[1]->exit_code, 3);
    reply_free(reply);
}

static void the_clock(void **state)
{
    (void)state;
    Sluice__V1__Request m;
    Sluice__V1__Clock op = SLUICE__V1__CLOCK__INIT;
    request_init(&m, SLUICE__V1__REQUEST__OP_CLOCK, &op);
    Sluice__V1__Reply *reply = rig_ask(&r, &m);
    assert_int_equal(reply->clock->now_ns, 1000);
    assert_int_equal(reply->clock->wall_offset_ns, 77);
    assert_false(reply->clock->has_next_deadline_ns || reply->clock->virtual_clock);
    reply_free(reply);
    r.world.next_deadline_ns = 5000;
    r.world.virtual_clock = true;
    reply = rig_ask(&r, &m);
    assert_int_equal(reply->clock->next_deadline_ns, 5000);
    assert_true(reply->clock->virtual_clock);
    reply_free(reply);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_channel),        CASE(no_such_object),     CASE(a_context),         CASE(a_timer),
        CASE(pages_of_objects), CASE(who_waits_for_what), CASE(pages_of_sessions), CASE(how_the_daemon_does),
        CASE(the_schema),       CASE(the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

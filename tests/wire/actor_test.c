/*
 * actor_test.c - actors over the wire: what is refused, what is answered, what is seen of them.
 *
 * Answers come from a real engine, are written both ways by the rig, and are read by protobuf-c. What an actor does is the engine's tests' to
 * say; here it is whether each field arrives.
 */
#include "rig.h"

static struct rig r;
static Sluice__V1__Request m;
static Sluice__V1__Ref ref;
static Sluice__V1__Value value;

static int set_up(void **state)
{
    (void)state;
    rig_init(&r);
    ref = ref_name("it");
    sluice__v1__value__init(&value);
    value.kind_case = SLUICE__V1__VALUE__KIND_TEXT;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_done(&r);
    return 0;
}

#define OPERATION(field, message) request_init(&m, SLUICE__V1__REQUEST__OP_##field, (message))

/* ---- Asking. ---- */

static Sluice__V1__Value *text(const char *s)
{
    value.text = data_of(s);
    return &value;
}

static void make_actor(void)
{
    Sluice__V1__ActorSpec spec = SLUICE__V1__ACTOR_SPEC__INIT;
    rig_make(&r, "it", SLUICE__V1__MAKE__SPEC_ACTOR, &spec);
}

static Sluice__V1__Begin begin_op;

static void begin(void)
{
    sluice__v1__begin__init(&begin_op);
    OPERATION(BEGIN, &begin_op);
    begin_op.ref = &ref;
}

/* Own the actor; the token. */
static uint64_t own(void)
{
    begin();
    Sluice__V1__Reply *reply = rig_expect(&r, &m, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_LEADER);
    uint64_t token = reply->leader->token;
    reply_free(reply);
    return token;
}

/* Call it, and wait; the route. */
static uint64_t call(const char *with)
{
    Sluice__V1__Call op = SLUICE__V1__CALL__INIT;
    OPERATION(CALL, &op);
    op.ref = &ref;
    op.value = text(with);
    return rig_park(&r, &m);
}

static Sluice__V1__Reply *serve(uint64_t token, Sluice__V1__Status status)
{
    Sluice__V1__Serve op = SLUICE__V1__SERVE__INIT;
    OPERATION(SERVE, &op);
    op.ref = &ref;
    op.has_token = 1;
    op.token = token;
    return rig_expect(&r, &m, status);
}

/* Whether the caller got it. */
static bool respond(uint64_t token, uint64_t number, const char *with, bool failed)
{
    Sluice__V1__Respond op = SLUICE__V1__RESPOND__INIT;
    OPERATION(REPLY, &op);
    op.ref = &ref;
    op.has_token = op.has_number = 1;
    op.token = token;
    op.number = number;
    op.has_failed = op.failed = failed;
    op.value = with ? text(with) : NULL;
    Sluice__V1__Reply *reply = rig_expect(&r, &m, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_TRUTH);
    bool got = reply->truth;
    reply_free(reply);
    return got;
}

/* ---- What is refused. ---- */

static void handles(void **state)
{
    (void)state;
    static const char no_handles[] = "an actor takes and gives no handles";
    Sluice__V1__HandleValue handle = SLUICE__V1__HANDLE_VALUE__INIT;
    Sluice__V1__Call call_op = SLUICE__V1__CALL__INIT;
    OPERATION(CALL, &call_op);
    expect_message(r.wire, &m, STATUS_INVALID, "value is missing");
    value.kind_case = SLUICE__V1__VALUE__KIND_HANDLE;
    value.handle = &handle;
    call_op.value = &value;
    expect_message(r.wire, &m, STATUS_INVALID, no_handles);
    Sluice__V1__Respond reply = SLUICE__V1__RESPOND__INIT;
    OPERATION(REPLY, &reply);
    reply.value = &value;
    expect_message(r.wire, &m, STATUS_INVALID, no_handles);
    Sluice__V1__Checkpoint checkpoint = SLUICE__V1__CHECKPOINT__INIT;
    OPERATION(CHECKPOINT, &checkpoint);
    checkpoint.value = &value;
    expect_message(r.wire, &m, STATUS_INVALID, no_handles);
    Sluice__V1__Select select = SLUICE__V1__SELECT__INIT;
    Sluice__V1__Arm arm = SLUICE__V1__ARM__INIT, *arms[1] = {&arm};
    OPERATION(SELECT, &select);
    select.arms = arms;
    select.n_arms = 1;
    arm.has_verb = 1;
    arm.verb = SLUICE__V1__VERB__VERB_CALL;
    expect_message(r.wire, &m, STATUS_INVALID, "value is missing");
    arm.value = &value;
    expect_message(r.wire, &m, STATUS_INVALID, no_handles);
    arm.verb = SLUICE__V1__VERB__VERB_GO;
    expect_message(r.wire, &m, STATUS_INVALID, "a task is submitted by go, not in a select");
}

static void arms_of_a_select(void **state)
{
    (void)state;
    static const enum arm_verb verbs[] = {ARM_CALL, ARM_SERVE, ARM_PULL, ARM_WATCH};
    enum { ARMS = sizeof(verbs) / sizeof(verbs[0]) };
    Sluice__V1__Select op = SLUICE__V1__SELECT__INIT;
    Sluice__V1__Arm arms[ARMS], *list[ARMS];
    struct wire_request got;
    OPERATION(SELECT, &op);
    for (unsigned i = 0; i < ARMS; i++) {
        sluice__v1__arm__init(&arms[i]);
        arms[i].has_verb = arms[i].has_token = 1;
        arms[i].verb = (Sluice__V1__Verb)verbs[i];
        arms[i].token = 100 + i;
        arms[i].ref = &ref;
        list[i] = &arms[i];
    }
    arms[0].value = text("ask");
    op.arms = list;
    op.n_arms = ARMS;
    decode_good(r.wire, &m, &got);
    assert_int_equal(got.op.select.count, ARMS);
    for (unsigned i = 0; i < ARMS; i++) {
        const struct arm_spec *a = &got.op.select.arms[i];
        assert_int_equal(a->verb, verbs[i]);
        assert_int_equal(a->token, 100 + i);
        assert_bytes((struct bytes){a->ref.name, a->ref.name_size}, "it");
    }
    assert_bytes(got.op.select.arms[0].value.bytes, "ask");
}

/* ---- What is answered. ---- */

static void a_call(void **state)
{
    (void)state;
    make_actor();
    uint64_t token = own();
    uint64_t route = call("how many?");
    Sluice__V1__Reply *reply = serve(token, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_JOB);
    const Sluice__V1__Job *job = reply->job;
    assert_data(job->value->text, "how many?");
    assert_int_equal(job->caller, r.session);
    assert_int_equal(job->epoch, 1);
    assert_int_equal(job->deliveries, 1);
    assert_false(job->has_token || job->has_function || job->has_run_ns);
    uint64_t number = job->number;
    reply_free(reply);
    reply = serve(token, SLUICE__V1__STATUS__MISUSE);
    assert_data(reply->message, "a call is being served");
    reply_free(reply);
    assert_true(respond(token, number, "three", false));
    reply = rig_take(&r, route);
    assert_int_equal(reply->result_case, SLUICE__V1__REPLY__RESULT_OUTCOME);
    assert_data(reply->outcome->value->text, "three");
    assert_int_equal(reply->outcome->epoch, 1);
    assert_false(reply->outcome->has_failed || reply->outcome->has_shared || reply->outcome->has_ending ||
                 reply->outcome->has_exit);
    reply_free(reply);
    route = call("again");
    reply = serve(token, SLUICE__V1__STATUS__OK);
    assert_true(reply->job->number > number);
    assert_true(respond(token, reply->job->number, NULL, true));
    reply_free(reply);
    reply = rig_take(&r, route);
    assert_true(reply->outcome->failed && !reply->outcome->value);
    reply_free(reply);
    reply_free(serve(token + 1, SLUICE__V1__STATUS__STALE_TOKEN));
}

static void checkpoint(uint64_t token, const char *state)
{
    Sluice__V1__Checkpoint op = SLUICE__V1__CHECKPOINT__INIT;
    OPERATION(CHECKPOINT, &op);
    op.ref = &ref;
    op.has_token = 1;
    op.token = token;
    op.value = text(state);
    rig_ok(&r, &m);
}

static void an_owner_after_another(void **state)
{
    (void)state;
    make_actor();
    begin();
    Sluice__V1__Reply *reply = rig_expect(&r, &m, SLUICE__V1__STATUS__OK);
    const Sluice__V1__Leader *l = reply->leader;
    assert_int_equal(l->epoch, 1);
    assert_false(l->value || l->has_owner_died);
    uint64_t token = l->token;
    reply_free(reply);
    checkpoint(token, "at 7");
    Sluice__V1__End end = SLUICE__V1__END__INIT;
    OPERATION(END, &end);
    end.ref = &ref;
    end.has_token = 1;
    end.token = token;
    rig_ok(&r, &m);
    begin();
    begin_op.has_ttl_ns = 1;
    begin_op.ttl_ns = 100;
    reply = rig_expect(&r, &m, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->leader->epoch, 2);
    assert_data(reply->leader->value->text, "at 7");
    assert_false(reply->leader->has_owner_died);
    reply_free(reply);
    r.now_ns += 101; /* it loses it */
    begin();
    reply = rig_expect(&r, &m, SLUICE__V1__STATUS__OK);
    assert_int_equal(reply->leader->epoch, 3);
    assert_true(reply->leader->owner_died);
    assert_data(reply->leader->value->text, "at 7");
    reply_free(reply);
}

/* ---- What is seen. ---- */

static void descriptions(void **state)
{
    (void)state;
    make_actor();
    Sluice__V1__Reply *reply = rig_describe(&r, "it");
    const Sluice__V1__Description *d = reply->description;
    assert_int_equal(d->kind, SLUICE__V1__KIND__ACTOR);
    assert_true(d->has_epoch && d->epoch == 0 && d->has_calls && d->calls == 0 && d->has_serving &&
                !d->has_fail);
    assert_true(d->has_holds && d->holds == 0 && !d->has_token && !d->has_holder && !d->said);
    assert_false(d->has_shared || d->has_done || d->has_free || d->has_size || d->has_limit);
    reply_free(reply);
    uint64_t token = own();
    checkpoint(token, "at 7");
    call("one");
    call("two");
    reply = serve(token, SLUICE__V1__STATUS__OK);
    assert_true(respond(token, reply->job->number, NULL, false));
    reply_free(reply);
    call("three");
    reply_free(serve(token, SLUICE__V1__STATUS__OK));
    reply = rig_describe(&r, "it");
    d = reply->description;
    assert_true(d->epoch == 1 && d->calls == 1 && d->served == 1 && d->serving);
    assert_true(d->holds == 1 && d->token == token && d->holder == r.session);
    assert_data(d->said->text, "at 7");
    assert_int_equal(d->n_waiters, 2);
    assert_data(d->waiters[0]->op, "call");
    assert_int_equal(d->waiters[0]->verb, SLUICE__V1__VERB__VERB_CALL);
    reply_free(reply);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(handles), CASE(arms_of_a_select), CASE(a_call), CASE(an_owner_after_another), CASE(descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

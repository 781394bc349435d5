/*
 * limits_test.c - each limit that is reached is named, with its value and the use, and nothing has changed.
 *
 * That nothing has changed is checked by a dump of everything that can be seen, before and after. What frees room must stay possible
 * at the limit: acknowledging, withdrawing, receiving. Limits of single sizes (names, payloads, batches) are the codec's and are tested
 * there.
 */
#include <stdlib.h>

#include "kit.h"

static void reached(struct kit *k, struct op op, const char *name, uint64_t value)
{
    char *before = kit_dump(k);
    const struct answer *a = kit_get(k, op, STATUS_LIMIT);
    char *after = kit_dump(k);
    assert_string_equal(a->reply.limit.name, name);
    assert_int_equal(a->reply.limit.value, value);
    assert_true(a->reply.limit.use > 0);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

static void limits_of_the_configuration(void **state)
{
    (void)state;
    struct engine_options options = {
        .limits = {.sessions_max = 2, .objects_max = 3, .handles_max = 2, .calls_max = 2}};
    struct kit *k = kit_new(&options);
    uint64_t a = kit_session(k), b = kit_session(k);
    struct op hello = {.code = OP_HELLO};
    reached(k, hello, "sessions_max", 2);
    kit_get(k, make_channel(a, "1", 0), STATUS_OK);
    kit_get(k, make_channel(a, "2", 0), STATUS_OK);
    reached(k, make_channel(a, "3", 0), "handles_max", 2);
    kit_get(k, make_channel(b, "3", 0), STATUS_OK);
    reached(k, make_channel(b, "4", 0), "objects_max", 3);
    for (uint64_t seq = 1; seq <= 2; seq++) {
        struct op op = recv_from(a, "1");
        op.seq = seq;
        kit_ask(k, op);
    }
    reached(k, recv_from(a, "1"), "calls_max", 2);
    struct op ping = plain(OP_PING, a);
    kit_get(k, ping, STATUS_OK); /* it leaves nothing behind */
    ping.seq = 3;
    reached(k, ping, "calls_max", 2);
    kit_free(k);
}

static void the_budget(void **state)
{
    (void)state;
    struct engine_options options = {.limits = {.memory_max = 100000, .payload_size_max = 4096}};
    struct kit *k = kit_new(&options);
    uint64_t s = kit_session(k);
    static const char bytes[4096];
    struct op op = send_to(s, "c", "");
    op.send.value.bytes = (struct bytes){bytes, sizeof bytes};
    kit_get(k, make_channel(s, "c", 100), STATUS_OK);
    uint64_t fit = 0;
    while (answer(k, kit_ask(k, op))->reply.status == STATUS_OK)
        fit++;
    assert_in_range(fit, 10, 24);
    reached(k, op, "memory_max", 100000);
    assert_true(kit_stats(k).memory <= 100000);
    while (fit-- > 0) { /* what is there can be had, and makes room */
        kit_get(k, recv_from(s, "c"), STATUS_OK);
        kit_event(k, OP_WRITTEN, s);
    }
    kit_get(k, op, STATUS_OK);
    kit_free(k);
}

static void limits_of_the_protocol(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    uint64_t s = kit_session(k), running = kit_session(k);
    (void)running;
    for (int i = 0; i < QUIESCE_MAX; i++)
        assert_null(answer(k, kit_ask(k, plain(OP_QUIESCE, s))));
    reached(k, plain(OP_QUIESCE, s), "quiesce_max", QUIESCE_MAX);
    struct op deep = make_context(s, NULL, NULL);
    for (int i = 0; i <= CONTEXT_DEPTH_MAX; i++) {
        k->audits = i % 1000 == 0;
        deep.make.context.parent = by_handle(kit_get(k, deep, STATUS_OK)->reply.made.handle);
        deep.make.context.has_parent = true;
    }
    reached(k, deep, "context_depth_max", CONTEXT_DEPTH_MAX);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(limits_of_the_configuration),
                                       cmocka_unit_test(the_budget),
                                       cmocka_unit_test(limits_of_the_protocol)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

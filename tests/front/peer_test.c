/*
 * peer_test.c - connections by number, by session, by user.
 *
 * A number that has gone reaches nobody, a session finds all of its connections and no others, and requests that came over
 * devices find their way back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "peer.h"

static const struct carrier carrier;

static struct peer *add(struct peers *ps, uint32_t uid)
{
    struct peer *p = NULL;
    assert_int_equal(peers_add(ps, &carrier, NULL, uid, &p), 0);
    return p;
}

static void number_is_not_used_again_soon(void **state)
{
    (void)state;
    struct peers *ps = peers_new();
    uint32_t seen[3000];
    for (int i = 0; i < 3000; i++) {
        struct peer *p = add(ps, 1);
        seen[i] = p->number;
        assert_ptr_equal(peers_get(ps, seen[i]), p);
        peers_remove(ps, p);
        for (int k = 0; k <= i; k++) {
            assert_null(peers_get(ps, seen[k]));
            assert_true(k == i || seen[k] != seen[i]);
        }
    }
    peers_free(ps);
}

static void route_goes_there_and_back(void **state)
{
    (void)state;
    struct peers *ps = peers_new();
    for (int i = 0; i < 100; i++) {
        struct peer *p = add(ps, 1);
        uint64_t route = route_make(p, SP_ID_BIT | 12345);
        assert_ptr_equal(peers_get(ps, route_peer(route)), p);
        assert_int_equal(route_word(route), SP_ID_BIT | 12345);
        assert_int_not_equal(route, 0);
    }
    for (struct peer *p; (p = peers_next(ps, NULL));)
        peers_remove(ps, p);
    peers_free(ps);
}

static void sessions_find_their_peers(void **state)
{
    (void)state;
    enum { PEERS = 1000, SESSIONS = 10 };
    struct peers *ps = peers_new();
    for (uint32_t i = 0; i < PEERS; i++)
        peers_join(ps, add(ps, 1), 1 + i % SESSIONS);
    for (uint64_t session = 1; session <= SESSIONS; session++) {
        int count = 0;
        for (struct peer *p = NULL; (p = peers_of_session(ps, session, p)); count++)
            assert_int_equal(p->session, session);
        assert_int_equal(count, PEERS / SESSIONS);
    }
    for (struct peer *p; (p = peers_of_session(ps, 3, NULL));)
        peers_leave(p);
    assert_null(peers_of_session(ps, 3, NULL));
    assert_non_null(peers_of_session(ps, 4, NULL));
    for (struct peer *p; (p = peers_next(ps, NULL));) {
        peers_leave(p);
        peers_remove(ps, p);
    }
    assert_int_equal(peers_count(ps), 0);
    peers_free(ps);
}

static void users_are_counted(void **state)
{
    (void)state;
    struct peers *ps = peers_new();
    struct peer *a = add(ps, 1), *b = add(ps, 2), *c = add(ps, 2);
    assert_int_equal(peers_count_uid(ps, 1), 1);
    assert_int_equal(peers_count_uid(ps, 2), 2);
    assert_int_equal(peers_count_uid(ps, 3), 0);
    peers_remove(ps, a);
    peers_remove(ps, b);
    assert_int_equal(peers_count_uid(ps, 1), 0);
    assert_int_equal(peers_count_uid(ps, 2), 1);
    peers_remove(ps, c);
    peers_free(ps);
}

/* Requests over devices: rows are used while their reply is on its way, and no more than there may be. */
static void devices_have_rows(void **state)
{
    (void)state;
    struct peers *ps = peers_new();
    struct peer *p = add(ps, 1);
    uint8_t words[SP_WORD_SIZE] = {0, 0, 0, 9};
    struct sp_frame frame = {.header = words, .hops = 1, .id = SP_ID_BIT};
    uint32_t word;
    for (uint32_t i = 0; i < PEER_TRACES_MAX; i++) {
        frame.id = SP_ID_BIT | i;
        assert_int_equal(peer_word(p, &frame, &word), 0);
        assert_int_equal(word, i);
        assert_int_equal(peer_trace(p, word)->id, frame.id);
    }
    assert_int_equal(peer_unsent_route(p, &frame), route_make(p, PEER_TRACES_MAX - 1));
    frame.id = SP_ID_BIT | 5;
    assert_int_equal(peer_word(p, &frame, &word), 0);
    assert_int_equal(word, 5); /* the same request again */
    frame.id = SP_ID_BIT | PEER_TRACES_MAX;
    assert_int_equal(peer_word(p, &frame, &word), -ENOBUFS);
    peer_trace(p, 7)->answered = true;
    peer_written(p);
    assert_null(peer_trace(p, 7));
    assert_int_equal(peer_word(p, &frame, &word), 0);
    assert_int_equal(word, 7);
    frame = (struct sp_frame){.id = SP_ID_BIT | 42};
    assert_int_equal(peer_word(p, &frame, &word), 0);
    assert_int_equal(word, SP_ID_BIT | 42);
    assert_null(peer_trace(p, word));
    peers_remove(ps, p);
    peers_free(ps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_is_not_used_again_soon),
        cmocka_unit_test(route_goes_there_and_back),
        cmocka_unit_test(sessions_find_their_peers),
        cmocka_unit_test(users_are_counted),
        cmocka_unit_test(devices_have_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

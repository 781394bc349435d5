/*
 * sp_test.c - the SP framing.
 *
 * Every way in which bytes can be good, too few, too many or wrong; that a part of a frame never tells other than the whole; and
 * random bytes, for which tests/fuzz/sp.c has more patience.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sp.h"

static void greeting_is_that_of_nng(void **state)
{
    (void)state;
    static const uint8_t req[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    uint8_t made[SP_GREETING_SIZE];
    const char *reason = NULL;
    sp_greet(SP_REQ, made);
    assert_memory_equal(made, req, sizeof(req));
    for (size_t size = 0; size < sizeof(req); size++)
        assert_int_equal(sp_greeted(SP_REQ, req, size, &reason), SP_MORE);
    assert_int_equal(sp_greeted(SP_REQ, req, sizeof(req), &reason), SP_DONE);
    assert_null(reason);
}

static void greeting_of_others_is_refused(void **state)
{
    (void)state;
    const char *reason = NULL;
    assert_int_equal(sp_greeted(SP_REQ, (const uint8_t *)"GET / HTTP", 10, &reason), SP_BAD);
    assert_string_equal(reason, "it does not speak SP");
    uint8_t sub[SP_GREETING_SIZE];
    sp_greet(SP_REP, sub);
    assert_int_equal(sp_greeted(SP_REQ, sub, sizeof(sub), &reason), SP_BAD);
    assert_string_equal(reason, "it does not speak the REQ protocol");
}

/* A frame with so many hops and a body of body_size bytes. */
static size_t make(uint8_t *to, uint32_t hops, size_t body_size)
{
    static const uint8_t words[SP_HOPS_MAX * SP_WORD_SIZE + SP_WORD_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};
    sp_put_header(to, words, hops, SP_ID_BIT | 77, body_size);
    memset(to + sp_header_size(hops), 'b', body_size);
    return sp_header_size(hops) + body_size;
}

static void frames_are_read_back(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct sp_frame frame;
    const char *reason = NULL;
    for (uint32_t hops = 0; hops <= SP_HOPS_MAX; hops++) {
        size_t size = make(bytes, hops, 10);
        for (size_t part = 0; part < size; part++) {
            assert_int_equal(sp_parse(bytes, part, 100, &frame, &reason), SP_MORE);
            assert_int_equal(frame.frame_size, part < SP_LENGTH_SIZE ? 0 : size);
        }
        assert_int_equal(sp_parse(bytes, sizeof(bytes), 100, &frame, &reason), SP_DONE);
        assert_int_equal(frame.hops, hops);
        assert_int_equal(frame.id, SP_ID_BIT | 77);
        assert_int_equal(frame.body_size, 10);
        assert_int_equal(frame.frame_size, size);
        assert_ptr_equal(frame.body, bytes + sp_header_size(hops));
        assert_ptr_equal(frame.header, bytes + SP_LENGTH_SIZE);
    }
}

static void large_frame_is_known_by_its_header(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct sp_frame frame;
    const char *reason = NULL;
    sp_put_header(bytes, NULL, 0, SP_ID_BIT | 1, 101);
    assert_int_equal(sp_parse(bytes, sp_header_size(0) - 1, 100, &frame, &reason), SP_MORE);
    assert_int_equal(sp_parse(bytes, sp_header_size(0), 100, &frame, &reason), SP_LARGE);
    assert_int_equal(frame.body_size, 101);
    assert_int_equal(frame.id, SP_ID_BIT | 1);
}

static void want_bad(const uint8_t *bytes, size_t size, const char *why)
{
    struct sp_frame frame;
    const char *reason = NULL;
    assert_int_equal(sp_parse(bytes, size, 100, &frame, &reason), SP_BAD);
    assert_string_equal(reason, why);
}

static void wrong_frames_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[256];
    want_bad((const uint8_t *)"x", 1, "a frame does not begin with 01");
    memset(bytes, 0xff, sizeof(bytes));
    bytes[0] = 1;
    want_bad(bytes, SP_LENGTH_SIZE, "a frame claims an impossible length");
    memset(bytes, 0, sizeof(bytes));
    bytes[0] = 1;
    for (int length = 0; length < SP_WORD_SIZE; length++) {
        bytes[8] = (uint8_t)length;
        want_bad(bytes, SP_LENGTH_SIZE, "a frame has no request id");
    }
    bytes[8] = 200; /* words without the bit, more of them than there may be */
    want_bad(bytes, sizeof(bytes), "a request came over too many devices");
    bytes[8] = 8; /* and a frame that ends before the id */
    want_bad(bytes, sizeof(bytes), "a frame has no request id");
}

/* Random bytes: an answer, and nothing read beyond the end (the sanitizers watch). */
static void any_bytes_are_safe(void **state)
{
    (void)state;
    srand(1);
    for (int i = 0; i < 200000; i++) {
        size_t size = (size_t)(rand() % 64);
        uint8_t *bytes = malloc(size + 1);
        assert_non_null(bytes);
        for (size_t k = 0; k < size; k++)
            bytes[k] = (uint8_t)(rand() % 4 ? rand() % 3 : rand());
        struct sp_frame frame;
        const char *reason = NULL;
        enum sp_verdict verdict = sp_parse(bytes, size, 40, &frame, &reason);
        assert_int_equal(verdict == SP_BAD, reason != NULL);
        if (verdict == SP_DONE)
            assert_true(frame.frame_size <= size);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greeting_is_that_of_nng),  cmocka_unit_test(greeting_of_others_is_refused),
        cmocka_unit_test(frames_are_read_back),     cmocka_unit_test(large_frame_is_known_by_its_header),
        cmocka_unit_test(wrong_frames_are_refused), cmocka_unit_test(any_bytes_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

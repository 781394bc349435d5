/*
 * valid_test.c - names, UTF-8 and JSON: what is taken and what is not.
 *
 * UTF-8 is checked over every sequence of up to three bytes and the edges of the four-byte ones against a slow reading of the rule; JSON
 * by hand, at its depth, and at its memory.
 */
#include "client.h"

#include "json.h"
#include "valid.h"

static void names_that_are(void **state)
{
    (void)state;
    static const char *const good[] = {"a",  "jobs", "team/jobs", "A-Z_0.9", "...", ".a",
                                       "a.", "..a",  "a/b/c",     "-",       "_",   "a..b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(name_valid(good[i], strlen(good[i])));
    char longest[NAME_SIZE_MAX + 1];
    memset(longest, 'n', sizeof(longest));
    assert_true(name_valid(longest, NAME_SIZE_MAX));
    assert_false(name_valid(longest, NAME_SIZE_MAX + 1));
}

static void names_that_are_not(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",     "/",   "/a",  "a/",       "a//b",  ".",      "..", "a/.",    "a/..", "./a",   "../a", "a b",
        "a\nb", "a:b", "a\\", "\xc3\xa4", "a/./b", "a/../b", "~",  "a/b/c/", "*",    "a\x7f", "a\x80"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(name_valid(bad[i], strlen(bad[i])));
    assert_false(name_valid("a\0b", 3));
    assert_false(name_valid("a\0", 2));
}

static void names_by_byte(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    for (int c = 0; c < 256; c++) {
        char name[3] = {'a', (char)c, 'b'};
        bool wanted = c == '/' || (c != 0 && strchr(alphabet, c) != NULL);
        assert_int_equal(name_valid(name, 3), wanted);
    }
}

/* The rule read slowly: decode, then judge the code point and its shortest form. */
static bool utf8_slow(const uint8_t *at, size_t size)
{
    size_t i = 0;
    while (i < size) {
        size_t n = at[i] < 0x80 ? 1 : at[i] >> 5 == 6 ? 2 : at[i] >> 4 == 14 ? 3 : at[i] >> 3 == 30 ? 4 : 0;
        if (n == 0 || i + n > size)
            return false;
        uint32_t point = n == 1 ? at[i] : at[i] & (0x7fu >> n);
        for (size_t k = 1; k < n; k++) {
            if (at[i + k] >> 6 != 2)
                return false;
            point = point << 6 | (at[i + k] & 0x3f);
        }
        static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < lowest[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
        i += n;
    }
    return true;
}

static void utf8_all_short(void **state)
{
    (void)state;
    for (uint32_t v = 0; v < 1u << 24; v += v < 1u << 16 || (v >> 16) >= 0xc0 ? 1 : 251) {
        uint8_t b[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        if (utf8_valid(b, 3) != utf8_slow(b, 3))
            fail_msg("%02x %02x %02x", b[0], b[1], b[2]);
        if (v < 1u << 16 && utf8_valid(b + 1, 2) != utf8_slow(b + 1, 2))
            fail_msg("%02x %02x", b[1], b[2]);
    }
}

static void utf8_four_bytes(void **state)
{
    (void)state;
    for (uint32_t first = 0xf0; first <= 0xff; first++) {
        for (uint32_t second = 0; second < 256; second++) {
            uint8_t b[12] = {'l',  'o',  'n', 'g', 'e', 'r', ' ', (uint8_t)first, (uint8_t)second,
                             0x80, 0xbf, '!'};
            assert_int_equal(utf8_valid(b, sizeof(b)), utf8_slow(b, sizeof(b)));
            assert_false(utf8_valid(b, 10)); /* cut in the middle */
        }
    }
    assert_true(utf8_valid("", 0));
    assert_true(utf8_valid("nul \0 is text", 13));
}

static enum json_verdict check(const char *text)
{
    struct frame f = frame_copy(text, strlen(text));
    enum json_verdict verdict = json_check(f.bytes, f.size);
    frame_free(f);
    return verdict;
}

static const char *const json_good[] = {"0",
                                        "-0",
                                        "1.5",
                                        "-1e5",
                                        "1E+2",
                                        "0.1e-10",
                                        "true",
                                        "false",
                                        "null",
                                        "\"\"",
                                        "\"a\"",
                                        "[]",
                                        "{}",
                                        " [ ] ",
                                        "\t{\n}\r\n",
                                        "[1,2,3]",
                                        "[[],[[]],{}]",
                                        "{\"a\":1}",
                                        "{\"a\":{\"b\":[null]},\"c\":\"\\u00e4\"}",
                                        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                        "\"\\ud83d\\ude00\"",
                                        "\"\\u0000\"",
                                        "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
                                        "123456789012345678901234567890",
                                        "{\"a\":1,\"a\":2}",
                                        "{\"\":[]}",
                                        "[ 1 , { \"x\" : [ ] } ]"};

static const char *const json_bad[] = {"",
                                       "1e999",
                                       " ",
                                       "01",
                                       "-",
                                       "+1",
                                       "1.",
                                       ".5",
                                       "1e",
                                       "1e+",
                                       "0x1",
                                       "tru",
                                       "True",
                                       "nulll",
                                       "\"",
                                       "\"a",
                                       "\"\n\"",
                                       "\"\\x\"",
                                       "\"\\u12\"",
                                       "\"\\u12g4\"",
                                       "\"\\ud800\"",
                                       "\"\\udc00\"",
                                       "\"\\ud800\\u0041\"",
                                       "\"\\ud800x\"",
                                       "[",
                                       "]",
                                       "[1",
                                       "[1,",
                                       "[1,]",
                                       "[,1]",
                                       "[1 2]",
                                       "{",
                                       "{\"a\"",
                                       "{\"a\":",
                                       "{\"a\":1",
                                       "{\"a\":1,",
                                       "{\"a\":1,}",
                                       "{a:1}",
                                       "{1:1}",
                                       "{\"a\" 1}",
                                       "[}",
                                       "{]",
                                       "[1}",
                                       "1 2",
                                       "[] []",
                                       "\"\xc3\"",
                                       "\"\xed\xa0\x80\"",
                                       "\xef\xbb\xbf[]",
                                       "'a'",
                                       "[1]x",
                                       "NaN",
                                       "Infinity",
                                       "\"\\",
                                       "{\"a\":1]"};

static void json_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(json_good) / sizeof(json_good[0]); i++) {
        if (check(json_good[i]) != JSON_GOOD)
            fail_msg("refused: %s", json_good[i]);
    }
    for (size_t i = 0; i < sizeof(json_bad) / sizeof(json_bad[0]); i++) {
        if (check(json_bad[i]) != JSON_BAD)
            fail_msg("taken: %s", json_bad[i]);
    }
    assert_int_equal(json_check("\"a\0b\"", 5), JSON_BAD);
    assert_int_equal(json_check("1\0", 2), JSON_BAD);
}

static void json_depth(void **state)
{
    (void)state;
    static char text[2 * (JSON_DEPTH_MAX + 1)];
    for (int object = 0; object < 2; object++) {
        memset(text, '[', JSON_DEPTH_MAX);
        memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
        assert_int_equal(json_check(text, (size_t)2 * JSON_DEPTH_MAX), JSON_GOOD);
        assert_int_equal(json_check(text, 2 * JSON_DEPTH_MAX - 1), JSON_BAD);
        text[JSON_DEPTH_MAX] = object ? '{' : '[';
        assert_int_equal(json_check(text, 2 * JSON_DEPTH_MAX), JSON_TOO_DEEP);
    }
}

/* A text whose tree outgrows the bound is refused, and what it took is given back. */
static void json_memory(void **state)
{
    (void)state;
    const size_t size = 8u << 20;
    char *text = malloc(size);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = i % 2 ? ',' : '0';
    text[0] = '[';
    text[1] = ' ';
    text[size - 1] = ']';
    for (int round = 0; round < 3; round++)
        assert_int_equal(json_check(text, size), JSON_TOO_BIG);
    assert_int_equal(check("[0,0]"), JSON_GOOD);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are),  cmocka_unit_test(names_that_are_not),
        cmocka_unit_test(names_by_byte),   cmocka_unit_test(utf8_all_short),
        cmocka_unit_test(utf8_four_bytes), cmocka_unit_test(json_by_hand),
        cmocka_unit_test(json_depth),      cmocka_unit_test(json_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

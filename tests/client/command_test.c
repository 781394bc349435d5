/*
 * command_test.c - commands and their results as messages, and the two ends of an output.
 *
 * What is decoded comes from whoever may submit to a pool: every kind of damage is refused. An output is tried at all sizes
 * around the edges of its two ends, in pieces of several sizes.
 */
#include <stdio.h>

#include "case.h"
#include "sluice.pb-c.h"

static void test_command(void **state)
{
    (void)state;
    static const char *const argv[] = {"sh", "-c", "echo \xff", "", NULL};
    static const struct sluice_variable env[] = {{"A", "1=2"}, {"EMPTY", ""}, {"GONE", NULL}};
    struct sluice_command c = SLUICE_COMMAND_INIT, *d;
    struct sluice_item item;
    c.argv = argv;
    c.env = env;
    c.env_count = 3;
    c.cwd = "/tmp";
    c.input = (struct sluice_blob){"a\0b", 3};
    c.err_channel = "log/err";
    c.grace_ns = 0;
    assert_status(sluice_command_encode(&c, &item), SLUICE_OK);
    assert_int_equal(item.value.type, SLUICE_TYPE_BYTES);
    assert_status(sluice_command_decode(&item.value, &d), SLUICE_OK);
    sluice_item_free(&item);
    for (size_t i = 0; argv[i] != NULL; i++)
        assert_string_equal(d->argv[i], argv[i]);
    assert_null(d->argv[4]);
    assert_int_equal(d->env_count, 3);
    assert_string_equal(d->env[0].name, "A");
    assert_string_equal(d->env[0].value, "1=2");
    assert_string_equal(d->env[1].value, "");
    assert_null(d->env[2].value);
    assert_string_equal(d->cwd, "/tmp");
    assert_int_equal(d->input.size, 3);
    assert_memory_equal(d->input.data, "a\0b", 3);
    assert_null(d->out_channel);
    assert_string_equal(d->err_channel, "log/err");
    assert_int_equal(d->grace_ns, 0);
    assert_null(sluice_command_free(d));
    assert_null(sluice_command_free(NULL));
}

static void test_plain_command(void **state)
{
    (void)state;
    static const char *const argv[] = {"true", NULL}, *const none[] = {NULL};
    struct sluice_command c = SLUICE_COMMAND_INIT, *d;
    struct sluice_item item;
    assert_status(sluice_command_encode(&c, &item), SLUICE_INVALID);
    c.argv = none;
    assert_status(sluice_command_encode(&c, &item), SLUICE_INVALID);
    c.argv = argv;
    c.size = 1;
    assert_status(sluice_command_encode(&c, &item), SLUICE_INVALID);
    c.size = sizeof c;
    assert_status(sluice_command_encode(&c, &item), SLUICE_OK);
    assert_status(sluice_command_decode(&item.value, &d), SLUICE_OK);
    assert_true(d->env_count == 0 && d->cwd == NULL && d->input.size == 0 && d->out_channel == NULL);
    assert_int_equal(d->grace_ns, -1);
    sluice_command_free(d);
    sluice_item_free(&item);
}

static enum sluice_status decode(const Sluice__V1__Command *m)
{
    uint8_t bytes[256];
    struct sluice_command *d = NULL;
    assert_true(sluice__v1__command__get_packed_size(m) <= sizeof bytes);
    struct sluice_value v = sluice_bytes(bytes, sluice__v1__command__pack(m, bytes));
    enum sluice_status status = sluice_command_decode(&v, &d);
    sluice_command_free(d);
    return status;
}

/* What anyone may send to a pool. */
static void test_bad_commands(void **state)
{
    (void)state;
    struct sluice_command *d;
    struct sluice_value v = sluice_str("\xff\xff no message");
    assert_status(sluice_command_decode(&v, &d), SLUICE_INVALID);
    v = sluice_int(1);
    assert_status(sluice_command_decode(&v, &d), SLUICE_INVALID);
    v = sluice_bytes("", 0);
    assert_status(sluice_command_decode(&v, &d), SLUICE_INVALID);

    Sluice__V1__Command m = SLUICE__V1__COMMAND__INIT;
    Sluice__V1__CommandVariable variable = SLUICE__V1__COMMAND_VARIABLE__INIT, *env[] = {&variable};
    ProtobufCBinaryData argv[] = {{4, (uint8_t *)(uintptr_t) "true"}, {3, (uint8_t *)(uintptr_t) "a\0b"}};
    m.argv = argv;
    m.n_argv = 1;
    assert_status(decode(&m), SLUICE_OK);
    m.n_argv = 2;
    assert_status(decode(&m), SLUICE_INVALID);
    m.n_argv = 1;
    m.has_cwd = true;
    m.cwd = argv[1];
    assert_status(decode(&m), SLUICE_INVALID);
    m.has_cwd = false;
    m.env = env;
    m.n_env = 1;
    assert_status(decode(&m), SLUICE_INVALID);
    variable.has_name = true;
    variable.name = argv[0];
    assert_status(decode(&m), SLUICE_OK);
    variable.has_value = true;
    variable.value = argv[1];
    assert_status(decode(&m), SLUICE_INVALID);
    variable.has_value = false;
    variable.name = (ProtobufCBinaryData){3, (uint8_t *)(uintptr_t) "A=B"};
    assert_status(decode(&m), SLUICE_INVALID);
    m.n_env = 0;
    argv[0].len = 0;
    assert_status(decode(&m), SLUICE_INVALID);
}

static void test_results(void **state)
{
    (void)state;
    struct sluice_command_result r = SLUICE_COMMAND_RESULT_INIT, *d;
    struct sluice_item item;
    r.exit = 3;
    r.out = (struct sluice_output){{"head", 4}, {"tail", 4}, 100};
    assert_status(sluice_command_result_encode(&r, &item), SLUICE_OK);
    assert_status(sluice_command_result_decode(&item.value, &d), SLUICE_OK);
    sluice_item_free(&item);
    assert_true(d->exit == 3 && d->signal == 0 && d->error == NULL && d->out.dropped == 100);
    assert_string_equal(d->out.head.data, "head");
    assert_string_equal(d->out.tail.data, "tail");
    assert_true(d->err.head.size == 0 && d->err.tail.size == 0 && d->err.dropped == 0);
    assert_null(sluice_command_result_free(d));
    r.signal = 9;
    assert_status(sluice_command_result_encode(&r, &item), SLUICE_OK);
    assert_status(sluice_command_result_decode(&item.value, &d), SLUICE_OK);
    sluice_item_free(&item);
    assert_true(d->exit == 0 && d->signal == 9);
    sluice_command_result_free(d);
    r = (struct sluice_command_result)SLUICE_COMMAND_RESULT_INIT;
    r.error = "nosuch: No such file or directory";
    assert_status(sluice_command_result_encode(&r, &item), SLUICE_OK);
    assert_status(sluice_command_result_decode(&item.value, &d), SLUICE_OK);
    sluice_item_free(&item);
    assert_string_equal(d->error, r.error);
    sluice_command_result_free(d);
    struct sluice_value none = sluice_none();
    assert_status(sluice_command_result_decode(&none, &d), SLUICE_INVALID);
}

/* The byte at this place of the output. */
static char byte_at(size_t place)
{
    return (char)((place * 31 + place / 251) & 0x7f);
}

/* An output of this size, in pieces of that one. */
static void expect_capture(size_t size, size_t piece)
{
    sluice_capture *c = sluice_capture_new();
    char *bytes = malloc(size + 1);
    assert_true(c != NULL && bytes != NULL);
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_at(i);
    for (size_t i = 0; i < size; i += piece)
        sluice_capture_add(c, bytes + i, size - i < piece ? size - i : piece);
    struct sluice_output o = sluice_capture_get(c);
    size_t head = size < SLUICE_OUTPUT_SIZE ? size : SLUICE_OUTPUT_SIZE;
    size_t tail = size - head < SLUICE_OUTPUT_SIZE ? size - head : SLUICE_OUTPUT_SIZE;
    assert_true(o.head.size == head && o.tail.size == tail && o.dropped == size - head - tail);
    assert_memory_equal(o.head.data, bytes, head);
    assert_memory_equal(o.tail.data, bytes + size - tail, tail);
    free(bytes);
    assert_null(sluice_capture_free(c));
}

static void test_capture(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,     1,     100,   32767, 32768, 32769, 50000,
                                   65535, 65536, 65537, 98304, 98305, 300000};
    static const size_t pieces[] = {1, 1000, 4096, 32768, 100000, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++)
            expect_capture(sizes[i], pieces[k]);
    assert_null(sluice_capture_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command),      cmocka_unit_test(test_plain_command),
        cmocka_unit_test(test_bad_commands), cmocka_unit_test(test_results),
        cmocka_unit_test(test_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

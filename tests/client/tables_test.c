/*
 * tables_test.c - the public header's numbers and names against the tables.
 *
 * sluice.h writes its values out, so that people can read it; the tables are the only truth, and this test is what ties them.
 * The numbers of sluice.proto are compared by the daemon's own tests.
 */
#include <stdio.h>

#include "case.h"

static void test_statuses(void **state)
{
    (void)state;
#define STATUS(NAME, number, exit, text)                           \
    assert_int_equal(SLUICE_##NAME, number);                       \
    assert_string_equal(sluice_strstatus(SLUICE_##NAME), text);    \
    assert_string_equal(sluice_status_name(SLUICE_##NAME), #NAME); \
    assert_int_equal(sluice_exit_code(SLUICE_##NAME), exit);
#include "status.def"
#undef STATUS
    assert_string_equal(sluice_strstatus((enum sluice_status)9999), "unknown status");
    assert_string_equal(sluice_status_name((enum sluice_status)9999), "UNKNOWN");
    assert_int_equal(sluice_exit_code((enum sluice_status)9999), 70);
}

static void test_kinds(void **state)
{
    (void)state;
#define KIND(NAME, name, number, help)            \
    assert_int_equal(SLUICE_KIND_##NAME, number); \
    assert_string_equal(sluice_kind_name(SLUICE_KIND_##NAME), #name);
#include "kinds.def"
#undef KIND
    assert_string_equal(sluice_kind_name(SLUICE_KIND_NONE), "none");
    assert_string_equal(sluice_kind_name((enum sluice_kind)999), "unknown");
}

static void test_verbs(void **state)
{
    (void)state;
#define ARM(NAME, name, number, help)             \
    assert_int_equal(SLUICE_VERB_##NAME, number); \
    assert_string_equal(sluice_verb_name(SLUICE_VERB_##NAME), #name);
#include "arms.def"
#undef ARM
}

static void test_types(void **state)
{
    (void)state;
#define TYPE(NAME, name, number, help)            \
    assert_int_equal(SLUICE_TYPE_##NAME, number); \
    assert_string_equal(sluice_type_name(SLUICE_TYPE_##NAME), #name);
#include "types.def"
#undef TYPE
}

/* Every operation of the wire has a field in Request under its own tag. */
static void test_operations(void **state)
{
    (void)state;
#define OP(NAME, name, tag, class, help)                                                              \
    if ((tag) != 0) {                                                                                 \
        const ProtobufCFieldDescriptor *field =                                                       \
            protobuf_c_message_descriptor_get_field_by_name(&sluice__v1__request__descriptor, #name); \
        assert_non_null(field);                                                                       \
        assert_int_equal(field->id, tag);                                                             \
    }
#include "ops.def"
#undef OP
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses), cmocka_unit_test(test_kinds),      cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_types),    cmocka_unit_test(test_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * schema_test.c - the proto file and the tables say the same, both ways.
 *
 * The compiler already holds every row of a table against the generated constants (daemon/wire/wire.c). Here the other direction is read from the
 * descriptors: the proto has no number that the tables lack, no type of field that unpack.c does not read, and no message that holds
 * itself, on which the depth of recursion rests.
 */
#include "client.h"

#include "pack.h"
#include "sluice_descriptor.h"

static void numbers_of(const ProtobufCEnumDescriptor *d, unsigned rows)
{
    assert_int_equal(d->n_values, rows);
}

static void no_number_without_a_row(void **state)
{
    (void)state;
    unsigned statuses = 0, kinds = 1, verbs = 1, types = 1, operations = 0;
#define STATUS(NAME, number, exit, text) statuses++;
#include "status.def"
#undef STATUS
#define KIND(NAME, name, number, help) kinds++;
#include "kinds.def"
#undef KIND
#define ARM(NAME, name, number, help) verbs++;
#include "arms.def"
#undef ARM
#define TYPE(NAME, name, number, help) types++;
#include "types.def"
#undef TYPE
#define OP(NAME, name, tag, class, help) operations += (tag) != 0;
#include "ops.def"
#undef OP
    numbers_of(&sluice__v1__status__descriptor, statuses);
    numbers_of(&sluice__v1__kind__descriptor, kinds);
    numbers_of(&sluice__v1__verb__descriptor, verbs);
    numbers_of(&sluice__v1__type__descriptor, types);
    numbers_of(&sluice__v1__lifetime__descriptor, 3);
    numbers_of(&sluice__v1__context_spec__root__descriptor, 3);
    numbers_of(&sluice__v1__condition__compare__descriptor, COMPARE_GE + 1);
    numbers_of(&sluice__v1__update__verb__descriptor, COUNT_VERBS);
    numbers_of(&sluice__v1__exchange__verb__descriptor, CELL_VERBS);
    numbers_of(&sluice__v1__limiter_spec__algorithm__descriptor, LIMIT_ALGORITHMS);
    numbers_of(&sluice__v1__description__task_state__descriptor, TASK_DEAD + 1);
    unsigned fields = 0;
    for (unsigned i = 0; i < sluice__v1__request__descriptor.n_fields; i++)
        fields += (sluice__v1__request__descriptor.fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    assert_int_equal(fields, operations);
}

static void operations_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < OP_COUNT; i++) {
        if (op_rows[i].tag == 0)
            continue;
        const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(
            &sluice__v1__request__descriptor, op_rows[i].name);
        assert_non_null(f);
        assert_int_equal(f->id, op_rows[i].tag);
    }
}

static void hand_written_field_numbers(void **state)
{
    (void)state;
    const ProtobufCFieldDescriptor *f;
#define FIELD(NAME, message, name, number)                                                            \
    f = protobuf_c_message_descriptor_get_field_by_name(&sluice__v1__##message##__descriptor, #name); \
    assert_non_null(f);                                                                               \
    assert_int_equal(f->id, NAME);                                                                    \
    assert_true(f->id < 16);
    PACKED_FIELDS(FIELD)
#undef FIELD
}

/* Walk a message and those in it. Deeper than any honest schema of ours: it holds itself. */
static void walk(const ProtobufCMessageDescriptor *d, unsigned depth)
{
    assert_true(depth < 10);
    assert_int_equal(d->sizeof_message % 8, 0);
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        assert_int_not_equal(f->label, PROTOBUF_C_LABEL_REQUIRED);
        switch (f->type) {
        case PROTOBUF_C_TYPE_MESSAGE: walk(f->descriptor, depth + 1); break;
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_BOOL:
        case PROTOBUF_C_TYPE_ENUM:
        case PROTOBUF_C_TYPE_DOUBLE:
        case PROTOBUF_C_TYPE_BYTES: break;
        default: fail_msg("%s.%s has a type that unpack.c does not read", d->name, f->name);
        }
    }
}

static void fields_are_of_types_we_read(void **state)
{
    (void)state;
    walk(&sluice__v1__request__descriptor, 0);
    walk(&sluice__v1__reply__descriptor, 0);
}

static void the_descriptor_is_whole(void **state)
{
    (void)state;
    /* FileDescriptorSet: field 1, one file, which begins with its name. */
    assert_true(sluice_descriptor_size > 1000);
    assert_int_equal(sluice_descriptor[0], 0x0a);
    assert_non_null(memmem(sluice_descriptor, sluice_descriptor_size, "sluice.v1", 9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_number_without_a_row),    cmocka_unit_test(operations_by_name),
        cmocka_unit_test(hand_written_field_numbers), cmocka_unit_test(fields_are_of_types_we_read),
        cmocka_unit_test(the_descriptor_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * built.c - a request with one of everything it may point to, for the tests of decoding.
 *
 * The two references differ in kind (a handle, a name), so that a decoder which takes the wrong one is seen. The request has a number, which every
 * decoding must bring.
 */
#include "built.h"

struct wire *built_wire;

Request *built_request(struct built *b)
{
    sluice__v1__request__init(&b->m);
    sluice__v1__ref__init(&b->ref);
    sluice__v1__ref__init(&b->other);
    sluice__v1__value__init(&b->value);
    b->ref.has_handle = 1;
    b->ref.handle = 77;
    b->other.has_name = 1;
    b->other.name = data_of("team/other");
    b->value.kind_case = SLUICE__V1__VALUE__KIND_RAW;
    b->value.raw = data_of("payload");
    b->m.has_seq = 1;
    b->m.seq = 9;
    return &b->m;
}

void decoded(const Request *m, struct wire_request *got, enum op_code code)
{
    decode_good(built_wire, m, got);
    assert_int_equal(got->op.code, code);
    assert_int_equal(got->op.seq, 9);
}

void is_77(struct ref r)
{
    assert_int_equal(r.handle, 77);
    assert_int_equal(r.name_size, 0);
}

void is_other(struct ref r)
{
    assert_int_equal(r.handle, 0);
    assert_bytes((struct bytes){r.name, r.name_size}, "team/other");
}

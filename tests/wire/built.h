/*
 * built.h - a request with one of everything it may point to, for the tests of decoding.
 *
 * The tests of decoding are one a row of ops.def, in several files; declared here from the table, listed by decode_test.c.
 */
#ifndef TESTS_WIRE_BUILT_H
#define TESTS_WIRE_BUILT_H

#include "client.h"

typedef Sluice__V1__Request Request;

/* The codec that decoded() uses; the main file of the test makes it. */
extern struct wire *built_wire;

/* A request with room for what it points to. */
struct built {
    Request m;
    Sluice__V1__Ref ref, other;
    Sluice__V1__Value value;
};

/* Fill it: number 9, ref by handle 77, other by the name team/other, value "payload". The request in it. */
Request *built_request(struct built *b);

/* Begin a test: a message of the operation, put into the request. */
#define MESSAGE(TYPE, TAG, field)                 \
    struct built b;                               \
    struct wire_request got;                      \
    Request *m = built_request(&b);               \
    TYPE x;                                       \
    TAG(&x);                                      \
    m->op_case = SLUICE__V1__REQUEST__OP_##field; \
    m->op_case = m->op_case

/* Decode it, and expect the operation and the number. */
void decoded(const Request *m, struct wire_request *got, enum op_code code);
/* The ref is that of built.ref, of built.other. */
void is_77(struct ref r);
void is_other(struct ref r);

#define OP_WAIT(name)   void test_##name(void);
#define OP_STEP(name)   OP_WAIT(name)
#define OP_QUERY(name)  OP_WAIT(name)
#define OP_DAEMON(name) OP_WAIT(name)
#define OP_EVENT(name)
#define OP(NAME, name, tag, class, help) OP_##class(name)
#include "ops.def"
#undef OP
#undef OP_WAIT
#undef OP_STEP
#undef OP_QUERY
#undef OP_DAEMON
#undef OP_EVENT

#endif

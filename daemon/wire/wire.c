/*
 * wire.c - the codec as a thing: its making, its limits, and the law that schema and tables agree.
 *
 * The proto file and the tables are written by hand, both; here the compiler holds them against each other, row by row. That the proto has no row the
 * tables lack is tests/wire/schema_test.c's to say, from the descriptors.
 */
#include <stdlib.h>

#include "codec.h"

#define STATUS(NAME, number, exit, text) \
    static_assert((int)SLUICE__V1__STATUS__##NAME == (int)STATUS_##NAME, "the proto has status " #NAME);
#include "status.def"
#undef STATUS

#define KIND(NAME, name, number, help) \
    static_assert((int)SLUICE__V1__KIND__##NAME == (int)KIND_##NAME, "the proto has kind " #NAME);
#include "kinds.def"
#undef KIND

#define ARM(NAME, name, number, help) \
    static_assert((int)SLUICE__V1__VERB__VERB_##NAME == (int)ARM_##NAME, "the proto has verb " #NAME);
#include "arms.def"
#undef ARM

#define TYPE(NAME, name, number, help) \
    static_assert((int)SLUICE__V1__TYPE__##NAME == (int)VALUE_##NAME, "the proto has type " #NAME);
#include "types.def"
#undef TYPE

#define OP_WAIT(NAME, tag) \
    static_assert((int)SLUICE__V1__REQUEST__OP_##NAME == (tag), "the proto has op " #NAME);
#define OP_STEP(NAME, tag)               OP_WAIT(NAME, tag)
#define OP_QUERY(NAME, tag)              OP_WAIT(NAME, tag)
#define OP_DAEMON(NAME, tag)             OP_WAIT(NAME, tag)
#define OP_EVENT(NAME, tag)              static_assert((tag) == 0, "an event is not on the wire: " #NAME);
#define OP(NAME, name, tag, class, help) OP_##class(NAME, tag)
#include "ops.def"
#undef OP
#undef OP_WAIT
#undef OP_STEP
#undef OP_QUERY
#undef OP_DAEMON
#undef OP_EVENT

static_assert((int)SLUICE__V1__VALUE__KIND_RAW == (int)VALUE_BYTES, "a value's field is its type");
static_assert((int)SLUICE__V1__VALUE__KIND_TEXT == (int)VALUE_STRING, "a value's field is its type");
static_assert((int)SLUICE__V1__VALUE__KIND_INTEGER == (int)VALUE_INT64, "a value's field is its type");
static_assert((int)SLUICE__V1__VALUE__KIND_REAL == (int)VALUE_DOUBLE, "a value's field is its type");
static_assert((int)SLUICE__V1__VALUE__KIND_JSON == (int)VALUE_JSON, "a value's field is its type");
static_assert((int)SLUICE__V1__VALUE__KIND_HANDLE == (int)VALUE_HANDLE, "a value's field is its type");

static_assert((int)SLUICE__V1__RIGHT__RIGHT_SEND == (int)RIGHT_SEND, "rights agree");
static_assert((int)SLUICE__V1__RIGHT__RIGHT_RECV == (int)RIGHT_RECV, "rights agree");
static_assert((int)SLUICE__V1__RIGHT__RIGHT_CLOSE == (int)RIGHT_CLOSE, "rights agree");
static_assert((int)SLUICE__V1__RIGHT__RIGHT_OBSERVE == (int)RIGHT_OBSERVE, "rights agree");

static_assert((int)SLUICE__V1__LIFETIME__OWNED == (int)LIFE_OWNED, "lifetimes agree");
static_assert((int)SLUICE__V1__LIFETIME__EPHEMERAL == (int)LIFE_EPHEMERAL, "lifetimes agree");
static_assert((int)SLUICE__V1__LIFETIME__DETACHED == (int)LIFE_DETACHED, "lifetimes agree");
static_assert((int)SLUICE__V1__CONTEXT_SPEC__ROOT__BACKGROUND == (int)ROOT_BACKGROUND, "roots agree");
static_assert((int)SLUICE__V1__CONTEXT_SPEC__ROOT__TODO == (int)ROOT_TODO, "roots agree");

#define COMPARE(NAME)                                                                 \
    static_assert((int)SLUICE__V1__CONDITION__COMPARE__##NAME == (int)COMPARE_##NAME, \
                  "comparisons agree: " #NAME);
COMPARE(NONE)
COMPARE(EQ)
COMPARE(NE)
COMPARE(LT)
COMPARE(LE)
COMPARE(GT)
COMPARE(GE)
#undef COMPARE

#define COUNT(NAME) \
    static_assert((int)SLUICE__V1__UPDATE__VERB__##NAME == (int)COUNT_##NAME, "changes agree: " #NAME);
COUNT(LOAD)
COUNT(ADD)
COUNT(STORE)
COUNT(SWAP)
COUNT(CAS)
COUNT(AND)
COUNT(OR)
COUNT(XOR)
COUNT(MAX)
COUNT(MIN)
#undef COUNT

#define CELL(NAME) \
    static_assert((int)SLUICE__V1__EXCHANGE__VERB__##NAME == (int)CELL_##NAME, "exchanges agree: " #NAME);
CELL(LOAD)
CELL(STORE)
CELL(SWAP)
CELL(CAS)
#undef CELL

#define STATE(NAME)                                                                     \
    static_assert((int)SLUICE__V1__DESCRIPTION__TASK_STATE__##NAME == (int)TASK_##NAME, \
                  "states of a task agree: " #NAME);
STATE(BLOCKED)
STATE(DELAYED)
STATE(QUEUED)
STATE(RUNNING)
STATE(WAITING)
STATE(RUNNABLE)
STATE(DEAD)
#undef STATE

#define ALGORITHM(NAME)                                                                  \
    static_assert((int)SLUICE__V1__LIMITER_SPEC__ALGORITHM__##NAME == (int)LIMIT_##NAME, \
                  "algorithms agree: " #NAME);
ALGORITHM(BUCKET)
ALGORITHM(WINDOW)
ALGORITHM(SLIDING)
ALGORITHM(METER)
ALGORITHM(QUEUE)
ALGORITHM(CONCURRENCY)
#undef ALGORITHM

/* The arena holds the largest requests there can be: a full select whose arms all have a handle as value, a condition and a lock, and a full
 * batch of handles with ranks. */
static_assert(SELECT_ARMS_MAX * (sizeof(void *) + sizeof(Sluice__V1__Arm) + 3 * sizeof(Sluice__V1__Ref) +
                                 sizeof(Sluice__V1__Value) + sizeof(Sluice__V1__HandleValue) +
                                 sizeof(Sluice__V1__Condition) + sizeof(struct arm_spec)) <
                  ARENA_SIZE_MAX,
              "a full select fits the arena");
static_assert(BATCH_ITEMS_MAX * (sizeof(void *) + sizeof(Sluice__V1__HandleValue) + sizeof(Sluice__V1__Ref) +
                                 sizeof(int64_t) + sizeof(struct value)) <
                  ARENA_SIZE_MAX,
              "a full batch fits the arena");

struct wire *wire_new(const struct limits *limits)
{
    struct wire *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->limits = *limits;
    arena_init(&w->arena, ARENA_SIZE_MAX);
    arena_init(&w->scratch, ARENA_SIZE_MAX);
    return w;
}

struct wire *wire_free(struct wire *w)
{
    if (w) {
        arena_done(&w->arena);
        arena_done(&w->scratch);
    }
    free(w);
    return NULL;
}

uint64_t wire_frame_size_max(const struct limits *limits)
{
    return (uint64_t)limits->payload_size_max + FRAME_SLACK;
}

void wire_answer(struct wire *w, const struct engine *e, const struct wire_request *req,
                 const struct wire_world *world, struct wire_out *out)
{
#define OP_WAIT(NAME, name)
#define OP_STEP(NAME, name)
#define OP_EVENT(NAME, name)
#define OP_QUERY(NAME, name)                  \
    case OP_##NAME:                           \
        answer_##name(w, e, req, world, out); \
        return;
#define OP_DAEMON(NAME, name)            OP_QUERY(NAME, name)
#define OP(NAME, name, tag, class, help) OP_##class(NAME, name)
    switch ((int)req->op.code) {
#include "ops.def"
    default: assert(false && "wire_answer is for questions");
    }
#undef OP
}

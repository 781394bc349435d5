/*
 * tables.c - the tables (*.def) as data.
 *
 * Everything that is said of an operation, status, kind, arm or type by name comes from here, and here from the one file that
 * lists it. Numbers are checked to be unique by the switch statements: a duplicate does not compile.
 */
#include "op.h"

const struct op_row op_rows[OP_COUNT] = {
#define OP(NAME, name, tag, class, help) [OP_##NAME] = {#name, tag, CLASS_##class, help},
#include "ops.def"
#undef OP
};

const char *status_text(enum status s)
{
    switch (s) {
#define STATUS(NAME, number, exit, text) \
    case STATUS_##NAME:                  \
        return text;
#include "status.def"
#undef STATUS
    }
    return "unknown status";
}

const char *status_name(enum status s)
{
    switch (s) {
#define STATUS(NAME, number, exit, text) \
    case STATUS_##NAME:                  \
        return #NAME;
#include "status.def"
#undef STATUS
    }
    return "UNKNOWN";
}

const char *kind_name(enum kind_code k)
{
    switch (k) {
#define KIND(NAME, name, number, help) \
    case KIND_##NAME:                  \
        return #name;
#include "kinds.def"
#undef KIND
    case KIND_NONE:
    case KIND_COUNT: break;
    }
    return "unknown";
}

const char *arm_name(enum arm_verb v)
{
    switch (v) {
#define ARM(NAME, name, number, help) \
    case ARM_##NAME:                  \
        return #name;
#include "arms.def"
#undef ARM
    case ARM_NONE:
    case ARM_COUNT: break;
    }
    return "unknown";
}

const char *type_name(enum value_type t)
{
    switch (t) {
#define TYPE(NAME, name, number, help) \
    case VALUE_##NAME:                 \
        return #name;
#include "types.def"
#undef TYPE
    case VALUE_NONE:
    case VALUE_COUNT: break;
    }
    return "unknown";
}

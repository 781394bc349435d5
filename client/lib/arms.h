/*
 * arms.h - arms on their way out, for the requests that carry several.
 *
 * Contract: arms_out fills parts that borrow everything from the arms; whatever it returns, arms_free follows.
 */
#ifndef SLUICE_ARMS_H
#define SLUICE_ARMS_H

#include "item.h"

#define ARMS_FEW 12

struct arm_parts {
    Sluice__V1__Arm arm;
    Ref ref, lock;
    Sluice__V1__Condition condition;
    struct value_parts value;
};

struct arms {
    Sluice__V1__Arm **pointers; /* few_pointers, or malloc'd */
    struct arm_parts *parts;
    Sluice__V1__Arm *few_pointers[ARMS_FEW];
    struct arm_parts few[ARMS_FEW];
};

enum sluice_status arms_out(struct call *c, struct arms *p, const struct sluice_arm *arms, size_t count);
void arms_free(struct arms *p);

#endif

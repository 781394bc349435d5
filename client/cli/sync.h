/*
 * sync.h - locks, semaphores, groups, counters, limiters, actors, pools and their like by name, made on first use.
 *
 * sync_make is for `sluice make` and for options that name parameters: another thing of this name is an error. sync_open is for all else.
 */
#ifndef CLI_SYNC_H
#define CLI_SYNC_H

#include <stdint.h>

#include "sluice.h"

/* How one is made that is not there. */
struct sync_spec {
    enum sluice_kind kind; /* of which it must be; NONE: of any */
    enum sluice_kind made; /* what is made when there is none; NONE: nothing, NOT_FOUND */
    uint64_t size;         /* SEMAPHORE */
    uint32_t parties;      /* BARRIER */
    bool poison;           /* ONCE, FLIGHT */
    bool fail;             /* ACTOR */
    struct sluice_counter_spec counter;
    struct sluice_cell_spec cell;
    struct sluice_group_spec group;
    struct sluice_limiter_spec limiter;
    struct sluice_pool_spec pool;
};
#define SYNC_SPEC_INIT(kind_, made_)                                                                         \
    {                                                                                                        \
        .kind = (kind_), .made = (made_), .counter = SLUICE_COUNTER_SPEC_INIT,                               \
        .cell = SLUICE_CELL_SPEC_INIT, .group = SLUICE_GROUP_SPEC_INIT, .limiter = SLUICE_LIMITER_SPEC_INIT, \
        .pool = SLUICE_POOL_SPEC_INIT                                                                        \
    }

/* Makes it, or opens what is there with the same parameters. how is borrowed. */
enum sluice_status sync_make(sluice *s, const struct sluice_make *how, const struct sync_spec *spec,
                             sluice_ref *ret);
/* Opens what is there, whatever its parameters, or makes it. ret_kind is optional. */
enum sluice_status sync_open(sluice *s, const char *name, const struct sync_spec *spec, sluice_ref *ret,
                             enum sluice_kind *ret_kind);

/* A condition on a counter: >=100, ==0, <5. False: it is none. */
bool condition_parse(const char *text, enum sluice_compare *ret_compare, int64_t *ret_operand);

#endif

/*
 * sync.c - locks, semaphores, groups, counters, limiters, actors, pools and their like by name: see sync.h.
 *
 * Scripts start in any order, so whoever is first makes the thing. What is there is opened without a look at its parameters, unless they were
 * given; two that make it at the same moment, of different kinds, end up with the one that came first.
 */
#include "sync.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static enum sluice_status make_once(sluice *s, const struct sluice_make *how, const struct sync_spec *spec,
                                    sluice_ref *ret)
{
    struct sluice_once_spec once_spec = SLUICE_ONCE_SPEC_INIT;
    sluice_once once = SLUICE_NIL;
    once_spec.poison = spec->poison;
    enum sluice_status status = sluice_once_make_with(s, how, &once_spec, &once, NULL);
    *ret = once.ref;
    return status;
}

static enum sluice_status make_flight(sluice *s, const struct sluice_make *how, const struct sync_spec *spec,
                                      sluice_ref *ret)
{
    struct sluice_flight_spec flight_spec = SLUICE_FLIGHT_SPEC_INIT;
    sluice_flight flight = SLUICE_NIL;
    flight_spec.poison = spec->poison;
    enum sluice_status status = sluice_flight_make_with(s, how, &flight_spec, &flight, NULL);
    *ret = flight.ref;
    return status;
}

static enum sluice_status make_actor(sluice *s, const struct sluice_make *how, const struct sync_spec *spec,
                                     sluice_ref *ret)
{
    struct sluice_actor_spec actor_spec = SLUICE_ACTOR_SPEC_INIT;
    sluice_actor actor = SLUICE_NIL;
    actor_spec.fail = spec->fail;
    enum sluice_status status = sluice_actor_make_with(s, how, &actor_spec, &actor, NULL);
    *ret = actor.ref;
    return status;
}

/* A maker of each kind: ret's handle is of that kind's own type, which is a ref. */
#define MAKER(name, ...)                                                                         \
    {                                                                                            \
        sluice_##name made = SLUICE_NIL;                                                         \
        enum sluice_status status = sluice_##name##_make_with(s, how, __VA_ARGS__ & made, NULL); \
        *ret = made.ref;                                                                         \
        return status;                                                                           \
    }

enum sluice_status sync_make(sluice *s, const struct sluice_make *how, const struct sync_spec *spec,
                             sluice_ref *ret)
{
    switch (spec->made) {
    case SLUICE_KIND_MUTEX: MAKER(mutex, )
    case SLUICE_KIND_RWMUTEX: MAKER(rwmutex, )
    case SLUICE_KIND_SEMAPHORE: MAKER(sem, spec->size, )
    case SLUICE_KIND_WAITGROUP: MAKER(wg, )
    case SLUICE_KIND_COUNTER: MAKER(counter, &spec->counter, )
    case SLUICE_KIND_CELL: MAKER(cell, &spec->cell, )
    case SLUICE_KIND_ONCE: return make_once(s, how, spec, ret);
    case SLUICE_KIND_COND: MAKER(cond, )
    case SLUICE_KIND_BARRIER: MAKER(barrier, spec->parties, )
    case SLUICE_KIND_GROUP: MAKER(group, &spec->group, )
    case SLUICE_KIND_FLIGHT: return make_flight(s, how, spec, ret);
    case SLUICE_KIND_LIMITER: MAKER(limiter, &spec->limiter, )
    case SLUICE_KIND_ACTOR: return make_actor(s, how, spec, ret);
    case SLUICE_KIND_POOL: MAKER(pool, &spec->pool, )
    default: return SLUICE_WRONG_KIND;
    }
}

enum sluice_status sync_open(sluice *s, const char *name, const struct sync_spec *spec, sluice_ref *ret,
                             enum sluice_kind *ret_kind)
{
    struct sluice_made made = {0};
    struct sluice_make how = SLUICE_MAKE_INIT;
    how.name = name;
    how.exclusive = true;
    for (;;) {
        enum sluice_status status = sluice_open_ref(s, sluice_named(name), 0, spec->kind, ret, &made);
        if (status == SLUICE_NOT_FOUND && spec->made != SLUICE_KIND_NONE) {
            made.kind = spec->made;
            status = sync_make(s, &how, spec, ret);
            if (status == SLUICE_EXISTS) /* since we looked */
                continue;
        }
        if (status == SLUICE_OK && ret_kind != NULL)
            *ret_kind = made.kind;
        return status;
    }
}

bool condition_parse(const char *text, enum sluice_compare *ret_compare, int64_t *ret_operand)
{
    static const struct {
        const char *sign;
        enum sluice_compare compare;
    } signs[] = {{"==", SLUICE_COMPARE_EQ}, {"!=", SLUICE_COMPARE_NE}, {"<=", SLUICE_COMPARE_LE},
                 {">=", SLUICE_COMPARE_GE}, {"=", SLUICE_COMPARE_EQ},  {"<", SLUICE_COMPARE_LT},
                 {">", SLUICE_COMPARE_GT}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t size = strlen(signs[i].sign);
        if (strncmp(text, signs[i].sign, size) != 0)
            continue;
        char *end = NULL;
        errno = 0;
        *ret_operand = strtoimax(text + size, &end, 10);
        *ret_compare = signs[i].compare;
        return errno == 0 && end != text + size && *end == '\0';
    }
    return false;
}

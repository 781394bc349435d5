/*
 * sync.c - locks, semaphores, wait groups, counters and onces by name: see sync.h.
 *
 * Scripts start in any order, so whoever is first makes the thing. What is there is opened without a look at its parameters, unless they were
 * given; two that make it at the same moment, of different kinds, end up with the one that came first.
 */
#include "sync.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum sluice_status sync_make(sluice *s, const struct sluice_make *how, const struct sync_spec *spec,
                             sluice_ref *ret)
{
    sluice_mutex mutex = SLUICE_NIL;
    sluice_rwmutex rwmutex = SLUICE_NIL;
    sluice_sem sem = SLUICE_NIL;
    sluice_wg wg = SLUICE_NIL;
    sluice_counter counter = SLUICE_NIL;
    sluice_once once = SLUICE_NIL;
    struct sluice_once_spec once_spec = SLUICE_ONCE_SPEC_INIT;
    enum sluice_status status = SLUICE_WRONG_KIND;
    once_spec.poison = spec->poison;
    switch (spec->made) {
    case SLUICE_KIND_MUTEX:
        status = sluice_mutex_make_with(s, how, &mutex, NULL);
        *ret = mutex.ref;
        break;
    case SLUICE_KIND_RWMUTEX:
        status = sluice_rwmutex_make_with(s, how, &rwmutex, NULL);
        *ret = rwmutex.ref;
        break;
    case SLUICE_KIND_SEMAPHORE:
        status = sluice_sem_make_with(s, how, spec->size, &sem, NULL);
        *ret = sem.ref;
        break;
    case SLUICE_KIND_WAITGROUP:
        status = sluice_wg_make_with(s, how, &wg, NULL);
        *ret = wg.ref;
        break;
    case SLUICE_KIND_COUNTER:
        status = sluice_counter_make_with(s, how, &spec->counter, &counter, NULL);
        *ret = counter.ref;
        break;
    case SLUICE_KIND_ONCE:
        status = sluice_once_make_with(s, how, &once_spec, &once, NULL);
        *ret = once.ref;
        break;
    default: break;
    }
    return status;
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

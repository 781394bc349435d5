/*
 * counter.c - atomic integers.
 *
 * All of Go's calls are one request, Update; the header's inline functions give them their names. The numbers of the verbs and of
 * the comparisons are the protocol's.
 */
#include "error.h"
#include "object.h"
#include "sync.h"

static_assert((int)SLUICE_UPDATE_LOAD == (int)SLUICE__V1__UPDATE__VERB__LOAD &&
                  (int)SLUICE_UPDATE_ADD == (int)SLUICE__V1__UPDATE__VERB__ADD &&
                  (int)SLUICE_UPDATE_STORE == (int)SLUICE__V1__UPDATE__VERB__STORE &&
                  (int)SLUICE_UPDATE_SWAP == (int)SLUICE__V1__UPDATE__VERB__SWAP &&
                  (int)SLUICE_UPDATE_CAS == (int)SLUICE__V1__UPDATE__VERB__CAS &&
                  (int)SLUICE_UPDATE_AND == (int)SLUICE__V1__UPDATE__VERB__AND &&
                  (int)SLUICE_UPDATE_OR == (int)SLUICE__V1__UPDATE__VERB__OR &&
                  (int)SLUICE_UPDATE_XOR == (int)SLUICE__V1__UPDATE__VERB__XOR &&
                  (int)SLUICE_UPDATE_MAX == (int)SLUICE__V1__UPDATE__VERB__MAX &&
                  (int)SLUICE_UPDATE_MIN == (int)SLUICE__V1__UPDATE__VERB__MIN,
              "the verbs are the protocol's");
static_assert((int)SLUICE_COMPARE_NONE == (int)SLUICE__V1__CONDITION__COMPARE__NONE &&
                  (int)SLUICE_COMPARE_EQ == (int)SLUICE__V1__CONDITION__COMPARE__EQ &&
                  (int)SLUICE_COMPARE_NE == (int)SLUICE__V1__CONDITION__COMPARE__NE &&
                  (int)SLUICE_COMPARE_LT == (int)SLUICE__V1__CONDITION__COMPARE__LT &&
                  (int)SLUICE_COMPARE_LE == (int)SLUICE__V1__CONDITION__COMPARE__LE &&
                  (int)SLUICE_COMPARE_GT == (int)SLUICE__V1__CONDITION__COMPARE__GT &&
                  (int)SLUICE_COMPARE_GE == (int)SLUICE__V1__CONDITION__COMPARE__GE,
              "the comparisons are the protocol's");

enum sluice_status sluice_counter_make_with(sluice *s, const struct sluice_make *how,
                                            const struct sluice_counter_spec *spec, sluice_counter *ret,
                                            struct sluice_made *ret_made)
{
    struct sluice_counter_spec p = SLUICE_COUNTER_SPEC_INIT;
    Sluice__V1__CounterSpec counter = SLUICE__V1__COUNTER_SPEC__INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status != SLUICE_OK)
        return status;
    counter.has_value = p.value != 0;
    counter.value = p.value;
    counter.has_min = p.has_min;
    counter.min = p.min;
    counter.has_max = p.has_max;
    counter.max = p.max;
    counter.has_fenced = counter.fenced = p.fenced;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_COUNTER, &counter, REF_OF(ret), ret_made);
}

enum sluice_status sluice_counter_make(sluice *s, const char *name, int64_t value, sluice_counter *ret)
{
    struct sluice_make how = make_named(name);
    struct sluice_counter_spec spec = SLUICE_COUNTER_SPEC_INIT;
    spec.value = value;
    return sluice_counter_make_with(s, &how, &spec, ret, NULL);
}

enum sluice_status sluice_counter_open(sluice *s, const char *name, uint32_t rights, sluice_counter *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_COUNTER, &ret->ref, NULL);
}

enum sluice_status sluice_counter_update(sluice *s, sluice_counter counter,
                                         const struct sluice_update *update, int64_t *ret_value,
                                         bool *ret_swapped)
{
    struct call c;
    Ref r;
    Sluice__V1__Update op = SLUICE__V1__UPDATE__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_UPDATE);
    c.request.update = &op;
    op.ref = call_ref(&c, counter.ref, &r);
    op.has_verb = true;
    op.verb = (Sluice__V1__Update__Verb)update->verb;
    op.has_operand = true;
    op.operand = update->operand;
    op.has_expected = update->verb == SLUICE_UPDATE_CAS;
    op.expected = update->expected;
    op.has_fence = update->fence != 0;
    op.fence = update->fence;
    return run_number(s, &c, ret_value, ret_swapped);
}

enum sluice_status sluice_counter_wait(sluice *s, sluice_counter counter, enum sluice_compare compare,
                                       int64_t operand, const struct sluice_wait *wait, int64_t *ret_value)
{
    struct call c;
    struct wait_parts p;
    build_wait(&c, &p, counter.ref, compare, operand, wait);
    return run_number(s, &c, ret_value, NULL);
}

enum sluice_status sluice_counter_wait_start(sluice *s, sluice_counter counter, enum sluice_compare compare,
                                             int64_t operand, const struct sluice_wait *wait,
                                             sluice_future **ret)
{
    return start_wait(s, counter.ref, compare, operand, wait, ret);
}

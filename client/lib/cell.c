/*
 * cell.c - atomic values.
 *
 * All of Go's calls are one request, Exchange; the header's inline functions give them their names. What comes back is what the cell
 * held, with the revision that it has now: who knows the one or the other can tell whether somebody was there since. The numbers
 * of the verbs are the protocol's.
 */
#include "error.h"
#include "item.h"
#include "object.h"
#include "sync.h"

static_assert((int)SLUICE_EXCHANGE_LOAD == (int)SLUICE__V1__EXCHANGE__VERB__LOAD &&
                  (int)SLUICE_EXCHANGE_STORE == (int)SLUICE__V1__EXCHANGE__VERB__STORE &&
                  (int)SLUICE_EXCHANGE_SWAP == (int)SLUICE__V1__EXCHANGE__VERB__SWAP &&
                  (int)SLUICE_EXCHANGE_CAS == (int)SLUICE__V1__EXCHANGE__VERB__CAS,
              "the verbs are the protocol's");

enum sluice_status sluice_cell_make_with(sluice *s, const struct sluice_make *how,
                                         const struct sluice_cell_spec *spec, sluice_cell *ret,
                                         struct sluice_made *ret_made)
{
    struct sluice_cell_spec p = SLUICE_CELL_SPEC_INIT;
    Sluice__V1__CellSpec cell = SLUICE__V1__CELL_SPEC__INIT;
    enum sluice_status status = options_take(&p, sizeof p, spec);
    if (status != SLUICE_OK)
        return status;
    cell.has_fenced = cell.fenced = p.fenced;
    return make_object(s, how, SLUICE__V1__MAKE__SPEC_CELL, &cell, REF_OF(ret), ret_made);
}

enum sluice_status sluice_cell_make(sluice *s, const char *name, sluice_cell *ret)
{
    struct sluice_make how = make_named(name);
    return sluice_cell_make_with(s, &how, NULL, ret, NULL);
}

enum sluice_status sluice_cell_open(sluice *s, const char *name, uint32_t rights, sluice_cell *ret)
{
    return sluice_open_ref(s, sluice_named(name), rights, SLUICE_KIND_CELL, &ret->ref, NULL);
}

/* A call whose result is what a cell holds; ret NULL: it is not wanted. */
static enum sluice_status run_cell(sluice *s, struct call *c, struct sluice_content *ret, bool *ret_swapped)
{
    struct reply reply;
    struct sluice_item item = {.value = {.type = SLUICE_TYPE_NONE}};
    enum sluice_status status = call_run(s, c, &reply);
    if (status == SLUICE_OK && reply.result_tag != SLUICE__V1__REPLY__RESULT_CELL)
        status = unreadable();
    if (status == SLUICE_OK && ret != NULL)
        status = item_take(c, &reply, &item);
    if (status == SLUICE_OK && ret != NULL)
        *ret = (struct sluice_content){.revision = reply.revision, .item = item};
    if (status == SLUICE_OK && ret_swapped != NULL)
        *ret_swapped = reply.swapped;
    call_done(c);
    return status;
}

enum sluice_status sluice_cell_exchange(sluice *s, sluice_cell cell, const struct sluice_exchange *exchange,
                                        struct sluice_content *ret, bool *ret_swapped)
{
    struct call c;
    Ref r;
    struct value_parts value, expected;
    Sluice__V1__Exchange op = SLUICE__V1__EXCHANGE__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_EXCHANGE);
    c.request.exchange = &op;
    op.ref = call_ref(&c, cell.ref, &r);
    op.has_verb = true;
    op.verb = (Sluice__V1__Exchange__Verb)exchange->verb;
    op.has_fence = exchange->fence != 0;
    op.fence = exchange->fence;
    op.has_revision = exchange->has_revision;
    op.revision = exchange->revision;
    enum sluice_status status = value_out(&c, &exchange->value, &value, &op.value);
    if (status == SLUICE_OK)
        status = value_out(&c, &exchange->expected, &expected, &op.expected);
    return status == SLUICE_OK ? run_cell(s, &c, ret, ret_swapped) : status;
}

enum sluice_status sluice_cell_wait(sluice *s, sluice_cell cell, uint64_t after,
                                    const struct sluice_wait *wait, struct sluice_content *ret)
{
    struct call c;
    struct wait_parts p;
    build_wait(&c, &p, cell.ref, SLUICE_COMPARE_NE, (int64_t)after, wait);
    return run_cell(s, &c, ret, NULL);
}

enum sluice_status sluice_cell_wait_start(sluice *s, sluice_cell cell, uint64_t after,
                                          const struct sluice_wait *wait, sluice_future **ret)
{
    return start_wait(s, cell.ref, SLUICE_COMPARE_NE, (int64_t)after, wait, ret);
}

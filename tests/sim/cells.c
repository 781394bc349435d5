/*
 * cells.c - atomic values: what actors do with them, and what the model knows of them (hold_moves.h, holds.h).
 *
 * A value is an integer or a letter, so that the model keeps it as a type and a number. Every change is one more revision, what is
 * refused is none, and who waits for another revision never waits while there is one.
 */
#include <inttypes.h>

#include "hold_moves.h"

static const char *const letters[] = {"a", "b", "c", "d"};
enum { LETTERS = sizeof letters / sizeof *letters };

static uint64_t below(struct sim *s, uint64_t n)
{
    return rng_below(&s->rng, n);
}

static bool chance(struct sim *s, unsigned percent)
{
    return rng_chance(&s->rng, percent);
}

/* ---- Moves ---- */

/* Of the type that the cell has mostly. */
static struct value some_value(struct sim *s, const struct held *x)
{
    enum value_type type = chance(s, 50) ? VALUE_INT64 : VALUE_STRING;
    uint64_t n = below(s, LETTERS);
    if (x && x->type != VALUE_NONE && !chance(s, 5))
        type = x->type;
    if (chance(s, 4))
        return (struct value){0};
    if (type == VALUE_INT64)
        return (struct value){.type = type, .int64 = (int64_t)n};
    return (struct value){.type = type, .bytes = {letters[n], 1}};
}

void move_exchange(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_EXCHANGE;
    r->op.exchange.ref = held_ref(s, a, KIND_CELL);
    r->facts[0] = (struct case_fact){.canal = -1, .serial = sim_serial(s, a, &r->op.exchange.ref)};
    int held = holds_find(&s->holds, r->facts[0].serial);
    const struct held *x = held < 0 ? NULL : &s->holds.held[held];
    r->op.exchange.verb = (enum cell_verb)below(s, CELL_VERBS);
    if (r->op.exchange.verb != CELL_LOAD)
        r->op.exchange.value = some_value(s, x);
    if (r->op.exchange.verb == CELL_CAS) {
        r->op.exchange.expected = some_value(s, x);
        r->op.exchange.has_revision = chance(s, 30);
        r->op.exchange.revision = (x ? x->revision : 0) - (chance(s, 40) ? 1 : 0);
    }
    if (chance(s, 60))
        r->op.exchange.fence = s->holds.token_max - below(s, 3) % (s->holds.token_max + 1);
}

struct condition some_revision(struct sim *s, struct actor *a, const struct ref *ref)
{
    struct condition c = {.compare = chance(s, 3) ? COMPARE_EQ : COMPARE_NE};
    int held = holds_find(&s->holds, sim_serial(s, a, ref));
    if (held >= 0 && !chance(s, 10))
        c.operand = (int64_t)s->holds.held[held].revision;
    return c;
}

/* ---- The model ---- */

static bool same(const struct value *v, enum value_type type, int64_t number)
{
    if (v->type != type)
        return false;
    if (type == VALUE_INT64)
        return v->int64 == number;
    return type == VALUE_NONE || *(const char *)v->bytes.data == (char)('a' + number);
}

/* What Go would panic with. */
static bool panics(const struct held *x, const struct op *op)
{
    enum value_type type = op->exchange.value.type, expected = op->exchange.expected.type;
    bool two_types = op->exchange.verb == CELL_CAS && !op->exchange.has_revision && expected != VALUE_NONE &&
                     expected != type;
    return type == VALUE_NONE || two_types || (x->type != VALUE_NONE && x->type != type);
}

static enum status wanted(const struct held *x, const struct op *op)
{
    if (op->exchange.verb == CELL_LOAD)
        return STATUS_OK;
    if (x->fenced && op->exchange.fence == 0)
        return STATUS_MISUSE;
    if (op->exchange.fence != 0 && op->exchange.fence < x->fence)
        return STATUS_STALE_TOKEN;
    return panics(x, op) ? STATUS_MISUSE : STATUS_OK;
}

static bool found(const struct held *x, const struct op *op)
{
    return op->exchange.has_revision ? op->exchange.revision == x->revision
                                     : same(&op->exchange.expected, x->type, x->value);
}

void cell_exchange(struct sim *s, const struct request *r, int held, const struct reply *reply)
{
    struct held *x = &s->holds.held[held];
    const struct op *op = &r->op;
    enum cell_verb verb = op->exchange.verb;
    enum status want = wanted(x, op);
    MUST(reply->status == want, "exchange says %d, not %d", reply->status, want);
    if (want != STATUS_OK)
        return;
    bool change = verb != CELL_LOAD && (verb != CELL_CAS || found(x, op));
    MUST(reply->result == RESULT_CELL && same(&reply->item.value, x->type, x->value), "it held another");
    MUST(reply->truth == (verb == CELL_CAS && change), "swapped or not");
    MUST(reply->count == x->revision + change, "revision %" PRIu64 " after %" PRIu64, reply->count,
         x->revision);
    if (verb != CELL_LOAD && op->exchange.fence > x->fence)
        x->fence = op->exchange.fence;
    if (!change)
        return;
    x->revision++;
    x->type = op->exchange.value.type;
    x->value = x->type == VALUE_INT64 ? op->exchange.value.int64
                                      : *(const char *)op->exchange.value.bytes.data - 'a';
}

void check_revision(const struct held *x, const struct case_fact *f, const struct reply *reply)
{
    MUST(reply->result == RESULT_CELL && f->condition.compare == COMPARE_NE, "a wait for nothing");
    MUST(reply->count == x->revision && reply->count != (uint64_t)f->condition.operand,
         "revision %" PRIu64 " of %" PRIu64, reply->count, x->revision);
    MUST(same(&reply->item.value, x->type, x->value), "another value");
}

void check_cell(const struct sim *s, const struct held *x, const struct cell_view *v)
{
    MUST(v->revision == x->revision && v->fence == x->fence, "revision %" PRIu64 ", not %" PRIu64,
         v->revision, x->revision);
    MUST(v->type == x->type && same(&v->value, x->type, x->value), "it holds another");
    for (int i = 0; i < ACTORS * SLOTS; i++) {
        const struct request *r = &s->actors[i / SLOTS].slots[i % SLOTS];
        for (uint32_t n = 0; request_waits(s, i / SLOTS, r) && n < r->cases; n++)
            MUST(r->facts[n].serial != x->serial || r->facts[n].verb != ARM_WAIT ||
                     (uint64_t)r->facts[n].condition.operand == v->revision,
                 "the revision is another already");
    }
}

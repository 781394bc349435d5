/*
 * oracle.c - the model of the channels (oracle.h).
 *
 * Everything is an array and every search a scan: the model is as plain as it can be, so that it is easy to believe. Values are
 * indices; the order of sends is their numerical order.
 */
#include "oracle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more element of an array. */
static void *more_room(void *array, size_t count, size_t *size, size_t element)
{
    if (count < *size)
        return array;
    *size = *size ? *size * 2 : 64;
    array = realloc(array, *size * element);
    MUST(array, "no memory for the model");
    return array;
}

void oracle_done(struct oracle *o)
{
    free(o->things);
    free(o->canals);
    free(o->loans);
}

int oracle_canal(struct oracle *o, const struct canal *made)
{
    o->canals = more_room(o->canals, o->canals_count, &o->canals_size, sizeof *o->canals);
    o->canals[o->canals_count] = *made;
    o->canals[o->canals_count].last_fresh = -1;
    return (int)o->canals_count++;
}

int oracle_find(const struct oracle *o, uint64_t serial)
{
    for (size_t i = o->canals_count; i-- > 0;)
        if (o->canals[i].serial == serial)
            return (int)i;
    return -1;
}

static struct thing *thing(const struct oracle *o, int64_t value)
{
    MUST(value >= 0 && (size_t)value < o->things_count, "%" PRId64 " was never sent", value);
    return &o->things[value];
}

int64_t oracle_offer(struct oracle *o, int canal)
{
    o->things = more_room(o->things, o->things_count, &o->things_size, sizeof *o->things);
    o->things[o->things_count] = (struct thing){.channel = (uint32_t)canal, .fate = OFFERED};
    return (int64_t)o->things_count++;
}

void oracle_accept(struct oracle *o, int64_t value)
{
    struct thing *t = thing(o, value);
    if (t->fate != OFFERED)
        return;
    t->fate = IN;
    o->canals[t->channel].in++;
}

void oracle_withdraw(struct oracle *o, int64_t value)
{
    struct thing *t = thing(o, value);
    MUST(t->fate == OFFERED, "%" PRId64 " withdrawn with fate %d", value, t->fate);
    t->fate = GONE;
}

void oracle_doubt(struct oracle *o, int64_t value)
{
    struct thing *t = thing(o, value);
    if (t->fate != OFFERED)
        return;
    t->fate = DOUBT;
    o->canals[t->channel].doubts++;
}

/* Nothing that has its place before `value` can still come for the first time. */
static void settle_doubts(struct oracle *o, struct canal *c, uint32_t canal, int64_t value)
{
    for (int64_t i = 0; c->doubts > 0 && i < value; i++)
        if (o->things[i].fate == DOUBT && o->things[i].channel == canal && !o->things[i].loose) {
            o->things[i].fate = GONE;
            c->doubts--;
        }
}

static void deliver_fresh(struct oracle *o, struct canal *c, int64_t value)
{
    struct thing *t = &o->things[value];
    for (size_t i = 0; !t->loose && i < o->things_count; i++)
        MUST(o->things[i].fate != BACK || o->things[i].channel != t->channel ||
                 o->things[i].back_step == o->step,
             "%" PRId64 " came before %zu, which was given back", value, i);
    if (t->fate == IN)
        c->in--;
    if (t->fate == DOUBT)
        c->doubts--;
    if (t->loose)
        return;
    MUST(value > c->last_fresh, "%" PRId64 " came after %" PRId64, value, c->last_fresh);
    c->last_fresh = value;
    settle_doubts(o, c, t->channel, value);
}

static void deliver_again(struct oracle *o, struct canal *c, int64_t value)
{
    const struct thing *t = &o->things[value];
    c->in--;
    if (t->back_step == o->step || t->loose)
        return;
    for (int64_t i = 0; i < value; i++) {
        const struct thing *other = &o->things[i];
        MUST(other->fate != BACK || other->loose || other->channel != t->channel ||
                 other->back_step == o->step,
             "%" PRId64 " came before %" PRId64 ", which is older and was given back too", value, i);
    }
}

void oracle_deliver(struct oracle *o, int canal, int64_t value, uint32_t deliveries)
{
    struct thing *t = thing(o, value);
    struct canal *c = &o->canals[canal];
    MUST((int)t->channel == canal, "%" PRId64 " was sent to channel %" PRIu32 " and came out of %d", value,
         t->channel, canal);
    MUST(!c->removed, "%" PRId64 " came out of a removed channel", value);
    MUST(t->fate == OFFERED || t->fate == IN || t->fate == BACK || t->fate == DOUBT,
         "%" PRId64 " came with fate %d", value, t->fate);
    if (t->fate == BACK)
        deliver_again(o, c, value);
    else
        deliver_fresh(o, c, value);
    t->deliveries++;
    MUST(t->deliveries == deliveries, "%" PRId64 ": delivery %" PRIu32 ", but it says %" PRIu32, value,
         t->deliveries, deliveries);
    t->fate = OUT;
}

void oracle_lend(struct oracle *o, int64_t value, uint64_t lease, uint32_t holder, int64_t due_ns)
{
    if (value >= 0) {
        struct thing *t = thing(o, value);
        t->fate = LEASED;
        o->canals[t->channel].leased++;
    }
    o->loans = more_room(o->loans, o->loans_count, &o->loans_size, sizeof *o->loans);
    o->loans[o->loans_count++] = (struct loan){lease, (uint32_t)value, holder, due_ns};
}

static void put_back(struct oracle *o, struct thing *t)
{
    struct canal *c = &o->canals[t->channel];
    if (c->removed) {
        t->fate = GONE;
        return;
    }
    t->fate = BACK;
    t->back_step = o->step;
    c->in++;
}

void oracle_undo(struct oracle *o, int64_t value)
{
    struct thing *t = thing(o, value);
    MUST(t->fate == OUT, "%" PRId64 " undone with fate %d", value, t->fate);
    t->deliveries--;
    put_back(o, t);
}

void oracle_undo_soon(struct oracle *o, int64_t value, uint64_t reply)
{
    struct thing *t = thing(o, value);
    MUST(t->fate == OUT, "%" PRId64 " undone with fate %d", value, t->fate);
    t->deliveries--;
    t->fate = DOUBT;
    t->loose = true;
    t->returning = reply;
    o->canals[t->channel].doubts++;
}

void oracle_undo_now(struct oracle *o, int64_t value, uint64_t reply)
{
    struct thing *t = thing(o, value);
    if (t->fate != DOUBT || t->returning != reply)
        return; /* it came back and went out again already */
    t->returning = 0;
    o->canals[t->channel].doubts--;
    put_back(o, t);
}

/* A lease ended without an acknowledgement. */
static void give_back(struct oracle *o, struct thing *t)
{
    const struct canal *c = &o->canals[t->channel];
    bool spent = c->deliveries_max > 0 && t->deliveries >= c->deliveries_max;
    if (!spent || c->dead < 0 || o->canals[c->dead].closed || o->canals[c->dead].removed) {
        put_back(o, t);
        return;
    }
    t->channel = (uint32_t)c->dead;
    t->loose = true;
    t->deliveries = 0;
    t->fate = IN;
    o->canals[t->channel].in++;
}

static void loan_end(struct oracle *o, size_t i, bool back)
{
    struct thing *t = o->loans[i].thing == UINT32_MAX ? NULL : &o->things[o->loans[i].thing];
    memmove(&o->loans[i], &o->loans[i + 1], (o->loans_count - i - 1) * sizeof *o->loans);
    o->loans_count--;
    if (!t)
        return;
    MUST(t->fate == LEASED, "lent with fate %d", t->fate);
    o->canals[t->channel].leased--;
    if (back)
        give_back(o, t);
    else
        t->fate = GONE;
}

static size_t loan_of(const struct oracle *o, uint64_t lease, uint32_t holder)
{
    size_t i = 0;
    while (i < o->loans_count && (o->loans[i].lease != lease || o->loans[i].holder != holder))
        i++;
    return i;
}

bool oracle_ack(struct oracle *o, uint64_t lease, uint32_t holder)
{
    size_t i = loan_of(o, lease, holder);
    if (i == o->loans_count)
        return false;
    loan_end(o, i, false);
    return true;
}

bool oracle_nack(struct oracle *o, uint64_t lease, uint32_t holder)
{
    size_t i = loan_of(o, lease, holder);
    if (i == o->loans_count)
        return false;
    loan_end(o, i, true);
    return true;
}

bool oracle_extend(struct oracle *o, uint64_t lease, uint32_t holder, int64_t due_ns)
{
    size_t i = loan_of(o, lease, holder);
    if (i == o->loans_count)
        return false;
    o->loans[i].due_ns = due_ns;
    return true;
}

void oracle_time(struct oracle *o, int64_t now_ns)
{
    for (size_t i = 0; i < o->loans_count;)
        if (o->loans[i].due_ns <= now_ns)
            loan_end(o, i, true);
        else
            i++;
}

void oracle_death(struct oracle *o, uint32_t holder)
{
    for (size_t i = 0; i < o->loans_count;)
        if (o->loans[i].holder == holder)
            loan_end(o, i, true);
        else
            i++;
    for (size_t i = 0; i < o->canals_count; i++)
        if (o->canals[i].owner == holder)
            o->canals[i].closed = true;
}

bool oracle_empty(const struct oracle *o, int canal)
{
    for (size_t i = 0; o->canals[canal].in > 0 && i < o->things_count; i++) {
        const struct thing *t = &o->things[i];
        if ((int)t->channel == canal && (t->fate == IN || (t->fate == BACK && t->back_step != o->step)))
            return false;
    }
    return true;
}

void oracle_check(const struct oracle *o, int canal, const struct channel_view *v)
{
    const struct canal *c = &o->canals[canal];
    MUST(v->closed == c->closed, "channel %d: closed is %d, not %d", canal, v->closed, c->closed);
    MUST(c->foreign || v->leased == c->leased, "channel %d: %" PRIu64 " leased, not %" PRIu64, canal,
         v->leased, c->leased);
    MUST(v->len >= c->in, "channel %d lost values: it holds %" PRIu64 " of %" PRIu64, canal, v->len, c->in);
    if (!c->foreign && c->doubts == 0 && c->batches == 0)
        MUST(v->len == c->in, "channel %d holds %" PRIu64 " values, not %" PRIu64, canal, v->len, c->in);
}

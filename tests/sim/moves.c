/*
 * moves.c - what actors do (moves.h).
 *
 * Names are few, so that actors meet. Channels c0 to c5 and `dead` carry int64 and are followed by the oracle; `hands` carries handles, and what
 * happens to those is left to engine_audit. Triggers send to c5 alone, because nobody is told when they do.
 */
#include "moves.h"

#include "hold_moves.h"

#include <string.h>

static const char *const channel_names[] = {"c0", "c1", "c2", "c3", "c4", "c5", "dead", "hands"};
static const int64_t channel_caps[] = {0, 2, 0, 5, 1, 3, 3, 2};
static const char *const other_names[] = {"x0", "x1", "x2", "t0", "t1", "k0", "g0", "nobody"};

enum { CHANNEL_NAMES = 8, OTHER_NAMES = 8, C_TRIGGERS = 5, C_DEAD = 6, C_HANDS = 7 };

static uint64_t below(struct sim *s, uint64_t n)
{
    return rng_below(&s->rng, n);
}

static bool chance(struct sim *s, unsigned percent)
{
    return rng_chance(&s->rng, percent);
}

static struct ref named(const char *name)
{
    return (struct ref){.name = name, .name_size = (uint16_t)strlen(name)};
}

/* A name of a channel mostly; now and then a handle, another kind of thing, or nil. */
static struct ref any_ref(struct sim *s, struct actor *a)
{
    uint64_t handle = a->handles[below(s, HANDLES_HELD)];
    if (handle && chance(s, 25))
        return (struct ref){.handle = handle};
    if (chance(s, 2))
        return (struct ref){0};
    if (chance(s, 5))
        return named(other_names[below(s, OTHER_NAMES)]);
    return named(channel_names[below(s, CHANNEL_NAMES)]);
}

static struct ref other_ref(struct sim *s, struct actor *a)
{
    uint64_t handle = a->handles[below(s, HANDLES_HELD)];
    if (handle && chance(s, 40))
        return (struct ref){.handle = handle};
    return named(other_names[below(s, OTHER_NAMES)]);
}

/* ---- Values ---- */

static bool is_hands(const struct ref *ref)
{
    return ref->name_size == 5 && memcmp(ref->name, "hands", 5) == 0;
}

static struct value some_value(struct sim *s, struct actor *a, const struct ref *ref)
{
    struct value v = {.type = VALUE_INT64, .int64 = -1};
    if (is_hands(ref) ? chance(s, 90) : chance(s, 2)) {
        v = (struct value){.type = VALUE_HANDLE};
        v.rights = (uint8_t)(chance(s, 30) ? 1 + below(s, RIGHT_ALL) : 0);
        v.ref = any_ref(s, a);
    } else if (chance(s, 2)) {
        v = (struct value){.type = VALUE_BYTES, .bytes = {"bytes", 5}};
    }
    return v;
}

void fill_values(struct sim *s, struct actor *a, struct case_fact *f, const struct ref *ref,
                 struct value *values, uint32_t count)
{
    f->count = count;
    for (uint32_t i = 0; i < count; i++) {
        values[i] = some_value(s, a, ref);
        if (f->canal < 0)
            continue;
        int64_t value = oracle_offer(&s->oracle, f->canal);
        if (i == 0)
            f->value = value;
        if (values[i].type == VALUE_INT64)
            values[i].int64 = value;
    }
}

/* ---- Waiting ---- */

void fill_waiting(struct sim *s, struct request *r)
{
    struct op *op = &r->op;
    op->no_wait = chance(s, 15);
    if (chance(s, 25)) {
        op->has_timeout = true;
        op->timeout_ns = chance(s, 20) ? 0 : (int64_t)below(s, 100);
    }
    if (chance(s, 8)) {
        op->has_context = true;
        op->context = named(other_names[below(s, 3)]);
    }
}

static int64_t some_lease(struct sim *s)
{
    return chance(s, 40) ? 1 + (int64_t)below(s, 150) : 0;
}

static void move_send(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_SEND;
    r->op.send.ref = any_ref(s, a);
    r->cases = 1;
    r->facts[0].canal = sim_canal(s, a, &r->op.send.ref);
    fill_values(s, a, &r->facts[0], &r->op.send.ref, &r->op.send.value, 1);
    fill_waiting(s, r);
}

static void move_recv(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_RECV;
    r->op.recv.ref = any_ref(s, a);
    r->op.recv.lease_ns = some_lease(s);
    r->cases = 1;
    r->facts[0] =
        (struct case_fact){.canal = sim_canal(s, a, &r->op.recv.ref), .lease_ns = r->op.recv.lease_ns};
    fill_waiting(s, r);
}

static void move_send_many(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_SEND_MANY;
    r->op.send_many.ref = any_ref(s, a);
    r->op.send_many.values = r->values;
    r->op.send_many.count = 1 + (uint32_t)below(s, BATCH_MAX);
    r->cases = 1;
    r->facts[0].canal = sim_canal(s, a, &r->op.send_many.ref);
    fill_values(s, a, &r->facts[0], &r->op.send_many.ref, r->values, r->op.send_many.count);
    fill_waiting(s, r);
}

static void move_recv_many(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_RECV_MANY;
    r->op.recv_many.ref = any_ref(s, a);
    r->op.recv_many.max = 1 + (uint32_t)below(s, BATCH_MAX);
    r->op.recv_many.lease_ns = some_lease(s);
    r->cases = 1;
    r->facts[0] = (struct case_fact){.canal = sim_canal(s, a, &r->op.recv_many.ref),
                                     .lease_ns = r->op.recv_many.lease_ns};
    fill_waiting(s, r);
}

static void fill_case(struct sim *s, struct actor *a, struct request *r, uint32_t i)
{
    struct arm_spec *arm = &r->arms[i];
    struct case_fact *f = &r->facts[i];
    uint64_t kind = below(s, 100);
    *arm = (struct arm_spec){0};
    f->canal = -1;
    if (kind < 8) {
        arm->verb = ARM_AFTER;
        arm->delay_ns = (int64_t)below(s, 100) - 5;
    } else if (kind < 10) {
        arm->verb = ARM_DEFAULT;
    } else if (kind < 11) {
        arm->verb = ARM_NONE;
    } else if (kind < 40) {
        fill_hold_case(s, a, arm, f);
    } else {
        arm->ref = kind < 50 ? other_ref(s, a) : any_ref(s, a);
        f->canal = sim_canal(s, a, &arm->ref);
        if (kind % 2) {
            arm->verb = ARM_SEND;
            fill_values(s, a, f, &arm->ref, &arm->value, 1);
        } else {
            arm->verb = ARM_RECV;
            f->lease_ns = arm->lease_ns = some_lease(s);
        }
    }
}

static void move_select(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_SELECT;
    r->cases = (uint32_t)below(s, CASES_MAX + 1);
    r->op.select.arms = r->arms;
    r->op.select.count = r->cases;
    for (uint32_t i = 0; i < r->cases; i++)
        fill_case(s, a, r, i);
    if (r->cases > 1 && r->facts[1].verb != ARM_NONE && r->arms[0].verb != ARM_SEND && chance(s, 25)) {
        r->arms[0] = r->arms[1];
        r->facts[0] = r->facts[1];
    }
    if (r->cases > 1 && r->arms[0].verb == ARM_RECV && chance(s, 15)) { /* the same channel twice */
        r->arms[0].ref = r->arms[1].ref;
        r->facts[0].canal = r->facts[1].canal;
    }
    fill_waiting(s, r);
}

/* ---- Leases ---- */

static void move_leases(struct sim *s, struct actor *a, struct request *r)
{
    static const enum op_code codes[] = {OP_ACK, OP_ACK, OP_NACK, OP_NACK, OP_EXTEND};
    r->op.code = codes[below(s, 5)];
    r->op.lease.leases = r->leases;
    r->op.lease.count = (uint32_t)below(s, 4);
    r->op.lease.duration_ns = 1 + (int64_t)below(s, 100);
    for (uint32_t i = 0; i < r->op.lease.count; i++) {
        uint64_t *held = &a->leases[below(s, LEASES_HELD)];
        r->leases[i] = *held && !chance(s, 5) ? *held : below(s, 1000);
        if (r->op.code != OP_EXTEND)
            *held = 0;
    }
}

/* ---- Objects ---- */

static void fill_lifetime(struct sim *s, struct actor *a, struct request *r, bool ephemeral)
{
    struct make_op *m = &r->op.make;
    if (ephemeral) {
        m->lifetime = LIFE_EPHEMERAL;
        const struct actor *owner = chance(s, 50) ? a : &s->actors[below(s, ACTORS)];
        m->owner = owner == a ? 0 : owner->number;
        r->made.owner = m->owner ? owner->life : a->life;
    } else if (m->kind != KIND_CHANNEL && m->name.name_size && chance(s, 30)) {
        m->lifetime = LIFE_DETACHED;
    }
    if (chance(s, 10))
        m->rights = (uint8_t)(1 + below(s, RIGHT_ALL));
    m->exclusive = chance(s, 5);
}

static void move_channel(struct sim *s, struct actor *a, struct request *r)
{
    struct make_op *m = &r->op.make;
    uint64_t which = below(s, CHANNEL_NAMES);
    r->op.code = OP_MAKE;
    m->kind = KIND_CHANNEL;
    if (chance(s, 80))
        m->name = named(channel_names[which]);
    m->channel.cap = chance(s, 1) ? -1 : channel_caps[which];
    m->channel.type = which == C_HANDS ? VALUE_HANDLE : VALUE_INT64;
    r->made.dead = -1;
    if (which == 1 || which == 3) {
        struct ref dead = named("dead");
        r->made.dead = sim_canal(s, a, &dead);
        if (r->made.dead >= 0)
            m->channel.dead_letter = dead;
        m->channel.deliveries_max = r->made.deliveries_max = 2;
    }
    fill_lifetime(s, a, r, which != C_DEAD && chance(s, 20));
}

static void move_context(struct sim *s, struct actor *a, struct request *r)
{
    struct make_op *m = &r->op.make;
    struct context_spec *c = &m->context;
    r->op.code = OP_MAKE;
    m->kind = KIND_CONTEXT;
    if (chance(s, 70))
        m->name = named(other_names[below(s, 3)]);
    c->root = chance(s, 5) ? ROOT_BACKGROUND : chance(s, 3) ? ROOT_TODO : ROOT_NONE;
    c->has_parent = chance(s, 60);
    c->parent = c->has_parent ? other_ref(s, a) : (struct ref){0};
    c->without_cancel = chance(s, 10);
    c->cancelable = chance(s, 60);
    c->has_timeout = chance(s, 40);
    c->timeout_ns = (int64_t)below(s, 120) - 10;
    c->has_deadline = chance(s, 10);
    c->deadline_ns = s->now_ns + (int64_t)below(s, 120) - 10;
    if (chance(s, 30))
        c->cause = (struct bytes){"too late", 8};
    if (chance(s, 30)) {
        struct value v = {.type = VALUE_BYTES, .bytes = {"value", 5}};
        r->entry = (struct context_value){{"s", 1}, {"t", 1}, {"n", (size_t)below(s, 20) > 0}, v};
        c->values = &r->entry;
        c->values_count = 1;
    }
    fill_lifetime(s, a, r, chance(s, 10));
}

static void move_timer(struct sim *s, struct actor *a, struct request *r)
{
    struct make_op *m = &r->op.make;
    r->op.code = OP_MAKE;
    m->kind = chance(s, 50) ? KIND_TIMER : KIND_TICKER;
    if (chance(s, 60))
        m->name = named(m->kind == KIND_TICKER ? "k0" : chance(s, 50) ? "t0" : "t1");
    m->timer.delay_ns = chance(s, 5) ? INT64_MAX : (int64_t)below(s, 100) - 5;
    m->timer.period_ns = chance(s, 5) ? INT64_MAX : (int64_t)below(s, 40) - 1;
    fill_lifetime(s, a, r, chance(s, 10));
}

static void move_trigger(struct sim *s, struct actor *a, struct request *r)
{
    struct make_op *m = &r->op.make;
    r->op.code = OP_MAKE;
    m->kind = KIND_TRIGGER;
    if (chance(s, 30))
        m->name = named("g0");
    if (chance(s, 50))
        m->trigger.context = other_ref(s, a);
    m->trigger.delay_ns = (int64_t)below(s, 80) - 5;
    m->trigger.channel = named(channel_names[chance(s, 90) ? C_TRIGGERS : C_HANDS]);
    m->trigger.value = (struct value){.type = VALUE_INT64, .int64 = -2};
    int canal = sim_canal(s, a, &m->trigger.channel);
    if (canal >= 0)
        s->oracle.canals[canal].foreign = true;
    fill_lifetime(s, a, r, chance(s, 10));
}

static void move_make_holdable(struct sim *s, struct actor *a, struct request *r)
{
    move_holdable(s, r);
    fill_lifetime(s, a, r, chance(s, 10));
}

static void move_handle(struct sim *s, struct actor *a, struct request *r)
{
    uint64_t *held = &a->handles[below(s, HANDLES_HELD)];
    r->op.code = chance(s, 40) ? OP_DROP : chance(s, 50) ? OP_OPEN : OP_DUP;
    if (r->op.code == OP_DROP) {
        r->op.drop.handle = *held ? *held : below(s, 20);
        *held = 0;
        return;
    }
    r->op.open.ref = chance(s, 50) ? any_ref(s, a) : other_ref(s, a);
    r->op.open.rights = (uint8_t)(chance(s, 40) ? 1 + below(s, RIGHT_ALL) : 0);
    r->op.open.has_kind = chance(s, 10);
    r->op.open.kind = (enum kind_code)(1 + below(s, KIND_COUNT - 1));
}

static void move_close(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_CLOSE;
    r->op.close.ref = any_ref(s, a);
    r->cases = 1;
    r->facts[0].canal = sim_canal(s, a, &r->op.close.ref);
}

static void move_remove(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_REMOVE;
    r->op.remove.ref = chance(s, 60) ? any_ref(s, a) : other_ref(s, a);
    if (chance(s, 40))
        r->op.remove.ref = holdable_ref(s);
    r->cases = 1;
    r->facts[0].canal = sim_canal(s, a, &r->op.remove.ref);
    r->facts[0].serial = sim_serial(s, a, &r->op.remove.ref);
}

/* STOP, RESET, CONTEXT_CANCEL, CONTEXT_VALUE. */
static void move_other(struct sim *s, struct actor *a, struct request *r)
{
    static const enum op_code codes[] = {OP_STOP, OP_RESET, OP_CONTEXT_CANCEL, OP_CONTEXT_VALUE};
    struct ref ref = other_ref(s, a);
    r->op.code = codes[below(s, 4)];
    switch (r->op.code) {
    case OP_STOP: r->op.stop.ref = ref; break;
    case OP_RESET:
        r->op.reset.ref = ref;
        r->op.reset.duration_ns = (int64_t)below(s, 100) - 5;
        break;
    case OP_CONTEXT_CANCEL:
        r->op.context_cancel.ref = ref;
        if (chance(s, 50))
            r->op.context_cancel.cause = (struct bytes){"why", 3};
        break;
    default:
        r->op.context_value.ref = ref;
        r->op.context_value.space = (struct bytes){"s", 1};
        r->op.context_value.type = (struct bytes){"t", 1};
        r->op.context_value.name = (struct bytes){"n", 1};
        break;
    }
}

/* ---- Sessions ---- */

static void move_cancel(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_CANCEL;
    r->op.cancel.seq = a->slots[below(s, SLOTS)].op.seq;
    if (chance(s, 5))
        r->op.cancel.seq = below(s, 50);
}

static void move_quiesce(struct sim *s, struct actor *a, struct request *r)
{
    (void)a;
    r->op.code = OP_QUIESCE;
    r->op.quiesce.parked_min = below(s, 10);
    fill_waiting(s, r);
}

/* PING that acknowledges some of what is finished. */
static void move_ack_replies(struct sim *s, struct actor *a, struct request *r)
{
    r->op.code = OP_PING;
    r->op.acked = r->acked;
    for (int i = 0; i < SLOTS; i++) {
        struct request *old = &a->slots[i];
        if (old == r || !old->used || !old->finished || old->op.seq == 0 || !chance(s, 70))
            continue;
        r->acked[r->op.acked_count++] = old->op.seq;
        old->used = false;
    }
}

static void move_bye(struct sim *s, struct actor *a, struct request *r)
{
    (void)s;
    (void)a;
    r->op.code = OP_BYE;
}

static const struct move {
    unsigned weight;
    void (*fill)(struct sim *s, struct actor *a, struct request *r);
} moves[] = {
    {260, move_send},         {240, move_recv},   {160, move_select},     {70, move_send_many},
    {70, move_recv_many},     {110, move_leases}, {50, move_channel},     {40, move_context},
    {30, move_timer},         {12, move_trigger}, {40, move_handle},      {8, move_close},
    {8, move_remove},         {50, move_other},   {30, move_cancel},      {10, move_quiesce},
    {60, move_ack_replies},   {1, move_bye},      {150, move_lock},       {150, move_unlock},
    {70, move_acquire},       {60, move_release}, {60, move_begin},       {40, move_end},
    {70, move_wait},          {80, move_add},     {80, move_update},      {25, move_adopt},
    {80, move_make_holdable}, {60, move_take},    {60, move_acquire_all}, {70, move_cond_wait},
    {60, move_signal},        {20, move_reserve}, {15, move_refund},      {12, move_tune},
    {15, move_forget},        {60, move_fenced},  {30, move_exchange},
};

static void ask_something(struct sim *s, struct actor *a)
{
    unsigned total = 0;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        total += moves[i].weight;
    uint64_t at = below(s, total);
    size_t which = 0;
    while (at >= moves[which].weight)
        at -= moves[which++].weight;
    struct request *r = actor_slot(a);
    if (!r)
        return;
    void (*fill)(struct sim *, struct actor *, struct request *) = moves[which].fill;
    if (s->missing > 2) { /* so that most of what is asked for is there */
        s->missing = 0;
        fill = chance(s, 50) ? move_channel : move_make_holdable;
    } else if (s->ended > 20) {
        s->ended = 0;
        fill = move_remove;
    }
    fill(s, a, r);
    if (chance(s, 4))
        engine_fail_allocation(s->engine, 1 + below(s, 5));
    sim_ask(s, a, r, !chance(s, 15));
}

/* Give up what came beyond what an actor holds. */
static void drop_surplus(struct sim *s, struct actor *a)
{
    struct request *r = actor_slot(a);
    if (!r)
        return;
    r->op.code = OP_DROP;
    r->op.drop.handle = a->surplus[--a->surplus_count];
    sim_ask(s, a, r, false);
}

static uint32_t free_slots(const struct actor *a)
{
    uint32_t n = 0;
    for (int i = 0; i < SLOTS; i++)
        n += !a->slots[i].used;
    return n;
}

/* Most of what it could ask for is under way or not acknowledged: make room. */
static void make_room(struct sim *s, struct actor *a)
{
    struct request *r = actor_slot(a);
    if (chance(s, 30))
        move_ack_replies(s, a, r);
    else
        move_cancel(s, a, r);
    sim_ask(s, a, r, false);
}

static void repeat_something(struct sim *s, struct actor *a)
{
    struct request *r = &a->slots[below(s, SLOTS)];
    if (r->used && r->op.seq != 0)
        sim_repeat(s, a, r);
}

static void pass_time(struct sim *s)
{
    int64_t next_ns = engine_next_deadline(s->engine), to_ns = s->now_ns + (int64_t)below(s, 30);
    s->now_ns = next_ns < to_ns && next_ns > s->now_ns && chance(s, 80) ? next_ns : to_ns;
    if (chance(s, 1))
        s->now_ns += 400;
    sim_event(s, &(struct op){.code = OP_TICK});
    if (next_ns <= s->now_ns)
        MUST(engine_next_deadline(s->engine) > s->now_ns, "a deadline is still due");
}

/* Some of the last replies were never written; then the connection goes. */
static void lose_connection(struct sim *s, struct actor *a)
{
    for (int i = 0; i < SLOTS; i++) {
        struct request *r = &a->slots[i];
        if (!r->used || !r->finished || r->undelivered || !chance(s, 30))
            continue;
        sim_event(
            s, &(struct op){.code = OP_UNDELIVERED, .session = a->number, .undelivered.route = r->op.route});
    }
    a->connections--;
    sim_event(s, &(struct op){.code = OP_DETACH, .session = a->number});
}

static void all_written(struct sim *s, struct actor *a)
{
    sim_event(s, &(struct op){.code = OP_WRITTEN, .session = a->number});
}

static void attach(struct sim *s, struct actor *a)
{
    a->connections++;
    sim_event(s, &(struct op){.code = OP_ATTACH, .session = a->number});
}

/* Somebody who is connected does something. */
static void act(struct sim *s, struct actor *a)
{
    uint64_t what = below(s, 1000);
    uint32_t room = free_slots(a);
    if (a->surplus_count > 0)
        drop_surplus(s, a);
    else if (room == 0 || what < 7)
        lose_connection(s, a);
    else if (room < 10)
        make_room(s, a);
    else if (what < 70)
        repeat_something(s, a);
    else if (what < 90)
        all_written(s, a);
    else if (what < 93 && a->connections < 3)
        attach(s, a);
    else
        ask_something(s, a);
}

void sim_move(struct sim *s)
{
    struct actor *a = &s->actors[below(s, ACTORS)];
    if (chance(s, 12))
        pass_time(s);
    else if (!a->alive)
        sim_hello(s, a);
    else if (a->connections > 0)
        act(s, a);
    else if (chance(s, 30))
        attach(s, a);
}

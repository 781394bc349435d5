/*
 * fill.c - an operation from the words of a command (fill.h).
 *
 * One function an operation, in a table by op_code. Arrays (values, arms, leases) are taken from the command's arena and live as long as it.
 * Fillers of the kinds that are held, gathered at, limited, called or run stand in fill_hold.c, fill_group.c, fill_limit.c, fill_actor.c and
 * fill_pool.c.
 */
#include "fill.h"

#include <stdlib.h>
#include <string.h>

#include "filling.h"
#include "world.h"

static void fill_hello(struct filling *f)
{
    struct hello_op *h = &f->op->hello;
    *h = (struct hello_op){.uid = 1000, .gid = 1000, .pid = f->letter, .tasks = 1, .name = {"trace", 5}};
    memset(h->id, f->letter, SESSION_ID_SIZE);
    while (more(f)) {
        char *text, *at = word(f);
        if ((text = option(at, "resume")))
            h->resume_ns = parse_duration(text);
        else if ((text = option(at, "lease")))
            h->lease_ns = parse_duration(text);
        else if ((text = option(at, "tasks")))
            h->tasks = (uint32_t)parse_number(text);
        else if ((text = option(at, "uid")))
            h->uid = (uint32_t)parse_number(text);
        else if ((text = option(at, "id")))
            memset(h->id, *text, SESSION_ID_SIZE);
        else if (strcmp(at, "attached") == 0)
            h->attached = true;
        else if (strcmp(at, "observer") == 0)
            h->observer = true;
        else if (strcmp(at, "anonymous") == 0)
            h->anonymous = true;
        else
            bad("hello does not know %s", at);
    }
}

static void fill_channel(struct filling *f, char *at)
{
    struct channel_spec *c = &f->op->make.channel;
    char *text;
    if ((text = option(at, "cap")))
        c->cap = strtoll(text, NULL, 10);
    else if ((text = option(at, "deliveries")))
        c->deliveries_max = (uint32_t)parse_number(text);
    else if ((text = option(at, "dead")))
        c->dead_letter = parse_ref(f->w, text);
    else if (strcmp(at, "fenced") == 0)
        c->fenced = true;
    else if (strcmp(at, "ordered") == 0)
        c->ordered = true;
    else if ((text = option(at, "type"))) {
        for (int t = 1; t < VALUE_COUNT; t++)
            if (strcmp(type_name((enum value_type)t), text) == 0)
                c->type = (enum value_type)t;
        if (!c->type)
            bad("no type %s", text);
    } else
        bad("a channel has no %s", at);
}

/* SPACE/TYPE/NAME */
static void key(char *text, struct bytes *space, struct bytes *type, struct bytes *name)
{
    struct bytes *parts[] = {space, type, name};
    for (int i = 0; i < 3; i++) {
        size_t size = strcspn(text, "/");
        *parts[i] = (struct bytes){text, size};
        text += size;
        if (i < 2 && *text++ != '/')
            bad("a key is SPACE/TYPE/NAME");
    }
}

/* key:value */
static void fill_context_value(struct filling *f, char *text)
{
    struct context_spec *c = &f->op->make.context;
    struct context_value *values = arena_get((c->values_count + 1) * sizeof *values);
    struct context_value *v = &values[c->values_count];
    char *colon = strchr(text, ':');
    if (!colon)
        bad("a context value is KEY:VALUE");
    *colon = 0;
    if (c->values_count)
        memcpy(values, c->values, c->values_count * sizeof *values);
    key(text, &v->space, &v->type, &v->name);
    v->value = parse_value(f->w, colon + 1);
    c->values = values;
    c->values_count++;
}

static void fill_context(struct filling *f, char *at)
{
    struct context_spec *c = &f->op->make.context;
    char *text;
    if (strcmp(at, "background") == 0) {
        c->root = ROOT_BACKGROUND;
    } else if (strcmp(at, "todo") == 0) {
        c->root = ROOT_TODO;
    } else if (strcmp(at, "cancelable") == 0) {
        c->cancelable = true;
    } else if (strcmp(at, "without_cancel") == 0) {
        c->without_cancel = true;
    } else if ((text = option(at, "parent"))) {
        c->has_parent = true;
        c->parent = parse_ref(f->w, text);
    } else if ((text = option(at, "timeout"))) {
        c->has_timeout = true;
        c->timeout_ns = parse_duration(text);
    } else if ((text = option(at, "deadline"))) {
        c->has_deadline = true;
        c->deadline_ns = parse_duration(*text == '@' ? text + 1 : text);
    } else if ((text = option(at, "cause"))) {
        c->cause = parse_quoted(text);
    } else if ((text = option(at, "value"))) {
        fill_context_value(f, text);
    } else {
        bad("a context has no %s", at);
    }
}

static void fill_timer(struct filling *f, char *at)
{
    struct timer_spec *t = &f->op->make.timer;
    char *text;
    if ((text = option(at, "delay")))
        t->delay_ns = parse_duration(text);
    else if ((text = option(at, "period")))
        t->period_ns = parse_duration(text);
    else
        bad("a timer has no %s", at);
}

static void fill_trigger(struct filling *f, char *at)
{
    struct trigger_spec *t = &f->op->make.trigger;
    char *text;
    if ((text = option(at, "context")))
        t->context = parse_ref(f->w, text);
    else if ((text = option(at, "delay")))
        t->delay_ns = parse_duration(text);
    else if ((text = option(at, "to")))
        t->channel = parse_ref(f->w, text);
    else if ((text = option(at, "send")))
        t->value = parse_value(f->w, text);
    else
        bad("a trigger has no %s", at);
}

/* The words of make that every kind takes. */
static bool fill_make_common(struct filling *f, char *at)
{
    struct make_op *m = &f->op->make;
    char *text;
    if (strcmp(at, "exclusive") == 0) {
        m->exclusive = true;
    } else if (strcmp(at, "ephemeral") == 0) {
        m->lifetime = LIFE_EPHEMERAL;
    } else if (strcmp(at, "detached") == 0) {
        m->lifetime = LIFE_DETACHED;
    } else if ((text = option(at, "rights"))) {
        m->rights = parse_rights(text);
    } else if ((text = option(at, "owner"))) {
        m->owner = world_party(f->w, *text, true)->number;
    } else {
        return false;
    }
    return true;
}

static enum kind_code kind_by_name(const char *name)
{
    for (int k = 1; k < KIND_COUNT; k++)
        if (strcmp(kind_name((enum kind_code)k), name) == 0)
            return (enum kind_code)k;
    bad("no kind %s", name);
}

/* A word of make that the kind takes. */
static void fill_kind(struct filling *f, char *at)
{
    switch (f->op->make.kind) {
    case KIND_CHANNEL: fill_channel(f, at); break;
    case KIND_CONTEXT: fill_context(f, at); break;
    case KIND_TIMER:
    case KIND_TICKER: fill_timer(f, at); break;
    case KIND_TRIGGER: fill_trigger(f, at); break;
    case KIND_SEMAPHORE: fill_semaphore(f, at); break;
    case KIND_COUNTER: fill_counter(f, at); break;
    case KIND_ONCE: fill_once(f, at); break;
    case KIND_BARRIER: fill_barrier(f, at); break;
    case KIND_GROUP: fill_group(f, at); break;
    case KIND_FLIGHT: fill_flight(f, at); break;
    case KIND_LIMITER: fill_limiter(f, at); break;
    case KIND_CELL: fill_cell(f, at); break;
    case KIND_ACTOR: fill_actor(f, at); break;
    case KIND_POOL: fill_pool(f, at); break;
    default: bad("a %s takes no %s", kind_name(f->op->make.kind), at);
    }
}

/* make KIND [NAME] [key=value...]: a second word without '=' that is no flag is the name. */
static void fill_make(struct filling *f)
{
    static const char *const flags[] = {"exclusive",  "ephemeral",      "detached", "background", "todo",
                                        "cancelable", "without_cancel", "fenced",   "poison",     "ordered",
                                        "fail"};
    struct make_op *m = &f->op->make;
    m->kind = kind_by_name(word(f));
    if (m->kind == KIND_GROUP)
        m->group.limit = -1;
    if (m->kind == KIND_POOL)
        m->pool.limit = m->pool.capacity = -1;
    bool named = more(f) && !strchr(peek(f), '=');
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        named = named && strcmp(peek(f), flags[i]) != 0;
    if (named)
        m->name = ref(f);
    while (more(f)) {
        char *at = word(f);
        if (fill_make_common(f, at))
            continue;
        fill_kind(f, at);
    }
}

static void fill_open(struct filling *f)
{
    f->op->open.ref = ref(f);
    while (more(f)) {
        char *text, *at = word(f);
        if ((text = option(at, "rights"))) {
            f->op->open.rights = parse_rights(text);
        } else if ((text = option(at, "kind"))) {
            f->op->open.has_kind = true;
            f->op->open.kind = kind_by_name(text);
        } else {
            bad("open does not know %s", at);
        }
    }
}

uint64_t fence_option(struct filling *f)
{
    char *text = more(f) ? option(peek(f), "fence") : NULL;
    if (!text)
        return 0;
    f->next++;
    return parse_token(f->w, text);
}

/* REMOVE, STOP */
static void fill_ref(struct filling *f)
{
    f->op->stop.ref = ref(f);
}

static void fill_close(struct filling *f)
{
    f->op->close.ref = ref(f);
    f->op->close.fence = fence_option(f);
}

static void fill_drop(struct filling *f)
{
    f->op->drop.handle = ref(f).handle;
}

static void fill_nothing(struct filling *f)
{
    (void)f;
}

static void fill_cancel(struct filling *f)
{
    f->op->cancel.seq = parse_number(word(f));
}

static void fill_send(struct filling *f)
{
    f->op->send.ref = ref(f);
    f->op->send.value = parse_value(f->w, word(f));
    char *text = more(f) ? option(peek(f), "rank") : NULL;
    if (text) {
        f->op->send.rank = parse_integer(text);
        f->next++;
    }
    f->op->send.fence = fence_option(f);
}

static int64_t lease_option(struct filling *f)
{
    char *text = more(f) ? option(peek(f), "lease") : NULL;
    if (!text)
        return 0;
    f->next++;
    return parse_duration(text);
}

static void fill_recv(struct filling *f)
{
    f->op->recv.ref = ref(f);
    f->op->recv.lease_ns = lease_option(f);
    f->op->recv.fence = fence_option(f);
}

/* Each value may be followed by "rank=3"; none is: they go without ranks. */
static void fill_send_many(struct filling *f)
{
    struct value *values = arena_get(f->words.count * sizeof *values);
    int64_t *ranks = arena_get(f->words.count * sizeof *ranks);
    f->op->send_many.ref = ref(f);
    f->op->send_many.values = values;
    f->op->send_many.fence = fence_option(f);
    while (more(f)) {
        char *at = word(f), *text = option(at, "rank");
        if (text && f->op->send_many.count > 0) {
            ranks[f->op->send_many.count - 1] = parse_integer(text);
            f->op->send_many.ranks = ranks;
        } else {
            values[f->op->send_many.count++] = parse_value(f->w, at);
        }
    }
}

static void fill_recv_many(struct filling *f)
{
    char *text;
    f->op->recv_many.ref = ref(f);
    f->op->recv_many.max = BATCH_ITEMS_MAX;
    if (more(f) && (text = option(peek(f), "max"))) {
        f->op->recv_many.max = (uint32_t)parse_number(text);
        f->next++;
    }
    f->op->recv_many.lease_ns = lease_option(f);
    f->op->recv_many.fence = fence_option(f);
}

/* verb [ref [value]] [lease=] [x1000], up to "|" */
static struct arm_spec fill_arm(struct filling *f, size_t *ret_times)
{
    struct arm_spec a = {0};
    const char *verb = word(f);
    for (int v = 1; v < ARM_COUNT; v++)
        if (strcmp(arm_name((enum arm_verb)v), verb) == 0)
            a.verb = (enum arm_verb)v;
    if (!a.verb && strcmp(verb, "none") != 0)
        bad("no arm %s", verb);
    *ret_times = 1;
    for (int n = 0; more(f) && strcmp(peek(f), "|") != 0;) {
        char *text, *at = word(f);
        if (fill_actor_arm(f, &a, at, n) || fill_pool_arm(f, &a, at, n) || fill_hold_arm(f, &a, at, n) ||
            fill_cond_arm(f, &a, at, n)) {
            n++;
            continue;
        }
        if ((text = option(at, "lease")))
            a.lease_ns = parse_duration(text);
        else if ((text = option(at, "fence")))
            a.token = parse_token(f->w, text);
        else if ((text = option(at, "rank")))
            a.rank = parse_integer(text);
        else if (at[0] == 'x' && strspn(at + 1, "0123456789") == strlen(at + 1) && at[1])
            *ret_times = parse_number(at + 1);
        else if (a.verb == ARM_AFTER)
            a.delay_ns = parse_duration(at);
        else if (n++ == 0)
            a.ref = parse_ref(f->w, at);
        else
            a.value = parse_value(f->w, at);
    }
    return a;
}

const struct arm_spec *fill_arms(struct filling *f, uint32_t *ret_count)
{
    struct arm_spec *arms = NULL;
    size_t count = 0, times;
    while (more(f)) {
        struct arm_spec a = fill_arm(f, &times);
        struct arm_spec *grown = arena_get((count + times) * sizeof *grown);
        if (count)
            memcpy(grown, arms, count * sizeof *grown);
        for (arms = grown; times > 0; times--)
            arms[count++] = a;
        if (more(f))
            f->next++;
    }
    *ret_count = (uint32_t)count;
    return arms;
}

static void fill_select(struct filling *f)
{
    f->op->select.arms = fill_arms(f, &f->op->select.count);
}

static void fill_leases(struct filling *f)
{
    uint64_t *leases = arena_get((f->words.count + 1) * sizeof *leases);
    f->op->lease.leases = leases;
    while (more(f)) {
        char *at = word(f), *text = option(at, "for");
        if (text)
            f->op->lease.duration_ns = parse_duration(text);
        else
            leases[f->op->lease.count++] = parse_ref(f->w, at).handle;
    }
}

static void fill_context_cancel(struct filling *f)
{
    char *text;
    f->op->context_cancel.ref = ref(f);
    if (more(f) && (text = option(word(f), "cause")))
        f->op->context_cancel.cause = parse_quoted(text);
}

static void fill_lookup(struct filling *f)
{
    f->op->context_value.ref = ref(f);
    key(word(f), &f->op->context_value.space, &f->op->context_value.type, &f->op->context_value.name);
}

static void fill_reset(struct filling *f)
{
    f->op->reset.ref = ref(f);
    f->op->reset.duration_ns = parse_duration(word(f));
}

static void fill_quiesce(struct filling *f)
{
    char *text = more(f) ? option(word(f), "parked") : NULL;
    f->op->quiesce.parked_min = text ? parse_number(text) : 0;
}

static void (*const fillers[OP_COUNT])(struct filling *f) = {
    [OP_HELLO] = fill_hello,
    [OP_BYE] = fill_nothing,
    [OP_PING] = fill_nothing,
    [OP_CANCEL] = fill_cancel,
    [OP_MAKE] = fill_make,
    [OP_OPEN] = fill_open,
    [OP_DUP] = fill_open,
    [OP_DROP] = fill_drop,
    [OP_REMOVE] = fill_ref,
    [OP_CLOSE] = fill_close,
    [OP_SEND] = fill_send,
    [OP_RECV] = fill_recv,
    [OP_SELECT] = fill_select,
    [OP_SEND_MANY] = fill_send_many,
    [OP_RECV_MANY] = fill_recv_many,
    [OP_ACK] = fill_leases,
    [OP_NACK] = fill_leases,
    [OP_EXTEND] = fill_leases,
    [OP_STOP] = fill_ref,
    [OP_RESET] = fill_reset,
    [OP_CONTEXT_CANCEL] = fill_context_cancel,
    [OP_CONTEXT_VALUE] = fill_lookup,
    [OP_QUIESCE] = fill_quiesce,
    [OP_LOCK] = fill_lock,
    [OP_UNLOCK] = fill_unlock,
    [OP_ACQUIRE] = fill_acquire,
    [OP_RELEASE] = fill_release,
    [OP_ADOPT] = fill_adopt,
    [OP_WAIT] = fill_wait,
    [OP_ADD] = fill_add,
    [OP_UPDATE] = fill_update,
    [OP_EXCHANGE] = fill_exchange,
    [OP_BEGIN] = fill_begin,
    [OP_END] = fill_end,
    [OP_ACQUIRE_ALL] = fill_acquire_all,
    [OP_COND_WAIT] = fill_cond_wait,
    [OP_SIGNAL] = fill_signal,
    [OP_TAKE] = fill_take,
    [OP_RESERVE] = fill_reserve,
    [OP_REFUND] = fill_refund,
    [OP_TUNE] = fill_tune,
    [OP_FORGET] = fill_forget,
    [OP_CALL] = fill_call,
    [OP_SERVE] = fill_serve,
    [OP_REPLY] = fill_reply,
    [OP_CHECKPOINT] = fill_checkpoint,
    [OP_GO] = fill_go,
    [OP_WORK] = fill_work,
    [OP_PULL] = fill_pull,
    [OP_WATCH] = fill_watch,
    [OP_KILL] = fill_kill,
};

void fill_op(struct world *w, struct op *op, char letter, struct words words)
{
    struct filling f = {.w = w, .op = op, .words = words, .letter = letter};
    if (!fillers[op->code])
        bad("%s is nothing a party says", op_rows[op->code].name);
    fillers[op->code](&f);
    if (more(&f))
        bad("too many words: %s", peek(&f));
}

/*
 * session.c - opening, resuming, hearing from, and the one teardown.
 *
 * HELLO is exactly once by the session's id instead of a number: said again, it finds the session and attaches. All other operations are
 * heard first (their acknowledgements), whatever becomes of them then.
 */
#include "session.h"

#include "handlers.h"

#include <string.h>

#include "call.h"
#include "channel.h"
#include "item.h"
#include "holding.h"
#include "object.h"
#include "state.h"
#include "task.h"
#include "wait.h"

struct session *session_get(const struct engine *e, uint64_t number)
{
    struct slot *slot = slots_get(&e->sessions, number);
    return slot ? slot->pointer : NULL;
}

/* ---- Rest ---- */

void session_settle(struct engine *e, struct session *s)
{
    bool restless = !s->observer && s->connections > 0 && s->quiescing == 0 && s->parked_count < s->tasks;
    if (restless == s->restless)
        return;
    s->restless = restless;
    if (restless)
        e->restless++;
    else
        e->restless--;
}

/* Withdraw what is parked without a trace: all, or only what has no seq. */
static void session_drop_parked(struct engine *e, struct session *s, bool all)
{
    for (struct list_node *n = list_first(&s->parked), *next; n; n = next) {
        next = list_next(&s->parked, n);
        struct call *c = container_of(n, struct call, link);
        if (!all && c->seq)
            continue;
        wait_withdraw(e, c);
        call_free(e, c);
    }
}

/* ---- Opening ---- */

static bool session_equal(const struct hash_node *node, const void *key)
{
    return memcmp(container_of(node, struct session, by_id)->id, key, SESSION_ID_SIZE) == 0;
}

static struct session *session_by_id(const struct engine *e, const uint8_t id[SESSION_ID_SIZE])
{
    struct hash_node *node =
        hash_find(&e->session_ids, hash_bytes(&e->session_ids, id, SESSION_ID_SIZE), session_equal, id);
    return node ? container_of(node, struct session, by_id) : NULL;
}

uint64_t engine_session_find(const struct engine *e, const uint8_t id[SESSION_ID_SIZE])
{
    struct session *s = session_by_id(e, id);
    return s ? s->number : 0;
}

enum status engine_session_check(const struct engine *e, uint64_t session, uint32_t uid)
{
    struct session *s = session_get(e, session);
    if (!s)
        return STATUS_SESSION_GONE;
    return uid == s->uid || uid == 0 ? STATUS_OK : STATUS_SESSION_TAKEN;
}

static struct session *session_alloc(struct engine *e)
{
    if (!slots_reserve(&e->sessions, &e->mem, 1))
        return NULL;
    if (!heap_reserve(&e->deadlines, 1)) {
        slots_release(&e->sessions, 1);
        return NULL;
    }
    struct session *s = mem_alloc(&e->mem, sizeof *s);
    if (!s) {
        slots_release(&e->sessions, 1);
        heap_release(&e->deadlines, 1);
    }
    return s;
}

/* What a HELLO may change of a session, new or resumed. */
static void session_take_wishes(struct engine *e, struct session *s, const struct hello_op *hello)
{
    s->resume_ns = hello->anonymous || hello->resume_ns < 0 ? 0 : hello->resume_ns;
    if (s->resume_ns > e->limits.resume_max_ns)
        s->resume_ns = e->limits.resume_max_ns;
    s->lease_ns = hello->lease_ns > 0 ? hello->lease_ns : 0;
    s->tasks = hello->tasks ? hello->tasks : 1;
    s->within = hello->within;
    s->pid = hello->pid;
}

static struct session *session_new(struct engine *e, const struct hello_op *hello)
{
    struct session *s = session_alloc(e);
    if (!s)
        return NULL;
    list_init(&s->parked);
    list_init(&s->finished);
    list_init(&s->loose);
    list_init(&s->holdings);
    list_init(&s->owned);
    s->anonymous = hello->anonymous;
    s->observer = hello->observer;
    s->uid = hello->uid;
    s->gid = hello->gid;
    s->since_ns = s->heard_ns = e->now_ns;
    s->acked_below = 1;
    assert(hello->name.size <= SESSION_NAME_MAX);
    s->name_size = (uint8_t)hello->name.size;
    if (s->name_size)
        memcpy(s->name, hello->name.data, s->name_size);
    session_take_wishes(e, s, hello);
    s->number = slots_take(&e->sessions, s, 0);
    list_push_back(&e->session_list, &s->all);
    if (!s->anonymous) {
        memcpy(s->id, hello->id, SESSION_ID_SIZE);
        hash_insert(&e->session_ids, &s->by_id, hash_bytes(&e->session_ids, s->id, SESSION_ID_SIZE));
    }
    e->stats.sessions++;
    return s;
}

/* When it ends if nothing more is heard of it. */
static void session_set_due(struct engine *e, struct session *s)
{
    int64_t span_ns = s->connections > 0 ? s->lease_ns : s->resume_ns;
    heap_remove(&e->deadlines, &s->due);
    if (span_ns > 0)
        heap_insert(&e->deadlines, &s->due, engine_after(e, span_ns), DUE_SESSION);
}

static void session_attach(struct engine *e, struct session *s, uint32_t connections)
{
    s->connections += connections;
    s->heard_ns = e->now_ns;
    session_set_due(e, s);
    session_settle(e, s);
}

void op_hello(struct engine *e, struct session *none, const struct op *op)
{
    (void)none;
    const struct hello_op *hello = &op->hello;
    struct session *s = hello->anonymous ? NULL : session_by_id(e, hello->id);
    bool resumed = s != NULL;
    if (s && engine_session_check(e, s->number, hello->uid) != STATUS_OK) {
        call_refuse(e, NULL, op, STATUS_SESSION_TAKEN, NULL);
        return;
    }
    if (!s && e->stats.sessions >= e->limits.sessions_max) {
        call_refuse_limit(e, NULL, op, "sessions_max", e->limits.sessions_max, e->stats.sessions + 1);
        return;
    }
    struct op plain = *op; /* exactly once by its id, not by a seq */
    plain.seq = 0;
    struct call *c = call_new(e, NULL, &plain, 0, 0);
    if (!c)
        return;
    if (!s && !(s = session_new(e, hello))) {
        call_refuse_memory(e, c, op);
        return;
    }
    if (resumed)
        session_take_wishes(e, s, hello);
    session_attach(e, s, hello->attached && resumed ? 0 : 1);
    c->session = s;
    c->result = RESULT_SESSION;
    c->opened.number = s->number;
    c->opened.resumed = resumed;
    call_complete(e, c, STATUS_OK);
}

void op_attach(struct engine *e, struct session *s, const struct op *op)
{
    (void)op;
    session_attach(e, s, 1);
}

void op_detach(struct engine *e, struct session *s, const struct op *op)
{
    (void)op;
    if (s->connections == 0)
        return;
    s->connections--;
    if (s->connections == 0 && s->resume_ns == 0) {
        session_end(e, s);
        return;
    }
    session_reckon(e, s);
    if (s->connections == 0) {
        session_drop_parked(e, s, false);
        session_set_due(e, s);
    }
    session_settle(e, s);
}

void session_due(struct engine *e, struct session *s)
{
    int64_t silent_ns = e->now_ns - s->heard_ns;
    if (s->connections > 0 && silent_ns < s->lease_ns)
        heap_insert(&e->deadlines, &s->due, engine_after(e, s->lease_ns - silent_ns), DUE_SESSION);
    else
        session_end(e, s);
}

/* ---- Hearing ---- */

/*
 * Forget what is acknowledged: mostly the oldest replies. Those that stand behind a younger one, which is not acknowledged, are looked up;
 * but where many numbers have no reply (they were refused, or leapt over) the rest waits for that younger one, so that no leap costs more
 * than what it frees.
 */
static void session_ack_below(struct engine *e, struct session *s, uint64_t below)
{
    enum { MISSES_MAX = 64 };
    if (below <= s->acked_below)
        return;
    uint64_t seq = s->acked_below, left = below - seq;
    s->acked_below = below;
    acks_trim(&s->acks, &e->mem, below);
    for (struct list_node *n; (n = list_first(&s->finished));) {
        struct call *c = container_of(n, struct call, link);
        if (c->seq >= below)
            break;
        left -= c->seq >= seq;
        call_forget(e, c);
    }
    if (left == 0 || list_empty(&s->finished))
        return;
    for (uint32_t misses = 0; seq < below && misses < MISSES_MAX; seq++) {
        struct call *c = call_find(e, s, seq);
        if (c && c->state == CALL_FINISHED)
            call_forget(e, c);
        else
            misses++;
    }
}

static void session_ack_one(struct engine *e, struct session *s, uint64_t seq)
{
    if (seq < s->acked_below)
        return;
    struct call *c = call_find(e, s, seq);
    if ((c && c->state != CALL_FINISHED) || !acks_add(&s->acks, &e->mem, seq))
        return;
    if (seq > s->seq_max)
        s->seq_max = seq;
    if (c)
        call_forget(e, c);
}

void session_hear(struct engine *e, struct session *s, const struct op *op)
{
    s->heard_ns = e->now_ns;
    session_ack_below(e, s, op->acked_below);
    for (uint32_t i = 0; i < op->acked_count; i++)
        session_ack_one(e, s, op->acked[i]);
}

void op_ping(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 0, 0);
    if (c)
        call_complete(e, c, STATUS_OK);
}

/* ---- What was never written ---- */

/* Nobody has the items of this finished call, nor will: they go back as if never handed out. */
static void session_give_back(struct engine *e, struct call *c)
{
    if (c->result == RESULT_JOB && c->source)
        task_unheard(task_of(c->source), call_token(c));
    else if (c->result == RESULT_JOB && c->job.value)
        c->job.value->deliveries--;
    if (c->leased)
        return;
    for (struct list_node *n; (n = list_pop_front(&c->taken));) {
        struct item *item = container_of(n, struct item, link);
        item->deliveries--;
        c->taken_count--;
        e->stats.returned++;
        channel_give_back(e, channel_of(c->source), item);
    }
}

/* Newest first: of several replies on one route it is the latest that were not written. */
static void session_reckon_list(struct engine *e, struct session *s, struct list *l)
{
    for (struct list_node *n = list_last(l), *prev; n; n = prev) {
        prev = list_prev(l, n);
        struct call *c = container_of(n, struct call, link);
        if (list_linked(&c->ready) || !lost_take(&s->lost, c->route))
            continue;
        c->undelivered = true;
        if (c->seq)
            continue;
        session_give_back(e, c);
        call_forget(e, c);
    }
}

void session_reckon(struct engine *e, struct session *s)
{
    if (s->lost.count == 0)
        return;
    session_reckon_list(e, s, &s->loose);
    session_reckon_list(e, s, &s->finished);
    lost_clear(&s->lost);
}

/* Reckoned when there are as many reports as calls to compare them with, or a connection leaves. */
void op_undelivered(struct engine *e, struct session *s, const struct op *op)
{
    uint64_t route = op->undelivered.route;
    if (s->finished_count == 0)
        return;
    if (!lost_add(&s->lost, &e->mem, route)) {
        session_reckon(e, s); /* makes room, if there ever was any */
        (void)lost_add(&s->lost, &e->mem, route);
    }
    if (s->lost.count >= s->finished_count)
        session_reckon(e, s);
}

/* Those that complete in this very step are not among what was written. */
void op_written(struct engine *e, struct session *s, const struct op *op)
{
    (void)op;
    session_reckon(e, s);
    for (struct list_node *n = list_first(&s->loose), *next; n; n = next) {
        next = list_next(&s->loose, n);
        struct call *c = container_of(n, struct call, link);
        if (!list_linked(&c->ready))
            call_forget(e, c);
    }
}

/* ---- The end ---- */

static void session_drop_finished(struct engine *e, struct list *l)
{
    for (struct list_node *n; (n = list_first(l));) {
        struct call *c = container_of(n, struct call, link);
        bool unread = list_linked(&c->ready); /* it was never handed out, and will not be if it gives back */
        if (unread && !c->withheld && !c->leased && c->taken_count > 0)
            list_remove(&c->ready);
        if (unread || c->undelivered)
            session_give_back(e, c);
        call_forget(e, c);
    }
}

static void session_drop_handles(struct engine *e, struct session *s)
{
    for (uint32_t i = 0; i < s->handles.size; i++)
        if (s->handles.table[i].pointer)
            object_unref(e, s->handles.table[i].pointer);
    slots_done(&s->handles, &e->mem);
}

void session_end(struct engine *e, struct session *s)
{
    s->connections = 0;
    session_settle(e, s);
    session_drop_parked(e, s, true);
    session_reckon(e, s);
    session_drop_finished(e, &s->loose);
    session_drop_finished(e, &s->finished);
    for (struct list_node *n; (n = list_first(&s->holdings));)
        holding_lost(e, container_of(n, struct holding, by_session));
    for (struct list_node *n; (n = list_first(&s->owned));)
        object_owner_died(e, container_of(n, struct object, owned));
    session_drop_handles(e, s);
    heap_remove(&e->deadlines, &s->due);
    if (!s->anonymous)
        hash_remove(&e->session_ids, &s->by_id);
    slots_give(&e->sessions, s->number);
    list_remove(&s->all);
    list_push_back(&e->ended, &s->all);
    e->stats.sessions--;
}

void session_free(struct engine *e, struct session *s)
{
    acks_done(&s->acks, &e->mem);
    lost_done(&s->lost, &e->mem);
    heap_release(&e->deadlines, 1);
    mem_free(&e->mem, s, sizeof *s);
}

void op_bye(struct engine *e, struct session *s, const struct op *op)
{
    struct call *c = call_new(e, s, op, 0, 0);
    if (!c)
        return;
    call_complete(e, c, STATUS_OK);
    session_end(e, s);
}

void op_drain(struct engine *e, struct session *none, const struct op *op)
{
    (void)none;
    (void)op;
    list_for_each(n, &e->session_list) {
        struct session *s = container_of(n, struct session, all);
        for (struct list_node *p; (p = list_first(&s->parked));) {
            struct call *c = container_of(p, struct call, link);
            wait_withdraw(e, c);
            call_complete(e, c, STATUS_SHUTTING_DOWN);
        }
    }
}

/* ---- Handles ---- */

bool session_promise_handles(struct engine *e, struct session *s, uint32_t n)
{
    if (s->handles.used + s->handles.reserved + UINT64_C(0) + n > e->limits.handles_max)
        return false;
    return slots_reserve(&s->handles, &e->mem, n);
}

uint64_t session_install(struct session *s, struct object *o, uint8_t rights)
{
    object_ref(o);
    return slots_take(&s->handles, o, rights);
}

void session_refuse_handle(struct engine *e, struct session *s, struct call *c, const struct op *op)
{
    uint64_t use = s->handles.used + s->handles.reserved + UINT64_C(1);
    if (use > e->limits.handles_max)
        call_refuse_limit(e, c, op, "handles_max", e->limits.handles_max, use);
    else
        call_refuse_memory(e, c, op);
}

static void session_audit_calls(const struct engine *e, const struct session *s)
{
    uint32_t parked = 0, finished = 0;
    list_for_each(n, &s->parked) {
        const struct call *c = container_of(n, struct call, link);
        assert(c->session == s);
        wait_audit(e, c);
        parked++;
    }
    list_for_each(n, &s->finished) {
        const struct call *c = container_of(n, struct call, link);
        assert(c->session == s && c->state == CALL_FINISHED && c->kept && c->arms_count == 0);
        assert(c->seq != 0 && c->known && call_find(e, s, c->seq) == c);
        finished++;
    }
    list_for_each(n, &s->loose) {
        const struct call *c = container_of(n, struct call, link);
        assert(c->session == s && c->state == CALL_FINISHED && c->kept && c->seq == 0 &&
               (c->source || c->withheld));
        finished++;
    }
    assert(parked == s->parked_count && finished == s->finished_count);
}

void session_audit(const struct engine *e, const struct session *s)
{
    session_audit_calls(e, s);
    uint32_t holdings = 0;
    list_for_each(n, &s->holdings) {
        const struct holding *h = container_of(n, struct holding, by_session);
        assert(h->session == s);
        holding_audit(e, h);
        holdings++;
    }
    assert(holdings == s->holding_count && session_get(e, s->number) == s);
    list_for_each(n, &s->owned)
        assert(container_of(n, struct object, owned)->owner == s);
    for (uint32_t i = 0; i < s->handles.size; i++)
        assert(!s->handles.table[i].pointer || ((struct object *)s->handles.table[i].pointer)->refs > 0);
    acks_audit(&s->acks);
    assert(s->restless ==
           (!s->observer && s->connections > 0 && s->quiescing == 0 && s->parked_count < s->tasks));
}

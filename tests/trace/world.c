/*
 * world.c - an engine under trace (world.h).
 *
 * Requests and variables are kept in plain lists, newest first: a trace has dozens of them. The starved run lives in one place,
 * world_step, so that every kind of step is starved without knowing it.
 */
#include "world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "show.h"

static void *get(size_t size)
{
    void *p = calloc(1, size);
    if (!p)
        bad("out of memory");
    return p;
}

static struct engine *engine_of(struct world *w)
{
    if (!w->engine)
        w->engine = engine_new(&w->options);
    if (!w->engine)
        bad("no engine");
    return w->engine;
}

void world_done(struct world *w)
{
    engine_free(w->engine);
    while (w->requests) {
        struct request *next = w->requests->next;
        for (int i = 0; i < NAMES_PER_REQUEST; i++)
            free(w->requests->names[i]);
        free(w->requests);
        w->requests = next;
    }
    while (w->variables) {
        struct variable *next = w->variables->next;
        free(w->variables->name);
        free(w->variables);
        w->variables = next;
    }
}

uint64_t world_variable(const struct world *w, const char *name)
{
    for (const struct variable *v = w->variables; v; v = v->next)
        if (strcmp(v->name, name) == 0)
            return v->value;
    bad("no variable $%s", name);
}

void world_set(struct world *w, const char *name, uint64_t value)
{
    struct variable *v = get(sizeof *v);
    v->name = strdup(name);
    v->value = value;
    v->next = w->variables;
    w->variables = v;
}

/* Set the variables of a request from the handles and leases of its reply. */
static void bind_names(struct world *w, const struct request *r, const struct reply *reply)
{
    struct item_cursor at = reply->items.first;
    struct item_view item = reply->item;
    int i = 0;
    if (reply->result == RESULT_MADE && r->names[0])
        world_set(w, r->names[0], reply->made.handle);
    if ((reply->result == RESULT_GRANT || reply->result == RESULT_LEADER) && r->names[0])
        world_set(w, r->names[0], reply->grant.token);
    if (reply->result == RESULT_JOB && r->names[0])
        world_set(w, r->names[0], reply->grant.token ? reply->grant.token : reply->count);
    if (reply->result == RESULT_CELL && r->names[0])
        world_set(w, r->names[0], reply->count);
    if (reply->result == RESULT_QUOTA && r->names[0])
        world_set(w, r->names[0], reply->quota.token);
    struct grant_cursor next = reply->grants.first;
    struct grant grant;
    for (int n = 0; reply->result == RESULT_GRANTS && engine_grant_next(&next, &grant); n++)
        if (n < NAMES_PER_REQUEST && r->names[n])
            world_set(w, r->names[n], grant.token);
    bool more = reply->result == RESULT_ITEM;
    if (reply->result == RESULT_ITEMS)
        more = engine_item_next(&at, &item);
    while (more) {
        if (item.lease && i < NAMES_PER_REQUEST && r->names[i])
            world_set(w, r->names[i++], item.lease);
        if (item.value.type == VALUE_HANDLE && i < NAMES_PER_REQUEST && r->names[i])
            world_set(w, r->names[i++], item.value.handle);
        more = reply->result == RESULT_ITEMS && engine_item_next(&at, &item);
    }
}

static struct request *request_by_route(const struct world *w, uint64_t route)
{
    struct request *r = w->requests;
    while (r && r->route != route)
        r = r->next;
    return r;
}

/* The largest and the smallest token that a reply gives; 0: it gives none. */
static uint64_t tokens_of(const struct reply *reply, uint64_t *ret_least)
{
    uint64_t most = *ret_least = 0;
    struct grant_cursor next = reply->grants.first;
    struct grant grant;
    if (reply->result == RESULT_GRANT || reply->result == RESULT_JOB)
        most = *ret_least = reply->grant.token;
    if (reply->result == RESULT_QUOTA)
        most = *ret_least = reply->quota.token;
    while (reply->result == RESULT_GRANTS && engine_grant_next(&next, &grant)) {
        if (grant.token && (*ret_least == 0 || grant.token < *ret_least))
            *ret_least = grant.token;
        if (grant.token > most)
            most = grant.token;
    }
    return most;
}

/* A fencing token is larger than every one before it; only the answer to a repeat has an old one. */
static void check_token(struct world *w, const struct request *r, const struct reply *reply)
{
    uint64_t least, most = tokens_of(reply, &least);
    if (most == 0)
        return;
    for (const struct request *old = r->next; old && r->seq; old = old->next)
        if (old->answered && old->session == r->session && old->seq == r->seq)
            return;
    if (r->answered)
        return;
    if (least <= w->token_max)
        bad("token %llu after %llu", (unsigned long long)least, (unsigned long long)w->token_max);
    w->token_max = most;
}

static void print_reply(struct world *w, const struct reply *reply, const char *prefix)
{
    struct request *r = request_by_route(w, reply->route);
    if (!r)
        bad("the engine answered route %llu, which nobody took", (unsigned long long)reply->route);
    fprintf(w->out, "  %s%s: ", prefix, r->label);
    show_reply(w->out, reply);
    if (reply->caller)
        fprintf(w->out, " from %c", world_letter(w, reply->caller));
    if (r->replaced)
        fprintf(w->out, " (on a replaced route)");
    if (r->answered)
        fprintf(w->out, " (again on the same route)");
    if (reply->session != r->session || reply->seq != r->seq)
        fprintf(w->out, " (of another request)");
    fputc('\n', w->out);
    check_token(w, r, reply);
    r->answered = true;
    bind_names(w, r, reply);
}

static void print_effects(struct world *w, struct effects *fx, const char *prefix)
{
    struct reply reply;
    uint64_t session;
    while (effects_next_reply(fx, &reply))
        print_reply(w, &reply, prefix);
    while (effects_next_ended(fx, &session))
        fprintf(w->out, "  %s%c ended\n", prefix, world_letter(w, session));
}

/* Step with the nth allocation failing; true when op was refused for that, having done nothing else. */
static bool starve(struct world *w, const struct op *op, uint64_t nth)
{
    struct effects fx;
    struct reply reply, more;
    struct stats before, after;
    uint64_t session;
    engine_stats(w->engine, &before);
    engine_fail_allocation(w->engine, nth);
    engine_step(w->engine, w->now_ns, op, &fx);
    engine_fail_allocation(w->engine, 0);
    engine_audit(w->engine);
    bool answered = effects_next_reply(&fx, &reply);
    if (!answered || reply.status != STATUS_NO_MEMORY || reply.route != op->route) {
        if (answered)
            print_reply(w, &reply, "");
        print_effects(w, &fx, "");
        return false;
    }
    if (effects_next_reply(&fx, &more) || effects_next_ended(&fx, &session))
        bad("allocation %llu failed and something happened all the same", (unsigned long long)nth);
    engine_stats(w->engine, &after);
    if (op->acked_below)
        return true; /* what it acknowledged is acknowledged */
    if (before.objects != after.objects || before.sessions != after.sessions || before.items != after.items ||
        before.parked != after.parked || before.leases != after.leases || before.deadlines != after.deadlines)
        bad("allocation %llu failed and left something behind", (unsigned long long)nth);
    return true;
}

void world_step(struct world *w, const struct op *op, const char *prefix)
{
    struct effects fx;
    engine_of(w);
    bool starving = w->starved && op->code != OP_RECV_MANY && op->acked_count == 0;
    if (starving && !w->fail_next && op->code != OP_TICK) {
        uint64_t nth = 1;
        while (starve(w, op, nth))
            nth++;
        return;
    }
    if (w->fail_next || (starving && op->code == OP_TICK))
        engine_fail_allocation(w->engine, w->fail_next ? w->fail_next : 1);
    engine_step(w->engine, w->now_ns, op, &fx);
    engine_fail_allocation(w->engine, 0);
    engine_audit(w->engine);
    print_effects(w, &fx, prefix);
    w->fail_next = 0;
}

static void tick(struct world *w, int64_t instant_ns)
{
    char prefix[40], duration[32];
    w->now_ns = instant_ns;
    snprintf(prefix, sizeof prefix, "@%s ", show_duration(instant_ns, duration));
    world_step(w, &(struct op){.code = OP_TICK}, prefix);
}

void world_advance(struct world *w, int64_t instant_ns, bool late)
{
    engine_of(w);
    if (instant_ns < w->now_ns)
        bad("time does not go back");
    while (!late && engine_next_deadline(w->engine) <= instant_ns) {
        int64_t due_ns = engine_next_deadline(w->engine);
        if (due_ns == NEVER_NS)
            break;
        tick(w, due_ns < w->now_ns ? w->now_ns : due_ns);
        if (engine_next_deadline(w->engine) <= w->now_ns)
            bad("a deadline is still due after its time");
    }
    tick(w, instant_ns);
}

/* Open a session with one connection, without a line in the trace. */
static void open_party(struct world *w, char letter, struct party *p)
{
    struct op op = {.code = OP_HELLO, .hello = {.uid = 1000, .gid = 1000, .pid = letter, .tasks = 1}};
    struct effects fx;
    struct reply reply;
    memset(op.hello.id, letter, SESSION_ID_SIZE);
    op.hello.name = (struct bytes){"trace", 5};
    engine_step(engine_of(w), w->now_ns, &op, &fx);
    if (!effects_next_reply(&fx, &reply) || reply.status != STATUS_OK)
        bad("party %c was not let in", letter);
    *p = (struct party){.opened = true, .number = reply.opened.number, .seq = 1000, .connections = 1};
    engine_audit(w->engine);
}

struct party *world_party(struct world *w, char letter, bool open)
{
    struct party *p = &w->parties[letter - 'A'];
    if (!p->opened && open)
        open_party(w, letter, p);
    return p;
}

char world_letter(const struct world *w, uint64_t session)
{
    for (int i = 0; i < PARTIES; i++)
        if (w->parties[i].opened && w->parties[i].number == session)
            return (char)('A' + i);
    return '?';
}

struct request *world_request(struct world *w, char letter, uint64_t seq, struct op *op)
{
    struct party *p = &w->parties[letter - 'A'];
    struct request *r = get(sizeof *r);
    op->session = p->number;
    op->seq = seq == UINT64_MAX ? ++p->seq : seq;
    op->route = ++w->routes;
    r->session = op->session;
    r->seq = op->seq;
    r->route = op->route;
    if (seq == UINT64_MAX)
        snprintf(r->label, sizeof r->label, "%c", letter);
    else
        snprintf(r->label, sizeof r->label, "%c%llu", letter, (unsigned long long)seq % 100000000);
    for (struct request *old = w->requests; old && op->seq; old = old->next)
        if (old->session == r->session && old->seq == r->seq)
            old->replaced = true;
    r->next = w->requests;
    w->requests = r;
    return r;
}

const char *world_label(const struct world *w, uint64_t session, uint64_t seq)
{
    for (const struct request *r = w->requests; r; r = r->next)
        if (r->session == session && r->seq == seq)
            return r->label;
    return "?";
}

uint64_t world_route(const struct world *w, uint64_t session, uint64_t seq)
{
    for (const struct request *r = w->requests; r; r = r->next)
        if (r->session == session && r->seq == seq)
            return r->route;
    bad("no request with the number %llu", (unsigned long long)seq);
}

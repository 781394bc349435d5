/*
 * command.c - one command line of a trace (command.h).
 *
 * The first word says who asks; the second is an operation of ops.def, found by name. Words that every request understands (timeout, ctx,
 * nowait, below, acked, task, the variables behind ->) are taken out first; fill.c makes the operation of the rest.
 */
#include "command.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fill.h"
#include "parse.h"
#include "show.h"
#include "world.h"

static enum op_code op_by_name(const char *name)
{
    for (int i = 0; i < OP_COUNT; i++)
        if (strcmp(op_rows[i].name, name) == 0)
            return (enum op_code)i;
    bad("no operation %s", name);
}

/* Take "-> a b" off the end; the names go to the request. */
static void take_names(struct words *words, char **names)
{
    size_t at = 0;
    while (at < words->count && strcmp(words->at[at], "->") != 0)
        at++;
    for (size_t i = at + 1; i < words->count; i++) {
        if (i - at - 1 >= NAMES_PER_REQUEST)
            bad("too many variables");
        names[i - at - 1] = strdup(words->at[i]);
    }
    words->count = at;
}

static void fill_acked(struct op *op, char *list)
{
    uint64_t *acked = arena_get(strlen(list) * sizeof *acked);
    for (char *part; (part = strsep(&list, ","));)
        acked[op->acked_count++] = parse_number(part);
    op->acked = acked;
}

/* Is the word one that any request takes? Then it is in op. */
static bool common_option(const struct world *w, struct op *op, char *word)
{
    bool waits = op_rows[op->code].class == CLASS_WAIT;
    char *text;
    if ((text = option(word, "below"))) {
        op->acked_below = parse_number(text);
    } else if ((text = option(word, "acked"))) {
        fill_acked(op, text);
    } else if ((text = option(word, "task"))) {
        op->task = parse_token(w, text);
    } else if (waits && (text = option(word, "timeout"))) {
        op->has_timeout = true;
        op->timeout_ns = parse_duration(text);
    } else if (waits && (text = option(word, "ctx"))) {
        op->has_context = true;
        op->context = parse_ref(w, text);
    } else if (waits && strcmp(word, "nowait") == 0) {
        op->no_wait = true;
    } else {
        return false;
    }
    return true;
}

static void take_common(const struct world *w, struct op *op, struct words *words)
{
    size_t kept = 0;
    for (size_t i = 0; i < words->count; i++)
        if (!common_option(w, op, words->at[i]))
            words->at[kept++] = words->at[i];
    words->count = kept;
}

/* Step with a request; say so when it parks. */
static void ask(struct world *w, const struct op *op, const struct request *r)
{
    world_step(w, op, "");
    if (!r->answered)
        fprintf(w->out, "  %s: parked\n", r->label);
}

/* HELLO opens or resumes a session and brings a connection along, unless the word "attached" says that it came on one. */
static void ask_hello(struct world *w, struct party *p, struct op *op, struct request *r)
{
    op->session = 0;
    op->seq = r->seq = r->session = 0;
    struct effects fx;
    struct reply reply;
    if (!w->engine)
        w->engine = engine_new(&w->options);
    engine_step(w->engine, w->now_ns, op, &fx);
    if (!effects_next_reply(&fx, &reply))
        bad("HELLO was not answered");
    fprintf(w->out, "  %s: ", r->label);
    show_reply(w->out, &reply);
    fputc('\n', w->out);
    if (reply.status != STATUS_OK)
        return;
    if (!reply.opened.resumed || !p->opened)
        *p = (struct party){.opened = true, .number = reply.opened.number, .seq = 1000};
    p->connections += !op->hello.attached;
    engine_audit(w->engine);
}

/* The world's own events about a party: false when the word is none of them. */
static bool party_event(struct world *w, struct party *p, const struct words *words)
{
    struct op op = {.session = p->number};
    if (strcmp(words->at[1], "dies") == 0 || strcmp(words->at[1], "detach") == 0) {
        op.code = OP_DETACH;
        if (p->connections == 0)
            bad("it has no connection");
        for (uint32_t n = words->at[1][1] == 'i' ? p->connections : 1; n > 0; n--, p->connections--)
            world_step(w, &op, "");
    } else if (strcmp(words->at[1], "attach") == 0) {
        op.code = OP_ATTACH;
        p->connections++;
        world_step(w, &op, "");
    } else if (strcmp(words->at[1], "written") == 0) {
        op.code = OP_WRITTEN;
        world_step(w, &op, "");
    } else if (strcmp(words->at[1], "undelivered") == 0 && words->count == 3) {
        op.code = OP_UNDELIVERED;
        op.undelivered.route = world_route(w, p->number, parse_number(words->at[2]));
        world_step(w, &op, "");
    } else {
        return false;
    }
    return true;
}

static void run_party(struct world *w, struct words words)
{
    char letter = words.at[0][0];
    uint64_t seq = words.at[0][1] ? parse_number(words.at[0] + 1) : UINT64_MAX;
    if (words.count < 2)
        bad("party %c does nothing", letter);
    bool hello = strcmp(words.at[1], "hello") == 0;
    struct party *p = world_party(w, letter, !hello);
    if (party_event(w, p, &words))
        return;
    if (strcmp(words.at[1], "describe") == 0) {
        const struct object *o;
        struct ref ref = parse_ref(w, words.count > 2 ? words.at[2] : "nil");
        enum status status = engine_find(w->engine, p->number, &ref, RIGHT_OBSERVE, &o);
        if (status == STATUS_OK)
            show_object(w->out, w, o);
        else
            fprintf(w->out, "  %c: %s (%s)\n", letter, status_name(status), status_text(status));
        return;
    }
    struct op op = {.code = op_by_name(words.at[1])};
    struct request *r = world_request(w, letter, seq, &op);
    take_names(&words, r->names);
    take_common(w, &op, &words);
    fill_op(w, &op, letter, (struct words){words.at + 2, words.count - 2});
    if (hello)
        ask_hello(w, p, &op, r);
    else
        ask(w, &op, r);
}

static void set_limit(struct world *w, char *word)
{
    struct limits *l = &w->options.limits;
    char *text;
    if ((text = option(word, "seed")))
        w->options.seed = parse_number(text);
    else if ((text = option(word, "payload")))
        l->payload_size_max = (uint32_t)parse_number(text);
    else if ((text = option(word, "memory")))
        l->memory_max = parse_number(text);
    else if ((text = option(word, "sessions")))
        l->sessions_max = (uint32_t)parse_number(text);
    else if ((text = option(word, "objects")))
        l->objects_max = (uint32_t)parse_number(text);
    else if ((text = option(word, "handles")))
        l->handles_max = (uint32_t)parse_number(text);
    else if ((text = option(word, "calls")))
        l->calls_max = (uint32_t)parse_number(text);
    else if ((text = option(word, "resume")))
        l->resume_max_ns = parse_duration(text);
    else
        bad("no option %s", word);
}

static void run_time(struct world *w, const struct words *words)
{
    const char *word = words->at[0] + 1;
    bool late = words->count == 2 && strcmp(words->at[1], "late") == 0;
    if (words->count > 1 + (size_t)late)
        bad("only \"late\" may stand here");
    world_advance(w, *word == '+' ? w->now_ns + parse_duration(word + 1) : parse_duration(word), late);
}

static void run_world(struct world *w, const struct words *words)
{
    const char *verb = words->at[0];
    char duration[32];
    if (strcmp(verb, "engine") == 0) {
        if (w->engine)
            bad("options come before all else");
        for (size_t i = 1; i < words->count; i++)
            set_limit(w, words->at[i]);
    } else if (strcmp(verb, "fail") == 0 && words->count == 2) {
        w->fail_next = parse_number(words->at[1]);
    } else if (strcmp(verb, "drain") == 0) {
        world_step(w, &(struct op){.code = OP_DRAIN}, "");
    } else if (!w->engine) {
        bad("nothing has happened yet");
    } else if (strcmp(verb, "list") == 0) {
        show_objects(w->out, w);
    } else if (strcmp(verb, "dump") == 0) {
        show_sessions(w->out, w);
    } else if (strcmp(verb, "count") == 0) {
        show_counts(w->out, w);
    } else if (strcmp(verb, "next") == 0) {
        fprintf(w->out, "  @%s\n", show_duration(engine_next_deadline(w->engine), duration));
    } else if (strcmp(verb, "quiescent") == 0) {
        fprintf(w->out, "  %s\n", engine_quiescent(w->engine) ? "true" : "false");
    } else if (strcmp(verb, "idle") == 0) {
        fprintf(w->out, "  %s\n", engine_idle(w->engine) ? "true" : "false");
    } else {
        bad("no command %s", verb);
    }
}

void command_run(struct world *w, const char *line)
{
    arena_reset();
    struct words words = words_of(line);
    if (words.count == 0)
        return;
    const char *first = words.at[0];
    if (*first == '@')
        run_time(w, &words);
    else if (isupper((unsigned char)*first) && strspn(first + 1, "0123456789") == strlen(first + 1))
        run_party(w, words);
    else
        run_world(w, &words);
}

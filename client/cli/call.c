/*
 * call.c - sluice call: what an actor answers.
 *
 * Each VALUE, or line of stdin, is a call, made when the one before has been answered: the replies are printed in their order, a line each. A call that
 * failed ends it, and what it failed with goes to stderr, where errors go.
 *
 * Scripts start in any order, so a call may come before the first owner: it makes the actor, and waits.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "link.h"
#include "out.h"
#include "records.h"
#include "sync.h"
#include "verb.h"

struct calling {
    const struct args *args;
    sluice *s;
    const char *name;
    sluice_actor actor;
    struct sluice_wait wait;
};

static void print_json(sluice *s, const struct sluice_outcome *got)
{
    printf("{\"failed\":%s,\"epoch\":%" PRIu64 ",\"value\":", got->failed ? "true" : "false", got->epoch);
    out_json_value(s, &got->item.value);
    printf(",\"type\":\"%s\"}\n", sluice_type_name(got->item.value.type));
}

/* What the actor says of the failure. */
static void say_failure(const struct calling *c, const struct sluice_item *item)
{
    const struct sluice_value *v = &item->value;
    bool text = v->type == SLUICE_TYPE_BYTES || v->type == SLUICE_TYPE_STRING || v->type == SLUICE_TYPE_JSON;
    if (text && v->bytes.size > 0)
        remark("%s: %.*s", c->name, v->bytes.size > 512 ? 512 : (int)v->bytes.size,
               (const char *)v->bytes.data);
    else
        remark("%s: the call failed", c->name);
}

static int print_outcome(const struct calling *c, const struct sluice_outcome *got)
{
    const struct out_format format = {.how = OUT_DELIMITED, .delimiter = '\n'};
    if (c->args->json && interrupt_local_begin())
        print_json(c->s, got);
    interrupt_local_end();
    if (!c->args->json && got->failed)
        say_failure(c, &got->item);
    else if (!c->args->json)
        out_item(&format, c->s, &got->item);
    int code = out_flush();
    return code != 0 ? code : got->failed ? 1 : 0;
}

static int call_one(const struct calling *c, const void *data, size_t size)
{
    struct sluice_outcome got = {0};
    enum sluice_status status = sluice_actor_call(c->s, c->actor, sluice_bytes(data, size), &c->wait, &got);
    if (status != SLUICE_OK)
        return fail(status, c->name);
    int code = print_outcome(c, &got);
    sluice_item_free(&got.item);
    if (code == 0 && interrupt_signal() != 0)
        code = 128 + interrupt_signal();
    return code;
}

static int call_words(const struct calling *c, char **words)
{
    int code = 0;
    for (; *words != NULL && code == 0; words++)
        code = call_one(c, *words, strlen(*words));
    return code;
}

static int call_stdin(const struct calling *c)
{
    struct sluice_session session;
    sluice_session_get(c->s, &session);
    struct records records = {.delimiter = '\n', .size_max = session.payload_size_max};
    int code = 0;
    for (int more = 1; more == 1 && code == 0;) {
        more = records_read(&records, &code);
        struct sluice_blob record;
        while (code == 0 && records_next(&records, &record))
            code = call_one(c, record.data, record.size);
    }
    records_done(&records);
    return code;
}

static int call_run(struct args *args, sluice *s)
{
    struct calling c = {.args = args, .s = s, .name = args->words[0]};
    const struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_ACTOR, SLUICE_KIND_ACTOR);
    sluice_ref ref = SLUICE_NIL_REF;
    enum sluice_status status = sync_open(s, c.name, &spec, &ref, NULL);
    if (status != SLUICE_OK)
        return fail(status, c.name);
    c.actor = sluice_actor_of(ref);
    c.wait = args_wait(args);
    if (args->words_count != 2)
        status = args_wait_all(args, s, &c.wait);
    if (status != SLUICE_OK)
        return fail(status, args->ctx);
    return args->words_count > 1 ? call_words(&c, args->words + 1) : call_stdin(&c);
}

const struct verb verb_call = {
    .name = "call",
    .words = "NAME [VALUE...]",
    .help = "Call an actor, and print its reply",
    .text =
        "Each VALUE, or each line of stdin, is a call, made when the one before was answered; the replies are lines. It waits for its turn, and for somebody to `serve` it, too.\n\n"
        "Exit code 1: the call failed; what it failed with is on stderr, and those behind it are not made. It has failed with \"owner died\" when the owner has gone and the actor is one that fails then (`serve --fail`); else it waits for the next owner.\n\n"
        "Examples:\n"
        "  sluice call counter +1\n"
        "  seq 3 | sluice call counter --timeout 5s",
    .takes = TAKES_WAIT | TAKES_JSON,
    .words_min = 1,
    .words_max = -1,
    .run = call_run,
};

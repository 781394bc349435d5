/*
 * fill_pool.c - the operations on pools and tasks from the words of a command (filling.h).
 *
 *     make pool p [limit=2] [capacity=5] [dead=letters]
 *     go p "what" [fn=name] [priority=5] [delay=1s] [within=1s] [run=1s] [retries=2] [backoff=1s] [keep=1s]
 *                 [key="k"] [share="s"] [after=task:1] [context=c] -> t
 *     work p 2 [name...] -> w             the functions it serves; none: commands
 *     pull p $w -> a                      $a is the attempt's token
 *     watch task:1 $a                     kill task:1 [15] [cause="why"]
 *
 * A task is task:1, by its number, or the handle that GO made. To join it is to wait for it, to finish it is END (fill_hold.c); what a request
 * says in a task's name has task=$a (command.c). The arms of a select are "pull p $w" and "watch task:1 $a".
 */
#include <string.h>

#include "filling.h"
#include "world.h"

/* ---- Pools ---- */

void fill_pool(struct filling *f, char *at)
{
    struct pool_spec *p = &f->op->make.pool;
    char *text;
    if ((text = option(at, "limit")))
        p->limit = parse_integer(text);
    else if ((text = option(at, "capacity")))
        p->capacity = parse_integer(text);
    else if ((text = option(at, "dead")))
        p->dead_letter = parse_ref(f->w, text);
    else
        bad("a pool has no %s", at);
}

/* Each word a function; "commands" is what a worker serves that says nothing. */
void fill_work(struct filling *f)
{
    struct bytes *functions = arena_get((f->words.count + 1) * sizeof *functions);
    f->op->work.ref = ref(f);
    f->op->work.slots = (uint32_t)parse_number(word(f));
    f->op->work.functions = functions;
    f->op->work.count = more(f) ? 0 : 1;
    while (more(f)) {
        char *at = word(f);
        if (strcmp(at, "commands") != 0)
            functions[f->op->work.count] = (struct bytes){at, strlen(at)};
        f->op->work.count++;
    }
}

void fill_pull(struct filling *f)
{
    f->op->pull.ref = ref(f);
    f->op->pull.token = parse_token(f->w, word(f));
}

/* ---- Tasks ---- */

static void fill_after(struct filling *f, struct go_spec *g, const char *text)
{
    struct ref *after = arena_get((g->after_count + 1) * sizeof *after);
    if (g->after_count)
        memcpy(after, g->after, g->after_count * sizeof *after);
    after[g->after_count++] = parse_ref(f->w, text);
    g->after = after;
}

/* One of a task's durations; false: the word is none. */
static bool fill_go_time(struct go_spec *g, char *at)
{
    static const char *const names[] = {"delay", "within", "run", "backoff", "keep"};
    int64_t *const fields[] = {&g->delay_ns, &g->within_ns, &g->run_ns, &g->backoff_ns, &g->keep_ns};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = option(at, names[i]);
        if (text) {
            *fields[i] = parse_duration(text);
            return true;
        }
    }
    return false;
}

static void fill_go_word(struct filling *f, struct go_spec *g, char *at)
{
    char *text;
    if (fill_go_time(g, at))
        return;
    if ((text = option(at, "fn")))
        g->function = (struct bytes){text, strlen(text)};
    else if ((text = option(at, "priority")))
        g->priority = (int32_t)parse_integer(text);
    else if ((text = option(at, "retries")))
        g->retries = (uint32_t)parse_number(text);
    else if ((text = option(at, "key")))
        g->key = parse_quoted(text);
    else if ((text = option(at, "share")))
        g->share = parse_quoted(text);
    else if ((text = option(at, "after")))
        fill_after(f, g, text);
    else if ((text = option(at, "context")))
        g->context = parse_ref(f->w, text);
    else
        bad("go does not know %s", at);
}

void fill_go(struct filling *f)
{
    f->op->go.ref = ref(f);
    f->op->go.spec.value = parse_value(f->w, word(f));
    while (more(f))
        fill_go_word(f, &f->op->go.spec, word(f));
}

void fill_watch(struct filling *f)
{
    f->op->watch.ref = ref(f);
    f->op->watch.token = parse_token(f->w, word(f));
}

void fill_kill(struct filling *f)
{
    f->op->kill.ref = ref(f);
    if (number_next(f))
        f->op->kill.signal = (uint32_t)parse_number(word(f));
    char *text = more(f) ? option(peek(f), "cause") : NULL;
    if (!text)
        return;
    f->op->kill.cause = parse_quoted(text);
    f->next++;
}

bool fill_pool_arm(struct filling *f, struct arm_spec *a, char *at, int n)
{
    if (a->verb != ARM_PULL && a->verb != ARM_WATCH)
        return false;
    if (n == 0)
        a->ref = parse_ref(f->w, at);
    else
        a->token = parse_token(f->w, at);
    return true;
}

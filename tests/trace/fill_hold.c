/*
 * fill_hold.c - the operations on locks, semaphores, wait groups, counters, cells and onces from the words of a command (filling.h).
 *
 *     lock m [shared] [ttl=1s] [value="who"] -> t
 *     unlock m $t [shared]                adopt $t [owner=B]
 *     acquire s [2] [ttl=1s] -> t         release s [2] [token=$t]
 *     add g -1                            add g 2 owned -> t
 *     wait g                              wait n >= 5                wait m != $t -> t
 *     update n add 5 [fence=$t]           update n cas 3 5           update n load
 *     exchange v store "a" [fence=$t]     exchange v cas "a" "b"       exchange v cas revision=3 "b"       exchange v load
 *     begin o [ttl=1s] [key="k"] -> t     end o $t [failed] ["value"] [exit=3]
 *
 * A token is a variable or a number; 0 is none.
 */
#include <string.h>

#include "filling.h"
#include "world.h"

static enum compare compare(const char *word)
{
    static const char *const names[] = {"", "==", "!=", "<", "<=", ">", ">="};
    for (int c = COMPARE_EQ; c <= COMPARE_GE; c++)
        if (strcmp(names[c], word) == 0)
            return (enum compare)c;
    bad("not a comparison: %s", word);
}

/* ---- Making ---- */

void fill_semaphore(struct filling *f, char *at)
{
    char *text = option(at, "size");
    if (!text)
        bad("a semaphore has no %s", at);
    f->op->make.semaphore.size = parse_number(text);
}

void fill_counter(struct filling *f, char *at)
{
    struct counter_spec *c = &f->op->make.counter;
    char *text;
    if ((text = option(at, "value"))) {
        c->value = parse_integer(text);
    } else if ((text = option(at, "min"))) {
        c->has_min = true;
        c->min = parse_integer(text);
    } else if ((text = option(at, "max"))) {
        c->has_max = true;
        c->max = parse_integer(text);
    } else if (strcmp(at, "fenced") == 0) {
        c->fenced = true;
    } else {
        bad("a counter has no %s", at);
    }
}

void fill_cell(struct filling *f, char *at)
{
    if (strcmp(at, "fenced") != 0)
        bad("a cell has no %s", at);
    f->op->make.cell.fenced = true;
}

void fill_once(struct filling *f, char *at)
{
    if (strcmp(at, "poison") != 0)
        bad("a once has no %s", at);
    f->op->make.once.poison = true;
}

/* ---- Locks and permits ---- */

void fill_lock(struct filling *f)
{
    f->op->lock.ref = ref(f);
    while (more(f)) {
        char *at = word(f), *text = option(at, "ttl");
        if (text)
            f->op->lock.ttl_ns = parse_duration(text);
        else if ((text = option(at, "value")))
            f->op->lock.value = parse_value(f->w, text);
        else if (strcmp(at, "shared") == 0)
            f->op->lock.shared = true;
        else
            bad("lock does not know %s", at);
    }
}

void fill_unlock(struct filling *f)
{
    f->op->unlock.ref = ref(f);
    f->op->unlock.token = parse_token(f->w, word(f));
    if (more(f) && strcmp(peek(f), "shared") == 0) {
        f->op->unlock.shared = true;
        f->next++;
    }
}

void fill_acquire(struct filling *f)
{
    f->op->acquire.ref = ref(f);
    f->op->acquire.permits = number_next(f) ? parse_number(word(f)) : 1;
    char *text = more(f) ? option(peek(f), "ttl") : NULL;
    if (!text)
        return;
    f->op->acquire.ttl_ns = parse_duration(text);
    f->next++;
}

/* Without permits: with a token all it holds, else 1. */
void fill_release(struct filling *f)
{
    f->op->release.ref = ref(f);
    bool given = number_next(f);
    uint64_t permits = given ? parse_number(word(f)) : 0;
    char *text = more(f) ? option(peek(f), "token") : NULL;
    if (text) {
        f->op->release.token = parse_token(f->w, text);
        f->next++;
    }
    f->op->release.permits = given || text ? permits : 1;
}

void fill_adopt(struct filling *f)
{
    f->op->adopt.token = parse_token(f->w, word(f));
    char *text = more(f) ? option(peek(f), "owner") : NULL;
    if (!text)
        return;
    f->op->adopt.owner = strcmp(text, "nobody") == 0 ? 12345 : world_party(f->w, *text, true)->number;
    f->next++;
}

/* ---- Waiting ---- */

/* "!= $t": the operand of a mutex is a token. */
static struct condition condition(struct filling *f, const char *at)
{
    struct condition c = {.compare = compare(at)};
    const char *operand = word(f);
    c.operand = *operand == '$' ? (int64_t)parse_token(f->w, operand) : parse_integer(operand);
    return c;
}

void fill_wait(struct filling *f)
{
    f->op->wait.ref = ref(f);
    if (more(f))
        f->op->wait.condition = condition(f, word(f));
}

bool fill_hold_arm(struct filling *f, struct arm_spec *a, char *at, int n)
{
    char *text;
    if (a->verb < ARM_LOCK || a->verb == ARM_COND)
        return false;
    if ((text = option(at, "ttl"))) {
        a->lease_ns = parse_duration(text);
    } else if ((text = option(at, "key"))) {
        a->key = parse_quoted(text);
    } else if ((text = option(at, "value"))) {
        a->value = parse_value(f->w, text);
    } else if (n == 0) {
        a->ref = parse_ref(f->w, at);
        a->permits = 1;
    } else if (a->verb == ARM_ACQUIRE || a->verb == ARM_TAKE) {
        a->permits = parse_number(at);
    } else if (a->verb == ARM_WAIT) {
        a->condition = condition(f, at);
    } else {
        bad("the arm does not know %s", at);
    }
    return true;
}

/* ---- Counts ---- */

void fill_add(struct filling *f)
{
    f->op->add.ref = ref(f);
    f->op->add.delta = parse_integer(word(f));
    if (more(f) && strcmp(peek(f), "owned") == 0) {
        f->op->add.owned = true;
        f->next++;
    }
}

void fill_update(struct filling *f)
{
    static const char *const names[COUNT_VERBS] = {"load", "add", "store", "swap", "cas",
                                                   "and",  "or",  "xor",   "max",  "min"};
    f->op->update.ref = ref(f);
    const char *name = word(f);
    int verb = 0;
    while (verb < COUNT_VERBS && strcmp(names[verb], name) != 0)
        verb++;
    if (verb == COUNT_VERBS)
        bad("a counter cannot %s", name);
    f->op->update.verb = (enum count_verb)verb;
    if (verb == COUNT_CAS)
        f->op->update.expected = parse_integer(word(f));
    if (verb != COUNT_LOAD)
        f->op->update.operand = parse_integer(word(f));
    f->op->update.fence = fence_option(f);
}

/* What a cell must hold to be swapped: "revision=3", or a value; "none" is that it is empty. */
static void fill_expected(struct filling *f)
{
    char *at = word(f), *text = option(at, "revision");
    f->op->exchange.has_revision = text != NULL;
    if (text)
        f->op->exchange.revision = parse_token(f->w, text);
    else
        f->op->exchange.expected = parse_value(f->w, at);
}

void fill_exchange(struct filling *f)
{
    static const char *const names[CELL_VERBS] = {"load", "store", "swap", "cas"};
    f->op->exchange.ref = ref(f);
    const char *name = word(f);
    int verb = 0;
    while (verb < CELL_VERBS && strcmp(names[verb], name) != 0)
        verb++;
    if (verb == CELL_VERBS)
        bad("a cell cannot %s", name);
    f->op->exchange.verb = (enum cell_verb)verb;
    if (verb == CELL_CAS)
        fill_expected(f);
    if (verb != CELL_LOAD)
        f->op->exchange.value = parse_value(f->w, word(f));
    f->op->exchange.fence = fence_option(f);
}

/* ---- What is begun ---- */

void fill_begin(struct filling *f)
{
    f->op->begin.ref = ref(f);
    while (more(f)) {
        char *at = word(f), *text;
        if ((text = option(at, "ttl")))
            f->op->begin.ttl_ns = parse_duration(text);
        else if ((text = option(at, "key")))
            f->op->begin.key = parse_quoted(text);
        else
            bad("begin does not know %s", at);
    }
}

void fill_end(struct filling *f)
{
    f->op->end.ref = ref(f);
    f->op->end.token = parse_token(f->w, word(f));
    if (more(f) && strcmp(peek(f), "failed") == 0) {
        f->op->end.failed = true;
        f->next++;
    }
    if (more(f) && !option(peek(f), "exit"))
        f->op->end.value = parse_value(f->w, word(f));
    char *text = more(f) ? option(peek(f), "exit") : NULL;
    if (!text)
        return;
    f->op->end.has_exit = true;
    f->op->end.exit = (int32_t)parse_integer(text);
    f->next++;
}

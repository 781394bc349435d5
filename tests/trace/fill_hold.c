/*
 * fill_hold.c - the operations on locks, semaphores, wait groups, counters and onces from the words of a command (filling.h).
 *
 *     lock m [shared] [ttl=1s] -> t       unlock m $t [shared]       adopt $t [owner=B]
 *     acquire s [2] [ttl=1s] -> t         release s [2] [token=$t]
 *     add g -1                            add g 2 owned -> t
 *     wait g                              wait n >= 5
 *     update n add 5 [fence=$t]           update n cas 3 5           update n load
 *     begin o [ttl=1s] -> t               end o $t [failed] ["value"]
 *
 * A token is a variable or a number; 0 is none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filling.h"
#include "world.h"

static uint64_t token(const struct filling *f, const char *word)
{
    return *word == '$' ? world_variable(f->w, word + 1) : parse_number(word);
}

static int64_t integer(const char *word)
{
    char *end;
    errno = 0;
    int64_t n = strtoll(word, &end, 10);
    if (errno || end == word || *end)
        bad("not an integer: %s", word);
    return n;
}

/* Does the next word begin with a digit? */
static bool number_next(const struct filling *f)
{
    return more(f) && *peek(f) >= '0' && *peek(f) <= '9';
}

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
        c->value = integer(text);
    } else if ((text = option(at, "min"))) {
        c->has_min = true;
        c->min = integer(text);
    } else if ((text = option(at, "max"))) {
        c->has_max = true;
        c->max = integer(text);
    } else if (strcmp(at, "fenced") == 0) {
        c->fenced = true;
    } else {
        bad("a counter has no %s", at);
    }
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
        else if (strcmp(at, "shared") == 0)
            f->op->lock.shared = true;
        else
            bad("lock does not know %s", at);
    }
}

void fill_unlock(struct filling *f)
{
    f->op->unlock.ref = ref(f);
    f->op->unlock.token = token(f, word(f));
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
        f->op->release.token = token(f, text);
        f->next++;
    }
    f->op->release.permits = given || text ? permits : 1;
}

void fill_adopt(struct filling *f)
{
    f->op->adopt.token = token(f, word(f));
    char *text = more(f) ? option(peek(f), "owner") : NULL;
    if (!text)
        return;
    f->op->adopt.owner = strcmp(text, "nobody") == 0 ? 12345 : world_party(f->w, *text, true)->number;
    f->next++;
}

/* ---- Waiting ---- */

void fill_wait(struct filling *f)
{
    f->op->wait.ref = ref(f);
    if (!more(f))
        return;
    f->op->wait.condition.compare = compare(word(f));
    f->op->wait.condition.operand = integer(word(f));
}

bool fill_hold_arm(struct filling *f, struct arm_spec *a, char *at, int n)
{
    if (a->verb != ARM_LOCK && a->verb != ARM_RLOCK && a->verb != ARM_ACQUIRE && a->verb != ARM_WAIT &&
        a->verb != ARM_BEGIN)
        return false;
    char *text = option(at, "ttl");
    if (text) {
        a->lease_ns = parse_duration(text);
    } else if (n == 0) {
        a->ref = parse_ref(f->w, at);
        a->permits = 1;
    } else if (a->verb == ARM_ACQUIRE) {
        a->permits = parse_number(at);
    } else if (a->verb == ARM_WAIT) {
        a->condition.compare = compare(at);
        a->condition.operand = integer(word(f));
    } else {
        bad("the arm does not know %s", at);
    }
    return true;
}

/* ---- Counts ---- */

void fill_add(struct filling *f)
{
    f->op->add.ref = ref(f);
    f->op->add.delta = integer(word(f));
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
        f->op->update.expected = integer(word(f));
    if (verb != COUNT_LOAD)
        f->op->update.operand = integer(word(f));
    char *text = more(f) ? option(peek(f), "fence") : NULL;
    if (!text)
        return;
    f->op->update.fence = token(f, text);
    f->next++;
}

/* ---- Onces ---- */

void fill_begin(struct filling *f)
{
    f->op->begin.ref = ref(f);
    char *text = more(f) ? option(peek(f), "ttl") : NULL;
    if (!text)
        return;
    f->op->begin.ttl_ns = parse_duration(text);
    f->next++;
}

void fill_end(struct filling *f)
{
    f->op->end.ref = ref(f);
    f->op->end.token = token(f, word(f));
    if (more(f) && strcmp(peek(f), "failed") == 0) {
        f->op->end.failed = true;
        f->next++;
    }
    if (more(f))
        f->op->end.value = parse_value(f->w, word(f));
}

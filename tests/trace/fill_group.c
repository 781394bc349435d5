/*
 * fill_group.c - the operations on conditions, barriers, groups and flights, and ACQUIRE_ALL, from the words of a command (filling.h).
 *
 *     acquire_all lock m | rlock w | acquire s 2 ttl=1s -> a b c
 *     cond_wait c m $t [ttl=1s] -> t      signal c [all]
 *     forget f "key"
 *
 * A barrier is made with parties=, a group with limit= and context=, a flight with poison. The arm of a select is "cond c m $t".
 */
#include <string.h>

#include "filling.h"
#include "world.h"

/* ---- Making ---- */

void fill_barrier(struct filling *f, char *at)
{
    char *text = option(at, "parties");
    if (!text)
        bad("a barrier has no %s", at);
    f->op->make.barrier.parties = (uint32_t)parse_number(text);
}

void fill_group(struct filling *f, char *at)
{
    char *text;
    if ((text = option(at, "limit")))
        f->op->make.group.limit = parse_integer(text);
    else if ((text = option(at, "context")))
        f->op->make.group.context = parse_ref(f->w, text);
    else
        bad("a group has no %s", at);
}

void fill_flight(struct filling *f, char *at)
{
    if (strcmp(at, "poison") != 0)
        bad("a flight has no %s", at);
    f->op->make.flight.poison = true;
}

/* ---- Several at once ---- */

void fill_acquire_all(struct filling *f)
{
    f->op->acquire_all.arms = fill_arms(f, &f->op->acquire_all.count);
}

/* ---- Conditions ---- */

void fill_cond_wait(struct filling *f)
{
    f->op->cond_wait.ref = ref(f);
    f->op->cond_wait.lock = ref(f);
    f->op->cond_wait.token = parse_token(f->w, word(f));
    char *text = more(f) ? option(peek(f), "ttl") : NULL;
    if (!text)
        return;
    f->op->cond_wait.ttl_ns = parse_duration(text);
    f->next++;
}

bool fill_cond_arm(struct filling *f, struct arm_spec *a, char *at, int n)
{
    char *text = option(at, "ttl");
    if (a->verb != ARM_COND)
        return false;
    if (text)
        a->lease_ns = parse_duration(text);
    else if (n == 0)
        a->ref = parse_ref(f->w, at);
    else if (n == 1)
        a->lock = parse_ref(f->w, at);
    else
        a->token = parse_token(f->w, at);
    return true;
}

void fill_signal(struct filling *f)
{
    f->op->signal.ref = ref(f);
    if (more(f) && strcmp(peek(f), "all") == 0) {
        f->op->signal.all = true;
        f->next++;
    }
}

/* ---- Flights ---- */

void fill_forget(struct filling *f)
{
    f->op->forget.ref = ref(f);
    f->op->forget.key = parse_quoted(word(f));
}

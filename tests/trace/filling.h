/*
 * filling.h - the words of one command on their way into an operation.
 *
 * What fill.c and fill_hold.c share: a cursor over the words, and the fillers of the operations on what can be held. A filler takes its
 * words; what is left over is an error.
 */
#ifndef TRACE_FILLING_H
#define TRACE_FILLING_H

#include "op.h"
#include "parse.h"

struct world;

struct filling {
    struct world *w;
    struct op *op;
    struct words words;
    size_t next;
    char letter;
};

static inline bool more(const struct filling *f)
{
    return f->next < f->words.count;
}

static inline char *word(struct filling *f)
{
    if (!more(f))
        bad("a word is missing");
    return f->words.at[f->next++];
}

static inline char *peek(const struct filling *f)
{
    return more(f) ? f->words.at[f->next] : NULL;
}

static inline struct ref ref(struct filling *f)
{
    return parse_ref(f->w, word(f));
}

/* One word of a make that the kind takes: semaphores, counters, onces. */
void fill_semaphore(struct filling *f, char *at);
void fill_counter(struct filling *f, char *at);
void fill_once(struct filling *f, char *at);

void fill_lock(struct filling *f);
void fill_unlock(struct filling *f);
void fill_acquire(struct filling *f);
void fill_release(struct filling *f);
void fill_adopt(struct filling *f);
void fill_wait(struct filling *f);
void fill_add(struct filling *f);
void fill_update(struct filling *f);
void fill_begin(struct filling *f);
void fill_end(struct filling *f);

/* The words of an arm that holds or waits: ref [permits | compare operand] [ttl=], up to "|". False: the verb is no such. */
bool fill_hold_arm(struct filling *f, struct arm_spec *a, char *at, int n);

#endif

/*
 * filling.h - the words of one command on their way into an operation.
 *
 * What the fill files share: a cursor over the words, and the fillers of the operations that do not stand in fill.c. A filler takes its
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

/* Does the next word begin with a digit? */
static inline bool number_next(const struct filling *f)
{
    return more(f) && *peek(f) >= '0' && *peek(f) <= '9';
}

/* Arms between "|", each "xN" times over (fill.c). */
const struct arm_spec *fill_arms(struct filling *f, uint32_t *ret_count);
/* "fence=$t", when it comes next; else 0 (fill.c). */
uint64_t fence_option(struct filling *f);

/* One word of a make that the kind takes. */
void fill_semaphore(struct filling *f, char *at);
void fill_counter(struct filling *f, char *at);
void fill_cell(struct filling *f, char *at);
void fill_once(struct filling *f, char *at);
void fill_barrier(struct filling *f, char *at);
void fill_group(struct filling *f, char *at);
void fill_flight(struct filling *f, char *at);
void fill_limiter(struct filling *f, char *at);
void fill_actor(struct filling *f, char *at);
void fill_pool(struct filling *f, char *at);

/* fill_hold.c */

void fill_lock(struct filling *f);
void fill_unlock(struct filling *f);
void fill_acquire(struct filling *f);
void fill_release(struct filling *f);
void fill_adopt(struct filling *f);
void fill_wait(struct filling *f);
void fill_add(struct filling *f);
void fill_update(struct filling *f);
void fill_exchange(struct filling *f);
void fill_begin(struct filling *f);
void fill_end(struct filling *f);

/* One word of an arm that holds or waits: ref [permits | compare operand] [ttl=] [key=] [value=]. False: the verb is no such. */
bool fill_hold_arm(struct filling *f, struct arm_spec *a, char *at, int n);

/* fill_group.c */
void fill_acquire_all(struct filling *f);
void fill_cond_wait(struct filling *f);
void fill_signal(struct filling *f);
void fill_forget(struct filling *f);
/* One word of ARM_COND: ref lock token [ttl=]. False: the verb is another. */
bool fill_cond_arm(struct filling *f, struct arm_spec *a, char *at, int n);

/* fill_limit.c */
void fill_take(struct filling *f);
void fill_reserve(struct filling *f);
void fill_refund(struct filling *f);
void fill_tune(struct filling *f);

/* fill_actor.c */
void fill_call(struct filling *f);
void fill_serve(struct filling *f);
void fill_reply(struct filling *f);
void fill_checkpoint(struct filling *f);
/* One word of ARM_CALL: ref value, ARM_SERVE: ref token. False: the verb is another. */
bool fill_actor_arm(struct filling *f, struct arm_spec *a, char *at, int n);

/* fill_pool.c */
void fill_go(struct filling *f);
void fill_work(struct filling *f);
void fill_pull(struct filling *f);
void fill_watch(struct filling *f);
void fill_kill(struct filling *f);
/* One word of ARM_PULL, ARM_WATCH: ref token. False: the verb is another. */
bool fill_pool_arm(struct filling *f, struct arm_spec *a, char *at, int n);

#endif

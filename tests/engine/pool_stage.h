/*
 * pool_stage.h - a pool with one worker, for tests of pools and tasks.
 *
 *     struct stage st = stage_new(2);              two slots, no limit, no capacity
 *     uint64_t n = task_number(st.k, go(st.a, "p", "x"));
 *     struct job job = takes(st);
 *     ends(st, job);
 *
 * The pool is "p", the worker's session w; a submits, b looks on, c is what a child process of the worker's asks through. "in" is an
 * unbuffered channel; "dead" is one, too, and gets dead letters where a test asks for that.
 */
#ifndef TESTS_ENGINE_POOL_STAGE_H
#define TESTS_ENGINE_POOL_STAGE_H

#include "kit_sched.h"

struct stage {
    struct kit *k;
    uint64_t a, b, w, c; /* sessions */
    uint64_t worker;     /* w's token */
};

struct stage stage_new(uint32_t slots);
struct stage stage_with(int64_t limit, int64_t capacity, uint32_t slots);
struct stage stage_with_dead_letters(uint32_t slots);

/* PULL for the worker: the route. */
uint64_t asks(struct stage st);
/* The next task, which must be there. */
struct job takes(struct stage st);
/* Submit one more, which can be tried twice, and take what is next. */
struct job begins(struct stage st, const char *text);
void ends(struct stage st, struct job job);
/* The next task is this one; it is run and ended. */
void runs(struct stage st, const char *text);
bool nothing_to_do(struct stage st);
enum task_state state_of(struct stage st, uint64_t number);
/* a sends into "in". */
void sends(struct stage st, const char *text);
/* A task receives from "in" in its own name, which makes it wait: the route. */
uint64_t receives(struct stage st, uint64_t session, struct job job);

/* Three tasks of one slot: the first has a reply withheld, the second runs, the third has not begun. */
struct held {
    struct stage st;
    struct job first, second;
    uint64_t route; /* of the first's reply, which brings "x" */
};

/* The first asked through c, if it is a child, else through w; seq may be 0. */
struct held held_by(bool child, uint64_t seq);

/* GO with these. */
struct op urgent(struct op op, int32_t priority);
struct op tried(struct op op, uint32_t retries, int64_t backoff_ns);
struct op within(struct op op, int64_t within_ns, int64_t run_ns);
struct op delayed(struct op op, int64_t delay_ns);
struct op in_context(struct op op, const char *name);
struct op keyed(struct op op, const char *key);
/* The ref is borrowed. */
struct op after(struct op op, const struct ref *refs, uint32_t count);

#endif

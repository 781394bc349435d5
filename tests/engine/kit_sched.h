/*
 * kit_sched.h - the kit's part for actors, pools and tasks: requests, and what they are answered.
 *
 *     uint64_t w = work_token(k, s, "p", 2);              s serves p with two slots
 *     uint64_t t = task_number(k, go(s, "p", "x"));       submitted
 *     struct job job = job_of(k, kit_ask(k, pull(s, "p", w)));
 *     kit_get(k, end_task(s, job, "done"), STATUS_OK);
 *
 * Tasks are known by their numbers. What a test names borrowed is borrowed: literals, arrays that live as long as the test.
 */
#ifndef TESTS_ENGINE_KIT_SCHED_H
#define TESTS_ENGINE_KIT_SCHED_H

#include "kit.h"

/* Something to run, as PULL said it: an attempt of a task. */
struct job {
    uint64_t number, token;
    uint32_t attempt;
    char text[ANSWER_TEXT_MAX], function[ANSWER_TEXT_MAX];
};

/* A call to be served, as SERVE said it. */
struct served {
    uint64_t number, caller, epoch;
    uint32_t deliveries;
    char text[ANSWER_TEXT_MAX];
};

/* ---- Requests ---- */

struct ref by_task(uint64_t number);
/* The same request with a number of its own, with a timeout, in a task's name, without waiting. */
struct op with_seq(struct op op, uint64_t seq);
struct op with_timeout(struct op op, int64_t timeout_ns);
struct op in_task(struct op op, uint64_t token);
struct op at_once(struct op op);

struct op make_actor(uint64_t session, const char *name, bool fail);
struct op call_actor(uint64_t session, const char *name, const char *s);
struct op serve(uint64_t session, const char *name, uint64_t token);
struct op reply_to(uint64_t session, const char *name, uint64_t token, uint64_t number, const char *s);
struct op checkpoint(uint64_t session, const char *name, uint64_t token, const char *s);

struct op make_pool(uint64_t session, const char *name, int64_t limit, int64_t capacity);
/* A command, called with s. */
struct op go(uint64_t session, const char *pool, const char *s);
/* The same for a function. */
struct op go_function(uint64_t session, const char *pool, const char *function, const char *s);
/* Slots for commands; for some functions. */
struct op work(uint64_t session, const char *pool, uint32_t slots);
struct op work_for(uint64_t session, const char *pool, uint32_t slots, const struct bytes *functions,
                   uint32_t count);
struct op pull(uint64_t session, const char *pool, uint64_t token);
struct op watch(uint64_t session, uint64_t number, uint64_t token);
/* signal 0: cancel it. */
struct op kill_task(uint64_t session, uint64_t number, uint32_t signal);
struct op join(uint64_t session, uint64_t number);
struct op end_task(uint64_t session, const struct job *job, const char *s);
struct op fail_task(uint64_t session, const struct job *job, const char *s);
struct op remove_task(uint64_t session, uint64_t number);
struct op tune_limit(uint64_t session, const char *pool, int64_t limit);
struct op tune_capacity(uint64_t session, const char *pool, uint64_t capacity);
struct op tune_pause(uint64_t session, const char *pool, bool pause);

/* ---- Answers: each must be there, and OK ---- */

uint64_t token_of(struct kit *k, struct op op);
/* WORK. */
uint64_t work_token(struct kit *k, uint64_t session, const char *pool, uint32_t slots);
/* GO. */
uint64_t task_number(struct kit *k, struct op op);
uint64_t number_of(const struct kit *k, uint64_t route);
/* PULL. */
struct job job_of(const struct kit *k, uint64_t route);
struct job pulled(struct kit *k, uint64_t session, const char *pool, uint64_t token);
/* SERVE. */
struct served served_of(const struct kit *k, uint64_t route);
/* BEGIN of an actor: the token. */
uint64_t own(struct kit *k, uint64_t session, const char *name);
/* WAIT on a task: how it ended. */
const struct answer *outcome(const struct kit *k, uint64_t route, enum status ending, bool failed,
                             const char *text);
void joined(struct kit *k, uint64_t session, uint64_t number, enum status ending, bool failed,
            const char *text);

/* ---- Views ---- */

struct pool_view pool_seen(const struct kit *k, const char *name);
struct actor_view actor_seen(const struct kit *k, const char *name);
/* It must be there. */
struct task_view task_seen(const struct kit *k, uint64_t number);
bool task_there(const struct kit *k, uint64_t number);
/* kit_dump, and what it leaves out: to be freed. */
char *sched_dump(const struct kit *k);

/*
 * Each allocation of op fails in turn: that is NO_MEMORY, nothing that can be seen has changed, and no memory is lost. Then it goes
 * through: the route.
 */
uint64_t without_memory(struct kit *k, struct op op);
/* A session goes: its connection is gone. */
void leave(struct kit *k, uint64_t session);

#endif

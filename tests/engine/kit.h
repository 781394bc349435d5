/*
 * kit.h - an engine under test: ask it, read its answers.
 *
 *     struct kit *k = kit_new(NULL);
 *     uint64_t a = kit_session(k);
 *     kit_ask(k, make_channel(a, "jobs", 1));
 *     uint64_t r = kit_ask(k, recv_from(a, "jobs"));      parked: answer(k, r) is NULL
 *     kit_ask(k, send_to(a, "jobs", "x"));                answer(k, r)->text is "x"
 *     kit_free(k);
 *
 * Every request gets a route of its own, by which its answer is found for as long as the kit lives. The engine is audited after every step
 * unless k->audits is off, which it is where steps are counted in hundred thousands.
 */
#ifndef TESTS_ENGINE_KIT_H
#define TESTS_ENGINE_KIT_H

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"

#define SECOND INT64_C(1000000000)

enum { ANSWER_TEXT_MAX = 40, ANSWER_ITEMS_MAX = 8, ANSWER_MESSAGE_MAX = 128 };

/* A copy of a reply, its first items as text. */
struct answer {
    struct reply reply; /* its message is the copy below */
    uint32_t items;     /* how many came */
    char texts[ANSWER_ITEMS_MAX][ANSWER_TEXT_MAX];
    uint64_t leases[ANSWER_ITEMS_MAX], handles[ANSWER_ITEMS_MAX]; /* leases: of ACQUIRE_ALL the tokens */
    int64_t int64;                                                /* of the first item, when it is one */
    uint32_t deliveries;                                          /* of the first item */
    char cause[ANSWER_TEXT_MAX], function[ANSWER_TEXT_MAX];       /* "" for none */
    char message[ANSWER_MESSAGE_MAX];
    uint64_t order; /* counts the replies of this kit */
};

struct kit {
    struct engine *engine;
    int64_t now_ns;
    bool audits;
    bool keeps; /* answers are kept; else only counted */
    uint64_t routes, replies, ended;
    struct answer **answers; /* by route; NULL: none yet */
    size_t answers_size;
    uint8_t next_id;
    uint64_t last_ended;
};

/* options NULL: defaults, seed 1. */
struct kit *kit_new(const struct engine_options *options);
/* Returns NULL. The engine's own checks for leaks run here. */
struct kit *kit_free(struct kit *k);
/* A new session with one connection and one task: its number. */
uint64_t kit_session(struct kit *k);
/* Step op on a new route, which is returned. */
uint64_t kit_ask(struct kit *k, struct op op);
/* Step op as it is. */
void kit_step(struct kit *k, const struct op *op);
/* The same, and it must be answered with this status. Returns the answer. */
const struct answer *kit_get(struct kit *k, struct op op, enum status status);
/* Let time come to now_ns. */
void kit_time(struct kit *k, int64_t now_ns);
/* The last answer on a route, or NULL. */
const struct answer *answer(const struct kit *k, uint64_t route);
/* It must be there, with this status. */
const struct answer *answered(const struct kit *k, uint64_t route, enum status status);
/* An event about a session. */
void kit_event(struct kit *k, enum op_code code, uint64_t session);
void kit_undelivered(struct kit *k, uint64_t session, uint64_t route);
/* The object of a name; it must exist. */
const struct object *kit_object(const struct kit *k, const char *name);
struct object_view kit_view(const struct kit *k, const char *name);
struct session_view kit_session_view(const struct kit *k, uint64_t session);
struct stats kit_stats(const struct kit *k);
/* All that can be seen of the engine, as text: to be freed. Counters of what was asked are left out. */
char *kit_dump(const struct kit *k);

/* ---- Requests (kit_ops.c). Fields that matter to a test are set afterwards: op.seq, op.no_wait, op.recv.lease_ns. ---- */

struct ref by_name(const char *name);
struct ref by_handle(uint64_t handle);
struct value text(const char *s);
struct op plain(enum op_code code, uint64_t session);
struct op make_channel(uint64_t session, const char *name, int64_t cap);
struct op make_context(uint64_t session, const char *name,
                       const char *parent); /* cancelable; parent NULL: none */
struct op make_timer(uint64_t session, const char *name, int64_t delay_ns);
struct op make_ticker(uint64_t session, const char *name, int64_t period_ns);
struct op make_object(uint64_t session, const char *name, enum kind_code kind);
struct op make_semaphore(uint64_t session, const char *name, uint64_t size);
struct op lock(uint64_t session, const char *name, bool shared);
struct op unlock(uint64_t session, const char *name, bool shared, uint64_t token);
struct op acquire(uint64_t session, const char *name, uint64_t permits);
struct op release(uint64_t session, const char *name, uint64_t permits, uint64_t token);
struct op adopt(uint64_t session, uint64_t token);
struct op add(uint64_t session, const char *name, int64_t delta, bool owned);
struct op update(uint64_t session, const char *name, enum count_verb verb, int64_t operand);
struct op exchange(uint64_t session, const char *name, enum cell_verb verb, struct value value);
struct op make_limiter(uint64_t session, const char *name, struct limiter_spec spec);
struct op begin(uint64_t session, const char *name);
struct op begin_key(uint64_t session, const char *name, const char *key);
struct op end(uint64_t session, const char *name, uint64_t token, const char *s);
struct op cond_wait(uint64_t session, const char *name, const char *mutex, uint64_t token);
struct op signal_one(uint64_t session, const char *name);
struct op take(uint64_t session, const char *name, const char *key, uint64_t permits);
struct op reserve(uint64_t session, const char *name, const char *key, uint64_t permits);
struct op acquire_all(uint64_t session, const struct arm_spec *arms, uint32_t count);
struct arm_spec arm_of(enum arm_verb verb, const char *name);
/* On a wait group, a once, a barrier, a group. */
struct op wait_for(uint64_t session, const char *name);
struct op wait_until(uint64_t session, const char *name, enum compare compare, int64_t operand);
struct op send_to(uint64_t session, const char *name, const char *s);
struct op recv_from(uint64_t session, const char *name);
struct op recv_leased(uint64_t session, const char *name, int64_t lease_ns);
struct op send_many(uint64_t session, const char *name, const struct value *values, uint32_t count);
struct op recv_many(uint64_t session, const char *name, uint32_t max);
struct op select_of(uint64_t session, const struct arm_spec *arms, uint32_t count);
struct arm_spec arm_send(const char *name, const char *s);
struct arm_spec arm_recv(const char *name);
struct op lease_op(enum op_code code, uint64_t session, const uint64_t *leases, uint32_t count);
/* CLOSE, REMOVE, STOP of a name. */
struct op of_name(enum op_code code, uint64_t session, const char *name);
struct op cancel_context(uint64_t session, const char *name, const char *cause); /* cause NULL: none */
struct op reset(uint64_t session, const char *name, int64_t duration_ns);

#endif

/*
 * limiter_round.h - one limiter under test beside its model: who waits under which key, what was given, and what each answer must be.
 *
 * The arithmetic is limiter_model.h's. A round adds what it takes to follow a whole limiter: the order of those who wait, their time limits, and
 * when a key has come back to what it was and is forgotten.
 */
#ifndef TESTS_ENGINE_LIMITER_ROUND_H
#define TESTS_ENGINE_LIMITER_ROUND_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit.h"
#include "limiter_model.h"
#include "prng.h"

enum { KEYS = 3, ASKED_MAX = 24, GIVEN_MAX = 32 };

/* A take that waits. */
struct asked {
    uint64_t route, seq, n, order, session;
    int key;
    int64_t until_ns;     /* its time limit; NEVER_NS: none */
    struct booked booked; /* LIMIT_BUCKET */
};

/* A reservation, or permits. */
struct given {
    uint64_t token, n, session;
    int key;
    int64_t last_ns; /* it can be given back until then */
    struct booked booked;
};

struct key {
    struct history history;
    bool alive;    /* not as new, or in use */
    uint64_t held; /* LIMIT_CONCURRENCY */
};

struct round {
    struct kit *kit;
    struct prng prng;
    struct limiter_model model;
    struct key keys[KEYS];
    struct asked asked[ASKED_MAX];
    size_t asked_count;
    struct given given[GIVEN_MAX];
    size_t given_count;
    bool log;
    uint64_t sessions[2], seq, orders, spent; /* spent: a token that is none any more */
};

#define MUST(condition, ...)                     \
    do {                                         \
        if (!(condition)) {                      \
            fprintf(stderr, "%s: ", #condition); \
            fprintf(stderr, __VA_ARGS__);        \
            fputc('\n', stderr);                 \
            abort();                             \
        }                                        \
    } while (0)

static inline int64_t now(const struct round *r)
{
    return r->kit->now_ns;
}

static inline enum algorithm algorithm(const struct round *r)
{
    return r->model.spec.algorithm;
}

/* The answer on a route: it is there, with this status. */
const struct answer *round_answer(const struct round *r, uint64_t route, enum status status);
/* Could n pass under a key now, if nobody waited there? */
bool round_passes(const struct round *r, int key, uint64_t n);
/* The first in a key's queue; NULL: none. Waiting on a bucket is no queue: each has its time. */
struct asked *round_head(struct round *r, int key);
/* Events asked for by those who wait under a key. */
uint64_t round_queued(const struct round *r, int key);
/* A key is asked for. */
void round_touch(struct round *r, int key);
/* n pass under a key, and this is the answer that says so. */
void round_pass(struct round *r, int key, uint64_t n, uint64_t session, const struct reply *reply);
/* An answer says what remains under a key. */
void round_check_quota(const struct round *r, int key, const struct reply *reply);
void round_drop_asked(struct round *r, struct asked *a);
void round_drop_given(struct round *r, struct given *g);
/* After each step: take the answers to those who waited, and compare all that can be seen. */
void round_settle(struct round *r);

#endif

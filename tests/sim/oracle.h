/*
 * oracle.h - what a channel must do with every value, told by a model that is nothing like the engine.
 *
 * Values are numbers, given out in the order in which sends are asked for, one for each value ever offered. The model follows each:
 *
 *     OFFERED ──► IN ──► OUT | LEASED ──► BACK ──► OUT | LEASED ...
 *        └──────► GONE (withdrawn)         └──► the dead-letter channel
 *
 * and asserts: a value comes out of the channel it was sent to (or its dead letter), once, or again only after it was given back; first
 * deliveries leave a channel in the order of the sends; what was given back leaves before anything else, oldest first; delivery counts
 * are right; a channel holds exactly the values that are in; nothing that was withdrawn ever comes.
 *
 * Where the outcome cannot be known from outside (a batch whose sender died), a value is in DOUBT: it may come, in its place. Triggers send
 * negative numbers, which nobody counts.
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "engine.h"

enum fate { OFFERED, IN, OUT, LEASED, BACK, GONE, DOUBT };

struct thing {
    uint32_t channel;
    uint8_t fate;
    bool loose; /* it came by a way that has no place in the order of sends */
    uint32_t deliveries;
    uint64_t back_step; /* when it was last given back */
    uint64_t returning; /* in DOUBT, because this reply was never written: it is on its way back */
};

struct canal {
    uint64_t serial; /* of the engine's object */
    int64_t cap;
    bool closed, removed;
    bool foreign; /* triggers send to it: it may hold more than the model knows */
    uint32_t deliveries_max;
    int dead;                         /* its dead-letter channel, or -1 */
    uint32_t owner;                   /* life of the actor it ends with; 0: none */
    int64_t last_fresh;               /* the last value delivered for the first time */
    uint64_t in;                      /* values IN or BACK */
    uint64_t leased, doubts, batches; /* batches: parked SEND_MANY */
};

struct loan {
    uint64_t lease;
    uint32_t thing, holder;
    int64_t due_ns;
};

struct oracle {
    struct thing *things;
    size_t things_count, things_size;
    struct canal *canals;
    size_t canals_count, canals_size;
    struct loan *loans;
    size_t loans_count, loans_size;
    uint64_t step;
};

void oracle_done(struct oracle *o);
/* A channel was made. */
int oracle_canal(struct oracle *o, const struct canal *made);
/* The channel of this serial, or -1: not one that is followed. */
int oracle_find(const struct oracle *o, uint64_t serial);

/* The next value, offered to a channel. */
int64_t oracle_offer(struct oracle *o, int canal);
void oracle_accept(struct oracle *o, int64_t value);
void oracle_withdraw(struct oracle *o, int64_t value);
void oracle_doubt(struct oracle *o, int64_t value);
/* It came out of a channel. lease 0: for good. */
void oracle_deliver(struct oracle *o, int canal, int64_t value, uint32_t deliveries);
/* The same value as a lease. value -1: one that is not followed. */
void oracle_lend(struct oracle *o, int64_t value, uint64_t lease, uint32_t holder, int64_t due_ns);
/* A value that was out is back as if it had never left. */
void oracle_undo(struct oracle *o, int64_t value);
/* It will be, some time between now and oracle_undo_now for the same reply. */
void oracle_undo_soon(struct oracle *o, int64_t value, uint64_t reply);
void oracle_undo_now(struct oracle *o, int64_t value, uint64_t reply);

/* Leases: false when this holder has no such lease. */
bool oracle_ack(struct oracle *o, uint64_t lease, uint32_t holder);
bool oracle_nack(struct oracle *o, uint64_t lease, uint32_t holder);
bool oracle_extend(struct oracle *o, uint64_t lease, uint32_t holder, int64_t due_ns);
/* Time came to now_ns: leases end. */
void oracle_time(struct oracle *o, int64_t now_ns);
/* A holder died: its leases end, its channels close. */
void oracle_death(struct oracle *o, uint32_t holder);

/* Nothing is in a channel but what was given back in this very step, perhaps after the moment in question. */
bool oracle_empty(const struct oracle *o, int canal);
/* Compare with what the engine says of its channel. */
void oracle_check(const struct oracle *o, int canal, const struct channel_view *v);

/* What must hold; prints the seed and the step when it does not, and aborts. */
#define MUST(condition, ...)                   \
    do {                                       \
        if (!(condition))                      \
            sim_fail(#condition, __VA_ARGS__); \
    } while (0)
void sim_fail(const char *condition, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

#endif

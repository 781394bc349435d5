/*
 * reply.h - what comes out of the engine, as plain data.
 *
 * A `struct reply` is one answer. It borrows from the engine until the next step.
 */
#ifndef ENGINE_REPLY_H
#define ENGINE_REPLY_H

#include "op.h"

/* A limit that was reached. name NULL: none. */
struct limit_hit {
    const char *name;
    uint64_t value, use;
};

/* One received item. */
struct item_view {
    struct value value;
    int64_t rank;        /* of an ordered channel */
    uint64_t lease;      /* 0: not leased */
    uint32_t deliveries; /* how often it has been handed out, this time included */
};

/* What the result of a reply is. The wire's oneof follows it. */
enum result_code {
    RESULT_NONE,
    RESULT_ITEM,    /* item */
    RESULT_ITEMS,   /* items */
    RESULT_COUNT,   /* count */
    RESULT_TRUTH,   /* truth */
    RESULT_MADE,    /* made */
    RESULT_VALUE,   /* item.value, truth: found */
    RESULT_SESSION, /* session */
    RESULT_GRANT,   /* grant */
    RESULT_OUTCOME, /* item.value (VALUE_NONE: none), truth: it failed */
    RESULT_NUMBER,  /* number, truth: COUNT_CAS swapped; a barrier: this was the last of its parties */
    RESULT_GRANTS,  /* grants, one for each arm of ACQUIRE_ALL */
    /* grant (token 0: nobody holds it), item.value: what its holder says; BEGIN of an actor: the checkpoint; epoch */
    RESULT_LEADER,
    RESULT_QUOTA, /* quota, truth: allowed */
    RESULT_CELL,  /* item.value (VALUE_NONE: it is empty), count: the revision, truth: CELL_CAS swapped */
    RESULT_JOB,   /* count: the call's number; item: the value, deliveries; caller: its session; epoch */
};

/* A place in the items of a reply; engine_item_next walks it. */
struct item_cursor {
    const void *call, *at;
};

/* A place in the grants of a reply; engine_grant_next walks it. */
struct grant_cursor {
    const void *call;
    uint32_t at;
};

/* What a lock, permits or a run were given with. */
struct grant {
    uint64_t token;  /* larger than every token before */
    bool owner_died; /* the last holder lost it: what it guarded may be half done */
};

/* What a limiter said. */
struct quota {
    uint64_t token; /* RESERVE: the reservation; 0: none that could be given back */
    int64_t
        remaining; /* what could be taken at once now, rounded down; negative: debt. 0 when a RESERVE was allowed */
    int64_t
        retry_after_ns; /* until as much would be allowed, if nobody else asks; NEVER_NS: never; 0 when it was */
    int64_t delay_ns; /* RESERVE: until its time; NEVER_NS: never comes. TAKE: 0 */
};

/*
 * One answer. `status` is that of the committed arm: a select whose receive arm met a closed channel says STATUS_CLOSED and index.
 */
struct reply {
    uint64_t route;
    uint64_t session; /* whose */
    uint64_t seq;
    enum op_code op;
    enum status status;
    const char *
        message; /* a text that is more exact than the status's own, static or valid until the next step; or NULL */
    struct bytes cause; /* of a context's end, when it has one of its own; else data is NULL */
    struct limit_hit limit;
    bool has_index;
    uint32_t index; /* SELECT: the committed arm */
    enum result_code result;
    struct item_view item;
    struct {
        struct item_cursor first;
        uint32_t count;
    } items;
    uint64_t count;
    bool truth;
    struct {
        uint64_t handle;
        bool created;
        enum kind_code kind;
        enum value_type type;
        int64_t cap;
        uint8_t rights;
        uint64_t number; /* of a task */
    } made;
    struct {
        uint64_t number;
        bool resumed;
        int64_t resume_ns, lease_ns; /* as granted; 0: none */
    } opened;
    struct grant grant;
    struct {
        struct grant_cursor first;
        uint32_t count;
    } grants;
    struct quota quota;
    uint64_t epoch;  /* RESULT_OUTCOME, _LEADER, _JOB of an actor: from 1, which owner since it was made */
    uint64_t caller; /* RESULT_JOB of an actor */
    struct bytes
        function; /* RESULT_JOB of a pool; grant.token: the attempt's; run_ns: what it may take, 0: no limit */
    int64_t run_ns;
    enum status ending; /* RESULT_OUTCOME of a task: OK, CANCELED, DEADLINE_EXCEEDED, OWNER_DIED */
    bool has_exit;
    int32_t exit;
    bool shared; /* RESULT_OUTCOME of a flight: others have the same */
    int64_t number;
};

#endif

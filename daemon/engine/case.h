/*
 * case.h - building the cases of a wait: what each arm needs is looked up, checked and taken ahead, so that firing cannot fail.
 *
 * Every case's object is looked up and every value copied once, in order, before anything is chosen (Go's evaluation rule); what losing cases
 * took is dropped with the call.
 */
#ifndef ENGINE_CASE_H
#define ENGINE_CASE_H

#include "call.h"
#include "object.h"

/* Why a case cannot be. */
struct case_error {
    enum status status; /* OK: it can */
    const char *message;
    struct limit_hit limit; /* LIMIT: which; or */
    bool handles;           /* LIMIT: it is for want of a handle slot */
    uint64_t most, asked;   /* MISUSE of a limiter, asked > 0: Go's text is made of these */
};

/* What a send brings. */
struct send_spec {
    const struct value *values;
    const int64_t *ranks; /* one each, or NULL: all 0 */
    uint32_t count;
    uint64_t fence;
};

/* What a receive brings. */
struct recv_spec {
    uint32_t max;
    int64_t lease_ns;
    uint64_t fence;
};

/* What a TAKE brings. */
struct take_spec {
    struct bytes key;
    uint64_t permits;
    int64_t ttl_ns;
    bool now; /* it does not wait, whatever comes */
};

struct case_error case_fails(enum status status, const char *message);
/* Answer op with why, and free c (NULL is fine). */
void case_refuse(struct engine *e, struct call *c, const struct op *op, const struct case_error *why);

/* Make case i of c. After a failure c can only be refused. */
struct case_error case_send(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            const struct send_spec *spec);
struct case_error case_recv(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            const struct recv_spec *spec);
/* ARM_LOCK, _RLOCK, _ACQUIRE, _BEGIN: by spec->verb. */
struct case_error case_hold(struct engine *e, struct call *c, uint32_t i, const struct arm_spec *spec);
struct case_error case_wait(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            const struct condition *condition);
/* ARM_TAKE, or on a concurrency limit ARM_ACQUIRE of a semaphore. */
struct case_error case_take(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            const struct take_spec *spec);
/* ARM_COND. The lock is still held: cond_leave gives it up. */
struct case_error case_cond(struct engine *e, struct call *c, uint32_t i, const struct arm_spec *spec);
struct case_error case_call(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            const struct value *value);
struct case_error case_serve(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                             uint64_t token);
struct case_error case_pull(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                            uint64_t token);
struct case_error case_watch(struct engine *e, struct call *c, uint32_t i, const struct ref *ref,
                             uint64_t token);
/* How much an ARM_TAKE asks for. */
uint64_t case_taken(const struct arm *a);

#endif

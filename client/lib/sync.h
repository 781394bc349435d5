/*
 * sync.h - what locks, permits, groups, counters, onces and their kin have in common.
 *
 * Contract: the file of the kind builds the call; each run_* carries it out, writes its result with OK only (NULL where it is not wanted),
 * and frees it. A wait is one message for all kinds that can be waited for; build_wait fills it.
 */
#ifndef SLUICE_SYNC_H
#define SLUICE_SYNC_H

#include "call.h"

#define ACQUIRE_ALL_MAX 64 /* arms of one request, as the protocol says */

/* A call whose result is a grant. INTERNAL when the daemon sent none. */
enum sluice_status run_grant(sluice *s, struct call *c, struct sluice_grant *ret);
/* A call whose result is a number. ret_swapped: see Number. */
enum sluice_status run_number(sluice *s, struct call *c, int64_t *ret, bool *ret_swapped);
/* A call whose result is an outcome; with ret_grant it may be a grant instead, whose token is 0 otherwise. ret is not NULL. */
enum sluice_status run_outcome(sluice *s, struct call *c, struct sluice_grant *ret_grant,
                               struct sluice_outcome *ret);

struct wait_parts {
    Sluice__V1__Wait wait;
    Sluice__V1__Condition condition;
    Ref ref;
};
/* Waits for ref; compare COMPARE_NONE: without a condition. */
void build_wait(struct call *c, struct wait_parts *p, sluice_ref ref, enum sluice_compare compare,
                int64_t operand, const struct sluice_wait *wait);
/* The same as a future. */
enum sluice_status start_wait(sluice *s, sluice_ref ref, enum sluice_compare compare, int64_t operand,
                              const struct sluice_wait *wait, sluice_future **ret);
/* Locks; value: what the holder says of itself, or NULL. */
enum sluice_status run_lock(sluice *s, sluice_ref ref, bool shared, const struct sluice_value *value,
                            int64_t ttl_ns, const struct sluice_wait *wait, struct sluice_grant *ret);
enum sluice_status start_lock(sluice *s, sluice_ref ref, bool shared, const struct sluice_value *value,
                              int64_t ttl_ns, const struct sluice_wait *wait, sluice_future **ret);
/* Gives permits back (NULL: all the token's), by token (NULL: of what the session holds). */
enum sluice_status run_release(sluice *s, sluice_ref ref, const uint64_t *permits, const uint64_t *token);
/* Changes a size, a limit or a rate: tune has all but the reference. */
enum sluice_status run_tune(sluice *s, sluice_ref ref, Sluice__V1__Tune *tune);

/* INTERNAL, and the error is set. */
enum sluice_status unreadable(void);
/* The bytes of a key; NULL is the empty one. */
ProtobufCBinaryData key_out(const char *key);

/* Fills out; returns it. */
Sluice__V1__Condition *condition_out(enum sluice_compare compare, int64_t operand,
                                     Sluice__V1__Condition *out);

#endif

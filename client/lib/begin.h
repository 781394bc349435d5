/*
 * begin.h - the right to run, and what came of it: what onces, flights and groups have in common.
 *
 * Contract: build_begin fills a call whose result is a grant, or an outcome (run_outcome, run_grant); run_end gives the outcome back.
 */
#ifndef SLUICE_BEGIN_H
#define SLUICE_BEGIN_H

#include "sync.h"

struct begin_parts {
    Sluice__V1__Begin begin;
    Ref ref;
};
/* key: of a flight; NULL elsewhere. */
void build_begin(struct call *c, struct begin_parts *p, sluice_ref ref, const char *key, int64_t ttl_ns,
                 const struct sluice_wait *wait);
enum sluice_status start_begin(sluice *s, sluice_ref ref, const char *key, int64_t ttl_ns,
                               const struct sluice_wait *wait, sluice_future **ret);
/* ret_shared: others have the outcome; NULL where it is not wanted. */
enum sluice_status run_end(sluice *s, sluice_ref ref, uint64_t token, bool failed,
                           const struct sluice_value *value, bool *ret_shared);

/* A function and what it gave. */
struct run {
    sluice_once_fn *fn;
    void *argument;
    struct sluice_value value; /* still the function's */
    bool failed, shared;
};
/* Calls it and ends the run with what it gave. */
enum sluice_status run_function(sluice *s, sluice_ref ref, uint64_t token, struct run *run);

#endif

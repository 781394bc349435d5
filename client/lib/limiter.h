/*
 * limiter.h - what a limiter said, for those who read replies: selects and futures.
 *
 * A quota comes by itself, or, from a limiter of concurrency that allowed it, as a grant.
 */
#ifndef SLUICE_LIMITER_H
#define SLUICE_LIMITER_H

#include "reply.h"

/* The reply's quota, or what its grant says as one. */
struct sluice_quota reply_quota(const struct reply *reply);

#endif

/*
 * digest.h - one number for all that an answer says.
 *
 * A repeat must bring the digest of the first answer again, and a seed the same digests in the same order each time it runs.
 */
#ifndef SIM_DIGEST_H
#define SIM_DIGEST_H

#include "engine.h"

uint64_t mix_number(uint64_t h, uint64_t n);
/* All of a reply but its route. */
uint64_t digest(const struct reply *r);

#endif

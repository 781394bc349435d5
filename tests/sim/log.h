/*
 * log.h - what happens in the simulation, for people.
 *
 * One line a step, with the replies below it: what one reads when a seed has failed (SLUICE_SIM_LOG=1). It looks at ops and replies alone and
 * changes nothing.
 */
#ifndef SIM_LOG_H
#define SIM_LOG_H

#include "actors.h"

void log_op(const struct sim *s, const struct op *op);
void log_reply(const struct reply *r);

#endif

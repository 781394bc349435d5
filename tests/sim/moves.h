/*
 * moves.h - what actors do.
 *
 * Every move is drawn from the seed's generator: operations of all kinds on a handful of names and held handles, wrong ones too,
 * repeats, deaths, time. The kinds of moves are a table with weights, so that adding one is adding a row.
 */
#ifndef SIM_MOVES_H
#define SIM_MOVES_H

#include "actors.h"

/* One move of the simulation. */
void sim_move(struct sim *s);

#endif

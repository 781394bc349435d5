/*
 * parties.h - who holds an object and who waits on it, with the commands they are; and what they wait on.
 *
 * The daemon knows a party by its session, process, user and the name its program gave; what command the process runs stands in /proc, as long as it
 * lives and is on this machine.
 */
#ifndef CLI_PARTIES_H
#define CLI_PARTIES_H

#include <stdint.h>

#include <jansson.h>

#include "sluice.h"

enum { COMMAND_SIZE = 128, ARM_TEXT_SIZE = 320 };

/* The command line of a process as far as it fits, without control characters. "" when there is none to be seen. */
const char *command_of(int32_t pid, char text[static COMMAND_SIZE]);
/* What an arm waits on: a name, "task 7", "flight key x", "channel#3", "nil"; "" for a duration. */
const char *arm_text(const struct sluice_dump_arm *arm, char text[static ARM_TEXT_SIZE]);
/* The lines of `show`: holders, then waiters. */
void parties_print(const struct sluice_description *d);
/* The same as members `holders` and `waiters`, where there are any. */
void parties_json(const struct sluice_description *d, json_t *json);

#endif

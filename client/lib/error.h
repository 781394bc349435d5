/*
 * error.h - the calling thread's last error, and the tables' texts.
 *
 * Contract: setting an error never fails and needs no memory. Each call of the library that does not return OK ends with exactly one
 * of these; each returns the status that it was given.
 */
#ifndef SLUICE_ERROR_H
#define SLUICE_ERROR_H

#include "reply.h"

/* The status's own text. */
enum sluice_status error_status(enum sluice_status status);
/* Another text; NULL: the status's own. */
enum sluice_status error_text(enum sluice_status status, const char *text);
/* What the daemon said. */
enum sluice_status error_reply(const struct reply *reply);
/* -ENOMEM and its kin. */
enum sluice_status error_errno(int error, const char *doing);

#endif

/*
 * object.h - what making, opening and asking have in common for all kinds.
 *
 * Contract: make_begin fills a Make from what the caller says of name and lifetime; the file of the kind adds its spec and
 * ends with make_run. Each *_run carries the call out and frees it.
 */
#ifndef SLUICE_OBJECT_H
#define SLUICE_OBJECT_H

#include "call.h"

/* Copies a caller's options, as long as its header knew them, over the defaults in `to`. NULL leaves the defaults. INVALID (the error is set)
 * when their size is not one that ever was. */
enum sluice_status options_take(void *to, size_t to_size, const void *given);

/* what: "struct sluice_make" is read from how; NULL: anonymous. */
enum sluice_status make_begin(struct call *c, Sluice__V1__Make *make, const struct sluice_make *how);
/* how for a name alone. */
struct sluice_make make_named(const char *name);
enum sluice_status make_run(sluice *s, struct call *c, sluice_ref *ret, struct sluice_made *ret_made);

/* Calls whose reply is nothing but a status; the truth; or a number. */
enum sluice_status run_plain(sluice *s, struct call *c);
enum sluice_status run_truth(sluice *s, struct call *c, bool *ret);

#endif

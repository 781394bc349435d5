/*
 * object.h - what making, opening and asking have in common for all kinds.
 *
 * Contract: make_object makes an object of any kind from what the caller says of name and lifetime, and the kind's spec. Where the spec
 * refers to other objects, make_begin comes first, then the references through call_ref, then make_run. Each *_run carries the call
 * out and frees it.
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
/* spec: the message that `which` says. */
enum sluice_status make_run(sluice *s, struct call *c, Sluice__V1__Make__SpecCase which, void *spec,
                            sluice_ref *ret, struct sluice_made *ret_made);
enum sluice_status make_object(sluice *s, const struct sluice_make *how, Sluice__V1__Make__SpecCase which,
                               void *spec, sluice_ref *ret, struct sluice_made *ret_made);
/* Where the reference goes of a typed one that may be NULL. */
#define REF_OF(typed) ((typed) == NULL ? NULL : &(typed)->ref)

/* Calls whose reply is nothing but a status; the truth; or a count. */
enum sluice_status run_plain(sluice *s, struct call *c);
enum sluice_status run_truth(sluice *s, struct call *c, bool *ret);
enum sluice_status run_count(sluice *s, struct call *c, uint64_t *ret);

#endif

/*
 * channel.h - what the verbs that send and receive share: finding, or making, what they work on.
 *
 * A handle is opened once and used for all that follows; its session's end gives it back.
 */
#ifndef CLI_CHANNEL_H
#define CLI_CHANNEL_H

#include "args.h"

/* The channel that --cap and --type describe. */
struct sluice_chan_spec channel_spec(const struct args *args);
/* Opens what has this name, of any kind; with --make, a channel is made when there is nothing. */
enum sluice_status channel_open(sluice *s, const struct args *args, const char *name, uint32_t rights,
                                sluice_ref *ret, struct sluice_made *ret_made);
/* Whether this is a channel that gives what is in it by rank. */
bool channel_is_ordered(sluice *s, const char *name);

#endif

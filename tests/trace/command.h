/*
 * command.h - one command line of a trace, carried out.
 *
 *     A1 send jobs "x" timeout=5ms     request number 1 of party A; a party opens with its first mention
 *     A send jobs "x"                  a request whose number does not matter
 *     A0 send jobs "x"                 seq 0: not exactly once
 *     A recv jobs lease=10s -> l       $l is the lease; $l of a made object or received handle is its handle
 *     A1 select recv a | send b "x" | after 10ms | default
 *     A lock m ttl=1s -> t             $t is the token; each fill_*.c has the words of its kinds
 *     A recv jobs task=$a              in the name of the task whose attempt has the token $a
 *     A dies                           its connections close
 *     @100ms                           time comes to 100 ms, from deadline to deadline; "@+5ms" by so much
 *     @100ms late                      in one leap, as a stalled daemon sees it
 *     engine seed=7 calls=3            options, before all else
 *     fail 1                           the first allocation of the next request fails
 *     describe jobs / list / dump / count / next / drain
 *
 * The operations are those of ops.def, by their names there.
 */
#ifndef TRACE_COMMAND_H
#define TRACE_COMMAND_H

struct world;

/* Do it; what the world answers goes to w->out. */
void command_run(struct world *w, const char *line);

#endif

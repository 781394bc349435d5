/*
 * world.h - an engine under trace: its clock, its parties, their requests and the variables of the trace.
 *
 * A party is a session with a letter. Every request gets a route of its own; a reply is named by the request whose route it took,
 * and a reply on a route that a repeat has replaced says so. engine_audit runs after every step.
 *
 * A starved world makes each step first without memory: the first allocation fails, then the second, and so on, until the step succeeds. Every
 * failed try must answer NO_MEMORY and nothing else, and the step that succeeds must answer as if there had been no other. Time is starved
 * too, where nobody could be told: what falls due needs no memory. Not starved are RECV_MANY, which takes fewer items when memory is
 * out, and single acknowledgements, which are then not noted.
 */
#ifndef TRACE_WORLD_H
#define TRACE_WORLD_H

#include <stdio.h>

#include "engine.h"

enum { PARTIES = 26, NAMES_PER_REQUEST = 8 };

struct party {
    bool opened;
    uint64_t number; /* of its session */
    uint64_t seq;    /* the last one given to a request without a number */
    uint32_t connections;
};

struct request {
    struct request *next;
    char label[16]; /* "A1", or "A" for one without a number */
    uint64_t session, seq, route;
    bool replaced; /* a repeat came with a newer route */
    bool answered;
    char *names[NAMES_PER_REQUEST]; /* variables to set from the reply */
};

struct variable {
    struct variable *next;
    char *name;
    uint64_t value;
};

struct world {
    struct engine *engine;
    struct engine_options options;
    int64_t now_ns;
    bool starved;
    uint64_t fail_next; /* of the command "fail": for the next request only */
    struct party parties[PARTIES];
    struct request *requests;
    struct variable *variables;
    uint64_t routes;
    uint64_t token_max; /* the newest grant's */
    FILE *out;          /* what the trace should say */
};

/* The engine is made with the first step, so that "engine ..." may set options before. */
void world_done(struct world *w);

/* Step at the world's time and print what came of it. Each line begins with `prefix`. */
void world_step(struct world *w, const struct op *op, const char *prefix);
/* Let time come to instant_ns, from deadline to deadline, or (late) in one leap. */
void world_advance(struct world *w, int64_t instant_ns, bool late);

/* The party of a letter, opened now if it never was (unless the caller is about to do that). */
struct party *world_party(struct world *w, char letter, bool open);
/* The letter of a session, or '?'. */
char world_letter(const struct world *w, uint64_t session);
/* A request for op, whose session, seq and route are filled in. seq UINT64_MAX: the next one of its own. */
struct request *world_request(struct world *w, char letter, uint64_t seq, struct op *op);
/* The label of a request, "?" when the trace never made it. */
const char *world_label(const struct world *w, uint64_t session, uint64_t seq);
/* The route of the latest request with this number. */
uint64_t world_route(const struct world *w, uint64_t session, uint64_t seq);

uint64_t world_variable(const struct world *w, const char *name);
void world_set(struct world *w, const char *name, uint64_t value);

#endif

/*
 * flight.c - sluice flight: a command that runs once for all who want it at the same time.
 *
 * x/sync's singleflight. Under each key one runs the command, and whoever comes while it runs gets its stdout and exit code (outcome.h). Nothing is
 * kept: who comes later runs again. When the runner dies, the oldest that waits runs the command, or with --poison all fail.
 */
#include <stdio.h>

#include "hold.h"
#include "link.h"
#include "outcome.h"
#include "sync.h"
#include "verb.h"

static struct {
    bool poison, forget;
} options;

enum { KEY_POISON = 0x100, KEY_FORGET };

static bool flight_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_POISON: options.poison = true; return true;
    case KEY_FORGET: options.forget = true; return true;
    default: return hold_option(key, arg, state);
    }
}

static void flight_check(const struct args *args, struct argp_state *state)
{
    bool command = args->command != NULL && args->command[0] != NULL;
    if (command == options.forget)
        argp_error(state, command ? "--forget runs no command" : "expected a command behind --, or --forget");
}

static enum sluice_status end_flight(sluice *s, const struct hold *h, bool failed, struct sluice_value value)
{
    return sluice_flight_end(s, sluice_flight_of(h->ref), h->grant.token, failed, value, NULL);
}

/* With --poison what is there must be so too; without, it is taken as it is. */
static enum sluice_status open_flight(sluice *s, struct hold *h)
{
    struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_FLIGHT, SLUICE_KIND_FLIGHT);
    struct sluice_make how = SLUICE_MAKE_INIT;
    spec.poison = options.poison;
    how.name = h->name;
    return options.poison ? sync_make(s, &how, &spec, &h->ref) : sync_open(s, h->name, &spec, &h->ref, NULL);
}

static int forget(const struct args *args, sluice *s, sluice_flight flight)
{
    bool there = false;
    enum sluice_status status = sluice_flight_forget(s, flight, args->words[1], &there);
    if (status == SLUICE_OK && args->json)
        printf("{\"forgotten\":%s}\n", there ? "true" : "false");
    return fail(status, args->words[0]);
}

static int flight_run(struct args *args, sluice *s)
{
    struct hold h = {.name = args->words[0], .what = "right to run", .kind = SLUICE_KIND_FLIGHT};
    struct sluice_wait wait = args_wait(args);
    struct sluice_outcome got = {0};
    enum sluice_status status = open_flight(s, &h);
    sluice_flight flight = sluice_flight_of(h.ref);
    if (status == SLUICE_OK && options.forget)
        return forget(args, s, flight);
    if (status == SLUICE_OK)
        status = sluice_flight_begin(s, flight, args->words[1], hold_options.ttl_ns, &wait, &h.grant, &got);
    if (status != SLUICE_OK)
        return fail(status, h.name);
    if (h.grant.token != 0)
        return outcome_run(args, s, &h, end_flight);
    int code = outcome_print(args, s, &got.item, got.failed);
    sluice_item_free(&got.item);
    return code;
}

static const struct argp_option flight_options[] = {
    {"poison", KEY_POISON, NULL, 0,
     "If the runner dies, all who wait for it fail (exit code 1); else one of them runs", 1},
    {"forget", KEY_FORGET, NULL, 0,
     "Who comes from now on runs again; the one that runs ends for those who wait", 1},
    HOLD_COMMAND_OPTIONS,
    {0},
};

const struct verb verb_flight = {
    .name = "flight",
    .words = "NAME KEY [-- CMD [ARG...]]",
    .help = "Run a command once for all who want it at the same time",
    .text =
        "Under each key one runs the command; whoever comes while it runs waits, and prints the same stdout and exits with the same code. The outcome is not kept: who comes later runs again. "
        "When the runner is killed the oldest that waits runs it, with SLUICE_OWNER_DIED=1. SLUICE_TOKEN, how the command is stopped, and what becomes of a long output are as for `once`.\n\n"
        "Example:\n"
        "  sluice flight cache report-7 -- ./expensive-report 7",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_COMMAND | TAKES_JSON,
    .words_min = 2,
    .words_max = 2,
    .options = flight_options,
    .option = flight_option,
    .check = flight_check,
    .run = flight_run,
};

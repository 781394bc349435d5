/*
 * barrier.c - sluice barrier: go on together.
 *
 * Who waits has arrived; who gives up, or is killed, has not. The barrier is for the next round as soon as all have gone on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "link.h"
#include "sync.h"
#include "verb.h"

static uint32_t parties; /* 0: as it is */

enum { KEY_PARTIES = 0x100 };

static bool barrier_option(int key, char *arg, struct argp_state *state)
{
    if (key != KEY_PARTIES)
        return false;
    parties = (uint32_t)args_number(state, "--parties", arg, 1, 1 << 30);
    return true;
}

/* With --parties what is there must have as many; without, it is taken as it is. */
static enum sluice_status open_barrier(sluice *s, const char *name, sluice_barrier *ret)
{
    struct sync_spec spec =
        SYNC_SPEC_INIT(SLUICE_KIND_BARRIER, parties > 0 ? SLUICE_KIND_BARRIER : SLUICE_KIND_NONE);
    struct sluice_make how = SLUICE_MAKE_INIT;
    spec.parties = parties;
    how.name = name;
    return parties > 0 ? sync_make(s, &how, &spec, &ret->ref) : sync_open(s, name, &spec, &ret->ref, NULL);
}

static int barrier_run(struct args *args, sluice *s)
{
    sluice_barrier barrier = SLUICE_NIL;
    struct sluice_wait wait = args_wait(args);
    uint64_t cycle = 0;
    bool last = false;
    enum sluice_status status = open_barrier(s, args->words[0], &barrier);
    if (status == SLUICE_NOT_FOUND)
        return fail_text(EX_NOINPUT, "%s: no such barrier: say --parties, and it is made", args->words[0]);
    if (status == SLUICE_OK)
        status = sluice_barrier_wait(s, barrier, &wait, &cycle, &last);
    if (status == SLUICE_OK && args->json)
        printf("{\"cycle\":%" PRIu64 ",\"last\":%s}\n", cycle, last ? "true" : "false");
    return fail(status, args->words[0]);
}

static const struct argp_option barrier_options[] = {
    {"parties", KEY_PARTIES, "N", 0,
     "N go on together: it is made so, and another number is an error (default: as it is)", 1},
    {0},
};

const struct verb verb_barrier = {
    .name = "barrier",
    .words = "NAME",
    .help = "Wait until as many wait here as the barrier has parties",
    .text =
        "Then all go on, and the next round begins. Who is killed or gives up while it waits has not arrived: the "
        "others wait for one more. --json prints the round's number, and who was the last to arrive.\n\n"
        "Example:\n"
        "  for i in 1 2 3 4; do (./prepare $i; sluice barrier step --parties 4; ./run $i) & done; wait",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .options = barrier_options,
    .option = barrier_option,
    .run = barrier_run,
};

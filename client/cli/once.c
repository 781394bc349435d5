/*
 * once.c - sluice once: a command that runs once for all processes, and its outcome.
 *
 * Go's OnceValue. The first caller runs the command; all others, then and later, get what it got: its stdout and its exit code. A command that
 * fails has run: that is its outcome, as a panic is Go's. One that did not end by itself (a signal, a runner that died, a lost connection)
 * or could not be started has not, and the next caller runs it, or with --poison nobody ever does.
 *
 * What the outcome is as a value: outcome.h.
 */
#include "hold.h"
#include "link.h"
#include "outcome.h"
#include "sync.h"
#include "verb.h"

static bool poison;

enum { KEY_POISON = 0x100 };

static bool once_option(int key, char *arg, struct argp_state *state)
{
    if (key != KEY_POISON)
        return hold_option(key, arg, state);
    poison = true;
    return true;
}

static void once_check(const struct args *args, struct argp_state *state)
{
    if (args->command == NULL || args->command[0] == NULL)
        argp_error(state, "expected a command behind --");
}

static enum sluice_status end_once(sluice *s, const struct hold *h, bool failed, struct sluice_value value)
{
    return sluice_once_end(s, sluice_once_of(h->ref), h->grant.token, failed, value);
}

/* With --poison what is there must be so too; without, it is taken as it is. */
static enum sluice_status open_once(sluice *s, struct hold *h)
{
    struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_ONCE, SLUICE_KIND_ONCE);
    struct sluice_make how = SLUICE_MAKE_INIT;
    spec.poison = poison;
    how.name = h->name;
    return poison ? sync_make(s, &how, &spec, &h->ref) : sync_open(s, h->name, &spec, &h->ref, NULL);
}

static int once_run(struct args *args, sluice *s)
{
    struct hold h = {.name = args->words[0], .what = "right to run", .kind = SLUICE_KIND_ONCE};
    struct sluice_wait wait = args_wait(args);
    struct sluice_outcome got = {0};
    enum sluice_status status = open_once(s, &h);
    if (status == SLUICE_OK)
        status = sluice_once_begin(s, sluice_once_of(h.ref), hold_options.ttl_ns, &wait, &h.grant, &got);
    if (status != SLUICE_OK)
        return fail(status, h.name);
    if (h.grant.token != 0)
        return outcome_run(args, s, &h, end_once);
    int code = outcome_print(args, s, &got.item, got.failed);
    sluice_item_free(&got.item);
    return code;
}

static const struct argp_option once_options[] = {
    {"poison", KEY_POISON, NULL, 0,
     "If the runner dies it has failed for good (exit code 1); else the next caller runs", 1},
    HOLD_COMMAND_OPTIONS,
    {0},
};

const struct verb verb_once = {
    .name = "once",
    .words = "NAME -- CMD [ARG...]",
    .help = "Run a command once for all processes",
    .text =
        "The first caller runs it, the others wait; then all print its stdout and exit with its exit code, as all later callers do at once, until `sluice rm NAME`. "
        "A command that fails has run. One that was killed, lost its right, or could not be started has not: the next caller runs it, with SLUICE_OWNER_DIED=1, unless --poison. "
        "SLUICE_TOKEN and how the command is stopped are as for `lock`.\n\n"
        "stdout appears when the command has ended; of an output longer than the daemon's payload limit the others get the beginning. Other programs find the line \"exit N\" and then stdout.\n\n"
        "Example:\n"
        "  sluice once migrate -- ./migrate.sh",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_COMMAND | TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .options = once_options,
    .option = once_option,
    .check = once_check,
    .run = once_run,
};

/*
 * cond.c - sluice cond: wait for a signal with a lock, from the shell.
 *
 * Go's Cond. The lock belongs to a process that lives on (`lock --hold-for-pid`), so `cond wait` leaves the lock that it gets back with
 * that process, under a new token: with the one that runs this command, unless another is named.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "hold.h"
#include "link.h"
#include "sync.h"
#include "verb.h"

static struct {
    const char *lock;
    uint64_t token;
} options;

enum { KEY_LOCK = 0x100, KEY_TOKEN };

static enum sluice_status open_cond(sluice *s, const char *name, sluice_cond *ret)
{
    const struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_COND, SLUICE_KIND_COND);
    return sync_open(s, name, &spec, &ret->ref, NULL);
}

/* ---- wait */

static bool wait_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_LOCK: options.lock = arg; return true;
    case KEY_TOKEN: options.token = (uint64_t)args_number(state, "--token", arg, 1, INT64_MAX); return true;
    default: return hold_option(key, arg, state);
    }
}

static void wait_check(const struct args *args, struct argp_state *state)
{
    (void)args;
    if (options.lock == NULL || options.token == 0)
        argp_error(state, "expected --lock, and the --token it is held by");
    if (hold_options.for_pid == 0)
        hold_options.for_pid = (int32_t)getppid();
}

static int wait_run(struct args *args, sluice *s)
{
    sluice_cond cond = SLUICE_NIL;
    struct hold h = {.name = options.lock, .what = "lock"};
    const struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_NONE, SLUICE_KIND_NONE);
    struct sluice_wait wait = args_wait(args);
    enum sluice_status status = sync_open(s, h.name, &spec, &h.ref, &h.kind);
    if (status != SLUICE_OK)
        return fail(status, h.name);
    status = open_cond(s, args->words[0], &cond);
    if (status == SLUICE_OK)
        status = sluice_cond_wait(s, cond, h.ref, options.token, hold_options.ttl_ns, &wait, &h.grant);
    return status == SLUICE_OK ? hold_serve(args, s, &h) : fail(status, args->words[0]);
}

static const struct argp_option wait_options[] = {
    {"lock", KEY_LOCK, "NAME", 0, "The lock that guards the condition", 1},
    {"token", KEY_TOKEN, "TOKEN", 0, "By which it is held", 1},
    {"ttl", KEY_HOLD_TTL, "DUR", 0, "The daemon passes the lock on after DUR", 2},
    {"hold-for-pid", KEY_HOLD_FOR_PID, "PID", 0,
     "The lock is then held until this process dies (default: the one that runs this command)", 2},
    {0},
};

const struct verb verb_cond_wait = {
    .name = "cond wait",
    .words = "NAME",
    .help = "Unlock, wait for a signal, lock again",
    .text =
        "In one step the lock is given up and the wait begins, so no signal is missed; after it the lock is had again, for the process that runs this command, and its new token is printed. Then look at the condition again, as in Go. When the wait ends without a signal (124, 125) nothing is held.\n\n"
        "Inside of $( ) a script that does more than this one command, or calls it by a function, is a process of its own: say --hold-for-pid $$ there.\n\n"
        "Example:\n"
        "  T=$(sluice lock door --hold-for-pid $$)\n"
        "  until test -e ready; do T=$(sluice cond wait opened --lock door --token $T --hold-for-pid $$); done\n"
        "  sluice unlock door $T",
    .takes = TAKES_WAIT | TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .options = wait_options,
    .option = wait_option,
    .check = wait_check,
    .run = wait_run,
};

/* ---- signal, broadcast */

static int wake(struct args *args, sluice *s, bool all)
{
    sluice_cond cond = SLUICE_NIL;
    uint64_t woken = 0;
    enum sluice_status status = open_cond(s, args->words[0], &cond);
    if (status == SLUICE_OK)
        status = all ? sluice_cond_broadcast(s, cond, &woken) : sluice_cond_signal(s, cond, &woken);
    if (status == SLUICE_OK && args->json)
        printf("{\"woken\":%" PRIu64 "}\n", woken);
    return fail(status, args->words[0]);
}

static int signal_run(struct args *args, sluice *s)
{
    return wake(args, s, false);
}

static int broadcast_run(struct args *args, sluice *s)
{
    return wake(args, s, true);
}

const struct verb verb_cond_signal = {
    .name = "cond signal",
    .words = "NAME",
    .help = "Wake the one that has waited longest on a condition",
    .text = "If nobody waits the signal is lost, as in Go. --json says how many were woken.\n\n"
            "Example:\n"
            "  touch ready; sluice cond signal opened",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .run = signal_run,
};

const struct verb verb_cond_broadcast = {
    .name = "cond broadcast",
    .words = "NAME",
    .help = "Wake all that wait on a condition",
    .text = "Each wakes once, and has the lock when its turn comes. --json says how many were woken.\n\n"
            "Example:\n"
            "  touch ready; sluice cond broadcast opened",
    .takes = TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .run = broadcast_run,
};

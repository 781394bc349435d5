/*
 * elect.c - sluice elect: lead, or see who does.
 *
 * An election is a lock whose holder says who it is. To campaign is to wait for it, and the command runs while this process leads; if the leadership is
 * lost the command's group is stopped first, as under `lock`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "hold.h"
#include "link.h"
#include "out.h"
#include "sync.h"
#include "verb.h"

static struct {
    const char *value;
    bool observe, follow;
} options;

enum { KEY_VALUE = 0x100, KEY_OBSERVE, KEY_FOLLOW };

static bool elect_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_VALUE: options.value = arg; return true;
    case KEY_FOLLOW: options.follow = true; __attribute__((fallthrough));
    case KEY_OBSERVE: options.observe = true; return true;
    default: return hold_option(key, arg, state);
    }
}

static void elect_check(const struct args *args, struct argp_state *state)
{
    if (!options.observe) {
        hold_check(args, state);
        return;
    }
    if (args->command != NULL || hold_options.for_pid != 0 || options.value != NULL)
        argp_error(state, "--observe looks on: it takes no command, --hold-for-pid or --value");
}

/* ---- Looking on */

static void print_leader(const struct args *args, sluice *s, const struct sluice_leader *leader)
{
    const struct out_format format = {.how = OUT_DELIMITED, .delimiter = '\n'};
    bool said = leader->item.value.type != SLUICE_TYPE_NONE;
    if (args->json) {
        printf("{\"token\":%" PRIu64 ",\"value\":", leader->token);
        if (said)
            out_json_value(s, &leader->item.value);
        else
            printf("null");
        puts("}");
    } else if (leader->token == 0) {
        puts("0");
    } else if (!said) {
        printf("%" PRIu64 "\n", leader->token);
    } else {
        printf("%" PRIu64 " ", leader->token);
        out_item(&format, s, &leader->item);
    }
}

static int observe(const struct args *args, sluice *s, sluice_mutex election)
{
    struct sluice_wait wait = args_wait(args);
    uint64_t after = 0;
    if (options.follow) {
        enum sluice_status status = args_wait_all(args, s, &wait);
        if (status != SLUICE_OK)
            return fail(status, args->ctx);
    }
    do {
        struct sluice_leader leader = {0};
        enum sluice_status status = sluice_election_observe(s, election, after, &wait, &leader);
        if (status != SLUICE_OK)
            return fail(status, args->words[0]);
        print_leader(args, s, &leader);
        after = leader.token;
        sluice_item_free(&leader.item);
        int code = out_flush();
        if (code == 0 && interrupt_signal() != 0)
            code = 128 + interrupt_signal();
        if (code != 0)
            return code;
    } while (options.follow);
    return 0;
}

static int elect_run(struct args *args, sluice *s)
{
    struct hold h = {.name = args->words[0], .what = "leadership", .kind = SLUICE_KIND_MUTEX};
    const struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_MUTEX, SLUICE_KIND_MUTEX);
    struct sluice_wait wait = args_wait(args);
    enum sluice_status status = sync_open(s, h.name, &spec, &h.ref, NULL);
    if (status != SLUICE_OK)
        return fail(status, h.name);
    sluice_mutex election = sluice_mutex_of(h.ref);
    if (options.observe)
        return observe(args, s, election);
    struct sluice_value value = options.value != NULL ? sluice_str(options.value) : sluice_none();
    status = sluice_election_campaign(s, election, value, hold_options.ttl_ns, &wait, &h.grant);
    return status == SLUICE_OK ? hold_serve(args, s, &h) : fail(status, h.name);
}

static const struct argp_option elect_options[] = {
    {"value", KEY_VALUE, "TEXT", 0, "What others read while this process leads: an address, say", 1},
    {"observe", KEY_OBSERVE, NULL, 0, "Print who leads, its token and its value, as soon as somebody does",
     1},
    {"follow", KEY_FOLLOW, NULL, 0, "The same, and then each change; 0: nobody leads", 1},
    HOLD_PID_OPTION,
    HOLD_COMMAND_OPTIONS,
    {0},
};

const struct verb verb_elect = {
    .name = "elect",
    .words = "NAME [-- CMD [ARG...]]",
    .help = "Run a command while this process leads, or see who leads",
    .text =
        "One leads at a time; who else asks waits in order of arrival, and leads when the leader's command has ended or the leader is dead. SLUICE_TOKEN grows with each leader: what the command writes to can refuse older ones. How the command is stopped when the leadership is lost, and the exit codes, are as for `lock`.\n\n"
        "Examples:\n"
        "  sluice elect leader --value \"$HOSTNAME\" -- ./serve.sh\n"
        "  sluice elect leader --observe --follow",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_COMMAND | TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .options = elect_options,
    .option = elect_option,
    .check = elect_check,
    .run = elect_run,
};

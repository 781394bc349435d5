/*
 * time.c - the verbs of time: after, tick, clock.
 *
 * Durations pass on the daemon's clock, which tests may run as a virtual one. A tick is printed as the wall clock time at which it was due, so that
 * a slow reader sees what it missed; the offset between the two clocks is asked for again when it is older than a second.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "link.h"
#include "out.h"
#include "trigger.h"
#include "verb.h"

/* ---- after */

static const char *after_channel;
static int64_t after_ns;

enum { KEY_SEND = 0x100 };

static bool after_option(int key, char *arg, struct argp_state *state)
{
    (void)state;
    if (key == KEY_SEND)
        after_channel = arg;
    return key == KEY_SEND;
}

static void after_check(const struct args *args, struct argp_state *state)
{
    after_ns = args_duration(state, "DUR", args->words[0]);
    if (args->words_count > 1 && after_channel == NULL)
        argp_error(state, "'%s': a value needs --send CHANNEL", args->words[1]);
}

static int after_run(struct args *args, sluice *s)
{
    if (after_channel != NULL)
        return trigger_leave(s, args, (sluice_ctx)SLUICE_NIL, after_ns, after_channel, args->words[1]);
    struct sluice_wait wait = args_wait(args);
    return fail(sluice_sleep(s, after_ns, &wait), NULL);
}

static const struct argp_option after_options[] = {
    {"send", KEY_SEND, "CHANNEL", 0,
     "Do not wait: leave a send of VALUE to this channel with the daemon, and print its name", 1},
    {0},
};

const struct verb verb_after = {
    .name = "after",
    .words = "DUR [VALUE]",
    .help = "Wait for a duration, or have a value sent when it is over",
    .text =
        "The send is done once, and waits for room in the channel if need be. `sluice stop` with the name that was printed prevents it, "
        "`sluice reset` gives it another time.\n\n"
        "Examples:\n"
        "  sluice after 250ms\n"
        "  sluice after 10m --send alarms 'tea is ready'",
    .takes = TAKES_WAIT | TAKES_NAME | TAKES_LIFE,
    .words_min = 1,
    .words_max = 2,
    .options = after_options,
    .option = after_option,
    .check = after_check,
    .run = after_run,
};

/* ---- tick */

enum tick_form { TICK_RFC3339, TICK_UNIX, TICK_NS };

static struct {
    int64_t count; /* -1: for ever */
    enum tick_form form;
    int64_t period_ns;
} tick = {.count = -1};

enum { KEY_UNIX = 0x200, KEY_NS };

static bool tick_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case 'n': tick.count = args_number(state, "--count", arg, 1, INT64_MAX); return true;
    case KEY_UNIX: tick.form = TICK_UNIX; return true;
    case KEY_NS: tick.form = TICK_NS; return true;
    default: return false;
    }
}

static void print_tick(int64_t wall_ns)
{
    char text[WALL_TEXT_SIZE];
    switch (tick.form) {
    case TICK_RFC3339: puts(wall_text(wall_ns, text)); break;
    case TICK_UNIX:
        printf("%" PRId64 ".%03d\n", wall_ns / SLUICE_SECOND,
               (int)(wall_ns % SLUICE_SECOND / SLUICE_MILLISECOND));
        break;
    case TICK_NS: printf("%" PRId64 "\n", wall_ns); break;
    }
}

static void tick_check(const struct args *args, struct argp_state *state)
{
    tick.period_ns = args_duration(state, "DUR", args->words[0]);
}

static int tick_run(struct args *args, sluice *s)
{
    sluice_timer ticker = SLUICE_NIL;
    struct sluice_wait wait = SLUICE_WAIT_INIT;
    enum sluice_status status = sluice_ticker_make(s, NULL, tick.period_ns, &ticker);
    if (status == SLUICE_OK)
        status = args_wait_all(args, s, &wait);
    struct sluice_clock clock = {.now_ns = INT64_MIN};
    int code = 0;
    for (int64_t left = tick.count; status == SLUICE_OK && left != 0 && code == 0; left -= left > 0) {
        int64_t due_ns = 0;
        status = sluice_timer_recv(s, ticker, &wait, &due_ns);
        if (status == SLUICE_OK && due_ns >= clock.now_ns + SLUICE_SECOND)
            status = sluice_clock_read(s, &clock);
        if (status == SLUICE_OK) {
            print_tick(due_ns + clock.wall_offset_ns);
            code = out_flush();
        }
    }
    return status != SLUICE_OK ? fail(status, NULL) : code;
}

static const struct argp_option tick_options[] = {
    {"count", 'n', "N", 0, "End after N ticks", 1},
    {"unix", KEY_UNIX, NULL, 0, "Print seconds since the epoch, with milliseconds", 1},
    {"ns", KEY_NS, NULL, 0, "Print nanoseconds since the epoch", 1},
    {0},
};

const struct verb verb_tick = {
    .name = "tick",
    .words = "DUR",
    .help = "Print a line with the time every DUR",
    .text =
        "RFC 3339 in UTC with milliseconds. Ticks keep their phase; at most one waits for a slow reader, the others are dropped.\n\n"
        "Example:\n"
        "  sluice tick 1s | while read t; do echo \"$t\"; done",
    .takes = TAKES_WAIT,
    .words_min = 1,
    .words_max = 1,
    .options = tick_options,
    .option = tick_option,
    .check = tick_check,
    .run = tick_run,
};

/* ---- clock */

enum clock_move { CLOCK_READ, CLOCK_ADVANCE, CLOCK_UNTIL, CLOCK_NEXT, CLOCK_SETTLE };

static struct {
    enum clock_move move;
    int64_t ns; /* a duration to go, or an instant of the daemon's clock, or with is_wall of the wall clock */
    bool is_wall;
    bool settle;
    int64_t parked;
} clocking;

enum { KEY_SETTLE = 0x300, KEY_PARKED };

static bool clock_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_SETTLE: clocking.settle = true; return true;
    case KEY_PARKED: clocking.parked = args_number(state, "--parked", arg, 0, INT64_MAX); return true;
    default: return false;
    }
}

static void print_clock(const struct args *args, const struct sluice_clock *clock)
{
    char text[DURATION_TEXT_SIZE], left[DURATION_TEXT_SIZE], wall[WALL_TEXT_SIZE];
    wall_text(clock->now_ns + clock->wall_offset_ns, wall);
    if (args->json) {
        printf("{\"now_ns\":%" PRId64 ",\"wall\":\"%s\",\"virtual\":%s,\"next_deadline_ns\":", clock->now_ns,
               wall, clock->virtual_clock ? "true" : "false");
        printf(clock->has_next_deadline ? "%" PRId64 "}\n" : "null}\n", clock->next_deadline_ns);
        return;
    }
    printf("now   %s\nwall  %s\nnext  ", duration_text(clock->now_ns, text), wall);
    if (clock->has_next_deadline)
        printf("%s, in %s\n", duration_text(clock->next_deadline_ns, text),
               duration_text(clock->next_deadline_ns - clock->now_ns, left));
    else
        puts("nothing");
    printf("kind  %s\n", clock->virtual_clock ? "virtual" : "real");
}

static void clock_check(const struct args *args, struct argp_state *state)
{
    static const struct {
        const char *word;
        enum clock_move move;
        int words;
    } moves[] = {{"advance", CLOCK_ADVANCE, 2},
                 {"until", CLOCK_UNTIL, 2},
                 {"next", CLOCK_NEXT, 1},
                 {"settle", CLOCK_SETTLE, 1}};
    if (args->words_count == 0)
        return;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        if (strcmp(args->words[0], moves[i].word) == 0) {
            clocking.move = moves[i].move;
            if (args->words_count != moves[i].words)
                argp_error(state, "%s: expected %s", moves[i].word,
                           moves[i].words == 2 ? "a time behind it" : "nothing behind it");
        }
    const char *time = args->words[1];
    if (clocking.move == CLOCK_READ)
        argp_error(state, "'%s' is none of advance, until, next, settle", args->words[0]);
    if (clocking.move == CLOCK_ADVANCE)
        clocking.ns = args_duration(state, "advance", time);
    if (clocking.move == CLOCK_UNTIL && !duration_parse(time, &clocking.ns)) {
        clocking.is_wall = true;
        clocking.ns = args_wall(state, "until", time);
    }
}

static int clock_run(struct args *args, sluice *s)
{
    struct sluice_session session;
    sluice_session_get(s, &session);
    struct sluice_wait wait = args_wait(args);
    struct sluice_clock clock = {0};
    int64_t instant_ns = clocking.is_wall ? clocking.ns - session.wall_offset_ns : clocking.ns;
    enum sluice_status status = SLUICE_OK;
    switch (clocking.move) {
    case CLOCK_READ: status = sluice_clock_read(s, &clock); break;
    case CLOCK_ADVANCE: status = sluice_clock_advance(s, clocking.ns, clocking.settle, &clock); break;
    case CLOCK_UNTIL: status = sluice_clock_advance_to(s, instant_ns, clocking.settle, &clock); break;
    case CLOCK_NEXT: status = sluice_clock_advance_next(s, clocking.settle, &clock); break;
    case CLOCK_SETTLE: return fail(sluice_quiesce(s, (uint64_t)clocking.parked, &wait), NULL);
    }
    if (status == SLUICE_OK && (clocking.move == CLOCK_READ || args->json))
        print_clock(args, &clock);
    return fail(status, NULL);
}

static const struct argp_option clock_options[] = {
    {"settle", KEY_SETTLE, NULL, 0,
     "advance, until, next: let the clients come to rest before each move and at the end", 1},
    {"parked", KEY_PARKED, "N", 0, "settle: at least N requests must be waiting", 1},
    {0},
};

const struct verb verb_clock = {
    .name = "clock",
    .words = "[advance DUR | until TIME | next | settle]",
    .help = "Show or move the daemon's clock, or wait for clients to come to rest",
    .text =
        "advance moves by DUR, until to an instant (a duration since the clock's zero, or RFC 3339), next to the next deadline: all need "
        "`sluiced --virtual-clock`. settle waits until every client waits for something, on any clock.\n\n"
        "Examples:\n"
        "  sluice clock\n"
        "  sluice clock advance 5s --settle\n"
        "  sluice clock settle --parked 3 --timeout 1s",
    .takes = TAKES_JSON | TAKES_WAIT,
    .words_min = 0,
    .words_max = 2,
    .options = clock_options,
    .option = clock_option,
    .check = clock_check,
    .run = clock_run,
};

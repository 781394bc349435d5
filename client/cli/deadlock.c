/*
 * deadlock.c - sluice deadlock: who waits in circles, who waits in vain, and with --asleep whether anybody is awake.
 *
 * The daemon finds them (Deadlock of the protocol); here they get their commands, from /proc, if they run on this machine. The exit code makes it
 * a check for scripts: 0 when there is none, 1 when there is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "duration.h"
#include "link.h"
#include "out.h"
#include "parties.h"
#include "verb.h"

enum { KEY_ASLEEP = 0x100 };

static struct {
    bool asleep;
} options;

static bool deadlock_option(int key, char *arg, struct argp_state *state)
{
    (void)arg, (void)state;
    options.asleep = options.asleep || key == KEY_ASLEEP;
    return key == KEY_ASLEEP;
}

static void print_object(const struct sluice_dump_arm *arm)
{
    char on[ARM_TEXT_SIZE];
    bool named = *arm->name != '\0' && arm->kind != SLUICE_KIND_TASK;
    printf("%s%s%s", named ? sluice_kind_name(arm->kind) : "", named ? " " : "", arm_text(arm, on));
}

static void print_stall(const struct sluice_stall *stall, int64_t now_ns)
{
    char text[DURATION_TEXT_SIZE], command[COMMAND_SIZE];
    fputs("  ", stdout);
    if (stall->task != 0)
        printf("task %" PRIu64 "%s", stall->task, stall->pid > 0 ? ", " : "");
    if (stall->pid > 0)
        printf("pid %" PRId32 " (%s)", stall->pid,
               *command_of(stall->pid, command) != '\0' ? command : stall->name);
    else if (stall->session != 0)
        printf("%ssession %" PRIu64 " (%s)", stall->task != 0 ? ", " : "", stall->session, stall->name);
    if (stall->within != 0) {
        puts(": waits for its command, the next");
        return;
    }
    printf(": %s ", *stall->op != '\0' ? stall->op : "comes after");
    print_object(&stall->arm);
    if (stall->since_ns != 0)
        printf(" for %s", duration_short(now_ns - stall->since_ns, text));
    if (stall->has_deadline)
        printf(", %s left", duration_short(stall->deadline_ns - now_ns, text));
    putchar('\n');
}

static bool is_told(const struct sluice_deadlock *d, const struct sluice_stall *stall)
{
    for (size_t i = 0; i < d->cycles_count; i++)
        for (size_t k = 0; k < d->cycles[i].count; k++) {
            const struct sluice_stall *link = &d->cycles[i].links[k];
            if (link->session == stall->session && link->task == stall->task && link->within == 0 &&
                link->arm.serial == stall->arm.serial)
                return true;
        }
    return false;
}

/* Those who wait in vain; who stands in a circle was told there. */
static void print_stalled(const struct sluice_deadlock *d)
{
    uint64_t rest = d->stalled_all;
    for (size_t i = 0; i < d->stalled_count; i++)
        rest -= is_told(d, &d->stalled[i]) ? 1 : 0;
    if (rest > 0)
        printf("%sin vain%s: %" PRIu64 " wait for what nobody who can act will bring\n", out_bold(),
               out_plain(), rest);
    for (size_t i = 0; i < d->stalled_count; i++)
        if (!is_told(d, &d->stalled[i]))
            print_stall(&d->stalled[i], d->now_ns);
    if (d->stalled_all > d->stalled_count)
        printf("  and %" PRIu64 " more\n", d->stalled_all - d->stalled_count);
}

static void print_all(const struct sluice_deadlock *d)
{
    for (size_t i = 0; i < d->cycles_count; i++) {
        printf("%sdeadlock%s: %" PRIu32 " wait in a circle, each for the next, the last for the first\n",
               out_bold(), out_plain(), d->cycles[i].length);
        for (size_t k = 0; k < d->cycles[i].count; k++)
            print_stall(&d->cycles[i].links[k], d->now_ns);
        if (d->cycles[i].length > d->cycles[i].count)
            printf("  and %zu more\n", d->cycles[i].length - d->cycles[i].count);
    }
    print_stalled(d);
    if (options.asleep && d->asleep)
        puts("all goroutines are asleep - deadlock!");
}

static json_t *stall_json(const struct sluice_stall *stall)
{
    char command[COMMAND_SIZE];
    json_t *json =
        json_pack("{s:I, s:I, s:I, s:s, s:s, s:I, s:s, s:I, s:I}", "session", (json_int_t)stall->session,
                  "pid", (json_int_t)stall->pid, "uid", (json_int_t)stall->uid, "name", stall->name,
                  "command", command_of(stall->pid, command), "task", (json_int_t)stall->task, "op",
                  stall->op, "since_ns", (json_int_t)stall->since_ns, "within", (json_int_t)stall->within);
    json_object_set_new(json, "deadline_ns",
                        stall->has_deadline ? json_integer(stall->deadline_ns) : json_null());
    json_object_set_new(json, "on",
                        json_pack("{s:s, s:s, s:s, s:I, s:I}", "kind", sluice_kind_name(stall->arm.kind),
                                  "name", stall->arm.name, "key", stall->arm.key, "serial",
                                  (json_int_t)stall->arm.serial, "task", (json_int_t)stall->arm.task));
    return json;
}

static json_t *stalls_json(const struct sluice_stall *stalls, size_t count)
{
    json_t *json = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(json, stall_json(&stalls[i]));
    return json;
}

static void print_json(const struct sluice_deadlock *d)
{
    json_t *cycles = json_array();
    for (size_t i = 0; i < d->cycles_count; i++)
        json_array_append_new(cycles,
                              json_pack("{s:I, s:o}", "length", (json_int_t)d->cycles[i].length, "links",
                                        stalls_json(d->cycles[i].links, d->cycles[i].count)));
    json_t *json = json_pack("{s:b, s:o, s:o, s:I, s:I}", "asleep", d->asleep, "cycles", cycles, "stalled",
                             stalls_json(d->stalled, d->stalled_count), "stalled_count",
                             (json_int_t)d->stalled_all, "now_ns", (json_int_t)d->now_ns);
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(json);
}

static int deadlock_run(struct args *args, sluice *s)
{
    struct sluice_deadlock *d = NULL;
    enum sluice_status status = sluice_deadlock_find(s, &d);
    if (status != SLUICE_OK)
        return fail(status, NULL);
    if (args->json)
        print_json(d);
    else
        print_all(d);
    bool found = d->cycles_count > 0 || d->stalled_all > 0 || (options.asleep && d->asleep);
    sluice_deadlock_free(d);
    return found ? 1 : 0;
}

static const struct argp_option deadlock_options[] = {
    {"asleep", KEY_ASLEEP, NULL, 0,
     "Also when all are asleep: somebody waits, and nobody and no time will wake them", 1},
    {0},
};

const struct verb verb_deadlock = {
    .name = "deadlock",
    .words = "",
    .help = "Find those who wait in circles or in vain: locks, tasks, actors, channels",
    .text =
        "Prints each circle with the processes in it, and those who wait for what nobody will ever do. What has a name "
        "may always be used by somebody new, so to wait for it is not in vain. The exit code is 1 when there are any, else 0.\n\n"
        "Example:\n"
        "  sluice deadlock || sluice dump",
    .takes = TAKES_JSON,
    .options = deadlock_options,
    .option = deadlock_option,
    .run = deadlock_run,
};

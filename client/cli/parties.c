/*
 * parties.c - who holds an object and who waits on it (parties.h).
 *
 * A line each, oldest first, with the command in brackets at the end, because it may be long.
 */
#include "parties.h"

#include <inttypes.h>
#include <stdio.h>

#include "duration.h"

const char *command_of(int32_t pid, char text[static COMMAND_SIZE])
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%" PRId32 "/cmdline", pid);
    FILE *file = pid > 0 ? fopen(path, "re") : NULL;
    size_t size = file != NULL ? fread(text, 1, COMMAND_SIZE - 1, file) : 0;
    if (file != NULL)
        fclose(file);
    while (size > 0 && text[size - 1] == '\0')
        size--;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
    text[size] = '\0';
    return text;
}

const char *arm_text(const struct sluice_dump_arm *arm, char text[static ARM_TEXT_SIZE])
{
    if (arm->kind == SLUICE_KIND_TASK)
        snprintf(text, ARM_TEXT_SIZE, "task %" PRIu64, arm->task);
    else if (*arm->name != '\0')
        snprintf(text, ARM_TEXT_SIZE, "%s", arm->name);
    else if (*arm->key != '\0')
        snprintf(text, ARM_TEXT_SIZE, "%s key %s", sluice_kind_name(arm->kind), arm->key);
    else if (arm->serial != 0)
        snprintf(text, ARM_TEXT_SIZE, "%s#%" PRIu64, sluice_kind_name(arm->kind), arm->serial);
    else
        snprintf(text, ARM_TEXT_SIZE, "%s",
                 arm->verb == SLUICE_VERB_SEND || arm->verb == SLUICE_VERB_RECV ? "nil" : "");
    return text;
}

static void print_party(const char *role, const char *name, int32_t pid, uint32_t uid, uint64_t session)
{
    printf("%-12s%s, pid %" PRId32 ", uid %" PRIu32 ", session %" PRIu64 ": ", role, name, pid, uid, session);
}

static void end_party(int32_t pid)
{
    char command[COMMAND_SIZE];
    printf(*command_of(pid, command) == '\0' ? "%s\n" : " (%s)\n", command);
}

static void print_holder(const struct sluice_holder *h, int64_t now_ns)
{
    char text[DURATION_TEXT_SIZE];
    print_party("holder", h->name, h->pid, h->uid, h->session);
    printf("token %" PRIu64, h->token);
    if (h->permits > 1)
        printf(", %" PRIu64 " permits", h->permits);
    if (h->shared)
        fputs(", for reading", stdout);
    if (h->task != 0)
        printf(", in task %" PRIu64, h->task);
    printf(", for %s", duration_short(now_ns - h->since_ns, text));
    if (h->has_until)
        printf(", %s left", duration_short(h->until_ns - now_ns, text));
    end_party(h->pid);
}

static void print_waiter(const struct sluice_waiter *w, int64_t now_ns)
{
    char text[DURATION_TEXT_SIZE];
    print_party("waiter", w->name, w->pid, w->uid, w->session);
    printf("to %s (%s)", sluice_verb_name(w->verb), w->op);
    if (w->task != 0)
        printf(", in task %" PRIu64, w->task);
    printf(" for %s", duration_short(now_ns - w->since_ns, text));
    end_party(w->pid);
}

void parties_print(const struct sluice_description *d)
{
    for (size_t i = 0; i < d->holders_count; i++)
        print_holder(&d->holders[i], d->now_ns);
    for (size_t i = 0; i < d->waiters_count; i++)
        print_waiter(&d->waiters[i], d->now_ns);
    if (d->waiting > d->waiters_count)
        printf("            and %" PRIu64 " more\n", d->waiting - d->waiters_count);
}

static json_t *holder_json(const struct sluice_holder *h)
{
    char command[COMMAND_SIZE];
    return json_pack("{s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:b, s:I, s:o, s:I}", "session",
                     (json_int_t)h->session, "pid", (json_int_t)h->pid, "uid", (json_int_t)h->uid, "name",
                     h->name, "command", command_of(h->pid, command), "token", (json_int_t)h->token,
                     "permits", (json_int_t)h->permits, "shared", h->shared, "since_ns",
                     (json_int_t)h->since_ns, "until_ns",
                     h->has_until ? json_integer(h->until_ns) : json_null(), "task", (json_int_t)h->task);
}

static json_t *waiter_json(const struct sluice_waiter *w)
{
    char command[COMMAND_SIZE];
    return json_pack("{s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:I, s:I}", "session", (json_int_t)w->session,
                     "pid", (json_int_t)w->pid, "uid", (json_int_t)w->uid, "name", w->name, "command",
                     command_of(w->pid, command), "verb", sluice_verb_name(w->verb), "op", w->op, "since_ns",
                     (json_int_t)w->since_ns, "task", (json_int_t)w->task);
}

void parties_json(const struct sluice_description *d, json_t *json)
{
    json_t *holders = json_array(), *waiters = json_array();
    for (size_t i = 0; i < d->holders_count; i++)
        json_array_append_new(holders, holder_json(&d->holders[i]));
    for (size_t i = 0; i < d->waiters_count; i++)
        json_array_append_new(waiters, waiter_json(&d->waiters[i]));
    if (d->holders_count > 0)
        json_object_set(json, "holders", holders);
    if (d->waiters_count > 0)
        json_object_set(json, "waiters", waiters);
    json_decref(holders);
    json_decref(waiters);
}

/*
 * select.c - sluice select: the first of several, from the shell.
 *
 * Each argument is an arm: a verb of arms.def and what it works on, or `done CTX`, which is a receive from a context whose end is
 * what was hoped for. Objects are opened first: a channel's element type says what the text behind NAME= stands for, and only items of
 * channels can be leased. What was received is acknowledged after it was written, as by recv.
 *
 * A grant would end with this command, so one is given back at once, by the end of the session, unless --hold-for-pid leaves it with a process.
 * So there is no `begin`: the shell has no way to end what it would begin, and `once`, `flight` and `group run` do both.
 *
 * The answer is a line: the arm's index, and the value, the token or the number if there is one. Its exit code is that of what was committed, so a closed
 * channel is 3; the end of a context is 0 when it was asked for as `done`.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "channel.h"
#include "duration.h"
#include "link.h"
#include "out.h"
#include "sync.h"
#include "value.h"
#include "verb.h"

/* One arm as it was written. */
struct clause {
    enum sluice_verb verb;
    bool done;
    char *name;            /* its own memory, as the next two are */
    char *key;             /* TAKE; NULL: the empty one */
    char *lock;            /* COND */
    enum sluice_kind kind; /* of the object */
    struct values value;   /* SEND */
};

/* What the committed arm gave. */
struct answer {
    struct sluice_item item;
    struct sluice_grant grant;   /* the token 0: none. WAIT on a mutex: its holder's */
    struct sluice_quota quota;   /* TAKE */
    int64_t number;              /* WAIT on a counter, a barrier */
    uint64_t revision;           /* WAIT on a cell */
    bool failed;                 /* WAIT on a once, a group; CALL */
    uint64_t epoch;              /* CALL */
    struct sluice_ending ending; /* WAIT on a task */
    bool last;                   /* WAIT on a barrier */
};

static struct {
    bool auto_ack;
    int64_t lease_ns;
    int32_t for_pid; /* 0: none */
    uint64_t fence;  /* 0: none */
} options = {.lease_ns = 600 * SLUICE_SECOND};

enum { KEY_AUTO_ACK = 0x100, KEY_LEASE, KEY_FOR_PID, KEY_FENCE };

static bool select_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_AUTO_ACK: options.auto_ack = true; return true;
    case KEY_LEASE:
        options.lease_ns = args_duration(state, "--lease", arg);
        if (options.lease_ns <= 0)
            argp_error(state, "--lease: %s is not a time to come", arg);
        return true;
    case KEY_FOR_PID:
        options.for_pid = (int32_t)args_number(state, "--hold-for-pid", arg, 1, INT32_MAX);
        return true;
    case KEY_FENCE: options.fence = (uint64_t)args_number(state, "--fence", arg, 1, INT64_MAX); return true;
    default: return false;
    }
}

/* The verb a word stands for; NONE: none. */
static enum sluice_verb verb_of(const char *word, size_t size)
{
#define ARM(NAME, name, number, help)                                \
    if (size == sizeof #name - 1 && strncmp(word, #name, size) == 0) \
        return SLUICE_VERB_##NAME;
#include "arms.def"
#undef ARM
    return size == 4 && strncmp(word, "done", 4) == 0 ? SLUICE_VERB_RECV : SLUICE_VERB_NONE;
}

/* A number is a task's, unless something has it for a name. */
static enum sluice_status open_object(sluice *s, const struct clause *clause, struct sluice_arm *arm,
                                      struct sluice_made *ret_made)
{
    uint32_t rights = clause->verb == SLUICE_VERB_SEND ? SLUICE_RIGHT_SEND : SLUICE_RIGHT_RECV;
    uint64_t task = clause->verb == SLUICE_VERB_WAIT ? args_task(clause->name) : 0;
    enum sluice_kind kind = clause->done ? SLUICE_KIND_CONTEXT : SLUICE_KIND_NONE;
    enum sluice_status status =
        sluice_open_ref(s, sluice_named(clause->name), rights, kind, &arm->ref, ret_made);
    if (status == SLUICE_NOT_FOUND && task != 0)
        status = sluice_open_ref(s, sluice_task_numbered(task).ref, rights, kind, &arm->ref, ret_made);
    return status;
}

/* Opens the object of an arm and, for a send or a call, converts its value. 0, or the exit code. */
static int bind(sluice *s, struct clause *clause, const char *value, struct sluice_arm *arm)
{
    struct sluice_made made = {0};
    enum sluice_status status = open_object(s, clause, arm, &made);
    if (status != SLUICE_OK)
        return fail(status, clause->name);
    clause->kind = made.kind;
    if (clause->verb == SLUICE_VERB_WAIT && arm->compare == SLUICE_COMPARE_NONE &&
        (made.kind == SLUICE_KIND_CELL || made.kind == SLUICE_KIND_MUTEX))
        arm->compare = SLUICE_COMPARE_NE; /* than 0: until it has a value, a holder */
    if (made.kind == SLUICE_KIND_CHANNEL && value == NULL && !options.auto_ack)
        arm->lease_ns = options.lease_ns;
    if (made.kind == SLUICE_KIND_CHANNEL)
        arm->token = options.fence;
    if (value == NULL)
        return 0;
    const char *why = NULL;
    if (clause->verb == SLUICE_VERB_CALL)
        made.type = SLUICE_TYPE_BYTES;
    if (!values_add(&clause->value, made.type, false, value, strlen(value), &why))
        return fail_text(EX_USAGE, "%s: '%s' %s, as its type %s wants", clause->name, value, why,
                         sluice_type_name(made.type));
    arm->value = clause->value.values[0];
    return 0;
}

static int wrong(const char *text, const char *expected)
{
    return fail_text(EX_USAGE, "'%s' is no arm: expected %s", text, expected);
}

static char *copy(const char *text, size_t size)
{
    char *copied = strndup(text, size);
    if (copied == NULL)
        abort();
    return copied;
}

/* Reads =K, if it is there, and returns what stands behind it; NULL: it is no number. */
static const char *parse_permits(const char *text, uint64_t *ret)
{
    char *end = NULL;
    *ret = 1;
    if (*text != '=')
        return text;
    *ret = strtoull(text + 1, &end, 10);
    return text[1] >= '0' && text[1] <= '9' ? end : NULL;
}

/* Reads @RANK, if it is there, and returns what stands behind it; NULL: it is no number. */
static const char *parse_rank(const char *text, int64_t *ret)
{
    char *end = NULL;
    if (*text != '@')
        return text;
    errno = 0;
    *ret = strtoimax(text + 1, &end, 10);
    return errno == 0 && end != text + 1 ? end : NULL;
}

/* LOCK TOKEN. */
static bool parse_lock(const char *text, struct clause *clause, struct sluice_arm *arm)
{
    text += strspn(text, " ");
    size_t size = strcspn(text, " ");
    char *end = NULL;
    clause->lock = copy(text, size);
    arm->lock = sluice_named(clause->lock);
    text += size + strspn(text + size, " ");
    arm->token = strtoull(text, &end, 10);
    return size > 0 && *text >= '1' && *text <= '9' && *end == '\0';
}

/* Reads what may stand behind the name of something to acquire, to take from or to wait for. */
static bool parse_rest(const char *text, struct clause *clause, struct sluice_arm *arm)
{
    if (arm->verb == SLUICE_VERB_WAIT)
        return *text == '\0' || condition_parse(text, &arm->compare, &arm->operand);
    if (arm->verb == SLUICE_VERB_COND)
        return parse_lock(text, clause, arm);
    text = parse_permits(text, &arm->permits);
    if (text == NULL || *text == '\0')
        return text != NULL;
    if (arm->verb != SLUICE_VERB_TAKE || *text != ' ')
        return false;
    text += strspn(text, " ");
    arm->key = clause->key = copy(text, strlen(text));
    return true;
}

/* Where the name ends. */
static size_t name_length(enum sluice_verb verb, const char *text)
{
    switch (verb) {
    case SLUICE_VERB_SEND: return strcspn(text, "=@");
    case SLUICE_VERB_CALL:
    case SLUICE_VERB_ACQUIRE: return strcspn(text, "=");
    case SLUICE_VERB_TAKE: return strcspn(text, "= ");
    case SLUICE_VERB_COND: return strcspn(text, " ");
    case SLUICE_VERB_WAIT: return strcspn(text, "=<>! ");
    default: return strlen(text);
    }
}

/* What an arm with more than a name looks like; NULL: there is no such arm. */
static const char *form_of(enum sluice_verb verb)
{
    switch (verb) {
    case SLUICE_VERB_ACQUIRE: return "'acquire NAME' or 'acquire NAME=K'";
    case SLUICE_VERB_TAKE: return "'take NAME', 'take NAME=N' or 'take NAME KEY'";
    case SLUICE_VERB_COND: return "'cond NAME LOCK TOKEN'";
    case SLUICE_VERB_WAIT: return "'wait NAME', or a counter's 'wait NAME>=N'";
    default: return NULL;
    }
}

/* Reads one arm. 0, or the exit code. */
static int parse_arm(sluice *s, const char *text, struct clause *clause, struct sluice_arm *arm)
{
    size_t verb_size = strcspn(text, " ");
    clause->verb = arm->verb = verb_of(text, verb_size);
    clause->done = verb_size == 4 && strncmp(text, "done", 4) == 0;
    const char *rest = text + verb_size + strspn(text + verb_size, " ");
    size_t name_size = name_length(clause->verb, rest);
    const char *value = NULL; /* SEND: behind the name, a sign of equality in front */
    switch (clause->verb) {
    case SLUICE_VERB_SEND:
        value = parse_rank(rest + name_size, &arm->rank);
        if (name_size == 0 || value == NULL || *value != '=')
            return wrong(text, "'send NAME=VALUE' or 'send NAME@RANK=VALUE'");
        break;
    case SLUICE_VERB_CALL:
        value = rest + name_size;
        if (name_size == 0 || *value != '=')
            return wrong(text, "'call NAME=VALUE'");
        break;
    case SLUICE_VERB_RECV:
        if (name_size == 0)
            return wrong(text, clause->done ? "'done CTX'" : "'recv NAME'");
        break;
    case SLUICE_VERB_AFTER: return duration_parse(rest, &arm->delay_ns) ? 0 : wrong(text, "'after DUR'");
    case SLUICE_VERB_DEFAULT: return *rest == '\0' ? 0 : wrong(text, "'default'");
    case SLUICE_VERB_LOCK:
    case SLUICE_VERB_RLOCK:
        if (name_size == 0)
            return wrong(text, "'lock NAME' or 'rlock NAME'");
        break;
    default:
        if (form_of(clause->verb) == NULL)
            return wrong(
                text,
                "'recv NAME', 'send NAME=VALUE', 'done CTX', 'after DUR', 'lock NAME', 'rlock NAME', "
                "'acquire NAME', 'take NAME', 'wait NAME', 'cond NAME LOCK TOKEN', 'call NAME=VALUE' or 'default'");
        if (name_size == 0 || !parse_rest(rest + name_size, clause, arm))
            return wrong(text, form_of(clause->verb));
        break;
    }
    clause->name = copy(rest, name_size);
    return bind(s, clause, value == NULL ? NULL : value + 1, arm);
}

/* Whether the committed arm told who holds a lock, and gave no grant. */
static bool is_observed(const struct clause *clause)
{
    return clause->verb == SLUICE_VERB_WAIT && clause->kind == SLUICE_KIND_MUTEX;
}

/* What a wait gave besides a value. */
static void print_wait_json(const struct clause *clause, const struct answer *a)
{
    switch (clause->kind) {
    case SLUICE_KIND_COUNTER: printf(",\"number\":%" PRId64, a->number); break;
    case SLUICE_KIND_CELL: printf(",\"revision\":%" PRIu64, a->revision); break;
    case SLUICE_KIND_MUTEX: printf(",\"token\":%" PRIu64, a->grant.token); break;
    case SLUICE_KIND_ONCE:
    case SLUICE_KIND_GROUP: printf(",\"failed\":%s", a->failed ? "true" : "false"); break;
    case SLUICE_KIND_BARRIER:
        printf(",\"cycle\":%" PRId64 ",\"last\":%s", a->number, a->last ? "true" : "false");
        break;
    case SLUICE_KIND_TASK:
        printf(",\"failed\":%s,\"ending\":\"%s\",\"exit\":", a->ending.failed ? "true" : "false",
               sluice_status_name(a->ending.status));
        if (a->ending.has_exit)
            printf("%" PRId32, a->ending.exit);
        else
            fputs("null", stdout);
        break;
    default: break;
    }
}

static void print_json(sluice *s, int index, const struct clause *clause, enum sluice_status status,
                       const struct out_format *format, const struct answer *a)
{
    printf("{\"index\":%d,\"verb\":\"%s\",\"name\":", index,
           clause->done ? "done" : sluice_verb_name(clause->verb));
    if (clause->name == NULL)
        fputs("null", stdout);
    else
        out_json_string(clause->name, strlen(clause->name));
    printf(",\"status\":\"%s\"", sluice_status_name(status));
    if (a->item.value.type != SLUICE_TYPE_NONE) {
        putchar(',');
        out_json_members(format, s, &a->item);
    }
    if (clause->verb == SLUICE_VERB_WAIT)
        print_wait_json(clause, a);
    else if (a->grant.token != 0)
        printf(",\"token\":%" PRIu64 ",\"owner_died\":%s", a->grant.token,
               a->grant.owner_died ? "true" : "false");
    if (clause->verb == SLUICE_VERB_CALL)
        printf(",\"failed\":%s,\"epoch\":%" PRIu64, a->failed ? "true" : "false", a->epoch);
    if (clause->verb == SLUICE_VERB_TAKE)
        printf(",\"remaining\":%" PRId64, a->quota.remaining);
    puts("}");
}

static void print_answer(const struct args *args, sluice *s, int index, const struct clause *clause,
                         enum sluice_status status, const struct answer *a)
{
    struct sluice_session session;
    sluice_session_get(s, &session);
    struct out_format format = {
        .how = OUT_RAW, .kind = clause->kind, .wall_offset_ns = session.wall_offset_ns};
    if (args->json) {
        format.ranked = clause->kind == SLUICE_KIND_CHANNEL && a->item.value.type != SLUICE_TYPE_NONE &&
                        channel_is_ordered(s, clause->name);
        print_json(s, index, clause, status, &format, a);
        return;
    }
    printf("%d", index);
    if (a->grant.token != 0 || is_observed(clause))
        printf(" %" PRIu64, a->grant.token);
    if (a->item.value.type != SLUICE_TYPE_NONE) {
        size_t size = 0;
        char *text = out_text(&format, s, &a->item, &size);
        putchar(' ');
        if (text != NULL)
            fwrite(text, 1, size, stdout);
        free(text);
    }
    if (clause->kind == SLUICE_KIND_COUNTER || clause->kind == SLUICE_KIND_BARRIER)
        printf(" %" PRId64, a->number);
    if (a->ending.has_exit)
        printf(" %" PRId32, a->ending.exit);
    putchar('\n');
}

/* Leaves what was granted with the process that was named. 0, or the exit code. */
static int leave(sluice *s, const struct clause *clause, const struct answer *a)
{
    if (a->grant.token == 0 || is_observed(clause) || options.for_pid == 0)
        return 0;
    char process[32];
    snprintf(process, sizeof process, "process %" PRId32, options.for_pid);
    return fail(sluice_adopt_for(s, a->grant.token, options.for_pid), process);
}

static int run_select(const struct args *args, sluice *s, const struct clause *clauses,
                      struct sluice_arm *arms, size_t count)
{
    struct sluice_wait wait = args_wait(args);
    struct answer answer = {0};
    int index = -1;
    for (size_t i = 0; i < count; i++) {
        arms[i].ret_grant = &answer.grant;
        arms[i].ret_number = &answer.number;
        arms[i].ret_revision = &answer.revision;
        arms[i].ret_failed = &answer.failed;
        arms[i].ret_last = &answer.last;
        arms[i].ret_quota = &answer.quota;
        arms[i].ret_epoch = &answer.epoch;
        arms[i].ret_ending = &answer.ending;
    }
    enum sluice_status status = sluice_select(s, arms, count, &wait, &index, &answer.item);
    if (index < 0)
        return fail(status, NULL);
    const struct clause *clause = &clauses[index];
    if (clause->verb == SLUICE_VERB_TAKE)
        answer.grant.token = answer.quota.token;
    if (answer.ending.has_exit) /* a command's: its output is a message for programs */
        sluice_item_free(&answer.item);
    int code = leave(s, clause, &answer);
    if (code != 0)
        return code;
    if ((status == SLUICE_OK || status == SLUICE_CLOSED) && interrupt_local_begin())
        print_answer(args, s, index, clause, status, &answer);
    interrupt_local_end();
    code = clause->done && status == SLUICE_CLOSED ? 0 : fail(status, clause->name);
    int flushed = out_flush();
    if (flushed == 0 && answer.item.lease.number != 0) {
        status = sluice_ack(s, &answer.item.lease, 1, NULL);
        flushed = fail(status, clause->name);
    }
    sluice_item_free(&answer.item);
    sluice_ending_free(&answer.ending);
    return flushed != 0 ? flushed : code;
}

static int select_run(struct args *args, sluice *s)
{
    size_t count = (size_t)args->words_count;
    struct clause *clauses = calloc(count, sizeof *clauses);
    struct sluice_arm *arms = calloc(count, sizeof *arms);
    if (clauses == NULL || arms == NULL)
        abort();
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = parse_arm(s, args->words[i], &clauses[i], &arms[i]);
    if (code == 0)
        code = run_select(args, s, clauses, arms, count);
    for (size_t i = 0; i < count; i++) {
        values_done(&clauses[i].value);
        free(clauses[i].name);
        free(clauses[i].key);
        free(clauses[i].lock);
    }
    free(clauses);
    free(arms);
    return code;
}

static const struct argp_option select_options[] = {
    {"auto-ack", KEY_AUTO_ACK, NULL, 0, "Take the item without a lease", 1},
    {"lease", KEY_LEASE, "DUR", 0, "How long the item stays away should this process hang (default: 10m)", 1},
    {"hold-for-pid", KEY_FOR_PID, "PID", 0,
     "What was locked, acquired or taken is held until this process dies, or `unlock`; else no longer than this command",
     1},
    {"fence", KEY_FENCE, "TOKEN", 0, "The token that sends and receives show, as those of `send` and `recv`",
     1},
    {0},
};

const struct verb verb_select = {
    .name = "select",
    .words = "ARM...",
    .help = "Wait for the first of several, and do exactly one",
    .text =
        "An ARM is one argument: 'recv NAME', 'send NAME=VALUE' or, into an ordered channel, 'send NAME@RANK=VALUE', 'done CTX' (the context has ended), 'after DUR', or 'default' (nothing else is ready); "
        "'lock NAME', 'rlock NAME', 'acquire NAME[=K]' with K permits, which print the token; 'take NAME[=N] [KEY]' from a limiter; 'cond NAME LOCK TOKEN', which gives that lock up and, when this is the arm, prints its new token; 'wait NAME' for a wait group, a once, or a group, which prints its first error, or a barrier, which prints the cycle, 'wait NAME>=100' for a counter, which prints its value, 'wait NAME' or 'wait NAME!=7' for a cell that has a value, or has another than that of revision 7, which prints it, and the same for a mutex that has a holder, or another than that with token 7, which prints the token (0: nobody) and what the holder says of itself; 'wait TASK' for a task by its number, which prints its exit code (minus the signal) or its result; 'call NAME=VALUE' of an actor, which prints its reply. "
        "Of several that are ready one is picked at random.\n\n"
        "Prints the arm's index, from 0, and a space and the value, the token or the number if there is one. Exit code: 0, or 3 when the arm found its channel closed.\n\n"
        "Example:\n"
        "  sluice select 'recv jobs' 'send out=42' \"done $CTX\" 'after 2s'\n"
        "  sluice select 'lock left' 'lock right' --hold-for-pid $$",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_JSON,
    .words_min = 1,
    .words_max = -1,
    .options = select_options,
    .option = select_option,
    .run = select_run,
};

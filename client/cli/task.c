/*
 * task.c - what the verbs of tasks share: see task.h.
 *
 * How a task ended is told as Go's os/exec tells it: a command's own failure wins over everything; where it ended well and yet had been told to stop, the
 * reason counts. So `sluice wait` exits as the command would have here.
 */
#include "task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "link.h"
#include "out.h"

uint64_t task_number(struct argp_state *state, const char *text)
{
    return (uint64_t)args_number(state, "task", text, 1, INT64_MAX);
}

int task_fail(enum sluice_status status, uint64_t number)
{
    if (status == SLUICE_NOT_FOUND)
        return fail_text(EX_NOINPUT,
                         "task %" PRIu64
                         ": no such task, or its result is not kept any more (sluice tasks --all lists them)",
                         number);
    char name[32];
    snprintf(name, sizeof name, "task %" PRIu64, number);
    return fail(status, name);
}

int task_fail_pool(enum sluice_status status, const char *name)
{
    int code = sluice_exit_code(status);
    switch (status) {
    case SLUICE_NOT_FOUND:
        return fail_text(code, "%s: no such pool (make it with: sluice pool make %s)", name, name);
    case SLUICE_SEND_ON_CLOSED:
        return fail_text(code, "%s: the pool is closed: it takes no more tasks", name);
    case SLUICE_CLOSE_OF_CLOSED: return fail_text(code, "%s: close of closed pool", name);
    default: return fail(status, name);
    }
}

/* ---- Pools */

enum sluice_status task_open_pool(sluice *s, const char *name, int64_t limit, sluice_pool *ret)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_pool_spec spec = SLUICE_POOL_SPEC_INIT;
    how.name = name;
    how.lifetime = SLUICE_DETACHED;
    how.exclusive = true;
    spec.limit = limit;
    for (;;) {
        enum sluice_status status = sluice_pool_open(s, name, 0, ret);
        if (status == SLUICE_NOT_FOUND)
            status = sluice_pool_make_with(s, &how, &spec, ret, NULL);
        if (status != SLUICE_EXISTS) /* since we looked */
            return status;
    }
}

enum sluice_status task_describe_pool(sluice *s, const char *name, struct sluice_description **ret)
{
    sluice_pool pool = SLUICE_NIL;
    enum sluice_status status = sluice_pool_open(s, name, SLUICE_RIGHT_OBSERVE, &pool);
    return status == SLUICE_OK ? sluice_describe(s, pool.ref, ret) : status;
}

/* ---- Commands */

int task_encode(sluice *s, const struct sluice_command *command, struct sluice_item *ret)
{
    struct sluice_session session;
    struct sluice_item item = {0};
    sluice_session_get(s, &session);
    enum sluice_status status = sluice_command_encode(command, &item);
    if (status != SLUICE_OK)
        return fail(status, NULL);
    size_t size = item.value.bytes.size;
    if (size > session.payload_size_max) {
        sluice_item_free(&item);
        return fail_text(
            sluice_exit_code(SLUICE_TOO_LARGE),
            "the command with its arguments, variables and input takes %zu bytes, and the daemon's "
            "limit for a payload, payload_size_max, is %" PRIu64
            ": hand large data over in a file or a channel",
            size, session.payload_size_max);
    }
    *ret = item;
    return 0;
}

/* ---- Endings */

void task_end_take(struct task_end *end, struct sluice_ending *ending, bool command)
{
    end->ending = *ending;
    *ending = (struct sluice_ending){.failed = false};
    end->result = NULL;
    if (command && end->ending.item.value.type == SLUICE_TYPE_BYTES &&
        sluice_command_result_decode(&end->ending.item.value, &end->result) != SLUICE_OK)
        end->result = NULL;
}

void task_end_done(struct task_end *end)
{
    end->result = sluice_command_result_free(end->result);
    sluice_ending_free(&end->ending);
}

int task_end_code(const struct task_end *end)
{
    const struct sluice_ending *e = &end->ending;
    if (e->has_exit && e->exit != 0)
        return e->exit < 0 ? 128 - e->exit : e->exit;
    if (e->status != SLUICE_OK)
        return sluice_exit_code(e->status);
    return e->failed ? 1 : 0;
}

void task_end_explain(const struct task_end *end, const char *what)
{
    const struct sluice_ending *e = &end->ending;
    if (end->result != NULL && end->result->error != NULL)
        remark("%s: %s", what, end->result->error);
    else if (e->status != SLUICE_OK && e->cause != NULL)
        remark("%s: %s: %s", what, sluice_strstatus(e->status), e->cause);
    else if (e->status == SLUICE_OWNER_DIED)
        remark("%s: its worker died, and it had no retries left", what);
    else if (e->status != SLUICE_OK)
        remark("%s: %s", what, sluice_strstatus(e->status));
}

static bool print_output(const struct sluice_output *o, FILE *to, const char *what, const char *which)
{
    if (o->head.size > 0)
        fwrite(o->head.data, 1, o->head.size, to);
    if (o->dropped > 0) {
        fflush(to);
        remark("%s: %" PRIu64 " bytes in the middle of its %s were not kept", what, o->dropped, which);
    }
    if (o->tail.size > 0)
        fwrite(o->tail.data, 1, o->tail.size, to);
    return o->dropped == 0;
}

bool task_end_print(const struct task_end *end, const char *what)
{
    if (end->result == NULL)
        return true;
    bool out = print_output(&end->result->out, stdout, what, "stdout");
    fflush(stdout);
    bool err = print_output(&end->result->err, stderr, what, "stderr");
    return out && err;
}

/* ---- JSON */

static void json_text(const char *name, const char *text)
{
    printf(",\"%s\":", name);
    if (text == NULL)
        fputs("null", stdout);
    else
        out_json_string(text, strlen(text));
}

/* Its bytes as one string, or an array of the head and the tail. */
static void json_output(sluice *s, const char *name, const struct sluice_output *o)
{
    const struct sluice_value head = sluice_bytes(o->head.data, o->head.size),
                              tail = sluice_bytes(o->tail.data, o->tail.size);
    printf(",\"%s\":", name);
    out_json_value(s, &head);
    if (o->tail.size > 0) {
        printf(",\"%s_tail\":", name);
        out_json_value(s, &tail);
    }
    if (o->dropped > 0)
        printf(",\"%s_dropped\":%" PRIu64, name, o->dropped);
}

void task_end_json(const struct task_end *end, sluice *s)
{
    const struct sluice_ending *e = &end->ending;
    printf("\"failed\":%s,\"status\":\"%s\",\"exit\":", e->failed ? "true" : "false",
           sluice_status_name(e->status));
    if (e->has_exit && e->exit >= 0)
        printf("%" PRId32 ",\"signal\":null", e->exit);
    else if (e->has_exit)
        printf("null,\"signal\":%" PRId32, -e->exit);
    else
        fputs("null,\"signal\":null", stdout);
    json_text("cause", e->cause);
    if (end->result != NULL) {
        json_text("error", end->result->error);
        json_output(s, "out", &end->result->out);
        json_output(s, "err", &end->result->err);
    } else if (e->item.value.type != SLUICE_TYPE_NONE) {
        fputs(",\"value\":", stdout);
        out_json_value(s, &e->item.value);
    }
}

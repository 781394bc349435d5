/*
 * work.c - an actor, a pool or a task as text and as JSON: see work.h.
 *
 * An actor has an owner, as a lock has a holder, and calls that wait for it. A pool has tasks in each of their states, counted. A task has
 * a number, by which all speak of it, and an attempt that runs.
 */
#include "work.h"

#include <inttypes.h>
#include <stdio.h>

#include "describe.h"
#include "duration.h"
#include "parties.h"

const char *work_task_state(enum sluice_task_state state)
{
    static const char *const names[] = {
        [SLUICE_TASK_BLOCKED] = "blocked", [SLUICE_TASK_DELAYED] = "delayed",
        [SLUICE_TASK_QUEUED] = "queued",   [SLUICE_TASK_RUNNING] = "running",
        [SLUICE_TASK_WAITING] = "waiting", [SLUICE_TASK_RUNNABLE] = "runnable",
        [SLUICE_TASK_DEAD] = "dead",
    };
    return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

const char *work_task_end(const struct sluice_description *d, char text[static 24])
{
    if (d->task.state != SLUICE_TASK_DEAD)
        return "";
    switch (d->task.ending) {
    case SLUICE_OK: break;
    case SLUICE_CANCELED: return "cancelled";
    case SLUICE_DEADLINE_EXCEEDED: return "late";
    default: return "lost";
    }
    if (!d->task.has_exit || d->task.exit == 0)
        return d->task.failed ? "failed" : "done";
    if (d->task.exit < 0)
        snprintf(text, 24, "signal %" PRId32, -d->task.exit);
    else
        snprintf(text, 24, "exit %" PRId32, d->task.exit);
    return text;
}

const char *work_state(const struct sluice_description *d)
{
    switch (d->kind) {
    case SLUICE_KIND_ACTOR: return d->hold.holds == 0 ? "free" : d->actor.serving ? "serving" : "owned";
    case SLUICE_KIND_POOL:
        return d->pool.closed ? "closed" : d->pool.paused ? "paused" : d->pool.workers == 0 ? "idle" : "open";
    default: return work_task_state(d->task.state);
    }
}

/* ---- Text */

static void print_actor(const struct sluice_description *d)
{
    printf("state       %s\nepoch       %" PRIu64 "\n", work_state(d), d->actor.epoch);
    if (d->hold.holds > 0)
        printf("owned by    session %" PRIu64 ", token %" PRIu64 "\n", d->hold.holder, d->hold.token);
    if (d->hold.owner_died)
        puts("owner died  the next owner will be told");
    printf("calls       %" PRIu64 " wait, %s, %" PRIu64 " served\n", d->actor.calls,
           d->actor.serving ? "one is being served" : "none is being served", d->actor.served);
    printf("owner goes  calls %s\n", d->actor.fail ? "fail" : "are its successor's");
    describe_value("checkpoint  ", &d->hold.said);
}

static void print_bound(const char *what, int64_t bound, const char *none)
{
    if (bound < 0)
        printf("%s%s\n", what, none);
    else
        printf("%s%" PRId64 "\n", what, bound);
}

static void print_pool(const struct sluice_description *d)
{
    printf("state       %s%s\n", d->pool.closed ? "closed" : "open", d->pool.paused ? ", paused" : "");
    print_bound("limit       ", d->pool.limit, "as many as there are slots");
    print_bound("capacity    ", d->pool.capacity, "no bound");
    printf("workers     %" PRIu64 " with %" PRIu64 " slots\n", d->pool.workers, d->pool.slots);
    printf("tasks       %" PRIu64 " queued, %" PRIu64 " running, %" PRIu64 " waiting, %" PRIu64 " kept\n",
           d->pool.queued, d->pool.running, d->pool.waiting, d->pool.tasks);
    printf("finished    %" PRIu64 ", %" PRIu64 " of them failed\n", d->pool.finished, d->pool.failed);
}

static void print_task(const struct sluice_description *d)
{
    char text[DURATION_TEXT_SIZE], end[24];
    char runs[WORK_TEXT_SIZE], wait[WORK_TEXT_SIZE];
    bool command = *d->task.function == '\0';
    printf("number      %" PRIu64 "\n", d->task.number);
    if (*d->task.pool_name != '\0')
        printf("pool        %s\n", d->task.pool_name);
    else
        printf("pool        #%" PRIu64 "\n", d->task.pool);
    printf("runs        %s%s\n", command ? "" : "function ", work_runs(d, runs));
    printf("state       %s%s for %s\n", work_state(d), d->task.stopping ? ", told to stop," : "",
           duration_short(d->now_ns - d->task.state_since_ns, text));
    if (d->task.state == SLUICE_TASK_DEAD)
        printf("ended       %s\n", work_task_end(d, end));
    printf("attempts    %" PRIu32 " of at most %" PRIu64 "\npriority    %" PRId32 "\n", d->task.attempts,
           (uint64_t)d->task.retries + 1, d->task.priority);
    if (d->task.wait != NULL || d->task.after != 0)
        printf("waits in    %s\n", work_wait(d, wait));
    if (d->hold.holder != 0)
        printf("run by      session %" PRIu64 ", token %" PRIu64 "\n", d->hold.holder, d->hold.token);
}

const char *work_runs(const struct sluice_description *d, char text[static WORK_TEXT_SIZE])
{
    struct sluice_command *command = NULL;
    size_t used = 0;
    *text = '\0';
    if (*d->task.function != '\0')
        return d->task.function;
    if (d->task.value.type != SLUICE_TYPE_BYTES ||
        sluice_command_decode(&d->task.value, &command) != SLUICE_OK)
        return "(command)";
    for (const char *const *word = command->argv; *word != NULL && used < WORK_TEXT_SIZE; word++)
        used += (size_t)snprintf(text + used, WORK_TEXT_SIZE - used, "%s%s", used > 0 ? " " : "", *word);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    sluice_command_free(command);
    return text;
}

const char *work_wait(const struct sluice_description *d, char text[static WORK_TEXT_SIZE])
{
    const struct sluice_dump_call *wait = d->task.wait;
    char on[ARM_TEXT_SIZE] = "";
    *text = '\0';
    if (d->task.after != 0)
        snprintf(text, WORK_TEXT_SIZE, "after task %" PRIu64, d->task.after);
    if (wait == NULL)
        return text;
    if (wait->arms_shown > 0)
        arm_text(&wait->arms[0], on);
    snprintf(text, WORK_TEXT_SIZE, "%s%s%s%s", wait->op, *on == '\0' ? "" : " ", on,
             wait->arms_count > 1 ? " | ..." : "");
    return text;
}

void work_print(const struct sluice_description *d)
{
    switch (d->kind) {
    case SLUICE_KIND_ACTOR: print_actor(d); break;
    case SLUICE_KIND_POOL: print_pool(d); break;
    default: print_task(d); break;
    }
}

/* ---- JSON */

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* null: there is none. */
static json_t *bound(int64_t n)
{
    return n < 0 ? json_null() : json_integer(n);
}

static json_t *actor_json(const struct sluice_description *d)
{
    json_t *json = describe_hold_json(d);
    json_t *own =
        json_pack("{s:o, s:o, s:o, s:b, s:b, s:o}", "epoch", number(d->actor.epoch), "calls",
                  number(d->actor.calls), "served", number(d->actor.served), "serving", d->actor.serving,
                  "fail", d->actor.fail, "checkpoint", describe_value_json(&d->hold.said));
    json_object_update(json, own);
    json_decref(own);
    return json;
}

static json_t *pool_json(const struct sluice_description *d)
{
    return json_pack("{s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "limit",
                     bound(d->pool.limit), "capacity", bound(d->pool.capacity), "paused", d->pool.paused,
                     "closed", d->pool.closed, "workers", number(d->pool.workers), "slots",
                     number(d->pool.slots), "tasks", number(d->pool.tasks), "queued", number(d->pool.queued),
                     "running", number(d->pool.running), "tasks_waiting", number(d->pool.waiting), "finished",
                     number(d->pool.finished), "failed", number(d->pool.failed));
}

static json_t *task_json(const struct sluice_description *d)
{
    char end[24];
    bool dead = d->task.state == SLUICE_TASK_DEAD;
    char runs[WORK_TEXT_SIZE], wait[WORK_TEXT_SIZE];
    return json_pack(
        "{s:s, s:s, s:o, s:s, s:I, s:s?, s:o, s:s, s:I, s:I, s:I, s:b, s:b, s:s?, s:s?, s:o, s:o, s:o}",
        "runs", work_runs(d, runs), "waits_in", work_wait(d, wait), "number", number(d->task.number), "state",
        work_state(d), "state_since_ns", (json_int_t)d->task.state_since_ns, "pool",
        *d->task.pool_name == '\0' ? NULL : d->task.pool_name, "pool_serial", number(d->task.pool),
        "function", d->task.function, "priority", (json_int_t)d->task.priority, "attempts",
        (json_int_t)d->task.attempts, "retries", (json_int_t)d->task.retries, "stopping", d->task.stopping,
        "failed", d->task.failed, "ending", dead ? sluice_status_name(d->task.ending) : NULL, "end",
        dead ? work_task_end(d, end) : NULL, "exit",
        d->task.has_exit ? json_integer(d->task.exit) : json_null(), "token", number(d->hold.token), "holder",
        number(d->hold.holder));
}

json_t *work_json(const struct sluice_description *d)
{
    switch (d->kind) {
    case SLUICE_KIND_ACTOR: return actor_json(d);
    case SLUICE_KIND_POOL: return pool_json(d);
    default: return task_json(d);
    }
}

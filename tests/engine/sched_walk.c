/*
 * sched_walk.c - what the walk without memory does with actors, pools and tasks (sched_walk.h).
 *
 * The pool has two slots of its limit and four of its worker's, so that one task can wait for slots while others run. What a step wakes
 * needs no memory, so there are always some who wait: for a call, for room, for a result, for a task.
 */
#include "sched_walk.h"

#include "kit_sched.h"

static const struct bytes functions[] = {{0}, {"f", 1}, {"g", 1}};

/* ---- The things ---- */

static void stand_actors(struct kit *k, struct sched_things *t)
{
    static const char *const names[] = {"busy", "idle", "quiet", "office"};
    for (int i = 0; i < 4; i++)
        kit_get(k, make_actor(t->a, names[i], i == 1), STATUS_OK);
    t->busy = own(k, t->a, "busy");
    t->idle = own(k, t->a, "idle");
    t->quiet = own(k, t->a, "quiet");
    kit_get(k, checkpoint(t->a, "idle", t->idle, "state"), STATUS_OK);
    kit_ask(k, call_actor(t->b, "busy", "first"));
    kit_ask(k, call_actor(t->b, "busy", "second"));
    kit_ask(k, call_actor(t->b, "idle", "first"));
    kit_ask(k, begin(t->b, "idle"));
    t->call = served_of(k, kit_ask(k, serve(t->a, "busy", t->busy))).number;
}

/* Begun, and in a receive of its own. */
static uint64_t stand_waiting(struct kit *k, struct sched_things *t, const char *channel, uint64_t *ret_token)
{
    uint64_t number = task_number(k, go(t->a, "pool", "waits"));
    struct job job = pulled(k, t->b, "pool", t->worker);
    assert_int_equal(job.number, number);
    kit_ask(k, in_task(recv_from(t->b, channel), job.token));
    *ret_token = job.token;
    return number;
}

static void stand_tasks(struct kit *k, struct sched_things *t)
{
    t->dead = task_number(k, go(t->a, "pool", "ends"));
    struct job job = pulled(k, t->b, "pool", t->worker);
    kit_get(k, end_task(t->b, &job, "done"), STATUS_OK);
    t->waiting = stand_waiting(k, t, "never", &t->waiting_token);
    t->runnable = stand_waiting(k, t, "now", &t->runnable_token);
    struct op op = go(t->a, "pool", "runs");
    op.go.spec.retries = 1;
    op.go.spec.backoff_ns = SECOND;
    op.go.spec.run_ns = SECOND;
    op.go.spec.key = (struct bytes){"key", 3};
    t->running = task_number(k, op);
    t->running_token = pulled(k, t->b, "pool", t->worker).token;
    kit_get(k, kill_task(t->a, t->running, 15), STATUS_OK);
    kit_ask(k, join(t->a, t->running));
    t->deaf = task_number(k, go(t->a, "pool", "hears nothing"));
    t->deaf_token = pulled(k, t->b, "pool", t->worker).token;
    kit_get(k, send_to(t->a, "now", "x"), STATUS_OK); /* to the one that is runnable now */
    t->queued = task_number(k, go_function(t->a, "pool", "f", "waits"));
    op = go(t->a, "pool", "comes after");
    struct ref before = by_task(t->queued);
    op.go.spec.after = &before;
    op.go.spec.after_count = 1;
    op.go.spec.context = by_name("leash");
    op.go.spec.within_ns = SECOND;
    task_number(k, op);
    kit_ask(k, watch(t->b, t->deaf, t->deaf_token));
}

void sched_stand(struct kit *k, uint64_t a, uint64_t b, struct sched_things *ret)
{
    struct sched_things *t = ret;
    *t = (struct sched_things){.a = a, .b = b};
    struct op op = make_channel(a, "ranked", 3);
    op.make.channel.ordered = true;
    kit_get(k, op, STATUS_OK);
    op = send_to(a, "ranked", "x");
    op.send.rank = 5;
    kit_get(k, op, STATUS_OK);
    kit_get(k, make_channel(a, "letters", 5), STATUS_OK);
    kit_get(k, make_channel(a, "never", 0), STATUS_OK);
    kit_get(k, make_channel(a, "now", 0), STATUS_OK);
    kit_get(k, make_context(a, "leash", NULL), STATUS_OK);
    stand_actors(k, t);
    op = make_pool(a, "pool", 2, -1);
    op.make.pool.dead_letter = by_name("letters");
    kit_get(k, op, STATUS_OK);
    kit_get(k, make_pool(a, "full", -1, 0), STATUS_OK);
    kit_get(k, make_pool(a, "empty", -1, -1), STATUS_OK);
    t->worker = token_of(k, work_for(b, "pool", 4, functions, 2));
    t->thirsty = token_of(k, work(b, "empty", 1));
    kit_ask(k, go(a, "full", "has no room"));
    stand_tasks(k, t);
}

/* ---- The requests ---- */

struct walk {
    const struct sched_things *t;
    const void *world;
    void (*each)(const void *world, struct op op);
};

static void step(const struct walk *w, struct op op)
{
    w->each(w->world, op);
}

static void ordered_requests(const struct walk *w)
{
    static const struct value two[] = {{.type = VALUE_BYTES, .bytes = {"x", 1}},
                                       {.type = VALUE_BYTES, .bytes = {"y", 1}}};
    static const int64_t ranks[] = {7, -7};
    struct op op = send_to(w->t->a, "ranked", "y");
    op.send.rank = -1;
    step(w, op);
    op = send_many(w->t->a, "ranked", two, 2);
    op.send_many.ranks = ranks;
    step(w, op);
    step(w, recv_leased(w->t->a, "ranked", SECOND));
    struct arm_spec arms[] = {arm_recv("never"), arm_send("ranked", "z")};
    arms[1].rank = 3;
    step(w, select_of(w->t->a, arms, 2));
    op = make_channel(w->t->a, "new", 1);
    op.make.channel.ordered = true;
    step(w, op);
}

static void actor_requests(const struct walk *w)
{
    const struct sched_things *t = w->t;
    step(w, make_actor(t->b, "new", true));
    step(w, begin(t->b, "office"));
    step(w, begin(t->b, "busy"));
    step(w, call_actor(t->b, "busy", "third"));
    step(w, call_actor(t->b, "office", "in time"));
    step(w, serve(t->a, "idle", t->idle));
    step(w, serve(t->a, "quiet", t->quiet));
    step(w, reply_to(t->a, "busy", t->busy, t->call, "answer"));
    struct op op = reply_to(t->a, "busy", t->busy, t->call, "");
    op.reply.failed = true;
    op.reply.value = (struct value){0};
    step(w, op);
    step(w, checkpoint(t->a, "busy", t->busy, "state"));
    step(w, end(t->a, "idle", t->idle, "last"));
    step(w, end(t->a, "busy", t->busy, "last"));
    struct arm_spec arms[] = {arm_of(ARM_CALL, "busy"), arm_of(ARM_SERVE, "quiet"), arm_of(ARM_BEGIN, "idle"),
                              arm_of(ARM_SERVE, "idle")};
    arms[0].value = text("in a select");
    arms[1].token = t->quiet;
    arms[3].token = t->idle;
    step(w, select_of(t->a, arms, 3));
    step(w, select_of(t->a, arms, 4));
    step(w, adopt(t->b, t->busy));
    step(w, of_name(OP_REMOVE, t->a, "busy"));
}

static void submitting_requests(const struct walk *w)
{
    const struct sched_things *t = w->t;
    const struct ref after[] = {by_task(t->queued), by_task(t->running), by_task(t->dead)};
    step(w, make_pool(t->b, "new", 1, 1));
    step(w, make_pool(t->b, "full", -1, 0));
    step(w, go(t->a, "pool", "plain"));
    step(w, go(t->a, "full", "waits for room"));
    step(w, go(t->b, "empty", "the first here"));
    struct op op = go_function(t->b, "pool", "f", "with all");
    op.go.spec.priority = 3;
    op.go.spec.delay_ns = op.go.spec.within_ns = op.go.spec.keep_ns = SECOND;
    op.go.spec.key = (struct bytes){"another", 7};
    op.go.spec.share = (struct bytes){"mine", 4};
    op.go.spec.context = by_name("leash");
    op.go.spec.after = after;
    op.go.spec.after_count = 3;
    step(w, op);
    op = go(t->b, "pool", "the same again");
    op.go.spec.key = (struct bytes){"key", 3};
    step(w, op);
    step(w, tune_limit(t->a, "pool", 5));
    step(w, tune_capacity(t->a, "full", 3));
    step(w, tune_pause(t->a, "pool", true));
    step(w, of_name(OP_CLOSE, t->a, "full"));
    step(w, of_name(OP_CLOSE, t->a, "empty"));
    step(w, of_name(OP_REMOVE, t->a, "pool"));
    step(w, cancel_context(t->a, "leash", "why"));
}

static void working_requests(const struct walk *w)
{
    const struct sched_things *t = w->t;
    step(w, work_for(t->a, "pool", 2, functions, 3));
    step(w, work(t->a, "full", 1));
    step(w, pull(t->b, "pool", t->worker));
    step(w, pull(t->b, "empty", t->thirsty));
    struct arm_spec arms[] = {arm_of(ARM_PULL, "pool"),
                              arm_of(ARM_PULL, "empty"),
                              {.verb = ARM_WATCH, .ref = by_task(t->deaf), .token = t->deaf_token},
                              {.verb = ARM_WAIT, .ref = by_task(t->queued)}};
    arms[0].token = t->worker;
    arms[1].token = t->thirsty;
    step(w, select_of(t->b, arms, 4));
    step(w, watch(t->b, t->running, t->running_token));
    step(w, watch(t->b, t->deaf, t->deaf_token));
    step(w, kill_task(t->a, t->deaf, 1));
    struct op op = kill_task(t->a, t->deaf, 0);
    op.kill.cause = (struct bytes){"why", 3};
    step(w, op);
    op.kill.ref = by_task(t->queued);
    step(w, op);
    step(w, join(t->b, t->dead));
    step(w, join(t->b, t->queued));
    const struct job running = {.number = t->running, .token = t->running_token};
    const struct job deaf = {.number = t->deaf, .token = t->deaf_token};
    const struct job waiting = {.number = t->waiting, .token = t->waiting_token};
    const struct job runnable = {.number = t->runnable, .token = t->runnable_token};
    step(w, end_task(t->b, &running, "fine"));
    step(w, fail_task(t->b, &running, "once more"));
    step(w, fail_task(t->b, &deaf, NULL));
    step(w, end_task(t->b, &waiting, "early"));
    step(w, end_task(t->b, &runnable, "without its reply"));
    step(w, adopt(t->a, t->running_token));
    step(w, remove_task(t->a, t->running));
    step(w, remove_task(t->a, t->queued));
}

/* In a task's name: it waits, or need not, or is waiting already. */
static void asking_requests(const struct walk *w)
{
    const struct sched_things *t = w->t;
    step(w, in_task(recv_from(t->b, "never"), t->running_token));
    step(w, in_task(recv_from(t->b, "ranked"), t->running_token));
    step(w, in_task(recv_from(t->b, "never"), t->waiting_token));
    step(w, in_task(send_to(t->b, "never", "meets the task that waits"), t->running_token));
    step(w, in_task(send_to(t->b, "letters", "x"), t->runnable_token));
    step(w, in_task(join(t->b, t->queued), t->deaf_token));
    struct op op = in_task(recv_from(t->b, "never"), t->running_token);
    op = with_timeout(op, SECOND);
    step(w, op);
}

void sched_requests(const struct sched_things *t, const void *world,
                    void (*each)(const void *world, struct op op))
{
    const struct walk w = {t, world, each};
    ordered_requests(&w);
    actor_requests(&w);
    submitting_requests(&w);
    working_requests(&w);
    asking_requests(&w);
}

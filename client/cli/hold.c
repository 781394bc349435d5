/*
 * hold.c - what a token holds, kept for a command or for another process: see hold.h.
 *
 * A command must not go on when what it runs under has passed to another. What is held ends in four ways:
 *
 *   - the command ends: it is given back;
 *   - this process is killed: the guard keeps the connection until the command's group is gone, then the daemon takes it back;
 *   - the connection breaks and the session with it, or a daemon that might resume it cannot be reached for the grace: the command is
 *     stopped at once. On the daemon's own machine this means that the daemon is dead, and its locks with it;
 *   - the ttl passes. It is prolonged every third of it. What counts is when the last request that was answered had been sent: from then
 *     the daemon keeps it for a whole ttl at least. Two thirds of that without another answer, and the group gets SIGTERM; a quarter later
 *     at most it gets SIGKILL. A twelfth is left for this process to be scheduled in. Before the command is started the ttl is prolonged
 *     once, since the grant may have lain there for a while.
 *
 * Of several that were had in one step each is prolonged, and to lose one is to lose them all.
 *
 * One request is parked for as long as the command runs, a receive from nil, which only the end of the session can finish.
 */
#include "hold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "child.h"
#include "duration.h"
#include "link.h"
#include "out.h"

struct hold_options hold_options = {.kill_after_ns = 5 * SLUICE_SECOND, .grace_ns = 2 * SLUICE_SECOND};

static int64_t to_come(struct argp_state *state, const char *what, const char *arg, int64_t min_ns)
{
    int64_t ns = args_duration(state, what, arg);
    if (ns < min_ns)
        argp_error(state, "%s: %s is not a time to come", what, arg);
    return ns;
}

bool hold_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_HOLD_TTL: hold_options.ttl_ns = to_come(state, "--ttl", arg, 1); return true;
    case KEY_HOLD_KILL_AFTER:
        hold_options.kill_after_ns = to_come(state, "--kill-after", arg, 0);
        return true;
    case KEY_HOLD_GRACE: hold_options.grace_ns = to_come(state, "--grace", arg, 0); return true;
    case KEY_HOLD_FOR_PID:
        hold_options.for_pid = (int32_t)args_number(state, "--hold-for-pid", arg, 1, INT32_MAX);
        return true;
    default: return false;
    }
}

void hold_check(const struct args *args, struct argp_state *state)
{
    if (args->command != NULL && args->command[0] == NULL)
        argp_error(state, "no command behind --");
    if ((args->command != NULL) == (hold_options.for_pid != 0))
        argp_error(state, args->command != NULL ? "a command and --hold-for-pid: it is one of them"
                                                : "expected a command behind --, or --hold-for-pid");
}

/* ---- A command */

struct running {
    sluice *s;
    const struct hold *hold;
    struct hold_work *work; /* NULL: none */
    struct child child;
    sluice_future *watch;              /* ends with the session; NULL: it has */
    sluice_future *extends[HOLDS_MAX]; /* one for each hold; NULL: not in flight */
    size_t extending;                  /* how many are in flight */
    bool extended;                     /* those that are not in flight any more were all well */
    int64_t sent_ns; /* when they were sent. All instants are of the monotonic clock, INT64_MAX: never */
    int64_t safe_ns; /* the ttl does not pass before */
    int64_t next_ns; /* when it is prolonged next */
    int64_t down_ns; /* since when the daemon cannot be reached */
    bool lost;
};

static int64_t later(int64_t at_ns, int64_t duration_ns)
{
    return at_ns > INT64_MAX - duration_ns ? INT64_MAX : at_ns + duration_ns;
}

static void lose(struct running *r, const struct hold *h, const char *why)
{
    if (r->lost)
        return;
    r->lost = true;
    if (r->work != NULL)
        r->work->lost = true;
    remark("%s: the %s is lost: %s; the command is stopped", h->name, h->what, why);
    child_stop(&r->child);
}

static void prolong(struct running *r)
{
    size_t i = 0;
    r->sent_ns = monotonic_now();
    r->next_ns = INT64_MAX;
    r->extended = true;
    for (const struct hold *h = r->hold; h != NULL; h = h->next, i++)
        if (sluice_extend_token_start(r->s, h->grant.token, hold_options.ttl_ns, &r->extends[i]) == SLUICE_OK)
            r->extending++;
        else
            r->extended = false;
    if (r->extending == 0)
        r->next_ns = later(r->sent_ns, hold_options.ttl_ns / 3);
    sluice_flush(r->s);
}

/* One answer is there. */
static void take_answer(struct running *r, const struct hold *h, sluice_future *answer)
{
    enum sluice_status status = sluice_future_finish(answer, NULL);
    r->extending--;
    if (status == SLUICE_OK)
        return;
    r->extended = false;
    if (status == SLUICE_NOT_LEASED)
        lose(r, h, "its time has passed, or someone has given it back");
    else if (status != SLUICE_UNAVAILABLE)
        lose(r, h, sluice_errmsg());
}

/* Takes the answers that are there; when all are, it is known how long there is time. */
static void prolonged(struct running *r)
{
    size_t i = 0;
    for (const struct hold *h = r->hold; h != NULL; h = h->next, i++)
        if (r->extends[i] != NULL && sluice_future_done(r->extends[i])) {
            take_answer(r, h, r->extends[i]);
            r->extends[i] = NULL;
        }
    if (r->extending > 0)
        return;
    r->next_ns = later(r->sent_ns, hold_options.ttl_ns / 3);
    if (r->extended)
        r->safe_ns = later(r->sent_ns, hold_options.ttl_ns);
}

static void on_readable(struct running *r)
{
    if (sluice_process(r->s) == SLUICE_OK)
        r->down_ns = INT64_MAX;
    else if (r->down_ns == INT64_MAX)
        r->down_ns = monotonic_now();
}

/* Takes what has come, be it read here or by a call of the work's. */
static void take_answers(struct running *r)
{
    if (r->extending > 0)
        prolonged(r);
    if (r->watch != NULL && sluice_future_done(r->watch)) {
        sluice_future_finish(r->watch, NULL);
        r->watch = NULL;
        lose(r, r->hold, sluice_errmsg());
    }
}

/* When to look again: the next of what time brings. */
static int64_t next_time(const struct running *r)
{
    if (r->lost)
        return INT64_MAX;
    int64_t at_ns = r->safe_ns == INT64_MAX ? INT64_MAX : r->safe_ns - hold_options.ttl_ns / 3;
    if (r->next_ns < at_ns)
        at_ns = r->next_ns;
    int64_t grace_ns = later(r->down_ns, hold_options.grace_ns);
    return grace_ns < at_ns ? grace_ns : at_ns;
}

/* The same, with what the work waits for. */
static int64_t next_look(const struct running *r)
{
    int64_t at_ns = next_time(r);
    return r->work != NULL && r->work->at_ns < at_ns ? r->work->at_ns : at_ns;
}

static void on_time(struct running *r)
{
    int64_t now_ns = monotonic_now();
    if (r->safe_ns != INT64_MAX && now_ns >= r->safe_ns - hold_options.ttl_ns / 3)
        lose(r, r->hold, "the daemon does not prolong its time");
    else if (now_ns >= later(r->down_ns, hold_options.grace_ns))
        lose(r, r->hold, "the daemon cannot be reached");
    else if (now_ns >= r->next_ns)
        prolong(r);
}

/* The environment tells the command what it runs under: the tokens, with a space between. */
static void tell(const struct hold *h)
{
    char tokens[HOLDS_MAX * 21 + 1] = "";
    size_t used = 0;
    bool owner_died = false;
    for (; h != NULL; h = h->next) {
        used += (size_t)snprintf(tokens + used, sizeof tokens - used, "%s%" PRIu64, used > 0 ? " " : "",
                                 h->grant.token);
        owner_died = owner_died || h->grant.owner_died;
    }
    setenv("SLUICE_TOKEN", tokens, 1);
    if (owner_died)
        setenv("SLUICE_OWNER_DIED", "1", 1);
    else
        unsetenv("SLUICE_OWNER_DIED");
}

/* Starts it: 0, or the exit code. */
static int start(struct running *r, char **command, int output)
{
    int64_t ttl_ns = hold_options.ttl_ns, kill_after_ns = hold_options.kill_after_ns;
    r->safe_ns = r->next_ns = r->down_ns = INT64_MAX;
    if (ttl_ns > 0) {
        int64_t now_ns = monotonic_now();
        for (const struct hold *h = r->hold; h != NULL; h = h->next) {
            enum sluice_status status = sluice_extend_token(r->s, h->grant.token, ttl_ns);
            if (status != SLUICE_OK)
                return fail(status, h->name);
        }
        r->safe_ns = later(now_ns, ttl_ns);
        r->next_ns = later(now_ns, ttl_ns / 3);
        kill_after_ns = kill_after_ns < ttl_ns / 4 ? kill_after_ns : ttl_ns / 4;
    }
    if (interrupt_signal() != 0)
        return 128 + interrupt_signal();
    tell(r->hold);
    const struct child_spec spec = {
        .output = output, .kill_after_ns = kill_after_ns, .guarded = true, .piped = r->work != NULL};
    int code = child_start_with(&r->child, command, &spec);
    if (code == 0 && interrupt_signal() != 0) { /* a moment ago: it was meant for the command as well */
        child_signal(&r->child, interrupt_signal());
        sluice_interrupt_reset(r->s);
    }
    return code;
}

static void begin(struct running *r)
{
    /* A select of nothing, answered only when the session is over. In nobody's name: the task this may run in does not wait. */
    sluice_task_enter(r->s, 0);
    if (sluice_select_start(r->s, NULL, 0, NULL, &r->watch) != SLUICE_OK)
        lose(r, r->hold, sluice_errmsg());
    sluice_task_leave(r->s);
    if (r->work != NULL) {
        r->work->child = &r->child;
        r->work->begin(r->work);
    }
    sluice_flush(r->s);
}

static void on_event(struct running *r, enum child_event event)
{
    if (event == CHILD_SIGNALED && (r->work == NULL || !r->work->signaled(r->work, r->child.signal)))
        child_signal(&r->child, r->child.signal);
    if (event == CHILD_READABLE)
        on_readable(r);
    take_answers(r);
    if (r->work != NULL) {
        r->work->step(r->work);
        take_answers(r);
    }
    if (monotonic_now() >= next_time(r)) /* also when the descriptor never comes to rest */
        on_time(r);
}

static struct hold_end run(struct running *r, char **command, int output)
{
    struct hold_end end = {.code = start(r, command, output)};
    if (end.code != 0)
        return end;
    end.started = true;
    begin(r);
    int fd = r->work == NULL ? sluice_fd(r->s) : r->work->fd;
    enum child_event event = CHILD_TIME;
    while (event != CHILD_ENDED) {
        event = child_next(&r->child, r->watch == NULL ? -1 : fd, next_look(r));
        on_event(r, event);
    }
    end.lost = r->lost;
    end.killed = r->child.killed;
    end.code = r->lost ? EX_TEMPFAIL : r->child.code;
    child_done(&r->child, r->lost);
    return end;
}

struct hold_end hold_run(sluice *s, const struct hold *h, char **command, int output)
{
    struct running r = {.s = s, .hold = h};
    return run(&r, command, output);
}

struct hold_end hold_run_work(sluice *s, const struct hold *h, char **command, struct hold_work *work)
{
    struct running r = {.s = s, .hold = h, .work = work};
    return run(&r, command, -1);
}

/* ---- Giving back */

enum sluice_status hold_give_back(sluice *s, const struct hold *h)
{
    uint64_t token = h->grant.token;
    switch (h->kind) {
    case SLUICE_KIND_MUTEX: return sluice_mutex_unlock(s, sluice_mutex_of(h->ref), token);
    case SLUICE_KIND_RWMUTEX:
        return h->shared ? sluice_rwmutex_runlock(s, sluice_rwmutex_of(h->ref), token)
                         : sluice_rwmutex_unlock(s, sluice_rwmutex_of(h->ref), token);
    case SLUICE_KIND_SEMAPHORE: return sluice_sem_release_token(s, sluice_sem_of(h->ref), token, 0);
    case SLUICE_KIND_LIMITER: return sluice_limiter_release(s, sluice_limiter_of(h->ref), token);
    default: return SLUICE_WRONG_KIND;
    }
}

/* Whoever shows the token may give it back while the command runs. With a ttl that is the same as being lost: it cannot be told apart. */
static bool given_back_before(enum sluice_status status)
{
    return hold_options.ttl_ns == 0 && (status == SLUICE_STALE_TOKEN || status == SLUICE_MISUSE);
}

static int run_and_give_back(sluice *s, const struct hold *h, char **command)
{
    struct hold_end end = hold_run(s, h, command, -1);
    if (end.lost)
        return end.code;
    for (; h != NULL; h = h->next) {
        enum sluice_status status = hold_give_back(s, h);
        if (status == SLUICE_OK || given_back_before(status))
            continue;
        remark("%s: the %s was lost while the command ran: %s", h->name, h->what, sluice_errmsg());
        end.code = EX_TEMPFAIL;
    }
    return end.code;
}

int hold_leave(sluice *s, const struct hold *h, int32_t pid)
{
    enum sluice_status status = SLUICE_OK;
    for (const struct hold *one = h; one != NULL && status == SLUICE_OK; one = one->next)
        status = sluice_adopt_for(s, one->grant.token, pid);
    if (status == SLUICE_OK)
        return 0;
    char process[32];
    snprintf(process, sizeof process, "process %" PRId32, pid);
    int code = fail(status, process);
    for (; h != NULL; h = h->next)
        hold_give_back(s, h);
    return code;
}

static void print_json(const struct hold *h)
{
    printf("{\"token\":%" PRIu64 ",\"owner_died\":%s}", h->grant.token,
           h->grant.owner_died ? "true" : "false");
}

/* The token, or those of all, in their order: a line, or a JSON array. */
static void print_tokens(const struct args *args, const struct hold *all)
{
    bool array = args->json && all->next != NULL;
    const char *between = args->json ? "," : " ";
    fputs(array ? "[" : "", stdout);
    for (const struct hold *h = all; h != NULL; h = h->next) {
        fputs(h == all ? "" : between, stdout);
        if (args->json)
            print_json(h);
        else
            printf("%" PRIu64, h->grant.token);
    }
    puts(array ? "]" : "");
    for (const struct hold *h = all; h != NULL && !args->json; h = h->next)
        if (h->grant.owner_died)
            remark("%s: the holder before died: what this guards may be half done", h->name);
}

int hold_serve(const struct args *args, sluice *s, const struct hold *h)
{
    if (args->command != NULL)
        return run_and_give_back(s, h, args->command);
    int code = hold_leave(s, h, hold_options.for_pid);
    if (code == 0)
        print_tokens(args, h);
    return code;
}

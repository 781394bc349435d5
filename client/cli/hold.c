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
    struct child child;
    sluice_future *watch;  /* ends with the session; NULL: it has */
    sluice_future *extend; /* in flight; NULL: none */
    int64_t sent_ns;       /* when that was sent. All instants are of the monotonic clock, INT64_MAX: never */
    int64_t safe_ns;       /* the ttl does not pass before */
    int64_t next_ns;       /* when it is prolonged next */
    int64_t down_ns;       /* since when the daemon cannot be reached */
    bool lost;
};

static int64_t later(int64_t at_ns, int64_t duration_ns)
{
    return at_ns > INT64_MAX - duration_ns ? INT64_MAX : at_ns + duration_ns;
}

static void lose(struct running *r, const char *why)
{
    if (r->lost)
        return;
    r->lost = true;
    remark("%s: the %s is lost: %s; the command is stopped", r->hold->name, r->hold->what, why);
    child_stop(&r->child);
}

static void prolong(struct running *r)
{
    r->sent_ns = monotonic_now();
    r->next_ns = INT64_MAX;
    if (sluice_extend_token_start(r->s, r->hold->grant.token, hold_options.ttl_ns, &r->extend) != SLUICE_OK)
        r->next_ns = later(r->sent_ns, hold_options.ttl_ns / 3);
    sluice_flush(r->s);
}

/* The answer is there. */
static void prolonged(struct running *r)
{
    enum sluice_status status = sluice_future_finish(r->extend, NULL);
    r->extend = NULL;
    r->next_ns = later(r->sent_ns, hold_options.ttl_ns / 3);
    if (status == SLUICE_OK)
        r->safe_ns = later(r->sent_ns, hold_options.ttl_ns);
    else if (status == SLUICE_NOT_LEASED)
        lose(r, "its time has passed, or someone has given it back");
    else if (status != SLUICE_UNAVAILABLE)
        lose(r, sluice_errmsg());
}

static void on_readable(struct running *r)
{
    if (sluice_process(r->s) == SLUICE_OK)
        r->down_ns = INT64_MAX;
    else if (r->down_ns == INT64_MAX)
        r->down_ns = monotonic_now();
    if (r->extend != NULL && sluice_future_done(r->extend))
        prolonged(r);
    if (r->watch != NULL && sluice_future_done(r->watch)) {
        sluice_future_finish(r->watch, NULL);
        r->watch = NULL;
        lose(r, sluice_errmsg());
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

static void on_time(struct running *r)
{
    int64_t now_ns = monotonic_now();
    if (r->safe_ns != INT64_MAX && now_ns >= r->safe_ns - hold_options.ttl_ns / 3)
        lose(r, "the daemon does not prolong its time");
    else if (now_ns >= later(r->down_ns, hold_options.grace_ns))
        lose(r, "the daemon cannot be reached");
    else if (now_ns >= r->next_ns)
        prolong(r);
}

/* The environment tells the command what it runs under. */
static void tell(const struct sluice_grant *grant)
{
    char token[24];
    snprintf(token, sizeof token, "%" PRIu64, grant->token);
    setenv("SLUICE_TOKEN", token, 1);
    if (grant->owner_died)
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
        enum sluice_status status = sluice_extend_token(r->s, r->hold->grant.token, ttl_ns);
        if (status != SLUICE_OK)
            return fail(status, r->hold->name);
        r->safe_ns = later(now_ns, ttl_ns);
        r->next_ns = later(now_ns, ttl_ns / 3);
        kill_after_ns = kill_after_ns < ttl_ns / 4 ? kill_after_ns : ttl_ns / 4;
    }
    if (interrupt_signal() != 0)
        return 128 + interrupt_signal();
    tell(&r->hold->grant);
    const struct child_spec spec = {.output = output, .kill_after_ns = kill_after_ns, .guarded = true};
    int code = child_start_with(&r->child, command, &spec);
    if (code == 0 && interrupt_signal() != 0) { /* a moment ago: it was meant for the command as well */
        child_signal(&r->child, interrupt_signal());
        sluice_interrupt_reset(r->s);
    }
    return code;
}

struct hold_end hold_run(sluice *s, const struct hold *h, char **command, int output)
{
    struct running r = {.s = s, .hold = h};
    struct hold_end end = {.code = start(&r, command, output)};
    if (end.code != 0)
        return end;
    end.started = true;
    sluice_chan nil = SLUICE_NIL;
    if (sluice_recv_start(s, nil, 0, NULL, &r.watch) != SLUICE_OK)
        lose(&r, sluice_errmsg());
    sluice_flush(s);
    enum child_event event = CHILD_TIME;
    while (event != CHILD_ENDED) {
        event = child_next(&r.child, r.watch == NULL ? -1 : sluice_fd(s), next_time(&r));
        if (event == CHILD_SIGNALED)
            child_signal(&r.child, r.child.signal);
        else if (event == CHILD_READABLE)
            on_readable(&r);
        if (monotonic_now() >= next_time(&r)) /* also when the descriptor never comes to rest */
            on_time(&r);
    }
    end.lost = r.lost;
    end.killed = r.child.killed;
    end.code = r.lost ? EX_TEMPFAIL : r.child.code;
    child_done(&r.child, r.lost);
    return end;
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
    enum sluice_status status = hold_give_back(s, h);
    if (status == SLUICE_OK || given_back_before(status))
        return end.code;
    remark("%s: the %s was lost while the command ran: %s", h->name, h->what, sluice_errmsg());
    return EX_TEMPFAIL;
}

int hold_leave(sluice *s, const struct hold *h, int32_t pid)
{
    enum sluice_status status = sluice_adopt_for(s, h->grant.token, pid);
    if (status == SLUICE_OK)
        return 0;
    char process[32];
    snprintf(process, sizeof process, "process %" PRId32, pid);
    int code = fail(status, process);
    hold_give_back(s, h);
    return code;
}

int hold_serve(const struct args *args, sluice *s, const struct hold *h)
{
    if (args->command != NULL)
        return run_and_give_back(s, h, args->command);
    int code = hold_leave(s, h, hold_options.for_pid);
    if (code != 0)
        return code;
    if (args->json) {
        printf("{\"token\":%" PRIu64 ",\"owner_died\":%s}\n", h->grant.token,
               h->grant.owner_died ? "true" : "false");
        return 0;
    }
    printf("%" PRIu64 "\n", h->grant.token);
    if (h->grant.owner_died)
        remark("%s: the holder before died: what this guards may be half done", h->name);
    return 0;
}

/*
 * show_sched.c - actors, pools and tasks as lines of a trace (show_sched.h).
 *
 * As in show.c, what is usual is left out: no limit, no bound, the first attempt, a task of plain priority.
 */
#include "show_sched.h"

#include <inttypes.h>

#include "parse.h"
#include "show.h"
#include "world.h"

/* ---- Replies ---- */

static void show_call_job(FILE *out, const struct reply *reply)
{
    fprintf(out, "call %" PRIu64 " ", reply->count);
    show_value(out, &reply->item.value);
    if (reply->item.deliveries > 1)
        fprintf(out, " delivery %" PRIu32, reply->item.deliveries);
    fprintf(out, " epoch=%" PRIu64, reply->epoch);
}

void show_job(FILE *out, const struct reply *reply)
{
    char duration[32];
    if (!reply->grant.token) {
        show_call_job(out, reply);
        return;
    }
    fprintf(out, "task %" PRIu64, reply->count);
    if (reply->item.deliveries > 1)
        fprintf(out, " attempt %" PRIu32, reply->item.deliveries);
    if (reply->function.size)
        fprintf(out, " fn=%.*s", (int)reply->function.size, (const char *)reply->function.data);
    fputc(' ', out);
    show_value(out, &reply->item.value);
    if (reply->run_ns)
        fprintf(out, " run=%s", show_duration(reply->run_ns, duration));
}

void show_owner(FILE *out, const struct reply *reply)
{
    fputs("token", out);
    if (reply->grant.owner_died)
        fputs(", owner died", out);
    if (reply->item.value.type != VALUE_NONE) {
        fputs(", checkpoint ", out);
        show_value(out, &reply->item.value);
    }
    fprintf(out, " epoch=%" PRIu64, reply->epoch);
}

void show_ending(FILE *out, const struct reply *reply)
{
    if (reply->epoch)
        fprintf(out, " epoch=%" PRIu64, reply->epoch);
    if (reply->ending != STATUS_OK)
        fprintf(out, " %s", status_name(reply->ending));
    if (reply->has_exit)
        fprintf(out, " exit=%" PRId32, reply->exit);
}

/* ---- Views ---- */

void show_actor(FILE *out, const struct world *w, const struct actor_view *a)
{
    if (a->hold.holds)
        fprintf(out, "of %c", world_letter(w, a->hold.holder));
    else
        fputs("of nobody", out);
    fprintf(out, " epoch=%" PRIu64 " calls=%" PRIu64 " served=%" PRIu64, a->epoch, a->calls, a->served);
    if (a->serving)
        fputs(" serving", out);
    if (a->hold.owner_died)
        fputs(" owner died", out);
    if (a->hold.said.type != VALUE_NONE) {
        fputs(" checkpoint ", out);
        show_value(out, &a->hold.said);
    }
}

void show_pool(FILE *out, const struct pool_view *p)
{
    fprintf(out, "workers=%" PRIu64 " slots=%" PRIu64, p->workers, p->slots);
    if (p->limit >= 0)
        fprintf(out, " limit=%" PRId64, p->limit);
    if (p->capacity >= 0)
        fprintf(out, " capacity=%" PRId64, p->capacity);
    fprintf(out, " queued=%" PRIu64 " running=%" PRIu64 " waiting=%" PRIu64 " finished=%" PRIu64, p->queued,
            p->running, p->waiting, p->finished);
    if (p->failed)
        fprintf(out, " failed=%" PRIu64, p->failed);
    fputs(p->paused ? " paused" : "", out);
    fputs(p->closed ? " closed" : "", out);
}

void show_task(FILE *out, const struct world *w, const struct task_view *t)
{
    static const char *const states[] = {
        [TASK_BLOCKED] = "blocked", [TASK_DELAYED] = "delayed", [TASK_QUEUED] = "queued",
        [TASK_RUNNING] = "running", [TASK_WAITING] = "waiting", [TASK_RUNNABLE] = "runnable",
        [TASK_DEAD] = "dead",
    };
    fprintf(out, "%" PRIu64 " %s", t->number, states[t->state]);
    if (t->worker)
        fprintf(out, " on %c", world_letter(w, t->worker));
    if (t->attempts != 1)
        fprintf(out, " attempts=%" PRIu32, t->attempts);
    if (t->priority)
        fprintf(out, " priority=%" PRId32, t->priority);
    if (t->function.size)
        fprintf(out, " fn=%.*s", (int)t->function.size, (const char *)t->function.data);
    if (t->stopping && t->state != TASK_DEAD)
        fputs(" stopping", out);
    if (t->state == TASK_DEAD)
        fputs(t->failed ? " failed" : " done", out);
    if (t->ending != STATUS_OK)
        fprintf(out, " %s", status_name(t->ending));
    if (t->has_exit)
        fprintf(out, " exit=%" PRId32, t->exit);
}

/*
 * serve.c - sluice serve: a command that owns an actor's state, and answers its calls.
 *
 * This process waits until it owns the actor, starts the command, the handler, once, and gives it one call at a time: a line on its stdin, and the line that
 * comes back on its stdout is the reply. How it is kept and lost is as for a lock (hold.h): when this process is killed the handler's whole group is gone
 * before the next owner begins.
 *
 *   - The handler ends between two calls: the actor is given up in order. While it has a call: it has died, and the next owner is told so and gets
 *     that call again. The exit code is the handler's.
 *   - SIGTERM, SIGINT, SIGHUP: no more calls are taken; the one that is served is finished, then the handler's stdin ends, and when the handler
 *     has, the actor is given up. A second one ends the handler's group.
 *   - With --checkpoint each reply is also the state that the next owner begins with. It is kept before the reply is sent, so nobody has a
 *     reply that the state does not know; a server that is killed in between has its call served twice.
 *   - Without --json a value with a newline is no line, and serve itself answers that call: it has failed. With --json a call is an object in a line, and so is
 *     the reply, which may say that it failed.
 *
 * What the handler writes when it was asked nothing cannot be told from the next reply: it is stopped.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"
#include "duration.h"
#include "handler.h"
#include "hold.h"
#include "link.h"
#include "out.h"
#include "sync.h"
#include "value.h"
#include "verb.h"

enum { CHECKPOINT_INLINE_MAX = 64 * 1024 }; /* what an environment takes without trouble */

static struct {
    bool fail, checkpoint, json;
} options;

enum { KEY_FAIL = 0x100, KEY_CHECKPOINT, KEY_JSON };

static bool serve_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_FAIL: options.fail = true; return true;
    case KEY_CHECKPOINT: options.checkpoint = true; return true;
    case KEY_JSON: options.json = true; return true;
    default: return hold_option(key, arg, state);
    }
}

static void serve_check(const struct args *args, struct argp_state *state)
{
    if (args->command == NULL || args->command[0] == NULL)
        argp_error(state, "expected a command behind --");
}

struct serving {
    struct hold_work work; /* first: the functions below are given it */
    sluice *s;
    const char *name;
    sluice_actor actor;
    uint64_t token;
    struct handler handler;
    sluice_future *next;           /* asks for a call; NULL: it does not */
    sluice_future *kept, *replied; /* a checkpoint and a reply on their way; NULL: none */
    struct sluice_job job;         /* the call that the handler has; number 0: none */
    bool draining;                 /* no more calls are taken */
    int code;                      /* why the handler was stopped, for the exit code; 0: it was not */
};

static struct serving *serving_of(struct hold_work *work)
{
    return (struct serving *)work;
}

/* ---- Stopping */

static void stop(struct serving *v, int code)
{
    if (v->code == 0)
        v->code = code;
    child_stop(v->work.child);
}

/* A request of ours failed. */
static void stop_failed(struct serving *v, enum sluice_status status)
{
    v->draining = true;
    if (!v->work.lost && v->code == 0) /* else that was said */
        stop(v, fail(status, v->name));
}

static void drain(struct serving *v)
{
    v->draining = true;
    if (v->next != NULL)
        sluice_future_cancel(v->next);
    sluice_flush(v->s);
}

static bool on_signal(struct hold_work *work, int number)
{
    struct serving *v = serving_of(work);
    if (number != SIGTERM && number != SIGINT && number != SIGHUP)
        return false;
    if (v->draining)
        child_stop(work->child);
    else
        drain(v);
    return true;
}

/* ---- Replies */

/* What was on its way has come, or is waited for. */
static void finish(struct serving *v, sluice_future **f)
{
    enum sluice_status status = *f == NULL ? SLUICE_OK : sluice_future_finish(*f, NULL);
    *f = NULL;
    if (status != SLUICE_OK)
        stop_failed(v, status);
}

/* The next call is asked for in the same breath: nothing here waits for the daemon while the handler runs. */
static void reply(struct serving *v, bool failed, struct sluice_value value)
{
    finish(v, &v->replied); /* since then a call has come, so it is there */
    enum sluice_status status =
        sluice_actor_reply_start(v->s, v->actor, v->token, v->job.number, failed, value, &v->replied);
    sluice_job_free(&v->job);
    v->job = (struct sluice_job){0};
    if (status != SLUICE_OK)
        stop_failed(v, status);
}

static void reply_failed(struct serving *v, const char *why)
{
    reply(v, true, sluice_str(why));
}

/* A reply with the state that it leaves, which the daemon has first; NONE: none is kept. */
static void reply_kept(struct serving *v, bool failed, struct sluice_value value, struct sluice_value kept)
{
    enum sluice_status status = SLUICE_OK;
    finish(v, &v->kept);
    if (kept.type != SLUICE_TYPE_NONE)
        status = sluice_actor_checkpoint_start(v->s, v->actor, v->token, kept, &v->kept);
    if (status == SLUICE_OK)
        reply(v, failed, value);
    else
        stop_failed(v, status);
}

/* A JSON value as one of ours: characters and {"base64":...} are bytes, all else is JSON. values keeps it. */
static struct sluice_value value_of(struct values *values, const json_t *json, char **ret_text)
{
    const char *why = NULL;
    size_t at = values->count;
    *ret_text = json == NULL ? NULL : json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    if (*ret_text == NULL || json_is_null(json))
        return sluice_none();
    if (values_add(values, SLUICE_TYPE_BYTES, true, *ret_text, strlen(*ret_text), &why))
        return values->values[at];
    return sluice_json(*ret_text);
}

static void reply_json(struct serving *v, const char *line, size_t size)
{
    json_t *json = json_loadb(line, size, JSON_ALLOW_NUL, NULL);
    const json_t *error = json_object_get(json, "error"), *value = json_object_get(json, "value");
    const json_t *kept = json_object_get(json, "checkpoint");
    struct values values = {0};
    char *texts[2] = {NULL, NULL};
    if (!json_is_object(json) || (error == NULL) == (value == NULL)) {
        reply_failed(v, "the handler's reply is no JSON object with either a value or an error");
    } else {
        struct sluice_value answer = value_of(&values, error != NULL ? error : value, &texts[0]);
        struct sluice_value state = value_of(&values, kept, &texts[1]);
        bool whole = options.checkpoint && kept == NULL && error == NULL;
        reply_kept(v, error != NULL, answer, whole ? answer : state);
    }
    values_done(&values);
    free(texts[0]);
    free(texts[1]);
    json_decref(json);
}

/* Takes what the handler said. False: nothing that helps. */
static bool take_reply(struct serving *v)
{
    char *line = NULL;
    size_t size = 0;
    enum handler_said said = HANDLER_NOTHING;
    if (v->job.number != 0)
        said = handler_line(&v->handler, &line, &size);
    struct sluice_value value = sluice_bytes(line, size);
    switch (said) {
    case HANDLER_NOTHING: return false;
    case HANDLER_TOO_LONG: reply_failed(v, "the handler's reply is longer than a payload may be"); break;
    case HANDLER_LINE:
        if (options.json)
            reply_json(v, line, size);
        else
            reply_kept(v, false, value, options.checkpoint ? value : sluice_none());
        break;
    }
    return true;
}

/* ---- Calls */

/* A call as a line, in memory for free(); NULL: it is none. */
static char *line_of(const struct serving *v, size_t *ret_size)
{
    const struct sluice_value *value = &v->job.item.value;
    char *line = NULL;
    FILE *to = open_memstream(&line, ret_size);
    if (to == NULL)
        abort();
    if (options.json) {
        fputs("{\"value\":", to);
        out_json_write(to, v->s, value);
        fprintf(to, ",\"type\":\"%s\",\"caller\":%" PRIu64 ",\"deliveries\":%" PRIu32 "}",
                sluice_type_name(value->type), v->job.caller, v->job.deliveries);
    } else if (value->type == SLUICE_TYPE_BYTES || value->type == SLUICE_TYPE_STRING) {
        fwrite(value->bytes.data, 1, value->bytes.size, to);
    } else if (value->type != SLUICE_TYPE_NONE) {
        out_json_write(to, v->s, value);
    }
    fflush(to);
    bool good = *ret_size == 0 || memchr(line, '\n', *ret_size) == NULL;
    putc('\n', to);
    if (fclose(to) != 0)
        abort();
    if (good)
        return line;
    free(line);
    return NULL;
}

static void give_call(struct serving *v, struct sluice_result *got)
{
    v->job = got->job;
    v->job.item = got->item;
    got->item = (struct sluice_item){0};
    if (v->handler.gone) { /* it never had it: the successor gets it */
        sluice_job_free(&v->job);
        v->job = (struct sluice_job){0};
        drain(v);
        return;
    }
    size_t size = 0;
    char *line = line_of(v, &size);
    if (line == NULL)
        reply_failed(v, "a value with a newline is no line, as the handler takes them");
    else
        handler_ask(&v->handler, line, size);
}

/* The request for a call has been answered. */
static void take_call(struct serving *v)
{
    struct sluice_result got = {0};
    enum sluice_status status = sluice_future_finish(v->next, &got);
    v->next = NULL;
    if (status == SLUICE_OK)
        give_call(v, &got);
    else if (status != SLUICE_CANCELED || !v->draining)
        stop_failed(v, status);
}

static void ask_call(struct serving *v)
{
    enum sluice_status status = sluice_actor_serve_start(v->s, v->actor, v->token, NULL, &v->next);
    if (status != SLUICE_OK) {
        v->next = NULL;
        stop_failed(v, status);
    }
}

/* One thing, if there is one to be done. */
static bool go_on(struct serving *v)
{
    if (v->work.lost)
        return false;
    if (v->kept != NULL && sluice_future_done(v->kept))
        finish(v, &v->kept);
    if (v->replied != NULL && sluice_future_done(v->replied))
        finish(v, &v->replied);
    if (take_reply(v))
        return true;
    if (v->job.number == 0 && handler_has_more(&v->handler) && v->code == 0) {
        remark("%s: the handler wrote what no call had asked for: it is stopped", v->name);
        v->draining = true;
        stop(v, EX_PROTOCOL);
    }
    if (v->next != NULL && sluice_future_done(v->next)) {
        take_call(v);
        return true;
    }
    if (v->job.number == 0 && v->next == NULL && !v->draining && !v->handler.gone) {
        ask_call(v);
        return v->next != NULL;
    }
    return false;
}

static void step(struct hold_work *work)
{
    struct serving *v = serving_of(work);
    handler_step(&v->handler);
    while (go_on(v))
        handler_step(&v->handler);
    sluice_flush(v->s);
    if (v->draining && v->job.number == 0 && v->next == NULL)
        child_close_stdin(work->child);
    if (v->handler.gone && work->at_ns == INT64_MAX && !work->child->stopping) {
        /* it talks no more, so it is about to end: it gets some time for that */
        drain(v);
        child_close_stdin(work->child);
        work->at_ns = monotonic_now() + hold_options.kill_after_ns;
    }
    if (monotonic_now() >= work->at_ns) {
        work->at_ns = INT64_MAX - 1;
        remark("%s: the handler has closed its stdin or stdout, and runs on: it is stopped", v->name);
        stop(v, EX_PROTOCOL);
    }
}

static void begin(struct hold_work *work)
{
    struct serving *v = serving_of(work);
    handler_begin(&v->handler, work->child);
    step(work);
}

/* ---- The environment */

/* The last checkpoint: as it is, where an environment takes it, and in a file that lives as long as this process. */
static int tell_checkpoint(sluice *s, const struct sluice_item *item)
{
    const struct out_format format = {.how = OUT_RAW};
    char path[64];
    size_t size = 0;
    unsetenv("SLUICE_CHECKPOINT");
    unsetenv("SLUICE_CHECKPOINT_FILE");
    if (item->value.type == SLUICE_TYPE_NONE)
        return 0;
    char *text = out_text(&format, s, item, &size);
    int file = memfd_create("sluice-checkpoint", MFD_CLOEXEC);
    bool good = text != NULL && file >= 0 && write(file, text, size) == (ssize_t)size;
    if (good && size <= CHECKPOINT_INLINE_MAX && memchr(text, '\0', size) == NULL)
        setenv("SLUICE_CHECKPOINT", text, 1);
    free(text);
    if (!good)
        return fail_text(EX_OSERR, "no memory for the checkpoint: %s", strerror(errno));
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), file);
    setenv("SLUICE_CHECKPOINT_FILE", path, 1);
    return 0;
}

static int tell(sluice *s, const struct sluice_owner *owner)
{
    char epoch[24];
    snprintf(epoch, sizeof epoch, "%" PRIu64, owner->epoch);
    setenv("SLUICE_EPOCH", epoch, 1);
    return tell_checkpoint(s, &owner->item);
}

/* ---- The verb */

static void end_future(sluice_future **f)
{
    if (*f != NULL)
        sluice_future_finish(*f, NULL);
    *f = NULL;
}

/* The handler has ended. If it had a call it died, and the end of the session tells the successor so. */
static void give_up(struct serving *v)
{
    bool died = v->job.number != 0;
    if (v->next != NULL)
        sluice_future_cancel(v->next);
    end_future(&v->kept);
    end_future(&v->replied);
    if (!died && v->code == 0)
        v->code = fail(sluice_actor_resign(v->s, v->actor, v->token, sluice_none()), v->name);
    end_future(&v->next);
}

/* Serves until the handler has ended. The exit code. */
static int serve(struct args *args, sluice *s, const struct hold *h)
{
    struct serving v = {
        .work = {.at_ns = INT64_MAX, .begin = begin, .step = step, .signaled = on_signal},
        .s = s,
        .name = h->name,
        .actor = sluice_actor_of(h->ref),
        .token = h->grant.token,
    };
    struct sluice_session session;
    sluice_session_get(s, &session);
    int error = handler_init(&v.handler, sluice_fd(s), session.payload_size_max);
    if (error < 0)
        return fail_text(EX_OSERR, "cannot watch the handler: %s", strerror(-error));
    v.work.fd = v.handler.watch;
    struct hold_end end = hold_run_work(s, h, args->command, &v.work);
    if (end.lost) /* nothing is ours to give up, and the daemon may not answer */
        v.code = end.code;
    else
        give_up(&v);
    sluice_job_free(&v.job);
    handler_done(&v.handler);
    return v.code != 0 ? v.code : end.code;
}

/* With --fail what is there must be so too; without, it is taken as it is. */
static enum sluice_status open_actor(sluice *s, struct hold *h)
{
    struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_ACTOR, SLUICE_KIND_ACTOR);
    struct sluice_make how = SLUICE_MAKE_INIT;
    spec.fail = options.fail;
    how.name = h->name;
    return options.fail ? sync_make(s, &how, &spec, &h->ref) : sync_open(s, h->name, &spec, &h->ref, NULL);
}

static int serve_run(struct args *args, sluice *s)
{
    struct hold h = {.name = args->words[0], .what = "ownership", .kind = SLUICE_KIND_ACTOR};
    struct sluice_wait wait = args_wait(args);
    struct sluice_owner owner = {0};
    enum sluice_status status = open_actor(s, &h);
    if (status == SLUICE_OK)
        status = sluice_actor_own(s, sluice_actor_of(h.ref), hold_options.ttl_ns, &wait, &owner);
    if (status != SLUICE_OK)
        return fail(status, h.name);
    h.grant.token = owner.token;
    h.grant.owner_died = owner.owner_died;
    int code = tell(s, &owner);
    sluice_item_free(&owner.item);
    return code == 0 ? serve(args, s, &h) : code;
}

static const struct argp_option serve_options[] = {
    {"fail", KEY_FAIL, NULL, 0,
     "When the owner goes, the calls that wait fail (exit code 1 there); else they are its successor's", 1},
    {"checkpoint", KEY_CHECKPOINT, NULL, 0,
     "Each reply is also the state that the next owner's handler finds in SLUICE_CHECKPOINT", 1},
    {"json", KEY_JSON, NULL, 0, "Calls and replies are JSON objects, each in a line", 1},
    HOLD_COMMAND_OPTIONS,
    {0},
};

const struct verb verb_serve = {
    .name = "serve",
    .words = "NAME -- HANDLER [ARG...]",
    .help = "Own an actor: a command that answers its calls, one at a time",
    .text =
        "One serves at a time; who else wants to waits, and takes over with the calls that wait when the first has ended or is dead. The handler is started once. Each call is a line on its stdin, and the line it then writes to its stdout is the reply: it must write that at once (flush), and nothing else. "
        "Its stderr is free. It finds SLUICE_TOKEN, SLUICE_EPOCH (1 for the first owner, one more for each next), SLUICE_OWNER_DIED=1 when the owner before was killed or its handler ended with a call in hand, and the last checkpoint, if there is one, in SLUICE_CHECKPOINT (unless it is longer than 64 KiB) and in the file SLUICE_CHECKPOINT_FILE.\n\n"
        "With --json a call is {\"value\":...,\"type\":\"bytes\",\"caller\":SESSION,\"deliveries\":N}, and a reply {\"value\":...} or {\"error\":...}, with \"checkpoint\":... when it has a state to keep. Values are as in `recv --jsonl`. deliveries is above 1 when an owner before had that call too. Without --json a call with a newline in it fails.\n\n"
        "The exit code is the handler's; 76: it wrote what it was not asked for, or closed a pipe and ran on. SIGTERM and SIGINT: the call in hand is finished, then the handler's stdin ends; the second time its group is ended. How it is stopped when the ownership is lost is as for `lock`: exit code 75.\n\n"
        "Example:\n"
        "  sluice serve counter --checkpoint -- sh -c 'n=${SLUICE_CHECKPOINT:-0}; while read -r d; do n=$((n + d)); echo $n; done'",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_COMMAND,
    .words_min = 1,
    .words_max = 1,
    .options = serve_options,
    .option = serve_option,
    .check = serve_check,
    .run = serve_run,
};

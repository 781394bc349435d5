/*
 * loop.c - see loop.h.
 *
 * Timers are lazy: one that is armed too early is left as it is, and sees when it fires that there is nothing to do yet. So a stream of
 * requests with timeouts costs no timer call each, and a daemon at rest is woken at most once more.
 *
 * The loop sleeps in the epoll set of the unix sockets, in which sd-event - signals, timers, pidfds, libnng - is one descriptor. sd-event
 * wants to be prepared before a sleep, which is where it arms its timers, and asked after it. Most rounds only move bytes between sockets and
 * move no timer: then it stays prepared, and such a round is three system calls: epoll_wait, recv, send.
 */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "clock.h"
#include "log.h"
#include "notify.h"
#include "probe.h"
#include "watch.h"

enum { FAR_LINGER_US = 300000 };

/* A timer of the event loop that is only ever moved to an earlier time. */
struct timer {
    sd_event_source *source;
    int64_t armed_ns; /* NEVER_NS: off */
};

struct loop {
    const struct config *started; /* as at the start */
    struct config config;         /* as last read */
    int argc;
    char **argv;
    sd_event *event;
    struct engine *engine;
    struct wire *wire;
    struct front front;
    struct ipc *ipc;
    struct clock clock;
    struct watches *watches;
    struct probe *probe;
    struct addresses addresses;
    struct timer deadline, patience, idle;
    sd_event_source *drained;
    int64_t started_ns, idle_since_ns;
    uint64_t frame_size_max;
    bool prepared; /* sd-event is prepared */
    bool stale;    /* and a timer was moved since */
    bool leaving, over;
};

static int64_t monotonic_now_ns(void)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A source cannot refuse to be set but for want of memory, which these calls do not take. */
static void must(int r)
{
    assert(r >= 0);
}

static void timer_move(struct loop *l, struct timer *t, int64_t due_ns)
{
    if (due_ns >= t->armed_ns)
        return;
    uint64_t due_us = due_ns > 0 ? ((uint64_t)due_ns + 999) / 1000 : 0;
    must(sd_event_source_set_time(t->source, due_us));
    must(sd_event_source_set_enabled(t->source, SD_EVENT_ONESHOT));
    t->armed_ns = due_ns;
    l->stale = true;
}

static void status_text_of(const struct loop *l, char *buf, size_t size)
{
    struct stats stats;
    engine_stats(l->engine, &stats);
    (void)snprintf(buf, size,
                   "%" PRIu32 " connections, %" PRIu64 " sessions, %" PRIu64 " objects, %" PRIu64
                   " requests waiting",
                   peers_count(l->front.peers), stats.sessions, stats.objects, stats.parked);
}

/* ---- What the front asks for. ---- */

static int64_t hook_now(void *user)
{
    const struct loop *l = user;
    return clock_now_ns(&l->clock);
}

static void hook_world(void *user, struct wire_world *ret)
{
    const struct loop *l = user;
    *ret = (struct wire_world){
        .version = SLUICE_VERSION,
        .pid = getpid(),
        .uid = getuid(),
        .addresses = (const char *const *)l->addresses.names,
        .started_ns = l->started_ns,
        .now_ns = l->front.now_ns,
        .wall_offset_ns = clock_wall_offset_ns(&l->clock),
        .virtual_clock = l->clock.is_virtual,
        .frame_size_max = l->frame_size_max,
        .next_deadline_ns = engine_next_deadline(l->engine),
    };
}

static bool hook_clock(void *user, const struct wire_request *request, struct wire_refusal *ret)
{
    struct loop *l = user;
    return clock_take(&l->clock, request, ret);
}

static uint64_t hook_process(void *user, const struct peer *p, int32_t pid, struct wire_refusal *ret)
{
    struct loop *l = user;
    return watches_session(l->watches, p, pid, ret);
}

static void hook_note(void *user, enum front_event event, const struct peer *p, const char *reason)
{
    static const char *const did[] = {[FRONT_REFUSED] = "refused a connection",
                                      [FRONT_CLOSED] = "closed a connection",
                                      [FRONT_GONE] = "lost a connection"};
    (void)user;
    static const struct peer nobody;
    p = p ? p : &nobody;
    const struct log_fact facts[] = {
        {.name = p->number ? "peer" : NULL, .number = p->number},
        {.name = p->pid ? "pid" : NULL, .number = (uint64_t)p->pid},
        {.name = p->pid ? "uid" : NULL, .number = p->uid},
        {.name = p->session ? "session" : NULL, .number = p->session},
    };
    log_line(event == FRONT_GONE ? LOG_DEBUG : LOG_WARNING, facts, sizeof(facts) / sizeof(facts[0]), "%s: %s",
             did[event], reason);
}

/* ---- Leaving. ---- */

static void leave(struct loop *l, const char *why)
{
    if (l->leaving) {
        l->over = true;
        return;
    }
    l->leaving = true;
    log_say(LOG_INFO, "leaving: %s", why);
    notify_stopping();
    addresses_close(&l->addresses, l->ipc);
    front_begin(&l->front);
    front_step(&l->front, &(struct op){.code = OP_DRAIN});
    ipc_finish_all(l->ipc);
    uint64_t drain_us = (uint64_t)l->config.drain_time / 1000;
    bool far = false;
    for (uint32_t i = 0; i < l->addresses.fars_count; i++)
        far |= far_count(l->addresses.fars[i]) > 0;
    if (far && drain_us > FAR_LINGER_US)
        drain_us = FAR_LINGER_US; /* libnng says that it sent before it did */
    must(sd_event_source_set_time_relative(l->drained, drain_us));
    must(sd_event_source_set_enabled(l->drained, SD_EVENT_ONESHOT));
}

static int on_drained(sd_event_source *source, uint64_t now_us, void *user)
{
    (void)source;
    (void)now_us;
    struct loop *l = user;
    if (ipc_count(l->ipc) > 0)
        log_say(LOG_WARNING, "%u connections did not read their last replies", ipc_count(l->ipc));
    l->over = true;
    return 0;
}

static void leave_if_drained(struct loop *l)
{
    bool left = ipc_count(l->ipc) == 0;
    for (uint32_t i = 0; i < l->addresses.fars_count; i++)
        left &= far_count(l->addresses.fars[i]) == 0;
    l->over |= left;
}

/* ---- Before each sleep. ---- */

static bool is_idle(const struct loop *l)
{
    return peers_count(l->front.peers) == 0 && engine_idle(l->engine);
}

static void settle_idle(struct loop *l)
{
    if (!is_idle(l)) {
        l->idle_since_ns = NEVER_NS;
    } else if (l->idle_since_ns == NEVER_NS && l->config.idle_exit > 0) {
        l->idle_since_ns = monotonic_now_ns();
        timer_move(l, &l->idle, l->idle_since_ns + l->config.idle_exit);
    }
}

/* True: there is more to do at once. */
static bool settle(struct loop *l)
{
    bool more, flushed;
    do {
        more = l->clock.is_virtual && clock_run(&l->clock);
        flushed = ipc_dirty(l->ipc);
        ipc_flush(l->ipc);
    } while (flushed && !more);
    if (!l->clock.is_virtual)
        timer_move(l, &l->deadline, engine_next_deadline(l->engine));
    timer_move(l, &l->patience, ipc_next_deadline(l->ipc));
    if (l->leaving)
        leave_if_drained(l);
    else
        settle_idle(l);
    return more;
}

/* ---- Sources. ---- */

static int on_far(sd_event_source *source, int fd, uint32_t events, void *user)
{
    (void)source;
    (void)fd;
    (void)events;
    far_dispatch(user);
    return 0;
}

static int on_deadline(sd_event_source *source, uint64_t now_us, void *user)
{
    (void)source;
    (void)now_us;
    struct loop *l = user;
    l->deadline.armed_ns = NEVER_NS;
    front_begin(&l->front);
    if (engine_next_deadline(l->engine) <= l->front.now_ns)
        front_step(&l->front, &(struct op){.code = OP_TICK});
    return 0;
}

static int on_patience(sd_event_source *source, uint64_t now_us, void *user)
{
    (void)source;
    (void)now_us;
    struct loop *l = user;
    l->patience.armed_ns = NEVER_NS;
    front_begin(&l->front);
    ipc_expire(l->ipc, monotonic_now_ns());
    return 0;
}

static int on_idle(sd_event_source *source, uint64_t now_us, void *user)
{
    (void)source;
    (void)now_us;
    struct loop *l = user;
    l->idle.armed_ns = NEVER_NS;
    bool watched;
    (void)ipc_round(l->ipc, false, &watched); /* somebody may be at the door */
    (void)settle(l);
    if (l->idle_since_ns == NEVER_NS || l->leaving)
        return 0;
    int64_t due_ns = l->idle_since_ns + l->config.idle_exit;
    if (monotonic_now_ns() < due_ns)
        timer_move(l, &l->idle, due_ns);
    else
        leave(l, "held nothing and served nobody for idle-exit");
    return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *user)
{
    (void)source;
    leave(user, info->ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    return 0;
}

/* ---- Configuration. ---- */

static struct ipc_limits limits_of(const struct loop *l)
{
    const struct config *c = &l->config;
    return (struct ipc_limits){
        .body_size_max = l->frame_size_max,
        .peers_max = (uint32_t)c->connections_max,
        .peers_uid_max = (uint32_t)c->connections_per_user_max,
        .unread_pause = (uint64_t)c->unread_pause,
        .unread_max = (uint64_t)c->unread_max,
        .greeting_ns = c->greeting_time,
        .stall_ns = c->stall_time,
    };
}

static void apply_config(struct loop *l, struct config *new)
{
    size_t cursor = 0;
    for (const char *name; (name = config_next_frozen(l->started, new, &cursor));)
        log_say(LOG_WARNING, "%s takes effect at the next start", name);
    config_done(&l->config);
    l->config = *new;
    struct ipc_limits limits = limits_of(l);
    ipc_set_limits(l->ipc, &limits);
    log_set_level((int)l->config.log_level);
    l->idle_since_ns = NEVER_NS;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *user)
{
    (void)source;
    (void)info;
    struct loop *l = user;
    char text[512];
    struct config new;
    notify_reloading();
    if (config_load(&new, l->argc, l->argv, text, sizeof(text)) < 0)
        log_say(LOG_ERR, "configuration kept as it was: %s", text);
    else
        apply_config(l, &new);
    status_text_of(l, text, sizeof(text));
    notify_ready(text);
    log_say(LOG_INFO, "reloaded");
    return 0;
}

/* ---- The watchdog. ---- */

static void on_works(void *user)
{
    char text[160];
    status_text_of(user, text, sizeof(text));
    notify_watchdog(text);
}

static void on_fails(void *user, const char *reason)
{
    (void)user;
    log_say(LOG_ERR, "the watchdog is not fed: %s", reason);
}

/* ---- The start. ---- */

static int add_timer(struct loop *l, struct timer *t, clockid_t clock, uint64_t accuracy_us,
                     sd_event_time_handler_t handler)
{
    t->armed_ns = NEVER_NS;
    int r = sd_event_add_time(l->event, &t->source, clock, 0, accuracy_us, handler, l);
    return r < 0 ? r : sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
}

static int add_signals(struct loop *l)
{
    int r = sd_event_add_signal(l->event, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK, on_signal, l);
    if (r >= 0)
        r = sd_event_add_signal(l->event, NULL, SIGINT | SD_EVENT_SIGNAL_PROCMASK, on_signal, l);
    if (r >= 0)
        r = sd_event_add_signal(l->event, NULL, SIGHUP | SD_EVENT_SIGNAL_PROCMASK, on_reload, l);
    return r;
}

static int add_sources(struct loop *l)
{
    int r = add_timer(l, &l->deadline, CLOCK_BOOTTIME, 1, on_deadline);
    if (r >= 0)
        r = add_timer(l, &l->patience, CLOCK_MONOTONIC, 0, on_patience);
    if (r >= 0)
        r = add_timer(l, &l->idle, CLOCK_MONOTONIC, 0, on_idle);
    if (r >= 0)
        r = sd_event_add_time(l->event, &l->drained, CLOCK_MONOTONIC, 0, 1, on_drained, l);
    if (r >= 0)
        r = sd_event_source_set_enabled(l->drained, SD_EVENT_OFF);
    if (r >= 0)
        r = ipc_watch(l->ipc, sd_event_get_fd(l->event));
    for (uint32_t i = 0; r >= 0 && i < l->addresses.fars_count; i++)
        r = sd_event_add_io(l->event, NULL, far_fd(l->addresses.fars[i]), EPOLLIN, on_far,
                            l->addresses.fars[i]);
    return r;
}

static int add_watchdog(struct loop *l)
{
    uint64_t interval_us = notify_watchdog_us();
    if (interval_us == 0)
        return 0;
    struct probe_options options = {.path = l->addresses.probe_path,
                                    .interval_us = interval_us / 2,
                                    .user = l,
                                    .works = on_works,
                                    .fails = on_fails};
    return probe_new(&l->probe, l->event, &options);
}

/* Microseconds of the wall clock: tokens then grow over restarts too, as long as fewer than a million a second are granted. */
static uint64_t token_base(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct engine_options engine_options_of(const struct config *c)
{
    struct engine_options options = {
        .seed = (uint64_t)c->seed,
        .token_base = c->virtual_clock ? 0 : token_base(),
        .limits = {.payload_size_max = (uint32_t)c->payload_max,
                   .memory_max = (uint64_t)c->memory_max,
                   .sessions_max = (uint32_t)c->sessions_max,
                   .objects_max = (uint32_t)c->objects_max,
                   .handles_max = (uint32_t)c->handles_max,
                   .calls_max = (uint32_t)c->calls_max,
                   .resume_max_ns = c->resume_max},
    };
    if (options.seed == 0 &&
        getrandom(&options.seed, sizeof(options.seed), 0) != (ssize_t)sizeof(options.seed))
        options.seed = (uint64_t)monotonic_now_ns();
    return options;
}

/* As many descriptors as the system lets us have. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* All that needs no address. */
static int make_parts(struct loop *l)
{
    struct engine_options options = engine_options_of(&l->config);
    struct front_hooks hooks = {.user = l,
                                .now_ns = hook_now,
                                .world = hook_world,
                                .clock = hook_clock,
                                .process = hook_process,
                                .note = hook_note};
    clock_init(&l->clock, l->config.virtual_clock, &l->front);
    l->started_ns = clock_now_ns(&l->clock);
    l->engine = engine_new(&options);
    l->wire = l->engine ? wire_new(engine_limits(l->engine)) : NULL;
    if (!l->wire || front_init(&l->front, l->engine, l->wire, &hooks) < 0)
        return -ENOMEM;
    l->front.audit = l->config.audit;
    l->frame_size_max = wire_frame_size_max(engine_limits(l->engine));
    struct ipc_limits limits = limits_of(l);
    l->ipc = ipc_new(&l->front, &limits);
    if (!l->ipc)
        return -ENOMEM;
    int r = sd_event_new(&l->event);
    if (r < 0)
        return r;
    l->watches = watches_new(l->event, &l->front);
    return l->watches ? add_signals(l) : -ENOMEM;
}

/* Ask sd-event what there is, after a sleep or because a timer was moved. */
static int run_sources(struct loop *l)
{
    int r = sd_event_wait(l->event, 0);
    l->prepared = false;
    return r > 0 ? sd_event_dispatch(l->event) : r;
}

static int loop_run(struct loop *l)
{
    int r = 0;
    while (r >= 0) {
        bool more = settle(l), watched = false;
        if (l->over)
            break;
        if (l->prepared && l->stale)
            r = run_sources(l);
        if (r >= 0 && !l->prepared) {
            l->stale = false;
            r = sd_event_prepare(l->event);
            if (r > 0) {
                r = sd_event_dispatch(l->event);
                continue;
            }
            l->prepared = true;
        }
        (void)ipc_round(l->ipc, !more, &watched);
        if (watched)
            r = run_sources(l);
    }
    return r < 0 ? r : EX_OK;
}

static int serve(struct loop *l)
{
    char text[512];
    int r =
        addresses_open(&l->addresses, &l->config, &l->front, l->ipc, l->frame_size_max, text, sizeof(text));
    if (r < 0) {
        log_say(LOG_ERR, "%s", text);
        return r == -EADDRINUSE ? EX_UNAVAILABLE : EX_OSERR;
    }
    r = add_sources(l);
    if (r >= 0)
        r = add_watchdog(l);
    if (r >= 0) {
        for (uint32_t i = 0; i < l->addresses.names_count; i++)
            log_say(LOG_INFO, "serving %s", l->addresses.names[i]);
        front_begin(&l->front);
        status_text_of(l, text, sizeof(text));
        notify_ready(text);
        r = loop_run(l);
    }
    addresses_close(&l->addresses, l->ipc);
    if (r < 0)
        log_say(LOG_ERR, "the event loop failed: %s", strerror(-r));
    return r < 0 ? EX_OSERR : r;
}

static void loop_done(struct loop *l)
{
    l->probe = probe_free(l->probe);
    if (l->front.peers) {
        l->ipc = ipc_free(l->ipc);
        addresses_done(&l->addresses);
        l->watches = watches_free(l->watches);
        clock_done(&l->clock);
        front_done(&l->front);
    }
    sd_event_source *const sources[] = {l->deadline.source, l->patience.source, l->idle.source, l->drained};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        (void)sd_event_source_disable_unref(sources[i]);
    (void)sd_event_unref(l->event);
    l->wire = wire_free(l->wire);
    l->engine = engine_free(l->engine);
    config_done(&l->config);
}

int loop_main(const struct config *config, int argc, char **argv)
{
    static struct loop l; /* too large for a stack */
    char why[512];
    l = (struct loop){.started = config, .argc = argc, .argv = argv, .idle_since_ns = NEVER_NS};
    if (config_load(&l.config, argc, argv, why, sizeof(why)) < 0) {
        log_say(LOG_ERR, "%s", why);
        return EX_CONFIG;
    }
    log_set_level((int)l.config.log_level);
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptors();
    int r = make_parts(&l);
    if (r < 0)
        log_say(LOG_ERR, "cannot start: %s", strerror(-r));
    int code = r < 0 ? EX_OSERR : serve(&l);
    loop_done(&l);
    return code;
}

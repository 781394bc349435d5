/*
 * conn.c - a connection's birth and death, forks, and interruption.
 *
 * Opening is the same machine that reconnects: the opener plays the reader until the daemon has welcomed it.
 *
 * A fork must not let two processes write into one stream. All connections are in a registry; around a fork their locks are taken, so
 * that the child finds each in a consistent state, and there it closes its copies of the descriptors, forgets what was under way in
 * threads that it does not have, and takes a new session. Nothing is sent: the parent's session is untouched. The daemon is asked at the
 * child's first call. libnng's threads do not survive a fork and it aborts when it is used after one, so a child has no remote addresses.
 */
#include "conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "call.h"
#include "enter.h"
#include "error.h"
#include "future.h"

#define CONNECT_TIMEOUT_NS (5 * SLUICE_SECOND)
#define BYE_TIMEOUT_NS     (1 * SLUICE_SECOND)
#define NAME_MAX_SIZE      64

/* ---- The registry, and forks. */

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct link registry = {&registry, &registry};
static pthread_once_t registry_once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    pthread_mutex_lock(&registry_lock);
    for (struct link *l = registry.next; l != &registry; l = l->next)
        conn_lock(container_of(l, sluice, registry));
}

static void after_fork(void)
{
    for (struct link *l = registry.next; l != &registry; l = l->next)
        conn_unlock(container_of(l, sluice, registry));
    pthread_mutex_unlock(&registry_lock);
}

/* In the child: only its own thread is left. Calls of other threads lie on stacks that nobody runs on any more. */
static void drop_calls(sluice *s)
{
    struct link *next;
    for (struct link *l = s->pending.next; l != &s->pending; l = next) {
        struct call *c = container_of(l, struct call, link);
        next = l->next;
        c->waiter = NULL;
        if (c->is_future)
            call_fail(s, c, SLUICE_SESSION_GONE, "the process was forked: the session is the parent's");
    }
    list_init(&s->pending);
    list_init(&s->followers);
    list_init(&s->anyone);
    for (uint32_t i = 0; i < s->slots_used; i++)
        s->slots[i] = (struct slot){.generation = s->slots[i].generation + 1, .next_free = i};
    s->slot_free = s->slots_used;
}

static void start_over(sluice *s)
{
    s->reading = s->writing = s->blocked = s->was_up = false;
    drop_calls(s);
    buffer_clear(&s->in);
    buffer_clear(&s->out);
    buffer_clear(&s->wr);
    if (s->transport != NULL && s->ops->local)
        s->ops->close(s->transport);
    s->transport = NULL;
    s->state = CONN_DOWN;
    s->attempt_ns = s->down_since_ns = 0;
    start_done(&s->start);
    future_unwatch(s);
    if (s->interrupt_fd >= 0) {
        close(s->interrupt_fd);
        s->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    session_renew(s, true);
}

static void after_fork_child(void)
{
    transport_forked();
    for (struct link *l = registry.next; l != &registry; l = l->next)
        start_over(container_of(l, sluice, registry));
    after_fork();
}

static void registry_start(void)
{
    pthread_atfork(before_fork, after_fork, after_fork_child);
}

/* ---- Birth. */

/* The options as the caller's header knew them, the rest empty. False: no such size. */
static bool read_options(const struct sluice_options *given, struct sluice_options *ret)
{
    *ret = (struct sluice_options)SLUICE_OPTIONS_INIT;
    if (given == NULL)
        return true;
    if (given->size < sizeof given->size || given->size > sizeof *ret)
        return false;
    memcpy(ret, given, given->size);
    return true;
}

static bool text_is(const char *text, const char *other)
{
    return text != NULL && strcmp(text, other) == 0;
}

static char *own_name(const char *given)
{
    const char *name = given != NULL ? given : program_invocation_short_name;
    return strndup(name, NAME_MAX_SIZE);
}

/* No descriptor but the interrupt's is open yet. NULL: no memory. */
static sluice *conn_new(const struct sluice_options *o)
{
    sluice *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    const char *address = o->address != NULL ? o->address : getenv("SLUICE_ADDR");
    if (address != NULL && address[0] != '\0') {
        s->address = strdup(address);
        if (s->address == NULL)
            s->fatal = SLUICE_NO_MEMORY;
    }
    s->name = own_name(o->name);
    if (s->name == NULL || s->fatal != SLUICE_OK) {
        free(s->address);
        free(s->name);
        free(s);
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->connect_timeout_given = o->connect_timeout_ns != 0;
    s->connect_timeout_ns = o->connect_timeout_ns == 0  ? CONNECT_TIMEOUT_NS
                            : o->connect_timeout_ns < 0 ? NEVER
                                                        : o->connect_timeout_ns;
    s->resume_ns = o->resume_ns;
    s->lease_ns = o->lease_ns;
    s->tasks = o->tasks;
    s->task = o->task != 0 ? o->task : entered_environment("SLUICE_TASK");
    s->within = entered_environment("SLUICE_TOKEN");
    s->autostart = !o->no_autostart && !text_is(getenv("SLUICE_AUTOSTART"), "0");
    s->interruptible = o->interruptible;
    s->interrupt_fd = s->epoll_fd = s->wake_fd = s->timer_fd = s->watched_fd = -1;
    s->watched_deadline_ns = s->heartbeat_ns = s->guard_ns = NEVER;
    s->start = (struct start){-1, -1};
    list_init(&s->pending);
    list_init(&s->followers);
    list_init(&s->anyone);
    list_init(&s->futures);
    list_init(&s->done);
    if (o->session_id != NULL) {
        memcpy(s->id, o->session_id, sizeof s->id);
        s->id_given = true;
    }
    session_renew(s, o->session_id == NULL);
    return s;
}

static sluice *conn_free(sluice *s)
{
    if (s->transport != NULL)
        s->ops->close(s->transport);
    start_done(&s->start);
    future_unwatch(s);
    future_free_all(s);
    if (s->interrupt_fd >= 0)
        close(s->interrupt_fd);
    free(s->address);
    free(s->name);
    free(s->server);
    free(s->acked);
    free(s->slots);
    free(s->in.data);
    free(s->out.data);
    free(s->wr.data);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return NULL;
}

/* Plays the reader until the daemon has welcomed us. */
static enum sluice_status reach(sluice *s)
{
    enum sluice_status status = SLUICE_OK;
    int64_t until = s->connect_timeout_ns == NEVER ? NEVER : time_add(now_ns(), s->connect_timeout_ns);
    conn_lock(s);
    while (s->state != CONN_UP && status == SLUICE_OK) {
        io_step(s, until);
        if (s->fatal != SLUICE_OK)
            status = error_text(s->fatal, s->why);
        else if (s->state != CONN_UP && until != NEVER && now_ns() >= until)
            status = error_text(SLUICE_UNAVAILABLE, s->why);
    }
    conn_unlock(s);
    return status;
}

enum sluice_status sluice_open(const struct sluice_options *options, sluice **ret)
{
    struct sluice_options o;
    if (!read_options(options, &o))
        return error_text(SLUICE_INVALID, "struct sluice_options: size is wrong: use SLUICE_OPTIONS_INIT");
    pthread_once(&registry_once, registry_start);
    sluice *s = conn_new(&o);
    if (s == NULL)
        return error_status(SLUICE_NO_MEMORY);
    if (o.interruptible) {
        s->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->interrupt_fd < 0) {
            int r = -errno;
            conn_free(s);
            return error_errno(r, "opening an eventfd");
        }
    }
    enum sluice_status status = reach(s);
    if (status != SLUICE_OK) {
        conn_free(s);
        return status;
    }
    pthread_mutex_lock(&registry_lock);
    list_append(&registry, &s->registry);
    pthread_mutex_unlock(&registry_lock);
    *ret = s;
    return SLUICE_OK;
}

/* ---- Death. */

/* Writes what is gathered, within reason. */
static void drain(sluice *s)
{
    int64_t until = time_add(now_ns(), BYE_TIMEOUT_NS);
    conn_lock(s);
    io_flush(s);
    while (s->state == CONN_UP && buffer_used(&s->wr) + buffer_used(&s->out) > 0 && now_ns() < until)
        io_step(s, until);
    conn_unlock(s);
}

static void say_bye(sluice *s)
{
    struct call c;
    struct reply reply;
    Sluice__V1__Bye bye = SLUICE__V1__BYE__INIT;
    call_init(&c, SLUICE__V1__REQUEST__OP_BYE);
    c.request.bye = &bye;
    c.timeout_ns = 0; /* on our side alone: the guard is its slack */
    call_run(s, &c, &reply);
    call_done(&c);
}

static sluice *leave(sluice *s, bool bye)
{
    if (s == NULL)
        return NULL;
    pthread_mutex_lock(&registry_lock);
    list_remove(&s->registry);
    pthread_mutex_unlock(&registry_lock);
    if (s->state == CONN_UP) {
        drain(s);
        if (bye && s->state == CONN_UP && (s->resumable || !s->ops->local))
            say_bye(s);
    }
    return conn_free(s);
}

sluice *sluice_close(sluice *s)
{
    return leave(s, true);
}

sluice *sluice_detach(sluice *s)
{
    return leave(s, false);
}

/* ---- The rest. */

void sluice_session_get(sluice *s, struct sluice_session *ret)
{
    conn_lock(s);
    *ret = s->info;
    ret->address = s->address;
    ret->server = s->server != NULL ? s->server : "";
    conn_unlock(s);
}

enum sluice_status sluice_interrupt(sluice *s)
{
    if (s->interrupt_fd < 0)
        return SLUICE_INVALID;
    int error = errno;
    s->interrupted = true;
    eventfd_write(s->interrupt_fd, 1);
    errno = error;
    return SLUICE_OK;
}

void sluice_interrupt_reset(sluice *s)
{
    eventfd_t count;
    conn_lock(s);
    s->interrupted = s->interrupt_seen = false;
    if (s->interrupt_fd >= 0)
        eventfd_read(s->interrupt_fd, &count);
    conn_unlock(s);
}

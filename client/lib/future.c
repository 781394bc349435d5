/*
 * future.c - calls that nobody waits for yet, and event loops.
 *
 * The descriptor of sluice_fd is an epoll descriptor of our own, so that it stays the same while sockets behind it come and go. In
 * it are the transport's descriptor, a timer for the next attempt to connect or the next heartbeat, and an eventfd: when a thread that waits
 * on the same connection reads a future's reply, the socket is not readable any more, but the event loop must hear of it.
 *
 * Freed futures are kept for the next ones: an event loop starts and finishes millions.
 */
#include "future.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "error.h"
#include "item.h"
#include "job.h"
#include "limiter.h"
#include "sync.h"

#define GATHER_SIZE 65536

/* ---- Starting. */

struct sluice_future *future_new(sluice *s)
{
    conn_lock(s);
    struct sluice_future *f = s->pool;
    if (f != NULL)
        s->pool = f->next_free;
    conn_unlock(s);
    if (f == NULL)
        f = malloc(sizeof *f);
    if (f == NULL) {
        error_status(SLUICE_NO_MEMORY);
        return NULL;
    }
    memset(&f->s, 0, sizeof *f - offsetof(struct sluice_future, s));
    f->s = s;
    return f;
}

static void future_give(sluice *s, struct sluice_future *f)
{
    f->next_free = s->pool;
    s->pool = f;
}

enum sluice_status future_start(struct sluice_future *f, enum sluice_status status, sluice_future **ret)
{
    sluice *s = f->s;
    conn_lock(s);
    if (status == SLUICE_OK) {
        f->call.is_future = true;
        status = call_enqueue(s, &f->call);
    }
    if (status != SLUICE_OK) {
        future_give(s, f);
    } else {
        list_append(&s->futures, &f->all);
        s->flying++;
        if (f->call.guard_ns < s->guard_ns)
            s->guard_ns = f->call.guard_ns;
        if (buffer_used(&s->out) >= GATHER_SIZE)
            io_flush(s);
        *ret = f;
    }
    conn_unlock(s);
    return status;
}

void future_finished(sluice *s, struct call *c)
{
    struct sluice_future *f = container_of(c, struct sluice_future, call);
    s->flying--;
    list_append(f->inbox != NULL ? f->inbox : &s->done, &f->done);
    for (struct link *l = s->anyone.next; l != &s->anyone; l = l->next)
        io_wake(container_of(l, struct waiter, link));
    if (s->wake_fd >= 0 && !s->processing)
        eventfd_write(s->wake_fd, 1);
}

/* ---- Finishing. */

bool sluice_future_done(const sluice_future *f)
{
    conn_lock(f->s);
    bool done = f->call.state == CALL_DONE;
    conn_unlock(f->s);
    return done;
}

/* The grants of a reply, as an array for the caller. */
static enum sluice_status grants_take(const struct reply *reply, struct sluice_grant **ret)
{
    bool came = reply->result_tag == SLUICE__V1__REPLY__RESULT_GRANTS;
    ptrdiff_t count = came ? reply_read_grants(reply->result, NULL, 0) : 0;
    if (count <= 0)
        return unreadable();
    struct sluice_grant *grants = calloc((size_t)count, sizeof *grants);
    if (grants == NULL)
        return error_text(SLUICE_NO_MEMORY, "out of memory for the grants, which the session holds");
    reply_read_grants(reply->result, grants, (size_t)count);
    *ret = grants;
    return SLUICE_OK;
}

static enum sluice_status fill(struct call *c, const struct reply *reply, struct sluice_result *ret)
{
    enum sluice_status status = reply->status;
    *ret = (struct sluice_result){
        .status = status,
        .index = reply->index,
        .count = (size_t)reply->count,
        .grant = reply->grant,
        .number = reply->number,
        .failed = reply->failed,
        .shared = reply->shared,
        .last = reply->swapped,
        .revision = reply->revision,
        .epoch = reply->epoch,
        .created = reply->made.created,
    };
    ret->task.ref = (sluice_ref){.handle = reply->made.handle, .task = reply->made.number};
    ret->task.ref.session = reply->made.handle != 0 ? c->session : 0;
    if (c->request.op_case == SLUICE__V1__REQUEST__OP_TAKE ||
        c->request.op_case == SLUICE__V1__REQUEST__OP_SELECT)
        ret->quota = reply_quota(reply);
    if (status == SLUICE_OK)
        status = job_take(reply, &ret->job);
    if (status == SLUICE_OK)
        status = ending_take(reply, &ret->ending);
    if (status == SLUICE_OK && reply->has_item)
        status = item_take(c, reply, &ret->item);
    else if (status == SLUICE_OK && reply->result_tag == SLUICE__V1__REPLY__RESULT_BATCH)
        status = batch_take(c, reply, &ret->batch);
    else if (status == SLUICE_OK && c->request.op_case == SLUICE__V1__REQUEST__OP_ACQUIRE_ALL)
        status = grants_take(reply, &ret->grants);
    if (status != SLUICE_OK) {
        sluice_job_free(&ret->job);
        sluice_ending_free(&ret->ending);
    }
    return ret->status = status;
}

enum sluice_status sluice_future_finish(sluice_future *f, struct sluice_result *ret)
{
    sluice *s = f->s;
    struct reply reply;
    conn_lock(s);
    if (f->call.state == CALL_PENDING)
        call_await(s, &f->call);
    conn_unlock(s);
    enum sluice_status status = call_result(s, &f->call, &reply);
    if (ret != NULL)
        status = fill(&f->call, &reply, ret);
    call_done(&f->call);
    conn_lock(s);
    list_remove(&f->all);
    list_remove(&f->done);
    future_give(s, f);
    conn_unlock(s);
    return status;
}

void sluice_future_cancel(sluice_future *f)
{
    sluice *s = f->s;
    conn_lock(s);
    call_withdraw(s, &f->call);
    io_flush(s);
    conn_unlock(s);
}

void sluice_future_set_data(sluice_future *f, void *data)
{
    f->data = data;
}

void *sluice_future_data(const sluice_future *f)
{
    return f->data;
}

sluice_future *sluice_next_done(sluice *s)
{
    struct sluice_future *f = NULL;
    conn_lock(s);
    if (!list_empty(&s->done)) {
        f = container_of(s->done.next, struct sluice_future, done);
        list_remove(&f->done);
    }
    conn_unlock(s);
    return f;
}

void future_free_all(sluice *s)
{
    struct link *next;
    for (struct link *l = s->futures.next; l != &s->futures; l = next) {
        struct sluice_future *f = container_of(l, struct sluice_future, all);
        next = l->next;
        call_done(&f->call);
        free(f->call.frame);
        free(f);
    }
    while (s->pool != NULL) {
        struct sluice_future *f = s->pool;
        s->pool = f->next_free;
        free(f);
    }
}

/* ---- Event loops. */

/* Ends futures whose time is over: while there is no connection by its patience, else when the daemon does not answer. */
static void lose_patience(sluice *s)
{
    int64_t now = now_ns();
    if (list_empty(&s->pending) || (s->state == CONN_UP && now < s->guard_ns))
        return;
    struct link *next;
    int64_t first = NEVER;
    for (struct link *l = s->pending.next; l != &s->pending; l = next) {
        struct call *c = container_of(l, struct call, link);
        next = l->next;
        if (!c->is_future)
            continue;
        if (now >= call_patience(s, c))
            call_give_up(s, c);
        else if (c->guard_ns < first)
            first = c->guard_ns;
    }
    s->guard_ns = first;
}

enum sluice_status sluice_process(sluice *s)
{
    enum sluice_status status = SLUICE_OK;
    eventfd_t woken;
    conn_lock(s);
    s->processing = true;
    if (s->wake_fd >= 0)
        eventfd_read(s->wake_fd, &woken);
    if (s->reading) {
        io_flush(s);
    } else if (s->state != CONN_DOWN || !list_empty(&s->pending)) {
        enum conn_state before;
        do {
            before = s->state;
            io_step(s, 0);
        } while (s->state != before);
        io_leave(s);
    }
    lose_patience(s);
    future_watch(s);
    s->processing = false;
    if (s->state != CONN_UP)
        status = error_text(SLUICE_UNAVAILABLE, s->why);
    conn_unlock(s);
    return status;
}

enum sluice_status sluice_flush(sluice *s)
{
    conn_lock(s);
    io_flush(s);
    future_watch(s);
    conn_unlock(s);
    return SLUICE_OK;
}

/* Waits until there is something in the list. With the lock. */
static enum sluice_status await_done(sluice *s, const struct link *inbox, int64_t timeout_ns)
{
    enum sluice_status status = SLUICE_OK;
    struct waiter any = {.word = 0};
    int64_t until = timeout_ns < 0 ? NEVER : time_add(now_ns(), timeout_ns);
    io_flush(s);
    while (list_empty(inbox)) {
        int64_t limit = s->guard_ns < until ? s->guard_ns : until;
        if (s->flying == 0) {
            status = error_text(SLUICE_INVALID, "no future is in flight");
            break;
        }
        if (until != NEVER && now_ns() >= until) {
            status = error_status(SLUICE_DEADLINE_EXCEEDED);
            break;
        }
        if (!s->reading) {
            io_step(s, limit);
        } else {
            /* Whoever reads wakes us when a future is done, and one of us when it leaves. */
            list_append(&s->anyone, &any.link);
            conn_unlock(s);
            futex_wait(&any.word, 0, limit);
            conn_lock(s);
            list_remove(&any.link);
            atomic_store(&any.word, 0);
        }
        lose_patience(s);
    }
    io_leave(s);
    return status;
}

enum sluice_status sluice_wait_any(sluice *s, int64_t timeout_ns)
{
    conn_lock(s);
    enum sluice_status status = await_done(s, &s->done, timeout_ns);
    conn_unlock(s);
    return status;
}

struct sluice_future *future_next(sluice *s, struct link *inbox)
{
    struct sluice_future *f = NULL;
    conn_lock(s);
    await_done(s, inbox, -1);
    if (!list_empty(inbox)) {
        f = container_of(inbox->next, struct sluice_future, done);
        list_remove(&f->done);
    }
    conn_unlock(s);
    return f;
}

static bool watch_add(sluice *s, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data = {.fd = fd}};
    return fd >= 0 && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* The instant at which something is to be done without being told by the socket. */
static int64_t watch_deadline(const sluice *s)
{
    if (s->state == CONN_DOWN)
        return list_empty(&s->pending) ? NEVER : s->attempt_ns;
    int64_t at = s->state == CONN_HELLO ? s->heard_by_ns : s->heartbeat_ns;
    return s->guard_ns < at ? s->guard_ns : at;
}

void future_watch(sluice *s)
{
    if (s->epoll_fd < 0)
        return;
    bool connected = s->state == CONN_UP || s->state == CONN_HELLO;
    int fd = connected ? s->ops->fd(s->transport) : -1;
    uint32_t events = s->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (fd != s->watched_fd) {
        /* The one before was closed, and so has left the set by itself. */
        s->watched_fd = watch_add(s, fd, events) ? fd : -1;
    } else if (fd >= 0 && s->blocked != s->watched_out) {
        struct epoll_event e = {.events = events, .data = {.fd = fd}};
        epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, fd, &e);
    }
    s->watched_out = s->blocked;
    int64_t at = watch_deadline(s);
    if (at == s->watched_deadline_ns)
        return;
    s->watched_deadline_ns = at;
    struct itimerspec when = {0};
    if (at != NEVER) {
        int64_t set = at > 0 ? at : 1; /* 0 would mean never */
        when.it_value = (struct timespec){.tv_sec = set / 1000000000, .tv_nsec = set % 1000000000};
    }
    timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Closing it would take it out of the set, unless a forked process has it open as well. */
void future_forget(sluice *s)
{
    if (s->watched_fd >= 0)
        epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->watched_fd, NULL);
    s->watched_fd = -1;
}

void future_unwatch(sluice *s)
{
    int *const fds[] = {&s->epoll_fd, &s->wake_fd, &s->timer_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
    s->watched_fd = -1;
    s->watched_deadline_ns = NEVER;
}

/* Opens the three descriptors. 0 or -errno. */
static int watch_open(sluice *s)
{
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll_fd >= 0 && watch_add(s, s->wake_fd, EPOLLIN) && watch_add(s, s->timer_fd, EPOLLIN))
        return 0;
    int error = -errno;
    future_unwatch(s);
    return error;
}

int sluice_fd(sluice *s)
{
    conn_lock(s);
    int r = s->epoll_fd >= 0 ? 0 : watch_open(s);
    if (r == 0) {
        future_watch(s);
        if (!list_empty(&s->done))
            eventfd_write(s->wake_fd, 1);
        r = s->epoll_fd;
    }
    conn_unlock(s);
    return r;
}

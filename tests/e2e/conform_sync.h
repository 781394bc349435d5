/*
 * conform_sync.h - short words for locks, permits, groups, counters and onces, for the conformance cases of parts E and F and the deaths of holders.
 *
 * An object made here has a name of its own, so that every session can use it. The three ways to hold a lock are one enum: what Go's tests do with
 * a Locker they do with a way and a name. Functions with `_on` take a session and serve tasks and processes; those without are the test's
 * own and assert.
 */
#ifndef E2E_CONFORM_SYNC_H
#define E2E_CONFORM_SYNC_H

#include "conform.h"

/* ---- Making ---- */

static inline const char *new_mutex(void)
{
    sluice_mutex made;
    const char *name = fresh("m");
    is(sluice_mutex_make(me, name, &made), SLUICE_OK);
    return name;
}

static inline const char *new_rwmutex(void)
{
    sluice_rwmutex made;
    const char *name = fresh("rw");
    is(sluice_rwmutex_make(me, name, &made), SLUICE_OK);
    return name;
}

static inline const char *new_sem(uint64_t size)
{
    sluice_sem made;
    const char *name = fresh("s");
    is(sluice_sem_make(me, name, size, &made), SLUICE_OK);
    return name;
}

static inline const char *new_wg(void)
{
    sluice_wg made;
    const char *name = fresh("g");
    is(sluice_wg_make(me, name, &made), SLUICE_OK);
    return name;
}

static inline const char *new_counter(int64_t value)
{
    sluice_counter made;
    const char *name = fresh("n");
    is(sluice_counter_make(me, name, value, &made), SLUICE_OK);
    return name;
}

static inline const char *new_once(bool poison)
{
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_once_spec spec = SLUICE_ONCE_SPEC_INIT;
    sluice_once made;
    how.name = fresh("o");
    spec.poison = poison;
    is(sluice_once_make_with(me, &how, &spec, &made, NULL), SLUICE_OK);
    return how.name;
}

/* ---- Locks ---- */

enum way { MUTEX, WRITE, READ };

/* Lock; the grant is written with OK. */
static inline enum sluice_status lock_on(sluice *s, enum way way, const char *name,
                                         const struct sluice_wait *wait, struct sluice_grant *ret)
{
    if (way == MUTEX)
        return sluice_mutex_lock(s, sluice_mutex_named(name), 0, wait, ret);
    if (way == WRITE)
        return sluice_rwmutex_lock(s, sluice_rwmutex_named(name), 0, wait, ret);
    return sluice_rwmutex_rlock(s, sluice_rwmutex_named(name), 0, wait, ret);
}

static inline enum sluice_status unlock_on(sluice *s, enum way way, const char *name, uint64_t token)
{
    if (way == MUTEX)
        return sluice_mutex_unlock(s, sluice_mutex_named(name), token);
    if (way == WRITE)
        return sluice_rwmutex_unlock(s, sluice_rwmutex_named(name), token);
    return sluice_rwmutex_runlock(s, sluice_rwmutex_named(name), token);
}

/* Lock at once, or fail the test. Returns the token. */
static inline uint64_t lock(enum way way, const char *name)
{
    struct sluice_grant g;
    is(lock_on(me, way, name, sluice_no_wait(), &g), SLUICE_OK);
    assert_false(g.owner_died);
    return g.token;
}

static inline void unlock(enum way way, const char *name, uint64_t token)
{
    is(unlock_on(me, way, name, token), SLUICE_OK);
}

/* Could it be locked so? It is left as it was. */
static inline bool lockable(enum way way, const char *name)
{
    struct sluice_grant g;
    enum sluice_status status = lock_on(me, way, name, sluice_no_wait(), &g);
    if (status == SLUICE_OK)
        unlock(way, name, g.token);
    else
        is(status, SLUICE_WOULD_BLOCK);
    return status == SLUICE_OK;
}

/* ---- Tasks that wait to be granted something: what came is in list[0], the token, and list[1], owner_died. ---- */

static inline void keep_grant(struct task *t, enum sluice_status status, const struct sluice_grant *g)
{
    t->status = status;
    if (status == SLUICE_OK) {
        t->list[0] = (int64_t)g->token;
        t->list[1] = g->owner_died;
    } else {
        strncpy(t->message, sluice_errmsg(), sizeof t->message - 1);
    }
}

/* t->value is the way. It ends holding the lock; its session ends too, so it hands the lock to the test first. */
static inline void run_lock(struct task *t)
{
    struct sluice_grant g = {0, false};
    enum sluice_status status = lock_on(t->s, (enum way)t->value, t->a, &t->wait, &g);
    keep_grant(t, status, &g);
    if (status == SLUICE_OK)
        (void)sluice_adopt(me, g.token);
}

static inline struct task *go_lock(enum way way, const char *name)
{
    struct task *t = task_new(run_lock);
    t->value = way;
    t->a = name;
    return task_start(t);
}

/* t->value permits. */
static inline void run_acquire(struct task *t)
{
    struct sluice_grant g = {0, false};
    enum sluice_status status =
        sluice_sem_acquire(t->s, sluice_sem_named(t->a), (uint64_t)t->value, 0, &t->wait, &g);
    keep_grant(t, status, &g);
    if (status == SLUICE_OK)
        (void)sluice_adopt(me, g.token);
}

static inline struct task *new_acquire(const char *name, uint64_t permits)
{
    struct task *t = task_new(run_acquire);
    t->value = (int64_t)permits;
    t->a = name;
    return t;
}

/* Joined, it has been granted what it waited for. Returns the token. */
static inline uint64_t granted(struct task *t)
{
    is(join(t), SLUICE_OK);
    assert_true(t->list[0] > 0);
    assert_false(t->list[1]);
    return (uint64_t)t->list[0];
}

static inline uint64_t granted_after_death(struct task *t)
{
    is(join(t), SLUICE_OK);
    assert_true(t->list[0] > 0);
    assert_true(t->list[1]);
    return (uint64_t)t->list[0];
}

/* ---- Permits ---- */

static inline bool try_acquire(const char *name, uint64_t permits)
{
    enum sluice_status status =
        sluice_sem_acquire(me, sluice_sem_named(name), permits, 0, sluice_no_wait(), NULL);
    if (status != SLUICE_OK)
        is(status, SLUICE_WOULD_BLOCK);
    return status == SLUICE_OK;
}

static inline void release(const char *name, uint64_t permits)
{
    is(sluice_sem_release(me, sluice_sem_named(name), permits), SLUICE_OK);
}

/* ---- Wait groups ---- */

static inline void wg_add(const char *name, int64_t delta)
{
    is(sluice_wg_add(me, sluice_wg_named(name), delta), SLUICE_OK);
}

static inline void run_wg_wait(struct task *t)
{
    t->status = sluice_wg_wait(t->s, sluice_wg_named(t->a), &t->wait);
}

static inline struct task *go_wg_wait(const char *name)
{
    struct task *t = task_new(run_wg_wait);
    t->a = name;
    return task_start(t);
}

/* ---- Looking ---- */

static inline struct sluice_description look(const char *name)
{
    struct sluice_description *d, copy;
    is(sluice_describe(me, sluice_named(name), &d), SLUICE_OK);
    copy = *d;
    sluice_description_free(d);
    return copy;
}

/* Requests parked on it. */
static inline uint64_t waiting(const char *name)
{
    return look(name).waiting;
}

static inline uint64_t holds(const char *name)
{
    return look(name).hold.holds;
}

static inline int64_t count_of(const char *name)
{
    return look(name).count.value;
}

#endif

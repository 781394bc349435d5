/*
 * signal.c - signals of this process as values in channels: Go's os/signal (src/os/signal/signal.go).
 *
 * A subscription is one channel, or one context, and the set of signals it wants. catch.c brings what is caught, in order, to one thread
 * of the library's; there every subscription that wants a signal gets it by a send that does not wait. A channel that is full, or has
 * neither room nor receiver, loses it and the subscription counts that, as Go's does without counting: a signal must
 * never wait for a reader. Several signals that come together take one request, with the same outcome as one by one.
 *
 * A signal is caught while some subscription wants it. Which those are is read from the table of subscriptions; it is small.
 *
 * Two locks. `turn` makes the calls that change anything take turns, for as long as they need: stopping waits for the thread. `lock` guards
 * what the thread reads, for as long as copying takes. The thread works on a copy of the table, so a subscription that was taken
 * out of it is freed after the thread has come to rest once more.
 *
 * A context is cancelled by its first signal, with Go's text for the cause; what comes later is swallowed until the stop.
 *
 * The child of a fork has no subscriptions: they are the parent's.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "catch.h"
#include "error.h"
#include "util.h"

enum { SUBSCRIPTIONS_MAX = 256, NAME_SIZE = 16 };

struct subscription {
    uint64_t number;
    sluice *s;
    sluice_ref given; /* the caller's reference, by which another call on it is known; a name is `name` */
    sluice_ref ref;   /* what is used: `name`, or a handle of our own */
    char *name;
    enum sluice_type type; /* of the channel; NONE: it is a context */
    bool canceled;         /* the context has been, by a signal; the thread's */
    /* Under `lock`: */
    bool wants[CATCH_SIGNALS];
    struct sluice_signal_counts counts;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER, lock = PTHREAD_MUTEX_INITIALIZER;
static struct subscription *table[SUBSCRIPTIONS_MAX]; /* under both to write, under either to read */
static size_t table_count;
static uint64_t last_number;

/* ---- Names. */

static const char real_time[][NAME_SIZE] = {
    "RTMIN",    "RTMIN+1",  "RTMIN+2",  "RTMIN+3",  "RTMIN+4",  "RTMIN+5",  "RTMIN+6",  "RTMIN+7",
    "RTMIN+8",  "RTMIN+9",  "RTMIN+10", "RTMIN+11", "RTMIN+12", "RTMIN+13", "RTMIN+14", "RTMIN+15",
    "RTMIN+16", "RTMIN+17", "RTMIN+18", "RTMIN+19", "RTMIN+20", "RTMIN+21", "RTMIN+22", "RTMIN+23",
    "RTMIN+24", "RTMIN+25", "RTMIN+26", "RTMIN+27", "RTMIN+28", "RTMIN+29", "RTMIN+30", "RTMIN+31",
};

const char *sluice_signal_name(int number)
{
    int real = number - SIGRTMIN;
    if (real >= 0 && number <= SIGRTMAX && real < (int)(sizeof real_time / sizeof *real_time))
        return real_time[real];
    return number > 0 && number < 32 ? sigabbrev_np(number) : NULL;
}

int sluice_signal_number(const char *name)
{
    if (strncasecmp(name, "SIG", 3) == 0)
        name += 3;
    if (name[0] == '\0')
        return 0;
    char *end = NULL;
    long given = name[0] >= '0' && name[0] <= '9' ? strtol(name, &end, 10) : 0;
    for (int n = 1; n < CATCH_SIGNALS; n++) {
        const char *known = sluice_signal_name(n);
        if (known != NULL && (end == NULL ? strcasecmp(known, name) == 0 : *end == '\0' && given == n))
            return n;
    }
    return strcasecmp(name, "RTMAX") == 0 ? SIGRTMAX : 0;
}

/* As Go's Signal.String says it, with what NotifyContext adds. */
static void cause_of(int number, char *text, size_t size)
{
    const char *words = number <= SIGTERM ? sigdescr_np(number) : NULL;
    if (words == NULL)
        snprintf(text, size, "signal %d signal received", number);
    else
        snprintf(text, size, "%c%s signal received", words[0] | 0x20, words + 1);
}

/* ---- The thread: handing on. */

static struct sluice_value value_of(enum sluice_type type, int number, char text[static NAME_SIZE])
{
    if (type == SLUICE_TYPE_INT64)
        return sluice_int(number);
    snprintf(text, NAME_SIZE, type == SLUICE_TYPE_JSON ? "\"%s\"" : "%s", sluice_signal_name(number));
    return sluice_bytes_of(type, text, strlen(text));
}

/* How many of them went. */
static size_t send_on(const struct subscription *sub, const unsigned char *numbers, size_t count)
{
    struct sluice_value values[CATCH_BATCH];
    char texts[CATCH_BATCH][NAME_SIZE];
    size_t sent = 0;
    for (size_t i = 0; i < count; i++)
        values[i] = value_of(sub->type, numbers[i], texts[i]);
    sluice_chan ch = sluice_chan_of(sub->ref);
    if (count == 1)
        sent = sluice_send(sub->s, ch, values[0], sluice_no_wait()) == SLUICE_OK;
    else
        sluice_send_many(sub->s, ch, values, count, sluice_no_wait(), &sent);
    return sent;
}

static size_t cancel(struct subscription *sub, int number)
{
    char cause[64];
    if (sub->canceled)
        return 0;
    cause_of(number, cause, sizeof cause);
    sub->canceled = sluice_ctx_cancel(sub->s, sluice_ctx_of(sub->ref), cause) == SLUICE_OK;
    return sub->canceled;
}

static void hand(struct subscription *sub, const unsigned char *numbers, size_t count)
{
    unsigned char wanted[CATCH_BATCH];
    size_t n = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count; i++)
        if (sub->wants[numbers[i]])
            wanted[n++] = numbers[i];
    pthread_mutex_unlock(&lock);
    if (n == 0)
        return;
    size_t sent = sub->type == SLUICE_TYPE_NONE ? cancel(sub, wanted[0]) : send_on(sub, wanted, n);
    pthread_mutex_lock(&lock);
    sub->counts.sent += sent;
    sub->counts.dropped += n - sent;
    pthread_mutex_unlock(&lock);
}

static void deliver(const unsigned char *numbers, size_t count)
{
    struct subscription *now[SUBSCRIPTIONS_MAX];
    pthread_mutex_lock(&lock);
    size_t n = table_count;
    memcpy(now, table, n * sizeof *table);
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < n; i++)
        hand(now[i], numbers, count);
}

/* ---- Forks. */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static struct subscription *subscription_free(struct subscription *sub)
{
    if (sub != NULL)
        free(sub->name);
    free(sub);
    return NULL;
}

static void after_fork_child(void)
{
    catch_forked();
    for (size_t i = 0; i < table_count; i++)
        subscription_free(table[i]);
    table_count = 0;
    pthread_mutex_unlock(&lock);
    pthread_mutex_init(&turn, NULL); /* who had it is not here */
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork_child);
}

/* ---- Sets of signals. */

static enum sluice_status impossible(int number)
{
    char text[64];
    const char *name = sluice_signal_name(number);
    if (name == NULL)
        snprintf(text, sizeof text, "%d is no signal", number);
    else
        snprintf(text, sizeof text, "signal %s cannot be caught", name);
    return error_text(SLUICE_INVALID, text);
}

/* The set of these numbers; of all that can be caught when there are none. */
static enum sluice_status set_of(const int *signals, size_t count, bool set[static CATCH_SIGNALS])
{
    for (int n = 0; n < CATCH_SIGNALS; n++)
        set[n] = count == 0 && catch_possible(n);
    for (size_t i = 0; i < count; i++) {
        if (!catch_possible(signals[i]))
            return impossible(signals[i]);
        set[signals[i]] = true;
    }
    return SLUICE_OK;
}

/* Whether somebody wants it, apart from this one; NULL: from nobody. */
static bool is_wanted(int number, const struct subscription *but)
{
    for (size_t i = 0; i < table_count; i++)
        if (table[i] != but && table[i]->wants[number])
            return true;
    return false;
}

/* ---- Subscriptions: in turn. */

static struct subscription *find_number(uint64_t number)
{
    for (size_t i = 0; i < table_count; i++)
        if (table[i]->number == number)
            return table[i];
    return NULL;
}

static bool same_ref(sluice_ref a, sluice_ref b)
{
    if (a.handle != 0 || b.handle != 0)
        return a.handle == b.handle && a.session == b.session;
    return strcmp(a.name, b.name) == 0;
}

static struct subscription *find_channel(const sluice *s, sluice_ref ref)
{
    for (size_t i = 0; i < table_count; i++)
        if (table[i]->s == s && table[i]->type != SLUICE_TYPE_NONE && same_ref(table[i]->given, ref))
            return table[i];
    return NULL;
}

/* Puts it into the table: it wants nothing yet. */
static enum sluice_status enter(struct subscription *sub)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    if (table_count == SUBSCRIPTIONS_MAX)
        return error_text(SLUICE_LIMIT, "a process has at most 256 subscriptions to signals");
    int r = table_count == 0 ? catch_start(deliver) : 0;
    if (r < 0)
        return error_errno(r, "starting the thread for signals");
    sub->number = ++last_number;
    pthread_mutex_lock(&lock);
    table[table_count++] = sub;
    pthread_mutex_unlock(&lock);
    return SLUICE_OK;
}

/* Takes it out of the table. When this returns the thread does not know it any more. */
static void leave(struct subscription *sub)
{
    pthread_mutex_lock(&lock);
    size_t at = 0;
    while (table[at] != sub)
        at++;
    table_count--;
    memmove(&table[at], &table[at + 1], (table_count - at) * sizeof *table);
    pthread_mutex_unlock(&lock);
    catch_settle();
    if (table_count == 0)
        catch_stop();
}

/* It wants these from now on. */
static void want(struct subscription *sub, const bool set[static CATCH_SIGNALS])
{
    pthread_mutex_lock(&lock);
    for (int n = 1; n < CATCH_SIGNALS; n++) {
        if (set[n] && !is_wanted(n, NULL))
            catch_signal(n);
        sub->wants[n] = sub->wants[n] || set[n];
    }
    pthread_mutex_unlock(&lock);
}

/* A new one begins, or is freed. */
static enum sluice_status begin(struct subscription *sub, const bool set[static CATCH_SIGNALS])
{
    enum sluice_status status = enter(sub);
    if (status == SLUICE_OK) {
        want(sub, set);
    } else {
        sluice_drop(sub->s, sub->ref);
        subscription_free(sub);
    }
    return status;
}

/* Ends what nobody else wants. What was caught before is handed on first: it is still wanted here until then. */
static void unwant(const struct subscription *sub)
{
    pthread_mutex_lock(&lock);
    for (int n = 1; n < CATCH_SIGNALS; n++)
        if (sub->wants[n] && !is_wanted(n, sub))
            catch_release(n);
    pthread_mutex_unlock(&lock);
    catch_settle();
}

/* ---- Notify and Stop. */

/* A subscription of this channel, which must be one that takes what is sent. */
static enum sluice_status open_channel(sluice *s, sluice_ref given, struct subscription *sub)
{
    struct sluice_made made = {0};
    enum sluice_status status =
        sluice_open_ref(s, given, SLUICE_RIGHT_SEND, SLUICE_KIND_CHANNEL, &sub->ref, &made);
    if (status != SLUICE_OK)
        return status;
    sub->s = s;
    sub->given = given;
    sub->type = made.type;
    if (made.type == SLUICE_TYPE_DOUBLE || made.type == SLUICE_TYPE_HANDLE) {
        sluice_drop(s, sub->ref);
        return error_text(SLUICE_WRONG_TYPE, "signals go into channels of bytes, string, int64 or json");
    }
    if (given.handle != 0)
        return SLUICE_OK;
    sluice_drop(s, sub->ref); /* a name works also in the next session */
    sub->name = strdup(given.name);
    sub->ref = sub->given = sluice_named(sub->name);
    return sub->name == NULL ? error_status(SLUICE_NO_MEMORY) : SLUICE_OK;
}

static enum sluice_status notify(sluice *s, sluice_ref given, const bool set[static CATCH_SIGNALS],
                                 sluice_signals *ret)
{
    struct subscription *sub = find_channel(s, given);
    enum sluice_status status = SLUICE_OK;
    if (sub != NULL) {
        want(sub, set);
    } else {
        sub = calloc(1, sizeof *sub);
        if (sub == NULL)
            return error_status(SLUICE_NO_MEMORY);
        status = open_channel(s, given, sub);
        if (status != SLUICE_OK) {
            subscription_free(sub);
            return status;
        }
        status = begin(sub, set);
    }
    if (status == SLUICE_OK && ret != NULL)
        ret->number = sub->number;
    return status;
}

enum sluice_status sluice_signal_notify(sluice *s, sluice_chan ch, const int *signals, size_t count,
                                        sluice_signals *ret)
{
    bool set[CATCH_SIGNALS];
    if (sluice_is_nil(ch.ref))
        return error_text(SLUICE_MISUSE, "os/signal: Notify using nil channel");
    enum sluice_status status = set_of(signals, count, set);
    if (status != SLUICE_OK)
        return status;
    pthread_mutex_lock(&turn);
    status = notify(s, ch.ref, set, ret);
    pthread_mutex_unlock(&turn);
    return status;
}

/* The context is cancelled first, so that a signal of this moment is not its cause any more. */
static enum sluice_status stop(struct subscription *sub, struct sluice_signal_counts *ret)
{
    enum sluice_status status = SLUICE_OK;
    if (sub->type == SLUICE_TYPE_NONE)
        status = sluice_ctx_cancel(sub->s, sluice_ctx_of(sub->ref), NULL);
    unwant(sub);
    leave(sub);
    if (ret != NULL)
        *ret = sub->counts;
    sluice_drop(sub->s, sub->ref);
    subscription_free(sub);
    bool gone = status == SLUICE_STALE || status == SLUICE_REMOVED || status == SLUICE_SESSION_GONE;
    return gone ? SLUICE_OK : status;
}

enum sluice_status sluice_signal_stop(sluice_signals signals, struct sluice_signal_counts *ret)
{
    enum sluice_status status = SLUICE_OK;
    pthread_mutex_lock(&turn);
    struct subscription *sub = find_number(signals.number);
    if (sub != NULL)
        status = stop(sub, ret);
    else if (ret != NULL)
        *ret = (struct sluice_signal_counts){0, 0};
    pthread_mutex_unlock(&turn);
    return status;
}

enum sluice_status sluice_signal_counts_get(sluice_signals signals, struct sluice_signal_counts *ret)
{
    pthread_mutex_lock(&lock);
    const struct subscription *sub = find_number(signals.number);
    if (sub != NULL)
        *ret = sub->counts;
    pthread_mutex_unlock(&lock);
    return sub != NULL ? SLUICE_OK : error_text(SLUICE_INVALID, "no such subscription to signals");
}

/* ---- Reset and Ignore: of all subscriptions. */

static enum sluice_status undo(const int *signals, size_t count, void (*action)(int number))
{
    bool set[CATCH_SIGNALS];
    enum sluice_status status = set_of(signals, count, set);
    if (status != SLUICE_OK)
        return status;
    pthread_mutex_lock(&turn);
    pthread_mutex_lock(&lock);
    for (int n = 1; n < CATCH_SIGNALS; n++)
        if (set[n])
            action(n);
    pthread_mutex_unlock(&lock);
    if (table_count > 0)
        catch_settle();
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < table_count; i++)
        for (int n = 1; n < CATCH_SIGNALS; n++)
            table[i]->wants[n] = table[i]->wants[n] && !set[n];
    pthread_mutex_unlock(&lock);
    pthread_mutex_unlock(&turn);
    return SLUICE_OK;
}

enum sluice_status sluice_signal_reset(const int *signals, size_t count)
{
    return undo(signals, count, catch_release);
}

enum sluice_status sluice_signal_ignore(const int *signals, size_t count)
{
    return undo(signals, count, catch_ignore);
}

bool sluice_signal_ignored(int number)
{
    return catch_ignored(number);
}

/* ---- Contexts. */

static enum sluice_status notify_context(sluice *s, sluice_ctx ctx, const bool set[static CATCH_SIGNALS],
                                         sluice_signals *ret)
{
    struct subscription *sub = calloc(1, sizeof *sub);
    if (sub == NULL)
        return error_status(SLUICE_NO_MEMORY);
    sub->s = s;
    enum sluice_status status = sluice_dup(s, ctx.ref, 0, &sub->ref);
    if (status != SLUICE_OK) {
        subscription_free(sub);
        return status;
    }
    status = begin(sub, set);
    if (status == SLUICE_OK)
        ret->number = sub->number;
    return status;
}

enum sluice_status sluice_signal_notify_context(sluice *s, sluice_ctx parent, const int *signals,
                                                size_t count, sluice_ctx *ret_ctx, sluice_signals *ret)
{
    bool set[CATCH_SIGNALS];
    sluice_ctx ctx;
    enum sluice_status status = set_of(signals, count, set);
    if (status == SLUICE_OK)
        status = sluice_ctx_with_cancel(s, parent, &ctx);
    if (status != SLUICE_OK)
        return status;
    pthread_mutex_lock(&turn);
    status = notify_context(s, ctx, set, ret);
    pthread_mutex_unlock(&turn);
    if (status == SLUICE_OK)
        *ret_ctx = ctx;
    else
        sluice_drop(s, ctx.ref);
    return status;
}

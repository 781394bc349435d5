/*
 * lock.c - sluice lock, sem and unlock: a command, or a process, that holds locks or permits.
 *
 * Go's Mutex, RWMutex and weighted semaphore between processes that may die. What the shell holds it holds for something: for a command
 * (hold.h), or for a process that lives on. A one-shot command that locked for itself would unlock by ending.
 *
 * A mutex cannot be shared: whether a lock can is decided when it is made, by its first user or by `sluice make --rwmutex`.
 *
 * Several are had in one request, all or none: two commands that name the same locks in different orders cannot wait for each other.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "hold.h"
#include "link.h"
#include "sync.h"
#include "verb.h"

#define GUARANTEE                                                                                                                                                                                                                                                            \
    "The command has a process group of its own and finds SLUICE_TOKEN, a number larger than that of every holder before, and SLUICE_OWNER_DIED=1 when the holder before died or lost it: what it guards may be half done. "                                                 \
    "Signals are passed on to the group. It inherits nothing but its standard descriptors, so what it leaves in the background holds nothing, and runs on.\n\n"                                                                                                              \
    "It is kept while the command runs, and given back when that ends. When this process is killed, the group is ended first, by SIGTERM and after --kill-after SIGKILL; then it passes on (from a remote daemon when the session cannot be resumed any more, after 30 s). " \
    "When it is lost, the group is stopped the same way: exit code 75. It is lost when the daemon dies, or when the ttl passes. "                                                                                                                                            \
    "With --ttl it is prolonged every third of the ttl; when no answer has come for two thirds the group gets SIGTERM, and before the ttl is over SIGKILL. "                                                                                                                 \
    "So nobody else gets it before the group is gone, unless the daemon dies, somebody removes it or gives the token back, or this process itself cannot run (stopped, or the machine asleep) while the ttl passes; against these, what is written to must refuse old tokens, as a fenced counter does. A process that leaves the group (setsid) is not followed.\n\n"

static struct {
    bool shared, has_size;
    uint64_t size, take;
    const char *value;
    const char *reads[HOLDS_MAX];
    int reads_count;
} options = {.size = 1, .take = 1};

enum { KEY_SHARED = 0x100, KEY_READ, KEY_VALUE, KEY_PERMITS, KEY_TAKE };

static bool lock_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_SHARED: options.shared = true; return true;
    case KEY_READ:
        if (options.reads_count == HOLDS_MAX)
            argp_error(state, "at most %d at once", HOLDS_MAX);
        options.reads[options.reads_count++] = arg;
        return true;
    case KEY_VALUE: options.value = arg; return true;
    default: return hold_option(key, arg, state);
    }
}

/* ---- lock */

static void lock_check(const struct args *args, struct argp_state *state)
{
    hold_check(args, state);
    if (args->words_count + options.reads_count > HOLDS_MAX)
        argp_error(state, "at most %d at once", HOLDS_MAX);
    for (int i = 0; i < args->words_count; i++) {
        const char *permits = strchr(args->words[i], '=');
        if (permits != NULL)
            args_number(state, "the permits behind =", permits + 1, 1, INT64_C(1) << 62);
    }
}

/* What is to be had: the holds, and the arms that get them. */
struct locks {
    int count;
    struct hold holds[HOLDS_MAX];
    struct sluice_arm arms[HOLDS_MAX];
    char *names[HOLDS_MAX]; /* in front of =K; NULL: there is none */
};

/* NAME=K: permits of a semaphore. */
static int add_permits(sluice *s, struct hold *h, const char *permits, struct sluice_arm *ret)
{
    const struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_SEMAPHORE, SLUICE_KIND_NONE);
    h->kind = SLUICE_KIND_SEMAPHORE;
    h->what = "permit";
    enum sluice_status status = sync_open(s, h->name, &spec, &h->ref, NULL);
    *ret = sluice_arm_acquire(sluice_sem_of(h->ref), strtoull(permits, NULL, 10), hold_options.ttl_ns,
                              &h->grant);
    return fail(status, h->name);
}

static int add_lock(sluice *s, struct hold *h, struct sluice_arm *ret)
{
    const struct sync_spec spec =
        SYNC_SPEC_INIT(SLUICE_KIND_NONE, h->shared ? SLUICE_KIND_RWMUTEX : SLUICE_KIND_MUTEX);
    enum sluice_status status = sync_open(s, h->name, &spec, &h->ref, &h->kind);
    if (status != SLUICE_OK)
        return fail(status, h->name);
    if (h->kind == SLUICE_KIND_MUTEX && h->shared)
        return fail_text(
            EX_USAGE,
            "%s is a mutex, which cannot be shared: remove it and make it with: sluice make %s --rwmutex",
            h->name, h->name);
    if (h->kind == SLUICE_KIND_SEMAPHORE)
        return fail_text(EX_USAGE, "%s is a semaphore and no lock: for two permits of it write %s=2", h->name,
                         h->name);
    if (h->kind != SLUICE_KIND_MUTEX && h->kind != SLUICE_KIND_RWMUTEX)
        return fail_text(EX_USAGE, "%s is a %s and no lock", h->name, sluice_kind_name(h->kind));
    if (h->kind != SLUICE_KIND_MUTEX && options.value != NULL)
        return fail_text(EX_USAGE, "%s is a read-write lock, whose holder says nothing: no --value", h->name);
    *ret = sluice_arm_grant(h->shared ? SLUICE_VERB_RLOCK : SLUICE_VERB_LOCK, h->ref, hold_options.ttl_ns,
                            &h->grant);
    ret->value = options.value != NULL ? sluice_str(options.value) : sluice_none();
    return 0;
}

/* Opens one of them. 0, or the exit code. */
static int add(sluice *s, struct locks *l, const char *word, bool shared)
{
    int i = l->count++;
    struct hold *h = &l->holds[i];
    const char *permits = strchr(word, '=');
    *h = (struct hold){.name = word, .what = "lock", .shared = shared};
    if (i > 0)
        l->holds[i - 1].next = h;
    if (permits == NULL)
        return add_lock(s, h, &l->arms[i]);
    h->name = l->names[i] = strndup(word, (size_t)(permits - word));
    if (h->name == NULL)
        abort();
    return add_permits(s, h, permits + 1, &l->arms[i]);
}

static enum sluice_status acquire(const struct args *args, sluice *s, struct locks *l)
{
    struct sluice_wait wait = args_wait(args);
    int64_t ttl_ns = hold_options.ttl_ns;
    struct hold *h = &l->holds[0];
    if (l->count > 1 || h->kind == SLUICE_KIND_SEMAPHORE)
        return sluice_acquire_all(s, l->arms, (size_t)l->count, &wait);
    if (h->kind == SLUICE_KIND_MUTEX)
        return sluice_election_campaign(s, sluice_mutex_of(h->ref), l->arms[0].value, ttl_ns, &wait,
                                        &h->grant);
    return h->shared ? sluice_rwmutex_rlock(s, sluice_rwmutex_of(h->ref), ttl_ns, &wait, &h->grant)
                     : sluice_rwmutex_lock(s, sluice_rwmutex_of(h->ref), ttl_ns, &wait, &h->grant);
}

static int lock_run(struct args *args, sluice *s)
{
    static struct locks locks;
    int code = 0;
    for (int i = 0; i < args->words_count && code == 0; i++)
        code = add(s, &locks, args->words[i], options.shared);
    for (int i = 0; i < options.reads_count && code == 0; i++)
        code = add(s, &locks, options.reads[i], true);
    if (code == 0)
        code = fail(acquire(args, s, &locks), locks.count == 1 ? locks.holds[0].name : NULL);
    if (code == 0)
        code = hold_serve(args, s, &locks.holds[0]);
    for (int i = 0; i < locks.count; i++)
        free(locks.names[i]);
    return code;
}

static const struct argp_option lock_options[] = {
    {"shared", KEY_SHARED, NULL, 0, "For reading, together with other readers: makes a read-write lock", 1},
    {"read", KEY_READ, "NAME", 0, "Another lock, for reading, had in the same step", 1},
    {"value", KEY_VALUE, "TEXT", 0, "What `show` and `elect --observe` say of the holder", 1},
    HOLD_PID_OPTION,
    HOLD_COMMAND_OPTIONS,
    {0},
};

const struct verb verb_lock = {
    .name = "lock",
    .words = "NAME... [-- CMD [ARG...]]",
    .help = "Run a command, or keep a process, under a lock, or several",
    .text =
        "The lock is made on first use. Who waits gets it in order of arrival. On a read-write lock readers and writers take turns.\n\n"
        "Several locks are had in one step, all or none, whatever the order they are named in; NAME=K is K permits of a semaphore, --read NAME a lock for reading. SLUICE_TOKEN then has all tokens, in this order, with spaces between.\n\n" GUARANTEE
        "--hold-for-pid prints the token, for `unlock`; without a ttl the lock is held until that process dies.\n\n"
        "Exit code: the command's own, 128 + n when signal n ended it; 4, 124, 125 when the lock was not had in time; 75 when it was lost; 126, 127 when the command cannot be run.\n\n"
        "Examples:\n"
        "  sluice lock deploy --timeout 10s -- ./deploy.sh\n"
        "  sluice lock config --shared -- ./report.sh\n"
        "  sluice lock left right memory=4 -- ./move.sh\n"
        "  TOKEN=$(sluice lock deploy --hold-for-pid $$); ./deploy.sh; sluice unlock deploy $TOKEN",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_COMMAND | TAKES_JSON,
    .words_min = 1,
    .words_max = -1,
    .options = lock_options,
    .option = lock_option,
    .check = lock_check,
    .run = lock_run,
};

/* ---- sem */

static bool sem_option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case KEY_PERMITS:
        options.has_size = true;
        options.size = (uint64_t)args_number(state, "--permits", arg, 0, INT64_C(1) << 62);
        return true;
    case KEY_TAKE:
        options.take = (uint64_t)args_number(state, "--take", arg, 1, INT64_C(1) << 62);
        return true;
    default: return hold_option(key, arg, state);
    }
}

/* With --permits what is there must have as many; without, it is taken as it is. */
static enum sluice_status open_sem(sluice *s, struct hold *h)
{
    struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_SEMAPHORE, SLUICE_KIND_SEMAPHORE);
    struct sluice_make how = SLUICE_MAKE_INIT;
    spec.size = options.size;
    how.name = h->name;
    return options.has_size ? sync_make(s, &how, &spec, &h->ref)
                            : sync_open(s, h->name, &spec, &h->ref, NULL);
}

static int sem_run(struct args *args, sluice *s)
{
    struct hold h = {.name = args->words[0], .what = "permit", .kind = SLUICE_KIND_SEMAPHORE};
    struct sluice_wait wait = args_wait(args);
    enum sluice_status status = open_sem(s, &h);
    if (status == SLUICE_OK)
        status =
            sluice_sem_acquire(s, sluice_sem_of(h.ref), options.take, hold_options.ttl_ns, &wait, &h.grant);
    return status == SLUICE_OK ? hold_serve(args, s, &h) : fail(status, h.name);
}

static const struct argp_option sem_options[] = {
    {"permits", KEY_PERMITS, "N", 0,
     "The semaphore has N permits: it is made so, and another size is an error (default: as it is, or 1)", 1},
    {"take", KEY_TAKE, "K", 0, "Take K of them (default: 1)", 1},
    HOLD_PID_OPTION,
    HOLD_COMMAND_OPTIONS,
    {0},
};

const struct verb verb_sem = {
    .name = "sem",
    .words = "NAME [-- CMD [ARG...]]",
    .help = "Run a command, or keep a process, with a permit of a semaphore",
    .text =
        "As many commands run at once as there are permits; --take lets one count for several. Permits are given in order of arrival: while the oldest request does not fit, nobody behind it is served. "
        "The semaphore is made on first use. To take more permits than there are waits until something ends the wait.\n\n" GUARANTEE
        "--hold-for-pid prints the token, for `unlock`; without a ttl the permits are held until that process dies.\n\n"
        "Exit code: as for `lock`.\n\n"
        "Examples:\n"
        "  sluice sem build --permits 4 -- make\n"
        "  sluice sem memory --permits 16 --take 6 -- ./link.sh",
    .takes = TAKES_WAIT | TAKES_TRY | TAKES_COMMAND | TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .options = sem_options,
    .option = sem_option,
    .check = hold_check,
    .run = sem_run,
};

/* ---- unlock */

static uint64_t unlock_token;

static bool unlock_option(int key, char *arg, struct argp_state *state)
{
    (void)arg, (void)state;
    options.shared = options.shared || key == KEY_SHARED;
    return key == KEY_SHARED;
}

static void unlock_check(const struct args *args, struct argp_state *state)
{
    unlock_token = (uint64_t)args_number(state, "TOKEN", args->words[1], 1, INT64_MAX);
}

static int unlock_run(struct args *args, sluice *s)
{
    struct hold h = {.name = args->words[0], .shared = options.shared, .grant = {unlock_token, false}};
    const struct sync_spec spec = SYNC_SPEC_INIT(SLUICE_KIND_NONE, SLUICE_KIND_NONE);
    enum sluice_status status = sync_open(s, h.name, &spec, &h.ref, &h.kind);
    if (status != SLUICE_OK)
        return fail(status, h.name);
    status = hold_give_back(s, &h);
    if (status == SLUICE_WRONG_KIND)
        return fail_text(EX_USAGE, "%s is a %s: nothing of it is held by a token", h.name,
                         sluice_kind_name(h.kind));
    return fail(status, h.name);
}

static const struct argp_option unlock_options[] = {
    {"shared", KEY_SHARED, NULL, 0, "It was locked for reading", 1},
    {0},
};

const struct verb verb_unlock = {
    .name = "unlock",
    .words = "NAME TOKEN",
    .help = "Give back the lock, the permits or the place that a token holds",
    .text =
        "Whoever knows the token may do this, as in Go any goroutine may unlock. Exit code 75: the token is not, or no longer, the holder's. 64: it is not locked.\n\n"
        "Example:\n"
        "  TOKEN=$(sluice lock deploy --hold-for-pid $$); ./deploy.sh; sluice unlock deploy $TOKEN",
    .words_min = 2,
    .words_max = 2,
    .options = unlock_options,
    .option = unlock_option,
    .check = unlock_check,
    .run = unlock_run,
};

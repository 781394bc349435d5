/*
 * contend.c - one contender, one figure, of locks and limiters: what `run` compares.
 *
 *     contend pair sluice OPS           ns for lock and unlock, nobody else wants it
 *     contend pair flock FILE OPS       the same by flock(2) on a file that stays open
 *     contend pair redis SOCKET OPS     the same by SET NX PX and DEL
 *     contend crowd sluice COUNT        hand-offs a second: 64 processes that lock, unlock and lock again, until there were COUNT
 *     contend crowd flock FILE COUNT    the same by flock(2)
 *     contend crowd redis SOCKET COUNT  the same by a list with one token: BLPOP and RPUSH
 *     contend allow sluice OPS          ns to ask a token bucket, which allows
 *     contend allow redis SOCKET OPS    the same by a script that keeps a bucket in a hash
 *     contend allow window SOCKET OPS   the same by a script that INCRs a counter and lets it expire
 *
 * A hand-off is a lock that another process had before: who lets go and takes again before anybody else can has handed nothing on. Redis is
 * spoken to over a raw socket, a command at a time, with commands written down beforehand and scripts loaded.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "bench.h"

enum { CROWD = 64, WARM_UP = 100, REPLY_SIZE_MAX = 256 };

static const char *path; /* of the file, or of Redis's socket */
static int fd = -1;

/* ---- Ways to lock and to ask. Each is opened after the fork, in the process that uses it. ---- */

static sluice_mutex mutex;
static sluice_limiter limiter;
static struct sluice_grant grant;

static void sluice_open_lock(void)
{
    must(sluice_mutex_make(connection(), "bench-mutex", &mutex), "mutex");
}

static void sluice_lock(void)
{
    must(sluice_mutex_lock(connection(), mutex, 0, NULL, &grant), "lock");
}

static void sluice_unlock(void)
{
    must(sluice_mutex_unlock(connection(), mutex, grant.token), "unlock");
}

static void sluice_open_limiter(void)
{
    must(sluice_limiter_make(connection(), "bench-limiter", sluice_rate_per_second(1000000000), 1000000,
                             &limiter),
         "limiter");
}

static void sluice_allow(void)
{
    must(sluice_limiter_allow(connection(), limiter, "user:1", 1, NULL), "allow");
}

static void flock_open(void)
{
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        die(path);
}

static void flock_lock(void)
{
    if (flock(fd, LOCK_EX))
        die("flock");
}

static void flock_unlock(void)
{
    if (flock(fd, LOCK_UN))
        die("flock");
}

static void redis_open(void)
{
    fd = redis_connect(path);
}

/* A command, and the one reply that it has when all is well. */
static void redis_ask(const char *command, size_t size, const char *expected)
{
    char reply[REPLY_SIZE_MAX];
    size_t wanted = strlen(expected);
    write_all(fd, command, size);
    read_all(fd, reply, wanted);
    if (memcmp(reply, expected, wanted) != 0) {
        fprintf(stderr, "bench: Redis says %.*s\n", (int)wanted, reply);
        exit(1);
    }
}

static void redis_set(void)
{
    static const char command[] =
        "*6\r\n$3\r\nSET\r\n$5\r\nbench\r\n$8\r\n01234567\r\n$2\r\nNX\r\n$2\r\nPX\r\n$5\r\n30000\r\n";
    redis_ask(command, sizeof command - 1, "+OK\r\n");
}

static void redis_delete(void)
{
    static const char command[] = "*2\r\n$3\r\nDEL\r\n$5\r\nbench\r\n";
    redis_ask(command, sizeof command - 1, ":1\r\n");
}

static void redis_pop(void)
{
    static const char command[] = "*3\r\n$5\r\nBLPOP\r\n$11\r\nbench-token\r\n$1\r\n0\r\n";
    redis_ask(command, sizeof command - 1, "*2\r\n$11\r\nbench-token\r\n$1\r\nt\r\n");
}

static void redis_push(void)
{
    static const char command[] = "*3\r\n$5\r\nRPUSH\r\n$11\r\nbench-token\r\n$1\r\nt\r\n";
    redis_ask(command, sizeof command - 1, ":1\r\n");
}

/* The token lies there. What an earlier run left is gone. */
static void redis_open_token(void)
{
    static const char command[] = "*4\r\n$5\r\nLTRIM\r\n$11\r\nbench-token\r\n$1\r\n1\r\n$1\r\n0\r\n";
    redis_open();
    redis_ask(command, sizeof command - 1, "+OK\r\n");
    redis_push();
    close(fd);
}

/* ---- Redis's limiters ---- */

static const char bucket_script[] =
    "local t=redis.call('TIME') local now=t[1]*1000000+t[2] "
    "local h=redis.call('HMGET',KEYS[1],'tokens','at') local rate,burst=tonumber(ARGV[1]),tonumber(ARGV[2]) "
    "local n=math.min(burst,(tonumber(h[1]) or burst)+(now-(tonumber(h[2]) or now))*rate/1000000) "
    "local ok=0 if n>=1 then ok=1 n=n-1 end "
    "redis.call('HSET',KEYS[1],'tokens',n,'at',now) redis.call('PEXPIRE',KEYS[1],60000) return ok";
static const char window_script[] =
    "local n=redis.call('INCR',KEYS[1]) if n==1 then redis.call('PEXPIRE',KEYS[1],ARGV[2]) end "
    "if n<=tonumber(ARGV[1]) then return 1 end return 0";

static char script_command[REPLY_SIZE_MAX];
static size_t script_command_size;

/* Load the script and write down how it is called. */
static void redis_load(const char *script, const char *key)
{
    char text[2048], sha[64];
    int size = snprintf(text, sizeof text, "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$%zu\r\n%s\r\n",
                        strlen(script), script);
    redis_open();
    write_all(fd, text, (size_t)size);
    read_all(fd, text, 5 + 40 + 2); /* $40 and the name of the script */
    memcpy(sha, text + 5, 40);
    size = snprintf(script_command, sizeof script_command,
                    "*6\r\n$7\r\nEVALSHA\r\n$40\r\n%.40s\r\n$1\r\n1\r\n$%zu\r\n%s\r\n"
                    "$10\r\n1000000000\r\n$7\r\n1000000\r\n",
                    sha, strlen(key), key);
    script_command_size = (size_t)size;
}

static void redis_open_bucket(void)
{
    redis_load(bucket_script, "bench:bucket:user:1");
}

static void redis_open_window(void)
{
    redis_load(window_script, "bench:window:user:1");
}

static void redis_allow(void)
{
    redis_ask(script_command, script_command_size, ":1\r\n");
}

/* ---- Alone ---- */

static double each_ns(void (*open)(void), void (*first)(void), void (*second)(void), uint64_t n)
{
    int64_t start = 0;
    open();
    for (uint64_t i = 0; i < n + WARM_UP; i++) {
        if (i == WARM_UP)
            start = clock_now_ns();
        first();
        if (second)
            second();
    }
    return (double)(clock_now_ns() - start) / (double)n;
}

/* ---- In a crowd ---- */

struct page {
    _Atomic(uint64_t) handoffs;
    int64_t end_ns;
    pid_t last; /* guarded by the lock */
};

static void jostle(struct page *page, uint64_t count, void (*lock)(void), void (*unlock)(void))
{
    pid_t self = getpid();
    while (atomic_load(&page->handoffs) < count) {
        lock();
        if (page->last != self) {
            page->last = self;
            if (atomic_fetch_add(&page->handoffs, 1) + 1 == count)
                page->end_ns = clock_now_ns();
        }
        unlock();
    }
}

static double crowd_per_second(void (*open)(void), void (*lock)(void), void (*unlock)(void), uint64_t count)
{
    int ready[2], go[2], status;
    char bytes[CROWD] = {0};
    struct page *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || pipe(ready) || pipe(go))
        die("crowd");
    for (int i = 0; i < CROWD; i++) {
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid > 0)
            continue;
        open();
        write_all(ready[1], bytes, 1);
        read_all(go[0], bytes, 1);
        jostle(page, count, lock, unlock);
        _exit(0);
    }
    read_all(ready[0], bytes, CROWD);
    int64_t start = clock_now_ns();
    write_all(go[1], bytes, CROWD);
    for (int i = 0; i < CROWD; i++)
        if (wait(&status) < 0 || status != 0)
            exit(1);
    return (double)count * 1e9 / (double)(page->end_ns - start);
}

/* ---- Telling ---- */

static const struct {
    const char *what, *who;
    void (*open)(void), (*first)(void), (*second)(void);
} contenders[] = {
    {"pair", "sluice", sluice_open_lock, sluice_lock, sluice_unlock},
    {"pair", "flock", flock_open, flock_lock, flock_unlock},
    {"pair", "redis", redis_open, redis_set, redis_delete},
    {"crowd", "sluice", sluice_open_lock, sluice_lock, sluice_unlock},
    {"crowd", "flock", flock_open, flock_lock, flock_unlock},
    {"crowd", "redis", redis_open, redis_pop, redis_push},
    {"allow", "sluice", sluice_open_limiter, sluice_allow, NULL},
    {"allow", "redis", redis_open_bucket, redis_allow, NULL},
    {"allow", "window", redis_open_window, redis_allow, NULL},
};

int main(int argc, char **argv)
{
    const char *what = argc > 3 ? argv[1] : "", *who = argc > 3 ? argv[2] : "";
    uint64_t n = number(argc > 3 ? argv[argc - 1] : NULL);
    path = argc > 4 ? argv[3] : "";
    errno = 0;
    for (size_t i = 0; i < sizeof contenders / sizeof *contenders; i++) {
        if (strcmp(what, contenders[i].what) != 0 || strcmp(who, contenders[i].who) != 0 || n == 0)
            continue;
        if (strcmp(what, "crowd") == 0 && strcmp(who, "redis") == 0)
            redis_open_token();
        double figure =
            strcmp(what, "crowd") == 0
                ? crowd_per_second(contenders[i].open, contenders[i].first, contenders[i].second, n)
                : each_ns(contenders[i].open, contenders[i].first, contenders[i].second, n);
        printf("%.1f\n", figure);
        return 0;
    }
    fprintf(stderr, "bench: contend pair|crowd|allow CONTENDER [PATH] COUNT\n");
    return 64;
}

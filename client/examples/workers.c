/*
 * workers.c - jobs for several processes, none lost when a worker dies.
 *
 * The parent puts numbers into a channel, closes it, and forks workers. Each leases one number at a time, works on it, and acknowledges it. One
 * worker dies with a number in its hands: the daemon gives that number to another at once. The parent adds the results up.
 *
 *     workers [COUNT]     prints the sum of the squares of 1..COUNT
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice.h>

#define WORKERS 4

static void must(enum sluice_status status)
{
    if (status != SLUICE_OK)
        errx(sluice_exit_code(status), "%s", sluice_errmsg());
}

/* Until the jobs are closed and every one is finished. */
static void work(sluice *s, sluice_chan jobs, sluice_chan results, int die)
{
    struct sluice_item job;
    while (sluice_recv_lease(s, jobs, 30 * SLUICE_SECOND, NULL, &job) == SLUICE_OK) {
        if (die)
            _exit(1);
        int64_t n = job.value.integer;
        must(sluice_send(s, results, sluice_int(n * n), NULL));
        must(sluice_ack(s, &job.lease, 1, NULL));
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    int64_t count = argc > 1 ? atoll(argv[1]) : 100;
    char jobs_name[64], results_name[64];
    sluice *s;
    sluice_chan jobs, results;
    snprintf(jobs_name, sizeof jobs_name, "example/jobs-%d", getpid());
    snprintf(results_name, sizeof results_name, "example/results-%d", getpid());

    must(sluice_open(NULL, &s));
    struct sluice_make how = SLUICE_MAKE_INIT;
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    how.lifetime = SLUICE_EPHEMERAL; /* gone with this program, however it ends */
    spec.type = SLUICE_TYPE_INT64;
    spec.cap = count;
    how.name = jobs_name;
    must(sluice_chan_make_with(s, &how, &spec, &jobs, NULL));
    how.name = results_name;
    must(sluice_chan_make_with(s, &how, &spec, &results, NULL));
    for (int64_t n = 1; n <= count; n++)
        must(sluice_send(s, jobs, sluice_int(n), NULL));
    must(sluice_chan_close(s, jobs));

    /* A child has a connection of its own as soon as it calls: handles are the parent's, names are everybody's. */
    for (int i = 0; i < WORKERS; i++)
        if (fork() == 0)
            work(s, sluice_chan_named(jobs_name), sluice_chan_named(results_name), i == 0);

    int64_t sum = 0;
    for (int64_t n = 1; n <= count; n++) {
        struct sluice_item result;
        must(sluice_recv(s, results, NULL, &result));
        sum += result.value.integer;
    }
    while (wait(NULL) > 0)
        continue;
    printf("%lld\n", (long long)sum);
    sluice_close(s);
    return 0;
}

/*
 * event_loop.c - Sluice in a program with a loop of its own, and many calls in flight at once.
 *
 * The loop watches two descriptors: a timer of the program's own and the library's. Requests are started and never waited for; finished
 * ones are taken when the library's descriptor says that there are some. A hundred receivers are parked in the daemon meanwhile,
 * by one thread on one connection.
 */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <sluice.h>

#define RECEIVERS 100

static void must(enum sluice_status status)
{
    if (status != SLUICE_OK)
        errx(sluice_exit_code(status), "%s", sluice_errmsg());
}

/* Takes what is finished: how many receivers got their value. */
static int take_finished(sluice *s)
{
    int received = 0;
    sluice_future *f;
    while ((f = sluice_next_done(s)) != NULL) {
        int is_receiver = sluice_future_data(f) != NULL;
        struct sluice_result result;
        must(sluice_future_finish(f, &result));
        received += is_receiver;
        sluice_item_free(&result.item);
    }
    return received;
}

int main(void)
{
    sluice *s;
    sluice_chan channel;
    sluice_future *f;
    must(sluice_open(NULL, &s));
    must(sluice_chan_make(s, NULL, 0, &channel));
    for (int i = 0; i < RECEIVERS; i++) {
        must(sluice_recv_start(s, channel, 0, NULL, &f));
        sluice_future_set_data(f, &channel);
    }

    /* A value every millisecond. */
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec each_ms = {.it_interval = {.tv_nsec = 1000000}, .it_value = {.tv_nsec = 1000000}};
    if (timer < 0 || timerfd_settime(timer, 0, &each_ms, NULL) < 0)
        err(1, "timerfd");
    struct pollfd fds[] = {{.fd = timer, .events = POLLIN}, {.fd = sluice_fd(s), .events = POLLIN}};
    int received = 0;
    while (received < RECEIVERS) {
        sluice_flush(s);
        if (poll(fds, 2, -1) < 0)
            err(1, "poll");
        uint64_t ticks = 0;
        if (fds[0].revents != 0 && read(timer, &ticks, sizeof ticks) == (ssize_t)sizeof ticks)
            must(sluice_send_start(s, channel, sluice_str("tick"), NULL, &f));
        if (fds[1].revents != 0)
            must(sluice_process(s));
        received += take_finished(s);
    }
    printf("%d receivers, one thread\n", received);
    close(timer);
    sluice_close(s);
    return 0;
}

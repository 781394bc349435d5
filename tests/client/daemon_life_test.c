/*
 * daemon_life_test.c - the real daemon and the library over time: whose handles are whose, signals, forks, a daemon that is killed
 * and started again.
 *
 * The connection `s` of the group lives through all of it.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "served.h"

static struct served daemon_;
static sluice *s;

static int start(void **state)
{
    (void)state;
    daemon_ = served_start("daemon", NULL);
    s = served_open(&daemon_);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    sluice_close(s);
    served_end(&daemon_, SIGTERM);
    return 0;
}

static sluice_chan typed(enum sluice_type type)
{
    struct sluice_chan_spec spec = SLUICE_CHAN_SPEC_INIT;
    sluice_chan c;
    spec.cap = 100;
    spec.type = type;
    assert_status(sluice_chan_make_with(s, NULL, &spec, &c, NULL), SLUICE_OK);
    return c;
}

static void test_handles_belong(void **state)
{
    (void)state;
    sluice *other = served_open(&daemon_);
    sluice_chan c = typed(SLUICE_TYPE_INT64);
    assert_status(sluice_send(other, c, sluice_int(1), NULL), SLUICE_STALE);
    struct sluice_item item;
    assert_status(sluice_send(s, c, sluice_int(1), NULL), SLUICE_OK);
    assert_status(sluice_recv_lease(s, c, SLUICE_SECOND, NULL, &item), SLUICE_OK);
    assert_status(sluice_ack(other, &item.lease, 1, NULL), SLUICE_NOT_LEASED);
    assert_status(sluice_ack(s, &item.lease, 1, NULL), SLUICE_OK);
    sluice_close(other);
}

static volatile sig_atomic_t interrupts;
static sluice *interrupted;

static void on_alarm(int signal)
{
    (void)signal;
    interrupts++;
    sluice_interrupt(interrupted);
}

static void test_interrupt(void **state)
{
    (void)state;
    struct sluice_options o = options_for(daemon_.address);
    struct sigaction action = {.sa_handler = on_alarm};
    struct sluice_item item;
    o.interruptible = true;
    assert_status(sluice_open(&o, &interrupted), SLUICE_OK);
    sigaction(SIGALRM, &action, NULL);
    ualarm(20000, 0);
    assert_status(sluice_recv(interrupted, (sluice_chan)SLUICE_NIL, NULL, &item), SLUICE_CANCELED);
    assert_int_equal(interrupts, 1);
    sluice_interrupt_reset(interrupted);
    assert_status(sluice_ping(interrupted), SLUICE_OK);
    sluice_close(interrupted);
}

static void test_fork(void **state)
{
    (void)state;
    sluice_chan c;
    assert_status(sluice_chan_make(s, "fork", 1, &c), SLUICE_OK);
    pid_t child = fork();
    if (child == 0) {
        bool ok = sluice_send(s, c, sluice_str("stale"), NULL) == SLUICE_STALE &&
                  sluice_send(s, sluice_chan_named("fork"), sluice_str("hi"), NULL) == SLUICE_OK;
        _exit(ok ? 0 : 1);
    }
    struct sluice_item item;
    int status;
    assert_status(sluice_recv(s, c, NULL, &item), SLUICE_OK);
    assert_string_equal(item.value.bytes.data, "hi");
    sluice_item_free(&item);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The daemon is killed and started again: what waited is gone, what comes next goes on by itself. */
static void test_restart(void **state)
{
    (void)state;
    struct task t;
    sluice_chan c;
    struct sluice_item item;
    assert_status(sluice_chan_make(s, "old", 1, &c), SLUICE_OK);
    task_recv(&t, s, "old", -1);
    struct sluice_description *d = NULL;
    do {
        d = sluice_description_free(d);
        assert_status(sluice_describe(s, c.ref, &d), SLUICE_OK);
    } while (d->waiting == 0);
    sluice_description_free(d);
    served_end(&daemon_, SIGKILL);
    assert_status(task_join(&t), SLUICE_SESSION_GONE);
    assert_int_equal(sluice_exit_code(t.status), 69);
    served_again(&daemon_);
    assert_status(sluice_send(s, c, sluice_str("x"), NULL), SLUICE_STALE);
    assert_status(sluice_recv(s, sluice_chan_named("old"), NULL, &item), SLUICE_NOT_FOUND);
    assert_status(sluice_chan_make(s, "new", 1, &c), SLUICE_OK);
    assert_status(sluice_send(s, c, sluice_str("x"), NULL), SLUICE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handles_belong),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_restart),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

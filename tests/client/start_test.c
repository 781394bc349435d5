/*
 * start_test.c - finding a daemon, and starting one when there is none.
 *
 * Each case has a runtime folder of its own. Daemons that are started here are nobody's children; the test learns their pid from
 * themselves and ends them, waiting on a pidfd.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "served.h"

/* A fresh runtime folder, and an environment that says nothing else. */
static const char *fresh(const char *name)
{
    const char *folder = fake_path(name);
    if (access("/run/sluice/sluice.sock", F_OK) == 0)
        skip(); /* the system's daemon would be found */
    assert_int_equal(mkdir(folder, 0700), 0);
    setenv("XDG_RUNTIME_DIR", folder, 1);
    setenv("SLUICED", served_program(), 1);
    unsetenv("SLUICE_ADDR");
    unsetenv("SLUICE_AUTOSTART");
    return folder;
}

static int pid_of(sluice *s)
{
    struct sluice_daemon *d;
    assert_status(sluice_daemon_status(s, &d), SLUICE_OK);
    int pid = d->pid;
    sluice_daemon_free(d);
    return pid;
}

static void end(int pid, int signal)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_true(fd >= 0);
    assert_int_equal(kill(pid, signal), 0);
    assert_int_equal(poll(&p, 1, 10000), 1);
    close(fd);
}

static void test_start(void **state)
{
    (void)state;
    const char *folder = fresh("start");
    char path[200], target[200];
    struct stat st;
    struct sluice_session info;
    sluice *s;
    assert_status(sluice_open(NULL, &s), SLUICE_OK);
    sluice_session_get(s, &info);
    snprintf(path, sizeof path, "%s/sluice/sluice.sock", folder);
    assert_string_equal(info.address, path);
    snprintf(path, sizeof path, "%s/sluice", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    int pid = pid_of(s);
    /* Nobody's child, in a session of its own, with nothing of ours. */
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_not_equal(getsid(pid), getsid(0));
    for (int fd = 0; fd < 2; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        assert_true(n > 0);
        target[n] = '\0';
        assert_string_equal(target, "/dev/null");
    }
    /* A second client finds it there. */
    sluice *other;
    assert_status(sluice_open(NULL, &other), SLUICE_OK);
    assert_int_equal(pid_of(other), pid);
    sluice_close(other);
    /* When it dies, the next call starts another. */
    end(pid, SIGKILL);
    assert_status(sluice_ping(s), SLUICE_OK);
    int second = pid_of(s);
    assert_int_not_equal(second, pid);
    sluice_close(s);
    end(second, SIGTERM);
}

/* Many at once: one daemon. */
static void test_start_at_once(void **state)
{
    enum { COUNT = 8 };
    (void)state;
    fresh("at-once");
    int go[2], answers[2], pids[COUNT];
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(answers), 0);
    for (int i = 0; i < COUNT; i++) {
        if (fork() == 0) {
            char byte;
            sluice *s;
            close(go[1]);
            ssize_t n = read(go[0], &byte, 1);
            int pid = n == 0 && sluice_open(NULL, &s) == SLUICE_OK ? pid_of(s) : -1;
            _exit(write(answers[1], &pid, sizeof pid) == (ssize_t)sizeof pid ? 0 : 1);
        }
    }
    close(go[1]);
    close(go[0]);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(read(answers[0], &pids[i], sizeof pids[i]), sizeof pids[i]);
        assert_true(pids[i] > 0);
        assert_int_equal(pids[i], pids[0]);
    }
    while (wait(NULL) > 0)
        continue;
    close(answers[0]);
    close(answers[1]);
    end(pids[0], SIGTERM);
}

static void test_switched_off(void **state)
{
    (void)state;
    struct sluice_options o = SLUICE_OPTIONS_INIT;
    sluice *s;
    fresh("off");
    setenv("SLUICE_AUTOSTART", "0", 1);
    assert_status(sluice_open(NULL, &s), SLUICE_UNAVAILABLE);
    unsetenv("SLUICE_AUTOSTART");
    o.no_autostart = true;
    assert_status(sluice_open(&o, &s), SLUICE_UNAVAILABLE);
    assert_non_null(strstr(sluice_errmsg(), "sluice.sock"));
}

static void test_cannot_start(void **state)
{
    (void)state;
    sluice *s;
    const char *folder = fresh("cannot");
    setenv("SLUICED", "/bin/false", 1);
    assert_status(sluice_open(NULL, &s), SLUICE_UNAVAILABLE);
    assert_non_null(strstr(sluice_errmsg(), "left at once"));
    setenv("SLUICED", "/nothing/there", 1);
    assert_status(sluice_open(NULL, &s), SLUICE_UNAVAILABLE);
    assert_non_null(strstr(sluice_errmsg(), "SLUICED"));
    setenv("SLUICED", "/etc/passwd", 1);
    assert_status(sluice_open(NULL, &s), SLUICE_UNAVAILABLE);
    assert_non_null(strstr(sluice_errmsg(), "Permission denied"));
    /* A folder that others can write in is not trusted. */
    char path[200];
    snprintf(path, sizeof path, "%s/sluice", folder);
    assert_int_equal(chmod(path, 0777), 0);
    assert_status(sluice_open(NULL, &s), SLUICE_UNAVAILABLE);
    assert_non_null(strstr(sluice_errmsg(), "not a folder of this user alone"));
}

static void test_address(void **state)
{
    (void)state;
    const char *path = fake_path("addressed");
    char url[200];
    struct fake *f = fake_start(path, NULL, NULL);
    sluice *s;
    snprintf(url, sizeof url, "ipc://%s", path);
    setenv("SLUICE_ADDR", url, 1);
    assert_status(sluice_open(NULL, &s), SLUICE_OK);
    struct sluice_session info;
    sluice_session_get(s, &info);
    assert_string_equal(info.address, url);
    assert_string_equal(f->last_name, "start_test");
    sluice_close(s);
    fake_stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),        cmocka_unit_test(test_start_at_once),
        cmocka_unit_test(test_switched_off), cmocka_unit_test(test_cannot_start),
        cmocka_unit_test(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

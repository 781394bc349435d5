/*
 * bind_test.c - one daemon at a path, and nothing else harmed.
 *
 * Two daemons, a daemon and another program, what a killed one left, a file that is no socket, paths that are too long or just
 * long enough. After each test the folder has to be empty: nothing is left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "bind.h"

static char folder[64], path[96], why[256];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/sluice-bind-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/run/s.sock", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char sub[80];
    (void)snprintf(sub, sizeof(sub), "%s/run", folder);
    (void)rmdir(sub);
    assert_int_equal(rmdir(folder), 0); /* nothing is left */
    return 0;
}

static int try_open(struct bound *b, mode_t mode)
{
    struct bind_options options = {.path = path, .mode = mode, .gid = (gid_t)-1};
    return bound_open(b, &options, why, sizeof(why));
}

static void let_go(struct bound *b)
{
    int fd = b->fd;
    bound_close(b);
    close(fd);
}

static mode_t mode_of(const char *name)
{
    struct stat st;
    assert_int_equal(stat(name, &st), 0);
    return st.st_mode & 0777;
}

static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int r = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    close(fd);
    return r;
}

static void makes_folder_and_socket(void **state)
{
    (void)state;
    struct bound b;
    char sub[80];
    (void)snprintf(sub, sizeof(sub), "%s/run", folder);
    assert_int_equal(try_open(&b, 0600), 0);
    assert_int_equal(mode_of(sub), 0700);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(connect_to(path), 0);
    let_go(&b);
    assert_int_equal(connect_to(path), -ENOENT);
    assert_int_equal(rmdir(sub), 0);
    assert_int_equal(try_open(&b, 0660), 0);
    assert_int_equal(mode_of(sub), 0755);
    assert_int_equal(mode_of(path), 0660);
    let_go(&b);
}

static void second_is_refused(void **state)
{
    (void)state;
    struct bound a, b;
    assert_int_equal(try_open(&a, 0600), 0);
    assert_int_equal(try_open(&b, 0600), -EADDRINUSE);
    char text[160];
    (void)snprintf(text, sizeof(text), "another sluiced (pid %d) serves %s", (int)getpid(), path);
    assert_string_equal(why, text);
    assert_int_equal(connect_to(path), 0);
    let_go(&a);
    assert_int_equal(try_open(&b, 0600), 0);
    let_go(&b);
}

/* A socket that nobody listens on is left over; one that somebody does is theirs, lock or no lock. */
static void leftover_is_replaced(void **state)
{
    (void)state;
    struct bound a, b;
    assert_int_equal(try_open(&a, 0600), 0);
    close(a.lock_fd);
    assert_int_equal(try_open(&b, 0600), -EADDRINUSE);
    assert_non_null(strstr(why, "another program serves"));
    close(a.fd);
    assert_int_equal(try_open(&b, 0600), 0);
    assert_int_equal(connect_to(path), 0);
    let_go(&b);
}

static void file_is_not_harmed(void **state)
{
    (void)state;
    struct bound b;
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(try_open(&b, 0600), -ENOTSOCK);
    assert_non_null(strstr(why, "will not replace"));
    assert_int_equal(unlink(path), 0);
    char lock[128];
    (void)snprintf(lock, sizeof(lock), "%s.lock", path);
    (void)unlink(lock);
}

static void anothers_path_is_left(void **state)
{
    (void)state;
    struct bound a, b;
    assert_int_equal(try_open(&a, 0600), 0);
    assert_int_equal(unlink(path), 0);
    close(a.lock_fd);
    a.lock_fd = -1;
    assert_int_equal(try_open(&b, 0600), 0);
    bound_close(&a); /* leaves late */
    assert_int_equal(connect_to(path), 0);
    let_go(&b);
}

static void long_path_is_told(void **state)
{
    (void)state;
    struct bound b;
    char text[300];
    memset(text, 'x', sizeof(text));
    text[BIND_PATH_MAX + 1] = 0;
    struct bind_options options = {.path = text, .mode = 0600, .gid = (gid_t)-1};
    assert_int_equal(bound_open(&b, &options, why, sizeof(why)), -ENAMETOOLONG);
    assert_non_null(strstr(why, "107"));
}

/* The longest path that the system takes is taken. */
static void longest_path_is_good(void **state)
{
    (void)state;
    struct bound b;
    char text[BIND_PATH_MAX + 1];
    size_t size = (size_t)snprintf(text, sizeof(text), "%s/", folder);
    memset(text + size, 'x', BIND_PATH_MAX - size);
    text[BIND_PATH_MAX] = 0;
    struct bind_options options = {.path = text, .mode = 0600, .gid = (gid_t)-1};
    assert_int_equal(bound_open(&b, &options, why, sizeof(why)), 0);
    assert_int_equal(connect_to(text), 0);
    let_go(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_folder_and_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(second_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(leftover_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(file_is_not_harmed, setup, teardown),
        cmocka_unit_test_setup_teardown(anothers_path_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(long_path_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(longest_path_is_good, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

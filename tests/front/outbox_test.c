/*
 * outbox_test.c - bytes on their way out.
 *
 * The order of bytes whatever the socket takes at a time, and which frames were never wholly written: those are the replies that the
 * engine is told of when a connection ends.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "outbox.h"

struct pair {
    int ours, theirs;
    struct outbox box;
    struct outbox_pool pool;
};

static struct pair pair_open(void)
{
    struct pair p = {0};
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    p.ours = fds[0];
    p.theirs = fds[1];
    return p;
}

static void pair_close(struct pair *p)
{
    outbox_clear(&p->box, &p->pool);
    outbox_pool_clear(&p->pool);
    close(p->ours);
    close(p->theirs);
}

static void add(struct pair *p, uint32_t id, size_t body_size)
{
    uint8_t *room = outbox_reserve(&p->box, &p->pool, sp_header_size(0) + body_size);
    assert_non_null(room);
    sp_put_header(room, NULL, 0, SP_ID_BIT | id, body_size);
    memset(room + sp_header_size(0), (int)id, body_size);
}

/* The ids of the frames not wholly sent are first..last. */
static void want_unsent(const struct pair *p, uint32_t first, uint32_t last)
{
    struct sp_frame frame;
    size_t cursor = 0;
    for (uint32_t id = first; id <= last; id++) {
        assert_true(outbox_next_unsent(&p->box, &cursor, &frame));
        assert_int_equal(frame.id, SP_ID_BIT | id);
    }
    assert_false(outbox_next_unsent(&p->box, &cursor, &frame));
}

static void all_at_once(void **state)
{
    (void)state;
    struct pair p = pair_open();
    for (uint32_t id = 1; id <= 3; id++)
        add(&p, id, 100);
    want_unsent(&p, 1, 3);
    size_t size = outbox_size(&p.box);
    assert_int_equal(outbox_send(&p.box, &p.pool, p.ours), size);
    assert_null(p.box.data);
    assert_int_equal(p.pool.count, 1);
    want_unsent(&p, 1, 0);
    add(&p, 4, 100);
    assert_int_equal(p.pool.count, 0);
    pair_close(&p);
}

/* A reader that takes bits: every byte comes, in order, while more is added behind. */
static void bit_by_bit(void **state)
{
    (void)state;
    struct pair p = pair_open();
    uint8_t buf[70000];
    uint32_t added = 0, seen = 0;
    size_t inside = 0; /* bytes of frame seen+1 that have come */
    const size_t body_size = 5000, frame_size = body_size + sp_header_size(0);
    while (seen < 1000) {
        for (int i = 0; i < 20 && added < 1000; i++)
            add(&p, ++added, body_size);
        assert_true(outbox_size(&p.box) == 0 || outbox_send(&p.box, &p.pool, p.ours) >= 0);
        struct sp_frame frame;
        size_t cursor = 0;
        if (outbox_next_unsent(&p.box, &cursor, &frame))
            assert_true((frame.id & ~SP_ID_BIT) > seen);
        ssize_t n = recv(p.theirs, buf, (size_t)(rand() % (int)sizeof(buf)) + 1, MSG_DONTWAIT);
        for (ssize_t i = 0; i < n; i++) {
            if (inside >= sp_header_size(0))
                assert_int_equal(buf[i], (uint8_t)(seen + 1));
            inside = inside + 1 == frame_size ? 0 : inside + 1;
            seen += inside == 0;
        }
    }
    assert_int_equal(outbox_size(&p.box), 0);
    pair_close(&p);
}

static void partly_sent_is_unsent(void **state)
{
    (void)state;
    struct pair p = pair_open();
    const size_t body_size = 50000;
    for (uint32_t id = 1; id <= 20; id++)
        add(&p, id, body_size);
    int64_t sent = outbox_send(&p.box, &p.pool, p.ours);
    assert_true(sent > 0 && outbox_size(&p.box) > 0);
    want_unsent(&p, (uint32_t)((size_t)sent / (body_size + sp_header_size(0))) + 1, 20);
    pair_close(&p);
}

static void broken_pipe_is_told(void **state)
{
    (void)state;
    struct pair p = pair_open();
    add(&p, 1, 10);
    close(p.theirs);
    assert_int_equal(outbox_send(&p.box, &p.pool, p.ours), -EPIPE);
    want_unsent(&p, 1, 1);
    p.theirs = dup(p.ours);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_at_once),
        cmocka_unit_test(bit_by_bit),
        cmocka_unit_test(partly_sent_is_unsent),
        cmocka_unit_test(broken_pipe_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * stage.c - a daemon on a virtual clock and a connection to it. See stage.h.
 *
 * Both are of the process: a test executable has one of each. Children that are forked open connections of their own.
 */
#include "stage.h"

#include <signal.h>
#include <stdio.h>

struct served stage;
sluice *s;

int stage_start(void **state)
{
    static const char *const options[] = {"--virtual-clock", NULL};
    (void)state;
    stage = served_start("stage", options);
    s = served_open(&stage);
    return 0;
}

int stage_stop(void **state)
{
    (void)state;
    s = sluice_close(s);
    served_end(&stage, SIGTERM);
    return 0;
}

sluice_future *parked(enum sluice_status started, sluice_future **f)
{
    assert_status(started, SLUICE_OK);
    sluice_flush(s);
    assert_status(sluice_ping(s), SLUICE_OK);
    assert_false(sluice_future_done(*f));
    return *f;
}

struct sluice_result finished(sluice_future *f)
{
    struct sluice_result r;
    if (sluice_future_finish(f, &r) != SLUICE_OK)
        fail_msg("%s", sluice_errmsg());
    return r;
}

struct sluice_grant granted(sluice_future *f)
{
    struct sluice_result r = finished(f);
    assert_true(r.grant.token != 0);
    return r.grant;
}

void advance(int64_t duration_ns)
{
    assert_status(sluice_clock_advance(s, duration_ns, false, NULL), SLUICE_OK);
}

int64_t daemon_now_ns(void)
{
    struct sluice_clock clock;
    assert_status(sluice_clock_read(s, &clock), SLUICE_OK);
    return clock.now_ns;
}

sluice_mutex mutex_of(const char *name)
{
    sluice_mutex m;
    assert_status(sluice_mutex_make(s, name, &m), SLUICE_OK);
    return m;
}

struct sluice_grant locked(sluice_mutex m)
{
    struct sluice_grant g;
    assert_status(sluice_mutex_lock(s, m, 0, NULL, &g), SLUICE_OK);
    assert_true(g.token != 0);
    return g;
}

const char *text_of(struct sluice_item *item)
{
    static char text[256];
    text[0] = '\0';
    if (item->value.type != SLUICE_TYPE_NONE)
        snprintf(text, sizeof text, "%s", (const char *)item->value.bytes.data);
    sluice_item_free(item);
    return text;
}

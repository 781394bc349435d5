/*
 * decode_daemon.c - opening a session, and the questions that have a form of their own: listings, dumps, the clock.
 *
 * A page's size is a wish: 0, and more than a page may have, count as a whole page. A version that differs in its first number is refused here,
 * before anything is looked at that may have changed its meaning.
 */
#include <stdio.h>
#include <string.h>

#include "codec.h"

/* A duration without a sign; what does not fit is the longest there is. */
static int64_t saturate(uint64_t duration_ns)
{
    return duration_ns > INT64_MAX ? INT64_MAX : (int64_t)duration_ns;
}

static bool refuse_version(struct decode *d, const Sluice__V1__Hello *m)
{
    struct wire *w = d->w;
    snprintf(w->message, sizeof(w->message),
             "protocol versions differ: the client speaks %u.%u, this daemon %u.%u", m->major, m->minor,
             WIRE_MAJOR, WIRE_MINOR);
    return refuse(d, STATUS_BAD_VERSION, w->message);
}

bool decode_hello(struct decode *d, const Sluice__V1__Hello *m, struct wire_request *ret)
{
    struct hello_op *hello = &ret->op.hello;
    ret->hello_major = m->major;
    ret->hello_minor = m->minor;
    if (m->major != WIRE_MAJOR)
        return refuse_version(d, m);
    hello->anonymous = !m->has_session;
    if (m->has_session) {
        if (m->session.len != SESSION_ID_SIZE)
            return refuse(d, STATUS_INVALID, "a session's id has 16 bytes");
        memcpy(hello->id, m->session.data, SESSION_ID_SIZE);
    }
    hello->resume_ns = saturate(m->resume_window_ns);
    hello->lease_ns = saturate(m->lease_ns);
    hello->tasks = m->tasks;
    hello->within = m->within;
    hello->name = borrow(&m->name);
    return check_size(d, m->name.len, SESSION_NAME_MAX, "session_name_max");
}

static uint32_t page_rows(uint32_t max)
{
    return max == 0 || max > LIST_PAGE_MAX ? LIST_PAGE_MAX : max;
}

bool decode_list(struct decode *d, const Sluice__V1__List *m, struct wire_request *ret)
{
    ret->list.prefix = borrow(&m->prefix);
    ret->list.after = m->after;
    ret->list.max = page_rows(m->max);
    ret->list.anonymous = m->anonymous;
    return !m->has_kind || decode_kind(d, m->kind, &ret->list.kind);
}

bool decode_dump(struct decode *d, const Sluice__V1__Dump *m, struct wire_request *ret)
{
    (void)d;
    ret->dump.after = m->after;
    ret->dump.max = page_rows(m->max);
    return true;
}

bool decode_clock(struct decode *d, const Sluice__V1__Clock *m, struct wire_request *ret)
{
    if (m->has_advance_ns + m->has_until_ns + (m->next_deadline ? 1 : 0) > 1)
        return refuse(d, STATUS_INVALID,
                      "the clock moves by a duration, to an instant or to the next deadline: give one");
    if (m->has_advance_ns && m->advance_ns < 0)
        return refuse(d, STATUS_INVALID, "the clock does not go back");
    ret->clock.has_advance = m->has_advance_ns;
    ret->clock.advance_ns = m->advance_ns;
    ret->clock.has_until = m->has_until_ns;
    ret->clock.until_ns = m->until_ns;
    ret->clock.next_deadline = m->next_deadline;
    ret->clock.settle = m->settle;
    ret->clock.moves = m->has_advance_ns || m->has_until_ns || m->next_deadline;
    return true;
}

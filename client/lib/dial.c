/*
 * dial.c - finding the daemon.
 *
 * An address that was given is the only one. Without one the user's daemon comes first, then the system's; then a daemon is started
 * for the user, unless that is switched off. What the search has found is kept: a connection that breaks goes back to the same place,
 * and there a daemon may be started again.
 *
 * Not everything that fails is tried again. A full backlog (EAGAIN) always is. A daemon that is not there (ENOENT, ECONNREFUSED) is
 * waited for when it was there before, when we are starting one, or when the caller gave a time for connecting; else the caller
 * learns at once that nobody is there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "place.h"

static int give_up(struct dialed *d, enum sluice_status status, int error)
{
    d->fatal = status;
    return error;
}

/* Connects to one address. */
static int try_one(const char *address, bool searched, struct dialed *d)
{
    const char *rest = NULL;
    const struct transport_ops *ops = transport_for(address, &rest);
    if (ops == NULL) {
        int error = -errno;
        const char *text = error == -ENOENT   ? "the module for remote addresses is not installed"
                           : error == -ECHILD ? "remote addresses cannot be used in the child of a fork"
                                              : "no such kind of address";
        snprintf(d->why, sizeof d->why, "%s: %s", address, text);
        return give_up(d, error == -EPROTONOSUPPORT ? SLUICE_INVALID : SLUICE_UNAVAILABLE, error);
    }
    int r = ops->open(rest, &d->transport);
    if (r < 0) {
        snprintf(d->why, sizeof d->why, "no sluiced at %s: %s", address, strerrordesc_np(-r));
        if (r == -EACCES || r == -EPERM)
            return give_up(d, SLUICE_NOT_PERMITTED, r);
        if (r == -ENAMETOOLONG || r == -EINVAL)
            return give_up(d, SLUICE_INVALID, r);
        return r;
    }
    char *copy = strdup(address);
    if (copy == NULL) {
        ops->close(d->transport);
        d->transport = NULL;
        return -ENOMEM;
    }
    d->ops = ops;
    d->address = copy;
    d->searched = searched;
    return 0;
}

/* Starts a daemon at this socket, step by step. */
static int try_start(sluice *s, const char *socket, struct dialed *d)
{
    int r = start_daemon(&s->start, socket, d->why, sizeof d->why);
    if (r == -EALREADY) {
        char why[WHY_SIZE];
        memcpy(why, d->why, sizeof why);
        if (try_one(socket, true, d) == 0)
            return 0;
        d->fatal = SLUICE_OK;
        memcpy(d->why, why, sizeof why);
        r = start_daemon(&s->start, socket, d->why, sizeof d->why);
    }
    return r == -EAGAIN ? r : give_up(d, SLUICE_UNAVAILABLE, r);
}

static int search(sluice *s, struct dialed *d)
{
    char user[PLACE_PATH_SIZE];
    const char *found = s->address;
    int r = found != NULL ? 0 : place_user_socket(user);
    if (r < 0)
        return give_up(d, SLUICE_UNAVAILABLE, r);
    const char *first = found != NULL ? found : user;
    if (found != NULL || place_is_ours(user)) {
        r = try_one(first, true, d);
        if (r == 0 || r == -EAGAIN)
            return r;
    }
    if (found == NULL) {
        d->fatal = SLUICE_OK;
        r = try_one(PLACE_SYSTEM_SOCKET, true, d);
        if (r == 0 || r == -EAGAIN)
            return r;
    }
    bool may_start = s->autostart && strcmp(first, PLACE_SYSTEM_SOCKET) != 0;
    if (!may_start) {
        if (found == NULL && d->fatal == SLUICE_OK)
            snprintf(d->why, sizeof d->why, "no sluiced at %.200s nor at %s", first, PLACE_SYSTEM_SOCKET);
        return r;
    }
    d->fatal = SLUICE_OK;
    return try_start(s, first, d);
}

int dial(sluice *s, struct dialed *ret)
{
    *ret = (struct dialed){.fatal = SLUICE_OK};
    int r = s->address != NULL && !s->searched ? try_one(s->address, false, ret) : search(s, ret);
    bool absent = r == -ENOENT || r == -ECONNREFUSED;
    bool was_there = s->server != NULL;
    if (absent && !was_there && !s->connect_timeout_given)
        ret->fatal = SLUICE_UNAVAILABLE;
    return r;
}

void dial_done(sluice *s)
{
    start_done(&s->start);
}

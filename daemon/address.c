/*
 * address.c - see address.h.
 *
 * Addresses are opened in order and all or none: the first that fails ends the start, and what was opened before it is given back.
 * Only the paths that we bound ourselves are unlinked at the end; a socket that systemd handed over stays its own.
 */
#include "address.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listen_fds.h"

enum { REMOTE_REQUESTS_MAX = 65536 };

#define MODULE_NAME "sluiced-remote.so"

/* What opening an address needs to know. */
struct opening {
    struct addresses *as;
    const struct config *config;
    struct front *front;
    struct ipc *ipc;
    uint64_t frame_size_max;
    char *why;
    size_t why_size;
};

static int fail(const struct opening *o, int error, const char *what, const char *which)
{
    (void)snprintf(o->why, o->why_size, "%s: %s", which, what);
    return -error;
}

static bool has_room(const struct opening *o)
{
    return o->as->names_count < ADDRESSES_MAX;
}

static void add_name(struct addresses *as, const char *scheme, const char *rest)
{
    char *text = as->texts[as->names_count];
    (void)snprintf(text, ADDRESS_SIZE, "%s%s", scheme, rest);
    as->names[as->names_count++] = text;
}

static int add_listener(const struct opening *o, int fd, const char *path)
{
    int r = ipc_listen(o->ipc, fd);
    if (r < 0)
        return fail(o, -r, strerror(-r), path);
    add_name(o->as, "ipc://", path);
    if (!o->as->probe_path[0])
        (void)snprintf(o->as->probe_path, sizeof(o->as->probe_path), "%s", path);
    return 0;
}

static int open_inherited(const struct opening *o)
{
    struct listen_fd fds[LISTEN_FDS_MAX];
    int count = listen_fds_take(fds, LISTEN_FDS_MAX);
    if (count < 0)
        return fail(o, -count, "only listening unix stream sockets with a path are taken",
                    "a socket of LISTEN_FDS");
    for (int i = 0; i < count; i++) {
        int r = has_room(o) ? add_listener(o, fds[i].fd, fds[i].path)
                            : fail(o, E2BIG, "too many addresses", fds[i].path);
        if (r < 0)
            return r;
    }
    return count;
}

static int find_group(const struct opening *o, gid_t *ret)
{
    *ret = (gid_t)-1;
    if (!o->config->group)
        return 0;
    struct group entry, *found = NULL;
    char text[16384];
    int error = getgrnam_r(o->config->group, &entry, text, sizeof(text), &found);
    if (!found)
        return fail(o, error ? error : ENOENT, "no such group", o->config->group);
    *ret = entry.gr_gid;
    return 0;
}

static int open_path(const struct opening *o, const char *path)
{
    struct bind_options options = {.path = path, .mode = (mode_t)o->config->mode};
    if (!has_room(o))
        return fail(o, E2BIG, "too many addresses", path);
    int r = find_group(o, &options.gid);
    if (r < 0)
        return r;
    struct bound *b = &o->as->bounds[o->as->bounds_count];
    r = bound_open(b, &options, o->why, o->why_size);
    if (r < 0)
        return r;
    o->as->bounds_count++;
    return add_listener(o, b->fd, path);
}

static int open_usual(const struct opening *o)
{
    char path[4096];
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    (void)snprintf(path, sizeof(path), "%s/sluice/sluice.sock", runtime && *runtime ? runtime : "/run");
    return open_path(o, path);
}

/* The module stands beside the executable, as in a build tree, or where it was installed. */
static const struct remote_module *load_module(const struct opening *o)
{
    char file[4096 + sizeof(MODULE_NAME) + 1];
    ssize_t size = readlink("/proc/self/exe", file, 4096);
    while (size > 0 && file[size - 1] != '/')
        size--;
    if (size > 0)
        memcpy(file + size, MODULE_NAME, sizeof(MODULE_NAME));
    if (size <= 0 || access(file, R_OK) < 0)
        (void)snprintf(file, sizeof(file), "%s/%s", SLUICE_MODULE_DIR, MODULE_NAME);
    return far_load(file, o->why, o->why_size);
}

static int open_url(const struct opening *o, const char *url)
{
    static const char ipc[] = "ipc://";
    if (strncmp(url, ipc, sizeof(ipc) - 1) == 0)
        return open_path(o, url + sizeof(ipc) - 1);
    if (!has_room(o))
        return fail(o, E2BIG, "too many addresses", url);
    const struct remote_module *api = load_module(o);
    if (!api)
        return -ELIBACC;
    struct remote_options options = {
        .url = url,
        .size_max = o->frame_size_max,
        .requests_max = REMOTE_REQUESTS_MAX,
        .tls_cert = o->config->tls_cert,
        .tls_key = o->config->tls_key,
    };
    int r = far_open(&o->as->fars[o->as->fars_count], o->front, api, &options,
                     (uint32_t)o->config->connections_max, o->why, o->why_size);
    if (r < 0)
        return r;
    o->as->fars_count++;
    add_name(o->as, url, "");
    return 0;
}

static int open_all(const struct opening *o)
{
    int inherited = open_inherited(o);
    int r = inherited;
    if (r >= 0 && o->config->socket)
        r = open_path(o, o->config->socket);
    else if (inherited == 0)
        r = open_usual(o);
    for (size_t i = 0; r >= 0 && i < o->config->listen.count; i++)
        r = open_url(o, o->config->listen.items[i]);
    return r < 0 ? r : 0;
}

int addresses_open(struct addresses *as, const struct config *config, struct front *f, struct ipc *ipc,
                   uint64_t frame_size_max, char *why, size_t why_size)
{
    *as = (struct addresses){0};
    const struct opening o = {as, config, f, ipc, frame_size_max, why, why_size};
    int r = open_all(&o);
    if (r < 0)
        addresses_close(as, ipc);
    return r;
}

void addresses_close(struct addresses *as, struct ipc *ipc)
{
    while (as->bounds_count > 0)
        bound_close(&as->bounds[--as->bounds_count]);
    ipc_close_listeners(ipc);
    for (uint32_t i = 0; i < as->fars_count; i++)
        far_stop(as->fars[i]);
}

void addresses_done(struct addresses *as)
{
    while (as->fars_count > 0)
        (void)far_free(as->fars[--as->fars_count]);
}

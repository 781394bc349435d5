/*
 * listen_fds.c - see listen_fds.h.
 *
 * The environment variables are taken away with the sockets, so that nothing started later takes them for its own. A socket without a
 * path (abstract, or unnamed) is refused: clients could not be told of it, nor could the watchdog reach it.
 */
#include "listen_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

static int take(int fd, struct listen_fd *ret)
{
    int r = sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0);
    if (r <= 0)
        return r < 0 ? r : -EPROTOTYPE;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    struct sockaddr_un address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    if (!address.sun_path[0])
        return -EPROTOTYPE;
    *ret = (struct listen_fd){.fd = fd};
    memcpy(ret->path, address.sun_path, sizeof(ret->path) - 1);
    return 0;
}

int listen_fds_take(struct listen_fd *ret, size_t max)
{
    int count = sd_listen_fds(1);
    if (count < 0)
        return count;
    if ((size_t)count > max)
        return -E2BIG;
    for (int i = 0; i < count; i++) {
        int r = take(SD_LISTEN_FDS_START + i, &ret[i]);
        if (r < 0)
            return r;
    }
    return count;
}

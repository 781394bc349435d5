/*
 * address.h - where the daemon is reached.
 *
 * In this order: the sockets that systemd handed over; the socket of the configuration or, when neither of these is there, the usual one
 * ($XDG_RUNTIME_DIR/sluice/sluice.sock for a user's own daemon, /run/sluice/sluice.sock for the system's); then every `listen` URL. ipc:// URLs are
 * unix sockets like the first; the libnng module is loaded for any other.
 */
#ifndef DAEMON_ADDRESS_H
#define DAEMON_ADDRESS_H

#include "bind.h"
#include "config.h"
#include "far.h"
#include "ipc.h"

enum { ADDRESSES_MAX = 16, ADDRESS_SIZE = 256 };

struct addresses {
    struct bound bounds[ADDRESSES_MAX];
    struct far *fars[ADDRESSES_MAX];
    char texts[ADDRESSES_MAX][ADDRESS_SIZE];
    const char *names[ADDRESSES_MAX + 1]; /* of texts, NULL-terminated */
    char probe_path[BIND_PATH_MAX + 1];   /* a unix socket of ours */
    uint32_t bounds_count, fars_count, names_count;
};

/* Serve them all. -errno, and one line in why; then nothing is served. */
int addresses_open(struct addresses *as, const struct config *config, struct front *f, struct ipc *ipc,
                   uint64_t frame_size_max, char *why, size_t why_size);
/* Let nobody in any more: unlink our paths, let go of their locks. The ipc's listeners are closed too. */
void addresses_close(struct addresses *as, struct ipc *ipc);
/* Hang up every remote peer. */
void addresses_done(struct addresses *as);

#endif

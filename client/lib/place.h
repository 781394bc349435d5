/*
 * place.h - where things are: the daemon's socket, the daemon's executable, what stands beside us.
 *
 * Nothing here connects or starts anything; the answers are paths, in buffers of PLACE_PATH_SIZE bytes, written on success only.
 */
#ifndef SLUICE_PLACE_H
#define SLUICE_PLACE_H

#include <limits.h>
#include <stdbool.h>

#define PLACE_PATH_SIZE PATH_MAX

/* The path of an existing file that stands beside this executable, the library, or $SLUICED. 0, or -ENOENT. path has
 * PLACE_PATH_SIZE bytes; written on success only. */
int place_beside(const char *file, char *path);

/* Where the user's daemon has its socket: $XDG_RUNTIME_DIR/sluice/sluice.sock; without that variable in /run/user/UID, and without that
 * folder in /tmp/sluice-UID. 0 or -ENAMETOOLONG. */
int place_user_socket(char *path);

/* The folder of this path is a folder of this user in which nobody else can write. */
bool place_is_ours(const char *path);

/* The system daemon's socket. */
#define PLACE_SYSTEM_SOCKET "/run/sluice/sluice.sock"

/* The daemon's executable: $SLUICED, else beside us, else on PATH. 0 or -ENOENT. */
int place_daemon(char *path);

#endif

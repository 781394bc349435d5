/*
 * place.c - where things are.
 *
 * A build tree works without being installed: what stands beside the running executable is taken before what is installed.
 * Who says with SLUICED which daemon to use gets what stands beside that one, too.
 * "Beside" is the very folder of /proc/self/exe, or of the file the library was loaded from: never one above it, which might be
 * a folder that anybody can write.
 */
#include "place.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The file of that name in the folder that `neighbour` stands in. */
static int look(const char *neighbour, const char *file, char *path)
{
    const char *slash = strrchr(neighbour, '/');
    char found[PLACE_PATH_SIZE];
    if (slash == NULL)
        return -ENOENT;
    int n = snprintf(found, sizeof found, "%.*s/%s", (int)(slash - neighbour), neighbour, file);
    if (n >= (int)sizeof found || !is_file(found))
        return -ENOENT;
    memcpy(path, found, (size_t)n + 1);
    return 0;
}

int place_beside(const char *file, char *path)
{
    char self[PLACE_PATH_SIZE];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        if (look(self, file, path) == 0)
            return 0;
    }
    static const char here;
    Dl_info info;
    if (dladdr(&here, &info) != 0 && info.dli_fname != NULL && realpath(info.dli_fname, self) != NULL &&
        look(self, file, path) == 0)
        return 0;
    const char *daemon = secure_getenv("SLUICED");
    return daemon != NULL ? look(daemon, file, path) : -ENOENT;
}

int place_user_socket(char *path)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    char own[64];
    struct stat st;
    if (folder == NULL || folder[0] != '/') {
        snprintf(own, sizeof own, "/run/user/%u", getuid());
        folder = own;
        if (lstat(own, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != getuid()) {
            snprintf(path, PLACE_PATH_SIZE, "/tmp/sluice-%u/sluice.sock", getuid());
            return 0;
        }
    }
    return snprintf(path, PLACE_PATH_SIZE, "%s/sluice/sluice.sock", folder) < PLACE_PATH_SIZE ? 0
                                                                                              : -ENAMETOOLONG;
}

static int on_path(const char *file, char *path)
{
    const char *from = getenv("PATH");
    char found[PLACE_PATH_SIZE];
    while (from != NULL && *from != '\0') {
        size_t size = strcspn(from, ":");
        int n = snprintf(found, sizeof found, "%.*s/%s", (int)size, from, file);
        if (size > 0 && n < (int)sizeof found && access(found, X_OK) == 0 && is_file(found)) {
            memcpy(path, found, (size_t)n + 1);
            return 0;
        }
        from += size + (from[size] == ':');
    }
    return -ENOENT;
}

int place_daemon(char *path)
{
    const char *given = secure_getenv("SLUICED");
    if (given != NULL && given[0] != '\0')
        return snprintf(path, PLACE_PATH_SIZE, "%s", given) < PLACE_PATH_SIZE ? 0 : -ENAMETOOLONG;
    if (place_beside("sluiced", path) == 0)
        return 0;
    return on_path("sluiced", path);
}

bool place_is_ours(const char *path)
{
    char folder[PLACE_PATH_SIZE];
    const char *slash = strrchr(path, '/');
    struct stat st;
    if (slash == NULL || slash == path || slash - path >= PLACE_PATH_SIZE)
        return false;
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return lstat(folder, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() && (st.st_mode & 022) == 0;
}

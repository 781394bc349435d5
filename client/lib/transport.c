/*
 * transport.c - which transport serves an address, and the loading of the module for remote ones.
 *
 * The module is looked for beside us, as in a build tree, and then where it is installed. Once loaded it stays: libnng
 * has threads, and code under running threads is not unloaded.
 */
#include "transport.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "place.h"

#define MODULE_FILE "sluice-nng.so"

static pthread_once_t module_once = PTHREAD_ONCE_INIT;
static void *module; /* stays open: libnng's threads run in it */
static const struct transport_ops *module_ops;
static bool module_forked; /* this process is a child of one that had the module's threads */

void transport_forked(void)
{
    module_forked = module_ops != NULL;
}

static void module_load(void)
{
    char path[PLACE_PATH_SIZE];
    if (place_beside(MODULE_FILE, path) == 0)
        module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL &&
        snprintf(path, sizeof path, "%s/%s", SLUICE_MODULE_DIR, MODULE_FILE) < (int)sizeof path)
        module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module != NULL)
        module_ops = dlsym(module, TRANSPORT_MODULE_SYMBOL);
}

static const char *after(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

const struct transport_ops *transport_for(const char *address, const char **ret_address)
{
    const char *path = after(address, "ipc://");
    if (path == NULL)
        path = after(address, "unix://");
    if (path == NULL && strstr(address, "://") == NULL)
        path = address;
    if (path != NULL) {
        *ret_address = path;
        return &transport_unix;
    }
    static const char *const remote[] = {"tcp", "tls+tcp", "ws", "wss"};
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++) {
        const char *rest = after(address, remote[i]);
        if (rest == NULL ||
            (after(rest, "://") == NULL && after(rest, "4://") == NULL && after(rest, "6://") == NULL))
            continue;
        pthread_once(&module_once, module_load);
        if (module_ops == NULL || module_forked) {
            errno = module_ops == NULL ? ENOENT : ECHILD;
            return NULL;
        }
        *ret_address = address;
        return module_ops;
    }
    errno = EPROTONOSUPPORT;
    return NULL;
}
